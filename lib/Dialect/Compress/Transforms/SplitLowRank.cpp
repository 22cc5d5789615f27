//===- SplitLowRank.cpp - factors of a low rank -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SplitWeights.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "llvm/ADT/StringSet.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_SPLITLOWRANK
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct SplitLowRank : public compress::impl::SplitLowRankBase<SplitLowRank> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    given.reset();
    if (lowRank.empty())
      return success();
    Location loc = UnknownLoc::get(context);
    llvm::Expected<LowRankSpec> spec = parseLowRankSpec(lowRank);
    if (!spec)
      return emitError(loc) << llvm::toString(spec.takeError());
    if (spec->target == LowRankTarget::Budget)
      return emitError(loc) << "option 'low-rank': expects the target rank, ratio or energy, got '"
                            << lowRank << "'; compress-allocate-ranks spends budgets";
    given = *spec;
    return success();
  }

  void runOnOperation() override;

private:
  void planGiven();

  std::optional<LowRankSpec> given;
};
} // namespace

/// Plans what the option says, for all but the parts of layers that were split before ("fc/v",
/// "fc/u") and layers that kept their weight beside them: a second run changes nothing.
void SplitLowRank::planGiven() {
  ModuleOp module = getOperation();
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::vector<WeightedOp> ops = collectWeighted(module);
  llvm::StringSet<> names;
  for (const WeightedOp &op : ops)
    names.insert(op.name);
  SmallVector<std::pair<Operation *, PlanAttr>> parts;
  for (const WeightedOp &op : ops) {
    StringRef name = op.name;
    if (name.ends_with("/v") || name.ends_with("/u") || names.contains(op.name + "/v"))
      parts.emplace_back(op.op, helper.getAttr(op.op));
  }
  planAll(module, PlanAttr::getSplitting(StringAttr::get(&getContext(), toString(*given))));
  for (auto [op, plan] : parts) {
    if (plan)
      helper.setAttr(op, plan);
    else
      helper.removeAttr(op);
  }
}

void SplitLowRank::runOnOperation() {
  if (given)
    planGiven();
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  SplitOptions options;
  options.passName = "compress-split-low-rank";
  auto getSpec = [&](const WeightedOp &op) -> std::optional<LowRankSpec> {
    PlanAttr plan = helper.getAttr(op.op);
    return plan ? plan.getLowRankSpec() : std::nullopt;
  };
  options.getSpec = getSpec;
  if (failed(splitWeights(getOperation(), options)))
    return signalPassFailure();
  // What stays whole has been told of; its plan is used up, too.
  for (const WeightedOp &op : collectWeighted(getOperation()))
    if (PlanAttr plan = helper.getAttr(op.op); plan && plan.getLowRank()) {
      plan = plan.withLowRank(nullptr);
      if (plan.isEmpty())
        helper.removeAttr(op.op);
      else
        helper.setAttr(op.op, plan);
    }
}
