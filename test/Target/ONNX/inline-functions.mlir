// RUN: compress-opt %s --compress-inline-onnx-functions | FileCheck %s

// CHECK-NOT: compress.onnx_function
// CHECK-LABEL: func.func @main(
// CHECK: %[[A:.*]] = compress.onnx "Relu"(%arg0)
// CHECK: %[[B:.*]] = compress.onnx "Relu"(%[[A]])
// CHECK: return %[[B]]
// CHECK-NOT: func.func private
func.func @main(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Twice"(%x) {domain = "local", node_name = "t", result_names = ["y"], version = 1 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
func.func private @local.Once(%x: !compress.onnx_value) -> !compress.onnx_value attributes {compress.onnx_function = {attributes = [], domain = "local", name = "Once", opset_import = [["", 17]], overload = ""}} {
  %y = compress.onnx "Relu"(%x) {node_name = "r", result_names = ["y"], version = 17 : i64} : (!compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
func.func private @local.Twice(%x: !compress.onnx_value) -> !compress.onnx_value attributes {compress.onnx_function = {attributes = [], domain = "local", name = "Twice", opset_import = [["local", 1]], overload = ""}} {
  %a = compress.onnx "Once"(%x) {domain = "local", node_name = "a", result_names = ["a"], version = 1 : i64} : (!compress.onnx_value) -> !compress.onnx_value
  %b = compress.onnx "Once"(%a) {domain = "local", node_name = "b", result_names = ["b"], version = 1 : i64} : (!compress.onnx_value) -> !compress.onnx_value
  return %b : !compress.onnx_value
}
