//===- Sparsity.h - how much of a matrix is pruned --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Masks have one byte per weight of a row-major matrix [rows = output channels]
// [columns = contraction]: 1 is kept, 0 is pruned. N:M is N *kept* of M
// consecutive columns (SparseGPT, Wanda and RIA count the pruned ones in their
// code). The weights with the smallest scores are pruned; ties: the higher index
// is pruned, so that equal scores give the same mask as magnitudes do.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SPARSITY_H
#define COMPRESS_ALGORITHMS_SPARSITY_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Algorithms/MagnitudePruning.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <vector>

namespace mlir::compress {

/// How much is pruned, and what competes.
struct SparsityTarget {
  /// N kept of M consecutive columns of a row (a short last block keeps min(n, size)); else
  /// `ratio`.
  std::optional<NMPattern> nm;
  /// Share of the weights that is pruned, in [0, 1): floor(ratio * number) of each row, or of all.
  double ratio = 0;
  bool perRow = false;
  /// If set, that many of all weights are pruned; without `nm` and `perRow`, and instead of
  /// `ratio`.
  std::optional<uint64_t> count = std::nullopt;
};

/// floor(ratio * number) for `ratio` in [0, 1], where a product that rounding has put next to a
/// whole number is that number: 0.29 of 100 are 29.
uint64_t getPrunedCount(double ratio, uint64_t number);
/// How many weights of a matrix are pruned.
uint64_t getPrunedCount(const SparsityTarget &target, size_t rows, size_t columns);

/// Errors: an invalid N:M pattern, a ratio outside of [0, 1), more weights than there are, a count
/// together with `nm` or `perRow`.
llvm::Error checkTarget(const SparsityTarget &target, size_t rows, size_t columns);

/// The mask that keeps the largest `scores[rows][columns]` (finite; -0 equals 0). `target` is
/// valid. Memory speed: two or three passes over the scores, which are not copied.
std::vector<uint8_t> chooseMask(const float *scores, size_t rows, size_t columns,
                                const SparsityTarget &target, ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SPARSITY_H
