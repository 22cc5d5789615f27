//===- FoldMasks.cpp - masks into weights -*- C++ -*-===//
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
#define GEN_PASS_DEF_FOLDMASKS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct FoldMasks : public compress::impl::FoldMasksBase<FoldMasks> {
  using Base::Base;

  void runOnOperation() override {
    WeightStore store(&getContext());
    WeightSymbols symbols(getOperation());
    auto remarkOptions = remark::RemarkOpts::name("compress-fold-masks").category("fold-masks");
    SmallVector<MaskOp> masks;
    getOperation().walk([&](MaskOp mask) { masks.push_back(mask); });
    for (MaskOp mask : masks) {
      FailureOr<WeightChain> chain = getWeightChain(mask.getResult());
      std::string reason = failed(chain) ? "it is not on a weight" : explainUnsupported(*chain);
      if (!reason.empty()) {
        remark::missed(mask.getLoc(), remarkOptions) << "mask is left alone: " + reason;
        continue;
      }
      auto emitError = [&] { return mask.emitError(); };
      FailureOr<EncodedWeight> weight = readEncodedWeight(store, *chain, emitError);
      if (failed(weight))
        return signalPassFailure();
      if (weight->mask) {
        remark::missed(mask.getLoc(), remarkOptions)
            << "mask is left alone: " + explainNoZeroCode(*weight);
        continue;
      }
      OpBuilder builder(mask);
      Value folded = writeEncodedWeight(builder, symbols, store, chain->source,
                                        chain->source.getWeightName(), *weight);
      mask.getResult().replaceAllUsesWith(folded);
      mask.erase();
      remark::passed(folded.getLoc(), remarkOptions)
          << "mask is folded into weight '" + chain->source.getWeightName() + "'";
    }
    removeDeadWeights(getOperation());
  }
};
} // namespace
