//===- Assignment.h - linear sum assignment --------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_ASSIGNMENT_H
#define COMPRESS_LIB_ALGORITHMS_ASSIGNMENT_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::compress {

/// The permutation `p` with the largest sum of `value[i * n + p[i]]` (finite), by shortest
/// augmenting paths with potentials (Kuhn 1955, Munkres 1957; in the form of Jonker and Volgenant,
/// "A shortest augmenting path algorithm for dense and sparse linear assignment problems", 1987):
/// O(n^3), exact up to the rounding of sums of n doubles. Rows that are best off with their own
/// column i keep it; else ties go to the column that comes first.
std::vector<uint32_t> assignRows(llvm::ArrayRef<double> value, size_t n);

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_ASSIGNMENT_H
