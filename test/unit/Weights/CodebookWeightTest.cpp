//===- CodebookWeightTest.cpp - palettes of blocks and codes of vectors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"
#include "compress/Analysis/WeightUnits.h"
#include <random>

using namespace mlir;
using namespace mlir::compress;
using reference::Tensor;

namespace {
class CodebookWeightTest : public WeightTest {
protected:
  CodebookWeightTest() : store(&context) {
    module = parse(R"mlir(
      compress.weight private @w : tensor<1xf32> = dense<0.0>
      func.func @main() {
        %w = compress.load @w : tensor<1xf32>
        return
      })mlir");
    like = find<LoadOp>(*module);
    symbols.emplace(*module);
  }

  RankedTensorType tensor(ArrayRef<int64_t> shape, DataType type) {
    return RankedTensorType::get(shape, getElementType(type, &context));
  }
  template <typename T>
  T take(FailureOr<T> value) {
    if (succeeded(value))
      return std::move(*value);
    ADD_FAILURE() << lastMessage();
    return T();
  }
  StoredTensor codes(ArrayRef<int64_t> shape, DataType type, ArrayRef<uint16_t> values) {
    return take(makeWideCodes(store, tensor(shape, type), values, errorFn()));
  }
  StoredTensor floats(ArrayRef<int64_t> shape, ArrayRef<float> values,
                      DataType type = DataType::F32) {
    return take(makeFloats(store, tensor(shape, type), values, errorFn()));
  }
  StoredTensor randomCodes(ArrayRef<int64_t> shape, DataType type, unsigned entries) {
    std::vector<uint16_t> values(tensor(shape, type).getNumElements());
    for (uint16_t &value : values)
      value = static_cast<uint16_t>(random() % entries);
    return codes(shape, type, values);
  }
  StoredTensor randomFloats(ArrayRef<int64_t> shape, DataType type = DataType::F32) {
    std::vector<float> values(tensor(shape, type).getNumElements());
    for (float &value : values)
      value = std::uniform_real_distribution<float>(-2, 2)(random);
    return floats(shape, values, type);
  }
  void addScales(EncodedWeight &weight, ArrayRef<int64_t> block) {
    weight.scales.emplace();
    weight.scales->block.assign(block.begin(), block.end());
    DataType type = *getDataType(weight.type.getElementType());
    weight.scales->scale = randomFloats(getScaleShape(weight.type.getShape(), block), type);
  }

  /// The chain of `weight`, in the IR.
  WeightChain write(EncodedWeight &weight) {
    OpBuilder builder(like);
    builder.setInsertionPointAfter(like);
    Value value = writeEncodedWeight(builder, *symbols, store, like, "new", weight);
    EXPECT_TRUE(succeeded(verify(*module))) << lastMessage();
    return take(getWeightChain(value));
  }
  std::vector<double> decode(const WeightChain &chain) {
    FailureOr<StoredTensor> dense = decodeChain(store, chain, errorFn());
    return succeeded(dense) ? toDoubles(*dense) : std::vector<double>();
  }
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
  /// What is written means, bit for bit, what the decoder gives, and reading it gives the same
  /// weight again.
  void checkRoundTrip(EncodedWeight &weight) {
    uint64_t bytes = weight.getStoredBytes();
    StoredTensor direct = take(decodeWeight(store, weight, errorFn()));
    WeightChain chain = write(weight);
    EXPECT_EQ(explainUnsupported(chain), "");
    SmallVector<char, 0> expected = llvm::cantFail(evaluate(chain.root).toPacked());
    EXPECT_EQ(toInts(direct.bytes()), toInts(expected));
    StoredTensor found = take(decodeChain(store, chain, errorFn()));
    EXPECT_EQ(toInts(found.bytes()), toInts(expected));
    EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
    EXPECT_EQ(again.getStoredBytes(), bytes);
    WeightChain copy = write(again);
    EXPECT_TRUE(isSameDecoding(chain, copy));
    EXPECT_EQ(decode(copy), decode(chain));
  }

  WeightStore store;
  OwningOpRef<ModuleOp> module;
  LoadOp like;
  std::optional<WeightSymbols> symbols;
  std::mt19937 random{5};
};
} // namespace

//===----------------------------------------------------------------------===//
// Palettes of blocks
//===----------------------------------------------------------------------===//

TEST_F(CodebookWeightTest, ATableForEachRow) {
  EncodedWeight weight;
  weight.type = tensor({2, 4}, DataType::F32);
  weight.values = codes({2, 4}, DataType::U2, {0, 1, 2, 3, 3, 3, 1, 0});
  weight.table = floats({2, 1, 4}, {0, 1, -1, 0.5, 0, 8, 16, -24});
  weight.tableBlock = {1, -1};
  // Two bytes of codes, 32 of tables.
  EXPECT_EQ(weight.getStoredBytes(), 34u);
  EXPECT_EQ(getZeroCode(weight), 0);
  WeightChain chain = write(weight);
  EXPECT_EQ(decode(chain), (std::vector<double>{0, 1, -1, 0.5, -24, -24, 8, 0}));
  EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
  EXPECT_EQ(again.tableBlock, (SmallVector<int64_t>{1, -1}));
  checkRoundTrip(again);
  // Other blocks are another weight, also where the shapes are the same.
  again = take(readEncodedWeight(store, chain, errorFn()));
  again.tableBlock = {1, 4};
  EXPECT_FALSE(isSameDecoding(chain, write(again)));
}

TEST_F(CodebookWeightTest, TablesOfBlocksDecodeAsTheOpsMean) {
  SmallVector<SmallVector<int64_t>> blocks = {{-1, -1}, {1, -1}, {-1, 1}, {1, 16},
                                              {1, 7},   {5, 1},  {1, 1}};
  for (const SmallVector<int64_t> &block : blocks)
    for (DataType type : {DataType::U4, DataType::U3, DataType::U8, DataType::Bool})
      for (DataType result : {DataType::F32, DataType::F16, DataType::BF16, DataType::F64})
        for (unsigned scaled : {0, 1, 2}) {
          EncodedWeight weight;
          weight.type = tensor({13, 37}, result);
          auto entries = 1u << getBitWidth(type);
          weight.values = randomCodes({13, 37}, type, entries);
          SmallVector<int64_t> shape = getScaleShape(weight.type.getShape(), block);
          // One more entry than there are codes.
          shape.push_back(entries + 1);
          weight.table = randomFloats(shape, result);
          weight.tableBlock = block;
          if (scaled)
            addScales(weight, scaled == 1 ? ArrayRef<int64_t>{1, -1} : ArrayRef<int64_t>{3, 1});
          checkRoundTrip(weight);
        }
}

TEST_F(CodebookWeightTest, TablesOfChannelsOfConvs) {
  EncodedWeight weight;
  weight.type = tensor({6, 4, 3, 3}, DataType::F32);
  weight.values = randomCodes({6, 4, 3, 3}, DataType::U4, 16);
  weight.table = randomFloats({6, 1, 1, 1, 16});
  weight.tableBlock = {1, -1, -1, -1};
  checkRoundTrip(weight);
}

TEST_F(CodebookWeightTest, ZeroOfSeveralTables) {
  EncodedWeight weight;
  weight.type = tensor({2, 4}, DataType::F32);
  weight.values = codes({2, 4}, DataType::U2, {0, 1, 2, 3, 3, 3, 1, 0});
  weight.table = floats({2, 1, 4}, {5, 0, 0, 1, 0, 5, 0, 1});
  weight.tableBlock = {1, -1};
  EXPECT_EQ(getZeroCode(weight), 2);
  EXPECT_TRUE(succeeded(applyDenseMask(store, weight, {1, 1, 1, 0, 0, 1, 1, 1}, errorFn())));
  EXPECT_FALSE(weight.mask);
  EXPECT_EQ(decode(write(weight)), (std::vector<double>{5, 0, 0, 0, 0, 1, 5, 0}));
  // N:M patterns keep that code of zero.
  weight = EncodedWeight();
  weight.type = tensor({2, 4}, DataType::F32);
  weight.values = codes({2, 4}, DataType::U2, {0, 2, 2, 3, 3, 2, 1, 2});
  weight.table = floats({2, 1, 4}, {5, 0, 0, 1, 0, 5, 0, 1});
  weight.tableBlock = {1, -1};
  weight.pattern.emplace();
  weight.pattern->nm = {2, 4};
  weight.pattern->axis = 1;
  weight.pattern->mask = {1, 0, 0, 1, 1, 0, 1, 0};
  EXPECT_TRUE(take(compactPattern(store, weight, errorFn())));
  EXPECT_EQ(weight.pattern->fill, 2);
  checkRoundTrip(weight);
  // Without a common code of zero there is a mask.
  weight = EncodedWeight();
  weight.type = tensor({2, 4}, DataType::F32);
  weight.values = codes({2, 4}, DataType::U2, {0, 1, 2, 3, 3, 3, 1, 0});
  weight.table = floats({2, 1, 4}, {0, 1, 2, 3, 1, 0, 2, 3});
  weight.tableBlock = {1, -1};
  EXPECT_EQ(getZeroCode(weight), std::nullopt);
  EXPECT_EQ(explainNoZeroCode(weight), "no code is zero in all tables");
  EXPECT_TRUE(succeeded(applyDenseMask(store, weight, {1, 1, 1, 0, 0, 1, 1, 1}, errorFn())));
  EXPECT_TRUE(weight.mask);
  EXPECT_EQ(decode(write(weight)), (std::vector<double>{0, 1, 2, 0, 0, 3, 0, 1}));
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

TEST_F(CodebookWeightTest, ProductCodebook) {
  EncodedWeight weight;
  weight.type = tensor({2, 5}, DataType::F32);
  weight.values = codes({2, 3, 1}, DataType::U1, {0, 1, 1, 1, 0, 1});
  weight.vectors = EncodedWeight::Vectors{floats({1, 1, 2, 2}, {1, 2, 3, 4}), 1};
  // Six bits, 16 bytes of tables.
  EXPECT_EQ(weight.getStoredBytes(), 17u);
  EXPECT_TRUE(weight.hasCodes());
  EXPECT_FALSE(weight.isCast());
  EXPECT_EQ(getZeroCode(weight), std::nullopt);
  EXPECT_EQ(explainNoZeroCode(weight), "its codes stand for vectors");
  WeightChain chain = write(weight);
  EXPECT_EQ(decode(chain), (std::vector<double>{1, 2, 3, 4, 3, 3, 4, 1, 2, 3}));
  EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
  EXPECT_EQ(again.vectors->axis, 1);
  checkRoundTrip(again);
}

TEST_F(CodebookWeightTest, VectorsDecodeAsTheOpsMean) {
  for (int64_t axis : {0, 1, 2})
    for (int64_t subspaces : {1, 2})
      for (int64_t books : {1, 2, 4})
        for (DataType type : {DataType::U4, DataType::U8, DataType::U16})
          for (DataType result : {DataType::F32, DataType::F16, DataType::BF16, DataType::F64})
            for (unsigned scaled : {0, 1, 2}) {
              SmallVector<int64_t> shape = {6, 9, 5}, codeShape = shape;
              int64_t vectors = llvm::divideCeil(shape[axis], 4);
              int64_t entries = type == DataType::U4 ? 16 : type == DataType::U8 ? 256 : 300;
              codeShape[axis] = vectors;
              codeShape.push_back(books);
              EncodedWeight weight;
              weight.type = tensor(shape, result);
              weight.values = randomCodes(codeShape, type, entries);
              weight.vectors = EncodedWeight::Vectors{
                  randomFloats({subspaces == 1 ? 1 : vectors, books, entries, 4}, result), axis};
              if (scaled)
                addScales(weight,
                          scaled == 1 ? ArrayRef<int64_t>{1, -1, -1} : ArrayRef<int64_t>{1, 1, 2});
              checkRoundTrip(weight);
            }
}

/// Scales in the dtype of codes do not make a quantized tensor of codes of vectors.
TEST_F(CodebookWeightTest, VectorsAreNoQuantizedTensor) {
  EncodedWeight weight;
  weight.type = tensor({4, 4}, DataType::F32);
  weight.values = randomCodes({4, 2, 2}, DataType::U8, 256);
  weight.vectors = EncodedWeight::Vectors{randomFloats({1, 2, 256, 2}), 1};
  addScales(weight, {1, -1});
  EXPECT_TRUE(failed(getQuantizedTensor(weight, weight.values)));
}

TEST_F(CodebookWeightTest, MaskedVectorsKeepTheirMask) {
  EncodedWeight weight;
  weight.type = tensor({1, 4}, DataType::F32);
  weight.values = codes({1, 2, 1}, DataType::U1, {0, 1});
  weight.vectors = EncodedWeight::Vectors{floats({1, 1, 2, 2}, {1, 2, 3, 4}), 1};
  EXPECT_TRUE(succeeded(applyDenseMask(store, weight, {1, 0, 0, 1}, errorFn())));
  EXPECT_TRUE(weight.mask);
  WeightChain chain = write(weight);
  EXPECT_EQ(decode(chain), (std::vector<double>{1, 0, 0, 4}));
  EncodedWeight again = take(readEncodedWeight(store, chain, errorFn()));
  EXPECT_EQ(toDoubles(take(decodeWeight(store, again, errorFn()))),
            (std::vector<double>{1, 0, 0, 4}));
  // A pattern of dense values is dropped, with a reason.
  again.pattern.emplace();
  again.pattern->nm = {2, 4};
  again.pattern->axis = 1;
  again.pattern->mask = {1, 0, 0, 1};
  EXPECT_EQ(explainDenseStorage(again), "its codes stand for vectors");
  EXPECT_FALSE(take(compactPattern(store, again, errorFn())));
}

TEST_F(CodebookWeightTest, CodesWithoutAnEntry) {
  EncodedWeight weight;
  weight.type = tensor({1, 4}, DataType::F32);
  weight.values = codes({1, 2, 1}, DataType::U16, {1, 2});
  weight.vectors = EncodedWeight::Vectors{floats({1, 1, 2, 2}, {1, 2, 3, 4}), 1};
  EXPECT_EQ(findCodeWithoutEntry(weight), 1u);
  EXPECT_TRUE(failed(decodeWeight(store, weight, errorFn())));
  EXPECT_EQ(lastMessage(), "code 1 is outside tables of 2 entries");
  weight.values = codes({1, 2, 1}, DataType::U16, {1, 0});
  EXPECT_EQ(findCodeWithoutEntry(weight), std::nullopt);
}

TEST_F(CodebookWeightTest, WideCodes) {
  StoredTensor wide = codes({3}, DataType::U16, {1, 256, 65535});
  EXPECT_EQ(toInts(wide.bytes()), (std::vector<int>{1, 0, 0, 1, 255, 255}));
  EXPECT_EQ(toInts(codes({3}, DataType::U4, {1, 15, 3}).bytes()), (std::vector<int>{241, 3}));
  EXPECT_TRUE(failed(makeWideCodes(store, tensor({2}, DataType::U16), {1}, errorFn())));
  EXPECT_TRUE(failed(makeWideCodes(store, tensor({1}, DataType::U32), {1}, errorFn())));
}

TEST_F(CodebookWeightTest, ExplainsWhatIsUnsupported) {
  std::string header = R"mlir(
    func.func @main(%x: tensor<?x4xf32>, %arg: tensor<1x1x4x2xf32>, %one: tensor<f32>) -> tensor<?x4xf32> {
      %q = compress.constant dense<1> : tensor<4x4xui2>
      %v = compress.constant dense<1> : tensor<4x2x1xui2>
      %t = compress.constant dense<0.5> : tensor<1x1x4x2xf32>
      )mlir";
  std::string footer = R"mlir(
      %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
      return %y : tensor<?x4xf32>
    })mlir";
  OwningOpRef<ModuleOp> parsed;
  auto explain = [&](StringRef chain) -> std::string {
    parsed = parse(header + chain.str() + footer);
    if (!parsed)
      return lastMessage();
    FailureOr<WeightedOp> op = getWeighted(find<LinearOp>(*parsed));
    return failed(op) ? "no weight" : explainUnsupported(op->chain);
  };
  EXPECT_EQ(explain("%b = compress.constant dense<0.5> : tensor<2x2x4xf32>\n"
                    "%w = compress.lookup %q, %b {table_block = array<i64: 2, 2>} : "
                    "(tensor<4x4xui2>, tensor<2x2x4xf32>) -> tensor<4x4xf32>"),
            "its tables are blocked along several dims");
  EXPECT_EQ(explain("%w = compress.lookup_vectors %v, %t {axis = 1} : (tensor<4x2x1xui2>, "
                    "tensor<1x1x4x2xf32>) -> tensor<4x4xf32>"),
            "");
  EXPECT_EQ(explain("%w = compress.lookup_vectors %v, %arg {axis = 1} : (tensor<4x2x1xui2>, "
                    "tensor<1x1x4x2xf32>) -> tensor<4x4xf32>"),
            "its tables are not constant");
  EXPECT_EQ(explain("%w = compress.lookup_vectors %v, %t, %one {axis = 1} : (tensor<4x2x1xui2>, "
                    "tensor<1x1x4x2xf32>, tensor<f32>) -> tensor<4x4xf32>"),
            "its scales are not constant");
  EXPECT_EQ(explain("%s = compress.constant dense<0.5> : tensor<2x2xf32>\n"
                    "%w = compress.lookup_vectors %v, %t, %s {axis = 1, block = array<i64: 2, 2>} "
                    ": (tensor<4x2x1xui2>, tensor<1x1x4x2xf32>, tensor<2x2xf32>) -> "
                    "tensor<4x4xf32>"),
            "its scales are blocked along several dims");
  EXPECT_EQ(explain("%c = compress.constant dense<1> : tensor<4x2x1xui32>\n"
                    "%w = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x1xui32>, "
                    "tensor<1x1x4x2xf32>) -> tensor<4x4xf32>"),
            "its codes have more than 16 bits");
  EXPECT_EQ(explain("%b = compress.constant dense<15> : tensor<1xi8>\n"
                    "%k = compress.constant dense<1> : tensor<4xui2>\n"
                    "%c = compress.expand_bitmap %k, %b : (tensor<4xui2>, tensor<1xi8>) -> "
                    "tensor<4x2x1xui2>\n"
                    "%w = compress.lookup_vectors %c, %t {axis = 1} : (tensor<4x2x1xui2>, "
                    "tensor<1x1x4x2xf32>) -> tensor<4x4xf32>"),
            "its codes of vectors are not stored as they are");
}
