//===- Awq.h - scales and ranges by the error of outputs -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lin et al., "AWQ: Activation-aware Weight Quantization for LLM Compression and
// Acceleration", MLSys 2024. Layers W_1, W_2, ... contract one input x. For each
// exponent r in {0, 0.05, ..., 0.95}
//
//   s_j = max(mean|x_j|^r, 1e-4),   s = s / sqrt(max(s) min(s))
//   E_l = Q(W_l diag(s)) diag(s)^-1 - W_l
//   loss = sum_l tr(E_l G E_l^T),   G = sum x x^T
//
// and the r with the least loss wins (ties: the smaller r). r = 0 is round to
// nearest, so the result is never worse on this loss. It is the error of the
// layers' outputs; the paper takes that of the block they are in, which needs a
// run of the model for each r. Without G, the loss is sum_ij E_ij^2 d_j with
// the sums of squares d.
//
// Then groups are clipped: every group of a row is limited to [-m p, m p] with
// m = max|w| and p = 1 - i / 40, i = 0, ..., 20; the p with the least e^T G_gg e
// wins, where e is the group's error after quantization and G_gg its part of G
// (ties: the larger p).
//
// Errors are multiplied with G in f32 and summed in f64, by blocks of rows.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_AWQ_H
#define COMPRESS_ALGORITHMS_AWQ_H

#include "compress/Algorithms/CodeGrid.h"

namespace mlir::compress {

/// A matrix `[rows, columns]` (row-major, finite; rows are output channels), how it is quantized,
/// and what is known of the vectors that it contracts.
struct AwqLayer {
  const float *weight = nullptr;
  size_t rows = 0, columns = 0;
  const CodeGrid *grid = nullptr;
  /// Columns that share a block; `perTensor`: all elements share one.
  size_t group = 1;
  bool perTensor = false;
  WeightRange range = WeightRange::MinMax;
  /// Class of each column, which has a scale; -1: the column is not scaled.
  llvm::ArrayRef<int32_t> classes;
  /// G `[columns, columns]`, or null; then `diagonal` has its diagonal.
  const float *gram = nullptr;
  llvm::ArrayRef<double> diagonal;
};

/// What the search found.
struct AwqScales {
  /// Per class.
  std::vector<float> scales;
  double exponent = 0;
  /// The loss with these scales, and that of round to nearest.
  double error = 0, roundToNearest = 0;
};

/// Searches scales; `meanAbs[c]` is the mean magnitude of the inputs of class c (at least one
/// class). With `powersOfTwo` the scales of every candidate are rounded to powers of two.
AwqScales searchAwqScales(llvm::ArrayRef<AwqLayer> layers, llvm::ArrayRef<float> meanAbs,
                          bool powersOfTwo = false, ParallelFor parallelFor = serialFor);

/// Clips the groups of `weight`, which is `layer.weight` (classes are not used). Returns how many
/// groups became smaller. Layers with one block for the whole tensor stay as they are.
size_t clipAwq(const AwqLayer &layer, float *weight, ParallelFor parallelFor = serialFor);

/// tr(E G E^T) for the errors `[rows, columns]` of a layer, or its form with the diagonal.
double getAwqLoss(const AwqLayer &layer, const float *error, ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_AWQ_H
