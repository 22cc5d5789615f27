//===- ShareWeights.cpp - weights that are stored once ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Plans.h"
#include "ShareDuplicates.h"
#include "ShareLayers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_SHAREWEIGHTS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct ShareWeights : public compress::impl::ShareWeightsBase<ShareWeights> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  bool isAsked(ShareKind kind);

  ShareSpecs given;
};
} // namespace

LogicalResult ShareWeights::initialize(MLIRContext *context) {
  given.clear();
  if (share.empty())
    return success();
  llvm::Expected<ShareSpecs> specs = parseShareSpecs(share);
  if (!specs)
    return emitError(UnknownLoc::get(context))
           << "option 'share': " << llvm::toString(specs.takeError());
  given = std::move(*specs);
  return success();
}

/// Calls `visit` with the plan of every op, and of every part of one.
static void forEachPlan(ModuleOp module, llvm::function_ref<void(PlanAttr)> visit) {
  auto helper = module.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  module.walk([&](Operation *op) {
    if (PlanAttr plan = helper.getAttr(op))
      visit(plan);
    if (auto moe = dyn_cast<MoeOp>(op))
      for (StringRef part : {"router", "w1", "w2"})
        if (PlanAttr plan = moe.getPartPlan(part))
          visit(plan);
  });
}

/// Whether the option, or some plan, asks for it.
bool ShareWeights::isAsked(ShareKind kind) {
  bool result = llvm::any_of(given, [&](const ShareSpec &spec) { return spec.kind == kind; });
  forEachPlan(getOperation(),
              [&](PlanAttr plan) { result |= plan.getShareSpec(kind).has_value(); });
  return result;
}

/// `plan` without what is done: all but codebooks.
static PlanAttr dropDone(PlanAttr plan) {
  if (!plan || !plan.getShare())
    return plan;
  ShareSpecs specs = plan.getShareSpecs();
  llvm::erase_if(specs, [](const ShareSpec &spec) { return !spec.isCodebook(); });
  plan = plan.withShare(specs.empty() ? StringAttr()
                                      : StringAttr::get(plan.getContext(), toString(specs)));
  return plan.isEmpty() ? PlanAttr() : plan;
}

void ShareWeights::runOnOperation() {
  ModuleOp module = getOperation();
  std::optional<ShareSpec> layers;
  ShareSpecs ofWeights;
  for (const ShareSpec &spec : given)
    if (spec.kind == ShareKind::Layers)
      layers = spec;
    else if (spec.isCodebook())
      ofWeights.push_back(spec);
  // Plans of before count for what the option does not speak of.
  bool hasDuplicates = isAsked(ShareKind::Duplicates), hasLayers = isAsked(ShareKind::Layers);
  if (hasDuplicates && failed(shareDuplicates(module)))
    return signalPassFailure();
  if (hasLayers && failed(shareLayers(module, layers)))
    return signalPassFailure();
  if (hasDuplicates || hasLayers)
    updatePlans(module, dropDone);
  if (!ofWeights.empty())
    planAll(module, PlanAttr::getSharing(StringAttr::get(&getContext(), toString(ofWeights))));
  if (!codebooks || !isAsked(ShareKind::Codebook))
    return;
  WeightRewriteOptions options{"compress-share-weights", "share"};
  options.shares = true;
  if (failed(rewriteWeights(module, options, shareStep)))
    return signalPassFailure();
}
