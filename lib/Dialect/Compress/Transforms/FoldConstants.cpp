//===- FoldConstants.cpp - ops on constants -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;

namespace {
struct FoldConstants : public compress::impl::FoldConstantsBase<FoldConstants> {
  using Base::Base;

  void runOnOperation() override {
    WeightStore store(&getContext());
    WeightSymbols symbols(getOperation());
    loads.clear();
    getOperation().walk([&](LoadOp load) { ++loads[load.getWeightAttr().getAttr()]; });
    budget = kFreeSteps;
    growth = 0;
    for (auto weight : getOperation().getOps<WeightOp>())
      budget += kStepsPerWeight * getElements(weight.getTensorType());
    SmallVector<Operation *> candidates;
    getOperation().walk([&](ReferenceOpInterface op) {
      if (!isa<DecodeOpInterface>(op.getOperation()) && op->getNumOperands() > 0)
        candidates.push_back(op);
    });
    for (Operation *op : candidates)
      if (failed(fold(store, symbols, op)))
        return signalPassFailure();
    removeDeadWeights(getOperation());
  }

private:
  LogicalResult fold(WeightStore &store, WeightSymbols &symbols, Operation *op);
  /// How often each weight of the module was loaded when the pass began.
  llvm::DenseMap<StringAttr, unsigned> loads;

  /// Steps that the pass may still take. A model of a few bytes must not cost hours or gigabytes;
  /// what is left as it is runs later, if the model really needs it.
  uint64_t budget = 0;
  static constexpr uint64_t kFreeSteps = uint64_t(1) << 28;
  static constexpr uint64_t kStepsPerWeight = 256;
  /// Bytes by which results may exceed the operands that die with their ops, all together: folding
  /// must not make a small model large.
  uint64_t growth = 0;
  static constexpr uint64_t kMaxGrowth = uint64_t(1) << 24;
  /// Steps that reading or writing an element counts.
  static constexpr uint64_t kStepsPerElement = 16;

  /// Elements of a static type of less than 2^40 elements; otherwise that number.
  static uint64_t getElements(Type type);
  /// Multiply-adds or comparisons of an op, at most 2^63.
  static uint64_t getSteps(Operation *op);
};
} // namespace

uint64_t FoldConstants::getElements(Type type) {
  constexpr uint64_t limit = uint64_t(1) << 40;
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked || !ranked.hasStaticShape())
    return limit;
  uint64_t count = 1;
  if (llvm::is_contained(ranked.getShape(), 0))
    return 0;
  for (int64_t size : ranked.getShape())
    count = static_cast<uint64_t>(size) >= limit / count ? limit : count * size;
  return count;
}

uint64_t FoldConstants::getSteps(Operation *op) {
  uint64_t moved = 0, results = 0, perResult = 0;
  for (Type type : op->getOperandTypes())
    moved = llvm::SaturatingAdd(moved, getElements(type));
  for (Type type : op->getResultTypes())
    results = llvm::SaturatingAdd(results, getElements(type));
  if (auto weighted = dyn_cast<WeightedOpInterface>(op)) {
    for (const WeightOperand &weight : weighted.getWeightOperands()) {
      auto type = dyn_cast<RankedTensorType>(weight.operand->get().getType());
      uint64_t terms = 1;
      for (int64_t dim : weight.contractionDims)
        terms = llvm::SaturatingMultiply(terms, static_cast<uint64_t>(type.getDimSize(dim)));
      perResult = std::max(perResult, terms);
    }
  } else if (auto pool = dyn_cast<PoolOp>(op)) {
    perResult = 1;
    for (int64_t size : pool.getKernel())
      perResult = llvm::SaturatingMultiply(perResult, static_cast<uint64_t>(size));
  }
  moved = llvm::SaturatingMultiply(llvm::SaturatingAdd(moved, results), kStepsPerElement);
  return llvm::SaturatingAdd(moved, llvm::SaturatingMultiply(results, perResult));
}

static uint64_t getBytes(Type type) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked)
    return UINT64_MAX;
  FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(ranked);
  return succeeded(bytes) ? *bytes : UINT64_MAX;
}

LogicalResult FoldConstants::fold(WeightStore &store, WeightSymbols &symbols, Operation *op) {
  uint64_t dying = 0, made = 0;
  WeightSourceOpInterface like;
  for (Value operand : op->getOperands()) {
    auto source = operand.getDefiningOp<WeightSourceOpInterface>();
    if (!source)
      return success();
    if (!like || isa<LoadOp>(source.getOperation()))
      like = source;
    // A weight dies with its last load; those that the pass makes have one.
    auto load = dyn_cast<LoadOp>(source.getOperation());
    if (operand.hasOneUse() && (!load || loads.lookup(load.getWeightAttr().getAttr()) <= 1))
      dying += getBytes(operand.getType());
  }
  for (Type type : op->getResultTypes()) {
    uint64_t bytes = getBytes(type);
    if (bytes == UINT64_MAX)
      return success();
    made += bytes;
  }
  uint64_t grown = made > dying ? made - dying : 0;
  if (grown > 0 && made > maxBytes)
    return success();
  if (growth + grown > kMaxGrowth) {
    remark::missed(op->getLoc(), remark::RemarkOpts::name("growth").category("fold-constants"))
        << "not folded: folded constants would make the model more than 16 MiB larger";
    return success();
  }
  uint64_t steps = getSteps(op);
  if (steps > budget) {
    remark::missed(op->getLoc(), remark::RemarkOpts::name("steps").category("fold-constants"))
        << "not folded: it takes more steps than are left for constants";
    return success();
  }
  budget -= steps;
  growth += grown;
  SmallVector<Tensor> operands;
  auto emitError = [&] { return op->emitError(); };
  for (Value operand : op->getOperands()) {
    FailureOr<StoredTensor> stored =
        StoredTensor::read(store, operand.getDefiningOp<WeightSourceOpInterface>(), emitError);
    if (failed(stored))
      return failure();
    llvm::Expected<Tensor> tensor =
        Tensor::fromPacked(stored->getDataType(), stored->getType().getShape(), stored->bytes());
    if (!tensor)
      return op->emitError() << "cannot fold: " << llvm::toString(tensor.takeError());
    operands.push_back(std::move(*tensor));
  }
  llvm::Expected<SmallVector<Tensor>> results = cast<ReferenceOpInterface>(op).evaluate(operands);
  if (!results)
    return op->emitError() << "cannot evaluate on its constant operands: "
                           << llvm::toString(results.takeError());
  OpBuilder builder(op);
  std::string name = (like.getWeightName() + ".folded");
  for (auto [result, tensor] : llvm::zip(op->getResults(), *results)) {
    auto type =
        RankedTensorType::get(tensor.getShape(), getElementType(tensor.getType(), &getContext()));
    FailureOr<StoredTensor> stored = StoredTensor::allocate(store, type, emitError);
    llvm::Expected<SmallVector<char, 0>> packed = tensor.toPacked();
    if (failed(stored) || !packed)
      return failure();
    llvm::copy(*packed, stored->mutableBytes().begin());
    Value value;
    bool isSmall = stored->bytes().size() <= WeightStore::kMaxLiteralBytes;
    auto constant = dyn_cast<ConstantOp>(like.getOperation());
    if (constant && isSmall) {
      Attribute literal = stored->commit(store, name);
      value = ConstantOp::create(builder, op->getLoc(), type, cast<ElementsAttr>(literal));
    } else {
      value = stored->materialize(builder, symbols, store, like, name);
    }
    result.replaceAllUsesWith(value);
  }
  op->erase();
  return success();
}
