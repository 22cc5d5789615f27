//===- RotatableSet.h - values whose channels rotate together -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Which values have to be multiplied by one and the same orthogonal matrix along one of their dims
// so that the model computes what it did: the residual stream of a transformer, or the values of an
// attention. Found by data flow from one of them, forward and backward, through ops that commute
// with a linear map of that dim, up to the weights that read and write it.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_ROTATABLESET_H
#define COMPRESS_ANALYSIS_ROTATABLESET_H

#include "compress/Analysis/WeightChain.h"

namespace mlir {
namespace compress {

/// rms_norm or layer_norm.
struct NormOp {
  Operation *op = nullptr;
  Value input, scale, bias;
  int64_t axis = 0;
  bool isLayerNorm = false;
};

/// `op` as a norm; nothing for other ops.
std::optional<NormOp> getNorm(Operation *op);

/// See the head of this file.
struct RotatableSet {
  /// A weighted op that contracts a value of the set, or makes one.
  struct WeightUse {
    WeightedOp op;
    /// Dim of `op.chain.root` that rotates.
    int64_t dim = 0;
    /// Readers: the norm whose scale and bias the op still has to apply, or null.
    Operation *norm = nullptr;
    /// Readers: the norm whose result the op reads, also if there is nothing to apply; or null.
    Operation *behind = nullptr;
  };
  /// An operand that is a constant and rotates along `dim`.
  struct Constant {
    OpOperand *operand = nullptr;
    int64_t dim = 0;
  };

  /// Size of the matrix. Dims may be a multiple of it: then each block of this size rotates.
  int64_t size = 0;
  std::vector<WeightUse> readers, writers;
  SmallVector<Constant> constants;
  SmallVector<NormOp> norms;
  /// Every value of the set.
  llvm::DenseMap<Value, int64_t> dims;
  /// Two computed values of the set are added somewhere.
  bool hasResidual = false;
  /// There are layer_norms, which see values without their mean; then all writers have to subtract
  /// it, and all readers are behind such a norm.
  bool hasLayerNorm = false;
  /// Why the set cannot be rotated, and where; empty if it can.
  std::string refusal;
  Operation *culprit = nullptr;
};

/// The set of dim `dim` of `value`, which has a static size that is a multiple of `size`. Norms
/// belong to the set if `size` is the whole dim. `isPlain` says of a norm whether its scale is 1
/// and its bias 0, which is the case where its result may go to anything in the set.
RotatableSet findRotatableSet(Value value, int64_t dim, int64_t size,
                              llvm::function_ref<bool(const NormOp &)> isPlain);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_ROTATABLESET_H
