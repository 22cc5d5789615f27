//===- EncodedWeightTest.cpp - decode chains in memory -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
class EncodedWeightTest : public WeightTest {
protected:
  /// The weight of the only linear op of `text`.
  FailureOr<WeightedOp> getWeight(StringRef text) {
    module = parse(text);
    if (!module)
      return failure();
    return getWeighted(find<LinearOp>(*module));
  }
  /// Decoded values of a weight.
  std::vector<float> decode(const WeightChain &chain) {
    WeightStore store(&context);
    FailureOr<StoredTensor> dense = decodeChain(store, chain, errorFn());
    if (failed(dense))
      return {};
    std::vector<float> values(dense->getType().getNumElements());
    std::memcpy(values.data(), dense->bytes().data(), dense->bytes().size());
    return values;
  }

  OwningOpRef<ModuleOp> module;
};
} // namespace

/// A weight in full normal form: 2:4, zero points, and a mask.
static constexpr StringLiteral kWholeChain = R"mlir(
  compress.weight private @w.q : tensor<2x2xui4> = dense<[[7, 1], [9, 2]]>
  compress.weight private @w.meta : tensor<2x1xi8> = dense<[[9], [14]]>
  compress.weight private @w.scale : tensor<2x1xf32> = dense<[[0.5], [2.0]]>
  compress.weight private @w.zp : tensor<2x1xui4> = dense<5>
  func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
    %q = compress.load @w.q : tensor<2x2xui4>
    %p = compress.load @w.meta : tensor<2x1xi8>
    %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 5 : i64}
       : (tensor<2x2xui4>, tensor<2x1xi8>) -> tensor<2x4xui4>
    %s = compress.load @w.scale : tensor<2x1xf32>
    %z = compress.load @w.zp : tensor<2x1xui4>
    %d = compress.dequantize %c, %s, %z {block = array<i64: 1, -1>}
       : (tensor<2x4xui4>, tensor<2x1xf32>, tensor<2x1xui4>) -> tensor<2x4xf32>
    %m = compress.constant dense<[[true, true, true, false]]> : tensor<1x4xi1>
    %w = compress.mask %d, %m : tensor<2x4xf32>, tensor<1x4xi1>
    %y = compress.linear nk %x, %w {name = "fc"}
       : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
    return %y : tensor<?x2xf32>
  })mlir";

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

TEST(BlockView, OfAnAxis) {
  BlockView view = getAxisView({2, 3, 4, 5}, 2);
  EXPECT_EQ(view.outer, 6u);
  EXPECT_EQ(view.k, 4u);
  EXPECT_EQ(view.inner, 5u);
}

TEST(BlockView, OfABlockAttribute) {
  struct {
    SmallVector<int64_t> shape, block;
    uint64_t outer, k, inner, group;
  } cases[] = {
      {{4, 6}, {}, 1, 24, 1, 24},       // One scale.
      {{4, 6}, {-1, -1}, 1, 24, 1, 24}, // The same, spelled out.
      {{4, 6}, {1, -1}, 4, 6, 1, 6},    // A scale per row.
      {{4, 6}, {-1, 1}, 1, 4, 6, 4},    // A scale per column.
      {{4, 6}, {1, 4}, 4, 6, 1, 4},     // Groups, the last one short.
      {{4, 6}, {1, 1}, 24, 1, 1, 1},    // A scale per element.
      {{4, 6}, {1, 100}, 4, 6, 1, 6},   // A block beyond the end is the whole dim.
      {{2, 3, 5, 7}, {1, -1, -1, -1}, 2, 105, 1, 105},
      {{2, 3, 5, 7}, {1, 2, 1, 1}, 2, 3, 35, 2},
      {{2, 3, 5, 7}, {1, -1, -1, 1}, 2, 15, 7, 15},
      {{4, 1, 6}, {1, 8, -1}, 4, 6, 1, 6}, // Dims of size 1 do not count.
  };
  for (auto &c : cases) {
    FailureOr<std::pair<BlockView, uint64_t>> view = getBlockView(c.shape, c.block);
    ASSERT_TRUE(succeeded(view));
    EXPECT_EQ(view->first.outer, c.outer);
    EXPECT_EQ(view->first.k, c.k);
    EXPECT_EQ(view->first.inner, c.inner);
    EXPECT_EQ(view->second, c.group);
  }
  // Tiles are no runs of elements.
  EXPECT_TRUE(failed(getBlockView({4, 6}, {2, 3})));
  EXPECT_TRUE(failed(getBlockView({4, 5, 6}, {-1, 1, -1})));
}

TEST(BlockView, ScaleShape) {
  EXPECT_EQ(getScaleShape({4, 6}, {}), (SmallVector<int64_t>{}));
  EXPECT_EQ(getScaleShape({4, 6}, {1, 4}), (SmallVector<int64_t>{4, 2}));
  EXPECT_EQ(getScaleShape({4, 6}, {-1, 1}), (SmallVector<int64_t>{1, 6}));
  EXPECT_EQ(getScaleShape({0, 6}, {-1, 4}), (SmallVector<int64_t>{0, 2}));
}

TEST(BaseName, LosesSuffixes) {
  EXPECT_EQ(getBaseName("fc.w"), "fc.w");
  EXPECT_EQ(getBaseName("fc.w.q"), "fc.w");
  EXPECT_EQ(getBaseName("fc.w.kept.q"), "fc.w");
  EXPECT_EQ(getBaseName("fc.w.dense"), "fc.w");
}

//===----------------------------------------------------------------------===//
// Reading and writing
//===----------------------------------------------------------------------===//

TEST_F(EncodedWeightTest, ReadsAllParts) {
  std::string text = kWholeChain.str();
  // Without the mask, which would be applied.
  size_t use = text.find("%x, %w {name");
  text.replace(use, 6, "%x, %d");
  FailureOr<WeightedOp> op = getWeight(text);
  ASSERT_TRUE(succeeded(op));
  WeightStore store(&context);
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, op->chain, errorFn());
  ASSERT_TRUE(succeeded(weight));
  EXPECT_EQ(weight->type, getType({2, 4}, f32()));
  EXPECT_EQ(toInts(weight->values.bytes()), (std::vector<int>{0x17, 0x29}));
  ASSERT_TRUE(weight->pattern);
  EXPECT_EQ(weight->pattern->nm.n, 2u);
  EXPECT_EQ(weight->pattern->nm.m, 4u);
  EXPECT_EQ(weight->pattern->axis, 1);
  EXPECT_EQ(weight->pattern->fill, 5);
  EXPECT_EQ(toInts(weight->pattern->positions.bytes()), (std::vector<int>{9, 14}));
  ASSERT_TRUE(weight->scales);
  EXPECT_EQ(weight->scales->block, (SmallVector<int64_t>{1, -1}));
  EXPECT_EQ(getZeroPoints(*weight), (SmallVector<int64_t>{5, 5}));
  // Two bytes of codes, two of positions, eight of scales, one of zero points.
  EXPECT_EQ(weight->getStoredBytes(), 13u);
}

TEST_F(EncodedWeightTest, MasksBecomeCodesOfZero) {
  FailureOr<WeightedOp> op = getWeight(kWholeChain);
  ASSERT_TRUE(succeeded(op));
  WeightStore store(&context);
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, op->chain, errorFn());
  ASSERT_TRUE(succeeded(weight));
  EXPECT_FALSE(weight->pattern);
  // Rows 5 7 1 [5] and 5 5 9 [2 -> 5], low bits first.
  EXPECT_EQ(toInts(weight->values.bytes()), (std::vector<int>{0x75, 0x51, 0x55, 0x59}));
}

TEST_F(EncodedWeightTest, Decodes) {
  FailureOr<WeightedOp> op = getWeight(kWholeChain);
  ASSERT_TRUE(succeeded(op));
  EXPECT_EQ(decode(op->chain), (std::vector<float>{0, 1, -2, 0, 0, 0, 8, 0}));
}

TEST_F(EncodedWeightTest, WritesWhatItRead) {
  FailureOr<WeightedOp> op = getWeight(kWholeChain);
  ASSERT_TRUE(succeeded(op));
  std::vector<float> before = decode(op->chain);
  WeightStore store(&context);
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, op->chain, errorFn());
  ASSERT_TRUE(succeeded(weight));
  WeightSymbols symbols(*module);
  OpBuilder builder(op->op);
  Value value = writeEncodedWeight(builder, symbols, store, op->chain.source, "new.q", *weight);
  op->operand->set(value);
  ASSERT_TRUE(succeeded(verify(*module)));
  FailureOr<WeightedOp> after = getWeighted(op->op);
  ASSERT_TRUE(succeeded(after));
  EXPECT_EQ(after->chain.getSourceName(), "new.q");
  EXPECT_EQ(decode(after->chain), before);
  // New codes are a new weight; scales and zero points are those of before.
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  ASSERT_TRUE(dequantize);
  EXPECT_EQ(dequantize.getScale().getDefiningOp<LoadOp>().getWeight(), "w.scale");
}

TEST_F(EncodedWeightTest, DenseMasks) {
  // Floats without scales: masked elements are zero bytes, also NaN.
  FailureOr<WeightedOp> op = getWeight(R"mlir(
    compress.weight private @w : tensor<1x3xf32> = dense<[[1.0, 0x7FC00000, 3.0]]>
    func.func @main(%x: tensor<?x3xf32>) -> tensor<?x1xf32> {
      %w = compress.load @w : tensor<1x3xf32>
      %y = compress.linear nk %x, %w : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    })mlir");
  ASSERT_TRUE(succeeded(op));
  WeightStore store(&context);
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, op->chain, errorFn());
  ASSERT_TRUE(succeeded(weight));
  EXPECT_FALSE(weight->values.isNewTensor());
  ASSERT_TRUE(succeeded(applyDenseMask(store, *weight, {1, 0, 0}, errorFn())));
  EXPECT_TRUE(weight->values.isNewTensor());
  EXPECT_EQ(toInts(weight->values.bytes()),
            (std::vector<int>{0, 0, 0x80, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0}));
}

//===----------------------------------------------------------------------===//
// What is not in normal form
//===----------------------------------------------------------------------===//

TEST_F(EncodedWeightTest, ExplainsWhatIsUnsupported) {
  std::string header = R"mlir(
    compress.weight private @q : tensor<2x2xi8> = dense<[[1, 2], [3, 4]]>
    func.func @main(%x: tensor<?x2xf32>, %arg: tensor<f32>, %arg_mask: tensor<2x2xi1>) -> tensor<?x2xf32> {
      %q = compress.load @q : tensor<2x2xi8>
      %s = compress.constant dense<0.5> : tensor<f32>
      %t = compress.constant dense<0.5> : tensor<2x2xf32>
      %m = compress.constant dense<[[true, false], [true, true]]> : tensor<2x2xi1>
      )mlir";
  std::string footer = R"mlir(
      %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })mlir";
  auto explain = [&](StringRef chain) -> std::string {
    FailureOr<WeightedOp> op = getWeight(header + chain.str() + footer);
    return failed(op) ? "no weight" : explainUnsupported(op->chain);
  };
  EXPECT_EQ(
      explain("%w = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>"),
      "");
  EXPECT_EQ(
      explain(
          "%w = compress.dequantize %q, %arg : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>"),
      "its scales are not constant");
  EXPECT_EQ(
      explain("%d = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>\n"
              "%w = compress.mask %d, %arg_mask : tensor<2x2xf32>, tensor<2x2xi1>"),
      "its mask is not constant");
  EXPECT_EQ(
      explain("%p = compress.mask %q, %m : tensor<2x2xi8>, tensor<2x2xi1>\n"
              "%w = compress.dequantize %p, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>"),
      "its decode chain is not in normal form");
  // Such a chain decodes all the same, by the executable semantics of its links.
  EXPECT_EQ(decode(getWeighted(find<LinearOp>(*module))->chain),
            (std::vector<float>{0.5, 0, 1.5, 2}));
  EXPECT_EQ(explain("%w = compress.fake_quantize %t, %s as i8 : (tensor<2x2xf32>, tensor<f32>) -> "
                    "tensor<2x2xf32>"),
            "it is decoded by compress.fake_quantize");
  EXPECT_EQ(
      explain(
          "%a = compress.constant dense<1> : tensor<2x2xi16>\n"
          "%w = compress.dequantize %a, %s : (tensor<2x2xi16>, tensor<f32>) -> tensor<2x2xf32>"),
      "its codes have more than 8 bits");
}

TEST_F(EncodedWeightTest, RefusesPositionsThatAreWrong) {
  std::string text = kWholeChain.str();
  size_t positions = text.find("[[9], [14]]");
  text.replace(positions, 11, "[[9], [5]]"); // Row 1 keeps position 1 twice.
  FailureOr<WeightedOp> op = getWeight(text);
  ASSERT_TRUE(succeeded(op));
  EXPECT_TRUE(decode(op->chain).empty());
  EXPECT_EQ(lastMessage(),
            "position 3 of the 2:4 pattern is outside of its group or not larger than "
            "the one before");
}
