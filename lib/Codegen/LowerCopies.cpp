//===- LowerCopies.cpp - copies of buffers to linalg -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress {
#define GEN_PASS_DEF_LOWERCOPIES
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// A dense buffer with one dim, which becomes one loop.
static Value flatten(OpBuilder &builder, Location loc, Value buffer) {
  int64_t rank = cast<MemRefType>(buffer.getType()).getRank();
  SmallVector<ReassociationIndices> all(1, llvm::to_vector<2>(llvm::seq<int64_t>(0, rank)));
  return memref::CollapseShapeOp::create(builder, loc, buffer, all);
}

static void lower(memref::CopyOp copy) {
  OpBuilder builder(copy);
  Value source = copy.getSource(), target = copy.getTarget();
  auto isDense = [](Value buffer) {
    auto type = cast<MemRefType>(buffer.getType());
    return type.getLayout().isIdentity() && type.getRank() > 1;
  };
  if (isDense(source) && isDense(target)) {
    source = flatten(builder, copy.getLoc(), source);
    target = flatten(builder, copy.getLoc(), target);
  }
  linalg::CopyOp::create(builder, copy.getLoc(), source, target);
  copy.erase();
}

namespace {
class LowerCopiesPass : public compress::impl::LowerCopiesBase<LowerCopiesPass> {
public:
  void runOnOperation() override {
    WalkResult result = getOperation().walk([](memref::CopyOp copy) -> WalkResult {
      if (!isa<MemRefType>(copy.getSource().getType()) ||
          !isa<MemRefType>(copy.getTarget().getType()))
        return copy.emitOpError("expects ranked memrefs");
      lower(copy);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
