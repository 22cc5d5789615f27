// RUN: compress-opt %s --compress-lower-entry --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: module attributes {
// CHECK-SAME: compress.plan = {arena = 64 : i64}
// CHECK-SAME: compress.weights = [@b, @a]
module attributes {compress.inputs = [{name = "ids", dims = ["n", ""], type = tensor<?x4xf32>}, {name = "mask", dims = ["n"], type = tensor<?xi1>}]} {
  func.func private @k(memref<?x4xf32>, memref<3xf32>, memref<?xi1>, memref<i32>)
  // CHECK-LABEL: func.func @compress_entry(
  // CHECK-SAME: %[[WEIGHTS:.*]]: !llvm.ptr, %[[INPUTS:.*]]: !llvm.ptr) -> i32 {
  func.func @main(%x: memref<?x4xf32> {compress.name = "ids"}, %b: memref<3xf32> {compress.weight = @b},
                  %m: memref<?xi1>, %a: memref<i32> {compress.weight = @a}) attributes {compress.plan = {arena = 64 : i64}} {
    // CHECK: llvm.getelementptr %[[INPUTS]][0, 0]
    // CHECK: %[[DATA:.*]] = llvm.load
    // CHECK: llvm.getelementptr %[[INPUTS]][0, 1]
    // CHECK: %[[N:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i64
    // CHECK: %[[FOUR:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i64
    // CHECK: %[[C4:.*]] = arith.constant 4 : i64
    // CHECK: %[[EQ:.*]] = arith.cmpi eq, %[[FOUR]], %[[C4]]
    // CHECK: cf.assert %[[EQ]], "dim 1 of input 'ids' must be 4"
    // CHECK: llvm.insertvalue %[[DATA]], %{{.*}}[0]
    // CHECK: %[[X:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?x4xf32>
    // CHECK: llvm.getelementptr %[[WEIGHTS]][0]
    // CHECK: %[[B:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<3xf32>
    // CHECK: llvm.getelementptr %[[INPUTS]][1, 0]
    // CHECK: %[[SAME:.*]] = arith.cmpi eq, %{{.*}}, %[[N]]
    // CHECK: cf.assert %[[SAME]], "dim 0 of input 'mask' must equal dim 0 of input 'ids'; both are 'n'"
    // CHECK: %[[M:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?xi1>
    // CHECK: llvm.getelementptr %[[WEIGHTS]][1]
    // CHECK: %[[A:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<i32>
    // CHECK: call @k(%[[X]], %[[B]], %[[M]], %[[A]])
    call @k(%x, %b, %m, %a) : (memref<?x4xf32>, memref<3xf32>, memref<?xi1>, memref<i32>) -> ()
    // CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
    // CHECK: return %[[ZERO]] : i32
    return
  }
}

// -----

// expected-error @+1 {{expects one public function, the model, got 2}}
module {
  func.func @invalid_one() { return }
  func.func @invalid_two() { return }
}

// -----

// expected-error @+1 {{expects no results; run compress-place-outputs before}}
func.func @invalid_results(%x: memref<f32>) -> memref<f32> {
  return %x : memref<f32>
}

// -----

// expected-error @+1 {{expects arguments that are dense memrefs, got 'tensor<4xf32>' for argument 0}}
func.func @invalid_argument(%x: tensor<4xf32>) {
  return
}

// -----

// expected-error @+1 {{expects weights of static shape, got 'memref<?xf32>' for argument 0}}
func.func @invalid_weight(%x: memref<?xf32> {compress.weight = @w}) {
  return
}

// -----

func.func @invalid_region(%n: index) {
  return
}
// expected-error @-3 {{expects arguments that are dense memrefs, got 'index' for argument 0}}

// -----

func.func @invalid_loop(%x: memref<4xf32>) {
  %c = arith.constant true
  // expected-error @+1 {{in the main function; expects branches instead of regions}}
  scf.if %c {
  }
  return
}
