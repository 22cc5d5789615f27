//===- Prune.cpp - N:M pruning of weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/MagnitudePruning.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PRUNE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// Sum of squares of the elements, in a fixed order; `mask` (one byte per element, may be null)
/// restricts it to the elements that are not kept.
static double sumOfSquares(const StoredTensor &tensor, const uint8_t *mask) {
  int64_t count = tensor.getType().getNumElements();
  double sums[8] = {};
  auto add = [&](auto load) {
    for (int64_t i = 0; i < count; ++i) {
      double value = mask && mask[i] ? 0.0 : load(i);
      sums[i % 8] += value * value;
    }
  };
  const char *data = tensor.bytes().data();
  if (tensor.getDataType() == DataType::F32)
    add([&](int64_t i) -> double { return reinterpret_cast<const float *>(data)[i]; });
  else
    add([&](int64_t i) {
      uint64_t bits = 0;
      unsigned bytes = getStorageBitWidth(tensor.getDataType()) / 8;
      std::memcpy(&bits, data + i * bytes, bytes);
      return decodeFloat(tensor.getDataType(), bits);
    });
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// The N:M mask of a weight: by the magnitude of its floats, or of its decoded codes.
static FailureOr<std::vector<uint8_t>> chooseMask(const WeightTask &task,
                                                  const EncodedWeight &weight, NMPattern nm,
                                                  BlockView view) {
  std::vector<uint8_t> mask(view.getNumElements());
  std::optional<uint64_t> nan;
  if (weight.scales) {
    FailureOr<QuantizedTensor> tensor = getQuantizedTensor(weight, weight.values);
    if (failed(tensor))
      return failure();
    nan = computeNMMask(nm, view, *tensor, mask.data());
  } else {
    nan = computeNMMask(nm, view, weight.values.getDataType(), weight.values.bytes().data(),
                        mask.data());
  }
  if (nan)
    return task.emitError() << "cannot prune weight '" << task.first().chain.getSourceName()
                            << "': element " << *nan << " is NaN";
  return mask;
}

/// Replaces dense values by the kept ones and their positions.
static LogicalResult compact(WeightStore &store, const WeightTask &task, EncodedWeight &weight,
                             NMPattern nm, int64_t axis, int64_t fill, ArrayRef<uint8_t> mask) {
  auto emitError = [&] { return task.emitError(); };
  BlockView view = getAxisView(weight.type.getShape(), axis);
  SmallVector<int64_t> shape(weight.type.getShape());
  shape[axis] = getCompactLength(nm, view.k);
  Type element = weight.values.getType().getElementType();
  SmallVector<int64_t> positionShape(shape);
  positionShape.back() = getPositionRowBytes(nm, shape.back());
  FailureOr<StoredTensor> kept =
      StoredTensor::allocate(store, RankedTensorType::get(shape, element), emitError);
  FailureOr<StoredTensor> positions = StoredTensor::allocate(
      store, RankedTensorType::get(positionShape, IntegerType::get(element.getContext(), 8)),
      emitError);
  if (failed(kept) || failed(positions))
    return failure();
  std::optional<uint64_t> fault = compactNM(
      nm, view, getStorageBitWidth(weight.values.getDataType()), weight.values.bytes().data(),
      mask.data(), shape.back(), kept->mutableBytes().data(), positions->mutableBytes().data());
  if (fault)
    return task.emitError() << "internal error: the mask of element " << *fault
                            << " does not have the pattern";
  weight.values = std::move(*kept);
  weight.pattern.emplace();
  weight.pattern->nm = nm;
  weight.pattern->axis = axis;
  weight.pattern->fill = fill;
  weight.pattern->positions = std::move(*positions);
  return success();
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
  if (weight.type.getNumElements() == 0) {
    outcome.skipped.push_back("it is empty");
    return success();
  }
  int64_t length = weight.type.getDimSize(axis);
  if (length < nm.m) {
    outcome.skipped.push_back("not pruned to " + name + ": the contraction has only " +
                              std::to_string(length) + " elements");
    return success();
  }
  auto emitError = [&] { return task.emitError(); };
  if (weight.pattern) {
    FailureOr<StoredTensor> dense = expandValues(store, weight, emitError);
    if (failed(dense))
      return failure();
    weight.values = std::move(*dense);
    weight.pattern.reset();
  }
  BlockView view = getAxisView(weight.type.getShape(), axis);
  FailureOr<std::vector<uint8_t>> mask = chooseMask(task, weight, nm, view);
  if (failed(mask))
    return failure();
  if (!weight.scales) {
    outcome.sumSquares = sumOfSquares(weight.values, nullptr);
    outcome.squaredError += sumOfSquares(weight.values, mask->data());
  }

  // The code of zero must be one for all blocks, or the codes stay dense.
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  if (!zeroPoints.empty() && !llvm::all_equal(zeroPoints)) {
    if (failed(applyDenseMask(store, weight, *mask, emitError)))
      return failure();
    outcome.skipped.push_back("codes are stored dense: zero points differ between blocks");
  } else if (failed(compact(store, task, weight, nm, axis,
                            zeroPoints.empty() ? 0 : zeroPoints.front(), *mask))) {
    return failure();
  }
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
        getOperation().emitError() << llvm::toString(spec.takeError());
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
