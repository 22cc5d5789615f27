//===- CodeTablesTest.cpp - named weight formats --------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/CodeTables.h"
#include "NormalTable.h"
#include "compress/Support/NumericFormats.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <set>

using namespace mlir::compress;

namespace {

/// Mean squared error of 2^20 normal numbers in blocks.
double getNormalError(CodeGrid grid, size_t group, bool isNVFP4 = false) {
  const size_t rows = 1024, columns = 1024;
  static const std::vector<float> weight = normal::makeSample(rows * columns, 1);
  float amax = 0;
  for (float value : weight)
    amax = std::max(amax, std::fabs(value));
  if (isNVFP4)
    grid.setTensorScale(getNVFP4TensorScale(amax));
  std::vector<float> rounded =
      dequantizeMatrix(grid, quantizeMatrix(grid, weight.data(), rows, columns, group));
  double sum = 0;
  for (size_t i = 0; i < weight.size(); ++i)
    sum += (double(rounded[i]) - weight[i]) * (double(rounded[i]) - weight[i]);
  return sum / weight.size();
}

struct Named {
  const char *name;
  CodeGrid grid;
  size_t group;
};
std::vector<Named> makeAll() {
  std::vector<Named> all = {
      {"nf4", makeNF4Grid(), 64},
      {"nf4 f16", makeNF4Grid(DataType::F16), 64},
      {"fp4", makeFP4Grid(), 64},
      {"fp8", makeFloatGrid(DataType::F8E4M3FN, ScaleRule::AbsMax), 64},
      {"fp8 e5m2", makeFloatGrid(DataType::F8E5M2, ScaleRule::AbsMax), 64},
      {"mxfp8", makeFloatGrid(DataType::F8E4M3FN, ScaleRule::PowerOfTwo), 32},
      {"mxfp8 e5m2", makeFloatGrid(DataType::F8E5M2, ScaleRule::PowerOfTwo), 32},
      {"mxfp6", makeFloatGrid(DataType::F6E3M2FN, ScaleRule::PowerOfTwo), 32},
      {"mxfp6 e2m3", makeFloatGrid(DataType::F6E2M3FN, ScaleRule::PowerOfTwo), 32},
      {"mxfp4", makeFloatGrid(DataType::F4E2M1FN, ScaleRule::PowerOfTwo), 32},
      {"nvfp4", makeFloatGrid(DataType::F4E2M1FN, ScaleRule::E4M3), 16},
      {"binary", makeBinaryGrid(), 64},
      {"ternary", makeTernaryGrid(), 64},
  };
  all.back().grid.setTensorScale(1);
  for (Named &named : all)
    named.grid.setTensorScale(getNVFP4TensorScale(5));
  for (unsigned bits = 2; bits <= 8; ++bits)
    all.push_back({"pow2", makePow2Grid(bits), 64});
  return all;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

TEST(CodeTables, NF4IsMadeOfNormalQuantiles) {
  // Positive side: quantiles of linspace(offset, 1/2, 9) without the last; negative side with 8.
  const double offset = 1 - 0.5 * (1 / 32.0 + 1 / 30.0);
  EXPECT_NEAR(offset, 0.9677083, 1e-7);
  std::vector<double> values = {0};
  for (int i = 0; i < 8; ++i)
    values.push_back(normal::getQuantile(offset + (0.5 - offset) * i / 8));
  for (int i = 0; i < 7; ++i)
    values.push_back(-normal::getQuantile(offset + (0.5 - offset) * i / 7));
  std::sort(values.begin(), values.end());
  ASSERT_EQ(values.size(), 16u);
  for (int i = 0; i < 16; ++i)
    EXPECT_NEAR(getNF4Table()[i], values[i] / values.back(), 2e-7);
  EXPECT_EQ(getNF4Table()[1], -0.6961928009986877f);
  EXPECT_EQ(getNF4Table()[14], 0.7229568362236023f);
  EXPECT_EQ(makeNF4Grid().getCodeType(), DataType::U4);
}

TEST(CodeTables, FP4HasBitsandbytesOrder) {
  const double twelfths[] = {0, 0.0625, 8, 12, 4, 6, 2, 3};
  CodeGrid grid = makeFP4Grid();
  for (int code = 0; code < 8; ++code) {
    EXPECT_NEAR(getFP4Table()[code] * 12, twelfths[code], 1e-6);
    EXPECT_EQ(getFP4Table()[code + 8], -getFP4Table()[code]);
    EXPECT_EQ(grid.encode(getFP4Table()[code], {}), code);
    EXPECT_EQ(grid.encode(-getFP4Table()[code], {}), code ? code + 8 : 0);
  }
  // Between 1 and 2/3 in thirds of 1/2: nearer to zero on both sides.
  EXPECT_EQ(grid.encode(0.84f, {}), 3);
  EXPECT_EQ(grid.encode(0.83f, {}), 2);
  EXPECT_EQ(grid.encode(-0.84f, {}), 11);
  EXPECT_EQ(grid.encode(-0.83f, {}), 10);
}

TEST(CodeTables, FloatsRoundAsTheConversionDoes) {
  for (DataType type : {DataType::F8E4M3FN, DataType::F8E5M2, DataType::F6E3M2FN,
                        DataType::F6E2M3FN, DataType::F4E2M1FN}) {
    CodeGrid grid = makeFloatGrid(type, ScaleRule::AbsMax);
    std::vector<float> table = getFloatTable(type);
    EXPECT_EQ(table.size(), size_t(1) << getBitWidth(type));
    std::vector<float> inputs = normal::makeSample(4000, 3);
    for (size_t i = 0; i < inputs.size(); ++i)
      inputs[i] *= std::ldexp(1.0f, int(i % 40) - 22);
    std::set<float> sorted;
    for (float value : table)
      if (std::isfinite(value))
        sorted.insert(value);
    // All values, midpoints, and their neighbours.
    for (auto it = sorted.begin(); it != sorted.end(); ++it) {
      inputs.push_back(*it);
      if (std::next(it) == sorted.end())
        continue;
      float middle = (*it + *std::next(it)) / 2;
      inputs.insert(inputs.end(),
                    {middle, std::nextafterf(middle, -1e9f), std::nextafterf(middle, 1e9f)});
    }
    inputs.insert(inputs.end(), {1e9f, -1e9f});
    for (float x : inputs)
      ASSERT_EQ(grid.decode(grid.encode(x, {}), {}), float(decodeFloat(type, encodeFloat(type, x))))
          << getName(type).str() << " " << x;
    float max = float(getMaxFinite(type));
    EXPECT_EQ(grid.fit(&max, 1).scale, 1);
  }
}

TEST(CodeTables, Pow2RoundsTheLogarithm) {
  EXPECT_EQ(getPow2Table(2), (std::vector<float>{0, 1, 0, -1}));
  EXPECT_EQ(getPow2Table(3), (std::vector<float>{0, 0.25f, 0.5f, 1, 0, -0.25f, -0.5f, -1}));
  for (unsigned bits = 2; bits <= 8; ++bits) {
    CodeGrid grid = makePow2Grid(bits);
    EXPECT_EQ(getBitWidth(grid.getCodeType()), bits);
    std::vector<float> values = normal::makeSample(512, bits);
    BlockParameters block = grid.fit(values.data(), values.size());
    double top = 0;
    for (float value : values)
      top = std::max(top, std::fabs(double(value)));
    double largest = std::exp2(std::round(std::log2(top)));
    EXPECT_EQ(block.scale, largest);
    for (float value : values) {
      double expected = std::copysign(std::exp2(std::round(std::log2(std::fabs(value)))), value);
      if (std::fabs(expected) < std::ldexp(largest, 2 - (1 << (bits - 1))))
        expected = 0;
      uint8_t code;
      ASSERT_EQ(grid.round(value, block, code), expected);
    }
  }
}

TEST(CodeTables, BinaryHasNoZero) {
  CodeGrid grid = makeBinaryGrid();
  EXPECT_EQ(grid.getCodeType(), DataType::U1);
  float values[] = {-0.5f, 0, 1, -0.0f};
  BlockParameters block = grid.fit(values, 4);
  EXPECT_EQ(block.scale, 0.375f);
  QuantizedMatrix matrix = quantizeMatrix(grid, values, 1, 4, 4);
  EXPECT_EQ(matrix.codes, (std::vector<uint8_t>{0, 1, 1, 1}));
  EXPECT_EQ(dequantizeMatrix(grid, matrix), (std::vector<float>{-0.375f, 0.375f, 0.375f, 0.375f}));
  // A block of zeros has the scale 0.
  float zeros[3] = {};
  matrix = quantizeMatrix(grid, zeros, 1, 3, 3);
  for (float value : dequantizeMatrix(grid, matrix))
    EXPECT_EQ(value, 0);
}

//===----------------------------------------------------------------------===//
// Microscaling and NVFP4
//===----------------------------------------------------------------------===//

TEST(CodeTables, MicroscalingBlocks) {
  struct Case {
    DataType type;
    int emax;
    float max;
  };
  for (auto [type, emax, max] : {Case{DataType::F4E2M1FN, 2, 6}, Case{DataType::F6E2M3FN, 2, 7.5f},
                                 Case{DataType::F6E3M2FN, 4, 28}, Case{DataType::F8E4M3FN, 8, 448},
                                 Case{DataType::F8E5M2, 15, 57344}}) {
    CodeGrid grid = makeFloatGrid(type, ScaleRule::PowerOfTwo);
    EXPECT_EQ(grid.getScaleType(), DataType::F8E8M0FNU);
    for (float amax : {1.0f, 1.99f, 2.0f, 0.3f, 1e-3f, 700.0f}) {
      float block[] = {amax / 3, -amax, 0};
      EXPECT_EQ(grid.fit(block, 3).scale, std::exp2(std::floor(std::log2(amax)) - emax));
    }
    // amax / s is below 2^(emax + 1) and saturates at the largest value.
    float block[] = {1.99f, -1.99f};
    BlockParameters parameters = grid.fit(block, 2);
    EXPECT_EQ(grid.decode(grid.encode(1.99f, parameters), parameters), std::ldexp(max, -emax));
    EXPECT_EQ(grid.decode(grid.encode(-1.99f, parameters), parameters), -std::ldexp(max, -emax));
    float zeros[32] = {};
    EXPECT_EQ(grid.fit(zeros, 32).scale, 1);
    EXPECT_EQ(grid.encode(0, {}), 0);
    float small = 1e-40f, large = 3e38f;
    EXPECT_EQ(grid.fit(&small, 1).scale, std::ldexp(1.0f, -127));
    EXPECT_EQ(grid.fit(&large, 1).scale, std::ldexp(1.0f, 127 - emax));
  }
  // Ties of E2M1 to the even code: 0.25 1.25 2.5 5 down, 0.75 1.75 3.5 up.
  CodeGrid grid = makeFloatGrid(DataType::F4E2M1FN, ScaleRule::PowerOfTwo);
  const float bounds[] = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5}, // sorted
      rounded[] = {0, 1, 1, 2, 2, 4, 4};
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(grid.decode(grid.encode(bounds[i], {}), {}), rounded[i]);
    EXPECT_EQ(grid.decode(grid.encode(-bounds[i], {}), {}), -rounded[i]);
  }
  EXPECT_EQ(grid.encode(-6, {}), 8 | 7) << "sign << 3 | index";
}

TEST(CodeTables, NVFP4Blocks) {
  CodeGrid grid = makeFloatGrid(DataType::F4E2M1FN, ScaleRule::E4M3);
  EXPECT_EQ(grid.getScaleType(), DataType::F8E4M3FN);
  EXPECT_EQ(getNVFP4TensorScale(0), 1);
  const float amax = 5.25f, factor = getNVFP4TensorScale(amax);
  EXPECT_EQ(factor, amax / 2688);
  grid.setTensorScale(factor);
  // The block with the largest magnitude has the scale 448 and keeps it.
  float block[16] = {1, -5.25f, 0.5f};
  BlockParameters parameters = grid.fit(block, 16);
  EXPECT_EQ(parameters.scale, 448 * factor);
  EXPECT_NEAR(grid.decode(grid.encode(-5.25f, parameters), parameters), -5.25f, 1e-6);
  float other[] = {0.7f, -0.3f};
  EXPECT_EQ(grid.fit(other, 2).scale,
            float(roundToType(DataType::F8E4M3FN, 0.7f / (6 * factor))) * factor);
  float zeros[16] = {};
  EXPECT_EQ(grid.fit(zeros, 16).scale, factor) << "0 becomes 1";
}

//===----------------------------------------------------------------------===//
// All formats
//===----------------------------------------------------------------------===//

TEST(CodeTables, ErrorsOfTheNormalDistribution) {
  auto uniform = [](GridConvention convention, DataType type = DataType::I4) {
    return CodeGrid::makeUniform({type, convention});
  };
  CodeGrid e2m1 = makeFloatGrid(DataType::F4E2M1FN, ScaleRule::AbsMax);
  EXPECT_NEAR(getNormalError(makeNF4Grid(), 64), 0.008459, 4e-5);
  EXPECT_NEAR(getNormalError(uniform(GridConvention::SymFullRange, DataType::U4), 64), 0.010587,
              5e-5);
  EXPECT_NEAR(getNormalError(e2m1, 64), 0.011183, 5e-5);
  EXPECT_NEAR(getNormalError(uniform(GridConvention::SymRestricted), 64), 0.011609, 5e-5);
  EXPECT_NEAR(getNormalError(makeFP4Grid(), 64), 0.014889, 6e-5);
  EXPECT_NEAR(getNormalError(uniform(GridConvention::AsymMinMax, DataType::U4), 64), 0.0083, 6e-5);
  EXPECT_NEAR(getNormalError(makeFloatGrid(DataType::F4E2M1FN, ScaleRule::PowerOfTwo), 32), 0.01324,
              6e-5);
  EXPECT_NEAR(getNormalError(uniform(GridConvention::SymRestricted), 32), 0.00941, 5e-5);
  EXPECT_NEAR(getNormalError(makeFloatGrid(DataType::F4E2M1FN, ScaleRule::E4M3), 16, true), 0.00903,
              5e-5);
}

TEST(CodeTables, RoundingIsIdempotentAndNearest) {
  std::vector<float> weight = normal::makeSample(8 * 192, 9);
  for (const Named &named : makeAll()) {
    SCOPED_TRACE(named.name);
    const CodeGrid &grid = named.grid;
    QuantizedMatrix matrix = quantizeMatrix(grid, weight.data(), 8, 192, named.group);
    std::vector<float> once = dequantizeMatrix(grid, matrix);
    std::vector<float> values;
    for (float value : grid.getTable())
      if (std::isfinite(value))
        values.push_back(value);
    std::sort(values.begin(), values.end());
    for (size_t i = 0; i < weight.size(); ++i) {
      const BlockParameters &block = matrix.getBlock(i / 192, i % 192);
      uint8_t code;
      ASSERT_EQ(grid.round(once[i], block, code), once[i]);
      if (llvm::StringRef(named.name) == "pow2")
        continue; // nearest in logarithm
      // At most half the local gap, up to rounding, unless it saturates.
      double ratio = double(weight[i]) / block.scale;
      double reached = std::clamp<double>(ratio, values.front(), values.back());
      double found = double(once[i]) / block.scale;
      auto above = std::lower_bound(values.begin(), values.end(), reached);
      double gap = above == values.begin() ? 0 : *above - *std::prev(above);
      ASSERT_LE(std::fabs(found - reached), gap / 2 + 1e-6 * std::fabs(reached));
    }
    // The same matrix again: codes and scales stay where the largest magnitude has its code.
    QuantizedMatrix again = quantizeMatrix(grid, once.data(), 8, 192, named.group);
    std::vector<float> twice = dequantizeMatrix(grid, again);
    for (size_t i = 0; i < once.size(); ++i)
      ASSERT_NEAR(twice[i], once[i], 1e-6 * std::fabs(once[i]));
  }
}

TEST(CodeTables, BlocksKeepTheirLargestMagnitude) {
  std::vector<float> weight = normal::makeSample(64 * 64, 4);
  for (CodeGrid grid :
       {makeNF4Grid(), makeFP4Grid(), makeFloatGrid(DataType::F4E2M1FN, ScaleRule::AbsMax),
        makeFloatGrid(DataType::F8E4M3FN, ScaleRule::AbsMax)}) {
    QuantizedMatrix matrix = quantizeMatrix(grid, weight.data(), 64, 64, 64);
    std::vector<float> rounded = dequantizeMatrix(grid, matrix);
    for (int row = 0; row < 64; ++row) {
      auto less = [](float a, float b) { return std::fabs(a) < std::fabs(b); };
      size_t at = std::max_element(&weight[row * 64], &weight[row * 64] + 64, less) - &weight[0];
      if (grid.getTable()[grid.getTable().size() - 1] == 1 || grid.getTable()[3] == 1)
        EXPECT_EQ(rounded[at], weight[at]) << "the scale is the magnitude itself";
      else
        EXPECT_NEAR(rounded[at], weight[at], 2e-7 * std::fabs(weight[at]));
    }
  }
}

} // namespace
