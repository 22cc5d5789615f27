//===- UniformQuantization.cpp - round-to-nearest uniform grids -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Two ways through memory. Slabs of moderate size are read twice in a row, the
// second time from cache, in parallel over sections. Tensors with huge slabs
// (per tensor, or per column of a big matrix) take one parallel pass for the
// ranges and one for the codes.
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/UniformQuantization.h"
#include "SlabWalk.h"
#include "UniformKernels.h"
#include "UniformScale.h"
#include "compress/Algorithms/BitPacking.h"
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

using namespace mlir::compress;

CodeRange mlir::compress::getCodeRange(UniformGrid grid) {
  int half = 1 << (getBitWidth(grid.type) - 1);
  int zero = isSigned(grid.type) ? 0 : half;
  int min = zero - half, max = zero + half - 1;
  if (grid.convention == GridConvention::SymRestricted)
    ++min;
  return {min, max, zero};
}

namespace {

constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
/// Slabs of more elements than this take two passes.
constexpr uint64_t kMaxFusedSlab = 1 << 20;

/// What one section or chunk found.
struct Partial {
  uint64_t notFinite = kNone;
  uint64_t overflow = kNone;
  double error = 0;
  double square = 0;
};

template <typename T>
class Quantizer {
public:
  Quantizer(UniformGrid grid, SlabGrid slabs, DataType valueType, const void *values,
            DataType scaleType, void *codes, void *scales, uint8_t *zeroPoints)
      : convention(grid.convention), range(getCodeRange(grid)), bits(getBitWidth(grid.type)),
        slabs(slabs), inner(slabs.view.inner), width(inner == 1 ? 0 : getFoldedWidth(inner)),
        valueType(valueType), values(values), scaleType(scaleType),
        codes(static_cast<uint8_t *>(codes)), scales(scales), zeroPoints(zeroPoints) {}

  QuantizationResult run(ParallelFor parallelFor);

private:
  /// Buffers of one thread.
  struct Scratch {
    T tile[kTile];
    uint8_t codes[kTile];
    std::vector<T> first, second, errors, squares;
  };

  uint64_t findNotFinite(uint64_t begin, uint64_t count) const;
  bool growRange(const Slab &slab, uint64_t firstRow, uint64_t numRows, Scratch &scratch, T *lo,
                 T *hi, Partial &partial) const;
  void makeParameters(const Slab &slab, const T *lo, const T *hi, Partial &partial) const;
  void encode(uint64_t begin, uint64_t end, Scratch &scratch, Partial &partial) const;
  void addSums(const Slab &slab, uint64_t begin, uint64_t end, double error, double square,
               Partial &partial) const;
  T getZeroPoint(uint64_t block) const {
    if (!zeroPoints)
      return static_cast<T>(range.symmetricZeroPoint);
    return range.symmetricZeroPoint == 0 ? static_cast<T>(static_cast<int8_t>(zeroPoints[block]))
                                         : static_cast<T>(zeroPoints[block]);
  }
  void runFused(ParallelFor parallelFor, std::vector<Partial> &partials) const;
  void runTwoPasses(ParallelFor parallelFor, std::vector<Partial> &partials) const;

  GridConvention convention;
  CodeRange range;
  unsigned bits;
  SlabGrid slabs;
  uint64_t inner, width;
  DataType valueType;
  const void *values;
  DataType scaleType;
  uint8_t *codes;
  void *scales;
  uint8_t *zeroPoints; // one byte each; null if symmetric
};

} // namespace

template <typename T>
uint64_t Quantizer<T>::findNotFinite(uint64_t begin, uint64_t count) const {
  for (uint64_t i = begin; i < begin + count; ++i) {
    T value;
    readFloats(values, valueType, i, 1, &value);
    if (!(value - value == 0))
      return i;
  }
  return kNone;
}

/// Sets lo and hi (`inner` entries) to the range of some rows of a slab.
template <typename T>
bool Quantizer<T>::growRange(const Slab &slab, uint64_t firstRow, uint64_t numRows,
                             Scratch &scratch, T *lo, T *hi, Partial &partial) const {
  constexpr T inf = std::numeric_limits<T>::infinity();
  uint64_t from = slab.begin + firstRow * inner, to = from + numRows * inner;
  T *low = lo, *high = hi;
  uint64_t lanes = std::max<uint64_t>(width, 1);
  if (lanes > inner) {
    scratch.errors.assign(lanes, inf);
    scratch.squares.assign(lanes, -inf);
    low = scratch.errors.data();
    high = scratch.squares.data();
  }
  std::fill(low, low + lanes, inf);
  std::fill(high, high + lanes, -inf);
  // `width` is a multiple of `inner`: any first row may have phase 0.
  Slab part = {from, numRows, 0};
  bool isFinite = forEachPiece(part, from, to, width, [&](uint64_t at, uint64_t n, uint64_t phase) {
    const T *x = viewFloats(values, valueType, at, n, scratch.tile);
    bool ok =
        width ? growRangeOfRow(x, n, low + phase, high + phase) : growRangeOfRun(x, n, *low, *high);
    if (!ok)
      partial.notFinite = std::min(partial.notFinite, findNotFinite(at, n));
    return ok;
  });
  if (lanes > inner) {
    std::fill(lo, lo + inner, inf);
    std::fill(hi, hi + inner, -inf);
    for (uint64_t i = 0; i < lanes; ++i) {
      lo[i % inner] = std::min(lo[i % inner], low[i]);
      hi[i % inner] = std::max(hi[i % inner], high[i]);
    }
  }
  return isFinite;
}

/// Scales and zero points of one slab; see the head of UniformQuantization.h.
template <typename T>
void Quantizer<T>::makeParameters(const Slab &slab, const T *lo, const T *hi,
                                  Partial &partial) const {
  T computed[64];
  for (uint64_t first = 0; first < inner; first += 64) {
    uint64_t count = std::min<uint64_t>(64, inner - first);
    for (uint64_t i = 0; i < count; ++i)
      computed[i] = computeUniformScale<T>(convention, bits, lo[first + i], hi[first + i]);
    uint64_t block = slab.firstBlock + first;
    writeFloats(computed, count, scales, scaleType, block);
    readFloats(scales, scaleType, block, count, computed);
    bool changed = false;
    for (uint64_t i = 0; i < count; ++i) {
      T &scale = computed[i];
      if (!(scale - scale == 0))
        partial.overflow = std::min(partial.overflow, block + i);
      int zero = computeUniformZeroPoint<T>(convention, range, bits, lo[first + i], scale);
      if (zeroPoints)
        zeroPoints[block + i] = static_cast<uint8_t>(zero);
      if (scale == 0) {
        scale = 1;
        changed = true;
      }
    }
    if (changed)
      writeFloats(computed, count, scales, scaleType, block);
  }
}

/// Adds the sums over elements [begin, end) of a slab. Those that come from the
/// kernels are in units of the scale and overflow where values exceed the grid
/// by far, which the smallest scale of AsymMinMax allows; they are then formed
/// anew, one element at a time.
template <typename T>
void Quantizer<T>::addSums(const Slab &slab, uint64_t begin, uint64_t end, double error,
                           double square, Partial &partial) const {
  if (std::isfinite(error) && std::isfinite(square)) {
    partial.error += error;
    partial.square += square;
    return;
  }
  for (uint64_t i = begin; i < end; ++i) {
    uint64_t block = slab.firstBlock + (i - slab.begin) % inner;
    T x, scale, zero = getZeroPoint(block);
    readFloats(values, valueType, i, 1, &x);
    readFloats(scales, scaleType, block, 1, &scale);
    T code = std::nearbyint(std::clamp<T>(x / scale, range.min - zero, range.max - zero));
    double difference = double(scale) * code - x;
    partial.error += difference * difference;
    partial.square += double(x) * x;
  }
}

/// Writes the codes of elements [begin, end); `begin` is a multiple of eight.
template <typename T>
void Quantizer<T>::encode(uint64_t begin, uint64_t end, Scratch &scratch, Partial &partial) const {
  CodePacker packer(codes + begin / 8 * bits, bits);
  T qmin = range.min, qmax = range.max;
  auto view = [&](uint64_t at, uint64_t n) {
    return viewFloats(values, valueType, at, n, scratch.tile);
  };
  for (uint64_t index = slabs.getSlabOfElement(begin); begin < end; ++index) {
    Slab slab = slabs.getSlab(index);
    uint64_t stop = std::min(end, slab.begin + slab.rows * inner);
    if (!width) {
      T scale, zero = getZeroPoint(slab.firstBlock);
      readFloats(scales, scaleType, slab.firstBlock, 1, &scale);
      double error = 0, square = 0;
      forEachPiece(slab, begin, stop, 0, [&](uint64_t at, uint64_t n, uint64_t) {
        encodeRun(view(at, n), n, scale, zero, qmin, qmax, scratch.codes, error, square);
        packer.append(scratch.codes, n);
        return true;
      });
      double weight = double(scale) * scale;
      addSums(slab, begin, stop, error * weight, square * weight, partial);
      begin = stop;
      continue;
    }
    scratch.first.resize(width);
    scratch.second.resize(width);
    scratch.errors.assign(width, 0);
    scratch.squares.assign(width, 0);
    T *scaleRow = scratch.first.data(), *zeroRow = scratch.second.data();
    readFloats(scales, scaleType, slab.firstBlock, inner, scaleRow);
    for (uint64_t i = 0; i < inner; ++i)
      zeroRow[i] = getZeroPoint(slab.firstBlock + i);
    for (uint64_t i = inner; i < width; ++i) {
      scaleRow[i] = scaleRow[i - inner];
      zeroRow[i] = zeroRow[i - inner];
    }
    forEachPiece(slab, begin, stop, width, [&](uint64_t at, uint64_t n, uint64_t phase) {
      encodeRow(view(at, n), n, scaleRow + phase, zeroRow + phase, qmin, qmax, scratch.codes,
                scratch.errors.data() + phase, scratch.squares.data() + phase);
      packer.append(scratch.codes, n);
      return true;
    });
    double error = 0, square = 0;
    for (uint64_t i = 0; i < width; ++i) {
      double weight = double(scaleRow[i]) * scaleRow[i];
      error += scratch.errors[i] * weight;
      square += scratch.squares[i] * weight;
    }
    addSums(slab, begin, stop, error, square, partial);
    begin = stop;
  }
}

template <typename T>
void Quantizer<T>::runFused(ParallelFor parallelFor, std::vector<Partial> &partials) const {
  llvm::SmallVector<uint64_t> sections = slabs.getSections();
  partials.resize(sections.size() - 1);
  parallelFor(sections.size() - 1, [&](size_t s) {
    Partial &partial = partials[s];
    Scratch scratch;
    std::vector<T> lo(inner), hi(inner);
    // Pieces of a section that fit the cache: ranges first, then codes.
    for (uint64_t i = sections[s]; i < sections[s + 1]; ++i) {
      Slab slab = slabs.getSlab(i);
      if (!growRange(slab, 0, slab.rows, scratch, lo.data(), hi.data(), partial))
        return;
      makeParameters(slab, lo.data(), hi.data(), partial);
    }
    Slab last = slabs.getSlab(sections[s + 1] - 1);
    encode(slabs.getSlab(sections[s]).begin, last.begin + last.rows * inner, scratch, partial);
  });
}

template <typename T>
void Quantizer<T>::runTwoPasses(ParallelFor parallelFor, std::vector<Partial> &partials) const {
  // Each slab's rows in at most 16 parts, each with its own ranges.
  uint64_t numSlabs = slabs.getNumSlabs();
  for (uint64_t i = 0; i < numSlabs; ++i) {
    Slab slab = slabs.getSlab(i);
    uint64_t numParts = std::clamp<uint64_t>(slab.rows / 64, 1, 16);
    uint64_t rowsPerPart = (slab.rows + numParts - 1) / numParts;
    numParts = (slab.rows + rowsPerPart - 1) / rowsPerPart;
    std::vector<T> lo(numParts * inner), hi(numParts * inner);
    size_t base = partials.size();
    partials.resize(base + numParts);
    parallelFor(numParts, [&](size_t p) {
      Scratch scratch;
      uint64_t row = p * rowsPerPart;
      growRange(slab, row, std::min(rowsPerPart, slab.rows - row), scratch, &lo[p * inner],
                &hi[p * inner], partials[base + p]);
    });
    for (uint64_t p = 1; p < numParts; ++p)
      for (uint64_t c = 0; c < inner; ++c) {
        lo[c] = std::min(lo[c], lo[p * inner + c]);
        hi[c] = std::max(hi[c], hi[p * inner + c]);
      }
    for (size_t p = base; p < partials.size(); ++p)
      if (partials[p].notFinite != kNone)
        return;
    makeParameters(slab, lo.data(), hi.data(), partials[base]);
  }
  uint64_t numElements = slabs.view.getNumElements();
  // A chunk covers several rows, to read the scales of a row not too often.
  uint64_t chunk = std::max<uint64_t>(kSection, (8 * inner + 7) / 8 * 8);
  uint64_t numChunks = (numElements + chunk - 1) / chunk;
  size_t base = partials.size();
  partials.resize(base + numChunks);
  parallelFor(numChunks, [&](size_t c) {
    Scratch scratch;
    encode(c * chunk, std::min(numElements, (c + 1) * chunk), scratch, partials[base + c]);
  });
}

template <typename T>
QuantizationResult Quantizer<T>::run(ParallelFor parallelFor) {
  std::vector<Partial> partials;
  if (slabs.getMaxSlabSize() <= kMaxFusedSlab)
    runFused(parallelFor, partials);
  else
    runTwoPasses(parallelFor, partials);
  QuantizationResult result;
  Partial total;
  for (const Partial &partial : partials) {
    total.notFinite = std::min(total.notFinite, partial.notFinite);
    total.overflow = std::min(total.overflow, partial.overflow);
    result.sumSquaredError += partial.error;
    result.sumSquares += partial.square;
  }
  if (total.notFinite != kNone)
    result.fault = {QuantizationFault::NotFinite, total.notFinite};
  else if (total.overflow != kNone)
    result.fault = {QuantizationFault::ScaleOverflow, total.overflow};
  return result;
}

QuantizationResult mlir::compress::quantizeUniform(UniformGrid grid, BlockView view, uint64_t group,
                                                   DataType valueType, const void *values,
                                                   DataType scaleType, void *codes, void *scales,
                                                   void *zeroPoints, ParallelFor parallelFor) {
  assert(group >= 1 && isInteger(grid.type) && getBitWidth(grid.type) >= 2 &&
         getBitWidth(grid.type) <= 8 && "not a grid");
  assert((zeroPoints || !isAsymmetric(grid.convention)) && "zero points are lost");
  if (view.getNumElements() == 0)
    return {};
  std::vector<uint8_t> zeroBytes(zeroPoints ? view.getNumBlocks(group) : 0);
  uint8_t *zeros = zeroPoints ? zeroBytes.data() : nullptr;
  SlabGrid slabs(view, group);
  QuantizationResult result;
  if (valueType == DataType::F64)
    result = Quantizer<double>(grid, slabs, valueType, values, scaleType, codes, scales, zeros)
                 .run(parallelFor);
  else
    result = Quantizer<float>(grid, slabs, valueType, values, scaleType, codes, scales, zeros)
                 .run(parallelFor);
  if (zeroPoints && !result.fault)
    packCodes(zeroBytes.data(), zeroBytes.size(), getBitWidth(grid.type),
              static_cast<uint8_t *>(zeroPoints));
  return result;
}
