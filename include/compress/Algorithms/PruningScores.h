//===- PruningScores.h - how much weights matter ---------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scores of single weights, from which chooseMask (Sparsity.h) makes masks. W is
// a row-major matrix [rows = output channels][columns = contraction]; ||x_j|| is
// the L2 norm of what column j is multiplied with over all calibration vectors.
//
//   magnitude  |W_ij|
//   Wanda      |W_ij| ||x_j||                              Sun et al., ICLR 2024
//   RIA        (|W_ij| / sum_j |W_ij| + |W_ij| / sum_i |W_ij|) ||x_j||^a
//              a = 1/2                                     Zhang et al., ICLR 2024
//   Taylor     |W_ij g_ij|                                 Molchanov et al., 2017
//   Fisher     1/2 W_ij^2 E[g_ij^2]                        Theis et al., 2018
//
// A row or column of zeros has relative importance 0. A norm of 0 to the power 0
// is 1. Scores are computed in double precision and rounded to f32; what is too
// large becomes the largest finite f32, so scores of finite inputs are finite.
// Sums run in a fixed order: results do not depend on threads.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_PRUNINGSCORES_H
#define COMPRESS_ALGORITHMS_PRUNINGSCORES_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::compress {

/// ||x_j|| for `columns` columns of a layer whose columns are kernel positions and, within one, its
/// input channels: `sumSquares` has the sum of squares of each of these channels (not negative),
/// and `columns` is a multiple of their number. For linear both are the same.
std::vector<double> getColumnNorms(llvm::ArrayRef<double> sumSquares, size_t columns);

/// |W|.
std::vector<float> magnitudeScores(const float *weight, size_t rows, size_t columns,
                                   ParallelFor parallelFor = serialFor);

/// Wanda; `norms` has one entry per column, finite and not negative.
std::vector<float> wandaScores(const float *weight, size_t rows, size_t columns,
                               llvm::ArrayRef<double> norms, ParallelFor parallelFor = serialFor);

/// Relative importance and activations; without `norms` the relative importance alone, whose sum is
/// rows + columns if no row and no column is all zero.
std::vector<float> riaScores(const float *weight, size_t rows, size_t columns,
                             llvm::ArrayRef<double> norms, double power = 0.5,
                             ParallelFor parallelFor = serialFor);

/// |W g|: first-order change of the loss when a weight becomes 0; `gradient` [rows][columns].
std::vector<float> taylorScores(const float *weight, const float *gradient, size_t rows,
                                size_t columns, ParallelFor parallelFor = serialFor);

/// 1/2 W^2 E[g^2]: the second-order change with the diagonal Fisher matrix; `squaredGradient`
/// [rows][columns] is the mean of squares over samples.
std::vector<float> fisherScores(const float *weight, const float *squaredGradient, size_t rows,
                                size_t columns, ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_PRUNINGSCORES_H
