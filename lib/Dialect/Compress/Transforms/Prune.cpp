//===- Prune.cpp - N:M pruning of weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/MagnitudePruning.h"
#include "compress/Algorithms/SumOfSquares.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PRUNE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// The N:M mask of a weight: by the magnitude of its floats, or of its decoded codes.
static FailureOr<std::vector<uint8_t>> chooseMask(WeightStore &store, const WeightTask &task,
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

LogicalResult mlir::compress::pruneStep(WeightStore &store, const WeightTask &task,
                                        WeightOutcome &outcome) {
  if (!task.prune)
    return success();
  EncodedWeight &weight = outcome.weight;
  NMPattern nm = {static_cast<unsigned>(task.prune->n), static_cast<unsigned>(task.prune->m)};
  std::string name = std::to_string(nm.n) + ":" + std::to_string(nm.m);
  int64_t axis = task.first().contractionDims.front();
  if (weight.pattern && weight.pattern->axis == axis && weight.pattern->nm.n == nm.n &&
      weight.pattern->nm.m == nm.m) {
    outcome.skipped.push_back("it is " + name + " already");
    return success();
  }
  if (std::string reason = explainUnfit(weight.type); !reason.empty()) {
    outcome.skipped.push_back(reason);
    return success();
  }
  int64_t length = weight.type.getDimSize(axis);
  if (length < nm.m) {
    outcome.skipped.push_back("not pruned to " + name + ": the contraction has only " +
                              std::to_string(length) + " elements");
    return success();
  }
  auto emitError = [&] { return task.emitError(); };
  if (weight.pattern && failed(expandPattern(store, weight, emitError)))
    return failure();
  BlockView view = getAxisView(weight.type.getShape(), axis);
  FailureOr<std::vector<uint8_t>> mask = chooseMask(store, task, weight, nm, view);
  if (failed(mask))
    return failure();
  auto squares = [&] {
    return sumOfSquares(weight.values.getDataType(), weight.values.bytes().data(),
                        view.getNumElements());
  };
  if (!weight.hasCodes())
    outcome.sumSquares = squares();
  if (failed(applyDenseMask(store, weight, *mask, emitError)))
    return failure();
  if (!weight.hasCodes())
    outcome.squaredError += outcome.sumSquares - squares();
  weight.pattern.emplace();
  weight.pattern->nm = nm;
  weight.pattern->axis = axis;
  weight.pattern->mask = std::move(*mask);
  outcome.changed = true;
  outcome.done.push_back(name);
  return success();
}

namespace {
struct Prune : public compress::impl::PruneBase<Prune> {
  using Base::Base;

  void runOnOperation() override {
    if (!pattern.empty()) {
      std::string text = pattern + ",method=" + method;
      llvm::Expected<PruneSpec> spec = parsePruneSpec(text);
      if (!spec) {
        emitError(getOperation().getLoc()) << llvm::toString(spec.takeError());
        return signalPassFailure();
      }
      planAll(getOperation(), PlanAttr::get(&getContext(), StringAttr(),
                                            StringAttr::get(&getContext(), toString(*spec))));
    }
    WeightRewriteOptions options{"compress-prune", "prune", /*prunes=*/true, /*quantizes=*/false};
    if (failed(rewriteWeights(getOperation(), options, pruneStep)))
      signalPassFailure();
  }
};

} // namespace
