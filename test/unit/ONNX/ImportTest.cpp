//===- ImportTest.cpp - import of ONNX models -------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/Import.h"
#include "ProtoTestModels.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Support/MappedFile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;
using namespace mlir::compress::onnx::test;

namespace {

/// y = x * w + b, with w of 2 KiB and b of 64 bytes.
struct SmallModel {
  std::string weightBytes = std::string(2048, '\x3f'), biasBytes = std::string(64, '\0');
  ModelProto model;

  explicit SmallModel(int64_t irVersion = 8, bool initializersAreInputs = false) {
    model.irVersion = irVersion;
    OperatorSetId opset;
    opset.domain = "";
    opset.version = 13;
    model.opsetImport.push_back(opset);
    model.producerName = "test";
    GraphProto graph;
    graph.name = "g";
    graph.initializer.push_back(makeTensor("w", ET_Float, {32, 16}, weightBytes));
    graph.initializer.push_back(makeTensor("b", ET_Float, {16}, biasBytes));
    graph.input.push_back(makeValue("x", ET_Float, {4, 32}));
    if (initializersAreInputs) {
      graph.input.push_back(makeValue("w", ET_Float, {32, 16}));
      graph.input.push_back(makeValue("b", ET_Float, {16}));
    }
    graph.output.push_back(makeValue("y", ET_Float, {4, 16}));
    graph.node.push_back(makeNode("MatMul", {"x", "w"}, {"p"}));
    graph.node.push_back(makeNode("Add", {"p", "b"}, {"y"}));
    model.graph = graph;
  }
};

class ImportTest : public ::testing::Test {
protected:
  FailureOr<OwningOpRef<ModuleOp>> import(const ModelProto &model,
                                          const ImportOptions &options = {}) {
    bytes = serialize(model);
    return importOnnx(llvm::MemoryBufferRef(bytes, "test.onnx"), &context, options);
  }
  template <typename OpTy>
  SmallVector<OpTy> ops(ModuleOp module) {
    SmallVector<OpTy> result;
    module.walk([&](OpTy op) { result.push_back(op); });
    return result;
  }
  MLIRContext context;
  std::string bytes;
};

TEST_F(ImportTest, NodesAndWeights) {
  SmallModel small;
  auto module = import(small.model);
  ASSERT_TRUE(succeeded(module));
  EXPECT_TRUE(succeeded(verify(**module)));
  auto weights = ops<WeightOp>(**module);
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0].getSymName(), "w");
  EXPECT_EQ(weights[1].getSymName(), "b");
  EXPECT_TRUE(isa<DenseResourceElementsAttr>(weights[0].getValue()));
  EXPECT_TRUE(isa<DenseElementsAttr>(weights[1].getValue()));
  WeightStore store(&context);
  auto read = store.read(weights[0].getValue(), weights[0].getTensorType(),
                         [&] { return weights[0].emitError(); });
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(StringRef(read->bytes().data(), read->bytes().size()), small.weightBytes);

  auto nodes = ops<OnnxOp>(**module);
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_EQ(nodes[0].getOpType(), "MatMul");
  EXPECT_EQ(nodes[0].getVersion(), 13u);
  EXPECT_TRUE(isa<OnnxValueType>(nodes[0].getResult(0).getType()));
  auto main = (*module)->lookupSymbol<func::FuncOp>("main");
  ASSERT_TRUE(main);
  EXPECT_EQ(main.getNumArguments(), 1u);
  EXPECT_EQ(main.getArgAttrOfType<StringAttr>(0, "compress.name").getValue(), "x");
  EXPECT_EQ(main.getResultAttrOfType<StringAttr>(0, "compress.name").getValue(), "y");
  auto info = (*module)->getOperation()->getAttrOfType<DictionaryAttr>("compress.onnx");
  EXPECT_EQ(info.getAs<StringAttr>("producer_name").getValue(), "test");
  EXPECT_EQ(info.getAs<IntegerAttr>("ir_version").getInt(), 8);
}

TEST_F(ImportTest, InitializersAsInputs) {
  SmallModel old(/*irVersion=*/3, /*initializersAreInputs=*/true);
  auto module = import(old.model);
  ASSERT_TRUE(succeeded(module));
  auto main = (*module)->lookupSymbol<func::FuncOp>("main");
  EXPECT_EQ(main.getNumArguments(), 1u);
  EXPECT_EQ(ops<WeightOp>(**module)[0]->getAttrOfType<IntegerAttr>("compress.graph_input").getInt(),
            1);

  SmallModel overridable(/*irVersion=*/8, /*initializersAreInputs=*/true);
  module = import(overridable.model);
  ASSERT_TRUE(succeeded(module));
  main = (*module)->lookupSymbol<func::FuncOp>("main");
  ASSERT_EQ(main.getNumArguments(), 3u);
  EXPECT_EQ(main.getArgAttrOfType<FlatSymbolRefAttr>(1, "compress.default").getValue(), "w");
  EXPECT_TRUE(ops<LoadOp>(**module).empty());
}

TEST_F(ImportTest, DimsByName) {
  SmallModel small;
  Dimension &dim = small.model.graph->input[0].type->shape->dims[0];
  dim.kind = Dimension::Kind::Param;
  dim.param = "batch";
  auto module = import(small.model);
  ASSERT_TRUE(succeeded(module));
  auto main = (*module)->lookupSymbol<func::FuncOp>("main");
  EXPECT_TRUE(cast<RankedTensorType>(main.getArgumentTypes()[0]).isDynamicDim(0));
  auto names = main.getArgAttrOfType<ArrayAttr>(0, "compress.dims");
  EXPECT_EQ(cast<StringAttr>(names[0]).getValue(), "batch");

  ImportOptions options;
  options.dims["batch"] = 7;
  module = import(small.model, options);
  ASSERT_TRUE(succeeded(module));
  main = (*module)->lookupSymbol<func::FuncOp>("main");
  EXPECT_EQ(cast<RankedTensorType>(main.getArgumentTypes()[0]).getDimSize(0), 7);

  options.dims["batch"] = -1;
  ScopedDiagnosticHandler silent(&context, [](Diagnostic &) { return success(); });
  EXPECT_TRUE(failed(import(small.model, options)));
}

TEST_F(ImportTest, WeightNamedMainIsRenamed) {
  SmallModel small;
  small.model.graph->initializer[0].name = "main";
  small.model.graph->node[0].input[1] = "main";
  auto module = import(small.model);
  ASSERT_TRUE(succeeded(module));
  WeightOp weight = ops<WeightOp>(**module)[0];
  EXPECT_EQ(weight.getSymName(), "main_0");
  EXPECT_EQ(weight->getAttrOfType<StringAttr>("compress.onnx_name").getValue(), "main");
}

TEST_F(ImportTest, SparseInitializerIsDense) {
  SmallModel small;
  GraphProto &graph = *small.model.graph;
  graph.initializer.pop_back();
  float value = 2.5f;
  int64_t index = 3;
  SparseTensorProto sparse;
  sparse.dims = {16};
  sparse.values =
      makeTensor("b", ET_Float, {1}, StringRef(reinterpret_cast<char *>(&value), sizeof(value)));
  sparse.indices =
      makeTensor("", ET_Int64, {1}, StringRef(reinterpret_cast<char *>(&index), sizeof(index)));
  graph.sparseInitializer.push_back(sparse);
  auto module = import(small.model);
  ASSERT_TRUE(succeeded(module));
  auto dense = dyn_cast<DenseElementsAttr>(ops<WeightOp>(**module)[1].getValue());
  ASSERT_TRUE(dense);
  auto values = llvm::to_vector(dense.getValues<float>());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], i == 3 ? 2.5f : 0.0f);
}

TEST_F(ImportTest, InvalidModels) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  SmallModel undefined;
  undefined.model.graph->node[0].input[1] = "nowhere";
  EXPECT_TRUE(failed(import(undefined.model)));
  EXPECT_NE(message.find("nowhere"), std::string::npos);

  SmallModel truncated;
  truncated.model.graph->initializer[0].rawData = StringRef(truncated.weightBytes).drop_back();
  EXPECT_TRUE(failed(import(truncated.model)));
  EXPECT_NE(message.find("'w'"), std::string::npos);

  EXPECT_TRUE(failed(importOnnx("no-such-file.onnx", &context)));
  EXPECT_NE(message.find("no-such-file.onnx"), std::string::npos);
}

TEST_F(ImportTest, WeightsByReference) {
  SmallModel small;
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("compress-import", folder));
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, "m.onnx");
  ASSERT_EQ(text(writeModelFile(small.model, path)), "");

  auto module = importOnnx(path, &context);
  ASSERT_TRUE(succeeded(module));
  auto weights = ops<WeightOp>(**module);
  auto file = dyn_cast<FileAttr>(weights[0].getValue());
  ASSERT_TRUE(file);
  EXPECT_EQ(file.getPath(), "m.onnx");
  EXPECT_EQ(file.getLength(), 2048u);
  EXPECT_EQ(file.getHash(), contentHash(small.weightBytes));
  EXPECT_TRUE(isa<DenseElementsAttr>(weights[1].getValue()));
  WeightStore store(&context);
  auto read = store.read(file, weights[0].getTensorType(), [&] { return weights[0].emitError(); });
  ASSERT_TRUE(succeeded(read));
  EXPECT_EQ(StringRef(read->bytes().data(), read->bytes().size()), small.weightBytes);

  ImportOptions copying;
  copying.weightsByReference = false;
  auto copied = importOnnx(path, &context, copying);
  ASSERT_TRUE(succeeded(copied));
  EXPECT_TRUE(isa<DenseResourceElementsAttr>(ops<WeightOp>(**copied)[0].getValue()));
  llvm::sys::fs::remove_directories(folder);
}

} // namespace
