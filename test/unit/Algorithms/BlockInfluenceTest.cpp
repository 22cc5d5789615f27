//===- BlockInfluenceTest.cpp - cosines and angles of streams ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BlockInfluence.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::compress;

namespace {

/// Points of one stream, `[count, width]` each.
std::vector<std::vector<float>> randomPoints(size_t points, size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> values(points, std::vector<float>(size));
  for (std::vector<float> &point : values)
    for (float &value : point)
      value = normal(random);
  return values;
}

std::vector<const float *> toPointers(const std::vector<std::vector<float>> &values) {
  std::vector<const float *> pointers;
  for (const std::vector<float> &point : values)
    pointers.push_back(point.data());
  return pointers;
}

TEST(BlockInfluence, IdentityIsZeroExactly) {
  std::vector<std::vector<float>> values = randomPoints(1, 64 * 33, 1);
  values.push_back(values.front());
  StreamSums sums(2);
  sums.add(toPointers(values), 64, 33);
  EXPECT_EQ(sums.vectors, 64u);
  EXPECT_EQ(getBlockInfluence(sums.cosine[1], sums.vectors), 0.0);
  EXPECT_EQ(sums.angle[1], 0.0);
}

TEST(BlockInfluence, KnownAngles) {
  // Right, opposite and 60 degrees.
  float a[] = {1, 0}, b[] = {0, 2}, c[] = {-3, 0},
        d[] = {0.5f, static_cast<float>(std::sqrt(0.75))};
  StreamSums sums(4);
  sums.add({a, b, c, d}, 1, 2);
  EXPECT_EQ(getBlockInfluence(sums.cosine[0 * 4 + 1], 1), 1.0);
  EXPECT_EQ(getBlockInfluence(sums.cosine[0 * 4 + 2], 1), 2.0);
  EXPECT_NEAR(getBlockInfluence(sums.cosine[0 * 4 + 3], 1), 0.5, 1e-7);
  EXPECT_EQ(sums.angle[0 * 4 + 1], 0.5);
  EXPECT_EQ(sums.angle[0 * 4 + 2], 1.0);
  EXPECT_NEAR(sums.angle[0 * 4 + 3], 1.0 / 3, 1e-7);
  EXPECT_EQ(sums.angle[3 * 4 + 0], sums.angle[0 * 4 + 3]);
}

TEST(BlockInfluence, ZeroVectors) {
  float zero[] = {0, 0}, other[] = {1, 1};
  StreamSums sums(3);
  sums.add({zero, zero, other}, 1, 2);
  EXPECT_EQ(sums.cosine[1], 1.0);
  EXPECT_EQ(sums.cosine[2], 0.0);
  EXPECT_EQ(sums.angle[2], 0.5);
}

TEST(BlockInfluence, TokensThatAreNotFiniteAreLeftOut) {
  float a[] = {1, 0, std::numeric_limits<float>::quiet_NaN(), 0}, b[] = {1, 0, 1, 0};
  StreamSums sums(2);
  sums.add({a, b}, 2, 2);
  EXPECT_EQ(sums.vectors, 1u);
  EXPECT_EQ(sums.nonFinite, 1u);
  EXPECT_EQ(sums.cosine[1], 1.0);
}

TEST(BlockInfluence, IsInRangeAndAddsUpOverBatches) {
  std::vector<std::vector<float>> values = randomPoints(5, 40 * 16, 2);
  StreamSums whole(5), parts(5);
  whole.add(toPointers(values), 40, 16);
  std::vector<const float *> pointers = toPointers(values);
  parts.add(pointers, 15, 16);
  for (const float *&pointer : pointers)
    pointer += 15 * 16;
  parts.add(pointers, 25, 16);
  EXPECT_EQ(parts.vectors, whole.vectors);
  for (size_t i = 0; i < 25; ++i) {
    EXPECT_NEAR(parts.cosine[i], whole.cosine[i], 1e-12);
    EXPECT_NEAR(parts.angle[i], whole.angle[i], 1e-12);
    double influence = getBlockInfluence(whole.cosine[i], whole.vectors);
    EXPECT_GE(influence, 0.0);
    EXPECT_LE(influence, 2.0);
  }
}

TEST(BlockInfluence, DoesNotDependOnTheOrderOfWork) {
  std::vector<std::vector<float>> values = randomPoints(4, 30 * 8, 3);
  StreamSums forward(4), backward(4);
  forward.add(toPointers(values), 30, 8);
  backward.add(toPointers(values), 30, 8, [](size_t n, llvm::function_ref<void(size_t)> body) {
    for (size_t i = n; i-- > 0;)
      body(i);
  });
  EXPECT_EQ(forward.cosine, backward.cosine);
  EXPECT_EQ(forward.angle, backward.angle);
}

TEST(BlockInfluence, LowestScores) {
  EXPECT_EQ(chooseLowest({3, 1, 2, 1, 0.5}, 3), (std::vector<size_t>{1, 3, 4}));
  // The first of equal ones.
  EXPECT_EQ(chooseLowest({1, 1, 1}, 1), (std::vector<size_t>{0}));
  EXPECT_EQ(chooseLowest({1, 2}, 5), (std::vector<size_t>{0, 1}));
  EXPECT_TRUE(chooseLowest({1, 2}, 0).empty());
}

} // namespace
