//===- SlabWalk.h - cutting a blocked tensor into tiles and sections -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A *slab* is (outer, group): a contiguous range of group * inner elements that
// use `inner` consecutive scales. A *section* is a run of whole slabs whose ends
// are multiples of eight elements, so that packed codes of two sections share no
// byte; sections are the unit of parallel work.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_SLABWALK_H
#define COMPRESS_LIB_ALGORITHMS_SLABWALK_H

#include "FloatTiles.h"
#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/SmallVector.h"
#include <algorithm>

namespace mlir::compress {

/// Elements of a section, at least.
constexpr uint64_t kSection = 1 << 16;

/// A slab: elements [begin, begin + rows * inner), scales from `firstBlock` on.
struct Slab {
  uint64_t begin;
  uint64_t rows;
  uint64_t firstBlock;
};

/// The slabs of a view, by index.
struct SlabGrid {
  BlockView view;
  uint64_t group;
  uint64_t perOuter;

  SlabGrid(BlockView view, uint64_t group)
      : view(view), group(std::min(group, std::max<uint64_t>(view.k, 1))),
        perOuter(view.getNumGroups(this->group)) {}

  uint64_t getNumSlabs() const { return view.getNumElements() ? view.outer * perOuter : 0; }
  Slab getSlab(uint64_t index) const {
    uint64_t o = index / perOuter, j = index % perOuter;
    return {(o * view.k + j * group) * view.inner, std::min(group, view.k - j * group),
            index * view.inner};
  }
  /// The slab that holds a flat element index.
  uint64_t getSlabOfElement(uint64_t element) const {
    uint64_t row = element / view.inner;
    return row / view.k * perOuter + row % view.k / group;
  }
  uint64_t getMaxSlabSize() const { return group * view.inner; }

  /// First slab of each section, and the number of slabs at the end. The ends of
  /// sections are multiples of eight elements.
  llvm::SmallVector<uint64_t> getSections() const {
    llvm::SmallVector<uint64_t> sections = {0};
    uint64_t start = 0, numSlabs = getNumSlabs();
    for (uint64_t i = 1; i < numSlabs; ++i) {
      uint64_t begin = getSlab(i).begin;
      if (begin - start < kSection || begin % 8 != 0)
        continue;
      sections.push_back(i);
      start = begin;
    }
    sections.push_back(numSlabs);
    return sections;
  }
};

/// How elements of a slab map to `width` accumulators: the accumulator of an
/// element is its offset in the slab modulo `width`. `width` is a multiple of
/// `inner`, and large enough for vectors also where `inner` is small.
inline uint64_t getFoldedWidth(uint64_t inner) {
  return inner >= 64 ? inner : (64 + inner - 1) / inner * inner;
}

/// Calls `body(begin, count, phase)` for the pieces of a slab's elements
/// [from, to): at most `kTile` long and not crossing a multiple of `width`
/// within the slab; `phase` is the accumulator of the first element. `width` 0
/// means one accumulator.
template <typename Body>
bool forEachPiece(const Slab &slab, uint64_t from, uint64_t to, uint64_t width, Body body) {
  uint64_t phase = width ? (from - slab.begin) % width : 0;
  while (from < to) {
    uint64_t count = std::min(to - from, kTile);
    if (width)
      count = std::min(count, width - phase);
    if (!body(from, count, phase))
      return false;
    from += count;
    if (width && (phase += count) == width)
      phase = 0;
  }
  return true;
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_SLABWALK_H
