//===- BitAllocationTest.cpp - mixed precision against brute force --------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitAllocation.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::compress;

using Layers = std::vector<std::vector<FormatChoice>>;

/// Tries everything; of equal sums the smaller size, then the first.
static std::optional<BitAllocation> search(const Layers &layers, uint64_t budget) {
  std::optional<BitAllocation> best;
  std::vector<unsigned> choices(layers.size());
  for (;;) {
    BitAllocation now;
    now.choices = choices;
    for (size_t i = 0; i < layers.size(); ++i) {
      now.size += layers[i][choices[i]].size;
      now.sensitivity += layers[i][choices[i]].sensitivity;
    }
    if (now.size <= budget && (!best || now.sensitivity < best->sensitivity ||
                               (now.sensitivity == best->sensitivity && now.size < best->size)))
      best = now;
    size_t i = layers.size();
    while (i > 0 && ++choices[i - 1] == layers[i - 1].size())
      choices[--i] = 0;
    if (i == 0)
      return best;
  }
}

/// Sensitivities that fall with the size, most of the time.
static Layers makeLayers(unsigned count, unsigned formats, std::mt19937 &random, bool whole) {
  Layers layers(count);
  for (auto &layer : layers) {
    uint64_t weights = 64 * (1 + random() % 40);
    double scale = std::exp(std::normal_distribution<double>(0, 2)(random));
    for (unsigned f = 0; f < formats; ++f) {
      double sensitivity = scale * std::pow(0.25, 2 * f) * (0.5 + random() % 1000 / 1000.0);
      layer.push_back({weights * (f + 2) / 2 + random() % 7,
                       whole ? std::floor(sensitivity * 4) : sensitivity});
    }
  }
  return layers;
}

TEST(BitAllocation, EqualsBruteForce) {
  std::mt19937 random(1);
  for (int test = 0; test < 600; ++test) {
    Layers layers = makeLayers(1 + test % 6, 1 + random() % 3, random, /*whole=*/test % 2);
    uint64_t least = getSmallestSize(layers);
    for (uint64_t budget : {least, least + least / 8, least + least / 3, 2 * least, 4 * least}) {
      std::optional<BitAllocation> expected = search(layers, budget);
      std::optional<BitAllocation> found = allocateBits(layers, budget);
      ASSERT_TRUE(expected && found);
      EXPECT_TRUE(found->exact);
      EXPECT_EQ(found->sensitivity, expected->sensitivity) << test;
      EXPECT_EQ(found->size, expected->size) << test;
    }
  }
}

TEST(BitAllocation, MonotoneInTheBudget) {
  std::mt19937 random(2);
  Layers layers = makeLayers(40, 4, random, /*whole=*/false);
  uint64_t least = getSmallestSize(layers), most = 0;
  for (auto &layer : layers)
    most += layer.back().size;
  double last = std::numeric_limits<double>::infinity();
  for (uint64_t budget = least; budget <= most; budget += (most - least) / 100) {
    std::optional<BitAllocation> found = allocateBits(layers, budget);
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->exact);
    EXPECT_LE(found->size, budget);
    EXPECT_LE(found->sensitivity, last);
    last = found->sensitivity;
  }
}

TEST(BitAllocation, TiesGoToTheSmallerSize) {
  Layers layers = {{{8, 1.0}, {4, 1.0}}, {{8, 0.0}, {4, 0.0}, {2, 0.0}}};
  std::optional<BitAllocation> found = allocateBits(layers, 100);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->choices, (std::vector<unsigned>{1, 2}));
  EXPECT_EQ(found->size, 6u);
}

TEST(BitAllocation, InfeasibleAndEmpty) {
  EXPECT_FALSE(allocateBits(Layers{{{8, 1.0}, {4, 2.0}}}, 3));
  EXPECT_FALSE(allocateBits(Layers{{}}, 3));
  std::optional<BitAllocation> none = allocateBits(Layers{}, 0);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->size, 0u);
  EXPECT_EQ(getSmallestSize(Layers{{{8, 1.0}, {4, 2.0}}, {{3, 0.0}}}), 7u);
}

/// The sizes of a large model: exact and quick.
TEST(BitAllocation, ManyLayers) {
  std::mt19937 random(3);
  Layers layers;
  for (unsigned i = 0; i < 600; ++i) {
    uint64_t weights = 1'000'003ull * (1 + random() % 50) + random() % 100000;
    double scale = std::exp(std::normal_distribution<double>(0, 1.5)(random));
    layers.push_back(
        {{weights / 2, scale * 0.0117}, {weights, scale * 3.4e-5}, {2 * weights, scale * 1e-8}});
  }
  uint64_t least = getSmallestSize(layers);
  std::optional<BitAllocation> found = allocateBits(layers, least * 13 / 10);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->exact);
  EXPECT_LE(found->size, least * 13 / 10);
}

/// Without room for states the answer is feasible, good, and says that it may not be the best.
TEST(BitAllocation, Relaxation) {
  std::mt19937 random(4);
  Layers layers = makeLayers(60, 3, random, /*whole=*/false);
  uint64_t budget = getSmallestSize(layers) * 5 / 4;
  std::optional<BitAllocation> exact = allocateBits(layers, budget);
  std::optional<BitAllocation> found = allocateBits(layers, budget, /*maxStates=*/1);
  ASSERT_TRUE(exact && found);
  EXPECT_TRUE(exact->exact);
  EXPECT_FALSE(found->exact);
  EXPECT_LE(found->size, budget);
  EXPECT_GE(found->sensitivity, exact->sensitivity);
  EXPECT_LE(found->sensitivity, 1.1 * exact->sensitivity);
}

TEST(BitAllocation, HutchinsonTrace) {
  constexpr size_t n = 50, samples = 512;
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> factor(n * samples), matrix(n * n);
  for (double &x : factor)
    x = normal(random);
  double trace = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j)
      for (size_t k = 0; k < samples; ++k)
        matrix[i * n + j] += factor[i * samples + k] * factor[j * samples + k];
    trace += matrix[i * n + i];
  }
  auto multiply = [&](llvm::ArrayRef<double> z, llvm::MutableArrayRef<double> product) {
    for (size_t i = 0; i < n; ++i) {
      product[i] = 0;
      for (size_t j = 0; j < n; ++j)
        product[i] += matrix[i * n + j] * z[j];
    }
  };
  double estimate = estimateTrace(n, 4000, 7, multiply);
  EXPECT_NEAR(estimate / trace, 1.0, 0.002);
  EXPECT_EQ(estimate, estimateTrace(n, 4000, 7, multiply));
  EXPECT_NE(estimate, estimateTrace(n, 4000, 8, multiply));
  // A diagonal matrix: every probe is exact.
  EXPECT_EQ(estimateTrace(3, 1, 9,
                          [](llvm::ArrayRef<double> z, llvm::MutableArrayRef<double> product) {
                            for (size_t i = 0; i < 3; ++i)
                              product[i] = z[i] * double(i + 1);
                          }),
            6.0);
}
