//===- Contraction.cpp - linear and matmul without kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The loops are rows, k, columns where rows of the right side lie in memory, so that the innermost
// loop has no dependence, and rows, columns, k otherwise. Sums of small floats are f32 and of small
// integers i32; they are rounded once, after the bias.
//
//===----------------------------------------------------------------------===//

#include "Accumulate.h"
#include "Patterns.h"

using namespace mlir;
using namespace mlir::compress;

using Iterator = utils::IteratorType;

void compress::yieldMultiplyAdd(OpBuilder &builder, Location loc, ValueRange args,
                                bool isLeftUnsigned, bool isRightUnsigned) {
  Type type = args[2].getType();
  Value left = convertScalar(builder, loc, args[0], type, isLeftUnsigned);
  Value right = convertScalar(builder, loc, args[1], type, isRightUnsigned);
  Value sum;
  if (isa<FloatType>(type))
    sum = arith::AddFOp::create(builder, loc, args[2],
                                arith::MulFOp::create(builder, loc, left, right));
  else
    sum = arith::AddIOp::create(builder, loc, args[2],
                                arith::MulIOp::create(builder, loc, left, right));
  linalg::YieldOp::create(builder, loc, sum);
}

Value compress::createAccumulator(TensorBuilder &b, ArrayRef<OpFoldResult> sizes, Type type,
                                  Value bias, int64_t biasDim) {
  if (!bias)
    return b.fill(sizes, b.constant(type, 0));
  AffineMap map = AffineMap::get(sizes.size(), 0, b.rewriter.getAffineDimExpr(biasDim));
  return b.map(sizes, type, bias, map, [&](OpBuilder &body, Location loc, ValueRange args) {
    linalg::YieldOp::create(body, loc, convertScalar(body, loc, args[0], type, false));
  });
}

/// A check that two contracted dims have the same size.
static void checkContracted(TensorBuilder &b, Value left, int64_t leftDim, Value right,
                            int64_t rightDim) {
  if (!b.lowering.isEqual(left, leftDim, right, rightDim))
    b.check(b.equal(b.lowering.getSize(b.rewriter, b.loc, left, leftDim),
                    b.lowering.getSize(b.rewriter, b.loc, right, rightDim)),
            "contracted dims differ");
}

namespace {
struct LinearLowering : public MovementPattern<LinearOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(LinearOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    if (failed(checkArithmetic(op, op.getType())))
      return failure();
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    bool isKN = op.getWeightLayout() == WeightLayout::KN;
    int64_t rank = cast<RankedTensorType>(op.getType()).getRank(), rows = rank - 1;
    checkContracted(b, op.getInput(), rows, op.getWeight(), isKN ? 0 : 1);
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, loc, op.getResult(), [&](int64_t dim) {
          return dim == rows ? lowering.getSize(b.rewriter, loc, op.getWeight(), isKN ? 1 : 0)
                             : lowering.getSize(b.rewriter, loc, op.getInput(), dim);
        });
    if (op.getBias())
      checkContracted(b, op.getBias(), 0, op.getResult(), rows);
    Type type = getStorageElementType(cast<RankedTensorType>(op.getType()).getElementType());
    Value init = createAccumulator(b, sizes, getAccumulatorType(type), adaptor.getBias(), rows);

    // Loops: the rows, then k and n in the order in which the weight lies in memory.
    AffineExpr k = getAffineDimExpr(isKN ? rows : rows + 1, context);
    AffineExpr n = getAffineDimExpr(isKN ? rows + 1 : rows, context);
    SmallVector<AffineExpr> left, out;
    for (int64_t dim = 0; dim < rows; ++dim)
      left.push_back(getAffineDimExpr(dim, context));
    out = left;
    left.push_back(k);
    out.push_back(n);
    SmallVector<AffineExpr> right{isKN ? k : n, isKN ? n : k};
    SmallVector<AffineMap> maps;
    for (ArrayRef<AffineExpr> exprs : {ArrayRef(left), ArrayRef(right), ArrayRef(out)})
      maps.push_back(AffineMap::get(rank + 1, 0, exprs, context));
    SmallVector<Iterator> iterators(rank + 1, Iterator::parallel);
    iterators[isKN ? rows : rows + 1] = Iterator::reduction;
    Value sums = b.contract(init, {adaptor.getInput(), adaptor.getWeight()}, maps, iterators,
                            [&](OpBuilder &body, Location bodyLoc, ValueRange args) {
                              yieldMultiplyAdd(body, bodyLoc, args, isUnsignedTensor(op.getInput()),
                                               isUnsignedTensor(op.getWeight()));
                            });
    results.push_back(b.convertElements(sums, type, false));
    return success();
  }
};

struct MatMulLowering : public MovementPattern<MatMulOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(MatMulOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    if (failed(checkArithmetic(op, op.getType())))
      return failure();
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    int64_t leftRank = cast<RankedTensorType>(op.getLhs().getType()).getRank();
    int64_t rightRank = cast<RankedTensorType>(op.getRhs().getType()).getRank();
    int64_t rank = cast<RankedTensorType>(op.getType()).getRank();
    bool hasRow = leftRank > 1, hasColumn = rightRank > 1;
    int64_t batch = rank - hasRow - hasColumn;
    checkContracted(b, op.getLhs(), leftRank - 1, op.getRhs(), hasColumn ? rightRank - 2 : 0);
    int64_t leftBatch = std::max<int64_t>(leftRank - 2, 0);
    int64_t rightBatch = std::max<int64_t>(rightRank - 2, 0);
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, loc, op.getResult(), [&](int64_t dim) -> OpFoldResult {
          if (dim >= batch)
            return dim == batch && hasRow
                       ? lowering.getSize(b.rewriter, loc, op.getLhs(), leftRank - 2)
                       : lowering.getSize(b.rewriter, loc, op.getRhs(), rightRank - 1);
          int64_t x = dim - (batch - leftBatch), y = dim - (batch - rightBatch);
          if (x < 0)
            return lowering.getSize(b.rewriter, loc, op.getRhs(), y);
          OpFoldResult left = lowering.getSize(b.rewriter, loc, op.getLhs(), x);
          if (y < 0)
            return left;
          OpFoldResult right = lowering.getSize(b.rewriter, loc, op.getRhs(), y);
          return b.select(b.equal(left, b.index(1)), right, left);
        });
    ArrayRef<OpFoldResult> batchSizes = ArrayRef(sizes).take_front(batch);
    auto [left, leftMap] =
        b.broadcast(op.getLhs(), adaptor.getLhs(), op.getResult(), batchSizes, leftBatch);
    auto [right, rightMap] =
        b.broadcast(op.getRhs(), adaptor.getRhs(), op.getResult(), batchSizes, rightBatch);

    // Loops: batch, row, k, column; a side of rank 1 has no row or column.
    int64_t kLoop = batch + hasRow, loops = kLoop + 1 + hasColumn;
    AffineExpr row = getAffineDimExpr(batch, context), k = getAffineDimExpr(kLoop, context),
               column = getAffineDimExpr(kLoop + 1, context);
    SmallVector<AffineExpr> out;
    for (int64_t dim = 0; dim < batch; ++dim)
      out.push_back(getAffineDimExpr(dim, context));
    if (hasRow) {
      leftMap.push_back(row);
      out.push_back(row);
    }
    leftMap.push_back(k);
    rightMap.push_back(k);
    if (hasColumn) {
      rightMap.push_back(column);
      out.push_back(column);
    }
    SmallVector<AffineMap> maps;
    for (ArrayRef<AffineExpr> exprs : {ArrayRef(leftMap), ArrayRef(rightMap), ArrayRef(out)})
      maps.push_back(AffineMap::get(loops, 0, exprs, context));
    SmallVector<Iterator> iterators(loops, Iterator::parallel);
    iterators[kLoop] = Iterator::reduction;
    Type type = getStorageElementType(cast<RankedTensorType>(op.getType()).getElementType());
    Value init = createAccumulator(b, sizes, getAccumulatorType(type), {}, 0);
    Value sums = b.contract(init, {left, right}, maps, iterators,
                            [&](OpBuilder &body, Location bodyLoc, ValueRange args) {
                              yieldMultiplyAdd(body, bodyLoc, args, isUnsignedTensor(op.getLhs()),
                                               isUnsignedTensor(op.getRhs()));
                            });
    results.push_back(b.convertElements(sums, type, false));
    return success();
  }
};
} // namespace

void compress::populateContractionPatterns(const TypeConverter &converter,
                                           LoweringContext &lowering, RewritePatternSet &patterns) {
  patterns.add<LinearLowering, MatMulLowering>(converter, lowering);
  populateWindowPatterns(converter, lowering, patterns);
  populatePoolPatterns(converter, lowering, patterns);
}
