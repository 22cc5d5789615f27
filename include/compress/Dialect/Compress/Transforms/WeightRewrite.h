//===- WeightRewrite.h - rewriting weights in parallel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The frame of every pass that rewrites weights: gather the weights and who uses them, run steps on
// them in parallel, commit the results serially in program order. A pass only brings its steps.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_WEIGHTREWRITE_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_WEIGHTREWRITE_H

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Support/Report.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir {
namespace compress {

/// A weight that is rewritten once for all of its users, which agree on the plan and on the dims.
struct WeightTask {
  /// Ops that use the weight; the first one gives the dims.
  std::vector<WeightedOp> users;
  std::optional<QuantizeSpec> quantize;
  std::optional<PruneSpec> prune;
  /// A codebook.
  std::optional<ShareSpec> share;

  const WeightedOp &first() const { return users.front(); }
  /// Diagnostics of the task point at the first user.
  InFlightDiagnostic emitError() const { return users.front().op->emitError(); }
};

/// What happened to a weight.
struct WeightOutcome {
  /// The weight as it is now.
  EncodedWeight weight;
  /// Whether `weight` is new and has to be written.
  bool changed = false;
  /// What was done ("2:4", "int4 group 128"), and what was not and why.
  SmallVector<std::string, 2> done, skipped;
  /// Sum of squared changes and of squares of the original weight.
  double squaredError = 0, sumSquares = 0;
  /// The same for the op's outputs on the calibration data, where statistics have a Gram matrix.
  std::optional<double> outputError, outputSquares;
  /// What the rewrite adds to the bias, per output channel; empty for nothing.
  std::vector<double> biasDelta;
  /// Share of zeros that pruning made, however they are stored.
  std::optional<double> sparsity;
  /// The dense floats before pruning, for steps after it, and whether pruning has stored other
  /// values than these and zeros. Gone after the last step.
  std::optional<StoredTensor> original;
  bool hasNewValues = false;
};

/// A step on one weight: changes `outcome.weight` and says so, or says in `outcome.skipped` why
/// not. A failure comes with a diagnostic.
using WeightStep =
    llvm::function_ref<LogicalResult(WeightStore &, const WeightTask &, WeightOutcome &)>;

/// Options of a rewrite.
struct WeightRewriteOptions {
  /// Name of the remarks and their category.
  StringRef passName, category;
  /// Which part of the plans the pass carries out.
  bool prunes = false, quantizes = false, shares = false;
  /// Weights of which no user is accepted are not touched and not told of; null: all.
  llvm::function_ref<bool(const WeightedOp &)> filter = nullptr;
};

/// Runs `step` on every weight below `module` whose plan asks for it. Emits a passed remark for
/// what was done and a missed one for what was not, tells the report collector, and removes weights
/// that nobody uses any more.
LogicalResult rewriteWeights(ModuleOp module, const WeightRewriteOptions &options, WeightStep step);

/// Names of all symbols that some attribute in `module` refers to.
llvm::DenseSet<StringAttr> collectReferencedSymbols(ModuleOp module);

/// Erases pure ops without uses and then every private weight that no op refers to.
void removeDeadWeights(ModuleOp module);

struct WeightUnit;

/// Why the users of a weight cannot be given one plan together, where `getText` of each of their
/// plans has to be `text`, and their weight one that algorithms can work on; empty if they can.
std::string explainUnallocatable(const WeightUnit &unit, StringAttr text,
                                 llvm::function_ref<StringAttr(PlanAttr)> getText);

/// Writes `plan` onto every weighted op that recipes select by default, keeping the part of an
/// existing plan that `plan` does not speak of.
void planAll(ModuleOp module, PlanAttr plan);

/// What the option `prune` of a pass says, which takes only specifications that `accepts`;
/// `expected` names them, for the diagnostic at `loc`: "layer:K".
FailureOr<PruneSpec> parsePruneOption(Location loc, StringRef text,
                                      llvm::function_ref<bool(const PruneSpec &)> accepts,
                                      StringRef expected);

/// `plan` without the prunings that `isDone` accepts; null if nothing is left.
PlanAttr dropPruning(PlanAttr plan, llvm::function_ref<bool(const PruneSpec &)> isDone);

/// Step: prunes single weights by the task's specification, if it has one that says so (Prune.cpp).
LogicalResult pruneStep(WeightStore &store, const WeightTask &task, WeightOutcome &outcome);
/// Step: replaces weights by entries of codebooks by the task's specification, if it has one
/// (ShareCodebooks.cpp).
LogicalResult shareStep(WeightStore &store, const WeightTask &task, WeightOutcome &outcome);
/// Step: quantizes by the task's specification, if it has one (Quantize.cpp).
LogicalResult quantizeStep(WeightStore &store, const WeightTask &task, WeightOutcome &outcome);
/// Puts the float activations of ops with a quantized weight, whose plan says so, through static or
/// dynamic quantization (QuantizeActivations.cpp). With `given` it counts instead of the plans. A
/// failure, with a diagnostic, where calibration saw values that are not finite.
LogicalResult quantizeActivations(ModuleOp module,
                                  const std::optional<QuantizeSpec> &given = std::nullopt);

/// Why the algorithms cannot work on a dense weight of this type: it is empty, or its elements are
/// not f64, f32, f16 or bf16. Empty if they can.
std::string explainUnfit(RankedTensorType type);

/// Scales of `spec` for a weight of this type with these dims: the block sizes; whether groups were
/// given up because the contraction is shorter than one; and whether each kernel position has its
/// own scales, because the dims that should share one are not next to each other (conv_transpose).
struct BlockChoice {
  SmallVector<int64_t> block;
  bool perChannelInstead = false;
  bool perPosition = false;
};
BlockChoice chooseBlock(const QuantizeSpec &spec, const WeightedOp &op);
/// Specification from the options of a pass; a diagnostic at `loc` if they contradict each other.
FailureOr<QuantizeSpec> makeQuantizeSpec(Location loc, StringRef format, int64_t group,
                                         StringRef granularity, StringRef convention,
                                         bool asymmetric, StringRef activations, StringRef method,
                                         StringRef more);

/// A quantized weight: codes with what decodes them, allocated here.
struct QuantizedParts {
  /// Codes of the weight's shape; for fp16 and bf16 the floats.
  StoredTensor codes;
  /// Values of the codes of table formats.
  std::optional<StoredTensor> table;
  /// Nothing for palettes, fp16 and bf16.
  std::optional<EncodedWeight::Scales> scales;
  double squaredError = 0, sumSquares = 0;
};

/// Rounds dense floats to the nearest values of a format. Also used for fake quantization and to
/// compare formats. `block` is that of `chooseBlock`; `what` names the weight in diagnostics.
FailureOr<QuantizedParts> quantizeDense(WeightStore &store, const StoredTensor &dense,
                                        const QuantizeSpec &spec, ArrayRef<int64_t> block,
                                        StringRef what, EmitErrorFn emitError);

/// Collects what passes did, layer by layer, for the tools that show it. Set on the dialect.
class ReportCollector {
public:
  virtual ~ReportCollector() = default;
  /// One layer is done; called in program order of the weights.
  virtual void addLayer(const LayerReport &layer) = 0;
  /// Formats of mixed precision were chosen.
  virtual void addAllocation(const AllocationReport &allocation) {}
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_WEIGHTREWRITE_H
