// RUN: split-file %s %t
// RUN: not compress-translate --export-onnx %t/mx.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=MX
// RUN: not compress-translate --export-onnx %t/mx2.mlir -o %t/o.onnx 2>&1 | FileCheck %s --check-prefix=MX2
// RUN: not ls %t/o.onnx
// RUN: compress-translate --export-onnx --form=dense %t/mx.mlir -o %t/dense.onnx
// RUN: compress-translate --import-onnx %t/dense.onnx | FileCheck %s --check-prefix=DENSE
// RUN: compress-opt --form=matmulnbits %t/table.mlir -o %t/table.onnx --remarks-filter=export 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-translate --import-onnx %t/table.onnx | FileCheck %s --check-prefix=TABLE

//--- mx.mlir
// No operator takes 6-bit floats.
// MX: mx.mlir:[[#]]:8: error: 'compress.dequantize' op cannot be written: no ONNX operator takes codes of type f6E3M2FN, the format mxfp6; the nearest formats that can be written are mxfp8 and fp8, and --form=dense writes floats
// DENSE: compress.weight private @{{.*}} : tensor<32x4xf32> = dense<3.750000e-01>
module {
  compress.weight private @q : tensor<32x4xf6E3M2FN> = dense<1.5>
  compress.weight private @s : tensor<1x4xf8E8M0FNU> = dense<0.25>
  compress.weight private @one : tensor<f32> = dense<1.0>
  func.func @main(%x: tensor<?x32xf32>) -> tensor<?x4xf32> {
  %q = compress.load @q : tensor<32x4xf6E3M2FN>
  %e = compress.load @s : tensor<1x4xf8E8M0FNU>
  %o = compress.load @one : tensor<f32>
  %s = compress.dequantize %e, %o : (tensor<1x4xf8E8M0FNU>, tensor<f32>) -> tensor<1x4xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 32, 1>} : (tensor<32x4xf6E3M2FN>, tensor<1x4xf32>) -> tensor<32x4xf32>
  %y = compress.linear kn %x, %w : (tensor<?x32xf32>, tensor<32x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
  }
}

//--- mx2.mlir
// The same with scales that are stored, behind a linear that exchanges the dims.
// MX2: error: 'compress.dequantize' op cannot be written: no ONNX operator takes codes of type f6E2M3FN, the format mxfp6_e2m3; the nearest
module {
  compress.weight private @q : tensor<4x32xf6E2M3FN> = dense<1.5>
  compress.weight private @s : tensor<4x1xf32> = dense<0.25>
  func.func @main(%x: tensor<?x32xf32>) -> tensor<?x4xf32> {
  %q = compress.load @q : tensor<4x32xf6E2M3FN>
  %s = compress.load @s : tensor<4x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 32>} : (tensor<4x32xf6E2M3FN>, tensor<4x1xf32>) -> tensor<4x32xf32>
  %y = compress.linear nk %x, %w : (tensor<?x32xf32>, tensor<4x32xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
  }
}

//--- table.mlir
// MatMulNBits has integers only.
// REMARK: not written as MatMulNBits: the weight is not integers with stored scales
// REMARK: written as DequantizeLinear instead of MatMulNBits: the codes are not integers of 2, 4 or 8 bits
// TABLE-NOT: MatMulNBits
// TABLE: compress.onnx "Gather"
// TABLE: compress.onnx "MatMul"
// TABLE: compress.onnx "DequantizeLinear"
// TABLE: compress.onnx "MatMul"
module {
  compress.weight private @q : tensor<32x4xui4> = dense<3>
  compress.weight private @t : tensor<16xf32> = dense<0.5>
  compress.weight private @f : tensor<32x4xf8E4M3FN> = dense<0.5>
  compress.weight private @s : tensor<1x4xf32> = dense<0.5>
  func.func @main(%x: tensor<?x32xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %q = compress.load @q : tensor<32x4xui4>
  %t = compress.load @t : tensor<16xf32>
  %v = compress.lookup %q, %t : (tensor<32x4xui4>, tensor<16xf32>) -> tensor<32x4xf32>
  %y = compress.linear kn %x, %v : (tensor<?x32xf32>, tensor<32x4xf32>) -> tensor<?x4xf32>
  %f = compress.load @f : tensor<32x4xf8E4M3FN>
  %s = compress.load @s : tensor<1x4xf32>
  %w = compress.dequantize %f, %s {block = array<i64: -1, 1>} : (tensor<32x4xf8E4M3FN>, tensor<1x4xf32>) -> tensor<32x4xf32>
  %z = compress.linear kn %x, %w : (tensor<?x32xf32>, tensor<32x4xf32>) -> tensor<?x4xf32>
  return %y, %z : tensor<?x4xf32>, tensor<?x4xf32>
  }
}
