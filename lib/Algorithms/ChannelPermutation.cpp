//===- ChannelPermutation.cpp - orders of channels for N:M ----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ChannelPermutation.h"
#include "Assignment.h"
#include "Simd.h"
#include <algorithm>
#include <cassert>
#include <functional>
#include <numeric>
#include <tuple>

using namespace mlir::compress;

using Order = std::vector<uint32_t>;

/// Rows that are worked on at once; sums over rows are made of sums over these.
static constexpr size_t kRows = 64;

static Order makeIdentity(size_t size) {
  Order order(size);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

/// Sum over rows of `body(row)`, in a fixed order.
template <typename Body>
static double sumRows(size_t rows, ParallelFor parallelFor, Body body) {
  size_t chunks = (rows + kRows - 1) / kRows;
  std::vector<double> sums(chunks, 0);
  parallelFor(chunks, [&](size_t c) {
    for (size_t row = c * kRows; row < std::min(rows, (c + 1) * kRows); ++row)
      sums[c] += body(row);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// Sum of the `count` largest of `values`, largest first; reorders them.
static double sumLargest(llvm::MutableArrayRef<float> values, size_t count) {
  if (count < values.size())
    std::nth_element(values.begin(), values.begin() + count, values.end(), std::greater<>());
  values = values.take_front(count);
  std::sort(values.begin(), values.end(), std::greater<>());
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double mlir::compress::getRetainedScore(const float *scores, size_t rows, size_t columns,
                                        NMPattern pattern, llvm::ArrayRef<uint32_t> order,
                                        ParallelFor parallelFor) {
  assert(pattern.isValid() && (order.empty() || order.size() == columns));
  return sumRows(rows, parallelFor, [&](size_t row) {
    const float *line = scores + row * columns;
    float group[256];
    double sum = 0;
    for (size_t first = 0; first < columns; first += pattern.m) {
      size_t size = std::min<size_t>(pattern.m, columns - first);
      for (size_t i = 0; i < size; ++i)
        group[i] = line[order.empty() ? first + i : order[first + i]];
      sum += sumLargest({group, size}, std::min<size_t>(pattern.n, size));
    }
    return sum;
  });
}

double mlir::compress::getRetainedBound(const float *scores, size_t rows, size_t columns,
                                        NMPattern pattern, ParallelFor parallelFor) {
  size_t kept = columns / pattern.m * pattern.n + std::min<size_t>(pattern.n, columns % pattern.m);
  return sumRows(rows, parallelFor, [&](size_t row) {
    std::vector<float> line(scores + row * columns, scores + (row + 1) * columns);
    return sumLargest(line, kept);
  });
}

Order mlir::compress::reallocateChannels(const float *scores, size_t rows, size_t columns,
                                         NMPattern pattern) {
  assert(pattern.isValid() && "not a pattern");
  std::vector<double> sums(columns, 0);
  for (size_t row = 0; row < rows; ++row)
    for (size_t j = 0; j < columns; ++j)
      sums[j] += scores[row * columns + j];
  Order sorted = makeIdentity(columns);
  std::sort(sorted.begin(), sorted.end(),
            [&](uint32_t a, uint32_t b) { return std::tie(sums[a], a) < std::tie(sums[b], b); });
  // The columns of a short last group, which keeps more of them, are the last ones already.
  size_t groups = columns / pattern.m;
  Order order = sorted;
  for (size_t k = 0; k < pattern.m; ++k)
    for (size_t g = 0; g < groups; ++g)
      order[g * pattern.m + k] = sorted[k * groups + (k % 2 ? groups - 1 - g : g)];
  return order;
}

//===----------------------------------------------------------------------===//
// Assignment
//===----------------------------------------------------------------------===//

/// gains[h] += max(0, candidates[h] - threshold) for a few rows.
COMPRESS_CLONES static void addGains(const float *candidates, size_t count, const float *thresholds,
                                     size_t stride, size_t rows, double *gains) {
  for (size_t row = 0; row < rows; ++row) {
    double threshold = thresholds[row * stride];
    const float *line = candidates + row * count;
    for (size_t h = 0; h < count; ++h) {
      double gain = static_cast<double>(line[h]) - threshold;
      gains[h] += gain > 0 ? gain : 0;
    }
  }
}

namespace {
/// Step 2 for one run of groups.
class Refinement {
public:
  Refinement(const float *scores, size_t rows, size_t columns, NMPattern pattern,
             ParallelFor parallelFor)
      : scores(scores), rows(rows), columns(columns), pattern(pattern), parallelFor(parallelFor) {}

  /// Improves position `c` of the groups from `firstGroup` on, `count` of them.
  void refine(Order &order, size_t firstGroup, size_t count, size_t c) {
    // The columns at position c, and what a column must exceed to be kept in a group.
    std::vector<float> candidates(rows * count), thresholds(rows * count);
    parallelFor((rows + kRows - 1) / kRows, [&](size_t chunk) {
      for (size_t row = chunk * kRows; row < std::min(rows, (chunk + 1) * kRows); ++row)
        for (size_t g = 0; g < count; ++g) {
          const float *line = scores + row * columns;
          candidates[row * count + g] = line[order[(firstGroup + g) * pattern.m + c]];
          thresholds[row * count + g] = getThreshold(line, order, firstGroup + g, c);
        }
    });
    // What all groups keep with each candidate, up to what they keep of their other columns: the
    // same whatever they are given.
    std::vector<double> gains(count * count, 0);
    parallelFor(count, [&](size_t g) {
      addGains(candidates.data(), count, thresholds.data() + g, count, rows,
               gains.data() + g * count);
    });
    Order choice = assignRows(gains, count);
    double before = 0, after = 0;
    for (size_t g = 0; g < count; ++g) {
      before += gains[g * count + g];
      after += gains[g * count + choice[g]];
    }
    if (!(after > before))
      return;
    Order given(count);
    for (size_t g = 0; g < count; ++g)
      given[g] = order[(firstGroup + choice[g]) * pattern.m + c];
    for (size_t g = 0; g < count; ++g)
      order[(firstGroup + g) * pattern.m + c] = given[g];
  }

private:
  /// The n-th largest score of a group without its column at `c`: a column with a larger score
  /// takes its place. 0 if all are kept: scores are not negative.
  float getThreshold(const float *line, const Order &order, size_t group, size_t c) const {
    size_t first = group * pattern.m, size = std::min<size_t>(pattern.m, columns - first);
    if (size <= pattern.n)
      return 0;
    float others[256];
    size_t count = 0;
    for (size_t i = 0; i < size; ++i)
      if (i != c)
        others[count++] = line[order[first + i]];
    std::nth_element(others, others + pattern.n - 1, others + count, std::greater<>());
    return others[pattern.n - 1];
  }

  const float *scores;
  size_t rows, columns;
  NMPattern pattern;
  ParallelFor parallelFor;
};
} // namespace

ChannelPermutation mlir::compress::permuteChannels(const float *scores, size_t rows, size_t columns,
                                                   NMPattern pattern,
                                                   const ChannelPermutationOptions &options,
                                                   ParallelFor parallelFor) {
  assert(pattern.isValid() && options.maxGroups && "not valid");
  auto getRetained = [&](const Order &order) {
    return getRetainedScore(scores, rows, columns, pattern, order, parallelFor);
  };
  ChannelPermutation result;
  result.order = makeIdentity(columns);
  result.before = getRetained(result.order);
  result.bound = getRetainedBound(scores, rows, columns, pattern, parallelFor);
  result.afterReallocation = result.before;
  Order order = reallocateChannels(scores, rows, columns, pattern);
  if (double retained = getRetained(order); retained > result.before) {
    result.afterReallocation = retained;
    result.order = std::move(order);
  }
  result.after = result.afterReallocation;

  Refinement refinement(scores, rows, columns, pattern, parallelFor);
  for (unsigned pass = 0; pass < options.passes; ++pass) {
    order = result.order;
    for (size_t c = 0; c < pattern.m; ++c) {
      // Groups that have a column at c: a short last one may not.
      size_t groups = columns / pattern.m + (c < columns % pattern.m);
      size_t runs = (groups + options.maxGroups - 1) / options.maxGroups;
      for (size_t run = 0; run < runs; ++run) {
        size_t first = groups * run / runs;
        refinement.refine(order, first, groups * (run + 1) / runs - first, c);
      }
    }
    double retained = getRetained(order);
    if (!(retained > result.after))
      break;
    result.after = retained;
    result.order = order;
  }
  return result;
}
