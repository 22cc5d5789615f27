// RUN: %python %S/Inputs/make-statistics.py %t.st '{"fc:input": {"min": [-16, -1], "max": [4, 1]}, "wide:input": {"min": [-16, -1], "max": [4, 1]}}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-smooth --remarks-filter=smooth --verify-diagnostics | FileCheck %s
// RUN: not compress-opt %s --split-input-file --compress-smooth=alpha=1.5 2>&1 | FileCheck %s --check-prefix=ALPHA
// ALPHA: error: alpha has to be at most 1, got 1.500000e+00

// CHECK: compress.weight private @w : tensor<1x2xf32> = dense<1.000000e+00>
// CHECK-NOT: scaled
compress.weight private @w : tensor<1x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @input
func.func @input(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x2xf32>
  // expected-remark@+1 {{the activation of "fc" is not scaled: the scale cannot be folded into an input of the graph}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @g : tensor<2xf32> = dense<1.0>
compress.weight private @w : tensor<1x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @other_user
func.func @other_user(%x: tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x2xf32>) {
  %g = compress.load @g : tensor<2xf32>
  %w = compress.load @w : tensor<1x2xf32>
  // CHECK: compress.rms_norm %{{.+}}, %g {
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{the activation of "fc" is not scaled: the scaled value is also used by 'compress.gelu'}}
  %y = compress.linear nk %n, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %z = compress.gelu none %n : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x2xf32>
}

// -----

// Without statistics of the op, or with those of another shape.
compress.weight private @g : tensor<3xf32> = dense<1.0>
compress.weight private @w : tensor<1x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @unknown_ranges
func.func @unknown_ranges(%x: tensor<?x3xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>) {
  %g = compress.load @g : tensor<3xf32>
  %w = compress.load @w : tensor<1x3xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  // expected-remark@+1 {{the activation of "unseen" and 1 more is not scaled: its range is not in the statistics}}
  %y = compress.linear nk %n, %w {name = "unseen"} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  %z = compress.linear nk %n, %w {name = "wide"} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x1xf32>
}

// -----

// A table that is the embedding, too.
compress.weight private @t : tensor<3x2xf32> = dense<1.0>
compress.weight private @g : tensor<2xf32> = dense<1.0>
// CHECK-LABEL: func.func @tied
func.func @tied(%i: tensor<?xi64>) -> tensor<?x3xf32> {
  %t = compress.load @t : tensor<3x2xf32>
  %g = compress.load @g : tensor<2xf32>
  %e = compress.embedding %t, %i {name = "embed"} : (tensor<3x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
  %n = compress.rms_norm %e, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{weight 't' of 'compress.linear' "fc" is shared with 'compress.embedding' "embed"}}
  %y = compress.linear nk %n, %t {name = "fc"} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

compress.weight private @g : tensor<2xf32> = dense<1.0>
compress.weight private @w : tensor<1x2xf32> = dense<[[0x7F800000, 1.0]]>
// CHECK-LABEL: func.func @infinite
func.func @infinite(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %g = compress.load @g : tensor<2xf32>
  %w = compress.load @w : tensor<1x2xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{the activation of "fc" is not scaled: a weight is not finite}}
  %y = compress.linear nk %n, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Another transform, or none, is planned.
compress.weight private @g : tensor<2xf32> = dense<1.0>
compress.weight private @w : tensor<1x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @other_plan
func.func @other_plan(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %g = compress.load @g : tensor<2xf32>
  %w = compress.load @w : tensor<1x2xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %y = compress.linear nk %n, %w {name = "fc", compress.plan = #compress.plan<quantize = "int8">} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
