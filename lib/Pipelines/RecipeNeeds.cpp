//===- RecipeNeeds.cpp - which passes a recipe asks for --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RecipeNeeds.h"
#include "compress/Pipelines/Pipelines.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace mlir::compress;

static void addQuantization(const QuantizeSpec &spec, bool hasData, RecipeNeeds &needs,
                            llvm::SetVector<StringRef> &wanted) {
  bool smooths = spec.transform == QuantizeTransform::SmoothQuant;
  bool scales = spec.transform == QuantizeTransform::Awq;
  bool isMixed = spec.format == WeightFormat::Mixed;
  bool isStatic = spec.activations == ActivationMode::Static;
  needs.rotates |= spec.transform == QuantizeTransform::Rotate;
  needs.smooths |= smooths;
  needs.scales |= scales;
  needs.equalizes |= spec.transform == QuantizeTransform::Equalize;
  needs.isSequential |= spec.isSequential() && hasData;
  needs.allocatesBits |= isMixed;
  if (isStatic || smooths)
    wanted.insert("minmax");
  if (isStatic && spec.activationRange == ActivationRange::MovingAverage)
    wanted.insert("moving_average");
  else if (isStatic && spec.activationRange != ActivationRange::MinMax)
    wanted.insert("histogram");
  needs.hasRanges |= isStatic && spec.activationRange != ActivationRange::MinMax;
  if (spec.biasCorrection || scales)
    wanted.insert("moments");
  if (scales || isMixed || spec.method == QuantizeMethod::AdaRound ||
      (spec.isSequential() && !hasData))
    wanted.insert("gram");
}

static void addPruning(const PruneSpec &spec, bool hasData, RecipeNeeds &needs,
                       llvm::SetVector<StringRef> &forStructures,
                       llvm::SetVector<StringRef> &wanted) {
  needs.prunesLayers |= spec.pattern == PrunePattern::Layer;
  needs.comparesStreams |= spec.pattern == PrunePattern::Layer && spec.method != PruneMethod::Last;
  needs.prunesExperts |= spec.pattern == PrunePattern::Expert;
  needs.slices |= spec.pattern == PrunePattern::Slice;
  needs.prunesGroups |= spec.isGroups();
  needs.scoresBatchNorms |= spec.method == PruneMethod::BatchNorm;
  if (spec.pattern == PrunePattern::Slice) {
    forStructures.insert("gram");
    forStructures.insert("moments");
  }
  if (spec.isGroups() && (spec.method == PruneMethod::Flap || spec.method == PruneMethod::Wanda ||
                          spec.compensatesBias()))
    forStructures.insert("moments");
  if (!spec.isElements())
    return;
  needs.permutes |= spec.permute;
  bool allocates =
      spec.scope == PruneScope::Global || spec.allocation == SparsityAllocation::Sensitivity;
  needs.allocatesSparsity |= allocates;
  needs.isSequential |= spec.isSequential() && hasData;
  if (spec.permute && spec.method != PruneMethod::Magnitude)
    wanted.insert("moments");
  if (allocates && spec.needsStatistics())
    wanted.insert("moments");
  if (!hasData && spec.needsStatistics())
    wanted.insert(spec.needsGram() ? "gram" : "moments");
}

static void addSplitting(const LowRankSpec &spec, bool hasData, RecipeNeeds &needs,
                         llvm::SetVector<StringRef> &forSplits) {
  bool isBudget = spec.target == LowRankTarget::Budget;
  needs.splits = true;
  needs.allocatesRanks |= isBudget;
  needs.factorsQueryKey |= spec.queryKey;
  needs.measuresSensitivity |= isBudget && spec.sensitivity != RankSensitivity::Output;
  if (!spec.needsStatistics() && !hasData)
    return;
  // How much the output suffers is told by the Gram matrix, whatever the method.
  if (spec.needsGram() || hasData)
    forSplits.insert("gram");
  if (spec.method == LowRankMethod::Asvd || hasData)
    forSplits.insert("moments");
  if (spec.method == LowRankMethod::Fisher)
    forSplits.insert("counts");
}

static void addSharing(const ShareSpec &spec, bool hasData, RecipeNeeds &needs,
                       llvm::SetVector<StringRef> &wanted) {
  needs.sharesWhole |= !spec.isCodebook();
  if (spec.usesStatistics() && hasData)
    wanted.insert("gram");
}

RecipeNeeds mlir::compress::getNeeds(const Recipe &recipe, bool hasStatistics, bool hasData) {
  RecipeNeeds needs;
  llvm::SetVector<StringRef> forStructures, forSplits, wanted;
  for (const Rule &rule : recipe.rules) {
    if (rule.quantize.getSpec())
      addQuantization(resolveAuto(*rule.quantize.getSpec(), hasStatistics), hasData, needs, wanted);
    if (rule.prune.getSpec())
      for (const PruneSpec &spec : *rule.prune.getSpec())
        addPruning(resolveAuto(spec, hasStatistics), hasData, needs, forStructures, wanted);
    if (rule.lowRank.getSpec())
      addSplitting(resolveAuto(*rule.lowRank.getSpec(), hasStatistics), hasData, needs, forSplits);
    if (rule.share.getSpec())
      for (const ShareSpec &spec : *rule.share.getSpec())
        addSharing(spec, hasData, needs, wanted);
  }
  needs.structureStatistics.assign(forStructures.begin(), forStructures.end());
  needs.splitStatistics.assign(forSplits.begin(), forSplits.end());
  needs.statistics.assign(wanted.begin(), wanted.end());
  return needs;
}

//===----------------------------------------------------------------------===//
// Without statistics
//===----------------------------------------------------------------------===//

/// What in a specification needs statistics; empty if nothing does.
static std::string getNeedy(const QuantizeSpec &spec) {
  if (!spec.needsStatistics())
    return "";
  if (spec.isSequential() || spec.method == QuantizeMethod::AdaRound)
    return "method=" + getName(spec.method).str();
  if (spec.transform == QuantizeTransform::SmoothQuant || spec.transform == QuantizeTransform::Awq)
    return "transform=" + getName(spec.transform).str();
  return spec.activations == ActivationMode::Static ? "activations=static" : "bias_correction";
}

static std::string getNeedy(const PruneSpec &spec) {
  if (!spec.needsStatistics())
    return "";
  PruneSpec plain = spec;
  plain.update = PruneUpdate::None;
  plain.allocation = SparsityAllocation::Uniform;
  plain.skip = false;
  plain.biasCompensation = false;
  if (plain.needsStatistics())
    return (getName(spec.pattern) + " with method=" + getName(spec.method)).str();
  if (spec.update != PruneUpdate::None)
    return "update=" + getName(spec.update).str();
  if (spec.allocation != SparsityAllocation::Uniform)
    return "allocation=" + getName(spec.allocation).str();
  return spec.skip ? "skip" : "bias_compensation";
}

static std::string getNeedy(const LowRankSpec &spec) {
  if (!spec.needsStatistics())
    return "";
  if (spec.sensitivity == RankSensitivity::Model)
    return "sensitivity=model";
  return "low rank with method=" + getName(spec.method).str();
}

llvm::Error mlir::compress::checkNeedsNoStatistics(const Recipe &recipe) {
  for (const Rule &rule : recipe.rules) {
    std::string what;
    if (rule.quantize.getSpec())
      what = getNeedy(resolveAuto(*rule.quantize.getSpec(), /*hasStatistics=*/false));
    if (what.empty() && rule.prune.getSpec())
      for (const PruneSpec &spec : *rule.prune.getSpec())
        if (what.empty())
          what = getNeedy(resolveAuto(spec, /*hasStatistics=*/false));
    if (what.empty() && rule.lowRank.getSpec())
      what = getNeedy(resolveAuto(*rule.lowRank.getSpec(), /*hasStatistics=*/false));
    if (!what.empty())
      return llvm::make_error<RecipeError>(RecipeErrorKind::BadInput,
                                           what + " needs calibration data or statistics");
  }
  return llvm::Error::success();
}
