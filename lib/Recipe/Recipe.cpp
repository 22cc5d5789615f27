//===- Recipe.cpp - which layers are compressed, and how ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Recipe/Recipe.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace mlir::compress {

char RecipeError::ID = 0;

int takeRecipeError(Error error, std::string &message) {
  if (!error)
    return 0;
  int code = 2;
  visitErrors(error, [&](const ErrorInfoBase &info) {
    if (info.isA<RecipeError>() &&
        static_cast<const RecipeError &>(info).getKind() == RecipeErrorKind::Unsupported)
      code = 3;
  });
  message = toString(std::move(error));
  return code;
}

//===----------------------------------------------------------------------===//
// Resolution
//===----------------------------------------------------------------------===//

Recipe resolveAuto(Recipe recipe, bool hasStatistics) {
  for (Rule &rule : recipe.rules) {
    if (rule.quantize.getSpec())
      rule.quantize = resolveAuto(*rule.quantize.getSpec(), hasStatistics);
    if (rule.prune.getSpec()) {
      PruneSpecs specs = *rule.prune.getSpec();
      for (PruneSpec &spec : specs)
        spec = resolveAuto(spec, hasStatistics);
      rule.prune = specs;
    }
    if (rule.lowRank.getSpec())
      rule.lowRank = resolveAuto(*rule.lowRank.getSpec(), hasStatistics);
    if (rule.share.getSpec()) {
      ShareSpecs specs = *rule.share.getSpec();
      for (ShareSpec &spec : specs)
        spec = resolveAuto(spec);
      rule.share = specs;
    }
  }
  return recipe;
}

static bool areExclusive(const PruneSpec &a, const PruneSpec &b) {
  return areExclusive(a.pattern, b.pattern);
}
static bool areExclusive(const ShareSpec &a, const ShareSpec &b) { return a.kind == b.kind; }

/// `later` with those of `earlier` that exclude none of it; nothing, which is `none`, stays so.
template <typename Spec>
static std::optional<std::vector<Spec>> merge(const std::optional<std::vector<Spec>> &earlier,
                                              const std::optional<std::vector<Spec>> &later) {
  if (!later || !earlier)
    return later;
  std::vector<Spec> specs;
  for (const Spec &spec : *earlier)
    if (none_of(*later, [&](const Spec &other) { return areExclusive(spec, other); }))
      specs.push_back(spec);
  append_range(specs, *later);
  return specs;
}

ResolvedLayer resolve(const Recipe &recipe, const LayerInfo &layer) {
  ResolvedLayer result;
  for (auto [i, rule] : llvm::enumerate(recipe.rules)) {
    if (!matches(rule.select, layer))
      continue;
    if (rule.quantize.isGiven()) {
      result.quantize = rule.quantize.getSpec();
      result.quantizeRule = i;
    }
    if (rule.prune.isGiven()) {
      result.prune = merge(result.prune, rule.prune.getSpec());
      result.pruneRule = i;
    }
    if (rule.lowRank.isGiven()) {
      result.lowRank = rule.lowRank.getSpec();
      result.lowRankRule = i;
    }
    if (rule.share.isGiven()) {
      result.share = merge(result.share, rule.share.getSpec());
      result.shareRule = i;
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

/// A double-quoted YAML scalar.
static void printQuoted(raw_ostream &os, StringRef text) {
  os << '"';
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      os << '\\' << c;
    else if (byte < 0x20 || byte == 0x7F)
      os << "\\x" << hexdigit(byte >> 4) << hexdigit(byte & 15);
    else
      os << c;
  }
  os << '"';
}

static void printSelector(raw_ostream &os, const Selector &selector) {
  if (selector == Selector()) {
    os << "all";
    return;
  }
  ListSeparator comma;
  os << "{ ";
  if (!selector.ops.empty()) {
    os << comma << "op: [";
    llvm::interleave(selector.ops, os, [&](LayerKind kind) { os << getName(kind); }, ", ");
    os << "]";
  }
  if (!selector.names.empty()) {
    os << comma << "name: [";
    llvm::interleave(
        selector.names, os, [&](const NamePattern &p) { printQuoted(os, p.getText()); }, ", ");
    os << "]";
  }
  if (selector.first)
    os << comma << "first: " << *selector.first;
  if (selector.last)
    os << comma << "last: " << *selector.last;
  if (selector.head)
    os << comma << "head: " << (*selector.head ? "true" : "false");
  if (selector.minElements)
    os << comma << "min_elements: " << *selector.minElements;
  os << " }";
}

/// A map. Texts with a colon, and names of files, are quoted.
template <typename Spec>
static void printSpec(raw_ostream &os, const Spec &spec) {
  ListSeparator comma;
  os << "{ ";
  for (const auto &[key, value] : getEntries(spec)) {
    os << comma << key << ": ";
    if (key == "pattern" || key == "tree" || key == "target" || key == "kind")
      printQuoted(os, value);
    else
      os << value;
  }
  os << " }";
}

/// A list, unless there is only one.
template <typename Spec>
static void printSpec(raw_ostream &os, const std::vector<Spec> &specs) {
  if (specs.size() == 1)
    return printSpec(os, specs.front());
  os << "[";
  llvm::interleaveComma(specs, os, [&](const Spec &spec) { printSpec(os, spec); });
  os << "]";
}

template <typename Spec>
static void printSetting(raw_ostream &os, StringRef key, const Setting<Spec> &setting) {
  if (!setting.isGiven())
    return;
  os << "  " << key << ": ";
  if (setting.isNone())
    os << "none";
  else
    printSpec(os, *setting.getSpec());
  os << '\n';
}

void Recipe::print(raw_ostream &os) const {
  os << "version: 1\n";
  if (rules.empty()) {
    os << "rules: []\n";
    return;
  }
  os << "rules:\n";
  for (const Rule &rule : rules) {
    os << "- select: ";
    printSelector(os, rule.select);
    os << '\n';
    printSetting(os, "quantize", rule.quantize);
    printSetting(os, "prune", rule.prune);
    printSetting(os, "low_rank", rule.lowRank);
    printSetting(os, "share", rule.share);
  }
}

std::string Recipe::toYAML() const {
  std::string text;
  raw_string_ostream os(text);
  print(os);
  return text;
}

} // namespace mlir::compress
