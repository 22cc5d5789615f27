//===- ChannelScaling.h - where a scale of channels can go -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dividing the channels of an activation by positive factors, and multiplying the weights that
// contract it by the same factors, keeps the output of a model. The planner finds which constants
// have to change so that the division costs nothing: it follows the channels from the activation to
// everything that makes or uses it.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_CHANNELSCALING_H
#define COMPRESS_ANALYSIS_CHANNELSCALING_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Analysis/WeightChain.h"
#include <vector>

namespace mlir {
namespace compress {

/// Constants that have to change together. Channels of the start value that must have one factor,
/// because one element of some constant meets them all, are one class; the classes are numbered
/// from 0. In vectors of classes, -1 stands for elements that keep their values.
struct ChannelScalingPlan {
  /// Class of each channel of the start value.
  std::vector<int32_t> classes;
  size_t numClasses = 0;

  /// A constant operand whose element at index k of the middle of `view` is multiplied (or
  /// divided) by the factor of class `classes[k]`.
  struct Edit {
    OpOperand *operand = nullptr;
    WeightChain chain;
    /// View of `chain.root`.
    BlockView view;
    std::vector<int32_t> classes;
    bool multiply = false;
    /// The operand is the weight of `operand->getOwner()`, not a bias or the scale of a norm.
    bool isWeight = false;
  };
  SmallVector<Edit, 4> edits;

  /// A weighted op whose activation is divided: class of each of its input channels, and its edit.
  struct Consumer {
    WeightedOp op;
    std::vector<int32_t> classes;
    size_t edit = 0;
  };
  SmallVector<Consumer, 4> consumers;

  /// A weighted op whose result is divided: class of each of its output channels, and its edit.
  struct Producer {
    WeightedOp op;
    std::vector<int32_t> classes;
    size_t edit = 0;
  };
  SmallVector<Producer, 2> producers;
};

/// Plans scalings of one module. What it knows of shared weights is from when it was made, except
/// for weights that only became unused.
class ChannelScalingPlanner {
public:
  explicit ChannelScalingPlanner(Operation *root);

  /// Plans the scaling of the channels along `dim` of `value`; the reason, which names the op that
  /// is in the way, if it cannot be done. Changes nothing.
  FailureOr<ChannelScalingPlan> plan(Value value, int64_t dim, std::string &reason);

  /// The dim of input channels of the activation of `op`; nothing if the op has no activation that
  /// could be scaled.
  static std::optional<int64_t> getInputChannelDim(const WeightedOp &op);

private:
  /// Final uses of stored weights.
  llvm::DenseMap<const void *, SmallVector<OpOperand *, 2>> uses;
  std::string explainShared(const ChannelScalingPlan &plan) const;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_CHANNELSCALING_H
