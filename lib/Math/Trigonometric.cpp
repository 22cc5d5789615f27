//===- Trigonometric.cpp - sin and cos of f32 -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MathBuilder.h"

using namespace mlir;
using namespace mlir::compress;

/// The first 196 bits of 2 / pi in pieces of 28: their products with an f32 are exact in f64.
static constexpr double kTwoOverPi[] = {0x0a2f9836p-28,  0x0e4e4415p-56,  0x029fc275p-84,
                                        0x07d1f534p-112, 0x0ddc0db6p-140, 0x0295993cp-168,
                                        0x0439041fp-196};

/// |x| in quarter turns modulo 4, in f64. Right for every finite f32: each product loses its
/// multiples of 4, exactly, before they are added (Payne and Hanek, 1983, without the integers).
static Value quarterTurns(MathBuilder &b, Value magnitude) {
  Value x = b.toF64(magnitude), sum;
  for (double piece : llvm::reverse(kTwoOverPi)) {
    Value product = b.mul(x, b.f64(piece));
    Value whole = b.roundEven(b.mul(product, b.f64(0.25)));
    Value part = b.fma(whole, b.f64(-4), product);
    sum = sum ? b.add(part, sum) : part;
  }
  return sum;
}

Value compress::emitSinCos(MathBuilder &b, Value x, bool isCos) {
  Value turns = quarterTurns(b, b.abs(x));
  // The nearest quarter, also as an integer in the low bits of a sum.
  Value magic = b.f64(0x1.8p52);
  Value shifted = b.add(turns, magic);
  Value rest = b.mul(b.sub(turns, b.sub(shifted, magic)), b.f64(0x1.921fb54442d18p+0));
  Value quarter = arith::TruncIOp::create(b, b.i32(), b.bits(shifted));
  if (isCos)
    quarter = b.addInt(quarter, b.i32(1));

  Value r = b.toF32(rest), square = b.mul(r, r);
  Value sin =
      b.polynomial(square, ArrayRef<float>{-0x1.555546p-3f, 0x1.110778p-7f, -0x1.9954p-13f});
  sin = b.fma(b.mul(sin, square), r, r);
  Value cos =
      b.polynomial(square, ArrayRef<float>{0x1.55554ap-5f, -0x1.6c0c2ap-10f, 0x1.99e910p-16f});
  cos = b.fma(b.fma(cos, square, b.f32(-0.5f)), square, b.f32(1));
  Value isOdd =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, b.andInt(quarter, b.i32(1)), b.i32(0));
  Value result = b.select(isOdd, cos, sin);
  // Quarters 2 and 3 are negative; sin has the sign of x too.
  Value sign = b.shiftLeft(b.andInt(quarter, b.i32(2)), b.i32(30));
  if (!isCos)
    sign = b.xorInt(sign, b.andInt(b.bits(x), b.i32(0x80000000)));
  return b.fromBits(b.xorInt(b.bits(result), sign));
}
