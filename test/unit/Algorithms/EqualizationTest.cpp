//===- EqualizationTest.cpp - equal ranges of neighbouring layers ----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Equalization.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::compress;

static std::vector<int32_t> iota(size_t n) {
  std::vector<int32_t> values(n);
  for (size_t i = 0; i < n; ++i)
    values[i] = static_cast<int32_t>(i);
  return values;
}
/// Rows of a matrix [n, columns], divided; columns of [rows, n], multiplied.
static EqualizationTensor::Side rowsOf(size_t pair, size_t n, size_t columns) {
  return {pair, {1, n, columns}, iota(n), false};
}
static EqualizationTensor::Side columnsOf(size_t pair, size_t rows, size_t n) {
  return {pair, {rows, n, 1}, iota(n), true};
}

TEST(Equalization, OnePairIsTheFormula) {
  // Rows of the first have the ranges 8 and 1, columns of the second 2 and 4.
  std::vector<float> first{8, -3, 1, 0.5f}, second{-2, 4, 1, -3};
  EqualizationTensor a{first, {rowsOf(0, 2, 2)}}, b{second, {columnsOf(0, 2, 2)}};
  EqualizationResult result = equalize({a, b}, {2});
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.sweeps, 2u);
  EXPECT_DOUBLE_EQ(result.factors[0][0], 2);   // sqrt(8 * 2) / 2
  EXPECT_DOUBLE_EQ(result.factors[0][1], 0.5); // sqrt(1 * 4) / 4
}

TEST(Equalization, ZeroChannelsStay) {
  std::vector<float> first{0, 0, 1, 2}, second{1, 0, 2, 0};
  EqualizationTensor a{first, {rowsOf(0, 2, 2)}}, b{second, {columnsOf(0, 2, 2)}};
  EqualizationResult result = equalize({a, b}, {2});
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.factors[0], (std::vector<double>{1, 1}));
}

TEST(Equalization, ChainOfThreeConverges) {
  constexpr size_t n = 6;
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  std::vector<float> w[3];
  for (auto &weight : w)
    for (size_t i = 0; i < n * n; ++i)
      weight.push_back(normal(generator) * std::exp(normal(generator)));
  EqualizationTensor a{w[0], {rowsOf(0, n, n)}}, b{w[1], {columnsOf(0, n, n), rowsOf(1, n, n)}},
      c{w[2], {columnsOf(1, n, n)}};
  EqualizationResult result = equalize({a, b, c}, {n, n}, 100);
  ASSERT_TRUE(result.converged);
  EXPECT_GT(result.sweeps, 2u);
  const auto &s = result.factors;
  for (size_t i = 0; i < n; ++i) {
    double range[2][2] = {};
    for (size_t j = 0; j < n; ++j) {
      auto grow = [](double &range, double value) { range = std::max(range, std::fabs(value)); };
      grow(range[0][0], w[0][i * n + j] / s[0][i]);
      grow(range[0][1], w[1][j * n + i] * s[0][i] / s[1][j]);
      grow(range[1][0], w[1][i * n + j] * s[0][j] / s[1][i]);
      grow(range[1][1], w[2][j * n + i] * s[1][i]);
    }
    EXPECT_NEAR(range[0][0] / range[0][1], 1, 1e-5);
    EXPECT_NEAR(range[1][0] / range[1][1], 1, 1e-5);
  }
}

TEST(Equalization, LoopSettles) {
  // One weight on both sides of its pair would swap its entries for ever with whole steps.
  std::vector<float> weight{0, 9, 1, 0};
  EqualizationTensor a{weight, {rowsOf(0, 2, 2), columnsOf(0, 2, 2)}};
  EqualizationResult result = equalize(a, {2}, 100);
  ASSERT_TRUE(result.converged);
  double ratio = result.factors[0][1] / result.factors[0][0];
  EXPECT_NEAR(9 * ratio, 3, 1e-5);
  EXPECT_NEAR(1 / ratio, 3, 1e-5);
}

TEST(Equalization, SharedClassesAndKernels) {
  // A convolution [2, 1, 1, 3], both of whose output channels are one class, and one element of the
  // next layer that keeps its values.
  std::vector<float> first{1, 2, 3, 4, 16, 5}, second{1, 7};
  EqualizationTensor a{first, {{0, {1, 2, 3}, {0, 0}, false}}},
      b{second, {{0, {1, 2, 1}, {0, -1}, true}}};
  EqualizationResult result = equalize({a, b}, {1});
  EXPECT_DOUBLE_EQ(result.factors[0][0], 4); // sqrt(16 * 1) / 1
}

TEST(Equalization, BoundOnSweeps) {
  std::vector<float> first{8, 1}, second{2, 4};
  EqualizationTensor a{first, {rowsOf(0, 2, 1)}}, b{second, {columnsOf(0, 1, 2)}};
  EqualizationResult result = equalize({a, b}, {2}, /*maxSweeps=*/1);
  EXPECT_EQ(result.sweeps, 1u);
  EXPECT_FALSE(result.converged);
}
