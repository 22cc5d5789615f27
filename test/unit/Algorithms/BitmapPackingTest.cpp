//===- BitmapPackingTest.cpp - compact storage of unstructured tensors ----===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitmapPacking.h"
#include "compress/Algorithms/BitPacking.h"
#include "gtest/gtest.h"
#include <cstring>
#include <random>
#include <vector>

using namespace mlir::compress;

using Bytes = std::vector<uint8_t>;

/// A mask whose kept elements are `share` of all.
static Bytes makeMask(uint64_t count, double share, unsigned seed) {
  std::mt19937 random(seed);
  Bytes mask(count);
  for (uint8_t &byte : mask)
    byte = std::uniform_real_distribution<>(0, 1)(random) < share;
  return mask;
}

TEST(BitmapPacking, LowBitsFirst) {
  Bytes mask = {1, 0, 0, 1, 0, 0, 0, 1, 0, 1};
  Bytes bitmap(getBitmapBytes(mask.size()), 0xff);
  packMask(mask.data(), mask.size(), bitmap.data());
  EXPECT_EQ(bitmap, (Bytes{0x89, 0x02}));
  Bytes back(mask.size(), 7);
  unpackMask(bitmap.data(), mask.size(), back.data());
  EXPECT_EQ(back, mask);
  EXPECT_EQ(countKeptOfMask(mask.data(), mask.size()), 4u);
  EXPECT_EQ(countKeptOfBitmap(bitmap.data(), mask.size()), 4u);
}

TEST(BitmapPacking, AnyByteButZeroIsKept) {
  Bytes mask = {0, 1, 2, 255};
  uint8_t bitmap = 0;
  packMask(mask.data(), mask.size(), &bitmap);
  EXPECT_EQ(bitmap, 0x0e);
}

TEST(BitmapPacking, BitsBeyondTheEnd) {
  Bytes bitmap = {0xff, 0xfe};
  // Bit 9 is the last of ten elements.
  EXPECT_EQ(countKeptOfBitmap(bitmap.data(), 10), 9u);
  EXPECT_FALSE(hasCleanEnd(bitmap.data(), 10));
  EXPECT_TRUE(hasCleanEnd(bitmap.data(), 16));
  bitmap[1] = 2;
  EXPECT_TRUE(hasCleanEnd(bitmap.data(), 10));
  // They are not written.
  bitmap[1] = 0xfe;
  Bytes kept = {1, 2, 3, 4, 5, 6, 7, 8, 9}, values(11, 99);
  EXPECT_EQ(expandBitmap(8, 10, kept.data(), kept.size(), bitmap.data(), 0, values.data()),
            std::nullopt);
  EXPECT_EQ(values, (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 99}));
}

TEST(BitmapPacking, WrongNumberOfElements) {
  Bytes mask = {1, 0, 1}, values = {1, 2, 3}, kept(8, 42);
  EXPECT_EQ(compactBitmap(8, 3, values.data(), mask.data(), 1, kept.data()), 2u);
  EXPECT_EQ(kept, Bytes(8, 42));
  uint8_t bitmap = 7;
  Bytes out(3, 42);
  EXPECT_EQ(expandBitmap(8, 3, kept.data(), 2, &bitmap, 0, out.data()), 3u);
  EXPECT_EQ(out, Bytes(3, 42));
}

TEST(BitmapPacking, PackedCodesOfEveryWidth) {
  for (unsigned bits = 1; bits <= 8; ++bits)
    for (uint64_t count : {0, 1, 7, 8, 9, 63, 64, 100, 4095, 4096, 4097, 10001})
      for (double share : {0.0, 0.5, 0.97, 1.0}) {
        Bytes mask = makeMask(count, share, count + bits), codes(count), expected(count);
        std::mt19937 random(count);
        uint8_t fill = 3 & ((1u << bits) - 1);
        for (uint64_t i = 0; i < count; ++i) {
          codes[i] = random() & ((1u << bits) - 1);
          expected[i] = mask[i] ? codes[i] : fill;
        }
        Bytes packed(getPackedBytes(count, bits)), bitmap(getBitmapBytes(count));
        packCodes(codes.data(), count, bits, packed.data());
        packMask(mask.data(), count, bitmap.data());
        uint64_t numKept = countKeptOfMask(mask.data(), count);
        EXPECT_EQ(countKeptOfBitmap(bitmap.data(), count), numKept);
        // One byte more shows what is written beyond the end.
        Bytes kept(getPackedBytes(numKept, bits) + 1, 0xaa);
        ASSERT_EQ(compactBitmap(bits, count, packed.data(), mask.data(), numKept, kept.data()),
                  std::nullopt);
        EXPECT_EQ(kept.back(), 0xaa);
        Bytes order(numKept);
        unpackCodes(kept.data(), 0, numKept, bits, false, order.data());
        uint64_t next = 0;
        for (uint64_t i = 0; i < count; ++i)
          if (mask[i])
            ASSERT_EQ(order[next++], codes[i]) << bits << " bits, element " << i;
        Bytes dense(packed.size() + 1, 0xaa), result(count);
        ASSERT_EQ(
            expandBitmap(bits, count, kept.data(), numKept, bitmap.data(), fill, dense.data()),
            std::nullopt);
        EXPECT_EQ(dense.back(), 0xaa);
        unpackCodes(dense.data(), 0, count, bits, false, result.data());
        ASSERT_EQ(result, expected) << bits << " bits, " << count << " elements";
      }
}

template <typename T>
static void checkWide() {
  for (uint64_t count : {0, 1, 8, 4096, 5003}) {
    Bytes mask = makeMask(count, 0.3, count);
    std::vector<T> values(count), expected(count);
    for (uint64_t i = 0; i < count; ++i) {
      values[i] = static_cast<T>((i + 1) * 0x9e3779b97f4a7c15ull);
      expected[i] = mask[i] ? values[i] : static_cast<T>(0);
    }
    // At an odd address.
    uint64_t numKept = countKeptOfMask(mask.data(), count);
    Bytes kept(numKept * sizeof(T) + 2, 0xaa), bitmap(getBitmapBytes(count));
    packMask(mask.data(), count, bitmap.data());
    ASSERT_EQ(
        compactBitmap(8 * sizeof(T), count, values.data(), mask.data(), numKept, kept.data() + 1),
        std::nullopt);
    EXPECT_EQ(kept.front(), 0xaa);
    EXPECT_EQ(kept.back(), 0xaa);
    std::vector<T> result(count, 1);
    ASSERT_EQ(expandBitmap(8 * sizeof(T), count, kept.data() + 1, numKept, bitmap.data(), 0,
                           result.data()),
              std::nullopt);
    EXPECT_EQ(result, expected);
  }
}

TEST(BitmapPacking, PlainValues) {
  checkWide<uint16_t>();
  checkWide<uint32_t>();
  checkWide<uint64_t>();
}
