//===- AttentionTiles.cpp - arithmetic of an attention kernel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"
#include "MatMulPack.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

/// Folds a vector to one element by halves: the same order on every target.
static Value reduce(KernelBuilder &b, Value vector, function_ref<Value(Value, Value)> combine) {
  int64_t size = cast<VectorType>(vector.getType()).getNumElements();
  for (; size > 1; size /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < size / 2; ++lane) {
      low.push_back(lane);
      high.push_back(lane + size / 2);
    }
    Value first = b.create<vector::ShuffleOp>(vector, vector, low);
    Value second = b.create<vector::ShuffleOp>(vector, vector, high);
    vector = combine(first, second);
  }
  return b.create<vector::ExtractOp>(vector, 0);
}

/// The larger one, `b` if one is NaN: NaN scores make the sum of their row NaN in any case.
static Value larger(KernelBuilder &b, Value x, Value y) {
  Value greater = b.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, x, y);
  return b.create<arith::SelectOp>(greater, x, y);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

void AttentionEmitter::emitScores(Head head, ArrayRef<Value> rows, Value keys, Value keyHead,
                                  Value panel, Value scores, Value scoreRow) {
  int64_t vectors = width / lanes;
  SmallVector<Value> zeros(rows.size() * static_cast<size_t>(vectors),
                           b.splat(b.getVectorType(lanes), 0));
  auto step = [&](Value element, ValueRange carried) {
    SmallVector<Value> sums(carried), columns;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(b.load(lanes, keys, {keyHead, panel, element, b.index(v * lanes)}));
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value x = b.loadSplat(lanes, query, at(Operand::Query, head.batch, head.head, row, element));
      for (auto [v, column] : llvm::enumerate(columns)) {
        Value &sum = sums[r * columns.size() + v];
        sum = b.fma(x, column, sum);
      }
    }
    return sums;
  };
  SmallVector<Value> sums = b.forLoop(b.index(0), b.index(shape.keyDim), 1, zeros, step);
  for (size_t r = 0; r < rows.size(); ++r)
    for (int64_t v = 0; v < vectors; ++v)
      b.store(sums[r * static_cast<size_t>(vectors) + static_cast<size_t>(v)], scores,
              {b.add(scoreRow, static_cast<int64_t>(r)), b.add(b.mul(panel, width), v * lanes)});
}

void AttentionEmitter::emitScoresInPlace(Head head, Value row, Value scores) {
  Value keyHead = keyHeadOf(head.head), last = b.sub(keyCount, b.index(1));
  SmallVector<Value> elements, masks, queryVectors;
  for (int64_t element = 0; element < shape.keyDim; element += kSoftmaxLanes) {
    Value size = b.index(shape.keyDim - element);
    masks.push_back(element + kSoftmaxLanes > shape.keyDim ? b.getMask(kSoftmaxLanes, size)
                                                           : Value());
    elements.push_back(b.index(element));
    queryVectors.push_back(b.loadMasked(
        kSoftmaxLanes, query, at(Operand::Query, head.batch, head.head, row, elements.back()),
        masks.back()));
  }
  // The products of one key, in 16 partial sums.
  auto multiply = [&](Value position) {
    Value sum = b.splat(b.getVectorType(kSoftmaxLanes), 0);
    for (auto [element, lanesMask, x] : llvm::zip(elements, masks, queryVectors))
      sum = b.fma(x,
                  b.loadMasked(kSoftmaxLanes, key,
                               at(Operand::Key, head.batch, keyHead, position, element), lanesMask),
                  sum);
    return sum;
  };
  b.forLoop(b.index(0), keyCount, kSoftmaxLanes, [&](Value first) {
    auto source = [&](int64_t lane) { return multiply(b.min(b.add(first, lane), last)); };
    b.store(sumRows(b, source), scores, {b.index(0), first});
  });
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

void AttentionEmitter::emitSoftmax(Head head, Value row, Value limit, Value scores,
                                   Value scoreRow) {
  VectorType type = b.getVectorType(kSoftmaxLanes);
  Value lowest = b.splat(type, -INFINITY), scale = b.splat(type, shape.scale);
  Value whole = b.mul(b.floorDiv(limit, kSoftmaxLanes), kSoftmaxLanes);
  Value tail = b.getMask(kSoftmaxLanes, b.sub(limit, whole));
  // Without a mask the scale is left to the second pass.
  bool scaled = mask || !(shape.scale > 0);

  auto first = [&](Value key, Value maximum, Value lanesMask) {
    Value x = b.load(kSoftmaxLanes, scores, {scoreRow, key});
    if (mask)
      x = b.fma(x, scale, b.loadMasked(kSoftmaxLanes, mask, maskAt(head, row, key), lanesMask));
    else if (scaled)
      x = b.mulf(x, scale);
    if (lanesMask)
      x = b.create<arith::SelectOp>(lanesMask, x, lowest);
    if (scaled || lanesMask)
      b.store(x, scores, {scoreRow, key});
    return larger(b, x, maximum);
  };
  Value maximum = b.forLoop(b.index(0), whole, kSoftmaxLanes, lowest,
                            [&](Value key, ValueRange carried) -> SmallVector<Value> {
                              return {first(key, carried[0], {})};
                            })[0];
  maximum = first(whole, maximum, tail);
  maximum = reduce(b, maximum, [&](Value x, Value y) { return larger(b, x, y); });
  Value offset = b.broadcast(maximum, kSoftmaxLanes);
  if (!scaled)
    offset = b.mulf(offset, scale);
  Value negative = b.create<arith::NegFOp>(offset);

  Value smallest = b.splat(type, -87), zero = b.splat(type, 0);
  auto second = [&](Value key, Value sum) {
    Value x = b.load(kSoftmaxLanes, scores, {scoreRow, key});
    x = scaled ? b.addf(x, negative) : b.fma(x, scale, negative);
    // Weights of less than about 1e-38 are zero: removed keys, and numbers that would be slow.
    Value tiny = b.create<arith::CmpFOp>(arith::CmpFPredicate::OLT, x, smallest);
    Value weight = b.create<math::ExpOp>(b.create<arith::SelectOp>(tiny, zero, x));
    weight = b.create<arith::SelectOp>(tiny, zero, weight);
    b.store(weight, scores, {scoreRow, key});
    return b.addf(sum, weight);
  };
  Value end = b.add(whole, kSoftmaxLanes);
  Value sum = b.forLoop(b.index(0), end, kSoftmaxLanes, zero,
                        [&](Value key, ValueRange carried) -> SmallVector<Value> {
                          return {second(key, carried[0])};
                        })[0];
  sum = reduce(b, sum, [&](Value x, Value y) { return b.addf(x, y); });
  // No keys: the result is zero.
  Value empty = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, limit, b.index(0));
  sum = b.create<arith::SelectOp>(empty, b.f32(1), sum);
  Value position = b.sub(b.dim(scores, 1), b.index(1));
  b.storeScalar(b.divf(b.f32(1), sum), scores, {scoreRow, position});
}

Value AttentionEmitter::loadReciprocal(Value scores, Value scoreRow) {
  return b.loadSplat(lanes, scores, {scoreRow, b.sub(b.dim(scores, 1), b.index(1))});
}

//===----------------------------------------------------------------------===//
// Product with the values
//===----------------------------------------------------------------------===//

void AttentionEmitter::emitProduct(Head head, ArrayRef<Value> rows, Value values, Value keyHead,
                                   Value limit, Value scores, Value scoreRow) {
  // Few columns have two sums per output, for even and odd keys, so that enough FMAs are under way.
  size_t parts = shape.valueDim <= 16 ? 2 : 1;
  int64_t total = llvm::divideCeil(shape.valueDim, lanes);
  int64_t most = b.getTarget().avx512 ? 4 : parts == 2 ? 1 : 2;
  int64_t vectors = llvm::divideCeil(total, llvm::divideCeil(total, most));
  Value end = roundUp(limit, kKeyStep);
  for (int64_t begin = 0; begin < total; begin += vectors) {
    size_t count = static_cast<size_t>(std::min(vectors, total - begin));
    size_t outputs = rows.size() * count;
    auto column = [&](size_t v) { return b.index((begin + static_cast<int64_t>(v)) * lanes); };
    auto step = [&](Value firstKey, ValueRange carried) {
      SmallVector<Value> sums(carried);
      for (int64_t k = 0; k < kKeyStep; ++k) {
        Value key = b.add(firstKey, k);
        SmallVector<Value> elements;
        for (size_t v = 0; v < count; ++v)
          elements.push_back(b.load(lanes, values, {keyHead, key, column(v)}));
        for (size_t r = 0; r < rows.size(); ++r) {
          Value weight =
              b.loadSplat(lanes, scores, {b.add(scoreRow, static_cast<int64_t>(r)), key});
          for (size_t v = 0; v < count; ++v) {
            Value &sum = sums[static_cast<size_t>(k) % parts * outputs + r * count + v];
            sum = b.fma(weight, elements[v], sum);
          }
        }
      }
      return sums;
    };
    SmallVector<Value> zeros(parts * outputs, b.splat(b.getVectorType(lanes), 0));
    SmallVector<Value> sums = b.forLoop(b.index(0), end, kKeyStep, zeros, step);
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value reciprocal = loadReciprocal(scores, b.add(scoreRow, static_cast<int64_t>(r)));
      for (size_t v = 0; v < count; ++v) {
        Value sum = sums[r * count + v];
        if (parts == 2)
          sum = b.addf(sum, sums[outputs + r * count + v]);
        int64_t first = (begin + static_cast<int64_t>(v)) * lanes;
        b.storeMasked(b.mulf(sum, reciprocal), result,
                      at(Operand::Result, head.batch, head.head, row, b.index(first)),
                      getTailMask(shape.valueDim, first));
      }
    }
  }
}

void AttentionEmitter::emitProductInPlace(Head head, Value row, Value limit, Value scores) {
  // Several sums per output, as in `emitProduct`.
  size_t parts = shape.valueDim <= 16 ? 4 : shape.valueDim <= 32 ? 2 : 1;
  Value keyHead = keyHeadOf(head.head), last = b.sub(limit, b.index(1));
  SmallVector<Value> masks;
  for (int64_t column = 0; column < shape.valueDim; column += lanes)
    masks.push_back(getTailMask(shape.valueDim, column));
  auto column = [&](size_t v) { return b.index(static_cast<int64_t>(v) * lanes); };
  auto step = [&](Value firstKey, ValueRange carried) {
    SmallVector<Value> sums(carried);
    for (size_t k = 0; k < kKeyStep; ++k) {
      // Weights behind the last key are zero.
      Value position = b.add(firstKey, static_cast<int64_t>(k));
      Value weight = b.loadSplat(lanes, scores, {b.index(0), position});
      position = b.min(position, last);
      for (auto [v, lanesMask] : llvm::enumerate(masks)) {
        Value element = b.loadMasked(
            lanes, value, at(Operand::Value, head.batch, keyHead, position, column(v)), lanesMask);
        Value &sum = sums[k % parts * masks.size() + v];
        sum = b.fma(weight, element, sum);
      }
    }
    return sums;
  };
  SmallVector<Value> zeros(parts * masks.size(), b.splat(b.getVectorType(lanes), 0));
  SmallVector<Value> sums = b.forLoop(b.index(0), roundUp(limit, kKeyStep), kKeyStep, zeros, step);
  for (; parts > 1; parts /= 2)
    for (size_t i = 0; i < parts / 2 * masks.size(); ++i)
      sums[i] = b.addf(sums[i], sums[parts / 2 * masks.size() + i]);
  Value reciprocal = loadReciprocal(scores, b.index(0));
  for (auto [v, lanesMask] : llvm::enumerate(masks))
    b.storeMasked(b.mulf(sums[v], reciprocal), result,
                  at(Operand::Result, head.batch, head.head, row, column(v)), lanesMask);
}
