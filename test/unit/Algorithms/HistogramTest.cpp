//===- HistogramTest.cpp - streaming histograms and their ranges ----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Histogram.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace mlir::compress;

namespace {

std::vector<float> makeGaussian(size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

HistogramData makeHistogram(const std::vector<float> &values, unsigned bins = 2048) {
  StreamingHistogram histogram(bins);
  histogram.add(values.data(), values.size());
  return histogram.getData();
}

FloatRange getSeen(const std::vector<float> &values) {
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

void expectSame(const HistogramData &a, const HistogramData &b) {
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_EQ(a.counts, b.counts);
}

TEST(Histogram, BinsArePowersOfTwo) {
  HistogramData data = makeHistogram({0, 0.5f, 1, 1.75f, 3}, 8);
  // Width 0.5: bins 0 to 6.
  EXPECT_EQ(data.low, 0);
  EXPECT_EQ(data.high, 3.5);
  EXPECT_EQ(data.counts, (std::vector<uint64_t>{1, 1, 1, 1, 0, 0, 1}));
  data = makeHistogram({-3, -0.25f, 0, 3}, 2);
  EXPECT_EQ(data.low, -4);
  EXPECT_EQ(data.high, 4);
  EXPECT_EQ(data.counts, (std::vector<uint64_t>{2, 2}));
}

TEST(Histogram, EmptyConstantAndSingle) {
  StreamingHistogram histogram;
  EXPECT_TRUE(histogram.getData().counts.empty());
  histogram.add(nullptr, 0);
  float bad[] = {NAN, INFINITY, -INFINITY};
  histogram.add(bad, 3);
  EXPECT_TRUE(histogram.empty());
  for (float value : {0.0f, -0.0f, 1.0f, -3.25f, 1e-45f, 3.4028235e38f, -3.4028235e38f}) {
    HistogramData data = makeHistogram({value, value, value});
    ASSERT_EQ(data.counts.size(), 1u) << value;
    EXPECT_EQ(data.counts[0], 3u);
    EXPECT_LE(data.low, value);
    EXPECT_GT(data.high, value);
    EXPECT_TRUE(std::isfinite(data.high));
    FloatRange seen{value, value};
    for (bool symmetric : {false, true}) {
      FloatRange ranges[] = {getPercentileRange(data, seen, 99.9, symmetric),
                             getEntropyRange(data, seen, {8, symmetric}),
                             getMseRange(data, seen, {8, symmetric})};
      for (FloatRange range : ranges) {
        EXPECT_LE(std::fabs(range.low), std::fabs(value));
        EXPECT_LE(std::fabs(range.high), std::fabs(value));
        EXPECT_LE(range.low, range.high);
        // The one value there is lies at an end, to within its bin.
        EXPECT_NEAR(std::max(std::fabs(range.low), std::fabs(range.high)), std::fabs(value),
                    1e-6 * std::fabs(value));
      }
    }
  }
  // Nothing was counted: what is known otherwise.
  EXPECT_EQ(getPercentileRange({}, {-1, 2}, 99, false).high, 2);
  EXPECT_EQ(getEntropyRange({}, {-1, 2}, {8, true}).low, -2);
  EXPECT_EQ(getMseRange({}, {0, 0}, {8, true}).high, 0);
}

TEST(Histogram, DoesNotDependOnOrderOrBatches) {
  std::vector<float> values = makeGaussian(20000);
  for (size_t i = 0; i < values.size(); i += 100)
    values[i] *= std::ldexp(1.0f, i / 100 % 40 - 30);
  values.push_back(NAN);
  HistogramData whole = makeHistogram(values);
  EXPECT_LE(whole.counts.size(), 2048u);
  EXPECT_GE(whole.counts.size(), 1024u);
  EXPECT_EQ(std::accumulate(whole.counts.begin(), whole.counts.end(), uint64_t(0)), 20000u);
  std::mt19937 random(7);
  for (int trial = 0; trial < 5; ++trial) {
    std::shuffle(values.begin(), values.end(), random);
    StreamingHistogram parts, other;
    for (size_t i = 0; i < values.size();) {
      size_t size = std::min<size_t>(values.size() - i, random() % 3000 + 1);
      (trial % 2 && i > 5000 ? other : parts).add(values.data() + i, size);
      i += size;
    }
    parts.add(other);
    expectSame(parts.getData(), whole);
  }
  // One by one, from the smallest magnitude on: the range grows again and again.
  std::sort(values.begin(), values.end(),
            [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  StreamingHistogram single;
  for (size_t i = 0; i < values.size(); ++i)
    single.add(&values[i], 1);
  EXPECT_EQ(single.getTotal(), 20000u);
}

TEST(Histogram, SortedOneByOne) {
  std::vector<float> values = makeGaussian(3000);
  HistogramData whole = makeHistogram(values);
  std::sort(values.begin(), values.end());
  StreamingHistogram single;
  for (float value : values)
    single.add(&value, 1);
  expectSame(single.getData(), whole);
}

TEST(Histogram, CountsExactly) {
  std::vector<float> values = makeGaussian(700001);
  HistogramData data = makeHistogram(values);
  double width = (data.high - data.low) / data.counts.size();
  std::vector<uint64_t> expected(data.counts.size(), 0);
  for (float value : values)
    ++expected[static_cast<size_t>(std::floor((value - data.low) / width))];
  EXPECT_EQ(data.counts, expected);
  // Pieces in another order.
  StreamingHistogram backwards;
  backwards.add(values.data(), values.size(), [](size_t n, auto body) {
    for (size_t i = n; i > 0; --i)
      body(i - 1);
  });
  expectSame(backwards.getData(), data);
}

TEST(Histogram, Percentiles) {
  std::vector<float> values(100000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i) / 100000 * 2 - 1; // Uniform in [-1, 1).
  HistogramData data = makeHistogram(values);
  FloatRange seen = getSeen(values);
  FloatRange range = getPercentileRange(data, seen, 90, false);
  EXPECT_NEAR(range.low, -0.9, 1e-3);
  EXPECT_NEAR(range.high, 0.9, 1e-3);
  range = getPercentileRange(data, seen, 90, true);
  EXPECT_NEAR(range.high, 0.9, 1e-3);
  EXPECT_EQ(range.low, -range.high);
  range = getPercentileRange(data, seen, 100, false);
  EXPECT_EQ(range.low, seen.low);
  EXPECT_EQ(range.high, seen.high);
  // Outliers beyond the percentile do not count; below it they do.
  values = makeGaussian(1000000);
  for (size_t i = 0; i < 50; ++i)
    values[i] = 1000;
  data = makeHistogram(values);
  seen = getSeen(values);
  double width = (data.high - data.low) / data.counts.size();
  EXPECT_NEAR(getPercentileRange(data, seen, 99.9, true).high, 3.29, width);
  EXPECT_NEAR(getPercentileRange(data, seen, 99.999, true).high, 1000, width);
  EXPECT_EQ(getPercentileRange(data, seen, 99.999, true).high, 1000);
}

TEST(Histogram, SquaredErrorIsExactForUniformBins) {
  // One bin [0, 1), step 0.25, grid 0 to 1: the mean squared error is step^2 / 12.
  HistogramData data{0, 1, {1}};
  EXPECT_NEAR(getSquaredError(data, 0.25, 0, 4), 0.25 * 0.25 / 12, 1e-15);
  // Clipped at 0.5: half of the values have the rounding error, the others (x - 0.5)^2.
  EXPECT_NEAR(getSquaredError(data, 0.25, 0, 2), 0.5 * 0.25 * 0.25 / 12 + 0.5 * 0.5 * 0.5 / 3,
              1e-15);
  EXPECT_NEAR(getSquaredError({-1, 0, {3}}, 0.25, 0, 2), 3 * 1.0 / 3, 1e-15);
  // Against the values themselves.
  std::vector<float> values = makeGaussian(200000);
  data = makeHistogram(values);
  for (double step : {0.5, 0.1, 0.031, 0.02}) {
    double error = 0;
    for (float value : values) {
      double code = std::clamp(std::nearbyint(value / step), -100.0, 90.0);
      error += (value - code * step) * (value - code * step);
    }
    EXPECT_NEAR(getSquaredError(data, step, -100, 90) / error, 1, 0.01) << step;
  }
}

TEST(Histogram, MseOfGaussian) {
  // Max 1960: the best uniform mid-rise quantizers clip at 1.0 (2 bits) to 3.9 sigma (8 bits: step
  // 0.030762, MSE 8.769e-5). Ours are mid-tread with one code less.
  std::vector<float> values = makeGaussian(1000000);
  HistogramData data = makeHistogram(values);
  FloatRange seen = getSeen(values);
  FloatRange range = getMseRange(data, seen, {8, true});
  EXPECT_NEAR(range.high, 0.030762 * 128, 0.15);
  double step = range.high / 127;
  EXPECT_NEAR(getSquaredError(data, step, -127, 127) / values.size(), 8.769e-5, 3e-6);
  range = getMseRange(data, seen, {4, true});
  EXPECT_NEAR(range.high, 0.335201 * 7.5, 0.25);
  // No worse than any threshold of a fine search.
  double best = getSquaredError(data, range.high / 7, -7, 7);
  for (double threshold = 0.5; threshold < seen.high; threshold *= 1.003)
    EXPECT_LE(best, 1.001 * getSquaredError(data, threshold / 7, -7, 7));
}

TEST(Histogram, MseOfUniformKeepsEverything) {
  std::vector<float> values(1 << 17);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i) / values.size();
  HistogramData data = makeHistogram(values);
  FloatRange range = getMseRange(data, getSeen(values), {8, false});
  EXPECT_EQ(range.low, 0);
  EXPECT_NEAR(range.high, 1, 0.005);
}

TEST(Histogram, EntropyClipsOutliersAndKeepsUniform) {
  std::vector<float> values = makeGaussian(1000000);
  for (size_t i = 0; i < 3; ++i)
    values[i] = i == 1 ? -30 : 40;
  HistogramData data = makeHistogram(values);
  FloatRange seen = getSeen(values);
  for (bool symmetric : {true, false}) {
    FloatRange range = getEntropyRange(data, seen, {8, symmetric});
    EXPECT_GT(range.high, 3.9) << symmetric;
    EXPECT_LT(range.high, 20) << symmetric;
    EXPECT_NEAR(range.low, -range.high, 1e-12) << symmetric;
    range = getMseRange(data, seen, {8, symmetric});
    double codes = symmetric ? 127 : 127.5, best = INFINITY;
    auto getError = [&](double threshold) {
      return getSquaredError(data, threshold / codes, symmetric ? -127 : -128, 127);
    };
    for (double threshold = 1; threshold < 40; threshold *= 1.003)
      best = std::min(best, getError(threshold));
    EXPECT_LT(range.high, 20) << symmetric;
    EXPECT_LE(getError(range.high), 1.001 * best) << symmetric;
  }
  // Uniform magnitudes: any clipping makes the divergence larger.
  std::vector<float> uniform(1 << 16);
  for (size_t i = 0; i < uniform.size(); ++i)
    uniform[i] = (static_cast<float>(i) + 0.5f) / 32768 - 1;
  data = makeHistogram(uniform);
  FloatRange range = getEntropyRange(data, getSeen(uniform), {8, true});
  EXPECT_NEAR(range.high, 1, 0.01);
  // Values of one sign keep zero as their end.
  for (float &value : values)
    value = std::fabs(value);
  range = getEntropyRange(makeHistogram(values), getSeen(values), {8, false});
  EXPECT_LT(range.low, 1e-3);
  EXPECT_GT(range.high, 3.9);
  EXPECT_LT(range.high, 20);
}

/// The definition, without prefix sums.
double naiveDivergence(const std::vector<uint64_t> &counts, size_t reach, size_t levels) {
  std::vector<double> p(counts.begin(), counts.begin() + reach), q(reach, 0);
  for (size_t i = reach; i < counts.size(); ++i)
    p[reach - 1] += counts[i];
  for (size_t level = 0; level < levels; ++level) {
    size_t begin = level * reach / levels, end = (level + 1) * reach / levels;
    double count = 0, filled = 0;
    for (size_t i = begin; i < end; ++i) {
      count += counts[i];
      filled += p[i] != 0;
    }
    for (size_t i = begin; i < end; ++i)
      if (p[i] != 0)
        q[i] = count ? count / filled : 1e-4;
  }
  double sumP = std::accumulate(p.begin(), p.end(), 0.0);
  double sumQ = std::accumulate(q.begin(), q.end(), 0.0), result = 0;
  for (size_t i = 0; i < reach; ++i)
    if (p[i] != 0)
      result += p[i] / sumP * std::log(p[i] / sumP / (q[i] / sumQ));
  return result;
}

TEST(Histogram, EntropyIsTheNaiveMinimum) {
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::mt19937 random(seed);
    HistogramData data{0, 512, std::vector<uint64_t>(512)};
    for (size_t i = 0; i < 512; ++i)
      data.counts[i] = random() % 4 ? random() % 1000 * (512 - i) / (i * i / 64 + 1) : 0;
    data.counts[511] = 1;
    size_t best = 512;
    double least = INFINITY;
    std::vector<uint64_t> counts = data.counts;
    counts[0] = counts[1]; // Zero is exact.
    for (size_t reach = 512; reach >= 128; --reach)
      if (double value = naiveDivergence(counts, reach, 128); value < least - 1e-12) {
        least = value;
        best = reach;
      }
    FloatRange range = getEntropyRange(data, {0, 511.5}, {8, true});
    if (best < 512)
      EXPECT_NEAR(range.high, best, 1e-9) << seed;
    else
      EXPECT_EQ(range.high, 511.5);
  }
}

TEST(Histogram, RangesFarFromZero) {
  std::vector<float> values = makeGaussian(10000);
  for (float &value : values)
    value = 1000 + value / 100;
  HistogramData data = makeHistogram(values);
  FloatRange seen = getSeen(values);
  for (bool symmetric : {false, true})
    for (FloatRange range :
         {getPercentileRange(data, seen, 99.9, symmetric),
          getEntropyRange(data, seen, {8, symmetric}), getMseRange(data, seen, {8, symmetric})}) {
      EXPECT_GT(range.high, 990);
      EXPECT_LE(range.high, seen.high);
    }
}

} // namespace
