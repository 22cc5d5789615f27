//===- RemoveDeadWeights.cpp - weights without uses -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_REMOVEDEADWEIGHTS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

llvm::DenseSet<StringAttr> mlir::compress::collectReferencedSymbols(ModuleOp module) {
  llvm::DenseSet<StringAttr> names;
  module.walk([&](Operation *op) {
    op->getAttrDictionary().walk([&](SymbolRefAttr ref) { names.insert(ref.getRootReference()); });
  });
  return names;
}

void mlir::compress::removeDeadWeights(ModuleOp module) {
  // Users come after what they use, so a backward walk sees chains die link by link.
  module.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (!isa<WeightOp>(op) && isOpTriviallyDead(op))
      op->erase();
  });
  llvm::DenseSet<StringAttr> used = collectReferencedSymbols(module);
  for (WeightOp weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    if (weight.isPrivate() && !used.contains(weight.getSymNameAttr()))
      weight.erase();
}

namespace {
struct RemoveDeadWeights : public compress::impl::RemoveDeadWeightsBase<RemoveDeadWeights> {
  using Base::Base;

  void runOnOperation() override { removeDeadWeights(getOperation()); }
};
} // namespace
