// RUN: compress-opt %s --compress-verify-chains --compress-fold-decode --split-input-file | FileCheck %s

// A table for each row, and for each group of two.
// CHECK-DAG: compress.weight private @row.dense : tensor<2x4xf32> = dense<{{\[\[}}1.000000e+00, 2.000000e+00, 2.000000e+00, 1.000000e+00], [4.000000e+00, 3.000000e+00, 3.000000e+00, 4.000000e+00]]>
// CHECK-DAG: compress.weight private @group.dense : tensor<1x4xf16> = dense<{{\[\[}}1.000000e+00, 4.000000e+00, 1.600000e+01, 6.000000e+00]]>
// CHECK-NOT: compress.lookup
compress.weight private @row.q : tensor<2x4xui1> = dense<[[0, 1, 1, 0], [1, 0, 0, 1]]>
compress.weight private @row.table : tensor<2x1x2xf32> = dense<[[[1.0, 2.0]], [[3.0, 4.0]]]>
compress.weight private @group.q : tensor<1x4xui1> = dense<[[0, 1, 1, 0]]>
compress.weight private @group.table : tensor<1x2x2xf16> = dense<[[[1.0, 2.0], [3.0, 4.0]]]>
compress.weight private @group.scale : tensor<1x4xf16> = dense<[[1.0, 2.0, 4.0, 2.0]]>
func.func @tables() -> (tensor<2x4xf32>, tensor<1x4xf16>) {
  %q = compress.load @row.q : tensor<2x4xui1>
  %t = compress.load @row.table : tensor<2x1x2xf32>
  %w = compress.lookup %q, %t {table_block = array<i64: 1, -1>} : (tensor<2x4xui1>, tensor<2x1x2xf32>) -> tensor<2x4xf32>
  %c = compress.load @group.q : tensor<1x4xui1>
  %u = compress.load @group.table : tensor<1x2x2xf16>
  %s = compress.load @group.scale : tensor<1x4xf16>
  %v = compress.lookup %c, %u, %s {block = array<i64: 1, 1>, table_block = array<i64: 1, 2>} : (tensor<1x4xui1>, tensor<1x2x2xf16>, tensor<1x4xf16>) -> tensor<1x4xf16>
  return %w, %v : tensor<2x4xf32>, tensor<1x4xf16>
}

// -----

// Two codebooks with scales of rows, and tables for each of three vectors of columns. What decodes alike stays one weight.
// CHECK-DAG: compress.weight private @sum.dense : tensor<2x4xf32> = dense<{{\[\[}}1.100000e+01, 2.200000e+01, 3.100000e+01, 4.200000e+01], [4.200000e+01, 8.400000e+01, 8.200000e+01, 1.240000e+02]]>
// CHECK-DAG: compress.weight private @cut.dense : tensor<5x1xf32> = dense<{{\[\[}}3.000000e+00], [4.000000e+00], [5.000000e+00], [6.000000e+00], [1.100000e+01]]>
// CHECK-COUNT-2: compress.load @sum.dense
// CHECK-NOT: compress.lookup
compress.weight private @sum.q : tensor<2x2x2xui1> = dense<[[[0, 0], [1, 0]], [[0, 1], [1, 1]]]>
compress.weight private @sum.tables : tensor<1x2x2x2xf32> = dense<[[[[1.0, 2.0], [21.0, 22.0]], [[10.0, 20.0], [20.0, 40.0]]]]>
compress.weight private @sum.scale : tensor<2x1xf32> = dense<[[1.0], [2.0]]>
compress.weight private @cut.q : tensor<3x1x1xui1> = dense<[[[1]], [[0]], [[1]]]>
compress.weight private @cut.tables : tensor<3x1x2x2xf32> = dense<[[[[1.0, 2.0], [3.0, 4.0]]], [[[5.0, 6.0], [7.0, 8.0]]], [[[9.0, 10.0], [11.0, 12.0]]]]>
func.func @vectors() -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<5x1xf32>) {
  %q = compress.load @sum.q : tensor<2x2x2xui1>
  %t = compress.load @sum.tables : tensor<1x2x2x2xf32>
  %s = compress.load @sum.scale : tensor<2x1xf32>
  %w = compress.lookup_vectors %q, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<2x2x2xui1>, tensor<1x2x2x2xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  %w2 = compress.lookup_vectors %q, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<2x2x2xui1>, tensor<1x2x2x2xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  %c = compress.load @cut.q : tensor<3x1x1xui1>
  %u = compress.load @cut.tables : tensor<3x1x2x2xf32>
  %v = compress.lookup_vectors %c, %u {axis = 0} : (tensor<3x1x1xui1>, tensor<3x1x2x2xf32>) -> tensor<5x1xf32>
  return %w, %w2, %v : tensor<2x4xf32>, tensor<2x4xf32>, tensor<5x1xf32>
}
