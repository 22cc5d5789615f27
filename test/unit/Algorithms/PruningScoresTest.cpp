//===- PruningScoresTest.cpp - scores of single weights -------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/PruningScores.h"
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

static double getMaskedError(const OutlierLayer &layer, const std::vector<uint8_t> &mask) {
  std::vector<float> pruned = layer.weight;
  for (size_t i = 0; i < pruned.size(); ++i)
    if (!mask[i])
      pruned[i] = 0;
  return layer.getError(pruned);
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

TEST(PruningScores, ErrorsOfOutliers) {
  // Reference values for half of the weights of independent inputs whose norms differ: magnitude
  // .0715, Wanda .0079, RIA .0121.
  double magnitude = 0, wanda = 0, ria = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    OutlierLayer layer(seed);
    std::vector<double> norms = getNorms(layer);
    const float *weight = layer.weight.data();
    size_t rows = layer.rows, columns = layer.columns;
    magnitude +=
        getMaskedError(layer, chooseHalf(layer, magnitudeScores(weight, rows, columns), false));
    wanda +=
        getMaskedError(layer, chooseHalf(layer, wandaScores(weight, rows, columns, norms), true));
    ria += getMaskedError(layer, chooseHalf(layer, riaScores(weight, rows, columns, norms), false));
  }
  EXPECT_NEAR(magnitude / 10, 0.0715, 0.2 * 0.0715);
  EXPECT_NEAR(wanda / 10, 0.0079, 0.2 * 0.0079);
  EXPECT_NEAR(ria / 10, 0.0121, 0.2 * 0.0121);
}

TEST(PruningScores, ErrorsOfEqualNorms) {
  // The same for inputs of equal norms: .0708, .0728, .0715. Wanda is not better here.
  double magnitude = 0, wanda = 0, ria = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    OutlierLayer layer(seed);
    for (size_t j = 0; j < layer.columns; ++j) {
      double norm = std::sqrt(layer.gram[j * layer.columns + j]);
      for (size_t v = 0; v < layer.vectors; ++v)
        layer.inputs[v * layer.columns + j] /= norm;
    }
    std::vector<double> norms(layer.columns, 1);
    const float *weight = layer.weight.data();
    size_t rows = layer.rows, columns = layer.columns;
    magnitude +=
        getMaskedError(layer, chooseHalf(layer, magnitudeScores(weight, rows, columns), false));
    wanda +=
        getMaskedError(layer, chooseHalf(layer, wandaScores(weight, rows, columns, norms), true));
    ria += getMaskedError(layer, chooseHalf(layer, riaScores(weight, rows, columns, norms), false));
  }
  EXPECT_NEAR(magnitude / 10, 0.0708, 0.2 * 0.0708);
  EXPECT_NEAR(wanda / 10, 0.0728, 0.2 * 0.0728);
  EXPECT_NEAR(ria / 10, 0.0715, 0.2 * 0.0715);
  EXPECT_LT(magnitude, wanda);
}
