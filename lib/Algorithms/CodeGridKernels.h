//===- CodeGridKernels.h - inner loops of code grids ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_CODEGRIDKERNELS_H
#define COMPRESS_LIB_ALGORITHMS_CODEGRIDKERNELS_H

#include <cstddef>
#include <cstdint>

namespace mlir::compress {

/// Tables of at most this many values are searched by comparing with all thresholds.
constexpr unsigned kSmallTable = 16;

/// Codes and values of elements with a scale and zero point each; `mask` has the bits of a code.
void roundUniformRow(const float *x, size_t count, const float *scales, const float *zeroPoints,
                     float qmin, float qmax, uint8_t mask, uint8_t *codes, float *rounded);

/// ratios[i] = x[i] / scale.
void divideRun(const float *x, size_t count, float scale, float *ratios);

/// Codes of a table of `numValues` (at most `kSmallTable`) values: that of the number of thresholds
/// (`numValues - 1`, ascending) that are not above the ratio.
void encodeSmallTable(const float *ratios, size_t count, const float *thresholds,
                      const uint8_t *codes, unsigned numValues, uint8_t *result);

/// Replaces 16 values by `|value|^exponent`, with a relative error below 2e-6 between 2^-126 and
/// 2^127, to which results are clamped.
void takePowers(float *values, float exponent);

/// The values of a code, in units of the scale: integers of a range, or a table. `thresholds` is
/// null for integers; `firstIndex` is null for small tables (see `CodeGrid`).
struct RatioGrid {
  float low, high;
  const float *thresholds = nullptr;
  const float *values = nullptr;
  unsigned numValues = 0;
  const uint8_t *firstIndex = nullptr;
};

/// Sum over the block of `weights[i] * |round(x / s) - x / s|^norm`, where `inverse` is 1 / s and
/// `weights` may be null (all 1). Gives up with some number of at least `limit` once the sum of a
/// part reaches it.
double sumOfPowers(const RatioGrid &grid, const float *x, const float *weights, size_t count,
                   float inverse, float norm, double limit);

/// Index in a table of more than `kSmallTable` values.
inline unsigned findInLargeTable(const uint8_t *firstIndex, const float *thresholds, float ratio) {
  uint32_t bits;
  __builtin_memcpy(&bits, &ratio, 4);
  unsigned index = firstIndex[bits >> 19];
  // The last threshold is NaN.
  while (ratio >= thresholds[index])
    ++index;
  return index;
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_CODEGRIDKERNELS_H
