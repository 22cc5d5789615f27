//===- Quantization.cpp - quantize, dequantize and dynamic scales ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EncodingPatterns.h"
#include "LoopBuilder.h"
#include "Patterns.h"
#include "compress/Dialect/Compress/Transforms/EncodingScalars.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

static Type getElement(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

/// Codes that scales and zero points can turn into floats.
static LogicalResult checkTypes(Operation *op, Type codes, ConversionPatternRewriter &rewriter) {
  if (ScalarBuilder::isSupported(codes) && codes.getIntOrFloatBitWidth() <= 32)
    return success();
  return rewriter.notifyMatchFailure(op, "codes of more than 32 bits");
}

/// Float codes have a zero point of zero, which says nothing.
static bool hasZeroPoint(Value zeroPoint) {
  return zeroPoint && !isa<FloatType>(getElement(zeroPoint));
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
struct QuantizeLowering : public LoweringPattern<QuantizeOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(QuantizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Type codes = op.getCodes().getType().getElementType();
    if (failed(checkTypes(op, codes, rewriter)))
      return failure();
    Location loc = op.getLoc();
    LoopBuilder loops(rewriter, loc, lowering, op.getCodes(),
                      getSameSizes(rewriter, loc, lowering, op.getCodes(), op.getInput()));
    loops.addInput(op.getInput(), adaptor.getInput());
    loops.addBlocks(op.getScale(), adaptor.getScale(), op.getBlock());
    bool hasZero = hasZeroPoint(op.getZeroPoint());
    if (hasZero)
      loops.addBlocks(op.getZeroPoint(), adaptor.getZeroPoint(), op.getBlock());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getCodes().getType()));
    rewriter.replaceOp(op,
                       loops.create(type, codes, [&](ScalarBuilder &builder, ValueRange elements) {
                         return emitQuantize(builder, elements[0], elements[1],
                                             hasZero ? elements[2] : Value(), codes);
                       }));
    return success();
  }
};

struct DequantizeLowering : public LoweringPattern<DequantizeOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(DequantizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Type codes = op.getCodes().getType().getElementType();
    if (failed(checkTypes(op, codes, rewriter)))
      return failure();
    Location loc = op.getLoc();
    Value result = op.getResult();
    LoopBuilder loops(rewriter, loc, lowering, result,
                      getSameSizes(rewriter, loc, lowering, result, op.getCodes()));
    loops.addInput(op.getCodes(), adaptor.getCodes());
    loops.addBlocks(op.getScale(), adaptor.getScale(), op.getBlock());
    bool hasZero = hasZeroPoint(op.getZeroPoint());
    if (hasZero)
      loops.addBlocks(op.getZeroPoint(), adaptor.getZeroPoint(), op.getBlock());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    rewriter.replaceOp(op, loops.create(type, getElement(result),
                                        [&](ScalarBuilder &builder, ValueRange elements) {
                                          return emitDequantize(builder, elements[0], elements[1],
                                                                hasZero ? elements[2] : Value(),
                                                                codes);
                                        }));
    return success();
  }
};

struct FakeQuantizeLowering : public LoweringPattern<FakeQuantizeOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(FakeQuantizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getTable())
      return lowerTable(op, adaptor, rewriter);
    Type codes = op.getCodes();
    if (failed(checkTypes(op, codes, rewriter)))
      return failure();
    Location loc = op.getLoc();
    Value result = op.getResult();
    LoopBuilder loops(rewriter, loc, lowering, result,
                      getSameSizes(rewriter, loc, lowering, result, op.getInput()));
    loops.addInput(op.getInput(), adaptor.getInput());
    loops.addBlocks(op.getScale(), adaptor.getScale(), op.getBlock());
    bool hasZero = hasZeroPoint(op.getZeroPoint());
    if (hasZero)
      loops.addBlocks(op.getZeroPoint(), adaptor.getZeroPoint(), op.getBlock());
    Type element = getElement(result);
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    rewriter.replaceOp(
        op, loops.create(type, element, [&](ScalarBuilder &builder, ValueRange elements) {
          return emitFakeQuantize(builder, elements[0], elements[1],
                                  hasZero ? elements[2] : Value(), codes, element);
        }));
    return success();
  }

private:
  LogicalResult lowerTable(FakeQuantizeOp op, OpAdaptor adaptor,
                           ConversionPatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    Value result = op.getResult(), table = adaptor.getTable();
    Type element = getElement(result), entry = getElement(op.getTable());
    unsigned bits = op.getCodes().getIntOrFloatBitWidth();
    if (bits > 16 || !ScalarBuilder::isSupported(entry))
      return rewriter.notifyMatchFailure(op, "a table of another form");
    int64_t entries = int64_t(1) << bits;
    if (cast<RankedTensorType>(table.getType()).isDynamicDim(0)) {
      Value size = tensor::DimOp::create(rewriter, loc, table, 0);
      Value needed = arith::ConstantIndexOp::create(rewriter, loc, entries);
      LoweringContext::check(
          rewriter, loc,
          arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::uge, size, needed),
          "the table has no entry for some codes");
    }
    LoopBuilder loops(rewriter, loc, lowering, result,
                      getSameSizes(rewriter, loc, lowering, result, op.getInput()));
    loops.addInput(op.getInput(), adaptor.getInput());
    loops.addBlocks(op.getScale(), adaptor.getScale(), op.getBlock());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    rewriter.replaceOp(
        op, loops.create(type, element, [&](ScalarBuilder &builder, ValueRange elements) {
          Value value =
              emitFakeQuantizeTable(builder, elements[0], elements[1], table, entry, entries);
          return builder.toFloat(value, value.getType(), ScalarBuilder::getComputeType(element));
        }));
    return success();
  }
};

/// Extent of the values, then parameters, then codes.
struct DynamicQuantizeLowering : public LoweringPattern<DynamicQuantizeOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(DynamicQuantizeOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto convert = [&](Value value) {
      return cast<RankedTensorType>(getTypeConverter()->convertType(value.getType()));
    };
    int64_t rank = op.getInput().getType().getRank();
    llvm::SmallBitVector reduced(rank, op.getGranularity() == DynamicGranularity::Tensor);
    if (op.getGranularity() == DynamicGranularity::Row)
      reduced.set(rank - 1);
    SmallVector<OpFoldResult> sizes =
        getSameSizes(rewriter, loc, lowering, op.getCodes(), op.getInput());
    LoopBuilder reader(rewriter, loc, lowering, op.getCodes(), sizes);
    reader.addInput(op.getInput(), adaptor.getInput());
    Value low = reduceExtent(rewriter, reader, reduced, op, /*isLow=*/true);
    Value high = reduceExtent(rewriter, reader, reduced, op, /*isLow=*/false);

    Type input = op.getInput().getType().getElementType();
    Type codes = op.getCodes().getType().getElementType();
    auto [scale, zeroPoint] = computeParameters(rewriter, loc, low, high, input, codes);

    LoopBuilder loops(rewriter, loc, lowering, op.getCodes(), sizes);
    loops.addInput(op.getInput(), adaptor.getInput());
    llvm::SmallBitVector kept = reduced;
    kept.flip();
    loops.addStored(scale, input, kept);
    loops.addStored(zeroPoint, codes, kept);
    Value quantized = loops.create(
        convert(op.getCodes()), codes, [&](ScalarBuilder &builder, ValueRange elements) {
          return emitQuantize(builder, elements[0], elements[1], elements[2], codes);
        });
    auto shape = [&](Value result, Value value) {
      RankedTensorType type = convert(result);
      llvm::SmallBitVector inserted = reduced;
      inserted.resize(type.getRank());
      SmallVector<OpFoldResult> parameterSizes = sizes;
      if (op.getGranularity() == DynamicGranularity::Row)
        parameterSizes.back() = rewriter.getIndexAttr(1);
      (void)lowering.getResultSizes(rewriter, loc, result,
                                    [&](int64_t dim) { return parameterSizes[dim]; });
      return insertUnitDims(rewriter, loc, value, type, parameterSizes, inserted);
    };
    rewriter.replaceOp(
        op, {quantized, shape(op.getScale(), scale), shape(op.getZeroPoint(), zeroPoint)});
    return success();
  }

private:
  /// Smallest or largest value, including zero; NaN does not count.
  static Value reduceExtent(ConversionPatternRewriter &rewriter, LoopBuilder &reader,
                            const llvm::SmallBitVector &reduced, DynamicQuantizeOp op, bool isLow) {
    Type type = ScalarBuilder::getComputeType(op.getInput().getType().getElementType());
    return reader.reduce(reduced, {rewriter.getFloatAttr(type, 0),
                                   [&](ScalarBuilder &b, Value extent, ValueRange elements) {
                                     Value x = elements[0];
                                     Value isBeyond =
                                         isLow ? b.less(x, extent, type) : b.less(extent, x, type);
                                     return b.select(isBeyond, x, extent);
                                   }});
  }

  /// Scale and zero point of extents of any shape.
  static std::pair<Value, Value> computeParameters(ConversionPatternRewriter &rewriter,
                                                   Location loc, Value low, Value high, Type input,
                                                   Type codes) {
    auto extents = cast<RankedTensorType>(low.getType());
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, low);
    Value scale = tensor::EmptyOp::create(rewriter, loc, sizes, getStorageElementType(input));
    Value zeroPoint = tensor::EmptyOp::create(rewriter, loc, sizes, rewriter.getI8Type());
    SmallVector<AffineMap> maps(4, rewriter.getMultiDimIdentityMap(extents.getRank()));
    SmallVector<utils::IteratorType> iterators(extents.getRank(), utils::IteratorType::parallel);
    auto generic = linalg::GenericOp::create(
        rewriter, loc, TypeRange{scale.getType(), zeroPoint.getType()}, ValueRange{low, high},
        ValueRange{scale, zeroPoint}, maps, iterators,
        [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
          ScalarBuilder builder(nestedLoc, nested);
          linalg::YieldOp::create(
              builder, emitDynamicParameters(builder, arguments[0], arguments[1], input, codes));
        });
    return {generic.getResult(0), generic.getResult(1)};
  }
};
} // namespace

void compress::populateQuantizationPatterns(const TypeConverter &converter,
                                            LoweringContext &lowering,
                                            RewritePatternSet &patterns) {
  patterns.add<QuantizeLowering, DequantizeLowering, FakeQuantizeLowering, DynamicQuantizeLowering>(
      converter, lowering);
  populateDecodePatterns(converter, lowering, patterns);
  populatePackedWeightPatterns(converter, lowering, patterns);
}
