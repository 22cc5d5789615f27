//===- StaticQuantizationTest.cpp - integer kernels behind constant scales ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/Session.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Codes of activations: `bits`, and the zero point of unsigned ones.
struct Codes {
  const char *type;
  int64_t low, high;
  int64_t zeroPoint;
  bool hasZeroPoint;
};
constexpr Codes kCodes[] = {{"ui8", 0, 255, 100, true},
                            {"i8", -128, 127, 0, false},
                            {"ui4", 0, 15, 5, true},
                            {"i4", -8, 7, 0, false}};
/// Powers of two, so that products with small integers are exact.
constexpr double kScale = 0.125, kWeightScale = 0.25;

/// The code of `x` less its zero point.
int64_t encode(double x, const Codes &codes) {
  double code = std::nearbyint(x / kScale) + static_cast<double>(codes.zeroPoint);
  return std::clamp(static_cast<int64_t>(code), codes.low, codes.high) - codes.zeroPoint;
}

/// Lines of IR from `%x` to `%d`, its dequantized codes.
std::string quantizeText(const Codes &codes, StringRef shape) {
  std::string type = codes.type, q = ("tensor<" + shape + type + ">").str(),
              f = ("tensor<" + shape + "f32>").str();
  std::string zero, zeroType;
  std::string text = "%xs = compress.load @xs : tensor<f32>\n";
  if (codes.hasZeroPoint) {
    text += "%xz = compress.load @xz : tensor<" + type + ">\n";
    zero = ", %xz";
    zeroType = ", tensor<" + type + ">";
  }
  text += "%c = compress.quantize %x, %xs" + zero + " : (" + f + ", tensor<f32>" + zeroType +
          ") -> " + q + "\n%d = compress.dequantize %c, %xs" + zero + " : (" + q + ", tensor<f32>" +
          zeroType + ") -> " + f + "\n";
  return text;
}

std::string weightText(const Codes &codes, StringRef shape, StringRef scaleShape,
                       ArrayRef<int64_t> weight) {
  std::string text = "compress.weight private @xs : tensor<f32> = dense<0.125>\n";
  if (codes.hasZeroPoint)
    text += "compress.weight private @xz : tensor<" + std::string(codes.type) + "> = dense<" +
            std::to_string(codes.zeroPoint) + ">\n";
  std::string hex = "\"0x";
  for (int64_t value : weight)
    hex += llvm::utohexstr(static_cast<uint8_t>(value), /*LowerCase=*/false, 2);
  return text +
         ("compress.weight private @wq : tensor<" + shape + "xi8> = dense<" + hex +
          "\">\ncompress.weight private @ws : tensor<" + scaleShape + "xf32> = dense<0.25>\n")
             .str();
}

std::vector<float> run(const std::string &text, ArrayRef<float> x, ArrayRef<int64_t> shape) {
  DialectRegistry registry;
  Session::registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text;
  if (!module)
    return {};
  auto session = Session::create(std::move(module), {});
  if (!session) {
    ADD_FAILURE() << llvm::toString(session.takeError());
    return {};
  }
  auto outputs = (*session)->run({TensorView{DataType::F32, x.data(), shape, {}}});
  if (!outputs) {
    ADD_FAILURE() << llvm::toString(outputs.takeError());
    return {};
  }
  ArrayRef<float> y = (*outputs)[0].as<float>();
  return {y.begin(), y.end()};
}

/// Multiples of an eighth of the step, ties and values beyond the range included.
std::vector<float> makeInput(size_t count) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i)
    x[i] = static_cast<float>((static_cast<double>(i * 37 % 4001) - 2000) * kScale / 8);
  return x;
}

std::vector<int64_t> makeWeight(size_t count) {
  std::vector<int64_t> weight(count);
  for (size_t i = 0; i < count; ++i)
    weight[i] = static_cast<int64_t>(i * 29 % 255) - 127;
  return weight;
}

TEST(StaticQuantizationTest, Linear) {
  constexpr int64_t rows = 6, inputs = 37, outputs = 70;
  std::vector<int64_t> weight = makeWeight(outputs * inputs);
  std::vector<float> x = makeInput(rows * inputs);
  // Leading dims as types say them, and as they are.
  const std::pair<std::string, std::vector<int64_t>> shapes[] = {
      {"?x", {rows, inputs}}, {"6x", {rows, inputs}}, {"?x?x", {2, 3, inputs}}};
  for (const Codes &codes : kCodes)
    for (const auto &[leading, shape] : shapes) {
      SCOPED_TRACE(std::string(codes.type) + " " + leading);
      std::string from = "tensor<" + leading + "37xf32>", to = "tensor<" + leading + "70xf32>";
      std::string text =
          weightText(codes, "70x37", "70x1", weight) + "func.func @main(%x: " + from +
          " {compress.name = \"x\"}) -> (" + to +
          " {compress.name = \"y\"}) {\n%wq = compress.load @wq : tensor<70x37xi8>\n"
          "%ws = compress.load @ws : tensor<70x1xf32>\n"
          "%w = compress.dequantize %wq, %ws {block = array<i64: 1, -1>} : (tensor<70x37xi8>, "
          "tensor<70x1xf32>) -> tensor<70x37xf32>\n" +
          quantizeText(codes, leading + "37x") + "%y = compress.linear nk %d, %w : (" + from +
          ", tensor<70x37xf32>) -> " + to + "\nreturn %y : " + to + "\n}\n";
      std::vector<float> y = run(text, x, shape);
      ASSERT_EQ(y.size(), static_cast<size_t>(rows * outputs));
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t o = 0; o < outputs; ++o) {
          int64_t sum = 0;
          for (int64_t i = 0; i < inputs; ++i)
            sum += encode(x[row * inputs + i], codes) * weight[o * inputs + i];
          ASSERT_EQ(y[row * outputs + o], static_cast<double>(sum) * kScale * kWeightScale)
              << row << " " << o;
        }
    }
}

TEST(StaticQuantizationTest, Convolution) {
  constexpr int64_t batch = 2, channels = 4, size = 9, outputs = 10, kernel = 3;
  std::vector<float> x = makeInput(batch * channels * size * size);
  for (const Codes &codes : kCodes)
    for (int64_t groups : {1, 2, 4}) {
      SCOPED_TRACE(std::string(codes.type) + " groups " + std::to_string(groups));
      int64_t filters = groups == 4 ? 4 : outputs, perGroup = channels / groups;
      std::vector<int64_t> weight = makeWeight(filters * perGroup * kernel * kernel);
      std::string w = std::to_string(filters) + "x" + std::to_string(perGroup) + "x3x3";
      std::string s = std::to_string(filters) + "x1x1x1";
      std::string y = "tensor<?x" + std::to_string(filters) + "x5x5xf32>";
      std::string text =
          weightText(codes, w, s, weight) +
          "func.func @main(%x: tensor<?x4x9x9xf32> {compress.name = \"x\"}) -> (" + y +
          " {compress.name = \"y\"}) {\n%wq = compress.load @wq : tensor<" + w +
          "xi8>\n%ws = compress.load @ws : tensor<" + s +
          "xf32>\n%w = compress.dequantize %wq, %ws {block = array<i64: 1, -1, -1, -1>} : "
          "(tensor<" +
          w + "xi8>, tensor<" + s + "xf32>) -> tensor<" + w + "xf32>\n" +
          quantizeText(codes, "?x4x9x9x") +
          "%y = compress.conv %d, %w {groups = " + std::to_string(groups) +
          " : i64, strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = "
          "array<i64: 1, 1>} : (tensor<?x4x9x9xf32>, tensor<" +
          w + "xf32>) -> " + y + "\nreturn %y : " + y + "\n}\n";
      std::vector<float> found = run(text, x, {batch, channels, size, size});
      ASSERT_EQ(found.size(), static_cast<size_t>(batch * filters * 25));
      size_t at = 0;
      for (int64_t n = 0; n < batch; ++n)
        for (int64_t o = 0; o < filters; ++o)
          for (int64_t oy = 0; oy < 5; ++oy)
            for (int64_t ox = 0; ox < 5; ++ox, ++at) {
              int64_t sum = 0, group = o / (filters / groups);
              for (int64_t c = 0; c < perGroup; ++c)
                for (int64_t ky = 0; ky < kernel; ++ky)
                  for (int64_t kx = 0; kx < kernel; ++kx) {
                    int64_t iy = oy * 2 - 1 + ky, ix = ox * 2 - 1 + kx;
                    if (iy < 0 || iy >= size || ix < 0 || ix >= size)
                      continue;
                    int64_t channel = group * perGroup + c;
                    sum += encode(x[((n * channels + channel) * size + iy) * size + ix], codes) *
                           weight[((o * perGroup + c) * kernel + ky) * kernel + kx];
                  }
              ASSERT_EQ(found[at], static_cast<double>(sum) * kScale * kWeightScale) << at;
            }
    }
}
} // namespace
