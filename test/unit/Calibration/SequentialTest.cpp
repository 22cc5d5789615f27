//===- SequentialTest.cpp - compressing layer after layer -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Calibration/Sequential.h"
#include "../../../lib/Calibration/ActivationCache.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Samples in memory.
class MemoryData : public CalibrationData {
public:
  using Sample = std::vector<std::pair<std::string, HostTensor>>;
  uint64_t getNumSamples() const override { return samples.size(); }
  llvm::Expected<Sample> getSample(uint64_t index) const override { return samples[index]; }
  llvm::Expected<uint64_t> getFingerprint() const override { return fingerprint; }

  std::vector<Sample> samples;
  uint64_t fingerprint = 7;
};

HostTensor makeFloats(ArrayRef<int64_t> shape, unsigned seed) {
  HostTensor tensor = llvm::cantFail(HostTensor::allocate(DataType::F32, shape));
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  for (float &value : tensor.as<float>())
    value = normal(rng);
  return tensor;
}

HostTensor makeBool(bool value) {
  HostTensor tensor = llvm::cantFail(HostTensor::allocate(DataType::Bool, ArrayRef<int64_t>()));
  *tensor.data() = value;
  return tensor;
}

/// A weight with random values.
std::string makeWeight(StringRef name, ArrayRef<int64_t> shape, unsigned seed) {
  HostTensor values = makeFloats(shape, seed);
  std::string type =
      llvm::join(llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }), "x");
  for (float &value : values.as<float>())
    value *= 0.25f;
  return "compress.weight private @" + name.str() + " : tensor<" + type + "xf32> = dense<\"0x" +
         llvm::toHex(StringRef(values.data(), values.getByteSize())) + "\">\n";
}

/// A residual net: fc1, fc2; q and k of one value; fc3 with the weight of fc1; a branch.
std::string getNet() {
  std::string text;
  text += makeWeight("w1", {32, 16}, 1) + makeWeight("w2", {16, 32}, 2) +
          makeWeight("q", {32, 16}, 3) + makeWeight("k", {32, 16}, 4) +
          makeWeight("then", {4, 32}, 5) + makeWeight("else", {4, 32}, 6);
  text += R"(
func.func @main(%x: tensor<?x16xf32> {compress.name = "x"}, %c: tensor<i1> {compress.name = "c"})
    -> (tensor<?x4xf32> {compress.name = "y"}) {
  %w1 = compress.load @w1 : tensor<32x16xf32>
  %w2 = compress.load @w2 : tensor<16x32xf32>
  %wq = compress.load @q : tensor<32x16xf32>
  %wk = compress.load @k : tensor<32x16xf32>
  %wt = compress.load @then : tensor<4x32xf32>
  %we = compress.load @else : tensor<4x32xf32>
  %0 = compress.linear nk %x, %w1 {name = "fc1"} : (tensor<?x16xf32>, tensor<32x16xf32>) -> tensor<?x32xf32>
  %1 = compress.gelu none %0 : (tensor<?x32xf32>) -> tensor<?x32xf32>
  %2 = compress.linear nk %1, %w2 {name = "fc2"} : (tensor<?x32xf32>, tensor<16x32xf32>) -> tensor<?x16xf32>
  %3 = compress.add %2, %x : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
  %q = compress.linear nk %3, %wq {name = "q"} : (tensor<?x16xf32>, tensor<32x16xf32>) -> tensor<?x32xf32>
  %k = compress.linear nk %3, %wk {name = "k"} : (tensor<?x16xf32>, tensor<32x16xf32>) -> tensor<?x32xf32>
  %t = compress.linear nk %3, %w1 {name = "tied"} : (tensor<?x16xf32>, tensor<32x16xf32>) -> tensor<?x32xf32>
  %4 = compress.mul %q, %k : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %5 = compress.add %4, %t : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %6 = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<?x4xf32> {
    %a = compress.linear nk %5, %wt {name = "then"} : (tensor<?x32xf32>, tensor<4x32xf32>) -> tensor<?x4xf32>
    compress.yield %a : tensor<?x4xf32>
  }, {
    %a = compress.linear nk %5, %we {name = "else"} : (tensor<?x32xf32>, tensor<4x32xf32>) -> tensor<?x4xf32>
    compress.yield %a : tensor<?x4xf32>
  }
  return %6 : tensor<?x4xf32>
}
)";
  return text;
}

MemoryData makeData(unsigned samples = 6, bool condition = true) {
  MemoryData data;
  for (unsigned i = 0; i < samples; ++i)
    data.samples.push_back(
        {{"x", makeFloats({5 + i % 3, 16}, 100 + i)}, {"c", makeBool(condition)}});
  return data;
}

/// One model in a context of its own.
struct Model {
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  /// What the diagnostics said.
  std::string diagnostics;

  explicit Model(StringRef text, StringRef plan = "int4,group=16,method=gptq",
                 StringRef prune = "") {
    DialectRegistry registry;
    Session::registerDialects(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      diagnostics += diagnostic.str() + "\n";
      return success();
    });
    context->loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(text, context.get());
    EXPECT_TRUE(!!module) << diagnostics;
    if (module && !plan.empty())
      planAll(*module,
              PlanAttr::getQuantizing(StringAttr::get(context.get(), plan))
                  .withPrune(prune.empty() ? StringAttr() : StringAttr::get(context.get(), prune)));
  }
  CompressDialect *getDialect() { return context->getLoadedDialect<CompressDialect>(); }
  std::string print() {
    std::string text;
    llvm::raw_string_ostream os(text);
    module->print(os);
    return text;
  }
};

LogicalResult compressStep(WeightStore &store, const WeightTask &task, WeightOutcome &outcome) {
  return failure(failed(pruneStep(store, task, outcome)) ||
                 failed(quantizeStep(store, task, outcome)));
}

/// What `compress-weights-sequentially` does in a stage. `steps` counts the weights that were
/// really worked on.
LogicalResult compressStage(ModuleOp module, SequentialStage &stage, unsigned *steps = nullptr) {
  auto accepts = [&](const WeightedOp &op) { return stage.contains(op); };
  WeightRewriteOptions rewrite{"test", "test", /*prunes=*/true, /*quantizes=*/true};
  rewrite.filter = accepts;
  auto step = [&](WeightStore &store, const WeightTask &task, WeightOutcome &outcome) {
    if (steps)
      ++*steps;
    return compressStep(store, task, outcome);
  };
  return rewriteWeights(module, rewrite,
                        [&](WeightStore &store, const WeightTask &task, WeightOutcome &outcome) {
                          return stage.runStep(step, store, task, outcome);
                        });
}

std::string run(Model &model, const CalibrationData &data, const SequentialOptions &options = {}) {
  llvm::Error error = compressSequentially(
      *model.module, data, options,
      [](ModuleOp module, SequentialStage &stage) { return compressStage(module, stage); });
  std::string text = llvm::toString(std::move(error));
  if (text.empty()) {
    EXPECT_TRUE(succeeded(verify(*model.module))) << model.diagnostics;
  }
  return text;
}

/// A folder that is removed in the end.
struct Folder {
  SmallString<128> path;
  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("sequential-test", path)); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string get(StringRef name) const {
    SmallString<128> full(path);
    llvm::sys::path::append(full, name);
    return std::string(full);
  }
};

TEST(Sequential, StagesSeeWhatCompressedLayersCompute) {
  Model model(getNet());
  MemoryData data = makeData();
  std::vector<std::vector<std::string>> stages;
  std::vector<unsigned> compressed;
  llvm::Error error =
      compressSequentially(*model.module, data, {}, [&](ModuleOp module, SequentialStage &stage) {
        stages.push_back(stage.names);
        const Statistics *statistics = model.getDialect()->getStatistics();
        EXPECT_EQ(statistics->samples, data.samples.size());
        // The whole model, as it is now, gives the same statistics.
        CalibrationOptions options;
        options.collect = Collect::Gram;
        options.ops = stage.names;
        llvm::Expected<Statistics> expected = collectStatistics(module, data, options);
        if (!expected) {
          ADD_FAILURE() << llvm::toString(expected.takeError());
          return failure();
        }
        unsigned count = 0;
        for (const WeightedOp &op : collectWeighted(module))
          count += stage.contains(op);
        compressed.push_back(count);
        for (const std::string &name : stage.names) {
          const TensorStatistics *got = statistics->findInput(name);
          const TensorStatistics *wanted = expected->findInput(name);
          EXPECT_TRUE(got && wanted) << name;
          if (!got || !wanted || name == "else")
            continue;
          EXPECT_EQ(got->vectors, wanted->vectors) << name;
          EXPECT_EQ(got->gram.size(), wanted->gram.size()) << name;
          EXPECT_FALSE(got->gram.empty()) << name;
          for (auto [a, b] : llvm::zip(got->gram, wanted->gram))
            EXPECT_NEAR(a, b, 1e-3f * (1 + std::abs(b))) << name;
        }
        return compressStage(module, stage);
      });
  ASSERT_FALSE(error) << llvm::toString(std::move(error));
  std::vector<std::vector<std::string>> expected = {
      {"fc1"}, {"fc2"}, {"q", "k", "tied"}, {"then", "else"}};
  EXPECT_EQ(stages, expected);
  // The weight of `tied` is that of fc1.
  EXPECT_EQ(compressed, (std::vector<unsigned>{1, 1, 2, 2}));
  for (const WeightedOp &op : collectWeighted(*model.module))
    EXPECT_TRUE(op.chain.getLink<DequantizeOp>()) << op.name;
  // Afterwards ranges are known of all inputs, Gram matrices of none.
  const Statistics *statistics = model.getDialect()->getStatistics();
  for (StringRef name : {"fc1", "fc2", "q", "k", "tied", "then"}) {
    const TensorStatistics *entry = statistics->findInput(name);
    ASSERT_TRUE(entry) << name.str();
    EXPECT_GT(entry->vectors, 0u);
    EXPECT_EQ(entry->vectors, 36u) << name.str();
    EXPECT_FALSE(entry->min.empty());
    EXPECT_TRUE(entry->gram.empty());
  }
  EXPECT_EQ(statistics->findInput("else")->vectors, 0u);
  EXPECT_NE(model.diagnostics.find("activation \"else:input\" was never computed"),
            std::string::npos)
      << model.diagnostics;
}

TEST(Sequential, SpillingAndThreadsChangeNothing) {
  MemoryData data = makeData();
  Model reference(getNet());
  ASSERT_EQ(run(reference, data), "");
  std::string expected = reference.print();
  EXPECT_NE(expected, Model(getNet()).print());
  for (uint64_t limit : {1, 1000}) {
    Model model(getNet());
    SequentialOptions options;
    options.memoryLimit = limit;
    ASSERT_EQ(run(model, data, options), "");
    EXPECT_EQ(model.print(), expected) << limit;
  }
  for (int threads : {1, 3}) {
    Model model(getNet());
    model.context->enableMultithreading(threads > 1);
    SequentialOptions options;
    options.threads = threads;
    ASSERT_EQ(run(model, data, options), "");
    EXPECT_EQ(model.print(), expected) << threads;
  }
}

/// Interrupts a run before one of the stages is complete, goes on, and compares.
void checkResume(StringRef plan, StringRef prune, ArrayRef<size_t> stops = {2}) {
  MemoryData data = makeData(4);
  Model reference(getNet(), plan, prune);
  ASSERT_EQ(run(reference, data), "");
  std::string expected = reference.print();
  Folder folder;
  for (size_t stop : stops) {
    SequentialOptions options;
    options.resume = folder.get("run" + std::to_string(stop));
    {
      Model killed(getNet(), plan, prune);
      llvm::Error error = compressSequentially(*killed.module, data, options,
                                               [&](ModuleOp module, SequentialStage &stage) {
                                                 if (stage.index == stop)
                                                   return failure();
                                                 return compressStage(module, stage);
                                               });
      EXPECT_TRUE(StringRef(llvm::toString(std::move(error)))
                      .starts_with("compressing stage " + std::to_string(stop + 1)));
    }
    Model model(getNet(), plan, prune);
    unsigned steps = 0;
    llvm::Error error = compressSequentially(*model.module, data, options,
                                             [&](ModuleOp module, SequentialStage &stage) {
                                               return compressStage(module, stage, &steps);
                                             });
    ASSERT_FALSE(error) << llvm::toString(std::move(error));
    EXPECT_EQ(model.print(), expected) << plan.str() << " " << stop;
    EXPECT_EQ(steps, ArrayRef<unsigned>({6, 5, 4, 2})[stop]);
    // The statistics that later passes see are the same.
    for (const auto &[key, entry] : reference.getDialect()->getStatistics()->getEntries()) {
      const TensorStatistics *other = model.getDialect()->getStatistics()->find(key);
      ASSERT_TRUE(other) << key;
      EXPECT_EQ(other->min, entry->min) << key;
      EXPECT_EQ(other->sumSquares, entry->sumSquares) << key;
      EXPECT_EQ(other->features, entry->features) << key;
    }
  }
}

TEST(Sequential, ResumedRunsGiveTheSameBytes) {
  checkResume("int4,group=16,method=gptq", "", {0, 1, 2, 3});
}
TEST(Sequential, ResumedRunsWithZeroPoints) {
  checkResume("int4,group=16,method=gptq,asymmetric", "");
}
TEST(Sequential, ResumedRunsWithPruning) { checkResume("int8", "2:4"); }
TEST(Sequential, ResumedRunsWithDoubleQuantization) {
  checkResume("nf4,group=16,double_quant", "");
}
TEST(Sequential, ResumedRunsWithBiasCorrection) {
  checkResume("int4,group=16,method=gptq,bias_correction", "");
}
TEST(Sequential, ResumedRunsWithNestedScales) { checkResume("mxfp4", ""); }

TEST(Sequential, ResumeRefusesOtherRuns) {
  MemoryData data = makeData(2);
  Folder folder;
  SequentialOptions options;
  options.resume = folder.get("run");
  {
    Model model(getNet());
    ASSERT_EQ(run(model, data, options), "");
  }
  std::string expected = "the folder '" + options.resume +
                         "' holds a run with another model, other calibration data or another "
                         "recipe; resume with those, or name another folder";
  {
    Model model(getNet(), "int8,method=gptq");
    EXPECT_EQ(run(model, data, options), expected);
  }
  {
    Model model(getNet());
    MemoryData other = makeData(2);
    other.fingerprint = 8;
    EXPECT_EQ(run(model, other, options), expected);
  }
  {
    std::string text = getNet();
    text.replace(text.find("dense<\"0x") + 9, 2, "11");
    Model model(text);
    EXPECT_EQ(run(model, data, options), expected);
  }
  {
    // A file that was cut off.
    std::string path = folder.get("run/stage-00001");
    std::string contents = (*llvm::MemoryBuffer::getFile(path))->getBuffer().str();
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << StringRef(contents).drop_back(3);
    Model model(getNet());
    EXPECT_EQ(run(model, data, options),
              "'" + path + "' is damaged (its hash is wrong); remove it to do the stage again");
  }
  {
    std::error_code code;
    llvm::sys::fs::create_directories(folder.get("foreign"));
    llvm::raw_fd_ostream(folder.get("foreign/photo"), code) << "x";
    options.resume = folder.get("foreign");
    Model model(getNet());
    EXPECT_EQ(run(model, data, options),
              "the folder '" + options.resume + "' is not empty and holds no run to resume from");
  }
}

TEST(Sequential, UncompressedStreamForGptaq) {
  Model model(getNet(), "int4,group=16,method=gptaq");
  MemoryData data = makeData();
  unsigned zero = 0, other = 0;
  llvm::Error error =
      compressSequentially(*model.module, data, {}, [&](ModuleOp module, SequentialStage &stage) {
        for (const std::string &name : stage.names) {
          const TensorStatistics *entry = model.getDialect()->getStatistics()->findInput(name);
          if (name == "then" || name == "else") {
            EXPECT_TRUE(entry->cross.empty());
            continue;
          }
          EXPECT_EQ(entry->cross.size(), entry->gram.size()) << name;
          bool isZero = llvm::all_of(entry->cross, [](float value) { return value == 0; });
          // What fc1 gets is the input of the model.
          EXPECT_EQ(isZero, name == "fc1") << name;
          ++(isZero ? zero : other);
        }
        return compressStage(module, stage);
      });
  ASSERT_FALSE(error) << llvm::toString(std::move(error));
  EXPECT_EQ(zero, 1u);
  EXPECT_EQ(other, 4u);
}

TEST(Sequential, GptqBeatsRoundingToNearestOnTheOutput) {
  MemoryData data = makeData(24);
  auto getError = [&](StringRef plan) {
    Model plain(getNet()), model(getNet(), plan);
    EXPECT_EQ(run(model, data), "");
    auto exact = Session::create(*plain.module), now = Session::create(*model.module);
    EXPECT_TRUE(exact && now);
    double error = 0;
    for (const auto &sample : data.samples) {
      TensorView views[] = {sample[0].second.view(), sample[1].second.view()};
      std::vector<HostTensor> a = llvm::cantFail((*exact)->run(views));
      std::vector<HostTensor> b = llvm::cantFail((*now)->run(views));
      for (auto [x, y] : llvm::zip_equal(a[0].as<float>(), b[0].as<float>()))
        error += (x - y) * (x - y);
    }
    return error;
  };
  EXPECT_LT(getError("int3,group=16,method=gptq"), 0.9 * getError("int3,group=16,method=rtn"));
}

TEST(Sequential, FixedSizes) {
  MemoryData data;
  for (unsigned i = 0; i < 3; ++i)
    data.samples.push_back({{"x", makeFloats({4, 16}, i)}, {"c", makeBool(true)}});
  std::string text = getNet();
  text.replace(text.find("{compress.name = \"x\""), 1, "{compress.dims = [\"batch\", \"\"], ");
  Model model(text);
  SequentialOptions options;
  options.dims["batch"] = 4;
  EXPECT_EQ(run(model, data, options), "");
  // The model itself stays as general as it was.
  EXPECT_NE(model.print().find("tensor<?x16xf32>"), std::string::npos);
}

TEST(Sequential, Errors) {
  {
    Model model(getNet());
    EXPECT_EQ(run(model, MemoryData()), "the calibration data have no samples");
  }
  {
    Model model(getNet());
    MemoryData data = makeData(2);
    for (float &value : data.samples[0][0].second.as<float>())
      value = NAN;
    for (float &value : data.samples[1][0].second.as<float>())
      value = INFINITY;
    std::string text = run(model, data);
    EXPECT_TRUE(StringRef(text).starts_with("activation \"fc1:input\": all ")) << text;
  }
  {
    Model model(getNet());
    MemoryData data = makeData(2);
    data.samples[1].erase(data.samples[1].begin());
    EXPECT_EQ(run(model, data), "sample 2 of 2: there is no input 'x'");
  }
  {
    Model model(getNet());
    MemoryData data = makeData(2);
    data.samples[1][0].second = makeFloats({5, 17}, 1);
    std::string text = run(model, data);
    EXPECT_TRUE(StringRef(text).starts_with("sample 2 of 2: ")) << text;
  }
  {
    // Nothing is planned: nothing is run.
    Model model(getNet(), "");
    std::string before = model.print();
    EXPECT_EQ(run(model, makeData(1)), "");
    EXPECT_EQ(model.print(), before);
  }
}

TEST(ActivationCache, KeepsToItsLimitAndReusesTheFile) {
  ActivationCache cache(1000);
  std::vector<HostTensor> tensors;
  for (unsigned i = 0; i < 8; ++i)
    tensors.push_back(makeFloats({10, 10}, i));
  auto check = [&](uint64_t sample, unsigned slot, unsigned tensor) {
    HostTensor got = llvm::cantFail(cache.get(sample, slot));
    EXPECT_EQ(got.getShape(), tensors[tensor].getShape());
    EXPECT_EQ(StringRef(got.data(), got.getByteSize()),
              StringRef(tensors[tensor].data(), tensors[tensor].getByteSize()));
  };
  for (unsigned i = 0; i < 6; ++i)
    ASSERT_FALSE(cache.put(i, 0, tensors[i]));
  EXPECT_EQ(cache.getMemoryBytes(), 800u);
  EXPECT_EQ(cache.getFileBytes(), 1600u);
  cache.drop(0, 0);
  cache.drop(3, 0);
  cache.drop(3, 0);
  EXPECT_EQ(cache.getMemoryBytes(), 400u);
  EXPECT_EQ(cache.getFileBytes(), 1200u);
  ASSERT_FALSE(cache.put(0, 1, tensors[6]));
  ASSERT_FALSE(cache.put(3, 1, tensors[7]));
  // Replaced in place.
  ASSERT_FALSE(cache.put(5, 0, tensors[6]));
  EXPECT_EQ(cache.getMemoryBytes(), 800u);
  EXPECT_EQ(cache.getFileBytes(), 1600u);
  check(1, 0, 1);
  check(2, 0, 2);
  check(4, 0, 4);
  check(5, 0, 6);
  check(0, 1, 6);
  check(3, 1, 7);
}

} // namespace
