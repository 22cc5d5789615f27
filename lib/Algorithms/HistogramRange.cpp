//===- HistogramRange.cpp - ranges of activations from histograms ---------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Histogram.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::compress;
using llvm::ArrayRef;

static double getWidth(const HistogramData &histogram) {
  return (histogram.high - histogram.low) / static_cast<double>(histogram.counts.size());
}

/// The histogram of the magnitudes. Bins of ours have zero as a border; a bin of another file that
/// has zero inside goes where its middle is.
static HistogramData foldMagnitudes(const HistogramData &histogram) {
  double width = getWidth(histogram);
  double reach = std::max(std::fabs(histogram.low), std::fabs(histogram.high));
  HistogramData folded;
  size_t bins = std::max<size_t>(1, static_cast<size_t>(std::ceil(reach / width - 1e-6)));
  // Far from zero the magnitudes have more bins than the values: those near zero are empty.
  constexpr size_t limit = 1 << 14;
  size_t perBin = (bins + limit - 1) / limit;
  folded.counts.assign((bins + perBin - 1) / perBin, 0);
  folded.high = width * static_cast<double>(perBin * folded.counts.size());
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    double middle = std::fabs(histogram.low + (static_cast<double>(i) + 0.5) * width);
    size_t bin = static_cast<size_t>(middle / width) / perBin;
    folded.counts[std::min(bin, folded.counts.size() - 1)] += histogram.counts[i];
  }
  return folded;
}

static FloatRange clip(FloatRange range, FloatRange seen) {
  range.low = std::clamp(range.low, seen.low, seen.high);
  range.high = std::clamp(range.high, range.low, seen.high);
  return range;
}

static double getMagnitude(FloatRange range) {
  return std::max(std::fabs(range.low), std::fabs(range.high));
}

/// `[-threshold, threshold]`, or what of `seen` lies in it.
static FloatRange cutAt(double threshold, FloatRange seen, bool symmetric) {
  threshold = std::min(threshold, getMagnitude(seen));
  if (symmetric)
    return {-threshold, threshold};
  // Data on one side of zero keep the end near zero.
  FloatRange range{std::max(seen.low, -threshold), std::min(seen.high, threshold)};
  if (range.low > range.high)
    range.low = range.high = seen.low > 0 ? range.high : range.low;
  return range;
}

//===----------------------------------------------------------------------===//
// Percentiles
//===----------------------------------------------------------------------===//

/// The value below which `rank` of the values are.
static double getQuantile(const HistogramData &histogram, double rank) {
  double below = 0, width = getWidth(histogram);
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    double count = static_cast<double>(histogram.counts[i]);
    if (count > 0 && below + count >= rank)
      return histogram.low + width * (static_cast<double>(i) + std::max(0.0, rank - below) / count);
    below += count;
  }
  return histogram.high;
}

static double getTotal(const HistogramData &histogram) {
  double total = 0;
  for (uint64_t count : histogram.counts)
    total += static_cast<double>(count);
  return total;
}

FloatRange mlir::compress::getPercentileRange(const HistogramData &histogram, FloatRange seen,
                                              double percentile, bool symmetric) {
  double total = histogram.counts.empty() ? 0 : getTotal(histogram);
  if (total == 0)
    return symmetric ? cutAt(getMagnitude(seen), seen, true) : seen;
  if (symmetric)
    return cutAt(getQuantile(foldMagnitudes(histogram), total * percentile / 100), seen, true);
  double tail = total * (100 - percentile) / 200;
  return clip({getQuantile(histogram, tail), getQuantile(histogram, total - tail)}, seen);
}

//===----------------------------------------------------------------------===//
// Entropy
//===----------------------------------------------------------------------===//

namespace {
/// Divergence of counts that are clipped to a window of bins from their quantized version.
class Divergence {
public:
  explicit Divergence(ArrayRef<uint64_t> counts) : counts(counts) {
    logSums.assign(counts.size() + 1, 0);
    sums.assign(counts.size() + 1, 0);
    filled.assign(counts.size() + 1, 0);
    for (size_t i = 0; i < counts.size(); ++i) {
      double count = static_cast<double>(counts[i]);
      sums[i + 1] = sums[i] + count;
      logSums[i + 1] = logSums[i] + (count > 0 ? count * std::log(count) : 0);
      filled[i + 1] = filled[i] + (counts[i] != 0);
    }
  }

  /// For bins `[first, last)` cut into `levels` runs.
  double compute(size_t first, size_t last, size_t levels) const {
    double total = sums.back(), inside = sums[last] - sums[first];
    double below = sums[first], above = total - sums[last];
    // sum p log p with the clipped values in the outermost bins.
    double entropy = logSums[last] - logSums[first];
    double smoothing = 0, cross = 0;
    for (size_t level = 0; level < levels; ++level) {
      size_t begin = first + level * (last - first) / levels;
      size_t end = first + (level + 1) * (last - first) / levels;
      double count = sums[end] - sums[begin];
      double bins = filled[end] - filled[begin];
      double values = count;
      // Outermost bins that are empty but for clipped values count as filled ones.
      auto addClipped = [&](double clipped, size_t bin) {
        if (clipped == 0)
          return;
        double own = static_cast<double>(counts[bin]);
        entropy += xLogX(own + clipped) - xLogX(own);
        values += clipped;
        if (own == 0)
          ++bins;
      };
      if (level == 0)
        addClipped(below, first);
      if (level + 1 == levels)
        addClipped(above, last - 1);
      if (values == 0)
        continue;
      if (count == 0) {
        // Nothing but clipped values.
        smoothing += 1e-4 * bins;
        cross += values * std::log(1e-4);
        continue;
      }
      cross += values * std::log(count / bins);
    }
    // sum P/p log((P/p) / (Q/q)) with the sums p of P and q of Q.
    return (entropy - cross) / total - std::log(total) + std::log(inside + smoothing);
  }

private:
  static double xLogX(double x) { return x > 0 ? x * std::log(x) : 0; }

  ArrayRef<uint64_t> counts;
  std::vector<double> sums, logSums, filled;
};
} // namespace

FloatRange mlir::compress::getEntropyRange(const HistogramData &histogram, FloatRange seen,
                                           RangeGrid grid) {
  FloatRange whole = cutAt(getMagnitude(seen), seen, grid.symmetric);
  if (histogram.counts.empty() || getTotal(histogram) == 0)
    return whole;
  HistogramData used = grid.symmetric ? foldMagnitudes(histogram) : histogram;
  size_t levels = size_t(1) << (grid.symmetric ? grid.bits - 1 : grid.bits);
  double width = getWidth(used);
  int64_t bins = static_cast<int64_t>(used.counts.size());
  // Bins below zero and above it, counted from zero.
  int64_t negative = std::llround(-used.low / width), positive = bins - negative;
  int64_t reach = std::max(negative, positive);
  // Zeros are exact in every grid. What rectifiers give is mostly zeros: how even their bin is with
  // its neighbours would decide otherwise.
  int64_t zero = std::clamp<int64_t>(negative, 0, bins - 1);
  if (negative == zero && bins > 1)
    used.counts[zero] = used.counts[zero + 1 < bins ? zero + 1 : zero - 1];
  int64_t fewest = std::max<int64_t>(static_cast<int64_t>(levels), 128);
  Divergence divergence(used.counts);
  double best = std::numeric_limits<double>::infinity();
  int64_t threshold = reach;
  // A large distance from zero has no more candidates than the bins have.
  int64_t smallestReach = std::max<int64_t>(reach - bins, 0);
  for (int64_t candidate = reach; candidate > smallestReach; --candidate) {
    int64_t first = std::max<int64_t>(0, negative - candidate);
    int64_t last = std::min<int64_t>(bins, negative + candidate);
    if (last - first < fewest)
      break;
    double value = divergence.compute(first, last, levels);
    if (value < best) {
      best = value;
      threshold = candidate;
    }
  }
  if (threshold == reach)
    return whole;
  return cutAt(static_cast<double>(threshold) * width, seen, grid.symmetric);
}

//===----------------------------------------------------------------------===//
// Squared error
//===----------------------------------------------------------------------===//

/// Integral of (x - round(x))^2 from 0 to x.
static double integrateRounding(double x) {
  double whole = std::nearbyint(x), rest = x - whole;
  return whole / 12 + rest * rest * rest / 3;
}

/// Integral of (x - at)^2 from a to b.
static double integrateDistance(double a, double b, double at) {
  double p = b - at, q = a - at;
  return (p * p * p - q * q * q) / 3;
}

double mlir::compress::getSquaredError(const HistogramData &histogram, double step, int64_t lowest,
                                       int64_t highest) {
  if (histogram.counts.empty())
    return 0;
  double width = getWidth(histogram) / step, error = 0;
  double low = static_cast<double>(lowest), high = static_cast<double>(highest);
  for (size_t i = 0; i < histogram.counts.size(); ++i) {
    if (histogram.counts[i] == 0)
      continue;
    double a = histogram.low / step + static_cast<double>(i) * width, b = a + width;
    double sum = 0;
    if (a < low)
      sum += integrateDistance(a, std::min(b, low), low);
    if (b > high)
      sum += integrateDistance(std::max(a, high), b, high);
    double from = std::clamp(a, low, high), to = std::clamp(b, low, high);
    if (from < to)
      sum += integrateRounding(to) - integrateRounding(from);
    error += static_cast<double>(histogram.counts[i]) * sum / width;
  }
  return error * step * step;
}

/// Error of the integer grid over `range`, of which zero is a value.
static double getGridError(const HistogramData &histogram, FloatRange range, RangeGrid grid) {
  double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  int64_t codes = int64_t(1) << grid.bits;
  if (grid.symmetric) {
    int64_t most = codes / 2 - 1;
    double step = getMagnitude(range) / static_cast<double>(most);
    return step > 0 ? getSquaredError(histogram, step, -most, most) : INFINITY;
  }
  double step = (high - low) / static_cast<double>(codes - 1);
  if (!(step > 0))
    return INFINITY;
  int64_t zeroPoint = std::clamp<int64_t>(std::llrint(-low / step), 0, codes - 1);
  return getSquaredError(histogram, step, -zeroPoint, codes - 1 - zeroPoint);
}

FloatRange mlir::compress::getMseRange(const HistogramData &histogram, FloatRange seen,
                                       RangeGrid grid) {
  double magnitude = getMagnitude(seen);
  FloatRange best = cutAt(magnitude, seen, grid.symmetric);
  if (histogram.counts.empty() || magnitude == 0)
    return best;
  double bestError = INFINITY;
  int bestExponent = 0;
  // 2^(-k / 64), by operations that round alike on every machine.
  double root = 0.5;
  for (int i = 0; i < 6; ++i)
    root = std::sqrt(root);
  double powers[64] = {1};
  for (int k = 1; k < 64; ++k)
    powers[k] = powers[k - 1] * root;
  auto tryExponent = [&](int exponent) {
    double factor = std::ldexp(powers[exponent % 64], -(exponent / 64));
    FloatRange range = cutAt(magnitude * factor, seen, grid.symmetric);
    double error = getGridError(histogram, range, grid);
    if (error < bestError || (error == bestError && exponent < bestExponent)) {
      bestError = error;
      bestExponent = exponent;
      best = range;
    }
  };
  for (int i = 0; i <= 192; ++i)
    tryExponent(4 * i);
  int coarse = bestExponent;
  for (int j = -3; j <= 3; ++j)
    if (j != 0 && coarse + j >= 0)
      tryExponent(coarse + j);
  return best;
}
