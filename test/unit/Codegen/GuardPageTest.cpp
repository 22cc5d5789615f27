//===- GuardPageTest.cpp - kernels stay inside their buffers -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All kernel tests run on buffers beside pages without access (see KernelHarness.h); these tests
// are about the pages.
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "compress/Codegen/CPU/LinearKernel.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

TEST(GuardPage, Extent) {
  float element = 0;
  EXPECT_EQ((MemRef<float, 0>(&element, {}).getExtent()), 1);
  EXPECT_EQ((MemRef<float, 2>(&element, {3, 5}).getExtent()), 15);
  EXPECT_EQ((MemRef<float, 2>(&element, {3, 5}, {8, 1}).getExtent()), 21);
  EXPECT_EQ((MemRef<float, 2>(&element, {3, 0}).getExtent()), 0);
}

TEST(GuardPage, OnlyChangesComeBack) {
  std::vector<int8_t> data{1, 2, 3, 4};
  MemRef<int8_t, 1> memref(data.data(), {3});
  GuardedMemRef<int8_t, 1> guarded(memref, GuardPlace::Behind);
  guarded.get()->data[1] = 7;
  // What somebody else has written, through another memref of the same data.
  data[2] = 9;
  guarded.commit();
  EXPECT_EQ(data, (std::vector<int8_t>{1, 7, 9, 4}));
}

TEST(GuardPageDeathTest, BothEnds) {
  std::vector<int8_t> data(5000);
  MemRef<int8_t, 1> memref(data.data(), {5000});
  GuardedMemRef<int8_t, 1> before(memref, GuardPlace::Before);
  GuardedMemRef<int8_t, 1> behind(memref, GuardPlace::Behind);
  volatile int8_t *first = before.get()->data, *last = behind.get()->data + 4999;
  *first = 1;
  *last = 1;
  EXPECT_DEATH(first[-1] = 1, "");
  EXPECT_DEATH(last[1] = 1, "");
}

/// A kernel whose input is a row shorter than it was told.
TEST(GuardPageDeathTest, Kernel) {
  KernelHarness harness(KernelHarness::getTargets().front());
  std::string name = getLinearKernel(*harness.library, {5, 7, {}}).getSymName().str();
  harness.compile();
  int64_t width = harness.target.getPanelWidth();
  std::vector<float> data(5 * width);
  MemRef<float, 2> x(data.data(), {3, 5}), y(data.data(), {3, 7}), shortOutput(data.data(), {2, 7});
  MemRef<float, 3> weight(data.data(), {1, 5, width}), noWeight(data.data(), {1, 4, width});
  harness.call(name, x, weight, y);
  EXPECT_DEATH(harness.call(name, x, noWeight, y), "");
  EXPECT_DEATH(harness.call(name, x, weight, shortOutput), "");
}
