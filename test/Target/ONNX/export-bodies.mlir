// RUN: compress-translate --export-onnx %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s

// What is recorded about a body is used where it still holds: names, names of dims, declared types
// that the value can have. A weight that other graphs use, too, is one of the main graph.

// CHECK-DAG: compress.weight private @shared
// CHECK-DAG: compress.weight private @own
// CHECK-LABEL: func.func @main
// CHECK: compress.onnx "If"
// CHECK-SAME: ["then_branch", "yes", {initializers = ["own"],
// CHECK-SAME: outputs = [{compress.dims = ["N"], compress.name = "a", compress.type = tensor<?xf32>}, {compress.name = "b", compress.type = tensor<2xf32>}]}]
// CHECK-SAME: ["else_branch", "no", {outputs = [{compress.name = "c", compress.type = tensor<2xf32>}, {compress.name = "d", compress.type = tensor<2xf32>}]}]
module attributes {compress.onnx = {ir_version = 8 : i64, opset_import = [["", 17]]}} {
  compress.weight private @own : tensor<2xf32> = dense<[1.0, 2.0]>
  compress.weight private @shared : tensor<2xf32> = dense<[3.0, 4.0]>
  func.func @main(%x: tensor<2xf32> {compress.name = "x"}, %c: tensor<i1> {compress.name = "c0"})
      -> (!compress.onnx_value {compress.name = "y", compress.type = tensor<2xf32>},
          !compress.onnx_value {compress.name = "z", compress.type = tensor<2xf32>}) {
    %y:2 = compress.onnx "If"(%c) {body_names = [
          ["then_branch", "yes", {initializers = ["own", "shared", "gone"], outputs = [
            {compress.name = "a", compress.type = tensor<?xf32>, compress.dims = ["N"]},
            {compress.name = "b", compress.type = tensor<3x?xf32>, compress.dims = ["", "M"]}]}],
          ["else_branch", "no", {outputs = [{compress.name = "c"}, {compress.name = "d"}]}]],
        node_name = "if", result_names = ["y", "z"], version = 17 : i64}
        : (tensor<i1>) -> (!compress.onnx_value, !compress.onnx_value) {
      %own = compress.load @own : tensor<2xf32>
      %shared = compress.load @shared : tensor<2xf32>
      %a = compress.add %x, %own : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      %b = compress.add %x, %shared : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      compress.yield %a, %b : tensor<2xf32>, tensor<2xf32>
    }, {
      %shared = compress.load @shared : tensor<2xf32>
      %d = compress.mul %x, %shared : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      compress.yield %x, %d : tensor<2xf32>, tensor<2xf32>
    }
    return %y#0, %y#1 : !compress.onnx_value, !compress.onnx_value
  }
}
