//===- ApplyRecipe.cpp - recipes onto ops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_APPLYRECIPE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct ApplyRecipe : public compress::impl::ApplyRecipeBase<ApplyRecipe> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  /// Appends rules, or reports why they cannot be had.
  LogicalResult add(MLIRContext *context, llvm::Expected<Rule> rule);
  Recipe rules;
};
} // namespace

LogicalResult ApplyRecipe::add(MLIRContext *context, llvm::Expected<Rule> rule) {
  if (!rule)
    return emitError(UnknownLoc::get(context)) << llvm::toString(rule.takeError());
  rules.rules.push_back(std::move(*rule));
  return success();
}

LogicalResult ApplyRecipe::initialize(MLIRContext *context) {
  rules.rules.clear();
  if (!quantize.empty() && failed(add(context, parseQuantizeFlag(quantize))))
    return failure();
  if (!prune.empty() && failed(add(context, parsePruneFlag(prune))))
    return failure();
  if (!recipe.empty()) {
    llvm::Expected<Recipe> file = loadRecipe(recipe);
    if (!file)
      return emitError(UnknownLoc::get(context)) << llvm::toString(file.takeError());
    llvm::append_range(rules.rules, file->rules);
  }
  return success();
}

void ApplyRecipe::runOnOperation() {
  MLIRContext *context = &getContext();
  getOperation()->setAttr("compress.recipe", StringAttr::get(context, rules.toYAML()));
  auto helper = context->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::vector<WeightedOp> ops = collectWeighted(getOperation());
  std::vector<bool> matched(rules.rules.size());
  for (auto [index, op] : llvm::enumerate(ops)) {
    if (helper.isAttrPresent(op.op))
      helper.removeAttr(op.op);
    if (!op.kind)
      continue;
    LayerInfo layer;
    layer.name = op.name;
    layer.opKind = *op.kind;
    layer.index = index;
    layer.count = ops.size();
    layer.numElements = op.chain.getType().getNumElements();
    for (auto [number, rule] : llvm::enumerate(rules.rules))
      if (matches(rule.select, layer))
        matched[number] = true;
    ResolvedLayer resolved = resolve(rules, layer);
    if (!resolved.quantize && !resolved.prune)
      continue;
    StringAttr quantizeText, pruneText;
    if (resolved.quantize)
      quantizeText = StringAttr::get(context, toString(*resolved.quantize));
    if (resolved.prune)
      pruneText = StringAttr::get(context, toString(*resolved.prune));
    helper.setAttr(op.op, PlanAttr::get(context, quantizeText, pruneText));
  }
  for (auto [number, isMatched] : llvm::enumerate(matched))
    if (!isMatched)
      emitWarning(getOperation().getLoc())
          << "rule " << number + 1 << " of the recipe selects nothing: the "
          << "module has " << ops.size() << " weighted ops";
}
