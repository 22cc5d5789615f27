// RUN: compress-opt %s --compress-verify-chains --split-input-file --verify-diagnostics

// Two of eight elements, and bits of a short last byte that are zero.
compress.weight private @w.q : tensor<2xui4> = dense<[7, 1]>
compress.weight private @w.bitmap : tensor<2xi8> = dense<[64, 2]>
compress.weight private @w.scale : tensor<2x1xf32> = dense<[[0.5], [2.0]]>
compress.weight private @w.zp : tensor<2x1xui4> = dense<5>
func.func @valid(%x: tensor<?x5xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2xui4>
  %b = compress.load @w.bitmap : tensor<2xi8>
  %c = compress.expand_bitmap %q, %b {fill = 5 : i64} : (tensor<2xui4>, tensor<2xi8>) -> tensor<2x5xui4>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %z = compress.load @w.zp : tensor<2x1xui4>
  %w = compress.dequantize %c, %s, %z {block = array<i64: 1, -1>} : (tensor<2x5xui4>, tensor<2x1xf32>, tensor<2x1xui4>) -> tensor<2x5xf32>
  %y = compress.linear nk %x, %w : (tensor<?x5xf32>, tensor<2x5xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.kept : tensor<2xf32> = dense<1.0>
compress.weight private @w.bitmap : tensor<1xi8> = dense<7>
func.func @wrong_number(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.kept : tensor<2xf32>
  %b = compress.load @w.bitmap : tensor<1xi8>
  %w = compress.expand_bitmap %q, %b : (tensor<2xf32>, tensor<1xi8>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.kept': the bitmap keeps 3 elements, but there are 2 codes}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Bit 6 of the last byte stands for no element.
compress.weight private @w.kept : tensor<2xf32> = dense<1.0>
compress.weight private @w.bitmap : tensor<1xi8> = dense<67>
func.func @unclean_end(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.kept : tensor<2xf32>
  %b = compress.load @w.bitmap : tensor<1xi8>
  %w = compress.expand_bitmap %q, %b : (tensor<2xf32>, tensor<1xi8>) -> tensor<2x3xf32>
  // expected-error @+1 {{weight 'w.kept': the bitmap has bits for more than 6 elements}}
  %y = compress.linear nk %x, %w : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.q : tensor<1xi8> = dense<1>
compress.weight private @w.bitmap : tensor<1xi8> = dense<8>
compress.weight private @w.scale : tensor<f32> = dense<1.0>
func.func @wrong_fill(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<1xi8>
  %b = compress.load @w.bitmap : tensor<1xi8>
  %c = compress.expand_bitmap %q, %b {fill = -1 : i64} : (tensor<1xi8>, tensor<1xi8>) -> tensor<2x4xi8>
  %s = compress.load @w.scale : tensor<f32>
  %w = compress.dequantize %c, %s : (tensor<2x4xi8>, tensor<f32>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.q': fill -1 does not decode to zero: the zero point of block 0 is 0}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.q : tensor<1xui2> = dense<1>
compress.weight private @w.bitmap : tensor<1xi8> = dense<8>
compress.weight private @w.table : tensor<4xf32> = dense<[0.0, 1.0, -1.0, 2.0]>
func.func @wrong_entry(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<1xui2>
  %b = compress.load @w.bitmap : tensor<1xi8>
  %c = compress.expand_bitmap %q, %b {fill = 2 : i64} : (tensor<1xui2>, tensor<1xi8>) -> tensor<2x4xui2>
  %t = compress.load @w.table : tensor<4xf32>
  %w = compress.lookup %c, %t : (tensor<2x4xui2>, tensor<4xf32>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.q': fill 2 does not decode to zero: its entry of the table is -1}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.kept : tensor<1xf32> = dense<1.0>
func.func @computed_bitmap(%x: tensor<?x4xf32>, %b: tensor<1xi8>) -> tensor<?x2xf32> {
  %q = compress.load @w.kept : tensor<1xf32>
  %w = compress.expand_bitmap %q, %b : (tensor<1xf32>, tensor<1xi8>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.kept': its bitmap is not constant}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
