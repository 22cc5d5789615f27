//===- FactorStatistics.h - statistics of split layers -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The first op of a split layer sees what the layer saw. The second one sees x -> T x with a matrix
// T that V consists of, so that its Gram matrix is T G T^T and its sum T sum(x). What does not
// follow from the layer's statistics is left out.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_FACTORSTATISTICS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_FACTORSTATISTICS_H

#include "LowRankWeights.h"

namespace mlir {
namespace compress {

/// Statistics of the inputs of the two ops of a split layer; null for none.
struct FactorStatistics {
  std::shared_ptr<const TensorStatistics> first, second;
};

/// `input` is that of the layer (not null).
FactorStatistics getFactorStatistics(std::shared_ptr<const TensorStatistics> input,
                                     const FactorForm &form, const FactorView &view,
                                     const WeightFactors &factors);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_FACTORSTATISTICS_H
