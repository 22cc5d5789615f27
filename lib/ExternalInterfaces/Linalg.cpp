//===- Linalg.cpp - interfaces on linalg ops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"

using namespace mlir;
using namespace mlir::compress;

/// Sorts the dims of an operand by what the loop over each of them is.
static WeightOperand classify(linalg::LinalgOp op, OpOperand &operand, ArrayRef<unsigned> batch,
                              ArrayRef<unsigned> contraction) {
  WeightOperand weight;
  weight.operand = &operand;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (!loop)
      return {};
    if (llvm::is_contained(batch, loop.getPosition()))
      weight.batchDims.push_back(dim);
    else if (!llvm::is_contained(contraction, loop.getPosition()))
      weight.outputDims.push_back(dim);
  }
  // In the order of the loops, so that input channels come before kernel positions.
  for (unsigned loop : contraction)
    for (auto [dim, expr] : llvm::enumerate(map.getResults()))
      if (cast<AffineDimExpr>(expr).getPosition() == loop)
        weight.contractionDims.push_back(dim);
  return weight;
}

namespace {
struct LinalgModel : public WeightedOpInterface::FallbackModel<LinalgModel> {
  SmallVector<WeightOperand> getWeightOperands(Operation *raw) const {
    SmallVector<WeightOperand> result;
    auto op = cast<linalg::LinalgOp>(raw);
    auto add = [&](int64_t input, ArrayRef<unsigned> batch, ArrayRef<unsigned> contraction) {
      WeightOperand weight = classify(op, *op.getDpsInputOperand(input), batch, contraction);
      if (weight.operand && !weight.contractionDims.empty())
        result.push_back(std::move(weight));
    };
    if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1)
      return result;
    if (linalg::isaContractionOpInterface(op)) {
      FailureOr<linalg::ContractionDimensions> dims = linalg::inferContractionDims(op);
      if (succeeded(dims)) {
        add(1, dims->batch, dims->k);
        add(0, dims->batch, dims->k);
      }
    } else if (linalg::isaConvolutionOpInterface(op)) {
      FailureOr<linalg::ConvolutionDimensions> dims = linalg::inferConvolutionDims(op);
      // Without input channels it is depthwise, or pooling.
      if (succeeded(dims) && !dims->inputChannel.empty()) {
        SmallVector<unsigned> contraction(dims->inputChannel.begin(), dims->inputChannel.end());
        llvm::append_range(contraction, dims->filterLoop);
        add(1, dims->batch, contraction);
      }
    }
    return result;
  }

  StringRef getWeightedKind(Operation *raw) const {
    auto op = cast<linalg::LinalgOp>(raw);
    if (linalg::isaConvolutionOpInterface(op))
      return "conv";
    FailureOr<linalg::ContractionDimensions> dims = linalg::inferContractionDims(op);
    return succeeded(dims) && dims->batch.empty() ? "linear" : "matmul";
  }
};
} // namespace

void mlir::compress::registerLinalgModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, linalg::LinalgDialect *dialect) {
    // All at once: getRegisteredOperationsByDialect finds nothing while the dialect is loading.
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (&name.getDialect() == dialect && name.hasInterface<linalg::LinalgOp>())
        name.attachInterface<LinalgModel>();
  });
}
