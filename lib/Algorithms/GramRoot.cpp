//===- GramRoot.cpp - square roots of Gram matrices -----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GramRoot.h"
#include "DampedGram.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

/// Added to a Gram matrix that is not positive definite, in units of its diagonal.
static constexpr double margin = 1e-6;

static Error checkGram(ArrayRef<float> gram, size_t n) {
  if (n == 0 || gram.size() / n != n || gram.size() % n)
    return makeMethodError("a Gram matrix of " + llvm::Twine(n) + " x " + llvm::Twine(n) +
                           " is needed, but it has " + llvm::Twine(gram.size()) + " elements");
  return checkFinite(gram.data(), n, n, "the Gram matrix");
}

Error mlir::compress::transpose(MatrixBuffer<double> &x, size_t rows, size_t columns) {
  Expected<MatrixBuffer<double>> out = allocateMatrix<double>(rows * columns, "a transposition");
  if (!out)
    return out.takeError();
  constexpr size_t tile = 32;
  for (size_t i = 0; i < rows; i += tile)
    for (size_t j = 0; j < columns; j += tile)
      for (size_t row = i; row < std::min(rows, i + tile); ++row)
        for (size_t column = j; column < std::min(columns, j + tile); ++column)
          (*out)[column * rows + row] = x[row * columns + column];
  x = std::move(*out);
  return Error::success();
}

GramRoot GramRoot::makeDiagonal(size_t n, std::vector<double> scale) {
  GramRoot root;
  root.n = root.r = n;
  root.scale = std::move(scale);
  return root;
}

//===----------------------------------------------------------------------===//
// Cholesky
//===----------------------------------------------------------------------===//

Expected<GramRoot> GramRoot::makeCholesky(ArrayRef<float> gram, size_t n) {
  if (Error error = checkGram(gram, n))
    return error;
  GramRoot root;
  root.kind = Kind::Cholesky;
  root.n = root.r = n;
  Expected<MatrixBuffer<double>> matrix = allocateMatrix<double>(n * n, "a Cholesky factor");
  if (!matrix)
    return matrix.takeError();
  root.matrix = std::move(*matrix);
  double *l = root.matrix.get(), unit = 0;
  size_t seen = 0;
  for (size_t i = 0; i < n; ++i) {
    unit += std::fabs(double(gram[i * n + i]));
    seen += gram[i * n + i] != 0;
  }
  unit = seen ? unit / double(seen) : 1;
  auto factorise = [&](double shift) {
    std::copy(gram.begin(), gram.end(), l);
    for (size_t i = 0; i < n; ++i)
      l[i * n + i] += shift;
    return cholesky(l, n);
  };
  Error error = factorise(0);
  if (!error.isA<NotPositiveDefinite>())
    return error ? Expected<GramRoot>(std::move(error)) : std::move(root);
  llvm::consumeError(std::move(error));
  std::copy(gram.begin(), gram.end(), l);
  std::vector<double> values(n);
  if (Error failure = symmetricEigenvalues(l, n, values.data()))
    return failure;
  // More than once only if rounding eats up the margin.
  for (double added = margin * unit;; added *= 10) {
    error = factorise(added - std::min(0.0, values[0]));
    if (!error)
      return root;
    if (!error.isA<NotPositiveDefinite>() || added > unit)
      return error;
    llvm::consumeError(std::move(error));
  }
}

//===----------------------------------------------------------------------===//
// Eigenvalues
//===----------------------------------------------------------------------===//

Expected<GramRoot> GramRoot::makeSpectral(ArrayRef<float> gram, size_t n) {
  if (Error error = checkGram(gram, n))
    return error;
  return makeSpectral([&](size_t i, size_t j) { return double(gram[i * n + j]); }, n,
                      std::sqrt(double(n)) * 0x1p-23);
}

Expected<GramRoot> GramRoot::makeSpectral(llvm::function_ref<double(size_t i, size_t j)> gram,
                                          size_t n, double zero) {
  std::vector<size_t> live;
  for (size_t i = 0; i < n; ++i)
    if (gram(i, i) > 0)
      live.push_back(i);
  size_t count = live.size();
  if (count == 0)
    return makeDiagonal(n, std::vector<double>(n, std::sqrt(margin)));
  GramRoot root;
  root.kind = Kind::Spectral;
  root.n = n;
  root.scale.resize(n);
  for (size_t i : live)
    root.scale[i] = std::sqrt(gram(i, i));
  Expected<MatrixBuffer<double>> work = allocateMatrix<double>(count * count, "eigenvectors");
  if (!work)
    return work.takeError();
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < count; ++j)
      (*work)[i * count + j] = gram(live[i], live[j]) / (root.scale[live[i]] * root.scale[live[j]]);
  std::vector<double> values(count);
  if (Error error = symmetricEigen(work->get(), count, values.data()))
    return error;
  size_t first = 0;
  while (first + 1 < count && values[first] <= zero)
    ++first;
  root.r = count - first;
  Expected<MatrixBuffer<double>> basis = allocateMatrix<double>(root.r * n, "eigenvectors");
  if (!basis)
    return basis.takeError();
  std::fill_n(basis->get(), root.r * n, 0.0);
  for (size_t i = 0; i < root.r; ++i) {
    root.roots.push_back(std::sqrt(values[first + i]));
    for (size_t j = 0; j < count; ++j)
      (*basis)[i * n + live[j]] = (*work)[(first + i) * count + j];
  }
  root.matrix = std::move(*basis);
  return root;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Every row element by element times (or divided by) `factors`; zeros where those are 0.
static void scaleRows(double *x, size_t count, ArrayRef<double> factors, bool divide = false) {
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < factors.size(); ++j) {
      double &value = x[i * factors.size() + j];
      value = !divide ? value * factors[j] : factors[j] != 0 ? value / factors[j] : 0;
    }
}

/// x = x op(matrix) from [count, inner] to [count, outer].
static Error replaceByProduct(MatrixBuffer<double> &x, size_t count, size_t inner, size_t outer,
                              bool transposed, const double *matrix, size_t ld) {
  Expected<MatrixBuffer<double>> out = allocateMatrix<double>(count * outer, "a product");
  if (!out)
    return out.takeError();
  gemm(false, transposed, count, outer, inner, 1.0, x.get(), inner, matrix, ld, 0.0, out->get(),
       outer);
  x = std::move(*out);
  return Error::success();
}

Error GramRoot::multiply(MatrixBuffer<double> &x, size_t count) const {
  if (kind == Kind::Cholesky)
    return replaceByProduct(x, count, n, n, /*transposed=*/false, matrix.get(), n);
  scaleRows(x.get(), count, scale);
  if (kind == Kind::Diagonal)
    return Error::success();
  if (Error error = replaceByProduct(x, count, n, r, /*transposed=*/true, matrix.get(), n))
    return error;
  scaleRows(x.get(), count, roots);
  return Error::success();
}

Error GramRoot::multiplyTransposed(MatrixBuffer<double> &x, size_t count) const {
  if (kind == Kind::Cholesky)
    return replaceByProduct(x, count, n, n, /*transposed=*/true, matrix.get(), n);
  if (kind == Kind::Spectral) {
    scaleRows(x.get(), count, roots);
    if (Error error = replaceByProduct(x, count, r, n, /*transposed=*/false, matrix.get(), n))
      return error;
  }
  scaleRows(x.get(), count, scale);
  return Error::success();
}

Error GramRoot::multiplyInverse(MatrixBuffer<double> &x, size_t count) const {
  if (kind == Kind::Cholesky) {
    // X L^-1 = (L^-T X^T)^T.
    if (Error error = transpose(x, count, n))
      return error;
    if (Error error = solveLower(/*transposed=*/true, matrix.get(), n, x.get(), count))
      return error;
    return transpose(x, n, count);
  }
  if (kind == Kind::Spectral) {
    scaleRows(x.get(), count, roots, /*divide=*/true);
    if (Error error = replaceByProduct(x, count, r, n, /*transposed=*/false, matrix.get(), n))
      return error;
  }
  scaleRows(x.get(), count, scale, /*divide=*/true);
  return Error::success();
}
