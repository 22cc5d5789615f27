//===- GroupChoice.h - which units of groups are removed --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_GROUPCHOICE_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_GROUPCHOICE_H

#include "compress/Analysis/ModelCost.h"

namespace mlir {
namespace compress {

/// A group whose units compete for removal.
struct GroupCandidate {
  const DependencyGroup *group = nullptr;
  /// Not empty, in program order.
  std::vector<GroupWeight> weights;
  /// One per unit.
  std::vector<double> scores;
  /// One byte per unit, 1 = kept; empty before the choice.
  std::vector<uint8_t> kept;

  int64_t getNumRemoved() const { return llvm::count(kept, 0); }
};

/// Chooses what is removed from groups that have the same specification.
class GroupChoice {
public:
  GroupChoice(const DependencyGraph &graph, const ModelCost &cost)
      : cost(cost), dense(cost.count()), removed(graph.getSpaces().size()) {}

  /// Sets `kept` of all candidates. A failure, with a diagnostic at `loc`, if the parameters or
  /// multiply-accumulates of the model cannot be reduced as asked. What earlier calls chose counts.
  LogicalResult choose(Location loc, MutableArrayRef<GroupCandidate> candidates,
                       const PruneSpec &spec);

  /// Sizes of the model before, and after everything that was chosen.
  ModelSize getDenseSize() const { return dense; }
  ModelSize getSize() const { return cost.count(removed); }

private:
  LogicalResult chooseBySize(Location loc, MutableArrayRef<GroupCandidate> candidates,
                             const PruneSpec &spec);
  /// Indices of each space that are gone, with what earlier calls chose.
  std::vector<int64_t> countRemoved(ArrayRef<GroupCandidate> candidates) const;

  const ModelCost &cost;
  ModelSize dense;
  /// By earlier calls.
  std::vector<int64_t> removed;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_GROUPCHOICE_H
