//===- Passes.td - from linalg on tensors to the LLVM dialect -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_PASSES_TD
#define COMPRESS_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def RecordInterface : Pass<"compress-record-interface", "::mlir::ModuleOp"> {
  let summary = "Inputs and outputs of the model as attributes of the module";
  let description = [{
    Writes the names, dim names and types of the arguments and results of the public function to the
    module attributes `compress.inputs` and `compress.outputs`, arrays of
    `{name = "x", dims = ["batch", ""], type = tensor<?x16xf32>}`. Arguments that are weights
    (`compress.weight`) do not count. A module that has them already is left alone; so types can be
    recorded before they become types of memory. More than one public function is an error.

    (* example filepath=test/Codegen/record-interface.mlir function=@names_and_dims *)
  }];
}

def FuseGlue : Pass<"compress-fuse-glue", "::mlir::func::FuncOp"> {
  let summary = "Element-wise ops into their readers";
  let description = [{
    Fuses element-wise `linalg.generic` with one reader into it, and reshapes around them away. Ops
    with expensive functions (`exp`, ...) stay where the reader would compute them again and again:
    a row that is broadcast to many rows.

    (* example filepath=test/Codegen/fuse-glue.mlir function=@chain *)
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def PrepareBufferization : Pass<"compress-prepare-bufferization", "::mlir::func::FuncOp"> {
  let summary = "What bufferization must know of a model's main function";
  let description = [{
    Arguments of public functions cannot be written (`bufferization.writable`); concatenations become
    slices of their result; what a loop carries in static shape is written into the buffer it came in,
    so that loops need no new buffer per iteration.

    (* example filepath=test/Codegen/prepare-bufferization.mlir function=@carried_in_place *)
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::tensor::TensorDialect"];
}

def PlaceOutputs : Pass<"compress-place-outputs", "::mlir::func::FuncOp"> {
  let summary = "Results of the bufferized main function to buffers of the caller";
  let description = [{
    For each returned buffer of a public function there is one `memref.alloc` with the attribute
    `compress.output`, the index of the output, and the function returns nothing any more. An
    allocation that is returned, maybe reshaped, becomes that buffer itself; other values (an
    argument, a part of a buffer, the same buffer twice) are copied.

    (* example filepath=test/Codegen/place-outputs.mlir function=@returned_allocation *)
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect"];
}

def PlanMemory : Pass<"compress-plan-memory", "::mlir::func::FuncOp"> {
  let summary = "One buffer for all intermediate values";
  let description = [{
    Allocations of a public function become views of one, `memref.alloc` with the attribute
    `compress.workspace`. Allocations in loops and branches move out of them where the size is known
    before. Static ones get constant offsets, packed by live range (best fit, over several orders).
    Dynamic ones whose size can be computed ahead are coloured into slots; sizes and offsets of
    slots are computed at run time. What is left (its size depends on data, or it lives in one
    iteration of a loop) stays an allocation and is freed after its last use.

    The function attribute `compress.plan` has, in bytes: `arena`, the static part of the buffer;
    `peak`, the most that is alive at a time; `total`, the sum of all; and the numbers of `buffers`,
    dynamic `slots`, and allocations on the `heap`.

    (* example filepath=test/Codegen/plan-memory.mlir function=@chain *)
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def LowerCopies : Pass<"compress-lower-copies", "::mlir::func::FuncOp"> {
  let summary = "Copies of buffers to linalg, which become loops";
  let description = [{
    `memref.copy` would be a call of a run-time function; loops are faster.

    (* example filepath=test/Codegen/lower-copies.mlir function=@strided *)
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def GlueToLoops : Pass<"compress-glue-to-loops", "::mlir::func::FuncOp"> {
  let summary = "linalg on buffers to loops";
  let description = [{
    Dense element-wise ops become one loop. Reductions over the last dims are carried in registers
    (`iter_args`), whatever the buffers alias, so that they can be vectorised. In public functions
    the first loops of an op with enough work are `scf.parallel`; if its sizes are dynamic, with the
    attribute `compress.min_iterations`, from which number of iterations on it is worth threads.
    Reductions are never split between threads.

    (* example filepath=test/Codegen/glue-to-loops.mlir function=@elementwise *)
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
  let options = [
    Option<"parallel", "parallel", "bool", /*default=*/"true", "Use threads for large ops">];
}

def OutlineParallel : Pass<"compress-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Parallel loops to functions called by the run time";
  let description = [{
    The body of an outermost `scf.parallel` (or `scf.forall` without results) becomes a function
    `(context, begin, end)`, called through `compress_rt_parallel_for`. What the body uses from
    outside is passed by value in a structure on the stack; constants are cloned. Parallel loops
    inside become loops. Static `memref.alloca` move to the top of their function. Loops with
    `compress.min_iterations` run on the calling thread if there are fewer.

    (* example filepath=test/Codegen/outline-parallel.mlir function=@captures *)
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::affine::AffineDialect"];
}

def LowerEntry : Pass<"compress-lower-entry", "::mlir::ModuleOp"> {
  let summary = "The main function to the entry of compiled models";
  let description = [{
    The public function, bufferized, without results (`compress-place-outputs`) and without
    structured control flow, becomes
    `compress_entry(%weights: !llvm.ptr, %inputs: !llvm.ptr) -> i32`
    (compress/Runtime/compress_rt.h). Sizes of inputs are checked: static ones, and that dims of the
    same name agree. The module attribute `compress.weights` has the symbols of the weights in the
    order of the table, `compress.plan` the memory plan.

    (* example filepath=test/Codegen/lower-entry.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"];
}

def LowerRuntime : Pass<"compress-lower-runtime", "::mlir::ModuleOp"> {
  let summary = "Allocations and checks to calls of the run time";
  let description = [{
    `memref.alloc` becomes `compress_rt_output`, `compress_rt_workspace` or `compress_rt_alloc`,
    `memref.dealloc` `compress_rt_free`, and `cf.assert` a branch to `compress_rt_error`. After a
    failed one, and after a call of a function in which one can fail, the function returns; functions
    return nothing, or -1. Needs branches instead of structured control flow. Private functions get
    internal linkage.

    (* example filepath=test/Codegen/lower-runtime.mlir function=@check *)
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::memref::MemRefDialect"];
}

def LowerExpandShape : Pass<"compress-lower-expand-shape", "::mlir::func::FuncOp"> {
  let summary = "Dims that expand into several of run-time size, as pointer arithmetic";
  let description = [{
    `memref.expand_shape` of a dim into several dynamic ones, which MLIR's expansion of strided
    metadata cannot lower, becomes `memref.reinterpret_cast` with the sizes that the op says.

    (* example filepath=test/Codegen/lower-expand-shape.mlir function=@two_sizes *)
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def VerifyLowered : Pass<"compress-verify-lowered", "::mlir::ModuleOp"> {
  let summary = "Check that only the LLVM dialect and stored weights are left";
  let description = [{
    Every op must be of the LLVM dialect, except the module itself and `compress.weight`. An error
    names the op that was not lowered.

    (* example filepath=test/Codegen/verify-lowered.mlir function=@lowered *)
  }];
}

#endif // COMPRESS_CODEGEN_PASSES_TD
