//===- ExportDecode.cpp - contents of weights and decode chains -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportWeights.h"
#include "compress/Algorithms/NMPacking.h"
#include "compress/Algorithms/UniformQuantization.h"
#include "compress/Reference/Tensor.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

WeightReader::WeightReader(ModuleOp module) : module(module) {
  for (WeightOp weight : module.getOps<WeightOp>())
    symbols[weight.getSymNameAttr()] = weight;
}

WeightOp WeightReader::lookup(LoadOp load) const {
  return dyn_cast_or_null<WeightOp>(symbols.lookup(load.getWeightAttr().getAttr()));
}

bool WeightReader::isWeightChain(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<LoadOp, ConstantOp>(op))
    return true;
  return isa<DecodeOpInterface>(op) && llvm::all_of(op->getOperands(), isWeightChain);
}

//===----------------------------------------------------------------------===//
// Stored tensors
//===----------------------------------------------------------------------===//

std::optional<LazyTensor> WeightReader::getAttribute(Attribute value, RankedTensorType type,
                                                     Location location) const {
  std::optional<DataType> dataType = getDataType(type.getElementType());
  if (!dataType || !type.hasStaticShape())
    return std::nullopt;
  LazyTensor tensor;
  tensor.type = *dataType;
  tensor.dims = SmallVector<int64_t>(type.getShape());
  if (*dataType == DataType::String) {
    auto strings = dyn_cast<DenseStringElementsAttr>(value);
    if (!strings)
      return std::nullopt;
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i)
      tensor.strings.push_back(strings.getRawStringData()[strings.isSplat() ? 0 : i]);
    return tensor;
  }
  tensor.read = [value, type, location]() -> FailureOr<HeldBytes> {
    FailureOr<WeightBytes> bytes = WeightStore(type.getContext()).read(value, type, [&] {
      return emitError(location);
    });
    if (failed(bytes))
      return failure();
    auto owner = std::make_shared<WeightBytes>(std::move(*bytes));
    return HeldBytes{owner->bytes(), owner};
  };
  return tensor;
}

std::optional<LazyTensor> WeightReader::getStored(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto load = dyn_cast<LoadOp>(op)) {
    WeightOp weight = lookup(load);
    if (!weight)
      return std::nullopt;
    std::optional<LazyTensor> tensor =
        getAttribute(weight.getValue(), weight.getTensorType(), weight.getLoc());
    if (!tensor)
      return std::nullopt;
    tensor->weight = weight;
    tensor->key = ("@" + weight.getSymName()).str();
    return tensor;
  }
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    std::optional<LazyTensor> tensor = getAttribute(
        constant.getValue(), cast<RankedTensorType>(constant.getType()), constant.getLoc());
    if (tensor)
      tensor->key =
          "#" + std::to_string(reinterpret_cast<uintptr_t>(constant.getValue().getAsOpaquePointer()));
    return tensor;
  }
  if (!isa<ExpandNMOp, ExpandBitmapOp>(op) || !isWeightChain(value))
    return std::nullopt;
  auto type = cast<RankedTensorType>(value.getType());
  std::optional<LazyTensor> codes = getStored(op->getOperand(0));
  std::optional<LazyTensor> positions = getStored(op->getOperand(1));
  if (!codes || !positions || !type.hasStaticShape())
    return std::nullopt;
  LazyTensor result = *codes;
  result.dims = SmallVector<int64_t>(type.getShape());
  result.key += "|expand(" + positions->key + ")";
  result.read = [this, value] { return decode(value); };
  if (auto expand = dyn_cast<ExpandNMOp>(op)) {
    result.key += std::to_string(expand.getFill()) + "," + std::to_string(expand.getAxis()) + "," +
                  std::to_string(expand.getN()) + "," + std::to_string(expand.getM());
    result.pattern = std::to_string(expand.getN()) + ":" + std::to_string(expand.getM());
    result.patternAxis = expand.getAxis();
  } else {
    result.key += std::to_string(cast<ExpandBitmapOp>(op).getFill());
  }
  return result;
}

std::optional<LazyTensor> WeightReader::getDecoded(Value value) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || !isWeightChain(value))
    return std::nullopt;
  std::optional<DataType> dataType = getDataType(type.getElementType());
  if (!dataType || *dataType == DataType::String)
    return std::nullopt;
  // The first load below the codes names the result.
  Value root = value;
  while (auto link = root.getDefiningOp<DecodeOpInterface>())
    root = link.getEncodedOperand().get();
  LazyTensor tensor;
  if (auto load = root.getDefiningOp<LoadOp>())
    tensor.weight = lookup(load);
  tensor.key = "decode" + std::to_string(reinterpret_cast<uintptr_t>(value.getAsOpaquePointer()));
  tensor.type = *dataType;
  tensor.dims = SmallVector<int64_t>(type.getShape());
  tensor.read = [this, value] { return decode(value); };
  return tensor;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

FailureOr<HeldBytes> WeightReader::decode(Value value) const {
  Operation *op = value.getDefiningOp();
  if (isa<LoadOp, ConstantOp>(op)) {
    std::optional<LazyTensor> stored = getStored(value);
    if (!stored || !stored->read)
      return op->emitError("has no contents that can be decoded");
    return stored->read();
  }
  if (auto expand = dyn_cast<ExpandNMOp>(op))
    return expandNM(expand);
  if (auto dequantize = dyn_cast<DequantizeOp>(op))
    return decodeDequantize(dequantize);
  return evaluate(op);
}

static DataType dataTypeOf(Value value) {
  return *getDataType(cast<RankedTensorType>(value.getType()).getElementType());
}

/// Product of dims [begin, end).
static uint64_t productOf(ArrayRef<int64_t> dims, size_t begin, size_t end) {
  uint64_t product = 1;
  for (size_t i = begin; i < end; ++i)
    product *= dims[i];
  return product;
}

FailureOr<HeldBytes> WeightReader::expandNM(ExpandNMOp op) const {
  FailureOr<HeldBytes> codes = decode(op.getCodes()), positions = decode(op.getPositions());
  if (failed(codes) || failed(positions))
    return failure();
  auto type = cast<RankedTensorType>(op.getType());
  ArrayRef<int64_t> shape = type.getShape();
  DataType dataType = dataTypeOf(op.getResult());
  size_t axis = op.getAxis();
  BlockView view{productOf(shape, 0, axis), static_cast<uint64_t>(shape[axis]),
                 productOf(shape, axis + 1, shape.size())};
  NMPattern pattern;
  pattern.n = op.getN();
  pattern.m = op.getM();
  SmallVector<char, 0> dense(getStorageBytes(dataType, type.getNumElements()).value_or(0));
  std::optional<uint64_t> fault = compress::expandNM(
      pattern, view, getStorageBitWidth(dataType), codes->data.data(), positions->data.data(),
      cast<RankedTensorType>(op.getCodes().getType()).getShape().back(), op.getFill(),
      dense.data());
  if (fault)
    return op.emitError("the position of kept code ")
           << *fault << " is not in its group or not larger than the one before it";
  return HeldBytes::own(std::move(dense));
}

/// The blocks of a tensor as one blocked range of dims, if they are: dims in front and behind have
/// a scale per index.
static std::optional<std::pair<BlockView, uint64_t>> getBlockView(ArrayRef<int64_t> shape,
                                                                  ArrayRef<int64_t> block) {
  if (block.empty())
    return std::pair(BlockView{1, productOf(shape, 0, shape.size()), 1},
                     std::max<uint64_t>(1, productOf(shape, 0, shape.size())));
  size_t rank = shape.size();
  auto isSingle = [&](size_t d) { return shape[d] == 1 || block[d] == 1; };
  auto isWhole = [&](size_t d) { return block[d] == -1 || block[d] >= shape[d]; };
  size_t begin = 0, end = rank;
  while (begin < rank && isSingle(begin))
    ++begin;
  while (end > begin && isSingle(end - 1))
    --end;
  if (begin == end)
    return std::pair(BlockView{productOf(shape, 0, rank), 1, 1}, uint64_t(1));
  BlockView view{productOf(shape, 0, begin), productOf(shape, begin, end),
                 productOf(shape, end, rank)};
  if (end - begin == 1)
    return std::pair(view, isWhole(begin) ? view.k : static_cast<uint64_t>(block[begin]));
  for (size_t d = begin; d < end; ++d)
    if (!isWhole(d))
      return std::nullopt;
  return std::pair(view, view.k);
}

FailureOr<HeldBytes> WeightReader::decodeDequantize(DequantizeOp op) const {
  auto type = cast<RankedTensorType>(op.getType());
  DataType codeType = dataTypeOf(op.getCodes()), scaleType = dataTypeOf(op.getScale());
  DataType valueType = dataTypeOf(op.getResult());
  auto block = getBlockView(type.getShape(), op.getBlock().value_or(ArrayRef<int64_t>()));
  auto isPlainFloat = [](DataType t) {
    return t == DataType::F32 || t == DataType::F16 || t == DataType::BF16 || t == DataType::F64;
  };
  bool isFast = block && block->second > 0 && isInteger(codeType) && getBitWidth(codeType) <= 8 &&
                isPlainFloat(scaleType) && isPlainFloat(valueType);
  if (!isFast)
    return evaluate(op);
  FailureOr<HeldBytes> codes = decode(op.getCodes()), scale = decode(op.getScale());
  if (failed(codes) || failed(scale))
    return failure();
  FailureOr<HeldBytes> zeroPoint = HeldBytes();
  if (op.getZeroPoint())
    zeroPoint = decode(op.getZeroPoint());
  if (failed(zeroPoint))
    return failure();
  QuantizedTensor tensor;
  tensor.view = block->first;
  tensor.group = block->second;
  tensor.codeType = codeType;
  tensor.scaleType = scaleType;
  tensor.codes = codes->data.data();
  tensor.scales = scale->data.data();
  tensor.zeroPoints = op.getZeroPoint() ? zeroPoint->data.data() : nullptr;
  SmallVector<char, 0> values;
  values.resize_for_overwrite(getStorageBytes(valueType, type.getNumElements()).value_or(0));
  dequantizeUniform(tensor, valueType, values.data());
  return HeldBytes::own(std::move(values));
}

FailureOr<HeldBytes> WeightReader::evaluate(Operation *op) const {
  auto reference = dyn_cast<ReferenceOpInterface>(op);
  if (!reference)
    return op->emitError("has no executable semantics");
  auto fail = [&](llvm::Error error) -> FailureOr<HeldBytes> {
    return op->emitError("cannot be decoded: ") << llvm::toString(std::move(error));
  };
  SmallVector<reference::Tensor> operands;
  for (Value operand : op->getOperands()) {
    FailureOr<HeldBytes> bytes = decode(operand);
    if (failed(bytes))
      return failure();
    llvm::Expected<reference::Tensor> tensor = reference::Tensor::fromPacked(
        dataTypeOf(operand), cast<RankedTensorType>(operand.getType()).getShape(), bytes->data);
    if (!tensor)
      return fail(tensor.takeError());
    operands.push_back(std::move(*tensor));
  }
  llvm::Expected<SmallVector<reference::Tensor>> results = reference.evaluate(operands);
  if (!results)
    return fail(results.takeError());
  llvm::Expected<SmallVector<char, 0>> bytes = results->front().toPacked();
  if (!bytes)
    return fail(bytes.takeError());
  return HeldBytes::own(std::move(*bytes));
}
