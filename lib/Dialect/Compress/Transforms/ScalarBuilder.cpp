//===- ScalarBuilder.cpp - arithmetic on elements -------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/ScalarBuilder.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

Type mlir::compress::getStorageElementType(Type type) {
  auto small = dyn_cast<FloatType>(type);
  if (small && small.getWidth() <= 8)
    return IntegerType::get(type.getContext(), 8);
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || integer.isSignlessInteger(1))
    return type;
  return IntegerType::get(type.getContext(), std::max(8u, integer.getWidth()));
}

Type ScalarBuilder::getComputeType(Type element) {
  if (isa<FloatType>(element))
    return element.isF64() ? element : Float32Type::get(element.getContext());
  return getStorageElementType(element);
}

bool ScalarBuilder::isSupported(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    return integer.getWidth() <= 64;
  auto type = dyn_cast<FloatType>(element);
  return type && type.getWidth() <= 64;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value ScalarBuilder::load(Value stored, Type element) {
  Type type = getComputeType(element);
  if (stored.getType() == type)
    return stored;
  auto floatType = cast<FloatType>(element);
  if (floatType.getWidth() <= 8)
    return decodeSmallFloat(stored, floatType);
  return arith::ExtFOp::create(*this, type, stored);
}

Value ScalarBuilder::store(Value computed, Type element, bool saturate, bool roundUpE8M0) {
  auto floatType = dyn_cast<FloatType>(element);
  if (!floatType)
    return wrap(computed, element);
  if (computed.getType() == element)
    return computed;
  if (floatType.getWidth() <= 8)
    return encodeSmallFloat(computed, floatType, saturate, roundUpE8M0);
  if (element.isBF16())
    return roundToBF16(computed);
  return arith::TruncFOp::create(*this, element, computed);
}

Value ScalarBuilder::wrap(Value value, Type element) {
  unsigned width = element.getIntOrFloatBitWidth();
  if (width >= 8 || value.getType().isInteger(1))
    return value;
  Value shift = integer(value.getType(), 8 - width);
  Value high = arith::ShLIOp::create(*this, value, shift);
  if (isUnsigned(element))
    return arith::ShRUIOp::create(*this, high, shift);
  return arith::ShRSIOp::create(*this, high, shift);
}

Value ScalarBuilder::number(Type type, double value) {
  return arith::ConstantOp::create(*this, getFloatAttr(type, value));
}

Value ScalarBuilder::integer(Type type, int64_t value) {
  return arith::ConstantOp::create(*this, getIntegerAttr(type, value));
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

namespace {
/// Formats of 8 bits and less; see lib/Support/NumericFormats.cpp.
struct SmallFormat {
  unsigned width, mantissaBits;
  int bias;
  /// Largest finite code without sign.
  int64_t maxCode;
  /// What codes above `maxCode` are: an infinity and NaN, one NaN, or none.
  bool hasInfinity = false, hasNanAtTop = false;
  /// The code of -0 is NaN.
  bool hasNanAtNegativeZero = false;
};
} // namespace

static SmallFormat getFormat(FloatType type) {
  if (isa<Float8E4M3FNType>(type))
    return {8, 3, 7, 0x7E, false, true};
  if (isa<Float8E4M3FNUZType>(type))
    return {8, 3, 8, 0x7F, false, false, true};
  if (isa<Float8E5M2Type>(type))
    return {8, 2, 15, 0x7B, true};
  if (isa<Float8E5M2FNUZType>(type))
    return {8, 2, 16, 0x7F, false, false, true};
  if (isa<Float6E2M3FNType>(type))
    return {6, 3, 1, 0x1F};
  if (isa<Float6E3M2FNType>(type))
    return {6, 2, 3, 0x1F};
  assert(isa<Float4E2M1FNType>(type) && "a format of 8 bits or less");
  return {4, 1, 1, 0x7};
}

Value ScalarBuilder::decodeSmallFloat(Value bits, FloatType type) {
  Type i32 = getI32Type(), f32 = getF32Type();
  Value code = arith::ExtUIOp::create(*this, i32, bits);
  auto toFloat = [&](Value value) { return arith::BitcastOp::create(*this, f32, value); };
  auto is = [&](Value value, int64_t constant) { return equal(value, integer(i32, constant)); };
  Value nan = number(f32, std::numeric_limits<double>::quiet_NaN());
  if (isa<Float8E8M0FNUType>(type)) {
    Value power = arith::ShLIOp::create(*this, code, integer(i32, 23));
    power = select(is(code, 0), integer(i32, 0x400000), power); // 2^-127 is a denormal.
    return select(is(code, 0xFF), nan, toFloat(power));
  }
  SmallFormat format = getFormat(type);
  int64_t signBit = int64_t(1) << (format.width - 1);
  Value magnitude = arith::AndIOp::create(*this, code, integer(i32, signBit - 1));
  // The exponent is too small by the difference of the biases, which a product puts right for
  // denormals too.
  Value shifted = arith::ShLIOp::create(*this, magnitude, integer(i32, 23 - format.mantissaBits));
  Value value = mul(toFloat(shifted), number(f32, std::ldexp(1.0, 127 - format.bias)));
  if (format.hasInfinity) {
    Value infinity = number(f32, std::numeric_limits<double>::infinity());
    Value isSpecial = less(integer(i32, format.maxCode), magnitude, i32);
    value = select(isSpecial, select(is(magnitude, format.maxCode + 1), infinity, nan), value);
  }
  if (format.hasNanAtTop)
    value = select(is(magnitude, format.maxCode + 1), nan, value);
  Value sign =
      arith::ShLIOp::create(*this, arith::AndIOp::create(*this, code, integer(i32, signBit)),
                            integer(i32, 32 - format.width));
  value = toFloat(arith::OrIOp::create(*this, arith::BitcastOp::create(*this, i32, value), sign));
  return format.hasNanAtNegativeZero ? select(is(code, signBit), nan, value) : value;
}

Value ScalarBuilder::encodeE8M0(Value value, bool saturate, bool roundUp) {
  Type i32 = getI32Type();
  Value bits = arith::AndIOp::create(*this, arith::BitcastOp::create(*this, i32, value),
                                     integer(i32, 0x7FFFFFFF));
  // A denormal of 2^-127 or more has its first mantissa bit as exponent.
  Value isDenormal = less(bits, integer(i32, 0x800000), i32);
  Value normal = select(isDenormal, add(bits, bits), bits);
  Value code = sub(arith::ShRUIOp::create(*this, normal, integer(i32, 23)),
                   arith::ExtUIOp::create(*this, i32, isDenormal));
  Value mantissa = arith::AndIOp::create(*this, normal, integer(i32, 0x7FFFFF));
  Value isUp = less(integer(i32, roundUp ? 0 : 0x3FFFFF), mantissa, i32);
  code = add(code, arith::ExtUIOp::create(*this, i32, isUp));
  Value tooSmall = less(bits, integer(i32, 0x400000), i32);
  code = select(tooSmall, integer(i32, saturate ? 0 : 0xFF), code);
  if (saturate)
    code = min(code, integer(i32, 0xFE), i32);
  else
    code = min(code, integer(i32, 0xFF), i32);
  code = select(isNan(value), integer(i32, 0xFF), code);
  return truncateTo(code, 8);
}

Value ScalarBuilder::encodeSmallFloat(Value value, FloatType type, bool saturate,
                                      bool roundUpE8M0) {
  if (isa<Float8E8M0FNUType>(type))
    return encodeE8M0(value, saturate, roundUpE8M0);
  SmallFormat format = getFormat(type);
  Type i32 = getI32Type(), f32 = getF32Type();
  Value all = arith::BitcastOp::create(*this, i32, value);
  Value bits = arith::AndIOp::create(*this, all, integer(i32, 0x7FFFFFFF));
  // Half of the last place less one, and one more for an odd mantissa: ties go to even.
  unsigned dropped = 23 - format.mantissaBits;
  Value odd = arith::AndIOp::create(
      *this, arith::ShRUIOp::create(*this, bits, integer(i32, dropped)), integer(i32, 1));
  Value rounded = add(add(bits, integer(i32, (int64_t(1) << (dropped - 1)) - 1)), odd);
  Value normal = sub(arith::ShRUIOp::create(*this, rounded, integer(i32, dropped)),
                     integer(i32, int64_t(127 - format.bias) << format.mantissaBits));
  // Denormals count in units of the smallest one.
  Value magnitude = arith::BitcastOp::create(*this, f32, bits);
  Value smallestNormal = number(f32, std::ldexp(1.0, 1 - format.bias));
  Value isDenormal = less(magnitude, smallestNormal, f32);
  Value small = select(isDenormal, magnitude, number(f32, 0));
  Value units = math::RoundEvenOp::create(
      *this, mul(small, number(f32, std::ldexp(1.0, format.bias - 1 +
                                                        static_cast<int>(format.mantissaBits)))));
  Value code = select(isDenormal, arith::FPToSIOp::create(*this, i32, units), normal);

  int64_t signBit = int64_t(1) << (format.width - 1);
  bool isNeverInfinite = !format.hasInfinity && !format.hasNanAtTop && !format.hasNanAtNegativeZero;
  Value isOver = less(integer(i32, format.maxCode), code, i32);
  bool overflowsToNan = !saturate && format.hasNanAtNegativeZero;
  int64_t over = saturate || isNeverInfinite ? format.maxCode : format.maxCode + 1;
  code = select(isOver, integer(i32, over), code);
  Value sign = arith::AndIOp::create(
      *this, arith::ShRUIOp::create(*this, all, integer(i32, 32 - format.width)),
      integer(i32, signBit));
  if (format.hasNanAtNegativeZero)
    sign = select(equal(code, integer(i32, 0)), integer(i32, 0), sign);
  code = arith::OrIOp::create(*this, code, sign);
  if (overflowsToNan)
    code = select(isOver, integer(i32, signBit), code);
  Value nan = integer(i32, signBit);
  if (format.hasInfinity || format.hasNanAtTop)
    nan = arith::OrIOp::create(*this, sign, integer(i32, format.hasInfinity ? 0x7E : 0x7F));
  return truncateTo(select(isNan(value), nan, code), 8);
}

/// In integers, since the instruction flushes denormals and older CPUs lack it.
Value ScalarBuilder::roundToBF16(Value value) {
  Type i32 = getI32Type();
  Value bits = arith::BitcastOp::create(*this, i32, value);
  Value high = arith::ShRUIOp::create(*this, bits, integer(i32, 16));
  Value odd = arith::AndIOp::create(*this, high, integer(i32, 1));
  Value rounded =
      arith::ShRUIOp::create(*this, add(add(bits, integer(i32, 0x7FFF)), odd), integer(i32, 16));
  Value quiet = arith::OrIOp::create(*this, high, integer(i32, 0x40));
  Value code = truncateTo(select(isNan(value), quiet, rounded), 16);
  return arith::BitcastOp::create(*this, getBF16Type(), code);
}

/// An f64 as f32 such that rounding it once more is as rounding the f64 once.
Value ScalarBuilder::roundToOdd(Value value) {
  Type i32 = getI32Type(), f64 = value.getType();
  Value narrow = arith::TruncFOp::create(*this, getF32Type(), value);
  Value back = arith::ExtFOp::create(*this, f64, narrow);
  Value bits = arith::BitcastOp::create(*this, i32, narrow);
  Value isAbove = less(abs(value, f64), abs(back, f64), f64);
  Value below = sub(bits, arith::ExtUIOp::create(*this, i32, isAbove));
  Value odd = arith::OrIOp::create(*this, below, integer(i32, 1));
  Value isInexact = arith::CmpFOp::create(*this, arith::CmpFPredicate::ONE, value, back);
  return select(isInexact, arith::BitcastOp::create(*this, getF32Type(), odd), narrow);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// An integer with the low `width` bits of `value`.
Value ScalarBuilder::truncateTo(Value value, unsigned width) {
  if (value.getType().getIntOrFloatBitWidth() == width)
    return value;
  return arith::TruncIOp::create(*this, getIntegerType(width), value);
}

Value ScalarBuilder::toFloat(Value value, Type from, Type type) {
  if (value.getType() == type)
    return value;
  if (isa<FloatType>(value.getType())) {
    if (type.isF64())
      return arith::ExtFOp::create(*this, type, value);
    return arith::TruncFOp::create(*this, type, value);
  }
  if (isUnsigned(from))
    return arith::UIToFPOp::create(*this, type, value);
  return arith::SIToFPOp::create(*this, type, value);
}

Value ScalarBuilder::floatToInteger(Value value, Type to) {
  Type type = value.getType();
  if (to.isSignlessInteger(1))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::UNE, value, number(type, 0));
  unsigned width = getComputeType(to).getIntOrFloatBitWidth();
  bool isWide = width == 64 || (width == 32 && isUnsigned(to));
  auto truncate = [&](Value from) -> Value {
    Type wide = getIntegerType(isWide ? 64 : 32);
    double limit = std::ldexp(1.0, isWide ? 63 : 31);
    // Only an f64 lies between -2^31 and -2^31 - 1.
    Value low = !isWide && type.isF64() ? less(number(type, -limit - 1), from, type)
                                        : lessEqual(number(type, -limit), from, type);
    Value isInside = arith::AndIOp::create(*this, low, less(from, number(type, limit), type));
    Value safe = select(isInside, from, number(type, 0));
    Value smallest = integer(wide, isWide ? std::numeric_limits<int64_t>::min()
                                          : std::numeric_limits<int32_t>::min());
    return select(isInside, arith::FPToSIOp::create(*this, wide, safe), smallest);
  };
  Value result = truncate(value);
  if (width == 64 && isUnsigned(to)) {
    Value limit = number(type, std::ldexp(1.0, 63));
    Value high = arith::XOrIOp::create(*this, truncate(sub(value, limit)),
                                       integer(getI64Type(), std::numeric_limits<int64_t>::min()));
    result = select(lessEqual(limit, value, type), high, result);
  }
  return wrap(truncateTo(result, width), to);
}

Value ScalarBuilder::convert(Value computed, Type from, Type to) {
  Type type = getComputeType(to);
  bool isFromFloat = isa<FloatType>(from);
  if (isa<FloatType>(to)) {
    bool isNarrow = to.getIntOrFloatBitWidth() < 32;
    bool isInexact = isFromFloat ? from.isF64() : from.getIntOrFloatBitWidth() > 24;
    if (isNarrow && isInexact)
      return roundToOdd(toFloat(computed, from, getF64Type()));
    return toFloat(computed, from, type);
  }
  if (isFromFloat)
    return floatToInteger(computed, to);
  if (to.isSignlessInteger(1))
    return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, computed,
                                 integer(computed.getType(), 0));
  unsigned width = computed.getType().getIntOrFloatBitWidth();
  if (width >= type.getIntOrFloatBitWidth())
    return wrap(truncateTo(computed, type.getIntOrFloatBitWidth()), to);
  Value wide = isUnsigned(from) ? arith::ExtUIOp::create(*this, type, computed).getResult()
                                : arith::ExtSIOp::create(*this, type, computed).getResult();
  return wrap(wide, to);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Value ScalarBuilder::less(Value a, Value b, Type element) {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b);
  return arith::CmpIOp::create(
      *this, isUnsigned(element) ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt, a, b);
}

Value ScalarBuilder::lessEqual(Value a, Value b, Type element) {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLE, a, b);
  return arith::CmpIOp::create(
      *this, isUnsigned(element) ? arith::CmpIPredicate::ule : arith::CmpIPredicate::sle, a, b);
}

Value ScalarBuilder::equal(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OEQ, a, b);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, b);
}

Value ScalarBuilder::isNan(Value value) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::UNO, value, value);
}

Value ScalarBuilder::add(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::AddFOp::create(*this, a, b);
  return arith::AddIOp::create(*this, a, b);
}

Value ScalarBuilder::sub(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::SubFOp::create(*this, a, b);
  return arith::SubIOp::create(*this, a, b);
}

Value ScalarBuilder::mul(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::MulFOp::create(*this, a, b);
  return arith::MulIOp::create(*this, a, b);
}

Value ScalarBuilder::div(Value a, Value b, Type element) {
  Type type = a.getType();
  if (isa<FloatType>(type))
    return arith::DivFOp::create(*this, a, b);
  Value zero = integer(type, 0), one = integer(type, 1);
  Value isZero = equal(b, zero);
  if (isUnsigned(element))
    return arith::DivUIOp::create(*this, a, select(isZero, one, b));
  // The smallest integer over -1 wraps.
  Value isMinusOne = equal(b, integer(type, -1));
  Value divisor = select(arith::OrIOp::create(*this, isZero, isMinusOne), one, b);
  return select(isMinusOne, sub(zero, a), arith::DivSIOp::create(*this, a, divisor));
}

Value ScalarBuilder::max(Value a, Value b, Type element) {
  Type type = a.getType();
  if (!isa<FloatType>(type)) {
    if (isUnsigned(element))
      return arith::MaxUIOp::create(*this, a, b);
    return arith::MaxSIOp::create(*this, a, b);
  }
  Value isBelow = arith::CmpFOp::create(*this, arith::CmpFPredicate::ULT, a, b);
  return select(isNan(a), a, select(isBelow, b, a));
}

Value ScalarBuilder::min(Value a, Value b, Type element) {
  Type type = a.getType();
  if (!isa<FloatType>(type)) {
    if (isUnsigned(element))
      return arith::MinUIOp::create(*this, a, b);
    return arith::MinSIOp::create(*this, a, b);
  }
  Value isAbove = arith::CmpFOp::create(*this, arith::CmpFPredicate::UGT, a, b);
  return select(isNan(a), a, select(isAbove, b, a));
}

Value ScalarBuilder::abs(Value value, Type element) {
  if (isa<FloatType>(value.getType()))
    return math::AbsFOp::create(*this, value);
  if (isUnsigned(element))
    return value;
  Value zero = integer(value.getType(), 0);
  return select(less(value, zero, element), sub(zero, value), value);
}
