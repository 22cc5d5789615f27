// RUN: compress-opt %s --compress-normalize-onnx --remarks-filter=normalize --remark-format=emitRemark --verify-diagnostics

func.func @kept(%x: tensor<1x3xf32>) -> !compress.onnx_value {
  // expected-remark @below {{Mystery: there is no model op for it}}
  %a = compress.onnx "Mystery"(%x) {domain = "my.ops", node_name = "n", result_names = ["a"], version = 1 : i64} : (tensor<1x3xf32>) -> !compress.onnx_value
  // expected-remark @below {{Relu: the type of an input is not known}}
  %y = compress.onnx "Relu"(%a) {node_name = "n", result_names = ["y"], version = 17 : i64} : (!compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
