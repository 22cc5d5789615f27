//===- IntegerLinearKernelTest.cpp - matrix products of 8-bit codes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/IntegerLinearKernel.h"
#include "KernelHarness.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

/// Runs a kernel on random codes of the full range; results must have the bits of the formula.
static void check(KernelHarness &harness, const IntegerLinearRequest &request,
                  const std::string &name) {
  const CpuTarget &target = harness.target;
  MLIRContext *context = harness.context.get();
  int64_t inputs = request.inputs, outputs = request.outputs, width = target.getPanelWidth();
  std::mt19937 random(3);
  std::uniform_int_distribution<int> code(0, 255), weightCode(-127, 127);
  std::vector<int8_t> w(inputs * outputs);
  std::generate(w.begin(), w.end(), [&] { return static_cast<int8_t>(weightCode(random)); });
  RankedTensorType type = request.getWeightType(context, target);
  int64_t panels = type.getDimSize(0);
  std::vector<int8_t> packed(type.getNumElements());
  std::vector<int32_t> sums(panels * width);
  std::vector<float> scales(panels * width), bias(outputs);
  packIntegerWeight(request, target, w.data(), outputs, 1, packed.data());
  sumIntegerWeight(request, target, w.data(), outputs, 1, sums.data());
  std::uniform_real_distribution<float> scale(0.01f, 0.1f);
  for (int64_t i = 0; i < outputs; ++i)
    scales[i] = scale(random);

  for (int64_t rows : {0, 1, 2, 5, 6, 9, 100}) {
    std::vector<int8_t> x(rows * inputs), zero(std::max<int64_t>(rows, 1));
    std::vector<float> xScale(std::max<int64_t>(rows, 1)), y(rows * outputs, NAN);
    for (auto *values : {&x, &zero})
      std::generate(values->begin(), values->end(),
                    [&] { return static_cast<int8_t>(code(random)); });
    std::generate(xScale.begin(), xScale.end(), [&] { return scale(random); });
    MemRef<int8_t, 2> in(x.data(), {rows, inputs}), zeroRows(zero.data(), {rows, 1});
    MemRef<float, 2> scaleRows(xScale.data(), {rows, 1}), out(y.data(), {rows, outputs});
    MemRef<float, 0> scaleTensor(xScale.data(), {});
    MemRef<int8_t, 0> zeroTensor(zero.data(), {});
    MemRef<int8_t, 3> weight(packed.data(), {panels, type.getDimSize(1), type.getDimSize(2)});
    MemRef<float, 2> weightScales(scales.data(), {panels, width});
    MemRef<int32_t, 2> weightSums(sums.data(), {panels, width});
    if (request.perRow && request.hasZeroPoint)
      harness.call(name, in, scaleRows, zeroRows, weight, weightScales, weightSums, out);
    else if (request.perRow)
      harness.call(name, in, scaleRows, weight, weightScales, out);
    else if (request.hasZeroPoint)
      harness.call(name, in, scaleTensor, zeroTensor, weight, weightScales, weightSums, out);
    else
      harness.call(name, in, scaleTensor, weight, weightScales, out);
    for (int64_t i = 0; i < rows * outputs; ++i) {
      int64_t row = i / outputs, column = i % outputs, parameter = request.perRow ? row : 0;
      int32_t sum = 0;
      for (int64_t k = 0; k < inputs; ++k) {
        int8_t byte = x[row * inputs + k];
        int32_t value = request.isSigned ? byte : static_cast<uint8_t>(byte);
        if (request.hasZeroPoint)
          value -= static_cast<uint8_t>(zero[parameter]);
        sum += value * w[k * outputs + column];
      }
      ASSERT_EQ(y[i], float(sum) * (xScale[parameter] * scales[column]))
          << name << " rows " << rows << " element " << i;
    }
  }
}

TEST(IntegerLinearKernel, Exact) {
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    std::vector<std::pair<IntegerLinearRequest, std::string>> kernels;
    for (auto [inputs, outputs] : {std::pair<int64_t, int64_t>(130, 70), {7, 5}, {65, 200}})
      for (auto [isSigned, hasZeroPoint] : {std::pair(true, false), {false, false}, {false, true}})
        for (bool perRow : {false, true}) {
          IntegerLinearRequest request{inputs, outputs, isSigned, hasZeroPoint, perRow, {}};
          kernels.push_back(
              {request, getIntegerLinearKernel(*harness.library, request).getSymName().str()});
        }
    harness.compile();
    for (auto &[request, name] : kernels)
      check(harness, request, name);
  }
}
