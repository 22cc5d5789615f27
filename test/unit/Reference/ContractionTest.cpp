//===- ContractionTest.cpp - tests of products, convolutions and pools ===//
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

static constexpr double kInf = std::numeric_limits<double>::infinity();
static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(ContractionTest, MatMulShapes) {
  auto run = [](llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
    return get(matmul(pattern(a), pattern(b, 1)));
  };
  expectShape(run({3}, {3}), {});
  expectShape(run({3}, {3, 4}), {4});
  expectShape(run({2, 3}, {3}), {2});
  expectShape(run({5, 1, 2, 3}, {6, 3, 4}), {5, 6, 2, 4});
  expectShape(run({5, 2, 3}, {3}), {5, 2});
  expectShape(run({3}, {5, 3, 4}), {5, 4});
  expectFloats(run({2, 0}, {0, 2}), {2, 2}, {0, 0, 0, 0});
  expectShape(run({0, 3}, {3, 2}), {0, 2});
  EXPECT_NE(getError(matmul(pattern({2, 3}), pattern({2, 3}))).find("contracted dim"),
            std::string::npos);
  EXPECT_NE(getError(matmul(pattern({}), pattern({2}))).find("rank 1 or more"), std::string::npos);
  EXPECT_NE(getError(matmul(pattern({2, 2, 3}), pattern({3, 3, 2}))).find("broadcast"),
            std::string::npos);
}

TEST(ContractionTest, MatMulMatchesSumOfProducts) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 30; ++i) {
    DataType type = i % 2 ? DataType::F64 : DataType::I32;
    int64_t m = random() % 4, k = random() % 5, n = random() % 4, batch = random() % 3;
    Tensor a = randomTensor(random, type, {batch, m, k}), b = randomTensor(random, type, {k, n});
    Tensor c = get(matmul(a, b));
    expectShape(c, {batch, m, n});
    forEachIndex(c.getShape(), [&](llvm::ArrayRef<int64_t> index) {
      double sum = 0;
      uint64_t intSum = 0;
      for (int64_t j = 0; j < k; ++j) {
        sum += a.getFloat({index[0], index[1], j}) * b.getFloat({j, index[2]});
        intSum += static_cast<uint64_t>(a.getInt({index[0], index[1], j})) *
                  static_cast<uint64_t>(b.getInt({j, index[2]}));
      }
      if (type == DataType::F64) {
        EXPECT_EQ(c.getFloat(index), sum);
      } else {
        EXPECT_EQ(c.getInt(index), static_cast<int32_t>(intSum));
      }
    });
  }
}

TEST(ContractionTest, LinearLayoutsAndBias) {
  Tensor x = pattern({2, 3, 4}), w = pattern({4, 5}, 1), bias = pattern({5}, 2);
  Tensor expected = get(add(get(matmul(x, w)), bias));
  expectIdentical(get(linear(x, w, &bias, WeightLayout::KN)), expected);
  expectIdentical(get(linear(x, get(transpose(w, {})), &bias, WeightLayout::NK)), expected);
  expectIdentical(get(linear(x, w, nullptr, WeightLayout::KN)), get(matmul(x, w)));
  expectShape(get(linear(pattern({4}), w, &bias, WeightLayout::KN)), {5});
  // Eight bits accumulate in 32.
  Tensor a = ints({1, 3}, {127, 127, 127}, DataType::I8);
  Tensor sum = get(linear(a, a, nullptr, WeightLayout::NK));
  EXPECT_EQ(sum.getType(), DataType::I32);
  expectInts(sum, {1, 1}, {3 * 127 * 127});
  getError(linear(x, pattern({5, 4}), nullptr, WeightLayout::KN));
  getError(linear(x, w, &x, WeightLayout::KN));
}

TEST(ContractionTest, MatMulIntegerWithZeroPoints) {
  Tensor a = ints({2, 2}, {255, 0, 10, 20}, DataType::U8);
  Tensor b = ints({2, 2}, {-128, 1, 2, 3}, DataType::I8);
  expectInts(get(matmulInteger(a, b)), {2, 2}, {-32640, 255, -1240, 70});
  Tensor rowZero = ints({2}, {5, 10}, DataType::U8), zero = ints({}, {1}, DataType::I8);
  // [[250, -5], [0, 10]] * [[-129, 0], [1, 2]].
  expectInts(get(matmulInteger(a, b, &rowZero, &zero)), {2, 2}, {-32255, -10, 10, 20});
  Tensor columnZero = ints({2}, {0, 1}, DataType::I8);
  expectInts(get(matmulInteger(a, b, nullptr, &columnZero)), {2, 2}, {-32640, 0, -1240, 40});
  EXPECT_NE(getError(matmulInteger(a, b, &zero)).find("zero point has type i8"), std::string::npos);
}

TEST(ContractionTest, RefusesTooMuchWork) {
  Tensor x = get(Tensor::create(DataType::F8E5M2, {1, 1, 1 << 20}));
  EXPECT_NE(getError(averagePool(x, {1 << 19})).find("refused"), std::string::npos);
}

TEST(ContractionTest, Conv) {
  WindowOptions options;
  options.strides = {2, 1};
  options.padsBegin = {1, 0};
  options.padsEnd = {1, 1};
  options.dilations = {1, 2};
  Tensor bias = pattern({4}, 2);
  expectFloats(
      get(conv(pattern({1, 4, 5, 4}), pattern({4, 2, 3, 2}, 1), &bias, options, 2)), {1, 4, 3, 3},
      {-2.671875, 1.09375,  2.8125,    2.875,     2.75,     -0.984375, -5.0,     1.609375, 1.40625,
       3.609375,  -2.5,     1.8125,    -1.546875, 4.0,      -2.078125, 1.734375, 0.984375, 1.53125,
       2.65625,   -0.03125, -1.703125, -4.640625, -2.40625, -0.40625,  1.78125,  1.21875,  -2.5625,
       -1.53125,  1.71875,  0.6875,    2.546875,  -3.5625,  0.53125,   -3.03125, 3.0625,   1.3125});
  WindowOptions left;
  left.strides = {2};
  left.padsBegin = {2};
  left.padsEnd = {0};
  expectFloats(get(conv(pattern({2, 1, 6}), pattern({2, 1, 3}, 1), nullptr, left)), {2, 2, 3},
               {-1.375, 1.34375, -1.421875, -1.125, 1.4375, -1.203125, 1.890625, -0.484375,
                -0.734375, 1.546875, -0.734375, -0.859375});
}

TEST(ContractionTest, ConvOfOneIsMatMul) {
  std::mt19937_64 random(12);
  Tensor x = randomTensor(random, DataType::F32, {2, 3, 4, 5});
  Tensor w = randomTensor(random, DataType::F32, {6, 3, 1, 1});
  Tensor columns = get(reshape(x, {2, 3, 20}));
  Tensor expected = get(matmul(get(reshape(w, {6, 3})), columns));
  expectIdentical(get(reshape(get(conv(x, w, nullptr)), {2, 6, 20})), expected);
}

TEST(ContractionTest, ConvErrors) {
  Tensor x = pattern({1, 4, 5}), w = pattern({4, 4, 3});
  WindowOptions options;
  options.strides = {0};
  EXPECT_NE(getError(conv(x, w, nullptr, options)).find("strides"), std::string::npos);
  options.strides = {1, 1};
  EXPECT_NE(getError(conv(x, w, nullptr, options)).find("expected 1 entries"), std::string::npos);
  EXPECT_NE(getError(conv(x, w, nullptr, {}, 3)).find("3 groups"), std::string::npos);
  EXPECT_NE(getError(conv(x, w, nullptr, {}, 0)).find("at least one group"), std::string::npos);
  EXPECT_NE(getError(conv(x, pattern({4, 4, 6}), nullptr)).find("does not fit"), std::string::npos);
  options.strides.clear();
  options.padsBegin = {int64_t(1) << 40};
  options.padsEnd = {0};
  EXPECT_NE(getError(conv(x, w, nullptr, options)).find("begin pads"), std::string::npos);
}

TEST(ContractionTest, ConvInteger) {
  Tensor x = ints({1, 1, 3}, {2, 3, 4}, DataType::U8), zero = ints({}, {1}, DataType::U8);
  Tensor w = ints({2, 1, 2}, {1, 2, 3, 4}, DataType::I8);
  Tensor weightZero = ints({2}, {0, 1}, DataType::I8);
  WindowOptions options;
  options.padsBegin = {1};
  options.padsEnd = {0};
  // x - 1 is [0 |] 1 2 3; the weights are [1 2] and [2 3].
  expectInts(get(convInteger(x, w, &zero, &weightZero, options)), {1, 2, 3}, {2, 5, 8, 3, 8, 13});
}

TEST(ContractionTest, ConvTranspose) {
  WindowOptions options;
  options.strides = {2, 3};
  options.padsBegin = {1, 0};
  options.padsEnd = {0, 1};
  Tensor bias = pattern({2}, 2);
  Tensor y = get(
      convTranspose(pattern({1, 4, 3, 2}), pattern({4, 1, 3, 2}, 1), &bias, options, 2, {1, 2}));
  expectFloats(y, {1, 2, 7, 6},
               {0.078125,  -0.671875, 0.25,     -0.46875,  1.03125,  0.25,     -0.84375,  0.359375,
                0.25,      -0.140625, -0.90625, 0.25,      1.5,      -0.5,     0.25,      -0.484375,
                -0.234375, 0.25,      1.28125,  1.0625,    0.25,     -0.53125, -0.203125, 0.25,
                -1.03125,  1.46875,   0.25,     0.9375,    -0.0625,  0.25,     0.375,     -0.71875,
                0.25,      0.375,     0.8125,   0.25,      0.25,     0.25,     0.25,      0.25,
                0.25,      0.25,      1.40625,  2.5,       1.125,    0.546875, 0.65625,   1.125,
                -0.40625,  1.96875,   1.125,    -0.328125, 0.078125, 1.125,    1.125,     0.25,
                1.125,     1.34375,   2.0,      1.125,     5.140625, 1.0625,   1.125,     0.1875,
                2.40625,   1.125,     0.484375, 0.15625,   1.125,    1.0625,   -0.25,     1.125,
                0.90625,   0.578125,  1.125,    2.75,      1.4375,   1.125,    1.125,     1.125,
                1.125,     1.125,     1.125,    1.125});
  EXPECT_NE(getError(convTranspose(pattern({1, 4, 3}), pattern({4, 1, 3}), nullptr, {}, 1, {5}))
                .find("output padding"),
            std::string::npos);
}

TEST(ContractionTest, ConvTransposeIsTheAdjointOfConv) {
  std::mt19937_64 random(13);
  for (int i = 0; i < 20; ++i) {
    WindowOptions options;
    options.strides = {static_cast<int64_t>(random() % 2 + 1)};
    options.dilations = {static_cast<int64_t>(random() % 2 + 1)};
    options.padsBegin = {static_cast<int64_t>(random() % 2)};
    options.padsEnd = {0};
    int64_t size = options.dilations[0] * 2 + 1 - options.padsBegin[0] +
                   options.strides[0] * static_cast<int64_t>(random() % 3);
    Tensor x = randomTensor(random, DataType::F64, {1, 2, size});
    Tensor w = randomTensor(random, DataType::F64, {3, 2, 3});
    Tensor y = get(conv(x, w, nullptr, options));
    Tensor g = randomTensor(random, DataType::F64, y.getShape());
    Tensor back = get(convTranspose(g, w, nullptr, options));
    expectShape(back, x.getShape());
    auto dot = [](const Tensor &a, const Tensor &b) {
      return get(reduce(ReduceKind::Sum, get(mul(a, b)), std::nullopt, false)).getFloat({});
    };
    EXPECT_NEAR(dot(y, g), dot(x, back), 1e-9);
  }
}

TEST(ContractionTest, WindowOutputSizes) {
  EXPECT_EQ(get(getWindowOutputSize(4, 2, 3, 1, 1, 1, true)), 2);
  EXPECT_EQ(get(getWindowOutputSize(5, 3, 2, 0, 0, 1, false)), 2);
  EXPECT_EQ(get(getWindowOutputSize(6, 3, 2, 0, 0, 1, true)), 3);
  EXPECT_EQ(get(getWindowOutputSize(1, 2, 2, 0, 0, 1, true)), 1);
  // The third window would start in the end padding.
  EXPECT_EQ(get(getWindowOutputSize(3, 2, 2, 1, 1, 1, true)), 2);
  getError(getWindowOutputSize(1, 2, 1, 0, 0, 1, false));
  getError(getWindowOutputSize(1, 0, 1, 0, 0, 1, false));
  getError(getWindowOutputSize(INT64_MAX, 1, 1, 1, 1, 1, false));
}

static WindowOptions getPoolOptions() {
  WindowOptions options;
  options.strides = {2, 2};
  options.padsBegin = {1, 0};
  options.padsEnd = {1, 1};
  return options;
}

TEST(ContractionTest, MaxPool) {
  MaxPoolResult pool = get(maxPool(pattern({1, 1, 6, 5}), {3, 2}, getPoolOptions(), true));
  expectFloats(pool.values, {1, 1, 4, 3},
               {1.375, 0.75, 1.125, 1.375, 0.875, 1.25, 0.75, 1.0, 1.375, 0.75, 0.5, 1.375});
  expectInts(pool.indices, {1, 1, 4, 3}, {6, 2, 9, 6, 12, 19, 25, 22, 29, 25, 28, 29});
  WindowOptions options;
  options.strides = {2, 2};
  MaxPoolResult columns = get(maxPool(pattern({1, 2, 4, 5}), {3, 2}, options, false, true));
  expectFloats(columns.values, {1, 2, 1, 2}, {1.375, 0.875, 0.75, 1.125});
  expectInts(columns.indices, {1, 2, 1, 2}, {5, 10, 21, 30});
  expectFloats(get(maxPool(floats({1, 1, 3}, {1, kNan, 0}), {2})).values, {1, 1, 2}, {kNan, kNan});
  expectInts(get(maxPool(ints({1, 1, 3}, {-5, -7, -9}, DataType::I8), {2})).values, {1, 1, 2},
             {-5, -7});
  WindowOptions wide;
  wide.padsBegin = {2};
  wide.padsEnd = {0};
  EXPECT_NE(getError(maxPool(pattern({1, 1, 3}), {2}, wide)).find("smaller than"),
            std::string::npos);
  // A dilated window that jumps over the only element.
  WindowOptions dilated;
  dilated.padsBegin = {1};
  dilated.padsEnd = {1};
  dilated.dilations = {2};
  MaxPoolResult none = get(maxPool(floats({1, 1, 1}, {3}), {2}, dilated));
  expectFloats(none.values, {1, 1, 1}, {-kInf});
  expectInts(none.indices, {1, 1, 1}, {-1});
}

TEST(ContractionTest, AveragePool) {
  Tensor x = pattern({1, 1, 6, 5});
  expectNear(get(averagePool(x, {3, 2}, getPoolOptions(), true)), {1, 1, 4, 3},
             {0.1875, -0.21875, 0.375, 0.041666668, -0.125, 0.7083333, -0.3125, 0.0, 0.8333333,
              -0.25, 0.0625, 1.375});
  expectNear(get(averagePool(x, {3, 2}, getPoolOptions(), true, true)), {1, 1, 4, 3},
             {0.125, -0.14583333, 0.125, 0.041666668, -0.125, 0.35416666, -0.3125, 0.0, 0.41666666,
              -0.125, 0.03125, 0.34375});
  WindowOptions options;
  options.padsBegin = {1};
  options.padsEnd = {2};
  options.dilations = {2};
  expectNear(get(averagePool(pattern({1, 1, 7}), {3}, options, false, true)), {1, 1, 6},
             {-0.45833334, -0.20833333, -0.29166666, 0.5833333, -0.25, 0.33333334});
  expectNear(get(lpPool(pattern({1, 1, 5}), {3}, {}, false, 3)), {1, 1, 3},
             {1.125, 1.3345665, 1.3440034});
  getError(averagePool(ints({1, 1, 2}, {1, 2}), {2}));
}
