//===- QuantizeSpec.h - how a layer is quantized -----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_RECIPE_QUANTIZESPEC_H
#define COMPRESS_RECIPE_QUANTIZESPEC_H

#include "compress/Algorithms/UniformQuantization.h"
#include "compress/Support/DataType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// Stored format of a weight.
enum class WeightFormat : uint8_t {
  Int8,
  Int6,
  Int4,
  Int3,
  Int2,
  /// {-1, 0, 1} times the scales of least squared error.
  Ternary,
  /// The same with the threshold of Li et al., "Ternary Weight Networks", 2016.
  Twn,
  Binary,
  Fp16,
  Bf16,
  Fp8E4M3,
  Fp8E5M2,
  MxFp8,
  MxFp6E3M2,
  MxFp6E2M3,
  MxFp4,
  NvFp4,
  Nf4,
  Fp4,
  Pow2,
  Palette,
  /// One of several formats per layer, chosen by `compress-allocate-bits`.
  Mixed,
};

/// What codes of a format are.
enum class FormatFamily : uint8_t {
  /// Integers on a uniform grid.
  Integer,
  /// Floats of at most 8 bits, multiplied by a scale.
  Float,
  /// Numbers of a fixed table entry, multiplied by a scale.
  Table,
  /// Numbers of an entry of a table that is made for the weight.
  Palette,
  /// The values themselves as shorter floats.
  Cast,
  Mixed,
};

/// What is known of a format.
struct FormatInfo {
  WeightFormat format;
  /// As in recipes.
  llvm::StringLiteral name;
  FormatFamily family;
  /// Bits of a code; for `Pow2` and `Palette` the default, which the recipe may change.
  unsigned bits;
  /// Stored type of codes of `bits` bits.
  DataType codeType;
  /// Weights that share a scale by default: 0 for one scale per output channel, -1 for none or one
  /// per tensor.
  int64_t group;
  /// Whether no other group is possible.
  bool isGroupFixed;
};

llvm::ArrayRef<FormatInfo> getFormats();
const FormatInfo &getInfo(WeightFormat format);

//===----------------------------------------------------------------------===//
// Specifications
//===----------------------------------------------------------------------===//

/// Which elements of a weight share a scale.
enum class ScaleGranularity : uint8_t {
  /// All.
  Tensor,
  /// All of one output channel.
  Channel,
  /// All of one input channel (at all kernel positions of a convolution).
  InputChannel,
  /// `group` consecutive ones along the contraction of one output channel.
  Group,
};

/// How the range of a block of weights is chosen.
enum class RangeMethod : uint8_t {
  /// `Mse` for GPTQ and GPTAQ, else `MinMax`.
  Auto,
  /// Its smallest and largest value.
  MinMax,
  /// The part of that with the least sum of |error|^2.4.
  Mse,
};

/// How codes are chosen.
enum class QuantizeMethod : uint8_t {
  /// GPTQ for codes of at most 4 bits if there are statistics, else round to nearest.
  Auto,
  Rtn,
  Gptq,
  Gptaq,
  Hqq,
  AdaRound,
};

/// What is done to weights and activations before, keeping the model's output.
enum class QuantizeTransform : uint8_t { None, SmoothQuant, Awq, Rotate, Equalize };

/// What happens to the activations of a quantized layer.
enum class ActivationMode : uint8_t {
  /// `Static` if there are statistics, else `Dynamic`.
  Auto,
  /// They stay floats.
  None,
  /// Integers with scales computed at run time (by default per row for `linear` and `matmul`, per
  /// tensor for `conv`).
  Dynamic,
  /// Integers with one scale and zero point per tensor, from statistics.
  Static,
};

/// Which elements of an activation share a scale that is computed at run time.
enum class ActivationGranularity : uint8_t {
  /// `Token` for linear and matmul, `Tensor` for convolutions.
  Auto,
  Tensor,
  /// A row along the last dim.
  Token,
};

/// How the range of a static activation follows from its statistics.
enum class ActivationRange : uint8_t { MinMax, MovingAverage, Percentile, Entropy, Mse };

/// How a layer is quantized. The default is that of `int4`.
struct QuantizeSpec {
  WeightFormat format = WeightFormat::Int4;
  /// Bits of a code.
  unsigned bits = 4;
  ScaleGranularity granularity = ScaleGranularity::Group;
  /// Elements of a group; 0 unless `granularity` is `Group`.
  int64_t group = 128;
  /// Whether the code of zero is 0 and no zero point is stored; follows from `convention`. Always
  /// for formats that are no integers.
  bool symmetric = true;
  GridConvention convention = GridConvention::SymSignedMax;
  RangeMethod range = RangeMethod::Auto;
  /// Scales are quantized, too (QLoRA).
  bool doubleQuantize = false;

  QuantizeMethod method = QuantizeMethod::Auto;
  /// GPTQ: columns in order of decreasing Gram diagonal, with the grids fixed beforehand. Nothing:
  /// yes for GPTQ and GPTAQ.
  std::optional<bool> actOrder;
  /// GPTQ: part of the mean Gram diagonal that is added to it.
  double damping = 0.01;
  QuantizeTransform transform = QuantizeTransform::None;
  /// SmoothQuant: how much of the activations' range goes into the weights, in [0, 1].
  double alpha = 0.5;
  /// The mean error of the outputs is taken out of the bias.
  bool biasCorrection = false;

  ActivationMode activations = ActivationMode::None;
  /// 8 or 4.
  unsigned activationBits = 8;
  ActivationGranularity activationGranularity = ActivationGranularity::Auto;
  /// Static activations have the zero point 0.
  bool activationSymmetric = false;
  ActivationRange activationRange = ActivationRange::MinMax;
  /// For `ActivationRange::Percentile`, in percent.
  double percentile = 99.99;

  /// For `WeightFormat::Mixed`: formats separated by slashes, and the average bits per weight
  /// (scales included) or the bytes that they may take; one of them is 0.
  std::string formats;
  double averageBits = 0;
  uint64_t bytes = 0;

  const FormatInfo &getInfo() const { return compress::getInfo(format); }
  /// Whether the method, the transform or the activations are of a kind that needs calibration.
  bool needsStatistics() const;
  /// Whether the method looks at layers one after the other, with what compressed predecessors
  /// compute.
  bool isSequential() const {
    return method == QuantizeMethod::Gptq || method == QuantizeMethod::Gptaq;
  }

  bool operator==(const QuantizeSpec &other) const = default;
};

/// `spec` with `Auto` replaced by what it means with or without statistics.
QuantizeSpec resolveAuto(QuantizeSpec spec, bool hasStatistics);

/// Largest group that a recipe may ask for.
constexpr int64_t maxGroup = int64_t(1) << 31;

/// Stored type of the codes of a specification.
DataType getCodeType(const QuantizeSpec &spec);
/// The specifications that a mixed one chooses from, in its order; none for others.
llvm::Expected<std::vector<QuantizeSpec>> getCandidates(const QuantizeSpec &spec);

/// Names as written in recipes: `int4`, `group`, `sym_restricted`, `rtn`, `dynamic`, ...
inline llvm::StringRef getName(WeightFormat format) { return getInfo(format).name; }
llvm::StringRef getName(ScaleGranularity granularity);
llvm::StringRef getName(GridConvention convention);
llvm::StringRef getName(RangeMethod range);
llvm::StringRef getName(QuantizeMethod method);
llvm::StringRef getName(QuantizeTransform transform);
llvm::StringRef getName(ActivationMode mode);
llvm::StringRef getName(ActivationGranularity granularity);
llvm::StringRef getName(ActivationRange range);

/// The keys of a specification with their values, all that matter for its format: what
/// `parseQuantizeSpec` reads back. The first is the format.
std::vector<std::pair<std::string, std::string>> getEntries(const QuantizeSpec &spec);

/// Reads the value of `--quantize`, for example `int4,group=32,asymmetric,method=rtn`.
llvm::Expected<QuantizeSpec> parseQuantizeSpec(llvm::StringRef text);
/// Writes a specification so that it reads back the same.
std::string toString(const QuantizeSpec &spec);

} // namespace mlir::compress

#endif // COMPRESS_RECIPE_QUANTIZESPEC_H
