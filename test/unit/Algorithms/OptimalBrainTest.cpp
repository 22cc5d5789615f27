//===- OptimalBrainTest.cpp - exact second-order pruning ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/OptimalBrain.h"
#include "PruningLayer.h"
#include "compress/Algorithms/SparseGpt.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>
#include <numeric>

using namespace mlir::compress;

namespace {

template <typename T>
std::string getMessage(llvm::Expected<T> result) {
  return result ? std::string("no error") : llvm::toString(result.takeError());
}

std::vector<float> unwrap(llvm::Expected<std::vector<float>> result) {
  if (result)
    return std::move(*result);
  ADD_FAILURE() << llvm::toString(result.takeError());
  return {};
}

/// H + damping * mean(diag) and its inverse.
std::vector<double> getDamped(const PruningLayer &layer, double damping) {
  std::vector<double> matrix(layer.gram.begin(), layer.gram.end());
  for (size_t i = 0; i < layer.columns; ++i)
    matrix[i * layer.columns + i] += damping * layer.getMeanDiagonal();
  return matrix;
}
std::vector<double> getInverse(std::vector<double> matrix, size_t n) {
  EXPECT_FALSE(bool(cholesky(matrix.data(), n)));
  EXPECT_FALSE(bool(invertFromCholesky(matrix.data(), n)));
  return matrix;
}

/// The row that is 0 where `mask` is and has the least error, by Gaussian elimination.
std::vector<double> solveRow(const std::vector<double> &h, const float *weight, const uint8_t *mask,
                             size_t n) {
  std::vector<size_t> kept;
  for (size_t j = 0; j < n; ++j)
    if (mask[j])
      kept.push_back(j);
  size_t k = kept.size();
  std::vector<double> a(k * (k + 1));
  for (size_t i = 0; i < k; ++i) {
    double *row = &a[i * (k + 1)];
    for (size_t j = 0; j < k; ++j)
      row[j] = h[kept[i] * n + kept[j]];
    for (size_t j = 0; j < n; ++j)
      row[k] += h[kept[i] * n + j] * weight[j];
  }
  for (size_t p = 0; p < k; ++p)
    for (size_t i = 0; i < k; ++i) {
      double factor = i == p ? 0 : a[i * (k + 1) + p] / a[p * (k + 1) + p];
      for (size_t j = p; j <= k && i != p; ++j)
        a[i * (k + 1) + j] -= factor * a[p * (k + 1) + j];
    }
  std::vector<double> result(n, 0.0);
  for (size_t i = 0; i < k; ++i)
    result[kept[i]] = a[i * (k + 1) + k] / a[i * (k + 1) + i];
  return result;
}

double getEnergy(const std::vector<double> &h, const float *weight,
                 const std::vector<double> &pruned) {
  size_t n = pruned.size();
  double sum = 0;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      sum += (weight[i] - pruned[i]) * h[i * n + j] * (weight[j] - pruned[j]);
  return sum;
}

using Pruned = PrunedBy<ObsResult>;

Pruned prune(const PruningLayer &layer, const ObsOptions &options) {
  return pruneBy(obs, layer, options);
}

ObsOptions makeOptions(double ratio, bool perRow = false) {
  return makeOptionsOf<ObsOptions>(ratio, perRow);
}
ObsOptions makeOptions(NMPattern nm) { return makeOptionsOf<ObsOptions>(nm); }

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

TEST(OptimalBrain, Scores) {
  const float weight[6] = {1, -2, 3, 0, 5, -6};
  const float gram[9] = {2, 1, 0, 1, 4, 0, 0, 0, 0};
  EXPECT_EQ(unwrap(getObdScores(weight, 2, 3, gram)), (std::vector<float>{1, 8, 0, 0, 50, 0}));
  // The inverse of [2 1; 1 4] has the diagonal 4/7 and 2/7.
  std::vector<float> isc = unwrap(getIscScores(weight, 2, 3, gram, 0));
  const float expected[6] = {2 + 7.0f / 4, 4 * (4 + 7.0f / 2), 0, 0, 25 * (4 + 7.0f / 2), 0};
  for (int i = 0; i < 6; ++i)
    EXPECT_NEAR(isc[i], expected[i], 1e-5 * expected[i]);
  // Beyond the range of f32.
  const float large[1] = {1e30f}, one[1] = {1};
  EXPECT_EQ(unwrap(getObdScores(large, 1, 1, one))[0], std::numeric_limits<float>::max());
}

TEST(OptimalBrain, WhiteInputsGiveMagnitudes) {
  PruningLayer layer(20, 30, 4, 0, false, 1);
  layer.makeWhite(3);
  std::vector<float> magnitudes;
  for (float w : layer.weight)
    magnitudes.push_back(std::fabs(w));
  SparsityTarget half;
  half.ratio = 0.5;
  std::vector<uint8_t> expected = chooseMask(magnitudes.data(), 20, 30, half);
  for (const std::vector<float> &scores :
       {unwrap(getObdScores(layer.weight.data(), 20, 30, layer.gram.data())),
        unwrap(getIscScores(layer.weight.data(), 20, 30, layer.gram.data()))})
    EXPECT_EQ(chooseMask(scores.data(), 20, 30, half), expected);
  Pruned pruned = prune(layer, makeOptions(0.5));
  EXPECT_EQ(pruned.mask, expected);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(pruned.weight[i], expected[i] ? layer.weight[i] : 0.0f);
}

TEST(OptimalBrain, IscIsTheSumOfBoth) {
  PruningLayer layer(3, 40, 100, 0.8, true, 2);
  std::vector<double> inverse = getInverse(getDamped(layer, 0.01), 40);
  std::vector<float> scores = unwrap(getIscScores(layer.weight.data(), 3, 40, layer.gram.data()));
  for (size_t i = 0; i < scores.size(); ++i) {
    size_t j = i % 40;
    double w = layer.weight[i];
    EXPECT_NEAR(scores[i] / (w * w * (layer.gram[j * 40 + j] + 1 / inverse[j * 40 + j])), 1, 1e-5);
  }
}

//===----------------------------------------------------------------------===//
// Optimal Brain Surgeon
//===----------------------------------------------------------------------===//

TEST(OptimalBrain, OneStepIsLeastSquares) {
  PruningLayer layer(1, 24, 60, 0.8, true, 3);
  size_t n = layer.columns;
  std::vector<double> h = getDamped(layer, 0), inverse = getInverse(h, n);
  for (size_t p = 0; p < n; ++p) {
    std::vector<uint8_t> mask(n, 1);
    mask[p] = 0;
    std::vector<double> weight(layer.weight.begin(), layer.weight.end()), left = inverse;
    double expected = weight[p] * weight[p] / inverse[p * n + p];
    double loss = removeWeight(weight.data(), left.data(), n, p);
    EXPECT_NEAR(loss / expected, 1, 1e-12);
    std::vector<double> exact = solveRow(h, layer.weight.data(), mask.data(), n);
    for (size_t j = 0; j < n; ++j)
      EXPECT_NEAR(weight[j], exact[j], 1e-9);
    EXPECT_NEAR(getEnergy(h, layer.weight.data(), weight) / loss, 1, 1e-9);
    // What is left is the inverse without row and column p.
    std::vector<double> rest = h;
    for (size_t j = 0; j < n; ++j)
      rest[p * n + j] = rest[j * n + p] = j == p;
    rest = getInverse(rest, n);
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        EXPECT_NEAR(left[i * n + j], i == p || j == p ? 0 : rest[i * n + j],
                    1e-9 * inverse[i * n + i] + 1e-15);
  }
}

/// Tries every weight at every step.
TEST(OptimalBrain, RemovesTheCheapestWeight) {
  PruningLayer layer(4, 14, 40, 0.8, true, 4);
  size_t n = layer.columns;
  std::vector<double> h = getDamped(layer, 0.01);
  for (bool perRow : {false, true}) {
    std::vector<uint8_t> mask(layer.weight.size(), 1);
    std::vector<std::vector<double>> rows(4);
    std::vector<double> losses(4, 0.0);
    size_t perStep = perRow ? 7 : 28;
    for (size_t group = 0; group < (perRow ? 4 : 1); ++group)
      for (size_t step = 0; step < perStep; ++step) {
        double least = INFINITY;
        size_t best = 0;
        for (size_t i = 0; i < mask.size(); ++i) {
          if (!mask[i] || (perRow && i / n != group))
            continue;
          mask[i] = 0;
          const float *weight = &layer.weight[i / n * n];
          double loss =
              getEnergy(h, weight, solveRow(h, weight, &mask[i / n * n], n)) - losses[i / n];
          mask[i] = 1;
          if (loss < least) {
            least = loss;
            best = i;
          }
        }
        mask[best] = 0;
        losses[best / n] += least;
      }
    Pruned pruned = prune(layer, makeOptions(0.5, perRow));
    EXPECT_EQ(pruned.mask, mask);
    EXPECT_NEAR(pruned.loss / std::accumulate(losses.begin(), losses.end(), 0.0), 1, 1e-9);
    for (size_t r = 0; r < 4; ++r) {
      std::vector<double> exact = solveRow(h, &layer.weight[r * n], &mask[r * n], n);
      for (size_t j = 0; j < n; ++j)
        EXPECT_NEAR(pruned.weight[r * n + j], exact[j], 1e-5);
    }
  }
}

TEST(OptimalBrain, CountsPatternsAndOldZeros) {
  PruningLayer layer(9, 37, 80, 0.7, true, 5);
  for (double ratio : {0.1, 0.5, 0.9}) {
    EXPECT_EQ(countZeros(prune(layer, makeOptions(ratio)).mask), getPrunedCount(ratio, 9 * 37));
    std::vector<uint8_t> mask = prune(layer, makeOptions(ratio, true)).mask;
    for (size_t r = 0; r < 9; ++r)
      EXPECT_EQ(std::count(&mask[r * 37], &mask[r * 37] + 37, 0), getPrunedCount(ratio, 37));
  }
  std::vector<uint8_t> mask = prune(layer, makeOptions(NMPattern{2, 4})).mask;
  for (size_t r = 0; r < 9; ++r)
    for (size_t j = 0; j < 37; j += 4) {
      size_t size = std::min<size_t>(4, 37 - j);
      EXPECT_EQ(std::count(&mask[r * 37 + j], &mask[r * 37 + j] + size, 1),
                std::min<size_t>(2, size));
    }
  for (ObsOptions options :
       {makeOptions(0.6), makeOptions(0.6, true), makeOptions(NMPattern{1, 4})}) {
    options.keepZero = mask.data();
    Pruned pruned = prune(layer, options);
    EXPECT_EQ(countZeros(pruned.mask), getPrunedCount(options.target, 9, 37));
    for (size_t i = 0; i < mask.size(); ++i)
      EXPECT_LE(pruned.mask[i], mask[i]);
    options.target = makeOptions(0.1).target;
    EXPECT_EQ(prune(layer, options).mask, mask);
  }
}

TEST(OptimalBrain, NothingToPruneChangesNoBit) {
  PruningLayer layer(3, 8, 20, 0.5, false, 6);
  layer.weight[1] = -0.0f;
  for (const ObsOptions &options :
       {makeOptions(0), makeOptions(0, true), makeOptions(NMPattern{4, 4})}) {
    Pruned pruned = prune(layer, options);
    EXPECT_EQ(std::memcmp(pruned.weight.data(), layer.weight.data(), 4 * layer.weight.size()), 0);
    EXPECT_EQ(countZeros(pruned.mask), 0u);
  }
}

TEST(OptimalBrain, IsBetterThanSparseGpt) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    PruningLayer layer(32, 64, 256, 0.9, true, 20 + seed);
    SparseGptOptions options;
    options.target.ratio = 0.5;
    std::vector<float> sparse = layer.weight;
    ASSERT_TRUE(bool(sparseGpt(sparse.data(), 32, 64, layer.gram.data(), options)));
    Pruned pruned = prune(layer, makeOptions(0.5));
    EXPECT_LT(layer.getError(pruned.weight), 0.7 * layer.getError(sparse));
    EXPECT_NEAR(pruned.loss / layer.getLoss(pruned.weight, 0.01 * layer.getMeanDiagonal()), 1,
                1e-4);
  }
}

TEST(OptimalBrain, SameForAnyNumberOfThreads) {
  PruningLayer layer(20, 40, 90, 0.9, true, 7);
  for (ObsOptions options :
       {makeOptions(0.5), makeOptions(0.5, true), makeOptions(NMPattern{2, 4})}) {
    Pruned serial = prune(layer, options);
    options.parallelFor = runOnThreeThreads;
    Pruned parallel = prune(layer, options);
    EXPECT_EQ(serial.mask, parallel.mask);
    EXPECT_EQ(serial.weight, parallel.weight);
    EXPECT_EQ(serial.loss, parallel.loss);
  }
}

TEST(OptimalBrain, Errors) {
  PruningLayer layer(2, 4, 16, 0, false, 8);
  auto message = [&](const ObsOptions &options = makeOptions(0.5)) {
    std::vector<float> weight = layer.weight;
    return getMessage(obs(weight.data(), 2, 4, layer.gram.data(), options));
  };
  EXPECT_EQ(message(), "no error");
  EXPECT_EQ(message(makeOptions(1)),
            "the share of pruned weights must be at least 0 and less than 1, but is 1.00");
  ObsOptions options = makeOptions(0.5);
  options.damping = -1;
  EXPECT_EQ(message(options), "the damping of OBS must be from 0 to 1, but is -1.00");
  PruningLayer good = layer;
  layer.weight[5] = NAN;
  EXPECT_EQ(message(), "the weight is not finite at [1, 1]");
  EXPECT_EQ(getMessage(getObdScores(layer.weight.data(), 2, 4, layer.gram.data())),
            "the weight is not finite at [1, 1]");
  layer = good;
  layer.gram[5] = -2;
  EXPECT_EQ(message(), "the Gram matrix has the negative element -2.00 at [1, 1]");
  EXPECT_EQ(getMessage(getIscScores(layer.weight.data(), 2, 4, layer.gram.data())),
            "the Gram matrix has the negative element -2.00 at [1, 1]");
  // Too large to be done exactly.
  PruningLayer large(60, 4096, 1, 0, false, 9);
  std::vector<float> weight = large.weight;
  EXPECT_EQ(getMessage(obs(weight.data(), 60, 4096, large.gram.data(), makeOptions(0.5))),
            "OBS of 60 x 4096 weights needs 8.2e+12 operations, more than 1.0e+12; SparseGPT is "
            "made for this size");
}

//===----------------------------------------------------------------------===//
// Least squares
//===----------------------------------------------------------------------===//

std::vector<uint8_t> makeMask(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<uint8_t> mask(count);
  for (uint8_t &byte : mask)
    byte = generator() % 2;
  return mask;
}

TEST(LeastSquares, IsTheSolutionOfEachRow) {
  PruningLayer layer(12, 30, 90, 0.9, true, 10);
  size_t n = layer.columns;
  std::vector<uint8_t> mask = makeMask(layer.weight.size(), 1);
  // Equal masks, a row of which nothing is left and one of which all is.
  std::copy_n(&mask[0], n, &mask[5 * n]);
  std::copy_n(&mask[0], n, &mask[11 * n]);
  std::fill_n(&mask[3 * n], n, uint8_t(0));
  std::fill_n(&mask[4 * n], n, uint8_t(1));
  for (double damping : {0.0, 0.01}) {
    RefitOptions options;
    options.damping = damping;
    std::vector<float> weight = layer.weight;
    ASSERT_FALSE(bool(refitLeastSquares(weight.data(), weight.data(), 12, n, layer.gram.data(),
                                        mask.data(), options)));
    EXPECT_TRUE(isMasked(weight, mask));
    std::vector<double> h = getDamped(layer, damping);
    // The ridge is for the change: what W^ - W costs.
    for (size_t r = 0; r < 12; ++r) {
      std::vector<double> exact = solveRow(h, &layer.weight[r * n], &mask[r * n], n);
      for (size_t j = 0; j < n; ++j)
        EXPECT_NEAR(weight[r * n + j], exact[j], 1e-4);
    }
    EXPECT_EQ(std::memcmp(&weight[4 * n], &layer.weight[4 * n], 4 * n), 0);
    // Not in place, and on several threads: the same.
    std::vector<float> other(weight.size(), NAN);
    options.parallelFor = runOnThreeThreads;
    ASSERT_FALSE(bool(refitLeastSquares(other.data(), layer.weight.data(), 12, n, layer.gram.data(),
                                        mask.data(), options)));
    EXPECT_EQ(other, weight);
  }
}

TEST(LeastSquares, ColumnsThatAreNotIndependent) {
  // Fewer inputs than columns, a column that was never seen, and two equal ones.
  PruningLayer layer(10, 40, 12, 0.5, false, 11);
  for (size_t v = 0; v < layer.vectors; ++v) {
    layer.inputs[v * 40 + 7] = 0;
    layer.inputs[v * 40 + 9] = layer.inputs[v * 40 + 8];
  }
  std::fill(layer.gram.begin(), layer.gram.end(), 0.0f);
  addGram(layer.gram.data(), 40, layer.inputs.data(), 40, layer.vectors);
  std::vector<uint8_t> mask = makeMask(layer.weight.size(), 2);
  for (size_t r = 0; r < 10; ++r)
    mask[r * 40 + 7] = r % 2;
  std::vector<float> weight = layer.weight;
  ASSERT_FALSE(bool(
      refitLeastSquares(weight.data(), weight.data(), 10, 40, layer.gram.data(), mask.data())));
  // About 20 values fit 12 inputs exactly.
  EXPECT_LT(layer.getError(weight), 1e-5);
  for (size_t r = 0; r < 10; ++r) {
    EXPECT_EQ(weight[r * 40 + 7], r % 2 ? layer.weight[r * 40 + 7] : 0.0f);
    for (size_t j = 0; j < 40; ++j)
      EXPECT_LT(std::fabs(weight[r * 40 + j]), 20);
  }
}

TEST(LeastSquares, Errors) {
  PruningLayer layer(2, 4, 16, 0, false, 12);
  std::vector<uint8_t> mask = {1, 0, 1, 1, 1, 1, 0, 1};
  auto message = [&](double damping = 0) {
    RefitOptions options;
    options.damping = damping;
    std::vector<float> weight = layer.weight;
    llvm::Error error = refitLeastSquares(weight.data(), weight.data(), 2, 4, layer.gram.data(),
                                          mask.data(), options);
    return error ? llvm::toString(std::move(error)) : std::string("no error");
  };
  EXPECT_EQ(message(), "no error");
  EXPECT_EQ(message(7), "the damping of least squares must be from 0 to 1, but is 7.00");
  PruningLayer good = layer;
  layer.weight[2] = INFINITY;
  EXPECT_EQ(message(), "the weight is not finite at [0, 2]");
  layer = good;
  layer.gram[2] = layer.gram[8] = 1000;
  EXPECT_EQ(message(),
            "the Gram matrix is not positive definite, not even with a ridge of its mean diagonal");
}

} // namespace
