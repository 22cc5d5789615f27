//===- BlobCodecTest.cpp - lossless storage of compressed weights ---------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BlobCodec.h"
#include "compress/Algorithms/SparseCodes.h"
#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"
#include <cstring>
#include <map>
#include <random>

using namespace mlir::compress;

using Bytes = std::vector<char>;

/// Decodes into memory of exactly the size; the message if that fails.
static std::string decode(llvm::ArrayRef<char> encoded, Bytes &out) {
  llvm::Expected<BlobDecoder> decoder = BlobDecoder::create(encoded);
  if (!decoder)
    return llvm::toString(decoder.takeError());
  if (decoder->getSize() > (size_t(1) << 28))
    return "too big for a test";
  out.assign(decoder->getSize(), 'x');
  llvm::MutableArrayRef<char> output(out);
  return llvm::toString(decodeBlobs(*decoder, output, serialFor));
}

/// Elements of `width` bytes: `share` of them one of `numValues` random values, the others `zero`.
static Bytes makeElements(uint64_t count, unsigned width, double share, unsigned numValues,
                          uint32_t zero = 0, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<uint32_t> values(numValues);
  for (uint32_t &value : values)
    value = random();
  Bytes bytes(count * width);
  for (uint64_t i = 0; i < count; ++i) {
    bool isValue = std::uniform_real_distribution<>(0, 1)(random) < share;
    // The product makes some values much more frequent.
    uint32_t value =
        isValue ? values[uint64_t(random() % numValues) * (random() % 8) / 7 % numValues] : zero;
    std::memcpy(&bytes[i * width], &value, width);
  }
  return bytes;
}

/// Checks that a blob comes back, and that the estimate is exact; gives the estimate.
static BlobEstimate check(const Bytes &bytes, unsigned width = 0) {
  BlobEstimate estimate = estimateBlob(bytes, width);
  EXPECT_EQ(estimateEncodedSize(bytes, width), estimate.bytes);
  std::optional<std::string> encoded = encodeBlob(bytes, width);
  EXPECT_EQ(encoded.has_value(), estimate.form != BlobForm::Raw);
  if (!encoded) {
    EXPECT_EQ(estimate.bytes, bytes.size());
    return estimate;
  }
  EXPECT_EQ(encoded->size(), estimate.bytes);
  EXPECT_LT(encoded->size(), bytes.size());
  Bytes back;
  EXPECT_EQ(decode(*encoded, back), "");
  EXPECT_TRUE(back == bytes);
  return estimate;
}

TEST(BlobCodec, FormsAndWidths) {
  for (unsigned width : {1, 2, 4}) {
    BlobEstimate dense = check(makeElements(70000, width, 1, 16), width);
    EXPECT_EQ(dense.form, BlobForm::Codes);
    EXPECT_EQ(dense.width, width);
    EXPECT_LE(dense.values, 16u);
    // At most 4 bits for each.
    EXPECT_LT(dense.bytes, 70000 / 2 + 32 + 16 * width + 8 + 16);
    BlobEstimate sparse = check(makeElements(70000, width, 0.1, 16), width);
    EXPECT_EQ(sparse.form, BlobForm::Sparse);
    EXPECT_LT(sparse.bytes, dense.bytes / 3);
    EXPECT_GT(sparse.zeros, 62000u);
  }
  EXPECT_EQ(check(makeElements(70000, 4, 1, 16)).width, 4u);
  EXPECT_EQ(check(makeElements(70000, 1, 1, 16)).width, 1u);
  EXPECT_EQ(check(makeElements(70000, 2, 1, 200)).width, 2u);
}

TEST(BlobCodec, AllSizes) {
  Bytes all = makeElements(66000, 4, 0.3, 5);
  for (size_t size = 0; size < 300; ++size)
    check(Bytes(all.begin(), all.begin() + size));
  // Chunks have 65536 elements.
  for (unsigned width : {1, 2, 4})
    for (int64_t more = -5; more <= 5; ++more)
      for (double share : {0.2, 1.0}) {
        Bytes bytes = makeElements(65540, width, share, 5);
        bytes.resize(65536 * width + more);
        EXPECT_NE(check(bytes, width).form, BlobForm::Raw);
      }
}

TEST(BlobCodec, WhatDoesNotGetSmallerStaysRaw) {
  std::mt19937 random(2);
  Bytes noise(100000);
  for (char &byte : noise)
    byte = static_cast<char>(random());
  for (unsigned width : {0, 1, 2, 4})
    EXPECT_EQ(check(noise, width).form, BlobForm::Raw);
  EXPECT_EQ(check({}).form, BlobForm::Raw);
  EXPECT_EQ(check(Bytes(32, 0)).form, BlobForm::Raw);
  // Header, one value, one chunk, 21 bits for the code.
  EXPECT_EQ(check(Bytes(41, 0)).bytes, 40u);
  EXPECT_EQ(check(Bytes(40, 0)).form, BlobForm::Raw);
}

TEST(BlobCodec, OneValue) {
  BlobEstimate estimate = check(Bytes(1 << 20, 7));
  EXPECT_EQ(estimate.form, BlobForm::Codes);
  EXPECT_EQ(estimate.values, 1u);
  // 4 chunks of elements of 4 bytes.
  EXPECT_EQ(estimate.bytes, 32u + 4 + 4 * 4 + 3);
}

TEST(BlobCodec, ManyValues) {
  // 40000 values, most of them rare.
  Bytes bytes;
  auto append = [&](uint32_t value) {
    bytes.insert(bytes.end(), reinterpret_cast<char *>(&value),
                 reinterpret_cast<char *>(&value) + 4);
  };
  for (uint32_t i = 0; i < 300000; ++i)
    append(i % 5 ? i % 7 : (i / 5 % 40000) * 0x10001 + 1000000);
  BlobEstimate estimate = check(bytes, 4);
  EXPECT_NE(estimate.form, BlobForm::Raw);
  EXPECT_EQ(estimate.values, 40007u);
  // 65536 values are coded, 65537 are not.
  bytes.clear();
  for (uint32_t i = 0; i < 65536 * 4; ++i)
    append((i % 65536) * 3);
  estimate = check(bytes, 4);
  EXPECT_EQ(estimate.values, 65536u);
  EXPECT_EQ(estimate.bytes, 32 + 65536 * 4 + 4 * 4 + (5 + 65536 * 5 + 65536 * 4 * 16 + 7) / 8);
  append(1);
  EXPECT_EQ(check(bytes, 4).form, BlobForm::Raw);
}

TEST(BlobCodec, TheZeroIsTheMostFrequentValue) {
  // Not the number 0, and no zeros at the end of chunks.
  Bytes bytes = makeElements(200000, 4, 0.05, 3, 0x3f800000);
  BlobEstimate estimate = check(bytes, 4);
  EXPECT_EQ(estimate.form, BlobForm::Sparse);
  EXPECT_EQ(estimate.values, 4u);
  // A wide index for rare entries, a narrower one for many; of equal ones the narrowest.
  EXPECT_EQ(check(makeElements(200000, 1, 0.003, 3), 1).indexBits, 8u);
  EXPECT_EQ(check(makeElements(200000, 1, 0.3, 99), 1).indexBits, 5u);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i % 13 ? 0 : i / 13 % 250 + 1);
  estimate = check(bytes, 1);
  EXPECT_EQ(estimate.indexBits, 4u);
  EXPECT_EQ(estimate.paddings, 0u);
}

/// The formula at the top of the header, from the elements.
static uint64_t computeSparseBytes(const Bytes &bytes, unsigned indexBits) {
  std::map<uint32_t, uint64_t> values;
  for (char byte : bytes)
    ++values[static_cast<uint8_t>(byte)];
  uint32_t zero = 0;
  for (auto [value, count] : values)
    zero = count > values[zero] ? value : zero;
  uint64_t numValues = values.size();
  for (auto &entry : values)
    entry.second = 0;
  std::vector<uint64_t> steps(size_t(1) << indexBits), counts;
  uint64_t chunks = (bytes.size() + 65535) / 65536;
  for (uint64_t begin = 0; begin < bytes.size(); begin += 65536) {
    llvm::ArrayRef<char> chunk = llvm::ArrayRef<char>(bytes).slice(begin).take_front(65536);
    forEachSparseEntry(chunk, static_cast<char>(zero), indexBits, [&](uint32_t step, char code) {
      ++steps[step];
      ++values[static_cast<uint8_t>(code)];
    });
  }
  for (auto [value, count] : values)
    counts.push_back(count);
  HuffmanCode code = makeHuffmanCode(counts), index = makeHuffmanCode(steps);
  uint64_t bits = 8 * (32 + numValues + 8 * chunks) + code.getDescriptionBits() +
                  index.getDescriptionBits() + code.getBits(counts) + index.getBits(steps);
  return (bits + 7) / 8;
}

TEST(BlobCodec, SizeFormula) {
  for (double share : {0.01, 0.1, 0.33}) {
    Bytes bytes = makeElements(150001, 1, share, 40);
    uint64_t best = UINT64_MAX;
    for (unsigned bits : {4, 5, 8})
      best = std::min(best, computeSparseBytes(bytes, bits));
    EXPECT_EQ(check(bytes, 1).bytes, best);
  }
  // Codes: two values of one bit each; three of 1, 2 and 2 bits.
  std::mt19937 random(4);
  Bytes bytes(8000);
  for (char &byte : bytes)
    byte = random() % 2 != 0;
  EXPECT_EQ(check(bytes, 1).bytes, 32 + 2 + 4 + (5 + 2 * 1 + 8000 + 7) / 8u);
  uint64_t zeros = 0;
  for (char &byte : bytes) {
    byte = static_cast<char>(std::max(static_cast<int>(random() % 4) - 1, 0));
    zeros += byte == 0;
  }
  EXPECT_EQ(check(bytes, 1).bytes, 32 + 3 + 4 + (5 + 3 * 2 + 16000 - zeros + 7) / 8u);
}

TEST(BlobCodec, PrunedPaletteIsNearItsEntropy) {
  // A third of the elements, 256 values: as in the paper's networks.
  Bytes bytes = makeElements(1000000, 4, 1. / 3, 256);
  BlobEstimate estimate = check(bytes, 4);
  EXPECT_EQ(estimate.form, BlobForm::Sparse);
  EXPECT_EQ(estimate.indexBits, 5u);
  EXPECT_GT(4e6 / static_cast<double>(estimate.bytes), 8);
}

TEST(BlobCodec, SeveralBlobsInParallel) {
  std::vector<Bytes> blobs = {makeElements(300000, 4, 0.3, 9), makeElements(50, 4, 0, 9),
                              makeElements(100001, 1, 1, 9)};
  std::vector<std::string> encoded;
  std::vector<BlobDecoder> decoders;
  std::vector<Bytes> back;
  std::vector<llvm::MutableArrayRef<char>> outputs;
  for (const Bytes &blob : blobs)
    encoded.push_back(encodeBlob(blob).value());
  for (auto [blob, text] : llvm::zip_equal(blobs, encoded)) {
    decoders.push_back(llvm::cantFail(BlobDecoder::create(text)));
    back.emplace_back(blob.size());
  }
  for (Bytes &bytes : back)
    outputs.emplace_back(bytes);
  // Any order of the chunks.
  auto backwards = [](size_t n, llvm::function_ref<void(size_t)> body) {
    while (n-- > 0)
      body(n);
  };
  EXPECT_EQ(llvm::toString(decodeBlobs(decoders, outputs, backwards)), "");
  EXPECT_TRUE(back == blobs);
  // Damage is found, and the blob is named.
  encoded[2].back() ^= 0x40;
  EXPECT_NE(llvm::toString(decodeBlobs(decoders, outputs, serialFor)).find("blob 2: "),
            std::string::npos);
}

//===----------------------------------------------------------------------===//
// Damage
//===----------------------------------------------------------------------===//

/// Small blobs of all forms.
static std::vector<Bytes> makeSmall() {
  return {makeElements(400, 4, 0.2, 9),    makeElements(400, 4, 1, 9),
          makeElements(900, 1, 0.1, 30),   makeElements(900, 2, 1, 200),
          makeElements(65600, 1, 0.01, 3), Bytes(4001, 7)};
}

TEST(BlobCodec, Truncations) {
  for (const Bytes &bytes : makeSmall()) {
    std::string encoded = encodeBlob(bytes).value();
    Bytes back;
    for (size_t size = 0; size < encoded.size(); ++size) {
      // Memory of exactly this size, so that a sanitizer sees what is read outside.
      Bytes cut(encoded.begin(), encoded.begin() + size);
      EXPECT_NE(decode(cut, back), "") << size;
    }
    EXPECT_NE(decode(Bytes(encoded.begin(), encoded.end() - 1), back), "");
    encoded += '\0';
    EXPECT_NE(decode(encoded, back), "");
  }
}

TEST(BlobCodec, BitFlips) {
  for (const Bytes &bytes : makeSmall()) {
    std::string encoded = encodeBlob(bytes).value();
    Bytes back;
    for (size_t bit = 0; bit < 8 * encoded.size(); ++bit) {
      Bytes damaged(encoded.begin(), encoded.end());
      damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
      // Unused bits of the last byte, and values that are not used, do not matter.
      if (decode(damaged, back).empty()) {
        EXPECT_TRUE(back == bytes) << bit;
      }
    }
  }
}

TEST(BlobCodec, Noise) {
  std::mt19937 random(9);
  std::vector<Bytes> blobs = makeSmall();
  Bytes back;
  for (int trial = 0; trial < 20000; ++trial) {
    const Bytes &bytes = blobs[trial % (blobs.size() - 2)];
    static std::vector<std::string> cache(blobs.size());
    std::string &encoded = cache[trial % (blobs.size() - 2)];
    if (encoded.empty())
      encoded = encodeBlob(bytes).value();
    Bytes damaged(encoded.begin(), encoded.end());
    for (int i = 0; i < 1 + trial % 5; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (trial % 7 == 0)
      damaged.resize(random() % damaged.size());
    if (decode(damaged, back).empty()) {
      EXPECT_TRUE(back == bytes);
    }
  }
}

TEST(BlobCodec, BadHeaders) {
  std::string good = encodeBlob(makeElements(400, 4, 0.2, 9)).value();
  auto decodeWith = [&](size_t offset, uint64_t value, unsigned size) {
    std::string bad = good;
    std::memcpy(&bad[offset], &value, size);
    Bytes back;
    return decode(bad, back);
  };
  EXPECT_EQ(decodeWith(0, 3, 1), "expected form 1 or 2, found 3");
  EXPECT_EQ(decodeWith(1, 3, 1), "expected elements of 1, 2 or 4 bytes, found 3");
  EXPECT_EQ(decodeWith(2, 6, 1), "relative indices of 6 bits do not exist");
  EXPECT_EQ(decodeWith(0, 1, 1), "relative indices of 4 bits do not exist");
  EXPECT_EQ(decodeWith(3, 1, 1), "unused bytes of the header are not zero");
  EXPECT_EQ(decodeWith(4, 0, 4).substr(0, 26), "expected 1 to 65536 values");
  EXPECT_EQ(decodeWith(4, 65537, 4).substr(0, 26), "expected 1 to 65536 values");
  EXPECT_NE(decodeWith(4, 60000, 4).find("do not fit into"), std::string::npos);
  // No memory is asked for.
  EXPECT_NE(decodeWith(8, UINT64_MAX, 8).find("do not fit into"), std::string::npos);
  EXPECT_NE(decodeWith(8, uint64_t(1) << 40, 8).find("do not fit into"), std::string::npos);
  EXPECT_NE(decodeWith(16, 0, 8).find("the decoded bytes differ: expected hash 0, found"),
            std::string::npos);
  EXPECT_EQ(decodeWith(24, 10, 4).substr(0, 26), "expected 1 to 65536 values");
  // Entries of the first chunk.
  uint32_t numValues;
  std::memcpy(&numValues, &good[4], 4);
  EXPECT_EQ(decodeWith(32 + 4 * numValues, 401, 4),
            "expected at most 400 entries in chunk 0, found 401");
}
