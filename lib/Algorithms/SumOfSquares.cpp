//===- SumOfSquares.cpp - squared Frobenius norm -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SumOfSquares.h"
#include "Simd.h"
#include "compress/Support/NumericFormats.h"
#include <cstring>

using namespace mlir::compress;

static constexpr unsigned lanes = 16;

/// Adds the squares of whole groups of `lanes` floats to `sums`.
COMPRESS_CLONES static void addSquares(const char *values, uint64_t groups, double *sums) {
  double local[lanes];
  std::memcpy(local, sums, sizeof(local));
  for (uint64_t group = 0; group < groups; ++group) {
    float row[lanes];
    std::memcpy(row, values + group * sizeof(row), sizeof(row));
    for (unsigned lane = 0; lane < lanes; ++lane)
      local[lane] += static_cast<double>(row[lane]) * row[lane];
  }
  std::memcpy(sums, local, sizeof(local));
}

double mlir::compress::sumOfSquares(DataType type, const void *values, uint64_t count) {
  const char *bytes = static_cast<const char *>(values);
  double sums[lanes] = {};
  uint64_t done = 0;
  if (type == DataType::F32) {
    done = count / lanes * lanes;
    addSquares(bytes, count / lanes, sums);
  }
  unsigned size = getStorageBitWidth(type) / 8;
  for (; done < count; ++done) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes + done * size, size);
    double value = decodeFloat(type, bits);
    sums[done % lanes] += value * value;
  }
  for (unsigned width = lanes / 2; width; width /= 2)
    for (unsigned lane = 0; lane < width; ++lane)
      sums[lane] += sums[lane + width];
  return sums[0];
}
