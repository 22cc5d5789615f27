//===- KMeans1D.h - the best table for values -------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// k-means in one dimension, globally: the k numbers that minimise the sum of
// w_i * (x_i - nearest number)^2. Cells of the best numbers are runs of the sorted
// values, so dynamic programming over the sorted distinct values finds them (Wang
// and Song, "Ckmeans.1d.dp", The R Journal 2011). The costs have the Monge property:
// each layer is solved by divide and conquer, k n log n in all.
//
// With at most `maxBins` distinct values (all tensors of f16 and bf16, rows of
// most) the result is the minimum over all tables, up to rounding in f64. With more
// it is the minimum over all cells that are unions of `maxBins` bins, which are made
// by cutting the bin with the largest squared error at its mean, again and again.
// Sums of bins are exact. Lloyd's iteration on the values follows, which never
// increases the error.
//
// Memory: 8 bytes for each value (24 with weights), and 2 k n bytes for n distinct
// values or bins (5 k n with `keepZero`). Runs on the calling thread.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_KMEANS1D_H
#define COMPRESS_ALGORITHMS_KMEANS1D_H

#include "llvm/ADT/ArrayRef.h"
#include <cstddef>
#include <vector>

namespace mlir::compress {

struct KMeans1DOptions {
  /// Numbers in the table, 1 to 256; any number, not only powers of two.
  size_t k = 16;
  /// One of the k numbers is exactly 0; the table is the best of those.
  bool keepZero = false;
  /// 512 to 65535.
  size_t maxBins = 65535;
  /// Of Lloyd's iteration, if there are more distinct values than bins.
  unsigned maxIterations = 1000;
};

struct KMeans1D {
  /// Ascending; fewer than k if there are fewer distinct values (and 0 with `keepZero`), which are
  /// then the table.
  std::vector<double> centers;
  /// Weighted sum of squared errors.
  double error = 0;
  /// Whether no histogram was needed.
  bool isExact = false;
};

/// The best table for `values` (not empty, finite). `weights` is empty (all 1) or has a
/// non-negative number for each value.
KMeans1D solveKMeans1D(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights,
                       const KMeans1DOptions &options);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_KMEANS1D_H
