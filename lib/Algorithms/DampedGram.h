//===- DampedGram.h - factors of Gram matrices of activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the second-order methods share: the checks of their input, columns that
// were never seen, and damping until a Gram matrix is positive definite.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_DAMPEDGRAM_H
#define COMPRESS_LIB_ALGORITHMS_DAMPEDGRAM_H

#include "compress/Algorithms/LinearAlgebra.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include <vector>

namespace mlir::compress {

/// An error with that text.
llvm::Error makeMethodError(const llvm::Twine &message);
/// An error if `matrix` [rows, columns] has no elements, or one that is not finite (names it).
llvm::Error checkNotEmpty(size_t rows, size_t columns);
llvm::Error checkFinite(const float *matrix, size_t rows, size_t columns, llvm::StringRef what);
/// An error if `damping` is not from 0 to 1.
llvm::Error checkDamping(double damping, llvm::StringRef method);

/// The diagonal of a Gram matrix.
struct GramDiagonal {
  /// Columns that were never seen: their element is 0.
  std::vector<bool> dead;
  size_t deadColumns = 0;
  /// Of the columns that were seen.
  double mean = 0;
};

/// Errors: a negative element, nothing but zeros.
llvm::Expected<GramDiagonal> readDiagonal(const float *gram, size_t columns);

/// Writes `gram` [columns, columns] with `damping * mean` added to its diagonal to `out`, rows and
/// columns in the order `order` (empty: their own) and those that were never seen replaced by ones
/// that nothing else refers to, and calls `factorise` on it. If that says NotPositiveDefinite, ten
/// times as much damping is tried (at least 0.01), up to five times and not beyond 1. Returns the
/// damping that was needed.
llvm::Expected<double>
factoriseDamped(const float *gram, size_t columns, const GramDiagonal &diagonal,
                llvm::ArrayRef<size_t> order, double damping, double *out,
                llvm::function_ref<llvm::Error(double *matrix, size_t columns)> factorise);

/// The inverse of the damped matrix [columns, columns]; `damping` becomes what was needed.
llvm::Expected<MatrixBuffer<double>> invertDamped(const float *gram, size_t columns,
                                                  const GramDiagonal &diagonal, double &damping,
                                                  llvm::StringRef method);

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_DAMPEDGRAM_H
