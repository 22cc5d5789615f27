// RUN: compress-opt %s --compress-verify-chains --split-input-file --verify-diagnostics

compress.weight private @w.q : tensor<2x2xui4> = dense<1>
compress.weight private @w.meta : tensor<2x1xi8> = dense<4>
compress.weight private @w.table : tensor<2x1x16xf32> = dense<"0x000000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F">
func.func @fill_of_tables(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2x2xui4>
  %p = compress.load @w.meta : tensor<2x1xi8>
  %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<2x2xui4>, tensor<2x1xi8>) -> tensor<2x4xui4>
  %t = compress.load @w.table : tensor<2x1x16xf32>
  %w = compress.lookup %c, %t {table_block = array<i64: 1, -1>} : (tensor<2x4xui4>, tensor<2x1x16xf32>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.q': fill 0 does not decode to zero: its entry of the table of block 1 is 1}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.q : tensor<2x2x1xui16> = dense<[[[0], [1]], [[3], [2]]]>
compress.weight private @w.tables : tensor<1x1x3x2xf32> = dense<1.0>
func.func @code_without_an_entry(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2x2x1xui16>
  %t = compress.load @w.tables : tensor<1x1x3x2xf32>
  %w = compress.lookup_vectors %q, %t {axis = 1} : (tensor<2x2x1xui16>, tensor<1x1x3x2xf32>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.q': code 2 is outside of the tables, which have 3 entries}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.q : tensor<2x2x1xui1> = dense<0>
compress.weight private @w.tables : tensor<1x1x2x2xf32> = dense<[[[[1.0, 2.0], [0x7F800000, 0.0]]]]>
func.func @infinite_entry(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2x2x1xui1>
  %t = compress.load @w.tables : tensor<1x1x2x2xf32>
  %w = compress.lookup_vectors %q, %t {axis = 1} : (tensor<2x2x1xui1>, tensor<1x1x2x2xf32>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.q': table entry 2 is not finite: INF}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w.q : tensor<2x2x2xui1> = dense<0>
compress.weight private @w.tables : tensor<1x2x2x2xf32> = dense<1.0>
compress.weight private @w.scale : tensor<2x1xf32> = dense<[[1.0], [0x7FC00000]]>
func.func @scale_of_vectors(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2x2x2xui1>
  %t = compress.load @w.tables : tensor<1x2x2x2xf32>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %w = compress.lookup_vectors %q, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<2x2x2xui1>, tensor<1x2x2x2xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  // expected-error @+1 {{weight 'w.q': scale 1 is not finite: nan}}
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Nothing is wrong.
compress.weight private @w.q : tensor<2x4xui1> = dense<[[0, 1, 1, 0], [1, 0, 0, 1]]>
compress.weight private @w.table : tensor<2x1x2xf32> = dense<[[[0.0, 2.0]], [[3.0, 4.0]]]>
compress.weight private @v.q : tensor<2x2x1xui16> = dense<[[[0], [1]], [[1], [2]]]>
compress.weight private @v.tables : tensor<1x1x3x2xf32> = dense<1.0>
func.func @valid(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %q = compress.load @w.q : tensor<2x4xui1>
  %t = compress.load @w.table : tensor<2x1x2xf32>
  %w = compress.lookup %q, %t {table_block = array<i64: 1, -1>} : (tensor<2x4xui1>, tensor<2x1x2xf32>) -> tensor<2x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %c = compress.load @v.q : tensor<2x2x1xui16>
  %u = compress.load @v.tables : tensor<1x1x3x2xf32>
  %v = compress.lookup_vectors %c, %u {axis = 1} : (tensor<2x2x1xui16>, tensor<1x1x3x2xf32>) -> tensor<2x4xf32>
  %z = compress.linear nk %x, %v : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}
