//===- ChannelPermutationPlan.h - where channels can be reordered -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reordering the channels of an activation keeps the output of a model if everything that makes or
// uses these channels is reordered, too. The planner follows them by the dimension relations of
// ops, to the constants that have to change. What channels may change places comes out of it: all
// hidden channels of an MLP, those of the same head of an attention, those of the same part of a
// concat.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_CHANNELPERMUTATIONPLAN_H
#define COMPRESS_ANALYSIS_CHANNELPERMUTATIONPLAN_H

#include "compress/Analysis/WeightChain.h"
#include <vector>

namespace mlir {
namespace compress {

/// What has to change together. Elements of values and constants have labels: those below
/// `numChannels` are the channels of the start value; elements with other labels go along.
struct ChannelPermutationPlan {
  int64_t numChannels = 0;

  /// Classes of labels that may change places in any order. `classes[c]` lists what goes along with
  /// each other; when class c takes the place of class d, `classes[c][i]` takes that of
  /// `classes[d][i]`.
  struct Orbit {
    std::vector<SmallVector<int32_t, 1>> classes;
  };
  /// Each with at least two classes, in order of their first label.
  std::vector<Orbit> orbits;
  size_t numLabels = 0;

  /// A constant operand with the labels of its elements: by the indices along `dims` of
  /// `chain.root` (increasing), row-major.
  struct Edit {
    OpOperand *operand = nullptr;
    WeightChain chain;
    SmallVector<int64_t, 2> dims;
    std::vector<int32_t> labels;
  };
  std::vector<Edit> edits;

  /// A weighted op whose activation, or whose result, is reordered: label of each channel.
  struct Layer {
    WeightedOp op;
    std::vector<int32_t> labels;
  };
  std::vector<Layer> consumers, producers;

  /// Whether channel c of the activation of a layer is channel c of the start value.
  bool isAligned(const Layer &layer) const;

  /// The label whose element comes to the place of each label, where `orders[o][c]` is the class of
  /// orbit o that comes to the place of its class c.
  std::vector<int32_t> getSources(ArrayRef<std::vector<uint32_t>> orders) const;
};

/// Channels of the new order as channels of the old one, for a vector of labels: what `sources`
/// means for one dim.
std::vector<uint32_t> getChannelOrder(ArrayRef<int32_t> labels, ArrayRef<int32_t> sources);

/// Plans reorderings of one module. What it knows of shared weights is from when it was made,
/// except for weights that only became unused.
class ChannelPermutationPlanner {
public:
  explicit ChannelPermutationPlanner(Operation *root);

  /// Plans the reordering of the channels along `dim` of `value`; the reason, which names the op
  /// that is in the way, if it cannot be done. Changes nothing.
  FailureOr<ChannelPermutationPlan> plan(Value value, int64_t dim, std::string &reason);

  /// Why the constants of a plan cannot be changed: the op that shares one of them and is not in
  /// the plan. Empty if they can; small parameters can, each user gets its own.
  std::string explainShared(const ChannelPermutationPlan &plan) const;

private:
  /// Final uses of stored weights.
  llvm::DenseMap<const void *, SmallVector<OpOperand *, 2>> uses;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_CHANNELPERMUTATIONPLAN_H
