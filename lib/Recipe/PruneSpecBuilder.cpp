//===- PruneSpecBuilder.cpp - pruning from key-value pairs ----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SpecBuilder.h"
#include "SpecNames.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace llvm;

namespace mlir::compress {

ArrayRef<StringRef> PruneSpecBuilder::getKeys() {
  static const StringRef keys[] = {"pattern",
                                   "threshold",
                                   "method",
                                   "scope",
                                   "update",
                                   "allocation",
                                   "alpha",
                                   "power",
                                   "damping",
                                   "block",
                                   "permute",
                                   "tree",
                                   "ranking",
                                   "round_to",
                                   "reduce",
                                   "seed",
                                   "skip",
                                   "progressive",
                                   "bias_compensation"};
  return keys;
}

StringRef PruneSpecBuilder::getValueKind(StringRef key) {
  return StringSwitch<StringRef>(key)
      .Cases({"permute", "skip", "progressive", "bias_compensation"}, "true or false")
      .Cases({"threshold", "alpha", "power", "damping", "block", "round_to", "seed"}, "a number")
      .Default("a word");
}

std::optional<std::pair<StringRef, StringRef>> PruneSpecBuilder::expandWord(StringRef word) {
  if (getValueKind(word) == "true or false")
    return std::make_pair(word, StringRef("true"));
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static constexpr StringLiteral patternHelp =
    "expected N:M with 1 <= N < M <= 256, for example 2:4, or one of unstructured:R, channel:R, "
    "neuron:R, head:R, params:R, macs:R, slice:R with a share 0 <= R < 1, layer:K, expert:K";

/// A finite number.
static std::optional<double> parseNumber(StringRef text) {
  double value = 0;
  if (text.empty() || text.getAsDouble(value) || !std::isfinite(value))
    return std::nullopt;
  return value;
}

MaybeProblem PruneSpecBuilder::setPattern(StringRef value) {
  auto [head, amount] = value.split(':');
  hasPattern = true;
  std::string name = head.lower();
  for (const Word<PrunePattern> &word : prunePatternNames) {
    if (name != word.name || word.value == PrunePattern::NM)
      continue;
    spec.pattern = word.value;
    if (!value.contains(':'))
      return std::nullopt;
    hasAmount = true;
    if (spec.pattern == PrunePattern::Layer || spec.pattern == PrunePattern::Expert) {
      if (amount == "0")
        return std::nullopt;
      std::optional<int64_t> count = parsePositive(amount, 1 << 20);
      if (!count)
        return makeBad("pattern is " + quote(value) + ", expected the number of " + name +
                       "s to remove, for example " + name + ":2");
      spec.count = *count;
      return std::nullopt;
    }
    std::optional<double> ratio = parseNumber(amount);
    if (!ratio || !(*ratio >= 0 && *ratio < 1))
      return makeBad("pattern is " + quote(value) +
                     ", expected the share to remove, at least 0 and below 1, for example " + name +
                     ":0.3");
    spec.ratio = *ratio;
    return std::nullopt;
  }
  std::optional<int64_t> n = parsePositive(head, maxPruneBlock);
  std::optional<int64_t> m = parsePositive(amount, maxPruneBlock);
  if (!n || !m || *n >= *m)
    return makeBad("pattern is " + quote(value) + ", " + patternHelp);
  hasAmount = true;
  spec.n = *n;
  spec.m = *m;
  return std::nullopt;
}

MaybeProblem PruneSpecBuilder::setNumber(StringRef key, StringRef value) {
  if (key == "block" || key == "round_to" || key == "seed") {
    std::optional<int64_t> number =
        key == "seed" && value == "0" ? 0 : parsePositive(value, int64_t(1) << 31);
    if (!number)
      return makeBad(key + " is " + quote(value) + ", expected a positive number");
    if (key == "seed")
      spec.seed = *number;
    else
      (key == "block" ? spec.block : spec.roundTo) = *number;
    return std::nullopt;
  }
  std::optional<double> number = parseNumber(value);
  bool isLessThanOne = key == "alpha" || key == "damping";
  if (!number || *number < 0 || (isLessThanOne && *number > 1))
    return makeBad(
        key + " is " + quote(value) +
        (isLessThanOne ? ", expected a number from 0 to 1" : ", expected a number of at least 0"));
  if (key == "threshold")
    spec.threshold = *number;
  else if (key == "alpha")
    spec.alpha = *number;
  else if (key == "power")
    spec.power = *number;
  else
    spec.damping = *number;
  return std::nullopt;
}

MaybeProblem PruneSpecBuilder::setFlag(StringRef key, StringRef value) {
  if (value != "true" && value != "false")
    return makeBad(key + " is " + quote(value) + ", expected true or false");
  if (key == "bias_compensation") {
    spec.biasCompensation = value == "true";
    return std::nullopt;
  }
  bool &flag = key == "permute" ? spec.permute : key == "skip" ? spec.skip : spec.progressive;
  flag = value == "true";
  return std::nullopt;
}

MaybeProblem PruneSpecBuilder::set(StringRef key, StringRef value) {
  if (!is_contained(getKeys(), key))
    return makeUnknown("key", key, getKeys());
  if (MaybeProblem problem = addKey(seen, key))
    return problem;
  if (getValueKind(key) == "a number")
    return setNumber(key, value);
  if (getValueKind(key) == "true or false")
    return setFlag(key, value);
  if (key == "pattern")
    return setPattern(value);
  if (key == "method") {
    // These train.
    static const StringRef unsupported[] = {"maskllm", "movement", "loraprune", "lorashear",
                                            "sheared_llama"};
    return parseWord("method", value, pruneMethodNames, spec.method, unsupported);
  }
  if (key == "scope")
    return parseWord("scope", value, pruneScopeNames, spec.scope);
  if (key == "update")
    return parseWord("update", value, pruneUpdateNames, spec.update);
  if (key == "allocation")
    return parseWord("allocation", value, allocationNames, spec.allocation);
  if (key == "ranking")
    return parseWord("ranking", value, rankingNames, spec.ranking);
  if (key == "reduce")
    return parseWord("reduce", value, reductionNames, spec.reduce);
  spec.tree = value.str();
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// The methods of a pattern.
static SmallVector<PruneMethod> getMethods(const PruneSpec &spec) {
  using enum PruneMethod;
  if (spec.isElements())
    return {Auto, Magnitude, Obd, Obs, Wanda, SparseGpt, Ria, Isc, Alps, Taylor, PrunerZero};
  if (spec.isGroups())
    return {Auto,  L1,   L2,     Random,  BatchNorm,   Flap,
            Wanda, Lamp, Taylor, Taylor2, TaylorMixed, TaylorVector};
  if (spec.pattern == PrunePattern::Layer)
    return {Auto, BlockInfluence, Angular, Last};
  if (spec.pattern == PrunePattern::Expert)
    return {Auto, Exhaustive, Greedy};
  return {Auto, Pca};
}

MaybeProblem PruneSpecBuilder::finishMethod(const PruneSpec &spec) const {
  SmallVector<PruneMethod> methods = getMethods(spec);
  if (is_contained(methods, spec.method))
    return std::nullopt;
  std::string list;
  raw_string_ostream os(list);
  llvm::interleave(methods, os, [&](PruneMethod method) { os << getName(method); }, ", ");
  return makeBad("method=" + getName(spec.method) + " is not for " + getName(spec.pattern) +
                 ", expected one of: " + list);
}

MaybeProblem PruneSpecBuilder::finish(PruneSpec &result) const {
  if (!hasPattern)
    return makeBad("no pattern is given, " + Twine(patternHelp));
  if (!hasAmount && !spec.threshold)
    return makeBad("pattern is '" + getName(spec.pattern) + "', " + patternHelp);
  if (spec.threshold) {
    if (spec.pattern != PrunePattern::Unstructured || hasAmount)
      return makeBad("threshold is for the pattern unstructured without a share");
    if (spec.method != PruneMethod::Auto && spec.method != PruneMethod::Magnitude)
      return makeBad("threshold is for method=magnitude, found " + getName(spec.method));
  }
  if (MaybeProblem problem = finishMethod(spec))
    return problem;
  // Keys that mean nothing here are mistakes.
  bool isElements = spec.isElements(), isGroups = spec.isGroups();
  struct Use {
    StringLiteral key;
    bool isUsed;
    StringLiteral where;
  };
  bool choosesMask = spec.method != PruneMethod::SparseGpt && spec.method != PruneMethod::Obs &&
                     spec.method != PruneMethod::Alps;
  const Use uses[] = {
      {"scope", spec.pattern == PrunePattern::Unstructured, "the pattern unstructured"},
      {"update", isElements && choosesMask, "methods that only choose what is pruned"},
      {"allocation", spec.pattern == PrunePattern::Unstructured && !spec.threshold,
       "the pattern unstructured"},
      {"alpha", spec.allocation == SparsityAllocation::Sensitivity, "allocation=sensitivity"},
      {"power", spec.method == PruneMethod::Ria, "method=ria"},
      {"damping", isElements, "single weights"},
      {"block", isElements, "single weights"},
      {"permute", spec.pattern == PrunePattern::NM, "patterns N:M"},
      {"tree", spec.method == PruneMethod::PrunerZero, "method=pruner_zero"},
      {"ranking", isGroups, "groups: channel, neuron, head, params, macs"},
      {"round_to", isGroups || spec.pattern == PrunePattern::Slice, "groups and slices"},
      {"reduce", isGroups, "groups: channel, neuron, head, params, macs"},
      {"seed", spec.method == PruneMethod::Random, "method=random"},
      {"bias_compensation", isGroups, "groups: channel, neuron, head, params, macs"},
      {"progressive", spec.pattern == PrunePattern::Expert, "the pattern expert"},
      {"skip", spec.pattern == PrunePattern::Expert, "the pattern expert"}};
  for (const Use &use : uses)
    if (isGiven(use.key) && !use.isUsed)
      return makeBad("key '" + use.key + "' is for " + use.where + ", found pattern " +
                     getName(spec.pattern) + ", method=" + getName(spec.method));
  if (spec.allocation == SparsityAllocation::Sensitivity &&
      (spec.alpha > spec.ratio || spec.ratio + spec.alpha >= 1))
    return makeBad("alpha is " + toText(spec.alpha) + ", expected at most " +
                   toText(std::min(spec.ratio, 1 - spec.ratio)) +
                   ", so that every layer's share is in [0, 1)");
  result = spec;
  return std::nullopt;
}

} // namespace mlir::compress
