//===- OpInterfacesTest.cpp - weight and encoded operands -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpTestSupport.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"

using namespace mlir;
using namespace mlir::compress;

using reference::pattern;
using reference::shapeToString;

namespace {
/// "operand number: output | contraction | batch" of every candidate.
std::string describe(Operation *op) {
  std::string text;
  for (const WeightOperand &weight : cast<WeightedOpInterface>(op).getWeightOperands()) {
    EXPECT_EQ(weight.operand->getOwner(), op);
    text += (text.empty() ? "" : ", ") + std::to_string(weight.operand->getOperandNumber()) + ": " +
            shapeToString(weight.outputDims) + shapeToString(weight.contractionDims) +
            shapeToString(weight.batchDims);
  }
  return cast<WeightedOpInterface>(op).getWeightedKind().str() + " " + text;
}

TEST(OpInterfaces, weightOperands) {
  OpWorld w;
  Value x = w.operand(pattern({2, 3})), b = w.operand(pattern({3, 3}));
  EXPECT_EQ(describe(LinearOp::create(w.builder, w.loc(), x, b, Value(), WeightLayout::KN)),
            "linear 1: [1][0][]");
  EXPECT_EQ(describe(LinearOp::create(w.builder, w.loc(), x, b, Value(), WeightLayout::NK)),
            "linear 1: [0][1][]");

  // The right operand is the first candidate; a vector is none.
  Value experts = w.operand(pattern({5, 3, 4})), vector = w.operand(pattern({3}));
  EXPECT_EQ(describe(MatMulOp::create(w.builder, w.loc(), x, experts)),
            "matmul 1: [2][1][0], 0: [0][1][]");
  EXPECT_EQ(describe(MatMulOp::create(w.builder, w.loc(), vector, experts)), "matmul 1: [2][1][0]");
  EXPECT_EQ(describe(MatMulOp::create(w.builder, w.loc(), vector, vector)), "matmul ");

  Value image = w.operand(pattern({1, 4, 5, 5})), kernel = w.operand(pattern({4, 4, 3, 3}));
  EXPECT_EQ(
      describe(ConvOp::create(w.builder, w.loc(), image, kernel, Value(), ArrayRef<int64_t>({1, 1}),
                              ArrayRef<int64_t>({0, 0, 0, 0}), ArrayRef<int64_t>({1, 1}))),
      "conv 1: [0][1, 2, 3][]");
  EXPECT_EQ(
      describe(ConvTransposeOp::create(w.builder, w.loc(), image, kernel, Value(),
                                       ArrayRef<int64_t>({1, 1}), ArrayRef<int64_t>({0, 0, 0, 0}),
                                       ArrayRef<int64_t>({1, 1}), ArrayRef<int64_t>({0, 0}))),
      "conv_transpose 1: [1][0, 2, 3][]");

  Value indices = w.operand(reference::ints({2}, {0, 1}));
  EXPECT_EQ(describe(EmbeddingOp::create(w.builder, w.loc(), x, indices)), "embedding 0: [0][1][]");
}

TEST(OpInterfaces, encodedOperands) {
  OpWorld w;
  Value codes = w.operand(pattern({4}, 0, DataType::I8)), scale = w.operand(pattern({}));
  Type floats = w.getType(DataType::F32, {4});
  DequantizeOp dequantize =
      DequantizeOp::create(w.builder, w.loc(), floats, codes, scale, Value(), DenseI64ArrayAttr());
  EXPECT_EQ(dequantize.getEncodedOperand().get(), codes);
  Value mask = w.operand(reference::ints({4}, {1, 0, 1, 0}, DataType::Bool));
  EXPECT_EQ(MaskOp::create(w.builder, w.loc(), codes, mask).getEncodedOperand().get(), codes);
}

TEST(OpInterfaces, constantIntegers) {
  OpWorld w;
  EXPECT_EQ(shapeToString(*getConstantIntegers(w.constant({3, -1}))), "[3, -1]");
  EXPECT_EQ(shapeToString(*getConstantIntegers(w.scalar(-7))), "[-7]");
  EXPECT_FALSE(getConstantIntegers(w.operand(reference::ints({1}, {3}))));
  EXPECT_FALSE(getConstantIntegers(Value()));
  SmallVector<int64_t> many(65537, 1);
  many.back() = 2;
  EXPECT_FALSE(getConstantIntegers(w.constant(many)));
  // A value of ui64 that int64_t does not hold.
  RankedTensorType type = w.getType(DataType::U64, {1});
  Value large =
      ConstantOp::create(w.builder, w.loc(), DenseElementsAttr::get(type, APInt::getAllOnes(64)));
  EXPECT_FALSE(getConstantIntegers(large));
}

TEST(OpInterfaces, broadcastDims) {
  int64_t dynamic = ShapedType::kDynamic;
  auto broadcast = [](ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
    FailureOr<SmallVector<int64_t>> dims = broadcastDims(a, b);
    return succeeded(dims) ? *dims : SmallVector<int64_t>{-1};
  };
  using Dims = SmallVector<int64_t>;
  EXPECT_EQ(broadcast({2, 1}, {3}), Dims({2, 3}));
  EXPECT_EQ(broadcast({dynamic}, {3}), Dims({3}));
  EXPECT_EQ(broadcast({dynamic}, {1}), Dims({dynamic}));
  EXPECT_EQ(broadcast({dynamic}, {dynamic}), Dims({dynamic}));
  EXPECT_EQ(broadcast({}, {4, 5}), Dims({4, 5}));
  EXPECT_EQ(broadcast({0}, {1}), Dims({0}));
  EXPECT_EQ(broadcast({2}, {3}), Dims({-1}));
}

/// Import infers types of values that may have any type.
TEST(OpInterfaces, inferenceOfUntypedOperandsFails) {
  OpWorld w;
  Block block;
  Type untyped = OnnxValueType::get(&w.context);
  for (int i = 0; i < 3; ++i)
    block.addArgument(untyped, w.loc());
  SmallVector<std::string> messages;
  ScopedDiagnosticHandler handler(&w.context, [&](Diagnostic &diagnostic) {
    messages.push_back(diagnostic.str());
    return success();
  });
  auto infer = [&](auto tag, unsigned count) {
    using Op = typename decltype(tag)::type;
    typename Op::Properties properties;
    SmallVector<Type> types;
    return Op::inferReturnTypes(&w.context, w.loc(), block.getArguments().take_front(count),
                                DictionaryAttr::get(&w.context), OpaqueProperties(&properties),
                                RegionRange(), types);
  };
  EXPECT_TRUE(failed(infer(std::type_identity<AddOp>(), 2)));
  EXPECT_TRUE(failed(infer(std::type_identity<WhereOp>(), 3)));
  EXPECT_TRUE(failed(infer(std::type_identity<LinearOp>(), 2)));
  EXPECT_TRUE(failed(infer(std::type_identity<MatMulOp>(), 2)));
  EXPECT_TRUE(failed(infer(std::type_identity<ReshapeOp>(), 2)));
  EXPECT_TRUE(failed(infer(std::type_identity<EmbeddingOp>(), 2)));
  EXPECT_EQ(messages.front(),
            "'compress.add' op expects a ranked tensor as operand, got !compress.onnx_value");
}
} // namespace
