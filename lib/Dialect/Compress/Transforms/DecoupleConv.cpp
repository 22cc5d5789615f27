//===- DecoupleConv.cpp - depthwise and 1x1 convolutions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SplitWeights.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_DECOUPLECONV
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

static uint64_t product(ArrayRef<int64_t> sizes) {
  uint64_t result = 1;
  for (int64_t size : sizes)
    result *= static_cast<uint64_t>(size);
  return result;
}

/// Whether the op has a depthwise form and is not depthwise itself: its channels are several per
/// group.
static bool canDecouple(const WeightedOp &op) {
  std::optional<FactorForm> form = getFactorForm(op.op, "depthwise", 1);
  if (!form)
    return false;
  // Batch dims are groups and channels of a group.
  int64_t group = form->batchDims.size() > 1 ? form->view[form->batchDims.back()] : 1;
  return group > 1;
}

/// Parameters and multiply-accumulates per position of the result.
static std::string describeCost(const SplitTask &task, const SplitOutcome &outcome) {
  const FactorForm &form = outcome.form;
  uint64_t before = product(form.view), rows = product(form.rowFactor.shape),
           columns = product(form.columnFactor.shape);
  return llvm::formatv(
      "{0} parameters instead of {1}, {2} multiplications per position instead of "
      "{1}",
      rows + columns, before,
      static_cast<uint64_t>(double(rows) * form.rowUses + double(columns) * form.columnUses));
}

namespace {
struct DecoupleConv : public compress::impl::DecoupleConvBase<DecoupleConv> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    if (terms < 1)
      return emitError(UnknownLoc::get(context))
             << "option 'terms': expects a positive number, got " << terms.getValue();
    return success();
  }

  void runOnOperation() override {
    LowRankSpec spec;
    spec.target = LowRankTarget::Rank;
    spec.rank = terms;
    spec.method = LowRankMethod::Auto;
    spec.form = LowRankForm::Depthwise;
    SplitOptions options;
    options.passName = "compress-decouple-conv";
    options.needsFewer = false;
    auto getSpec = [&](const WeightedOp &op) -> std::optional<LowRankSpec> {
      return canDecouple(op) ? std::optional(spec) : std::nullopt;
    };
    options.getSpec = getSpec;
    options.describe = describeCost;
    if (failed(splitWeights(getOperation(), options)))
      signalPassFailure();
  }
};
} // namespace
