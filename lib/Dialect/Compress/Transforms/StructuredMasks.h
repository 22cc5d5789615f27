//===- StructuredMasks.h - masks of whole indices of dims ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the passes of structured pruning ask about masks: which indices of which dims of a tensor
// they take away as a whole, and which units of the dependency graph these are.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_STRUCTUREDMASKS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_STRUCTUREDMASKS_H

#include "compress/Analysis/DependencyGraph.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "llvm/ADT/BitVector.h"

namespace mlir {
namespace compress {

/// What a constant mask takes away of a tensor.
struct MaskedIndices {
  /// For each dim of the tensor: the indices that are masked as a whole. Empty for dims along which
  /// the mask is broadcast.
  SmallVector<llvm::BitVector, 4> gone;
  /// Whether the elements that are kept are the product of the indices that are kept.
  bool isProduct = true;

  bool isGone(int64_t dim, int64_t index) const {
    return !gone[dim].empty() && gone[dim].test(static_cast<unsigned>(index));
  }
};

/// Reads masks, each mask once.
class MaskReader {
public:
  explicit MaskReader(MLIRContext *context) : store(context) {}

  /// Nothing if the mask is no weight source; a failure comes with a diagnostic.
  FailureOr<std::optional<MaskedIndices>> read(MaskOp op);
  /// The masks of a chain together; those that are not constant do not count. `isProduct` is that
  /// of the masks that take whole indices away, without those that are no product.
  FailureOr<MaskedIndices> read(const WeightChain &chain, bool onlyProducts);

private:
  WeightStore store;
  llvm::DenseMap<std::pair<Value, Type>, MaskedIndices> known;
};

/// Whether zeros may be put in place of elements of a parameter: it is of floats, no part of a
/// decode chain, and its user does not divide by it.
bool isMaskable(Operation *user, Value value);

/// The units of `group` that `gone`, indices of a dim in the space of `member`, has in full, and
/// those of which it has some indices only.
struct UnitSelection {
  llvm::BitVector whole, partial;
};
UnitSelection selectUnits(const DependencyGroup &group, const DependencyGroup::Member &member,
                          const llvm::BitVector &gone);

/// `64 channels`, `1 head`.
std::string countUnits(int64_t count, GroupKind kind);
/// `2 weights`, `1 weight`.
std::string countOf(int64_t count, const Twine &singular);

/// A new mask for a tensor that comes from `source`, of its kind: elements one byte each.
Value makeMask(OpBuilder &builder, WeightSymbols &symbols, WeightStore &store,
               WeightSourceOpInterface source, RankedTensorType type, WeightBuffer buffer);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_STRUCTUREDMASKS_H
