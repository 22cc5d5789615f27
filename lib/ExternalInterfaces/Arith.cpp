//===- Arith.cpp - interfaces on arith.constant -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/ExternalInterfaces/Register.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
struct ConstantModel
    : public WeightSourceOpInterface::ExternalModel<ConstantModel, arith::ConstantOp> {
  Attribute getWeightValue(Operation *op) const { return cast<arith::ConstantOp>(op).getValue(); }

  std::string getWeightName(Operation *op) const {
    if (auto name = dyn_cast<NameLoc>(op->getLoc()))
      return name.getName().str();
    return "constant";
  }

  Value createLike(Operation *op, OpBuilder &builder, WeightSymbols &, StringRef, RankedTensorType,
                   Attribute value) const {
    return arith::ConstantOp::create(builder, op->getLoc(), cast<TypedAttr>(value));
  }
};
} // namespace

void mlir::compress::registerArithModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    arith::ConstantOp::attachInterface<ConstantModel>(*context);
  });
}
