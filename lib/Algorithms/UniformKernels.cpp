//===- UniformKernels.cpp - inner loops of uniform quantization -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "UniformKernels.h"
#include "Simd.h"
#include <algorithm>
#include <cstring>

using namespace mlir::compress;
using namespace mlir::compress::simd;

/// First `count` elements of a vector; the others are those of `rest`.
template <typename T, typename V>
COMPRESS_INLINE void loadPart(V &v, const T *p, uint64_t count, T rest) {
  T buffer[Lanes<T>::width];
  for (unsigned i = 0; i < Lanes<T>::width; ++i)
    buffer[i] = i < count ? p[i] : rest;
  load(v, buffer);
}

/// Combines the lanes of a vector pairwise: lane i with lane i + w/2, and so on.
template <typename T, typename V, typename Combine>
COMPRESS_INLINE T reduceLanes(const V &v, Combine combine) {
  T lanes[Lanes<T>::width];
  store(v, lanes);
#pragma clang loop unroll(full)
  for (unsigned half = Lanes<T>::width / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < half; ++i)
      lanes[i] = combine(lanes[i], lanes[i + half]);
  return lanes[0];
}
template <typename T, typename V>
COMPRESS_INLINE T sumLanes(const V &v) {
  return reduceLanes<T>(v, [](T a, T b) __attribute__((always_inline)) { return a + b; });
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

template <typename T>
COMPRESS_INLINE bool growRun(const T *x, uint64_t count, T &lo, T &hi) {
  using L = Lanes<T>;
  constexpr unsigned w = L::width;
  typename L::Vec low = typename L::Vec{} + lo, high = typename L::Vec{} + hi, v;
  // NaN survives 0 * x + ..., and 0 * infinity is NaN.
  typename L::Vec poison{};
  uint64_t i = 0;
  for (; i + w <= count; i += w) {
    load(v, x + i);
    low = v < low ? v : low;
    high = v > high ? v : high;
    poison += v * T(0);
  }
  if (i < count) {
    loadPart(v, x + i, count - i, x[i]);
    low = v < low ? v : low;
    high = v > high ? v : high;
    poison += v * T(0);
  }
  lo = reduceLanes<T>(low, [](T a, T b) __attribute__((always_inline)) { return a < b ? a : b; });
  hi = reduceLanes<T>(high, [](T a, T b) __attribute__((always_inline)) { return a > b ? a : b; });
  return sumLanes<T>(poison) == 0;
}

template <typename T>
COMPRESS_INLINE bool growRow(const T *__restrict x, uint64_t count, T *__restrict lo,
                             T *__restrict hi) {
  using L = Lanes<T>;
  constexpr unsigned w = L::width;
  typename L::Vec poison{}, v, low, high;
  uint64_t i = 0;
  for (; i + w <= count; i += w) {
    load(v, x + i);
    load(low, lo + i);
    load(high, hi + i);
    low = v < low ? v : low;
    high = v > high ? v : high;
    store(low, lo + i);
    store(high, hi + i);
    poison += v * T(0);
  }
  T sum = 0;
  for (; i < count; ++i) {
    lo[i] = x[i] < lo[i] ? x[i] : lo[i];
    hi[i] = x[i] > hi[i] ? x[i] : hi[i];
    sum += x[i] * T(0);
  }
  return sum + sumLanes<T>(poison) == 0;
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// Codes of one vector, and what it adds to the sums. Clamping to integers
/// before rounding gives the same code as clamping after it.
template <typename T, typename V>
COMPRESS_INLINE void encodeVector(const V &x, const V &scale, const V &zeroPoint, const V &low,
                                  const V &high, uint8_t *codes, V &error, V &square) {
  using L = Lanes<T>;
  V ratio = x / scale;
  V clamped = ratio < low ? low : ratio;
  clamped = clamped > high ? high : clamped;
  V rounded = (clamped + L::magic) - L::magic;
  V shifted = (rounded + zeroPoint) + L::magic;
  auto bits = (typename L::UVec)shifted;
  store(__builtin_convertvector(bits & 0xff, typename L::Bytes), codes);
  V difference = rounded - ratio;
  error += difference * difference;
  square += ratio * ratio;
}

template <typename T>
COMPRESS_INLINE void encodeRunImpl(const T *x, uint64_t count, T scale, T zeroPoint, T qmin, T qmax,
                                   uint8_t *codes, double &error, double &square) {
  using V = typename Lanes<T>::Vec;
  constexpr unsigned w = Lanes<T>::width;
  V s = V{} + scale, z = V{} + zeroPoint, low = V{} + (qmin - zeroPoint),
    high = V{} + (qmax - zeroPoint), errors{}, squares{}, v;
  uint64_t i = 0;
  for (; i + w <= count; i += w) {
    load(v, x + i);
    encodeVector<T>(v, s, z, low, high, codes + i, errors, squares);
  }
  if (i < count) {
    uint8_t part[w];
    loadPart(v, x + i, count - i, T(0));
    encodeVector<T>(v, s, z, low, high, part, errors, squares);
    for (unsigned j = 0; i + j < count; ++j)
      codes[i + j] = part[j];
  }
  error += sumLanes<T>(errors);
  square += sumLanes<T>(squares);
}

template <typename T>
COMPRESS_INLINE void encodeRowImpl(const T *__restrict x, uint64_t count,
                                   const T *__restrict scales, const T *__restrict zeroPoints,
                                   T qmin, T qmax, uint8_t *__restrict codes, T *__restrict errors,
                                   T *__restrict squares) {
  using V = typename Lanes<T>::Vec;
  constexpr unsigned w = Lanes<T>::width;
  V s, z, v, error, square;
  uint64_t i = 0;
  for (; i + w <= count; i += w) {
    load(v, x + i);
    load(s, scales + i);
    load(z, zeroPoints + i);
    load(error, errors + i);
    load(square, squares + i);
    encodeVector<T>(v, s, z, V(qmin - z), V(qmax - z), codes + i, error, square);
    store(error, errors + i);
    store(square, squares + i);
  }
  if (i < count) {
    uint8_t part[w];
    loadPart(v, x + i, count - i, T(0));
    loadPart(s, scales + i, count - i, T(1));
    loadPart(z, zeroPoints + i, count - i, T(0));
    loadPart(error, errors + i, count - i, T(0));
    loadPart(square, squares + i, count - i, T(0));
    encodeVector<T>(v, s, z, V(qmin - z), V(qmax - z), part, error, square);
    for (unsigned j = 0; i + j < count; ++j) {
      codes[i + j] = part[j];
      errors[i + j] = error[j];
      squares[i + j] = square[j];
    }
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

template <typename T, typename Code>
COMPRESS_INLINE void decodeRunImpl(const uint8_t *__restrict codes, uint64_t count, T scale,
                                   T zeroPoint, T *__restrict x) {
  for (uint64_t i = 0; i < count; ++i)
    x[i] = scale * (static_cast<T>(static_cast<Code>(codes[i])) - zeroPoint);
}

template <typename T, typename Code>
COMPRESS_INLINE void decodeRowImpl(const uint8_t *__restrict codes, uint64_t count,
                                   const T *__restrict scales, const T *__restrict zeroPoints,
                                   T *__restrict x) {
  for (uint64_t i = 0; i < count; ++i)
    x[i] = scales[i] * (static_cast<T>(static_cast<Code>(codes[i])) - zeroPoints[i]);
}

//===----------------------------------------------------------------------===//
// Instances for each type and ISA
//===----------------------------------------------------------------------===//

namespace mlir::compress {

COMPRESS_CLONES bool growRangeOfRun(const float *x, uint64_t count, float &lo, float &hi) {
  return growRun(x, count, lo, hi);
}
COMPRESS_CLONES bool growRangeOfRun(const double *x, uint64_t count, double &lo, double &hi) {
  return growRun(x, count, lo, hi);
}
COMPRESS_CLONES bool growRangeOfRow(const float *x, uint64_t count, float *lo, float *hi) {
  return growRow(x, count, lo, hi);
}
COMPRESS_CLONES bool growRangeOfRow(const double *x, uint64_t count, double *lo, double *hi) {
  return growRow(x, count, lo, hi);
}

COMPRESS_CLONES void encodeRun(const float *x, uint64_t count, float scale, float zeroPoint,
                               float qmin, float qmax, uint8_t *codes, double &error,
                               double &square) {
  encodeRunImpl(x, count, scale, zeroPoint, qmin, qmax, codes, error, square);
}
COMPRESS_CLONES void encodeRun(const double *x, uint64_t count, double scale, double zeroPoint,
                               double qmin, double qmax, uint8_t *codes, double &error,
                               double &square) {
  encodeRunImpl(x, count, scale, zeroPoint, qmin, qmax, codes, error, square);
}
COMPRESS_CLONES void encodeRow(const float *x, uint64_t count, const float *scales,
                               const float *zeroPoints, float qmin, float qmax, uint8_t *codes,
                               float *errors, float *squares) {
  encodeRowImpl(x, count, scales, zeroPoints, qmin, qmax, codes, errors, squares);
}
COMPRESS_CLONES void encodeRow(const double *x, uint64_t count, const double *scales,
                               const double *zeroPoints, double qmin, double qmax, uint8_t *codes,
                               double *errors, double *squares) {
  encodeRowImpl(x, count, scales, zeroPoints, qmin, qmax, codes, errors, squares);
}

COMPRESS_CLONES void decodeRun(const uint8_t *codes, bool isSigned, uint64_t count, float scale,
                               float zeroPoint, float *x) {
  if (isSigned)
    decodeRunImpl<float, int8_t>(codes, count, scale, zeroPoint, x);
  else
    decodeRunImpl<float, uint8_t>(codes, count, scale, zeroPoint, x);
}
COMPRESS_CLONES void decodeRun(const uint8_t *codes, bool isSigned, uint64_t count, double scale,
                               double zeroPoint, double *x) {
  if (isSigned)
    decodeRunImpl<double, int8_t>(codes, count, scale, zeroPoint, x);
  else
    decodeRunImpl<double, uint8_t>(codes, count, scale, zeroPoint, x);
}
COMPRESS_CLONES void decodeRow(const uint8_t *codes, bool isSigned, uint64_t count,
                               const float *scales, const float *zeroPoints, float *x) {
  if (isSigned)
    decodeRowImpl<float, int8_t>(codes, count, scales, zeroPoints, x);
  else
    decodeRowImpl<float, uint8_t>(codes, count, scales, zeroPoints, x);
}
COMPRESS_CLONES void decodeRow(const uint8_t *codes, bool isSigned, uint64_t count,
                               const double *scales, const double *zeroPoints, double *x) {
  if (isSigned)
    decodeRowImpl<double, int8_t>(codes, count, scales, zeroPoints, x);
  else
    decodeRowImpl<double, uint8_t>(codes, count, scales, zeroPoints, x);
}

} // namespace mlir::compress
