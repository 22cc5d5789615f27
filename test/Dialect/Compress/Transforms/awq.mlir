// RUN: %python %S/Inputs/make-statistics.py %t.st '{"up:input": {"channels": 4, "sum_abs": [32, 2, 2, 2], "groups": 1, "features": 4, "gram_vectors": 2, "gram": [[[512, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]]]}, "clip:input": {"channels": 8, "sum_abs": [1, 1, 1, 1, 1, 1, 1, 1], "sum_squares": [9, 9, 9, 9, 9, 9, 9, 0.01]}, "q:input": "clip:input", "k:input": "clip:input", "v:input": "clip:input"}'
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-awq=format=int4 --remarks-filter=awq --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --split-input-file --compress-load-statistics=file=%t.st --compress-awq='format=int4 clip=false powers-of-two=true' | FileCheck %s --check-prefix=POWER

// Input 0 is 16 times the others: s is 16^0.6 for it and 1 for the others, divided by sqrt(16^0.6).
// CHECK-DAG: compress.weight private @g.scaled : tensor<4xf32> = dense<[0.435275286, 2.29739666, 2.29739666, 2.29739666]>
// CHECK-DAG: compress.weight private @up.scaled : tensor<2x4xf32> = dense<{{\[\[}}0.689218997, 0.435275286, -0.435275286, 0.239401415], [0.482453287, -0.391747743, 0.174110115, 0.348220229]]>
// POWER-DAG: compress.weight private @g.scaled : tensor<4xf32> = dense<[5.000000e-01, 4.000000e+00, 4.000000e+00, 4.000000e+00]>
// POWER-DAG: compress.weight private @up.scaled : tensor<2x4xf32> = dense<{{\[\[}}6.000000e-01, 2.500000e-01, -2.500000e-01, 1.375000e-01], [4.200000e-01, -2.250000e-01, 1.000000e-01, 2.000000e-01]]>
compress.weight private @g : tensor<4xf32> = dense<1.0>
compress.weight private @up : tensor<2x4xf32> = dense<[[0.3, 1.0, -1.0, 0.55], [0.21, -0.9, 0.4, 0.8]]>
// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[N:.+]] = compress.rms_norm %{{.+}}, %g.scaled
  // CHECK: compress.linear nk %[[N]], %up.scaled
  %g = compress.load @g : tensor<4xf32>
  %w = compress.load @up : tensor<2x4xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // expected-remark@+1 {{the activation of "up" is scaled by its mean magnitudes to the power 0.60}}
  %y = compress.linear nk %n, %w {name = "up"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// The large weight meets an input that is nearly always zero: the group is limited to half of it, which the
// others then have finer codes for. Without a Gram matrix the sums of squares weigh the errors. The input
// cannot be scaled, and equal inputs would not be, either.
// CHECK: compress.weight private @w.clipped : tensor<1x8xf32> = dense<{{\[\[}}1.000000e-01, -2.000000e-01, 3.000000e-01, -4.000000e-01, 1.000000e-01, 2.000000e-01, 4.000000e-01, 5.000000e-01]]>
compress.weight private @w : tensor<1x8xf32> = dense<[[0.1, -0.2, 0.3, -0.4, 0.1, 0.2, 0.4, 1.0]]>
// CHECK-LABEL: func.func @clipped
func.func @clipped(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.linear nk %{{.+}}, %w.clipped
  %w = compress.load @w : tensor<1x8xf32>
  // expected-remark@+2 {{the activation of "clip" is not scaled: the scale cannot be folded into an input of the graph}}
  // expected-remark@+1 {{the weight of "clip" is clipped}}
  %y = compress.linear nk %x, %w {name = "clip", compress.plan = #compress.plan<quantize = "int3,transform=awq,group=8,convention=asym_minmax">} : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Queries and keys are not clipped, values are.
// CHECK-DAG: compress.weight private @q : tensor<8x8xf32>
// CHECK-DAG: compress.weight private @k : tensor<8x8xf32>
compress.weight private @q : tensor<8x8xf32> = dense<"0x000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f000080bf0000803f0000003f0000803e0000803f0000003e0000003f0000003f">
compress.weight private @k : tensor<8x8xf32> = dense<0.5>
// CHECK-LABEL: func.func @queries_and_keys
func.func @queries_and_keys(%x: tensor<1x4x8xf32>, %v: tensor<1x4x2x4xf32>) -> tensor<1x4x2x4xf32> {
  %q = compress.load @q : tensor<8x8xf32>
  %k = compress.load @k : tensor<8x8xf32>
  %s = compress.constant dense<[1, 4, 2, 4]> : tensor<4xi64>
  // expected-remark@+2 {{the activation of "q" is not scaled: the scale cannot be folded into an input of the graph}}
  // expected-remark@+1 {{the weight of "q" is not clipped: it makes queries or keys}}
  %0 = compress.linear nk %x, %q {name = "q"} : (tensor<1x4x8xf32>, tensor<8x8xf32>) -> tensor<1x4x8xf32>
  // expected-remark@+2 {{the activation of "k" is not scaled: the scale cannot be folded into an input of the graph}}
  // expected-remark@+1 {{the weight of "k" is not clipped: it makes queries or keys}}
  %1 = compress.linear nk %x, %k {name = "k"} : (tensor<1x4x8xf32>, tensor<8x8xf32>) -> tensor<1x4x8xf32>
  %2 = compress.reshape %0, %s : (tensor<1x4x8xf32>, tensor<4xi64>) -> tensor<1x4x2x4xf32>
  %3 = compress.reshape %1, %s : (tensor<1x4x8xf32>, tensor<4xi64>) -> tensor<1x4x2x4xf32>
  %4 = compress.attention bshd %2, %3, %v {scale = 0.5 : f32} : (tensor<1x4x2x4xf32>, tensor<1x4x2x4xf32>, tensor<1x4x2x4xf32>) -> tensor<1x4x2x4xf32>
  return %4 : tensor<1x4x2x4xf32>
}
