// RUN: compress-opt %s --compress-glue-pipeline | FileCheck %s --check-prefix=GLUE
// RUN: compress-opt %s --compress-tensors-pipeline | FileCheck %s --check-prefix=LLVM
// RUN: compress-opt %s --compress-glue-pipeline --compress-llvm-pipeline | FileCheck %s --check-prefix=FUNCTIONS

func.func private @k(%x: memref<?x4xf32, strided<[?, 1], offset: ?>>, %y: memref<?x4xf32, strided<[?, 1], offset: ?>>) {
  memref.copy %x, %y : memref<?x4xf32, strided<[?, 1], offset: ?>> to memref<?x4xf32, strided<[?, 1], offset: ?>>
  return
}

// Two element-wise ops are one loop nest; nothing is copied.
// GLUE-LABEL: func.func @model(
// GLUE-COUNT-1: memref.alloc({{.*}}compress.workspace
// GLUE-COUNT-1: linalg.generic
// GLUE-COUNT-1: memref.alloc({{.*}}compress.output = 0
// GLUE-NOT: memref.copy
// GLUE: call @k
// GLUE-NOT: {{memref.alloc|memref.copy|linalg.generic}}
// GLUE: return{{$}}

// LLVM: module attributes {compress.inputs = [{dims = ["n", ""], name = "x", type = tensor<?x4xf32>}], compress.outputs = [{dims = ["", ""], name = "y", type = tensor<?x4xf32>}], compress.plan = {{{.*}}slots = 1{{.*}}}, compress.weights = []} {
// LLVM: llvm.func internal @k
// LLVM: llvm.func @compress_entry(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// LLVM: llvm.call @compress_rt_workspace
// LLVM: llvm.call @compress_rt_output
// LLVM: llvm.call @k

// FUNCTIONS: llvm.func @model(
func.func @model(%x: tensor<?x4xf32> {compress.name = "x", compress.dims = ["n", ""]})
    -> (tensor<?x4xf32> {compress.name = "y"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e0 = tensor.empty(%n) : tensor<?x4xf32>
  %a = linalg.negf ins(%x : tensor<?x4xf32>) outs(%e0 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %e1 = tensor.empty(%n) : tensor<?x4xf32>
  %b = linalg.exp ins(%a : tensor<?x4xf32>) outs(%e1 : tensor<?x4xf32>) -> tensor<?x4xf32>
  %e2 = tensor.empty(%n) : tensor<?x4xf32>
  %y = compress.kernel_call @k ins(%b : tensor<?x4xf32>) outs(%e2 : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
