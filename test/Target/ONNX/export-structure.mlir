// RUN: compress-translate --export-onnx %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s

// Contractions, reductions and data movement at opset 13: axes of ReduceMax are an attribute, those
// of ReduceSum, Squeeze and Unsqueeze an input.

// CHECK: ir_version = 7 : i64, opset_import = {{\[\[}}"", 13]]
module {
  // CHECK: compress.weight private @w : tensor<4x3xf32>
  compress.weight private @w : tensor<4x3xf32> = dense<1.0>
  compress.weight private @b : tensor<3xf32> = dense<2.0>
  // Not used, not written.
  // CHECK-NOT: @unused
  compress.weight private @unused : tensor<3xf32> = dense<2.0>
  // CHECK-LABEL: func.func @main
  func.func @main(%x: tensor<2x4xf32> {compress.name = "x"}, %y: tensor<1x2x4xf32> {compress.name = "y"},
                  %i: tensor<1x2x6x6xf32> {compress.name = "i"}, %same: tensor<2xf32> {compress.name = "same"})
      -> (tensor<2x3xf32> {compress.name = "gemm"}, tensor<1x2x3xf32> {compress.name = "add"},
          tensor<4x2xf32> {compress.name = "nk"}, tensor<1x2x1x1xf32> {compress.name = "pool"},
          tensor<1x2x6xf32> {compress.name = "max"}, tensor<2x6x6xf32> {compress.name = "squeezed"},
          tensor<2xf32> {compress.name = "same"}, tensor<4x3xf32> {compress.name = "copy"}) {
    %w = compress.load @w : tensor<4x3xf32>
    %b = compress.load @b : tensor<3xf32>
    // CHECK: compress.onnx "Gemm"(%{{.*}}, %w, %b)
    // CHECK-SAME: node_name = "l1", result_names = ["gemm"]
    %0 = compress.linear kn %x, %w bias %b {name = "l1"}
      : (tensor<2x4xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    // CHECK: %[[M:.*]] = compress.onnx "MatMul"
    // CHECK: compress.onnx "Add"(%[[M]], %b)
    // CHECK-SAME: node_name = "l2", result_names = ["add"]
    %1 = compress.linear kn %y, %w bias %b {name = "l2"}
      : (tensor<1x2x4xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<1x2x3xf32>
    // CHECK: compress.onnx "Transpose"
    // CHECK-SAME: perm = array<i64: 1, 0>
    %t = compress.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
    // CHECK: compress.onnx "Softmax"
    // CHECK-SAME: axis = 1
    %2 = compress.softmax %t {axis = 1 : i64} : (tensor<4x2xf32>) -> tensor<4x2xf32>
    // CHECK: compress.onnx "MaxPool"
    // CHECK-NOT: dilations
    // CHECK-SAME: kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>
    %p = compress.pool max %i {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                               pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>}
      : (tensor<1x2x6x6xf32>) -> tensor<1x2x6x6xf32>
    // CHECK: compress.onnx "GlobalAveragePool"
    %3 = compress.reduce mean %p {axes = array<i64: 2, 3>}
      : (tensor<1x2x6x6xf32>) -> tensor<1x2x1x1xf32>
    // CHECK: compress.onnx "ReduceMax"
    // CHECK-SAME: axes = array<i64: 3>, keepdims = 0
    %4 = compress.reduce max %p {axes = array<i64: 3>, keepdims = false}
      : (tensor<1x2x6x6xf32>) -> tensor<1x2x6xf32>
    // CHECK: compress.onnx "Squeeze"(%{{.*}}, %{{.*}}) {{{.*}}} : (!compress.onnx_value, tensor<1xi64>)
    %5 = compress.squeeze %p {axes = array<i64: 0>} : (tensor<1x2x6x6xf32>) -> tensor<2x6x6xf32>
    // An input that is an output of the same name needs nothing, a weight a copy.
    // CHECK: %[[COPY:.*]] = compress.onnx "Identity"(%w)
    // CHECK-SAME: result_names = ["copy"]
    // CHECK-NEXT: return {{.*}}, %[[SAME:arg3]], %[[COPY]]
    return %0, %1, %2, %3, %4, %5, %same, %w
      : tensor<2x3xf32>, tensor<1x2x3xf32>, tensor<4x2xf32>, tensor<1x2x1x1xf32>, tensor<1x2x6xf32>,
        tensor<2x6x6xf32>, tensor<2xf32>, tensor<4x3xf32>
  }
}
