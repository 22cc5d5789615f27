//===- UniformQuantizationTest.cpp - uniform grids against the formulas ---===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/UniformQuantization.h"
#include "NaiveFloats.h"
#include "compress/Algorithms/BitPacking.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::compress;

namespace {

/// Quantizes and dequantizes one element at a time, in `T`.
template <typename T>
struct Naive {
  std::vector<int> codes, zeroPoints;
  std::vector<double> scales;
  double error = 0, square = 0;

  Naive(UniformGrid grid, BlockView view, uint64_t group, DataType type,
        const std::vector<char> &values, DataType scaleType) {
    const int bits = getBitWidth(grid.type), half = 1 << (bits - 1), steps = (1 << bits) - 1;
    const int base = isSigned(grid.type) ? -half : 0;
    uint64_t groups = (view.k + group - 1) / group;
    codes.resize(view.getNumElements());
    for (uint64_t o = 0; o < view.outer; ++o)
      for (uint64_t g = 0; g < groups; ++g)
        for (uint64_t i = 0; i < view.inner; ++i) {
          std::vector<size_t> block;
          for (uint64_t k = g * group; k < std::min(view.k, (g + 1) * group); ++k)
            block.push_back((o * view.k + k) * view.inner + i);
          T lo = naive::get(values, type, block[0]), hi = lo;
          for (size_t e : block) {
            lo = std::min<T>(lo, naive::get(values, type, e));
            hi = std::max<T>(hi, naive::get(values, type, e));
          }
          T largest = std::max(std::fabs(lo), std::fabs(hi)), scale = 0;
          int zero = base + half, qmin = base, qmax = base + steps;
          switch (grid.convention) {
          case GridConvention::SymRestricted:
            scale = largest / T(half - 1);
            ++qmin;
            break;
          case GridConvention::SymFullRange:
            scale = 2 * largest / T(steps);
            break;
          case GridConvention::SymSignedMax:
            scale = (std::fabs(lo) >= std::fabs(hi) && lo <= 0 ? lo
                     : largest == std::fabs(hi)                ? hi
                                                               : lo) /
                    T(-half);
            break;
          case GridConvention::AsymZeroIn:
            lo = std::min<T>(lo, 0);
            scale = (std::max<T>(hi, 0) - lo) / T(steps);
            break;
          case GridConvention::AsymMinMax:
            scale = largest == 0 ? T(0) : std::max((hi - lo) / T(steps), T(1e-5));
            break;
          }
          std::vector<char> stored(8);
          naive::put(stored, scaleType, 0, scale);
          scale = naive::get(stored, scaleType, 0);
          if (isAsymmetric(grid.convention))
            zero =
                scale == 0 ? 0 : base + int(std::clamp<T>(-std::nearbyint(lo / scale), 0, steps));
          if (scale == 0)
            scale = 1;
          scales.push_back(scale);
          zeroPoints.push_back(zero);
          for (size_t e : block) {
            T x = naive::get(values, type, e);
            T code = std::nearbyint(x / scale) + T(zero);
            codes[e] = int(std::clamp<T>(code, qmin, qmax));
            double back = double(scale) * (codes[e] - zero);
            error += (back - x) * (back - x);
            square += double(x) * x;
          }
        }
  }
};

struct Outputs {
  std::vector<uint8_t> codes, zeroPoints;
  std::vector<char> scales;
  QuantizationResult result;
};

Outputs quantize(UniformGrid grid, BlockView view, uint64_t group, DataType type,
                 const void *values, DataType scaleType, ParallelFor parallelFor = serialFor) {
  unsigned bits = getBitWidth(grid.type);
  uint64_t blocks = view.getNumBlocks(group);
  Outputs out;
  out.codes.assign(getPackedBytes(view.getNumElements(), bits), 0xaa);
  out.zeroPoints.assign(getPackedBytes(blocks, bits), 0xaa);
  out.scales.assign(blocks * naive::getBytes(scaleType), 'x');
  out.result = quantizeUniform(grid, view, group, type, values, scaleType, out.codes.data(),
                               out.scales.data(), out.zeroPoints.data(), parallelFor);
  return out;
}

template <typename T>
void check(UniformGrid grid, BlockView view, uint64_t group, DataType type,
           const std::vector<char> &values, DataType scaleType) {
  SCOPED_TRACE(testing::Message() << "convention " << int(grid.convention) << " code "
                                  << int(grid.type) << " view " << view.outer << "x" << view.k
                                  << "x" << view.inner << " group " << group << " values "
                                  << int(type) << " scales " << int(scaleType));
  Naive<T> expected(grid, view, group, type, values, scaleType);
  Outputs out = quantize(grid, view, group, type, values.data(), scaleType);
  ASSERT_FALSE(out.result.fault);
  bool hasSign = isSigned(grid.type);
  unsigned bits = getBitWidth(grid.type);
  for (size_t i = 0; i < expected.scales.size(); ++i) {
    ASSERT_EQ(naive::get(out.scales, scaleType, i), expected.scales[i]) << "scale " << i;
    int zero = expected.zeroPoints[i];
    ASSERT_EQ(naive::getCode(out.zeroPoints, bits, hasSign, i), zero) << "zero point " << i;
  }
  for (size_t i = 0; i < expected.codes.size(); ++i)
    ASSERT_EQ(naive::getCode(out.codes, bits, hasSign, i), expected.codes[i]) << "code " << i;
  // The sums are formed in units of the scale, after one rounding of x / s.
  EXPECT_NEAR(out.result.sumSquaredError, expected.error,
              1e-4 * expected.error + 1e-11 * expected.square + 1e-70);
  EXPECT_NEAR(out.result.sumSquares, expected.square, 1e-5 * expected.square + 1e-30);

  Outputs threaded =
      quantize(grid, view, group, type, values.data(), scaleType, naive::threadedFor);
  EXPECT_EQ(threaded.codes, out.codes);
  EXPECT_EQ(threaded.scales, out.scales);
  EXPECT_EQ(threaded.result.sumSquaredError, out.result.sumSquaredError);

  // Back to values, rounded once to their type.
  std::vector<char> back(values.size()), stored(8);
  QuantizedTensor tensor{view,
                         group,
                         grid.type,
                         scaleType,
                         out.codes.data(),
                         out.scales.data(),
                         out.zeroPoints.data()};
  dequantizeUniform(tensor, type, back.data(), naive::threadedFor);
  for (size_t i = 0; i < expected.codes.size(); ++i) {
    uint64_t row = i / view.inner;
    size_t block = (row / view.k * view.getNumGroups(group) + row % view.k / group) * view.inner +
                   i % view.inner;
    T value = T(expected.scales[block]) * T(expected.codes[i] - expected.zeroPoints[block]);
    naive::put(stored, type, 0, value);
    ASSERT_EQ(naive::get(back, type, i), naive::get(stored, type, 0)) << "value " << i;
  }
}

/// Normal weights with blocks of zeros, ties, outliers and denormals mixed in.
std::vector<char> makeValues(DataType type, uint64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<char> values(count * naive::getBytes(type));
  unsigned kind = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (i % 37 == 0)
      kind = random() % 8;
    double x = normal(random);
    if (kind == 0)
      x = 0;
    else if (kind == 1)
      x = std::round(x * 2) / 2;
    else if (kind == 2)
      x = -std::fabs(x);
    else if (kind == 3)
      x *= type == DataType::F16 ? 1e-7 : 1e-40;
    else if (kind == 4)
      x *= type == DataType::F16 ? 1e3 : 1e30;
    naive::put(values, type, i, x);
  }
  return values;
}

const GridConvention kConventions[] = {GridConvention::SymRestricted, GridConvention::SymFullRange,
                                       GridConvention::SymSignedMax, GridConvention::AsymZeroIn,
                                       GridConvention::AsymMinMax};

} // namespace

TEST(UniformQuantization, MatchesTheFormulas) {
  const DataType codeTypes[] = {DataType::I8, DataType::I4, DataType::I2, DataType::U8,
                                DataType::U4, DataType::I3, DataType::I6};
  const DataType types[] = {DataType::F32, DataType::F16, DataType::BF16, DataType::F64};
  const BlockView views[] = {{1, 1, 1},   {3, 37, 1},  {5, 128, 1}, {2, 172, 1},
                             {4, 16, 9},  {3, 11, 9},  {1, 70, 64}, {2, 33, 65},
                             {1, 130, 3}, {3, 7, 200}, {1, 1, 77},  {2, 40, 17}};
  unsigned seed = 0;
  for (DataType codeType : codeTypes)
    for (GridConvention convention : kConventions)
      for (BlockView view : views) {
        DataType type = types[seed % 4];
        uint64_t group = seed % 3 == 0 ? view.k : seed % 3 == 1 ? 16 : 1 + seed % 40;
        std::vector<char> values = makeValues(type, view.getNumElements(), ++seed);
        UniformGrid grid{codeType, convention};
        if (type == DataType::F64)
          check<double>(grid, view, group, type, values, type);
        else
          check<float>(grid, view, group, type, values, type);
        if (HasFatalFailure())
          return;
      }
}

TEST(UniformQuantization, BlocksLargerThanACache) {
  // More than 2^20 elements per slab: ranges and codes in two passes.
  const BlockView views[] = {{1, 1100001, 1}, {1, 1027, 1025}, {1, 150001, 9}};
  for (BlockView view : views)
    for (DataType codeType : {DataType::I8, DataType::I4}) {
      std::vector<char> values(view.getNumElements() * 4);
      std::mt19937 random(7);
      std::normal_distribution<float> normal;
      for (uint64_t i = 0; i < view.getNumElements(); ++i) {
        float x = normal(random);
        std::memcpy(values.data() + 4 * i, &x, 4);
      }
      check<float>({codeType, GridConvention::SymSignedMax}, view, view.k, DataType::F32, values,
                   DataType::F32);
    }
}

TEST(UniformQuantization, SignedMaxHasTheSignOfTheLargest) {
  float tie[4] = {2.0f, -2.0f, 0.5f, 0.25f}, positive[4] = {4.0f, -2.0f, 0.5f, 0.0f};
  UniformGrid grid{DataType::I4, GridConvention::SymSignedMax};
  Outputs out = quantize(grid, {1, 4, 1}, 4, DataType::F32, tie, DataType::F32);
  EXPECT_EQ(naive::get(out.scales, DataType::F32, 0), 0.25);
  // 2 / 0.25 = 8 saturates.
  EXPECT_EQ(out.codes, (std::vector<uint8_t>{0x87, 0x12}));
  out = quantize(grid, {1, 4, 1}, 4, DataType::F32, positive, DataType::F32);
  EXPECT_EQ(naive::get(out.scales, DataType::F32, 0), -0.5);
  EXPECT_EQ(out.codes, (std::vector<uint8_t>{0x48, 0x0f}));
  // Unsigned codes have the zero point 8 of MatMulNBits.
  out = quantize({DataType::U4, GridConvention::SymSignedMax}, {1, 4, 1}, 4, DataType::F32, tie,
                 DataType::F32);
  EXPECT_EQ(out.codes, (std::vector<uint8_t>{0x0f, 0x9a}));
  EXPECT_EQ(out.zeroPoints, (std::vector<uint8_t>{0x08}));
}

TEST(UniformQuantization, RoundsHalfToEven) {
  float x[8] = {127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 3.5f};
  Outputs out = quantize({DataType::I8, GridConvention::SymRestricted}, {1, 8, 1}, 8, DataType::F32,
                         x, DataType::F32);
  EXPECT_EQ(out.codes, (std::vector<uint8_t>{127, 0, 2, 2, 0, 254, 254, 4}));
  EXPECT_EQ(out.result.sumSquaredError, 7 * 0.25);
}

TEST(UniformQuantization, ScaleThatUnderflowsMakesAZeroBlock) {
  // 1e-7 / 127 is below half the smallest f16.
  float x[2] = {1e-7f, -1e-7f};
  for (GridConvention convention : kConventions) {
    if (convention == GridConvention::AsymMinMax)
      continue; // has a smallest scale
    Outputs out =
        quantize({DataType::I8, convention}, {1, 2, 1}, 2, DataType::F32, x, DataType::F16);
    ASSERT_FALSE(out.result.fault);
    EXPECT_EQ(naive::get(out.scales, DataType::F16, 0), 1.0);
    EXPECT_EQ(out.codes, (std::vector<uint8_t>{0, 0}));
    EXPECT_EQ(out.zeroPoints, (std::vector<uint8_t>{0}));
  }
}

TEST(UniformQuantization, PrunedElementsStayExactZeros) {
  std::mt19937 random(3);
  std::vector<float> x(1000);
  for (float &value : x)
    value = random() % 2 ? 0.0f : 1.0f + static_cast<float>(random() % 1000);
  for (GridConvention convention : kConventions)
    for (DataType type : {DataType::I4, DataType::U8}) {
      Outputs out =
          quantize({type, convention}, {1, 1000, 1}, 32, DataType::F32, x.data(), DataType::F32);
      std::vector<float> back(1000, -1.0f);
      dequantizeUniform({{1, 1000, 1},
                         32,
                         type,
                         DataType::F32,
                         out.codes.data(),
                         out.scales.data(),
                         out.zeroPoints.data()},
                        DataType::F32, back.data());
      for (size_t i = 0; i < 1000; ++i)
        if (x[i] == 0) {
          ASSERT_EQ(back[i], 0.0f) << i;
        }
    }
}

TEST(UniformQuantization, NamesTheFirstValueThatIsNotFinite) {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity()};
  for (BlockView view : {BlockView{300, 400, 1}, BlockView{1, 400, 300}, BlockView{120, 100, 10},
                         BlockView{1, 1200000, 1}})
    for (float value : bad) {
      std::vector<float> x(view.getNumElements(), 0.5f);
      x[119998] = value;
      x[77777] = value;
      Outputs out =
          quantize({DataType::I4, GridConvention::SymSignedMax}, view, view.k > 1000 ? view.k : 32,
                   DataType::F32, x.data(), DataType::F32, naive::threadedFor);
      ASSERT_TRUE(out.result.fault);
      EXPECT_EQ(out.result.fault->kind, QuantizationFault::NotFinite);
      EXPECT_EQ(out.result.fault->index, 77777u);
    }
}

TEST(UniformQuantization, ScaleOverflowIsAnError) {
  std::vector<float> x(96, 1.0f);
  x[70] = 1e30f;
  Outputs out = quantize({DataType::I8, GridConvention::SymRestricted}, {1, 96, 1}, 32,
                         DataType::F32, x.data(), DataType::F16);
  ASSERT_TRUE(out.result.fault);
  EXPECT_EQ(out.result.fault->kind, QuantizationFault::ScaleOverflow);
  EXPECT_EQ(out.result.fault->index, 2u);
}

TEST(UniformQuantization, UnalignedInputAndEmptyTensor) {
  std::vector<char> values = makeValues(DataType::F32, 500, 11), shifted(1);
  shifted.insert(shifted.end(), values.begin(), values.end());
  UniformGrid grid{DataType::I4, GridConvention::SymRestricted};
  Outputs a = quantize(grid, {5, 100, 1}, 32, DataType::F32, values.data(), DataType::F32);
  Outputs b = quantize(grid, {5, 100, 1}, 32, DataType::F32, shifted.data() + 1, DataType::F32);
  EXPECT_EQ(a.codes, b.codes);
  EXPECT_EQ(a.scales, b.scales);
  EXPECT_FALSE(quantize(grid, {5, 0, 1}, 32, DataType::F32, nullptr, DataType::F32).result.fault);
}

TEST(UniformQuantization, GaussianErrorConstants) {
  // Block-64 relative errors of N(0, 1): 4-bit full range 0.010587, [-7, 7]
  // 0.011609, asymmetric min-max 0.008299.
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> x(1 << 20);
  for (float &value : x)
    value = normal(random);
  BlockView view{1, x.size(), 1};
  auto error = [&](DataType type, GridConvention convention, uint64_t group) {
    Outputs out = quantize({type, convention}, view, group, DataType::F32, x.data(), DataType::F32);
    return out.result.sumSquaredError / out.result.sumSquares;
  };
  EXPECT_NEAR(error(DataType::I4, GridConvention::SymFullRange, 64), 0.010587, 0.0002);
  EXPECT_NEAR(error(DataType::I4, GridConvention::SymRestricted, 64), 0.011609, 0.0002);
  EXPECT_NEAR(error(DataType::U4, GridConvention::AsymMinMax, 64), 0.008299, 0.0002);
  // The optimal uniform 4-bit quantizer of the whole distribution has 0.011543;
  // one scale for everything is worse, and 8 bits are at s^2 / 12.
  EXPECT_GT(error(DataType::I4, GridConvention::SymFullRange, x.size()), 0.011543);
  Outputs out = quantize({DataType::I8, GridConvention::SymRestricted}, view, x.size(),
                         DataType::F32, x.data(), DataType::F32);
  double scale = naive::get(out.scales, DataType::F32, 0);
  EXPECT_NEAR(out.result.sumSquaredError / x.size() / (scale * scale / 12), 1.0, 0.01);
  // A grid with the optimal 8-bit step of Max (1960), 0.030762.
  std::vector<float> clipped(x);
  for (float &value : clipped)
    value = std::clamp(value, -127 * 0.030762f, 127 * 0.030762f);
  out = quantize({DataType::I8, GridConvention::SymRestricted}, view, x.size(), DataType::F32,
                 clipped.data(), DataType::F32);
  double total = out.result.sumSquaredError;
  for (size_t i = 0; i < x.size(); ++i)
    total += double(x[i] - clipped[i]) * (x[i] - clipped[i]);
  EXPECT_NEAR(total / x.size(), 8.769e-5, 3e-6);
}

TEST(UniformQuantization, SeedRecipeOnUniformNumbers) {
  // round(w * r) / r with r = 10 is a grid of step 0.1: on [0, 1] the maximum
  // error is 1 / (2 r) and the mean squared error 1 / (12 r^2).
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
  std::vector<float> x(1 << 18);
  for (float &value : x)
    value = uniform(random);
  x[0] = 12.7f; // fixes the scale at 0.1
  Outputs out = quantize({DataType::I8, GridConvention::SymRestricted}, {1, x.size(), 1}, x.size(),
                         DataType::F32, x.data(), DataType::F32);
  std::vector<float> back(x.size());
  dequantizeUniform({{1, x.size(), 1},
                     x.size(),
                     DataType::I8,
                     DataType::F32,
                     out.codes.data(),
                     out.scales.data(),
                     nullptr},
                    DataType::F32, back.data());
  double largest = 0, pruned = 0;
  for (size_t i = 1; i < x.size(); ++i) {
    ASSERT_NEAR(back[i], std::nearbyint(x[i] * 10) / 10, 1e-6);
    largest = std::max<double>(largest, std::fabs(back[i] - x[i]));
    pruned += std::fabs(x[i]) < 0.01;
  }
  EXPECT_NEAR(largest, 0.05, 1e-4);
  EXPECT_NEAR(out.result.sumSquaredError / x.size(), 1.0 / 1200, 1e-5);
  EXPECT_NEAR(pruned / x.size(), 0.01, 0.001);
}
