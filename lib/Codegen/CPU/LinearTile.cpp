//===- LinearTile.cpp - register tiles of matrix products -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/LinearKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;

/// Rows that a thread takes at a time: 16 tiles.
static constexpr int64_t kRowBlock = 16 * kTileRows;
/// Multiply-adds that are worth a piece of work for a thread (about 5 us).
static constexpr int64_t kMinWork = 1 << 18;

SmallVector<Value> compress::emitTileProduct(KernelBuilder &b, TileShape shape, Value begin,
                                             Value end, ValueRange init,
                                             function_ref<Value(int64_t, Value)> loadRow,
                                             function_ref<Value(Value, int64_t)> loadColumns) {
  int64_t vectors = static_cast<int64_t>(init.size()) / shape.rows;
  return b.forLoop(begin, end, 1, init, [&](Value k, ValueRange sums) {
    SmallVector<Value> columns, next;
    for (int64_t vector = 0; vector < vectors; ++vector)
      columns.push_back(loadColumns(k, vector));
    for (int64_t row = 0; row < shape.rows; ++row) {
      Value x = loadRow(row, k);
      for (int64_t vector = 0; vector < vectors; ++vector)
        next.push_back(b.fma(x, columns[vector], sums[row * vectors + vector]));
    }
    return next;
  });
}

void compress::forEachRowTile(KernelBuilder &b, Value begin, Value end,
                              function_ref<void(Value, int64_t, Value)> tile) {
  Value count = b.sub(end, begin);
  std::optional<int64_t> known = getConstantIntValue(count);
  auto large = [&] {
    Value last = b.sub(end, b.index(kTileRows));
    b.forLoop(begin, end, kTileRows, [&](Value row) {
      tile(b.min(row, last), kTileRows, b.floorDiv(b.sub(row, begin), kTileRows));
    });
  };
  if (known && *known >= kTileRows)
    return large();
  if (known)
    return *known ? tile(begin, *known, b.index(0)) : void();
  b.ifThen(
      b.less(count, b.index(kTileRows)),
      [&] {
        for (int64_t rows = 1; rows < kTileRows; ++rows) {
          Value isRows = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, count, b.index(rows));
          b.ifThen(isRows, [&] { tile(begin, rows, b.index(0)); });
        }
      },
      large);
}

void compress::storeTile(KernelBuilder &b, const Epilogue &epilogue, TileShape shape,
                         ValueRange sums, Value row, Value column,
                         const EpilogueOperands &operands) {
  auto [bias, other, output] = operands;
  int64_t lanes = b.getTarget().getLanes();
  int64_t vectors = static_cast<int64_t>(sums.size()) / shape.rows;
  // Calls `work(place, count, column)` for every vector of a row.
  auto forEachVector = [&](Value at, auto work) {
    for (int64_t vector = 0; vector < vectors; ++vector) {
      OpFoldResult count = b.getIndexAttr(std::min(lanes, shape.columns - vector * lanes));
      work(vector, SmallVector<Value>{at, b.add(column, vector * lanes)}, count);
    }
  };
  auto finish = [&](Value sum, ValueRange place, OpFoldResult count) {
    Value biases = bias ? b.load(lanes, bias, {place[1]}, count) : Value();
    Value others = other ? b.load(lanes, other, place, count) : Value();
    b.store(emitEpilogue(b, epilogue, sum, biases, others), output, place, count);
  };
  bool isLater = epilogue.isLong();
  for (int64_t r = 0; r < shape.rows; ++r)
    forEachVector(b.add(row, r), [&](int64_t vector, ValueRange place, OpFoldResult count) {
      Value sum = sums[r * vectors + vector];
      return isLater ? b.store(sum, output, place, count) : finish(sum, place, count);
    });
  if (!isLater)
    return;
  // The tile is in the cache; one row is enough code.
  b.forLoop(row, b.add(row, shape.rows), 1, [&](Value at) {
    forEachVector(at, [&](int64_t, ValueRange place, OpFoldResult count) {
      finish(b.load(lanes, output, place, count), place, count);
    });
  });
}

void compress::forEachPanel(KernelBuilder &b, Value rows, int64_t inputs, int64_t outputs,
                            function_ref<void(Value, Value, Value, int64_t)> work) {
  int64_t width = b.getTarget().getPanelWidth();
  int64_t fullPanels = outputs / width, tail = outputs % width;
  int64_t panels = fullPanels + (tail != 0);
  // Blocks of nearly equal size, each of many tiles (unless there is only one). Blocks of rows come
  // first: a thread finds the rows in its cache that it wrote in the op before.
  Value blocks = b.max(b.floorDiv(rows, kRowBlock), b.index(1));
  Value rowsPerItem = b.min(rows, b.index(kRowBlock));
  Value grain = b.getGrain(b.mul(rowsPerItem, inputs * width), kMinWork);
  b.parallelFor(b.mul(blocks, panels), grain, [&](Value item) {
    Value block = b.floorDiv(item, panels), panel = b.rem(item, panels);
    auto getBegin = [&](Value index) {
      Value exact = b.create<arith::DivUIOp>(b.mul(index, rows), blocks);
      return b.mul(b.floorDiv(exact, kTileRows), kTileRows);
    };
    Value next = b.add(block, 1), begin = getBegin(block);
    Value isLast = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, next, blocks);
    Value end = b.create<arith::SelectOp>(isLast, rows, getBegin(next));
    if (!tail)
      return work(panel, begin, end, width);
    if (!fullPanels)
      return work(panel, begin, end, tail);
    b.ifThen(
        b.less(panel, b.index(fullPanels)), [&] { work(panel, begin, end, width); },
        [&] { work(panel, begin, end, tail); });
  });
}
