// RUN: compress-opt %s --compress-lower-decode --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-lower-decode --compress-lower-decode --split-input-file | FileCheck %s

// The table of a row is at its index, that of a group at its index divided by the size of the group.
// CHECK-LABEL: func.func @tables
// CHECK-NOT: compress.
compress.weight private @c : tensor<2x4xui8> = dense<3>
func.func @tables() -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  // CHECK-DAG: %[[Q:.+]] = arith.constant dense<{{.*}}> : tensor<2x4xi8>
  // CHECK-DAG: %[[T:.+]] = arith.constant dense<{{.*}}> : tensor<2x1x256xf32>
  // CHECK: linalg.generic {{.*}} ins(%[[Q]] : tensor<2x4xi8>)
  // CHECK: %[[ROW:.+]] = linalg.index 0
  // CHECK: %[[C:.+]] = arith.index_castui %{{.+}} : i8 to index
  // CHECK: tensor.extract %[[T]][%[[ROW]], %{{.+}}, %[[C]]]
  // CHECK: %[[G:.+]] = arith.constant dense<{{.*}}> : tensor<2x2x256xf32>
  // CHECK: linalg.generic
  // CHECK: %[[K:.+]] = arith.divui %{{.+}}, %{{.+}} : index
  // CHECK: tensor.extract %[[G]][%{{.+}}, %[[K]], %{{.+}}]
  // CHECK: arith.mulf
  %c = compress.load @c : tensor<2x4xui8>
  %t = arith.constant dense<0.5> : tensor<2x1x256xf32>
  %w = compress.lookup %c, %t {table_block = array<i64: 1, -1>} : (tensor<2x4xui8>, tensor<2x1x256xf32>) -> tensor<2x4xf32>
  %g = arith.constant dense<0.5> : tensor<2x2x256xf32>
  %s = arith.constant dense<2.5> : tensor<2x1xf32>
  %v = compress.lookup %c, %g, %s {block = array<i64: 1, -1>, table_block = array<i64: 1, 2>} : (tensor<2x4xui8>, tensor<2x2x256xf32>, tensor<2x1xf32>) -> tensor<2x4xf32>
  return %w, %v : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// CHECK-LABEL: func.func @vectors
// CHECK-NOT: compress.
compress.weight private @q : tensor<2x3x2xui16> = dense<1>
compress.weight private @t : tensor<1x2x3x4xf32> = dense<0.5>
compress.weight private @s : tensor<2x1xf32> = dense<2.5>
func.func @vectors() -> tensor<2x10xf32> {
  // CHECK-DAG: %[[Q:.+]] = arith.constant dense<1> : tensor<2x3x2xi16>
  // CHECK-DAG: %[[T:.+]] = arith.constant dense<5.000000e-01> : tensor<1x2x3x4xf32>
  // CHECK: linalg.generic {{.*}} outs(%{{.+}} : tensor<2x10xf32>)
  // CHECK: %[[V:.+]] = arith.divui
  // CHECK: %[[E:.+]] = arith.remui
  // CHECK: tensor.extract %[[Q]][%{{.+}}, %[[V]], %{{.+}}]
  // No code leads beyond the tables.
  // CHECK: %[[C:.+]] = arith.minui
  // CHECK: %[[A:.+]] = tensor.extract %[[T]][%{{.+}}, %{{.+}}, %[[C]], %[[E]]]
  // CHECK: %[[B:.+]] = tensor.extract %[[T]]
  // CHECK: %[[SUM:.+]] = arith.addf %[[A]], %[[B]]
  // CHECK: arith.mulf %[[SUM]]
  %q = compress.load @q : tensor<2x3x2xui16>
  %t = compress.load @t : tensor<1x2x3x4xf32>
  %s = compress.load @s : tensor<2x1xf32>
  %w = compress.lookup_vectors %q, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<2x3x2xui16>, tensor<1x2x3x4xf32>, tensor<2x1xf32>) -> tensor<2x10xf32>
  return %w : tensor<2x10xf32>
}
