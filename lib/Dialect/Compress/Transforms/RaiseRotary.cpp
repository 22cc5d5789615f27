//===- RaiseRotary.cpp - rotary positions written out ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x * cos + concat(-x[d/2:], x[:d/2]) * sin along the last dim.
//
//===----------------------------------------------------------------------===//

#include "RaiseComposites.h"

using namespace mlir;
using namespace mlir::compress;

/// The input of which `value` is the first or second half of the last dim, or null.
static Value matchHalf(Value value, bool isSecond, RaiseContext &context) {
  if (auto split = value.getDefiningOp<SplitOp>()) {
    int64_t last = split.getInput().getType().getRank() - 1;
    ArrayRef<int64_t> sizes = split.getSizes();
    bool isMatch = static_cast<int64_t>(split.getAxis()) == last && sizes.size() == 2 &&
                   sizes[0] == sizes[1] && split.getParts()[isSecond] == value;
    return isMatch ? split.getInput() : Value();
  }
  auto slice = value.getDefiningOp<SliceOp>();
  if (!slice)
    return {};
  RankedTensorType type = slice.getInput().getType();
  int64_t size = type.getRank() ? type.getShape().back() : ShapedType::kDynamic;
  std::optional<SmallVector<int64_t>> starts = context.getIntegers(slice.getStarts()),
                                      ends = context.getIntegers(slice.getEnds());
  if (ShapedType::isDynamic(size) || size % 2 || slice.getAxes().size() != 1 ||
      slice.getAxes().front() != type.getRank() - 1 || slice.getSteps().front() != 1 || !starts ||
      !ends || starts->size() != 1 || ends->size() != 1)
    return {};
  auto fromFront = [&](int64_t at) { return at < 0 ? at + size : at; };
  int64_t start = fromFront(starts->front()), end = fromFront(ends->front());
  bool isMatch = isSecond ? start == size / 2 && end >= size : start == 0 && end == size / 2;
  return isMatch ? slice.getInput() : Value();
}

/// The x of concat(-x[d/2:], x[:d/2]), or null.
static Value matchRotateHalf(Value value, RaiseContext &context) {
  auto concat = value.getDefiningOp<ConcatOp>();
  if (!concat || !concat->hasOneUse() || concat.getInputs().size() != 2 ||
      static_cast<int64_t>(concat.getAxis()) !=
          cast<RankedTensorType>(concat.getResult().getType()).getRank() - 1)
    return {};
  auto neg = concat.getInputs()[0].getDefiningOp<NegOp>();
  if (!neg || !neg->hasOneUse() || !neg.getInput().hasOneUse() ||
      !concat.getInputs()[1].hasOneUse())
    return {};
  Value x = matchHalf(neg.getInput(), /*isSecond=*/true, context);
  return x && matchHalf(concat.getInputs()[1], /*isSecond=*/false, context) == x ? x : Value();
}

/// True if `table` broadcasts to `type` without changing it, as far as the types say.
static bool broadcastsTo(Value table, RankedTensorType type) {
  RankedTensorType from = getF32Type(table);
  if (!from || from.getRank() > type.getRank())
    return false;
  for (auto [a, b] : llvm::zip_equal(from.getShape(), type.getShape().take_back(from.getRank())))
    if (a != 1 && a != b && !ShapedType::isDynamic(a) && !ShapedType::isDynamic(b))
      return false;
  // An input of one row would be broadcast itself.
  for (auto [a, b] : llvm::zip_equal(from.getShape(), type.getShape().take_back(from.getRank())))
    if (b == 1 && a != 1)
      return false;
  return from.getRank() == 0 || from.getShape().back() == type.getShape().back() ||
         from.getShape().back() == 1;
}

namespace {
struct RaiseRotary : public OpRewritePattern<AddOp> {
  RaiseRotary(MLIRContext *context, RaiseContext &raising)
      : OpRewritePattern(context), raising(raising) {}

  LogicalResult matchAndRewrite(AddOp op, PatternRewriter &rewriter) const override {
    for (Value operand : {op.getLhs(), op.getRhs()}) {
      auto rotated = operand.getDefiningOp<MulOp>();
      auto plain = getOther(op, operand).getDefiningOp<MulOp>();
      if (!rotated || !plain || rotated == plain || !rotated->hasOneUse() || !plain->hasOneUse())
        continue;
      for (Value half : {rotated.getLhs(), rotated.getRhs()}) {
        Value x = matchRotateHalf(half, raising);
        RankedTensorType type = getF32Type(x);
        if (!type || (plain.getLhs() != x && plain.getRhs() != x))
          continue;
        Value cos = getOther(plain, x), sin = getOther(rotated, half);
        if (!broadcastsTo(cos, type) || !broadcastsTo(sin, type))
          continue;
        raising.notePassed(op.getLoc(), "rotary embedding of " + Twine(type.getShape().back()) +
                                            " dims is one op");
        replaceByComposite<RotaryEmbeddingOp>(rewriter, op, x, cos, sin);
        return success();
      }
    }
    return failure();
  }
  RaiseContext &raising;
};
} // namespace

void compress::populateRaiseRotaryPatterns(RewritePatternSet &patterns, RaiseContext &context) {
  patterns.add<RaiseRotary>(patterns.getContext(), context);
}
