//===- MergeAdapters.cpp - LoRA branches into weights ---------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AdapterWeights.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_MERGEADAPTERS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

using Adapters = SmallVector<const Adapter *, 1>;

/// Whether two ops have the same weight and the same adapters.
static bool isSameMerge(const Adapters &a, const Adapters &b) {
  if (a.size() != b.size())
    return false;
  auto isSame = [](const WeightedOp &x, const WeightedOp &y) {
    return x.contractionDims == y.contractionDims && x.outputDims == y.outputDims &&
           isSameDecoding(x.chain, y.chain);
  };
  return llvm::all_of(llvm::zip_equal(a, b), [&](auto pair) {
    const Adapter *x = std::get<0>(pair), *y = std::get<1>(pair);
    return x->scale == y->scale && isSame(x->base, y->base) && isSame(x->a, y->a) &&
           isSame(x->b, y->b) && getAdapterGroups(x->base.op) == getAdapterGroups(y->base.op);
  });
}

namespace {
/// Ops that get the same new weight.
struct Merge {
  std::vector<Adapters> users;
  UpdatedWeight result;
  /// Bytes of the factors.
  uint64_t factorBytes = 0;

  const WeightedOp &first() const { return users.front().front()->base; }
};

struct MergeAdapters : public compress::impl::MergeAdaptersBase<MergeAdapters> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto remarkOptions = remark::RemarkOpts::name(getArgument()).category("adapters");
    AdapterSearch search = findAdapters(module);
    for (RejectedAdapter &rejected : search.rejected)
      remark::missed(rejected.add.getLoc(), remarkOptions)
          << "branch \"" + rejected.branch + "\" beside \"" + rejected.base +
                 "\" is not merged: " + rejected.reason;

    llvm::MapVector<Operation *, Adapters> byBase;
    for (const Adapter &adapter : search.adapters)
      byBase[adapter.base.op].push_back(&adapter);
    std::vector<Merge> merges;
    for (auto &[op, adapters] : byBase) {
      auto same = llvm::find_if(merges, [&, &adapters = adapters](const Merge &merge) {
        return isSameMerge(merge.users.front(), adapters);
      });
      if (same == merges.end())
        same = merges.insert(merges.end(), Merge());
      same->users.push_back(std::move(adapters));
    }

    WeightStore store(&getContext());
    for (Merge &merge : merges)
      if (failed(compute(store, merge)))
        return signalPassFailure();
    WeightReplacer replacer(module);
    for (Merge &merge : merges)
      if (merge.result.skipped.empty())
        commit(store, replacer, merge);
    for (const Merge &merge : merges)
      tell(module, merge);
    replacer.finish();
  }

  LogicalResult compute(WeightStore &store, Merge &merge) {
    auto emitError = [&] { return merge.first().op->emitError(); };
    SmallVector<LowRankUpdate> updates;
    for (const Adapter *adapter : merge.users.front()) {
      FailureOr<LowRankUpdate> update = readUpdate(store, *adapter, emitError);
      if (failed(update))
        return failure();
      updates.push_back(std::move(*update));
      for (const WeightedOp *factor : {&adapter->a, &adapter->b})
        for (WeightSourceOpInterface source : factor->chain.getSources())
          if (FailureOr<uint64_t> size = WeightStore::getStorageBytes(
                  cast<RankedTensorType>(source->getResult(0).getType()));
              succeeded(size))
            merge.factorBytes += *size;
    }
    FailureOr<UpdatedWeight> result = updateWeight(store, merge.first(), updates, emitError);
    if (failed(result))
      return failure();
    merge.result = std::move(*result);
    return success();
  }

  void commit(WeightStore &store, WeightReplacer &replacer, Merge &merge) {
    for (auto [index, adapters] : llvm::enumerate(merge.users)) {
      const WeightedOp &base = adapters.front()->base;
      if (merge.result.weight && index == 0)
        replacer.replace(store, base, *merge.result.weight);
      else if (merge.result.weight)
        replacer.reuse(merge.first(), base);
      for (const Adapter *adapter : adapters) {
        AddOp add = adapter->add;
        add.getResult().replaceAllUsesWith(add->getOperand(1 - adapter->branchOperand));
      }
    }
  }

  void tell(ModuleOp module, const Merge &merge) {
    SmallVector<const WeightedOp *> users;
    int64_t rank = 0;
    for (const Adapters &adapters : merge.users)
      users.push_back(&adapters.front()->base);
    for (const Adapter *adapter : merge.users.front())
      rank += adapter->rank;
    tellUpdate(module, getArgument(), users, merge.result,
               "adapter of rank " + std::to_string(rank) + " is merged",
               "its adapter is not merged", merge.factorBytes);
  }
};
} // namespace
