//===- ElementStorage.h - elements of any width, read and appended -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_ELEMENTSTORAGE_H
#define COMPRESS_LIB_ALGORITHMS_ELEMENTSTORAGE_H

#include "compress/Algorithms/BitPacking.h"
#include <cstring>

namespace mlir::compress {

/// Elements of 16, 32 or 64 bits at any alignment.
template <typename Element>
struct WideStorage {
  static void read(const void *data, uint64_t first, uint64_t count, unsigned, Element *result) {
    std::memcpy(result, static_cast<const char *>(data) + first * sizeof(Element),
                count * sizeof(Element));
  }
  struct Writer {
    char *out;
    Writer(void *data, uint64_t first, unsigned)
        : out(static_cast<char *>(data) + first * sizeof(Element)) {}
    void append(const Element *elements, uint64_t count) {
      std::memcpy(out, elements, count * sizeof(Element));
      out += count * sizeof(Element);
    }
  };
};

/// Packed codes of at most eight bits. Writers start at a multiple of eight.
struct PackedStorage {
  static void read(const void *data, uint64_t first, uint64_t count, unsigned bits,
                   uint8_t *result) {
    unpackCodes(static_cast<const uint8_t *>(data), first, count, bits, false, result);
  }
  struct Writer {
    CodePacker packer;
    Writer(void *data, uint64_t first, unsigned bits)
        : packer(static_cast<uint8_t *>(data) + first / 8 * bits, bits) {}
    void append(const uint8_t *codes, uint64_t count) { packer.append(codes, count); }
  };
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_ELEMENTSTORAGE_H
