//===- LowerExpandShape.cpp - expanded dims of run-time size -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// MLIR's expand-strided-metadata computes the one dynamic size of a group from the others, and
// crashes if there are two; here all sizes are those that the op says.
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::compress {
#define GEN_PASS_DEF_LOWEREXPANDSHAPE
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Whether a source dim becomes several dims of dynamic size.
static bool hasSeveralDynamicSizes(memref::ExpandShapeOp op) {
  return llvm::any_of(op.getReassociationIndices(), [&](const ReassociationIndices &group) {
    return llvm::count_if(group,
                          [&](int64_t dim) { return op.getResultType().isDynamicDim(dim); }) > 1;
  });
}

/// The value, or the constant that the type of the result has.
static OpFoldResult getStatic(OpBuilder &builder, int64_t known, OpFoldResult value) {
  return ShapedType::isDynamic(known) ? value : OpFoldResult(builder.getIndexAttr(known));
}

static void lowerExpandShape(IRRewriter &rewriter, memref::ExpandShapeOp op) {
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(op);
  auto source = memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getSrc());
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(), strides(sizes.size());
  auto [knownStrides, knownOffset] = op.getResultType().getStridesAndOffset();
  for (auto [dim, group] : llvm::enumerate(op.getReassociationIndices())) {
    Value stride = source.getStrides()[dim];
    for (int64_t i : llvm::reverse(group)) {
      strides[i] = getStatic(rewriter, knownStrides[i], stride);
      stride = arith::MulIOp::create(rewriter, loc, stride,
                                     getValueOrCreateConstantIndexOp(rewriter, loc, sizes[i]));
    }
  }
  OpFoldResult offset = getStatic(rewriter, knownOffset, source.getOffset());
  rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(
      op, op.getResultType(), source.getBaseBuffer(), offset, sizes, strides);
}

namespace {
class LowerExpandShapePass : public compress::impl::LowerExpandShapeBase<LowerExpandShapePass> {
public:
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<memref::ExpandShapeOp> ops;
    getOperation().walk([&](memref::ExpandShapeOp op) {
      if (hasSeveralDynamicSizes(op))
        ops.push_back(op);
    });
    for (memref::ExpandShapeOp op : ops)
      lowerExpandShape(rewriter, op);
  }
};
} // namespace
