//===- Histogram.h - streaming histograms and the ranges they give -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A histogram of values whose range is not known beforehand. The width of the
// bins is a power of two and bin k counts the values in [k w, (k + 1) w). The
// width is the smallest one with which the values seen so far lie in at most
// `maxBins` consecutive bins (and not below 2^-30 of the largest magnitude). A
// value outside makes it grow: pairs of bins become one, which loses nothing.
// So the result depends only on the values, not on their order, on how they
// were cut into batches, or on threads: it is exact, at constant memory.
//
// Ranges [low, high] of activations from a histogram. Each is within [smallest,
// largest value]. "Symmetric" means one threshold T on magnitudes and the range
// [-T, T]; otherwise both ends are found.
//
// Percentile p (in percent): the symmetric T is the p-th percentile of the
// magnitudes; otherwise (100 - p) / 2 percent of the values are below low and
// as many above high. Values are uniform in their bin.
//
// Entropy (Migacz, "8-bit inference with TensorRT", GTC 2017): the threshold T
// for which the Kullback-Leibler divergence of the distribution P, clipped at
// T, from its quantized version Q is smallest. P has the bins up to T, with
// what lies beyond added to the outermost bin; Q spreads the count of each of
// 2^(bits - 1) equal runs of bins (2^bits where both ends are searched) evenly
// over those bins of the run that are not empty in P. Edge rules: the bin of
// zero, which every grid has exactly, counts as its neighbour does; thresholds
// are whole bins, at least 128 and as many as there are levels; run i of n bins
// in r runs is [floor(i n / r), floor((i + 1) n / r)); a bin that has only
// clipped values has 1e-4 counts in Q; ties go to the larger threshold; fewer
// bins give the whole range. Without `symmetric` the range is [max(smallest, -T),
// min(largest, T)], quantized as a whole.
//
// MSE: the T among largest magnitude * 2^(-i/16), i <= 192, refined by
// 2^(-j/64), |j| <= 3, for which rounding to the integer grid of the range and
// clipping have the smallest sum of squared errors; the error of each bin is
// integrated exactly for values that are uniform in it. Ties go to the larger
// threshold.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_HISTOGRAM_H
#define COMPRESS_ALGORITHMS_HISTOGRAM_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Support/Statistics.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::compress {

/// Default of the largest number of bins.
constexpr unsigned defaultHistogramBins = 2048;

/// A histogram that grows with its values, see the head of this file.
class StreamingHistogram {
public:
  /// `maxBins` is at least 2 and at most 65536.
  explicit StreamingHistogram(unsigned maxBins = defaultHistogramBins) : maxBins(maxBins) {}

  /// Adds `count` values; those that are not finite are left out. Work is cut by size only.
  void add(const float *values, size_t count, ParallelFor parallelFor = serialFor);
  /// Adds the values of another histogram of at most as many bins; exact.
  void add(const StreamingHistogram &other);

  bool empty() const { return counts.empty(); }
  /// Number of values.
  uint64_t getTotal() const;
  /// The bins from the one of the smallest value to the one of the largest.
  HistogramData getData() const;

private:
  /// Makes the bins cover `[low, high]`.
  void grow(float low, float high);

  unsigned maxBins;
  /// Bins are `2^exponent` wide; the first one is number `first`.
  int exponent = 0;
  int64_t first = 0;
  float smallest = 0, largest = 0;
  std::vector<uint64_t> counts;
};

/// A range of values, `low <= high`.
struct FloatRange {
  double low = 0, high = 0;
};

/// How many codes a range is cut into, and whether it is symmetric about zero.
struct RangeGrid {
  unsigned bits = 8;
  bool symmetric = false;
};

/// Smallest and largest value that are exactly known; an empty histogram gives `seen`.
/// \{
/// The range between percentiles; `percentile` in (0, 100], for example 99.99.
FloatRange getPercentileRange(const HistogramData &histogram, FloatRange seen, double percentile,
                              bool symmetric);
/// The range of least Kullback-Leibler divergence.
FloatRange getEntropyRange(const HistogramData &histogram, FloatRange seen, RangeGrid grid);
/// The range of least squared error.
FloatRange getMseRange(const HistogramData &histogram, FloatRange seen, RangeGrid grid);
/// \}

/// Sum of squared errors when the values of `histogram` are rounded to multiples of
/// `step` and clipped to `[lowest * step, highest * step]`.
double getSquaredError(const HistogramData &histogram, double step, int64_t lowest,
                       int64_t highest);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_HISTOGRAM_H
