//===- SplitWeights.h - weighted ops become two ------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SPLITWEIGHTS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SPLITWEIGHTS_H

#include "FactorStatistics.h"
#include "LowRankWeights.h"
#include "compress/Recipe/QuantizeSpec.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir {
namespace compress {

/// A weight that is split once for all of its users.
struct SplitTask {
  std::vector<WeightedOp> users;
  LowRankSpec spec;
  /// What LQER quantizes the weight to.
  std::optional<QuantizeSpec> quantize;
  /// Whether factors have to have fewer elements than the weight.
  bool needsFewer = true;
  /// What of the plan is not carried out, and why.
  SmallVector<std::string, 1> notes;

  const WeightedOp &first() const { return users.front(); }
  InFlightDiagnostic emitError() const { return first().op->emitError(); }
};

/// What became of a weight.
struct SplitOutcome {
  /// Why it stays whole; empty if it does not.
  std::string reason;
  /// "rank 64 of 128, svd_llm", and what went another way than asked for.
  std::string action;
  SmallVector<std::string, 2> notes;
  size_t rank = 0;
  LowRankMethod method = LowRankMethod::Svd;
  /// Of the first user, for the rank.
  FactorForm form;
  EncodedWeight rowFactor, columnFactor;
  /// What the op that stays is to use from now on.
  std::optional<EncodedWeight> residual;
  FactorErrors errors;
  uint64_t bytesBefore = 0;
  /// Of each user.
  std::vector<FactorStatistics> statistics;
};

/// Computes what becomes of a weight; changes no IR. Failures come with a diagnostic.
LogicalResult computeSplit(WeightStore &store, const SplitTask &task, const Statistics *statistics,
                           SplitOutcome &outcome);

/// Options of `splitWeights`.
struct SplitOptions {
  /// Name of the remarks.
  StringRef passName;
  bool needsFewer = true;
  /// How an op is to be split; nothing: not.
  llvm::function_ref<std::optional<LowRankSpec>(const WeightedOp &)> getSpec;
  /// More to tell of a weight that was split; null: nothing.
  llvm::function_ref<std::string(const SplitTask &, const SplitOutcome &)> describe = nullptr;
};

/// Splits every weight below `module` whose users ask for it, in parallel over weights, and commits
/// the results in program order: ops, weights, plans, statistics, remarks and report.
LogicalResult splitWeights(ModuleOp module, const SplitOptions &options);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SPLITWEIGHTS_H
