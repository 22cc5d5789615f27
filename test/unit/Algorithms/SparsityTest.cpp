//===- SparsityTest.cpp - masks that keep the largest scores --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Sparsity.h"
#include "PruningLayer.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>
#include <numeric>

using namespace mlir::compress;

namespace {

SparsityTarget makeRatio(double ratio, bool perRow = false) {
  SparsityTarget target;
  target.ratio = ratio;
  target.perRow = perRow;
  return target;
}
SparsityTarget makeNM(unsigned n, unsigned m) {
  SparsityTarget target;
  target.nm = NMPattern{n, m};
  return target;
}
SparsityTarget makeCount(uint64_t count) {
  SparsityTarget target;
  target.count = count;
  return target;
}

/// The definition: sorts everything.
void prunePiece(const std::vector<float> &scores, size_t begin, size_t size, size_t pruned,
                std::vector<uint8_t> &mask) {
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), begin);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] < scores[b] : a > b;
  });
  for (size_t i = 0; i < pruned; ++i)
    mask[order[i]] = 0;
}

std::vector<uint8_t> chooseBySorting(const std::vector<float> &scores, size_t rows, size_t columns,
                                     const SparsityTarget &target) {
  std::vector<uint8_t> mask(rows * columns, 1);
  if (target.nm) {
    for (size_t row = 0; row < rows; ++row)
      for (size_t j = 0; j < columns; j += target.nm->m) {
        size_t size = std::min<size_t>(target.nm->m, columns - j);
        prunePiece(scores, row * columns + j, size, size - std::min<size_t>(size, target.nm->n),
                   mask);
      }
  } else if (target.perRow) {
    for (size_t row = 0; row < rows; ++row)
      prunePiece(scores, row * columns, columns, getPrunedCount(target.ratio, columns), mask);
  } else {
    prunePiece(scores, 0, rows * columns, getPrunedCount(target, rows, columns), mask);
  }
  return mask;
}

/// Scores with many equal ones, zeros of both signs, tiny ones and (if asked) negative ones.
std::vector<float> makeScores(size_t count, bool negative, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> scores(count);
  for (float &score : scores) {
    unsigned kind = generator() % 16;
    score = static_cast<float>(generator() % 1000) / 7;
    if (kind == 0)
      score = generator() % 2 ? 0.0f : -0.0f;
    else if (kind == 1)
      score *= 1e-41f;
    else if (kind == 2)
      score *= 1e+33f;
    else if (kind < 6)
      score = 3;
    if (negative && generator() % 4 == 0)
      score = -score;
  }
  return scores;
}

TEST(Sparsity, CountsAreExact) {
  EXPECT_EQ(getPrunedCount(0.3, 10), 3u);
  EXPECT_EQ(getPrunedCount(0.29, 100), 29u);
  EXPECT_EQ(getPrunedCount(0.57, 100), 57u);
  EXPECT_EQ(getPrunedCount(0.5, 7), 3u);
  EXPECT_EQ(getPrunedCount(0.999, 10), 9u);
  EXPECT_EQ(getPrunedCount(0, 10), 0u);
  EXPECT_EQ(getPrunedCount(1, 10), 10u);
  EXPECT_EQ(getPrunedCount(0.5, 0), 0u);
  // Hundredths of every number, and ratios that come from counts.
  for (uint64_t number : {100, 4100, 16777300})
    for (uint64_t percent = 0; percent < 100; ++percent)
      ASSERT_EQ(getPrunedCount(static_cast<double>(percent) / 100.0, number),
                number / 100 * percent);
  for (uint64_t number : {3, 7, 1000003, 2147483647})
    for (uint64_t part = 1; part < number; part += number / 3 + 1)
      ASSERT_EQ(getPrunedCount(static_cast<double>(part) / static_cast<double>(number), number),
                part);
  // A product that is not next to a whole number is not rounded up.
  EXPECT_EQ(getPrunedCount(0.2999999, 10), 2u);
  EXPECT_EQ(getPrunedCount(makeNM(2, 4), 3, 11), 3u * (2 + 2 + 1));
  EXPECT_EQ(getPrunedCount(makeRatio(0.5, true), 3, 5), 6u);
  EXPECT_EQ(getPrunedCount(makeRatio(0.5), 3, 5), 7u);
  EXPECT_EQ(getPrunedCount(makeCount(4), 3, 5), 4u);
}

TEST(Sparsity, MasksAreThoseOfSorting) {
  const std::pair<size_t, size_t> shapes[] = {{1, 1},   {1, 7},    {5, 1},    {13, 29},
                                              {5, 900}, {64, 128}, {300, 500}};
  unsigned seed = 0;
  for (auto [rows, columns] : shapes)
    for (bool negative : {false, true}) {
      std::vector<float> scores = makeScores(rows * columns, negative, ++seed);
      for (const SparsityTarget &target :
           {makeRatio(0), makeRatio(0.1), makeRatio(0.5), makeRatio(0.99), makeRatio(0.5, true),
            makeRatio(0.3, true), makeNM(2, 4), makeNM(1, 4), makeNM(4, 4), makeNM(3, 5),
            makeNM(4, 8), makeNM(16, 256), makeCount(rows * columns), makeCount(1)}) {
        std::vector<uint8_t> mask = chooseMask(scores.data(), rows, columns, target);
        EXPECT_EQ(mask, chooseBySorting(scores, rows, columns, target));
        EXPECT_EQ(countZeros(mask), getPrunedCount(target, rows, columns));
      }
    }
}

TEST(Sparsity, EqualScoresGoFromTheEnd) {
  std::vector<float> scores(12, 2.0f);
  EXPECT_EQ(chooseMask(scores.data(), 2, 6, makeRatio(0.25)),
            (std::vector<uint8_t>{1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(chooseMask(scores.data(), 2, 6, makeRatio(0.5, true)),
            (std::vector<uint8_t>{1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(chooseMask(scores.data(), 2, 6, makeNM(2, 4)),
            (std::vector<uint8_t>{1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1}));
  // All of a large matrix: over many chunks.
  scores.assign(1000 * 700, 0.5f);
  std::vector<uint8_t> mask = chooseMask(scores.data(), 1000, 700, makeCount(400001));
  for (size_t i = 0; i < mask.size(); ++i)
    ASSERT_EQ(mask[i], i < 299999) << i;
}

TEST(Sparsity, SameForAnyNumberOfThreads) {
  std::vector<float> scores = makeScores(900 * 701, false, 77);
  for (const SparsityTarget &target : {makeRatio(0.5), makeRatio(0.3, true), makeNM(2, 4)})
    EXPECT_EQ(chooseMask(scores.data(), 900, 701, target),
              chooseMask(scores.data(), 900, 701, target, runOnThreeThreads));
}

TEST(Sparsity, IsIdempotent) {
  std::vector<float> scores = makeScores(40 * 60, false, 5);
  for (const SparsityTarget &target : {makeRatio(0.6), makeRatio(0.6, true), makeNM(2, 4)}) {
    std::vector<uint8_t> mask = chooseMask(scores.data(), 40, 60, target);
    std::vector<float> masked = scores;
    for (size_t i = 0; i < masked.size(); ++i)
      masked[i] = mask[i] ? masked[i] + 1 : 0;
    EXPECT_EQ(chooseMask(masked.data(), 40, 60, target), mask);
  }
}

TEST(Sparsity, Errors) {
  auto message = [](const SparsityTarget &target) {
    llvm::Error error = checkTarget(target, 2, 4);
    return error ? llvm::toString(std::move(error)) : std::string("no error");
  };
  EXPECT_EQ(message(makeRatio(0.5)), "no error");
  EXPECT_EQ(message(makeNM(2, 4)), "no error");
  EXPECT_EQ(message(makeCount(8)), "no error");
  EXPECT_EQ(message(makeRatio(1)),
            "the share of pruned weights must be at least 0 and less than 1, but is 1.00");
  EXPECT_EQ(message(makeRatio(std::nan(""))),
            "the share of pruned weights must be at least 0 and less than 1, but is nan");
  EXPECT_EQ(message(makeNM(5, 4)), "the pattern 5:4 must keep from 1 to M of M, M at most 256");
  EXPECT_EQ(message(makeCount(9)), "cannot prune 9 of 2 x 4 weights");
  SparsityTarget both = makeCount(1);
  both.perRow = true;
  EXPECT_EQ(message(both), "a number of pruned weights is for a whole matrix, not for rows or N:M");
}

} // namespace
