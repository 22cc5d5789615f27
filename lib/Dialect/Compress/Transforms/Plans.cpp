//===- Plans.cpp - plans of whole models and blocks -----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Plans.h"
#include "compress/Analysis/WeightChain.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::updatePlans(Operation *root, llvm::function_ref<PlanAttr(PlanAttr)> update) {
  MLIRContext *context = root->getContext();
  auto helper = context->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  auto change = [&](PlanAttr plan) { return plan ? update(plan) : plan; };
  root->walk([&](Operation *op) {
    PlanAttr plan = helper.getAttr(op);
    if (PlanAttr left = change(plan); left != plan) {
      helper.removeAttr(op);
      if (left)
        helper.setAttr(op, left);
    }
    auto moe = dyn_cast<MoeOp>(op);
    if (!moe || !moe.getParts())
      return;
    Builder builder(context);
    SmallVector<NamedAttribute> parts;
    DictionaryAttr old = *moe.getParts();
    for (NamedAttribute part : old) {
      NamedAttrList entries(cast<DictionaryAttr>(part.getValue()));
      PlanAttr left = change(dyn_cast_or_null<PlanAttr>(entries.get("plan")));
      entries.erase("plan");
      if (left)
        entries.set("plan", left);
      parts.push_back(builder.getNamedAttr(part.getName(), entries.getDictionary(context)));
    }
    moe.setPartsAttr(builder.getDictionaryAttr(parts));
  });
}

void mlir::compress::forEachPlan(const ResidualBlock &block,
                                 llvm::function_ref<void(StringRef, PlanAttr)> visit) {
  auto helper = block.output.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  for (Operation *op : block.ops) {
    if (auto moe = dyn_cast<MoeOp>(op))
      for (StringRef part : {"router", "w1", "w2"})
        visit(moe.getName(), moe.getPartPlan(part));
    for (const WeightedOp &weighted : collectWeighted(op))
      visit(weighted.name, helper.getAttr(weighted.op));
  }
}
