//===- QuantizeSpec.cpp - how a layer is quantized --------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Recipe/QuantizeSpec.h"
#include "SpecBuilder.h"
#include "SpecNames.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cassert>

using namespace llvm;

namespace mlir::compress {

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

static constexpr FormatInfo formats[] = {
    {WeightFormat::Int8, "int8", FormatFamily::Integer, 8, DataType::I8, 0, false},
    {WeightFormat::Int6, "int6", FormatFamily::Integer, 6, DataType::I6, 128, false},
    {WeightFormat::Int4, "int4", FormatFamily::Integer, 4, DataType::I4, 128, false},
    {WeightFormat::Int3, "int3", FormatFamily::Integer, 3, DataType::I3, 128, false},
    {WeightFormat::Int2, "int2", FormatFamily::Integer, 2, DataType::I2, 128, false},
    {WeightFormat::Ternary, "ternary", FormatFamily::Table, 2, DataType::I2, 0, false},
    {WeightFormat::Twn, "twn", FormatFamily::Table, 2, DataType::I2, 0, false},
    {WeightFormat::Binary, "binary", FormatFamily::Table, 1, DataType::U1, 0, false},
    {WeightFormat::Fp16, "fp16", FormatFamily::Cast, 16, DataType::F16, -1, true},
    {WeightFormat::Bf16, "bf16", FormatFamily::Cast, 16, DataType::BF16, -1, true},
    {WeightFormat::Fp8E4M3, "fp8", FormatFamily::Float, 8, DataType::F8E4M3FN, 0, false},
    {WeightFormat::Fp8E5M2, "fp8_e5m2", FormatFamily::Float, 8, DataType::F8E5M2, 0, false},
    {WeightFormat::MxFp8, "mxfp8", FormatFamily::Float, 8, DataType::F8E4M3FN, 32, true},
    {WeightFormat::MxFp6E3M2, "mxfp6", FormatFamily::Float, 6, DataType::F6E3M2FN, 32, true},
    {WeightFormat::MxFp6E2M3, "mxfp6_e2m3", FormatFamily::Float, 6, DataType::F6E2M3FN, 32, true},
    {WeightFormat::MxFp4, "mxfp4", FormatFamily::Float, 4, DataType::F4E2M1FN, 32, true},
    {WeightFormat::NvFp4, "nvfp4", FormatFamily::Float, 4, DataType::F4E2M1FN, 16, true},
    {WeightFormat::Nf4, "nf4", FormatFamily::Table, 4, DataType::U4, 64, false},
    {WeightFormat::Fp4, "fp4", FormatFamily::Table, 4, DataType::U4, 64, false},
    {WeightFormat::Pow2, "pow2", FormatFamily::Table, 4, DataType::U4, 0, false},
    {WeightFormat::Palette, "palette", FormatFamily::Palette, 4, DataType::U4, -1, true},
    {WeightFormat::Mixed, "mixed", FormatFamily::Mixed, 0, DataType::I8, 0, false},
};

ArrayRef<FormatInfo> getFormats() { return formats; }

const FormatInfo &getInfo(WeightFormat format) {
  const FormatInfo &info = formats[static_cast<size_t>(format)];
  assert(info.format == format && "the table is in the order of the enumeration");
  return info;
}

DataType getCodeType(const QuantizeSpec &spec) {
  // Index 0: types of codes of 1 bit.
  static constexpr DataType unsignedTypes[] = {DataType::U1, DataType::U2, DataType::U3,
                                               DataType::U4, DataType::U5, DataType::U6,
                                               DataType::U7, DataType::U8};
  if (spec.format == WeightFormat::Pow2 || spec.format == WeightFormat::Palette)
    return unsignedTypes[spec.bits - 1];
  return spec.getInfo().codeType;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

StringRef getName(ScaleGranularity value) { return findName(granularityNames, value); }
StringRef getName(GridConvention value) { return findName(conventionNames, value); }
StringRef getName(RangeMethod value) { return findName(rangeNames, value); }
StringRef getName(QuantizeMethod value) { return findName(methodNames, value); }
StringRef getName(QuantizeTransform value) { return findName(transformNames, value); }
StringRef getName(ActivationMode value) { return findName(activationNames, value); }
StringRef getName(ActivationGranularity value) {
  return findName(activationGranularityNames, value);
}
StringRef getName(ActivationRange value) { return findName(activationRangeNames, value); }

//===----------------------------------------------------------------------===//
// Specifications
//===----------------------------------------------------------------------===//

bool QuantizeSpec::needsStatistics() const {
  return isSequential() || method == QuantizeMethod::AdaRound || biasCorrection ||
         transform == QuantizeTransform::SmoothQuant || transform == QuantizeTransform::Awq ||
         activations == ActivationMode::Static;
}

QuantizeSpec resolveAuto(QuantizeSpec spec, bool hasStatistics) {
  if (spec.method == QuantizeMethod::Auto) {
    FormatFamily family = spec.getInfo().family;
    bool hasGrid = family == FormatFamily::Integer || family == FormatFamily::Float ||
                   family == FormatFamily::Table;
    bool isShort = spec.bits <= 4 || spec.format == WeightFormat::Mixed;
    spec.method = hasStatistics && isShort && (hasGrid || family == FormatFamily::Mixed)
                      ? QuantizeMethod::Gptq
                      : QuantizeMethod::Rtn;
  }
  if (spec.isSequential()) {
    // Both cost nothing in storage; fixed grids need good ranges. Formats of one or two bits have
    // no range to choose.
    bool hasRange = spec.format != WeightFormat::Ternary && spec.format != WeightFormat::Twn &&
                    spec.format != WeightFormat::Binary;
    if (spec.range == RangeMethod::Auto && hasRange)
      spec.range = RangeMethod::Mse;
    if (!spec.actOrder)
      spec.actOrder = true;
  } else {
    spec.actOrder = QuantizeSpec().actOrder;
    spec.damping = QuantizeSpec().damping;
  }
  if (spec.activations == ActivationMode::Auto)
    spec.activations = hasStatistics ? ActivationMode::Static : ActivationMode::Dynamic;
  return spec;
}

Expected<std::vector<QuantizeSpec>> getCandidates(const QuantizeSpec &spec) {
  std::vector<QuantizeSpec> candidates;
  SmallVector<StringRef, 4> names;
  StringRef(spec.formats).split(names, '/', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef name : names) {
    Expected<QuantizeSpec> candidate = parseQuantizeSpec(name);
    if (!candidate)
      return candidate.takeError();
    candidate->range = spec.range;
    candidate->method = candidate->getInfo().family == FormatFamily::Cast ||
                                candidate->getInfo().family == FormatFamily::Palette ||
                                candidate->bits > 4
                            ? QuantizeMethod::Rtn
                            : spec.method;
    candidate->actOrder = spec.actOrder;
    candidate->damping = spec.damping;
    candidate->transform = spec.transform;
    candidate->alpha = spec.alpha;
    candidate->biasCorrection = spec.biasCorrection;
    candidate->activations = spec.activations;
    candidate->activationBits = spec.activationBits;
    candidate->activationGranularity = spec.activationGranularity;
    candidate->activationSymmetric = spec.activationSymmetric;
    candidate->activationRange = spec.activationRange;
    candidate->percentile = spec.percentile;
    if (!candidate->isSequential()) {
      candidate->actOrder = {};
      candidate->range = RangeMethod::Auto;
      candidate->damping = QuantizeSpec().damping;
    }
    if (candidate->getInfo().family == FormatFamily::Cast) {
      candidate->activations = ActivationMode::None;
      candidate->transform = QuantizeTransform::None;
      candidate->biasCorrection = false;
    }
    candidates.push_back(std::move(*candidate));
  }
  return candidates;
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::vector<std::pair<std::string, std::string>> getEntries(const QuantizeSpec &spec) {
  std::vector<std::pair<std::string, std::string>> entries;
  const QuantizeSpec defaults;
  auto add = [&](StringRef key, const Twine &value) {
    entries.emplace_back(key.str(), value.str());
  };
  auto addFlag = [&](StringRef key, bool value) {
    if (value)
      add(key, "true");
  };
  const FormatInfo &info = spec.getInfo();
  add("format", info.name);
  if (spec.format == WeightFormat::Mixed) {
    if (spec.averageBits != 0)
      add("avg", toText(spec.averageBits));
    else
      add("bytes", Twine(spec.bytes));
    add("formats", spec.formats);
  }
  if (spec.format == WeightFormat::Pow2 || spec.format == WeightFormat::Palette)
    add("bits", Twine(spec.bits));
  bool isInteger = info.family == FormatFamily::Integer;
  if (isInteger || info.family == FormatFamily::Float || info.family == FormatFamily::Table) {
    if (spec.granularity == ScaleGranularity::Group)
      add("group", Twine(spec.group));
    else
      add("granularity", getName(spec.granularity));
  }
  if (isInteger) {
    add("symmetric", spec.symmetric ? "true" : "false");
    add("convention", getName(spec.convention));
  }
  if (spec.range != defaults.range)
    add("range", getName(spec.range));
  addFlag("double_quant", spec.doubleQuantize);
  add("method", getName(spec.method));
  if (spec.actOrder)
    add("act_order", *spec.actOrder ? "true" : "false");
  if (spec.damping != defaults.damping)
    add("damping", toText(spec.damping));
  if (spec.transform != defaults.transform)
    add("transform", getName(spec.transform));
  if (spec.alpha != defaults.alpha)
    add("alpha", toText(spec.alpha));
  addFlag("bias_correction", spec.biasCorrection);
  add("activations", getName(spec.activations));
  if (spec.activations == ActivationMode::None)
    return entries;
  if (spec.activationBits != defaults.activationBits)
    add("activation_bits", Twine(spec.activationBits));
  if (spec.activationGranularity != defaults.activationGranularity)
    add("activation_granularity", getName(spec.activationGranularity));
  addFlag("activation_symmetric", spec.activationSymmetric);
  if (spec.activationRange != defaults.activationRange)
    add("activation_range", getName(spec.activationRange));
  if (spec.percentile != defaults.percentile)
    add("percentile", toText(spec.percentile));
  return entries;
}

std::string toString(const QuantizeSpec &spec) {
  std::string text;
  for (const auto &[key, value] : getEntries(spec)) {
    if (!text.empty())
      text += ",";
    if (key == "format")
      text += value;
    else if (key == "symmetric")
      text += value == "true" ? "symmetric" : "asymmetric";
    else
      text += key + "=" + value;
  }
  return text;
}

} // namespace mlir::compress
