//===- QuantizationTest.cpp - tests of encodings ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

#include "compress/Support/NumericFormats.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::SmallVector;

static constexpr double kInf = std::numeric_limits<double>::infinity();
static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(QuantizationTest, TiesGoToEven) {
  Tensor x = floats({6}, {2.5, 3.5, -2.5, -3.5, 0.5, -0.5}), one = floats({}, {1});
  expectInts(get(quantize(x, one, nullptr, {}, DataType::I8)), {6}, {2, 4, -2, -4, 0, 0});
  Tensor zero = ints({}, {3}, DataType::I8);
  // The zero point is added after rounding.
  expectInts(get(quantize(x, one, &zero, {}, DataType::I8)), {6}, {5, 7, 1, -1, 3, 3});
}

TEST(QuantizationTest, SaturatesAtBothEnds) {
  Tensor x = floats({5}, {1e30, -1e30, kInf, -kInf, kNan}), scale = floats({1}, {0.5});
  for (DataType type :
       {DataType::I2, DataType::I3, DataType::I4, DataType::I6, DataType::I8, DataType::I16,
        DataType::I32, DataType::U2, DataType::U4, DataType::U8, DataType::U16, DataType::U32}) {
    Tensor zero = ints({}, {1}, type);
    int64_t low = getMinInt(type), high = static_cast<int64_t>(getMaxInt(type));
    expectInts(get(quantize(x, scale, &zero, {}, type)), {5}, {high, low, high, low, 1});
  }
  EXPECT_NE(getError(quantize(x, scale, nullptr, {}, DataType::I64)).find("at most 32"),
            std::string::npos);
}

TEST(QuantizationTest, DividesInSinglePrecision) {
  // The quotient is just below 3.5 in double, and the tie itself in f32.
  ASSERT_EQ(0.35f / 0.1f, 3.5f);
  ASSERT_LT(double(0.35f) / double(0.1f), 3.5);
  Tensor x = floats({1}, {0.35f}), scale = floats({}, {0.1f});
  expectInts(get(quantize(x, scale, nullptr, {}, DataType::I8)), {1}, {4});
  // In f64 there is no tie.
  Tensor wide = floats({}, {0.1f}, DataType::F64);
  expectInts(get(quantize(x, wide, nullptr, {}, DataType::I8)), {1}, {3});
}

TEST(QuantizationTest, BlocksWithAShortLast) {
  Tensor x = floats({2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  Tensor scale = floats({2, 3}, {1, 2, 4, 1, 0.5, 10});
  Tensor q = get(quantize(x, scale, nullptr, {1, 2}, DataType::I8));
  expectInts(q, {2, 5}, {1, 2, 2, 2, 1, 6, 7, 16, 18, 1});
  expectFloats(get(dequantize(q, scale, nullptr, {1, 2})), {2, 5}, {1, 2, 4, 4, 4, 6, 7, 8, 9, 10});
  Tensor perRow = floats({2, 1}, {1, 2});
  expectInts(get(quantize(x, perRow, nullptr, {1, -1}, DataType::U4)), {2, 5},
             {1, 2, 3, 4, 5, 3, 4, 4, 4, 5});
  EXPECT_EQ(getError(quantize(x, scale, nullptr, {1, 3}, DataType::I8)),
            "quantize: scale has shape [2, 3], expected [2, 2]");
  EXPECT_NE(getError(quantize(x, scale, nullptr, {2}, DataType::I8)).find("one entry per dim"),
            std::string::npos);
  getError(quantize(x, scale, nullptr, {0, 2}, DataType::I8));
  getError(quantize(x, scale, nullptr, {}, DataType::I8));
  EXPECT_EQ(shapeToString(get(getBlockGrid({7, 172, 0}, {-1, 32, 4}))), "[1, 6, 0]");
  Tensor wrongZero = ints({2, 3}, {0, 0, 0, 0, 0, 0}, DataType::U8);
  getError(quantize(x, scale, &wrongZero, {1, 2}, DataType::I8));
}

TEST(QuantizationTest, DequantizeUndoesQuantizeOnTheGrid) {
  std::mt19937_64 random(41);
  for (DataType type : {DataType::I2, DataType::I4, DataType::I8, DataType::U3, DataType::U8,
                        DataType::I16, DataType::F8E4M3FN, DataType::F4E2M1FN}) {
    for (int i = 0; i < 10; ++i) {
      SmallVector<int64_t> shape = {static_cast<int64_t>(random() % 4),
                                    static_cast<int64_t>(random() % 9)};
      SmallVector<int64_t> block = {1, static_cast<int64_t>(random() % 4 + 1)};
      SmallVector<int64_t> grid = get(getBlockGrid(shape, block));
      Tensor scale = get(Tensor::create(DataType::F32, grid));
      for (int64_t k = 0; k < scale.getNumElements(); ++k)
        scale.storeFloat(k, std::ldexp(1.0, static_cast<int>(random() % 8) - 4));
      Tensor q = randomTensor(random, type, shape);
      Tensor zero = get(Tensor::create(type, grid));
      if (!isFloat(type))
        zero = randomTensor(random, type, grid);
      Tensor x = get(dequantize(q, scale, &zero, block));
      expectIdentical(get(quantize(x, scale, &zero, block, type)), q);
      expectIdentical(get(fakeQuantize(x, scale, &zero, block, type)), x);
    }
  }
}

TEST(QuantizationTest, FloatCodes) {
  Tensor x = floats({4}, {1000, -1000, 0.3, kNan}), scale = floats({}, {2});
  Tensor q = get(quantize(x, scale, nullptr, {}, DataType::F8E4M3FN));
  expectFloats(q, {4}, {448, -448, 0.15625, kNan});
  expectFloats(get(quantize(x, scale, nullptr, {}, DataType::F8E5M2, false)), {4},
               {512, -512, 0.15625, kNan});
  expectFloats(get(dequantize(q, scale, nullptr, {})), {4}, {896, -896, 0.3125, kNan});
  Tensor zero = floats({}, {1}, DataType::F8E4M3FN);
  EXPECT_NE(getError(dequantize(q, scale, &zero, {})).find("must be zero"), std::string::npos);
}

TEST(QuantizationTest, DequantizeTypes) {
  Tensor q = ints({2}, {127, -128}, DataType::I8), zero = ints({}, {-128}, DataType::I8);
  Tensor half = floats({}, {0.1}, DataType::F16);
  Tensor x = get(dequantize(q, half, &zero, {}));
  EXPECT_EQ(x.getType(), DataType::F16);
  double scale = half.getFloat({});
  expectFloats(x, {2}, {roundToType(DataType::F16, 255 * scale), 0});
  EXPECT_EQ(get(dequantize(q, half, nullptr, {}, DataType::F32)).getFloat({0}),
            static_cast<float>(127 * scale));
  Tensor bias = ints({1}, {16777217}, DataType::I32);
  expectFloats(get(dequantize(bias, floats({}, {1}), nullptr, {})), {1}, {16777216});
}

TEST(QuantizationTest, DynamicAsOnnx) {
  Tensor x = get(add(get(mul(pattern({2, 4}), floats({}, {3}))), floats({}, {1})));
  DynamicQuantizeResult r = get(dynamicQuantize(x, {}, DataType::U8, false));
  expectInts(r.q, {2, 4}, {24, 109, 194, 0, 85, 170, 255, 61});
  expectNear(r.scale, {}, {0.030882353}, 1e-9);
  expectInts(r.zeroPoint, {}, {89});
  DynamicQuantizeResult zeros = get(dynamicQuantize(floats({2}, {0, 0}), {}, DataType::U8, false));
  expectFloats(zeros.scale, {}, {1});
  expectInts(zeros.q, {2}, {0, 0});
  getError(dynamicQuantize(x, {}, DataType::U8, true));
}

TEST(QuantizationTest, DynamicSymmetricPerRow) {
  Tensor x = floats({3, 2}, {-254, 1, 0, 0, kNan, 127});
  DynamicQuantizeResult r = get(dynamicQuantize(x, {1, -1}, DataType::I8, true));
  expectFloats(r.scale, {3, 1}, {2, 1, 1});
  expectInts(r.zeroPoint, {3, 1}, {0, 0, 0});
  expectInts(r.q, {3, 2}, {-127, 0, 0, 0, 0, 127});
  DynamicQuantizeResult empty = get(dynamicQuantize(pattern({0, 2}), {1, -1}, DataType::I8, true));
  expectShape(empty.scale, {0, 1});
}

TEST(QuantizationTest, DynamicWithFourBits) {
  Tensor x = floats({3, 2}, {-14, 1, 0, 0, kNan, 7});
  DynamicQuantizeResult r = get(dynamicQuantize(x, {1, -1}, DataType::I4, true));
  expectFloats(r.scale, {3, 1}, {2, 1, 1});
  expectInts(r.zeroPoint, {3, 1}, {0, 0, 0});
  // Half of a step is rounded to even.
  expectInts(r.q, {3, 2}, {-7, 0, 0, 0, 0, 7});
  // -10 to 20 in steps of 2.
  DynamicQuantizeResult u =
      get(dynamicQuantize(floats({4}, {-10, 0, 20, 7}), {}, DataType::U4, false));
  expectFloats(u.scale, {}, {2});
  expectInts(u.zeroPoint, {}, {5});
  expectInts(u.q, {4}, {0, 5, 15, 9});
}

TEST(QuantizationTest, Lookup) {
  Tensor codes = ints({3}, {0, 3, 1}, DataType::U2);
  Tensor table = floats({4}, {-1, -0.25, 0.5, 1});
  expectFloats(get(lookup(codes, table)), {3}, {-1, 1, -0.25});
  // Signed codes are read by their bits.
  expectFloats(get(lookup(ints({2}, {-1, 1}, DataType::I2), table)), {2}, {1, -0.25});
  expectFloats(get(lookup(ints({2}, {1, 0}, DataType::Bool), floats({2}, {-1, 1}))), {2}, {1, -1});
  Tensor perBlock = floats({2, 2}, {1, 2, 3, 4});
  expectFloats(get(lookup(ints({4}, {0, 1, 0, 1}, DataType::U2), perBlock, {2})), {4},
               {1, 2, 3, 4});
  EXPECT_EQ(getError(lookup(codes, floats({3}, {1, 2, 3}))),
            "lookup: code 3 is outside a table of 3 entries");
  getError(lookup(codes, perBlock));
}

TEST(QuantizationTest, LookupWithScales) {
  Tensor codes = ints({2, 3}, {0, 1, 2, 3, 2, 1}, DataType::U2);
  Tensor table = floats({4}, {-1, 0, 0.5, 3});
  expectFloats(get(lookup(codes, table, floats({}, {2}), {})), {2, 3}, {-2, 0, 1, 6, 1, 0});
  // The second block of a row is short.
  Tensor scale = floats({2, 2}, {2, 4, 8, 16});
  expectFloats(get(lookup(codes, table, scale, {1, 2})), {2, 3}, {-2, 0, 2, 24, 4, 0});
  // f16: the product is rounded once.
  Tensor half = floats({2}, {1.0009765625, 3}, DataType::F16);
  expectFloats(get(lookup(ints({2}, {0, 1}, DataType::Bool), half,
                          floats({1}, {1.0009765625}, DataType::F16), {-1})),
               {2}, {1.001953125, 3.00390625});
  EXPECT_EQ(getError(lookup(codes, table, floats({}, {2}, DataType::F16), {})),
            "lookup: scale has type f16, expected f32");
  getError(lookup(codes, table, floats({2, 1}, {2, 4}), {1, 2}));
  getError(lookup(codes, ints({4}, {1, 2, 3, 4}), ints({}, {2}), {}));
}

TEST(QuantizationTest, FakeQuantizeWithATable) {
  // In any order; sorted -1, 0, 0.5, 2 with bounds -0.5, 0.25, 1.25.
  Tensor table = floats({4}, {0.5, -1, 2, 0});
  Tensor x = floats({8}, {-9, -0.5, -0.49, 0.25, 0.26, 1.25, 1.26, 9});
  expectFloats(get(fakeQuantizeTable(x, floats({}, {1}), table, {}, 4)), {8},
               {-1, -1, 0, 0, 0.5, 0.5, 2, 2});
  // Scales, also negative ones: x / -2 is 4.5, 0.25, 0.245, -0.125.
  expectFloats(get(fakeQuantizeTable(floats({4}, {-9, -0.5, -0.52, 0.25}), floats({1}, {-2}), table,
                                     {-1}, 4)),
               {4}, {-4, 0, -1, 0});
  // Only the first entries count.
  expectFloats(get(fakeQuantizeTable(x, floats({}, {1}), table, {}, 2)), {8},
               {-1, -1, -1, 0.5, 0.5, 0.5, 0.5, 0.5});
  // NaN is the first entry.
  expectFloats(get(fakeQuantizeTable(floats({1}, {NAN}), floats({}, {2}), table, {}, 4)), {1}, {1});
  EXPECT_EQ(getError(fakeQuantizeTable(x, floats({}, {1}), table, {}, 5)),
            "fake_quantize: table has shape [4], expected one dim of at least 5 entries");
}

TEST(QuantizationTest, FakeQuantizeSmallFloats) {
  // Largest values 6, 28 and 7.5; ties to even.
  Tensor x = floats({6}, {100, -100, 0.25, 0.75, 2.5, 5});
  Tensor one = floats({}, {1});
  expectFloats(get(fakeQuantize(x, one, nullptr, {}, DataType::F4E2M1FN)), {6},
               {6, -6, 0, 1, 2, 4});
  expectFloats(get(fakeQuantize(x, one, nullptr, {}, DataType::F6E3M2FN)), {6},
               {28, -28, 0.25, 0.75, 2.5, 5});
  expectFloats(get(fakeQuantize(x, one, nullptr, {}, DataType::F6E2M3FN)), {6},
               {7.5, -7.5, 0.25, 0.75, 2.5, 5});
  expectFloats(get(fakeQuantize(floats({2}, {1000, 17}), one, nullptr, {}, DataType::F8E4M3FN)),
               {2}, {448, 16});
}

TEST(QuantizationTest, Mask) {
  Tensor x = floats({2, 2}, {kNan, 1, 2, 3}), rows = ints({2, 1}, {0, 1}, DataType::Bool);
  expectFloats(get(mask(x, rows)), {2, 2}, {0, 0, 2, 3});
  getError(mask(x, x));
  getError(mask(x, ints({3}, {1, 1, 1}, DataType::Bool)));
}

TEST(QuantizationTest, NmSizes) {
  EXPECT_EQ(getNmPositionBits(1), 1u);
  EXPECT_EQ(getNmPositionBits(2), 1u);
  EXPECT_EQ(getNmPositionBits(4), 2u);
  EXPECT_EQ(getNmPositionBits(5), 3u);
  EXPECT_EQ(getNmPositionBits(8), 3u);
  EXPECT_EQ(getNmPositionBits(256), 8u);
  EXPECT_EQ(getNmCodeLength(10, 2, 4), 6);
  EXPECT_EQ(getNmCodeLength(9, 2, 4), 5);
  EXPECT_EQ(shapeToString(getNmMetaShape({3, 5}, 4)), "[3, 2]");
}

TEST(QuantizationTest, ExpandNmByHand) {
  // Groups of 4 of length 6: [_ 1 _ 2] [3 4].
  Tensor codes = ints({1, 4}, {1, 2, 3, 4}, DataType::I4);
  Tensor fill = ints({}, {-8}, DataType::I4);
  Tensor meta = ints({1, 1}, {0b01'00'11'01}, DataType::I8);
  expectInts(get(expandNm(codes, meta, 2, 4, 1, 6, fill)), {1, 6}, {-8, 1, -8, 2, 3, 4});
  auto run = [&](int64_t bits) {
    return expandNm(codes, ints({1, 1}, {bits}, DataType::I8), 2, 4, -1, 6, fill);
  };
  EXPECT_NE(getError(run(0b01'00'01'01)).find("does not increase"), std::string::npos);
  EXPECT_NE(getError(run(0b10'00'11'01)).find("position 2"), std::string::npos); // Short group.
  getError(expandNm(codes, meta, 2, 4, 1, 7 + 4, fill));
  getError(expandNm(codes, meta, 0, 4, 1, 6, fill));
  getError(expandNm(codes, meta, 5, 4, 1, 6, fill));
  getError(expandNm(codes, meta, 2, 4, 1, -1, fill));
  getError(expandNm(codes, meta, 2, 4, 2, 6, fill));
  getError(expandNm(codes, ints({1, 2}, {0, 0}, DataType::I8), 2, 4, 1, 6, fill));
  getError(expandNm(codes, meta, 2, 4, 1, 6, ints({}, {0}, DataType::I8)));
}

TEST(QuantizationTest, ExpandNmInvertsPacking) {
  std::mt19937_64 random(42);
  for (int i = 0; i < 100; ++i) {
    int64_t m = random() % 9 + 1, n = random() % m + 1, length = random() % 20;
    SmallVector<int64_t> shape = {static_cast<int64_t>(random() % 3), length,
                                  static_cast<int64_t>(random() % 6)};
    int64_t axis = 1 + static_cast<int64_t>(random() % 2);
    if (axis == 2)
      std::swap(shape[1], shape[2]);
    DataType type = i % 2 ? DataType::I4 : DataType::F32;
    SmallVector<int64_t> codesShape(shape);
    codesShape[axis] = getNmCodeLength(length, n, m);
    Tensor codes = randomTensor(random, type, codesShape);
    SmallVector<int64_t> metaShape = getNmMetaShape(codesShape, m);
    SmallVector<char> meta(get(countElements(metaShape)), 0);
    Tensor fill = Tensor::scalar(type, 1);
    Tensor expected = get(Tensor::create(type, shape));
    for (int64_t k = 0; k < expected.getNumElements(); ++k)
      expected.storeFloat(k, 1);
    // For every row along the axis and group, keep random positions.
    unsigned bits = getNmPositionBits(m);
    SmallVector<int64_t> rows(shape);
    rows[axis] = 1;
    forEachIndex(rows, [&](llvm::ArrayRef<int64_t> row) {
      for (int64_t first = 0; first < length; first += m) {
        SmallVector<int64_t> kept;
        for (int64_t p = 0; p < std::min(m, length - first); ++p)
          kept.push_back(p);
        while (static_cast<int64_t>(kept.size()) > n)
          kept.erase(kept.begin() + random() % kept.size());
        for (size_t k = 0; k < kept.size(); ++k) {
          SmallVector<int64_t> at(row), from(row);
          at[axis] = first + kept[k];
          from[axis] = first / m * n + static_cast<int64_t>(k);
          expected.copySlot(expected.getSlot(at), codes, codes.getSlot(from));
          int64_t metaRow = from[0] * codesShape[1] + from[1];
          writeBits(meta, metaRow * metaShape.back() * 8 + from[2] * bits, bits,
                    static_cast<unsigned>(kept[k]));
        }
      }
    });
    Tensor packed = get(Tensor::fromPacked(DataType::I8, metaShape, meta));
    expectIdentical(get(expandNm(codes, packed, n, m, axis, length, fill)), expected);
  }
}

TEST(QuantizationTest, ExpandBitmap) {
  Tensor codes = ints({3}, {5, 6, 7}, DataType::I4), fill = ints({}, {0}, DataType::I4);
  Tensor bitmap = ints({2}, {0b10000010, 0b1}, DataType::I8);
  expectInts(get(expandBitmap(codes, bitmap, {3, 3}, fill)), {3, 3}, {0, 5, 0, 0, 0, 0, 0, 6, 7});
  EXPECT_EQ(getError(expandBitmap(codes, ints({2}, {0b10, 0b1}, DataType::U8), {3, 3}, fill)),
            "expand_bitmap: the bitmap keeps 2 elements, found 3 codes");
  getError(expandBitmap(codes, ints({2}, {-1, 0}, DataType::I8), {3, 3}, fill));
  getError(expandBitmap(codes, ints({1}, {7}, DataType::I8), {3, 3}, fill));
  getError(expandBitmap(codes, bitmap, {-3, 3}, fill));
  expectShape(
      get(expandBitmap(ints({0}, {}, DataType::I4), ints({0}, {}, DataType::I8), {0, 3}, fill)),
      {0, 3});
}
