//===- SliceSelection.h - which masked units can be removed ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICESELECTION_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICESELECTION_H

#include "StructuredMasks.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {

/// Chooses the units of prunable groups all of whose weights and parameters are masked.
class SliceSelection {
public:
  SliceSelection(MLIRContext *context, const DependencyGraph &graph, remark::RemarkOpts options)
      : graph(graph), masks(context), options(std::move(options)) {}

  /// Chooses; a failure comes with a diagnostic. What is masked but not chosen is a missed remark.
  LogicalResult run();

  /// Per group.
  ArrayRef<llvm::BitVector> getUnits() const { return units; }
  /// The indices of a space that are left; empty if all are.
  ArrayRef<int64_t> getKept(size_t space) const { return kept[space]; }
  bool isChanged(size_t space) const { return !kept[space].empty(); }

private:
  LogicalResult choose(size_t group);
  void computeKept();

  const DependencyGraph &graph;
  MaskReader masks;
  remark::RemarkOpts options;
  std::vector<llvm::BitVector> units;
  std::vector<std::vector<int64_t>> kept;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICESELECTION_H
