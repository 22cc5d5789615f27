//===- RotateTest.cpp - rotated models compute what they did -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Reference/Tensor.h"
#include "compress/Support/Statistics.h"
#include "mlir/Pass/PassManager.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using reference::Tensor;

namespace {
class RotateTest : public WeightTest {
protected:
  std::mt19937 random{3};

  /// A weight with random values, as text.
  std::string weight(StringRef name, ArrayRef<int64_t> shape) {
    std::string text = "compress.weight private @" + name.str() + " : tensor<";
    int64_t count = 1;
    for (int64_t size : shape) {
      text += std::to_string(size) + "x";
      count *= size;
    }
    text += "f32> = dense<\"0x";
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < count; ++i) {
      float value = normal(random);
      uint8_t bytes[4];
      std::memcpy(bytes, &value, 4);
      for (uint8_t byte : bytes)
        for (int nibble : {byte >> 4, byte & 15})
          text += "0123456789ABCDEF"[nibble];
    }
    return text + "\">\n";
  }

  LogicalResult rotate(ModuleOp module, StringRef kind, uint64_t seed = 0) {
    RotateOptions options;
    options.rotate = kind.str();
    options.seed = seed;
    PassManager manager(&context);
    manager.addPass(createRotate(options));
    return manager.run(module);
  }

  /// Result of the function for one input, by the executable semantics of the ops.
  std::vector<double> run(ModuleOp module, const Tensor &input) {
    auto function = find<func::FuncOp>(module);
    WeightStore store(&context);
    llvm::DenseMap<Value, Tensor> values;
    values[function.getArgument(0)] = input;
    for (Operation &op : function.getBody().front()) {
      if (isa<func::ReturnOp>(op)) {
        SmallVector<double> numbers = values[op.getOperand(0)].toFloats();
        return std::vector<double>(numbers.begin(), numbers.end());
      }
      if (auto source = dyn_cast<WeightSourceOpInterface>(op)) {
        FailureOr<StoredTensor> stored = StoredTensor::read(store, source, errorFn());
        values[op.getResult(0)] = llvm::cantFail(Tensor::fromPacked(
            stored->getDataType(), stored->getType().getShape(), stored->bytes()));
        continue;
      }
      SmallVector<Tensor> operands;
      for (Value operand : op.getOperands())
        operands.push_back(values[operand]);
      auto results = llvm::cantFail(cast<ReferenceOpInterface>(op).evaluate(operands));
      for (auto [value, tensor] : llvm::zip(op.getResults(), results))
        values[value] = tensor;
    }
    return {};
  }

  static Tensor ids(ArrayRef<double> values) {
    return llvm::cantFail(
        Tensor::fromFloats(DataType::I64, {static_cast<int64_t>(values.size())}, values));
  }

  /// The largest difference, relative to the largest number.
  static double getDifference(ArrayRef<double> a, ArrayRef<double> b) {
    EXPECT_EQ(a.size(), b.size());
    double worst = 0, scale = 0;
    for (auto [x, y] : llvm::zip(a, b)) {
      worst = std::max(worst, std::fabs(x - y));
      scale = std::max(scale, std::fabs(x));
    }
    return worst / scale;
  }

  /// Experts behind a layer_norm with a bias, which a matmul has no operand for; the second layer
  /// reads its weight through a transpose.
  std::string experts() {
    return weight("table", {5, 12}) + weight("scale", {12}) + weight("shift", {12}) +
           weight("first", {2, 12, 8}) + weight("second", {2, 12, 8}) + weight("head", {12, 3}) +
           R"(
func.func @main(%ids: tensor<?xi64>) -> tensor<?x3xf32> {
  %table = compress.load @table : tensor<5x12xf32>
  %scale = compress.load @scale : tensor<12xf32>
  %shift = compress.load @shift : tensor<12xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<5x12xf32>, tensor<?xi64>) -> tensor<?x12xf32>
  %n = compress.layer_norm %x, %scale bias %shift {axis = 1 : i64} : (tensor<?x12xf32>, tensor<12xf32>, tensor<12xf32>) -> tensor<?x12xf32>
  %first = compress.load @first : tensor<2x12x8xf32>
  %h = compress.matmul %n, %first {name = "first"} : (tensor<?x12xf32>, tensor<2x12x8xf32>) -> tensor<2x?x8xf32>
  %r = compress.relu %h : (tensor<2x?x8xf32>) -> tensor<2x?x8xf32>
  %second = compress.load @second : tensor<2x12x8xf32>
  %t = compress.transpose %second {perm = array<i64: 0, 2, 1>} : (tensor<2x12x8xf32>) -> tensor<2x8x12xf32>
  %d = compress.matmul %r, %t {name = "second"} : (tensor<2x?x8xf32>, tensor<2x8x12xf32>) -> tensor<2x?x12xf32>
  %sum = compress.reduce mean %d {axes = array<i64: 0>, keepdims = false} : (tensor<2x?x12xf32>) -> tensor<?x12xf32>
  %y = compress.sub %x, %sum : (tensor<?x12xf32>, tensor<?x12xf32>) -> tensor<?x12xf32>
  %m = compress.layer_norm %y, %scale bias %shift {axis = 1 : i64} : (tensor<?x12xf32>, tensor<12xf32>, tensor<12xf32>) -> tensor<?x12xf32>
  %head = compress.load @head : tensor<12x3xf32>
  %o = compress.linear kn %m, %head {name = "head"} : (tensor<?x12xf32>, tensor<12x3xf32>) -> tensor<?x3xf32>
  return %o : tensor<?x3xf32>
})";
  }
};

TEST_F(RotateTest, ExpertsKeepTheirOutput) {
  Tensor input = ids({4, 0, 2, 2});
  for (StringRef kind : {"residual", "all"}) {
    OwningOpRef<ModuleOp> module = parse(experts());
    ASSERT_TRUE(module) << lastMessage();
    std::vector<double> before = run(*module, input);
    ASSERT_TRUE(succeeded(rotate(*module, kind)));
    EXPECT_TRUE(!find<LayerNormOp>(*module) && find<RMSNormOp>(*module));
    EXPECT_LT(getDifference(before, run(*module, input)), 1e-5);
    // Again: nothing is lost.
    ASSERT_TRUE(succeeded(rotate(*module, kind, /*seed=*/9)));
    EXPECT_LT(getDifference(before, run(*module, input)), 1e-5);
  }
}

TEST_F(RotateTest, WeightsRotate) {
  OwningOpRef<ModuleOp> module = parse(experts());
  ASSERT_TRUE(module) << lastMessage();
  ASSERT_TRUE(succeeded(rotate(*module, "residual")));
  SymbolTable table(*module);
  for (StringRef name : {"table", "first", "second", "head"}) {
    EXPECT_FALSE(table.lookup(name)) << name.str();
    EXPECT_TRUE(table.lookup((name + ".rot").str())) << name.str();
  }
  EXPECT_TRUE(table.lookup("first.bias.rot"));
}

TEST_F(RotateTest, StatisticsOfWhatChangesAreDropped) {
  OwningOpRef<ModuleOp> module = parse(experts());
  ASSERT_TRUE(module) << lastMessage();
  auto statistics = std::make_shared<Statistics>();
  for (const char *key : {"first:input", "second:input", "head:input", "embed:output",
                          "second:output", "head:output"})
    statistics->getMutable(key).vectors = 1;
  context.getLoadedDialect<CompressDialect>()->setStatistics(statistics);
  ASSERT_TRUE(succeeded(rotate(*module, "residual")));
  std::vector<std::string> left;
  for (const auto &entry : statistics->getEntries())
    left.push_back(entry.first);
  EXPECT_EQ(left, (std::vector<std::string>{"head:output", "second:input"}));
  // The product before the second matmul changes its input, too.
  module = parse(experts());
  ASSERT_TRUE(succeeded(rotate(*module, "all")));
  EXPECT_FALSE(statistics->findInput("second"));
}

TEST_F(RotateTest, NotFinite) {
  std::string text = experts();
  size_t at = text.find("@head : tensor<12x3xf32> = dense<\"0x");
  ASSERT_NE(at, std::string::npos);
  text.replace(text.find("0x", text.find("dense", at)) + 2, 8, "0000C07F");
  OwningOpRef<ModuleOp> module = parse(text);
  ASSERT_TRUE(module) << lastMessage();
  EXPECT_TRUE(failed(rotate(*module, "residual")));
  EXPECT_EQ(lastMessage(), "cannot rotate weight 'head': element 0 is not finite");
}

TEST_F(RotateTest, BadOptions) {
  OwningOpRef<ModuleOp> module = parse(experts());
  EXPECT_TRUE(failed(rotate(*module, "values")));
  EXPECT_EQ(lastMessage(),
            "expects rotate to be one of residual, residual+values, all, got 'values'");
}
} // namespace
