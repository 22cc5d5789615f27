//===- StructuredScoresTest.cpp - scores and choice of channels -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/StructuredScores.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace llvm;
using namespace mlir::compress;

namespace {

using Scores = std::vector<double>;
using Counts = std::vector<int64_t>;

/// Every index is a unit.
struct SingleUnits {
  std::vector<int64_t> offsets, indices;
  explicit SingleUnits(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      offsets.push_back(i);
      indices.push_back(i);
    }
    offsets.push_back(count);
  }
  UnitSlices get() const { return {offsets, indices}; }
};

/// A matrix [2 rows, 3 columns].
constexpr float matrix[] = {1, -2, 3, 4, 0, -5};
constexpr BlockView rowView{1, 2, 3}, columnView{2, 3, 1};

StructuredInputs makeInputs(BlockView view) {
  StructuredInputs inputs;
  inputs.view = view;
  inputs.weight = matrix;
  return inputs;
}

TEST(StructuredScores, NormsOfRowsAndColumns) {
  SingleUnits rows(2), columns(3);
  EXPECT_EQ(scoreUnits(StructuredScore::L1, makeInputs(rowView), rows.get()), (Scores{6, 9}));
  EXPECT_EQ(scoreUnits(StructuredScore::L1, makeInputs(columnView), columns.get()),
            (Scores{5, 2, 8}));
  EXPECT_EQ(scoreUnits(StructuredScore::L2, makeInputs(rowView), rows.get()),
            (Scores{std::sqrt(14.0), std::sqrt(41.0)}));
  EXPECT_EQ(scoreUnits(StructuredScore::L2, makeInputs(columnView), columns.get()),
            (Scores{std::sqrt(17.0), 2, std::sqrt(34.0)}));
}

TEST(StructuredScores, UnitsOfSeveralIndices) {
  // One unit has columns 0 and 2, the other column 1: the norm is that of the whole slice.
  std::vector<int64_t> offsets{0, 2, 3}, indices{0, 2, 1};
  UnitSlices units{offsets, indices};
  EXPECT_EQ(scoreUnits(StructuredScore::L1, makeInputs(columnView), units), (Scores{13, 2}));
  EXPECT_EQ(scoreUnits(StructuredScore::L2, makeInputs(columnView), units),
            (Scores{std::sqrt(51.0), 2}));
}

TEST(StructuredScores, Splat) {
  std::vector<int64_t> offsets{0, 2, 3}, indices{0, 2, 1};
  UnitSlices units{offsets, indices};
  std::vector<float> values(6, -3.0f);
  for (auto score : {StructuredScore::L1, StructuredScore::L2}) {
    StructuredInputs inputs = makeInputs(columnView);
    inputs.weight = values;
    EXPECT_EQ(scoreUnitsOfSplat(score, columnView, -3, units), scoreUnits(score, inputs, units));
  }
}

TEST(StructuredScores, Wanda) {
  double norms[] = {10, 100, 1000};
  StructuredInputs inputs = makeInputs(rowView);
  inputs.channelFactors = norms;
  inputs.channels.size = 3;
  EXPECT_EQ(scoreUnits(StructuredScore::Wanda, inputs, SingleUnits(2).get()),
            (Scores{10 + 200 + 3000, 40 + 5000}));
  inputs.view = columnView;
  EXPECT_EQ(scoreUnits(StructuredScore::Wanda, inputs, SingleUnits(3).get()),
            (Scores{50, 200, 8000}));
  // Stored as [columns, rows]: [K, N].
  inputs.view = {1, 3, 2};
  inputs.channels.stride = 2;
  EXPECT_EQ(scoreUnits(StructuredScore::Wanda, inputs, SingleUnits(3).get()),
            (Scores{30, 700, 5000}));
}

TEST(StructuredScores, WandaOfGroupedConvolution) {
  // [4 outputs, 1 input per group, 2 positions] in 2 groups: inputs 0 and 1.
  float weight[] = {1, 1, 1, 1, 1, 1, 1, 2};
  double norms[] = {1, 10};
  StructuredInputs inputs;
  inputs.view = {1, 4, 2};
  inputs.weight = weight;
  inputs.channelFactors = norms;
  inputs.channels = {/*stride=*/2, /*size=*/1, /*groups=*/2};
  EXPECT_EQ(scoreUnits(StructuredScore::Wanda, inputs, SingleUnits(4).get()),
            (Scores{2, 2, 20, 30}));
}

TEST(StructuredScores, FlapIsVarianceTimesSquaredColumnNorm) {
  double variances[] = {1, 2, 0.5};
  StructuredInputs inputs = makeInputs(columnView);
  inputs.channelFactors = variances;
  inputs.channels.size = 3;
  EXPECT_EQ(scoreUnits(StructuredScore::Flap, inputs, SingleUnits(3).get()), (Scores{17, 8, 17}));
  std::vector<int64_t> offsets{0, 2, 3}, indices{0, 2, 1};
  UnitSlices units{offsets, indices};
  EXPECT_EQ(scoreUnits(StructuredScore::Flap, inputs, units), (Scores{34, 8}));
  // Heads: sums of squares.
  inputs.unitsAreHeads = true;
  EXPECT_EQ(scoreUnits(StructuredScore::Flap, inputs, units), (Scores{2 * 17 * 17, 64}));
}

/// The score is the expected energy of what a column contributes, apart from its mean: what is lost
/// when the input is replaced by its mean (FLAP, section 3).
TEST(StructuredScores, FlapIsTheExpectedLoss) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  constexpr size_t rows = 5, columns = 4, samples = 200;
  std::vector<float> weight(rows * columns);
  for (float &value : weight)
    value = static_cast<float>(normal(random));
  std::vector<double> x(samples * columns), mean(columns), variance(columns);
  for (double &value : x)
    value = 2 + normal(random);
  for (size_t j = 0; j < columns; ++j) {
    for (size_t s = 0; s < samples; ++s)
      mean[j] += x[s * columns + j] / samples;
    for (size_t s = 0; s < samples; ++s)
      variance[j] += std::pow(x[s * columns + j] - mean[j], 2) / samples;
  }
  StructuredInputs inputs;
  inputs.view = {rows, columns, 1};
  inputs.weight = weight;
  inputs.channelFactors = variance;
  inputs.channels.size = columns;
  Scores scores = scoreUnits(StructuredScore::Flap, inputs, SingleUnits(columns).get());
  for (size_t j = 0; j < columns; ++j) {
    double loss = 0;
    for (size_t s = 0; s < samples; ++s)
      for (size_t i = 0; i < rows; ++i)
        loss += std::pow(weight[i * columns + j] * (x[s * columns + j] - mean[j]), 2) / samples;
    EXPECT_NEAR(scores[j], loss, 1e-10 * loss);
  }
}

TEST(StructuredScores, Lamp) {
  // Squares in descending order: 25, 16, 9, 4, 1, 0.
  double s[] = {1.0 / 55, 4.0 / 54, 9.0 / 50, 16.0 / 41, 0.0, 1.0};
  Scores rows = scoreUnits(StructuredScore::Lamp, makeInputs(rowView), SingleUnits(2).get());
  EXPECT_DOUBLE_EQ(rows[0], s[0] + s[1] + s[2]);
  EXPECT_DOUBLE_EQ(rows[1], s[3] + s[4] + s[5]);
  // Of equal weights the later one counts as smaller; zeros have no score.
  float equal[] = {2, -2, 0};
  StructuredInputs inputs;
  inputs.view = {1, 3, 1};
  inputs.weight = equal;
  EXPECT_EQ(scoreUnits(StructuredScore::Lamp, inputs, SingleUnits(3).get()), (Scores{1, 0.5, 0}));
}

TEST(StructuredScores, Taylor) {
  float gradient[] = {1, 1, -1, 2, 3, 1}, squares[] = {1, 2, 1, 4, 9, 2};
  StructuredInputs inputs = makeInputs(rowView);
  inputs.gradient = gradient;
  inputs.gradientSquares = squares;
  SingleUnits rows(2);
  // w * g: 1 -2 -3 | 8 0 -5; w^2 * E[g^2]: 1 8 9 | 64 0 50.
  EXPECT_EQ(scoreUnits(StructuredScore::Taylor, inputs, rows.get()), (Scores{6, 13}));
  EXPECT_EQ(scoreUnits(StructuredScore::Taylor2, inputs, rows.get()), (Scores{18, 114}));
  EXPECT_EQ(scoreUnits(StructuredScore::TaylorMixed, inputs, rows.get()),
            (Scores{0.5 + 6 + 7.5, 24 + 0 + 30}));
  EXPECT_EQ(scoreUnits(StructuredScore::TaylorVector, inputs, rows.get()), (Scores{4, 3}));
  // Both rows as one unit: the sums of indices are taken apart.
  std::vector<int64_t> offsets{0, 2}, indices{0, 1};
  EXPECT_EQ(scoreUnits(StructuredScore::TaylorVector, inputs, {offsets, indices}), (Scores{7}));
}

TEST(StructuredScores, RandomDependsOnSeedAndName) {
  Scores scores = makeRandomScores(1, "fc", 1000);
  EXPECT_EQ(scores, makeRandomScores(1, "fc", 1000));
  EXPECT_NE(scores, makeRandomScores(2, "fc", 1000));
  EXPECT_NE(scores, makeRandomScores(1, "fc2", 1000));
  double sum = 0;
  for (double score : scores) {
    EXPECT_GE(score, 0);
    EXPECT_LT(score, 1);
    sum += score;
  }
  EXPECT_NEAR(sum / 1000, 0.5, 0.05);
}

TEST(StructuredScores, Normalize) {
  Scores scores{1, 2, 3};
  normalizeByMean(scores);
  EXPECT_EQ(scores, (Scores{0.5, 1, 1.5}));
  normalizeByDeviation(scores);
  EXPECT_EQ(scores, (Scores{-1, 0, 1}));
  Scores zeros{0, 0}, single{5};
  normalizeByMean(zeros);
  EXPECT_EQ(zeros, (Scores{0, 0}));
  normalizeByDeviation(zeros);
  EXPECT_EQ(zeros, (Scores{0, 0}));
  normalizeByDeviation(single);
  EXPECT_EQ(single, (Scores{0}));
}

TEST(StructuredChoice, RoundTo) {
  // What remains is a multiple, rounded down (Torch-Pruning), and never nothing.
  EXPECT_EQ(roundRemoval(64, 32, 8), 32);
  EXPECT_EQ(roundRemoval(64, 30, 8), 32);
  EXPECT_EQ(roundRemoval(10, 5, 4), 6);
  EXPECT_EQ(roundRemoval(10, 9, 4), 6);
  EXPECT_EQ(roundRemoval(10, 0, 4), 0);
  EXPECT_EQ(roundRemoval(8, 4, 8), 0);
  EXPECT_EQ(roundRemoval(3, 3, 1), 2);
  EXPECT_EQ(getRemovalLimit(3, 1), 2);
  EXPECT_EQ(getRemovalLimit(1, 1), 0);
  EXPECT_EQ(getRemovalLimit(8, 8), 0);
  EXPECT_EQ(getRemovalLimit(12, 8), 4);
}

TEST(StructuredChoice, SharesOfSmallGroups) {
  // 12 layers of 3 heads at 1/4: 9 of 36.
  std::vector<int64_t> units(12, 3);
  Counts removed = shareRemovals(units, 0.25, 1);
  EXPECT_EQ(removed, (Counts{1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1}));
  int64_t total = 0;
  for (double ratio : {0.1, 0.3, 0.5}) {
    total = 0;
    for (int64_t count : shareRemovals(units, ratio, 1))
      total += count;
    EXPECT_EQ(total, std::llround(ratio * 36)) << ratio;
  }
  EXPECT_EQ(shareRemovals({64, 128}, 0.5, 8), (Counts{32, 64}));
  EXPECT_EQ(shareRemovals({24, 24}, 0.5, 8), (Counts{16, 16}));
  EXPECT_EQ(shareRemovals({4, 4}, 0, 1), (Counts{0, 0}));
  // At least one stays; groups that are too small change nothing for the others.
  EXPECT_EQ(shareRemovals({3, 3}, 0.99, 1), (Counts{2, 2}));
  EXPECT_EQ(shareRemovals({1, 1, 10}, 0.5, 1), (Counts{0, 0, 5}));
  EXPECT_EQ(shareRemovals({5, 7}, 1, 1), (Counts{4, 6}));
}

TEST(StructuredChoice, TiesGoFromTheEnd) {
  EXPECT_EQ(keepLargest({1, 1, 1, 1}, 2), (std::vector<uint8_t>{1, 1, 0, 0}));
  EXPECT_EQ(keepLargest({1, 0, 1, 2}, 2), (std::vector<uint8_t>{1, 0, 0, 1}));
  EXPECT_EQ(keepLargest({1, 2}, 0), (std::vector<uint8_t>{1, 1}));
}

TEST(StructuredChoice, GlobalThreshold) {
  Scores a{1, 5, 9}, b{2, 3, 4};
  RankedGroup groups[] = {{a, 1}, {b, 1}};
  std::vector<size_t> order = rankRemovals(groups, 1);
  // The largest of each group is out of reach.
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 1, 0}));
  EXPECT_EQ(countSteps(groups, order, 0), 0u);
  EXPECT_EQ(countSteps(groups, order, 0.5), 3u);
  EXPECT_EQ(countSteps(groups, order, 0.99), 4u);
  // Equally close: fewer.
  EXPECT_EQ(countSteps(groups, order, 0.25), 1u);
  // A unit that counts like 4 others (heads in FLAP): 4 of 15.
  groups[0].unitWeight = 4;
  EXPECT_EQ(countSteps(groups, order, 4.0 / 15), 1u);
  EXPECT_EQ(countSteps(groups, order, 0.1), 0u);
  EXPECT_EQ(countSteps(groups, order, 5.0 / 15), 2u);
  // Ties: the later group first.
  Scores equal{1, 1};
  RankedGroup ties[] = {{equal, 1}, {equal, 1}};
  EXPECT_EQ(rankRemovals(ties, 1), (std::vector<size_t>{1, 0}));
}

} // namespace
