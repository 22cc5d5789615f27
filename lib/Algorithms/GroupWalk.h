//===- GroupWalk.h - N:M groups in batches ----------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A batch is a run of full groups of one outer entry that are adjacent in
// memory, so that work on narrow tensors is not done one group at a time; the
// short last group of an outer entry is a batch of its own.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_GROUPWALK_H
#define COMPRESS_LIB_ALGORITHMS_GROUPWALK_H

#include "SlabWalk.h"
#include "compress/Algorithms/MagnitudePruning.h"

namespace mlir::compress {

/// `groups` groups of `size` rows of `inner` elements from element `begin` on.
struct GroupBatch {
  uint64_t begin;
  uint64_t groups;
  uint64_t size;
};

/// Where all groups are full, outer entries follow each other seamlessly.
inline BlockView joinOuter(NMPattern pattern, BlockView view) {
  if (view.k % pattern.m != 0)
    return view;
  return {1, view.outer * view.k, view.inner};
}

/// Calls `body(batch)` for the slabs [first, last) of `slabs`; batches have at
/// most `maxElements` elements unless one group has more. Stops when `body`
/// returns false.
template <typename Body>
void forEachBatch(const SlabGrid &slabs, uint64_t first, uint64_t last, uint64_t maxElements,
                  Body body) {
  uint64_t fullPerOuter = slabs.view.k / slabs.group;
  uint64_t maxGroups = std::max<uint64_t>(1, maxElements / slabs.getMaxSlabSize());
  while (first < last) {
    Slab slab = slabs.getSlab(first);
    uint64_t groups = 1;
    if (slab.rows == slabs.group)
      groups = std::min({maxGroups, last - first, fullPerOuter - first % slabs.perOuter});
    if (!body(GroupBatch{slab.begin, groups, slab.rows}))
      return;
    first += groups;
  }
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_GROUPWALK_H
