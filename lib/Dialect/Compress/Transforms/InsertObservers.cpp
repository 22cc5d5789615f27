//===- InsertObservers.cpp - observing activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Observers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSet.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_INSERTOBSERVERS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

static bool isObservable(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// Leaves out ops that share their name with an op of another weight: statistics could not tell
/// them apart. Ops of one weight may share it.
static void dropAmbiguous(std::vector<WeightedOp> &ops) {
  llvm::StringMap<Operation *> weights;
  llvm::StringSet<> ambiguous;
  for (const WeightedOp &op : ops) {
    WeightSourceOpInterface source = op.chain.source;
    auto [known, isNew] = weights.try_emplace(op.name, source);
    if (!isNew && !OperationEquivalence::isEquivalentTo(known->second, source,
                                                        OperationEquivalence::IgnoreLocations))
      ambiguous.insert(op.name);
  }
  llvm::erase_if(ops, [&](const WeightedOp &op) {
    if (!ambiguous.contains(op.name))
      return false;
    op.op->emitWarning() << "several ops are called \"" << op.name
                         << "\"; their activations are not observed";
    return true;
  });
}

std::vector<WeightedOp> mlir::compress::selectObserved(Operation *root,
                                                       const ObserverOptions &options) {
  std::vector<WeightedOp> ops = collectWeighted(root);
  auto helper = root->getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  bool hasPlans =
      llvm::any_of(ops, [&](const WeightedOp &op) { return helper.isAttrPresent(op.op); });
  llvm::erase_if(ops, [&](const WeightedOp &op) {
    if (!op.activation || !isObservable(op.activation->get()))
      return true;
    if (!options.ops.empty())
      return llvm::none_of(options.ops,
                           [&](const NamePattern &glob) { return glob.matches(op.name); });
    return hasPlans && !helper.isAttrPresent(op.op);
  });
  dropAmbiguous(ops);
  return ops;
}

/// Adds `added` to `names` where it is missing.
static ArrayAttr unite(ArrayAttr names, ArrayRef<Attribute> added) {
  SmallVector<Attribute> all(names.begin(), names.end());
  for (Attribute name : added)
    if (!llvm::is_contained(all, name))
      all.push_back(name);
  return ArrayAttr::get(names.getContext(), all);
}

ObserverInserter::ObserverInserter(Operation *root, ArrayRef<std::string> names)
    : builder(root->getContext()) {
  for (const std::string &name : names)
    statistics.push_back(builder.getStringAttr(name));
  root->walk([&](ObserveOp op) { known.try_emplace({op.getInput(), op->getBlock()}, op); });
}

bool ObserverInserter::observeInput(const WeightedOp &op) {
  return op.activation && observe(op.activation->get(), op.op, Statistics::getInputKey(op.name));
}

bool ObserverInserter::observeOutput(const WeightedOp &op) {
  return op.op->getNumResults() == 1 &&
         observe(op.op->getResult(0), op.op, Statistics::getOutputKey(op.name));
}

bool ObserverInserter::observe(Value value, Operation *op, StringRef id) {
  if (!isObservable(value))
    return false;
  StringAttr name = builder.getStringAttr(id);
  ObserveOp &observer = known[{value, op->getBlock()}];
  if (observer) {
    observer.setIdAttr(unite(observer.getId(), name));
    observer.setStatisticsAttr(unite(observer.getStatistics(), statistics));
    return true;
  }
  if (value.getDefiningOp() == op)
    builder.setInsertionPointAfter(op);
  else
    builder.setInsertionPoint(op);
  observer = ObserveOp::create(builder, op->getLoc(), value, builder.getArrayAttr(name),
                               builder.getArrayAttr(statistics), /*index=*/nullptr,
                               /*element_type=*/nullptr);
  return true;
}

namespace {
struct InsertObservers : public compress::impl::InsertObserversBase<InsertObservers> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override {
    options = {};
    options.outputs = outputs;
    for (const std::string &glob : ops) {
      llvm::Expected<NamePattern> pattern = NamePattern::create(glob);
      if (!pattern)
        return emitError(UnknownLoc::get(context))
               << "option 'ops': " << llvm::toString(pattern.takeError());
      options.ops.push_back(std::move(*pattern));
    }
    if (!statistics.empty())
      options.statistics.assign(statistics.begin(), statistics.end());
    return success();
  }

  void runOnOperation() override {
    auto opts = remark::RemarkOpts::name("compress-insert-observers").category("calibration");
    for (const WeightedOp &op : insertObservers(getOperation(), options))
      remark::passed(op.op->getLoc(), opts) << "the activation of \"" + op.name + "\" is observed";
  }

private:
  ObserverOptions options;
};
} // namespace

std::vector<WeightedOp> mlir::compress::insertObservers(Operation *root,
                                                        const ObserverOptions &options) {
  std::vector<WeightedOp> ops = selectObserved(root, options);
  ObserverInserter inserter(root, options.statistics);
  for (const WeightedOp &op : ops) {
    inserter.observeInput(op);
    if (options.outputs)
      inserter.observeOutput(op);
  }
  return ops;
}

SmallVector<ObserveOp> mlir::compress::numberObservers(Operation *root) {
  SmallVector<ObserveOp> ops;
  uint64_t next = 0;
  root->walk<WalkOrder::PreOrder>([&](ObserveOp op) {
    ops.push_back(op);
    if (std::optional<uint64_t> index = op.getIndex())
      next = std::max(next, *index + 1);
  });
  for (ObserveOp op : ops)
    if (!op.getIndex())
      op.setIndex(next++);
  return ops;
}
