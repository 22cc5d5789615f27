//===- Movement.cpp - transpose, broadcast, concat, split, shape and range -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"
#include "TensorBuilder.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::compress;
using onnx::SymbolicExpr;

namespace {
struct TransposeLowering : public MovementPattern<TransposeOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(TransposeOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    ArrayRef<int64_t> perm = op.getPerm();
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) {
          return lowering.getSize(b.rewriter, op.getLoc(), op.getInput(), perm[dim]);
        });
    // Moving dims of size 1 changes nothing in memory.
    SmallVector<SymbolicExpr> from = lowering.getSymbolicSizes(op.getInput()), to;
    SmallVector<int64_t> moved;
    for (int64_t axis : perm) {
      to.push_back(from[axis]);
      if (!from[axis].isConstant(1))
        moved.push_back(axis);
    }
    if (llvm::is_sorted(moved)) {
      results.push_back(b.reshape(adaptor.getInput(), from, to, sizes));
      return success();
    }
    Type elementType = cast<RankedTensorType>(adaptor.getInput().getType()).getElementType();
    Value target = b.empty(sizes, elementType);
    results.push_back(
        linalg::TransposeOp::create(b.rewriter, op.getLoc(), adaptor.getInput(), target, perm)
            ->getResult(0));
    return success();
  }
};

struct BroadcastLowering : public MovementPattern<BroadcastOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(BroadcastOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    auto inputType = cast<RankedTensorType>(op.getInput().getType());
    int64_t inputRank = inputType.getRank(), rank = cast<RankedTensorType>(op.getType()).getRank();
    int64_t shapeRank = cast<RankedTensorType>(op.getShape().getType()).getDimSize(0);
    int64_t count = ShapedType::isDynamic(shapeRank) ? rank : shapeRank;
    SmallVector<OpFoldResult> target(rank - count, b.index(1));
    llvm::append_range(target, b.getElements(op.getShape(), adaptor.getShape(), count));
    SmallVector<OpFoldResult> sizes = lowering.getResultSizes(
        b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) -> OpFoldResult {
          int64_t inputDim = dim - (rank - inputRank);
          OpFoldResult size = target[dim], limit = b.index(int64_t(1) << 40);
          b.check(b.both(b.lessEqual(b.index(0), size), b.lessEqual(size, limit)),
                  "shape has a size that is negative or too large");
          if (inputDim < 0)
            return size;
          OpFoldResult own = lowering.getSize(b.rewriter, op.getLoc(), op.getInput(), inputDim);
          return b.select(b.equal(size, b.index(1)), own, size);
        });
    // The model may declare sizes that the run-time shape does not have.
    for (int64_t dim = rank - count; dim < rank; ++dim)
      b.check(b.either(b.equal(target[dim], b.index(1)), b.equal(target[dim], sizes[dim])),
              "shapes do not broadcast");
    auto [value, exprs] =
        b.broadcast(op.getInput(), adaptor.getInput(), op.getResult(), sizes, inputRank);
    auto type = cast<RankedTensorType>(value.getType());
    AffineMap map = AffineMap::get(rank, 0, exprs, op.getContext());
    if (map.isIdentity()) {
      results.push_back(value);
      return success();
    }
    results.push_back(b.map(sizes, type.getElementType(), value, map,
                            [](OpBuilder &body, Location loc, ValueRange args) {
                              linalg::YieldOp::create(body, loc, args[0]);
                            }));
    return success();
  }
};

struct ConcatLowering : public MovementPattern<ConcatOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(ConcatOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    Location loc = op.getLoc();
    int64_t axis = op.getAxis(), rank = cast<RankedTensorType>(op.getType()).getRank();
    SmallVector<OpFoldResult> lengths;
    OpFoldResult total = b.index(0);
    std::optional<SymbolicExpr> symbolic = SymbolicExpr(0);
    for (Value input : op.getInputs()) {
      lengths.push_back(lowering.getSize(b.rewriter, loc, input, axis));
      total = b.add(total, lengths.back());
      if (symbolic)
        symbolic = symbolic->add(lowering.getSymbolicSizes(input)[axis]);
    }
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, loc, op.getResult(), [&](int64_t dim) {
          return dim == axis ? total : lowering.getSize(b.rewriter, loc, op.getInputs()[0], dim);
        });
    if (!symbolic || *symbolic != lowering.getSymbolicSizes(op.getResult())[axis])
      b.check(b.equal(total, sizes[axis]), "result has another size than the model declares");
    for (Value input : op.getInputs())
      for (int64_t dim = 0; dim < rank; ++dim)
        if (dim != axis && !lowering.isEqual(input, dim, op.getResult(), dim))
          b.check(b.equal(lowering.getSize(b.rewriter, loc, input, dim), sizes[dim]),
                  "inputs differ in a dim that is not joined");
    if (op.getInputs().size() == 1) {
      results.push_back(adaptor.getInputs()[0]);
      return success();
    }
    Value result =
        b.empty(sizes, cast<RankedTensorType>(adaptor.getInputs()[0].getType()).getElementType());
    SmallVector<OpFoldResult> offsets(rank, b.index(0)), partSizes(sizes);
    for (auto [input, length] : llvm::zip_equal(adaptor.getInputs(), lengths)) {
      partSizes[axis] = length;
      if (isConstantIntValue(length, 0))
        continue;
      Value part = b.cast(input, tensor::ExtractSliceOp::inferResultType(
                                     cast<RankedTensorType>(result.getType()), partSizes));
      result = b.insert(part, result, offsets, partSizes);
      offsets[axis] = b.add(offsets[axis], length);
    }
    results.push_back(result);
    return success();
  }
};

struct SplitLowering : public MovementPattern<SplitOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(SplitOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    int64_t axis = op.getAxis(), total = 0;
    SmallVector<OpFoldResult> sizes = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput());
    for (int64_t size : op.getSizes())
      if (llvm::AddOverflow(total, size, total))
        return op.emitError("cannot be compiled to native code: sizes are too large");
    b.check(b.equal(sizes[axis], b.index(total)), "sizes do not add up to the dim");
    SmallVector<OpFoldResult> offsets(sizes.size(), b.index(0));
    for (int64_t size : op.getSizes()) {
      sizes[axis] = b.index(size);
      results.push_back(b.slice(adaptor.getInput(), offsets, sizes));
      offsets[axis] = b.add(offsets[axis], sizes[axis]);
    }
    return success();
  }
};

struct ShapeLowering : public MovementPattern<ShapeOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(ShapeOp op, Adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    Type elementType = b.rewriter.getI64Type();
    SmallVector<Value> elements;
    for (int64_t dim = op.getStart(); dim < static_cast<int64_t>(op.getEnd()); ++dim)
      elements.push_back(arith::IndexCastOp::create(
          b.rewriter, op.getLoc(), elementType,
          b.value(lowering.getSize(b.rewriter, op.getLoc(), op.getInput(), dim))));
    if (elements.empty()) {
      results.push_back(b.empty({b.index(0)}, elementType));
      return success();
    }
    results.push_back(tensor::FromElementsOp::create(b.rewriter, op.getLoc(), elements));
    return success();
  }
};

/// Computed in i64 or f64.
struct RangeLowering : public MovementPattern<RangeOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(RangeOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    if (failed(checkArithmetic(op, op.getType())))
      return failure();
    auto type = cast<RankedTensorType>(op.getType());
    bool isUnsigned = type.getElementType().isUnsignedInteger();
    bool isFloat = isa<FloatType>(type.getElementType());
    // Small floats are rounded from f32, for which there are instructions.
    bool isSmall = isFloat && type.getElementTypeBitWidth() < 32;
    Type wide = isSmall   ? Type(b.rewriter.getF32Type())
                : isFloat ? Type(b.rewriter.getF64Type())
                          : b.rewriter.getI64Type();
    auto load = [&](Value tensor) {
      return convertScalar(b.rewriter, op.getLoc(), b.getScalar(tensor), wide, isUnsigned);
    };
    Value start = load(adaptor.getStart()), delta = load(adaptor.getDelta());
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t) {
          Value limit = load(adaptor.getLimit());
          return isFloat ? countFloat(b, start, limit, delta)
                         : countInteger(b, start, limit, delta,
                                        type.getElementType().isUnsignedInteger(64));
        });
    Type storage = getStorageElementType(type.getElementType());
    results.push_back(b.map(sizes, storage, {}, {}, [&](OpBuilder &body, Location loc, ValueRange) {
      Value i = linalg::IndexOp::create(body, loc, 0);
      Value position = arith::IndexCastOp::create(body, loc, body.getI64Type(), i), result;
      if (isFloat) {
        position = arith::SIToFPOp::create(body, loc, wide, position);
        result = arith::AddFOp::create(body, loc, start,
                                       arith::MulFOp::create(body, loc, position, delta));
      } else {
        result = arith::AddIOp::create(body, loc, start,
                                       arith::MulIOp::create(body, loc, position, delta));
      }
      linalg::YieldOp::create(body, loc, convertScalar(body, loc, result, storage, false));
    }));
    return success();
  }

private:
  static OpFoldResult toCount(TensorBuilder &b, Value count) {
    Value limit = arith::ConstantIntOp::create(b.rewriter, b.loc, int64_t(1) << 40, 64);
    b.check(OpFoldResult(
                arith::CmpIOp::create(b.rewriter, b.loc, arith::CmpIPredicate::ule, count, limit)
                    .getResult()),
            "has too many elements");
    return OpFoldResult(b.toIndex(count));
  }

  static OpFoldResult countFloat(TensorBuilder &b, Value start, Value limit, Value delta) {
    OpBuilder &builder = b.builder;
    Location loc = b.loc;
    Value zero = b.constant(start.getType(), 0);
    Value most = b.constant(start.getType(), 0x1p40);
    Value isStep = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::UNE, delta, zero);
    b.check(OpFoldResult(isStep), "delta is 0");
    Value count = math::CeilOp::create(
        builder, loc,
        arith::DivFOp::create(builder, loc, arith::SubFOp::create(builder, loc, limit, start),
                              delta));
    Value isFinite = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLE, count, most);
    b.check(OpFoldResult(isFinite), "has too many elements");
    Value isPositive = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, count, zero);
    count = arith::SelectOp::create(builder, loc, isPositive, count, zero);
    return toCount(b, arith::FPToSIOp::create(builder, loc, builder.getI64Type(), count));
  }

  /// Differences in unsigned arithmetic do not overflow.
  static OpFoldResult countInteger(TensorBuilder &b, Value start, Value limit, Value delta,
                                   bool isUnsigned) {
    OpBuilder &builder = b.builder;
    Location loc = b.loc;
    auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) -> Value {
      return arith::CmpIOp::create(builder, loc, predicate, x, y);
    };
    auto select = [&](Value condition, Value x, Value y) -> Value {
      return arith::SelectOp::create(builder, loc, condition, x, y);
    };
    Value zero = arith::ConstantIntOp::create(builder, loc, 0, 64);
    Value one = arith::ConstantIntOp::create(builder, loc, 1, 64);
    Value isStep = compare(arith::CmpIPredicate::ne, delta, zero);
    b.check(OpFoldResult(isStep), "delta is 0");
    auto before = isUnsigned ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt;
    Value distance = arith::SubIOp::create(builder, loc, limit, start), step = delta;
    Value isAny = compare(before, start, limit);
    if (!isUnsigned) {
      Value isUp = compare(arith::CmpIPredicate::sgt, delta, zero);
      isAny = select(isUp, isAny, compare(before, limit, start));
      distance = select(isUp, distance, arith::SubIOp::create(builder, loc, start, limit));
      step = select(isUp, delta, arith::SubIOp::create(builder, loc, zero, delta));
    }
    step = select(isStep, step, one);
    Value last = arith::SubIOp::create(builder, loc, distance, one);
    Value count =
        arith::AddIOp::create(builder, loc, arith::DivUIOp::create(builder, loc, last, step), one);
    return toCount(b, select(isAny, count, zero));
  }
};
} // namespace

void compress::populateMovementPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                        RewritePatternSet &patterns) {
  patterns.add<TransposeLowering, BroadcastLowering, ConcatLowering, SplitLowering, ShapeLowering,
               RangeLowering>(converter, lowering);
  populateReshapePatterns(converter, lowering, patterns);
  populateSlicePatterns(converter, lowering, patterns);
  populatePadPatterns(converter, lowering, patterns);
}
