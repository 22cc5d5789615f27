//===- LeastSquares.cpp - the best values for a mask ----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With d = W^ - W, rows of W^ that are best on their support S satisfy
// H_SS d_S = H_SZ w_Z, where Z are the pruned columns. Columns that were never
// seen take no part: d is 0 there.
//
//===----------------------------------------------------------------------===//

#include "DampedGram.h"
#include "compress/Algorithms/OptimalBrain.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir::compress;

/// Pivots that are smaller than this, relative to their diagonal, are rounding errors of `gram`.
static constexpr double smallestPivot = 1e-7;
/// Rows that are solved together if they have the same mask.
static constexpr size_t rowsPerSolve = 256;

namespace {

class Refitter {
public:
  Refitter(float *weight, const float *original, size_t columns, const float *gram,
           const uint8_t *mask, const GramDiagonal &diagonal, double damping)
      : weight(weight), original(original), columns(columns), gram(gram), mask(mask),
        diagonal(diagonal), damping(damping) {}

  /// Refits rows with equal masks.
  llvm::Error refit(llvm::ArrayRef<size_t> rows) const;

private:
  llvm::Error factorise(llvm::ArrayRef<size_t> kept, double *l) const;

  float *weight;
  const float *original;
  size_t columns;
  const float *gram;
  const uint8_t *mask;
  const GramDiagonal &diagonal;
  double damping;
};

} // namespace

/// The Cholesky factor of H_SS, with as much of a ridge as it needs.
llvm::Error Refitter::factorise(llvm::ArrayRef<size_t> kept, double *l) const {
  size_t k = kept.size();
  for (double ridge = damping;;) {
    for (size_t i = 0; i < k; ++i) {
      for (size_t j = 0; j < k; ++j)
        l[i * k + j] = gram[kept[i] * columns + kept[j]];
      l[i * k + i] += ridge * diagonal.mean;
    }
    llvm::Error error = cholesky(l, k);
    bool isSingular = error.isA<NotPositiveDefinite>();
    if (error && !isSingular)
      return error;
    for (size_t i = 0; i < k && !isSingular; ++i) {
      double whole = gram[kept[i] * columns + kept[i]] + ridge * diagonal.mean;
      isSingular = l[i * k + i] * l[i * k + i] < smallestPivot * whole;
    }
    llvm::consumeError(std::move(error));
    if (!isSingular)
      return llvm::Error::success();
    if (ridge >= 1)
      return makeMethodError(
          "the Gram matrix is not positive definite, not even with a ridge of its mean diagonal");
    ridge = std::min(1.0, std::max(1e-6, ridge * 10));
  }
}

llvm::Error Refitter::refit(llvm::ArrayRef<size_t> rows) const {
  const uint8_t *keep = mask + rows[0] * columns;
  std::vector<size_t> kept, pruned;
  for (size_t j = 0; j < columns; ++j)
    if (!diagonal.dead[j])
      (keep[j] ? kept : pruned).push_back(j);
  size_t k = kept.size(), m = rows.size();
  bool hasZeros = std::count(keep, keep + columns, uint8_t(0)) > 0;
  // The right-hand sides, [kept, rows].
  std::vector<double> changes(k * m, 0.0);
  if (!pruned.empty() && k > 0) {
    size_t p = pruned.size();
    std::vector<double> coupling(k * p), removed(m * p);
    for (size_t i = 0; i < k; ++i)
      for (size_t j = 0; j < p; ++j)
        coupling[i * p + j] = gram[kept[i] * columns + pruned[j]];
    for (size_t r = 0; r < m; ++r)
      for (size_t j = 0; j < p; ++j)
        removed[r * p + j] = original[rows[r] * columns + pruned[j]];
    gemm(false, true, k, m, p, 1.0, coupling.data(), p, removed.data(), p, 0.0, changes.data(), m);
    llvm::Expected<MatrixBuffer<double>> l = allocateMatrix<double>(k * k, "least squares");
    if (!l)
      return l.takeError();
    if (llvm::Error error = factorise(kept, l->get()))
      return error;
    for (bool transposed : {false, true})
      if (llvm::Error error = solveLower(transposed, l->get(), k, changes.data(), m))
        return error;
  }
  for (size_t r = 0; r < m; ++r) {
    const float *from = original + rows[r] * columns;
    float *to = weight + rows[r] * columns;
    if (from != to)
      std::copy_n(from, columns, to);
    if (!hasZeros)
      continue;
    if (!pruned.empty())
      for (size_t i = 0; i < k; ++i)
        to[kept[i]] = static_cast<float>(to[kept[i]] + changes[i * m + r]);
    for (size_t j = 0; j < columns; ++j)
      if (!keep[j])
        to[j] = 0;
  }
  return llvm::Error::success();
}

llvm::Error mlir::compress::refitLeastSquares(float *weight, const float *original, size_t rows,
                                              size_t columns, const float *gram,
                                              const uint8_t *mask, const RefitOptions &options) {
  if (llvm::Error error = checkNotEmpty(rows, columns))
    return error;
  if (llvm::Error error = checkFinite(original, rows, columns, "the weight"))
    return error;
  if (llvm::Error error = checkFinite(gram, columns, columns, "the Gram matrix"))
    return error;
  if (llvm::Error error = checkDamping(options.damping, "least squares"))
    return error;
  llvm::Expected<GramDiagonal> diagonal = readDiagonal(gram, columns);
  if (!diagonal)
    return diagonal.takeError();

  // Rows with equal masks have equal matrices.
  std::vector<size_t> order(rows);
  std::iota(order.begin(), order.end(), size_t(0));
  auto compare = [&](size_t a, size_t b) {
    return std::memcmp(mask + a * columns, mask + b * columns, columns);
  };
  llvm::sort(order, [&](size_t a, size_t b) {
    int difference = compare(a, b);
    return difference != 0 ? difference < 0 : a < b;
  });
  std::vector<llvm::ArrayRef<size_t>> groups;
  for (size_t begin = 0; begin < rows;) {
    size_t end = begin + 1;
    while (end < rows && end - begin < rowsPerSolve && compare(order[begin], order[end]) == 0)
      ++end;
    groups.push_back(llvm::ArrayRef<size_t>(order).slice(begin, end - begin));
    begin = end;
  }
  Refitter refitter(weight, original, columns, gram, mask, *diagonal, options.damping);
  std::vector<std::string> failures(groups.size());
  options.parallelFor(groups.size(), [&](size_t group) {
    if (llvm::Error error = refitter.refit(groups[group]))
      failures[group] = llvm::toString(std::move(error));
  });
  for (const std::string &failure : failures)
    if (!failure.empty())
      return makeMethodError(failure);
  return llvm::Error::success();
}
