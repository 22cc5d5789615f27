// RUN: compress-opt %s --split-input-file --convert-compress-to-linalg="target=avx2" --remarks-filter=kernels --verify-diagnostics | FileCheck %s

// A convolution with what follows it is one call; its weight is packed in panels of 6 channels.
// CHECK-DAG: compress.weight private @w.conv6g1 : tensor<1x2x162xf32>
// CHECK-LABEL: func.func @residual
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x3x8x8xf32> {{{.*}}}, %[[R:[a-z0-9]+]]: tensor<?x8x8x8xf32>
// CHECK: %[[Y:.*]] = compress.kernel_call @conv_f32_k3x3_p1x1_rest2_bias_add_relu_avx2 ins(%[[X]], %{{.*}}, %{{.*}}, %[[R]] :
// CHECK-SAME: outs(%{{.*}} : tensor<?x8x8x8xf32>)
// CHECK: return %[[Y]]
compress.weight private @w : tensor<8x3x3x3xf32> = dense<0.5>
compress.weight private @b : tensor<8xf32> = dense<0.25>
func.func @residual(%x: tensor<?x3x8x8xf32> {compress.dims = ["n", "", "", ""]},
                    %r: tensor<?x8x8x8xf32> {compress.dims = ["n", "", "", ""]}) -> tensor<?x8x8x8xf32> {
  %w = compress.load @w : tensor<8x3x3x3xf32>
  %b = compress.load @b : tensor<8xf32>
  %0 = compress.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<?x3x8x8xf32>, tensor<8x3x3x3xf32>, tensor<8xf32>) -> tensor<?x8x8x8xf32>
  %1 = compress.add %0, %r : (tensor<?x8x8x8xf32>, tensor<?x8x8x8xf32>) -> tensor<?x8x8x8xf32>
  %2 = compress.relu %1 : (tensor<?x8x8x8xf32>) -> tensor<?x8x8x8xf32>
  return %2 : tensor<?x8x8x8xf32>
}

// -----

// Codes stay codes: 4 bits, one scale per output channel.
// CHECK-DAG: compress.weight private @w.q.conv6g1.code4 : tensor<1x1x72xi8>
// CHECK-DAG: compress.weight private @w.q.conv6g1.code4.scale : tensor<1x1x8xf32>
// CHECK-LABEL: func.func @codes
// CHECK: compress.kernel_call @conv_code4_k1x1_only4_avx2
compress.weight private @w.q : tensor<4x24x1x1xi4> = dense<3>
compress.weight private @w.scale : tensor<4x1x1x1xf32> = dense<0.25>
func.func @codes(%x: tensor<1x24x5x5xf32>) -> tensor<1x4x5x5xf32> {
  %q = compress.load @w.q : tensor<4x24x1x1xi4>
  %s = compress.load @w.scale : tensor<4x1x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1, -1>} : (tensor<4x24x1x1xi4>, tensor<4x1x1x1xf32>) -> tensor<4x24x1x1xf32>
  %0 = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x24x5x5xf32>, tensor<4x24x1x1xf32>) -> tensor<1x4x5x5xf32>
  return %0 : tensor<1x4x5x5xf32>
}

// -----

// 8-bit inputs and weights are multiplied as integers.
// CHECK-DAG: compress.weight private @w.q.conv6g1.int16 : tensor<1x1x12xi32>
// CHECK-DAG: compress.weight private @w.q.conv6g1.int16.sum : tensor<6xi32> = dense<18>
// CHECK-LABEL: func.func @integers
// CHECK: compress.kernel_call @conv_int8_k1x1_avx2
compress.weight private @w.q : tensor<6x3x1x1xi8> = dense<6>
compress.weight private @w.scale : tensor<6x1x1x1xf32> = dense<0.25>
func.func @integers(%x: tensor<1x3x5x5xf32>) -> tensor<1x6x5x5xf32> {
  %q = compress.load @w.q : tensor<6x3x1x1xi8>
  %s = compress.load @w.scale : tensor<6x1x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1, -1>} : (tensor<6x3x1x1xi8>, tensor<6x1x1x1xf32>) -> tensor<6x3x1x1xf32>
  %codes, %scale, %zero = compress.dynamic_quantize %x tensor : (tensor<1x3x5x5xf32>) -> (tensor<1x3x5x5xui8>, tensor<f32>, tensor<ui8>)
  %xq = compress.dequantize %codes, %scale, %zero : (tensor<1x3x5x5xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3x5x5xf32>
  %0 = compress.conv %xq, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x5x5xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x5x5xf32>
  return %0 : tensor<1x6x5x5xf32>
}

// -----

// Scales per tap have no kernel of their own.
// CHECK-LABEL: func.func @decoded
// CHECK: compress.kernel_call @conv_f32_k1x2_avx2
compress.weight private @w.q : tensor<6x1x2xi8> = dense<6>
compress.weight private @w.scale : tensor<6x1x2xf32> = dense<0.25>
func.func @decoded(%x: tensor<1x1x50xf32>) -> tensor<1x6x49xf32> {
  %q = compress.load @w.q : tensor<6x1x2xi8>
  %s = compress.load @w.scale : tensor<6x1x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 1, 1>} : (tensor<6x1x2xi8>, tensor<6x1x2xf32>) -> tensor<6x1x2xf32>
  // expected-remark @+1 {{[Missed] dense-weight | Category:kernels | Remark="'w.q' is decoded at compile time: its scales are per tap"}}
  %0 = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x1x50xf32>, tensor<6x1x2xf32>) -> tensor<1x6x49xf32>
  return %0 : tensor<1x6x49xf32>
}

// -----

// An image of width 1 is a line; the number of its channels is checked when the model runs.
// CHECK-LABEL: func.func @column
// CHECK: cf.assert %{{.*}}, "conv: expected 4 input channels"
// CHECK: tensor.expand_shape {{.*}} into tensor<2x?x1x30xf32>
// CHECK: compress.kernel_call @conv_f32_k1x5_only1_avx2 {{.*}} -> tensor<2x1x1x26xf32>
compress.weight private @w : tensor<1x4x5x1xf32> = dense<0.5>
func.func @column(%x: tensor<2x?x30x1xf32>) -> tensor<2x1x26x1xf32> {
  %w = compress.load @w : tensor<1x4x5x1xf32>
  %0 = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<2x?x30x1xf32>, tensor<1x4x5x1xf32>) -> tensor<2x1x26x1xf32>
  return %0 : tensor<2x1x26x1xf32>
}

// -----

// Weights that are no constants, and volumes, have no kernel.
// CHECK-LABEL: func.func @no_constant_weight
// CHECK-NOT: kernel_call
// CHECK: return
func.func @no_constant_weight(%x: tensor<1x2x5x5xf32>, %w: tensor<3x2x1x1xf32>) -> tensor<1x3x5x5xf32> {
  %0 = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x5x5xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x5x5xf32>
  return %0 : tensor<1x3x5x5xf32>
}

// -----

// CHECK-LABEL: func.func @pools
// CHECK: compress.kernel_call @pool_max_k3x3_s2x2_avx2
// CHECK: compress.kernel_call @pool_average_k2x2_s2x2_avx2
func.func @pools(%x: tensor<?x2x9x9xf32>) -> tensor<?x2x2x2xf32> {
  %0 = compress.pool max %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, ceil_mode = true} : (tensor<?x2x9x9xf32>) -> tensor<?x2x4x4xf32>
  %1 = compress.pool average %0 {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
  return %1 : tensor<?x2x2x2xf32>
}
