//===- KernelOps.cpp - calls of generated kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"

using namespace mlir;
using namespace mlir::compress;

void KernelCallOp::build(OpBuilder &builder, OperationState &state, func::FuncOp callee,
                         ValueRange inputs, ValueRange outputs) {
  build(builder, state, TypeRange(outputs), FlatSymbolRefAttr::get(callee.getSymNameAttr()), inputs,
        outputs);
}

/// Whether a value of type `operand` can be passed for `argument`.
static bool canPass(Type operand, Type argument) {
  auto tensor = dyn_cast<RankedTensorType>(operand);
  if (!tensor)
    return operand == argument;
  auto memref = dyn_cast<MemRefType>(argument);
  return memref && memref.getElementType() == tensor.getElementType() &&
         succeeded(verifyCompatibleShape(memref, tensor));
}

LogicalResult KernelCallOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto callee = symbolTable.lookupNearestSymbolFrom<func::FuncOp>(*this, getCalleeAttr());
  // C1
  if (!callee)
    return emitOpError("expects the symbol of a func.func, got ") << getCalleeAttr();
  FunctionType type = callee.getFunctionType();
  if (type.getNumInputs() != getNumOperands() || type.getNumResults())
    return emitOpError("expects a callee with ")
           << getNumOperands() << " arguments and no results, got " << type;
  // C2
  for (auto [index, operand, argument] : llvm::enumerate(getOperandTypes(), type.getInputs()))
    if (!canPass(operand, argument))
      return emitOpError("cannot pass operand ")
             << index << " of type " << operand << " for the callee's " << argument;
  return success();
}
