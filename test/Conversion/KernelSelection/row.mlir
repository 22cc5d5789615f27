// RUN: compress-opt %s --convert-compress-to-linalg=target=avx2 --canonicalize --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @softmax
// CHECK: %[[X:.*]] = tensor.collapse_shape %{{.*}} {{\[\[}}0, 1, 2], [3]]
// CHECK: compress.kernel_call @softmax_f32_d ins(%[[X]] : tensor<?x?xf32>)
// CHECK: tensor.expand_shape
// CHECK: func.func private @softmax_f32_d(%{{.*}}: memref<?x?xf32, strided<[?, 1], offset: ?>>,
// CHECK-SAME: compress.kernel = "softmax of rows"
func.func @softmax(%x: tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32> {
  %y = compress.softmax %x {axis = 3 : i64} : (tensor<?x4x?x?xf32>) -> tensor<?x4x?x?xf32>
  return %y : tensor<?x4x?x?xf32>
}

// -----

// CHECK-LABEL: func.func @log_softmax_of_vector
// CHECK: compress.kernel_call @log_softmax_f32_10 ins(%{{.*}} : tensor<1x10xf32>)
func.func @log_softmax_of_vector(%x: tensor<10xf32>) -> tensor<10xf32> {
  %y = compress.log_softmax %x {axis = 0 : i64} : (tensor<10xf32>) -> tensor<10xf32>
  return %y : tensor<10xf32>
}

// -----

// The normalised dims become one; parameters too.
// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x4x8xf32>, %[[S:[a-z0-9]+]]: tensor<1x4x8xf32>, %[[B:[a-z0-9]+]]: tensor<4x8xf32>
// CHECK-DAG: %[[E:.*]] = arith.constant 9.99999974E-6 : f32
// CHECK-DAG: %[[XM:.*]] = tensor.collapse_shape %[[X]] {{\[\[}}0], [1, 2]]
// CHECK-DAG: %[[SM:.*]] = tensor.collapse_shape %[[S]] {{\[\[}}0, 1, 2]]
// CHECK-DAG: %[[BM:.*]] = tensor.collapse_shape %[[B]] {{\[\[}}0, 1]]
// CHECK: compress.kernel_call @layer_norm_f32_32_bias ins(%[[XM]], %[[SM]], %[[BM]], %[[E]]
func.func @layer_norm(%x: tensor<?x4x8xf32>, %s: tensor<1x4x8xf32>, %b: tensor<4x8xf32>) -> tensor<?x4x8xf32> {
  %y = compress.layer_norm %x, %s bias %b {axis = 1 : i64} : (tensor<?x4x8xf32>, tensor<1x4x8xf32>, tensor<4x8xf32>) -> tensor<?x4x8xf32>
  return %y : tensor<?x4x8xf32>
}

// -----

// CHECK-LABEL: func.func @rms_norm
// CHECK: compress.kernel_call @rms_norm_f32_128 ins(%{{.*}} : tensor<?x128xf32>, tensor<128xf32>, f32)
func.func @rms_norm(%x: tensor<?x?x128xf32>, %s: tensor<128xf32>) -> tensor<?x?x128xf32> {
  %y = compress.rms_norm %x, %s {axis = 2 : i64} : (tensor<?x?x128xf32>, tensor<128xf32>) -> tensor<?x?x128xf32>
  return %y : tensor<?x?x128xf32>
}

// -----

// CHECK-LABEL: func.func @mean_of_images
// CHECK: %[[M:.*]] = compress.kernel_call @row_mean_f32_49 ins(%{{.*}} : tensor<?x49xf32>) outs(%{{.*}} : tensor<?x1xf32>)
// CHECK: tensor.expand_shape %[[M]] {{\[\[}}0, 1], [2, 3]] output_shape [%{{.*}}, 16, 1, 1]
func.func @mean_of_images(%x: tensor<?x16x7x7xf32>) -> tensor<?x16x1x1xf32> {
  %y = compress.reduce mean %x {axes = array<i64: 2, 3>} : (tensor<?x16x7x7xf32>) -> tensor<?x16x1x1xf32>
  return %y : tensor<?x16x1x1xf32>
}

// -----

// CHECK-LABEL: func.func @dynamic_quantize_rows
// CHECK: compress.kernel_call @dynamic_quantize_i8_row_64
// CHECK-SAME: outs(%{{.*}} : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xi8>)
// CHECK: return %{{.*}} : tensor<?x3x64xi8>, tensor<?x3x1xf32>, tensor<?x3x1xi8>
func.func @dynamic_quantize_rows(%x: tensor<?x3x64xf32>) -> (tensor<?x3x64xi8>, tensor<?x3x1xf32>, tensor<?x3x1xi8>) {
  %q, %s, %z = compress.dynamic_quantize %x row : (tensor<?x3x64xf32>) -> (tensor<?x3x64xi8>, tensor<?x3x1xf32>, tensor<?x3x1xi8>)
  return %q, %s, %z : tensor<?x3x64xi8>, tensor<?x3x1xf32>, tensor<?x3x1xi8>
}

// -----

// Codes of 4 bits are bytes in memory.
// CHECK-LABEL: func.func @dynamic_quantize_four_bits
// CHECK: compress.kernel_call @dynamic_quantize_i4_row_64
// CHECK-SAME: outs(%{{.*}} : tensor<?x64xi8>, tensor<?x1xf32>, tensor<?x1xi8>)
// CHECK-NOT: unrealized
// CHECK: return %{{.*}} : tensor<?x64xi8>, tensor<?x1xf32>
func.func @dynamic_quantize_four_bits(%x: tensor<?x64xf32>) -> (tensor<?x64xi4>, tensor<?x1xf32>) {
  %q, %s, %z = compress.dynamic_quantize %x row : (tensor<?x64xf32>) -> (tensor<?x64xi4>, tensor<?x1xf32>, tensor<?x1xi4>)
  return %q, %s : tensor<?x64xi4>, tensor<?x1xf32>
}

// -----

// Codes without sign are bytes; nothing is left of the cast.
// CHECK-LABEL: func.func @dynamic_quantize_tensor
// CHECK: %[[R:.*]]:3 = compress.kernel_call @dynamic_quantize_u8_tensor_64
// CHECK-SAME: outs(%{{.*}} : tensor<?x64xi8>, tensor<1x1xf32>, tensor<1x1xi8>)
// CHECK-DAG: %[[S:.*]] = tensor.collapse_shape %[[R]]#1 [] : tensor<1x1xf32> into tensor<f32>
// CHECK-DAG: %[[Z:.*]] = tensor.collapse_shape %[[R]]#2 [] : tensor<1x1xi8> into tensor<i8>
// CHECK-NOT: unrealized
// CHECK: return %[[R]]#0, %[[S]], %[[Z]] : tensor<?x64xi8>, tensor<f32>, tensor<i8>
func.func @dynamic_quantize_tensor(%x: tensor<?x64xf32>) -> (tensor<?x64xui8>, tensor<f32>, tensor<ui8>) {
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<?x64xf32>) -> (tensor<?x64xui8>, tensor<f32>, tensor<ui8>)
  return %q, %s, %z : tensor<?x64xui8>, tensor<f32>, tensor<ui8>
}

// -----

// Tables `[s, d]` for `[b, h, s, d]`.
// CHECK-LABEL: func.func @rotary
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<2x4x16x32xf32>, %[[C:[a-z0-9]+]]: tensor<16x32xf32>
// CHECK: %[[T:.*]] = tensor.expand_shape %[[C]] {{\[\[}}0, 1, 2], [3]] output_shape [1, 1, 16, 32]
// CHECK: compress.kernel_call @rotary_f32_2_4_16t_32 ins(%[[X]], %[[T]], %{{.*}} :
func.func @rotary(%x: tensor<2x4x16x32xf32>, %c: tensor<16x32xf32>, %s: tensor<16x32xf32>) -> tensor<2x4x16x32xf32> {
  %y = compress.rotary_embedding %x, %c, %s : (tensor<2x4x16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<2x4x16x32xf32>
  return %y : tensor<2x4x16x32xf32>
}

// -----

// Not along the last dim.
// CHECK-LABEL: func.func @no_softmax_of_columns
// CHECK-NOT: kernel_call
func.func @no_softmax_of_columns(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %y = compress.softmax %x {axis = 0 : i64} : (tensor<8x16xf32>) -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
}

// -----

// One scale for all columns.
// CHECK-LABEL: func.func @no_rms_norm_with_scalar
// CHECK-NOT: kernel_call
func.func @no_rms_norm_with_scalar(%x: tensor<4x128xf32>, %s: tensor<1xf32>) -> tensor<4x128xf32> {
  %y = compress.rms_norm %x, %s {axis = 1 : i64} : (tensor<4x128xf32>, tensor<1xf32>) -> tensor<4x128xf32>
  return %y : tensor<4x128xf32>
}

// -----

// CHECK-LABEL: func.func @no_sum_of_columns_or_short_rows
// CHECK-NOT: kernel_call
func.func @no_sum_of_columns_or_short_rows(%x: tensor<64x8xf32>) -> (tensor<8xf32>, tensor<64xf32>) {
  %y = compress.reduce sum %x {axes = array<i64: 0>, keepdims = false} : (tensor<64x8xf32>) -> tensor<8xf32>
  %z = compress.reduce sum %x {axes = array<i64: 1>, keepdims = false} : (tensor<64x8xf32>) -> tensor<64xf32>
  return %y, %z : tensor<8xf32>, tensor<64xf32>
}

// -----

// A dim that may be 1 or that of the input.
// CHECK-LABEL: func.func @no_rotary_of_unknown_tables
// CHECK-NOT: kernel_call
func.func @no_rotary_of_unknown_tables(%x: tensor<?x4x16x32xf32>, %c: tensor<?x1x16x32xf32>) -> tensor<?x4x16x32xf32> {
  %y = compress.rotary_embedding %x, %c, %c : (tensor<?x4x16x32xf32>, tensor<?x1x16x32xf32>, tensor<?x1x16x32xf32>) -> tensor<?x4x16x32xf32>
  return %y : tensor<?x4x16x32xf32>
}
