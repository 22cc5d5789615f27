//===- Prune.cpp - pruning of single weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PruneMethods.h"
#include "compress/Algorithms/MagnitudePruning.h"
#include "compress/Algorithms/SumOfSquares.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PRUNE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// The N:M mask of a weight: by the magnitude of its floats, or of its decoded codes, exactly.
static FailureOr<std::vector<uint8_t>> chooseNM(WeightStore &store, const WeightTask &task,
                                                const EncodedWeight &weight, NMPattern nm,
                                                BlockView view) {
  std::vector<uint8_t> mask(view.getNumElements());
  std::optional<uint64_t> nan;
  if (FailureOr<QuantizedTensor> tensor = getQuantizedTensor(weight, weight.values);
      succeeded(tensor)) {
    nan = computeNMMask(nm, view, *tensor, mask.data());
  } else if (weight.hasCodes()) {
    FailureOr<StoredTensor> dense = decodeWeight(store, weight, [&] { return task.emitError(); });
    if (failed(dense))
      return failure();
    nan = computeNMMask(nm, view, dense->getDataType(), dense->bytes().data(), mask.data());
  } else {
    nan = computeNMMask(nm, view, weight.values.getDataType(), weight.values.bytes().data(),
                        mask.data());
  }
  if (nan)
    return task.emitError() << "cannot prune weight '" << task.first().chain.getSourceName()
                            << "': element " << *nan << " is NaN";
  return mask;
}

/// What `prune` says of a weight, which is dense. Methods that cannot work here are replaced by
/// magnitude, with the reason.
static FailureOr<PrunedWeight> choose(WeightStore &store, const WeightTask &task,
                                      const WeightPruner &pruner, PruneSpec &spec,
                                      WeightOutcome &outcome) {
  EncodedWeight &weight = outcome.weight;
  auto emitError = [&] { return task.emitError(); };
  std::string name = task.first().chain.getSourceName();
  auto parallel = [context = task.first().op->getContext()](size_t n,
                                                            llvm::function_ref<void(size_t)> body) {
    parallelFor(context, 0, n, body);
  };
  std::string reason = pruner.getUnseen().str();
  std::optional<StoredTensor> decoded;
  const StoredTensor *dense = &weight.values;
  bool isMagnitude = spec.method == PruneMethod::Magnitude && !spec.changesValues();
  if (!isMagnitude || spec.pattern != PrunePattern::NM) {
    if (weight.hasCodes()) {
      FailureOr<StoredTensor> values = decodeWeight(store, weight, emitError);
      if (failed(values))
        return failure();
      decoded = std::move(*values);
      dense = &*decoded;
    }
    if (std::optional<uint64_t> index = findNonFinite(*dense))
      return emitError() << "cannot prune weight '" << name << "': element " << *index
                         << " is not finite";
    if (reason.empty()) {
      llvm::Expected<PrunedWeight> pruned = pruner.prune(*dense);
      if (pruned)
        return std::move(*pruned);
      reason = llvm::toString(pruned.takeError());
    }
    outcome.skipped.push_back((spec.method == PruneMethod::Magnitude
                                   ? "update=" + getName(spec.update) + " is left out: "
                                   : getName(spec.method) + " is replaced by magnitude: ")
                                  .str() +
                              reason);
    spec.method = PruneMethod::Magnitude;
    spec.update = PruneUpdate::None;
  }
  if (spec.pattern == PrunePattern::NM) {
    NMPattern nm = {static_cast<unsigned>(spec.n), static_cast<unsigned>(spec.m)};
    int64_t axis = task.first().contractionDims.front();
    FailureOr<std::vector<uint8_t>> mask =
        chooseNM(store, task, weight, nm, getAxisView(weight.type.getShape(), axis));
    if (failed(mask))
      return failure();
    return PrunedWeight{std::move(*mask), {}, ""};
  }
  llvm::Expected<PrunedWeight> pruned =
      WeightPruner(task, spec, /*statistics=*/nullptr, parallel).prune(*dense);
  if (!pruned)
    return emitError() << "cannot prune weight '" << name
                       << "': " << llvm::toString(pruned.takeError());
  return std::move(*pruned);
}

//===----------------------------------------------------------------------===//
// The step
//===----------------------------------------------------------------------===//

/// Why a weight stays as it is; empty if it does not.
static std::string explainLeftAlone(const EncodedWeight &weight, const PruneSpec &spec,
                                    int64_t axis) {
  if (std::string reason = explainUnfit(weight.type); !reason.empty())
    return reason;
  if (spec.pattern == PrunePattern::Unstructured)
    return spec.ratio == 0 && !spec.threshold ? "the share to prune is 0" : "";
  std::string name = std::to_string(spec.n) + ":" + std::to_string(spec.m);
  if (weight.pattern && weight.pattern->isNM() && weight.pattern->axis == axis &&
      weight.pattern->nm.n == spec.n && weight.pattern->nm.m == spec.m)
    return "it is " + name + " already";
  int64_t length = weight.type.getDimSize(axis);
  if (length < spec.m)
    return "not pruned to " + name + ": the contraction has only " + std::to_string(length) +
           " elements";
  return "";
}

/// Whether the mask only removes what is zero: floats that are 0, or what an earlier mask removed.
static bool removesNothing(const EncodedWeight &weight, ArrayRef<uint8_t> mask,
                           ArrayRef<uint8_t> before) {
  if (!before.empty())
    return llvm::all_of(llvm::zip_equal(mask, before),
                        [](auto pair) { return std::get<0>(pair) || !std::get<1>(pair); });
  if (weight.hasCodes())
    return false;
  unsigned size = getStorageBitWidth(weight.values.getDataType()) / 8;
  const char *bytes = weight.values.bytes().data();
  for (auto [index, kept] : llvm::enumerate(mask)) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes + index * size, size);
    if (!kept && bits << (64 - 8 * size + 1) != 0)
      return false;
  }
  return true;
}

/// Puts new values, or zeros, into the place of dense floats, which become `outcome.original`.
static LogicalResult replaceFloats(WeightStore &store, const PrunedWeight &pruned,
                                   EmitErrorFn emitError, WeightOutcome &outcome) {
  StoredTensor &values = outcome.weight.values;
  FailureOr<StoredTensor> after =
      pruned.values.empty() ? StoredTensor::allocate(store, values.getType(), emitError)
                            : makeFloats(store, values.getType(), pruned.values, emitError);
  if (failed(after))
    return failure();
  unsigned size = getStorageBitWidth(values.getDataType()) / 8;
  const char *from = pruned.values.empty() ? values.bytes().data() : after->bytes().data();
  applyMask(from, size, pruned.mask.size(), pruned.mask.data(), after->mutableBytes().data());
  outcome.original = std::move(values);
  values = std::move(*after);
  return success();
}

/// Errors of floats, and of the outputs where their Gram matrix is known. Those of the outputs are
/// left to the last step.
static void judge(const WeightPruner &pruner, bool hasNewValues, bool isLast,
                  WeightOutcome &outcome) {
  const StoredTensor &before = *outcome.original, &after = outcome.weight.values;
  if (hasNewValues) {
    std::tie(outcome.squaredError, outcome.sumSquares) = compareFloats(before, after);
  } else {
    auto squares = [](const StoredTensor &tensor) {
      return sumOfSquares(tensor.getDataType(), tensor.bytes().data(),
                          tensor.getType().getNumElements());
    };
    outcome.sumSquares = squares(before);
    outcome.squaredError = outcome.sumSquares - squares(after);
  }
  if (isLast && !pruner.getInput().gram.empty())
    std::tie(outcome.outputError, outcome.outputSquares) =
        getOutputError(pruner.getView(), before, after, pruner.getInput());
}

/// `expand_bitmap` stores no zeros, also those that were there before.
static void dropZeros(const EncodedWeight &weight, ArrayRef<uint8_t> before,
                      std::vector<uint8_t> &mask) {
  for (auto [kept, old] : llvm::zip(mask, before))
    kept &= old;
  if (weight.hasCodes())
    return;
  unsigned size = getStorageBitWidth(weight.values.getDataType()) / 8;
  const char *bytes = weight.values.bytes().data();
  for (auto [index, kept] : llvm::enumerate(mask)) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes + index * size, size);
    kept &= bits << (64 - 8 * size + 1) != 0;
  }
}

/// Whether the matrices of a stacked weight have inputs of their own (the last products of
/// experts): calibration then has norms of the inputs, but no Gram matrix.
static bool hasOwnInputs(const WeightTask &task, const Statistics *statistics) {
  const TensorStatistics *input = statistics ? statistics->findInput(task.first().name) : nullptr;
  return input && input->vectors && input->gram.empty() && !input->sumSquares.empty() &&
         !task.first().batchDims.empty();
}

LogicalResult mlir::compress::pruneStep(WeightStore &store, const WeightTask &task,
                                        WeightOutcome &outcome) {
  if (!task.prune || !task.prune->isElements())
    return success();
  EncodedWeight &weight = outcome.weight;
  MLIRContext *context = task.first().op->getContext();
  const Statistics *statistics = context->getLoadedDialect<CompressDialect>()->getStatistics();
  PruneSpec spec = resolveAuto(*task.prune, statistics);
  auto emitError = [&] { return task.emitError(); };
  std::string name = task.first().chain.getSourceName();
  int64_t axis = task.first().contractionDims.front();
  if (std::string reason = explainLeftAlone(weight, spec, axis); !reason.empty()) {
    outcome.skipped.push_back(reason);
    return success();
  }
  if (!spec.threshold &&
      (spec.scope == PruneScope::Global || spec.allocation != SparsityAllocation::Uniform))
    return emitError() << "weight '" << name << "' shares its sparsity with others ("
                       << (spec.scope == PruneScope::Global ? "scope=global"
                                                            : "allocation=sensitivity")
                       << "); run compress-allocate-sparsity first";
  if (weight.hasCodes() && spec.changesValues()) {
    outcome.skipped.push_back("not pruned: " + describePruning(spec) +
                              " changes values, but the weight is quantized already");
    return success();
  }
  if (spec.changesValues() && hasOwnInputs(task, statistics)) {
    outcome.skipped.push_back("pruned by wanda instead of " + getName(spec.method).str() +
                              ": its matrices have inputs of their own, which have no Gram matrix");
    spec.method = PruneMethod::Wanda;
    spec.update = PruneUpdate::None;
  }
  auto parallel = [context](size_t n, llvm::function_ref<void(size_t)> body) {
    parallelFor(context, 0, n, body);
  };
  WeightPruner pruner(task, spec, statistics, parallel);
  if (llvm::Error error = pruner.prepare())
    return emitError() << "cannot prune weight '" << name
                       << "': " << llvm::toString(std::move(error));

  std::vector<uint8_t> before;
  bool wasNM = weight.pattern && weight.pattern->isNM(), isNM = spec.pattern == PrunePattern::NM;
  if (weight.pattern) {
    if (failed(expandPattern(store, weight, emitError)))
      return failure();
    before = weight.pattern->mask;
  }
  // Masks are nested: what has enough zeros where they are wanted keeps the rest.
  FailureOr<PrunedWeight> pruned = failure();
  bool isDone = false;
  if (spec.method == PruneMethod::Magnitude || spec.changesValues() || !before.empty()) {
    PruneSpec byMagnitude = spec;
    byMagnitude.method = PruneMethod::Magnitude;
    byMagnitude.update = PruneUpdate::None;
    pruned = choose(store, task, WeightPruner(task, byMagnitude, nullptr, parallel), byMagnitude,
                    outcome);
    if (failed(pruned))
      return failure();
    isDone = removesNothing(weight, pruned->mask, before);
  }
  if (isDone && !before.empty() && (!isNM || wasNM)) {
    outcome.skipped.push_back("it has the zeros of " + describePruning(spec) + " already");
    return success();
  }
  if (!isDone && (spec.method != PruneMethod::Magnitude || spec.changesValues())) {
    pruned = choose(store, task, pruner, spec, outcome);
    if (failed(pruned))
      return failure();
  }

  if (weight.hasCodes()) {
    if (failed(applyDenseMask(store, weight, pruned->mask, emitError)))
      return failure();
  } else {
    if (failed(replaceFloats(store, *pruned, emitError, outcome)))
      return failure();
    judge(pruner, !pruned->values.empty(), /*isLast=*/!task.quantize, outcome);
    outcome.hasNewValues = !pruned->values.empty();
  }
  if (!isNM)
    dropZeros(weight, before, pruned->mask);
  EncodedWeight::Pattern &pattern = weight.pattern.emplace();
  pattern.kind = isNM ? EncodedWeight::Pattern::Kind::NM : EncodedWeight::Pattern::Kind::Bitmap;
  if (isNM) {
    pattern.nm = {static_cast<unsigned>(spec.n), static_cast<unsigned>(spec.m)};
    pattern.axis = axis;
  }
  pattern.mask = std::move(pruned->mask);
  outcome.sparsity =
      static_cast<double>(llvm::count(pattern.mask, 0)) / static_cast<double>(pattern.mask.size());
  outcome.changed = true;
  outcome.done.push_back(describePruning(spec));
  if (int64_t rest = weight.type.getDimSize(axis) % spec.m; isNM && rest)
    outcome.done.push_back("the last block is of " + std::to_string(rest));
  if (!pruned->note.empty())
    outcome.done.push_back(pruned->note);
  return success();
}

namespace {
struct Prune : public compress::impl::PruneBase<Prune> {
  using Base::Base;

  void runOnOperation() override {
    if (!pattern.empty()) {
      llvm::Expected<PruneSpec> spec =
          parsePruneSpec(method.empty() ? pattern : pattern + ",method=" + method);
      if (!spec) {
        emitError(getOperation().getLoc()) << llvm::toString(spec.takeError());
        return signalPassFailure();
      }
      if (!spec->isElements()) {
        emitError(getOperation().getLoc())
            << "compress-prune prunes single weights (N:M, unstructured), not "
            << compress::getName(spec->pattern) << "s";
        return signalPassFailure();
      }
      auto *dialect = getContext().getLoadedDialect<CompressDialect>();
      std::string text = toString(resolveAuto(*spec, dialect->getStatistics()));
      planAll(getOperation(), PlanAttr::getPruning(StringAttr::get(&getContext(), text)));
    }
    WeightRewriteOptions options{"compress-prune", "prune", /*prunes=*/true, /*quantizes=*/false};
    if (failed(rewriteWeights(getOperation(), options, pruneStep)))
      signalPassFailure();
  }
};

} // namespace
