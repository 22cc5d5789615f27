//===- SplitLowRankTest.cpp - split layers, their statistics and errors ---===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Statistics of split layers are compared with those of the values that the
// first of the two ops computes.
//
//===----------------------------------------------------------------------===//

#include "../Reference/TestUtils.h"
#include "WeightTestUtils.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Statistics.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;

namespace {
/// Sum of x x^T over the windows x that a convolution contracts, `[groups, features, features]`.
struct Windows {
  std::vector<double> gram;
  int64_t groups = 0, features = 0;
  uint64_t count = 0;
};

Windows getWindows(const Tensor &image, ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides,
                   ArrayRef<int64_t> pads, ArrayRef<int64_t> dilations, int64_t groups) {
  ArrayRef<int64_t> shape = image.getShape();
  int64_t channels = shape[1] / groups;
  int64_t extents[2];
  for (int dim : {0, 1})
    extents[dim] =
        (shape[2 + dim] + pads[dim] + pads[2 + dim] - (dilations[dim] * (kernel[dim] - 1) + 1)) /
            strides[dim] +
        1;
  Windows result;
  result.groups = groups;
  result.features = channels * kernel[0] * kernel[1];
  result.gram.assign(groups * result.features * result.features, 0.0);
  std::vector<double> x(result.features);
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t oh = 0; oh < extents[0]; ++oh)
      for (int64_t ow = 0; ow < extents[1]; ++ow) {
        ++result.count;
        for (int64_t g = 0; g < groups; ++g) {
          size_t i = 0;
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t kh = 0; kh < kernel[0]; ++kh)
              for (int64_t kw = 0; kw < kernel[1]; ++kw) {
                int64_t h = oh * strides[0] + kh * dilations[0] - pads[0];
                int64_t w = ow * strides[1] + kw * dilations[1] - pads[1];
                bool isInside = h >= 0 && w >= 0 && h < shape[2] && w < shape[3];
                x[i++] = isInside ? image.getFloat({n, g * channels + c, h, w}) : 0;
              }
          double *gram = result.gram.data() + g * result.features * result.features;
          for (size_t a = 0; a < x.size(); ++a)
            for (size_t b = 0; b < x.size(); ++b)
              gram[a * x.size() + b] += x[a] * x[b];
        }
      }
  return result;
}

void expectClose(ArrayRef<float> found, ArrayRef<double> expected) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 1;
  for (double value : expected)
    largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], 2e-5 * largest) << "element " << i;
}

/// Keeps the lines of a report.
struct Collector : ReportCollector {
  std::vector<LayerReport> lines;
  void addLayer(const LayerReport &layer) override { lines.push_back(layer); }
};

class SplitLowRank : public WeightTest {
protected:
  SplitLowRank() : dialect(context.getLoadedDialect<CompressDialect>()) {}

  Tensor makeTensor(ArrayRef<int64_t> shape) {
    Tensor tensor = llvm::cantFail(Tensor::create(DataType::F32, shape));
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < tensor.getNumElements(); ++i)
      tensor.storeFloat(i, normal(random));
    return tensor;
  }

  /// `dense<...> : tensor<...>` of floats, exactly.
  std::string print(const Tensor &tensor) {
    SmallVector<double> values = tensor.toFloats();
    SmallVector<float> floats(values.begin(), values.end());
    std::string text;
    llvm::raw_string_ostream os(text);
    DenseElementsAttr::get(getType(tensor.getShape(), f32()), ArrayRef<float>(floats)).print(os);
    return text;
  }
  static std::string getTypeText(ArrayRef<int64_t> shape) {
    std::string text = "tensor<";
    for (int64_t size : shape)
      text += (size < 0 ? "?" : std::to_string(size)) + "x";
    return text + "f32>";
  }

  /// A module with one weight `@w` and one op `op`, whose operands are %x and %w.
  OwningOpRef<ModuleOp> makeModule(const Tensor &weight, StringRef op, ArrayRef<int64_t> input,
                                   ArrayRef<int64_t> result) {
    std::string text =
        "compress.weight private @w : " + getTypeText(weight.getShape()) + " = " +
        StringRef(print(weight)).split(" : ").first.str() +
        "\nfunc.func @main(%x: " + getTypeText(input) + ") -> " + getTypeText(result) +
        " {\n  %w = compress.load @w : " + getTypeText(weight.getShape()) + "\n  %y = " + op.str() +
        " : (" + getTypeText(input) + ", " + getTypeText(weight.getShape()) + ") -> " +
        getTypeText(result) + "\n  return %y : " + getTypeText(result) + "\n}\n";
    OwningOpRef<ModuleOp> module = parse(text);
    EXPECT_TRUE(module) << lastMessage();
    return module;
  }

  void run(ModuleOp module, StringRef lowRank) {
    PassManager manager(&context);
    SplitLowRankOptions options;
    options.lowRank = lowRank.str();
    manager.addPass(createSplitLowRank(options));
    ASSERT_TRUE(succeeded(manager.run(module))) << lastMessage();
    ASSERT_TRUE(succeeded(verify(module)));
  }

  /// Dense value of the weight of the op with this name.
  Tensor getWeight(ModuleOp module, StringRef name, WeightedOp *found = nullptr) {
    for (WeightedOp &op : collectWeighted(module)) {
      if (op.name != name)
        continue;
      WeightStore store(&context);
      FailureOr<StoredTensor> stored = decodeChain(store, op.chain, errorFn());
      EXPECT_TRUE(succeeded(stored));
      Tensor tensor = llvm::cantFail(
          Tensor::fromFloats(DataType::F32, stored->getType().getShape(), toDoubles(*stored)));
      if (found)
        *found = std::move(op);
      return tensor;
    }
    ADD_FAILURE() << "there is no op \"" << name.str() << "\"";
    return Tensor();
  }

  CompressDialect *dialect;
  std::mt19937_64 random{11};
};

TEST_F(SplitLowRank, statisticsOfLinear) {
  constexpr int64_t in = 6, out = 9, vectors = 20, rank = 2;
  Tensor x = makeTensor({vectors, in});
  TensorStatistics entry;
  entry.vectors = entry.gramVectors = vectors;
  entry.runs = 1;
  entry.channels = entry.features = in;
  entry.groups = 1;
  entry.gram.assign(in * in, 0);
  entry.sum.assign(in, 0);
  entry.min.assign(in, -5);
  entry.max.assign(in, 5);
  for (int64_t n = 0; n < vectors; ++n)
    for (int64_t i = 0; i < in; ++i) {
      entry.sum[i] += x.getFloat({n, i});
      for (int64_t j = 0; j < in; ++j)
        entry.gram[i * in + j] += static_cast<float>(x.getFloat({n, i}) * x.getFloat({n, j}));
    }
  auto statistics = std::make_shared<Statistics>();
  statistics->set("fc:input", std::make_shared<TensorStatistics>(entry));
  statistics->set("fc:output", std::make_shared<TensorStatistics>());
  statistics->setWeight("fc", WeightStatistics());
  const TensorStatistics *old = statistics->findInput("fc");
  dialect->setStatistics(statistics);
  OwningOpRef<ModuleOp> module = makeModule(
      makeTensor({out, in}), "compress.linear nk %x, %w {name = \"fc\"}", {-1, in}, {-1, out});
  run(*module, "rank:2");

  EXPECT_EQ(statistics->findInput("fc/v"), old);
  EXPECT_EQ(statistics->findInput("fc"), nullptr);
  EXPECT_EQ(statistics->findWeight("fc"), nullptr);
  EXPECT_EQ(statistics->find("fc:output"), nullptr);
  EXPECT_NE(statistics->find("fc/u:output"), nullptr);
  const TensorStatistics *second = statistics->findInput("fc/u");
  ASSERT_NE(second, nullptr);
  Tensor v = getWeight(*module, "fc/v");
  std::vector<double> gram(rank * rank), sum(rank);
  for (int64_t n = 0; n < vectors; ++n) {
    double z[rank] = {};
    for (int64_t t = 0; t < rank; ++t)
      for (int64_t i = 0; i < in; ++i)
        z[t] += v.getFloat({t, i}) * x.getFloat({n, i});
    for (int64_t t = 0; t < rank; ++t) {
      sum[t] += z[t];
      for (int64_t s = 0; s < rank; ++s)
        gram[t * rank + s] += z[t] * z[s];
    }
  }
  expectClose(second->gram, gram);
  expectClose(std::vector<float>(second->sum.begin(), second->sum.end()), sum);
  expectClose(std::vector<float>(second->sumSquares.begin(), second->sumSquares.end()),
              {gram[0], gram[3]});
  EXPECT_EQ(second->vectors, uint64_t(vectors));
  EXPECT_EQ(second->gramVectors, uint64_t(vectors));
  EXPECT_EQ(second->channels, rank);
  EXPECT_EQ(second->features, rank);
  EXPECT_EQ(second->groups, 1);
  EXPECT_TRUE(second->min.empty());
}

TEST_F(SplitLowRank, statisticsOfConvolutions) {
  struct Case {
    StringRef form;
    SmallVector<int64_t> weight, strides, pads, dilations;
    int64_t groups;
  };
  const Case cases[] = {
      {"channel", {6, 4, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {"channel", {8, 3, 3, 2}, {2, 1}, {1, 0, 0, 1}, {1, 2}, 2},
      {"spatial", {6, 4, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {"spatial", {6, 4, 3, 3}, {2, 2}, {0, 1, 1, 2}, {1, 2}, 1},
      {"depthwise", {9, 3, 3, 3}, {1, 2}, {1, 1, 1, 1}, {1, 1}, 1},
      {"depthwise", {12, 2, 3, 3}, {1, 1}, {1, 1, 0, 1}, {1, 1}, 2},
  };
  for (const Case &c : cases) {
    SCOPED_TRACE(c.form.str() + " " + std::to_string(c.groups));
    Tensor image = makeTensor({2, c.weight[1] * c.groups, 7, 8});
    Windows before = getWindows(image, ArrayRef(c.weight).drop_front(2), c.strides, c.pads,
                                c.dilations, c.groups);
    TensorStatistics entry;
    entry.runs = 1;
    entry.vectors = 2 * 7 * 8;
    entry.channels = image.getShape()[1];
    entry.gramVectors = before.count;
    entry.features = before.features;
    entry.groups = before.groups;
    entry.gram.assign(before.gram.begin(), before.gram.end());
    auto statistics = std::make_shared<Statistics>();
    statistics->set("conv:input", std::make_shared<TensorStatistics>(entry));
    const TensorStatistics *old = statistics->findInput("conv");
    dialect->setStatistics(statistics);

    std::string op;
    llvm::raw_string_ostream os(op);
    auto list = [&](ArrayRef<int64_t> values) {
      os << "array<i64: ";
      llvm::interleaveComma(values, os);
      os << ">";
    };
    os << "compress.conv %x, %w {name = \"conv\", groups = " << c.groups << " : i64, strides = ";
    list(c.strides);
    os << ", pads = ";
    list(c.pads);
    os << ", dilations = ";
    list(c.dilations);
    os << "}";
    OwningOpRef<ModuleOp> module = makeModule(
        makeTensor(c.weight), op, {-1, entry.channels, -1, -1}, {-1, c.weight[0], -1, -1});
    run(*module, ("rank:2,form=" + c.form).str());

    WeightedOp firstOp, secondOp;
    Tensor v = getWeight(*module, "conv/v", &firstOp), u = getWeight(*module, "conv/u", &secondOp);
    auto first = cast<ConvOp>(firstOp.op), second = cast<ConvOp>(secondOp.op);
    SmallVector<Tensor> between = reference::get(first.evaluate({image, v}));
    ASSERT_EQ(between.size(), 1u);
    auto getWindowsOf = [](ConvOp conv, const Tensor &input) {
      return getWindows(input, conv.getWeight().getType().getShape().drop_front(2),
                        conv.getStrides(), conv.getPads(), conv.getDilations(), conv.getGroups());
    };
    Windows after = getWindowsOf(second, between.front());
    const TensorStatistics *found = statistics->findInput("conv/u");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->features, after.features);
    EXPECT_EQ(found->groups, after.groups);
    EXPECT_EQ(found->channels, between.front().getShape()[1]);
    EXPECT_EQ(found->gramVectors, after.count);
    expectClose(found->gram, after.gram);

    // Only parts of the kernel are windows of which nothing is known.
    const TensorStatistics *input = statistics->findInput("conv/v");
    ASSERT_NE(input, nullptr);
    if (c.form == "channel") {
      EXPECT_EQ(input, old);
    } else if (c.form == "spatial") {
      EXPECT_TRUE(input->gram.empty());
      EXPECT_EQ(input->vectors, entry.vectors);
    } else {
      Windows own = getWindowsOf(first, image);
      EXPECT_EQ(input->features, own.features);
      EXPECT_EQ(input->groups, own.groups);
      expectClose(input->gram, own.gram);
    }
  }
}

TEST_F(SplitLowRank, statisticsOfEmbeddings) {
  TensorStatistics entry;
  entry.counts = {0, 3, 1, 0, 2, 0};
  entry.vectors = 6;
  entry.runs = 1;
  auto statistics = std::make_shared<Statistics>();
  statistics->set("emb:input", std::make_shared<TensorStatistics>(entry));
  dialect->setStatistics(statistics);
  Tensor table = makeTensor({6, 5});
  std::string text = "compress.weight private @w : tensor<6x5xf32> = " +
                     StringRef(print(table)).split(" : ").first.str() + R"(
    func.func @main(%i: tensor<?xi64>) -> tensor<?x5xf32> {
      %w = compress.load @w : tensor<6x5xf32>
      %y = compress.embedding %w, %i {name = "emb",
        compress.plan = #compress.plan<low_rank = "rank:2,method=fisher">}
        : (tensor<6x5xf32>, tensor<?xi64>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })";
  OwningOpRef<ModuleOp> module = parse(text);
  ASSERT_TRUE(module) << lastMessage();
  run(*module, "");
  EXPECT_EQ(statistics->findInput("emb/v")->counts, entry.counts);
  const TensorStatistics *found = statistics->findInput("emb/u");
  ASSERT_NE(found, nullptr);
  Tensor u = getWeight(*module, "emb/v");
  ASSERT_EQ(u.getShape(), ArrayRef<int64_t>({6, 2}));
  std::vector<double> gram(4), sum(2), sumAbs(2);
  std::vector<double> min(2, 1e9), max(2, -1e9);
  for (int64_t row = 0; row < 6; ++row)
    for (int64_t t = 0; t < 2; ++t) {
      double value = u.getFloat({row, t}), count = entry.counts[row];
      sum[t] += count * value;
      sumAbs[t] += count * std::abs(value);
      if (count > 0) {
        min[t] = std::min(min[t], value);
        max[t] = std::max(max[t], value);
      }
      for (int64_t s = 0; s < 2; ++s)
        gram[t * 2 + s] += count * value * u.getFloat({row, s});
    }
  expectClose(found->gram, gram);
  expectClose(std::vector<float>(found->sum.begin(), found->sum.end()), sum);
  expectClose(std::vector<float>(found->sumAbs.begin(), found->sumAbs.end()), sumAbs);
  expectClose(found->min, min);
  expectClose(found->max, max);
  EXPECT_EQ(found->vectors, 6u);
  EXPECT_EQ(found->gramVectors, 6u);
}

TEST_F(SplitLowRank, frequentRowsOfAnEmbeddingAreKept) {
  TensorStatistics entry;
  entry.counts = {1, 1, 1000, 1000, 1, 1, 1, 1};
  entry.vectors = 2006;
  entry.runs = 1;
  Tensor table = makeTensor({8, 6});
  auto getRowErrors = [&](StringRef spec) {
    auto statistics = std::make_shared<Statistics>();
    statistics->set("emb:input", std::make_shared<TensorStatistics>(entry));
    dialect->setStatistics(statistics);
    std::string text = "compress.weight private @w : tensor<8x6xf32> = " +
                       StringRef(print(table)).split(" : ").first.str() + R"(
      func.func @main(%i: tensor<?xi64>) -> tensor<?x6xf32> {
        %w = compress.load @w : tensor<8x6xf32>
        %y = compress.embedding %w, %i {name = "emb", compress.plan = #compress.plan<low_rank = ")" +
                       spec.str() + R"(">} : (tensor<8x6xf32>, tensor<?xi64>) -> tensor<?x6xf32>
        return %y : tensor<?x6xf32>
      })";
    OwningOpRef<ModuleOp> module = parse(text);
    EXPECT_TRUE(module) << lastMessage();
    run(*module, "");
    Tensor u = getWeight(*module, "emb/v"), v = getWeight(*module, "emb/u");
    std::vector<double> errors(8);
    for (int64_t row = 0; row < 8; ++row)
      for (int64_t i = 0; i < 6; ++i) {
        double value = table.getFloat({row, i});
        for (int64_t t = 0; t < v.getShape()[0]; ++t)
          value -= u.getFloat({row, t}) * v.getFloat({t, i});
        errors[row] += value * value;
      }
    return errors;
  };
  std::vector<double> plain = getRowErrors("rank:3,method=svd");
  std::vector<double> weighted = getRowErrors("rank:3,method=fisher");
  EXPECT_GT(plain[2] + plain[3], 0.1);
  EXPECT_LT(weighted[2] + weighted[3], 1e-3);
}

TEST_F(SplitLowRank, reportOfBothParts) {
  dialect->setStatistics(nullptr);
  Collector collector;
  dialect->setReportCollector(&collector);
  OwningOpRef<ModuleOp> module = makeModule(
      makeTensor({10, 6}), "compress.linear nk %x, %w {name = \"fc\"}", {-1, 6}, {-1, 10});
  run(*module, "rank:2");
  dialect->setReportCollector(nullptr);
  ASSERT_EQ(collector.lines.size(), 2u);
  const LayerReport &v = collector.lines[0], &u = collector.lines[1];
  EXPECT_EQ(v.name, "fc/v");
  EXPECT_EQ(u.name, "fc/u");
  for (const LayerReport &line : collector.lines) {
    EXPECT_EQ(line.origin, "fc");
    EXPECT_EQ(line.weight, "w");
    EXPECT_EQ(line.action, "rank 2 of 6, svd");
    ASSERT_TRUE(line.relativeError);
    EXPECT_GT(*line.relativeError, 0.1);
    EXPECT_LT(*line.relativeError, 1);
    EXPECT_FALSE(line.outputSqnr);
    EXPECT_FALSE(line.shared);
  }
  EXPECT_EQ(v.bytesBefore, 10u * 6 * 4);
  EXPECT_EQ(u.bytesBefore, 0u);
  EXPECT_EQ(v.bytesAfter, 2u * 6 * 4);
  EXPECT_EQ(u.bytesAfter, 2u * 10 * 4);
}

TEST_F(SplitLowRank, formWithTheSmallerErrorWins) {
  dialect->setStatistics(nullptr);
  // A vertical filter of all channels, then a horizontal one: the spatial form is exact.
  Tensor vertical = makeTensor({1, 6, 3, 1}), horizontal = makeTensor({8, 1, 1, 3});
  Tensor separable = llvm::cantFail(Tensor::create(DataType::F32, {8, 6, 3, 3}));
  Tensor mixed = llvm::cantFail(Tensor::create(DataType::F32, {8, 6, 3, 3}));
  Tensor outputs = makeTensor({8, 1}), inputs = makeTensor({1, 6, 3, 3});
  for (int64_t o = 0; o < 8; ++o)
    for (int64_t c = 0; c < 6; ++c)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 3; ++j) {
          separable.setFloat({o, c, i, j},
                             vertical.getFloat({0, c, i, 0}) * horizontal.getFloat({o, 0, 0, j}));
          mixed.setFloat({o, c, i, j}, outputs.getFloat({o, 0}) * inputs.getFloat({0, c, i, j}));
        }
  for (bool isSpatial : {true, false}) {
    OwningOpRef<ModuleOp> module = makeModule(
        isSpatial ? separable : mixed,
        "compress.conv %x, %w {name = \"conv\", strides = array<i64: 1, 1>, pads = array<i64: 1, "
        "1, 1, 1>, dilations = array<i64: 1, 1>}",
        {-1, 6, -1, -1}, {-1, 8, -1, -1});
    run(*module, "rank:1");
    Tensor v = getWeight(*module, "conv/v");
    EXPECT_EQ(reference::shapeToString(v.getShape()), isSpatial ? "[1, 6, 3, 1]" : "[1, 6, 3, 3]");
  }
}

TEST_F(SplitLowRank, resultsDoNotDependOnThreads) {
  dialect->setStatistics(nullptr);
  std::string text;
  std::string body;
  for (int i = 0; i < 8; ++i) {
    std::string name = "w" + std::to_string(i);
    text += "compress.weight private @" + name + " : tensor<32x24xf32> = " +
            StringRef(print(makeTensor({32, 24}))).split(" : ").first.str() + "\n";
    body += "  %" + name + " = compress.load @" + name + " : tensor<32x24xf32>\n  %y" +
            std::to_string(i) + " = compress.linear nk %x, %" + name + " {name = \"fc" +
            std::to_string(i) + "\"} : (tensor<?x24xf32>, tensor<32x24xf32>) -> tensor<?x32xf32>\n";
  }
  text += "func.func @main(%x: tensor<?x24xf32>) -> tensor<?x32xf32> {\n" + body +
          "  return %y7 : tensor<?x32xf32>\n}\n";
  std::vector<std::string> printed;
  for (bool isThreaded : {false, true}) {
    context.enableMultithreading(isThreaded);
    OwningOpRef<ModuleOp> module = parse(text);
    ASSERT_TRUE(module) << lastMessage();
    run(*module, "ratio:0.5");
    llvm::raw_string_ostream os(printed.emplace_back());
    // Keys of blobs count up in a context; values do not.
    for (const WeightedOp &op : collectWeighted(*module))
      for (double value : getWeight(*module, op.name).toFloats())
        os << op.name << " " << llvm::format("%a", value) << "\n";
  }
  context.disableMultithreading();
  EXPECT_EQ(printed[0], printed[1]);
  EXPECT_NE(printed[0].find("fc7/u"), std::string::npos);
}

/// Relative error of a decoupled 8x6x3x3 convolution.
class DecoupleConv : public SplitLowRank {
protected:
  double getError(const Tensor &weight, int64_t terms) {
    dialect->setStatistics(nullptr);
    OwningOpRef<ModuleOp> module = makeModule(
        weight,
        "compress.conv %x, %w {name = \"conv\", strides = array<i64: 1, 1>, pads = array<i64: 0, "
        "0, 0, 0>, dilations = array<i64: 1, 1>}",
        {-1, 6, -1, -1}, {-1, 8, -1, -1});
    PassManager manager(&context);
    DecoupleConvOptions options;
    options.terms = terms;
    manager.addPass(createDecoupleConv(options));
    EXPECT_TRUE(succeeded(manager.run(*module))) << lastMessage();
    Tensor v = getWeight(*module, "conv/v"), u = getWeight(*module, "conv/u");
    int64_t rank = std::min<int64_t>(terms, 8);
    EXPECT_EQ(reference::shapeToString(v.getShape()),
              "[" + std::to_string(6 * rank) + ", 1, 3, 3]");
    EXPECT_EQ(reference::shapeToString(u.getShape()),
              "[8, " + std::to_string(6 * rank) + ", 1, 1]");
    double error = 0, total = 0;
    for (int64_t o = 0; o < 8; ++o)
      for (int64_t c = 0; c < 6; ++c)
        for (int64_t i = 0; i < 3; ++i)
          for (int64_t j = 0; j < 3; ++j) {
            double value = weight.getFloat({o, c, i, j});
            total += value * value;
            for (int64_t t = 0; t < rank; ++t)
              value -= u.getFloat({o, c * rank + t, 0, 0}) * v.getFloat({c * rank + t, 0, i, j});
            error += value * value;
          }
    return std::sqrt(error / total);
  }
};

// Network decoupling of a random convolution: about 0.81, 0.63 and 0.38 for 1, 2 and 4 terms, and
// exact for all 8.
TEST_F(DecoupleConv, errorFallsWithTheTerms) {
  double sums[4] = {};
  const int64_t terms[4] = {1, 2, 4, 8};
  for (int trial = 0; trial < 8; ++trial) {
    Tensor weight = makeTensor({8, 6, 3, 3});
    double last = 1;
    for (int i = 0; i < 4; ++i) {
      double error = getError(weight, terms[i]);
      EXPECT_LT(error, last);
      last = error;
      sums[i] += error / 8;
    }
  }
  EXPECT_NEAR(sums[0], 0.808, 0.02);
  EXPECT_NEAR(sums[1], 0.635, 0.03);
  EXPECT_NEAR(sums[2], 0.36, 0.03);
  EXPECT_LT(sums[3], 2e-6);
}

TEST_F(DecoupleConv, moreTermsThanThereAre) {
  EXPECT_LT(getError(makeTensor({8, 6, 3, 3}), 20), 2e-6);
}

TEST_F(DecoupleConv, depthwiseSeparableIsExactWithOneTerm) {
  Tensor depthwise = makeTensor({6, 1, 3, 3}), pointwise = makeTensor({8, 6});
  Tensor weight = llvm::cantFail(Tensor::create(DataType::F32, {8, 6, 3, 3}));
  for (int64_t o = 0; o < 8; ++o)
    for (int64_t c = 0; c < 6; ++c)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 3; ++j)
          weight.setFloat({o, c, i, j},
                          pointwise.getFloat({o, c}) * depthwise.getFloat({c, 0, i, j}));
  EXPECT_LT(getError(weight, 1), 2e-6);
}
} // namespace
