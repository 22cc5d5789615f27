//===- UnmergeAdapters.cpp - LoRA adapters out of weights -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AdapterTargets.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_UNMERGEADAPTERS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
/// The targets of one entry.
struct Unmerge {
  SmallVector<const AdapterTarget *, 1> targets;
  std::optional<AdapterFactors> factors;
  UpdatedWeight result;

  const AdapterTarget &first() const { return *targets.front(); }
};

struct UnmergeAdapters : public compress::impl::UnmergeAdaptersBase<UnmergeAdapters> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<AdapterFile> adapter = openAdapter(module, getArgument(), file, alpha);
    if (failed(adapter))
      return signalPassFailure();
    FailureOr<std::vector<AdapterTarget>> targets = findTargets(module, *adapter);
    if (failed(targets))
      return signalPassFailure();
    std::vector<Unmerge> unmerges;
    for (const AdapterTarget &target : *targets) {
      if (unmerges.empty() || unmerges.back().first().entry != target.entry)
        unmerges.emplace_back();
      unmerges.back().targets.push_back(&target);
    }

    WeightStore store(&getContext());
    for (Unmerge &unmerge : unmerges)
      if (failed(compute(store, *adapter, unmerge)))
        return signalPassFailure();
    WeightReplacer replacer(module);
    for (Unmerge &unmerge : unmerges)
      if (unmerge.result.skipped.empty())
        commit(store, replacer, unmerge);
    for (const Unmerge &unmerge : unmerges) {
      SmallVector<const WeightedOp *> users;
      for (const AdapterTarget *target : unmerge.targets)
        users.push_back(&target->op);
      std::string rank = std::to_string(unmerge.first().entry->rank);
      tellUpdate(module, getArgument(), users, unmerge.result,
                 "adapter of rank " + rank + " is taken out" +
                     (attach ? " and added as a branch" : ""),
                 "the adapter is not taken out");
    }
    replacer.finish();
  }

  LogicalResult compute(WeightStore &store, const AdapterFile &adapter, Unmerge &unmerge) {
    auto emitError = [&] { return unmerge.first().op.op->emitError(); };
    FailureOr<AdapterFactors> factors = makeFactors(store, adapter, unmerge.first(), emitError);
    if (failed(factors))
      return failure();
    LowRankUpdate update = makeUpdate(unmerge.first(), *factors);
    update.scale = -1;
    FailureOr<UpdatedWeight> result = updateWeight(store, unmerge.first().op, update, emitError);
    if (failed(result))
      return failure();
    unmerge.result = std::move(*result);
    unmerge.factors = std::move(*factors);
    return success();
  }

  void commit(WeightStore &store, WeightReplacer &replacer, Unmerge &unmerge) {
    std::pair<StringAttr, StringAttr> shared;
    for (const AdapterTarget *target : unmerge.targets) {
      if (unmerge.result.weight && target == &unmerge.first())
        replacer.replace(store, target->op, *unmerge.result.weight);
      else if (unmerge.result.weight)
        replacer.reuse(unmerge.first().op, target->op);
      if (attach)
        attachAdapter(store, replacer.getSymbols(), *target, *unmerge.factors, shared);
    }
  }
};
} // namespace
