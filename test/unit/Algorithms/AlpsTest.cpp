//===- AlpsTest.cpp - ALPS against known numbers --------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Alps.h"
#include "PruningLayer.h"
#include "compress/Algorithms/OptimalBrain.h"
#include "compress/Algorithms/SparseGpt.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>

using namespace mlir::compress;

namespace {

using Pruned = PrunedBy<AlpsResult>;

Pruned prune(const PruningLayer &layer, const AlpsOptions &options) {
  return pruneBy(alps, layer, options);
}

AlpsOptions makeOptions(double ratio, bool perRow = false) {
  return makeOptionsOf<AlpsOptions>(ratio, perRow);
}
AlpsOptions makeOptions(NMPattern nm) { return makeOptionsOf<AlpsOptions>(nm); }

double getSparseGptError(const PruningLayer &layer, const SparsityTarget &target) {
  SparseGptOptions options;
  options.target = target;
  std::vector<float> weight = layer.weight;
  llvm::Expected<SparseGptResult> result =
      sparseGpt(weight.data(), layer.rows, layer.columns, layer.gram.data(), options);
  EXPECT_TRUE(bool(result));
  return layer.getError(weight);
}

TEST(Alps, ErrorsAtSeventyPercent) {
  double sums[2] = {};
  for (unsigned seed = 0; seed < 5; ++seed) {
    PruningLayer layer(0.9, true, 100 + seed);
    AlpsOptions options = makeOptions(0.7);
    Pruned pruned = prune(layer, options);
    EXPECT_EQ(countZeros(pruned.mask), getPrunedCount(0.7, 64 * 128));
    double error = layer.getError(pruned.weight);
    double sparseGpt = getSparseGptError(layer, options.target);
    EXPECT_LT(error, 0.6 * sparseGpt);
    sums[0] += error / 5;
    sums[1] += sparseGpt / 5;
  }
  EXPECT_NEAR(sums[0] / .0051, 1, 0.2);
  EXPECT_NEAR(sums[1] / .0161, 1, 0.2);
}

TEST(Alps, OtherTargets) {
  for (unsigned seed = 0; seed < 3; ++seed) {
    PruningLayer layer(0.9, false, 200 + seed);
    for (const AlpsOptions &options :
         {makeOptions(0.5), makeOptions(0.8, true), makeOptions(NMPattern{2, 4})}) {
      Pruned pruned = prune(layer, options);
      EXPECT_LT(layer.getError(pruned.weight), getSparseGptError(layer, options.target));
    }
  }
  // M and chunks of rows that do not divide the sizes.
  for (auto [rows, columns] : {std::pair<size_t, size_t>{1, 50}, {130, 37}, {3, 1}}) {
    PruningLayer layer(rows, columns, 2 * columns + 5, 0.9, true, 7);
    EXPECT_EQ(countZeros(prune(layer, makeOptions(0.3)).mask), getPrunedCount(0.3, rows * columns));
    std::vector<uint8_t> mask = prune(layer, makeOptions(0.3, true)).mask;
    for (size_t r = 0; r < rows; ++r)
      EXPECT_EQ(std::count(&mask[r * columns], &mask[r * columns] + columns, 0),
                getPrunedCount(0.3, columns));
    mask = prune(layer, makeOptions(NMPattern{1, 4})).mask;
    for (size_t r = 0; r < rows; ++r)
      for (size_t j = 0; j < columns; j += 4)
        EXPECT_EQ(std::count(&mask[r * columns + j],
                             &mask[r * columns + std::min(columns, j + 4) - 1] + 1, 1),
                  1);
  }
}

TEST(Alps, ValuesAreNearlyLeastSquares) {
  PruningLayer layer(0.9, true, 300);
  Pruned pruned = prune(layer, makeOptions(0.7));
  std::vector<float> best(layer.weight.size());
  RefitOptions options;
  options.damping = 0.01;
  ASSERT_FALSE(bool(refitLeastSquares(best.data(), layer.weight.data(), 64, 128, layer.gram.data(),
                                      pruned.mask.data(), options)));
  double added = 0.01 * layer.getMeanDiagonal();
  double least = layer.getLoss(best, added);
  EXPECT_NEAR(pruned.loss / layer.getLoss(pruned.weight, added), 1, 1e-3);
  EXPECT_GE(pruned.loss, 0.999 * least);
  EXPECT_LE(pruned.loss, 1.02 * least);
  AlpsOptions none = makeOptions(0.7);
  none.gradientSteps = 0;
  Pruned rough = prune(layer, none);
  EXPECT_EQ(rough.mask, pruned.mask);
  EXPECT_GT(rough.loss, pruned.loss);
}

TEST(Alps, WhiteInputsGiveNearlyMagnitudePruning) {
  // Which of two weights of about the same size is kept, rho decides.
  PruningLayer layer(16, 40, 4, 0, false, 8);
  layer.makeWhite(2);
  AlpsOptions options = makeOptions(0.6);
  std::vector<float> best = layer.weight;
  for (float &w : best)
    w = std::fabs(w);
  std::vector<uint8_t> mask = chooseMask(best.data(), 16, 40, options.target);
  for (size_t i = 0; i < best.size(); ++i)
    best[i] = layer.weight[i] * mask[i];
  Pruned pruned = prune(layer, options);
  EXPECT_LT(layer.getError(pruned.weight), 1.05 * layer.getError(best));
  for (size_t i = 0; i < best.size(); ++i)
    EXPECT_NEAR(pruned.weight[i], pruned.mask[i] ? layer.weight[i] : 0, 1e-5);
  EXPECT_LT(pruned.iterations, 300u);
}

TEST(Alps, NothingToPruneChangesNoBit) {
  PruningLayer layer(3, 8, 20, 0.5, false, 9);
  layer.weight[1] = -0.0f;
  for (const AlpsOptions &options : {makeOptions(0), makeOptions(NMPattern{4, 4})}) {
    Pruned pruned = prune(layer, options);
    EXPECT_EQ(std::memcmp(pruned.weight.data(), layer.weight.data(), 4 * layer.weight.size()), 0);
    EXPECT_EQ(countZeros(pruned.mask), 0u);
    EXPECT_EQ(pruned.iterations, 0u);
  }
}

TEST(Alps, ColumnsThatWereNeverSeenGoFirst) {
  PruningLayer layer(16, 64, 200, 0.9, false, 10);
  for (size_t j = 0; j < 64; ++j)
    layer.gram[5 * 64 + j] = layer.gram[j * 64 + 5] = 0;
  Pruned pruned = prune(layer, makeOptions(0.5));
  size_t kept = 0;
  for (size_t row = 0; row < 16; ++row)
    kept += pruned.mask[row * 64 + 5];
  EXPECT_EQ(kept, 0u);
  // Fewer inputs than columns.
  PruningLayer few(16, 64, 10, 0.5, false, 11);
  Pruned exact = prune(few, makeOptions(0.5));
  EXPECT_LT(few.getError(exact.weight), 1e-3);
}

TEST(Alps, SameForAnyNumberOfThreads) {
  PruningLayer layer(300, 60, 100, 0.9, true, 12);
  for (AlpsOptions options : {makeOptions(0.7), makeOptions(NMPattern{2, 4})}) {
    Pruned serial = prune(layer, options);
    options.parallelFor = runOnThreeThreads;
    Pruned parallel = prune(layer, options);
    EXPECT_EQ(serial.mask, parallel.mask);
    EXPECT_EQ(serial.weight, parallel.weight);
    EXPECT_EQ(serial.loss, parallel.loss);
    EXPECT_EQ(serial.iterations, parallel.iterations);
  }
}

TEST(Alps, Errors) {
  PruningLayer layer(2, 4, 16, 0, false, 13);
  auto message = [&](const AlpsOptions &options = makeOptions(0.5)) {
    std::vector<float> weight = layer.weight;
    llvm::Expected<AlpsResult> result = alps(weight.data(), 2, 4, layer.gram.data(), options);
    return result ? std::string("no error") : llvm::toString(result.takeError());
  };
  EXPECT_EQ(message(), "no error");
  EXPECT_EQ(message(makeOptions(1)),
            "the share of pruned weights must be at least 0 and less than 1, but is 1.00");
  AlpsOptions options = makeOptions(0.5);
  options.damping = 0;
  EXPECT_EQ(message(options), "the damping of ALPS must be from 1e-6 to 1, but is 0.000000e+00");
  options = makeOptions(0.5);
  options.rho = -1;
  EXPECT_EQ(message(options), "rho of ALPS must be from 1e-6 to 1e6, but is -1.000000e+00");
  PruningLayer good = layer;
  layer.weight[5] = NAN;
  EXPECT_EQ(message(), "the weight is not finite at [1, 1]");
  layer = good;
  layer.gram[6] = NAN;
  EXPECT_EQ(message(), "the Gram matrix is not finite at [1, 2]");
  layer = good;
  std::fill(layer.gram.begin(), layer.gram.end(), 0.0f);
  EXPECT_EQ(message(), "the Gram matrix is zero: no input was seen");
}

} // namespace
