//===- Sparsity.cpp - masks that keep the largest scores ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Sparsity.h"
#include "ScoreKey.h"
#include "Simd.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

using namespace mlir::compress;

/// Scores that are worked on at a time.
static constexpr size_t chunkSize = 1 << 18;
/// Fewer scores than this are copied and partially sorted; more are counted by their leading bits.
static constexpr size_t fewScores = 1 << 15;

//===----------------------------------------------------------------------===//
// Counts
//===----------------------------------------------------------------------===//

uint64_t mlir::compress::getPrunedCount(double ratio, uint64_t number) {
  double product = ratio * static_cast<double>(number), nearest = std::round(product);
  // The ratio and the product are each rounded once.
  bool isWhole = std::fabs(product - nearest) <= product * 0x1p-50;
  return std::min(number, static_cast<uint64_t>(isWhole ? nearest : std::floor(product)));
}

uint64_t mlir::compress::getPrunedCount(const SparsityTarget &target, size_t rows, size_t columns) {
  if (target.nm) {
    size_t rest = columns % target.nm->m;
    size_t pruned = columns / target.nm->m * (target.nm->m - target.nm->n);
    return rows * (pruned + rest - std::min<size_t>(rest, target.nm->n));
  }
  if (target.count)
    return *target.count;
  return target.perRow ? rows * getPrunedCount(target.ratio, columns)
                       : getPrunedCount(target.ratio, static_cast<uint64_t>(rows) * columns);
}

llvm::Error mlir::compress::checkTarget(const SparsityTarget &target, size_t rows, size_t columns) {
  auto makeError = [](const llvm::Twine &message) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
  };
  if (target.nm && !target.nm->isValid())
    return makeError("the pattern " + llvm::Twine(target.nm->n) + ":" + llvm::Twine(target.nm->m) +
                     " must keep from 1 to M of M, M at most 256");
  if (target.count && (target.nm || target.perRow))
    return makeError("a number of pruned weights is for a whole matrix, not for rows or N:M");
  if (target.count && *target.count > static_cast<uint64_t>(rows) * columns)
    return makeError("cannot prune " + llvm::Twine(*target.count) + " of " + llvm::Twine(rows) +
                     " x " + llvm::Twine(columns) + " weights");
  if (!target.nm && !target.count && !(target.ratio >= 0 && target.ratio < 1))
    return makeError("the share of pruned weights must be at least 0 and less than 1, but is " +
                     llvm::formatv("{0}", target.ratio).str());
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Thresholds
//===----------------------------------------------------------------------===//

namespace {

/// What is pruned: scores with a smaller key, and of those with that key all but the first `kept`.
struct Threshold {
  uint32_t key = 0;
  uint64_t kept = 0;
};

} // namespace

/// The keys of scores.
COMPRESS_CLONES static void writeKeys(const float *scores, size_t count, uint32_t *keys) {
  for (size_t i = 0; i < count; ++i)
    keys[i] = getScoreKey(scores[i]);
}

COMPRESS_CLONES static size_t countEqual(const float *scores, size_t count, uint32_t key) {
  uint32_t equal = 0;
  for (size_t i = 0; i < count; ++i)
    equal += getScoreKey(scores[i]) == key;
  return equal;
}

COMPRESS_CLONES static void writeLarger(const float *scores, size_t count, uint32_t key,
                                        uint8_t *mask) {
  for (size_t i = 0; i < count; ++i)
    mask[i] = getScoreKey(scores[i]) > key;
}

/// Keeps the scores above the threshold; of equal ones the first `kept`.
static void writeMask(const float *scores, size_t count, Threshold threshold, uint8_t *mask) {
  writeLarger(scores, count, threshold.key, mask);
  for (size_t i = 0; i < count && threshold.kept > 0; ++i)
    if (getScoreKey(scores[i]) == threshold.key) {
      mask[i] = 1;
      --threshold.kept;
    }
}

/// Position of the element number `index` (from 0) in the order of bins; `index` becomes its
/// position in the bin.
template <typename Count>
static uint32_t findBin(llvm::ArrayRef<Count> bins, uint64_t &index) {
  uint32_t bin = 0;
  while (index >= bins[bin])
    index -= bins[bin++];
  return bin;
}

/// The threshold for `pruned` of `keys`, which are overwritten; 1 <= pruned <= count.
static Threshold findThreshold(uint32_t *keys, size_t count, size_t pruned) {
  // Sign, exponent and two bits of the mantissa leave few to sort.
  constexpr unsigned shift = 21;
  if (count >= 512) {
    uint32_t bins[1u << (32 - shift)] = {};
    for (size_t i = 0; i < count; ++i)
      ++bins[keys[i] >> shift];
    uint64_t index = pruned - 1;
    uint32_t bin = findBin(llvm::ArrayRef<uint32_t>(bins), index);
    size_t left = 0;
    for (size_t i = 0; i < count; ++i) {
      uint32_t key = keys[i];
      keys[left] = key;
      left += key >> shift == bin;
    }
    count = left;
    pruned = index + 1;
  }
  std::nth_element(keys, keys + (pruned - 1), keys + count);
  Threshold result{keys[pruned - 1], 0};
  // Equal keys may be on both sides.
  result.kept = std::count(keys + pruned, keys + count, result.key);
  return result;
}

/// Keeps all but `pruned` of few scores.
static void chooseOfFew(const float *scores, size_t count, size_t pruned,
                        std::vector<uint32_t> &keys, uint8_t *mask) {
  if (pruned == 0)
    return void(std::fill_n(mask, count, uint8_t(1)));
  keys.resize(count);
  writeKeys(scores, count, keys.data());
  writeMask(scores, count, findThreshold(keys.data(), count, pruned), mask);
}

/// Keeps all but `pruned` of many scores: counts leading halves of keys, then the other halves of
/// those where the threshold is.
static void chooseOfMany(const float *scores, size_t count, uint64_t pruned, uint8_t *mask,
                         ParallelFor parallelFor) {
  if (pruned == 0)
    return void(std::fill_n(mask, count, uint8_t(1)));
  size_t chunks = (count + chunkSize - 1) / chunkSize;
  // A histogram per group of chunks bounds the memory.
  size_t groups = std::min<size_t>(chunks, 32);
  std::vector<std::vector<uint32_t>> counts(groups);
  auto forChunks = [&](size_t group, llvm::function_ref<void(size_t, size_t, size_t)> body) {
    for (size_t c = chunks * group / groups, e = chunks * (group + 1) / groups; c < e; ++c)
      body(c, c * chunkSize, std::min(chunkSize, count - c * chunkSize));
  };
  auto count16 = [&](llvm::function_ref<void(uint32_t *, size_t, size_t)> add) {
    parallelFor(groups, [&](size_t group) {
      counts[group].assign(scoreBins, 0);
      forChunks(group,
                [&](size_t, size_t first, size_t size) { add(counts[group].data(), first, size); });
    });
    std::vector<uint64_t> bins(scoreBins, 0);
    for (const std::vector<uint32_t> &part : counts)
      for (size_t bin = 0; bin < scoreBins; ++bin)
        bins[bin] += part[bin];
    return bins;
  };
  uint64_t index = pruned - 1;
  std::vector<uint64_t> bins = count16([&](uint32_t *bins, size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i)
      ++bins[getScoreKey(scores[i]) >> 16];
  });
  uint32_t high = findBin(llvm::ArrayRef<uint64_t>(bins), index);
  bins = count16([&](uint32_t *bins, size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i) {
      uint32_t key = getScoreKey(scores[i]);
      if (key >> 16 == high)
        ++bins[key & 0xffff];
    }
  });
  uint32_t low = findBin(llvm::ArrayRef<uint64_t>(bins), index);
  Threshold threshold{high << 16 | low, bins[low] - (index + 1)};

  // Of equal scores the first ones are kept: each chunk must know how many are before it.
  std::vector<uint64_t> kept(chunks, 0);
  if (threshold.kept > 0)
    parallelFor(groups, [&](size_t group) {
      forChunks(group, [&](size_t c, size_t first, size_t size) {
        kept[c] = countEqual(scores + first, size, threshold.key);
      });
    });
  uint64_t left = threshold.kept;
  for (uint64_t &number : kept) {
    number = std::min(number, left);
    left -= number;
  }
  parallelFor(groups, [&](size_t group) {
    forChunks(group, [&](size_t c, size_t first, size_t size) {
      writeMask(scores + first, size, {threshold.key, kept[c]}, mask + first);
    });
  });
}

//===----------------------------------------------------------------------===//
// N:M
//===----------------------------------------------------------------------===//

/// Keeps the N largest of each M of `rows` rows.
static void chooseNM(const float *scores, size_t rows, size_t columns, NMPattern pattern,
                     uint8_t *mask) {
  bool hasNegative = false;
  for (size_t i = 0; i < rows * columns; ++i)
    hasNegative |= scores[i] < 0;
  if (!hasNegative) {
    computeNMMask(pattern, {rows, columns, 1}, DataType::F32, scores, mask);
    return;
  }
  std::vector<uint32_t> keys;
  for (size_t row = 0; row < rows; ++row)
    for (size_t begin = 0; begin < columns; begin += pattern.m) {
      size_t size = std::min<size_t>(pattern.m, columns - begin), first = row * columns + begin;
      chooseOfFew(scores + first, size, size - std::min<size_t>(size, pattern.n), keys,
                  mask + first);
    }
}

std::vector<uint8_t> mlir::compress::chooseMask(const float *scores, size_t rows, size_t columns,
                                                const SparsityTarget &target,
                                                ParallelFor parallelFor) {
  size_t count = rows * columns;
  std::vector<uint8_t> mask(count);
  if (count == 0)
    return mask;
  if (!target.nm && !target.perRow) {
    uint64_t pruned = getPrunedCount(target, rows, columns);
    assert(pruned <= count && "checked by checkTarget");
    if (count >= fewScores) {
      chooseOfMany(scores, count, pruned, mask.data(), parallelFor);
    } else {
      std::vector<uint32_t> keys;
      chooseOfFew(scores, count, pruned, keys, mask.data());
    }
    return mask;
  }
  uint64_t pruned = target.nm ? 0 : getPrunedCount(target.ratio, columns);
  size_t rowsPerChunk = std::max<size_t>(1, chunkSize / 4 / columns);
  parallelFor((rows + rowsPerChunk - 1) / rowsPerChunk, [&](size_t chunk) {
    size_t first = chunk * rowsPerChunk, size = std::min(rowsPerChunk, rows - first);
    if (target.nm)
      return chooseNM(scores + first * columns, size, columns, *target.nm,
                      mask.data() + first * columns);
    std::vector<uint32_t> keys;
    for (size_t row = first; row < first + size; ++row)
      chooseOfFew(scores + row * columns, columns, pruned, keys, mask.data() + row * columns);
  });
  return mask;
}
