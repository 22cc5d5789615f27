// RUN: compress-opt %s --compress-lower-copies --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @dense(
// CHECK: %[[X:.*]] = memref.collapse_shape %{{.*}} {{\[}}[0, 1]] : memref<?x4xf32> into memref<?xf32>
// CHECK: %[[Y:.*]] = memref.collapse_shape
// CHECK: linalg.copy ins(%[[X]] : memref<?xf32>) outs(%[[Y]] : memref<?xf32>)
// CHECK-NOT: memref.copy
func.func @dense(%x: memref<?x4xf32>, %y: memref<?x4xf32>) {
  memref.copy %x, %y : memref<?x4xf32> to memref<?x4xf32>
  return
}

// CHECK-LABEL: func.func @strided(
// CHECK-NOT: collapse_shape
// CHECK: linalg.copy ins(%{{.*}} : memref<2x4xf32, strided<[8, 1]>>) outs(%{{.*}} : memref<2x4xf32>)
func.func @strided(%x: memref<2x4xf32, strided<[8, 1]>>, %y: memref<2x4xf32>) {
  memref.copy %x, %y : memref<2x4xf32, strided<[8, 1]>> to memref<2x4xf32>
  return
}

// CHECK-LABEL: func.func @scalar(
// CHECK: linalg.copy ins(%{{.*}} : memref<i1>) outs(%{{.*}} : memref<i1>)
func.func @scalar(%x: memref<i1>, %y: memref<i1>) {
  memref.copy %x, %y : memref<i1> to memref<i1>
  return
}

// -----

func.func @invalid_unranked(%x: memref<*xf32>, %y: memref<*xf32>) {
  // expected-error @+1 {{expects ranked memrefs}}
  memref.copy %x, %y : memref<*xf32> to memref<*xf32>
  return
}
