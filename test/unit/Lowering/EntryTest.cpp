//===- EntryTest.cpp - from tensors to a running entry function -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EntryHarness.h"
#include <numeric>

using namespace mlir::compress::test;
using Floats = HostArray<float>;
using Ints = HostArray<int64_t>;

/// 0, 1, 2, ... in the given shape.
static Floats iota(std::vector<int64_t> sizes) {
  int64_t count =
      std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<int64_t>());
  Floats array = {std::move(sizes), std::vector<float>(count)};
  std::iota(array.data.begin(), array.data.end(), 0.0f);
  return array;
}

static Floats map(Floats array, llvm::function_ref<float(float)> function) {
  for (float &value : array.data)
    value = function(value);
  return array;
}

/// y = x * w, rows in parallel.
static const char *const kernel = R"(
  func.func private @kernel(%x: memref<?x4xf32, strided<[?, 1], offset: ?>>, %w: memref<4x3xf32>,
                            %y: memref<?x3xf32, strided<[?, 1], offset: ?>>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant 0.0 : f32
    %m = memref.dim %x, %c0 : memref<?x4xf32, strided<[?, 1], offset: ?>>
    scf.parallel (%i, %j) = (%c0, %c0) to (%m, %c3) step (%c1, %c1) {
      %s = scf.for %k = %c0 to %c4 step %c1 iter_args(%a = %zero) -> f32 {
        %p = memref.load %x[%i, %k] : memref<?x4xf32, strided<[?, 1], offset: ?>>
        %q = memref.load %w[%k, %j] : memref<4x3xf32>
        %r = arith.mulf %p, %q : f32
        %t = arith.addf %a, %r : f32
        scf.yield %t : f32
      }
      memref.store %s, %y[%i, %j] : memref<?x3xf32, strided<[?, 1], offset: ?>>
    }
    return
  }
)";

static Floats matmul(const Floats &x, const Floats &w) {
  int64_t m = x.sizes[0], k = x.sizes[1], n = w.sizes[1];
  Floats y = {{m, n}, std::vector<float>(m * n)};
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < k; ++l)
        y.data[i * n + j] += x.data[i * k + l] * w.data[l * n + j];
  return y;
}

TEST(Entry, StaticElementwise) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %e = tensor.empty() : tensor<2x3xf32>
      %y = linalg.add ins(%x, %x : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
      return %y : tensor<2x3xf32>
    })");
  ASSERT_TRUE(model.run(iota({2, 3})));
  EXPECT_EQ(model.take<float>(0), map(iota({2, 3}), [](float x) { return x + x; }));
  // The result is written into the caller's memory.
  EXPECT_EQ(model.getPlan("arena"), 0);
  EXPECT_EQ(model.getPlan("buffers"), 0);
}

TEST(Entry, KernelBetweenGlue) {
  EntryHarness model(std::string(kernel) + R"(
    func.func @main(%x: tensor<?x4xf32>, %w: tensor<4x3xf32> {compress.weight = @w}) -> tensor<1x?x3xf32> {
      %c0 = arith.constant 0 : index
      %m = tensor.dim %x, %c0 : tensor<?x4xf32>
      %e0 = tensor.empty(%m) : tensor<?x4xf32>
      %a = linalg.exp ins(%x : tensor<?x4xf32>) outs(%e0 : tensor<?x4xf32>) -> tensor<?x4xf32>
      %e1 = tensor.empty(%m) : tensor<?x3xf32>
      %k = compress.kernel_call @kernel ins(%a, %w : tensor<?x4xf32>, tensor<4x3xf32>) outs(%e1 : tensor<?x3xf32>) -> tensor<?x3xf32>
      %y = tensor.expand_shape %k [[0, 1], [2]] output_shape [1, %m, 3] : tensor<?x3xf32> into tensor<1x?x3xf32>
      return %y : tensor<1x?x3xf32>
    })");
  Floats w = {{4, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  model.weights = {w.data.data()};
  EXPECT_EQ(model.getPlan("slots"), 1);
  EXPECT_EQ(model.getPlan("heap"), 0);
  for (int64_t m : {1, 5, 0, 17, 3}) {
    Floats x = map(iota({m, 4}), [](float x) { return x * 0.01f; });
    ASSERT_TRUE(model.run(x)) << model.getError();
    Floats expected = matmul(map(x, [](float x) { return std::exp(x); }), w);
    expected.sizes.insert(expected.sizes.begin(), 1);
    Floats found = model.take<float>(0);
    ASSERT_EQ(found.sizes, expected.sizes);
    for (size_t i = 0; i < found.data.size(); ++i)
      EXPECT_NEAR(found.data[i], expected.data[i], 1e-4);
  }
}

TEST(Entry, OutputsThatAreNoAllocations) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<2xf32>, tensor<f32>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?xf32>
      %e = tensor.empty(%n) : tensor<?xf32>
      %y = linalg.negf ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %part = tensor.extract_slice %y[1] [2] [1] : tensor<?xf32> to tensor<2xf32>
      %c = arith.constant dense<2.5> : tensor<f32>
      return %x, %y, %y, %part, %c : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<2xf32>, tensor<f32>
    })");
  ASSERT_TRUE(model.run(iota({5})));
  EXPECT_EQ(model.take<float>(0), iota({5}));
  EXPECT_EQ(model.take<float>(1), map(iota({5}), [](float x) { return -x; }));
  EXPECT_EQ(model.take<float>(2), map(iota({5}), [](float x) { return -x; }));
  EXPECT_EQ(model.take<float>(3), (Floats{{2}, {-1, -2}}));
  EXPECT_EQ(model.take<float>(4), (Floats{{}, {2.5}}));
}

TEST(Entry, InputsAreNotWritten) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<4xf32>, %i: tensor<i64>) -> (tensor<4xf32>, tensor<4xf32>) {
      %v = arith.constant 9.0 : f32
      %c1 = arith.constant 1 : index
      %y = tensor.insert %v into %x[%c1] : tensor<4xf32>
      return %y, %x : tensor<4xf32>, tensor<4xf32>
    })");
  Floats x = iota({4});
  Ints i = {{}, {0}};
  ASSERT_TRUE(model.run(x, i));
  EXPECT_EQ(x, iota({4}));
  EXPECT_EQ(model.take<float>(0), (Floats{{4}, {0, 9, 2, 3}}));
  EXPECT_EQ(model.take<float>(1), iota({4}));
}

TEST(Entry, ArenaReachesThePeak) {
  // Four matrices in a row, of which two are alive at a time; the last is the output.
  EntryHarness model(R"(
    func.func @main(%x: tensor<8x16xf32>) -> tensor<8x16xf32> {
      %e = tensor.empty() : tensor<8x16xf32>
      %t = tensor.empty() : tensor<16x8xf32>
      %zero = arith.constant 0.0 : f32
      %f0 = linalg.fill ins(%zero : f32) outs(%e : tensor<8x16xf32>) -> tensor<8x16xf32>
      %sq = tensor.empty() : tensor<16x16xf32>
      %fs = linalg.fill ins(%zero : f32) outs(%sq : tensor<16x16xf32>) -> tensor<16x16xf32>
      %xt = linalg.transpose ins(%x : tensor<8x16xf32>) outs(%t : tensor<16x8xf32>) permutation = [1, 0]
      %g = linalg.matmul ins(%xt, %x : tensor<16x8xf32>, tensor<8x16xf32>) outs(%fs : tensor<16x16xf32>) -> tensor<16x16xf32>
      %a = linalg.matmul ins(%x, %g : tensor<8x16xf32>, tensor<16x16xf32>) outs(%f0 : tensor<8x16xf32>) -> tensor<8x16xf32>
      %b = linalg.matmul ins(%a, %g : tensor<8x16xf32>, tensor<16x16xf32>) outs(%f0 : tensor<8x16xf32>) -> tensor<8x16xf32>
      %c = linalg.matmul ins(%b, %g : tensor<8x16xf32>, tensor<16x16xf32>) outs(%f0 : tensor<8x16xf32>) -> tensor<8x16xf32>
      %d = linalg.matmul ins(%c, %g : tensor<8x16xf32>, tensor<16x16xf32>) outs(%f0 : tensor<8x16xf32>) -> tensor<8x16xf32>
      return %d : tensor<8x16xf32>
    })");
  EXPECT_EQ(model.getPlan("arena"), model.getPlan("peak"));
  EXPECT_EQ(model.getPlan("peak"), (16 * 16 + 2 * 8 * 16) * 4);
  EXPECT_EQ(model.getPlan("total"), (16 * 16 + 3 * 8 * 16) * 4);
  Floats x = map(iota({8, 16}), [](float x) { return static_cast<float>(int(x) % 3 - 1); });
  Floats xt = {{16, 8}, std::vector<float>(128)};
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 16; ++j)
      xt.data[j * 8 + i] = x.data[i * 16 + j];
  Floats g = matmul(xt, x);
  ASSERT_TRUE(model.run(x));
  EXPECT_EQ(model.take<float>(0), matmul(matmul(matmul(matmul(x, g), g), g), g));
}

TEST(Entry, ConcatOfKernelResultsHasNoCopies) {
  EntryHarness model(std::string(kernel) + R"(
    func.func @main(%x: tensor<?x4xf32>, %w: tensor<4x3xf32> {compress.weight = @w}) -> tensor<?x6xf32> {
      %c0 = arith.constant 0 : index
      %m = tensor.dim %x, %c0 : tensor<?x4xf32>
      %e0 = tensor.empty(%m) : tensor<?x3xf32>
      %a = compress.kernel_call @kernel ins(%x, %w : tensor<?x4xf32>, tensor<4x3xf32>) outs(%e0 : tensor<?x3xf32>) -> tensor<?x3xf32>
      %e1 = tensor.empty(%m) : tensor<?x4xf32>
      %x2 = linalg.add ins(%x, %x : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e1 : tensor<?x4xf32>) -> tensor<?x4xf32>
      %e2 = tensor.empty(%m) : tensor<?x3xf32>
      %b = compress.kernel_call @kernel ins(%x2, %w : tensor<?x4xf32>, tensor<4x3xf32>) outs(%e2 : tensor<?x3xf32>) -> tensor<?x3xf32>
      %y = tensor.concat dim(1) %a, %b : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x6xf32>
      return %y : tensor<?x6xf32>
    })");
  // Only the doubled input.
  EXPECT_EQ(model.getPlan("buffers"), 1);
  Floats w = map(iota({4, 3}), [](float x) { return x - 5; }), x = iota({3, 4});
  model.weights = {w.data.data()};
  ASSERT_TRUE(model.run(x));
  Floats half = matmul(x, w), found = model.take<float>(0);
  ASSERT_EQ(found.sizes, (std::vector<int64_t>{3, 6}));
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 6; ++j)
      EXPECT_EQ(found.data[i * 6 + j], half.data[i * 3 + j % 3] * (j < 3 ? 1 : 2));
}

//===----------------------------------------------------------------------===//
// Control flow and sizes that depend on data
//===----------------------------------------------------------------------===//

TEST(Entry, LoopCarriesStaticValuesInPlace) {
  // Fibonacci on vectors: the two carried values swap places.
  EntryHarness model(R"(
    func.func @main(%x: tensor<3xf32>, %n: tensor<i64>) -> (tensor<3xf32>, tensor<3xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %v = tensor.extract %n[] : tensor<i64>
      %count = arith.index_cast %v : i64 to index
      %r:2 = scf.for %i = %c0 to %count step %c1 iter_args(%a = %x, %b = %x) -> (tensor<3xf32>, tensor<3xf32>) {
        %e = tensor.empty() : tensor<3xf32>
        %s = linalg.add ins(%a, %b : tensor<3xf32>, tensor<3xf32>) outs(%e : tensor<3xf32>) -> tensor<3xf32>
        scf.yield %b, %s : tensor<3xf32>, tensor<3xf32>
      }
      return %r#0, %r#1 : tensor<3xf32>, tensor<3xf32>
    })");
  EXPECT_EQ(model.getPlan("heap"), 0);
  Floats x = {{3}, {1, 2, 3}};
  for (int64_t n : {0, 1, 5}) {
    Ints count = {{}, {n}};
    ASSERT_TRUE(model.run(x, count));
    float a = 1, b = 1;
    for (int64_t i = 0; i < n; ++i)
      std::tie(a, b) = std::pair(b, a + b);
    EXPECT_EQ(model.take<float>(0), map(x, [&](float v) { return v * a; }));
    EXPECT_EQ(model.take<float>(1), map(x, [&](float v) { return v * b; }));
  }
}

TEST(Entry, LoopGrowsAValue) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<2xf32>, %n: tensor<i64>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %v = tensor.extract %n[] : tensor<i64>
      %count = arith.index_cast %v : i64 to index
      %none = tensor.empty(%c0) : tensor<?xf32>
      %r = scf.for %i = %c0 to %count step %c1 iter_args(%a = %none) -> tensor<?xf32> {
        %size = tensor.dim %a, %c0 : tensor<?xf32>
        %grown = arith.addi %size, %c2 : index
        %e = tensor.empty(%grown) : tensor<?xf32>
        %p = tensor.insert_slice %a into %e[0] [%size] [1] : tensor<?xf32> into tensor<?xf32>
        %q = tensor.insert_slice %x into %p[%size] [2] [1] : tensor<2xf32> into tensor<?xf32>
        scf.yield %q : tensor<?xf32>
      }
      return %r : tensor<?xf32>
    })");
  for (int64_t n : {0, 1, 4}) {
    Floats expected = {{2 * n}, {}};
    for (int64_t i = 0; i < n; ++i)
      expected.data.insert(expected.data.end(), {0, 1});
    Ints count = {{}, {n}};
    ASSERT_TRUE(model.run(iota({2}), count));
    EXPECT_EQ(model.take<float>(0), expected);
  }
}

TEST(Entry, WhileLoopGrowsAValue) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<1xf32>, %limit: tensor<i64>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %l = tensor.extract %limit[] : tensor<i64>
      %count = arith.index_cast %l : i64 to index
      %first = tensor.cast %x : tensor<1xf32> to tensor<?xf32>
      %r = scf.while (%a = %first) : (tensor<?xf32>) -> tensor<?xf32> {
        %size = tensor.dim %a, %c0 : tensor<?xf32>
        %go = arith.cmpi slt, %size, %count : index
        scf.condition(%go) %a : tensor<?xf32>
      } do {
      ^bb0(%b: tensor<?xf32>):
        %y = tensor.concat dim(0) %b, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
        scf.yield %y : tensor<?xf32>
      }
      return %r : tensor<?xf32>
    })");
  for (auto [limit, size] : {std::pair(1, 1), std::pair(2, 2), std::pair(9, 16)}) {
    Ints count = {{}, {limit}};
    ASSERT_TRUE(model.run(Floats{{1}, {7}}, count));
    EXPECT_EQ(model.take<float>(0), (Floats{{size}, std::vector<float>(size, 7)}));
  }
}

TEST(Entry, Branch) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<?xf32>, %c: tensor<i1>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?xf32>
      %cond = tensor.extract %c[] : tensor<i1>
      %r = scf.if %cond -> tensor<?xf32> {
        %e = tensor.empty(%n) : tensor<?xf32>
        %y = linalg.negf ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
        scf.yield %y : tensor<?xf32>
      } else {
        scf.yield %x : tensor<?xf32>
      }
      return %r : tensor<?xf32>
    })");
  HostArray<char> yes = {{}, {1}}, no = {{}, {0}};
  ASSERT_TRUE(model.run(iota({4}), yes));
  EXPECT_EQ(model.take<float>(0), map(iota({4}), [](float x) { return -x; }));
  ASSERT_TRUE(model.run(iota({4}), no));
  EXPECT_EQ(model.take<float>(0), iota({4}));
}

TEST(Entry, WhileLoop) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<2xf32>, %limit: tensor<f32>) -> tensor<2xf32> {
      %c1 = arith.constant 1 : index
      %l = tensor.extract %limit[] : tensor<f32>
      %r = scf.while (%a = %x) : (tensor<2xf32>) -> tensor<2xf32> {
        %v = tensor.extract %a[%c1] : tensor<2xf32>
        %go = arith.cmpf olt, %v, %l : f32
        scf.condition(%go) %a : tensor<2xf32>
      } do {
      ^bb0(%b: tensor<2xf32>):
        %e = tensor.empty() : tensor<2xf32>
        %s = linalg.add ins(%b, %b : tensor<2xf32>, tensor<2xf32>) outs(%e : tensor<2xf32>) -> tensor<2xf32>
        scf.yield %s : tensor<2xf32>
      }
      return %r : tensor<2xf32>
    })");
  Floats x = {{2}, {1, 3}}, limit = {{}, {20}};
  ASSERT_TRUE(model.run(x, limit));
  EXPECT_EQ(model.take<float>(0), (Floats{{2}, {8, 24}}));
  EXPECT_EQ(x, (Floats{{2}, {1, 3}}));
}

TEST(Entry, SizeFromData) {
  EntryHarness model(R"(
    func.func @main(%n: tensor<i64>) -> (tensor<?xf32>, tensor<f32>) {
      %c0 = arith.constant 0 : index
      %v = tensor.extract %n[] : tensor<i64>
      %size = arith.index_cast %v : i64 to index
      %ok = arith.cmpi sge, %size, %c0 : index
      cf.assert %ok, "negative size"
      %e = tensor.empty(%size) : tensor<?xf32>
      %two = arith.constant 2.0 : f32
      %a = linalg.fill ins(%two : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %t = tensor.empty(%size) : tensor<?xf32>
      %b = linalg.exp ins(%a : tensor<?xf32>) outs(%t : tensor<?xf32>) -> tensor<?xf32>
      %zero = arith.constant 0.0 : f32
      %s0 = tensor.empty() : tensor<f32>
      %s1 = linalg.fill ins(%zero : f32) outs(%s0 : tensor<f32>) -> tensor<f32>
      %s = linalg.reduce ins(%a : tensor<?xf32>) outs(%s1 : tensor<f32>) dimensions = [0] (%p: f32, %q: f32) {
        %u = arith.addf %p, %q : f32
        linalg.yield %u : f32
      }
      return %b, %s : tensor<?xf32>, tensor<f32>
    })");
  for (int64_t n : {3, 0, 1000}) {
    Ints size = {{}, {n}};
    ASSERT_TRUE(model.run(size));
    // The size is read from the input at the top.
    EXPECT_EQ(model.getPlan("heap"), 0);
    Floats y = model.take<float>(0);
    ASSERT_EQ(y.sizes, std::vector<int64_t>{n});
    for (float value : y.data)
      EXPECT_FLOAT_EQ(value, std::exp(2.0f));
    EXPECT_EQ(model.take<float>(1), (Floats{{}, {2.0f * n}}));
  }
  Ints negative = {{}, {-5}}, huge = {{}, {int64_t(1) << 61}};
  EXPECT_FALSE(model.run(negative));
  EXPECT_EQ(model.getError(), "negative size");
  EXPECT_FALSE(model.run(huge));
  EXPECT_NE(model.getError(), "");
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// Row-wise sums of exp(x), then x / sum: enough work for threads when there are many rows.
static const char *const softmax = R"(
  #id = affine_map<(d0, d1) -> (d0, d1)>
  #row = affine_map<(d0, d1) -> (d0)>
  func.func @main(%x: tensor<?x500xf32>) -> (tensor<?x500xf32>, tensor<500xf32>) {
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %n = tensor.dim %x, %c0 : tensor<?x500xf32>
    %e = tensor.empty(%n) : tensor<?x500xf32>
    %a = linalg.exp ins(%x : tensor<?x500xf32>) outs(%e : tensor<?x500xf32>) -> tensor<?x500xf32>
    %s0 = tensor.empty(%n) : tensor<?xf32>
    %s1 = linalg.fill ins(%zero : f32) outs(%s0 : tensor<?xf32>) -> tensor<?xf32>
    %s = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%a : tensor<?x500xf32>) outs(%s1 : tensor<?xf32>) {
    ^bb0(%p: f32, %q: f32):
      %r = arith.addf %p, %q fastmath<reassoc> : f32
      linalg.yield %r : f32
    } -> tensor<?xf32>
    %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%a, %s : tensor<?x500xf32>, tensor<?xf32>) outs(%e : tensor<?x500xf32>) {
    ^bb0(%p: f32, %q: f32, %o: f32):
      %r = arith.divf %p, %q : f32
      linalg.yield %r : f32
    } -> tensor<?x500xf32>
    %t0 = tensor.empty() : tensor<500xf32>
    %t1 = linalg.fill ins(%zero : f32) outs(%t0 : tensor<500xf32>) -> tensor<500xf32>
    %t = linalg.reduce ins(%y : tensor<?x500xf32>) outs(%t1 : tensor<500xf32>) dimensions = [0] (%p: f32, %q: f32) {
      %u = arith.addf %p, %q : f32
      linalg.yield %u : f32
    }
    return %y, %t : tensor<?x500xf32>, tensor<500xf32>
  })";

TEST(Entry, ThreadsDoNotChangeResults) {
  EntryHarness one(softmax, 1), four(softmax, 4);
  for (int64_t rows : {1, 7, 1000}) {
    Floats x = map(iota({rows, 500}), [](float x) { return std::fmod(x * 0.37f, 5.0f); });
    ASSERT_TRUE(one.run(x));
    Floats y = one.take<float>(0), sums = one.take<float>(1);
    ASSERT_EQ(y.sizes, x.sizes);
    for (int64_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (int64_t i = 0; i < 500; ++i)
        sum += std::exp(static_cast<double>(x.data[row * 500 + i]));
      for (int64_t i = 0; i < 500; ++i)
        ASSERT_NEAR(y.data[row * 500 + i], std::exp(x.data[row * 500 + i]) / sum, 1e-7);
    }
    for (int repeat = 0; repeat < 3; ++repeat) {
      ASSERT_TRUE(four.run(x));
      EXPECT_EQ(four.take<float>(0), y);
      EXPECT_EQ(four.take<float>(1), sums);
    }
  }
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

TEST(Entry, FailedCheckStopsTheRun) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<4xf32>, %i: tensor<i64>) -> tensor<f32> {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      %v = tensor.extract %i[] : tensor<i64>
      %index = arith.index_cast %v : i64 to index
      %low = arith.cmpi sge, %index, %c0 : index
      %high = arith.cmpi slt, %index, %c4 : index
      %ok = arith.andi %low, %high : i1
      cf.assert %ok, "index out of range"
      %y = tensor.extract %x[%index] : tensor<4xf32>
      %r = tensor.from_elements %y : tensor<f32>
      return %r : tensor<f32>
    })");
  Ints good = {{}, {2}}, bad = {{}, {int64_t(1) << 40}};
  ASSERT_TRUE(model.run(iota({4}), good));
  EXPECT_EQ(model.take<float>(0), (Floats{{}, {2}}));
  EXPECT_FALSE(model.run(iota({4}), bad));
  EXPECT_EQ(model.getError(), "index out of range");
  ASSERT_TRUE(model.run(iota({4}), good));
  EXPECT_EQ(model.getError(), "");
}

TEST(Entry, FailedCheckInParallelLoopOfKernel) {
  EntryHarness model(R"(
    func.func private @gather(%x: memref<?xf32>, %i: memref<?xi64>, %y: memref<?xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %n = memref.dim %x, %c0 : memref<?xf32>
      %m = memref.dim %i, %c0 : memref<?xi64>
      scf.parallel (%k) = (%c0) to (%m) step (%c1) {
        %v = memref.load %i[%k] : memref<?xi64>
        %at = arith.index_cast %v : i64 to index
        %ok = arith.cmpi ult, %at, %n : index
        cf.assert %ok, "gather: index out of range"
        %e = memref.load %x[%at] : memref<?xf32>
        memref.store %e, %y[%k] : memref<?xf32>
      }
      return
    }
    func.func @main(%x: tensor<?xf32>, %i: tensor<?xi64>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %m = tensor.dim %i, %c0 : tensor<?xi64>
      %e = tensor.empty(%m) : tensor<?xf32>
      %g = compress.kernel_call @gather ins(%x, %i : tensor<?xf32>, tensor<?xi64>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      %e1 = tensor.empty(%m) : tensor<?xf32>
      %y = linalg.negf ins(%g : tensor<?xf32>) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    })");
  Ints good = {{3}, {2, 0, 1}}, bad = {{4}, {2, 0, -1, 1}};
  ASSERT_TRUE(model.run(iota({5}), good));
  EXPECT_EQ(model.take<float>(0), (Floats{{3}, {-2, 0, -1}}));
  EXPECT_FALSE(model.run(iota({5}), bad));
  EXPECT_EQ(model.getError(), "gather: index out of range");
}

TEST(Entry, InputSizesAreChecked) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<?x4xf32> {compress.name = "ids", compress.dims = ["n", ""]},
                    %z: tensor<?xf32> {compress.name = "mask", compress.dims = ["n"]}) -> tensor<?x4xf32> {
      return %x : tensor<?x4xf32>
    })");
  ASSERT_TRUE(model.run(iota({3, 4}), iota({3})));
  EXPECT_EQ(model.take<float>(0), iota({3, 4}));
  EXPECT_FALSE(model.run(iota({3, 5}), iota({3})));
  EXPECT_EQ(model.getError(), "dim 1 of input 'ids' must be 4");
  EXPECT_FALSE(model.run(iota({3, 4}), iota({2})));
  EXPECT_EQ(model.getError(),
            "dim 0 of input 'mask' must equal dim 0 of input 'ids'; both are 'n'");
}

TEST(Entry, KernelThatNeedsADenseBufferGetsACopy) {
  EntryHarness model(R"(
    func.func private @first(%x: memref<2x2xf32>, %y: memref<2x2xf32>) {
      memref.copy %x, %y : memref<2x2xf32> to memref<2x2xf32>
      return
    }
    func.func @main(%x: tensor<4x4xf32>) -> tensor<4x2xf32> {
      %part = tensor.extract_slice %x[1, 1] [2, 2] [1, 2] : tensor<4x4xf32> to tensor<2x2xf32>
      %e = tensor.empty() : tensor<2x2xf32>
      %k = compress.kernel_call @first ins(%part : tensor<2x2xf32>) outs(%e : tensor<2x2xf32>) -> tensor<2x2xf32>
      %y = tensor.concat dim(0) %k, %k : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
      return %y : tensor<4x2xf32>
    })");
  ASSERT_TRUE(model.run(iota({4, 4})));
  EXPECT_EQ(model.take<float>(0), (Floats{{4, 2}, {5, 7, 9, 11, 5, 7, 9, 11}}));
}

TEST(Entry, ScratchInAParallelLoopDoesNotGrow) {
  // 100000 iterations with 4 KiB of stack each.
  EntryHarness model(R"(
    func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %n = memref.dim %x, %c0 : memref<?xf32>
      scf.parallel (%i) = (%c0) to (%n) step (%c1) {
        %s = memref.alloca() : memref<1024xf32>
        %v = memref.load %x[%i] : memref<?xf32>
        %at = arith.remui %i, %c1 : index
        memref.store %v, %s[%at] : memref<1024xf32>
        scf.parallel (%j) = (%c0) to (%c1) step (%c1) {
          %w = memref.load %s[%j] : memref<1024xf32>
          %u = arith.addf %w, %w : f32
          memref.store %u, %y[%i] : memref<?xf32>
        }
      }
      return
    }
    func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?xf32>
      %e = tensor.empty(%n) : tensor<?xf32>
      %y = compress.kernel_call @k ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    })");
  ASSERT_TRUE(model.run(iota({100000})));
  EXPECT_EQ(model.take<float>(0), map(iota({100000}), [](float x) { return x + x; }));
}

TEST(Entry, SmallTypesTakeABytePerElement) {
  EntryHarness model(R"(
    func.func @main(%x: tensor<?xi1>, %y: tensor<?xi8>) -> (tensor<?xi1>, tensor<?xi8>) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?xi1>
      %e = tensor.empty(%n) : tensor<?xi1>
      %one = arith.constant true
      %a = linalg.map ins(%x : tensor<?xi1>) outs(%e : tensor<?xi1>) (%v: i1, %out: i1) {
        %w = arith.xori %v, %one : i1
        linalg.yield %w : i1
      }
      %e1 = tensor.empty(%n) : tensor<?xi8>
      %b = linalg.add ins(%y, %y : tensor<?xi8>, tensor<?xi8>) outs(%e1 : tensor<?xi8>) -> tensor<?xi8>
      return %a, %b : tensor<?xi1>, tensor<?xi8>
    })");
  HostArray<char> x = {{3}, {1, 0, 1}}, y = {{3}, {100, -3, 4}};
  ASSERT_TRUE(model.run(x, y));
  EXPECT_EQ(model.take<char>(0), (HostArray<char>{{3}, {0, 1, 0}}));
  EXPECT_EQ(model.take<char>(1), (HostArray<char>{{3}, {char(200), -6, 8}}));
}
