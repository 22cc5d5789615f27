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
#include <cstring>
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

TEST(Palette, ExactStart) {
  std::vector<float> values = normal::makeSample(3000, 9);
  for (unsigned entries : {2u, 5u, 16u, 23u}) {
    PaletteOptions options{5, PaletteStart::Exact, 0, 100, entries};
    Palette palette = fitPalette(values, {}, options);
    // 2^bits entries, the last repeated.
    ASSERT_EQ(palette.table.size(), 32u);
    EXPECT_EQ(std::unique(palette.table.begin(), palette.table.end()) - palette.table.begin(),
              entries);
    palette = fitPalette(values, {}, options);
    EXPECT_EQ(palette.table[entries - 1], palette.table.back());
    EXPECT_NEAR(getError(palette, values), palette.errors.back(), 1e-4 * palette.errors.back());
    options.start = PaletteStart::Density;
    EXPECT_GE(fitPalette(values, {}, options).errors.back(), palette.errors.back() * (1 - 1e-9));
  }
}

TEST(Palette, ZeroIsKept) {
  std::vector<float> values = normal::makeSample(3000, 10);
  for (float &value : values)
    value = std::abs(value + 0.3f) < 0.8f ? 0 : value + 0.3f;
  for (PaletteStart start :
       {PaletteStart::Linear, PaletteStart::Density, PaletteStart::Random, PaletteStart::Exact})
    for (unsigned bits : {1, 3, 4, 6}) {
      Palette palette = fitPalette(values, {}, {bits, start, 3, 200, 0, /*keepZero=*/true});
      EXPECT_TRUE(std::is_sorted(palette.table.begin(), palette.table.end()));
      for (size_t i = 1; i < palette.errors.size(); ++i)
        EXPECT_LE(palette.errors[i], palette.errors[i - 1] * (1 + 1e-9));
      std::vector<uint8_t> codes(values.size());
      encodePalette(palette.table, values, codes);
      for (size_t i = 0; i < values.size(); ++i)
        if (values[i] == 0) {
          ASSERT_EQ(palette.table[codes[i]], 0);
        }
    }
}

TEST(Palette, CodesAreThoseOfTheGrid) {
  std::vector<float> values = normal::makeSample(2000, 11);
  for (unsigned bits = 1; bits <= 8; ++bits)
    for (unsigned entries : {1u, 2u, (1u << bits) - 1, 1u << bits}) {
      std::vector<float> table =
          fitPalette(values, {}, {bits, PaletteStart::Exact, 0, 10, entries}).table;
      // Midpoints, too.
      std::vector<float> all = values;
      for (size_t i = 0; i + 1 < table.size(); ++i)
        all.push_back((table[i] + table[i + 1]) / 2);
      all.insert(all.end(), table.begin(), table.end());
      all.insert(all.end(), {-1e30f, 1e30f, 0.0f, -0.0f});
      std::vector<uint8_t> codes(all.size());
      encodePalette(table, all, codes);
      CodeGrid grid = makePaletteGrid(table);
      for (size_t i = 0; i < all.size(); ++i) {
        uint8_t code;
        grid.round(all[i], {}, code);
        ASSERT_EQ(codes[i], code) << bits << " " << all[i];
      }
    }
}

TEST(Palette, Blocks) {
  const size_t rows = 6, columns = 50;
  std::vector<float> values = normal::makeSample(rows * columns, 12);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] *= 1 + i / columns;
  PaletteOptions options;
  options.bits = 2;
  options.start = PaletteStart::Exact;
  auto check = [&](const BlockPalettes &palettes, auto getBlock, size_t numBlocks) {
    ASSERT_EQ(palettes.tables.size(), numBlocks * 4);
    ASSERT_EQ(palettes.codes.size(), values.size());
    std::vector<std::vector<float>> blocks(numBlocks);
    double error = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      size_t block = getBlock(i / columns, i % columns);
      blocks[block].push_back(values[i]);
      double difference = double(palettes.tables[block * 4 + palettes.codes[i]]) - values[i];
      error += difference * difference;
    }
    EXPECT_NEAR(palettes.error, error, 1e-9 * error);
    for (size_t block = 0; block < numBlocks; ++block) {
      std::vector<float> table = fitPalette(blocks[block], {}, options).table;
      for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(palettes.tables[block * 4 + i], table[i]);
    }
  };
  BlockPalettes tensor =
      fitBlockPalettes({1, rows * columns, 1}, rows * columns, values, {}, options);
  check(tensor, [](size_t, size_t) { return 0; }, 1);
  BlockPalettes row = fitBlockPalettes({rows, columns, 1}, columns, values, {}, options);
  check(row, [](size_t r, size_t) { return r; }, rows);
  BlockPalettes column = fitBlockPalettes({1, rows, columns}, rows, values, {}, options);
  check(column, [](size_t, size_t c) { return c; }, columns);
  BlockPalettes group = fitBlockPalettes({rows, columns, 1}, 16, values, {}, options);
  check(group, [](size_t r, size_t c) { return r * 4 + c / 16; }, rows * 4);
  EXPECT_LT(row.error, tensor.error);
  EXPECT_LT(group.error, row.error);

  // Tables are rounded to the stored type before codes are chosen.
  BlockPalettes narrow =
      fitBlockPalettes({rows, columns, 1}, columns, values, {}, options, DataType::BF16);
  EXPECT_GE(narrow.error, row.error);
  EXPECT_LT(narrow.error, row.error * 1.01);
  for (float entry : narrow.tables) {
    uint32_t bits;
    std::memcpy(&bits, &entry, 4);
    EXPECT_EQ(bits & 0xffff, 0u);
  }
}

TEST(Palette, BlockWeightsGoWithTheirValues) {
  // Two columns; each has one value that counts.
  std::vector<float> values = {1, 10, 2, 20, 4, 40, 9, 90}, weights = {0, 1, 1, 0, 1, 0, 0, 1};
  PaletteOptions options;
  options.bits = 1;
  BlockPalettes palettes = fitBlockPalettes({1, 4, 2}, 4, values, weights, options);
  EXPECT_EQ(palettes.tables, (std::vector<float>{2, 4, 10, 90}));
  EXPECT_EQ(palettes.codes, (std::vector<uint8_t>{0, 0, 0, 0, 1, 0, 1, 1}));
  EXPECT_EQ(palettes.error, 0);
}

TEST(Palette, CentroidGradientIsTheDerivative) {
  // loss(table) = sum of sin(weight) * factor with weight = table[code].
  const size_t count = 500, entries = 8;
  std::vector<float> values = normal::makeSample(count, 13),
                     factors = normal::makeSample(count, 14);
  std::vector<float> table = fitPalette(values, {}, {3, PaletteStart::Exact, 0, 0}).table;
  std::vector<uint8_t> codes(count);
  encodePalette(table, values, codes);
  std::vector<float> gradient(count);
  for (size_t i = 0; i < count; ++i)
    gradient[i] = std::cos(table[codes[i]]) * factors[i];
  std::vector<double> result = getCentroidGradient(codes, gradient, entries);
  auto getLoss = [&](size_t moved, double step) {
    double loss = 0;
    for (size_t i = 0; i < count; ++i)
      loss += std::sin(table[codes[i]] + (codes[i] == moved ? step : 0)) * factors[i];
    return loss;
  };
  ASSERT_EQ(result.size(), entries);
  for (size_t i = 0; i < entries; ++i)
    EXPECT_NEAR(result[i], (getLoss(i, 1e-5) - getLoss(i, -1e-5)) / 2e-5, 1e-4);
}

TEST(Palette, Rate) {
  EXPECT_NEAR(getPaletteRate(1000000, 32, 32), 6.3987, 5e-5);
  // The example of the paper: 16 weights, 4 entries.
  EXPECT_NEAR(getPaletteRate(16, 4, 32), 3.2, 1e-12);
}

} // namespace
