// RUN: compress-opt %s --compress-outline-parallel --split-input-file --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-outline-parallel --compress-outline-parallel --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: func.func private @compress_rt_parallel_for(!llvm.ptr, !llvm.ptr, i64)

// CHECK-LABEL: func.func private @captures_body(
// CHECK-SAME: %[[CTX:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64)
// CHECK: %[[TWO:.*]] = arith.constant 2.0
// CHECK: %[[S:.*]] = llvm.load %[[CTX]]
// CHECK: %[[FIELD:.*]] = llvm.extractvalue %[[S]][0]
// CHECK: %[[X:.*]] = builtin.unrealized_conversion_cast %[[FIELD]] : {{.*}} to memref<?xf32>
// CHECK: %[[LO:.*]] = arith.index_cast %[[BEGIN]] : i64 to index
// CHECK: %[[HI:.*]] = arith.index_cast %[[END]] : i64 to index
// CHECK: scf.for %[[I:.*]] = %[[LO]] to %[[HI]]
// CHECK: %[[OLD:.*]] = memref.load %[[X]][%[[I]]]
// CHECK: arith.mulf %[[OLD]], %[[TWO]]

// CHECK-LABEL: func.func @captures(
// CHECK: %[[CTX:.*]] = llvm.alloca
// CHECK: %[[N:.*]] = memref.dim
// CHECK: llvm.store %{{.*}}, %[[CTX]]
// CHECK: %[[COUNT:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK: %[[BODY:.*]] = builtin.unrealized_conversion_cast %{{.*}} : (!llvm.ptr, i64, i64) -> () to !llvm.ptr
// CHECK: call @compress_rt_parallel_for(%[[BODY]], %[[CTX]], %[[COUNT]]) {compress.body = @captures_body}
// CHECK-NOT: scf.parallel
func.func @captures(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %two = arith.constant 2.0 : f32
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %v = memref.load %x[%i] : memref<?xf32>
    %w = arith.mulf %v, %two : f32
    memref.store %w, %x[%i] : memref<?xf32>
  }
  return
}

// -----

// CHECK-LABEL: func.func private @several_dims_body(
// CHECK: scf.for %[[P:.*]] =
// CHECK: %[[J:.*]] = arith.remui %[[P]], %[[COUNT:.*]] : index
// CHECK: %[[I:.*]] = arith.divui %[[P]], %[[COUNT]] : index
// CHECK: %[[J2:.*]] = arith.muli %[[J]], %{{.*}} : index
// CHECK: %[[J3:.*]] = arith.addi %[[J2]], %{{.*}} : index
// CHECK: memref.store %{{.*}}, %{{.*}}[%[[I]], %[[J3]]]
// CHECK-LABEL: func.func @several_dims(
// CHECK: arith.ceildivsi
// CHECK: arith.maxsi
func.func @several_dims(%x: memref<?x?xf32>, %n: index, %lower: index, %upper: index, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i, %j) = (%c0, %lower) to (%n, %upper) step (%c1, %c4) {
    memref.store %v, %x[%i, %j] : memref<?x?xf32>
  }
  return
}

// -----

// A parallel loop inside another is a loop; stack memory is the function's.
// CHECK-LABEL: func.func private @nested_body(
// CHECK: memref.alloca() : memref<8xf32>
// CHECK: scf.for
// CHECK: scf.for
// CHECK-NOT: memref.alloca
// CHECK-LABEL: func.func @nested(
// CHECK-NOT: scf.
// CHECK: call @compress_rt_parallel_for
// CHECK-NOT: call @compress_rt_parallel_for
func.func @nested(%x: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = arith.constant 0.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %s = memref.alloca() : memref<8xf32>
    scf.parallel (%j) = (%c0) to (%i) step (%c1) {
      memref.store %v, %s[%j] : memref<8xf32>
      memref.store %v, %x[%j] : memref<?xf32>
    }
  }
  return
}

// -----

// CHECK-LABEL: func.func private @forall_body(
// CHECK-LABEL: func.func @forall(
// CHECK: call @compress_rt_parallel_for
func.func @forall(%x: memref<?xf32>, %n: index, %v: f32) {
  scf.forall (%i) in (%n) {
    memref.store %v, %x[%i] : memref<?xf32>
  }
  return
}

// -----

// CHECK-LABEL: func.func @no_reduction(
// CHECK: scf.parallel
func.func @no_reduction(%x: memref<?xf32>, %n: index, %zero: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%zero) -> f32 {
    %v = memref.load %x[%i] : memref<?xf32>
    scf.reduce(%v : f32) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      scf.reduce.return %s : f32
    }
  }
  return %r : f32
}

// -----

func.func @invalid_forall(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{expects a loop on memrefs, without results}}
  %r = scf.forall (%i) in (8) shared_outs(%o = %x) -> tensor<8xf32> {
    %s = tensor.extract_slice %o[%i] [1] [1] : tensor<8xf32> to tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %s into %o[%i] [1] [1] : tensor<1xf32> into tensor<8xf32>
    }
  }
  return %r : tensor<8xf32>
}

// -----

// CHECK-LABEL: func.func @few_iterations(
// CHECK: %[[LIMIT:.*]] = arith.constant 100 : i64
// CHECK: %[[MANY:.*]] = arith.cmpi sge, %[[TOTAL:.*]], %[[LIMIT]]
// CHECK: scf.if %[[MANY]] {
// CHECK: call @compress_rt_parallel_for(%{{.*}}, %[[CTX:.*]], %[[TOTAL]])
// CHECK: } else {
// CHECK: call @few_iterations_body(%[[CTX]], %{{.*}}, %[[TOTAL]])
func.func @few_iterations(%x: memref<?xf32>, %n: index, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %v, %x[%i] : memref<?xf32>
    scf.reduce
  } {compress.min_iterations = 100 : i64}
  return
}
