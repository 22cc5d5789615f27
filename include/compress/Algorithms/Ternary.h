//===- Ternary.h - weights of -1, 0 and 1 -----------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x^ = a * t with t in {-1, 0, 1}. With m = mean |x| over the block:
//
//   Twn      t = sign(x) if |x| > 0.7 m, else 0; a = mean of the |x| > 0.7 m
//            (Li and Liu, "Ternary weight networks", 2016)
//   Exact    the least squared error: of the k largest magnitudes a is the mean,
//            for the k with the largest (sum of them)^2 / k
//   AbsMean  t = round_half_even(clamp(x / m, -1, 1)), a = m, where m is over
//            the whole matrix (Ma et al., "The era of 1-bit LLMs", 2024)
//
// The scale is rounded to its stored type afterwards: it does not change which
// elements are 0 in `Twn`. A block of zeros has scale 1 and zeros.
// Relative squared errors on a normal distribution: Twn 0.191625 (42.35 % zeros),
// Exact 0.190174, AbsMean 0.263382 (31.0 % zeros); binary weights have 0.363380.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_TERNARY_H
#define COMPRESS_ALGORITHMS_TERNARY_H

#include "compress/Algorithms/CodeGrid.h"

namespace mlir::compress {

/// Which elements become 0, and the scale; see the head of this file.
enum class TernaryRule : uint8_t { Twn, Exact, AbsMean };

/// Ternary codes (i2, as those of `makeTernaryGrid`) of `weight` `[rows, columns]` (row-major,
/// finite) with a scale of type `scaleType` for each `group` columns of a row.
QuantizedMatrix ternarizeMatrix(TernaryRule rule, const float *weight, size_t rows, size_t columns,
                                size_t group, DataType scaleType = DataType::F32,
                                ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_TERNARY_H
