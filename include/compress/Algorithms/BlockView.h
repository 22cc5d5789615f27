//===- BlockView.h - weights as (outer, K, inner) blocks --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every algorithm on weights sees a row-major tensor as (outer, K, inner): the
// contraction (or otherwise blocked) dims in the middle. For example
//   linear [K, N]            -> (1, K, N)
//   linear [N, K]            -> (N, K, 1)
//   conv [O, I, kh, kw]      -> (O, I, kh * kw)   groups along input channels
//                            -> (O, I * kh * kw, 1) one block per output channel
//   experts [E, K, N]        -> (E, K, N)
//   one block for everything -> (1, numel, 1)
// Blocks are `group` consecutive entries of K at one (outer, inner) position;
// the last block along K may be short.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_BLOCKVIEW_H
#define COMPRESS_ALGORITHMS_BLOCKVIEW_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstddef>
#include <cstdint>

namespace mlir::compress {

/// A row-major tensor seen as (outer, K, inner), see the head of this file.
/// The element count must fit 63 bits.
struct BlockView {
  uint64_t outer = 1;
  uint64_t k = 1;
  uint64_t inner = 1;

  uint64_t getNumElements() const { return outer * k * inner; }
  /// Number of blocks of `group` entries along K, the short last one included.
  uint64_t getNumGroups(uint64_t group) const { return k / group + (k % group != 0); }
  /// Number of (outer, group, inner) blocks, which is the element count of a
  /// scale tensor (outer, ceil(K / group), inner).
  uint64_t getNumBlocks(uint64_t group) const { return outer * getNumGroups(group) * inner; }
};

/// Calls its second argument with 0 .. n - 1, in any order and possibly at the
/// same time from several threads, and returns when all calls have.
/// Algorithms cut their work into chunks that depend on sizes only, so results
/// do not depend on how many threads there are.
using ParallelFor = llvm::function_ref<void(size_t n, llvm::function_ref<void(size_t)> body)>;

/// The `ParallelFor` that runs everything on the calling thread, in order.
inline void serialFor(size_t n, llvm::function_ref<void(size_t)> body) {
  for (size_t i = 0; i < n; ++i)
    body(i);
}

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_BLOCKVIEW_H
