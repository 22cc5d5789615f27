//===- PruningLayer.h - random layers with correlated inputs --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_ALGORITHMS_PRUNINGLAYER_H
#define COMPRESS_TEST_UNIT_ALGORITHMS_PRUNINGLAYER_H

#include "compress/Algorithms/LinearAlgebra.h"
#include "compress/Algorithms/Sparsity.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <thread>
#include <vector>

namespace mlir::compress {

/// A linear layer whose inputs have the correlation rho^|i - j|, and with `outliers` magnitudes
/// exp(N(0, 1)); `weight` [rows, columns] is N(0, 1), `gram` [columns, columns].
struct PruningLayer {
  size_t rows, columns, vectors;
  std::vector<float> inputs, weight, gram;

  PruningLayer(size_t rows, size_t columns, size_t vectors, double rho, bool outliers,
               unsigned seed)
      : rows(rows), columns(columns), vectors(vectors), inputs(vectors * columns),
        weight(rows * columns), gram(columns * columns) {
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    std::vector<double> scale(columns, 1);
    if (outliers)
      for (double &s : scale)
        s = std::exp(normal(generator));
    for (size_t v = 0; v < vectors; ++v) {
      double previous = 0;
      for (size_t j = 0; j < columns; ++j) {
        double next = normal(generator);
        previous = j == 0 ? next : rho * previous + std::sqrt(1 - rho * rho) * next;
        inputs[v * columns + j] = static_cast<float>(previous * scale[j]);
      }
    }
    for (float &w : weight)
      w = static_cast<float>(normal(generator));
    addGram(gram.data(), columns, inputs.data(), columns, vectors);
  }

  /// The layer of the table of 64 x 128 weights and 512 inputs.
  PruningLayer(double rho, bool outliers, unsigned seed)
      : PruningLayer(64, 128, 512, rho, outliers, seed) {}

  /// The inputs become independent and of the same size.
  void makeWhite(float size = 1) {
    for (size_t i = 0; i < columns; ++i)
      for (size_t j = 0; j < columns; ++j)
        gram[i * columns + j] = i == j ? size : 0;
  }

  /// tr((W - W^) (H + added I) (W - W^)^T).
  double getLoss(const std::vector<float> &pruned, double added = 0) const {
    std::vector<double> difference(rows * columns);
    for (size_t i = 0; i < difference.size(); ++i)
      difference[i] = static_cast<double>(weight[i]) - pruned[i];
    return getEnergy(difference, added);
  }
  /// |(W - W^) X|^2 / |W X|^2.
  double getError(const std::vector<float> &pruned) const {
    return getLoss(pruned) / getEnergy({weight.begin(), weight.end()}, 0);
  }
  double getEnergy(const std::vector<double> &matrix, double added) const {
    double sum = 0;
    for (size_t r = 0; r < rows; ++r)
      for (size_t i = 0; i < columns; ++i) {
        double inner = added * matrix[r * columns + i];
        for (size_t j = 0; j < columns; ++j)
          inner += gram[i * columns + j] * matrix[r * columns + j];
        sum += inner * matrix[r * columns + i];
      }
    return sum;
  }
  double getMeanDiagonal() const {
    double sum = 0;
    for (size_t i = 0; i < columns; ++i)
      sum += gram[i * columns + i];
    return sum / static_cast<double>(columns);
  }
};

/// A `ParallelFor` of three threads, last piece first.
inline void runOnThreeThreads(size_t n, llvm::function_ref<void(size_t)> body) {
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = n; i-- > 0;)
        if (i % 3 == t)
          body(i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

inline size_t countZeros(const std::vector<uint8_t> &mask) {
  size_t zeros = 0;
  for (uint8_t byte : mask)
    zeros += byte == 0;
  return zeros;
}

/// Whether pruned weights are exactly 0.
inline bool isMasked(const std::vector<float> &weight, const std::vector<uint8_t> &mask) {
  for (size_t i = 0; i < weight.size(); ++i)
    if (!mask[i] && weight[i] != 0)
      return false;
  return true;
}

/// A weight after an algorithm, with what that tells of it.
template <typename Result>
struct PrunedBy : Result {
  std::vector<float> weight;
};

/// Runs `algorithm` on a copy of the layer's weight. An error is a failure of the test.
template <typename Result, typename Options>
PrunedBy<Result> pruneBy(llvm::Expected<Result> (*algorithm)(float *, size_t, size_t, const float *,
                                                             const Options &),
                         const PruningLayer &layer, const Options &options) {
  PrunedBy<Result> pruned;
  pruned.weight = layer.weight;
  llvm::Expected<Result> result =
      algorithm(pruned.weight.data(), layer.rows, layer.columns, layer.gram.data(), options);
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return pruned;
  }
  static_cast<Result &>(pruned) = std::move(*result);
  EXPECT_TRUE(isMasked(pruned.weight, pruned.mask));
  return pruned;
}

/// Options of an algorithm for a share, or for a pattern.
template <typename Options>
Options makeOptionsOf(double ratio, bool perRow) {
  Options options;
  options.target.ratio = ratio;
  options.target.perRow = perRow;
  return options;
}
template <typename Options>
Options makeOptionsOf(NMPattern nm) {
  Options options;
  options.target.nm = nm;
  return options;
}

} // namespace mlir::compress

#endif // COMPRESS_TEST_UNIT_ALGORITHMS_PRUNINGLAYER_H
