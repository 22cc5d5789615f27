//===- RandomizedSvd.h - the range of a large matrix -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review
// 2011, algorithm 4.4: Q spans M (M^T M)^q Omega for a random Omega, with an
// orthonormalisation after every product. Omega is uniform on (-1, 1), from
// splitmix64, so that it has the same bits on every machine.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_RANDOMIZEDSVD_H
#define COMPRESS_LIB_ALGORITHMS_RANDOMIZEDSVD_H

#include "compress/Algorithms/LinearAlgebra.h"

namespace mlir::compress {

/// Directions that are looked for to get `rank` good ones.
size_t getSampleSize(size_t rank);
/// Whether that is worth it: the matrix is large and `rank` small.
bool isRandomizedFaster(size_t rows, size_t columns, size_t rank);

/// Q [rows, samples], orthonormal columns that approximately span the left singular vectors of the
/// largest singular values of `matrix` [rows, columns], finite. `samples` is at most min(rows,
/// columns).
llvm::Expected<MatrixBuffer<float>> findRange(const float *matrix, size_t rows, size_t columns,
                                              size_t samples, uint64_t seed);

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_RANDOMIZEDSVD_H
