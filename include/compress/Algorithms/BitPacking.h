//===- BitPacking.h - packed sub-byte codes ---------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Storage of 1, 2, 3, 4, 6 and 8-bit codes: code `i` of the flattened tensor
// occupies bits [i * b, (i + 1) * b) of the byte string, low bits first, with
// no padding between rows; unused bits of the last byte are zero. For 4 bits
// this is ONNX's int4 order (even element in the low nibble). In unpacked form
// a code takes one byte, whose bits above `b` are ignored on packing and zero
// (or copies of the sign bit, on request) after unpacking.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_BITPACKING_H
#define COMPRESS_ALGORITHMS_BITPACKING_H

#include <cstdint>

namespace mlir::compress {

/// Bytes of `count` packed codes of `bits` bits (`count * bits` must fit 64 bits).
inline uint64_t getPackedBytes(uint64_t count, unsigned bits) {
  return count / 8 * bits + (count % 8 * bits + 7) / 8;
}

/// Packs `count` codes, one per byte, to `getPackedBytes(count, bits)` bytes at
/// `packed`. `bits` is 1 to 8.
void packCodes(const uint8_t *codes, uint64_t count, unsigned bits, uint8_t *packed);

/// Unpacks codes [first, first + count) of a packed tensor to one byte each,
/// sign-extended to eight bits if `isSigned`, else zero-extended. Reads only the
/// bytes that hold those codes.
void unpackCodes(const uint8_t *packed, uint64_t first, uint64_t count, unsigned bits,
                 bool isSigned, uint8_t *codes);

/// Writes a sequence of codes to packed storage in pieces of any length. The
/// sequence starts at a byte boundary; bits after its end are zero.
class CodePacker {
public:
  CodePacker(uint8_t *packed, unsigned bits) : out(packed), bits(bits) {}
  CodePacker(const CodePacker &) = delete;
  CodePacker &operator=(const CodePacker &) = delete;
  ~CodePacker() { finish(); }

  /// Appends `count` codes, one per byte.
  void append(const uint8_t *codes, uint64_t count);
  /// Fills the current byte with zero bits: what follows starts at a byte boundary.
  void finish();

private:
  uint8_t *out;
  unsigned bits;
  unsigned numPending = 0; // fewer than eight codes
  uint8_t pending[8] = {};
};

/// Transposes packed codes [rows, columns] to [columns, paddedRows], where
/// `paddedRows >= rows` and the codes of the added positions are `padCode`
/// (used to turn a [K, N] weight into the [N, ceil(K / block) * block] of
/// MatMulNBits). Both tensors are packed over their flattened elements.
void transposePackedCodes(const uint8_t *packed, uint64_t rows, uint64_t columns, unsigned bits,
                          uint64_t paddedRows, uint8_t padCode, uint8_t *transposed);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_BITPACKING_H
