//===- StageGraph.cpp - the main function in stages ----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/StageGraph.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::compress;

llvm::SetVector<Value> mlir::compress::getUsedValues(Operation *op) {
  llvm::SetVector<Value> values;
  op->walk([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      if (!op->isAncestor(operand.getParentBlock()->getParentOp()))
        values.insert(operand);
  });
  return values;
}

/// The weight that an argument has where callers give nothing, else null.
static FlatSymbolRefAttr getDefault(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto function = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : nullptr;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!function || !type || !type.hasStaticShape())
    return {};
  return function.getArgAttrOfType<FlatSymbolRefAttr>(argument.getArgNumber(), "compress.default");
}

/// Pending ops in `op`, its regions and the functions that it calls, in program order.
static void collectPending(Operation *op, const llvm::DenseSet<Operation *> &pending,
                           llvm::SmallPtrSetImpl<Operation *> &visited,
                           SmallVectorImpl<Operation *> &found) {
  op->walk<WalkOrder::PreOrder>([&](Operation *nested) {
    if (pending.contains(nested))
      found.push_back(nested);
    auto call = dyn_cast<func::CallOp>(nested);
    if (!call)
      return;
    Operation *callee = SymbolTable::lookupNearestSymbolFrom(call, call.getCalleeAttr());
    if (callee && visited.insert(callee).second)
      collectPending(callee, pending, visited, found);
  });
}

StageGraph::StageGraph(func::FuncOp function, const llvm::DenseSet<Operation *> &pending)
    : function(function) {
  Block &block = function.getBody().front();
  for (BlockArgument argument : block.getArguments())
    if (getDefault(argument))
      fixed.insert(argument);
  llvm::SmallPtrSet<Operation *, 8> visited;
  for (Operation &op : block) {
    SmallVector<Operation *> held;
    collectPending(&op, pending, visited, held);
    llvm::SetVector<Value> used = getUsedValues(&op);
    if (!held.empty())
      pendingOf[&op].assign(held.begin(), held.end());
    if (!held.empty() || llvm::any_of(used, [&](Value value) {
          Operation *def = value.getDefiningOp();
          return def && blocked.contains(def);
        })) {
      blocked.insert(&op);
      continue;
    }
    bool isPure = isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>();
    if (isPure && llvm::all_of(used, [&](Value value) { return fixed.contains(value); }))
      fixed.insert(op.result_begin(), op.result_end());
  }
}

/// Whether `op` uses a result of a blocked op.
static bool usesBlocked(Operation *op, const llvm::DenseSet<Operation *> &blocked) {
  return llvm::any_of(getUsedValues(op), [&](Value value) {
    Operation *def = value.getDefiningOp();
    return def && blocked.contains(def);
  });
}

StageGroup StageGraph::findGroup() const {
  StageGroup group;
  for (Operation &op : getBlock()) {
    auto held = pendingOf.find(&op);
    if (held == pendingOf.end() || usesBlocked(&op, blocked))
      continue;
    group.ops.push_back(&op);
    group.weighted.append(held->second.begin(), held->second.end());
  }
  return group;
}

SmallVector<SmallVector<Operation *>> StageGraph::cut() const {
  SmallVector<SmallVector<Operation *>> parts(1);
  llvm::DenseMap<Operation *, size_t> depths;
  size_t effects = 0;
  for (Operation &op : getBlock().without_terminator()) {
    if (op.getNumResults() && fixed.contains(op.getResult(0)))
      continue;
    size_t depth = 0;
    for (Value value : getUsedValues(&op))
      if (Operation *def = value.getDefiningOp())
        depth = std::max(depth, depths.lookup(def));
    depth += pendingOf.contains(&op);
    if (!isMemoryEffectFree(&op))
      effects = depth = std::max(depth, effects);
    depths[&op] = depth;
    parts.resize(std::max(parts.size(), depth + 1));
    parts[depth].push_back(&op);
  }
  return parts;
}

SmallVector<Value> StageGraph::findFrontier() const {
  // Blocked ops that lead to a pending one, backwards.
  llvm::DenseSet<Operation *> needed;
  llvm::DenseSet<Value> wanted;
  for (Operation &op : llvm::reverse(getBlock())) {
    bool leads = pendingOf.contains(&op) || llvm::any_of(op.getResults(), [&](Value result) {
                   return wanted.contains(result);
                 });
    if (!leads || !blocked.contains(&op))
      continue;
    needed.insert(&op);
    llvm::SetVector<Value> used = getUsedValues(&op);
    wanted.insert(used.begin(), used.end());
  }
  llvm::SetVector<Value> frontier;
  for (Operation &op : getBlock())
    if (needed.contains(&op))
      for (Value value : getUsedValues(&op)) {
        Operation *def = value.getDefiningOp();
        if (!fixed.contains(value) && !(def && blocked.contains(def)))
          frontier.insert(value);
      }
  return frontier.takeVector();
}

/// Copies the symbols that `op` refers to, and those that these refer to.
static void cloneSymbols(Operation *op, ModuleOp from, ModuleOp to, SymbolTable &fromTable,
                         llvm::DenseSet<StringAttr> &known) {
  llvm::SetVector<StringAttr> names;
  op->walk([&](Operation *nested) {
    nested->getAttrDictionary().walk(
        [&](SymbolRefAttr reference) { names.insert(reference.getRootReference()); });
  });
  for (StringAttr name : names) {
    if (!known.insert(name).second)
      continue;
    Operation *symbol = fromTable.lookup(name);
    if (!symbol)
      continue;
    Operation *copy = symbol->clone();
    to.getBody()->push_back(copy);
    cloneSymbols(copy, from, to, fromTable, known);
  }
}

StagePart StageGraph::extract(ArrayRef<Value> outputs,
                              const llvm::DenseSet<Value> &available) const {
  StagePart part;
  part.outputs.assign(outputs.begin(), outputs.end());

  // Backwards to what is there.
  llvm::DenseSet<Operation *> slice;
  llvm::DenseSet<Value> inputs, defaults;
  SmallVector<Value> worklist(outputs.begin(), outputs.end());
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    Operation *def = value.getDefiningOp();
    if (available.contains(value) || (!def && !fixed.contains(value))) {
      inputs.insert(value);
      continue;
    }
    if (!def) {
      defaults.insert(value);
      continue;
    }
    if (!slice.insert(def).second)
      continue;
    llvm::SetVector<Value> used = getUsedValues(def);
    worklist.append(used.begin(), used.end());
  }

  // Arguments first, then results of ops, in program order.
  func::FuncOp function = this->function;
  Block &block = getBlock();
  for (BlockArgument argument : block.getArguments())
    if (inputs.contains(argument))
      part.inputs.push_back(argument);
  for (Operation &op : block)
    for (Value result : op.getResults())
      if (inputs.contains(result))
        part.inputs.push_back(result);

  auto module = function->getParentOfType<ModuleOp>();
  part.module = ModuleOp::create(module.getLoc());
  (*part.module)->setAttrs(module->getAttrDictionary());
  auto type = FunctionType::get(module.getContext(), ValueRange(part.inputs).getTypes(),
                                ValueRange(part.outputs).getTypes());
  OpBuilder builder = OpBuilder::atBlockEnd(part.module->getBody());
  auto main = func::FuncOp::create(builder, function.getLoc(), "main", type);
  Block *body = main.addEntryBlock();
  IRMapping mapping;
  for (auto [index, value] : llvm::enumerate(part.inputs)) {
    mapping.map(value, body->getArgument(index));
    auto argument = dyn_cast<BlockArgument>(value);
    if (argument && function.getArgAttrDict(argument.getArgNumber()))
      main.setArgAttrs(index, function.getArgAttrDict(argument.getArgNumber()));
    else
      main.setArgAttr(index, "compress.name",
                      builder.getStringAttr("cached value " + Twine(index)));
  }
  builder.setInsertionPointToStart(body);
  for (BlockArgument argument : block.getArguments())
    if (defaults.contains(argument))
      mapping.map(argument, LoadOp::create(builder, argument.getLoc(), argument.getType(),
                                           getDefault(argument))
                                .getResult());
  for (Operation &op : block)
    if (slice.contains(&op))
      builder.clone(op, mapping);
  SmallVector<Value> results;
  for (Value output : outputs)
    results.push_back(mapping.lookup(output));
  func::ReturnOp::create(builder, function.getLoc(), results);

  SymbolTable table(module);
  llvm::DenseSet<StringAttr> known = {main.getSymNameAttr()};
  cloneSymbols(main, module, *part.module, table, known);
  // Called functions are no entries.
  for (auto other : part.module->getOps<func::FuncOp>())
    if (other != main)
      other.setPrivate();
  return part;
}

void mlir::compress::nameDims(func::FuncOp function, ArrayRef<SmallVector<int64_t, 4>> shapes,
                              llvm::StringMap<int64_t> &dims) {
  Builder builder(function.getContext());
  for (auto [index, shape] : llvm::enumerate(shapes)) {
    auto type = dyn_cast<RankedTensorType>(function.getArgument(index).getType());
    if (!type || type.hasStaticShape())
      continue;
    SmallVector<Attribute> names;
    for (auto [dim, size] : llvm::enumerate(shape)) {
      std::string name;
      if (type.isDynamicDim(dim)) {
        name = ("size" + Twine(index) + "_" + Twine(dim)).str();
        dims[name] = size;
      }
      names.push_back(builder.getStringAttr(name));
    }
    function.setArgAttr(index, "compress.dims", builder.getArrayAttr(names));
  }
}
