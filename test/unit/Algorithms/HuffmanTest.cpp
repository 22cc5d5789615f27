//===- HuffmanTest.cpp - length-limited prefix codes ----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Huffman.h"
#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"
#include <cmath>
#include <queue>
#include <random>

using namespace mlir::compress;

using Counts = std::vector<uint64_t>;

/// Bits of Huffman's code, from its definition: the sum of all merged pairs.
static uint64_t getHuffmanBits(const Counts &counts) {
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> queue;
  for (uint64_t count : counts)
    if (count)
      queue.push(count);
  uint64_t bits = 0;
  while (queue.size() > 1) {
    uint64_t sum = queue.top();
    queue.pop();
    sum += queue.top();
    queue.pop();
    queue.push(sum);
    bits += sum;
  }
  return bits;
}

static double getEntropyBits(const Counts &counts) {
  double sum = 0, bits = 0;
  for (uint64_t count : counts)
    sum += static_cast<double>(count);
  for (uint64_t count : counts)
    if (count)
      bits += static_cast<double>(count) * std::log2(sum / static_cast<double>(count));
  return bits;
}

/// Sum of 2^-length times 2^16.
static uint64_t getKraftSum(const HuffmanCode &code) {
  uint64_t sum = 0;
  for (uint8_t length : code.lengths)
    sum += length ? 1u << (kMaxHuffmanLength - length) : 0;
  return sum;
}

/// Counts of many shapes.
static std::vector<Counts> makeDistributions() {
  std::vector<Counts> all = {{3, 5}, {1, 1}, {0, 9, 0, 4}, {1, 1, 1}, {8, 4, 2, 1, 1}};
  std::mt19937_64 random(7);
  for (size_t size : {5, 16, 255, 256, 1000, 4097}) {
    Counts uniform(size, 10), sparse(size, 0), geometric(size), skewed(size);
    for (size_t i = 0; i < size; ++i) {
      sparse[i] = random() % 3 == 0 ? random() % 1000 + 1 : 0;
      geometric[i] = 1 + (uint64_t(1) << 40 >> std::min<size_t>(i, 40));
      skewed[i] = random() % (1 + i * i);
    }
    sparse[0] = sparse[size - 1] = 1;
    all.insert(all.end(), {uniform, sparse, geometric, skewed});
  }
  return all;
}

TEST(Huffman, KnownLengths) {
  HuffmanCode code = makeHuffmanCode({45, 13, 12, 16, 9, 5});
  EXPECT_EQ(code.lengths, (std::vector<uint8_t>{1, 3, 3, 3, 4, 4}));
  // 0, 100, 101, 110, 1110, 1111.
  EXPECT_EQ(code.codes, (std::vector<uint16_t>{0, 4, 5, 6, 14, 15}));
  EXPECT_EQ(code.getBits({45, 13, 12, 16, 9, 5}), 224u);
  // 5 bits for the longest of 4, 3 for each.
  EXPECT_EQ(code.getDescriptionBits(), 23u);
}

TEST(Huffman, OneSymbolTakesNoBits) {
  HuffmanCode code = makeHuffmanCode({0, 0, 77, 0});
  EXPECT_EQ(code.only, 2u);
  EXPECT_EQ(code.getMaxLength(), 0u);
  EXPECT_EQ(code.getBits({0, 0, 77, 0}), 0u);
  EXPECT_EQ(code.getDescriptionBits(), 21u);
  HuffmanDecoder decoder(code);
  std::string bytes = "\xff\xff";
  BitReader reader(bytes);
  EXPECT_EQ(decoder.decode(reader), 2u);
  EXPECT_EQ(reader.getPosition(), 0u);
}

TEST(Huffman, TwoSymbolsTakeOneBit) {
  HuffmanCode code = makeHuffmanCode({1000000, 0, 1});
  EXPECT_EQ(code.lengths, (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(code.codes, (std::vector<uint16_t>{0, 0, 1}));
}

TEST(Huffman, EntropyBounds) {
  for (const Counts &counts : makeDistributions()) {
    uint64_t sum = 0, best = getHuffmanBits(counts);
    for (uint64_t count : counts)
      sum += count;
    HuffmanCode code = makeHuffmanCode(counts);
    EXPECT_EQ(getKraftSum(code), 65536u);
    EXPECT_LE(code.getMaxLength(), kMaxHuffmanLength);
    auto bits = static_cast<double>(code.getBits(counts));
    EXPECT_GE(bits, getEntropyBits(counts) * (1 - 1e-12));
    EXPECT_LT(bits, getEntropyBits(counts) + static_cast<double>(sum));
    // Optimal where the limit does not bind, which is where no code is as long as the limit.
    EXPECT_GE(code.getBits(counts), best);
    if (code.getMaxLength() < kMaxHuffmanLength) {
      EXPECT_EQ(code.getBits(counts), best);
    }
  }
}

/// The least sum of count * length over all complete codes of at most `maxLength` bits, by trying
/// every split of the Kraft sum.
static uint64_t findBest(const Counts &descending, size_t i, uint64_t room, unsigned maxLength) {
  if (i == descending.size())
    return 0;
  uint64_t best = UINT64_MAX / 2;
  for (unsigned length = 1; length <= maxLength; ++length) {
    uint64_t share = uint64_t(1) << (maxLength - length);
    // What follows takes at least 1 each.
    if (share + (descending.size() - i - 1) <= room)
      best = std::min(best, descending[i] * length +
                                findBest(descending, i + 1, room - share, maxLength));
  }
  return best;
}

TEST(Huffman, LimitedLengthsAreOptimal) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 60; ++trial) {
    Counts counts(2 + random() % 6);
    for (uint64_t &count : counts)
      count = 1 + (uint64_t(1) << (random() % 12));
    llvm::sort(counts, std::greater<>());
    for (unsigned limit = 3; limit <= 5; ++limit) {
      if (counts.size() > (1u << limit))
        continue;
      HuffmanCode code = makeHuffmanCode(counts, limit);
      EXPECT_LE(code.getMaxLength(), limit);
      EXPECT_EQ(getKraftSum(code), 65536u);
      EXPECT_EQ(code.getBits(counts), findBest(counts, 0, uint64_t(1) << limit, limit));
    }
  }
}

TEST(Huffman, FibonacciNeedsTheLimit) {
  // Huffman's code for these has 39 bits.
  Counts counts = {1, 1};
  while (counts.size() < 40)
    counts.push_back(counts.back() + counts[counts.size() - 2]);
  HuffmanCode code = makeHuffmanCode(counts);
  EXPECT_EQ(code.getMaxLength(), kMaxHuffmanLength);
  EXPECT_EQ(getKraftSum(code), 65536u);
  EXPECT_GT(code.getBits(counts), getHuffmanBits(counts));
  EXPECT_LT(code.getBits(counts), getHuffmanBits(counts) * 1.001);
  // The smallest limit leaves one length only.
  counts.resize(32);
  EXPECT_EQ(makeHuffmanCode(counts, 5).lengths, std::vector<uint8_t>(32, 5));
}

/// Codes, describes, reads and decodes symbols drawn from `counts`.
static void checkRoundTrip(const Counts &counts, unsigned maxLength, size_t numDrawn) {
  std::mt19937_64 random(11);
  std::vector<uint32_t> symbols;
  std::vector<double> weights(counts.begin(), counts.end());
  std::discrete_distribution<uint32_t> draw(weights.begin(), weights.end());
  for (size_t i = 0; i < numDrawn; ++i)
    symbols.push_back(draw(random));
  for (auto [symbol, count] : llvm::enumerate(counts))
    if (count)
      symbols.push_back(static_cast<uint32_t>(symbol));
  HuffmanCode code = makeHuffmanCode(counts, maxLength);

  BitWriter writer;
  writer.write(5, 3);
  writeHuffmanCode(writer, code);
  EXPECT_EQ(writer.getPosition(), 3 + code.getDescriptionBits());
  uint64_t begin = writer.getPosition(), bits = 0;
  for (uint32_t symbol : symbols) {
    writer.write(code.codes[symbol], code.lengths[symbol]);
    bits += code.lengths[symbol];
  }
  EXPECT_EQ(writer.getPosition(), begin + bits);
  std::string bytes = writer.finish();
  EXPECT_EQ(bytes.size(), (begin + bits + 7) / 8);

  BitReader reader(bytes);
  EXPECT_EQ(reader.read(3), 5u);
  auto read = readHuffmanCode(reader, counts.size(), 8 * bytes.size());
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->lengths, code.lengths);
  EXPECT_EQ(read->codes, code.codes);
  EXPECT_EQ(read->only, code.only);
  HuffmanDecoder decoder(*read);
  // From any bit on.
  BitReader middle(bytes, begin);
  size_t wrong = 0;
  for (uint32_t symbol : symbols) {
    reader.refill();
    middle.refill();
    wrong += decoder.decode(reader) != symbol;
    wrong += decoder.decode(middle) != symbol;
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(reader.getPosition(), begin + bits);
  EXPECT_EQ(middle.getPosition(), begin + bits);
}

TEST(Huffman, RoundTrips) {
  for (const Counts &counts : makeDistributions())
    checkRoundTrip(counts, kMaxHuffmanLength, 2000);
  checkRoundTrip({0, 0, 5}, kMaxHuffmanLength, 10);
  checkRoundTrip({5}, kMaxHuffmanLength, 10);
  checkRoundTrip({100, 1, 1, 1, 50, 1}, 3, 1000);
}

TEST(Huffman, SixtyFiveThousandSymbols) {
  checkRoundTrip(Counts(65536, 1), kMaxHuffmanLength, 1000);
  Counts counts(65536);
  for (size_t i = 0; i < counts.size(); ++i)
    counts[i] = 1 + 100000000 / (1 + i * i);
  // Only one code has 65536 symbols of at most 16 bits.
  EXPECT_EQ(makeHuffmanCode(counts).lengths, std::vector<uint8_t>(65536, 16));
  counts[65535] = 0;
  checkRoundTrip(counts, kMaxHuffmanLength, 20000);
  counts.resize(30000);
  EXPECT_LT(makeHuffmanCode(counts).lengths[0], 3);
  checkRoundTrip(counts, kMaxHuffmanLength, 20000);
}

TEST(Huffman, BadDescriptions) {
  auto read = [](std::vector<std::pair<uint32_t, unsigned>> fields, size_t numSymbols) {
    BitWriter writer;
    for (auto [bits, count] : fields)
      writer.write(bits, count);
    uint64_t limit = writer.getPosition();
    std::string bytes = writer.finish();
    BitReader reader(bytes);
    auto code = readHuffmanCode(reader, numSymbols, limit);
    return code ? std::string() : llvm::toString(code.takeError());
  };
  EXPECT_EQ(read({{2, 5}, {1, 2}, {2, 2}, {2, 2}}, 3), "");
  EXPECT_EQ(read({{17, 5}, {0, 32}}, 3), "expected codes of at most 16 bits, found 17");
  EXPECT_EQ(read({{0, 5}, {3, 16}}, 3), "expected one of 3 symbols, found 3");
  EXPECT_EQ(read({{0, 5}, {2, 15}}, 3), "the lengths of the codes of 3 symbols are cut off");
  EXPECT_EQ(read({{2, 5}, {1, 2}, {2, 2}}, 3), "the lengths of the codes of 3 symbols are cut off");
  EXPECT_EQ(read({{2, 5}, {3, 2}, {2, 2}, {2, 2}}, 3), "expected codes of at most 2 bits, found 3");
  const char *incomplete = "the lengths of the codes are those of no complete prefix code";
  EXPECT_EQ(read({{2, 5}, {2, 2}, {2, 2}, {2, 2}}, 3), incomplete);
  EXPECT_EQ(read({{2, 5}, {1, 2}, {1, 2}, {2, 2}}, 3), incomplete);
  // A longest length that does not occur.
  EXPECT_EQ(read({{3, 5}, {1, 2}, {2, 2}, {2, 2}}, 3), incomplete);
  EXPECT_EQ(read({}, 3), "the lengths of the codes of 3 symbols are cut off");
}
