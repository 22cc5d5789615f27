//===- Indexing.cpp - gather and embedding: rows by index -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One index is a view of the input. Several ones copy row after row where rows may be long, so that
// the copy is a block, and element after element where they are short.
//
// An embedding of a decoded weight gathers rows of the codes and decodes only these.
//
//===----------------------------------------------------------------------===//

#include "IndexCheck.h"
#include "Patterns.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::compress;

/// Rows with fewer elements are copied element by element.
static constexpr int64_t kMinRowElements = 8;

Value compress::getCheckedIndex(OpBuilder &builder, Location loc, Value scalar, OpFoldResult size) {
  IndexMath math(builder, loc);
  return math.value(math.wrap(OpFoldResult(math.toIndex(scalar)), size));
}

void compress::checkIndices(TensorBuilder &b, Value indices, ArrayRef<OpFoldResult> sizes) {
  auto type = cast<RankedTensorType>(indices.getType());
  auto isInside = [&](OpBuilder &builder, Location loc, Value scalar, OpFoldResult size) -> Value {
    IndexMath math(builder, loc);
    Value index = getCheckedIndex(builder, loc, scalar, size);
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, index, math.value(size));
  };
  if (type.getRank() == 0) {
    Value scalar = tensor::ExtractOp::create(b.rewriter, b.loc, indices, ValueRange{});
    b.check(OpFoldResult(isInside(b.rewriter, b.loc, scalar, sizes[0])), "index out of range");
    return;
  }
  int64_t rank = type.getRank();
  Value yes = arith::ConstantOp::create(b.rewriter, b.loc, b.rewriter.getBoolAttr(true));
  AffineMap all = b.rewriter.getMultiDimIdentityMap(rank);
  AffineMap one = AffineMap::get(rank, 0, b.rewriter.getContext());
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::reduction);
  Value valid =
      b.contract(b.fill({}, yes), indices, {all, one}, iterators,
                 [&](OpBuilder &body, Location loc, ValueRange args) {
                   IndexMath math(body, loc);
                   OpFoldResult size = sizes.back();
                   if (sizes.size() > 1) {
                     OpFoldResult column = linalg::IndexOp::create(body, loc, rank - 1).getResult();
                     for (int64_t i = sizes.size() - 1; i-- > 0;)
                       size = math.select(math.equal(column, math.index(i)), sizes[i], size);
                   }
                   Value inside = isInside(body, loc, args[0], size);
                   linalg::YieldOp::create(
                       body, loc, arith::AndIOp::create(body, loc, args[1], inside).getResult());
                 });
  Value condition = tensor::ExtractOp::create(b.rewriter, b.loc, valid, ValueRange{});
  b.check(OpFoldResult(condition), "index out of range");
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

/// `input` at one index of `axis`, without that dim: a view.
static Value gatherOne(TensorBuilder &b, Value input, ArrayRef<OpFoldResult> inputSizes,
                       Value position, int64_t axis) {
  SmallVector<OpFoldResult> offsets(inputSizes.size(), b.index(0)), sizes(inputSizes);
  offsets[axis] = position;
  sizes[axis] = b.index(1);
  if (llvm::any_of(sizes, [](OpFoldResult size) { return isConstantIntValue(size, 0); })) {
    sizes.erase(sizes.begin() + axis);
    return b.empty(sizes, cast<RankedTensorType>(input.getType()).getElementType());
  }
  SmallVector<OpFoldResult> ones(inputSizes.size(), b.index(1));
  auto full =
      tensor::ExtractSliceOp::inferResultType(cast<RankedTensorType>(input.getType()), sizes);
  SmallVector<int64_t> shape(cast<RankedTensorType>(full).getShape());
  shape.erase(shape.begin() + axis);
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(full).getElementType());
  return tensor::ExtractSliceOp::create(b.builder, b.loc, type, input, offsets, sizes, ones);
}

/// Copies the row of every index into its place in the result.
static Value gatherRows(TensorBuilder &b, Value input, ArrayRef<OpFoldResult> inputSizes,
                        Value indices, ArrayRef<OpFoldResult> sizes, int64_t axis) {
  int64_t count = cast<RankedTensorType>(indices.getType()).getRank();
  for (size_t dim = 0; dim < sizes.size(); ++dim)
    if (static_cast<int64_t>(dim) < axis || static_cast<int64_t>(dim) >= axis + count)
      b.check(
          b.equal(sizes[dim], inputSizes[dim < static_cast<size_t>(axis) ? dim : dim - count + 1]),
          "result has another size than the model declares");
  OpBuilder::InsertionGuard guard(b.rewriter);
  Value zero = b.value(b.index(0)), one = b.value(b.index(1));
  Value target = b.empty(sizes, cast<RankedTensorType>(input.getType()).getElementType());
  SmallVector<Value> position;
  scf::ForOp outermost;
  for (int64_t i = 0; i < count; ++i) {
    auto loop = scf::ForOp::create(b.rewriter, b.loc, zero, b.value(sizes[axis + i]), one, target);
    if (outermost)
      scf::YieldOp::create(b.rewriter, b.loc, loop.getResults());
    else
      outermost = loop;
    b.rewriter.setInsertionPointToStart(loop.getBody());
    position.push_back(loop.getInductionVar());
    target = loop.getRegionIterArg(0);
  }
  Value scalar = tensor::ExtractOp::create(b.rewriter, b.loc, indices, position);
  Value index = getCheckedIndex(b.rewriter, b.loc, scalar, inputSizes[axis]);
  Value row = gatherOne(b, input, inputSizes, index, axis);
  SmallVector<OpFoldResult> offsets(sizes.size(), b.index(0)), ones(sizes.size(), b.index(1));
  SmallVector<OpFoldResult> rowSizes(inputSizes.take_front(axis));
  rowSizes.append(count, b.index(1));
  llvm::append_range(rowSizes, inputSizes.drop_front(axis + 1));
  for (int64_t i = 0; i < count; ++i)
    offsets[axis + i] = position[i];
  Value place = tensor::ExtractSliceOp::create(
      b.rewriter, b.loc, cast<RankedTensorType>(row.getType()), target, offsets, rowSizes, ones);
  Value copied = linalg::CopyOp::create(b.rewriter, b.loc, row, place).getResult(0);
  Value result =
      tensor::InsertSliceOp::create(b.rewriter, b.loc, copied, target, offsets, rowSizes, ones);
  scf::YieldOp::create(b.rewriter, b.loc, result);
  return outermost.getResult(0);
}

/// Reads every element of the result by itself.
static Value gatherElementwise(TensorBuilder &b, Value input, ArrayRef<OpFoldResult> inputSizes,
                               Value indices, ArrayRef<OpFoldResult> sizes, int64_t axis) {
  int64_t rank = sizes.size(), count = cast<RankedTensorType>(indices.getType()).getRank();
  SmallVector<AffineExpr> exprs;
  for (int64_t i = 0; i < count; ++i)
    exprs.push_back(b.rewriter.getAffineDimExpr(axis + i));
  AffineMap map = AffineMap::get(rank, 0, exprs, b.rewriter.getContext());
  Type elementType = cast<RankedTensorType>(input.getType()).getElementType();
  return b.map(sizes, elementType, indices, map,
               [&](OpBuilder &body, Location loc, ValueRange args) {
                 SmallVector<Value> position;
                 for (int64_t dim = 0; dim < rank; ++dim) {
                   if (dim == axis)
                     position.push_back(getCheckedIndex(body, loc, args[0], inputSizes[axis]));
                   if (dim < axis || dim >= axis + count)
                     position.push_back(linalg::IndexOp::create(body, loc, dim));
                 }
                 Value element = tensor::ExtractOp::create(body, loc, input, position);
                 linalg::YieldOp::create(body, loc, element);
               });
}

/// The rows of `input` along `axis` that `indices` select, indices checked.
static Value gather(TensorBuilder &b, Value input, ArrayRef<OpFoldResult> inputSizes, Value indices,
                    ArrayRef<OpFoldResult> sizes, int64_t axis) {
  checkIndices(b, indices, inputSizes[axis]);
  if (llvm::any_of(sizes, [](OpFoldResult size) { return isConstantIntValue(size, 0); }))
    return b.empty(sizes, cast<RankedTensorType>(input.getType()).getElementType());
  auto type = cast<RankedTensorType>(indices.getType());
  if (type.hasStaticShape() && type.getNumElements() == 1) {
    SmallVector<Value> zeros(type.getRank(), b.value(b.index(0)));
    Value scalar = tensor::ExtractOp::create(b.rewriter, b.loc, indices, zeros);
    Value index = getCheckedIndex(b.rewriter, b.loc, scalar, inputSizes[axis]);
    Value row = gatherOne(b, input, inputSizes, index, axis);
    return b.insertDims(row, llvm::to_vector(llvm::seq(axis, axis + type.getRank())));
  }
  OpFoldResult rowSize = b.product(inputSizes.drop_front(axis + 1));
  if (std::optional<int64_t> known = getConstantIntValue(rowSize);
      known && *known < kMinRowElements)
    return gatherElementwise(b, input, inputSizes, indices, sizes, axis);
  return gatherRows(b, input, inputSizes, indices, sizes, axis);
}

namespace {
struct GatherLowering : public MovementPattern<GatherOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(GatherOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    int64_t axis = op.getAxis(),
            count = cast<RankedTensorType>(op.getIndices().getType()).getRank();
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput());
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) {
          if (dim >= axis && dim < axis + count)
            return lowering.getSize(b.rewriter, op.getLoc(), op.getIndices(), dim - axis);
          return input[dim < axis ? dim : dim - count + 1];
        });
    results.push_back(gather(b, adaptor.getInput(), input, adaptor.getIndices(), sizes, axis));
    return success();
  }
};

struct EmbeddingLowering : public MovementPattern<EmbeddingOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(EmbeddingOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    int64_t count = cast<RankedTensorType>(op.getIndices().getType()).getRank();
    SmallVector<OpFoldResult> table = lowering.getSizes(b.rewriter, op.getLoc(), op.getTable());
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) {
          return dim == count ? table[1]
                              : lowering.getSize(b.rewriter, op.getLoc(), op.getIndices(), dim);
        });
    results.push_back(
        gather(b, adaptor.getTable(), table, adaptor.getIndices(), sizes, /*axis=*/0));
    return success();
  }
};

/// Embeddings of decode chains.
struct DecodedEmbeddingLowering : public LoweringPattern<EmbeddingOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(EmbeddingOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Operation *decode = op.getTable().getDefiningOp();
    if (!isa_and_nonnull<DecodeOpInterface>(decode) || isa<MaskOp, ExpandBitmapOp>(decode))
      return rewriter.notifyMatchFailure(op, "the table is no chain");
    Value rows = ChainRows{op, rewriter}.gather(op.getTable());
    if (rows.getType() != op.getType())
      rows = tensor::CastOp::create(rewriter, op.getLoc(), op.getType(), rows);
    rewriter.replaceOp(op, rows);
    return success();
  }

private:
  /// Gathers the rows of a chain's leaves and decodes them.
  struct ChainRows {
    EmbeddingOp op;
    ConversionPatternRewriter &rewriter;

    int64_t getIndexRank() { return cast<RankedTensorType>(op.getIndices().getType()).getRank(); }

    RankedTensorType getRowType(Value table) {
      auto type = cast<RankedTensorType>(table.getType());
      SmallVector<int64_t> shape(cast<RankedTensorType>(op.getIndices().getType()).getShape());
      llvm::append_range(shape, type.getShape().drop_front());
      return type.clone(shape);
    }

    Value gather(Value table) {
      Operation *decode = table.getDefiningOp();
      if (auto lookup = dyn_cast_or_null<LookupOp>(decode))
        if (Value rows = gather(lookup))
          return rows;
      if (auto lookup = dyn_cast_or_null<LookupVectorsOp>(decode))
        if (Value rows = gather(lookup))
          return rows;
      if (auto widen = dyn_cast_or_null<CastOp>(decode); widen && widen.isDecodeLink())
        return CastOp::create(rewriter, op.getLoc(), getRowType(table), gather(widen.getInput()),
                              widen.getSaturateAttr());
      if (auto expand = dyn_cast_or_null<ExpandNMOp>(decode); expand && expand.getAxis() == 1)
        return ExpandNMOp::create(rewriter, op.getLoc(), getRowType(table),
                                  gather(expand.getCodes()), gather(expand.getPositions()),
                                  expand.getN(), expand.getM(), getIndexRank(), expand.getFill());
      if (auto dequantize = dyn_cast_or_null<DequantizeOp>(decode))
        if (Value rows = gather(dequantize))
          return rows;
      return GatherOp::create(rewriter, op.getLoc(), getRowType(table), table, op.getIndices(),
                              /*axis=*/0);
    }

    /// What has a scale for each block of a table, as the rows need it.
    struct RowScales {
      Value scale, zeroPoint;
      DenseI64ArrayAttr block;
    };
    /// Nothing if several rows share a scale that is not the one of all rows.
    std::optional<RowScales> gatherScales(Value scale, Value zeroPoint,
                                          std::optional<ArrayRef<int64_t>> block) {
      if (!block)
        return RowScales{scale, zeroPoint, {}};
      bool isShared = cast<RankedTensorType>(scale.getType()).getDimSize(0) == 1;
      if ((*block)[0] != 1 && !isShared)
        return std::nullopt;
      auto getRows = [&](Value table) { return isShared ? spread(table) : gather(table); };
      SmallVector<int64_t> rowBlock(getIndexRank(), isShared ? -1 : 1);
      rowBlock.push_back((*block)[1]);
      return RowScales{getRows(scale), zeroPoint ? getRows(zeroPoint) : Value(),
                       rewriter.getDenseI64ArrayAttr(rowBlock)};
    }

    /// Null if the rows have no scales of their own.
    Value gather(DequantizeOp decode) {
      std::optional<RowScales> scales =
          gatherScales(decode.getScale(), decode.getZeroPoint(), decode.getBlock());
      if (!scales)
        return {};
      return DequantizeOp::create(rewriter, op.getLoc(), getRowType(decode.getResult()),
                                  gather(decode.getCodes()), scales->scale, scales->zeroPoint,
                                  scales->block);
    }

    Value gather(LookupOp decode) {
      std::optional<RowScales> scales = RowScales();
      if (decode.getScale())
        scales = gatherScales(decode.getScale(), Value(), decode.getBlock());
      std::optional<RowScales> tables =
          gatherScales(decode.getTable(), Value(), decode.getTableBlock());
      if (!scales || !tables)
        return {};
      return LookupOp::create(rewriter, op.getLoc(), getRowType(decode.getResult()),
                              gather(decode.getCodes()), tables->scale, scales->scale,
                              scales->block, tables->block);
    }

    /// Null if vectors go through several rows.
    Value gather(LookupVectorsOp decode) {
      std::optional<RowScales> scales = RowScales();
      if (decode.getScale())
        scales = gatherScales(decode.getScale(), Value(), decode.getBlock());
      if (!scales || decode.getAxis() == 0)
        return {};
      return LookupVectorsOp::create(rewriter, op.getLoc(), getRowType(decode.getResult()),
                                     gather(decode.getCodes()), decode.getTables(), scales->scale,
                                     getIndexRank(), scales->block);
    }

    /// The only row of `table` with a dim of size 1 for each dim of the indices.
    Value spread(Value table) {
      auto type = cast<RankedTensorType>(table.getType());
      int64_t count = getIndexRank();
      if (count == 1)
        return table;
      if (count == 0)
        return SqueezeOp::create(rewriter, op.getLoc(), type.clone(type.getShape().drop_front()),
                                 table, rewriter.getDenseI64ArrayAttr({0}));
      SmallVector<int64_t> shape(count - 1, 1);
      llvm::append_range(shape, type.getShape());
      return UnsqueezeOp::create(
          rewriter, op.getLoc(), type.clone(shape), table,
          rewriter.getDenseI64ArrayAttr(llvm::to_vector(llvm::seq<int64_t>(0, count - 1))));
    }
  };
};
} // namespace

void compress::populateIndexingPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                        RewritePatternSet &patterns) {
  patterns.add<GatherLowering, EmbeddingLowering>(converter, lowering);
  patterns.add<DecodedEmbeddingLowering>(converter, lowering, /*benefit=*/2);
  populateElementIndexingPatterns(converter, lowering, patterns);
}
