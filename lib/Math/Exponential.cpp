//===- Exponential.cpp - exp, expm1, tanh and erf of f32 -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// exp(x) = 2^n * exp(r) with n = round(x / ln 2), |r| <= ln(2) / 2. The polynomials are minimax
// fits of our own. n comes from adding 1.5 * 2^23, which leaves it in the low bits of the sum: no
// conversion to integers, so NaN passes through.
//
//===----------------------------------------------------------------------===//

#include "MathBuilder.h"
#include "compress/Math/ExpandMath.h"

using namespace mlir;
using namespace mlir::compress;

/// 1.5 * 2^23: the sum with a small number is an integer in its low bits.
static constexpr float kRound = 12582912.0f;
static constexpr float kLog2e = 0x1.715476p+0f;
/// ln(2) in two parts; products of the first with integers up to 2^8 are exact.
static constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;

namespace {
/// x = n * ln(2) + r.
struct Reduced {
  /// Bits of n + 1.5 * 2^23.
  Value shifted;
  Value r;
};
} // namespace

static Reduced reduce(MathBuilder &b, Value x) {
  Value sum = b.fma(x, b.f32(kLog2e), b.f32(kRound));
  Value n = b.sub(sum, b.f32(kRound));
  Value r = b.fma(n, b.f32(-kLn2High), x);
  return {b.bits(sum), b.fma(n, b.f32(-kLn2Low), r)};
}

/// 2^n of an integer in the low bits of `shifted`; n in [-126, 127].
static Value scaleOf(MathBuilder &b, Value shifted) {
  return b.fromBits(b.addInt(b.shiftLeft(shifted, b.i32(23)), b.i32(0x3f800000)));
}

/// exp(r).
static Value expOfReduced(MathBuilder &b, Value r) {
  Value p = b.polynomial(r, ArrayRef<float>{0x1.fffffep-2f, 0x1.5554b4p-3f, 0x1.5556f2p-5f,
                                            0x1.12256cp-7f, 0x1.6b9ce8p-10f});
  return b.fma(b.fma(p, r, b.f32(1)), r, b.f32(1));
}

/// exp(r) - 1, with a small relative error.
static Value expM1OfReduced(MathBuilder &b, Value r) {
  Value p = b.polynomial(r, ArrayRef<float>{0x1p-1f, 0x1.555554p-3f, 0x1.5554f8p-5f, 0x1.1112d4p-7f,
                                            0x1.6d3a66p-10f, 0x1.9e7c8cp-13f});
  return b.fma(b.mul(r, r), p, r);
}

/// p * 2^n for n in [-151, 128], in two steps: right for results that are subnormal or infinite.
static Value scale(MathBuilder &b, Value p, Value shifted) {
  // The constant in `shifted` is a multiple of 2^10, so that halving it leaves the low bits alone.
  Value half = b.shiftRight(shifted, b.i32(1));
  return b.mul(b.mul(p, scaleOf(b, half)), scaleOf(b, b.subInt(shifted, half)));
}

Value compress::emitExp(MathBuilder &b, Value x) {
  x = b.atLeast(b.atMost(x, b.f32(89)), b.f32(-105));
  Reduced reduced = reduce(b, x);
  return scale(b, expOfReduced(b, reduced.r), reduced.shifted);
}

Value compress::emitExpOfNonPositive(ImplicitLocOpBuilder &builder, Value x) {
  MathBuilder b(builder.getLoc(), builder, x.getType());
  // Down to exp(-87.33) = 2^-126 * 1.003 the result is normal, and one scaling will do.
  Value lowest = b.f32(-87.33f);
  Reduced reduced = reduce(b, b.atLeast(x, lowest));
  Value result = b.mul(expOfReduced(b, reduced.r), scaleOf(b, reduced.shifted));
  return b.select(b.less(x, lowest), b.f32(0.0f), result);
}

Value compress::emitExp2(MathBuilder &b, Value x) {
  x = b.atLeast(b.atMost(x, b.f32(128)), b.f32(-151));
  Value sum = b.add(x, b.f32(kRound));
  Value r = b.mul(b.sub(x, b.sub(sum, b.f32(kRound))), b.f32(0x1.62e430p-1f));
  return scale(b, expOfReduced(b, r), b.bits(sum));
}

Value compress::emitExpM1(MathBuilder &b, Value x) {
  Value bounded = b.atLeast(b.atMost(x, b.f32(89)), b.f32(-30));
  Reduced reduced = reduce(b, bounded);
  // (2^n * (1 + q) - 1) / 2, doubled at the end, so that 2^128 does not occur.
  Value s = scaleOf(b, b.addInt(reduced.shifted, b.i32(0xffffffff)));
  Value half = b.fma(s, expM1OfReduced(b, reduced.r), b.sub(s, b.f32(0.5f)));
  // Tiny numbers are their own result, also subnormal ones and -0.
  return b.select(b.less(b.abs(x), b.f32(0x1p-26f)), x, b.add(half, half));
}

Value compress::emitTanh(MathBuilder &b, Value x) {
  // (exp(2x) - 1) / (exp(2x) + 1) with exp(2x) = 2^n * (1 + q): no cancellation, since 2^n - 1 is
  // exact and q is relatively exact when n is 0. From 9.02 on the result rounds to 1.
  Value bounded = b.atMost(b.abs(x), b.f32(9.03125f));
  Reduced reduced = reduce(b, b.add(bounded, bounded));
  Value s = scaleOf(b, reduced.shifted), q = expM1OfReduced(b, reduced.r);
  Value numerator = b.fma(s, q, b.sub(s, b.f32(1)));
  Value denominator = b.fma(s, q, b.add(s, b.f32(1)));
  return b.copySign(b.div(numerator, denominator), x);
}

Value compress::emitErf(MathBuilder &b, Value x) {
  // Small: x + x * S(x^2). Large: 1 - exp(|x| * L(|x|)), which is 1 from 3.92 on.
  Value t = b.atMost(b.abs(x), b.f32(4)), square = b.mul(x, x);
  Value small = b.polynomial(
      square, ArrayRef<float>{0x1.06eba8p-3f, -0x1.812740p-2f, 0x1.ce2d64p-4f, -0x1.b801220p-6f,
                              0x1.544ad6p-8f, -0x1.a61504p-11f, 0x1.4f9a32p-14f});
  small = b.fma(small, x, x);
  Value exponent = b.polynomial(t, ArrayRef<float>{-0x1.20ef7cp+0f, -0x1.452f80p-1f,
                                                   -0x1.b34dbcp-4f, 0x1.85dbcep-6f, -0x1.df7746p-9f,
                                                   0x1.567e22p-12f, -0x1.85a6a6p-17f});
  Reduced reduced = reduce(b, b.mul(exponent, t));
  Value tail = b.mul(expOfReduced(b, reduced.r), scaleOf(b, reduced.shifted));
  Value large = b.copySign(b.sub(b.f32(1), tail), x);
  // NaN takes the small branch.
  return b.select(b.less(b.f32(0.9375f), t), large, small);
}
