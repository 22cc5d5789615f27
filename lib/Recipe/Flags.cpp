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

Expected<Recipe> makeRecipe(StringRef quantize, StringRef prune, StringRef file) {
  Recipe recipe;
  auto add = [&](Expected<Rule> rule) -> Error {
    if (!rule)
      return rule.takeError();
    recipe.rules.push_back(std::move(*rule));
    return Error::success();
  };
  if (!quantize.empty())
    if (Error error = add(parseQuantizeFlag(quantize)))
      return std::move(error);
  if (!prune.empty())
    if (Error error = add(parsePruneFlag(prune)))
      return std::move(error);
  if (!file.empty()) {
    Expected<Recipe> rules = loadRecipe(file);
    if (!rules)
      return rules.takeError();
    append_range(recipe.rules, rules->rules);
  }
  return recipe;
}

/// The error for a flag of which no form is supported: `kinds` are the words it may start with.
static Error rejectFlag(StringRef flag, StringRef text, ArrayRef<StringRef> kinds) {
  StringRef head = text.split(',').first.split(':').first;
  if (is_contained(kinds, head))
    return makeRecipeError(
        makePlace(flag, text),
        {RecipeErrorKind::Unsupported, ("recognised but not supported yet: " + flag).str()});
  return makeRecipeError(makePlace(flag, text), makeUnknown("value", head, kinds));
}

Error parseLowRankFlag(StringRef text) {
  return rejectFlag("--low-rank", text, {"ratio", "rank", "energy"});
}

Error parseShareFlag(StringRef text) {
  return rejectFlag("--share", text, {"codebook", "duplicates", "layers", "embedding"});
}

} // namespace mlir::compress
