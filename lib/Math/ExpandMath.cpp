//===- ExpandMath.cpp - math functions as polynomials -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Math/ExpandMath.h"
#include "MathBuilder.h"
#include "compress/Math/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace mlir::compress {
#define GEN_PASS_DEF_EXPANDMATH
#include "compress/Math/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// f32, or a vector of it of fixed size.
static bool isExpanded(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return getElementTypeOrSelf(type).isF32() && (!vector || !vector.isScalable());
}

namespace {

template <typename OpTy, Value (*Emit)(MathBuilder &, Value)>
struct ExpandUnary : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (!isExpanded(op.getType()))
      return failure();
    MathBuilder builder(op.getLoc(), rewriter, op.getType());
    rewriter.replaceOp(op, Emit(builder, op.getOperand()));
    return success();
  }
};

struct ExpandPow : OpRewritePattern<math::PowFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::PowFOp op, PatternRewriter &rewriter) const override {
    if (!isExpanded(op.getType()))
      return failure();
    MathBuilder builder(op.getLoc(), rewriter, op.getType());
    APFloat exponent(0.0f);
    Value result;
    if (matchPattern(getScalar(op.getRhs()), m_ConstantFloat(&exponent)))
      result = emitPowConstant(builder, op.getLhs(), exponent.convertToDouble());
    if (!result)
      result = emitPow(builder, op.getLhs(), op.getRhs());
    rewriter.replaceOp(op, result);
    return success();
  }

  /// What a vector is a broadcast of.
  static Value getScalar(Value value) {
    auto broadcast = value.getDefiningOp<vector::BroadcastOp>();
    return broadcast ? broadcast.getSource() : value;
  }
};

} // namespace

static Value emitSin(MathBuilder &b, Value x) { return emitSinCos(b, x, /*isCos=*/false); }
static Value emitCos(MathBuilder &b, Value x) { return emitSinCos(b, x, /*isCos=*/true); }

void compress::populateExpandMathPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandUnary<math::ExpOp, emitExp>, ExpandUnary<math::Exp2Op, emitExp2>,
               ExpandUnary<math::ExpM1Op, emitExpM1>, ExpandUnary<math::TanhOp, emitTanh>,
               ExpandUnary<math::ErfOp, emitErf>, ExpandUnary<math::LogOp, emitLog>,
               ExpandUnary<math::Log1pOp, emitLog1p>, ExpandUnary<math::SinOp, emitSin>,
               ExpandUnary<math::CosOp, emitCos>, ExpandPow>(patterns.getContext());
}

namespace {
class ExpandMathPass : public compress::impl::ExpandMathBase<ExpandMathPass> {
public:
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateExpandMathPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
