//===- ReduceTest.cpp - tests of reductions and search ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::SmallVector;

static constexpr double kInf = std::numeric_limits<double>::infinity();
static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(ReduceTest, KindsOnASmallMatrix) {
  Tensor x = floats({2, 3}, {1, -2, 3, 4, 5, -6});
  int64_t axes[] = {1};
  auto run = [&](ReduceKind kind) { return get(reduce(kind, x, llvm::ArrayRef(axes), false)); };
  expectFloats(run(ReduceKind::Sum), {2}, {2, 3});
  expectNear(run(ReduceKind::Mean), {2}, {2.0 / 3, 1});
  expectFloats(run(ReduceKind::Max), {2}, {3, 5});
  expectFloats(run(ReduceKind::Min), {2}, {-2, -6});
  expectFloats(run(ReduceKind::Prod), {2}, {-6, -120});
  expectFloats(run(ReduceKind::SumSquare), {2}, {14, 77});
  expectFloats(run(ReduceKind::L1), {2}, {6, 15});
  expectNear(run(ReduceKind::L2), {2}, {std::sqrt(14.0), std::sqrt(77.0)});
  expectNear(run(ReduceKind::LogSum), {2}, {std::log(2.0), std::log(3.0)});
  expectNear(run(ReduceKind::LogSumExp), {2},
             {std::log(std::exp(1) + std::exp(-2) + std::exp(3)),
              std::log(std::exp(4) + std::exp(5) + std::exp(-6))});
}

TEST(ReduceTest, AxesAndKeepDims) {
  Tensor x = pattern({2, 3, 4});
  int64_t both[] = {0, -1}, repeated[] = {0, -3}, outside[] = {3};
  expectShape(get(reduce(ReduceKind::Sum, x, llvm::ArrayRef(both), true)), {1, 3, 1});
  expectShape(get(reduce(ReduceKind::Sum, x, llvm::ArrayRef(both), false)), {3});
  expectShape(get(reduce(ReduceKind::Sum, x, std::nullopt, false)), {});
  expectShape(get(reduce(ReduceKind::Sum, x, std::nullopt, true)), {1, 1, 1});
  // No axes: every element is a set of one, and the function still applies.
  expectIdentical(get(reduce(ReduceKind::SumSquare, x, llvm::ArrayRef<int64_t>(), false)),
                  get(mul(x, x)));
  EXPECT_NE(getError(reduce(ReduceKind::Sum, x, llvm::ArrayRef(repeated), true)).find("repeated"),
            std::string::npos);
  EXPECT_EQ(getError(reduce(ReduceKind::Sum, x, llvm::ArrayRef(outside), true)),
            "reduce sum: axis 3 is out of range for rank 3");
}

TEST(ReduceTest, EmptySets) {
  Tensor x = get(Tensor::create(DataType::F32, {2, 0}));
  int64_t axes[] = {1};
  auto run = [&](ReduceKind kind, const Tensor &value) {
    return get(reduce(kind, value, llvm::ArrayRef(axes), false));
  };
  expectFloats(run(ReduceKind::Sum, x), {2}, {0, 0});
  expectFloats(run(ReduceKind::Prod, x), {2}, {1, 1});
  expectFloats(run(ReduceKind::Max, x), {2}, {-kInf, -kInf});
  expectFloats(run(ReduceKind::Min, x), {2}, {kInf, kInf});
  expectFloats(run(ReduceKind::Mean, x), {2}, {kNan, kNan});
  expectFloats(run(ReduceKind::LogSum, x), {2}, {-kInf, -kInf});
  expectFloats(run(ReduceKind::LogSumExp, x), {2}, {-kInf, -kInf});
  Tensor i = get(Tensor::create(DataType::I8, {1, 0}));
  expectInts(run(ReduceKind::Max, i), {1}, {-128});
  expectInts(run(ReduceKind::Min, i), {1}, {127});
  EXPECT_EQ(getError(reduce(ReduceKind::Mean, i, llvm::ArrayRef(axes), false)),
            "reduce mean: mean of no integers");
  Tensor b = get(Tensor::create(DataType::Bool, {1, 0}));
  expectInts(run(ReduceKind::Max, b), {1}, {0});
  expectInts(run(ReduceKind::Min, b), {1}, {1});
}

TEST(ReduceTest, SpecialValues) {
  Tensor x = floats({3, 2}, {kNan, 1, kInf, kInf, -kInf, -kInf});
  int64_t axes[] = {1};
  expectFloats(get(reduce(ReduceKind::Max, x, llvm::ArrayRef(axes), false)), {3},
               {kNan, kInf, -kInf});
  expectFloats(get(reduce(ReduceKind::LogSumExp, x, llvm::ArrayRef(axes), false)), {3},
               {kNan, kInf, -kInf});
  // Large values do not overflow.
  expectNear(get(reduce(ReduceKind::LogSumExp, floats({2}, {1000, 1000}), std::nullopt, false)), {},
             {1000 + std::log(2.0)});
  expectInts(get(reduce(ReduceKind::Mean, ints({2}, {-3, 0}), std::nullopt, false)), {}, {-1});
  expectInts(get(reduce(ReduceKind::Sum, ints({2}, {127, 1}, DataType::I8), std::nullopt, false)),
             {}, {-128});
}

TEST(ReduceTest, SumMatchesASlicedSum) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 40; ++i) {
    Tensor x = randomTensor(random, DataType::F64, randomShape(random, 3));
    int64_t axis = static_cast<int64_t>(random() % 3);
    int64_t axes[] = {axis};
    Tensor sum = get(reduce(ReduceKind::Sum, x, llvm::ArrayRef(axes), true));
    SmallVector<int64_t> shape(x.getShape());
    shape[axis] = 1;
    Tensor expected = get(Tensor::create(DataType::F64, shape));
    for (int64_t k = 0; k < x.getDim(axis); ++k)
      expected = get(add(expected, get(slice(x, {k}, {k + 1}, axes))));
    expectIdentical(sum, expected);
  }
}

TEST(ReduceTest, ArgMaxAndArgMin) {
  Tensor x = floats({2, 4}, {1, 3, 3, 2, kNan, 9, kNan, -1});
  expectInts(get(argMax(x, 1, false)), {2}, {1, 0});
  expectInts(get(argMax(x, -1, true, true)), {2, 1}, {2, 2});
  expectInts(get(argMin(x, 1, false)), {2}, {0, 0});
  expectInts(get(argMin(x, 0, false)), {4}, {1, 0, 1, 1});
  expectInts(get(argMax(ints({2}, {-1, 1}, DataType::U64), 0, false)), {}, {0});
  Tensor empty = get(Tensor::create(DataType::F32, {2, 0}));
  EXPECT_NE(getError(argMax(empty, 1, false)).find("has no elements"), std::string::npos);
  expectInts(get(argMax(empty, 0, false)), {0}, {});
}

TEST(ReduceTest, TopK) {
  TopKResult top = get(topK(pattern({2, 5}), 3, 1));
  expectFloats(top.values, {2, 3}, {0.75, -0.125, -0.375, 1.375, 1.125, 0.5});
  expectInts(top.indices, {2, 3}, {2, 1, 4, 1, 4, 0});
  TopKResult ties = get(topK(ints({4}, {1, 2, 2, 1}), 4, 0));
  expectInts(ties.indices, {4}, {1, 2, 0, 3});
  TopKResult least = get(topK(floats({4}, {kNan, 2, -1, 2}), 4, 0, false));
  expectInts(least.indices, {4}, {2, 1, 3, 0});
  expectInts(get(topK(ints({4}, {1, 2, 2, 1}), 0, 0)).indices, {0}, {});
  EXPECT_EQ(getError(topK(ints({1}, {1}), 2, 0)), "top_k: k is 2, expected 0 to 1");
}

TEST(ReduceTest, CumSum) {
  Tensor x = ints({2, 3}, {1, 2, 3, 4, 5, 6});
  expectInts(get(cumSum(x, 1)), {2, 3}, {1, 3, 6, 4, 9, 15});
  expectInts(get(cumSum(x, 0)), {2, 3}, {1, 2, 3, 5, 7, 9});
  expectInts(get(cumSum(x, 1, true)), {2, 3}, {0, 1, 3, 0, 4, 9});
  expectInts(get(cumSum(x, 1, false, true)), {2, 3}, {6, 5, 3, 15, 11, 6});
  expectInts(get(cumSum(x, -1, true, true)), {2, 3}, {5, 3, 0, 11, 6, 0});
  EXPECT_NE(getError(cumSum(Tensor::scalarInt(DataType::I64, 1), 0)).find("rank 0"),
            std::string::npos);
}
