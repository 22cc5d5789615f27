//===- FoldDecode.cpp - compressed weights to dense ones -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

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

/// Links of decode chains whose result something else than a further link takes, or nothing.
static SmallVector<Operation *> collectRoots(ModuleOp module) {
  SmallVector<Operation *> roots;
  module.walk([&](DecodeOpInterface link) {
    bool isInner = llvm::all_of(link->getUses(), [](OpOperand &use) {
      auto next = dyn_cast<DecodeOpInterface>(use.getOwner());
      return next && &next.getEncodedOperand() == &use;
    });
    if (!isInner || link->use_empty())
      roots.push_back(link);
  });
  return roots;
}

namespace {
struct FoldDecode : public compress::impl::FoldDecodeBase<FoldDecode> {
  using Base::Base;

  void runOnOperation() override {
    WeightStore store(&getContext());
    WeightSymbols symbols(getOperation());
    auto remarkOptions = remark::RemarkOpts::name("compress-fold-decode").category("fold-decode");
    for (Operation *link : collectRoots(getOperation())) {
      FailureOr<WeightChain> chain = getWeightChain(link->getResult(0));
      if (failed(chain)) {
        remark::missed(link->getLoc(), remarkOptions)
            << ("'" + link->getName().getStringRef() + "' is left alone: it is not on a weight")
                   .str();
        continue;
      }
      auto emitError = [&] { return link->emitError(); };
      FailureOr<StoredTensor> dense = decodeChain(store, *chain, emitError);
      if (failed(dense))
        return signalPassFailure();
      OpBuilder builder(link);
      std::string name = chain->source.getWeightName();
      Value value = dense->materialize(builder, symbols, store, chain->source,
                                       getBaseName(name).str() + ".dense");
      link->getResult(0).replaceAllUsesWith(value);
      link->erase();
      remark::passed(value.getLoc(), remarkOptions) << "weight '" + name + "' is dense again";
    }
    removeDeadWeights(getOperation());
  }
};
} // namespace
