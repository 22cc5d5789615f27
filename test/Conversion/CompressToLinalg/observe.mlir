// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false | FileCheck %s

// Observers are numbered in program order, in branches, too, and keep the type of the model.
// CHECK-LABEL: func.func @main
// CHECK: compress.observe %{{.*}} {element_type = f32, id = ["x"], index = 0 : i64} : tensor<2xf32>
// CHECK: scf.if
// CHECK: compress.observe %{{.*}} {element_type = ui8, id = ["then"], index = 1 : i64} : tensor<?xi8>
// CHECK: else
// CHECK: compress.observe %{{.*}} {element_type = f8E4M3FN, id = ["else"], index = 2 : i64} : tensor<3xi8>
func.func @main(%c: tensor<i1>, %x: tensor<2xf32>, %u: tensor<?xui8>, %f: tensor<3xf8E4M3FN>) -> tensor<2xf32> {
  compress.observe %x {id = ["x"]} : tensor<2xf32>
  %y = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<2xf32> {
    compress.observe %u {id = ["then"]} : tensor<?xui8>
    compress.yield %x : tensor<2xf32>
  }, {
    compress.observe %f {id = ["else"]} : tensor<3xf8E4M3FN>
    compress.yield %x : tensor<2xf32>
  }
  return %y : tensor<2xf32>
}
