// RUN: compress-translate --export-onnx %s -o %t.onnx 2>&1 | FileCheck %s --check-prefix=WARN
// RUN: compress-translate --import-onnx %t.onnx | FileCheck %s

// Observers have no ONNX form.
// WARN: warning: compress.observe is left out: ONNX has no observers
// CHECK-LABEL: func.func @main
// CHECK: compress.onnx "Relu"
// CHECK-NEXT: return
module attributes {compress.onnx = {ir_version = 8 : i64, opset_import = [["", 17]]}} {
  func.func @main(%x: tensor<3x2xf32> {compress.name = "x"}) -> (tensor<3x2xf32> {compress.name = "y"}) {
    compress.observe %x {id = ["a:input"]} : tensor<3x2xf32>
    %y = compress.relu %x : (tensor<3x2xf32>) -> tensor<3x2xf32>
    return %y : tensor<3x2xf32>
  }
}
