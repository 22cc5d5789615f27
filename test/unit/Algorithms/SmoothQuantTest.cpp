//===- SmoothQuantTest.cpp - ranges of activations into weights ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SmoothQuant.h"
#include "SyntheticLayer.h"
#include "gtest/gtest.h"

using namespace mlir::compress;

/// Rounds to the 255 levels of int8 with one scale.
static void roundPerTensor(std::vector<float> &values) {
  float largest = 0;
  for (float value : values)
    largest = std::max(largest, std::fabs(value));
  float scale = largest / 127;
  for (float &value : values)
    value = std::nearbyint(value / scale) * scale;
}

TEST(SmoothQuant, IsTheFormula) {
  // 4^0.5 / 16^0.5, 8^0.5 / 2^0.5.
  std::vector<float> scales = computeSmoothScales({4, 8}, {16, 2}, 0.5);
  EXPECT_FLOAT_EQ(scales[0], 0.5f);
  EXPECT_FLOAT_EQ(scales[1], 2.0f);
  // alpha = 1 moves the whole range into the weights, alpha = 0 none of it.
  EXPECT_FLOAT_EQ(computeSmoothScales({4}, {16}, 1)[0], 4.0f);
  EXPECT_FLOAT_EQ(computeSmoothScales({4}, {16}, 0)[0], 0.0625f);
}

TEST(SmoothQuant, Bounds) {
  // A channel that was never used keeps its scale; a weight of zeros counts as 1e-5.
  std::vector<float> scales = computeSmoothScales({0, 1, 1e-20f}, {1, 0, 1}, 0.5);
  EXPECT_EQ(scales[0], 1.0f);
  EXPECT_FLOAT_EQ(scales[1], static_cast<float>(1 / std::sqrt(1e-5)));
  EXPECT_FLOAT_EQ(scales[2], 1e-5f);
}

TEST(SmoothQuant, HalfEqualisesRanges) {
  OutlierLayer layer(7);
  std::vector<float> activations = layer.getAbsMax(), weights(layer.columns, 0.0f);
  for (size_t i = 0; i < layer.weight.size(); ++i)
    weights[i % layer.columns] = std::max(weights[i % layer.columns], std::fabs(layer.weight[i]));
  std::vector<float> scales = computeSmoothScales(activations, weights, 0.5);
  for (size_t j = 0; j < layer.columns; ++j)
    EXPECT_NEAR(activations[j] / scales[j] / (weights[j] * scales[j]), 1, 1e-6);
}

TEST(SmoothQuant, LowersTheErrorOfPerTensorInt8) {
  double before = 0, after = 0;
  for (unsigned seed = 0; seed < 10; ++seed) {
    OutlierLayer layer(seed);
    std::vector<float> weights(layer.columns, 0.0f);
    for (size_t i = 0; i < layer.weight.size(); ++i)
      weights[i % layer.columns] = std::max(weights[i % layer.columns], std::fabs(layer.weight[i]));
    std::vector<float> scales = computeSmoothScales(layer.getAbsMax(), weights, 0.5);
    for (bool smooth : {false, true}) {
      std::vector<float> w = layer.weight, x = layer.inputs;
      for (size_t i = 0; smooth && i < w.size(); ++i)
        w[i] *= scales[i % layer.columns];
      for (size_t i = 0; smooth && i < x.size(); ++i)
        x[i] /= scales[i % layer.columns];
      roundPerTensor(w);
      roundPerTensor(x);
      double error = 0, total = 0;
      for (size_t v = 0; v < layer.vectors; ++v)
        for (size_t r = 0; r < layer.rows; ++r) {
          double exact = 0, rounded = 0;
          for (size_t j = 0; j < layer.columns; ++j) {
            exact +=
                double(layer.weight[r * layer.columns + j]) * layer.inputs[v * layer.columns + j];
            rounded += double(w[r * layer.columns + j]) * x[v * layer.columns + j];
          }
          error += (exact - rounded) * (exact - rounded);
          total += exact * exact;
        }
      (smooth ? after : before) += error / total / 10;
    }
  }
  // What this data gives; a model of other random numbers went from 3.1e-3 to 1.7e-4.
  EXPECT_NEAR(before, 1.76e-3, 0.2 * 1.76e-3);
  EXPECT_NEAR(after, 3.0e-4, 0.2 * 3.0e-4);
}
