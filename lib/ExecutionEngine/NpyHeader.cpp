//===- NpyHeader.cpp - headers of .npy files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// NumPy's `numpy.lib.format`: "\x93NUMPY", two bytes of version, the length of the header (2 bytes
// in version 1, else 4, little endian), and a Python literal: a dictionary of `descr`,
// `fortran_order` and `shape`.
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/NumpyIO.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace mlir::compress;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static constexpr size_t kMaxRank = 64;

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError("bad .npy header: " + message);
}

/// Element type of a `descr`, for example "<f4".
static Expected<DataType> parseDescr(StringRef descr) {
  StringRef kind = descr;
  char order = kind.empty() ? '\0' : kind.front();
  if (llvm::is_contained({'<', '>', '=', '|'}, order))
    kind = kind.drop_front();
  auto type = llvm::StringSwitch<std::optional<DataType>>(kind)
                  .Case("b1", DataType::Bool)
                  .Case("i1", DataType::I8)
                  .Case("i2", DataType::I16)
                  .Case("i4", DataType::I32)
                  .Case("i8", DataType::I64)
                  .Case("u1", DataType::U8)
                  .Case("u2", DataType::U16)
                  .Case("u4", DataType::U32)
                  .Case("u8", DataType::U64)
                  .Case("f2", DataType::F16)
                  .Case("f4", DataType::F32)
                  .Case("f8", DataType::F64)
                  .Case("c8", DataType::Complex64)
                  .Case("c16", DataType::Complex128)
                  .Default(std::nullopt);
  if (!type)
    return makeError("expected numbers or bools, found the type '" + descr.take_front(40) + "'");
  if (order == '>' && !kind.ends_with("1"))
    return makeError("expected little-endian numbers, found '" + descr + "'");
  return *type;
}

namespace {
/// The few forms of Python literals that a header has.
class LiteralReader {
public:
  explicit LiteralReader(StringRef text) : rest(text) {}

  bool consume(char c) {
    rest = rest.ltrim();
    return rest.consume_front(StringRef(&c, 1));
  }
  bool isAtEnd() { return rest.trim().empty(); }

  Expected<StringRef> readString() {
    rest = rest.ltrim();
    char quote = rest.empty() ? '\0' : rest.front();
    size_t end = quote == '\'' || quote == '"' ? rest.find(quote, 1) : StringRef::npos;
    if (end == StringRef::npos)
      return expected("a string");
    StringRef string = rest.substr(1, end - 1);
    rest = rest.substr(end + 1);
    return string;
  }

  Expected<bool> readBool() {
    rest = rest.ltrim();
    if (rest.consume_front("True"))
      return true;
    if (rest.consume_front("False"))
      return false;
    return expected("True or False");
  }

  /// A tuple of sizes.
  llvm::Error readShape(llvm::SmallVectorImpl<int64_t> &shape) {
    if (!consume('('))
      return expected("a tuple");
    while (!consume(')')) {
      rest = rest.ltrim();
      StringRef digits = rest.take_while(llvm::isDigit);
      int64_t size;
      if (digits.getAsInteger(10, size) || shape.size() >= kMaxRank)
        return expected("at most 64 sizes");
      shape.push_back(size);
      rest = rest.drop_front(digits.size());
      // Python 2 wrote long integers with an L.
      rest.consume_front("L");
      if (!consume(',') && !rest.ltrim().starts_with(")"))
        return expected("',' or ')'");
    }
    return llvm::Error::success();
  }

  llvm::Error expected(const Twine &what) {
    return makeError("expected " + what + ", found '" + rest.take_front(40) + "'");
  }

private:
  StringRef rest;
};
} // namespace

/// The dictionary of a header.
static llvm::Error parseDictionary(StringRef text, NpyHeader &header) {
  LiteralReader reader(text);
  bool hasType = false, hasOrder = false, hasShape = false;
  if (!reader.consume('{'))
    return reader.expected("'{'");
  while (!reader.consume('}')) {
    Expected<StringRef> key = reader.readString();
    if (!key)
      return key.takeError();
    if (!reader.consume(':'))
      return reader.expected("':'");
    if (*key == "descr" && !hasType) {
      Expected<StringRef> descr = reader.readString();
      if (!descr)
        return descr.takeError();
      Expected<DataType> type = parseDescr(*descr);
      if (!type)
        return type.takeError();
      header.type = *type;
      hasType = true;
    } else if (*key == "fortran_order" && !hasOrder) {
      Expected<bool> order = reader.readBool();
      if (!order)
        return order.takeError();
      header.isFortran = *order;
      hasOrder = true;
    } else if (*key == "shape" && !hasShape) {
      if (llvm::Error error = reader.readShape(header.shape))
        return error;
      hasShape = true;
    } else {
      return makeError("'" + key->take_front(40) + "' is unknown or there twice");
    }
    if (!reader.consume(',')) {
      if (!reader.consume('}'))
        return reader.expected("',' or '}'");
      break;
    }
  }
  if (!reader.isAtEnd())
    return reader.expected("the end");
  if (!hasType || !hasOrder || !hasShape)
    return makeError("expected 'descr', 'fortran_order' and 'shape'");
  return llvm::Error::success();
}

Expected<NpyHeader> compress::parseNpyHeader(StringRef bytes) {
  if (bytes.size() < 10 || !bytes.starts_with("\x93NUMPY"))
    return llvm::createStringError("no .npy file: it does not start with \\x93NUMPY");
  unsigned version = static_cast<uint8_t>(bytes[6]);
  if (version < 1 || version > 3)
    return makeError("expected version 1, 2 or 3, found " + Twine(version));
  uint64_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start)
    return makeError("the file ends before the header does");
  uint64_t length = version == 1 ? llvm::support::endian::read16le(bytes.data() + 8)
                                 : llvm::support::endian::read32le(bytes.data() + 8);
  if (length > bytes.size() - start)
    return makeError("expected " + Twine(length) + " bytes, found " + Twine(bytes.size() - start));
  NpyHeader header;
  header.size = start + length;
  if (llvm::Error error = parseDictionary(bytes.substr(start, length), header))
    return error;
  return header;
}
