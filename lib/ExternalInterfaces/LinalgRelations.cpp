//===- LinalgRelations.cpp - how dims of linalg ops relate -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Dims of operands that one loop walks over have the same indices. What is left out
// of a sum must have been zero: of a reduction over removed indices we know that if
// it adds up products with a weight, which is masked there.
//
// Results are written into an operand that is often a `tensor.empty` (or a
// `linalg.fill` of one) which CSE has made one for many ops of equal shapes. It is
// no tie between them: it gets a new one of the new shape.
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/WeightChain.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

/// The `tensor.empty` behind `value`, directly or under a fill, if it has a static shape.
static tensor::EmptyOp getFreshInit(Value value) {
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    value = fill.getDpsInits().front();
  auto empty = value.getDefiningOp<tensor::EmptyOp>();
  return empty && empty.getType().hasStaticShape() ? empty : tensor::EmptyOp();
}

/// Whether `value`, computed in the body of an op, is the element of a weight, or a product with
/// one, casts aside.
static bool isZeroWithWeight(linalg::LinalgOp op, Value value) {
  Operation *def = value.getDefiningOp();
  if (isa_and_nonnull<arith::MulFOp, arith::MulIOp>(def))
    return isZeroWithWeight(op, def->getOperand(0)) || isZeroWithWeight(op, def->getOperand(1));
  if (isa_and_nonnull<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncFOp,
                      arith::SIToFPOp, arith::FPToSIOp>(def))
    return isZeroWithWeight(op, def->getOperand(0));
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == op.getBlock() &&
         succeeded(getWeightChain(op.getMatchingOpOperand(argument)->get()));
}

/// Whether all results of `op` are sums of products with weights.
static bool isWeightedSum(linalg::LinalgOp op) {
  for (auto [index, init] : llvm::enumerate(op.getRegionOutputArgs())) {
    SmallVector<Operation *> combiners;
    Value added = matchReduction(op.getRegionOutputArgs(), index, combiners);
    if (!added || combiners.size() != 1 || !isa<arith::AddFOp, arith::AddIOp>(combiners[0]) ||
        !isZeroWithWeight(op, added))
      return false;
  }
  return true;
}

namespace {
struct LinalgRelationModel
    : public DimensionRelationOpInterface::FallbackModel<LinalgRelationModel> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<linalg::LinalgOp>(raw);
    if (!op.hasPureTensorSemantics())
      return relations.allFixed(raw, "it works on buffers");
    SmallVector<SmallVector<DimOf>> dims(op.getNumLoops());
    SmallVector<std::string> reasons(op.getNumLoops());
    for (OpOperand &operand : raw->getOpOperands()) {
      auto type = dyn_cast<RankedTensorType>(operand.get().getType());
      if (!type)
        continue;
      bool isInit = op.isDpsInit(&operand);
      Value value = operand.get();
      if (isInit && op->getNumResults() > 0) {
        Value result = op.getTiedOpResult(&operand);
        if (!getFreshInit(value))
          relations.sameShape(value, result);
        value = result;
      }
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
        if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
          dims[loop.getPosition()].push_back({value, static_cast<int64_t>(dim)});
          continue;
        }
        if (type.getDimSize(dim) == 1)
          continue;
        relations.fixed(value, dim, "it is read in windows or at a constant index");
        for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
          if (expr.isFunctionOfDim(loop))
            reasons[loop] = "it is part of a window";
      }
    }
    if (auto generic = dyn_cast<linalg::GenericOp>(raw))
      generic->walk([&](linalg::IndexOp index) {
        reasons[index.getDim()] = "the body computes with its index";
      });
    bool sums = isWeightedSum(op);
    SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
    for (auto [loop, uses] : llvm::enumerate(dims)) {
      if (iterators[loop] == utils::IteratorType::reduction && !sums)
        reasons[loop] = "what is reduced along it is not zero where a weight is";
      for (const DimOf &use : llvm::drop_begin(uses))
        relations.same(uses.front().value, uses.front().dim, use.value, use.dim);
      if (!reasons[loop].empty())
        for (const DimOf &use : uses)
          relations.fixed(use.value, use.dim, reasons[loop]);
    }
  }

  LogicalResult removeIndices(Operation *raw, OpBuilder &builder, const DimensionRemoval &) const {
    auto op = cast<linalg::LinalgOp>(raw);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(raw);
    for (OpOperand &init : op.getDpsInitsMutable()) {
      Type wanted = op.getTiedOpResult(&init).getType();
      tensor::EmptyOp empty = getFreshInit(init.get());
      if (init.get().getType() == wanted || !empty)
        continue;
      auto type = cast<RankedTensorType>(wanted);
      Value fresh = tensor::EmptyOp::create(builder, empty.getLoc(), type.getShape(),
                                            type.getElementType(), type.getEncoding());
      if (auto fill = init.get().getDefiningOp<linalg::FillOp>())
        fresh =
            linalg::FillOp::create(builder, fill.getLoc(), fill.getInputs(), fresh).getResult(0);
      init.set(fresh);
    }
    return success();
  }
};

/// A fill writes one number everywhere: nothing is tied but what it writes into.
struct FillRelationModel
    : public DimensionRelationOpInterface::ExternalModel<FillRelationModel, linalg::FillOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<linalg::FillOp>(raw);
    if (!op.hasPureTensorSemantics())
      return relations.allFixed(raw, "it works on buffers");
    if (!getFreshInit(op.getResult(0)))
      relations.sameShape(op.getDpsInits().front(), op.getResult(0));
  }
};
} // namespace

void mlir::compress::registerLinalgRelations(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, linalg::LinalgDialect *dialect) {
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (&name.getDialect() == dialect && name.hasInterface<linalg::LinalgOp>() &&
          name.getStringRef() != linalg::FillOp::getOperationName())
        name.attachInterface<LinalgRelationModel>();
    linalg::FillOp::attachInterface<FillRelationModel>(*context);
  });
}
