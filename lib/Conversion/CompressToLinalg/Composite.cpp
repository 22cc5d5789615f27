//===- Composite.cpp - rotary_embedding and attention without kernels ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RowOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

static Type getElement(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

namespace {
struct RotaryEmbeddingLowering : public LoweringPattern<RotaryEmbeddingOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(RotaryEmbeddingOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value result = op.getResult();
    Type element = getElement(result);
    LoopBuilder loops(rewriter, loc, lowering, result,
                      getSameSizes(rewriter, loc, lowering, result, op.getInput()));
    loops.addInput(op.getInput(), adaptor.getInput());
    loops.addInput(op.getCos(), adaptor.getCos());
    loops.addInput(op.getSin(), adaptor.getSin());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    int64_t rank = type.getRank(), half = op.getInput().getType().getShape().back() / 2;
    rewriter.replaceOp(op, loops.create(type, element, [&](ScalarBuilder &b, ValueRange x) {
      SmallVector<Value> index;
      for (int64_t dim = 0; dim < rank; ++dim)
        index.push_back(linalg::IndexOp::create(b, dim));
      Value middle = arith::ConstantIndexOp::create(b, half);
      Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index.back(), middle);
      index.back() = b.select(isFirst, b.add(index.back(), middle), b.sub(index.back(), middle));
      Value other = b.load(tensor::ExtractOp::create(b, adaptor.getInput(), index), element);
      other = b.select(isFirst, arith::NegFOp::create(b, other), other);
      return b.add(b.mul(x[0], x[1]), b.mul(other, x[2]));
    }));
    return success();
  }
};

/// Scores, softmax and the sum of values, each over all heads. Heads of queries are split into
/// those of keys and a group each.
class AttentionEmitter {
public:
  AttentionEmitter(AttentionOp op, AttentionOp::Adaptor adaptor, RankedTensorType type,
                   ConversionPatternRewriter &rewriter, LoweringContext &lowering)
      : op(op), adaptor(adaptor), type(type), loc(op.getLoc()), rewriter(rewriter),
        lowering(lowering), element(getElement(op.getQuery())),
        compute(ScalarBuilder::getComputeType(element)), headDim(op.getHeadDim()),
        sequenceDim(op.getSequenceDim()), heads(op.getQuery().getType().getDimSize(headDim)),
        keyHeads(op.getKey().getType().getDimSize(headDim)) {}

  Value emit();

private:
  OpFoldResult getSize(Value value, int64_t dim) {
    return lowering.getSize(rewriter, loc, value, dim);
  }
  Value splitHeads(Value value, int64_t dim, ArrayRef<OpFoldResult> sizes);
  Value contract(Value a, Type typeA, ArrayRef<unsigned> dimsA, Value b, Type typeB,
                 ArrayRef<unsigned> dimsB, ArrayRef<unsigned> dims, RankedTensorType result,
                 ArrayRef<OpFoldResult> sizes, unsigned reduction);
  Value addMask(Value scores, ArrayRef<OpFoldResult> sizes, RankedTensorType scoresType);

  AttentionOp op;
  AttentionOp::Adaptor adaptor;
  RankedTensorType type;
  Location loc;
  ConversionPatternRewriter &rewriter;
  LoweringContext &lowering;
  Type element, compute;
  int64_t headDim, sequenceDim, heads, keyHeads;
};
} // namespace

/// Dim `dim` of the heads as two: heads of keys, and the group that uses each.
Value AttentionEmitter::splitHeads(Value value, int64_t dim, ArrayRef<OpFoldResult> sizes) {
  auto from = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(from.getShape());
  SmallVector<OpFoldResult> expanded(sizes);
  for (auto [index, size] : llvm::enumerate(shape))
    if (ShapedType::isStatic(size))
      expanded[index] = rewriter.getIndexAttr(size);
    else
      expanded[index] = getIndexValue(rewriter, loc, expanded[index]);
  shape[dim] = keyHeads;
  shape.insert(shape.begin() + dim + 1, heads / keyHeads);
  expanded[dim] = rewriter.getIndexAttr(keyHeads);
  expanded.insert(expanded.begin() + dim + 1, rewriter.getIndexAttr(heads / keyHeads));
  SmallVector<ReassociationIndices> groups;
  int64_t next = 0;
  for (int64_t index = 0; index < from.getRank(); ++index) {
    groups.push_back({next++});
    if (index == dim)
      groups.back().push_back(next++);
  }
  return tensor::ExpandShapeOp::create(rewriter, loc, from.clone(shape), value, groups, expanded);
}

/// Sum over loop `reduction` of the products of elements; `dimsA`, `dimsB` and `dims` say which
/// loops the dims of the operands and of the result are.
Value AttentionEmitter::contract(Value a, Type typeA, ArrayRef<unsigned> dimsA, Value b, Type typeB,
                                 ArrayRef<unsigned> dimsB, ArrayRef<unsigned> dims,
                                 RankedTensorType result, ArrayRef<OpFoldResult> sizes,
                                 unsigned reduction) {
  constexpr unsigned kLoops = 6;
  auto map = [&](ArrayRef<unsigned> loops) {
    SmallVector<AffineExpr> exprs;
    for (unsigned loop : loops)
      exprs.push_back(rewriter.getAffineDimExpr(loop));
    return AffineMap::get(kLoops, 0, exprs, rewriter.getContext());
  };
  SmallVector<utils::IteratorType> iterators(kLoops, utils::IteratorType::parallel);
  iterators[reduction] = utils::IteratorType::reduction;
  Value zero = arith::ConstantOp::create(rewriter, loc, rewriter.getFloatAttr(compute, 0));
  Value empty = createEmptyOfType(rewriter, loc, result, sizes);
  Value filled = linalg::FillOp::create(rewriter, loc, zero, empty).getResult(0);
  auto generic = linalg::GenericOp::create(
      rewriter, loc, TypeRange{result}, ValueRange{a, b}, ValueRange{filled},
      ArrayRef<AffineMap>{map(dimsA), map(dimsB), map(dims)}, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
        ScalarBuilder builder(nestedLoc, nested);
        Value product =
            builder.mul(builder.load(arguments[0], typeA), builder.load(arguments[1], typeB));
        linalg::YieldOp::create(builder, addInAnyOrder(builder, nestedLoc, arguments[2], product));
      });
  return generic.getResult(0);
}

/// scores * scale + mask, `[batch, heads, queries, keys]`.
Value AttentionEmitter::addMask(Value scores, ArrayRef<OpFoldResult> sizes,
                                RankedTensorType scoresType) {
  DimOf like[] = {{op.getQuery(), 0},
                  {op.getQuery(), headDim},
                  {op.getQuery(), sequenceDim},
                  {op.getKey(), sequenceDim}};
  LoopBuilder loops(rewriter, loc, lowering, like, sizes);
  loops.addComputed(scores, llvm::SmallBitVector(4, true));
  if (op.getMask())
    loops.addInput(op.getMask(), adaptor.getMask());
  return loops.create(scoresType, compute, [&](ScalarBuilder &b, ValueRange x) {
    Value scaled = b.mul(x[0], b.number(compute, op.getScale().convertToDouble()));
    return op.getMask() ? b.add(scaled, x[1]) : scaled;
  });
}

Value AttentionEmitter::emit() {
  Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
  for (Value other : {key, value})
    checkSameSize(rewriter, loc, lowering, {query, 0}, {other, 0}, "batches of attention differ");
  checkSameSize(rewriter, loc, lowering, {key, sequenceDim}, {value, sequenceDim},
                "keys and values of attention differ in number");
  checkSameSize(rewriter, loc, lowering, {query, 3}, {key, 3},
                "queries and keys of attention differ in size");
  SmallVector<OpFoldResult> querySizes = lowering.getSizes(rewriter, loc, query);
  OpFoldResult batch = querySizes[0], queries = querySizes[sequenceDim],
               keys = getSize(key, sequenceDim), width = getSize(value, 3);
  SmallVector<OpFoldResult> resultSizes =
      lowering.getResultSizes(rewriter, loc, op.getResult(),
                              [&](int64_t dim) { return dim == 3 ? width : querySizes[dim]; });
  auto getStatic = [](OpFoldResult size) {
    return getConstantIntValue(size).value_or(ShapedType::kDynamic);
  };
  // Loops: batch, head of keys, group, query, key, and last the dim of queries or of values.
  bool isHeadFirst = headDim == 1;
  auto order = [&](unsigned sequence, unsigned last) -> SmallVector<unsigned> {
    return isHeadFirst ? SmallVector<unsigned>{0, 1, 2, sequence, last}
                       : SmallVector<unsigned>{0, sequence, 1, 2, last};
  };
  auto orderKeys = [&](unsigned last) -> SmallVector<unsigned> {
    return isHeadFirst ? SmallVector<unsigned>{0, 1, 4, last}
                       : SmallVector<unsigned>{0, 4, 1, last};
  };
  OpFoldResult keyHeadSize = rewriter.getIndexAttr(keyHeads),
               group = rewriter.getIndexAttr(heads / keyHeads);

  SmallVector<OpFoldResult> splitSizes{batch, keyHeadSize, group, queries, keys};
  auto splitType = RankedTensorType::get(
      {getStatic(batch), keyHeads, heads / keyHeads, getStatic(queries), getStatic(keys)}, compute);
  Value split = splitHeads(adaptor.getQuery(), headDim, querySizes);
  Value scores = contract(split, element, order(3, 5), adaptor.getKey(), element, orderKeys(5),
                          {0, 1, 2, 3, 4}, splitType, splitSizes, /*reduction=*/5);
  SmallVector<ReassociationIndices> merged{{0}, {1, 2}, {3}, {4}};
  auto scoresType = RankedTensorType::get(
      {getStatic(batch), heads, getStatic(queries), getStatic(keys)}, compute);
  SmallVector<OpFoldResult> sizes{batch, rewriter.getIndexAttr(heads), queries, keys};
  scores = tensor::CollapseShapeOp::create(rewriter, loc, scoresType, scores, merged);
  scores = addMask(scores, sizes, scoresType);
  Value weights = emitSoftmax(rewriter, loc, lowering, sizes, scores, compute, /*axis=*/3,
                              /*isLog=*/false, scoresType, compute);

  SmallVector<OpFoldResult> outputSizes(resultSizes);
  outputSizes[headDim] = keyHeadSize;
  outputSizes.insert(outputSizes.begin() + headDim + 1, group);
  SmallVector<int64_t> shape(type.getShape());
  shape[headDim] = keyHeads;
  shape.insert(shape.begin() + headDim + 1, heads / keyHeads);
  Value output = contract(splitHeads(weights, 1, sizes), compute, {0, 1, 2, 3, 4},
                          adaptor.getValue(), element, orderKeys(5), order(3, 5),
                          RankedTensorType::get(shape, compute), outputSizes, /*reduction=*/4);
  SmallVector<ReassociationIndices> groups =
      isHeadFirst ? SmallVector<ReassociationIndices>{{0}, {1, 2}, {3}, {4}}
                  : SmallVector<ReassociationIndices>{{0}, {1}, {2, 3}, {4}};
  output = tensor::CollapseShapeOp::create(rewriter, loc, type.clone(compute), output, groups);
  if (type.getElementType() == compute)
    return output;
  LoopBuilder loops(rewriter, loc, lowering, op.getResult(), resultSizes);
  loops.addComputed(output, llvm::SmallBitVector(4, true));
  return loops.create(type, element, [](ScalarBuilder &, ValueRange x) { return x[0]; });
}

namespace {
struct AttentionLowering : public LoweringPattern<AttentionOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(AttentionOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    rewriter.replaceOp(op, AttentionEmitter(op, adaptor, type, rewriter, lowering).emit());
    return success();
  }
};
} // namespace

void compress::populateCompositePatterns(const TypeConverter &converter, LoweringContext &lowering,
                                         RewritePatternSet &patterns) {
  patterns.add<RotaryEmbeddingLowering, AttentionLowering>(converter, lowering);
}
