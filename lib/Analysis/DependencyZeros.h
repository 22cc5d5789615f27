//===- DependencyZeros.h - where removed indices are zero -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Masking a unit makes the weights and parameters of its indices zero. Where a weight contracts
// activations, it does not matter what they are at these indices. Where something else sums them up
// (a mean, a norm, the product of two activations), the sliced model computes what the masked one
// does only if they are zero: they are behind `relu`, they are not behind `exp` or `sigmoid`.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ANALYSIS_DEPENDENCYZEROS_H
#define COMPRESS_LIB_ANALYSIS_DEPENDENCYZEROS_H

#include "compress/Analysis/DependencyGraph.h"

namespace mlir {
namespace compress {

/// Knows for each dim whether what is masked along it is zero. Ops must be added in program order;
/// nothing is known of arguments of blocks.
class ZeroDims {
public:
  /// `weighted`: the ops whose weights are masked with their units.
  explicit ZeroDims(ArrayRef<WeightedOp> weighted);

  void add(Operation *op);
  /// Whether elements of `value` at masked indices of the dim are zero.
  bool isZero(Value value, int64_t dim) const;
  /// Dims of operands that `op` sums up without a weight, and that are not zero.
  SmallVector<DimOf> findNonZeroSums(Operation *op) const;

private:
  bool isResultZero(Operation *op, Value result, int64_t dim) const;
  /// For ops that broadcast: the operand at a dim of the result.
  bool isOperandZero(Value operand, Value result, int64_t dim) const;
  bool isMatMulZero(MatMulOp op, int64_t dim) const;
  /// Ops that move elements: those dims of operands that are in a relation with the result's.
  bool isMovedZero(Operation *op, Value result, int64_t dim) const;

  llvm::DenseSet<Operation *> weighted;
  llvm::DenseSet<std::pair<Value, int64_t>> zeros;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_ANALYSIS_DEPENDENCYZEROS_H
