//===- PrepareBufferization.cpp - what bufferization must know -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/Transforms/Transforms.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PREPAREBUFFERIZATION
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Whether `value` is `carried` with some elements overwritten, op by op: then it can stay in the
/// buffer by itself.
static bool isUpdateOf(Value value, Value carried) {
  while (value != carried) {
    auto result = dyn_cast<OpResult>(value);
    if (!result)
      return false;
    Operation *op = result.getOwner();
    if (auto loop = dyn_cast<scf::ForOp>(op))
      value = loop.getInitArgs()[result.getResultNumber()];
    else if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
      value = destination.getTiedOpOperand(result)->get();
    else
      return false;
  }
  return true;
}

/// Has what `terminator` passes on in static shape written into the buffers of `carried`:
///
///   scf.yield %next   ->   %same = bufferization.materialize_in_destination %next in %carried
///                          scf.yield %same
static void writeInPlace(Operation *terminator, MutableOperandRange passed, ValueRange carried) {
  OpBuilder builder(terminator);
  for (auto [operand, destination] : llvm::zip(passed, carried)) {
    auto type = dyn_cast<RankedTensorType>(destination.getType());
    if (!type || !type.hasStaticShape() || operand.get().getType() != type ||
        isUpdateOf(operand.get(), destination))
      continue;
    auto written = bufferization::MaterializeInDestinationOp::create(
        builder, terminator->getLoc(), type, operand.get(), destination);
    operand.set(written.getResult());
  }
}

namespace {
class PrepareBufferizationPass
    : public compress::impl::PrepareBufferizationBase<PrepareBufferizationPass> {
public:
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isDeclaration())
      return;
    if (function.isPublic())
      for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
        if (isa<TensorType>(type))
          function.setArgAttr(index, bufferization::BufferizationDialect::kWritableAttrName,
                              BoolAttr::get(&getContext(), false));
    bool hasConcat = false;
    function.walk([&](Operation *op) {
      hasConcat |= isa<tensor::ConcatOp>(op);
      if (auto loop = dyn_cast<scf::ForOp>(op)) {
        auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
        writeInPlace(yield, yield.getResultsMutable(), loop.getRegionIterArgs());
      } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
        // Only where both regions carry the same values.
        if (ValueRange(loop.getBeforeArguments()).getTypes() !=
            ValueRange(loop.getAfterArguments()).getTypes())
          return;
        writeInPlace(loop.getConditionOp(), loop.getConditionOp().getArgsMutable(),
                     loop.getBeforeArguments());
        writeInPlace(loop.getYieldOp(), loop.getYieldOp().getResultsMutable(),
                     loop.getAfterArguments());
      }
    });
    if (!hasConcat)
      return;
    RewritePatternSet patterns(&getContext());
    tensor::populateDecomposeTensorConcatPatterns(patterns);
    if (failed(applyPatternsGreedily(function, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
