//===- PrincipalComponentsTest.cpp - directions of most variance ----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/PrincipalComponents.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir::compress;

namespace {

/// Row-major matrix of normal numbers.
std::vector<double> makeNormal(size_t count, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double &value : values)
    value = normal(engine);
  return values;
}

/// Vectors [vectors, size] with channels that depend on each other and have different sizes.
std::vector<double> makeVectors(size_t vectors, size_t size, unsigned seed) {
  std::vector<double> raw = makeNormal(vectors * size, seed),
                      mix = makeNormal(size * size, seed + 1), x(vectors * size, 0.0);
  for (size_t v = 0; v < vectors; ++v)
    for (size_t i = 0; i < size; ++i)
      for (size_t k = 0; k < size; ++k)
        x[v * size + i] += raw[v * size + k] * mix[k * size + i] / static_cast<double>(k + 1);
  return x;
}

std::vector<double> getGram(const std::vector<double> &x, size_t size) {
  std::vector<double> gram(size * size, 0.0);
  for (size_t v = 0; v < x.size() / size; ++v)
    for (size_t i = 0; i < size; ++i)
      for (size_t j = 0; j < size; ++j)
        gram[i * size + j] += x[v * size + i] * x[v * size + j];
  return gram;
}

PrincipalComponents getComponents(const std::vector<double> &gram, int64_t size, int64_t count) {
  llvm::Expected<PrincipalComponents> result = getPrincipalComponents(gram, size, count);
  EXPECT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
  return result ? std::move(*result) : PrincipalComponents();
}

/// Sum of ||x - x Q Q^T||^2.
double getError(const std::vector<double> &x, const PrincipalComponents &components) {
  double error = 0;
  int64_t size = components.size, count = components.count;
  for (size_t v = 0; v < x.size() / size; ++v) {
    std::vector<double> left(x.begin() + v * size, x.begin() + (v + 1) * size);
    for (int64_t c = 0; c < count; ++c) {
      double along = 0;
      for (int64_t i = 0; i < size; ++i)
        along += x[v * size + i] * components.basis[i * count + c];
      for (int64_t i = 0; i < size; ++i)
        left[i] -= along * components.basis[i * count + c];
    }
    for (double value : left)
      error += value * value;
  }
  return error;
}

TEST(PrincipalComponents, TailEigenvaluesAreTheError) {
  constexpr int64_t size = 24;
  std::vector<double> x = makeVectors(100, size, 1), gram = getGram(x, size);
  double last = INFINITY;
  for (int64_t count : {1, 7, 12, 23, 24}) {
    PrincipalComponents components = getComponents(gram, size, count);
    double error = getError(x, components);
    EXPECT_NEAR(components.getLostEnergy() / components.getEnergy(), error / components.getEnergy(),
                1e-12)
        << count;
    EXPECT_LT(error, last);
    last = error;
  }
  double energy = 0;
  for (double value : x)
    energy += value * value;
  EXPECT_NEAR(getComponents(gram, size, 5).getEnergy(), energy, 1e-9 * energy);
  EXPECT_LT(last, 1e-20 * energy);
}

TEST(PrincipalComponents, NoOtherDirectionsLoseLess) {
  constexpr int64_t size = 12, count = 5;
  std::vector<double> x = makeVectors(60, size, 3);
  PrincipalComponents best = getComponents(getGram(x, size), size, count);
  double least = getError(x, best);
  // Principal components of other vectors are orthonormal directions, too.
  for (unsigned seed = 10; seed < 40; ++seed) {
    PrincipalComponents other =
        getComponents(getGram(makeVectors(60, size, seed), size), size, count);
    EXPECT_GT(getError(x, other), least);
  }
}

TEST(PrincipalComponents, OrthonormalInDescendingOrder) {
  constexpr int64_t size = 9, count = 6;
  PrincipalComponents components =
      getComponents(getGram(makeVectors(40, size, 5), size), size, count);
  for (int64_t a = 0; a < count; ++a)
    for (int64_t b = 0; b < count; ++b) {
      double product = 0;
      for (int64_t i = 0; i < size; ++i)
        product += components.basis[i * count + a] * components.basis[i * count + b];
      EXPECT_NEAR(product, a == b, 1e-12);
    }
  for (int64_t i = 1; i < size; ++i)
    EXPECT_GE(components.eigenvalues[i - 1], components.eigenvalues[i]);
}

TEST(PrincipalComponents, KnownMatrix) {
  // Eigenvalues 3 of (1, 1) and 1 of (1, -1).
  PrincipalComponents components = getComponents({2, 1, 1, 2}, 2, 1);
  EXPECT_NEAR(components.basis[0], std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(components.basis[1], std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(components.getLostEnergy(), 1, 1e-12);
  EXPECT_NEAR(components.getEnergy(), 4, 1e-12);
}

TEST(PrincipalComponents, RefusesBadInput) {
  for (auto [size, count] : {std::pair(2, 0), {2, 3}, {3, 1}, {0, 0}, {-2, 1}}) {
    llvm::Expected<PrincipalComponents> result =
        getPrincipalComponents({2.0, 1.0, 1.0, 2.0}, size, count);
    EXPECT_FALSE(static_cast<bool>(result)) << size;
    llvm::consumeError(result.takeError());
  }
  llvm::Expected<PrincipalComponents> result = getPrincipalComponents({2.0, 1.0, 1.0, NAN}, 2, 1);
  ASSERT_FALSE(static_cast<bool>(result));
  EXPECT_EQ(llvm::toString(result.takeError()), "element 3 of a Gram matrix is not finite");
}

TEST(PrincipalComponents, UndoesScaleAndBias) {
  constexpr size_t size = 6, vectors = 50;
  std::vector<double> x = makeVectors(vectors, size, 7);
  std::vector<double> scale = {1, 2, -0.5, 3, 0.25, 1}, bias = {0, 1, -2, 0.5, 0, 3};
  std::vector<double> y(x), sum(size, 0.0);
  for (size_t i = 0; i < y.size(); ++i) {
    y[i] = x[i] * scale[i % size] + bias[i % size];
    sum[i % size] += y[i];
  }
  std::vector<double> of = getGram(y, size), expected = getGram(x, size);
  std::vector<float> gram(of.begin(), of.end());
  llvm::Expected<std::vector<double>> result = getUnscaledGram(gram, sum, vectors, {scale, bias});
  ASSERT_TRUE(static_cast<bool>(result));
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR((*result)[i], expected[i], 1e-2) << i;

  llvm::Expected<std::vector<double>> noSums = getUnscaledGram(gram, {}, vectors, {scale, bias});
  ASSERT_FALSE(static_cast<bool>(noSums));
  EXPECT_EQ(llvm::toString(noSums.takeError()), "expects a Gram matrix of [6, 6] and a sum per "
                                                "channel, got 36 elements and 0 sums");
}

TEST(PrincipalComponents, ChannelsWithoutScaleShareWhatIsMissing) {
  // 4 vectors with a mean square of 1 over 4 channels have 16; channels 0 and 2 have 4 and 2.
  std::vector<float> gram = {16, 0, 2, 0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0};
  std::vector<double> scale = {2, 0, 1, 0};
  llvm::Expected<std::vector<double>> result = getUnscaledGram(gram, {}, 4, {scale, {}});
  ASSERT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(*result, (std::vector<double>{4, 0, 1, 0, 0, 5, 0, 0, 1, 0, 2, 0, 0, 0, 0, 5}));
}

TEST(PrincipalComponents, SlicedSizes) {
  EXPECT_EQ(getSlicedSize(128, 0.25, 1), 96);
  EXPECT_EQ(getSlicedSize(128, 0.3, 1), 89);
  EXPECT_EQ(getSlicedSize(128, 0.3, 8), 88);
  EXPECT_EQ(getSlicedSize(10, 0.9, 1), 1);
  EXPECT_EQ(getSlicedSize(10, 0.1, 1), 9);
  EXPECT_EQ(getSlicedSize(10, 0.95, 1), 1);
  EXPECT_EQ(getSlicedSize(10, 0.5, 8), 1);
  EXPECT_EQ(getSlicedSize(10, 0, 1), 10);
}

TEST(PrincipalComponents, Projects) {
  // [2, 3, 2] along its middle dim: v -> (v0 + v2, 2 v1).
  std::vector<double> values(12), basis = {1, 0, 0, 2, 1, 0};
  for (size_t i = 0; i < 12; ++i)
    values[i] = static_cast<double>(i);
  EXPECT_EQ(projectAlongK(basis, 2, {2, 3, 2}, values),
            (std::vector<double>{4, 6, 4, 6, 16, 18, 16, 18}));
  EXPECT_EQ(projectAlongK(basis, 2, {2, 3, 1}, llvm::ArrayRef(values).take_front(6)),
            (std::vector<double>{2, 2, 8, 8}));
}

TEST(PrincipalComponents, ChangeOfBasisKeepsVectorsOfBoth) {
  constexpr int64_t size = 8;
  PrincipalComponents from = getComponents(getGram(makeVectors(30, size, 11), size), size, size);
  PrincipalComponents to = getComponents(getGram(makeVectors(30, size, 12), size), size, 5);
  std::vector<double> change = getChangeOfBasis(from, to), x = makeNormal(size, 13);
  ASSERT_EQ(change.size(), 40u);
  std::vector<double> direct = projectAlongK(to.basis, 5, {1, size, 1}, x);
  std::vector<double> through =
      projectAlongK(change, 5, {1, size, 1}, projectAlongK(from.basis, size, {1, size, 1}, x));
  for (size_t i = 0; i < 5; ++i)
    EXPECT_NEAR(direct[i], through[i], 1e-12);
}

} // namespace
