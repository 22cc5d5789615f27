//===- MatMulPack.cpp - vectors and panels of run-time operands -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MatMulPack.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

/// The shuffle of `x` and `y` whose 128-bit blocks are `pattern` of the same blocks of the
/// operands; an entry of 4 or more is from `y`.
static Value shuffleBlocks(KernelBuilder &b, Value x, Value y, ArrayRef<int64_t> pattern) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t block = 0; block < lanes; block += 4)
    for (int64_t entry : pattern)
      mask.push_back(entry < 4 ? block + entry : lanes + block + entry - 4);
  return b.create<vector::ShuffleOp>(x, y, mask);
}

/// Every second 128-bit block of `x` and then of `y`, from block `first` on.
static Value selectBlocks(KernelBuilder &b, Value x, Value y, int64_t first) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> mask;
  for (int64_t lane = 0; lane < 2 * lanes; ++lane)
    if (lane / 4 % 2 == first)
      mask.push_back(lane);
  return b.create<vector::ShuffleOp>(x, y, mask);
}

SmallVector<Value> compress::transposeSquare(KernelBuilder &b, ArrayRef<Value> rows) {
  size_t size = rows.size();
  assert((size == 8 || size == 16) && "a square of 8 or 16 vectors");
  // Squares of 4 within the 128-bit blocks: block k of part[4 * g + c] is column 4 * k + c of the
  // rows 4 * g, ..., 4 * g + 3.
  SmallVector<Value> part(size);
  for (size_t g = 0; g < size; g += 4) {
    Value low0 = shuffleBlocks(b, rows[g], rows[g + 1], {0, 4, 1, 5});
    Value high0 = shuffleBlocks(b, rows[g], rows[g + 1], {2, 6, 3, 7});
    Value low1 = shuffleBlocks(b, rows[g + 2], rows[g + 3], {0, 4, 1, 5});
    Value high1 = shuffleBlocks(b, rows[g + 2], rows[g + 3], {2, 6, 3, 7});
    part[g] = shuffleBlocks(b, low0, low1, {0, 1, 4, 5});
    part[g + 1] = shuffleBlocks(b, low0, low1, {2, 3, 6, 7});
    part[g + 2] = shuffleBlocks(b, high0, high1, {0, 1, 4, 5});
    part[g + 3] = shuffleBlocks(b, high0, high1, {2, 3, 6, 7});
  }
  // Transpose of the 128-bit blocks.
  SmallVector<Value> result(size);
  for (size_t c = 0; c < 4; ++c) {
    if (size == 8) {
      result[c] = selectBlocks(b, part[c], part[4 + c], 0);
      result[4 + c] = selectBlocks(b, part[c], part[4 + c], 1);
      continue;
    }
    Value even0 = selectBlocks(b, part[c], part[4 + c], 0);
    Value odd0 = selectBlocks(b, part[c], part[4 + c], 1);
    Value even1 = selectBlocks(b, part[8 + c], part[12 + c], 0);
    Value odd1 = selectBlocks(b, part[8 + c], part[12 + c], 1);
    result[c] = selectBlocks(b, even0, even1, 0);
    result[4 + c] = selectBlocks(b, odd0, odd1, 0);
    result[8 + c] = selectBlocks(b, even0, even1, 1);
    result[12 + c] = selectBlocks(b, odd0, odd1, 1);
  }
  return result;
}

Value compress::sumRows(KernelBuilder &b, function_ref<Value(int64_t)> row) {
  // The sums of each 128-bit block of four rows, side by side.
  auto sumFour = [&](int64_t first) {
    Value pairs[2];
    for (int64_t i = 0; i < 2; ++i) {
      Value x = row(first + 2 * i), y = row(first + 2 * i + 1);
      pairs[i] = b.addf(shuffleBlocks(b, x, y, {0, 4, 1, 5}), shuffleBlocks(b, x, y, {2, 6, 3, 7}));
    }
    return b.addf(shuffleBlocks(b, pairs[0], pairs[1], {0, 1, 4, 5}),
                  shuffleBlocks(b, pairs[0], pairs[1], {2, 3, 6, 7}));
  };
  auto fold = [&](Value x, Value y) {
    return b.addf(selectBlocks(b, x, y, 0), selectBlocks(b, x, y, 1));
  };
  Value first = sumFour(0), second = sumFour(4);
  Value low = fold(first, second);
  Value third = sumFour(8), fourth = sumFour(12);
  return fold(low, fold(third, fourth));
}

void compress::packTransposed(KernelBuilder &b, Value destination, ValueRange panel, Value firstRow,
                              int64_t width, Value rows, Value columns, RowLoader load) {
  int64_t lanes = b.getTarget().getLanes();
  Value last = b.sub(rows, b.index(1));
  Value whole = b.mul(b.floorDiv(columns, lanes), lanes);
  b.forLoop(b.index(0), b.index(width), lanes, [&](Value group) {
    SmallVector<Value> sources;
    for (int64_t lane = 0; lane < lanes; ++lane)
      sources.push_back(b.min(b.add(b.add(firstRow, group), lane), last));
    auto square = [&](Value column, Value mask) {
      SmallVector<Value> vectors;
      for (Value source : sources)
        vectors.push_back(load(source, column, mask));
      for (auto [i, vector] : llvm::enumerate(transposeSquare(b, vectors))) {
        SmallVector<Value> indices(panel);
        indices.append({b.add(column, static_cast<int64_t>(i)), group});
        b.store(vector, destination, indices);
      }
    };
    b.forLoop(b.index(0), whole, lanes, [&](Value column) { square(column, {}); });
    Value rest = b.sub(columns, whole);
    auto tail = [&] { square(whole, b.getMask(lanes, rest)); };
    if (std::optional<int64_t> known = getConstantIntValue(rest)) {
      if (*known > 0)
        tail();
    } else {
      b.ifThen(b.less(b.index(0), rest), tail);
    }
  });
}
