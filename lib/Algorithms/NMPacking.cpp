//===- NMPacking.cpp - compact storage of N:M tensors ---------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/NMPacking.h"
#include "ElementStorage.h"
#include "GroupWalk.h"
#include "Simd.h"
#include <cassert>
#include <cstring>
#include <limits>
#include <vector>

using namespace mlir::compress;

static constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

unsigned mlir::compress::getPositionBits(NMPattern pattern) {
  unsigned bits = 1;
  while ((1u << bits) < pattern.m)
    ++bits;
  return bits;
}

uint64_t mlir::compress::getPositionRowBytes(NMPattern pattern, uint64_t rowLength) {
  return getPackedBytes(rowLength, getPositionBits(pattern));
}

//===----------------------------------------------------------------------===//
// Kernels on one group of `size` rows; `kept` and `positions` have n + 1 rows,
// the last of which takes what is not kept
//===----------------------------------------------------------------------===//

/// One element wide. Returns whether exactly n are kept.
template <typename Element>
COMPRESS_INLINE bool gatherRun(const Element *values, const uint8_t *mask, uint64_t size,
                               unsigned n, Element *kept, uint8_t *positions) {
  unsigned count = 0, total = 0;
  for (uint64_t p = 0; p < size; ++p) {
    kept[count] = values[p];
    positions[count] = static_cast<uint8_t>(p);
    total += mask[p] != 0;
    count = total < n ? total : n;
  }
  return total == n;
}

/// Any width. `counts` has `inner` entries.
template <typename Element>
static bool gatherRows(const Element *values, const uint8_t *mask, uint64_t size, uint64_t inner,
                       unsigned n, Element *kept, uint8_t *positions, uint16_t *counts) {
  std::fill(counts, counts + inner, 0);
  for (uint64_t p = 0; p < size; ++p, values += inner, mask += inner)
    for (uint64_t i = 0; i < inner; ++i) {
      unsigned row = counts[i] < n ? counts[i] : n;
      kept[row * inner + i] = values[i];
      positions[row * inner + i] = static_cast<uint8_t>(p);
      counts[i] += mask[i] != 0;
    }
  for (uint64_t i = 0; i < inner; ++i)
    if (counts[i] != n)
      return false;
  return true;
}

/// 2:4 without branches: the first kept is the lowest, the second the highest.
template <typename Element>
COMPRESS_INLINE bool gatherFours(const Element *__restrict values, const uint8_t *__restrict mask,
                                 uint64_t inner, Element *__restrict kept,
                                 uint8_t *__restrict positions) {
  uint8_t bad = 0;
  for (uint64_t i = 0; i < inner; ++i) {
    Element v0 = values[i], v1 = values[inner + i], v2 = values[2 * inner + i],
            v3 = values[3 * inner + i];
    uint8_t k0 = mask[i] != 0, k1 = mask[inner + i] != 0, k2 = mask[2 * inner + i] != 0,
            k3 = mask[3 * inner + i] != 0;
    kept[i] = k0 ? v0 : k1 ? v1 : v2;
    kept[inner + i] = k3 ? v3 : k2 ? v2 : v1;
    positions[i] = k0 ? 0 : k1 ? 1 : 2;
    positions[inner + i] = k3 ? 3 : k2 ? 2 : 1;
    bad |= static_cast<uint8_t>(k0 + k1 + k2 + k3) ^ 2;
  }
  return bad == 0;
}

COMPRESS_CLONES static bool gatherFoursOf(const uint8_t *values, const uint8_t *mask,
                                          uint64_t inner, uint8_t *kept, uint8_t *positions) {
  return gatherFours(values, mask, inner, kept, positions);
}
COMPRESS_CLONES static bool gatherFoursOf(const uint16_t *values, const uint8_t *mask,
                                          uint64_t inner, uint16_t *kept, uint8_t *positions) {
  return gatherFours(values, mask, inner, kept, positions);
}
COMPRESS_CLONES static bool gatherFoursOf(const uint32_t *values, const uint8_t *mask,
                                          uint64_t inner, uint32_t *kept, uint8_t *positions) {
  return gatherFours(values, mask, inner, kept, positions);
}
COMPRESS_CLONES static bool gatherFoursOf(const uint64_t *values, const uint8_t *mask,
                                          uint64_t inner, uint64_t *kept, uint8_t *positions) {
  return gatherFours(values, mask, inner, kept, positions);
}

//===----------------------------------------------------------------------===//
// Geometry
//===----------------------------------------------------------------------===//

namespace {

/// Dense and compact coordinates of a tensor, and sections at which the packed
/// codes and position rows of both forms start at byte boundaries.
struct Geometry {
  NMPattern pattern;
  SlabGrid slabs;
  uint64_t inner, compactK, rowLength, rowBytes;
  unsigned positionBits;

  Geometry(NMPattern pattern, BlockView view, uint64_t rowLength)
      : pattern(pattern), slabs(joinOuter(pattern, view), pattern.m), inner(view.inner),
        compactK(getCompactLength(pattern, slabs.view.k)), rowLength(rowLength),
        rowBytes(getPositionRowBytes(pattern, rowLength)), positionBits(getPositionBits(pattern)) {
    assert(pattern.isValid() && rowLength >= 1 &&
           slabs.view.outer * compactK * inner % rowLength == 0 && "not rows of the kept elements");
  }

  uint64_t getCompactBegin(uint64_t slab) const {
    return (slab / slabs.perOuter * compactK + slab % slabs.perOuter * pattern.n) * inner;
  }

  llvm::SmallVector<uint64_t> getSections() const {
    llvm::SmallVector<uint64_t> sections = {0};
    uint64_t start = 0, numSlabs = slabs.getNumSlabs();
    for (uint64_t i = 1; i < numSlabs; ++i) {
      uint64_t begin = slabs.getSlab(i).begin;
      if (begin - start < kSection || begin % 8 != 0)
        continue;
      uint64_t compact = getCompactBegin(i);
      if (compact % 8 != 0 || compact % rowLength != 0)
        continue;
      sections.push_back(i);
      start = begin;
    }
    sections.push_back(numSlabs);
    return sections;
  }
};

/// Writes positions, each row padded to a byte.
class PositionWriter {
public:
  PositionWriter(const Geometry &geometry, uint64_t first, void *positions)
      : packer(static_cast<uint8_t *>(positions) + first / geometry.rowLength * geometry.rowBytes,
               geometry.positionBits),
        rowLength(geometry.rowLength), left(rowLength) {}

  void append(const uint8_t *positions, uint64_t count) {
    while (count) {
      uint64_t taken = std::min(left, count);
      packer.append(positions, taken);
      positions += taken;
      count -= taken;
      if ((left -= taken) == 0) {
        packer.finish();
        left = rowLength;
      }
    }
  }

private:
  CodePacker packer;
  uint64_t rowLength, left;
};

} // namespace

static std::optional<uint64_t> getFirst(const std::vector<uint64_t> &bad) {
  uint64_t first = *std::min_element(bad.begin(), bad.end());
  return first == kNone ? std::nullopt : std::optional(first);
}

/// First element of the first group of a batch with a wrong number kept.
static uint64_t findBadGroup(GroupBatch batch, uint64_t inner, unsigned n, const uint8_t *mask) {
  for (uint64_t g = 0; g < batch.groups; ++g)
    for (uint64_t i = 0; i < inner; ++i) {
      uint64_t begin = batch.begin + g * batch.size * inner + i, total = 0;
      for (uint64_t r = 0; r < batch.size; ++r)
        total += mask[begin + r * inner] != 0;
      if (total != n)
        return begin;
    }
  return batch.begin;
}

//===----------------------------------------------------------------------===//
// Compaction
//===----------------------------------------------------------------------===//

template <typename Element, typename Storage>
static std::optional<uint64_t> compact(const Geometry &geometry, unsigned bits, const void *values,
                                       const uint8_t *mask, void *kept, void *positions,
                                       ParallelFor parallelFor) {
  const uint64_t inner = geometry.inner;
  llvm::SmallVector<uint64_t> sections = geometry.getSections();
  std::vector<uint64_t> bad(sections.size() - 1, kNone);
  parallelFor(sections.size() - 1, [&](size_t s) {
    uint64_t first = geometry.getCompactBegin(sections[s]);
    std::optional<typename Storage::Writer> keptWriter;
    std::optional<PositionWriter> positionWriter;
    if (kept)
      keptWriter.emplace(kept, first, bits);
    if (positions)
      positionWriter.emplace(geometry, first, positions);
    std::vector<Element> tile, keptTile;
    std::vector<uint8_t> positionTile;
    std::vector<uint16_t> counts(inner);
    forEachBatch(geometry.slabs, sections[s], sections[s + 1], kTile, [&](GroupBatch batch) {
      uint64_t count = batch.groups * batch.size * inner;
      unsigned n = std::min<uint64_t>(geometry.pattern.n, batch.size);
      uint64_t stride = n * inner;
      tile.resize(count);
      keptTile.resize((batch.groups * n + 1) * inner);
      positionTile.resize(keptTile.size());
      if (values)
        Storage::read(values, batch.begin, count, bits, tile.data());
      bool ok = true;
      for (uint64_t g = 0; g < batch.groups; ++g) {
        const Element *in = tile.data() + g * batch.size * inner;
        const uint8_t *inMask = mask + batch.begin + g * batch.size * inner;
        Element *out = keptTile.data() + g * stride;
        uint8_t *outPositions = positionTile.data() + g * stride;
        if (inner == 1)
          ok &= gatherRun(in, inMask, batch.size, n, out, outPositions);
        else if (n == 2 && batch.size == 4)
          ok &= gatherFoursOf(in, inMask, inner, out, outPositions);
        else
          ok &= gatherRows(in, inMask, batch.size, inner, n, out, outPositions, counts.data());
      }
      if (!ok) {
        bad[s] = findBadGroup(batch, inner, n, mask);
        return false;
      }
      if (keptWriter)
        keptWriter->append(keptTile.data(), batch.groups * stride);
      if (positionWriter)
        positionWriter->append(positionTile.data(), batch.groups * stride);
      return true;
    });
  });
  return getFirst(bad);
}

std::optional<uint64_t> mlir::compress::compactNM(NMPattern pattern, BlockView view, unsigned bits,
                                                  const void *values, const uint8_t *mask,
                                                  uint64_t rowLength, void *kept, void *positions,
                                                  ParallelFor parallelFor) {
  if (view.getNumElements() == 0)
    return std::nullopt;
  Geometry geometry(pattern, view, rowLength);
  const void *source = kept ? values : nullptr;
  switch (bits) {
  case 16:
    return compact<uint16_t, WideStorage<uint16_t>>(geometry, bits, source, mask, kept, positions,
                                                    parallelFor);
  case 32:
    return compact<uint32_t, WideStorage<uint32_t>>(geometry, bits, source, mask, kept, positions,
                                                    parallelFor);
  case 64:
    return compact<uint64_t, WideStorage<uint64_t>>(geometry, bits, source, mask, kept, positions,
                                                    parallelFor);
  default:
    assert(bits >= 1 && bits <= 8 && "not an element width");
    return compact<uint8_t, PackedStorage>(geometry, bits, source, mask, kept, positions,
                                           parallelFor);
  }
}

//===----------------------------------------------------------------------===//
// Expansion
//===----------------------------------------------------------------------===//

/// Positions of kept elements [first, first + count).
static void readPositions(const Geometry &geometry, const void *positions, uint64_t first,
                          uint64_t count, uint8_t *result) {
  const uint8_t *rows = static_cast<const uint8_t *>(positions);
  while (count) {
    uint64_t column = first % geometry.rowLength;
    uint64_t taken = std::min(count, geometry.rowLength - column);
    unpackCodes(rows + first / geometry.rowLength * geometry.rowBytes, column, taken,
                geometry.positionBits, false, result);
    first += taken;
    result += taken;
    count -= taken;
  }
}

/// Scatters the kept elements of one group of `size` rows. Returns the index of
/// the first position that is out of range or not larger than the one before.
template <typename Element>
static uint64_t scatterRows(const Element *kept, const uint8_t *positions, uint64_t size,
                            uint64_t inner, unsigned n, Element *values, int *previous) {
  std::fill(previous, previous + inner, -1);
  for (uint64_t at = 0; at < n * inner; at += inner)
    for (uint64_t i = 0; i < inner; ++i) {
      int position = positions[at + i];
      if (position <= previous[i] || position >= static_cast<int>(size))
        return at + i;
      previous[i] = position;
      values[position * inner + i] = kept[at + i];
    }
  return kNone;
}

/// The same for groups one element wide.
template <typename Element>
COMPRESS_INLINE uint64_t scatterRun(const Element *kept, const uint8_t *positions, uint64_t size,
                                    unsigned n, Element *values) {
  int previous = -1;
  for (unsigned i = 0; i < n; ++i) {
    int position = positions[i];
    if (position <= previous || position >= static_cast<int>(size))
      return i;
    previous = position;
    values[position] = kept[i];
  }
  return kNone;
}

template <typename Element, typename Storage>
static std::optional<uint64_t> expand(const Geometry &geometry, unsigned bits, const void *kept,
                                      const void *positions, Element fill, void *values,
                                      ParallelFor parallelFor) {
  const uint64_t inner = geometry.inner;
  llvm::SmallVector<uint64_t> sections = geometry.getSections();
  std::vector<uint64_t> bad(sections.size() - 1, kNone);
  parallelFor(sections.size() - 1, [&](size_t s) {
    uint64_t compactBegin = geometry.getCompactBegin(sections[s]);
    typename Storage::Writer writer(values, geometry.slabs.getSlab(sections[s]).begin, bits);
    std::vector<Element> tile, keptTile;
    std::vector<uint8_t> positionTile;
    std::vector<int> previous(inner);
    forEachBatch(geometry.slabs, sections[s], sections[s + 1], kTile, [&](GroupBatch batch) {
      unsigned n = std::min<uint64_t>(geometry.pattern.n, batch.size);
      uint64_t stride = n * inner, count = batch.groups * stride;
      tile.assign(batch.groups * batch.size * inner, fill);
      keptTile.assign(count, Element(1));
      positionTile.resize(count);
      if (kept)
        Storage::read(kept, compactBegin, count, bits, keptTile.data());
      readPositions(geometry, positions, compactBegin, count, positionTile.data());
      for (uint64_t g = 0; g < batch.groups; ++g) {
        Element *out = tile.data() + g * batch.size * inner;
        const Element *in = keptTile.data() + g * stride;
        const uint8_t *inPositions = positionTile.data() + g * stride;
        uint64_t wrong =
            inner == 1 ? scatterRun(in, inPositions, batch.size, n, out)
                       : scatterRows(in, inPositions, batch.size, inner, n, out, previous.data());
        if (wrong != kNone) {
          bad[s] = compactBegin + g * stride + wrong;
          return false;
        }
      }
      writer.append(tile.data(), tile.size());
      compactBegin += count;
      return true;
    });
  });
  return getFirst(bad);
}

std::optional<uint64_t> mlir::compress::expandNM(NMPattern pattern, BlockView view, unsigned bits,
                                                 const void *kept, const void *positions,
                                                 uint64_t rowLength, uint64_t fill, void *values,
                                                 ParallelFor parallelFor) {
  if (view.getNumElements() == 0)
    return std::nullopt;
  Geometry geometry(pattern, view, rowLength);
  switch (bits) {
  case 16:
    return expand<uint16_t, WideStorage<uint16_t>>(geometry, bits, kept, positions, fill, values,
                                                   parallelFor);
  case 32:
    return expand<uint32_t, WideStorage<uint32_t>>(geometry, bits, kept, positions, fill, values,
                                                   parallelFor);
  case 64:
    return expand<uint64_t, WideStorage<uint64_t>>(geometry, bits, kept, positions, fill, values,
                                                   parallelFor);
  default:
    assert(bits >= 1 && bits <= 8 && "not an element width");
    return expand<uint8_t, PackedStorage>(geometry, bits, kept, positions, fill, values,
                                          parallelFor);
  }
}

std::optional<uint64_t> mlir::compress::expandNMMask(NMPattern pattern, BlockView view,
                                                     const void *positions, uint64_t rowLength,
                                                     uint8_t *mask, ParallelFor parallelFor) {
  if (view.getNumElements() == 0)
    return std::nullopt;
  Geometry geometry(pattern, view, rowLength);
  return expand<uint8_t, PackedStorage>(geometry, 8, nullptr, positions, 0, mask, parallelFor);
}
