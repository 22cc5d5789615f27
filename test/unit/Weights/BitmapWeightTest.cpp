//===- BitmapWeightTest.cpp - unstructured weights in memory -*- C++ -*-===//
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
class BitmapWeightTest : public WeightTest {
protected:
  /// A weight of floats with the mask of a bitmap pattern.
  EncodedWeight makeFloatsWithMask(ArrayRef<float> values, ArrayRef<uint8_t> mask) {
    EncodedWeight weight;
    weight.type = getType({2, static_cast<int64_t>(values.size()) / 2}, f32());
    weight.values = *makeFloats(store, weight.type, values, errorFn());
    setMask(weight, mask);
    return weight;
  }
  static void setMask(EncodedWeight &weight, ArrayRef<uint8_t> mask) {
    weight.pattern.emplace();
    weight.pattern->kind = EncodedWeight::Pattern::Kind::Bitmap;
    weight.pattern->mask.assign(mask.begin(), mask.end());
  }
  std::vector<float> decode(const EncodedWeight &weight) {
    FailureOr<StoredTensor> dense = decodeWeight(store, weight, errorFn());
    std::vector<float> values(succeeded(dense) ? weight.type.getNumElements() : 0);
    if (succeeded(dense))
      std::memcpy(values.data(), dense->bytes().data(), dense->bytes().size());
    return values;
  }

  WeightStore store{&context};
};
} // namespace

TEST_F(BitmapWeightTest, FloatsAreCompacted) {
  EncodedWeight weight =
      makeFloatsWithMask({1, 0, 0, 2, 0, 0, 0, 3, 0, 4}, {1, 0, 0, 1, 0, 0, 0, 1, 0, 1});
  EXPECT_EQ(explainDenseStorage(weight), "");
  FailureOr<bool> kept = compactPattern(store, weight, errorFn());
  ASSERT_TRUE(succeeded(kept));
  EXPECT_TRUE(*kept);
  EXPECT_FALSE(weight.pattern->isDense());
  EXPECT_EQ(weight.values.getType(), getType({4}, f32()));
  EXPECT_EQ(toInts(weight.pattern->positions.bytes()), (std::vector<int>{0x89, 0x02}));
  EXPECT_EQ(weight.getStoredBytes(), 18u);
  EXPECT_EQ(decode(weight), (std::vector<float>{1, 0, 0, 2, 0, 0, 0, 3, 0, 4}));
  ASSERT_TRUE(succeeded(expandPattern(store, weight, errorFn())));
  EXPECT_EQ(weight.pattern->mask, (std::vector<uint8_t>{1, 0, 0, 1, 0, 0, 0, 1, 0, 1}));
  EXPECT_EQ(decode(weight), (std::vector<float>{1, 0, 0, 2, 0, 0, 0, 3, 0, 4}));
}

TEST_F(BitmapWeightTest, StaysDenseWhereThatIsSmaller) {
  // 31 of 32 floats and four bytes are as much as 32 floats.
  std::vector<float> values(32, 1);
  std::vector<uint8_t> mask(32, 1);
  mask[5] = values[5] = 0;
  EncodedWeight weight = makeFloatsWithMask(values, mask);
  EXPECT_EQ(explainDenseStorage(weight),
            "kept values and their bitmap take 128 bytes, dense values 128");
  FailureOr<bool> kept = compactPattern(store, weight, errorFn());
  ASSERT_TRUE(succeeded(kept));
  EXPECT_FALSE(*kept);
  EXPECT_FALSE(weight.pattern);
  EXPECT_EQ(decode(weight), values);
}

TEST_F(BitmapWeightTest, CodesAreFilledWithTheZeroPoint) {
  EncodedWeight weight;
  weight.type = getType({2, 8}, f32());
  Type code = IntegerType::get(&context, 4, IntegerType::Unsigned);
  std::vector<uint8_t> codes(16, 5), mask(16, 0);
  codes[3] = 7;
  codes[14] = 1;
  mask[3] = mask[14] = 1;
  weight.values = *makeCodes(store, getType({2, 8}, code), codes, errorFn());
  weight.scales = *makeScales(store, weight.type, {1, -1}, {0.5f, 2.0f}, errorFn());
  weight.scales->zeroPoint = *makeCodes(store, getType({2, 1}, code), {5, 5}, errorFn());
  setMask(weight, mask);
  FailureOr<bool> kept = compactPattern(store, weight, errorFn());
  ASSERT_TRUE(succeeded(kept) && *kept);
  EXPECT_EQ(weight.pattern->fill, 5);
  EXPECT_EQ(toInts(weight.values.bytes()), (std::vector<int>{0x17}));
  std::vector<float> expected(16, 0);
  expected[3] = 1;
  expected[14] = -8;
  EXPECT_EQ(decode(weight), expected);
}

TEST_F(BitmapWeightTest, DifferentZeroPointsStayDense) {
  EncodedWeight weight;
  weight.type = getType({2, 8}, f32());
  Type code = IntegerType::get(&context, 4, IntegerType::Unsigned);
  weight.values = *makeCodes(store, getType({2, 8}, code), std::vector<uint8_t>(16, 5), errorFn());
  weight.scales = *makeScales(store, weight.type, {1, -1}, {0.5f, 2.0f}, errorFn());
  weight.scales->zeroPoint = *makeCodes(store, getType({2, 1}, code), {5, 6}, errorFn());
  setMask(weight, std::vector<uint8_t>(16, 0));
  weight.pattern->mask[0] = 1;
  EXPECT_EQ(explainDenseStorage(weight), "zero points differ between blocks");
  FailureOr<bool> kept = compactPattern(store, weight, errorFn());
  ASSERT_TRUE(succeeded(kept));
  EXPECT_FALSE(*kept);
}

TEST_F(BitmapWeightTest, IsReadMaskedAndWritten) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w.q : tensor<3xi8> = dense<[1, 2, 3]>
    compress.weight private @w.bitmap : tensor<1xi8> = dense<84>
    compress.weight private @w.scale : tensor<f32> = dense<0.5>
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
      %q = compress.load @w.q : tensor<3xi8>
      %p = compress.load @w.bitmap : tensor<1xi8>
      %c = compress.expand_bitmap %q, %p : (tensor<3xi8>, tensor<1xi8>) -> tensor<2x4xi8>
      %s = compress.load @w.scale : tensor<f32>
      %d = compress.dequantize %c, %s : (tensor<2x4xi8>, tensor<f32>) -> tensor<2x4xf32>
      %m = compress.constant dense<[[false], [true]]> : tensor<2x1xi1>
      %w = compress.mask %d, %m : tensor<2x4xf32>, tensor<2x1xi1>
      %y = compress.linear nk %x, %w {name = "fc"}
         : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })mlir");
  ASSERT_TRUE(module);
  auto linear = find<LinearOp>(*module);
  FailureOr<WeightedOp> op = getWeighted(linear);
  ASSERT_TRUE(succeeded(op));
  EXPECT_EQ(explainUnsupported(op->chain), "");
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, op->chain, errorFn());
  ASSERT_TRUE(succeeded(weight)) << lastMessage();
  // Codes of the first row are gone, the bitmap says so.
  ASSERT_TRUE(weight->pattern && weight->pattern->isBitmap());
  EXPECT_EQ(toInts(weight->values.bytes()), (std::vector<int>{2, 3}));
  EXPECT_EQ(toInts(weight->pattern->positions.bytes()), (std::vector<int>{0x50}));
  std::vector<float> expected = {0, 0, 0, 0, 1, 0, 1.5, 0};
  EXPECT_EQ(decode(*weight), expected);

  OpBuilder builder(linear);
  WeightSymbols symbols(*module);
  Value value = writeEncodedWeight(builder, symbols, store, op->chain.source, "w.q", *weight);
  linear->setOperand(1, value);
  ASSERT_TRUE(succeeded(verify(*module)));
  FailureOr<WeightedOp> written = getWeighted(linear);
  ASSERT_TRUE(succeeded(written));
  EXPECT_TRUE(written->chain.getLink<ExpandBitmapOp>());
  FailureOr<EncodedWeight> again = readEncodedWeight(store, written->chain, errorFn());
  ASSERT_TRUE(succeeded(again)) << lastMessage();
  EXPECT_EQ(decode(*again), expected);
}

TEST_F(BitmapWeightTest, WrongNumberOfCodes) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w.kept : tensor<3xf32> = dense<1.0>
    compress.weight private @w.bitmap : tensor<1xi8> = dense<-1>
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
      %q = compress.load @w.kept : tensor<3xf32>
      %p = compress.load @w.bitmap : tensor<1xi8>
      %w = compress.expand_bitmap %q, %p : (tensor<3xf32>, tensor<1xi8>) -> tensor<2x4xf32>
      %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })mlir");
  FailureOr<WeightedOp> op = getWeighted(find<LinearOp>(*module));
  ASSERT_TRUE(succeeded(op));
  EXPECT_TRUE(failed(decodeChain(store, op->chain, errorFn())));
  EXPECT_EQ(lastMessage(), "the bitmap keeps 8 elements, but there are 3 codes");
}

TEST_F(BitmapWeightTest, AllPruned) {
  EncodedWeight weight = makeFloatsWithMask(std::vector<float>(8, 0), std::vector<uint8_t>(8, 0));
  FailureOr<bool> kept = compactPattern(store, weight, errorFn());
  ASSERT_TRUE(succeeded(kept) && *kept);
  EXPECT_EQ(weight.values.getType().getNumElements(), 0);
  EXPECT_EQ(decode(weight), std::vector<float>(8, 0));
}
