//===- PruningScores.cpp - how much weights matter ------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/PruningScores.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::compress;

/// Rows that are worked on at once; sums over rows are made of sums over these.
static constexpr size_t kRows = 64;

/// Rounds to f32; infinities become the largest finite value.
static float toScore(double value) {
  return static_cast<float>(
      std::min(value, static_cast<double>(std::numeric_limits<float>::max())));
}

/// Calls `body(first, last)` for chunks of rows.
static void forRows(size_t rows, ParallelFor parallelFor,
                    llvm::function_ref<void(size_t, size_t)> body) {
  parallelFor((rows + kRows - 1) / kRows,
              [&](size_t c) { body(c * kRows, std::min(rows, (c + 1) * kRows)); });
}

/// `score(row, column)` for all elements.
template <typename Score>
static std::vector<float> computeScores(size_t rows, size_t columns, ParallelFor parallelFor,
                                        Score score) {
  std::vector<float> scores(rows * columns);
  forRows(rows, parallelFor, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      for (size_t j = 0; j < columns; ++j)
        scores[i * columns + j] = toScore(score(i, j));
  });
  return scores;
}

std::vector<double> mlir::compress::getColumnNorms(llvm::ArrayRef<double> sumSquares,
                                                   size_t columns) {
  assert(!sumSquares.empty() && columns % sumSquares.size() == 0 && "not a layer's channels");
  std::vector<double> norms(columns);
  for (size_t j = 0; j < columns; ++j)
    norms[j] = std::sqrt(sumSquares[j % sumSquares.size()]);
  return norms;
}

std::vector<float> mlir::compress::magnitudeScores(const float *weight, size_t rows, size_t columns,
                                                   ParallelFor parallelFor) {
  return computeScores(rows, columns, parallelFor,
                       [&](size_t i, size_t j) { return std::fabs(weight[i * columns + j]); });
}

std::vector<float> mlir::compress::wandaScores(const float *weight, size_t rows, size_t columns,
                                               llvm::ArrayRef<double> norms,
                                               ParallelFor parallelFor) {
  assert(norms.size() == columns && "one norm per column");
  return computeScores(rows, columns, parallelFor, [&](size_t i, size_t j) {
    return std::fabs(static_cast<double>(weight[i * columns + j])) * norms[j];
  });
}

std::vector<float> mlir::compress::riaScores(const float *weight, size_t rows, size_t columns,
                                             llvm::ArrayRef<double> norms, double power,
                                             ParallelFor parallelFor) {
  assert((norms.empty() || norms.size() == columns) && "one norm per column");
  size_t chunks = (rows + kRows - 1) / kRows;
  std::vector<double> rowFactors(rows, 0), parts(chunks * columns, 0), columnFactors(columns, 0);
  forRows(rows, parallelFor, [&](size_t first, size_t last) {
    double *part = parts.data() + first / kRows * columns;
    for (size_t i = first; i < last; ++i)
      for (size_t j = 0; j < columns; ++j) {
        double magnitude = std::fabs(static_cast<double>(weight[i * columns + j]));
        rowFactors[i] += magnitude;
        part[j] += magnitude;
      }
  });
  for (size_t c = 0; c < chunks; ++c)
    for (size_t j = 0; j < columns; ++j)
      columnFactors[j] += parts[c * columns + j];
  // A sum of zeros has only zeros, which stay 0 with any factor.
  auto invert = [](double &sum) { sum = sum > 0 ? 1 / sum : 0; };
  std::for_each(rowFactors.begin(), rowFactors.end(), invert);
  std::for_each(columnFactors.begin(), columnFactors.end(), invert);

  std::vector<double> activations(columns, 1);
  for (size_t j = 0; j < norms.size(); ++j)
    activations[j] = std::pow(norms[j], power);
  return computeScores(rows, columns, parallelFor, [&](size_t i, size_t j) {
    double magnitude = std::fabs(static_cast<double>(weight[i * columns + j]));
    return (magnitude * rowFactors[i] + magnitude * columnFactors[j]) * activations[j];
  });
}

std::vector<float> mlir::compress::taylorScores(const float *weight, const float *gradient,
                                                size_t rows, size_t columns,
                                                ParallelFor parallelFor) {
  return computeScores(rows, columns, parallelFor, [&](size_t i, size_t j) {
    size_t at = i * columns + j;
    return std::fabs(static_cast<double>(weight[at]) * gradient[at]);
  });
}

std::vector<float> mlir::compress::fisherScores(const float *weight, const float *squaredGradient,
                                                size_t rows, size_t columns,
                                                ParallelFor parallelFor) {
  return computeScores(rows, columns, parallelFor, [&](size_t i, size_t j) {
    size_t at = i * columns + j;
    double w = weight[at];
    return 0.5 * w * w * squaredGradient[at];
  });
}
