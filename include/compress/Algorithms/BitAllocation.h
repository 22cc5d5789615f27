//===- BitAllocation.h - one format per layer under a budget ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Mixed precision (Dong et al., "HAWQ-V2", NeurIPS 2020): every layer i gets
// one of its formats f, such that
//
//   sum_i sensitivity_i(f_i) is least  with  sum_i size_i(f_i) <= budget.
//
// Solved exactly by dynamic programming over layers: the states are the pairs
// (size, sensitivity) that no other pair beats in both. Sizes are integers and
// are not rounded, so there is no resolution to choose. States that cannot lead
// to a better end than the best known one are dropped, by the bound that the
// Lagrangian min_f (sensitivity + lambda * size) of the remaining layers gives.
// Should more than `maxStates` remain (many thousands of layers with unrelated
// sizes), the result is the best that the Lagrangian finds, filled up greedily,
// and `exact` is false.
//
// Ties: of equal sensitivities the smaller size; then the formats that come
// first, first layers first.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_BITALLOCATION_H
#define COMPRESS_ALGORITHMS_BITALLOCATION_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::compress {

/// A format that a layer can have.
struct FormatChoice {
  /// In any unit, the budget's.
  uint64_t size = 0;
  /// Finite, not negative: what the format costs in accuracy.
  double sensitivity = 0;
};

struct BitAllocation {
  /// Per layer: index of its format.
  std::vector<unsigned> choices;
  uint64_t size = 0;
  /// Sums over the layers, in their order.
  double sensitivity = 0;
  /// Whether nothing better exists.
  bool exact = true;
};

/// Solves the problem at the head of this file. Nothing if a layer has no format or even the
/// smallest formats exceed `budget`. The sum of all sizes must fit 64 bits.
std::optional<BitAllocation> allocateBits(llvm::ArrayRef<std::vector<FormatChoice>> layers,
                                          uint64_t budget, size_t maxStates = size_t(1) << 20);

/// Size of the smallest allocation; 0 for formats that are missing.
uint64_t getSmallestSize(llvm::ArrayRef<std::vector<FormatChoice>> layers);

/// Mean of z^T H z over `probes` vectors z of n independent signs (Hutchinson): an estimate of the
/// trace of a symmetric matrix H of which only products are known, with variance 2 sum_{i != j}
/// H_ij^2 / probes. `multiply` writes H z to its second argument. The signs depend on `seed` only.
double estimateTrace(
    size_t n, unsigned probes, uint64_t seed,
    llvm::function_ref<void(llvm::ArrayRef<double> z, llvm::MutableArrayRef<double> product)>
        multiply);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_BITALLOCATION_H
