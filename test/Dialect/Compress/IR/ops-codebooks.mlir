// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s

// CHECK-LABEL: func.func @lookup_tables
func.func @lookup_tables(%c: tensor<4x8xui4>, %t: tensor<4x1x16xf32>, %g: tensor<4x2x20xf16>, %s: tensor<1x8xf16>,
                         %d: tensor<?x8xui4>, %u: tensor<?x1x16xf32>, %z: tensor<ui4>, %v: tensor<16xf32>) {
  // CHECK: compress.lookup %{{.*}}, %{{.*}} {table_block = array<i64: 1, -1>} : (tensor<4x8xui4>, tensor<4x1x16xf32>) -> tensor<4x8xf32>
  %0 = compress.lookup %c, %t {table_block = array<i64: 1, -1>} : (tensor<4x8xui4>, tensor<4x1x16xf32>) -> tensor<4x8xf32>
  // More entries than codes, a table for each group, and scales of other blocks.
  // CHECK: compress.lookup %{{.*}}, %{{.*}}, %{{.*}} {block = array<i64: -1, 1>, table_block = array<i64: 1, 4>} : (tensor<4x8xui4>, tensor<4x2x20xf16>, tensor<1x8xf16>) -> tensor<4x8xf16>
  %1 = compress.lookup %c, %g, %s {block = array<i64: -1, 1>, table_block = array<i64: 1, 4>} : (tensor<4x8xui4>, tensor<4x2x20xf16>, tensor<1x8xf16>) -> tensor<4x8xf16>
  // CHECK: compress.lookup {{.*}} : (tensor<?x8xui4>, tensor<?x1x16xf32>) -> tensor<?x8xf32>
  %2 = compress.lookup %d, %u {table_block = array<i64: 1, 8>} : (tensor<?x8xui4>, tensor<?x1x16xf32>) -> tensor<?x8xf32>
  // CHECK: compress.lookup {{.*}} {table_block = array<i64>} : (tensor<ui4>, tensor<16xf32>) -> tensor<f32>
  %3 = compress.lookup %z, %v {table_block = array<i64>} : (tensor<ui4>, tensor<16xf32>) -> tensor<f32>
  return
}

// CHECK-LABEL: func.func @lookup_vectors
func.func @lookup_vectors(%c: tensor<64x8x2xui8>, %t: tensor<1x2x256x8xf32>, %s: tensor<64x1xf32>, %e: tensor<3x5x1xui16>,
                          %u: tensor<3x1x7x4xf16>, %d: tensor<?x8x2xui8>, %f: tensor<f32>) {
  // CHECK: compress.lookup_vectors %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<64x8x2xui8>, tensor<1x2x256x8xf32>) -> tensor<64x64xf32>
  %0 = compress.lookup_vectors %c, %t {axis = 1} : (tensor<64x8x2xui8>, tensor<1x2x256x8xf32>) -> tensor<64x64xf32>
  // CHECK: compress.lookup_vectors %{{.*}}, %{{.*}}, %{{.*}} {axis = 1 : i64, block = array<i64: 1, -1>} : (tensor<64x8x2xui8>, tensor<1x2x256x8xf32>, tensor<64x1xf32>) -> tensor<64x61xf32>
  %1 = compress.lookup_vectors %c, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<64x8x2xui8>, tensor<1x2x256x8xf32>, tensor<64x1xf32>) -> tensor<64x61xf32>
  // A table for each vector along the axis; seven of 2^16 codes have entries.
  // CHECK: compress.lookup_vectors {{.*}} {axis = 0 : i64} : (tensor<3x5x1xui16>, tensor<3x1x7x4xf16>) -> tensor<10x5xf16>
  %2 = compress.lookup_vectors %e, %u {axis = 0} : (tensor<3x5x1xui16>, tensor<3x1x7x4xf16>) -> tensor<10x5xf16>
  // CHECK: compress.lookup_vectors {{.*}} : (tensor<?x8x2xui8>, tensor<1x2x256x8xf32>, tensor<f32>) -> tensor<?x64xf32>
  %3 = compress.lookup_vectors %d, %t, %f {axis = 1} : (tensor<?x8x2xui8>, tensor<1x2x256x8xf32>, tensor<f32>) -> tensor<?x64xf32>
  return
}
