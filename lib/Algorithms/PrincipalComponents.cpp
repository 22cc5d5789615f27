//===- PrincipalComponents.cpp - directions of most variance --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/PrincipalComponents.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

template <typename... Args>
static Error makeError(const char *format, Args... args) {
  return llvm::createStringError(std::errc::invalid_argument, format, args...);
}

double PrincipalComponents::getLostEnergy() const {
  return std::max(0.0, std::accumulate(eigenvalues.begin() + count, eigenvalues.end(), 0.0));
}

double PrincipalComponents::getEnergy() const {
  return std::max(0.0, std::accumulate(eigenvalues.begin(), eigenvalues.end(), 0.0));
}

Expected<PrincipalComponents> mlir::compress::getPrincipalComponents(ArrayRef<double> gram,
                                                                     int64_t size, int64_t count) {
  if (size < 1 || count < 1 || count > size || gram.size() / size != static_cast<uint64_t>(size) ||
      gram.size() % size)
    return makeError("expects a Gram matrix of [%lld, %lld] and 1 to %lld components, got %zu "
                     "elements and %lld components",
                     static_cast<long long>(size), static_cast<long long>(size),
                     static_cast<long long>(size), gram.size(), static_cast<long long>(count));
  Expected<MatrixBuffer<double>> work = allocateMatrix<double>(gram.size(), "eigenvectors");
  if (!work)
    return work.takeError();
  for (auto [i, value] : llvm::enumerate(gram)) {
    if (!std::isfinite(value))
      return makeError("element %zu of a Gram matrix is not finite", i);
    (*work)[i] = value;
  }
  PrincipalComponents result;
  result.size = size;
  result.count = count;
  result.eigenvalues.resize(size);
  if (Error error = symmetricEigen(work->get(), size, result.eigenvalues.data()))
    return error;
  std::reverse(result.eigenvalues.begin(), result.eigenvalues.end());
  result.basis.resize(size * count);
  for (int64_t row = 0; row < size; ++row)
    for (int64_t column = 0; column < count; ++column)
      result.basis[row * count + column] = (*work)[(size - 1 - column) * size + row];
  return result;
}

Expected<std::vector<double>> mlir::compress::getUnscaledGram(ArrayRef<float> gram,
                                                              ArrayRef<double> sum,
                                                              uint64_t vectors,
                                                              const AffineMap &map) {
  size_t size = map.scale.size();
  bool hasBias = llvm::any_of(map.bias, [](double value) { return value != 0; });
  if (size == 0 || gram.size() / size != size || gram.size() % size ||
      (hasBias && (map.bias.size() != size || sum.size() != size)))
    return makeError("expects a Gram matrix of [%zu, %zu]%s, got %zu elements and %zu sums", size,
                     size, hasBias ? " and a sum per channel" : "", gram.size(), sum.size());
  auto n = static_cast<double>(vectors);
  std::vector<double> result(gram.size(), 0.0);
  double energy = 0;
  size_t unknown = 0;
  for (size_t i = 0; i < size; ++i) {
    if (map.scale[i] == 0) {
      ++unknown;
      continue;
    }
    for (size_t j = 0; j < size; ++j) {
      if (map.scale[j] == 0)
        continue;
      double value = gram[i * size + j];
      if (hasBias)
        value += n * map.bias[i] * map.bias[j] - map.bias[i] * sum[j] - sum[i] * map.bias[j];
      result[i * size + j] = value / (map.scale[i] * map.scale[j]);
    }
    energy += result[i * size + i];
  }
  if (unknown) {
    double missing = std::max(0.0, n * static_cast<double>(size) - energy);
    for (size_t i = 0; i < size; ++i)
      if (map.scale[i] == 0)
        result[i * size + i] = missing / static_cast<double>(unknown);
  }
  return result;
}

int64_t mlir::compress::getSlicedSize(int64_t size, double ratio, int64_t roundTo) {
  // 10 * (1 - 0.9) is a little less than 1.
  auto left = static_cast<int64_t>(std::floor(static_cast<double>(size) * (1 - ratio) + 1e-6));
  if (roundTo > 1)
    left -= left % roundTo;
  return std::clamp<int64_t>(left, 1, size);
}

std::vector<double> mlir::compress::projectAlongK(ArrayRef<double> basis, int64_t count,
                                                  BlockView view, ArrayRef<double> values) {
  std::vector<double> result(view.outer * count * view.inner);
  if (view.inner == 1) {
    gemm(false, false, view.outer, count, view.k, 1.0, values.data(), view.k, basis.data(), count,
         0.0, result.data(), count);
    return result;
  }
  for (uint64_t o = 0; o < view.outer; ++o)
    gemm(true, false, count, view.inner, view.k, 1.0, basis.data(), count,
         values.data() + o * view.k * view.inner, view.inner, 0.0,
         result.data() + o * count * view.inner, view.inner);
  return result;
}

std::vector<double> mlir::compress::getChangeOfBasis(const PrincipalComponents &from,
                                                     const PrincipalComponents &to) {
  std::vector<double> result(from.count * to.count);
  gemm(true, false, from.count, to.count, from.size, 1.0, from.basis.data(), from.count,
       to.basis.data(), to.count, 0.0, result.data(), to.count);
  return result;
}
