// RUN: compress-opt %s --split-input-file --compress-decouple-conv --remarks-filter=low-rank --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --compress-decouple-conv=terms=0 2>&1 | FileCheck %s
// CHECK: option 'terms': expects a positive number, got 0

// A random convolution has more terms; this one is a sum of two.
compress.weight private @w : tensor<4x2x3x3xf32> = dense<1.0>
func.func @cost(%x: tensor<1x2x9x9xf32>) -> tensor<1x4x7x7xf32> {
  %w = compress.load @w : tensor<4x2x3x3xf32>
  // expected-remark @+1 {{weight 'w' of "conv" becomes two: rank 1 of 4 (depthwise), svd; 26 parameters instead of 72, 26 multiplications per position instead of 72}}
  %y = compress.conv %x, %w {name = "conv", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x9x9xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x7x7xf32>
  return %y : tensor<1x4x7x7xf32>
}

// -----

compress.weight private @w.q : tensor<4x2x3x3xi8> = dense<1>
compress.weight private @w.scale : tensor<1x1x1x1xf32> = dense<1.0>
func.func @quantized(%x: tensor<1x2x9x9xf32>) -> tensor<1x4x7x7xf32> {
  %q = compress.load @w.q : tensor<4x2x3x3xi8>
  %s = compress.load @w.scale : tensor<1x1x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, -1, -1, -1>} : (tensor<4x2x3x3xi8>, tensor<1x1x1x1xf32>) -> tensor<4x2x3x3xf32>
  // expected-remark @+1 {{stays whole: it is quantized already}}
  %y = compress.conv %x, %w {name = "conv", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x9x9xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x7x7xf32>
  return %y : tensor<1x4x7x7xf32>
}
