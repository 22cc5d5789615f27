//===- SparseCodesTest.cpp - codes with relative indices ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SparseCodes.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::compress;

using Codes = std::vector<uint16_t>;
using Entries = std::vector<std::pair<uint32_t, uint32_t>>;

static Entries getEntries(const Codes &codes, uint16_t zero, unsigned bits) {
  Entries entries;
  forEachSparseEntry(llvm::ArrayRef<uint16_t>(codes), zero, bits,
                     [&](uint32_t step, uint32_t code) { entries.emplace_back(step, code); });
  return entries;
}

/// The codes of the entries; nothing if one lies outside.
static std::optional<Codes> expand(const Entries &entries, size_t numElements, uint16_t zero) {
  Codes codes(numElements, zero);
  size_t next = 0;
  bool isInside = expandSparseEntries(
      entries.size(), numElements,
      [&](uint32_t &step, uint32_t &code) { std::tie(step, code) = entries[next++]; },
      [&](size_t place, uint32_t code) { codes.at(place) = static_cast<uint16_t>(code); });
  return isInside ? std::optional(codes) : std::nullopt;
}

static RelativeIndexCounts count(const Codes &codes, uint16_t zero, unsigned bits) {
  GapCounts gaps;
  gaps.add(llvm::ArrayRef<uint16_t>(codes), zero);
  return countRelativeIndices(gaps, bits);
}

/// `gap` zeros, then 5.
static Codes makeGap(size_t gap) {
  Codes codes(gap, 0);
  codes.push_back(5);
  return codes;
}

TEST(SparseCodes, Example) {
  Codes codes = {7, 0, 0, 0, 5, 0, 0, 0, 0, 6, 0};
  EXPECT_EQ(getEntries(codes, 0, 2), (Entries{{0, 7}, {3, 5}, {3, 0}, {0, 6}}));
  EXPECT_EQ(getEntries(codes, 0, 3), (Entries{{0, 7}, {3, 5}, {4, 6}}));
  RelativeIndexCounts counts = count(codes, 0, 2);
  EXPECT_EQ(counts.steps, (std::vector<uint64_t>{2, 0, 0, 2}));
  EXPECT_EQ(counts.paddings, 1u);
  EXPECT_EQ(counts.entries, 4u);
}

TEST(SparseCodes, ExampleOfThePaper) {
  // Figure 2: values at 1, 4 and 15 with 3 bits; the paper counts positions, so its differences of
  // 3, 8, 3 are 2, 7 and 2 zeros.
  Codes codes(16, 0);
  codes[1] = 34, codes[4] = 9, codes[15] = 17;
  EXPECT_EQ(getEntries(codes, 0, 3), (Entries{{1, 34}, {2, 9}, {7, 0}, {2, 17}}));
}

TEST(SparseCodes, RunsAtTheSpan) {
  for (unsigned bits : {4, 5, 8}) {
    uint32_t span = 1u << bits, last = span - 1;
    EXPECT_EQ(getEntries(makeGap(span - 1), 0, bits), (Entries{{last, 5}}));
    EXPECT_EQ(getEntries(makeGap(span), 0, bits), (Entries{{last, 0}, {0, 5}}));
    EXPECT_EQ(getEntries(makeGap(span + 1), 0, bits), (Entries{{last, 0}, {1, 5}}));
    EXPECT_EQ(getEntries(makeGap(2 * span - 1), 0, bits), (Entries{{last, 0}, {last, 5}}));
    EXPECT_EQ(getEntries(makeGap(2 * span), 0, bits), (Entries{{last, 0}, {last, 0}, {0, 5}}));
    EXPECT_EQ(count(makeGap(2 * span), 0, bits).paddings, 2u);
    EXPECT_EQ(count(makeGap(2 * span - 1), 0, bits).paddings, 1u);
  }
}

TEST(SparseCodes, NothingButZeros) {
  EXPECT_EQ(getEntries(Codes(100, 3), 3, 4), Entries());
  EXPECT_EQ(count(Codes(100, 3), 3, 4).entries, 0u);
  EXPECT_EQ(expand({}, 100, 3), Codes(100, 3));
  EXPECT_EQ(expand({}, 0, 3), Codes());
}

TEST(SparseCodes, RoundTripsAndCounts) {
  std::mt19937 random(5);
  for (double share : {0.0, 0.01, 0.1, 0.33, 0.9, 1.0})
    for (unsigned bits : {1, 2, 4, 5, 8, 16}) {
      Codes codes(3001);
      for (uint16_t &code : codes)
        code = std::uniform_real_distribution<>(0, 1)(random) < share ? random() % 65536 : 9;
      Entries entries = getEntries(codes, 9, bits);
      EXPECT_EQ(expand(entries, codes.size(), 9), codes);
      RelativeIndexCounts counts = count(codes, 9, bits);
      std::vector<uint64_t> steps(size_t(1) << bits);
      uint64_t paddings = 0;
      for (auto [step, code] : entries) {
        ++steps.at(step);
        paddings += code == 9;
      }
      EXPECT_EQ(counts.steps, steps);
      EXPECT_EQ(counts.paddings, paddings);
      EXPECT_EQ(counts.entries, entries.size());
    }
}

TEST(SparseCodes, EntriesOutside) {
  EXPECT_NE(expand({{3, 1}, {5, 2}}, 10, 0), std::nullopt);
  EXPECT_EQ(expand({{3, 1}, {6, 2}}, 10, 0), std::nullopt);
  EXPECT_EQ(expand({{0, 1}}, 0, 0), std::nullopt);
}
