// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per rule of tables of blocks, and of tables of vectors.

func.func @lookup_table_block_size(%c: tensor<4x8xui4>, %t: tensor<4x1x16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a block with 2 entries, got [1]}}
  %0 = compress.lookup %c, %t {table_block = array<i64: 1>} : (tensor<4x8xui4>, tensor<4x1x16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_table_block_zero(%c: tensor<4x8xui4>, %t: tensor<4x1x16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects block entries that are positive or -1, got [1, 0]}}
  %0 = compress.lookup %c, %t {table_block = array<i64: 1, 0>} : (tensor<4x8xui4>, tensor<4x1x16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_table_rank(%c: tensor<4x8xui4>, %t: tensor<4x16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects tables of shape [4, 1] with an entry for every code of ui4, got [4, 16]}}
  %0 = compress.lookup %c, %t {table_block = array<i64: 1, -1>} : (tensor<4x8xui4>, tensor<4x16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_table_entries(%c: tensor<4x8xui4>, %t: tensor<4x1x15xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects tables of shape [4, 1] with an entry for every code of ui4, got [4, 1, 15]}}
  %0 = compress.lookup %c, %t {table_block = array<i64: 1, -1>} : (tensor<4x8xui4>, tensor<4x1x15xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_table_grid(%c: tensor<4x8xui4>, %t: tensor<4x3x16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects tables of shape [4, 2, 16], got [4, 3, 16]}}
  %0 = compress.lookup %c, %t {table_block = array<i64: 1, 4>} : (tensor<4x8xui4>, tensor<4x3x16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @lookup_table_without_block(%c: tensor<4x8xui4>, %t: tensor<4x1x16xf32>) {
  // expected-error@+1 {{'compress.lookup' op expects a table of rank 1 with an entry for every code of ui4, got [4, 1, 16]}}
  %0 = compress.lookup %c, %t : (tensor<4x8xui4>, tensor<4x1x16xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_axis(%c: tensor<4x2x2xui8>, %t: tensor<1x2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects an axis}}
  %0 = compress.lookup_vectors %c, %t {axis = 2} : (tensor<4x2x2xui8>, tensor<1x2x256x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c1_signed(%c: tensor<4x2x2xi8>, %t: tensor<1x2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects codes that are unsigned, got i8}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x2xi8>, tensor<1x2x256x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c1_number(%c: tensor<4x3x2xui8>, %t: tensor<1x2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects codes of shape [4, 2, 2], got [4, 3, 2]}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x3x2xui8>, tensor<1x2x256x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c1_codebooks(%c: tensor<4x2x3xui8>, %t: tensor<1x2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects codes of shape [4, 2, 2], got [4, 2, 3]}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x3xui8>, tensor<1x2x256x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c1_rank(%c: tensor<4x2xui8>, %t: tensor<1x2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects codes of shape [4, 2, 2], got [4, 2]}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2xui8>, tensor<1x2x256x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c2_rank(%c: tensor<4x2x2xui8>, %t: tensor<2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects tables of shape [subspaces, codebooks, entries, dim], got [2, 256, 4]}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x2xui8>, tensor<2x256x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c2_subspaces(%c: tensor<4x2x2xui8>, %t: tensor<3x2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects tables of 1 subspace or of 2, got 3}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x2xui8>, tensor<3x2x256x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c2_entries(%c: tensor<4x2x2xui8>, %t: tensor<1x2x255x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects tables with an entry for every code of ui8, got [1, 2, 255, 4]}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x2xui8>, tensor<1x2x255x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c2_no_entries(%c: tensor<4x2x2xui16>, %t: tensor<1x2x0x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects tables of at least one entry, got [1, 2, 0, 4]}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x2xui16>, tensor<1x2x0x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c2_dim(%c: tensor<4x2x2xui8>, %t: tensor<1x2x256x0xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects vectors of at least one element, got tables of shape [1, 2, 256, 0]}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x2xui8>, tensor<1x2x256x0xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c2_type(%c: tensor<4x2x2xui8>, %t: tensor<1x2x256x4xf16>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects tables with element type f32, got f16}}
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x2xui8>, tensor<1x2x256x4xf16>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c3_type(%c: tensor<4x2x2xui8>, %t: tensor<1x2x256x4xf32>, %s: tensor<f16>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects a scale with element type f32, got f16}}
  %0 = compress.lookup_vectors %c, %t, %s {axis = 1} : (tensor<4x2x2xui8>, tensor<1x2x256x4xf32>, tensor<f16>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c3_shape(%c: tensor<4x2x2xui8>, %t: tensor<1x2x256x4xf32>, %s: tensor<4x8xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects a scale of shape [4, 1], got [4, 8]}}
  %0 = compress.lookup_vectors %c, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<4x2x2xui8>, tensor<1x2x256x4xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vectors_c3_block_alone(%c: tensor<4x2x2xui8>, %t: tensor<1x2x256x4xf32>) {
  // expected-error@+1 {{'compress.lookup_vectors' op expects a scale beside a block}}
  %0 = compress.lookup_vectors %c, %t {axis = 1, block = array<i64: 1, -1>} : (tensor<4x2x2xui8>, tensor<1x2x256x4xf32>) -> tensor<4x8xf32>
  return
}
