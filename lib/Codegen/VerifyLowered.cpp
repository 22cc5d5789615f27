//===- VerifyLowered.cpp - the end of lowering -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Passes.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::compress {
#define GEN_PASS_DEF_VERIFYLOWERED
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {
class VerifyLoweredPass : public compress::impl::VerifyLoweredBase<VerifyLoweredPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    WalkResult result = module.walk([&](Operation *op) -> WalkResult {
      if (op == module || isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect()) ||
          (isa<WeightOp>(op) && op->getParentOp() == module))
        return WalkResult::advance();
      return op->emitOpError("was not lowered to the LLVM dialect");
    });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
