// RUN: compress-opt %s --split-input-file --compress-merge-adapters --remarks-filter=adapters --verify-diagnostics | FileCheck %s

// What the adapter is added to is a result, too.
compress.weight private @w : tensor<2x2xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_second_use
// CHECK-COUNT-3: compress.linear
// CHECK: compress.add
func.func @no_second_use(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = compress.load @w : tensor<2x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %x, %a {name = "down"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b {name = "up"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  // expected-remark@below {{branch "down" beside "fc" is not merged: what the adapter is added to is also used without it}}
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y, %r : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// A split weight with a quantized residual has the same form, and is to stay split.
compress.weight private @w : tensor<2x2xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_split_weight
// CHECK-COUNT-3: compress.linear
func.func @no_split_weight(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %x, %a {name = "fc/v"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b {name = "fc/u"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  // expected-remark@below {{branch "fc/v" beside "fc" is not merged: it is the low-rank part of a split weight}}
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// -----

compress.weight private @w : tensor<2x2xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @c : tensor<1xf32> = dense<1.0>
compress.weight private @b : tensor<2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_bias
// CHECK-COUNT-3: compress.linear
func.func @no_bias(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %c = compress.load @c : tensor<1xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %x, %a bias %c {name = "down"} : (tensor<?x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b {name = "up"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  // expected-remark@below {{branch "down" beside "fc" is not merged: its branch has a bias}}
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// -----

compress.weight private @w : tensor<2x2xf16> = dense<60000.0>
compress.weight private @a : tensor<1x2xf16> = dense<100.0>
compress.weight private @b : tensor<2x1xf16> = dense<[[0.0], [100.0]]>
// CHECK-LABEL: func.func @no_overflow
// CHECK-COUNT-3: compress.linear
func.func @no_overflow(%x: tensor<?x2xf16>) -> tensor<?x2xf16> {
  %w = compress.load @w : tensor<2x2xf16>
  %a = compress.load @a : tensor<1x2xf16>
  %b = compress.load @b : tensor<2x1xf16>
  // expected-remark@below {{weight 'w' of "fc": its adapter is not merged: element 2 of the sum does not fit into f16}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf16>
  %h = compress.linear nk %x, %a : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>
  %d = compress.linear nk %h, %b : (tensor<?x1xf16>, tensor<2x1xf16>) -> tensor<?x2xf16>
  %r = compress.add %y, %d : (tensor<?x2xf16>, tensor<?x2xf16>) -> tensor<?x2xf16>
  return %r : tensor<?x2xf16>
}

// -----

// No adapters, and no remark: the branch sees something else; something is between the factors; the
// window of a convolution differs; the scale is a vector.
compress.weight private @w : tensor<2x2xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x1xf32> = dense<1.0>
compress.weight private @v : tensor<2xf32> = dense<[1.0, 2.0]>
// CHECK-LABEL: func.func @no_adapters
// CHECK-COUNT-9: compress.linear
func.func @no_adapters(%x: tensor<?x2xf32>, %z: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %v = compress.load @v : tensor<2xf32>
  %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %z, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %y1 = compress.linear nk %r, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h1 = compress.linear nk %r, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %g1 = compress.relu %h1 : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %d1 = compress.linear nk %g1, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r1 = compress.add %y1, %d1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %y2 = compress.linear nk %r1, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h2 = compress.linear nk %r1, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d2 = compress.linear nk %h2, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %m2 = compress.mul %d2, %v : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %r2 = compress.add %y2, %m2 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r2 : tensor<?x2xf32>
}

// -----

compress.weight private @w : tensor<1x1x3xf32> = dense<1.0>
compress.weight private @a : tensor<1x1x3xf32> = dense<1.0>
compress.weight private @b : tensor<1x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_other_window
// CHECK-COUNT-3: compress.conv
func.func @no_other_window(%x: tensor<1x1x8xf32>) -> tensor<1x1x8xf32> {
  %w = compress.load @w : tensor<1x1x3xf32>
  %a = compress.load @a : tensor<1x1x3xf32>
  %b = compress.load @b : tensor<1x1x1xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>} : (tensor<1x1x8xf32>, tensor<1x1x3xf32>) -> tensor<1x1x8xf32>
  %h = compress.conv %x, %a {strides = array<i64: 1>, pads = array<i64: 2, 0>, dilations = array<i64: 1>} : (tensor<1x1x8xf32>, tensor<1x1x3xf32>) -> tensor<1x1x8xf32>
  %d = compress.conv %h, %b {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x1x8xf32>, tensor<1x1x1xf32>) -> tensor<1x1x8xf32>
  %r = compress.add %y, %d : (tensor<1x1x8xf32>, tensor<1x1x8xf32>) -> tensor<1x1x8xf32>
  return %r : tensor<1x1x8xf32>
}

// -----

// The op computes with codes of 8 bits.
compress.weight private @w : tensor<2x2xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_quantized_activation
// CHECK-COUNT-3: compress.linear
func.func @no_quantized_activation(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<?x2xf32>) -> (tensor<?x2xui8>, tensor<f32>, tensor<ui8>)
  %dx = compress.dequantize %q, %s, %z : (tensor<?x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x2xf32>
  %y = compress.linear nk %dx, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %x, %a {name = "down"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b {name = "up"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  // expected-remark@below {{branch "down" beside "fc" is not merged: the op sees quantized activations, and its branch sees others}}
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// -----

// A factor that is not finite is an error.
compress.weight private @w : tensor<1x1xf32> = dense<1.0>
compress.weight private @a : tensor<1x1xf32> = dense<0x7FC00000>
compress.weight private @b : tensor<1x1xf32> = dense<1.0>
func.func @invalid_factor(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %w = compress.load @w : tensor<1x1xf32>
  %a = compress.load @a : tensor<1x1xf32>
  %b = compress.load @b : tensor<1x1xf32>
  // expected-error@below {{adapter weight 'a' has an element that is not finite}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %h = compress.linear nk %x, %a : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %r = compress.add %y, %d : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}
