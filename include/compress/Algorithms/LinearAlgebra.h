//===- LinearAlgebra.h - products and factorisations of large matrices -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dense linear algebra on row-major matrices of floats or doubles, for the
// methods that need the second-order statistics of activations.
//
// The work is done by OpenBLAS (or another fast BLAS with LAPACK), loaded when
// it is needed first; where there is none, by Eigen, which is compiled in. The
// environment variable COMPRESS_BLAS names a library to load instead, or "none".
// Every call runs on the calling thread. Results of one backend do not depend on
// how many threads call it; the two backends, and OpenBLAS on another kind of
// CPU, agree up to rounding.
//
// All functions are templates over float and double. `n`, `m`, `k` are sizes,
// `ld...` the distance of two rows in elements. Pointers may have any alignment
// that the type has. Sizes of 2^31 and more are an error (an assertion in gemm).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_LINEARALGEBRA_H
#define COMPRESS_ALGORITHMS_LINEARALGEBRA_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdlib>
#include <limits>
#include <memory>

namespace mlir::compress {

/// Who does the work.
enum class LinearAlgebraBackend : uint8_t {
  /// A BLAS if one is found, else Eigen.
  Automatic,
  Eigen,
};
/// Chooses the backend of all later calls of the process (tests compare both).
void setLinearAlgebraBackend(LinearAlgebraBackend backend);
/// What does the work now, for reports: the path or name of the library that was loaded, or
/// "Eigen".
llvm::StringRef getLinearAlgebraName();

/// A matrix is not positive definite.
class NotPositiveDefinite : public llvm::ErrorInfo<NotPositiveDefinite> {
public:
  static char ID;
  explicit NotPositiveDefinite(size_t pivot) : pivot(pivot) {}
  /// First row (from 0) whose leading minor is not positive.
  size_t getPivot() const { return pivot; }
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override;

private:
  size_t pivot;
};

/// Memory for `count` elements, not initialised; an error if there is not enough. `what` names it.
template <typename T>
struct MatrixDeleter {
  void operator()(T *data) const { std::free(data); }
};
template <typename T>
using MatrixBuffer = std::unique_ptr<T[], MatrixDeleter<T>>;
llvm::Expected<void *> allocateMatrix(size_t count, size_t elementSize, llvm::StringRef what);
template <typename T>
llvm::Expected<MatrixBuffer<T>> allocateMatrix(size_t count, llvm::StringRef what) {
  llvm::Expected<void *> data = allocateMatrix(count, sizeof(T), what);
  if (!data)
    return data.takeError();
  return MatrixBuffer<T>(static_cast<T *>(*data));
}

/// c = alpha * op(a) * op(b) + beta * c, where op transposes if asked; op(a) is [m, k], op(b)
/// [k, n], c [m, n]. With beta = 0, `c` is not read.
template <typename T>
void gemm(bool transposeA, bool transposeB, size_t m, size_t n, size_t k, T alpha, const T *a,
          size_t lda, const T *b, size_t ldb, T beta, T *c, size_t ldc);

/// gram += x^T x: `x` is [vectors, n] with rows `ldx` apart, `gram` [n, n], of which both triangles
/// are right afterwards and exactly equal. Cut into tiles by sizes only.
void addGram(float *gram, size_t n, const float *x, size_t ldx, size_t vectors,
             ParallelFor parallelFor = serialFor);
/// c += a^T b: `a` and `b` are [vectors, n] with rows `ld` apart, `c` [n, n]. Cut like `addGram`.
void addOuterProducts(float *c, size_t n, const float *a, const float *b, size_t ld, size_t vectors,
                      ParallelFor parallelFor = serialFor);

/// The lower Cholesky factor of the symmetric `a` [n, n], in place: a = L L^T. Only the lower
/// triangle is read; zeros above the diagonal. Errors: NotPositiveDefinite, sizes.
template <typename T>
llvm::Error cholesky(T *a, size_t n);

/// a^-1 from its lower Cholesky factor, in place; both triangles.
template <typename T>
llvm::Error invertFromCholesky(T *l, size_t n);

/// The upper triangular U with U^T U = a^-1 for a symmetric `a` [n, n], in place; zeros below the
/// diagonal. The inverse is never formed: with J the reversal of rows, J a J = L L^T gives
/// U = J L^-1 J. Both triangles of `a` must be right. Errors: NotPositiveDefinite, whose pivot is
/// counted from the last row, sizes.
template <typename T>
llvm::Error choleskyOfInverse(T *a, size_t n);

/// Solves L X = B, or L^T X = B if `transposed`, in place for B [n, columns]; L is lower triangular
/// without zeros on its diagonal.
template <typename T>
llvm::Error solveLower(bool transposed, const T *l, size_t n, T *b, size_t columns);

/// Eigenvalues of the symmetric `a` [n, n] in ascending order; row i of `a` becomes the unit
/// eigenvector of `values[i]`, its element of largest magnitude (the first of equal ones) positive.
/// `a` must be finite. Errors: no convergence, memory, sizes.
template <typename T>
llvm::Error symmetricEigen(T *a, size_t n, T *values);

/// Only the eigenvalues of the symmetric `a` [n, n] (overwritten), in ascending order: three times
/// as fast. Errors as above.
template <typename T>
llvm::Error symmetricEigenvalues(T *a, size_t n, T *values);

/// The columns of `a` [m, n], m >= n, become orthonormal ones that span the same space and more of
/// it: the factor Q of a = Q R by Householder reflections, exact for dependent columns too. `a`
/// must be finite. Errors: m < n, memory, sizes.
template <typename T>
llvm::Error orthonormalizeColumns(T *a, size_t m, size_t n);

/// a = u * diag(s) * vt with k = min(m, n): `a` [m, n] (overwritten), `u` [m, k], `s` [k] in
/// descending order, `vt` [k, n]; the element of largest magnitude of each row of `vt` is positive.
/// `a` must be finite. Errors: no convergence, memory, sizes.
template <typename T>
llvm::Error svd(T *a, size_t m, size_t n, T *u, T *s, T *vt);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_LINEARALGEBRA_H
