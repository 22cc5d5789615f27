//===- Search.cpp - argmax and top-k ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopBuilder.h"
#include "Patterns.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

/// `a` is before `b` in the order of values; a NaN is above all numbers and equal to other NaNs.
static Value isBelow(ScalarBuilder &b, Value left, Value right, Type element) {
  Value isLess = b.less(left, right, element);
  if (!isa<FloatType>(left.getType()))
    return isLess;
  Value isOrdered = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, left, left);
  return arith::OrIOp::create(b, isLess, arith::AndIOp::create(b, b.isNan(right), isOrdered));
}

static Value negate(ScalarBuilder &b, Value condition) {
  return arith::XOrIOp::create(b, condition, b.integer(b.getI1Type(), 1));
}

/// What no element is below, in the compute type.
static Attribute getLowest(Builder &builder, Type element) {
  Type compute = ScalarBuilder::getComputeType(element);
  if (isa<FloatType>(compute))
    return builder.getFloatAttr(compute, -std::numeric_limits<double>::infinity());
  unsigned width = compute.getIntOrFloatBitWidth();
  return builder.getIntegerAttr(compute, ScalarBuilder::isUnsigned(element)
                                             ? APInt::getMinValue(width)
                                             : APInt::getSignedMinValue(width));
}

namespace {
struct ArgMaxLowering : public LoweringPattern<ArgMaxOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(ArgMaxOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type element = op.getInput().getType().getElementType();
    if (!ScalarBuilder::isSupported(element))
      return rewriter.notifyMatchFailure(op, "elements of this type cannot be compared");
    auto axis = static_cast<unsigned>(op.getAxis());
    SmallVector<OpFoldResult> sizes = lowering.getSizes(rewriter, loc, op.getInput());
    SmallVector<OpFoldResult> kept(sizes), resultSizes(sizes);
    kept.erase(kept.begin() + axis);
    resultSizes[axis] = rewriter.getIndexAttr(1);
    (void)lowering.getResultSizes(rewriter, loc, op.getResult(), [&](int64_t dim) {
      return op.getKeepdims() ? resultSizes[dim] : kept[dim];
    });
    checkNotEmpty(rewriter, loc, sizes[axis], kept);

    LoopBuilder loops(rewriter, loc, lowering, op.getInput(), sizes);
    loops.addInput(op.getInput(), adaptor.getInput());
    llvm::SmallBitVector reduced(sizes.size());
    reduced.set(axis);
    Attribute identities[] = {getLowest(rewriter, element), rewriter.getI64IntegerAttr(0)};
    SmallVector<Value> best = loops.reduce(
        reduced, identities, [&](ScalarBuilder &b, ValueRange state, ValueRange elements) {
          Value isBetter = op.getSelectLastIndex()
                               ? negate(b, isBelow(b, elements[0], state[0], element))
                               : isBelow(b, state[0], elements[0], element);
          Value index =
              arith::IndexCastOp::create(b, b.getI64Type(), linalg::IndexOp::create(b, axis));
          return SmallVector<Value>{b.select(isBetter, elements[0], state[0]),
                                    b.select(isBetter, index, state[1])};
        });
    auto type = cast<RankedTensorType>(op.getType());
    llvm::SmallBitVector inserted(type.getRank());
    if (op.getKeepdims())
      inserted.set(axis);
    rewriter.replaceOp(op, insertUnitDims(rewriter, loc, best[1], type,
                                          op.getKeepdims() ? resultSizes : kept, inserted));
    return success();
  }

private:
  /// There is no largest of none, unless nobody asks.
  static void checkNotEmpty(ConversionPatternRewriter &rewriter, Location loc, OpFoldResult size,
                            ArrayRef<OpFoldResult> kept) {
    if (std::optional<int64_t> known = getConstantIntValue(size); known && *known != 0)
      return;
    ScalarBuilder b(loc, rewriter);
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value isEmpty = b.equal(getIndexValue(b, loc, size), zero);
    Value isUnused = b.equal(multiplySizes(b, loc, kept), zero);
    LoweringContext::check(b, loc, arith::OrIOp::create(b, negate(b, isEmpty), isUnused),
                           "argmax of no elements");
  }
};

/// Keeps the `k` best elements of a row as a heap whose root is the worst of them, and sorts that
/// in the end. Equal elements are ordered by their index, so that the order is total.
class TopKEmitter {
public:
  TopKEmitter(Value input, ArrayRef<Value> outer, int64_t axis, Type element, bool largest)
      : input(input), outer(outer), axis(axis), element(element), largest(largest) {}

  /// The row's results in `state` (values and indices), written.
  SmallVector<Value> emit(ScalarBuilder &b, ValueRange state, Value size, Value k);

private:
  /// An element: what memory holds, and its index in the row.
  struct Entry {
    Value value, index;
  };

  SmallVector<Value> at(Value position) {
    SmallVector<Value> index(outer);
    index.insert(index.begin() + axis, position);
    return index;
  }
  Entry read(ScalarBuilder &b, ValueRange state, Value position) {
    SmallVector<Value> index = at(position);
    return {tensor::ExtractOp::create(b, state[0], index),
            tensor::ExtractOp::create(b, state[1], index)};
  }
  SmallVector<Value> write(ScalarBuilder &b, ValueRange state, Value position, Entry entry) {
    SmallVector<Value> index = at(position);
    return {tensor::InsertOp::create(b, entry.value, state[0], index),
            tensor::InsertOp::create(b, entry.index, state[1], index)};
  }
  Entry readInput(ScalarBuilder &b, Value position) {
    return {tensor::ExtractOp::create(b, input, at(position)),
            arith::IndexCastOp::create(b, b.getI64Type(), position)};
  }
  Value isWorse(ScalarBuilder &b, Entry a, Entry other);
  SmallVector<Value> sift(ScalarBuilder &b, ValueRange state, Value hole, Value size, Entry entry);
  SmallVector<Value>
  loop(ScalarBuilder &b, Value from, Value to, ValueRange state,
       function_ref<SmallVector<Value>(ScalarBuilder &, Value, ValueRange)> body);
  Value constant(ScalarBuilder &b, int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  Value input;
  SmallVector<Value> outer;
  int64_t axis;
  Type element;
  bool largest;
};
} // namespace

Value TopKEmitter::isWorse(ScalarBuilder &b, Entry a, Entry other) {
  Value left = b.load(a.value, element), right = b.load(other.value, element);
  Value below = isBelow(b, left, right, element), above = isBelow(b, right, left, element);
  Value isLater = b.less(other.index, a.index, b.getI64Type());
  Value worse = largest ? below : above, better = largest ? above : below;
  return arith::OrIOp::create(b, worse, arith::AndIOp::create(b, negate(b, better), isLater));
}

/// Moves the hole down the heap of `size` entries until `entry` is the worst below it.
SmallVector<Value> TopKEmitter::sift(ScalarBuilder &b, ValueRange state, Value hole, Value size,
                                     Entry entry) {
  Type index = b.getIndexType();
  SmallVector<Type> types(state.getTypes());
  types.push_back(index);
  SmallVector<Value> initial(state);
  initial.push_back(hole);
  SmallVector<Type> after(types);
  after.push_back(index);
  auto whileOp = scf::WhileOp::create(
      b, after, initial,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        ScalarBuilder w(loc, nested);
        ValueRange current = arguments.take_front(2);
        Value one = constant(w, 1), last = w.sub(size, one);
        Value left = w.add(w.add(arguments[2], arguments[2]), one);
        Value isInside = arith::CmpIOp::create(w, arith::CmpIPredicate::ult, left, size);
        // Clamped, so that reads stay inside.
        Value safeLeft = arith::MinUIOp::create(w, left, last);
        Value right = arith::MinUIOp::create(w, w.add(left, one), last);
        Value takeRight = isWorse(w, read(w, current, right), read(w, current, safeLeft));
        Value child = w.select(takeRight, right, safeLeft);
        Value goesOn =
            arith::AndIOp::create(w, isInside, isWorse(w, read(w, current, child), entry));
        SmallVector<Value> forwarded(arguments);
        forwarded.push_back(child);
        scf::ConditionOp::create(w, goesOn, forwarded);
      },
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        ScalarBuilder w(loc, nested);
        ValueRange current = arguments.take_front(2);
        SmallVector<Value> moved = write(w, current, arguments[2], read(w, current, arguments[3]));
        moved.push_back(arguments[3]);
        scf::YieldOp::create(w, moved);
      });
  return write(b, whileOp.getResults().take_front(2), whileOp.getResult(2), entry);
}

SmallVector<Value>
TopKEmitter::loop(ScalarBuilder &b, Value from, Value to, ValueRange state,
                  function_ref<SmallVector<Value>(ScalarBuilder &, Value, ValueRange)> body) {
  auto loop =
      scf::ForOp::create(b, b.getLoc(), from, to, constant(b, 1), state,
                         [&](OpBuilder &nested, Location loc, Value index, ValueRange carried) {
                           ScalarBuilder inner(loc, nested);
                           scf::YieldOp::create(inner, body(inner, index, carried));
                         });
  return SmallVector<Value>(loop.getResults());
}

SmallVector<Value> TopKEmitter::emit(ScalarBuilder &b, ValueRange state, Value size, Value k) {
  Value zero = constant(b, 0), one = constant(b, 1);
  // The first k elements, then as a heap from the last inner node to the root.
  SmallVector<Value> kept =
      loop(b, zero, k, state, [&](ScalarBuilder &w, Value i, ValueRange carried) {
        return write(w, carried, i, readInput(w, i));
      });
  Value inner = arith::DivUIOp::create(b, k, constant(b, 2));
  kept = loop(b, zero, inner, kept, [&](ScalarBuilder &w, Value i, ValueRange carried) {
    Value node = w.sub(w.sub(inner, one), i);
    return sift(w, carried, node, k, read(w, carried, node));
  });
  // Others replace the root if they are better.
  Value isEmpty = b.equal(k, zero);
  kept = loop(
      b, k, b.select(isEmpty, zero, size), kept,
      [&](ScalarBuilder &w, Value i, ValueRange carried) {
        Entry entry = readInput(w, i);
        Value isBetter = isWorse(w, read(w, carried, zero), entry);
        auto branch = scf::IfOp::create(
            w, w.getLoc(), isBetter,
            [&](OpBuilder &then, Location loc) {
              ScalarBuilder t(loc, then);
              scf::YieldOp::create(t, sift(t, carried, zero, k, entry));
            },
            [&](OpBuilder &other, Location loc) { scf::YieldOp::create(other, loc, carried); });
        return SmallVector<Value>(branch.getResults());
      });
  // The worst goes to the end of the heap, which gets shorter.
  return loop(b, one, k, kept, [&](ScalarBuilder &w, Value i, ValueRange carried) {
    Value last = w.sub(k, i);
    Entry moved = read(w, carried, last);
    SmallVector<Value> written = write(w, carried, last, read(w, carried, zero));
    return sift(w, written, zero, last, moved);
  });
}

namespace {
struct TopKLowering : public LoweringPattern<TopKOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(TopKOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type element = op.getInput().getType().getElementType();
    if (!ScalarBuilder::isSupported(element))
      return rewriter.notifyMatchFailure(op, "elements of this type cannot be compared");
    ScalarBuilder b(loc, rewriter);
    int64_t axis = op.getAxis();
    SmallVector<OpFoldResult> sizes = lowering.getSizes(rewriter, loc, op.getInput());
    Value k = getCount(rewriter, op, adaptor.getK());
    Value size = getIndexValue(rewriter, loc, sizes[axis]);
    // Negative numbers are large unsigned ones.
    LoweringContext::check(rewriter, loc,
                           arith::CmpIOp::create(b, arith::CmpIPredicate::ule, k, size),
                           "k of top_k is negative or above the size of its dim");
    SmallVector<OpFoldResult> resultSizes;
    SmallVector<Value> empties;
    for (Value result : op->getResults()) {
      resultSizes =
          lowering.getResultSizes(rewriter, loc, result, [&](int64_t dim) -> OpFoldResult {
            return dim == axis ? OpFoldResult(k) : sizes[dim];
          });
      auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
      checkLength(rewriter, loc, type.getDimSize(axis), k);
      empties.push_back(createEmptyOfType(rewriter, loc, type, resultSizes));
    }

    SmallVector<Value> bounds;
    for (OpFoldResult bound : sizes)
      bounds.push_back(getIndexValue(rewriter, loc, bound));
    bounds.erase(bounds.begin() + axis);
    auto sortRow = [&](OpBuilder &nested, Location nestedLoc, ValueRange outer, ValueRange state) {
      ScalarBuilder row(nestedLoc, nested);
      TopKEmitter emitter(adaptor.getInput(), SmallVector<Value>(outer), axis, element,
                          op.getLargest());
      SmallVector<Value> results = emitter.emit(row, state, size, k);
      return scf::ValueVector(results.begin(), results.end());
    };
    if (bounds.empty()) {
      rewriter.replaceOp(op, sortRow(rewriter, loc, {}, empties));
      return success();
    }
    SmallVector<Value> lower(bounds.size(), arith::ConstantIndexOp::create(b, 0));
    SmallVector<Value> steps(bounds.size(), arith::ConstantIndexOp::create(b, 1));
    scf::LoopNest nest = scf::buildLoopNest(rewriter, loc, lower, bounds, steps, empties, sortRow);
    rewriter.replaceOp(op, nest.results);
    return success();
  }

private:
  /// The number of elements to keep, as an index.
  Value getCount(ConversionPatternRewriter &rewriter, TopKOp op, Value converted) const {
    Location loc = op.getLoc();
    if (auto contents = lowering.getContents(rewriter, loc, op.getK());
        contents && contents->size() == 1)
      return getIndexValue(rewriter, loc, contents->front());
    SmallVector<Value> first;
    auto type = cast<RankedTensorType>(converted.getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      first.push_back(arith::ConstantIndexOp::create(rewriter, loc, 0));
      if (!type.isDynamicDim(dim))
        continue;
      Value size = tensor::DimOp::create(rewriter, loc, converted, dim);
      Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
      LoweringContext::check(
          rewriter, loc, arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, size, one),
          "k of top_k is not one number");
    }
    Value k = tensor::ExtractOp::create(rewriter, loc, converted, first);
    return arith::IndexCastOp::create(rewriter, loc, rewriter.getIndexType(), k);
  }

  /// A result whose type says another length.
  static void checkLength(ConversionPatternRewriter &rewriter, Location loc, int64_t length,
                          Value k) {
    std::optional<int64_t> known = getConstantIntValue(k);
    if (ShapedType::isDynamic(length) || known == length)
      return;
    Value expected = arith::ConstantIndexOp::create(rewriter, loc, length);
    LoweringContext::check(
        rewriter, loc, arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, k, expected),
        "k of top_k is not the length of its result");
  }
};
} // namespace

void compress::populateSearchPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                      RewritePatternSet &patterns) {
  patterns.add<ArgMaxLowering, TopKLowering>(converter, lowering);
}
