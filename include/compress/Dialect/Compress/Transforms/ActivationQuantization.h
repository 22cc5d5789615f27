//===- ActivationQuantization.h - codes for activations --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What `compress-quantize-activations` and `compress-insert-fake-quant` share:
// the ranges of activations from statistics, and the ops that round.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_ACTIVATIONQUANTIZATION_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_ACTIVATIONQUANTIZATION_H

#include "compress/Algorithms/Histogram.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Recipe/QuantizeSpec.h"
#include "compress/Support/Statistics.h"

namespace mlir {
namespace compress {

/// Codes of an activation with one scale for all of it: `ui8` or `ui4` with a zero point, `i8` or
/// `i4` without.
struct ActivationGrid {
  DataType codeType = DataType::U8;
  float scale = 1;
  int64_t zeroPoint = 0;

  bool hasZeroPoint() const { return !isSigned(codeType); }
};

/// The grid of a range, as onnxruntime's static quantizer has it, in f64 and rounded once:
/// asymmetric `lo = min(low, 0)`, `hi = max(high, 0)`, `scale = (hi - lo) / (2^bits - 1)`,
/// `zero point = round_half_even(-lo / scale)`; symmetric `scale = max(-lo, hi) /
/// (2^(bits - 1) - 1)`. Nothing if the scale would be 0 or subnormal.
std::optional<ActivationGrid> getActivationGrid(FloatRange range, RangeGrid grid);

/// The range that `spec` asks for. Where the statistics do not have what it needs, the range from
/// smallest to largest value, and `note` says so.
FloatRange getActivationRange(const TensorStatistics &statistics, const QuantizeSpec &spec,
                              std::string &note);

/// Why the activation of an op stays float whatever the plan says; empty if it can be quantized.
std::string explainFloatActivation(const WeightedOp &op);

/// How one activation is quantized.
struct ActivationChoice {
  /// Static codes; nothing: dynamic ones.
  std::optional<ActivationGrid> grid;
  /// Where the grid comes from.
  FloatRange range;
  /// Dynamic codes have a scale for each row.
  bool perRow = false;
  /// Bits of dynamic codes.
  unsigned bits = 8;
  /// Why something else is done than the plan asks for; empty otherwise.
  std::string note;
};

/// Decides for `op`, whose plan is `spec` with static or dynamic activations. Statistics are those
/// of the context. A failure, with a diagnostic that names the op, if static codes are wanted and
/// calibration saw NaN or infinity.
FailureOr<ActivationChoice> chooseActivation(const WeightedOp &op, const QuantizeSpec &spec);

/// "ui8 static, minmax [-1, 2], scale 0.0118, zero point 85".
std::string describe(const ActivationChoice &choice, const QuantizeSpec &spec);

/// Puts ops in front of weighted ops; ops of one block that use one value in one way share them.
class ActivationRewriter {
public:
  /// `fake`: static codes become `compress.fake_quantize`.
  ActivationRewriter(ModuleOp module, bool fake);

  /// Rounds the activation of `op`.
  LogicalResult rewrite(const WeightedOp &op, const ActivationChoice &choice);

private:
  Value create(OpBuilder &builder, const WeightedOp &op, const ActivationChoice &choice);
  FailureOr<std::pair<Value, Value>> createParameters(OpBuilder &builder, const WeightedOp &op,
                                                      const ActivationGrid &grid);

  bool fake;
  WeightStore store;
  WeightSymbols symbols;
  /// Code type (or -1, -2 for dynamic codes per tensor and row), bits of the scale, zero point.
  using Key = std::tuple<Value, Block *, int, uint32_t, int64_t>;
  llvm::DenseMap<std::pair<Value, Block *>, SmallVector<std::pair<Key, Value>, 1>> made;
};

/// Whether `value` is the result of quantization, so that it needs no more.
bool isQuantizedActivation(Value value);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_ACTIVATIONQUANTIZATION_H
