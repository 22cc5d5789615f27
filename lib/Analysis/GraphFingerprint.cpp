//===- GraphFingerprint.cpp - hash of a graph without weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/GraphFingerprint.h"
#include "compress/Analysis/WeightChain.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Writes the graph as text, which is hashed.
class GraphText {
public:
  void add(Operation *op);
  std::string take() { return std::move(text); }

private:
  void addBlocks(Operation *op);
  void addOperand(Value value);
  bool isWeight(Operation *op);

  std::string text;
  llvm::raw_string_ostream os{text};
  DenseMap<Value, unsigned> numbers;
  DenseMap<Operation *, bool> known;
};
} // namespace

/// Whether `op` only computes a weight: a decode chain with the chains of its scales, or what
/// brings one into shape. Ops come after their operands, so each is looked at once.
bool GraphText::isWeight(Operation *op) {
  if (!op)
    return false;
  auto found = known.find(op);
  if (found != known.end())
    return found->second;
  // Literals, such as shapes, belong to the graph.
  bool result = isa<WeightSourceOpInterface>(op) && !isa<ConstantOp>(op);
  if (!result && isPure(op) && op->getNumResults() == 1 && op->getNumOperands() &&
      !op->getNumRegions()) {
    bool hasWeight = false;
    result = llvm::all_of(op->getOperands(), [&](Value operand) {
      Operation *def = operand.getDefiningOp();
      bool isOne = isWeight(def);
      hasWeight |= isOne;
      return isOne || (def && isa<ConstantOp>(def));
    });
    result &= hasWeight;
  }
  known[op] = result;
  return result;
}

void GraphText::addOperand(Value value) {
  Operation *def = value.getDefiningOp();
  if (isWeight(def)) {
    os << " weight:" << value.getType();
    return;
  }
  auto number = numbers.find(value);
  os << " %" << (number == numbers.end() ? -1 : static_cast<int64_t>(number->second));
}

void GraphText::addBlocks(Operation *op) {
  for (Region &region : op->getRegions()) {
    os << "{\n";
    for (Block &block : region) {
      os << "^";
      for (BlockArgument argument : block.getArguments()) {
        numbers.try_emplace(argument, numbers.size());
        os << " " << argument.getType();
      }
      os << "\n";
      for (Operation &inner : block)
        add(&inner);
    }
    os << "}\n";
  }
}

void GraphText::add(Operation *op) {
  if (isa<WeightOp, ObserveOp>(op) || isOpTriviallyDead(op) || isWeight(op))
    return;
  os << op->getName();
  for (Value operand : op->getOperands())
    addOperand(operand);
  // Inherent attributes only: plans, notes of tools and names of values do not count.
  if (!isa<FunctionOpInterface>(op))
    if (Attribute properties = op->getPropertiesAsAttribute())
      os << " " << properties;
  for (OpResult result : op->getResults()) {
    numbers.try_emplace(result, numbers.size());
    os << " " << result.getType();
  }
  os << "\n";
  addBlocks(op);
}

uint64_t mlir::compress::getGraphFingerprint(ModuleOp module) {
  GraphText graph;
  for (Operation &op : *module.getBody())
    if (isa<FunctionOpInterface>(op))
      graph.add(&op);
  std::string text = graph.take();
  return std::max<uint64_t>(llvm::xxh3_64bits(llvm::StringRef(text)), 1);
}
