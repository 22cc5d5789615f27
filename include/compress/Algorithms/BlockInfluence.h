//===- BlockInfluence.h - how much blocks change the stream ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a residual block does to the value that runs through the network (Men et
// al., "ShortGPT"; Gromov et al., "The Unreasonable Ineffectiveness of the
// Deeper Layers"). With x_i,t the vector of token t at point i,
//
//   block influence of l      1 - mean_t cos(x_l,t, x_l+1,t)            in [0, 2]
//   distance over n blocks    mean_t arccos(cos(x_l,t, x_l+n,t)) / pi   in [0, 1]
//
// Cosines are computed in double. Two equal vectors have the cosine 1 exactly,
// two zero vectors, too, and a zero vector and another one 0. Of equal scores the
// first wins.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_BLOCKINFLUENCE_H
#define COMPRESS_ALGORITHMS_BLOCKINFLUENCE_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::compress {

/// Sums of cosines and angles between points of a stream.
struct StreamSums {
  explicit StreamSums(size_t points)
      : points(points), cosine(points * points), angle(points * points) {}

  /// Adds vectors: `values[i]` is `[count, width]` row-major, what the stream is at point i. A
  /// token whose vector is not finite at some point is left out. Does not depend on how
  /// `parallelFor` runs.
  void add(llvm::ArrayRef<const float *> values, size_t count, size_t width,
           ParallelFor parallelFor = serialFor);

  size_t points;
  /// Tokens that count, and those that were left out.
  uint64_t vectors = 0, nonFinite = 0;
  /// `[points, points]`, symmetric: sums over tokens of cosines, and of angles / pi.
  std::vector<double> cosine, angle;
};

/// 1 - mean cosine, from its sum over `vectors` (> 0) tokens.
double getBlockInfluence(double cosineSum, uint64_t vectors);

/// The `count` lowest scores (at most all), as increasing indices.
std::vector<size_t> chooseLowest(llvm::ArrayRef<double> scores, size_t count);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_BLOCKINFLUENCE_H
