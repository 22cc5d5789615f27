//===- AdaRoundTest.cpp - rounding by the error of the output -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/AdaRound.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <thread>

using namespace mlir::compress;

namespace {

/// Weights and the Gram matrix of inputs whose channels i and j correlate by rho^|i - j|.
struct Layer {
  size_t rows = 64, columns = 128;
  std::vector<float> weight, gram;

  Layer(unsigned seed, double rho, bool outliers, size_t rows = 64, size_t columns = 128)
      : rows(rows), columns(columns) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    std::vector<double> scales(columns, 1), sums(columns * columns), x(columns);
    if (outliers)
      for (double &scale : scales)
        scale = std::exp(normal(random));
    for (size_t sample = 0; sample < 4 * columns; ++sample) {
      for (size_t j = 0; j < columns; ++j)
        x[j] = j == 0 ? normal(random) : rho * x[j - 1] + std::sqrt(1 - rho * rho) * normal(random);
      for (size_t i = 0; i < columns; ++i)
        for (size_t j = 0; j < columns; ++j)
          sums[i * columns + j] += x[i] * scales[i] * x[j] * scales[j];
    }
    gram.assign(sums.begin(), sums.end());
    for (size_t i = 0; i < rows * columns; ++i)
      weight.push_back(float(normal(random)));
  }

  double getForm(size_t row, const std::vector<double> &e) const {
    double total = 0;
    for (size_t i = 0; i < columns; ++i)
      for (size_t j = 0; j < columns; ++j)
        total += e[row * columns + i] * gram[i * columns + j] * e[row * columns + j];
    return total;
  }
  /// Per row: e G e^T / w G w^T.
  std::vector<double> getErrors(const CodeGrid &grid, const QuantizedMatrix &matrix) const {
    std::vector<float> decoded = dequantizeMatrix(grid, matrix);
    std::vector<double> w(weight.begin(), weight.end()), e(w);
    for (size_t i = 0; i < e.size(); ++i)
      e[i] -= decoded[i];
    std::vector<double> errors;
    for (size_t row = 0; row < rows; ++row)
      errors.push_back(getForm(row, e) / getForm(row, w));
    return errors;
  }
  double getMeanError(const CodeGrid &grid, const QuantizedMatrix &matrix) const {
    double total = 0;
    for (double error : getErrors(grid, matrix))
      total += error;
    return total / double(rows);
  }
  QuantizedMatrix roundToNearest(const CodeGrid &grid, size_t group) const {
    return quantizeMatrix(grid, weight.data(), rows, columns, group);
  }
  QuantizedMatrix run(const CodeGrid &grid, size_t group, const AdaRoundOptions &options = {},
                      ParallelFor parallelFor = serialFor) const {
    return adaRound(grid, weight.data(), rows, columns, group, gram.data(), options, parallelFor);
  }
};

void runThreads(size_t n, llvm::function_ref<void(size_t)> body) {
  std::vector<std::thread> threads;
  for (size_t i = n; i-- > 0;)
    threads.emplace_back([=] { body(i); });
  for (std::thread &thread : threads)
    thread.join();
}

const float kTable[] = {-1, -0.5f, -0.2f, 0, 0.1f, 0.3f, 0.6f, 1};

} // namespace

/// The layers of GPTQ's table: its errors at three bits are .0083 and .0061, those of round to
/// nearest .0471 and .0496.
TEST(AdaRound, BeatsRoundToNearest) {
  CodeGrid grid = CodeGrid::makeUniform({DataType::U3, GridConvention::AsymZeroIn});
  for (bool outliers : {false, true}) {
    Layer layer(1, outliers ? 0.95 : 0.9, outliers);
    double nearest = layer.getMeanError(grid, layer.roundToNearest(grid, 128));
    AdaRoundOptions plain;
    plain.sweeps = 0;
    double rounded = layer.getMeanError(grid, layer.run(grid, 128, plain));
    double swept = layer.getMeanError(grid, layer.run(grid, 128));
    EXPECT_NEAR(nearest, 0.05, outliers ? 0.03 : 0.01);
    EXPECT_LT(rounded, nearest * (outliers ? 0.7 : 0.25));
    EXPECT_LE(swept, rounded);
    EXPECT_LT(swept, 0.012);
  }
}

TEST(AdaRound, NoRowIsWorse) {
  for (size_t group : {32, 50, 128}) {
    Layer layer(2, 0.5, true, 16);
    std::vector<CodeGrid> grids = {
        CodeGrid::makeUniform({DataType::I2, GridConvention::SymRestricted}),
        CodeGrid::makeUniform({DataType::I4, GridConvention::SymSignedMax}),
        CodeGrid::makeUniform({DataType::I4, GridConvention::AsymMinMax}, DataType::F16),
        CodeGrid::makeUniform({DataType::U8, GridConvention::SymFullRange}),
        CodeGrid::makeTable(DataType::U3, kTable, ScaleRule::AbsMax)};
    for (const CodeGrid &grid : grids) {
      AdaRoundOptions options;
      options.iterations = 200;
      QuantizedMatrix nearest = layer.roundToNearest(grid, group);
      QuantizedMatrix best = layer.run(grid, group, options);
      std::vector<double> before = layer.getErrors(grid, nearest);
      std::vector<double> after = layer.getErrors(grid, best);
      double sumBefore = 0, sumAfter = 0;
      for (size_t row = 0; row < layer.rows; ++row) {
        EXPECT_LE(after[row], before[row] * (1 + 1e-9));
        sumBefore += before[row];
        sumAfter += after[row];
      }
      EXPECT_LT(sumAfter, 0.95 * sumBefore);
      ASSERT_EQ(best.blocks.size(), nearest.blocks.size());
      for (size_t i = 0; i < best.blocks.size(); ++i) {
        EXPECT_EQ(best.blocks[i].scale, nearest.blocks[i].scale);
        EXPECT_EQ(best.blocks[i].zeroPoint, nearest.blocks[i].zeroPoint);
      }
    }
  }
}

/// Without correlation the nearest code is the best one.
TEST(AdaRound, DiagonalGramIsRoundToNearest) {
  Layer layer(3, 0, true);
  for (size_t i = 0; i < layer.columns; ++i)
    for (size_t j = 0; j < layer.columns; ++j)
      if (i != j)
        layer.gram[i * layer.columns + j] = 0;
  // A channel that was always zero.
  layer.gram[5 * layer.columns + 5] = 0;
  std::vector<CodeGrid> grids = {
      CodeGrid::makeUniform({DataType::I3, GridConvention::SymSignedMax}),
      CodeGrid::makeUniform({DataType::U4, GridConvention::AsymMinMax}),
      CodeGrid::makeTable(DataType::U3, kTable, ScaleRule::AbsMax)};
  for (const CodeGrid &grid : grids)
    EXPECT_EQ(layer.run(grid, 32).codes, layer.roundToNearest(grid, 32).codes);
}

/// The only weight whose rounding matters jointly: both of two equal inputs must not round up.
TEST(AdaRound, TwoEqualInputs) {
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::SymSignedMax});
  // Scale 1: -8 is the largest.
  std::vector<float> weight = {-8, 2.6f, 2.6f};
  std::vector<float> gram = {1, 0, 0, 0, 1, 1, 0, 1, 1};
  QuantizedMatrix matrix = adaRound(grid, weight.data(), 1, 3, 3, gram.data());
  EXPECT_EQ(matrix.codes[0], 8);
  EXPECT_EQ(matrix.codes[1] + matrix.codes[2], 5);
}

TEST(AdaRound, Deterministic) {
  Layer layer(4, 0.9, false, /*rows=*/150, /*columns=*/48);
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::AsymZeroIn});
  QuantizedMatrix matrix = layer.run(grid, 16);
  EXPECT_EQ(layer.run(grid, 16).codes, matrix.codes);
  EXPECT_EQ(layer.run(grid, 16, {}, runThreads).codes, matrix.codes);
}

TEST(AdaRound, NothingToChooseBy) {
  Layer layer(5, 0, false, 4, 8);
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::AsymZeroIn});
  std::fill(layer.gram.begin(), layer.gram.end(), 0.0f);
  EXPECT_EQ(layer.run(grid, 8).codes, layer.roundToNearest(grid, 8).codes);
  EXPECT_TRUE(adaRound(grid, nullptr, 0, 8, 8, layer.gram.data()).codes.empty());
}
