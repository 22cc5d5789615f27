// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

compress.weight private @q : tensor<4x8xi8> = dense<3>
compress.weight private @s4 : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
compress.weight private @sb : tensor<4x2xf32> = dense<0.5>
compress.weight private @bytes : tensor<2x2x8xui8> = dense<"0x000102030405060708090A0B0C0D0E0FF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF">
compress.weight private @short : tensor<2x2x8xui8> = dense<"0x000102030405060708090A0B0C0D0E0FF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF">
compress.weight private @ns : tensor<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
compress.weight private @nz : tensor<2xui8> = dense<[33, 66]>

// CHECK-LABEL: func.func @dequantize_axis(
// CHECK-DAG: %[[Q:.*]] = compress.load @q
// CHECK-DAG: %[[S:.*]] = compress.load @{{.*}} : tensor<4x1xf32>
// CHECK: compress.dequantize %[[Q]], %[[S]] {block = array<i64: 1, -1>} : (tensor<4x8xi8>, tensor<4x1xf32>) -> tensor<4x8xf32>
func.func @dequantize_axis() -> !compress.onnx_value {
  %q = compress.load @q : tensor<4x8xi8>
  %s = compress.load @s4 : tensor<4xf32>
  %y = compress.onnx "DequantizeLinear"(%q, %s) {node_name = "n", onnx_attributes = {axis = 0 : i64}, result_names = ["y"], version = 13 : i64} : (tensor<4x8xi8>, tensor<4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @dequantize_blocks(
// CHECK: compress.dequantize %{{.*}}, %{{.*}} {block = array<i64: 1, 4>} : (tensor<4x8xi8>, tensor<4x2xf32>) -> tensor<4x8xf32>
func.func @dequantize_blocks() -> !compress.onnx_value {
  %q = compress.load @q : tensor<4x8xi8>
  %s = compress.load @sb : tensor<4x2xf32>
  %y = compress.onnx "DequantizeLinear"(%q, %s) {node_name = "n", onnx_attributes = {axis = 1 : i64, block_size = 4 : i64}, result_names = ["y"], version = 21 : i64} : (tensor<4x8xi8>, tensor<4x2xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @quantize_default_type(
// CHECK: compress.quantize %arg0, %arg1 : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xui8>
func.func @quantize_default_type(%x: tensor<?x8xf32>, %s: tensor<f32>) -> !compress.onnx_value {
  %y = compress.onnx "QuantizeLinear"(%x, %s) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x8xf32>, tensor<f32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// A vector of one element means per tensor.
// CHECK-LABEL: func.func @quantize_one_element_vector(
// CHECK: %[[S:.*]] = compress.reshape %arg1, %{{.*}} -> tensor<f32>
// CHECK: %[[Z:.*]] = compress.reshape %arg2, %{{.*}} -> tensor<i8>
// CHECK: compress.quantize %arg0, %[[S]], %[[Z]] {{.*}} -> tensor<?x8xi8>
func.func @quantize_one_element_vector(%x: tensor<?x8xf32>, %s: tensor<1xf32>, %z: tensor<1xi8>) -> !compress.onnx_value {
  %y = compress.onnx "QuantizeLinear"(%x, %s, %z) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x8xf32>, tensor<1xf32>, tensor<1xi8>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @dynamic_quantize(
// CHECK: compress.dynamic_quantize %arg0 tensor : (tensor<?x8xf32>) -> (tensor<?x8xui8>, tensor<f32>, tensor<ui8>)
func.func @dynamic_quantize(%x: tensor<?x8xf32>) -> !compress.onnx_value {
  %y:3 = compress.onnx "DynamicQuantizeLinear"(%x) {node_name = "n", result_names = ["y", "s", "z"], version = 11 : i64} : (tensor<?x8xf32>) -> (!compress.onnx_value, !compress.onnx_value, !compress.onnx_value)
  return %y#0 : !compress.onnx_value
}

// CHECK-LABEL: func.func @matmul_nbits(
// CHECK-DAG: %[[Z:.*]] = compress.load @[[ZP:.*]] : tensor<2x2xui4>
// CHECK-DAG: %[[B:.*]] = compress.load @{{.*}} : tensor<2x32xui4>
// CHECK-DAG: %[[S:.*]] = compress.load @{{.*}} : tensor<2x2xf32>
// CHECK: %[[W:.*]] = compress.dequantize %[[B]], %[[S]], %[[Z]] {block = array<i64: 1, 16>} : (tensor<2x32xui4>, tensor<2x2xf32>, tensor<2x2xui4>) -> tensor<2x32xf32>
// CHECK: compress.linear nk %arg0, %[[W]] {name = "nb"} : (tensor<?x32xf32>, tensor<2x32xf32>) -> tensor<?x2xf32>
func.func @matmul_nbits(%x: tensor<?x32xf32>) -> !compress.onnx_value {
  %b = compress.load @bytes : tensor<2x2x8xui8>
  %s = compress.load @ns : tensor<4xf32>
  %z = compress.load @nz : tensor<2xui8>
  %y = compress.onnx "MatMulNBits"(%x, %b, %s, %z) {domain = "com.microsoft", node_name = "nb", onnx_attributes = {K = 32 : i64, N = 2 : i64, bits = 4 : i64, block_size = 16 : i64}, result_names = ["y"], version = 1 : i64} : (tensor<?x32xf32>, tensor<2x2x8xui8>, tensor<4xf32>, tensor<2xui8>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// The padding of the last block is dropped; the default zero point is 8.
// CHECK-LABEL: func.func @matmul_nbits_partial_block(
// CHECK: %[[Z:.*]] = compress.constant dense<8> : tensor<2x2xui4>
// CHECK: compress.load @{{.*}} : tensor<2x20xui4>
// CHECK: compress.dequantize %{{.*}}, %{{.*}}, %[[Z]] {block = array<i64: 1, 16>}
func.func @matmul_nbits_partial_block(%x: tensor<?x20xf32>) -> !compress.onnx_value {
  %b = compress.load @short : tensor<2x2x8xui8>
  %s = compress.load @ns : tensor<4xf32>
  %y = compress.onnx "MatMulNBits"(%x, %b, %s) {domain = "com.microsoft", node_name = "np", onnx_attributes = {K = 20 : i64, N = 2 : i64, bits = 4 : i64, block_size = 16 : i64}, result_names = ["y"], version = 1 : i64} : (tensor<?x20xf32>, tensor<2x2x8xui8>, tensor<4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @no_matmul_nbits_accuracy_4(
// CHECK: compress.onnx "MatMulNBits"
func.func @no_matmul_nbits_accuracy_4(%x: tensor<?x32xf32>) -> !compress.onnx_value {
  %b = compress.load @bytes : tensor<2x2x8xui8>
  %s = compress.load @ns : tensor<4xf32>
  %y = compress.onnx "MatMulNBits"(%x, %b, %s) {domain = "com.microsoft", node_name = "n", onnx_attributes = {K = 32 : i64, N = 2 : i64, accuracy_level = 4 : i64, bits = 4 : i64, block_size = 16 : i64}, result_names = ["y"], version = 1 : i64} : (tensor<?x32xf32>, tensor<2x2x8xui8>, tensor<4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @no_matmul_integer_zero_point(
// CHECK: compress.onnx "MatMulInteger"
func.func @no_matmul_integer_zero_point(%x: tensor<2x4xui8>, %w: tensor<4x3xi8>, %z: tensor<ui8>) -> !compress.onnx_value {
  %y = compress.onnx "MatMulInteger"(%x, %w, %z) {node_name = "n", result_names = ["y"], version = 10 : i64} : (tensor<2x4xui8>, tensor<4x3xi8>, tensor<ui8>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
