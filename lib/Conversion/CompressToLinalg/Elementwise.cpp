//===- Elementwise.cpp - element-wise ops to linalg.generic ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopBuilder.h"
#include "Patterns.h"
#include "ScalarOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

static LogicalResult checkElements(Operation *op, ConversionPatternRewriter &rewriter) {
  for (Type type : llvm::concat<Type>(SmallVector<Type>(op->getOperandTypes()),
                                      SmallVector<Type>(op->getResultTypes())))
    if (!ScalarBuilder::isSupported(cast<RankedTensorType>(type).getElementType()))
      return rewriter.notifyMatchFailure(op, "elements of this type cannot be computed with");
  return success();
}

/// How the float result of a cast is rounded.
static Value storeResult(ScalarBuilder &builder, Operation *op, Value value, Type element) {
  auto castOp = dyn_cast<CastOp>(op);
  return builder.store(value, element, !castOp || castOp.getSaturate(),
                       /*roundUpE8M0=*/castOp != nullptr);
}

static LogicalResult lowerElementwise(Operation *op, ValueRange converted,
                                      ConversionPatternRewriter &rewriter,
                                      const TypeConverter &converter, LoweringContext &lowering) {
  if (failed(checkElements(op, rewriter)))
    return failure();
  Location loc = op->getLoc();
  Value result = op->getResult(0);
  auto type = cast<RankedTensorType>(converter.convertType(result.getType()));
  Type element = cast<RankedTensorType>(result.getType()).getElementType();
  SmallVector<OpFoldResult> sizes =
      getBroadcastSizes(rewriter, loc, lowering, result, op->getOperands());
  LoopBuilder loops(rewriter, loc, lowering, result, sizes);
  for (auto [original, value] : llvm::zip_equal(op->getOperands(), converted))
    loops.addInput(original, value);
  rewriter.replaceOp(op, loops.create({type}, [&](ScalarBuilder &builder, ValueRange elements) {
    Value value = emitElementwise(builder, op, elements);
    return SmallVector<Value>{storeResult(builder, op, value, element)};
  }));
  return success();
}

namespace {
template <typename OpTy>
struct ElementwiseLowering : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;
  LogicalResult matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    return lowerElementwise(op, adaptor.getOperands(), rewriter, *this->getTypeConverter(),
                            this->lowering);
  }
};

/// A cast between types that are the same in memory.
struct SameCastLowering : public LoweringPattern<CastOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(CastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Type from = op.getInput().getType().getElementType();
    Type to = op.getResult().getType().getElementType();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    bool isSame = from == to || (isa<IntegerType>(from) && isa<IntegerType>(to) &&
                                 from.getIntOrFloatBitWidth() >= 8 &&
                                 from.getIntOrFloatBitWidth() == to.getIntOrFloatBitWidth());
    if (!isSame)
      return rewriter.notifyMatchFailure(op, "the elements change");
    Value value = adaptor.getInput();
    if (value.getType() != type)
      value = tensor::CastOp::create(rewriter, op.getLoc(), type, value);
    rewriter.replaceOp(op, value);
    return success();
  }
};

/// Small integer tensors that follow from sizes, whatever computes them.
struct SizeTensorLowering : public OpInterfaceConversionPattern<ReferenceOpInterface> {
  SizeTensorLowering(const TypeConverter &converter, LoweringContext &lowering)
      : OpInterfaceConversionPattern(converter, lowering.getContext(), /*benefit=*/10),
        lowering(lowering) {}

  LogicalResult matchAndRewrite(ReferenceOpInterface op, ArrayRef<Value>,
                                ConversionPatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1)
      return failure();
    Value result = op->getResult(0);
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type || type.getRank() > 1 || !type.hasStaticShape() ||
        !isa<IntegerType>(type.getElementType()))
      return failure();
    Type element = getStorageElementType(type.getElementType());
    Location loc = op.getLoc();
    std::optional<SmallVector<OpFoldResult>> contents = lowering.getContents(rewriter, loc, result);
    if (!contents || static_cast<int64_t>(contents->size()) != type.getNumElements())
      return rewriter.notifyMatchFailure(op, "the elements do not follow from sizes");
    RankedTensorType stored = type.clone(element);
    if (std::optional<SmallVector<int64_t>> constants = getConstantIntValues(*contents)) {
      SmallVector<APInt> values;
      for (int64_t constant : *constants)
        values.push_back(APInt(element.getIntOrFloatBitWidth(), static_cast<uint64_t>(constant),
                               /*isSigned=*/true, /*implicitTrunc=*/true));
      rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, DenseElementsAttr::get(stored, values));
      return success();
    }
    SmallVector<Value> elements;
    for (OpFoldResult content : *contents)
      elements.push_back(arith::IndexCastOp::create(rewriter, loc, element,
                                                    getIndexValue(rewriter, loc, content)));
    rewriter.replaceOpWithNewOp<tensor::FromElementsOp>(op, stored, elements);
    return success();
  }

private:
  LoweringContext &lowering;
};
} // namespace

void compress::populateElementwisePatterns(const TypeConverter &converter,
                                           LoweringContext &lowering, RewritePatternSet &patterns) {
  auto add = [&]<typename... OpTys>() {
    patterns.add<ElementwiseLowering<OpTys>...>(converter, lowering);
  };
  add.operator()<AbsOp, AcosOp, AcoshOp, AsinOp, AsinhOp, AtanOp, AtanhOp, CeilOp, CosOp, CoshOp,
                 ErfOp, ExpOp, FloorOp, HardSwishOp, LogOp, MishOp, NegOp, NotOp, ReciprocalOp,
                 ReluOp, RoundOp, SigmoidOp, SignOp, SinOp, SinhOp, SoftplusOp, SoftsignOp, SqrtOp,
                 TanOp, TanhOp>();
  add.operator()<AddOp, SubOp, MulOp, DivOp, MaxOp, MinOp, PowOp, PReluOp, EqualOp, GreaterOp,
                 GreaterEqualOp, LessOp, LessEqualOp, AndOp, OrOp, XorOp>();
  add.operator()<WhereOp, ClipOp, GeluOp, LeakyReluOp, EluOp, HardSigmoidOp, CastOp>();
  patterns.add<SameCastLowering>(converter, lowering, /*benefit=*/2);
  patterns.add<SizeTensorLowering>(converter, lowering);
}
