//===- SafeTensorsTest.cpp - safetensors files ----------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/SafeTensors.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <random>

using namespace llvm;
using namespace mlir::compress;

namespace {

/// A file image with the given header text and data.
std::string makeFile(StringRef json, StringRef data = "") {
  char length[8];
  support::endian::write64le(length, json.size());
  return (StringRef(length, 8) + json + data).str();
}

std::string getFailure(StringRef contents) {
  Expected<SafeTensorsHeader> header = parseSafeTensorsHeader(contents, contents.size());
  return header ? "no error" : toString(header.takeError());
}

std::string getFailure(Error error) { return toString(std::move(error)); }

/// Writes three tensors of which two are awkward, and returns the file's bytes.
std::string writeExample() {
  std::string bytes;
  raw_string_ostream os(bytes);
  SafeTensorsWriter writer(os);
  writer.setMetadata("format", "pt");
  cantFail(writer.declare("odd", "I8", {3}));
  cantFail(writer.declare("a\"b", DataType::F32, {2, 3}));
  cantFail(writer.declare("codes", DataType::I4, {3, 43}));
  cantFail(writer.declare("big", DataType::F16, {4, 8}));
  cantFail(writer.declare("empty", DataType::F32, {0, 5}));
  cantFail(writer.declare("scalar", DataType::F64, {}));
  cantFail(writer.writeHeader());
  for (size_t i : writer.getWriteOrder()) {
    std::string data(writer.getTensor(i).length, static_cast<char>('a' + i));
    // In two pieces.
    cantFail(writer.append(i, StringRef(data).take_front(1)));
    cantFail(writer.append(i, StringRef(data).drop_front(data.empty() ? 0 : 1)));
  }
  cantFail(writer.finish());
  return bytes;
}

TEST(SafeTensors, RoundTrip) {
  std::string bytes = writeExample();
  SafeTensorsHeader header = cantFail(parseSafeTensorsHeader(bytes, bytes.size()));
  ASSERT_EQ(header.tensors.size(), 6u);
  EXPECT_EQ(header.metadata["format"], "pt");
  EXPECT_EQ(header.metadata["compress.type.codes"], "i4:[3,43]");
  auto check = [&](StringRef name, StringRef dtype, ArrayRef<int64_t> shape, uint64_t length,
                   char fill) {
    const SafeTensorInfo *tensor = header.find(name);
    ASSERT_TRUE(tensor) << name.str();
    EXPECT_EQ(tensor->dtype, dtype.str());
    EXPECT_EQ(ArrayRef<int64_t>(tensor->shape), shape);
    EXPECT_EQ(tensor->length, length);
    EXPECT_EQ(StringRef(bytes).substr(tensor->offset, length).str(), std::string(length, fill));
  };
  check("odd", "I8", {3}, 3, 'a');
  check("a\"b", "F32", {2, 3}, 24, 'b');
  check("codes", "U8", {65}, 65, 'c');
  check("big", "F16", {4, 8}, 64, 'd');
  check("empty", "F32", {0, 5}, 0, 'e');
  check("scalar", "F64", {}, 8, 'f');
  EXPECT_EQ(header.find("none"), nullptr);

  // The data start and the tensors of 64 n bytes are 64-aligned, the others to their elements.
  EXPECT_EQ(header.find("big")->offset % 64, 0u);
  EXPECT_EQ(header.find("scalar")->offset % 8, 0u);
  EXPECT_EQ(header.find("a\"b")->offset % 4, 0u);

  SafeTensorType type = cantFail(header.getType(*header.find("codes")));
  EXPECT_EQ(type.dataType, DataType::I4);
  EXPECT_EQ(ArrayRef<int64_t>(type.shape), ArrayRef<int64_t>({3, 43}));
  type = cantFail(header.getType(*header.find("scalar")));
  EXPECT_EQ(type.dataType, DataType::F64);
  EXPECT_TRUE(type.shape.empty());
}

TEST(SafeTensors, TypeMetadataMustFit) {
  for (StringRef value : {"i4:[3,42]", "i4:[3,44]", "i5:[3]", "i4", "i4:3,43", "i4:[3,-43]", "",
                          "string:[3]", "i4:[4294967296,4294967296,65]"}) {
    std::string json = ("{\"__metadata__\":{\"compress.type.x\":\"" + value +
                        "\"},\"x\":{\"dtype\":\"U8\",\"shape\":[65],\"data_offsets\":[0,65]}}")
                           .str();
    std::string bytes = makeFile(json, std::string(65, 'x'));
    SafeTensorsHeader header = cantFail(parseSafeTensorsHeader(bytes, bytes.size()));
    Expected<SafeTensorType> type = header.getType(header.tensors[0]);
    if (value == "i4:[3,43]")
      continue;
    ASSERT_FALSE(static_cast<bool>(type)) << value.str();
    EXPECT_EQ(llvm::toString(type.takeError()),
              ("tensor 'x': metadata type '" + value + "' does not fit U8[65]").str());
  }
}

TEST(SafeTensors, WriterChecksItsCaller) {
  std::string bytes;
  raw_string_ostream os(bytes);
  SafeTensorsWriter writer(os);
  cantFail(writer.declare("a", "F32", {2}));
  cantFail(writer.declare("b", "U8", {2}));
  EXPECT_EQ(getFailure(writer.declare("a", "F32", {2})), "tensor 'a' is declared twice");
  EXPECT_EQ(getFailure(writer.declare("c", "F31", {2})), "tensor 'c': unknown dtype 'F31'");
  EXPECT_EQ(getFailure(writer.declare("c", "F32", {-2})),
            "tensor 'c': the size of shape [-2] overflows or is no whole number of bytes");
  EXPECT_EQ(getFailure(writer.declare("c", DataType::F32, {INT64_MAX, 4})),
            "tensor 'c': the size of shape [9223372036854775807,4] overflows or is no whole number "
            "of bytes");
  EXPECT_EQ(getFailure(writer.declare("c", DataType::I4, {INT64_MAX, 4})),
            "tensor 'c': the size of shape [9223372036854775807,4] overflows");
  EXPECT_EQ(getFailure(writer.declare("c", DataType::String, {1})),
            "tensor 'c': element type string cannot be stored in a safetensors file");
  EXPECT_EQ(getFailure(writer.declare("__metadata__", "U8", {1})),
            "tensor name '__metadata__' cannot be stored in a safetensors file");
  EXPECT_EQ(getFailure(writer.finish()), "the safetensors header was not written");
  cantFail(writer.writeHeader());
  EXPECT_EQ(getFailure(writer.append(1, "xy")), "tensor 'b': its bytes are not due now");
  EXPECT_EQ(getFailure(writer.append(0, "123456789")), "tensor 'a': expected 8 bytes, got more");
  cantFail(writer.append(0, "1234"));
  EXPECT_EQ(getFailure(writer.finish()), "tensor 'a': expected 8 bytes, got 4");
  cantFail(writer.append(0, "5678"));
  cantFail(writer.append(1, "xy"));
  cantFail(writer.finish());
}

TEST(SafeTensors, BadHeaders) {
  auto tensor = [](StringRef fields) {
    return makeFile(("{\"x\":{" + fields + "}}").str(), "12345678");
  };
  EXPECT_EQ(getFailure("1234567"), "not a safetensors file: 7 bytes, expected at least 8");
  EXPECT_EQ(getFailure(StringRef("\xff\xff\xff\xff\xff\xff\xff\xff", 8)),
            "not a safetensors file: header of 18446744073709551615 bytes, expected at most "
            "100000000");
  EXPECT_EQ(getFailure(StringRef("\x09\0\0\0\0\0\0\0{}", 10)),
            "truncated safetensors file: header of 9 bytes, only 2 there");
  EXPECT_EQ(getFailure(makeFile(" {}")), "not a valid safetensors header: expected '{' at byte 0");
  EXPECT_EQ(getFailure(makeFile("{}  ")), "no error");
  EXPECT_EQ(getFailure(makeFile("{} x")),
            "not a valid safetensors header: unexpected text after the JSON object at byte 3 of "
            "the header");
  EXPECT_EQ(getFailure(makeFile("{}", "abc")),
            "not a valid safetensors header: the tensors cover 0 of the 3 bytes of data at byte 2 "
            "of the header");
  EXPECT_EQ(getFailure(makeFile("{\"\xff\":{}}")),
            "not a valid safetensors header: invalid UTF-8 at byte 2");
  StringRef good = "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]";
  EXPECT_EQ(getFailure(tensor(good)), "no error");
  auto contains = [&](std::string contents, StringRef text) {
    std::string failure = getFailure(contents);
    EXPECT_NE(failure.find(text), std::string::npos) << failure;
  };
  contains(tensor("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]"),
           "tensor 'x': F32[3] takes 12 bytes, data_offsets hold 8");
  contains(tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9]"),
           "tensor 'x': data_offsets [0,9] are not inside the 8 bytes of data");
  contains(tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]"), "are not inside");
  contains(tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]"),
           "expected dtype, shape and two data_offsets");
  contains(tensor("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,1,2]"),
           "expected two data_offsets");
  contains(tensor("\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]"), "unknown dtype 'F33'");
  contains(tensor("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"),
           "expected an integer from 0 to 2^63 - 1");
  contains(tensor("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]"),
           "overflows");
  contains(tensor("\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"),
           "repeated key 'dtype'");
  contains(tensor((good + ",\"more\":1").str()), "unknown key 'more'");
  contains(makeFile(("{\"a\":{" + good + "},\"b\":{" + good + "}}").str(), "12345678"),
           "tensor 'b': its data overlap");
  contains(makeFile("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[6,8]}}", "12345678"),
           "leave a hole");
  contains(
      makeFile("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":"
               "\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
               "12345678"),
      "declared twice");
  contains(makeFile("{\"__metadata__\":{\"a\":1}}"), "expected '\"'");
  contains(makeFile("{\"__metadata__\":{},\"__metadata__\":{}}"), "repeated __metadata__");
  contains(makeFile("{\"\\ud800\":{}}"), "lone surrogate");
  contains(makeFile("{\"" + std::string(100000, '[')), "unterminated string");
  contains(makeFile("{\"a\":" + std::string(100000, '[')), "expected '{'");
}

TEST(SafeTensors, EscapesInNames) {
  std::string bytes = makeFile("{\"\\u00e9\\ud83d\\ude00\\n\\/\":{\"dtype\":\"U8\",\"shape\":[1],"
                               "\"data_offsets\":[0,1]}}",
                               "x");
  SafeTensorsHeader header = cantFail(parseSafeTensorsHeader(bytes, bytes.size()));
  EXPECT_EQ(header.tensors[0].name, "\xc3\xa9\xf0\x9f\x98\x80\n/");
}

TEST(SafeTensors, MutatedFilesNeverCrash) {
  const std::string seed = writeExample();
  const size_t headerEnd = 8 + support::endian::read64le(seed.data());
  std::mt19937 random(7);
  unsigned accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = seed;
    for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
      size_t at = random() % headerEnd;
      switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = "0123456789[]{},:\" "[random() % 18];
        break;
      case 2:
        bytes.resize(random() % bytes.size() + 1);
        break;
      case 3:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      }
      if (bytes.size() < headerEnd)
        break;
    }
    Expected<SafeTensorsHeader> header = parseSafeTensorsHeader(bytes, bytes.size());
    if (!header) {
      EXPECT_FALSE(toString(header.takeError()).empty());
      continue;
    }
    ++accepted;
    for (const SafeTensorInfo &tensor : header->tensors) {
      ASSERT_LE(tensor.offset, bytes.size());
      ASSERT_LE(tensor.length, bytes.size() - tensor.offset);
      consumeError(header->getType(tensor).takeError());
    }
  }
  EXPECT_GT(accepted, 100u);
  EXPECT_LT(accepted, 15000u);
}

TEST(SafeTensors, FileOnDisk) {
  SmallString<128> folder;
  ASSERT_FALSE(sys::fs::createUniqueDirectory("safetensors", folder));
  SmallString<128> path(folder);
  sys::path::append(path, "m.safetensors");
  {
    std::error_code code;
    raw_fd_ostream os(path, code);
    os << writeExample();
  }
  {
    SafeTensorsFile file = cantFail(SafeTensorsFile::open(StringRef(path)));
    EXPECT_EQ(file.getBytes(*file.getHeader().find("odd")).str(), "aaa");
    std::error_code code;
    raw_fd_ostream os((path + "2").str(), code);
    os << "{}";
  }
  Expected<SafeTensorsFile> bad = SafeTensorsFile::open((path + "2").str());
  ASSERT_FALSE(static_cast<bool>(bad));
  EXPECT_EQ(toString(bad.takeError()),
            ("'" + path + "2': not a safetensors file: 2 bytes, expected at least 8").str());
  sys::fs::remove_directories(folder);
}

} // namespace
