//===- PruneMethods.h - which weights go, and what stays ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PRUNEMETHODS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PRUNEMETHODS_H

#include "QuantizeWeight.h"
#include "compress/Algorithms/ScoreTree.h"
#include "compress/Algorithms/Sparsity.h"

namespace mlir {
namespace compress {

/// `2:4`, `unstructured:0.5` or `threshold 0.01`, with the method if it is not magnitude.
std::string describePruning(const PruneSpec &spec);

/// A weight after pruning, in its row-major order.
struct PrunedWeight {
  /// 1: kept.
  std::vector<uint8_t> mask;
  /// What the weight is then; empty if what is kept keeps its value.
  std::vector<float> values;
  /// Something to tell.
  std::string note;
};

/// Prunes one weight by the method of its specification (`unstructured` or N:M), with what is known
/// of its inputs and gradients.
class WeightPruner {
public:
  /// `spec` has no method `auto`. Keeps references to `task` and `statistics` (or null).
  WeightPruner(const WeightTask &task, const PruneSpec &spec, const Statistics *statistics,
               ParallelFor parallelFor);

  /// Looks up what the method needs. An error names the op and what is missing. Where that is there
  /// but says nothing (calibration never ran the op), `getUnseen` is the reason afterwards.
  llvm::Error prepare();
  StringRef getUnseen() const { return unseen; }

  const MatrixView &getView() const { return view; }
  /// Of the op's inputs; without a Gram matrix if there is none.
  const InputStatistics &getInput() const { return input; }

  /// Scores of all weights, larger ones matter more: `[batches, rows, columns]` of the view. Not
  /// for methods that choose while they change values (obs, sparsegpt, isc, alps).
  std::vector<float> getScores(const StoredTensor &dense) const;

  /// Prunes dense floats, which are finite. Errors are of the algorithm: a Gram matrix that has no
  /// inverse, too much work.
  llvm::Expected<PrunedWeight> prune(const StoredTensor &dense) const;

private:
  struct Part;
  llvm::Error findNorms();
  llvm::Error findGradients();
  SparsityTarget getTarget() const;
  std::vector<uint8_t> chooseByScores(const StoredTensor &dense) const;
  llvm::Error runPart(Part &part, std::string &note) const;
  llvm::Error prunePart(const Part &part, float *weight, const float *gram,
                        const SparsityTarget &target, std::string &note) const;
  /// Number of rows that share norms or a Gram matrix, and their number of groups.
  size_t getGroups() const { return input.gram.empty() ? normGroups : input.groups; }

  const WeightTask &task;
  PruneSpec spec;
  const Statistics *statistics;
  ParallelFor parallelFor;
  MatrixView view;
  InputStatistics input;
  std::string noGram, unseen;
  /// `[groups, columns]`: root of the mean square of what a column is multiplied with.
  std::vector<double> norms;
  size_t normGroups = 1;
  const WeightStatistics *gradients = nullptr;
  std::optional<ScoreTree> tree;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PRUNEMETHODS_H
