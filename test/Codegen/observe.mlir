// RUN: compress-opt %s --one-shot-bufferize='bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map' --canonicalize --split-input-file | FileCheck %s --check-prefix=BUFFER
// RUN: compress-opt %s --one-shot-bufferize='bufferize-function-boundaries=1 function-boundary-type-conversion=identity-layout-map' --compress-lower-runtime --canonicalize --split-input-file | FileCheck %s

// The value is read where it lies, before it is overwritten.
// BUFFER-LABEL: func.func private @dense(
// BUFFER-SAME: %[[X:.*]]: memref<?x4xf32>
// BUFFER-NOT: memref.copy
// BUFFER: compress.observe %[[X]] {id = ["a"], index = 7 : i64} : memref<?x4xf32>
// CHECK-LABEL: func.func private @dense(
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>
// CHECK-DAG: %[[INDEX:.*]] = arith.constant 7 : i64
// CHECK-DAG: %[[RANK:.*]] = arith.constant 2 : i64
// CHECK-DAG: %[[FOUR:.*]] = arith.constant 4 : i64
// CHECK-DAG: %[[F32:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[TABLE:.*]] = llvm.alloca
// CHECK-DAG: %[[DIM:.*]] = memref.dim %[[X]]
// CHECK-DAG: %[[ROWS:.*]] = arith.index_cast %[[DIM]] : index to i64
// CHECK-DAG: llvm.store %[[ROWS]], %{{.*}} : i64, !llvm.ptr
// CHECK-DAG: llvm.store %[[FOUR]], %{{.*}} : i64, !llvm.ptr
// CHECK-DAG: %[[DATA:.*]] = llvm.inttoptr
// CHECK: call @compress_rt_observe(%[[INDEX]], %[[DATA]], %[[RANK]], %[[TABLE]], %[[F32]]) : (i64, !llvm.ptr, i64, !llvm.ptr, i32) -> ()
// CHECK: memref.store
func.func private @dense(%x: tensor<?x4xf32>, %v: f32) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  compress.observe %x {id = ["a"], index = 7 : i64} : tensor<?x4xf32>
  %y = tensor.insert %v into %x[%c0, %c0] : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// What does not lie dense is copied; the type is that of the model.
// BUFFER-LABEL: func.func private @strided(
// BUFFER: %[[COPY:.*]] = memref.alloc() {{.*}} : memref<4x2xi8>
// BUFFER: memref.copy %{{.*}}, %[[COPY]]
// BUFFER: compress.observe %[[COPY]] {element_type = ui8, id = ["a"], index = 0 : i64} : memref<4x2xi8>
// CHECK-LABEL: func.func private @strided(
// CHECK-DAG: %[[U8:.*]] = arith.constant 23 : i32
// CHECK: call @compress_rt_observe(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[U8]])
func.func private @strided(%x: tensor<4x4xi8>) {
  %s = tensor.extract_slice %x[0, 0] [4, 2] [1, 1] : tensor<4x4xi8> to tensor<4x2xi8>
  compress.observe %s {id = ["a"], index = 0 : i64, element_type = ui8} : tensor<4x2xi8>
  return
}
