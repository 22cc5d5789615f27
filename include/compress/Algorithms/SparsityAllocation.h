//===- SparsityAllocation.h - how much each matrix is pruned ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Several matrices share one target: by their sensitivities (ISC, Shao et al.,
// "One-Shot Sensitivity-Aware Mixed Sparsity Pruning for Large Language Models",
// ICASSP 2024), or because all their weights compete with each other.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SPARSITYALLOCATION_H
#define COMPRESS_ALGORITHMS_SPARSITYALLOCATION_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::compress {

/// How many weights of each matrix are pruned.
struct AllocatedSparsity {
  std::vector<uint64_t> pruned;
  /// pruned / size: `getPrunedCount(ratios[i], sizes[i])` is `pruned[i]`. 0 for empty matrices.
  std::vector<double> ratios;
};

/// Of T matrices with `sizes` weights each, in ascending order of `sensitivities` (ties: the lower
/// index first), matrix `id` keeps L + id * (R - L) / (T - 1) with L = 1 - p - alpha and
/// R = 1 - p + alpha: the most sensitive one is pruned least. `alpha` is lowered to p or 1 - p
/// where it is larger. If the sizes differ, all shares that are kept are multiplied by the same
/// number (and are at most 1) so that the total is floor(p * all weights), exactly; what rounding
/// leaves goes to the largest remainders (ties: the lower index). Every matrix that has weights
/// keeps one, where that is possible. Errors: numbers of elements that differ, a sensitivity that
/// is not finite, p outside of [0, 1), a negative alpha.
llvm::Expected<AllocatedSparsity> allocateSparsity(llvm::ArrayRef<double> sensitivities,
                                                   llvm::ArrayRef<uint64_t> sizes, double ratio,
                                                   double alpha = 0.1);

/// Calls its second argument with the scores of matrix `index`, in order and in pieces of any size.
/// May be called from several threads at the same time, for different matrices.
using ScoreStream =
    llvm::function_ref<void(size_t index, llvm::function_ref<void(llvm::ArrayRef<float>)> consume)>;

/// How many weights of each matrix are among the floor(ratio * number) smallest of all; ties: those
/// of later matrices. `SparsityTarget::count` with `chooseMask` then prunes exactly those.
/// Reads the scores twice and keeps only counts: of their leading 16 bits, then of the others where
/// the threshold is. Errors: a stream that gives another number of scores than `sizes` says, a
/// score that is not finite (names matrix and element), a ratio outside of [0, 1).
llvm::Expected<AllocatedSparsity> allocateGlobal(llvm::ArrayRef<uint64_t> sizes, double ratio,
                                                 ScoreStream stream,
                                                 ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SPARSITYALLOCATION_H
