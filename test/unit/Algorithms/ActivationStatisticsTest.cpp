//===- ActivationStatisticsTest.cpp - reducers of activations -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ActivationStatistics.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <random>

using namespace mlir::compress;

namespace {

std::vector<float> makeValues(size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

/// Runs pieces from the last to the first.
void backwardsFor(size_t n, llvm::function_ref<void(size_t)> body) {
  for (size_t i = n; i > 0; --i)
    body(i - 1);
}

const ActivationReducer::Options everything{true, true, true, 2048};

TensorStatistics reduce(const ActivationView &view, ParallelFor parallelFor = serialFor) {
  ActivationReducer reducer(view.shape[view.channelDim], everything);
  llvm::cantFail(reducer.add(view, parallelFor));
  TensorStatistics entry;
  reducer.store(entry);
  return entry;
}

/// Calls `body` with the value and channel of each element.
template <typename Body>
void forEach(const ActivationView &view, Body body) {
  std::vector<int64_t> index(view.shape.size(), 0);
  for (int64_t n = view.getNumElements(); n > 0; --n) {
    int64_t offset = 0;
    for (size_t i = 0; i < index.size(); ++i)
      offset += index[i] * view.strides[i];
    body(view.data[offset], index[view.channelDim]);
    for (size_t i = index.size(); i > 0; --i) {
      if (++index[i - 1] < view.shape[i - 1])
        break;
      index[i - 1] = 0;
    }
  }
}

void expectCorrect(const ActivationView &view) {
  TensorStatistics entry = reduce(view);
  size_t channels = view.shape[view.channelDim];
  std::vector<float> low(channels, INFINITY), high(channels, -INFINITY);
  std::vector<double> sum(channels), sumAbs(channels), squares(channels);
  std::vector<float> finite;
  uint64_t nonFinite = 0;
  forEach(view, [&](float value, size_t c) {
    if (!std::isfinite(value)) {
      ++nonFinite;
      return;
    }
    finite.push_back(value);
    low[c] = std::min(low[c], value);
    high[c] = std::max(high[c], value);
    sum[c] += value;
    sumAbs[c] += std::fabs(value);
    squares[c] += static_cast<double>(value) * value;
  });
  EXPECT_EQ(entry.vectors, static_cast<uint64_t>(view.getNumElements()) / channels);
  EXPECT_EQ(entry.channels, static_cast<int64_t>(channels));
  EXPECT_EQ(entry.nonFinite, nonFinite);
  for (size_t c = 0; c < channels; ++c) {
    EXPECT_EQ(entry.min[c], low[c] > high[c] ? 0 : low[c]);
    EXPECT_EQ(entry.max[c], low[c] > high[c] ? 0 : high[c]);
    double scale = 1e-12 * (sumAbs[c] + 1);
    EXPECT_NEAR(entry.sum[c], sum[c], scale);
    EXPECT_NEAR(entry.sumAbs[c], sumAbs[c], scale);
    EXPECT_NEAR(entry.sumSquares[c], squares[c], 1e-12 * (squares[c] + 1));
  }
  StreamingHistogram histogram;
  histogram.add(finite.data(), finite.size());
  EXPECT_EQ(entry.histogram.counts, histogram.getData().counts);
  EXPECT_EQ(entry.histogram.low, histogram.getData().low);
  if (!finite.empty()) {
    EXPECT_EQ(entry.movingRange[0], *std::min_element(finite.begin(), finite.end()));
    EXPECT_EQ(entry.movingRange[1], *std::max_element(finite.begin(), finite.end()));
  }
  // Pieces in another order give the same bits.
  TensorStatistics other = reduce(view, backwardsFor);
  EXPECT_EQ(other.sum, entry.sum);
  EXPECT_EQ(other.sumAbs, entry.sumAbs);
  EXPECT_EQ(other.sumSquares, entry.sumSquares);
  EXPECT_EQ(other.min, entry.min);
  EXPECT_EQ(other.histogram.counts, entry.histogram.counts);
}

TEST(ActivationStatistics, ChannelAnywhere) {
  std::vector<float> values = makeValues(2 * 3 * 5 * 7);
  for (size_t dim = 0; dim < 4; ++dim)
    expectCorrect(ActivationView::getDense(values.data(), {2, 3, 5, 7}, dim));
  // Sizes of several pieces and runs, with ends that are not whole.
  values = makeValues(300 * 1000);
  expectCorrect(ActivationView::getDense(values.data(), {300, 1000}, 1));
  expectCorrect(ActivationView::getDense(values.data(), {300, 1000}, 0));
  expectCorrect(ActivationView::getDense(values.data(), {1, 3, 100, 1000}, 1));
  expectCorrect(ActivationView::getDense(values.data(), {300000}, 0));
  expectCorrect(ActivationView::getDense(values.data(), {150000, 2}, 1));
  expectCorrect(ActivationView::getDense(values.data(), {100, 1000, 3}, 1));
}

TEST(ActivationStatistics, Strided) {
  std::vector<float> values = makeValues(4 * 6 * 10 * 20);
  // A slice of every second row, transposed.
  expectCorrect({values.data(), {20, 3, 5, 4}, {1, 400, 40, 1200}, 1});
  expectCorrect({values.data(), {20, 3, 5, 4}, {1, 400, 40, 1200}, 3});
  expectCorrect({values.data(), {4, 20}, {1200, 3}, 1});
  // The same row again and again.
  expectCorrect({values.data(), {5, 6}, {0, 1}, 1});
}

TEST(ActivationStatistics, NonFinite) {
  std::vector<float> values = makeValues(20000);
  values[3] = NAN;
  values[777] = INFINITY;
  values[19999] = -INFINITY;
  expectCorrect(ActivationView::getDense(values.data(), {200, 100}, 1));
  expectCorrect(ActivationView::getDense(values.data(), {2, 10, 1000}, 1));
  std::fill(values.begin(), values.begin() + 1000, NAN);
  expectCorrect(ActivationView::getDense(values.data(), {2, 10, 1000}, 1));
  std::fill(values.begin(), values.end(), NAN);
  TensorStatistics entry = reduce(ActivationView::getDense(values.data(), {200, 100}, 1));
  EXPECT_EQ(entry.nonFinite, 20000u);
  EXPECT_EQ(entry.getMax(), 0);
  EXPECT_TRUE(entry.movingRange.empty());
  EXPECT_TRUE(entry.histogram.counts.empty());
}

TEST(ActivationStatistics, RunsAndMovingRange) {
  ActivationReducer reducer(1, everything);
  float runs[3][2] = {{-1, 2}, {0, 4}, {-3, 1}};
  for (float *run : runs)
    llvm::cantFail(reducer.add(ActivationView::getDense(run, {2, 1}, 1)));
  llvm::cantFail(reducer.add(ActivationView::getDense(nullptr, {0, 1}, 1)));
  TensorStatistics entry;
  reducer.store(entry);
  EXPECT_EQ(entry.runs, 4u);
  EXPECT_EQ(entry.vectors, 6u);
  EXPECT_EQ(entry.movingRange[0], static_cast<float>(0.9 * (0.9 * -1 + 0.1 * 0) + 0.1 * -3));
  EXPECT_EQ(entry.movingRange[1], static_cast<float>(0.9 * (0.9 * 2 + 0.1 * 4) + 0.1 * 1));
  EXPECT_EQ(entry.getMin(), -3);
  EXPECT_EQ(entry.getMax(), 4);
  EXPECT_EQ(entry.sum[0], 3);
}

TEST(ActivationStatistics, WrongChannels) {
  float values[6] = {};
  ActivationReducer reducer(3, {});
  EXPECT_EQ(llvm::toString(reducer.add(ActivationView::getDense(values, {3, 2}, 1))),
            "expects 3 channels, got 2");
  EXPECT_EQ(llvm::toString(reducer.add(ActivationView::getDense(values, {}, 0))),
            "expects a channel dim, got dim 0 of rank 0");
}

//===----------------------------------------------------------------------===//
// Gram matrices
//===----------------------------------------------------------------------===//

void expectNear(const std::vector<float> &matrix, const std::vector<double> &expected) {
  ASSERT_EQ(matrix.size(), expected.size());
  double largest = 0;
  for (double value : expected)
    largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < matrix.size(); ++i)
    ASSERT_NEAR(matrix[i], expected[i], 2e-6 * largest) << i;
}

TEST(ActivationStatistics, GramOfVectors) {
  constexpr int64_t n = 37, count = 5000;
  std::vector<float> x = makeValues(n * count), full = makeValues(n * count, 2);
  x[n * 17 + 3] = NAN;
  full[n * 40] = INFINITY;
  std::vector<double> gram(n * n), cross(n * n);
  for (int64_t v = 0; v < count; ++v) {
    if (v == 17 || v == 40)
      continue;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        gram[i * n + j] += static_cast<double>(x[v * n + i]) * x[v * n + j];
        cross[i * n + j] += (static_cast<double>(full[v * n + i]) - x[v * n + i]) * x[v * n + j];
      }
  }
  for (ParallelFor parallelFor : {ParallelFor(serialFor), ParallelFor(backwardsFor)}) {
    GramReducer reducer = llvm::cantFail(GramReducer::create(n, 1, 1, true, 1 << 20));
    ActivationView fullView = ActivationView::getDense(full.data(), {5, 1000, n}, 2);
    llvm::cantFail(reducer.addVectors(ActivationView::getDense(x.data(), {5, 1000, n}, 2),
                                      &fullView, parallelFor));
    TensorStatistics entry;
    std::move(reducer).store(entry);
    expectNear(entry.gram, gram);
    expectNear(entry.cross, cross);
    EXPECT_EQ(entry.gramVectors, 4998u);
    EXPECT_EQ(entry.features, n);
    EXPECT_EQ(entry.groups, 1);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < i; ++j)
        ASSERT_EQ(entry.gram[i * n + j], entry.gram[j * n + i]);
  }
  // The contraction is the first dim.
  GramReducer reducer = llvm::cantFail(GramReducer::create(n, 1, 1, false, 1 << 20));
  llvm::cantFail(reducer.addVectors({x.data(), {n, count}, {1, n}, 0}));
  TensorStatistics entry;
  std::move(reducer).store(entry);
  EXPECT_EQ(entry.gramVectors, 4999u);
}

/// Windows by their definition.
void expectConvolution(std::vector<int64_t> shape, const ConvWindows &windows,
                       const std::vector<float> &image, uint64_t expectedVectors) {
  int64_t channels = shape[1], perGroup = channels / windows.groups;
  int64_t kernel = windows.getKernelSize(), features = perGroup * kernel;
  int64_t h = shape[2], w = shape[3];
  auto getSize = [&](size_t i, int64_t size) {
    return (size + windows.padsBegin[i] + windows.padsEnd[i] -
            (windows.kernel[i] - 1) * windows.dilations[i] - 1) /
               windows.strides[i] +
           1;
  };
  std::vector<double> gram(windows.groups * features * features);
  uint64_t count = 0;
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t oy = 0; oy < getSize(0, h); ++oy)
      for (int64_t ox = 0; ox < getSize(1, w); ++ox) {
        std::vector<double> x;
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t ky = 0; ky < windows.kernel[0]; ++ky)
            for (int64_t kx = 0; kx < windows.kernel[1]; ++kx) {
              int64_t y =
                  oy * windows.strides[0] - windows.padsBegin[0] + ky * windows.dilations[0];
              int64_t z =
                  ox * windows.strides[1] - windows.padsBegin[1] + kx * windows.dilations[1];
              bool inside = y >= 0 && y < h && z >= 0 && z < w;
              x.push_back(inside ? image[((n * channels + c) * h + y) * w + z] : 0);
            }
        if (!std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); }))
          continue;
        ++count;
        for (int64_t g = 0; g < windows.groups; ++g)
          for (int64_t i = 0; i < features; ++i)
            for (int64_t j = 0; j < features; ++j)
              gram[(g * features + i) * features + j] += x[g * features + i] * x[g * features + j];
      }
  EXPECT_EQ(count, expectedVectors);
  GramReducer reducer =
      llvm::cantFail(GramReducer::create(channels, windows.groups, kernel, false, 1 << 24));
  llvm::cantFail(reducer.addWindows(ActivationView::getDense(image.data(), shape, 1), windows,
                                    nullptr, backwardsFor));
  TensorStatistics entry;
  std::move(reducer).store(entry);
  EXPECT_EQ(entry.gramVectors, count);
  EXPECT_EQ(entry.features, features);
  expectNear(entry.gram, gram);
}

TEST(ActivationStatistics, GramOfConvolutions) {
  std::vector<float> image = makeValues(2 * 6 * 9 * 11);
  expectConvolution({2, 6, 9, 11}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1}, image, 198);
  expectConvolution({2, 6, 9, 11}, {{3, 2}, {2, 3}, {2, 1}, {2, 0}, {1, 3}, 2}, image, 40);
  expectConvolution({2, 6, 9, 11}, {{2, 3}, {1, 1}, {1, 1}, {0, 0}, {-1, 0}, 6}, image, 126);
  expectConvolution({1, 6, 22, 9}, {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 3}, image, 198);
  image[50] = NAN; // Of channel 0.
  expectConvolution({2, 6, 9, 11}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 2}, image, 189);
}

TEST(ActivationStatistics, CrossOfConvolution) {
  std::vector<float> image = makeValues(2 * 4 * 5 * 5), full = makeValues(2 * 4 * 5 * 5, 3);
  ConvWindows windows{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 2};
  auto run = [&](const std::vector<float> &other) {
    GramReducer reducer = llvm::cantFail(GramReducer::create(4, 2, 9, true, 1 << 20));
    ActivationView view = ActivationView::getDense(other.data(), {2, 4, 5, 5}, 1);
    llvm::cantFail(reducer.addWindows(ActivationView::getDense(image.data(), {2, 4, 5, 5}, 1),
                                      windows, &view));
    TensorStatistics entry;
    std::move(reducer).store(entry);
    return entry;
  };
  for (float value : run(image).cross)
    EXPECT_EQ(value, 0);
  // Twice the image: the difference is the image.
  std::vector<float> twice = image;
  for (float &value : twice)
    value *= 2;
  TensorStatistics entry = run(twice);
  expectNear(entry.cross, std::vector<double>(entry.gram.begin(), entry.gram.end()));
  EXPECT_NE(run(full).cross, entry.cross);
}

TEST(ActivationStatistics, GramErrors) {
  auto getError = [](auto result) { return llvm::toString(result.takeError()); };
  EXPECT_EQ(getError(GramReducer::create(6, 4, 1, false, 1000)),
            "expects channels in whole groups and a kernel, got 6 channels, 4 groups, kernel "
            "size 1");
  EXPECT_EQ(getError(GramReducer::create(100, 1, 1, false, 39999)),
            "the Gram matrix of 100 features needs more than 39999 bytes");
  EXPECT_NE(getError(GramReducer::create(INT64_MAX / 2, 1, 9, false, UINT64_MAX)).find("more than"),
            std::string::npos);
  GramReducer reducer = llvm::cantFail(GramReducer::create(4, 1, 1, true, 1000));
  float x[8] = {};
  ActivationView view = ActivationView::getDense(x, {2, 4}, 1);
  EXPECT_EQ(llvm::toString(reducer.addVectors(ActivationView::getDense(x, {4, 2}, 1))),
            "expects 4 channels in one group");
  EXPECT_EQ(llvm::toString(reducer.addVectors(view)),
            "expects the activation of the uncompressed model, of the same shape");
  EXPECT_TRUE(llvm::errorToBool(reducer.addWindows(view, {{1}, {1}, {1}, {0}, {0}, 1}, &view)));
  // Sums that do not fit f32 give no matrix.
  GramReducer large = llvm::cantFail(GramReducer::create(1, 1, 1, false, 1000));
  float huge = 1e30f;
  llvm::cantFail(large.addVectors(ActivationView::getDense(&huge, {1, 1}, 1)));
  TensorStatistics entry;
  std::move(large).store(entry);
  EXPECT_TRUE(entry.gram.empty());
}

} // namespace
