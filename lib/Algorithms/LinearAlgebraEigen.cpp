//===- LinearAlgebraEigen.cpp - the backend that is always there ---------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearAlgebraBackend.h"

#define EIGEN_MPL2_ONLY
#define EIGEN_NO_DEBUG
#define EIGEN_DONT_PARALLELIZE
#if defined(__clang__) || defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
#include <eigen3/Eigen/Cholesky>
#include <eigen3/Eigen/Eigenvalues>
#include <eigen3/Eigen/QR>
#include <eigen3/Eigen/SVD>
#if defined(__clang__) || defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

using namespace mlir::compress::linalg_backend;

namespace {

template <typename T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using Strided = Eigen::Map<RowMajor<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <typename T>
using ConstStrided = Eigen::Map<const RowMajor<T>, Eigen::Unaligned, Eigen::OuterStride<>>;
template <typename T>
using Dense = Eigen::Map<RowMajor<T>>;

template <typename T>
void gemm(bool transposeA, bool transposeB, int m, int n, int k, T alpha, const T *a, int lda,
          const T *b, int ldb, T beta, T *c, int ldc) {
  auto map = [](const T *data, int rows, int columns, int stride) {
    return ConstStrided<T>(data, rows, columns, Eigen::OuterStride<>(stride));
  };
  Strided<T> out(c, m, n, Eigen::OuterStride<>(ldc));
  if (beta == T(0))
    out.setZero();
  else if (beta != T(1))
    out *= beta;
  if (!transposeA && !transposeB)
    out.noalias() += alpha * (map(a, m, k, lda) * map(b, k, n, ldb));
  else if (transposeA && !transposeB)
    out.noalias() += alpha * (map(a, k, m, lda).transpose() * map(b, k, n, ldb));
  else if (!transposeA)
    out.noalias() += alpha * (map(a, m, k, lda) * map(b, n, k, ldb).transpose());
  else
    out.noalias() += alpha * (map(a, k, m, lda).transpose() * map(b, n, k, ldb).transpose());
}

template <typename T>
int64_t potrf(int n, T *a) {
  Dense<T> matrix(a, n, n);
  return Eigen::internal::llt_inplace<T, Eigen::Lower>::blocked(matrix) + 1;
}

template <typename T>
int64_t trtri(int n, T *a) {
  Dense<T> matrix(a, n, n);
  for (int i = 0; i < n; ++i)
    if (matrix(i, i) == T(0))
      return i + 1;
  RowMajor<T> inverse = RowMajor<T>::Identity(n, n);
  matrix.template triangularView<Eigen::Lower>().solveInPlace(inverse);
  matrix.template triangularView<Eigen::Lower>() = inverse;
  return 0;
}

template <typename T>
int64_t potri(int n, T *a) {
  if (int64_t info = trtri(n, a))
    return info;
  Dense<T> matrix(a, n, n);
  RowMajor<T> inverse = matrix.template triangularView<Eigen::Lower>();
  RowMajor<T> product = inverse.transpose() * inverse;
  matrix.template triangularView<Eigen::Lower>() = product;
  return 0;
}

template <typename T>
void trsm(bool transposed, int n, int columns, const T *l, T *b) {
  Eigen::Map<const RowMajor<T>> lower(l, n, n);
  Dense<T> right(b, n, columns);
  if (transposed)
    lower.transpose().template triangularView<Eigen::Upper>().solveInPlace(right);
  else
    lower.template triangularView<Eigen::Lower>().solveInPlace(right);
}

template <typename T>
int64_t syev(int n, T *a, T *values) {
  Dense<T> matrix(a, n, n);
  Eigen::SelfAdjointEigenSolver<RowMajor<T>> solver(matrix);
  if (solver.info() != Eigen::Success)
    return 1;
  matrix = solver.eigenvectors().transpose();
  for (int i = 0; i < n; ++i)
    values[i] = solver.eigenvalues()[i];
  return 0;
}

template <typename T>
int64_t syevValues(int n, T *a, T *values) {
  Eigen::SelfAdjointEigenSolver<RowMajor<T>> solver(Dense<T>(a, n, n), Eigen::EigenvaluesOnly);
  if (solver.info() != Eigen::Success)
    return 1;
  for (int i = 0; i < n; ++i)
    values[i] = solver.eigenvalues()[i];
  return 0;
}

template <typename T>
int64_t orthonormalize(int m, int n, T *a) {
  // In columns, which Eigen factorises in blocks.
  Eigen::HouseholderQR<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>> solver(Dense<T>(a, m, n));
  Dense<T>(a, m, n) =
      solver.householderQ() * Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>::Identity(m, n);
  return 0;
}

template <typename T>
int64_t gesvd(int m, int n, T *a, T *u, T *s, T *vt) {
  int k = m < n ? m : n;
  Eigen::BDCSVD<RowMajor<T>> solver(Dense<T>(a, m, n), Eigen::ComputeThinU | Eigen::ComputeThinV);
  if (solver.info() != Eigen::Success)
    return 1;
  Dense<T>(u, m, k) = solver.matrixU();
  Dense<T>(vt, k, n) = solver.matrixV().transpose();
  for (int i = 0; i < k; ++i)
    s[i] = solver.singularValues()[i];
  return 0;
}

template <typename T>
constexpr Kernels<T> makeKernels() {
  return {gemm<T>, potrf<T>,      potri<T>,          trtri<T>, trsm<T>,
          syev<T>, syevValues<T>, orthonormalize<T>, gesvd<T>};
}

} // namespace

const Backend &mlir::compress::linalg_backend::getEigenBackend() {
  static const Backend backend{"Eigen", makeKernels<float>(), makeKernels<double>()};
  return backend;
}
