//===- TosaRelations.cpp - how dims of tosa ops relate -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/IR/ReshapeRelation.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

using namespace mlir;
using namespace mlir::compress;

/// The numbers of a constant `!tosa.shape`; nothing if it is computed.
static std::optional<SmallVector<int64_t>> getShapeValues(Value shape) {
  auto op = shape.getDefiningOp<tosa::ConstShapeOp>();
  if (!op)
    return std::nullopt;
  return SmallVector<int64_t>(llvm::map_range(op.getValues().getValues<APInt>(),
                                              [](const APInt &v) { return v.getSExtValue(); }));
}

static Value makeShape(OpBuilder &builder, Location loc, ArrayRef<int64_t> values) {
  auto type = tosa::shapeType::get(builder.getContext(), static_cast<int>(values.size()));
  return tosa::ConstShapeOp::create(builder, loc, type, builder.getIndexTensorAttr(values));
}

static int64_t getRank(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

static bool areRanked(Operation *op) {
  auto isRanked = [](Type type) { return !isa<TensorType>(type) || isa<RankedTensorType>(type); };
  return llvm::all_of(op->getOperandTypes(), isRanked) &&
         llvm::all_of(op->getResultTypes(), isRanked);
}

/// Fixes everything of an op with values of unknown rank.
static bool fixUnranked(Operation *op, DimensionRelations &relations) {
  if (areRanked(op))
    return false;
  relations.allFixed(op, "the rank of a value is not known");
  return true;
}

/// All dims but `axis` are the same.
static void relateOthers(DimensionRelations &relations, Value a, Value b, int64_t axis) {
  for (int64_t dim = 0; dim < getRank(a); ++dim)
    if (dim != axis)
      relations.same(a, dim, b, dim);
}

namespace {
template <typename Model, typename OpTy>
using Relation = DimensionRelationOpInterface::ExternalModel<Model, OpTy>;

/// Element-wise ops with broadcasting; all have operands of the result's rank.
struct ElementwiseRelation
    : public DimensionRelationOpInterface::FallbackModel<ElementwiseRelation> {
  void getDimensionRelations(Operation *op, DimensionRelations &relations) const {
    if (!fixUnranked(op, relations))
      relations.elementwise(op);
  }
  LogicalResult removeIndices(Operation *, OpBuilder &, const DimensionRemoval &) const {
    return success();
  }
};

/// [N, H, W, C] with weights [O, KH, KW, C].
template <typename OpTy>
struct ConvRelation : public Relation<ConvRelation<OpTy>, OpTy> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<OpTy>(raw);
    Value input = op.getInput(), weight = op.getWeight(), bias = op.getBias(),
          result = op.getOutput();
    int64_t last = getRank(input) - 1;
    relations.same(input, 0, result, 0);
    relations.same(input, last, weight, last);
    relations.same(weight, 0, result, last);
    if (cast<RankedTensorType>(bias.getType()).getDimSize(0) != 1)
      relations.same(bias, 0, result, last);
    // Windows.
    for (int64_t dim = 1; dim < last; ++dim)
      for (Value value : {input, weight, result})
        relations.fixed(value, dim, "windows move over it");
  }
};

/// [N, H, W, C] with weights [KH, KW, C, M]; the result has C * M channels.
struct DepthwiseRelation : public Relation<DepthwiseRelation, tosa::DepthwiseConv2DOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::DepthwiseConv2DOp>(raw);
    Value input = op.getInput(), weight = op.getWeight(), bias = op.getBias(),
          result = op.getOutput();
    relations.same(input, 0, result, 0);
    relations.same(input, 3, weight, 2);
    int64_t multiplier = cast<RankedTensorType>(weight.getType()).getDimSize(3);
    if (multiplier == 1)
      relations.same(weight, 2, result, 3);
    else
      relations.product({{weight, 2}, {weight, 3}}, {{result, 3}});
    if (cast<RankedTensorType>(bias.getType()).getDimSize(0) != 1)
      relations.same(bias, 0, result, 3);
    for (int64_t dim = 0; dim < 2; ++dim) {
      relations.fixed(input, dim + 1, "windows move over it");
      relations.fixed(result, dim + 1, "windows move over it");
      relations.fixed(weight, dim, "windows move over it");
    }
  }
};

struct MatMulRelation : public Relation<MatMulRelation, tosa::MatMulOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::MatMulOp>(raw);
    relations.same(op.getA(), 0, op.getOutput(), 0);
    relations.same(op.getB(), 0, op.getOutput(), 0);
    relations.same(op.getA(), 1, op.getOutput(), 1);
    relations.same(op.getA(), 2, op.getB(), 1);
    if (failed(getWeightChain(op.getA())) && failed(getWeightChain(op.getB())))
      relations.fixed(op.getA(), 2, "what is summed up along it is not zero where a weight is");
    relations.same(op.getB(), 2, op.getOutput(), 2);
  }
};

template <typename OpTy>
struct PoolRelation : public Relation<PoolRelation<OpTy>, OpTy> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    Value input = raw->getOperand(0), result = raw->getResult(0);
    for (int64_t dim : {0, 3})
      relations.same(input, dim, result, dim);
    for (int64_t dim : {1, 2}) {
      relations.fixed(input, dim, "windows move over it");
      relations.fixed(result, dim, "windows move over it");
    }
  }
};

struct CastRelation : public Relation<CastRelation, tosa::CastOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (!fixUnranked(raw, relations))
      relations.sameShape(raw->getOperand(0), raw->getResult(0));
  }
};

/// What is reduced need not be zero at indices that are gone.
template <typename OpTy>
struct ReduceRelation : public Relation<ReduceRelation<OpTy>, OpTy> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<OpTy>(raw);
    int64_t axis = op.getAxis();
    relateOthers(relations, op.getInput(), op.getOutput(), axis);
    relations.fixed(op.getInput(), axis, "what is reduced along it is not zero where a weight is");
  }
};

struct ReshapeRelation : public Relation<ReshapeRelation, tosa::ReshapeOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::ReshapeOp>(raw);
    if (getShapeValues(op.getShape()))
      relateReshape(relations, op.getInput1(), op.getOutput());
    else
      relations.allFixed(raw, "its shape is computed");
  }
  LogicalResult removeIndices(Operation *raw, OpBuilder &builder, const DimensionRemoval &) const {
    auto op = cast<tosa::ReshapeOp>(raw);
    std::optional<SmallVector<int64_t>> shape = getShapeValues(op.getShape());
    if (!shape)
      return op.emitOpError("expects a constant shape to lose indices");
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    for (auto [entry, size] : llvm::zip(*shape, type.getShape()))
      if (entry != -1 && !ShapedType::isDynamic(size))
        entry = size;
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(op);
    op.getShapeMutable().assign(makeShape(builder, op.getLoc(), *shape));
    return success();
  }
};

struct TransposeRelation : public Relation<TransposeRelation, tosa::TransposeOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::TransposeOp>(raw);
    for (auto [dim, source] : llvm::enumerate(op.getPerms()))
      relations.same(op.getInput1(), source, op.getOutput(), dim);
  }
};

struct ConcatRelation : public Relation<ConcatRelation, tosa::ConcatOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::ConcatOp>(raw);
    int64_t axis = op.getAxis(), offset = 0;
    for (Value input : op.getInput1()) {
      relateOthers(relations, input, op.getOutput(), axis);
      if (offset < 0) {
        relations.fixed(input, axis, "its offset in the concatenation is not known");
        continue;
      }
      relations.affine(input, axis, op.getOutput(), axis, offset, 1);
      int64_t size = cast<RankedTensorType>(input.getType()).getDimSize(axis);
      offset = ShapedType::isDynamic(size) ? -1 : offset + size;
    }
  }
};

struct SliceRelation : public Relation<SliceRelation, tosa::SliceOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::SliceOp>(raw);
    std::optional<SmallVector<int64_t>> starts = getShapeValues(op.getStart());
    if (!starts || !getShapeValues(op.getSize()))
      return relations.allFixed(raw, "its bounds are computed");
    for (auto [dim, start] : llvm::enumerate(*starts))
      relations.affine(op.getOutput(), dim, op.getInput1(), dim, start, 1);
  }
  LogicalResult removeIndices(Operation *raw, OpBuilder &builder,
                              const DimensionRemoval &removal) const {
    auto op = cast<tosa::SliceOp>(raw);
    std::optional<SmallVector<int64_t>> starts = getShapeValues(op.getStart());
    std::optional<SmallVector<int64_t>> sizes = getShapeValues(op.getSize());
    if (!starts || !sizes)
      return op.emitOpError("expects constant bounds to lose indices");
    for (size_t dim = 0; dim < starts->size(); ++dim) {
      if (!removal.isChanged(op.getInput1(), dim))
        continue;
      ArrayRef<int64_t> kept = removal.getKept(op.getInput1(), dim);
      (*starts)[dim] = llvm::lower_bound(kept, (*starts)[dim]) - kept.begin();
      (*sizes)[dim] = cast<RankedTensorType>(op.getOutput().getType()).getDimSize(dim);
    }
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(op);
    op.getStartMutable().assign(makeShape(builder, op.getLoc(), *starts));
    op.getSizeMutable().assign(makeShape(builder, op.getLoc(), *sizes));
    return success();
  }
};

/// Dims that are not padded keep their indices.
struct PadRelation : public Relation<PadRelation, tosa::PadOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::PadOp>(raw);
    std::optional<SmallVector<int64_t>> padding = getShapeValues(op.getPadding());
    if (!padding)
      return relations.allFixed(raw, "its padding is computed");
    for (int64_t dim = 0; dim < getRank(op.getInput1()); ++dim) {
      if ((*padding)[2 * dim] == 0 && (*padding)[2 * dim + 1] == 0) {
        relations.same(op.getInput1(), dim, op.getOutput(), dim);
        continue;
      }
      relations.fixed(op.getInput1(), dim, "this dim is padded");
      relations.fixed(op.getOutput(), dim, "this dim is padded");
    }
  }
};

/// [N, K, C] and indices [N, W] give [N, W, C].
struct GatherRelation : public Relation<GatherRelation, tosa::GatherOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    if (fixUnranked(raw, relations))
      return;
    auto op = cast<tosa::GatherOp>(raw);
    relations.same(op.getValues(), 0, op.getOutput(), 0);
    relations.same(op.getIndices(), 0, op.getOutput(), 0);
    relations.same(op.getIndices(), 1, op.getOutput(), 1);
    relations.same(op.getValues(), 2, op.getOutput(), 2);
    relations.fixed(op.getValues(), 1, "its rows are chosen by index");
  }
};
} // namespace

void mlir::compress::registerTosaRelations(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, tosa::TosaDialect *dialect) {
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (&name.getDialect() == dialect && name.hasTrait<OpTrait::ResultsBroadcastableShape>())
        name.attachInterface<ElementwiseRelation>();
    for (StringRef other : {tosa::MulOp::getOperationName(), tosa::NegateOp::getOperationName()})
      if (auto name = RegisteredOperationName::lookup(other, context);
          name && !name->hasInterface<DimensionRelationOpInterface>())
        name->attachInterface<ElementwiseRelation>();
    tosa::AvgPool2dOp::attachInterface<PoolRelation<tosa::AvgPool2dOp>>(*context);
    tosa::CastOp::attachInterface<CastRelation>(*context);
    tosa::ConcatOp::attachInterface<ConcatRelation>(*context);
    tosa::Conv2DOp::attachInterface<ConvRelation<tosa::Conv2DOp>>(*context);
    tosa::Conv3DOp::attachInterface<ConvRelation<tosa::Conv3DOp>>(*context);
    tosa::DepthwiseConv2DOp::attachInterface<DepthwiseRelation>(*context);
    tosa::GatherOp::attachInterface<GatherRelation>(*context);
    tosa::MatMulOp::attachInterface<MatMulRelation>(*context);
    tosa::MaxPool2dOp::attachInterface<PoolRelation<tosa::MaxPool2dOp>>(*context);
    tosa::PadOp::attachInterface<PadRelation>(*context);
    tosa::ReduceMaxOp::attachInterface<ReduceRelation<tosa::ReduceMaxOp>>(*context);
    tosa::ReduceMinOp::attachInterface<ReduceRelation<tosa::ReduceMinOp>>(*context);
    tosa::ReduceSumOp::attachInterface<ReduceRelation<tosa::ReduceSumOp>>(*context);
    tosa::ReshapeOp::attachInterface<ReshapeRelation>(*context);
    tosa::SliceOp::attachInterface<SliceRelation>(*context);
    tosa::TransposeOp::attachInterface<TransposeRelation>(*context);
  });
}
