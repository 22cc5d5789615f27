//===- CompositeOpsTest.cpp - composite ops against their parts ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The value of a composite op is that of what it is expanded to, and the value of a function does
// not change when its ops are raised, in all forms that exporters write.
//
//===----------------------------------------------------------------------===//

#include "OpTestSupport.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Dialect/Compress/Transforms/CompositePatterns.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;

namespace {
using Dims = SmallVector<int64_t>;

/// Results of a function with one block for these arguments, by the executable semantics.
SmallVector<Tensor> interpret(func::FuncOp func, ArrayRef<Tensor> arguments) {
  llvm::DenseMap<Value, Tensor> values;
  for (auto [argument, tensor] : llvm::zip_equal(func.getArguments(), arguments))
    values[argument] = tensor;
  WeightStore store(func.getContext());
  for (Operation &op : func.getBody().front()) {
    if (auto source = dyn_cast<WeightSourceOpInterface>(op)) {
      StoredTensor stored = *StoredTensor::read(store, source, [&] { return op.emitError(); });
      values[op.getResult(0)] = reference::get(
          Tensor::fromPacked(stored.getDataType(), stored.getType().getShape(), stored.bytes()));
      continue;
    }
    SmallVector<Tensor> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.at(operand));
    if (isa<func::ReturnOp>(op))
      return operands;
    SmallVector<Tensor> results = reference::get(cast<ReferenceOpInterface>(op).evaluate(operands));
    for (auto [result, tensor] : llvm::zip_equal(op.getResults(), results))
      values[result] = tensor;
  }
  return {};
}

void expectClose(const Tensor &actual, const Tensor &expected, double tolerance) {
  ASSERT_EQ(actual.getShape(), expected.getShape());
  ASSERT_EQ(actual.getType(), expected.getType());
  SmallVector<double> a = actual.toFloats(), b = expected.toFloats();
  for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(a, b))) {
    auto [left, right] = pair;
    if (std::isnan(left) && std::isnan(right))
      continue;
    ASSERT_NEAR(left, right, tolerance * (1 + std::abs(right))) << "element " << i;
  }
}

//===----------------------------------------------------------------------===//
// Expansion
//===----------------------------------------------------------------------===//

/// Draws operands, makes functions of one op and compares.
struct ExpandComposite : public ::testing::TestWithParam<int> {
  ExpandComposite()
      : context(MLIRContext::Threading::DISABLED), builder(&context), random(GetParam()) {
    context.loadDialect<CompressDialect, func::FuncDialect>();
    type = GetParam() % 4 == 3 ? DataType::F16 : DataType::F32;
    isDynamic = GetParam() % 2;
  }

  int64_t range(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % (high - low + 1));
  }

  /// `fixed` says which dims stay static in the type.
  void argument(ArrayRef<int64_t> shape, ArrayRef<bool> fixed) {
    arguments.push_back(reference::randomTensor(random, type, shape));
    Dims dims(shape);
    for (auto [dim, isFixed] : llvm::zip_equal(dims, fixed))
      if (isDynamic && !isFixed)
        dim = ShapedType::kDynamic;
    types.push_back(RankedTensorType::get(dims, getElementType(type, &context)));
  }

  void check(llvm::function_ref<Value(ValueRange)> build, double tolerance) {
    Location loc = builder.getUnknownLoc();
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
    builder.setInsertionPointToStart(module->getBody());
    auto func = func::FuncOp::create(builder, loc, "f", builder.getFunctionType(types, {}));
    builder.setInsertionPointToStart(func.addEntryBlock());
    Value result = build(func.getArguments());
    Type resultType = result.getType();
    func::ReturnOp::create(builder, loc, result);
    func.setFunctionType(builder.getFunctionType(types, resultType));
    ASSERT_TRUE(succeeded(verify(*module)));
    SmallVector<Tensor> expected = interpret(func, arguments);
    ASSERT_TRUE(succeeded(expandComposites(*module)));
    ASSERT_TRUE(succeeded(verify(*module)));
    module->walk([](Operation *op) { EXPECT_FALSE(isComposite(op)); });
    EXPECT_EQ(func.getBody().front().getTerminator()->getOperand(0).getType(), resultType);
    SmallVector<Tensor> actual = interpret(func, arguments);
    ASSERT_EQ(actual.size(), 1u);
    expectClose(actual.front(), expected.front(), type == DataType::F16 ? 4e-3 : tolerance);
  }

  MLIRContext context;
  OpBuilder builder;
  std::mt19937_64 random;
  DataType type;
  bool isDynamic;
  SmallVector<Tensor> arguments;
  SmallVector<Type> types;
};

TEST_P(ExpandComposite, rmsNorm) {
  int64_t rank = range(1, 4), axis = range(0, rank - 1);
  Dims shape;
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(range(1, 6));
  argument(shape, SmallVector<bool>(rank, false));
  Dims scale(ArrayRef(shape).drop_front(axis));
  argument(scale, SmallVector<bool>(scale.size(), true));
  check(
      [&](ValueRange values) -> Value {
        return RMSNormOp::create(builder, builder.getUnknownLoc(), values[0], values[1], axis,
                                 APFloat(1e-3f));
      },
      2e-6);
}

TEST_P(ExpandComposite, rotaryEmbedding) {
  Dims shape{range(1, 3), range(1, 3), range(0, 4), 2 * range(1, 4)};
  argument(shape, {false, true, false, true});
  for (int i = 0; i < 2; ++i)
    argument({1, shape[2], range(0, 1) ? shape[3] : 1}, {true, false, true});
  check(
      [&](ValueRange values) -> Value {
        return RotaryEmbeddingOp::create(builder, builder.getUnknownLoc(), values[0], values[1],
                                         values[2]);
      },
      0);
}

TEST_P(ExpandComposite, attention) {
  bool isBSHD = range(0, 1);
  int64_t batch = range(0, 2), shared = range(1, 3), heads = shared * range(1, 3),
          queries = range(1, 5), keys = range(1, 5), dim = range(1, 4), valueDim = range(1, 4);
  auto add = [&](int64_t heads, int64_t length, int64_t dim) {
    if (isBSHD)
      argument({batch, length, heads, dim}, {false, false, true, false});
    else
      argument({batch, heads, length, dim}, {false, true, false, false});
  };
  add(heads, queries, dim);
  add(shared, keys, dim);
  add(shared, keys, valueDim);
  if (range(0, 1))
    argument({range(0, 1) ? batch : 1, 1, queries, keys}, {false, true, false, false});
  float scale = 0.25f * static_cast<float>(range(1, 4));
  check(
      [&](ValueRange values) -> Value {
        return AttentionOp::create(builder, builder.getUnknownLoc(), values[0], values[1],
                                   values[2], values.size() > 3 ? values[3] : Value(),
                                   isBSHD ? AttentionLayout::BSHD : AttentionLayout::BHSD,
                                   APFloat(scale));
      },
      1e-6);
}

TEST_P(ExpandComposite, moe) {
  // Parts are rounded in between, and sums of f16 may cancel.
  type = DataType::F32;
  int64_t tokens = range(0, 6), experts = range(2, 5), width = range(1, 6), hidden = range(1, 6);
  int64_t k = range(1, experts);
  bool hasBias = range(0, 1), hasGate = range(0, 1), skips = k == 2 && range(0, 1);
  argument({tokens, width}, {false, true});
  argument({experts, width}, {true, true});
  argument({experts, width, hidden}, {true, true, true});
  argument({experts, hidden, width}, {true, true, true});
  if (hasBias)
    argument({experts}, {true});
  if (hasGate)
    argument({experts, width, hidden}, {true, true, true});
  auto activation = static_cast<MoeActivation>(range(0, 3));
  auto normalization = static_cast<MoeNormalization>(range(0, 2));
  check(
      [&](ValueRange x) -> Value {
        return MoeOp::create(builder, builder.getUnknownLoc(), x[0], x[1], hasBias ? x[4] : Value(),
                             x[2], hasGate ? x.back() : Value(), x[3], builder.getI64IntegerAttr(k),
                             MoeActivationAttr::get(&context, activation),
                             MoeNormalizationAttr::get(&context, normalization),
                             skips ? builder.getF32FloatAttr(0.5f) : FloatAttr(), DictionaryAttr(),
                             builder.getStringAttr("moe"));
      },
      1e-3);
}

INSTANTIATE_TEST_SUITE_P(All, ExpandComposite, ::testing::Range(0, 60));

//===----------------------------------------------------------------------===//
// Raising
//===----------------------------------------------------------------------===//

struct Form {
  const char *name;
  /// The op that is expected, and how often.
  const char *op;
  int count;
  /// Arguments and result of the function, and its body.
  const char *signature, *body;
};

void PrintTo(const Form &form, std::ostream *os) { *os << form.name; }

/// Constants that the bodies use.
const char prologue[] = R"(
  %zero = compress.constant dense<0.0> : tensor<f32>
  %one = compress.constant dense<1.0> : tensor<f32>
  %two = compress.load @two : tensor<f32>
  %half = compress.constant dense<0.5> : tensor<1xf32>
  %three = compress.constant dense<3.0> : tensor<f32>
  %eps = compress.load @eps : tensor<f32>
  %minushalf = compress.constant dense<-0.5> : tensor<f32>
  %sqrt2 = compress.constant dense<1.41421354> : tensor<f32>
  %rsqrt2 = compress.constant dense<0.707106769> : tensor<f32>
  %cubic = compress.constant dense<0.044715> : tensor<f32>
  %root = compress.constant dense<0.797884583> : tensor<f32>
  %eighth = compress.constant dense<0.125> : tensor<f32>
  %scale = compress.constant dense<0.7> : tensor<f32>
  %fill = compress.constant dense<-1.0e9> : tensor<f32>
  %gamma = compress.load @gamma : tensor<8xf32>
  %gamma2 = compress.load @gamma2 : tensor<1x1x8xf32>
  %beta = compress.load @beta : tensor<8xf32>
)";

class RaiseForm : public ::testing::TestWithParam<Form> {};

TEST_P(RaiseForm, valueStays) {
  const Form &form = GetParam();
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<CompressDialect, func::FuncDialect>();
  std::string text = R"(
compress.weight private @two : tensor<f32> = dense<2.0>
compress.weight private @eps : tensor<f32> = dense<1.0e-2>
compress.weight private @gamma : tensor<8xf32> = dense<[1.0, -2.0, 0.5, 3.0, 1.5, -1.0, 0.25, 2.0]>
compress.weight private @gamma2 : tensor<1x1x8xf32> = dense<[[[1.0, -2.0, 0.5, 3.0, 1.5, -1.0, 0.25, 2.0]]]>
compress.weight private @beta : tensor<8xf32> = dense<[0.5, 1.0, 0.0, -3.0, 0.5, -1.0, 0.25, 1.0]>
func.func @f)" + std::string(form.signature) +
                     " {" + prologue + form.body + "}\n";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  auto func = *module->getOps<func::FuncOp>().begin();
  std::mt19937_64 random(7);
  SmallVector<Tensor> arguments;
  for (Type type : func.getArgumentTypes()) {
    Dims dims(cast<RankedTensorType>(type).getShape());
    int64_t dynamicSizes[] = {2, 5};
    for (auto [i, dim] : llvm::enumerate(dims))
      if (ShapedType::isDynamic(dim))
        dim = dynamicSizes[i > 0];
    arguments.push_back(reference::randomTensor(
        random, *getDataType(cast<RankedTensorType>(type).getElementType()), dims));
  }
  SmallVector<Tensor> expected = interpret(func, arguments);
  PassManager passes(&context);
  passes.addPass(createRaiseComposites());
  ASSERT_TRUE(succeeded(passes.run(*module)));
  int count = 0, softmaxes = 0;
  module->walk([&](Operation *op) {
    count += op->getName().stripDialect() == form.op;
    softmaxes += isa<SoftmaxOp>(op);
  });
  std::string after;
  llvm::raw_string_ostream(after) << *module;
  EXPECT_EQ(count, form.count) << after;
  EXPECT_EQ(softmaxes, 0) << after;
  SmallVector<Tensor> actual = interpret(func, arguments);
  ASSERT_EQ(actual.size(), 1u);
  expectClose(actual.front(), expected.front(), 2e-5);
}

#define X "(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32>"
#define UNARY " : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>\n"
#define WITH_SCALAR " : (tensor<?x?x8xf32>, tensor<f32>) -> tensor<?x?x8xf32>\n"
#define SCALAR_WITH " : (tensor<f32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>\n"
#define WITH_ONE " : (tensor<?x?x8xf32>, tensor<1xf32>) -> tensor<?x?x8xf32>\n"
#define SELF " : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>\n"
#define MEAN " {axes = array<i64: 2>, keepdims = true} : (tensor<?x?x8xf32>) -> tensor<?x?x1xf32>\n"
#define STAT_SCALAR " : (tensor<?x?x1xf32>, tensor<f32>) -> tensor<?x?x1xf32>\n"
#define SCALAR_STAT " : (tensor<f32>, tensor<?x?x1xf32>) -> tensor<?x?x1xf32>\n"
#define STAT " : (tensor<?x?x1xf32>) -> tensor<?x?x1xf32>\n"
#define WITH_STAT " : (tensor<?x?x8xf32>, tensor<?x?x1xf32>) -> tensor<?x?x8xf32>\n"
#define STAT_WITH " : (tensor<?x?x1xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>\n"
#define WITH_ROW " : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>\n"
#define ROW_WITH " : (tensor<8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>\n"
#define RETURN(v) "return " v " : tensor<?x?x8xf32>\n"

const Form norms[] = {
    {"rmsReciprocal", "rms_norm", 1, X,
     "%0 = compress.pow %x, %two" WITH_SCALAR "%1 = compress.reduce mean %0" MEAN
     "%2 = compress.add %1, %eps" STAT_SCALAR "%3 = compress.sqrt %2" STAT
     "%4 = compress.reciprocal %3" STAT "%5 = compress.mul %x, %4" WITH_STAT
     "%6 = compress.mul %gamma, %5" ROW_WITH RETURN("%6")},
    {"rmsOneOver", "rms_norm", 1, X,
     "%0 = compress.mul %x, %x" SELF "%1 = compress.reduce mean %0" MEAN
     "%2 = compress.add %eps, %1" SCALAR_STAT "%3 = compress.sqrt %2" STAT
     "%4 = compress.div %one, %3" SCALAR_STAT "%5 = compress.mul %4, %x" STAT_WITH
     "%6 = compress.mul %5, %gamma" WITH_ROW RETURN("%6")},
    {"rmsDivided", "rms_norm", 1, X,
     "%0 = compress.mul %x, %x" SELF "%1 = compress.reduce mean %0" MEAN
     "%2 = compress.add %1, %eps" STAT_SCALAR "%3 = compress.sqrt %2" STAT
     "%5 = compress.div %x, %3" WITH_STAT "%6 = compress.mul %5, %gamma" WITH_ROW RETURN("%6")},
    {"rmsOfSum", "rms_norm", 1, X,
     "%0 = compress.reduce sum_square %x" MEAN "%1 = compress.mul %0, %eighth" STAT_SCALAR
     "%2 = compress.add %1, %eps" STAT_SCALAR "%3 = compress.pow %2, %minushalf" STAT_SCALAR
     "%5 = compress.mul %x, %3" WITH_STAT "%6 = compress.mul %5, %gamma" WITH_ROW RETURN("%6")},
    {"rmsScaledFirst", "rms_norm", 1, X,
     "%0 = compress.mul %x, %x" SELF "%1 = compress.reduce mean %0" MEAN
     "%2 = compress.add %1, %eps" STAT_SCALAR "%3 = compress.sqrt %2" STAT
     "%4 = compress.reciprocal %3" STAT
     "%5 = compress.mul %4, %gamma : (tensor<?x?x1xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>\n"
     "%6 = compress.mul %x, %5" SELF RETURN("%6")},
    {"rmsWithoutScale", "rms_norm", 1, X,
     "%0 = compress.mul %x, %x" SELF "%1 = compress.reduce mean %0" MEAN
     "%2 = compress.add %1, %eps" STAT_SCALAR "%3 = compress.sqrt %2" STAT
     "%5 = compress.div %x, %3" WITH_STAT "%6 = compress.mul %5, %x" SELF RETURN("%6")},
    {"rmsUnsqueezed", "rms_norm", 1, "(%x: tensor<?x5x8xf32>) -> tensor<?x5x8xf32>",
     R"(
  %0 = compress.mul %x, %x : (tensor<?x5x8xf32>, tensor<?x5x8xf32>) -> tensor<?x5x8xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 2>, keepdims = false} : (tensor<?x5x8xf32>) -> tensor<?x5xf32>
  %2 = compress.unsqueeze %1 {axes = array<i64: 2>} : (tensor<?x5xf32>) -> tensor<?x5x1xf32>
  %3 = compress.add %2, %eps : (tensor<?x5x1xf32>, tensor<f32>) -> tensor<?x5x1xf32>
  %4 = compress.sqrt %3 : (tensor<?x5x1xf32>) -> tensor<?x5x1xf32>
  %5 = compress.div %x, %4 : (tensor<?x5x8xf32>, tensor<?x5x1xf32>) -> tensor<?x5x8xf32>
  %6 = compress.mul %5, %gamma2 : (tensor<?x5x8xf32>, tensor<1x1x8xf32>) -> tensor<?x5x8xf32>
  return %6 : tensor<?x5x8xf32>)"},
    {"rmsTwoDims", "rms_norm", 1, "(%x: tensor<?x3x4xf32>) -> tensor<?x3x4xf32>",
     R"(
  %0 = compress.mul %x, %x : (tensor<?x3x4xf32>, tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 1, 2>} : (tensor<?x3x4xf32>) -> tensor<?x1x1xf32>
  %3 = compress.add %1, %eps : (tensor<?x1x1xf32>, tensor<f32>) -> tensor<?x1x1xf32>
  %4 = compress.sqrt %3 : (tensor<?x1x1xf32>) -> tensor<?x1x1xf32>
  %5 = compress.div %x, %4 : (tensor<?x3x4xf32>, tensor<?x1x1xf32>) -> tensor<?x3x4xf32>
  return %5 : tensor<?x3x4xf32>)"},
    {"layerDivided", "layer_norm", 1, X,
     "%0 = compress.reduce mean %x" MEAN "%1 = compress.sub %x, %0" WITH_STAT
     "%2 = compress.pow %1, %two" WITH_SCALAR "%3 = compress.reduce mean %2" MEAN
     "%4 = compress.add %3, %eps" STAT_SCALAR "%5 = compress.sqrt %4" STAT
     "%6 = compress.div %1, %5" WITH_STAT "%7 = compress.mul %6, %gamma" WITH_ROW
     "%8 = compress.add %7, %beta" WITH_ROW RETURN("%8")},
    {"layerTwoDifferences", "layer_norm", 1, X,
     "%0 = compress.reduce mean %x" MEAN "%1 = compress.sub %x, %0" WITH_STAT
     "%9 = compress.sub %x, %0" WITH_STAT "%2 = compress.mul %9, %9" SELF
     "%3 = compress.reduce mean %2" MEAN "%4 = compress.add %3, %eps" STAT_SCALAR
     "%5 = compress.sqrt %4" STAT "%6 = compress.reciprocal %5" STAT
     "%7 = compress.mul %1, %6" WITH_STAT "%8 = compress.mul %7, %gamma" WITH_ROW RETURN("%8")},
    {"layerOfMoments", "layer_norm", 1, "(%x: tensor<?x8xf32>) -> tensor<?x8xf32>",
     R"(
  %shape = compress.constant dense<[-1, 1]> : tensor<2xi64>
  %0 = compress.reduce sum %x {axes = array<i64: 1>, keepdims = false} : (tensor<?x8xf32>) -> tensor<?xf32>
  %1 = compress.mul %0, %eighth : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %2 = compress.mul %1, %1 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %3 = compress.reshape %1, %shape : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x1xf32>
  %4 = compress.sub %x, %3 : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %5 = compress.mul %x, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %6 = compress.reduce sum %5 {axes = array<i64: 1>, keepdims = false} : (tensor<?x8xf32>) -> tensor<?xf32>
  %7 = compress.mul %6, %eighth : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %8 = compress.sub %7, %2 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %9 = compress.max %zero, %8 : (tensor<f32>, tensor<?xf32>) -> tensor<?xf32>
  %10 = compress.reshape %9, %shape : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x1xf32>
  %11 = compress.add %10, %eps : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %12 = compress.sqrt %11 : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %13 = compress.reciprocal %12 : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %14 = compress.mul %13, %gamma : (tensor<?x1xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %15 = compress.mul %4, %14 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %16 = compress.add %15, %beta : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %16 : tensor<?x8xf32>)"},
};

const Form gelus[] = {
    {"erfHalfFirst", "gelu", 1, X,
     "%0 = compress.div %x, %sqrt2" WITH_SCALAR "%1 = compress.erf %0" UNARY
     "%2 = compress.add %1, %one" WITH_SCALAR "%3 = compress.mul %x, %half" WITH_ONE
     "%4 = compress.mul %3, %2" SELF RETURN("%4")},
    {"erfHalfLast", "gelu", 1, X,
     "%0 = compress.mul %rsqrt2, %x" SCALAR_WITH "%1 = compress.erf %0" UNARY
     "%2 = compress.add %one, %1" SCALAR_WITH "%3 = compress.mul %2, %x" SELF
     "%4 = compress.div %3, %two" WITH_SCALAR RETURN("%4")},
    {"erfHalfInside", "gelu", 1, X,
     "%0 = compress.mul %x, %rsqrt2" WITH_SCALAR "%1 = compress.erf %0" UNARY
     "%2 = compress.add %one, %1" SCALAR_WITH "%3 = compress.mul %2, %half" WITH_ONE
     "%4 = compress.mul %x, %3" SELF RETURN("%4")},
    {"tanhPower", "gelu", 1, X,
     "%0 = compress.pow %x, %three" WITH_SCALAR "%1 = compress.mul %cubic, %0" SCALAR_WITH
     "%2 = compress.add %1, %x" SELF "%3 = compress.mul %2, %root" WITH_SCALAR
     "%4 = compress.tanh %3" UNARY "%5 = compress.add %4, %one" WITH_SCALAR
     "%6 = compress.mul %half, %x : (tensor<1xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>\n"
     "%7 = compress.mul %5, %6" SELF RETURN("%7")},
    {"tanhProducts", "gelu", 1, X,
     "%0 = compress.mul %cubic, %x" SCALAR_WITH "%1 = compress.mul %x, %0" SELF
     "%2 = compress.mul %x, %1" SELF "%3 = compress.add %x, %2" SELF
     "%4 = compress.mul %root, %3" SCALAR_WITH "%5 = compress.tanh %4" UNARY
     "%6 = compress.add %one, %5" SCALAR_WITH "%7 = compress.mul %6, %half" WITH_ONE
     "%8 = compress.mul %x, %7" SELF RETURN("%8")},
    {"tanhFactored", "gelu", 1, X,
     "%0 = compress.mul %x, %x" SELF "%1 = compress.mul %0, %cubic" WITH_SCALAR
     "%2 = compress.add %one, %1" SCALAR_WITH "%3 = compress.mul %x, %root" WITH_SCALAR
     "%4 = compress.mul %3, %2" SELF "%5 = compress.tanh %4" UNARY
     "%6 = compress.add %one, %5" SCALAR_WITH "%7 = compress.mul %x, %6" SELF
     "%8 = compress.mul %7, %half" WITH_ONE RETURN("%8")},
};

const Form rotaries[] = {
    {"sliced", "rotary_embedding", 1,
     "(%x: tensor<?x2x?x8xf32>, %cos: tensor<1x?x8xf32>, %sin: tensor<1x?x8xf32>) -> "
     "tensor<?x2x?x8xf32>",
     R"(
  %at0 = compress.constant dense<0> : tensor<1xi64>
  %at4 = compress.constant dense<4> : tensor<1xi64>
  %end = compress.constant dense<9223372036854775807> : tensor<1xi64>
  %0 = compress.slice %x, %at0, %at4 {axes = array<i64: 3>, steps = array<i64: 1>} : (tensor<?x2x?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2x?x4xf32>
  %1 = compress.slice %x, %at4, %end {axes = array<i64: 3>, steps = array<i64: 1>} : (tensor<?x2x?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2x?x4xf32>
  %2 = compress.neg %1 : (tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  %3 = compress.concat %2, %0 {axis = 3 : i64} : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x8xf32>
  %4 = compress.mul %sin, %3 : (tensor<1x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  %5 = compress.mul %cos, %x : (tensor<1x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  %6 = compress.add %4, %5 : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  return %6 : tensor<?x2x?x8xf32>)"},
    {"split", "rotary_embedding", 1,
     "(%x: tensor<?x5x8xf32>, %cos: tensor<5x8xf32>, %sin: tensor<5x8xf32>) -> tensor<?x5x8xf32>",
     R"(
  %0, %1 = compress.split %x {axis = 2 : i64, sizes = array<i64: 4, 4>} : (tensor<?x5x8xf32>) -> (tensor<?x5x4xf32>, tensor<?x5x4xf32>)
  %2 = compress.neg %1 : (tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  %3 = compress.concat %2, %0 {axis = 2 : i64} : (tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x8xf32>
  %4 = compress.mul %3, %sin : (tensor<?x5x8xf32>, tensor<5x8xf32>) -> tensor<?x5x8xf32>
  %5 = compress.mul %x, %cos : (tensor<?x5x8xf32>, tensor<5x8xf32>) -> tensor<?x5x8xf32>
  %6 = compress.add %5, %4 : (tensor<?x5x8xf32>, tensor<?x5x8xf32>) -> tensor<?x5x8xf32>
  return %6 : tensor<?x5x8xf32>)"},
};

const Form attentions[] = {
    {"plain", "attention", 1,
     "(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>) -> "
     "tensor<?x2x3x6xf32>",
     R"(
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>)"},
    {"scaledSidesAndMask", "attention", 1,
     "(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>, %m: "
     "tensor<3x5xf32>) -> tensor<?x2x3x6xf32>",
     R"(
  %sq = compress.mul %q, %scale : (tensor<?x2x3x4xf32>, tensor<f32>) -> tensor<?x2x3x4xf32>
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %sk = compress.div %0, %two : (tensor<?x2x4x5xf32>, tensor<f32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %sq, %sk : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %m1 = compress.add %m, %1 : (tensor<3x5xf32>, tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %m1 {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>)"},
    {"filled", "attention", 1,
     "(%q: tensor<?x2x3x4xf32>, %k: tensor<?x4x2x5xf32>, %v: tensor<?x2x5x6xf32>, %c: "
     "tensor<?x1x3x5xi1>) -> tensor<?x2x3x6xf32>",
     R"(
  %kt = compress.transpose %k {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x4x2x5xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %kt : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %s = compress.mul %scale, %1 : (tensor<f32>, tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %w = compress.where %c, %fill, %s : (tensor<?x1x3x5xi1>, tensor<f32>, tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %w {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>)"},
    {"filledOtherwise", "attention", 1,
     "(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>, %c: "
     "tensor<3x5xi1>) -> tensor<?x2x3x6xf32>",
     R"(
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %w = compress.where %c, %1, %fill : (tensor<3x5xi1>, tensor<?x2x3x5xf32>, tensor<f32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %w {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>)"},
    // As GPT-2 writes it, and a condition after an added mask.
    {"filledAndMasked", "attention", 1,
     "(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>, %c: "
     "tensor<3x5xi1>, %m: tensor<?x1x1x5xf32>) -> tensor<?x2x3x6xf32>",
     R"(
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %s = compress.div %1, %two : (tensor<?x2x3x5xf32>, tensor<f32>) -> tensor<?x2x3x5xf32>
  %w = compress.where %c, %s, %fill : (tensor<3x5xi1>, tensor<?x2x3x5xf32>, tensor<f32>) -> tensor<?x2x3x5xf32>
  %a = compress.add %w, %m : (tensor<?x2x3x5xf32>, tensor<?x1x1x5xf32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %a {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>)"},
    {"twoMasksAndFilled", "attention", 1,
     "(%q: tensor<?x2x3x4xf32>, %k: tensor<?x2x5x4xf32>, %v: tensor<?x2x5x6xf32>, %c: "
     "tensor<3x5xi1>, %m: tensor<?x1x1x5xf32>, %n: tensor<2x3x5xf32>) -> tensor<?x2x3x6xf32>",
     R"(
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x3x5xf32>
  %a = compress.add %1, %m : (tensor<?x2x3x5xf32>, tensor<?x1x1x5xf32>) -> tensor<?x2x3x5xf32>
  %b = compress.add %n, %a : (tensor<2x3x5xf32>, tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %w = compress.where %c, %fill, %b : (tensor<3x5xi1>, tensor<f32>, tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %w {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x2x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>)"},
    // One product for queries, keys and values.
    {"packed", "attention", 1, "(%x: tensor<?x5x3x2x4xf32>) -> tensor<?x5x2x4xf32>", R"(
  %i0 = compress.constant dense<0> : tensor<i64>
  %i1 = compress.constant dense<-2> : tensor<i64>
  %t = compress.transpose %x {perm = array<i64: 2, 0, 3, 1, 4>} : (tensor<?x5x3x2x4xf32>) -> tensor<3x?x2x5x4xf32>
  %q = compress.gather %t, %i0 {axis = 0 : i64} : (tensor<3x?x2x5x4xf32>, tensor<i64>) -> tensor<?x2x5x4xf32>
  %k = compress.gather %t, %i1 {axis = 0 : i64} : (tensor<3x?x2x5x4xf32>, tensor<i64>) -> tensor<?x2x5x4xf32>
  %s0, %s1, %s2 = compress.split %t {axis = 0 : i64, sizes = array<i64: 1, 1, 1>} : (tensor<3x?x2x5x4xf32>) -> (tensor<1x?x2x5x4xf32>, tensor<1x?x2x5x4xf32>, tensor<1x?x2x5x4xf32>)
  %v = compress.squeeze %s2 {axes = array<i64: 0>} : (tensor<1x?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
  %kt = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x2x5x4xf32>) -> tensor<?x2x4x5xf32>
  %1 = compress.matmul %q, %kt : (tensor<?x2x5x4xf32>, tensor<?x2x4x5xf32>) -> tensor<?x2x5x5xf32>
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x2x5x5xf32>) -> tensor<?x2x5x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x5x5xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
  %4 = compress.transpose %3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x5x4xf32>) -> tensor<?x5x2x4xf32>
  return %4 : tensor<?x5x2x4xf32>)"},
    {"oneSharedHead", "attention", 1,
     "(%q: tensor<?x2x3x4xf32>, %k: tensor<?x1x5x4xf32>, %v: tensor<?x1x5x6xf32>) -> "
     "tensor<?x2x3x6xf32>",
     R"(
  %0 = compress.transpose %k {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x1x5x4xf32>) -> tensor<?x1x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x2x3x4xf32>, tensor<?x1x4x5xf32>) -> tensor<?x2x3x5xf32>
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x2x3x5xf32>) -> tensor<?x2x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x2x3x5xf32>, tensor<?x1x5x6xf32>) -> tensor<?x2x3x6xf32>
  return %3 : tensor<?x2x3x6xf32>)"},
    {"batchedMatrices", "attention", 1,
     "(%q: tensor<?x3x4xf32>, %k: tensor<?x5x4xf32>, %v: tensor<?x5x6xf32>, %m: tensor<?x3x5xf32>) "
     "-> tensor<?x3x6xf32>",
     R"(
  %0 = compress.transpose %k {perm = array<i64: 0, 2, 1>} : (tensor<?x5x4xf32>) -> tensor<?x4x5xf32>
  %1 = compress.matmul %q, %0 : (tensor<?x3x4xf32>, tensor<?x4x5xf32>) -> tensor<?x3x5xf32>
  %s = compress.div %1, %two : (tensor<?x3x5xf32>, tensor<f32>) -> tensor<?x3x5xf32>
  %a = compress.add %s, %m : (tensor<?x3x5xf32>, tensor<?x3x5xf32>) -> tensor<?x3x5xf32>
  %2 = compress.softmax %a {axis = 2 : i64} : (tensor<?x3x5xf32>) -> tensor<?x3x5xf32>
  %3 = compress.matmul %2, %v : (tensor<?x3x5xf32>, tensor<?x5x6xf32>) -> tensor<?x3x6xf32>
  return %3 : tensor<?x3x6xf32>)"},
    {"sharedHeadsBeforeTheTranspose", "attention", 1,
     "(%q: tensor<?x3x4x8xf32>, %k: tensor<?x?x2x8xf32>, %v: tensor<?x?x2x8xf32>) -> "
     "tensor<?x3x4x8xf32>",
     R"(
  %wide = compress.constant dense<[1, 1, 1, 2, 1]> : tensor<5xi64>
  %joined = compress.constant dense<[0, -1, 4, 8]> : tensor<4xi64>
  %k1 = compress.unsqueeze %k {axes = array<i64: 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x?x2x1x8xf32>
  %k2 = compress.broadcast %k1, %wide : (tensor<?x?x2x1x8xf32>, tensor<5xi64>) -> tensor<?x?x2x2x8xf32>
  %k3 = compress.reshape %k2, %joined : (tensor<?x?x2x2x8xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
  %v1 = compress.unsqueeze %v {axes = array<i64: 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x?x2x1x8xf32>
  %v2 = compress.broadcast %v1, %wide : (tensor<?x?x2x1x8xf32>, tensor<5xi64>) -> tensor<?x?x2x2x8xf32>
  %v3 = compress.reshape %v2, %joined : (tensor<?x?x2x2x8xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
  %qt = compress.transpose %q {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x4x8xf32>) -> tensor<?x4x3x8xf32>
  %kt = compress.transpose %k3 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x?x4x8xf32>) -> tensor<?x4x8x?xf32>
  %vt = compress.transpose %v3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x4x8xf32>) -> tensor<?x4x?x8xf32>
  %1 = compress.matmul %qt, %kt : (tensor<?x4x3x8xf32>, tensor<?x4x8x?xf32>) -> tensor<?x4x3x?xf32>
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x4x3x?xf32>) -> tensor<?x4x3x?xf32>
  %3 = compress.matmul %2, %vt : (tensor<?x4x3x?xf32>, tensor<?x4x?x8xf32>) -> tensor<?x4x3x8xf32>
  %4 = compress.transpose %3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x4x3x8xf32>) -> tensor<?x3x4x8xf32>
  return %4 : tensor<?x3x4x8xf32>)"},
    // The result stays in the other order, so the shared heads are transposed again.
    {"sharedHeadsWithoutLayout", "attention", 1,
     "(%q: tensor<?x4x3x8xf32>, %k: tensor<?x?x2x8xf32>, %v: tensor<?x?x2x8xf32>) -> "
     "tensor<?x4x3x8xf32>",
     R"(
  %wide = compress.constant dense<[1, 1, 1, 2, 1]> : tensor<5xi64>
  %joined = compress.constant dense<[0, -1, 4, 8]> : tensor<4xi64>
  %k1 = compress.unsqueeze %k {axes = array<i64: 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x?x2x1x8xf32>
  %k2 = compress.broadcast %k1, %wide : (tensor<?x?x2x1x8xf32>, tensor<5xi64>) -> tensor<?x?x2x2x8xf32>
  %k3 = compress.reshape %k2, %joined : (tensor<?x?x2x2x8xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
  %v1 = compress.unsqueeze %v {axes = array<i64: 3>} : (tensor<?x?x2x8xf32>) -> tensor<?x?x2x1x8xf32>
  %v2 = compress.broadcast %v1, %wide : (tensor<?x?x2x1x8xf32>, tensor<5xi64>) -> tensor<?x?x2x2x8xf32>
  %v3 = compress.reshape %v2, %joined : (tensor<?x?x2x2x8xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
  %kt = compress.transpose %k3 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x?x4x8xf32>) -> tensor<?x4x8x?xf32>
  %vt = compress.transpose %v3 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x4x8xf32>) -> tensor<?x4x?x8xf32>
  %1 = compress.matmul %q, %kt : (tensor<?x4x3x8xf32>, tensor<?x4x8x?xf32>) -> tensor<?x4x3x?xf32>
  %2 = compress.softmax %1 {axis = 3 : i64} : (tensor<?x4x3x?xf32>) -> tensor<?x4x3x?xf32>
  %3 = compress.matmul %2, %vt : (tensor<?x4x3x?xf32>, tensor<?x4x?x8xf32>) -> tensor<?x4x3x8xf32>
  return %3 : tensor<?x4x3x8xf32>)"},
};

std::string getName(const ::testing::TestParamInfo<Form> &info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Norm, RaiseForm, ::testing::ValuesIn(norms), getName);
INSTANTIATE_TEST_SUITE_P(Gelu, RaiseForm, ::testing::ValuesIn(gelus), getName);
INSTANTIATE_TEST_SUITE_P(Rotary, RaiseForm, ::testing::ValuesIn(rotaries), getName);
INSTANTIATE_TEST_SUITE_P(Attention, RaiseForm, ::testing::ValuesIn(attentions), getName);

/// What is expanded can be raised again, with rotary embeddings between transposes and products.
TEST(RaiseExpanded, isTheSame) {
  for (const char *cosType : {"tensor<5x8xf32>", "tensor<1x5x8xf32>", "tensor<2x1x5x8xf32>"}) {
    std::string cos = cosType;
    SCOPED_TRACE(cos);
    MLIRContext context(MLIRContext::Threading::DISABLED);
    context.loadDialect<CompressDialect, func::FuncDialect>();
    std::string text = "func.func @f(%q: tensor<2x5x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: "
                       "tensor<2x5x2x8xf32>, %cos: " +
                       cos + ", %sin: " + cos + R"() -> tensor<2x5x4x8xf32> {
  %qt = compress.transpose %q {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x5x4x8xf32>) -> tensor<2x4x5x8xf32>
  %kt = compress.transpose %k {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x5x2x8xf32>) -> tensor<2x2x5x8xf32>
  %vt = compress.transpose %v {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x5x2x8xf32>) -> tensor<2x2x5x8xf32>
  %qr = compress.rotary_embedding %qt, %cos, %sin : (tensor<2x4x5x8xf32>, )" +
                       cos + ", " + cos + R"() -> tensor<2x4x5x8xf32>
  %kr = compress.rotary_embedding %kt, %cos, %sin : (tensor<2x2x5x8xf32>, )" +
                       cos + ", " + cos + R"() -> tensor<2x2x5x8xf32>
  %a = compress.attention bhsd %qr, %kr, %vt {scale = 0.5 : f32} : (tensor<2x4x5x8xf32>, tensor<2x2x5x8xf32>, tensor<2x2x5x8xf32>) -> tensor<2x4x5x8xf32>
  %r = compress.transpose %a {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x4x5x8xf32>) -> tensor<2x5x4x8xf32>
  return %r : tensor<2x5x4x8xf32>
})";
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    auto func = *module->getOps<func::FuncOp>().begin();
    std::mt19937_64 random(11);
    SmallVector<Tensor> arguments;
    for (Type type : func.getArgumentTypes())
      arguments.push_back(
          reference::randomTensor(random, DataType::F32, cast<RankedTensorType>(type).getShape()));
    SmallVector<Tensor> expected = interpret(func, arguments);
    ASSERT_TRUE(succeeded(expandComposites(*module)));
    PassManager passes(&context);
    passes.addPass(createRaiseComposites());
    ASSERT_TRUE(succeeded(passes.run(*module)));
    int attentions = 0, rotaries = 0, large = 0;
    func.walk([&](Operation *op) {
      if (auto attention = dyn_cast<AttentionOp>(op)) {
        ++attentions;
        EXPECT_EQ(attention.getLayout(), AttentionLayout::BSHD);
        EXPECT_EQ(attention.getKey().getType().getDimSize(2), 2);
      }
      rotaries += isa<RotaryEmbeddingOp>(op);
      // Only cos and sin are transposed.
      if (auto transpose = dyn_cast<TransposeOp>(op))
        large += transpose.getInput() != func.getArgument(3) &&
                 transpose.getInput() != func.getArgument(4);
    });
    EXPECT_EQ(attentions, 1);
    EXPECT_EQ(rotaries, 2);
    EXPECT_EQ(large, 0);
    SmallVector<Tensor> actual = interpret(func, arguments);
    expectClose(actual.front(), expected.front(), 1e-6);
  }
}
} // namespace
