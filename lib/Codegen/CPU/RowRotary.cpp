//===- RowRotary.cpp - rotary position embedding -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowBuilder.h"
#include "compress/Codegen/CPU/RowKernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;

/// Elements that are worth a thread, at 0.15 ns each.
static constexpr int64_t kElements = int64_t(1) << 14;

namespace {
/// Both halves of a row of input, tables and result.
class RotaryRow {
public:
  RotaryRow(KernelBuilder &b, int64_t length) : b(b), half(length / 2), row(b, b.index(half)) {}

  void emit(Value x, Value cos, Value sin, Value y, ValueRange index, ValueRange tableIndex) {
    row.forEach([&](const RowPiece &low) {
      RowPiece high = low;
      high.column = b.add(low.column, half);
      Value first = row.load(low, x, index), second = row.load(high, x, index);
      // first * cos - second * sin, and second * cos + first * sin.
      Value turned = b.mulf(second, row.load(low, sin, tableIndex));
      turned = arith::NegFOp::create(b, turned);
      row.store(low, b.fma(first, row.load(low, cos, tableIndex), turned), y, index);
      turned = b.mulf(first, row.load(high, sin, tableIndex));
      row.store(high, b.fma(second, row.load(high, cos, tableIndex), turned), y, index);
    });
  }

private:
  KernelBuilder &b;
  int64_t half;
  RowBuilder row;
};
} // namespace

func::FuncOp compress::getRotaryKernel(KernelLibrary &library, const RotaryRequest &request) {
  ArrayRef<int64_t> shape = request.shape;
  int64_t length = shape.back();
  size_t leading = shape.size() - 1;
  std::string name = "rotary_f32";
  SmallVector<int64_t> tableShape(shape);
  for (size_t dim = 0; dim < leading; ++dim) {
    if (!request.tableHasDim[dim])
      tableShape[dim] = 1;
    name += "_" + getSizeName(shape[dim]) + (request.tableHasDim[dim] ? "t" : "");
  }
  name += "_" + std::to_string(length);
  Type f32 = Float32Type::get(library.getContext());
  Type input = getActivationType(shape, f32), table = getActivationType(tableShape, f32);
  return library.getOrCreate(
      name, "rotary position embedding", {input, table, table, input},
      [&](KernelBuilder &b, ValueRange args) {
        Value x = args[0], inner = b.dim(x, leading - 1), outer = b.index(1);
        for (size_t dim = 0; dim + 1 < leading; ++dim)
          outer = b.mul(outer, b.dim(x, dim));
        RotaryRow row(b, length);
        forEachRow(b, outer, b.mul(inner, length), kElements, [&](Value piece) {
          // The index of every dim but the last two, from their common one.
          SmallVector<Value> index(leading);
          for (size_t dim = leading - 1; dim-- > 0;) {
            Value size = b.dim(x, dim);
            index[dim] = dim == 0 ? piece : Value(arith::RemUIOp::create(b, piece, size));
            if (dim != 0)
              piece = arith::DivUIOp::create(b, piece, size);
          }
          b.forLoop(b.index(0), inner, 1, [&](Value i) {
            index.back() = i;
            SmallVector<Value> tableIndex(index);
            for (size_t dim = 0; dim < leading; ++dim)
              if (!request.tableHasDim[dim])
                tableIndex[dim] = b.index(0);
            row.emit(x, args[1], args[2], args[3], index, tableIndex);
          });
        });
      });
}
