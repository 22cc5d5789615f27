//===- LinearKernelTest.cpp - f32 matrix products -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/LinearKernel.h"
#include "KernelHarness.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

namespace {
struct Problem {
  int64_t rows, inputs, outputs;
  std::vector<float> x, w, bias, other;

  Problem(int64_t rows, int64_t inputs, int64_t outputs)
      : rows(rows), inputs(inputs), outputs(outputs) {
    std::mt19937 random(static_cast<unsigned>(rows * 31 + inputs * 7 + outputs));
    std::normal_distribution<float> normal;
    for (auto [values, size] : {std::pair(&x, rows * inputs), std::pair(&w, inputs * outputs),
                                std::pair(&bias, outputs), std::pair(&other, rows * outputs)}) {
      values->resize(size);
      for (float &value : *values)
        value = normal(random);
    }
  }

  double getExact(int64_t row, int64_t column) const {
    double sum = 0;
    for (int64_t k = 0; k < inputs; ++k)
      sum += double(x[row * inputs + k]) * w[k * outputs + column];
    return sum;
  }

  std::vector<float> pack(const CpuTarget &target, bool transposed) const {
    int64_t width = target.getPanelWidth(), panels = (outputs + width - 1) / width;
    std::vector<float> source(w), packed(panels * inputs * width);
    if (transposed)
      for (int64_t k = 0; k < inputs; ++k)
        for (int64_t n = 0; n < outputs; ++n)
          source[n * inputs + k] = w[k * outputs + n];
    packPanels(reinterpret_cast<const uint32_t *>(source.data()), transposed ? 1 : outputs,
               transposed ? inputs : 1, inputs, outputs, width,
               reinterpret_cast<uint32_t *>(packed.data()));
    return packed;
  }
};
} // namespace

/// Results of `kernel` on a problem; the output has `padding` more columns than are used.
static std::vector<float> run(KernelHarness &harness, const LinearRequest &request,
                              StringRef kernel, Problem &problem, bool transposed) {
  int64_t width = harness.target.getPanelWidth();
  std::vector<float> packed = problem.pack(harness.target, transposed);
  std::vector<float> y(problem.rows * problem.outputs, NAN);
  MemRef<float, 2> x(problem.x.data(), {problem.rows, problem.inputs});
  MemRef<float, 3> w(packed.data(), {(problem.outputs + width - 1) / width, problem.inputs, width});
  MemRef<float, 1> bias(problem.bias.data(), {problem.outputs});
  MemRef<float, 2> other(problem.other.data(), {problem.rows, problem.outputs});
  MemRef<float, 2> out(y.data(), {problem.rows, problem.outputs});
  if (request.epilogue.bias && request.epilogue.combine != Epilogue::Combine::None)
    harness.call(kernel, x, w, bias, other, out);
  else if (request.epilogue.bias)
    harness.call(kernel, x, w, bias, out);
  else
    harness.call(kernel, x, w, out);
  return y;
}

TEST(LinearKernel, MatchesDouble) {
  for (const CpuTarget &target : KernelHarness::getFloatTargets()) {
    for (auto [inputs, outputs] :
         {std::pair<int64_t, int64_t>(7, 64), {33, 100}, {1, 1}, {128, 17}, {64, 200}, {5, 16}}) {
      KernelHarness harness(target);
      LinearRequest request{inputs, outputs, {}};
      std::string name = getLinearKernel(*harness.library, request).getSymName().str();
      harness.compile();
      for (int64_t rows : {0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 97, 200}) {
        Problem problem(rows, inputs, outputs);
        for (bool transposed : {false, true}) {
          std::vector<float> y = run(harness, request, name, problem, transposed);
          for (int64_t i = 0; i < rows * outputs; ++i)
            ASSERT_NEAR(y[i], problem.getExact(i / outputs, i % outputs), 1e-4)
                << name << " rows " << rows << " element " << i;
        }
      }
    }
  }
}

/// One chain of fused multiply-adds per output: equal bits on every target.
TEST(LinearKernel, SameBitsOnEveryTarget) {
  Problem problem(19, 70, 150);
  std::vector<float> expected(19 * 150);
  for (int64_t i = 0; i < 19 * 150; ++i) {
    float sum = 0;
    for (int64_t k = 0; k < 70; ++k)
      sum = std::fma(problem.x[i / 150 * 70 + k], problem.w[k * 150 + i % 150], sum);
    expected[i] = sum;
  }
  for (const CpuTarget &target : KernelHarness::getFloatTargets()) {
    KernelHarness harness(target);
    LinearRequest request{70, 150, {}};
    std::string name = getLinearKernel(*harness.library, request).getSymName().str();
    harness.compile();
    std::vector<float> y = run(harness, request, name, problem, false);
    EXPECT_EQ(0, std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)))
        << target.getName().str();
  }
}

static double applyActivation(const Epilogue &epilogue, double x) {
  switch (epilogue.activation) {
  case Activation::None:
    return x;
  case Activation::Relu:
    return std::max(x, 0.0);
  case Activation::Clip:
    return std::min(std::max(x, double(epilogue.low)), double(epilogue.high));
  case Activation::Gelu:
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::GeluTanh:
    return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
  case Activation::Silu:
    return x / (1 + std::exp(-x));
  case Activation::Sigmoid:
    return 1 / (1 + std::exp(-x));
  case Activation::Tanh:
    return std::tanh(x);
  }
  return x;
}

TEST(LinearKernel, Epilogues) {
  using Combine = Epilogue::Combine;
  for (const CpuTarget &target : KernelHarness::getFloatTargets()) {
    KernelHarness harness(target);
    std::vector<std::pair<LinearRequest, std::string>> kernels;
    auto add = [&](Activation activation, Combine combine, bool first) {
      LinearRequest request{9, 70, {true, activation, -0.5f, 1.5f, combine, first}};
      kernels.push_back({request, getLinearKernel(*harness.library, request).getSymName().str()});
    };
    for (Combine combine : {Combine::None, Combine::Add, Combine::Mul})
      for (bool first : {false, true})
        for (Activation activation : {Activation::None, Activation::Relu, Activation::Silu})
          add(activation, combine, first);
    for (Activation activation : {Activation::Clip, Activation::Gelu, Activation::GeluTanh,
                                  Activation::Sigmoid, Activation::Tanh})
      add(activation, Combine::Add, /*first=*/true);
    harness.compile();
    Problem problem(8, 9, 70);
    for (auto &[request, name] : kernels) {
      const Epilogue &epilogue = request.epilogue;
      std::vector<float> y = run(harness, request, name, problem, false);
      for (int64_t i = 0; i < 8 * 70; ++i) {
        double expected = problem.getExact(i / 70, i % 70) + problem.bias[i % 70];
        auto combine = [&] {
          if (epilogue.combine == Combine::Add)
            expected += problem.other[i];
          else if (epilogue.combine == Combine::Mul)
            expected *= problem.other[i];
        };
        if (epilogue.combineFirst)
          combine();
        expected = applyActivation(epilogue, expected);
        if (!epilogue.combineFirst)
          combine();
        ASSERT_NEAR(y[i], expected, 1e-5 * (1 + std::abs(expected))) << name << " " << i;
      }
    }
  }
}
