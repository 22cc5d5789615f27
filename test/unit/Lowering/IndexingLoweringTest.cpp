//===- IndexingLoweringTest.cpp - compiled gather and scatter ===//
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
using reference::floats;
using reference::ints;
using reference::pattern;
using reference::Tensor;

static constexpr Sizes kBothSizes[] = {Sizes::AsWritten, Sizes::Dynamic};

TEST(IndexingLoweringTest, Gather) {
  const char *text = R"(
    func.func @rows(%x: tensor<5x16xf32>, %i: tensor<2x3xi64>) -> tensor<2x3x16xf32> {
      %y = compress.gather %x, %i {axis = 0} : (tensor<5x16xf32>, tensor<2x3xi64>) -> tensor<2x3x16xf32>
      return %y : tensor<2x3x16xf32>
    }
    func.func @middle(%x: tensor<2x4x9xi8>, %i: tensor<3xi32>) -> tensor<2x3x9xi8> {
      %y = compress.gather %x, %i {axis = 1} : (tensor<2x4x9xi8>, tensor<3xi32>) -> tensor<2x3x9xi8>
      return %y : tensor<2x3x9xi8>
    }
    func.func @last(%x: tensor<2x4xf32>, %i: tensor<2x2xi64>) -> tensor<2x2x2xf32> {
      %y = compress.gather %x, %i {axis = 1} : (tensor<2x4xf32>, tensor<2x2xi64>) -> tensor<2x2x2xf32>
      return %y : tensor<2x2x2xf32>
    }
    func.func @scalar(%x: tensor<3x4xf32>, %i: tensor<i64>) -> tensor<4xf32> {
      %y = compress.gather %x, %i {axis = 0} : (tensor<3x4xf32>, tensor<i64>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }
    func.func @single(%x: tensor<3x4xf32>, %i: tensor<1xi64>) -> tensor<3x1xf32> {
      %y = compress.gather %x, %i {axis = 1} : (tensor<3x4xf32>, tensor<1xi64>) -> tensor<3x1xf32>
      return %y : tensor<3x1xf32>
    }
    func.func @none(%x: tensor<3x4xf32>, %i: tensor<0xi64>) -> tensor<0x4xf32> {
      %y = compress.gather %x, %i {axis = 0} : (tensor<3x4xf32>, tensor<0xi64>) -> tensor<0x4xf32>
      return %y : tensor<0x4xf32>
    }
    func.func @embedding(%x: tensor<5x16xf32>, %i: tensor<2x3xi64>) -> tensor<2x3x16xf32> {
      %y = compress.embedding %x, %i {name = "e"} : (tensor<5x16xf32>, tensor<2x3xi64>) -> tensor<2x3x16xf32>
      return %y : tensor<2x3x16xf32>
    })";
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    Tensor indices = ints({2, 3}, {0, 4, -1, 2, -5, 3});
    harness.check("rows", {pattern({5, 16}), indices});
    harness.check("middle",
                  {pattern({2, 4, 9}, 0, DataType::I8), ints({3}, {-4, 3, 1}, DataType::I32)});
    harness.check("last", {pattern({2, 4}), ints({2, 2}, {0, -1, 3, 1})});
    harness.check("scalar", {pattern({3, 4}), ints({}, {-2})});
    harness.check("single", {pattern({3, 4}), ints({1}, {2})});
    harness.check("none", {pattern({3, 4}), ints({0}, {})});
    harness.check("embedding", {pattern({5, 16}), indices});
    std::string error =
        harness.getError("rows", {pattern({5, 16}), ints({2, 3}, {0, 1, 2, 5, 0, 0})});
    EXPECT_NE(error.find("'compress.gather' index out of range"), std::string::npos) << error;
    EXPECT_NE(harness.getError("rows", {pattern({5, 16}), ints({2, 3}, {0, 1, 2, -6, 0, 0})}), "");
    EXPECT_NE(harness.getError("scalar", {pattern({3, 4}), ints({}, {3})}), "");
    EXPECT_NE(harness.getError("single", {pattern({3, 4}), ints({1}, {INT64_MIN})}), "");
    EXPECT_NE(harness.getError("embedding", {pattern({5, 16}), ints({2, 3}, {0, 1, 2, 5, 0, 0})}),
              "");
  }
}

TEST(IndexingLoweringTest, EmbeddingOfChains) {
  const char *text = R"(
    compress.weight private @q : tensor<4x6xi8> = dense<[[1, -2, 3, 4, 5, 6], [7, 8, -9, 10, 11, 12], [-13, 14, 15, 16, 17, 18], [19, 20, 21, -22, 23, 24]]>
    compress.weight private @s : tensor<4x2xf32> = dense<[[0.5, 2.0], [1.0, 0.25], [3.0, 1.0], [0.125, 4.0]]>
    compress.weight private @z : tensor<4x2xi8> = dense<[[0, 1], [2, 3], [-4, 5], [6, 7]]>
    compress.weight private @row : tensor<1x2xf32> = dense<[[0.5, 2.0]]>
    compress.weight private @one : tensor<f32> = dense<0.25>
    func.func @rows(%i: tensor<2x3xi64>) -> tensor<2x3x6xf32> {
      %q = compress.load @q : tensor<4x6xi8>
      %s = compress.load @s : tensor<4x2xf32>
      %z = compress.load @z : tensor<4x2xi8>
      %w = compress.dequantize %q, %s, %z {block = array<i64: 1, 4>} : (tensor<4x6xi8>, tensor<4x2xf32>, tensor<4x2xi8>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i {name = "e"} : (tensor<4x6xf32>, tensor<2x3xi64>) -> tensor<2x3x6xf32>
      return %y : tensor<2x3x6xf32>
    }
    func.func @shared(%i: tensor<2x3xi64>) -> tensor<2x3x6xf32> {
      %q = compress.load @q : tensor<4x6xi8>
      %s = compress.load @row : tensor<1x2xf32>
      %w = compress.dequantize %q, %s {block = array<i64: -1, 3>} : (tensor<4x6xi8>, tensor<1x2xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i {name = "e"} : (tensor<4x6xf32>, tensor<2x3xi64>) -> tensor<2x3x6xf32>
      return %y : tensor<2x3x6xf32>
    }
    func.func @scalar(%i: tensor<i64>) -> tensor<6xf32> {
      %q = compress.load @q : tensor<4x6xi8>
      %s = compress.load @one : tensor<f32>
      %w = compress.dequantize %q, %s : (tensor<4x6xi8>, tensor<f32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i {name = "e"} : (tensor<4x6xf32>, tensor<i64>) -> tensor<6xf32>
      return %y : tensor<6xf32>
    })";
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    Tensor indices = ints({2, 3}, {0, 3, -1, 2, -4, 1});
    harness.check("rows", {indices});
    harness.check("shared", {indices});
    harness.check("scalar", {ints({}, {2})});
  }
}

TEST(IndexingLoweringTest, GatherElementsAndND) {
  const char *text = R"(
    func.func @elements(%x: tensor<3x4xf32>, %i: tensor<2x4xi64>) -> tensor<2x4xf32> {
      %y = compress.gather_elements %x, %i {axis = 0} : (tensor<3x4xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
      return %y : tensor<2x4xf32>
    }
    func.func @columns(%x: tensor<3x4xi16>, %i: tensor<2x5xi32>) -> tensor<2x5xi16> {
      %y = compress.gather_elements %x, %i {axis = 1} : (tensor<3x4xi16>, tensor<2x5xi32>) -> tensor<2x5xi16>
      return %y : tensor<2x5xi16>
    }
    func.func @pairs(%x: tensor<2x3x4xf32>, %i: tensor<3x2xi64>) -> tensor<3x4xf32> {
      %y = compress.gather_nd %x, %i : (tensor<2x3x4xf32>, tensor<3x2xi64>) -> tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    func.func @batch(%x: tensor<2x3x4xf32>, %i: tensor<2x2x1xi64>) -> tensor<2x2x4xf32> {
      %y = compress.gather_nd %x, %i {batch_dims = 1} : (tensor<2x3x4xf32>, tensor<2x2x1xi64>) -> tensor<2x2x4xf32>
      return %y : tensor<2x2x4xf32>
    }
    func.func @full(%x: tensor<2x3xf32>, %i: tensor<2xi64>) -> tensor<f32> {
      %y = compress.gather_nd %x, %i : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<f32>
      return %y : tensor<f32>
    })";
  OpHarness harness(text);
  ASSERT_TRUE(harness.isCompiled());
  harness.check("elements", {pattern({3, 4}), ints({2, 4}, {0, 1, 2, -1, -3, 2, 0, 1})});
  harness.check("columns", {pattern({3, 4}, 0, DataType::I16),
                            ints({2, 5}, {0, 3, -1, -4, 2, 1, 1, 1, 1, 0}, DataType::I32)});
  harness.check("pairs", {pattern({2, 3, 4}), ints({3, 2}, {0, 2, 1, 0, -1, -3})});
  harness.check("batch", {pattern({2, 3, 4}), ints({2, 2, 1}, {0, 2, -1, 1})});
  harness.check("full", {pattern({2, 3}), ints({2}, {1, -1})});
  EXPECT_NE(harness.getError("elements", {pattern({3, 4}), ints({2, 4}, {0, 1, 2, 3, 0, 0, 0, 0})}),
            "");
  EXPECT_NE(harness.getError("pairs", {pattern({2, 3, 4}), ints({3, 2}, {0, 2, 2, 0, 0, 0})}), "");
  EXPECT_NE(harness.getError("pairs", {pattern({2, 3, 4}), ints({3, 2}, {0, 3, 1, 0, 0, 0})}), "");
}

TEST(IndexingLoweringTest, DynamicGatherElements) {
  OpHarness harness(R"(
    func.func @f(%x: tensor<?x?xf32>, %i: tensor<?x?xi64>) -> tensor<?x?xf32> {
      %y = compress.gather_elements %x, %i {axis = 1} : (tensor<?x?xf32>, tensor<?x?xi64>) -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    }
    func.func @nd(%x: tensor<?x?xf32>, %i: tensor<?x?x1xi64>) -> tensor<?x?x?xf32> {
      %y = compress.gather_nd %x, %i : (tensor<?x?xf32>, tensor<?x?x1xi64>) -> tensor<?x?x?xf32>
      return %y : tensor<?x?x?xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  harness.check("f", {pattern({3, 4}), ints({2, 2}, {0, -1, 3, 1})});
  harness.check("f", {pattern({3, 4}), ints({0, 2}, {})});
  EXPECT_NE(harness.getError("f", {pattern({1, 4}), ints({2, 2}, {0, -1, 3, 1})}), "");
  harness.check("nd", {pattern({3, 4}), ints({2, 1, 1}, {2, -3})});
  EXPECT_NE(harness.getError("nd", {pattern({3, 4}), ints({1, 1, 1}, {3})}), "");
}

TEST(IndexingLoweringTest, ScatterElements) {
  std::string text;
  const char *reductions[] = {"none", "add", "mul", "min", "max"};
  const char *types[] = {"f32", "i32", "ui8", "f16"};
  for (const char *reduction : reductions)
    for (const char *type : types) {
      std::string x = std::string("tensor<3x4x") + type + ">",
                  u = std::string("tensor<2x4x") + type + ">";
      text += std::string("func.func @") + reduction + type + "(%x: " + x +
              ", %i: tensor<2x4xi64>, %u: " + u + ") -> " + x +
              " {\n  %y = compress.scatter_elements " + reduction + " %x, %i, %u {axis = 0} : (" +
              x + ", tensor<2x4xi64>, " + u + ") -> " + x + "\n  return %y : " + x + "\n}\n";
    }
  const DataType dataTypes[] = {DataType::F32, DataType::I32, DataType::U8, DataType::F16};
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (const char *reduction : reductions)
      for (auto [type, data] : llvm::zip(types, dataTypes)) {
        SCOPED_TRACE(std::string(reduction) + type);
        std::mt19937_64 random(7);
        Tensor x = reference::randomTensor(random, data, {3, 4}),
               u = reference::randomTensor(random, data, {2, 4});
        // Several updates of one element.
        harness.check(std::string(reduction) + type,
                      {x, ints({2, 4}, {0, 1, 2, -1, 0, -2, 1, 2}), u});
        EXPECT_NE(harness.getError(std::string(reduction) + type,
                                   {x, ints({2, 4}, {0, 1, 2, -1, 3, -2, 1, 2}), u}),
                  "");
      }
  }
}
