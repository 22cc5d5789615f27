//===- MemoryPlan.h - packing of buffers by live range ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_MEMORYPLAN_H
#define COMPRESS_CODEGEN_MEMORYPLAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace mlir {
namespace compress {

/// Alignment of buffers in bytes.
inline constexpr int64_t bufferAlignment = 64;

/// `bytes` rounded up to the alignment of buffers.
inline int64_t alignBytes(int64_t bytes) {
  return (bytes + bufferAlignment - 1) / bufferAlignment * bufferAlignment;
}

/// A buffer that is alive from position `begin` to `end`, both included.
struct LiveBuffer {
  int64_t begin, end;
  /// Its size, or for dynamic sizes the static factor of it.
  int64_t bytes;
  /// Equal for buffers whose sizes have the same dynamic factors.
  int64_t sizeClass = 0;

  bool overlaps(const LiveBuffer &other) const { return begin <= other.end && other.begin <= end; }
};

/// Places in one arena of `bytes` bytes.
struct MemoryPlan {
  llvm::SmallVector<int64_t> offsets;
  int64_t bytes = 0;
};

/// The most bytes that are alive at one position, sizes rounded up to the alignment: a lower bound
/// of every plan.
int64_t getPeakBytes(llvm::ArrayRef<LiveBuffer> buffers);

/// Offsets such that buffers that overlap in time do not in memory. Best fit into gaps, in several
/// orders (size, size times life, time), then again with the topmost buffer first while that helps;
/// the same result for the same input.
MemoryPlan planMemory(llvm::ArrayRef<LiveBuffer> buffers);

/// Buffers of dynamic size to slots, biggest static factor first: into the slot of the same size
/// class and nearest size where nothing overlaps in time, then of another class, else a new slot.
/// Returns the slot of each buffer, numbered from 0.
llvm::SmallVector<int64_t> assignSlots(llvm::ArrayRef<LiveBuffer> buffers);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_MEMORYPLAN_H
