//===- PruningScoresTest.cpp - scores of single weights -------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/PruningScores.h"
#include "PruningLayer.h"
#include "SyntheticLayer.h"
#include "compress/Algorithms/Sparsity.h"
#include "gtest/gtest.h"
#include <limits>
#include <numeric>

using namespace mlir::compress;

static std::vector<double> getNorms(const OutlierLayer &layer) {
  std::vector<double> squares;
  for (size_t j = 0; j < layer.columns; ++j)
    squares.push_back(layer.gram[j * layer.columns + j]);
  return getColumnNorms(squares, layer.columns);
}

static std::vector<uint8_t> chooseHalf(const OutlierLayer &layer, const std::vector<float> &scores,
                                       bool perRow) {
  return chooseMask(scores.data(), layer.rows, layer.columns, {std::nullopt, 0.5, perRow});
}

TEST(PruningScores, Formulas) {
  const float weight[] = {1, -2, 3, 4, 0, -4};
  const float gradient[] = {2, 3, -1, 0.5f, 7, 1};
  EXPECT_EQ(magnitudeScores(weight, 2, 3), (std::vector<float>{1, 2, 3, 4, 0, 4}));
  EXPECT_EQ(wandaScores(weight, 2, 3, {1, 0, 2.5}), (std::vector<float>{1, 0, 7.5f, 4, 0, 10}));
  EXPECT_EQ(taylorScores(weight, gradient, 2, 3), (std::vector<float>{2, 6, 3, 2, 0, 4}));
  EXPECT_EQ(fisherScores(weight, gradient, 2, 3), (std::vector<float>{1, 6, -4.5f, 4, 0, 8}));
  // Row sums 6 and 8, column sums 5, 2, 7; norms 4, 9, 0 to the power 1/2.
  std::vector<float> ria = riaScores(weight, 2, 3, {4, 9, 0});
  const double expected[] = {
      (1 / 6.0 + 1 / 5.0) * 2, (2 / 6.0 + 1) * 3, 0, (4 / 8.0 + 4 / 5.0) * 2, 0, 0};
  for (size_t i = 0; i < 6; ++i)
    EXPECT_FLOAT_EQ(ria[i], expected[i]);
  EXPECT_FLOAT_EQ(riaScores(weight, 2, 3, {4, 9, 1}, 0)[2], 3 / 6.0 + 3 / 7.0);
}

TEST(PruningScores, NormsRepeatForKernelPositions) {
  EXPECT_EQ(getColumnNorms({4, 9}, 2), (std::vector<double>{2, 3}));
  EXPECT_EQ(getColumnNorms({4, 9}, 6), (std::vector<double>{2, 3, 2, 3, 2, 3}));
}

TEST(PruningScores, RelativeImportanceSumsToRowsAndColumns) {
  OutlierLayer layer(1);
  std::vector<float> scores = riaScores(layer.weight.data(), layer.rows, layer.columns, {});
  EXPECT_NEAR(std::accumulate(scores.begin(), scores.end(), 0.0), 64 + 128, 1e-4);
  std::vector<float> larger = layer.weight;
  for (float &value : larger)
    value *= 8;
  EXPECT_EQ(riaScores(larger.data(), layer.rows, layer.columns, {}), scores);
}

TEST(PruningScores, ZeroRowsAndColumnsHaveNoImportance) {
  const float weight[] = {0, 0, 0, 0, 1, 0, 0, 2, 0};
  std::vector<float> scores = riaScores(weight, 3, 3, {});
  const double expected[] = {0, 0, 0, 0, 1 + 1 / 3.0, 0, 0, 1 + 2 / 3.0, 0};
  for (size_t i = 0; i < 9; ++i)
    EXPECT_FLOAT_EQ(scores[i], expected[i]);
}

TEST(PruningScores, OverflowSaturates) {
  const float largest = std::numeric_limits<float>::max();
  const float weight[] = {largest, -largest};
  EXPECT_EQ(wandaScores(weight, 1, 2, {2, 0.5}), (std::vector<float>{largest, largest / 2}));
  EXPECT_EQ(taylorScores(weight, weight, 1, 2), (std::vector<float>{largest, largest}));
  EXPECT_EQ(fisherScores(weight, magnitudeScores(weight, 1, 2).data(), 1, 2),
            (std::vector<float>{largest, largest}));
  EXPECT_EQ(riaScores(weight, 1, 2, {}), (std::vector<float>{1.5f, 1.5f}));
}

TEST(PruningScores, WandaDoesNotDependOnTheOrderOfColumns) {
  OutlierLayer layer(2);
  std::vector<double> norms = getNorms(layer);
  auto mask =
      chooseHalf(layer, wandaScores(layer.weight.data(), layer.rows, layer.columns, norms), true);
  OutlierLayer reversed = layer;
  for (size_t i = 0; i < layer.rows; ++i)
    for (size_t j = 0; j < layer.columns; ++j)
      reversed.weight[i * 128 + j] = layer.weight[i * 128 + 127 - j];
  // A common factor of the inputs does not matter, either.
  std::vector<double> scaled;
  for (size_t j = 0; j < layer.columns; ++j)
    scaled.push_back(norms[127 - j] * 3.5);
  auto other = chooseHalf(
      layer, wandaScores(reversed.weight.data(), layer.rows, layer.columns, scaled), true);
  for (size_t i = 0; i < layer.rows; ++i) {
    size_t kept = 0;
    for (size_t j = 0; j < layer.columns; ++j) {
      EXPECT_EQ(other[i * 128 + j], mask[i * 128 + 127 - j]);
      kept += mask[i * 128 + j];
    }
    EXPECT_EQ(kept, 64u);
  }
}

TEST(PruningScores, WandaIsMagnitudePerRowForEqualNorms) {
  OutlierLayer layer(3);
  std::vector<double> norms(layer.columns, 0.75);
  EXPECT_EQ(
      chooseHalf(layer, wandaScores(layer.weight.data(), layer.rows, layer.columns, norms), true),
      chooseHalf(layer, magnitudeScores(layer.weight.data(), layer.rows, layer.columns), true));
}

/// Mean relative error of a layer's output after half of its weights went by `getScores`.
static double
getTableError(double rho, bool outliers, bool perRow,
              llvm::function_ref<std::vector<float>(const PruningLayer &)> getScores) {
  double sum = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    PruningLayer layer(rho, outliers, seed);
    SparsityTarget target;
    target.ratio = 0.5;
    target.perRow = perRow;
    std::vector<uint8_t> mask =
        chooseMask(getScores(layer).data(), layer.rows, layer.columns, target);
    std::vector<float> pruned = layer.weight;
    for (size_t i = 0; i < pruned.size(); ++i)
      pruned[i] *= mask[i];
    sum += layer.getError(pruned);
  }
  return sum / 10;
}

TEST(PruningScores, ErrorsOfTheTable) {
  // Reference values for half of the weights, for inputs with and without correlation, of equal and
  // of different sizes. Wanda is not better than magnitude where sizes are equal.
  struct Row {
    double rho;
    bool outliers;
    double magnitude, wanda, ria;
  };
  for (const Row &row : {Row{0, false, .0708, .0728, .0715}, Row{0.9, false, .0724, .0739, .0730},
                         Row{0, true, .0715, .0079, .0121}, Row{0.9, true, .0730, .0080, .0123}}) {
    SCOPED_TRACE(testing::Message() << "rho " << row.rho << ", outliers " << row.outliers);
    auto getNormsOf = [](const PruningLayer &layer) {
      std::vector<double> squares;
      for (size_t j = 0; j < layer.columns; ++j)
        squares.push_back(layer.gram[j * layer.columns + j]);
      return getColumnNorms(squares, layer.columns);
    };
    double magnitude = getTableError(row.rho, row.outliers, false, [](const PruningLayer &layer) {
      return magnitudeScores(layer.weight.data(), layer.rows, layer.columns);
    });
    double wanda = getTableError(row.rho, row.outliers, true, [&](const PruningLayer &layer) {
      return wandaScores(layer.weight.data(), layer.rows, layer.columns, getNormsOf(layer));
    });
    double ria = getTableError(row.rho, row.outliers, false, [&](const PruningLayer &layer) {
      return riaScores(layer.weight.data(), layer.rows, layer.columns, getNormsOf(layer));
    });
    EXPECT_NEAR(magnitude, row.magnitude, 0.2 * row.magnitude);
    EXPECT_NEAR(wanda, row.wanda, 0.2 * row.wanda);
    EXPECT_NEAR(ria, row.ria, 0.2 * row.ria);
    EXPECT_EQ(magnitude < wanda, !row.outliers);
  }
}
