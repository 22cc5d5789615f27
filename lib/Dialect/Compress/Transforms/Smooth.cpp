//===- Smooth.cpp - SmoothQuant -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SmoothQuant.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_SMOOTH
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// Largest magnitude of the inputs of each class; empty if no consumer has statistics.
static std::vector<float> getActivationMax(const ChannelScalingPlan &plan,
                                           const Statistics *statistics) {
  std::vector<float> largest(plan.numClasses, 0.0f);
  bool known = false;
  for (const ChannelScalingPlan::Consumer &consumer : plan.consumers) {
    const TensorStatistics *input = statistics ? statistics->findInput(consumer.op.name) : nullptr;
    if (!input)
      continue;
    std::vector<float> mine = input->getAbsMax();
    if (mine.size() != consumer.classes.size())
      continue;
    known = true;
    for (auto [index, value] : llvm::zip(consumer.classes, mine))
      if (index >= 0)
        largest[index] = std::max(largest[index], value);
  }
  return known ? largest : std::vector<float>();
}

/// Largest magnitude of the weights that each class meets.
static FailureOr<std::vector<float>> getWeightMax(WeightStore &store,
                                                  const ChannelScalingPlan &plan) {
  std::vector<float> largest(plan.numClasses, 0.0f);
  for (const ChannelScalingPlan::Consumer &consumer : plan.consumers) {
    const ChannelScalingPlan::Edit &edit = plan.edits[consumer.edit];
    FailureOr<StoredTensor> weight =
        StoredTensor::read(store, edit.chain.source, [&] { return consumer.op.op->emitError(); });
    if (failed(weight))
      return failure();
    for (auto [i, value] : llvm::enumerate(readFloats(*weight))) {
      int32_t index = edit.classes[i / edit.view.inner % edit.view.k];
      if (index >= 0)
        largest[index] = std::fabs(value) <= largest[index] ? largest[index] : std::fabs(value);
    }
  }
  return largest;
}

namespace {
/// A multiplication of an activation by one, which the scale of its channels can go into.
struct Place {
  MulOp multiply;
  /// The first op behind it.
  WeightedOp user;
};
} // namespace

/// Puts multiplications before those of `ops` that get integer activations: linear ops and matmuls
/// with the weight on the right.
static FailureOr<std::vector<Place>> insertPlaces(WeightStore &store, WeightSymbols &symbols,
                                                  ArrayRef<std::pair<WeightedOp, QuantizeSpec>> ops,
                                                  const Statistics *statistics) {
  std::vector<Place> places;
  llvm::DenseMap<std::pair<Value, Block *>, Value> made;
  for (const auto &[op, spec] : ops) {
    bool isMatrixProduct = op.kind == LayerKind::Linear || op.kind == LayerKind::Matmul;
    if (spec.activations == ActivationMode::None || !isMatrixProduct || !op.activation ||
        op.activation->getOperandNumber() != 0 || !statistics || !statistics->findInput(op.name) ||
        !isa<LinearOp, MatMulOp>(op.op))
      continue;
    Value activation = op.activation->get();
    auto type = cast<RankedTensorType>(activation.getType());
    int64_t channels = type.getRank() ? type.getShape().back() : ShapedType::kDynamic;
    if (ShapedType::isDynamic(channels) || !isa<FloatType>(type.getElementType()))
      continue;
    Value &scaled = made[{activation, op.op->getBlock()}];
    if (!scaled) {
      OpBuilder builder(op.op);
      Location loc = NameLoc::get(builder.getStringAttr(op.name + "/smooth"));
      auto vectorType = RankedTensorType::get({channels}, type.getElementType());
      SmallVector<float> ones(channels, 1.0f);
      FailureOr<StoredTensor> stored =
          makeFloats(store, vectorType, ones, [op = op.op] { return op->emitError(); });
      if (failed(stored))
        return failure();
      Value vector =
          stored->materialize(builder, symbols, store, op.chain.source, op.name + ".smooth");
      auto multiply = MulOp::create(builder, loc, type, activation, vector);
      places.push_back({multiply, op});
      scaled = multiply.getResult();
    }
    op.activation->set(scaled);
  }
  return places;
}

namespace {
struct Smooth : public compress::impl::SmoothBase<Smooth> {
  using Base::Base;

  void runOnOperation() override;
};
} // namespace

void Smooth::runOnOperation() {
  ModuleOp module = getOperation();
  if (alpha > 1) {
    module.emitError() << "alpha has to be at most 1, got " << alpha.getValue();
    return signalPassFailure();
  }
  auto remarkOptions = remark::RemarkOpts::name("compress-smooth").category("smooth");
  Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  WeightStore store(&getContext());
  WeightSymbols symbols(module);
  llvm::DenseSet<Operation *> visited;
  auto visit = [&](ScalingGroup &group) -> LogicalResult {
    for (const ChannelScalingPlan::Consumer &consumer : group.plan.consumers)
      visited.insert(consumer.op.op);
    auto skip = [&](const Twine &reason) {
      remark::missed(group.getLoc(), remarkOptions)
          << ("the activation of " + group.describe() + " is not scaled: " + reason).str();
      return success();
    };
    std::vector<float> activations = getActivationMax(group.plan, statistics);
    if (activations.empty())
      return skip("its range is not in the statistics");
    FailureOr<std::vector<float>> weights = getWeightMax(store, group.plan);
    if (failed(weights))
      return failure();
    if (!llvm::all_of(*weights, [](float value) { return std::isfinite(value); }))
      return skip("a weight is not finite");
    double share = alpha;
    if (share < 0)
      for (const std::optional<QuantizeSpec> &spec : group.specs)
        if (spec && share < 0)
          share = spec->alpha;
    std::vector<float> scales = computeSmoothScales(activations, *weights, share);
    if (powersOfTwo)
      roundToPowersOfTwo(scales);
    if (!llvm::all_of(scales, [](float scale) { return std::isfinite(scale) && scale > 0; }))
      return skip("a scale is not finite");
    // Nothing to do, for example the second time.
    if (llvm::all_of(scales, [](float scale) { return std::fabs(scale - 1) < 1e-4f; }))
      return success();
    FailureOr<std::string> reason =
        applyChannelScaling(store, symbols, group.plan, scales, statistics);
    if (failed(reason))
      return failure();
    if (!reason->empty())
      return skip(*reason);
    auto [smallest, largest] = std::minmax_element(scales.begin(), scales.end());
    remark::passed(group.getLoc(), remarkOptions)
        << "the activation of " + group.describe() + " is scaled"
        << remark::metric("smallest", *smallest) << remark::metric("largest", *largest);
    return success();
  };
  auto ops = collectTransformed(module, QuantizeTransform::SmoothQuant, QuantizeSpec());
  if (failed(forEachScalingGroup(module, ops, "compress-smooth", "smooth", visit)))
    return signalPassFailure();
  if (insert) {
    // Ops whose scale found no place get one.
    auto isDone = [&](const auto &op) { return visited.contains(op.first.op); };
    llvm::erase_if(ops, isDone);
    FailureOr<std::vector<Place>> places = insertPlaces(store, symbols, ops, statistics);
    if (failed(places) ||
        failed(forEachScalingGroup(module, ops, "compress-smooth", "smooth", visit)))
      return signalPassFailure();
    for (Place &place : *places) {
      if (!visited.contains(place.user.op)) {
        place.multiply.getResult().replaceAllUsesWith(place.multiply->getOperand(0));
        place.multiply->erase();
        continue;
      }
      remark::passed(place.user.op->getLoc(), remarkOptions)
          << "a multiplication is inserted before \"" + place.user.name + "\"";
    }
  }
  removeDeadWeights(module);
}
