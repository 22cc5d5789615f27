//===- ExpandBitmaps.cpp - unstructured weights to dense codes ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EncodingPatterns.h"
#include "compress/Analysis/EncodedWeight.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::compress;

/// Whether both expand the same stored tensors in the same way.
static bool isSameExpansion(ExpandBitmapOp a, ExpandBitmapOp b) {
  auto isSameSource = [](Value x, Value y) {
    auto xLoad = x.getDefiningOp<LoadOp>(), yLoad = y.getDefiningOp<LoadOp>();
    return x == y || (xLoad && yLoad && xLoad.getWeightAttr() == yLoad.getWeightAttr());
  };
  return a.getFill() == b.getFill() && a.getType() == b.getType() &&
         isSameSource(a.getCodes(), b.getCodes()) && isSameSource(a.getBitmap(), b.getBitmap());
}

LogicalResult compress::expandStoredBitmaps(ModuleOp module, WeightSymbols &weights) {
  SmallVector<std::pair<ExpandBitmapOp, WeightChain>> expansions;
  module.walk([&](ExpandBitmapOp op) {
    FailureOr<WeightChain> chain = getWeightChain(op.getResult());
    if (succeeded(chain) && explainUnsupported(*chain).empty())
      expansions.emplace_back(op, std::move(*chain));
  });
  WeightStore store(module.getContext());
  SmallVector<std::pair<ExpandBitmapOp, Operation *>> done;
  for (auto &[op, chain] : expansions) {
    OpBuilder builder(op);
    const auto *same = llvm::find_if(
        done, [&, op = op](const auto &entry) { return isSameExpansion(entry.first, op); });
    if (same != done.end()) {
      op.getResult().replaceAllUsesWith(builder.clone(*same->second)->getResult(0));
      continue;
    }
    auto emitError = [&, op = op] { return op->emitError("expanding the weight: "); };
    FailureOr<EncodedWeight> weight = readEncodedWeight(store, chain, emitError);
    FailureOr<StoredTensor> dense = failure();
    if (succeeded(weight))
      dense = expandValues(store, *weight, emitError);
    if (failed(dense))
      return failure();
    std::string name = chain.getSourceName();
    Value value = dense->materialize(builder, weights, store, chain.source, name + ".expanded");
    remark::missed(op.getLoc(), remark::RemarkOpts::name("dense-weight").category("kernels"))
        << "'" + name + "' is stored dense: no kernel reads bitmaps";
    op.getResult().replaceAllUsesWith(value);
    done.emplace_back(op, value.getDefiningOp());
  }
  for (auto &[op, chain] : expansions) {
    Operation *sources[] = {op.getCodes().getDefiningOp(), op.getBitmap().getDefiningOp()};
    op.erase();
    for (Operation *source : sources)
      if (isOpTriviallyDead(source))
        source->erase();
  }
  return success();
}
