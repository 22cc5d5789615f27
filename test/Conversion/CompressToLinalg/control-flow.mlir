// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @branch
// CHECK: %[[C:.*]] = tensor.extract
// CHECK: scf.if %[[C]] -> (tensor<4xf32>)
func.func @branch(%c: tensor<i1>, %x: tensor<4xf32>) -> tensor<4xf32> {
  %y = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<4xf32> {
    %a = compress.add %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    compress.yield %a : tensor<4xf32>
  }, {
    compress.yield %x : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// Outputs of a counted loop are written into their final place.
// CHECK-LABEL: func.func @counted
// CHECK: tensor.empty(%{{.*}}) : tensor<?x4xf32>
// CHECK: scf.for
// CHECK: tensor.insert_slice
func.func @counted(%n: tensor<i64>, %x: tensor<4xf32>) -> tensor<?x4xf32> {
  %none = compress.none
  %y:2 = compress.onnx "Loop"(%n, %none, %x) {body_names = [["body", "b"]], node_name = "loop1", result_names = ["a", "b"], version = 17 : i64} : (tensor<i64>, none, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  ^bb0(%i: tensor<i64>, %go: tensor<i1>, %v: tensor<4xf32>):
    %w = compress.add %v, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    compress.yield %go, %w, %w : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  }
  return %y#1 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @until
// CHECK: scf.while
func.func @until(%c: tensor<i1>, %x: tensor<f32>, %limit: tensor<f32>) -> tensor<f32> {
  %none = compress.none
  %y = compress.onnx "Loop"(%none, %c, %x) {body_names = [["body", "b"]], node_name = "loop1", result_names = ["a"], version = 17 : i64} : (none, tensor<i1>, tensor<f32>) -> tensor<f32> {
  ^bb0(%i: tensor<i64>, %go: tensor<i1>, %v: tensor<f32>):
    %w = compress.add %v, %v : (tensor<f32>, tensor<f32>) -> tensor<f32>
    %next = compress.less %w, %limit : (tensor<f32>, tensor<f32>) -> tensor<i1>
    compress.yield %next, %w : tensor<i1>, tensor<f32>
  }
  return %y : tensor<f32>
}

// CHECK-LABEL: func.func @scan
// CHECK: scf.for
// CHECK: tensor.extract_slice
func.func @scan(%s: tensor<2xf32>, %x: tensor<5x2xf32>) -> tensor<2xf32> {
  %y = compress.onnx "Scan"(%s, %x) {body_names = [["body", "b"]], node_name = "scan1", onnx_attributes = {num_scan_inputs = 1 : i64}, result_names = ["a"], version = 17 : i64} : (tensor<2xf32>, tensor<5x2xf32>) -> tensor<2xf32> {
  ^bb0(%v: tensor<2xf32>, %e: tensor<2xf32>):
    %w = compress.add %v, %e : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    compress.yield %w : tensor<2xf32>
  }
  return %y : tensor<2xf32>
}
