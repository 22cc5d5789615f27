//===- SpecBuilder.cpp - specifications from key-value pairs --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SpecBuilder.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>

using namespace llvm;

namespace mlir::compress {

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

std::string quote(StringRef text) {
  std::string result = "'";
  for (char c : text.take_front(60))
    result += isPrint(c) || static_cast<unsigned char>(c) >= 0x80 ? c : '?';
  return result + (text.size() > 60 ? "...'" : "'");
}

/// The spelling of other tools for one of our keys, or "".
static StringRef getOurName(StringRef name) {
  return StringSwitch<StringRef>(name)
      .Cases({"group_size", "block_size", "blocksize", "groupsize"}, "group")
      .Cases({"bits", "dtype", "type", "scheme", "precision", "algorithm"}, "format")
      .Cases({"is_symmetric", "is_sym"}, "symmetric")
      .Cases({"algo"}, "method")
      .Cases({"targets", "op_types", "ops"}, "op")
      .Cases({"names", "nodes", "re"}, "name")
      .Cases({"sparsity", "mask_structure"}, "pattern")
      .Default("");
}

Problem makeUnknown(StringRef what, StringRef name, ArrayRef<StringRef> valid,
                    ArrayRef<StringRef> unsupported) {
  std::string list = join(valid, ", ");
  if (is_contained(unsupported, StringRef(name.lower())))
    return {RecipeErrorKind::Unsupported, ("recognised but not supported yet: " + what + " " +
                                           quote(name) + " (supported: " + list + ")")
                                              .str()};
  StringRef best;
  // Up to a third of the letters may differ, and two swapped ones (distance 2) in any but short
  // words.
  StringRef shortened = name.take_front(64);
  unsigned length = static_cast<unsigned>(shortened.size());
  unsigned bestDistance = std::max(length < 4 ? 1u : 2u, length / 3) + 1;
  for (StringRef candidate : valid) {
    unsigned distance = shortened.edit_distance_insensitive(candidate, true, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  StringRef ours = getOurName(name);
  if (best.empty() && is_contained(valid, ours))
    best = ours;
  std::string message = ("unknown " + what + " " + quote(name)).str();
  if (!best.empty())
    message += (", did you mean '" + best + "'?").str();
  return {RecipeErrorKind::BadInput,
          message + (best.empty() ? ", expected one of: " : " expected one of: ") + list};
}

Error makeRecipeError(StringRef place, const Problem &problem) {
  return make_error<RecipeError>(problem.kind, (place + ": " + problem.message).str());
}

Problem makeBad(const Twine &message) { return {RecipeErrorKind::BadInput, message.str()}; }

MaybeProblem addKey(SmallVectorImpl<std::string> &seen, StringRef key) {
  if (is_contained(seen, key))
    return makeBad("key '" + key + "' is given twice");
  seen.push_back(key.str());
  return std::nullopt;
}

std::string toText(double value) {
  std::string text;
  for (int digits = 1; digits <= 17; ++digits) {
    text = formatv("{0}", format("%.*g", digits, value)).str();
    // Specifications are separated by plus signs.
    llvm::erase(text, '+');
    double again = 0;
    if (!StringRef(text).getAsDouble(again) && again == value)
      break;
  }
  return text;
}

std::string joinEntries(ArrayRef<std::pair<std::string, std::string>> entries, StringRef headKey) {
  return join(map_range(entries,
                        [&](const auto &entry) {
                          return entry.first == headKey ? entry.second
                                                        : entry.first + "=" + entry.second;
                        }),
              ",");
}

std::optional<int64_t> parsePositive(StringRef text, int64_t limit) {
  int64_t value = 0;
  if (text.empty() || !all_of(text, isDigit) || text.getAsInteger(10, value) || value < 1 ||
      value > limit)
    return std::nullopt;
  return value;
}

//===----------------------------------------------------------------------===//
// Flag text
//===----------------------------------------------------------------------===//

/// Feeds `head,key=value,...` to `builder`; the head is the value of `headKey`.
template <typename Builder>
static MaybeProblem feed(StringRef text, StringRef headKey, Builder &builder) {
  SmallVector<StringRef, 8> items;
  text.split(items, ',');
  for (auto [i, item] : llvm::enumerate(items)) {
    item = item.trim(" ");
    if (item.empty())
      return makeBad("empty item " + Twine(i + 1) + " between the commas");
    // "mixed:avg=5.2": the head, and the first key.
    if (i == 0 && item.contains('=')) {
      auto [head, rest] = item.split(':');
      if (!head.contains('=') && !rest.empty()) {
        if (MaybeProblem problem = builder.set(headKey, head.trim(" ")))
          return problem;
        item = rest.trim(" ");
      }
    }
    auto [key, value] = item.split('=');
    MaybeProblem problem;
    if (item.contains('='))
      problem = builder.set(key.trim(" "), value.trim(" "));
    else if (i == 0)
      problem = builder.set(headKey, item);
    else if (std::optional<std::pair<StringRef, StringRef>> entry = Builder::expandWord(item))
      problem = builder.set(entry->first, entry->second);
    else
      problem = makeBad("expected key=value" + Twine(Builder::getWordHelp()) + ", found " +
                        quote(item) + "; the keys are: " + join(Builder::getKeys(), ", "));
    if (problem)
      return problem;
  }
  return std::nullopt;
}

/// Reads the text of a flag; `none` alone means none.
template <typename Spec, typename Builder>
static MaybeProblem readText(StringRef text, StringRef headKey, Setting<Spec> &setting) {
  if (text.trim(" ") == "none") {
    setting = Setting<Spec>::none();
    return std::nullopt;
  }
  Builder builder;
  Spec spec;
  if (MaybeProblem problem = feed(text, headKey, builder))
    return problem;
  if (MaybeProblem problem = builder.finish(spec))
    return problem;
  setting = spec;
  return std::nullopt;
}

MaybeProblem readQuantizeText(StringRef text, Setting<QuantizeSpec> &setting) {
  return readText<QuantizeSpec, QuantizeSpecBuilder>(text, "format", setting);
}

MaybeProblem readLowRankText(StringRef text, Setting<LowRankSpec> &setting) {
  return readText<LowRankSpec, LowRankSpecBuilder>(text, "target", setting);
}

MaybeProblem addSpec(PruneSpecs &specs, const PruneSpec &spec) {
  for (const PruneSpec &other : specs)
    if (areExclusive(spec.pattern, other.pattern))
      return makeBad("'" + toString(other) + "' and '" + toString(spec) +
                     "' may remove the same thing, expected one of them");
  specs.push_back(spec);
  return std::nullopt;
}

MaybeProblem addSpec(ShareSpecs &specs, const ShareSpec &spec) {
  for (const ShareSpec &other : specs)
    if (spec.kind == other.kind)
      return makeBad("'" + toString(other) + "' and '" + toString(spec) +
                     "' share the same thing, expected one of them");
  specs.push_back(spec);
  return std::nullopt;
}

/// Reads specifications with `+` between them.
template <typename Spec, typename Builder>
static MaybeProblem readTexts(StringRef text, StringRef headKey,
                              Setting<std::vector<Spec>> &setting) {
  if (text.trim(" ") == "none") {
    setting = Setting<std::vector<Spec>>::none();
    return std::nullopt;
  }
  std::vector<Spec> specs;
  for (StringRef part : llvm::split(text, '+')) {
    Setting<Spec> one;
    if (MaybeProblem problem = readText<Spec, Builder>(part, headKey, one))
      return problem;
    if (one.isNone())
      return makeBad("'none' stands alone");
    if (MaybeProblem problem = addSpec(specs, *one.getSpec()))
      return problem;
  }
  setting = specs;
  return std::nullopt;
}

MaybeProblem readPruneText(StringRef text, Setting<PruneSpecs> &setting) {
  return readTexts<PruneSpec, PruneSpecBuilder>(text, "pattern", setting);
}

MaybeProblem readShareText(StringRef text, Setting<ShareSpecs> &setting) {
  return readTexts<ShareSpec, ShareSpecBuilder>(text, "kind", setting);
}

} // namespace mlir::compress
