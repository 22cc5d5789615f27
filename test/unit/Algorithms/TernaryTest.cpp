//===- TernaryTest.cpp - weights of -1, 0 and 1 ---------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Ternary.h"
#include "NormalTable.h"
#include "compress/Algorithms/CodeTables.h"
#include "compress/Support/NumericFormats.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

namespace {

struct Measured {
  double error = 0, zeros = 0, scale = 0;
};

/// Relative squared error and the part of zeros of one block.
Measured measure(const CodeGrid &grid, const QuantizedMatrix &matrix,
                 const std::vector<float> &weight) {
  std::vector<float> rounded = dequantizeMatrix(grid, matrix);
  Measured result;
  double squares = 0;
  for (size_t i = 0; i < weight.size(); ++i) {
    result.error += (double(rounded[i]) - weight[i]) * (double(rounded[i]) - weight[i]);
    squares += double(weight[i]) * weight[i];
    result.zeros += rounded[i] == 0;
  }
  result.error /= squares;
  result.zeros /= weight.size();
  result.scale = matrix.blocks[0].scale;
  return result;
}
Measured measure(TernaryRule rule, const std::vector<float> &weight) {
  return measure(makeTernaryGrid(),
                 ternarizeMatrix(rule, weight.data(), 1, weight.size(), weight.size()), weight);
}

TEST(Ternary, ClosedFormsOfTheNormalDistribution) {
  std::vector<float> weight = normal::makeQuantiles(200000);
  CodeGrid binary = makeBinaryGrid();
  Measured bwn = measure(
      binary, quantizeMatrix(binary, weight.data(), 1, weight.size(), weight.size()), weight);
  EXPECT_NEAR(bwn.error, 1 - 2 / M_PI, 1e-4);
  EXPECT_NEAR(bwn.error, 0.363380, 1e-4);
  EXPECT_NEAR(bwn.scale, std::sqrt(2 / M_PI), 1e-4);

  Measured exact = measure(TernaryRule::Exact, weight);
  EXPECT_NEAR(exact.error, 0.190174, 1e-4);
  EXPECT_NEAR(exact.scale, 1.224006, 1e-3);
  // Zeros up to 0.612003: 2 Phi - 1.
  EXPECT_NEAR(exact.zeros, std::erf(0.612003 / std::sqrt(2.0)), 1e-3);

  Measured twn = measure(TernaryRule::Twn, weight);
  EXPECT_NEAR(twn.error, 0.191625, 1e-4);
  EXPECT_NEAR(twn.zeros, 0.4235, 1e-4);

  Measured mean = measure(TernaryRule::AbsMean, weight);
  EXPECT_NEAR(mean.error, 0.263382, 1e-4);
  EXPECT_NEAR(mean.zeros, 0.310, 5e-4);
}

TEST(Ternary, UniformDistribution) {
  // The best threshold is a third of the range, the scale two thirds.
  std::vector<float> weight;
  for (int i = -30000; i <= 30000; ++i)
    weight.push_back(i / 30000.0f);
  Measured exact = measure(TernaryRule::Exact, weight);
  EXPECT_NEAR(exact.scale, 2.0 / 3, 1e-4);
  EXPECT_NEAR(exact.zeros, 1.0 / 3, 1e-4);
}

TEST(Ternary, ExactIsBestOfAllSupports) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::vector<float> weight = normal::makeSample(11, seed);
    double found = measure(TernaryRule::Exact, weight).error, squares = 0, best = 2;
    for (float value : weight)
      squares += double(value) * value;
    // Every set of non-zeros, with signs and the mean as the scale.
    for (unsigned set = 0; set < 1u << weight.size(); ++set) {
      double sum = 0, count = 0, error = squares;
      for (size_t i = 0; i < weight.size(); ++i)
        if (set >> i & 1) {
          sum += std::fabs(weight[i]);
          ++count;
        }
      if (count)
        error -= sum * sum / count;
      best = std::min(best, error / squares);
    }
    EXPECT_NEAR(found, best, 1e-6);
  }
}

TEST(Ternary, CodesAndBlocks) {
  const float nothing = 0;
  std::vector<float> weight = {1, -1, 0.1f, 0, 0, 0, -2, nothing, 0.5f, 0.25f};
  QuantizedMatrix twn = ternarizeMatrix(TernaryRule::Twn, weight.data(), 2, 5, 3);
  EXPECT_EQ(twn.codes, (std::vector<uint8_t>{1, 3, 0, 0, 0, 0, 3, 0, 1, 0}));
  ASSERT_EQ(twn.blocks.size(), 4u);
  EXPECT_EQ(twn.blocks[0].scale, 1);
  EXPECT_EQ(twn.blocks[1].scale, 1) << "zeros";
  EXPECT_EQ(twn.blocks[2].scale, 2);
  EXPECT_EQ(twn.blocks[3].scale, 0.5f);
  QuantizedMatrix mean = ternarizeMatrix(TernaryRule::AbsMean, weight.data(), 2, 5, 5);
  float average = (1 + 1 + 0.1f + 2 + 0.5f + 0.25f) / 10;
  EXPECT_NEAR(mean.blocks[0].scale, average, 1e-6);
  EXPECT_EQ(mean.blocks[0].scale, mean.blocks[1].scale);
  EXPECT_EQ(mean.codes, (std::vector<uint8_t>{1, 3, 0, 0, 0, 0, 3, 0, 1, 1}));
  QuantizedMatrix half = ternarizeMatrix(TernaryRule::Twn, weight.data(), 1, 3, 3, DataType::F16);
  EXPECT_EQ(half.blocks[0].scale, 1);
  weight[0] = 1.0003f;
  for (TernaryRule rule : {TernaryRule::Twn, TernaryRule::Exact, TernaryRule::AbsMean}) {
    half = ternarizeMatrix(rule, weight.data(), 1, 3, 3, DataType::BF16);
    EXPECT_EQ(half.blocks[0].scale, roundToType(DataType::BF16, half.blocks[0].scale));
  }
  // Half the mean becomes 0.
  std::vector<float> ties = {0.5f, -0.5f, 1, -2};
  mean = ternarizeMatrix(TernaryRule::AbsMean, ties.data(), 1, 4, 4);
  EXPECT_EQ(mean.blocks[0].scale, 1);
  EXPECT_EQ(mean.codes, (std::vector<uint8_t>{0, 0, 1, 3}));
}

} // namespace
