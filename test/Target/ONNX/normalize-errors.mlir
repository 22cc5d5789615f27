// RUN: compress-opt %s --compress-normalize-onnx --split-input-file --verify-diagnostics

func.func @invalid_axis(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  // expected-error @below {{Softmax: axis 2 is out of range for rank 2}}
  %y = compress.onnx "Softmax"(%x) {node_name = "n", onnx_attributes = {axis = 2 : i64}, result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

func.func @invalid_sizes(%x: tensor<2x3xf32>, %z: tensor<4x5xf32>) -> !compress.onnx_value {
  // expected-error @below {{'compress.matmul' op}}
  %y = compress.onnx "MatMul"(%x, %z) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, tensor<4x5xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

func.func @invalid_split(%x: tensor<5xf32>) -> !compress.onnx_value {
  // expected-error @below {{Split: cannot split 5 into 2 even parts}}
  %y:2 = compress.onnx "Split"(%x) {node_name = "n", result_names = ["y", "z"], version = 13 : i64} : (tensor<5xf32>) -> (!compress.onnx_value, !compress.onnx_value)
  return %y#0 : !compress.onnx_value
}

// -----

// expected-error @below {{output 'out': the model declares 'tensor<2x4xf32>', but its type is 'tensor<2x3xf32>'}}
func.func @invalid_output(%x: tensor<2x3xf32>) -> (!compress.onnx_value {compress.name = "out", compress.type = tensor<2x4xf32>}) {
  %y = compress.onnx "Relu"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
