//===- CodeGridKernels.cpp - inner loops of code grids --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeGridKernels.h"
#include "Simd.h"
#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::simd;

using Vec = Lanes<float>::Vec;
using UVec = Lanes<float>::UVec;
constexpr unsigned kWidth = Lanes<float>::width;
constexpr float kMagic = Lanes<float>::magic;
/// Elements between two looks at the limit of `sumOfPowers`: a wrong guess of the branch costs more
/// than a few vectors.
constexpr size_t kChunk = 16 * kWidth;

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

/// v = v * a + b with one rounding, on every ISA.
COMPRESS_INLINE void multiplyAdd(Vec &v, const Vec &a, float b) {
  v = __builtin_elementwise_fma(v, a, Vec{} + b);
}

/// |x|^exponent as 2^(exponent * log2 |x|), with Chebyshev approximations of log2 on
/// [sqrt(1/2), sqrt(2)] and of 2^x on [-1/2, 1/2].
COMPRESS_INLINE void takePower(Vec &x, float exponent) {
  using IVec = Vector<int32_t, kWidth>;
  UVec bits = (UVec)x & Lanes<float>::absMask;
  IVec whole = (IVec)(bits - 0x3f3504f3u) >> 23;
  Vec t = (Vec)(bits - ((UVec)whole << 23)) - 1.0f;
  Vec log = Vec{} + 0.17212873f;
  multiplyAdd(log, t, -0.26950627f);
  multiplyAdd(log, t, 0.2956336f);
  multiplyAdd(log, t, -0.35935065f);
  multiplyAdd(log, t, 0.48062915f);
  multiplyAdd(log, t, -0.72136404f);
  multiplyAdd(log, t, 1.44269643f);
  log = __builtin_elementwise_fma(log, t, __builtin_convertvector(whole, Vec));
  Vec y = log * exponent;
  y = y < -126.0f ? Vec{} - 126.0f : y;
  y = y > 127.0f ? Vec{} + 127.0f : y;
  Vec shifted = y + kMagic;
  Vec f = y - (shifted - kMagic);
  Vec power = Vec{} + 0.00134004322f;
  multiplyAdd(power, f, 0.0096760371f);
  multiplyAdd(power, f, 0.0555032721f);
  multiplyAdd(power, f, 0.240221074f);
  multiplyAdd(power, f, 0.693147207f);
  multiplyAdd(power, f, 1.0f);
  x = (Vec)((UVec)power + ((UVec)shifted << 23));
}

COMPRESS_INLINE void takeNorm(Vec &x, float norm) {
  if (norm == 2)
    x *= x;
  else
    takePower(x, norm);
}

//===----------------------------------------------------------------------===//
// Errors of a block, in units of its scale
//===----------------------------------------------------------------------===//

/// The first `count` elements, then zeros.
COMPRESS_INLINE void loadFirst(Vec &v, const float *p, size_t count) {
  float buffer[kWidth] = {};
  for (size_t i = 0; i < count; ++i)
    buffer[i] = p[i];
  load(v, buffer);
}

COMPRESS_INLINE double sumLanes(const Vec &v) {
  float lanes[kWidth];
  store(v, lanes);
#pragma clang loop unroll(full)
  for (unsigned half = kWidth / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < half; ++i)
      lanes[i] += lanes[i + half];
  return lanes[0];
}

/// Replaces a ratio by its rounding error.
struct IntegerErrors {
  Vec low, high;
  inline __attribute__((always_inline)) void operator()(Vec &ratio) const {
    Vec clamped = ratio < low ? low : ratio;
    clamped = clamped > high ? high : clamped;
    ratio = ((clamped + kMagic) - kMagic) - ratio;
  }
};

struct SmallTableErrors {
  const float *thresholds, *values;
  unsigned numValues;
  inline __attribute__((always_inline)) void operator()(Vec &ratio) const {
    Vec value = Vec{} + values[0];
    for (unsigned i = 1; i < numValues; ++i)
      value = ratio >= thresholds[i - 1] ? Vec{} + values[i] : value;
    ratio = value - ratio;
  }
};

struct LargeTableErrors {
  const RatioGrid &grid;
  inline __attribute__((always_inline)) void operator()(Vec &ratio) const {
    float lanes[kWidth];
    store(ratio, lanes);
    for (float &lane : lanes)
      lane = grid.values[findInLargeTable(grid.firstIndex, grid.thresholds, lane)] - lane;
    load(ratio, lanes);
  }
};

template <typename Errors>
COMPRESS_INLINE double sumErrors(const Errors &errors, const float *x, const float *weights,
                                 size_t count, float inverse, float norm, double limit) {
  double total = 0;
  for (size_t begin = 0; begin < count; begin += kChunk) {
    size_t end = count - begin < kChunk ? count : begin + kChunk, i = begin;
    Vec sum{}, error, weight;
    for (; i + kWidth <= end; i += kWidth) {
      load(error, x + i);
      error *= inverse;
      errors(error);
      takeNorm(error, norm);
      if (weights) {
        load(weight, weights + i);
        error *= weight;
      }
      sum += error;
    }
    if (i < end) {
      loadFirst(error, x + i, end - i);
      error *= inverse;
      errors(error);
      takeNorm(error, norm);
      float ones[kWidth];
      for (float &one : ones)
        one = 1;
      loadFirst(weight, weights ? weights + i : ones, end - i);
      sum += error * weight;
    }
    total += sumLanes(sum);
    if (!(total < limit))
      return total;
  }
  return total;
}

namespace mlir::compress {

COMPRESS_CLONES static double sumIntegerErrors(const RatioGrid &grid, const float *x,
                                               const float *weights, size_t count, float inverse,
                                               float norm, double limit) {
  return sumErrors(IntegerErrors{Vec{} + grid.low, Vec{} + grid.high}, x, weights, count, inverse,
                   norm, limit);
}
COMPRESS_CLONES static double sumSmallTableErrors(const RatioGrid &grid, const float *x,
                                                  const float *weights, size_t count, float inverse,
                                                  float norm, double limit) {
  return sumErrors(SmallTableErrors{grid.thresholds, grid.values, grid.numValues}, x, weights,
                   count, inverse, norm, limit);
}
COMPRESS_CLONES static double sumLargeTableErrors(const RatioGrid &grid, const float *x,
                                                  const float *weights, size_t count, float inverse,
                                                  float norm, double limit) {
  return sumErrors(LargeTableErrors{grid}, x, weights, count, inverse, norm, limit);
}

double sumOfPowers(const RatioGrid &grid, const float *x, const float *weights, size_t count,
                   float inverse, float norm, double limit) {
  auto sum = !grid.thresholds  ? sumIntegerErrors
             : grid.firstIndex ? sumLargeTableErrors
                               : sumSmallTableErrors;
  return sum(grid, x, weights, count, inverse, norm, limit);
}

COMPRESS_CLONES void takePowers(float *values, float exponent) {
  Vec x;
  load(x, values);
  takePower(x, exponent);
  store(x, values);
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

COMPRESS_CLONES void divideRun(const float *x, size_t count, float scale, float *ratios) {
  for (size_t i = 0; i < count; ++i)
    ratios[i] = x[i] / scale;
}

COMPRESS_CLONES void encodeSmallTable(const float *ratios, size_t count, const float *thresholds,
                                      const uint8_t *codes, unsigned numValues, uint8_t *result) {
  for (size_t i = 0; i < count; i += kWidth) {
    size_t left = count - i < kWidth ? count - i : kWidth;
    Vec ratio;
    if (left == kWidth)
      load(ratio, ratios + i);
    else
      loadFirst(ratio, ratios + i, left);
    UVec code = UVec{} + codes[0];
    for (unsigned j = 1; j < numValues; ++j)
      code = ratio >= thresholds[j - 1] ? UVec{} + codes[j] : code;
    Lanes<float>::Bytes bytes = __builtin_convertvector(code, Lanes<float>::Bytes);
    __builtin_memcpy(result + i, &bytes, left);
  }
}

COMPRESS_CLONES void roundUniformRow(const float *__restrict x, size_t count,
                                     const float *__restrict scales,
                                     const float *__restrict zeroPoints, float qmin, float qmax,
                                     uint8_t mask, uint8_t *__restrict codes,
                                     float *__restrict rounded) {
  for (size_t i = 0; i < count; ++i) {
    float ratio = x[i] / scales[i], zero = zeroPoints[i];
    float low = qmin - zero, high = qmax - zero;
    float clamped = ratio < low ? low : ratio;
    clamped = clamped > high ? high : clamped;
    float code = ((clamped + kMagic) - kMagic);
    float shifted = (code + zero) + kMagic;
    uint32_t bits;
    __builtin_memcpy(&bits, &shifted, 4);
    codes[i] = bits & mask;
    rounded[i] = scales[i] * code;
  }
}

} // namespace mlir::compress
