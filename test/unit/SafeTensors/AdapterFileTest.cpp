//===- AdapterFileTest.cpp - adapters in safetensors files ----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/AdapterFile.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace llvm;
using namespace mlir::compress;

namespace {
struct Tensor {
  std::string name;
  SmallVector<int64_t> shape;
  std::vector<float> values;
  std::string dtype = "F32";
};

class AdapterFiles : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(sys::fs::createUniqueDirectory("adapters", folder)); }
  void TearDown() override { sys::fs::remove_directories(folder); }

  void writeConfig(StringRef text) { write("adapter_config.json", text); }
  void write(StringRef name, StringRef text) {
    std::error_code code;
    raw_fd_ostream os((folder + "/" + name).str(), code);
    os << text;
  }
  /// The file with these tensors, read as an adapter.
  Expected<AdapterFile> open(ArrayRef<Tensor> tensors, double alpha = 0) {
    std::string path = (folder + "/adapter_model.safetensors").str();
    {
      std::error_code code;
      raw_fd_ostream os(path, code);
      SafeTensorsWriter writer(os);
      for (const Tensor &tensor : tensors)
        cantFail(writer.declare(tensor.name, tensor.dtype, tensor.shape));
      cantFail(writer.writeHeader());
      for (size_t index : writer.getWriteOrder()) {
        std::string bytes(reinterpret_cast<const char *>(tensors[index].values.data()),
                          tensors[index].values.size() * sizeof(float));
        bytes.resize(writer.getTensor(index).length);
        cantFail(writer.append(index, bytes));
      }
      cantFail(writer.finish());
    }
    return AdapterFile::open(path, alpha);
  }
  std::string error(ArrayRef<Tensor> tensors, double alpha = 1) {
    Expected<AdapterFile> file = open(tensors, alpha);
    return file ? "" : toString(file.takeError());
  }

  SmallString<128> folder;
};

const Tensor kA{"base_model.model.m.fc.lora_A.weight", {2, 3}, {1, 2, 3, 4, 5, 6}};
const Tensor kB{"base_model.model.m.fc.lora_B.weight", {1, 2}, {-1, 0.5}};
} // namespace

TEST_F(AdapterFiles, ReadsFactorsAndScale) {
  writeConfig(R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "bias": "none", "extra": [1]})");
  Expected<AdapterFile> file = open({kA, kB});
  ASSERT_TRUE(bool(file)) << toString(file.takeError());
  ASSERT_EQ(file->getEntries().size(), 1u);
  const AdapterEntry &entry = file->getEntries().front();
  EXPECT_EQ(entry.module, "m.fc");
  EXPECT_FALSE(entry.isEmbedding);
  EXPECT_EQ(entry.rank, 2);
  EXPECT_EQ(entry.scale, 4);
  EXPECT_EQ(cantFail(file->read(entry.a)), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(cantFail(file->read(entry.b)), (std::vector<double>{-1, 0.5}));
  // The option goes before the configuration.
  EXPECT_EQ(cantFail(open({kA, kB}, 3)).getEntries().front().scale, 1.5);
}

TEST_F(AdapterFiles, ReadsAllFormsOfKeys) {
  Expected<AdapterFile> file = open({{"b.lora_A.default.weight", {1, 1}, {1}},
                                     {"b.lora_B.default.weight", {1, 1}, {1}},
                                     {"a/q_proj.lora_A.weight", {1, 1}, {1}},
                                     {"a/q_proj.lora_B.weight", {1, 1}, {1}},
                                     {"base_model.model.e.lora_embedding_A", {1, 4}, {1, 2, 3, 4}},
                                     {"base_model.model.e.lora_embedding_B", {2, 1}, {1, 2}},
                                     {"f.lora_embedding_A.x", {1, 1}, {1}},
                                     {"f.lora_embedding_B.x", {1, 1}, {1}},
                                     {"k.lora_A.weight", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6}},
                                     {"k.lora_B.weight", {4, 1, 1, 1}, {1, 2, 3, 4}}},
                                    1);
  ASSERT_TRUE(bool(file)) << toString(file.takeError());
  std::vector<std::string> modules;
  std::vector<bool> embeddings;
  for (const AdapterEntry &entry : file->getEntries()) {
    modules.push_back(entry.module);
    embeddings.push_back(entry.isEmbedding);
  }
  EXPECT_EQ(modules, (std::vector<std::string>{"a/q_proj", "b", "e", "f", "k"}));
  EXPECT_EQ(embeddings, (std::vector<bool>{false, false, true, true, false}));
  EXPECT_EQ(file->getEntries().back().rank, 2);
}

TEST_F(AdapterFiles, ScalesOfSomeModules) {
  writeConfig(R"({"lora_alpha": 8, "r": 4, "use_rslora": true, "rank_pattern": {"m.fc": 2},
                  "alpha_pattern": {"fc": 2, "other": 5}})");
  Expected<AdapterFile> file = open({kA, kB});
  ASSERT_TRUE(bool(file)) << toString(file.takeError());
  EXPECT_EQ(file->getEntries().front().scale, 2 / std::sqrt(2.0));
}

TEST_F(AdapterFiles, ErrorsOfKeysNameThem) {
  EXPECT_NE(error({kA}).find("'m.fc' has a factor A but no factor B"), std::string::npos);
  EXPECT_NE(error({kA, kB, {"m.fc.bias", {1}, {1}}}).find("'m.fc.bias' is not a factor"),
            std::string::npos);
  EXPECT_NE(error({kA, kB, {"m.fc.lora_magnitude_vector", {1}, {1}}}).find("is not a factor"),
            std::string::npos);
  EXPECT_NE(error({kA, kB, {"m.fc.lora_A.weight", {2, 3}, kA.values}}).find("is given twice"),
            std::string::npos);
  EXPECT_NE(
      error({kA, {"m.fc.lora_B.x.weight", {1, 2}, {1, 2}}}).find("several adapters, '' and 'x'"),
      std::string::npos)
      << error({kA, {"m.fc.lora_B.x.weight", {1, 2}, {1, 2}}});
  EXPECT_NE(error({}).find("it has no adapters"), std::string::npos);
  EXPECT_NE(error({kA, {kB.name, {1, 3}, {1, 2, 3}}}).find("A has rank 2, B 3"), std::string::npos);
  EXPECT_NE(error({kA, {kB.name, {2}, {1, 2}}}).find("expects a matrix"), std::string::npos);
  EXPECT_NE(error({kA, {kB.name, {0, 2}, {}}}).find("expects a matrix"), std::string::npos);
  EXPECT_NE(error({kA, {kB.name, {1, 2}, {1, 2}, "I32"}}).find("elements of I32"),
            std::string::npos);
}

TEST_F(AdapterFiles, NeedsAlphaAndFiniteValues) {
  EXPECT_NE(error({kA, kB}, 0).find("lora_alpha is not known"), std::string::npos);
  EXPECT_NE(error({kA, kB}, NAN).find("finite"), std::string::npos);
  AdapterFile file = cantFail(open({kA, {kB.name, {1, 2}, {1, INFINITY}}}, 1));
  Expected<std::vector<double>> values = file.read(file.getEntries().front().b);
  ASSERT_FALSE(bool(values));
  EXPECT_NE(toString(values.takeError()).find("element 1 of '" + kB.name + "' is not finite"),
            std::string::npos);
  writeConfig(R"({"lora_alpha": 8, "r": 3})");
  EXPECT_NE(error({kA, kB}).find("has the rank 2, but adapter_config.json says 3"),
            std::string::npos);
}

TEST_F(AdapterFiles, ErrorsOfConfigurations) {
  auto error = [](StringRef text) {
    Expected<AdapterConfig> config = parseAdapterConfig(text);
    return config ? "" : toString(config.takeError());
  };
  EXPECT_EQ(error("{}"), "");
  EXPECT_EQ(error(R"({"use_dora": false, "lora_alpha": null, "rank_pattern": null})"), "");
  EXPECT_EQ(error("[]"), "expects a JSON object");
  EXPECT_EQ(error(R"({"peft_type": "IA3"})"), "'peft_type' expects \"LORA\", got \"IA3\"");
  EXPECT_EQ(error(R"({"bias": "all"})"), "'bias' expects \"none\", got \"all\"");
  EXPECT_EQ(error(R"({"use_dora": true})"), "'use_dora' is not supported");
  EXPECT_EQ(error(R"({"use_rslora": 1})"), "'use_rslora' expects true or false, got 1");
  EXPECT_EQ(error(R"({"lora_alpha": 0})"), "'lora_alpha' expects a positive number, got 0");
  EXPECT_EQ(error(R"({"r": 2.5})"), "'r' expects a positive integer, got 2.5");
  EXPECT_EQ(error(R"({"r": -1})"), "'r' expects a positive integer, got -1");
  EXPECT_EQ(error(R"({"alpha_pattern": 3})"), "'alpha_pattern' expects an object, got 3");
  EXPECT_EQ(error(R"({"alpha_pattern": {"x": "y"}})"),
            "'alpha_pattern.x' expects a positive number, got \"y\"");
  EXPECT_EQ(error(R"({"rank_pattern": {"layers.*.q": 2}})"),
            "'rank_pattern' has the regular expression 'layers.*.q', which is not supported; write "
            "the module's path");
  EXPECT_EQ(error(std::string(100000, '[')), "its JSON nests deeper than 64 levels");
  EXPECT_NE(error("{\"a\": \"[[\\\"[[\""), "");
}

TEST_F(AdapterFiles, LargeConfigurationsAreRefused) {
  writeConfig(std::string((1 << 20) + 1, ' '));
  EXPECT_NE(error({kA, kB}).find("more than an adapter configuration can have"), std::string::npos);
}

TEST(AdapterNames, MatchPathsOfModules) {
  auto match = matchModule;
  // Names of the TorchScript exporter, of initializers, of unmerged PEFT models.
  EXPECT_EQ(match("model.layers.0.self_attn.q_proj", "/model/layers.0/self_attn/q_proj/MatMul"),
            ModuleMatch::Exact);
  EXPECT_EQ(match("model.layers.0.self_attn.q_proj", "/m/model/layers.0/self_attn/q_proj/MatMul_1"),
            ModuleMatch::Outer);
  EXPECT_EQ(match("model.layers.0.self_attn.q_proj", "layers.0.self_attn.q_proj.weight"),
            ModuleMatch::Inner);
  EXPECT_EQ(match("fc", "fc.weight"), ModuleMatch::Exact);
  EXPECT_EQ(match("fc", "fc.weight.bn.q"), ModuleMatch::Exact);
  EXPECT_EQ(match("fc", "/fc/base_layer/Gemm"), ModuleMatch::Exact);
  EXPECT_EQ(match("fc", "fc.base_layer.weight"), ModuleMatch::Exact);
  EXPECT_EQ(match("enc.q", "enc.q.weight"), ModuleMatch::Exact);
  // Whole words only.
  EXPECT_EQ(match("fc", "xfc.weight"), ModuleMatch::None);
  EXPECT_EQ(match("layers.1", "layers.11.weight"), ModuleMatch::None);
  EXPECT_EQ(match("model.fc", "fc"), ModuleMatch::None);
  // Made-up names match as a whole.
  EXPECT_EQ(match("node_linear_1", "node_linear_1"), ModuleMatch::Exact);
  EXPECT_EQ(match("linear", "node_linear"), ModuleMatch::None);
  EXPECT_EQ(match("", "x"), ModuleMatch::None);
  EXPECT_EQ(match("x", "..."), ModuleMatch::None);
  EXPECT_EQ(match("weight", "weight"), ModuleMatch::Exact);
}
