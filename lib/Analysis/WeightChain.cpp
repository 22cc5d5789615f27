//===- WeightChain.cpp - weights of an op and how they are decoded -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/WeightChain.h"

using namespace mlir;
using namespace mlir::compress;

/// Operands that the value of an op of a stored expression depends on.
static SmallVector<Value> getStoredOperands(Operation *op) {
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return {reshape.getInput()};
  return SmallVector<Value>(op->getOperands());
}

/// Visits the sources below `value`, each op once; false if something else is there.
static bool walkStored(Value value, llvm::DenseSet<Operation *> &visited,
                       SmallVectorImpl<WeightSourceOpInterface> &sources) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (!visited.insert(op).second)
    return true;
  if (auto source = dyn_cast<WeightSourceOpInterface>(op)) {
    sources.push_back(source);
    return true;
  }
  if (!isa<DecodeOpInterface, FakeQuantizeOp, AddOp, ReshapeOp>(op))
    return false;
  bool isStored = true;
  for (Value operand : getStoredOperands(op))
    isStored &= walkStored(operand, visited, sources);
  return isStored;
}

bool mlir::compress::isStoredExpression(Value value) {
  llvm::DenseSet<Operation *> visited;
  SmallVector<WeightSourceOpInterface, 4> sources;
  return walkStored(value, visited, sources);
}

SmallVector<WeightSourceOpInterface, 4> mlir::compress::getStoredSources(Value value) {
  llvm::DenseSet<Operation *> visited;
  SmallVector<WeightSourceOpInterface, 4> sources;
  walkStored(value, visited, sources);
  return sources;
}

SmallVector<WeightSourceOpInterface, 4> WeightChain::getSources() const {
  llvm::DenseSet<Operation *> visited;
  SmallVector<WeightSourceOpInterface, 4> sources;
  walkStored(WeightSourceOpInterface(source)->getResult(0), visited, sources);
  for (Operation *link : links)
    for (Value operand : link->getOperands())
      walkStored(operand, visited, sources);
  return sources;
}

FailureOr<WeightChain> mlir::compress::getWeightChain(Value value) {
  WeightChain chain;
  chain.value = value;
  Value current = value;
  while (auto transpose = current.getDefiningOp<TransposeOp>()) {
    ArrayRef<int64_t> perm = transpose.getPerm();
    if (chain.permutation.empty())
      chain.permutation.assign(perm.begin(), perm.end());
    else
      for (int64_t &dim : chain.permutation)
        dim = perm[dim];
    current = transpose.getInput();
  }
  chain.root = current;
  while (Operation *def = current.getDefiningOp()) {
    if (auto source = dyn_cast<WeightSourceOpInterface>(def)) {
      chain.source = source;
      auto type = dyn_cast<RankedTensorType>(chain.root.getType());
      if (!type || !type.hasStaticShape() || !isa<RankedTensorType>(current.getType()))
        return failure();
      return chain;
    }
    if (auto decode = dyn_cast<DecodeOpInterface>(def)) {
      chain.links.push_back(def);
      current = decode.getEncodedOperand().get();
    } else if (auto fake = dyn_cast<FakeQuantizeOp>(def)) {
      chain.links.push_back(def);
      current = fake.getInput();
    } else {
      return failure();
    }
  }
  return failure();
}

/// Dims of the used value, as dims of the value below its transposes.
static SmallVector<int64_t> toRootDims(const WeightChain &chain, ArrayRef<int64_t> dims) {
  if (chain.permutation.empty())
    return SmallVector<int64_t>(dims);
  return llvm::map_to_vector(dims, [&](int64_t dim) { return chain.permutation[dim]; });
}

FailureOr<WeightedOp> mlir::compress::getWeighted(Operation *op) {
  auto weighted = dyn_cast<WeightedOpInterface>(op);
  if (!weighted)
    return failure();
  for (const WeightOperand &candidate : weighted.getWeightOperands()) {
    FailureOr<WeightChain> chain = getWeightChain(candidate.operand->get());
    if (failed(chain) || !isa<FloatType>(chain->getType().getElementType()))
      continue;
    WeightedOp result;
    result.op = op;
    result.operand = candidate.operand;
    for (OpOperand &other : op->getOpOperands()) {
      auto type = dyn_cast<RankedTensorType>(other.get().getType());
      if (&other != candidate.operand && type && isa<FloatType>(type.getElementType())) {
        result.activation = &other;
        break;
      }
    }
    result.outputDims = toRootDims(*chain, candidate.outputDims);
    result.contractionDims = toRootDims(*chain, candidate.contractionDims);
    result.batchDims = toRootDims(*chain, candidate.batchDims);
    result.kindName = weighted.getWeightedKind();
    result.kind = parseLayerKind(result.kindName);
    result.name = chain->source.getWeightName();
    for (StringRef key : {"node_name", "name"})
      if (auto name = op->getAttrOfType<StringAttr>(key); name && !name.empty())
        result.name = name.str();
    result.chain = std::move(*chain);
    return result;
  }
  return failure();
}

std::vector<WeightedOp> mlir::compress::collectWeighted(Operation *root) {
  std::vector<WeightedOp> ops;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    FailureOr<WeightedOp> weighted = getWeighted(op);
    if (succeeded(weighted))
      ops.push_back(std::move(*weighted));
  });
  return ops;
}
