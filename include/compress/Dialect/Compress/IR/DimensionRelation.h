//===- DimensionRelation.h - how dims of values relate -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The relations that ops state through `DimensionRelationOpInterface`. They say which indices of
// which dims must be kept or removed together, as in the dependency graphs of LLM-Pruner and
// Torch-Pruning, but on indices and not on layers.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_DIMENSIONRELATION_H
#define COMPRESS_DIALECT_COMPRESS_IR_DIMENSIONRELATION_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace mlir {
namespace compress {

/// One dim of one value.
struct DimOf {
  Value value;
  int64_t dim = 0;
  bool operator==(const DimOf &other) const { return value == other.value && dim == other.dim; }
};

/// One relation. What the fields mean depends on `kind`:
/// - `Affine`: index `i` of `lhs[0]` is index `start + i * step` of `rhs[0]`, for all `i` of lhs.
///   With `indices` it is index `indices[i]` instead.
/// - `Blocks`: both dims are cut into equally many blocks, of `start` consecutive indices of
///   `lhs[0]` and of `step` of `rhs[0]`; block `i` of the one goes with block `i` of the other.
/// - `Product`: the dims of `lhs` and those of `rhs`, each flattened row-major, are the same index.
/// - `Fixed`: indices of `lhs[0]` cannot be removed; `reason` says why.
struct DimensionRelation {
  enum class Kind { Affine, Blocks, Product, Fixed };
  Kind kind;
  SmallVector<DimOf, 2> lhs, rhs;
  int64_t start = 0, step = 1;
  SmallVector<int64_t> indices;
  std::string reason;
};

/// Collects the relations of an op.
class DimensionRelations {
public:
  /// Index `i` of one is index `i` of the other.
  void same(Value a, int64_t dimA, Value b, int64_t dimB) { affine(a, dimA, b, dimB, 0, 1); }
  /// Index `i` of `part` is index `start + i * step` of `whole` (concat, split, slice).
  void affine(Value part, int64_t dimPart, Value whole, int64_t dimWhole, int64_t start,
              int64_t step);
  /// Index `i` of `part` is index `indices[i]` of `whole` (gather with constant indices).
  void mapped(Value part, int64_t dimPart, Value whole, int64_t dimWhole,
              ArrayRef<int64_t> indices);
  /// Blocks of `sizeA` indices of the one go with blocks of `sizeB` of the other (groups of a
  /// convolution, heads of queries that share a head of keys).
  void blocks(Value a, int64_t dimA, int64_t sizeA, Value b, int64_t dimB, int64_t sizeB);
  /// The flattened dims of `a` are the flattened dims of `b` (reshape).
  void product(ArrayRef<DimOf> a, ArrayRef<DimOf> b);
  /// Indices of this dim cannot be removed.
  void fixed(Value value, int64_t dim, StringRef reason);

  /// All dims of `a` and `b`, which have the same rank, are the same.
  void sameShape(Value a, Value b);
  /// NumPy broadcasting of every ranked operand against the first result, dims aligned at the end;
  /// a dim of size 1 is independent of a larger one.
  void elementwise(Operation *op);
  /// Every dim of every operand and result is fixed.
  void allFixed(Operation *op, StringRef reason);

  ArrayRef<DimensionRelation> get() const { return relations; }

private:
  SmallVector<DimensionRelation> relations;
};

/// Which indices of dims are gone: what ops are told by `removeIndices`. Values are those of the
/// module, which keep their identity and have their new types already.
class DimensionRemoval {
public:
  /// Says that only `kept` (increasing) of `oldSize` indices of a dim are left.
  void set(Value value, int64_t dim, int64_t oldSize, ArrayRef<int64_t> kept);

  /// Whether indices of this dim (of any dim) are gone.
  bool isChanged(Value value, int64_t dim) const { return find(value, dim) != nullptr; }
  bool isChanged(Value value) const { return changes.contains(value); }
  /// Old indices that are left, in increasing order. Only for changed dims.
  ArrayRef<int64_t> getKept(Value value, int64_t dim) const { return find(value, dim)->kept; }
  /// Size before. Only for changed dims.
  int64_t getOldSize(Value value, int64_t dim) const { return find(value, dim)->oldSize; }
  /// Type that a value of type `type` has after it lost what is said of `value`.
  RankedTensorType getNewType(Value value, RankedTensorType type) const;
  bool empty() const { return changes.empty(); }

private:
  struct Change {
    int64_t dim, oldSize;
    SmallVector<int64_t> kept;
  };
  const Change *find(Value value, int64_t dim) const;

  llvm::DenseMap<Value, SmallVector<Change, 1>> changes;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_IR_DIMENSIONRELATION_H
