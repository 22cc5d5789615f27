//===- ExportTest.cpp - modules to ONNX files -------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/Export.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

namespace {

class ExportTest : public ::testing::Test {
protected:
  void SetUp() override {
    context.loadDialect<CompressDialect, func::FuncDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        errors += diagnostic.str() + "\n";
      return success();
    });
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("compress-export", folder));
  }
  void TearDown() override { (void)llvm::sys::fs::remove_directories(folder); }

  std::string path(StringRef name = "model.onnx") {
    SmallString<128> result(folder);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }

  LogicalResult write(StringRef text, const ExportOptions &options = {}) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return failure();
    return exportOnnx(*module, path(), options);
  }

  const ModelProto *read() {
    llvm::Expected<std::unique_ptr<LoadedModel>> model = readModel(path());
    if (!model) {
      ADD_FAILURE() << llvm::toString(model.takeError());
      return nullptr;
    }
    loaded = std::move(*model);
    return &loaded->model;
  }

  static std::vector<std::string> opTypes(const GraphProto &graph) {
    std::vector<std::string> result;
    for (const NodeProto &node : graph.node)
      result.push_back(node.opType.str());
    return result;
  }

  MLIRContext context;
  SmallString<128> folder;
  std::string errors;
  std::unique_ptr<LoadedModel> loaded;
};

using Strings = std::vector<std::string>;
using Bytes = std::vector<uint8_t>;

Bytes bytesOf(const TensorProto &tensor) { return {tensor.rawData.begin(), tensor.rawData.end()}; }

const char *const addModule = R"mlir(
  compress.weight private @w : tensor<2xf32> = dense<[1.0, -2.0]>
  func.func @main(%x: tensor<2xf32> {compress.name = "in"})
      -> (tensor<2xf32> {compress.name = "out"}) {
    %w = compress.load @w : tensor<2xf32>
    %y = compress.add %x, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    return %y : tensor<2xf32>
  })mlir";

TEST_F(ExportTest, MinimalModel) {
  ASSERT_TRUE(succeeded(write(addModule))) << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  EXPECT_EQ(model->irVersion, 7);
  ASSERT_EQ(model->opsetImport.size(), 1u);
  EXPECT_EQ(model->opsetImport[0].version, 13);
  const GraphProto &graph = *model->graph;
  EXPECT_EQ(opTypes(graph), Strings{"Add"});
  EXPECT_EQ(graph.node[0].input, (std::vector<StringRef>{"in", "w"}));
  EXPECT_EQ(graph.node[0].output, (std::vector<StringRef>{"out"}));
  ASSERT_EQ(graph.initializer.size(), 1u);
  EXPECT_EQ(bytesOf(graph.initializer[0]), (Bytes{0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0}));
}

TEST_F(ExportTest, OpsetIsKeptWhereItSuffices) {
  ExportOptions options;
  options.opset = 15;
  ASSERT_TRUE(succeeded(write(addModule, options))) << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  EXPECT_EQ(model->opsetImport[0].version, 15);
  EXPECT_EQ(model->irVersion, 8);
}

TEST_F(ExportTest, ImportedModuleKeepsOldVersions) {
  ASSERT_TRUE(succeeded(write(R"mlir(
    module attributes {compress.onnx = {ir_version = 3 : i64, opset_import = [["", 8]]}} {
      compress.weight private @w : tensor<1xf32> = dense<1.0> {compress.graph_input = 0 : i64}
      compress.weight private @unused : tensor<1xf32> = dense<2.0>
      func.func @main(%x: tensor<1xf32> {compress.name = "x"})
          -> (!compress.onnx_value {compress.name = "y", compress.type = tensor<1xf32>}) {
        %w = compress.load @w : tensor<1xf32>
        %y = compress.onnx "Add"(%x, %w) {result_names = ["y"], version = 8 : i64}
          : (tensor<1xf32>, tensor<1xf32>) -> !compress.onnx_value
        return %y : !compress.onnx_value
      }
    })mlir")))
      << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  EXPECT_EQ(model->irVersion, 3);
  EXPECT_EQ(model->opsetImport[0].version, 8);
  ASSERT_EQ(model->graph->input.size(), 2u);
  EXPECT_EQ(model->graph->input[0].name, "w");
  EXPECT_EQ(model->graph->input[1].name, "x");
  EXPECT_EQ(model->graph->initializer.size(), 2u);
}

TEST_F(ExportTest, NamesAreUnique) {
  // Both ops claim the name of the output, and a weight has the name of the input.
  ASSERT_TRUE(succeeded(write(R"mlir(
    compress.weight private @x : tensor<2xf32> = dense<1.0>
    func.func @main(%x: tensor<2xf32> {compress.name = "x"})
        -> (tensor<2xf32> {compress.name = "y"}, tensor<2xf32> {compress.name = "z"}) {
      %w = compress.load @x : tensor<2xf32>
      %0 = compress.add %x, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("y")
      %1 = compress.neg %0 : (tensor<2xf32>) -> tensor<2xf32> loc("y")
      return %1, %1 : tensor<2xf32>, tensor<2xf32>
    })mlir")))
      << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  const GraphProto &graph = *model->graph;
  EXPECT_EQ(opTypes(graph), (Strings{"Add", "Neg", "Identity"}));
  EXPECT_EQ(graph.initializer[0].name, "x_1");
  EXPECT_EQ(graph.node[0].output[0], "y_1");
  EXPECT_EQ(graph.node[1].output[0], "y");
  EXPECT_EQ(graph.node[2].input[0], "y");
  EXPECT_EQ(graph.node[2].output[0], "z");
}

const char *const int4Module = R"mlir(
  compress.weight private @w.q : tensor<2x17xi4> = dense<[
    [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
    [-1, -2, -3, -4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -8]]>
  compress.weight private @w.s : tensor<2x2xf32> = dense<[[1.0, 2.0], [0.5, 0.25]]>
  func.func @main(%x: tensor<1x17xf32>) -> tensor<1x2xf32> {
    %q = compress.load @w.q : tensor<2x17xi4>
    %s = compress.load @w.s : tensor<2x2xf32>
    %w = compress.dequantize %q, %s {block = array<i64: 1, 16>}
      : (tensor<2x17xi4>, tensor<2x2xf32>) -> tensor<2x17xf32>
    %y = compress.linear nk %x, %w {name = "fc"}
      : (tensor<1x17xf32>, tensor<2x17xf32>) -> tensor<1x2xf32>
    return %y : tensor<1x2xf32>
  })mlir";

TEST_F(ExportTest, BlockedWeightIsTransposed) {
  ASSERT_TRUE(succeeded(write(int4Module))) << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  const GraphProto &graph = *model->graph;
  EXPECT_EQ(model->irVersion, 10);
  EXPECT_EQ(model->opsetImport[0].version, 21);
  EXPECT_EQ(opTypes(graph), (Strings{"DequantizeLinear", "MatMul"}));
  ASSERT_EQ(graph.initializer.size(), 2u);
  EXPECT_EQ(graph.initializer[0].dims, (std::vector<int64_t>{17, 2}));
  EXPECT_EQ(graph.initializer[0].dataType, ET_Int4);
  // Rows (0, -1), (1, -2), (2, -3), (3, -4), zeros, (7, -8); the first code in the low nibble.
  EXPECT_EQ(bytesOf(graph.initializer[0]),
            (Bytes{0xF0, 0xE1, 0xD2, 0xC3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x87}));
  EXPECT_EQ(graph.initializer[1].dims, (std::vector<int64_t>{2, 2}));
}

TEST_F(ExportTest, MatMulNBits) {
  ExportOptions options;
  options.form = ExportForm::MatMulNBits;
  ASSERT_TRUE(succeeded(write(int4Module, options))) << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  const GraphProto &graph = *model->graph;
  ASSERT_EQ(opTypes(graph), Strings{"MatMulNBits"});
  EXPECT_EQ(graph.node[0].domain, "com.microsoft");
  EXPECT_EQ(graph.node[0].input.size(), 3u);
  EXPECT_EQ(graph.initializer[0].dims, (std::vector<int64_t>{2, 2, 8}));
  EXPECT_EQ(graph.initializer[0].dataType, ET_UInt8);
  EXPECT_EQ(bytesOf(graph.initializer[0]),
            (Bytes{0x98, 0xBA, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x8F, 0x88, 0x88,
                   0x88, 0x88, 0x88, 0x88, 0x88, 0x67, 0x45, 0x88, 0x88, 0x88, 0x88,
                   0x88, 0x88, 0x80, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88}));
}

TEST_F(ExportTest, DenseForm) {
  ExportOptions options;
  options.form = ExportForm::Dense;
  ASSERT_TRUE(succeeded(write(int4Module, options))) << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  const GraphProto &graph = *model->graph;
  EXPECT_EQ(opTypes(graph), Strings{"Gemm"});
  ASSERT_EQ(graph.initializer.size(), 1u);
  EXPECT_EQ(graph.initializer[0].name, "w");
  std::vector<float> values(34), expected(34);
  ASSERT_EQ(graph.initializer[0].rawData.size(), 34 * sizeof(float));
  std::memcpy(values.data(), graph.initializer[0].rawData.data(), 34 * sizeof(float));
  for (int i = 0; i < 4; ++i) {
    expected[i] = i;
    expected[17 + i] = -0.5f * (i + 1);
  }
  expected[16] = 14;
  expected[33] = -2;
  EXPECT_EQ(values, expected);
}

TEST_F(ExportTest, ExternalData) {
  ExportOptions options;
  options.forceExternalData = true;
  options.externalDataThreshold = 16;
  ASSERT_TRUE(succeeded(write(int4Module, options))) << errors;
  uint64_t size = 0;
  ASSERT_FALSE(llvm::sys::fs::file_size(path("model.onnx.data"), size));
  EXPECT_EQ(size, 4096u + 16u);
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  EXPECT_TRUE(model->graph->initializer[0].isExternal());
}

TEST_F(ExportTest, FailureWritesNothing) {
  ExportOptions options;
  options.opset = 20;
  EXPECT_TRUE(failed(write(int4Module, options)));
  EXPECT_EQ(errors, "'compress.dequantize' op needs opset 21, but opset 20 was asked for\n");
  EXPECT_FALSE(llvm::sys::fs::exists(path()));
}

TEST_F(ExportTest, NewestOpsetIsALimit) {
  ExportOptions options;
  options.opset = 27;
  EXPECT_TRUE(failed(write(addModule, options)));
  EXPECT_EQ(errors, "opset must be in [13, 26], got 27\n");
}

TEST_F(ExportTest, OpaqueNodeThatOnlyGainedTypesMayMove) {
  // Resize and If have new versions between opsets 17 and 21, with the old meaning.
  ASSERT_TRUE(succeeded(write(R"mlir(
    module attributes {compress.onnx = {ir_version = 8 : i64, opset_import = [["", 17]]}} {
      func.func @main(%x: tensor<1x1x4x4xf32>, %s: tensor<4xf32>, %f: tensor<f32>)
          -> (!compress.onnx_value, tensor<1x1x4x4xi4>) {
        %none = compress.none
        %y = compress.onnx "Resize"(%x, %none, %s) {result_names = ["y"], version = 17 : i64}
          : (tensor<1x1x4x4xf32>, none, tensor<4xf32>) -> !compress.onnx_value
        %q = compress.quantize %x, %f
          : (tensor<1x1x4x4xf32>, tensor<f32>) -> tensor<1x1x4x4xi4>
        return %y, %q : !compress.onnx_value, tensor<1x1x4x4xi4>
      }
    })mlir")))
      << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  EXPECT_EQ(model->opsetImport[0].version, 21);
  EXPECT_EQ(model->graph->node[0].input, (std::vector<StringRef>{"input_0", "", "input_1"}));
}

TEST_F(ExportTest, AttributesOfOpaqueNodesBecomeInputs) {
  ASSERT_TRUE(succeeded(write(R"mlir(
    module attributes {compress.onnx = {ir_version = 8 : i64, opset_import = [["", 15]]}} {
      func.func @main(%x: tensor<2x4xf32>, %f: tensor<f32>)
          -> (!compress.onnx_value, !compress.onnx_value, tensor<2x4xi4>) {
        %m = compress.onnx "ReduceMean"(%x)
          {onnx_attributes = {axes = array<i64: -1>, keepdims = 0 : i64}, result_names = ["m"],
           version = 15 : i64} : (tensor<2x4xf32>) -> !compress.onnx_value
        %a, %b = compress.onnx "Split"(%x)
          {onnx_attributes = {axis = 1 : i64}, result_names = ["a", "b"], version = 15 : i64}
          : (tensor<2x4xf32>) -> (!compress.onnx_value, !compress.onnx_value)
        %q = compress.quantize %x, %f : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xi4>
        return %m, %a, %q : !compress.onnx_value, !compress.onnx_value, tensor<2x4xi4>
      }
    })mlir")))
      << errors;
  const ModelProto *model = read();
  ASSERT_TRUE(model);
  const NodeProto &mean = model->graph->node[0], &split = model->graph->node[1];
  ASSERT_EQ(mean.input.size(), 2u);
  ASSERT_EQ(mean.attribute.size(), 1u);
  EXPECT_EQ(mean.attribute[0].name, "keepdims");
  EXPECT_EQ(bytesOf(model->graph->initializer[0]), Bytes(8, 0xFF));
  EXPECT_EQ(split.attribute.back().name, "num_outputs");
  EXPECT_EQ(split.attribute.back().i, 2);
}

} // namespace
