//===- NormalizationTest.cpp - tests of normalizations ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The literal results come from onnxruntime 1.31 on inputs made by `pattern`.
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::SmallVector;

TEST(NormalizationTest, LayerNorm) {
  Tensor scale = pattern({3, 2}, 1), bias = pattern({3, 2}, 2);
  LayerNormResult norm = get(layerNorm(pattern({2, 3, 2}), &scale, &bias, 1, 1e-3));
  expectNear(norm.y, {2, 3, 2},
             {0.6374093, 1.2110909, 1.0190011, 0.8609096, 0.83195454, 0.03722799, -0.27792752,
              0.6222119, -0.8058666, -0.6913337, 0.5481877, -1.4078183});
  expectNear(norm.mean, {2, 1, 1}, {-0.25, 0.20833333});
  expectNear(norm.invStd, {2, 1, 1}, {1.3774554, 1.2066916});
  EXPECT_EQ(
      get(layerNorm(pattern({2, 2}, 0, DataType::F16), nullptr, nullptr, -1, 0)).mean.getType(),
      DataType::F32);
  getError(layerNorm(pattern({2, 3}), &scale, nullptr, 1, 0));
  getError(layerNorm(pattern({2, 3}), nullptr, nullptr, 2, 0));
  expectShape(get(layerNorm(pattern({0, 3}), nullptr, nullptr, 1, 0)).mean, {0, 1});
}

TEST(NormalizationTest, OtherNorms) {
  Tensor scale4 = pattern({4}, 1), bias4 = pattern({4}, 2);
  expectNear(get(groupNorm(pattern({1, 4, 3}), scale4, bias4, 2, 1e-3)), {1, 4, 3},
             {0.6374093, 0.18543178, -0.26654577, 0.43627232, 1.0389091, 1.6415458, 1.0607343,
              -2.2576673, -0.8058666, -0.6913337, 0.8170308, 0.15712129});
  expectNear(get(instanceNorm(pattern({2, 2, 3}), pattern({2}, 1), pattern({2}, 2), 1e-3)),
             {2, 2, 3},
             {0.70883006, 0.25, -0.20883007, 0.5132266, 1.125, 1.7367735, -0.2268193, 0.6886738,
              0.28814554, 1.7607591, 0.5401016, 1.0741392});
  expectNear(get(batchNorm(pattern({1, 2, 3}), pattern({2}, 1), pattern({2}, 2), pattern({2}, 3),
                           get(abs(pattern({2}, 4))), 1e-3)),
             {1, 2, 3}, {0.8494091, 0.56968486, 0.2899606, 1.0366999, 1.6548007, 2.2729013});
  expectNear(get(rmsNorm(pattern({2, 4}), &scale4, -1, 1e-3)), {2, 4},
             {0.42293814, -0.07048969, 1.1630799, 0.8811211, 0.17193314, 0.30565894, 2.3115458,
              0.47759208});
  EXPECT_EQ(getError(groupNorm(pattern({1, 4, 3}), scale4, bias4, 3, 0)),
            "group_norm: 4 channels do not split into 3 groups");
  EXPECT_EQ(getError(batchNorm(pattern({1, 2, 3}), scale4, bias4, scale4, scale4, 0)),
            "batch_norm: scale has shape [4], expected [2]");
}

TEST(NormalizationTest, Softmax) {
  Tensor x = pattern({2, 3, 2});
  expectNear(get(logSoftmax(x, 1)), {2, 3, 2},
             {-2.1544156, -1.1609292, -0.40441552, -2.2859292, -1.5294155, -0.53592914, -0.3577106,
              -2.1544156, -1.4827106, -0.40441552, -2.6077106, -1.5294155});
  expectNear(get(softmax(x, -2)), {2, 3, 2}, get(exp(get(logSoftmax(x, 1)))).toFloats());
  // Large values do not overflow, and -inf is a mask.
  double inf = std::numeric_limits<double>::infinity();
  expectFloats(get(softmax(floats({3}, {1e30, 1e30, -inf}), 0)), {3}, {0.5, 0.5, 0});
  expectFloats(get(softmax(floats({1}, {5}), 0)), {1}, {1});
  expectShape(get(softmax(pattern({2, 0}), 1)), {2, 0});
}

TEST(NormalizationTest, Lrn) {
  expectNear(get(lrn(pattern({1, 5, 2, 1}), 4, 0.5, 0.75, 1.5)), {1, 5, 2, 1},
             {-0.6678866, -0.08291918, 0.4546381, -0.8120475, -0.23813958, 0.30492714, 0.89918745,
              -0.4128478, 0.16472286, 0.7533059});
  expectNear(get(lrn(pattern({1, 5, 2, 1}), 3, 0.5, 0.75, 1.5)), {1, 5, 2, 1},
             {-0.6543173, -0.081699036, 0.48589423, -0.80280215, -0.22881094, 0.31302506, 0.8671762,
              -0.3992426, 0.15918419, 0.7312446});
  getError(lrn(pattern({1, 5}), 0, 1, 1, 1));
}
