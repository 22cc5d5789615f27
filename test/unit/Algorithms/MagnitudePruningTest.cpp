//===- MagnitudePruningTest.cpp - N:M masks and their packing against plain loops ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/MagnitudePruning.h"
#include "NaiveFloats.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Algorithms/NMPacking.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::compress;

namespace {

/// Calls `body(elements)` with the flat indices of each group, in the order of
/// (outer, group, inner).
template <typename Body>
void forEachGroup(NMPattern pattern, BlockView view, Body body) {
  for (uint64_t o = 0; o < view.outer; ++o)
    for (uint64_t first = 0; first < view.k; first += pattern.m)
      for (uint64_t i = 0; i < view.inner; ++i) {
        std::vector<size_t> group;
        for (uint64_t k = first; k < std::min<uint64_t>(view.k, first + pattern.m); ++k)
          group.push_back((o * view.k + k) * view.inner + i);
        body(group);
      }
}

std::vector<uint8_t> naiveMask(NMPattern pattern, BlockView view, const std::vector<double> &x) {
  std::vector<uint8_t> mask(x.size(), 0);
  forEachGroup(pattern, view, [&](std::vector<size_t> group) {
    std::sort(group.begin(), group.end(), [&](size_t a, size_t b) {
      return std::pair(-std::fabs(x[a]), a) < std::pair(-std::fabs(x[b]), b);
    });
    group.resize(std::min<size_t>(pattern.n, group.size()));
    for (size_t e : group)
      mask[e] = 1;
  });
  return mask;
}

/// Small integers for many ties, else normal numbers; stored as `type`.
std::vector<char> makeValues(DataType type, uint64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<char> values(count * naive::getBytes(type));
  for (uint64_t i = 0; i < count; ++i)
    naive::put(values, type, i, seed % 2 ? normal(random) : std::round(normal(random) * 2) / 2);
  return values;
}

const NMPattern kPatterns[] = {{2, 4}, {1, 4},  {3, 4},  {4, 8},  {1, 2},    {1, 1},
                               {4, 4}, {2, 16}, {5, 10}, {8, 32}, {100, 256}};
const BlockView kViews[] = {{1, 4, 1},   {3, 37, 1},  {5, 128, 1}, {70, 4, 1},   {4, 16, 9},
                            {3, 11, 9},  {1, 70, 64}, {2, 33, 65}, {1, 300, 3},  {3, 7, 200},
                            {2, 512, 1}, {1, 8, 700}, {1, 3, 1},   {400, 64, 9}, {1, 1, 5}};

uint64_t getRowLength(NMPattern pattern, BlockView view, bool isNarrow) {
  if (view.inner == 1)
    return getCompactLength(pattern, view.k);
  return isNarrow && view.inner % 3 == 0 ? 3 : view.inner;
}

} // namespace

TEST(MagnitudePruning, MatchesSorting) {
  const DataType types[] = {DataType::F32, DataType::F16, DataType::BF16, DataType::F64};
  unsigned seed = 0;
  for (NMPattern pattern : kPatterns)
    for (BlockView view : kViews) {
      DataType type = types[++seed % 4];
      std::vector<char> values = makeValues(type, view.getNumElements(), seed / 4);
      std::vector<double> x;
      for (size_t i = 0; i < view.getNumElements(); ++i)
        x.push_back(naive::get(values, type, i));
      std::vector<uint8_t> mask(x.size(), 7), threaded(x.size(), 7);
      EXPECT_EQ(computeNMMask(pattern, view, type, values.data(), mask.data()), std::nullopt);
      ASSERT_EQ(mask, naiveMask(pattern, view, x))
          << pattern.n << ":" << pattern.m << " of " << view.outer << "x" << view.k << "x"
          << view.inner << " type " << int(type);
      computeNMMask(pattern, view, type, values.data(), threaded.data(), naive::threadedFor);
      ASSERT_EQ(threaded, mask);

      // Pruned values verify, unpruned ones only where the pattern holds.
      std::vector<char> pruned(values.size());
      applyMask(values.data(), naive::getBytes(type), x.size(), mask.data(), pruned.data());
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_EQ(naive::get(pruned, type, i), mask[i] ? x[i] : 0.0);
      EXPECT_EQ(verifyNM(pattern, view, type, pruned.data()), std::nullopt);
      std::optional<uint64_t> bad;
      forEachGroup(pattern, view, [&](const std::vector<size_t> &group) {
        if (!bad && std::count_if(group.begin(), group.end(), [&](size_t e) { return x[e] != 0; }) >
                        pattern.n)
          bad = group[0];
      });
      EXPECT_EQ(verifyNM(pattern, view, type, values.data()), bad);
    }
}

TEST(MagnitudePruning, TiesKeepTheLowerPosition) {
  const float x[12] = {1, -1, 1, -1, 0, -0.0f, 0, 3, -2, 2, 2, 5};
  uint8_t mask[12];
  EXPECT_EQ(computeNMMask({2, 4}, {1, 12, 1}, DataType::F32, x, mask), std::nullopt);
  EXPECT_EQ(std::vector<uint8_t>(mask, mask + 12),
            (std::vector<uint8_t>{1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1}));
}

TEST(MagnitudePruning, ComparesDoublesExactly) {
  const double x[4] = {1.0, 1.0 + 1e-12, -1.0 - 2e-12, 1.0 + 5e-13};
  uint8_t mask[4];
  computeNMMask({2, 4}, {1, 4, 1}, DataType::F64, x, mask);
  EXPECT_EQ(std::vector<uint8_t>(mask, mask + 4), (std::vector<uint8_t>{0, 1, 1, 0}));
}

TEST(MagnitudePruning, NaNIsAnErrorAndInfinityIsNot) {
  for (BlockView view : {BlockView{300, 400, 1}, BlockView{1, 400, 300}, BlockView{120, 100, 10}})
    for (NMPattern pattern : {NMPattern{2, 4}, NMPattern{3, 7}}) {
      std::vector<float> x(120000, 1.0f);
      std::vector<uint8_t> mask(x.size());
      x[5] = std::numeric_limits<float>::infinity();
      EXPECT_EQ(computeNMMask(pattern, view, DataType::F32, x.data(), mask.data()), std::nullopt);
      EXPECT_EQ(mask[5], 1);
      x[119999] = x[88888] = -std::numeric_limits<float>::quiet_NaN();
      EXPECT_EQ(
          computeNMMask(pattern, view, DataType::F32, x.data(), mask.data(), naive::threadedFor),
          88888u);
    }
}

TEST(MagnitudePruning, QuantizedTensorsUseTheirValues) {
  // Blocks along K with scales of their own, in another view than the groups.
  BlockView view{2, 48, 10};
  unsigned seed = 0;
  for (DataType type : {DataType::I8, DataType::I4, DataType::U4})
    for (GridConvention convention : {GridConvention::SymSignedMax, GridConvention::AsymZeroIn})
      for (DataType scaleType : {DataType::F32, DataType::F16}) {
        std::vector<char> values = makeValues(DataType::F32, 960, ++seed);
        std::vector<uint8_t> codes(960), zeroPoints(960);
        std::vector<char> scales(960 * 4);
        ASSERT_FALSE(quantizeUniform({type, convention}, view, 6, DataType::F32, values.data(),
                                     scaleType, codes.data(), scales.data(), zeroPoints.data())
                         .fault);
        QuantizedTensor tensor{
            view, 6, type, scaleType, codes.data(), scales.data(), zeroPoints.data()};
        unsigned bits = getBitWidth(type);
        std::vector<double> x(960);
        for (size_t i = 0; i < 960; ++i) {
          size_t block = (i / 10 / 48 * 8 + i / 10 % 48 / 6) * 10 + i % 10;
          x[i] = float(naive::get(scales, scaleType, block)) *
                 float(naive::getCode(codes, bits, isSigned(type), i) -
                       naive::getCode(zeroPoints, bits, isSigned(type), block));
        }
        for (BlockView groups : {view, BlockView{96, 10, 1}, BlockView{1, 960, 1}}) {
          std::vector<uint8_t> mask(960);
          EXPECT_EQ(computeNMMask({2, 4}, groups, tensor, mask.data()), std::nullopt);
          EXPECT_EQ(mask, naiveMask({2, 4}, groups, x));
        }
      }
}

TEST(NMPacking, MatchesTheFormat) {
  unsigned seed = 0;
  for (NMPattern pattern : kPatterns)
    for (BlockView view : kViews)
      for (unsigned bits : {4u, 8u, 2u, 32u}) {
        SCOPED_TRACE(testing::Message() << pattern.n << ":" << pattern.m << " of " << view.outer
                                        << "x" << view.k << "x" << view.inner << " bits " << bits);
        uint64_t count = view.getNumElements(), kc = getCompactLength(pattern, view.k);
        std::vector<char> values = makeValues(DataType::F32, count, ++seed);
        std::vector<uint8_t> mask(count);
        computeNMMask(pattern, view, DataType::F32, values.data(), mask.data());
        std::mt19937 random(seed);
        std::vector<uint32_t> codes(count);
        for (uint32_t &code : codes)
          code = bits == 32 ? random() : random() % (1u << bits);
        auto pack = [&](const std::vector<uint32_t> &from) {
          std::vector<uint8_t> bytes((from.size() * bits + 7) / 8);
          for (size_t i = 0; i < from.size(); ++i)
            for (unsigned b = 0; b < bits; ++b)
              bytes[(i * bits + b) / 8] |= (from[i] >> b & 1) << ((i * bits + b) % 8);
          return bytes;
        };
        // The format, element by element.
        uint64_t rowLength = getRowLength(pattern, view, seed % 2);
        unsigned positionBits = std::max(1, int(std::ceil(std::log2(pattern.m))));
        ASSERT_EQ(getPositionBits(pattern), positionBits);
        uint64_t rowBytes = (rowLength * positionBits + 7) / 8;
        std::vector<uint32_t> kept(view.outer * kc * view.inner), dense(count, 1);
        std::vector<uint8_t> meta(kept.size() / rowLength * rowBytes);
        forEachGroup(pattern, view, [&](const std::vector<size_t> &group) {
          size_t o = group[0] / view.inner / view.k, k = group[0] / view.inner % view.k;
          size_t row = o * kc + k / pattern.m * pattern.n;
          for (size_t p = 0; p < group.size(); ++p) {
            if (!mask[group[p]])
              continue;
            size_t e = row++ * view.inner + group[0] % view.inner;
            kept[e] = codes[group[p]];
            dense[group[p]] = codes[group[p]];
            for (unsigned b = 0; b < positionBits; ++b) {
              size_t bit = e % rowLength * positionBits + b;
              meta[e / rowLength * rowBytes + bit / 8] |= (p >> b & 1) << (bit % 8);
            }
          }
        });
        std::vector<uint8_t> packed = pack(codes), packedKept(pack(kept).size(), 0xaa),
                             positions(meta.size(), 0xaa);
        ASSERT_EQ(compactNM(pattern, view, bits, packed.data(), mask.data(), rowLength,
                            packedKept.data(), positions.data(), naive::threadedFor),
                  std::nullopt);
        ASSERT_EQ(packedKept, pack(kept));
        ASSERT_EQ(positions, meta);
        std::vector<uint8_t> expanded(packed.size(), 0xaa), expandedMask(count, 0xaa);
        ASSERT_EQ(expandNM(pattern, view, bits, packedKept.data(), positions.data(), rowLength, 1,
                           expanded.data(), naive::threadedFor),
                  std::nullopt);
        ASSERT_EQ(expanded, pack(dense));
        ASSERT_EQ(expandNMMask(pattern, view, positions.data(), rowLength, expandedMask.data()),
                  std::nullopt);
        ASSERT_EQ(expandedMask, mask);
        if (bits <= 8) {
          EXPECT_EQ(verifyNMCodes(pattern, view, bits, expanded.data(), 1), std::nullopt);
          applyMaskToCodes(packed.data(), bits, count, mask.data(), 1, packed.data());
          EXPECT_EQ(packed, pack(dense));
        }
      }
}

TEST(NMPacking, RejectsMasksThatDoNotFit) {
  for (BlockView view : {BlockView{4, 8, 1}, BlockView{1, 32, 20}, BlockView{4, 30, 2}}) {
    std::vector<float> x(view.getNumElements(), 1.0f);
    std::vector<uint8_t> mask(x.size()), codes(x.size()), kept(x.size()), meta(x.size());
    computeNMMask({2, 4}, view, DataType::F32, x.data(), mask.data());
    uint64_t rowLength = getRowLength({2, 4}, view, false);
    for (uint8_t wrong : {0, 1}) {
      // In the third group of K: one too few, or one too many.
      uint64_t row = wrong ? 4 + 3 : 4 + 0;
      std::vector<uint8_t> changed = mask;
      changed[row * view.inner + view.inner - 1] = wrong;
      EXPECT_EQ(compactNM({2, 4}, view, 8, codes.data(), changed.data(), rowLength, kept.data(),
                          meta.data()),
                4 * view.inner + view.inner - 1);
    }
  }
}

TEST(NMPacking, RejectsBadPositions) {
  const uint8_t kept[4] = {1, 2, 3, 4};
  uint8_t dense[8];
  auto expand = [&](uint8_t meta, BlockView view) {
    return expandNM({2, 4}, view, 8, kept, &meta, getRowLength({2, 4}, view, false), 0, dense);
  };
  EXPECT_EQ(expand(0b11'01'10'00, {1, 8, 1}), std::nullopt);
  EXPECT_EQ(std::vector<uint8_t>(dense, dense + 8), (std::vector<uint8_t>{1, 0, 2, 0, 0, 3, 0, 4}));
  EXPECT_EQ(expand(0b01'01'10'00, {1, 8, 1}), 3u); // twice the same
  EXPECT_EQ(expand(0b11'01'00'10, {1, 8, 1}), 1u); // decreasing
  EXPECT_EQ(expand(0b11'01'10'00, {1, 7, 1}), 3u); // outside of the short group
  const uint8_t rows[2] = {0b01'00, 0b00'11};      // column 1: 1, then 0
  EXPECT_EQ(expandNM({2, 4}, {1, 4, 2}, 8, kept, rows, 2, 0, dense), 3u);
}

TEST(NMPacking, VerifyFindsTheFirstGroupThatIsTooFull) {
  std::vector<uint8_t> codes(20 * 3, 0x88);
  BlockView view{1, 20, 6};
  EXPECT_EQ(verifyNMCodes({2, 4}, view, 4, codes.data(), 8), std::nullopt);
  for (uint64_t k : {4, 5, 7}) // column 4 of group 1
    codes[(k * 6 + 4) / 2] = 0x81;
  EXPECT_EQ(verifyNMCodes({2, 4}, view, 4, codes.data(), 0x18), 4u * 6 + 4);
  EXPECT_EQ(verifyNMCodes({3, 4}, view, 4, codes.data(), 8), std::nullopt);
}

TEST(BitPacking, MatchesTheFormat) {
  std::mt19937 random(2);
  for (unsigned bits : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u})
    for (uint64_t count : {0u, 1u, 7u, 8u, 9u, 63u, 64u, 100u, 1001u}) {
      std::vector<uint8_t> codes(count);
      for (uint8_t &code : codes)
        code = random();
      std::vector<uint8_t> packed(getPackedBytes(count, bits), 0xaa), pieces(packed);
      ASSERT_EQ(packed.size(), (count * bits + 7) / 8);
      packCodes(codes.data(), count, bits, packed.data());
      {
        CodePacker packer(pieces.data(), bits);
        for (uint64_t at = 0; at < count;) {
          uint64_t length = std::min<uint64_t>(random() % 30, count - at);
          packer.append(codes.data() + at, length);
          at += length;
        }
      }
      EXPECT_EQ(pieces, packed);
      if (count * bits % 8) {
        EXPECT_EQ(packed.back() >> (count * bits % 8), 0);
      }
      for (bool hasSign : {false, true})
        for (uint64_t first : {uint64_t(0), count / 3, count / 2}) {
          std::vector<uint8_t> back(count - first);
          unpackCodes(packed.data(), first, back.size(), bits, hasSign, back.data());
          for (uint64_t i = 0; i < back.size(); ++i) {
            int code = naive::getCode(packed, bits, hasSign, first + i);
            ASSERT_EQ(code & ((1 << bits) - 1), codes[first + i] & ((1 << bits) - 1));
            ASSERT_EQ(back[i], static_cast<uint8_t>(code));
          }
        }
    }
}

TEST(BitPacking, TransposesAndPads) {
  std::mt19937 random(4);
  for (unsigned bits : {2u, 4u, 8u})
    for (auto [rows, columns] : {std::pair(1, 1), std::pair(5, 7), std::pair(64, 64),
                                 std::pair(300, 131), std::pair(17, 1000)})
      for (uint64_t padded : {rows + 0, (rows + 31) / 32 * 32, rows + 3}) {
        std::vector<uint8_t> packed(getPackedBytes(rows * columns, bits));
        for (uint8_t &byte : packed)
          byte = random();
        std::vector<uint8_t> turned(getPackedBytes(columns * padded, bits), 0xaa);
        transposePackedCodes(packed.data(), rows, columns, bits, padded, 2, turned.data());
        for (int c = 0; c < columns; ++c)
          for (uint64_t r = 0; r < padded; ++r) {
            int expected =
                r < uint64_t(rows) ? naive::getCode(packed, bits, false, r * columns + c) : 2;
            ASSERT_EQ(naive::getCode(turned, bits, false, c * padded + r), expected)
                << bits << " bits, " << rows << "x" << columns << " to " << padded << " at " << c
                << ", " << r;
          }
      }
}
