//===- LoweredTensor.cpp - tensors of the dialect in other dialects -------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoweredTensor.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Support/DataType.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static Value createIndex(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value compress::flattenIndex(ScalarBuilder &b, ValueRange index, ArrayRef<int64_t> shape) {
  Value flat;
  for (auto [at, size] : llvm::zip(index, shape))
    flat = flat ? b.add(b.mul(flat, createIndex(b, b.getLoc(), size)), at) : at;
  return flat ? flat : createIndex(b, b.getLoc(), 0);
}

Value LoweredTensor::read(ScalarBuilder &b, ValueRange index) const {
  if (!isPacked) {
    Value stored = tensor::ExtractOp::create(b, value, index);
    // Stored bools are bytes.
    if (getElement().isInteger(1) && !stored.getType().isInteger(1))
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, stored,
                                   b.integer(stored.getType(), 0));
    return stored;
  }
  auto constant = [&](int64_t number) { return createIndex(b, b.getLoc(), number); };
  Value flat = flattenIndex(b, index, type.getShape());
  int64_t bits = getElement().getIntOrFloatBitWidth();
  Type i32 = b.getI32Type(), i8 = b.getI8Type();
  Value bit = b.mul(flat, constant(bits));
  Value byte = arith::DivUIOp::create(b, bit, constant(8));
  auto loadByte = [&](Value at) -> Value {
    return arith::ExtUIOp::create(b, i32, tensor::ExtractOp::create(b, value, at));
  };
  Value window = loadByte(byte);
  if (8 % bits != 0) { // The code may reach into the next byte, if there is one.
    int64_t numBytes = cast<RankedTensorType>(value.getType()).getDimSize(0);
    Value next = arith::MinUIOp::create(b, b.add(byte, constant(1)), constant(numBytes - 1));
    window = arith::OrIOp::create(b, window,
                                  arith::ShLIOp::create(b, loadByte(next), b.integer(i32, 8)));
  }
  Value shift = arith::IndexCastOp::create(b, i32, arith::RemUIOp::create(b, bit, constant(8)));
  Value code = arith::TruncIOp::create(b, i8, arith::ShRUIOp::create(b, window, shift));
  // Codes of floats have no sign to extend.
  Type element = getElement();
  if (isa<FloatType>(element))
    element = IntegerType::get(b.getContext(), bits, IntegerType::Unsigned);
  return b.wrap(code, element);
}

SmallVector<OpFoldResult> LoweredTensor::getSizes(OpBuilder &builder, Location loc) const {
  if (type.hasStaticShape())
    return getAsIndexOpFoldResult(builder.getContext(), type.getShape());
  return tensor::getMixedSizes(builder, loc, value);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The bytes of `value`, copied to a tensor of `bytesType`.
static FailureOr<TypedAttr> copyBytes(WeightStore &store, StringRef name, Attribute value,
                                      RankedTensorType type, RankedTensorType bytesType,
                                      EmitErrorFn emitError) {
  FailureOr<WeightBytes> bytes = store.read(value, type, emitError);
  if (failed(bytes))
    return failure();
  FailureOr<WeightBuffer> buffer = store.allocate(bytesType, emitError);
  if (failed(buffer))
    return failure();
  assert(buffer->bytes().size() == bytes->bytes().size() && "of the same size");
  llvm::copy(bytes->bytes(), buffer->bytes().begin());
  return cast<TypedAttr>(store.commit(name, bytesType, std::move(*buffer)));
}

/// `value` with the bytes that the store reads of it as elements of `bytesType`.
static FailureOr<TypedAttr> retype(WeightStore &store, StringRef name, Attribute value,
                                   RankedTensorType type, RankedTensorType bytesType,
                                   EmitErrorFn emitError) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    // Checks the blob, which the parser does not.
    if (failed(store.read(value, type, emitError)))
      return failure();
    return cast<TypedAttr>(DenseResourceElementsAttr::get(bytesType, resource.getRawHandle()));
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  unsigned width = type.getElementTypeBitWidth();
  if (dense && width >= 8 && width == bytesType.getElementTypeBitWidth())
    return cast<TypedAttr>(type == bytesType ? dense : dense.bitcast(bytesType.getElementType()));
  return copyBytes(store, name, value, type, bytesType, emitError);
}

FailureOr<TypedAttr> compress::makeBuiltinValue(WeightStore &store, StringRef name, Attribute value,
                                                RankedTensorType type, EmitErrorFn emitError) {
  if (isa<FileAttr>(value))
    return copyBytes(store, name, value, type, type, emitError);
  return cast<TypedAttr>(value);
}

FailureOr<LoweredTensor> compress::createLoweredConstant(OpBuilder &builder, Location loc,
                                                         WeightStore &store, StringRef name,
                                                         Attribute value, RankedTensorType type,
                                                         EmitErrorFn emitError) {
  std::optional<DataType> dataType = getDataType(type.getElementType());
  if (!dataType || *dataType == DataType::String)
    return emitError() << "cannot be lowered: elements of type " << type.getElementType();
  FailureOr<uint64_t> size = WeightStore::getStorageBytes(type);
  if (failed(size))
    return emitError() << "cannot be lowered: " << type << " cannot be stored";
  LoweredTensor result;
  result.type = type;
  result.isPacked = getStorageBitWidth(*dataType) < 8;
  RankedTensorType bytesType = type.clone(getStorageElementType(type.getElementType()));
  if (result.isPacked)
    bytesType = RankedTensorType::get(static_cast<int64_t>(*size), builder.getI8Type());
  else if (*dataType == DataType::Bool)
    bytesType = type.clone(builder.getI8Type());
  FailureOr<TypedAttr> bytes = retype(store, name, value, type, bytesType, emitError);
  if (failed(bytes))
    return failure();
  result.value = arith::ConstantOp::create(builder, loc, *bytes);
  return result;
}

//===----------------------------------------------------------------------===//
// Values of other dialects
//===----------------------------------------------------------------------===//

/// The integer type without sign that is as wide as `element`.
static Type getSignless(Type element) {
  return IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth());
}

/// One op on each element of `value`.
static Value mapElements(OpBuilder &builder, Location loc, Value value, Type element,
                         function_ref<Value(ScalarBuilder &, Value)> body) {
  auto type = cast<RankedTensorType>(value.getType());
  Value empty =
      tensor::EmptyOp::create(builder, loc, tensor::getMixedSizes(builder, loc, value), element);
  SmallVector<AffineMap> maps(2, builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, loc, empty.getType(), value, empty, maps, iterators,
                                   [&](OpBuilder &nested, Location nestedLoc, ValueRange elements) {
                                     ScalarBuilder b(nestedLoc, nested);
                                     linalg::YieldOp::create(b, body(b, elements[0]));
                                   })
      .getResult(0);
}

LoweredTensor compress::castToLowered(OpBuilder &builder, Location loc, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Type element = type.getElementType(), storage = getStorageElementType(element);
  LoweredTensor result{value, type};
  if (element == storage)
    return result;
  Type bits = getSignless(element);
  if (isa<IntegerType>(element) && bits != element)
    result.value = tensor::BitcastOp::create(builder, loc, type.clone(bits), value);
  if (!isa<FloatType>(element) && bits == storage)
    return result;
  bool isSigned = !isa<FloatType>(element) && !ScalarBuilder::isUnsigned(element);
  result.value = mapElements(builder, loc, result.value, storage, [&](ScalarBuilder &b, Value x) {
    if (isa<FloatType>(element))
      x = arith::BitcastOp::create(b, bits, x);
    if (bits == storage)
      return x;
    return isSigned ? arith::ExtSIOp::create(b, storage, x).getResult()
                    : arith::ExtUIOp::create(b, storage, x).getResult();
  });
  return result;
}

Value compress::castFromLowered(OpBuilder &builder, Location loc, const LoweredTensor &tensor) {
  Type element = tensor.getElement(), storage = tensor.getStorage();
  if (element == storage)
    return tensor.value;
  Type bits = getSignless(element);
  Value value = tensor.value;
  bool isFloat = isa<FloatType>(element);
  if (bits != storage || isFloat)
    value =
        mapElements(builder, loc, value, isFloat ? element : bits, [&](ScalarBuilder &b, Value x) {
          if (bits != storage)
            x = arith::TruncIOp::create(b, bits, x);
          return isFloat ? arith::BitcastOp::create(b, element, x).getResult() : x;
        });
  if (value.getType() != tensor.type)
    value = tensor::BitcastOp::create(builder, loc, tensor.type, value);
  return value;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<int64_t> compress::getPlainBlocks(int64_t rank) {
  return SmallVector<int64_t>(rank, 1);
}

/// Whether the operand's element is that at the index of the loops.
static bool isPlain(const LoopOperand &operand, int64_t rank) {
  const LoweredTensor &tensor = *operand.tensor;
  bool isByteBool = tensor.getElement().isInteger(1) &&
                    !cast<RankedTensorType>(tensor.value.getType()).getElementType().isInteger(1);
  return !tensor.isPacked && !isByteBool && static_cast<int64_t>(operand.block.size()) == rank &&
         llvm::all_of(operand.block, [](int64_t block) { return block == 1; });
}

SmallVector<LoweredTensor> compress::createLoops(OpBuilder &builder, Location loc,
                                                 ArrayRef<RankedTensorType> types,
                                                 ArrayRef<OpFoldResult> sizes,
                                                 ArrayRef<LoopOperand> operands, LoopBody body) {
  auto rank = static_cast<int64_t>(sizes.size());
  SmallVector<Value> inputs, outputs;
  for (const LoopOperand &operand : operands)
    if (isPlain(operand, rank))
      inputs.push_back(operand.tensor->value);
  for (RankedTensorType type : types) {
    Type storage = getStorageElementType(type.getElementType());
    outputs.push_back(tensor::EmptyOp::create(builder, loc, sizes, storage));
  }
  SmallVector<AffineMap> maps(inputs.size() + outputs.size(), builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto emit = [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
    ScalarBuilder b(nestedLoc, nested);
    SmallVector<Value> index, elements;
    for (int64_t loop = 0; loop < rank; ++loop)
      index.push_back(linalg::IndexOp::create(b, loop));
    size_t next = 0;
    for (const LoopOperand &operand : operands) {
      if (isPlain(operand, rank)) {
        elements.push_back(arguments[next++]);
        continue;
      }
      SmallVector<Value> where;
      for (auto [loop, block] : llvm::enumerate(operand.block))
        where.push_back(
            block < 0    ? createIndex(b, nestedLoc, 0)
            : block == 1 ? index[loop]
                         : arith::DivUIOp::create(b, index[loop], createIndex(b, nestedLoc, block))
                               .getResult());
      elements.push_back(operand.tensor->read(b, where));
    }
    linalg::YieldOp::create(b, body(b, elements, index));
    for (Value value : index)
      if (value.use_empty())
        value.getDefiningOp()->erase();
  };
  auto generic = linalg::GenericOp::create(builder, loc, TypeRange(ValueRange(outputs)), inputs,
                                           outputs, maps, iterators, emit);
  SmallVector<LoweredTensor> results;
  for (auto [type, value] : llvm::zip(types, generic.getResults())) {
    // Sizes may be known that the type does not say.
    auto expected =
        RankedTensorType::get(type.getShape(), getStorageElementType(type.getElementType()));
    Value result = value;
    if (result.getType() != expected)
      result = tensor::CastOp::create(builder, loc, expected, result);
    results.push_back({result, type});
  }
  return results;
}

Value compress::reduceFromZero(
    OpBuilder &builder, Location loc, const LoweredTensor &tensor, ArrayRef<bool> reduced,
    function_ref<Value(ScalarBuilder &, Value sum, Value element)> combine) {
  auto rank = static_cast<int64_t>(reduced.size());
  Type element = tensor.getElement(), compute = ScalarBuilder::getComputeType(element);
  SmallVector<OpFoldResult> sizes = tensor.getSizes(builder, loc), kept;
  SmallVector<AffineExpr> dims;
  SmallVector<utils::IteratorType> iterators;
  for (int64_t dim = 0; dim < rank; ++dim) {
    iterators.push_back(reduced[dim] ? utils::IteratorType::reduction
                                     : utils::IteratorType::parallel);
    if (reduced[dim])
      continue;
    kept.push_back(sizes[dim]);
    dims.push_back(builder.getAffineDimExpr(dim));
  }
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(compute));
  Value empty = tensor::EmptyOp::create(builder, loc, kept, compute);
  Value start = linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
  AffineMap maps[] = {builder.getMultiDimIdentityMap(rank),
                      AffineMap::get(rank, 0, dims, builder.getContext())};
  return linalg::GenericOp::create(
             builder, loc, start.getType(), tensor.value, start, maps, iterators,
             [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
               ScalarBuilder b(nestedLoc, nested);
               Value x = b.load(arguments[0], element);
               linalg::YieldOp::create(b, combine(b, arguments[1], x));
             })
      .getResult(0);
}
