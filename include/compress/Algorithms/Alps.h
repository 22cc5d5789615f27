//===- Alps.h - pruning by alternating directions ---------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ALPS (Meng et al., "ALPS: Improved Optimization for Highly Sparse One-Shot
// Pruning for Large Language Models", NeurIPS 2024) minimises |(W - B) X|^2 for a
// sparse B by ADMM: B is split into one matrix that fits the outputs and one, D,
// that is sparse. With G = X X^T + lambda mean(diag) I, both of whose sides are
// divided by the square root of its diagonal (and W multiplied by it):
//
//   B = (G W - V + rho D) (G + rho I)^-1
//   D = the largest elements of B + V / rho
//   V += rho (B - D)
//
// starting with D = W, V = 0, rho = 0.1. After every third iteration, the change
// of the support of D since the last time decides: more than 10 % of what is kept:
// rho *= 1.3; more than 0.5 %: rho *= 1.2; less: rho *= 1.1; none: the end. But
// as long as it has never been more than 0.5 %, rho /= 5 and D and V start again.
// One decomposition into eigenvectors gives the inverse for any rho. At last, at
// most 10 steps of conjugate gradients improve the values on the support that was
// found.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_ALPS_H
#define COMPRESS_ALGORITHMS_ALPS_H

#include "compress/Algorithms/Sparsity.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

struct AlpsOptions {
  SparsityTarget target;
  /// lambda, at least 1e-6: the eigenvalues of G must be positive.
  double damping = 0.01;
  double rho = 0.1;
  unsigned maxIterations = 300;
  unsigned gradientSteps = 10;
  ParallelFor parallelFor = serialFor;
};

struct AlpsResult {
  /// [rows, columns], 1 = kept.
  std::vector<uint8_t> mask;
  /// tr((W - W^) (H + lambda' I) (W - W^)^T), lambda' the added diagonal.
  double loss = 0;
  /// Iterations that were done, and rho at the end.
  unsigned iterations = 0;
  double rho = 0;
};

/// Prunes `weight` [rows, columns] (row-major, finite) in place, for inputs with the Gram matrix
/// `gram` [columns, columns] (sum of x x^T, symmetric). Pruned weights are exactly 0; if nothing is
/// pruned, no bit changes. Costs rows * columns^2 + columns^3 / 3 per iteration; needs 20 bytes per
/// weight and 20 per element of H more. After an error the weight is as it was.
/// Errors: the target, options, sizes, values that are not finite, a diagonal with negative
/// elements or nothing but zeros, no convergence of the decomposition, memory.
llvm::Expected<AlpsResult> alps(float *weight, size_t rows, size_t columns, const float *gram,
                                const AlpsOptions &options);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_ALPS_H
