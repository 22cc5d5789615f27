//===- EncodedWeightWriter.cpp - new stored tensors and decode chains -*- C++
//-*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitPacking.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Stored tensors
//===----------------------------------------------------------------------===//

FailureOr<StoredTensor> mlir::compress::makeCodes(WeightStore &store, RankedTensorType type,
                                                  ArrayRef<uint8_t> codes, EmitErrorFn emitError) {
  if (codes.size() != static_cast<uint64_t>(type.getNumElements()))
    return emitError() << "internal error: " << codes.size() << " codes for " << type;
  FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, type, emitError);
  if (failed(tensor))
    return failure();
  unsigned bits = getStorageBitWidth(tensor->getDataType());
  if (bits > 8)
    return emitError() << "internal error: codes of more than 8 bits: " << type;
  packCodes(codes.data(), codes.size(), bits,
            reinterpret_cast<uint8_t *>(tensor->mutableBytes().data()));
  return tensor;
}

FailureOr<StoredTensor> mlir::compress::makeWideCodes(WeightStore &store, RankedTensorType type,
                                                      ArrayRef<uint16_t> codes,
                                                      EmitErrorFn emitError) {
  std::optional<DataType> codeType = getDataType(type.getElementType());
  if (codeType && getStorageBitWidth(*codeType) <= 8)
    return makeCodes(store, type, std::vector<uint8_t>(codes.begin(), codes.end()), emitError);
  if (!codeType || getStorageBitWidth(*codeType) != 16 ||
      codes.size() != static_cast<uint64_t>(type.getNumElements()))
    return emitError() << "internal error: " << codes.size() << " codes for " << type;
  FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, type, emitError);
  if (succeeded(tensor) && !codes.empty())
    std::memcpy(tensor->mutableBytes().data(), codes.data(), codes.size() * 2);
  return tensor;
}

/// A new tensor of floats, each rounded to nearest.
template <typename T>
static FailureOr<StoredTensor> makeNumbers(WeightStore &store, RankedTensorType type,
                                           ArrayRef<T> values, EmitErrorFn emitError) {
  if (values.size() != static_cast<uint64_t>(type.getNumElements()) ||
      !isa<FloatType>(type.getElementType()))
    return emitError() << "internal error: " << values.size() << " floats for " << type;
  FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, type, emitError);
  if (failed(tensor))
    return failure();
  DataType dataType = tensor->getDataType();
  MutableArrayRef<char> bytes = tensor->mutableBytes();
  unsigned bits = getStorageBitWidth(dataType);
  for (auto [i, value] : llvm::enumerate(values)) {
    uint64_t code = encodeFloat(dataType, value);
    if (bits < 8)
      writePacked(dataType, bytes, i, static_cast<int64_t>(code));
    else
      std::memcpy(bytes.data() + i * (bits / 8), &code, bits / 8);
  }
  return tensor;
}

FailureOr<StoredTensor> mlir::compress::makeFloats(WeightStore &store, RankedTensorType type,
                                                   ArrayRef<float> values, EmitErrorFn emitError) {
  return makeNumbers(store, type, values, emitError);
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

template <typename T>
static FailureOr<EncodedWeight::Scales> makeScalesOf(WeightStore &store, RankedTensorType type,
                                                     ArrayRef<int64_t> block, ArrayRef<T> values,
                                                     EmitErrorFn emitError) {
  EncodedWeight::Scales scales;
  scales.block.assign(block.begin(), block.end());
  auto scaleType =
      RankedTensorType::get(getScaleShape(type.getShape(), block), type.getElementType());
  FailureOr<StoredTensor> scale = makeNumbers(store, scaleType, values, emitError);
  if (failed(scale))
    return failure();
  scales.scale = std::move(*scale);
  return scales;
}

/// `a * b` or `a + b` as the ops of a chain compute it: in f32, or f64 for f64
/// tensors.
static double multiply(double a, double b, bool isWide) {
  return isWide ? a * b : static_cast<float>(a) * static_cast<float>(b);
}
static double add(double a, double b, bool isWide) {
  return isWide ? a + b : static_cast<float>(a) + static_cast<float>(b);
}

FailureOr<EncodedWeight::Scales>
mlir::compress::makeScales(WeightStore &store, RankedTensorType type, ArrayRef<int64_t> block,
                           ArrayRef<float> values, EmitErrorFn emitError) {
  return makeScalesOf(store, type, block, values, emitError);
}

FailureOr<EncodedWeight::Scales>
mlir::compress::makeNestedScales(WeightStore &store, RankedTensorType type, ArrayRef<int64_t> block,
                                 DataType codeType, ArrayRef<float> values, float factor,
                                 EmitErrorFn emitError) {
  SmallVector<int64_t> shape = getScaleShape(type.getShape(), block);
  Type element = type.getElementType();
  FailureOr<StoredTensor> stored =
      makeFloats(store, RankedTensorType::get({}, element), factor, emitError);
  if (failed(stored))
    return failure();
  // The factor as it is stored.
  factor = static_cast<float>(toDoubles(*stored).front());
  std::vector<float> quotients(values.size());
  for (auto [quotient, value] : llvm::zip(quotients, values))
    quotient = value / factor;
  FailureOr<StoredTensor> codes =
      makeFloats(store, RankedTensorType::get(shape, getElementType(codeType, type.getContext())),
                 quotients, emitError);
  if (failed(codes))
    return failure();
  std::vector<double> products = toDoubles(*codes);
  for (double &product : products)
    product = multiply(product, factor, element.isF64());
  FailureOr<EncodedWeight::Scales> scales =
      makeScalesOf<double>(store, type, block, products, emitError);
  if (failed(scales))
    return failure();
  scales->storage = NestedScales{std::move(*codes), std::move(*stored)};
  return scales;
}

FailureOr<EncodedWeight::Scales>
mlir::compress::makeDoubleScales(WeightStore &store, RankedTensorType type, ArrayRef<int64_t> block,
                                 ArrayRef<uint8_t> codes, ArrayRef<float> table,
                                 ArrayRef<float> scales, float offset, int64_t secondBlock,
                                 EmitErrorFn emitError) {
  auto count = static_cast<int64_t>(codes.size()), blocks = static_cast<int64_t>(scales.size());
  MLIRContext *context = type.getContext();
  Type element = type.getElementType();
  if (secondBlock < 1 || table.size() != 256 ||
      blocks != llvm::divideCeilSigned(count, secondBlock))
    return emitError() << "internal error: " << blocks << " scales and a table of " << table.size()
                       << " entries for " << count << " codes in blocks of " << secondBlock;
  auto codeType = IntegerType::get(context, 8, IntegerType::Unsigned);
  FailureOr<StoredTensor> stored =
      makeCodes(store, RankedTensorType::get(count, codeType), codes, emitError);
  FailureOr<StoredTensor> entries =
      makeFloats(store, RankedTensorType::get(256, element), table, emitError);
  FailureOr<StoredTensor> second =
      makeFloats(store, RankedTensorType::get(blocks, element), scales, emitError);
  FailureOr<StoredTensor> constant =
      makeFloats(store, RankedTensorType::get({}, element), offset, emitError);
  if (failed(stored) || failed(entries) || failed(second) || failed(constant))
    return failure();
  // The product is rounded to the element type, and then the sum.
  std::vector<double> values = toDoubles(*entries), factors = toDoubles(*second);
  double addend = toDoubles(*constant).front();
  std::vector<double> sums(codes.size());
  for (auto [i, code] : llvm::enumerate(codes)) {
    double product = multiply(values[code], factors[i / secondBlock], element.isF64());
    sums[i] = add(roundToType(entries->getDataType(), product), addend, element.isF64());
  }
  FailureOr<EncodedWeight::Scales> result =
      makeScalesOf<double>(store, type, block, sums, emitError);
  if (failed(result))
    return failure();
  result->storage = DoubleScales{std::move(*stored), std::move(*entries), std::move(*second),
                                 std::move(*constant), secondBlock};
  return result;
}

//===----------------------------------------------------------------------===//
// Chains
//===----------------------------------------------------------------------===//

namespace {
/// Builds the chain of one weight.
class Writer {
public:
  Writer(OpBuilder &builder, WeightSymbols &symbols, WeightStore &store,
         WeightSourceOpInterface like, StringRef name)
      : builder(builder), symbols(symbols), store(store), like(like), loc(like.getLoc()),
        base(getBaseName(name)) {}

  Value write(EncodedWeight &weight);

private:
  Value source(StoredTensor &tensor, StringRef suffix) {
    return tensor.materialize(builder, symbols, store, like, base + suffix.str());
  }
  Value writeScale(EncodedWeight::Scales &scales);
  Value writeDouble(DoubleScales &scales, RankedTensorType type);
  Value clone(Value expression, IRMapping &mapping);

  OpBuilder &builder;
  WeightSymbols &symbols;
  WeightStore &store;
  WeightSourceOpInterface like;
  Location loc;
  std::string base;
};
} // namespace

/// The ops of a stored expression once more.
Value Writer::clone(Value expression, IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(expression))
    return known;
  Operation *op = expression.getDefiningOp();
  for (Value operand : op->getOperands())
    clone(operand, mapping);
  builder.clone(*op, mapping);
  return mapping.lookup(expression);
}

Value Writer::writeDouble(DoubleScales &scales, RankedTensorType type) {
  Value codes = source(scales.codes, ".scale.q"), table = source(scales.table, ".scale.table");
  Value scale = source(scales.scale, ".scale.scale");
  RankedTensorType flat = scales.codes.getType().clone(type.getElementType());
  Value values = LookupOp::create(builder, loc, flat, codes, table, scale,
                                  builder.getDenseI64ArrayAttr(scales.block));
  if (flat != type) {
    auto shapeType = RankedTensorType::get({type.getRank()}, builder.getI64Type());
    auto shape = ConstantOp::create(builder, loc, shapeType,
                                    DenseElementsAttr::get(shapeType, type.getShape()));
    // An empty dim is a zero of the shape, which copies nothing.
    bool hasZero = llvm::is_contained(type.getShape(), 0);
    values = ReshapeOp::create(builder, loc, type, values, shape, builder.getBoolAttr(hasZero));
  }
  return AddOp::create(builder, loc, type, values, source(scales.offset, ".scale.offset"));
}

Value Writer::writeScale(EncodedWeight::Scales &scales) {
  RankedTensorType type = scales.scale.getType();
  if (auto *nested = std::get_if<NestedScales>(&scales.storage)) {
    Value codes = source(nested->codes, ".scale.q");
    Value factor = source(nested->factor, ".scale.factor");
    return DequantizeOp::create(builder, loc, type, codes, factor, Value(), DenseI64ArrayAttr());
  }
  if (auto *twice = std::get_if<DoubleScales>(&scales.storage))
    return writeDouble(*twice, type);
  if (auto *expression = std::get_if<ScaleExpression>(&scales.storage)) {
    IRMapping mapping;
    return clone(expression->value, mapping);
  }
  return source(scales.scale, ".scale");
}

Value Writer::write(EncodedWeight &weight) {
  Type element = weight.values.getType().getElementType();
  std::string suffix = weight.hasCodes() ? ".q"
                       : weight.isCast() ? (element.isBF16() ? ".bf16" : ".f16")
                       : weight.pattern  ? ".kept"
                                         : ".dense";
  bool isCast = weight.isCast();
  Value value = source(weight.values, suffix);
  if (weight.pattern) {
    EncodedWeight::Pattern &pattern = *weight.pattern;
    Value positions = source(pattern.positions, pattern.isBitmap() ? ".bitmap" : ".meta");
    auto type = RankedTensorType::get(weight.type.getShape(), element);
    if (pattern.isBitmap())
      value = ExpandBitmapOp::create(builder, loc, type, value, positions, pattern.fill);
    else
      value = ExpandNMOp::create(builder, loc, type, value, positions, pattern.nm.n, pattern.nm.m,
                                 pattern.axis, pattern.fill);
  }
  if (isCast)
    value = CastOp::create(builder, loc, weight.type, value, builder.getBoolAttr(true));
  Value table, vectors, scale, zeroPoint;
  DenseI64ArrayAttr block, tableBlock;
  if (weight.table) {
    table = source(*weight.table, ".table");
    if (!weight.tableBlock.empty())
      tableBlock = builder.getDenseI64ArrayAttr(weight.tableBlock);
  }
  if (weight.vectors)
    vectors = source(weight.vectors->tables, ".tables");
  if (weight.scales) {
    scale = writeScale(*weight.scales);
    if (weight.scales->zeroPoint)
      zeroPoint = source(*weight.scales->zeroPoint, ".zp");
    if (!weight.scales->block.empty())
      block = builder.getDenseI64ArrayAttr(weight.scales->block);
  }
  if (vectors)
    value = LookupVectorsOp::create(builder, loc, weight.type, value, vectors, scale,
                                    weight.vectors->axis, block);
  else if (table)
    value = LookupOp::create(builder, loc, weight.type, value, table, scale, block, tableBlock);
  else if (scale)
    value = DequantizeOp::create(builder, loc, weight.type, value, scale, zeroPoint, block);
  if (weight.mask)
    value = MaskOp::create(builder, loc, weight.type, value, source(*weight.mask, ".mask"));
  return value;
}

Value mlir::compress::writeEncodedWeight(OpBuilder &builder, WeightSymbols &symbols,
                                         WeightStore &store, WeightSourceOpInterface like,
                                         StringRef name, EncodedWeight &weight) {
  return Writer(builder, symbols, store, like, name).write(weight);
}
