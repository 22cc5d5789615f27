//===- NumericFormats.cpp - bit-exact number formats ----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/NumericFormats.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::compress;

namespace {
/// What the codes with the largest exponent mean.
enum class Specials : uint8_t {
  /// Infinities and NaNs, as IEEE 754.
  Ieee,
  /// Only the largest code of each sign is NaN.
  NanAtTop,
  /// Only the code of negative zero is NaN.
  NanAtNegativeZero,
  /// No special values.
  None,
};

/// A format of one sign bit, exponent bits, mantissa bits.
struct Format {
  unsigned exponentBits;
  unsigned mantissaBits;
  int bias;
  Specials specials;

  unsigned getSignBit() const { return exponentBits + mantissaBits; }
  /// Code of the largest finite value.
  uint64_t getMaxCode() const {
    uint64_t top = (uint64_t(1) << getSignBit()) - 1;
    switch (specials) {
    case Specials::Ieee:
      return (((uint64_t(1) << exponentBits) - 1) << mantissaBits) - 1;
    case Specials::NanAtTop:
      return top - 1;
    case Specials::NanAtNegativeZero:
    case Specials::None:
      return top;
    }
    return top;
  }
};
} // namespace

/// Format of a small float type; `F64` and `F32` are the machine's, and
/// `F8E8M0FNU` is handled apart.
static Format getFormat(DataType type) {
  switch (type) {
  case DataType::F16:
    return {5, 10, 15, Specials::Ieee};
  case DataType::BF16:
    return {8, 7, 127, Specials::Ieee};
  case DataType::F8E4M3FN:
    return {4, 3, 7, Specials::NanAtTop};
  case DataType::F8E4M3FNUZ:
    return {4, 3, 8, Specials::NanAtNegativeZero};
  case DataType::F8E5M2:
    return {5, 2, 15, Specials::Ieee};
  case DataType::F8E5M2FNUZ:
    return {5, 2, 16, Specials::NanAtNegativeZero};
  case DataType::F6E2M3FN:
    return {2, 3, 1, Specials::None};
  case DataType::F6E3M2FN:
    return {3, 2, 3, Specials::None};
  case DataType::F4E2M1FN:
    return {2, 1, 1, Specials::None};
  default:
    assert(false && "not a small float type");
    return {8, 23, 127, Specials::Ieee};
  }
}

static double decodeE8M0(uint64_t bits) {
  if (bits == 0xFF)
    return std::numeric_limits<double>::quiet_NaN();
  return std::ldexp(1.0, static_cast<int>(bits) - 127);
}

double mlir::compress::decodeFloat(DataType type, uint64_t bits) {
  if (type == DataType::F64)
    return std::bit_cast<double>(bits);
  if (type == DataType::F32)
    return std::bit_cast<float>(static_cast<uint32_t>(bits));
  if (type == DataType::F8E8M0FNU)
    return decodeE8M0(bits & 0xFF);
  Format format = getFormat(type);
  uint64_t signMask = uint64_t(1) << format.getSignBit();
  bool negative = bits & signMask;
  uint64_t magnitude = bits & (signMask - 1);
  double sign = negative ? -1.0 : 1.0;
  if (format.specials == Specials::NanAtNegativeZero && negative && magnitude == 0)
    return std::numeric_limits<double>::quiet_NaN();
  if (magnitude > format.getMaxCode()) {
    bool isInfinity = format.specials == Specials::Ieee && magnitude == format.getMaxCode() + 1;
    return sign * (isInfinity ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN());
  }
  uint64_t mantissa = magnitude & ((uint64_t(1) << format.mantissaBits) - 1);
  int exponent = static_cast<int>(magnitude >> format.mantissaBits);
  if (exponent == 0)
    exponent = 1; // Subnormal: no hidden bit.
  else
    mantissa |= uint64_t(1) << format.mantissaBits;
  int scale = exponent - format.bias - static_cast<int>(format.mantissaBits);
  return sign * std::ldexp(static_cast<double>(mantissa), scale);
}

/// Nearest integer to a non-negative `value` below 2^52, ties to even.
static uint64_t roundHalfEven(double value) {
  double floor = std::floor(value);
  double rest = value - floor;
  auto result = static_cast<uint64_t>(floor);
  if (rest > 0.5 || (rest == 0.5 && (result & 1)))
    ++result;
  return result;
}

static uint64_t encodeE8M0(double value, bool saturate, E8M0Rounding rounding) {
  constexpr uint64_t kNan = 0xFF, kMax = 0xFE;
  if (std::isnan(value))
    return kNan;
  double magnitude = std::fabs(value);
  if (std::isinf(value))
    return saturate ? kMax : kNan;
  if (magnitude < std::ldexp(1.0, -127))
    return saturate ? 0 : kNan;
  int exponent;
  double fraction = std::frexp(magnitude, &exponent) * 2; // In [1, 2).
  --exponent;
  bool up = (rounding == E8M0Rounding::Nearest && fraction >= 1.5) ||
            (rounding == E8M0Rounding::Up && fraction > 1.0);
  if (exponent + up > 127)
    return saturate ? kMax : kNan;
  return static_cast<uint64_t>(exponent + up + 127);
}

uint64_t mlir::compress::encodeFloat(DataType type, double value, bool saturate,
                                     E8M0Rounding rounding) {
  if (type == DataType::F64)
    return std::bit_cast<uint64_t>(value);
  if (type == DataType::F32)
    return std::bit_cast<uint32_t>(static_cast<float>(value));
  if (type == DataType::F8E8M0FNU)
    return encodeE8M0(value, saturate, rounding);

  Format format = getFormat(type);
  uint64_t maxCode = format.getMaxCode();
  uint64_t sign = uint64_t(std::signbit(value)) << format.getSignBit();
  uint64_t signMask = uint64_t(1) << format.getSignBit();
  if (std::isnan(value)) {
    switch (format.specials) {
    case Specials::Ieee: // Quiet.
      return sign | (maxCode + 1) | (uint64_t(1) << (format.mantissaBits - 1));
    case Specials::NanAtTop:
      return sign | (maxCode + 1);
    case Specials::NanAtNegativeZero:
    case Specials::None:
      return signMask;
    }
  }

  // Count in units of the last mantissa place of the value's binade (or of the
  // subnormals); the code of a positive value is linear in that count.
  double magnitude = std::fabs(value);
  uint64_t code = maxCode + 1;
  if (!std::isinf(magnitude)) {
    int minExponent = 1 - format.bias;
    int exponent = minExponent;
    if (magnitude != 0) {
      std::frexp(magnitude, &exponent);
      exponent = std::max(exponent - 1, minExponent);
    }
    uint64_t units =
        roundHalfEven(std::ldexp(magnitude, static_cast<int>(format.mantissaBits) - exponent));
    code = (static_cast<uint64_t>(exponent - minExponent) << format.mantissaBits) + units;
  }

  if (code > maxCode) {
    bool isWide = type == DataType::F16 || type == DataType::BF16;
    if (format.specials == Specials::None || (saturate && !isWide))
      return sign | maxCode;
    if (format.specials == Specials::NanAtNegativeZero)
      return signMask;
    return sign | (maxCode + 1); // Infinity, or the only NaN.
  }
  if (code == 0 && format.specials == Specials::NanAtNegativeZero)
    return 0;
  return sign | code;
}

double mlir::compress::roundToType(DataType type, double value) {
  return decodeFloat(type, encodeFloat(type, value));
}

double mlir::compress::getMaxFinite(DataType type) {
  if (type == DataType::F64)
    return std::numeric_limits<double>::max();
  if (type == DataType::F32)
    return std::numeric_limits<float>::max();
  if (type == DataType::F8E8M0FNU)
    return decodeE8M0(0xFE);
  return decodeFloat(type, getFormat(type).getMaxCode());
}

/// cvttsd2si with a 64-bit result.
static int64_t truncateTo64(double value) {
  if (value >= -0x1p63 && value < 0x1p63)
    return static_cast<int64_t>(value);
  return std::numeric_limits<int64_t>::min();
}

/// cvttsd2si with a 32-bit result.
static int64_t truncateTo32(double value) {
  if (value > -0x1p31 - 1 && value < 0x1p31)
    return static_cast<int64_t>(value);
  return std::numeric_limits<int32_t>::min();
}

int64_t mlir::compress::convertFloatToInt(DataType type, double value) {
  switch (type) {
  case DataType::Bool:
    return value != 0; // Also NaN.
  case DataType::I64:
    return truncateTo64(value);
  case DataType::U64:
    if (value >= 0x1p63)
      return static_cast<int64_t>(static_cast<uint64_t>(truncateTo64(value - 0x1p63)) ^
                                  (uint64_t(1) << 63));
    return truncateTo64(value);
  case DataType::U32:
    return wrapToType(type, truncateTo64(value));
  default:
    return wrapToType(type, truncateTo32(value));
  }
}

int64_t mlir::compress::wrapToType(DataType type, int64_t value) {
  if (type == DataType::Bool)
    return value != 0;
  unsigned unused = 64 - getBitWidth(type);
  assert(unused < 64 && "not an integer type");
  uint64_t shifted = static_cast<uint64_t>(value) << unused;
  if (isUnsigned(type))
    return static_cast<int64_t>(shifted >> unused);
  return static_cast<int64_t>(shifted) >> unused;
}

unsigned mlir::compress::readBits(llvm::ArrayRef<char> packed, uint64_t bitOffset, unsigned width) {
  assert(width >= 1 && width <= 8 && "fields are 1 to 8 bits wide");
  uint64_t byte = bitOffset / 8, shift = bitOffset % 8;
  assert((bitOffset + width + 7) / 8 <= packed.size() && "field outside the buffer");
  unsigned window = static_cast<unsigned char>(packed[byte]);
  if (shift + width > 8)
    window |= unsigned(static_cast<unsigned char>(packed[byte + 1])) << 8;
  return (window >> shift) & ((1u << width) - 1);
}

void mlir::compress::writeBits(llvm::MutableArrayRef<char> packed, uint64_t bitOffset,
                               unsigned width, unsigned value) {
  assert(width >= 1 && width <= 8 && "fields are 1 to 8 bits wide");
  uint64_t byte = bitOffset / 8, shift = bitOffset % 8;
  assert((bitOffset + width + 7) / 8 <= packed.size() && "field outside the buffer");
  unsigned mask = ((1u << width) - 1) << shift;
  unsigned bits = (value << shift) & mask;
  packed[byte] = static_cast<char>((packed[byte] & ~mask) | bits);
  if (shift + width > 8)
    packed[byte + 1] = static_cast<char>((packed[byte + 1] & ~(mask >> 8)) | (bits >> 8));
}

int64_t mlir::compress::readPacked(DataType type, llvm::ArrayRef<char> packed, uint64_t index) {
  unsigned width = getStorageBitWidth(type);
  unsigned field = readBits(packed, index * width, width);
  return isFloat(type) ? static_cast<int64_t>(field) : wrapToType(type, field);
}

void mlir::compress::writePacked(DataType type, llvm::MutableArrayRef<char> packed, uint64_t index,
                                 int64_t code) {
  unsigned width = getStorageBitWidth(type);
  writeBits(packed, index * width, width, static_cast<unsigned>(code));
}
