//===- KernelBuilderTest.cpp - loops, vectors and scratch of generated kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

/// y[i] = x[i] * x[i] + 1 in vectors of 8, with a parallel loop over rows.
TEST(KernelBuilder, RowsOfVectors) {
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    Type f32 = Float32Type::get(harness.context.get());
    Type matrix = getActivationType({ShapedType::kDynamic, 24}, f32);
    func::FuncOp kernel = harness.library->getOrCreate(
        "square", "x * x + 1", {matrix, matrix}, [](KernelBuilder &b, ValueRange args) {
          b.parallelFor(b.dim(args[0], 0), [&](Value row) {
            b.forLoop(b.index(0), b.index(24), 8, [&](Value column) {
              Value x = b.load(8, args[0], {row, column});
              b.store(b.fma(x, x, b.splat(x.getType(), 1)), args[1], {row, column});
            });
          });
        });
    ASSERT_TRUE(kernel);
    harness.compile();
    std::vector<float> x(5 * 24), y(5 * 24, -1.0f);
    std::iota(x.begin(), x.end(), -7.0f);
    MemRef<float, 2> in(x.data(), {5, 24}), out(y.data(), {5, 24});
    harness.call("square", in, out);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_EQ(y[i], x[i] * x[i] + 1) << i;
  }
}
