// RUN: compress-opt %s --compress-place-outputs --split-input-file --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-place-outputs --compress-place-outputs --split-input-file --verify-diagnostics | FileCheck %s

func.func private @k(memref<?x8xf32>)

// CHECK-LABEL: func.func @returned_allocation(
// CHECK-SAME: %[[N:.*]]: index) {
func.func @returned_allocation(%n: index) -> memref<?x8xf32> {
  // CHECK: %[[OUT:.*]] = memref.alloc(%[[N]]) {alignment = 64 : i64, compress.output = 0 : i64} : memref<?x8xf32>
  // CHECK-NEXT: call @k(%[[OUT]])
  // CHECK-NEXT: return
  %a = memref.alloc(%n) : memref<?x8xf32>
  call @k(%a) : (memref<?x8xf32>) -> ()
  return %a : memref<?x8xf32>
}

// CHECK-LABEL: func.func @reshaped_allocation(
func.func @reshaped_allocation(%n: index) -> (memref<2x?x4xf32> {compress.name = "y"}) {
  // CHECK: %[[HALF:.*]] = arith.divui
  // CHECK: cf.assert %{{.*}}, "a reshape on the way to output 0 changes the number of elements"
  // CHECK: %[[OUT:.*]] = memref.alloc(%[[HALF]]) {{{.*}}compress.output = 0 : i64} : memref<2x?x4xf32>
  // CHECK: %[[VIEW:.*]] = memref.reinterpret_cast %[[OUT]] to offset: [0], sizes: [%{{.*}}, 8], strides: [8, 1]
  // CHECK: memref.cast %[[VIEW]] : memref<?x8xf32, strided<[8, 1]>> to memref<?x8xf32>
  // CHECK: call @k
  // CHECK-NOT: memref.copy
  // CHECK: return{{$}}
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %a = memref.alloc(%n) : memref<?x8xf32>
  call @k(%a) : (memref<?x8xf32>) -> ()
  %half = arith.divui %n, %c2 : index
  %flat = memref.collapse_shape %a [[0, 1]] : memref<?x8xf32> into memref<?xf32>
  %y = memref.expand_shape %flat [[0, 1, 2]] output_shape [2, %half, 4] : memref<?xf32> into memref<2x?x4xf32>
  return %y : memref<2x?x4xf32>
}

// CHECK-LABEL: func.func @copied(
// CHECK-SAME: %[[X:.*]]: memref<?xf32>
func.func @copied(%x: memref<?xf32>) -> (memref<?xf32>, memref<4xf32>, memref<4xf32>) {
  // CHECK: %[[A:.*]] = memref.alloc() {alignment = 64 : i64, compress.output = 1 : i64} : memref<4xf32>
  // CHECK: %[[SIZE:.*]] = memref.dim %[[X]]
  // CHECK: %[[OUT:.*]] = memref.alloc(%[[SIZE]]) {alignment = 64 : i64, compress.output = 0 : i64} : memref<?xf32>
  // CHECK: memref.copy %[[X]], %[[OUT]]
  // CHECK: %[[TWICE:.*]] = memref.alloc() {alignment = 64 : i64, compress.output = 2 : i64} : memref<4xf32>
  // CHECK: memref.copy %[[A]], %[[TWICE]]
  // CHECK: return{{$}}
  %a = memref.alloc() : memref<4xf32>
  return %x, %a, %a : memref<?xf32>, memref<4xf32>, memref<4xf32>
}

// CHECK-LABEL: func.func @size_is_known_too_late(
func.func @size_is_known_too_late(%n: index) -> memref<?x?xf32> {
  // CHECK: memref.alloc(%{{.*}}) : memref<?xf32>
  // CHECK: call @rows
  // CHECK: memref.alloc({{.*}}) {alignment = 64 : i64, compress.output = 0 : i64}
  // CHECK: memref.copy
  %a = memref.alloc(%n) : memref<?xf32>
  %rows, %columns = call @rows(%a) : (memref<?xf32>) -> (index, index)
  %y = memref.expand_shape %a [[0, 1]] output_shape [%rows, %columns] : memref<?xf32> into memref<?x?xf32>
  return %y : memref<?x?xf32>
}
func.func private @rows(memref<?xf32>) -> (index, index)

// CHECK-LABEL: func.func private @no_private_function
// CHECK-SAME: -> memref<4xf32>
func.func private @no_private_function() -> memref<4xf32> {
  %a = memref.alloc() : memref<4xf32>
  return %a : memref<4xf32>
}

// -----

// expected-error @+1 {{expects results that are dense memrefs, got 'index' for result 0}}
func.func @invalid_result(%n: index) -> index {
  return %n : index
}
