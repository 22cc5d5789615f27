// RUN: split-file %s %t
// RUN: not compress-translate --export-onnx %t/opaque.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=OPAQUE
// RUN: not compress-translate --export-onnx --opset=17 %t/opset.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=OPSET
// RUN: not compress-translate --export-onnx --opset=99 %t/opset.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not compress-translate --export-onnx %t/entry.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not compress-translate --export-onnx %t/type.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not compress-translate --export-onnx %t/foreign.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=FOREIGN
// RUN: not compress-translate --export-onnx %t/opset.mlir -o %t/absent/o.onnx 2>&1 | FileCheck %s --check-prefix=FOLDER
// Nothing was written.
// RUN: not ls %t/o.onnx

//--- opaque.mlir
// An opaque node whose operator changed meanwhile cannot be moved to the opset of the others.
// OPAQUE: opaque.mlir:6:10: error: ONNX node 'norm': operator GroupNormalization changed between its opset 18 and opset 21, which other operators need
module attributes {compress.onnx = {ir_version = 8 : i64, opset_import = [["", 18]]}} {
  compress.weight private @s : tensor<1x1x1x1xf32> = dense<1.0>
  func.func @main(%x: tensor<1x2x4x4xf32>, %g: tensor<1xf32>) -> !compress.onnx_value {
    %y = compress.onnx "GroupNormalization"(%x, %g, %g) {node_name = "norm", onnx_attributes = {num_groups = 1 : i64}, result_names = ["y"], version = 18 : i64} : (tensor<1x2x4x4xf32>, tensor<1xf32>, tensor<1xf32>) -> !compress.onnx_value
    %s = compress.load @s : tensor<1x1x1x1xf32>
    %q = compress.quantize %x, %s {block = array<i64: -1, -1, -1, -1>} : (tensor<1x2x4x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x2x4x4xi4>
    return %y : !compress.onnx_value
  }
}

//--- opset.mlir
// OPSET: opset.mlir:5:8: error: 'compress.gelu' op needs opset 20, but opset 17 was asked for
// RANGE: error: opset must be in [13, 26], got 99
// FOLDER: o.onnx
module { func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = compress.gelu none %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
} }

//--- entry.mlir
// ENTRY: error: ONNX export needs one public function, or one named 'main'; found 2 public functions
module {
  func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }
  func.func @b(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }
}

//--- type.mlir
// TYPE: error: 'compress.cast' op cannot be written: ONNX has no element type 'i3'
module { func.func @main(%x: tensor<4xf32>) -> tensor<4xi3> {
  %y = compress.cast %x : (tensor<4xf32>) -> tensor<4xi3>
  return %y : tensor<4xi3>
} }

//--- foreign.mlir
// FOREIGN: error: 'arith.addf' op has no ONNX form
module { func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = arith.addf %x, %x : tensor<4xf32>
  return %y : tensor<4xf32>
} }
