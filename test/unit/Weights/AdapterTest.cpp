//===- AdapterTest.cpp - merging adapters changes no result -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "compress/Analysis/Adapters.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Reference/Tensor.h"
#include "compress/Support/SafeTensors.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;

namespace {
constexpr int64_t kIn = 24, kOut = 16, kRank = 3;

class AdapterTest : public WeightTest {
protected:
  std::mt19937 random{11};

  std::vector<float> makeValues(int64_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float &value : values)
      value = normal(random);
    return values;
  }
  static std::string weight(StringRef name, StringRef type, ArrayRef<float> values) {
    std::string text =
        ("compress.weight private @" + name + " : tensor<" + type + "> = dense<\"0x").str();
    for (float value : values) {
      uint8_t bytes[4];
      std::memcpy(bytes, &value, 4);
      for (uint8_t byte : bytes)
        for (int nibble : {byte >> 4, byte & 15})
          text += "0123456789ABCDEF"[nibble];
    }
    return text + "\">\n";
  }
  /// `y = x W^T + 0.5 (x A) B`.
  std::string makeModule(ArrayRef<float> w, ArrayRef<float> a, ArrayRef<float> b) {
    return weight("w", "16x24xf32", w) + weight("a", "24x3xf32", a) + weight("b", "3x16xf32", b) +
           R"mlir(
      func.func @main(%x: tensor<?x24xf32>) -> tensor<?x16xf32> {
        %w = compress.load @w : tensor<16x24xf32>
        %a = compress.load @a : tensor<24x3xf32>
        %b = compress.load @b : tensor<3x16xf32>
        %s = compress.constant dense<0.5> : tensor<f32>
        %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x24xf32>, tensor<16x24xf32>) -> tensor<?x16xf32>
        %h = compress.linear kn %x, %a : (tensor<?x24xf32>, tensor<24x3xf32>) -> tensor<?x3xf32>
        %d = compress.linear kn %h, %b : (tensor<?x3xf32>, tensor<3x16xf32>) -> tensor<?x16xf32>
        %m = compress.mul %d, %s : (tensor<?x16xf32>, tensor<f32>) -> tensor<?x16xf32>
        %r = compress.add %y, %m : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
        return %r : tensor<?x16xf32>
      })mlir";
  }
  LogicalResult run(ModuleOp module, std::unique_ptr<Pass> pass) {
    PassManager manager(&context);
    manager.addPass(std::move(pass));
    return manager.run(module);
  }
  /// The decoded weight of the op named `name`.
  std::vector<double> getWeight(ModuleOp module, StringRef name = "fc") {
    std::vector<double> values;
    WeightStore store(&context);
    for (const WeightedOp &op : collectWeighted(module))
      if (op.name == name)
        values = toDoubles(*decodeChain(store, op.chain, errorFn()));
    return values;
  }
};
} // namespace

TEST_F(AdapterTest, FindsTheParts) {
  auto module =
      parse(makeModule(makeValues(kOut * kIn), makeValues(kIn * kRank), makeValues(kRank * kOut)));
  AdapterSearch search = findAdapters(*module);
  ASSERT_EQ(search.adapters.size(), 1u);
  EXPECT_TRUE(search.rejected.empty());
  const Adapter &adapter = search.adapters.front();
  EXPECT_EQ(adapter.base.name, "fc");
  EXPECT_EQ(adapter.a.chain.getSourceName(), "a");
  EXPECT_EQ(adapter.b.chain.getSourceName(), "b");
  EXPECT_EQ(adapter.scale, 0.5);
  EXPECT_EQ(adapter.rank, kRank);
  EXPECT_EQ(adapter.branchOperand, 1u);
}

TEST_F(AdapterTest, MergesExactlyAndWithLowRank) {
  std::vector<float> w = makeValues(kOut * kIn), a = makeValues(kIn * kRank),
                     b = makeValues(kRank * kOut);
  auto module = parse(makeModule(w, a, b));
  ASSERT_TRUE(succeeded(run(*module, createMergeAdapters())));
  std::vector<double> merged = getWeight(*module);
  ASSERT_EQ(merged.size(), w.size());
  std::vector<double> delta(w.size());
  for (int64_t o = 0; o < kOut; ++o)
    for (int64_t i = 0; i < kIn; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < kRank; ++k)
        sum += static_cast<double>(b[k * kOut + o]) * a[i * kRank + k];
      // Rounded once.
      EXPECT_EQ(merged[o * kIn + i], static_cast<float>(w[o * kIn + i] + 0.5 * sum));
      delta[o * kIn + i] = merged[o * kIn + i] - w[o * kIn + i];
    }
  // rank(dW) <= r: after three steps of elimination only rounding is left.
  for (int64_t step = 0; step < kRank; ++step) {
    size_t pivot = 0;
    for (size_t i = 0; i < delta.size(); ++i)
      if (std::fabs(delta[i]) > std::fabs(delta[pivot]))
        pivot = i;
    ASSERT_GT(std::fabs(delta[pivot]), 1e-2);
    int64_t row = pivot / kIn, column = pivot % kIn;
    std::vector<double> previous = delta;
    for (int64_t o = 0; o < kOut; ++o)
      for (int64_t i = 0; i < kIn; ++i)
        delta[o * kIn + i] -=
            previous[o * kIn + column] * previous[row * kIn + i] / previous[pivot];
  }
  for (double value : delta)
    EXPECT_LT(std::fabs(value), 1e-5);
}

TEST_F(AdapterTest, IdentityAtInit) {
  std::vector<float> w = makeValues(kOut * kIn);
  w[0] = -0.0f;
  auto module = parse(makeModule(w, makeValues(kIn * kRank), std::vector<float>(kRank * kOut)));
  ASSERT_TRUE(succeeded(run(*module, createMergeAdapters())));
  std::vector<double> merged = getWeight(*module);
  for (auto [before, after] : llvm::zip_equal(w, merged))
    EXPECT_EQ(before, after);
  EXPECT_TRUE(std::signbit(merged[0]));
  unsigned linears = 0;
  module->walk([&](LinearOp) { ++linears; });
  EXPECT_EQ(linears, 1u);
}

TEST_F(AdapterTest, UnmergingRestores) {
  SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("unmerge", folder));
  std::string path = (folder + "/a.safetensors").str();
  std::vector<float> w = makeValues(kOut * kIn), a = makeValues(kRank * kIn),
                     b = makeValues(kOut * kRank);
  {
    std::error_code code;
    llvm::raw_fd_ostream os(path, code);
    SafeTensorsWriter writer(os);
    llvm::cantFail(writer.declare("fc.lora_A.weight", "F32", {kRank, kIn}));
    llvm::cantFail(writer.declare("fc.lora_B.weight", "F32", {kOut, kRank}));
    llvm::cantFail(writer.writeHeader());
    for (size_t index : writer.getWriteOrder()) {
      const std::vector<float> &values = index == 0 ? a : b;
      llvm::cantFail(writer.append(
          index, StringRef(reinterpret_cast<const char *>(values.data()), values.size() * 4)));
    }
    llvm::cantFail(writer.finish());
  }
  auto module = parse(weight("w", "16x24xf32", w) + R"mlir(
    func.func @main(%x: tensor<?x24xf32>) -> tensor<?x16xf32> {
      %w = compress.load @w : tensor<16x24xf32>
      %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x24xf32>, tensor<16x24xf32>) -> tensor<?x16xf32>
      return %y : tensor<?x16xf32>
    })mlir");
  AttachAdaptersOptions attach;
  attach.file = path;
  attach.alpha = 0.7;
  ASSERT_TRUE(succeeded(run(*module, createAttachAdapters(attach)))) << lastMessage();
  EXPECT_EQ(findAdapters(*module).adapters.size(), 1u);
  ASSERT_TRUE(succeeded(run(*module, createMergeAdapters())));
  std::vector<double> merged = getWeight(*module);
  EXPECT_TRUE(findAdapters(*module).adapters.empty());
  UnmergeAdaptersOptions unmerge;
  unmerge.file = path;
  unmerge.alpha = 0.7;
  ASSERT_TRUE(succeeded(run(*module, createUnmergeAdapters(unmerge)))) << lastMessage();
  std::vector<double> restored = getWeight(*module);
  EXPECT_EQ(findAdapters(*module).adapters.size(), 1u);
  size_t exact = 0;
  for (auto [before, between, after] : llvm::zip_equal(w, merged, restored)) {
    // At most one unit in the last place of the merged weight, and none where that is not larger.
    float size = std::fabs(static_cast<float>(between));
    EXPECT_LE(std::fabs(after - before), std::nextafter(size, INFINITY) - size);
    if (std::ilogb(size) <= std::ilogb(before))
      EXPECT_EQ(after, before);
    exact += after == before;
  }
  EXPECT_GT(exact, w.size() / 2);
  llvm::sys::fs::remove_directories(folder);
}

namespace {
struct Collector : ReportCollector {
  void addLayer(const LayerReport &layer) override { layers.push_back(layer); }
  std::vector<LayerReport> layers;
};
} // namespace

TEST_F(AdapterTest, ReportsBytesAndErrors) {
  Collector collector;
  for (bool quantizes : {false, true}) {
    auto module = parse(
        makeModule(makeValues(kOut * kIn), makeValues(kIn * kRank), makeValues(kRank * kOut)));
    QuantizeOptions options;
    options.format = "int4";
    options.group = 8;
    options.method = "rtn";
    if (quantizes)
      ASSERT_TRUE(succeeded(run(*module, createQuantize(options))));
    context.getLoadedDialect<CompressDialect>()->setReportCollector(&collector);
    collector.layers.clear();
    ASSERT_TRUE(succeeded(run(*module, createMergeAdapters())));
    context.getLoadedDialect<CompressDialect>()->setReportCollector(nullptr);
    ASSERT_EQ(collector.layers.size(), 1u);
    const LayerReport &layer = collector.layers.front();
    EXPECT_EQ(layer.name, "fc");
    EXPECT_EQ(layer.op, "linear");
    EXPECT_EQ(layer.reason, "");
    // Codes of 4 bits and a scale for each group of 8; the factors' outputs have groups, too.
    uint64_t weight = quantizes ? kOut * kIn / 2 + kOut * kIn / 8 * 4 : kOut * kIn * 4;
    uint64_t factors = quantizes
                           ? kIn * kRank / 2 + kIn / 8 * kRank * 4 + kRank * kOut / 2 + kOut * 4
                           : (kIn + kOut) * kRank * 4;
    EXPECT_EQ(layer.bytesAfter, weight);
    EXPECT_EQ(layer.bytesBefore, weight + factors);
    EXPECT_EQ(layer.relativeError.has_value(), quantizes);
    if (!quantizes)
      EXPECT_EQ(layer.action, "adapter of rank 3 is merged");
    else
      EXPECT_TRUE(*layer.relativeError > 0.02 && *layer.relativeError < 0.2);
  }
}

namespace {
/// A quantized weight with an adapter, which is merged.
class RequantizeTest : public AdapterTest, public ::testing::WithParamInterface<const char *> {};
} // namespace

TEST_P(RequantizeTest, KeepsTheFormat) {
  std::vector<float> w = makeValues(kOut * kIn), a = makeValues(kIn * kRank),
                     b = makeValues(kRank * kOut);
  auto module = parse(makeModule(w, a, b));
  auto exact = parse(makeModule(w, a, b));
  QuantizeOptions options;
  std::string text = GetParam();
  auto [format, more] = StringRef(text).split(',');
  options.format = format.str();
  options.method = "rtn";
  options.more = llvm::join(llvm::split(more, ','), ";");
  // The factors stay as they are: they are put back after all weights were quantized.
  ASSERT_TRUE(succeeded(run(*module, createQuantize(options)))) << lastMessage();
  AdapterSearch search = findAdapters(*module), original = findAdapters(*exact);
  ASSERT_EQ(search.adapters.size(), 1u);
  std::string before;
  auto describe = [](ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    for (const WeightedOp &op : collectWeighted(module))
      if (op.name == "fc") {
        for (Operation *link : op.chain.links)
          os << link->getName() << link->getAttrDictionary();
        for (WeightSourceOpInterface source : op.chain.getSources())
          os << " " << source->getResult(0).getType();
      }
    return text;
  };
  before = describe(*module);
  std::vector<double> sum = getWeight(*module);
  WeightStore store(&context);
  std::vector<double> qa, qb;
  const Adapter &adapter = search.adapters.front();
  qa = toDoubles(*decodeChain(store, adapter.a.chain, errorFn()));
  qb = toDoubles(*decodeChain(store, adapter.b.chain, errorFn()));
  for (int64_t o = 0; o < kOut; ++o)
    for (int64_t i = 0; i < kIn; ++i)
      for (int64_t k = 0; k < kRank; ++k)
        sum[o * kIn + i] += 0.5 * qb[k * kOut + o] * qa[i * kRank + k];
  ASSERT_TRUE(succeeded(run(*module, createMergeAdapters()))) << lastMessage();
  EXPECT_EQ(describe(*module), before);
  EXPECT_TRUE(findAdapters(*module).adapters.empty());
  // As good as quantizing the exact sum at once: that is what is done.
  std::vector<float> rounded(sum.begin(), sum.end());
  auto direct = parse(makeModule(rounded, a, b));
  ASSERT_TRUE(succeeded(run(*direct, createQuantize(options))));
  std::vector<double> merged = getWeight(*module), expected = getWeight(*direct);
  for (auto [got, want] : llvm::zip_equal(merged, expected))
    EXPECT_NEAR(got, want, 1e-6 * std::fabs(want)) << text;
}

INSTANTIATE_TEST_SUITE_P(Formats, RequantizeTest,
                         ::testing::Values("int8,activations=none", "int4,group=8",
                                           "int4,group=8,asymmetric",
                                           "int4,group=8,convention=sym_restricted",
                                           "int8,granularity=tensor,activations=none",
                                           "int2,group=8", "ternary", "binary", "fp8", "fp8_e5m2",
                                           "mxfp8", "mxfp4", "mxfp6", "nvfp4", "nf4,group=8",
                                           "fp4,group=8", "pow2", "nf4,group=8,double_quant",
                                           "fp16", "bf16"));
