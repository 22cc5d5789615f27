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

// -----

// A function may be called with fewer arguments than its body needs.
func.func @invalid_missing_input(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %n = compress.none
  // expected-error @below {{Mul: input 1 is missing}}
  %y = compress.onnx "Mul"(%x, %n) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, none) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

func.func @invalid_missing_addend(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %n = compress.none
  // expected-error @below {{Sum: an input is missing}}
  %y = compress.onnx "Sum"(%x, %n) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>, none) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

func.func @invalid_kernel(%x: tensor<1x1x8xf32>) -> !compress.onnx_value {
  // expected-error @below {{MaxPool: expects kernel sizes and dilations in [1, 2^31)}}
  %y = compress.onnx "MaxPool"(%x) {node_name = "n", onnx_attributes = {auto_pad = "SAME_UPPER", kernel_shape = array<i64: 4611686018427387904>}, result_names = ["y"], version = 17 : i64} : (tensor<1x1x8xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

func.func @invalid_scales(%x: tensor<8x4xi8>, %s: tensor<3x4xf32>) -> !compress.onnx_value {
  // expected-error @below {{DequantizeLinear: expects 2 scales in dim 0, got 3}}
  %y = compress.onnx "DequantizeLinear"(%x, %s) {node_name = "n", onnx_attributes = {axis = 0 : i64, block_size = 4 : i64}, result_names = ["y"], version = 21 : i64} : (tensor<8x4xi8>, tensor<3x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

func.func @invalid_repeats(%x: tensor<2xf32>) -> !compress.onnx_value {
  %r = compress.constant dense<[-1]> : tensor<1xi64>
  // expected-error @below {{Tile: expects repeats that are not negative}}
  %y = compress.onnx "Tile"(%x, %r) {node_name = "n", result_names = ["y"], version = 13 : i64} : (tensor<2xf32>, tensor<1xi64>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
