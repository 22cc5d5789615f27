// RUN: compress-opt %s --compress-lower-expand-shape | FileCheck %s

// CHECK-LABEL: func.func @two_sizes
// CHECK-SAME: (%[[X:.*]]: memref<?x8xf32>, %[[A:.*]]: index, %[[B:.*]]: index)
// CHECK: %[[BASE:.*]], %{{.*}}, %{{.*}}:2, %[[S:.*]]:2 = memref.extract_strided_metadata %[[X]]
// CHECK: %[[ROW:.*]] = arith.muli %[[S]]#0, %[[B]]
// CHECK: memref.reinterpret_cast %[[BASE]] to offset: [0], sizes: [%[[A]], %[[B]], 8], strides: [%{{.*}}, 8, 1]
// CHECK-NOT: memref.expand_shape
func.func @two_sizes(%x: memref<?x8xf32>, %a: index, %b: index) -> memref<?x?x8xf32> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%a, %b, 8] : memref<?x8xf32> into memref<?x?x8xf32>
  return %y : memref<?x?x8xf32>
}

// CHECK-LABEL: func.func @one_size
// CHECK: memref.expand_shape
func.func @one_size(%x: memref<?x8xf32>, %a: index) -> memref<?x2x8xf32> {
  %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%a, 2, 8] : memref<?x8xf32> into memref<?x2x8xf32>
  return %y : memref<?x2x8xf32>
}
