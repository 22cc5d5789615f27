//===- ChannelMap.h - which channel an element belongs to ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ANALYSIS_CHANNELMAP_H
#define COMPRESS_LIB_ANALYSIS_CHANNELMAP_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace mlir {
namespace compress {

/// Channels of the elements of a tensor: the channel depends on the indices of `dims` (distinct,
/// of static `sizes`) and is `channel[i]` where i is their row-major index in the order of `dims`.
struct ChannelMap {
  /// Largest number of entries of `channel`.
  static constexpr int64_t kMaxEntries = int64_t(1) << 26;

  SmallVector<int64_t, 4> dims, sizes;
  std::vector<int32_t> channel;

  bool hasDim(int64_t dim) const { return llvm::is_contained(dims, dim); }
  int64_t getSize(int64_t dim) const { return sizes[llvm::find(dims, dim) - dims.begin()]; }

  /// The same map with its dims in another order.
  void reorder(ArrayRef<int64_t> order);
  /// Dims in increasing order, those of size 1 left out.
  void normalize();
  /// Adds a dim that the channel does not depend on; failure if the map becomes too large.
  LogicalResult extend(int64_t dim, int64_t size);
  /// Drops `dim`, calling `unify` for the channels of elements that differ only there.
  void project(int64_t dim, llvm::function_ref<void(int32_t, int32_t)> unify);
  /// Replaces indices i of `dim` by `start + i * step` of a dim of `size`, whose other indices have
  /// the channel `none`.
  LogicalResult embed(int64_t dim, int64_t size, int64_t start, int64_t step, int32_t none);
  /// The opposite: keeps indices `start + i * step`, i < size.
  void select(int64_t dim, int64_t size, int64_t start, int64_t step);
  /// Replaces `from`, some of the dims, by `to` with `sizes`: another shape of the same elements.
  void reshape(ArrayRef<int64_t> from, ArrayRef<int64_t> to, ArrayRef<int64_t> newSizes);
  /// Renames a dim.
  void rename(int64_t from, int64_t to) { *llvm::find(dims, from) = to; }
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_ANALYSIS_CHANNELMAP_H
