//===- PruneSpec.cpp - how a layer is pruned ------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Recipe/PruneSpec.h"
#include "SpecNames.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace mlir::compress {

StringRef getName(PrunePattern pattern) { return findName(prunePatternNames, pattern); }
StringRef getName(PruneMethod method) { return findName(pruneMethodNames, method); }
StringRef getName(PruneScope scope) { return findName(pruneScopeNames, scope); }
StringRef getName(PruneUpdate update) { return findName(pruneUpdateNames, update); }
StringRef getName(SparsityAllocation allocation) { return findName(allocationNames, allocation); }
StringRef getName(PruneRanking ranking) { return findName(rankingNames, ranking); }
StringRef getName(ScoreReduction reduction) { return findName(reductionNames, reduction); }

bool PruneSpec::needsGradients() const {
  switch (method) {
  case PruneMethod::Taylor:
  case PruneMethod::Taylor2:
  case PruneMethod::TaylorMixed:
  case PruneMethod::TaylorVector:
  case PruneMethod::PrunerZero:
    return true;
  default:
    return false;
  }
}

bool PruneSpec::changesValues() const { return choosesAsItGoes() || update != PruneUpdate::None; }

bool PruneSpec::needsGram() const {
  return pattern == PrunePattern::Slice || changesValues() || method == PruneMethod::Obd;
}

bool PruneSpec::choosesAsItGoes() const {
  switch (method) {
  case PruneMethod::Obs:
  case PruneMethod::SparseGpt:
  case PruneMethod::Isc:
  case PruneMethod::Alps:
    return true;
  default:
    return false;
  }
}

bool PruneSpec::needsStatistics() const {
  if (needsGram() || needsGradients())
    return true;
  switch (method) {
  case PruneMethod::Wanda:
  case PruneMethod::Ria:
  case PruneMethod::Flap:
  case PruneMethod::BlockInfluence:
  case PruneMethod::Angular:
  case PruneMethod::Exhaustive:
  case PruneMethod::Greedy:
    return true;
  default:
    return skip || compensatesBias() || allocation == SparsityAllocation::Sensitivity;
  }
}

/// Bits for heads, neurons, other channels, single weights, and the rest.
static unsigned getCoverage(PrunePattern pattern) {
  switch (pattern) {
  case PrunePattern::NM:
  case PrunePattern::Unstructured:
    return 1;
  case PrunePattern::Head:
    return 2;
  case PrunePattern::Neuron:
    return 4;
  case PrunePattern::Channel:
    return 4 | 8;
  case PrunePattern::Params:
  case PrunePattern::Macs:
    return 2 | 4 | 8;
  case PrunePattern::Slice:
    return 16;
  case PrunePattern::Layer:
    return 32;
  case PrunePattern::Expert:
    return 64;
  }
  return 0;
}

bool areExclusive(PrunePattern a, PrunePattern b) { return getCoverage(a) & getCoverage(b); }

PruneSpec resolveAuto(PruneSpec spec, bool hasStatistics) {
  if (spec.method == PruneMethod::Auto) {
    if (spec.isElements())
      spec.method =
          hasStatistics && !spec.threshold ? PruneMethod::SparseGpt : PruneMethod::Magnitude;
    else if (spec.isGroups())
      spec.method = hasStatistics ? PruneMethod::Flap : PruneMethod::L2;
    else if (spec.pattern == PrunePattern::Layer)
      spec.method = PruneMethod::BlockInfluence;
    else if (spec.pattern == PrunePattern::Expert)
      spec.method = PruneMethod::Exhaustive;
    else
      spec.method = PruneMethod::Pca;
  }
  if (spec.scope == PruneScope::Auto && spec.pattern == PrunePattern::Unstructured)
    spec.scope = spec.method == PruneMethod::Wanda || spec.method == PruneMethod::PrunerZero
                     ? PruneScope::Row
                     : PruneScope::Layer;
  return spec;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// The pattern with its amount: `2:4`, `channel:0.3`, `layer:4`, `unstructured`.
static std::string getPatternText(const PruneSpec &spec) {
  if (spec.pattern == PrunePattern::NM)
    return (Twine(spec.n) + ":" + Twine(spec.m)).str();
  std::string name = getName(spec.pattern).str();
  if (spec.pattern == PrunePattern::Layer || spec.pattern == PrunePattern::Expert)
    return name + ":" + std::to_string(spec.count);
  return spec.threshold ? name : name + ":" + toText(spec.ratio);
}

std::vector<std::pair<std::string, std::string>> getEntries(const PruneSpec &spec) {
  std::vector<std::pair<std::string, std::string>> entries;
  const PruneSpec defaults;
  auto add = [&](StringRef key, const Twine &value, bool isDefault) {
    if (!isDefault)
      entries.emplace_back(key.str(), value.str());
  };
  add("pattern", getPatternText(spec), false);
  if (spec.threshold)
    add("threshold", toText(*spec.threshold), false);
  add("method", getName(spec.method), false);
  add("scope", getName(spec.scope), spec.scope == defaults.scope);
  add("update", getName(spec.update), spec.update == defaults.update);
  add("allocation", getName(spec.allocation), spec.allocation == defaults.allocation);
  add("alpha", toText(spec.alpha), spec.alpha == defaults.alpha);
  add("power", toText(spec.power), spec.power == defaults.power);
  add("damping", toText(spec.damping), spec.damping == defaults.damping);
  add("block", Twine(spec.block), spec.block == defaults.block);
  add("permute", "true", !spec.permute);
  add("tree", spec.tree, spec.tree.empty());
  add("ranking", getName(spec.ranking), spec.ranking == defaults.ranking);
  add("round_to", Twine(spec.roundTo), spec.roundTo == defaults.roundTo);
  add("reduce", getName(spec.reduce), spec.reduce == defaults.reduce);
  add("seed", Twine(spec.seed), spec.seed == defaults.seed);
  add("bias_compensation", spec.biasCompensation.value_or(false) ? "true" : "false",
      !spec.biasCompensation);
  add("progressive", "true", !spec.progressive);
  add("skip", "true", !spec.skip);
  return entries;
}

std::string toString(const PruneSpec &spec) { return joinEntries(getEntries(spec), "pattern"); }

std::string toString(const PruneSpecs &specs) {
  return join(map_range(specs, [](const PruneSpec &spec) { return toString(spec); }), "+");
}

} // namespace mlir::compress
