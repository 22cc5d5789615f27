//===- Tosa.cpp - interfaces on tosa ops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
struct ConstModel : public WeightSourceOpInterface::ExternalModel<ConstModel, tosa::ConstOp> {
  Attribute getWeightValue(Operation *op) const { return cast<tosa::ConstOp>(op).getValues(); }

  std::string getWeightName(Operation *op) const {
    if (auto name = dyn_cast<NameLoc>(op->getLoc()))
      return name.getName().str();
    return "const";
  }

  Value createLike(Operation *op, OpBuilder &builder, WeightSymbols &, StringRef,
                   RankedTensorType type, Attribute value) const {
    return tosa::ConstOp::create(builder, op->getLoc(), type, cast<ElementsAttr>(value));
  }
};

/// Weight `[out, kernel..., in]`.
template <typename OpTy>
struct ConvModel : public WeightedOpInterface::ExternalModel<ConvModel<OpTy>, OpTy> {
  SmallVector<WeightOperand> getWeightOperands(Operation *op) const {
    OpOperand &operand = op->getOpOperand(1);
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type || type.getRank() < 3)
      return {};
    WeightOperand weight;
    weight.operand = &operand;
    weight.outputDims = {0};
    weight.contractionDims = {type.getRank() - 1};
    for (int64_t dim = 1; dim < type.getRank() - 1; ++dim)
      weight.contractionDims.push_back(dim);
    return {weight};
  }
  StringRef getWeightedKind(Operation *) const { return "conv"; }
};

struct MatMulModel : public WeightedOpInterface::ExternalModel<MatMulModel, tosa::MatMulOp> {
  SmallVector<WeightOperand> getWeightOperands(Operation *op) const {
    WeightOperand rhs, lhs;
    rhs.operand = &op->getOpOperand(1);
    rhs.batchDims = lhs.batchDims = {0};
    rhs.contractionDims = lhs.outputDims = {1};
    rhs.outputDims = lhs.contractionDims = {2};
    lhs.operand = &op->getOpOperand(0);
    return {rhs, lhs};
  }
  StringRef getWeightedKind(Operation *) const { return "matmul"; }
};
} // namespace

void mlir::compress::registerTosaModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, tosa::TosaDialect *) {
    tosa::ConstOp::attachInterface<ConstModel>(*context);
    tosa::Conv2DOp::attachInterface<ConvModel<tosa::Conv2DOp>>(*context);
    tosa::Conv3DOp::attachInterface<ConvModel<tosa::Conv3DOp>>(*context);
    tosa::MatMulOp::attachInterface<MatMulModel>(*context);
  });
}
