//===- WindowLoweringTest.cpp - compiled convolutions and pools without kernels ===//
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
/// An op on `%x` (and `%w`, `%b`), with what infers its result.
struct Case {
  std::string name, op, operands;
  SmallVector<Tensor> inputs;
};
} // namespace

static std::string typeOf(const Tensor &tensor, StringRef element) {
  std::string text = "tensor<";
  for (int64_t dim : tensor.getShape())
    text += std::to_string(dim) + "x";
  return text + element.str() + ">";
}

static std::string list(ArrayRef<int64_t> values) {
  std::string text = "array<i64";
  for (auto [i, value] : llvm::enumerate(values))
    text += (i ? ", " : ": ") + std::to_string(value);
  return text + ">";
}

/// Function `name` of `op` on inputs of `element` with a result like `result`.
static std::string windowFunction(StringRef name, StringRef op, ArrayRef<Tensor> inputs,
                                  ArrayRef<StringRef> elements, const Tensor &result,
                                  StringRef resultElement, StringRef attributes) {
  const char *names[] = {"%x", "%w", "%b"};
  std::string arguments, types, operands;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    std::string type = typeOf(input, elements[i]);
    arguments += std::string(i ? ", " : "") + names[i] + ": " + type;
    types += (i ? ", " : "") + type;
    operands += std::string(i == 0 ? "" : i == 1 ? ", " : " bias ") + names[i];
  }
  std::string to = typeOf(result, resultElement);
  return ("func.func @" + name + "(" + arguments + ") -> " + to + " {\n  %y = compress." + op +
          " " + operands + " {" + attributes + "} : (" + types + ") -> " + to +
          "\n  return %y : " + to + "\n}\n")
      .str();
}

namespace {
struct ConvCase {
  SmallVector<int64_t> x, w, strides, pads, dilations;
  int64_t groups;
  SmallVector<int64_t> outputPadding = {};
};
} // namespace

static reference::WindowOptions getOptions(const ConvCase &c) {
  reference::WindowOptions options;
  size_t count = c.strides.size();
  options.strides = c.strides;
  options.dilations = c.dilations;
  options.padsBegin.assign(c.pads.begin(), c.pads.begin() + count);
  options.padsEnd.assign(c.pads.begin() + count, c.pads.end());
  return options;
}

/// The cases that are enough for all but the first type.
static bool isMainCase(size_t i) { return i == 1 || i == 2; }

static Tensor values(DataType type, ArrayRef<int64_t> shape, unsigned seed) {
  std::mt19937_64 random(seed);
  return reference::randomTensor(random, type, shape);
}

TEST(WindowLoweringTest, Conv) {
  const ConvCase cases[] = {
      {{1, 2, 7}, {3, 2, 3}, {1}, {0, 0}, {1}, 1},
      {{2, 3, 6, 7}, {4, 3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {{1, 4, 8, 7}, {6, 2, 3, 2}, {2, 3}, {0, 1, 2, 0}, {2, 1}, 2},
      {{2, 4, 6, 6}, {4, 1, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 4},
      {{1, 2, 4, 5, 3}, {2, 2, 2, 3, 1}, {1, 2, 1}, {1, 0, 0, 0, 1, 0}, {1, 1, 1}, 1},
      {{1, 3, 5, 5}, {2, 3, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {{0, 2, 5}, {3, 2, 3}, {1}, {0, 0}, {1}, 1}};
  struct Types {
    const char *operand, *result;
    DataType data, resultData;
    double tolerance;
  };
  const Types types[] = {{"f32", "f32", DataType::F32, DataType::F32, 1e-4},
                         {"f16", "f16", DataType::F16, DataType::F16, 2e-2},
                         {"i8", "i32", DataType::I8, DataType::I32, 0},
                         {"ui8", "i32", DataType::U8, DataType::I32, 0},
                         {"f64", "f64", DataType::F64, DataType::F64, 1e-6}};
  std::string text;
  for (const Types &type : types)
    for (auto [i, c] : llvm::enumerate(cases)) {
      if (type.data != DataType::F32 && !isMainCase(i))
        continue;
      Tensor x = values(type.data, c.x, 1), w = values(type.data, c.w, 2),
             b = values(type.resultData, {c.w[0]}, 3);
      Tensor y = reference::get(reference::conv(x, w, &b, getOptions(c), c.groups));
      std::string attributes = "strides = " + list(c.strides) + ", pads = " + list(c.pads) +
                               ", dilations = " + list(c.dilations) +
                               ", groups = " + std::to_string(c.groups) + " : i64, name = \"c\"";
      text += windowFunction("b" + std::to_string(i) + type.operand, "conv", {x, w, b},
                             {type.operand, type.operand, type.result}, y, type.result, attributes);
      text += windowFunction("n" + std::to_string(i) + type.operand, "conv", {x, w},
                             {type.operand, type.operand}, y, type.result, attributes);
    }
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (const Types &type : types)
      for (auto [i, c] : llvm::enumerate(cases)) {
        if (type.data != DataType::F32 && !isMainCase(i))
          continue;
        SCOPED_TRACE(std::to_string(i) + type.operand);
        Tensor x = values(type.data, c.x, 1), w = values(type.data, c.w, 2),
               b = values(type.resultData, {c.w[0]}, 3);
        harness.check("b" + std::to_string(i) + type.operand, {x, w, b}, type.tolerance);
        harness.check("n" + std::to_string(i) + type.operand, {x, w}, type.tolerance);
      }
    if (sizes == Sizes::Dynamic) {
      EXPECT_NE(harness.getError("n0f32", {pattern({1, 3, 7}), pattern({3, 2, 3})}), "");
      EXPECT_NE(harness.getError("n0f32", {pattern({1, 2, 2}), pattern({3, 2, 3})}), "");
      EXPECT_NE(harness.getError("n2f32", {pattern({1, 4, 8, 7}), pattern({5, 2, 3, 2})}), "");
      EXPECT_NE(harness.getError("b0f32", {pattern({1, 2, 7}), pattern({3, 2, 3}), pattern({2})}),
                "");
    }
  }
}

TEST(WindowLoweringTest, ConvTranspose) {
  const ConvCase cases[] = {
      {{1, 2, 5}, {2, 3, 3}, {1}, {0, 0}, {1}, 1, {0}},
      {{2, 3, 4, 3}, {3, 2, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 1, {1, 1}},
      {{1, 4, 3, 5}, {4, 2, 2, 3}, {3, 1}, {0, 2, 1, 1}, {1, 2}, 2, {2, 0}},
      {{1, 4, 3, 3}, {4, 1, 2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}, 4, {0, 0}},
      {{1, 2, 6}, {2, 1, 1}, {1}, {2, 1}, {1}, 1, {0}},
      {{1, 1, 2, 3, 2}, {1, 2, 2, 2, 2}, {2, 1, 2}, {0, 0, 0, 1, 0, 0}, {1, 1, 1}, 1, {0, 0, 0}}};
  std::string text;
  for (StringRef element : {"f32", "bf16"})
    for (auto [i, c] : llvm::enumerate(cases)) {
      if (element != "f32" && !isMainCase(i))
        continue;
      DataType type = element == "f32" ? DataType::F32 : DataType::BF16;
      Tensor x = values(type, c.x, 1), w = values(type, c.w, 2),
             b = values(type, {c.w[1] * c.groups}, 3);
      Tensor y = reference::get(
          reference::convTranspose(x, w, &b, getOptions(c), c.groups, c.outputPadding));
      std::string attributes = "strides = " + list(c.strides) + ", pads = " + list(c.pads) +
                               ", dilations = " + list(c.dilations) +
                               ", output_padding = " + list(c.outputPadding) +
                               ", groups = " + std::to_string(c.groups) + " : i64, name = \"c\"";
      text += windowFunction("b" + std::to_string(i) + element.str(), "conv_transpose", {x, w, b},
                             {element, element, element}, y, element, attributes);
      text += windowFunction("n" + std::to_string(i) + element.str(), "conv_transpose", {x, w},
                             {element, element}, y, element, attributes);
    }
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (StringRef element : {"f32", "bf16"})
      for (auto [i, c] : llvm::enumerate(cases)) {
        if (element != "f32" && !isMainCase(i))
          continue;
        DataType type = element == "f32" ? DataType::F32 : DataType::BF16;
        SCOPED_TRACE(std::to_string(i) + element.str());
        Tensor x = values(type, c.x, 1), w = values(type, c.w, 2),
               b = values(type, {c.w[1] * c.groups}, 3);
        double tolerance = element == "f32" ? 1e-4 : 2e-2;
        harness.check("b" + std::to_string(i) + element.str(), {x, w, b}, tolerance);
        harness.check("n" + std::to_string(i) + element.str(), {x, w}, tolerance);
      }
  }
}

TEST(WindowLoweringTest, Pool) {
  struct PoolCase {
    SmallVector<int64_t> x, kernel, strides, pads, dilations;
  };
  const PoolCase cases[] = {{{1, 2, 7}, {3}, {2}, {0, 0}, {1}},
                            {{2, 3, 6, 7}, {3, 2}, {2, 2}, {1, 0, 1, 1}, {1, 1}},
                            {{1, 2, 8, 7}, {2, 3}, {3, 2}, {1, 1, 0, 1}, {2, 1}},
                            {{1, 2, 5, 5}, {5, 5}, {1, 1}, {0, 0, 0, 0}, {1, 1}},
                            {{1, 1, 4, 5, 3}, {2, 3, 1}, {2, 2, 1}, {1, 0, 0, 0, 1, 0}, {1, 1, 1}},
                            {{1, 2, 5}, {2}, {3}, {1, 1}, {1}}};
  struct Variant {
    const char *name, *kind;
    bool ceil, include;
  };
  const Variant variants[] = {{"m", "max", false, false},     {"mc", "max", true, false},
                              {"a", "average", false, false}, {"ac", "average", true, false},
                              {"ai", "average", false, true}, {"aci", "average", true, true}};
  struct Types {
    const char *name;
    DataType data;
    double tolerance;
  };
  const Types types[] = {{"f32", DataType::F32, 1e-5},
                         {"f16", DataType::F16, 2e-3},
                         {"i8", DataType::I8, 0},
                         {"ui8", DataType::U8, 0}};
  auto forEach = [&](auto fn) {
    for (const Types &type : types)
      for (const Variant &v : variants)
        for (auto [i, c] : llvm::enumerate(cases)) {
          if (i > 2 && StringRef(v.name) != "mc" && StringRef(v.name) != "aci")
            continue;
          bool isMax = StringRef(v.kind) == "max";
          if (type.data != DataType::F32 && (!isMainCase(i) || (!isMax && !isFloat(type.data))))
            continue;
          fn(type, v, c, std::string(v.name) + std::to_string(i) + type.name);
        }
  };
  std::string text;
  forEach([&](const Types &type, const Variant &v, const PoolCase &c, const std::string &name) {
    ConvCase shape{c.x, c.kernel, c.strides, c.pads, c.dilations, 1};
    Tensor x = values(type.data, c.x, 1);
    Tensor y = reference::get(reference::maxPool(x, c.kernel, getOptions(shape), v.ceil)).values;
    text += windowFunction(name, std::string("pool ") + v.kind, {x}, {type.name}, y, type.name,
                           "kernel = " + list(c.kernel) + ", strides = " + list(c.strides) +
                               ", pads = " + list(c.pads) + ", dilations = " + list(c.dilations) +
                               ", ceil_mode = " + (v.ceil ? "true" : "false") +
                               ", count_include_pad = " + (v.include ? "true" : "false"));
  });
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    forEach([&](const Types &type, const Variant &, const PoolCase &c, const std::string &name) {
      SCOPED_TRACE(name);
      Tensor x = values(type.data, c.x, 1);
      harness.check(name, {x}, type.tolerance);
      if (isFloat(type.data) && x.getNumElements() > 3) {
        x.storeFloat(0, NAN);
        x.storeFloat(1, -INFINITY);
        harness.check(name, {x}, type.tolerance);
      }
    });
    if (sizes == Sizes::Dynamic)
      EXPECT_NE(harness.getError("m0f32", {pattern({1, 2, 2})}), "");
  }
}
