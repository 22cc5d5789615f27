// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --split-input-file --verify-diagnostics

func.func @untyped(%c: tensor<i1>, %x: !compress.onnx_value) -> !compress.onnx_value {
  // expected-error@below {{node "if1" (If): result has no tensor type of known rank}}
  // expected-error@below {{failed to legalize}}
  %y = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> !compress.onnx_value {
    compress.yield %x : !compress.onnx_value
  }, {
    compress.yield %x : !compress.onnx_value
  }
  return %y : !compress.onnx_value
}

// -----

func.func @batched_scan(%s: tensor<2xf32>, %x: tensor<5x2xf32>) -> tensor<2xf32> {
  // expected-error@below {{node "scan1" (Scan): batched form of opset 8}}
  // expected-error@below {{failed to legalize}}
  %y = compress.onnx "Scan"(%s, %x) {body_names = [["body", "b"]], node_name = "scan1", onnx_attributes = {num_scan_inputs = 1 : i64}, result_names = ["a"], version = 8 : i64} : (tensor<2xf32>, tensor<5x2xf32>) -> tensor<2xf32> {
  ^bb0(%v: tensor<2xf32>, %e: tensor<2xf32>):
    compress.yield %v : tensor<2xf32>
  }
  return %y : tensor<2xf32>
}

// -----

func.func @other_body(%x: tensor<2xf32>) -> tensor<2xf32> {
  // expected-error@below {{node "map1" (SequenceMap): the operator has no model op}}
  // expected-error@below {{failed to legalize}}
  %y = compress.onnx "SequenceMap"(%x) {body_names = [["body", "b"]], node_name = "map1", result_names = ["a"], version = 17 : i64} : (tensor<2xf32>) -> tensor<2xf32> {
  ^bb0(%v: tensor<2xf32>):
    compress.yield %v : tensor<2xf32>
  }
  return %y : tensor<2xf32>
}
