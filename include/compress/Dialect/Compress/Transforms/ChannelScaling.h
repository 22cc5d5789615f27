//===- ChannelScaling.h - scaling channels of activations ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_CHANNELSCALING_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_CHANNELSCALING_H

#include "compress/Analysis/ChannelScaling.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Recipe/Recipe.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir {
namespace compress {

/// Ops that are scaled together because they contract the same activation, and how.
struct ScalingGroup {
  ChannelScalingPlan plan;
  /// What the pass does to each of `plan.consumers`; nothing for those that it only has to scale
  /// along with the others.
  SmallVector<std::optional<QuantizeSpec>, 4> specs;
  /// "fc1", or "q" and 2 more, for remarks.
  std::string describe() const;
  Location getLoc() const { return plan.consumers.front().op.op->getLoc(); }
};

/// The ops below `module` that a pass with this transform works on. `fallback` is the specification
/// of ops in a module without plans; nothing: such a module is left alone.
std::vector<std::pair<WeightedOp, QuantizeSpec>>
collectTransformed(ModuleOp module, QuantizeTransform transform,
                   const std::optional<QuantizeSpec> &fallback);

/// Plans the scaling of the activations of these ops, group after group, and calls `visit`, which
/// may apply it. From the last group to the first: a scale goes into rows of weights before it,
/// whose columns are looked at afterwards. Ops that cannot be scaled are missed remarks of the
/// category `category` with the reason.
LogicalResult forEachScalingGroup(ModuleOp module,
                                  ArrayRef<std::pair<WeightedOp, QuantizeSpec>> ops,
                                  StringRef passName, StringRef category,
                                  llvm::function_ref<LogicalResult(ScalingGroup &)> visit);

/// Rounds positive factors to the nearest power of two (in the exponent), so that scaling by them
/// is exact.
void roundToPowersOfTwo(MutableArrayRef<float> factors);

/// Divides activations by `factors` (one positive finite factor per class of the plan) and changes
/// all constants of the plan: new weights are made, computed in f64 and rounded once; statistics of
/// the activations and results are rescaled. Returns why nothing was changed: a scaled weight would
/// not be finite. Failure with a diagnostic where bytes cannot be read.
FailureOr<std::string> applyChannelScaling(WeightStore &store, WeightSymbols &symbols,
                                           const ChannelScalingPlan &plan, ArrayRef<float> factors,
                                           Statistics *statistics);

/// Puts a new dense weight in place of the one that `operand` uses; `values` has the type of
/// `chain.root`. Its name gets `suffix` where it does not have it yet.
void replaceWeight(WeightStore &store, WeightSymbols &symbols, OpOperand &operand,
                   const WeightChain &chain, StoredTensor &values, StringRef suffix);

/// All elements of a stored float tensor as floats.
std::vector<float> readFloats(const StoredTensor &tensor);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_CHANNELSCALING_H
