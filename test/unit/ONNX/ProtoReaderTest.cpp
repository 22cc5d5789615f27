//===- ProtoReaderTest.cpp - reading and checking ONNX files ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProtoTestModels.h"
#include "compress/Target/ONNX/ExternalData.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace mlir::compress::onnx;
using namespace mlir::compress::onnx::test;

namespace {

/// A field with a length, as bytes.
std::string field(unsigned number, StringRef payload) {
  std::string out;
  llvm::raw_string_ostream os(out);
  llvm::encodeULEB128(number << 3 | 2, os);
  llvm::encodeULEB128(payload.size(), os);
  os << payload;
  return out;
}

/// The error of reading `bytes` as a model, "" if there is none.
std::string readError(StringRef bytes) {
  auto loaded = readModel(llvm::MemoryBufferRef(bytes, "m"));
  return loaded ? "" : text(loaded.takeError());
}

/// Expects that the test model is invalid after `change`, with `expected` in the error.
void expectInvalid(StringRef expected, llvm::function_ref<void(ModelProto &)> change,
                   StringRef folder = "") {
  ModelProto model = makeModel();
  change(model);
  ValidateOptions options;
  options.folder = folder;
  std::string error = text(validateModel(model, options));
  EXPECT_TRUE(StringRef(error).contains(expected))
      << "expected: " << expected.str() << "\nfound:    " << error;
}

TensorProto makeTyped(int32_t type, std::vector<int64_t> dims, uint8_t number, StringRef packed) {
  TensorProto tensor = makeTensor("t", type, std::move(dims), StringRef());
  tensor.typedData = {{number, /*packed=*/true, packed}};
  return tensor;
}

/// Contents of a tensor, or the text of the error.
std::string contents(const TensorProto &tensor) {
  llvm::Expected<TensorBytes> bytes = getTensorBytes(tensor);
  return bytes ? bytes->bytes.str() : text(bytes.takeError());
}

/// A new folder, removed at the end.
class TempFolder {
public:
  TempFolder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("compress-onnx", path)); }
  ~TempFolder() { llvm::sys::fs::remove_directories(path); }
  std::string file(StringRef name) const { return (path + "/" + name).str(); }
  void write(StringRef name, StringRef bytes) const {
    std::error_code ec;
    llvm::raw_fd_ostream(file(name), ec) << bytes;
    EXPECT_FALSE(ec);
  }
  llvm::SmallString<128> path;
};

} // namespace

TEST(ProtoReaderTest, ReadsWhatWasWritten) {
  std::string bytes = serialize(makeModel());
  auto loaded = readModel(llvm::MemoryBufferRef(bytes, "m"));
  ASSERT_TRUE(bool(loaded)) << text(loaded.takeError());
  const ModelProto &model = (*loaded)->model;
  EXPECT_EQ(text(validateModel(model)), "");
  EXPECT_EQ(model.irVersion, 10);
  EXPECT_EQ(model.graph->node.size(), 6u);
  EXPECT_EQ(model.graph->node[0].attribute[0].ints, (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(model.graph->input[0].type->shape->dims[0].param, "batch");
  EXPECT_EQ(model.graph->output[1].type->kind, TypeProto::Kind::Sequence);
  EXPECT_EQ(model.functions[0].node[0].attribute[0].refAttrName, "factor");
  // Presence: no doc_string here, and raw data that is a view of the file.
  EXPECT_FALSE(isPresent(model.docString));
  StringRef raw = model.graph->initializer[1].rawData;
  ASSERT_EQ(raw.size(), 12u);
  EXPECT_EQ((*loaded)->getFileOffset(raw), bytes.find("\xe1\x03\x21"));
  EXPECT_EQ((*loaded)->getFileOffset(StringRef("elsewhere")), std::nullopt);
}

TEST(ProtoReaderTest, WireErrors) {
  EXPECT_EQ(readError(""), "'m': the file is empty, expected an ONNX model");
  EXPECT_EQ(readError(StringRef("\x3a\x05\x0a", 3)),
            "'m': no valid ONNX model: byte 0 in ModelProto: a field ends after the end of its "
            "message (truncated or broken length)");
  EXPECT_EQ(readError(StringRef("\x08\x0a\x38\x01", 4)),
            "'m': no valid ONNX model: byte 2 in ModelProto: wrong wire type for this field");
  EXPECT_EQ(readError(StringRef("\x08\x0a\x00", 3)),
            "'m': no valid ONNX model: byte 2 in ModelProto: invalid field tag");
  EXPECT_EQ(readError(StringRef("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12)),
            "'m': no valid ONNX model: byte 0 in ModelProto: a varint has more than 10 bytes");
  // A group.
  EXPECT_EQ(readError(StringRef("\x08\x0a\xf3\x06\xf4\x06", 6)),
            "'m': no valid ONNX model: byte 2 in ModelProto: unknown or unsupported wire type");
  // An unknown field is skipped.
  EXPECT_EQ(readError("\x08\x0a" + field(99, "anything")), "");
}

TEST(ProtoReaderTest, SubMessagesMergeAndScalarsTakeTheLast) {
  std::string first = field(1, field(4, "Relu")),
              second = field(1, field(4, "Neg")) + field(2, "g");
  std::string bytes = "\x08\x03" + field(7, first) + "\x08\x07" + field(7, second);
  auto loaded = readModel(llvm::MemoryBufferRef(bytes, "m"));
  ASSERT_TRUE(bool(loaded));
  EXPECT_EQ((*loaded)->model.irVersion, 7);
  ASSERT_EQ((*loaded)->model.graph->node.size(), 2u);
  EXPECT_EQ((*loaded)->model.graph->node[1].opType, "Neg");
  EXPECT_EQ((*loaded)->model.graph->name, "g");
}

TEST(ProtoReaderTest, DepthIsLimited) {
  auto nest = [](unsigned levels) {
    // Graph in attribute in node in graph ...
    std::string graph;
    for (unsigned i = 0; i < levels; ++i)
      graph = field(1, field(5, field(6, graph)));
    return readError(field(7, graph));
  };
  EXPECT_EQ(nest(20), ""); // 1 + 1 + 60 levels.
  EXPECT_TRUE(StringRef(nest(21)).contains("messages are nested more than 64 deep"));
  EXPECT_TRUE(StringRef(nest(2000)).contains("messages are nested more than 64 deep"));
}

TEST(ProtoReaderTest, MemoryIsLimited) {
  // Two bytes of the file make one struct of some hundred bytes.
  std::string nodes;
  for (unsigned i = 0; i < (2u << 20); ++i)
    nodes.append("\x0a\x00", 2);
  EXPECT_TRUE(StringRef(readError(field(7, nodes))).contains("bytes of memory"));
}

TEST(ProtoReaderTest, PackedAndUnpackedIntegers) {
  std::string bytes = field(1, StringRef("\x02\x03", 2)) + std::string("\x08\x04", 2);
  auto tensor = readTensor(llvm::MemoryBufferRef(bytes, "t"));
  ASSERT_TRUE(bool(tensor));
  EXPECT_EQ(tensor->dims, (std::vector<int64_t>{2, 3, 4}));
  // INT8 [3]: int32_data unpacked (1, -1), then packed (5).
  std::string minusOne("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
  bytes = std::string("\x08\x03\x10\x03\x28\x01", 6) + minusOne + field(5, "\x05");
  tensor = readTensor(llvm::MemoryBufferRef(bytes, "t"));
  ASSERT_TRUE(bool(tensor));
  EXPECT_EQ(tensor->typedData.size(), 2u);
  EXPECT_EQ(contents(*tensor), "\x01\xff\x05");
}

TEST(ProtoReaderTest, TypedDataIsConverted) {
  // 1.0 as FLOAT16 is 15360, as BFLOAT16 16256.
  EXPECT_EQ(contents(makeTyped(ET_Float16, {1}, 5, "\x80\x78")), StringRef("\x00\x3c", 2).str());
  EXPECT_EQ(contents(makeTyped(ET_BFloat16, {1}, 5, StringRef("\x80\x7f", 2))),
            StringRef("\x80\x3f", 2).str());
  // INT4 [1, -2, 3]: two elements per entry, 0xe1 and 0x03.
  EXPECT_EQ(contents(makeTyped(ET_Int4, {3}, 5, StringRef("\xe1\x01\x03", 3))), "\xe1\x03");
  EXPECT_EQ(contents(makeTyped(ET_Int4, {3}, 5, "\x01\x01\x01")),
            "tensor 't': int32_data has 3 values, expected 2 for its shape");
  // INT2 [1, -2, 0, -1, 1] is c9 01.
  EXPECT_EQ(contents(makeTyped(ET_Int2, {5}, 5, StringRef("\xc9\x01\x01", 3))), "\xc9\x01");
  // FLOAT6: codes 1, 2, 3, 63 in 3 bytes: 0x81, 0x30, 0xfc.
  EXPECT_EQ(contents(makeTyped(ET_Float6E2M3, {4}, 5, "\x01\x02\x03\x3f")), "\x81\x30\xfc");
  EXPECT_EQ(contents(makeTyped(ET_Bool, {3}, 5, StringRef("\x00\x01\x02", 3))),
            StringRef("\x00\x01\x01", 3).str());
  EXPECT_EQ(contents(makeTyped(ET_UInt32, {1}, 11, StringRef("\xff\xff\xff\xff\x0f", 5))),
            "\xff\xff\xff\xff");
  EXPECT_EQ(contents(makeTyped(ET_UInt8, {1}, 5, StringRef("\x80\x02", 2))),
            "tensor 't': int32_data[0] is 256, which is no UINT8");
  // COMPLEX64 has two values per element.
  EXPECT_EQ(contents(makeTyped(ET_Complex64, {1}, 4, "abcdefgh")), "abcdefgh");
  // Packed floats need no copy.
  TensorProto floats = makeTyped(ET_Float, {2}, 4, "abcdefgh");
  llvm::Expected<TensorBytes> bytes = getTensorBytes(floats);
  ASSERT_TRUE(bool(bytes));
  EXPECT_EQ(bytes->bytes.data(), floats.typedData[0].bytes.data());
}

TEST(ProtoReaderTest, TensorErrors) {
  auto check = [](int32_t type, std::vector<int64_t> dims, StringRef raw) {
    return text(validateTensor(makeTensor("t", type, std::move(dims), raw)));
  };
  EXPECT_EQ(check(ET_Float, {2}, "12345678"), "");
  EXPECT_EQ(check(ET_Int4, {3}, "12"), "");
  EXPECT_EQ(check(ET_Float6E3M2, {5}, "1234"), "");
  EXPECT_EQ(check(ET_Float, {int64_t(1) << 62, 0}, ""), "");
  EXPECT_EQ(check(ET_Float, {2}, "1234567"),
            "tensor 't': raw_data has 7 bytes, expected 8 for 2 elements of FLOAT");
  EXPECT_EQ(check(ET_Float, {-1}, ""), "tensor 't': dims[0] is -1, expected 0 or more");
  EXPECT_EQ(check(ET_Float, {int64_t(1) << 32, int64_t(1) << 32}, ""),
            "tensor 't': the product of its dims exceeds 2^63 - 1");
  EXPECT_EQ(check(ET_Float, {int64_t(1) << 60}, ""), "tensor 't': its size exceeds 2^63 - 1 bits");
  EXPECT_EQ(check(0, {1}, "1"),
            "tensor 't': data_type is 0, expected an element type from 1 to 28");
  EXPECT_EQ(check(99, {1}, "1"),
            "tensor 't': data_type is 99, expected an element type from 1 to 28");
  EXPECT_EQ(check(ET_String, {1}, "x"),
            "tensor 't': STRING data is in raw_data, expected string_data");
  EXPECT_EQ(text(validateTensor(makeTyped(ET_Float, {1}, 5, "1"))),
            "tensor 't': FLOAT data is in int32_data, expected raw_data or float_data");
  TensorProto both = makeTyped(ET_Float, {1}, 4, "1234");
  both.rawData = "1234";
  EXPECT_EQ(text(validateTensor(both)),
            "tensor 't': data is stored twice, in raw_data and in float_data");
  TensorProto segment = makeTensor("t", ET_Float, {1}, "1234");
  segment.segment = "";
  EXPECT_EQ(text(validateTensor(segment)),
            "tensor 't': field segment is set; tensors in segments are not supported");
}

TEST(ProtoReaderTest, HeaderRules) {
  expectInvalid("field ir_version is missing", [](ModelProto &m) { m.irVersion.reset(); });
  for (int64_t version : {-1, 0, 15})
    expectInvalid("expected 1 to 14", [&](ModelProto &m) { m.irVersion = version; });
  expectInvalid("field graph is missing", [](ModelProto &m) { m.graph.reset(); });
  expectInvalid("opset_import is missing", [](ModelProto &m) { m.opsetImport.clear(); });
  expectInvalid("domain 'local' has no entry in opset_import",
                [](ModelProto &m) { m.opsetImport.pop_back(); });
  for (int64_t version : {int64_t(-1), int64_t(0), int64_t(29), int64_t(9999), int64_t(1) << 40})
    expectInvalid("expected 1 to 28", [&](ModelProto &m) { m.opsetImport[0].version = version; });
  expectInvalid("has domain '' twice",
                [](ModelProto &m) { m.opsetImport.push_back({"ai.onnx", 21}); });
}

TEST(ProtoReaderTest, NameRules) {
  expectInvalid("initializer 'w' is defined twice",
                [](ModelProto &m) { m.graph->initializer.push_back(m.graph->initializer[0]); });
  expectInvalid("output 'conv' is defined before",
                [](ModelProto &m) { m.graph->node[1].output[0] = "conv"; });
  expectInvalid("output 'w' is defined before",
                [](ModelProto &m) { m.graph->node[0].output[0] = "w"; });
  expectInvalid("graph input 'x' is defined twice",
                [](ModelProto &m) { m.graph->input.push_back(m.graph->input[0]); });
  expectInvalid("input 'nope' is not defined",
                [](ModelProto &m) { m.graph->node[1].input[0] = "nope"; });
  expectInvalid("output 'nope' of graph 'main' is not produced",
                [](ModelProto &m) { m.graph->output[0].name = "nope"; });
  expectInvalid(
      "node 'conv' ('Conv'): input 'conv' is used before node 'conv' ('Conv') produces it",
      [](ModelProto &m) { m.graph->node[0].input[0] = "conv"; });
  expectInvalid("nodes must be sorted",
                [](ModelProto &m) { std::swap(m.graph->node[0], m.graph->node[1]); });
  // A body may reuse a later outer name, not an earlier one, and must produce its outputs.
  auto renameThen = [](ModelProto &m, StringRef name) {
    GraphProto &body = *m.graph->node[4].attribute[0].g;
    body.node[0].output[0] = name;
    body.output[0].name = name;
  };
  ModelProto later = makeModel();
  renameThen(later, "seq");
  EXPECT_EQ(text(validateModel(later)), "");
  expectInvalid("output 'flat' is defined before", [&](ModelProto &m) { renameThen(m, "flat"); });
  expectInvalid("output 'y' of graph 'branch' is not produced in this graph",
                [](ModelProto &m) { m.graph->node[4].attribute[0].g->output[0].name = "y"; });
}

TEST(ProtoReaderTest, NodeRules) {
  expectInvalid("unknown operator", [](ModelProto &m) { m.graph->node[1].opType = "Flat"; });
  expectInvalid("op_type is missing", [](ModelProto &m) { m.graph->node[1].opType = ""; });
  expectInvalid("operator exists from opset 24, the model has opset 21",
                [](ModelProto &m) { m.graph->node[1].opType = "Swish"; });
  expectInvalid("Flatten (version 21) has 2 inputs, expected 1",
                [](ModelProto &m) { m.graph->node[1].input.push_back("x"); });
  expectInvalid("Flatten (version 21) has 0 outputs, expected 1",
                [](ModelProto &m) { m.graph->node[1].output.clear(); });
  expectInvalid("attribute 'kernel_shape' appears twice", [](ModelProto &m) {
    m.graph->node[0].attribute.push_back(m.graph->node[0].attribute[0]);
  });
  expectInvalid("unknown attribute 'kernel'",
                [](ModelProto &m) { m.graph->node[0].attribute[0].name = "kernel"; });
  expectInvalid("type is 0, expected 1 to 14",
                [](ModelProto &m) { m.graph->node[0].attribute[0].type.reset(); });
  expectInvalid("type is INT, but it has a value of INTS",
                [](ModelProto &m) { m.graph->node[0].attribute[0].type = AT_Int; });
  expectInvalid("attribute 'kernel_shape' has type FLOATS, expected INTS", [](ModelProto &m) {
    m.graph->node[0].attribute[0].type = AT_Floats;
    m.graph->node[0].attribute[0].ints.clear();
  });
  expectInvalid("attribute 'else_branch' is missing",
                [](ModelProto &m) { m.graph->node[4].attribute.pop_back(); });
  expectInvalid("ref_attr_name 'factor' is allowed in functions only", [](ModelProto &m) {
    m.graph->node[0].attribute[0].ints.clear();
    m.graph->node[0].attribute[0].refAttrName = "factor";
  });
  expectInvalid("'then_branch' has 2 outputs, expected 1 as the node", [](ModelProto &m) {
    GraphProto &body = *m.graph->node[4].attribute[0].g;
    body.output.push_back(body.output[0]);
  });
  expectInvalid("dim_value of axis 1 is -1",
                [](ModelProto &m) { m.graph->input[0].type->shape->dims[1].value = -1; });
}

TEST(ProtoReaderTest, FunctionRules) {
  expectInvalid("function 'Scale' of domain 'local' is defined twice",
                [](ModelProto &m) { m.functions.push_back(m.functions[0]); });
  expectInvalid("calls a function that domain 'local' of the model lacks",
                [](ModelProto &m) { m.functions[0].name = "Other"; });
  expectInvalid("domain '' has no entry in opset_import of the function",
                [](ModelProto &m) { m.functions[0].opsetImport.clear(); });
  expectInvalid("input 'w' is not defined",
                [](ModelProto &m) { m.functions[0].node[1].input[0] = "w"; });
  expectInvalid("ref_attr_name 'other' is no attribute of the function",
                [](ModelProto &m) { m.functions[0].node[0].attribute[0].refAttrName = "other"; });
  expectInvalid("has 2 inputs and 1 outputs, the function it calls has 1 and 1", [](ModelProto &m) {
    m.graph->node[4].attribute[1].g->node[0].input.push_back("y");
  });
  expectInvalid("function 'Scale' calls itself", [](ModelProto &m) {
    m.functions[0].opsetImport.push_back({"local", 1});
    m.functions[0].node[1] = makeNode("Scale", {"a"}, {"b"});
    m.functions[0].node[1].domain = "local";
  });
  // Each of 24 functions calls the next one twice.
  std::vector<std::string> names;
  for (unsigned i = 0; i <= 24; ++i)
    names.push_back("F" + std::to_string(i));
  expectInvalid("nodes after inlining its functions, expected 1000000 at most", [&](ModelProto &m) {
    for (unsigned i = 0; i < 24; ++i) {
      FunctionProto f;
      f.name = names[i];
      f.domain = "local";
      f.input = {"a"};
      f.output = {"c"};
      f.opsetImport = {{"", 21}, {"local", 1}};
      StringRef callee = i == 23 ? StringRef("Relu") : StringRef(names[i + 1]);
      f.node = {makeNode(callee, {"a"}, {"b"}), makeNode(callee, {"b"}, {"c"})};
      if (i != 23)
        f.node[0].domain = f.node[1].domain = "local";
      m.functions.push_back(std::move(f));
    }
    m.graph->node[1].opType = names[0];
    m.graph->node[1].domain = "local";
  });
}

TEST(ProtoReaderTest, SparseInitializers) {
  auto add = [](ModelProto &m, StringRef indices, std::vector<int64_t> dims) {
    SparseTensorProto sparse;
    sparse.values = makeTensor("sparse", ET_Float, {2}, "12345678");
    sparse.indices = makeTensor("", ET_Int64, {2}, indices);
    sparse.dims = std::move(dims);
    m.graph->sparseInitializer.push_back(std::move(sparse));
  };
  auto index = [](int64_t a, int64_t b) {
    int64_t both[] = {a, b};
    return std::string(reinterpret_cast<const char *>(both), 16);
  };
  std::string good = index(1, 5), large = index(1, 6), negative = index(-1, 5),
              unsorted = index(5, 1);
  ModelProto model = makeModel();
  add(model, good, {2, 3});
  EXPECT_EQ(text(validateModel(model)), "");
  expectInvalid("index 1 is 6, expected 0 to less than 6",
                [&](ModelProto &m) { add(m, large, {2, 3}); });
  expectInvalid("index 0 is -1", [&](ModelProto &m) { add(m, negative, {2, 3}); });
  expectInvalid("indices are not sorted", [&](ModelProto &m) { add(m, unsorted, {2, 3}); });
  expectInvalid("expected 2 GiB at most", [&](ModelProto &m) { add(m, good, {int64_t(1) << 36}); });
  expectInvalid("the product of its dims exceeds",
                [&](ModelProto &m) { add(m, good, {int64_t(1) << 40, int64_t(1) << 40}); });
  expectInvalid("indices must be INT64 of shape [2]", [&](ModelProto &m) {
    add(m, good, {2, 3});
    m.graph->sparseInitializer[0].indices->dims = {1, 2};
  });
}

TEST(ProtoReaderTest, ExternalDataRules) {
  TempFolder folder, outside;
  folder.write("bias.bin", "0123456789abcdef");
  outside.write("bias.bin", "0123456789abcdef");
  ModelProto model = makeModel();
  ValidateOptions options;
  options.folder = folder.path;
  EXPECT_EQ(text(validateModel(model, options)), "");
  llvm::Expected<ExternalFile> file = resolveExternalData(model.graph->initializer[3], folder.path);
  ASSERT_TRUE(bool(file)) << text(file.takeError());
  EXPECT_EQ(file->offset, 4u);
  EXPECT_EQ(file->length, 12u);
  auto mapped = mapExternalData(*file);
  ASSERT_TRUE(bool(mapped));
  EXPECT_EQ((*mapped)->getBuffer(), "456789abcdef");

  auto expect = [&](StringRef expected, unsigned entry, StringRef value) {
    expectInvalid(
        expected, [&](ModelProto &m) { m.graph->initializer[3].externalData[entry].value = value; },
        folder.path);
  };
  std::string absolute = folder.file("bias.bin");
  expect("is absolute", 0, absolute);
  expect("contains '..'", 0, "../bias.bin");
  expect("contains '..'", 0, "sub/../../bias.bin");
  expect("no location", 0, "");
  expect("contains a zero byte", 0, StringRef("bias.bin\0x", 10));
  expect("cannot find 'missing.bin'", 0, "missing.bin");
  ASSERT_FALSE(llvm::sys::fs::create_directory(folder.file("sub")));
  expect("'sub' is no regular file", 0, "sub");
  expect("link that leads out", 0, ".");
  expect("exceed the 16 bytes", 1, "5");
  expect("exceed the 16 bytes", 1, "18446744073709551615");
  expect("offset is '18446744073709551616'", 1, "18446744073709551616");
  expect("offset is '-1'", 1, "-1");
  expect("offset is 'ten'", 1, "ten");
  expect("length is 11, expected the 12 bytes of its shape", 2, "11");
  ASSERT_FALSE(llvm::sys::fs::create_link(outside.file("bias.bin"), folder.file("link.bin")));
  expect("link that leads out", 0, "link.bin");
  ASSERT_FALSE(llvm::sys::fs::create_link(folder.file("bias.bin"), folder.file("a..b.bin")));
  model.graph->initializer[3].externalData[0].value = "a..b.bin";
  EXPECT_EQ(text(validateModel(model, options)), "");
  model.graph->initializer[3].externalData[0].value = "link.bin";
  options.allowOutsideLinks = true;
  EXPECT_EQ(text(validateModel(model, options)), "");
  expectInvalid("key 'offset' appears twice", [](ModelProto &m) {
    m.graph->initializer[3].externalData.push_back({"offset", "4"});
  });
  expectInvalid("stored twice, in the model and in external_data",
                [](ModelProto &m) { m.graph->initializer[3].rawData = "123456789abc"; });
}

TEST(ProtoReaderTest, WarningsForOddButLegal) {
  ModelProto model = makeModel();
  model.metadataProps.push_back({"key", "again"});
  model.graph->initializer[3].externalData.push_back({"foo", "1"});
  std::vector<std::string> warnings;
  ValidateOptions options;
  options.warnings = &warnings;
  EXPECT_EQ(text(validateModel(model, options)), "");
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0], "model: metadata_props has key 'key' twice");
  EXPECT_EQ(warnings[1], "external data of tensor 'bias': unknown key 'foo' ignored");
}

TEST(ProtoReaderTest, FilesThatAreNoModels) {
  TempFolder folder;
  EXPECT_NE(text(readModel(folder.file("missing.onnx")).takeError()), "");
  auto loaded = readModel(folder.path);
  ASSERT_FALSE(bool(loaded));
  EXPECT_TRUE(StringRef(text(loaded.takeError())).contains("no regular file"));
  EXPECT_TRUE(StringRef(text(readModel("/dev/zero").takeError())).contains("no regular file"));
  // 4 GiB, sparse.
  folder.write("huge.onnx", "");
  int fd;
  ASSERT_FALSE(llvm::sys::fs::openFileForReadWrite(
      folder.file("huge.onnx"), fd, llvm::sys::fs::CD_OpenExisting, llvm::sys::fs::OF_None));
  ASSERT_FALSE(llvm::sys::fs::resize_file(fd, uint64_t(1) << 32));
  EXPECT_TRUE(StringRef(text(readModel(folder.file("huge.onnx")).takeError()))
                  .contains("expected less than 4 GiB"));
}
