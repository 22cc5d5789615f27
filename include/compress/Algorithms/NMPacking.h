//===- NMPacking.h - compact storage of N:M tensors -------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compact form of an N:M tensor (outer, K, inner), as `compress.expand_nm`
// stores it:
//
// - codes (outer, Kc, inner), Kc = floor(K / M) * N + min(N, K mod M): the kept
//   elements of each group, in increasing position along K;
// - positions in their groups, b = max(1, ceil(log2 M)) bits each, in the order
//   of the codes and packed low bits first; every `rowLength` consecutive ones
//   (the last dim of the codes tensor) are padded to a byte with zero bits.
//
// A group must have exactly min(N, size) kept elements.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_NMPACKING_H
#define COMPRESS_ALGORITHMS_NMPACKING_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Algorithms/MagnitudePruning.h"
#include <optional>

namespace mlir::compress {

/// Kc: how many of `k` entries an N:M tensor stores along K.
inline uint64_t getCompactLength(NMPattern pattern, uint64_t k) {
  uint64_t rest = k % pattern.m;
  return k / pattern.m * pattern.n + (rest < pattern.n ? rest : pattern.n);
}

/// Bits of one position: max(1, ceil(log2 M)).
unsigned getPositionBits(NMPattern pattern);

/// Bytes of the packed positions of one row of `rowLength` codes.
uint64_t getPositionRowBytes(NMPattern pattern, uint64_t rowLength);

/// Gathers the kept elements and their positions. `bits` is the width of an
/// element: 1 to 8 for packed codes, or 16, 32, 64 for plain values. `mask` is
/// dense, one byte per element, as `computeNMMask` makes it. `rowLength` divides
/// the number of kept elements. `kept` or `positions` may be null if not wanted.
/// Returns the flat index of the first element of a group that does not have
/// exactly min(N, size) kept elements; the outputs then have no meaning.
std::optional<uint64_t> compactNM(NMPattern pattern, BlockView view, unsigned bits,
                                  const void *values, const uint8_t *mask, uint64_t rowLength,
                                  void *kept, void *positions, ParallelFor parallelFor = serialFor);

/// Inverse: scatters kept elements of `bits` bits (1 to 8 packed; 16, 32, 64)
/// to a dense tensor whose other elements are `fill` (the low `bits` bits).
/// `view` is that of the dense tensor. Returns the flat index, among the kept
/// elements, of the first position that is not in its group or not larger than
/// the one before it; the output then has no meaning.
std::optional<uint64_t> expandNM(NMPattern pattern, BlockView view, unsigned bits, const void *kept,
                                 const void *positions, uint64_t rowLength, uint64_t fill,
                                 void *values, ParallelFor parallelFor = serialFor);

/// The dense mask (one byte per element) that packed positions describe; the
/// result is as for `expandNM`.
std::optional<uint64_t> expandNMMask(NMPattern pattern, BlockView view, const void *positions,
                                     uint64_t rowLength, uint8_t *mask,
                                     ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_NMPACKING_H
