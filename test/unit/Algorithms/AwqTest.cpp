//===- AwqTest.cpp - scales and ranges by the error of outputs -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Awq.h"
#include "SyntheticLayer.h"
#include "gtest/gtest.h"
#include <thread>

using namespace mlir::compress;

namespace {
/// A layer with everything that it points to.
struct Problem {
  OutlierLayer data;
  CodeGrid grid;
  std::vector<int32_t> classes;
  AwqLayer layer;

  explicit Problem(unsigned seed, DataType type = DataType::U3, size_t group = 64)
      : data(seed), grid(CodeGrid::makeUniform({type, GridConvention::AsymMinMax})) {
    for (size_t j = 0; j < data.columns; ++j)
      classes.push_back(static_cast<int32_t>(j));
    layer.weight = data.weight.data();
    layer.rows = data.rows;
    layer.columns = data.columns;
    layer.grid = &grid;
    layer.group = group;
    layer.classes = classes;
    layer.gram = data.gram.data();
  }

  /// Error of round to nearest of the weight in which columns are scaled and groups clipped.
  double getError(llvm::ArrayRef<float> scales, bool clip) const {
    std::vector<float> scaled = data.weight;
    for (size_t i = 0; i < scaled.size(); ++i)
      scaled[i] *= scales[i % data.columns];
    if (clip) {
      std::vector<float> gram = data.gram;
      for (size_t i = 0; i < gram.size(); ++i)
        gram[i] /= scales[i / data.columns] * scales[i % data.columns];
      AwqLayer mine = layer;
      mine.weight = scaled.data();
      mine.gram = gram.data();
      EXPECT_GT(clipAwq(mine, scaled.data()), 0u);
    }
    std::vector<float> decoded = dequantizeMatrix(
        grid, quantizeMatrix(grid, scaled.data(), data.rows, data.columns, layer.group));
    for (size_t i = 0; i < decoded.size(); ++i)
      decoded[i] /= scales[i % data.columns];
    return data.getError(decoded);
  }
};
} // namespace

TEST(Awq, LowersTheErrorOnOutliers) {
  double rtn = 0, scaled = 0, clipped = 0, exponent = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    Problem problem(seed);
    AwqScales found = searchAwqScales(problem.layer, problem.data.getMeanAbs());
    std::vector<float> ones(problem.data.columns, 1.0f);
    EXPECT_LE(found.error, found.roundToNearest);
    rtn += problem.getError(ones, false) / 10;
    scaled += problem.getError(found.scales, false) / 10;
    clipped += problem.getError(found.scales, true) / 10;
    exponent += found.exponent / 10;
  }
  // A numpy model of the same data: 0.0391, 0.0244 and r = 0.31; random numbers differ.
  EXPECT_NEAR(rtn, 0.0391, 0.2 * 0.0391);
  EXPECT_NEAR(scaled, 0.0244, 0.2 * 0.0244);
  EXPECT_NEAR(exponent, 0.31, 0.15);
  EXPECT_LT(clipped, scaled);
}

TEST(Awq, LossIsThatOfOutputs) {
  Problem problem(3);
  AwqScales found = searchAwqScales(problem.layer, problem.data.getMeanAbs());
  double total = 0;
  for (size_t v = 0; v < problem.data.vectors; ++v)
    for (size_t r = 0; r < problem.data.rows; ++r) {
      double output = 0;
      for (size_t j = 0; j < problem.data.columns; ++j)
        output += double(problem.data.weight[r * problem.data.columns + j]) *
                  problem.data.inputs[v * problem.data.columns + j];
      total += output * output;
    }
  EXPECT_NEAR(found.error / total / problem.getError(found.scales, false), 1, 1e-3);
  std::vector<float> ones(problem.data.columns, 1.0f);
  EXPECT_NEAR(found.roundToNearest / total / problem.getError(ones, false), 1, 1e-3);
}

TEST(Awq, EqualInputsKeepRoundToNearest) {
  // All s are 1, whatever r is; the smallest r is taken.
  Problem problem(1);
  std::vector<float> equal(problem.data.columns, 0.7f);
  AwqScales found = searchAwqScales(problem.layer, equal);
  EXPECT_EQ(found.exponent, 0);
  EXPECT_EQ(found.error, found.roundToNearest);
  for (float scale : found.scales)
    EXPECT_EQ(scale, 1.0f);
}

TEST(Awq, ScalesAreNormalised) {
  Problem problem(2);
  AwqScales found = searchAwqScales(problem.layer, problem.data.getMeanAbs());
  ASSERT_GT(found.exponent, 0);
  auto [smallest, largest] = std::minmax_element(found.scales.begin(), found.scales.end());
  EXPECT_NEAR(*smallest * *largest, 1, 1e-5);
}

TEST(Awq, PowersOfTwo) {
  Problem problem(2);
  AwqScales found = searchAwqScales(problem.layer, problem.data.getMeanAbs(), /*powersOfTwo=*/true);
  EXPECT_LT(found.error, found.roundToNearest);
  for (float scale : found.scales) {
    int exponent;
    EXPECT_EQ(std::frexp(scale, &exponent), 0.5f);
  }
}

TEST(Awq, DiagonalInsteadOfGram) {
  Problem problem(4);
  std::vector<double> diagonal;
  for (size_t j = 0; j < problem.data.columns; ++j)
    diagonal.push_back(problem.data.gram[j * problem.data.columns + j]);
  problem.layer.gram = nullptr;
  problem.layer.diagonal = diagonal;
  AwqScales found = searchAwqScales(problem.layer, problem.data.getMeanAbs());
  EXPECT_LT(found.error, found.roundToNearest);
  std::vector<float> ones(problem.data.columns, 1.0f);
  EXPECT_LT(problem.getError(found.scales, false), problem.getError(ones, false));
}

TEST(Awq, LayersShareOneScale) {
  Problem a(5), b(6);
  std::vector<float> means = a.data.getMeanAbs();
  b.layer.gram = a.data.gram.data();
  AwqScales both = searchAwqScales({a.layer, b.layer}, means);
  double sum = searchAwqScales(a.layer, means).roundToNearest +
               searchAwqScales(b.layer, means).roundToNearest;
  EXPECT_DOUBLE_EQ(both.roundToNearest, sum);
  EXPECT_LT(both.error, sum);
}

TEST(Awq, ClassesOfColumns) {
  // Two columns of one class have one scale; a column without a class keeps its values.
  Problem problem(8);
  std::vector<int32_t> classes(problem.data.columns, 1);
  classes[0] = classes[1] = 0;
  classes[2] = -1;
  problem.layer.classes = classes;
  AwqScales found = searchAwqScales(problem.layer, {16.0f, 1.0f});
  EXPECT_EQ(found.scales.size(), 2u);
}

TEST(Awq, ClippingIsNeverWorse) {
  Problem problem(9, DataType::U4, 32);
  std::vector<float> clipped = problem.data.weight;
  size_t groups = clipAwq(problem.layer, clipped.data());
  EXPECT_GT(groups, 0u);
  EXPECT_LE(groups, problem.data.rows * problem.data.columns / 32);
  auto getLoss = [&](const std::vector<float> &weight, size_t group) {
    // The objective of the search: each group by itself.
    std::vector<float> decoded =
        dequantizeMatrix(problem.grid, quantizeMatrix(problem.grid, weight.data(),
                                                      problem.data.rows, problem.data.columns, 32));
    double loss = 0;
    for (size_t row = 0; row < problem.data.rows; ++row)
      for (size_t i = group * 32; i < group * 32 + 32; ++i)
        for (size_t j = group * 32; j < group * 32 + 32; ++j)
          loss += (decoded[row * problem.data.columns + i] -
                   problem.data.weight[row * problem.data.columns + i]) *
                  problem.data.gram[i * problem.data.columns + j] *
                  (decoded[row * problem.data.columns + j] -
                   problem.data.weight[row * problem.data.columns + j]);
    return loss;
  };
  for (size_t group = 0; group < 4; ++group)
    EXPECT_LT(getLoss(clipped, group), getLoss(problem.data.weight, group));
  for (size_t i = 0; i < clipped.size(); ++i)
    EXPECT_LE(std::fabs(clipped[i]), std::fabs(problem.data.weight[i]));
}

TEST(Awq, ThreadsDoNotMatter) {
  auto threaded = [](size_t n, llvm::function_ref<void(size_t)> body) {
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 3; ++t)
      threads.emplace_back([=] {
        for (size_t i = t; i < n; i += 3)
          body(i);
      });
    for (std::thread &thread : threads)
      thread.join();
  };
  Problem problem(11);
  std::vector<float> means = problem.data.getMeanAbs();
  AwqScales one = searchAwqScales(problem.layer, means);
  AwqScales three = searchAwqScales(problem.layer, means, false, threaded);
  EXPECT_EQ(one.error, three.error);
  EXPECT_EQ(one.scales, three.scales);
  std::vector<float> a = problem.data.weight, b = a;
  EXPECT_EQ(clipAwq(problem.layer, a.data()), clipAwq(problem.layer, b.data(), threaded));
  EXPECT_EQ(a, b);
}
