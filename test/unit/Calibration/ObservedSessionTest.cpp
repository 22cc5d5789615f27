//===- ObservedSessionTest.cpp - models that show their activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Calibration/ObservedSession.h"
#include "compress/Dialect/Compress/Transforms/Observers.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

namespace {
class ObservedSessionTest : public ::testing::Test {
protected:
  ObservedSessionTest() {
    DialectRegistry registry;
    Session::registerDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    return parseSourceString<ModuleOp>(text, context.get());
  }

  std::unique_ptr<ObservedSession>
  open(ModuleOp module, const std::map<std::string, Collect> &wanted, int threads = 2) {
    SessionOptions options;
    options.threads = threads;
    auto session = ObservedSession::create(module, wanted, options);
    if (!session) {
      ADD_FAILURE() << llvm::toString(session.takeError());
      return nullptr;
    }
    return std::move(*session);
  }

  std::unique_ptr<MLIRContext> context;
};

template <typename T>
TensorView view(DataType type, const std::vector<T> &data, ArrayRef<int64_t> shape) {
  return {type, data.data(), shape, {}};
}

std::vector<float> makeFloats(size_t count) {
  std::vector<float> data(count);
  for (size_t i = 0; i < count; ++i)
    data[i] = static_cast<float>(static_cast<int>(i * 37 % 23) - 11) / 4;
  return data;
}

std::vector<HostTensor> runOrFail(llvm::Expected<std::vector<HostTensor>> outputs) {
  if (outputs)
    return std::move(*outputs);
  ADD_FAILURE() << llvm::toString(outputs.takeError());
  return {};
}
} // namespace

/// Linear, norm, gelu, a residual and a convolution after a reshape.
static constexpr StringLiteral kNet = R"(
  compress.weight private @a : tensor<8x8xf32> = dense<[[1.0, 0.5, 0.0, -1.0, 0.25, 2.0, -0.5, 1.0],
    [0.0, 1.0, 0.5, 0.0, -1.0, 0.25, 2.0, -0.5], [1.0, 1.0, 0.0, 0.5, 0.0, -1.0, 0.25, 2.0],
    [-0.5, 0.0, 1.0, 0.5, 0.0, -1.0, 0.25, 2.0], [1.0, -0.5, 1.0, 0.0, 0.5, 0.0, -1.0, 0.25],
    [0.5, 2.0, -0.5, 1.0, 0.0, 0.5, 0.0, -1.0], [0.25, 2.0, -0.5, 1.0, 1.0, 0.5, 0.0, -1.0],
    [0.0, 0.0, 2.0, -0.5, 1.0, 0.0, 0.5, 0.0]]>
  compress.weight private @b : tensor<8xf32> = dense<0.125>
  compress.weight private @g : tensor<8xf32> = dense<1.5>
  compress.weight private @k : tensor<4x1x2x1xf32> = dense<0.75>
  func.func @main(%x: tensor<?x8xf32> {compress.name = "x"}) -> (tensor<?x4x1x1xf32> {compress.name = "y"}) {
    %a = compress.load @a : tensor<8x8xf32>
    %b = compress.load @b : tensor<8xf32>
    %g = compress.load @g : tensor<8xf32>
    %k = compress.load @k : tensor<4x1x2x1xf32>
    %n = compress.layer_norm %x, %g {axis = 1 : i64, epsilon = 1.0e-05 : f32} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %0 = compress.linear nk %n, %a bias %b {name = "fc1"} : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %1 = compress.gelu none %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
    %2 = compress.linear nk %1, %a {name = "fc2"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %3 = compress.linear nk %1, %a {name = "fc3"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %4 = compress.add %2, %3 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    %5 = compress.add %4, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    %s = compress.constant dense<[-1, 4, 2, 1]> : tensor<4xi64>
    %6 = compress.reshape %5, %s : (tensor<?x8xf32>, tensor<4xi64>) -> tensor<?x4x2x1xf32>
    %7 = compress.conv %6, %k {name = "conv", groups = 4 : i64, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x4x2x1xf32>, tensor<4x1x2x1xf32>) -> tensor<?x4x1x1xf32>
    return %7 : tensor<?x4x1x1xf32>
  }
)";

TEST_F(ObservedSessionTest, ObservingDoesNotChangeResults) {
  OwningOpRef<ModuleOp> module = parse(kNet);
  ASSERT_TRUE(module);
  std::vector<float> x = makeFloats(5 * 8);
  int64_t shape[] = {5, 8};
  auto plain = Session::create(*module);
  ASSERT_TRUE(!!plain) << llvm::toString(plain.takeError());
  EXPECT_TRUE((*plain)->getObservations().empty());
  auto expected = runOrFail((*plain)->run({view(DataType::F32, x, shape)}));
  ASSERT_EQ(expected.size(), 1u);

  Collect all = Collect::Moments | Collect::Gram | Collect::Histogram;
  auto session = open(*module, {{"fc1:input", all},
                                {"fc2:input", all},
                                {"fc3:input", all},
                                {"conv:input", all},
                                {"fc1:output", all}});
  ASSERT_TRUE(session);
  auto outputs = runOrFail(session->run({view(DataType::F32, x, shape)}));
  ASSERT_EQ(outputs.size(), 1u);
  // Fusion into epilogues may differ, the rounding of sums not by more than this.
  for (auto [got, wanted] : llvm::zip_equal(outputs[0].as<float>(), expected[0].as<float>()))
    EXPECT_NEAR(got, wanted, 1e-4f);

  auto statistics = session->takeStatistics();
  ASSERT_EQ(statistics.size(), 5u);
  // One value, contracted in the same way.
  EXPECT_EQ(statistics["fc2:input"], statistics["fc3:input"]);
  EXPECT_NE(statistics["fc1:input"], statistics["fc2:input"]);
  EXPECT_EQ(statistics["fc1:input"]->vectors, 5u);
  EXPECT_EQ(statistics["fc1:input"]->features, 8);
  EXPECT_EQ(statistics["fc1:input"]->gramVectors, 5u);
  // 4 groups of one channel, windows of 2 x 1 with one position each.
  EXPECT_EQ(statistics["conv:input"]->channels, 4);
  EXPECT_EQ(statistics["conv:input"]->groups, 4);
  EXPECT_EQ(statistics["conv:input"]->features, 2);
  EXPECT_EQ(statistics["conv:input"]->vectors, 10u);
  EXPECT_EQ(statistics["conv:input"]->gramVectors, 5u);
  // Collecting starts anew.
  EXPECT_EQ(session->takeStatistics()["fc1:input"]->vectors, 0u);
}

TEST_F(ObservedSessionTest, StatisticsAreThoseOfTheTap) {
  OwningOpRef<ModuleOp> module = parse(kNet);
  ASSERT_TRUE(module);
  auto session = open(*module, {{"fc2:input", Collect::Moments | Collect::Gram}});
  ASSERT_TRUE(session);
  std::vector<double> sum(8), gram(64);
  std::vector<float> low(8, 1e30f), high(8, -1e30f);
  unsigned calls = 0;
  session->setTap(
      [&](StringRef id, const TensorView &value) {
        EXPECT_EQ(id, "fc2:input");
        EXPECT_EQ(value.type, DataType::F32);
        EXPECT_EQ(value.shape.size(), 2u);
        ++calls;
        const float *data = static_cast<const float *>(value.data);
        for (int64_t row = 0; row < value.shape[0]; ++row)
          for (int64_t c = 0; c < 8; ++c) {
            float v = data[row * 8 + c];
            sum[c] += v;
            low[c] = std::min(low[c], v);
            high[c] = std::max(high[c], v);
            for (int64_t d = 0; d < 8; ++d)
              gram[c * 8 + d] += double(v) * data[row * 8 + d];
          }
        return llvm::Error::success();
      },
      {"fc2:input"});
  for (int64_t rows : {3, 1, 6}) {
    std::vector<float> x = makeFloats(rows * 8);
    int64_t shape[] = {rows, 8};
    runOrFail(session->run({view(DataType::F32, x, shape)}));
  }
  EXPECT_EQ(calls, 3u);
  auto entry = session->takeStatistics()["fc2:input"];
  EXPECT_EQ(entry->runs, 3u);
  EXPECT_EQ(entry->vectors, 10u);
  EXPECT_EQ(entry->min, low);
  EXPECT_EQ(entry->max, high);
  for (int64_t i = 0; i < 8; ++i)
    EXPECT_NEAR(entry->sum[i], sum[i], 1e-9);
  for (int64_t i = 0; i < 64; ++i)
    EXPECT_NEAR(entry->gram[i], gram[i], 1e-4 * std::abs(gram[i]) + 1e-4);
}

TEST_F(ObservedSessionTest, ThreadsDoNotMatter) {
  OwningOpRef<ModuleOp> module = parse(kNet);
  ASSERT_TRUE(module);
  std::vector<float> x = makeFloats(200 * 8);
  int64_t shape[] = {200, 8};
  Collect all = Collect::Moments | Collect::Gram | Collect::Histogram;
  std::map<std::string, std::shared_ptr<const TensorStatistics>> entries[2];
  for (int threads : {1, 3}) {
    auto session = open(*module, {{"fc1:input", all}, {"conv:input", all}}, threads);
    ASSERT_TRUE(session);
    runOrFail(session->run({view(DataType::F32, x, shape)}));
    entries[threads == 3] = session->takeStatistics();
  }
  for (const char *id : {"fc1:input", "conv:input"}) {
    EXPECT_EQ(entries[0][id]->gram, entries[1][id]->gram);
    EXPECT_EQ(entries[0][id]->sumSquares, entries[1][id]->sumSquares);
    EXPECT_EQ(entries[0][id]->histogram.counts, entries[1][id]->histogram.counts);
  }
}

/// An observer in a loop is called in each iteration, with what changes in it.
TEST_F(ObservedSessionTest, LoopsAndBranches) {
  OwningOpRef<ModuleOp> module = parse(R"(
  compress.weight private @w : tensor<2x2xf32> = dense<[[2.0, 0.0], [0.0, 1.0]]>
  func.func @main(%n: tensor<i64> {compress.name = "n"}, %x: tensor<1x2xf32> {compress.name = "x"},
                  %c: tensor<i1> {compress.name = "c"}) -> (tensor<1x2xf32> {compress.name = "y"}) {
    %w = compress.load @w : tensor<2x2xf32>
    %true = compress.constant dense<true> : tensor<i1>
    %y = compress.onnx "Loop"(%n, %true, %x) {body_names = [["body", "b"]], node_name = "loop", result_names = ["y"], version = 17 : i64}
        : (tensor<i64>, tensor<i1>, tensor<1x2xf32>) -> tensor<1x2xf32> {
    ^bb0(%i: tensor<i64>, %go: tensor<i1>, %v: tensor<1x2xf32>):
      %0 = compress.linear nk %v, %w {name = "step"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
      compress.yield %go, %0 : tensor<i1>, tensor<1x2xf32>
    }
    %z = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if", result_names = ["z"], version = 17 : i64} : (tensor<i1>) -> tensor<1x2xf32> {
      %0 = compress.linear nk %y, %w {name = "yes"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
      compress.yield %0 : tensor<1x2xf32>
    }, {
      %0 = compress.linear nk %y, %w {name = "no"} : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
      compress.yield %0 : tensor<1x2xf32>
    }
    return %z : tensor<1x2xf32>
  }
)");
  ASSERT_TRUE(module);
  auto session = open(*module, {{"step:input", Collect::Moments},
                                {"yes:input", Collect::MinMax},
                                {"no:input", Collect::MinMax}});
  ASSERT_TRUE(session);
  std::vector<int64_t> n = {3};
  std::vector<float> x = {1, 5};
  std::vector<uint8_t> yes = {1};
  int64_t shape[] = {1, 2};
  auto outputs = runOrFail(session->run(
      {view(DataType::I64, n, {}), view(DataType::F32, x, shape), view(DataType::Bool, yes, {})}));
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].as<float>()[0], 16);
  auto statistics = session->takeStatistics();
  EXPECT_EQ(statistics["step:input"]->vectors, 3u);
  EXPECT_EQ(statistics["step:input"]->min, (std::vector<float>{1, 5}));
  EXPECT_EQ(statistics["step:input"]->max, (std::vector<float>{4, 5}));
  EXPECT_EQ(statistics["step:input"]->sum, (std::vector<double>{7, 15}));
  EXPECT_EQ(statistics["yes:input"]->vectors, 1u);
  EXPECT_EQ(statistics["yes:input"]->max, (std::vector<float>{8, 5}));
  EXPECT_EQ(statistics["no:input"]->vectors, 0u);
  EXPECT_EQ(statistics["no:input"]->channels, 2);
}

/// Values of any type, observed by hand.
TEST_F(ObservedSessionTest, OwnObserversAndTypes) {
  OwningOpRef<ModuleOp> module = parse(R"(
  func.func @main(%x: tensor<2x3xui8> {compress.name = "x"}, %h: tensor<2xf16> {compress.name = "h"}) -> (tensor<3x2xui8> {compress.name = "y"}) {
    compress.observe %x {id = ["bytes"]} : tensor<2x3xui8>
    compress.observe %h {id = ["halves"]} : tensor<2xf16>
    %y = compress.transpose %x {perm = array<i64: 1, 0>} : (tensor<2x3xui8>) -> tensor<3x2xui8>
    compress.observe %y {id = ["moved"]} : tensor<3x2xui8>
    return %y : tensor<3x2xui8>
  }
)");
  ASSERT_TRUE(module);
  auto session =
      open(*module,
           {{"bytes", Collect::MinMax}, {"halves", Collect::MinMax}, {"moved", Collect::MinMax}});
  ASSERT_TRUE(session);
  std::vector<uint8_t> x = {1, 2, 200, 4, 5, 255};
  std::vector<uint16_t> h = {0x3C00, 0xC000};
  int64_t shape[] = {2, 3}, two[] = {2};
  runOrFail(session->run({view(DataType::U8, x, shape), view(DataType::F16, h, two)}));
  auto statistics = session->takeStatistics();
  EXPECT_EQ(statistics["bytes"]->max, (std::vector<float>{4, 5, 255}));
  EXPECT_EQ(statistics["moved"]->max, (std::vector<float>{200, 255}));
  EXPECT_EQ(statistics["halves"]->min, (std::vector<float>{1, -2}));
}

TEST_F(ObservedSessionTest, Errors) {
  OwningOpRef<ModuleOp> module = parse(kNet);
  ASSERT_TRUE(module);
  auto unknown = ObservedSession::create(*module, {{"fc9:input", Collect::MinMax}});
  ASSERT_FALSE(!!unknown);
  EXPECT_EQ(llvm::toString(unknown.takeError()),
            "there is nothing to observe with the name \"fc9:input\"");

  auto session = open(*module, {{"fc1:input", Collect::MinMax}});
  ASSERT_TRUE(session);
  unsigned calls = 0;
  session->setTap([&](StringRef, const TensorView &) {
    ++calls;
    return llvm::createStringError("enough");
  });
  std::vector<float> x = makeFloats(8);
  int64_t shape[] = {1, 8};
  for (unsigned run = 1; run < 3; ++run) {
    auto outputs = session->run({view(DataType::F32, x, shape)});
    ASSERT_FALSE(!!outputs);
    EXPECT_EQ(llvm::toString(outputs.takeError()), "enough");
    EXPECT_EQ(calls, run);
  }
  session->setTap(nullptr);
  runOrFail(session->run({view(DataType::F32, x, shape)}));
}
