//===- BiasCorrectionTest.cpp - the mean error of a quantized layer --------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BiasCorrection.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir::compress;

TEST(BiasCorrection, IsTheMeanError) {
  // (1 - 2) * 10 + (2 - 1.5) * 4 and (0 - 1) * 10 + (8 - 8) * 4.
  std::vector<double> delta = computeBiasCorrection({1, 2, 0, 8}, {2, 1.5f, 1, 8}, 2, 2, {10, 4});
  EXPECT_EQ(delta, (std::vector<double>{-8, -10}));
}

TEST(BiasCorrection, RestoresTheMeanOfOutputs) {
  std::vector<float> original, quantized;
  for (int i = 0; i < 3 * 7; ++i) {
    original.push_back(0.37f * static_cast<float>(i % 11) - 1.7f);
    quantized.push_back(std::nearbyint(original.back()));
  }
  std::vector<double> mean;
  for (int j = 0; j < 7; ++j)
    mean.push_back(0.5 * j - 1);
  std::vector<double> delta = computeBiasCorrection(original, quantized, 3, 7, mean);
  for (int r = 0; r < 3; ++r) {
    double before = 0, after = 0;
    for (int j = 0; j < 7; ++j) {
      before += original[r * 7 + j] * mean[j];
      after += quantized[r * 7 + j] * mean[j];
    }
    EXPECT_NEAR(after + delta[r], before, 1e-12);
  }
}

TEST(BiasCorrection, SameWeightsNeedNone) {
  EXPECT_EQ(computeBiasCorrection({1, 2}, {1, 2}, 1, 2, {3, 4}), std::vector<double>{0});
}
