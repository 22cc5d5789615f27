//===- SpecNames.h - words of recipes ----------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_RECIPE_SPECNAMES_H
#define COMPRESS_LIB_RECIPE_SPECNAMES_H

#include "compress/Recipe/QuantizeSpec.h"

namespace mlir::compress {

/// A value of an enumeration and its word.
template <typename Enum>
struct Word {
  Enum value;
  llvm::StringLiteral name;
};

inline constexpr Word<ScaleGranularity> granularityNames[] = {
    {ScaleGranularity::Tensor, "tensor"},
    {ScaleGranularity::Channel, "channel"},
    {ScaleGranularity::InputChannel, "input_channel"},
    {ScaleGranularity::Group, "group"}};

inline constexpr Word<GridConvention> conventionNames[] = {
    {GridConvention::SymRestricted, "sym_restricted"},
    {GridConvention::SymFullRange, "sym_fullrange"},
    {GridConvention::SymSignedMax, "sym_signed_max"},
    {GridConvention::AsymZeroIn, "asym_zero_in"},
    {GridConvention::AsymMinMax, "asym_minmax"}};

inline constexpr Word<RangeMethod> rangeNames[] = {{RangeMethod::Auto, "auto"},
                                                   {RangeMethod::MinMax, "minmax"},
                                                   {RangeMethod::Mse, "mse"}};

inline constexpr Word<QuantizeMethod> methodNames[] = {
    {QuantizeMethod::Auto, "auto"}, {QuantizeMethod::Rtn, "rtn"},
    {QuantizeMethod::Gptq, "gptq"}, {QuantizeMethod::Gptaq, "gptaq"},
    {QuantizeMethod::Hqq, "hqq"},   {QuantizeMethod::AdaRound, "adaround"}};

inline constexpr Word<QuantizeTransform> transformNames[] = {
    {QuantizeTransform::None, "none"},
    {QuantizeTransform::SmoothQuant, "smoothquant"},
    {QuantizeTransform::Awq, "awq"},
    {QuantizeTransform::Rotate, "rotate"},
    {QuantizeTransform::Equalize, "equalize"}};

inline constexpr Word<ActivationMode> activationNames[] = {{ActivationMode::Auto, "auto"},
                                                           {ActivationMode::None, "none"},
                                                           {ActivationMode::Dynamic, "dynamic"},
                                                           {ActivationMode::Static, "static"}};

inline constexpr Word<ActivationGranularity> activationGranularityNames[] = {
    {ActivationGranularity::Auto, "auto"},
    {ActivationGranularity::Tensor, "tensor"},
    {ActivationGranularity::Token, "token"}};

inline constexpr Word<ActivationRange> activationRangeNames[] = {
    {ActivationRange::MinMax, "minmax"},
    {ActivationRange::MovingAverage, "moving_average"},
    {ActivationRange::Percentile, "percentile"},
    {ActivationRange::Entropy, "entropy"},
    {ActivationRange::Mse, "mse"}};

/// The word of `value`.
template <typename Enum, size_t size>
llvm::StringRef findName(const Word<Enum> (&words)[size], Enum value) {
  for (const Word<Enum> &word : words)
    if (word.value == value)
      return word.name;
  return "";
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_RECIPE_SPECNAMES_H
