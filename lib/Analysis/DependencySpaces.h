//===- DependencySpaces.h - dims that have the same indices -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The first of the two steps of the dependency graph: union-find over whole dims, for relations
// where index i is index i. What is left are a few spaces and the relations between them.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ANALYSIS_DEPENDENCYSPACES_H
#define COMPRESS_LIB_ANALYSIS_DEPENDENCYSPACES_H

#include "compress/Analysis/DependencyGraph.h"

namespace mlir {
namespace compress {

/// Why indices of a space cannot be removed.
struct BlockReason {
  std::string text;
  Operation *op = nullptr;
};

/// Index `map[i]` of `whole` is index `i` of `part`; an index of -1 is none of them.
struct IndexRelation {
  size_t part = 0, whole = 0;
  std::vector<int64_t> map;
};

/// Blocks of `sizeA` consecutive indices of `a` go with blocks of `sizeB` of `b`.
struct BlockRelation {
  size_t a = 0, b = 0;
  int64_t sizeA = 1, sizeB = 1;
};

/// The flattened dims of both sides are the same index.
struct ProductRelation {
  SmallVector<size_t, 2> lhs, rhs;
  Operation *op = nullptr;
};

/// All spaces of a module and how they relate.
struct SpaceGraph {
  using DimKey = std::tuple<Value, int64_t, Operation *>;

  std::vector<DependencySpace> spaces;
  /// Per space: position in `reasons` or -1. Reasons are in program order.
  std::vector<int64_t> blocked;
  std::vector<BlockReason> reasons;
  /// Per space: whether its indices are heads.
  std::vector<bool> isHead;
  std::vector<IndexRelation> indexRelations;
  std::vector<BlockRelation> blockRelations;
  std::vector<ProductRelation> products;
  std::vector<WeightedOp> weighted;
  llvm::DenseMap<DimKey, size_t> spaceOf;
};

/// The spaces of everything below `module`. Dims of unknown size, or of more than 2^24 indices, are
/// in none.
SpaceGraph collectSpaces(ModuleOp module);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_ANALYSIS_DEPENDENCYSPACES_H
