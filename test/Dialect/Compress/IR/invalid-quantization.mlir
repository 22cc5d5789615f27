// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @quantize_c1_rank(%x: tensor<4x8xf32>, %s: tensor<8xf32>) {
  // expected-error@+1 {{'compress.quantize' op expects a block with 2 entries, got [1]}}
  %0 = compress.quantize %x, %s {block = array<i64: 1>} : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi8>
  return
}

// -----

func.func @quantize_c1_entry(%x: tensor<8xf32>, %s: tensor<1xf32>) {
  // expected-error@+1 {{'compress.quantize' op expects block entries that are positive or -1, got [0]}}
  %0 = compress.quantize %x, %s {block = array<i64: 0>} : (tensor<8xf32>, tensor<1xf32>) -> tensor<8xi8>
  return
}

// -----

func.func @quantize_c2_blocks(%x: tensor<4x9xf32>, %s: tensor<4x2xf32>) {
  // expected-error@+1 {{'compress.quantize' op expects a scale of shape [4, 3], got [4, 2]}}
  %0 = compress.quantize %x, %s {block = array<i64: 1, 4>} : (tensor<4x9xf32>, tensor<4x2xf32>) -> tensor<4x9xi8>
  return
}

// -----

func.func @quantize_c2_tensor(%x: tensor<8xf32>, %s: tensor<1xf32>) {
  // expected-error@+1 {{'compress.quantize' op expects a scale of shape [], got [1]}}
  %0 = compress.quantize %x, %s : (tensor<8xf32>, tensor<1xf32>) -> tensor<8xi8>
  return
}

// -----

func.func @quantize_c3_shape(%x: tensor<8xf32>, %s: tensor<f32>, %z: tensor<8xi8>) {
  // expected-error@+1 {{'compress.quantize' op expects a zero point of shape [], got [8]}}
  %0 = compress.quantize %x, %s, %z : (tensor<8xf32>, tensor<f32>, tensor<8xi8>) -> tensor<8xi8>
  return
}

// -----

func.func @quantize_c3_element_type(%x: tensor<8xf32>, %s: tensor<f32>, %z: tensor<ui8>) {
  // expected-error@+1 {{'compress.quantize' op expects a zero point with element type i8, got ui8}}
  %0 = compress.quantize %x, %s, %z : (tensor<8xf32>, tensor<f32>, tensor<ui8>) -> tensor<8xi8>
  return
}

// -----

func.func @quantize_c4_wide_float(%x: tensor<8xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'compress.quantize' op expects codes that are integers or floats of at most 8 bits, got f16}}
  %0 = compress.quantize %x, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf16>
  return
}

// -----

func.func @quantize_c4_bool(%x: tensor<8xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'compress.quantize' op expects codes that are integers or floats of at most 8 bits, got i1}}
  %0 = compress.quantize %x, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xi1>
  return
}

// -----

func.func @quantize_c5_shape(%x: tensor<8xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'compress.quantize' op expects codes of shape [8], got [7]}}
  %0 = compress.quantize %x, %s : (tensor<8xf32>, tensor<f32>) -> tensor<7xi8>
  return
}

// -----

func.func @dequantize_c1_rank(%q: tensor<8xi8>, %s: tensor<1xf32>) {
  // expected-error@+1 {{'compress.dequantize' op expects a block with 1 entries, got [1, 8]}}
  %0 = compress.dequantize %q, %s {block = array<i64: 1, 8>} : (tensor<8xi8>, tensor<1xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @dequantize_c2_blocks(%q: tensor<8xi8>, %s: tensor<2xf32>) {
  // expected-error@+1 {{'compress.dequantize' op expects a scale of shape [1], got [2]}}
  %0 = compress.dequantize %q, %s {block = array<i64: -1>} : (tensor<8xi8>, tensor<2xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @dequantize_c3_element_type(%q: tensor<8xi8>, %s: tensor<f32>, %z: tensor<i4>) {
  // expected-error@+1 {{'compress.dequantize' op expects a zero point with element type i8, got i4}}
  %0 = compress.dequantize %q, %s, %z : (tensor<8xi8>, tensor<f32>, tensor<i4>) -> tensor<8xf32>
  return
}

// -----

func.func @dequantize_c4_codes(%q: tensor<8xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'compress.dequantize' op expects codes that are integers or floats of at most 8 bits, got f32}}
  %0 = compress.dequantize %q, %s : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return
}

// -----

func.func @dequantize_c5_shape(%q: tensor<8xi8>, %s: tensor<f32>) {
  // expected-error@+1 {{'compress.dequantize' op expects a result of shape [8], got [8, 1]}}
  %0 = compress.dequantize %q, %s : (tensor<8xi8>, tensor<f32>) -> tensor<8x1xf32>
  return
}

// -----

func.func @dequantize_c6_element_type(%q: tensor<8xi8>, %s: tensor<f16>) {
  // expected-error@+1 {{'compress.dequantize' op expects a result with element type f16, got f32}}
  %0 = compress.dequantize %q, %s : (tensor<8xi8>, tensor<f16>) -> tensor<8xf32>
  return
}

// -----

func.func @fake_quantize_c4_codes(%x: tensor<8xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'compress.fake_quantize' op expects codes that are integers or floats of at most 8 bits, got f32}}
  %0 = compress.fake_quantize %x, %s as f32 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return
}

// -----

func.func @fake_quantize_c5_shape(%x: tensor<8xf32>, %s: tensor<f32>) {
  // expected-error@+1 {{'compress.fake_quantize' op expects a result of shape [8], got [9]}}
  %0 = compress.fake_quantize %x, %s as i8 : (tensor<8xf32>, tensor<f32>) -> tensor<9xf32>
  return
}

// -----

func.func @fake_quantize_c6_element_type(%x: tensor<8xf32>, %s: tensor<f16>) {
  // expected-error@+1 {{'compress.fake_quantize' op expects a result with element type f32, got f16}}
  %0 = compress.fake_quantize %x, %s as i8 : (tensor<8xf32>, tensor<f16>) -> tensor<8xf16>
  return
}

// -----

func.func @dynamic_quantize_c1_shape(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op expects codes of shape [4, 8], got [4, 7]}}
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<4x8xf32>) -> (tensor<4x7xui8>, tensor<f32>, tensor<ui8>)
  return
}

// -----

func.func @dynamic_quantize_c1_type(%x: tensor<8xf32>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op result #0 must be ranked tensor of 8-bit unsigned integer or 8-bit signless integer or 4-bit unsigned integer or 4-bit signless integer values, but got 'tensor<8xi2>'}}
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<8xf32>) -> (tensor<8xi2>, tensor<f32>, tensor<i2>)
  return
}

// -----

func.func @dynamic_quantize_c3_bits(%x: tensor<8xf32>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op expects a zero point with element type i4, got i8}}
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<8xf32>) -> (tensor<8xi4>, tensor<f32>, tensor<i8>)
  return
}

// -----

func.func @dynamic_quantize_c2_scale(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op expects a scale of shape [4, 1], got [4]}}
  %q, %s, %z = compress.dynamic_quantize %x row : (tensor<4x8xf32>) -> (tensor<4x8xui8>, tensor<4xf32>, tensor<4x1xui8>)
  return
}

// -----

func.func @dynamic_quantize_c2_zero_point(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op expects a zero point of shape [], got [4, 1]}}
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<4x8xf32>) -> (tensor<4x8xui8>, tensor<f32>, tensor<4x1xui8>)
  return
}

// -----

func.func @dynamic_quantize_c2_rank(%x: tensor<f32>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op expects an input of rank 1 or more for granularity row, got rank 0}}
  %q, %s, %z = compress.dynamic_quantize %x row : (tensor<f32>) -> (tensor<ui8>, tensor<f32>, tensor<ui8>)
  return
}

// -----

func.func @dynamic_quantize_c3_scale(%x: tensor<8xf16>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op expects a scale with element type f16, got f32}}
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<8xf16>) -> (tensor<8xui8>, tensor<f32>, tensor<ui8>)
  return
}

// -----

func.func @dynamic_quantize_c3_zero_point(%x: tensor<8xf32>) {
  // expected-error@+1 {{'compress.dynamic_quantize' op expects a zero point with element type ui8, got i8}}
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<8xf32>) -> (tensor<8xui8>, tensor<f32>, tensor<i8>)
  return
}

// -----

func.func @fake_quantize_c7_zero_point(%x: tensor<4x8xf32>, %s: tensor<f32>, %z: tensor<ui4>, %t: tensor<16xf32>) {
  // expected-error@+1 {{'compress.fake_quantize' op expects no zero point beside a table}}
  %0 = compress.fake_quantize %x, %s, %z as ui4 table %t : (tensor<4x8xf32>, tensor<f32>, tensor<ui4>, tensor<16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c7_codes(%x: tensor<4x8xf32>, %s: tensor<f32>, %t: tensor<16xf32>) {
  // expected-error@+1 {{'compress.fake_quantize' op expects codes that are unsigned or bool, got i4}}
  %0 = compress.fake_quantize %x, %s as i4 table %t : (tensor<4x8xf32>, tensor<f32>, tensor<16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c7_size(%x: tensor<4x8xf32>, %s: tensor<f32>, %t: tensor<15xf32>) {
  // expected-error@+1 {{'compress.fake_quantize' op expects a table of rank 1 with an entry for every code of ui4, got [15]}}
  %0 = compress.fake_quantize %x, %s as ui4 table %t : (tensor<4x8xf32>, tensor<f32>, tensor<15xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @fake_quantize_c2_table_scale(%x: tensor<4x8xf32>, %s: tensor<4x2xf32>, %t: tensor<16xf32>) {
  // expected-error@+1 {{'compress.fake_quantize' op expects a scale of shape [4, 1], got [4, 2]}}
  %0 = compress.fake_quantize %x, %s as ui4 table %t {block = array<i64: 1, -1>} : (tensor<4x8xf32>, tensor<4x2xf32>, tensor<16xf32>) -> tensor<4x8xf32>
  return
}
