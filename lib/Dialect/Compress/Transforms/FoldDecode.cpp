//===- FoldDecode.cpp - compressed weights to dense ones -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_FOLDDECODE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// Whether chains on weights are all that uses `value`: as what a further link decodes, or as (a
/// part of) its scale.
static bool isInner(Value value) {
  return !value.use_empty() && llvm::all_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (auto next = dyn_cast<DecodeOpInterface>(user))
      return &next.getEncodedOperand() == &use || succeeded(getWeightChain(user->getResult(0)));
    return isa<AddOp, ReshapeOp>(user) && isStoredExpression(user->getResult(0)) &&
           isInner(user->getResult(0));
  });
}

/// Links of decode chains whose result something else than a chain takes, or nothing.
static SmallVector<Operation *> collectRoots(ModuleOp module) {
  SmallVector<Operation *> roots;
  module.walk([&](DecodeOpInterface link) {
    if (!isInner(link->getResult(0)))
      roots.push_back(link);
  });
  return roots;
}

namespace {
/// Links that decode the same bytes in the same way: tied weights stay tied.
struct Group {
  WeightChain chain;
  SmallVector<Operation *, 1> links;
};

struct FoldDecode : public compress::impl::FoldDecodeBase<FoldDecode> {
  using Base::Base;

  void runOnOperation() override {
    auto remarkOptions = remark::RemarkOpts::name("compress-fold-decode").category("fold-decode");
    std::vector<Group> groups;
    for (Operation *link : collectRoots(getOperation())) {
      FailureOr<WeightChain> chain = getWeightChain(link->getResult(0));
      if (failed(chain)) {
        remark::missed(link->getLoc(), remarkOptions)
            << ("'" + link->getName().getStringRef() + "' is left alone: it is not on a weight")
                   .str();
        continue;
      }
      auto same = llvm::find_if(
          groups, [&](const Group &group) { return isSameDecoding(group.chain, *chain); });
      if (same != groups.end())
        same->links.push_back(link);
      else
        groups.push_back({std::move(*chain), {link}});
    }
    WeightStore store(&getContext());
    WeightSymbols symbols(getOperation());
    for (Group &group : groups) {
      auto emitError = [&] { return group.links.front()->emitError(); };
      FailureOr<StoredTensor> dense = decodeChain(store, group.chain, emitError);
      if (failed(dense))
        return signalPassFailure();
      std::string name = group.chain.getSourceName();
      Operation *made = nullptr;
      for (Operation *link : group.links) {
        OpBuilder builder(link);
        Value value = made ? builder.clone(*made)->getResult(0)
                           : dense->materialize(builder, symbols, store, group.chain.source,
                                                getBaseName(name).str() + ".dense");
        made = value.getDefiningOp();
        link->getResult(0).replaceAllUsesWith(value);
      }
      remark::passed(made->getLoc(), remarkOptions) << "weight '" + name + "' is dense again";
    }
    removeDeadWeights(getOperation());
  }
};
} // namespace
