//===- ElementIndexing.cpp - gather_elements, gather_nd and scatter_elements -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IndexCheck.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::compress;

/// Indices of gather_elements and scatter_elements have to fit the input in all dims but `axis`.
static void checkElementDims(TensorBuilder &b, Value input, Value indices, int64_t axis) {
  for (int64_t dim = 0, rank = cast<RankedTensorType>(input.getType()).getRank(); dim < rank; ++dim)
    if (dim != axis && !b.lowering.isEqual(input, dim, indices, dim))
      b.check(b.lessEqual(b.lowering.getSize(b.rewriter, b.loc, indices, dim),
                          b.lowering.getSize(b.rewriter, b.loc, input, dim)),
              "indices are larger than the input");
}

namespace {
struct GatherElementsLowering : public MovementPattern<GatherElementsOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(GatherElementsOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    int64_t axis = op.getAxis(), rank = cast<RankedTensorType>(op.getType()).getRank();
    OpFoldResult size = lowering.getSize(b.rewriter, op.getLoc(), op.getInput(), axis);
    checkElementDims(b, op.getInput(), op.getIndices(), axis);
    checkIndices(b, adaptor.getIndices(), size);
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) {
          return lowering.getSize(b.rewriter, op.getLoc(), op.getIndices(), dim);
        });
    Value input = adaptor.getInput();
    results.push_back(b.map(
        sizes, cast<RankedTensorType>(input.getType()).getElementType(), adaptor.getIndices(),
        b.rewriter.getMultiDimIdentityMap(rank),
        [&](OpBuilder &body, Location loc, ValueRange args) {
          SmallVector<Value> position;
          for (int64_t dim = 0; dim < rank; ++dim)
            position.push_back(dim == axis ? getCheckedIndex(body, loc, args[0], size)
                                           : linalg::IndexOp::create(body, loc, dim).getResult());
          Value element = tensor::ExtractOp::create(body, loc, input, position);
          linalg::YieldOp::create(body, loc, element);
        }));
    return success();
  }
};

struct GatherNDLowering : public MovementPattern<GatherNDOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(GatherNDOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, loc, op.getInput());
    int64_t tupleRank = cast<RankedTensorType>(op.getIndices().getType()).getRank() - 1;
    int64_t rank = cast<RankedTensorType>(op.getType()).getRank(), batch = op.getBatchDims();
    std::optional<int64_t> depth = lowering.getConstantSize(op.getIndices(), tupleRank);
    if (!depth || batch + *depth > static_cast<int64_t>(input.size()))
      return op.emitError("cannot be compiled to native code: the length of the index tuples is "
                          "not known");
    for (int64_t dim = 0; dim < batch; ++dim)
      if (!lowering.isEqual(op.getInput(), dim, op.getIndices(), dim))
        b.check(b.equal(input[dim], lowering.getSize(b.rewriter, loc, op.getIndices(), dim)),
                "batch dims differ");
    ArrayRef<OpFoldResult> indexed = ArrayRef(input).slice(batch, *depth);
    if (*depth > 0)
      checkIndices(b, adaptor.getIndices(), indexed);
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, loc, op.getResult(), [&](int64_t dim) {
          if (dim < tupleRank)
            return lowering.getSize(b.rewriter, loc, op.getIndices(), dim);
          return input[batch + *depth + dim - tupleRank];
        });
    Value source = adaptor.getInput(), indices = adaptor.getIndices();
    results.push_back(
        b.map(sizes, cast<RankedTensorType>(source.getType()).getElementType(), {}, {},
              [&](OpBuilder &body, Location bodyLoc, ValueRange) {
                SmallVector<Value> at, position;
                for (int64_t dim = 0; dim < rank; ++dim)
                  at.push_back(linalg::IndexOp::create(body, bodyLoc, dim));
                position.append(at.begin(), at.begin() + batch);
                for (int64_t i = 0; i < *depth; ++i) {
                  SmallVector<Value> tuple(at.begin(), at.begin() + tupleRank);
                  tuple.push_back(arith::ConstantIndexOp::create(body, bodyLoc, i));
                  Value scalar = tensor::ExtractOp::create(body, bodyLoc, indices, tuple);
                  position.push_back(getCheckedIndex(body, bodyLoc, scalar, indexed[i]));
                }
                position.append(at.begin() + tupleRank, at.end());
                Value element = tensor::ExtractOp::create(body, bodyLoc, source, position);
                linalg::YieldOp::create(body, bodyLoc, element);
              }));
    return success();
  }
};
} // namespace

/// `old` combined with `update`, in the type of memory.
static Value combine(OpBuilder &builder, Location loc, ScatterReduction reduction, Value old,
                     Value update, bool isUnsigned) {
  Type type = old.getType();
  if (reduction == ScatterReduction::None)
    return update;
  if (isa<FloatType>(type)) {
    Type wide = getAccumulatorType(type);
    Value a = convertScalar(builder, loc, old, wide, false);
    Value b = convertScalar(builder, loc, update, wide, false), result;
    switch (reduction) {
    case ScatterReduction::Add:
      result = arith::AddFOp::create(builder, loc, a, b);
      break;
    case ScatterReduction::Mul:
      result = arith::MulFOp::create(builder, loc, a, b);
      break;
    case ScatterReduction::Max:
      result = arith::MaximumFOp::create(builder, loc, a, b);
      break;
    default:
      result = arith::MinimumFOp::create(builder, loc, a, b);
      break;
    }
    return convertScalar(builder, loc, result, type, false);
  }
  switch (reduction) {
  case ScatterReduction::Add:
    return arith::AddIOp::create(builder, loc, old, update);
  case ScatterReduction::Mul:
    return arith::MulIOp::create(builder, loc, old, update);
  case ScatterReduction::Max:
    return isUnsigned ? arith::MaxUIOp::create(builder, loc, old, update).getResult()
                      : arith::MaxSIOp::create(builder, loc, old, update).getResult();
  default:
    return isUnsigned ? arith::MinUIOp::create(builder, loc, old, update).getResult()
                      : arith::MinSIOp::create(builder, loc, old, update).getResult();
  }
}

namespace {
/// Updates are applied one after the other, in row-major order: later ones win.
struct ScatterElementsLowering : public MovementPattern<ScatterElementsOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(ScatterElementsOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    Location loc = op.getLoc();
    int64_t axis = op.getAxis(), rank = cast<RankedTensorType>(op.getType()).getRank();
    Type elementType = cast<RankedTensorType>(op.getType()).getElementType();
    if (op.getReduction() != ScatterReduction::None && failed(checkArithmetic(op, elementType)))
      return failure();
    OpFoldResult size = lowering.getSize(b.rewriter, loc, op.getInput(), axis);
    SmallVector<OpFoldResult> updates = lowering.getSizes(b.rewriter, loc, op.getIndices());
    checkElementDims(b, op.getInput(), op.getIndices(), axis);
    for (int64_t dim = 0; dim < rank; ++dim)
      if (!lowering.isEqual(op.getIndices(), dim, op.getUpdates(), dim))
        b.check(b.equal(updates[dim], lowering.getSize(b.rewriter, loc, op.getUpdates(), dim)),
                "indices and updates differ in shape");
    checkIndices(b, adaptor.getIndices(), size);
    bool isUnsigned = isUnsignedTensor(op.getInput()) || elementType.isInteger(1);
    SmallVector<Value> lower(rank, b.value(b.index(0))), step(rank, b.value(b.index(1))), upper;
    for (OpFoldResult update : updates)
      upper.push_back(b.value(update));
    auto update = [&](OpBuilder &body, Location bodyLoc, ValueRange at,
                      ValueRange tensors) -> SmallVector<Value> {
      SmallVector<Value> position(at);
      Value index = tensor::ExtractOp::create(body, bodyLoc, adaptor.getIndices(), at);
      position[axis] = getCheckedIndex(body, bodyLoc, index, size);
      Value value = tensor::ExtractOp::create(body, bodyLoc, adaptor.getUpdates(), at);
      if (op.getReduction() != ScatterReduction::None) {
        Value old = tensor::ExtractOp::create(body, bodyLoc, tensors[0], position);
        value = combine(body, bodyLoc, op.getReduction(), old, value, isUnsigned);
      }
      return {tensor::InsertOp::create(body, bodyLoc, value, tensors[0], position).getResult()};
    };
    scf::LoopNest loops =
        scf::buildLoopNest(b.rewriter, loc, lower, upper, step, adaptor.getInput(), update);
    results.push_back(loops.results[0]);
    return success();
  }
};
} // namespace

void compress::populateElementIndexingPatterns(const TypeConverter &converter,
                                               LoweringContext &lowering,
                                               RewritePatternSet &patterns) {
  patterns.add<GatherElementsLowering, GatherNDLowering, ScatterElementsLowering>(converter,
                                                                                  lowering);
}
