//===- WeightUnits.cpp - all users of a stored weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/WeightUnits.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::compress;

/// What identifies stored bytes: the symbol of a load, else the op that holds them.
static const void *getIdentity(WeightSourceOpInterface source) {
  if (auto load = dyn_cast<LoadOp>(source.getOperation()))
    return load.getWeightAttr().getAsOpaquePointer();
  return source.getOperation();
}

/// An op that a chain may run through.
static bool isChainLink(OpOperand &use) {
  Operation *op = use.getOwner();
  if (isa<TransposeOp>(op))
    return true;
  if (auto decode = dyn_cast<DecodeOpInterface>(op))
    return &decode.getEncodedOperand() == &use;
  if (auto fake = dyn_cast<FakeQuantizeOp>(op))
    return use.getOperandNumber() == 0;
  return false;
}

/// First final use of `value` below chain links that is not in `known`.
static Operation *findOtherUser(Value value, const llvm::DenseSet<OpOperand *> &known) {
  for (OpOperand &use : value.getUses()) {
    if (isChainLink(use)) {
      if (Operation *other = findOtherUser(use.getOwner()->getResult(0), known))
        return other;
    } else if (!known.contains(&use)) {
      return use.getOwner();
    }
  }
  return nullptr;
}

std::vector<WeightUnit> mlir::compress::gatherWeightUnits(Operation *root) {
  llvm::MapVector<const void *, WeightUnit> units;
  llvm::DenseSet<OpOperand *> known;
  for (WeightedOp &op : collectWeighted(root)) {
    known.insert(op.operand);
    units[getIdentity(op.chain.source)].users.push_back(std::move(op));
  }
  root->walk([&](Operation *op) {
    auto source = dyn_cast<WeightSourceOpInterface>(op);
    if (!source)
      return;
    auto unit = units.find(getIdentity(source));
    if (unit != units.end() && !unit->second.otherUser)
      unit->second.otherUser = findOtherUser(op->getResult(0), known);
  });
  std::vector<WeightUnit> result;
  for (auto &[identity, unit] : units)
    result.push_back(std::move(unit));
  return result;
}

/// Whether two values are computed from the same stored bytes in the same way.
static bool isSameValue(Value a, Value b) {
  if (a == b)
    return true;
  Operation *opA = a.getDefiningOp(), *opB = b.getDefiningOp();
  if (!opA || !opB || a.getType() != b.getType())
    return false;
  auto sourceA = dyn_cast<WeightSourceOpInterface>(opA);
  auto sourceB = dyn_cast<WeightSourceOpInterface>(opB);
  if (sourceA || sourceB)
    return sourceA && sourceB &&
           (getIdentity(sourceA) == getIdentity(sourceB) ||
            (isa<ConstantOp>(opA) && sourceA.getWeightValue() == sourceB.getWeightValue()));
  if (!isa<DecodeOpInterface, FakeQuantizeOp, AddOp, ReshapeOp>(opA) ||
      opA->getName() != opB->getName() || opA->getAttrDictionary() != opB->getAttrDictionary() ||
      opA->getNumOperands() != opB->getNumOperands())
    return false;
  return llvm::all_of(llvm::zip(opA->getOperands(), opB->getOperands()), [](auto operands) {
    return isSameValue(std::get<0>(operands), std::get<1>(operands));
  });
}

bool mlir::compress::isSameDecoding(const WeightChain &a, const WeightChain &b) {
  return isSameValue(a.root, b.root);
}
