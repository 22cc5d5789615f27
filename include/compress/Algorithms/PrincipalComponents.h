//===- PrincipalComponents.h - directions of most variance ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The mathematics of SliceGPT (Ashkboos et al., "SliceGPT: Compress Large Language Models by
// Deleting Rows and Columns", 2024): vectors x of a residual stream become x Q, with the columns of
// Q the eigenvectors of the Gram matrix sum x x^T that have the largest eigenvalues. What the
// other directions held, the sum of the other eigenvalues, is lost, and nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_PRINCIPALCOMPONENTS_H
#define COMPRESS_ALGORITHMS_PRINCIPALCOMPONENTS_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace mlir::compress {

/// The directions in which vectors are largest.
struct PrincipalComponents {
  /// Elements of a vector, and directions that are kept: 1 <= count <= size.
  int64_t size = 0, count = 0;
  /// `[size, count]` row-major; the columns are orthonormal, those of larger eigenvalues first.
  std::vector<double> basis;
  /// All `size` eigenvalues in descending order; rounding may leave small negative ones.
  std::vector<double> eigenvalues;

  /// Sum of ||x - x Q Q^T||^2 over the vectors of the Gram matrix: the other eigenvalues.
  double getLostEnergy() const;
  /// Sum of ||x||^2 over the vectors.
  double getEnergy() const;
};

/// The first `count` principal components of the symmetric `gram` [size, size] = sum x x^T, in f64.
/// Errors: sizes that do not fit, elements that are not finite, no memory, no convergence.
llvm::Expected<PrincipalComponents> getPrincipalComponents(llvm::ArrayRef<double> gram,
                                                           int64_t size, int64_t count);

/// What a norm did to the vectors that a Gram matrix is of: y = x * scale + bias per channel.
struct AffineMap {
  llvm::ArrayRef<double> scale;
  /// Empty: none.
  llvm::ArrayRef<double> bias;
};

/// sum x x^T from `gram` = sum y y^T, `sum` = sum y (needed only with a bias) and the number of
/// vectors. Vectors of a norm have a mean square of 1, so what is missing to `size * vectors` is
/// shared by the channels with a scale of 0, of which y says nothing. Errors: sizes that do not
/// fit.
llvm::Expected<std::vector<double>> getUnscaledGram(llvm::ArrayRef<float> gram,
                                                    llvm::ArrayRef<double> sum, uint64_t vectors,
                                                    const AffineMap &map);

/// How many of `size` channels are left when the share `ratio` in [0, 1) goes: rounded down to a
/// multiple of `roundTo`, but at least 1.
int64_t getSlicedSize(int64_t size, double ratio, int64_t roundTo);

/// Every vector along K of `view`, times `basis` [k, count] from the right: `count` takes the place
/// of K. `values` has all elements of the view.
std::vector<double> projectAlongK(llvm::ArrayRef<double> basis, int64_t count, BlockView view,
                                  llvm::ArrayRef<double> values);

/// from^T to, `[from.count, to.count]`: what turns coordinates in one basis into those of another
/// one. Both are bases of vectors of the same size.
std::vector<double> getChangeOfBasis(const PrincipalComponents &from,
                                     const PrincipalComponents &to);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_PRINCIPALCOMPONENTS_H
