//===- Hqq.h - half-quadratic quantization ----------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights only, no data (Badri and Shaji, "Half-Quadratic Quantization of Large
// Machine Learning Models", 2023). For every block the parameters minimise
//
//   sum |w - w^|^p,   w^ = s (q - z),   q = the code of w,   p = 0.7
//
// which cares less for outliers than squares do. Starting with those of round to
// nearest, every iteration takes a half-quadratic step
//
//   e = shrink(w - w^),  shrink(x) = sign(x) max(0, |x| - |x|^(p-1) / beta),
//   parameters = least squares of w - e on the codes,
//
// and beta grows by the factor kappa. Magnitudes are in units of the root mean
// square of the matrix, so that multiplying it changes nothing. Which parameters
// are free depends on the grid:
//
// - float zero point (`integerZero` false): z = mean(q - (w - e) / s) with the
//   scale of min-max, as published; then q = clamp(round(w / s + z));
// - integer zero point: a step of z alone is nearly always less than half a
//   code, so the line through (q, w - e) gives s and z together, z is rounded and
//   clamped to a code, and s is fitted again for the rounded z;
// - symmetric grids, and tables with scales of a float type: s alone,
//   sum((w - e) t) / sum(t t) where w^ = s t. Tables whose scales are not free
//   (powers of two, E4M3) keep those of round to nearest.
//
// The best iterate by the objective is kept, ties to the earlier one; the first
// is round to nearest, so no block is worse than that. Scales are rounded to
// their stored type in every iteration.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_HQQ_H
#define COMPRESS_ALGORITHMS_HQQ_H

#include "compress/Algorithms/CodeGrid.h"

namespace mlir::compress {

struct HqqOptions {
  /// Exponent of the objective, in (0, 1].
  float p = 0.7f;
  float beta = 10;
  float kappa = 1.01f;
  unsigned iterations = 20;
  /// Zero points are codes. If not, `BlockParameters::zeroPoint` is any float: no chain stores
  /// that, but comparisons with the paper need it.
  bool integerZero = true;
};

/// Quantizes `weight` `[rows, columns]` (row-major, finite) with `group` columns of a row to a
/// block.
QuantizedMatrix hqq(const CodeGrid &grid, const float *weight, size_t rows, size_t columns,
                    size_t group, const HqqOptions &options = {},
                    ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_HQQ_H
