//===- OptimalBrain.h - exact second-order pruning of layers ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For a linear layer with inputs X the error |(W - W^) X|^2 has the Hessian
// H = X X^T (up to a factor 2) in every row:
//
// - Optimal Brain Damage (LeCun et al., NIPS 1989) takes its diagonal only: a
//   weight costs 1/2 w^2 H[j, j]. (With the gradients of the loss instead of X:
//   `fisherScores` in PruningScores.h.)
// - Optimal Brain Surgeon (Hassibi and Stork, NIPS 1992; per row: Frantar and
//   Alistarh, "Optimal Brain Compression", NeurIPS 2022) removes one weight after
//   the other, always the one with the least w_p^2 / [H^-1]_pp, and changes the
//   rest of the row so that nothing better is possible:
//     w -= w_p / [H^-1]_pp * H^-1[:, p]
//     H^-1 -= H^-1[:, p] H^-1[p, :] / [H^-1]_pp
//   It is exact, and costs `columns^2` per removed weight.
// - Least squares finds the best values for a given mask, at once.
//
// H gets lambda * mean(diag H) on its diagonal, see Gptq.h. Columns that were
// never seen (H[j, j] = 0) cost nothing; their weights do not change.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_OPTIMALBRAIN_H
#define COMPRESS_ALGORITHMS_OPTIMALBRAIN_H

#include "compress/Algorithms/Sparsity.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

/// 1/2 w^2 gram[j, j] of `weight` [rows, columns], `gram` [columns, columns]. Scores are computed
/// in double precision; those beyond the range of f32 are its largest number. Errors: sizes, values
/// that are not finite, negative elements on the diagonal.
llvm::Expected<std::vector<float>> getObdScores(const float *weight, size_t rows, size_t columns,
                                                const float *gram);
/// ISC (Shao et al., ICASSP 2024): w^2 * (H[j, j] + 1 / [H^-1]_jj), the sum of what optimal brain
/// damage and surgeon say. H[j, j] is without the added lambda, H^-1 with it. Errors as
/// `sparseGpt`.
llvm::Expected<std::vector<float>> getIscScores(const float *weight, size_t rows, size_t columns,
                                                const float *gram, double damping = 0.01);

/// One step of optimal brain surgeon for a row `weight` [n] with the symmetric `inverse` [n, n] of
/// what is left of H: removes weight `index` ([H^-1]_pp > 0). Row and column `index` of `inverse`
/// are 0 afterwards. Returns w_p^2 / [H^-1]_pp, by which tr((W - W^) H (W - W^)^T) grows.
double removeWeight(double *weight, double *inverse, size_t n, size_t index);

struct ObsOptions {
  /// Without `perRow` and `nm`, the weight that costs least is removed in all rows together.
  SparsityTarget target;
  double damping = 0.01;
  /// Null, or [rows, columns]: weights whose byte is 0 are removed first (in ascending order of
  /// columns); if they are more than the target, then more are removed.
  const uint8_t *keepZero = nullptr;
  ParallelFor parallelFor = serialFor;
};

struct ObsResult {
  std::vector<uint8_t> mask;
  /// tr((W - W^) (H + lambda' I) (W - W^)^T), lambda' the added diagonal.
  double loss = 0;
  double damping = 0;
};

/// Multiplications that `obs` does at most.
constexpr double maxObsOperations = 1e12;
/// How many `obs` needs: columns^2 for each removed weight of a row; for a target of the whole
/// matrix twice those of removing all weights, because the order in which each row loses them is
/// found first.
double countObsOperations(const SparsityTarget &target, size_t rows, size_t columns);

/// Prunes `weight` [rows, columns] in place by optimal brain surgeon, in double precision; needs
/// 8 * columns^2 bytes per thread. After an error the weight is as it was.
/// Errors: as `sparseGpt`; more than `maxObsOperations`.
llvm::Expected<ObsResult> obs(float *weight, size_t rows, size_t columns, const float *gram,
                              const ObsOptions &options);

struct RefitOptions {
  /// lambda of the ridge. If the columns that a row keeps are not independent in single precision
  /// (a pivot is less than 1e-7 of its diagonal), 1e-6 and ten times as much each time are tried.
  double damping = 0;
  ParallelFor parallelFor = serialFor;
};

/// `weight` [rows, columns] becomes the matrix that is 0 where `mask` is 0 and minimises
/// tr((W - W^) H (W - W^)^T) for `original` W and `gram` H. `weight` may be `original`. Solved in
/// double precision; costs k^3 / 3 for every different row of the mask, with k weights that are
/// kept, and 8 * k^2 bytes per thread. Rows without pruned weights do not change.
/// Errors: sizes, values that are not finite, negative elements on the diagonal, memory. After an
/// error the weight has no meaning unless the error is about the input.
llvm::Error refitLeastSquares(float *weight, const float *original, size_t rows, size_t columns,
                              const float *gram, const uint8_t *mask,
                              const RefitOptions &options = {});

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_OPTIMALBRAIN_H
