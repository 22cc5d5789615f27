// RUN: compress-opt %s --compress-verify-chains --split-input-file --verify-diagnostics

// Positions 1 and 1: not increasing.
compress.weight private @w.kept : tensor<1x4xf32> = dense<1.0>
compress.weight private @w.meta : tensor<1x1xi8> = dense<84>
func.func @invalid_positions(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  %k = compress.load @w.kept : tensor<1x4xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x1xi8>) -> tensor<1x8xf32>
  // expected-error @+1 {{weight 'w.kept': position 3 of the 2:4 pattern is outside of its group or not larger than the one before}}
  %y = compress.linear nk %x, %w : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// The last group has two elements, and the last position is 3.
compress.weight private @w.kept : tensor<1x4xf32> = dense<1.0>
compress.weight private @w.meta : tensor<1x1xi8> = dense<-60>
func.func @invalid_position_in_short_group(%x: tensor<?x6xf32>) -> tensor<?x1xf32> {
  %k = compress.load @w.kept : tensor<1x4xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x1xi8>) -> tensor<1x6xf32>
  // expected-error @+1 {{weight 'w.kept': position 3 of the 2:4 pattern is outside of its group}}
  %y = compress.linear nk %x, %w : (tensor<?x6xf32>, tensor<1x6xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w.q : tensor<2x2xui4> = dense<1>
compress.weight private @w.meta : tensor<2x1xi8> = dense<4>
compress.weight private @w.scale : tensor<2x1xf32> = dense<1.0>
compress.weight private @w.zp : tensor<2x1xui4> = dense<[[5], [6]]>
func.func @invalid_fill(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2x2xui4>
  %p = compress.load @w.meta : tensor<2x1xi8>
  %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 5 : i64} : (tensor<2x2xui4>, tensor<2x1xi8>) -> tensor<2x4xui4>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %z = compress.load @w.zp : tensor<2x1xui4>
  %w = compress.dequantize %c, %s, %z {block = array<i64: 1, -1>} : (tensor<2x4xui4>, tensor<2x1xf32>, tensor<2x1xui4>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.q': fill 5 does not decode to zero: the zero point of block 1 is 6}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.q : tensor<1x2xi8> = dense<1>
compress.weight private @w.meta : tensor<1x1xi8> = dense<4>
compress.weight private @w.scale : tensor<1x1xf32> = dense<1.0>
func.func @invalid_fill_without_zero_point(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %q = compress.load @w.q : tensor<1x2xi8>
  %p = compress.load @w.meta : tensor<1x1xi8>
  %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 3 : i64} : (tensor<1x2xi8>, tensor<1x1xi8>) -> tensor<1x4xi8>
  %s = compress.load @w.scale : tensor<1x1xf32>
  %w = compress.dequantize %c, %s {block = array<i64: 1, -1>} : (tensor<1x4xi8>, tensor<1x1xf32>) -> tensor<1x4xf32>
  // expected-error @+1 {{weight 'w.q': fill 3 does not decode to zero: the zero point of block 0 is 0}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w.q : tensor<2x2xi8> = dense<1>
compress.weight private @w.scale : tensor<2x1xf16> = dense<[[1.0], [0x7C00]]>
func.func @invalid_scale(%x: tensor<?x2xf16>) -> tensor<?x2xf16> {
  %q = compress.load @w.q : tensor<2x2xi8>
  %s = compress.load @w.scale : tensor<2x1xf16>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<2x2xi8>, tensor<2x1xf16>) -> tensor<2x2xf16>
  // expected-error @+1 {{weight 'w.q': scale 1 is not finite: }}
  %y = compress.linear nk %x, %w : (tensor<?x2xf16>, tensor<2x2xf16>) -> tensor<?x2xf16>
  return %y : tensor<?x2xf16>
}

// -----

// The pattern must be next to the load, so that it acts on codes.
compress.weight private @w.q : tensor<1x2xi8> = dense<1>
compress.weight private @w.meta : tensor<1x1xi8> = dense<4>
compress.weight private @w.scale : tensor<f32> = dense<1.0>
func.func @invalid_order(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %q = compress.load @w.q : tensor<1x2xi8>
  %s = compress.load @w.scale : tensor<f32>
  %d = compress.dequantize %q, %s : (tensor<1x2xi8>, tensor<f32>) -> tensor<1x2xf32>
  %p = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %d, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  // expected-error @+1 {{weight 'w.q': its decode chain is not in normal form}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A table whose entry for the fill is not zero.
compress.weight private @w.q : tensor<1x2xui2> = dense<1>
compress.weight private @w.meta : tensor<1x1xi8> = dense<4>
compress.weight private @w.table : tensor<4xf32> = dense<[-1.0, 0.0, 0.5, 1.0]>
func.func @invalid_fill_of_table(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %q = compress.load @w.q : tensor<1x2xui2>
  %p = compress.load @w.meta : tensor<1x1xi8>
  %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 2 : i64} : (tensor<1x2xui2>, tensor<1x1xi8>) -> tensor<1x4xui2>
  %t = compress.load @w.table : tensor<4xf32>
  %w = compress.lookup %c, %t : (tensor<1x4xui2>, tensor<4xf32>) -> tensor<1x4xf32>
  // expected-error @+1 {{weight 'w.q': fill 2 does not decode to zero: its entry of the table is 5.0}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w.q : tensor<1x2xui2> = dense<1>
compress.weight private @w.table : tensor<4xf32> = dense<[-1.0, 0.0, 0x7FC00000, 1.0]>
func.func @invalid_table(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %q = compress.load @w.q : tensor<1x2xui2>
  %t = compress.load @w.table : tensor<4xf32>
  %w = compress.lookup %q, %t : (tensor<1x2xui2>, tensor<4xf32>) -> tensor<1x2xf32>
  // expected-error @+1 {{weight 'w.q': table entry 2 is not finite: }}
  %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// 2^127 times 4 is more than f32 holds.
compress.weight private @w.q : tensor<1x2xf4E2M1FN> = dense<1.0>
compress.weight private @w.scale.q : tensor<1x2xf8E8M0FNU> = dense<[[1.0, 0xFE]]>
compress.weight private @w.scale.factor : tensor<f32> = dense<4.0>
func.func @invalid_nested_scale(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %q = compress.load @w.q : tensor<1x2xf4E2M1FN>
  %c = compress.load @w.scale.q : tensor<1x2xf8E8M0FNU>
  %f = compress.load @w.scale.factor : tensor<f32>
  %s = compress.dequantize %c, %f : (tensor<1x2xf8E8M0FNU>, tensor<f32>) -> tensor<1x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 1>} : (tensor<1x2xf4E2M1FN>, tensor<1x2xf32>) -> tensor<1x2xf32>
  // expected-error @+1 {{weight 'w.q': scale 1 is not finite: }}
  %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @w.q : tensor<1x2xf8E4M3FN> = dense<[[1.0, 0x7F]]>
compress.weight private @w.scale : tensor<f32> = dense<1.0>
func.func @invalid_code(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %q = compress.load @w.q : tensor<1x2xf8E4M3FN>
  %s = compress.load @w.scale : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<1x2xf8E4M3FN>, tensor<f32>) -> tensor<1x2xf32>
  // expected-error @+1 {{weight 'w.q': code 1 is not finite: }}
  %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
