//===- RowKernelTest.cpp - softmax, norms, quantization, rotary -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "compress/Codegen/CPU/RowKernels.h"
#include "compress/Reference/Normalization.h"
#include "compress/Reference/Quantization.h"
#include "compress/Reference/Reduce.h"
#include "llvm/ADT/bit.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

static constexpr float kInf = std::numeric_limits<float>::infinity();
static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
static constexpr int64_t kDynamic = ShapedType::kDynamic;

namespace {

/// A matrix whose rows lie further apart than their length, with guards behind each row.
struct Matrix {
  int64_t rows, length, stride;
  std::vector<float> data;

  Matrix(int64_t rows, int64_t length, float guard = 77.0f)
      : rows(rows), length(length), stride(length + 3), data(rows * stride + 1, guard) {}
  float &at(int64_t row, int64_t column) { return data[row * stride + column]; }
  MemRef<float, 2> get() { return MemRef<float, 2>(data.data(), {rows, length}, {stride, 1}); }

  void fill(std::mt19937 &random, float spread) {
    std::normal_distribution<float> normal(0.1f, spread);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < length; ++j)
        at(i, j) = normal(random);
  }
  reference::Tensor toTensor() {
    std::vector<double> values;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < length; ++j)
        values.push_back(at(i, j));
    return llvm::cantFail(reference::Tensor::fromFloats(DataType::F32, {rows, length}, values));
  }
  void expectGuards(float guard = 77.0f) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = length; j < stride; ++j)
        ASSERT_EQ(data[i * stride + j], guard) << "after row " << i;
  }
};

} // namespace

static std::vector<int64_t> getLengths() {
  std::vector<int64_t> lengths(131);
  std::iota(lengths.begin(), lengths.end(), 0);
  lengths.insert(lengths.end(), {768, 1000});
  return lengths;
}

/// The same bits, or both NaN.
static bool isSame(float a, float b) {
  return llvm::bit_cast<uint32_t>(a) == llvm::bit_cast<uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

static void expectClose(Matrix &y, const reference::Tensor &expected, double relative,
                        double absolute, StringRef what) {
  SmallVector<double> values = expected.toFloats();
  for (int64_t i = 0; i < y.rows; ++i)
    for (int64_t j = 0; j < y.length; ++j) {
      double want = values[i * y.length + j], got = y.at(i, j);
      if (std::isnan(want) || std::isinf(want))
        ASSERT_TRUE(isSame(want, got)) << what.str() << " [" << i << ", " << j << "] of "
                                       << y.length << ": " << got << " for " << want;
      else
        ASSERT_LE(std::fabs(got - want), relative * std::fabs(want) + absolute)
            << what.str() << " [" << i << ", " << j << "] of " << y.length;
    }
  y.expectGuards();
}

namespace {

/// Runs a kernel made for `length` on all targets and compares the bits.
class RowTest : public ::testing::Test {
protected:
  /// `kernel(library, length)` makes a kernel; lengths in `fixed` get one of their own, all share a
  /// dynamic one.
  void compileAll(function_ref<func::FuncOp(KernelLibrary &, int64_t)> kernel) {
    for (const CpuTarget &target : KernelHarness::getTargets()) {
      harnesses.push_back(std::make_unique<KernelHarness>(target));
      KernelHarness &harness = *harnesses.back();
      for (int64_t length : fixed)
        names[length] = kernel(*harness.library, length).getName().str();
      names[kDynamic] = kernel(*harness.library, kDynamic).getName().str();
      harness.compile();
    }
  }

  /// Calls the kernels for `length` with `call(harness, name)`, which returns the result; all must
  /// be equal.
  void runAll(int64_t length,
              function_ref<std::vector<float>(KernelHarness &, StringRef name)> call) {
    std::vector<float> first;
    for (auto &harness : harnesses)
      for (int64_t kind : {kDynamic, length}) {
        if (!names.contains(kind))
          continue;
        std::vector<float> result = call(*harness, names[kind]);
        if (first.empty())
          first = result;
        for (size_t i = 0; i < first.size(); ++i)
          ASSERT_TRUE(isSame(first[i], result[i]))
              << names[kind] << " for " << harness->target.getName().str() << " at " << i << ": "
              << result[i] << ", else " << first[i];
      }
  }

  const std::vector<int64_t> fixed = {1, 7, 16, 33, 64, 65, 100, 768};
  std::vector<std::unique_ptr<KernelHarness>> harnesses;
  std::map<int64_t, std::string> names;
};

using SoftmaxKernel = RowTest;
using NormKernel = RowTest;
using RowSumKernel = RowTest;
using DynamicQuantizeKernel = RowTest;

} // namespace

static void testSoftmax(bool isLog, int64_t length, int64_t rows, Matrix &x, KernelHarness &harness,
                        StringRef name, std::vector<float> &result) {
  Matrix y(rows, length);
  MemRef<float, 2> in = x.get(), out = y.get();
  harness.call(name, in, out);
  reference::Tensor expected = llvm::cantFail(isLog ? reference::logSoftmax(x.toTensor(), 1)
                                                    : reference::softmax(x.toTensor(), 1));
  expectClose(y, expected, isLog ? 4e-7 : 6e-6, isLog ? 1e-6 : 1.2e-38, name);
  result = y.data;
}

TEST_F(SoftmaxKernel, AllLengths) {
  for (bool isLog : {false, true}) {
    harnesses.clear();
    names.clear();
    compileAll([&](KernelLibrary &library, int64_t length) {
      return getSoftmaxKernel(library, length, isLog);
    });
    std::mt19937 random(1);
    for (int64_t length : getLengths()) {
      int64_t rows = length % 9;
      Matrix x(rows, length, kNan);
      x.fill(random, 5);
      runAll(length, [&](KernelHarness &harness, StringRef name) {
        std::vector<float> result;
        testSoftmax(isLog, length, rows, x, harness, name, result);
        return result;
      });
    }
  }
}

TEST_F(SoftmaxKernel, SpecialValues) {
  for (bool isLog : {false, true}) {
    harnesses.clear();
    names.clear();
    compileAll([&](KernelLibrary &library, int64_t length) {
      return getSoftmaxKernel(library, length, isLog);
    });
    std::mt19937 random(2);
    for (int64_t length : {1, 7, 33, 100, 129}) {
      Matrix x(7, length, kInf);
      x.fill(random, 1);
      x.at(0, length / 2) = -kInf;
      for (int64_t j = 0; j < length; ++j) {
        x.at(1, j) = j % 3 == 0 ? 1.5f : -kInf;
        x.at(2, j) = -kInf;
        x.at(3, j) = -3e38f + static_cast<float>(j) * 1e36f;
        x.at(6, j) = -1e30f;
      }
      x.at(4, length - 1) = kNan;
      x.at(5, 0) = kInf;
      runAll(length, [&](KernelHarness &harness, StringRef name) {
        std::vector<float> result;
        testSoftmax(isLog, length, 7, x, harness, name, result);
        return result;
      });
    }
  }
}

TEST_F(NormKernel, AllLengths) {
  for (auto [hasMean, hasBias] : {std::pair(false, false), {true, false}, {true, true}}) {
    harnesses.clear();
    names.clear();
    compileAll([&](KernelLibrary &library, int64_t length) {
      return getNormKernel(library, {length, hasMean, hasBias});
    });
    std::mt19937 random(3);
    for (int64_t length : getLengths()) {
      int64_t rows = length % 9;
      Matrix x(rows, length, kNan), parameters(2, length, kNan);
      x.fill(random, 2);
      parameters.fill(random, 1);
      MemRef<float, 1> scale(&parameters.at(0, 0), {length}), bias(&parameters.at(1, 0), {length});
      auto take = [&](int64_t row) {
        SmallVector<double> values;
        for (int64_t j = 0; j < length; ++j)
          values.push_back(parameters.at(row, j));
        return llvm::cantFail(reference::Tensor::fromFloats(DataType::F32, {length}, values));
      };
      reference::Tensor scales = take(0), biases = take(1);
      reference::Tensor expected =
          hasMean ? llvm::cantFail(reference::layerNorm(x.toTensor(), &scales,
                                                        hasBias ? &biases : nullptr, 1, 1e-5f))
                        .y
                  : llvm::cantFail(reference::rmsNorm(x.toTensor(), &scales, 1, 1e-5f));
      runAll(length, [&](KernelHarness &harness, StringRef name) {
        Matrix y(rows, length);
        MemRef<float, 2> in = x.get(), out = y.get();
        if (hasBias)
          harness.call(name, in, scale, bias, 1e-5f, out);
        else
          harness.call(name, in, scale, 1e-5f, out);
        expectClose(y, expected, 1e-6, 4e-6, name);
        return y.data;
      });
    }
  }
}

TEST_F(RowSumKernel, AllLengths) {
  for (bool isMean : {false, true}) {
    harnesses.clear();
    names.clear();
    compileAll([&](KernelLibrary &library, int64_t length) {
      return getRowSumKernel(library, length, isMean);
    });
    std::mt19937 random(4);
    for (int64_t length : getLengths()) {
      int64_t rows = length % 9;
      Matrix x(rows, length, kNan);
      x.fill(random, 1);
      if (length == 100)
        x.at(0, 99) = kInf;
      reference::Tensor expected = llvm::cantFail(
          reference::reduce(isMean ? reference::ReduceKind::Mean : reference::ReduceKind::Sum,
                            x.toTensor(), ArrayRef<int64_t>{1}, true));
      runAll(length, [&](KernelHarness &harness, StringRef name) {
        Matrix y(rows, 1);
        MemRef<float, 2> in = x.get(), out = y.get();
        harness.call(name, in, out);
        expectClose(y, expected, 1e-6, isMean ? 1e-6 : 1e-4, name);
        return y.data;
      });
    }
  }
}

static void testQuantize(DynamicQuantizeRequest request, Matrix &x, KernelHarness &harness,
                         StringRef name) {
  int64_t rows = x.rows, length = x.length, stride = length + 5;
  int64_t parameters = request.isPerRow ? rows : 1;
  std::vector<int8_t> codes(rows * stride + 1, 99), zeroPoints(parameters + 1, 99);
  std::vector<float> scales(parameters + 1, 99);
  MemRef<float, 2> in = x.get(), outScales(scales.data(), {parameters, 1});
  MemRef<int8_t, 2> outCodes(codes.data(), {rows, length}, {stride, 1});
  MemRef<int8_t, 2> outZeroPoints(zeroPoints.data(), {parameters, 1});
  harness.call(name, in, outCodes, outScales, outZeroPoints);

  SmallVector<int64_t> block;
  if (request.isPerRow)
    block = {1, -1};
  DataType type = request.isSigned ? DataType::I8 : DataType::U8;
  if (request.bits == 4)
    type = request.isSigned ? DataType::I4 : DataType::U4;
  reference::DynamicQuantizeResult expected =
      llvm::cantFail(reference::dynamicQuantize(x.toTensor(), block, type, request.isSigned));
  // A row of no elements still has parameters.
  SmallVector<double> wantScales = expected.scale.toFloats();
  SmallVector<int64_t> wantZeroPoints = expected.zeroPoint.toInts(),
                       wantCodes = expected.q.toInts();
  for (size_t i = 0; i < wantScales.size(); ++i) {
    ASSERT_TRUE(isSame(scales[i], wantScales[i]))
        << name.str() << ": " << scales[i] << " for " << wantScales[i];
    ASSERT_EQ(zeroPoints[i], static_cast<int8_t>(wantZeroPoints[i])) << name.str();
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < stride; ++j)
      ASSERT_EQ(codes[i * stride + j],
                j < length ? static_cast<int8_t>(wantCodes[i * length + j]) : 99)
          << name.str() << " [" << i << ", " << j << "] of " << length << ", x = " << x.at(i, j);
  ASSERT_EQ(scales.back(), 99);
  ASSERT_EQ(zeroPoints.back(), 99);
}

TEST_F(DynamicQuantizeKernel, AllLengths) {
  for (auto [isPerRow, isSigned, bits] : {std::tuple(true, true, 8u),
                                          {true, false, 8u},
                                          {false, true, 8u},
                                          {false, false, 8u},
                                          {true, true, 4u},
                                          {false, false, 4u}}) {
    harnesses.clear();
    names.clear();
    compileAll([&](KernelLibrary &library, int64_t length) {
      return getDynamicQuantizeKernel(library, {length, isPerRow, isSigned, bits});
    });
    std::mt19937 random(5);
    auto check = [&](Matrix &x) {
      runAll(x.length, [&](KernelHarness &harness, StringRef name) {
        testQuantize({x.length, isPerRow, isSigned, bits}, x, harness, name);
        return std::vector<float>(1);
      });
    };
    for (int64_t length : getLengths()) {
      Matrix x(1 + length % 9, length, 1e30f);
      x.fill(random, 3);
      check(x);
      if (length == 0)
        continue;
      // Quotients half-way between codes, zeros, and values of one sign.
      for (int64_t j = 0; j < length; ++j)
        x.at(0, j) = static_cast<float>(j % 255) - 127.0f + (j % 2 ? 0.5f : 0.0f);
      if (x.rows > 3)
        for (int64_t j = 0; j < length; ++j) {
          x.at(1, j) = 0;
          x.at(2, j) = std::fabs(x.at(2, j));
          x.at(3, j) = -std::fabs(x.at(3, j));
        }
      check(x);
    }
    const float specials[] = {kNan, kInf, -kInf, 1e-45f, 1e-43f, 3e38f, -3e38f, -0.0f};
    for (float special : specials)
      for (int64_t length : {1, 33, 100}) {
        Matrix x(3, length, 1e30f);
        x.fill(random, special == 1e-45f || special == 1e-43f ? 1e-44f : 1);
        x.at(0, 0) = special;
        x.at(1, length - 1) = special;
        for (int64_t j = 0; j < length; ++j)
          x.at(2, j) = special;
        check(x);
      }
    // Enough rows for several pieces.
    Matrix x(700, 129, 1e30f);
    x.fill(random, 1);
    check(x);
  }
}

/// The formula on f64, for an input [d0, d1, d2, length].
static void testRotary(ArrayRef<int64_t> shape, ArrayRef<bool> tableHasDim, bool isDynamic) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  std::array<int64_t, 4> sizes, tableSizes;
  for (int dim = 0; dim < 4; ++dim) {
    sizes[dim] = shape[dim];
    tableSizes[dim] = dim == 3 || tableHasDim[dim] ? shape[dim] : 1;
  }
  int64_t length = shape[3], count = sizes[0] * sizes[1] * sizes[2] * length;
  int64_t tableCount = tableSizes[0] * tableSizes[1] * tableSizes[2] * length;
  std::vector<float> x(count), cos(tableCount), sin(tableCount), first;
  for (std::vector<float> *values : {&x, &cos, &sin})
    for (float &value : *values)
      value = normal(random);
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    RotaryRequest request;
    request.shape.assign(shape.begin(), shape.end());
    if (isDynamic)
      std::fill_n(request.shape.begin(), 3, kDynamic);
    request.tableHasDim.assign(tableHasDim.begin(), tableHasDim.end());
    std::string name = getRotaryKernel(*harness.library, request).getName().str();
    harness.compile();
    std::vector<float> y(count + 1, 99);
    MemRef<float, 4> in(x.data(), sizes), out(y.data(), sizes);
    MemRef<float, 4> cosines(cos.data(), tableSizes), sines(sin.data(), tableSizes);
    harness.call(name, in, cosines, sines, out);
    if (first.empty())
      first = y;
    ASSERT_EQ(first, y);
    for (int64_t i = 0; i < count; ++i) {
      int64_t column = i % length, rest = i / length, table = 0, half = length / 2;
      std::array<int64_t, 3> index;
      for (int dim = 2; dim >= 0; rest /= sizes[dim], --dim)
        index[dim] = rest % sizes[dim];
      for (int dim = 0; dim < 3; ++dim)
        table = table * tableSizes[dim] + (tableHasDim[dim] ? index[dim] : 0);
      table = table * length + column;
      double turned = column < half ? -double(x[i + half]) : double(x[i - half]);
      double want = double(x[i]) * cos[table] + turned * sin[table];
      ASSERT_NEAR(y[i], want, 1e-6) << name << " at " << i;
    }
    ASSERT_EQ(y.back(), 99);
  }
}

TEST(RotaryKernel, Layouts) {
  for (bool isDynamic : {false, true}) {
    testRotary({2, 3, 5, 64}, {false, false, true}, isDynamic);
    testRotary({2, 5, 3, 32}, {false, true, false}, isDynamic);
    testRotary({2, 3, 5, 6}, {true, false, true}, isDynamic);
    testRotary({1, 3, 1, 128}, {true, true, true}, isDynamic);
    testRotary({2, 2, 3, 80}, {false, false, false}, isDynamic);
    testRotary({2, 0, 3, 80}, {false, false, true}, isDynamic);
    testRotary({1, 2, 7, 2}, {false, false, true}, isDynamic);
  }
}
