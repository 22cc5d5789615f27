//===- RowNorm.cpp - layer and RMS normalisation, sums of rows -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowBuilder.h"
#include "compress/Codegen/CPU/RowKernels.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::compress;

/// Elements that are worth a thread, at 0.15 ns each.
static constexpr int64_t kElements = int64_t(1) << 14;

/// Sum of f(x) along row `i`.
static Value emitSum(KernelBuilder &b, RowBuilder &row, Value x, Value i,
                     function_ref<Value(const RowPiece &, Value value, Value partial)> step) {
  return row.reduce(
      0,
      [&](const RowPiece &piece, Value partial) {
        return step(piece, row.load(piece, x, i), partial);
      },
      [&](Value a, Value c) { return row.add(a, c); });
}

static Value emitPlainSum(KernelBuilder &b, RowBuilder &row, Value x, Value i) {
  return emitSum(b, row, x, i, [&](const RowPiece &, Value value, Value partial) {
    return b.addf(partial, value);
  });
}

func::FuncOp compress::getNormKernel(KernelLibrary &library, const NormRequest &request) {
  std::string name = std::string(request.hasMean ? "layer_norm" : "rms_norm") + "_f32_" +
                     getSizeName(request.length) + (request.hasBias ? "_bias" : "");
  Type f32 = Float32Type::get(library.getContext());
  Type matrix = getActivationType({ShapedType::kDynamic, request.length}, f32);
  Type vector = getActivationType({request.length}, f32);
  SmallVector<Type> arguments{matrix, vector};
  if (request.hasBias)
    arguments.push_back(vector);
  llvm::append_values(arguments, f32, matrix);
  auto emit = [&](KernelBuilder &b, ValueRange args) {
    Value x = args[0], scale = args[1], bias = request.hasBias ? args[2] : Value();
    Value epsilon = args[args.size() - 2], y = args.back(), columns = b.dim(x, 1);
    Value count = toFloat(b, columns);
    RowBuilder row(b, columns);
    forEachRow(b, b.dim(x, 0), columns, kElements, [&](Value i) {
      Value mean;
      if (request.hasMean)
        mean = row.splat(b.divf(emitPlainSum(b, row, x, i), count));
      auto center = [&](Value value) { return mean ? b.subf(value, mean) : value; };
      Value squares = emitSum(b, row, x, i, [&](const RowPiece &piece, Value value, Value partial) {
        Value centered = mean ? row.keep(piece, center(value), 0) : value;
        return b.fma(centered, centered, partial);
      });
      Value variance = b.addf(b.divf(squares, count), epsilon);
      Value root = math::SqrtOp::create(b, variance);
      Value inverse = row.splat(b.divf(b.f32(1), root));
      row.forEach([&](const RowPiece &piece) {
        Value value = b.mulf(center(row.load(piece, x, i)), inverse);
        Value factor = row.load(piece, scale, {});
        value = bias ? b.fma(value, factor, row.load(piece, bias, {})) : b.mulf(value, factor);
        row.store(piece, value, y, i);
      });
    });
  };
  return library.getOrCreate(
      name, request.hasMean ? "layer normalisation of rows" : "RMS normalisation of rows",
      arguments, emit);
}

func::FuncOp compress::getRowSumKernel(KernelLibrary &library, int64_t length, bool isMean) {
  std::string name = (isMean ? "row_mean_f32_" : "row_sum_f32_") + getSizeName(length);
  Type f32 = Float32Type::get(library.getContext());
  Type matrix = getActivationType({ShapedType::kDynamic, length}, f32);
  Type column = getActivationType({ShapedType::kDynamic, 1}, f32);
  return library.getOrCreate(name, isMean ? "mean of rows" : "sum of rows", {matrix, column},
                             [&](KernelBuilder &b, ValueRange args) {
                               Value x = args[0], columns = b.dim(x, 1);
                               RowBuilder row(b, columns);
                               forEachRow(b, b.dim(x, 0), columns, kElements, [&](Value i) {
                                 Value sum = emitPlainSum(b, row, x, i);
                                 if (isMean)
                                   sum = b.divf(sum, toFloat(b, columns));
                                 b.storeScalar(sum, args[1], {i, b.index(0)});
                               });
                             });
}
