//===- SparseGptTest.cpp - SparseGPT against its definition ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SparseGpt.h"
#include "PruningLayer.h"
#include "compress/Algorithms/Gptq.h"
#include "compress/Algorithms/OptimalBrain.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstring>
#include <numeric>

using namespace mlir::compress;

namespace {

using Pruned = PrunedBy<SparseGptResult>;

Pruned prune(const PruningLayer &layer, const SparseGptOptions &options) {
  return pruneBy(sparseGpt, layer, options);
}

SparseGptOptions makeOptions(double ratio, bool perRow = false) {
  return makeOptionsOf<SparseGptOptions>(ratio, perRow);
}
SparseGptOptions makeOptions(NMPattern nm) { return makeOptionsOf<SparseGptOptions>(nm); }

/// Wanda: |w| times the norm of the input, per row.
std::vector<uint8_t> getWandaMask(const PruningLayer &layer, double ratio) {
  std::vector<float> scores(layer.weight.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    size_t j = i % layer.columns;
    scores[i] = std::fabs(layer.weight[i]) * std::sqrt(layer.gram[j * layer.columns + j]);
  }
  return chooseMask(scores.data(), layer.rows, layer.columns, makeOptions(ratio, true).target);
}

std::vector<float> applyMask(std::vector<float> weight, const std::vector<uint8_t> &mask) {
  for (size_t i = 0; i < weight.size(); ++i)
    weight[i] *= mask[i];
  return weight;
}

std::vector<float> refit(const PruningLayer &layer, const std::vector<uint8_t> &mask) {
  std::vector<float> weight(layer.weight.size());
  llvm::Error error = refitLeastSquares(weight.data(), layer.weight.data(), layer.rows,
                                        layer.columns, layer.gram.data(), mask.data());
  EXPECT_FALSE(bool(error));
  return weight;
}

/// The definition, in double precision and with every update at once.
struct Reference {
  std::vector<double> weight;
  std::vector<uint8_t> mask;
  double loss = 0;

  Reference(const PruningLayer &layer, const SparseGptOptions &options, double damping = 0.01)
      : weight(layer.weight.begin(), layer.weight.end()), mask(weight.size(), 1) {
    size_t n = layer.columns, m = layer.rows;
    std::vector<double> u(layer.gram.begin(), layer.gram.end());
    for (size_t i = 0; i < n; ++i)
      u[i * n + i] += damping * layer.getMeanDiagonal();
    EXPECT_FALSE(bool(choleskyOfInverse(u.data(), n)));
    auto getScore = [&](size_t r, size_t j) {
      double w = weight[r * n + j], cost = 1 / (u[j * n + j] * u[j * n + j]);
      return w * w * (options.score == SparseGptScore::Isc ? cost + layer.gram[j * n + j] : cost);
    };
    // Prunes `number` of rows [row, row + rows) and columns [begin, end).
    auto choose = [&](size_t row, size_t rows, size_t begin, size_t end, size_t number) {
      std::vector<std::pair<double, size_t>> order;
      for (size_t r = row; r < row + rows; ++r)
        for (size_t j = begin; j < end; ++j)
          order.push_back({getScore(r, j), r * n + j});
      std::sort(order.begin(), order.end());
      for (size_t i = 0; i < number; ++i)
        mask[order[i].second] = 0;
    };
    size_t total = getPrunedCount(options.target, m, n);
    for (size_t i = 0; i < n; ++i) {
      size_t end = std::min(n, i + options.blockSize);
      if (options.target.nm && i % options.target.nm->m == 0) {
        end = std::min<size_t>(n, i + options.target.nm->m);
        size_t pruned = end - i - std::min<size_t>(end - i, options.target.nm->n);
        for (size_t r = 0; r < m; ++r)
          choose(r, 1, i, end, pruned);
      } else if (!options.target.nm && i % options.blockSize == 0) {
        if (options.target.perRow)
          for (size_t r = 0; r < m; ++r)
            choose(r, 1, i, end, total / m * end / n - total / m * i / n);
        else
          choose(0, m, i, end, total * end / n - total * i / n);
      }
      for (size_t r = 0; r < m; ++r) {
        double error = mask[r * n + i] ? 0 : weight[r * n + i];
        loss += error * error / (u[i * n + i] * u[i * n + i]);
        for (size_t j = i; j < n; ++j)
          weight[r * n + j] -= error * u[i * n + j] / u[i * n + i];
        if (!mask[r * n + i])
          weight[r * n + i] = 0;
      }
    }
  }
};

TEST(SparseGpt, IsItsDefinition) {
  unsigned seed = 0;
  const std::pair<size_t, size_t> shapes[] = {{16, 64}, {1, 50}, {150, 37}, {9, 200}};
  for (auto [rows, columns] : shapes)
    for (const SparseGptOptions &kind :
         {makeOptions(0.5), makeOptions(0.3), makeOptions(0.7, true), makeOptions(NMPattern{2, 4}),
          makeOptions(NMPattern{1, 4}), makeOptions(NMPattern{3, 7})})
      for (SparseGptScore score : {SparseGptScore::SparseGpt, SparseGptScore::Isc}) {
        PruningLayer layer(rows, columns, 2 * columns, 0.8, true, ++seed);
        SparseGptOptions options = kind;
        options.score = score;
        // Every size of blocks that N:M rounds to itself.
        options.blockSize = options.target.nm ? 4 * options.target.nm->m : 24;
        Pruned pruned = prune(layer, options);
        Reference reference(layer, options);
        EXPECT_EQ(pruned.mask, reference.mask) << rows << "x" << columns;
        EXPECT_NEAR(pruned.loss / reference.loss, 1, 1e-4);
        double largest = 0;
        for (size_t i = 0; i < pruned.weight.size(); ++i)
          largest = std::max(largest, std::fabs(pruned.weight[i] - reference.weight[i]));
        EXPECT_LT(largest, 1e-3) << rows << "x" << columns;
      }
}

TEST(SparseGpt, WhiteInputsGiveMagnitudePruning) {
  PruningLayer layer(64, 128, 8, 0, false, 1);
  layer.makeWhite(2.5f);
  std::vector<float> magnitudes;
  for (float w : layer.weight)
    magnitudes.push_back(std::fabs(w));
  for (double ratio : {0.3, 0.5, 0.9})
    for (SparseGptScore score : {SparseGptScore::SparseGpt, SparseGptScore::Isc}) {
      SparseGptOptions options = makeOptions(ratio);
      options.score = score;
      Pruned pruned = prune(layer, options);
      EXPECT_EQ(pruned.mask,
                chooseMask(magnitudes.data(), layer.rows, layer.columns, options.target));
      EXPECT_EQ(pruned.weight, applyMask(layer.weight, pruned.mask));
    }
  Pruned pruned = prune(layer, makeOptions(NMPattern{2, 4}));
  EXPECT_EQ(pruned.mask, chooseMask(magnitudes.data(), layer.rows, layer.columns,
                                    makeOptions(NMPattern{2, 4}).target));
}

TEST(SparseGpt, CountsAreExact) {
  for (auto [rows, columns] : {std::pair<size_t, size_t>{7, 333}, {1, 129}, {200, 5}, {3, 1}})
    for (double ratio : {0.0, 0.1, 0.3, 0.5, 0.77, 0.99})
      for (size_t blockSize : {1, 7, 128, 1000}) {
        PruningLayer layer(rows, columns, columns + 20, 0.5, true, 3);
        SparseGptOptions options = makeOptions(ratio);
        options.blockSize = blockSize;
        EXPECT_EQ(countZeros(prune(layer, options).mask), getPrunedCount(ratio, rows * columns));
        options.target.perRow = true;
        std::vector<uint8_t> mask = prune(layer, options).mask;
        for (size_t row = 0; row < rows; ++row)
          EXPECT_EQ(std::count(&mask[row * columns], &mask[row * columns] + columns, 0),
                    getPrunedCount(ratio, columns));
      }
  // N:M with M that divides neither the columns nor the blocks.
  PruningLayer layer(5, 131, 200, 0.5, true, 4);
  for (NMPattern nm : {NMPattern{2, 4}, {4, 8}, {1, 3}, {5, 200}, {4, 4}}) {
    Pruned pruned = prune(layer, makeOptions(nm));
    for (size_t row = 0; row < layer.rows; ++row)
      for (size_t j = 0; j < layer.columns; j += nm.m) {
        size_t size = std::min<size_t>(nm.m, layer.columns - j);
        const uint8_t *group = &pruned.mask[row * layer.columns + j];
        EXPECT_EQ(static_cast<size_t>(std::count(group, group + size, 1)),
                  std::min<size_t>(nm.n, size));
      }
  }
}

TEST(SparseGpt, NothingToPruneChangesNoBit) {
  PruningLayer layer(20, 70, 100, 0.9, true, 5);
  layer.weight[3] = -0.0f;
  for (size_t j = 0; j < layer.columns; ++j)
    layer.gram[5 * layer.columns + j] = layer.gram[j * layer.columns + 5] = 0;
  std::vector<uint8_t> all(layer.weight.size(), 1);
  SparseGptOptions given;
  given.mask = all.data();
  for (const SparseGptOptions &options :
       {makeOptions(0), makeOptions(0, true), makeOptions(NMPattern{4, 4}), given}) {
    Pruned pruned = prune(layer, options);
    EXPECT_EQ(std::memcmp(pruned.weight.data(), layer.weight.data(), 4 * all.size()), 0);
    EXPECT_EQ(pruned.mask, all);
    EXPECT_EQ(pruned.loss, 0);
    EXPECT_EQ(pruned.deadColumns, 1u);
  }
}

TEST(SparseGpt, LossIsTheErrorOfTheDampedProblem) {
  PruningLayer layer(0.9, true, 6);
  Pruned pruned = prune(layer, makeOptions(0.5));
  EXPECT_EQ(pruned.damping, 0.01);
  EXPECT_NEAR(pruned.loss / layer.getLoss(pruned.weight, 0.01 * layer.getMeanDiagonal()), 1, 1e-4);
}

TEST(SparseGpt, GivenMaskIsKept) {
  PruningLayer layer(0.9, true, 7);
  std::vector<uint8_t> mask = getWandaMask(layer, 0.5);
  SparseGptOptions options;
  options.mask = mask.data();
  Pruned pruned = prune(layer, options);
  EXPECT_EQ(pruned.mask, mask);
  EXPECT_LT(layer.getError(pruned.weight), 0.6 * layer.getError(applyMask(layer.weight, mask)));
  // Its own mask gives what it gave.
  Pruned own = prune(layer, makeOptions(0.5));
  options.mask = own.mask.data();
  EXPECT_EQ(prune(layer, options).weight, own.weight);
}

TEST(SparseGpt, OldZerosStay) {
  PruningLayer layer(30, 100, 200, 0.8, true, 8);
  for (auto makeTarget : {+[](double ratio) { return makeOptions(ratio); },
                          +[](double ratio) { return makeOptions(ratio, true); },
                          +[](double) { return makeOptions(NMPattern{2, 4}); }}) {
    std::vector<uint8_t> before(layer.weight.size(), 1);
    PruningLayer now = layer;
    for (double ratio : {0.2, 0.5, 0.6}) {
      SparseGptOptions options = makeTarget(ratio);
      options.keepZero = before.data();
      options.blockSize = 16;
      Pruned pruned = prune(now, options);
      for (size_t i = 0; i < before.size(); ++i)
        ASSERT_LE(pruned.mask[i], before[i]);
      EXPECT_EQ(countZeros(pruned.mask), getPrunedCount(options.target, now.rows, now.columns));
      before = pruned.mask;
      now.weight = pruned.weight;
    }
    // More old zeros than asked for: nothing comes back.
    SparseGptOptions options = makeTarget(0.1);
    options.keepZero = before.data();
    EXPECT_EQ(prune(now, options).mask, before);
  }
  // Old zeros that are all in the last columns: the target is met, and no more.
  std::vector<uint8_t> last(layer.weight.size(), 1);
  for (size_t i = 0; i < last.size(); ++i)
    last[i] = i % layer.columns < 60;
  SparseGptOptions options = makeOptions(0.5);
  options.keepZero = last.data();
  options.blockSize = 16;
  EXPECT_EQ(countZeros(prune(layer, options).mask), 1500u);
}

TEST(SparseGpt, ColumnsThatWereNeverSeenGoFirst) {
  PruningLayer layer(16, 64, 200, 0.9, false, 9);
  for (size_t dead : {size_t(0), size_t(17), size_t(63)})
    for (size_t j = 0; j < layer.columns; ++j)
      layer.gram[dead * layer.columns + j] = layer.gram[j * layer.columns + dead] = 0;
  Pruned pruned = prune(layer, makeOptions(0.5));
  EXPECT_EQ(pruned.deadColumns, 3u);
  for (size_t row = 0; row < layer.rows; ++row)
    for (size_t dead : {size_t(0), size_t(17), size_t(63)})
      EXPECT_EQ(pruned.mask[row * layer.columns + dead], 0);
  // Those that are kept keep their value.
  std::vector<uint8_t> mask(layer.weight.size(), 1);
  for (size_t i = 0; i < mask.size(); ++i)
    mask[i] = i % layer.columns == 17 || i % 2;
  SparseGptOptions options;
  options.mask = mask.data();
  pruned = prune(layer, options);
  for (size_t row = 0; row < layer.rows; ++row)
    EXPECT_EQ(pruned.weight[row * layer.columns + 17], layer.weight[row * layer.columns + 17]);
}

TEST(SparseGpt, ScaleOfTheGramMatrixDoesNotMatter) {
  PruningLayer layer(32, 96, 200, 0.9, true, 10);
  Pruned reference = prune(layer, makeOptions(0.5));
  for (float factor : {0x1p-40f, 0x1p+40f}) {
    PruningLayer scaled = layer;
    for (float &value : scaled.gram)
      value *= factor;
    Pruned pruned = prune(scaled, makeOptions(0.5));
    EXPECT_EQ(pruned.mask, reference.mask);
    EXPECT_EQ(pruned.weight, reference.weight);
  }
}

TEST(SparseGpt, SameForAnyNumberOfThreads) {
  PruningLayer layer(300, 96, 200, 0.9, true, 11);
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::SymRestricted});
  for (SparseGptOptions options :
       {makeOptions(0.5), makeOptions(0.5, true), makeOptions(NMPattern{2, 4})})
    for (bool joint : {false, true}) {
      options.blockSize = 32;
      options.grid = joint ? &grid : nullptr;
      options.group = 16;
      Pruned serial = prune(layer, options);
      options.parallelFor = runOnThreeThreads;
      Pruned parallel = prune(layer, options);
      options.parallelFor = serialFor;
      EXPECT_EQ(serial.mask, parallel.mask);
      EXPECT_EQ(serial.weight, parallel.weight);
      EXPECT_EQ(serial.matrix.codes, parallel.matrix.codes);
      EXPECT_EQ(serial.loss, parallel.loss);
    }
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

bool haveSameBlocks(const QuantizedMatrix &a, const QuantizedMatrix &b) {
  if (a.blocks.size() != b.blocks.size())
    return false;
  for (size_t i = 0; i < a.blocks.size(); ++i)
    if (a.blocks[i].scale != b.blocks[i].scale || a.blocks[i].zeroPoint != b.blocks[i].zeroPoint)
      return false;
  return true;
}

/// GPTQ that knows the whole mask before it starts.
GptqResult runGptq(const PruningLayer &layer, const CodeGrid &grid, size_t group,
                   const std::vector<uint8_t> &mask, size_t blockSize = 128) {
  GptqOptions options;
  options.keep = mask.data();
  options.blockSize = blockSize;
  llvm::Expected<GptqResult> result =
      gptq(grid, layer.weight.data(), layer.rows, layer.columns, group, layer.gram.data(), options);
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return {};
  }
  return std::move(*result);
}

TEST(SparseGpt, CodesOfAGivenMaskAreThoseOfGptq) {
  PruningLayer layer(40, 100, 200, 0.9, true, 12);
  for (size_t j = 0; j < layer.columns; ++j)
    layer.gram[5 * layer.columns + j] = layer.gram[j * layer.columns + 5] = 0;
  std::vector<uint8_t> mask = getWandaMask(layer, 0.5);
  for (GridConvention convention : {GridConvention::AsymZeroIn, GridConvention::SymRestricted})
    for (size_t group : {0, 16, 48}) {
      CodeGrid grid = CodeGrid::makeUniform(
          {convention == GridConvention::AsymZeroIn ? DataType::U4 : DataType::I4, convention});
      GptqResult expected = runGptq(layer, grid, group, mask, 32);
      SparseGptOptions options;
      options.mask = mask.data();
      options.grid = &grid;
      options.group = group;
      options.blockSize = 32;
      Pruned pruned = prune(layer, options);
      EXPECT_EQ(pruned.matrix.codes, expected.matrix.codes);
      EXPECT_TRUE(haveSameBlocks(pruned.matrix, expected.matrix));
      EXPECT_EQ(pruned.loss, expected.loss);
      EXPECT_EQ(pruned.weight, dequantizeMatrix(grid, pruned.matrix));
    }
}

TEST(SparseGpt, MasksAndCodesInOnePass) {
  CodeGrid grid = CodeGrid::makeUniform({DataType::I3, GridConvention::SymRestricted});
  PruningLayer layer(0.9, true, 13);
  SparseGptOptions options = makeOptions(0.5);
  options.blockSize = 32;
  Pruned sparse = prune(layer, options);
  options.grid = &grid;
  options.group = 32;
  Pruned joint = prune(layer, options);
  EXPECT_EQ(countZeros(joint.mask), 64u * 64);
  EXPECT_EQ(joint.weight, dequantizeMatrix(grid, joint.matrix));
  // The errors of codes have changed what the later blocks prune, but not the first.
  size_t different[4] = {};
  for (size_t i = 0; i < joint.mask.size(); ++i)
    different[i % 128 / 32] += joint.mask[i] != sparse.mask[i];
  EXPECT_EQ(different[0], 0u);
  for (int block = 1; block < 4; ++block)
    EXPECT_GT(different[block], 0u);
  // Where groups are not larger than blocks, their ranges know the mask: one pass is GPTQ with the
  // mask that was found.
  GptqResult known = runGptq(layer, grid, 32, joint.mask, 32);
  EXPECT_EQ(joint.matrix.codes, known.matrix.codes);
  EXPECT_TRUE(haveSameBlocks(joint.matrix, known.matrix));
  EXPECT_EQ(joint.loss, known.loss);
  // Both together cost more than either, but less than one after the other without corrections.
  double rounded = layer.getError(dequantizeMatrix(
      grid, quantizeMatrix(grid, sparse.weight.data(), layer.rows, layer.columns, 32)));
  EXPECT_GT(layer.getError(joint.weight), layer.getError(sparse.weight));
  EXPECT_LT(layer.getError(joint.weight), 0.5 * rounded);
}

TEST(SparseGpt, CodesWithNM) {
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::SymRestricted});
  PruningLayer layer(20, 130, 300, 0.9, true, 14);
  for (size_t group : {0, 2, 4, 24, 64}) {
    SparseGptOptions options = makeOptions(NMPattern{2, 4});
    options.blockSize = 48;
    options.grid = &grid;
    options.group = group;
    Pruned pruned = prune(layer, options);
    EXPECT_EQ(countZeros(pruned.mask), getPrunedCount(options.target, 20, 130));
    EXPECT_EQ(pruned.weight, dequantizeMatrix(grid, pruned.matrix));
    EXPECT_LT(layer.getError(pruned.weight), 0.05);
  }
}

//===----------------------------------------------------------------------===//
// Known numbers
//===----------------------------------------------------------------------===//

TEST(SparseGpt, IsBetterThanWandaAndWorseThanLeastSquares) {
  for (double rho : {0.0, 0.9}) {
    double ratios = 0;
    for (unsigned seed = 0; seed < 50; ++seed) {
      PruningLayer layer(rho, false, 1000 + seed);
      Pruned pruned = prune(layer, makeOptions(0.5));
      double error = layer.getError(pruned.weight);
      double wanda = layer.getError(applyMask(layer.weight, getWandaMask(layer, 0.5)));
      EXPECT_LT(error, wanda);
      EXPECT_LE(layer.getError(refit(layer, pruned.mask)), error);
      ratios += error / wanda / 50;
    }
    EXPECT_NEAR(ratios, rho == 0 ? 0.91 : 0.30, 0.05);
  }
}

TEST(SparseGpt, ErrorsOfTheTable) {
  struct Case {
    double rho;
    bool outliers;
    double sparseGpt, isc, wandaObs, wandaLeastSquares;
  };
  for (const Case &c : {Case{0, false, .0665, .0665, .0685, .0638},
                        {.9, false, .0223, .0223, .0231, .0111},
                        {0, true, .0074, .0073, .0074, .0069},
                        {.9, true, .0029, .0026, .0026, .0012}}) {
    double sums[4] = {};
    for (unsigned seed = 0; seed < 10; ++seed) {
      PruningLayer layer(c.rho, c.outliers, 100 + seed);
      SparseGptOptions options = makeOptions(0.5);
      sums[0] += layer.getError(prune(layer, options).weight) / 10;
      options.score = SparseGptScore::Isc;
      sums[1] += layer.getError(prune(layer, options).weight) / 10;
      std::vector<uint8_t> mask = getWandaMask(layer, 0.5);
      options.mask = mask.data();
      sums[2] += layer.getError(prune(layer, options).weight) / 10;
      sums[3] += layer.getError(refit(layer, mask)) / 10;
    }
    EXPECT_NEAR(sums[0] / c.sparseGpt, 1, 0.2) << "SparseGPT " << c.rho << c.outliers;
    EXPECT_NEAR(sums[1] / c.isc, 1, 0.2) << "ISC " << c.rho << c.outliers;
    EXPECT_NEAR(sums[2] / c.wandaObs, 1, 0.2) << "Wanda + OBS " << c.rho << c.outliers;
    EXPECT_NEAR(sums[3] / c.wandaLeastSquares, 1, 0.2) << "Wanda + LS " << c.rho << c.outliers;
  }
  double sum = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    PruningLayer layer(.9, true, 100 + seed);
    sum += layer.getError(prune(layer, makeOptions(NMPattern{2, 4})).weight) / 10;
  }
  EXPECT_NEAR(sum / .0067, 1, 0.2) << "2:4";
}

TEST(SparseGpt, Errors) {
  PruningLayer layer(2, 4, 16, 0, false, 15);
  auto message = [&](const SparseGptOptions &options = makeOptions(0.5)) {
    std::vector<float> weight = layer.weight;
    llvm::Expected<SparseGptResult> result =
        sparseGpt(weight.data(), layer.rows, layer.columns, layer.gram.data(), options);
    if (!result)
      EXPECT_EQ(std::memcmp(weight.data(), layer.weight.data(), 4 * weight.size()), 0);
    return result ? std::string("no error") : llvm::toString(result.takeError());
  };
  EXPECT_EQ(message(), "no error");
  SparseGptOptions options = makeOptions(0.5);
  options.blockSize = 0;
  EXPECT_EQ(message(options), "the block size of SparseGPT must be at least 1");
  options = makeOptions(0.5);
  options.damping = 2;
  EXPECT_EQ(message(options), "the damping of SparseGPT must be from 0 to 1, but is 2.00");
  EXPECT_EQ(message(makeOptions(1.5)),
            "the share of pruned weights must be at least 0 and less than 1, but is 1.50");
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::SymRestricted});
  options = makeOptions(NMPattern{1, 3});
  options.grid = &grid;
  options.group = 2;
  EXPECT_EQ(message(options), "groups of 2 columns for codes are neither a multiple nor a divisor "
                              "of the 3 of 1:3");
  PruningLayer good = layer;
  layer.weight[5] = NAN;
  EXPECT_EQ(message(), "the weight is not finite at [1, 1]");
  EXPECT_EQ(message(makeOptions(0)), "the weight is not finite at [1, 1]");
  layer = good;
  layer.gram[6] = INFINITY;
  EXPECT_EQ(message(), "the Gram matrix is not finite at [1, 2]");
  layer = good;
  layer.gram[5] = -1;
  EXPECT_EQ(message(), "the Gram matrix has the negative element -1.00 at [1, 1]");
  layer = good;
  layer.gram[1] = layer.gram[4] = 100 * layer.gram[0];
  EXPECT_EQ(message(), "the Gram matrix is not positive definite, not even with damping 1.00");
  std::fill(layer.gram.begin(), layer.gram.end(), 0.0f);
  EXPECT_EQ(message(), "the Gram matrix is zero: no input was seen");
  EXPECT_EQ(llvm::toString(sparseGpt(nullptr, 0, 4, nullptr, makeOptions(0.5)).takeError()),
            "a weight of 0 x 4 has no elements");
}

} // namespace
