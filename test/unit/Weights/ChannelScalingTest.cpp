//===- ChannelScalingTest.cpp - scaling channels keeps the output ----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "WeightTestUtils.h"
#include "compress/Reference/Tensor.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using reference::Tensor;

namespace {
/// A model as text with random weights, run by the executable semantics of its ops.
class ChannelScalingTest : public WeightTest {
protected:
  std::mt19937 random{1};

  float normal() { return std::normal_distribution<float>()(random); }

  /// Declares weights "w: 4x8, b: 4" in front of `body`, and parses.
  OwningOpRef<ModuleOp> make(StringRef weights, StringRef body) {
    std::string text;
    SmallVector<StringRef> parts;
    weights.split(parts, ',', -1, /*KeepEmpty=*/false);
    for (StringRef part : parts) {
      auto [name, shape] = part.trim().split(": ");
      int64_t elements = 1;
      SmallVector<StringRef> dims;
      shape.split(dims, 'x');
      for (StringRef dim : dims)
        elements *= std::stoll(dim.str());
      std::string bytes(elements * 4, '\0');
      for (int64_t i = 0; i < elements; ++i) {
        float value = normal();
        // A splat has another form.
        std::memcpy(bytes.data() + 4 * i, &value, 4);
      }
      text += ("compress.weight private @" + name + " : tensor<" + shape + "xf32> = dense<\"0x" +
               llvm::toHex(bytes) + "\">\n")
                  .str();
    }
    // "%w = load 4x8" is short for a load of the weight of the same name.
    SmallVector<StringRef> lines;
    body.split(lines, '\n');
    for (StringRef line : lines) {
      auto [name, shape] = line.split(" = load ");
      if (shape.empty())
        text += (line + "\n").str();
      else
        text += (name + " = compress.load @" + name.trim().drop_front() + " : tensor<" + shape +
                 "xf32>\n")
                    .str();
    }
    OwningOpRef<ModuleOp> module = parse(text);
    EXPECT_TRUE(module) << lastMessage() << "\n" << text;
    return module;
  }

  /// Random inputs of a function; indices are 0, 1, 2, ...
  std::vector<Tensor> makeInputs(ModuleOp module) {
    std::vector<Tensor> inputs;
    for (Type type : find<func::FuncOp>(module).getArgumentTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      bool isFloat = isa<FloatType>(tensor.getElementType());
      SmallVector<int64_t> shape(tensor.getShape());
      for (int64_t &size : shape)
        size = ShapedType::isDynamic(size) ? 3 : size;
      std::vector<double> values;
      int64_t count = 1;
      for (int64_t size : shape)
        count *= size;
      for (int64_t i = 0; i < count; ++i)
        values.push_back(isFloat ? normal() : static_cast<double>(i));
      inputs.push_back(llvm::cantFail(
          Tensor::fromFloats(isFloat ? DataType::F32 : DataType::I64, shape, values)));
    }
    return inputs;
  }

  std::vector<double> run(ModuleOp module, ArrayRef<Tensor> inputs) {
    auto function = find<func::FuncOp>(module);
    WeightStore store(&context);
    llvm::DenseMap<Value, Tensor> values;
    for (auto [argument, input] : llvm::zip_equal(function.getArguments(), inputs))
      values[argument] = input;
    std::vector<double> result;
    for (Operation &op : function.getBody().front()) {
      if (auto source = dyn_cast<WeightSourceOpInterface>(op)) {
        FailureOr<StoredTensor> stored = StoredTensor::read(store, source, errorFn());
        values[op.getResult(0)] = llvm::cantFail(Tensor::fromPacked(
            stored->getDataType(), stored->getType().getShape(), stored->bytes()));
        continue;
      }
      SmallVector<Tensor> operands;
      for (Value operand : op.getOperands())
        operands.push_back(values[operand]);
      if (isa<func::ReturnOp>(op)) {
        for (const Tensor &tensor : operands) {
          Tensor contiguous = tensor;
          SmallVector<char> unused;
          for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
            SmallVector<int64_t> index(tensor.getRank());
            for (int64_t d = tensor.getRank(), rest = i; d-- > 0; rest /= tensor.getDim(d))
              index[d] = rest % tensor.getDim(d);
            result.push_back(contiguous.getFloat(index));
          }
        }
        break;
      }
      auto results = cast<ReferenceOpInterface>(op).evaluate(operands);
      EXPECT_TRUE(bool(results)) << op.getName().getStringRef().str();
      if (!results) {
        llvm::consumeError(results.takeError());
        return {};
      }
      for (auto [value, tensor] : llvm::zip(op.getResults(), *results))
        values[value] = tensor;
    }
    return result;
  }

  static WeightedOp findWeighted(ModuleOp module, StringRef name) {
    for (WeightedOp &op : collectWeighted(module))
      if (op.name == name)
        return op;
    ADD_FAILURE() << "no op " << name.str();
    return {};
  }

  FailureOr<ChannelScalingPlan> plan(ModuleOp module, StringRef name, std::string &reason) {
    WeightedOp op = findWeighted(module, name);
    ChannelScalingPlanner planner(module);
    return planner.plan(op.activation->get(), *ChannelScalingPlanner::getInputChannelDim(op),
                        reason);
  }

  /// Scales the activation of the op called `name` by random factors: the output must stay, and
  /// weights must change. Returns the plan.
  ChannelScalingPlan checkInvariance(ModuleOp module, StringRef name, bool powersOfTwo = false) {
    std::string reason;
    FailureOr<ChannelScalingPlan> plan = this->plan(module, name, reason);
    EXPECT_TRUE(succeeded(plan)) << reason;
    if (failed(plan))
      return {};
    std::vector<Tensor> inputs = makeInputs(module);
    std::vector<double> before = run(module, inputs);
    std::vector<float> factors;
    for (size_t i = 0; i < plan->numClasses; ++i)
      factors.push_back(std::exp(normal()));
    if (powersOfTwo)
      roundToPowersOfTwo(factors);
    WeightStore store(&context);
    WeightSymbols symbols(module);
    FailureOr<std::string> skipped = applyChannelScaling(store, symbols, *plan, factors, nullptr);
    EXPECT_TRUE(succeeded(skipped) && skipped->empty());
    EXPECT_TRUE(succeeded(verify(module))) << lastMessage();
    std::vector<double> after = run(module, inputs);
    EXPECT_EQ(before.size(), after.size());
    double largest = 0, difference = 0;
    for (auto [x, y] : llvm::zip(before, after)) {
      largest = std::max(largest, std::fabs(x));
      difference = std::max(difference, std::fabs(x - y));
    }
    EXPECT_GT(largest, 0);
    if (powersOfTwo)
      EXPECT_EQ(difference, 0);
    else
      EXPECT_LT(difference, 2e-5 * largest);
    return std::move(*plan);
  }

  std::string explain(ModuleOp module, StringRef name) {
    std::string reason;
    EXPECT_TRUE(failed(plan(module, name, reason)));
    return reason;
  }
};
} // namespace

TEST_F(ChannelScalingTest, LinearAndRelu) {
  auto module = make("w1: 6x4, b1: 6, w2: 6x3", R"(
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
      %w1 = load 6x4
      %b1 = load 6
      %w2 = load 6x3
      %h = compress.linear nk %x, %w1 bias %b1 {name = "a"} : (tensor<?x4xf32>, tensor<6x4xf32>, tensor<6xf32>) -> tensor<?x6xf32>
      %r = compress.relu %h : (tensor<?x6xf32>) -> tensor<?x6xf32>
      %y = compress.linear kn %r, %w2 {name = "b"} : (tensor<?x6xf32>, tensor<6x3xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })");
  ChannelScalingPlan plan = checkInvariance(*module, "b");
  EXPECT_EQ(plan.numClasses, 6u);
  EXPECT_EQ(plan.edits.size(), 3u);
  EXPECT_EQ(plan.consumers.size(), 1u);
  EXPECT_EQ(plan.producers.size(), 1u);
}

TEST_F(ChannelScalingTest, PowersOfTwoAreExact) {
  auto module = make("w1: 6x4, w2: 6x3", R"(
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
      %w1 = load 6x4
      %w2 = load 6x3
      %h = compress.linear nk %x, %w1 {name = "a"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %r = compress.leaky_relu %h {alpha = 0.2 : f32} : (tensor<?x6xf32>) -> tensor<?x6xf32>
      %y = compress.linear kn %r, %w2 {name = "b"} : (tensor<?x6xf32>, tensor<6x3xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })");
  checkInvariance(*module, "b", /*powersOfTwo=*/true);
}

TEST_F(ChannelScalingTest, NormsFeedSeveralLinears) {
  auto module = make("g: 8, b: 8, q: 5x8, k: 8x5", R"(
    func.func @main(%x: tensor<2x?x8xf32>) -> (tensor<2x?x5xf32>, tensor<2x?x5xf32>) {
      %g = load 8
      %b = load 8
      %q = load 5x8
      %k = load 8x5
      %n = compress.layer_norm %x, %g bias %b {axis = 2 : i64} : (tensor<2x?x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x?x8xf32>
      %0 = compress.linear nk %n, %q {name = "q"} : (tensor<2x?x8xf32>, tensor<5x8xf32>) -> tensor<2x?x5xf32>
      %1 = compress.matmul %n, %k {name = "k"} : (tensor<2x?x8xf32>, tensor<8x5xf32>) -> tensor<2x?x5xf32>
      return %0, %1 : tensor<2x?x5xf32>, tensor<2x?x5xf32>
    })");
  ChannelScalingPlan plan = checkInvariance(*module, "q");
  EXPECT_EQ(plan.consumers.size(), 2u);
  EXPECT_TRUE(plan.producers.empty());
  EXPECT_EQ(plan.edits.size(), 4u);
}

TEST_F(ChannelScalingTest, RmsNormAndItsDecomposedForm) {
  auto raised = make("g: 8, w: 3x8", R"(
    func.func @main(%x: tensor<?x8xf32>) -> tensor<?x3xf32> {
      %g = load 8
      %w = load 3x8
      %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      %y = compress.linear nk %n, %w {name = "fc"} : (tensor<?x8xf32>, tensor<3x8xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })");
  checkInvariance(*raised, "fc");
  auto decomposed = make("g: 8, b: 8, w: 3x8", R"(
    func.func @main(%x: tensor<?x8xf32>) -> tensor<?x3xf32> {
      %g = load 8
      %b = load 8
      %w = load 3x8
      %a = compress.abs %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
      %m = compress.reduce mean %a {axes = array<i64: 1>} : (tensor<?x8xf32>) -> tensor<?x1xf32>
      %d = compress.div %x, %m : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
      %n = compress.mul %g, %d : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
      %s = compress.add %n, %b : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
      %y = compress.linear nk %s, %w {name = "fc"} : (tensor<?x8xf32>, tensor<3x8xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })");
  ChannelScalingPlan plan = checkInvariance(*decomposed, "fc");
  EXPECT_EQ(plan.edits.size(), 3u);
}

TEST_F(ChannelScalingTest, ProductOfAGateGoesToTheOtherBranch) {
  auto module = make("g: 6x4, u: 6x4, d: 4x6", R"(
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
      %g = load 6x4
      %u = load 6x4
      %d = load 4x6
      %0 = compress.linear nk %x, %g {name = "gate"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %1 = compress.linear nk %x, %u {name = "up"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %2 = compress.sigmoid %0 : (tensor<?x6xf32>) -> tensor<?x6xf32>
      %3 = compress.mul %1, %2 : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
      %4 = compress.linear nk %3, %d {name = "down"} : (tensor<?x6xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
      return %4 : tensor<?x4xf32>
    })");
  ChannelScalingPlan plan = checkInvariance(*module, "down");
  ASSERT_EQ(plan.producers.size(), 1u);
  EXPECT_EQ(plan.producers.front().op.name, "up");
}

TEST_F(ChannelScalingTest, ConvolutionsPoolingAndFlattening) {
  auto module = make("w1: 4x3x3x3, b1: 4, w2: 5x16", R"(
    func.func @main(%x: tensor<?x3x6x6xf32>) -> tensor<?x5xf32> {
      %w1 = load 4x3x3x3
      %b1 = load 4
      %w2 = load 5x16
      %c = compress.conv %x, %w1 bias %b1 {name = "c", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
         : (tensor<?x3x6x6xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<?x4x4x4xf32>
      %r = compress.relu %c : (tensor<?x4x4x4xf32>) -> tensor<?x4x4x4xf32>
      %p = compress.pool max %r {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
         : (tensor<?x4x4x4xf32>) -> tensor<?x4x2x2xf32>
      %s = compress.constant dense<[0, -1]> : tensor<2xi64>
      %f = compress.reshape %p, %s : (tensor<?x4x2x2xf32>, tensor<2xi64>) -> tensor<?x16xf32>
      %y = compress.linear nk %f, %w2 {name = "fc"} : (tensor<?x16xf32>, tensor<5x16xf32>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })");
  // All positions of one image channel are one class.
  ChannelScalingPlan plan = checkInvariance(*module, "fc");
  EXPECT_EQ(plan.numClasses, 4u);
  EXPECT_EQ(plan.classes[3], plan.classes[0]);
  EXPECT_NE(plan.classes[4], plan.classes[0]);
}

TEST_F(ChannelScalingTest, ResidualStreamIsScaledAsAWhole) {
  auto module = make("w0: 4x3x1x1, w1: 4x4x3x3, w2: 4x4x3x3, w3: 2x4", R"(
    func.func @main(%x: tensor<2x3x4x4xf32>) -> tensor<2x2xf32> {
      %w0 = load 4x3x1x1
      %w1 = load 4x4x3x3
      %w2 = load 4x4x3x3
      %w3 = load 2x4
      %a = compress.conv %x, %w0 {name = "stem", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
         : (tensor<2x3x4x4xf32>, tensor<4x3x1x1xf32>) -> tensor<2x4x4x4xf32>
      %b = compress.relu %a : (tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
      %c = compress.conv %b, %w1 {name = "c1", strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>}
         : (tensor<2x4x4x4xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x4x4xf32>
      %d = compress.relu %c : (tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
      %e = compress.conv %d, %w2 {name = "c2", strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>}
         : (tensor<2x4x4x4xf32>, tensor<4x4x3x3xf32>) -> tensor<2x4x4x4xf32>
      %f = compress.add %b, %e : (tensor<2x4x4x4xf32>, tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
      %g = compress.relu %f : (tensor<2x4x4x4xf32>) -> tensor<2x4x4x4xf32>
      %h = compress.reduce mean %g {axes = array<i64: 2, 3>, keepdims = false} : (tensor<2x4x4x4xf32>) -> tensor<2x4xf32>
      %y = compress.linear nk %h, %w3 {name = "fc"} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x2xf32>
      return %y : tensor<2x2xf32>
    })");
  ChannelScalingPlan plan = checkInvariance(*module, "fc");
  EXPECT_EQ(plan.numClasses, 4u);
  EXPECT_EQ(plan.consumers.size(), 2u);
  EXPECT_EQ(plan.producers.size(), 2u);
  EXPECT_EQ(checkInvariance(*module, "c2").consumers.size(), 1u);
}

TEST_F(ChannelScalingTest, GroupedConvolutions) {
  auto module = make("w0: 6x2x3, wd: 6x1x3, wg: 4x3x1, wt: 4x3x2, bt: 6, wl: 2x6x1", R"(
    func.func @main(%x: tensor<2x2x8xf32>) -> tensor<2x2x8xf32> {
      %w0 = load 6x2x3
      %wd = load 6x1x3
      %wg = load 4x3x1
      %wt = load 4x3x2
      %bt = load 6
      %wl = load 2x6x1
      %a = compress.conv %x, %w0 {name = "first", strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>} : (tensor<2x2x8xf32>, tensor<6x2x3xf32>) -> tensor<2x6x8xf32>
      %b = compress.conv %a, %wd {name = "depthwise", groups = 6 : i64, strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>} : (tensor<2x6x8xf32>, tensor<6x1x3xf32>) -> tensor<2x6x8xf32>
      %c = compress.conv %b, %wg {name = "grouped", groups = 2 : i64, strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x6x8xf32>, tensor<4x3x1xf32>) -> tensor<2x4x4xf32>
      %d = compress.conv_transpose %c, %wt bias %bt {name = "transposed", groups = 2 : i64, strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>} : (tensor<2x4x4xf32>, tensor<4x3x2xf32>, tensor<6xf32>) -> tensor<2x6x8xf32>
      %e = compress.conv %d, %wl {name = "last", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x6x8xf32>, tensor<2x6x1xf32>) -> tensor<2x2x8xf32>
      return %e : tensor<2x2x8xf32>
    })");
  for (StringRef name : {"depthwise", "grouped", "transposed", "last"})
    EXPECT_EQ(checkInvariance(*module, name).producers.size(), 1u) << name.str();
}

TEST_F(ChannelScalingTest, ValuesOfGroupedQueryAttention) {
  for (StringRef layout : {"bshd", "bhsd"}) {
    bool heads = layout == "bshd";
    std::string body = R"(
    func.func @main(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
      %wq = load 8x8
      %wk = load 4x8
      %wv = load 4x8
      %bv = load 4
      %wo = load 8x8
      %q0 = compress.linear nk %x, %wq {name = "q"} : (tensor<2x3x8xf32>, tensor<8x8xf32>) -> tensor<2x3x8xf32>
      %k0 = compress.linear nk %x, %wk {name = "k"} : (tensor<2x3x8xf32>, tensor<4x8xf32>) -> tensor<2x3x4xf32>
      %v0 = compress.linear nk %x, %wv bias %bv {name = "v"} : (tensor<2x3x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
      %sq = compress.constant dense<[2, 3, 4, 2]> : tensor<4xi64>
      %sk = compress.constant dense<[2, 3, 2, 2]> : tensor<4xi64>
      %so = compress.constant dense<[2, 3, 8]> : tensor<3xi64>
      %q = compress.reshape %q0, %sq : (tensor<2x3x8xf32>, tensor<4xi64>) -> tensor<2x3x4x2xf32>
      %k = compress.reshape %k0, %sk : (tensor<2x3x4xf32>, tensor<4xi64>) -> tensor<2x3x2x2xf32>
      %v = compress.reshape %v0, %sk : (tensor<2x3x4xf32>, tensor<4xi64>) -> tensor<2x3x2x2xf32>
)";
    body += heads ? R"(
      %y = compress.attention bshd %q, %k, %v {scale = 0.5 : f32} : (tensor<2x3x4x2xf32>, tensor<2x3x2x2xf32>, tensor<2x3x2x2xf32>) -> tensor<2x3x4x2xf32>
)"
                  : R"(
      %qt = compress.transpose %q {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x3x4x2xf32>) -> tensor<2x4x3x2xf32>
      %kt = compress.transpose %k {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x3x2x2xf32>) -> tensor<2x2x3x2xf32>
      %vt = compress.transpose %v {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x3x2x2xf32>) -> tensor<2x2x3x2xf32>
      %yt = compress.attention bhsd %qt, %kt, %vt {scale = 0.5 : f32} : (tensor<2x4x3x2xf32>, tensor<2x2x3x2xf32>, tensor<2x2x3x2xf32>) -> tensor<2x4x3x2xf32>
      %y = compress.transpose %yt {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x4x3x2xf32>) -> tensor<2x3x4x2xf32>
)";
    body += R"(
      %f = compress.reshape %y, %so : (tensor<2x3x4x2xf32>, tensor<3xi64>) -> tensor<2x3x8xf32>
      %o = compress.linear nk %f, %wo {name = "o"} : (tensor<2x3x8xf32>, tensor<8x8xf32>) -> tensor<2x3x8xf32>
      return %o : tensor<2x3x8xf32>
    })";
    auto module = make("wq: 8x8, wk: 4x8, wv: 4x8, bv: 4, wo: 8x8", body);
    // Two heads of the queries share one of the values.
    ChannelScalingPlan plan = checkInvariance(*module, "o");
    EXPECT_EQ(plan.numClasses, 4u);
    EXPECT_EQ(plan.classes, (std::vector<int32_t>{0, 1, 0, 1, 2, 3, 2, 3}));
    EXPECT_EQ(explain(*module, "q"), "the scale cannot be folded into an input of the graph");
  }
}

TEST_F(ChannelScalingTest, ValuesOfDecomposedAttentionFromOneProjection) {
  // As image transformers are exported: one projection, its parts taken by index; heads of the
  // values repeated through a broadcast.
  auto module = make("wqkv: 12x4, b: 12, wo: 8x3", R"(
    func.func @main(%x: tensor<2x3x4xf32>) -> tensor<2x3x3xf32> {
      %wqkv = load 12x4
      %b = load 12
      %wo = load 8x3
      %p = compress.linear nk %x, %wqkv bias %b {name = "qkv"} : (tensor<2x3x4xf32>, tensor<12x4xf32>, tensor<12xf32>) -> tensor<2x3x12xf32>
      %s0 = compress.constant dense<[2, 3, 3, 2, 2]> : tensor<5xi64>
      %r = compress.reshape %p, %s0 : (tensor<2x3x12xf32>, tensor<5xi64>) -> tensor<2x3x3x2x2xf32>
      %t = compress.transpose %r {perm = array<i64: 2, 0, 3, 1, 4>} : (tensor<2x3x3x2x2xf32>) -> tensor<3x2x2x3x2xf32>
      %i0 = compress.constant dense<0> : tensor<i64>
      %i1 = compress.constant dense<1> : tensor<i64>
      %i2 = compress.constant dense<-1> : tensor<i64>
      %q = compress.gather %t, %i0 {axis = 0 : i64} : (tensor<3x2x2x3x2xf32>, tensor<i64>) -> tensor<2x2x3x2xf32>
      %k = compress.gather %t, %i1 {axis = 0 : i64} : (tensor<3x2x2x3x2xf32>, tensor<i64>) -> tensor<2x2x3x2xf32>
      %v = compress.gather %t, %i2 {axis = 0 : i64} : (tensor<3x2x2x3x2xf32>, tensor<i64>) -> tensor<2x2x3x2xf32>
      %kt = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x2x3x2xf32>) -> tensor<2x2x2x3xf32>
      %s = compress.matmul %q, %kt : (tensor<2x2x3x2xf32>, tensor<2x2x2x3xf32>) -> tensor<2x2x3x3xf32>
      %m = compress.softmax %s {axis = 3 : i64} : (tensor<2x2x3x3xf32>) -> tensor<2x2x3x3xf32>
      %u = compress.unsqueeze %m {axes = array<i64: 2>} : (tensor<2x2x3x3xf32>) -> tensor<2x2x1x3x3xf32>
      %vu = compress.unsqueeze %v {axes = array<i64: 2>} : (tensor<2x2x3x2xf32>) -> tensor<2x2x1x3x2xf32>
      %sb = compress.constant dense<[2, 2, 2, 3, 2]> : tensor<5xi64>
      %vb = compress.broadcast %vu, %sb : (tensor<2x2x1x3x2xf32>, tensor<5xi64>) -> tensor<2x2x2x3x2xf32>
      %y = compress.matmul %u, %vb : (tensor<2x2x1x3x3xf32>, tensor<2x2x2x3x2xf32>) -> tensor<2x2x2x3x2xf32>
      %sr = compress.constant dense<[2, 4, 3, 2]> : tensor<4xi64>
      %yr = compress.reshape %y, %sr : (tensor<2x2x2x3x2xf32>, tensor<4xi64>) -> tensor<2x4x3x2xf32>
      %yt = compress.transpose %yr {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x4x3x2xf32>) -> tensor<2x3x4x2xf32>
      %sf = compress.constant dense<[2, 3, 8]> : tensor<3xi64>
      %f = compress.reshape %yt, %sf : (tensor<2x3x4x2xf32>, tensor<3xi64>) -> tensor<2x3x8xf32>
      %o = compress.linear kn %f, %wo {name = "o"} : (tensor<2x3x8xf32>, tensor<8x3xf32>) -> tensor<2x3x3xf32>
      return %o : tensor<2x3x3xf32>
    })");
  ChannelScalingPlan plan = checkInvariance(*module, "o");
  EXPECT_EQ(plan.classes, (std::vector<int32_t>{0, 1, 0, 1, 2, 3, 2, 3}));
  // Rows of the queries and keys keep their values.
  ASSERT_EQ(plan.producers.size(), 1u);
  EXPECT_EQ(plan.producers.front().classes,
            (std::vector<int32_t>{-1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3}));
}

TEST_F(ChannelScalingTest, PartsOfAConcatenation) {
  auto module = make("a: 3x4, w: 2x7", R"(
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
      %a = load 3x4
      %w = load 2x7
      %0 = compress.linear nk %x, %a {name = "a"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
      %1 = compress.concat %x, %0 {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x3xf32>) -> tensor<?x7xf32>
      %2 = compress.linear nk %1, %w {name = "b"} : (tensor<?x7xf32>, tensor<2x7xf32>) -> tensor<?x2xf32>
      return %2 : tensor<?x2xf32>
    })");
  // The input of the graph cannot be scaled, the other part can.
  ChannelScalingPlan plan = checkInvariance(*module, "b");
  EXPECT_EQ(plan.classes, (std::vector<int32_t>{-1, -1, -1, -1, 0, 1, 2}));
}

TEST_F(ChannelScalingTest, SplitSliceAndTransposedWeights) {
  auto module = make("a: 4x6, w: 2x3, v: 2x2", R"(
    func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
      %a = load 4x6
      %w = load 2x3
      %v = load 2x2
      %t = compress.transpose %a {perm = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
      %0 = compress.linear nk %x, %t {name = "a"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %1, %2 = compress.split %0 {axis = 1 : i64, sizes = array<i64: 3, 3>} : (tensor<?x6xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>)
      %b = compress.constant dense<[1]> : tensor<1xi64>
      %e = compress.constant dense<[6]> : tensor<1xi64>
      %3 = compress.slice %0, %b, %e {axes = array<i64: 1>, steps = array<i64: 4>} : (tensor<?x6xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2xf32>
      %s = compress.sigmoid %1 : (tensor<?x3xf32>) -> tensor<?x3xf32>
      %m = compress.mul %s, %2 : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
      %wt = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
      %4 = compress.linear kn %m, %wt {name = "b"} : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
      %5 = compress.linear kn %3, %v {name = "c"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      return %4, %5 : tensor<?x2xf32>, tensor<?x2xf32>
    })");
  // Channels 3, 4, 5 of %0; channel 5 is channel 1 of %3, too.
  ChannelScalingPlan plan = checkInvariance(*module, "b");
  EXPECT_EQ(plan.consumers.size(), 2u);
  EXPECT_EQ(plan.producers.front().classes, (std::vector<int32_t>{-1, -1, -1, 0, 1, 2}));
}

TEST_F(ChannelScalingTest, ZerosBesideChannels) {
  // The shortcut of a residual network without a projection: every other pixel, and zeros for the
  // new channels.
  auto module = make("w0: 2x3x1x1, w1: 4x2x1x1, w2: 3x4x1x1", R"(
    func.func @main(%x: tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32> {
      %w0 = load 2x3x1x1
      %w1 = load 4x2x1x1
      %w2 = load 3x4x1x1
      %a = compress.conv %x, %w0 {name = "a", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<2x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<2x2x4x4xf32>
      %r = compress.relu %a : (tensor<2x2x4x4xf32>) -> tensor<2x2x4x4xf32>
      %b = compress.conv %r, %w1 {name = "b", strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<2x2x4x4xf32>, tensor<4x2x1x1xf32>) -> tensor<2x4x2x2xf32>
      %s = compress.constant dense<[0, 0]> : tensor<2xi64>
      %e = compress.constant dense<[4, 4]> : tensor<2xi64>
      %h = compress.slice %r, %s, %e {axes = array<i64: 2, 3>, steps = array<i64: 2, 2>} : (tensor<2x2x4x4xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<2x2x2x2xf32>
      %p = compress.constant dense<[0, 1, 0, 0, 0, 1, 0, 0]> : tensor<8xi64>
      %z = compress.constant dense<0.0> : tensor<f32>
      %q = compress.pad constant %h, %p value %z : (tensor<2x2x2x2xf32>, tensor<8xi64>, tensor<f32>) -> tensor<2x4x2x2xf32>
      %y = compress.add %b, %q : (tensor<2x4x2x2xf32>, tensor<2x4x2x2xf32>) -> tensor<2x4x2x2xf32>
      %o = compress.conv %y, %w2 {name = "c", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<2x4x2x2xf32>, tensor<3x4x1x1xf32>) -> tensor<2x3x2x2xf32>
      return %o : tensor<2x3x2x2xf32>
    })");
  EXPECT_EQ(checkInvariance(*module, "c").numClasses, 4u);
  // From the other end: the channels that only the sum has are free.
  ChannelScalingPlan plan = checkInvariance(*module, "b");
  EXPECT_EQ(plan.classes, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(plan.numClasses, 4u);
  EXPECT_EQ(plan.consumers.size(), 2u);
}

TEST_F(ChannelScalingTest, EmbeddingAndBatchNorm) {
  auto module = make("t: 5x4, w: 3x4", R"(
    func.func @main(%i: tensor<3xi64>) -> tensor<3x3xf32> {
      %t = load 5x4
      %w = load 3x4
      %e = compress.embedding %t, %i {name = "e"} : (tensor<5x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
      %y = compress.linear nk %e, %w {name = "fc"} : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x3xf32>
      return %y : tensor<3x3xf32>
    })");
  checkInvariance(*module, "fc");
  auto norm = make("s: 4, b: 4, m: 4, w: 3x4x1", R"(
    func.func @main(%x: tensor<2x4x3xf32>) -> tensor<2x3x3xf32> {
      %s = load 4
      %b = load 4
      %m = load 4
      %v = compress.constant dense<2.0> : tensor<4xf32>
      %w = load 3x4x1
      %n = compress.batch_norm %x, %s, %b, %m, %v : (tensor<2x4x3xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4x3xf32>
      %y = compress.conv %n, %w {name = "c", strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>} : (tensor<2x4x3xf32>, tensor<3x4x1xf32>) -> tensor<2x3x5xf32>
      %p = compress.pool average %y {kernel = array<i64: 3>, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<2x3x5xf32>) -> tensor<2x3x3xf32>
      return %p : tensor<2x3x3xf32>
    })");
  checkInvariance(*norm, "c");
}

TEST_F(ChannelScalingTest, RefusesOtherUsers) {
  auto module = make("w1: 6x4, w2: 3x6", R"(
    func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x3xf32>, tensor<?x6xf32>) {
      %w1 = load 6x4
      %w2 = load 3x6
      %h = compress.linear nk %x, %w1 {name = "a"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %s = compress.softmax %h {axis = 1 : i64} : (tensor<?x6xf32>) -> tensor<?x6xf32>
      %y = compress.linear nk %h, %w2 {name = "b"} : (tensor<?x6xf32>, tensor<3x6xf32>) -> tensor<?x3xf32>
      return %y, %s : tensor<?x3xf32>, tensor<?x6xf32>
    })");
  EXPECT_EQ(explain(*module, "b"), "the scaled value is also used by 'compress.softmax'");
  EXPECT_EQ(explain(*module, "a"), "the scale cannot be folded into an input of the graph");
}

TEST_F(ChannelScalingTest, RefusesWhatDoesNotCommute) {
  auto module = make("w1: 6x4, w2: 3x6, w3: 2x3", R"(
    func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x3xf32>) {
      %w1 = load 6x4
      %w2 = load 3x6
      %w3 = load 2x3
      %h = compress.linear nk %x, %w1 {name = "a"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %g = compress.gelu none %h : (tensor<?x6xf32>) -> tensor<?x6xf32>
      %y = compress.linear nk %g, %w2 {name = "b"} : (tensor<?x6xf32>, tensor<3x6xf32>) -> tensor<?x3xf32>
      %z = compress.linear nk %y, %w3 {name = "c"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
      return %z, %y : tensor<?x2xf32>, tensor<?x3xf32>
    })");
  EXPECT_EQ(explain(*module, "b"), "the scale cannot be folded into 'compress.gelu'");
  EXPECT_EQ(explain(*module, "c"), "the scaled value is also used by 'func.return'");
}

TEST_F(ChannelScalingTest, RefusesSharedWeights) {
  auto module = make("t: 5x4, g: 4", R"(
    func.func @main(%i: tensor<3xi64>) -> tensor<3x5xf32> {
      %t = load 5x4
      %g = load 4
      %e = compress.embedding %t, %i {name = "e"} : (tensor<5x4xf32>, tensor<3xi64>) -> tensor<3x4xf32>
      %n = compress.rms_norm %e, %g {axis = 1 : i64} : (tensor<3x4xf32>, tensor<4xf32>) -> tensor<3x4xf32>
      %y = compress.linear nk %n, %t {name = "head"} : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
      return %y : tensor<3x5xf32>
    })");
  EXPECT_EQ(explain(*module, "head"),
            "weight 't' of 'compress.linear' \"head\" is shared with 'compress.embedding' \"e\"");
}

TEST_F(ChannelScalingTest, SharedWeightsWithTheSameScaleStayShared) {
  auto module = make("g: 4, w: 5x4", R"(
    func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x5xf32>, tensor<?x5xf32>) {
      %g = load 4
      %w = load 5x4
      %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
      %y = compress.linear nk %n, %w {name = "a"} : (tensor<?x4xf32>, tensor<5x4xf32>) -> tensor<?x5xf32>
      %z = compress.linear nk %n, %w {name = "b"} : (tensor<?x4xf32>, tensor<5x4xf32>) -> tensor<?x5xf32>
      return %y, %z : tensor<?x5xf32>, tensor<?x5xf32>
    })");
  checkInvariance(*module, "a");
  EXPECT_EQ(findWeighted(*module, "a").operand->get(), findWeighted(*module, "b").operand->get());
}

TEST_F(ChannelScalingTest, SharedNormScalesAreCopied) {
  auto module = make("g: 4, w: 5x4", R"(
    func.func @main(%x: tensor<?x4xf32>) -> (tensor<?x5xf32>, tensor<?x4xf32>) {
      %g = load 4
      %w = load 5x4
      %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
      %m = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
      %y = compress.linear nk %n, %w {name = "a"} : (tensor<?x4xf32>, tensor<5x4xf32>) -> tensor<?x5xf32>
      return %y, %m : tensor<?x5xf32>, tensor<?x4xf32>
    })");
  checkInvariance(*module, "a");
}

TEST_F(ChannelScalingTest, RefusesCompressedWeights) {
  auto module = make("g: 4, s: 5x1", R"(
    compress.weight private @q : tensor<5x4xi8> = dense<3>
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x5xf32> {
      %g = load 4
      %s = load 5x1
      %c = compress.load @q : tensor<5x4xi8>
      %w = compress.dequantize %c, %s {block = array<i64: 1, -1>} : (tensor<5x4xi8>, tensor<5x1xf32>) -> tensor<5x4xf32>
      %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
      %y = compress.linear nk %n, %w {name = "a"} : (tensor<?x4xf32>, tensor<5x4xf32>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })");
  EXPECT_EQ(explain(*module, "a"), "weight 'q' of 'compress.linear' \"a\" is compressed already");
}

TEST_F(ChannelScalingTest, SquaresAndQuotientsOfScaledValues) {
  auto square = make("w1: 6x4, w2: 3x6", R"(
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
      %w1 = load 6x4
      %w2 = load 3x6
      %h = compress.linear nk %x, %w1 {name = "a"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %s = compress.mul %h, %h : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
      %y = compress.linear nk %s, %w2 {name = "b"} : (tensor<?x6xf32>, tensor<3x6xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })");
  EXPECT_EQ(explain(*square, "b"), "the scale cannot be folded into 'compress.mul'");
  // Both factors come from one value: dividing one of them divides the other.
  auto swish = make("w1: 6x4, w2: 3x6", R"(
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
      %w1 = load 6x4
      %w2 = load 3x6
      %h = compress.linear nk %x, %w1 {name = "a"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
      %r = compress.relu %h : (tensor<?x6xf32>) -> tensor<?x6xf32>
      %s = compress.mul %h, %r : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
      %y = compress.linear nk %s, %w2 {name = "b"} : (tensor<?x6xf32>, tensor<3x6xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })");
  EXPECT_EQ(explain(*swish, "b"), "the scaled value is also used by 'compress.mul'");
}

TEST_F(ChannelScalingTest, OverflowLeavesEverythingAlone) {
  auto module = make("", R"(
    compress.weight private @g : tensor<2xf16> = dense<[1.0, 2.0]>
    compress.weight private @w : tensor<1x2xf16> = dense<[[30000.0, 2.0]]>
    func.func @main(%x: tensor<?x2xf16>) -> tensor<?x1xf16> {
      %g = compress.load @g : tensor<2xf16>
      %w = compress.load @w : tensor<1x2xf16>
      %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf16>, tensor<2xf16>) -> tensor<?x2xf16>
      %y = compress.linear nk %n, %w {name = "a"} : (tensor<?x2xf16>, tensor<1x2xf16>) -> tensor<?x1xf16>
      return %y : tensor<?x1xf16>
    })");
  std::string reason;
  FailureOr<ChannelScalingPlan> plan = this->plan(*module, "a", reason);
  ASSERT_TRUE(succeeded(plan)) << reason;
  WeightStore store(&context);
  WeightSymbols symbols(*module);
  Value before = findWeighted(*module, "a").operand->get();
  FailureOr<std::string> skipped =
      applyChannelScaling(store, symbols, *plan, {4.0f, 1.0f}, nullptr);
  ASSERT_TRUE(succeeded(skipped));
  EXPECT_EQ(*skipped, "weight 'w' would not be finite");
  EXPECT_EQ(findWeighted(*module, "a").operand->get(), before);
}

TEST_F(ChannelScalingTest, RescalesStatistics) {
  auto module = make("g: 2, q: 3x2, k: 3x2, w: 2x3", R"(
    func.func @main(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x3xf32>) {
      %g = load 2
      %q = load 3x2
      %k = load 3x2
      %w = load 2x3
      %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
      %0 = compress.linear nk %n, %q {name = "q"} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
      %1 = compress.linear nk %n, %k {name = "k"} : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
      %2 = compress.linear nk %0, %w {name = "o"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
      return %2, %1 : tensor<?x2xf32>, tensor<?x3xf32>
    })");
  Statistics statistics;
  auto entry = std::make_shared<TensorStatistics>();
  entry->vectors = 1;
  entry->channels = 2;
  entry->min = {-1, -8};
  entry->max = {2, 4};
  statistics.set("q:input", entry);
  statistics.set("k:input", entry);
  auto output = std::make_shared<TensorStatistics>();
  output->vectors = 1;
  output->channels = 3;
  output->min = {0, 0, 0};
  output->max = {8, 8, 8};
  statistics.set("q:output", output);
  statistics.set("o:input", output);

  WeightStore store(&context);
  WeightSymbols symbols(*module);
  std::string reason;
  FailureOr<ChannelScalingPlan> first = plan(*module, "q", reason);
  ASSERT_TRUE(succeeded(first)) << reason;
  ASSERT_TRUE(succeeded(applyChannelScaling(store, symbols, *first, {0.5f, 4.0f}, &statistics)));
  EXPECT_EQ(statistics.findInput("q")->max, (std::vector<float>{4, 1}));
  EXPECT_EQ(statistics.findInput("q")->min, (std::vector<float>{-2, -2}));
  // What was one entry still is.
  EXPECT_EQ(statistics.findInput("q"), statistics.findInput("k"));
  FailureOr<ChannelScalingPlan> second = plan(*module, "o", reason);
  ASSERT_TRUE(succeeded(second)) << reason;
  ASSERT_TRUE(
      succeeded(applyChannelScaling(store, symbols, *second, {2.0f, 4.0f, 8.0f}, &statistics)));
  EXPECT_EQ(statistics.findInput("o")->max, (std::vector<float>{4, 2, 1}));
  EXPECT_EQ(statistics.find("q:output")->max, (std::vector<float>{4, 2, 1}));
}
