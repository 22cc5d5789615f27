//===- EncodingLoweringTest.cpp - compiled quantization and decoding ===//
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

namespace {
/// How parameters lie on a tensor `[6, 10]`.
struct Layout {
  const char *name;
  const char *block;
  SmallVector<int64_t> grid;
};
} // namespace

static SmallVector<Layout> getLayouts() {
  return {{"tensor", "", {}},
          {"row", "{block = array<i64: 1, -1>}", {6, 1}},
          {"column", "{block = array<i64: -1, 1>}", {1, 10}},
          {"group", "{block = array<i64: 1, 4>}", {6, 3}},
          {"tile", "{block = array<i64: 4, 5>}", {2, 2}},
          {"whole", "{block = array<i64: 8, 16>}", {1, 1}}};
}

static std::string tensorType(ArrayRef<int64_t> shape, StringRef element) {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += std::to_string(dim) + "x";
  return text + element.str() + ">";
}

/// Positive scales that are not powers of two.
static Tensor scales(DataType type, ArrayRef<int64_t> shape) {
  Tensor result = reference::get(Tensor::create(type, shape));
  for (int64_t i = 0; i < result.getNumElements(); ++i)
    result.storeFloat(i, 0.013 * static_cast<double>(i % 5 + 1));
  return result;
}

/// quantize, dequantize and fake_quantize with every layout, with and without zero points.
static std::string quantizations(StringRef real, StringRef codes) {
  std::string text, values = tensorType({6, 10}, real), quantized = tensorType({6, 10}, codes);
  for (const Layout &layout : getLayouts())
    for (bool hasZero : {false, true}) {
      std::string scale = tensorType(layout.grid, real), zero = tensorType(layout.grid, codes);
      std::string name = layout.name + std::string(hasZero ? "_zero" : "");
      std::string arguments = ", %s: " + scale + (hasZero ? ", %z: " + zero : "");
      std::string operands = std::string(", %s") + (hasZero ? ", %z " : " ");
      std::string types = ", " + scale + (hasZero ? ", " + zero : "");
      auto function = [&](StringRef op, StringRef from, StringRef to, StringRef as) {
        text += ("func.func @" + op + "_" + name + "(%x: " + from + arguments + ") -> " + to +
                 " {\n  %y = compress." + op + " %x" + operands + as + layout.block + " : (" +
                 from + types + ") -> " + to + "\n  return %y : " + to + "\n}\n")
                    .str();
      };
      function("quantize", values, quantized, "");
      function("dequantize", quantized, values, "");
      function("fake_quantize", values, values, ("as " + codes + " ").str());
    }
  return text;
}

static void checkQuantizations(StringRef real, StringRef codes, Sizes sizes) {
  SCOPED_TRACE(("codes " + codes + " of " + real).str());
  OpHarness harness(quantizations(real, codes), sizes);
  ASSERT_TRUE(harness.isCompiled());
  DataType realType = *parseDataType(real), codeType = *parseDataType(codes);
  std::mt19937_64 random(1);
  Tensor edges = edgeValues(realType, {6, 10}), some = edgeValues(codeType, {6, 10});
  Tensor many = reference::randomTensor(random, realType, {6, 10});
  for (const Layout &layout : getLayouts())
    for (bool hasZero : {false, true}) {
      std::string name = layout.name + std::string(hasZero ? "_zero" : "");
      SmallVector<Tensor> parameters{scales(realType, layout.grid)};
      if (hasZero) {
        Tensor zeros = reference::get(Tensor::create(codeType, layout.grid));
        for (int64_t i = 0; !isFloat(codeType) && i < zeros.getNumElements(); ++i)
          zeros.storeInt(i, i % 3 + 1);
        parameters.push_back(zeros);
      }
      auto with = [&](const Tensor &x) {
        SmallVector<Tensor> inputs{x};
        inputs.append(parameters);
        return inputs;
      };
      harness.check("quantize_" + name, with(edges));
      harness.check("quantize_" + name, with(many));
      harness.check("dequantize_" + name, with(some), 0);
      harness.check("fake_quantize_" + name, with(edges), 0);
      harness.check("fake_quantize_" + name, with(many), 0);
    }
}

TEST(EncodingLoweringTest, Quantize) {
  for (StringRef codes : {"i8", "ui8", "i4", "ui4", "i16", "ui16", "i32", "f8E4M3FN"})
    checkQuantizations("f32", codes, Sizes::AsWritten);
  for (StringRef real : {"f16", "f64", "bf16"})
    checkQuantizations(real, "i8", Sizes::AsWritten);
  checkQuantizations("f32", "ui8", Sizes::Dynamic);
}

TEST(EncodingLoweringTest, WrongNumberOfScales) {
  OpHarness harness(quantizations("f32", "i8"), Sizes::Dynamic);
  Tensor x = edgeValues(DataType::F32, {6, 10});
  for (const SmallVector<int64_t> &grid : {SmallVector<int64_t>{6, 2}, SmallVector<int64_t>{1, 3}})
    EXPECT_EQ(harness.getError("quantize_group", {x, scales(DataType::F32, grid)}),
              "wrong number of scales");
  EXPECT_EQ(harness.getError("quantize_row", {x, scales(DataType::F32, {6, 0})}),
            "wrong number of scales");
}

TEST(EncodingLoweringTest, DynamicQuantize) {
  std::mt19937_64 random(2);
  for (StringRef real : {"f32", "f16", "f64"})
    for (StringRef codes : {"ui8", "i8", "ui4", "i4"}) {
      std::string text;
      for (StringRef rows : {"tensor", "row"}) {
        std::string from = ("tensor<?x?x" + real + ">").str(),
                    to = ("tensor<?x?x" + codes + ">").str();
        std::string grid = rows == "row" ? "?x1x" : "";
        std::string scale = ("tensor<" + grid + real + ">").str(),
                    zero = ("tensor<" + grid + codes + ">").str();
        std::string results = "(" + to + ", " + scale + ", " + zero + ")";
        text +=
            ("func.func @" + rows + "(%x: " + from + ") -> " + results +
             " {\n  %q, %s, %z = compress.dynamic_quantize %x " + rows + " : (" + from + ") -> " +
             results + "\n  return %q, %s, %z : " + to + ", " + scale + ", " + zero + "\n}\n")
                .str();
      }
      OpHarness harness(text);
      DataType type = *parseDataType(real);
      for (StringRef name : {"tensor", "row"}) {
        SCOPED_TRACE((real + " " + codes).str());
        harness.check(name, {reference::randomTensor(random, type, {5, 37})}, 0);
        harness.check(name, {reference::get(Tensor::create(type, {3, 4}))}, 0);
        harness.check(name, {edgeValues(type, {4, 4})}, 0);
        // A row of nothing has parameters too, by the op's types.
        if (name == "tensor")
          harness.check(name, {reference::get(Tensor::create(type, {3, 0}))}, 0);
        harness.check(name, {edgeValues(type, {2, 18}, 17)}, 0);
      }
    }
}

TEST(EncodingLoweringTest, MaskAndLookup) {
  OpHarness harness(R"(
    func.func @mask(%x: tensor<?x6xf32>, %m: tensor<?x1xi1>) -> tensor<?x6xf32> {
      %y = compress.mask %x, %m : tensor<?x6xf32>, tensor<?x1xi1>
      return %y : tensor<?x6xf32>
    }
    func.func @mask_codes(%x: tensor<4x6xi4>, %m: tensor<4x6xi1>) -> tensor<4x6xi4> {
      %y = compress.mask %x, %m : tensor<4x6xi4>, tensor<4x6xi1>
      return %y : tensor<4x6xi4>
    }
    func.func @lookup(%c: tensor<?x6xui4>, %t: tensor<16xf16>) -> tensor<?x6xf16> {
      %y = compress.lookup %c, %t : (tensor<?x6xui4>, tensor<16xf16>) -> tensor<?x6xf16>
      return %y : tensor<?x6xf16>
    }
    func.func @binary(%c: tensor<8xi1>, %t: tensor<2xf32>) -> tensor<8xf32> {
      %y = compress.lookup %c, %t : (tensor<8xi1>, tensor<2xf32>) -> tensor<8xf32>
      return %y : tensor<8xf32>
    }
    func.func @bytes(%c: tensor<40xui8>, %t: tensor<256xi32>) -> tensor<40xi32> {
      %y = compress.lookup %c, %t : (tensor<40xui8>, tensor<256xi32>) -> tensor<40xi32>
      return %y : tensor<40xi32>
    })");
  std::mt19937_64 random(3);
  auto values = [&](DataType type, ArrayRef<int64_t> shape) {
    return reference::randomTensor(random, type, shape);
  };
  harness.check("mask", {edgeValues(DataType::F32, {4, 6}), values(DataType::Bool, {4, 1})}, 0);
  harness.check("mask", {edgeValues(DataType::F32, {4, 6}), values(DataType::Bool, {1, 1})}, 0);
  harness.check("mask_codes", {values(DataType::I4, {4, 6}), values(DataType::Bool, {4, 6})});
  harness.check("lookup", {values(DataType::U4, {3, 6}), values(DataType::F16, {16})}, 0);
  harness.check("binary", {values(DataType::Bool, {8}), values(DataType::F32, {2})}, 0);
  harness.check("bytes", {values(DataType::U8, {40}), values(DataType::I32, {256})});
}

TEST(EncodingLoweringTest, SmallFloats) {
  for (StringRef codes : {"f6E3M2FN", "f4E2M1FN", "i3"})
    checkQuantizations("f32", codes, Sizes::AsWritten);
}

/// lookup and fake_quantize with a table, and scales in every layout.
static std::string tables(ArrayRef<StringRef> types) {
  std::string text;
  for (StringRef type : types)
    for (const Layout &layout : getLayouts()) {
      std::string name = (type + "_" + layout.name).str();
      std::string real = tensorType({6, 10}, type), scale = tensorType(layout.grid, type);
      std::string codes = tensorType({6, 10}, "ui4"), table = tensorType({16}, type);
      text += "func.func @lookup_" + name + "(%c: " + codes + ", %t: " + table + ", %s: " + scale +
              ") -> " + real + " {\n  %y = compress.lookup %c, %t, %s " + layout.block + " : (" +
              codes + ", " + table + ", " + scale + ") -> " + real + "\n  return %y : " + real +
              "\n}\n";
      text += "func.func @fake_" + name + "(%x: " + real + ", %s: " + scale + ", %t: " + table +
              ") -> " + real + " {\n  %y = compress.fake_quantize %x, %s as ui4 table %t " +
              layout.block + " : (" + real + ", " + scale + ", " + table + ") -> " + real +
              "\n  return %y : " + real + "\n}\n";
    }
  return text;
}

TEST(EncodingLoweringTest, TablesWithScales) {
  std::mt19937_64 random(5);
  for (Sizes sizes : {Sizes::AsWritten, Sizes::Dynamic}) {
    SmallVector<StringRef> types = {"f32", "f16", "f64"};
    if (sizes == Sizes::Dynamic)
      types = {"f32"};
    OpHarness harness(tables(types), sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (StringRef type : types)
      for (const Layout &layout : getLayouts()) {
        DataType real = *parseDataType(type);
        std::string name = (type + "_" + layout.name).str();
        Tensor table = reference::randomTensor(random, real, {16});
        Tensor scale = scales(real, layout.grid);
        harness.check("lookup_" + name,
                      {reference::randomTensor(random, DataType::U4, {6, 10}), table, scale}, 0);
        harness.check("fake_" + name, {edgeValues(real, {6, 10}), scale, table}, 0);
        harness.check("fake_" + name,
                      {reference::randomTensor(random, real, {6, 10}), scale, table}, 0);
      }
    if (sizes == Sizes::Dynamic)
      EXPECT_EQ(harness.getError("lookup_f32_tensor",
                                 {reference::ints({1, 1}, {0}, DataType::U4),
                                  reference::randomTensor(random, DataType::F32, {15}),
                                  reference::floats({}, {1})}),
                "the table has no entry for some codes");
  }
}

/// Weights of every format, and rows of embeddings that are stored in them.
TEST(EncodingLoweringTest, ChainsOfWeights) {
  OpHarness harness(R"(
    compress.weight private @q4 : tensor<4x6xf4E2M1FN> = dense<[[0.5, 6.0, -1.5, 3.0, 1.0, 2.0], [-4.0, 0.0, 1.5, -0.5, 4.0, -6.0], [1.0, 1.0, 2.0, 2.0, 3.0, 3.0], [-1.0, -1.0, -2.0, -2.0, 0.0, 0.5]]>
    compress.weight private @e8 : tensor<4x2xf8E8M0FNU> = dense<[[1.0, 2.0], [0.25, 4.0], [8.0, 0.5], [1.0, 16.0]]>
    compress.weight private @one : tensor<f32> = dense<1.0>
    func.func @mx() -> tensor<4x6xf32> {
      %q = compress.load @q4 : tensor<4x6xf4E2M1FN>
      %c = compress.load @e8 : tensor<4x2xf8E8M0FNU>
      %f = compress.load @one : tensor<f32>
      %s = compress.dequantize %c, %f : (tensor<4x2xf8E8M0FNU>, tensor<f32>) -> tensor<4x2xf32>
      %w = compress.dequantize %q, %s {block = array<i64: 1, 4>} : (tensor<4x6xf4E2M1FN>, tensor<4x2xf32>) -> tensor<4x6xf32>
      return %w : tensor<4x6xf32>
    }
    func.func @mx_rows(%i: tensor<?x2xi64>) -> tensor<?x2x6xf32> {
      %q = compress.load @q4 : tensor<4x6xf4E2M1FN>
      %c = compress.load @e8 : tensor<4x2xf8E8M0FNU>
      %f = compress.load @one : tensor<f32>
      %s = compress.dequantize %c, %f : (tensor<4x2xf8E8M0FNU>, tensor<f32>) -> tensor<4x2xf32>
      %w = compress.dequantize %q, %s {block = array<i64: 1, 4>} : (tensor<4x6xf4E2M1FN>, tensor<4x2xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<?x2xi64>) -> tensor<?x2x6xf32>
      return %y : tensor<?x2x6xf32>
    }
    compress.weight private @q2 : tensor<4x6xui2> = dense<[[0, 1, 2, 3, 3, 2], [1, 0, 0, 1, 2, 3], [3, 3, 3, 0, 0, 0], [2, 2, 1, 1, 0, 0]]>
    compress.weight private @table : tensor<4xf32> = dense<[-1.0, 0.0, 0.3, 1.0]>
    compress.weight private @q8 : tensor<8xui2> = dense<[0, 1, 2, 3, 3, 2, 1, 0]>
    compress.weight private @map : tensor<4xf32> = dense<[-1.0, -0.4, 0.5, 1.0]>
    compress.weight private @second : tensor<2xf32> = dense<[0.7, 1.3]>
    compress.weight private @offset : tensor<f32> = dense<3.1>
    func.func @double() -> tensor<4x6xf32> {
      %q = compress.load @q2 : tensor<4x6xui2>
      %t = compress.load @table : tensor<4xf32>
      %c = compress.load @q8 : tensor<8xui2>
      %m = compress.load @map : tensor<4xf32>
      %ss = compress.load @second : tensor<2xf32>
      %v = compress.lookup %c, %m, %ss {block = array<i64: 4>} : (tensor<8xui2>, tensor<4xf32>, tensor<2xf32>) -> tensor<8xf32>
      %shape = compress.constant dense<[4, 2]> : tensor<2xi64>
      %r = compress.reshape %v, %shape : (tensor<8xf32>, tensor<2xi64>) -> tensor<4x2xf32>
      %o = compress.load @offset : tensor<f32>
      %s = compress.add %r, %o : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
      %w = compress.lookup %q, %t, %s {block = array<i64: 1, 4>} : (tensor<4x6xui2>, tensor<4xf32>, tensor<4x2xf32>) -> tensor<4x6xf32>
      return %w : tensor<4x6xf32>
    }
    func.func @double_rows(%i: tensor<?xi32>) -> tensor<?x6xf32> {
      %q = compress.load @q2 : tensor<4x6xui2>
      %t = compress.load @table : tensor<4xf32>
      %c = compress.load @q8 : tensor<8xui2>
      %m = compress.load @map : tensor<4xf32>
      %ss = compress.load @second : tensor<2xf32>
      %v = compress.lookup %c, %m, %ss {block = array<i64: 4>} : (tensor<8xui2>, tensor<4xf32>, tensor<2xf32>) -> tensor<8xf32>
      %shape = compress.constant dense<[4, 2]> : tensor<2xi64>
      %r = compress.reshape %v, %shape : (tensor<8xf32>, tensor<2xi64>) -> tensor<4x2xf32>
      %o = compress.load @offset : tensor<f32>
      %s = compress.add %r, %o : (tensor<4x2xf32>, tensor<f32>) -> tensor<4x2xf32>
      %w = compress.lookup %q, %t, %s {block = array<i64: 1, 4>} : (tensor<4x6xui2>, tensor<4xf32>, tensor<4x2xf32>) -> tensor<4x6xf32>
      %y = compress.embedding %w, %i : (tensor<4x6xf32>, tensor<?xi32>) -> tensor<?x6xf32>
      return %y : tensor<?x6xf32>
    }
    compress.weight private @halves : tensor<3x2xf16> = dense<[[1.5, -2.0], [65504.0, 0.1], [6.0e-8, 0.0]]>
    func.func @half() -> tensor<3x2xf32> {
      %h = compress.load @halves : tensor<3x2xf16>
      %w = compress.cast %h : (tensor<3x2xf16>) -> tensor<3x2xf32>
      return %w : tensor<3x2xf32>
    }
    func.func @half_rows(%i: tensor<?xi64>) -> tensor<?x2xf32> {
      %h = compress.load @halves : tensor<3x2xf16>
      %w = compress.cast %h : (tensor<3x2xf16>) -> tensor<3x2xf32>
      %y = compress.embedding %w, %i : (tensor<3x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    }
    compress.weight private @bits : tensor<2x9xui1> = dense<[[0, 1, 1, 0, 1, 0, 0, 1, 1], [1, 1, 1, 1, 0, 0, 0, 0, 1]]>
    compress.weight private @signs : tensor<2xf32> = dense<[-1.0, 1.0]>
    compress.weight private @alpha : tensor<2x1xf32> = dense<[[0.3], [2.5]]>
    func.func @binary() -> tensor<2x9xf32> {
      %b = compress.load @bits : tensor<2x9xui1>
      %t = compress.load @signs : tensor<2xf32>
      %s = compress.load @alpha : tensor<2x1xf32>
      %w = compress.lookup %b, %t, %s {block = array<i64: 1, -1>} : (tensor<2x9xui1>, tensor<2xf32>, tensor<2x1xf32>) -> tensor<2x9xf32>
      return %w : tensor<2x9xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  for (StringRef name : {"mx", "double", "half", "binary"})
    harness.check(name, {}, 0);
  harness.check("mx_rows", {reference::ints({2, 2}, {3, 0, 1, 1})}, 0);
  harness.check("double_rows", {reference::ints({3}, {2, 0, 3}, DataType::I32)}, 0);
  harness.check("half_rows", {reference::ints({2}, {2, 1})}, 0);
}

TEST(EncodingLoweringTest, ExpandNM) {
  // 2:4 along the last dim with a short last group; 1:3 along the first; 3:8 with fields of 3 bits.
  OpHarness harness(R"(
    func.func @two_of_four(%c: tensor<3x4xi4>, %p: tensor<3x1xi8>) -> tensor<3x7xi4> {
      %y = compress.expand_nm %c, %p {n = 2, m = 4, axis = 1, fill = -3}
        : (tensor<3x4xi4>, tensor<3x1xi8>) -> tensor<3x7xi4>
      return %y : tensor<3x7xi4>
    }
    func.func @one_of_three(%c: tensor<2x5xf32>, %p: tensor<2x2xi8>) -> tensor<6x5xf32> {
      %y = compress.expand_nm %c, %p {n = 1, m = 3, axis = 0}
        : (tensor<2x5xf32>, tensor<2x2xi8>) -> tensor<6x5xf32>
      return %y : tensor<6x5xf32>
    }
    func.func @three_of_eight(%c: tensor<?x6xi8>, %p: tensor<?x3xi8>) -> tensor<?x16xi8> {
      %y = compress.expand_nm %c, %p {n = 3, m = 8, axis = 1, fill = 9}
        : (tensor<?x6xi8>, tensor<?x3xi8>) -> tensor<?x16xi8>
      return %y : tensor<?x16xi8>
    })");
  // Positions 1, 3 and 0, 2; 0, 1 and 1, 2; 2, 3 and 0, 1.
  harness.check("two_of_four",
                {reference::ints({3, 4}, {1, 2, 3, 4, 5, 6, 7, -8, -1, -2, -3, -4}, DataType::I4),
                 reference::ints({3, 1}, {0b10001101, 0b10010100, 0b01001110}, DataType::I8)});
  harness.check("one_of_three",
                {reference::floats({2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
                 reference::ints({2, 2}, {0b10010010, 1, 0b00100100, 2}, DataType::I8)});
  // Positions 0, 3, 7 and 1, 5, 6: 0 | 3 << 3 | 7 << 6 | 1 << 9 | 5 << 12 | 6 << 15.
  int64_t packed = 0 | 3 << 3 | 7 << 6 | 1 << 9 | 5 << 12 | 6 << 15;
  Tensor positions = reference::ints(
      {2, 3}, {packed, packed >> 8, packed >> 16, packed, packed >> 8, packed >> 16}, DataType::I8);
  Tensor codes = reference::ints({2, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13}, DataType::I8);
  harness.check("three_of_eight", {codes, positions});
  EXPECT_EQ(harness.getError("two_of_four",
                             {reference::ints({3, 4}, SmallVector<int64_t>(12, 1), DataType::I4),
                              reference::ints({3, 1}, {0b11111101, 0, 0}, DataType::I8)}),
            "a position of an N:M pattern is outside of its group");
  EXPECT_EQ(
      harness.getError("three_of_eight", {codes, reference::ints({1, 3}, {0, 0, 0}, DataType::I8)}),
      "wrong number of positions");
}

TEST(EncodingLoweringTest, ExpandBitmap) {
  OpHarness harness(R"(
    func.func @expand(%c: tensor<?xf32>, %b: tensor<2xi8>) -> tensor<3x4xf32> {
      %y = compress.expand_bitmap %c, %b : (tensor<?xf32>, tensor<2xi8>) -> tensor<3x4xf32>
      return %y : tensor<3x4xf32>
    }
    func.func @filled(%c: tensor<?xui4>, %b: tensor<?xi8>) -> tensor<10xui4> {
      %y = compress.expand_bitmap %c, %b {fill = 7} : (tensor<?xui4>, tensor<?xi8>) -> tensor<10xui4>
      return %y : tensor<10xui4>
    })");
  Tensor bitmap = reference::ints({2}, {0b10100101, 0b0110}, DataType::I8);
  harness.check("expand", {reference::floats({6}, {1, 2, 3, 4, 5, 6}), bitmap});
  harness.check("filled", {reference::ints({5}, {1, 2, 3, 4, 15}, DataType::U4),
                           reference::ints({2}, {0b10100101, 0b10}, DataType::I8)});
  harness.check("filled", {reference::ints({0}, {}, DataType::U4),
                           reference::ints({2}, {0, 0}, DataType::I8)});
  EXPECT_EQ(harness.getError("expand", {reference::floats({5}, {1, 2, 3, 4, 5}), bitmap}),
            "the bitmap keeps another number of elements than there are codes");
  EXPECT_EQ(harness.getError("expand", {reference::floats({0}, {}), bitmap}),
            "the bitmap keeps another number of elements than there are codes");
}

TEST(EncodingLoweringTest, StoredWeights) {
  // Loads of types that lie in memory in another way; more elements than a literal has.
  std::string text;
  for (StringRef type : {"i4", "ui4", "ui8", "i2", "i1", "i3", "ui16"}) {
    std::string values;
    for (int i = 0; i < 35; ++i)
      values += (i ? ", " : "") + (type == "i1"             ? std::string(i % 3 ? "true" : "false")
                                   : type.starts_with("ui") ? std::to_string(i * 7 % 16)
                                   : type == "i4"           ? std::to_string(i * 7 % 16 - 8)
                                                            : std::to_string(i % 4 - 2));
    std::string tensor = ("tensor<35x" + type + ">").str();
    text +=
        ("compress.weight private @w_" + type + " : " + tensor + " = dense<[" + values +
         "]>\nfunc.func @load_" + type + "() -> (" + tensor + ", " + tensor +
         ") {\n  %a = compress.load @w_" + type + " : " + tensor + "\n  %b = compress.load @w_" +
         type + " : " + tensor + "\n  return %a, %b : " + tensor + ", " + tensor + "\n}\n")
            .str();
  }
  text += R"(
    compress.weight private @w_f8 : tensor<20xf8E4M3FN> = dense<1.5>
    func.func @load_f8(%s: tensor<f32>) -> tensor<20xf32> {
      %c = compress.load @w_f8 : tensor<20xf8E4M3FN>
      %y = compress.dequantize %c, %s : (tensor<20xf8E4M3FN>, tensor<f32>) -> tensor<20xf32>
      return %y : tensor<20xf32>
    }
    compress.weight private @small : tensor<4xui4> = dense<[1, 15, 8, 0]>
    compress.weight private @small_f8 : tensor<2xf8E5M2> = dense<[-1.5, 2.0]>
    func.func @literals() -> (tensor<4xi32>, tensor<2xf32>) {
      %c = compress.load @small : tensor<4xui4>
      %y = compress.cast %c : (tensor<4xui4>) -> tensor<4xi32>
      %f = compress.load @small_f8 : tensor<2xf8E5M2>
      %z = compress.cast %f : (tensor<2xf8E5M2>) -> tensor<2xf32>
      return %y, %z : tensor<4xi32>, tensor<2xf32>
    })";
  OpHarness harness(text);
  ASSERT_TRUE(harness.isCompiled());
  for (StringRef type : {"i4", "ui4", "ui8", "i2", "i1", "i3", "ui16"})
    harness.check(("load_" + type).str(), {});
  harness.check("load_f8", {reference::floats({}, {0.25})});
  harness.check("literals", {});
}
