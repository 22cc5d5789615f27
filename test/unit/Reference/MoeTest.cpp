//===- MoeTest.cpp - mixtures of experts -------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/Moe.h"
#include "TestUtils.h"
#include "gtest/gtest.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;

namespace {

/// Three experts of width 2 and one hidden unit: expert e computes relu(x0 + x1) * (e + 1) in both
/// results.
struct Layer {
  Tensor router = floats({3, 2}, {1, 0, 0, 1, -1, -1});
  Tensor w1 = floats({3, 2, 1}, {1, 1, 1, 1, 1, 1});
  Tensor w2 = floats({3, 1, 2}, {1, 1, 2, 2, 3, 3});
  MoeOptions options{2, ExpertActivation::Relu, ExpertNormalization::Sum, std::nullopt};

  Tensor run(const Tensor &x, const Tensor *bias = nullptr, const Tensor *w3 = nullptr) const {
    return get(moe(x, router, bias, w1, w3, w2, options));
  }
};

TEST(ReferenceMoe, WeighsTheBestExperts) {
  Layer layer;
  // Logits 2, 1, -3: experts 0 and 1.
  double first = 1 / (1 + std::exp(-1.0)), second = 1 - first;
  Tensor y = layer.run(floats({1, 2}, {2, 1}));
  EXPECT_NEAR(y.getFloat({0, 0}), 3 * (first + 2 * second), 1e-6);
  EXPECT_EQ(y.getFloat({0, 0}), y.getFloat({0, 1}));
}

TEST(ReferenceMoe, Normalization) {
  Layer layer;
  Tensor x = floats({1, 2}, {2, 1});
  double sum = std::exp(2.0) + std::exp(1.0) + std::exp(-3.0);
  layer.options.normalization = ExpertNormalization::None;
  EXPECT_NEAR(layer.run(x).getFloat({0, 0}), 3 * (std::exp(2.0) + 2 * std::exp(1.0)) / sum, 1e-6);
  // Softmax of the selected ones is the same number as the divided softmax of all.
  layer.options.normalization = ExpertNormalization::Sum;
  double expected = layer.run(x).getFloat({0, 0});
  layer.options.normalization = ExpertNormalization::Softmax;
  EXPECT_NEAR(layer.run(x).getFloat({0, 0}), expected, 1e-6);
}

TEST(ReferenceMoe, BiasAndSecondFactor) {
  Layer layer;
  layer.options.k = 1;
  Tensor bias = floats({3}, {0, 0, 100}), w3 = floats({3, 2, 1}, {1, 0, 1, 0, 0.5, 0});
  // Expert 2: relu(3) * (0.5 * 2) * 3.
  EXPECT_EQ(layer.run(floats({1, 2}, {2, 1}), &bias, &w3).getFloat({0, 1}), 9.0);
}

TEST(ReferenceMoe, SkipThreshold) {
  Layer layer;
  Tensor x = floats({2, 2}, {2, 1, 1, 1.25});
  Tensor plain = layer.run(x);
  // Nothing is less than 0 times something.
  layer.options.skipThreshold = 0.0;
  Tensor never = layer.run(x);
  EXPECT_EQ(plain.toFloats(), never.toFloats());
  // Everything is less than what is larger: as k = 1.
  layer.options.skipThreshold = 1.0;
  Tensor always = layer.run(x);
  EXPECT_NEAR(always.getFloat({0, 0}), 3.0, 1e-6);
  EXPECT_NEAR(always.getFloat({1, 0}), 2 * 2.25, 1e-6);
  // exp(-1) is less than 0.5, exp(-0.25) is not.
  layer.options.skipThreshold = 0.5;
  Tensor some = layer.run(x);
  EXPECT_EQ(some.getFloat({0, 0}), always.getFloat({0, 0}));
  EXPECT_EQ(some.getFloat({1, 0}), plain.getFloat({1, 0}));
}

TEST(ReferenceMoe, EqualScoresGoToTheFirstExperts) {
  ExpertSelection selection =
      get(selectExperts(floats({1, 4}, {0, 1, 1, 1}),
                        {2, ExpertActivation::Silu, ExpertNormalization::Sum, std::nullopt}));
  EXPECT_EQ(selection.experts.getInt({0, 0}), 1);
  EXPECT_EQ(selection.experts.getInt({0, 1}), 2);
  EXPECT_EQ(selection.weights.getFloat({0, 0}), 0.5);
}

TEST(ReferenceMoe, Activations) {
  Layer layer;
  layer.options.k = 1;
  Tensor x = floats({1, 2}, {1, -0.5});
  layer.options.activation = ExpertActivation::Silu;
  EXPECT_NEAR(layer.run(x).getFloat({0, 0}), 0.5 / (1 + std::exp(-0.5)), 1e-7);
  layer.options.activation = ExpertActivation::Gelu;
  EXPECT_NEAR(layer.run(x).getFloat({0, 0}), 0.3457312306, 1e-7);
  layer.options.activation = ExpertActivation::GeluTanh;
  EXPECT_NEAR(layer.run(x).getFloat({0, 0}), 0.3457140, 1e-6);
}

TEST(ReferenceMoe, NoTokens) {
  EXPECT_EQ(Layer().run(floats({0, 2}, {})).getShape(), (llvm::ArrayRef<int64_t>{0, 2}));
}

TEST(ReferenceMoe, Errors) {
  Layer layer;
  Tensor x = floats({1, 2}, {2, 1}), narrow = floats({3, 1}, {1, 1, 1});
  EXPECT_EQ(getError(moe(x, narrow, nullptr, layer.w1, nullptr, layer.w2, layer.options)),
            "moe: router has shape [3, 1], expected [3, 2]");
  layer.options.k = 4;
  EXPECT_EQ(getError(moe(x, layer.router, nullptr, layer.w1, nullptr, layer.w2, layer.options)),
            "moe: k is 4, expected 1 to 3");
  layer.options.k = 1;
  layer.options.skipThreshold = 0.5;
  EXPECT_EQ(getError(moe(x, layer.router, nullptr, layer.w1, nullptr, layer.w2, layer.options)),
            "moe: only the second of two experts can be skipped, k is 1");
}

} // namespace
