//===- WeightFormatsTest.cpp - every form of a decode chain -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Support/NumericFormats.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using reference::Tensor;

namespace {
class WeightFormatsTest : public WeightTest {
protected:
  WeightFormatsTest() : store(&context) {
    module = parse(R"mlir(
      compress.weight private @w : tensor<1xf32> = dense<0.0>
      func.func @main() {
        %w = compress.load @w : tensor<1xf32>
        return
      })mlir");
    like = find<LoadOp>(*module);
    symbols.emplace(*module);
  }

  Type element(DataType type) { return getElementType(type, &context); }
  RankedTensorType tensor(ArrayRef<int64_t> shape, DataType type) {
    return RankedTensorType::get(shape, element(type));
  }
  template <typename T>
  T take(FailureOr<T> value) {
    if (succeeded(value))
      return std::move(*value);
    ADD_FAILURE() << lastMessage();
    return T();
  }
  StoredTensor codes(ArrayRef<int64_t> shape, DataType type, ArrayRef<uint8_t> values) {
    return take(makeCodes(store, tensor(shape, type), values, errorFn()));
  }
  StoredTensor floats(ArrayRef<int64_t> shape, ArrayRef<float> values,
                      DataType type = DataType::F32) {
    return take(makeFloats(store, tensor(shape, type), values, errorFn()));
  }
  /// Codes of `type` from the floats they stand for.
  StoredTensor smallFloats(ArrayRef<int64_t> shape, DataType type, ArrayRef<float> values) {
    return floats(shape, values, type);
  }

  /// The chain of `weight`, in the IR.
  WeightChain write(EncodedWeight &weight) {
    OpBuilder builder(like);
    builder.setInsertionPointAfter(like);
    Value value = writeEncodedWeight(builder, *symbols, store, like, "new", weight);
    EXPECT_TRUE(succeeded(verify(*module)));
    return take(getWeightChain(value));
  }
  std::vector<double> decode(const WeightChain &chain) {
    EXPECT_EQ(explainUnsupported(chain), "");
    FailureOr<StoredTensor> dense = decodeChain(store, chain, errorFn());
    if (failed(dense)) {
      ADD_FAILURE() << lastMessage();
      return {};
    }
    EXPECT_EQ(dense->getType(), chain.getType());
    return toDoubles(*dense);
  }
  /// What the ops mean, one by one.
  Tensor evaluate(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto source = dyn_cast<WeightSourceOpInterface>(op)) {
      StoredTensor stored = take(StoredTensor::read(store, source, errorFn()));
      return llvm::cantFail(
          Tensor::fromPacked(stored.getDataType(), stored.getType().getShape(), stored.bytes()));
    }
    SmallVector<Tensor> operands;
    for (Value operand : op->getOperands())
      operands.push_back(evaluate(operand));
    auto results = cast<ReferenceOpInterface>(op).evaluate(operands);
    if (results)
      return results->front();
    ADD_FAILURE() << llvm::toString(results.takeError());
    return Tensor();
  }
  /// The fast decoder gives what the ops mean, bit for bit.
  void checkMeaning(const WeightChain &chain) {
    Tensor expected = evaluate(chain.root);
    StoredTensor found = take(decodeChain(store, chain, errorFn()));
    SmallVector<char, 0> bytes = llvm::cantFail(expected.toPacked());
    EXPECT_EQ(toInts(found.bytes()), toInts(bytes));
  }

  WeightStore store;
  OwningOpRef<ModuleOp> module;
  LoadOp like;
  std::optional<WeightSymbols> symbols;
};
} // namespace

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

TEST_F(WeightFormatsTest, PowerOfTwoScales) {
  EncodedWeight weight;
  weight.type = tensor({2, 4}, DataType::F32);
  weight.values = smallFloats({2, 4}, DataType::F4E2M1FN, {0.5, 6, -1.5, 3, 1, 2, -4, 0});
  weight.scales = take(makeNestedScales(store, weight.type, {1, 2}, DataType::F8E8M0FNU,
                                        {1, 2, 0.25, 4}, 1, errorFn()));
  EXPECT_EQ(toDoubles(weight.scales->scale), (std::vector<double>{1, 2, 0.25, 4}));
  // Four bytes of codes, four of scales, the factor.
  EXPECT_EQ(weight.getStoredBytes(), 12u);
  WeightChain chain = write(weight);
  EXPECT_EQ(decode(chain), (std::vector<double>{0.5, 6, -3, 6, 0.25, 0.5, -16, 0}));
  checkMeaning(chain);
  EXPECT_EQ(chain.getSources().size(), 3u);
  // What is read keeps the form and its size.
  EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
  EXPECT_EQ(again.getStoredBytes(), 12u);
  EXPECT_EQ(toDoubles(again.scales->scale), (std::vector<double>{1, 2, 0.25, 4}));
  EXPECT_FALSE(again.scales->isDirect());
  WeightChain copy = write(again);
  EXPECT_TRUE(isSameDecoding(chain, copy));
  EXPECT_EQ(decode(copy), decode(chain));
}

TEST_F(WeightFormatsTest, ScalesWithAFactor) {
  EncodedWeight weight;
  weight.type = tensor({1, 4}, DataType::F32);
  weight.values = smallFloats({1, 4}, DataType::F4E2M1FN, {6, -0.5, 4, 1.5});
  float factor = 0.0173f;
  // Representable scales come back exactly, others are rounded: 3.1 / 0.0173 = 179.2 -> 176.
  weight.scales = take(makeNestedScales(store, weight.type, {1, 2}, DataType::F8E4M3FN,
                                        {448 * factor, 3.1f}, factor, errorFn()));
  EXPECT_EQ(toDoubles(weight.scales->scale), (std::vector<double>{448 * factor, 176 * factor}));
  WeightChain chain = write(weight);
  checkMeaning(chain);
  EXPECT_EQ(decode(chain)[0], double(6 * (448 * factor)));
}

TEST_F(WeightFormatsTest, DoubleQuantizedScales) {
  std::vector<float> table(256);
  for (int i = 0; i < 256; ++i)
    table[i] = static_cast<float>(std::sin(i));
  SmallVector<uint8_t> codesOfScales = {0, 17, 255, 3, 99, 200};
  EncodedWeight weight;
  weight.type = tensor({3, 5}, DataType::F32);
  weight.values = codes({3, 5}, DataType::U2, {0, 1, 2, 3, 0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 1});
  weight.table = floats({4}, {-1, 0, 0.25, 1});
  // Blocks of 3 with a short one; second blocks of 4 with a short one.
  weight.scales = take(makeDoubleScales(store, weight.type, {1, 3}, codesOfScales, table,
                                        {0.7f, 1.9f}, 10.1f, 4, errorFn()));
  // 4 bytes of codes, 16 of the table, 6 + 1024 + 8 + 4 of scales.
  EXPECT_EQ(weight.getStoredBytes(), 1062u);
  WeightChain chain = write(weight);
  checkMeaning(chain);
  auto lookup = chain.getLink<LookupOp>();
  EXPECT_TRUE(isa<AddOp>(lookup.getScale().getDefiningOp()));
  EXPECT_TRUE(isStoredExpression(lookup.getScale()));
  EXPECT_EQ(getStoredSources(lookup.getScale()).size(), 4u);
  EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
  EXPECT_EQ(again.getStoredBytes(), 1062u);
  // The values in memory are those of the ops.
  EXPECT_EQ(toDoubles(again.scales->scale)[2], double(table[255] * 0.7f + 10.1f));
  WeightChain copy = write(again);
  EXPECT_TRUE(isSameDecoding(chain, copy));
  // Another offset is another weight.
  EncodedWeight other = take(readEncodedWeight(store, chain, errorFn()));
  other.scales = take(makeDoubleScales(store, weight.type, {1, 3}, codesOfScales, table,
                                       {0.7f, 1.9f}, 10.2f, 4, errorFn()));
  EXPECT_FALSE(isSameDecoding(chain, write(other)));
}

TEST_F(WeightFormatsTest, RefusesWrongSizes) {
  RankedTensorType type = tensor({2, 4}, DataType::F32);
  EXPECT_TRUE(failed(makeScales(store, type, {1, 2}, {1, 2, 3}, errorFn())));
  EXPECT_TRUE(failed(makeCodes(store, tensor({3}, DataType::I4), {1, 2}, errorFn())));
  EXPECT_TRUE(
      failed(makeDoubleScales(store, type, {1, 2}, {1, 2, 3, 4}, {1, 2}, {1}, 0, 256, errorFn())));
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// Random codes in every code type, layout of blocks, form of scales and result type.
TEST_F(WeightFormatsTest, DecodesAsTheOpsMean) {
  std::mt19937 random(7);
  SmallVector<SmallVector<int64_t>> blocks = {{},      {-1, -1}, {1, -1}, {-1, 1},
                                              {1, 16}, {1, 7},   {5, 1},  {1, 1}};
  SmallVector<DataType> types = {DataType::I8,       DataType::I3,       DataType::I6,
                                 DataType::F8E4M3FN, DataType::F8E5M2,   DataType::F6E3M2FN,
                                 DataType::F6E2M3FN, DataType::F4E2M1FN, DataType::U4,
                                 DataType::U8,       DataType::U1,       DataType::Bool};
  SmallVector<int64_t> shape = {13, 37};
  for (DataType type : types)
    for (const SmallVector<int64_t> &block : blocks)
      for (DataType result : {DataType::F32, DataType::F16, DataType::BF16, DataType::F64}) {
        SCOPED_TRACE((compress::getName(type) + " of " + compress::getName(result)).str());
        EncodedWeight weight;
        weight.type = tensor(shape, result);
        std::vector<uint8_t> values(13 * 37);
        for (uint8_t &value : values) {
          do
            value = random() & 0xff;
          while (isFloat(type) && !std::isfinite(decodeFloat(type, value)));
          if (type == DataType::Bool)
            value &= 1;
        }
        weight.values = codes(shape, type, values);
        bool hasTable = isUnsigned(type) || type == DataType::Bool;
        if (hasTable) {
          std::vector<float> table(size_t(1) << getBitWidth(type));
          for (float &entry : table)
            entry = std::uniform_real_distribution<float>(-1, 1)(random);
          weight.table = floats({static_cast<int64_t>(table.size())}, table, result);
        }
        std::vector<float> scales(reference::countElements(getScaleShape(shape, block)).get());
        for (float &scale : scales)
          scale = std::uniform_real_distribution<float>(-2, 2)(random);
        if (random() % 2)
          weight.scales = take(makeNestedScales(store, weight.type, block, DataType::F8E4M3FN,
                                                scales, 0.25f, errorFn()));
        else if (!hasTable || random() % 4)
          weight.scales = take(makeScales(store, weight.type, block, scales, errorFn()));
        checkMeaning(write(weight));
      }
}

TEST_F(WeightFormatsTest, WidensAllHalves) {
  for (DataType type : {DataType::F16, DataType::BF16}) {
    EncodedWeight weight;
    weight.type = tensor({65536}, DataType::F32);
    weight.values = take(StoredTensor::allocate(store, tensor({65536}, type), errorFn()));
    for (unsigned i = 0; i < 65536; ++i)
      std::memcpy(weight.values.mutableBytes().data() + 2 * i, &i, 2);
    ASSERT_TRUE(weight.isCast());
    EXPECT_FALSE(weight.hasCodes());
    WeightChain chain = write(weight);
    EXPECT_TRUE(isa<CastOp>(chain.links.front()));
    StoredTensor wide = take(decodeChain(store, chain, errorFn()));
    const auto *values = reinterpret_cast<const float *>(wide.bytes().data());
    for (unsigned i = 0; i < 65536; ++i) {
      double expected = decodeFloat(type, i);
      if (std::isnan(expected))
        ASSERT_TRUE(std::isnan(values[i])) << i;
      else
        ASSERT_TRUE(values[i] == expected && std::signbit(values[i]) == std::signbit(expected))
            << i;
    }
    EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
    EXPECT_EQ(again.getStoredBytes(), 131072u);
    ASSERT_TRUE(succeeded(widenValues(store, again, errorFn())));
    EXPECT_FALSE(again.isCast());
    EXPECT_EQ(again.values.bytes(), wide.bytes());
  }
}

//===----------------------------------------------------------------------===//
// Zeros
//===----------------------------------------------------------------------===//

TEST_F(WeightFormatsTest, CodeOfZero) {
  EncodedWeight weight;
  weight.type = tensor({1, 4}, DataType::F32);
  weight.values = codes({1, 4}, DataType::U2, {0, 1, 2, 3});
  weight.table = floats({4}, {-1, 0.5, -0.0, 0});
  EXPECT_EQ(getZeroCode(weight), 2);
  EXPECT_EQ(explainNoZeroCode(weight), "");
  weight.table = floats({4}, {-1, 0.5, 0.25, 1});
  EXPECT_EQ(getZeroCode(weight), std::nullopt);
  EXPECT_EQ(explainNoZeroCode(weight), "no entry of the table is zero");
  weight.table.reset();
  weight.scales = take(makeScales(store, weight.type, {}, 1.0f, errorFn()));
  EXPECT_EQ(getZeroCode(weight), 0);
  weight.values = smallFloats({1, 4}, DataType::F8E8M0FNU, {1, 2, 4, 8});
  EXPECT_EQ(explainNoZeroCode(weight), "no code is zero");
}

TEST_F(WeightFormatsTest, EntriesBeyondTheCodesDoNotCount) {
  EncodedWeight weight;
  weight.type = tensor({1, 2}, DataType::F32);
  weight.values = codes({1, 2}, DataType::U1, {0, 1});
  weight.table = floats({3}, {-1, 1, 0});
  EXPECT_EQ(getZeroCode(weight), std::nullopt);
}

TEST_F(WeightFormatsTest, MasksOfWeightsWithoutAZero) {
  EncodedWeight weight;
  weight.type = tensor({2, 2}, DataType::F32);
  weight.values = codes({2, 2}, DataType::Bool, {0, 1, 1, 1});
  weight.table = floats({2}, {-1, 1});
  ASSERT_TRUE(succeeded(applyDenseMask(store, weight, {1, 0, 1, 1}, errorFn())));
  ASSERT_TRUE(succeeded(applyDenseMask(store, weight, {1, 1, 0, 1}, errorFn())));
  ASSERT_TRUE(weight.mask);
  EXPECT_EQ(toInts(weight.mask->bytes()), (std::vector<int>{1, 0, 0, 1}));
  WeightChain chain = write(weight);
  EXPECT_EQ(decode(chain), (std::vector<double>{-1, 0, 0, 1}));
  EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
  ASSERT_TRUE(again.mask);
  EXPECT_EQ(decode(write(again)), (std::vector<double>{-1, 0, 0, 1}));
}

TEST_F(WeightFormatsTest, PatternsOfTables) {
  EncodedWeight weight;
  weight.type = tensor({1, 8}, DataType::F32);
  weight.values = codes({1, 8}, DataType::U4, {1, 2, 3, 4, 5, 6, 8, 9});
  std::vector<float> table(16);
  for (int i = 0; i < 16; ++i)
    table[i] = static_cast<float>(i - 7);
  weight.table = floats({16}, table);
  std::vector<uint8_t> mask = {0, 1, 0, 1, 1, 1, 0, 0};
  ASSERT_TRUE(succeeded(applyDenseMask(store, weight, mask, errorFn())));
  EXPECT_FALSE(weight.mask);
  weight.pattern.emplace();
  weight.pattern->nm = {2, 4};
  weight.pattern->axis = 1;
  weight.pattern->mask = mask;
  EXPECT_TRUE(take(compactPattern(store, weight, errorFn())));
  EXPECT_EQ(weight.pattern->fill, 7);
  // Kept codes 2, 4, 5, 6.
  EXPECT_EQ(toInts(weight.values.bytes()), (std::vector<int>{0x42, 0x65}));
  WeightChain chain = write(weight);
  checkMeaning(chain);
  EXPECT_EQ(decode(chain), (std::vector<double>{0, -5, 0, -3, -2, -1, 0, 0}));
}

//===----------------------------------------------------------------------===//
// What cannot be read
//===----------------------------------------------------------------------===//

TEST_F(WeightFormatsTest, ExplainsWhatIsUnsupported) {
  std::string header = R"mlir(
    func.func @main(%x: tensor<?x2xf32>, %arg: tensor<4xf32>, %one: tensor<f32>) -> tensor<?x2xf32> {
      %q = compress.constant dense<1> : tensor<2x2xui2>
      %t = compress.constant dense<0.5> : tensor<4xf32>
      )mlir";
  std::string footer = R"mlir(
      %y = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })mlir";
  OwningOpRef<ModuleOp> parsed;
  auto explain = [&](StringRef chain) -> std::string {
    parsed = parse(header + chain.str() + footer);
    if (!parsed)
      return lastMessage();
    FailureOr<WeightedOp> op = getWeighted(find<LinearOp>(*parsed));
    return failed(op) ? "no weight" : explainUnsupported(op->chain);
  };
  EXPECT_EQ(explain("%w = compress.lookup %q, %t : (tensor<2x2xui2>, tensor<4xf32>) -> "
                    "tensor<2x2xf32>"),
            "");
  EXPECT_EQ(explain("%w = compress.lookup %q, %arg : (tensor<2x2xui2>, tensor<4xf32>) -> "
                    "tensor<2x2xf32>"),
            "its table is not constant");
  EXPECT_EQ(explain("%s = compress.constant dense<1.0> : tensor<f32>\n"
                    "%sum = compress.add %s, %one : (tensor<f32>, tensor<f32>) -> tensor<f32>\n"
                    "%w = compress.lookup %q, %t, %sum : (tensor<2x2xui2>, tensor<4xf32>, "
                    "tensor<f32>) -> tensor<2x2xf32>"),
            "its scales are not constant");
  EXPECT_EQ(explain("%s = compress.constant dense<1.0> : tensor<1x1xf32>\n"
                    "%w = compress.lookup %q, %t, %s {block = array<i64: 2, 2>} : "
                    "(tensor<2x2xui2>, tensor<4xf32>, tensor<1x1xf32>) -> tensor<2x2xf32>"),
            "");
  // A cast is a link only where it widens what is stored.
  EXPECT_EQ(explain("%h = compress.constant dense<1.0> : tensor<2x2xf16>\n"
                    "%w = compress.cast %h : (tensor<2x2xf16>) -> tensor<2x2xf32>"),
            "");
  EXPECT_EQ(explain("%h = compress.constant dense<1.0> : tensor<2x2xf64>\n"
                    "%w = compress.cast %h : (tensor<2x2xf64>) -> tensor<2x2xf32>"),
            "no weight");
}
