//===- MathBuilder.h - arithmetic on scalars and vectors alike -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_MATH_MATHBUILDER_H
#define COMPRESS_LIB_MATH_MATHBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir {
namespace compress {

/// Short names for the few ops that expansions are made of. All values of an expansion are scalars,
/// or all are vectors of the shape of `like`. None of the ops has fast-math flags, and there are no
/// conversions from float to integer that are undefined for NaN.
class MathBuilder : public ImplicitLocOpBuilder {
public:
  MathBuilder(Location loc, OpBuilder &builder, Type like)
      : ImplicitLocOpBuilder(loc, builder), like(like) {}

  Type type(Type element) {
    auto vector = dyn_cast<VectorType>(like);
    return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
  }
  Type f32() { return type(getF32Type()); }
  Type f64() { return type(getF64Type()); }
  Type i32() { return type(getI32Type()); }
  Type i64() { return type(getI64Type()); }

  Value constant(Type ofType, TypedAttr element) {
    TypedAttr attr = element;
    if (auto vector = dyn_cast<VectorType>(ofType))
      attr = DenseElementsAttr::get(vector, Attribute(element));
    return arith::ConstantOp::create(*this, attr);
  }
  Value f32(float value) { return constant(f32(), getF32FloatAttr(value)); }
  Value f64(double value) { return constant(f64(), getF64FloatAttr(value)); }
  Value i32(uint32_t value) {
    return constant(i32(), IntegerAttr::get(getI32Type(), APInt(32, value)));
  }
  Value i64(uint64_t value) {
    return constant(i64(), IntegerAttr::get(getI64Type(), APInt(64, value)));
  }

  Value add(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
  Value sub(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
  Value mul(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  Value div(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
  /// a * b + c with one rounding.
  Value fma(Value a, Value b, Value c) { return math::FmaOp::create(*this, a, b, c); }
  Value abs(Value a) { return math::AbsFOp::create(*this, a); }
  Value copySign(Value magnitude, Value sign) {
    return math::CopySignOp::create(*this, magnitude, sign);
  }
  Value roundEven(Value a) { return math::RoundEvenOp::create(*this, a); }

  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return arith::CmpFOp::create(*this, predicate, a, b);
  }
  /// Ordered: false where one is NaN.
  Value less(Value a, Value b) { return compare(arith::CmpFPredicate::OLT, a, b); }
  Value equal(Value a, Value b) { return compare(arith::CmpFPredicate::OEQ, a, b); }
  /// True where one is NaN.
  Value different(Value a, Value b) { return compare(arith::CmpFPredicate::UNE, a, b); }
  Value select(Value condition, Value a, Value b) {
    return arith::SelectOp::create(*this, condition, a, b);
  }
  /// `x` between the bounds; NaN stays. One instruction each on x86.
  Value atMost(Value x, Value high) { return select(less(high, x), high, x); }
  Value atLeast(Value x, Value low) { return select(less(x, low), low, x); }

  Value addInt(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
  Value subInt(Value a, Value b) { return arith::SubIOp::create(*this, a, b); }
  Value andInt(Value a, Value b) { return arith::AndIOp::create(*this, a, b); }
  Value orInt(Value a, Value b) { return arith::OrIOp::create(*this, a, b); }
  Value xorInt(Value a, Value b) { return arith::XOrIOp::create(*this, a, b); }
  Value shiftLeft(Value a, Value b) { return arith::ShLIOp::create(*this, a, b); }
  Value shiftRight(Value a, Value b) { return arith::ShRUIOp::create(*this, a, b); }
  Value shiftRightSigned(Value a, Value b) { return arith::ShRSIOp::create(*this, a, b); }
  Value bits(Value a) { return arith::BitcastOp::create(*this, isF64(a) ? i64() : i32(), a); }
  Value fromBits(Value a) { return arith::BitcastOp::create(*this, isI64(a) ? f64() : f32(), a); }
  Value toF64(Value a) { return arith::ExtFOp::create(*this, f64(), a); }
  Value toF32(Value a) { return arith::TruncFOp::create(*this, f32(), a); }

  /// coefficients[0] + x * (coefficients[1] + x * ...), by Horner's rule.
  Value polynomial(Value x, ArrayRef<float> coefficients) {
    Value sum = f32(coefficients.back());
    for (float c : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, f32(c));
    return sum;
  }
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = f64(coefficients.back());
    for (double c : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, f64(c));
    return sum;
  }

private:
  static bool isF64(Value a) { return getElementTypeOrSelf(a).isF64(); }
  static bool isI64(Value a) { return getElementTypeOrSelf(a).isInteger(64); }

  Type like;
};

// What `populateExpandMathPatterns` makes of the ops; arguments and results are f32.
Value emitExp(MathBuilder &b, Value x);
Value emitExp2(MathBuilder &b, Value x);
Value emitExpM1(MathBuilder &b, Value x);
Value emitTanh(MathBuilder &b, Value x);
Value emitErf(MathBuilder &b, Value x);
Value emitLog(MathBuilder &b, Value x);
Value emitLog1p(MathBuilder &b, Value x);
Value emitPow(MathBuilder &b, Value x, Value y);
/// x^y where `y` is one of 0, 0.5, -0.5, 1, -1, 2, 3; null for others.
Value emitPowConstant(MathBuilder &b, Value x, double y);
/// sin(x), or cos(x).
Value emitSinCos(MathBuilder &b, Value x, bool isCos);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_MATH_MATHBUILDER_H
