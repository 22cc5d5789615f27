//===- QuantizeSpecBuilder.cpp - quantization from key-value pairs ----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SpecBuilder.h"
#include "SpecNames.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace mlir::compress {

ArrayRef<StringRef> QuantizeSpecBuilder::getKeys() {
  static const StringRef keys[] = {"format",
                                   "bits",
                                   "group",
                                   "granularity",
                                   "symmetric",
                                   "convention",
                                   "range",
                                   "double_quant",
                                   "method",
                                   "act_order",
                                   "damping",
                                   "transform",
                                   "alpha",
                                   "bias_correction",
                                   "activations",
                                   "activation_bits",
                                   "activation_granularity",
                                   "activation_symmetric",
                                   "activation_range",
                                   "percentile",
                                   "avg",
                                   "bytes",
                                   "formats"};
  return keys;
}

StringRef QuantizeSpecBuilder::getValueKind(StringRef key) {
  return StringSwitch<StringRef>(key)
      .Cases({"symmetric", "double_quant", "act_order", "bias_correction", "activation_symmetric"},
             "true or false")
      .Cases({"bits", "group", "damping", "alpha", "activation_bits", "percentile", "avg", "bytes"},
             "a number")
      .Default("a word");
}

std::optional<std::pair<StringRef, StringRef>> QuantizeSpecBuilder::expandWord(StringRef word) {
  if (word == "symmetric" || word == "sym")
    return std::make_pair(StringRef("symmetric"), StringRef("true"));
  if (word == "asymmetric" || word == "asym")
    return std::make_pair(StringRef("symmetric"), StringRef("false"));
  if (getValueKind(word) == "true or false")
    return std::make_pair(word, StringRef("true"));
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

MaybeProblem QuantizeSpecBuilder::setFormat(StringRef value) {
  static const StringRef unsupported[] = {"fp8_dynamic", "fp8_block", "int8_block", "aqlm", "vq"};
  std::string name = value.lower();
  // Names of other tools: the format, and bits of the activations (0: they stay floats).
  struct Preset {
    StringLiteral name;
    WeightFormat format;
    unsigned activationBits;
  };
  static constexpr Preset presets[] = {
      {"w8", WeightFormat::Int8, 0},          {"w8a8", WeightFormat::Int8, 8},
      {"int8_w8a8", WeightFormat::Int8, 8},   {"w8a16", WeightFormat::Int8, 0},
      {"w6a16", WeightFormat::Int6, 0},       {"w4a16", WeightFormat::Int4, 0},
      {"w4a8", WeightFormat::Int4, 8},        {"w4a4", WeightFormat::Int4, 4},
      {"w3a16", WeightFormat::Int3, 0},       {"w2a16", WeightFormat::Int2, 0},
      {"fp8_e4m3", WeightFormat::Fp8E4M3, 0}, {"mxfp6_e3m2", WeightFormat::MxFp6E3M2, 0}};
  SmallVector<StringRef, 40> names;
  for (const FormatInfo &info : getFormats()) {
    names.push_back(info.name);
    if (name == info.name) {
      format = info.format;
      return std::nullopt;
    }
  }
  for (const Preset &preset : presets) {
    names.push_back(preset.name);
    if (name != preset.name)
      continue;
    format = preset.format;
    if (preset.activationBits == 0) {
      formatActivations = ActivationMode::None;
    } else {
      formatActivations = ActivationMode::Auto;
      formatActivationBits = preset.activationBits;
    }
    return std::nullopt;
  }
  return makeUnknown("format", value, names, unsupported);
}

MaybeProblem QuantizeSpecBuilder::setMethod(StringRef value) {
  if (value == "awq")
    methodTransform = QuantizeTransform::Awq;
  else if (value == "smoothquant")
    methodTransform = QuantizeTransform::SmoothQuant;
  else if (value == "quarot")
    methodTransform = QuantizeTransform::Rotate;
  if (methodTransform) {
    // Rotation is followed by GPTQ where there are statistics, as its authors do.
    given.method =
        *methodTransform == QuantizeTransform::Rotate ? QuantizeMethod::Auto : QuantizeMethod::Rtn;
    return std::nullopt;
  }
  MaybeProblem problem = parseWord("method", value, methodNames, given.method);
  if (problem)
    return makeUnknown(
        "method", value,
        {"auto", "rtn", "gptq", "gptaq", "hqq", "adaround", "awq", "smoothquant", "quarot"},
        {"omniquant", "spinquant", "aqlm", "quip", "efficientqat"});
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::setNumber(StringRef key, StringRef value) {
  if (key == "bytes") {
    std::optional<int64_t> bytes = parsePositive(value, INT64_MAX);
    if (!bytes)
      return makeBad("bytes is " + quote(value) + ", expected a positive number");
    given.bytes = *bytes;
    return std::nullopt;
  }
  if (key == "bits" || key == "activation_bits") {
    std::optional<int64_t> bits = parsePositive(value, 8);
    if (!bits || (key == "activation_bits" && *bits != 4 && *bits != 8))
      return makeBad(key + " is " + quote(value) + ", expected " +
                     (key == "bits" ? "1 to 8" : "8 or 4"));
    (key == "bits" ? given.bits : given.activationBits) = *bits;
    return std::nullopt;
  }
  struct Limits {
    StringLiteral key;
    double *value;
    double low, high;
  };
  Limits limits[] = {{"damping", &given.damping, 0, 1},
                     {"alpha", &given.alpha, 0, 1},
                     {"percentile", &given.percentile, 50, 100},
                     {"avg", &given.averageBits, 1, 32}};
  for (Limits &limit : limits) {
    if (key != limit.key)
      continue;
    double number = 0;
    if (value.getAsDouble(number) || !(number >= limit.low && number <= limit.high))
      return makeBad(key + " is " + quote(value) + ", expected a number from " +
                     Twine(static_cast<int>(limit.low)) + " to " +
                     Twine(static_cast<int>(limit.high)));
    *limit.value = number;
  }
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::set(StringRef key, StringRef value) {
  if (!is_contained(getKeys(), key))
    return makeUnknown("key", key, getKeys());
  if (MaybeProblem problem = addKey(seen, key))
    return problem;
  if (getValueKind(key) == "true or false") {
    if (value != "true" && value != "false")
      return makeBad(key + " is " + quote(value) + ", expected true or false");
    bool isTrue = value == "true";
    if (key == "symmetric")
      symmetric = isTrue;
    else if (key == "act_order")
      given.actOrder = isTrue;
    else
      *StringSwitch<bool *>(key)
           .Case("double_quant", &given.doubleQuantize)
           .Case("bias_correction", &given.biasCorrection)
           .Default(&given.activationSymmetric) = isTrue;
    return std::nullopt;
  }
  if (key == "group") {
    if (value == "-1" || value == "channel")
      group = -1;
    else
      group = parsePositive(value, maxGroup);
    if (!group)
      return makeBad("group is " + quote(value) +
                     ", expected a positive number, or -1 or 'channel' for one scale per output "
                     "channel");
    return std::nullopt;
  }
  if (getValueKind(key) == "a number")
    return setNumber(key, value);
  if (key == "format")
    return setFormat(value);
  if (key == "method")
    return setMethod(value);
  if (key == "granularity")
    // A layer has one weight.
    return parseWord("granularity", value == "layer" ? "tensor" : value, granularityNames,
                     given.granularity);
  if (key == "convention")
    return parseWord("convention", value, conventionNames, given.convention);
  if (key == "range")
    return parseWord("range", value, rangeNames, given.range);
  if (key == "transform")
    return parseWord("transform", value, transformNames, given.transform);
  if (key == "activations")
    return parseWord("activations", value, activationNames, given.activations);
  if (key == "activation_granularity")
    return parseWord("activation_granularity", value, activationGranularityNames,
                     given.activationGranularity);
  if (key == "activation_range")
    return parseWord("activation_range", value, activationRangeNames, given.activationRange);
  given.formats = value.str();
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

MaybeProblem QuantizeSpecBuilder::finishScales(QuantizeSpec &spec) const {
  const FormatInfo &info = spec.getInfo();
  bool isInteger = info.family == FormatFamily::Integer;
  auto refuse = [&](StringRef key) -> MaybeProblem {
    return makeBad("format " + Twine(info.name) + " has no key '" + key + "'");
  };
  if (isGiven("bits") && spec.format != WeightFormat::Pow2 && spec.format != WeightFormat::Palette)
    return refuse("bits");
  if (spec.format == WeightFormat::Pow2 && spec.bits < 2)
    return makeBad("bits is '1', expected 2 to 8 for pow2");
  if (!isInteger)
    for (StringRef key : {"convention", "symmetric"})
      if (isGiven(key))
        return refuse(key);

  ScaleGranularity implied = ScaleGranularity::Group;
  if (group ? *group == -1 : info.group <= 0)
    implied = info.group < 0 ? ScaleGranularity::Tensor : ScaleGranularity::Channel;
  if (info.isGroupFixed) {
    if (isGiven("granularity") && given.granularity != implied)
      return makeBad("granularity=" + getName(given.granularity) + " is not possible for " +
                     info.name);
    if (group && *group != info.group)
      return info.group > 0 ? makeBad("group is '" + Twine(*group) + "', expected " +
                                      Twine(info.group) + " for " + info.name)
                            : *refuse("group");
  }
  spec.granularity = isGiven("granularity") ? given.granularity : implied;
  if (group && spec.granularity != implied)
    return makeBad("granularity=" + getName(spec.granularity) +
                   " contradicts group=" + Twine(*group));
  spec.group = 0;
  if (spec.granularity == ScaleGranularity::Group)
    spec.group = group.value_or(info.group > 0 ? info.group : 128);

  spec.symmetric = true;
  spec.convention = QuantizeSpec().convention;
  if (isInteger) {
    bool isGivenSymmetric = !isAsymmetric(given.convention);
    if (symmetric && isGiven("convention") && *symmetric != isGivenSymmetric)
      return makeBad("convention=" + getName(given.convention) + " contradicts " +
                     (*symmetric ? "symmetric" : "asymmetric"));
    GridConvention preset = spec.format == WeightFormat::Int8 ? GridConvention::SymRestricted
                                                              : GridConvention::SymSignedMax;
    if (symmetric == false)
      preset = GridConvention::AsymZeroIn;
    spec.convention = isGiven("convention") ? given.convention : preset;
    spec.symmetric = !isAsymmetric(spec.convention);
  }
  if (spec.doubleQuantize && spec.format != WeightFormat::Nf4 && spec.format != WeightFormat::Fp4)
    return makeBad("double_quant is for nf4 and fp4, found format " + Twine(info.name));
  if (spec.doubleQuantize && spec.granularity == ScaleGranularity::Tensor)
    return makeBad("double_quant needs several scales, found granularity=tensor");
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::finishMethod(QuantizeSpec &spec) const {
  const FormatInfo &info = spec.getInfo();
  bool hasGrid = info.family == FormatFamily::Integer || info.family == FormatFamily::Float ||
                 info.family == FormatFamily::Table || info.family == FormatFamily::Mixed;
  if (methodTransform) {
    if (isGiven("transform") && given.transform != *methodTransform)
      return makeBad("transform=" + getName(given.transform) +
                     " contradicts the method, which "
                     "means transform=" +
                     getName(*methodTransform));
    spec.transform = *methodTransform;
  }
  if (!hasGrid && spec.method != QuantizeMethod::Auto && spec.method != QuantizeMethod::Rtn)
    return makeBad("method=" + getName(spec.method) + " is not possible for " + info.name +
                   ", expected rtn");
  if (spec.method == QuantizeMethod::Hqq && info.family != FormatFamily::Integer)
    return makeBad("method=hqq is for integer formats, found " + Twine(info.name));
  if (!hasGrid)
    spec.method = QuantizeMethod::Rtn;
  if (spec.range == RangeMethod::Mse &&
      (info.family == FormatFamily::Cast || info.family == FormatFamily::Palette ||
       spec.format == WeightFormat::Ternary || spec.format == WeightFormat::Twn ||
       spec.format == WeightFormat::Binary))
    return makeBad("range=mse is not possible for " + Twine(info.name));
  if (spec.range == RangeMethod::Mse && spec.method == QuantizeMethod::Hqq)
    return makeBad("range=mse contradicts method=hqq, which has an objective of its own");
  bool usesGptq = spec.isSequential() || spec.method == QuantizeMethod::Auto;
  for (StringRef key : {"act_order", "damping"})
    if (isGiven(key) && !usesGptq)
      return makeBad("key '" + key +
                     "' is for the methods gptq and gptaq, found method=" + getName(spec.method));
  if (isGiven("alpha") && spec.transform != QuantizeTransform::SmoothQuant)
    return makeBad("key 'alpha' is for smoothquant, found transform=" + getName(spec.transform));
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::finishActivations(QuantizeSpec &spec) const {
  if (isGiven("activations") && formatActivations) {
    bool isContradiction =
        (*formatActivations == ActivationMode::None) != (given.activations == ActivationMode::None);
    if (isContradiction)
      return makeBad("activations=" + getName(given.activations) +
                     " contradicts the name of the format, which means activations=" +
                     getName(*formatActivations));
  }
  if (!isGiven("activations"))
    spec.activations = formatActivations.value_or(
        spec.format == WeightFormat::Int8 ? ActivationMode::Auto : ActivationMode::None);
  if (formatActivationBits) {
    if (isGiven("activation_bits") && spec.activationBits != *formatActivationBits)
      return makeBad("activation_bits=" + Twine(spec.activationBits) +
                     " contradicts the name of the format");
    spec.activationBits = *formatActivationBits;
  }
  if (spec.activations == ActivationMode::None) {
    for (StringRef key : {"activation_bits", "activation_granularity", "activation_symmetric",
                          "activation_range", "percentile"})
      if (isGiven(key))
        return makeBad("key '" + key + "' needs activations=dynamic or static");
    return std::nullopt;
  }
  if (spec.getInfo().family != FormatFamily::Integer &&
      spec.getInfo().family != FormatFamily::Mixed)
    return makeBad("activations=" + getName(spec.activations) + " is for integer formats, found " +
                   spec.getInfo().name);
  if (isGiven("percentile") && spec.activationRange != ActivationRange::Percentile)
    return makeBad("key 'percentile' needs activation_range=percentile");
  if (spec.activations == ActivationMode::Dynamic &&
      spec.activationRange != ActivationRange::MinMax)
    return makeBad("activation_range=" + getName(spec.activationRange) +
                   " needs activations=static: dynamic ranges are those of each run");
  if (spec.activations == ActivationMode::Static &&
      spec.activationGranularity == ActivationGranularity::Token)
    return makeBad("activation_granularity=token needs activations=dynamic");
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::finishMixed(QuantizeSpec &spec) const {
  if (spec.format != WeightFormat::Mixed) {
    for (StringRef key : {"avg", "bytes", "formats"})
      if (isGiven(key))
        return makeBad("key '" + key + "' is for the format mixed");
    return std::nullopt;
  }
  if (isGiven("avg") == isGiven("bytes"))
    return makeBad("mixed expects one of 'avg' (bits per weight) and 'bytes'");
  if (!isGiven("formats"))
    spec.formats = "int4/int8/fp16";
  SmallVector<StringRef, 4> names;
  StringRef(spec.formats).split(names, '/');
  if (names.size() < 2)
    return makeBad("formats is " + quote(spec.formats) +
                   ", expected at least two formats with slashes between them");
  for (StringRef name : names) {
    Setting<QuantizeSpec> candidate;
    MaybeProblem problem = readQuantizeText(name, candidate);
    if (!problem && (candidate.isNone() || candidate.getSpec()->format == WeightFormat::Mixed))
      problem = makeBad("expected a format, found " + quote(name));
    if (problem)
      return makeBad("formats: " + problem->message);
  }
  for (StringRef key : {"bits", "group", "granularity", "convention", "symmetric", "double_quant"})
    if (isGiven(key))
      return makeBad("format mixed has no key '" + key + "'");
  return std::nullopt;
}

MaybeProblem QuantizeSpecBuilder::finish(QuantizeSpec &spec) const {
  if (!format)
    return makeBad("no format is given, for example int8, w8, int4 or nf4");
  spec = given;
  spec.format = *format;
  if (!isGiven("bits"))
    spec.bits = spec.getInfo().bits;
  if (MaybeProblem problem = finishMixed(spec))
    return problem;
  if (MaybeProblem problem = finishScales(spec))
    return problem;
  if (MaybeProblem problem = finishMethod(spec))
    return problem;
  return finishActivations(spec);
}

} // namespace mlir::compress
