//===- WeightsToArguments.cpp - loads of weights to arguments -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/Passes.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::compress {
#define GEN_PASS_DEF_WEIGHTSTOARGUMENTS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Appends one argument per weight that `function` loads.
static LogicalResult convert(func::FuncOp function) {
  llvm::MapVector<StringAttr, SmallVector<LoadOp>> loads;
  function.walk([&](LoadOp op) { loads[op.getWeightAttr().getAttr()].push_back(op); });
  MLIRContext *context = function.getContext();
  auto name = StringAttr::get(context, "compress.weight");
  for (auto &[symbol, ops] : loads) {
    unsigned index = function.getNumArguments();
    auto attributes =
        DictionaryAttr::get(context, NamedAttribute(name, FlatSymbolRefAttr::get(symbol)));
    if (failed(function.insertArgument(index, ops.front().getType(), attributes,
                                       ops.front().getLoc())))
      return failure();
    for (LoadOp op : ops) {
      op.replaceAllUsesWith(function.getArgument(index));
      op.erase();
    }
  }
  return success();
}

namespace {
class WeightsToArgumentsPass
    : public compress::impl::WeightsToArgumentsBase<WeightsToArgumentsPass> {
public:
  void runOnOperation() override {
    DenseSet<StringAttr> used;
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (failed(convert(function)))
        return signalPassFailure();
      for (unsigned index = 0; index < function.getNumArguments(); ++index)
        if (auto weight = function.getArgAttrOfType<FlatSymbolRefAttr>(index, "compress.weight"))
          used.insert(weight.getAttr());
    }
    for (WeightOp weight : llvm::make_early_inc_range(getOperation().getOps<WeightOp>()))
      if (!used.contains(weight.getSymNameAttr()))
        weight.erase();
  }
};
} // namespace
