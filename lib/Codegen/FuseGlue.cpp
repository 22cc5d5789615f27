//===- FuseGlue.cpp - fusion of element-wise ops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::compress {
#define GEN_PASS_DEF_FUSEGLUE
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Whether the body has functions that take many instructions.
static bool isExpensive(linalg::LinalgOp op) {
  return llvm::any_of(op.getBlock()->without_terminator(), [](Operation &inner) {
    return isa<math::MathDialect>(inner.getDialect()) &&
           !isa<math::AbsFOp, math::AbsIOp, math::FmaOp, math::CopySignOp, math::FloorOp,
                math::CeilOp, math::RoundEvenOp, math::TruncOp>(inner);
  });
}

/// A producer with one reader is computed where it is read, unless that computes expensive
/// functions several times: where the reader has loops that the producer does not have, other than
/// inner ones, out of which they are hoisted again.
static bool shouldFuse(OpOperand *operand) {
  Operation *producer = operand->get().getDefiningOp();
  if (!producer || !producer->hasOneUse())
    return false;
  auto from = dyn_cast<linalg::LinalgOp>(producer);
  auto to = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  if (!from || !to || !isExpensive(from) || to.getNumLoops() <= from.getNumLoops())
    return true;
  AffineMap map = to.getMatchingIndexingMap(operand);
  unsigned last = to.getNumLoops();
  while (last > 0 && !map.isFunctionOfDim(last - 1))
    --last;
  for (unsigned dim = 0; dim < last; ++dim)
    if (!map.isFunctionOfDim(dim))
      return false;
  return true;
}

namespace {
class FuseGluePass : public compress::impl::FuseGlueBase<FuseGluePass> {
public:
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet owned(context);
    linalg::populateElementwiseOpsFusionPatterns(owned, shouldFuse);
    linalg::populateFoldReshapeOpsByExpansionPatterns(owned, shouldFuse);
    tensor::populateBubbleUpExpandShapePatterns(owned);
    affine::AffineApplyOp::getCanonicalizationPatterns(owned, context);
    linalg::GenericOp::getCanonicalizationPatterns(owned, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(owned, context);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(owned, context);
    context->getLoadedDialect<linalg::LinalgDialect>()->getCanonicalizationPatterns(owned);
    patterns = std::move(owned);
    return success();
  }

  void runOnOperation() override {
    // From the top down: long chains need few iterations.
    (void)applyPatternsGreedily(getOperation(), patterns,
                                GreedyRewriteConfig().setUseTopDownTraversal());
  }

private:
  FrozenRewritePatternSet patterns;
};
} // namespace
