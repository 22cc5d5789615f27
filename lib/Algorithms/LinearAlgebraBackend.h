//===- LinearAlgebraBackend.h - what a backend provides ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_LINEARALGEBRABACKEND_H
#define COMPRESS_LIB_ALGORITHMS_LINEARALGEBRABACKEND_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace mlir::compress::linalg_backend {

/// Kernels on row-major matrices whose sizes fit an int and are not 0. `info` results are 0, a
/// positive number as LAPACK gives it, or `outOfMemory`.
inline constexpr int64_t outOfMemory = -1000;

template <typename T>
struct Kernels {
  void (*gemm)(bool transposeA, bool transposeB, int m, int n, int k, T alpha, const T *a, int lda,
               const T *b, int ldb, T beta, T *c, int ldc);
  /// Lower factor in place; what is above the diagonal is left.
  int64_t (*potrf)(int n, T *a);
  /// Inverse from the lower factor in place; lower triangle only.
  int64_t (*potri)(int n, T *a);
  /// Inverse of a lower triangle in place.
  int64_t (*trtri)(int n, T *a);
  void (*trsm)(bool transposed, int n, int columns, const T *l, T *b);
  /// Rows become eigenvectors.
  int64_t (*syev)(int n, T *a, T *values);
  /// Eigenvalues only; `a` is overwritten.
  int64_t (*syevValues)(int n, T *a, T *values);
  /// The first factor of a = Q R in place, m >= n.
  int64_t (*orthonormalize)(int m, int n, T *a);
  int64_t (*gesvd)(int m, int n, T *a, T *u, T *s, T *vt);
};

struct Backend {
  std::string name;
  Kernels<float> f32;
  Kernels<double> f64;

  template <typename T>
  const Kernels<T> &get() const {
    if constexpr (sizeof(T) == sizeof(float))
      return f32;
    else
      return f64;
  }
};

/// Eigen, always there.
const Backend &getEigenBackend();
/// A BLAS with LAPACK, or null if none was found. Loaded once.
const Backend *getBlasBackend();

} // namespace mlir::compress::linalg_backend

#endif // COMPRESS_LIB_ALGORITHMS_LINEARALGEBRABACKEND_H
