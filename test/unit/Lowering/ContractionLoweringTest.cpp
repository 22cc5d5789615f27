//===- ContractionLoweringTest.cpp - compiled products without kernels ===//
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

namespace {
struct TypePair {
  const char *operand, *result;
  DataType data;
};
} // namespace

static const TypePair kTypes[] = {{"f32", "f32", DataType::F32}, {"f64", "f64", DataType::F64},
                                  {"f16", "f16", DataType::F16}, {"bf16", "bf16", DataType::BF16},
                                  {"i32", "i32", DataType::I32}, {"i64", "i64", DataType::I64},
                                  {"i8", "i32", DataType::I8},   {"ui8", "i32", DataType::U8}};

/// Leading dims of a linear's input; all kinds for one type.
static ArrayRef<StringRef> getRows(const TypePair &type) {
  static const StringRef rows[] = {"2x3", "3", ""};
  return ArrayRef(rows).take_front(type.data == DataType::F32 ? 3 : 1);
}

static double getTolerance(DataType type) {
  return type == DataType::F16 ? 2e-3 : type == DataType::BF16 ? 2e-2 : 2e-6;
}

static Tensor values(DataType type, ArrayRef<int64_t> shape, unsigned seed) {
  std::mt19937_64 random(seed);
  return reference::randomTensor(random, type, shape);
}

/// "tensor<2x3xf32>" for "2x3" and "f32".
static std::string tensor(StringRef dims, StringRef type) {
  return ("tensor<" + dims + (dims.empty() ? "" : "x") + type + ">").str();
}

TEST(ContractionLoweringTest, Linear) {
  std::string text;
  for (const TypePair &type : kTypes)
    for (StringRef layout : {"kn", "nk"})
      for (StringRef rows : getRows(type)) {
        std::string name = (layout + "_" + rows + type.operand).str();
        std::string x = tensor((rows + (rows.empty() ? "5" : "x5")).str(), type.operand);
        std::string w = tensor(layout == "kn" ? "5x4" : "4x5", type.operand);
        std::string b = tensor("4", type.result);
        std::string y = tensor((rows + (rows.empty() ? "4" : "x4")).str(), type.result);
        text += "func.func @" + name + "(%x: " + x + ", %w: " + w + ", %b: " + b + ") -> " + y +
                " {\n  %y = compress.linear " + layout.str() +
                " %x, %w bias %b {name = \"l\"} : (" + x + ", " + w + ", " + b + ") -> " + y +
                "\n  return %y : " + y + "\n}\n";
        text += "func.func @n" + name + "(%x: " + x + ", %w: " + w + ") -> " + y +
                " {\n  %y = compress.linear " + layout.str() + " %x, %w {name = \"l\"} : (" + x +
                ", " + w + ") -> " + y + "\n  return %y : " + y + "\n}\n";
      }
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (const TypePair &type : kTypes)
      for (StringRef layout : {"kn", "nk"})
        for (StringRef rows : getRows(type)) {
          std::string name = (layout + "_" + rows + type.operand).str();
          SCOPED_TRACE(name);
          SmallVector<int64_t> shape{5};
          if (rows == "3")
            shape = {3, 5};
          if (rows == "2x3")
            shape = {2, 3, 5};
          Tensor x = values(type.data, shape, 1);
          Tensor w = values(type.data,
                            layout == "kn" ? ArrayRef<int64_t>{5, 4} : ArrayRef<int64_t>{4, 5}, 2);
          DataType biasType =
              isFloat(type.data) || type.data == DataType::I64 ? type.data : DataType::I32;
          double tolerance = 20 * getTolerance(type.data);
          harness.check(name, {x, w, values(biasType, {4}, 3)}, tolerance);
          harness.check("n" + name, {x, w}, tolerance);
        }
    if (sizes == Sizes::Dynamic) {
      EXPECT_NE(harness.getError("nkn_3f32", {pattern({3, 4}), pattern({5, 4})}), "");
      EXPECT_NE(harness.getError("kn_3f32", {pattern({3, 5}), pattern({5, 4}), pattern({3})}), "");
      harness.check("nkn_3f32", {pattern({0, 5}), pattern({5, 4})});
      harness.check("kn_3f32", {pattern({3, 0}), pattern({0, 4}), pattern({4})});
    }
  }
}

TEST(ContractionLoweringTest, MatMul) {
  struct Case {
    const char *name, *a, *b, *y;
    SmallVector<int64_t> aShape, bShape;
  };
  const Case cases[] = {{"plain", "3x5", "5x4", "3x4", {3, 5}, {5, 4}},
                        {"batch", "2x3x5", "2x5x4", "2x3x4", {2, 3, 5}, {2, 5, 4}},
                        {"wide", "2x1x3x5", "4x5x2", "2x4x3x2", {2, 1, 3, 5}, {4, 5, 2}},
                        {"right", "3x5", "2x5x4", "2x3x4", {3, 5}, {2, 5, 4}},
                        {"one", "1x3x5", "2x5x4", "2x3x4", {1, 3, 5}, {2, 5, 4}},
                        {"row", "5", "2x5x4", "2x4", {5}, {2, 5, 4}},
                        {"column", "2x3x5", "5", "2x3", {2, 3, 5}, {5}},
                        {"dot", "5", "5", "", {5}, {5}},
                        {"none", "3x0", "0x4", "3x4", {3, 0}, {0, 4}}};
  std::string text;
  for (const TypePair &type : kTypes)
    for (const Case &c : cases) {
      if (type.data != DataType::F32 && StringRef(c.name) != "wide" && StringRef(c.name) != "row")
        continue;
      std::string a = tensor(c.a, type.operand), b = tensor(c.b, type.operand),
                  y = tensor(c.y, type.result);
      text += std::string("func.func @") + c.name + type.operand + "(%a: " + a + ", %b: " + b +
              ") -> " + y + " {\n  %y = compress.matmul %a, %b {name = \"m\"} : (" + a + ", " + b +
              ") -> " + y + "\n  return %y : " + y + "\n}\n";
    }
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (const TypePair &type : kTypes)
      for (const Case &c : cases) {
        if (type.data != DataType::F32 && StringRef(c.name) != "wide" && StringRef(c.name) != "row")
          continue;
        SCOPED_TRACE(std::string(c.name) + type.operand);
        harness.check(std::string(c.name) + type.operand,
                      {values(type.data, c.aShape, 1), values(type.data, c.bShape, 2)},
                      20 * getTolerance(type.data));
      }
    if (sizes == Sizes::Dynamic) {
      EXPECT_NE(harness.getError("batchf32", {pattern({2, 3, 5}), pattern({3, 5, 4})}), "");
      EXPECT_NE(harness.getError("batchf32", {pattern({2, 3, 5}), pattern({2, 4, 4})}), "");
      harness.check("batchf32", {pattern({2, 3, 5}), pattern({1, 5, 4})});
    }
  }
}
