// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

// CHECK-LABEL: func.func @unary(
// CHECK: %[[Y:.*]] = compress.relu %arg0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: return %[[Y]] : tensor<2x3xf32>
func.func @unary(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Relu"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @binary_broadcast(
// CHECK: compress.add %arg0, %arg1 : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
func.func @binary_broadcast(%x: tensor<?x3xf32>, %z: tensor<3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Add"(%x, %z) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x3xf32>, tensor<3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// Before opset 7 operands were aligned by an attribute.
// CHECK-LABEL: func.func @add_6_axis(
// CHECK: %[[Z:.*]] = compress.unsqueeze %arg1 {axes = array<i64: 1>} : (tensor<3xf32>) -> tensor<3x1xf32>
// CHECK: compress.add %arg0, %[[Z]]
func.func @add_6_axis(%x: tensor<2x3x4xf32>, %z: tensor<3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Add"(%x, %z) {node_name = "n", onnx_attributes = {axis = 1 : i64, broadcast = 1 : i64}, result_names = ["y"], version = 6 : i64} : (tensor<2x3x4xf32>, tensor<3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @prelu_6(
// CHECK: %[[S:.*]] = compress.unsqueeze %arg1 {axes = array<i64: 1, 2>}
// CHECK: compress.prelu %arg0, %[[S]] : (tensor<2x3x4x4xf32>, tensor<3x1x1xf32>)
func.func @prelu_6(%x: tensor<2x3x4x4xf32>, %s: tensor<3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "PRelu"(%x, %s) {node_name = "n", result_names = ["y"], version = 6 : i64} : (tensor<2x3x4x4xf32>, tensor<3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @max_variadic(
// CHECK: %[[A:.*]] = compress.max %arg0, %arg0
// CHECK: compress.max %[[A]], %arg0
func.func @max_variadic(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Max"(%x, %x, %x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @mean(
// CHECK: %[[S:.*]] = compress.add %arg0, %arg0
// CHECK: %[[N:.*]] = compress.constant dense<2.000000e+00> : tensor<f32>
// CHECK: compress.div %[[S]], %[[N]]
func.func @mean(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Mean"(%x, %x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @clip_6(
// CHECK-DAG: %[[L:.*]] = compress.constant dense<0.000000e+00> : tensor<f32>
// CHECK-DAG: %[[H:.*]] = compress.constant dense<6.000000e+00> : tensor<f32>
// CHECK: compress.clip %arg0 min %[[L]] max %[[H]]
func.func @clip_6(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Clip"(%x) {node_name = "n", onnx_attributes = {max = 6.0 : f32, min = 0.0 : f32}, result_names = ["y"], version = 6 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @clip_11_max_only(
// CHECK: compress.clip %arg0 max %arg1
func.func @clip_11_max_only(%x: tensor<2x3xf32>, %h: tensor<f32>) -> !compress.onnx_value {
  %none = compress.none
  %y = compress.onnx "Clip"(%x, %none, %h) {node_name = "n", result_names = ["y"], version = 11 : i64} : (tensor<2x3xf32>, none, tensor<f32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @gelu_tanh(
// CHECK: compress.gelu tanh %arg0
func.func @gelu_tanh(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Gelu"(%x) {node_name = "n", onnx_attributes = {approximate = "tanh"}, result_names = ["y"], version = 20 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @swish(
// CHECK: %[[G:.*]] = compress.sigmoid %arg0
// CHECK: compress.mul %arg0, %[[G]]
func.func @swish(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Swish"(%x) {node_name = "n", onnx_attributes = {alpha = 1.0 : f32}, result_names = ["y"], version = 24 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @pow_mixed(
// CHECK: %[[E:.*]] = compress.cast %arg1 : (tensor<i64>) -> tensor<f32>
// CHECK: compress.pow %arg0, %[[E]]
func.func @pow_mixed(%x: tensor<2x3xf32>, %e: tensor<i64>) -> !compress.onnx_value {
  %y = compress.onnx "Pow"(%x, %e) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, tensor<i64>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @cast(
// CHECK: compress.cast %arg0 : (tensor<2x3xf32>) -> tensor<2x3xi64>
func.func @cast(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Cast"(%x) {node_name = "n", onnx_attributes = {to = 7 : i64}, result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @cast_1_by_name(
// CHECK: compress.cast %arg0 : (tensor<2x3xf32>) -> tensor<2x3xi64>
func.func @cast_1_by_name(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Cast"(%x) {node_name = "n", onnx_attributes = {to = "INT64"}, result_names = ["y"], version = 5 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @dropout_7(
// CHECK-NEXT: return %arg0
func.func @dropout_7(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Dropout"(%x) {node_name = "n", onnx_attributes = {ratio = 0.5 : f32}, result_names = ["y"], version = 7 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// Training mode: the node stays, but its type is known.
// CHECK-LABEL: func.func @dropout_6_training(
// CHECK: %[[Y:.*]] = compress.onnx "Dropout"(%arg0)
// CHECK-SAME: -> tensor<2x3xf32>
func.func @dropout_6_training(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Dropout"(%x) {node_name = "n", onnx_attributes = {ratio = 0.5 : f32}, result_names = ["y"], version = 6 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @identity_untyped(
// CHECK-NEXT: return %arg0 : !compress.onnx_value
func.func @identity_untyped(%x: !compress.onnx_value) -> !compress.onnx_value {
  %y = compress.onnx "Identity"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (!compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
