//===- ScaleRefinementTest.cpp --------------------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ScaleRefinement.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::compress;

namespace {

constexpr size_t rows = 70, columns = 40, group = 16;

/// A weight, and the Gram matrix of inputs that are correlated.
struct Layer {
  std::vector<float> weight, gram;

  Layer() : weight(rows * columns), gram(columns * columns) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (float &value : weight)
      value = normal(random);
    for (int vector = 0; vector < 200; ++vector) {
      std::vector<float> x(columns);
      for (size_t j = 0; j < columns; ++j)
        x[j] = normal(random) + (j ? 0.9f * x[j - 1] : 0.0f);
      for (size_t i = 0; i < columns; ++i)
        for (size_t j = 0; j < columns; ++j)
          gram[i * columns + j] += x[i] * x[j];
    }
  }

  /// (w - w^) G (w - w^)^T of a row.
  double getError(const CodeGrid &grid, const QuantizedMatrix &matrix, size_t row) const {
    std::vector<double> e(columns);
    for (size_t j = 0; j < columns; ++j)
      e[j] = double(grid.decode(matrix.codes[row * columns + j], matrix.getBlock(row, j))) -
             weight[row * columns + j];
    double sum = 0;
    for (size_t i = 0; i < columns; ++i)
      for (size_t j = 0; j < columns; ++j)
        sum += e[i] * gram[i * columns + j] * e[j];
    return sum;
  }
};

} // namespace

TEST(ScaleRefinement, LowersTheErrorOfEveryChangedRow) {
  Layer layer;
  for (GridConvention convention : {GridConvention::SymRestricted, GridConvention::AsymZeroIn}) {
    CodeGrid grid = CodeGrid::makeUniform({DataType::I3, convention});
    QuantizedMatrix before = quantizeMatrix(grid, layer.weight.data(), rows, columns, group);
    QuantizedMatrix after = before;
    size_t changed = llvm::cantFail(
        refineScales(grid, after, layer.weight.data(), layer.gram.data(), /*damping=*/0));
    EXPECT_GT(changed, rows / 2);
    EXPECT_EQ(before.codes, after.codes);
    double sumBefore = 0, sumAfter = 0;
    for (size_t row = 0; row < rows; ++row) {
      double was = layer.getError(grid, before, row), is = layer.getError(grid, after, row);
      EXPECT_LE(is, was * (1 + 1e-5));
      sumBefore += was;
      sumAfter += is;
    }
    EXPECT_LT(sumAfter, 0.9 * sumBefore);
  }
}

TEST(ScaleRefinement, IsALocalMinimum) {
  Layer layer;
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::SymRestricted});
  QuantizedMatrix matrix = quantizeMatrix(grid, layer.weight.data(), rows, columns, group);
  llvm::cantFail(refineScales(grid, matrix, layer.weight.data(), layer.gram.data(), 0).takeError());
  QuantizedMatrix best = matrix;
  double least = layer.getError(grid, best, 3);
  for (size_t g = 0; g < best.getNumGroups(); ++g)
    for (float factor : {0.98f, 1.02f}) {
      QuantizedMatrix other = best;
      other.blocks[3 * best.getNumGroups() + g].scale *= factor;
      EXPECT_GE(layer.getError(grid, other, 3), least);
    }
}

TEST(ScaleRefinement, ExactWeightsAreKept) {
  Layer layer;
  CodeGrid grid = CodeGrid::makeUniform({DataType::I8, GridConvention::SymRestricted});
  QuantizedMatrix matrix = quantizeMatrix(grid, layer.weight.data(), rows, columns, group);
  std::vector<float> exact = dequantizeMatrix(grid, matrix);
  QuantizedMatrix refined = matrix;
  llvm::cantFail(refineScales(grid, refined, exact.data(), layer.gram.data()).takeError());
  for (auto [a, b] : llvm::zip_equal(matrix.blocks, refined.blocks))
    EXPECT_NEAR(a.scale, b.scale, 1e-5 * a.scale);
}

TEST(ScaleRefinement, ScalesThatAreNotFreeStay) {
  Layer layer;
  CodeGrid grid = CodeGrid::makeTable(DataType::U2, {-1, 0, 1, 2}, ScaleRule::PowerOfTwo);
  EXPECT_FALSE(canRefineScales(grid));
  QuantizedMatrix matrix = quantizeMatrix(grid, layer.weight.data(), rows, columns, group);
  EXPECT_EQ(llvm::cantFail(refineScales(grid, matrix, layer.weight.data(), layer.gram.data())), 0u);
}

TEST(ScaleRefinement, AllZeroGroupsAndThreads) {
  Layer layer;
  std::fill_n(layer.weight.begin(), group, 0.0f);
  CodeGrid grid = CodeGrid::makeUniform({DataType::I2, GridConvention::SymRestricted});
  QuantizedMatrix serial = quantizeMatrix(grid, layer.weight.data(), rows, columns, group);
  QuantizedMatrix backwards = serial;
  llvm::cantFail(refineScales(grid, serial, layer.weight.data(), layer.gram.data()).takeError());
  auto reversed = [](size_t n, llvm::function_ref<void(size_t)> body) {
    while (n > 0)
      body(--n);
  };
  llvm::cantFail(
      refineScales(grid, backwards, layer.weight.data(), layer.gram.data(), 0.01, reversed)
          .takeError());
  for (auto [a, b] : llvm::zip_equal(serial.blocks, backwards.blocks)) {
    EXPECT_EQ(a.scale, b.scale);
    EXPECT_TRUE(std::isfinite(a.scale) && a.scale != 0);
  }
}
