//===- LowRankSolver.cpp - singular vectors of weighted weights -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LowRankSolver.h"
#include "RandomizedSvd.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

/// Singular values below this share of the largest one are rounding.
static constexpr double exactZero = 1e-12;
/// Rows of a weight that are looked at together.
static constexpr size_t blockRows = 1024;

static double getSquare(const double *x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i)
    sum += x[i] * x[i];
  return sum;
}

/// The upper triangle of s [n, n] += op(x) op(x)^T, in strips of a fixed size: x is [n, inner], or
/// [inner, n] if `transposed`.
static void addSquare(double *s, size_t n, const double *x, size_t inner, bool transposed) {
  constexpr size_t strip = 512;
  size_t ld = transposed ? n : inner;
  for (size_t i = 0; i < n; i += strip) {
    const double *from = x + (transposed ? i : i * ld);
    gemm(transposed, !transposed, std::min(strip, n - i), n - i, inner, 1.0, from, ld, from, ld,
         1.0, s + i * n + i, n);
  }
}

static void mirrorUpper(double *s, size_t n) {
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < i; ++j)
      s[i * n + j] = s[j * n + i];
}

Error mlir::compress::allocateMatrices(std::initializer_list<MatrixRequest> requests) {
  for (const MatrixRequest &request : requests) {
    Expected<DoubleMatrix> matrix =
        allocateMatrix<double>(request.rows * request.columns, "a low-rank decomposition");
    if (!matrix)
      return matrix.takeError();
    request.matrix = std::move(*matrix);
  }
  return Error::success();
}

Expected<LowRankDecomposition> LowRankSolver::solve(ArrayRef<float> weight, size_t rows,
                                                    size_t columns, std::vector<double> rowScale,
                                                    GramRoot root, const LowRankOptions &options) {
  LowRankSolver solver(weight, rows, columns, std::move(rowScale), std::move(root), options);
  Error error = isRandomizedFaster(rows, solver.root.getColumns(), options.maxRank)
                    ? solver.solveRandomized()
                : rows >= columns ? solver.solveTall()
                                  : solver.solveWide();
  if (error)
    return error;
  return std::move(solver.result);
}

void LowRankSolver::loadRows(size_t first, size_t count, bool scaled, double *out) const {
  size_t columns = result.columns;
  for (size_t i = 0; i < count; ++i) {
    double scale = scaled ? getRowScale(first + i) : 1;
    for (size_t j = 0; j < columns; ++j)
      out[i * columns + j] = weight[(first + i) * columns + j] * scale;
  }
}

Error LowRankSolver::diagonalise(DoubleMatrix &s, size_t n) {
  std::vector<double> &values = result.values;
  values.resize(n);
  if (Error error = symmetricEigen(s.get(), n, values.data()))
    return error;
  std::reverse(values.begin(), values.end());
  for (size_t i = 0; i < n / 2; ++i)
    std::swap_ranges(s.get() + i * n, s.get() + (i + 1) * n, s.get() + (n - 1 - i) * n);
  for (double &value : values)
    value = std::sqrt(std::max(0.0, value));
  result.stored = options.maxRank ? std::min(n, options.maxRank) : n;
  return Error::success();
}

void LowRankSolver::finish(LowRankDecomposition &result, const double *right, double zero) {
  size_t stored = result.stored, columns = result.columns;
  std::vector<double> &values = result.values;
  double largest = values.empty() ? 0 : *llvm::max_element(values);
  for (double &value : values)
    if (value <= zero * largest)
      value = 0;
  std::vector<double> leftLength(stored), rightLength(stored), product(stored);
  for (size_t i = 0; i < result.left.size(); ++i)
    leftLength[i % stored] += double(result.left[i]) * result.left[i];
  for (size_t i = 0; i < stored; ++i) {
    leftLength[i] = std::sqrt(leftLength[i]);
    rightLength[i] = std::sqrt(getSquare(right + i * columns, columns));
    product[i] = leftLength[i] * rightLength[i];
  }
  std::vector<size_t> order(stored);
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::tuple(-values[a], -product[a], a) < std::tuple(-values[b], -product[b], b);
  });
  largest = stored ? *llvm::max_element(product) : 0;
  std::vector<double> leftFactor(stored);
  result.right.resize(stored * columns);
  for (size_t i = 0; i < stored; ++i) {
    size_t from = order[i];
    if (values[from] == 0 && product[from] <= zero * largest)
      continue;
    if (product[from] == 0)
      continue;
    result.used = i + 1;
    double length = std::sqrt(product[from]), factor = length / rightLength[from];
    leftFactor[i] = length / leftLength[from];
    for (size_t j = 0; j < columns; ++j)
      result.right[i * columns + j] = static_cast<float>(right[from * columns + j] * factor);
  }
  std::vector<float> row(stored);
  for (size_t i = 0; i < result.rows; ++i) {
    float *out = result.left.data() + i * stored;
    std::copy_n(out, stored, row.begin());
    for (size_t j = 0; j < stored; ++j)
      out[j] = static_cast<float>(row[order[j]] * leftFactor[j]);
  }
  llvm::sort(values, std::greater<double>());
  result.total = result.getError(0);
}

Error LowRankSolver::solveTall() {
  size_t rows = result.rows, n = result.columns, r = root.getColumns();
  size_t height = std::min(rows, blockRows);
  DoubleMatrix block, square, right, map, out;
  if (Error error = allocateMatrices({{block, height, n}, {square, n, n}}))
    return error;
  std::fill_n(square.get(), n * n, 0.0);
  for (size_t first = 0; first < rows; first += height) {
    size_t count = std::min(height, rows - first);
    loadRows(first, count, /*scaled=*/true, block.get());
    addSquare(square.get(), n, block.get(), count, /*transposed=*/true);
  }
  mirrorUpper(square.get(), n);
  if (!root.isIdentity()) {
    // B^T (C B): both sides are symmetric.
    if (Error error = root.multiply(square, n))
      return error;
    if (Error error = transpose(square, n, r))
      return error;
    if (Error error = root.multiply(square, r))
      return error;
  }
  if (Error error = diagonalise(square, r))
    return error;

  size_t stored = result.stored;
  if (Error error = allocateMatrices({{right, stored, r}, {map, stored, r}, {out, height, stored}}))
    return error;
  std::copy_n(square.get(), stored * r, right.get());
  std::copy_n(square.get(), stored * r, map.get());
  square.reset();
  if (Error error = root.multiplyInverse(right, stored))
    return error;
  if (Error error = root.multiplyTransposed(map, stored))
    return error;
  result.left.resize(rows * stored);
  std::vector<double> squares(stored);
  for (size_t first = 0; first < rows; first += height) {
    size_t count = std::min(height, rows - first);
    loadRows(first, count, /*scaled=*/false, block.get());
    gemm(false, true, count, stored, n, 1.0, block.get(), n, map.get(), n, 0.0, out.get(), stored);
    for (size_t i = 0; i < count; ++i)
      for (size_t j = 0; j < stored; ++j) {
        double value = out[i * stored + j], scaled = value * getRowScale(first + i);
        result.left[(first + i) * stored + j] = static_cast<float>(value);
        squares[j] += scaled * scaled;
      }
  }
  for (size_t i = 0; i < stored; ++i)
    result.values[i] = std::sqrt(squares[i]);
  result.values.resize(n);
  finish(result, right.get(), exactZero);
  return Error::success();
}

Error LowRankSolver::solveWide() {
  size_t rows = result.rows, columns = result.columns, r = root.getColumns();
  DoubleMatrix scaled, square, right;
  if (Error error = allocateMatrices({{scaled, rows, columns}, {square, rows, rows}}))
    return error;
  loadRows(0, rows, /*scaled=*/true, scaled.get());
  if (Error error = root.multiply(scaled, rows))
    return error;
  std::fill_n(square.get(), rows * rows, 0.0);
  addSquare(square.get(), rows, scaled.get(), r, /*transposed=*/false);
  mirrorUpper(square.get(), rows);
  if (Error error = diagonalise(square, rows))
    return error;

  size_t stored = result.stored;
  if (Error error = allocateMatrices({{right, stored, r}}))
    return error;
  gemm(false, false, stored, r, rows, 1.0, square.get(), rows, scaled.get(), r, 0.0, right.get(),
       r);
  scaled.reset();
  for (size_t i = 0; i < stored; ++i)
    result.values[i] = std::sqrt(getSquare(right.get() + i * r, r));
  if (Error error = root.multiplyInverse(right, stored))
    return error;
  result.left.resize(rows * stored);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < stored; ++j)
      result.left[i * stored + j] = static_cast<float>(square[j * rows + i] / getRowScale(i));
  finish(result, right.get(), exactZero);
  return Error::success();
}

Error LowRankSolver::solveRandomized() {
  size_t rows = result.rows, columns = result.columns, r = root.getColumns();
  size_t samples = getSampleSize(options.maxRank), stored = options.maxRank;
  Expected<MatrixBuffer<float>> matrix = allocateMatrix<float>(rows * r, "a weighted weight");
  if (!matrix)
    return matrix.takeError();
  double largest = 0, total = 0;
  for (size_t first = 0; first < rows; first += blockRows) {
    size_t count = std::min(blockRows, rows - first);
    DoubleMatrix block;
    if (Error error = allocateMatrices({{block, count, columns}}))
      return error;
    loadRows(first, count, /*scaled=*/true, block.get());
    if (Error error = root.multiply(block, count))
      return error;
    total += getSquare(block.get(), count * r);
    for (size_t i = 0; i < count * r; ++i) {
      largest = std::max(largest, std::fabs(block[i]));
      (*matrix)[first * r + i] = static_cast<float>(block[i]);
    }
  }
  // Too large or small for f32, or nothing but zeros.
  if (!(largest > 1e-15 && largest < 1e15))
    return rows >= columns ? solveTall() : solveWide();

  Expected<MatrixBuffer<float>> range = findRange(matrix->get(), rows, r, samples, options.seed);
  if (!range)
    return range.takeError();
  Expected<MatrixBuffer<float>> inside = allocateMatrix<float>(samples * r, "a projection");
  if (!inside)
    return inside.takeError();
  gemm(true, false, samples, r, rows, 1.0f, range->get(), samples, matrix->get(), r, 0.0f,
       inside->get(), r);
  matrix->reset();
  DoubleMatrix exact, square, right;
  if (Error error = allocateMatrices(
          {{exact, samples, r}, {square, samples, samples}, {right, stored, columns}}))
    return error;
  std::copy_n(inside->get(), samples * r, exact.get());
  std::fill_n(square.get(), samples * samples, 0.0);
  addSquare(square.get(), samples, exact.get(), r, /*transposed=*/false);
  mirrorUpper(square.get(), samples);
  if (Error error = diagonalise(square, samples))
    return error;
  result.values.resize(stored);
  result.rest = std::max(0.0, total - getSquare(result.values.data(), stored));

  std::vector<float> rotation(square.get(), square.get() + stored * samples);
  result.left.resize(rows * stored);
  gemm(false, true, rows, stored, samples, 1.0f, range->get(), samples, rotation.data(), samples,
       0.0f, result.left.data(), stored);
  // V is U^T A W, whatever B is, as far as B has all inputs.
  std::vector<float> weighted = result.left, projected(stored * columns);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < stored; ++j) {
      weighted[i * stored + j] = static_cast<float>(weighted[i * stored + j] * getRowScale(i));
      result.left[i * stored + j] =
          static_cast<float>(result.left[i * stored + j] / getRowScale(i));
    }
  gemm(true, false, stored, columns, rows, 1.0f, weighted.data(), stored, weight.data(), columns,
       0.0f, projected.data(), columns);
  llvm::copy(projected, right.get());
  if (r < columns) {
    if (Error error = root.multiply(right, stored))
      return error;
    if (Error error = root.multiplyInverse(right, stored))
      return error;
  }
  finish(result, right.get(), std::sqrt(static_cast<double>(std::max(rows, r))) * 0x1p-23);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Products of two weights
//===----------------------------------------------------------------------===//

/// B^T [r, rank].
static Expected<DoubleMatrix> getTransposed(const GramRoot &root) {
  size_t r = root.getColumns();
  DoubleMatrix result;
  if (Error error = allocateMatrices({{result, r, r}}))
    return error;
  std::fill_n(result.get(), r * r, 0.0);
  for (size_t i = 0; i < r; ++i)
    result[i * r + i] = 1;
  if (Error error = root.multiplyTransposed(result, r))
    return error;
  return result;
}

Expected<LowRankDecomposition> LowRankSolver::solveProduct(const DoubleMatrix &query,
                                                           const DoubleMatrix &key, size_t rank,
                                                           size_t n, const GramRoot &queryRoot,
                                                           const GramRoot &keyRoot) {
  size_t q = queryRoot.getColumns(), k = keyRoot.getColumns(), known = std::min(q, k);
  Expected<DoubleMatrix> a = getTransposed(queryRoot);
  if (!a)
    return a.takeError();
  Expected<DoubleMatrix> b = getTransposed(keyRoot);
  if (!b)
    return b.takeError();
  DoubleMatrix product, u, v, left, right;
  if (Error error = allocateMatrices(
          {{product, q, k}, {u, q, known}, {v, known, k}, {left, known, n}, {right, known, n}}))
    return error;
  gemm(false, true, q, k, rank, 1.0, a->get(), rank, b->get(), rank, 0.0, product.get(), k);
  LowRankDecomposition result;
  result.rows = result.columns = n;
  result.stored = known;
  result.values.resize(known);
  if (Error error = svd(product.get(), q, k, u.get(), result.values.data(), v.get()))
    return error;
  // New rows are combinations of the old ones.
  if (Error error = transpose(u, q, known))
    return error;
  if (Error error = queryRoot.multiplyInverse(u, known))
    return error;
  if (Error error = keyRoot.multiplyInverse(v, known))
    return error;
  gemm(false, false, known, n, rank, 1.0, u.get(), rank, query.get(), n, 0.0, left.get(), n);
  gemm(false, false, known, n, rank, 1.0, v.get(), rank, key.get(), n, 0.0, right.get(), n);
  for (size_t i = 0; i < known; ++i)
    for (size_t j = 0; j < n; ++j)
      right[i * n + j] *= result.values[i];
  result.left.resize(n * known);
  for (size_t j = 0; j < known; ++j) {
    for (size_t i = 0; i < n; ++i)
      result.left[i * known + j] = static_cast<float>(left[j * n + i]);
    // Nothing but zeros has a root all the same.
    if (getSquare(left.get() + j * n, n) == 0 || getSquare(right.get() + j * n, n) == 0)
      result.values[j] = 0;
  }
  result.values.resize(rank);
  finish(result, right.get(), exactZero);
  return result;
}
