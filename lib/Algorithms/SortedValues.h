//===- SortedValues.h - sums over ranges of sorted values -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the one-dimensional k-means of KMeans1D.cpp and Palette.cpp share: values
// sorted once, sums of ranges of them, the cells of a table and Lloyd's iteration.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_SORTEDVALUES_H
#define COMPRESS_LIB_ALGORITHMS_SORTEDVALUES_H

#include "llvm/ADT/ArrayRef.h"
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::compress {

/// Values in ascending order with sums over ranges of them. Sums are of differences to the middle
/// value, and are added up from it outwards: values far away do not take digits from the others.
class SortedValues {
public:
  /// `weights` is empty (all 1) or not negative. Values of weight 0 are left out, unless all are.
  SortedValues(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights);

  /// Sums of w, w * x and w * x^2 for x relative to the origin.
  struct Sums {
    double weight = 0, first = 0, second = 0;
    /// Sum of w * (x - center)^2 for a center relative to the origin.
    double getError(double center) const {
      return std::max(0.0, second - 2 * center * first + center * center * weight);
    }
    /// The same for the mean of the values.
    double getError() const {
      return weight > 0 ? std::max(0.0, second - first * first / weight) : 0;
    }
    Sums operator-(const Sums &o) const {
      return {weight - o.weight, first - o.first, second - o.second};
    }
    Sums operator+(const Sums &o) const {
      return {weight + o.weight, first + o.first, second + o.second};
    }
  };
  /// Sums over the values [begin, end).
  Sums getSums(size_t begin, size_t end) const { return getSumsBefore(end) - getSumsBefore(begin); }
  /// Sums over the values from the middle to `i`, negative for values before the middle.
  Sums getSumsBefore(size_t i) const;
  double getOrigin() const { return origin; }

  size_t getSize() const { return sorted.size(); }
  float operator[](size_t i) const { return sorted[i]; }
  double getWeight(size_t i) const { return weights.empty() ? 1 : weights[i]; }
  /// Number of values that are at most `bound`.
  size_t countUpTo(double bound) const;
  /// The value that has the part `quantile` of the weight below it.
  float getQuantile(double quantile) const;
  /// Mean of the values [begin, end), not empty, and their squared error against `center` (the mean
  /// if there is none), from the values themselves.
  double getMean(size_t begin, size_t end) const;
  double getError(size_t begin, size_t end, double center) const;

private:
  static constexpr size_t kStep = 64;

  void add(Sums &sums, size_t i, double sign = 1) const;

  double origin = 0;
  /// Where sums begin.
  size_t middle = 0;
  std::vector<float> sorted, weights;
  /// Sums before each multiple of `kStep`, and before the end.
  std::vector<Sums> prefix;
};

/// The cells of a table: cell i has the sorted values [ends[i - 1], ends[i]).
struct Cells {
  std::vector<size_t> ends;
  std::vector<SortedValues::Sums> sums;
  double error = 0;

  Cells(const SortedValues &values, const std::vector<double> &centers);
  size_t getBegin(size_t i) const { return i ? ends[i - 1] : 0; }
  bool isEmpty(size_t i) const { return getBegin(i) == ends[i]; }
};

/// Moves the entries of `centers` (ascending, fewer than distinct values) to the means of their
/// cells, again and again, until no bound moves or `maxIterations` are over. An entry that is
/// exactly 0 stays if `keepZero`. Entries without values move into the worst cells. Returns the
/// errors: of `centers`, then after each iteration.
std::vector<double> iterateLloyd(const SortedValues &values, std::vector<double> &centers,
                                 bool keepZero, unsigned maxIterations);

/// The distinct values if there are at most `count` of them, with 0 among them if `needsZero`.
std::optional<std::vector<float>> getDistinct(const SortedValues &values, size_t count,
                                              bool needsZero);

/// The best `k` centers for `values`, of which there are more than `k` distinct ones; see
/// KMeans1D.h. `isExact` is set to whether no histogram was needed.
std::vector<double> findBestCenters(const SortedValues &values, size_t k, bool keepZero,
                                    size_t maxBins, bool &isExact);

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_SORTEDVALUES_H
