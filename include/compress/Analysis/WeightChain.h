//===- WeightChain.h - weights of an op and how they are decoded -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What passes ask about a weighted op: which operand is its weight, and by which chain of decode
// ops the weight comes from its stored bytes.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_WEIGHTCHAIN_H
#define COMPRESS_ANALYSIS_WEIGHTCHAIN_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Recipe/Recipe.h"

namespace mlir {
namespace compress {

/// The decode chain of one value, from the value down to its source.
struct WeightChain {
  /// Value that an op uses.
  Value value;
  /// Dense value below the transposes: dim `i` of `value` is dim `permutation[i]` of `root`. Empty:
  /// no transposes.
  Value root;
  SmallVector<int64_t> permutation;
  /// Decode ops, outermost first.
  SmallVector<Operation *, 4> links;
  /// Op with the bytes at the end of the chain.
  WeightSourceOpInterface source;

  /// Ops with the stored tensors of the chain, each once, that of `source` first: codes, scales
  /// (all that they are computed from), zero points, tables, positions, masks.
  SmallVector<WeightSourceOpInterface, 4> getSources() const;
  RankedTensorType getType() const { return cast<RankedTensorType>(root.getType()); }
  /// Name of the source, for diagnostics and reports.
  std::string getSourceName() const { return WeightSourceOpInterface(source).getWeightName(); }
  bool isDense() const { return links.empty(); }
  /// The link of this kind, or null.
  template <typename OpTy>
  OpTy getLink() const {
    for (Operation *link : links)
      if (auto op = dyn_cast<OpTy>(link))
        return op;
    return {};
  }
};

/// Whether `value` is a stored tensor or computed from such by decode links, additions and
/// reshapes: what the scales of a chain may be.
bool isStoredExpression(Value value);

/// The ops with the stored tensors that `value` is computed from, each once. Shapes of reshapes do
/// not count. Values that are no stored expression give nothing.
SmallVector<WeightSourceOpInterface, 4> getStoredSources(Value value);

/// Chain of `value`; failure if it does not end in a weight source with a ranked tensor.
FailureOr<WeightChain> getWeightChain(Value value);

/// An op with its weight. Dims are those of `chain.root`.
struct WeightedOp {
  Operation *op = nullptr;
  OpOperand *operand = nullptr;
  /// The operand that is contracted with the weight, or null.
  OpOperand *activation = nullptr;
  WeightChain chain;
  SmallVector<int64_t> outputDims, contractionDims, batchDims;
  /// Kind in recipes; nothing for ops that recipes do not know.
  std::optional<LayerKind> kind;
  StringRef kindName;
  /// The op's `name`, else the name of its weight.
  std::string name;
};

/// Failure if `op` has no weight: it is not a weighted op, or none of its operands that could be
/// one comes from a weight source.
FailureOr<WeightedOp> getWeighted(Operation *op);

/// All ops with weights below `root`, in program order, regions of ops included.
std::vector<WeightedOp> collectWeighted(Operation *root);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_WEIGHTCHAIN_H
