// RUN: compress-translate --export-onnx %s -o %t.qdq.onnx
// RUN: compress-translate --import-onnx %t.qdq.onnx | FileCheck %s --check-prefixes=CHECK,QDQ
// RUN: compress-translate --export-onnx --form=matmulnbits %s -o %t.nbits.onnx
// RUN: compress-translate --import-onnx %t.nbits.onnx | FileCheck %s --check-prefixes=CHECK,NBITS

// ONNX has no bitmaps: codes are dense, and the metadata says what they are.
// CHECK: "compress.sparsity.w.q", "bitmap"
// QDQ: tensor<8x2xi4> = dense<{{\[\[}}0, 0], [7, -3], [0, 2], [0, -8], [0, 5], [0, 0], [0, 0], [1, 0]]>
// NBITS: com.microsoft
compress.weight private @w.q : tensor<6xi4> = dense<[7, 1, -3, 2, -8, 5]>
compress.weight private @w.bitmap : tensor<2xi8> = dense<[-126, 30]>
compress.weight private @w.scale : tensor<2x1xf32> = dense<[[0.5], [2.0]]>
func.func @main(%x: tensor<?x8xf32> {compress.name = "x"}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  %q = compress.load @w.q : tensor<6xi4>
  %b = compress.load @w.bitmap : tensor<2xi8>
  %c = compress.expand_bitmap %q, %b : (tensor<6xi4>, tensor<2xi8>) -> tensor<2x8xi4>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %w = compress.dequantize %c, %s {block = array<i64: 1, -1>} : (tensor<2x8xi4>, tensor<2x1xf32>) -> tensor<2x8xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
