// RUN: compress-translate --export-onnx --opset=17 %s -o %t.onnx
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s

// Composite ops are written as their parts, in any opset. The name of the value is that of the last
// node, and parts are named after it.

// CHECK: opset_import = {{\[\[}}"", 17]]
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<?x?x8xf32> {compress.name = "x"}, %w: tensor<8xf32> {compress.name = "w"},
                %q: tensor<?x?x4x8xf32> {compress.name = "q"}, %k: tensor<?x?x2x8xf32> {compress.name = "k"},
                %c: tensor<?x1x8xf32> {compress.name = "c"})
    -> (tensor<?x?x8xf32> {compress.name = "norm"}, tensor<?x?x4x8xf32> {compress.name = "y"}) {
  // CHECK: compress.onnx "ReduceMean"({{.*}}result_names = ["norm/mean"]
  // CHECK: compress.onnx "Mul"({{.*}}result_names = ["norm"]
  %0 = compress.rms_norm %x, %w {axis = 2 : i64} : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32> loc("norm")
  // CHECK: compress.onnx "Concat"({{.*}}result_names = ["rotary/rotated"]
  // CHECK: compress.onnx "Add"({{.*}}result_names = ["rotary"]
  %1 = compress.rotary_embedding %q, %c, %c : (tensor<?x?x4x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>) -> tensor<?x?x4x8xf32> loc("rotary")
  // CHECK: compress.onnx "Gather"({{.*}}result_names = ["y/keys"]
  // CHECK: compress.onnx "Softmax"({{.*}}result_names = ["y/weights"]
  // CHECK: compress.onnx "Transpose"({{.*}}result_names = ["y"]
  // CHECK-NEXT: return
  %2 = compress.attention bshd %1, %k, %k {scale = 0.5 : f32} : (tensor<?x?x4x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>) -> tensor<?x?x4x8xf32> loc("y")
  return %0, %2 : tensor<?x?x8xf32>, tensor<?x?x4x8xf32>
}
