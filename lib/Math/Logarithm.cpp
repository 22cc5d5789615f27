//===- Logarithm.cpp - log, log1p and pow of f32 -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MathBuilder.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

static constexpr float kInf = std::numeric_limits<float>::infinity();
static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

namespace {
/// A number as an unevaluated sum.
struct Sum {
  Value high, low;
};
} // namespace

/// log of a positive normal number times 2^-bias: x = 2^n * (1 + f) with 1 + f in [2/3, 4/3).
static Sum logOfNormal(MathBuilder &b, Value x, Value bias) {
  Value bits = b.bits(x);
  Value offset = b.subInt(bits, b.i32(0x3f2aaaab));
  Value f = b.sub(b.fromBits(b.subInt(bits, b.andInt(offset, b.i32(0xff800000)))), b.f32(1));
  Value n =
      arith::SIToFPOp::create(b, b.f32(), b.subInt(b.shiftRightSigned(offset, b.i32(23)), bias));
  Value p = b.polynomial(f, ArrayRef<float>{-0x1p-1f, 0x1.555506p-2f, -0x1.fffefap-3f,
                                            0x1.99d05cp-3f, -0x1.559c30p-3f, 0x1.1ed452p-3f,
                                            -0x1.f33c0ep-4f, 0x1.1e72a0p-3f, -0x1.07ab5cp-3f});
  // n * ln(2) is exact with the first part of ln(2); the rounding of the sum goes to the low part.
  Value whole = b.mul(n, b.f32(0x1.62e4p-1f));
  Value high = b.add(whole, f);
  Value rest = b.sub(f, b.sub(high, whole));
  Value low = b.fma(b.mul(f, f), p, b.fma(n, b.f32(0x1.7f7d1cp-20f), rest));
  return {high, low};
}

Value compress::emitLog(MathBuilder &b, Value x) {
  Value isSubnormal = b.less(x, b.f32(0x1p-126f));
  Value scaled = b.select(isSubnormal, b.mul(x, b.f32(0x1p23f)), x);
  Sum sum = logOfNormal(b, scaled, b.select(isSubnormal, b.i32(23), b.i32(0)));
  Value result = b.add(sum.high, sum.low);
  result = b.select(b.less(x, b.f32(kInf)), result, x);
  result = b.select(b.less(x, b.f32(0)), b.f32(kNan), result);
  return b.select(b.equal(x, b.f32(0)), b.f32(-kInf), result);
}

Value compress::emitLog1p(MathBuilder &b, Value x) {
  // log(u) + error / u, with u + error = 1 + x exactly.
  Value one = b.f32(1);
  Value u = b.add(one, x);
  Value fromX = b.sub(u, one), fromOne = b.sub(u, fromX);
  Value error = b.add(b.sub(one, fromOne), b.sub(x, fromX));
  Sum sum = logOfNormal(b, u, b.i32(0));
  Value result = b.add(sum.high, b.add(sum.low, b.div(error, u)));
  result = b.select(b.less(x, b.f32(kInf)), result, x);
  result = b.select(b.less(x, b.f32(-1)), b.f32(kNan), result);
  result = b.select(b.equal(x, b.f32(-1)), b.f32(-kInf), result);
  return b.select(b.equal(x, b.f32(0)), x, result);
}

/// log2 in f64 of a non-negative f64 that came from f32, so is normal or zero.
static Value log2Wide(MathBuilder &b, Value x) {
  Value bits = b.bits(x);
  // 2^n * m with m in [sqrt(1/2), sqrt(2)). The exponent of x is more than -1000: n + 1024 is
  // positive, and becomes a double by way of its bits.
  Value offset = b.addInt(b.subInt(bits, b.i64(0x3fe6a09e667f3bcd)), b.i64(uint64_t(1024) << 52));
  Value exponent = b.shiftRight(offset, b.i64(52));
  Value n = b.sub(b.fromBits(b.orInt(exponent, b.i64(0x4330000000000000))), b.f64(0x1p52 + 1024));
  Value m = b.fromBits(b.subInt(bits, b.shiftLeft(b.subInt(exponent, b.i64(1024)), b.i64(52))));
  Value s = b.div(b.sub(m, b.f64(1)), b.add(m, b.f64(1)));
  Value p = b.polynomial(b.mul(s, s), ArrayRef<double>{0x1.71547652b824ep+1, 0x1.ec709dc538759p-1,
                                                       0x1.2776c2982eddcp-1, 0x1.a61a2b2180075p-2,
                                                       0x1.4795e09f02022p-2, 0x1.21a9c05e21b92p-2});
  return b.fma(s, p, n);
}

/// 2^x in f64 for |x| <= 200.
static Value exp2Wide(MathBuilder &b, Value x) {
  Value magic = b.f64(0x1.8p52);
  Value sum = b.add(x, magic);
  Value r = b.sub(x, b.sub(sum, magic));
  Value p = b.polynomial(r, ArrayRef<double>{0x1.ffffffffabbcep-1, 0x1.62e42ff1162a8p-1,
                                             0x1.ebfbe0a4be6b1p-3, 0x1.c6b08aaf2bf16p-5,
                                             0x1.3b29dc40e656dp-7, 0x1.5d8a708baff15p-10,
                                             0x1.446a1fce7b2afp-13, 0x1.fe177f96c71e4p-17});
  Value power = b.addInt(b.shiftLeft(b.bits(sum), b.i64(52)), b.i64(0x3ff0000000000000));
  return b.mul(p, b.fromBits(power));
}

Value compress::emitPow(MathBuilder &b, Value x, Value y) {
  Value zero = b.f32(0), one = b.f32(1), inf = b.f32(kInf);
  Value magnitude = b.abs(x);
  // |x|^y by logarithm and exponential in f64, which leaves one rounding.
  Value wide = b.toF64(magnitude);
  Value log = b.select(b.less(magnitude, inf), log2Wide(b, wide), wide);
  log = b.select(b.equal(magnitude, zero), b.f64(-std::numeric_limits<double>::infinity()), log);
  Value exponent = b.mul(b.toF64(y), log);
  // 1 to an infinite power is 1, not 0 * infinity.
  Value isOneToInf = b.andInt(b.equal(magnitude, one), b.equal(b.abs(y), inf));
  exponent = b.select(isOneToInf, b.f64(0), exponent);
  exponent = b.atLeast(b.atMost(exponent, b.f64(200)), b.f64(-200));
  Value power = b.toF32(exp2Wide(b, exponent));

  // Negative bases: odd integer powers are negative, fractional ones NaN.
  Value half = b.mul(y, b.f32(0.5f)), sign = b.andInt(b.bits(x), b.i32(0x80000000));
  Value isOdd = b.andInt(b.equal(b.roundEven(y), y), b.different(b.roundEven(half), half));
  Value result = b.fromBits(b.xorInt(b.bits(power), b.select(isOdd, sign, b.i32(0))));
  Value isNegative = b.andInt(b.less(x, zero), b.less(magnitude, inf));
  Value isUndefined = b.andInt(isNegative, b.different(b.roundEven(y), y));
  result = b.select(isUndefined, b.f32(kNan), result);
  // 1^NaN and NaN^0 are 1.
  return b.select(b.orInt(b.equal(x, one), b.equal(y, zero)), one, result);
}

Value compress::emitPowConstant(MathBuilder &b, Value x, double y) {
  Value one = b.f32(1);
  if (y == 0)
    return one;
  if (y == 1)
    return x;
  if (y == -1)
    return b.div(one, x);
  if (y == 2)
    return b.mul(x, x);
  if (y == 3)
    return b.mul(b.mul(x, x), x);
  if (y != 0.5 && y != -0.5)
    return {};
  // Unlike sqrt, pow gives +0 for -0 and +infinity for -infinity.
  Value root = math::SqrtOp::create(b, b.add(x, b.f32(0)));
  root = b.select(b.equal(x, b.f32(-kInf)), b.f32(kInf), root);
  return y > 0 ? root : b.div(one, root);
}
