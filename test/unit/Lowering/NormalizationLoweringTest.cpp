//===- NormalizationLoweringTest.cpp - compiled norms, softmax and attention ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHarness.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;
using reference::Tensor;

static double getTolerance(DataType type) {
  return type == DataType::F16 ? 4e-3 : (type == DataType::BF16 ? 3e-2 : 1e-5);
}

TEST(NormalizationLoweringTest, Softmax) {
  std::mt19937_64 random(1);
  for (StringRef element : {"f32", "f64", "f16"}) {
    DataType type = *parseDataType(element);
    std::string text;
    for (StringRef op : {"softmax", "log_softmax"})
      for (int axis : {0, 1, 2}) {
        std::string tensor = ("tensor<?x5x?x" + element + ">").str();
        text += ("func.func @" + op + std::to_string(axis) + "(%x: " + tensor + ") -> " + tensor +
                 " {\n  %y = compress." + op + " %x {axis = " + std::to_string(axis) +
                 " : i64} : (" + tensor + ") -> " + tensor + "\n  return %y : " + tensor + "\n}\n")
                    .str();
      }
    OpHarness harness(text);
    for (StringRef name :
         {"softmax0", "softmax1", "softmax2", "log_softmax0", "log_softmax1", "log_softmax2"}) {
      harness.check(name, {reference::randomTensor(random, type, {3, 5, 7})}, getTolerance(type));
      harness.check(name, {reference::randomTensor(random, type, {1, 5, 1})}, getTolerance(type));
      harness.check(name, {reference::randomTensor(random, type, {2, 5, 0})}, getTolerance(type));
      harness.check(name, {edgeValues(type, {2, 5, 9})}, getTolerance(type));
      Tensor masked = reference::randomTensor(random, type, {2, 5, 4});
      for (int64_t i = 0; i < 17; ++i)
        masked.storeFloat(i, -HUGE_VAL);
      harness.check(name, {masked}, getTolerance(type));
    }
  }
}

static const char *const kNorms = R"(
  func.func @layer(%x: tensor<2x3x40xf32>, %s: tensor<40xf32>, %b: tensor<40xf32>)
      -> tensor<2x3x40xf32> {
    %y = compress.layer_norm %x, %s bias %b {axis = 2 : i64, epsilon = 1.0e-3 : f32}
      : (tensor<2x3x40xf32>, tensor<40xf32>, tensor<40xf32>) -> tensor<2x3x40xf32>
    return %y : tensor<2x3x40xf32>
  }
  func.func @layer_axis1(%x: tensor<2x3x40xf32>, %s: tensor<3x1xf32>) -> tensor<2x3x40xf32> {
    %y = compress.layer_norm %x, %s {axis = 1 : i64}
      : (tensor<2x3x40xf32>, tensor<3x1xf32>) -> tensor<2x3x40xf32>
    return %y : tensor<2x3x40xf32>
  }
  func.func @layer_axis0(%x: tensor<6x40xf32>, %s: tensor<40xf32>) -> tensor<6x40xf32> {
    %y = compress.layer_norm %x, %s {axis = 0 : i64}
      : (tensor<6x40xf32>, tensor<40xf32>) -> tensor<6x40xf32>
    return %y : tensor<6x40xf32>
  }
  func.func @rms(%x: tensor<2x3x40xf32>, %s: tensor<40xf32>) -> tensor<2x3x40xf32> {
    %y = compress.rms_norm %x, %s {axis = 2 : i64, epsilon = 1.0e-6 : f32}
      : (tensor<2x3x40xf32>, tensor<40xf32>) -> tensor<2x3x40xf32>
    return %y : tensor<2x3x40xf32>
  }
  func.func @batch(%x: tensor<2x3x4x5xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>,
                   %m: tensor<3xf32>, %v: tensor<3xf32>) -> tensor<2x3x4x5xf32> {
    %y = compress.batch_norm %x, %s, %b, %m, %v
      : (tensor<2x3x4x5xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
      -> tensor<2x3x4x5xf32>
    return %y : tensor<2x3x4x5xf32>
  })";

TEST(NormalizationLoweringTest, Norms) {
  std::mt19937_64 random(2);
  for (StringRef element : {"f32", "f16", "bf16", "f64"})
    for (Sizes sizes : {Sizes::AsWritten, Sizes::Dynamic}) {
      SCOPED_TRACE(element.str());
      std::string text = kNorms;
      for (size_t at = 0; (at = text.find("xf32>", at)) != std::string::npos; ++at)
        text.replace(at, 4, "x" + element.str());
      OpHarness harness(text, sizes);
      DataType type = *parseDataType(element);
      double tolerance = getTolerance(type);
      auto values = [&](ArrayRef<int64_t> shape) {
        return reference::randomTensor(random, type, shape);
      };
      Tensor x = values({2, 3, 40});
      harness.check("layer", {x, values({40}), values({40})}, tolerance);
      harness.check("layer_axis1", {x, values({3, 1})}, tolerance);
      harness.check("layer_axis0", {values({6, 40}), values({40})}, tolerance);
      harness.check("rms", {x, values({40})}, tolerance);
      Tensor variance = values({3});
      for (int64_t i = 0; i < 3; ++i)
        variance.storeFloat(i, std::fabs(variance.loadFloat(i)) + 0.1);
      harness.check("batch",
                    {values({2, 3, 4, 5}), values({3}), values({3}), values({3}), variance},
                    tolerance);
      if (sizes == Sizes::AsWritten)
        continue;
      harness.check("layer", {values({1, 1, 17}), values({17}), values({1})}, tolerance);
      harness.check("layer", {values({0, 4, 17}), values({17}), values({17})}, tolerance);
      harness.check("rms", {values({3, 2, 1}), values({1})}, tolerance);
      EXPECT_EQ(harness.getError("rms", {x, values({39})}), "sizes of operands do not broadcast");
      EXPECT_EQ(harness.getError("batch", {values({2, 3, 4, 5}), values({3}), values({2}),
                                           values({3}), variance}),
                "a parameter of batch_norm has the wrong size");
    }
}

TEST(NormalizationLoweringTest, RotaryEmbedding) {
  OpHarness harness(R"(
    func.func @rotate(%x: tensor<?x4x?x8xf32>, %c: tensor<1x1x?x8xf32>, %s: tensor<?x8xf32>)
        -> tensor<?x4x?x8xf32> {
      %y = compress.rotary_embedding %x, %c, %s
        : (tensor<?x4x?x8xf32>, tensor<1x1x?x8xf32>, tensor<?x8xf32>) -> tensor<?x4x?x8xf32>
      return %y : tensor<?x4x?x8xf32>
    })");
  std::mt19937_64 random(3);
  auto values = [&](ArrayRef<int64_t> shape) {
    return reference::randomTensor(random, DataType::F32, shape);
  };
  harness.check("rotate", {values({2, 4, 5, 8}), values({1, 1, 5, 8}), values({5, 8})});
  harness.check("rotate", {values({1, 4, 5, 8}), values({1, 1, 1, 8}), values({1, 8})});
}

TEST(NormalizationLoweringTest, Attention) {
  std::mt19937_64 random(4);
  for (StringRef element : {"f32", "f16"}) {
    DataType type = *parseDataType(element);
    std::string text = R"(
      func.func @heads(%q: tensor<?x4x?x8xf32>, %k: tensor<?x2x?x8xf32>, %v: tensor<?x2x?x6xf32>,
                       %m: tensor<?x1x?x?xf32>) -> tensor<?x4x?x6xf32> {
        %y = compress.attention bhsd %q, %k, %v mask %m {scale = 0.25 : f32}
          : (tensor<?x4x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x6xf32>, tensor<?x1x?x?xf32>)
          -> tensor<?x4x?x6xf32>
        return %y : tensor<?x4x?x6xf32>
      }
      func.func @sequence(%q: tensor<2x3x6x8xf32>, %k: tensor<2x5x2x8xf32>,
                          %v: tensor<2x5x2x8xf32>) -> tensor<2x3x6x8xf32> {
        %y = compress.attention bshd %q, %k, %v {scale = 0.5 : f32}
          : (tensor<2x3x6x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x8xf32>) -> tensor<2x3x6x8xf32>
        return %y : tensor<2x3x6x8xf32>
      })";
    for (size_t at = 0; (at = text.find("xf32>", at)) != std::string::npos; ++at)
      text.replace(at, 4, "x" + element.str());
    OpHarness harness(text);
    // The reference rounds scores and weights to f16.
    double tolerance = type == DataType::F16 ? 3e-2 : 1e-5;
    auto values = [&](ArrayRef<int64_t> shape) {
      return reference::randomTensor(random, type, shape);
    };
    Tensor mask = values({1, 1, 3, 5});
    for (int64_t i : {1, 2, 7})
      mask.storeFloat(i, -HUGE_VAL);
    harness.check("heads", {values({2, 4, 3, 8}), values({2, 2, 5, 8}), values({2, 2, 5, 6}), mask},
                  tolerance);
    harness.check(
        "heads",
        {values({1, 4, 1, 8}), values({1, 2, 9, 8}), values({1, 2, 9, 6}), values({1, 1, 1, 9})},
        tolerance);
    harness.check("sequence", {values({2, 3, 6, 8}), values({2, 5, 2, 8}), values({2, 5, 2, 8})},
                  tolerance);
    EXPECT_EQ(harness.getError("heads", {values({1, 4, 1, 8}), values({1, 2, 9, 8}),
                                         values({1, 2, 8, 6}), values({1, 1, 1, 9})}),
              "keys and values of attention differ in number");
  }
}
