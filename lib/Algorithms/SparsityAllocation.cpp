//===- SparsityAllocation.cpp - how much each matrix is pruned ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SparsityAllocation.h"
#include "DampedGram.h"
#include "ScoreKey.h"
#include "compress/Algorithms/Sparsity.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;

static llvm::Error checkRatio(double ratio) {
  if (ratio >= 0 && ratio < 1)
    return llvm::Error::success();
  return makeMethodError("the share of pruned weights must be at least 0 and less than 1, but is " +
                         llvm::formatv("{0}", ratio).str());
}

static uint64_t addUp(llvm::ArrayRef<uint64_t> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), uint64_t(0));
}

static AllocatedSparsity makeResult(std::vector<uint64_t> pruned, llvm::ArrayRef<uint64_t> sizes) {
  AllocatedSparsity result;
  for (auto [number, size] : llvm::zip_equal(pruned, sizes))
    result.ratios.push_back(size ? static_cast<double>(number) / static_cast<double>(size) : 0.0);
  result.pruned = std::move(pruned);
  return result;
}

//===----------------------------------------------------------------------===//
// By sensitivity
//===----------------------------------------------------------------------===//

/// How many weights matrices keep when each keeps `factor` times its share, but not more than all.
static double countKept(llvm::ArrayRef<double> shares, llvm::ArrayRef<uint64_t> sizes,
                        double factor) {
  double kept = 0;
  for (auto [share, size] : llvm::zip_equal(shares, sizes))
    kept += std::min(1.0, share * factor) * static_cast<double>(size);
  return kept;
}

/// The factor for which `kept` weights are kept.
static double findFactor(llvm::ArrayRef<double> shares, llvm::ArrayRef<uint64_t> sizes,
                         double kept) {
  double low = 0, high = 1;
  for (unsigned i = 0; i < 100 && countKept(shares, sizes, high) < kept; ++i)
    high *= 2;
  for (unsigned i = 0; i < 100; ++i) {
    double middle = (low + high) / 2;
    (countKept(shares, sizes, middle) < kept ? low : high) = middle;
  }
  return high;
}

/// Whole numbers next to `wanted`, from 0 to `limits`, with the sum `total`.
static std::vector<uint64_t> roundTo(llvm::ArrayRef<double> wanted, llvm::ArrayRef<uint64_t> limits,
                                     uint64_t total) {
  std::vector<uint64_t> numbers;
  for (auto [number, limit] : llvm::zip_equal(wanted, limits))
    numbers.push_back(std::min(limit, static_cast<uint64_t>(std::max(0.0, number))));
  // The largest remainders get what is missing (and lose what is too much last), one each per
  // round.
  std::vector<size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), size_t(0));
  llvm::sort(order, [&](size_t a, size_t b) {
    double left = wanted[a] - static_cast<double>(numbers[a]);
    double right = wanted[b] - static_cast<double>(numbers[b]);
    return left != right ? left > right : a < b;
  });
  uint64_t sum = addUp(numbers);
  while (sum < total) {
    uint64_t before = sum;
    for (size_t i : order)
      if (sum < total && numbers[i] < limits[i]) {
        // More than one at a time only where rounding has not been the reason.
        uint64_t step = std::max<uint64_t>(1, (total - sum) / (2 * order.size()));
        step = std::min(step, limits[i] - numbers[i]);
        numbers[i] += step;
        sum += step;
      }
    if (sum == before)
      break;
  }
  for (size_t i : llvm::reverse(order)) {
    uint64_t step = std::min(numbers[i], sum > total ? sum - total : 0);
    numbers[i] -= step;
    sum -= step;
  }
  return numbers;
}

llvm::Expected<AllocatedSparsity>
mlir::compress::allocateSparsity(llvm::ArrayRef<double> sensitivities,
                                 llvm::ArrayRef<uint64_t> sizes, double ratio, double alpha) {
  if (sensitivities.size() != sizes.size())
    return makeMethodError("there are " + llvm::Twine(sensitivities.size()) +
                           " sensitivities for " + llvm::Twine(sizes.size()) + " matrices");
  for (size_t i = 0; i < sensitivities.size(); ++i)
    if (!std::isfinite(sensitivities[i]))
      return makeMethodError("the sensitivity of matrix " + llvm::Twine(i) + " is not finite");
  if (llvm::Error error = checkRatio(ratio))
    return error;
  if (!(alpha >= 0) || !std::isfinite(alpha))
    return makeMethodError("alpha must be a number of at least 0");

  size_t number = sizes.size();
  std::vector<size_t> order(number);
  std::iota(order.begin(), order.end(), size_t(0));
  llvm::sort(order, [&](size_t a, size_t b) {
    return sensitivities[a] != sensitivities[b] ? sensitivities[a] < sensitivities[b] : a < b;
  });
  double spread = std::min({alpha, ratio, 1 - ratio});
  double least = 1 - ratio - spread, most = 1 - ratio + spread;
  std::vector<double> shares(number, 1 - ratio);
  for (size_t id = 0; id < number && number > 1; ++id)
    shares[order[id]] =
        least + static_cast<double>(id) * (most - least) / static_cast<double>(number - 1);

  uint64_t total = addUp(sizes), pruned = getPrunedCount(ratio, total);
  bool haveEqualSizes = llvm::all_of(sizes, [&](uint64_t size) { return size == sizes[0]; });
  double factor = 1;
  if (!haveEqualSizes)
    factor = findFactor(shares, sizes, (1 - ratio) * static_cast<double>(total));
  std::vector<double> wanted;
  std::vector<uint64_t> limits;
  for (auto [share, size] : llvm::zip_equal(shares, sizes)) {
    // 0.4 of 100 should be 40, not 39 and a remainder.
    double number = (1 - std::min(1.0, share * factor)) * static_cast<double>(size);
    double nearest = std::round(number);
    wanted.push_back(std::fabs(number - nearest) <= static_cast<double>(size) * 0x1p-48 ? nearest
                                                                                        : number);
    limits.push_back(size - (size > 0));
  }
  if (addUp(limits) < pruned)
    limits = sizes.vec();
  return makeResult(roundTo(wanted, limits, pruned), sizes);
}

//===----------------------------------------------------------------------===//
// By all scores
//===----------------------------------------------------------------------===//

namespace {

/// Bins that are not empty, in ascending order, with their counts.
using SparseBins = std::vector<std::pair<uint32_t, uint64_t>>;

} // namespace

static SparseBins makeSparse(llvm::ArrayRef<uint64_t> bins) {
  SparseBins result;
  for (uint32_t bin = 0; bin < bins.size(); ++bin)
    if (bins[bin])
      result.push_back({bin, bins[bin]});
  return result;
}

/// Bin with element number `index` (from 0) of all matrices, which becomes its position there.
static uint32_t findBin(llvm::ArrayRef<SparseBins> matrices, uint64_t &index) {
  std::vector<uint64_t> bins(scoreBins, 0);
  for (const SparseBins &matrix : matrices)
    for (auto [bin, number] : matrix)
      bins[bin] += number;
  uint32_t bin = 0;
  while (bin + 1 < scoreBins && index >= bins[bin])
    index -= bins[bin++];
  return bin;
}

static uint64_t countBelow(const SparseBins &bins, uint32_t end) {
  uint64_t sum = 0;
  for (auto [bin, number] : bins)
    sum += bin < end ? number : 0;
  return sum;
}

/// Counts the leading halves of keys of a matrix. The text of an error if there is one.
static std::string countHigh(size_t index, uint64_t size, ScoreStream stream, SparseBins &result) {
  std::vector<uint64_t> bins(scoreBins, 0);
  uint64_t seen = 0;
  std::optional<uint64_t> bad;
  stream(index, [&](llvm::ArrayRef<float> scores) {
    for (float score : scores) {
      uint32_t key = getScoreKey(score);
      if ((key >= keyOfInfinity || key <= keyOfMinusInfinity) && !bad)
        bad = seen;
      ++bins[key >> 16];
      ++seen;
    }
  });
  if (bad)
    return llvm::formatv("the score of matrix {0} at {1} is not finite", index, *bad).str();
  if (seen != size)
    return llvm::formatv("matrix {0} has {1} weights, but {2} scores", index, size, seen).str();
  result = makeSparse(bins);
  return {};
}

static SparseBins countLow(size_t index, uint32_t high, ScoreStream stream) {
  std::vector<uint64_t> bins(scoreBins, 0);
  stream(index, [&](llvm::ArrayRef<float> scores) {
    for (float score : scores) {
      uint32_t key = getScoreKey(score);
      if (key >> 16 == high)
        ++bins[key & 0xffff];
    }
  });
  return makeSparse(bins);
}

llvm::Expected<AllocatedSparsity> mlir::compress::allocateGlobal(llvm::ArrayRef<uint64_t> sizes,
                                                                 double ratio, ScoreStream stream,
                                                                 ParallelFor parallelFor) {
  if (llvm::Error error = checkRatio(ratio))
    return error;
  size_t number = sizes.size();
  std::vector<SparseBins> highs(number), lows(number);
  std::vector<std::string> errors(number);
  parallelFor(number, [&](size_t i) { errors[i] = countHigh(i, sizes[i], stream, highs[i]); });
  for (const std::string &error : errors)
    if (!error.empty())
      return makeMethodError(error);
  std::vector<uint64_t> pruned(number, 0);
  uint64_t left = getPrunedCount(ratio, addUp(sizes));
  if (left == 0)
    return makeResult(std::move(pruned), sizes);

  uint64_t index = left - 1;
  uint32_t high = findBin(highs, index);
  parallelFor(number, [&](size_t i) { lows[i] = countLow(i, high, stream); });
  uint32_t low = findBin(lows, index);
  for (size_t i = 0; i < number; ++i) {
    pruned[i] = countBelow(highs[i], high) + countBelow(lows[i], low);
    left -= pruned[i];
  }
  // Of equal scores those of the last matrices are pruned.
  for (size_t i = number; i-- > 0 && left > 0;) {
    uint64_t equal = countBelow(lows[i], low + 1) - countBelow(lows[i], low);
    uint64_t taken = std::min(equal, left);
    pruned[i] += taken;
    left -= taken;
  }
  return makeResult(std::move(pruned), sizes);
}
