//===- SparseCodes.h - codes with relative indices -------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sparse vectors of codes as in "Deep compression" (Han et al., ICLR 2016, section 2): an entry for
// each code that is not the code of zero, with the number of zeros since the entry before, in b
// bits. Where 2^b zeros or more come between, padding zeros are stored: entries whose code is the
// zero, each 2^b - 1 zeros after the entry before, so each stands for 2^b zeros. Zeros after the
// last entry are not stored.
//
//   codes, b = 2:  7 0 0 0 5 0 0 0 0 6 0      entries: (0, 7) (3, 5) (3, 0) (0, 6)
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SPARSECODES_H
#define COMPRESS_ALGORITHMS_SPARSECODES_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::compress {

/// How often each number of zeros precedes an entry that is not zero: what the size of a relative
/// index of any width follows from.
class GapCounts {
public:
  /// Adds a vector of codes (of any integer type).
  template <typename T>
  void add(llvm::ArrayRef<T> codes, T zero) {
    size_t gap = 0;
    for (T code : codes) {
      if (code == zero) {
        ++gap;
        continue;
      }
      if (gap >= counts.size())
        counts.resize(gap + 1);
      ++counts[gap];
      gap = 0;
    }
  }
  /// `[gap]`: how often; no longer than the longest gap.
  llvm::ArrayRef<uint64_t> getCounts() const { return counts; }

private:
  std::vector<uint64_t> counts;
};

/// What a relative index of b bits holds.
struct RelativeIndexCounts {
  /// How often each of the 2^b numbers of zeros occurs.
  std::vector<uint64_t> steps;
  /// Entries that are zeros, and all entries.
  uint64_t paddings = 0, entries = 0;
};

/// Counts the entries of an index of `bits` bits (1 to 16).
RelativeIndexCounts countRelativeIndices(const GapCounts &gaps, unsigned bits);

/// Calls `emit(step, code)` for each entry, in order; `step` is below 2^bits.
template <typename T, typename Emit>
void forEachSparseEntry(llvm::ArrayRef<T> codes, T zero, unsigned bits, Emit &&emit) {
  const size_t span = size_t(1) << bits;
  size_t gap = 0;
  for (T code : codes) {
    if (code == zero) {
      ++gap;
      continue;
    }
    for (; gap >= span; gap -= span)
      emit(static_cast<uint32_t>(span - 1), zero);
    emit(static_cast<uint32_t>(gap), code);
    gap = 0;
  }
}

/// The other way: `take(step, code)` gives the next of `numEntries` entries, `place(position,
/// code)` gets each of them, padding zeros too. False, with nothing placed outside, if an entry
/// lies beyond `numElements`.
template <typename Take, typename Place>
bool expandSparseEntries(size_t numEntries, size_t numElements, Take &&take, Place &&place) {
  size_t position = 0;
  for (size_t i = 0; i < numEntries; ++i) {
    uint32_t step, code;
    take(step, code);
    position += step;
    if (position >= numElements)
      return false;
    place(position++, code);
  }
  return true;
}

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SPARSECODES_H
