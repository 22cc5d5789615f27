// RUN: compress-opt %s --convert-compress-to-linalg=target=avx512 --split-input-file | FileCheck %s

// A product, its bias and its activation are one kernel; the weight is packed in panels of 64.

compress.weight private @w : tensor<16x100xf32> = dense<1.0>
compress.weight private @b : tensor<100xf32> = dense<2.0>

// CHECK: compress.weight private @w.panels64 : tensor<2x16x64xf32>
// CHECK-LABEL: func.func @bias_relu(
// CHECK-SAME: %[[X:.*]]: tensor<?x7x16xf32>
// CHECK-DAG: %[[ROWS:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0, 1], [2]] : tensor<?x7x16xf32> into tensor<?x16xf32>
// CHECK-DAG: %[[W:.*]] = compress.load @w.panels64
// CHECK-DAG: %[[B:.*]] = compress.load @b
// CHECK: %[[Y:.*]] = compress.kernel_call @linear_f32_16x100_bias_relu_avx512
// CHECK-SAME: ins(%[[ROWS]], %[[W]], %[[B]] : tensor<?x16xf32>, tensor<2x16x64xf32>, tensor<100xf32>)
// CHECK-SAME: -> tensor<?x100xf32>
// CHECK: tensor.expand_shape %[[Y]] {{\[\[}}0, 1], [2]]
// CHECK-NOT: arith.maximumf
// CHECK: return
func.func @bias_relu(%x: tensor<?x7x16xf32>) -> tensor<?x7x100xf32> {
  %w = compress.load @w : tensor<16x100xf32>
  %b = compress.load @b : tensor<100xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x7x16xf32>, tensor<16x100xf32>) -> tensor<?x7x100xf32>
  %z = compress.add %y, %b : (tensor<?x7x100xf32>, tensor<100xf32>) -> tensor<?x7x100xf32>
  %r = compress.relu %z : (tensor<?x7x100xf32>) -> tensor<?x7x100xf32>
  return %r : tensor<?x7x100xf32>
}

// CHECK: func.func private @linear_f32_16x100_bias_relu_avx512(
// CHECK-SAME: compress.kernel = "linear 16x100, f32 weight, bias, relu"
// CHECK: scf.parallel

// -----

// x * sigmoid(x), and the product with it; both kernels share one packed weight.

compress.weight private @w : tensor<64x16xf32> = dense<1.0>

// CHECK-LABEL: func.func @gated(
// CHECK: %[[GATE:.*]] = compress.kernel_call @linear_f32_16x64_silu_avx512
// CHECK: compress.kernel_call @linear_f32_16x64_mul_avx512 ins(%{{.*}}, %{{.*}}, %[[GATE]] :
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @gated(%x: tensor<?x16xf32>) -> tensor<?x64xf32> {
  %w = compress.load @w : tensor<64x16xf32>
  %gate = compress.linear nk %x, %w {name = "gate"} : (tensor<?x16xf32>, tensor<64x16xf32>) -> tensor<?x64xf32>
  %up = compress.linear nk %x, %w {name = "up"} : (tensor<?x16xf32>, tensor<64x16xf32>) -> tensor<?x64xf32>
  %s = compress.sigmoid %gate : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %silu = compress.mul %gate, %s : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = compress.mul %silu, %up : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// The sum is broadcast: the result is larger than the product, so it is no epilogue. A product with
// two users keeps its own result.

compress.weight private @w : tensor<16x8xf32> = dense<1.0>

// CHECK-LABEL: func.func @no_epilogue(
// CHECK: compress.kernel_call @linear_f32_16x8_avx512
// CHECK: linalg.generic
func.func @no_epilogue(%x: tensor<1x16xf32>, %r: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<1x8xf32>) {
  %w = compress.load @w : tensor<16x8xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<1x16xf32>, tensor<16x8xf32>) -> tensor<1x8xf32>
  %z = compress.add %y, %r : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %z, %y : tensor<4x8xf32>, tensor<1x8xf32>
}

// -----

// Without a constant weight there is nothing to pack.

// CHECK-LABEL: func.func @no_constant_weight(
// CHECK-NOT: kernel_call @linear
// CHECK: return
func.func @no_constant_weight(%x: tensor<2x16xf32>, %w: tensor<16x8xf32>) -> tensor<2x8xf32> {
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<2x16xf32>, tensor<16x8xf32>) -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}
