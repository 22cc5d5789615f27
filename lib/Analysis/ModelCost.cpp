//===- ModelCost.cpp - parameters and multiplications of a model -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/ModelCost.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// What has the bytes of a source: a symbol, or the op itself.
static const void *getIdentity(WeightSourceOpInterface source) {
  Operation *op = source;
  if (auto load = dyn_cast<LoadOp>(op))
    return load.getWeightAttr().getAsOpaquePointer();
  return op;
}

/// Ops whose parameters count even if they have one element.
static bool isLayer(Operation *op) {
  return isa<WeightedOpInterface, BatchNormOp, LayerNormOp, RMSNormOp>(op);
}

/// Whether the operand is no parameter although it is a stored float tensor.
static bool isRunningStatistic(OpOperand &operand) {
  // Mean and variance.
  return isa<BatchNormOp>(operand.getOwner()) && operand.getOperandNumber() >= 3;
}

ModelCost::ModelCost(ModuleOp module, const DependencyGraph &graph)
    : graph(graph), prunable(graph.getSpaces().size()) {
  for (const DependencyGroup &group : graph.getGroups())
    if (group.isPrunable())
      for (const DependencyGroup::Member &member : group.members)
        prunable.set(member.space);
  Seen seen;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<DecodeOpInterface, FakeQuantizeOp, TransposeOp, ObserveOp>(op))
      return;
    addParameters(op, seen);
    addMacs(op);
  });
}

void ModelCost::multiply(Term &term, Value value, ArrayRef<int64_t> dims, Operation *user) {
  auto type = cast<RankedTensorType>(value.getType());
  for (int64_t dim : dims) {
    if (std::optional<size_t> space = graph.findSpace(value, dim, user))
      term.spaces.push_back(*space);
    else if (!type.isDynamicDim(dim))
      term.factor = llvm::SaturatingMultiply<uint64_t>(term.factor, type.getDimSize(dim));
  }
}

void ModelCost::multiplyAll(Term &term, Value value, Operation *user) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  multiply(term, value, llvm::to_vector(llvm::seq<int64_t>(0, rank)), user);
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

void ModelCost::addParameters(Operation *op, Seen &seen) {
  FailureOr<WeightedOp> weighted = getWeighted(op);
  for (OpOperand &operand : op->getOpOperands()) {
    FailureOr<WeightChain> chain = getWeightChain(operand.get());
    if (failed(chain) || isRunningStatistic(operand))
      continue;
    RankedTensorType type = chain->getType();
    if (!isa<FloatType>(type.getElementType()) || (type.getNumElements() < 2 && !isLayer(op)))
      continue;
    Term term;
    bool isWeight = succeeded(weighted) && weighted->operand == &operand;
    if (isWeight)
      multiplyAll(term, chain->root);
    else
      multiplyAll(term, operand.get(), op);
    SmallVector<size_t> key;
    if (!isWeight)
      llvm::copy_if(term.spaces, std::back_inserter(key),
                    [&](size_t space) { return prunable.test(space); });
    if (seen.insert({getIdentity(chain->source), std::move(key)}).second)
      parameters.push_back(std::move(term));
  }
}

//===----------------------------------------------------------------------===//
// Multiply-accumulates
//===----------------------------------------------------------------------===//

static bool hasUnknownDim(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return !type || !type.hasStaticShape();
}

void ModelCost::addMacs(Operation *op) {
  auto isTensor = [](Value value) { return isa<RankedTensorType>(value.getType()); };
  if (!llvm::all_of(op->getResults(), isTensor))
    return;
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    // Queries times keys, and probabilities times values.
    for (Value value : {attention.getQuery(), attention.getResult()}) {
      Term term;
      multiplyAll(term, value);
      multiply(term, attention.getKey(), static_cast<int64_t>(attention.getSequenceDim()));
      macs.push_back(std::move(term));
    }
    hasDynamic |= hasUnknownDim(attention.getResult()) || hasUnknownDim(attention.getKey());
    return;
  }
  auto interface = dyn_cast<WeightedOpInterface>(op);
  if (!interface || isa<EmbeddingOp>(op) || op->getNumResults() != 1)
    return;
  Term term;
  hasDynamic |= hasUnknownDim(op->getResult(0));
  if (auto transposed = dyn_cast<ConvTransposeOp>(op)) {
    // Every input element meets the kernels of the outputs of its group.
    multiplyAll(term, transposed.getInput());
    Value weight = transposed.getWeight();
    FailureOr<WeightedOp> weighted = getWeighted(op);
    if (succeeded(weighted) && weighted->chain.permutation.empty())
      weight = weighted->chain.root;
    int64_t rank = cast<RankedTensorType>(weight.getType()).getRank();
    multiply(term, weight, llvm::to_vector(llvm::seq<int64_t>(1, rank)));
    macs.push_back(std::move(term));
    return;
  }
  multiplyAll(term, op->getResult(0));
  if (FailureOr<WeightedOp> weighted = getWeighted(op); succeeded(weighted)) {
    multiply(term, weighted->chain.root, weighted->contractionDims);
  } else {
    SmallVector<WeightOperand> operands = interface.getWeightOperands();
    if (operands.empty() || !isTensor(operands.front().operand->get()))
      return;
    multiply(term, operands.front().operand->get(), operands.front().contractionDims);
  }
  macs.push_back(std::move(term));
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

uint64_t ModelCost::evaluate(const Term &term, ArrayRef<int64_t> removed) const {
  uint64_t product = term.factor;
  for (size_t space : term.spaces) {
    int64_t size = graph.getSpaces()[space].size - (removed.empty() ? 0 : removed[space]);
    product = llvm::SaturatingMultiply<uint64_t>(product, size);
  }
  return product;
}

ModelSize ModelCost::count(ArrayRef<int64_t> removed) const {
  ModelSize size;
  for (const Term &term : parameters)
    size.parameters = llvm::SaturatingAdd(size.parameters, evaluate(term, removed));
  for (const Term &term : macs)
    size.macs = llvm::SaturatingAdd(size.macs, evaluate(term, removed));
  return size;
}

uint64_t ModelCost::countParametersIn(const llvm::BitVector &spaces) const {
  uint64_t sum = 0;
  for (const Term &term : parameters)
    if (llvm::any_of(term.spaces, [&](size_t space) { return spaces.test(space); }))
      sum = llvm::SaturatingAdd(sum, evaluate(term, {}));
  return sum;
}
