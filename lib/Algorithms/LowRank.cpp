//===- LowRank.cpp - factors of a low rank --------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/LowRank.h"
#include "DampedGram.h"
#include "LowRankSolver.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

/// Rows of a Gram matrix that are looked at together.
static constexpr size_t blockRows = 1024;

//===----------------------------------------------------------------------===//
// Decomposition
//===----------------------------------------------------------------------===//

double LowRankDecomposition::getError(size_t rank) const {
  double error = rest;
  for (size_t i = values.size(); i > rank; --i)
    error += values[i - 1] * values[i - 1];
  return error;
}

size_t LowRankDecomposition::getRank(double energy) const {
  double allowed = (1 - energy) * total, error = rest;
  size_t rank = values.size();
  while (rank > 0 && error + values[rank - 1] * values[rank - 1] <= allowed) {
    error += values[rank - 1] * values[rank - 1];
    --rank;
  }
  return rank;
}

LowRankFactors LowRankDecomposition::getFactors(size_t rank) const {
  LowRankFactors factors;
  factors.rank = std::min({rank, stored, std::max<size_t>(1, used)});
  factors.u.reserve(rows * factors.rank);
  for (size_t i = 0; i < rows; ++i)
    factors.u.insert(factors.u.end(), left.begin() + i * stored,
                     left.begin() + i * stored + factors.rank);
  factors.v.assign(right.begin(), right.begin() + factors.rank * columns);
  return factors;
}

//===----------------------------------------------------------------------===//
// Methods
//===----------------------------------------------------------------------===//

static Error checkWeight(ArrayRef<float> weight, size_t rows, size_t columns,
                         llvm::StringRef what) {
  if (Error error = checkNotEmpty(rows, columns))
    return error;
  if (std::max(rows, columns) > size_t(INT32_MAX))
    return makeMethodError(what + " of " + llvm::Twine(rows) + " x " + llvm::Twine(columns) +
                           " is too large");
  if (weight.size() / rows != columns || weight.size() % rows)
    return makeMethodError(what + " of " + llvm::Twine(rows) + " x " + llvm::Twine(columns) +
                           " has " + llvm::Twine(weight.size()) + " elements");
  return checkFinite(weight.data(), rows, columns, what);
}

/// A diagonal without zeros; empty if it is.
static Expected<std::vector<double>> getScale(ArrayRef<double> scale, size_t size,
                                              llvm::StringRef what) {
  if (scale.empty())
    return std::vector<double>();
  if (scale.size() != size)
    return makeMethodError(what + " needs " + llvm::Twine(size) + " elements, but has " +
                           llvm::Twine(scale.size()));
  double smallest = INFINITY;
  for (auto [i, value] : llvm::enumerate(scale)) {
    if (!(value >= 0) || std::isinf(value))
      return makeMethodError("element " + llvm::Twine(i) + " of " + what +
                             " must be finite and not negative");
    if (value > 0)
      smallest = std::min(smallest, value);
  }
  std::vector<double> result(scale.begin(), scale.end());
  llvm::replace(result, 0.0, std::isinf(smallest) ? 1.0 : smallest);
  return result;
}

Expected<LowRankDecomposition> mlir::compress::decomposeSvd(ArrayRef<float> weight, size_t rows,
                                                            size_t columns,
                                                            const LowRankOptions &options) {
  return decomposeScaled(weight, rows, columns, {}, {}, options);
}

Expected<LowRankDecomposition> mlir::compress::decomposeScaled(ArrayRef<float> weight, size_t rows,
                                                               size_t columns,
                                                               ArrayRef<double> rowScale,
                                                               ArrayRef<double> columnScale,
                                                               const LowRankOptions &options) {
  if (Error error = checkWeight(weight, rows, columns, "the weight"))
    return error;
  Expected<std::vector<double>> a = getScale(rowScale, rows, "the importance of rows");
  if (!a)
    return a.takeError();
  Expected<std::vector<double>> b = getScale(columnScale, columns, "the scale of columns");
  if (!b)
    return b.takeError();
  return LowRankSolver::solve(weight, rows, columns, std::move(*a),
                              GramRoot::makeDiagonal(columns, std::move(*b)), options);
}

/// With a root of a Gram matrix of the columns.
static Expected<LowRankDecomposition>
decomposeWithRoot(ArrayRef<float> weight, size_t rows, size_t columns, ArrayRef<float> gram,
                  Expected<GramRoot> (*makeRoot)(ArrayRef<float>, size_t),
                  const LowRankOptions &options) {
  if (Error error = checkWeight(weight, rows, columns, "the weight"))
    return error;
  Expected<GramRoot> root = makeRoot(gram, columns);
  if (!root)
    return root.takeError();
  return LowRankSolver::solve(weight, rows, columns, {}, std::move(*root), options);
}

Expected<LowRankDecomposition> mlir::compress::decomposeDrone(ArrayRef<float> weight, size_t rows,
                                                              size_t columns, ArrayRef<float> gram,
                                                              const LowRankOptions &options) {
  return decomposeWithRoot(weight, rows, columns, gram, &GramRoot::makeSpectral, options);
}

Expected<LowRankDecomposition> mlir::compress::decomposeSvdLlm(ArrayRef<float> weight, size_t rows,
                                                               size_t columns, ArrayRef<float> gram,
                                                               const LowRankOptions &options) {
  return decomposeWithRoot(weight, rows, columns, gram, &GramRoot::makeCholesky, options);
}

//===----------------------------------------------------------------------===//
// Products of two weights
//===----------------------------------------------------------------------===//

/// A root of W G W^T [rank, rank], and W as f64.
static Expected<std::pair<DoubleMatrix, GramRoot>> getRowRoot(ArrayRef<float> weight, size_t rank,
                                                              size_t n, ArrayRef<float> gram) {
  if (!gram.empty()) {
    if (gram.size() / n != n || gram.size() % n)
      return makeMethodError("a Gram matrix of " + llvm::Twine(n) + " x " + llvm::Twine(n) +
                             " is needed, but it has " + llvm::Twine(gram.size()) + " elements");
    if (Error error = checkFinite(gram.data(), n, n, "the Gram matrix"))
      return error;
  }
  size_t height = std::min(n, blockRows);
  DoubleMatrix exact, square, product, block;
  if (Error error = allocateMatrices(
          {{exact, rank, n}, {square, rank, rank}, {product, rank, n}, {block, height, n}}))
    return error;
  llvm::copy(weight, exact.get());
  llvm::copy(weight, product.get());
  for (size_t first = 0; !gram.empty() && first < n; first += height) {
    size_t count = std::min(height, n - first);
    llvm::copy(gram.slice(first * n, count * n), block.get());
    gemm(false, false, rank, n, count, 1.0, exact.get() + first, n, block.get(), n,
         first == 0 ? 0.0 : 1.0, product.get(), n);
  }
  gemm(false, true, rank, rank, n, 1.0, product.get(), n, exact.get(), n, 0.0, square.get(), rank);
  Expected<GramRoot> root = GramRoot::makeSpectral(
      [&](size_t i, size_t j) { return (square[i * rank + j] + square[j * rank + i]) / 2; }, rank,
      static_cast<double>(rank) * 0x1p-50);
  if (!root)
    return root.takeError();
  return std::make_pair(std::move(exact), std::move(*root));
}

Expected<LowRankDecomposition>
mlir::compress::decomposeQueryKey(ArrayRef<float> query, ArrayRef<float> key, size_t rank, size_t n,
                                  ArrayRef<float> queryGram, ArrayRef<float> keyGram) {
  if (Error error = checkWeight(query, rank, n, "the query weight"))
    return error;
  if (Error error = checkWeight(key, rank, n, "the key weight"))
    return error;
  auto q = getRowRoot(query, rank, n, queryGram);
  if (!q)
    return q.takeError();
  auto k = getRowRoot(key, rank, n, keyGram);
  if (!k)
    return k.takeError();
  return LowRankSolver::solveProduct(q->first, k->first, rank, n, q->second, k->second);
}

//===----------------------------------------------------------------------===//
// Ranks
//===----------------------------------------------------------------------===//

size_t mlir::compress::getBreakEvenRank(size_t rows, size_t columns) {
  return rows && columns ? (rows * columns - 1) / (rows + columns) : 0;
}

size_t mlir::compress::getRankOfRatio(size_t rows, size_t columns, double ratio) {
  if (!rows || !columns)
    return 0;
  double even = static_cast<double>(rows) * static_cast<double>(columns) /
                (static_cast<double>(rows) + static_cast<double>(columns));
  // A product that rounding has put below a whole number still is that number.
  double rank = std::floor(ratio * even * (1 + 1e-12));
  double most = static_cast<double>(std::min(rows, columns));
  return rank >= 1 ? static_cast<size_t>(std::min(rank, most)) : 1;
}
