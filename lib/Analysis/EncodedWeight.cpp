//===- EncodedWeight.cpp - a decode chain in memory -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// StoredTensor
//===----------------------------------------------------------------------===//

FailureOr<StoredTensor> StoredTensor::read(WeightStore &store, WeightSourceOpInterface source,
                                           EmitErrorFn emitError) {
  StoredTensor tensor;
  tensor.type = cast<RankedTensorType>(source->getResult(0).getType());
  tensor.source = source;
  Attribute value = source.getWeightValue();
  if (!value)
    return emitError() << "cannot find the value of '" << source.getWeightName() << "'";
  FailureOr<WeightBytes> view = store.read(value, tensor.type, emitError);
  if (failed(view))
    return failure();
  tensor.view = std::move(*view);
  return tensor;
}

FailureOr<StoredTensor> StoredTensor::allocate(WeightStore &store, RankedTensorType type,
                                               EmitErrorFn emitError) {
  StoredTensor tensor;
  tensor.type = type;
  tensor.isNew = true;
  FailureOr<WeightBuffer> buffer = store.allocate(type, emitError);
  if (failed(buffer))
    return failure();
  tensor.buffer = std::move(*buffer);
  return tensor;
}

Value StoredTensor::materialize(OpBuilder &builder, WeightSymbols &symbols, WeightStore &store,
                                WeightSourceOpInterface like, StringRef name) {
  if (!isNew)
    return builder.clone(*source.getOperation())->getResult(0);
  return like.createLike(builder, symbols, name, type, commit(store, name));
}

Attribute StoredTensor::commit(WeightStore &store, StringRef name) {
  return store.commit(name, type, std::move(*buffer));
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

static uint64_t product(ArrayRef<int64_t> dims) {
  uint64_t result = 1;
  for (int64_t dim : dims)
    result *= static_cast<uint64_t>(dim);
  return result;
}

BlockView mlir::compress::getAxisView(ArrayRef<int64_t> shape, int64_t axis) {
  return {product(shape.take_front(axis)), static_cast<uint64_t>(shape[axis]),
          product(shape.drop_front(axis + 1))};
}

FailureOr<std::pair<BlockView, uint64_t>> mlir::compress::getBlockView(ArrayRef<int64_t> shape,
                                                                       ArrayRef<int64_t> block) {
  if (block.empty())
    return std::make_pair(BlockView{1, std::max<uint64_t>(1, product(shape)), 1},
                          std::max<uint64_t>(1, product(shape)));
  // Dims from `first` to `last` are blocked; size-1 dims fit everywhere.
  int64_t rank = shape.size(), first = rank, last = -1;
  auto isWhole = [&](int64_t dim) { return block[dim] < 0 || block[dim] >= shape[dim]; };
  for (int64_t dim = 0; dim < rank; ++dim)
    if (block[dim] != 1 && shape[dim] != 1) {
      first = std::min(first, dim);
      last = dim;
    }
  if (last < 0) {
    // Every element has its own scale.
    return std::make_pair(BlockView{product(shape), 1, 1}, uint64_t(1));
  }
  if (first == last)
    return std::make_pair(getAxisView(shape, first), isWhole(first)
                                                         ? std::max<uint64_t>(1, shape[first])
                                                         : static_cast<uint64_t>(block[first]));
  for (int64_t dim = first; dim <= last; ++dim)
    if (!isWhole(dim))
      return failure();
  uint64_t k = product(shape.slice(first, last - first + 1));
  return std::make_pair(
      BlockView{product(shape.take_front(first)), k, product(shape.drop_front(last + 1))},
      std::max<uint64_t>(1, k));
}

SmallVector<int64_t> mlir::compress::getScaleShape(ArrayRef<int64_t> shape,
                                                   ArrayRef<int64_t> block) {
  SmallVector<int64_t> result;
  if (block.empty())
    return result;
  for (auto [dim, size] : llvm::zip(shape, block))
    result.push_back(size < 0 ? std::min<int64_t>(dim, 1) : llvm::divideCeilSigned(dim, size));
  return result;
}

std::vector<double> mlir::compress::toDoubles(const StoredTensor &tensor) {
  std::vector<double> values(tensor.getType().getNumElements());
  unsigned bytes = getStorageBitWidth(tensor.getDataType()) / 8;
  for (auto [i, value] : llvm::enumerate(values)) {
    uint64_t bits = 0;
    std::memcpy(&bits, tensor.bytes().data() + i * bytes, bytes);
    value = decodeFloat(tensor.getDataType(), bits);
  }
  return values;
}

StringRef mlir::compress::getBaseName(StringRef name) {
  for (StringRef suffix : {".q", ".kept", ".dense"})
    if (name.consume_back(suffix))
      return getBaseName(name);
  return name;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

uint64_t EncodedWeight::getStoredBytes() const {
  uint64_t bytes = values.bytes().size();
  if (pattern)
    bytes += pattern->positions.bytes().size();
  if (scales) {
    bytes += scales->scale.bytes().size();
    if (scales->zeroPoint)
      bytes += scales->zeroPoint->bytes().size();
  }
  return bytes;
}

/// Source op of a tensor that is stored as it is, or null.
static WeightSourceOpInterface getSource(Value value) {
  return value.getDefiningOp<WeightSourceOpInterface>();
}

std::string mlir::compress::explainUnsupported(const WeightChain &chain) {
  // Outermost first: mask, dequantize, expand_nm.
  unsigned stage = 0;
  for (Operation *link : chain.links) {
    unsigned next = isa<MaskOp>(link)         ? 1
                    : isa<DequantizeOp>(link) ? 2
                    : isa<ExpandNMOp>(link)   ? 3
                                              : 0;
    if (next == 0)
      return ("it is decoded by " + link->getName().getStringRef()).str();
    if (next <= stage)
      return "its decode chain is not in normal form";
    stage = next;
    if (auto mask = dyn_cast<MaskOp>(link))
      if (!getSource(mask.getMask()))
        return "its mask is not constant";
    if (auto expand = dyn_cast<ExpandNMOp>(link))
      if (!getSource(expand.getPositions()))
        return "its positions are not constant";
    if (auto dequantize = dyn_cast<DequantizeOp>(link)) {
      if (!getSource(dequantize.getScale()) ||
          (dequantize.getZeroPoint() && !getSource(dequantize.getZeroPoint())))
        return "its scales are not constant";
      std::optional<DataType> codes = getDataType(dequantize.getCodes().getType().getElementType());
      if (!codes || !isInteger(*codes) || getBitWidth(*codes) > 8)
        return "its codes are not integers of at most 8 bits";
      if (failed(getBlockView(dequantize.getType().getShape(),
                              dequantize.getBlock().value_or(ArrayRef<int64_t>()))))
        return "its scales are blocked along several dims";
    }
  }
  return "";
}

SmallVector<int64_t> mlir::compress::getZeroPoints(const EncodedWeight &weight) {
  SmallVector<int64_t> result;
  if (!weight.scales || !weight.scales->zeroPoint)
    return result;
  const StoredTensor &zeroPoint = *weight.scales->zeroPoint;
  int64_t count = zeroPoint.getType().getNumElements();
  result.reserve(count);
  for (int64_t i = 0; i < count; ++i)
    result.push_back(readPacked(zeroPoint.getDataType(), zeroPoint.bytes(), i));
  return result;
}

FailureOr<QuantizedTensor> mlir::compress::getQuantizedTensor(const EncodedWeight &weight,
                                                              const StoredTensor &codes) {
  FailureOr<std::pair<BlockView, uint64_t>> view =
      getBlockView(weight.type.getShape(), weight.scales->block);
  if (failed(view))
    return failure();
  QuantizedTensor tensor;
  tensor.view = view->first;
  tensor.group = view->second;
  tensor.codeType = codes.getDataType();
  tensor.scaleType = weight.scales->scale.getDataType();
  tensor.codes = codes.bytes().data();
  tensor.scales = weight.scales->scale.bytes().data();
  if (weight.scales->zeroPoint)
    tensor.zeroPoints = weight.scales->zeroPoint->bytes().data();
  return tensor;
}

FailureOr<StoredTensor> mlir::compress::expandValues(WeightStore &store,
                                                     const EncodedWeight &weight,
                                                     EmitErrorFn emitError) {
  assert(weight.pattern && "nothing to expand");
  const EncodedWeight::Pattern &pattern = *weight.pattern;
  auto type =
      RankedTensorType::get(weight.type.getShape(), weight.values.getType().getElementType());
  FailureOr<StoredTensor> dense = StoredTensor::allocate(store, type, emitError);
  if (failed(dense))
    return failure();
  unsigned bits = getStorageBitWidth(weight.values.getDataType());
  std::optional<uint64_t> fault = expandNM(
      pattern.nm, getAxisView(type.getShape(), pattern.axis), bits, weight.values.bytes().data(),
      pattern.positions.bytes().data(), weight.values.getType().getShape().back(),
      static_cast<uint64_t>(pattern.fill), dense->mutableBytes().data());
  if (fault)
    return emitError() << "position " << *fault << " of the " << pattern.nm.n << ":" << pattern.nm.m
                       << " pattern is outside of its group or not larger than the one before";
  return dense;
}

LogicalResult mlir::compress::expandPattern(WeightStore &store, EncodedWeight &weight,
                                            EmitErrorFn emitError) {
  FailureOr<StoredTensor> dense = expandValues(store, weight, emitError);
  if (failed(dense))
    return failure();
  EncodedWeight::Pattern &pattern = *weight.pattern;
  BlockView view = getAxisView(weight.type.getShape(), pattern.axis);
  pattern.mask.resize(view.getNumElements());
  // The positions were checked while the values were expanded.
  expandNMMask(pattern.nm, view, pattern.positions.bytes().data(),
               weight.values.getType().getShape().back(), pattern.mask.data());
  weight.values = std::move(*dense);
  pattern.positions = StoredTensor();
  return success();
}

FailureOr<bool> mlir::compress::compactPattern(WeightStore &store, EncodedWeight &weight,
                                               EmitErrorFn emitError) {
  EncodedWeight::Pattern &pattern = *weight.pattern;
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  if (!zeroPoints.empty() && !llvm::all_equal(zeroPoints)) {
    weight.pattern.reset();
    return false;
  }
  BlockView view = getAxisView(weight.type.getShape(), pattern.axis);
  SmallVector<int64_t> shape(weight.type.getShape());
  shape[pattern.axis] = getCompactLength(pattern.nm, view.k);
  Type element = weight.values.getType().getElementType();
  SmallVector<int64_t> positionShape(shape);
  positionShape.back() = getPositionRowBytes(pattern.nm, shape.back());
  FailureOr<StoredTensor> kept =
      StoredTensor::allocate(store, RankedTensorType::get(shape, element), emitError);
  FailureOr<StoredTensor> positions = StoredTensor::allocate(
      store, RankedTensorType::get(positionShape, IntegerType::get(element.getContext(), 8)),
      emitError);
  if (failed(kept) || failed(positions))
    return failure();
  if (std::optional<uint64_t> fault =
          compactNM(pattern.nm, view, getStorageBitWidth(weight.values.getDataType()),
                    weight.values.bytes().data(), pattern.mask.data(), shape.back(),
                    kept->mutableBytes().data(), positions->mutableBytes().data()))
    return emitError() << "internal error: the mask of element " << *fault
                       << " does not have the pattern";
  weight.values = std::move(*kept);
  pattern.positions = std::move(*positions);
  pattern.fill = zeroPoints.empty() ? 0 : zeroPoints.front();
  std::vector<uint8_t>().swap(pattern.mask);
  return true;
}

LogicalResult mlir::compress::applyDenseMask(WeightStore &store, EncodedWeight &weight,
                                             ArrayRef<uint8_t> mask, EmitErrorFn emitError) {
  assert((!weight.pattern || weight.pattern->isDense()) && "values are not dense");
  FailureOr<StoredTensor> result =
      StoredTensor::allocate(store, weight.values.getType(), emitError);
  if (failed(result))
    return failure();
  uint64_t count = mask.size();
  const char *from = weight.values.bytes().data();
  char *to = result->mutableBytes().data();
  DataType type = weight.values.getDataType();
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  unsigned bits = getStorageBitWidth(type);
  if (!weight.scales && bits >= 8) {
    applyMask(from, bits / 8, count, mask.data(), to);
  } else if (zeroPoints.empty() || llvm::all_equal(zeroPoints)) {
    uint8_t fill = zeroPoints.empty() ? 0 : static_cast<uint8_t>(zeroPoints.front());
    applyMaskToCodes(from, bits, count, mask.data(), fill, to);
  } else {
    // The code of zero is another one in each block.
    auto [view, group] = *getBlockView(weight.type.getShape(), weight.scales->block);
    uint64_t groups = view.getNumGroups(group);
    std::memcpy(to, from, weight.values.bytes().size());
    for (uint64_t i = 0; i < count; ++i) {
      if (mask[i])
        continue;
      uint64_t inner = i % view.inner, k = i / view.inner % view.k;
      uint64_t outer = i / view.inner / view.k;
      writePacked(type, result->mutableBytes(), i,
                  zeroPoints[(outer * groups + k / group) * view.inner + inner]);
    }
  }
  weight.values = std::move(*result);
  return success();
}

/// One byte per element of `shape`, from a mask that broadcasts to it.
static std::vector<uint8_t> broadcastMask(ArrayRef<int64_t> shape, RankedTensorType maskType,
                                          ArrayRef<char> mask) {
  int64_t rank = shape.size();
  SmallVector<int64_t> strides(rank, 0);
  int64_t stride = 1;
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    if (maskType.getDimSize(dim) != 1)
      strides[dim] = stride;
    stride *= maskType.getDimSize(dim);
  }
  std::vector<uint8_t> result(product(shape));
  SmallVector<int64_t> index(rank, 0);
  int64_t offset = 0;
  for (uint8_t &byte : result) {
    byte = mask[offset] != 0;
    for (int64_t dim = rank - 1; dim >= 0; --dim) {
      offset += strides[dim];
      if (++index[dim] < shape[dim])
        break;
      offset -= strides[dim] * shape[dim];
      index[dim] = 0;
    }
  }
  return result;
}

FailureOr<EncodedWeight> mlir::compress::readEncodedWeight(WeightStore &store,
                                                           const WeightChain &chain,
                                                           EmitErrorFn emitError) {
  if (std::string reason = explainUnsupported(chain); !reason.empty())
    return emitError() << "cannot rewrite weight '" << chain.getSourceName() << "': " << reason;
  auto read = [&](Value value) { return StoredTensor::read(store, getSource(value), emitError); };
  EncodedWeight weight;
  weight.type = chain.getType();
  FailureOr<StoredTensor> values = StoredTensor::read(store, chain.source, emitError);
  if (failed(values))
    return failure();
  weight.values = std::move(*values);
  if (auto expand = chain.getLink<ExpandNMOp>()) {
    FailureOr<StoredTensor> positions = read(expand.getPositions());
    if (failed(positions))
      return failure();
    weight.pattern.emplace();
    weight.pattern->nm = {static_cast<unsigned>(expand.getN()),
                          static_cast<unsigned>(expand.getM())};
    weight.pattern->axis = expand.getAxis();
    weight.pattern->fill = expand.getFill();
    weight.pattern->positions = std::move(*positions);
  }
  if (auto dequantize = chain.getLink<DequantizeOp>()) {
    FailureOr<StoredTensor> scale = read(dequantize.getScale());
    if (failed(scale))
      return failure();
    weight.scales.emplace();
    weight.scales->block =
        SmallVector<int64_t>(dequantize.getBlock().value_or(ArrayRef<int64_t>()));
    weight.scales->scale = std::move(*scale);
    if (dequantize.getZeroPoint()) {
      FailureOr<StoredTensor> zeroPoint = read(dequantize.getZeroPoint());
      if (failed(zeroPoint))
        return failure();
      weight.scales->zeroPoint = std::move(*zeroPoint);
    }
  }
  if (auto mask = chain.getLink<MaskOp>()) {
    FailureOr<StoredTensor> bytes = read(mask.getMask());
    if (failed(bytes))
      return failure();
    std::vector<uint8_t> dense =
        broadcastMask(weight.type.getShape(), bytes->getType(), bytes->bytes());
    if (weight.pattern) {
      // A mask takes elements away from the pattern: what is left has no pattern of its own.
      if (failed(expandPattern(store, weight, emitError)))
        return failure();
      weight.pattern.reset();
    }
    if (failed(applyDenseMask(store, weight, dense, emitError)))
      return failure();
  }
  return weight;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

Value mlir::compress::writeEncodedWeight(OpBuilder &builder, WeightSymbols &symbols,
                                         WeightStore &store, WeightSourceOpInterface like,
                                         StringRef name, EncodedWeight &weight) {
  Location loc = like.getLoc();
  std::string base = getBaseName(name).str();
  auto source = [&](StoredTensor &tensor, StringRef suffix) {
    return tensor.materialize(builder, symbols, store, like, base + suffix.str());
  };
  Value value = source(weight.values, weight.scales ? ".q" : weight.pattern ? ".kept" : ".dense");
  if (weight.pattern) {
    EncodedWeight::Pattern &pattern = *weight.pattern;
    Value positions = source(pattern.positions, ".meta");
    auto type =
        RankedTensorType::get(weight.type.getShape(), weight.values.getType().getElementType());
    value = ExpandNMOp::create(builder, loc, type, value, positions, pattern.nm.n, pattern.nm.m,
                               pattern.axis, pattern.fill);
  }
  if (weight.scales) {
    Value scale = source(weight.scales->scale, ".scale");
    Value zeroPoint;
    if (weight.scales->zeroPoint)
      zeroPoint = source(*weight.scales->zeroPoint, ".zp");
    DenseI64ArrayAttr block;
    if (!weight.scales->block.empty())
      block = builder.getDenseI64ArrayAttr(weight.scales->block);
    value = DequantizeOp::create(builder, loc, weight.type, value, scale, zeroPoint, block);
  }
  return value;
}
