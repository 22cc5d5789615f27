//===- Histogram.cpp - streaming histograms -------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Histogram.h"
#include "Simd.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir::compress;

/// Values of a piece of work.
static constexpr size_t pieceSize = size_t(1) << 18;
/// Bins are not narrower than 2^-30 of the largest magnitude, or than the smallest float.
static constexpr int relativeExponent = 30, smallestExponent = -149;

namespace {
/// Smallest and largest finite value; empty if `low > high`.
struct FiniteRange {
  float low = INFINITY, high = -INFINITY;
  bool empty() const { return low > high; }
};
} // namespace

COMPRESS_CLONES static void findRange(const float *values, size_t count, float *low, float *high) {
  constexpr unsigned lanes = 16;
  float lows[lanes], highs[lanes];
  for (unsigned lane = 0; lane < lanes; ++lane) {
    lows[lane] = INFINITY;
    highs[lane] = -INFINITY;
  }
  auto step = [&](unsigned lane, float value) {
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof(bits));
    bool finite = (bits & 0x7fffffffu) < 0x7f800000u;
    lows[lane] = finite && value < lows[lane] ? value : lows[lane];
    highs[lane] = finite && value > highs[lane] ? value : highs[lane];
  };
  size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (unsigned lane = 0; lane < lanes; ++lane)
      step(lane, values[i + lane]);
  for (; i < count; ++i)
    step(i % lanes, values[i]);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    *low = std::min(*low, lows[lane]);
    *high = std::max(*high, highs[lane]);
  }
}

/// Number of the bin of `value`.
static int64_t getBin(double value, int exponent) {
  return static_cast<int64_t>(std::floor(std::ldexp(value, -exponent)));
}

/// Bins of values counted from the first one; `limit` for values that are not finite.
COMPRESS_CLONES static void computeBins(const float *values, size_t count, double scale,
                                        double offset, int32_t limit, int32_t *bins) {
  for (size_t i = 0; i < count; ++i) {
    double bin = __builtin_floor(static_cast<double>(values[i]) * scale) - offset;
    // The comparison is false for NaN.
    double known = bin >= 0 && bin < limit ? bin : limit;
    bins[i] = static_cast<int32_t>(known);
  }
}

/// Counts the finite values, which lie in the bins.
static void countValues(const float *values, size_t count, int exponent, int64_t first,
                        std::vector<uint64_t> &counts) {
  // Two tables, so that equal neighbours do not wait for one another.
  std::vector<uint32_t> tables[2];
  for (std::vector<uint32_t> &table : tables)
    table.assign(counts.size() + 1, 0);
  constexpr size_t block = 512;
  int32_t bins[block];
  for (size_t start = 0; start < count; start += block) {
    size_t size = std::min(block, count - start);
    computeBins(values + start, size, std::ldexp(1.0, -exponent), static_cast<double>(first),
                static_cast<int32_t>(counts.size()), bins);
    size_t i = 0;
    for (; i + 2 <= size; i += 2) {
      ++tables[0][bins[i]];
      ++tables[1][bins[i + 1]];
    }
    if (i < size)
      ++tables[0][bins[i]];
  }
  for (size_t i = 0; i < counts.size(); ++i)
    counts[i] += static_cast<uint64_t>(tables[0][i]) + tables[1][i];
}

void StreamingHistogram::grow(float low, float high) {
  if (!counts.empty()) {
    low = std::min(low, smallest);
    high = std::max(high, largest);
  }
  float magnitude = std::max(std::fabs(low), std::fabs(high));
  int width = smallestExponent;
  if (magnitude > 0)
    width = std::max(width, std::ilogb(magnitude) - relativeExponent);
  while (getBin(high, width) - getBin(low, width) >= static_cast<int64_t>(maxBins))
    ++width;
  // A range that grows never needs narrower bins, so old bins are parts of new ones.
  int64_t start = getBin(low, width);
  std::vector<uint64_t> grown(getBin(high, width) - start + 1, 0);
  for (size_t i = 0; i < counts.size(); ++i) {
    int shift = width - exponent;
    int64_t bin = first + static_cast<int64_t>(i);
    // Rounds down, also below zero.
    grown[(shift >= 63 ? (bin < 0 ? -1 : 0) : bin >> shift) - start] += counts[i];
  }
  counts = std::move(grown);
  exponent = width;
  first = start;
  smallest = low;
  largest = high;
}

void StreamingHistogram::add(const float *values, size_t count, ParallelFor parallelFor) {
  size_t pieces = (count + pieceSize - 1) / pieceSize;
  std::vector<FiniteRange> ranges(pieces);
  auto getSize = [&](size_t piece) { return std::min(pieceSize, count - piece * pieceSize); };
  parallelFor(pieces, [&](size_t piece) {
    findRange(values + piece * pieceSize, getSize(piece), &ranges[piece].low, &ranges[piece].high);
  });
  FiniteRange range;
  for (const FiniteRange &part : ranges) {
    range.low = std::min(range.low, part.low);
    range.high = std::max(range.high, part.high);
  }
  if (range.empty())
    return;
  if (counts.empty() || range.low < smallest || range.high > largest)
    grow(range.low, range.high);
  if (pieces == 1)
    return countValues(values, count, exponent, first, counts);
  // A bounded number of tables at a time; sums of integers have no order.
  constexpr size_t wave = 64;
  for (size_t begin = 0; begin < pieces; begin += wave) {
    size_t size = std::min(wave, pieces - begin);
    std::vector<std::vector<uint64_t>> parts(size, std::vector<uint64_t>(counts.size(), 0));
    parallelFor(size, [&](size_t i) {
      size_t piece = begin + i;
      countValues(values + piece * pieceSize, getSize(piece), exponent, first, parts[i]);
    });
    for (const std::vector<uint64_t> &part : parts)
      for (size_t i = 0; i < counts.size(); ++i)
        counts[i] += part[i];
  }
}

void StreamingHistogram::add(const StreamingHistogram &other) {
  if (other.empty())
    return;
  if (empty() || other.smallest < smallest || other.largest > largest)
    grow(other.smallest, other.largest);
  int shift = exponent - other.exponent;
  for (size_t i = 0; i < other.counts.size(); ++i) {
    int64_t bin = other.first + static_cast<int64_t>(i);
    counts[(shift >= 63 ? (bin < 0 ? -1 : 0) : bin >> shift) - first] += other.counts[i];
  }
}

uint64_t StreamingHistogram::getTotal() const {
  uint64_t total = 0;
  for (uint64_t count : counts)
    total += count;
  return total;
}

HistogramData StreamingHistogram::getData() const {
  HistogramData data;
  if (counts.empty())
    return data;
  data.low = std::ldexp(static_cast<double>(first), exponent);
  data.high =
      std::ldexp(static_cast<double>(first + static_cast<int64_t>(counts.size())), exponent);
  data.counts = counts;
  return data;
}
