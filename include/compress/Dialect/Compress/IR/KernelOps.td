//===- KernelOps.td - calls of generated kernels -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_KERNELOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_KERNELOPS_TD

include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "compress/Dialect/Compress/IR/CompressOpBase.td"

def Compress_KernelCallOp : Compress_Op<"kernel_call", [
    Pure, AttrSizedOperandSegments, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "call of a generated kernel, on tensors";
  let description = [{
    Stands for a call of the function `callee`, which works on memrefs, until bufferization replaces
    it by a `func.call`. The kernel overwrites its outputs completely, does not read them, and may
    assume that they overlap no input.

    Constraints: (C1) the callee is a `func.func` with one argument per operand, inputs first, and no
    results; (C2) a tensor operand has the rank and element type of the callee's memref, and no
    static size that contradicts it; other operands have the callee's type; (C3) results have the
    types of the outputs.

    ```mlir
    %y = compress.kernel_call @linear_f32 ins(%x, %w : tensor<?x16xf32>, tensor<1x16x64xf32>)
           outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins
    FlatSymbolRefAttr:$callee, Variadic<AnyType>:$inputs, Variadic<AnyRankedTensor>:$outputs
  );
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $callee (`ins` `(` $inputs^ `:` type($inputs) `)`)? `outs` `(` $outputs `:` type($outputs) `)`
    attr-dict `->` type($results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutputsMutable(); }
  }];
  let builders = [
    OpBuilder<(ins "::mlir::func::FuncOp":$callee, "::mlir::ValueRange":$inputs,
                   "::mlir::ValueRange":$outputs)>
  ];
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_KERNELOPS_TD
