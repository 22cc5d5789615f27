//===- CompressWeights.cpp - prune, share, quantize weight after weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_COMPRESSWEIGHTS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct CompressWeights : public compress::impl::CompressWeightsBase<CompressWeights> {
  using Base::Base;

  void runOnOperation() override {
    WeightRewriteOptions options{"compress-weights", "compress", /*prunes=*/true,
                                 /*quantizes=*/true, /*shares=*/true};
    auto step = [](WeightStore &store, const WeightTask &task, WeightOutcome &outcome) {
      if (failed(pruneStep(store, task, outcome)) || failed(shareStep(store, task, outcome)))
        return failure();
      return quantizeStep(store, task, outcome);
    };
    if (failed(rewriteWeights(getOperation(), options, step)))
      return signalPassFailure();
    if (failed(quantizeActivations(getOperation())))
      return signalPassFailure();
  }
};
} // namespace
