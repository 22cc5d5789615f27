//===- CompressInterfaces.cpp - what compress has to know of our ops ------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Three interfaces are all that the passes ask for:
//   WeightSourceOpInterface       where the bytes of weights are;
//   WeightedOpInterface           which operands are contracted with an activation;
//   DimensionRelationOpInterface  which dims have the same indices.
//
//===----------------------------------------------------------------------===//

#include "FooDialect.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
struct ParameterSource
    : public WeightSourceOpInterface::ExternalModel<ParameterSource, foo::ParameterOp> {
  Attribute getWeightValue(Operation *op) const { return cast<foo::ParameterOp>(op).getValue(); }
  std::string getWeightName(Operation *op) const {
    return cast<foo::ParameterOp>(op).getId().str();
  }
  /// New weights are parameters, too: the module stays one of our own.
  Value createLike(Operation *op, OpBuilder &builder, WeightSymbols &, StringRef name,
                   RankedTensorType type, Attribute value) const {
    return foo::ParameterOp::create(builder, op->getLoc(), type, name, cast<ElementsAttr>(value));
  }
};

struct DenseWeight : public WeightedOpInterface::ExternalModel<DenseWeight, foo::DenseOp> {
  SmallVector<WeightOperand> getWeightOperands(Operation *op) const {
    // The operand, its output dims, the contracted ones, and batch dims.
    return {{&cast<foo::DenseOp>(op).getWeightMutable(), {0}, {1}, {}}};
  }
  StringRef getWeightedKind(Operation *) const { return "linear"; }
};

struct DenseRelation
    : public DimensionRelationOpInterface::ExternalModel<DenseRelation, foo::DenseOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<foo::DenseOp>(raw);
    int64_t last = cast<RankedTensorType>(op.getInput().getType()).getRank() - 1;
    for (int64_t dim = 0; dim < last; ++dim)
      relations.same(op.getInput(), dim, op.getResult(), dim);
    relations.same(op.getInput(), last, op.getWeight(), 1);
    relations.same(op.getWeight(), 0, op.getResult(), last);
    relations.same(op.getBias(), 0, op.getResult(), last);
  }
};

struct SwishRelation
    : public DimensionRelationOpInterface::ExternalModel<SwishRelation, foo::SwishOp> {
  void getDimensionRelations(Operation *op, DimensionRelations &relations) const {
    relations.elementwise(op);
  }
};

struct HeadsRelation
    : public DimensionRelationOpInterface::ExternalModel<HeadsRelation, foo::HeadsOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<foo::HeadsOp>(raw);
    int64_t last = cast<RankedTensorType>(op.getInput().getType()).getRank() - 1;
    for (int64_t dim = 0; dim < last; ++dim)
      relations.same(op.getInput(), dim, op.getResult(), dim);
    relations.product({{op.getInput(), last}},
                      {{op.getResult(), last}, {op.getResult(), last + 1}});
  }
  /// Types change by themselves; what an attribute says about sizes has to follow.
  LogicalResult removeIndices(Operation *raw, OpBuilder &, const DimensionRemoval &) const {
    auto op = cast<foo::HeadsOp>(raw);
    auto type = cast<RankedTensorType>(op.getResult().getType());
    op.setCount(type.getDimSize(type.getRank() - 2));
    return success();
  }
};
} // namespace

void foo::registerCompressInterfaces(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, foo::FooDialect *) {
    foo::ParameterOp::attachInterface<ParameterSource>(*context);
    foo::DenseOp::attachInterface<DenseWeight, DenseRelation>(*context);
    foo::SwishOp::attachInterface<SwishRelation>(*context);
    foo::HeadsOp::attachInterface<HeadsRelation>(*context);
  });
}
