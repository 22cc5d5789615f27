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
#include "llvm/ADT/StringSet.h"

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

  PatternRewriter &rewriter;

private:
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

/// The dense form: every expert computes every token, and the weights of those that were not
/// selected are zero.
struct ExpandMoe : public OpRewritePattern<MoeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MoeOp op, PatternRewriter &rewriter) const override {
    Expansion parts(rewriter, op);
    Value weights = getWeights(op, parts);
    Value x = parts.make<UnsqueezeOp>("tokens", op.getInput(), ArrayRef<int64_t>{0});
    Value hidden = activate(op, parts, matmul(op, parts, "w1", x, op.getW1()));
    if (op.getW3())
      hidden = parts.make<MulOp>("hidden", hidden, matmul(op, parts, "w3", x, op.getW3()));
    Value outputs = matmul(op, parts, "w2", hidden, op.getW2());
    Value perExpert = parts.transpose(weights, {1, 0});
    perExpert = parts.make<UnsqueezeOp>("unsqueeze", perExpert, ArrayRef<int64_t>{2});
    Value weighted = parts.make<MulOp>("weighted", outputs, perExpert);
    return parts.finish<ReduceOp>(weighted, ReduceKind::Sum, ArrayRef<int64_t>{0},
                                  /*keepdims=*/false);
  }

private:
  /// Name of the weighted op of a part, and its plan.
  static std::string getName(MoeOp op, StringRef part) {
    if (StringAttr name = op.getPartName(part))
      return name.str();
    return op.getName().empty() ? std::string() : (op.getName() + "/" + part).str();
  }
  static Value setPlan(MoeOp op, StringRef part, Value made) {
    auto helper = op.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
    if (PlanAttr plan = op.getPartPlan(part))
      helper.setAttr(made.getDefiningOp(), plan);
    return made;
  }
  static Value matmul(MoeOp op, Expansion &parts, StringRef part, Value x, Value weight) {
    return setPlan(op, part, parts.make<MatMulOp>(part, x, weight, StringRef(getName(op, part))));
  }

  /// A router that was transposed for the op is used as it was before.
  static Value getLogits(MoeOp op, Expansion &parts) {
    Value router = op.getRouter();
    WeightLayout layout = WeightLayout::NK;
    auto transpose = router.getDefiningOp<TransposeOp>();
    if (transpose && transpose.getPerm() == ArrayRef<int64_t>{1, 0}) {
      router = transpose.getInput();
      layout = WeightLayout::KN;
    }
    return setPlan(op, "router",
                   parts.make<LinearOp>("router", op.getInput(), router, op.getRouterBias(), layout,
                                        StringRef(getName(op, "router"))));
  }

  /// The weight of every expert for every token, `[tokens, experts]`.
  static Value getWeights(MoeOp op, Expansion &parts) {
    PatternRewriter &rewriter = parts.rewriter;
    bool selectsLogits = op.getNormalization() == MoeNormalization::Softmax;
    Value scores = getLogits(op, parts);
    if (!selectsLogits)
      scores = parts.make<SoftmaxOp>("scores", scores, int64_t(1));
    auto best = TopKOp::create(rewriter, parts.nameLoc("best"), scores,
                               parts.integers({static_cast<int64_t>(op.getK())}),
                               rewriter.getI64IntegerAttr(1));
    Value weights = best.getValues();
    if (selectsLogits) {
      weights = parts.make<SoftmaxOp>("weights", weights, int64_t(1));
    } else if (op.getNormalization() == MoeNormalization::Sum) {
      Value sum = parts.make<ReduceOp>("sum", weights, ReduceKind::Sum, ArrayRef<int64_t>{1},
                                       /*keepdims=*/true);
      weights = parts.make<DivOp>("weights", weights, sum);
    }
    Value zero = parts.scalar(getElementTypeOf(scores), 0);
    if (std::optional<APFloat> threshold = op.getSkipThreshold())
      weights = skipSecond(parts, weights, zero, threshold->convertToFloat());
    Value shape = parts.make<ShapeOp>("shape", scores, rewriter.getI64IntegerAttr(0),
                                      rewriter.getI64IntegerAttr(2));
    Value zeros = parts.make<BroadcastOp>("zeros", zero, shape);
    return parts.make<ScatterElementsOp>("scattered", zeros, best.getIndices(), weights,
                                         rewriter.getI64IntegerAttr(1));
  }

  /// Weights `[tokens, 2]` after experts of little weight were left out.
  static Value skipSecond(Expansion &parts, Value weights, Value zero, double threshold) {
    auto column = [&](StringRef suffix, int64_t index) {
      return parts.make<SliceOp>(
          suffix, weights, parts.integers({index}), parts.integers({index + 1}),
          parts.rewriter.getDenseI64ArrayAttr({1}), parts.rewriter.getDenseI64ArrayAttr({1}));
    };
    Value first = column("first", 0), second = column("second", 1);
    Value limit =
        parts.make<MulOp>("limit", first, parts.scalar(getElementTypeOf(weights), threshold));
    Value isSkipped = parts.make<LessOp>("skip", second, limit);
    Value both = parts.make<AddOp>("both", first, second);
    Value newFirst = parts.make<WhereOp>("new_first", isSkipped, both, first);
    Value newSecond = parts.make<WhereOp>("new_second", isSkipped, zero, second);
    return parts.make<ConcatOp>("skipped", ValueRange{newFirst, newSecond}, int64_t(1));
  }

  static Value activate(MoeOp op, Expansion &parts, Value x) {
    switch (op.getActivation()) {
    case MoeActivation::Silu: {
      Value sigmoid = parts.make<SigmoidOp>("sigmoid", x);
      return parts.make<MulOp>("silu", x, sigmoid);
    }
    case MoeActivation::Gelu:
      return parts.make<GeluOp>("gelu", x, GeluApproximation::None);
    case MoeActivation::GeluTanh:
      return parts.make<GeluOp>("gelu", x, GeluApproximation::Tanh);
    case MoeActivation::Relu:
      return parts.make<ReluOp>("relu", x);
    }
    return x;
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

bool compress::isComposite(Operation *op) {
  return isa<RMSNormOp, RotaryEmbeddingOp, AttentionOp, MoeOp>(op);
}

static void addPattern(StringRef kind, RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  if (kind == RMSNormOp::getOperationName())
    patterns.add<ExpandRMSNorm>(context);
  else if (kind == RotaryEmbeddingOp::getOperationName())
    patterns.add<ExpandRotaryEmbedding>(context);
  else if (kind == AttentionOp::getOperationName())
    patterns.add<ExpandAttention>(context);
  else if (kind == MoeOp::getOperationName())
    patterns.add<ExpandMoe>(context);
}

void compress::populateExpandCompositePatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandRMSNorm, ExpandRotaryEmbedding, ExpandAttention, ExpandMoe>(
      patterns.getContext());
}

static LogicalResult expand(Operation *root, RewritePatternSet patterns,
                            llvm::function_ref<bool(Operation *)> isWanted) {
  walkAndApplyPatterns(root, std::move(patterns));
  // Routers that were transposed for `compress.moe`.
  root->walk([](TransposeOp op) {
    if (op->use_empty() && op.getInput().getDefiningOp<WeightSourceOpInterface>())
      op->erase();
  });
  WalkResult left = root->walk([&](Operation *op) {
    return isWanted(op) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(left.wasInterrupted());
}

LogicalResult compress::expandComposites(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  populateExpandCompositePatterns(patterns);
  return expand(root, std::move(patterns), isComposite);
}

LogicalResult compress::expandMoe(Operation *root) {
  RewritePatternSet patterns(root->getContext());
  patterns.add<ExpandMoe>(root->getContext());
  return expand(root, std::move(patterns), [](Operation *op) { return isa<MoeOp>(op); });
}

namespace {
struct ExpandComposites : public compress::impl::ExpandCompositesBase<ExpandComposites> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    for (StringRef kind : ops)
      if (kind != "rms_norm" && kind != "rotary_embedding" && kind != "attention" && kind != "moe")
        return emitError(UnknownLoc::get(context))
               << "option 'ops': expects rms_norm, rotary_embedding, attention or moe, got '"
               << kind << "'";
    return success();
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    llvm::StringSet<> kinds;
    for (const std::string &kind : ops)
      if (kinds.insert("compress." + kind).second)
        addPattern("compress." + kind, patterns);
    if (ops.empty())
      populateExpandCompositePatterns(patterns);
    auto isWanted = [&](Operation *op) {
      return ops.empty() ? isComposite(op) : kinds.contains(op->getName().getStringRef());
    };
    if (failed(expand(getOperation(), std::move(patterns), isWanted)))
      signalPassFailure();
  }
};
} // namespace
