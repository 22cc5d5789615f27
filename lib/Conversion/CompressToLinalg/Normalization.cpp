//===- Normalization.cpp - normalisations and softmax ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "RowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

static Type getElement(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

/// 1 / sqrt(variance + epsilon).
static Value emitInverse(ScalarBuilder &b, Value variance, double epsilon) {
  Type type = variance.getType();
  Value root = math::SqrtOp::create(b, b.add(variance, b.number(type, epsilon)));
  return arith::DivFOp::create(b, b.number(type, 1), root);
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

Value compress::emitSoftmax(ConversionPatternRewriter &rewriter, Location loc,
                            LoweringContext &lowering, ArrayRef<OpFoldResult> sizes, Value input,
                            Type from, int64_t axis, bool isLog, RankedTensorType type, Type to) {
  Type compute = ScalarBuilder::getComputeType(from);
  auto rank = static_cast<unsigned>(sizes.size());
  llvm::SmallBitVector all(rank, true), reduced(rank), kept(rank, true);
  reduced.set(static_cast<unsigned>(axis));
  kept.reset(static_cast<unsigned>(axis));

  LoopBuilder reader(rewriter, loc, lowering, ArrayRef<DimOf>(), sizes);
  reader.addStored(input, from, all);
  Attribute lowest = rewriter.getFloatAttr(compute, -std::numeric_limits<double>::infinity());
  Value top =
      reader.reduce(reduced, {lowest, [](ScalarBuilder &b, Value sum, ValueRange elements) {
                                return arith::MaximumFOp::create(b, sum, elements[0]).getResult();
                              }});

  // Exponentials are kept, but for the logarithm, which needs them only in the sum.
  LoopBuilder shifter(rewriter, loc, lowering, ArrayRef<DimOf>(), sizes);
  shifter.addStored(input, from, all);
  shifter.addComputed(top, kept);
  RankedTensorType computed = type.clone(compute);
  Value shifted = shifter.create(computed, compute, [&](ScalarBuilder &b, ValueRange elements) {
    Value difference = b.sub(elements[0], elements[1]);
    return isLog ? difference : math::ExpOp::create(b, difference).getResult();
  });
  LoopBuilder adder(rewriter, loc, lowering, ArrayRef<DimOf>(), sizes);
  adder.addComputed(shifted, all);
  auto combine = [&](ScalarBuilder &b, Value sum, ValueRange elements) {
    Value term = isLog ? math::ExpOp::create(b, elements[0]).getResult() : elements[0];
    return addInAnyOrder(b, b.getLoc(), sum, term);
  };
  Value sum = adder.reduce(reduced, {rewriter.getFloatAttr(compute, 0), combine});

  LoopBuilder scaler(rewriter, loc, lowering, ArrayRef<DimOf>(), sizes);
  scaler.addComputed(shifted, all);
  scaler.addComputed(sum, kept);
  return scaler.create(type, to, [&](ScalarBuilder &b, ValueRange elements) -> Value {
    if (isLog)
      return b.sub(elements[0], math::LogOp::create(b, elements[1]));
    return arith::DivFOp::create(b, elements[0], elements[1]);
  });
}

namespace {
template <typename OpTy, bool isLog>
struct SoftmaxLowering : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;
  LogicalResult matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value result = op.getResult();
    SmallVector<OpFoldResult> sizes =
        getSameSizes(rewriter, loc, this->lowering, result, op.getInput());
    auto type = cast<RankedTensorType>(this->getTypeConverter()->convertType(result.getType()));
    rewriter.replaceOp(op, emitSoftmax(rewriter, loc, this->lowering, sizes, adaptor.getInput(),
                                       getElement(op.getInput()), op.getAxis(), isLog, type,
                                       getElement(result)));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// Rows of the dims from `axis`, and what is computed per row.
class RowEmitter {
public:
  RowEmitter(ConversionPatternRewriter &rewriter, Location loc, LoweringContext &lowering,
             Value original, Value input, Value result, int64_t axis)
      : rewriter(rewriter), loc(loc), lowering(lowering), original(original), input(input),
        result(result), compute(ScalarBuilder::getComputeType(getElement(original))),
        sizes(getSameSizes(rewriter, loc, lowering, result, original)), reduced(sizes.size()),
        kept(sizes.size()) {
    reduced.set(static_cast<unsigned>(axis), sizes.size());
    kept.set(0, static_cast<unsigned>(axis));
    Value count = multiplySizes(rewriter, loc, ArrayRef(sizes).drop_front(axis));
    count = arith::IndexCastOp::create(rewriter, loc, rewriter.getI64Type(), count);
    size = arith::SIToFPOp::create(rewriter, loc, compute, count);
  }

  /// Sums of what `term` makes of an element and of the row's `values`.
  Value sum(ArrayRef<Value> values, LoopBuilder::BodyFn term) {
    LoopBuilder loops = createLoops(values);
    return loops.reduce(reduced, {rewriter.getFloatAttr(compute, 0),
                                  [&](ScalarBuilder &b, Value total, ValueRange elements) {
                                    return addInAnyOrder(b, b.getLoc(), total, term(b, elements));
                                  }});
  }

  /// One number per row from one of the row.
  Value perRow(Value value, LoopBuilder::BodyFn body) {
    LoopBuilder loops(rewriter, loc, lowering, ArrayRef<DimOf>(),
                      ArrayRef(sizes).take_front(kept.count()));
    loops.addComputed(value, llvm::SmallBitVector(kept.count(), true));
    return loops.create(cast<RankedTensorType>(value.getType()), compute, body);
  }

  /// Sum divided by the number of elements.
  Value divideBySize(ScalarBuilder &b, Value total) {
    return arith::DivFOp::create(b, total, size);
  }

  /// Loops over the input and values of the rows.
  LoopBuilder createLoops(ArrayRef<Value> values) {
    LoopBuilder loops(rewriter, loc, lowering, result, sizes);
    loops.addInput(original, input);
    for (Value value : values)
      loops.addComputed(value, kept);
    return loops;
  }

private:
  ConversionPatternRewriter &rewriter;
  Location loc;
  LoweringContext &lowering;
  Value original, input, result;
  Type compute;
  SmallVector<OpFoldResult> sizes;
  llvm::SmallBitVector reduced, kept;
  Value size;
};

struct LayerNormLowering : public LoweringPattern<LayerNormOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(LayerNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    double epsilon = op.getEpsilon().convertToDouble();
    RowEmitter rows(rewriter, op.getLoc(), lowering, op.getInput(), adaptor.getInput(),
                    op.getResult(), op.getAxis());
    Value total = rows.sum({}, [](ScalarBuilder &, ValueRange elements) { return elements[0]; });
    Value mean = rows.perRow(total, [&](ScalarBuilder &b, ValueRange elements) {
      return rows.divideBySize(b, elements[0]);
    });
    Value squares = rows.sum(mean, [](ScalarBuilder &b, ValueRange elements) {
      Value difference = b.sub(elements[0], elements[1]);
      return b.mul(difference, difference);
    });
    Value inverse = rows.perRow(squares, [&](ScalarBuilder &b, ValueRange elements) {
      return emitInverse(b, rows.divideBySize(b, elements[0]), epsilon);
    });
    LoopBuilder loops = rows.createLoops({mean, inverse});
    loops.addInput(op.getScale(), adaptor.getScale());
    if (op.getBias())
      loops.addInput(op.getBias(), adaptor.getBias());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    rewriter.replaceOp(
        op, loops.create(type, getElement(op.getResult()), [&](ScalarBuilder &b, ValueRange x) {
          Value y = b.mul(b.sub(x[0], x[1]), x[2]);
          y = b.mul(y, x[3]);
          return op.getBias() ? b.add(y, x[4]) : y;
        }));
    return success();
  }
};

struct RMSNormLowering : public LoweringPattern<RMSNormOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(RMSNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    double epsilon = op.getEpsilon().convertToDouble();
    RowEmitter rows(rewriter, op.getLoc(), lowering, op.getInput(), adaptor.getInput(),
                    op.getResult(), op.getAxis());
    Value squares = rows.sum(
        {}, [](ScalarBuilder &b, ValueRange elements) { return b.mul(elements[0], elements[0]); });
    Value inverse = rows.perRow(squares, [&](ScalarBuilder &b, ValueRange elements) {
      return emitInverse(b, rows.divideBySize(b, elements[0]), epsilon);
    });
    LoopBuilder loops = rows.createLoops(inverse);
    loops.addInput(op.getScale(), adaptor.getScale());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    rewriter.replaceOp(
        op, loops.create(type, getElement(op.getResult()), [&](ScalarBuilder &b, ValueRange x) {
          return b.mul(b.mul(x[0], x[1]), x[2]);
        }));
    return success();
  }
};

/// Parameters lie along dim 1.
struct BatchNormLowering : public LoweringPattern<BatchNormOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(BatchNormOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value result = op.getResult();
    Type element = getElement(op.getInput());
    double epsilon = op.getEpsilon().convertToDouble();
    SmallVector<OpFoldResult> sizes = getSameSizes(rewriter, loc, lowering, result, op.getInput());
    for (Value parameter : op->getOperands().drop_front())
      checkSameSize(rewriter, loc, lowering, {parameter, 0}, {op.getInput(), 1},
                    "a parameter of batch_norm has the wrong size");

    // scale / sqrt(variance + epsilon), once per channel.
    llvm::SmallBitVector channel(1, true);
    LoopBuilder factors(rewriter, loc, lowering, ArrayRef<DimOf>(), ArrayRef(sizes[1]));
    factors.addStored(adaptor.getScale(), getElement(op.getScale()), channel);
    factors.addStored(adaptor.getVariance(), getElement(op.getVariance()), channel);
    Type compute = ScalarBuilder::getComputeType(element);
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    Value factor = factors.create(
        RankedTensorType::get({type.getDimSize(1)}, compute), compute,
        [&](ScalarBuilder &b, ValueRange x) { return b.mul(x[0], emitInverse(b, x[1], epsilon)); });

    LoopBuilder loops(rewriter, loc, lowering, result, sizes);
    loops.addInput(op.getInput(), adaptor.getInput());
    llvm::SmallBitVector along(type.getRank());
    along.set(1);
    loops.addStored(adaptor.getMean(), getElement(op.getMean()), along);
    loops.addComputed(factor, along);
    loops.addStored(adaptor.getBias(), getElement(op.getBias()), along);
    rewriter.replaceOp(op, loops.create(type, element, [&](ScalarBuilder &b, ValueRange x) {
      return b.add(b.mul(b.sub(x[0], x[1]), x[2]), x[3]);
    }));
    return success();
  }
};
} // namespace

void compress::populateNormalizationPatterns(const TypeConverter &converter,
                                             LoweringContext &lowering,
                                             RewritePatternSet &patterns) {
  patterns.add<SoftmaxLowering<SoftmaxOp, false>, SoftmaxLowering<LogSoftmaxOp, true>,
               LayerNormLowering, RMSNormLowering, BatchNormLowering>(converter, lowering);
  populateCompositePatterns(converter, lowering, patterns);
}
