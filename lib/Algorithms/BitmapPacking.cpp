//===- BitmapPacking.cpp - compact storage of unstructured tensors --------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitmapPacking.h"
#include "ElementStorage.h"
#include "Simd.h"
#include <algorithm>
#include <cassert>
#include <cstring>

using namespace mlir::compress;

/// Elements that are moved at a time, a multiple of eight.
static constexpr uint64_t kTile = 4096;

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

COMPRESS_CLONES static uint64_t countMask(const uint8_t *mask, uint64_t count) {
  uint64_t kept = 0;
  for (uint64_t i = 0; i < count; ++i)
    kept += mask[i] != 0;
  return kept;
}

COMPRESS_CLONES static uint64_t countWords(const uint8_t *bitmap, uint64_t numWords) {
  uint64_t kept = 0;
  for (uint64_t i = 0; i < numWords; ++i) {
    uint64_t word;
    __builtin_memcpy(&word, bitmap + 8 * i, 8);
    kept += __builtin_popcountll(word);
  }
  return kept;
}

COMPRESS_CLONES static void packWhole(const uint8_t *mask, uint64_t numBytes, uint8_t *bitmap) {
  for (uint64_t i = 0; i < numBytes; ++i) {
    unsigned byte = 0;
    for (unsigned j = 0; j < 8; ++j)
      byte |= static_cast<unsigned>(mask[8 * i + j] != 0) << j;
    bitmap[i] = static_cast<uint8_t>(byte);
  }
}

COMPRESS_CLONES static void unpackWhole(const uint8_t *bitmap, uint64_t numBytes, uint8_t *mask) {
  for (uint64_t i = 0; i < numBytes; ++i)
    for (unsigned j = 0; j < 8; ++j)
      mask[8 * i + j] = (bitmap[i] >> j) & 1;
}

uint64_t mlir::compress::countKeptOfMask(const uint8_t *mask, uint64_t numElements) {
  return countMask(mask, numElements);
}

uint64_t mlir::compress::countKeptOfBitmap(const void *bitmap, uint64_t numElements) {
  const auto *bytes = static_cast<const uint8_t *>(bitmap);
  uint64_t whole = numElements / 64;
  uint64_t kept = countWords(bytes, whole);
  for (uint64_t i = whole * 64; i < numElements; i += 8) {
    unsigned byte = bytes[i / 8];
    if (numElements - i < 8)
      byte &= (1u << (numElements - i)) - 1;
    kept += __builtin_popcount(byte);
  }
  return kept;
}

bool mlir::compress::hasCleanEnd(const void *bitmap, uint64_t numElements) {
  return numElements % 8 == 0 ||
         static_cast<const uint8_t *>(bitmap)[numElements / 8] >> (numElements % 8) == 0;
}

void mlir::compress::packMask(const uint8_t *mask, uint64_t numElements, void *bitmap) {
  auto *bytes = static_cast<uint8_t *>(bitmap);
  uint64_t whole = numElements / 8;
  packWhole(mask, whole, bytes);
  if (uint64_t rest = numElements % 8) {
    uint8_t last[8] = {};
    std::copy(mask + whole * 8, mask + whole * 8 + rest, last);
    packWhole(last, 1, bytes + whole);
  }
}

void mlir::compress::unpackMask(const void *bitmap, uint64_t numElements, uint8_t *mask) {
  const auto *bytes = static_cast<const uint8_t *>(bitmap);
  uint64_t whole = numElements / 8;
  unpackWhole(bytes, whole, mask);
  if (uint64_t rest = numElements % 8) {
    uint8_t last[8];
    unpackWhole(bytes + whole, 1, last);
    std::copy(last, last + rest, mask + whole * 8);
  }
}

//===----------------------------------------------------------------------===//
// Elements; both kernels have no branches, so they take as long for any pattern
//===----------------------------------------------------------------------===//

/// `kept` has room for one more than the mask keeps. Returns how many it keeps.
template <typename Element>
COMPRESS_INLINE uint64_t gather(const Element *__restrict values, const uint8_t *__restrict mask,
                                uint64_t count, Element *__restrict kept) {
  uint64_t next = 0;
  for (uint64_t i = 0; i < count; ++i) {
    kept[next] = values[i];
    next += mask[i] != 0;
  }
  return next;
}

/// `kept` can be read one beyond its last element. As many values are written as bytes of the
/// bitmap have bits.
template <typename Element>
COMPRESS_INLINE void scatter(const Element *__restrict kept, const uint8_t *__restrict bitmap,
                             uint64_t count, Element fill, Element *__restrict values) {
  for (uint64_t i = 0; i < count; i += 8) {
    unsigned byte = bitmap[i / 8];
    for (unsigned j = 0; j < 8; ++j) {
      unsigned bit = (byte >> j) & 1;
      const Element *source = bit ? kept : &fill;
      // Elements stay in scalar registers: building vectors of them takes longer.
      asm("" : "+r"(source));
      values[i + j] = *source;
      kept += bit;
    }
  }
}

template <typename Element, typename Storage>
static void compact(unsigned bits, uint64_t numElements, const void *values, const uint8_t *mask,
                    void *kept) {
  typename Storage::Writer writer(kept, 0, bits);
  Element tile[kTile], keptTile[kTile + 1];
  for (uint64_t begin = 0; begin < numElements; begin += kTile) {
    uint64_t count = std::min(kTile, numElements - begin);
    Storage::read(values, begin, count, bits, tile);
    writer.append(keptTile, gather(tile, mask + begin, count, keptTile));
  }
}

template <typename Element, typename Storage>
static void expand(unsigned bits, uint64_t numElements, const void *kept, const uint8_t *bitmap,
                   Element fill, void *values) {
  typename Storage::Writer writer(values, 0, bits);
  Element tile[kTile], keptTile[kTile + 1];
  uint64_t next = 0;
  for (uint64_t begin = 0; begin < numElements; begin += kTile) {
    uint64_t count = std::min(kTile, numElements - begin);
    uint64_t numKept = countKeptOfBitmap(bitmap + begin / 8, count);
    Storage::read(kept, next, numKept, bits, keptTile);
    // Bits after the last element may say what they like: they are not written.
    std::fill(keptTile + numKept, keptTile + std::min(numKept + 8, kTile + 1), fill);
    scatter(keptTile, bitmap + begin / 8, count, fill, tile);
    writer.append(tile, count);
    next += numKept;
  }
}

std::optional<uint64_t> mlir::compress::compactBitmap(unsigned bits, uint64_t numElements,
                                                      const void *values, const uint8_t *mask,
                                                      uint64_t numKept, void *kept) {
  if (uint64_t found = countKeptOfMask(mask, numElements); found != numKept)
    return found;
  switch (bits) {
  case 16:
    compact<uint16_t, WideStorage<uint16_t>>(bits, numElements, values, mask, kept);
    break;
  case 32:
    compact<uint32_t, WideStorage<uint32_t>>(bits, numElements, values, mask, kept);
    break;
  case 64:
    compact<uint64_t, WideStorage<uint64_t>>(bits, numElements, values, mask, kept);
    break;
  default:
    assert(bits >= 1 && bits <= 8 && "not an element width");
    compact<uint8_t, PackedStorage>(bits, numElements, values, mask, kept);
  }
  return std::nullopt;
}

std::optional<uint64_t> mlir::compress::expandBitmap(unsigned bits, uint64_t numElements,
                                                     const void *kept, uint64_t numKept,
                                                     const void *bitmap, uint64_t fill,
                                                     void *values) {
  const auto *bytes = static_cast<const uint8_t *>(bitmap);
  if (uint64_t found = countKeptOfBitmap(bitmap, numElements); found != numKept)
    return found;
  switch (bits) {
  case 16:
    expand<uint16_t, WideStorage<uint16_t>>(bits, numElements, kept, bytes, fill, values);
    break;
  case 32:
    expand<uint32_t, WideStorage<uint32_t>>(bits, numElements, kept, bytes, fill, values);
    break;
  case 64:
    expand<uint64_t, WideStorage<uint64_t>>(bits, numElements, kept, bytes, fill, values);
    break;
  default:
    assert(bits >= 1 && bits <= 8 && "not an element width");
    expand<uint8_t, PackedStorage>(bits, numElements, kept, bytes, fill, values);
  }
  return std::nullopt;
}
