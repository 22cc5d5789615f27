//===- TensorTest.cpp - tests of strided tensors ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::SmallVector;

static const DataType kNumericTypes[] = {
    DataType::F64,      DataType::F32,    DataType::F16,       DataType::BF16,
    DataType::F8E4M3FN, DataType::F8E5M2, DataType::F8E8M0FNU, DataType::F6E2M3FN,
    DataType::F4E2M1FN, DataType::I64,    DataType::I32,       DataType::I16,
    DataType::I8,       DataType::I6,     DataType::I4,        DataType::I3,
    DataType::I2,       DataType::U64,    DataType::U32,       DataType::U16,
    DataType::U8,       DataType::U6,     DataType::U4,        DataType::U3,
    DataType::U2,       DataType::Bool,   DataType::Complex64, DataType::Complex128};

TEST(TensorTest, PackedRoundTripOfEveryType) {
  std::mt19937_64 random(1);
  for (DataType type : kNumericTypes)
    for (int64_t count : {0, 1, 3, 7, 8, 13}) {
      size_t bytes = *getStorageBytes(type, count);
      SmallVector<char> packed(bytes);
      for (char &byte : packed)
        byte = static_cast<char>(type == DataType::Bool ? random() & 1 : random());
      // Zero the padding bits of the last byte.
      if (uint64_t used = count * getStorageBitWidth(type) % 8)
        packed.back() &= static_cast<char>((1 << used) - 1);
      Tensor x = get(Tensor::fromPacked(type, {count}, packed));
      SmallVector<char, 0> back = get(x.toPacked());
      EXPECT_EQ(llvm::StringRef(back.data(), back.size()),
                llvm::StringRef(packed.data(), packed.size()))
          << getName(type).str() << " " << count;
    }
}

TEST(TensorTest, PackedNibblesAndSigns) {
  char bytes[] = {static_cast<char>(0xF5), 0x08};
  Tensor x = get(Tensor::fromPacked(DataType::I4, {3}, bytes));
  expectInts(x, {3}, {5, -1, -8});
  expectInts(get(Tensor::fromPacked(DataType::U4, {3}, bytes)), {3}, {5, 15, 8});
  expectFloats(get(Tensor::fromPacked(DataType::F4E2M1FN, {3}, bytes)), {3}, {3, -6, -0.0});
  EXPECT_NE(getError(Tensor::fromPacked(DataType::I4, {5}, bytes)).find("takes 3 bytes, found 2"),
            std::string::npos);
}

TEST(TensorTest, HostileShapes) {
  EXPECT_NE(getError(Tensor::create(DataType::I8, {99999999999, 99999999999})).find("63 bits"),
            std::string::npos);
  EXPECT_NE(getError(Tensor::create(DataType::F32, {1 << 28, 2})).find("exceeds the limit"),
            std::string::npos);
  EXPECT_NE(getError(Tensor::create(DataType::F32, {2, -1})).find("non-negative"),
            std::string::npos);
  EXPECT_EQ(get(countElements({99999999999, 99999999999, 0})), 0);
  EXPECT_EQ(get(Tensor::create(DataType::F32, {0, 99999999999})).getNumElements(), 0);
  Tensor one = Tensor::scalar(DataType::F32, 1);
  EXPECT_NE(getError(one.broadcastTo({1 << 20, 1 << 20})).find("limit"), std::string::npos);
}

TEST(TensorTest, Views) {
  Tensor x = ints({2, 3}, {0, 1, 2, 3, 4, 5}, DataType::I32);
  Tensor t = get(x.transpose({1, 0}));
  expectInts(t, {3, 2}, {0, 3, 1, 4, 2, 5});
  EXPECT_FALSE(t.isContiguous());
  expectInts(get(t.reshape({6})), {6}, {0, 3, 1, 4, 2, 5});
  expectInts(get(x.slice({1, 2}, {2, 2}, {-1, -2})), {2, 2}, {5, 3, 2, 0});
  expectInts(get(get(x.slice({0, 1}, {2, 1}, {1, 1})).broadcastTo({2, 2, 2})), {2, 2, 2},
             {1, 1, 4, 4, 1, 1, 4, 4});
  // Views share the buffer, clones do not.
  Tensor copy = get(x.clone());
  t.setInt({2, 1}, 50);
  EXPECT_EQ(x.getInt({1, 2}), 50);
  EXPECT_EQ(copy.getInt({1, 2}), 5);
  getError(x.slice({0, 2}, {2, 2}, {1, 1}));
  getError(x.slice({0, 0}, {2, 3}, {1, 0}));
  getError(x.transpose({0, 0}));
  getError(x.reshape({4}));
  getError(x.broadcastTo({3, 3}));
  // An empty slice of anything is fine, and so is a huge step of one element.
  expectInts(get(x.slice({0, 9}, {2, 0}, {1, 1})), {2, 0}, {});
  expectInts(get(x.slice({1, 2}, {1, 1}, {INT64_MIN, INT64_MAX})), {1, 1}, {50});
}

TEST(TensorTest, TransposeTwiceIsIdentity) {
  std::mt19937_64 random(2);
  for (DataType type : kNumericTypes) {
    if (getClass(type) == DataTypeClass::Complex)
      continue;
    SmallVector<int64_t> shape = randomShape(random, 4);
    Tensor x = randomTensor(random, type, shape);
    Tensor y = get(transpose(x, {2, 0, 3, 1}));
    expectIdentical(get(transpose(y, {1, 3, 0, 2})), x);
  }
}

TEST(TensorTest, Strings) {
  Tensor x = get(Tensor::fromStrings({2, 2}, {"a", "bb", "", "d"}));
  Tensor y = get(transpose(x, {1, 0}));
  EXPECT_EQ(y.getString({0, 1}), "");
  EXPECT_EQ(y.getString({1, 0}), "bb");
  EXPECT_NE(getError(x.toPacked()).find("string"), std::string::npos);
}

TEST(TensorTest, NumbersAreRoundedOrWrapped) {
  Tensor x = ints({3}, {300, -1, 127}, DataType::I8);
  expectInts(x, {3}, {44, -1, 127});
  Tensor u = ints({1}, {-1}, DataType::U64);
  EXPECT_EQ(u.getFloat({0}), 0x1p64);
  Tensor h = floats({2}, {1.0 + 0x1p-12, 1e6}, DataType::F16);
  EXPECT_EQ(h.getFloat({0}), 1.0);
  EXPECT_TRUE(std::isinf(h.getFloat({1})));
  // An integer is rounded to f32 once.
  Tensor f = ints({1}, {(int64_t(1) << 54) + (int64_t(1) << 30) + 1}, DataType::F32);
  EXPECT_EQ(f.getFloat({0}), 0x1p54 + 0x1p31);
}
