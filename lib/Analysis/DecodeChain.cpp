//===- DecodeChain.cpp - dense values of a decode chain -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeTables.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Support/NumericFormats.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace mlir::compress;
using reference::Tensor;

//===----------------------------------------------------------------------===//
// Executable semantics
//===----------------------------------------------------------------------===//

static FailureOr<StoredTensor> decodeNormalForm(WeightStore &store, const WeightChain &chain,
                                                EmitErrorFn emitError);

static llvm::Expected<Tensor> toTensor(FailureOr<StoredTensor> stored) {
  if (failed(stored))
    return reference::makeError("its bytes cannot be read");
  return Tensor::fromPacked(stored->getDataType(), stored->getType().getShape(), stored->bytes());
}

/// Value of `value` by the executable semantics of the ops that make it; by the algorithms where
/// they know the form. `root` is left to the semantics.
static llvm::Expected<Tensor> evaluate(WeightStore &store, Value value, EmitErrorFn emitError,
                                       bool isRoot = false) {
  Operation *def = value.getDefiningOp();
  if (!def)
    return reference::makeError("a link of the chain is a block argument");
  if (auto source = dyn_cast<WeightSourceOpInterface>(def))
    return toTensor(StoredTensor::read(store, source, emitError));
  if (isa<DecodeOpInterface>(def) && !isRoot) {
    FailureOr<WeightChain> chain = getWeightChain(value);
    if (succeeded(chain) && explainUnsupported(*chain).empty())
      return toTensor(decodeNormalForm(store, *chain, emitError));
  }
  auto semantics = dyn_cast<ReferenceOpInterface>(def);
  if (!semantics)
    return reference::makeError("'" + def->getName().getStringRef() +
                                "' has no executable semantics");
  SmallVector<Tensor> operands;
  for (Value operand : def->getOperands()) {
    llvm::Expected<Tensor> tensor = evaluate(store, operand, emitError);
    if (!tensor)
      return tensor.takeError();
    operands.push_back(std::move(*tensor));
  }
  llvm::Expected<SmallVector<Tensor>> results = semantics.evaluate(operands);
  if (!results)
    return results.takeError();
  return (*results)[cast<OpResult>(value).getResultNumber()];
}

/// The elements of `value` as a stored tensor.
static FailureOr<StoredTensor> store(WeightStore &store, const Tensor &value, RankedTensorType type,
                                     EmitErrorFn emitError) {
  FailureOr<StoredTensor> result = StoredTensor::allocate(store, type, emitError);
  if (failed(result))
    return failure();
  llvm::Expected<SmallVector<char, 0>> packed = value.toPacked();
  if (!packed)
    return emitError() << "cannot decode weight: " << llvm::toString(packed.takeError());
  if (packed->size() != result->bytes().size())
    return emitError() << "cannot decode weight: its value has " << packed->size()
                       << " bytes, expects " << result->bytes().size();
  llvm::copy(*packed, result->mutableBytes().begin());
  return result;
}

FailureOr<StoredTensor> mlir::compress::evaluateStored(WeightStore &weights, Value value,
                                                       EmitErrorFn emitError) {
  llvm::Expected<Tensor> tensor = evaluate(weights, value, emitError);
  if (!tensor)
    return emitError() << "cannot compute scales: " << llvm::toString(tensor.takeError());
  return store(weights, *tensor, cast<RankedTensorType>(value.getType()), emitError);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Value of every code: of the table, or of small floats and integers themselves.
template <typename T>
static std::array<T, 256> getCodeValues(const EncodedWeight &weight) {
  std::array<T, 256> values{};
  DataType type = weight.values.getDataType();
  if (weight.table) {
    std::vector<double> entries = toDoubles(*weight.table);
    for (size_t code = 0; code < std::min<size_t>(256, entries.size()); ++code)
      values[code] = static_cast<T>(entries[code]);
    return values;
  }
  for (unsigned code = 0; code < 1u << getBitWidth(type); ++code)
    values[code] = static_cast<T>(decodeFloat(type, code));
  return values;
}

static void write(DataType type, char *to, uint64_t index, double value) {
  unsigned bytes = getStorageBitWidth(type) / 8;
  uint64_t bits = encodeFloat(type, value);
  std::memcpy(to + index * bytes, &bits, bytes);
}

namespace {
/// Elements that are the value of a code, times a scale of the block.
template <typename T>
class TableDecoder {
public:
  TableDecoder(const EncodedWeight &weight, const StoredTensor &codes, StoredTensor &result)
      : values(getCodeValues<T>(weight)), codes(codes), result(result.mutableBytes().data()),
        resultType(result.getDataType()) {
    ArrayRef<int64_t> block;
    if (weight.scales) {
      block = weight.scales->block;
      scales = toDoubles(weight.scales->scale);
    } else {
      scales = {1};
    }
    std::tie(view, group) = *getBlockView(weight.type.getShape(), block);
  }

  void decode() {
    uint64_t groups = view.getNumGroups(group);
    // Rows are along K, or, where elements side by side have scales of their own, along them.
    uint64_t rows = view.inner == 1 ? view.outer : view.outer * view.k;
    uint64_t length = view.inner == 1 ? view.k : view.inner;
    for (uint64_t row = 0; row < rows; ++row) {
      uint64_t first = view.inner == 1
                           ? row * groups
                           : (row / view.k * groups + row % view.k / group) * view.inner;
      for (uint64_t begin = 0; begin < length; begin += kTile)
        decodeTile(row * length + begin, begin, std::min(kTile, length - begin),
                   scales.data() + first);
    }
  }

private:
  static constexpr uint64_t kTile = 4096;

  /// `count` elements from `index` on, which are those from `begin` on of their row.
  void decodeTile(uint64_t index, uint64_t begin, uint64_t count, const double *scale) {
    DataType type = codes.getDataType();
    unpackCodes(reinterpret_cast<const uint8_t *>(codes.bytes().data()), index, count,
                getStorageBitWidth(type), /*isSigned=*/false, tile);
    if (type == DataType::Bool)
      for (uint64_t i = 0; i < count; ++i)
        tile[i] = tile[i] != 0;
    if (view.inner != 1) {
      for (uint64_t i = 0; i < count; ++i)
        products[i] = values[tile[i]] * static_cast<T>(scale[begin + i]);
    } else {
      for (uint64_t i = 0; i < count;) {
        uint64_t block = (begin + i) / group, end = std::min(count, (block + 1) * group - begin);
        for (T factor = static_cast<T>(scale[block]); i < end; ++i)
          products[i] = values[tile[i]] * factor;
      }
    }
    if (getStorageBitWidth(resultType) == 8 * sizeof(T)) {
      std::memcpy(result + index * sizeof(T), products, count * sizeof(T));
      return;
    }
    for (uint64_t i = 0; i < count; ++i)
      write(resultType, result, index + i, products[i]);
  }

  std::array<T, 256> values;
  const StoredTensor &codes;
  char *result;
  DataType resultType;
  BlockView view;
  uint64_t group = 1;
  std::vector<double> scales;
  uint8_t tile[kTile];
  T products[kTile];
};
} // namespace

template <typename T>
static void decodeByTable(const EncodedWeight &weight, const StoredTensor &codes,
                          StoredTensor &result) {
  std::make_unique<TableDecoder<T>>(weight, codes, result)->decode();
}

//===----------------------------------------------------------------------===//
// Floats of another type
//===----------------------------------------------------------------------===//

/// f16 as f32, exactly: the exponent is moved by a product, so that small numbers are right too.
static float widenF16(uint16_t half) {
  uint32_t magnitude = static_cast<uint32_t>(half & 0x7fff) << 13;
  float value = llvm::bit_cast<float>(magnitude) * 0x1p112f;
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  bits = (half & 0x7c00) == 0x7c00 ? magnitude | 0x7f800000 : bits;
  return llvm::bit_cast<float>(bits | static_cast<uint32_t>(half & 0x8000) << 16);
}

/// Converts floats, each rounded to the type of `to`.
static void convertFloats(const StoredTensor &from, StoredTensor &to) {
  int64_t count = from.getType().getNumElements();
  const char *source = from.bytes().data();
  char *result = to.mutableBytes().data();
  bool isF16 = from.getDataType() == DataType::F16;
  if (to.getDataType() == DataType::F32 && (isF16 || from.getDataType() == DataType::BF16)) {
    for (int64_t i = 0; i < count; ++i) {
      uint16_t half;
      std::memcpy(&half, source + 2 * i, 2);
      float value =
          isF16 ? widenF16(half) : llvm::bit_cast<float>(static_cast<uint32_t>(half) << 16);
      std::memcpy(result + 4 * i, &value, 4);
    }
    return;
  }
  for (auto [i, value] : llvm::enumerate(toDoubles(from)))
    write(to.getDataType(), result, i, value);
}

LogicalResult mlir::compress::widenValues(WeightStore &store, EncodedWeight &weight,
                                          EmitErrorFn emitError) {
  if (!weight.isCast())
    return success();
  FailureOr<StoredTensor> wide = StoredTensor::allocate(
      store, weight.values.getType().clone(weight.type.getElementType()), emitError);
  if (failed(wide))
    return failure();
  convertFloats(weight.values, *wide);
  weight.values = std::move(*wide);
  return success();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

FailureOr<StoredTensor> mlir::compress::decodeWeight(WeightStore &store,
                                                     const EncodedWeight &weight,
                                                     EmitErrorFn emitError) {
  FailureOr<StoredTensor> expanded = StoredTensor();
  bool isExpanded = weight.pattern && !weight.pattern->isDense();
  if (isExpanded)
    expanded = expandValues(store, weight, emitError);
  FailureOr<StoredTensor> result = StoredTensor::allocate(store, weight.type, emitError);
  if (failed(expanded) || failed(result))
    return failure();
  const StoredTensor &values = isExpanded ? *expanded : weight.values;
  if (weight.isCast()) {
    convertFloats(values, *result);
  } else if (!weight.hasCodes()) {
    llvm::copy(values.bytes(), result->mutableBytes().begin());
  } else if (weight.vectors) {
    if (failed(decodeVectors(weight, *result, emitError)))
      return failure();
  } else if (!weight.tableBlock.empty()) {
    decodeBlockTables(weight, values, *result);
  } else if (FailureOr<QuantizedTensor> tensor = getQuantizedTensor(weight, values);
             succeeded(tensor)) {
    dequantizeUniform(*tensor, result->getDataType(), result->mutableBytes().data());
  } else if (result->getDataType() == DataType::F64) {
    decodeByTable<double>(weight, values, *result);
  } else {
    decodeByTable<float>(weight, values, *result);
  }
  if (weight.mask) {
    unsigned bytes = getStorageBitWidth(result->getDataType()) / 8;
    for (auto [i, kept] : llvm::enumerate(weight.mask->bytes()))
      if (!kept)
        std::memset(result->mutableBytes().data() + i * bytes, 0, bytes);
  }
  return result;
}

static FailureOr<StoredTensor> decodeNormalForm(WeightStore &store, const WeightChain &chain,
                                                EmitErrorFn emitError) {
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, chain, emitError);
  if (failed(weight))
    return failure();
  if (!weight->hasCodes() && !weight->isCast() && !weight->pattern && !weight->mask)
    return std::move(weight->values);
  return decodeWeight(store, *weight, emitError);
}

FailureOr<StoredTensor> mlir::compress::decodeChain(WeightStore &weights, const WeightChain &chain,
                                                    EmitErrorFn emitError) {
  if (explainUnsupported(chain).empty())
    return decodeNormalForm(weights, chain, emitError);
  llvm::Expected<Tensor> value = evaluate(weights, chain.root, emitError, /*isRoot=*/true);
  if (!value)
    return emitError() << "cannot decode weight '" << chain.getSourceName()
                       << "': " << llvm::toString(value.takeError());
  return store(weights, *value, chain.getType(), emitError);
}
