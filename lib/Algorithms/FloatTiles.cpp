//===- FloatTiles.cpp - conversion of floats ------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FloatTiles.h"
#include "Simd.h"
#include <algorithm>
#include <cstring>

using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Bit-level conversion; loops of these vectorize on every ISA
//===----------------------------------------------------------------------===//

COMPRESS_INLINE uint32_t bitsOf(float x) { return __builtin_bit_cast(uint32_t, x); }
COMPRESS_INLINE float floatOf(uint32_t bits) { return __builtin_bit_cast(float, bits); }

COMPRESS_INLINE float halfToFloat(uint16_t half) {
  uint32_t magnitude = (half & 0x7fffu) << 13, sign = (half & 0x8000u) << 16;
  // Normal numbers get the exponent rebiased. A subnormal one gets the exponent
  // of 2^-14 and loses the leading bit that it does not have.
  uint32_t normal = magnitude + (112u << 23);
  uint32_t special = magnitude | 0x7f800000u;
  uint32_t subnormal = bitsOf(floatOf(magnitude + (113u << 23)) - floatOf(113u << 23));
  uint32_t bits = magnitude >= (31u << 23) ? special : normal;
  bits = magnitude < (1u << 23) ? subnormal : bits;
  return floatOf(bits | sign);
}

COMPRESS_INLINE uint16_t floatToHalf(float x) {
  uint32_t bits = bitsOf(x), magnitude = bits & 0x7fffffffu, sign = (bits >> 16) & 0x8000u;
  uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1)) >> 13;
  // 0.5 has an ulp of 2^-24, the unit of subnormal halves: the sum rounds to it.
  uint32_t subnormal = bitsOf(floatOf(std::min(magnitude, 0x38800000u)) + 0.5f) - bitsOf(0.5f);
  uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  half = magnitude >= 0x47800000u ? special : half;
  return static_cast<uint16_t>(half | sign);
}

COMPRESS_INLINE float bfloatToFloat(uint16_t bfloat) { return floatOf(uint32_t(bfloat) << 16); }

COMPRESS_INLINE uint16_t floatToBfloat(float x) {
  uint32_t bits = bitsOf(x);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
  uint32_t quietNaN = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quietNaN : rounded);
}

/// Rounds to odd, so that a second rounding to a type at least two bits
/// narrower gives what one rounding would.
COMPRESS_INLINE float doubleToFloatOdd(double x) {
  float nearest = static_cast<float>(x);
  double back = nearest;
  if (back == x || !(x == x))
    return nearest;
  uint32_t bits = bitsOf(nearest);
  // Truncate towards zero, then set the lowest bit.
  if (__builtin_fabs(back) > __builtin_fabs(x))
    --bits;
  return floatOf(bits | 1u);
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

COMPRESS_CLONES static void halvesToFloats(const void *data, uint64_t count, float *result) {
  const char *p = static_cast<const char *>(data);
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t half;
    __builtin_memcpy(&half, p + 2 * i, 2);
    result[i] = halfToFloat(half);
  }
}

COMPRESS_CLONES static void bfloatsToFloats(const void *data, uint64_t count, float *result) {
  const char *p = static_cast<const char *>(data);
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t bfloat;
    __builtin_memcpy(&bfloat, p + 2 * i, 2);
    result[i] = bfloatToFloat(bfloat);
  }
}

COMPRESS_CLONES static void floatsToHalves(const float *values, uint64_t count, void *data) {
  char *p = static_cast<char *>(data);
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t half = floatToHalf(values[i]);
    __builtin_memcpy(p + 2 * i, &half, 2);
  }
}

COMPRESS_CLONES static void floatsToBfloats(const float *values, uint64_t count, void *data) {
  char *p = static_cast<char *>(data);
  for (uint64_t i = 0; i < count; ++i) {
    uint16_t bfloat = floatToBfloat(values[i]);
    __builtin_memcpy(p + 2 * i, &bfloat, 2);
  }
}

void mlir::compress::readFloats(const void *data, DataType type, uint64_t first, uint64_t count,
                                float *result) {
  const char *p = static_cast<const char *>(data) + first * getFloatBytes(type);
  if (type == DataType::F16)
    return halvesToFloats(p, count, result);
  if (type == DataType::BF16)
    return bfloatsToFloats(p, count, result);
  std::memcpy(result, p, count * sizeof(float));
}

void mlir::compress::readFloats(const void *data, DataType type, uint64_t first, uint64_t count,
                                double *result) {
  const char *p = static_cast<const char *>(data) + first * getFloatBytes(type);
  if (type == DataType::F64) {
    std::memcpy(result, p, count * sizeof(double));
    return;
  }
  float tile[256];
  for (uint64_t done = 0; done < count; done += 256) {
    uint64_t length = std::min<uint64_t>(256, count - done);
    readFloats(data, type, first + done, length, tile);
    std::copy(tile, tile + length, result + done);
  }
}

void mlir::compress::writeFloats(const float *values, uint64_t count, void *data, DataType type,
                                 uint64_t first) {
  char *p = static_cast<char *>(data) + first * getFloatBytes(type);
  if (type == DataType::F16)
    return floatsToHalves(values, count, p);
  if (type == DataType::BF16)
    return floatsToBfloats(values, count, p);
  std::memcpy(p, values, count * sizeof(float));
}

void mlir::compress::writeFloats(const double *values, uint64_t count, void *data, DataType type,
                                 uint64_t first) {
  if (type == DataType::F64) {
    std::memcpy(static_cast<char *>(data) + first * sizeof(double), values, count * sizeof(double));
    return;
  }
  float tile[256];
  bool isNarrow = type != DataType::F32;
  for (uint64_t done = 0; done < count; done += 256) {
    uint64_t length = std::min<uint64_t>(256, count - done);
    for (uint64_t i = 0; i < length; ++i)
      tile[i] =
          isNarrow ? doubleToFloatOdd(values[done + i]) : static_cast<float>(values[done + i]);
    writeFloats(tile, length, data, type, first + done);
  }
}
