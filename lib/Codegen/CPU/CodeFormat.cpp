//===- CodeFormat.cpp - how kernels store quantized weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/CodeFormat.h"
#include "compress/Algorithms/NMPacking.h"
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
  if (offset)
    name += (offset < 0 ? "p" : "m") + std::to_string(std::abs(offset));
  name += "g" + std::to_string(group) + (hasZeroPoints ? "z" : "");
  if (hasPattern())
    name += "_" + std::to_string(keep) + "of" + std::to_string(of);
  return name;
}

std::string CodeFormat::getDescription() const {
  std::string text = std::to_string(bits) + "-bit";
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

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Whether code values are negative.
static bool hasSignedCodes(const EncodedWeight &weight) {
  auto type = cast<IntegerType>(weight.values.getType().getElementType());
  return !type.isUnsigned() && type.getWidth() != 1;
}

FailureOr<CodeFormat> compress::getCodeFormat(const EncodedWeight &weight, int64_t inputDim) {
  auto element = dyn_cast<IntegerType>(weight.values.getType().getElementType());
  if (weight.type.getRank() != 2 || !weight.scales || !element || element.getWidth() > 8 ||
      !weight.scales->scale.getType().getElementType().isF32())
    return failure();
  CodeFormat format;
  format.inputs = weight.type.getDimSize(inputDim);
  format.outputs = weight.type.getDimSize(1 - inputDim);
  int64_t width = element.getWidth();
  format.bits = getStorageBits(width);
  if (format.bits == 8)
    // Stored as i8 whatever the code is.
    format.offset = hasSignedCodes(weight) ? 0 : -128;
  else
    format.offset = hasSignedCodes(weight) ? int64_t(1) << (width - 1) : 0;
  ArrayRef<int64_t> block = weight.scales->block;
  int64_t group = block.empty() ? -1 : block[inputDim];
  format.group = group < 0 ? format.inputs : std::min(group, format.inputs);
  format.hasZeroPoints = weight.scales->zeroPoint.has_value();
  if (weight.pattern) {
    if (weight.pattern->isDense() || weight.pattern->axis != inputDim)
      return failure();
    format.keep = static_cast<int64_t>(weight.pattern->nm.n);
    format.of = static_cast<int64_t>(weight.pattern->nm.m);
    // A group of M inputs has one scale, and a unit is a modest piece of code.
    if (format.group % format.of && format.group != format.inputs)
      return failure();
    if (format.getUnit() > 128)
      return failure();
  }
  return format;
}

namespace {
/// Elements of a stored matrix of integers of at most 8 bits.
class Codes {
public:
  Codes(const StoredTensor &tensor, bool isSigned)
      : bytes(tensor.bytes()), bits(tensor.getType().getElementTypeBitWidth()),
        columns(tensor.getType().getDimSize(1)), isSigned(isSigned) {
    if (bits == 1)
      bits = 8; // A byte per bool.
  }
  int64_t get(int64_t row, int64_t column) const {
    uint64_t bit = static_cast<uint64_t>(row * columns + column) * bits;
    unsigned value = static_cast<uint8_t>(bytes[bit / 8]) >> (bit % 8);
    if (bit % 8 + bits > 8)
      value |= static_cast<unsigned>(static_cast<uint8_t>(bytes[bit / 8 + 1])) << (8 - bit % 8);
    value &= (1u << bits) - 1;
    return isSigned && value >> (bits - 1) ? int64_t(value) - (int64_t(1) << bits) : value;
  }

private:
  ArrayRef<char> bytes;
  unsigned bits;
  int64_t columns;
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

/// Element (input, output) of a stored matrix whose inputs are dim `inputDim`.
static int64_t getAt(const Codes &codes, int64_t inputDim, int64_t input, int64_t output) {
  return inputDim == 0 ? codes.get(input, output) : codes.get(output, input);
}

LogicalResult compress::packCodes(const EncodedWeight &weight, int64_t inputDim,
                                  const CodeFormat &format, int64_t width,
                                  MutableArrayRef<char> buffer) {
  Codes codes(weight.values, hasSignedCodes(weight));
  LaneWriter writer(buffer, format.getSlots(), format.bits, width);
  int64_t slots = weight.values.getType().getDimSize(inputDim);
  for (int64_t output = 0; output < format.outputs; ++output)
    for (int64_t slot = 0; slot < slots; ++slot)
      writer.set(slot, output, getAt(codes, inputDim, slot, output) + format.offset);
  return success();
}

LogicalResult compress::packPositions(const EncodedWeight &weight, int64_t inputDim,
                                      const CodeFormat &format, int64_t width,
                                      MutableArrayRef<char> buffer) {
  // Rows along the last dim of the codes are padded to bytes.
  ArrayRef<char> bytes = weight.pattern->positions.bytes();
  ArrayRef<int64_t> shape = weight.values.getType().getShape();
  unsigned bits = getPositionBits(weight.pattern->nm);
  uint64_t rowBytes = getPositionRowBytes(weight.pattern->nm, shape[1]);
  auto getPosition = [&](int64_t row, int64_t column) {
    uint64_t bit = static_cast<uint64_t>(column) * bits;
    const char *at = bytes.data() + row * rowBytes + bit / 8;
    unsigned value = static_cast<uint8_t>(*at) >> (bit % 8);
    if (bit % 8 + bits > 8)
      value |= static_cast<unsigned>(static_cast<uint8_t>(at[1])) << (8 - bit % 8);
    return static_cast<int64_t>(value & ((1u << bits) - 1));
  };
  LaneWriter writer(buffer, format.getSlots(), format.getPositionBits(), width);
  int64_t slots = shape[inputDim];
  for (int64_t output = 0; output < format.outputs; ++output) {
    for (int64_t slot = 0; slot < slots; ++slot)
      writer.set(slot, output,
                 inputDim == 0 ? getPosition(slot, output) : getPosition(output, slot));
    // Slots that a short last group does not have point behind its inputs.
    for (int64_t slot = slots; slot < format.getSlots(); ++slot)
      writer.set(slot, output, format.of - 1);
  }
  return success();
}

/// Calls `set(offset into the packed tensor, index of the block)` for every group and column.
static void forEachScale(const EncodedWeight &weight, int64_t inputDim, const CodeFormat &format,
                         int64_t width, function_ref<void(int64_t, int64_t)> set) {
  ArrayRef<int64_t> block = weight.scales->block;
  auto getBlocks = [&](int64_t dim) {
    int64_t size = weight.type.getDimSize(dim);
    int64_t length = block.empty() || block[dim] < 0 ? size : block[dim];
    return std::pair((size + length - 1) / length, length);
  };
  auto [outputBlocks, outputLength] = getBlocks(1 - inputDim);
  int64_t groups = format.getGroups();
  for (int64_t output = 0; output < format.outputs; ++output)
    for (int64_t group = 0; group < groups; ++group) {
      int64_t column = output / outputLength;
      int64_t index = inputDim == 0 ? group * outputBlocks + column : column * groups + group;
      set(((output / width) * groups + group) * width + output % width, index);
    }
}

LogicalResult compress::packScales(const EncodedWeight &weight, int64_t inputDim,
                                   const CodeFormat &format, int64_t width,
                                   MutableArrayRef<char> buffer) {
  auto *out = reinterpret_cast<float *>(buffer.data());
  const auto *scales = reinterpret_cast<const float *>(weight.scales->scale.bytes().data());
  forEachScale(weight, inputDim, format, width,
               [&](int64_t at, int64_t block) { out[at] = scales[block]; });
  return success();
}

LogicalResult compress::packZeroPoints(const EncodedWeight &weight, int64_t inputDim,
                                       const CodeFormat &format, int64_t width,
                                       MutableArrayRef<char> buffer) {
  auto *out = reinterpret_cast<float *>(buffer.data());
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  forEachScale(weight, inputDim, format, width,
               [&](int64_t at, int64_t block) { out[at] = static_cast<float>(zeroPoints[block]); });
  return success();
}
