//===- ChannelPermutationTest.cpp - orders of channels for N:M ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ChannelPermutation.h"
#include "../../../lib/Algorithms/Assignment.h"
#include "SyntheticLayer.h"
#include "compress/Algorithms/PruningScores.h"
#include "compress/Algorithms/Sparsity.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <numeric>
#include <thread>

using namespace mlir::compress;

static constexpr NMPattern kTwoOfFour{2, 4};

static std::vector<float> getScores(unsigned seed, double power = 0.5) {
  OutlierLayer layer(seed);
  std::vector<double> squares;
  for (size_t j = 0; j < layer.columns; ++j)
    squares.push_back(layer.gram[j * layer.columns + j]);
  return riaScores(layer.weight.data(), layer.rows, layer.columns,
                   getColumnNorms(squares, layer.columns), power);
}

static bool isBijection(std::vector<uint32_t> order) {
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < order.size(); ++i)
    if (order[i] != i)
      return false;
  return true;
}

static std::vector<double> makeValues(size_t n, unsigned seed, unsigned levels) {
  std::mt19937_64 generator(seed);
  std::vector<double> values;
  for (size_t i = 0; i < n * n; ++i)
    values.push_back(static_cast<double>(generator() % levels) - levels / 2.0);
  return values;
}

TEST(Assignment, EqualsExhaustiveSearch) {
  for (size_t n = 1; n <= 6; ++n)
    for (unsigned seed = 0; seed < 40; ++seed) {
      // Few levels make ties.
      std::vector<double> values = makeValues(n, seed, seed % 2 ? 4 : 1000);
      std::vector<uint32_t> columns(n);
      std::iota(columns.begin(), columns.end(), 0);
      auto getSum = [&](const std::vector<uint32_t> &choice) {
        double sum = 0;
        for (size_t i = 0; i < n; ++i)
          sum += values[i * n + choice[i]];
        return sum;
      };
      double best = getSum(columns);
      do
        best = std::max(best, getSum(columns));
      while (std::next_permutation(columns.begin(), columns.end()));
      std::vector<uint32_t> choice = assignRows(values, n);
      EXPECT_TRUE(isBijection(choice));
      EXPECT_EQ(getSum(choice), best) << n << " " << seed;
    }
}

TEST(Assignment, FindsAHiddenPermutation) {
  size_t n = 200;
  std::vector<double> values = makeValues(n, 5, 1000);
  std::vector<uint32_t> hidden(n);
  for (size_t i = 0; i < n; ++i) {
    hidden[i] = (i * 77 + 13) % n;
    values[i * n + hidden[i]] = 501;
  }
  EXPECT_EQ(assignRows(values, n), hidden);
}

TEST(Assignment, EqualValuesMoveNothing) {
  EXPECT_EQ(assignRows(std::vector<double>(9, 2.5), 3), (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_TRUE(assignRows({}, 0).empty());
}

TEST(ChannelPermutation, RetainedScoreAndBound) {
  const float scores[] = {1, 2, 3, 4, 5, 6, /**/ 6, 1, 1, 1, 1, 5};
  // Groups of 4 and 2 columns, of which 1 is kept.
  EXPECT_EQ(getRetainedScore(scores, 2, 6, {1, 4}), 4 + 6 + 6 + 5);
  EXPECT_EQ(getRetainedScore(scores, 2, 6, {1, 4}, {5, 4, 0, 1, 2, 3}), 6 + 4 + 6 + 1);
  EXPECT_EQ(getRetainedBound(scores, 2, 6, {1, 4}), 6 + 5 + 6 + 5);
  EXPECT_EQ(getRetainedScore(scores, 2, 6, {4, 4}), 21 + 15);
  EXPECT_EQ(getRetainedBound(scores, 2, 6, {4, 4}), 21 + 15);
}

TEST(ChannelPermutation, RetainedScoreIsThatOfTheMask) {
  std::vector<float> scores = getScores(1);
  std::vector<uint8_t> mask = chooseMask(scores.data(), 64, 128, {kTwoOfFour});
  double sum = 0;
  for (size_t i = 0; i < scores.size(); ++i)
    sum += mask[i] ? scores[i] : 0;
  EXPECT_NEAR(getRetainedScore(scores.data(), 64, 128, kTwoOfFour), sum, 1e-9 * sum);
}

TEST(ChannelPermutation, ReallocationSnakes) {
  // Sums 0 .. 7 and two large ones for the short last group.
  const float scores[] = {90, 3, 1, 0, 2, 80, 7, 5, 6, 4};
  EXPECT_EQ(reallocateChannels(scores, 1, 10, {2, 4}),
            (std::vector<uint32_t>{3, 1, 9, 6, 2, 4, 7, 8, 5, 0}));
}

TEST(ChannelPermutation, ImprovesAndStaysBelowTheBound) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    std::vector<float> scores = getScores(seed);
    ChannelPermutation found = permuteChannels(scores.data(), 64, 128, kTwoOfFour);
    EXPECT_TRUE(isBijection(found.order));
    EXPECT_FALSE(found.isIdentity());
    EXPECT_EQ(found.before, getRetainedScore(scores.data(), 64, 128, kTwoOfFour));
    EXPECT_EQ(found.after, getRetainedScore(scores.data(), 64, 128, kTwoOfFour, found.order));
    EXPECT_EQ(found.bound, getRetainedBound(scores.data(), 64, 128, kTwoOfFour));
    EXPECT_LT(found.before, found.afterReallocation);
    EXPECT_LT(found.afterReallocation, found.after);
    EXPECT_LE(found.after, found.bound);
    EXPECT_GT(found.after, found.before + 0.4 * (found.bound - found.before));
  }
}

TEST(ChannelPermutation, TypicalGains) {
  // Typical: 334.7 becomes 351.8 and 361.6 with the bound 370.5, which is 48 % and 75 % of what can
  // be gained.
  double reallocated = 0, refined = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    std::vector<float> scores = getScores(seed, /*power=*/1);
    ChannelPermutation found = permuteChannels(scores.data(), 32, 128, kTwoOfFour);
    reallocated += (found.afterReallocation - found.before) / (found.bound - found.before) / 10;
    refined += (found.after - found.before) / (found.bound - found.before) / 10;
  }
  EXPECT_NEAR(reallocated, 0.48, 0.05);
  EXPECT_NEAR(refined, 0.75, 0.05);
}

TEST(ChannelPermutation, FindsTheBestPartners) {
  // 1:2. Columns 0 to 7 must not meet, by the first row; the other rows say which of the columns 8
  // to 15 goes with each: the one that is 1 where it is 0.
  std::mt19937_64 generator(1);
  std::vector<float> scores(9 * 16, 0);
  for (size_t j = 0; j < 8; ++j) {
    scores[j] = 10;
    for (size_t row = 1; row < 9; ++row)
      scores[row * 16 + (generator() % 2 ? j : 8 + (3 * j + 1) % 8)] = 1;
  }
  ChannelPermutation found = permuteChannels(scores.data(), 9, 16, {1, 2});
  EXPECT_EQ(found.bound, 80 + 64);
  EXPECT_LT(found.afterReallocation, found.bound);
  EXPECT_EQ(found.after, found.bound);
}

TEST(ChannelPermutation, NothingToGainIsIdentity) {
  std::vector<float> equal(8 * 16, 1);
  EXPECT_TRUE(permuteChannels(equal.data(), 8, 16, kTwoOfFour).isIdentity());
  std::vector<float> scores = getScores(0);
  EXPECT_TRUE(permuteChannels(scores.data(), 64, 128, {4, 4}).isIdentity());
  EXPECT_TRUE(permuteChannels(scores.data(), 64, 128, {2, 128}).isIdentity());
  EXPECT_TRUE(permuteChannels(scores.data(), 0, 128, kTwoOfFour).isIdentity());
  EXPECT_TRUE(permuteChannels(scores.data(), 64, 0, kTwoOfFour).order.empty());
}

TEST(ChannelPermutation, ShortLastGroup) {
  for (size_t columns : {3, 5, 6, 7, 126}) {
    std::vector<float> scores = getScores(3);
    ChannelPermutation found = permuteChannels(scores.data(), 64, columns, kTwoOfFour);
    EXPECT_TRUE(isBijection(found.order)) << columns;
    EXPECT_GE(found.after, found.before) << columns;
    EXPECT_LE(found.after, found.bound * (1 + 1e-12)) << columns;
  }
}

TEST(ChannelPermutation, RunsOfGroups) {
  std::vector<float> scores = getScores(4);
  ChannelPermutation whole = permuteChannels(scores.data(), 64, 128, kTwoOfFour);
  ChannelPermutation runs = permuteChannels(scores.data(), 64, 128, kTwoOfFour, {.maxGroups = 7});
  ChannelPermutation single = permuteChannels(scores.data(), 64, 128, kTwoOfFour, {.maxGroups = 1});
  EXPECT_TRUE(isBijection(runs.order));
  EXPECT_GT(runs.after, runs.afterReallocation);
  EXPECT_GT(whole.after, runs.after);
  EXPECT_EQ(single.after, single.afterReallocation);
}

TEST(ChannelPermutation, DoesNotDependOnThreads) {
  std::vector<float> scores = getScores(5);
  auto parallel = [](size_t n, llvm::function_ref<void(size_t)> body) {
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; ++t)
      threads.emplace_back([=] {
        for (size_t i = t; i < n; i += 4)
          body(i);
      });
    for (std::thread &thread : threads)
      thread.join();
  };
  ChannelPermutation serial = permuteChannels(scores.data(), 64, 128, kTwoOfFour);
  ChannelPermutation threaded = permuteChannels(scores.data(), 64, 128, kTwoOfFour, {}, parallel);
  EXPECT_EQ(serial.order, threaded.order);
  EXPECT_EQ(serial.after, threaded.after);
}
