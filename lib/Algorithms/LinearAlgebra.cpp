//===- LinearAlgebra.cpp - products and factorisations of large matrices -===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/LinearAlgebra.h"
#include "LinearAlgebraBackend.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>

using namespace mlir::compress;
using namespace mlir::compress::linalg_backend;

static std::atomic<LinearAlgebraBackend> chosen{LinearAlgebraBackend::Automatic};

void mlir::compress::setLinearAlgebraBackend(LinearAlgebraBackend backend) { chosen = backend; }

static const Backend &getBackend() {
  if (chosen == LinearAlgebraBackend::Automatic)
    if (const Backend *blas = getBlasBackend())
      return *blas;
  return getEigenBackend();
}

llvm::StringRef mlir::compress::getLinearAlgebraName() { return getBackend().name; }

//===----------------------------------------------------------------------===//
// Errors and memory
//===----------------------------------------------------------------------===//

char NotPositiveDefinite::ID = 0;

void NotPositiveDefinite::log(llvm::raw_ostream &os) const {
  os << "the matrix is not positive definite (pivot " << pivot << ")";
}

std::error_code NotPositiveDefinite::convertToErrorCode() const {
  return llvm::inconvertibleErrorCode();
}

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<void *> mlir::compress::allocateMatrix(size_t count, size_t elementSize,
                                                      llvm::StringRef what) {
  bool fits = count <= std::numeric_limits<size_t>::max() / 2 / elementSize;
  void *data = fits ? std::malloc(std::max<size_t>(1, count * elementSize)) : nullptr;
  if (!data)
    return makeError("out of memory: " + what + " needs " + llvm::Twine(count) + " elements of " +
                     llvm::Twine(elementSize) + " bytes");
  return data;
}

static bool fitsInt(size_t size) { return size <= size_t(std::numeric_limits<int>::max()); }

static llvm::Error checkSizes(size_t m, size_t n) {
  if (fitsInt(m) && fitsInt(n))
    return llvm::Error::success();
  return makeError("a matrix of " + llvm::Twine(m) + " x " + llvm::Twine(n) +
                   " is too large: sizes are limited to 2147483647");
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

template <typename T>
void mlir::compress::gemm(bool transposeA, bool transposeB, size_t m, size_t n, size_t k, T alpha,
                          const T *a, size_t lda, const T *b, size_t ldb, T beta, T *c,
                          size_t ldc) {
  assert(fitsInt(m) && fitsInt(n) && fitsInt(k) && fitsInt(lda) && fitsInt(ldb) && fitsInt(ldc) &&
         "sizes of a product must fit an int");
  if (m == 0 || n == 0)
    return;
  if (k == 0 || alpha == T(0)) {
    for (size_t i = 0; i < m; ++i)
      for (size_t j = 0; j < n; ++j)
        c[i * ldc + j] = beta == T(0) ? T(0) : beta * c[i * ldc + j];
    return;
  }
  getBackend().get<T>().gemm(transposeA, transposeB, int(m), int(n), int(k), alpha, a, int(lda), b,
                             int(ldb), beta, c, int(ldc));
}

/// Side of the tiles that products of vectors are cut into.
static constexpr size_t tileSize = 256;
/// Vectors per product: beyond, f32 sums are added up in pieces.
static constexpr size_t vectorsPerProduct = 1 << 16;

/// c[rows of tile i, columns of tile j] += a^T b.
static void addTile(float *c, size_t n, const float *a, const float *b, size_t ld, size_t vectors,
                    size_t i, size_t j) {
  size_t row = i * tileSize, column = j * tileSize;
  size_t rows = std::min(tileSize, n - row), columns = std::min(tileSize, n - column);
  for (size_t first = 0; first < vectors; first += vectorsPerProduct)
    gemm(true, false, rows, columns, std::min(vectorsPerProduct, vectors - first), 1.0f,
         a + first * ld + row, ld, b + first * ld + column, ld, 1.0f, c + row * n + column, n);
}

void mlir::compress::addGram(float *gram, size_t n, const float *x, size_t ldx, size_t vectors,
                             ParallelFor parallelFor) {
  size_t tiles = (n + tileSize - 1) / tileSize;
  parallelFor(tiles * (tiles + 1) / 2, [&](size_t index) {
    // Tile (i, j) of the upper triangle; row i has tiles - i of them.
    size_t i = 0;
    while (index >= tiles - i) {
      index -= tiles - i;
      ++i;
    }
    size_t j = i + index;
    addTile(gram, n, x, x, ldx, vectors, i, j);
    size_t rowEnd = std::min(n, (i + 1) * tileSize), columnEnd = std::min(n, (j + 1) * tileSize);
    for (size_t row = i * tileSize; row < rowEnd; ++row)
      for (size_t column = std::max(row + 1, j * tileSize); column < columnEnd; ++column)
        gram[column * n + row] = gram[row * n + column];
  });
}

void mlir::compress::addOuterProducts(float *c, size_t n, const float *a, const float *b, size_t ld,
                                      size_t vectors, ParallelFor parallelFor) {
  size_t tiles = (n + tileSize - 1) / tileSize;
  parallelFor(tiles * tiles, [&](size_t index) {
    addTile(c, n, a, b, ld, vectors, index / tiles, index % tiles);
  });
}

//===----------------------------------------------------------------------===//
// Factorisations
//===----------------------------------------------------------------------===//

/// The triangle above (below) the diagonal of `a` becomes zero.
template <typename T>
static void clearUpper(T *a, size_t n) {
  for (size_t i = 0; i < n; ++i)
    std::fill(a + i * n + i + 1, a + (i + 1) * n, T(0));
}

template <typename T>
llvm::Error mlir::compress::cholesky(T *a, size_t n) {
  if (llvm::Error error = checkSizes(n, n))
    return error;
  if (n == 0)
    return llvm::Error::success();
  if (int64_t info = getBackend().get<T>().potrf(int(n), a))
    return llvm::make_error<NotPositiveDefinite>(size_t(std::max<int64_t>(info, 1) - 1));
  // NaN passes through a factorisation.
  for (size_t i = 0; i < n; ++i)
    if (!(a[i * n + i] > T(0)) || !std::isfinite(a[i * n + i]))
      return llvm::make_error<NotPositiveDefinite>(i);
  clearUpper(a, n);
  return llvm::Error::success();
}

template <typename T>
llvm::Error mlir::compress::invertFromCholesky(T *l, size_t n) {
  if (llvm::Error error = checkSizes(n, n))
    return error;
  if (n == 0)
    return llvm::Error::success();
  if (int64_t info = getBackend().get<T>().potri(int(n), l))
    return llvm::make_error<NotPositiveDefinite>(size_t(std::max<int64_t>(info, 1) - 1));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < i; ++j)
      l[j * n + i] = l[i * n + j];
  return llvm::Error::success();
}

template <typename T>
llvm::Error mlir::compress::choleskyOfInverse(T *a, size_t n) {
  // Reversing rows and columns is reversing the elements.
  std::reverse(a, a + n * n);
  if (llvm::Error error = cholesky(a, n))
    return error;
  if (n == 0)
    return llvm::Error::success();
  if (int64_t info = getBackend().get<T>().trtri(int(n), a))
    return llvm::make_error<NotPositiveDefinite>(size_t(std::max<int64_t>(info, 1) - 1));
  std::reverse(a, a + n * n);
  return llvm::Error::success();
}

template <typename T>
llvm::Error mlir::compress::solveLower(bool transposed, const T *l, size_t n, T *b,
                                       size_t columns) {
  if (llvm::Error error = checkSizes(n, columns))
    return error;
  for (size_t i = 0; i < n; ++i)
    if (l[i * n + i] == T(0))
      return makeError("the triangular matrix is singular: element " + llvm::Twine(i) +
                       " of its diagonal is 0");
  if (n && columns)
    getBackend().get<T>().trsm(transposed, int(n), int(columns), l, b);
  return llvm::Error::success();
}

/// Index of the first element of largest magnitude.
template <typename T>
static size_t findLargest(const T *values, size_t n) {
  size_t best = 0;
  for (size_t i = 1; i < n; ++i)
    if (std::abs(values[i]) > std::abs(values[best]))
      best = i;
  return best;
}

static llvm::Error makeSpectralError(int64_t info, llvm::StringRef what) {
  if (info == outOfMemory)
    return makeError("out of memory: the work space of " + what);
  return makeError(what + " did not converge");
}

template <typename T>
llvm::Error mlir::compress::symmetricEigen(T *a, size_t n, T *values) {
  if (llvm::Error error = checkSizes(n, n))
    return error;
  if (n == 0)
    return llvm::Error::success();
  if (int64_t info = getBackend().get<T>().syev(int(n), a, values))
    return makeSpectralError(info, "the eigenvalue decomposition");
  for (size_t i = 0; i < n; ++i) {
    T *row = a + i * n;
    if (row[findLargest(row, n)] < T(0))
      std::transform(row, row + n, row, [](T x) { return -x; });
  }
  return llvm::Error::success();
}

template <typename T>
llvm::Error mlir::compress::symmetricEigenvalues(T *a, size_t n, T *values) {
  if (llvm::Error error = checkSizes(n, n))
    return error;
  if (n == 0)
    return llvm::Error::success();
  if (int64_t info = getBackend().get<T>().syevValues(int(n), a, values))
    return makeSpectralError(info, "the eigenvalue decomposition");
  return llvm::Error::success();
}

template <typename T>
llvm::Error mlir::compress::orthonormalizeColumns(T *a, size_t m, size_t n) {
  if (llvm::Error error = checkSizes(m, n))
    return error;
  if (m < n)
    return makeError(llvm::Twine(n) + " columns of " + llvm::Twine(m) +
                     " elements cannot be orthonormal");
  if (n == 0)
    return llvm::Error::success();
  if (int64_t info = getBackend().get<T>().orthonormalize(int(m), int(n), a))
    return makeSpectralError(info, "the orthogonal factorisation");
  return llvm::Error::success();
}

template <typename T>
llvm::Error mlir::compress::svd(T *a, size_t m, size_t n, T *u, T *s, T *vt) {
  if (llvm::Error error = checkSizes(m, n))
    return error;
  size_t k = std::min(m, n);
  if (k == 0)
    return llvm::Error::success();
  if (int64_t info = getBackend().get<T>().gesvd(int(m), int(n), a, u, s, vt))
    return makeSpectralError(info, "the singular value decomposition");
  for (size_t i = 0; i < k; ++i) {
    T *row = vt + i * n;
    if (row[findLargest(row, n)] >= T(0))
      continue;
    std::transform(row, row + n, row, [](T x) { return -x; });
    for (size_t j = 0; j < m; ++j)
      u[j * k + i] = -u[j * k + i];
  }
  return llvm::Error::success();
}

#define COMPRESS_INSTANTIATE(T)                                                                    \
  template void mlir::compress::gemm<T>(bool, bool, size_t, size_t, size_t, T, const T *, size_t,  \
                                        const T *, size_t, T, T *, size_t);                        \
  template llvm::Error mlir::compress::cholesky<T>(T *, size_t);                                   \
  template llvm::Error mlir::compress::invertFromCholesky<T>(T *, size_t);                         \
  template llvm::Error mlir::compress::choleskyOfInverse<T>(T *, size_t);                          \
  template llvm::Error mlir::compress::solveLower<T>(bool, const T *, size_t, T *, size_t);        \
  template llvm::Error mlir::compress::symmetricEigen<T>(T *, size_t, T *);                        \
  template llvm::Error mlir::compress::symmetricEigenvalues<T>(T *, size_t, T *);                  \
  template llvm::Error mlir::compress::orthonormalizeColumns<T>(T *, size_t, size_t);              \
  template llvm::Error mlir::compress::svd<T>(T *, size_t, size_t, T *, T *, T *);
COMPRESS_INSTANTIATE(float)
COMPRESS_INSTANTIATE(double)
#undef COMPRESS_INSTANTIATE
