//===- RaiseGelu.cpp - gelu written out ------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Hendrycks and Gimpel, "Gaussian Error Linear Units": x / 2 * (1 + erf(x / sqrt(2))), or with
// tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)) for the error function.
//
//===----------------------------------------------------------------------===//

#include "RaiseComposites.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static bool isClose(double value, double expected) {
  return std::abs(value - expected) <= 1e-6 * std::abs(expected);
}

/// True if the factors are these two.
static bool isPair(const Product &product, Value a, Value b) {
  return product.factors.size() == 2 && ((product.factors[0] == a && product.factors[1] == b) ||
                                         (product.factors[0] == b && product.factors[1] == a));
}

/// True if `value` is `factor * x^power`.
static bool isMonomial(Value value, Value x, double factor, size_t power, RaiseContext &context) {
  Product product = getProduct(value, context);
  return isClose(product.scalar, factor) && product.factors.size() == power &&
         llvm::all_equal(product.factors) && product.factors.front() == x;
}

/// The x of `x / sqrt(2)`.
static Value matchErfArgument(Value value, RaiseContext &context) {
  Product product = getProduct(value, context);
  bool isMatch = product.factors.size() == 1 && isClose(product.scalar, M_SQRT1_2);
  return isMatch ? product.factors.front() : Value();
}

/// The x of `sqrt(2 / pi) * (x + 0.044715 * x^3)`, or of `sqrt(2 / pi) * x * (1 + 0.044715 * x^2)`.
static Value matchTanhArgument(Value value, RaiseContext &context) {
  constexpr double cubic = 0.044715;
  Product product = getProduct(value, context);
  if (!isClose(product.scalar, std::sqrt(M_2_PI)) || product.factors.empty() ||
      product.factors.size() > 2)
    return {};
  for (auto [i, factor] : llvm::enumerate(product.factors)) {
    auto add = factor.getDefiningOp<AddOp>();
    if (!add || !add->hasOneUse())
      continue;
    for (Value x : {add.getLhs(), add.getRhs()}) {
      Value other = getOther(add, x);
      if (!other.hasOneUse())
        continue;
      if (product.factors.size() == 1 && isMonomial(other, x, cubic, 3, context))
        return x;
      if (product.factors.size() == 2 && context.isScalar(x, 1) &&
          isMonomial(other, product.factors[1 - i], cubic, 2, context))
        return product.factors[1 - i];
    }
  }
  return {};
}

/// Looks from `erf` or `tanh` of x for `x / 2 * (1 + that)`.
static LogicalResult raise(PatternRewriter &rewriter, Operation *function, Value x,
                           GeluApproximation approximation, RaiseContext &context) {
  auto sum = getOnlyUser<AddOp>(function->getResult(0));
  if (!sum || !context.isScalar(getOther(sum, function->getResult(0)), 1))
    return failure();
  // Three factors, multiplied in any order.
  Value top = sum.getResult();
  for (int step = 0; step < 3; ++step) {
    if (!top.hasOneUse())
      return failure();
    Operation *user = *top.user_begin();
    if (!isa<MulOp, DivOp>(user))
      return failure();
    top = user->getResult(0);
    Product product = getProduct(top, context);
    if (!isPair(product, x, sum.getResult()) || !isClose(product.scalar, 0.5))
      continue;
    RankedTensorType type = getF32Type(x);
    if (!type || cast<RankedTensorType>(top.getType()).getRank() != type.getRank())
      return failure();
    context.notePassed(user->getLoc(), approximation == GeluApproximation::Tanh
                                           ? "gelu with tanh is one op"
                                           : "gelu with erf is one op");
    replaceByComposite<GeluOp>(rewriter, user, x, approximation);
    return success();
  }
  return failure();
}

namespace {
struct RaiseErfGelu : public OpRewritePattern<ErfOp> {
  RaiseErfGelu(MLIRContext *context, RaiseContext &raising)
      : OpRewritePattern(context), raising(raising) {}
  LogicalResult matchAndRewrite(ErfOp op, PatternRewriter &rewriter) const override {
    Value x = matchErfArgument(op.getInput(), raising);
    return x ? raise(rewriter, op, x, GeluApproximation::None, raising) : failure();
  }
  RaiseContext &raising;
};

struct RaiseTanhGelu : public OpRewritePattern<TanhOp> {
  RaiseTanhGelu(MLIRContext *context, RaiseContext &raising)
      : OpRewritePattern(context), raising(raising) {}
  LogicalResult matchAndRewrite(TanhOp op, PatternRewriter &rewriter) const override {
    Value x = matchTanhArgument(op.getInput(), raising);
    return x ? raise(rewriter, op, x, GeluApproximation::Tanh, raising) : failure();
  }
  RaiseContext &raising;
};
} // namespace

void compress::populateRaiseGeluPatterns(RewritePatternSet &patterns, RaiseContext &context) {
  patterns.add<RaiseErfGelu, RaiseTanhGelu>(patterns.getContext(), context);
}
