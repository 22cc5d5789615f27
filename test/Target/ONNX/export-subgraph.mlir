// RUN: compress-translate --export-onnx %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s

// Bodies read values, weights and decode chains of the outside. The chain is decoded once, before
// the node whose body uses it; what a body returns without computing it is copied. A weight of a
// function becomes a Constant node there.

// CHECK: compress.weight private @w.q : tensor<2x2xi8>
// CHECK: compress.weight private @w.s : tensor<f32>

module attributes {compress.onnx = {ir_version = 8 : i64, opset_import = [["", 17], ["my", 1]]}} {
  compress.weight private @w.q : tensor<2x2xi8> = dense<[[1, 2], [3, 4]]>
  compress.weight private @w.s : tensor<1x1xf32> = dense<0.5>
  compress.weight private @b : tensor<2xf32> = dense<[1.0, 2.0]>
  // CHECK-LABEL: func.func @main
  func.func @main(%x: tensor<3x2xf32> {compress.name = "x"}, %c: tensor<i1> {compress.name = "c"})
      -> (!compress.onnx_value {compress.name = "z", compress.type = tensor<3x2xf32>}) {
    %q = compress.load @w.q : tensor<2x2xi8>
    %s = compress.load @w.s : tensor<1x1xf32>
    %w = compress.dequantize %q, %s {block = array<i64: -1, -1>}
      : (tensor<2x2xi8>, tensor<1x1xf32>) -> tensor<2x2xf32>
    // CHECK: %[[W:.*]] = compress.onnx "DequantizeLinear"
    // CHECK-SAME: result_names = ["w/dequantized"]
    // CHECK: compress.onnx "If"
    %y = compress.onnx "If"(%c) {body_names = [["then_branch", "yes"], ["else_branch", "no"]],
        node_name = "if", result_names = ["y"], version = 17 : i64}
        : (tensor<i1>) -> !compress.onnx_value {
      // CHECK: %[[M:.*]] = compress.onnx "MatMul"(%{{.*}}, %[[W]])
      // CHECK-SAME: node_name = "inner"
      // CHECK: compress.yield %[[M]]
      %m = compress.linear kn %x, %w {name = "inner"}
        : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
      compress.yield %m : tensor<3x2xf32>
    }, {
      // CHECK: %[[COPY:.*]] = compress.onnx "Identity"(%{{.*}})
      // CHECK: compress.yield %[[COPY]]
      compress.yield %x : tensor<3x2xf32>
    }
    %z = compress.onnx "F"(%y) {domain = "my", result_names = ["z"], version = 1 : i64}
      : (!compress.onnx_value) -> !compress.onnx_value
    return %z : !compress.onnx_value
  }
  // CHECK-LABEL: func.func private @my.F
  func.func private @F(%a: tensor<3x2xf32> {compress.name = "a"})
      -> (tensor<3x2xf32> {compress.name = "r"})
      attributes {compress.onnx_function = {domain = "my", name = "F", opset_import = [["", 17]]}} {
    // CHECK: compress.onnx "Constant"
    // CHECK-SAME: value = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
    // CHECK: compress.onnx "Add"
    // CHECK-SAME: result_names = ["r"]
    %b = compress.load @b : tensor<2xf32>
    %r = compress.add %a, %b : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
    return %r : tensor<3x2xf32>
  }
}
