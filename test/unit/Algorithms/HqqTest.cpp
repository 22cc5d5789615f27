//===- HqqTest.cpp - half-quadratic quantization --------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Hqq.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

using namespace mlir::compress;

namespace {

constexpr size_t kNumRows = 64, kColumns = 1000, kGroup = 64;

std::vector<float> makeNormal(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

/// Mean of |w - w^|^p.
double getError(const CodeGrid &grid, const QuantizedMatrix &matrix, const std::vector<float> &w,
                double p) {
  std::vector<float> decoded = dequantizeMatrix(grid, matrix);
  double total = 0;
  for (size_t i = 0; i < w.size(); ++i)
    total += std::pow(std::fabs(double(w[i]) - decoded[i]), p);
  return total / double(w.size());
}

/// The same for the columns of one group of a row.
double getBlockError(const CodeGrid &grid, const QuantizedMatrix &matrix,
                     const std::vector<float> &w, size_t row, size_t group, double p) {
  double total = 0;
  for (size_t j = group * kGroup; j < std::min(kColumns, (group + 1) * kGroup); ++j) {
    size_t i = row * kColumns + j;
    double decoded = grid.decode(matrix.codes[i], matrix.getBlock(row, j));
    total += std::pow(std::fabs(w[i] - decoded), p);
  }
  return total;
}

std::vector<CodeGrid> makeGrids() {
  std::vector<CodeGrid> grids;
  for (DataType type : {DataType::I2, DataType::U3, DataType::I4, DataType::I8})
    for (GridConvention convention :
         {GridConvention::SymRestricted, GridConvention::SymFullRange, GridConvention::SymSignedMax,
          GridConvention::AsymZeroIn, GridConvention::AsymMinMax})
      grids.push_back(CodeGrid::makeUniform({type, convention}));
  grids.push_back(
      CodeGrid::makeUniform({DataType::I4, GridConvention::SymSignedMax}, DataType::F16));
  static const float table[] = {-1, -0.5f, -0.2f, 0, 0.1f, 0.3f, 0.6f, 1};
  grids.push_back(CodeGrid::makeTable(DataType::U3, table, ScaleRule::AbsMax));
  static const float powers[] = {0, 0.5f, 1, 2, -0.5f, -1, -2, 4};
  grids.push_back(CodeGrid::makeTable(DataType::U3, powers, ScaleRule::PowerOfTwo));
  return grids;
}

/// Runs the pieces on four threads, last ones first.
void runThreads(size_t n, llvm::function_ref<void(size_t)> body) {
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([=] {
      for (size_t i = n; i-- > 0;)
        if (i % 4 == t)
          body(i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace

static void expectEqual(const QuantizedMatrix &a, const QuantizedMatrix &b) {
  EXPECT_EQ(a.codes, b.codes);
  ASSERT_EQ(a.blocks.size(), b.blocks.size());
  for (size_t i = 0; i < a.blocks.size(); ++i) {
    EXPECT_EQ(a.blocks[i].scale, b.blocks[i].scale);
    EXPECT_EQ(a.blocks[i].zeroPoint, b.blocks[i].zeroPoint);
  }
}

/// Three bits, groups of 64, standard normal weights: mean |error| .1693 -> .1549.
TEST(Hqq, PublishedFormFloatZero) {
  std::vector<float> w = makeNormal(256 * 1024, 1);
  CodeGrid grid = CodeGrid::makeUniform({DataType::U3, GridConvention::AsymMinMax});
  HqqOptions options;
  options.integerZero = false;
  double nearest = getError(grid, quantizeMatrix(grid, w.data(), 256, 1024, 64), w, 1);
  double best = getError(grid, hqq(grid, w.data(), 256, 1024, 64, options), w, 1);
  EXPECT_NEAR(nearest, 0.1693, 0.002);
  EXPECT_NEAR(best, 0.1549, 0.002);
  // With zero points that chains can store.
  double stored = getError(grid, hqq(grid, w.data(), 256, 1024, 64), w, 1);
  EXPECT_LT(stored, nearest * 0.95);
  RecordProperty("stored", std::to_string(stored));
}

TEST(Hqq, NeverWorseThanRoundToNearest) {
  std::vector<float> w = makeNormal(kNumRows * kColumns, 2);
  // Outliers, a block of zeros and one of a single value.
  for (size_t i = 0; i < w.size(); i += 97)
    w[i] *= 8;
  std::fill(w.begin(), w.begin() + kGroup, 0.0f);
  std::fill(w.begin() + kColumns, w.begin() + kColumns + kGroup, 0.75f);
  for (const CodeGrid &grid : makeGrids()) {
    QuantizedMatrix nearest = quantizeMatrix(grid, w.data(), kNumRows, kColumns, kGroup);
    QuantizedMatrix best = hqq(grid, w.data(), kNumRows, kColumns, kGroup);
    for (size_t row = 0; row < kNumRows; ++row)
      for (size_t group = 0; group < nearest.getNumGroups(); ++group) {
        double before = getBlockError(grid, nearest, w, row, group, 0.7);
        double after = getBlockError(grid, best, w, row, group, 0.7);
        EXPECT_LE(after, before * (1 + 1e-5) + 1e-12)
            << getName(grid.getCodeType()).str() << " row " << row << " group " << group;
      }
    // Blocks of zeros stay exact zeros.
    for (size_t j = 0; j < kGroup; ++j)
      EXPECT_EQ(grid.decode(best.codes[j], best.getBlock(0, j)), 0.0f);
    if (!grid.isUniform() && grid.getScaleRule() == ScaleRule::PowerOfTwo)
      expectEqual(best, nearest);
  }
}

/// Parameters are such that chains can store them.
TEST(Hqq, ParametersAreStorable) {
  std::vector<float> w = makeNormal(kNumRows * kColumns, 3);
  for (float &x : w)
    x += 1.5f;
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::AsymMinMax}, DataType::BF16);
  QuantizedMatrix matrix = hqq(grid, w.data(), kNumRows, kColumns, kGroup);
  for (BlockParameters block : matrix.blocks) {
    uint32_t bits;
    std::memcpy(&bits, &block.scale, 4);
    EXPECT_EQ(bits & 0xffff, 0u);
    EXPECT_EQ(block.zeroPoint, std::nearbyint(block.zeroPoint));
    EXPECT_GE(block.zeroPoint, -8);
    EXPECT_LE(block.zeroPoint, 7);
  }
}

/// More iterations are never worse, and the first ones help.
TEST(Hqq, MonotoneInTheIterations) {
  std::vector<float> w = makeNormal(kNumRows * kColumns, 4);
  for (const CodeGrid &grid : makeGrids()) {
    double last = 0;
    for (unsigned iterations : {0, 1, 2, 4, 8, 20, 40}) {
      HqqOptions options;
      options.iterations = iterations;
      double error =
          getError(grid, hqq(grid, w.data(), kNumRows, kColumns, kGroup, options), w, options.p);
      if (iterations == 0)
        EXPECT_NEAR(
            error,
            getError(grid, quantizeMatrix(grid, w.data(), kNumRows, kColumns, kGroup), w, 0.7),
            1e-6 * error);
      else
        EXPECT_LE(error, last * (1 + 1e-6));
      last = error;
    }
  }
}

TEST(Hqq, DoesNotDependOnThreadsOrScale) {
  std::vector<float> w = makeNormal(kNumRows * kColumns, 5);
  for (const CodeGrid &grid : makeGrids()) {
    QuantizedMatrix matrix = hqq(grid, w.data(), kNumRows, kColumns, kGroup);
    expectEqual(matrix, hqq(grid, w.data(), kNumRows, kColumns, kGroup, {}, runThreads));
    if (grid.getScaleType() != DataType::F32 || !grid.isUniform() ||
        grid.getUniform().convention == GridConvention::AsymMinMax)
      continue;
    std::vector<float> larger(w);
    for (float &x : larger)
      x *= 1024;
    QuantizedMatrix scaled = hqq(grid, larger.data(), kNumRows, kColumns, kGroup);
    EXPECT_EQ(scaled.codes, matrix.codes);
    for (size_t i = 0; i < matrix.blocks.size(); ++i)
      if (matrix.blocks[i].scale != 1)
        EXPECT_EQ(scaled.blocks[i].scale, matrix.blocks[i].scale * 1024);
  }
}

TEST(Hqq, EmptyMatrix) {
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::AsymZeroIn});
  EXPECT_TRUE(hqq(grid, nullptr, 0, 8, 4).codes.empty());
}
