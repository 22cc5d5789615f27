//===- MemoryPlanTest.cpp - packing of buffers by live range -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/MemoryPlan.h"
#include "gtest/gtest.h"
#include <random>
#include <vector>

using namespace mlir::compress;

/// Every pair that overlaps in time is apart in memory, and all is in the arena.
static void expectValid(const std::vector<LiveBuffer> &buffers, const MemoryPlan &plan) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  for (size_t a = 0; a < buffers.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % bufferAlignment, 0);
    EXPECT_GE(plan.offsets[a], 0);
    EXPECT_LE(plan.offsets[a] + buffers[a].bytes, plan.bytes);
    for (size_t b = 0; b < a; ++b)
      if (buffers[a].overlaps(buffers[b]) && buffers[a].bytes && buffers[b].bytes)
        EXPECT_TRUE(plan.offsets[a] + buffers[a].bytes <= plan.offsets[b] ||
                    plan.offsets[b] + buffers[b].bytes <= plan.offsets[a])
            << a << " and " << b;
  }
}

TEST(MemoryPlan, NothingNeedsNothing) {
  EXPECT_EQ(planMemory({}).bytes, 0);
  EXPECT_EQ(getPeakBytes({}), 0);
}

TEST(MemoryPlan, PositionsAreInclusive) {
  std::vector<LiveBuffer> buffers = {{0, 1, 64}, {1, 2, 128}, {2, 3, 64}};
  EXPECT_EQ(getPeakBytes(buffers), 192);
  MemoryPlan plan = planMemory(buffers);
  expectValid(buffers, plan);
  EXPECT_EQ(plan.bytes, 192);
}

TEST(MemoryPlan, SizesAreRoundedUp) {
  std::vector<LiveBuffer> buffers = {{0, 1, 1}, {0, 1, 65}};
  EXPECT_EQ(getPeakBytes(buffers), 192);
  EXPECT_EQ(planMemory(buffers).bytes, 192);
}

TEST(MemoryPlan, ChainSharesTwoBuffers) {
  std::vector<LiveBuffer> buffers;
  for (int64_t i = 0; i < 100; ++i)
    buffers.push_back({i, i + 1, 4096});
  MemoryPlan plan = planMemory(buffers);
  expectValid(buffers, plan);
  EXPECT_EQ(plan.bytes, 2 * 4096);
}

/// Shapes of a transformer: a residual that lives through each block and temporaries of different
/// size.
TEST(MemoryPlan, TransformerReachesThePeak) {
  std::vector<LiveBuffer> buffers;
  int64_t at = 0;
  for (int64_t layer = 0; layer < 12; ++layer, at += 10) {
    buffers.push_back({at, at + 5, 256 * 128 * 4});      // residual
    buffers.push_back({at + 1, at + 2, 256 * 128 * 4});  // norm
    buffers.push_back({at + 2, at + 3, 256 * 256 * 4});  // qkv
    buffers.push_back({at + 3, at + 4, 256 * 128 * 4});  // attention
    buffers.push_back({at + 4, at + 10, 256 * 128 * 4}); // residual
    buffers.push_back({at + 6, at + 7, 256 * 128 * 4});  // norm
    buffers.push_back({at + 7, at + 10, 256 * 384 * 4}); // gated
  }
  MemoryPlan plan = planMemory(buffers);
  expectValid(buffers, plan);
  EXPECT_EQ(plan.bytes, getPeakBytes(buffers));
}

TEST(MemoryPlan, RandomPlansAreValidAndTight) {
  std::mt19937 random(7);
  int tight = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<LiveBuffer> buffers;
    for (int i = 0; i < 60; ++i) {
      int64_t begin = random() % 100;
      buffers.push_back({begin, begin + static_cast<int64_t>(random() % 8),
                         static_cast<int64_t>(random() % 5000)});
    }
    MemoryPlan plan = planMemory(buffers);
    expectValid(buffers, plan);
    EXPECT_LE(plan.bytes, getPeakBytes(buffers) * 5 / 4);
    tight += plan.bytes == getPeakBytes(buffers);
  }
  EXPECT_GE(tight, 40);
}

TEST(MemoryPlan, IsTheSameEveryTime) {
  std::vector<LiveBuffer> buffers;
  for (int64_t i = 0; i < 40; ++i)
    buffers.push_back({i * 7 % 31, i * 7 % 31 + i % 5, 64 * (1 + i * 13 % 17)});
  EXPECT_EQ(planMemory(buffers).offsets, planMemory(buffers).offsets);
}

TEST(AssignSlots, ChainUsesTwoSlots) {
  std::vector<LiveBuffer> buffers;
  for (int64_t i = 0; i < 9; ++i)
    buffers.push_back({i, i + 1, 64});
  llvm::SmallVector<int64_t> slots = assignSlots(buffers);
  for (size_t i = 0; i + 1 < slots.size(); ++i)
    EXPECT_NE(slots[i], slots[i + 1]);
  EXPECT_EQ(*std::max_element(slots.begin(), slots.end()), 1);
}

TEST(AssignSlots, PrefersTheSameSizeClass) {
  // Two slots are free for the last: the one of its class, and one of nearer size.
  std::vector<LiveBuffer> buffers = {{0, 1, 100, 0}, {0, 1, 40, 1}, {2, 3, 30, 0}};
  llvm::SmallVector<int64_t> slots = assignSlots(buffers);
  EXPECT_NE(slots[0], slots[1]);
  EXPECT_EQ(slots[2], slots[0]);
}

TEST(AssignSlots, TakesTheNearestSize) {
  std::vector<LiveBuffer> buffers = {{0, 1, 1000}, {0, 1, 100}, {2, 3, 90}};
  llvm::SmallVector<int64_t> slots = assignSlots(buffers);
  EXPECT_EQ(slots[2], slots[1]);
}
