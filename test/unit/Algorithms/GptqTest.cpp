//===- GptqTest.cpp - GPTQ against its definition and known numbers ------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Gptq.h"
#include "PruningLayer.h"
#include "gtest/gtest.h"
#include <cmath>
#include <numeric>
#include <random>
#include <thread>

using namespace mlir::compress;

namespace {

CodeGrid makeGrid(unsigned bits, GridConvention convention = GridConvention::AsymZeroIn) {
  DataType type = bits == 2   ? DataType::U2
                  : bits == 3 ? DataType::U3
                  : bits == 4 ? DataType::U4
                              : DataType::U8;
  if (!isAsymmetric(convention))
    type = bits == 2   ? DataType::I2
           : bits == 3 ? DataType::I3
           : bits == 4 ? DataType::I4
                       : DataType::I8;
  return CodeGrid::makeUniform({type, convention});
}

GptqResult run(const CodeGrid &grid, const PruningLayer &layer, size_t group = 0,
               const GptqOptions &options = {}) {
  llvm::Expected<GptqResult> result =
      gptq(grid, layer.weight.data(), layer.rows, layer.columns, group, layer.gram.data(), options);
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return {};
  }
  return std::move(*result);
}

double getError(const CodeGrid &grid, const PruningLayer &layer, size_t group = 0,
                const GptqOptions &options = {}) {
  return layer.getError(dequantizeMatrix(grid, run(grid, layer, group, options).matrix));
}

void runOnThreads(size_t n, llvm::function_ref<void(size_t)> body) {
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = n; i-- > 0;)
        if (i % 3 == t)
          body(i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

bool haveSameBlocks(const QuantizedMatrix &a, const QuantizedMatrix &b) {
  if (a.blocks.size() != b.blocks.size())
    return false;
  for (size_t i = 0; i < a.blocks.size(); ++i)
    if (a.blocks[i].scale != b.blocks[i].scale || a.blocks[i].zeroPoint != b.blocks[i].zeroPoint)
      return false;
  return true;
}

TEST(Gptq, UncorrelatedInputsGiveRoundToNearest) {
  PruningLayer layer(33, 70, 4, 0, false, 1);
  for (size_t i = 0; i < layer.columns; ++i)
    for (size_t j = 0; j < layer.columns; ++j)
      layer.gram[i * layer.columns + j] = i == j ? 3.7f : 0;
  for (size_t group : {0, 16, 32})
    for (bool actOrder : {false, true})
      for (WeightRange range : {WeightRange::MinMax, WeightRange::Mse}) {
        CodeGrid grid = makeGrid(3);
        GptqOptions options;
        options.actOrder = actOrder;
        options.range = range;
        GptqResult result = run(grid, layer, group, options);
        QuantizedMatrix nearest =
            quantizeMatrix(grid, layer.weight.data(), layer.rows, layer.columns,
                           group ? group : layer.columns, range);
        if (range == WeightRange::Mse) {
          // GPTQ measures squared errors, weights alone are measured with another norm.
          nearest.blocks = result.matrix.blocks;
          for (size_t row = 0; row < layer.rows; ++row)
            for (size_t column = 0; column < layer.columns; ++column)
              nearest.codes[row * layer.columns + column] = grid.encode(
                  layer.weight[row * layer.columns + column], nearest.getBlock(row, column));
        }
        EXPECT_EQ(result.matrix.codes, nearest.codes);
        EXPECT_TRUE(haveSameBlocks(result.matrix, nearest));
      }
}

TEST(Gptq, BlockSizeChangesOnlyRounding) {
  PruningLayer layer(64, 200, 400, 0.9, false, 2);
  for (size_t group : {0, 24, 64, 150}) {
    CodeGrid grid = makeGrid(4);
    GptqResult reference = run(grid, layer, group);
    for (size_t blockSize : {1, 7, 50, 200, 1000}) {
      GptqOptions options;
      options.blockSize = blockSize;
      GptqResult result = run(grid, layer, group, options);
      size_t different = 0;
      for (size_t i = 0; i < result.matrix.codes.size(); ++i)
        different += result.matrix.codes[i] != reference.matrix.codes[i];
      // A weight in the middle of two codes may fall to the other one, and what follows with it.
      EXPECT_LT(different, result.matrix.codes.size() / 50) << group << " " << blockSize;
      EXPECT_NEAR(result.loss / reference.loss, 1, 0.02) << group << " " << blockSize;
    }
  }
}

TEST(Gptq, ScaleOfTheGramMatrixDoesNotMatter) {
  PruningLayer layer(32, 96, 200, 0.9, true, 3);
  CodeGrid grid = makeGrid(3);
  GptqResult reference = run(grid, layer, 32);
  for (float factor : {0x1p-20f, 4.0f, 0x1p+30f}) {
    PruningLayer scaled = layer;
    for (float &value : scaled.gram)
      value *= factor;
    GptqResult result = run(grid, scaled, 32);
    EXPECT_EQ(result.matrix.codes, reference.matrix.codes) << factor;
    EXPECT_NEAR(result.loss / (reference.loss * double(factor)), 1, 1e-9);
  }
}

TEST(Gptq, LossIsTheErrorOfTheDampedProblem) {
  PruningLayer layer(24, 80, 160, 0.9, true, 4);
  CodeGrid grid = makeGrid(3);
  GptqResult result = run(grid, layer);
  EXPECT_EQ(result.damping, 0.01);
  PruningLayer damped = layer;
  double mean = 0;
  for (size_t i = 0; i < layer.columns; ++i)
    mean += double(layer.gram[i * layer.columns + i]) / double(layer.columns);
  for (size_t i = 0; i < layer.columns; ++i)
    damped.gram[i * layer.columns + i] += float(0.01 * mean);
  double expected = damped.getLoss(dequantizeMatrix(grid, result.matrix));
  EXPECT_NEAR(result.loss / expected, 1, 1e-4);
}

TEST(Gptq, DiagonalOfUIsThatOfTheTrailingInverses) {
  PruningLayer layer(1, 12, 40, 0.7, false, 5);
  size_t n = layer.columns;
  std::vector<double> u(layer.gram.begin(), layer.gram.end());
  ASSERT_FALSE(bool(choleskyOfInverse(u.data(), n)));
  for (size_t i = 0; i < n; ++i) {
    size_t rest = n - i;
    std::vector<double> trailing(rest * rest);
    for (size_t r = 0; r < rest; ++r)
      for (size_t c = 0; c < rest; ++c)
        trailing[r * rest + c] = layer.gram[(i + r) * n + i + c];
    ASSERT_FALSE(bool(cholesky(trailing.data(), rest)));
    ASSERT_FALSE(bool(invertFromCholesky(trailing.data(), rest)));
    EXPECT_NEAR(u[i * n + i] * u[i * n + i] / trailing[0], 1, 1e-11);
  }
}

/// Round to nearest, GPTQ and GPTQ with act_order for 2, 3, 4 and 8 bits per row: mean error of ten
/// layers, compared with the reference values within 20 %.
void checkTable(double rho, bool outliers, const std::array<double, 4> &nearest,
                const std::array<double, 4> &corrected, const std::array<double, 4> *ordered) {
  unsigned bits[] = {2, 3, 4, 8};
  std::array<double, 4> sums[3] = {};
  for (unsigned seed = 0; seed < 10; ++seed) {
    PruningLayer layer(64, 128, 512, rho, outliers, 100 + seed);
    for (int b = 0; b < 4; ++b) {
      CodeGrid grid = makeGrid(bits[b]);
      double rtn = layer.getError(
          dequantizeMatrix(grid, quantizeMatrix(grid, layer.weight.data(), layer.rows,
                                                layer.columns, layer.columns)));
      double error = getError(grid, layer);
      EXPECT_LE(error, rtn);
      sums[0][b] += rtn / 10;
      sums[1][b] += error / 10;
      GptqOptions options;
      options.actOrder = true;
      if (ordered)
        sums[2][b] += getError(grid, layer, 0, options) / 10;
    }
  }
  for (int b = 0; b < 4; ++b) {
    EXPECT_NEAR(sums[0][b] / nearest[b], 1, 0.2) << "round to nearest, bits " << bits[b];
    EXPECT_NEAR(sums[1][b] / corrected[b], 1, 0.2) << "GPTQ, bits " << bits[b];
    if (ordered)
      EXPECT_NEAR(sums[2][b] / (*ordered)[b], 1, 0.2) << "act_order, bits " << bits[b];
  }
}

TEST(Gptq, ErrorsOfWhiteInputs) {
  checkTable(0, false, {.2535, .0469, .01017, 3.5e-5}, {.2222, .0412, .00894, 3.1e-5}, nullptr);
}
TEST(Gptq, ErrorsOfCorrelatedInputs) {
  checkTable(0.9, false, {.2440, .0471, .01026, 3.5e-5}, {.0459, .0083, .00179, 6.2e-6}, nullptr);
}
TEST(Gptq, ErrorsOfInputsWithOutliers) {
  std::array<double, 4> ordered = {.0197, .0032, .00071, 2.4e-6};
  checkTable(0.95, true, {.2555, .0496, .01083, 3.6e-5}, {.0378, .0061, .00131, 4.3e-6}, &ordered);
}

TEST(Gptq, GroupsFollowTheUpdatedWeights) {
  // Groups of 32 in blocks of 128 (four groups per block): at least as good as one group per row.
  double grouped = 0, whole = 0;
  for (unsigned seed = 0; seed < 5; ++seed) {
    PruningLayer layer(64, 128, 512, 0.9, false, 200 + seed);
    grouped += getError(makeGrid(3), layer, 32);
    whole += getError(makeGrid(3), layer);
    // The parameters of a later group come from weights that have been updated.
    QuantizedMatrix nearest =
        quantizeMatrix(makeGrid(3), layer.weight.data(), layer.rows, layer.columns, 32);
    GptqResult result = run(makeGrid(3), layer, 32);
    size_t same[4] = {};
    for (size_t r = 0; r < layer.rows; ++r)
      for (size_t g = 0; g < 4; ++g)
        same[g] += result.matrix.blocks[r * 4 + g].scale == nearest.blocks[r * 4 + g].scale;
    EXPECT_EQ(same[0], layer.rows);
    for (size_t g = 1; g < 4; ++g)
      EXPECT_LT(same[g], layer.rows / 4) << g;
  }
  EXPECT_LT(grouped, whole);
}

TEST(Gptq, ActOrderHasTheGridsOfTheOriginalWeights) {
  PruningLayer layer(20, 100, 200, 0.9, true, 6);
  GptqOptions options;
  options.actOrder = true;
  GptqResult result = run(makeGrid(4), layer, 32, options);
  EXPECT_TRUE(haveSameBlocks(result.matrix, quantizeMatrix(makeGrid(4), layer.weight.data(),
                                                           layer.rows, layer.columns, 32)));
}

TEST(Gptq, Tables) {
  // A table with a zero: four-bit floats, groups of 32.
  const float e2m1[16] = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -.5f, -1, -1.5f, -2, -3, -4, -6};
  CodeGrid grid = CodeGrid::makeTable(DataType::F4E2M1FN, e2m1, ScaleRule::AbsMax);
  PruningLayer layer(64, 128, 512, 0.9, false, 7);
  double nearest = layer.getError(dequantizeMatrix(
      grid, quantizeMatrix(grid, layer.weight.data(), layer.rows, layer.columns, 32)));
  EXPECT_LT(getError(grid, layer, 32), 0.5 * nearest);
}

TEST(Gptq, SameForAnyNumberOfThreads) {
  PruningLayer layer(300, 96, 200, 0.9, true, 8);
  for (bool actOrder : {false, true}) {
    GptqOptions options;
    options.actOrder = actOrder;
    GptqResult serial = run(makeGrid(4), layer, 32, options);
    options.parallelFor = runOnThreads;
    GptqResult parallel = run(makeGrid(4), layer, 32, options);
    EXPECT_EQ(serial.matrix.codes, parallel.matrix.codes);
    EXPECT_TRUE(haveSameBlocks(serial.matrix, parallel.matrix));
    EXPECT_EQ(serial.loss, parallel.loss);
  }
}

TEST(Gptq, ColumnsThatWereNeverSeen) {
  PruningLayer layer(16, 64, 200, 0.9, false, 9);
  for (size_t dead : {size_t(0), size_t(17), size_t(63)})
    for (size_t j = 0; j < layer.columns; ++j)
      layer.gram[dead * layer.columns + j] = layer.gram[j * layer.columns + dead] = 0;
  for (bool actOrder : {false, true})
    for (GridConvention convention : {GridConvention::AsymZeroIn, GridConvention::SymRestricted}) {
      CodeGrid grid = makeGrid(4, convention);
      GptqOptions options;
      options.actOrder = actOrder;
      GptqResult result = run(grid, layer, 16, options);
      EXPECT_EQ(result.deadColumns, 3u);
      std::vector<float> rounded = dequantizeMatrix(grid, result.matrix);
      for (size_t r = 0; r < layer.rows; ++r)
        for (size_t dead : {size_t(0), size_t(17), size_t(63)})
          EXPECT_EQ(rounded[r * layer.columns + dead], 0.0f);
    }
}

TEST(Gptq, DampingGrowsUntilItIsEnough) {
  // Symmetric with a negative eigenvalue: -1 + lambda.
  size_t n = 16;
  PruningLayer layer(4, n, 8, 0, false, 10);
  auto makeGram = [&](float offDiagonal) {
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        layer.gram[i * n + j] = i == j ? 1 : 0;
    layer.gram[1] = layer.gram[n] = offDiagonal;
  };
  makeGram(1.05f);
  EXPECT_NEAR(run(makeGrid(4), layer).damping, 0.1, 1e-12);
  makeGram(1.5f);
  EXPECT_EQ(run(makeGrid(4), layer).damping, 1.0);
  GptqOptions none;
  none.damping = 0;
  makeGram(1.005f);
  EXPECT_EQ(run(makeGrid(4), layer, 0, none).damping, 0.01);
  makeGram(2.5f);
  EXPECT_EQ(llvm::toString(
                gptq(makeGrid(4), layer.weight.data(), 4, n, 0, layer.gram.data()).takeError()),
            "the Gram matrix is not positive definite, not even with damping 1.00");
}

TEST(Gptq, PrunedWeightsStayZeroAndTheirErrorIsMadeGood) {
  PruningLayer layer(64, 128, 512, 0.9, false, 11);
  std::vector<uint8_t> keep(layer.rows * layer.columns);
  std::vector<float> masked = layer.weight;
  for (size_t i = 0; i < keep.size(); ++i) {
    keep[i] = (i + i / layer.columns) % 2;
    masked[i] *= float(keep[i]);
  }
  for (bool actOrder : {false, true}) {
    CodeGrid grid = makeGrid(4, GridConvention::SymRestricted);
    GptqOptions options;
    options.keep = keep.data();
    options.actOrder = actOrder;
    GptqResult result = run(grid, layer, 32, options);
    std::vector<float> rounded = dequantizeMatrix(grid, result.matrix);
    for (size_t i = 0; i < keep.size(); ++i)
      if (!keep[i])
        ASSERT_EQ(rounded[i], 0.0f);
    // Dropping the weights without making it good is much worse.
    EXPECT_LT(layer.getError(rounded), 0.5 * layer.getError(masked));
  }
  // A mask that keeps everything changes nothing.
  std::fill(keep.begin(), keep.end(), 1);
  GptqOptions options;
  options.keep = keep.data();
  EXPECT_EQ(run(makeGrid(3), layer, 32, options).matrix.codes,
            run(makeGrid(3), layer, 32).matrix.codes);
}

TEST(Gptq, Errors) {
  PruningLayer layer(2, 4, 16, 0, false, 12);
  CodeGrid grid = makeGrid(4);
  auto message = [&](const GptqOptions &options = {}) {
    llvm::Expected<GptqResult> result =
        gptq(grid, layer.weight.data(), layer.rows, layer.columns, 0, layer.gram.data(), options);
    return result ? std::string("no error") : llvm::toString(result.takeError());
  };
  EXPECT_EQ(message(), "no error");
  GptqOptions options;
  options.blockSize = 0;
  EXPECT_EQ(message(options), "the block size of GPTQ must be at least 1");
  options = {};
  options.damping = -1;
  EXPECT_EQ(message(options), "the damping of GPTQ must be from 0 to 1, but is -1.00");
  PruningLayer good = layer;
  layer.weight[5] = INFINITY;
  EXPECT_EQ(message(), "the weight is not finite at [1, 1]");
  layer = good;
  layer.gram[6] = NAN;
  EXPECT_EQ(message(), "the Gram matrix is not finite at [1, 2]");
  layer = good;
  layer.gram[5] = -1;
  EXPECT_EQ(message(), "the Gram matrix has the negative element -1.00 at [1, 1]");
  std::fill(layer.gram.begin(), layer.gram.end(), 0.0f);
  EXPECT_EQ(message(), "the Gram matrix is zero: no input was seen");
  EXPECT_EQ(llvm::toString(gptq(grid, nullptr, 0, 4, 0, nullptr).takeError()),
            "a weight of 0 x 4 has no elements");
}

//===----------------------------------------------------------------------===//
// GPTAQ
//===----------------------------------------------------------------------===//

/// |W^ X - W X~|^2, the objective of GPTAQ, relative to |W X~|^2.
double getAsymmetricError(const PruningLayer &layer, const std::vector<float> &exact,
                          const std::vector<float> &rounded) {
  double error = 0, energy = 0;
  for (size_t r = 0; r < layer.rows; ++r)
    for (size_t v = 0; v < layer.vectors; ++v) {
      double now = 0, wanted = 0;
      for (size_t j = 0; j < layer.columns; ++j) {
        now += double(rounded[r * layer.columns + j]) * double(layer.inputs[v * layer.columns + j]);
        wanted +=
            double(layer.weight[r * layer.columns + j]) * double(exact[v * layer.columns + j]);
      }
      error += (now - wanted) * (now - wanted);
      energy += wanted * wanted;
    }
  return error / energy;
}

TEST(Gptaq, NoDifferenceGivesGptq) {
  PruningLayer layer(40, 100, 200, 0.9, true, 13);
  std::vector<float> cross(layer.columns * layer.columns);
  for (bool actOrder : {false, true}) {
    GptqOptions options;
    options.actOrder = actOrder;
    GptqResult plain = run(makeGrid(3), layer, 32, options);
    options.cross = cross.data();
    GptqResult result = run(makeGrid(3), layer, 32, options);
    EXPECT_EQ(result.matrix.codes, plain.matrix.codes);
    EXPECT_EQ(result.loss, plain.loss);
  }
}

TEST(Gptaq, BringsTheOutputNearerToTheUncompressedOne) {
  double plain = 0, corrected = 0, ordered = 0;
  for (unsigned seed = 0; seed < 5; ++seed) {
    PruningLayer layer(64, 96, 400, 0.8, false, 300 + seed);
    // The uncompressed model has inputs that the compressed predecessor shrank and disturbed.
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal;
    std::vector<float> exact(layer.inputs), difference(layer.inputs.size());
    for (size_t i = 0; i < exact.size(); ++i) {
      exact[i] = layer.inputs[i] * 1.1f + 0.1f * normal(rng);
      difference[i] = exact[i] - layer.inputs[i];
    }
    std::vector<float> cross(layer.columns * layer.columns);
    addOuterProducts(cross.data(), layer.columns, difference.data(), layer.inputs.data(),
                     layer.columns, layer.vectors);
    CodeGrid grid = makeGrid(4);
    auto evaluate = [&](const GptqOptions &options) {
      return getAsymmetricError(layer, exact,
                                dequantizeMatrix(grid, run(grid, layer, 0, options).matrix));
    };
    plain += evaluate({});
    GptqOptions options;
    options.cross = cross.data();
    corrected += evaluate(options);
    options.actOrder = true;
    ordered += evaluate(options);
    if (seed == 0) {
      // One formula for all sizes of blocks.
      GptqOptions small = options;
      small.actOrder = false;
      double whole = evaluate(small);
      small.blockSize = 16;
      EXPECT_NEAR(evaluate(small) / whole, 1, 0.05);
    }
  }
  EXPECT_LT(corrected, 0.95 * plain);
  EXPECT_LT(ordered, 0.95 * plain);
}

TEST(Gptaq, CrossMustBeFinite) {
  PruningLayer layer(2, 4, 16, 0, false, 14);
  std::vector<float> cross(16);
  cross[7] = NAN;
  GptqOptions options;
  options.cross = cross.data();
  EXPECT_EQ(
      llvm::toString(
          gptq(makeGrid(4), layer.weight.data(), 2, 4, 0, layer.gram.data(), options).takeError()),
      "the cross matrix of GPTAQ is not finite at [1, 3]");
}

} // namespace
