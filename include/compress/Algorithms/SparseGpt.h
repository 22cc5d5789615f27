//===- SparseGpt.h - pruning that corrects its own errors -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// SparseGPT (Frantar and Alistarh, "SparseGPT: Massive Language Models Can Be
// Accurately Pruned in One-Shot", ICML 2023) is GPTQ (Gptq.h) where the error of a
// weight is that it becomes 0 (or 0 or its code): with H = X X^T,
//
//   H += lambda * mean(diag H) * I,   U upper triangular with U^T U = H^-1
//   for each block of columns: choose the mask of the block, from the weights as
//     they are by then, by the scores w^2 / U[j, j]^2
//   for each column i of it:
//     q_i  = w_i where it is kept (or its nearest code), else 0
//     W[:, j] -= (w_i - q_i) * U[i, j] / U[i, i]      for all j > i
//
// Details:
// - All rows compete for the weights of a block, or those of a row for `perRow`.
//   The published code prunes floor(p * size) + 1 weights of a block. Here blocks
//   get floor(total * end / columns) - floor(total * begin / columns) of `total`,
//   so that the number over all blocks is exactly that of `getPrunedCount`.
// - N:M masks are chosen for M columns at a time, when they are reached; blocks
//   end at multiples of M.
// - ISC (Shao et al., "One-Shot Sensitivity-Aware Mixed Sparsity Pruning for Large
//   Language Models", ICASSP 2024) scores w^2 * (H[j, j] + 1 / U[j, j]^2), where
//   H[j, j] is without the added lambda (the paper, not its code).
// - A column with H[j, j] = 0 was never seen: its weights have score 0, and those
//   that stay keep their value.
// - With a grid, weights that stay are quantized in the same pass, so that masks
//   are chosen with the errors of earlier codes made good. Parameters of a group
//   come from its columns when the first is reached, without weights that are
//   known to be pruned by then: groups not larger than a block know all of theirs
//   (with N:M those of the first M columns). With a given `mask`, the codes are
//   those of `gptq` with `keep`: columns that were never seen become 0.
// - H may be multiplied by any positive number.
// - U is computed in double precision, everything else in single precision. Rows
//   are worked on in chunks of fixed size: the result does not depend on threads.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SPARSEGPT_H
#define COMPRESS_ALGORITHMS_SPARSEGPT_H

#include "compress/Algorithms/CodeGrid.h"
#include "compress/Algorithms/Sparsity.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

/// What a weight costs when it is pruned.
enum class SparseGptScore : uint8_t {
  /// w^2 / U[j, j]^2.
  SparseGpt,
  /// w^2 * (H[j, j] + 1 / U[j, j]^2).
  Isc,
};

struct SparseGptOptions {
  /// How much is pruned; not used if there is a `mask`.
  SparsityTarget target;
  /// Columns per block (at least 1).
  size_t blockSize = 128;
  /// lambda; more of it if H is not positive definite, as in GptqOptions.
  double damping = 0.01;
  SparseGptScore score = SparseGptScore::SparseGpt;
  /// Null, or [rows, columns]: the mask, by another method (without what `keepZero` says is
  /// pruned). Only the updates are done.
  const uint8_t *mask = nullptr;
  /// Null, or [rows, columns]: weights whose byte is 0 are pruned in any case (they were pruned
  /// before: masks are nested). They count for the target; if they are more, then there are more.
  const uint8_t *keepZero = nullptr;
  /// Null, or the codes that the weights that stay get, `group` columns of a row to a block of
  /// parameters (0: all). With N:M, `group` is a multiple or a divisor of M, or all columns.
  const CodeGrid *grid = nullptr;
  size_t group = 0;
  WeightRange range = WeightRange::MinMax;
  ParallelFor parallelFor = serialFor;
};

struct SparseGptResult {
  /// [rows, columns], 1 = kept.
  std::vector<uint8_t> mask;
  /// With a grid: codes and parameters; pruned weights have the code of 0. Else empty.
  QuantizedMatrix matrix;
  /// Sum of (w_i - q_i)^2 / U[i, i]^2 over all weights: tr((W - W^) (H + lambda' I) (W - W^)^T),
  /// lambda' the added diagonal.
  double loss = 0;
  /// The lambda that was needed.
  double damping = 0;
  /// Columns that were never seen.
  size_t deadColumns = 0;
};

/// Prunes `weight` [rows, columns] (row-major, finite) in place, for inputs with the Gram matrix
/// `gram` [columns, columns] (sum of x x^T, symmetric). Pruned weights are exactly 0; with a grid
/// the others are what their codes stand for. If nothing is pruned or quantized, no bit changes.
/// Needs 4 bytes per weight more. After an error the weight is as it was.
/// Errors: the target, sizes, values that are not finite, a diagonal with negative elements or
/// nothing but zeros, a matrix that is not positive definite with any damping, memory.
llvm::Expected<SparseGptResult> sparseGpt(float *weight, size_t rows, size_t columns,
                                          const float *gram, const SparseGptOptions &options);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SPARSEGPT_H
