//===- CodebookLoweringTest.cpp - compiled palettes and codes of vectors ===//
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

static std::string tensorType(ArrayRef<int64_t> shape, StringRef element) {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + element.str() + ">";
}

namespace {
/// How tables lie on a tensor `[6, 10]`.
struct Layout {
  const char *name;
  const char *block;
  SmallVector<int64_t> grid;
};
} // namespace

static SmallVector<Layout> getLayouts() {
  return {{"row", "table_block = array<i64: 1, -1>", {6, 1}},
          {"column", "table_block = array<i64: -1, 1>", {1, 10}},
          {"group", "table_block = array<i64: 1, 4>", {6, 3}},
          {"tile", "table_block = array<i64: 4, 5>", {2, 2}},
          {"whole", "table_block = array<i64: 8, 16>", {1, 1}}};
}

TEST(CodebookLoweringTest, TablesOfBlocks) {
  std::mt19937_64 random(5);
  for (Sizes sizes : {Sizes::AsWritten, Sizes::Dynamic}) {
    SmallVector<StringRef> types = {"f32", "f16", "f64"};
    if (sizes == Sizes::Dynamic)
      types = {"f32"};
    std::string text;
    for (StringRef type : types)
      for (const Layout &layout : getLayouts()) {
        std::string name = (type + "_" + layout.name).str();
        SmallVector<int64_t> grid = layout.grid;
        grid.push_back(16);
        std::string real = tensorType({6, 10}, type), codes = tensorType({6, 10}, "ui4");
        std::string table = tensorType(grid, type), scale = tensorType({6, 1}, type);
        text += "func.func @plain_" + name + "(%c: " + codes + ", %t: " + table + ") -> " + real +
                " {\n  %y = compress.lookup %c, %t {" + layout.block + "} : (" + codes + ", " +
                table + ") -> " + real + "\n  return %y : " + real + "\n}\n";
        text += "func.func @scaled_" + name + "(%c: " + codes + ", %t: " + table +
                ", %s: " + scale + ") -> " + real +
                " {\n  %y = compress.lookup %c, %t, %s {block = array<i64: 1, -1>, " +
                layout.block + "} : (" + codes + ", " + table + ", " + scale + ") -> " + real +
                "\n  return %y : " + real + "\n}\n";
      }
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (StringRef type : types)
      for (const Layout &layout : getLayouts()) {
        DataType real = *parseDataType(type);
        std::string name = (type + "_" + layout.name).str();
        SmallVector<int64_t> grid = layout.grid;
        grid.push_back(16);
        Tensor codes = reference::randomTensor(random, DataType::U4, {6, 10});
        Tensor table = reference::randomTensor(random, real, grid);
        harness.check("plain_" + name, {codes, table}, 0);
        harness.check("scaled_" + name,
                      {codes, table, reference::randomTensor(random, real, {6, 1})}, 0);
      }
    if (sizes != Sizes::Dynamic)
      continue;
    Tensor codes = reference::randomTensor(random, DataType::U4, {6, 10});
    auto tables = [&](ArrayRef<int64_t> shape) {
      return reference::randomTensor(random, DataType::F32, shape);
    };
    EXPECT_EQ(harness.getError("plain_f32_row", {codes, tables({6, 1, 15})}),
              "the table has no entry for some codes");
    EXPECT_EQ(harness.getError("plain_f32_row", {codes, tables({5, 1, 16})}),
              "wrong number of tables");
    EXPECT_EQ(harness.getError("plain_f32_row", {codes, tables({6, 2, 16})}),
              "wrong number of tables");
    EXPECT_EQ(harness.getError("plain_f32_group", {codes, tables({6, 2, 16})}),
              "wrong number of tables");
  }
}

/// `lookup_vectors` of `[6, 7, 5]` cut into vectors of 4 along `axis`.
TEST(CodebookLoweringTest, Vectors) {
  std::mt19937_64 random(9);
  SmallVector<std::pair<std::string, SmallVector<Tensor>>> runs;
  std::string text;
  SmallVector<int64_t> shape = {6, 7, 5};
  for (int64_t axis : {0, 1, 2})
    for (int64_t books : {1, 3})
      for (bool hasSubspaces : {false, true})
        for (StringRef codeType : {"ui4", "ui8", "ui16"})
          for (StringRef real : {"f32", "f16", "f64"}) {
            int64_t vectors = llvm::divideCeil(shape[axis], 4);
            int64_t entries = codeType == "ui4" ? 16 : codeType == "ui8" ? 256 : 300;
            SmallVector<int64_t> codeShape = shape;
            codeShape[axis] = vectors;
            codeShape.push_back(books);
            SmallVector<int64_t> tableShape = {hasSubspaces ? vectors : 1, books, entries, 4};
            std::string name = ("f" + Twine(runs.size())).str();
            std::string codes = tensorType(codeShape, codeType);
            std::string tables = tensorType(tableShape, real), scale = tensorType({6, 1, 1}, real);
            std::string result = tensorType(shape, real), at = std::to_string(axis);
            text += "func.func @" + name + "(%c: " + codes + ", %t: " + tables + ", %s: " + scale +
                    ") -> (" + result + ", " + result +
                    ") {\n  %x = compress.lookup_vectors %c, %t {axis = " + at + "} : (" + codes +
                    ", " + tables + ") -> " + result +
                    "\n  %y = compress.lookup_vectors %c, %t, %s {axis = " + at +
                    ", block = array<i64: 1, -1, -1>} : (" + codes + ", " + tables + ", " + scale +
                    ") -> " + result + "\n  return %x, %y : " + result + ", " + result + "\n}\n";
            Tensor numbers = reference::randomTensor(random, *parseDataType(codeType), codeShape);
            for (int64_t i = 0; i < numbers.getNumElements(); ++i)
              numbers.storeInt(i, static_cast<int64_t>(random() % entries));
            DataType type = *parseDataType(real);
            runs.push_back({name,
                            {numbers, reference::randomTensor(random, type, tableShape),
                             reference::randomTensor(random, type, {6, 1, 1})}});
          }
  OpHarness harness(text);
  ASSERT_TRUE(harness.isCompiled());
  for (const auto &[name, inputs] : runs)
    harness.check(name, inputs, 0);
}

/// Rows that are not known, and codes of which there are too few.
TEST(CodebookLoweringTest, VectorsOfDynamicRows) {
  OpHarness harness(R"(
    func.func @rows(%c: tensor<?x?x?xui8>, %t: tensor<1x2x256x4xf32>, %s: tensor<?x1xf32>) -> tensor<?x7xf32> {
      %y = compress.lookup_vectors %c, %t, %s {axis = 1, block = array<i64: 1, -1>}
        : (tensor<?x?x?xui8>, tensor<1x2x256x4xf32>, tensor<?x1xf32>) -> tensor<?x7xf32>
      return %y : tensor<?x7xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  std::mt19937_64 random(3);
  auto values = [&](DataType type, ArrayRef<int64_t> shape) {
    return reference::randomTensor(random, type, shape);
  };
  Tensor tables = values(DataType::F32, {1, 2, 256, 4});
  harness.check("rows", {values(DataType::U8, {3, 2, 2}), tables, values(DataType::F32, {3, 1})},
                0);
  harness.check("rows", {values(DataType::U8, {0, 2, 2}), tables, values(DataType::F32, {0, 1})},
                0);
  EXPECT_EQ(harness.getError(
                "rows", {values(DataType::U8, {3, 1, 2}), tables, values(DataType::F32, {3, 1})}),
            "wrong number of codes of vectors");
  EXPECT_EQ(harness.getError(
                "rows", {values(DataType::U8, {3, 2, 3}), tables, values(DataType::F32, {3, 1})}),
            "wrong number of codebooks");
  EXPECT_EQ(harness.getError(
                "rows", {values(DataType::U8, {3, 2, 2}), tables, values(DataType::F32, {4, 1})}),
            "wrong number of scales");
}

/// Rows of embeddings are decoded alone, where they can be.
TEST(CodebookLoweringTest, RowsOfEmbeddings) {
  OpHarness harness(R"(
    compress.weight private @q : tensor<4x6xui2> = dense<[[0, 1, 2, 3, 3, 2], [1, 0, 0, 1, 2, 3], [3, 3, 3, 0, 0, 0], [2, 2, 1, 1, 0, 0]]>
    compress.weight private @rows : tensor<4x2x4xf32> = dense<[[[-1.0, 0.0, 0.3, 1.0], [-2.0, 0.0, 0.6, 2.0]], [[-3.0, 0.5, 0.9, 3.0], [-4.0, 0.25, 1.2, 4.0]], [[-5.0, 0.0, 1.5, 5.0], [-6.0, 0.125, 1.8, 6.0]], [[-7.0, 0.0, 2.1, 7.0], [-8.0, 0.0, 2.4, 8.0]]]>
    compress.weight private @columns_t : tensor<1x2x4xf32> = dense<[[[-1.0, 0.0, 0.3, 1.0], [-2.0, 0.0, 0.6, 2.0]]]>
    compress.weight private @pairs_t : tensor<2x1x4xf32> = dense<[[[-1.0, 0.0, 0.3, 1.0]], [[-2.0, 0.0, 0.6, 2.0]]]>
    compress.weight private @scale : tensor<4x1xf32> = dense<[[0.5], [2.0], [0.7], [1.1]]>
    compress.weight private @v : tensor<4x2x2xui1> = dense<[[[0, 1], [1, 1]], [[1, 0], [0, 0]], [[1, 1], [0, 1]], [[0, 0], [1, 0]]]>
    compress.weight private @t : tensor<2x2x2x3xf32> = dense<[[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]], [[[-1.0, 2.5, 3.0], [4.0, -5.0, 6.5]], [[0.3, 0.2, -0.3], [0.4, -0.5, 0.6]]]]>
    compress.weight private @down_q : tensor<2x6x1xui1> = dense<[[[0], [1], [1], [0], [1], [0]], [[1], [1], [0], [0], [0], [1]]]>
    compress.weight private @d : tensor<1x1x2x2xf32> = dense<[[[[1.0, 2.0], [3.0, 4.0]]]]>
    func.func @groups(%i: tensor<?x2xi64>) -> tensor<?x2x6xf32> {
      %q = compress.load @q : tensor<4x6xui2>
      %t = compress.load @rows : tensor<4x2x4xf32>
      %s = compress.load @scale : tensor<4x1xf32>
      %w = compress.lookup %q, %t, %s {block = array<i64: 1, -1>, table_block = array<i64: 1, 4>} : (tensor<4x6xui2>, tensor<4x2x4xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<?x2xi64>) -> tensor<?x2x6xf32>
      return %y : tensor<?x2x6xf32>
    }
    func.func @columns(%i: tensor<?x2xi64>) -> tensor<?x2x6xf32> {
      %q = compress.load @q : tensor<4x6xui2>
      %t = compress.load @columns_t : tensor<1x2x4xf32>
      %w = compress.lookup %q, %t {table_block = array<i64: -1, 4>} : (tensor<4x6xui2>, tensor<1x2x4xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<?x2xi64>) -> tensor<?x2x6xf32>
      return %y : tensor<?x2x6xf32>
    }
    func.func @one_column(%i: tensor<i64>) -> tensor<6xf32> {
      %q = compress.load @q : tensor<4x6xui2>
      %t = compress.load @columns_t : tensor<1x2x4xf32>
      %w = compress.lookup %q, %t {table_block = array<i64: -1, 4>} : (tensor<4x6xui2>, tensor<1x2x4xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<i64>) -> tensor<6xf32>
      return %y : tensor<6xf32>
    }
    func.func @pairs(%i: tensor<?xi64>) -> tensor<?x6xf32> {
      %q = compress.load @q : tensor<4x6xui2>
      %t = compress.load @pairs_t : tensor<2x1x4xf32>
      %w = compress.lookup %q, %t {table_block = array<i64: 2, -1>} : (tensor<4x6xui2>, tensor<2x1x4xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<?xi64>) -> tensor<?x6xf32>
      return %y : tensor<?x6xf32>
    }
    func.func @vectors(%i: tensor<?x2xi64>) -> tensor<?x2x6xf32> {
      %v = compress.load @v : tensor<4x2x2xui1>
      %t = compress.load @t : tensor<2x2x2x3xf32>
      %s = compress.load @scale : tensor<4x1xf32>
      %w = compress.lookup_vectors %v, %t, %s {axis = 1, block = array<i64: 1, -1>} : (tensor<4x2x2xui1>, tensor<2x2x2x3xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<?x2xi64>) -> tensor<?x2x6xf32>
      return %y : tensor<?x2x6xf32>
    }
    func.func @down(%i: tensor<?xi64>) -> tensor<?x6xf32> {
      %v = compress.load @down_q : tensor<2x6x1xui1>
      %t = compress.load @d : tensor<1x1x2x2xf32>
      %w = compress.lookup_vectors %v, %t {axis = 0} : (tensor<2x6x1xui1>, tensor<1x1x2x2xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<?xi64>) -> tensor<?x6xf32>
      return %y : tensor<?x6xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  for (StringRef name : {"groups", "columns", "vectors"}) {
    harness.check(name, {reference::ints({2, 2}, {3, 0, 1, 1})}, 0);
    harness.check(name, {reference::ints({3, 2}, {2, 0, 3, 1, 1, 2})}, 0);
  }
  harness.check("one_column", {reference::ints({}, {2})}, 0);
  for (StringRef name : {"pairs", "down"})
    harness.check(name, {reference::ints({4}, {3, 0, 1, 2})}, 0);
}
