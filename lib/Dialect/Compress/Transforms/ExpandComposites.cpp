//===- ExpandComposites.cpp - composite ops as primitive ones --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/Transforms/CompositePatterns.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_EXPANDCOMPOSITES
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

namespace {
/// Makes the parts of one composite op in front of it. Parts are named after it.
class Expansion {
public:
  Expansion(PatternRewriter &rewriter, Operation *op) : rewriter(rewriter), op(op) {}

  /// A part with an inferred type.
  template <typename OpTy, typename... Args>
  Value make(StringRef suffix, Args &&...args) {
    return OpTy::create(rewriter, nameLoc(suffix), std::forward<Args>(args)...).getResult();
  }
  /// The last part, which stands for the op.
  template <typename OpTy, typename... Args>
  LogicalResult finish(Args &&...args) {
    auto last = OpTy::create(rewriter, op->getLoc(), std::forward<Args>(args)...);
    last.getResult().setType(cast<RankedTensorType>(op->getResult(0).getType()));
    rewriter.replaceOp(op, last->getResults());
    return success();
  }

  Value scalar(Type elementType, double value) {
    auto type = RankedTensorType::get({}, elementType);
    return ConstantOp::create(
        rewriter, op->getLoc(),
        DenseElementsAttr::get(type, rewriter.getFloatAttr(elementType, value)));
  }
  Value integers(ArrayRef<int64_t> values) {
    auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, rewriter.getI64Type());
    return ConstantOp::create(rewriter, op->getLoc(), DenseIntElementsAttr::get(type, values));
  }
  Value transpose(Value value, ArrayRef<int64_t> perm) {
    return make<TransposeOp>("transpose", value, rewriter.getDenseI64ArrayAttr(perm));
  }
  Value cast(Value value, Type elementType) {
    auto type = ::cast<RankedTensorType>(value.getType());
    if (type.getElementType() == elementType)
      return value;
    return CastOp::create(rewriter, nameLoc("cast"), type.clone(elementType), value);
  }

  PatternRewriter &rewriter;

private:
  static auto getNamed(Location loc) { return dyn_cast<NameLoc>(loc); }

  /// The location of the op, whose names (of a node, and of a value inside) get a suffix: two
  /// values must not ask for one name.
  Location nameLoc(StringRef suffix) {
    auto outer = op->getLoc()->findInstanceOf<NameLoc>();
    if (!outer)
      return op->getLoc();
    auto extend = [&](StringAttr name) {
      return rewriter.getStringAttr(name.getValue() + "/" + suffix);
    };
    if (auto inner = dyn_cast<NameLoc>(outer.getChildLoc()))
      return NameLoc::get(extend(outer.getName()),
                          NameLoc::get(extend(inner.getName()), inner.getChildLoc()));
    return NameLoc::get(extend(outer.getName()), outer.getChildLoc());
  }

  Operation *op;
};
} // namespace

static Type getElementTypeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
struct ExpandRMSNorm : public OpRewritePattern<RMSNormOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RMSNormOp op, PatternRewriter &rewriter) const override {
    Expansion parts(rewriter, op);
    Type type = getElementTypeOf(op.getInput());
    // Squares of half precision numbers overflow easily.
    bool isHalf = type.getIntOrFloatBitWidth() < 32;
    Type wide = isHalf ? rewriter.getF32Type() : type;
    Value x = parts.cast(op.getInput(), wide), scale = parts.cast(op.getScale(), wide);
    int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
    SmallVector<int64_t> axes =
        llvm::to_vector(llvm::seq<int64_t>(static_cast<int64_t>(op.getAxis()), rank));
    Value squares = parts.make<MulOp>("square", x, x);
    Value mean = parts.make<ReduceOp>("mean", squares, ReduceKind::Mean, axes, /*keepdims=*/true);
    Value sum =
        parts.make<AddOp>("add", mean, parts.scalar(wide, op.getEpsilon().convertToFloat()));
    Value deviation = parts.make<SqrtOp>("sqrt", sum);
    Value inverse = parts.make<ReciprocalOp>("reciprocal", deviation);
    Value normalized = parts.make<MulOp>("normalized", x, inverse);
    if (!isHalf)
      return parts.finish<MulOp>(normalized, scale);
    Value scaled = parts.make<MulOp>("scaled", normalized, scale);
    rewriter.replaceOpWithNewOp<CastOp>(op, op.getResult().getType(), scaled);
    return success();
  }
};

struct ExpandRotaryEmbedding : public OpRewritePattern<RotaryEmbeddingOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RotaryEmbeddingOp op, PatternRewriter &rewriter) const override {
    Expansion parts(rewriter, op);
    Value x = op.getInput();
    auto type = cast<RankedTensorType>(x.getType());
    int64_t last = type.getRank() - 1, size = type.getShape().back();
    auto half = [&](StringRef suffix, int64_t start, int64_t end) {
      return parts.make<SliceOp>(suffix, x, parts.integers({start}), parts.integers({end}),
                                 rewriter.getDenseI64ArrayAttr({last}),
                                 rewriter.getDenseI64ArrayAttr({1}));
    };
    Value first = half("first", 0, size / 2), second = half("second", size / 2, size);
    Value negated = parts.make<NegOp>("neg", second);
    Value rotated = parts.make<ConcatOp>("rotated", ValueRange{negated, first}, last);
    Value left = parts.make<MulOp>("cos", x, op.getCos());
    Value right = parts.make<MulOp>("sin", rotated, op.getSin());
    return parts.finish<AddOp>(left, right);
  }
};

struct ExpandAttention : public OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    Expansion parts(rewriter, op);
    bool isBSHD = op.getLayout() == AttentionLayout::BSHD;
    int64_t headDim = op.getHeadDim();
    auto getHeads = [&](Value value) {
      return cast<RankedTensorType>(value.getType()).getDimSize(headDim);
    };
    int64_t heads = getHeads(op.getQuery()), shared = getHeads(op.getKey());
    Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
    if (shared != heads) {
      // A gather needs no sizes of other dims.
      SmallVector<int64_t> sources;
      for (int64_t head = 0; head < heads; ++head)
        sources.push_back(head / (heads / shared));
      Value indices = parts.integers(sources);
      key = parts.make<GatherOp>("keys", key, indices, headDim);
      value = parts.make<GatherOp>("values", value, indices, headDim);
    }
    if (isBSHD) {
      query = parts.transpose(query, {0, 2, 1, 3});
      value = parts.transpose(value, {0, 2, 1, 3});
    }
    key = parts.transpose(key,
                          isBSHD ? ArrayRef<int64_t>{0, 2, 3, 1} : ArrayRef<int64_t>{0, 1, 3, 2});
    Value scores = parts.make<MatMulOp>("products", query, key, StringRef());
    scores = parts.make<MulOp>(
        "scores", scores, parts.scalar(getElementTypeOf(query), op.getScale().convertToFloat()));
    if (op.getMask())
      scores = parts.make<AddOp>("masked", scores, op.getMask());
    Value weights = parts.make<SoftmaxOp>("weights", scores, int64_t(3));
    if (!isBSHD)
      return parts.finish<MatMulOp>(weights, value, StringRef());
    Value result = parts.make<MatMulOp>("result", weights, value, StringRef());
    return parts.finish<TransposeOp>(result, rewriter.getDenseI64ArrayAttr({0, 2, 1, 3}));
  }
};

struct ExpandComposites : public compress::impl::ExpandCompositesBase<ExpandComposites> {
  using Base::Base;
  void runOnOperation() override {
    if (failed(expandComposites(getOperation())))
      signalPassFailure();
  }
};
} // namespace

bool compress::isComposite(Operation *op) {
  return isa<RMSNormOp, RotaryEmbeddingOp, AttentionOp>(op);
}

void compress::populateExpandCompositePatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandRMSNorm, ExpandRotaryEmbedding, ExpandAttention>(patterns.getContext());
}

LogicalResult compress::expandComposites(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  populateExpandCompositePatterns(patterns);
  walkAndApplyPatterns(root, std::move(patterns));
  WalkResult left = root->walk([](Operation *op) {
    return isComposite(op) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(left.wasInterrupted());
}
