// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @mask_c1_dim(%w: tensor<4x8xf32>, %m: tensor<4x2xi1>) {
  // expected-error@+1 {{'compress.mask' op expects a mask of the input's rank with dims that are equal or 1, got [4, 2] for input [4, 8]}}
  %0 = compress.mask %w, %m : tensor<4x8xf32>, tensor<4x2xi1>
  return
}

// -----

func.func @mask_c1_rank(%w: tensor<4x8xf32>, %m: tensor<8xi1>) {
  // expected-error@+1 {{'compress.mask' op expects a mask of the input's rank with dims that are equal or 1, got [8] for input [4, 8]}}
  %0 = compress.mask %w, %m : tensor<4x8xf32>, tensor<8xi1>
  return
}

// -----

func.func @lookup_c1_signed(%c: tensor<8xi4>, %t: tensor<16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects codes that are unsigned or bool, got i4}}
  %0 = compress.lookup %c, %t : (tensor<8xi4>, tensor<16xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @lookup_c2_size(%c: tensor<8xui4>, %t: tensor<15xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a table of rank 1 with an entry for every code of ui4, got [15]}}
  %0 = compress.lookup %c, %t : (tensor<8xui4>, tensor<15xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @lookup_c2_rank(%c: tensor<8xui4>, %t: tensor<16x1xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a table of rank 1 with an entry for every code of ui4, got [16, 1]}}
  %0 = compress.lookup %c, %t : (tensor<8xui4>, tensor<16x1xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @lookup_c3_shape(%c: tensor<8xui4>, %t: tensor<16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a result of shape [8], got [9]}}
  %0 = compress.lookup %c, %t : (tensor<8xui4>, tensor<16xf32>) -> tensor<9xf32>
  return
}

// -----

func.func @lookup_c3_element_type(%c: tensor<8xui4>, %t: tensor<16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a result with element type f32, got f16}}
  %0 = compress.lookup %c, %t : (tensor<8xui4>, tensor<16xf32>) -> tensor<8xf16>
  return
}

// -----

func.func @lookup_c4_shape(%c: tensor<4x8xui4>, %t: tensor<16xf32>, %s: tensor<4x3xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a scale of shape [4, 2], got [4, 3]}}
  %0 = compress.lookup %c, %t, %s {block = array<i64: 1, 4>} : (tensor<4x8xui4>, tensor<16xf32>, tensor<4x3xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_c4_block(%c: tensor<4x8xui4>, %t: tensor<16xf32>, %s: tensor<4x2xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects block entries that are positive or -1, got [1, 0]}}
  %0 = compress.lookup %c, %t, %s {block = array<i64: 1, 0>} : (tensor<4x8xui4>, tensor<16xf32>, tensor<4x2xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_c4_block_alone(%c: tensor<4x8xui4>, %t: tensor<16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a scale beside a block}}
  %0 = compress.lookup %c, %t {block = array<i64: 1, 4>} : (tensor<4x8xui4>, tensor<16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_c4_element_type(%c: tensor<8xui4>, %t: tensor<16xf32>, %s: tensor<f16>) {
  // expected-error@+1 {{'compress.lookup' op expects a scale with element type f32, got f16}}
  %0 = compress.lookup %c, %t, %s : (tensor<8xui4>, tensor<16xf32>, tensor<f16>) -> tensor<8xf32>
  return
}

// -----

func.func @expand_nm_c1_n(%q: tensor<4x4xi4>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects 1 <= n <= m <= 256, got n = 0 and m = 4}}
  %0 = compress.expand_nm %q, %p {n = 0 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<4x4xi4>, tensor<4x1xi8>) -> tensor<4x8xi4>
  return
}

// -----

func.func @expand_nm_c1_m(%q: tensor<4x4xi4>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects 1 <= n <= m <= 256, got n = 2 and m = 257}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 257 : i64, axis = 1 : i64} : (tensor<4x4xi4>, tensor<4x1xi8>) -> tensor<4x8xi4>
  return
}

// -----

func.func @expand_nm_c2_axis(%q: tensor<4x4xi4>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects an axis in [0, 2), got 2}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 2 : i64} : (tensor<4x4xi4>, tensor<4x1xi8>) -> tensor<4x8xi4>
  return
}

// -----

func.func @expand_nm_c3_codes(%q: tensor<4x3xi4>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects codes of shape [4, 4], got [4, 3]}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<4x3xi4>, tensor<4x1xi8>) -> tensor<4x8xi4>
  return
}

// -----

func.func @expand_nm_c3_short_group(%q: tensor<4x4xi4>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects codes of shape [4, 5], got [4, 4]}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<4x4xi4>, tensor<4x1xi8>) -> tensor<4x9xi4>
  return
}

// -----

func.func @expand_nm_c3_positions(%q: tensor<4x4xi4>, %p: tensor<4x2xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects positions of shape [4, 1], got [4, 2]}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<4x4xi4>, tensor<4x2xi8>) -> tensor<4x8xi4>
  return
}

// -----

func.func @expand_nm_c4_fill(%q: tensor<4x4xi4>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects a fill in [-8, 7] for i4, got 8}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 8 : i64} : (tensor<4x4xi4>, tensor<4x1xi8>) -> tensor<4x8xi4>
  return
}

// -----

func.func @expand_nm_c4_float_fill(%q: tensor<4x4xf32>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects a fill in [0, 0] for f32, got 1}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 1 : i64} : (tensor<4x4xf32>, tensor<4x1xi8>) -> tensor<4x8xf32>
  return
}

// -----

func.func @expand_nm_c5_element_type(%q: tensor<4x4xi4>, %p: tensor<4x1xi8>) {
  // expected-error@+1 {{'compress.expand_nm' op expects codes with element type i8, got i4}}
  %0 = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<4x4xi4>, tensor<4x1xi8>) -> tensor<4x8xi8>
  return
}

// -----

func.func @expand_bitmap_c1_rank(%c: tensor<7x1xi8>, %b: tensor<2xi8>) {
  // expected-error@+1 {{'compress.expand_bitmap' op expects codes and bitmap of rank 1, got [7, 1] and [2]}}
  %0 = compress.expand_bitmap %c, %b : (tensor<7x1xi8>, tensor<2xi8>) -> tensor<3x5xi8>
  return
}

// -----

func.func @expand_bitmap_c2_bytes(%c: tensor<7xi8>, %b: tensor<1xi8>) {
  // expected-error@+1 {{'compress.expand_bitmap' op expects a bitmap of shape [2], got [1]}}
  %0 = compress.expand_bitmap %c, %b : (tensor<7xi8>, tensor<1xi8>) -> tensor<3x5xi8>
  return
}

// -----

func.func @expand_bitmap_c3_count(%c: tensor<16xi8>, %b: tensor<2xi8>) {
  // expected-error@+1 {{'compress.expand_bitmap' op expects at most 15 codes, got 16}}
  %0 = compress.expand_bitmap %c, %b : (tensor<16xi8>, tensor<2xi8>) -> tensor<3x5xi8>
  return
}

// -----

func.func @expand_bitmap_c3_element_type(%c: tensor<7xi4>, %b: tensor<2xi8>) {
  // expected-error@+1 {{'compress.expand_bitmap' op expects codes with element type i8, got i4}}
  %0 = compress.expand_bitmap %c, %b : (tensor<7xi4>, tensor<2xi8>) -> tensor<3x5xi8>
  return
}

// -----

func.func @expand_bitmap_c4_fill(%c: tensor<7xui8>, %b: tensor<2xi8>) {
  // expected-error@+1 {{'compress.expand_bitmap' op expects a fill in [0, 255] for ui8, got -1}}
  %0 = compress.expand_bitmap %c, %b {fill = -1 : i64} : (tensor<7xui8>, tensor<2xi8>) -> tensor<3x5xui8>
  return
}
