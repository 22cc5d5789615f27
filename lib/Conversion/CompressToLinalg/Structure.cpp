//===- Structure.cpp - weights, constants, functions and kernel calls -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

/// Elements of a constant or weight that stay in the code: shapes, axes, scalars.
static constexpr int64_t kMaxLiteralElements = 16;

bool compress::isLiteral(LoadOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  if (!type.hasStaticShape() || !isa_and_nonnull<DenseElementsAttr>(op.getWeightValue()))
    return false;
  int64_t count = type.getNumElements();
  return count == 1 || (isa<IntegerType>(type.getElementType()) && count <= kMaxLiteralElements);
}

/// `arith.constant` of a small value, with the types of memory; null if it has to be a weight.
static Value createLiteral(OpBuilder &builder, Location loc, Attribute value,
                           RankedTensorType type) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!elements || !type.hasStaticShape() || type.getNumElements() > kMaxLiteralElements)
    return {};
  Type storage = getStorageElementType(type.getElementType());
  if (isa<FloatType>(type.getElementType()) && storage != type.getElementType()) {
    elements = cast<DenseElementsAttr>(elements.mapValues(
        storage, [](const APFloat &element) { return element.bitcastToAPInt().zext(8); }));
  } else if (storage != type.getElementType()) {
    auto integer = cast<IntegerType>(type.getElementType());
    elements = cast<DenseElementsAttr>(elements.mapValues(storage, [&](const APInt &element) {
      unsigned width = storage.getIntOrFloatBitWidth();
      return integer.isUnsigned() ? element.zext(width) : element.sext(width);
    }));
  }
  return arith::ConstantOp::create(builder, loc, elements);
}

namespace {
struct ConstantLowering : public LoweringPattern<ConstantOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(ConstantOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value literal =
        createLiteral(rewriter, op.getLoc(), op.getValue(), cast<RankedTensorType>(op.getType()));
    if (!literal)
      return rewriter.notifyMatchFailure(op, "the constant is too large for a literal");
    rewriter.replaceOp(op, literal);
    return success();
  }
};

struct LoadLowering : public LoweringPattern<LoadOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(LoadOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    if (Value literal = createLiteral(rewriter, op.getLoc(), op.getWeightValue(), type)) {
      rewriter.replaceOp(op, literal);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "packed integers have no type in memory");
  }
};

/// The value is observed where it lies; the type that it had in the model is noted.
struct ObserveLowering : public LoweringPattern<ObserveOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(ObserveOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    rewriter.replaceOpWithNewOp<ObserveOp>(op, adaptor.getInput(), op.getId(), op.getStatistics(),
                                           op.getIndexAttr(), TypeAttr::get(type.getElementType()));
    return success();
  }
};

struct KernelCallLowering : public LoweringPattern<KernelCallOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(KernelCallOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto call = KernelCallOp::create(rewriter, op.getLoc(), TypeRange(adaptor.getOutputs()),
                                     op.getCalleeAttr(), adaptor.getInputs(), adaptor.getOutputs());
    rewriter.replaceOp(op, call);
    return success();
  }
};
} // namespace

void compress::populateStructurePatterns(const TypeConverter &converter, LoweringContext &lowering,
                                         RewritePatternSet &patterns) {
  patterns.add<ConstantLowering, LoadLowering, KernelCallLowering, ObserveLowering>(converter,
                                                                                    lowering);
  populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, converter);
  populateReturnOpTypeConversionPattern(patterns, converter);
}
