// RUN: compress-opt %s --compress-glue-to-loops --split-input-file --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-glue-to-loops=parallel=false --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=SERIAL

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>
#none = affine_map<(d0, d1) -> ()>

// Dense buffers: one loop over all elements.
// CHECK-LABEL: func.func @elementwise(
// CHECK: %[[X:.*]] = memref.collapse_shape %{{.*}} {{\[}}[0, 1]] : memref<?x8xf32> into memref<?xf32>
// CHECK: %[[Y:.*]] = memref.collapse_shape
// CHECK: scf.parallel (%[[I:.*]]) =
// CHECK: memref.load %[[X]][%[[I]]]
// CHECK: memref.store %{{.*}}, %[[Y]][%[[I]]]
// CHECK: compress.min_iterations = 131072
// SERIAL-LABEL: func.func @elementwise(
// SERIAL: scf.for
// SERIAL-NOT: scf.for
// SERIAL: return
func.func @elementwise(%x: memref<?x8xf32>, %s: f32, %y: memref<?x8xf32>) {
  linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<?x8xf32>, f32) outs(%y : memref<?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  }
  return
}

// The sum of a row is carried in a register and stored once.
// CHECK-LABEL: func.func @reduction(
// CHECK: scf.for %[[I:.*]] =
// CHECK: %[[INIT:.*]] = memref.load %[[Y:.*]][%[[I]]]
// CHECK: %[[SUM:.*]] = scf.for %[[J:.*]] = {{.*}} iter_args(%[[A:.*]] = %[[INIT]]) -> (f32)
// CHECK: %[[V:.*]] = memref.load %{{.*}}[%[[I]], %[[J]]]
// CHECK: %[[R:.*]] = arith.addf %[[V]], %[[A]] fastmath<reassoc>
// CHECK: scf.yield %[[R]]
// CHECK: memref.store %[[SUM]], %[[Y]][%[[I]]]
// CHECK-NOT: scf.parallel
func.func @reduction(%x: memref<16x64xf32>, %y: memref<16xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<16x64xf32>) outs(%y : memref<16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.addf %a, %b fastmath<reassoc> : f32
    linalg.yield %r : f32
  }
  return
}

// Enough work for threads; the inner loop stays as it is.
// CHECK-LABEL: func.func @large_reduction(
// CHECK: scf.parallel (%[[I:.*]]) =
// CHECK: scf.for {{.*}} iter_args
// CHECK-NOT: min_iterations
// SERIAL-LABEL: func.func @large_reduction(
// SERIAL-NOT: scf.parallel
func.func @large_reduction(%x: memref<512x512xf32>, %y: memref<512xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<512x512xf32>) outs(%y : memref<512xf32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  }
  return
}

// A reduction over the first dim is not carried.
// CHECK-LABEL: func.func @no_carried_columns(
// CHECK: scf.for %[[I:.*]] =
// CHECK: scf.for %[[J:.*]] =
// CHECK-NOT: iter_args
// CHECK: memref.load %[[Y:.*]][%[[J]]]
// CHECK: memref.store %{{.*}}, %[[Y]][%[[J]]]
func.func @no_carried_columns(%x: memref<16x64xf32>, %y: memref<64xf32>) {
  linalg.generic {indexing_maps = [#id, #column], iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<16x64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  }
  return
}

// CHECK-LABEL: func.func @indices(
// CHECK: scf.for %[[I:.*]] =
// CHECK: scf.for %[[J:.*]] =
// CHECK: %[[S:.*]] = arith.addi %[[I]], %[[J]]
// CHECK: memref.store %[[S]], %{{.*}}[%[[J]], %[[I]]]
func.func @indices(%y: memref<4x3xindex>) {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<4x3xindex>) {
  ^bb0(%a: index):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %r = arith.addi %i, %j : index
    linalg.yield %r : index
  }
  return
}

// CHECK-LABEL: func.func @no_flat_reduction(
// CHECK-NOT: collapse_shape
// CHECK: scf.for {{.*}} iter_args
// CHECK: scf.for {{.*}} iter_args
func.func @no_flat_reduction(%x: memref<8x8xf32>, %y: memref<f32>) {
  linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction", "reduction"]}
      ins(%x : memref<8x8xf32>) outs(%y : memref<f32>) {
  ^bb0(%a: f32, %b: f32):
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  }
  return
}

// CHECK-LABEL: func.func @scalar(
// CHECK-NOT: scf
// CHECK: %[[V:.*]] = memref.load %{{.*}}[]
// CHECK: memref.store %[[V]], %{{.*}}[]
func.func @scalar(%x: memref<f32>, %y: memref<f32>) {
  linalg.copy ins(%x : memref<f32>) outs(%y : memref<f32>)
  return
}

// CHECK-LABEL: func.func @matmul(
// CHECK-COUNT-3: scf.for
// CHECK: arith.mulf
// CHECK: arith.addf
func.func @matmul(%x: memref<4x5xf32>, %w: memref<5x6xf32>, %y: memref<4x6xf32>) {
  linalg.matmul ins(%x, %w : memref<4x5xf32>, memref<5x6xf32>) outs(%y : memref<4x6xf32>)
  return
}

// CHECK-LABEL: func.func private @no_threads_in_kernels(
// CHECK-NOT: scf.parallel
func.func private @no_threads_in_kernels(%x: memref<512x512xf32>, %y: memref<512x512xf32>) {
  linalg.copy ins(%x : memref<512x512xf32>) outs(%y : memref<512x512xf32>)
  return
}

// -----

func.func @invalid_tensors(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{expects buffers}}
  %r = linalg.copy ins(%x : tensor<4xf32>) outs(%y : tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}
