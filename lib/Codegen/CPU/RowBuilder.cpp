//===- RowBuilder.cpp - vectors along a row -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

RowBuilder::RowBuilder(KernelBuilder &builder, Value length)
    : builder(builder), length(length), lanes(builder.getTarget().getLanes()),
      type(builder.getVectorType(lanes)) {}

static SmallVector<Value> withColumn(ValueRange leading, Value column) {
  SmallVector<Value> indices(leading);
  indices.push_back(column);
  return indices;
}

Value RowBuilder::load(const RowPiece &piece, Value memref, ValueRange leading) {
  return builder.loadMasked(lanes, memref, withColumn(leading, piece.column), piece.mask);
}

void RowBuilder::store(const RowPiece &piece, Value vector, Value memref, ValueRange leading) {
  builder.storeMasked(vector, memref, withColumn(leading, piece.column), piece.mask);
}

Value RowBuilder::keep(const RowPiece &piece, Value vector, double neutral) {
  if (!piece.mask)
    return vector;
  return arith::SelectOp::create(builder, piece.mask, vector, splat(neutral));
}

RowPiece RowBuilder::getPiece(Value begin, int64_t offset) {
  RowPiece piece;
  piece.column = builder.add(begin, offset);
  return piece;
}

/// A block of `count` columns, fewer than 64.
void RowBuilder::emitPart(Value begin, int64_t count, Step step, SmallVectorImpl<Value> &state) {
  for (int64_t offset = 0; offset < count; offset += lanes) {
    RowPiece piece = getPiece(begin, offset);
    if (count < offset + lanes)
      piece.mask = builder.getMask(lanes, builder.getIndexAttr(count - offset));
    step(piece, offset / lanes, state);
  }
}

/// The same where only the program knows the count. Pieces without a column are skipped.
void RowBuilder::emitPart(Value begin, Value count, Step step, SmallVectorImpl<Value> &state) {
  for (int64_t offset = 0; offset < kBlock; offset += lanes) {
    Value rest = builder.sub(count, builder.index(offset));
    auto emit = [&](OpBuilder &, Location) {
      RowPiece piece = getPiece(begin, offset);
      piece.mask = builder.getMask(lanes, rest);
      SmallVector<Value> next(state.begin(), state.end());
      step(piece, offset / lanes, next);
      scf::YieldOp::create(builder, next);
    };
    auto skip = [&](OpBuilder &, Location) { scf::YieldOp::create(builder, state); };
    auto branch = scf::IfOp::create(builder, builder.less(builder.index(0), rest), emit, skip);
    state.assign(branch->result_begin(), branch->result_end());
  }
}

SmallVector<Value> RowBuilder::walk(ValueRange init, Step step) {
  SmallVector<Value> state(init);
  std::optional<int64_t> size = getConstantIntValue(length);
  auto loop = [&](Value begin, Value end,
                  function_ref<void(Value column, SmallVectorImpl<Value> &)> body) {
    state = builder.forLoop(begin, end, kBlock, SmallVector<Value>(state),
                            [&](Value column, ValueRange carried) {
                              SmallVector<Value> next(carried);
                              body(column, next);
                              return next;
                            });
  };
  Value whole = builder.mul(builder.floorDiv(length, kBlock), kBlock);
  if (!size || *size >= kBlock)
    loop(builder.index(0), whole, [&](Value column, SmallVectorImpl<Value> &next) {
      for (int64_t offset = 0; offset < kBlock; offset += lanes)
        step(getPiece(column, offset), offset / lanes, next);
    });
  if (size)
    emitPart(whole, *size % kBlock, step, state);
  else // One iteration, or none.
    loop(whole, length, [&](Value column, SmallVectorImpl<Value> &next) {
      emitPart(column, builder.sub(length, column), step, next);
    });
  return state;
}

void RowBuilder::forEach(function_ref<void(const RowPiece &)> body) {
  walk({}, [&](const RowPiece &piece, int64_t, SmallVectorImpl<Value> &) { body(piece); });
}

Value RowBuilder::reduce(double neutral, function_ref<Value(const RowPiece &, Value)> step,
                         Combine combine) {
  SmallVector<Value> partial(kBlock / lanes, splat(neutral));
  partial = walk(partial, [&](const RowPiece &piece, int64_t index, SmallVectorImpl<Value> &state) {
    state[index] = step(piece, state[index]);
  });
  // Column c with column c + 32, then with c + 16, and so on: the same tree for registers of any
  // size.
  for (size_t half = partial.size() / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i)
      partial[i] = combine(partial[i], partial[i + half]);
  Value sum = partial[0];
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    SmallVector<int64_t> low = llvm::to_vector(llvm::seq<int64_t>(0, half));
    SmallVector<int64_t> high = llvm::to_vector(llvm::seq<int64_t>(half, 2 * half));
    sum = combine(vector::ShuffleOp::create(builder, sum, sum, low),
                  vector::ShuffleOp::create(builder, sum, sum, high));
  }
  return vector::ExtractOp::create(builder, sum, ArrayRef<int64_t>{0});
}

Value RowBuilder::larger(Value a, Value b) {
  Value isLarger = arith::CmpFOp::create(builder, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(builder, isLarger, a, b);
}

Value RowBuilder::smaller(Value a, Value b) {
  Value isSmaller = arith::CmpFOp::create(builder, arith::CmpFPredicate::OLT, a, b);
  return arith::SelectOp::create(builder, isSmaller, a, b);
}

void compress::forEachRow(KernelBuilder &builder, Value rows, Value length, int64_t elements,
                          KernelBuilder::Body body) {
  std::optional<int64_t> size = getConstantIntValue(length);
  Value grain;
  if (size)
    grain = builder.index(llvm::divideCeil(elements, std::max<int64_t>(*size, 1)));
  else
    grain = arith::CeilDivUIOp::create(builder, builder.index(elements),
                                       builder.max(length, builder.index(1)));
  builder.parallelFor(rows, grain, body);
}

Value compress::toFloat(KernelBuilder &builder, Value index) {
  if (std::optional<int64_t> value = getConstantIntValue(index))
    return builder.f32(static_cast<float>(*value));
  Value integer = arith::IndexCastOp::create(builder, builder.getI64Type(), index);
  return arith::SIToFPOp::create(builder, builder.getF32Type(), integer);
}

std::string compress::getSizeName(int64_t size) {
  return ShapedType::isDynamic(size) ? "d" : std::to_string(size);
}
