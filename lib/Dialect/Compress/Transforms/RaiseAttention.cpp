//===- RaiseAttention.cpp - attention written out --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// softmax(q * k^T * scale + mask) * v, with what exporters wrap around it: scales on queries and
// keys, transposes from [batch, sequence, heads, dim], rotary embeddings between those and the
// product, and the repetition of shared heads of keys and values.
//
//===----------------------------------------------------------------------===//

#include "RaiseHeads.h"
#include "compress/Analysis/WeightChain.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

namespace {
/// What is done to the scores: a mask is added, or they are replaced by `fill` where the condition
/// is true, or where it is false.
struct MaskStep {
  Value added;
  WhereOp where;
  double fill = 0;
  bool fillsTrue = false;
  Value getMask() const { return added ? added : WhereOp(where).getCondition(); }
};

/// What a product with softmax is made of, for tensors of rank 4 (or 3: one head).
struct Attention {
  MatMulOp scores, root;
  Value query, key, value;
  /// Last one first.
  SmallVector<MaskStep> masks;
  double scale = 1;
  /// `key` is `[.., dim, sequence]`.
  bool isKeyTransposed = true;
};
} // namespace

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Walks from the input of the softmax to the product of queries and keys. Returns why it cannot;
/// "" if it can, and also if this is no attention, in which case `attention.scores` is null.
static std::string matchScores(Value scores, Attention &attention, RaiseContext &context) {
  bool isScaled = false;
  std::string reason;
  auto note = [&](const char *text) {
    if (reason.empty())
      reason = text;
  };
  // Masks with scores may be on either side: follow the side that leads to a product.
  auto leadsToProduct = [](Value value) {
    for (int step = 0; step < 6; ++step) {
      Operation *op = value.getDefiningOp();
      if (isa_and_nonnull<MatMulOp>(op))
        return true;
      if (auto where = dyn_cast_or_null<WhereOp>(op))
        value = where.getOnTrue().getDefiningOp<WeightSourceOpInterface>() ? where.getOnFalse()
                                                                           : where.getOnTrue();
      else if (isa_and_nonnull<AddOp, MulOp, DivOp, SubOp, MaxOp>(op))
        value = isa_and_nonnull<WeightSourceOpInterface>(op->getOperand(0).getDefiningOp())
                    ? op->getOperand(1)
                    : op->getOperand(0);
      else
        return false;
    }
    return false;
  };
  for (int step = 0; step < 8; ++step) {
    Operation *op = scores.getDefiningOp();
    if (!op)
      return "";
    if (!scores.hasOneUse())
      note("the scores have other users");
    if (auto matmul = dyn_cast<MatMulOp>(op)) {
      attention.scores = matmul;
      return reason;
    }
    Value next;
    if (isa<MulOp, DivOp>(op)) {
      std::optional<double> factor = context.getScalar(op->getOperand(1));
      next = op->getOperand(0);
      if (!factor && isa<MulOp>(op)) {
        factor = context.getScalar(op->getOperand(0));
        next = op->getOperand(1);
      }
      if (!factor || (isa<DivOp>(op) && *factor == 0))
        return "";
      attention.scale *= isa<DivOp>(op) ? 1 / *factor : *factor;
      isScaled = true;
    } else if (auto add = dyn_cast<AddOp>(op)) {
      bool isLeft = leadsToProduct(add.getLhs()) || !leadsToProduct(add.getRhs());
      next = isLeft ? add.getLhs() : add.getRhs();
      if (isScaled && attention.scale != 1)
        note("the mask is scaled with the scores");
      MaskStep step;
      step.added = isLeft ? add.getRhs() : add.getLhs();
      attention.masks.push_back(step);
    } else if (auto where = dyn_cast<WhereOp>(op)) {
      std::optional<double> onTrue = context.getScalar(where.getOnTrue()),
                            onFalse = context.getScalar(where.getOnFalse());
      if (!onTrue && !onFalse)
        return "";
      next = onTrue ? where.getOnFalse() : where.getOnTrue();
      if (isScaled && attention.scale != 1)
        note("the mask is scaled with the scores");
      double fill = onTrue ? *onTrue : *onFalse;
      attention.masks.push_back({Value(), where, fill, onTrue.has_value()});
      if (!(fill <= -1e8))
        note("masked scores are not set to -1e8 or less");
    } else if (auto max = dyn_cast<MaxOp>(op)) {
      // Only to say why this is left alone.
      next = leadsToProduct(max.getLhs()) ? max.getLhs() : max.getRhs();
      note("the scores are clamped");
    } else if (isa<ReshapeOp, CastOp>(op)) {
      next = op->getOperand(0);
      if (!leadsToProduct(next))
        return "";
      note(isa<CastOp>(op) ? "the scores are cast" : "the scores are reshaped");
    } else {
      return "";
    }
    scores = next;
  }
  return "";
}

/// Matches attention whose softmax is `softmax`. A text says why what looks like it is not; if
/// there is none and `attention.root` is null, it does not look like attention.
static std::string matchAttention(SoftmaxOp softmax, Attention &attention, RaiseContext &context) {
  auto type = cast<RankedTensorType>(softmax.getResult().getType());
  MatMulOp root;
  for (Operation *user : softmax->getUsers())
    if (auto matmul = dyn_cast<MatMulOp>(user); matmul && matmul.getLhs() == softmax.getResult())
      root = matmul;
  std::string reason = matchScores(softmax.getInput(), attention, context);
  if (!root || !attention.scores)
    return "";
  if (!reason.empty())
    return reason;
  if (static_cast<int64_t>(softmax.getAxis()) != type.getRank() - 1)
    return "its softmax is not along the last dim";
  if (!softmax->hasOneUse())
    return "its weights have other users";
  if (succeeded(getWeighted(root)) || succeeded(getWeighted(attention.scores)))
    return "one of its products has a constant weight";
  attention.query = attention.scores.getLhs();
  attention.key = attention.scores.getRhs();
  attention.value = root.getRhs();
  RankedTensorType query = getF32Type(attention.query), key = getF32Type(attention.key),
                   value = getF32Type(attention.value), result = getF32Type(root.getResult());
  if (!query || !key || !value || !result)
    return "it is not of f32";
  int64_t rank = query.getRank();
  if ((rank != 3 && rank != 4) || key.getRank() != rank || value.getRank() != rank ||
      type.getRank() != rank || result.getRank() != rank)
    return "its tensors do not have rank 4 or 3";
  attention.root = root;
  return "";
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// True if a tensor of keys of this size can go with queries of that size, and is not broadcast.
static bool isSameBatch(int64_t a, int64_t b) {
  return a == b || (ShapedType::isDynamic(a) && b != 1) || (ShapedType::isDynamic(b) && a != 1);
}

/// True if `mask` broadcasts to the scores, and not the scores to the mask.
static bool isMask(Value mask, ArrayRef<int64_t> scores) {
  RankedTensorType type = dyn_cast<RankedTensorType>(mask.getType());
  if (!type || type.getRank() > static_cast<int64_t>(scores.size()))
    return false;
  return llvm::all_of(
      llvm::zip_equal(type.getShape(), scores.take_back(type.getRank())), [](auto pair) {
        auto [a, b] = pair;
        return a == 1 || a == b || (ShapedType::isDynamic(a) && b != 1) || ShapedType::isDynamic(b);
      });
}

/// What is wrong with the dims of an attention, or "".
static std::string checkDims(Attention &attention, const Heads &query, const Heads &key,
                             const Heads &value) {
  ArrayRef<int64_t> q = getShape(attention.query), k = getShape(attention.key),
                    v = getShape(attention.value);
  if (!isSameBatch(q[0], k[0]) || !isSameBatch(q[0], v[0]))
    return "the batches of queries, keys and values differ";
  if (q.size() == 4) {
    if (ShapedType::isDynamic(q[1]) || ShapedType::isDynamic(k[1]) || ShapedType::isDynamic(v[1]))
      return "the numbers of heads are not known";
    if (key.getCount() != value.getCount() || key.getCount() == 0 || q[1] % key.getCount() ||
        (k[1] != q[1] && key.getCount() != 1))
      return "the heads of queries, keys and values do not fit";
  }
  SmallVector<int64_t> scores(getShape(attention.scores.getResult()));
  for (const MaskStep &step : attention.masks) {
    if (step.added && !getF32Type(step.added))
      return "the mask is not of f32";
    if (!isMask(step.getMask(), scores))
      return "the mask does not broadcast to the scores";
  }
  return "";
}

/// The one mask to be added, made at the insertion point; null if there is none. A fill takes the
/// place of the scores in sum with them, since it is so much larger.
static Value makeMask(const Attention &attention, PatternRewriter &rewriter) {
  Value mask;
  auto scalar = [&](Location loc, double value) -> Value {
    auto type = RankedTensorType::get({}, rewriter.getF32Type());
    return ConstantOp::create(
        rewriter, loc, DenseElementsAttr::get(type, ArrayRef<float>(static_cast<float>(value))));
  };
  for (const MaskStep &step : llvm::reverse(attention.masks)) {
    if (step.added) {
      mask =
          mask ? AddOp::create(rewriter, mask.getLoc(), mask, step.added).getResult() : step.added;
      continue;
    }
    WhereOp where = step.where;
    Location loc = where.getLoc();
    Value kept = mask ? mask : scalar(loc, 0), fill = scalar(loc, step.fill);
    mask = WhereOp::create(rewriter, loc, where.getCondition(), step.fillsTrue ? fill : kept,
                           step.fillsTrue ? kept : fill);
  }
  return mask;
}

/// `value` with a dim of size 1 at index 1.
static Value addHead(Value value, PatternRewriter &rewriter) {
  return UnsqueezeOp::create(rewriter, value.getLoc(), value, rewriter.getDenseI64ArrayAttr({1}));
}

static void noteRaised(AttentionOp op, RaiseContext &context) {
  std::string text = "attention of " + std::to_string(getShape(op.getQuery())[op.getHeadDim()]) +
                     " heads (" + std::to_string(getShape(op.getKey())[op.getHeadDim()]) +
                     " of keys and values)";
  context.notePassed(op.getLoc(), Twine(text) + (op.getMask() ? " with a mask" : "") +
                                      " is one op in layout " +
                                      stringifyAttentionLayout(op.getLayout()));
}

/// Batched products without heads: one head.
static void rewriteRank3(const Attention &attention, PatternRewriter &rewriter,
                         RaiseContext &context) {
  MatMulOp root = attention.root;
  rewriter.setInsertionPoint(root);
  Value key = attention.key;
  if (TransposeOp transpose = matchTranspose(key, {0, 2, 1}))
    key = transpose.getInput();
  else
    key =
        TransposeOp::create(rewriter, key.getLoc(), key, rewriter.getDenseI64ArrayAttr({0, 2, 1}));
  Value mask = makeMask(attention, rewriter);
  if (mask && getShape(mask).size() == 3)
    mask = addHead(mask, rewriter);
  auto type = cast<RankedTensorType>(root.getResult().getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.insert(shape.begin() + 1, 1);
  auto op = AttentionOp::create(rewriter, root.getLoc(),
                                RankedTensorType::get(shape, type.getElementType()),
                                addHead(attention.query, rewriter), addHead(key, rewriter),
                                addHead(attention.value, rewriter), mask, AttentionLayout::BHSD,
                                APFloat(static_cast<float>(attention.scale)));
  noteRaised(op, context);
  replaceByComposite<SqueezeOp>(rewriter, root, op.getResult(), rewriter.getDenseI64ArrayAttr({1}));
}

namespace {
struct RaiseAttention : public OpRewritePattern<SoftmaxOp> {
  RaiseAttention(MLIRContext *context, RaiseContext &raising)
      : OpRewritePattern(context), raising(raising) {}

  LogicalResult matchAndRewrite(SoftmaxOp softmax, PatternRewriter &rewriter) const override {
    std::string reason;
    return tryRaise(softmax, &rewriter, reason, raising);
  }

  /// Raises the attention around `softmax`, or says in `reason` why it cannot. Without a rewriter
  /// it only says.
  static LogicalResult tryRaise(SoftmaxOp softmax, PatternRewriter *rewriter, std::string &reason,
                                RaiseContext &raising);
  RaiseContext &raising;
};
} // namespace

LogicalResult RaiseAttention::tryRaise(SoftmaxOp softmax, PatternRewriter *rewriter,
                                       std::string &reason, RaiseContext &raising) {
  Attention attention;
  reason = matchAttention(softmax, attention, raising);
  if (!reason.empty() || !attention.root)
    return failure();
  double scale = attention.scale;
  Heads query, key, value;
  if (getShape(attention.query).size() == 4) {
    query = getHeads(attention.query, /*repeats=*/false, &scale, raising);
    value = getHeads(attention.value, /*repeats=*/true, nullptr, raising);
    // Constant factors may come after the transpose of the keys.
    Value keysT = attention.key;
    Product product = getProduct(keysT, raising);
    if (product.factors.size() == 1 && product.factors.front().getType() == keysT.getType() &&
        isa_and_nonnull<MulOp, DivOp>(keysT.getDefiningOp())) {
      scale *= product.scalar;
      keysT = product.factors.front();
    }
    if (TransposeOp transpose = matchTranspose(keysT, {0, 1, 3, 2})) {
      key = getHeads(transpose.getInput(), /*repeats=*/true, &scale, raising);
    } else if (TransposeOp transpose = matchTranspose(keysT, {0, 2, 3, 1})) {
      key.bshd = transpose.getInput();
      if (Value shared = matchRepeat(key.bshd, 2, raising))
        key.bshd = shared;
    } else {
      key.bhsd = keysT;
      attention.isKeyTransposed = false;
    }
  }
  attention.scale = scale;
  // Heads that only one of keys and values share cannot be taken in.
  if (getShape(attention.query).size() == 4 && key.getCount() != value.getCount())
    reason = "keys and values share heads differently";
  else
    reason = checkDims(attention, query, key, value);
  if (reason.empty() && !std::isfinite(static_cast<float>(scale)))
    reason = "its scale is not a finite number";
  if (!reason.empty())
    return failure();
  if (!rewriter)
    return success();
  if (getShape(attention.query).size() == 3) {
    rewriteRank3(attention, *rewriter, raising);
    return success();
  }

  Operation *root = attention.root;
  auto after = getOnlyUser<TransposeOp>(root->getResult(0));
  bool isBSHD = after && after.getPerm() == ArrayRef<int64_t>(swapHeads) && query.hasBSHD() &&
                key.hasBSHD() && value.hasBSHD();
  if (isBSHD)
    root = after;
  rewriter->setInsertionPoint(root);
  if (!attention.isKeyTransposed)
    key.bhsd = TransposeOp::create(*rewriter, root->getLoc(), key.bhsd,
                                   rewriter->getDenseI64ArrayAttr({0, 1, 3, 2}));
  Value queries = materialize(query, isBSHD, *rewriter), keys = materialize(key, isBSHD, *rewriter),
        values = materialize(value, isBSHD, *rewriter), mask = makeMask(attention, *rewriter);
  auto op = replaceByComposite<AttentionOp>(*rewriter, root, queries, keys, values, mask,
                                            isBSHD ? AttentionLayout::BSHD : AttentionLayout::BHSD,
                                            APFloat(static_cast<float>(scale)));
  noteRaised(op, raising);
  return success();
}

void compress::populateRaiseAttentionPatterns(RewritePatternSet &patterns, RaiseContext &context) {
  patterns.add<RaiseAttention>(patterns.getContext(), context);
}

void compress::explainMissedAttention(Operation *root, RaiseContext &context) {
  root->walk([&](SoftmaxOp softmax) {
    std::string reason;
    if (failed(RaiseAttention::tryRaise(softmax, nullptr, reason, context)) && !reason.empty())
      context.noteMissed(softmax.getLoc(), "attention is left alone: " + reason);
  });
}
