//===- BitmapPacking.h - compact storage of unstructured tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compact form of an unstructured sparse tensor, as `compress.expand_bitmap`
// stores it:
//
// - the kept elements of the flattened tensor, in order;
// - a bitmap: bit `i`, low bits of a byte first, says whether element `i` is
//   kept; the bits after the last element are zero.
//
// A dense mask has one byte per element: 0 is pruned, all others are kept. The
// width of an element is 1 to 8 bits for packed codes (BitPacking.h), or 16, 32
// or 64 for plain values.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_BITMAPPACKING_H
#define COMPRESS_ALGORITHMS_BITMAPPACKING_H

#include <cstdint>
#include <optional>

namespace mlir::compress {

/// Bytes of the bitmap of a tensor.
inline uint64_t getBitmapBytes(uint64_t numElements) {
  return numElements / 8 + (numElements % 8 != 0);
}

/// Number of kept elements of a dense mask, or of a bitmap (whose bits after the
/// last element do not count).
uint64_t countKeptOfMask(const uint8_t *mask, uint64_t numElements);
uint64_t countKeptOfBitmap(const void *bitmap, uint64_t numElements);

/// Whether all bits of the last byte that stand for no element are zero.
bool hasCleanEnd(const void *bitmap, uint64_t numElements);

/// The bitmap of a dense mask, and back (1: kept, 0: pruned).
void packMask(const uint8_t *mask, uint64_t numElements, void *bitmap);
void unpackMask(const void *bitmap, uint64_t numElements, uint8_t *mask);

/// Gathers the elements that `mask` keeps to `kept`, which has room for
/// `numKept`. Returns how many the mask keeps if that is another number; nothing
/// is written then.
std::optional<uint64_t> compactBitmap(unsigned bits, uint64_t numElements, const void *values,
                                      const uint8_t *mask, uint64_t numKept, void *kept);

/// Inverse: scatters the `numKept` kept elements to a dense tensor whose other
/// elements are `fill` (its low `bits` bits). Returns how many elements the
/// bitmap keeps if that is another number; nothing is written then.
std::optional<uint64_t> expandBitmap(unsigned bits, uint64_t numElements, const void *kept,
                                     uint64_t numKept, const void *bitmap, uint64_t fill,
                                     void *values);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_BITMAPPACKING_H
