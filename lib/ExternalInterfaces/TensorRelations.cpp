//===- TensorRelations.cpp - how dims of tensor, arith and math ops relate -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/ReshapeRelation.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
template <typename Model, typename OpTy>
using Relation = DimensionRelationOpInterface::ExternalModel<Model, OpTy>;

/// arith and math ops on tensors.
struct ElementwiseRelation
    : public DimensionRelationOpInterface::FallbackModel<ElementwiseRelation> {
  void getDimensionRelations(Operation *op, DimensionRelations &relations) const {
    if (isa<RankedTensorType>(op->getResult(0).getType()))
      relations.elementwise(op);
  }
  LogicalResult removeIndices(Operation *, OpBuilder &, const DimensionRemoval &) const {
    return success();
  }
};

/// Nothing is tied; its type says everything.
struct EmptyRelation : public Relation<EmptyRelation, tensor::EmptyOp> {
  void getDimensionRelations(Operation *, DimensionRelations &) const {}
};

struct DimRelation : public Relation<DimRelation, tensor::DimOp> {
  void getDimensionRelations(Operation *, DimensionRelations &) const {}
};

struct CastRelation : public Relation<CastRelation, tensor::CastOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<tensor::CastOp>(raw);
    if (isa<RankedTensorType>(op.getSource().getType()) && isa<RankedTensorType>(op.getType()))
      relations.sameShape(op.getSource(), op.getResult());
    else
      relations.allFixed(raw, "its rank is not known");
  }
};

struct ExpandShapeRelation : public Relation<ExpandShapeRelation, tensor::ExpandShapeOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<tensor::ExpandShapeOp>(raw);
    relateReshape(relations, op.getSrc(), op.getResult());
  }
  LogicalResult removeIndices(Operation *raw, OpBuilder &, const DimensionRemoval &) const {
    auto op = cast<tensor::ExpandShapeOp>(raw);
    op.setStaticOutputShape(op.getResultType().getShape());
    return success();
  }
};

struct CollapseShapeRelation : public Relation<CollapseShapeRelation, tensor::CollapseShapeOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<tensor::CollapseShapeOp>(raw);
    relateReshape(relations, op.getSrc(), op.getResult());
  }
};

struct ConcatRelation : public Relation<ConcatRelation, tensor::ConcatOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<tensor::ConcatOp>(raw);
    int64_t axis = static_cast<int64_t>(op.getDim()), offset = 0;
    for (Value input : op.getInputs()) {
      auto type = cast<RankedTensorType>(input.getType());
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        if (dim != axis)
          relations.same(input, dim, op.getResult(), dim);
      if (offset < 0) {
        relations.fixed(input, axis, "its offset in the concatenation is not known");
        continue;
      }
      relations.affine(input, axis, op.getResult(), axis, offset, 1);
      offset = type.isDynamicDim(axis) ? -1 : offset + type.getDimSize(axis);
    }
  }
};

/// Static offset and stride of a dim of a slice; nothing if they are not static.
static std::optional<std::pair<int64_t, int64_t>> getStaticRange(OffsetSizeAndStrideOpInterface op,
                                                                 int64_t dim) {
  if (op.isDynamicOffset(dim) || op.isDynamicStride(dim) || op.isDynamicSize(dim))
    return std::nullopt;
  return std::make_pair(op.getStaticOffset(dim), op.getStaticStride(dim));
}

/// Relates the dims of a part to those of the whole it is cut from or put into.
static void relateSlice(DimensionRelations &relations, OffsetSizeAndStrideOpInterface op,
                        Value part, Value whole, const llvm::SmallBitVector &dropped) {
  auto wholeType = cast<RankedTensorType>(whole.getType());
  int64_t partDim = 0;
  for (int64_t dim = 0; dim < wholeType.getRank(); ++dim) {
    std::optional<std::pair<int64_t, int64_t>> range = getStaticRange(op, dim);
    if (dropped.test(dim)) {
      if (wholeType.getDimSize(dim) != 1)
        relations.fixed(whole, dim, "a slice picks one of its indices");
      continue;
    }
    if (range) {
      relations.affine(part, partDim, whole, dim, range->first, range->second);
    } else {
      relations.fixed(part, partDim, "the bounds of the slice are not known");
      relations.fixed(whole, dim, "the bounds of the slice are not known");
    }
    ++partDim;
  }
}

/// New static offsets and sizes of a slice after `whole` lost indices. Strides other than 1 along a
/// changed dim are refused.
static LogicalResult updateSlice(Operation *op, OffsetSizeAndStrideOpInterface slice, Value whole,
                                 const DimensionRemoval &removal, SmallVector<int64_t> &offsets,
                                 SmallVector<int64_t> &sizes) {
  offsets.assign(slice.getStaticOffsets().begin(), slice.getStaticOffsets().end());
  sizes.assign(slice.getStaticSizes().begin(), slice.getStaticSizes().end());
  for (size_t dim = 0; dim < offsets.size(); ++dim) {
    if (!removal.isChanged(whole, dim))
      continue;
    if (slice.getStaticStride(dim) != 1)
      return op->emitOpError("takes every ") << slice.getStaticStride(dim) << "-th index of dim "
                                             << dim << ", which lost some; expected a stride of 1";
    ArrayRef<int64_t> kept = removal.getKept(whole, dim);
    int64_t end = offsets[dim] + sizes[dim];
    auto countBelow = [&](int64_t bound) { return llvm::lower_bound(kept, bound) - kept.begin(); };
    sizes[dim] = countBelow(end) - countBelow(offsets[dim]);
    offsets[dim] = countBelow(offsets[dim]);
  }
  return success();
}

struct ExtractSliceRelation : public Relation<ExtractSliceRelation, tensor::ExtractSliceOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<tensor::ExtractSliceOp>(raw);
    relateSlice(relations, op, op.getResult(), op.getSource(), op.getDroppedDims());
  }
  LogicalResult removeIndices(Operation *raw, OpBuilder &, const DimensionRemoval &removal) const {
    auto op = cast<tensor::ExtractSliceOp>(raw);
    SmallVector<int64_t> offsets, sizes;
    if (failed(updateSlice(raw, op, op.getSource(), removal, offsets, sizes)))
      return failure();
    op.setStaticOffsets(offsets);
    op.setStaticSizes(sizes);
    return success();
  }
};

struct InsertSliceRelation : public Relation<InsertSliceRelation, tensor::InsertSliceOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<tensor::InsertSliceOp>(raw);
    relations.sameShape(op.getDest(), op.getResult());
    relateSlice(relations, op, op.getSource(), op.getDest(), op.getDroppedDims());
  }
  LogicalResult removeIndices(Operation *raw, OpBuilder &, const DimensionRemoval &removal) const {
    auto op = cast<tensor::InsertSliceOp>(raw);
    SmallVector<int64_t> offsets, sizes;
    if (failed(updateSlice(raw, op, op.getDest(), removal, offsets, sizes)))
      return failure();
    op.setStaticOffsets(offsets);
    op.setStaticSizes(sizes);
    return success();
  }
};

/// Dims that are not padded keep their indices.
struct PadRelation : public Relation<PadRelation, tensor::PadOp> {
  void getDimensionRelations(Operation *raw, DimensionRelations &relations) const {
    auto op = cast<tensor::PadOp>(raw);
    for (int64_t dim = 0; dim < op.getSourceType().getRank(); ++dim) {
      if (op.getStaticLow()[dim] == 0 && op.getStaticHigh()[dim] == 0) {
        relations.same(op.getSource(), dim, op.getResult(), dim);
        continue;
      }
      relations.fixed(op.getSource(), dim, "this dim is padded");
      relations.fixed(op.getResult(), dim, "this dim is padded");
    }
  }
};
} // namespace

/// Attaches the element-wise model to the ops of a dialect that work on tensors as on scalars.
static void attachElementwise(MLIRContext *context, Dialect *dialect) {
  for (RegisteredOperationName name : context->getRegisteredOperations())
    if (&name.getDialect() == dialect && name.hasTrait<OpTrait::Elementwise>())
      name.attachInterface<ElementwiseRelation>();
}

void mlir::compress::registerTensorRelations(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *dialect) {
    attachElementwise(context, dialect);
  });
  registry.addExtension(+[](MLIRContext *context, math::MathDialect *dialect) {
    attachElementwise(context, dialect);
  });
  registry.addExtension(+[](MLIRContext *context, tensor::TensorDialect *) {
    tensor::EmptyOp::attachInterface<EmptyRelation>(*context);
    tensor::DimOp::attachInterface<DimRelation>(*context);
    tensor::CastOp::attachInterface<CastRelation>(*context);
    tensor::ExpandShapeOp::attachInterface<ExpandShapeRelation>(*context);
    tensor::CollapseShapeOp::attachInterface<CollapseShapeRelation>(*context);
    tensor::ConcatOp::attachInterface<ConcatRelation>(*context);
    tensor::ExtractSliceOp::attachInterface<ExtractSliceRelation>(*context);
    tensor::InsertSliceOp::attachInterface<InsertSliceRelation>(*context);
    tensor::PadOp::attachInterface<PadRelation>(*context);
  });
}
