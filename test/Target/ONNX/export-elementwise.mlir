// RUN: compress-translate --export-onnx %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s

// Element-wise ops become the operator of their name; the opset is the one that Gelu needs.

// CHECK: ir_version = 9 : i64
// CHECK-SAME: opset_import = {{\[\[}}"", 20]]

module {
  // CHECK-LABEL: func.func @main
  // CHECK-SAME: %[[X:.*]]: tensor<?x4xf32> {compress.dims = ["batch", ""], compress.name = "x"}
  func.func @main(%x: tensor<?x4xf32> {compress.name = "x", compress.dims = ["batch", ""]})
      -> (tensor<?x4xf32> {compress.name = "y"}) {
    // CHECK: %[[A:.*]] = compress.onnx "Add"(%[[X]], %[[X]])
    // CHECK-SAME: result_names = ["sum"]
    %0 = compress.add %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> loc("sum")
    // CHECK: compress.onnx "Gelu"(%[[A]])
    // CHECK-SAME: approximate = "tanh"
    %1 = compress.gelu tanh %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: compress.onnx "LeakyRelu"
    // CHECK-SAME: alpha = 2.000000e-01 : f32
    %2 = compress.leaky_relu %1 {alpha = 0.2 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: compress.onnx "Elu"
    // CHECK-SAME: alpha = 5.000000e-01 : f32
    %3 = compress.elu %2 {alpha = 0.5 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: compress.onnx "HardSigmoid"
    // CHECK-SAME: alpha = 1.000000e-01 : f32, beta = 3.000000e-01 : f32
    %4 = compress.hard_sigmoid %3 {alpha = 0.1 : f32, beta = 0.3 : f32}
      : (tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: compress.onnx "GreaterOrEqual"
    // CHECK-SAME: node_name = "compare"
    // CHECK-SAME: result_names = ["mask"]
    %5 = compress.greater_equal %4, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xi1>
      loc("compare"("mask"))
    // CHECK: compress.onnx "Where"
    %6 = compress.where %5, %4, %x
      : (tensor<?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %max = compress.constant dense<1.0> : tensor<f32>
    // The missing lower bound is an omitted input.
    // CHECK: compress.onnx "Clip"
    // CHECK-SAME: (!compress.onnx_value, none, tensor<f32>)
    %7 = compress.clip %6 max %max : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
    // CHECK: compress.onnx "Cast"
    // CHECK-SAME: to = 10
    %8 = compress.cast %7 : (tensor<?x4xf32>) -> tensor<?x4xf16>
    // CHECK: %[[Y:.*]] = compress.onnx "Cast"
    // CHECK-SAME: result_names = ["y"]
    %9 = compress.cast %8 : (tensor<?x4xf16>) -> tensor<?x4xf32>
    // CHECK: return %[[Y]]
    return %9 : tensor<?x4xf32>
  }
}
