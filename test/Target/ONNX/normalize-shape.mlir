// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

// [batch, sequence, 4, 8], computed at run time, becomes a constant.
// CHECK-LABEL: func.func @reshape_dynamic(
// CHECK-NEXT: %[[S:.*]] = compress.constant dense<[0, 0, 4, 8]> : tensor<4xi64>
// CHECK-NEXT: %[[Y:.*]] = compress.reshape %arg0, %[[S]] : (tensor<?x?x32xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
// CHECK-NEXT: return %[[Y]]
func.func @reshape_dynamic(%x: tensor<?x?x32xf32> {compress.dims = ["batch", "sequence", ""]}) -> !compress.onnx_value {
  %i0 = compress.constant dense<0> : tensor<i64>
  %i1 = compress.constant dense<1> : tensor<i64>
  %ax = compress.constant dense<0> : tensor<1xi64>
  %h = compress.constant dense<[4, 8]> : tensor<2xi64>
  %s = compress.onnx "Shape"(%x) {node_name = "n", result_names = ["s"], version = 17 : i64} : (tensor<?x?x32xf32>) -> !compress.onnx_value
  %b = compress.onnx "Gather"(%s, %i0) {node_name = "n", result_names = ["b"], version = 17 : i64} : (!compress.onnx_value, tensor<i64>) -> !compress.onnx_value
  %q = compress.onnx "Gather"(%s, %i1) {node_name = "n", result_names = ["q"], version = 17 : i64} : (!compress.onnx_value, tensor<i64>) -> !compress.onnx_value
  %bu = compress.onnx "Unsqueeze"(%b, %ax) {node_name = "n", result_names = ["bu"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %qu = compress.onnx "Unsqueeze"(%q, %ax) {node_name = "n", result_names = ["qu"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %t = compress.onnx "Concat"(%bu, %qu, %h) {node_name = "n", onnx_attributes = {axis = 0 : i64}, result_names = ["t"], version = 17 : i64} : (!compress.onnx_value, !compress.onnx_value, tensor<2xi64>) -> !compress.onnx_value
  %y = compress.onnx "Reshape"(%x, %t) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x?x32xf32>, !compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// A copied dim needs allowzero off.
// CHECK-LABEL: func.func @reshape_allowzero(
// CHECK: %[[S:.*]] = compress.constant dense<[0, 0, 4, 8]> : tensor<4xi64>
// CHECK: compress.reshape %arg0, %[[S]] : (tensor<?x?x32xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
// CHECK-NOT: allowzero
func.func @reshape_allowzero(%x: tensor<?x?x32xf32> {compress.dims = ["batch", "sequence", ""]}) -> !compress.onnx_value {
  %i0 = compress.constant dense<0> : tensor<i64>
  %i1 = compress.constant dense<1> : tensor<i64>
  %ax = compress.constant dense<0> : tensor<1xi64>
  %h = compress.constant dense<[4, 8]> : tensor<2xi64>
  %s = compress.onnx "Shape"(%x) {node_name = "n", result_names = ["s"], version = 17 : i64} : (tensor<?x?x32xf32>) -> !compress.onnx_value
  %b = compress.onnx "Gather"(%s, %i0) {node_name = "n", result_names = ["b"], version = 17 : i64} : (!compress.onnx_value, tensor<i64>) -> !compress.onnx_value
  %q = compress.onnx "Gather"(%s, %i1) {node_name = "n", result_names = ["q"], version = 17 : i64} : (!compress.onnx_value, tensor<i64>) -> !compress.onnx_value
  %bu = compress.onnx "Unsqueeze"(%b, %ax) {node_name = "n", result_names = ["bu"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %qu = compress.onnx "Unsqueeze"(%q, %ax) {node_name = "n", result_names = ["qu"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %t = compress.onnx "Concat"(%bu, %qu, %h) {node_name = "n", onnx_attributes = {axis = 0 : i64}, result_names = ["t"], version = 17 : i64} : (!compress.onnx_value, !compress.onnx_value, tensor<2xi64>) -> !compress.onnx_value
  %y = compress.onnx "Reshape"(%x, %t) {node_name = "n", onnx_attributes = {allowzero = 1 : i64}, result_names = ["y"], version = 17 : i64} : (tensor<?x?x32xf32>, !compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// The inferred dim is 4 * 8.
// CHECK-LABEL: func.func @reshape_merges(
// CHECK: compress.constant dense<[0, 0, 32]> : tensor<3xi64>
// CHECK: compress.reshape {{.*}} -> tensor<?x?x32xf32>
func.func @reshape_merges(%x: tensor<?x?x4x8xf32> {compress.dims = ["batch", "sequence", "", ""]}) -> !compress.onnx_value {
  %i = compress.constant dense<0> : tensor<1xi64>
  %j = compress.constant dense<2> : tensor<1xi64>
  %m = compress.constant dense<-1> : tensor<1xi64>
  %s = compress.onnx "Shape"(%x) {node_name = "n", result_names = ["s"], version = 17 : i64} : (tensor<?x?x4x8xf32>) -> !compress.onnx_value
  %p = compress.onnx "Slice"(%s, %i, %j) {node_name = "n", result_names = ["p"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>, tensor<1xi64>) -> !compress.onnx_value
  %t = compress.onnx "Concat"(%p, %m) {node_name = "n", onnx_attributes = {axis = 0 : i64}, result_names = ["t"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %y = compress.onnx "Reshape"(%x, %t) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x?x4x8xf32>, !compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// Two unknown dims that are no dims of the input: the shape stays computed.
// CHECK-LABEL: func.func @no_reshape_splits_product(
// CHECK: %[[S:.*]] = compress.shape %arg1
// CHECK: %[[T:.*]] = compress.concat %[[S]]
// CHECK: compress.reshape %arg0, %[[T]] {{.*}} -> tensor<?x?x8xf32>
func.func @no_reshape_splits_product(%x: tensor<?x8xf32>, %z: tensor<?x?xf32>) -> !compress.onnx_value {
  %s = compress.onnx "Shape"(%z) {node_name = "n", result_names = ["s"], version = 17 : i64} : (tensor<?x?xf32>) -> !compress.onnx_value
  %m = compress.constant dense<8> : tensor<1xi64>
  %t = compress.onnx "Concat"(%s, %m) {node_name = "n", onnx_attributes = {axis = 0 : i64}, result_names = ["t"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %y = compress.onnx "Reshape"(%x, %t) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x8xf32>, !compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// A target of 1 keeps the dim of the input.
// CHECK-LABEL: func.func @expand_keeps_dims(
// CHECK: %[[S:.*]] = compress.constant dense<[1, 4, 1, 8]> : tensor<4xi64>
// CHECK: compress.broadcast %arg0, %[[S]] {{.*}} -> tensor<?x4x?x8xf32>
// CHECK-NOT: compress.shape
func.func @expand_keeps_dims(%x: tensor<?x1x?x8xf32> {compress.dims = ["batch", "", "sequence", ""]}) -> !compress.onnx_value {
  %i0 = compress.constant dense<[0]> : tensor<1xi64>
  %i2 = compress.constant dense<[2]> : tensor<1xi64>
  %four = compress.constant dense<[4]> : tensor<1xi64>
  %e = compress.constant dense<[8]> : tensor<1xi64>
  %s = compress.onnx "Shape"(%x) {node_name = "n", result_names = ["s"], version = 17 : i64} : (tensor<?x1x?x8xf32>) -> !compress.onnx_value
  %b = compress.onnx "Gather"(%s, %i0) {node_name = "n", result_names = ["b"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %q = compress.onnx "Gather"(%s, %i2) {node_name = "n", result_names = ["q"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %t = compress.onnx "Concat"(%b, %four, %q, %e) {node_name = "n", onnx_attributes = {axis = 0 : i64}, result_names = ["t"], version = 17 : i64} : (!compress.onnx_value, tensor<1xi64>, !compress.onnx_value, tensor<1xi64>) -> !compress.onnx_value
  %y = compress.onnx "Expand"(%x, %t) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x1x?x8xf32>, !compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// A size is never -1, so the expansion is to the shape of x itself.
// CHECK-LABEL: func.func @expand_where_minus_one(
// CHECK-NEXT: return %arg0
func.func @expand_where_minus_one(%x: tensor<?x3xf32> {compress.dims = ["batch", ""]}) -> !compress.onnx_value {
  %m = compress.constant dense<-1> : tensor<i64>
  %one = compress.constant dense<1> : tensor<2xi64>
  %s = compress.onnx "Shape"(%x) {node_name = "n", result_names = ["s"], version = 17 : i64} : (tensor<?x3xf32>) -> !compress.onnx_value
  %q = compress.onnx "Equal"(%s, %m) {node_name = "n", result_names = ["q"], version = 17 : i64} : (!compress.onnx_value, tensor<i64>) -> !compress.onnx_value
  %t = compress.onnx "Where"(%q, %one, %s) {node_name = "n", result_names = ["t"], version = 17 : i64} : (!compress.onnx_value, tensor<2xi64>, !compress.onnx_value) -> !compress.onnx_value
  %y = compress.onnx "Expand"(%x, %t) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x3xf32>, !compress.onnx_value) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @static_shape_folds(
// CHECK-NEXT: %[[S:.*]] = compress.constant dense<[2, 3]> : tensor<2xi64>
// CHECK-NEXT: return %[[S]]
func.func @static_shape_folds(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Shape"(%x) {node_name = "n", result_names = ["y"], version = 15 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @shape_15_range(
// CHECK-NEXT: compress.constant dense<[3, 4]> : tensor<2xi64>
func.func @shape_15_range(%x: tensor<2x3x4xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Shape"(%x) {node_name = "n", onnx_attributes = {start = -2 : i64}, result_names = ["y"], version = 15 : i64} : (tensor<2x3x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @size(
// CHECK-NEXT: compress.constant dense<6> : tensor<i64>
func.func @size(%x: tensor<2x3xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Size"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<2x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @constant_forms(
// CHECK-NEXT: compress.constant dense<[1, 2]> : tensor<2xi64>
func.func @constant_forms() -> !compress.onnx_value {
  %y = compress.onnx "Constant"() {node_name = "n", onnx_attributes = {value_ints = array<i64: 1, 2>}, result_names = ["y"], version = 12 : i64} : () -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @constants_fold(
// CHECK-NEXT: compress.constant dense<4.000000e+00> : tensor<f32>
func.func @constants_fold() -> !compress.onnx_value {
  %c = compress.constant dense<16.0> : tensor<f32>
  %y = compress.onnx "Sqrt"(%c) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<f32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
