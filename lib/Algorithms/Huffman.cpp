//===- Huffman.cpp - length-limited prefix codes --------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Huffman.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;

//===----------------------------------------------------------------------===//
// Making codes
//===----------------------------------------------------------------------===//

unsigned HuffmanCode::getMaxLength() const {
  return lengths.empty() ? 0 : *llvm::max_element(lengths);
}

uint64_t HuffmanCode::getBits(ArrayRef<uint64_t> counts) const {
  uint64_t bits = 0;
  for (auto [count, length] : llvm::zip_equal(counts, lengths))
    bits += count * length;
  return bits;
}

uint64_t HuffmanCode::getDescriptionBits() const {
  unsigned longest = getMaxLength();
  return 5 + (longest == 0 ? 16 : lengths.size() * llvm::bit_width(longest));
}

/// Lengths for two or more counts in ascending order: those of the longest codes come first.
static std::vector<uint8_t> packageMerge(ArrayRef<uint64_t> counts, unsigned maxLength) {
  size_t n = counts.size();
  // Each list has the counts and the pairs of the list before, in order; what is in a list is
  // remembered as one bit: count or pair.
  std::vector<std::vector<bool>> isCount(maxLength);
  std::vector<uint64_t> list, merged;
  for (unsigned level = 0; level < maxLength; ++level) {
    merged.clear();
    size_t numPairs = list.size() / 2, nextPair = 0, nextCount = 0;
    while (nextCount < n || nextPair < numPairs) {
      uint64_t pair = nextPair < numPairs ? list[2 * nextPair] + list[2 * nextPair + 1] : 0;
      bool takesCount = nextPair == numPairs || (nextCount < n && counts[nextCount] <= pair);
      merged.push_back(takesCount ? counts[nextCount] : pair);
      isCount[level].push_back(takesCount);
      ++(takesCount ? nextCount : nextPair);
    }
    std::swap(list, merged);
  }
  // The first 2n - 2 items of the last list pay for the code; a count is one bit longer for each
  // list that it is taken from.
  std::vector<uint8_t> lengths(n, 0);
  size_t taken = 2 * n - 2;
  for (unsigned level = maxLength; level-- > 0;) {
    size_t numCounts = 0;
    for (size_t i = 0; i < taken; ++i)
      numCounts += isCount[level][i];
    for (size_t i = 0; i < numCounts; ++i)
      ++lengths[i];
    taken = 2 * (taken - numCounts);
  }
  return lengths;
}

/// Sets the canonical codes for the lengths.
static void setCodes(HuffmanCode &code) {
  std::array<uint32_t, kMaxHuffmanLength + 2> next{};
  for (uint8_t length : code.lengths)
    if (length)
      ++next[length + 1];
  // Number of codes of each length, to first code.
  for (unsigned length = 1; length <= kMaxHuffmanLength; ++length)
    next[length + 1] = (next[length] + next[length + 1]) << 1;
  code.codes.assign(code.lengths.size(), 0);
  for (auto [length, bits] : llvm::zip_equal(code.lengths, code.codes))
    if (length)
      bits = static_cast<uint16_t>(next[length]++);
}

HuffmanCode mlir::compress::makeHuffmanCode(ArrayRef<uint64_t> counts, unsigned maxLength) {
  HuffmanCode code;
  code.lengths.assign(counts.size(), 0);
  std::vector<uint32_t> symbols;
  for (auto [symbol, count] : llvm::enumerate(counts))
    if (count)
      symbols.push_back(static_cast<uint32_t>(symbol));
  if (symbols.size() == 1) {
    code.only = symbols[0];
  } else {
    // Rarest first; of equal counts, the higher symbol.
    llvm::sort(symbols, [&](uint32_t a, uint32_t b) {
      return counts[a] != counts[b] ? counts[a] < counts[b] : a > b;
    });
    std::vector<uint64_t> sorted;
    for (uint32_t symbol : symbols)
      sorted.push_back(counts[symbol]);
    for (auto [symbol, length] : llvm::zip_equal(symbols, packageMerge(sorted, maxLength)))
      code.lengths[symbol] = length;
  }
  setCodes(code);
  return code;
}

//===----------------------------------------------------------------------===//
// Codes in a stream
//===----------------------------------------------------------------------===//

uint64_t BitReader::readEnd() const {
  char last[8] = {};
  if (next < size)
    std::memcpy(last, data + next, size - next);
  return llvm::support::endian::read64be(last);
}

void mlir::compress::writeHuffmanCode(BitWriter &writer, const HuffmanCode &code) {
  unsigned longest = code.getMaxLength();
  writer.write(longest, 5);
  if (longest == 0)
    return writer.write(code.only, 16);
  unsigned width = llvm::bit_width(longest);
  for (uint8_t length : code.lengths)
    writer.write(length, width);
}

llvm::Expected<HuffmanCode> mlir::compress::readHuffmanCode(BitReader &reader, size_t numSymbols,
                                                            uint64_t limit) {
  HuffmanCode code;
  unsigned longest = reader.read(5), width = llvm::bit_width(longest);
  if (longest > kMaxHuffmanLength)
    return llvm::createStringError("expected codes of at most 16 bits, found " +
                                   llvm::Twine(longest));
  if (reader.getPosition() + (longest ? numSymbols * width : 16) > limit)
    return llvm::createStringError("the lengths of the codes of " + llvm::Twine(numSymbols) +
                                   " symbols are cut off");
  code.lengths.assign(numSymbols, 0);
  if (longest == 0) {
    code.only = reader.read(16);
    if (code.only >= numSymbols)
      return llvm::createStringError("expected one of " + llvm::Twine(numSymbols) +
                                     " symbols, found " + llvm::Twine(code.only));
    setCodes(code);
    return code;
  }
  uint64_t sum = 0;
  for (uint8_t &length : code.lengths) {
    length = static_cast<uint8_t>(reader.read(width));
    if (length > longest)
      return llvm::createStringError("expected codes of at most " + llvm::Twine(longest) +
                                     " bits, found " + llvm::Twine(unsigned(length)));
    sum += length ? uint64_t(1) << (kMaxHuffmanLength - length) : 0;
  }
  if (sum != uint64_t(1) << kMaxHuffmanLength || code.getMaxLength() != longest)
    return llvm::createStringError("the lengths of the codes are those of no complete prefix code");
  setCodes(code);
  return code;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

HuffmanDecoder::HuffmanDecoder(const HuffmanCode &code)
    : maxLength(code.getMaxLength()), only(code.only) {
  // One bit at least, so that the shift is less than 64.
  unsigned bits =
      std::clamp(maxLength, 1u, std::max(kTableBits, llvm::Log2_64_Ceil(code.lengths.size())));
  shift = 64 - bits;
  table.resize(size_t(1) << bits);
  std::array<uint32_t, kMaxHuffmanLength + 1> numCodes{};
  for (auto [symbol, length] : llvm::enumerate(code.lengths)) {
    numCodes[length] += length != 0;
    if (length == 0 || length > bits)
      continue;
    size_t first = size_t(code.codes[symbol]) << (bits - length);
    for (size_t i = 0, n = size_t(1) << (bits - length); i < n; ++i)
      table[first + i] = {static_cast<uint16_t>(symbol), length};
  }
  if (maxLength <= bits)
    return;
  uint32_t first = 0, place = 0;
  std::array<uint32_t, kMaxHuffmanLength + 1> next{};
  for (unsigned length = 1; length <= maxLength; ++length) {
    first <<= 1;
    places[length] = static_cast<int32_t>(place) - static_cast<int32_t>(first);
    next[length] = place;
    first += numCodes[length];
    place += numCodes[length];
    ends[length] = first << (kMaxHuffmanLength - length);
  }
  symbols.resize(place);
  for (auto [symbol, length] : llvm::enumerate(code.lengths))
    if (length)
      symbols[next[length]++] = static_cast<uint16_t>(symbol);
}

uint32_t HuffmanDecoder::decodeLong(BitReader &reader) const {
  if (maxLength == 0)
    return only;
  auto bits = static_cast<uint32_t>(reader.peek() >> 48);
  unsigned length = 64 - shift + 1;
  // A complete code ends at 2^16.
  while (bits >= ends[length])
    ++length;
  reader.consume(length);
  return symbols[places[length] + static_cast<int32_t>(bits >> (kMaxHuffmanLength - length))];
}
