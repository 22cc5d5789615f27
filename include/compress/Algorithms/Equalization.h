//===- Equalization.h - equal ranges of neighbouring layers ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
// Correction", ICCV 2019, section 4.1. Between two layers, channel i of the
// first one's output is divided by s_i and the weights of the second that meet it
// are multiplied by s_i, where
//
//   s_i = sqrt(r1_i r2_i) / r2_i
//
// and r1_i, r2_i are the largest magnitudes of the two sides; afterwards both are
// sqrt(r1_i r2_i). As layers have two sides this is repeated over all pairs, in
// order, until no s_i differs from 1 by more than a tolerance. Where a side of a
// channel is zero, s_i = 1. Where one tensor is on both sides of a pair (residual
// streams), the square root of s_i is used, so that the steps settle. Computed in
// f64.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_EQUALIZATION_H
#define COMPRESS_ALGORITHMS_EQUALIZATION_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <vector>

namespace mlir::compress {

/// A weight and the pairs that it is a side of: at most two sides.
struct EqualizationTensor {
  struct Side {
    size_t pair = 0;
    /// The element at index k of the middle belongs to class `classes[k]` of the pair; -1: none.
    BlockView view;
    std::vector<int32_t> classes;
    /// The second layer of the pair (multiplied by s), else the first one (divided).
    bool multiply = false;
  };
  /// Row-major elements, finite.
  llvm::ArrayRef<float> values;
  llvm::SmallVector<Side, 2> sides;
};

struct EqualizationResult {
  /// Product of all s, per pair and class.
  std::vector<std::vector<double>> factors;
  /// Passes over all pairs, the last of which changed nothing if `converged`.
  unsigned sweeps = 0;
  bool converged = false;
};

/// Equalises; `numClasses` has an entry per pair. Looks at the elements once.
EqualizationResult equalize(llvm::ArrayRef<EqualizationTensor> tensors,
                            llvm::ArrayRef<size_t> numClasses, unsigned maxSweeps = 40,
                            double tolerance = 1e-6);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_EQUALIZATION_H
