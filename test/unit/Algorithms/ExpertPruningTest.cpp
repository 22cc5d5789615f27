//===- ExpertPruningTest.cpp - which experts a layer can do without ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ExpertPruning.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace mlir::compress;

namespace {

/// A random layer with what its experts compute for random tokens, and Z.
struct Layer {
  size_t experts, tokens, width = 6, hidden = 10;
  std::vector<float> router, bias, w1, w3, w2, x, logits, outputs, target;
  std::vector<size_t> batchEnds;
  ExpertWeights weights;
  ExpertLayer layer;

  Layer(size_t experts, size_t tokens, ExpertRouting routing, unsigned seed = 1)
      : experts(experts), tokens(tokens) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    auto fill = [&](std::vector<float> &values, size_t size) {
      values.resize(size);
      for (float &value : values)
        value = normal(random);
    };
    fill(router, experts * width);
    fill(bias, experts);
    fill(w1, experts * width * hidden);
    fill(w3, experts * width * hidden);
    fill(w2, experts * hidden * width);
    fill(x, tokens * width);
    batchEnds = {tokens / 3, tokens};
    weights = {experts, width, hidden, router, bias, w1, w3, w2, ExpertFunction::Silu};
    logits.resize(tokens * experts);
    outputs.resize(experts * tokens * width);
    computeLogits(weights, x.data(), tokens, logits.data());
    llvm::cantFail(computeExpertOutputs(weights, x.data(), tokens, outputs.data()));
    layer = {tokens, experts, width, logits, outputs, {}, batchEnds, routing};
    target.resize(tokens * width);
    combineExperts(layer, std::vector<uint8_t>(experts, 1), target.data());
    layer.target = target;
  }

  double getLoss(const std::vector<size_t> &kept) const {
    std::vector<uint8_t> mask(experts, 0);
    for (size_t expert : kept)
      mask[expert] = 1;
    return getExpertLoss(layer, mask);
  }
};

/// The losses of all subsets of `keep` experts, plainly.
double findLeastLoss(const Layer &layer, size_t keep, std::vector<size_t> &best) {
  double least = INFINITY;
  for (uint64_t bits = 0; bits < (uint64_t(1) << layer.experts); ++bits) {
    std::vector<size_t> kept;
    for (size_t expert = 0; expert < layer.experts; ++expert)
      if (bits >> expert & 1)
        kept.push_back(expert);
    if (kept.size() != keep)
      continue;
    double loss = layer.getLoss(kept);
    if (loss < least) {
      least = loss;
      best = kept;
    }
  }
  return least;
}

TEST(ExpertPruning, OutputsAreThoseOfPlainLoops) {
  Layer layer(3, 9, {2, ExpertWeighting::NormalizedSoftmax});
  for (size_t e = 0; e < 3; ++e)
    for (size_t t = 0; t < 9; ++t)
      for (size_t o = 0; o < layer.width; ++o) {
        double sum = 0;
        for (size_t h = 0; h < layer.hidden; ++h) {
          double a = 0, b = 0;
          for (size_t d = 0; d < layer.width; ++d) {
            a += layer.x[t * layer.width + d] * layer.w1[(e * layer.width + d) * layer.hidden + h];
            b += layer.x[t * layer.width + d] * layer.w3[(e * layer.width + d) * layer.hidden + h];
          }
          sum += a / (1 + std::exp(-a)) * b * layer.w2[(e * layer.hidden + h) * layer.width + o];
        }
        EXPECT_NEAR(layer.outputs[(e * 9 + t) * layer.width + o], sum, 1e-4 * (1 + std::abs(sum)));
      }
}

TEST(ExpertPruning, Routing) {
  std::vector<size_t> chosen(2);
  std::vector<double> weights(2);
  float logits[] = {1, 3, 3, 0};
  // The first of equal ones.
  routeToken({2, ExpertWeighting::NormalizedSoftmax}, logits, {1, 1, 1, 1}, chosen, weights);
  EXPECT_EQ(chosen, (std::vector<size_t>{1, 2}));
  EXPECT_EQ(weights, (std::vector<double>{0.5, 0.5}));
  // A logit of -infinity for what is not kept.
  routeToken({2, ExpertWeighting::SelectedSoftmax}, logits, {1, 0, 1, 1}, chosen, weights);
  EXPECT_EQ(chosen, (std::vector<size_t>{2, 0}));
  EXPECT_NEAR(weights[0], 1 / (1 + std::exp(-2.0)), 1e-15);
  routeToken({2, ExpertWeighting::Softmax}, logits, {1, 0, 1, 1}, chosen, weights);
  double sum = 1 + std::exp(-2.0) + std::exp(-3.0);
  EXPECT_NEAR(weights[0], 1 / sum, 1e-15);
  EXPECT_NEAR(weights[1], std::exp(-2.0) / sum, 1e-15);
}

TEST(ExpertPruning, AllExpertsHaveNoLoss) {
  for (ExpertWeighting weighting : {ExpertWeighting::Softmax, ExpertWeighting::NormalizedSoftmax,
                                    ExpertWeighting::SelectedSoftmax}) {
    Layer layer(8, 100, {2, weighting});
    ExpertChoice choice = llvm::cantFail(chooseExperts(layer.layer, 8));
    EXPECT_EQ(choice.loss, 0.0);
    EXPECT_EQ(choice.kept.size(), 8u);
  }
}

TEST(ExpertPruning, LossIsTheSumOverBatchesOfNorms) {
  Layer layer(4, 30, {2, ExpertWeighting::NormalizedSoftmax});
  std::vector<uint8_t> kept{1, 0, 1, 1};
  std::vector<float> result(layer.target.size());
  combineExperts(layer.layer, kept, result.data());
  double expected = 0;
  for (auto [begin, end] : {std::pair<size_t, size_t>{0, 10}, {10, 30}}) {
    double squares = 0;
    for (size_t i = begin * layer.width; i < end * layer.width; ++i)
      squares += std::pow(static_cast<double>(layer.target[i]) - result[i], 2);
    expected += std::sqrt(squares);
  }
  EXPECT_NEAR(getExpertLoss(layer.layer, kept), expected, 1e-12 * expected);
  EXPECT_GT(expected, 0);
}

TEST(ExpertPruning, ExhaustiveIsTheOptimumAndNotWorseThanGreedy) {
  for (unsigned seed = 1; seed <= 10; ++seed)
    for (size_t keep : {6, 4, 2}) {
      Layer layer(8, 60, {2, ExpertWeighting::NormalizedSoftmax}, seed);
      std::vector<size_t> best;
      double least = findLeastLoss(layer, keep, best);
      ExpertChoice exhaustive = llvm::cantFail(chooseExperts(layer.layer, keep));
      EXPECT_TRUE(exhaustive.isExhaustive);
      EXPECT_EQ(exhaustive.evaluated, countSubsets(8, keep));
      EXPECT_EQ(exhaustive.kept, best);
      EXPECT_EQ(exhaustive.loss, least);
      ExpertChoice greedy = llvm::cantFail(chooseExperts(layer.layer, keep, ExpertSearch::Greedy));
      EXPECT_FALSE(greedy.isExhaustive);
      EXPECT_EQ(greedy.kept.size(), keep);
      EXPECT_EQ(greedy.loss, layer.getLoss(greedy.kept));
      EXPECT_LE(exhaustive.loss, greedy.loss);
    }
}

TEST(ExpertPruning, ManyExpertsAreSearchedGreedily) {
  Layer layer(32, 80, {2, ExpertWeighting::NormalizedSoftmax});
  ExpertChoice choice = llvm::cantFail(chooseExperts(layer.layer, 28));
  EXPECT_FALSE(choice.isExhaustive);
  EXPECT_EQ(choice.evaluated, 1u + 32 + 31 + 30 + 29);
  EXPECT_EQ(llvm::toString(chooseExperts(layer.layer, 16, ExpertSearch::Exhaustive).takeError()),
            "there are 601080390 ways to keep 16 of 32 experts; exhaustive search takes at most "
            "1000000");
}

TEST(ExpertPruning, AnExpertThatNobodyNeedsGoesFirst) {
  Layer layer(5, 50, {2, ExpertWeighting::NormalizedSoftmax});
  for (size_t token = 0; token < 50; ++token)
    layer.logits[token * 5 + 3] = -100;
  combineExperts(layer.layer, {1, 1, 1, 1, 1}, layer.target.data());
  EXPECT_EQ(countExpertTokens(layer.layer.routing, layer.logits, 5)[3], 0u);
  ExpertChoice choice = llvm::cantFail(chooseExperts(layer.layer, 4));
  EXPECT_EQ(choice.kept, (std::vector<size_t>{0, 1, 2, 4}));
  EXPECT_EQ(choice.loss, 0.0);
}

TEST(ExpertPruning, Coverage) {
  Layer layer(6, 70, {2, ExpertWeighting::Softmax});
  std::vector<uint64_t> counts = countExpertTokens(layer.layer.routing, layer.logits, 6);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), uint64_t(0)), 140u);
}

TEST(ExpertPruning, DoesNotDependOnTheOrderOfWork) {
  Layer layer(8, 60, {2, ExpertWeighting::NormalizedSoftmax});
  auto backward = [](size_t n, llvm::function_ref<void(size_t)> body) {
    for (size_t i = n; i-- > 0;)
      body(i);
  };
  for (ExpertSearch search : {ExpertSearch::Exhaustive, ExpertSearch::Greedy}) {
    ExpertChoice a = llvm::cantFail(chooseExperts(layer.layer, 4, search));
    ExpertChoice b = llvm::cantFail(chooseExperts(layer.layer, 4, search, backward));
    EXPECT_EQ(a.kept, b.kept);
    EXPECT_EQ(a.loss, b.loss);
  }
}

TEST(ExpertPruning, TooFewOrTooMany) {
  Layer layer(4, 10, {2, ExpertWeighting::NormalizedSoftmax});
  EXPECT_EQ(llvm::toString(chooseExperts(layer.layer, 1).takeError()),
            "expects to keep between k = 2 and all 4 experts, got 1");
  EXPECT_EQ(llvm::toString(chooseExperts(layer.layer, 5).takeError()),
            "expects to keep between k = 2 and all 4 experts, got 5");
}

TEST(ExpertPruning, Subsets) {
  EXPECT_EQ(countSubsets(8, 6), 28u);
  EXPECT_EQ(countSubsets(8, 4), 70u);
  EXPECT_EQ(countSubsets(4, 5), 0u);
  EXPECT_EQ(countSubsets(64, 32), 1832624140942590534u);
  EXPECT_EQ(countSubsets(128, 64), ~uint64_t(0));
}

/// How many tokens have w2 < ratio * w1.
size_t countSkipped(const Layer &layer, const std::vector<uint8_t> &kept, double ratio) {
  std::vector<size_t> chosen(2);
  std::vector<double> weights(2);
  size_t count = 0;
  for (size_t token = 0; token < layer.tokens; ++token) {
    routeToken(layer.layer.routing,
               llvm::ArrayRef<float>(layer.logits).slice(token * layer.experts, layer.experts),
               kept, chosen, weights);
    count += weights[1] < ratio * weights[0];
  }
  return count;
}

TEST(ExpertPruning, MedianSkipsHalfOfTheTokens) {
  for (ExpertWeighting weighting : {ExpertWeighting::Softmax, ExpertWeighting::NormalizedSoftmax,
                                    ExpertWeighting::SelectedSoftmax})
    for (size_t tokens : {200, 201}) {
      Layer layer(8, tokens, {2, weighting});
      std::vector<uint8_t> kept{1, 1, 0, 1, 1, 1, 0, 1};
      double median = llvm::cantFail(getMedianRatio(layer.layer.routing, layer.logits, kept));
      EXPECT_EQ(countSkipped(layer, kept, median), 100u);
      EXPECT_EQ(countSkipped(layer, kept, 0), 0u);
      // Every second weight is smaller here.
      EXPECT_EQ(countSkipped(layer, kept, 1), tokens);
    }
  EXPECT_EQ(llvm::toString(getMedianRatio({1}, {0.f, 1.f}, {1, 1}).takeError()),
            "only the second of two experts can be skipped; k is 1");
  EXPECT_EQ(llvm::toString(getMedianRatio({2}, {}, {1, 1}).takeError()),
            "there are no tokens to take a median of");
}

} // namespace
