//===- ElementwiseLoweringTest.cpp - compiled element-wise ops ===//
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

static constexpr Sizes kBothSizes[] = {Sizes::AsWritten, Sizes::Dynamic};

static std::string tensorType(ArrayRef<int64_t> shape, StringRef element) {
  std::string text = "tensor<";
  for (int64_t dim : shape)
    text += (ShapedType::isDynamic(dim) ? "?" : std::to_string(dim)) + "x";
  return text + element.str() + ">";
}

/// @name: `op` with one operand.
static std::string unaryFunction(StringRef name, StringRef op, StringRef attributes, StringRef from,
                                 StringRef to) {
  // Enums come before the operand.
  return ("func.func @" + name + "(%x: " + from + ") -> " + to + " {\n  %y = compress." + op +
          " %x " + attributes + " : (" + from + ") -> " + to + "\n  return %y : " + to + "\n}\n")
      .str();
}

static std::string binaryFunction(StringRef name, StringRef op, StringRef a, StringRef b,
                                  StringRef to) {
  return ("func.func @" + name + "(%a: " + a + ", %b: " + b + ") -> " + to +
          " {\n  %y = compress." + op + " %a, %b : (" + a + ", " + b + ") -> " + to +
          "\n  return %y : " + to + "\n}\n")
      .str();
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

TEST(ElementwiseLoweringTest, FloatFunctions) {
  const char *ops[] = {"abs",       "acos",       "acosh",   "asin",        "asinh", "atan",
                       "atanh",     "ceil",       "cos",     "cosh",        "erf",   "exp",
                       "floor",     "hard_swish", "log",     "mish",        "neg",   "reciprocal",
                       "relu",      "round",      "sigmoid", "sign",        "sin",   "sinh",
                       "softplus",  "softsign",   "sqrt",    "tan",         "tanh",  "gelu none",
                       "gelu tanh", "leaky_relu", "elu",     "hard_sigmoid"};
  for (StringRef element : {"f32", "f64", "f16", "bf16"})
    for (Sizes sizes : kBothSizes) {
      std::string text, type = tensorType({5, 7}, element);
      for (auto [index, op] : llvm::enumerate(ops)) {
        StringRef attributes = StringRef(op) == "elu" ? "{alpha = 1.5 : f32}" : "";
        text += unaryFunction("f" + std::to_string(index), op, attributes, type, type);
      }
      OpHarness harness(text, sizes);
      ASSERT_TRUE(harness.isCompiled());
      DataType data = *parseDataType(element);
      double tolerance = data == DataType::F16 ? 1e-3 : (data == DataType::BF16 ? 8e-3 : 2e-6);
      std::mt19937_64 random(1);
      for (auto [index, op] : llvm::enumerate(ops)) {
        SCOPED_TRACE(op);
        SCOPED_TRACE(element.str());
        std::string name = "f" + std::to_string(index);
        harness.check(name, {edgeValues(data, {5, 7})}, tolerance);
        harness.check(name, {reference::randomTensor(random, data, {5, 7})}, tolerance);
        if (sizes == Sizes::Dynamic)
          harness.check(name, {edgeValues(data, {0, 3})}, tolerance);
      }
    }
}

TEST(ElementwiseLoweringTest, IntegerFunctions) {
  for (StringRef element : {"i8", "ui8", "i32", "i64", "ui64", "i4", "ui4", "ui16"}) {
    std::string text, type = tensorType({21}, element);
    const char *ops[] = {"abs", "neg", "sign", "relu", "erf"};
    for (const char *op : ops)
      text += unaryFunction(op, op, "", type, type);
    OpHarness harness(text);
    for (const char *op : ops) {
      SCOPED_TRACE(element.str());
      harness.check(op, {edgeValues(*parseDataType(element), {21})});
    }
  }
}

TEST(ElementwiseLoweringTest, RankZeroAndNot) {
  OpHarness harness(unaryFunction("exp", "exp", "", "tensor<f32>", "tensor<f32>") +
                    unaryFunction("not", "not", "", "tensor<?x3xi1>", "tensor<?x3xi1>"));
  harness.check("exp", {reference::floats({}, {0.7})});
  harness.check("not", {edgeValues(DataType::Bool, {4, 3})});
}

TEST(ElementwiseLoweringTest, Cast) {
  const char *types[] = {"f64",        "f32",       "f16",      "bf16",     "i64",     "i32",
                         "i16",        "i8",        "i4",       "ui64",     "ui32",    "ui16",
                         "ui8",        "ui4",       "i1",       "f8E4M3FN", "f8E5M2",  "f8E4M3FNUZ",
                         "f8E5M2FNUZ", "f8E8M0FNU", "f4E2M1FN", "f6E2M3FN", "f6E3M2FN"};
  for (StringRef from : types) {
    SCOPED_TRACE("from " + from.str());
    std::string text;
    // Every type with the common ones.
    auto isTested = [&](StringRef to) {
      return llvm::is_contained({"f32", "f64", "i64", "i32"}, from) ||
             llvm::is_contained({"f32", "i32"}, to);
    };
    for (StringRef to : types) {
      if (!isTested(to))
        continue;
      text +=
          unaryFunction("to_" + to.str(), "cast", "", tensorType({70}, from), tensorType({70}, to));
      if (to.starts_with("f8"))
        text += unaryFunction("clear_" + to.str(), "cast", "{saturate = false}",
                              tensorType({70}, from), tensorType({70}, to));
    }
    OpHarness harness(text);
    for (StringRef to : types) {
      if (!isTested(to))
        continue;
      harness.check("to_" + to.str(), {edgeValues(*parseDataType(from), {70})}, 0);
      if (to.starts_with("f8"))
        harness.check("clear_" + to.str(), {edgeValues(*parseDataType(from), {70})}, 0);
      std::mt19937_64 random(3);
      Tensor values = reference::randomTensor(random, *parseDataType(from), {70});
      harness.check("to_" + to.str(), {values}, 0);
    }
  }
}

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

TEST(ElementwiseLoweringTest, Arithmetic) {
  const char *ops[] = {"add", "sub", "mul", "div", "max", "min", "prelu"};
  const char *comparisons[] = {"equal", "greater", "greater_equal", "less", "less_equal"};
  for (StringRef element : {"f32", "f64", "f16", "i32", "i64", "i8", "ui8", "ui64", "i4", "ui16"}) {
    SCOPED_TRACE(element.str());
    std::string text, type = tensorType({35, 35}, element);
    std::string row = tensorType({35}, element), column = tensorType({35, 1}, element);
    for (StringRef op : ops)
      text += binaryFunction(op, op, column, row, type);
    // The slope of prelu does not widen the result.
    text = text.substr(0, text.find("func.func @prelu")) +
           binaryFunction("prelu", "prelu", type, row, type);
    for (StringRef op : comparisons)
      text += binaryFunction(op, op, column, row, tensorType({35, 35}, "i1"));
    OpHarness harness(text);
    ASSERT_TRUE(harness.isCompiled());
    DataType data = *parseDataType(element);
    Tensor a = edgeValues(data, {35, 1}), b = edgeValues(data, {35}, 3);
    Tensor divisor = reference::get(b.clone());
    for (int64_t i = 0; i < 35; ++i)
      if (!isFloat(data) && divisor.loadInt(i) == 0)
        divisor.storeInt(i, 3);
    double tolerance = data == DataType::F16 ? 1e-3 : 2e-6;
    for (StringRef op : ops)
      harness.check(op, {op == "prelu" ? edgeValues(data, {35, 35}) : a, op == "div" ? divisor : b},
                    tolerance);
    for (StringRef op : comparisons)
      harness.check(op, {a, b});
  }
}

TEST(ElementwiseLoweringTest, Broadcasting) {
  // Shapes that are only known when the function runs.
  std::string text =
      binaryFunction("same_rank", "add", "tensor<?x?xf32>", "tensor<?x?xf32>", "tensor<?x?xf32>") +
      binaryFunction("ranks", "sub", "tensor<?xf32>", "tensor<?x?x?xf32>", "tensor<?x?x?xf32>") +
      binaryFunction("known", "mul", "tensor<?x4xf32>", "tensor<3x?xf32>", "tensor<3x4xf32>") +
      binaryFunction("scalar", "sub", "tensor<f32>", "tensor<?x?xf32>", "tensor<?x?xf32>") +
      R"(
    func.func @named(%a: tensor<?x?xf32> {compress.dims = ["N", "C"]},
                     %b: tensor<?xf32> {compress.dims = ["C"]}) -> tensor<?x?xf32> {
      %y = compress.add %a, %b : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    }
    func.func @where(%c: tensor<?x1xi1>, %a: tensor<?xf32>, %b: tensor<?x?xf32>)
        -> tensor<?x?xf32> {
      %y = compress.where %c, %a, %b
        : (tensor<?x1xi1>, tensor<?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    })";
  OpHarness harness(text);
  ASSERT_TRUE(harness.isCompiled());
  std::mt19937_64 random(5);
  auto values = [&](ArrayRef<int64_t> shape) {
    return reference::randomTensor(random, DataType::F32, shape);
  };
  harness.check("same_rank", {values({3, 4}), values({3, 4})});
  harness.check("same_rank", {values({1, 4}), values({3, 1})});
  harness.check("same_rank", {values({1, 1}), values({3, 70})});
  harness.check("same_rank", {values({5, 1}), values({1, 1})});
  harness.check("same_rank", {values({0, 4}), values({1, 4})});
  harness.check("same_rank", {values({1, 4}), values({0, 1})});
  harness.check("ranks", {values({4}), values({2, 3, 1})});
  harness.check("ranks", {values({1}), values({2, 3, 5})});
  harness.check("known", {values({1, 4}), values({3, 1})});
  harness.check("known", {values({3, 4}), values({3, 4})});
  harness.check("scalar", {values({}), values({2, 3})});
  harness.check("named", {values({6, 5}), values({5})});
  Tensor condition = edgeValues(DataType::Bool, {4, 1});
  harness.check("where", {condition, values({3}), values({4, 3})});
  harness.check("where", {condition, values({1}), values({1, 5})});
}

TEST(ElementwiseLoweringTest, WrongSizes) {
  OpHarness harness(
      binaryFunction("add", "add", "tensor<?xf32>", "tensor<?xf32>", "tensor<?xf32>") +
      binaryFunction("div", "div", "tensor<?xi32>", "tensor<?xi32>", "tensor<?xi32>"));
  EXPECT_EQ(
      harness.getError("add", {reference::floats({3}, {1, 2, 3}), reference::floats({2}, {1, 2})}),
      "sizes of operands do not broadcast");
  EXPECT_EQ(harness.getError("div", {reference::ints({2}, {1, 2}, DataType::I32),
                                     reference::ints({2}, {1, 0}, DataType::I32)}),
            "integer division by zero");
}

TEST(ElementwiseLoweringTest, Logical) {
  std::string text, type = tensorType({3, 8}, "i1");
  for (StringRef op : {"and", "or", "xor", "equal"})
    text += binaryFunction(op, op, type, tensorType({8}, "i1"), type);
  OpHarness harness(text);
  for (StringRef op : {"and", "or", "xor", "equal"})
    harness.check(op, {edgeValues(DataType::Bool, {3, 8}), edgeValues(DataType::Bool, {8}, 1)});
}

TEST(ElementwiseLoweringTest, Power) {
  auto function = [](StringRef element) {
    return binaryFunction(("pow_" + element).str(), "pow", tensorType({20, 1}, element),
                          tensorType({9}, element), tensorType({20, 9}, element));
  };
  OpHarness harness(function("f32") + function("f64") + function("i32") + function("i64") +
                    function("i8") + function("ui8"));
  auto as = [](const Tensor &x, DataType type) { return reference::get(reference::cast(x, type)); };
  Tensor floats = reference::floats({9}, {2, 0.5, -1, 0, 3, 1.5, -2.5, 7, -0.5});
  Tensor base = edgeValues(DataType::F32, {20, 1});
  harness.check("pow_f32", {base, floats}, 1e-5);
  harness.check("pow_f64", {as(base, DataType::F64), as(floats, DataType::F64)});
  Tensor integers = reference::ints({9}, {0, 1, 2, 3, 5, 7, 31, 63, 100});
  Tensor negative = reference::ints({9}, {-1, -2, -3, 0, 1, -127, 2, 3, 4});
  for (DataType type : {DataType::I32, DataType::I64, DataType::I8, DataType::U8}) {
    Tensor whole = edgeValues(type, {20, 1});
    std::string name = ("pow_" + getName(type)).str();
    harness.check(name, {whole, as(integers, type)});
    for (int64_t i = 0; i < 20; ++i)
      if (whole.loadInt(i) == 0)
        whole.storeInt(i, 1);
    harness.check(name, {whole, as(negative, type)});
  }
  EXPECT_EQ(harness.getError("pow_i32",
                             {edgeValues(DataType::I32, {20, 1}), as(negative, DataType::I32)}),
            "integer zero to a negative power");
}

TEST(ElementwiseLoweringTest, KnownExponents) {
  std::string text;
  for (StringRef exponent : {"1.0", "2.0", "3.0", "0.5", "-1.0", "1.7"})
    text += ("func.func @\"" + exponent +
             "\"(%x: tensor<35xf32>) -> tensor<35xf32> {\n"
             "  %e = compress.constant dense<" +
             exponent +
             "> : tensor<f32>\n"
             "  %y = compress.pow %x, %e : (tensor<35xf32>, tensor<f32>) -> tensor<35xf32>\n"
             "  return %y : tensor<35xf32>\n}\n")
                .str();
  OpHarness harness(text);
  for (StringRef exponent : {"1.0", "2.0", "3.0", "0.5", "-1.0", "1.7"})
    harness.check(exponent, {edgeValues(DataType::F32, {35})}, 1e-5);
}

TEST(ElementwiseLoweringTest, Clip) {
  auto function = [](StringRef name, StringRef bounds, StringRef element) {
    std::string type = tensorType({35}, element), bound = tensorType({}, element);
    bool hasMin = bounds.contains("min"), hasMax = bounds.contains("max");
    std::string arguments = "%x: " + type, types = type;
    if (hasMin) {
      arguments += ", %lo: " + bound;
      types += ", " + bound;
    }
    if (hasMax) {
      arguments += ", %hi: " + bound;
      types += ", " + bound;
    }
    return ("func.func @" + name + "(" + arguments + ") -> " + type +
            " {\n  %y = compress.clip %x " + bounds + " : (" + types + ") -> " + type +
            "\n  return %y : " + type + "\n}\n")
        .str();
  };
  for (StringRef element : {"f32", "i32", "ui8"}) {
    DataType type = *parseDataType(element);
    OpHarness harness(function("both", "min %lo max %hi", element) +
                      function("low", "min %lo", element) + function("high", "max %hi", element) +
                      function("none", "", element));
    Tensor x = edgeValues(type, {35}), low = Tensor::scalar(type, 2),
           high = Tensor::scalar(type, 6);
    harness.check("both", {x, low, high});
    harness.check("both", {x, high, low});
    harness.check("low", {x, low});
    harness.check("high", {x, high});
    harness.check("none", {x});
  }
}
