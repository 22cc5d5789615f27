//===- RaiseNorms.cpp - layer_norm and rms_norm written out ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Both norms are `numerator / sqrt(variance + epsilon) * scale (+ bias)`. With the numerator x and
// the variance mean(x^2) it is rms_norm; with x - mean(x), and mean((x - mean(x))^2) or
// mean(x^2) - mean(x)^2, it is layer_norm.
//
//===----------------------------------------------------------------------===//

#include "RaiseComposites.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/SetVector.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

namespace {
/// The mean of `input`, or of its square, over `axes`.
struct Mean {
  Value input;
  SmallVector<int64_t> axes;
  bool isSquared = false, keepdims = false;
};

/// numerator / sqrt(variance + epsilon), maybe times `scale`.
struct Normalized {
  Value numerator, variance, scale;
  double epsilon = 0;
};

/// A norm over the dims of `input` from `axis`; `root` is the op with its result.
struct Norm {
  Operation *root = nullptr;
  bool isCentered = false;
  Value input, scale, bias;
  int64_t axis = 0;
  double epsilon = 0;
};
} // namespace

/// The y of y * y or y^2, or null.
static Value matchSquare(Value value, RaiseContext &context) {
  if (auto mul = value.getDefiningOp<MulOp>())
    return mul.getLhs() == mul.getRhs() ? mul.getLhs() : Value();
  auto pow = value.getDefiningOp<PowOp>();
  return pow && context.isScalar(pow.getRhs(), 2) ? pow.getLhs() : Value();
}

/// Matches a mean, also one written as a sum and a constant factor.
static std::optional<Mean> matchMean(Value value, RaiseContext &context) {
  Product product = getProduct(value, context);
  if (product.factors.size() != 1)
    return std::nullopt;
  auto reduce = product.factors.front().getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getAxes().empty())
    return std::nullopt;
  auto type = cast<RankedTensorType>(reduce.getInput().getType());
  double count = 1;
  for (int64_t axis : reduce.getAxes())
    count *= type.isDynamicDim(axis) ? 0 : static_cast<double>(type.getDimSize(axis));
  double expected = reduce.getKind() == ReduceKind::Mean ? 1 : 1 / count;
  if (reduce.getKind() != ReduceKind::Mean && reduce.getKind() != ReduceKind::Sum &&
      reduce.getKind() != ReduceKind::SumSquare)
    return std::nullopt;
  if (count == 0 || std::abs(product.scalar - expected) > 1e-6 * expected)
    return std::nullopt;
  Mean mean{reduce.getInput(), llvm::to_vector(reduce.getAxes()),
            reduce.getKind() == ReduceKind::SumSquare, reduce.getKeepdims()};
  if (Value squared = mean.isSquared ? Value() : matchSquare(mean.input, context)) {
    mean.input = squared;
    mean.isSquared = true;
  }
  return mean;
}

/// Looks through what gives a statistic without the reduced dims these dims again.
static Value stripShape(Value value) {
  if (auto broadcast = value.getDefiningOp<BroadcastOp>();
      broadcast && broadcast.getInput().getType() == value.getType())
    value = broadcast.getInput();
  if (auto unsqueeze = value.getDefiningOp<UnsqueezeOp>())
    return unsqueeze.getInput();
  if (auto reshape = value.getDefiningOp<ReshapeOp>())
    return reshape.getInput();
  return value;
}

/// True if a statistic of type `type` has one element for each of `axes` and the dims of `input`
/// elsewhere. At most one of the latter may be dynamic if the statistic was reshaped.
static bool isStatisticOf(Type type, RankedTensorType input, ArrayRef<int64_t> axes,
                          bool wasReshaped) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked || ranked.getRank() != input.getRank())
    return false;
  unsigned numDynamic = 0;
  for (int64_t dim = 0; dim < input.getRank(); ++dim) {
    bool isReduced = llvm::is_contained(axes, dim);
    if (ranked.getDimSize(dim) != (isReduced ? 1 : input.getDimSize(dim)))
      return false;
    numDynamic += !isReduced && input.isDynamicDim(dim);
  }
  return !wasReshaped || numDynamic <= 1;
}

/// The statistic of `value` by `match`, if its shape is that of a statistic over the dims of
/// `input` from some axis on.
template <typename Match>
static bool matchStatistic(Value value, RankedTensorType input, Match match) {
  std::optional<Mean> mean = match(value);
  bool wasReshaped = false;
  if (!mean) {
    Value inner = stripShape(value);
    wasReshaped = inner != value;
    if (wasReshaped)
      mean = match(inner);
  }
  if (!mean || mean->input.getType() != input || mean->keepdims == wasReshaped)
    return false;
  // Trailing dims, in order.
  for (auto [i, axis] : llvm::enumerate(llvm::reverse(mean->axes)))
    if (axis != input.getRank() - 1 - static_cast<int64_t>(i))
      return false;
  return isStatisticOf(value.getType(), input, mean->axes, wasReshaped);
}

//===----------------------------------------------------------------------===//
// Division by the deviation
//===----------------------------------------------------------------------===//

/// The v of sqrt(v), or null.
static Value matchSqrt(Value value, RaiseContext &context) {
  if (auto sqrt = value.getDefiningOp<SqrtOp>())
    return sqrt.getInput();
  auto pow = value.getDefiningOp<PowOp>();
  return pow && context.isScalar(pow.getRhs(), 0.5) ? pow.getLhs() : Value();
}

/// The v of 1 / sqrt(v), or null.
static Value matchInverseSqrt(Value value, RaiseContext &context) {
  if (auto reciprocal = value.getDefiningOp<ReciprocalOp>())
    return matchSqrt(reciprocal.getInput(), context);
  if (auto div = value.getDefiningOp<DivOp>())
    return context.isScalar(div.getLhs(), 1) ? matchSqrt(div.getRhs(), context) : Value();
  auto pow = value.getDefiningOp<PowOp>();
  return pow && context.isScalar(pow.getRhs(), -0.5) ? pow.getLhs() : Value();
}

static std::optional<Normalized> makeNormalized(Value numerator, Value sum, Value scale,
                                                RaiseContext &context) {
  auto add = sum.getDefiningOp<AddOp>();
  if (!add)
    return std::nullopt;
  for (Value operand : {add.getLhs(), add.getRhs()})
    if (std::optional<double> epsilon = context.getScalar(operand); epsilon && *epsilon >= 0)
      return Normalized{numerator, getOther(add, operand), scale, *epsilon};
  return std::nullopt;
}

/// Calls `fn` with every way to read `op` as a division by a deviation, until it returns true.
static bool forEachNormalized(Operation *op, RaiseContext &context,
                              llvm::function_ref<bool(const Normalized &)> fn) {
  auto call = [&](Value numerator, Value sum, Value scale) {
    std::optional<Normalized> found =
        sum ? makeNormalized(numerator, sum, scale, context) : std::nullopt;
    return found && fn(*found);
  };
  if (auto div = dyn_cast<DivOp>(op))
    return call(div.getLhs(), matchSqrt(div.getRhs(), context), {});
  for (Value inverse : op->getOperands()) {
    Value numerator = getOther(op, inverse);
    if (call(numerator, matchInverseSqrt(inverse, context), {}))
      return true;
    // The scale may have been multiplied first.
    auto scaled = inverse.getDefiningOp<MulOp>();
    for (Value factor : scaled ? ValueRange(scaled->getOperands()) : ValueRange())
      if (call(numerator, matchInverseSqrt(factor, context), getOther(scaled, factor)))
        return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// The whole norm
//===----------------------------------------------------------------------===//

/// True if `value` is a parameter of a norm of `input` over the dims from `axis`: it has these dims
/// and no others.
static bool isParameter(Value value, RankedTensorType input, int64_t axis) {
  RankedTensorType type = getF32Type(value);
  if (!type || !type.hasStaticShape() || type.getRank() > input.getRank())
    return false;
  int64_t offset = input.getRank() - type.getRank();
  for (int64_t dim = 0; dim < input.getRank(); ++dim) {
    int64_t size = dim < offset ? 1 : type.getDimSize(dim - offset);
    if (size != (dim < axis ? 1 : input.getDimSize(dim)))
      return false;
  }
  return true;
}

/// True if no op between `norm.root` and the input has users elsewhere.
static bool isClosed(const Norm &norm) {
  llvm::SetVector<Operation *> ops;
  ops.insert(norm.root);
  for (size_t i = 0; i < ops.size() && i < 64; ++i)
    for (Value operand : ops[i]->getOperands())
      if (Operation *op = operand.getDefiningOp();
          op && operand != norm.input && operand != norm.scale && operand != norm.bias &&
          getF32Type(operand) && !isa<WeightSourceOpInterface>(op))
        ops.insert(op);
  return llvm::all_of(ops.getArrayRef().drop_front(), [&](Operation *op) {
    return llvm::all_of(op->getUsers(), [&](Operation *user) { return ops.contains(user); });
  });
}

/// Finds x, given what is divided by the deviation and the variance.
static bool matchMoments(const Normalized &normalized, Norm &norm, RaiseContext &context) {
  auto meanOf = [&](Value x, bool isSquared) {
    return [x, isSquared, &norm, &context](Value value) -> std::optional<Mean> {
      std::optional<Mean> mean = matchMean(value, context);
      if (!mean || mean->input != x || mean->isSquared != isSquared)
        return std::nullopt;
      norm.axis = mean->axes.front();
      return mean;
    };
  };
  RankedTensorType type = getF32Type(normalized.numerator);
  if (!type)
    return false;
  if (matchStatistic(normalized.variance, type, meanOf(normalized.numerator, true))) {
    norm.input = normalized.numerator;
    // Centered before, it is layer_norm.
    auto sub = norm.input.getDefiningOp<SubOp>();
    int64_t axis = norm.axis;
    if (sub && getF32Type(sub.getLhs()) == type &&
        matchStatistic(sub.getRhs(), type, meanOf(sub.getLhs(), false)) && norm.axis == axis) {
      norm.input = sub.getLhs();
      norm.isCentered = true;
    }
    norm.axis = axis;
    return true;
  }
  auto sub = normalized.numerator.getDefiningOp<SubOp>();
  if (!sub || getF32Type(sub.getLhs()) != type)
    return false;
  Value x = sub.getLhs();
  if (!matchStatistic(sub.getRhs(), type, meanOf(x, false)))
    return false;
  int64_t axis = norm.axis;
  norm.input = x;
  norm.isCentered = true;
  // The variance may be of a second x - mean(x), or mean(x^2) - mean(x)^2, kept from being
  // negative.
  auto matchVariance = [&](Value value) -> std::optional<Mean> {
    if (std::optional<Mean> mean = matchMean(value, context); mean && mean->isSquared) {
      auto centered = mean->input.getDefiningOp<SubOp>();
      if (centered && centered.getLhs() == x &&
          matchStatistic(centered.getRhs(), type, meanOf(x, false)))
        return mean;
    }
    if (auto max = value.getDefiningOp<MaxOp>())
      for (Value operand : {max.getLhs(), max.getRhs()})
        if (std::optional<double> zero = context.getScalar(operand); zero && *zero == 0)
          value = getOther(max, operand);
    auto difference = value.getDefiningOp<SubOp>();
    if (!difference)
      return std::nullopt;
    std::optional<Mean> squares = matchMean(difference.getLhs(), context);
    Value root = matchSquare(difference.getRhs(), context);
    std::optional<Mean> mean = root ? matchMean(root, context) : std::nullopt;
    if (!squares || !mean || !squares->isSquared || mean->isSquared || squares->input != x ||
        mean->input != x || mean->axes != squares->axes || mean->keepdims != squares->keepdims)
      return std::nullopt;
    return squares;
  };
  bool isMatch = matchStatistic(normalized.variance, type, [&](Value value) {
    std::optional<Mean> mean = matchVariance(value);
    if (mean && mean->axes.front() != axis)
      mean.reset();
    return mean;
  });
  norm.axis = axis;
  return isMatch;
}

/// Takes in a scale and, for layer_norm, a bias that follow `norm.root`.
static void matchParameters(Norm &norm, RankedTensorType type) {
  if (!norm.scale) {
    Value result = norm.root->getResult(0);
    if (auto mul = getOnlyUser<MulOp>(result);
        mul && isParameter(getOther(mul, result), type, norm.axis)) {
      norm.scale = getOther(mul, result);
      norm.root = mul;
    }
  }
  Value result = norm.root->getResult(0);
  if (auto add = norm.isCentered ? getOnlyUser<AddOp>(result) : AddOp();
      add && isParameter(getOther(add, result), type, norm.axis)) {
    norm.bias = getOther(add, result);
    norm.root = add;
  }
}

/// A parameter with exactly the dims from the axis: leading ones go, without touching bytes.
static Value dropLeadingOnes(Value value, int64_t rank, PatternRewriter &rewriter,
                             RaiseContext &context) {
  auto type = cast<RankedTensorType>(value.getType());
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  if (type.getRank() <= rank || !source)
    return value;
  auto flat = RankedTensorType::get(type.getShape().take_back(rank), type.getElementType());
  Attribute bytes = source.getWeightValue();
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(bytes))
    bytes = dense.reshape(flat);
  else if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(bytes))
    bytes = DenseResourceElementsAttr::get(flat, resource.getRawHandle());
  else if (auto file = dyn_cast_or_null<FileAttr>(bytes))
    bytes = FileAttr::get(file.getContext(), flat, file.getPath(), file.getOffset(),
                          file.getLength(), file.getHash());
  else
    return value;
  return source.createLike(rewriter, context.symbols, source.getWeightName(), flat, bytes);
}

static LogicalResult raise(Operation *op, PatternRewriter &rewriter, RaiseContext &context) {
  Norm norm;
  bool isMatch = forEachNormalized(op, context, [&](const Normalized &normalized) {
    norm = Norm();
    norm.root = op;
    norm.scale = normalized.scale;
    norm.epsilon = normalized.epsilon;
    return matchMoments(normalized, norm, context) &&
           (!norm.scale || isParameter(norm.scale, getF32Type(norm.input), norm.axis));
  });
  if (!isMatch)
    return failure();
  RankedTensorType type = getF32Type(norm.input);
  matchParameters(norm, type);
  if (!isClosed(norm) ||
      cast<RankedTensorType>(norm.root->getResult(0).getType()).getRank() != type.getRank())
    return failure();
  rewriter.setInsertionPoint(norm.root);
  ArrayRef<int64_t> dims = type.getShape().drop_front(norm.axis);
  int64_t rank = dims.size();
  if (!norm.scale) {
    // The op has a scale; one of ones costs little if it is small.
    constexpr int64_t maxOnes = 16384;
    auto onesType = RankedTensorType::get(dims, type.getElementType());
    if (!onesType.hasStaticShape() || onesType.getNumElements() > maxOnes)
      return failure();
    norm.scale = ConstantOp::create(rewriter, op->getLoc(),
                                    DenseElementsAttr::get(onesType, ArrayRef<float>(1.0f)));
  }
  norm.scale = dropLeadingOnes(norm.scale, rank, rewriter, context);
  if (norm.bias)
    norm.bias = dropLeadingOnes(norm.bias, rank, rewriter, context);
  IntegerAttr axis = rewriter.getI64IntegerAttr(norm.axis);
  FloatAttr epsilon = rewriter.getF32FloatAttr(static_cast<float>(norm.epsilon));
  Location loc = norm.root->getLoc();
  context.notePassed(loc, (norm.isCentered ? "layer norm over " : "rms norm over ") + Twine(rank) +
                              (rank == 1 ? " dim" : " dims") + " is one op");
  if (norm.isCentered)
    replaceByComposite<LayerNormOp>(rewriter, norm.root, norm.input, norm.scale, norm.bias, axis,
                                    epsilon);
  else
    replaceByComposite<RMSNormOp>(rewriter, norm.root, norm.input, norm.scale, axis, epsilon);
  return success();
}

namespace {
template <typename OpTy>
struct RaiseNorm : public OpRewritePattern<OpTy> {
  RaiseNorm(MLIRContext *context, RaiseContext &raising)
      : OpRewritePattern<OpTy>(context), raising(raising) {}
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    return raise(op, rewriter, raising);
  }
  RaiseContext &raising;
};
} // namespace

void compress::populateRaiseNormPatterns(RewritePatternSet &patterns, RaiseContext &context) {
  patterns.add<RaiseNorm<MulOp>, RaiseNorm<DivOp>>(patterns.getContext(), context);
}
