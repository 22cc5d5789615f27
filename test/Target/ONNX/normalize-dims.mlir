// RUN: compress-opt %s --compress-normalize-onnx="dims=batch=2,sequence=5" | FileCheck %s
// RUN: not compress-opt %s --compress-normalize-onnx="dims=nobatch=2" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not compress-opt %s --compress-normalize-onnx="dims=batch=-2" 2>&1 | FileCheck %s --check-prefix=BAD
// UNKNOWN: error: no input has a dim named 'nobatch'
// BAD: error: expects dims as name=size, got 'batch=-2'

// CHECK-LABEL: func.func @dims(
// CHECK-SAME: %arg0: tensor<2x5xf32>
// CHECK-SAME: -> (tensor<2x5xf32>
// CHECK-NEXT: %[[S:.*]] = compress.constant dense<[2, 5]> : tensor<2xi64>
// CHECK-NEXT: return %arg0, %[[S]]
func.func @dims(%x: tensor<?x?xf32> {compress.dims = ["batch", "sequence"]}) -> (tensor<?x?xf32>, !compress.onnx_value) {
  %y = compress.onnx "Shape"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x?xf32>) -> !compress.onnx_value
  return %x, %y : tensor<?x?xf32>, !compress.onnx_value
}
