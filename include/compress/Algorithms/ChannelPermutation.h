//===- ChannelPermutation.h - orders of channels for N:M -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// N:M sparsity keeps N of M consecutive columns, so it matters which columns are
// neighbours. Zhang et al., "Plug-and-Play: An Efficient Post-training Pruning
// Method for Large Language Models", ICLR 2024, look for the order of the columns
// with which the kept scores S have the largest sum:
//
//  1. Heuristic reallocation: columns are sorted by the sum of their scores and
//     cut into M slices of equal size; slice k gives every group its k-th column,
//     every other slice backwards, so that groups are alike.
//  2. Linear sum assignment: for each position c = 0 .. M-1 all groups give their
//     column at c away, and get one back such that the sum over groups of what
//     they keep with it is largest (Hungarian method).
//
// Details:
// - A short last group (columns not a multiple of M) keeps min(N, size); it is
//   given the columns with the largest sums first, and then takes part.
// - The heuristic is taken if it keeps more than the given order does, and an
//   assignment if it keeps more than the one before: no step makes it worse.
// - More than `maxGroups` groups are assigned in runs of at most that many
//   consecutive groups, of nearly equal size (the authors' "fast" variant): time
//   is O(G^3 + rows G^2) for each position and run of G groups.
// - Scores are summed in double precision in a fixed order: results do not depend
//   on threads. Ties: the order that comes first.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_CHANNELPERMUTATION_H
#define COMPRESS_ALGORITHMS_CHANNELPERMUTATION_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Algorithms/MagnitudePruning.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::compress {

/// Sum of the scores `[rows][columns]` (finite, not negative) that an N:M mask keeps when column
/// `order[i]` is at position i; an empty order changes nothing.
double getRetainedScore(const float *scores, size_t rows, size_t columns, NMPattern pattern,
                        llvm::ArrayRef<uint32_t> order = {}, ParallelFor parallelFor = serialFor);

/// What no order can exceed: the sum of the largest scores of each row, as many as the pattern
/// keeps.
double getRetainedBound(const float *scores, size_t rows, size_t columns, NMPattern pattern,
                        ParallelFor parallelFor = serialFor);

/// Step 1.
std::vector<uint32_t> reallocateChannels(const float *scores, size_t rows, size_t columns,
                                         NMPattern pattern);

struct ChannelPermutationOptions {
  /// At most this many groups are assigned at once; at least 1.
  size_t maxGroups = 1024;
  /// How often step 2 goes over all positions (the authors: once). It ends early if nothing
  /// changes.
  unsigned passes = 1;
};

struct ChannelPermutation {
  /// Old column at each position.
  std::vector<uint32_t> order;
  /// Retained scores: of the given order, after step 1 and after step 2.
  double before = 0, afterReallocation = 0, after = 0;
  /// See `getRetainedBound`.
  double bound = 0;

  bool isIdentity() const {
    for (size_t i = 0; i < order.size(); ++i)
      if (order[i] != i)
        return false;
    return true;
  }
};

/// Steps 1 and 2. Layers that contract the same value share an order: put their scores below each
/// other, as they do with the kernel positions of a convolution.
ChannelPermutation permuteChannels(const float *scores, size_t rows, size_t columns,
                                   NMPattern pattern, const ChannelPermutationOptions &options = {},
                                   ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_CHANNELPERMUTATION_H
