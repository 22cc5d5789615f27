// RUN: compress-opt %s --compress-plan-memory --split-input-file --verify-diagnostics | FileCheck %s

func.func private @k(memref<16xf32>, memref<16xf32>)

// Two of three buffers are alive at a time.
// CHECK-LABEL: func.func @chain(
// CHECK-SAME: compress.plan = {arena = 128 : i64, buffers = 3 : i64, heap = 0 : i64, peak = 128 : i64, slots = 0 : i64, total = 192 : i64}
func.func @chain(%x: memref<16xf32>) {
  // CHECK: %[[W:.*]] = memref.alloc() {alignment = 64 : i64, compress.workspace} : memref<128xi8>
  // CHECK: %[[A:.*]] = memref.view %[[W]][%[[C0:.*]]][]
  // CHECK: %[[B:.*]] = memref.view %[[W]][%[[C64:.*]]][]
  // CHECK: call @k(%[[A]], %[[B]])
  // CHECK: %[[C:.*]] = memref.view %[[W]][%[[SAME:.*]]][]
  // CHECK: call @k(%[[B]], %[[C]])
  // CHECK-NOT: memref.alloc
  %a = memref.alloc() : memref<16xf32>
  call @k(%x, %a) : (memref<16xf32>, memref<16xf32>) -> ()
  %b = memref.alloc() : memref<16xf32>
  call @k(%a, %b) : (memref<16xf32>, memref<16xf32>) -> ()
  %c = memref.alloc() : memref<16xf32>
  call @k(%b, %c) : (memref<16xf32>, memref<16xf32>) -> ()
  call @k(%c, %x) : (memref<16xf32>, memref<16xf32>) -> ()
  return
}

// -----

func.func private @k(memref<?x4xf32>, memref<?x4xf32>)

// CHECK-LABEL: func.func @dynamic(
// CHECK-SAME: arena = 0 : i64, buffers = 3 : i64, heap = 0 : i64, peak = 0 : i64, slots = 2 : i64
func.func @dynamic(%x: memref<?x4xf32>) {
  // The size of the last buffer is computed at the top.
  // CHECK: %[[M:.*]] = memref.dim
  // CHECK: %[[MORE:.*]] = arith.addi %[[M]]
  // CHECK: %[[W:.*]] = memref.alloc(%{{.*}}) {alignment = 64 : i64, compress.workspace} : memref<?xi8>
  // CHECK: %[[A:.*]] = memref.view %[[W]][%[[FIRST:.*]]][%[[M]]] : memref<?xi8> to memref<?x4xf32>
  // CHECK: call @k(%{{.*}}, %[[A]])
  // CHECK: %[[B:.*]] = memref.view %[[W]][%[[SECOND:.*]]][%[[M]]]
  // CHECK: call @k(%[[A]], %[[B]])
  // CHECK: %[[C:.*]] = memref.view %[[W]][%[[FIRST]]][%[[MORE]]]
  // CHECK: call @k(%[[B]], %[[C]])
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = memref.dim %x, %c0 : memref<?x4xf32>
  %a = memref.alloc(%m) : memref<?x4xf32>
  call @k(%x, %a) : (memref<?x4xf32>, memref<?x4xf32>) -> ()
  %b = memref.alloc(%m) : memref<?x4xf32>
  call @k(%a, %b) : (memref<?x4xf32>, memref<?x4xf32>) -> ()
  %more = arith.addi %m, %c1 : index
  %c = memref.alloc(%more) : memref<?x4xf32>
  call @k(%b, %c) : (memref<?x4xf32>, memref<?x4xf32>) -> ()
  return
}

// -----

func.func private @use(memref<?xf32>)
func.func private @count(memref<index>)

// CHECK-LABEL: func.func @size_from_data(
// CHECK-SAME: buffers = 1 : i64, heap = 1 : i64
func.func @size_from_data() {
  // CHECK: memref.alloc() {alignment = 64 : i64, compress.workspace} : memref<64xi8>
  // CHECK: call @count
  // CHECK: %[[N:.*]] = memref.load
  // CHECK: %[[HEAP:.*]] = memref.alloc(%[[N]]) : memref<?xf32>
  // CHECK: call @use(%[[HEAP]])
  // CHECK: memref.cast %[[HEAP]]
  // CHECK: call @use(%[[HEAP]])
  // CHECK-NEXT: memref.dealloc %[[HEAP]]
  // CHECK: call @count
  %x = memref.alloc() : memref<index>
  call @count(%x) : (memref<index>) -> ()
  %n = memref.load %x[] : memref<index>
  %a = memref.alloc(%n) : memref<?xf32>
  call @use(%a) : (memref<?xf32>) -> ()
  %v = memref.cast %a : memref<?xf32> to memref<?xf32, strided<[?], offset: ?>>
  call @use(%a) : (memref<?xf32>) -> ()
  call @count(%x) : (memref<index>) -> ()
  return
}

// -----

func.func private @use(memref<?xf32>)

// What an input says is known at the top, too.
// CHECK-LABEL: func.func @size_from_input(
// CHECK-SAME: buffers = 2 : i64, heap = 0 : i64
func.func @size_from_input(%x: memref<3xindex>) {
  %c1 = arith.constant 1 : index
  %a = memref.alloc() : memref<4xf32>
  %d = memref.cast %a : memref<4xf32> to memref<?xf32>
  call @use(%d) : (memref<?xf32>) -> ()
  %n = memref.load %x[%c1] : memref<3xindex>
  %b = memref.alloc(%n) : memref<?xf32>
  call @use(%b) : (memref<?xf32>) -> ()
  return
}

// -----

func.func private @use(memref<16xf32>)

// Temporaries of a loop's body are the same buffers in each iteration.
// CHECK-LABEL: func.func @out_of_regions(
// CHECK-SAME: arena = 128 : i64, buffers = 2 : i64, heap = 0 : i64
func.func @out_of_regions(%n: index, %c: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: memref.view
  // CHECK: memref.view
  // CHECK: scf.for
  // CHECK-NOT: memref.alloc
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.alloc() : memref<16xf32>
    func.call @use(%a) : (memref<16xf32>) -> ()
    scf.if %c {
      %b = memref.alloc() : memref<16xf32>
      func.call @use(%b) : (memref<16xf32>) -> ()
    }
    func.call @use(%a) : (memref<16xf32>) -> ()
  }
  return
}

// -----

func.func private @use(memref<?xf32>)

// CHECK-LABEL: func.func @stays_in_loop(
// CHECK-SAME: heap = 2 : i64
func.func @stays_in_loop(%n: index, %first: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for %[[I:.*]] = {{.*}} iter_args(%[[A:.*]] = %{{.*}})
  // CHECK: %[[NEXT:.*]] = memref.alloc(%[[I]])
  // CHECK: %[[TEMP:.*]] = memref.alloc(%[[I]])
  // CHECK: call @use(%[[TEMP]])
  // CHECK-NEXT: memref.dealloc %[[TEMP]]
  // CHECK-NOT: memref.dealloc
  // CHECK: scf.yield %[[NEXT]]
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %first) -> memref<?xf32> {
    %next = memref.alloc(%i) : memref<?xf32>
    %temp = memref.alloc(%i) : memref<?xf32>
    func.call @use(%temp) : (memref<?xf32>) -> ()
    func.call @use(%next) : (memref<?xf32>) -> ()
    scf.yield %next : memref<?xf32>
  }
  func.call @use(%r) : (memref<?xf32>) -> ()
  return
}

// -----

func.func private @use(memref<4xf32>)

// Outputs, and what frees itself, are not planned.
// CHECK-LABEL: func.func @no_plan(
// CHECK-SAME: buffers = 0 : i64, heap = 0 : i64
// CHECK: memref.alloc() {compress.output = 0 : i64} : memref<4xf32>
// CHECK: memref.alloc() : memref<4xf32>
func.func @no_plan() {
  %a = memref.alloc() {compress.output = 0} : memref<4xf32>
  call @use(%a) : (memref<4xf32>) -> ()
  %b = memref.alloc() : memref<4xf32>
  call @use(%b) : (memref<4xf32>) -> ()
  memref.dealloc %b : memref<4xf32>
  return
}

// CHECK-LABEL: func.func private @no_kernel(
// CHECK: memref.alloc
func.func private @no_kernel() {
  %a = memref.alloc() : memref<4xf32>
  call @use(%a) : (memref<4xf32>) -> ()
  return
}

// -----

// expected-error @+1 {{expects no results; run compress-place-outputs before}}
func.func @invalid_results() -> memref<4xf32> {
  %a = memref.alloc() : memref<4xf32>
  return %a : memref<4xf32>
}
