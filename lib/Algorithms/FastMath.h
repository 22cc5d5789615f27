//===- FastMath.h - powers for vector loops --------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scalar functions without branches, which loops over arrays turn into vectors. Relative errors are
// below 1e-6, and the bits are the same on every ISA.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_FASTMATH_H
#define COMPRESS_LIB_ALGORITHMS_FASTMATH_H

#include "Simd.h"

namespace mlir::compress::simd {

/// 2^x; x below -126 or above 126 counts as that.
COMPRESS_INLINE float exp2(float x) {
  const float magic = Lanes<float>::magic;
  x = x < -126 ? -126.0f : x;
  x = x > 126 ? 126.0f : x;
  float whole = (x + magic) - magic;
  float f = x - whole;
  float e = 1 + f * (0.693147181f +
                     f * (0.240226507f +
                          f * (0.0555041087f +
                               f * (0.00961812911f + f * (0.00133335581f + f * 0.000154035f)))));
  return e * __builtin_bit_cast(float, (int32_t(whole) + 127) * (1 << 23));
}

/// log2(x) for normal x > 0.
COMPRESS_INLINE float log2(float x) {
  int32_t bits = __builtin_bit_cast(int32_t, x);
  int32_t exponent = (bits - 0x3f3504f3) >> 23;
  float m = __builtin_bit_cast(float, bits - exponent * (1 << 23));
  float r = (m - 1) / (m + 1), r2 = r * r;
  return float(exponent) +
         r * (2.885390082f +
              r2 * (0.961796694f + r2 * (0.577078016f + r2 * (0.412198583f + r2 * 0.3206f))));
}

/// x^y for normal x > 0.
COMPRESS_INLINE float power(float x, float y) { return exp2(log2(x) * y); }

/// Square root of x >= 0, without `errno`.
COMPRESS_INLINE float squareRoot(float x) {
#if defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#else
  return __builtin_sqrtf(x);
#endif
}

} // namespace mlir::compress::simd

#endif // COMPRESS_LIB_ALGORITHMS_FASTMATH_H
