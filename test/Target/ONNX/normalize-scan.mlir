// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

// Results of a Scan: the state as the body has it, and a slice per element of the scanned dim.
// CHECK-LABEL: func.func @scan
// CHECK: compress.onnx "Scan"
// CHECK-SAME: -> (tensor<2xf32>, tensor<2x3xf32>)
func.func @scan(%s: tensor<2xf32>, %x: tensor<3x2xf32>) -> (!compress.onnx_value, !compress.onnx_value) {
  %y, %z = compress.onnx "Scan"(%s, %x) {body_names = [["body", "b"]], node_name = "scan1", onnx_attributes = {num_scan_inputs = 1 : i64, scan_output_axes = array<i64: -1>}, result_names = ["y", "z"], version = 17 : i64} : (tensor<2xf32>, tensor<3x2xf32>) -> (!compress.onnx_value, !compress.onnx_value) {
  ^bb0(%v: tensor<2xf32>, %e: tensor<2xf32>):
    %w = compress.onnx "Add"(%v, %e) {node_name = "add", result_names = ["w"], version = 17 : i64} : (tensor<2xf32>, tensor<2xf32>) -> !compress.onnx_value
    compress.yield %w, %w : !compress.onnx_value, !compress.onnx_value
  }
  return %y, %z : !compress.onnx_value, !compress.onnx_value
}
