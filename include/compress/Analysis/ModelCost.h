//===- ModelCost.h - parameters and multiplications of a model --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sizes of a model as sums of products of sizes of spaces of its dependency
// graph, so that they are known before anything is removed.
//
// Parameters are the elements of float tensors that are stored: weights, biases,
// parameters of norms, tables that are added. A weight that several ops use counts
// once. Other parameters, too, unless they are pruned apart from each other (their
// users' dims are in different spaces of prunable groups). Running means and
// variances of batch norms and constants of one element are no parameters; this
// is what PyTorch and Torch-Pruning count.
//
// Multiply-accumulates (MACs) are those of weighted ops and of products of
// activations, of one run. Dims that are not known count 1: a model with a
// dynamic batch is counted for one sample, one with a dynamic sequence for one
// token. Branches all count.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_MODELCOST_H
#define COMPRESS_ANALYSIS_MODELCOST_H

#include "compress/Analysis/DependencyGraph.h"
#include "llvm/ADT/BitVector.h"
#include <set>

namespace mlir {
namespace compress {

/// Number of elements and of multiply-accumulates; the largest number if they do not fit.
struct ModelSize {
  uint64_t parameters = 0, macs = 0;
  bool operator==(const ModelSize &other) const = default;
};

/// See the head of this file.
class ModelCost {
public:
  ModelCost(ModuleOp module, const DependencyGraph &graph);

  /// The sizes after `removed[space]` indices of each space are gone; empty: nothing is.
  ModelSize count(ArrayRef<int64_t> removed = {}) const;
  /// Elements of the parameters of which some dim is in one of `spaces`.
  uint64_t countParametersIn(const llvm::BitVector &spaces) const;
  /// Whether a dim of an op that has multiply-accumulates is not known.
  bool hasDynamicDims() const { return hasDynamic; }

private:
  /// Product of a number and of the sizes of spaces.
  struct Term {
    uint64_t factor = 1;
    SmallVector<size_t, 4> spaces;
  };

  /// Bytes, and the spaces that tell several uses of them apart.
  using Seen = std::set<std::pair<const void *, SmallVector<size_t>>>;

  void addParameters(Operation *op, Seen &seen);
  void addMacs(Operation *op);
  /// Multiplies a term with dims of a value.
  void multiply(Term &term, Value value, ArrayRef<int64_t> dims, Operation *user = nullptr);
  void multiplyAll(Term &term, Value value, Operation *user = nullptr);
  uint64_t evaluate(const Term &term, ArrayRef<int64_t> removed) const;

  const DependencyGraph &graph;
  /// Spaces in which a prunable group has units.
  llvm::BitVector prunable;
  std::vector<Term> parameters, macs;
  bool hasDynamic = false;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_MODELCOST_H
