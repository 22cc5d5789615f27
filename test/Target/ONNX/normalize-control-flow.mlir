// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

compress.weight private @w : tensor<4x5xf32> = dense<1.0>
compress.weight private @yes : tensor<i1> = dense<true>

// Branches are normalised; the result covers both.
// CHECK-LABEL: func.func @branches(
// CHECK: %[[Y:.*]] = compress.onnx "If"(%arg0)
// CHECK-SAME: -> tensor<?x5xf32>
// CHECK: compress.linear kn %arg1, %{{.*}} {name = "in_branch"}
// CHECK: return %[[Y]] : tensor<?x5xf32>
func.func @branches(%c: tensor<i1>, %x: tensor<?x4xf32>, %z: tensor<2x5xf32>) -> !compress.onnx_value {
  %y = compress.onnx "If"(%c) {body_names = [["then_branch", "a"], ["else_branch", "b"]], node_name = "if", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> !compress.onnx_value {
    %w = compress.load @w : tensor<4x5xf32>
    %t = compress.onnx "MatMul"(%x, %w) {node_name = "in_branch", result_names = ["t"], version = 17 : i64} : (tensor<?x4xf32>, tensor<4x5xf32>) -> !compress.onnx_value
    compress.yield %t : !compress.onnx_value
  }, {
    compress.yield %z : tensor<2x5xf32>
  }
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @known_branch(
// CHECK-NOT: compress.onnx
// CHECK: %[[Y:.*]] = compress.linear kn %arg0
// CHECK: return %[[Y]]
func.func @known_branch(%x: tensor<?x4xf32>, %z: tensor<2x5xf32>) -> !compress.onnx_value {
  %c = compress.load @yes : tensor<i1>
  %y = compress.onnx "If"(%c) {body_names = [["then_branch", "a"], ["else_branch", "b"]], node_name = "if", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> !compress.onnx_value {
    %w = compress.load @w : tensor<4x5xf32>
    %t = compress.onnx "MatMul"(%x, %w) {node_name = "in_branch", result_names = ["t"], version = 17 : i64} : (tensor<?x4xf32>, tensor<4x5xf32>) -> !compress.onnx_value
    compress.yield %t : !compress.onnx_value
  }, {
    compress.yield %z : tensor<2x5xf32>
  }
  return %y : !compress.onnx_value
}

// What follows a node with a known type is normalised.
// CHECK-LABEL: func.func @opaque_then_relu(
// CHECK: %[[A:.*]] = compress.onnx "LRN"(%arg0)
// CHECK: compress.relu %[[A]] : (tensor<1x3x4x4xf32>)
func.func @opaque_then_relu(%x: tensor<1x3x4x4xf32>) -> !compress.onnx_value {
  %a = compress.onnx "LRN"(%x) {node_name = "n", onnx_attributes = {size = 3 : i64}, result_names = ["a"], version = 17 : i64} : (tensor<1x3x4x4xf32>) -> !compress.onnx_value
  %y = compress.onnx "Relu"(%a) {node_name = "n", result_names = ["y"], version = 17 : i64} : (!compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @unknown_type(
// CHECK: %[[A:.*]] = compress.onnx "Mystery"(%arg0)
// CHECK: compress.onnx "Relu"(%[[A]])
func.func @unknown_type(%x: tensor<1x3xf32>) -> !compress.onnx_value {
  %a = compress.onnx "Mystery"(%x) {domain = "my.ops", node_name = "n", result_names = ["a"], version = 1 : i64} : (tensor<1x3xf32>) -> !compress.onnx_value
  %y = compress.onnx "Relu"(%a) {node_name = "n", result_names = ["y"], version = 17 : i64} : (!compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
