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
#include "compress/Support/DataType.h"
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

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// Code, in its compute type, of `value` (f32 or f64; what `scale` divides is of the wider type).
/// `zeroPoint` (null: 0) has the compute type of codes.
static Value emitQuantize(ScalarBuilder &b, Value value, Value scale, Value zeroPoint, Type codes) {
  Type type = value.getType().isF64() ? value.getType() : scale.getType();
  Value quotient = arith::DivFOp::create(b, b.toFloat(value, value.getType(), type),
                                         b.toFloat(scale, scale.getType(), type));
  if (isa<FloatType>(codes)) // Stored by the caller.
    return b.convert(quotient, type, codes);
  unsigned width = codes.getIntOrFloatBitWidth();
  DataType dataType = *getDataType(codes);
  // Codes of 16 bits and their sums are exact in f32, larger ones in f64.
  if (width > 16)
    type = b.getF64Type();
  Value code = math::RoundEvenOp::create(b, b.toFloat(quotient, quotient.getType(), type));
  Value zero = zeroPoint ? b.toFloat(zeroPoint, codes, type) : b.number(type, 0);
  if (zeroPoint)
    code = b.add(code, zero);
  Value low = b.number(type, static_cast<double>(getMinInt(dataType)));
  Value high = b.number(type, static_cast<double>(getMaxInt(dataType)));
  code = b.select(b.less(code, low, type), low, code);
  code = b.select(b.less(high, code, type), high, code);
  code = b.select(b.isNan(code), zero, code);
  // All of 32 bits fit into an i64.
  Type wide = b.getIntegerType(width < 32 ? 32 : 64);
  Value result = arith::FPToSIOp::create(b, wide, code);
  Type compute = ScalarBuilder::getComputeType(codes);
  return compute == wide ? result : arith::TruncIOp::create(b, compute, result).getResult();
}

/// (code - zeroPoint) * scale in the type of `scale` (f32 or f64).
static Value emitDequantize(ScalarBuilder &b, Value code, Value scale, Value zeroPoint,
                            Type codes) {
  Type type = scale.getType();
  if (isa<FloatType>(codes))
    return b.mul(b.toFloat(code, codes, type), scale);
  unsigned width = codes.getIntOrFloatBitWidth();
  if (!zeroPoint)
    return b.mul(b.toFloat(code, codes, type), scale);
  if (width > 16) { // Rounded once, after the difference.
    Type f64 = b.getF64Type();
    Value difference = b.sub(b.toFloat(code, codes, f64), b.toFloat(zeroPoint, codes, f64));
    return b.mul(b.toFloat(difference, f64, type), scale);
  }
  Type i32 = b.getI32Type();
  Value difference = b.sub(b.convert(code, codes, i32), b.convert(zeroPoint, codes, i32));
  return b.mul(b.toFloat(difference, i32, type), scale);
}

/// Scale times the entry of `table` (of `entries`, elements of type `element` in memory) next to
/// value / scale, see `compress.fake_quantize`.
static Value emitFakeQuantizeTable(ScalarBuilder &b, Value value, Value scale, Value table,
                                   Type element, int64_t entries) {
  Type f64 = b.getF64Type();
  bool isWide = value.getType() == f64 || scale.getType() == f64 || element == f64;
  Type type = isWide ? f64 : b.getF32Type();
  scale = b.toFloat(scale, scale.getType(), type);
  Value quotient = arith::DivFOp::create(b, b.toFloat(value, value.getType(), type), scale);
  auto load = [&](ScalarBuilder &builder, Value index) {
    Value entry = builder.load(tensor::ExtractOp::create(builder, table, index), element);
    return builder.toFloat(entry, entry.getType(), type);
  };
  auto index = [&](int64_t at) { return arith::ConstantIndexOp::create(b, at); };
  Value first = load(b, index(0));
  auto loop = scf::ForOp::create(
      b, b.getLoc(), index(1), index(entries), index(1), first,
      [&](OpBuilder &nested, Location loc, Value at, ValueRange state) {
        ScalarBuilder builder(loc, nested);
        Value best = state.front(), entry = load(builder, at);
        Value middle = builder.mul(builder.add(best, entry), builder.number(type, 0.5));
        Value isUpper = builder.less(best, entry, type), isLower = builder.less(entry, best, type);
        Value up = arith::AndIOp::create(builder, isUpper, builder.less(middle, quotient, type));
        Value down =
            arith::AndIOp::create(builder, isLower, builder.lessEqual(quotient, middle, type));
        Value taken = arith::OrIOp::create(builder, up, down);
        scf::YieldOp::create(builder, builder.select(taken, entry, best));
      });
  return b.mul(loop.getResult(0), scale);
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
          Value zero = hasZero ? elements[2] : Value();
          Value code = emitQuantize(builder, elements[0], elements[1], zero, codes);
          // Through memory's type, which rounds float codes.
          code = builder.load(builder.store(code, codes), codes);
          Value value = emitDequantize(builder, code, elements[1], zero, codes);
          return builder.toFloat(value, value.getType(), ScalarBuilder::getComputeType(element));
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
              builder, emitParameters(builder, arguments[0], arguments[1], input, codes));
        });
    return {generic.getResult(0), generic.getResult(1)};
  }

  static SmallVector<Value> emitParameters(ScalarBuilder &b, Value low, Value high, Type input,
                                           Type codes) {
    Type type = low.getType();
    bool isSymmetric = !codes.isUnsignedInteger();
    auto largestCode = static_cast<double>(getMaxInt(*getDataType(codes)));
    Value negated = arith::NegFOp::create(b, low);
    Value span =
        isSymmetric ? b.select(b.less(negated, high, type), high, negated) : b.sub(high, low);
    Value scale = arith::DivFOp::create(b, span, b.number(type, largestCode)).getResult();
    // The scale as it is stored divides.
    Value stored = b.store(scale, input);
    Value rounded = b.load(stored, input);
    Value isZero = b.equal(rounded, b.number(type, 0));
    Value one = b.number(type, 1);
    stored = b.select(isZero, b.store(one, input), stored);
    rounded = b.select(isZero, one, rounded);
    if (isSymmetric)
      return {stored, b.integer(b.getI8Type(), 0)};
    Value exact = b.sub(b.number(type, 0), arith::DivFOp::create(b, low, rounded));
    exact = b.select(b.less(exact, b.number(type, 0), type), b.number(type, 0), exact);
    exact = b.select(b.less(b.number(type, largestCode), exact, type), b.number(type, largestCode),
                     exact);
    exact = b.select(b.isNan(exact), b.number(type, 0), exact);
    Value code = arith::FPToSIOp::create(b, b.getI32Type(), math::RoundEvenOp::create(b, exact));
    return {stored, arith::TruncIOp::create(b, b.getI8Type(), code)};
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
