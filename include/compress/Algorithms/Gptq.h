//===- Gptq.h - quantization that corrects its own errors -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// GPTQ (Frantar et al., "GPTQ: Accurate Post-Training Quantization for
// Generative Pre-trained Transformers", ICLR 2023) minimises |(W - W^) X|^2 for
// the calibration inputs X, of which only H = X X^T is needed. Columns are
// quantized one after the other, and what each one got wrong is made good by
// those that follow:
//
//   H += lambda * mean(diag H) * I,   U upper triangular with U^T U = H^-1
//   for each column i:
//     q_i  = the nearest code of w_i
//     W[:, j] -= (w_i - q_i) * U[i, j] / U[i, i]      for all j > i
//
// GPTAQ (Li et al., "GPTAQ: Efficient Finetuning-Free Quantization for
// Asymmetric Calibration", ICML 2025) also makes good what earlier layers got
// wrong: with X~ the inputs that the uncompressed model has,
//
//   P = alpha * triu((X~ - X) X^T U^T, 1) U
//     W[:, j] += w_i * P[i, j]                        for all j > i
//
// where w_i is the column when it is quantized; X~ = X gives GPTQ.
//
// Details:
// - Columns are handled in blocks; later blocks are updated by one product per
//   block. Blocks end where groups do, so the size of blocks changes nothing but
//   rounding, and the parameters of a group always come from columns that have
//   all updates of the columns before the group.
// - A column with H[i, i] = 0 was never seen: its weights become 0 (the code
//   nearest to 0), and it takes no part in the rest.
// - `actOrder` takes columns in descending order of H[i, i], ties in their own
//   order. Groups stay contiguous: their parameters are fixed before, from the
//   original weights.
// - H may be multiplied by any positive number.
// - U is computed in double precision, everything else in single precision. Rows
//   are worked on in chunks of fixed size: the result does not depend on threads.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_GPTQ_H
#define COMPRESS_ALGORITHMS_GPTQ_H

#include "compress/Algorithms/CodeGrid.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

struct GptqOptions {
  /// Columns per block (at least 1).
  size_t blockSize = 128;
  /// lambda, relative to the mean of the diagonal of H. If H is not positive definite with it, ten
  /// times as much is tried (at least 0.01), up to five times and not beyond 1.
  double damping = 0.01;
  bool actOrder = false;
  WeightRange range = WeightRange::MinMax;
  /// Null, or [rows, columns]: weights whose byte is 0 are pruned. They count as exactly 0 wherever
  /// errors are made good, and take no part in the range of their group; their code is that of 0.
  const uint8_t *keep = nullptr;
  /// Null, or the [columns, columns] matrix sum of (x~ - x) x^T of GPTAQ, scaled as the Gram
  /// matrix.
  const float *cross = nullptr;
  double alpha = 0.25;
  ParallelFor parallelFor = serialFor;
};

struct GptqResult {
  QuantizedMatrix matrix;
  /// Sum of (w_i - q_i)^2 / U[i, i]^2 over all weights. Without `cross` this is
  /// tr((W - W^) (H + lambda' I) (W - W^)^T), lambda' the added diagonal.
  double loss = 0;
  /// The lambda that was needed; more than asked for if H was not positive definite with it.
  double damping = 0;
  /// Columns that were never seen.
  size_t deadColumns = 0;
};

/// Quantizes `weight` [rows, columns] (row-major, finite), `group` columns of a row to a block (0:
/// all), for inputs with the Gram matrix `gram` [columns, columns] (sum of x x^T, symmetric).
/// Errors: sizes, values that are not finite, a diagonal with negative elements or nothing but
/// zeros, a matrix that is not positive definite with any damping, memory.
llvm::Expected<GptqResult> gptq(const CodeGrid &grid, const float *weight, size_t rows,
                                size_t columns, size_t group, const float *gram,
                                const GptqOptions &options = {});

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_GPTQ_H
