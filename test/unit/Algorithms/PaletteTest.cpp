//===- PaletteTest.cpp - Lloyd-Max tables ---------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Palette.h"
#include "NormalTable.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::compress;

namespace {

double getError(const Palette &palette, const std::vector<float> &values,
                const std::vector<float> &weights = {}) {
  CodeGrid grid = makePaletteGrid(palette.table);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    uint8_t code;
    double error = double(grid.round(values[i], {}, code)) - values[i];
    sum += (weights.empty() ? 1 : weights[i]) * error * error;
  }
  return sum;
}

TEST(Palette, MaxTables) {
  struct Case {
    unsigned bits;
    double error;
    std::vector<double> levels;
  };
  const Case cases[] = {
      {1, 0.363380, {0.797885}},
      {2, 0.117482, {0.452780, 1.510418}},
      {3, 0.034548, {0.245094, 0.756005, 1.343909, 2.151946}},
      {4, 0.009501, {0.128395, 0.388048, 0.656759, 0.942340}},
  };
  std::vector<float> values = normal::makeQuantiles(400000);
  for (const Case &c : cases) {
    PaletteOptions options;
    options.bits = c.bits;
    options.maxIterations = 5000;
    Palette palette = fitPalette(values, {}, options);
    ASSERT_EQ(palette.table.size(), size_t(1) << c.bits);
    size_t half = palette.table.size() / 2;
    for (size_t i = 0; i < c.levels.size(); ++i) {
      EXPECT_NEAR(palette.table[half + i], c.levels[i], 2e-3) << c.bits << " " << i;
      EXPECT_NEAR(palette.table[half - 1 - i], -c.levels[i], 2e-3) << c.bits << " " << i;
    }
    EXPECT_NEAR(palette.errors.back() / values.size(), c.error, 1e-4 * std::max(1.0, c.error));
    EXPECT_NEAR(getError(palette, values), palette.errors.back(), 1e-4 * palette.errors.back());
  }
}

TEST(Palette, NeverIncreasesTheError) {
  std::vector<float> values = normal::makeSample(5000, 2), weights = normal::makeSample(5000, 3);
  for (size_t i = 0; i < 2000; ++i)
    values[i] = std::round(values[i] * 4) / 64; // many equal values
  for (float &weight : weights)
    weight = weight * weight;
  std::vector<float> zeros = weights;
  std::fill(zeros.begin(), zeros.begin() + 2500, 0.0f);
  for (PaletteStart start : {PaletteStart::Linear, PaletteStart::Density, PaletteStart::Random})
    for (unsigned bits = 1; bits <= 8; ++bits)
      for (const std::vector<float> &w : {std::vector<float>(), weights, zeros}) {
        PaletteOptions options{bits, start, 7, 300};
        Palette palette = fitPalette(values, w, options);
        ASSERT_EQ(palette.table.size(), size_t(1) << bits);
        EXPECT_TRUE(std::is_sorted(palette.table.begin(), palette.table.end()));
        for (size_t i = 1; i < palette.errors.size(); ++i)
          ASSERT_LE(palette.errors[i], palette.errors[i - 1] * (1 + 1e-9) + 1e-9);
        EXPECT_LE(palette.errors.size(), 301u);
        EXPECT_NEAR(getError(palette, values, w), palette.errors.back(),
                    1e-4 * palette.errors.back() + 1e-6);
        // Deterministic.
        EXPECT_EQ(fitPalette(values, w, options).table, palette.table);
      }
}

TEST(Palette, MoreBitsAreBetter) {
  std::vector<float> values = normal::makeSample(20000, 5);
  for (PaletteStart start : {PaletteStart::Linear, PaletteStart::Density}) {
    double last = std::numeric_limits<double>::infinity();
    for (unsigned bits = 1; bits <= 8; ++bits) {
      double error = fitPalette(values, {}, {bits, start, 0, 1000}).errors.back();
      EXPECT_LT(error, last * 0.7);
      last = error;
    }
  }
}

TEST(Palette, FewDistinctValuesAreKept) {
  std::vector<float> values;
  for (int i = 0; i < 1000; ++i)
    values.push_back(float((i * 7) % 13) - 6);
  values.push_back(-0.0f);
  for (unsigned bits : {4, 5, 8})
    for (PaletteStart start : {PaletteStart::Linear, PaletteStart::Density, PaletteStart::Random}) {
      Palette palette = fitPalette(values, {}, {bits, start, 0, 10});
      EXPECT_EQ(palette.errors, std::vector<double>{0});
      EXPECT_EQ(palette.table.size(), size_t(1) << bits);
      EXPECT_EQ(getError(palette, values), 0);
    }
  EXPECT_GT(fitPalette(values, {}, {3, PaletteStart::Linear, 0, 100}).errors.back(), 0);
  Palette constant = fitPalette(std::vector<float>{3}, {}, {1, PaletteStart::Linear, 0, 10});
  EXPECT_EQ(constant.table, (std::vector<float>{3, 3}));
}

TEST(Palette, FindsTheBestOfSmallProblems) {
  // Clusters that are far apart, from each start.
  std::vector<float> values;
  for (int cluster : {-100, -3, 0, 50})
    for (int i = 0; i < 25; ++i)
      values.push_back(cluster + 0.01f * i);
  for (PaletteStart start : {PaletteStart::Linear, PaletteStart::Density}) {
    Palette palette = fitPalette(values, {}, {2, start, 0, 100});
    const float expected[] = {-99.88f, -2.88f, 0.12f, 50.12f};
    for (int i = 0; i < 4; ++i)
      EXPECT_NEAR(palette.table[i], expected[i], 1e-4);
  }
}

TEST(Palette, WeightsMoveEntries) {
  std::vector<float> values = {0, 1, 10, 11}, weights = {1, 3, 1, 1};
  Palette palette = fitPalette(values, weights, {1, PaletteStart::Linear, 0, 100});
  EXPECT_EQ(palette.table, (std::vector<float>{0.75f, 10.5f}));
  EXPECT_NEAR(palette.errors.back(), 0.75 + 0.5, 1e-9);
}

} // namespace
