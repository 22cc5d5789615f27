//===- ReductionLoweringTest.cpp - compiled reductions and searches ===//
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

static const char *const kKinds[] = {"sum",        "mean", "max", "min",     "prod",
                                     "sum_square", "l1",   "l2",  "log_sum", "log_sum_exp"};

/// One function per kind of reduction of `[a, b, c]`, whose sizes are known with `isStatic`.
static std::string reductions(StringRef element, StringRef axes, StringRef kept, bool isStatic) {
  std::string text;
  StringRef sizes = isStatic ? "3x5x4" : "?x?x?";
  for (StringRef kind : kKinds) {
    std::string from = ("tensor<" + sizes + "x" + element + ">").str();
    std::string to = ("tensor<" + kept + element + ">").str();
    text += ("func.func @" + kind + "(%x: " + from + ") -> " + to + " {\n  %y = compress.reduce " +
             kind + " %x {axes = array<i64" + axes + ">} : (" + from + ") -> " + to +
             "\n  return %y : " + to + "\n}\n")
                .str();
  }
  return text;
}

TEST(ReductionLoweringTest, Floats) {
  std::mt19937_64 random(1);
  for (StringRef element : {"f32", "f64", "f16"}) {
    DataType type = *parseDataType(element);
    double tolerance = type == DataType::F16 ? 2e-3 : 2e-5;
    OpHarness last(reductions(element, ": 2", "?x?x1x", false));
    OpHarness first(reductions(element, ": 0", "1x5x4x", true));
    OpHarness outer(reductions(element, ": 0, 2", "1x5x1x", true));
    OpHarness all(reductions(element, ": 0, 1, 2", "1x1x1x", false));
    OpHarness none(reductions(element, "", "3x5x4x", true));
    Tensor x = reference::randomTensor(random, type, {3, 5, 4});
    Tensor special = reference::get(x.clone());
    special.storeFloat(3, std::numeric_limits<double>::quiet_NaN());
    special.storeFloat(21, std::numeric_limits<double>::infinity());
    special.storeFloat(33, -std::numeric_limits<double>::infinity());
    for (StringRef kind : kKinds) {
      SCOPED_TRACE(element.str());
      for (OpHarness *harness : {&last, &first, &outer, &all, &none}) {
        harness->check(kind, {x}, tolerance);
        harness->check(kind, {special}, tolerance);
      }
      last.check(kind, {reference::randomTensor(random, type, {2, 1, 67})}, tolerance);
      last.check(kind, {reference::randomTensor(random, type, {2, 3, 0})}, tolerance);
      last.check(kind, {reference::randomTensor(random, type, {0, 3, 4})}, tolerance);
    }
  }
}

TEST(ReductionLoweringTest, Integers) {
  std::mt19937_64 random(2);
  for (StringRef element : {"i32", "i64", "i8", "ui8", "ui64", "i4"}) {
    DataType type = *parseDataType(element);
    OpHarness last(reductions(element, ": 2", "?x?x1x", false));
    OpHarness outer(reductions(element, ": 0, 2", "1x5x1x", true));
    for (StringRef kind : kKinds) {
      SCOPED_TRACE(element.str());
      Tensor x = reference::randomTensor(random, type, {3, 5, 4});
      Tensor small = reference::randomTensor(random, DataType::U2, {3, 5, 4});
      small = reference::get(reference::cast(small, type));
      for (OpHarness *harness : {&last, &outer}) {
        harness->check(kind, {small});
        if (kind != "l2" && kind != "log_sum_exp") // Rounds to another integer.
          harness->check(kind, {x});
      }
    }
  }
}

TEST(ReductionLoweringTest, BoolsAndRanks) {
  OpHarness harness(R"(
    func.func @any(%x: tensor<?x6xi1>) -> tensor<?xi1> {
      %y = compress.reduce max %x {axes = array<i64: 1>, keepdims = false}
        : (tensor<?x6xi1>) -> tensor<?xi1>
      return %y : tensor<?xi1>
    }
    func.func @all(%x: tensor<?x6xi1>) -> tensor<i1> {
      %y = compress.reduce min %x {axes = array<i64: 0, 1>, keepdims = false}
        : (tensor<?x6xi1>) -> tensor<i1>
      return %y : tensor<i1>
    }
    func.func @scalar(%x: tensor<f32>) -> tensor<f32> {
      %y = compress.reduce l2 %x {axes = array<i64>} : (tensor<f32>) -> tensor<f32>
      return %y : tensor<f32>
    }
    func.func @unit(%x: tensor<?x1x4xf32>) -> tensor<4xf32> {
      %y = compress.reduce sum %x {axes = array<i64: 0, 1>, keepdims = false}
        : (tensor<?x1x4xf32>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }
    func.func @mean(%x: tensor<?x?xi32>) -> tensor<?xi32> {
      %y = compress.reduce mean %x {axes = array<i64: 0>, keepdims = false}
        : (tensor<?x?xi32>) -> tensor<?xi32>
      return %y : tensor<?xi32>
    })");
  harness.check("any", {edgeValues(DataType::Bool, {4, 6})});
  harness.check("any", {reference::ints({1, 6}, {0, 0, 0, 0, 0, 0}, DataType::Bool)});
  harness.check("all", {edgeValues(DataType::Bool, {4, 6})});
  harness.check("all", {reference::ints({1, 6}, {1, 1, 1, 1, 1, 1}, DataType::Bool)});
  harness.check("scalar", {reference::floats({}, {-3})});
  harness.check("unit", {reference::pattern({3, 1, 4})});
  harness.check("mean", {edgeValues(DataType::I32, {5, 3})});
  EXPECT_EQ(harness.getError("mean", {reference::ints({0, 3}, {}, DataType::I32)}),
            "mean of no integers");
}

TEST(ReductionLoweringTest, CumSum) {
  std::mt19937_64 random(3);
  for (StringRef element : {"f32", "i32", "f16", "i8"}) {
    std::string text;
    for (int axis : {0, 1, 2})
      for (const char *flags :
           {"", ", exclusive = true", ", reverse = true", ", exclusive = true, reverse = true"}) {
        std::string type = ("tensor<?x4x?x" + element + ">").str();
        text += "func.func @f" + std::to_string(text.size()) + "(%x: " + type + ") -> " + type +
                " {\n  %y = compress.cumsum %x {axis = " + std::to_string(axis) + " : i64" + flags +
                "} : (" + type + ") -> " + type + "\n  return %y : " + type + "\n}\n";
      }
    OpHarness harness(text);
    DataType type = *parseDataType(element);
    double tolerance = type == DataType::F16 ? 2e-3 : 1e-5;
    for (size_t at = 0; (at = text.find("@f", at)) != std::string::npos; ++at) {
      StringRef name = StringRef(text).substr(at + 1).take_until([](char c) { return c == '('; });
      harness.check(name, {reference::randomTensor(random, type, {3, 4, 5})}, tolerance);
      harness.check(name, {reference::randomTensor(random, type, {1, 4, 1})}, tolerance);
      harness.check(name, {reference::randomTensor(random, type, {0, 4, 2})}, tolerance);
    }
  }
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

TEST(SearchLoweringTest, ArgMax) {
  std::mt19937_64 random(4);
  for (StringRef element : {"f32", "f16", "i32", "ui8", "i8", "ui64"}) {
    DataType type = *parseDataType(element);
    std::string from = ("tensor<?x?x" + element + ">").str();
    OpHarness harness("func.func @first(%x: " + from + R"() -> tensor<?x1xi64> {
        %y = compress.argmax %x {axis = 1 : i64} : ()" +
                      from + R"() -> tensor<?x1xi64>
        return %y : tensor<?x1xi64>
      }
      func.func @last(%x: )" +
                      from + R"() -> tensor<?xi64> {
        %y = compress.argmax %x {axis = 0 : i64, keepdims = false, select_last_index = true}
          : ()" + from +
                      R"() -> tensor<?xi64>
        return %y : tensor<?xi64>
      })");
    for (StringRef name : {"first", "last"}) {
      SCOPED_TRACE(element.str());
      for (unsigned start = 0; start < 3; ++start)
        harness.check(name, {edgeValues(type, {9, 4}, start)});
      harness.check(name, {reference::randomTensor(random, type, {4, 33})});
      Tensor lowest = reference::randomTensor(random, type, {3, 3});
      for (int64_t i = 0; i < 9; ++i)
        lowest.storeFloat(i, isFloat(type) ? -HUGE_VAL : static_cast<double>(getMinInt(type)));
      harness.check(name, {lowest});
    }
    EXPECT_EQ(harness.getError("first", {reference::get(Tensor::create(type, {2, 0}))}),
              "argmax of no elements");
    harness.check("first", {reference::get(Tensor::create(type, {0, 2}))});
  }
}

TEST(SearchLoweringTest, TopK) {
  std::mt19937_64 random(5);
  for (StringRef element : {"f32", "i32", "ui8", "f16"}) {
    DataType type = *parseDataType(element);
    std::string from = ("tensor<?x?x" + element + ">").str();
    std::string text;
    for (int axis : {0, 1})
      for (StringRef largest : {"true", "false"})
        text += ("func.func @" + largest + std::to_string(axis) + "(%x: " + from +
                 ", %k: tensor<1xi64>) -> (" + from +
                 ", tensor<?x?xi64>) {\n  %v, %i = compress.top_k %x, %k {axis = " +
                 std::to_string(axis) + " : i64, largest = " + largest + "} : (" + from +
                 ", tensor<1xi64>) -> (" + from + ", tensor<?x?xi64>)\n  return %v, %i : " + from +
                 ", tensor<?x?xi64>\n}\n")
                    .str();
    text += "func.func @known(%x: tensor<20x" + element.str() + ">) -> tensor<3xi64> {\n" +
            "  %k = compress.constant dense<3> : tensor<1xi64>\n" +
            "  %v, %i = compress.top_k %x, %k {axis = 0 : i64} : (tensor<20x" + element.str() +
            ">, tensor<1xi64>) -> (tensor<3x" + element.str() +
            ">, tensor<3xi64>)\n  return %i : tensor<3xi64>\n}\n";
    OpHarness harness(text);
    auto k = [](int64_t count) { return reference::ints({1}, {count}); };
    for (StringRef name : {"true0", "true1", "false0", "false1"}) {
      SCOPED_TRACE(element.str());
      for (int64_t count : {0, 1, 2, 5, 8})
        harness.check(name, {edgeValues(type, {8, 9}), k(count)});
      Tensor many = reference::randomTensor(random, type, {70, 65});
      for (int64_t count : {1, 7, 64, 65})
        harness.check(name, {many, k(count)});
      EXPECT_EQ(harness.getError(name, {many, k(71)}),
                "k of top_k is negative or above the size of its dim");
      EXPECT_EQ(harness.getError(name, {many, k(-1)}),
                "k of top_k is negative or above the size of its dim");
      harness.check(name, {reference::get(Tensor::create(type, {3, 3})), k(2)});
    }
    harness.check("known", {reference::randomTensor(random, type, {20})});
  }
}
