//===- SafeTensors.cpp - safetensors files, in and out --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/SafeTensors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include <algorithm>
#include <limits>
#include <tuple>

using namespace llvm;

namespace mlir::compress {

/// Prefix of the metadata keys that hold the types of packed tensors.
static constexpr StringLiteral typePrefix = "compress.type.";
static constexpr StringLiteral metadataKey = "__metadata__";

static Error makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

/// Bits of one element of a safetensors dtype, or 0 for an unknown one.
static unsigned getDtypeBits(StringRef dtype) {
  return StringSwitch<unsigned>(dtype)
      .Case("F4", 4)
      .Cases({"F6_E2M3", "F6_E3M2"}, 6)
      .Cases({"BOOL", "U8", "I8"}, 8)
      .Cases({"F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E5M2FNUZ", "F8_E4M3FNUZ"}, 8)
      .Cases({"I16", "U16", "F16", "BF16"}, 16)
      .Cases({"I32", "U32", "F32"}, 32)
      .Cases({"I64", "U64", "F64", "C64"}, 64)
      .Default(0);
}

/// Bytes of a tensor, or nothing if a dimension is negative, the size overflows or is no whole
/// byte.
static std::optional<uint64_t> getByteLength(unsigned bits, ArrayRef<int64_t> shape) {
  uint64_t count = bits;
  // A zero anywhere makes the tensor empty, whatever the other dimensions.
  if (is_contained(shape, 0))
    count = 0;
  for (int64_t dim : shape) {
    if (dim < 0)
      return std::nullopt;
    bool overflow = __builtin_mul_overflow(count, static_cast<uint64_t>(dim), &count);
    if (overflow)
      return std::nullopt;
  }
  if (count % 8 != 0 || count > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  return count / 8;
}

static std::string formatShape(ArrayRef<int64_t> shape) {
  std::string text = "[";
  raw_string_ostream os(text);
  llvm::interleave(shape, os, ",");
  return text + "]";
}

/// A name from a file, short and printable, for messages.
static std::string quote(StringRef name) {
  std::string text = "'";
  for (char c : name.take_front(80))
    text += isPrint(c) ? c : '?';
  return text + (name.size() > 80 ? "...'" : "'");
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

namespace {
/// Reads the JSON of a header: exactly the shape that the format has, so that depth and memory are
/// bounded whatever the input. Every function returns false after `fail`.
class HeaderParser {
public:
  HeaderParser(StringRef text, uint64_t dataStart, uint64_t dataSize)
      : text(text), dataStart(dataStart), dataSize(dataSize) {}

  Expected<SafeTensorsHeader> parse();

private:
  bool fail(const Twine &message) {
    if (error.empty())
      error = (message + " at byte " + Twine(position) + " of the header").str();
    return false;
  }
  void skipSpace() {
    while (position < text.size() && StringRef(" \t\r\n").contains(text[position]))
      ++position;
  }
  bool consume(char c) {
    skipSpace();
    if (position >= text.size() || text[position] != c)
      return false;
    ++position;
    return true;
  }
  bool expect(char c) { return consume(c) || fail(Twine("expected '") + Twine(c) + "'"); }
  bool parseString(std::string &result);
  bool parseEscape(std::string &result);
  bool parseCodeUnit(uint32_t &unit);
  bool parseUnsigned(uint64_t &value);
  template <typename Fn>
  bool parseArray(Fn element);
  /// `{ "key": value, ... }`; `member(key)` reads the value.
  template <typename Fn>
  bool parseObject(Fn member);
  bool parseTensor(StringRef name);
  bool checkLayout();

  StringRef text;
  uint64_t dataStart, dataSize;
  size_t position = 0;
  std::string error;
  SafeTensorsHeader header;
};
} // namespace

bool HeaderParser::parseCodeUnit(uint32_t &unit) {
  StringRef digits = text.substr(position, 4);
  if (digits.size() < 4 || !all_of(digits, isHexDigit) || digits.getAsInteger(16, unit))
    return fail("expected four hexadecimal digits after \\u");
  position += 4;
  return true;
}

bool HeaderParser::parseEscape(std::string &result) {
  if (position >= text.size())
    return fail("unterminated string");
  char c = text[position++];
  size_t simple = StringRef("\"\\/bfnrt").find(c);
  if (simple != StringRef::npos) {
    result += "\"\\/\b\f\n\r\t"[simple];
    return true;
  }
  uint32_t code = 0;
  if (c != 'u')
    return fail("unknown escape in a string");
  if (!parseCodeUnit(code))
    return false;
  if (code >= 0xD800 && code < 0xDC00) {
    uint32_t low = 0;
    if (!text.substr(position).starts_with("\\u"))
      return fail("lone surrogate in a string");
    position += 2;
    if (!parseCodeUnit(low))
      return false;
    if (low < 0xDC00 || low > 0xDFFF)
      return fail("lone surrogate in a string");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code <= 0xDFFF) {
    return fail("lone surrogate in a string");
  }
  char buffer[UNI_MAX_UTF8_BYTES_PER_CODE_POINT];
  char *end = buffer;
  if (!ConvertCodePointToUTF8(code, end))
    return fail("invalid code point in a string");
  result.append(buffer, end);
  return true;
}

bool HeaderParser::parseString(std::string &result) {
  if (!expect('"'))
    return false;
  result.clear();
  while (position < text.size()) {
    char c = text[position++];
    if (c == '"')
      return true;
    if (static_cast<unsigned char>(c) < 0x20)
      return fail("control character in a string");
    if (c != '\\')
      result += c;
    else if (!parseEscape(result))
      return false;
  }
  return fail("unterminated string");
}

bool HeaderParser::parseUnsigned(uint64_t &value) {
  skipSpace();
  StringRef digits = text.substr(position).take_while(isDigit);
  if (digits.empty() || digits.getAsInteger(10, value) ||
      value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return fail("expected an integer from 0 to 2^63 - 1");
  position += digits.size();
  return true;
}

template <typename Fn>
bool HeaderParser::parseArray(Fn element) {
  if (!expect('['))
    return false;
  if (consume(']'))
    return true;
  do {
    if (!element())
      return false;
  } while (consume(','));
  return expect(']');
}

template <typename Fn>
bool HeaderParser::parseObject(Fn member) {
  if (!expect('{'))
    return false;
  if (consume('}'))
    return true;
  do {
    std::string key;
    if (!parseString(key) || !expect(':') || !member(StringRef(key)))
      return false;
  } while (consume(','));
  return expect('}');
}

bool HeaderParser::parseTensor(StringRef name) {
  SafeTensorInfo tensor;
  tensor.name = name.str();
  SmallVector<uint64_t, 2> offsets;
  bool hasDtype = false, hasShape = false, hasOffsets = false;
  bool parsed = parseObject([&](StringRef key) {
    bool &seen = key == "dtype" ? hasDtype : key == "shape" ? hasShape : hasOffsets;
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      return fail("tensor " + quote(name) + ": unknown key " + quote(key));
    if (seen)
      return fail("tensor " + quote(name) + ": repeated key " + quote(key));
    seen = true;
    if (key == "dtype")
      return parseString(tensor.dtype);
    return parseArray([&] {
      uint64_t value = 0;
      if (!parseUnsigned(value))
        return false;
      if (key == "shape")
        tensor.shape.push_back(static_cast<int64_t>(value));
      else if (offsets.size() == 2)
        return fail("tensor " + quote(name) + ": expected two data_offsets");
      else
        offsets.push_back(value);
      return true;
    });
  });
  if (!parsed)
    return false;
  if (!hasDtype || !hasShape || offsets.size() != 2)
    return fail("tensor " + quote(name) + ": expected dtype, shape and two data_offsets");
  unsigned bits = getDtypeBits(tensor.dtype);
  if (bits == 0)
    return fail("tensor " + quote(name) + ": unknown dtype " + quote(tensor.dtype));
  std::optional<uint64_t> length = getByteLength(bits, tensor.shape);
  if (!length)
    return fail("tensor " + quote(name) + ": the size of shape " + formatShape(tensor.shape) +
                " overflows or is no whole number of bytes");
  if (offsets[0] > offsets[1] || offsets[1] > dataSize)
    return fail("tensor " + quote(name) + ": data_offsets [" + Twine(offsets[0]) + "," +
                Twine(offsets[1]) + "] are not inside the " + Twine(dataSize) + " bytes of data");
  if (offsets[1] - offsets[0] != *length)
    return fail("tensor " + quote(name) + ": " + tensor.dtype + formatShape(tensor.shape) +
                " takes " + Twine(*length) + " bytes, data_offsets hold " +
                Twine(offsets[1] - offsets[0]));
  tensor.offset = dataStart + offsets[0];
  tensor.length = *length;
  header.tensors.push_back(std::move(tensor));
  return true;
}

/// Sorts the tensors by position and checks that they cover the data exactly.
bool HeaderParser::checkLayout() {
  llvm::sort(header.tensors, [](const SafeTensorInfo &a, const SafeTensorInfo &b) {
    return std::tie(a.offset, a.length, a.name) < std::tie(b.offset, b.length, b.name);
  });
  uint64_t end = dataStart;
  for (auto [i, tensor] : llvm::enumerate(header.tensors)) {
    if (tensor.offset != end)
      return fail("tensor " + quote(tensor.name) + ": its data " +
                  (tensor.offset < end ? "overlap" : "leave a hole after") +
                  " those of the tensor before");
    end += tensor.length;
    if (!header.index.try_emplace(tensor.name, i).second)
      return fail("tensor " + quote(tensor.name) + " is declared twice");
  }
  if (end != dataStart + dataSize)
    return fail("the tensors cover " + Twine(end - dataStart) + " of the " + Twine(dataSize) +
                " bytes of data");
  return true;
}

Expected<SafeTensorsHeader> HeaderParser::parse() {
  bool hasMetadata = false;
  bool parsed = parseObject([&](StringRef name) {
    if (name != metadataKey)
      return parseTensor(name);
    if (hasMetadata)
      return fail("repeated __metadata__");
    hasMetadata = true;
    return parseObject([&](StringRef key) {
      std::string value;
      if (!parseString(value))
        return false;
      if (!header.metadata.emplace(key.str(), std::move(value)).second)
        return fail("repeated metadata key " + quote(key));
      return true;
    });
  });
  if (parsed) {
    skipSpace();
    if (position != text.size())
      parsed = fail("unexpected text after the JSON object");
  }
  if (!parsed || !checkLayout())
    return makeError("not a valid safetensors header: " + error);
  return std::move(header);
}

Expected<SafeTensorsHeader> parseSafeTensorsHeader(StringRef contents, uint64_t fileSize) {
  if (contents.size() < 8 || fileSize < contents.size())
    return makeError("not a safetensors file: " + Twine(fileSize) + " bytes, expected at least 8");
  uint64_t length = support::endian::read64le(contents.data());
  if (length > maxSafeTensorsHeader)
    return makeError("not a safetensors file: header of " + Twine(length) +
                     " bytes, expected at most " + Twine(maxSafeTensorsHeader));
  if (length > contents.size() - 8)
    return makeError("truncated safetensors file: header of " + Twine(length) + " bytes, only " +
                     Twine(contents.size() - 8) + " there");
  StringRef text = contents.substr(8, length);
  size_t errorOffset = 0;
  if (!json::isUTF8(text, &errorOffset))
    return makeError("not a valid safetensors header: invalid UTF-8 at byte " + Twine(errorOffset));
  if (!text.starts_with("{"))
    return makeError("not a valid safetensors header: expected '{' at byte 0");
  return HeaderParser(text, 8 + length, fileSize - 8 - length).parse();
}

const SafeTensorInfo *SafeTensorsHeader::find(StringRef name) const {
  auto it = index.find(name);
  return it == index.end() ? nullptr : &tensors[it->second];
}

Expected<SafeTensorType> SafeTensorsHeader::getType(const SafeTensorInfo &tensor) const {
  auto entry = metadata.find((typePrefix + tensor.name).str());
  if (entry == metadata.end()) {
    std::optional<DataType> type = getDataTypeOfSafetensorsName(tensor.dtype);
    if (!type)
      return makeError("tensor " + quote(tensor.name) + ": dtype " + tensor.dtype +
                       " is not supported");
    return SafeTensorType{*type, tensor.shape};
  }
  auto [typeName, shapeText] = StringRef(entry->second).split(':');
  std::optional<DataType> type = parseDataType(typeName);
  bool valid = type && *type != DataType::String && tensor.dtype == "U8" &&
               shapeText.consume_front("[") && shapeText.consume_back("]");
  SafeTensorType result{type.value_or(DataType::U8), {}};
  uint64_t count = 1;
  SmallVector<StringRef, 4> parts;
  if (valid && !shapeText.empty())
    shapeText.split(parts, ',');
  for (StringRef part : parts) {
    int64_t dim = 0;
    valid = valid && !part.getAsInteger(10, dim) && dim >= 0 &&
            !__builtin_mul_overflow(count, static_cast<uint64_t>(dim), &count);
    result.shape.push_back(dim);
  }
  if (!valid || getStorageBytes(*type, count) != tensor.length)
    return makeError("tensor " + quote(tensor.name) + ": metadata type " + quote(entry->second) +
                     " does not fit " + tensor.dtype + formatShape(tensor.shape));
  return result;
}

//===----------------------------------------------------------------------===//
// Reader
//===----------------------------------------------------------------------===//

Expected<SafeTensorsFile> SafeTensorsFile::open(std::shared_ptr<MappedFile> file) {
  Expected<SafeTensorsHeader> header = parseSafeTensorsHeader(file->bytes(), file->getSize());
  if (!header)
    return makeError("'" + file->getPath() + "': " + toString(header.takeError()));
  SafeTensorsFile result;
  result.header = std::move(*header);
  result.file = std::move(file);
  return result;
}

Expected<SafeTensorsFile> SafeTensorsFile::open(StringRef path) {
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return open(std::move(*file));
}

StringRef SafeTensorsFile::getBytes(const SafeTensorInfo &tensor) const {
  return file->bytes().substr(tensor.offset, tensor.length);
}

//===----------------------------------------------------------------------===//
// Writer
//===----------------------------------------------------------------------===//

void SafeTensorsWriter::setMetadata(StringRef key, StringRef value) {
  metadata[key.str()] = value.str();
}

Error SafeTensorsWriter::declare(StringRef name, StringRef dtype, ArrayRef<int64_t> shape) {
  if (headerWritten)
    return makeError("tensor " + quote(name) + ": declared after the header was written");
  if (name.empty() || name == metadataKey || !json::isUTF8(name))
    return makeError("tensor name " + quote(name) + " cannot be stored in a safetensors file");
  unsigned bits = getDtypeBits(dtype);
  if (bits == 0)
    return makeError("tensor " + quote(name) + ": unknown dtype " + quote(dtype));
  std::optional<uint64_t> length = getByteLength(bits, shape);
  if (!length)
    return makeError("tensor " + quote(name) + ": the size of shape " + formatShape(shape) +
                     " overflows or is no whole number of bytes");
  if (!index.try_emplace(name, tensors.size()).second)
    return makeError("tensor " + quote(name) + " is declared twice");
  SafeTensorInfo &tensor = tensors.emplace_back();
  tensor.name = name.str();
  tensor.dtype = dtype.str();
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.length = *length;
  return Error::success();
}

Error SafeTensorsWriter::declare(StringRef name, DataType type, ArrayRef<int64_t> shape) {
  StringRef dtype = getSafetensorsName(type);
  if (getStorageBitWidth(type) >= 8 && !dtype.empty() && getDtypeBits(dtype) != 0)
    return declare(name, dtype, shape);
  uint64_t count = 1;
  for (int64_t dim : shape)
    if (dim < 0 || __builtin_mul_overflow(count, static_cast<uint64_t>(dim), &count))
      return makeError("tensor " + quote(name) + ": the size of shape " + formatShape(shape) +
                       " overflows");
  std::optional<uint64_t> bytes = getStorageBytes(type, count);
  if (type == DataType::String || !bytes)
    return makeError("tensor " + quote(name) + ": element type " + getName(type) +
                     " cannot be stored in a safetensors file");
  if (Error error = declare(name, "U8", {static_cast<int64_t>(*bytes)}))
    return error;
  setMetadata((typePrefix + name).str(), (getName(type) + ":" + formatShape(shape)).str());
  return Error::success();
}

Error SafeTensorsWriter::writeHeader() {
  if (headerWritten)
    return makeError("the safetensors header was written already");
  // Sizes that are multiples of 64 keep the next tensor 64-aligned; so do these, element by
  // element.
  auto rank = [&](size_t i) -> uint64_t {
    const SafeTensorInfo &tensor = tensors[i];
    return tensor.length % 64 == 0 ? 64 : std::max(getDtypeBits(tensor.dtype) / 8, 1u);
  };
  order.assign(tensors.size(), 0);
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::make_pair(rank(b), a) < std::make_pair(rank(a), b);
  });
  uint64_t end = 0;
  for (size_t i : order) {
    tensors[i].offset = end;
    end += tensors[i].length;
    if (end > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return makeError("the tensors of a safetensors file exceed 2^63 - 1 bytes");
  }

  std::string text;
  raw_string_ostream textOs(text);
  json::OStream json(textOs);
  json.object([&] {
    if (!metadata.empty())
      json.attributeObject(metadataKey, [&] {
        for (const auto &[key, value] : metadata)
          json.attribute(json::fixUTF8(key), json::fixUTF8(value));
      });
    for (size_t i : order) {
      const SafeTensorInfo &tensor = tensors[i];
      json.attributeObject(tensor.name, [&] {
        json.attribute("dtype", tensor.dtype);
        json.attributeArray("shape", [&] {
          for (int64_t dim : tensor.shape)
            json.value(dim);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(tensor.offset);
          json.value(tensor.offset + tensor.length);
        });
      });
    }
  });
  text.resize(alignTo(text.size() + 8, 64) - 8, ' ');
  if (text.size() > maxSafeTensorsHeader)
    return makeError("the header of a safetensors file would take " + Twine(text.size()) +
                     " bytes, at most " + Twine(maxSafeTensorsHeader) + " are allowed");
  char length[8];
  support::endian::write64le(length, text.size());
  os << StringRef(length, 8) << text;
  for (SafeTensorInfo &tensor : tensors)
    tensor.offset += 8 + text.size();
  headerWritten = true;
  advance();
  return Error::success();
}

void SafeTensorsWriter::advance() {
  while (current < order.size() && written == tensors[order[current]].length) {
    ++current;
    written = 0;
  }
}

Error SafeTensorsWriter::append(size_t declaration, StringRef bytes) {
  if (!headerWritten || declaration >= tensors.size())
    return makeError("safetensors data written before the header, or of an unknown tensor");
  if (bytes.empty())
    return Error::success();
  const SafeTensorInfo &tensor = tensors[declaration];
  if (current >= order.size() || order[current] != declaration)
    return makeError("tensor " + quote(tensor.name) + ": its bytes are not due now");
  if (bytes.size() > tensor.length - written)
    return makeError("tensor " + quote(tensor.name) + ": expected " + Twine(tensor.length) +
                     " bytes, got more");
  os << bytes;
  written += bytes.size();
  advance();
  return Error::success();
}

Error SafeTensorsWriter::finish() {
  if (!headerWritten)
    return makeError("the safetensors header was not written");
  if (current != order.size())
    return makeError("tensor " + quote(tensors[order[current]].name) + ": expected " +
                     Twine(tensors[order[current]].length) + " bytes, got " + Twine(written));
  os.flush();
  return Error::success();
}

} // namespace mlir::compress
