//===- Passes.td - from model ops to linalg -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CONVERSION_PASSES_TD
#define COMPRESS_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertCompressToLinalg : Pass<"convert-compress-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Model ops to linalg on tensors and calls of generated kernels";
  let description = [{
    Lowers the functions of a normalised module to `linalg`, `tensor`, `scf`, `arith` and `math` on
    tensors. With `kernels`, contractions, convolutions, attention and norms become
    `compress.kernel_call`, their weights are packed into the layout of their kernel, and the
    kernels are added to the module; without, everything is plain `linalg` for other compilers.

    Weights that remain are `compress.load` of the types of memory: integers without sign, sub-byte
    ones as bytes. Sizes that are only known at run time are checked with `cf.assert` where a wrong
    one would be an access out of bounds. Ops that cannot be lowered are errors.

    (* example filepath=test/Conversion/CompressToLinalg/elementwise.mlir function=@add *)
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::compress::CompressDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::mlir::vector::VectorDialect"];
  let options = [
    Option<"kernels", "kernels", "bool", /*default=*/"true", "Use generated kernels">,
    Option<"target", "target", "std::string", /*default=*/"\"host\"",
           "CPU of the kernels: host, avx2, avx512, avx512vnni">,
  ];
}

def WeightsToArguments : Pass<"compress-weights-to-arguments", "::mlir::ModuleOp"> {
  let summary = "Loads of weights to arguments of the function";
  let description = [{
    Every weight that a function loads becomes one more argument of it, in order of first use, with
    the attribute `compress.weight`, the weight's symbol. Weights that nothing loads are removed.

    (* example filepath=test/Conversion/weights-to-arguments.mlir function=@two_loads *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

#endif // COMPRESS_CONVERSION_PASSES_TD
