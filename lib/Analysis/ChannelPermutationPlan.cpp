//===- ChannelPermutationPlan.cpp - where channels can be reordered -------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/ChannelPermutationPlan.h"
#include "ChannelSearch.h"
#include "PermutationSearch.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

/// Parameters of up to this many elements that something else uses, too, are copied.
static constexpr int64_t kMaxCopied = 1 << 16;

bool ChannelPermutationPlan::isAligned(const Layer &layer) const {
  if (static_cast<int64_t>(layer.labels.size()) != numChannels)
    return false;
  for (auto [i, label] : llvm::enumerate(layer.labels))
    if (label != static_cast<int32_t>(i))
      return false;
  return true;
}

std::vector<int32_t>
ChannelPermutationPlan::getSources(ArrayRef<std::vector<uint32_t>> orders) const {
  std::vector<int32_t> sources(numLabels);
  std::iota(sources.begin(), sources.end(), 0);
  for (auto [orbit, order] : llvm::zip_equal(orbits, orders))
    for (auto [c, from] : llvm::enumerate(order))
      for (auto [label, source] : llvm::zip_equal(orbit.classes[c], orbit.classes[from]))
        sources[label] = source;
  return sources;
}

std::vector<uint32_t> mlir::compress::getChannelOrder(ArrayRef<int32_t> labels,
                                                      ArrayRef<int32_t> sources) {
  std::vector<uint32_t> position(sources.size(), 0), order;
  for (auto [i, label] : llvm::enumerate(labels))
    position[label] = static_cast<uint32_t>(i);
  for (int32_t label : labels)
    order.push_back(position[sources[label]]);
  return order;
}

/// What identifies stored bytes: the symbol of a load, else the op that holds them.
static const void *getIdentity(WeightSourceOpInterface source) {
  if (auto load = dyn_cast<LoadOp>(source.getOperation()))
    return load.getWeightAttr().getAsOpaquePointer();
  return source.getOperation();
}

ChannelPermutationPlanner::ChannelPermutationPlanner(Operation *root) {
  root->walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (!isa<TransposeOp, DecodeOpInterface>(op))
        if (FailureOr<WeightChain> chain = getWeightChain(operand.get()); succeeded(chain))
          uses[getIdentity(chain->source)].push_back(&operand);
  });
}

std::string ChannelPermutationPlanner::explainShared(const ChannelPermutationPlan &plan) const {
  using Edit = ChannelPermutationPlan::Edit;
  for (const Edit &edit : plan.edits) {
    const void *identity = getIdentity(edit.chain.source);
    auto all = uses.find(identity);
    if (all == uses.end())
      continue;
    FailureOr<WeightedOp> user = getWeighted(edit.operand->getOwner());
    bool isWeight = succeeded(user) && user->operand == edit.operand;
    if (!isWeight && edit.chain.getType().getNumElements() <= kMaxCopied)
      continue;
    for (OpOperand *use : all->second) {
      FailureOr<WeightChain> chain = getWeightChain(use->get());
      if (use == edit.operand || failed(chain) || getIdentity(chain->source) != identity)
        continue;
      if (llvm::none_of(plan.edits, [&](const Edit &other) {
            return other.operand == use && other.dims == edit.dims && other.labels == edit.labels;
          }))
        return "weight '" + edit.chain.getSourceName() + "' of " +
               describeOp(edit.operand->getOwner()) + " is shared with " +
               describeOp(use->getOwner());
    }
  }
  return "";
}

FailureOr<ChannelPermutationPlan> ChannelPermutationPlanner::plan(Value value, int64_t dim,
                                                                  std::string &reason) {
  PermutationSearch search;
  if (!search.run(value, dim)) {
    reason = search.reason;
    return failure();
  }
  FailureOr<ChannelPermutationPlan> plan = search.finish();
  if (failed(plan)) {
    reason = search.reason;
    return failure();
  }
  reason = explainShared(*plan);
  if (!reason.empty())
    return failure();
  return plan;
}
