//===- LowerDecode.cpp - encoding ops for other compilers -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoweredTensor.h"
#include "compress/Algorithms/BitmapPacking.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/EncodingScalars.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Reference/Quantization.h"
#include "compress/Support/DataType.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_LOWERDECODE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

static Value createIndex(ScalarBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

/// Blocks of the scales of `op`; none for a scalar.
template <typename OpTy>
static SmallVector<int64_t> getScaleBlocks(OpTy op) {
  return SmallVector<int64_t>(op.getBlock().value_or(ArrayRef<int64_t>()));
}

/// Blocks of an operand that is broadcast to a result of rank `rank`.
static SmallVector<int64_t> getBroadcastBlocks(RankedTensorType type) {
  SmallVector<int64_t> blocks;
  for (int64_t size : type.getShape())
    blocks.push_back(size == 1 ? -1 : 1);
  return blocks;
}

/// What memory holds for the code `fill`.
static Value createFill(ScalarBuilder &b, Type storage, int64_t fill) {
  // Of floats, only zero can be said.
  return isa<FloatType>(storage) ? b.number(storage, 0) : b.integer(storage, fill);
}

namespace {
/// Lowers the encoding ops of a module one by one, in program order.
class Lowering {
public:
  explicit Lowering(MLIRContext *context) : store(context) {}

  /// Emits what takes the place of `op`, which stays.
  LogicalResult lower(Operation *op);
  /// Replaces and erases the ops that were lowered, and their sources.
  LogicalResult finish(ModuleOp module);

private:
  FailureOr<LoweredTensor> get(Value value, OpBuilder &builder);
  /// Operands of `op`, or failure with a diagnostic. Optional ones that are missing have no value.
  FailureOr<SmallVector<LoweredTensor>> getAll(Operation *op, ValueRange values);
  void set(Value value, const LoweredTensor &tensor) { lowered[value] = tensor; }

  LogicalResult lowerQuantize(QuantizeOp op);
  LogicalResult lowerDequantize(DequantizeOp op);
  LogicalResult lowerFakeQuantize(FakeQuantizeOp op);
  LogicalResult lowerDynamicQuantize(DynamicQuantizeOp op);
  LogicalResult lowerLookup(LookupOp op);
  LogicalResult lowerLookupVectors(LookupVectorsOp op);
  LogicalResult lowerMask(MaskOp op);
  LogicalResult lowerExpandNM(ExpandNMOp op);
  LogicalResult lowerExpandBitmap(ExpandBitmapOp op);
  LogicalResult lowerCast(CastOp op);
  LogicalResult lowerAdd(AddOp op);
  LogicalResult lowerReshape(ReshapeOp op);
  LogicalResult replaceLoad(LoadOp load);
  FailureOr<Value> createWords(OpBuilder &builder, Location loc, StringRef name, Type type,
                               ArrayRef<uint64_t> numbers, EmitErrorFn emitError);

  WeightStore store;
  DenseMap<Value, LoweredTensor> lowered;
  SmallVector<Operation *> done;
  llvm::SetVector<Operation *> sources;
};
} // namespace

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

FailureOr<LoweredTensor> Lowering::get(Value value, OpBuilder &builder) {
  if (auto known = lowered.find(value); known != lowered.end())
    return known->second;
  auto type = cast<RankedTensorType>(value.getType());
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  Attribute bytes = source ? source.getWeightValue() : Attribute();
  if (!source || !bytes)
    return castToLowered(builder, value.getLoc(), value);
  sources.insert(source);
  Type element = type.getElementType();
  bool isForeign = !isa<CompressDialect>(source->getDialect());
  if (isForeign && getStorageElementType(element) == element && !element.isInteger(1))
    return lowered[value] = LoweredTensor{value, type};
  OpBuilder after(source->getContext());
  after.setInsertionPointAfter(source);
  FailureOr<LoweredTensor> constant =
      createLoweredConstant(after, source.getLoc(), store, source.getWeightName(), bytes, type,
                            [&] { return source->emitOpError(); });
  if (succeeded(constant))
    lowered[value] = *constant;
  return constant;
}

FailureOr<SmallVector<LoweredTensor>> Lowering::getAll(Operation *op, ValueRange values) {
  OpBuilder builder(op);
  SmallVector<LoweredTensor> tensors;
  for (Value value : values) {
    if (!value) {
      tensors.emplace_back();
      continue;
    }
    FailureOr<LoweredTensor> tensor = get(value, builder);
    if (failed(tensor))
      return failure();
    if (!ScalarBuilder::isSupported(tensor->getElement()))
      return op->emitOpError("cannot be lowered: elements of type ") << tensor->getElement();
    tensors.push_back(*tensor);
  }
  return tensors;
}

/// Float codes have a zero point of zero, which says nothing.
static Value getIntegerZeroPoint(Value zeroPoint) {
  bool isInteger = zeroPoint && isa<IntegerType>(getElementTypeOrSelf(zeroPoint.getType()));
  return isInteger ? zeroPoint : Value();
}

/// Codes that scales and zero points can turn into floats.
static LogicalResult checkCodes(Operation *op, Type codes) {
  if (ScalarBuilder::isSupported(codes) && codes.getIntOrFloatBitWidth() <= 32)
    return success();
  return op->emitOpError("cannot be lowered: codes of type ") << codes;
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lowerQuantize(QuantizeOp op) {
  RankedTensorType type = op.getCodes().getType();
  Type codes = type.getElementType();
  Value zeroPoint = getIntegerZeroPoint(op.getZeroPoint());
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, {op.getInput(), op.getScale(), zeroPoint});
  if (failed(in) || failed(checkCodes(op, codes)))
    return failure();
  OpBuilder builder(op);
  SmallVector<LoopOperand> operands{{&(*in)[0], getPlainBlocks(type.getRank())},
                                    {&(*in)[1], getScaleBlocks(op)}};
  if (zeroPoint)
    operands.push_back({&(*in)[2], getScaleBlocks(op)});
  set(op.getCodes(),
      createLoops(builder, op.getLoc(), type, (*in)[0].getSizes(builder, op.getLoc()), operands,
                  [&](ScalarBuilder &b, ValueRange elements, ValueRange) {
                    Value x = b.load(elements[0], (*in)[0].getElement());
                    Value scale = b.load(elements[1], (*in)[1].getElement());
                    Value zero = zeroPoint ? b.load(elements[2], codes) : Value();
                    Value code = emitQuantize(b, x, scale, zero, codes);
                    return SmallVector<Value>{b.store(code, codes)};
                  })
          .front());
  return success();
}

LogicalResult Lowering::lowerDequantize(DequantizeOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  Value zeroPoint = getIntegerZeroPoint(op.getZeroPoint());
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, {op.getCodes(), op.getScale(), zeroPoint});
  if (failed(in) || failed(checkCodes(op, (*in)[0].getElement())))
    return failure();
  Type codes = (*in)[0].getElement();
  OpBuilder builder(op);
  SmallVector<LoopOperand> operands{{&(*in)[0], getPlainBlocks(type.getRank())},
                                    {&(*in)[1], getScaleBlocks(op)}};
  if (zeroPoint)
    operands.push_back({&(*in)[2], getScaleBlocks(op)});
  set(op.getResult(),
      createLoops(builder, op.getLoc(), type, (*in)[0].getSizes(builder, op.getLoc()), operands,
                  [&](ScalarBuilder &b, ValueRange elements, ValueRange) {
                    Value code = b.load(elements[0], codes);
                    Value scale = b.load(elements[1], (*in)[1].getElement());
                    Value zero = zeroPoint ? b.load(elements[2], codes) : Value();
                    Value value = emitDequantize(b, code, scale, zero, codes);
                    return SmallVector<Value>{b.store(value, type.getElementType())};
                  })
          .front());
  return success();
}

LogicalResult Lowering::lowerFakeQuantize(FakeQuantizeOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  Type codes = op.getCodes(), element = type.getElementType();
  Value zeroPoint = getIntegerZeroPoint(op.getZeroPoint());
  FailureOr<SmallVector<LoweredTensor>> in =
      getAll(op, {op.getInput(), op.getScale(), zeroPoint, op.getTable()});
  if (failed(in) || failed(checkCodes(op, codes)))
    return failure();
  if (op.getTable() && codes.getIntOrFloatBitWidth() > 16)
    return op.emitOpError("cannot be lowered: a table for codes of type ") << codes;
  OpBuilder builder(op);
  SmallVector<LoopOperand> operands{{&(*in)[0], getPlainBlocks(type.getRank())},
                                    {&(*in)[1], getScaleBlocks(op)}};
  if (zeroPoint)
    operands.push_back({&(*in)[2], getScaleBlocks(op)});
  auto body = [&](ScalarBuilder &b, ValueRange elements, ValueRange) -> SmallVector<Value> {
    Value x = b.load(elements[0], element), value;
    Value scale = b.load(elements[1], (*in)[1].getElement());
    if (op.getTable()) {
      const LoweredTensor &table = (*in)[3];
      value = emitFakeQuantizeTable(b, x, scale, table.value, table.getElement(),
                                    int64_t(1) << codes.getIntOrFloatBitWidth());
      value = b.toFloat(value, value.getType(), ScalarBuilder::getComputeType(element));
    } else {
      Value zero = zeroPoint ? b.load(elements[2], codes) : Value();
      value = emitFakeQuantize(b, x, scale, zero, codes, element);
    }
    return {b.store(value, element)};
  };
  set(op.getResult(), createLoops(builder, op.getLoc(), type,
                                  (*in)[0].getSizes(builder, op.getLoc()), operands, body)
                          .front());
  return success();
}

LogicalResult Lowering::lowerDynamicQuantize(DynamicQuantizeOp op) {
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, {op.getInput()});
  if (failed(in))
    return failure();
  const LoweredTensor &x = in->front();
  Type input = x.getElement(), compute = ScalarBuilder::getComputeType(input);
  Type codes = op.getCodes().getType().getElementType();
  Location loc = op.getLoc();
  OpBuilder builder(op);
  int64_t rank = x.type.getRank();
  bool isPerRow = op.getGranularity() == DynamicGranularity::Row;
  SmallVector<bool> reduced(rank, !isPerRow);
  if (isPerRow)
    reduced.back() = true;
  // NaN does not count.
  auto reduce = [&](bool isLow) {
    return reduceFromZero(
        builder, loc, x, reduced, [&](ScalarBuilder &b, Value sum, Value element) {
          Value isBeyond = isLow ? b.less(element, sum, compute) : b.less(sum, element, compute);
          return b.select(isBeyond, element, sum);
        });
  };
  Value low = reduce(/*isLow=*/true), high = reduce(/*isLow=*/false);
  SmallVector<OpFoldResult> sizes = x.getSizes(builder, loc), parameterSizes;
  if (isPerRow) {
    parameterSizes = sizes;
    parameterSizes.back() = builder.getIndexAttr(1);
  }
  SmallVector<LoweredTensor> parameters =
      createLoops(builder, loc, {op.getScale().getType(), op.getZeroPoint().getType()},
                  parameterSizes, {}, [&](ScalarBuilder &b, ValueRange, ValueRange index) {
                    ValueRange row = isPerRow ? index.drop_back() : index;
                    Value lowest = tensor::ExtractOp::create(b, low, row);
                    Value highest = tensor::ExtractOp::create(b, high, row);
                    return emitDynamicParameters(b, lowest, highest, input, codes);
                  });
  SmallVector<int64_t> blocks;
  if (isPerRow) {
    blocks = getPlainBlocks(rank);
    blocks.back() = -1;
  }
  LoopOperand operands[] = {
      {&x, getPlainBlocks(rank)}, {&parameters[0], blocks}, {&parameters[1], blocks}};
  set(op.getCodes(), createLoops(builder, loc, op.getCodes().getType(), sizes, operands,
                                 [&](ScalarBuilder &b, ValueRange elements, ValueRange) {
                                   Value code = emitQuantize(b, b.load(elements[0], input),
                                                             b.load(elements[1], input),
                                                             b.load(elements[2], codes), codes);
                                   return SmallVector<Value>{b.store(code, codes)};
                                 })
                         .front());
  set(op.getScale(), parameters[0]);
  set(op.getZeroPoint(), parameters[1]);
  return success();
}

//===----------------------------------------------------------------------===//
// Tables, masks, casts
//===----------------------------------------------------------------------===//

/// Index of the block of the element at `index`; empty without blocks.
static SmallVector<Value> getBlockIndex(ScalarBuilder &b, ValueRange index,
                                        std::optional<ArrayRef<int64_t>> block) {
  SmallVector<Value> result;
  if (!block)
    return result;
  for (auto [at, size] : llvm::zip(index, *block)) {
    if (size == -1)
      result.push_back(createIndex(b, 0));
    else
      result.push_back(size == 1 ? at
                                 : arith::DivUIOp::create(b, at, createIndex(b, size)).getResult());
  }
  return result;
}

LogicalResult Lowering::lowerLookup(LookupOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  FailureOr<SmallVector<LoweredTensor>> in =
      getAll(op, {op.getCodes(), op.getTable(), op.getScale()});
  if (failed(in) || failed(checkCodes(op, (*in)[0].getElement())))
    return failure();
  OpBuilder builder(op);
  SmallVector<LoopOperand> operands{{&(*in)[0], getPlainBlocks(type.getRank())}};
  if (op.getScale())
    operands.push_back({&(*in)[2], getScaleBlocks(op)});
  Type element = type.getElementType();
  auto body = [&](ScalarBuilder &b, ValueRange elements, ValueRange index) -> SmallVector<Value> {
    SmallVector<Value> at = getBlockIndex(b, index, op.getTableBlock());
    at.push_back(arith::IndexCastUIOp::create(b, b.getIndexType(), elements[0]));
    Value entry = (*in)[1].read(b, at);
    if (!op.getScale())
      return {entry};
    Value product = b.mul(b.load(entry, element), b.load(elements[1], (*in)[2].getElement()));
    return {b.store(product, element)};
  };
  set(op.getResult(), createLoops(builder, op.getLoc(), type,
                                  (*in)[0].getSizes(builder, op.getLoc()), operands, body)
                          .front());
  return success();
}

/// Every element is the sum of its entries of the codebooks. Codes of more than 8 bits without an
/// entry, which `compress-verify-chains` finds, get the last one.
LogicalResult Lowering::lowerLookupVectors(LookupVectorsOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  FailureOr<SmallVector<LoweredTensor>> in =
      getAll(op, {op.getCodes(), op.getTables(), op.getScale()});
  if (failed(in) || failed(checkCodes(op, (*in)[0].getElement())))
    return failure();
  const LoweredTensor &codes = (*in)[0], &tables = (*in)[1];
  auto axis = static_cast<int64_t>(op.getAxis());
  if (type.isDynamicDim(axis))
    return op.emitOpError("cannot be lowered: the length of dim ") << axis << " is not known";
  if (!tables.type.hasStaticShape())
    return op.emitOpError("cannot be lowered: the shape of its tables is not known");
  OpBuilder builder(op);
  SmallVector<OpFoldResult> sizes = codes.getSizes(builder, op.getLoc());
  sizes.pop_back();
  sizes[axis] = builder.getIndexAttr(type.getDimSize(axis));
  SmallVector<LoopOperand> operands;
  if (op.getScale())
    operands.push_back({&(*in)[2], getScaleBlocks(op)});
  Type element = type.getElementType();
  ArrayRef<int64_t> shape = tables.type.getShape();
  auto body = [&](ScalarBuilder &b, ValueRange elements, ValueRange index) -> SmallVector<Value> {
    Value dim = createIndex(b, shape[3]), last = createIndex(b, shape[2] - 1);
    SmallVector<Value> place(index);
    place[axis] = arith::DivUIOp::create(b, index[axis], dim);
    place.emplace_back();
    Value space = shape[0] > 1 ? place[axis] : createIndex(b, 0);
    Value at = arith::RemUIOp::create(b, index[axis], dim), sum;
    for (int64_t book = 0; book < shape[1]; ++book) {
      place.back() = createIndex(b, book);
      Value code = arith::IndexCastUIOp::create(b, b.getIndexType(), codes.read(b, place));
      code = arith::MinUIOp::create(b, code, last);
      Value entry = tables.load(b, {space, place.back(), code, at});
      sum = sum ? b.add(sum, entry) : entry;
    }
    if (!sum)
      sum = b.number(ScalarBuilder::getComputeType(element), 0);
    if (op.getScale())
      sum = b.mul(sum, b.load(elements[0], (*in)[2].getElement()));
    return {b.store(sum, element)};
  };
  set(op.getResult(), createLoops(builder, op.getLoc(), type, sizes, operands, body).front());
  return success();
}

LogicalResult Lowering::lowerMask(MaskOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, {op.getInput(), op.getMask()});
  if (failed(in))
    return failure();
  OpBuilder builder(op);
  LoopOperand operands[] = {{&(*in)[0], getPlainBlocks(type.getRank())},
                            {&(*in)[1], getBroadcastBlocks((*in)[1].type)}};
  set(op.getResult(),
      createLoops(builder, op.getLoc(), type, (*in)[0].getSizes(builder, op.getLoc()), operands,
                  [&](ScalarBuilder &b, ValueRange elements, ValueRange) {
                    Value zero = createFill(b, elements[0].getType(), 0);
                    return SmallVector<Value>{b.select(elements[1], elements[0], zero)};
                  })
          .front());
  return success();
}

LogicalResult Lowering::lowerCast(CastOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, {op.getInput()});
  if (failed(in))
    return failure();
  const LoweredTensor &x = in->front();
  OpBuilder builder(op);
  LoopOperand operands[] = {{&x, getPlainBlocks(type.getRank())}};
  Type from = x.getElement(), to = type.getElementType();
  set(op.getResult(),
      createLoops(builder, op.getLoc(), type, x.getSizes(builder, op.getLoc()), operands,
                  [&](ScalarBuilder &b, ValueRange elements, ValueRange) {
                    Value value = b.convert(b.load(elements[0], from), from, to);
                    return SmallVector<Value>{b.store(value, to, op.getSaturate())};
                  })
          .front());
  return success();
}

//===----------------------------------------------------------------------===//
// Scales that are computed
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lowerAdd(AddOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, op->getOperands());
  if (failed(in) || !type.hasStaticShape())
    return failed(in) ? failure() : op.emitOpError("cannot be lowered: scales of a dynamic shape");
  OpBuilder builder(op);
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(op.getContext(), type.getShape());
  Type element = type.getElementType();
  auto body = [&](ScalarBuilder &b, ValueRange, ValueRange index) -> SmallVector<Value> {
    auto load = [&](const LoweredTensor &operand) {
      // Dims are aligned right.
      SmallVector<Value> where(index.take_back(operand.type.getRank()));
      for (auto [at, size] : llvm::zip(where, operand.type.getShape()))
        if (size == 1)
          at = createIndex(b, 0);
      return operand.load(b, where);
    };
    return {b.store(b.add(load((*in)[0]), load((*in)[1])), element)};
  };
  set(op.getResult(), createLoops(builder, op.getLoc(), type, sizes, {}, body).front());
  return success();
}

LogicalResult Lowering::lowerReshape(ReshapeOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, op->getOperand(0));
  if (failed(in))
    return failure();
  const LoweredTensor &x = in->front();
  if (!type.hasStaticShape() || !x.type.hasStaticShape())
    return op.emitOpError("cannot be lowered: scales of a dynamic shape");
  OpBuilder builder(op);
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(op.getContext(), type.getShape());
  auto body = [&](ScalarBuilder &b, ValueRange, ValueRange index) -> SmallVector<Value> {
    Value flat = flattenIndex(b, index, type.getShape());
    SmallVector<Value> where(x.type.getRank());
    for (int64_t dim = x.type.getRank() - 1; dim >= 0; --dim) {
      Value size = createIndex(b, x.type.getDimSize(dim));
      where[dim] = arith::RemUIOp::create(b, flat, size);
      flat = arith::DivUIOp::create(b, flat, size);
    }
    return {x.read(b, where)};
  };
  set(op.getResult(), createLoops(builder, op.getLoc(), type, sizes, {}, body).front());
  return success();
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

/// Position in its group of the code at `index`.
static Value readPosition(ScalarBuilder &b, const LoweredTensor &positions, unsigned bits,
                          ValueRange index) {
  Type i32 = b.getI32Type();
  Value bit = b.mul(index.back(), createIndex(b, bits));
  Value byte = arith::DivUIOp::create(b, bit, createIndex(b, 8));
  auto loadByte = [&](Value at) -> Value {
    SmallVector<Value> where(index);
    where.back() = at;
    return arith::ExtUIOp::create(b, i32, positions.read(b, where));
  };
  Value window = loadByte(byte);
  if (8 % bits != 0) { // The field may reach into the next byte, if there is one.
    Value size = tensor::DimOp::create(b, positions.value, static_cast<int64_t>(index.size()) - 1);
    Value last = b.sub(size, createIndex(b, 1));
    Value next = arith::MinUIOp::create(b, b.add(byte, createIndex(b, 1)), last);
    window = arith::OrIOp::create(b, window,
                                  arith::ShLIOp::create(b, loadByte(next), b.integer(i32, 8)));
  }
  Value shift =
      arith::IndexCastOp::create(b, i32, arith::RemUIOp::create(b, bit, createIndex(b, 8)));
  Value position = arith::AndIOp::create(b, arith::ShRUIOp::create(b, window, shift),
                                         b.integer(i32, (int64_t(1) << bits) - 1));
  return arith::IndexCastOp::create(b, b.getIndexType(), position);
}

/// Every element looks for itself among the N kept ones of its group.
LogicalResult Lowering::lowerExpandNM(ExpandNMOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, {op.getCodes(), op.getPositions()});
  if (failed(in))
    return failure();
  const LoweredTensor &codes = (*in)[0], &positions = (*in)[1];
  int64_t axis = op.getAxis(), n = op.getN(), m = op.getM();
  if (type.isDynamicDim(axis))
    return op.emitOpError("cannot be lowered: the dense length is not known");
  OpBuilder builder(op);
  Location loc = op.getLoc();
  int64_t kept = reference::getNmCodeLength(type.getDimSize(axis), n, m);
  unsigned bits = reference::getNmPositionBits(m);
  SmallVector<OpFoldResult> sizes = codes.getSizes(builder, loc);
  sizes[axis] = builder.getIndexAttr(type.getDimSize(axis));
  auto body = [&](ScalarBuilder &b, ValueRange, ValueRange index) -> SmallVector<Value> {
    Value group = arith::DivUIOp::create(b, index[axis], createIndex(b, m));
    Value position = arith::RemUIOp::create(b, index[axis], createIndex(b, m));
    Value first = b.mul(group, createIndex(b, n));
    Value fill = createFill(b, codes.getStorage(), op.getFill());
    auto loop = scf::ForOp::create(
        b, b.getLoc(), createIndex(b, 0), createIndex(b, n), createIndex(b, 1), fill,
        [&](OpBuilder &nested, Location nestedLoc, Value step, ValueRange state) {
          ScalarBuilder inner(nestedLoc, nested);
          // The last group may keep fewer.
          Value at = inner.add(first, step);
          Value isThere =
              arith::CmpIOp::create(inner, arith::CmpIPredicate::ult, at, createIndex(inner, kept));
          SmallVector<Value> where(index);
          where[axis] = arith::MinUIOp::create(inner, at, createIndex(inner, kept - 1));
          Value isIt = arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, position,
                                             readPosition(inner, positions, bits, where));
          Value code = codes.read(inner, where);
          scf::YieldOp::create(inner, inner.select(arith::AndIOp::create(inner, isThere, isIt),
                                                   code, state.front()));
        });
    return {loop.getResult(0)};
  };
  set(op.getResult(), createLoops(builder, loc, type, sizes, {}, body).front());
  return success();
}

FailureOr<Value> Lowering::createWords(OpBuilder &builder, Location loc, StringRef name, Type type,
                                       ArrayRef<uint64_t> numbers, EmitErrorFn emitError) {
  auto tensorType = RankedTensorType::get(static_cast<int64_t>(numbers.size()), type);
  FailureOr<WeightBuffer> buffer = store.allocate(tensorType, emitError);
  if (failed(buffer))
    return failure();
  unsigned size = type.getIntOrFloatBitWidth() / 8;
  for (auto [i, number] : llvm::enumerate(numbers))
    std::memcpy(buffer->bytes().data() + i * size, &number, size);
  return arith::ConstantOp::create(
             builder, loc, cast<TypedAttr>(store.commit(name, tensorType, std::move(*buffer))))
      .getResult();
}

/// An element's code comes after as many codes as there are bits before its own: those of the words
/// before are counted here, those of its word in the loop.
LogicalResult Lowering::lowerExpandBitmap(ExpandBitmapOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  auto source = op.getBitmap().getDefiningOp<WeightSourceOpInterface>();
  Attribute value = source ? source.getWeightValue() : Attribute();
  if (!value)
    return op.emitOpError("cannot be lowered: its bitmap is not constant");
  if (!type.hasStaticShape() || !op.getCodes().getType().hasStaticShape())
    return op.emitOpError("cannot be lowered: its shape is not static");
  FailureOr<SmallVector<LoweredTensor>> in = getAll(op, {op.getCodes()});
  if (failed(in))
    return failure();
  auto emitError = [&] { return op.emitOpError(); };
  FailureOr<WeightBytes> bytes = store.read(value, op.getBitmap().getType(), emitError);
  if (failed(bytes))
    return failure();
  sources.insert(source);
  auto count = static_cast<uint64_t>(type.getNumElements());
  auto kept = static_cast<uint64_t>(op.getCodes().getType().getNumElements());
  const char *bitmap = bytes->bytes().data();
  if (uint64_t found = countKeptOfBitmap(bitmap, count); found != kept)
    return op.emitOpError("its bitmap keeps ")
           << found << " elements, but there are " << kept << " codes";
  SmallVector<uint64_t> words, starts;
  uint64_t start = 0;
  for (uint64_t first = 0; first < count; first += 64) {
    uint64_t word = 0, numBits = std::min<uint64_t>(64, count - first);
    std::memcpy(&word, bitmap + first / 8, getBitmapBytes(numBits));
    words.push_back(word);
    starts.push_back(start);
    start += countKeptOfBitmap(bitmap + first / 8, numBits);
  }
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Type i64 = builder.getI64Type();
  std::string name = source.getWeightName();
  FailureOr<Value> wordTensor = createWords(builder, loc, name + ".words", i64, words, emitError);
  FailureOr<Value> startTensor =
      createWords(builder, loc, name + ".starts",
                  kept <= INT32_MAX ? Type(builder.getI32Type()) : i64, starts, emitError);
  if (failed(wordTensor) || failed(startTensor))
    return failure();
  const LoweredTensor &codes = in->front();
  auto body = [&](ScalarBuilder &b, ValueRange, ValueRange index) -> SmallVector<Value> {
    Value fill = createFill(b, codes.getStorage(), op.getFill());
    if (kept == 0)
      return {fill};
    Value flat = flattenIndex(b, index, type.getShape());
    Value place = arith::DivUIOp::create(b, flat, createIndex(b, 64));
    Value shift =
        arith::IndexCastOp::create(b, i64, arith::RemUIOp::create(b, flat, createIndex(b, 64)));
    Value word = tensor::ExtractOp::create(b, *wordTensor, place);
    Value first = arith::IndexCastOp::create(b, b.getIndexType(),
                                             tensor::ExtractOp::create(b, *startTensor, place));
    Value own = arith::ShLIOp::create(b, b.integer(i64, 1), shift);
    Value before = arith::AndIOp::create(b, word, b.sub(own, b.integer(i64, 1)));
    Value rank = arith::IndexCastOp::create(b, b.getIndexType(), math::CtPopOp::create(b, before));
    Value at = arith::MinUIOp::create(b, b.add(first, rank),
                                      createIndex(b, static_cast<int64_t>(kept) - 1));
    Value isKept = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                         arith::AndIOp::create(b, word, own), b.integer(i64, 0));
    return {b.select(isKept, codes.read(b, at), fill)};
  };
  SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(op.getContext(), type.getShape());
  set(op.getResult(), createLoops(builder, loc, type, sizes, {}, body).front());
  return success();
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lower(Operation *op) {
  done.push_back(op);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](QuantizeOp quantize) { return lowerQuantize(quantize); })
      .Case([&](DequantizeOp dequantize) { return lowerDequantize(dequantize); })
      .Case([&](FakeQuantizeOp quantize) { return lowerFakeQuantize(quantize); })
      .Case([&](DynamicQuantizeOp quantize) { return lowerDynamicQuantize(quantize); })
      .Case([&](LookupOp lookup) { return lowerLookup(lookup); })
      .Case([&](LookupVectorsOp lookup) { return lowerLookupVectors(lookup); })
      .Case([&](MaskOp mask) { return lowerMask(mask); })
      .Case([&](ExpandNMOp expand) { return lowerExpandNM(expand); })
      .Case([&](ExpandBitmapOp expand) { return lowerExpandBitmap(expand); })
      .Case([&](CastOp cast) { return lowerCast(cast); })
      .Case([&](AddOp add) { return lowerAdd(add); })
      .Case([&](ReshapeOp reshape) { return lowerReshape(reshape); });
}

/// A load that something else than a chain uses.
LogicalResult Lowering::replaceLoad(LoadOp load) {
  if (load->use_empty()) {
    load.erase();
    return success();
  }
  OpBuilder builder(load);
  Attribute value = load.getWeightValue();
  if (!value)
    return load.emitOpError("cannot be lowered: the weight has no value");
  auto type = cast<RankedTensorType>(load.getType());
  FailureOr<TypedAttr> bytes =
      makeBuiltinValue(store, load.getWeight(), value, type, [&] { return load.emitOpError(); });
  if (failed(bytes))
    return failure();
  load.getResult().replaceAllUsesWith(arith::ConstantOp::create(builder, load.getLoc(), *bytes));
  load.erase();
  return success();
}

LogicalResult Lowering::finish(ModuleOp module) {
  // Users first: what is used still is used by other ops.
  for (Operation *op : llvm::reverse(done)) {
    OpBuilder builder(op);
    builder.setInsertionPointAfter(op);
    for (Value result : op->getResults())
      if (!result.use_empty())
        result.replaceAllUsesWith(castFromLowered(builder, op->getLoc(), lowered.lookup(result)));
    op->erase();
  }
  SmallVector<Operation *> globals;
  for (Operation *source : sources) {
    if (isa<LoadOp>(source) || !isOpTriviallyDead(source))
      continue;
    for (NamedAttribute attr : source->getAttrs())
      if (auto symbol = dyn_cast<SymbolRefAttr>(attr.getValue()))
        if (Operation *global = SymbolTable::lookupNearestSymbolFrom(source, symbol))
          globals.push_back(global);
    source->erase();
  }
  llvm::sort(globals);
  globals.erase(llvm::unique(globals), globals.end());
  for (Operation *global : globals)
    if (cast<SymbolOpInterface>(global).isPrivate() &&
        SymbolTable::symbolKnownUseEmpty(global, module))
      global->erase();
  SmallVector<LoadOp> loads;
  module.walk([&](LoadOp load) { loads.push_back(load); });
  for (LoadOp load : loads)
    if (failed(replaceLoad(load)))
      return failure();
  // Constants of the dialect are left to its own ops.
  SmallVector<compress::ConstantOp> constants;
  module.walk([&](compress::ConstantOp constant) { constants.push_back(constant); });
  for (compress::ConstantOp constant : constants) {
    bool isOurs = llvm::all_of(constant->getUsers(), [](Operation *user) {
      return isa<CompressDialect>(user->getDialect());
    });
    if (isOurs)
      continue;
    OpBuilder builder(constant);
    auto value = dyn_cast<TypedAttr>(constant.getValue());
    if (!value)
      continue;
    constant.getResult().replaceAllUsesWith(
        arith::ConstantOp::create(builder, constant.getLoc(), value));
    constant.erase();
  }
  removeDeadWeights(module);
  return success();
}

/// The ops to lower: all encoding ops, and what scales are computed with.
static SmallVector<Operation *> collectOps(ModuleOp module) {
  DenseSet<Operation *> found;
  auto add = [&](auto &&self, Operation *op) -> void {
    if (!op || !found.insert(op).second)
      return;
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      bool isScale = isa_and_nonnull<AddOp, ReshapeOp>(def) && isStoredExpression(operand);
      auto widen = dyn_cast_or_null<CastOp>(def);
      if (isScale || (widen && widen.isDecodeLink()))
        self(self, def);
    }
  };
  module.walk([&](Operation *op) {
    auto widen = dyn_cast<CastOp>(op);
    if (isa<QuantizeOp, DequantizeOp, FakeQuantizeOp, DynamicQuantizeOp, LookupOp, LookupVectorsOp,
            MaskOp, ExpandNMOp, ExpandBitmapOp>(op) ||
        (widen && widen.isDecodeLink()))
      add(add, op);
  });
  SmallVector<Operation *> ops;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (found.contains(op))
      ops.push_back(op);
  });
  return ops;
}

namespace {
struct LowerDecode : public compress::impl::LowerDecodeBase<LowerDecode> {
  using Base::Base;

  void runOnOperation() override {
    Lowering lowering(&getContext());
    for (Operation *op : collectOps(getOperation()))
      if (failed(lowering.lower(op)))
        return signalPassFailure();
    if (failed(lowering.finish(getOperation())))
      return signalPassFailure();
    auto plans = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
    bool isValid = true;
    getOperation().walk([&](Operation *op) {
      // A plan means nothing any more, and other tools cannot parse it.
      plans.removeAttr(op);
      if (isa<WeightOp, ObserveOp>(op)) {
        op->emitOpError("cannot be lowered for other compilers");
        isValid = false;
      }
    });
    if (!isValid)
      signalPassFailure();
  }
};
} // namespace
