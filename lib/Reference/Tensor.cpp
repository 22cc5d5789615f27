//===- Tensor.cpp - strided tensors of the reference semantics ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/Tensor.h"
#include "compress/Support/NumericFormats.h"

#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <bit>
#include <cassert>
#include <cstdlib>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::Twine;

static_assert(std::endian::native == std::endian::little,
              "slots are copied to little-endian storage as they are");

llvm::Error reference::makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

std::string reference::shapeToString(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Expected<int64_t> reference::countElements(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  bool hasZero = false, overflow = false;
  for (int64_t dim : shape) {
    if (dim < 0)
      return makeError("expected non-negative dimensions, found shape " + shapeToString(shape));
    hasZero |= dim == 0;
    overflow |= llvm::MulOverflow(count, dim == 0 ? int64_t(1) : dim, count);
  }
  if (hasZero)
    return 0;
  if (overflow)
    return makeError("the number of elements of shape " + shapeToString(shape) +
                     " exceeds 63 bits");
  return count;
}

Expected<int64_t> reference::normalizeAxis(int64_t axis, int64_t rank, llvm::StringRef what) {
  if (axis < -rank || axis >= rank)
    return makeError(what + " " + Twine(axis) + " is out of range for rank " + Twine(rank));
  return axis < 0 ? axis + rank : axis;
}

Expected<SmallVector<int64_t>> reference::broadcastShapes(ArrayRef<int64_t> a,
                                                          ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  SmallVector<int64_t> result(a);
  size_t lead = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t x = a[lead + i], y = b[i];
    if (x != y && x != 1 && y != 1)
      return makeError("shapes " + shapeToString(a) + " and " + shapeToString(b) +
                       " do not broadcast");
    result[lead + i] = x == 1 ? y : x;
  }
  return result;
}

unsigned reference::getSlotBytes(DataType type) {
  if (type == DataType::String)
    return sizeof(uint32_t);
  return std::max(1u, getBitWidth(type) / 8);
}

/// Row-major strides; dims of size zero count as one.
static SmallVector<int64_t> getRowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  uint64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(std::max<int64_t>(shape[i], 1));
  }
  return strides;
}

Tensor::Storage::~Storage() { std::free(bytes); }

Tensor::Tensor() : shape({0}), strides({1}), storage(std::make_shared<Storage>()) {}

Expected<Tensor> Tensor::create(DataType type, ArrayRef<int64_t> shape, uint64_t maxBytes) {
  Expected<int64_t> count = countElements(shape);
  if (!count)
    return count.takeError();
  uint64_t slotBytes = getSlotBytes(type);
  // A string takes more than its slot.
  uint64_t cost = type == DataType::String ? sizeof(std::string) : slotBytes;
  if (static_cast<uint64_t>(*count) > maxBytes / cost)
    return makeError("a tensor of shape " + shapeToString(shape) + " and type " + getName(type) +
                     " exceeds the limit of " + Twine(maxBytes) + " bytes");
  Tensor result;
  result.type = type;
  result.shape.assign(shape.begin(), shape.end());
  result.strides = getRowMajorStrides(shape);
  result.numElements = *count;
  if (*count == 0)
    return result;
  if (type == DataType::String) {
    result.storage->strings.resize(*count);
    return result;
  }
  result.storage->bytes = static_cast<char *>(std::calloc(*count, slotBytes));
  if (!result.storage->bytes)
    return makeError("out of memory for a tensor of shape " + shapeToString(shape) + " and type " +
                     getName(type));
  return result;
}

Expected<Tensor> Tensor::fromPacked(DataType type, ArrayRef<int64_t> shape, ArrayRef<char> bytes) {
  if (type == DataType::String)
    return makeError("expected a numeric type, found string");
  Expected<Tensor> result = create(type, shape);
  if (!result)
    return result;
  uint64_t count = static_cast<uint64_t>(result->numElements);
  std::optional<uint64_t> size = getStorageBytes(type, count);
  if (!size || *size != bytes.size())
    return makeError("a tensor of shape " + shapeToString(shape) + " and type " + getName(type) +
                     " takes " + Twine(size.value_or(0)) + " bytes, found " + Twine(bytes.size()));
  if (count == 0)
    return result;
  char *data = result->storage->bytes;
  if (type == DataType::Bool || getBitWidth(type) < 8) {
    for (uint64_t i = 0; i < count; ++i)
      data[i] = static_cast<char>(readPacked(type, bytes, i));
    return result;
  }
  std::memcpy(data, bytes.data(), bytes.size());
  return result;
}

/// Error when a list of values has not one per element.
static llvm::Error checkValueCount(ArrayRef<int64_t> shape, int64_t expected, size_t found) {
  if (static_cast<size_t>(expected) == found)
    return llvm::Error::success();
  return makeError("a tensor of shape " + shapeToString(shape) + " has " + Twine(expected) +
                   " elements, found " + Twine(found) + " values");
}

Expected<Tensor> Tensor::fromFloats(DataType type, ArrayRef<int64_t> shape,
                                    ArrayRef<double> values) {
  Expected<Tensor> result = create(type, shape);
  if (!result)
    return result;
  if (llvm::Error error = checkValueCount(shape, result->numElements, values.size()))
    return std::move(error);
  for (size_t i = 0; i < values.size(); ++i)
    result->storeFloat(i, values[i]);
  return result;
}

Expected<Tensor> Tensor::fromInts(DataType type, ArrayRef<int64_t> shape,
                                  ArrayRef<int64_t> values) {
  Expected<Tensor> result = create(type, shape);
  if (!result)
    return result;
  if (llvm::Error error = checkValueCount(shape, result->numElements, values.size()))
    return std::move(error);
  for (size_t i = 0; i < values.size(); ++i)
    result->storeInt(i, values[i]);
  return result;
}

Expected<Tensor> Tensor::fromStrings(ArrayRef<int64_t> shape, ArrayRef<std::string> values) {
  Expected<Tensor> result = create(DataType::String, shape);
  if (!result)
    return result;
  if (llvm::Error error = checkValueCount(shape, result->numElements, values.size()))
    return std::move(error);
  for (size_t i = 0; i < values.size(); ++i)
    result->storeString(i, values[i]);
  return result;
}

Tensor Tensor::scalar(DataType type, double value) {
  Tensor result = llvm::cantFail(create(type, {}));
  result.storeFloat(0, value);
  return result;
}

Tensor Tensor::scalarInt(DataType type, int64_t value) {
  Tensor result = llvm::cantFail(create(type, {}));
  result.storeInt(0, value);
  return result;
}

bool Tensor::isContiguous() const {
  if (numElements == 0)
    return true;
  int64_t expected = 1;
  for (int64_t i = getRank(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected)
      return false;
    expected *= shape[i];
  }
  return true;
}

int64_t Tensor::getSlot(ArrayRef<int64_t> index) const {
  assert(index.size() == shape.size() && "one index per axis");
  int64_t slot = offset;
  for (size_t i = 0; i < index.size(); ++i) {
    assert(index[i] >= 0 && index[i] < shape[i] && "index out of range");
    slot += index[i] * strides[i];
  }
  return slot;
}

llvm::StringRef Tensor::getString(ArrayRef<int64_t> index) const {
  return loadString(getSlot(index));
}

void Tensor::setString(ArrayRef<int64_t> index, llvm::StringRef value) {
  storeString(getSlot(index), value);
}

llvm::StringRef Tensor::loadString(int64_t slot) const {
  return type == DataType::String ? llvm::StringRef(storage->strings[slot]) : llvm::StringRef();
}

void Tensor::storeString(int64_t slot, llvm::StringRef value) {
  if (type == DataType::String)
    storage->strings[slot] = value.str();
}

double Tensor::loadFloatSlow(int64_t slot) const {
  switch (type) {
  case DataType::F64:
    return readAs<double>(slot);
  case DataType::F32:
    return readAs<float>(slot);
  case DataType::Complex64:
    return readAs<std::array<float, 2>>(slot)[0];
  case DataType::Complex128:
    return readAs<std::array<double, 2>>(slot)[0];
  case DataType::U64:
    return static_cast<double>(readAs<uint64_t>(slot));
  case DataType::String:
    return 0;
  default:
    break;
  }
  if (isFloat(type))
    return decodeFloat(type, loadBits(slot));
  return static_cast<double>(loadInt(slot));
}

int64_t Tensor::loadIntSlow(int64_t slot) const {
  switch (type) {
  case DataType::I64:
  case DataType::U64:
    return readAs<int64_t>(slot);
  case DataType::I32:
    return readAs<int32_t>(slot);
  case DataType::U32:
    return readAs<uint32_t>(slot);
  case DataType::I16:
    return readAs<int16_t>(slot);
  case DataType::U16:
    return readAs<uint16_t>(slot);
  case DataType::I8:
  case DataType::I6:
  case DataType::I4:
  case DataType::I3:
  case DataType::I2:
    return readAs<int8_t>(slot);
  case DataType::U8:
  case DataType::U7:
  case DataType::U6:
  case DataType::U5:
  case DataType::U4:
  case DataType::U3:
  case DataType::U2:
  case DataType::U1:
  case DataType::Bool:
    return readAs<uint8_t>(slot);
  case DataType::String:
    return 0;
  default:
    return convertFloatToInt(DataType::I64, loadFloat(slot));
  }
}

void Tensor::storeFloatSlow(int64_t slot, double value) {
  switch (type) {
  case DataType::F64:
    return writeAs<double>(slot, value);
  case DataType::F32:
    return writeAs<float>(slot, static_cast<float>(value));
  case DataType::Complex64:
    return writeAs<std::array<float, 2>>(slot, {static_cast<float>(value), 0});
  case DataType::Complex128:
    return writeAs<std::array<double, 2>>(slot, {value, 0});
  case DataType::String:
    return;
  default:
    break;
  }
  if (isFloat(type))
    return storeBits(slot, encodeFloat(type, value));
  storeInt(slot, convertFloatToInt(type, value));
}

void Tensor::storeIntSlow(int64_t slot, int64_t value) {
  if (isInteger(type) || type == DataType::Bool)
    return storeBits(slot, static_cast<uint64_t>(wrapToType(type, value)));
  if (type == DataType::F32) // Once, not through double.
    return writeAs<float>(slot, static_cast<float>(value));
  storeFloatSlow(slot, static_cast<double>(value));
}

uint64_t Tensor::loadBits(int64_t slot) const {
  switch (getSlotBytes(type)) {
  case 1:
    return readAs<uint8_t>(slot);
  case 2:
    return readAs<uint16_t>(slot);
  case 4:
    return readAs<uint32_t>(slot);
  default:
    assert(getSlotBytes(type) == 8 && "slots of at most 64 bits");
    return readAs<uint64_t>(slot);
  }
}

void Tensor::storeBits(int64_t slot, uint64_t bits) {
  switch (getSlotBytes(type)) {
  case 1:
    return writeAs<uint8_t>(slot, static_cast<uint8_t>(bits));
  case 2:
    return writeAs<uint16_t>(slot, static_cast<uint16_t>(bits));
  case 4:
    return writeAs<uint32_t>(slot, static_cast<uint32_t>(bits));
  default:
    assert(getSlotBytes(type) == 8 && "slots of at most 64 bits");
    return writeAs<uint64_t>(slot, bits);
  }
}

void Tensor::copySlot(int64_t slot, const Tensor &from, int64_t fromSlot) {
  assert(type == from.type && "one element type");
  if (type == DataType::String)
    storage->strings[slot] = from.storage->strings[fromSlot];
  else if (type == DataType::Complex128)
    writeAs(slot, from.readAs<std::array<double, 2>>(fromSlot));
  else
    storeBits(slot, from.loadBits(fromSlot));
}

Expected<SmallVector<char, 0>> Tensor::toPacked() const {
  if (type == DataType::String)
    return makeError("expected a numeric type, found string");
  Expected<Tensor> dense = contiguous();
  if (!dense)
    return dense.takeError();
  uint64_t count = static_cast<uint64_t>(numElements);
  SmallVector<char, 0> bytes(*getStorageBytes(type, count), 0);
  if (count == 0)
    return bytes;
  const char *data = dense->storage->bytes + dense->offset * int64_t(getSlotBytes(type));
  if (getStorageBitWidth(type) < 8) {
    for (uint64_t i = 0; i < count; ++i)
      writePacked(type, bytes, i, data[i]);
    return bytes;
  }
  std::memcpy(bytes.data(), data, bytes.size());
  return bytes;
}

SmallVector<double> Tensor::toFloats() const {
  SmallVector<double> values;
  forEachSlot<1>(shape, {this}, [&](auto slots) { values.push_back(loadFloat(slots[0])); });
  return values;
}

SmallVector<int64_t> Tensor::toInts() const {
  SmallVector<int64_t> values;
  forEachSlot<1>(shape, {this}, [&](auto slots) { values.push_back(loadInt(slots[0])); });
  return values;
}

SmallVector<std::string> Tensor::toStrings() const {
  SmallVector<std::string> values;
  forEachSlot<1>(shape, {this}, [&](auto slots) { values.push_back(loadString(slots[0]).str()); });
  return values;
}

Expected<Tensor> Tensor::contiguous() const {
  if (isContiguous())
    return *this;
  return clone();
}

Expected<Tensor> Tensor::clone() const {
  Expected<Tensor> result = create(type, shape);
  if (!result)
    return result;
  if (isContiguous() && type != DataType::String) {
    int64_t slotBytes = getSlotBytes(type);
    if (numElements != 0)
      std::memcpy(result->storage->bytes, storage->bytes + offset * slotBytes,
                  numElements * slotBytes);
    return result;
  }
  int64_t next = 0;
  forEachSlot<1>(shape, {this}, [&](auto slots) { result->copySlot(next++, *this, slots[0]); });
  return result;
}

Expected<Tensor> Tensor::widen() const {
  bool isInt = isInteger(type) || type == DataType::Bool;
  if (!isInt && !isFloat(type))
    return makeError("expected a float or integer type, found " + Twine(getName(type)));
  Expected<Tensor> result = create(isInt ? DataType::I64 : DataType::F64, shape);
  if (!result)
    return result;
  int64_t next = 0;
  if (isInt)
    forEachSlot<1>(shape, {this},
                   [&](auto slots) { result->writeAs<int64_t>(next++, loadInt(slots[0])); });
  else
    forEachSlot<1>(shape, {this},
                   [&](auto slots) { result->writeAs<double>(next++, loadFloat(slots[0])); });
  return result;
}

Expected<Tensor> Tensor::transpose(ArrayRef<int64_t> perm) const {
  llvm::SmallBitVector seen(shape.size());
  bool isPermutation = perm.size() == shape.size();
  for (int64_t axis : perm) {
    if (!isPermutation || axis < 0 || axis >= getRank() || seen.test(axis)) {
      isPermutation = false;
      break;
    }
    seen.set(axis);
  }
  if (!isPermutation)
    return makeError("expected a permutation of " + Twine(getRank()) + " axes, found " +
                     shapeToString(perm));
  Tensor result = *this;
  for (size_t i = 0; i < perm.size(); ++i) {
    result.shape[i] = shape[perm[i]];
    result.strides[i] = strides[perm[i]];
  }
  return result;
}

Expected<Tensor> Tensor::broadcastTo(ArrayRef<int64_t> newShape) const {
  Expected<int64_t> count = countElements(newShape);
  if (!count)
    return count.takeError();
  // A view takes no memory, but whoever walks it takes as long as if it did.
  if (static_cast<uint64_t>(*count) > kMaxTensorBytes / getSlotBytes(type))
    return makeError("a tensor of shape " + shapeToString(newShape) + " and type " + getName(type) +
                     " exceeds the limit of " + Twine(kMaxTensorBytes) + " bytes");
  auto fail = [&] {
    return makeError("shape " + shapeToString(shape) + " does not broadcast to " +
                     shapeToString(newShape));
  };
  if (newShape.size() < shape.size())
    return fail();
  size_t lead = newShape.size() - shape.size();
  Tensor result = *this;
  result.shape.assign(newShape.begin(), newShape.end());
  result.strides.assign(newShape.size(), 0);
  result.numElements = *count;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == newShape[lead + i])
      result.strides[lead + i] = shape[i] == 1 ? 0 : strides[i];
    else if (shape[i] != 1)
      return fail();
  }
  return result;
}

Expected<Tensor> Tensor::slice(ArrayRef<int64_t> starts, ArrayRef<int64_t> sizes,
                               ArrayRef<int64_t> steps) const {
  size_t rank = shape.size();
  if (starts.size() != rank || sizes.size() != rank || steps.size() != rank)
    return makeError("expected one start, size and step per axis of shape " + shapeToString(shape));
  Tensor result = *this;
  result.numElements = 1;
  for (size_t i = 0; i < rank; ++i) {
    int64_t extent, last;
    bool isInside = sizes[i] == 0 ||
                    (sizes[i] > 0 && steps[i] != 0 && starts[i] >= 0 && starts[i] < shape[i] &&
                     !llvm::MulOverflow(sizes[i] - 1, steps[i], extent) &&
                     !llvm::AddOverflow(starts[i], extent, last) && last >= 0 && last < shape[i]);
    if (!isInside)
      return makeError("slice [start " + Twine(starts[i]) + ", size " + Twine(sizes[i]) +
                       ", step " + Twine(steps[i]) + "] is outside axis " + Twine(i) +
                       " of shape " + shapeToString(shape));
    result.shape[i] = sizes[i];
    result.numElements *= sizes[i];
    if (sizes[i] == 0)
      continue;
    result.offset += starts[i] * strides[i];
    // The stride of a single element is never used, and may overflow.
    result.strides[i] = sizes[i] == 1 ? 0 : strides[i] * steps[i];
  }
  return result;
}

Expected<Tensor> Tensor::reshape(ArrayRef<int64_t> newShape) const {
  Expected<int64_t> count = countElements(newShape);
  if (!count)
    return count.takeError();
  if (*count != numElements)
    return makeError("shape " + shapeToString(shape) + " with " + Twine(numElements) +
                     " elements cannot become " + shapeToString(newShape));
  Expected<Tensor> result = contiguous();
  if (!result)
    return result;
  result->shape.assign(newShape.begin(), newShape.end());
  result->strides = getRowMajorStrides(newShape);
  return result;
}

bool Tensor::isIdentical(const Tensor &other) const {
  if (type != other.type || shape != other.shape)
    return false;
  bool same = true;
  forEachSlot<2>(shape, {this, &other}, [&](auto slots) {
    if (type == DataType::String)
      same &= loadString(slots[0]) == other.loadString(slots[1]);
    else if (type == DataType::Complex128)
      same &= std::memcmp(storage->bytes + slots[0] * 16, other.storage->bytes + slots[1] * 16,
                          16) == 0;
    else
      same &= loadBits(slots[0]) == other.loadBits(slots[1]);
  });
  return same;
}
