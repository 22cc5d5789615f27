//===- Reduction.cpp - reductions and running sums ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopBuilder.h"
#include "Patterns.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Kinds whose integer form is computed in double and truncated.
static bool needsFloat(ReduceKind kind) {
  return kind == ReduceKind::L2 || kind == ReduceKind::LogSum || kind == ReduceKind::LogSumExp;
}

/// Type that elements of type `element` are combined in.
static Type getSumType(ReduceKind kind, Type element) {
  if (isa<FloatType>(element))
    return ScalarBuilder::getComputeType(element);
  if (needsFloat(kind))
    return Float64Type::get(element.getContext());
  if (kind == ReduceKind::Mean)
    return IntegerType::get(element.getContext(), 64);
  return getStorageElementType(element);
}

static APInt getSmallest(Type element) {
  unsigned width = getStorageElementType(element).getIntOrFloatBitWidth();
  return ScalarBuilder::isUnsigned(element) ? APInt::getMinValue(width)
                                            : APInt::getSignedMinValue(width);
}

static APInt getLargest(Type element) {
  unsigned width = getStorageElementType(element).getIntOrFloatBitWidth();
  return ScalarBuilder::isUnsigned(element) ? APInt::getMaxValue(width)
                                            : APInt::getSignedMaxValue(width);
}

static Attribute getIdentity(Builder &builder, ReduceKind kind, Type sum, Type element) {
  if (isa<FloatType>(sum)) {
    double value = kind == ReduceKind::Max ? -kInfinity : (kind == ReduceKind::Min ? kInfinity : 0);
    return builder.getFloatAttr(sum, kind == ReduceKind::Prod ? 1 : value);
  }
  if (kind == ReduceKind::Max)
    return builder.getIntegerAttr(sum, getSmallest(element));
  if (kind == ReduceKind::Min)
    return builder.getIntegerAttr(sum, getLargest(element));
  return builder.getIntegerAttr(sum, kind == ReduceKind::Prod ? 1 : 0);
}

static Value combineFloats(ScalarBuilder &b, ReduceKind kind, Value sum, Value x) {
  switch (kind) {
  case ReduceKind::Max:
    return arith::MaximumFOp::create(b, sum, x);
  case ReduceKind::Min:
    return arith::MinimumFOp::create(b, sum, x);
  case ReduceKind::Prod:
    return b.mul(sum, x);
  case ReduceKind::SumSquare:
  case ReduceKind::L2:
    return addInAnyOrder(b, b.getLoc(), sum, b.mul(x, x));
  case ReduceKind::L1:
    return addInAnyOrder(b, b.getLoc(), sum, math::AbsFOp::create(b, x));
  default:
    return addInAnyOrder(b, b.getLoc(), sum, x);
  }
}

static Value combineIntegers(ScalarBuilder &b, ReduceKind kind, Value sum, Value x, Type element) {
  switch (kind) {
  case ReduceKind::Max:
    return b.max(sum, x, element);
  case ReduceKind::Min:
    return b.min(sum, x, element);
  case ReduceKind::Prod:
    return b.mul(sum, x);
  case ReduceKind::SumSquare:
    return b.add(sum, b.mul(x, x));
  case ReduceKind::L1:
    return b.add(sum, b.abs(x, element));
  default:
    return b.add(sum, x);
  }
}

namespace {
/// Emits one `compress.reduce`.
class ReduceEmitter {
public:
  ReduceEmitter(ReduceOp op, Value input, RankedTensorType type,
                ConversionPatternRewriter &rewriter, LoweringContext &lowering)
      : op(op), loc(op.getLoc()), input(input), type(type), rewriter(rewriter), lowering(lowering),
        element(op.getInput().getType().getElementType()), sum(getSumType(op.getKind(), element)),
        sizes(lowering.getSizes(rewriter, loc, op.getInput())), reduced(sizes.size()) {
    for (int64_t axis : op.getAxes())
      reduced.set(static_cast<unsigned>(axis));
    for (auto [dim, size] : llvm::enumerate(sizes))
      (reduced.test(dim) ? reducedSizes : keptSizes).push_back(size);
  }

  Value emit();

private:
  Value reduce(ReduceKind kind, Value shift);
  Value finish(Value sums, Value shift);
  Value finishElement(ScalarBuilder &b, ValueRange elements);
  Value createShift();
  void prepareMean();

  ReduceOp op;
  Location loc;
  Value input;
  RankedTensorType type;
  ConversionPatternRewriter &rewriter;
  LoweringContext &lowering;
  Type element, sum;
  SmallVector<OpFoldResult> sizes, keptSizes, reducedSizes;
  llvm::SmallBitVector reduced;
  /// What the sum is divided by, in its type.
  Value divisor;
};
} // namespace

/// Sums of the elements, or of their exponentials less `shift`.
Value ReduceEmitter::reduce(ReduceKind kind, Value shift) {
  LoopBuilder loops(rewriter, loc, lowering, op.getInput(), sizes);
  loops.addInput(op.getInput(), input);
  if (shift) {
    llvm::SmallBitVector kept = reduced;
    loops.addComputed(shift, kept.flip());
  }
  auto combine = [&](ScalarBuilder &b, Value total, ValueRange elements) -> Value {
    Value x = elements[0];
    if (isa<FloatType>(sum)) {
      x = b.toFloat(x, element, sum);
      if (shift)
        x = math::ExpOp::create(b, b.sub(x, elements[1]));
      return combineFloats(b, kind, total, x);
    }
    if (kind == ReduceKind::Mean)
      x = b.convert(x, element, sum);
    return combineIntegers(b, kind, total, x, element);
  };
  return loops.reduce(reduced, {getIdentity(rewriter, kind, sum, element), combine});
}

/// The largest element, or 0 where it is not finite.
Value ReduceEmitter::createShift() {
  Value largest = reduce(ReduceKind::Max, {});
  LoopBuilder loops(rewriter, loc, lowering, ArrayRef<DimOf>(), keptSizes);
  loops.addComputed(largest, llvm::SmallBitVector(keptSizes.size(), true));
  return loops.create(
      cast<RankedTensorType>(largest.getType()), sum, [&](ScalarBuilder &b, ValueRange elements) {
        Value isFinite =
            b.less(math::AbsFOp::create(b, elements[0]), b.number(sum, kInfinity), sum);
        return b.select(isFinite, elements[0], b.number(sum, 0));
      });
}

/// The number of elements; integers have no mean of none.
void ReduceEmitter::prepareMean() {
  Value count = multiplySizes(rewriter, loc, reducedSizes);
  ScalarBuilder b(loc, rewriter);
  Type i64 = b.getI64Type();
  count = arith::IndexCastOp::create(b, i64, count);
  if (isa<FloatType>(sum)) {
    divisor = arith::SIToFPOp::create(b, sum, count);
    return;
  }
  Value zero = b.integer(i64, 0), one = b.integer(i64, 1);
  Value kept = arith::IndexCastOp::create(b, i64, multiplySizes(rewriter, loc, keptSizes));
  Value isUsed = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, count, zero);
  LoweringContext::check(b, loc, arith::OrIOp::create(b, isUsed, b.equal(kept, zero)),
                         "mean of no integers");
  divisor = b.select(isUsed, count, one);
}

/// An element of the result, in its compute type.
Value ReduceEmitter::finishElement(ScalarBuilder &b, ValueRange elements) {
  Value value = elements[0];
  switch (op.getKind()) {
  case ReduceKind::Mean:
    if (isa<FloatType>(sum))
      value = arith::DivFOp::create(b, value, divisor);
    else if (element.isUnsignedInteger(64))
      value = arith::DivUIOp::create(b, value, divisor);
    else
      value = arith::DivSIOp::create(b, value, divisor);
    break;
  case ReduceKind::L2:
    value = math::SqrtOp::create(b, value);
    break;
  case ReduceKind::LogSum:
    value = math::LogOp::create(b, value);
    break;
  case ReduceKind::LogSumExp:
    value = b.add(math::LogOp::create(b, value), elements[1]);
    break;
  default:
    break;
  }
  if (isa<FloatType>(element))
    return value;
  return isa<FloatType>(sum) ? b.floatToInteger(value, element) : b.convert(value, sum, element);
}

Value ReduceEmitter::finish(Value sums, Value shift) {
  // The result without the reduced dims.
  SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (!op.getKeepdims() || !reduced.test(dim))
      shape.push_back(type.getDimSize(dim));
  RankedTensorType keptType = type.clone(shape);
  bool isDone = sum == type.getElementType() && element.getIntOrFloatBitWidth() >= 8 &&
                op.getKind() != ReduceKind::Mean && !needsFloat(op.getKind());
  Value result = sums;
  if (!isDone) {
    LoopBuilder loops(rewriter, loc, lowering, ArrayRef<DimOf>(), keptSizes);
    llvm::SmallBitVector all(keptSizes.size(), true);
    loops.addComputed(sums, all);
    if (shift)
      loops.addComputed(shift, all);
    result = loops.create(keptType, element, [&](ScalarBuilder &b, ValueRange elements) {
      return finishElement(b, elements);
    });
  } else if (sums.getType() != keptType) {
    result = tensor::CastOp::create(rewriter, loc, keptType, sums);
  }
  if (!op.getKeepdims())
    return result;
  SmallVector<OpFoldResult> resultSizes = sizes;
  for (unsigned dim : reduced.set_bits())
    resultSizes[dim] = rewriter.getIndexAttr(1);
  return insertUnitDims(rewriter, loc, result, type, resultSizes, reduced);
}

Value ReduceEmitter::emit() {
  (void)lowering.getResultSizes(rewriter, loc, op.getResult(), [&](int64_t dim) -> OpFoldResult {
    if (!op.getKeepdims())
      return keptSizes[dim];
    return reduced.test(dim) ? OpFoldResult(rewriter.getIndexAttr(1)) : sizes[dim];
  });
  if (op.getKind() == ReduceKind::Mean)
    prepareMean();
  Value shift = op.getKind() == ReduceKind::LogSumExp ? createShift() : Value();
  return finish(reduce(op.getKind(), shift), shift);
}

namespace {
struct ReduceLowering : public LoweringPattern<ReduceOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(ReduceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!ScalarBuilder::isSupported(op.getInput().getType().getElementType()))
      return rewriter.notifyMatchFailure(op, "elements of this type cannot be computed with");
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    rewriter.replaceOp(op, ReduceEmitter(op, adaptor.getInput(), type, rewriter, lowering).emit());
    return success();
  }
};

/// Loops over the other dims, and one that carries the sum.
struct CumSumLowering : public LoweringPattern<CumSumOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(CumSumOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type element = op.getInput().getType().getElementType();
    if (!ScalarBuilder::isSupported(element))
      return rewriter.notifyMatchFailure(op, "elements of this type cannot be computed with");
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    int64_t axis = op.getAxis();
    SmallVector<OpFoldResult> sizes =
        getSameSizes(rewriter, loc, lowering, op.getResult(), op.getInput());
    Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0);
    Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
    SmallVector<Value> bounds;
    for (OpFoldResult size : sizes)
      bounds.push_back(getIndexValue(rewriter, loc, size));
    Value steps = bounds[axis];
    bounds.erase(bounds.begin() + axis);
    SmallVector<Value> lower(bounds.size(), zero), strides(bounds.size(), one);

    auto sumRow = [&](OpBuilder &builder, Location nested, ValueRange outer,
                      ValueRange state) -> scf::ValueVector {
      Type compute = ScalarBuilder::getComputeType(element);
      ScalarBuilder start(nested, builder);
      Value none = isa<FloatType>(compute) ? start.number(compute, 0) : start.integer(compute, 0);
      auto loop = scf::ForOp::create(
          builder, nested, zero, steps, one, ValueRange{state.front(), none},
          [&](OpBuilder &body, Location bodyLoc, Value step, ValueRange carried) {
            ScalarBuilder b(bodyLoc, body);
            Value at = op.getReverse() ? b.sub(b.sub(steps, one), step) : step;
            SmallVector<Value> index(outer);
            index.insert(index.begin() + axis, at);
            Value x = b.load(tensor::ExtractOp::create(b, adaptor.getInput(), index), element);
            Value sum = b.add(carried[1], x);
            Value written = tensor::InsertOp::create(
                b, b.store(op.getExclusive() ? carried[1] : sum, element), carried[0], index);
            scf::YieldOp::create(b, ValueRange{written, sum});
          });
      return {loop.getResult(0)};
    };
    Value empty = createEmptyOfType(rewriter, loc, type, sizes);
    if (bounds.empty()) {
      rewriter.replaceOp(op, sumRow(rewriter, loc, {}, empty));
      return success();
    }
    scf::LoopNest nest = scf::buildLoopNest(rewriter, loc, lower, bounds, strides, empty, sumRow);
    rewriter.replaceOp(op, nest.results);
    return success();
  }
};
} // namespace

void compress::populateReductionPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                         RewritePatternSet &patterns) {
  patterns.add<ReduceLowering, CumSumLowering>(converter, lowering);
}
