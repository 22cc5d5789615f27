//===- EncodedWeight.cpp - a decode chain in memory -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeTables.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Algorithms/BitmapPacking.h"
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
  DataType type = tensor.getDataType();
  std::vector<double> values(tensor.getType().getNumElements());
  unsigned bits = getStorageBitWidth(type);
  for (auto [i, value] : llvm::enumerate(values)) {
    uint64_t code = 0;
    if (bits < 8)
      code = static_cast<uint64_t>(readPacked(type, tensor.bytes(), i));
    else
      std::memcpy(&code, tensor.bytes().data() + i * (bits / 8), bits / 8);
    value = decodeFloat(type, code);
  }
  return values;
}

StringRef mlir::compress::getBaseName(StringRef name) {
  for (StringRef suffix : {".q", ".kept", ".dense", ".f16", ".bf16"})
    if (name.consume_back(suffix))
      return getBaseName(name);
  return name;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

uint64_t EncodedWeight::Scales::getStoredBytes() const {
  uint64_t bytes = zeroPoint ? zeroPoint->bytes().size() : 0;
  if (const auto *nested = std::get_if<NestedScales>(&storage))
    return bytes + nested->codes.bytes().size() + nested->factor.bytes().size();
  if (const auto *twice = std::get_if<DoubleScales>(&storage))
    return bytes + twice->codes.bytes().size() + twice->table.bytes().size() +
           twice->scale.bytes().size() + twice->offset.bytes().size();
  if (const auto *expression = std::get_if<ScaleExpression>(&storage))
    return bytes + expression->bytes;
  return bytes + scale.bytes().size();
}

uint64_t EncodedWeight::getStoredBytes() const {
  uint64_t bytes = values.bytes().size();
  if (pattern)
    bytes += pattern->positions.bytes().size();
  if (table)
    bytes += table->bytes().size();
  if (vectors)
    bytes += vectors->tables.bytes().size();
  if (scales)
    bytes += scales->getStoredBytes();
  if (mask)
    bytes += mask->bytes().size();
  return bytes;
}

/// Source op of a tensor that is stored as it is, or null.
static WeightSourceOpInterface getSource(Value value) {
  return value.getDefiningOp<WeightSourceOpInterface>();
}

/// Why codes with these parameters cannot be read; `scale` and `zeroPoint` may
/// be null.
static std::string explainCodes(Value codes, Value result, Value scale, Value zeroPoint,
                                std::optional<ArrayRef<int64_t>> block) {
  if ((scale && !isStoredExpression(scale)) || (zeroPoint && !getSource(zeroPoint)))
    return "its scales are not constant";
  auto type = cast<RankedTensorType>(codes.getType());
  std::optional<DataType> codeType = getDataType(type.getElementType());
  if (!codeType || getBitWidth(*codeType) > 8)
    return "its codes have more than 8 bits";
  auto element = dyn_cast<FloatType>(cast<RankedTensorType>(result.getType()).getElementType());
  if (!element || element.getWidth() < 16)
    return "its values have fewer than 16 bits";
  if (zeroPoint && isFloat(*codeType))
    return "its float codes have zero points";
  if (failed(getBlockView(cast<RankedTensorType>(result.getType()).getShape(),
                          block.value_or(ArrayRef<int64_t>()))))
    return "its scales are blocked along several dims";
  return "";
}

std::string mlir::compress::explainUnsupported(const WeightChain &chain) {
  // Outermost first: mask, then dequantize, lookup or cast, then expand_nm or
  // expand_bitmap.
  unsigned stage = 0;
  for (Operation *link : chain.links) {
    unsigned next = isa<MaskOp>(link)                                            ? 1
                    : isa<DequantizeOp, LookupOp, LookupVectorsOp, CastOp>(link) ? 2
                    : isa<ExpandNMOp, ExpandBitmapOp>(link)                      ? 3
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
    if (auto expand = dyn_cast<ExpandBitmapOp>(link))
      if (!getSource(expand.getBitmap()))
        return "its bitmap is not constant";
    if (auto dequantize = dyn_cast<DequantizeOp>(link))
      if (std::string reason =
              explainCodes(dequantize.getCodes(), dequantize.getResult(), dequantize.getScale(),
                           dequantize.getZeroPoint(), dequantize.getBlock());
          !reason.empty())
        return reason;
    if (auto lookup = dyn_cast<LookupOp>(link)) {
      if (std::string reason = explainTable(lookup); !reason.empty())
        return reason;
      if (std::string reason = explainCodes(lookup.getCodes(), lookup.getResult(),
                                            lookup.getScale(), Value(), lookup.getBlock());
          !reason.empty())
        return reason;
    }
    if (auto lookup = dyn_cast<LookupVectorsOp>(link))
      if (std::string reason = explainVectors(lookup); !reason.empty())
        return reason;
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

std::optional<int64_t> mlir::compress::getZeroCode(const EncodedWeight &weight) {
  DataType type = weight.values.getDataType();
  if (weight.vectors)
    return std::nullopt;
  if (weight.table)
    return getZeroCodeOfTables(weight);
  if (isFloat(type))
    return decodeFloat(type, 0) == 0 ? std::optional<int64_t>(0) : std::nullopt;
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  if (zeroPoints.empty())
    return 0;
  if (!llvm::all_equal(zeroPoints))
    return std::nullopt;
  return zeroPoints.front();
}

std::string mlir::compress::explainNoZeroCode(const EncodedWeight &weight) {
  if (getZeroCode(weight))
    return "";
  if (weight.vectors)
    return "its codes stand for vectors";
  if (weight.table)
    return weight.tableBlock.empty() ? "no entry of the table is zero"
                                     : "no code is zero in all tables";
  if (isFloat(weight.values.getDataType()))
    return "no code is zero";
  return "zero points differ between blocks";
}

/// Bytes of `numElements` values like those of `weight`.
static uint64_t getBytes(const EncodedWeight &weight, uint64_t numElements) {
  unsigned bits = getStorageBitWidth(weight.values.getDataType());
  return bits < 8 ? getPackedBytes(numElements, bits) : numElements * (bits / 8);
}

std::string mlir::compress::explainDenseStorage(const EncodedWeight &weight) {
  if (std::string reason = explainNoZeroCode(weight); !reason.empty())
    return reason;
  if (!weight.pattern || !weight.pattern->isDense() || weight.pattern->isNM())
    return "";
  const std::vector<uint8_t> &mask = weight.pattern->mask;
  uint64_t kept = countKeptOfMask(mask.data(), mask.size());
  uint64_t sparse = getBytes(weight, kept) + getBitmapBytes(mask.size());
  uint64_t dense = getBytes(weight, mask.size());
  if (sparse < dense)
    return "";
  return "kept values and their bitmap take " + std::to_string(sparse) + " bytes, dense values " +
         std::to_string(dense);
}

FailureOr<QuantizedTensor> mlir::compress::getQuantizedTensor(const EncodedWeight &weight,
                                                              const StoredTensor &codes) {
  if (!weight.scales || weight.table || weight.vectors || !isInteger(codes.getDataType()))
    return failure();
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
  if (pattern.isBitmap()) {
    int64_t numKept = weight.values.getType().getNumElements();
    std::optional<uint64_t> found =
        expandBitmap(bits, product(type.getShape()), weight.values.bytes().data(), numKept,
                     pattern.positions.bytes().data(), static_cast<uint64_t>(pattern.fill),
                     dense->mutableBytes().data());
    if (found)
      return emitError() << "the bitmap keeps " << *found << " elements, but there are " << numKept
                         << " codes";
    return dense;
  }
  std::optional<uint64_t> fault = expandNM(
      pattern.nm, getAxisView(type.getShape(), pattern.axis), bits, weight.values.bytes().data(),
      pattern.positions.bytes().data(), weight.values.getType().getShape().back(),
      static_cast<uint64_t>(pattern.fill), dense->mutableBytes().data());
  if (fault)
    return emitError() << "position " << *fault << " of the " << pattern.nm.n << ":" << pattern.nm.m
                       << " pattern is outside of its group or not larger than "
                          "the one before";
  return dense;
}

LogicalResult mlir::compress::expandPattern(WeightStore &store, EncodedWeight &weight,
                                            EmitErrorFn emitError) {
  FailureOr<StoredTensor> dense = expandValues(store, weight, emitError);
  if (failed(dense))
    return failure();
  EncodedWeight::Pattern &pattern = *weight.pattern;
  const char *positions = pattern.positions.bytes().data();
  pattern.mask.resize(product(weight.type.getShape()));
  // The positions were checked while the values were expanded.
  if (pattern.isBitmap())
    unpackMask(positions, pattern.mask.size(), pattern.mask.data());
  else
    expandNMMask(pattern.nm, getAxisView(weight.type.getShape(), pattern.axis), positions,
                 weight.values.getType().getShape().back(), pattern.mask.data());
  weight.values = std::move(*dense);
  pattern.positions = StoredTensor();
  return success();
}

/// Types of the kept values of a dense pattern, and of their positions.
static std::pair<RankedTensorType, RankedTensorType> getCompactTypes(const EncodedWeight &weight) {
  const EncodedWeight::Pattern &pattern = *weight.pattern;
  Type element = weight.values.getType().getElementType();
  Type byte = IntegerType::get(element.getContext(), 8);
  if (pattern.isBitmap()) {
    const std::vector<uint8_t> &mask = pattern.mask;
    auto kept = static_cast<int64_t>(countKeptOfMask(mask.data(), mask.size()));
    return {RankedTensorType::get(kept, element),
            RankedTensorType::get(static_cast<int64_t>(getBitmapBytes(mask.size())), byte)};
  }
  SmallVector<int64_t> shape(weight.type.getShape());
  shape[pattern.axis] = getCompactLength(pattern.nm, shape[pattern.axis]);
  SmallVector<int64_t> positionShape(shape);
  positionShape.back() = getPositionRowBytes(pattern.nm, shape.back());
  return {RankedTensorType::get(shape, element), RankedTensorType::get(positionShape, byte)};
}

FailureOr<bool> mlir::compress::compactPattern(WeightStore &store, EncodedWeight &weight,
                                               EmitErrorFn emitError) {
  if (!explainDenseStorage(weight).empty()) {
    weight.pattern.reset();
    return false;
  }
  EncodedWeight::Pattern &pattern = *weight.pattern;
  auto [keptType, positionType] = getCompactTypes(weight);
  FailureOr<StoredTensor> kept = StoredTensor::allocate(store, keptType, emitError);
  FailureOr<StoredTensor> positions = StoredTensor::allocate(store, positionType, emitError);
  if (failed(kept) || failed(positions))
    return failure();
  unsigned bits = getStorageBitWidth(weight.values.getDataType());
  const char *values = weight.values.bytes().data();
  const std::vector<uint8_t> &mask = pattern.mask;
  if (pattern.isBitmap()) {
    compactBitmap(bits, mask.size(), values, mask.data(), keptType.getNumElements(),
                  kept->mutableBytes().data());
    packMask(mask.data(), mask.size(), positions->mutableBytes().data());
  } else if (std::optional<uint64_t> fault =
                 compactNM(pattern.nm, getAxisView(weight.type.getShape(), pattern.axis), bits,
                           values, mask.data(), keptType.getShape().back(),
                           kept->mutableBytes().data(), positions->mutableBytes().data())) {
    return emitError() << "internal error: the mask of element " << *fault
                       << " does not have the pattern";
  }
  weight.values = std::move(*kept);
  pattern.positions = std::move(*positions);
  pattern.fill = *getZeroCode(weight);
  std::vector<uint8_t>().swap(pattern.mask);
  return true;
}

/// Takes the elements whose byte is 0 out of the mask of a weight whose codes
/// cannot be zero.
static LogicalResult addToMask(WeightStore &store, EncodedWeight &weight, ArrayRef<uint8_t> mask,
                               EmitErrorFn emitError) {
  auto type =
      RankedTensorType::get(weight.type.getShape(), IntegerType::get(weight.type.getContext(), 1));
  FailureOr<StoredTensor> result = StoredTensor::allocate(store, type, emitError);
  if (failed(result))
    return failure();
  MutableArrayRef<char> bytes = result->mutableBytes();
  for (uint64_t i = 0; i < mask.size(); ++i)
    bytes[i] = mask[i] && (!weight.mask || weight.mask->bytes()[i]);
  weight.mask = std::move(*result);
  return success();
}

LogicalResult mlir::compress::applyDenseMask(WeightStore &store, EncodedWeight &weight,
                                             ArrayRef<uint8_t> mask, EmitErrorFn emitError) {
  assert((!weight.pattern || weight.pattern->isDense()) && "values are not dense");
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  std::optional<int64_t> zero = getZeroCode(weight);
  if (!zero && zeroPoints.empty())
    return addToMask(store, weight, mask, emitError);
  FailureOr<StoredTensor> result =
      StoredTensor::allocate(store, weight.values.getType(), emitError);
  if (failed(result))
    return failure();
  uint64_t count = mask.size();
  const char *from = weight.values.bytes().data();
  char *to = result->mutableBytes().data();
  DataType type = weight.values.getDataType();
  unsigned bits = getStorageBitWidth(type);
  if (!weight.hasCodes() && bits >= 8) {
    applyMask(from, bits / 8, count, mask.data(), to);
  } else if (zero) {
    applyMaskToCodes(from, bits, count, mask.data(), static_cast<uint8_t>(*zero), to);
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

/// Bytes of the stored tensors below `value`.
static uint64_t countStoredBytes(Value value) {
  uint64_t bytes = 0;
  for (WeightSourceOpInterface source : getStoredSources(value))
    if (auto type = dyn_cast<RankedTensorType>(source->getResult(0).getType()))
      if (FailureOr<uint64_t> size = WeightStore::getStorageBytes(type); succeeded(size))
        bytes += *size;
  return bytes;
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
  auto readPattern = [&](EncodedWeight::Pattern::Kind kind, Value positions, int64_t fill) {
    FailureOr<StoredTensor> bytes = read(positions);
    if (failed(bytes))
      return failure();
    weight.pattern.emplace();
    weight.pattern->kind = kind;
    weight.pattern->fill = fill;
    weight.pattern->positions = std::move(*bytes);
    return success();
  };
  if (auto expand = chain.getLink<ExpandNMOp>()) {
    if (failed(readPattern(EncodedWeight::Pattern::Kind::NM, expand.getPositions(),
                           static_cast<int64_t>(expand.getFill()))))
      return failure();
    weight.pattern->nm = {static_cast<unsigned>(expand.getN()),
                          static_cast<unsigned>(expand.getM())};
    weight.pattern->axis = expand.getAxis();
  }
  if (auto expand = chain.getLink<ExpandBitmapOp>())
    if (failed(readPattern(EncodedWeight::Pattern::Kind::Bitmap, expand.getBitmap(),
                           static_cast<int64_t>(expand.getFill()))))
      return failure();
  auto readScales = [&](Value scale, Value zeroPoint,
                        std::optional<ArrayRef<int64_t>> block) -> LogicalResult {
    weight.scales.emplace();
    weight.scales->block = SmallVector<int64_t>(block.value_or(ArrayRef<int64_t>()));
    bool isDirect = bool(getSource(scale));
    FailureOr<StoredTensor> values =
        isDirect ? read(scale) : evaluateStored(store, scale, emitError);
    if (failed(values))
      return failure();
    weight.scales->scale = std::move(*values);
    if (!isDirect)
      weight.scales->storage = ScaleExpression{scale, countStoredBytes(scale)};
    if (!zeroPoint)
      return success();
    FailureOr<StoredTensor> zeros = read(zeroPoint);
    if (failed(zeros))
      return failure();
    weight.scales->zeroPoint = std::move(*zeros);
    return success();
  };
  if (auto dequantize = chain.getLink<DequantizeOp>())
    if (failed(readScales(dequantize.getScale(), dequantize.getZeroPoint(), dequantize.getBlock())))
      return failure();
  if (auto lookup = chain.getLink<LookupOp>())
    if (failed(readTable(store, lookup, weight, emitError)) ||
        (lookup.getScale() && failed(readScales(lookup.getScale(), Value(), lookup.getBlock()))))
      return failure();
  if (auto lookup = chain.getLink<LookupVectorsOp>())
    if (failed(readVectors(store, lookup, weight, emitError)) ||
        (lookup.getScale() && failed(readScales(lookup.getScale(), Value(), lookup.getBlock()))))
      return failure();
  if (auto mask = chain.getLink<MaskOp>()) {
    FailureOr<StoredTensor> bytes = read(mask.getMask());
    if (failed(bytes))
      return failure();
    std::vector<uint8_t> dense =
        broadcastMask(weight.type.getShape(), bytes->getType(), bytes->bytes());
    // A mask takes elements away from the pattern: what is left of N:M has no
    // pattern of its own, what is left of a bitmap has another bitmap.
    std::optional<EncodedWeight::Pattern> pattern;
    if (weight.pattern) {
      if (failed(expandPattern(store, weight, emitError)))
        return failure();
      if (weight.pattern->isBitmap())
        pattern = std::move(*weight.pattern);
      weight.pattern.reset();
    }
    if (failed(applyDenseMask(store, weight, dense, emitError)))
      return failure();
    if (pattern) {
      for (auto [kept, keptNow] : llvm::zip(pattern->mask, dense))
        kept &= keptNow;
      weight.pattern = std::move(pattern);
      if (failed(compactPattern(store, weight, emitError)))
        return failure();
    }
  }
  return weight;
}
