//===- ShareSpec.cpp - which weights become one ---------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Recipe/ShareSpec.h"
#include "SpecNames.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace mlir::compress {

StringRef getName(ShareKind kind) { return findName(shareKindNames, kind); }
StringRef getName(CodebookMethod method) { return findName(codebookMethodNames, method); }
StringRef getName(CodebookStart start) { return findName(codebookStartNames, start); }
StringRef getName(CodebookScope scope) { return findName(codebookScopeNames, scope); }
StringRef getName(LayerSharing layers) { return findName(layerSharingNames, layers); }

ShareSpec resolveAuto(ShareSpec spec) {
  if (spec.isCodebook() && spec.method == CodebookMethod::Auto)
    spec.method = spec.isVector() ? CodebookMethod::Additive : CodebookMethod::Exact;
  return spec;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::vector<std::pair<std::string, std::string>> getEntries(const ShareSpec &spec) {
  std::vector<std::pair<std::string, std::string>> entries;
  const ShareSpec defaults;
  auto add = [&](StringRef key, const Twine &value, bool isDefault) {
    if (!isDefault)
      entries.emplace_back(key.str(), value.str());
  };
  std::string kind = getName(spec.kind).str();
  if (spec.isCodebook())
    kind += ":" + std::to_string(spec.entries);
  else if (spec.kind == ShareKind::Layers)
    kind += ":" + std::to_string(spec.groups);
  add("kind", kind, false);
  add("method", getName(spec.method), !spec.isCodebook());
  add("start", getName(spec.start), spec.start == defaults.start);
  add("scope", getName(spec.scope), spec.scope == defaults.scope);
  add("group", Twine(spec.group), spec.group == defaults.group);
  add("dim", Twine(spec.dim), spec.dim == defaults.dim);
  add("codebooks", Twine(spec.codebooks), spec.codebooks == defaults.codebooks);
  add("seed", Twine(spec.seed), spec.seed == defaults.seed);
  add("layers", getName(spec.layers), spec.layers == defaults.layers);
  return entries;
}

std::string toString(const ShareSpec &spec) { return joinEntries(getEntries(spec), "kind"); }

std::string toString(const ShareSpecs &specs) {
  return join(map_range(specs, [](const ShareSpec &spec) { return toString(spec); }), "+");
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

ArrayRef<StringRef> ShareSpecBuilder::getKeys() {
  static const StringRef keys[] = {"kind", "method",    "start", "scope", "group",
                                   "dim",  "codebooks", "seed",  "layers"};
  return keys;
}

StringRef ShareSpecBuilder::getValueKind(StringRef key) {
  return StringSwitch<StringRef>(key)
      .Cases({"group", "dim", "codebooks", "seed"}, "a number")
      .Default("a word");
}

std::optional<std::pair<StringRef, StringRef>> ShareSpecBuilder::expandWord(StringRef word) {
  return std::nullopt;
}

static constexpr StringLiteral kindHelp =
    "expected codebook:K with 2 <= K <= 256 (with dim: 65536) values, duplicates, or layers:N";

MaybeProblem ShareSpecBuilder::setKind(StringRef value) {
  auto [head, amount] = value.split(':');
  if (MaybeProblem problem = parseWord("kind", head, shareKindNames, spec.kind))
    return problem;
  if (spec.kind == ShareKind::Duplicates)
    return amount.empty() ? MaybeProblem() : makeBad("kind is " + quote(value) + ", " + kindHelp);
  std::optional<int64_t> number = parsePositive(amount, maxVectorEntries);
  if (!number || (spec.isCodebook() && *number < 2))
    return makeBad("kind is " + quote(value) + ", " + kindHelp);
  (spec.isCodebook() ? spec.entries : spec.groups) = *number;
  return std::nullopt;
}

MaybeProblem ShareSpecBuilder::set(StringRef key, StringRef value) {
  if (!is_contained(getKeys(), key))
    return makeUnknown("key", key, getKeys());
  if (MaybeProblem problem = addKey(seen, key))
    return problem;
  if (key == "kind")
    return setKind(value);
  if (key == "method")
    return parseWord("method", value, codebookMethodNames, spec.method);
  if (key == "start")
    return parseWord("start", value, codebookStartNames, spec.start);
  if (key == "scope")
    return parseWord("scope", value, codebookScopeNames, spec.scope);
  if (key == "layers")
    return parseWord("layers", value, layerSharingNames, spec.layers);
  int64_t limit = key == "dim" ? 64 : key == "codebooks" ? 8 : int64_t(1) << 31;
  std::optional<int64_t> number = key == "seed" && value == "0" ? 0 : parsePositive(value, limit);
  if (!number)
    return makeBad(key + " is " + quote(value) + ", expected a positive number of at most " +
                   Twine(limit));
  if (key == "seed")
    spec.seed = *number;
  else
    (key == "group" ? spec.group : key == "dim" ? spec.dim : spec.codebooks) = *number;
  return std::nullopt;
}

MaybeProblem ShareSpecBuilder::finish(ShareSpec &result) const {
  using enum CodebookMethod;
  if (!isGiven("kind"))
    return makeBad("nothing to share is given, " + Twine(kindHelp));
  bool isCodebook = spec.isCodebook(), isVector = spec.isVector();
  if (isCodebook && !isVector && spec.entries > maxCodebookEntries)
    return makeBad("kind is 'codebook:" + Twine(spec.entries) + "', " + kindHelp);
  if (isCodebook && spec.method != Auto &&
      isVector != (spec.method == Product || spec.method == Additive))
    return makeBad("method=" + getName(spec.method) + " is not for codebooks of " +
                   (isVector ? "vectors, expected product or additive"
                             : "single values, expected exact or lloyd (or dim of at least 2)"));
  bool isScalar = isCodebook && !isVector;
  struct Use {
    StringLiteral key;
    bool isUsed;
    StringLiteral where;
  };
  const Use uses[] = {
      {"method", isCodebook, "codebooks"},
      {"start", spec.method == Lloyd, "method=lloyd"},
      {"scope", isScalar, "codebooks of single values"},
      {"group", isScalar && spec.scope == CodebookScope::Group, "scope=group"},
      {"dim", isCodebook, "codebooks"},
      {"codebooks", isVector && spec.method != Product, "method=additive"},
      {"seed",
       isVector || spec.start == CodebookStart::Random || spec.layers == LayerSharing::KMeans,
       "random starts"},
      {"layers", spec.kind == ShareKind::Layers, "kind=layers"}};
  for (const Use &use : uses)
    if (isGiven(use.key) && !use.isUsed)
      return makeBad("key '" + use.key + "' is for " + use.where + ", found " + getName(spec.kind) +
                     (isCodebook ? ", method=" + getName(spec.method).str() : ""));
  if (spec.scope == CodebookScope::Group && !spec.group)
    return makeBad("scope=group needs the key 'group', a number of weights");
  result = spec;
  return std::nullopt;
}

} // namespace mlir::compress
