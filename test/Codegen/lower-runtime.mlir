// RUN: compress-opt %s --compress-lower-runtime --split-input-file --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-lower-runtime --compress-lower-runtime --split-input-file --verify-diagnostics | FileCheck %s

// Equal messages are stored once.
// CHECK: llvm.mlir.global internal constant @compress_message("out of range\00")
// CHECK-NOT: llvm.mlir.global
// CHECK-LABEL: func.func @check(
// CHECK-SAME: %[[OK:[a-z0-9]*]]: i1
func.func @check(%ok: i1, %other: i1, %x: memref<f32>, %v: f32) -> i32 {
  %zero = arith.constant 0 : i32
  // CHECK: cf.cond_br %[[OK]], ^[[GO:.*]], ^[[BAD:.*]]
  // CHECK: ^[[GO]]:
  // CHECK: memref.store
  // CHECK: ^[[BAD]]:
  // CHECK: %[[TEXT:.*]] = llvm.mlir.addressof @compress_message
  // CHECK: call @compress_rt_error(%[[TEXT]])
  // CHECK: cf.br ^[[END:.*]]
  // CHECK: ^[[END]]:
  // CHECK: %[[M1:.*]] = arith.constant -1 : i32
  // CHECK: return %[[M1]] : i32
  cf.assert %ok, "out of range"
  memref.store %v, %x[] : memref<f32>
  cf.assert %other, "out of range"
  return %zero : i32
}

// CHECK-LABEL: func.func private @checked(
// CHECK-SAME: attributes {llvm.linkage = #llvm.linkage<internal>, passthrough = ["noinline"]}
// CHECK-NOT: cf.assert
func.func private @checked(%ok: i1) {
  cf.assert %ok, "out of range"
  return
}

// What calls a function that can fail, asks.
// CHECK-LABEL: func.func private @caller(
// CHECK: call @checked
// CHECK: %[[STATUS:.*]] = call @compress_rt_failed() : () -> i32
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK: %[[GOOD:.*]] = arith.cmpi eq, %[[STATUS]], %[[ZERO]]
// CHECK: cf.cond_br %[[GOOD]]
func.func private @caller(%ok: i1, %x: memref<f32>, %v: f32) {
  call @checked(%ok) : (i1) -> ()
  memref.store %v, %x[] : memref<f32>
  return
}

// CHECK-LABEL: func.func private @no_failure(
// CHECK-NEXT: call @leaf()
// CHECK-NEXT: return
func.func private @no_failure() {
  call @leaf() : () -> ()
  return
}
func.func private @leaf() {
  return
}

// -----

// CHECK-LABEL: func.func @parallel(
// CHECK: call @compress_rt_parallel_for
// CHECK: call @compress_rt_failed
func.func @parallel(%p: !llvm.ptr, %n: i64) {
  call @compress_rt_parallel_for(%p, %p, %n) {compress.body = @body} : (!llvm.ptr, !llvm.ptr, i64) -> ()
  return
}
func.func private @body(%c: !llvm.ptr, %b: i64, %e: i64) {
  %a = memref.alloc() : memref<4xf32>
  memref.dealloc %a : memref<4xf32>
  return
}
func.func private @compress_rt_parallel_for(!llvm.ptr, !llvm.ptr, i64)

// -----

// CHECK-LABEL: func.func @buffers(
// CHECK-SAME: %[[N:.*]]: index
func.func @buffers(%n: index) -> i32 {
  // CHECK: %[[W:.*]] = call @compress_rt_workspace(%c256_i64{{.*}})
  // CHECK: %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
  // CHECK: %[[OK:.*]] = llvm.icmp "ne" %[[W]], %[[NULL]]
  // CHECK: cf.cond_br %[[OK]]
  %w = memref.alloc() {compress.workspace} : memref<256xi8>
  // CHECK: %[[SIZE:.*]] = arith.index_cast %[[N]] : index to i64
  // CHECK: llvm.store %[[SIZE]]
  // CHECK: %[[C1:.*]] = arith.constant 1 : i64
  // CHECK: %[[RANK:.*]] = arith.constant 2 : i64
  // CHECK: %[[BYTES:.*]] = arith.constant 8 : i64
  // CHECK: call @compress_rt_output(%[[C1]], %[[RANK]], %{{.*}}, %[[BYTES]])
  %o = memref.alloc(%n) {compress.output = 1} : memref<?x3xi64>
  // CHECK: arith.mului_extended
  // CHECK: %[[P:.*]] = call @compress_rt_alloc
  %a = memref.alloc(%n) : memref<?xi1>
  // CHECK: call @compress_rt_free
  memref.dealloc %a : memref<?xi1>
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @+1 {{can fail; expects no results or a status, got '(i1) -> f32'}}
func.func @invalid_result(%ok: i1) -> f32 {
  cf.assert %ok, "no"
  %v = arith.constant 0.0 : f32
  return %v : f32
}

// -----

func.func @invalid_nested(%ok: i1) {
  scf.if %ok {
    // expected-error @+1 {{expects to be lowered after structured control flow}}
    cf.assert %ok, "no"
  }
  return
}

// -----

func.func @invalid_buffer() {
  // expected-error @+1 {{expects a dense buffer of numbers}}
  %a = memref.alloc() : memref<4xvector<4xf32>>
  return
}
