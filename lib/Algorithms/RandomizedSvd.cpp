//===- RandomizedSvd.cpp - the range of a large matrix --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RandomizedSvd.h"
#include <algorithm>

using namespace mlir::compress;
using llvm::Error;
using llvm::Expected;

/// The q of the paper.
static constexpr unsigned powerIterations = 3;

size_t mlir::compress::getSampleSize(size_t rank) { return rank + std::max<size_t>(16, rank / 8); }

bool mlir::compress::isRandomizedFaster(size_t rows, size_t columns, size_t rank) {
  size_t smaller = std::min(rows, columns);
  return rank > 0 && smaller >= 512 && rank <= smaller / 8 && getSampleSize(rank) <= smaller / 5;
}

/// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators"), as a
/// number of (-1, 1).
static float nextRandom(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return (float(z >> 41) + 0.5f) * 0x1p-22f - 1.0f;
}

Expected<MatrixBuffer<float>> mlir::compress::findRange(const float *matrix, size_t rows,
                                                        size_t columns, size_t samples,
                                                        uint64_t seed) {
  Expected<MatrixBuffer<float>> left = allocateMatrix<float>(rows * samples, "a random projection");
  if (!left)
    return left;
  Expected<MatrixBuffer<float>> right =
      allocateMatrix<float>(columns * samples, "a random projection");
  if (!right)
    return right;
  uint64_t state = seed;
  std::generate_n(right->get(), columns * samples, [&] { return nextRandom(state); });
  for (unsigned i = 0;; ++i) {
    gemm(false, false, rows, samples, columns, 1.0f, matrix, columns, right->get(), samples, 0.0f,
         left->get(), samples);
    if (Error error = orthonormalizeColumns(left->get(), rows, samples))
      return error;
    if (i == powerIterations)
      return left;
    gemm(true, false, columns, samples, rows, 1.0f, matrix, columns, left->get(), samples, 0.0f,
         right->get(), samples);
    if (Error error = orthonormalizeColumns(right->get(), columns, samples))
      return error;
  }
}
