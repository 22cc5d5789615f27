//===- DampedGram.cpp - factors of Gram matrices of activations -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DampedGram.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

llvm::Error mlir::compress::makeMethodError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Error mlir::compress::checkNotEmpty(size_t rows, size_t columns) {
  if (rows && columns)
    return llvm::Error::success();
  return makeMethodError("a weight of " + llvm::Twine(rows) + " x " + llvm::Twine(columns) +
                         " has no elements");
}

llvm::Error mlir::compress::checkFinite(const float *matrix, size_t rows, size_t columns,
                                        llvm::StringRef what) {
  for (size_t i = 0; i < rows; ++i) {
    // NaN and infinities survive a product with 0.
    float sum = 0;
    for (size_t j = 0; j < columns; ++j)
      sum += matrix[i * columns + j] * 0.0f;
    if (sum == 0)
      continue;
    for (size_t j = 0; j < columns; ++j)
      if (!std::isfinite(matrix[i * columns + j]))
        return makeMethodError(what + " is not finite at [" + llvm::Twine(i) + ", " +
                               llvm::Twine(j) + "]");
  }
  return llvm::Error::success();
}

llvm::Error mlir::compress::checkDamping(double damping, llvm::StringRef method) {
  if (damping >= 0 && damping <= 1)
    return llvm::Error::success();
  return makeMethodError("the damping of " + method + " must be from 0 to 1, but is " +
                         llvm::formatv("{0}", damping).str());
}

llvm::Expected<GramDiagonal> mlir::compress::readDiagonal(const float *gram, size_t columns) {
  GramDiagonal result;
  result.dead.resize(columns);
  double sum = 0;
  for (size_t i = 0; i < columns; ++i) {
    double diagonal = gram[i * columns + i];
    if (diagonal < 0)
      return makeMethodError("the Gram matrix has the negative element " +
                             llvm::formatv("{0}", diagonal).str() + " at [" + llvm::Twine(i) +
                             ", " + llvm::Twine(i) + "]");
    result.dead[i] = diagonal == 0;
    result.deadColumns += result.dead[i];
    sum += diagonal;
  }
  if (result.deadColumns == columns)
    return makeMethodError("the Gram matrix is zero: no input was seen");
  result.mean = sum / double(columns - result.deadColumns);
  return result;
}

/// One row of the damped matrix: that of column `source`, which is element `position`.
static void writeRow(const float *gram, size_t columns, const GramDiagonal &diagonal,
                     llvm::ArrayRef<size_t> order, size_t position, double added, double *out) {
  size_t source = order.empty() ? position : order[position];
  const float *row = gram + source * columns;
  if (diagonal.dead[source]) {
    std::fill(out, out + columns, 0.0);
    out[position] = diagonal.mean + added;
    return;
  }
  for (size_t j = 0; j < columns; ++j) {
    size_t column = order.empty() ? j : order[j];
    out[j] = diagonal.dead[column] ? 0.0 : row[column];
  }
  out[position] += added;
}

llvm::Expected<double> mlir::compress::factoriseDamped(
    const float *gram, size_t columns, const GramDiagonal &diagonal, llvm::ArrayRef<size_t> order,
    double damping, double *out,
    llvm::function_ref<llvm::Error(double *matrix, size_t columns)> factorise) {
  for (unsigned attempt = 0;; ++attempt) {
    for (size_t i = 0; i < columns; ++i)
      writeRow(gram, columns, diagonal, order, i, damping * diagonal.mean, out + i * columns);
    llvm::Error error = factorise(out, columns);
    if (!error)
      return damping;
    if (!error.isA<NotPositiveDefinite>() || attempt == 5 || damping >= 1)
      return llvm::handleErrors(std::move(error), [&](const NotPositiveDefinite &) {
        return makeMethodError("the Gram matrix is not positive definite, not even with damping " +
                               llvm::formatv("{0}", damping).str());
      });
    llvm::consumeError(std::move(error));
    damping = std::min(1.0, std::max(0.01, damping * 10));
  }
}

llvm::Expected<MatrixBuffer<double>> mlir::compress::invertDamped(const float *gram, size_t columns,
                                                                  const GramDiagonal &diagonal,
                                                                  double &damping,
                                                                  llvm::StringRef method) {
  llvm::Expected<MatrixBuffer<double>> inverse = allocateMatrix<double>(columns * columns, method);
  if (!inverse)
    return inverse;
  llvm::Expected<double> needed = factoriseDamped(gram, columns, diagonal, {}, damping,
                                                  inverse->get(), [](double *matrix, size_t n) {
                                                    if (llvm::Error error = cholesky(matrix, n))
                                                      return error;
                                                    return invertFromCholesky(matrix, n);
                                                  });
  if (!needed)
    return needed.takeError();
  damping = *needed;
  return inverse;
}
