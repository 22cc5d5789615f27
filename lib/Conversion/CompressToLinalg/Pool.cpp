//===- Pool.cpp - max and average pooling without kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Accumulate.h"
#include "Patterns.h"

using namespace mlir;
using namespace mlir::compress;

using Iterator = utils::IteratorType;

/// The smallest value of a type: what the maximum of nothing is.
static Value createSmallest(TensorBuilder &b, Type storage, bool isUnsigned) {
  TypedAttr attribute;
  if (auto type = dyn_cast<FloatType>(storage)) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    APFloat value = APFloat::semanticsHasInf(semantics) ? APFloat::getInf(semantics, true)
                                                        : APFloat::getLargest(semantics, true);
    attribute = FloatAttr::get(type, value);
  } else {
    unsigned width = storage.getIntOrFloatBitWidth();
    attribute = IntegerAttr::get(storage, isUnsigned ? APInt::getMinValue(width)
                                                     : APInt::getSignedMinValue(width));
  }
  return arith::ConstantOp::create(b.rewriter, b.loc, attribute);
}

/// The larger one; the first of equal ones; NaN if there is one.
static Value createMax(OpBuilder &builder, Location loc, Value best, Value value, bool isUnsigned) {
  if (isa<IntegerType>(best.getType()))
    return isUnsigned ? arith::MaxUIOp::create(builder, loc, best, value).getResult()
                      : arith::MaxSIOp::create(builder, loc, best, value).getResult();
  Value isBest = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGE, best, value);
  Value isNan = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNO, best, best);
  Value keeps = arith::OrIOp::create(builder, loc, isBest, isNan);
  return arith::SelectOp::create(builder, loc, keeps, best, value);
}

namespace {
struct PoolLowering : public MovementPattern<PoolOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(PoolOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    if (failed(checkArithmetic(op, op.getType())))
      return failure();
    if (failed(checkWindow(op, {op.getStrides(), op.getDilations(), op.getPads(), op.getKernel()})))
      return failure();
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput());
    int64_t spatial = input.size() - 2;
    for (int64_t i = 0; i < spatial; ++i)
      b.check(b.lessEqual(b.index(getExtent(op, i)), getPadded(b, op, input, i)),
              "window does not fit into the padded input");
    auto getSize = [&](int64_t dim) {
      return dim < 2 ? input[dim] : getCount(b, op, input, dim - 2);
    };
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), getSize);
    b.checkStaticSizes(cast<RankedTensorType>(op.getType()), getSize);
    // What the windows reach, which may be less or more than the padded input.
    SmallVector<OpFoldResult> begin, end;
    for (int64_t i = 0; i < spatial; ++i) {
      begin.push_back(b.index(op.getPads()[i]));
      OpFoldResult last = b.mul(b.sub(sizes[2 + i], b.index(1)), b.index(op.getStrides()[i]));
      OpFoldResult reach = b.add(last, b.index(getExtent(op, i) - op.getPads()[i]));
      end.push_back(b.max(b.sub(reach, input[2 + i]), b.index(0)));
    }
    bool isMax = op.getKind() == PoolKind::Max, isUnsigned = isUnsignedTensor(op.getInput());
    Type storage = cast<RankedTensorType>(adaptor.getInput().getType()).getElementType();
    if (!isMax && !isa<FloatType>(storage))
      return op.emitError("cannot be compiled to native code: average of ") << storage;
    Type type = isMax ? storage : getAccumulatorType(storage);
    Value neutral = isMax ? createSmallest(b, storage, isUnsigned) : b.constant(storage, 0);
    Value padded = padSpatial(b, adaptor.getInput(), input, begin, end, neutral);
    Value init = isMax ? b.fill(sizes, neutral) : b.fill(sizes, b.constant(type, 0));
    Value reduced = slide(b, op, padded, init, isMax, isUnsigned);
    results.push_back(isMax ? reduced : divide(b, op, reduced, input, sizes, storage));
    return success();
  }

private:
  static int64_t getExtent(PoolOp op, int64_t i) {
    // Below 2^62: both factors are below 2^31.
    return (op.getKernel()[i] - 1) * op.getDilations()[i] + 1;
  }

  static OpFoldResult getPadded(TensorBuilder &b, PoolOp op, ArrayRef<OpFoldResult> input,
                                int64_t i) {
    int64_t pads = op.getPads()[i] + op.getPads()[op.getKernel().size() + i];
    return b.add(input[2 + i], b.index(pads));
  }

  /// Number of windows along spatial dim `i`.
  static OpFoldResult getCount(TensorBuilder &b, PoolOp op, ArrayRef<OpFoldResult> input,
                               int64_t i) {
    OpFoldResult stride = b.index(op.getStrides()[i]);
    OpFoldResult room =
        b.max(b.sub(getPadded(b, op, input, i), b.index(getExtent(op, i))), b.index(0));
    if (!op.getCeilMode())
      return b.add(b.div(room, stride), b.index(1));
    OpFoldResult count = b.div(b.add(room, b.index(op.getStrides()[i] - 1)), stride);
    // `count` is that without the last window, which must not start in the padding at the end.
    OpFoldResult limit = b.add(input[2 + i], b.index(op.getPads()[i]));
    OpFoldResult isInside = b.less(b.mul(count, stride), limit);
    return b.select(isInside, b.add(count, b.index(1)), count);
  }

  /// Sums or maxima of the windows; loops: n, c, rows of the result, window, column of the result.
  static Value slide(TensorBuilder &b, PoolOp op, Value padded, Value init, bool isMax,
                     bool isUnsigned) {
    MLIRContext *context = op.getContext();
    int64_t spatial = op.getKernel().size(), next = 0;
    auto newLoop = [&] { return getAffineDimExpr(next++, context); };
    SmallVector<AffineExpr> in{newLoop(), newLoop()}, at, taps;
    SmallVector<AffineExpr> out(in);
    for (int64_t i = 0; i + 1 < spatial; ++i)
      at.push_back(newLoop());
    int64_t firstTap = next;
    for (int64_t i = 0; i < spatial; ++i)
      taps.push_back(newLoop());
    at.push_back(newLoop());
    for (int64_t i = 0; i < spatial; ++i) {
      in.push_back(at[i] * op.getStrides()[i] + taps[i] * op.getDilations()[i]);
      out.push_back(at[i]);
    }
    SmallVector<AffineMap> maps;
    for (ArrayRef<AffineExpr> exprs : {ArrayRef(in), ArrayRef(taps), ArrayRef(out)})
      maps.push_back(AffineMap::get(next, 0, exprs, context));
    SmallVector<Iterator> iterators(next, Iterator::parallel);
    for (int64_t i = 0; i < spatial; ++i)
      iterators[firstTap + i] = Iterator::reduction;
    SmallVector<OpFoldResult> kernel;
    for (int64_t size : op.getKernel())
      kernel.push_back(b.index(size));
    // Only its sizes are used.
    Value window = b.empty(kernel, b.rewriter.getI8Type());
    return b.contract(init, {padded, window}, maps, iterators,
                      [&](OpBuilder &body, Location loc, ValueRange args) {
                        Value result;
                        if (isMax) {
                          result = createMax(body, loc, args[2], args[0], isUnsigned);
                        } else {
                          Value value = convertScalar(body, loc, args[0], args[2].getType(), false);
                          result = arith::AddFOp::create(body, loc, args[2], value);
                        }
                        linalg::YieldOp::create(body, loc, result);
                      });
  }

  /// Sums over the number of elements of their window.
  static Value divide(TensorBuilder &b, PoolOp op, Value sums, ArrayRef<OpFoldResult> input,
                      ArrayRef<OpFoldResult> sizes, Type storage) {
    Type type = cast<RankedTensorType>(sums.getType()).getElementType();
    int64_t spatial = op.getKernel().size();
    bool isWhole =
        llvm::all_of(op.getPads(), [](int64_t pad) { return pad == 0; }) || op.getCountIncludePad();
    isWhole &= !op.getCeilMode();
    return b.map(sizes, storage, sums, b.rewriter.getMultiDimIdentityMap(sizes.size()),
                 [&](OpBuilder &body, Location loc, ValueRange args) {
                   IndexMath math(body, loc);
                   OpFoldResult count = math.index(1);
                   for (int64_t i = 0; i < spatial; ++i) {
                     OpFoldResult taps = math.index(op.getKernel()[i]);
                     if (!isWhole)
                       taps = countTaps(math, op, input[2 + i], i);
                     count = math.mul(count, taps);
                   }
                   Value divisor;
                   if (std::optional<int64_t> known = getConstantIntValue(count)) {
                     divisor = arith::ConstantOp::create(
                         body, loc, body.getFloatAttr(type, static_cast<double>(*known)));
                   } else {
                     Value integer = arith::IndexCastOp::create(
                         body, loc, body.getI64Type(), math.value(math.max(count, math.index(1))));
                     divisor = arith::SIToFPOp::create(body, loc, type, integer);
                   }
                   Value mean = arith::DivFOp::create(body, loc, args[0], divisor);
                   linalg::YieldOp::create(body, loc,
                                           convertScalar(body, loc, mean, storage, false));
                 });
  }

  /// Positions of a window inside the input, or inside the padded input; at least 0.
  static OpFoldResult countTaps(IndexMath &math, PoolOp op, OpFoldResult size, int64_t i) {
    int64_t spatial = op.getKernel().size();
    OpFoldResult at = linalg::IndexOp::create(math.builder, math.loc, 2 + i).getResult();
    OpFoldResult dilation = math.index(op.getDilations()[i]), zero = math.index(0);
    OpFoldResult round = math.index(op.getDilations()[i] - 1);
    OpFoldResult start =
        math.sub(math.mul(at, math.index(op.getStrides()[i])), math.index(op.getPads()[i]));
    OpFoldResult first = zero;
    if (op.getCountIncludePad())
      size = math.add(size, math.index(op.getPads()[spatial + i]));
    else
      first = math.div(math.add(math.max(math.sub(zero, start), zero), round), dilation);
    OpFoldResult room = math.max(math.sub(size, start), zero);
    OpFoldResult end =
        math.min(math.div(math.add(room, round), dilation), math.index(op.getKernel()[i]));
    return math.max(math.sub(end, first), zero);
  }
};
} // namespace

void compress::populatePoolPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                    RewritePatternSet &patterns) {
  patterns.add<PoolLowering>(converter, lowering);
}
