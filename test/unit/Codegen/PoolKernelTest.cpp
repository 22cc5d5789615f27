//===- PoolKernelTest.cpp - pooling -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/PoolKernel.h"
#include "KernelHarness.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

namespace {
struct Case {
  PoolRequest request;
  /// x `[n, c, h, w]`; output rows and columns, which may reach beyond the padded image.
  std::array<int64_t, 4> x;
  int64_t rows, columns;
};
} // namespace

static double pool(const Case &test, ArrayRef<float> image, int64_t row, int64_t column) {
  const ConvWindow &window = test.request.window;
  double best = -INFINITY, sum = 0;
  int64_t inside = 0, padded = 0;
  bool hasNan = false;
  for (int64_t kh = 0; kh < window.kernel[0]; ++kh)
    for (int64_t kw = 0; kw < window.kernel[1]; ++kw) {
      int64_t iy = row * window.strides[0] + kh * window.dilations[0] - window.padBegin[0];
      int64_t ix = column * window.strides[1] + kw * window.dilations[1] - window.padBegin[1];
      padded += iy < test.x[2] + window.padEnd[0] && ix < test.x[3] + window.padEnd[1];
      if (iy < 0 || ix < 0 || iy >= test.x[2] || ix >= test.x[3])
        continue;
      ++inside;
      float value = image[iy * test.x[3] + ix];
      hasNan |= std::isnan(value);
      best = std::max(best, double(value));
      sum += value;
    }
  if (test.request.isMax)
    return hasNan ? NAN : best;
  if (!test.request.variesCount)
    return sum / double(window.getTaps());
  return sum / double(test.request.countsPadding ? padded : inside);
}

TEST(PoolKernel, MatchesDouble) {
  std::vector<Case> cases;
  for (bool isMax : {true, false}) {
    auto add = [&](ConvWindow window, std::array<int64_t, 4> x, int64_t rows, int64_t columns,
                   bool variesCount = false, bool countsPadding = false) {
      cases.push_back({{window, isMax, variesCount, countsPadding}, x, rows, columns});
    };
    ConvWindow ceil{{3, 3}, {2, 2}};
    add(ceil, {2, 3, 55, 55}, 27, 27);
    add(ceil, {1, 2, 14, 12}, 7, 6, true);
    add(ceil, {1, 2, 14, 12}, 7, 6, true, true);
    add({{2, 2}, {2, 2}}, {2, 3, 28, 28}, 14, 14);
    add({{2, 2}, {2, 2}}, {2, 3, 4, 6}, 2, 3);
    add({{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, {1, 4, 14, 14}, 14, 14, true);
    add({{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, {1, 4, 14, 14}, 14, 14, true, true);
    add({{3, 2}, {3, 1}, {2, 3}, {1, 0}, {2, 1}}, {1, 4, 17, 130}, 6, 128, true);
    add({{8, 8}, {8, 8}}, {3, 5, 8, 8}, 1, 1);
    add({{1, 4}, {1, 4}}, {1, 2, 1, 8000}, 1, 2000);
    add({{1, 1}, {2, 2}}, {1, 2, 9, 40}, 5, 20);
  }
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    std::vector<std::string> kernels;
    for (const Case &test : cases)
      kernels.push_back(getPoolKernel(*harness.library, test.request).getSymName().str());
    harness.compile();
    for (auto [test, kernel] : llvm::zip_equal(cases, kernels)) {
      int64_t images = test.x[0] * test.x[1], size = test.x[2] * test.x[3];
      int64_t outputSize = test.rows * test.columns;
      std::mt19937 random(5);
      std::normal_distribution<float> normal;
      std::vector<float> x(images * size), y(images * outputSize, 77.0f);
      for (float &value : x)
        value = normal(random);
      x[size / 2] = NAN;
      MemRef<float, 4> in(x.data(), test.x);
      MemRef<float, 4> out(y.data(), {test.x[0], test.x[1], test.rows, test.columns});
      harness.call(kernel, in, out);
      int64_t wrong = 0;
      for (int64_t i = 0; i < images * outputSize; ++i) {
        ArrayRef<float> image(x.data() + i / outputSize * size, size);
        double expected = pool(test, image, i % outputSize / test.columns, i % test.columns);
        bool isRight = std::isnan(expected) ? std::isnan(y[i])
                       : test.request.isMax ? y[i] == expected
                                            : std::fabs(y[i] - expected) < 1e-5;
        if (!isRight && ++wrong <= 3)
          ADD_FAILURE() << kernel << ": element " << i << " is " << y[i] << ", expected "
                        << expected;
      }
      EXPECT_EQ(wrong, 0) << kernel;
    }
  }
}
