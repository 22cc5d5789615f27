//===- SparsityAllocationTest.cpp - shares of matrices --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SparsityAllocation.h"
#include "PruningLayer.h"
#include "compress/Algorithms/Sparsity.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;

namespace {

template <typename... Args>
AllocatedSparsity allocate(Args &&...args) {
  llvm::Expected<AllocatedSparsity> result = allocateSparsity(std::forward<Args>(args)...);
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return {};
  }
  return std::move(*result);
}

template <typename T>
std::string getMessage(llvm::Expected<T> result) {
  return result ? std::string("no error") : llvm::toString(result.takeError());
}

TEST(SparsityAllocation, RatiosAreOnALine) {
  std::vector<uint64_t> sizes(5, 1000);
  std::vector<double> sensitivities = {3, 1, 5, 2, 4};
  AllocatedSparsity result = allocate(sensitivities, sizes, 0.5);
  EXPECT_EQ(result.pruned, (std::vector<uint64_t>{500, 600, 400, 550, 450}));
  EXPECT_EQ(result.ratios, (std::vector<double>{0.5, 0.6, 0.4, 0.55, 0.45}));
  // Equal ones: in their order.
  EXPECT_EQ(allocate(std::vector<double>(5, 7.0), sizes, 0.5).pruned,
            (std::vector<uint64_t>{600, 550, 500, 450, 400}));
  EXPECT_EQ(allocate(sensitivities, sizes, 0.5, 0.0).pruned, std::vector<uint64_t>(5, 500));
  // Alpha does not go beyond what there is.
  EXPECT_EQ(allocate(sensitivities, sizes, 0.05, 0.1).pruned,
            (std::vector<uint64_t>{50, 100, 0, 75, 25}));
  AllocatedSparsity most = allocate(sensitivities, sizes, 0.95, 0.1);
  EXPECT_EQ(std::accumulate(most.pruned.begin(), most.pruned.end(), uint64_t(0)), 4750u);
  EXPECT_EQ(most.pruned[1], 999u);
  EXPECT_EQ(most.pruned[2], 900u);
  EXPECT_EQ(allocate(sensitivities, sizes, 0.0).pruned, std::vector<uint64_t>(5, 0));
  EXPECT_EQ(allocate(std::vector<double>{1}, std::vector<uint64_t>{7}, 0.5).pruned,
            std::vector<uint64_t>{3});
  EXPECT_TRUE(allocate(std::vector<double>(), std::vector<uint64_t>(), 0.5).pruned.empty());
}

TEST(SparsityAllocation, TheTotalIsExactForAnySizes) {
  std::mt19937 generator(3);
  for (unsigned trial = 0; trial < 300; ++trial) {
    size_t number = 1 + generator() % 20;
    std::vector<uint64_t> sizes;
    std::vector<double> sensitivities;
    for (size_t i = 0; i < number; ++i) {
      sizes.push_back(trial % 3 == 0 ? generator() % 10 : generator() % 100000);
      sensitivities.push_back(static_cast<double>(generator() % 50));
    }
    double ratio = static_cast<double>(generator() % 1000) / 1000;
    double alpha = static_cast<double>(generator() % 300) / 1000;
    AllocatedSparsity result = allocate(sensitivities, sizes, ratio, alpha);
    uint64_t total = std::accumulate(sizes.begin(), sizes.end(), uint64_t(0));
    ASSERT_EQ(std::accumulate(result.pruned.begin(), result.pruned.end(), uint64_t(0)),
              getPrunedCount(ratio, total));
    for (size_t i = 0; i < number; ++i) {
      ASSERT_LE(result.pruned[i], sizes[i]);
      ASSERT_EQ(getPrunedCount(result.ratios[i], sizes[i]), result.pruned[i]);
      // More sensitive matrices are not pruned more, up to rounding.
      for (size_t j = 0; j < number && sizes[i] > 1000 && sizes[j] > 1000; ++j)
        if (sensitivities[i] < sensitivities[j])
          ASSERT_GE(result.ratios[i], result.ratios[j] - 0.001);
    }
  }
}

TEST(SparsityAllocation, SizesThatDifferRescale) {
  // Kept shares 0.4 and 0.6 of 100 and 300: 220 instead of 200, so each gets 10/11 of it.
  AllocatedSparsity result =
      allocate(std::vector<double>{1, 2}, std::vector<uint64_t>{100, 300}, 0.5);
  EXPECT_EQ(result.pruned, (std::vector<uint64_t>{64, 136}));
}

TEST(SparsityAllocation, Errors) {
  std::vector<uint64_t> sizes = {4, 4};
  std::vector<double> two = {1, 2}, bad = {1, NAN};
  EXPECT_EQ(getMessage(allocateSparsity({1.0}, sizes, 0.5)),
            "there are 1 sensitivities for 2 matrices");
  EXPECT_EQ(getMessage(allocateSparsity(bad, sizes, 0.5)),
            "the sensitivity of matrix 1 is not finite");
  EXPECT_EQ(getMessage(allocateSparsity(two, sizes, 1)),
            "the share of pruned weights must be at least 0 and less than 1, but is 1.00");
  EXPECT_EQ(getMessage(allocateSparsity(two, sizes, 0.5, -1)),
            "alpha must be a number of at least 0");
}

/// Several matrices that are given in pieces.
struct Matrices {
  std::vector<std::vector<float>> scores;
  std::vector<uint64_t> getSizes() const {
    std::vector<uint64_t> sizes;
    for (const std::vector<float> &matrix : scores)
      sizes.push_back(matrix.size());
    return sizes;
  }
  llvm::Expected<AllocatedSparsity> allocate(double ratio, ParallelFor parallelFor = serialFor) {
    return allocateGlobal(
        getSizes(), ratio,
        [&](size_t index, llvm::function_ref<void(llvm::ArrayRef<float>)> consume) {
          llvm::ArrayRef<float> rest(scores[index]);
          while (!rest.empty()) {
            consume(rest.take_front(37));
            rest = rest.drop_front(std::min<size_t>(37, rest.size()));
          }
        },
        parallelFor);
  }
};

TEST(SparsityAllocation, GlobalIsOneMaskOfEverything) {
  std::mt19937 generator(9);
  std::normal_distribution<float> normal;
  for (bool ties : {false, true}) {
    Matrices matrices;
    std::vector<float> all;
    for (size_t size : {100, 1, 0, 999, 5000}) {
      std::vector<float> scores(size);
      for (float &score : scores)
        score = ties ? static_cast<float>(generator() % 4) - 1 : normal(generator);
      all.insert(all.end(), scores.begin(), scores.end());
      matrices.scores.push_back(scores);
    }
    for (double ratio : {0.0, 0.001, 0.3, 0.5, 0.77, 0.999}) {
      SparsityTarget target;
      target.ratio = ratio;
      std::vector<uint8_t> whole = chooseMask(all.data(), 1, all.size(), target), parts;
      llvm::Expected<AllocatedSparsity> result = matrices.allocate(ratio);
      ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
      for (auto [scores, pruned] : llvm::zip_equal(matrices.scores, result->pruned)) {
        SparsityTarget part;
        part.count = pruned;
        std::vector<uint8_t> mask = chooseMask(scores.data(), 1, scores.size(), part);
        parts.insert(parts.end(), mask.begin(), mask.end());
      }
      EXPECT_EQ(parts, whole);
      llvm::Expected<AllocatedSparsity> parallel = matrices.allocate(ratio, runOnThreeThreads);
      ASSERT_TRUE(bool(parallel));
      EXPECT_EQ(parallel->pruned, result->pruned);
    }
  }
}

TEST(SparsityAllocation, GlobalErrors) {
  Matrices matrices{{{1, 2}, {3, INFINITY}}};
  EXPECT_EQ(getMessage(matrices.allocate(0.5)), "the score of matrix 1 at 1 is not finite");
  matrices.scores[1] = {-NAN, 1};
  EXPECT_EQ(getMessage(matrices.allocate(0.5)), "the score of matrix 1 at 0 is not finite");
  EXPECT_EQ(getMessage(matrices.allocate(-0.5)),
            "the share of pruned weights must be at least 0 and less than 1, but is -0.50");
  EXPECT_EQ(getMessage(
                allocateGlobal({3}, 0.5,
                               [](size_t, llvm::function_ref<void(llvm::ArrayRef<float>)> consume) {
                                 consume({1.0f, 2.0f});
                               })),
            "matrix 0 has 3 weights, but 2 scores");
}

} // namespace
