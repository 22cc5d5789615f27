//===- StructuredScores.h - how much a channel matters ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores of whole structures (channels, neurons, heads), and which of them go.
//
// A weight is a row-major tensor seen as (outer, K, inner); K is the dim whose
// indices are removed. A unit is a set of these indices (a head has many). The
// score of a unit is the sum of its elements' scores:
//
//   L1             |w|
//   L2             w^2, and the root of the sum (the norm of the slice)
//   Wanda          |w| * ||x||_2 of the input channel (Sun et al., 2023)
//   Flap           w^2 * Var(x) of the input channel: Var(x_j) * ||W_:j||^2 of
//                  the columns of a consumer (An et al., 2023); of heads the
//                  sum of the squares of that
//   Lamp           w^2 / (sum of the w^2 in the tensor that are not smaller)
//                  (Lee et al., 2020); of equal ones the later counts as smaller
//   Taylor         |w * g|                  } g: gradient of the loss with
//   Taylor2        |w^2 * E[g^2]|           } respect to w
//   TaylorMixed    |w * g - w^2 * E[g^2]/2| } (LLM-Pruner, Ma et al., 2023)
//   TaylorVector   |sum of w * g over the slice of one index|, summed
//
// Sums are in f64 in the order of the elements. The smallest scores are removed;
// ties: the higher index goes.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_STRUCTUREDSCORES_H
#define COMPRESS_ALGORITHMS_STRUCTUREDSCORES_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace mlir::compress {

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// See the head of this file.
enum class StructuredScore : uint8_t {
  L1,
  L2,
  Wanda,
  Flap,
  Lamp,
  Taylor,
  Taylor2,
  TaylorMixed,
  TaylorVector
};

/// Which input channel the element at position `e` of a weight meets:
/// `e / stride % size + e / (elements / groups) * size`.
struct InputChannels {
  /// Elements between neighbours along the dim of input channels, and its size.
  uint64_t stride = 1, size = 1;
  /// Groups of a convolution whose weight is `[output channels, size, ...]`.
  uint64_t groups = 1;
};

/// What scores are computed from.
struct StructuredInputs {
  BlockView view;
  /// `view.getNumElements()` elements.
  llvm::ArrayRef<float> weight;
  /// Taylor scores: mean gradients and mean squares of gradients, one per element.
  llvm::ArrayRef<float> gradient, gradientSquares;
  /// Wanda: norms, Flap: variances of the input channels (`channels.size * channels.groups`).
  llvm::ArrayRef<double> channelFactors;
  InputChannels channels;
  /// Flap: scores of columns are squared before they are summed.
  bool unitsAreHeads = false;
};

/// Units as sets of indices of K: those of unit `u` are `indices[offsets[u]]` to
/// `indices[offsets[u + 1]]`.
struct UnitSlices {
  llvm::ArrayRef<int64_t> offsets, indices;
  size_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
};

/// A score for every unit.
std::vector<double> scoreUnits(StructuredScore score, const StructuredInputs &inputs,
                               UnitSlices units);

/// L1 or L2 scores of a weight of which every element is `value`.
std::vector<double> scoreUnitsOfSplat(StructuredScore score, BlockView view, double value,
                                      UnitSlices units);

/// Scores in [0, 1) that depend on the arguments only.
std::vector<double> makeRandomScores(uint64_t seed, llvm::StringRef name, size_t count);

/// Makes scores of several groups comparable: divides by their mean. Nothing if that is 0.
void normalizeByMean(llvm::MutableArrayRef<double> scores);
/// z-scores, with the standard deviation of a sample; all 0 if there is none (FLAP).
void normalizeByDeviation(llvm::MutableArrayRef<double> scores);

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// Largest number of `units` that can be removed such that what remains is at least 1 and a
/// multiple of `roundTo` (>= 1), hence 0 for groups that are no larger than that.
int64_t getRemovalLimit(int64_t units, int64_t roundTo);

/// `removed` of `units` such that what remains is a multiple of `roundTo`, rounded down, at least
/// `roundTo` and at least 1. Of fewer than `roundTo` units none is removed.
int64_t roundRemoval(int64_t units, int64_t removed, int64_t roundTo);

/// How many units every group loses if all lose the share `ratio`: rounded such that the groups up
/// to any one together lose `round(ratio * units)` if their limits allow it, so that the total is
/// right in models of many small groups. `roundTo` is applied to each group after that.
std::vector<int64_t> shareRemovals(llvm::ArrayRef<int64_t> units, double ratio, int64_t roundTo);

/// One byte per score, 1 = kept: all but the `removed` smallest.
std::vector<uint8_t> keepLargest(llvm::ArrayRef<double> scores, int64_t removed);

/// A group whose units compete with those of others.
struct RankedGroup {
  llvm::ArrayRef<double> scores;
  /// What a unit counts of the total.
  double unitWeight = 1;
};

/// The order in which the units of several groups go under one threshold: numbers of groups, of
/// which each time the unit that has the smallest score and is left goes. As long as the limit of
/// each group. Ties: the later group.
std::vector<size_t> rankRemovals(llvm::ArrayRef<RankedGroup> groups, int64_t roundTo);

/// How many steps of `order` remove a share of the total weight that is closest to `ratio`; of two
/// equally close ones the smaller number.
size_t countSteps(llvm::ArrayRef<RankedGroup> groups, llvm::ArrayRef<size_t> order, double ratio);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_STRUCTUREDSCORES_H
