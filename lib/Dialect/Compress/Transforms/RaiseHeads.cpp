//===- RaiseHeads.cpp - queries, keys and values of an attention -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseHeads.h"

using namespace mlir;
using namespace mlir::compress;

Value compress::matchRepeat(Value value, int64_t dim, RaiseContext &context) {
  if (auto gather = value.getDefiningOp<GatherOp>()) {
    ArrayRef<int64_t> from = getShape(gather.getInput());
    if (static_cast<int64_t>(gather.getAxis()) != dim || from.size() != 4 ||
        gather.getIndices().getType().getRank() != 1)
      return {};
    std::optional<SmallVector<int64_t>> indices = context.getIntegers(gather.getIndices());
    int64_t heads = from[dim];
    if (!indices || ShapedType::isDynamic(heads) || heads == 0 || indices->empty() ||
        indices->size() % heads)
      return {};
    int64_t count = indices->size() / heads;
    for (auto [i, index] : llvm::enumerate(*indices))
      if (index != static_cast<int64_t>(i) / count)
        return {};
    return gather.getInput();
  }
  auto reshape = value.getDefiningOp<ReshapeOp>();
  auto broadcast = reshape ? reshape.getInput().getDefiningOp<BroadcastOp>() : BroadcastOp();
  auto unsqueeze = broadcast ? broadcast.getInput().getDefiningOp<UnsqueezeOp>() : UnsqueezeOp();
  if (!unsqueeze || unsqueeze.getAxes() != ArrayRef<int64_t>{dim + 1})
    return {};
  ArrayRef<int64_t> from = getShape(unsqueeze.getInput()), wide = getShape(broadcast.getResult()),
                    to = getShape(value);
  if (from.size() != 4 || wide.size() != 5 || to.size() != 4 || ShapedType::isDynamic(from[dim]) ||
      ShapedType::isDynamic(wide[dim + 1]) || to[dim] != from[dim] * wide[dim + 1])
    return {};
  for (int64_t i = 0; i < 4; ++i)
    if (wide[i + (i > dim)] != from[i] || (i != dim && to[i] != from[i]))
      return {};
  return unsqueeze.getInput();
}

/// Sets where `value`, `[b, h, s, d]`, comes from if it is one of the tensors that a transpose of
/// `[b, s, n, h, d]` to `[n, b, h, s, d]` separates. Returns whether it is.
static bool matchPacked(Value value, Heads &heads, RaiseContext &context) {
  Value all;
  int64_t index = 0;
  if (auto gather = value.getDefiningOp<GatherOp>()) {
    std::optional<SmallVector<int64_t>> indices = context.getIntegers(gather.getIndices());
    if (gather.getAxis() != 0 || gather.getIndices().getType().getRank() != 0 || !indices)
      return false;
    all = gather.getInput();
    index = indices->front();
  } else if (auto squeeze = value.getDefiningOp<SqueezeOp>()) {
    auto split = squeeze.getInput().getDefiningOp<SplitOp>();
    if (!split || split.getAxis() != 0 || squeeze.getAxes() != ArrayRef<int64_t>{0})
      return false;
    all = split.getInput();
    index = 0;
    for (auto [part, size] : llvm::zip_equal(split.getParts(), split.getSizes())) {
      if (part == squeeze.getInput())
        break;
      index += size;
    }
  } else {
    return false;
  }
  TransposeOp transpose = matchTranspose(all, {2, 0, 3, 1, 4});
  if (!transpose)
    return false;
  int64_t count = getShape(transpose.getInput())[2];
  if (index < 0 && !ShapedType::isDynamic(count))
    index += count;
  if (index < 0 || index >= count)
    return false;
  heads.packed = transpose.getInput();
  heads.index = index;
  return true;
}

Heads compress::getHeads(Value value, bool repeats, double *scale, RaiseContext &context) {
  Heads heads;
  heads.bhsd = value;
  auto strip = [&](Value &from, int64_t dim) {
    for (int step = 0; step < 4; ++step) {
      if (scale) {
        Product product = getProduct(from, context);
        if (product.factors.size() == 1 && product.factors.front() != from &&
            product.factors.front().getType() == from.getType() &&
            (isa<MulOp, DivOp>(from.getDefiningOp()))) {
          *scale *= product.scalar;
          from = product.factors.front();
          continue;
        }
      }
      if (Value shared = repeats ? matchRepeat(from, dim, context) : Value()) {
        from = shared;
        continue;
      }
      break;
    }
  };
  strip(heads.bhsd, 1);
  Value from = heads.bhsd;
  if (auto rotary = from.getDefiningOp<RotaryEmbeddingOp>(); rotary && rotary->hasOneUse()) {
    // Cos and sin are transposed too, which is only worth it if they are not as large.
    Heads ignored;
    bool isSwapped = matchTranspose(rotary.getInput(), swapHeads) ||
                     matchPacked(rotary.getInput(), ignored, context);
    if (isSwapped && getShape(rotary.getCos()).size() <= 4 &&
        getShape(rotary.getSin()).size() <= 4) {
      heads.rotary = rotary;
      from = rotary.getInput();
    }
  }
  if (TransposeOp transpose = matchTranspose(from, swapHeads)) {
    heads.bshd = transpose.getInput();
    Value before = heads.bshd;
    if (!heads.rotary)
      strip(heads.bshd, 2);
    // Then there is no such value in the other order yet.
    if (heads.bshd != before)
      heads.bhsd = {};
  } else {
    matchPacked(from, heads, context);
  }
  return heads;
}

/// cos or sin of `[b, h, s, d]` tensors for `[b, s, h, d]` ones.
static Value swapTable(Value table, PatternRewriter &rewriter) {
  int64_t rank = getShape(table).size();
  // [d] has nothing to move.
  if (rank < 2)
    return table;
  auto find = [&](Value from, auto isSame) -> Value {
    for (Operation *user : from.getUsers())
      if (isSame(user) && user->getBlock() == rewriter.getInsertionBlock() &&
          user->isBeforeInBlock(&*rewriter.getInsertionPoint()))
        return user->getResult(0);
    return {};
  };
  auto unsqueezeAt = [&](Value from, int64_t axis) -> Value {
    auto isSame = [&](Operation *user) {
      auto other = dyn_cast<UnsqueezeOp>(user);
      return other && other.getAxes() == ArrayRef<int64_t>{axis};
    };
    if (Value same = find(from, isSame))
      return same;
    return UnsqueezeOp::create(rewriter, table.getLoc(), from,
                               rewriter.getDenseI64ArrayAttr({axis}));
  };
  if (rank == 2)
    return unsqueezeAt(table, 1);
  if (auto unsqueeze = table.getDefiningOp<UnsqueezeOp>();
      unsqueeze && rank == 4 && unsqueeze.getAxes() == ArrayRef<int64_t>{1})
    return unsqueezeAt(unsqueeze.getInput(), 2);
  // [h, s, d], where h is 1 as a rule.
  SmallVector<int64_t> perm = rank == 3 ? SmallVector<int64_t>{1, 0, 2}
                                        : SmallVector<int64_t>(ArrayRef<int64_t>(swapHeads));
  auto isSame = [&](Operation *user) {
    auto other = dyn_cast<TransposeOp>(user);
    return other && other.getPerm() == ArrayRef<int64_t>(perm);
  };
  if (Value same = find(table, isSame))
    return same;
  return TransposeOp::create(rewriter, table.getLoc(), table, rewriter.getDenseI64ArrayAttr(perm));
}

Value compress::materialize(const Heads &heads, bool isBSHD, PatternRewriter &rewriter) {
  if (!isBSHD) {
    if (heads.bhsd)
      return heads.bhsd;
    return TransposeOp::create(rewriter, heads.bshd.getLoc(), heads.bshd,
                               rewriter.getDenseI64ArrayAttr(swapHeads));
  }
  Value bshd = heads.bshd;
  if (!bshd) {
    Location loc = heads.packed.getLoc();
    auto constant = [&](int64_t value) -> Value {
      auto type = RankedTensorType::get({1}, rewriter.getI64Type());
      return ConstantOp::create(rewriter, loc, DenseIntElementsAttr::get(type, value));
    };
    Value start = constant(heads.index), end = constant(heads.index + 1);
    DenseI64ArrayAttr axis = rewriter.getDenseI64ArrayAttr({2});
    Value slice = SliceOp::create(rewriter, loc, heads.packed, start, end, axis,
                                  rewriter.getDenseI64ArrayAttr({1}));
    bshd = SqueezeOp::create(rewriter, loc, slice, axis);
  }
  if (!heads.rotary)
    return bshd;
  RotaryEmbeddingOp rotary = heads.rotary;
  Value cos = swapTable(rotary.getCos(), rewriter), sin = swapTable(rotary.getSin(), rewriter);
  return RotaryEmbeddingOp::create(rewriter, rotary.getLoc(), bshd, cos, sin);
}
