//===- Alps.cpp - pruning by alternating directions -----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Alps.h"
#include "DampedGram.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;

/// Rows that are worked on at a time.
static constexpr size_t chunkRows = 128;
/// rho does not leave this range.
static constexpr double smallestRho = 1e-6, largestRho = 1e6;

namespace {

/// The state of one call. Matrices have a row per output, and columns divided by `norms`.
class Admm {
public:
  Admm(float *weight, size_t rows, size_t columns, const AlpsOptions &options)
      : weight(weight), rows(rows), columns(columns), count(rows * columns), options(options) {}

  llvm::Expected<AlpsResult> run(const float *gram);

private:
  llvm::Error check(const float *gram);
  llvm::Error prepare(const float *gram);
  void makeInverse();
  void iterate();
  void restart();
  void chooseSupport(const float *values);
  bool adaptRho(const std::vector<uint8_t> &before, bool &hasStarted);
  void improve();
  double getLoss() const;
  void multiply(const float *left, const float *right, float *product) const;
  /// Calls `body` with the first element and the number of elements of each chunk of rows.
  void forChunks(llvm::function_ref<void(size_t first, size_t size)> body) const {
    options.parallelFor((rows + chunkRows - 1) / chunkRows, [&](size_t chunk) {
      size_t first = chunk * chunkRows;
      body(first * columns, std::min(chunkRows, rows - first) * columns);
    });
  }

  float *weight;
  size_t rows, columns, count;
  const AlpsOptions &options;
  AlpsResult result;
  /// Square roots of the diagonal of H + lambda I, and the mean of the diagonal of H.
  std::vector<double> norms;
  double mean = 0;
  uint64_t kept = 0;
  /// G, its eigenvectors (rows) and (G + rho I)^-1, [columns, columns].
  MatrixBuffer<float> gramian, vectors, inverse;
  std::vector<double> eigenvalues;
  /// W, W G, D, V and work space, [rows, columns].
  MatrixBuffer<float> target, image, sparse, dual, work;
};

} // namespace

llvm::Error Admm::check(const float *gram) {
  if (llvm::Error error = checkNotEmpty(rows, columns))
    return error;
  if (llvm::Error error = checkTarget(options.target, rows, columns))
    return error;
  if (!(options.damping >= 1e-6) || options.damping > 1)
    return makeMethodError("the damping of ALPS must be from 1e-6 to 1, but is " +
                           llvm::formatv("{0:e}", options.damping).str());
  if (!(options.rho >= smallestRho) || options.rho > largestRho)
    return makeMethodError("rho of ALPS must be from 1e-6 to 1e6, but is " +
                           llvm::formatv("{0:e}", options.rho).str());
  if (llvm::Error error = checkFinite(weight, rows, columns, "the weight"))
    return error;
  return checkFinite(gram, columns, columns, "the Gram matrix");
}

llvm::Error Admm::prepare(const float *gram) {
  size_t n = columns;
  norms.resize(n);
  for (size_t i = 0; i < n; ++i)
    norms[i] = std::sqrt(gram[i * n + i] + options.damping * mean);
  for (MatrixBuffer<float> *matrix : {&gramian, &vectors, &inverse}) {
    llvm::Expected<MatrixBuffer<float>> buffer = allocateMatrix<float>(n * n, "ALPS");
    if (!buffer)
      return buffer.takeError();
    *matrix = std::move(*buffer);
  }
  for (MatrixBuffer<float> *matrix : {&target, &image, &sparse, &dual, &work}) {
    llvm::Expected<MatrixBuffer<float>> buffer = allocateMatrix<float>(count, "ALPS");
    if (!buffer)
      return buffer.takeError();
    *matrix = std::move(*buffer);
  }
  llvm::Expected<MatrixBuffer<double>> exact = allocateMatrix<double>(n * n, "ALPS");
  if (!exact)
    return exact.takeError();
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      // A column that was never seen is by itself.
      bool isZero = i != j && (gram[i * n + i] == 0 || gram[j * n + j] == 0);
      double value = isZero ? 0 : gram[i * n + j] / (norms[i] * norms[j]);
      (*exact)[i * n + j] = i == j ? 1 : value;
    }
  std::copy_n(exact->get(), n * n, gramian.get());
  eigenvalues.resize(n);
  if (llvm::Error error = symmetricEigen(exact->get(), n, eigenvalues.data()))
    return error;
  std::copy_n(exact->get(), n * n, vectors.get());
  // Negative ones are rounding errors of the Gram matrix.
  for (double &value : eigenvalues)
    value = std::max(value, 0.0);

  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i)
      target[i] = static_cast<float>(weight[i] * norms[i % n]);
  });
  multiply(target.get(), gramian.get(), image.get());
  return llvm::Error::success();
}

/// product = left * right for a symmetric `right`.
void Admm::multiply(const float *left, const float *right, float *product) const {
  forChunks([&](size_t first, size_t size) {
    gemm(false, false, size / columns, columns, columns, 1.0f, left + first, columns, right,
         columns, 0.0f, product + first, columns);
  });
}

/// (G + rho I)^-1 = sum over eigenvectors of q q^T / (eigenvalue + rho).
void Admm::makeInverse() {
  size_t n = columns;
  std::vector<float> scaled(n * n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      scaled[i * n + j] = static_cast<float>(vectors[i * n + j] / (eigenvalues[i] + result.rho));
  options.parallelFor((n + chunkRows - 1) / chunkRows, [&](size_t chunk) {
    size_t first = chunk * chunkRows, size = std::min(chunkRows, n - first);
    gemm(true, false, size, n, n, 1.0f, vectors.get() + first, n, scaled.data(), n, 0.0f,
         inverse.get() + first * n, n);
  });
}

/// D = W, V = 0.
void Admm::restart() {
  std::copy_n(target.get(), count, sparse.get());
  std::fill_n(dual.get(), count, 0.0f);
}

/// Chooses the mask that keeps the largest of `values`.
void Admm::chooseSupport(const float *values) {
  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i)
      work[i] = std::fabs(values[i]);
  });
  result.mask = chooseMask(work.get(), rows, columns, options.target, options.parallelFor);
}

/// One iteration.
void Admm::iterate() {
  float rho = static_cast<float>(result.rho);
  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i)
      work[i] = image[i] - dual[i] + rho * sparse[i];
  });
  multiply(work.get(), inverse.get(), sparse.get());
  float inverseRho = 1 / rho;
  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i)
      dual[i] = sparse[i] + dual[i] * inverseRho;
  });
  chooseSupport(dual.get());
  // V + rho (B - D) = rho ((B + V / rho) - D): what D leaves of the sum that it is chosen from.
  const std::vector<uint8_t> &mask = result.mask;
  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i) {
      sparse[i] = mask[i] ? dual[i] : 0.0f;
      dual[i] = mask[i] ? 0.0f : dual[i] * rho;
    }
  });
}

/// Changes rho by how much the mask differs from `before`. False: nothing changes any more.
bool Admm::adaptRho(const std::vector<uint8_t> &before, bool &hasStarted) {
  uint64_t changes = 0;
  for (size_t i = 0; i < count; ++i)
    changes += before[i] != result.mask[i];
  double share = static_cast<double>(changes) / static_cast<double>(std::max<uint64_t>(kept, 1));
  double factor = share > 0.1 ? 1.3 : share > 0.005 ? 1.2 : 1.1;
  hasStarted |= share > 0.005;
  if (hasStarted && changes == 0)
    return false;
  if (!hasStarted) {
    if (result.rho <= smallestRho)
      return false;
    factor = 0.2;
    restart();
  }
  result.rho = std::clamp(result.rho * factor, smallestRho, largestRho);
  makeInverse();
  return true;
}

/// Conjugate gradients for the kept weights of each row, from `sparse` on. The diagonal of G is 1:
/// no other preconditioner is needed.
void Admm::improve() {
  size_t n = columns;
  // The residual in `image`, the direction in `dual`.
  multiply(sparse.get(), gramian.get(), work.get());
  std::vector<double> norm(rows, 0.0), start(rows, 0.0);
  auto mask = [&](size_t i, float value) { return result.mask[i] ? value : 0.0f; };
  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i) {
      image[i] = dual[i] = mask(i, image[i] - work[i]);
      norm[i / n] += static_cast<double>(image[i]) * image[i];
    }
  });
  start = norm;
  for (unsigned step = 0; step < options.gradientSteps; ++step) {
    multiply(dual.get(), gramian.get(), work.get());
    forChunks([&](size_t first, size_t size) {
      for (size_t row = first / n; row < (first + size) / n; ++row) {
        // Converged rows stay as they are.
        if (norm[row] <= start[row] * 1e-12)
          continue;
        float *direction = dual.get() + row * n, *residual = image.get() + row * n;
        float *values = sparse.get() + row * n;
        double curvature = 0;
        for (size_t j = 0; j < n; ++j)
          curvature += static_cast<double>(direction[j]) * work[row * n + j];
        if (!(curvature > 0))
          continue;
        double length = norm[row] / curvature, next = 0;
        for (size_t j = 0; j < n; ++j) {
          values[j] = static_cast<float>(values[j] + length * direction[j]);
          residual[j] =
              mask(row * n + j, static_cast<float>(residual[j] - length * work[row * n + j]));
          next += static_cast<double>(residual[j]) * residual[j];
        }
        double ratio = next / norm[row];
        for (size_t j = 0; j < n; ++j)
          direction[j] = static_cast<float>(residual[j] + ratio * direction[j]);
        norm[row] = next;
      }
    });
  }
}

/// tr((W - W^) (H + lambda I) (W - W^)^T); uses the work space.
double Admm::getLoss() const {
  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i)
      dual[i] = target[i] - sparse[i];
  });
  multiply(dual.get(), gramian.get(), work.get());
  double loss = 0;
  for (size_t i = 0; i < count; ++i)
    loss += static_cast<double>(dual[i]) * work[i];
  return std::max(loss, 0.0);
}

llvm::Expected<AlpsResult> Admm::run(const float *gram) {
  if (llvm::Error error = check(gram))
    return error;
  llvm::Expected<GramDiagonal> diagonal = readDiagonal(gram, columns);
  if (!diagonal)
    return diagonal.takeError();
  mean = diagonal->mean;
  result.rho = options.rho;
  result.mask.assign(count, 1);
  uint64_t pruned = getPrunedCount(options.target, rows, columns);
  kept = count - pruned;
  if (pruned == 0)
    return std::move(result);
  if (llvm::Error error = prepare(gram))
    return error;

  restart();
  chooseSupport(target.get());
  makeInverse();
  std::vector<uint8_t> before = result.mask;
  bool hasStarted = false;
  while (result.iterations < options.maxIterations) {
    iterate();
    if (++result.iterations % 3 != 0)
      continue;
    if (!adaptRho(before, hasStarted))
      break;
    before = result.mask;
  }
  // Only the values on the support count.
  forChunks([&](size_t first, size_t size) {
    for (size_t i = first; i < first + size; ++i)
      sparse[i] = result.mask[i] ? sparse[i] : 0.0f;
  });
  improve();
  result.loss = getLoss();
  for (size_t i = 0; i < count; ++i)
    weight[i] = result.mask[i] ? static_cast<float>(sparse[i] / norms[i % columns]) : 0.0f;
  return std::move(result);
}

llvm::Expected<AlpsResult> mlir::compress::alps(float *weight, size_t rows, size_t columns,
                                                const float *gram, const AlpsOptions &options) {
  return Admm(weight, rows, columns, options).run(gram);
}
