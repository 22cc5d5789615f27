//===- SumOfSquares.h - squared Frobenius norm -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SUMOFSQUARES_H
#define COMPRESS_ALGORITHMS_SUMOFSQUARES_H

#include "compress/Support/DataType.h"
#include <cstdint>

namespace mlir::compress {

/// Sum of the squares of `count` floats of type `type` (any alignment), in f64 and in a fixed
/// order: sixteen interleaved partial sums, added pairwise at the end. The same bits on every
/// machine.
double sumOfSquares(DataType type, const void *values, uint64_t count);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SUMOFSQUARES_H
