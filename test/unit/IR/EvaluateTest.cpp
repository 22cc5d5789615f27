//===- EvaluateTest.cpp - values of ops, with every attribute -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each test computes by hand what an op's operands and attributes mean. The
// mathematics itself is tested with lib/Reference.
//
//===----------------------------------------------------------------------===//

#include "OpTestSupport.h"

using namespace mlir;
using namespace mlir::compress;

using reference::expectFloats;
using reference::expectInts;
using reference::expectNear;
using reference::floats;
using reference::ints;
using reference::Tensor;

namespace {
/// `OP(operands..., rest...)` evaluated; the op must verify.
#define EVALUATE(OP, ...)                                                                          \
  [&] {                                                                                            \
    Operation *op = OP::create(w.builder, w.loc(), __VA_ARGS__);                                   \
    EXPECT_TRUE(succeeded(verify(op)));                                                            \
    SmallVector<Tensor> results = w.evaluate(op);                                                  \
    EXPECT_EQ(results.size(), op->getNumResults());                                                \
    results.resize(std::max<size_t>(results.size(), 1));                                           \
    return results;                                                                                \
  }()

TEST(Evaluate, unaryAndBinary) {
  {
    OpWorld w;
    Value x = w.operand(floats({3}, {-1, 0, 2}));
    expectFloats(EVALUATE(ReluOp, x)[0], {3}, {0, 0, 2});
  }
  {
    OpWorld w;
    Value x = w.operand(ints({2}, {1, 0}, DataType::Bool));
    expectInts(EVALUATE(NotOp, x)[0], {2}, {0, 1});
  }
  {
    OpWorld w;
    Value a = w.operand(floats({2, 1}, {1, 2})), b = w.operand(floats({2}, {10, 20}));
    expectFloats(EVALUATE(SubOp, a, b)[0], {2, 2}, {-9, -19, -8, -18});
  }
  {
    OpWorld w;
    Value a = w.operand(ints({3}, {1, 2, 3})), b = w.operand(ints({}, {2}));
    expectInts(EVALUATE(GreaterEqualOp, a, b)[0], {3}, {0, 1, 1});
  }
  {
    OpWorld w;
    Value a = w.operand(ints({2}, {1, 0}, DataType::Bool));
    Value b = w.operand(ints({2}, {1, 1}, DataType::Bool));
    expectInts(EVALUATE(XorOp, a, b)[0], {2}, {0, 1});
  }
}

TEST(Evaluate, whereTakesConditionFirst) {
  OpWorld w;
  Value c = w.operand(ints({2}, {1, 0}, DataType::Bool));
  Value a = w.operand(floats({2}, {1, 2})), b = w.operand(floats({}, {9}));
  expectFloats(EVALUATE(WhereOp, c, a, b)[0], {2}, {1, 9});
}

TEST(Evaluate, clipWithEachBound) {
  for (int mask = 0; mask < 4; ++mask) {
    OpWorld w;
    Value x = w.operand(floats({3}, {-5, 0, 5}));
    Value min = mask & 1 ? w.operand(floats({}, {-1})) : Value();
    Value max = mask & 2 ? w.operand(floats({}, {2})) : Value();
    expectFloats(EVALUATE(ClipOp, x, min, max)[0], {3},
                 {mask & 1 ? -1.0 : -5.0, 0.0, mask & 2 ? 2.0 : 5.0});
  }
}

TEST(Evaluate, activations) {
  auto one = [](double value, auto build) {
    OpWorld w;
    Value x = w.operand(floats({1}, {value}));
    return w.evaluate(build(w, x))[0].toFloats()[0];
  };
  using llvm::APFloat;
  EXPECT_NEAR(one(1, [](OpWorld &w, Value x) { return GeluOp::create(w.builder, w.loc(), x); }),
              0.8413447, 1e-6);
  EXPECT_NEAR(one(1,
                  [](OpWorld &w, Value x) {
                    return GeluOp::create(w.builder, w.loc(), x, GeluApproximation::Tanh);
                  }),
              0.8411920, 1e-6);
  EXPECT_EQ(
      one(-2, [](OpWorld &w,
                 Value x) { return LeakyReluOp::create(w.builder, w.loc(), x, APFloat(0.25f)); }),
      -0.5);
  EXPECT_NEAR(one(-1, [](OpWorld &w,
                         Value x) { return EluOp::create(w.builder, w.loc(), x, APFloat(2.0f)); }),
              2 * (std::exp(-1.0) - 1), 1e-6);
  EXPECT_EQ(one(1,
                [](OpWorld &w, Value x) {
                  return HardSigmoidOp::create(w.builder, w.loc(), x, APFloat(0.25f),
                                               APFloat(0.5f));
                }),
            0.75);
}

TEST(Evaluate, cast) {
  {
    OpWorld w;
    Value x = w.operand(floats({2}, {-1.75, 2.5}));
    Type type = w.getType(DataType::I32, {2});
    expectInts(EVALUATE(CastOp, type, x)[0], {2}, {-1, 2});
  }
  for (bool saturate : {true, false}) {
    OpWorld w;
    Value x = w.operand(floats({1}, {1000}));
    Type type = w.getType(DataType::F8E4M3FN, {1});
    double result = EVALUATE(CastOp, type, x, saturate)[0].toFloats()[0];
    if (saturate)
      EXPECT_EQ(result, 448);
    else
      EXPECT_TRUE(std::isnan(result));
  }
}

TEST(Evaluate, linear) {
  // x = [1, 2], W = [[1, 2, 3], [4, 5, 6]] as [in, out].
  for (bool isKN : {true, false})
    for (bool hasBias : {true, false}) {
      OpWorld w;
      Value x = w.operand(floats({1, 2}, {1, 2}));
      Value weight = isKN ? w.operand(floats({2, 3}, {1, 2, 3, 4, 5, 6}))
                          : w.operand(floats({3, 2}, {1, 4, 2, 5, 3, 6}));
      Value bias = hasBias ? w.operand(floats({3}, {100, 200, 300})) : Value();
      double b = hasBias ? 100 : 0;
      expectFloats(
          EVALUATE(LinearOp, x, weight, bias, isKN ? WeightLayout::KN : WeightLayout::NK)[0],
          {1, 3}, {9 + b, 12 + 2 * b, 15 + 3 * b});
    }
}

TEST(Evaluate, linearOfBytes) {
  OpWorld w;
  Value x = w.operand(ints({1, 2}, {200, 100}, DataType::U8));
  Value weight = w.operand(ints({2, 2}, {-1, 2, 3, -4}, DataType::I8));
  Value bias = w.operand(ints({2}, {1, 2}, DataType::I32));
  Tensor y = EVALUATE(LinearOp, x, weight, bias, WeightLayout::NK)[0];
  EXPECT_EQ(y.getType(), DataType::I32);
  expectInts(y, {1, 2}, {1, 202});
}

TEST(Evaluate, matmul) {
  {
    OpWorld w;
    Value a = w.operand(floats({1, 2}, {1, 2})), b = w.operand(floats({2, 2, 1}, {1, 2, 3, 4}));
    expectFloats(EVALUATE(MatMulOp, a, b)[0], {2, 1, 1}, {5, 11});
  }
  {
    OpWorld w;
    Value a = w.operand(ints({2}, {255, 2}, DataType::U8));
    Value b = w.operand(ints({2, 1}, {-2, 3}, DataType::I8));
    expectInts(EVALUATE(MatMulOp, a, b)[0], {1}, {-504});
  }
}

TEST(Evaluate, conv) {
  {
    // Stride 2, one zero before and none behind, dilation 2: positions -1, 1 and 1, 3.
    OpWorld w;
    Value x = w.operand(floats({1, 1, 4}, {1, 2, 3, 4}));
    Value weight = w.operand(floats({1, 1, 2}, {10, 1})), bias = w.operand(floats({1}, {0.5}));
    expectFloats(EVALUATE(ConvOp, x, weight, bias, ArrayRef<int64_t>{2}, ArrayRef<int64_t>({1, 0}),
                          ArrayRef<int64_t>{2})[0],
                 {1, 1, 2}, {2.5, 24.5});
  }
  {
    // Two groups of one channel each.
    OpWorld w;
    Value x = w.operand(floats({1, 2, 1}, {3, 5})), weight = w.operand(floats({2, 1, 1}, {2, 7}));
    expectFloats(EVALUATE(ConvOp, x, weight, Value(), ArrayRef<int64_t>{1},
                          ArrayRef<int64_t>({0, 0}), ArrayRef<int64_t>{1}, 2)[0],
                 {1, 2, 1}, {6, 35});
  }
  {
    OpWorld w;
    Value x = w.operand(ints({1, 1, 2}, {200, 3}, DataType::U8));
    Value weight = w.operand(ints({1, 1, 1}, {-2}, DataType::I8));
    Value bias = w.operand(ints({1}, {1}, DataType::I32));
    expectInts(EVALUATE(ConvOp, x, weight, bias, ArrayRef<int64_t>{1}, ArrayRef<int64_t>({0, 0}),
                        ArrayRef<int64_t>{1})[0],
               {1, 1, 2}, {-399, -5});
  }
}

TEST(Evaluate, convTranspose) {
  // Stride 2 puts [1, 2] * [10, 1] at 0 and 2; one element is cut in front, one is added behind.
  OpWorld w;
  Value x = w.operand(floats({1, 1, 2}, {1, 2})), weight = w.operand(floats({1, 1, 2}, {10, 1}));
  Value bias = w.operand(floats({1}, {0.5}));
  expectFloats(EVALUATE(ConvTransposeOp, x, weight, bias, ArrayRef<int64_t>{2},
                        ArrayRef<int64_t>({1, 0}), ArrayRef<int64_t>{1}, ArrayRef<int64_t>{1})[0],
               {1, 1, 4}, {1.5, 20.5, 2.5, 0.5});
}

TEST(Evaluate, embeddingCountsFromTheEnd) {
  OpWorld w;
  Value table = w.operand(floats({3, 2}, {1, 2, 3, 4, 5, 6}));
  Value indices = w.operand(ints({2}, {-1, 0}));
  expectFloats(EVALUATE(EmbeddingOp, table, indices)[0], {2, 2}, {5, 6, 1, 2});
}

TEST(Evaluate, pool) {
  struct Case {
    PoolKind kind;
    bool ceilMode, countPad;
    SmallVector<double> expected;
  };
  // Windows of 2 with stride 2 and one padded element in front of [1, 2, 4, 8]: (1), (2, 4), (8).
  for (const Case &c :
       {Case{PoolKind::Max, false, false, {1, 4}}, Case{PoolKind::Max, true, false, {1, 4, 8}},
        Case{PoolKind::Average, true, false, {1, 3, 8}},
        Case{PoolKind::Average, false, true, {0.5, 3}}}) {
    OpWorld w;
    Value x = w.operand(floats({1, 1, 4}, {1, 2, 4, 8}));
    expectFloats(EVALUATE(PoolOp, x, c.kind, ArrayRef<int64_t>{2}, ArrayRef<int64_t>{2},
                          ArrayRef<int64_t>({1, 0}), ArrayRef<int64_t>{1}, c.ceilMode,
                          c.countPad)[0],
                 {1, 1, int64_t(c.expected.size())}, c.expected);
  }
}

TEST(Evaluate, normalization) {
  using llvm::APFloat;
  {
    // Mean 2, variance 1.
    OpWorld w;
    Value x = w.operand(floats({1, 2}, {1, 3})), s = w.operand(floats({2}, {2, 4}));
    Value b = w.operand(floats({2}, {10, 20}));
    expectFloats(EVALUATE(LayerNormOp, x, s, b, 1, APFloat(0.0f))[0], {1, 2}, {8, 24});
  }
  {
    OpWorld w;
    Value x = w.operand(floats({1, 2}, {3, 5})), s = w.operand(floats({2}, {2, 1}));
    Value b = w.operand(floats({2}, {10, 20})), m = w.operand(floats({2}, {1, 2}));
    Value v = w.operand(floats({2}, {3, 8}));
    expectFloats(EVALUATE(BatchNormOp, x, s, b, m, v, APFloat(1.0f))[0], {1, 2}, {12, 21});
  }
  {
    OpWorld w;
    Value x = w.operand(floats({2, 1}, {0, std::log(3.0)}));
    expectNear(EVALUATE(SoftmaxOp, x, 0)[0], {2, 1}, {0.25, 0.75});
  }
  {
    OpWorld w;
    Value x = w.operand(floats({1, 2}, {0, std::log(3.0)}));
    expectNear(EVALUATE(LogSoftmaxOp, x, 1)[0], {1, 2}, {std::log(0.25), std::log(0.75)});
  }
}

TEST(Evaluate, reduceKinds) {
  std::pair<ReduceKind, double> cases[] = {
      {ReduceKind::Sum, 6},
      {ReduceKind::Mean, 2},
      {ReduceKind::Max, 4},
      {ReduceKind::Min, -1},
      {ReduceKind::Prod, -12},
      {ReduceKind::SumSquare, 26},
      {ReduceKind::L1, 8},
      {ReduceKind::L2, std::sqrt(26.0)},
      {ReduceKind::LogSum, std::log(6.0)},
      {ReduceKind::LogSumExp, std::log(std::exp(3.0) + std::exp(4.0) + std::exp(-1.0))}};
  for (auto [kind, expected] : cases) {
    OpWorld w;
    Value x = w.operand(floats({1, 3}, {3, 4, -1}));
    expectNear(EVALUATE(ReduceOp, x, kind, ArrayRef<int64_t>{1})[0], {1, 1}, {expected});
  }
  OpWorld w;
  Value x = w.operand(floats({1, 3}, {3, 4, -1}));
  expectFloats(EVALUATE(ReduceOp, x, ReduceKind::Sum, ArrayRef<int64_t>{0}, false)[0], {3},
               {3, 4, -1});
}

TEST(Evaluate, search) {
  for (bool last : {false, true}) {
    OpWorld w;
    Value x = w.operand(floats({1, 3}, {4, 1, 4}));
    expectInts(EVALUATE(ArgMaxOp, x, 1, /*keepdims=*/false, last)[0], {1}, {last ? 2 : 0});
  }
  for (bool largest : {false, true}) {
    OpWorld w;
    Value x = w.operand(floats({3}, {4, 1, 3})), k = w.constant(2);
    SmallVector<Tensor> results = EVALUATE(TopKOp, x, k, 0, largest);
    ASSERT_EQ(results.size(), 2u);
    if (largest) {
      expectFloats(results[0], {2}, {4, 3});
      expectInts(results[1], {2}, {0, 2});
    } else {
      expectFloats(results[0], {2}, {1, 3});
      expectInts(results[1], {2}, {1, 2});
    }
  }
  OpWorld w;
  Value x = w.operand(floats({3}, {1, 2, 4}));
  expectFloats(EVALUATE(CumSumOp, x, 0, /*exclusive=*/true, /*reverse=*/true)[0], {3}, {6, 4, 0});
}
} // namespace
