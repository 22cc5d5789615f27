//===- CodeGridTest.cpp - code grids against the formulas -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/CodeGrid.h"
#include "NaiveFloats.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Support/NumericFormats.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::compress;

namespace {

const GridConvention kConventions[] = {GridConvention::SymRestricted, GridConvention::SymFullRange,
                                       GridConvention::SymSignedMax, GridConvention::AsymZeroIn,
                                       GridConvention::AsymMinMax};

std::vector<float> makeNormal(size_t count, unsigned seed, float mean = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean);
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

double getError(const CodeGrid &grid, const float *values, size_t count, BlockParameters block,
                double norm) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    uint8_t code;
    sum += std::pow(std::fabs(double(grid.round(values[i], block, code)) - values[i]), norm);
  }
  return sum;
}

/// The search as it is defined, in double precision.
BlockParameters searchNaively(const CodeGrid &grid, const float *values, size_t count,
                              double norm) {
  BlockParameters best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 80; ++i) {
    BlockParameters next = grid.fit(values, count, 1, static_cast<float>(1 - i / 100.0));
    double sum = getError(grid, values, count, next, norm);
    if (sum < least) {
      least = sum;
      best = next;
    }
  }
  return best;
}

TEST(CodeGrid, UniformGridsAreThoseOfQuantizeUniform) {
  const size_t rows = 7, columns = 75, group = 32, groups = 3;
  std::vector<float> weight = makeNormal(rows * columns, 3, 0.4f);
  std::fill_n(weight.begin() + columns, group, 0.0f);       // a block of zeros
  std::fill_n(weight.begin() + 2 * columns, group, 1e-30f); // a scale that f16 lacks
  for (size_t i = 0; i < group; ++i)                        // no negative value
    weight[3 * columns + i] = std::fabs(weight[3 * columns + i]) + 1;
  weight[4 * columns] = -(weight[4 * columns + 1] = 9); // -low == high
  for (DataType type : {DataType::I2, DataType::I3, DataType::I4, DataType::I6, DataType::I8,
                        DataType::U2, DataType::U3, DataType::U4, DataType::U6, DataType::U8})
    for (GridConvention convention : kConventions)
      for (DataType scaleType : {DataType::F32, DataType::F16, DataType::BF16}) {
        UniformGrid uniform{type, convention};
        unsigned bits = getBitWidth(type);
        std::vector<uint8_t> codes(rows * columns), zeros(rows * groups);
        std::vector<char> scales(rows * groups * naive::getBytes(scaleType));
        QuantizationResult result = quantizeUniform(
            uniform, {rows, columns, 1}, group, DataType::F32, weight.data(), scaleType,
            codes.data(), scales.data(), isAsymmetric(convention) ? zeros.data() : nullptr);
        ASSERT_FALSE(result.fault);
        CodeGrid grid = CodeGrid::makeUniform(uniform, scaleType);
        EXPECT_TRUE(grid.isUniform());
        EXPECT_EQ(grid.hasZeroPoints(), isAsymmetric(convention));
        QuantizedMatrix matrix = quantizeMatrix(grid, weight.data(), rows, columns, group);
        std::vector<float> values = dequantizeMatrix(grid, matrix);
        std::vector<float> expected(rows * columns);
        QuantizedTensor tensor{{rows, columns, 1},
                               group,
                               type,
                               scaleType,
                               codes.data(),
                               scales.data(),
                               isAsymmetric(convention) ? zeros.data() : nullptr};
        // Unsigned symmetric codes have an implied zero point.
        std::vector<uint8_t> middle(rows * groups);
        if (!isAsymmetric(convention) && isUnsigned(type)) {
          std::fill(middle.begin(), middle.end(), uint8_t(1 << (bits - 1)));
          zeros.resize(rows * groups);
          packCodes(middle.data(), middle.size(), bits, zeros.data());
          tensor.zeroPoints = zeros.data();
        }
        dequantizeUniform(tensor, DataType::F32, expected.data());
        for (size_t r = 0; r < rows; ++r)
          for (size_t c = 0; c < columns; ++c) {
            size_t i = r * columns + c;
            unsigned code = naive::getCode(codes, bits, false, i);
            ASSERT_EQ(unsigned(matrix.codes[i]), code) << getName(type).str() << " " << i;
            ASSERT_EQ(values[i], expected[i]);
            const BlockParameters &block = matrix.getBlock(r, c);
            ASSERT_EQ(block.scale, naive::get(scales, scaleType, r * groups + c / group));
            ASSERT_EQ(grid.encode(weight[i], block), code);
            ASSERT_EQ(grid.decode(code, block), expected[i]);
          }
      }
}

TEST(CodeGrid, RoundsColumnsAsElements) {
  const size_t count = 700, stride = 3;
  std::vector<float> values = makeNormal(count * stride, 5);
  std::vector<float> large(300);
  for (int i = 0; i < 300; ++i)
    large[i] = std::sinh((i - 128) / 40.0f);
  large.resize(256);
  float small[] = {0.5f, -1, 0, 1};
  for (const CodeGrid &grid : {CodeGrid::makeUniform({DataType::I4}),
                               CodeGrid::makeUniform({DataType::U3, GridConvention::AsymZeroIn}),
                               CodeGrid::makeTable(DataType::U2, small, ScaleRule::AbsMax),
                               CodeGrid::makeTable(DataType::U8, large, ScaleRule::AbsMax)}) {
    std::vector<BlockParameters> blocks(count);
    for (size_t i = 0; i < count; ++i)
      blocks[i] = grid.fit(&values[i * stride / 2], 40);
    std::vector<uint8_t> codes(count * 2, 0xee);
    std::vector<float> rounded(count);
    grid.roundColumn(values.data(), stride, blocks.data(), count, codes.data(), 2, rounded.data());
    for (size_t i = 0; i < count; ++i) {
      uint8_t code;
      ASSERT_EQ(rounded[i], grid.round(values[i * stride], blocks[i], code));
      ASSERT_EQ(codes[i * 2], code);
      ASSERT_EQ(codes[i * 2 + 1], 0xee);
    }
    grid.roundColumn(values.data(), stride, blocks.data(), 5, codes.data(), 2, nullptr);
  }
}

TEST(CodeGrid, TablesTakeTheNearestValue) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  for (size_t size : {2, 5, 16, 17, 200, 256}) {
    std::vector<float> table(size);
    for (float &value : table)
      value = normal(random);
    CodeGrid grid = CodeGrid::makeTable(DataType::U8, table, ScaleRule::AbsMax);
    EXPECT_FALSE(grid.isUniform());
    for (int i = 0; i < 2000; ++i) {
      float x = normal(random) * (i % 3 ? 1 : 1e-3f);
      BlockParameters block{i % 2 ? 1.0f : 0.25f, 0};
      double distance = std::numeric_limits<double>::infinity();
      for (float value : table)
        distance = std::min(distance, std::fabs(double(value) - x / block.scale));
      unsigned code = grid.encode(x, block);
      ASSERT_LT(code, size);
      ASSERT_EQ(std::fabs(double(table[code]) - x / block.scale), distance);
      ASSERT_EQ(grid.decode(code, block), block.scale * table[code]);
    }
    EXPECT_EQ(table[grid.encode(1e30f, {})], *std::max_element(table.begin(), table.end()));
    EXPECT_EQ(table[grid.encode(-1e30f, {})], *std::min_element(table.begin(), table.end()));
  }
}

TEST(CodeGrid, TiesOfTables) {
  float table[] = {2, 0, 1, -0.0f};
  CodeGrid lower = CodeGrid::makeTable(DataType::U2, table, ScaleRule::AbsMax);
  EXPECT_EQ(lower.encode(0.5f, {}), 1);
  EXPECT_EQ(lower.encode(std::nextafterf(0.5f, 1), {}), 2);
  EXPECT_EQ(lower.encode(1.5f, {}), 2);
  EXPECT_EQ(lower.encode(-0.0f, {}), 1) << "the first of equal values";
  CodeGrid::Bound bounds[] = {{0.5f, true}, {1.25f, false}};
  CodeGrid bounded =
      CodeGrid::makeTable(DataType::U2, table, ScaleRule::AbsMax, DataType::F32, bounds);
  EXPECT_EQ(bounded.encode(0.5f, {}), 2);
  EXPECT_EQ(bounded.encode(std::nextafterf(0.5f, 0), {}), 1);
  EXPECT_EQ(bounded.encode(1.25f, {}), 2);
  EXPECT_EQ(bounded.encode(1.3f, {}), 0);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  float ternary[] = {0, 1, nan, -1};
  CodeGrid unused = CodeGrid::makeTable(DataType::I2, ternary, ScaleRule::AbsMax);
  EXPECT_EQ(unused.encode(-7, {}), 3);
  EXPECT_EQ(unused.encode(7, {}), 1);
  EXPECT_EQ(unused.encode(0, {}), 0);
}

TEST(CodeGrid, ScalesOfTables) {
  float table[] = {0, 1, 3, 6, -1, -3, -6}, signs[] = {-1, 1}, ternary[] = {0, 1, -1};
  float values[] = {0.5f, -0.3f, 1.4f, 0};
  CodeGrid absmax = CodeGrid::makeTable(DataType::U3, table, ScaleRule::AbsMax);
  EXPECT_EQ(absmax.fit(values, 4).scale, 1.4f / 6);
  EXPECT_EQ(absmax.fit(values, 4, 1, 0.5f).scale, 0.7f / 6);
  EXPECT_EQ(absmax.fit(values, 2, 2).scale, 1.4f / 6);
  EXPECT_EQ(absmax.fit(values + 3, 1).scale, 1);
  CodeGrid half = CodeGrid::makeTable(DataType::U3, table, ScaleRule::AbsMax, DataType::F16);
  EXPECT_EQ(half.fit(values, 4).scale, float(roundToType(DataType::F16, 1.4f / 6)));
  // The largest power of two of the table is 4: 2^(floor(log2 1.4) - 2).
  CodeGrid power = CodeGrid::makeTable(DataType::U3, table, ScaleRule::PowerOfTwo);
  EXPECT_EQ(power.getScaleType(), DataType::F8E8M0FNU);
  EXPECT_EQ(power.fit(values, 4).scale, 0.25f);
  EXPECT_EQ(power.fit(values, 4, 1, 0.5f).scale, 0.125f);
  EXPECT_EQ(power.fit(values + 3, 1).scale, 1);
  float tiny = 1e-44f;
  EXPECT_EQ(power.fit(&tiny, 1).scale, std::ldexp(1.0f, -127));
  CodeGrid e4m3 = CodeGrid::makeTable(DataType::U3, table, ScaleRule::E4M3);
  EXPECT_EQ(e4m3.getScaleType(), DataType::F8E4M3FN);
  e4m3.setTensorScale(0.01f);
  float stored = float(roundToType(DataType::F8E4M3FN, 1.4f / (6 * 0.01f)));
  EXPECT_EQ(e4m3.fit(values, 4).scale, stored * 0.01f);
  EXPECT_EQ(e4m3.fit(values + 3, 1).scale, 0.01f);
  CodeGrid mean = CodeGrid::makeTable(DataType::Bool, signs, ScaleRule::MeanAbs);
  EXPECT_EQ(mean.fit(values, 4).scale, float((0.5 + 0.3f + 1.4f) / 4));
  // 1.4^2, 1.9^2 / 2, 2.2^2 / 3: the largest magnitude alone.
  CodeGrid exact = CodeGrid::makeTable(DataType::I2, ternary, ScaleRule::TernaryExact);
  EXPECT_EQ(exact.fit(values, 4).scale, 1.4f);
  EXPECT_EQ(exact.fit(values, 2).scale, float((0.5 + 0.3f) / 2));
}

TEST(CodeGrid, SearchFindsTheLeastError) {
  float table[] = {-1,    -0.7f, -0.5f, -0.4f, -0.3f, -0.2f, -0.1f, 0,
                   0.08f, 0.16f, 0.25f, 0.34f, 0.44f, 0.56f, 0.72f, 1};
  std::vector<float> large(256);
  for (int i = 0; i < 256; ++i)
    large[i] = std::sinh((i - 128) / 40.0f);
  std::vector<CodeGrid> grids;
  for (GridConvention convention : kConventions)
    for (DataType type : {DataType::U2, DataType::I4, DataType::I8})
      grids.push_back(CodeGrid::makeUniform(
          {type, convention},
          convention == GridConvention::SymSignedMax ? DataType::BF16 : DataType::F32));
  for (ScaleRule rule :
       {ScaleRule::AbsMax, ScaleRule::PowerOfTwo, ScaleRule::E4M3, ScaleRule::MeanAbs}) {
    grids.push_back(CodeGrid::makeTable(DataType::U4, table, rule));
    grids.push_back(CodeGrid::makeTable(DataType::U8, large, rule));
  }
  for (CodeGrid &grid : grids) {
    grid.setTensorScale(0.005f);
    for (unsigned seed = 0; seed < 30; ++seed) {
      size_t count = seed % 4 == 3 ? 1000 : 32 + seed * 3;
      std::vector<float> values = makeNormal(count, seed, seed % 3 ? 0 : 0.5f);
      if (seed % 5 == 0)
        values[seed] = 12;
      for (float norm : {2.4f, 2.0f}) {
        BlockParameters found = grid.fitMse(values.data(), count, 1, {}, norm);
        BlockParameters exact = searchNaively(grid, values.data(), count, norm);
        double least = getError(grid, values.data(), count, exact, norm);
        ASSERT_LE(getError(grid, values.data(), count, found, norm), least * (1 + 1e-5));
        // The same block with a stride.
        std::vector<float> spread(count * 2);
        for (size_t i = 0; i < count; ++i)
          spread[i * 2] = values[i];
        BlockParameters again = grid.fitMse(spread.data(), count, 2, {}, norm);
        ASSERT_EQ(again.scale, found.scale);
        ASSERT_EQ(again.zeroPoint, found.zeroPoint);
        std::vector<float> ones(count, 1);
        again = grid.fitMse(values.data(), count, 1, ones, norm);
        ASSERT_EQ(again.scale, found.scale);
      }
    }
  }
}

TEST(CodeGrid, SearchWeighsErrors) {
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::SymRestricted});
  std::vector<float> values = makeNormal(128, 1), weights(128, 1);
  values[5] = 8;
  BlockParameters plain = grid.fitMse(values.data(), 128);
  weights[5] = 1e6f;
  BlockParameters careful = grid.fitMse(values.data(), 128, 1, weights);
  weights[5] = 0;
  BlockParameters careless = grid.fitMse(values.data(), 128, 1, weights);
  EXPECT_LT(careless.scale, plain.scale);
  EXPECT_LT(plain.scale, careful.scale);
  EXPECT_NEAR(careful.scale, 8.0f / 7, 0.02);
  // Zeros, and equal errors for all factors: the largest.
  std::vector<float> zeros(128);
  EXPECT_EQ(grid.fitMse(zeros.data(), 128).scale, 1);
  std::fill(weights.begin(), weights.end(), 0.0f);
  EXPECT_EQ(grid.fitMse(values.data(), 128, 1, weights).scale, grid.fit(values.data(), 128).scale);
}

TEST(CodeGrid, MatricesDoNotDependOnThreads) {
  const size_t rows = 300, columns = 1000;
  std::vector<float> weight = makeNormal(rows * columns, 2);
  CodeGrid grid = CodeGrid::makeUniform({DataType::I4, GridConvention::SymSignedMax});
  auto backwards = [](size_t n, llvm::function_ref<void(size_t)> body) {
    while (n > 0)
      body(--n);
  };
  for (WeightRange range : {WeightRange::MinMax, WeightRange::Mse}) {
    QuantizedMatrix one = quantizeMatrix(grid, weight.data(), rows, columns, 128, range);
    QuantizedMatrix two = quantizeMatrix(grid, weight.data(), rows, columns, 128, range, backwards);
    EXPECT_EQ(one.getNumGroups(), 8u);
    EXPECT_EQ(one.codes, two.codes);
    for (size_t i = 0; i < one.blocks.size(); ++i)
      ASSERT_EQ(one.blocks[i].scale, two.blocks[i].scale);
  }
  EXPECT_TRUE(quantizeMatrix(grid, weight.data(), 0, 5, 8).codes.empty());
}

} // namespace
