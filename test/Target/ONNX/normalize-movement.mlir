// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

// CHECK-LABEL: func.func @reshape_1(
// CHECK: %[[S:.*]] = compress.constant dense<[3, -1]> : tensor<2xi64>
// CHECK: compress.reshape %arg0, %[[S]] : (tensor<2x6xf32>, tensor<2xi64>) -> tensor<3x4xf32>
func.func @reshape_1(%x: tensor<2x6xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Reshape"(%x) {node_name = "n", onnx_attributes = {shape = array<i64: 3, -1>}, result_names = ["y"], version = 1 : i64} : (tensor<2x6xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @squeeze_attribute(
// CHECK: compress.squeeze %arg0 {axes = array<i64: 2>} : (tensor<1x3x1xf32>) -> tensor<1x3xf32>
func.func @squeeze_attribute(%x: tensor<1x3x1xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Squeeze"(%x) {node_name = "n", onnx_attributes = {axes = array<i64: -1>}, result_names = ["y"], version = 11 : i64} : (tensor<1x3x1xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @squeeze_all(
// CHECK: compress.squeeze %arg0 {axes = array<i64: 0, 2>}
func.func @squeeze_all(%x: tensor<1x3x1xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Squeeze"(%x) {node_name = "n", result_names = ["y"], version = 13 : i64} : (tensor<1x3x1xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @unsqueeze_input(
// CHECK: compress.unsqueeze %arg0 {axes = array<i64: 0, 2>} : (tensor<3xf32>) -> tensor<1x3x1xf32>
func.func @unsqueeze_input(%x: tensor<3xf32>) -> !compress.onnx_value {
  %a = compress.constant dense<[0, 2]> : tensor<2xi64>
  %y = compress.onnx "Unsqueeze"(%x, %a) {node_name = "n", result_names = ["y"], version = 13 : i64} : (tensor<3xf32>, tensor<2xi64>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @slice_1(
// CHECK: compress.slice %arg0, %{{.*}}, %{{.*}} {axes = array<i64: 1>, steps = array<i64: 1>} {{.*}} -> tensor<5x3xf32>
func.func @slice_1(%x: tensor<5x6xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Slice"(%x) {node_name = "n", onnx_attributes = {axes = array<i64: 1>, ends = array<i64: 4>, starts = array<i64: 1>}, result_names = ["y"], version = 1 : i64} : (tensor<5x6xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @slice_whole(
// CHECK-NEXT: return %arg0
func.func @slice_whole(%x: tensor<?x6xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Slice"(%x) {node_name = "n", onnx_attributes = {axes = array<i64: 0>, ends = array<i64: 9223372036854775807>, starts = array<i64: 0>}, result_names = ["y"], version = 1 : i64} : (tensor<?x6xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @split_18_uneven(
// CHECK: compress.split %arg0 {axis = 0 : i64, sizes = array<i64: 3, 2>}
func.func @split_18_uneven(%x: tensor<5xf32>) -> !compress.onnx_value {
  %y:2 = compress.onnx "Split"(%x) {node_name = "n", onnx_attributes = {num_outputs = 2 : i64}, result_names = ["y", "z"], version = 18 : i64} : (tensor<5xf32>) -> (!compress.onnx_value, !compress.onnx_value)
  return %y#1 : !compress.onnx_value
}

// CHECK-LABEL: func.func @pad_2(
// CHECK-DAG: %[[P:.*]] = compress.constant dense<[0, 1, 0, 2]> : tensor<4xi64>
// CHECK-DAG: %[[V:.*]] = compress.constant dense<1.500000e+00> : tensor<f32>
// CHECK: compress.pad constant %arg0, %[[P]] value %[[V]] {{.*}} -> tensor<2x6xf32>
func.func @pad_2(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Pad"(%x) {node_name = "n", onnx_attributes = {mode = "constant", pads = array<i64: 0, 1, 0, 2>, value = 1.5 : f32}, result_names = ["y"], version = 2 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @pad_18_axes(
// CHECK: %[[P:.*]] = compress.constant dense<[0, 1, 0, 2]> : tensor<4xi64>
// CHECK: compress.pad edge %arg0, %[[P]]
func.func @pad_18_axes(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %p = compress.constant dense<[1, 2]> : tensor<2xi64>
  %none = compress.none
  %a = compress.constant dense<[-1]> : tensor<1xi64>
  %y = compress.onnx "Pad"(%x, %p, %none, %a) {node_name = "n", onnx_attributes = {mode = "edge"}, result_names = ["y"], version = 18 : i64} : (tensor<2x3xf32>, tensor<2xi64>, none, tensor<1xi64>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @transpose_default(
// CHECK: compress.transpose %arg0 {perm = array<i64: 2, 1, 0>}
func.func @transpose_default(%x: tensor<2x3x4xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Transpose"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @flatten_dynamic(
// CHECK: %[[S:.*]] = compress.constant dense<[0, 12]> : tensor<2xi64>
// CHECK: compress.reshape %arg0, %[[S]] {{.*}} -> tensor<?x12xf32>
func.func @flatten_dynamic(%x: tensor<?x3x4xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Flatten"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x3x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @scatter_elements(
// CHECK: compress.scatter_elements add %arg0, %arg1, %arg2 {axis = 1 : i64}
func.func @scatter_elements(%x: tensor<3x3xf32>, %i: tensor<1x3xi64>, %u: tensor<1x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "ScatterElements"(%x, %i, %u) {node_name = "n", onnx_attributes = {axis = -1 : i64, reduction = "add"}, result_names = ["y"], version = 18 : i64} : (tensor<3x3xf32>, tensor<1x3xi64>, tensor<1x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
