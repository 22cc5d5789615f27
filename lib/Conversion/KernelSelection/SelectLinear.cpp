//===- SelectLinear.cpp - linear ops with a dense weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearCall.h"
#include "compress/Codegen/CPU/LinearKernel.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// linear of f32 with a dense weight, and what follows it:
///
///   %y = compress.linear %x, %w        ->  %y = compress.kernel_call @linear_f32_...
///   %z = compress.relu %y                         ins(%x as matrix, packed %w) outs(...)
struct LinearPattern : public KernelPattern<LinearOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    FailureOr<LinearSite> site = matchLinear(rewriter, op);
    if (failed(site) || !site->chain.isDense())
      return rewriter.notifyMatchFailure(op, "no dense f32 weight");
    int64_t rank = cast<RankedTensorType>(op.getType()).getRank();
    EpilogueMatch match = matchEpilogue(kernels, op, op.getBias(), rank - 1);
    rewriter.setInsertionPoint(match.last);
    FailureOr<Value> panels = packDensePanels(rewriter, kernels, *site, [&] {
      return StoredTensor::read(kernels.store, site->chain.source,
                                [&] { return op.emitOpError("weight: "); });
    });
    if (failed(panels))
      return failure();
    func::FuncOp kernel =
        getLinearKernel(kernels.library, {site->inputs, site->outputs, match.epilogue});
    replaceLinear(rewriter, kernels, *site, match, kernel, op.getInput(), *panels);
    return success();
  }
};
} // namespace

void compress::populateLinearKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels) {
  patterns.add<LinearPattern>(kernels);
}
