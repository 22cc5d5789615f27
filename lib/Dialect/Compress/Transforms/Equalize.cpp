//===- Equalize.cpp - cross-layer equalisation -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Equalization.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_EQUALIZE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct Equalize : public compress::impl::EqualizeBase<Equalize> {
  using Base::Base;

  void runOnOperation() override;

private:
  /// Factors of all groups; failure with a diagnostic where bytes cannot be read.
  FailureOr<EqualizationResult> solve(WeightStore &store, ArrayRef<ScalingGroup> groups);
};
} // namespace

FailureOr<EqualizationResult> Equalize::solve(WeightStore &store, ArrayRef<ScalingGroup> groups) {
  /// Weights by operand, with their values.
  llvm::MapVector<OpOperand *, EqualizationTensor> tensors;
  std::vector<std::vector<float>> values;
  std::vector<size_t> numClasses;
  values.reserve(llvm::accumulate(groups, size_t(0), [](size_t sum, const ScalingGroup &group) {
    return sum + group.plan.edits.size();
  }));
  for (auto [pair, group] : llvm::enumerate(groups)) {
    numClasses.push_back(group.plan.numClasses);
    for (const ChannelScalingPlan::Edit &edit : group.plan.edits) {
      // Tables of embeddings have no range to share: they are not quantized with the layers.
      if (!edit.isWeight || isa<EmbeddingOp>(edit.operand->getOwner()))
        continue;
      EqualizationTensor &tensor = tensors[edit.operand];
      tensor.sides.push_back({pair, edit.view, edit.classes, edit.multiply});
      if (tensor.sides.size() > 1)
        continue;
      FailureOr<StoredTensor> stored = StoredTensor::read(
          store, edit.chain.source, [&] { return edit.operand->getOwner()->emitError(); });
      if (failed(stored))
        return failure();
      values.push_back(readFloats(*stored));
      tensor.values = values.back();
    }
  }
  std::vector<EqualizationTensor> list;
  for (auto &[operand, tensor] : tensors)
    list.push_back(std::move(tensor));
  return equalize(list, numClasses, maxSweeps);
}

void Equalize::runOnOperation() {
  ModuleOp module = getOperation();
  auto remarkOptions = remark::RemarkOpts::name("compress-equalize").category("equalize");
  auto skip = [&](const ScalingGroup &group, const Twine &reason) {
    remark::missed(group.getLoc(), remarkOptions)
        << ("the activation of " + group.describe() + " is not scaled: " + reason).str();
  };
  Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  WeightStore store(&getContext());
  WeightSymbols symbols(module);
  std::vector<ScalingGroup> groups;
  auto visit = [&](ScalingGroup &group) {
    bool hasFirst =
        llvm::any_of(group.plan.producers, [](const ChannelScalingPlan::Producer &producer) {
          return !isa<EmbeddingOp>(producer.op.op);
        });
    if (hasFirst)
      groups.push_back(std::move(group));
    else
      skip(group, "no weight makes it");
    return success();
  };
  auto ops = collectTransformed(module, QuantizeTransform::Equalize, QuantizeSpec());
  if (failed(forEachScalingGroup(module, ops, "compress-equalize", "equalize", visit)))
    return signalPassFailure();
  FailureOr<EqualizationResult> result = solve(store, groups);
  if (failed(result))
    return signalPassFailure();
  for (auto [group, all] : llvm::zip_equal(groups, result->factors)) {
    std::vector<float> factors(all.begin(), all.end());
    if (powersOfTwo)
      roundToPowersOfTwo(factors);
    if (!llvm::all_of(factors, [](float factor) { return std::isfinite(factor) && factor > 0; })) {
      skip(group, "a weight is not finite");
      continue;
    }
    // Nothing to do, for example the second time.
    if (llvm::all_of(factors, [](float factor) { return std::fabs(factor - 1) < 1e-4f; }))
      continue;
    FailureOr<std::string> reason =
        applyChannelScaling(store, symbols, group.plan, factors, statistics);
    if (failed(reason))
      return signalPassFailure();
    if (!reason->empty()) {
      skip(group, *reason);
      continue;
    }
    auto [smallest, largest] = std::minmax_element(factors.begin(), factors.end());
    remark::passed(group.getLoc(), remarkOptions)
        << "the activation of " + group.describe() + " is equalised"
        << remark::metric("smallest", *smallest) << remark::metric("largest", *largest);
  }
  removeDeadWeights(module);
}
