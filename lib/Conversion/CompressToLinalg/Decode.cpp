//===- Decode.cpp - tables, masks and sparse codes ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EncodingPatterns.h"
#include "LoopBuilder.h"
#include "compress/Reference/Quantization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

static Type getElement(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

static Value createIndex(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

/// Stops the run unless a dim that the IR does not know has this size.
static void checkSize(OpBuilder &builder, Location loc, Value tensor, int64_t dim, Value size,
                      const Twine &message) {
  if (!cast<RankedTensorType>(tensor.getType()).isDynamicDim(dim))
    return;
  Value actual = tensor::DimOp::create(builder, loc, tensor, dim);
  LoweringContext::check(
      builder, loc, arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, actual, size),
      message);
}

/// What lies in memory for the code `fill`.
static Value createFill(OpBuilder &builder, Location loc, Type storage, int64_t fill) {
  if (isa<FloatType>(storage)) // Only zero can be said.
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(storage));
  return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(storage, fill));
}

namespace {
struct MaskLowering : public LoweringPattern<MaskOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(MaskOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value result = op.getResult();
    LoopBuilder loops(rewriter, loc, lowering, result,
                      getSameSizes(rewriter, loc, lowering, result, op.getInput()));
    loops.addInput(op.getInput(), adaptor.getInput());
    loops.addInput(op.getMask(), adaptor.getMask());
    Type element = getElement(result);
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    rewriter.replaceOp(
        op, loops.create(type, element, [&](ScalarBuilder &builder, ValueRange elements) {
          Type compute = elements[0].getType();
          Value zero =
              isa<FloatType>(compute) ? builder.number(compute, 0) : builder.integer(compute, 0);
          return builder.select(elements[1], elements[0], zero);
        }));
    return success();
  }
};

struct LookupLowering : public LoweringPattern<LookupOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(LookupOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value result = op.getResult();
    Type codes = getElement(op.getCodes());
    if (codes.getIntOrFloatBitWidth() > 32)
      return rewriter.notifyMatchFailure(op, "codes of more than 32 bits");
    Value table = adaptor.getTable();
    auto tableType = cast<RankedTensorType>(table.getType());
    if (int64_t last = tableType.getRank() - 1; tableType.isDynamicDim(last)) {
      Value size = tensor::DimOp::create(rewriter, loc, table, last);
      Value needed = createIndex(rewriter, loc, int64_t(1) << codes.getIntOrFloatBitWidth());
      LoweringContext::check(
          rewriter, loc,
          arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::uge, size, needed),
          "the table has no entry for some codes");
    }
    SmallVector<OpFoldResult> sizes = getSameSizes(rewriter, loc, lowering, result, op.getCodes());
    checkTables(rewriter, op, sizes);
    LoopBuilder loops(rewriter, loc, lowering, result, sizes);
    loops.addInput(op.getCodes(), adaptor.getCodes());
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    auto extract = [&](ScalarBuilder &builder, Value code) -> Value {
      SmallVector<Value> index;
      for (auto [dim, size] : llvm::enumerate(op.getTableBlock().value_or(ArrayRef<int64_t>()))) {
        if (size == -1) {
          index.push_back(createIndex(builder, loc, 0));
          continue;
        }
        index.push_back(linalg::IndexOp::create(builder, dim));
        if (size != 1)
          index.back() =
              arith::DivUIOp::create(builder, index.back(), createIndex(builder, loc, size));
      }
      index.push_back(arith::IndexCastUIOp::create(builder, builder.getIndexType(), code));
      return tensor::ExtractOp::create(builder, table, index);
    };
    if (!op.getScale()) {
      rewriter.replaceOp(op, loops.create({type}, [&](ScalarBuilder &builder, ValueRange elements) {
        return SmallVector<Value>{extract(builder, elements[0])};
      }));
      return success();
    }
    Type element = getElement(result);
    if (!ScalarBuilder::isSupported(element))
      return rewriter.notifyMatchFailure(op, "a table of another type");
    loops.addBlocks(op.getScale(), adaptor.getScale(), op.getBlock());
    rewriter.replaceOp(
        op, loops.create(type, element, [&](ScalarBuilder &builder, ValueRange elements) {
          return builder.mul(builder.load(extract(builder, elements[0]), element), elements[1]);
        }));
    return success();
  }

private:
  /// Stops the run unless there is a table for each block of a result of these sizes.
  void checkTables(ConversionPatternRewriter &rewriter, LookupOp op,
                   ArrayRef<OpFoldResult> sizes) const {
    Location loc = op.getLoc();
    RankedTensorType table = op.getTable().getType(), codes = op.getCodes().getType();
    for (auto [dim, size] : llvm::enumerate(op.getTableBlock().value_or(ArrayRef<int64_t>()))) {
      bool isChecked = !table.isDynamicDim(dim) && !codes.isDynamicDim(dim);
      if (isChecked || (size == 1 && lowering.isEqual(op.getTable(), dim, op.getCodes(), dim)))
        continue;
      Value total = getIndexValue(rewriter, loc, sizes[dim]);
      Value other = createIndex(rewriter, loc, std::max<int64_t>(size, 1));
      Value blocks = size == -1
                         ? arith::MinUIOp::create(rewriter, loc, total, other).getResult()
                         : arith::CeilDivUIOp::create(rewriter, loc, total, other).getResult();
      Value found =
          getIndexValue(rewriter, loc, lowering.getSize(rewriter, loc, op.getTable(), dim));
      LoweringContext::check(
          rewriter, loc,
          arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, found, blocks),
          "wrong number of tables");
    }
  }
};

/// Every element is the sum of its entries of the codebooks.
struct LookupVectorsLowering : public LoweringPattern<LookupVectorsOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(LookupVectorsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value result = op.getResult();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(result.getType()));
    auto tables = cast<RankedTensorType>(adaptor.getTables().getType());
    auto axis = static_cast<int64_t>(op.getAxis());
    Type codeType = getElement(op.getCodes()), element = getElement(result);
    if (codeType.getIntOrFloatBitWidth() > 32)
      return rewriter.notifyMatchFailure(op, "codes of more than 32 bits");
    if (op.getType().isDynamicDim(axis) || !tables.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "the length or the shape of the tables is not known");
    int64_t length = op.getType().getDimSize(axis), dim = tables.getDimSize(3);
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(rewriter, loc, result, [&](int64_t at) -> OpFoldResult {
          if (at == axis)
            return rewriter.getIndexAttr(length);
          return lowering.getSize(rewriter, loc, op.getCodes(), at);
        });
    int64_t numVectors = length == 0 ? 0 : (length - 1) / dim + 1;
    Value codes = adaptor.getCodes();
    checkSize(rewriter, loc, codes, axis, createIndex(rewriter, loc, numVectors),
              "wrong number of codes of vectors");
    checkSize(rewriter, loc, codes, type.getRank(),
              createIndex(rewriter, loc, tables.getDimSize(1)), "wrong number of codebooks");
    LoopBuilder loops(rewriter, loc, lowering, result, sizes);
    if (op.getScale())
      loops.addBlocks(op.getScale(), adaptor.getScale(), op.getBlock());
    rewriter.replaceOp(
        op, loops.create(type, element, [&](ScalarBuilder &builder, ValueRange elements) {
          Value sum = computeSum(builder, codes, codeType, adaptor.getTables(), element, axis,
                                 type.getRank());
          return op.getScale() ? builder.mul(sum, elements[0]) : sum;
        }));
    return success();
  }

private:
  /// Sum of the entries of the loops' element.
  static Value computeSum(ScalarBuilder &b, Value codes, Type codeType, Value tables, Type element,
                          int64_t axis, int64_t rank) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(tables.getType()).getShape();
    auto constant = [&](int64_t value) { return createIndex(b, b.getLoc(), value); };
    SmallVector<Value> place;
    for (int64_t dim = 0; dim < rank; ++dim)
      place.push_back(linalg::IndexOp::create(b, dim));
    Value at = arith::RemUIOp::create(b, place[axis], constant(shape[3]));
    place[axis] = arith::DivUIOp::create(b, place[axis], constant(shape[3]));
    place.emplace_back();
    Value space = shape[0] > 1 ? place[axis] : constant(0), sum;
    for (int64_t book = 0; book < shape[1]; ++book) {
      place.back() = constant(book);
      Value code = arith::IndexCastUIOp::create(b, b.getIndexType(),
                                                tensor::ExtractOp::create(b, codes, place));
      // Codes of more than 8 bits may have no entry; no run reads beyond the tables.
      if (shape[2] < int64_t(1) << codeType.getIntOrFloatBitWidth())
        code = arith::MinUIOp::create(b, code, constant(shape[2] - 1));
      Value stored =
          tensor::ExtractOp::create(b, tables, ValueRange{space, place.back(), code, at});
      Value entry = b.load(stored, element);
      sum = sum ? b.add(sum, entry) : entry;
    }
    return sum ? sum : b.number(ScalarBuilder::getComputeType(element), 0);
  }
};

/// A loop over the kept codes, which writes each to its place.
struct ExpandNMLowering : public LoweringPattern<ExpandNMOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(ExpandNMOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    int64_t rank = type.getRank(), axis = op.getAxis();
    if (type.isDynamicDim(axis))
      return rewriter.notifyMatchFailure(op, "the dense length is not known");
    Value codes = adaptor.getCodes(), positions = adaptor.getPositions();
    int64_t length = type.getDimSize(axis);
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(rewriter, loc, op.getResult(), [&](int64_t dim) -> OpFoldResult {
          if (dim == axis)
            return rewriter.getIndexAttr(length);
          return tensor::getMixedSize(rewriter, loc, codes, dim);
        });
    SmallVector<Value> bounds;
    for (int64_t dim = 0; dim < rank; ++dim) {
      bounds.push_back(
          dim == axis
              ? createIndex(rewriter, loc, reference::getNmCodeLength(length, op.getN(), op.getM()))
              : getIndexValue(rewriter, loc, sizes[dim]));
      checkSize(rewriter, loc, codes, dim, bounds.back(), "wrong number of kept codes");
    }
    checkPositions(rewriter, loc, op, positions, bounds);
    Value fill = createFill(rewriter, loc, type.getElementType(), op.getFill());
    Value empty = createEmptyOfType(rewriter, loc, type, sizes);
    Value filled = linalg::FillOp::create(rewriter, loc, fill, empty).getResult(0);

    Value zero = createIndex(rewriter, loc, 0), one = createIndex(rewriter, loc, 1);
    SmallVector<Value> lower(rank, zero), steps(rank, one);
    scf::LoopNest nest = scf::buildLoopNest(
        rewriter, loc, lower, bounds, steps, filled,
        [&](OpBuilder &builder, Location nested, ValueRange index, ValueRange dense) {
          SmallVector<Value> place(index);
          place[axis] = computePlace(builder, nested, op, positions, index, length);
          Value code = tensor::ExtractOp::create(builder, nested, codes, index);
          return scf::ValueVector{
              tensor::InsertOp::create(builder, nested, code, dense.front(), place)};
        });
    rewriter.replaceOp(op, nest.results);
    return success();
  }

private:
  static void checkPositions(OpBuilder &builder, Location loc, ExpandNMOp op, Value positions,
                             ArrayRef<Value> bounds) {
    int64_t last = static_cast<int64_t>(bounds.size()) - 1;
    Value bits = createIndex(builder, loc, reference::getNmPositionBits(op.getM()));
    Value bytes = arith::CeilDivUIOp::create(
        builder, loc, arith::MulIOp::create(builder, loc, bounds[last], bits),
        createIndex(builder, loc, 8));
    for (int64_t dim = 0; dim <= last; ++dim)
      checkSize(builder, loc, positions, dim, dim == last ? bytes : bounds[dim],
                "wrong number of positions");
  }

  /// Index along the axis of the code at `index`: its group's start and its position there.
  static Value computePlace(OpBuilder &nested, Location loc, ExpandNMOp op, Value positions,
                            ValueRange index, int64_t length) {
    ScalarBuilder b(loc, nested);
    int64_t axis = op.getAxis(), n = op.getN(), m = op.getM();
    unsigned bits = reference::getNmPositionBits(m);
    Type i32 = b.getI32Type();
    auto constant = [&](int64_t value) { return createIndex(b, loc, value); };
    Value firstBit = b.mul(index.back(), constant(bits));
    Value byte = arith::DivUIOp::create(b, firstBit, constant(8));
    auto loadByte = [&](Value at) -> Value {
      SmallVector<Value> where(index);
      where.back() = at;
      return arith::ExtUIOp::create(b, i32, tensor::ExtractOp::create(b, positions, where));
    };
    Value window = loadByte(byte);
    if (8 % bits != 0) { // The field may reach into the next byte, if there is one.
      Value size = tensor::DimOp::create(b, positions, static_cast<int64_t>(index.size()) - 1);
      Value next = arith::MinUIOp::create(b, b.add(byte, constant(1)), b.sub(size, constant(1)));
      window = arith::OrIOp::create(b, window,
                                    arith::ShLIOp::create(b, loadByte(next), b.integer(i32, 8)));
    }
    Value shift =
        arith::IndexCastOp::create(b, i32, arith::RemUIOp::create(b, firstBit, constant(8)));
    Value position = arith::AndIOp::create(b, arith::ShRUIOp::create(b, window, shift),
                                           b.integer(i32, (int64_t(1) << bits) - 1));
    position = arith::IndexCastOp::create(b, b.getIndexType(), position);
    Value group = arith::MinUIOp::create(b, arith::DivUIOp::create(b, index[axis], constant(n)),
                                         constant(length / m));
    Value start = b.mul(group, constant(m));
    Value size = arith::MinUIOp::create(b, constant(m), b.sub(constant(length), start));
    LoweringContext::check(b, loc,
                           arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position, size),
                           "a position of an N:M pattern is outside of its group");
    return b.add(start, position);
  }
};

/// A loop over all elements, which counts the kept ones.
struct ExpandBitmapLowering : public LoweringPattern<ExpandBitmapOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(ExpandBitmapOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    if (!type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "the dense shape is not known");
    int64_t count = type.getNumElements();
    Value codes = adaptor.getCodes(), bitmap = adaptor.getBitmap();
    checkSize(rewriter, loc, bitmap, 0, createIndex(rewriter, loc, (count + 7) / 8),
              "wrong number of bytes in a bitmap");
    Value zero = createIndex(rewriter, loc, 0), one = createIndex(rewriter, loc, 1);
    Value available = tensor::DimOp::create(rewriter, loc, codes, 0);
    Value fill = createFill(rewriter, loc, type.getElementType(), op.getFill());
    Value flat =
        tensor::EmptyOp::create(rewriter, loc, ArrayRef<int64_t>{count}, type.getElementType());
    auto loop = scf::ForOp::create(
        rewriter, loc, zero, createIndex(rewriter, loc, count), one, ValueRange{flat, zero},
        [&](OpBuilder &builder, Location nested, Value index, ValueRange state) {
          ScalarBuilder b(nested, builder);
          Value eight = createIndex(b, nested, 8);
          Value byte = tensor::ExtractOp::create(
              b, bitmap, ValueRange{arith::DivUIOp::create(b, index, eight)});
          Value shift =
              arith::IndexCastOp::create(b, b.getI8Type(), arith::RemUIOp::create(b, index, eight));
          Value bit =
              arith::TruncIOp::create(b, b.getI1Type(), arith::ShRUIOp::create(b, byte, shift));
          Value isThere = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, state[1], available);
          auto branch = scf::IfOp::create(
              b, nested, arith::AndIOp::create(b, bit, isThere),
              [&](OpBuilder &then, Location thenLoc) {
                Value code = tensor::ExtractOp::create(then, thenLoc, codes, state[1]);
                scf::YieldOp::create(then, thenLoc, code);
              },
              [&](OpBuilder &other, Location otherLoc) {
                scf::YieldOp::create(other, otherLoc, fill);
              });
          Value written =
              tensor::InsertOp::create(b, branch.getResult(0), state[0], ValueRange{index});
          Value step = arith::IndexCastUIOp::create(b, b.getIndexType(), bit);
          scf::YieldOp::create(b, ValueRange{written, b.add(state[1], step)});
        });
    LoweringContext::check(rewriter, loc,
                           arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                                 loop.getResult(1), available),
                           "the bitmap keeps another number of elements than there are codes");
    rewriter.replaceOp(op, reshape(rewriter, loc, loop.getResult(0), type));
    return success();
  }

private:
  static Value reshape(OpBuilder &builder, Location loc, Value flat, RankedTensorType type) {
    if (type.getRank() == 1)
      return flat;
    if (type.getRank() == 0)
      return tensor::CollapseShapeOp::create(builder, loc, type, flat,
                                             ArrayRef<ReassociationIndices>());
    ReassociationIndices all;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      all.push_back(dim);
    return tensor::ExpandShapeOp::create(builder, loc, type, flat,
                                         ArrayRef<ReassociationIndices>{all});
  }
};
} // namespace

void compress::populateDecodePatterns(const TypeConverter &converter, LoweringContext &lowering,
                                      RewritePatternSet &patterns) {
  patterns.add<MaskLowering, LookupLowering, LookupVectorsLowering, ExpandNMLowering,
               ExpandBitmapLowering>(converter, lowering);
}
