//===- GramRoot.h - square roots of Gram matrices --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_GRAMROOT_H
#define COMPRESS_LIB_ALGORITHMS_GRAMROOT_H

#include "compress/Algorithms/LinearAlgebra.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <vector>

namespace mlir::compress {

/// B [n, r] with B B^T = G for a Gram matrix G [n, n], and B^- [r, n] with B^- B = 1. The products
/// take `count` rows and replace them.
class GramRoot {
public:
  /// B = diag(scale), the identity if it is empty. The scale is positive.
  static GramRoot makeDiagonal(size_t n, std::vector<double> scale);
  /// B = L with L L^T = G, r = n. If G is not positive definite, (1e-6 d - smallest eigenvalue) I
  /// is added, d the mean of the elements of its diagonal that are not zero; to a G of zeros 1e-6
  /// I.
  static llvm::Expected<GramRoot> makeCholesky(llvm::ArrayRef<float> gram, size_t n);
  /// B = D E S without zero eigenvalues S^2 of D^-1 G D^-1, which has a diagonal of ones: an
  /// eigenvalue is zero if it is not above the rounding of G. A G of zeros counts as 1e-6 I.
  static llvm::Expected<GramRoot> makeSpectral(llvm::ArrayRef<float> gram, size_t n);
  /// The same with the elements gram(i, j) and eigenvalues up to `zero` counting as 0.
  static llvm::Expected<GramRoot> makeSpectral(llvm::function_ref<double(size_t i, size_t j)> gram,
                                               size_t n, double zero);

  size_t getRows() const { return n; }
  size_t getColumns() const { return r; }
  bool isIdentity() const { return kind == Kind::Diagonal && scale.empty(); }

  /// [count, n] times B: [count, r].
  llvm::Error multiply(MatrixBuffer<double> &x, size_t count) const;
  /// [count, r] times B^T: [count, n].
  llvm::Error multiplyTransposed(MatrixBuffer<double> &x, size_t count) const;
  /// [count, r] times B^-: [count, n].
  llvm::Error multiplyInverse(MatrixBuffer<double> &x, size_t count) const;

private:
  enum class Kind : uint8_t { Diagonal, Cholesky, Spectral };
  Kind kind = Kind::Diagonal;
  size_t n = 0, r = 0;
  /// Diagonal: that of B. Spectral: D, 0 for channels that were never seen.
  std::vector<double> scale;
  /// Spectral: S [r].
  std::vector<double> roots;
  /// Cholesky: L [n, n]. Spectral: E^T [r, n].
  MatrixBuffer<double> matrix;
};

/// The transpose [columns, rows] of `x` [rows, columns].
llvm::Error transpose(MatrixBuffer<double> &x, size_t rows, size_t columns);

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_GRAMROOT_H
