//===- KMeans.h - clusters of vectors ---------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// k-means of vectors: starts that are drawn with probabilities in proportion to the
// squared distance from those drawn before (Arthur and Vassilvitskii, "k-means++",
// SODA 2007), then Lloyd's iteration, which never increases the error. A center
// without vectors moves to the vector with the largest error.
//
// Distances are sums of squared differences, in f32 within 64 elements and in f64
// beyond: a vector that is a center has distance 0. Ties go to the lower center.
// Results depend neither on threads nor on the ISA.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_KMEANS_H
#define COMPRESS_ALGORITHMS_KMEANS_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::compress {

struct KMeansOptions {
  /// Centers, 1 to 2^32 - 1.
  size_t k = 256;
  uint64_t seed = 0;
  unsigned maxIterations = 100;
  /// Ends when an iteration takes off less than this part of the error.
  double tolerance = 1e-4;
  /// Centers are fitted to so many vectors (0: all), drawn without replacement; at least `k`.
  size_t maxVectors = 0;
};

struct KMeans {
  /// `[k, dim]`. With fewer distinct vectors than k these come first, and the last is repeated.
  std::vector<float> centers;
  /// `[vectors]`: the nearest center of each.
  std::vector<uint32_t> codes;
  /// Weighted sums of squared distances of the vectors that centers are fitted to: with the starts,
  /// then after each iteration.
  std::vector<double> errors;
  /// Weighted sum of the squared distances of all vectors.
  double error = 0;
};

/// Clusters `vectors` [count, dim] (count and dim at least 1; finite, squares of differences too).
/// `weights` is empty (all 1) or has a non-negative number for each vector.
KMeans fitKMeans(llvm::ArrayRef<float> vectors, size_t dim, llvm::ArrayRef<float> weights,
                 const KMeansOptions &options, ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_KMEANS_H
