//===- MLProgram.cpp - interfaces on ml_program globals -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/ExternalInterfaces/Register.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
struct GlobalLoadModel
    : public WeightSourceOpInterface::ExternalModel<GlobalLoadModel,
                                                    ml_program::GlobalLoadConstOp> {
  static ml_program::GlobalOp getGlobal(Operation *op) {
    return SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(
        op, cast<ml_program::GlobalLoadConstOp>(op).getGlobal());
  }

  Attribute getWeightValue(Operation *op) const {
    ml_program::GlobalOp global = getGlobal(op);
    return global && !global.getIsMutable() ? global.getValue().value_or(Attribute()) : Attribute();
  }

  std::string getWeightName(Operation *op) const {
    return cast<ml_program::GlobalLoadConstOp>(op).getGlobal().getLeafReference().str();
  }

  Value createLike(Operation *op, OpBuilder &builder, WeightSymbols &symbols, StringRef name,
                   RankedTensorType type, Attribute value) const {
    OpBuilder detached(builder.getContext());
    auto global = ml_program::GlobalOp::create(detached, op->getLoc(), name, type,
                                               /*is_mutable=*/false, value,
                                               detached.getStringAttr("private"));
    StringAttr symbol = symbols.insert(global);
    return ml_program::GlobalLoadConstOp::create(builder, op->getLoc(), type,
                                                 SymbolRefAttr::get(symbol));
  }
};
} // namespace

void mlir::compress::registerMLProgramModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, ml_program::MLProgramDialect *) {
    ml_program::GlobalLoadConstOp::attachInterface<GlobalLoadModel>(*context);
  });
}
