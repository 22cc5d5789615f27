//===- AttentionTest.cpp - attention kernels against the formula in float64 -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "compress/Codegen/CPU/AttentionKernel.h"
#include "compress/Runtime/compress_rt.h"
#include <cmath>
#include <functional>
#include <limits>
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

/// Sizes of one call.
struct Case {
  int64_t batches, queries, keys;
};

/// A tensor `[batch, heads, positions, dim]` or `[batch, positions, heads, dim]`.
struct Heads {
  std::vector<float> data;
  std::array<int64_t, 4> sizes;
  bool sequenceFirst;

  Heads(int64_t batches, int64_t heads, int64_t positions, int64_t dim, bool sequenceFirst)
      : data(static_cast<size_t>(batches * heads * positions * dim)),
        sizes(sequenceFirst ? std::array<int64_t, 4>{batches, positions, heads, dim}
                            : std::array<int64_t, 4>{batches, heads, positions, dim}),
        sequenceFirst(sequenceFirst) {}
  void fill(std::mt19937 &random, float range) {
    std::uniform_real_distribution<float> values(-range, range);
    for (float &x : data)
      x = values(random);
  }
  float &at(int64_t batch, int64_t head, int64_t position, int64_t element) {
    int64_t second = sequenceFirst ? position : head, third = sequenceFirst ? head : position;
    return data[static_cast<size_t>(((batch * sizes[1] + second) * sizes[2] + third) * sizes[3] +
                                    element)];
  }
  MemRef<float, 4> memref() { return {data.data(), sizes}; }
};

/// A mask `[b, h, s, t]`, whose first three dims may be 1.
struct Mask {
  std::vector<float> data;
  std::array<int64_t, 4> sizes;

  explicit Mask(std::array<int64_t, 4> sizes)
      : data(static_cast<size_t>(sizes[0] * sizes[1] * sizes[2] * sizes[3])), sizes(sizes) {}
  float &at(int64_t b, int64_t h, int64_t s, int64_t t) {
    b = std::min(b, sizes[0] - 1), h = std::min(h, sizes[1] - 1), s = std::min(s, sizes[2] - 1);
    return data[static_cast<size_t>(((b * sizes[1] + h) * sizes[2] + s) * sizes[3] + t)];
  }
};

class AttentionTest : public testing::Test {
protected:
  void compile(const CpuTarget &target, const AttentionShape &kernelShape) {
    shape = kernelShape;
    harness = std::make_unique<KernelHarness>(target);
    name = getAttentionKernel(*harness->library, shape).getName().str();
    harness->compile();
  }

  /// Runs the kernel and compares with the formula.
  void check(Case sizes, Mask *mask, float range = 2.0f) {
    SCOPED_TRACE(testing::Message()
                 << harness->target.getName().str() << " " << name << " batches " << sizes.batches
                 << " queries " << sizes.queries << " keys " << sizes.keys);
    std::mt19937 random(7);
    Heads q(sizes.batches, shape.heads, sizes.queries, shape.keyDim, shape.sequenceFirst[0]);
    Heads k(sizes.batches, shape.keyHeads, sizes.keys, shape.keyDim, shape.sequenceFirst[1]);
    Heads v(sizes.batches, shape.keyHeads, sizes.keys, shape.valueDim, shape.sequenceFirst[2]);
    Heads y(sizes.batches, shape.heads, sizes.queries, shape.valueDim, shape.sequenceFirst[3]);
    for (Heads *tensor : {&q, &k, &v})
      tensor->fill(random, range);
    std::fill(y.data.begin(), y.data.end(), -77.0f);
    MemRef<float, 4> qm = q.memref(), km = k.memref(), vm = v.memref(), ym = y.memref();
    if (mask) {
      MemRef<float, 4> mm{mask->data.data(), mask->sizes};
      harness->call(name, qm, km, vm, mm, ym);
    } else {
      harness->call(name, qm, km, vm, ym);
    }
    double worst = 0;
    for (int64_t b = 0; b < sizes.batches; ++b)
      for (int64_t h = 0; h < shape.heads; ++h)
        for (int64_t i = 0; i < sizes.queries; ++i)
          worst = std::max(worst, compareRow(q, k, v, y, mask, b, h, i));
    EXPECT_LT(worst, 2e-5);
    last = std::move(y.data);
  }

  /// Largest error of one row of the result.
  double compareRow(Heads &q, Heads &k, Heads &v, Heads &y, Mask *mask, int64_t b, int64_t h,
                    int64_t i) {
    int64_t keyHead = h / (shape.heads / shape.keyHeads);
    int64_t keys = k.sizes[shape.sequenceFirst[1] ? 1 : 2];
    std::vector<double> weights;
    double maximum = -std::numeric_limits<double>::infinity(), sum = 0, worst = 0;
    for (int64_t j = 0; j < keys; ++j) {
      double score = 0;
      for (int64_t d = 0; d < shape.keyDim; ++d)
        score += static_cast<double>(q.at(b, h, i, d)) * k.at(b, keyHead, j, d);
      score *= shape.scale;
      if (mask)
        score = static_cast<float>(score + mask->at(b, h, i, j));
      weights.push_back(score);
      maximum = std::max(maximum, score);
    }
    for (double &weight : weights)
      sum += weight = std::exp(weight - maximum);
    for (int64_t d = 0; d < shape.valueDim; ++d) {
      double expected = 0;
      for (int64_t j = 0; j < keys; ++j)
        expected += weights[static_cast<size_t>(j)] / sum * v.at(b, keyHead, j, d);
      double got = y.at(b, h, i, d);
      if (std::isnan(expected) != std::isnan(got))
        return std::numeric_limits<double>::infinity();
      if (!std::isnan(expected))
        worst = std::max(worst, std::abs(got - expected));
    }
    return worst;
  }

  AttentionShape shape;
  std::unique_ptr<KernelHarness> harness;
  std::string name;
  std::vector<float> last;
};

constexpr std::array<bool, 4> kBHSD{}, kBSHD{true, true, true, true};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST_F(AttentionTest, SizesWithoutMask) {
  for (const CpuTarget &target : getFloatTargets()) {
    for (auto [heads, keyHeads, dim, sequenceFirst] :
         {std::tuple(2, 2, 32, false), std::tuple(4, 2, 64, true), std::tuple(3, 1, 20, true),
          std::tuple(1, 1, 16, false), std::tuple(2, 1, 80, false), std::tuple(2, 2, 128, true)}) {
      compile(target, {heads, keyHeads, dim, dim, 1.0f / std::sqrt(static_cast<float>(dim)),
                       sequenceFirst ? kBSHD : kBHSD, false});
      for (Case sizes : {Case{1, 1, 1},
                         {2, 2, 5},
                         {1, 1, 131},
                         {3, 3, 1},
                         {1, 4, 4},
                         {2, 7, 16},
                         {1, 2, 0},
                         {1, 5, 0},
                         {1, 8, 64},
                         {1, 9, 65},
                         {1, 35, 63},
                         {2, 100, 130}})
        check(sizes, nullptr);
    }
  }
}

TEST_F(AttentionTest, ValuesOfAnotherSize) {
  for (const CpuTarget &target : getFloatTargets()) {
    for (auto [keyDim, valueDim] : {std::pair(8, 24), std::pair(40, 5), std::pair(256, 72)}) {
      compile(target, {2, 1, keyDim, valueDim, -0.3f, kBSHD, false});
      for (Case sizes : {Case{1, 1, 6}, {2, 5, 17}, {1, 19, 33}})
        check(sizes, nullptr);
    }
  }
}

TEST_F(AttentionTest, MixedLayouts) {
  for (const CpuTarget &target : getFloatTargets()) {
    for (std::array<bool, 4> layout :
         {std::array{false, false, true, true}, std::array{true, false, false, false}}) {
      compile(target, {4, 2, 24, 16, 0.3f, layout, false});
      for (Case sizes : {Case{2, 1, 6}, {2, 11, 37}})
        check(sizes, nullptr);
    }
  }
}

/// Every number of rows and keys around the sizes of tiles and vectors, with a causal mask.
TEST_F(AttentionTest, CausalMask) {
  for (const CpuTarget &target : getFloatTargets()) {
    compile(target, {4, 2, 32, 32, 0.25f, kBSHD, true});
    for (int64_t queries = 1; queries <= 70; queries += queries < 18 ? 1 : 13) {
      for (int64_t past : {int64_t(0), int64_t(5)}) {
        Mask mask({1, 1, queries, queries + past});
        for (int64_t i = 0; i < queries; ++i)
          for (int64_t j = 0; j < queries + past; ++j)
            mask.at(0, 0, i, j) = j <= i + past ? 0.0f : -3.4028235e38f;
        check({2, queries, queries + past}, &mask);
      }
    }
  }
}

/// Masks of all shapes that broadcast, with finite values, keys removed at random, and rows in
/// which all keys are removed.
TEST_F(AttentionTest, RandomMasks) {
  std::mt19937 random(3);
  for (const CpuTarget &target : getFloatTargets()) {
    compile(target, {4, 2, 16, 48, 0.25f, kBHSD, true});
    for (Case sizes : {Case{1, 1, 37}, {2, 2, 1}, {3, 13, 50}, {2, 24, 64}}) {
      for (int shapes = 0; shapes < 8; ++shapes) {
        Mask mask({shapes & 1 ? sizes.batches : 1, shapes & 2 ? 4 : 1,
                   shapes & 4 ? sizes.queries : 1, sizes.keys});
        for (float removed : {-kInfinity, -1e9f, -50.0f}) {
          for (float &x : mask.data)
            x = random() % 3 == 0 ? removed : static_cast<float>(random() % 100) * 0.01f;
          for (int64_t j = 0; j < sizes.keys; ++j) {
            mask.at(0, 0, 0, j) = removed;
            mask.at(0, 3, sizes.queries - 1, j) = j == 0 ? 0 : removed;
          }
          check(sizes, &mask);
        }
      }
    }
  }
}

/// Keys that the mask removes for a whole block are not read at all: values there may be NaN.
TEST_F(AttentionTest, RemovedKeysAreSkipped) {
  for (const CpuTarget &target : getFloatTargets()) {
    compile(target, {1, 1, 16, 16, 0.25f, kBSHD, true});
    int64_t size = 40;
    Heads q(1, 1, size, 16, true), k(1, 1, size, 16, true), v(1, 1, size, 16, true);
    Heads y(1, 1, size, 16, true);
    std::mt19937 random(5);
    for (Heads *tensor : {&q, &k, &v})
      tensor->fill(random, 1);
    v.at(0, 0, size - 1, 3) = std::numeric_limits<float>::quiet_NaN();
    Mask mask({1, 1, size, size});
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = i + 1; j < size; ++j)
        mask.at(0, 0, i, j) = -kInfinity;
    MemRef<float, 4> qm = q.memref(), km = k.memref(), vm = v.memref(), ym = y.memref();
    MemRef<float, 4> mm{mask.data.data(), mask.sizes};
    harness->call(name, qm, km, vm, mm, ym);
    EXPECT_FALSE(std::isnan(y.at(0, 0, 31, 3)));
    EXPECT_TRUE(std::isnan(y.at(0, 0, size - 1, 3)));
    EXPECT_FALSE(std::isnan(y.at(0, 0, size - 1, 2)));
  }
}

/// Large scores do not overflow.
TEST_F(AttentionTest, LargeScores) {
  for (const CpuTarget &target : getFloatTargets()) {
    compile(target, {2, 2, 32, 32, 1.0f, kBSHD, false});
    Heads ones(1, 2, 12, 32, true), result(1, 2, 12, 32, true);
    std::fill(ones.data.begin(), ones.data.end(), 100.0f);
    MemRef<float, 4> in = ones.memref(), out = result.memref();
    harness->call(name, in, in, in, out);
    for (float x : result.data)
      EXPECT_NEAR(x, 100.0f, 1e-4f);
  }
}

TEST_F(AttentionTest, SameBitsOnEveryTarget) {
  std::vector<std::vector<float>> results;
  for (const CpuTarget &target : getFloatTargets()) {
    for (int64_t dim : {16, 48}) {
      compile(target, {2, 1, dim, dim, 0.2f, kBSHD, true});
      Mask mask({1, 1, 21, 90});
      check({2, 21, 90}, &mask);
      results.push_back(last);
    }
  }
  for (size_t i = 2; i < results.size(); ++i)
    EXPECT_EQ(results[i], results[i - 2]);
}

static std::function<void()> *threadedWork;

/// Runs `work` in a context of the run time with this many threads.
static void runWithThreads(int32_t threads, std::function<void()> work) {
  threadedWork = &work;
  compress_rt_context *context = compress_rt_create(threads);
  auto entry = [](const void *const *, const compress_rt_tensor *) -> int32_t {
    (*threadedWork)();
    return 0;
  };
  EXPECT_EQ(compress_rt_run(context, entry, nullptr, nullptr), 0);
  compress_rt_destroy(context);
}

TEST_F(AttentionTest, SameBitsOnAnyNumberOfThreads) {
  for (const CpuTarget &target : getFloatTargets()) {
    compile(target, {4, 2, 32, 32, 0.2f, kBSHD, true});
    Mask mask({1, 1, 259, 259});
    for (int64_t i = 0; i < 259; ++i)
      for (int64_t j = i + 1; j < 259; ++j)
        mask.at(0, 0, i, j) = -kInfinity;
    check({1, 259, 259}, &mask);
    std::vector<float> expected = last;
    for (int32_t threads : {1, 2, 5}) {
      runWithThreads(threads, [&] { check({1, 259, 259}, &mask); });
      EXPECT_EQ(last, expected) << threads;
    }
  }
}

/// Rows and batches of larger tensors, as the parts of one projection to queries, keys and values.
TEST_F(AttentionTest, StridedOperands) {
  for (const CpuTarget &target : getFloatTargets()) {
    compile(target, {2, 1, 16, 16, 0.25f, kBSHD, false});
    // [sequence, 2 heads of queries, 1 of keys, 1 of values] * 16.
    std::vector<float> fused(11 * 64), result(11 * 32), expected(11 * 32);
    std::mt19937 random(9);
    std::uniform_real_distribution<float> values(-1, 1);
    for (float &x : fused)
      x = values(random);
    auto part = [&](int64_t offset, int64_t heads) {
      return MemRef<float, 4>(fused.data() + offset, {1, 11, heads, 16}, {704, 64, 16, 1});
    };
    MemRef<float, 4> q = part(0, 2), k = part(32, 1), v = part(48, 1);
    MemRef<float, 4> y(result.data(), {1, 11, 2, 16}), z(expected.data(), {1, 11, 2, 16});
    harness->call(name, q, k, v, y);
    std::vector<float> copies[3];
    auto copy = [&](std::vector<float> &to, int64_t offset, int64_t heads) {
      for (int64_t i = 0; i < 11; ++i)
        to.insert(to.end(), fused.begin() + i * 64 + offset,
                  fused.begin() + i * 64 + offset + heads * 16);
      return MemRef<float, 4>(to.data(), {1, 11, heads, 16});
    };
    MemRef<float, 4> q2 = copy(copies[0], 0, 2), k2 = copy(copies[1], 32, 1),
                     v2 = copy(copies[2], 48, 1);
    harness->call(name, q2, k2, v2, z);
    EXPECT_EQ(result, expected);
  }
}

} // namespace
