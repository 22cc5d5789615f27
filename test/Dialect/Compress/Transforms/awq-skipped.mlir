// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"channels": 2, "sum_abs": [1, 1], "sum_squares": [1, 1]}, "range:input": {"min": [0, 0], "max": [1, 1]}, "wide:input": {"channels": 3, "sum_abs": [1, 1, 1], "sum_squares": [1, 1, 1]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-awq='format=int8 clip=false' --remarks-filter=awq --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-awq | FileCheck %s
// RUN: not compress-opt %s --split-input-file --compress-awq=format=int5 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: error: {{.*}}int5

// CHECK-NOT: {{scaled|clipped}}
compress.weight private @g : tensor<2xf32> = dense<1.0>
compress.weight private @w : tensor<1x2xf32> = dense<[[1.0, 0.5]]>
// CHECK-LABEL: func.func @equal_inputs
func.func @equal_inputs(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %g = compress.load @g : tensor<2xf32>
  %w = compress.load @w : tensor<1x2xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{the activation of "fc" is not scaled: no scale is better than none}}
  %y = compress.linear nk %n, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @g : tensor<2xf32> = dense<1.0>
compress.weight private @w : tensor<1x2xf32> = dense<[[1.0, 0.5]]>
// CHECK-LABEL: func.func @statistics
func.func @statistics(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %g = compress.load @g : tensor<2xf32>
  %w = compress.load @w : tensor<1x2xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{the activation of "unseen" is not scaled: "unseen": its activation is not in the statistics}}
  %0 = compress.linear nk %n, %w {name = "unseen"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %0 : tensor<?x1xf32>
}

// -----

compress.weight private @g : tensor<2xf32> = dense<1.0>
compress.weight private @w : tensor<1x2xf32> = dense<[[1.0, 0.5]]>
compress.weight private @v : tensor<1x2xf32> = dense<[[1.0, 0.5]]>
// CHECK-LABEL: func.func @contents
func.func @contents(%x: tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %g = compress.load @g : tensor<2xf32>
  %w = compress.load @w : tensor<1x2xf32>
  %v = compress.load @v : tensor<1x2xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{"range": the statistics have no magnitudes, or neither a Gram matrix nor sums of squares}}
  %0 = compress.linear nk %n, %w {name = "range"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %m = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{"wide": the statistics have 3 channels instead of 2}}
  %1 = compress.linear nk %m, %v {name = "wide"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}
