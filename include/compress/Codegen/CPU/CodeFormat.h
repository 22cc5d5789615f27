//===- CodeFormat.h - how kernels store quantized weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_CODEFORMAT_H
#define COMPRESS_CODEGEN_CPU_CODEFORMAT_H

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Codegen/CPU/KernelLibrary.h"

namespace mlir {
namespace compress {

/// A quantized matrix `[inputs, outputs]` in the layout of kernels: panels of columns, see
/// `LinearRequest`. The value of code `c` is `(c - offset - zero point) * scale`, or with a table
/// `table[c] * scale`, or that of a float type times the scale.
///
/// - Codes of 8 bits are `i8` `[panels, slots, width]`.
/// - Codes of 4, 2 or 1 bits are `i32` `[panels, slots * bits / 32, width]`: a lane holds the codes
///   of consecutive slots of one column, low bits first.
/// - Without a pattern a slot is an input. With N:M a group of M inputs has N slots, and
/// `positions`
///   (in the layout of codes) say which input of the group each one is.
/// - Scales and zero points are f32 `[panels, groups, width]`.
/// - A table is f32 `[16]`, repeated if it has fewer entries, or `[256]` for codes of 8 bits.
///
/// Slots are padded to whole lanes (with a pattern, to whole units).
struct CodeFormat {
  int64_t inputs = 0, outputs = 0;
  int64_t bits = 8, offset = 0;
  /// Inputs that share a scale.
  int64_t group = 0;
  bool hasZeroPoints = false;
  bool hasTable = false;
  /// Codes are finite floats of this type, whose values are computed.
  std::optional<DataType> floatType;
  /// N:M pattern along the inputs; 0 for none.
  int64_t keep = 0, of = 0;

  bool hasPattern() const { return of != 0; }
  /// Inputs whose codes share a lane (1 for codes of 8 bits); with a pattern, inputs of a unit:
  /// whole groups of M whose codes and positions fill whole lanes.
  int64_t getUnit() const;
  int64_t getPaddedInputs() const;
  int64_t getGroups() const { return (inputs + group - 1) / group; }
  int64_t getSlots() const;
  /// Bits of a stored position: 1, 2, 4 or 8.
  int64_t getPositionBits() const;
  /// Part of a kernel's name: "i4g32z_2of4".
  std::string getName() const;
  /// The same for people: "4-bit, group 32, 2:4".
  std::string getDescription() const;

  /// Types of the packed tensors for panels of `width` columns.
  RankedTensorType getCodeType(MLIRContext *context, int64_t width) const;
  RankedTensorType getPositionType(MLIRContext *context, int64_t width) const;
  RankedTensorType getScaleType(MLIRContext *context, int64_t width) const;
  RankedTensorType getTableType(MLIRContext *context) const;
};

/// A matrix of a stored weight: of its last two dims, `inputDim` (0 or 1) is contracted; a stack of
/// matrices (rank 3) has one more dim before them, of which this is index `batch`.
struct WeightMatrix {
  const EncodedWeight &weight;
  int64_t inputDim;
  int64_t batch = 0;
  /// Values of the codes, `[entries]` of f32, repeated for codes beyond; null for codes that are
  /// numbers.
  const StoredTensor *table = nullptr;

  int64_t getDim(RankedTensorType type, int64_t dim) const {
    return type.getDimSize(type.getRank() - 2 + dim);
  }
  int64_t getInputs() const { return getDim(weight.type, inputDim); }
  int64_t getOutputs() const { return getDim(weight.type, 1 - inputDim); }
};

/// Parts of a float type whose codes kernels compute: a sign, an exponent, and a mantissa.
struct FloatLayout {
  unsigned mantissaBits;
  int bias;
};
/// f8E4M3FN, f8E5M2, f6E3M2FN, f6E2M3FN, f4E2M1FN; nothing for others.
std::optional<FloatLayout> getFloatLayout(DataType type);

/// The format of a matrix; failure if it has none (scales in blocks along the outputs other than
/// whole ones or single columns are fine).
FailureOr<CodeFormat> getCodeFormat(const WeightMatrix &matrix);

/// Write the packed tensors of `matrix` in `format`, for panels of `width` columns. Buffers have
/// the sizes of their types and are zero.
void packCodes(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
               MutableArrayRef<char> codes);
void packPositions(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                   MutableArrayRef<char> positions);
void packScales(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                MutableArrayRef<char> scales);
void packZeroPoints(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                    MutableArrayRef<char> zeroPoints);
void packTable(const WeightMatrix &matrix, MutableArrayRef<char> table);

/// Emits code that reads packed weights.
class CodeDecoder {
public:
  /// Memrefs of the packed tensors; null where there are none.
  struct Tensors {
    Value codes, positions, scales, zeroPoints, table;
  };
  CodeDecoder(KernelBuilder &builder, const CodeFormat &format, const Tensors &tensors);

  const CodeFormat &getFormat() const { return format; }
  int64_t getVectors() const { return vectors; }

  /// Scales (and zero points) of a group of a panel, one vector of `getLanes()` columns each.
  SmallVector<Value> loadScales(Value panel, Value group);
  SmallVector<Value> loadZeroPoints(Value panel, Value group);

  /// Values without scale of `count` inputs from `first` on (a multiple of the unit; at most one
  /// unit), by input and then by vector. `zeroPoints` is empty or has a vector per vector. Not for
  /// patterns.
  SmallVector<SmallVector<Value>> decodeUnit(Value panel, Value first, int64_t count,
                                             ValueRange zeroPoints);

  /// What an N:M pattern keeps of a unit: a value without scale, and which input of the group that
  /// starts at `firstInput` (of the unit) it is, a vector of i32; both by vector.
  struct Slot {
    int64_t firstInput = 0;
    SmallVector<Value> values, positions;
  };
  SmallVector<Slot> decodeSlots(Value panel, Value first, ValueRange zeroPoints);

  /// Writes the values of `count` inputs (a multiple of the unit) from `first` (the same) on as f32
  /// rows of a panel to `scratch` `[>= count, width]`.
  void decodeRows(Value panel, Value first, Value count, Value scratch);

private:
  SmallVector<Value> loadLanes(Value memref, Value panel, Value lane);
  Value extract(Value lane, int64_t slot, int64_t bits);
  Value toFloat(Value lane, int64_t slot);
  Value widenFloat(Value code);
  SmallVector<SmallVector<Value>> decodePatternUnit(Value panel, Value first,
                                                    ValueRange zeroPoints);
  void storeRow(ArrayRef<Value> values, ValueRange scales, Value row, Value scratch);

  KernelBuilder &b;
  CodeFormat format;
  Tensors tensors;
  int64_t lanes, vectors;
  /// The values of all codes in a register, where the target looks them up there.
  Value table;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_CODEFORMAT_H
