// RUN: compress-opt %s --one-shot-bufferize='bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map' --canonicalize --split-input-file | FileCheck %s

func.func private @k(memref<?x4xf32, strided<[?, 1], offset: ?>>, memref<4x4xf32>, index, memref<?x4xf32, strided<[?, 1], offset: ?>>)

// The output is not read: no copy, no fill.
// CHECK-LABEL: func.func @in_place(
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>, %[[W:.*]]: memref<4x4xf32>, %[[N:.*]]: index
func.func @in_place(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %n: index) -> tensor<?x4xf32> {
  // CHECK: %[[OUT:.*]] = memref.alloc(%[[N]])
  // CHECK: %[[XC:.*]] = memref.cast %[[X]]
  // CHECK: %[[OC:.*]] = memref.cast %[[OUT]]
  // CHECK: call @k(%[[XC]], %[[W]], %[[N]], %[[OC]])
  // CHECK-NEXT: return %[[OUT]]
  %e = bufferization.alloc_tensor(%n) : tensor<?x4xf32>
  %y = compress.kernel_call @k ins(%x, %w, %n : tensor<?x4xf32>, tensor<4x4xf32>, index) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// The kernel may assume that inputs and outputs do not overlap.
// CHECK-LABEL: func.func @same_value_in_and_out(
// CHECK: %[[OTHER:.*]] = memref.alloc
// CHECK-NOT: memref.copy
// CHECK: %[[OC:.*]] = memref.cast %[[OTHER]]
// CHECK: call @k(%{{.*}}, %{{.*}}, %{{.*}}, %[[OC]])
func.func @same_value_in_and_out(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>, %n: index) -> tensor<?x4xf32> {
  %y = compress.kernel_call @k ins(%x, %w, %n : tensor<?x4xf32>, tensor<4x4xf32>, index) outs(%x : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// A slice of rows is what the kernel takes.
// CHECK-LABEL: func.func @slice(
// CHECK-NOT: memref.copy
// CHECK: %[[PART:.*]] = memref.subview
// CHECK: memref.cast %[[PART]]
// CHECK: call @k
func.func @slice(%x: tensor<?x8xf32>, %w: tensor<4x4xf32>, %n: index) -> tensor<?x4xf32> {
  %part = tensor.extract_slice %x[2, 0] [%n, 4] [1, 1] : tensor<?x8xf32> to tensor<?x4xf32>
  %e = bufferization.alloc_tensor(%n) : tensor<?x4xf32>
  %y = compress.kernel_call @k ins(%part, %w, %n : tensor<?x4xf32>, tensor<4x4xf32>, index) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func private @dense(memref<2x4xf32>, memref<2x4xf32>)

// A kernel that wants dense buffers gets copies of slices, and its output is copied back.
// CHECK-LABEL: func.func @copies(
// CHECK: %[[IN:.*]] = memref.subview
// CHECK: %[[OUT:.*]] = memref.subview
// CHECK: %[[A:.*]] = memref.alloc() {{.*}} : memref<2x4xf32>
// CHECK: memref.copy %[[IN]], %[[A]]
// CHECK: %[[B:.*]] = memref.alloc() {{.*}} : memref<2x4xf32>
// CHECK: call @dense(%[[A]], %[[B]])
// CHECK: memref.copy %[[B]], %[[OUT]]
func.func @copies(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %part = tensor.extract_slice %x[1, 2] [2, 4] [1, 1] : tensor<4x8xf32> to tensor<2x4xf32>
  %into = tensor.extract_slice %y[1, 2] [2, 4] [1, 1] : tensor<4x8xf32> to tensor<2x4xf32>
  %k = compress.kernel_call @dense ins(%part : tensor<2x4xf32>) outs(%into : tensor<2x4xf32>) -> tensor<2x4xf32>
  %r = tensor.insert_slice %k into %y[1, 2] [2, 4] [1, 1] : tensor<2x4xf32> into tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}
