//===- MatMulTest.cpp - batched matrix products against float64 -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "compress/Codegen/CPU/LinearKernel.h"
#include "compress/Codegen/CPU/MatMulKernel.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

namespace {

/// Targets of this host that differ in f32 code.
std::vector<CpuTarget> getFloatTargets() {
  std::vector<CpuTarget> targets;
  for (const CpuTarget &target : KernelHarness::getTargets())
    if (!target.vnni)
      targets.push_back(target);
  return targets;
}

using Sizes = std::array<int64_t, 4>;

/// Matrices `[b0, b1, rows, columns]`, stored in another order of dims.
struct Matrices {
  std::vector<float> data;
  Sizes sizes, order, stored, strides;

  Matrices(Sizes sizes, Sizes order) : sizes(sizes), order(order) {
    for (size_t dim = 0; dim < 4; ++dim)
      stored[static_cast<size_t>(order[dim])] = sizes[dim];
    int64_t stride = 1;
    for (size_t dim = 4; dim-- > 0; stride *= stored[dim])
      strides[dim] = stride;
    data.resize(static_cast<size_t>(stride));
  }
  void fill(std::mt19937 &random) {
    std::uniform_real_distribution<float> values(-1, 1);
    for (float &x : data)
      x = values(random);
  }
  /// Element of a matrix; an only matrix is all of them.
  float &at(int64_t b0, int64_t b1, int64_t row, int64_t column) {
    Sizes indices{std::min(b0, sizes[0] - 1), std::min(b1, sizes[1] - 1), row, column};
    int64_t position = 0;
    for (size_t dim = 0; dim < 4; ++dim)
      position += indices[dim] * strides[static_cast<size_t>(order[dim])];
    return data[static_cast<size_t>(position)];
  }
  MemRef<float, 4> memref() { return {data.data(), stored}; }
};

/// Batch sizes of the operands, rows, depth and columns.
struct Case {
  int64_t lhs0, lhs1, rhs0, rhs1, rows, depth, columns;
};

/// Runs `kernel` and compares with float64; the packed rhs replaces the operand if there is one.
std::vector<float> check(KernelHarness &harness, StringRef kernel, const MatMulShape &shape,
                         Case c) {
  std::mt19937 random(11);
  Matrices lhs({c.lhs0, c.lhs1, c.rows, c.depth}, shape.lhsOrder);
  Matrices rhs({c.rhs0, c.rhs1, c.depth, c.columns}, shape.rhsOrder);
  Matrices result({std::max(c.lhs0, c.rhs0), std::max(c.lhs1, c.rhs1), c.rows, c.columns},
                  {0, 1, 2, 3});
  lhs.fill(random);
  rhs.fill(random);
  std::fill(result.data.begin(), result.data.end(), -77.0f);
  MemRef<float, 4> x = lhs.memref(), w = rhs.memref(), y = result.memref();
  if (shape.packedBatches) {
    int64_t width = harness.target.getPanelWidth(), panels = (c.columns + width - 1) / width;
    size_t matrix = static_cast<size_t>(c.depth * c.columns);
    size_t packedMatrix = static_cast<size_t>(panels * c.depth * width);
    std::vector<float> packed(packedMatrix * static_cast<size_t>(c.rhs0 * c.rhs1));
    for (size_t i = 0; i < static_cast<size_t>(c.rhs0 * c.rhs1); ++i)
      packPanels(reinterpret_cast<const uint32_t *>(rhs.data.data() + i * matrix), c.columns, 1,
                 c.depth, c.columns, width,
                 reinterpret_cast<uint32_t *>(packed.data() + i * packedMatrix));
    MemRef<float, 4> p(packed.data(), {c.rhs0 * c.rhs1, panels, c.depth, width});
    harness.call(kernel, x, p, y);
  } else {
    harness.call(kernel, x, w, y);
  }
  double worst = 0;
  for (int64_t b0 = 0; b0 < result.sizes[0]; ++b0)
    for (int64_t b1 = 0; b1 < result.sizes[1]; ++b1)
      for (int64_t m = 0; m < c.rows; ++m)
        for (int64_t n = 0; n < c.columns; ++n) {
          double sum = 0;
          for (int64_t k = 0; k < c.depth; ++k)
            sum += static_cast<double>(lhs.at(b0, b1, m, k)) * rhs.at(b0, b1, k, n);
          worst = std::max(worst, std::abs(sum - result.at(b0, b1, m, n)));
        }
  EXPECT_LT(worst, 1e-4) << kernel.str() << " rows " << c.rows << " depth " << c.depth
                         << " columns " << c.columns;
  return result.data;
}

/// Compiles the kernel of `shape` and checks all cases, for all targets.
void checkAll(const MatMulShape &shape, ArrayRef<Case> cases) {
  std::vector<std::vector<float>> first;
  for (const CpuTarget &target : getFloatTargets()) {
    KernelHarness harness(target);
    std::string name = getMatMulKernel(*harness.library, shape).getName().str();
    harness.compile();
    std::vector<std::vector<float>> results;
    for (const Case &c : cases)
      results.push_back(check(harness, name, shape, c));
    if (first.empty())
      first = results;
    EXPECT_EQ(first, results) << "bits on " << target.getName().str();
  }
}

std::vector<Case> getManySizes() {
  std::vector<Case> cases;
  for (int64_t rows : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 100, 203})
    cases.push_back({1, 1, 1, 1, rows, 37, 70});
  for (int64_t columns : {1, 7, 8, 15, 16, 17, 63, 64, 65, 129})
    for (int64_t rows : {3, 14})
      cases.push_back({1, 2, 1, 2, rows, columns % 20 + 1, columns});
  cases.push_back({1, 1, 1, 1, 0, 5, 5});
  cases.push_back({1, 1, 1, 1, 5, 0, 5});
  cases.push_back({0, 3, 0, 3, 5, 4, 5});
  cases.push_back({1, 1, 1, 1, 14, 4, 0});
  return cases;
}

TEST(MatMulKernel, Sizes) { checkAll({}, getManySizes()); }

TEST(MatMulKernel, TransposedSizes) {
  MatMulShape shape;
  shape.rhsOrder = {0, 1, 3, 2};
  checkAll(shape, getManySizes());
}

TEST(MatMulKernel, Broadcasting) {
  std::vector<Case> cases;
  for (int64_t rows : {2, 8, 20})
    for (Case c : {Case{3, 2, 3, 2, 0, 0, 0}, Case{1, 2, 3, 2, 0, 0, 0}, Case{3, 1, 1, 2, 0, 0, 0},
                   Case{3, 2, 1, 1, 0, 0, 0}, Case{1, 1, 3, 1, 0, 0, 0}})
      cases.push_back({c.lhs0, c.lhs1, c.rhs0, c.rhs1, rows, 19, 33});
  checkAll({}, cases);
  MatMulShape transposed;
  transposed.rhsOrder = {0, 1, 3, 2};
  checkAll(transposed, cases);
}

TEST(MatMulKernel, StaticSizes) {
  for (int64_t columns : {1, 40, 128}) {
    MatMulShape shape;
    shape.depth = 48;
    shape.columns = columns;
    std::vector<Case> cases{{1, 2, 1, 2, 1, 48, columns}, {2, 2, 2, 2, 23, 48, columns}};
    checkAll(shape, cases);
    shape.rhsOrder = {0, 1, 3, 2};
    checkAll(shape, cases);
  }
}

/// Heads between positions and elements, as projections give them: other orders of the same dims.
TEST(MatMulKernel, Orders) {
  std::vector<Case> cases{{2, 3, 2, 3, 5, 16, 21}, {2, 3, 2, 3, 33, 20, 64}};
  MatMulShape scores;
  scores.lhsOrder = {0, 2, 1, 3};
  scores.rhsOrder = {0, 2, 3, 1};
  // Elements of the keys are contiguous: dim 2 (the contraction) is last in memory.
  ASSERT_TRUE(scores.isRhsTransposed());
  checkAll(scores, cases);
  MatMulShape mixed;
  mixed.lhsOrder = {1, 0, 3, 2};
  mixed.rhsOrder = {0, 2, 1, 3};
  ASSERT_FALSE(mixed.isRhsTransposed());
  checkAll(mixed, cases);
}

TEST(MatMulKernel, PackedWeights) {
  for (int64_t columns : {64, 24, 130}) {
    MatMulShape shape;
    shape.depth = 20;
    shape.columns = columns;
    shape.packedBatches = {1, 4};
    std::vector<Case> cases;
    for (int64_t rows : {1, 2, 5, 6, 9, 40})
      for (int64_t lhs : {1, 4})
        cases.push_back({1, lhs, 1, 4, rows, 20, columns});
    checkAll(shape, cases);
  }
}

} // namespace
