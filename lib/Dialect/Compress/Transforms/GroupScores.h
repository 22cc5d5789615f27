//===- GroupScores.h - scores of the units of a group -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_GROUPSCORES_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_GROUPSCORES_H

#include "compress/Algorithms/StructuredScores.h"
#include "compress/Analysis/DependencyGraph.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Support/Statistics.h"

namespace mlir {
namespace compress {

/// Scores the units of groups from the slices of their weights.
class GroupScorer {
public:
  /// `statistics` may be null.
  GroupScorer(WeightStore &store, const DependencyGraph &graph, const Statistics *statistics)
      : store(store), graph(graph), statistics(statistics) {}

  /// A score for every unit of `group` by the method of `spec` (Auto: l2); `weights`, not empty,
  /// are those of the group. If the group cannot be scored that way and is to be left alone,
  /// `reason` says why. What the method needs and is not there is an error, with a diagnostic.
  FailureOr<std::vector<double>> score(const DependencyGroup &group, ArrayRef<GroupWeight> weights,
                                       const PruneSpec &spec, std::string &reason);

private:
  FailureOr<std::vector<double>> scoreWeight(const DependencyGroup &group,
                                             const GroupWeight &weight, StructuredScore score);
  FailureOr<std::vector<std::vector<double>>> scoreNorms(const DependencyGroup &group,
                                                         const GroupWeight &first);
  LogicalResult addChannels(const WeightedOp &op, StructuredScore score, StructuredInputs &inputs,
                            std::vector<double> &factors);
  LogicalResult addGradients(const WeightedOp &op, StructuredScore score, StructuredInputs &inputs);

  WeightStore &store;
  const DependencyGraph &graph;
  const Statistics *statistics;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_GROUPSCORES_H
