//===- ProtoWriterTest.cpp - writing ONNX files ----------------*- C++ -*-===//
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
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace mlir::compress::onnx;
using namespace mlir::compress::onnx::test;
namespace fs = llvm::sys::fs;

namespace {

class ProtoWriterTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(fs::createUniqueDirectory("compress-onnx", folder)); }
  void TearDown() override { fs::remove_directories(folder); }
  std::string file(StringRef name) const { return (folder + "/" + name).str(); }
  static std::string read(StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : "missing";
  }
  void write(StringRef name, StringRef bytes) const {
    std::error_code ec;
    llvm::raw_fd_ostream(file(name), ec) << bytes;
    ASSERT_FALSE(ec);
  }
  /// Sorted names of the files in the folder.
  std::vector<std::string> list() const {
    std::vector<std::string> names;
    std::error_code ec;
    for (fs::directory_iterator it(folder, ec), end; it != end && !ec; it.increment(ec))
      names.push_back(llvm::sys::path::filename(it->path()).str());
    llvm::sort(names);
    return names;
  }
  llvm::SmallString<128> folder;
};

/// A model with one initializer of `size` bytes that a function produces.
ModelProto makeProduced(uint64_t size, std::function<llvm::Error(llvm::raw_ostream &)> producer) {
  ModelProto model = makeModel();
  TensorProto tensor = makeTensor("big", ET_UInt8, {static_cast<int64_t>(size)}, StringRef());
  tensor.producer = std::move(producer);
  tensor.producerSize = size;
  model.graph->initializer.push_back(std::move(tensor));
  return model;
}

llvm::Error writeXs(llvm::raw_ostream &os) {
  os << std::string(5000, 'x');
  return llvm::Error::success();
}

} // namespace

TEST_F(ProtoWriterTest, BytesAreCanonical) {
  ModelProto model;
  model.graph = GraphProto();
  model.graph->name = "g";
  model.irVersion = 10;
  model.docString = "";
  model.opsetImport = {{StringRef(), 300}};
  // In the order of field numbers; an empty string is present, an absent one is not.
  EXPECT_EQ(serialize(model),
            StringRef("\x08\x0a\x32\x00\x3a\x03\x12\x01g\x42\x03\x10\xac\x02", 14));
  EXPECT_EQ(llvm::cantFail(getModelSize(model)), 14u);
}

TEST_F(ProtoWriterTest, EveryFieldComesBack) {
  ModelProto model = makeModel();
  model.trainingInfo = {"\x0a\x00"};
  model.configuration = {"\x0a\x01z"};
  model.modelVersion = -3;
  GraphProto &graph = *model.graph;
  graph.quantizationAnnotation = {{"w", {{"SCALE_TENSOR", "s"}}}};
  graph.node[0].deviceConfigurations = {"\x0a\x01q"};
  graph.node[0].overload = "o";
  TypeProto map;
  map.kind = TypeProto::Kind::Map;
  map.elemType = ET_Int64;
  map.element = *graph.output[1].type;
  map.denotation = "d";
  TypeProto optional;
  optional.kind = TypeProto::Kind::Optional;
  optional.element = map;
  TypeProto opaque;
  opaque.kind = TypeProto::Kind::Opaque;
  opaque.opaqueDomain = "od";
  opaque.opaqueName = "on";
  opaque.denotation = "x";
  AttributeProto all = makeFloat("all", 1.5f);
  all.i = -1;
  all.s = "s";
  all.floats = {1, 2};
  all.strings = {"", "b"};
  all.tp = optional;
  all.typeProtos = {opaque, map};
  all.t = makeTensor("t", ET_String, {1}, StringRef());
  all.t->stringData = {"text"};
  all.tensors = {*all.t};
  all.sparseTensor = SparseTensorProto{*all.t, *all.t, {7}};
  all.sparseTensors = {*all.sparseTensor};
  all.graphs = {GraphProto()};
  graph.node[1].attribute = {all};

  std::string bytes = serialize(model);
  auto loaded = readModel(llvm::MemoryBufferRef(bytes, "m"));
  ASSERT_TRUE(bool(loaded)) << text(loaded.takeError());
  EXPECT_EQ(serialize((*loaded)->model), bytes);
  const ModelProto &again = (*loaded)->model;
  EXPECT_EQ(again.modelVersion, -3);
  EXPECT_EQ(again.configuration[0], "\x0a\x01z");
  const AttributeProto &attribute = again.graph->node[1].attribute[0];
  EXPECT_EQ(attribute.i, -1);
  EXPECT_EQ(attribute.strings[1], "b");
  EXPECT_EQ(attribute.tp->element->kind, TypeProto::Kind::Map);
  EXPECT_EQ(attribute.tp->element->element->kind, TypeProto::Kind::Sequence);
  EXPECT_EQ(attribute.typeProtos[0].opaqueName, "on");
  EXPECT_EQ(attribute.sparseTensors[0].dims[0], 7);
  EXPECT_EQ(again.graph->quantizationAnnotation[0].quantParameterTensorNames[0].value, "s");
}

TEST_F(ProtoWriterTest, AttributesAsRawBytes) {
  llvm::Expected<std::string> bytes = serializeAttribute(makeInts("axes", {1, -1}));
  ASSERT_TRUE(bool(bytes));
  llvm::Expected<AttributeProto> attribute = readAttribute(*bytes);
  ASSERT_TRUE(bool(attribute));
  EXPECT_EQ(attribute->ints, (std::vector<int64_t>{1, -1}));
  EXPECT_EQ(attribute->raw, *bytes);
  // Unknown field 99 survives when the bytes are kept.
  std::string unknown = *bytes + "\x9a\x06\x01?";
  ModelProto model = makeModel();
  model.graph->node[0].attribute = {AttributeProto::fromRaw(unknown)};
  std::string file = serialize(model);
  auto loaded = readModel(llvm::MemoryBufferRef(file, "m"));
  ASSERT_TRUE(bool(loaded));
  EXPECT_EQ((*loaded)->model.graph->node[0].attribute[0].raw, unknown);
  EXPECT_EQ((*loaded)->model.graph->node[0].attribute[0].name, "axes");
}

TEST_F(ProtoWriterTest, ProducersStream) {
  ModelProto model = makeProduced(5000, writeXs);
  ASSERT_EQ(text(writeModelFile(model, file("m.onnx"))), "");
  auto loaded = readModel(file("m.onnx"));
  ASSERT_TRUE(bool(loaded));
  EXPECT_EQ((*loaded)->model.graph->initializer.back().rawData, std::string(5000, 'x'));
  EXPECT_EQ((*loaded)->folder, folder);
  EXPECT_EQ(list(), (std::vector<std::string>{"m.onnx"}));
}

TEST_F(ProtoWriterTest, FailuresLeaveTheOldFile) {
  write("m.onnx", "old");
  write("m.onnx.data", "old data");
  for (auto mode : {WriteOptions::ExternalData::Never, WriteOptions::ExternalData::Always}) {
    WriteOptions options;
    options.externalData = mode;
    ModelProto shorter = makeProduced(5001, writeXs);
    EXPECT_EQ(text(writeModelFile(shorter, file("m.onnx"), options)),
              "tensor 'big': 5000 bytes were produced, expected 5001");
    ModelProto broken = makeProduced(5000, [](llvm::raw_ostream &) {
      return llvm::make_error<llvm::StringError>("no bytes", llvm::inconvertibleErrorCode());
    });
    EXPECT_EQ(text(writeModelFile(broken, file("m.onnx"), options)), "tensor 'big': no bytes");
  }
  EXPECT_EQ(read(file("m.onnx")), "old");
  EXPECT_EQ(read(file("m.onnx.data")), "old data");
  EXPECT_EQ(list(), (std::vector<std::string>{"m.onnx", "m.onnx.data"}));
  EXPECT_NE(text(writeModelFile(makeModel(), file("no/such/folder.onnx"))), "");
  EXPECT_NE(text(writeModelFile(makeModel(), folder)), "");
}

TEST_F(ProtoWriterTest, ExternalData) {
  ModelProto model = makeProduced(5000, writeXs);
  TensorProto second = makeTensor("second", ET_UInt8, {72}, model.graph->initializer[0].rawData);
  model.graph->initializer.push_back(second);
  WriteOptions options;
  options.externalData = WriteOptions::ExternalData::Always;
  options.externalThreshold = 72;
  ASSERT_EQ(text(writeModelFile(model, file("m.onnx"), options)), "");
  EXPECT_EQ(list(), (std::vector<std::string>{"m.onnx", "m.onnx.data"}));

  auto loaded = readModel(file("m.onnx"));
  ASSERT_TRUE(bool(loaded));
  ValidateOptions validate;
  validate.folder = folder;
  write("bias.bin", "0123456789abcdef");
  EXPECT_EQ(text(validateModel((*loaded)->model, validate)), "");
  // w (72 bytes), big and second, each on its own page; the 12 bytes of q stay.
  const std::vector<TensorProto> &tensors = (*loaded)->model.graph->initializer;
  uint64_t offsets[] = {0, 4096, 12288};
  unsigned i = 0;
  for (unsigned index : {0, 4, 5}) {
    llvm::Expected<ExternalFile> place = resolveExternalData(tensors[index], folder);
    ASSERT_TRUE(bool(place)) << text(place.takeError());
    EXPECT_EQ(place->offset, offsets[i++]);
    EXPECT_EQ(place->fileSize, 12288u + 72u);
  }
  EXPECT_EQ(tensors[1].rawData.size(), 12u);
  auto mapped = mapExternalData(llvm::cantFail(resolveExternalData(tensors[4], folder)));
  ASSERT_TRUE(bool(mapped));
  EXPECT_EQ((*mapped)->getBuffer(), std::string(5000, 'x'));
}

TEST_F(ProtoWriterTest, AutoChoosesByTheSize) {
  ModelProto model = makeProduced(5000, writeXs);
  WriteOptions options;
  options.inlineLimit = 5000;
  ASSERT_EQ(text(writeModelFile(model, file("m.onnx"), options)), "");
  EXPECT_EQ(list(), (std::vector<std::string>{"m.onnx", "m.onnx.data"}));
}

TEST_F(ProtoWriterTest, RefusesMoreThanTwoGigabytesInline) {
  ModelProto model = makeProduced(uint64_t(1) << 31, [](llvm::raw_ostream &) -> llvm::Error {
    ADD_FAILURE() << "nothing may be written";
    return llvm::Error::success();
  });
  WriteOptions options;
  options.externalData = WriteOptions::ExternalData::Never;
  std::string error = text(writeModelFile(model, file("m.onnx"), options));
  EXPECT_TRUE(StringRef(error).contains("write its weights as external data")) << error;
  EXPECT_TRUE(list().empty());
}

TEST_F(ProtoWriterTest, LinksAndPermissionsAreKept) {
  write("real.onnx", "old");
  ASSERT_FALSE(fs::setPermissions(file("real.onnx"), fs::owner_read | fs::owner_write));
  ASSERT_FALSE(fs::create_link("real.onnx", file("link.onnx")));
  ASSERT_EQ(text(writeModelFile(makeModel(), file("link.onnx"))), "");
  EXPECT_TRUE(fs::is_symlink_file(file("link.onnx")));
  EXPECT_EQ(read(file("real.onnx")), serialize(makeModel()));
  EXPECT_EQ(*fs::getPermissions(file("real.onnx")), fs::owner_read | fs::owner_write);
}

TEST_F(ProtoWriterTest, MayReplaceTheFileItReads) {
  ASSERT_EQ(text(writeModelFile(makeProduced(5000, writeXs), file("m.onnx"))), "");
  std::string before = read(file("m.onnx"));
  auto loaded = readModel(file("m.onnx"));
  ASSERT_TRUE(bool(loaded));
  ASSERT_EQ(text(writeModelFile((*loaded)->model, file("m.onnx"))), "");
  EXPECT_EQ(read(file("m.onnx")), before);
}

TEST_F(ProtoWriterTest, WritesToDevices) {
  EXPECT_EQ(text(writeModelFile(makeModel(), "/dev/null")), "");
}

TEST_F(ProtoWriterTest, RefusesDeepNesting) {
  GraphProto graph;
  for (unsigned i = 0; i < 21; ++i) {
    GraphProto outer;
    outer.node.emplace_back();
    outer.node[0].attribute.push_back(makeGraph("g", std::move(graph)));
    graph = std::move(outer);
  }
  ModelProto model;
  model.graph = std::move(graph);
  EXPECT_TRUE(
      StringRef(text(getModelSize(model).takeError())).contains("nested more than 64 deep"));
}
