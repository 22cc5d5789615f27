//===- SelectAttention.cpp - attention of f32 tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/AttentionKernel.h"
#include "compress/Conversion/KernelSelection.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

/// `mask` with leading dims of size 1 up to rank 4.
static Value expandMask(OpBuilder &builder, KernelContext &kernels, Value mask) {
  auto type = cast<RankedTensorType>(mask.getType());
  int64_t missing = 4 - type.getRank();
  if (missing == 0)
    return mask;
  SmallVector<int64_t> shape(static_cast<size_t>(missing), 1);
  SmallVector<OpFoldResult> sizes(static_cast<size_t>(missing), builder.getIndexAttr(1));
  SmallVector<ReassociationIndices> groups(static_cast<size_t>(type.getRank()));
  groups[0] = llvm::to_vector(llvm::seq<int64_t>(0, missing));
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    groups[static_cast<size_t>(dim)].push_back(missing + dim);
    shape.push_back(type.getDimSize(dim));
    sizes.push_back(kernels.getSize(builder, mask.getLoc(), mask, dim));
  }
  return tensor::ExpandShapeOp::create(builder, mask.getLoc(),
                                       RankedTensorType::get(shape, type.getElementType()), mask,
                                       groups, sizes);
}

/// The transpose between `[b, heads, s, d]` and `[b, s, heads, d]`, or null.
static TransposeOp getLayoutTranspose(Operation *op) {
  auto transpose = dyn_cast_or_null<TransposeOp>(op);
  return transpose && transpose.getPerm() == ArrayRef<int64_t>({0, 2, 1, 3}) ? transpose : nullptr;
}

namespace {
/// attention -> kernel_call. Transposes from and to the other layout are another order of indices:
///
///   %q = compress.transpose %x {perm = [0, 2, 1, 3]}
///   %a = compress.attention bhsd %q, %k, %v  ->  %y = compress.kernel_call @attention_f32_shhs_...
///   %y = compress.transpose %a {perm = [0, 2, 1, 3]}       ins(%x, %k, %v) outs(...)
struct AttentionPattern : public KernelPattern<AttentionOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    auto query = cast<RankedTensorType>(op.getQuery().getType());
    auto value = cast<RankedTensorType>(op.getValue().getType());
    if (!query.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "no kernel for this element type");
    int64_t sequence = op.getSequenceDim(), heads = op.getHeadDim();
    AttentionShape shape;
    shape.heads = query.getDimSize(heads);
    shape.keyHeads = value.getDimSize(heads);
    shape.keyDim = kernels.lowering.getConstantSize(op.getQuery(), 3).value_or(0);
    shape.valueDim = kernels.lowering.getConstantSize(op.getValue(), 3).value_or(0);
    shape.scale = op.getScale().convertToFloat();
    shape.sequenceFirst.fill(op.getLayout() == AttentionLayout::BSHD);
    shape.masked = op.getMask() != nullptr;
    if (!shape.isSupported())
      return rewriter.notifyMatchFailure(op, "heads of unknown size, or too large");
    if (op.getMask() && !isMaskSupported(op))
      return rewriter.notifyMatchFailure(op, "one mask value for all keys");

    Location loc = op.getLoc();
    checkEqual(rewriter, op, op.getQuery(), 0, op.getKey(), 0, "batches of queries and keys");
    checkEqual(rewriter, op, op.getQuery(), 0, op.getValue(), 0, "batches of queries and values");
    checkEqual(rewriter, op, op.getKey(), sequence, op.getValue(), sequence, "keys and values");
    checkEqual(rewriter, op, op.getQuery(), 3, op.getKey(), 3, "elements of queries and keys");
    kernels.checkSize(rewriter, loc, op.getKey(), heads, shape.keyHeads,
                      "attention: numbers of heads of keys and values differ");
    SmallVector<Value> inputs{op.getQuery(), op.getKey(), op.getValue()};
    for (auto [input, sequenceFirst] : llvm::zip(inputs, shape.sequenceFirst))
      if (TransposeOp transpose = getLayoutTranspose(input.getDefiningOp())) {
        input = transpose.getInput();
        sequenceFirst = !sequenceFirst;
      }
    if (Value mask = op.getMask()) {
      checkMask(rewriter, op);
      inputs.push_back(expandMask(rewriter, kernels, mask));
    }
    SmallVector<OpFoldResult> sizes;
    for (int64_t dim = 0; dim < 3; ++dim)
      sizes.push_back(kernels.getSize(rewriter, loc, op.getQuery(), dim));
    sizes.push_back(rewriter.getIndexAttr(shape.valueDim));
    Operation *last = op;
    if (TransposeOp transpose =
            op->hasOneUse() ? getLayoutTranspose(*op->user_begin()) : TransposeOp()) {
      last = transpose;
      shape.sequenceFirst.back() = !shape.sequenceFirst.back();
      std::swap(sizes[1], sizes[2]);
    }
    func::FuncOp kernel = getAttentionKernel(kernels.library, shape);
    Value empty = createEmpty(rewriter, loc, sizes, query.getElementType());
    Value result = KernelCallOp::create(rewriter, loc, kernel, inputs, empty).getResult(0);
    if (Type type = last->getResult(0).getType(); result.getType() != type)
      result = tensor::CastOp::create(rewriter, loc, type, result);
    kernels.replace(rewriter, last, result);
    if (last != op)
      rewriter.eraseOp(op);
    return success();
  }

private:
  /// Dim of the scores `[batch, heads, queries, keys]` as a dim of an operand.
  static std::pair<Value, int64_t> getScoreDim(AttentionOp op, int64_t dim) {
    int64_t sequence = op.getSequenceDim(), heads = op.getHeadDim();
    switch (dim) {
    case 0:
      return {op.getQuery(), 0};
    case 1:
      return {op.getQuery(), heads};
    case 2:
      return {op.getQuery(), sequence};
    default:
      return {op.getKey(), sequence};
    }
  }

  /// The last dim of the mask is that of the keys. (A dim that is 1 for all inputs is not, unless
  /// there is one key.)
  bool isMaskSupported(AttentionOp op) const {
    int64_t rank = cast<RankedTensorType>(op.getMask().getType()).getRank();
    if (rank == 0)
      return false;
    auto [keys, dim] = getScoreDim(op, 3);
    return kernels.lowering.getConstantSize(op.getMask(), rank - 1) != 1 ||
           kernels.lowering.getConstantSize(keys, dim) == 1;
  }

  void checkEqual(PatternRewriter &rewriter, AttentionOp op, Value a, int64_t dimA, Value b,
                  int64_t dimB, const Twine &what, bool orOne = false) const {
    if (kernels.lowering.isEqual(a, dimA, b, dimB))
      return;
    std::optional<int64_t> sizeA = kernels.lowering.getConstantSize(a, dimA);
    if (sizeA && (sizeA == kernels.lowering.getConstantSize(b, dimB) || (orOne && *sizeA == 1)))
      return;
    Location loc = op.getLoc();
    auto size = [&](Value value, int64_t dim) {
      return getIndexValue(rewriter, loc, kernels.getSize(rewriter, loc, value, dim));
    };
    auto equal = [&](Value x, Value y) -> Value {
      return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, x, y);
    };
    Value actual = size(a, dimA), holds = equal(actual, size(b, dimB));
    if (orOne) {
      Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
      holds = arith::OrIOp::create(rewriter, loc, holds, equal(actual, one));
    }
    LoweringContext::check(rewriter, loc, holds, "attention: numbers of " + what + " differ");
  }

  void checkMask(PatternRewriter &rewriter, AttentionOp op) const {
    static constexpr StringLiteral kNames[] = {"batches", "heads", "queries", "keys"};
    int64_t rank = cast<RankedTensorType>(op.getMask().getType()).getRank();
    for (int64_t dim = 0; dim < rank; ++dim) {
      int64_t scoreDim = dim + 4 - rank;
      auto [value, valueDim] = getScoreDim(op, scoreDim);
      checkEqual(rewriter, op, op.getMask(), dim, value, valueDim,
                 kNames[scoreDim] + " of scores and mask", /*orOne=*/scoreDim < 3);
    }
  }
};
} // namespace

void compress::populateAttentionKernelPatterns(RewritePatternSet &patterns,
                                               KernelContext &kernels) {
  patterns.add<AttentionPattern>(kernels);
}
