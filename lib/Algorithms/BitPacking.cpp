//===- BitPacking.cpp - packed sub-byte codes -----------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitPacking.h"
#include "Simd.h"
#include <algorithm>
#include <cstring>

using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Kernels on whole bytes
//===----------------------------------------------------------------------===//

COMPRESS_CLONES static void packNibbles(const uint8_t *codes, uint64_t numBytes, uint8_t *packed) {
  for (uint64_t i = 0; i < numBytes; ++i) {
    uint16_t pair;
    __builtin_memcpy(&pair, codes + 2 * i, 2);
    packed[i] = static_cast<uint8_t>((pair & 0xf) | ((pair >> 4) & 0xf0));
  }
}

COMPRESS_CLONES static void packCrumbs(const uint8_t *codes, uint64_t numBytes, uint8_t *packed) {
  for (uint64_t i = 0; i < numBytes; ++i) {
    uint32_t four;
    __builtin_memcpy(&four, codes + 4 * i, 4);
    packed[i] = static_cast<uint8_t>((four & 3) | ((four >> 6) & 0xc) | ((four >> 12) & 0x30) |
                                     ((four >> 18) & 0xc0));
  }
}

/// `signBit` is 8 to sign-extend and 0 to zero-extend: (c ^ s) - s.
COMPRESS_CLONES static void unpackNibbles(const uint8_t *packed, uint64_t numBytes, uint8_t signBit,
                                          uint8_t *codes) {
  for (uint64_t i = 0; i < numBytes; ++i) {
    uint8_t low = packed[i] & 0xf, high = packed[i] >> 4;
    codes[2 * i] = static_cast<uint8_t>((low ^ signBit) - signBit);
    codes[2 * i + 1] = static_cast<uint8_t>((high ^ signBit) - signBit);
  }
}

COMPRESS_CLONES static void unpackCrumbs(const uint8_t *packed, uint64_t numBytes, uint8_t signBit,
                                         uint8_t *codes) {
  for (uint64_t i = 0; i < numBytes; ++i) {
    uint32_t byte = packed[i];
    for (unsigned j = 0; j < 4; ++j)
      codes[4 * i + j] = static_cast<uint8_t>((((byte >> (2 * j)) & 3) ^ signBit) - signBit);
  }
}

/// Packs up to eight codes of any width to whole bytes.
static void packEight(const uint8_t *codes, unsigned count, unsigned bits, uint8_t *packed) {
  uint64_t word = 0;
  for (unsigned i = 0; i < count; ++i)
    word |= uint64_t(codes[i] & ((1u << bits) - 1)) << (i * bits);
  for (unsigned i = 0; i < (count * bits + 7) / 8; ++i)
    packed[i] = static_cast<uint8_t>(word >> (8 * i));
}

/// Unpacks one code at any bit position.
COMPRESS_INLINE uint8_t unpackOne(const uint8_t *packed, uint64_t index, unsigned bits,
                                  uint8_t signBit) {
  // Split to not overflow for more than 2^60 codes.
  uint64_t byte = index / 8 * bits + index % 8 * bits / 8;
  unsigned shift = index % 8 * bits % 8;
  unsigned word = packed[byte];
  if (shift + bits > 8)
    word |= unsigned(packed[byte + 1]) << 8;
  unsigned code = (word >> shift) & ((1u << bits) - 1);
  return static_cast<uint8_t>((code ^ signBit) - signBit);
}

//===----------------------------------------------------------------------===//
// Arrays
//===----------------------------------------------------------------------===//

void mlir::compress::packCodes(const uint8_t *codes, uint64_t count, unsigned bits,
                               uint8_t *packed) {
  if (bits == 8) {
    std::copy(codes, codes + count, packed);
    return;
  }
  uint64_t whole = count / 8 * 8;
  if (bits == 4)
    packNibbles(codes, whole / 2, packed);
  else if (bits == 2)
    packCrumbs(codes, whole / 4, packed);
  else
    for (uint64_t i = 0; i < whole; i += 8)
      packEight(codes + i, 8, bits, packed + i / 8 * bits);
  packEight(codes + whole, count - whole, bits, packed + whole / 8 * bits);
}

void mlir::compress::unpackCodes(const uint8_t *packed, uint64_t first, uint64_t count,
                                 unsigned bits, bool isSigned, uint8_t *codes) {
  if (bits == 8) {
    std::copy(packed + first, packed + first + count, codes);
    return;
  }
  uint8_t signBit = isSigned ? 1u << (bits - 1) : 0;
  uint64_t done = 0;
  for (; done < count && (first + done) % 8 != 0; ++done)
    codes[done] = unpackOne(packed, first + done, bits, signBit);
  uint64_t whole = (count - done) / 8 * 8;
  const uint8_t *start = packed + (first + done) / 8 * bits;
  if (bits == 4) {
    unpackNibbles(start, whole / 2, signBit, codes + done);
  } else if (bits == 2) {
    unpackCrumbs(start, whole / 4, signBit, codes + done);
  } else {
    for (uint64_t i = 0; i < whole; ++i)
      codes[done + i] = unpackOne(start, i, bits, signBit);
  }
  for (done += whole; done < count; ++done)
    codes[done] = unpackOne(packed, first + done, bits, signBit);
}

void CodePacker::append(const uint8_t *codes, uint64_t count) {
  if (numPending) {
    uint64_t taken = std::min<uint64_t>(8 - numPending, count);
    std::copy(codes, codes + taken, pending + numPending);
    numPending += taken;
    if (numPending < 8)
      return;
    packEight(pending, 8, bits, out);
    out += bits;
    numPending = 0;
    codes += taken;
    count -= taken;
  }
  uint64_t whole = count / 8 * 8;
  packCodes(codes, whole, bits, out);
  out += whole / 8 * bits;
  numPending = count - whole;
  if (numPending)
    std::memcpy(pending, codes + whole, numPending);
}

void CodePacker::finish() {
  packEight(pending, numPending, bits, out);
  out += (numPending * bits + 7) / 8;
  numPending = 0;
}

//===----------------------------------------------------------------------===//
// Transposition
//===----------------------------------------------------------------------===//

/// Transposes a tile of 16 x 16 bytes.
COMPRESS_CLONES static void transposeTile(const uint8_t *source, uint64_t sourceStride,
                                          uint8_t *target, uint64_t targetStride) {
  // Four rounds of interleaving row i with row i + 8.
  simd::Vector<uint8_t, 16> a[16], b[16];
  for (unsigned i = 0; i < 16; ++i)
    simd::load(a[i], source + i * sourceStride);
#pragma clang loop unroll(full)
  for (unsigned round = 0; round < 4; ++round) {
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < 8; ++i) {
      b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                         6, 22, 7, 23);
      b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                             13, 29, 14, 30, 15, 31);
    }
    for (unsigned i = 0; i < 16; ++i)
      a[i] = b[i];
  }
  for (unsigned i = 0; i < 16; ++i)
    simd::store(a[i], target + i * targetStride);
}

void mlir::compress::transposePackedCodes(const uint8_t *packed, uint64_t rows, uint64_t columns,
                                          unsigned bits, uint64_t paddedRows, uint8_t padCode,
                                          uint8_t *transposed) {
  constexpr uint64_t kColumns = 64, kRows = 256;
  // Tiles of `kRows` x `kColumns` codes, one byte each, if output rows start at
  // byte boundaries; else eight output rows at a time, code by code.
  uint8_t tile[kRows * kColumns], turned[kColumns * kRows], pad[kRows];
  std::fill(pad, pad + kRows, padCode);
  bool isAligned = paddedRows % 8 == 0;
  for (uint64_t column = 0; column < columns; column += kColumns) {
    uint64_t width = std::min(kColumns, columns - column);
    if (!isAligned) {
      for (uint64_t first = 0; first < width; first += 8) {
        CodePacker packer(transposed + (column + first) / 8 * bits * paddedRows, bits);
        uint64_t end = std::min(first + 8, width);
        for (uint64_t c = first; c < end; ++c) {
          for (uint64_t row = 0; row < rows; ++row) {
            uint8_t code = unpackOne(packed, row * columns + column + c, bits, 0);
            packer.append(&code, 1);
          }
          for (uint64_t done = rows; done < paddedRows; done += kRows)
            packer.append(pad, std::min(kRows, paddedRows - done));
        }
      }
      continue;
    }
    uint64_t rowBytes = paddedRows / 8 * bits;
    for (uint64_t row = 0; row < paddedRows; row += kRows) {
      uint64_t height = std::min(kRows, paddedRows - row);
      for (uint64_t r = 0; r < height; ++r) {
        if (row + r < rows)
          unpackCodes(packed, (row + r) * columns + column, width, bits, false,
                      tile + r * kColumns);
        else
          std::fill(tile + r * kColumns, tile + r * kColumns + width, padCode);
      }
      for (uint64_t r = 0; r < height; r += 16)
        for (uint64_t c = 0; c < width; c += 16)
          transposeTile(tile + r * kColumns + c, kColumns, turned + c * kRows + r, kRows);
      for (uint64_t c = 0; c < width; ++c)
        packCodes(turned + c * kRows, height, bits,
                  transposed + (column + c) * rowBytes + row / 8 * bits);
    }
  }
}
