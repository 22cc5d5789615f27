//===- Hoisting.cpp - moving computations of sizes up -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Hoisting.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::compress;

/// Whether `value` is visible at `point` already: defined before it, or around it.
static bool isAvailable(Value value, Operation *point) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getOwner()->findAncestorOpInBlock(*point) != nullptr;
  Operation *ancestor = value.getDefiningOp()->getBlock()->findAncestorOpInBlock(*point);
  if (!ancestor)
    return false;
  // A defining op that contains the point gives its results later.
  return value.getDefiningOp()->isBeforeInBlock(ancestor);
}

/// Whether `load` reads an argument of the function, which nobody writes, surely inside its bounds.
static bool isLoadOfInput(memref::LoadOp load) {
  auto argument = dyn_cast<BlockArgument>(load.getMemRef());
  if (!argument || !isa<func::FuncOp>(argument.getOwner()->getParentOp()))
    return false;
  for (auto [index, size] : llvm::zip_equal(load.getIndices(), load.getMemRefType().getShape())) {
    std::optional<int64_t> known = getConstantIntValue(index);
    if (!known || *known < 0 || ShapedType::isDynamic(size) || *known >= size)
      return false;
  }
  return true;
}

static bool canMove(Operation *op) {
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return isLoadOfInput(load);
  return op->getNumRegions() == 0 && isPure(op);
}

bool mlir::compress::canHoistBefore(Value value, Operation *point) {
  SmallVector<Value> worklist = {value};
  SmallPtrSet<Operation *, 8> visited;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (isAvailable(next, point))
      continue;
    Operation *op = next.getDefiningOp();
    if (!op || op == point || !canMove(op))
      return false;
    if (visited.insert(op).second)
      llvm::append_range(worklist, op->getOperands());
  }
  return true;
}

void mlir::compress::hoistBefore(Value value, Operation *point) {
  // Operands first, without recursion: chains of size arithmetic can be long.
  SmallVector<std::pair<Operation *, bool>> worklist;
  auto push = [&](Value operand) {
    if (!isAvailable(operand, point))
      worklist.push_back({operand.getDefiningOp(), false});
  };
  push(value);
  while (!worklist.empty()) {
    auto [op, hasOperands] = worklist.pop_back_val();
    if (isAvailable(op->getResult(0), point))
      continue;
    if (hasOperands) {
      op->moveBefore(point);
      continue;
    }
    worklist.push_back({op, true});
    for (Value operand : op->getOperands())
      push(operand);
  }
}
