//===- StatisticsChannelsTest.cpp - statistics of fewer channels ----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Statistics.h"
#include "gtest/gtest.h"

using namespace mlir::compress;

/// Four channels; the matrix has `groups` groups of features of 2 kernel positions each.
static Statistics makeStatistics(int64_t groups) {
  Statistics statistics;
  TensorStatistics &entry = statistics.getMutable("op:input");
  entry.vectors = 10;
  entry.runs = 2;
  entry.channels = 4;
  entry.min = {-1, -2, -3, -4};
  entry.max = {1, 2, 3, 4};
  entry.movingRange = {-4, 4};
  entry.sum = {0.5, 1.5, 2.5, 3.5};
  entry.sumAbs = {1, 2, 3, 4};
  entry.sumSquares = {1, 4, 9, 16};
  entry.histogram.counts = {5, 5};
  entry.groups = groups;
  entry.features = 8 / groups;
  entry.gramVectors = 100;
  // Element (i, j) of group g is 100 g + 10 i + j.
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t i = 0; i < entry.features; ++i)
      for (int64_t j = 0; j < entry.features; ++j)
        entry.gram.push_back(static_cast<float>(100 * g + 10 * i + j));
  return statistics;
}

TEST(StatisticsChannels, VectorsKeepTheirChannels) {
  Statistics statistics = makeStatistics(1);
  statistics.selectChannels("op:input", {0, 3});
  const TensorStatistics *entry = statistics.findInput("op");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->channels, 2);
  EXPECT_EQ(entry->vectors, 10u);
  EXPECT_EQ(entry->min, (std::vector<float>{-1, -4}));
  EXPECT_EQ(entry->max, (std::vector<float>{1, 4}));
  EXPECT_EQ(entry->sum, (std::vector<double>{0.5, 3.5}));
  EXPECT_EQ(entry->sumAbs, (std::vector<double>{1, 4}));
  EXPECT_EQ(entry->sumSquares, (std::vector<double>{1, 16}));
  EXPECT_TRUE(entry->histogram.counts.empty());
  EXPECT_TRUE(entry->movingRange.empty());
}

TEST(StatisticsChannels, MatricesKeepAllPositionsOfAChannel) {
  Statistics statistics = makeStatistics(1);
  statistics.selectChannels("op:input", {1, 3});
  const TensorStatistics *entry = statistics.findInput("op");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->groups, 1);
  EXPECT_EQ(entry->features, 4);
  EXPECT_EQ(entry->gramVectors, 100u);
  // Channel 1 has features 2 and 3, channel 3 has 6 and 7.
  EXPECT_EQ(entry->gram,
            (std::vector<float>{22, 23, 26, 27, 32, 33, 36, 37, 62, 63, 66, 67, 72, 73, 76, 77}));
}

TEST(StatisticsChannels, GroupsGoAsAWhole) {
  Statistics statistics = makeStatistics(2);
  statistics.selectChannels("op:input", {2, 3});
  const TensorStatistics *entry = statistics.findInput("op");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->groups, 1);
  EXPECT_EQ(entry->features, 4);
  EXPECT_EQ(entry->gram, (std::vector<float>{100, 101, 102, 103, 110, 111, 112, 113, 120, 121, 122,
                                             123, 130, 131, 132, 133}));
}

TEST(StatisticsChannels, OneChannelOfEachGroup) {
  Statistics statistics = makeStatistics(2);
  statistics.selectChannels("op:input", {1, 2});
  const TensorStatistics *entry = statistics.findInput("op");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->groups, 2);
  EXPECT_EQ(entry->features, 2);
  EXPECT_EQ(entry->gram, (std::vector<float>{22, 23, 32, 33, 100, 101, 110, 111}));
}

TEST(StatisticsChannels, UnequalGroupsLoseTheirMatrices) {
  Statistics statistics = makeStatistics(2);
  statistics.selectChannels("op:input", {0, 1, 2});
  const TensorStatistics *entry = statistics.findInput("op");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->channels, 3);
  EXPECT_EQ(entry->sumSquares, (std::vector<double>{1, 4, 9}));
  EXPECT_TRUE(entry->gram.empty());
  EXPECT_EQ(entry->features, 0);
}

TEST(StatisticsChannels, WhatDoesNotFitIsDropped) {
  for (std::vector<int64_t> kept :
       {std::vector<int64_t>{0, 4}, {-1, 0}, {1, 0}, {1, 1}, std::vector<int64_t>{}}) {
    Statistics statistics = makeStatistics(1);
    statistics.selectChannels("op:input", kept);
    EXPECT_FALSE(statistics.findInput("op"));
  }
  Statistics statistics = makeStatistics(1);
  statistics.selectChannels("other:input", {0});
  EXPECT_TRUE(statistics.findInput("op"));
  EXPECT_FALSE(statistics.findInput("other"));
}

TEST(StatisticsChannels, SharedEntriesStayAsTheyAre) {
  Statistics statistics = makeStatistics(1);
  statistics.set("alias:input", statistics.getEntries().begin()->second);
  statistics.selectChannels("op:input", {0});
  EXPECT_EQ(statistics.findInput("alias")->channels, 4);
  EXPECT_EQ(statistics.findInput("op")->channels, 1);
}
