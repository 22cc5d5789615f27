//===- KMeans1DTest.cpp - the best table for values -----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/KMeans1D.h"
#include "NormalTable.h"
#include "compress/Algorithms/Palette.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::compress;

namespace {

/// Weighted squared error of a table, by comparing with all entries.
double getError(const std::vector<double> &table, const std::vector<float> &values,
                const std::vector<float> &weights) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double least = std::numeric_limits<double>::infinity();
    for (double entry : table)
      least = std::min(least, (values[i] - entry) * (values[i] - entry));
    sum += (weights.empty() ? 1 : weights[i]) * least;
  }
  return sum;
}

/// Least error over all ways to give each value one of `k` cells, of which cell 0 stands for 0 if
/// `hasZero` and the others for their means.
double searchAll(const std::vector<float> &values, const std::vector<float> &weights, size_t k,
                 bool hasZero) {
  size_t ways = 1;
  for (size_t i = 0; i < values.size(); ++i)
    ways *= k;
  double least = std::numeric_limits<double>::infinity();
  for (size_t way = 0; way < ways; ++way) {
    std::vector<double> weight(k), first(k);
    size_t rest = way;
    for (size_t i = 0; i < values.size(); ++i, rest /= k) {
      double w = weights.empty() ? 1 : weights[i];
      weight[rest % k] += w;
      first[rest % k] += w * values[i];
    }
    double error = 0;
    rest = way;
    for (size_t i = 0; i < values.size(); ++i, rest /= k) {
      size_t cell = rest % k;
      double w = weights.empty() ? 1 : weights[i];
      double center = (hasZero && cell == 0) || weight[cell] == 0 ? 0 : first[cell] / weight[cell];
      error += w * (values[i] - center) * (values[i] - center);
    }
    least = std::min(least, error);
  }
  return least;
}

struct Distribution {
  const char *name;
  std::vector<float> values;
};

std::vector<Distribution> makeDistributions(size_t count) {
  std::vector<Distribution> result{{"normal", normal::makeSample(count, 1)}};
  std::vector<float> heavy = result[0].values, pruned = result[0].values, two = result[0].values;
  std::vector<float> outliers = result[0].values, offset = result[0].values;
  for (size_t i = 0; i < count; ++i) {
    heavy[i] = heavy[i] * heavy[i] * heavy[i];
    pruned[i] = std::abs(pruned[i]) < 1 ? 0 : pruned[i];
    two[i] = i % 3 ? two[i] * 0.1f + 4 : two[i] - 2;
    outliers[i] *= i % 1000 == 7 ? -1e6f : 1e-3f;
    offset[i] = 1000 + 0.01f * offset[i];
  }
  result.push_back({"heavy tails", heavy});
  result.push_back({"pruned", pruned});
  result.push_back({"two modes", two});
  result.push_back({"outliers", outliers});
  result.push_back({"offset", offset});
  return result;
}

TEST(KMeans1D, IsTheBestOfAllPartitions) {
  std::mt19937 random(3);
  for (unsigned trial = 0; trial < 60; ++trial) {
    size_t count = 1 + random() % 8;
    std::vector<float> values(count), weights(count);
    for (size_t i = 0; i < count; ++i) {
      // Often equal, often zero.
      values[i] = trial % 2 ? float(random() % 9) - 4 : float(random() % 1000) / 100 - 3;
      weights[i] = trial % 3 ? float(random() % 5 + 1) : 1;
    }
    for (size_t k = 1; k <= 4; ++k)
      for (bool keepZero : {false, true})
        for (const std::vector<float> &w : {std::vector<float>(), weights}) {
          KMeans1D result = solveKMeans1D(values, w, {k, keepZero});
          double expected = searchAll(values, w, k, keepZero);
          EXPECT_NEAR(result.error, expected, 1e-5) << trial << " " << k << " " << keepZero;
          EXPECT_NEAR(getError(result.centers, values, w), expected, 1e-5);
          EXPECT_LE(result.centers.size(), k);
          EXPECT_TRUE(result.isExact);
          if (keepZero) {
            EXPECT_EQ(std::count(result.centers.begin(), result.centers.end(), 0.0), 1);
          }
        }
  }
}

TEST(KMeans1D, IsNeverWorseThanLloyd) {
  for (const Distribution &d : makeDistributions(1000)) {
    double last = std::numeric_limits<double>::infinity();
    for (size_t k = 1; k <= 64; ++k) {
      KMeans1D exact = solveKMeans1D(d.values, {}, {k});
      EXPECT_NEAR(getError(exact.centers, d.values, {}), exact.error, 1e-9 * exact.error);
      EXPECT_LE(exact.error, last) << d.name << " " << k;
      last = exact.error;
      for (bool keepZero : {false, true}) {
        double error = keepZero ? solveKMeans1D(d.values, {}, {k, true}).error : exact.error;
        EXPECT_GE(error, exact.error * (1 - 1e-9)) << d.name << " " << k;
        for (PaletteStart start :
             {PaletteStart::Linear, PaletteStart::Density, PaletteStart::Random}) {
          PaletteOptions options{6, start, 5, 300, unsigned(k), keepZero};
          double lloyd = fitPalette(d.values, {}, options).errors.back();
          EXPECT_LE(error, lloyd * (1 + 1e-6) + 1e-9) << d.name << " " << k << " " << keepZero;
        }
      }
    }
  }
}

TEST(KMeans1D, HistogramIsCloseToTheOptimum) {
  // 40000 distinct values with bins for few of them, against the optimum.
  for (const Distribution &d : makeDistributions(10000))
    for (size_t k : {1, 3, 16, 100})
      for (bool keepZero : {false, true}) {
        KMeans1D best = solveKMeans1D(d.values, {}, {k, keepZero});
        KMeans1D close = solveKMeans1D(d.values, {}, {k, keepZero, 4096});
        EXPECT_TRUE(best.isExact);
        EXPECT_FALSE(close.isExact && std::string(d.name) == "normal");
        EXPECT_GE(close.error, best.error * (1 - 1e-9)) << d.name << " " << k;
        EXPECT_LE(close.error, best.error * 1.002 + 1e-12) << d.name << " " << k << " " << keepZero;
        double lloyd =
            fitPalette(d.values, {}, {8, PaletteStart::Density, 0, 500, unsigned(k), keepZero})
                .errors.back();
        EXPECT_LE(close.error, lloyd * (1 + 1e-6)) << d.name << " " << k << " " << keepZero;
      }
}

TEST(KMeans1D, MaxTables) {
  const double errors[] = {0.363380, 0.117482, 0.034548, 0.009501};
  const std::vector<double> levels[] = {{0.797885},
                                        {0.452780, 1.510418},
                                        {0.245094, 0.756005, 1.343909, 2.151946},
                                        {0.128395, 0.388048, 0.656759, 0.942340}};
  std::vector<float> values = normal::makeQuantiles(60000);
  for (unsigned bits = 1; bits <= 4; ++bits) {
    KMeans1D result = solveKMeans1D(values, {}, {size_t(1) << bits});
    EXPECT_TRUE(result.isExact);
    EXPECT_NEAR(result.error / values.size(), errors[bits - 1], 1e-4);
    size_t half = result.centers.size() / 2;
    for (size_t i = 0; i < levels[bits - 1].size(); ++i) {
      EXPECT_NEAR(result.centers[half + i], levels[bits - 1][i], 2e-3);
      EXPECT_NEAR(result.centers[half - 1 - i], -levels[bits - 1][i], 2e-3);
    }
  }
  // More distinct values than bins.
  values = normal::makeSample(300000, 8);
  KMeans1D result = solveKMeans1D(values, {}, {8});
  EXPECT_FALSE(result.isExact);
  EXPECT_NEAR(result.error / values.size(), errors[2], 3e-4);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(result.centers[4 + i], levels[2][i], 1e-2);
}

TEST(KMeans1D, KeepsZero) {
  // Pruned values: zeros do not pull the other entries.
  std::vector<float> values(1000, 0.0f);
  for (size_t i = 0; i < 100; ++i)
    values[i] = (i % 2 ? 1 : -1) * (5 + 0.001f * i);
  KMeans1D result = solveKMeans1D(values, {}, {3, true});
  ASSERT_EQ(result.centers.size(), 3u);
  EXPECT_EQ(result.centers[1], 0);
  EXPECT_NEAR(result.centers[0], -5.049, 1e-4);
  EXPECT_NEAR(result.centers[2], 5.05, 1e-4);
  // Zero is an entry even if it is useless.
  EXPECT_EQ(solveKMeans1D(std::vector<float>{7, 7, 7}, {}, {2, true}).centers,
            (std::vector<double>{0, 7}));
  KMeans1D far = solveKMeans1D(std::vector<float>{7, 8, 20, 21}, {}, {3, true});
  EXPECT_EQ(far.centers, (std::vector<double>{0, 7.5, 20.5}));
  EXPECT_EQ(far.error, 1);
  KMeans1D below = solveKMeans1D(std::vector<float>{-7, -8, -20, -21}, {}, {3, true});
  EXPECT_EQ(below.centers, (std::vector<double>{-20.5, -7.5, 0}));
  // With one entry only.
  KMeans1D only = solveKMeans1D(std::vector<float>{1, 2}, {}, {1, true});
  EXPECT_EQ(only.centers, std::vector<double>{0});
  EXPECT_EQ(only.error, 5);
}

TEST(KMeans1D, Extremes) {
  KMeans1D mean = solveKMeans1D(std::vector<float>{1, 2, 6}, {}, {1});
  EXPECT_EQ(mean.centers, std::vector<double>{3});
  EXPECT_EQ(mean.error, 14);
  // As many entries as distinct values, and more.
  for (size_t k : {2, 3, 256}) {
    KMeans1D result = solveKMeans1D(std::vector<float>{4, -1, 4, -1, -1}, {}, {k});
    EXPECT_EQ(result.centers, (std::vector<double>{-1, 4}));
    EXPECT_EQ(result.error, 0);
  }
  EXPECT_EQ(solveKMeans1D(std::vector<float>(50, 2.5f), {}, {16}).centers,
            std::vector<double>{2.5});
  // Values of weight 0 do not count, unless all have it.
  EXPECT_EQ(solveKMeans1D(std::vector<float>{1, 2, 100}, std::vector<float>{1, 3, 0}, {1}).centers,
            std::vector<double>{1.75});
  EXPECT_EQ(solveKMeans1D(std::vector<float>{1, 3}, std::vector<float>{0, 0}, {1}).centers,
            std::vector<double>{2});
  // The largest floats.
  const float max = std::numeric_limits<float>::max();
  KMeans1D wide = solveKMeans1D(std::vector<float>{-max, 0, 1, max}, {}, {3});
  EXPECT_EQ(wide.centers, (std::vector<double>{-max, 0.5, max}));
  // 256 entries for 257 values: the closest two share one.
  std::vector<float> values;
  for (int i = 0; i < 257; ++i)
    values.push_back(i == 100 ? 99.25f : i);
  KMeans1D result = solveKMeans1D(values, {}, {256});
  EXPECT_EQ(result.centers.size(), 256u);
  EXPECT_EQ(result.error, 2 * 0.125 * 0.125);
}

TEST(KMeans1D, IsDeterministic) {
  std::vector<float> values = normal::makeSample(100000, 4),
                     reversed(values.rbegin(), values.rend());
  KMeans1D a = solveKMeans1D(values, {}, {37, true});
  EXPECT_EQ(a.centers, solveKMeans1D(values, {}, {37, true}).centers);
  // Without weights not even the order of the values counts.
  EXPECT_EQ(a.centers, solveKMeans1D(reversed, {}, {37, true}).centers);
}

} // namespace
