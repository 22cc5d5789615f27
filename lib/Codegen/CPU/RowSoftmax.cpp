//===- RowSoftmax.cpp - softmax of rows -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowBuilder.h"
#include "compress/Codegen/CPU/RowKernels.h"
#include "compress/Math/ExpandMath.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

/// Elements that are worth a thread, at 0.3 ns each.
static constexpr int64_t kElements = 32768;

/// y = exp(x - max) / sum.
static void emitSoftmax(KernelBuilder &b, RowBuilder &row, Value i, Value max, Value x, Value y) {
  Value sum = row.reduce(
      0,
      [&](const RowPiece &piece, Value partial) {
        Value value = emitExpOfNonPositive(b, b.subf(row.load(piece, x, i), max));
        row.store(piece, value, y, i);
        return b.addf(partial, row.keep(piece, value, 0));
      },
      [&](Value a, Value c) { return row.add(a, c); });
  Value scale = row.splat(b.divf(b.f32(1), sum));
  row.forEach(
      [&](const RowPiece &piece) { row.store(piece, b.mulf(row.load(piece, y, i), scale), y, i); });
}

/// y = x - max - log(sum of exp(x - max)).
static void emitLogSoftmax(KernelBuilder &b, RowBuilder &row, Value i, Value max, Value x,
                           Value y) {
  Value sum = row.reduce(
      0,
      [&](const RowPiece &piece, Value partial) {
        Value value = emitExpOfNonPositive(b, b.subf(row.load(piece, x, i), max));
        return b.addf(partial, row.keep(piece, value, 0));
      },
      [&](Value a, Value c) { return row.add(a, c); });
  Value log = row.splat(Value(math::LogOp::create(b, sum)));
  row.forEach([&](const RowPiece &piece) {
    row.store(piece, b.subf(b.subf(row.load(piece, x, i), max), log), y, i);
  });
}

func::FuncOp compress::getSoftmaxKernel(KernelLibrary &library, int64_t length, bool isLog) {
  std::string name = (isLog ? "log_softmax_f32_" : "softmax_f32_") + getSizeName(length);
  Type matrix =
      getActivationType({ShapedType::kDynamic, length}, Float32Type::get(library.getContext()));
  return library.getOrCreate(
      name, isLog ? "logarithm of softmax of rows" : "softmax of rows", {matrix, matrix},
      [&](KernelBuilder &b, ValueRange args) {
        Value x = args[0], y = args[1], columns = b.dim(x, 1);
        RowBuilder row(b, columns);
        forEachRow(b, b.dim(x, 0), columns, kElements, [&](Value i) {
          constexpr double lowest = -std::numeric_limits<double>::infinity();
          // NaN is not seen here; it makes the sum NaN.
          Value max = row.reduce(
              lowest,
              [&](const RowPiece &piece, Value partial) {
                return row.larger(row.keep(piece, row.load(piece, x, i), lowest), partial);
              },
              [&](Value a, Value c) { return row.larger(a, c); });
          (isLog ? emitLogSoftmax : emitSoftmax)(b, row, i, row.splat(max), x, y);
        });
      });
}
