//===- ExpertPruning.h - which experts a layer can do without ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lu et al., "Not All Experts are Equal: Efficient Expert Pruning and Skipping
// for Mixture-of-Experts Large Language Models". With Z what a layer computes for
// the calibration tokens, and Z_C what it computes with the subset C of its
// experts (the logits of the others are -infinity; softmax, top-k and
// normalisation as the layer does them),
//
//   loss(C) = sum over batches of || Z - Z_C ||_F
//
// Exhaustive search takes the subset of least loss, the lexicographically first
// of equal ones. Greedy search removes one expert after the other, each time the
// one that leaves the least loss, the first of equal ones. Z and Z_C are rounded
// to f32 before they are compared, in double: the loss of all experts is 0
// exactly where Z is what `combineExperts` gives.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_EXPERTPRUNING_H
#define COMPRESS_ALGORITHMS_EXPERTPRUNING_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <vector>

namespace mlir::compress {

/// How the selected experts are weighed: by the softmax of all logits, by that divided by its sum
/// over the selected ones, or by the softmax of the selected logits.
enum class ExpertWeighting : uint8_t { Softmax, NormalizedSoftmax, SelectedSoftmax };

/// How tokens go to experts: to the `k` of the largest logits, the first of equal ones.
struct ExpertRouting {
  size_t k = 2;
  ExpertWeighting weighting = ExpertWeighting::NormalizedSoftmax;
};

/// What experts apply to their first product.
enum class ExpertFunction : uint8_t { Silu, Gelu, GeluTanh, Relu };

/// The weights of a layer, row-major: `w1` and `w3` (may be empty) `[experts, width, hidden]`, `w2`
/// `[experts, hidden, width]`, `router` `[experts, width]`, `bias` `[experts]` or empty.
struct ExpertWeights {
  size_t experts = 0, width = 0, hidden = 0;
  llvm::ArrayRef<float> router, bias, w1, w3, w2;
  ExpertFunction function = ExpertFunction::Silu;
};

/// Logits `[tokens, experts]` of the tokens `x` `[tokens, width]`.
void computeLogits(const ExpertWeights &weights, const float *x, size_t tokens, float *logits);
/// What every expert computes for every token, `[experts, tokens, width]`. Error: memory.
llvm::Error computeExpertOutputs(const ExpertWeights &weights, const float *x, size_t tokens,
                                 float *outputs, ParallelFor parallelFor = serialFor);

/// A layer on calibration tokens.
struct ExpertLayer {
  size_t tokens = 0, experts = 0, width = 0;
  /// `[tokens, experts]`, `[experts, tokens, width]`, and Z, `[tokens, width]`.
  llvm::ArrayRef<float> logits, outputs, target;
  /// The token after the last one of each batch; increasing, the last is `tokens`.
  llvm::ArrayRef<size_t> batchEnds;
  ExpertRouting routing;
};

/// The experts of one token among those with `kept[e] != 0` (at least k), best first, and their
/// weights. Both results have k elements.
void routeToken(const ExpertRouting &routing, llvm::ArrayRef<float> logits,
                llvm::ArrayRef<uint8_t> kept, llvm::MutableArrayRef<size_t> chosen,
                llvm::MutableArrayRef<double> weights);

/// What the layer computes with the kept experts, `[tokens, width]`.
void combineExperts(const ExpertLayer &layer, llvm::ArrayRef<uint8_t> kept, float *result);

/// loss(C) of the kept experts.
double getExpertLoss(const ExpertLayer &layer, llvm::ArrayRef<uint8_t> kept);

/// How many tokens go to each expert if all are kept.
std::vector<uint64_t> countExpertTokens(const ExpertRouting &routing, llvm::ArrayRef<float> logits,
                                        size_t experts);

/// Subsets of `r` out of `n`; the largest number if it does not fit.
uint64_t countSubsets(uint64_t n, uint64_t r);

/// Subsets up to which `ExpertSearch::Automatic` is exhaustive, and which exhaustive search takes
/// at all.
constexpr uint64_t maxAutomaticSubsets = 1000, maxSubsets = 1000000;

enum class ExpertSearch : uint8_t { Automatic, Exhaustive, Greedy };

struct ExpertChoice {
  /// Increasing.
  std::vector<size_t> kept;
  double loss = 0;
  /// Subsets that were looked at, and whether these are all.
  uint64_t evaluated = 0;
  bool isExhaustive = false;
};

/// Chooses `keep` experts. Errors: fewer than k or more than there are; more than `maxSubsets` for
/// exhaustive search. Does not depend on how `parallelFor` runs.
llvm::Expected<ExpertChoice> chooseExperts(const ExpertLayer &layer, size_t keep,
                                           ExpertSearch search = ExpertSearch::Automatic,
                                           ParallelFor parallelFor = serialFor);

/// The median over tokens of the ratio of the second expert's weight to that of the first one
/// (k = 2), of the kept experts; the mean of the two middle ones if there is an even number. Half
/// of the tokens have a smaller one, up to one token and to equal ratios. Error: no tokens, k != 2.
llvm::Expected<double> getMedianRatio(const ExpertRouting &routing, llvm::ArrayRef<float> logits,
                                      llvm::ArrayRef<uint8_t> kept);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_EXPERTPRUNING_H
