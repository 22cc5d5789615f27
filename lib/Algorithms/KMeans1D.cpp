//===- KMeans1D.cpp - the best table for values ---------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/KMeans1D.h"
#include "Simd.h"
#include "SortedValues.h"
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::compress;

namespace {

/// Runs of sorted values that cells consist of, with sums before each of them (and before the end).
struct Bins {
  std::vector<size_t> ends;
  std::vector<double> weight, first, second;
  /// Sums of w * x^2 for x relative to 0.
  std::vector<double> zero;
  bool isExact = false;

  Bins(const SortedValues &values, size_t maxBins);
  size_t getSize() const { return ends.size(); }
  size_t getBegin(size_t bin) const { return bin ? ends[bin - 1] : 0; }

private:
  void findEnds(const SortedValues &values, size_t maxBins);
};

/// Least errors of cells that end before each bin, and the bins at which the last cells begin.
class Layers {
public:
  Layers(const Bins &bins, size_t k) : bins(bins), n(bins.getSize()), k(k) {}

  /// Cells [begin, end) of bins; without the one of the zero entry, which is empty or comes last.
  using Cell = std::pair<size_t, size_t>;
  std::vector<Cell> solve();
  std::vector<Cell> solveWithZero();

private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  using Errors = std::vector<double>;
  using Begins = std::vector<uint16_t>;

  double getCost(size_t begin, size_t end) const;
  /// Adds a cell to `before`, for ends [low, high]: the best begins in [lowest, highest].
  void addCell(const Errors &before, Errors &after, uint16_t *begins, size_t low, size_t high,
               size_t lowest, size_t highest) const;

  const Bins &bins;
  size_t n, k;
};

} // namespace

//===----------------------------------------------------------------------===//
// Bins
//===----------------------------------------------------------------------===//

void Bins::findEnds(const SortedValues &values, size_t maxBins) {
  size_t size = values.getSize(), distinct = 0;
  for (size_t i = 1; i <= size; ++i) {
    if (i < size && values[i] == values[i - 1])
      continue;
    if (distinct++ < maxBins)
      ends.push_back(i);
  }
  isExact = distinct <= maxBins;
  if (isExact)
    return;
  // Cut the bin with the largest error at its mean, again and again.
  ends.clear();
  struct Part {
    double error, mean;
    size_t begin, end;
    bool operator<(const Part &other) const {
      return error != other.error ? error < other.error : begin > other.begin;
    }
  };
  auto getPart = [&](size_t begin, size_t end) -> Part {
    SortedValues::Sums sums = values.getSums(begin, end);
    bool isEqual = values[begin] == values[end - 1];
    double mean = values.getOrigin() + sums.first / sums.weight;
    return {isEqual ? 0 : sums.getError(), mean, begin, end};
  };
  std::vector<Part> parts{getPart(0, size)};
  while (parts.size() < maxBins && parts.front().error > 0) {
    std::pop_heap(parts.begin(), parts.end());
    Part part = parts.back();
    // Rounding may put the mean outside.
    double at = std::clamp<double>(part.mean, values[part.begin],
                                   std::nextafter(values[part.end - 1], values[part.begin]));
    size_t middle = values.countUpTo(at);
    parts.back() = getPart(part.begin, middle);
    std::push_heap(parts.begin(), parts.end());
    parts.push_back(getPart(middle, part.end));
    std::push_heap(parts.begin(), parts.end());
  }
  for (const Part &part : parts)
    ends.push_back(part.end);
  std::sort(ends.begin(), ends.end());
}

Bins::Bins(const SortedValues &values, size_t maxBins) {
  findEnds(values, maxBins);
  double origin = values.getOrigin();
  for (size_t i = 0; i <= ends.size(); ++i) {
    SortedValues::Sums sums = values.getSumsBefore(getBegin(i));
    weight.push_back(sums.weight);
    first.push_back(sums.first);
    second.push_back(sums.second);
    zero.push_back(sums.second + 2 * origin * sums.first + origin * origin * sums.weight);
  }
}

//===----------------------------------------------------------------------===//
// Dynamic programming
//===----------------------------------------------------------------------===//

double Layers::getCost(size_t begin, size_t end) const {
  double weight = bins.weight[end] - bins.weight[begin];
  double first = bins.first[end] - bins.first[begin];
  double second = bins.second[end] - bins.second[begin];
  return std::max(0.0, second - first * first / weight);
}

/// The first i in [begin, end) with the least before[i] + cost of the cell from i on to sums
/// `weight`, `first`, `second`.
COMPRESS_CLONES static size_t findBegin(const double *before, const double *weights,
                                        const double *firsts, const double *seconds, size_t begin,
                                        size_t end, double weight, double first, double second,
                                        double &least) {
  constexpr unsigned width = simd::Lanes<double>::width;
  using Vec = simd::Vector<double, width>;
  using Index = simd::Vector<int64_t, width>;
  least = std::numeric_limits<double>::infinity();
  size_t result = begin, i = begin;
  if (end - begin >= 2 * width) {
    Vec best = Vec{} + least, zero = {};
    Index where = {}, index;
    for (unsigned lane = 0; lane < width; ++lane)
      index[lane] = begin + lane;
    for (; i + width <= end; i += width) {
      Vec w, f, s, b;
      simd::load(w, weights + i);
      simd::load(f, firsts + i);
      simd::load(s, seconds + i);
      simd::load(b, before + i);
      f = first - f;
      Vec cost = (second - s) - f * f / (weight - w);
      cost = b + (cost > zero ? cost : zero);
      Index isLess = cost < best;
      best = isLess ? cost : best;
      where = isLess ? index : where;
      index += width;
    }
    for (unsigned lane = 0; lane < width; ++lane) {
      size_t candidate = where[lane];
      if (best[lane] < least || (best[lane] == least && candidate < result)) {
        least = best[lane];
        result = candidate;
      }
    }
  }
  for (; i < end; ++i) {
    double f = first - firsts[i];
    double cost = (second - seconds[i]) - f * f / (weight - weights[i]);
    cost = before[i] + (cost > 0 ? cost : 0);
    if (cost < least) {
      least = cost;
      result = i;
    }
  }
  return result;
}

void Layers::addCell(const Errors &before, Errors &after, uint16_t *begins, size_t low, size_t high,
                     size_t lowest, size_t highest) const {
  // The best begin never decreases with the end. (Nor with the number of cells, but where far
  // values outweigh the others, those bounds would be rounding errors of layers with too few
  // cells.)
  size_t end = low + (high - low) / 2;
  size_t begin = findBegin(before.data(), bins.weight.data(), bins.first.data(), bins.second.data(),
                           lowest, std::min(highest + 1, end), bins.weight[end], bins.first[end],
                           bins.second[end], after[end]);
  begins[end] = static_cast<uint16_t>(begin);
  if (low < end)
    addCell(before, after, begins, low, end - 1, lowest, begin);
  if (end < high)
    addCell(before, after, begins, end + 1, high, begin, highest);
}

std::vector<Layers::Cell> Layers::solve() {
  // Row q has the last of q + 1 cells.
  Begins begins(k * (n + 1));
  Errors before(n + 1, kInfinity), after(n + 1, kInfinity);
  for (size_t end = 1; end <= n; ++end)
    before[end] = getCost(0, end);
  for (size_t q = 1; q < k; ++q) {
    // Each cell has a bin, and those to come need some.
    size_t low = q + 1 == k ? n : q + 1, high = n - (k - 1 - q);
    std::fill(after.begin(), after.end(), kInfinity);
    addCell(before, after, &begins[q * (n + 1)], low, high, q, n - 1);
    before.swap(after);
  }
  std::vector<Cell> cells;
  for (size_t q = k, end = n; q-- > 0;) {
    size_t begin = begins[q * (n + 1) + end];
    cells.emplace_back(begin, end);
    end = begin;
  }
  return cells;
}

std::vector<Layers::Cell> Layers::solveWithZero() {
  // Row q has the last of q free cells; `mixed` with the zero entry's cell among them, which is
  // the last one where `isZero`.
  Begins begins(k * (n + 1)), mixed(k * (n + 1));
  std::vector<uint8_t> isZero(k * (n + 1));
  Errors free(n + 1, kInfinity), withZero(n + 1), next(n + 1);
  free[0] = 0;
  for (size_t end = 0; end <= n; ++end)
    withZero[end] = bins.zero[end] - bins.zero[0];
  std::fill_n(isZero.begin(), n + 1, 1);
  for (size_t q = 1; q < k; ++q) {
    size_t row = q * (n + 1);
    std::fill(next.begin(), next.end(), kInfinity);
    if (q == 1)
      for (size_t end = 1; end <= n; ++end)
        next[end] = getCost(0, end);
    else
      addCell(free, next, &begins[row], q, n, q - 1, n - 1);
    free.swap(next);
    std::fill(next.begin(), next.end(), kInfinity);
    addCell(withZero, next, &mixed[row], q, n, q - 1, n - 1);
    // The zero entry's cell comes last: it is [end, end), or the best of the [begin, end).
    double least = kInfinity;
    size_t begin = q;
    auto take = [&](size_t end, double error, size_t from) {
      if (error >= next[end])
        return;
      next[end] = error;
      mixed[row + end] = static_cast<uint16_t>(from);
      isZero[row + end] = true;
    };
    for (size_t end = q; end <= n; ++end) {
      take(end, least + bins.zero[end], begin);
      take(end, free[end], end);
      if (free[end] - bins.zero[end] < least) {
        least = free[end] - bins.zero[end];
        begin = end;
      }
    }
    withZero.swap(next);
  }
  std::vector<Cell> cells;
  bool hasZero = false;
  for (size_t q = k - 1, end = n; q > 0;) {
    size_t at = q * (n + 1) + end;
    if (!hasZero && isZero[at]) {
      hasZero = true;
      end = mixed[at];
      continue;
    }
    size_t begin = hasZero ? begins[at] : mixed[at];
    cells.emplace_back(begin, end);
    end = begin;
    --q;
  }
  return cells;
}

//===----------------------------------------------------------------------===//
// Centers
//===----------------------------------------------------------------------===//

std::vector<double> mlir::compress::findBestCenters(const SortedValues &values, size_t k,
                                                    bool keepZero, size_t maxBins, bool &isExact) {
  Bins bins(values, maxBins);
  isExact = bins.isExact;
  Layers layers(bins, k);
  std::vector<double> centers;
  for (auto [begin, end] : keepZero ? layers.solveWithZero() : layers.solve())
    centers.push_back(values.getMean(bins.getBegin(begin), bins.getBegin(end)));
  if (keepZero)
    centers.push_back(0);
  std::sort(centers.begin(), centers.end());
  return centers;
}

KMeans1D mlir::compress::solveKMeans1D(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights,
                                       const KMeans1DOptions &options) {
  assert(!values.empty() && options.k >= 1 && options.k <= 256 && "not a table");
  assert(options.maxBins >= 512 && options.maxBins <= 65535 && "not a number of bins");
  assert((weights.empty() || weights.size() == values.size()) && "a weight for each value");
  SortedValues sorted(values, weights);
  KMeans1D result;
  if (auto distinct = getDistinct(sorted, options.k, options.keepZero)) {
    result.centers.assign(distinct->begin(), distinct->end());
    result.isExact = true;
    return result;
  }
  result.centers =
      findBestCenters(sorted, options.k, options.keepZero, options.maxBins, result.isExact);
  if (!result.isExact)
    iterateLloyd(sorted, result.centers, options.keepZero, options.maxIterations);
  Cells cells(sorted, result.centers);
  for (size_t i = 0; i < result.centers.size(); ++i)
    result.error += sorted.getError(cells.getBegin(i), cells.ends[i], result.centers[i]);
  return result;
}
