//===- HadamardTest.cpp - Hadamard matrices and rotations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Hadamard.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::compress;

namespace {

std::vector<double> makeNormal(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double &value : values)
    value = normal(random);
  return values;
}

/// Largest |(Q Q^T - I)_ij|.
double getOrthogonalityError(const Rotation &rotation) {
  int64_t n = rotation.getSize();
  double worst = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = i == j ? -1 : 0;
      for (int64_t k = 0; k < n; ++k)
        sum += rotation.getEntry(i, k) * rotation.getEntry(j, k);
      worst = std::max(worst, std::fabs(sum));
    }
  return worst;
}

TEST(Hadamard, RowsAreOrthogonal) {
  // 12, 20, 24, 44: Paley I; 28: Paley II with q = 13; 36: II with q = 17; 76: II with q = 37.
  for (int64_t n : {1, 2, 4, 8, 12, 20, 24, 28, 36, 40, 44, 48, 56, 60, 64, 76, 80, 96, 192, 384}) {
    std::optional<HadamardMatrix> matrix = getHadamard(n);
    ASSERT_TRUE(matrix) << n;
    ASSERT_EQ(matrix->getSize(), n);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        int sum = 0;
        for (int64_t k = 0; k < n; ++k) {
          ASSERT_EQ(std::abs(matrix->getEntry(i, k)), 1);
          sum += matrix->getEntry(i, k) * matrix->getEntry(j, k);
        }
        ASSERT_EQ(sum, i == j ? n : 0) << n << ": " << i << ", " << j;
      }
  }
}

TEST(Hadamard, SmallestBase) {
  EXPECT_EQ(getHadamard(64)->baseSize, 1);
  EXPECT_EQ(getHadamard(384)->baseSize, 12);
  EXPECT_EQ(getHadamard(4544)->baseSize, 284);
  EXPECT_EQ(getHadamard(5120)->baseSize, 20);
}

TEST(Hadamard, UnknownSizes) {
  // 52 and 100 need a field of prime power, 92 a construction of Williamson.
  for (int64_t n : {-4, 0, 3, 6, 10, 14, 52, 92, 100, 172, (1 << 24) + 4})
    EXPECT_FALSE(getHadamard(n)) << n;
  EXPECT_FALSE(Rotation::getHadamard(6));
  EXPECT_FALSE(Rotation::getRandomizedHadamard(172, 0));
  EXPECT_FALSE(Rotation::getRandomOrthogonal(0, 0));
  EXPECT_FALSE(Rotation::getRandomOrthogonal(Rotation::maxDenseSize + 1, 0));
}

TEST(Hadamard, LargestDivisor) {
  EXPECT_EQ(getLargestHadamardDivisor(172), 4);
  EXPECT_EQ(getLargestHadamardDivisor(11008), 256);
  EXPECT_EQ(getLargestHadamardDivisor(384), 384);
  EXPECT_EQ(getLargestHadamardDivisor(14336), 14336); // 2^9 * 28
  EXPECT_EQ(getLargestHadamardDivisor(7), 1);
  EXPECT_EQ(getLargestHadamardDivisor(36 * 5), 180); // 2 (89 + 1)
  EXPECT_EQ(getLargestHadamardDivisor(0), 0);
  EXPECT_EQ(getLargestHadamardDivisor(-8), 0);
}

TEST(Hadamard, SmallProducts) {
  std::vector<double> values{1, 2, 3, 4}, scratch(4);
  multiplyByHadamard(*getHadamard(4), values.data(), 1, scratch.data());
  EXPECT_EQ(values, (std::vector<double>{10, -2, -4, 0}));
}

TEST(Hadamard, ProductIsThatOfEntries) {
  for (int64_t n : {4, 12, 48, 56, 128}) {
    std::optional<Rotation> hadamard = Rotation::getRandomizedHadamard(n, 3),
                            dense = Rotation::getRandomOrthogonal(n, 3);
    for (const Rotation *rotation : {&*hadamard, &*dense}) {
      constexpr unsigned lanes = 3;
      std::vector<double> values = makeNormal(n * lanes, n), before = values, scratch(n * lanes);
      rotation->apply(values.data(), lanes, scratch.data());
      for (unsigned lane = 0; lane < lanes; ++lane)
        for (int64_t j = 0; j < n; ++j) {
          double sum = 0;
          for (int64_t i = 0; i < n; ++i)
            sum += before[i * lanes + lane] * rotation->getEntry(i, j);
          ASSERT_NEAR(values[j * lanes + lane], sum, 1e-12);
        }
    }
  }
}

TEST(Hadamard, RotationsAreOrthogonal) {
  for (int64_t n : {1, 2, 12, 28, 64}) {
    EXPECT_LT(getOrthogonalityError(*Rotation::getHadamard(n)), 1e-13) << n;
    EXPECT_LT(getOrthogonalityError(*Rotation::getRandomizedHadamard(n, 7)), 1e-13) << n;
  }
  for (int64_t n : {1, 2, 7, 100})
    EXPECT_LT(getOrthogonalityError(*Rotation::getRandomOrthogonal(n, 7)), 1e-13) << n;
}

TEST(Hadamard, SylvesterIsAnInvolution) {
  std::optional<Rotation> rotation = Rotation::getHadamard(64);
  std::vector<double> values = makeNormal(64, 1), before = values, scratch(64);
  rotation->apply(values.data(), 1, scratch.data());
  EXPECT_NE(values, before);
  rotation->apply(values.data(), 1, scratch.data());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], before[i], 1e-14);
}

TEST(Hadamard, SeedsDecide) {
  auto row = [](const Rotation &rotation) {
    std::vector<double> entries;
    for (int64_t i = 0; i < rotation.getSize(); ++i)
      entries.push_back(rotation.getEntry(i, 0));
    return entries;
  };
  for (auto make : {&Rotation::getRandomizedHadamard, &Rotation::getRandomOrthogonal}) {
    EXPECT_EQ(row(*make(48, 5)), row(*make(48, 5)));
    EXPECT_NE(row(*make(48, 5)), row(*make(48, 6)));
  }
  // The generator is fixed: signs of seed 0, which is splitmix64's published sequence.
  std::vector<double> signs = row(*Rotation::getRandomizedHadamard(4, 0));
  EXPECT_EQ(signs, (std::vector<double>{-0.5, 0.5, 0.5, -0.5}));
}

TEST(Hadamard, RotatesAnyDimInBlocks) {
  std::optional<Rotation> rotation = Rotation::getRandomizedHadamard(12, 1);
  for (BlockView view : {BlockView{1, 24, 1}, BlockView{5, 12, 7}, BlockView{3, 36, 5}}) {
    std::vector<double> values = makeNormal(view.getNumElements(), 2), before = values, serial;
    rotateAlongK(*rotation, view, values.data());
    auto backwards = [](size_t n, llvm::function_ref<void(size_t)> body) {
      while (n)
        body(--n);
    };
    serial = before;
    rotateAlongK(*rotation, view, serial.data(), backwards);
    EXPECT_EQ(values, serial);
    double squares = 0, squaresBefore = 0;
    for (uint64_t o = 0; o < view.outer; ++o)
      for (uint64_t k = 0; k < view.k; ++k)
        for (uint64_t i = 0; i < view.inner; ++i) {
          uint64_t block = k / 12 * 12;
          double sum = 0;
          for (uint64_t j = 0; j < 12; ++j)
            sum += before[(o * view.k + block + j) * view.inner + i] *
                   rotation->getEntry(j, k - block);
          uint64_t at = (o * view.k + k) * view.inner + i;
          ASSERT_NEAR(values[at], sum, 1e-12);
          squares += values[at] * values[at];
          squaresBefore += before[at] * before[at];
        }
    EXPECT_NEAR(squares / squaresBefore, 1, 1e-12);
  }
}

TEST(Hadamard, Centers) {
  std::vector<double> values{1, 10, 3, 30, 8, 80};
  centerAlongK({1, 3, 2}, values.data());
  EXPECT_EQ(values, (std::vector<double>{-3, -30, -1, -10, 4, 40}));
}

TEST(Hadamard, Kurtosis) {
  EXPECT_EQ(getKurtosis({}), 0);
  EXPECT_EQ(getKurtosis({2, 2}), 0);
  EXPECT_DOUBLE_EQ(getKurtosis({-1, 1}), 1);
  EXPECT_NEAR(getKurtosis(makeNormal(200000, 4)), 3, 0.05);
}

//===----------------------------------------------------------------------===//
// The numbers of algorithms: norms commute, outliers disappear
//===----------------------------------------------------------------------===//

TEST(Hadamard, RmsNormCommutes) {
  constexpr int64_t n = 96;
  auto norm = [](std::vector<double> x) {
    double sum = 0;
    for (double v : x)
      sum += v * v;
    for (double &v : x)
      v /= std::sqrt(sum / n + 1e-6);
    return x;
  };
  std::optional<Rotation> rotation = Rotation::getRandomizedHadamard(n, 2);
  std::vector<double> x = makeNormal(n, 8), scratch(n), first = x, second = norm(x);
  rotation->apply(first.data(), 1, scratch.data());
  first = norm(first);
  rotation->apply(second.data(), 1, scratch.data());
  for (int64_t i = 0; i < n; ++i)
    EXPECT_NEAR(first[i], second[i], 1e-14);
}

/// Rounds every row of `columns` values to 4 bits, symmetric: 7 steps to the largest magnitude.
std::vector<double> roundRows(std::vector<double> values, int64_t columns) {
  for (size_t first = 0; first < values.size(); first += columns) {
    double largest = 0;
    for (int64_t i = 0; i < columns; ++i)
      largest = std::max(largest, std::fabs(values[first + i]));
    for (int64_t i = 0; i < columns; ++i)
      values[first + i] = std::nearbyint(values[first + i] / (largest / 7)) * (largest / 7);
  }
  return values;
}

/// ||X_q W_q^T - X W^T||^2 / ||X W^T||^2.
double getW4A4Error(const std::vector<double> &x, const std::vector<double> &w, int64_t n) {
  std::vector<double> xq = roundRows(x, n), wq = roundRows(w, n);
  double error = 0, total = 0;
  for (size_t row = 0; row < x.size(); row += n)
    for (size_t out = 0; out < w.size(); out += n) {
      double exact = 0, rounded = 0;
      for (int64_t i = 0; i < n; ++i) {
        exact += x[row + i] * w[out + i];
        rounded += xq[row + i] * wq[out + i];
      }
      error += (exact - rounded) * (exact - rounded);
      total += exact * exact;
    }
  return error / total;
}

TEST(Hadamard, W4A4WithOutliers) {
  // 128 channels, two of them 50 times as large: error .0378 -> .0197, kurtosis 172 -> 3.0.
  constexpr int64_t n = 128, rows = 512, outputs = 64, trials = 6;
  double before = 0, after = 0, kurtosisBefore = 0, kurtosisAfter = 0;
  for (unsigned seed = 0; seed < trials; ++seed) {
    std::vector<double> x = makeNormal(rows * n, seed), w = makeNormal(outputs * n, 100 + seed);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t channel : {17, 90})
        x[row * n + channel] *= 50;
    before += getW4A4Error(x, w, n) / trials;
    kurtosisBefore += getKurtosis(x) / trials;
    std::optional<Rotation> rotation = Rotation::getRandomizedHadamard(n, seed);
    rotateAlongK(*rotation, {rows, n, 1}, x.data());
    rotateAlongK(*rotation, {outputs, n, 1}, w.data());
    after += getW4A4Error(x, w, n) / trials;
    kurtosisAfter += getKurtosis(x) / trials;
  }
  EXPECT_NEAR(before, .0378, .2 * .0378);
  EXPECT_NEAR(after, .0197, .2 * .0197);
  EXPECT_NEAR(kurtosisBefore, 172, .2 * 172);
  EXPECT_NEAR(kurtosisAfter, 3.0, .15);
}

} // namespace
