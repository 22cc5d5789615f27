// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

// CHECK-LABEL: func.func @softmax_13(
// CHECK: compress.softmax %arg0 {axis = 2 : i64}
func.func @softmax_13(%x: tensor<2x3x4xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Softmax"(%x) {node_name = "n", result_names = ["y"], version = 13 : i64} : (tensor<2x3x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// Until opset 12 all dims from the axis on are one distribution.
// CHECK-LABEL: func.func @softmax_11_flattens(
// CHECK: %[[M:.*]] = compress.reshape %arg0, %{{.*}} -> tensor<2x12xf32>
// CHECK: %[[S:.*]] = compress.softmax %[[M]] {axis = 1 : i64}
// CHECK: compress.reshape %[[S]], %{{.*}} -> tensor<2x3x4xf32>
func.func @softmax_11_flattens(%x: tensor<2x3x4xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Softmax"(%x) {node_name = "n", result_names = ["y"], version = 11 : i64} : (tensor<2x3x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @softmax_11_last(
// CHECK-NEXT: %[[S:.*]] = compress.softmax %arg0 {axis = 1 : i64}
// CHECK-NEXT: return %[[S]]
func.func @softmax_11_last(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Softmax"(%x) {node_name = "n", result_names = ["y"], version = 11 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @reduce_axes_attribute(
// CHECK: compress.reduce mean %arg0 {axes = array<i64: 2>, keepdims = false} : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
func.func @reduce_axes_attribute(%x: tensor<2x3x4xf32>) -> !compress.onnx_value {
  %y = compress.onnx "ReduceMean"(%x) {node_name = "n", onnx_attributes = {axes = array<i64: -1>, keepdims = 0 : i64}, result_names = ["y"], version = 13 : i64} : (tensor<2x3x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @reduce_axes_input(
// CHECK: compress.reduce sum %arg0 {axes = array<i64: 1>{{.*}}} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
func.func @reduce_axes_input(%x: tensor<2x3x4xf32>) -> !compress.onnx_value {
  %a = compress.constant dense<[1]> : tensor<1xi64>
  %y = compress.onnx "ReduceSum"(%x, %a) {node_name = "n", result_names = ["y"], version = 13 : i64} : (tensor<2x3x4xf32>, tensor<1xi64>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @reduce_all(
// CHECK: compress.reduce max %arg0 {axes = array<i64: 0, 1>, keepdims = false} : (tensor<2x3xf32>) -> tensor<f32>
func.func @reduce_all(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "ReduceMax"(%x) {node_name = "n", onnx_attributes = {keepdims = 0 : i64}, result_names = ["y"], version = 18 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// No axes and noop: the squares are still taken.
// CHECK-LABEL: func.func @reduce_noop(
// CHECK: compress.reduce sum_square %arg0 {axes = array<i64>
func.func @reduce_noop(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "ReduceSumSquare"(%x) {node_name = "n", onnx_attributes = {noop_with_empty_axes = 1 : i64}, result_names = ["y"], version = 18 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @top_k_1(
// CHECK: %[[K:.*]] = compress.constant dense<3> : tensor<1xi64>
// CHECK: compress.top_k %arg0, %[[K]] {axis = 1 : i64
// CHECK-SAME: -> (tensor<2x3xf32>, tensor<2x3xi64>)
func.func @top_k_1(%x: tensor<2x9xf32>) -> !compress.onnx_value {
  %y:2 = compress.onnx "TopK"(%x) {node_name = "n", onnx_attributes = {k = 3 : i64}, result_names = ["y", "i"], version = 1 : i64} : (tensor<2x9xf32>) -> (!compress.onnx_value, !compress.onnx_value)
  return %y#0 : !compress.onnx_value
}

// CHECK-LABEL: func.func @layer_norm(
// CHECK: compress.layer_norm %arg0, %arg1 {axis = 1 : i64
func.func @layer_norm(%x: tensor<2x3xf32>, %s: tensor<3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "LayerNormalization"(%x, %s) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, tensor<3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @batch_norm_training(
// CHECK: compress.onnx "BatchNormalization"
// CHECK-SAME: -> tensor<2x3xf32>
func.func @batch_norm_training(%x: tensor<2x3xf32>, %s: tensor<3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "BatchNormalization"(%x, %s, %s, %s, %s) {node_name = "n", onnx_attributes = {training_mode = 1 : i64}, result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
