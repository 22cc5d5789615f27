//===- ExpertPruning.cpp - which experts a layer can do without ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ExpertPruning.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::MutableArrayRef;

//===----------------------------------------------------------------------===//
// What experts compute
//===----------------------------------------------------------------------===//

void mlir::compress::computeLogits(const ExpertWeights &weights, const float *x, size_t tokens,
                                   float *logits) {
  gemm<float>(false, true, tokens, weights.experts, weights.width, 1, x, weights.width,
              weights.router.data(), weights.width, 0, logits, weights.experts);
  if (!weights.bias.empty())
    for (size_t i = 0; i < tokens * weights.experts; ++i)
      logits[i] += weights.bias[i % weights.experts];
}

static float activate(ExpertFunction function, double x) {
  constexpr double pi = 3.14159265358979323846;
  switch (function) {
  case ExpertFunction::Silu:
    return static_cast<float>(x / (1 + std::exp(-x)));
  case ExpertFunction::Gelu:
    return static_cast<float>(0.5 * x * (1 + std::erf(x / std::sqrt(2.0))));
  case ExpertFunction::GeluTanh:
    return static_cast<float>(0.5 * x *
                              (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x))));
  case ExpertFunction::Relu:
    break;
  }
  return static_cast<float>(x < 0 ? 0 : x);
}

llvm::Error mlir::compress::computeExpertOutputs(const ExpertWeights &weights, const float *x,
                                                 size_t tokens, float *outputs,
                                                 ParallelFor parallelFor) {
  // Tokens at a time: what is between the products stays small.
  constexpr size_t block = 256;
  size_t width = weights.width, hidden = weights.hidden;
  size_t blocks = (tokens + block - 1) / block;
  std::vector<uint8_t> hasFailed(weights.experts * blocks);
  parallelFor(weights.experts * blocks, [&](size_t task) {
    size_t expert = task / blocks, begin = task % blocks * block;
    size_t count = std::min(block, tokens - begin);
    llvm::Expected<MatrixBuffer<float>> first = allocateMatrix<float>(count * hidden, "experts");
    llvm::Expected<MatrixBuffer<float>> second =
        allocateMatrix<float>(weights.w3.empty() ? 1 : count * hidden, "experts");
    if (!first || !second) {
      hasFailed[task] = 1;
      llvm::consumeError(first.takeError());
      llvm::consumeError(second.takeError());
      return;
    }
    const float *input = x + begin * width;
    size_t offset = expert * width * hidden;
    gemm<float>(false, false, count, hidden, width, 1, input, width, weights.w1.data() + offset,
                hidden, 0, first->get(), hidden);
    if (!weights.w3.empty())
      gemm<float>(false, false, count, hidden, width, 1, input, width, weights.w3.data() + offset,
                  hidden, 0, second->get(), hidden);
    for (size_t i = 0; i < count * hidden; ++i) {
      (*first)[i] = activate(weights.function, (*first)[i]);
      if (!weights.w3.empty())
        (*first)[i] *= (*second)[i];
    }
    gemm<float>(false, false, count, width, hidden, 1, first->get(), hidden,
                weights.w2.data() + offset, width, 0, outputs + (expert * tokens + begin) * width,
                width);
  });
  if (llvm::is_contained(hasFailed, 1))
    return llvm::createStringError("not enough memory for what the experts compute");
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Routing
//===----------------------------------------------------------------------===//

void mlir::compress::routeToken(const ExpertRouting &routing, ArrayRef<float> logits,
                                ArrayRef<uint8_t> kept, MutableArrayRef<size_t> chosen,
                                MutableArrayRef<double> weights) {
  // Insertion into the best so far; equal ones stay behind.
  size_t found = 0;
  for (size_t expert = 0; expert < logits.size(); ++expert) {
    if (!kept[expert])
      continue;
    size_t place = found;
    while (place > 0 && logits[expert] > logits[chosen[place - 1]])
      --place;
    if (place >= routing.k)
      continue;
    found = std::min(found + 1, routing.k);
    for (size_t i = found - 1; i > place; --i)
      chosen[i] = chosen[i - 1];
    chosen[place] = expert;
  }
  double top = logits[chosen[0]], all = 0, selected = 0;
  for (size_t i = 0; i < routing.k; ++i) {
    weights[i] = std::exp(logits[chosen[i]] - top);
    selected += weights[i];
  }
  if (routing.weighting == ExpertWeighting::Softmax)
    for (size_t expert = 0; expert < logits.size(); ++expert)
      all += kept[expert] ? std::exp(logits[expert] - top) : 0;
  // Softmax and sum, or the softmax of the selected ones, are the same number.
  double sum = routing.weighting == ExpertWeighting::Softmax ? all : selected;
  for (size_t i = 0; i < routing.k; ++i)
    weights[i] /= sum;
}

/// Calls `fn` with every token, what it goes to and how much of it.
template <typename Fn>
static void forEachToken(const ExpertRouting &routing, ArrayRef<float> logits, size_t experts,
                         ArrayRef<uint8_t> kept, Fn fn) {
  std::vector<size_t> chosen(routing.k);
  std::vector<double> weights(routing.k);
  for (size_t token = 0; token < logits.size() / experts; ++token) {
    routeToken(routing, logits.slice(token * experts, experts), kept, chosen, weights);
    fn(token, ArrayRef<size_t>(chosen), ArrayRef<double>(weights));
  }
}

/// Calls `fn` with every token and what the layer computes for it, in double.
template <typename Fn>
static void forEachResult(const ExpertLayer &layer, ArrayRef<uint8_t> kept, Fn fn) {
  std::vector<double> sums(layer.width);
  forEachToken(layer.routing, layer.logits, layer.experts, kept,
               [&](size_t token, ArrayRef<size_t> chosen, ArrayRef<double> weights) {
                 std::fill(sums.begin(), sums.end(), 0);
                 for (size_t i = 0; i < chosen.size(); ++i) {
                   const float *output =
                       layer.outputs.data() + (chosen[i] * layer.tokens + token) * layer.width;
                   for (size_t d = 0; d < layer.width; ++d)
                     sums[d] += weights[i] * output[d];
                 }
                 fn(token, ArrayRef<double>(sums));
               });
}

void mlir::compress::combineExperts(const ExpertLayer &layer, ArrayRef<uint8_t> kept,
                                    float *result) {
  forEachResult(layer, kept, [&](size_t token, ArrayRef<double> sums) {
    for (size_t d = 0; d < layer.width; ++d)
      result[token * layer.width + d] = static_cast<float>(sums[d]);
  });
}

double mlir::compress::getExpertLoss(const ExpertLayer &layer, ArrayRef<uint8_t> kept) {
  double loss = 0, squares = 0;
  size_t batch = 0;
  forEachResult(layer, kept, [&](size_t token, ArrayRef<double> sums) {
    for (size_t d = 0; d < layer.width; ++d) {
      double difference =
          static_cast<double>(layer.target[token * layer.width + d]) - static_cast<float>(sums[d]);
      squares += difference * difference;
    }
    while (batch < layer.batchEnds.size() && token + 1 >= layer.batchEnds[batch]) {
      loss += std::sqrt(squares);
      squares = 0;
      ++batch;
    }
  });
  return loss;
}

std::vector<uint64_t> mlir::compress::countExpertTokens(const ExpertRouting &routing,
                                                        ArrayRef<float> logits, size_t experts) {
  std::vector<uint64_t> counts(experts);
  std::vector<uint8_t> all(experts, 1);
  forEachToken(routing, logits, experts, all,
               [&](size_t, ArrayRef<size_t> chosen, ArrayRef<double>) {
                 for (size_t expert : chosen)
                   ++counts[expert];
               });
  return counts;
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

uint64_t mlir::compress::countSubsets(uint64_t n, uint64_t r) {
  if (r > n)
    return 0;
  unsigned __int128 count = 1;
  for (uint64_t i = 1; i <= std::min(r, n - r); ++i) {
    count = count * (n - i + 1) / i;
    if (count > std::numeric_limits<uint64_t>::max())
      return std::numeric_limits<uint64_t>::max();
  }
  return static_cast<uint64_t>(count);
}

/// All subsets of `keep` out of `experts`, in lexicographic order.
static std::vector<std::vector<size_t>> listSubsets(size_t experts, size_t keep) {
  std::vector<std::vector<size_t>> subsets;
  std::vector<size_t> subset(keep);
  std::iota(subset.begin(), subset.end(), 0);
  while (true) {
    subsets.push_back(subset);
    size_t i = keep;
    while (i > 0 && subset[i - 1] == experts - keep + i - 1)
      --i;
    if (i == 0)
      return subsets;
    ++subset[i - 1];
    for (; i < keep; ++i)
      subset[i] = subset[i - 1] + 1;
  }
}

static std::vector<uint8_t> toMask(ArrayRef<size_t> kept, size_t experts) {
  std::vector<uint8_t> mask(experts, 0);
  for (size_t expert : kept)
    mask[expert] = 1;
  return mask;
}

/// The candidate of least loss, the first of equal ones; sets `loss`.
static size_t findBest(const ExpertLayer &layer, ArrayRef<std::vector<size_t>> candidates,
                       ParallelFor parallelFor, double &loss) {
  std::vector<double> losses(candidates.size());
  parallelFor(candidates.size(), [&](size_t i) {
    losses[i] = getExpertLoss(layer, toMask(candidates[i], layer.experts));
  });
  size_t best = std::min_element(losses.begin(), losses.end()) - losses.begin();
  loss = losses[best];
  return best;
}

static ExpertChoice chooseGreedily(const ExpertLayer &layer, size_t keep, ParallelFor parallelFor) {
  ExpertChoice choice;
  choice.kept.resize(layer.experts);
  std::iota(choice.kept.begin(), choice.kept.end(), 0);
  choice.loss = getExpertLoss(layer, toMask(choice.kept, layer.experts));
  choice.evaluated = 1;
  while (choice.kept.size() > keep) {
    std::vector<std::vector<size_t>> candidates;
    for (size_t i = 0; i < choice.kept.size(); ++i) {
      candidates.push_back(choice.kept);
      candidates.back().erase(candidates.back().begin() + i);
    }
    size_t best = findBest(layer, candidates, parallelFor, choice.loss);
    choice.evaluated += candidates.size();
    choice.kept = std::move(candidates[best]);
  }
  return choice;
}

llvm::Expected<ExpertChoice> mlir::compress::chooseExperts(const ExpertLayer &layer, size_t keep,
                                                           ExpertSearch search,
                                                           ParallelFor parallelFor) {
  if (keep < layer.routing.k || keep > layer.experts)
    return llvm::createStringError(
        "expects to keep between k = " + std::to_string(layer.routing.k) + " and all " +
        std::to_string(layer.experts) + " experts, got " + std::to_string(keep));
  uint64_t subsets = countSubsets(layer.experts, keep);
  if (search == ExpertSearch::Automatic)
    search = subsets <= maxAutomaticSubsets ? ExpertSearch::Exhaustive : ExpertSearch::Greedy;
  if (search == ExpertSearch::Greedy)
    return chooseGreedily(layer, keep, parallelFor);
  if (subsets > maxSubsets)
    return llvm::createStringError("there are " + std::to_string(subsets) + " ways to keep " +
                                   std::to_string(keep) + " of " + std::to_string(layer.experts) +
                                   " experts; exhaustive search takes at most " +
                                   std::to_string(maxSubsets));
  std::vector<std::vector<size_t>> candidates = listSubsets(layer.experts, keep);
  ExpertChoice choice;
  choice.kept = candidates[findBest(layer, candidates, parallelFor, choice.loss)];
  choice.evaluated = candidates.size();
  choice.isExhaustive = true;
  return choice;
}

llvm::Expected<double> mlir::compress::getMedianRatio(const ExpertRouting &routing,
                                                      ArrayRef<float> logits,
                                                      ArrayRef<uint8_t> kept) {
  if (routing.k != 2)
    return llvm::createStringError("only the second of two experts can be skipped; k is " +
                                   std::to_string(routing.k));
  std::vector<double> ratios;
  forEachToken(routing, logits, kept.size(), kept,
               [&](size_t, ArrayRef<size_t>, ArrayRef<double> weights) {
                 ratios.push_back(weights[1] / weights[0]);
               });
  if (ratios.empty())
    return llvm::createStringError("there are no tokens to take a median of");
  size_t middle = ratios.size() / 2;
  std::nth_element(ratios.begin(), ratios.begin() + middle, ratios.end());
  if (ratios.size() % 2)
    return ratios[middle];
  double below = *std::max_element(ratios.begin(), ratios.begin() + middle);
  return (below + ratios[middle]) / 2;
}
