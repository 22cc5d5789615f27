//===- AdaRound.h - rounding by the error of the output ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Adaptive rounding (Nagel et al., "Up or Down? Adaptive Rounding for
// Post-Training Quantization", ICML 2020). Between the two codes next to a
// weight, with values a <= w <= b, a variable V chooses:
//
//   w^ = a + h(V) (b - a),
//   h(V) = clamp(sigmoid(V) (zeta - gamma) + gamma, 0, 1), zeta = 1.1, gamma = -0.1.
//
// Minimised by Adam, starting at h(V) = (w - a) / (b - a), is
//
//   c tr((W^ - W) G (W^ - W)^T) + lambda sum (1 - |2 h(V) - 1|^beta),
//
// where the second term is left out for the first fifth of the iterations and
// beta then falls from 20 to 2. At the end h >= 1/2 takes b.
//
// Deviations from the paper: the loss is the quadratic form of the Gram matrix
// G = sum x x^T, not that of samples drawn in turn, so every step uses all of
// the data and an activation function after the layer is not seen. c is such
// that the mean over all weights of c (b - a)^2 G_jj is `curvature`: lambda
// then means the same for every layer, whatever its scale and number of
// samples.
//
// A row of the result is never worse by tr(.. G ..) than the row of round to
// nearest, which is kept otherwise (for a diagonal G that is always so). With
// `sweeps` > 0 codes are then moved by one, column after column (lower code
// first), while that lowers the error of the row: a coordinate descent that may
// leave the two neighbours.
//
// Cost: `iterations` products of a [rows, columns] and a [columns, columns]
// matrix.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_ADAROUND_H
#define COMPRESS_ALGORITHMS_ADAROUND_H

#include "compress/Algorithms/CodeGrid.h"

namespace mlir::compress {

struct AdaRoundOptions {
  unsigned iterations = 500;
  float learningRate = 2e-2f;
  float lambda = 0.01f;
  float curvature = 0.003f;
  /// Fraction of the iterations without the regulariser, and the ends of beta.
  float warmUp = 0.2f, firstBeta = 20, lastBeta = 2;
  /// Most sweeps of the coordinate descent at the end; 0: none.
  unsigned sweeps = 20;
  WeightRange range = WeightRange::MinMax;
};

/// Quantizes `weight` `[rows, columns]` (row-major, finite) with `group` columns of a row to a
/// block. `gram` `[columns, columns]` is finite, symmetric and positive semi-definite. Scales and
/// zero points are those of round to nearest.
QuantizedMatrix adaRound(const CodeGrid &grid, const float *weight, size_t rows, size_t columns,
                         size_t group, const float *gram, const AdaRoundOptions &options = {},
                         ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_ADAROUND_H
