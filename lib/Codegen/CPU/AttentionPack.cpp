//===- AttentionPack.cpp - keys and values of an attention kernel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"
#include "MatMulPack.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

/// `keys[keyHead][panel][d][i]` is element `d` of key `panel * width + i`; the last key is
/// repeated.
void AttentionEmitter::packKeys(Value keys, Value keyHead, Value panel) {
  Value batch = b.floorDiv(keyHead, shape.keyHeads), head = b.rem(keyHead, shape.keyHeads);
  packTransposed(b, keys, {keyHead, panel}, b.mul(panel, width), width, keyCount,
                 b.index(shape.keyDim), [&](Value row, Value column, Value lanesMask) {
                   return b.loadMasked(lanes, key, at(Operand::Key, batch, head, row, column),
                                       lanesMask);
                 });
}

/// Values as rows of whole vectors; keys that do not exist have zeros, and weight zero.
void AttentionEmitter::packValues(Value values, Value keyHead, Value panel) {
  Value batch = b.floorDiv(keyHead, shape.keyHeads), head = b.rem(keyHead, shape.keyHeads);
  Value first = b.mul(panel, width), end = b.add(first, width);
  Value known = b.min(end, keyCount);
  auto rows = [&](Value from, Value to, bool zero) {
    b.forLoop(from, to, 1, [&](Value row) {
      for (int64_t column = 0; column < shape.valueDim; column += lanes) {
        Value vector =
            zero ? b.splat(b.getVectorType(lanes), 0)
                 : b.loadMasked(lanes, value, at(Operand::Value, batch, head, row, b.index(column)),
                                getTailMask(shape.valueDim, column));
        b.store(vector, values, {keyHead, row, b.index(column)});
      }
    });
  };
  rows(first, known, false);
  rows(known, end, true);
}

Value AttentionEmitter::emitLimit(Value maskBatch, Value maskHead, Value row, Value end) {
  VectorType numbers = b.getVectorType(kSoftmaxLanes, b.getI32Type());
  SmallVector<int32_t> ordinals;
  for (int32_t lane = 1; lane <= kSoftmaxLanes; ++lane)
    ordinals.push_back(lane);
  Value ordinal =
      b.create<arith::ConstantOp>(DenseElementsAttr::get(numbers, ArrayRef<int32_t>(ordinals)));
  Value removed = b.splat(b.getVectorType(kSoftmaxLanes), kRemovedKey);
  Value whole = b.mul(b.floorDiv(keyCount, kSoftmaxLanes), kSoftmaxLanes);
  // Number of the last kept key of each lane, counted from 1; NaN keeps.
  auto update = [&](Value last, Value maskRow, Value key, Value lanesMask) -> Value {
    Value values = b.loadMasked(kSoftmaxLanes, mask, {maskBatch, maskHead, maskRow, key}, lanesMask,
                                -INFINITY);
    Value kept = b.create<arith::CmpFOp>(arith::CmpFPredicate::UGT, values, removed);
    Value base = b.broadcast(b.create<arith::IndexCastOp>(b.getI32Type(), key), kSoftmaxLanes);
    Value number = b.create<arith::AddIOp>(base, ordinal);
    return b.create<arith::SelectOp>(kept, number, last);
  };
  Value lastMaskRow = b.sub(b.dim(mask, 2), b.index(1));
  // The largest number of all rows, and the smallest.
  SmallVector<Value> found =
      b.forLoop(row, end, 1, {b.index(0), keyCount}, [&](Value r, ValueRange carried) {
        Value maskRow = b.min(r, lastMaskRow);
        Value last = b.forLoop(b.index(0), whole, kSoftmaxLanes, b.splatInt(numbers, 0),
                               [&](Value key, ValueRange inner) -> SmallVector<Value> {
                                 return {update(inner[0], maskRow, key, {})};
                               })[0];
        Value tail = b.getMask(kSoftmaxLanes, b.sub(keyCount, whole));
        last = update(last, maskRow, whole, tail);
        Value number = b.create<vector::ReductionOp>(vector::CombiningKind::MAXSI, last);
        Value limit = b.create<arith::IndexCastOp>(b.getIndexType(), number);
        return SmallVector<Value>{b.max(carried[0], limit), b.min(carried[1], limit)};
      });
  Value allKept = b.less(b.index(0), found[1]);
  return b.create<arith::SelectOp>(allKept, found[0], keyCount);
}
