//===- CodeTables.cpp - codes that stand for entries of several tables -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeTables.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Support/NumericFormats.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static WeightSourceOpInterface getSource(Value value) {
  return value.getDefiningOp<WeightSourceOpInterface>();
}

std::string compress::explainTable(LookupOp op) {
  if (!getSource(op.getTable()))
    return "its table is not constant";
  if (!isa<FloatType>(op.getTable().getType().getElementType()))
    return "its table has no floats";
  if (failed(getBlockView(op.getResult().getType().getShape(),
                          op.getTableBlock().value_or(ArrayRef<int64_t>()))))
    return "its tables are blocked along several dims";
  return "";
}

std::string compress::explainVectors(LookupVectorsOp op) {
  if (!getSource(op.getTables()))
    return "its tables are not constant";
  if (!getSource(op.getCodes()))
    return "its codes of vectors are not stored as they are";
  if (op.getScale() && !isStoredExpression(op.getScale()))
    return "its scales are not constant";
  RankedTensorType type = op.getResult().getType();
  std::optional<DataType> codes = getDataType(op.getCodes().getType().getElementType());
  if (!codes || getBitWidth(*codes) > 16)
    return "its codes have more than 16 bits";
  if (cast<FloatType>(type.getElementType()).getWidth() < 16)
    return "its values have fewer than 16 bits";
  if (failed(getBlockView(type.getShape(), op.getBlock().value_or(ArrayRef<int64_t>()))))
    return "its scales are blocked along several dims";
  return "";
}

LogicalResult compress::readTable(WeightStore &store, LookupOp op, EncodedWeight &weight,
                                  EmitErrorFn emitError) {
  FailureOr<StoredTensor> table = StoredTensor::read(store, getSource(op.getTable()), emitError);
  if (failed(table))
    return failure();
  weight.table = std::move(*table);
  weight.tableBlock = SmallVector<int64_t>(op.getTableBlock().value_or(ArrayRef<int64_t>()));
  return success();
}

LogicalResult compress::readVectors(WeightStore &store, LookupVectorsOp op, EncodedWeight &weight,
                                    EmitErrorFn emitError) {
  FailureOr<StoredTensor> tables = StoredTensor::read(store, getSource(op.getTables()), emitError);
  if (failed(tables))
    return failure();
  weight.vectors = EncodedWeight::Vectors{std::move(*tables), static_cast<int64_t>(op.getAxis())};
  return success();
}

std::optional<int64_t> compress::getZeroCodeOfTables(const EncodedWeight &weight) {
  std::vector<double> values = toDoubles(*weight.table);
  auto entries = static_cast<uint64_t>(weight.table->getType().getShape().back());
  uint64_t count =
      std::min<uint64_t>(entries, uint64_t(1) << getBitWidth(weight.values.getDataType()));
  for (uint64_t code = 0; code < count; ++code) {
    bool isZero = true;
    for (uint64_t at = code; at < values.size() && isZero; at += entries)
      isZero = values[at] == 0;
    if (isZero)
      return static_cast<int64_t>(code);
  }
  return std::nullopt;
}

/// The dense integer codes of a tensor, as their bit patterns. Of at most 16 bits.
static std::vector<uint16_t> getCodes(const StoredTensor &codes) {
  std::vector<uint16_t> result(codes.getType().getNumElements());
  DataType type = codes.getDataType();
  if (unsigned bits = getStorageBitWidth(type); bits > 8) {
    if (!result.empty())
      std::memcpy(result.data(), codes.bytes().data(), result.size() * 2);
    return result;
  }
  const auto *packed = reinterpret_cast<const uint8_t *>(codes.bytes().data());
  std::vector<uint8_t> bytes(result.size());
  unsigned mask = (1u << getBitWidth(type)) - 1;
  unpackCodes(packed, 0, bytes.size(), getStorageBitWidth(type), /*isSigned=*/false, bytes.data());
  for (auto [code, byte] : llvm::zip(result, bytes))
    code = type == DataType::Bool ? byte != 0 : byte & mask;
  return result;
}

std::optional<uint64_t> compress::findCodeWithoutEntry(const EncodedWeight &weight) {
  auto entries = static_cast<uint64_t>(weight.vectors->tables.getType().getDimSize(2));
  if (entries >= uint64_t(1) << getBitWidth(weight.values.getDataType()))
    return std::nullopt;
  std::vector<uint16_t> codes = getCodes(weight.values);
  auto wrong = llvm::find_if(codes, [&](uint16_t code) { return code >= entries; });
  if (wrong == codes.end())
    return std::nullopt;
  return wrong - codes.begin();
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// Calls `fn(element, block)` for all elements of a tensor, in order.
template <typename Fn>
static void forEachElement(ArrayRef<int64_t> shape, ArrayRef<int64_t> block, Fn fn) {
  auto [view, group] = *getBlockView(shape, block);
  uint64_t groups = view.getNumGroups(group), element = 0;
  for (uint64_t outer = 0; outer < view.outer; ++outer)
    for (uint64_t k = 0; k < view.k; ++k) {
      uint64_t first = (outer * groups + k / group) * view.inner;
      for (uint64_t inner = 0; inner < view.inner; ++inner)
        fn(element++, first + inner);
    }
}

template <typename T>
static std::vector<T> getNumbers(const StoredTensor &tensor) {
  std::vector<double> values = toDoubles(tensor);
  return std::vector<T>(values.begin(), values.end());
}

/// Computes the elements of `result` with `compute(values)` in `T`, multiplies them with the scales
/// of `weight`, if it has scales, and rounds.
template <typename T, typename Fn>
static void computeScaled(const EncodedWeight &weight, StoredTensor &result, Fn compute) {
  DataType type = result.getDataType();
  auto count = static_cast<size_t>(result.getType().getNumElements());
  // Where elements are of type T, the result itself is what is computed with.
  std::vector<T> buffer;
  bool isInPlace = getStorageBitWidth(type) == 8 * sizeof(T);
  if (!isInPlace)
    buffer.resize(count);
  T *values = isInPlace ? reinterpret_cast<T *>(result.mutableBytes().data()) : buffer.data();
  compute(values);
  if (weight.scales) {
    std::vector<T> scales = getNumbers<T>(weight.scales->scale);
    forEachElement(weight.type.getShape(), weight.scales->block,
                   [&](uint64_t element, uint64_t block) { values[element] *= scales[block]; });
  }
  unsigned bytes = getStorageBitWidth(type) / 8;
  for (size_t i = 0; i < count && !isInPlace; ++i) {
    uint64_t bits = encodeFloat(type, values[i]);
    std::memcpy(result.mutableBytes().data() + i * bytes, &bits, bytes);
  }
}

template <typename T>
static void decodeBlockTablesAs(const EncodedWeight &weight, const StoredTensor &codes,
                                StoredTensor &result) {
  std::vector<uint16_t> numbers = getCodes(codes);
  std::vector<T> entries = getNumbers<T>(*weight.table);
  auto size = static_cast<uint64_t>(weight.table->getType().getShape().back());
  computeScaled<T>(weight, result, [&](T *values) {
    forEachElement(weight.type.getShape(), weight.tableBlock,
                   [&](uint64_t element, uint64_t block) {
                     values[element] = entries[block * size + numbers[element]];
                   });
  });
}

void compress::decodeBlockTables(const EncodedWeight &weight, const StoredTensor &codes,
                                 StoredTensor &result) {
  if (result.getDataType() == DataType::F64)
    decodeBlockTablesAs<double>(weight, codes, result);
  else
    decodeBlockTablesAs<float>(weight, codes, result);
}

template <typename T>
static void decodeVectorsAs(const EncodedWeight &weight, StoredTensor &result) {
  ArrayRef<int64_t> shape = weight.vectors->tables.getType().getShape();
  auto books = static_cast<uint64_t>(shape[1]), size = static_cast<uint64_t>(shape[2]);
  auto dim = static_cast<uint64_t>(shape[3]);
  std::vector<uint16_t> codes = getCodes(weight.values);
  std::vector<T> entries = getNumbers<T>(weight.vectors->tables);
  BlockView view = getAxisView(weight.type.getShape(), weight.vectors->axis);
  uint64_t numVectors = view.getNumGroups(dim);
  auto decode = [&](T *values, uint64_t outer, uint64_t vector, uint64_t inner) {
    const uint16_t *code =
        codes.data() + ((outer * numVectors + vector) * view.inner + inner) * books;
    uint64_t space = shape[0] > 1 ? vector : 0;
    uint64_t first = vector * dim, last = std::min(view.k, first + dim);
    for (uint64_t k = first; k < last; ++k) {
      T sum = 0;
      for (uint64_t book = 0; book < books; ++book) {
        T entry = entries[((space * books + book) * size + code[book]) * dim + k - first];
        sum = book == 0 ? entry : sum + entry;
      }
      values[(outer * view.k + k) * view.inner + inner] = sum;
    }
  };
  computeScaled<T>(weight, result, [&](T *values) {
    for (uint64_t outer = 0; outer < view.outer; ++outer)
      for (uint64_t vector = 0; vector < numVectors; ++vector)
        for (uint64_t inner = 0; inner < view.inner; ++inner)
          decode(values, outer, vector, inner);
  });
}

LogicalResult compress::decodeVectors(const EncodedWeight &weight, StoredTensor &result,
                                      EmitErrorFn emitError) {
  if (std::optional<uint64_t> wrong = findCodeWithoutEntry(weight))
    return emitError() << "code " << *wrong << " is outside tables of "
                       << weight.vectors->tables.getType().getDimSize(2) << " entries";
  if (result.getDataType() == DataType::F64)
    decodeVectorsAs<double>(weight, result);
  else
    decodeVectorsAs<float>(weight, result);
  return success();
}
