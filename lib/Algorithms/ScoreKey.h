//===- ScoreKey.h - scores as integers of the same order ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_SCOREKEY_H
#define COMPRESS_LIB_ALGORITHMS_SCOREKEY_H

#include <cstdint>
#include <cstring>

namespace mlir::compress {

/// An integer that orders finite scores as they are; -0 has the key of 0.
static inline __attribute__((always_inline)) uint32_t getScoreKey(float score) {
  score += 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &score, 4);
  return bits ^ (static_cast<uint32_t>(-static_cast<int32_t>(bits >> 31)) | 0x80000000u);
}

/// Keys of infinities and NaN are outside of (that of -infinity, that of infinity).
static constexpr uint32_t keyOfInfinity = 0xff800000u, keyOfMinusInfinity = 0x007fffffu;

/// How many leading, or trailing, halves of keys there are.
static constexpr uint32_t scoreBins = 1u << 16;

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_SCOREKEY_H
