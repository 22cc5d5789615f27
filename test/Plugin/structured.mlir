// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-mask-groups{prune=channel:0.5,method=l1},compress-propagate-masks,compress-apply-slices,canonicalize)' | FileCheck %s
// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-print-groups)' -o /dev/null 2>&1 | FileCheck %s --check-prefix=GROUPS

#id = affine_map<(d0, d1) -> (d0, d1)>
#last = affine_map<(d0, d1) -> (d1)>

// An MLP of linalg ops: a hidden neuron is a column of the first weight, an element of the bias and
// a row of the second weight. Neurons 1 and 2 are the smallest.
// GROUPS: neuron, 4 units, prunable
// CHECK-LABEL: func.func @linalg
func.func @linalg(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  // CHECK-DAG: arith.constant dense<{{\[\[}}4.000000e+00, 3.000000e+00], [4.000000e+00, 3.000000e+00]]> : tensor<2x2xf32>
  // CHECK-DAG: arith.constant dense<[4.000000e-01, 3.000000e-01]> : tensor<2xf32>
  // CHECK-DAG: arith.constant dense<{{\[\[}}1.000000e+00], [4.000000e+00]]> : tensor<2x1xf32>
  // CHECK: tensor.empty() : tensor<3x2xf32>
  // CHECK: linalg.matmul {{.*}} -> tensor<3x2xf32>
  // CHECK: linalg.generic
  // CHECK: math.tanh %{{.*}} : tensor<3x2xf32>
  // CHECK-NOT: = compress.
  %w1 = arith.constant dense<[[4.0, 1.0, 2.0, 3.0], [4.0, 1.0, 2.0, 3.0]]> : tensor<2x4xf32>
  %b1 = arith.constant dense<[0.4, 0.1, 0.2, 0.3]> : tensor<4xf32>
  %w2 = arith.constant dense<[[1.0], [2.0], [3.0], [4.0]]> : tensor<4x1xf32>
  %zero = arith.constant 0.0 : f32
  %e1 = tensor.empty() : tensor<3x4xf32>
  %i1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %h = linalg.matmul ins(%x, %w1 : tensor<3x2xf32>, tensor<2x4xf32>) outs(%i1 : tensor<3x4xf32>) -> tensor<3x4xf32>
  %a = linalg.generic {indexing_maps = [#id, #last, #id], iterator_types = ["parallel", "parallel"]}
      ins(%h, %b1 : tensor<3x4xf32>, tensor<4xf32>) outs(%e1 : tensor<3x4xf32>) {
  ^bb0(%p: f32, %q: f32, %r: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<3x4xf32>
  %t = math.tanh %a : tensor<3x4xf32>
  %e2 = tensor.empty() : tensor<3x1xf32>
  %i2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<3x1xf32>) -> tensor<3x1xf32>
  %y = linalg.matmul ins(%t, %w2 : tensor<3x4xf32>, tensor<4x1xf32>) outs(%i2 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %y : tensor<3x1xf32>
}

// Two convolutions of tosa and what is between them.
// GROUPS: channel, 4 units, prunable
// CHECK-LABEL: func.func @tosa
func.func @tosa(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x4x2xf32> {
  // CHECK-DAG: "tosa.const"() <{values = dense<{{\[\[\[\[}}9.000000e+00, 9.000000e+00]]], {{\[\[\[}}4.000000e+00, 4.000000e+00]]]]> : tensor<2x1x1x2xf32>}>
  // CHECK-DAG: "tosa.const"() <{values = dense<[3.000000e-01, 4.000000e-01]> : tensor<2xf32>}>
  // CHECK-DAG: "tosa.const"() <{values = dense<{{\[\[\[\[}}1.000000e+00, 4.000000e+00]]], {{\[\[\[}}5.000000e+00, 8.000000e+00]]]]> : tensor<2x1x1x2xf32>}>
  // CHECK: tosa.conv2d {{.*}} -> tensor<1x4x4x2xf32>
  // CHECK: tosa.clamp {{.*}} -> tensor<1x4x4x2xf32>
  // CHECK-NOT: = compress.
  %w1 = "tosa.const"() <{values = dense<[[[[9.0, 9.0]]], [[[1.0, 1.0]]], [[[2.0, 2.0]]], [[[4.0, 4.0]]]]> : tensor<4x1x1x2xf32>}> : () -> tensor<4x1x1x2xf32>
  %b1 = "tosa.const"() <{values = dense<[0.3, 0.1, 0.2, 0.4]> : tensor<4xf32>}> : () -> tensor<4xf32>
  %w2 = "tosa.const"() <{values = dense<[[[[1.0, 2.0, 3.0, 4.0]]], [[[5.0, 6.0, 7.0, 8.0]]]]> : tensor<2x1x1x4xf32>}> : () -> tensor<2x1x1x4xf32>
  %b2 = "tosa.const"() <{values = dense<0.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %zp = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %h = tosa.conv2d %x, %w1, %b1, %zp, %zp {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x4x4x2xf32>, tensor<4x1x1x2xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x4xf32>
  %a = tosa.clamp %h {max_val = 6.0 : f32, min_val = 0.0 : f32} : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %y = tosa.conv2d %a, %w2, %b2, %zp, %zp {acc_type = f32, dilation = array<i64: 1, 1>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<2x1x1x4xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}
