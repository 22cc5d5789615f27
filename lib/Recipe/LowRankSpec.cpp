//===- LowRankSpec.cpp - how a layer is split into two --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Recipe/LowRankSpec.h"
#include "SpecNames.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace llvm;

namespace mlir::compress {

StringRef getName(LowRankTarget target) { return findName(lowRankTargetNames, target); }
StringRef getName(LowRankBudget budget) { return findName(lowRankBudgetNames, budget); }
StringRef getName(LowRankMethod method) { return findName(lowRankMethodNames, method); }
StringRef getName(LowRankForm form) { return findName(lowRankFormNames, form); }
StringRef getName(LowRankResidual residual) { return findName(lowRankResidualNames, residual); }
StringRef getName(RankSensitivity value) { return findName(rankSensitivityNames, value); }

bool LowRankSpec::needsStatistics() const {
  return method == LowRankMethod::Fisher || method == LowRankMethod::Asvd || needsGram() ||
         sensitivity == RankSensitivity::Model;
}

LowRankSpec resolveAuto(LowRankSpec spec, bool hasStatistics) {
  if (spec.method == LowRankMethod::Auto)
    spec.method = hasStatistics ? LowRankMethod::SvdLlm : LowRankMethod::Svd;
  return spec;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::vector<std::pair<std::string, std::string>> getEntries(const LowRankSpec &spec) {
  std::vector<std::pair<std::string, std::string>> entries;
  const LowRankSpec defaults;
  auto add = [&](StringRef key, const Twine &value, bool isDefault) {
    if (!isDefault)
      entries.emplace_back(key.str(), value.str());
  };
  StringRef target = getName(spec.target);
  if (spec.target == LowRankTarget::Budget) {
    add("target", target, false);
    add(getName(spec.budget), toText(spec.share), false);
  } else if (spec.target == LowRankTarget::Rank) {
    add("target", target + ":" + Twine(spec.rank), false);
  } else {
    add("target", target + ":" + toText(spec.share), false);
  }
  add("method", getName(spec.method), false);
  add("form", getName(spec.form), spec.form == defaults.form);
  add("residual", getName(spec.residual), spec.residual == defaults.residual);
  add("sensitivity", getName(spec.sensitivity), spec.sensitivity == defaults.sensitivity);
  add("alpha", toText(spec.alpha), spec.alpha == defaults.alpha);
  add("round_to", Twine(spec.roundTo), spec.roundTo == defaults.roundTo);
  add("seed", Twine(spec.seed), spec.seed == defaults.seed);
  add("query_key", "true", !spec.queryKey);
  return entries;
}

std::string toString(const LowRankSpec &spec) { return joinEntries(getEntries(spec), "target"); }

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

ArrayRef<StringRef> LowRankSpecBuilder::getKeys() {
  static const StringRef keys[] = {"target",   "params",   "macs",        "method",
                                   "form",     "residual", "sensitivity", "alpha",
                                   "round_to", "seed",     "query_key"};
  return keys;
}

StringRef LowRankSpecBuilder::getValueKind(StringRef key) {
  return StringSwitch<StringRef>(key)
      .Case("query_key", "true or false")
      .Cases({"params", "macs", "alpha", "round_to", "seed"}, "a number")
      .Default("a word");
}

std::optional<std::pair<StringRef, StringRef>> LowRankSpecBuilder::expandWord(StringRef word) {
  if (word == "query_key")
    return std::make_pair(word, StringRef("true"));
  return std::nullopt;
}

static constexpr StringLiteral targetHelp =
    "expected rank:K with K of at least 1, ratio:R or energy:R with a share 0 < R <= 1, "
    "budget:params=R or budget:macs=R";

/// A share in (0, 1].
static std::optional<double> parseShare(StringRef text) {
  double value = 0;
  if (text.empty() || text.getAsDouble(value) || !(value > 0 && value <= 1))
    return std::nullopt;
  return value;
}

MaybeProblem LowRankSpecBuilder::setTarget(StringRef value) {
  auto [head, amount] = value.split(':');
  if (MaybeProblem problem = parseWord("target", head, lowRankTargetNames, spec.target))
    return problem;
  if (spec.target == LowRankTarget::Budget)
    return amount.empty() ? MaybeProblem()
                          : makeBad("target is " + quote(value) + ", " + targetHelp);
  if (spec.target == LowRankTarget::Rank) {
    std::optional<int64_t> rank = parsePositive(amount, int64_t(1) << 31);
    if (!rank)
      return makeBad("target is " + quote(value) + ", " + targetHelp);
    spec.rank = *rank;
    return std::nullopt;
  }
  std::optional<double> share = parseShare(amount);
  if (!share)
    return makeBad("target is " + quote(value) + ", " + targetHelp);
  spec.share = *share;
  return std::nullopt;
}

MaybeProblem LowRankSpecBuilder::setNumber(StringRef key, StringRef value) {
  if (key == "params" || key == "macs") {
    std::optional<double> share = parseShare(value);
    if (!share)
      return makeBad(key + " is " + quote(value) + ", expected the share that stays, 0 < R <= 1");
    spec.share = *share;
    spec.budget = key == "params" ? LowRankBudget::Params : LowRankBudget::Macs;
    return std::nullopt;
  }
  if (key == "alpha") {
    double alpha = 0;
    if (value.getAsDouble(alpha) || !(alpha >= 0 && alpha <= 2))
      return makeBad("alpha is " + quote(value) + ", expected a number from 0 to 2");
    spec.alpha = alpha;
    return std::nullopt;
  }
  std::optional<int64_t> number =
      key == "seed" && value == "0" ? 0 : parsePositive(value, int64_t(1) << 31);
  if (!number)
    return makeBad(key + " is " + quote(value) + ", expected a positive number");
  if (key == "seed")
    spec.seed = *number;
  else
    spec.roundTo = *number;
  return std::nullopt;
}

MaybeProblem LowRankSpecBuilder::set(StringRef key, StringRef value) {
  if (!is_contained(getKeys(), key))
    return makeUnknown("key", key, getKeys());
  if (MaybeProblem problem = addKey(seen, key))
    return problem;
  if (getValueKind(key) == "a number")
    return setNumber(key, value);
  if (key == "target")
    return setTarget(value);
  if (key == "method")
    return parseWord("method", value, lowRankMethodNames, spec.method);
  if (key == "form")
    return parseWord("form", value, lowRankFormNames, spec.form);
  if (key == "residual")
    return parseWord("residual", value, lowRankResidualNames, spec.residual);
  if (key == "sensitivity")
    return parseWord("sensitivity", value, rankSensitivityNames, spec.sensitivity);
  if (value != "true" && value != "false")
    return makeBad(key + " is " + quote(value) + ", expected true or false");
  spec.queryKey = value == "true";
  return std::nullopt;
}

MaybeProblem LowRankSpecBuilder::finish(LowRankSpec &result) const {
  bool isBudget = spec.target == LowRankTarget::Budget;
  if (!isGiven("target"))
    return makeBad("no target is given, " + Twine(targetHelp));
  if (isBudget != (isGiven("params") || isGiven("macs")) || (isGiven("params") && isGiven("macs")))
    return makeBad(
        "target is '" + getName(spec.target) + "' with " +
        (isGiven("params") || isGiven("macs") ? "params or macs" : "neither params nor macs") +
        ", " + targetHelp);
  struct Use {
    StringLiteral key;
    bool isUsed;
    StringLiteral where;
  };
  bool isFixed = spec.target == LowRankTarget::Rank || spec.target == LowRankTarget::Ratio;
  const Use uses[] = {{"sensitivity", isBudget, "target=budget"},
                      {"alpha", spec.method == LowRankMethod::Asvd, "method=asvd"},
                      {"residual", isFixed, "the targets rank and ratio"},
                      {"query_key", isFixed && spec.residual == LowRankResidual::None,
                       "the targets rank and ratio without residual"}};
  for (const Use &use : uses)
    if (isGiven(use.key) && !use.isUsed)
      return makeBad("key '" + use.key + "' is for " + use.where + ", found target " +
                     getName(spec.target) + ", method=" + getName(spec.method));
  result = spec;
  return std::nullopt;
}

} // namespace mlir::compress
