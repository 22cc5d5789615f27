//===- DoubleQuantizationTest.cpp - scales in eight bits ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/DoubleQuantization.h"
#include "NormalTable.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

namespace {

TEST(DoubleQuantization, DynamicMap) {
  llvm::ArrayRef<float> map = getDynamicMap();
  ASSERT_EQ(map.size(), 256u);
  EXPECT_TRUE(std::is_sorted(map.begin(), map.end()));
  EXPECT_EQ(map[127], 0);
  EXPECT_EQ(map[255], 1);
  // All but 0 and 1 come with both signs.
  for (int i = 0; i < 127; ++i)
    EXPECT_EQ(map[i], -map[254 - i]);
  // One value in [0.1, 1] * 10^-6, two in [0.1, 1] * 10^-5, ..., 64 in [0.1, 1].
  EXPECT_FLOAT_EQ(map[128], 0.55e-6f);
  EXPECT_FLOAT_EQ(map[129], 0.325e-5f);
  EXPECT_FLOAT_EQ(map[130], 0.775e-5f);
  EXPECT_FLOAT_EQ(map[191], 0.1f + 0.9f / 128);
  EXPECT_FLOAT_EQ(map[254], 1 - 0.9f / 128);
  EXPECT_FLOAT_EQ(map[0], -0.99296875f);
}

TEST(DoubleQuantization, Overhead) {
  EXPECT_EQ(getDoubleQuantizedScaleBits(64), 0.126953125);
  EXPECT_NEAR(32.0 / 64 - getDoubleQuantizedScaleBits(64), 0.373, 1e-4);
  std::vector<float> scales(512 * 64);
  DoubleQuantizedScales result = quantizeScales(scales);
  double bits = 8.0 * result.codes.size() + 32.0 * result.scales.size();
  EXPECT_EQ(bits / (scales.size() * 64), 0.126953125);
}

TEST(DoubleQuantization, ErrorIsHalfAGap) {
  std::vector<float> scales = normal::makeSample(1000, 1);
  for (float &scale : scales)
    scale = 2.5f + scale * 0.3f;
  DoubleQuantizedScales result = quantizeScales(scales);
  EXPECT_EQ(result.codes.size(), 1000u);
  EXPECT_EQ(result.scales.size(), 4u);
  double mean = 0;
  for (float scale : scales)
    mean += scale / 1000.0;
  EXPECT_NEAR(result.offset, mean, 1e-6);
  std::vector<float> decoded = dequantizeScales(result);
  ASSERT_EQ(decoded.size(), 1000u);
  for (size_t block = 0; block < 4; ++block) {
    size_t begin = block * 256, end = std::min<size_t>(1000, begin + 256);
    float largest = 0;
    for (size_t i = begin; i < end; ++i)
      largest = std::max(largest, std::fabs(scales[i] - result.offset));
    EXPECT_EQ(result.scales[block], largest);
    // The widest gap of the map is 0.9 / 64; -1 is 0.9 / 128 away from the smallest value.
    for (size_t i = begin; i < end; ++i)
      ASSERT_LE(std::fabs(decoded[i] - scales[i]), largest * (0.9 / 128) * 1.0001);
  }
}

TEST(DoubleQuantization, EqualScalesAreExact) {
  std::vector<float> scales(300, 0.37f);
  EXPECT_EQ(dequantizeScales(quantizeScales(scales)), scales);
  EXPECT_TRUE(quantizeScales({}).codes.empty());
  EXPECT_TRUE(dequantizeScales({}).empty());
}

} // namespace
