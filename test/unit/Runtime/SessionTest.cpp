//===- SessionTest.cpp -----------------------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/Session.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <thread>

using namespace mlir;
using namespace mlir::compress;

namespace {
/// y = a + b, both [batch, 4]; names as imported models have them.
constexpr StringLiteral kAdd = R"(
func.func @main(
    %a: tensor<?x4xf32> {compress.name = "a", compress.dims = ["batch", ""]},
    %b: tensor<?x4xf32> {compress.name = "b", compress.dims = ["batch", ""]})
    -> (tensor<?x4xf32> {compress.name = "y", compress.dims = ["batch", ""]}) {
  %0 = compress.add %a, %b : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
})";

/// y = x + w with a stored w of 2048 elements, large enough for a blob.
std::string getWeighted() {
  std::string hex = "0x04000000";
  for (int i = 0; i < 2048; ++i)
    hex += "0000803F";
  return R"(
compress.weight private @w : tensor<2048xf32> = dense_resource<w>
func.func @main(%x: tensor<?x2048xf32> {compress.name = "x"})
    -> (tensor<?x2048xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<2048xf32>
  %0 = compress.add %x, %w : (tensor<?x2048xf32>, tensor<2048xf32>) -> tensor<?x2048xf32>
  return %0 : tensor<?x2048xf32>
}
{-# dialect_resources: { builtin: { w: ")" +
         hex + R"(" } } #-})";
}

class SessionTest : public testing::Test {
protected:
  SessionTest() {
    DialectRegistry registry;
    Session::registerDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, context.get());
    EXPECT_TRUE(module);
    return module ? std::move(module) : ModuleOp::create(UnknownLoc::get(context.get()));
  }

  std::unique_ptr<Session> create(StringRef text, const SessionOptions &options = {}) {
    auto session = Session::create(parse(text), options);
    EXPECT_TRUE(static_cast<bool>(session)) << llvm::toString(session.takeError());
    return session ? std::move(*session) : nullptr;
  }

  std::string getCreateError(StringRef text, const SessionOptions &options = {}) {
    auto session = Session::create(parse(text), options);
    return session ? "" : llvm::toString(session.takeError());
  }

  std::unique_ptr<MLIRContext> context;
};

TensorView makeView(ArrayRef<float> values, ArrayRef<int64_t> shape) {
  return {DataType::F32, values.data(), shape, {}};
}

std::string getError(llvm::Expected<std::vector<HostTensor>> outputs) {
  return outputs ? "" : llvm::toString(outputs.takeError());
}
} // namespace

TEST_F(SessionTest, RunsByPositionAndName) {
  std::unique_ptr<Session> session = create(kAdd);
  ASSERT_NE(session, nullptr);
  ASSERT_EQ(session->getInputs().size(), 2u);
  EXPECT_EQ(session->getInputs()[1].name, "b");
  EXPECT_EQ(session->getInputs()[1].getTypeString(), "f32[batch,4]");
  ASSERT_EQ(session->getOutputs().size(), 1u);
  EXPECT_EQ(session->getOutputs()[0].name, "y");

  std::vector<float> a{1, 2, 3, 4, 5, 6, 7, 8}, b{10, 20, 30, 40, 50, 60, 70, 80};
  int64_t shape[] = {2, 4}, strides[] = {4, 8}, one[] = {1, 4};
  auto outputs = session->run({makeView(a, shape), makeView(b, shape)});
  ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
  HostTensor first = (*outputs)[0];
  EXPECT_EQ(first.getShape(), ArrayRef<int64_t>(shape));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first.data()) % 64, 0u);
  EXPECT_EQ(first.as<float>(), ArrayRef<float>({11, 22, 33, 44, 55, 66, 77, 88}));

  // Other sizes, other order, strided; what the first run gave is still there.
  std::pair<StringRef, TensorView> named[] = {{"b", makeView(b, one)}, {"a", makeView(a, one)}};
  outputs = session->run(named);
  ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].as<float>(), ArrayRef<float>({11, 22, 33, 44}));
  TensorView strided = makeView(a, shape);
  strided.strides = strides;
  outputs = session->run({strided, makeView(b, shape)});
  ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].as<float>(), ArrayRef<float>({11, 23, 35, 47, 52, 64, 76, 88}));
  EXPECT_EQ(first.as<float>()[7], 88);
}

TEST_F(SessionTest, InputErrorsNameTheInput) {
  std::unique_ptr<Session> session = create(kAdd);
  ASSERT_NE(session, nullptr);
  std::vector<float> values(64);
  int64_t good[] = {2, 4}, other[] = {3, 4}, narrow[] = {2, 3}, flat[] = {8}, negative[] = {-1, 4};
  TensorView a = makeView(values, good);
  auto run = [&](const TensorView &b) { return getError(session->run({a, b})); };
  EXPECT_EQ(run(makeView(values, other)), "input 'a' has batch 2, but 'b' has batch 3");
  EXPECT_EQ(run(makeView(values, narrow)),
            "input 'b': expected size 4 of dim 1, got 3 (expected f32[batch,4], got f32[2,3])");
  EXPECT_EQ(run(makeView(values, flat)),
            "input 'b': expected rank 2, got 1 (expected f32[batch,4], got f32[8])");
  EXPECT_NE(run(makeView(values, negative)).find("input 'b': a size of -1 is negative"),
            std::string::npos);
  EXPECT_NE(run({DataType::F64, values.data(), good, {}}).find("expected type f32, got f64"),
            std::string::npos);
  EXPECT_NE(run({DataType::F32, nullptr, good, {}}).find("no contents"), std::string::npos);
  EXPECT_EQ(getError(session->run({a})), "expected 2 inputs, got 1");

  std::pair<StringRef, TensorView> missing[] = {{"a", a}}, unknown[] = {{"a", a}, {"B", a}},
                                   twice[] = {{"a", a}, {"a", a}};
  EXPECT_EQ(getError(session->run(missing)), "input 'b' is missing (expected f32[batch,4])");
  EXPECT_EQ(getError(session->run(unknown)), "there is no input 'B'; the model has 'a', 'b'");
  EXPECT_EQ(getError(session->run(twice)), "input 'a' is given twice");
}

TEST_F(SessionTest, EmptyInputs) {
  std::unique_ptr<Session> session = create(kAdd);
  ASSERT_NE(session, nullptr);
  int64_t none[] = {0, 4};
  auto outputs = session->run({makeView({}, none), makeView({}, none)});
  ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].getShape(), ArrayRef<int64_t>(none));
}

TEST_F(SessionTest, DimsCanBeFixed) {
  SessionOptions options;
  options.dims["batch"] = 2;
  std::unique_ptr<Session> session = create(kAdd, options);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->getInputs()[0].getTypeString(), "f32[2,4]");
  EXPECT_EQ(session->getOutputs()[0].getTypeString(), "f32[2,4]");
  options.dims["other"] = 1;
  EXPECT_NE(getCreateError(kAdd, options).find("no input has a dim named 'other'"),
            std::string::npos);
}

TEST_F(SessionTest, BoolsAreZeroOrOne) {
  std::unique_ptr<Session> session = create(R"(
func.func @main(%a: tensor<4xi1> {compress.name = "a"}) -> (tensor<4xf32>) {
  %0 = compress.cast %a : (tensor<4xi1>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
})");
  ASSERT_NE(session, nullptr);
  uint8_t values[] = {0, 1, 2, 255};
  int64_t shape[] = {4};
  auto outputs = session->run({TensorView{DataType::Bool, values, shape, {}}});
  ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].as<float>(), ArrayRef<float>({0, 1, 1, 1}));
  EXPECT_EQ(session->getOutputs()[0].name, "output0");
}

TEST_F(SessionTest, FunctionsAreChosen) {
  StringRef two = R"(
func.func @f(%a: tensor<1xf32>) -> tensor<1xf32> { return %a : tensor<1xf32> }
func.func @g(%a: tensor<2xf32>) -> tensor<2xf32> { return %a : tensor<2xf32> })";
  EXPECT_NE(getCreateError(two).find("found 2 public functions"), std::string::npos);
  SessionOptions options;
  options.function = "g";
  std::unique_ptr<Session> session = create(two, options);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->getInputs()[0].getTypeString(), "f32[2]");
  options.function = "h";
  EXPECT_EQ(getCreateError(two, options), "the module has no function 'h'");
}

TEST_F(SessionTest, WhatCannotBeCompiledIsNamed) {
  auto session = Session::create(parse(R"(
func.func @main(%a: tensor<1xf32>) -> tensor<1xf32> {
  %0 = compress.onnx "Nonsense"(%a) {domain = "my.domain", version = 1 : i64, result_names = ["y"]}
      : (tensor<1xf32>) -> tensor<1xf32> loc("node_7")
  return %0 : tensor<1xf32>
})"));
  ASSERT_FALSE(static_cast<bool>(session));
  llvm::Error error = session.takeError();
  EXPECT_TRUE(error.isA<UnsupportedError>());
  std::string message = llvm::toString(std::move(error));
  EXPECT_NE(message.find("node_7"), std::string::npos) << message;
  EXPECT_NE(message.find("Nonsense"), std::string::npos) << message;

  SessionOptions options;
  options.target = "z80";
  EXPECT_NE(getCreateError(kAdd, options).find("got 'z80'"), std::string::npos);
}

TEST_F(SessionTest, OutlivesModuleAndContext) {
  std::unique_ptr<Session> session = create(getWeighted());
  ASSERT_NE(session, nullptr);
  context.reset();
  std::vector<float> x(2048, 2);
  int64_t shape[] = {1, 2048};
  auto outputs = session->run({makeView(x, shape)});
  ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].as<float>()[2047], 3);
  EXPECT_EQ(session->getPlan().numWeights, 1);
  EXPECT_EQ(session->getPlan().weightBytes, 8192);
}

TEST_F(SessionTest, ManySessionsOfOneModule) {
  OwningOpRef<ModuleOp> module = parse(getWeighted());
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 2; ++i) {
    auto session = Session::create(*module);
    ASSERT_TRUE(static_cast<bool>(session)) << llvm::toString(session.takeError());
    sessions.push_back(std::move(*session));
  }
  // Uses the module up.
  auto last = Session::create(std::move(module));
  ASSERT_TRUE(static_cast<bool>(last)) << llvm::toString(last.takeError());
  sessions.push_back(std::move(*last));
  std::vector<std::thread> threads;
  for (auto &session : sessions)
    for (int i = 0; i < 2; ++i)
      threads.emplace_back([&session, i] {
        std::vector<float> x(4096, static_cast<float>(i));
        int64_t shape[] = {2, 2048};
        for (int round = 0; round < 50; ++round) {
          auto outputs = session->run({makeView(x, shape)});
          ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
          EXPECT_EQ((*outputs)[0].as<float>()[4095], static_cast<float>(i + 1));
        }
      });
  for (std::thread &thread : threads)
    thread.join();
}

TEST_F(SessionTest, SaveAndLoad) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("compress", "cmpr", path));
  llvm::FileRemover remover(path);
  std::unique_ptr<Session> session = create(getWeighted());
  ASSERT_NE(session, nullptr);
  ASSERT_EQ(llvm::toString(session->save(path)), "");
  std::vector<float> x(2048, 5);
  int64_t shape[] = {1, 2048};
  for (int threads : {1, 2}) {
    auto loaded = Session::load(path, threads);
    ASSERT_TRUE(static_cast<bool>(loaded)) << llvm::toString(loaded.takeError());
    EXPECT_EQ((*loaded)->getInputs()[0].getTypeString(), "f32[?,2048]");
    EXPECT_EQ((*loaded)->getPlan().weightBytes, 8192);
    EXPECT_EQ((*loaded)->getPlan().threads, threads);
    auto outputs = (*loaded)->run({makeView(x, shape)});
    ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
    EXPECT_EQ((*outputs)[0].as<float>()[0], 6);
  }
  // Changed weights are found.
  std::string bytes = llvm::MemoryBuffer::getFile(path).get()->getBuffer().str();
  bytes[bytes.size() - 100] ^= 1;
  std::error_code code;
  llvm::raw_fd_ostream(path, code) << bytes;
  auto loaded = Session::load(path);
  EXPECT_NE(llvm::toString(loaded.takeError()).find("have changed"), std::string::npos);
}

TEST_F(SessionTest, SaveEncodedAndLoad) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("compress", "cmpr", path));
  llvm::FileRemover remover(path);
  std::unique_ptr<Session> session = create(getWeighted());
  ASSERT_NE(session, nullptr);
  ArchiveSizes raw, small;
  ASSERT_EQ(llvm::toString(session->save(path, ArchiveEncoding::Raw, &raw)), "");
  EXPECT_EQ(raw.raw, raw.stored);
  EXPECT_EQ(raw.rawWeights, 8192u);
  ASSERT_EQ(llvm::toString(session->save(path, ArchiveEncoding::Huffman, &small)), "");
  EXPECT_EQ(small.raw, raw.raw);
  EXPECT_EQ(small.rawWeights, 8192u);
  // All weights are equal.
  EXPECT_LT(small.storedWeights, 100u);
  EXPECT_LT(small.stored, raw.stored);
  EXPECT_LT(small.file, raw.file - 8192);
  std::vector<float> x(2048, 5);
  int64_t shape[] = {1, 2048};
  for (int threads : {1, 2})
    for (bool verify : {false, true}) {
      auto loaded = Session::load(path, threads, verify);
      ASSERT_TRUE(static_cast<bool>(loaded)) << llvm::toString(loaded.takeError());
      EXPECT_EQ((*loaded)->getPlan().weightBytes, 8192);
      EXPECT_EQ((*loaded)->getPlan().mappedWeightBytes, 0);
      auto outputs = (*loaded)->run({makeView(x, shape)});
      ASSERT_TRUE(static_cast<bool>(outputs)) << llvm::toString(outputs.takeError());
      EXPECT_EQ((*outputs)[0].as<float>()[0], 6);
      // What was loaded can be saved again, the same.
      ArchiveSizes again;
      llvm::SmallString<128> second = path;
      second += ".2";
      llvm::FileRemover secondRemover(second);
      ASSERT_EQ(llvm::toString((*loaded)->save(second, ArchiveEncoding::Huffman, &again)), "");
      EXPECT_EQ(again.file, small.file);
    }
  // Damage is found, by the hashes of the archive and without them.
  std::string bytes = llvm::MemoryBuffer::getFile(path).get()->getBuffer().str();
  for (bool verify : {false, true}) {
    std::string damaged = bytes;
    // The value of all weights, before size of the chunk and code.
    damaged[damaged.size() - 8] ^= 1;
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << damaged;
    auto loaded = Session::load(path, 1, verify);
    ASSERT_FALSE(static_cast<bool>(loaded));
    EXPECT_NE(llvm::toString(loaded.takeError())
                  .find(verify ? "have changed" : "the decoded bytes differ"),
              std::string::npos);
  }
}
