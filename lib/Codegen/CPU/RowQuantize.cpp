//===- RowQuantize.cpp - codes and scales of rows -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowBuilder.h"
#include "compress/Codegen/CPU/RowKernels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::compress;

/// Elements that are worth a thread, at 0.3 ns each.
static constexpr int64_t kElements = 32768;
/// Pieces of a matrix whose ranges are found in parallel.
static constexpr int64_t kPieces = 64;

namespace {

/// Smallest and largest value, each including zero; only the largest magnitude if codes are
/// symmetric. NaNs do not count.
struct Extent {
  Value low, high;
};

/// Scale, and zero point as f32 (null: 0).
struct Parameters {
  Value scale, zeroPoint;
};

class Quantizer {
public:
  Quantizer(KernelBuilder &b, const DynamicQuantizeRequest &request, Value x, Value codes,
            Value scales, Value zeroPoints)
      : b(b), row(b, b.dim(x, 1)), isSigned(request.isSigned), bits(request.bits), x(x),
        codes(codes), scales(scales), zeroPoints(zeroPoints) {}

  Extent findRange(Value i);
  Extent combine(Extent a, Extent c);
  SmallVector<Value> toValues(Extent range);
  Extent fromValues(ValueRange values);

  /// Computes parameters and stores them in row `i` of their matrices.
  Parameters computeParameters(Extent range, Value i);
  void quantizeRow(Parameters parameters, Value i);

private:
  Value select(arith::CmpFPredicate predicate, Value a, Value c, Value then, Value otherwise) {
    return arith::SelectOp::create(b, arith::CmpFOp::create(b, predicate, a, c), then, otherwise);
  }
  double getLowest() const { return isSigned ? -(1 << (bits - 1)) : 0; }
  double getHighest() const { return (1 << (isSigned ? bits - 1 : bits)) - 1; }
  /// Integers in [-128, 255] as bytes.
  Value toByte(Value value);

  KernelBuilder &b;
  RowBuilder row;
  bool isSigned;
  unsigned bits;
  Value x, codes, scales, zeroPoints;
};

} // namespace

Extent Quantizer::findRange(Value i) {
  auto larger = [&](Value a, Value c) { return row.larger(a, c); };
  Extent range;
  range.high = row.reduce(
      0,
      [&](const RowPiece &piece, Value partial) {
        Value value = row.load(piece, x, i);
        return larger(isSigned ? Value(math::AbsFOp::create(b, value)) : value, partial);
      },
      larger);
  if (isSigned)
    return range;
  auto smaller = [&](Value a, Value c) { return row.smaller(a, c); };
  range.low = row.reduce(
      0,
      [&](const RowPiece &piece, Value partial) { return smaller(row.load(piece, x, i), partial); },
      smaller);
  return range;
}

Extent Quantizer::combine(Extent a, Extent c) {
  return {isSigned ? Value() : row.smaller(a.low, c.low), row.larger(a.high, c.high)};
}

SmallVector<Value> Quantizer::toValues(Extent range) {
  return isSigned ? SmallVector<Value>{range.high} : SmallVector<Value>{range.high, range.low};
}

Extent Quantizer::fromValues(ValueRange values) {
  return {isSigned ? Value() : values[1], values[0]};
}

Value Quantizer::toByte(Value value) {
  Type i32 = b.getI32Type(), i8 = b.getI8Type();
  if (auto vector = dyn_cast<VectorType>(value.getType())) {
    i32 = b.getVectorType(vector.getNumElements(), i32);
    i8 = b.getVectorType(vector.getNumElements(), i8);
  }
  return arith::TruncIOp::create(b, i8, arith::FPToSIOp::create(b, i32, value));
}

Parameters Quantizer::computeParameters(Extent range, Value i) {
  Parameters result;
  Value zero = b.f32(0), extent = isSigned ? range.high : b.subf(range.high, range.low);
  Value scale = b.divf(extent, b.f32(getHighest()));
  result.scale = select(arith::CmpFPredicate::OEQ, scale, zero, b.f32(1), scale);
  b.storeScalar(result.scale, scales, {i, b.index(0)});
  Value zeroPoint = zero;
  if (!isSigned) {
    Value exact = b.subf(zero, b.divf(range.low, result.scale));
    exact = select(arith::CmpFPredicate::UNO, exact, exact, zero, exact);
    zeroPoint = math::RoundEvenOp::create(b, row.smaller(exact, b.f32(getHighest())));
    result.zeroPoint = zeroPoint;
  }
  b.storeScalar(toByte(zeroPoint), zeroPoints, {i, b.index(0)});
  return result;
}

void Quantizer::quantizeRow(Parameters parameters, Value i) {
  Value scale = row.splat(parameters.scale);
  Value zeroPoint = parameters.zeroPoint ? row.splat(parameters.zeroPoint) : Value();
  row.forEach([&](const RowPiece &piece) {
    // The quotient is rounded, as the reference does: no product with the inverse.
    Value code = b.divf(row.load(piece, x, i), scale);
    code = select(arith::CmpFPredicate::UNO, code, code, row.splat(0), code);
    code = math::RoundEvenOp::create(b, code);
    if (zeroPoint)
      code = b.addf(code, zeroPoint);
    code = row.larger(row.smaller(code, row.splat(getHighest())), row.splat(getLowest()));
    row.store(piece, toByte(code), codes, i);
  });
}

/// Extent of the whole matrix. Extremes do not depend on the order, so threads may share the work.
static Extent findMatrixRange(KernelBuilder &b, Quantizer &quantizer, Value x, bool isSigned) {
  Value rows = b.dim(x, 0), one = b.index(1);
  Value columns = b.max(b.dim(x, 1), one);
  Value perPiece =
      b.max(arith::CeilDivUIOp::create(b, b.index(kElements), columns), b.ceilDiv(rows, kPieces));
  Value pieces = arith::CeilDivUIOp::create(b, rows, perPiece);
  int64_t numValues = isSigned ? 1 : 2;
  SmallVector<Value> init(numValues, b.f32(0));
  Value partial = b.scratch({kPieces, numValues}, b.getF32Type());
  b.parallelFor(pieces, [&](Value piece) {
    Value begin = b.mul(piece, perPiece);
    SmallVector<Value> values = b.forLoop(
        begin, b.min(b.add(begin, perPiece), rows), 1, init, [&](Value i, ValueRange carried) {
          return quantizer.toValues(
              quantizer.combine(quantizer.findRange(i), quantizer.fromValues(carried)));
        });
    for (auto [index, value] : llvm::enumerate(values))
      b.storeScalar(value, partial, {piece, b.index(index)});
  });
  return quantizer.fromValues(
      b.forLoop(b.index(0), pieces, 1, init, [&](Value piece, ValueRange carried) {
        SmallVector<Value> values;
        for (int64_t index = 0; index < numValues; ++index)
          values.push_back(b.loadScalar(partial, {piece, b.index(index)}));
        return quantizer.toValues(
            quantizer.combine(quantizer.fromValues(values), quantizer.fromValues(carried)));
      }));
}

func::FuncOp compress::getDynamicQuantizeKernel(KernelLibrary &library,
                                                const DynamicQuantizeRequest &request) {
  std::string name = std::string("dynamic_quantize_") + (request.isSigned ? "i" : "u") +
                     std::to_string(request.bits) + (request.isPerRow ? "_row_" : "_tensor_") +
                     getSizeName(request.length);
  MLIRContext *context = library.getContext();
  Type f32 = Float32Type::get(context), i8 = IntegerType::get(context, 8);
  SmallVector<int64_t> shape{ShapedType::kDynamic, request.length};
  SmallVector<int64_t> parameters{request.isPerRow ? ShapedType::kDynamic : 1, 1};
  SmallVector<Type> arguments{getActivationType(shape, f32), getActivationType(shape, i8),
                              getActivationType(parameters, f32),
                              getActivationType(parameters, i8)};
  return library.getOrCreate(
      name, std::to_string(request.bits) + "-bit codes with scales from the values", arguments,
      [&](KernelBuilder &b, ValueRange args) {
        Value x = args[0], rows = b.dim(x, 0), columns = b.dim(x, 1);
        Quantizer quantizer(b, request, x, args[1], args[2], args[3]);
        Parameters shared;
        if (!request.isPerRow)
          shared = quantizer.computeParameters(findMatrixRange(b, quantizer, x, request.isSigned),
                                               b.index(0));
        forEachRow(b, rows, columns, kElements, [&](Value i) {
          quantizer.quantizeRow(
              request.isPerRow ? quantizer.computeParameters(quantizer.findRange(i), i) : shared,
              i);
        });
      });
}
