//===- ProtoReaderTensor.cpp - contents of TensorProtos --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/ExternalData.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::compress::onnx;
using llvm::StringRef;
using llvm::Twine;

static llvm::Error fail(const Twine &message) {
  return llvm::make_error<llvm::StringError>(message, llvm::inconvertibleErrorCode());
}

static llvm::Error fail(const TensorProto &tensor, const Twine &message) {
  return fail("tensor " + quoteName(tensor.name) + ": " + message);
}

//===----------------------------------------------------------------------===//
// Names and sizes
//===----------------------------------------------------------------------===//

namespace {
/// One row of the table of element types, in the order of their ids from 1.
struct ElementTypeInfo {
  const char *name;
  uint8_t bits;
  /// Number of the typed field that may hold the elements.
  uint8_t field;
};
} // namespace

static constexpr ElementTypeInfo elementTypes[] = {
    {"FLOAT", 32, 4},     {"UINT8", 8, 5},          {"INT8", 8, 5},
    {"UINT16", 16, 5},    {"INT16", 16, 5},         {"INT32", 32, 5},
    {"INT64", 64, 7},     {"STRING", 0, 6},         {"BOOL", 8, 5},
    {"FLOAT16", 16, 5},   {"DOUBLE", 64, 10},       {"UINT32", 32, 11},
    {"UINT64", 64, 11},   {"COMPLEX64", 64, 4},     {"COMPLEX128", 128, 10},
    {"BFLOAT16", 16, 5},  {"FLOAT8E4M3FN", 8, 5},   {"FLOAT8E4M3FNUZ", 8, 5},
    {"FLOAT8E5M2", 8, 5}, {"FLOAT8E5M2FNUZ", 8, 5}, {"UINT4", 4, 5},
    {"INT4", 4, 5},       {"FLOAT4E2M1", 4, 5},     {"FLOAT8E8M0", 8, 5},
    {"UINT2", 2, 5},      {"INT2", 2, 5},           {"FLOAT6E2M3", 6, 5},
    {"FLOAT6E3M2", 6, 5},
};

static const ElementTypeInfo *lookupElementType(int64_t id) {
  if (id < 1 || id > static_cast<int64_t>(std::size(elementTypes)))
    return nullptr;
  return &elementTypes[id - 1];
}

StringRef mlir::compress::onnx::getElementTypeName(int64_t dataType) {
  if (dataType == ET_Undefined)
    return "UNDEFINED";
  const ElementTypeInfo *info = lookupElementType(dataType);
  return info ? info->name : "unknown";
}

std::optional<unsigned> mlir::compress::onnx::getElementBits(int64_t dataType) {
  const ElementTypeInfo *info = lookupElementType(dataType);
  return info ? std::optional<unsigned>(info->bits) : std::nullopt;
}

StringRef mlir::compress::onnx::getAttributeTypeName(int64_t type) {
  static constexpr const char *names[] = {
      "UNDEFINED",      "FLOAT",      "INT",        "STRING",  "TENSOR", "GRAPH",
      "FLOATS",         "INTS",       "STRINGS",    "TENSORS", "GRAPHS", "SPARSE_TENSOR",
      "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
  return type >= 0 && type < static_cast<int64_t>(std::size(names)) ? names[type] : "unknown";
}

std::string mlir::compress::onnx::quoteName(StringRef name) {
  constexpr size_t most = 100;
  std::string text = "'";
  llvm::raw_string_ostream os(text);
  llvm::printEscapedString(name.take_front(most), os);
  if (name.size() > most)
    os << "...";
  os << "'";
  return text;
}

void mlir::compress::onnx::addWarning(std::vector<std::string> *warnings, const Twine &message) {
  constexpr size_t most = 1000;
  if (warnings && warnings->size() < most)
    warnings->push_back(message.str());
}

llvm::Expected<uint64_t> mlir::compress::onnx::getNumElements(llvm::ArrayRef<int64_t> dims) {
  bool empty = false;
  for (auto [axis, dim] : llvm::enumerate(dims)) {
    if (dim < 0)
      return fail("dims[" + Twine(axis) + "] is " + Twine(dim) + ", expected 0 or more");
    empty |= dim == 0;
  }
  if (empty)
    return 0;
  int64_t product = 1;
  for (int64_t dim : dims)
    if (llvm::MulOverflow(product, dim, product))
      return fail("the product of its dims exceeds 2^63 - 1");
  return product;
}

/// Bytes of `count` elements of `bits` each; error beyond 2^63 bits.
static llvm::Expected<uint64_t> getPackedBytes(uint64_t count, unsigned bits) {
  int64_t total;
  if (llvm::MulOverflow(static_cast<int64_t>(count), static_cast<int64_t>(bits), total))
    return fail("its size exceeds 2^63 - 1 bits");
  return (static_cast<uint64_t>(total) + 7) / 8;
}

namespace {
/// What dims and data type say about a tensor.
struct Layout {
  const ElementTypeInfo *type;
  uint64_t numElements;
  uint64_t numBytes;
};
} // namespace

static llvm::Expected<Layout> getLayout(const TensorProto &tensor) {
  const ElementTypeInfo *type = lookupElementType(tensor.dataType.value_or(0));
  if (!type)
    return fail(tensor, "data_type is " + Twine(tensor.dataType.value_or(0)) +
                            ", expected an element type from 1 to " +
                            Twine(std::size(elementTypes)));
  llvm::Expected<uint64_t> count = getNumElements(tensor.dims);
  if (!count)
    return fail(tensor, llvm::toString(count.takeError()));
  llvm::Expected<uint64_t> bytes = getPackedBytes(*count, type->bits);
  if (!bytes)
    return fail(tensor, llvm::toString(bytes.takeError()));
  return Layout{type, *count, *bytes};
}

llvm::Expected<uint64_t> mlir::compress::onnx::getTensorByteSize(const TensorProto &tensor) {
  llvm::Expected<Layout> layout = getLayout(tensor);
  if (!layout)
    return layout.takeError();
  if (layout->type->bits == 0)
    return fail(tensor, "a STRING tensor has no bytes");
  return layout->numBytes;
}

//===----------------------------------------------------------------------===//
// Typed data fields
//===----------------------------------------------------------------------===//

static StringRef getFieldName(unsigned field) {
  switch (field) {
  case 4:
    return "float_data";
  case 5:
    return "int32_data";
  case 6:
    return "string_data";
  case 7:
    return "int64_data";
  case 10:
    return "double_data";
  default:
    return "uint64_data";
  }
}

/// Takes one varint off the front of `bytes`; false if there is no valid one.
static bool takeVarint(StringRef &bytes, uint64_t &value) {
  const auto *begin = reinterpret_cast<const uint8_t *>(bytes.data());
  unsigned length = 0;
  const char *error = nullptr;
  value = llvm::decodeULEB128(begin, &length, begin + bytes.size(), &error);
  if (error || length > 10)
    return false;
  bytes = bytes.drop_front(length);
  return true;
}

/// Calls `fn(index, bits)` with each value of the tensor's typed field `field`
/// in order until it fails, and checks that there are exactly `expected` values.
static llvm::Error forEachTypedValue(const TensorProto &tensor, unsigned field, uint64_t expected,
                                     llvm::function_ref<llvm::Error(uint64_t, uint64_t)> fn) {
  uint64_t count = 0;
  unsigned width = field == 4 ? 4 : field == 10 ? 8 : 0;
  for (const TypedChunk &chunk : tensor.typedData) {
    StringRef rest = chunk.bytes;
    while (!rest.empty()) {
      uint64_t value = 0;
      bool valid = chunk.packed || takeVarint(rest, value); // The tag.
      if (valid && width == 0) {
        valid = takeVarint(rest, value);
      } else if (valid && rest.size() >= width) {
        value = width == 4 ? llvm::support::endian::read32le(rest.data())
                           : llvm::support::endian::read64le(rest.data());
        rest = rest.drop_front(width);
      } else {
        valid = false;
      }
      if (!valid)
        return fail(tensor,
                    getFieldName(field) + " is malformed after " + Twine(count) + " values");
      if (count < expected)
        if (llvm::Error error = fn(count, value))
          return error;
      ++count;
    }
  }
  if (count != expected)
    return fail(tensor, getFieldName(field) + " has " + Twine(count) + " values, expected " +
                            Twine(expected) + " for its shape");
  return llvm::Error::success();
}

/// Number of values that the typed field of a tensor must have: two per complex
/// element; one per byte for 2 and 4-bit elements; otherwise one per element.
static uint64_t getNumTypedValues(const Layout &layout, int32_t dataType) {
  if (dataType == ET_Complex64 || dataType == ET_Complex128)
    return 2 * layout.numElements;
  if (layout.type->bits == 2 || layout.type->bits == 4)
    return layout.numBytes;
  return layout.numElements;
}

/// Checks that a value of int32_data or uint64_data fits the element type.
static bool fitsElement(uint64_t value, int32_t dataType, unsigned bits) {
  auto asSigned = static_cast<int64_t>(value);
  switch (dataType) {
  case ET_Int64:
  case ET_UInt64:
  case ET_Bool:
  case ET_Float:
  case ET_Double:
  case ET_Complex64:
  case ET_Complex128:
    return true;
  case ET_UInt8:
  case ET_UInt16:
  case ET_UInt32:
  case ET_Float6E2M3:
  case ET_Float6E3M2:
    return llvm::isUIntN(bits, value);
  case ET_Int8:
  case ET_Int16:
  case ET_Int32:
    return llvm::isIntN(bits, asSigned);
  default: {
    // Bit patterns, which producers write with or without sign extension.
    unsigned width = std::max(bits, 8u);
    return llvm::isIntN(width, asSigned) || llvm::isUIntN(width, value);
  }
  }
}

static llvm::Error checkTypedValue(const TensorProto &tensor, const Layout &layout, uint64_t index,
                                   uint64_t value) {
  if (fitsElement(value, *tensor.dataType, layout.type->bits))
    return llvm::Error::success();
  return fail(tensor, getFieldName(layout.type->field) + "[" + Twine(index) + "] is " +
                          Twine(static_cast<int64_t>(value)) + ", which is no " +
                          layout.type->name);
}

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// Checks that only the storage that fits the tensor's type is used: raw_data, or
/// the right typed field, or neither.
static llvm::Error checkStorage(const TensorProto &tensor, const Layout &layout) {
  if (isPresent(tensor.segment))
    return fail(tensor, "field segment is set; tensors in segments are not supported");
  bool isString = layout.type->bits == 0;
  unsigned used = 0;
  auto checkField = [&](unsigned field) -> llvm::Error {
    if (field != layout.type->field)
      return fail(tensor, Twine(layout.type->name) + " data is in " + getFieldName(field) +
                              ", expected " + (isString ? "" : "raw_data or ") +
                              getFieldName(layout.type->field));
    used = field;
    return llvm::Error::success();
  };
  for (const TypedChunk &chunk : tensor.typedData)
    if (!chunk.bytes.empty())
      if (llvm::Error error = checkField(chunk.field))
        return error;
  if (!tensor.stringData.empty())
    if (llvm::Error error = checkField(6))
      return error;
  if (tensor.rawData.empty())
    return llvm::Error::success();
  if (isString)
    return fail(tensor, "STRING data is in raw_data, expected string_data");
  if (used)
    return fail(tensor, "data is stored twice, in raw_data and in " + getFieldName(used));
  return llvm::Error::success();
}

/// Checks raw_data against the shape. True: the tensor is stored raw.
static llvm::Expected<bool> checkRaw(const TensorProto &tensor, const Layout &layout) {
  bool hasTyped =
      llvm::any_of(tensor.typedData, [](const TypedChunk &c) { return !c.bytes.empty(); });
  if (hasTyped || !isPresent(tensor.rawData))
    return false;
  if (tensor.rawData.size() != layout.numBytes)
    return fail(tensor, "raw_data has " + Twine(tensor.rawData.size()) + " bytes, expected " +
                            Twine(layout.numBytes) + " for " + Twine(layout.numElements) +
                            " elements of " + layout.type->name);
  return true;
}

/// Writes value `index` of a typed field to its place in the zeroed `out`.
static void storeTypedValue(char *out, uint64_t index, uint64_t value, int32_t dataType,
                            unsigned bits) {
  namespace endian = llvm::support::endian;
  if (dataType == ET_Complex64 || dataType == ET_Complex128)
    bits /= 2;
  switch (bits) {
  case 64:
    return endian::write64le(out + 8 * index, value);
  case 32:
    return endian::write32le(out + 4 * index, static_cast<uint32_t>(value));
  case 16:
    return endian::write16le(out + 2 * index, static_cast<uint16_t>(value));
  case 6: {
    uint64_t bit = 6 * index;
    unsigned shifted = static_cast<unsigned>(value) << (bit % 8);
    out[bit / 8] |= static_cast<char>(shifted & 0xff);
    if (bit % 8 > 2)
      out[bit / 8 + 1] |= static_cast<char>(shifted >> 8);
    return;
  }
  default: // 8 bits; 2 and 4-bit elements are packed already.
    out[index] = static_cast<char>(dataType == ET_Bool ? value != 0 : value);
  }
}

llvm::Expected<TensorBytes> mlir::compress::onnx::getTensorBytes(const TensorProto &tensor) {
  llvm::Expected<Layout> layout = getLayout(tensor);
  if (!layout)
    return layout.takeError();
  if (layout->type->bits == 0)
    return fail(tensor, "a STRING tensor has no bytes");
  if (tensor.isExternal())
    return fail(tensor, "its data is in another file");
  if (llvm::Error error = checkStorage(tensor, *layout))
    return std::move(error);
  llvm::Expected<bool> isRaw = checkRaw(tensor, *layout);
  if (!isRaw)
    return isRaw.takeError();
  if (*isRaw)
    return TensorBytes{tensor.rawData, nullptr};

  unsigned field = layout->type->field;
  if ((field == 4 || field == 10) && tensor.typedData.size() == 1 && tensor.typedData[0].packed &&
      tensor.typedData[0].bytes.size() == layout->numBytes)
    return TensorBytes{tensor.typedData[0].bytes, nullptr};

  // Count and check first, so that memory is taken only for data that is there.
  uint64_t expected = getNumTypedValues(*layout, *tensor.dataType);
  if (llvm::Error error =
          forEachTypedValue(tensor, field, expected, [&](uint64_t index, uint64_t value) {
            return checkTypedValue(tensor, *layout, index, value);
          }))
    return std::move(error);
  auto buffer = llvm::WritableMemoryBuffer::getNewMemBuffer(layout->numBytes);
  if (!buffer)
    return fail(tensor, "not enough memory for " + Twine(layout->numBytes) + " bytes");
  char *out = buffer->getBufferStart();
  llvm::cantFail(forEachTypedValue(tensor, field, expected, [&](uint64_t index, uint64_t value) {
    storeTypedValue(out, index, value, *tensor.dataType, layout->type->bits);
    return llvm::Error::success();
  }));
  StringRef bytes(out, layout->numBytes);
  return TensorBytes{bytes, std::move(buffer)};
}

llvm::Error mlir::compress::onnx::validateTensor(const TensorProto &tensor,
                                                 std::vector<std::string> *warnings) {
  llvm::Expected<Layout> layout = getLayout(tensor);
  if (!layout)
    return layout.takeError();
  if (llvm::Error error = checkStorage(tensor, *layout))
    return error;
  bool isString = layout->type->bits == 0;

  int32_t location = tensor.dataLocation.value_or(0);
  if (location != 0 && location != 1)
    return fail(tensor,
                "data_location is " + Twine(location) + ", expected 0 (DEFAULT) or 1 (EXTERNAL)");
  if (tensor.isExternal()) {
    if (isString)
      return fail(tensor, "STRING data cannot be external");
    if (!tensor.rawData.empty() ||
        llvm::any_of(tensor.typedData, [](const TypedChunk &c) { return !c.bytes.empty(); }))
      return fail(tensor, "data is stored twice, in the model and in external_data");
    llvm::Expected<ExternalDataEntries> entries = parseExternalData(tensor, warnings);
    if (!entries)
      return entries.takeError();
    if (entries->length && *entries->length != layout->numBytes)
      return fail(tensor, "external_data length is " + Twine(*entries->length) + ", expected the " +
                              Twine(layout->numBytes) + " bytes of its shape");
    return llvm::Error::success();
  }
  if (!tensor.externalData.empty())
    addWarning(warnings, "tensor " + quoteName(tensor.name) +
                             ": external_data ignored, data_location is not EXTERNAL");

  if (isString) {
    if (tensor.stringData.size() != layout->numElements)
      return fail(tensor, "string_data has " + Twine(tensor.stringData.size()) +
                              " values, expected " + Twine(layout->numElements));
    return llvm::Error::success();
  }
  llvm::Expected<bool> isRaw = checkRaw(tensor, *layout);
  if (!isRaw)
    return isRaw.takeError();
  if (*isRaw)
    return llvm::Error::success();
  return forEachTypedValue(tensor, layout->type->field,
                           getNumTypedValues(*layout, *tensor.dataType),
                           [&](uint64_t index, uint64_t value) {
                             return checkTypedValue(tensor, *layout, index, value);
                           });
}
