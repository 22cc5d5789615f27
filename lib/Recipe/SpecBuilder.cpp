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
#include <algorithm>

using namespace llvm;

namespace mlir::compress {

//===----------------------------------------------------------------------===//
// Messages
//===----------------------------------------------------------------------===//

/// Text from a user, cut and made printable.
static std::string quote(StringRef text) {
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

static Problem makeBad(const Twine &message) { return {RecipeErrorKind::BadInput, message.str()}; }

/// Notes that `key` is given; a problem if it was before.
static MaybeProblem addKey(SmallVectorImpl<std::string> &seen, StringRef key) {
  if (is_contained(seen, key))
    return makeBad("key '" + key + "' is given twice");
  seen.push_back(key.str());
  return std::nullopt;
}

/// Reads a positive integer of at most `limit`.
static std::optional<int64_t> parsePositive(StringRef text, int64_t limit) {
  int64_t value = 0;
  if (text.empty() || !all_of(text, isDigit) || text.getAsInteger(10, value) || value < 1 ||
      value > limit)
    return std::nullopt;
  return value;
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

static constexpr GridConvention conventions[] = {
    GridConvention::SymRestricted, GridConvention::SymFullRange, GridConvention::SymSignedMax,
    GridConvention::AsymZeroIn, GridConvention::AsymMinMax};

static bool isSymmetric(GridConvention convention) {
  return convention != GridConvention::AsymZeroIn && convention != GridConvention::AsymMinMax;
}

ArrayRef<StringRef> QuantizeSpecBuilder::getKeys() {
  static const StringRef keys[] = {"format",     "group",  "granularity", "symmetric",
                                   "convention", "method", "activations"};
  return keys;
}

MaybeProblem QuantizeSpecBuilder::setFormat(StringRef value) {
  static const StringRef valid[] = {"int8", "w8", "int4", "int2", "W8A8", "W8A16", "W4A16", "W4A8"};
  static const StringRef unsupported[] = {"int3",   "int6",        "nf4",       "fp4",   "fp6",
                                          "fp8",    "fp8_dynamic", "fp8_block", "mxfp4", "mxfp6",
                                          "mxfp8",  "nvfp4",       "fp16",      "bf16",  "ternary",
                                          "binary", "w4a4",        "w2a16",     "w3a16", "w6a16"};
  std::string name = value.lower();
  if (name == "int8" || name == "w8" || name == "w8a8" || name == "int8_w8a8" || name == "w8a16")
    format = WeightFormat::Int8;
  else if (name == "int4" || name == "w4a16" || name == "w4a8")
    format = WeightFormat::Int4;
  else if (name == "int2")
    format = WeightFormat::Int2;
  else
    return makeUnknown("format", value, valid, unsupported);
  if (name == "w8" || name == "w8a16" || name == "w4a16")
    formatActivations = ActivationMode::None;
  else if (name == "w8a8" || name == "int8_w8a8" || name == "w4a8")
    formatActivations = ActivationMode::Dynamic;
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::setGroup(StringRef value) {
  if (value == "-1" || value == "channel") {
    group = -1;
    return std::nullopt;
  }
  group = parsePositive(value, maxGroup);
  if (!group)
    return makeBad("group is " + quote(value) +
                   ", expected a positive number, or -1 or 'channel' for one scale per output "
                   "channel");
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::set(StringRef key, StringRef value) {
  if (!is_contained(getKeys(), key))
    return makeUnknown("key", key, getKeys());
  if (MaybeProblem problem = addKey(seen, key))
    return problem;
  if (key == "format")
    return setFormat(value);
  if (key == "group")
    return setGroup(value);
  if (key == "granularity") {
    for (ScaleGranularity candidate :
         {ScaleGranularity::Tensor, ScaleGranularity::Channel, ScaleGranularity::Group})
      if (value == getName(candidate))
        granularity = candidate;
    if (!granularity)
      return makeUnknown("granularity", value, {"tensor", "channel", "group"});
    return std::nullopt;
  }
  if (key == "symmetric") {
    if (value != "true" && value != "false")
      return makeBad("symmetric is " + quote(value) + ", expected true or false");
    symmetric = value == "true";
    return std::nullopt;
  }
  if (key == "convention") {
    SmallVector<StringRef, 5> names;
    for (GridConvention candidate : conventions) {
      names.push_back(getName(candidate));
      if (value == getName(candidate))
        convention = candidate;
    }
    return convention ? std::nullopt : MaybeProblem(makeUnknown("convention", value, names));
  }
  if (key == "method") {
    if (value == "rtn")
      return std::nullopt;
    return makeUnknown("method", value, {"rtn"}, {"gptq", "awq", "hqq", "smoothquant", "adaround"});
  }
  if (value == "none" || value == "dynamic")
    activations = value == "none" ? ActivationMode::None : ActivationMode::Dynamic;
  else
    return makeUnknown("activations", value, {"none", "dynamic"}, {"static"});
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::finish(QuantizeSpec &spec) const {
  if (!format)
    return makeBad("no format is given, expected one of: int8, w8, int4, int2");
  bool isInt8 = *format == WeightFormat::Int8;
  spec.format = *format;

  if (activations && formatActivations && *activations != *formatActivations)
    return makeBad("activations=" + getName(*activations) +
                   " contradicts the name of the format, which means activations=" +
                   getName(*formatActivations));
  spec.activations = activations.value_or(
      formatActivations.value_or(isInt8 ? ActivationMode::Dynamic : ActivationMode::None));

  ScaleGranularity implied = ScaleGranularity::Group;
  if (group ? *group == -1 : isInt8)
    implied = ScaleGranularity::Channel;
  spec.granularity = granularity.value_or(implied);
  if (group && spec.granularity != implied)
    return makeBad("granularity=" + getName(spec.granularity) +
                   " contradicts group=" + Twine(*group));
  spec.group = spec.granularity == ScaleGranularity::Group ? group.value_or(128) : 0;

  if (symmetric && convention && *symmetric != isSymmetric(*convention))
    return makeBad("convention=" + getName(*convention) + " contradicts " +
                   (*symmetric ? "symmetric" : "asymmetric"));
  GridConvention preset = isInt8 ? GridConvention::SymRestricted : GridConvention::SymSignedMax;
  if (symmetric == false)
    preset = GridConvention::AsymZeroIn;
  spec.convention = convention.value_or(preset);
  spec.symmetric = isSymmetric(spec.convention);
  spec.method = QuantizeMethod::Rtn;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Pruning
//===----------------------------------------------------------------------===//

ArrayRef<StringRef> PruneSpecBuilder::getKeys() {
  static const StringRef keys[] = {"pattern", "method"};
  return keys;
}

MaybeProblem PruneSpecBuilder::setPattern(StringRef value) {
  auto [kept, block] = value.split(':');
  static const StringRef unsupported[] = {"unstructured", "channel", "head", "layer", "expert"};
  if (is_contained(unsupported, kept) && !block.empty())
    return Problem{RecipeErrorKind::Unsupported, "recognised but not supported yet: pattern " +
                                                     quote(value) +
                                                     " (supported: N:M, for example 2:4)"};
  std::optional<int64_t> n = parsePositive(kept, maxPruneBlock);
  std::optional<int64_t> m = parsePositive(block, maxPruneBlock);
  if (!n || !m || *n >= *m)
    return makeBad("pattern is " + quote(value) + ", expected N:M with 1 <= N < M <= " +
                   Twine(maxPruneBlock) + ", for example 2:4");
  spec.n = *n;
  spec.m = *m;
  hasPattern = true;
  return std::nullopt;
}

MaybeProblem PruneSpecBuilder::set(StringRef key, StringRef value) {
  if (!is_contained(getKeys(), key))
    return makeUnknown("key", key, getKeys());
  if (MaybeProblem problem = addKey(seen, key))
    return problem;
  if (key == "pattern")
    return setPattern(value);
  if (value == "magnitude")
    return std::nullopt;
  return makeUnknown("method", value, {"magnitude"}, {"wanda", "sparsegpt", "ria"});
}

MaybeProblem PruneSpecBuilder::finish(PruneSpec &result) const {
  if (!hasPattern)
    return makeBad("no pattern is given, expected N:M, for example 2:4");
  result = spec;
  return std::nullopt;
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
    auto [key, value] = item.split('=');
    MaybeProblem problem;
    bool isQuantize = headKey == "format";
    if (item.contains('='))
      problem = builder.set(key.trim(" "), value.trim(" "));
    else if (i == 0)
      problem = builder.set(headKey, item);
    else if (isQuantize && (item == "symmetric" || item == "sym"))
      problem = builder.set("symmetric", "true");
    else if (isQuantize && (item == "asymmetric" || item == "asym"))
      problem = builder.set("symmetric", "false");
    else
      problem =
          makeBad("expected key=value" + Twine(isQuantize ? ", symmetric or asymmetric" : "") +
                  ", found " + quote(item) + "; the keys are: " + join(Builder::getKeys(), ", "));
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

MaybeProblem readPruneText(StringRef text, Setting<PruneSpec> &setting) {
  return readText<PruneSpec, PruneSpecBuilder>(text, "pattern", setting);
}

} // namespace mlir::compress
