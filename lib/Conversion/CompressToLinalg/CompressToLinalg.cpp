//===- CompressToLinalg.cpp - model ops to linalg on tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EncodingPatterns.h"
#include "Patterns.h"
#include "compress/Conversion/KernelSelection.h"
#include "compress/Conversion/Passes.h"
#include "compress/Dialect/Compress/Transforms/Observers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTCOMPRESSTOLINALG
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Ops that stay: weights, and kernel calls and observers, whose types are converted.
static void configureTarget(ConversionTarget &target, const TypeConverter &converter) {
  target.addIllegalDialect<CompressDialect>();
  target.addLegalOp<WeightOp>();
  target.addDynamicallyLegalOp<KernelCallOp>([&](Operation *op) { return converter.isLegal(op); });
  target.addDynamicallyLegalOp<ObserveOp>(
      [](ObserveOp op) { return op.getElementTypeAttr() != nullptr; });
  target.addDynamicallyLegalOp<LoadOp>(
      [&](LoadOp op) { return converter.isLegal(op.getOperation()) && !isLiteral(op); });
  target.addDynamicallyLegalOp<func::FuncOp>(
      [&](func::FuncOp op) { return converter.isSignatureLegal(op.getFunctionType()); });
  target.addDynamicallyLegalOp<func::ReturnOp>(
      [&](Operation *op) { return converter.isLegal(op); });
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
}

/// Says which op stopped the lowering: an op without a pattern, with its name in the model.
static void explainFailure(func::FuncOp function, Operation *op, StringRef reason) {
  InFlightDiagnostic diagnostic = op->emitError("cannot be compiled to native code: ");
  if (auto node = dyn_cast<OnnxOp>(op))
    diagnostic << "operator '" << node.getOpType() << "' of node \"" << node.getNodeName()
               << "\" has no model op";
  else
    diagnostic << reason;
}

/// Sizes were read from arguments before their types changed.
static void readSizesFromArguments(func::FuncOp function) {
  function.walk([](tensor::DimOp op) {
    auto cast = op.getSource().getDefiningOp<UnrealizedConversionCastOp>();
    if (cast && cast.getNumOperands() == 1)
      op.getSourceMutable().assign(cast.getOperand(0));
  });
}

namespace {
class ConvertCompressToLinalgPass
    : public compress::impl::ConvertCompressToLinalgBase<ConvertCompressToLinalgPass> {
public:
  using ConvertCompressToLinalgBase::ConvertCompressToLinalgBase;

  void runOnOperation() override {
    llvm::Expected<CpuTarget> cpu = CpuTarget::parse(target);
    if (!cpu) {
      getOperation().emitError() << llvm::toString(cpu.takeError());
      return signalPassFailure();
    }
    numberObservers(getOperation());
    WeightSymbols weights(getOperation());
    if (failed(expandStoredBitmaps(getOperation(), weights)))
      return signalPassFailure();
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (!function.isDeclaration() && failed(convert(function, weights, *cpu)))
        return signalPassFailure();
  }

private:
  LogicalResult convert(func::FuncOp function, WeightSymbols &weights, const CpuTarget &cpu) {
    if (failed(checkOps(function)))
      return failure();
    LoweringContext lowering(function);
    KernelContext context(getOperation(), weights, cpu, lowering);
    if (kernels && failed(selectKernels(function, context)))
      return failure();

    StorageTypeConverter converter;
    ConversionTarget conversionTarget(getContext());
    configureTarget(conversionTarget, converter);
    RewritePatternSet patterns(&getContext());
    populateElementwisePatterns(converter, lowering, patterns);
    populateQuantizationPatterns(converter, lowering, patterns);
    populateReductionPatterns(converter, lowering, patterns);
    populateNormalizationPatterns(converter, lowering, patterns);
    populateSearchPatterns(converter, lowering, patterns);
    populateMovementPatterns(converter, lowering, patterns);
    populateIndexingPatterns(converter, lowering, patterns);
    populateContractionPatterns(converter, lowering, patterns);
    populateStructurePatterns(converter, lowering, patterns);
    populateControlFlowPatterns(converter, lowering, patterns);
    if (failed(applyPartialConversion(function, conversionTarget, std::move(patterns))))
      return failure();
    readSizesFromArguments(function);
    SmallVector<UnrealizedConversionCastOp> casts;
    function.walk([&](UnrealizedConversionCastOp op) { casts.push_back(op); });
    reconcileUnrealizedCasts(casts);
    return success();
  }

  /// Refuses what no pattern can take, before anything changes.
  LogicalResult checkOps(func::FuncOp function) {
    WalkResult result = function.walk([&](OnnxOp op) {
      if (op.isDefaultDomain() && !op.getBodies().empty())
        return WalkResult::advance();
      explainFailure(function, op, "");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }
};
} // namespace
