//===- Huffman.h - length-limited prefix codes -----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prefix codes of at most 16 bits for up to 65536 symbols (Huffman, "A method for the construction
// of minimum-redundancy codes", 1952). The lengths are those with the smallest sum of
// count * length among all codes that are not longer than a limit: the package-merge algorithm
// (Larmore and Hirschberg, "A fast algorithm for optimal length-limited Huffman codes", JACM 1990).
// Where the limit does not bind, these are Huffman's, so for counts c_s with sum n and entropy
// H = sum c_s / n * log2(n / c_s):
//
//   H <= sum c_s * length_s / n < H + 1
//
// A single symbol takes no bits. Ties: the lower symbol is the shorter one.
//
// Codes are canonical: in order of (length, symbol), each the one before plus one. So the lengths
// say everything. Bits are written from the highest to the lowest, bytes from the first to the
// last.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_HUFFMAN_H
#define COMPRESS_ALGORITHMS_HUFFMAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace mlir::compress {

/// Longest code, in bits.
inline constexpr unsigned kMaxHuffmanLength = 16;

/// A code for the symbols 0 .. lengths.size() - 1.
struct HuffmanCode {
  /// Bits of each symbol; 0 for what does not occur, and for a symbol that is the only one.
  std::vector<uint8_t> lengths;
  /// Canonical codes, in the low bits.
  std::vector<uint16_t> codes;
  /// The only symbol, if no length is above 0.
  uint32_t only = 0;

  /// Longest length; 0 for a single symbol.
  unsigned getMaxLength() const;
  /// Sum of count * length: the bits that coding takes.
  uint64_t getBits(llvm::ArrayRef<uint64_t> counts) const;
  /// Bits of the code itself, as `writeHuffmanCode` writes it: 5 for the longest length L; then 16
  /// for the only symbol if L = 0, else bit_width(L) for each symbol.
  uint64_t getDescriptionBits() const;
};

/// The best code for symbols that occur `counts` times, of at most `maxLength` bits. At least one
/// count is not 0, at most 65536 counts are given, and no more than 2^maxLength are not 0. Takes
/// O(n log n + n maxLength) steps for n symbols that occur.
HuffmanCode makeHuffmanCode(llvm::ArrayRef<uint64_t> counts,
                            unsigned maxLength = kMaxHuffmanLength);

/// Appends bits to bytes.
class BitWriter {
public:
  /// Appends the low `count` bits of `bits`, the highest first. `count` is at most 32; the other
  /// bits are 0.
  void write(uint32_t bits, unsigned count) {
    pending = pending << count | bits;
    numPending += count;
    for (; numPending >= 8; numPending -= 8)
      bytes.push_back(static_cast<char>(pending >> (numPending - 8)));
  }
  /// Bits so far.
  uint64_t getPosition() const { return 8 * bytes.size() + numPending; }
  /// All bytes, the last one filled with zero bits. Call it once, last.
  std::string finish() {
    if (numPending)
      write(0, 8 - numPending);
    return std::move(bytes);
  }

private:
  std::string bytes;
  uint64_t pending = 0;
  unsigned numPending = 0;
};

/// Reads bits. Beyond the end there are zero bits, and the position tells that they were read.
class BitReader {
public:
  explicit BitReader(llvm::ArrayRef<char> bytes, uint64_t position = 0)
      : data(bytes.data()), size(bytes.size()), next(position / 8) {
    refill();
    consume(position % 8);
  }

  /// Makes at least 56 bits available.
  void refill() {
    if (LLVM_LIKELY(next + 8 <= size))
      window |= llvm::support::endian::read64be(data + next) >> available;
    else
      window |= readEnd() >> available;
    unsigned added = (63 - available) / 8;
    next += added;
    available += 8 * added;
  }
  /// The next bits, the first one highest; only the available ones count.
  uint64_t peek() const { return window; }
  /// Drops `count` available bits, at most 63.
  void consume(unsigned count) {
    window <<= count;
    available -= count;
  }
  /// Takes 1 to 32 bits; refills first.
  uint32_t read(unsigned count) {
    refill();
    auto bits = static_cast<uint32_t>(window >> (64 - count));
    consume(count);
    return bits;
  }
  /// Bits taken so far, from the start of the bytes.
  uint64_t getPosition() const { return 8 * next - available; }

private:
  uint64_t readEnd() const;

  const char *data;
  uint64_t size;
  /// Byte that follows the window.
  uint64_t next;
  uint64_t window = 0;
  unsigned available = 0;
};

/// Writes the lengths of a code.
void writeHuffmanCode(BitWriter &writer, const HuffmanCode &code);
/// Reads what `writeHuffmanCode` wrote for `numSymbols` symbols (at most 65536). Errors: lengths
/// that are no complete prefix code, an only symbol that does not exist, too few bits in `limit`
/// (a position).
llvm::Expected<HuffmanCode> readHuffmanCode(BitReader &reader, size_t numSymbols, uint64_t limit);

/// Decodes a valid code (from `makeHuffmanCode` or `readHuffmanCode`) with a table of the first
/// bits; longer codes are compared with the first code of each length.
class HuffmanDecoder {
public:
  explicit HuffmanDecoder(const HuffmanCode &code);

  /// Takes a symbol, of at most 16 bits that are available. Any bits are the code of some symbol.
  uint32_t decode(BitReader &reader) const {
    Entry entry = table[reader.peek() >> shift];
    if (LLVM_UNLIKELY(entry.length == 0))
      return decodeLong(reader);
    reader.consume(entry.length);
    return entry.symbol;
  }

  /// Bits of the table, if there are not more symbols than it has entries; else those of their
  /// number.
  static constexpr unsigned kTableBits = 11;

private:
  struct Entry {
    uint16_t symbol = 0;
    /// 0: longer than the table's bits, or the only symbol.
    uint16_t length = 0;
  };

  uint32_t decodeLong(BitReader &reader) const;

  std::vector<Entry> table;
  /// 64 minus bits of the table.
  unsigned shift;
  unsigned maxLength;
  uint32_t only;
  /// Symbols by (length, symbol).
  std::vector<uint16_t> symbols;
  /// For each length: the first code after those of this length, in the highest of 16 bits; what to
  /// add to a code for its place in `symbols`.
  std::array<uint32_t, kMaxHuffmanLength + 1> ends{};
  std::array<int32_t, kMaxHuffmanLength + 1> places{};
};

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_HUFFMAN_H
