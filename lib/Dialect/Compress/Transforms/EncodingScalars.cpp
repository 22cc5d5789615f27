//===- EncodingScalars.cpp - one element of the encoding ops --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/EncodingScalars.h"
#include "compress/Support/DataType.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

Value mlir::compress::emitQuantize(ScalarBuilder &b, Value value, Value scale, Value zeroPoint,
                                   Type codes) {
  Type type = value.getType().isF64() ? value.getType() : scale.getType();
  Value quotient = arith::DivFOp::create(b, b.toFloat(value, value.getType(), type),
                                         b.toFloat(scale, scale.getType(), type));
  if (isa<FloatType>(codes)) // Stored by the caller.
    return b.convert(quotient, type, codes);
  unsigned width = codes.getIntOrFloatBitWidth();
  DataType dataType = *getDataType(codes);
  // Codes of 16 bits and their sums are exact in f32, larger ones in f64.
  if (width > 16)
    type = b.getF64Type();
  Value code = math::RoundEvenOp::create(b, b.toFloat(quotient, quotient.getType(), type));
  Value zero = zeroPoint ? b.toFloat(zeroPoint, codes, type) : b.number(type, 0);
  if (zeroPoint)
    code = b.add(code, zero);
  Value low = b.number(type, static_cast<double>(getMinInt(dataType)));
  Value high = b.number(type, static_cast<double>(getMaxInt(dataType)));
  code = b.select(b.less(code, low, type), low, code);
  code = b.select(b.less(high, code, type), high, code);
  code = b.select(b.isNan(code), zero, code);
  // All of 32 bits fit into an i64.
  Type wide = b.getIntegerType(width < 32 ? 32 : 64);
  Value result = arith::FPToSIOp::create(b, wide, code);
  Type compute = ScalarBuilder::getComputeType(codes);
  return compute == wide ? result : arith::TruncIOp::create(b, compute, result).getResult();
}

Value mlir::compress::emitDequantize(ScalarBuilder &b, Value code, Value scale, Value zeroPoint,
                                     Type codes) {
  Type type = scale.getType();
  if (isa<FloatType>(codes))
    return b.mul(b.toFloat(code, codes, type), scale);
  unsigned width = codes.getIntOrFloatBitWidth();
  if (!zeroPoint)
    return b.mul(b.toFloat(code, codes, type), scale);
  if (width > 16) { // Rounded once, after the difference.
    Type f64 = b.getF64Type();
    Value difference = b.sub(b.toFloat(code, codes, f64), b.toFloat(zeroPoint, codes, f64));
    return b.mul(b.toFloat(difference, f64, type), scale);
  }
  Type i32 = b.getI32Type();
  Value difference = b.sub(b.convert(code, codes, i32), b.convert(zeroPoint, codes, i32));
  return b.mul(b.toFloat(difference, i32, type), scale);
}

Value mlir::compress::emitFakeQuantizeTable(ScalarBuilder &b, Value value, Value scale, Value table,
                                            Type element, int64_t entries) {
  Type f64 = b.getF64Type();
  bool isWide = value.getType() == f64 || scale.getType() == f64 || element == f64;
  Type type = isWide ? f64 : b.getF32Type();
  scale = b.toFloat(scale, scale.getType(), type);
  Value quotient = arith::DivFOp::create(b, b.toFloat(value, value.getType(), type), scale);
  auto load = [&](ScalarBuilder &builder, Value index) {
    Value entry = builder.load(tensor::ExtractOp::create(builder, table, index), element);
    return builder.toFloat(entry, entry.getType(), type);
  };
  auto index = [&](int64_t at) { return arith::ConstantIndexOp::create(b, at); };
  Value first = load(b, index(0));
  auto loop = scf::ForOp::create(
      b, b.getLoc(), index(1), index(entries), index(1), first,
      [&](OpBuilder &nested, Location loc, Value at, ValueRange state) {
        ScalarBuilder builder(loc, nested);
        Value best = state.front(), entry = load(builder, at);
        Value middle = builder.mul(builder.add(best, entry), builder.number(type, 0.5));
        Value isUpper = builder.less(best, entry, type), isLower = builder.less(entry, best, type);
        Value up = arith::AndIOp::create(builder, isUpper, builder.less(middle, quotient, type));
        Value down =
            arith::AndIOp::create(builder, isLower, builder.lessEqual(quotient, middle, type));
        Value taken = arith::OrIOp::create(builder, up, down);
        scf::YieldOp::create(builder, builder.select(taken, entry, best));
      });
  return b.mul(loop.getResult(0), scale);
}

SmallVector<Value> mlir::compress::emitDynamicParameters(ScalarBuilder &b, Value low, Value high,
                                                         Type input, Type codes) {
  Type type = low.getType();
  bool isSymmetric = !codes.isUnsignedInteger();
  auto largestCode = static_cast<double>(getMaxInt(*getDataType(codes)));
  Value negated = arith::NegFOp::create(b, low);
  Value span =
      isSymmetric ? b.select(b.less(negated, high, type), high, negated) : b.sub(high, low);
  Value scale = arith::DivFOp::create(b, span, b.number(type, largestCode)).getResult();
  // The scale as it is stored divides.
  Value stored = b.store(scale, input);
  Value rounded = b.load(stored, input);
  Value isZero = b.equal(rounded, b.number(type, 0));
  Value one = b.number(type, 1);
  stored = b.select(isZero, b.store(one, input), stored);
  rounded = b.select(isZero, one, rounded);
  if (isSymmetric)
    return {stored, b.integer(b.getI8Type(), 0)};
  Value exact = b.sub(b.number(type, 0), arith::DivFOp::create(b, low, rounded));
  exact = b.select(b.less(exact, b.number(type, 0), type), b.number(type, 0), exact);
  exact = b.select(b.less(b.number(type, largestCode), exact, type), b.number(type, largestCode),
                   exact);
  exact = b.select(b.isNan(exact), b.number(type, 0), exact);
  Value code = arith::FPToSIOp::create(b, b.getI32Type(), math::RoundEvenOp::create(b, exact));
  return {stored, arith::TruncIOp::create(b, b.getI8Type(), code)};
}

Value mlir::compress::emitFakeQuantize(ScalarBuilder &b, Value value, Value scale, Value zeroPoint,
                                       Type codes, Type element) {
  Value code = emitQuantize(b, value, scale, zeroPoint, codes);
  // Through memory's type, which rounds float codes.
  code = b.load(b.store(code, codes), codes);
  Value result = emitDequantize(b, code, scale, zeroPoint, codes);
  return b.toFloat(result, result.getType(), ScalarBuilder::getComputeType(element));
}
