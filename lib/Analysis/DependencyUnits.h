//===- DependencyUnits.h - indices that are removed together -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The second of the two steps of the dependency graph: union-find over the indices of spaces.
//
// A product (reshape) says that the flattened dims of both sides are the same index. One of its
// dims is chosen as the one whose indices are units; on the other side, the dim that it is a part
// of follows, and all other dims of the product keep their indices. Which one is chosen: the first
// that is not blocked, better one that another product chose. If it turns out to be blocked by what
// it is tied to, or to be a single unit, the next one is tried.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ANALYSIS_DEPENDENCYUNITS_H
#define COMPRESS_LIB_ANALYSIS_DEPENDENCYUNITS_H

#include "DependencySpaces.h"

namespace mlir {
namespace compress {

/// Ties the indices of the spaces of a graph.
class UnitFinder {
public:
  explicit UnitFinder(const SpaceGraph &graph);

  /// Chooses the dims of products and ties everything.
  void run();

  /// First index, counted through all spaces, of the unit of an index.
  size_t getRoot(size_t space, int64_t index) { return find(offsets[space] + index); }
  /// Number of indices of all spaces.
  size_t getNumIndices() const { return parents.size(); }
  /// Why the unit of this root cannot be removed, or null.
  const BlockReason *getReason(size_t root) const {
    return rootBlocked[root] < 0 ? nullptr : &reasons[rootBlocked[root]];
  }

private:
  /// A choice for a product: unit of index `i` of `follower` is `i / ratio % size` of `chosen`.
  struct Choice {
    size_t chosen, follower;
    int64_t ratio, size;
    /// Positions among the dims of both sides, lhs first.
    size_t chosenPosition, followerPosition;
    bool isRejected = false;
  };

  size_t find(size_t index);
  void unite(size_t a, size_t b);
  int64_t getSize(size_t space) const { return graph.spaces[space].size; }
  SmallVector<Choice, 4> makeChoices(const ProductRelation &product) const;
  /// Blocks what follows from blocked spaces.
  void propagateBlocks();
  bool propagate(const ProductRelation &product);
  bool blockLike(size_t space, size_t other);
  void chooseDims();
  void freeze(const ProductRelation &product, const Choice &choice);
  void tieIndices();
  /// Rejects choices that leave nothing to remove; false if there are none with an alternative.
  bool rejectChoices();
  bool isUseless(size_t space);

  const SpaceGraph &graph;
  std::vector<size_t> offsets;
  std::vector<uint32_t> parents;
  std::vector<BlockReason> reasons;
  /// Per space: position in `reasons` or -1; before and with the choices.
  std::vector<int64_t> blockedBefore, blocked;
  std::vector<int64_t> rootBlocked;
  /// Per index relation: every index of the part (of the whole) is in it.
  std::vector<std::pair<bool, bool>> isTotal;
  /// Per product.
  std::vector<SmallVector<Choice, 4>> choices;
  std::vector<Choice *> current;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_ANALYSIS_DEPENDENCYUNITS_H
