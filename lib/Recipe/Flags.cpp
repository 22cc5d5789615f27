//===- Flags.cpp - recipes from command-line flags ------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SpecBuilder.h"
#include "compress/Recipe/Recipe.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace mlir::compress {

/// "--quantize=text", cut if it is long.
static std::string makePlace(StringRef flag, StringRef text) {
  std::string place = (flag + "=").str();
  for (char c : text.take_front(80))
    place += isPrint(c) ? c : '?';
  return place + (text.size() > 80 ? "..." : "");
}

Expected<Rule> parseQuantizeFlag(StringRef text) {
  Rule rule;
  rule.select = Selector::getDefault();
  if (MaybeProblem problem = readQuantizeText(text, rule.quantize))
    return makeRecipeError(makePlace("--quantize", text), *problem);
  const std::optional<QuantizeSpec> &spec = rule.quantize.getSpec();
  if (spec && spec->activations == ActivationMode::None)
    rule.select.head = false;
  return rule;
}

Expected<Rule> parsePruneFlag(StringRef text) {
  Rule rule;
  rule.select = Selector::getDefault();
  if (MaybeProblem problem = readPruneText(text, rule.prune))
    return makeRecipeError(makePlace("--prune", text), *problem);
  if (rule.prune.getSpec())
    rule.select.head = false;
  return rule;
}

Expected<QuantizeSpec> parseQuantizeSpec(StringRef text) {
  Setting<QuantizeSpec> setting;
  MaybeProblem problem = readQuantizeText(text, setting);
  if (!problem && setting.isNone())
    problem = Problem{RecipeErrorKind::BadInput, "expected a format, found 'none'"};
  if (problem)
    return makeRecipeError(makePlace("quantize", text), *problem);
  return *setting.getSpec();
}

Expected<PruneSpec> parsePruneSpec(StringRef text) {
  Expected<PruneSpecs> specs = parsePruneSpecs(text);
  if (!specs)
    return specs.takeError();
  if (specs->size() != 1)
    return makeRecipeError(makePlace("prune", text),
                           makeBad("expected one pattern, found " + Twine(specs->size())));
  return specs->front();
}

Expected<PruneSpecs> parsePruneSpecs(StringRef text) {
  Setting<PruneSpecs> setting;
  MaybeProblem problem = readPruneText(text, setting);
  if (!problem && setting.isNone())
    problem = Problem{RecipeErrorKind::BadInput, "expected a pattern, found 'none'"};
  if (problem)
    return makeRecipeError(makePlace("prune", text), *problem);
  return *setting.getSpec();
}

Expected<Rule> parseLowRankFlag(StringRef text) {
  Rule rule;
  rule.select = Selector::getDefault();
  if (MaybeProblem problem = readLowRankText(text, rule.lowRank))
    return makeRecipeError(makePlace("--low-rank", text), *problem);
  if (rule.lowRank.getSpec())
    rule.select.head = false;
  return rule;
}

/// `embedding:E`, with keys of a low rank after it: that rank for embeddings.
static MaybeProblem readEmbeddingRule(StringRef text, Rule &rule) {
  auto [head, keys] = text.split(',');
  int64_t rank = parsePositive(head.split(':').second, int64_t(1) << 31).value_or(0);
  if (!rank)
    return makeBad("found " + quote(head) + ", expected embedding:E with a rank E of at least 1");
  rule.select.ops = {LayerKind::Embedding};
  std::string lowRank = "rank:" + std::to_string(rank);
  if (!keys.empty())
    lowRank += "," + keys.str();
  return readLowRankText(lowRank, rule.lowRank);
}

Expected<std::vector<Rule>> parseShareFlag(StringRef text) {
  std::vector<Rule> rules;
  // Codebooks go where the other flags go; duplicates and layers are looked for everywhere.
  std::string codebooks, others;
  for (StringRef part : llvm::split(text, '+')) {
    StringRef head = part.trim(" ").split(',').first.split(':').first;
    if (head == "embedding") {
      Rule rule;
      if (MaybeProblem problem = readEmbeddingRule(part.trim(" "), rule))
        return makeRecipeError(makePlace("--share", text), *problem);
      rules.push_back(std::move(rule));
      continue;
    }
    std::string &list = head == "duplicates" || head == "layers" ? others : codebooks;
    list += (list.empty() ? "" : "+") + part.str();
  }
  auto add = [&](StringRef list, bool isDefault) -> Error {
    if (list.empty())
      return Error::success();
    Rule rule;
    if (isDefault)
      rule.select = Selector::getDefault();
    if (MaybeProblem problem = readShareText(list, rule.share))
      return makeRecipeError(makePlace("--share", text), *problem);
    if (isDefault && rule.share.getSpec())
      rule.select.head = false;
    rules.push_back(std::move(rule));
    return Error::success();
  };
  if (Error error = add(others, /*isDefault=*/false))
    return std::move(error);
  if (Error error = add(codebooks, /*isDefault=*/true))
    return std::move(error);
  return rules;
}

Expected<LowRankSpec> parseLowRankSpec(StringRef text) {
  Setting<LowRankSpec> setting;
  MaybeProblem problem = readLowRankText(text, setting);
  if (!problem && setting.isNone())
    problem = makeBad("expected a target, found 'none'");
  if (problem)
    return makeRecipeError(makePlace("low_rank", text), *problem);
  return *setting.getSpec();
}

Expected<ShareSpecs> parseShareSpecs(StringRef text) {
  Setting<ShareSpecs> setting;
  MaybeProblem problem = readShareText(text, setting);
  if (!problem && setting.isNone())
    problem = makeBad("expected what is shared, found 'none'");
  if (problem)
    return makeRecipeError(makePlace("share", text), *problem);
  return *setting.getSpec();
}

Expected<ShareSpec> parseShareSpec(StringRef text) {
  Expected<ShareSpecs> specs = parseShareSpecs(text);
  if (!specs)
    return specs.takeError();
  if (specs->size() != 1)
    return makeRecipeError(makePlace("share", text),
                           makeBad("expected one kind, found " + Twine(specs->size())));
  return specs->front();
}

Expected<Recipe> makeRecipe(const RecipeFlags &flags) {
  Recipe recipe;
  auto add = [&](StringRef text, Expected<Rule> (*parse)(StringRef)) -> Error {
    if (text.empty())
      return Error::success();
    Expected<Rule> rule = parse(text);
    if (!rule)
      return rule.takeError();
    recipe.rules.push_back(std::move(*rule));
    return Error::success();
  };
  if (Error error = add(flags.quantize, parseQuantizeFlag))
    return std::move(error);
  if (Error error = add(flags.prune, parsePruneFlag))
    return std::move(error);
  if (Error error = add(flags.lowRank, parseLowRankFlag))
    return std::move(error);
  if (!flags.share.empty()) {
    Expected<std::vector<Rule>> rules = parseShareFlag(flags.share);
    if (!rules)
      return rules.takeError();
    append_range(recipe.rules, *rules);
  }
  if (!flags.file.empty()) {
    Expected<Recipe> rules = loadRecipe(flags.file);
    if (!rules)
      return rules.takeError();
    append_range(recipe.rules, rules->rules);
  }
  return recipe;
}

} // namespace mlir::compress
