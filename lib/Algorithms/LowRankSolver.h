//===- LowRankSolver.h - singular vectors of weighted weights --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_LOWRANKSOLVER_H
#define COMPRESS_LIB_ALGORITHMS_LOWRANKSOLVER_H

#include "GramRoot.h"
#include "compress/Algorithms/LowRank.h"
#include <initializer_list>

namespace mlir::compress {

using DoubleMatrix = MatrixBuffer<double>;

/// A matrix to be, [rows, columns], not initialised.
struct MatrixRequest {
  DoubleMatrix &matrix;
  size_t rows, columns;
};
llvm::Error allocateMatrices(std::initializer_list<MatrixRequest> requests);

/// Decomposes A W B, A = diag(rowScale) and B a root of a Gram matrix.
class LowRankSolver {
public:
  LowRankSolver(llvm::ArrayRef<float> weight, size_t rows, size_t columns,
                std::vector<double> rowScale, GramRoot root, const LowRankOptions &options)
      : weight(weight), rowScale(std::move(rowScale)), root(std::move(root)), options(options) {
    result.rows = rows;
    result.columns = columns;
  }

  static llvm::Expected<LowRankDecomposition> solve(llvm::ArrayRef<float> weight, size_t rows,
                                                    size_t columns, std::vector<double> rowScale,
                                                    GramRoot root, const LowRankOptions &options);
  /// From U S V^T of the product of both roots, which belong to the rows of `query` and `key`.
  static llvm::Expected<LowRankDecomposition> solveProduct(const DoubleMatrix &query,
                                                           const DoubleMatrix &key, size_t rank,
                                                           size_t n, const GramRoot &queryRoot,
                                                           const GramRoot &keyRoot);

private:
  double getRowScale(size_t row) const { return rowScale.empty() ? 1 : rowScale[row]; }

  /// Rows of A W as f64, or of W.
  void loadRows(size_t first, size_t count, bool scaled, double *out) const;
  /// Eigenvectors of the symmetric `s` [n, n] in descending order of their values, of which the
  /// first ones are stored; the roots of all values are the singular values.
  llvm::Error diagonalise(DoubleMatrix &s, size_t n);
  llvm::Error solveTall();
  llvm::Error solveWide();
  llvm::Error solveRandomized();
  /// From `result.left` and `right` as they come, with singular values that are nearly sorted:
  /// drops what is zero (relative to the largest), sorts, and gives both sides the same lengths.
  static void finish(LowRankDecomposition &result, const double *right, double zero);

  llvm::ArrayRef<float> weight;
  std::vector<double> rowScale;
  GramRoot root;
  LowRankOptions options;
  LowRankDecomposition result;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_LOWRANKSOLVER_H
