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
#include "llvm/Support/Regex.h"

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
  Recipe rules;
};
} // namespace

/// The rule that leaves the ops with these names alone.
static llvm::Expected<Rule> makeExclusion(ArrayRef<std::string> names) {
  Rule rule;
  rule.quantize = Setting<QuantizeSpec>::none();
  rule.prune = Setting<PruneSpecs>::none();
  rule.lowRank = Setting<LowRankSpec>::none();
  rule.share = Setting<ShareSpecs>::none();
  for (StringRef name : names) {
    bool isLiteral = !name.contains('*') && !name.contains('?') && !name.starts_with("re:");
    llvm::Expected<NamePattern> pattern =
        NamePattern::create(isLiteral ? name.str() : "re:" + llvm::Regex::escape(name));
    if (!pattern)
      return pattern.takeError();
    rule.select.names.push_back(std::move(*pattern));
  }
  return rule;
}

LogicalResult ApplyRecipe::initialize(MLIRContext *context) {
  llvm::Expected<Recipe> given = makeRecipe({quantize, prune, lowRank, share, recipe});
  if (!given)
    return emitError(UnknownLoc::get(context)) << llvm::toString(given.takeError());
  rules = std::move(*given);
  if (exclude.empty())
    return success();
  llvm::Expected<Rule> exclusion = makeExclusion(exclude);
  if (!exclusion)
    return emitError(UnknownLoc::get(context)) << llvm::toString(exclusion.takeError());
  rules.rules.push_back(std::move(*exclusion));
  return success();
}

/// Rows and columns of the embedding tables.
static llvm::DenseSet<std::pair<int64_t, int64_t>> getTableShapes(ArrayRef<WeightedOp> ops) {
  llvm::DenseSet<std::pair<int64_t, int64_t>> shapes;
  for (const WeightedOp &op : ops)
    if (RankedTensorType type = op.chain.getType();
        op.kind == LayerKind::Embedding && type.getRank() == 2)
      shapes.insert({type.getDimSize(0), type.getDimSize(1)});
  return shapes;
}

/// See `LayerInfo::isHead`.
static bool isHead(const WeightedOp &op,
                   const llvm::DenseSet<std::pair<int64_t, int64_t>> &tables) {
  if (op.kind != LayerKind::Linear && op.kind != LayerKind::Matmul)
    return false;
  if (StringRef(op.name).contains("lm_head"))
    return true;
  RankedTensorType type = op.chain.getType();
  return type.getRank() == 2 && op.outputDims.size() == 1 && op.contractionDims.size() == 1 &&
         type.getDimSize(op.outputDims[0]) != type.getDimSize(op.contractionDims[0]) &&
         tables.contains(
             {type.getDimSize(op.outputDims[0]), type.getDimSize(op.contractionDims[0])});
}

void ApplyRecipe::runOnOperation() {
  MLIRContext *context = &getContext();
  auto *dialect = context->getLoadedDialect<CompressDialect>();
  bool hasStatistics = calibrated || dialect->getStatistics();
  rules = resolveAuto(std::move(rules), hasStatistics);
  getOperation()->setAttr("compress.recipe", StringAttr::get(context, rules.toYAML()));
  auto helper = dialect->getPlanAttrHelper();
  std::vector<WeightedOp> ops = collectWeighted(getOperation());
  llvm::DenseSet<std::pair<int64_t, int64_t>> tables = getTableShapes(ops);
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
    layer.isHead = isHead(op, tables);
    for (auto [number, rule] : llvm::enumerate(rules.rules))
      if (matches(rule.select, layer))
        matched[number] = true;
    ResolvedLayer resolved = resolve(rules, layer);
    if (resolved.isEmpty())
      continue;
    auto getText = [&](const auto &spec) {
      return spec ? StringAttr::get(context, toString(*spec)) : StringAttr();
    };
    helper.setAttr(op.op,
                   PlanAttr::get(context, getText(resolved.quantize), getText(resolved.prune),
                                 getText(resolved.lowRank), getText(resolved.share)));
  }
  for (auto [number, isMatched] : llvm::enumerate(matched))
    if (!isMatched)
      emitWarning(getOperation().getLoc())
          << "rule " << number + 1 << " of the recipe selects nothing: the "
          << "module has " << ops.size() << " weighted ops";
}
