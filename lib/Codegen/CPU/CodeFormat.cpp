//===- CodeFormat.cpp - how kernels store quantized weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/CodeFormat.h"
#include "compress/Algorithms/NMPacking.h"
#include "compress/Support/NumericFormats.h"
#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

/// Codes of `bits` bits in one lane; codes of 8 bits have lanes of their own.
static int64_t getCodesPerLane(int64_t bits) { return bits == 8 ? 1 : 32 / bits; }

/// `bits` rounded up to a width that fills lanes.
static int64_t getStorageBits(int64_t bits) { return bits <= 2 ? bits : bits <= 4 ? 4 : 8; }

int64_t CodeFormat::getPositionBits() const {
  int64_t bits = 1;
  while ((int64_t(1) << bits) < of)
    ++bits;
  return getStorageBits(bits);
}

int64_t CodeFormat::getUnit() const {
  int64_t slots = getCodesPerLane(bits);
  if (!hasPattern())
    return slots;
  slots = std::max(slots, getCodesPerLane(getPositionBits()));
  return std::lcm(slots, keep) / keep * of;
}

int64_t CodeFormat::getPaddedInputs() const {
  int64_t unit = getUnit();
  return (inputs + unit - 1) / unit * unit;
}

int64_t CodeFormat::getSlots() const {
  return hasPattern() ? getPaddedInputs() / of * keep : getPaddedInputs();
}

std::string CodeFormat::getName() const {
  std::string name = "i" + std::to_string(bits);
  if (floatType) {
    unsigned mantissa = getFloatLayout(*floatType)->mantissaBits;
    name = "e" + std::to_string(getBitWidth(*floatType) - 1 - mantissa) + "m" +
           std::to_string(mantissa);
  }
  if (offset)
    name += (offset < 0 ? "p" : "m") + std::to_string(std::abs(offset));
  name += "g" + std::to_string(group) + (hasZeroPoints ? "z" : "") + (hasTable ? "t" : "");
  if (hasPattern())
    name += "_" + std::to_string(keep) + "of" + std::to_string(of);
  return name;
}

std::string CodeFormat::getDescription() const {
  std::string text = std::to_string(bits) + "-bit";
  text += hasTable ? " table" : floatType ? " float" : "";
  text += group >= inputs ? ", per channel" : ", group " + std::to_string(group);
  if (hasZeroPoints)
    text += ", asymmetric";
  if (hasPattern())
    text += ", " + std::to_string(keep) + ":" + std::to_string(of);
  return text;
}

static RankedTensorType getLaneType(MLIRContext *context, int64_t panels, int64_t slots,
                                    int64_t bits, int64_t width) {
  return RankedTensorType::get({panels, slots / getCodesPerLane(bits), width},
                               IntegerType::get(context, bits == 8 ? 8 : 32));
}

static int64_t getPanels(const CodeFormat &format, int64_t width) {
  return (format.outputs + width - 1) / width;
}

RankedTensorType CodeFormat::getCodeType(MLIRContext *context, int64_t width) const {
  return getLaneType(context, getPanels(*this, width), getSlots(), bits, width);
}

RankedTensorType CodeFormat::getPositionType(MLIRContext *context, int64_t width) const {
  return getLaneType(context, getPanels(*this, width), getSlots(), getPositionBits(), width);
}

RankedTensorType CodeFormat::getScaleType(MLIRContext *context, int64_t width) const {
  return RankedTensorType::get({getPanels(*this, width), getGroups(), width},
                               Float32Type::get(context));
}

RankedTensorType CodeFormat::getTableType(MLIRContext *context) const {
  return RankedTensorType::get({bits == 8 ? 256 : 16}, Float32Type::get(context));
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Whether code values are negative.
static bool hasSignedCodes(const EncodedWeight &weight) {
  auto type = dyn_cast<IntegerType>(weight.values.getType().getElementType());
  return type && !type.isUnsigned() && type.getWidth() != 1;
}

/// Whether codes are floats, whose values are a table too.
static bool hasFloatCodes(const EncodedWeight &weight) {
  return isa<FloatType>(weight.values.getType().getElementType());
}

std::optional<FloatLayout> compress::getFloatLayout(DataType type) {
  switch (type) {
  case DataType::F8E4M3FN:
    return FloatLayout{3, 7};
  case DataType::F8E5M2:
    return FloatLayout{2, 15};
  case DataType::F6E3M2FN:
    return FloatLayout{2, 3};
  case DataType::F6E2M3FN:
    return FloatLayout{3, 1};
  case DataType::F4E2M1FN:
    return FloatLayout{1, 1};
  default:
    return std::nullopt;
  }
}

/// Whether all codes are finite floats of a type that kernels compute.
static bool canComputeFloats(const StoredTensor &values) {
  DataType type = values.getDataType();
  if (!getFloatLayout(type))
    return false;
  if (getBitWidth(type) < 8)
    return true; // has no others
  unsigned special = type == DataType::F8E4M3FN ? 0x7f : 0x7c;
  return llvm::none_of(values.bytes(), [&](char code) { return (code & special) == special; });
}

/// Adds the N:M pattern; failure if it has no layout, as bitmaps.
static LogicalResult addPattern(const WeightMatrix &matrix, CodeFormat &format) {
  const EncodedWeight::Pattern &pattern = *matrix.weight.pattern;
  if (pattern.isDense() || !pattern.isNM() ||
      pattern.axis != matrix.weight.type.getRank() - 2 + matrix.inputDim)
    return failure();
  format.keep = static_cast<int64_t>(pattern.nm.n);
  format.of = static_cast<int64_t>(pattern.nm.m);
  // A group of M inputs has one scale, and a unit is a modest piece of code.
  bool isCut = format.group % format.of != 0 && format.group != format.inputs;
  return success(!isCut && format.getUnit() <= 128);
}

FailureOr<CodeFormat> compress::getCodeFormat(const WeightMatrix &matrix) {
  const EncodedWeight &weight = matrix.weight;
  int64_t rank = weight.type.getRank();
  Type element = weight.values.getType().getElementType();
  if ((rank != 2 && rank != 3) || !element.isIntOrFloat() || element.getIntOrFloatBitWidth() > 8 ||
      (!weight.scales && !matrix.table) || weight.vectors || !weight.tableBlock.empty())
    return failure();
  CodeFormat format;
  format.inputs = format.group = matrix.getInputs();
  format.outputs = matrix.getOutputs();
  int64_t width = element.getIntOrFloatBitWidth();
  format.bits = getStorageBits(width);
  if (hasFloatCodes(weight) && canComputeFloats(weight.values))
    format.floatType = weight.values.getDataType();
  format.hasTable = matrix.table || (hasFloatCodes(weight) && !format.floatType);
  if (matrix.table && (hasSignedCodes(weight) || hasFloatCodes(weight) ||
                       !matrix.table->getType().getElementType().isF32()))
    return failure();
  if (format.hasTable || format.floatType)
    format.offset = 0;
  else if (format.bits == 8)
    // Stored as i8 whatever the code is.
    format.offset = hasSignedCodes(weight) ? 0 : -128;
  else
    format.offset = hasSignedCodes(weight) ? int64_t(1) << (width - 1) : 0;
  if (weight.scales) {
    if (!weight.scales->scale.getType().getElementType().isF32())
      return failure();
    ArrayRef<int64_t> block = weight.scales->block;
    // Matrices of a stack do not share scales, unless all do.
    if (rank == 3 && !block.empty() && block[0] != 1 && block[0] != -1)
      return failure();
    if (int64_t group = block.empty() ? -1 : block[rank - 2 + matrix.inputDim]; group > 0)
      format.group = std::min(group, format.inputs);
    format.hasZeroPoints = weight.scales->zeroPoint.has_value();
    if (format.hasZeroPoints && (format.hasTable || format.floatType))
      return failure();
  }
  if (weight.pattern && failed(addPattern(matrix, format)))
    return failure();
  return format;
}

namespace {
/// Numbers of a few bits in rows that are `rowBits` long.
class BitRows {
public:
  BitRows(ArrayRef<char> bytes, unsigned bits, uint64_t rowBits, bool isSigned)
      : bytes(bytes), bits(bits), rowBits(rowBits), isSigned(isSigned) {}
  int64_t get(int64_t row, int64_t column) const {
    uint64_t bit = static_cast<uint64_t>(row) * rowBits + static_cast<uint64_t>(column) * bits;
    unsigned value = static_cast<uint8_t>(bytes[bit / 8]) >> (bit % 8);
    if (bit % 8 + bits > 8)
      value |= static_cast<unsigned>(static_cast<uint8_t>(bytes[bit / 8 + 1])) << (8 - bit % 8);
    value &= (1u << bits) - 1;
    return isSigned && value >> (bits - 1) ? int64_t(value) - (int64_t(1) << bits) : value;
  }

private:
  ArrayRef<char> bytes;
  unsigned bits;
  uint64_t rowBits;
  bool isSigned;
};

/// Writes values of at most 8 bits in the layout of `CodeFormat`.
class LaneWriter {
public:
  LaneWriter(MutableArrayRef<char> bytes, int64_t slots, int64_t bits, int64_t width)
      : bytes(reinterpret_cast<uint8_t *>(bytes.data())),
        words(reinterpret_cast<uint32_t *>(bytes.data())), slots(slots), bits(bits), width(width) {}
  void set(int64_t slot, int64_t column, int64_t value) {
    int64_t panel = column / width, lane = column % width;
    if (bits == 8) {
      bytes[(panel * slots + slot) * width + lane] = static_cast<uint8_t>(value);
      return;
    }
    int64_t perLane = 32 / bits;
    uint32_t mask = (1u << bits) - 1;
    words[(panel * (slots / perLane) + slot / perLane) * width + lane] |=
        (static_cast<uint32_t>(value) & mask) << (slot % perLane * bits);
  }

private:
  uint8_t *bytes;
  uint32_t *words;
  int64_t slots, bits, width;
};
} // namespace

/// Calls `set(slot, output, number)` for all stored numbers of a matrix of `rows`.
static void forEachNumber(const WeightMatrix &matrix, const BitRows &numbers,
                          function_ref<void(int64_t, int64_t, int64_t)> set) {
  RankedTensorType type = matrix.weight.values.getType();
  int64_t rows = matrix.getDim(type, 0), columns = matrix.getDim(type, 1);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      int64_t number = numbers.get(matrix.batch * rows + row, column);
      if (matrix.inputDim == 0)
        set(row, column, number);
      else
        set(column, row, number);
    }
}

void compress::packCodes(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                         MutableArrayRef<char> buffer) {
  const StoredTensor &values = matrix.weight.values;
  unsigned bits = values.getType().getElementTypeBitWidth();
  // A bool has a byte.
  unsigned step = getStorageBitWidth(values.getDataType());
  BitRows codes(values.bytes(), step, matrix.getDim(values.getType(), 1) * step,
                hasSignedCodes(matrix.weight));
  LaneWriter writer(buffer, format.getSlots(), format.bits, width);
  forEachNumber(matrix, codes, [&](int64_t slot, int64_t output, int64_t code) {
    writer.set(slot, output, bits == 1 ? code != 0 : code + format.offset);
  });
}

void compress::packPositions(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                             MutableArrayRef<char> buffer) {
  // Rows along the last dim of the codes are padded to bytes.
  const EncodedWeight::Pattern &pattern = *matrix.weight.pattern;
  RankedTensorType type = matrix.weight.values.getType();
  uint64_t rowBytes = getPositionRowBytes(pattern.nm, matrix.getDim(type, 1));
  BitRows positions(pattern.positions.bytes(), getPositionBits(pattern.nm), rowBytes * 8,
                    /*isSigned=*/false);
  LaneWriter writer(buffer, format.getSlots(), format.getPositionBits(), width);
  forEachNumber(matrix, positions, [&](int64_t slot, int64_t output, int64_t position) {
    writer.set(slot, output, position);
  });
  // Slots that a short last group does not have point behind its inputs.
  for (int64_t output = 0; output < format.outputs; ++output)
    for (int64_t slot = matrix.getDim(type, matrix.inputDim); slot < format.getSlots(); ++slot)
      writer.set(slot, output, format.of - 1);
}

/// Calls `set(offset into the packed tensor, index of the block)` for every group and column.
static void forEachScale(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                         function_ref<void(int64_t, int64_t)> set) {
  ArrayRef<int64_t> block = matrix.weight.scales->block;
  int64_t outputLength = format.outputs, groups = format.getGroups();
  bool isStackOfScales = false;
  if (!block.empty()) {
    if (int64_t length = block[block.size() - 1 - matrix.inputDim]; length > 0)
      outputLength = length;
    isStackOfScales = block.size() == 3 && block[0] == 1;
  }
  int64_t outputBlocks = (format.outputs + outputLength - 1) / outputLength;
  int64_t first = isStackOfScales ? matrix.batch * groups * outputBlocks : 0;
  for (int64_t output = 0; output < format.outputs; ++output)
    for (int64_t group = 0; group < groups; ++group) {
      int64_t column = output / outputLength;
      int64_t index =
          matrix.inputDim == 0 ? group * outputBlocks + column : column * groups + group;
      set(((output / width) * groups + group) * width + output % width, first + index);
    }
}

void compress::packScales(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                          MutableArrayRef<char> buffer) {
  auto *out = reinterpret_cast<float *>(buffer.data());
  if (!matrix.weight.scales) {
    std::fill_n(out, buffer.size() / sizeof(float), 1.0f);
    return;
  }
  const auto *scales = reinterpret_cast<const float *>(matrix.weight.scales->scale.bytes().data());
  forEachScale(matrix, format, width, [&](int64_t at, int64_t block) { out[at] = scales[block]; });
}

void compress::packZeroPoints(const WeightMatrix &matrix, const CodeFormat &format, int64_t width,
                              MutableArrayRef<char> buffer) {
  auto *out = reinterpret_cast<float *>(buffer.data());
  SmallVector<int64_t> zeroPoints = getZeroPoints(matrix.weight);
  forEachScale(matrix, format, width,
               [&](int64_t at, int64_t block) { out[at] = static_cast<float>(zeroPoints[block]); });
}

void compress::packTable(const WeightMatrix &matrix, MutableArrayRef<char> buffer) {
  auto *out = reinterpret_cast<float *>(buffer.data());
  const size_t entries = buffer.size() / sizeof(float);
  if (!matrix.table) {
    DataType type = matrix.weight.values.getDataType();
    for (size_t code = 0; code < entries; ++code)
      out[code] = static_cast<float>(decodeFloat(type, code));
    return;
  }
  const auto *table = reinterpret_cast<const float *>(matrix.table->bytes().data());
  const size_t numValues = matrix.table->getType().getNumElements();
  for (size_t code = 0; code < entries; ++code)
    out[code] = table[code % numValues];
}
