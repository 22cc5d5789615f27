//===- MagnitudePruning.cpp - magnitude N:M masks -------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An element is kept if fewer than N others of its group beat it: a larger
// magnitude beats, and an equal one at a lower position. Magnitudes are compared
// as integers, which order non-negative floats, in tiles [group size, columns]
// where every vector lane is a group.
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/MagnitudePruning.h"
#include "GroupWalk.h"
#include "Simd.h"
#include "UniformDequantization.h"
#include "compress/Algorithms/BitPacking.h"
#include <cassert>
#include <cstring>
#include <limits>
#include <vector>

using namespace mlir::compress;
using namespace mlir::compress::simd;

static constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Signed integer vectors of the width of `T`.
template <typename T>
struct Keys;
template <>
struct Keys<float> {
  using Int = int32_t;
  using Vec = Vector<int32_t, 16>;
};
template <>
struct Keys<double> {
  using Int = int64_t;
  using Vec = Vector<int64_t, 8>;
};

/// Absolute values as integers; returns whether none was NaN.
template <typename T>
COMPRESS_INLINE bool makeKeys(const T *__restrict x, uint64_t count,
                              typename Keys<T>::Int *__restrict keys) {
  using Int = typename Keys<T>::Int;
  Int largest = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Int bits;
    __builtin_memcpy(&bits, x + i, sizeof(T));
    keys[i] = bits & static_cast<Int>(Lanes<T>::absMask);
    largest = keys[i] > largest ? keys[i] : largest;
  }
  return largest <= static_cast<Int>(Lanes<T>::infinity);
}

/// Mask bytes [size, columns] of keys [size, columns]; `columns` is a multiple
/// of 16. `Size` is the group size, or 0 to take `size`.
template <typename T, unsigned Size>
COMPRESS_INLINE void rankColumns(const typename Keys<T>::Int *__restrict keys, unsigned size,
                                 uint64_t columns, unsigned n, uint8_t *__restrict mask) {
  using V = typename Keys<T>::Vec;
  constexpr unsigned w = Lanes<T>::width;
  const unsigned m = Size ? Size : size;
  // Minus the number of elements that beat this one.
  V key[Size ? Size : 256], rank[Size ? Size : 256];
  for (uint64_t c = 0; c < columns; c += w) {
    for (unsigned i = 0; i < m; ++i) {
      load(key[i], keys + i * columns + c);
      rank[i] = V{};
    }
    for (unsigned i = 1; i < m; ++i) {
      V own = rank[i];
      for (unsigned j = 0; j < i; ++j) {
        V lowerWins = key[j] >= key[i];
        own += lowerWins;
        rank[j] += ~lowerWins;
      }
      rank[i] = own;
    }
    for (unsigned i = 0; i < m; ++i) {
      V kept = (rank[i] > -static_cast<typename Keys<T>::Int>(n)) & 1;
      store(__builtin_convertvector(kept, typename Lanes<T>::Bytes), mask + i * columns + c);
    }
  }
}

/// Groups of four consecutive floats, 16 groups at a time; returns whether
/// there was no NaN.
COMPRESS_INLINE bool maskFours(const float *x, uint64_t groups, unsigned n, uint8_t *mask) {
  using V = Vector<int32_t, 16>;
  V absolute = V{} + 0x7fffffff, largest{}, limit = V{} - static_cast<int32_t>(n);
  for (uint64_t g = 0; g < groups; g += 16) {
    V a, b, c, d;
    uint64_t rest = groups - g;
    if (rest >= 16) {
      load(a, x + 4 * g);
      load(b, x + 4 * g + 16);
      load(c, x + 4 * g + 32);
      load(d, x + 4 * g + 48);
    } else {
      float part[64] = {};
      __builtin_memcpy(part, x + 4 * g, rest * 16);
      load(a, part);
      load(b, part + 16);
      load(c, part + 32);
      load(d, part + 48);
    }
    V ab0 = __builtin_shufflevector(a, b, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    V cd0 = __builtin_shufflevector(c, d, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    V ab2 =
        __builtin_shufflevector(a, b, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
    V cd2 =
        __builtin_shufflevector(c, d, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
    V k0 =
        __builtin_shufflevector(ab0, cd0, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    V k1 = __builtin_shufflevector(ab0, cd0, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29,
                                   30, 31);
    V k2 =
        __builtin_shufflevector(ab2, cd2, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    V k3 = __builtin_shufflevector(ab2, cd2, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29,
                                   30, 31);
    k0 &= absolute;
    k1 &= absolute;
    k2 &= absolute;
    k3 &= absolute;
    V high = k0 > k1 ? k0 : k1, other = k2 > k3 ? k2 : k3;
    high = high > other ? high : other;
    largest = largest > high ? largest : high;
    // Minus one where the first beats the second.
    V w01 = k0 >= k1, w02 = k0 >= k2, w03 = k0 >= k3, w12 = k1 >= k2, w13 = k1 >= k3,
      w23 = k2 >= k3;
    V r0 = ~w01 + ~w02 + ~w03, r1 = w01 + ~w12 + ~w13, r2 = w02 + w12 + ~w23, r3 = w03 + w13 + w23;
    V bytes = ((r0 > limit) & 1) | ((r1 > limit) & 0x100) | ((r2 > limit) & 0x10000) |
              ((r3 > limit) & 0x1000000);
    if (rest >= 16) {
      store(bytes, mask + 4 * g);
    } else {
      uint8_t part[64];
      store(bytes, part);
      __builtin_memcpy(mask + 4 * g, part, rest * 4);
    }
  }
  int32_t all = 0;
  for (unsigned i = 0; i < 16; ++i)
    all = largest[i] > all ? largest[i] : all;
  return all <= 0x7f800000;
}

COMPRESS_CLONES static bool maskFoursOf(const float *x, uint64_t groups, unsigned n,
                                        uint8_t *mask) {
  return maskFours(x, groups, n, mask);
}
COMPRESS_CLONES static bool keysOf(const float *x, uint64_t count, int32_t *keys) {
  return makeKeys(x, count, keys);
}
COMPRESS_CLONES static bool keysOf(const double *x, uint64_t count, int64_t *keys) {
  return makeKeys(x, count, keys);
}
COMPRESS_CLONES static void rankOf(const int32_t *keys, unsigned size, uint64_t columns, unsigned n,
                                   uint8_t *mask) {
  if (size == 4)
    return rankColumns<float, 4>(keys, size, columns, n, mask);
  if (size == 8)
    return rankColumns<float, 8>(keys, size, columns, n, mask);
  rankColumns<float, 0>(keys, size, columns, n, mask);
}
COMPRESS_CLONES static void rankOf(const int64_t *keys, unsigned size, uint64_t columns, unsigned n,
                                   uint8_t *mask) {
  rankColumns<double, 0>(keys, size, columns, n, mask);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

namespace {

/// Reads plain values.
template <typename T>
struct ValueSource {
  DataType type;
  const void *values;
  const T *view(uint64_t begin, uint64_t count, T *scratch) {
    return viewFloats(values, type, begin, count, scratch);
  }
};

/// Reads values of a quantized tensor.
template <typename T>
struct CodeSource {
  Dequantizer<T> reader;
  const T *view(uint64_t begin, uint64_t count, T *scratch) {
    reader.read(begin, count, scratch);
    return scratch;
  }
};

/// Masks batches of groups with the buffers of one thread.
template <typename T, typename Source>
class Masker {
public:
  Masker(NMPattern pattern, uint64_t inner, Source source)
      : pattern(pattern), inner(inner), source(std::move(source)),
        maxColumns(std::max<uint64_t>(64, 4096 / pattern.m / 64 * 64)),
        values(pattern.m * maxColumns), keys(values.size()), bytes(values.size()) {}

  /// Elements a batch may have.
  uint64_t getBatchSize() const { return values.size(); }

  /// Returns whether there was no NaN.
  bool run(GroupBatch batch, uint8_t *mask) {
    bool isClean = true;
    unsigned n = std::min<uint64_t>(pattern.n, batch.size);
    if constexpr (sizeof(T) == 4)
      if (inner == 1 && batch.size == 4) {
        const T *x = source.view(batch.begin, batch.groups * 4, values.data());
        return maskFoursOf(x, batch.groups, n, mask + batch.begin);
      }
    if (inner < 64 && batch.groups * inner <= maxColumns)
      return runNarrow(batch, n, mask);
    for (uint64_t g = 0; g < batch.groups; ++g) {
      uint64_t begin = batch.begin + g * batch.size * inner;
      for (uint64_t c = 0; c < inner; c += maxColumns) {
        uint64_t width = std::min(maxColumns, inner - c), columns = (width + 15) / 16 * 16;
        for (uint64_t r = 0; r < batch.size; ++r) {
          const T *x = source.view(begin + r * inner + c, width, values.data());
          isClean &= keysOf(x, width, keys.data() + r * columns);
          std::fill(keys.data() + r * columns + width, keys.data() + (r + 1) * columns, 0);
        }
        rankOf(keys.data(), batch.size, columns, n, bytes.data());
        for (uint64_t r = 0; r < batch.size; ++r)
          std::memcpy(mask + begin + r * inner + c, bytes.data() + r * columns, width);
      }
    }
    return isClean;
  }

private:
  /// Several narrow groups side by side.
  bool runNarrow(GroupBatch batch, unsigned n, uint8_t *mask) {
    uint64_t count = batch.groups * batch.size * inner, width = batch.groups * inner;
    uint64_t columns = (width + 15) / 16 * 16;
    const T *x = source.view(batch.begin, count, values.data());
    using Int = typename Keys<T>::Int;
    Int largest = 0;
    for (uint64_t r = 0; r < batch.size; ++r) {
      Int *row = keys.data() + r * columns;
      std::fill(row + width, row + columns, 0);
      for (uint64_t g = 0; g < batch.groups; ++g)
        for (uint64_t i = 0; i < inner; ++i) {
          Int bits;
          std::memcpy(&bits, x + (g * batch.size + r) * inner + i, sizeof(T));
          bits &= static_cast<Int>(Lanes<T>::absMask);
          largest = std::max(largest, bits);
          row[g * inner + i] = bits;
        }
    }
    rankOf(keys.data(), batch.size, columns, n, bytes.data());
    for (uint64_t r = 0; r < batch.size; ++r)
      for (uint64_t g = 0; g < batch.groups; ++g)
        for (uint64_t i = 0; i < inner; ++i)
          mask[batch.begin + (g * batch.size + r) * inner + i] = bytes[r * columns + g * inner + i];
    return largest <= static_cast<Int>(Lanes<T>::infinity);
  }

  NMPattern pattern;
  uint64_t inner;
  Source source;
  uint64_t maxColumns;
  std::vector<T> values;
  std::vector<typename Keys<T>::Int> keys;
  std::vector<uint8_t> bytes;
};

} // namespace

template <typename T, typename MakeSource>
static std::optional<uint64_t> computeMask(NMPattern pattern, BlockView view, MakeSource makeSource,
                                           uint8_t *mask, ParallelFor parallelFor) {
  SlabGrid slabs(joinOuter(pattern, view), pattern.m);
  llvm::SmallVector<uint64_t> sections = slabs.getSections();
  std::vector<uint64_t> firstNaN(sections.size() - 1, kNone);
  parallelFor(sections.size() - 1, [&](size_t s) {
    Masker<T, decltype(makeSource())> masker(pattern, view.inner, makeSource());
    forEachBatch(slabs, sections[s], sections[s + 1], masker.getBatchSize(), [&](GroupBatch batch) {
      if (masker.run(batch, mask))
        return true;
      auto source = makeSource();
      for (uint64_t i = batch.begin;; ++i) {
        T buffer;
        T value = *source.view(i, 1, &buffer);
        if (value != value) {
          firstNaN[s] = i;
          return false;
        }
      }
    });
  });
  uint64_t first = *std::min_element(firstNaN.begin(), firstNaN.end());
  return first == kNone ? std::nullopt : std::optional(first);
}

std::optional<uint64_t> mlir::compress::computeNMMask(NMPattern pattern, BlockView view,
                                                      DataType valueType, const void *values,
                                                      uint8_t *mask, ParallelFor parallelFor) {
  assert(pattern.isValid() && "not a pattern");
  if (view.getNumElements() == 0)
    return std::nullopt;
  if (valueType == DataType::F64)
    return computeMask<double>(
        pattern, view, [&] { return ValueSource<double>{valueType, values}; }, mask, parallelFor);
  return computeMask<float>(
      pattern, view, [&] { return ValueSource<float>{valueType, values}; }, mask, parallelFor);
}

std::optional<uint64_t> mlir::compress::computeNMMask(NMPattern pattern, BlockView view,
                                                      const QuantizedTensor &tensor, uint8_t *mask,
                                                      ParallelFor parallelFor) {
  assert(pattern.isValid() && view.getNumElements() == tensor.view.getNumElements());
  if (view.getNumElements() == 0)
    return std::nullopt;
  if (tensor.scaleType == DataType::F64)
    return computeMask<double>(
        pattern, view, [&] { return CodeSource<double>{Dequantizer<double>(tensor)}; }, mask,
        parallelFor);
  return computeMask<float>(
      pattern, view, [&] { return CodeSource<float>{Dequantizer<float>(tensor)}; }, mask,
      parallelFor);
}

//===----------------------------------------------------------------------===//
// Application
//===----------------------------------------------------------------------===//

template <typename Int>
COMPRESS_INLINE void maskInts(const void *values, uint64_t count, const uint8_t *mask,
                              void *result) {
  const char *in = static_cast<const char *>(values);
  char *out = static_cast<char *>(result);
  for (uint64_t i = 0; i < count; ++i) {
    Int value;
    __builtin_memcpy(&value, in + i * sizeof(Int), sizeof(Int));
    value = mask[i] ? value : 0;
    __builtin_memcpy(out + i * sizeof(Int), &value, sizeof(Int));
  }
}

COMPRESS_CLONES static void maskElements(const void *values, unsigned bytes, uint64_t count,
                                         const uint8_t *mask, void *result) {
  switch (bytes) {
  case 1:
    return maskInts<uint8_t>(values, count, mask, result);
  case 2:
    return maskInts<uint16_t>(values, count, mask, result);
  case 4:
    return maskInts<uint32_t>(values, count, mask, result);
  default:
    return maskInts<uint64_t>(values, count, mask, result);
  }
}

void mlir::compress::applyMask(const void *values, unsigned elementBytes, uint64_t numElements,
                               const uint8_t *mask, void *result, ParallelFor parallelFor) {
  parallelFor((numElements + kSection - 1) / kSection, [&](size_t c) {
    uint64_t first = c * kSection, count = std::min(kSection, numElements - first);
    maskElements(static_cast<const char *>(values) + first * elementBytes, elementBytes, count,
                 mask + first, static_cast<char *>(result) + first * elementBytes);
  });
}

void mlir::compress::applyMaskToCodes(const void *codes, unsigned bits, uint64_t numElements,
                                      const uint8_t *mask, uint8_t fill, void *result,
                                      ParallelFor parallelFor) {
  parallelFor((numElements + kSection - 1) / kSection, [&](size_t c) {
    uint8_t tile[kTile];
    uint64_t end = std::min(numElements, (c + 1) * kSection);
    for (uint64_t at = c * kSection; at < end; at += kTile) {
      uint64_t count = std::min(kTile, end - at);
      unpackCodes(static_cast<const uint8_t *>(codes), at, count, bits, false, tile);
      for (uint64_t i = 0; i < count; ++i)
        tile[i] = mask[at + i] ? tile[i] : fill;
      packCodes(tile, count, bits, static_cast<uint8_t *>(result) + at / 8 * bits);
    }
  });
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// `readFlags(begin, count, flags)` tells which elements count.
template <typename ReadFlags>
static std::optional<uint64_t> verifyGroups(NMPattern pattern, BlockView view,
                                            ReadFlags readFlags) {
  assert(pattern.isValid() && "not a pattern");
  if (view.getNumElements() == 0)
    return std::nullopt;
  SlabGrid slabs(joinOuter(pattern, view), pattern.m);
  std::optional<uint64_t> bad;
  std::vector<uint8_t> flags;
  std::vector<uint16_t> counts(view.inner);
  uint64_t inner = view.inner;
  forEachBatch(slabs, 0, slabs.getNumSlabs(), kTile, [&](GroupBatch batch) {
    flags.resize(batch.groups * batch.size * inner);
    readFlags(batch.begin, flags.size(), flags.data());
    const uint8_t *flag = flags.data();
    for (uint64_t g = 0; g < batch.groups; ++g) {
      uint16_t largest = 0;
      if (inner == 1) {
        for (uint64_t r = 0; r < batch.size; ++r)
          largest += *flag++;
        if (largest <= pattern.n)
          continue;
        bad = batch.begin + g * batch.size;
        return false;
      }
      std::fill(counts.begin(), counts.end(), 0);
      for (uint64_t r = 0; r < batch.size; ++r, flag += inner)
        for (uint64_t i = 0; i < inner; ++i)
          counts[i] += flag[i];
      for (uint64_t i = 0; i < inner; ++i)
        largest = std::max(largest, counts[i]);
      if (largest <= pattern.n)
        continue;
      uint64_t i = 0;
      while (counts[i] <= pattern.n)
        ++i;
      bad = batch.begin + g * batch.size * inner + i;
      return false;
    }
    return true;
  });
  return bad;
}

std::optional<uint64_t> mlir::compress::verifyNM(NMPattern pattern, BlockView view,
                                                 DataType valueType, const void *values) {
  // Any nonzero bit but the sign; little-endian elements of 2, 4 or 8 bytes.
  unsigned bytes = getFloatBytes(valueType);
  const char *in = static_cast<const char *>(values);
  return verifyGroups(pattern, view, [&](uint64_t begin, uint64_t count, uint8_t *flags) {
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, in + (begin + i) * bytes, bytes);
      flags[i] = word << (65 - 8 * bytes) != 0;
    }
  });
}

std::optional<uint64_t> mlir::compress::verifyNMCodes(NMPattern pattern, BlockView view,
                                                      unsigned bits, const void *codes,
                                                      uint8_t fill) {
  fill &= (1u << bits) - 1;
  return verifyGroups(pattern, view, [&](uint64_t begin, uint64_t count, uint8_t *flags) {
    unpackCodes(static_cast<const uint8_t *>(codes), begin, count, bits, false, flags);
    for (uint64_t i = 0; i < count; ++i)
      flags[i] = flags[i] != fill;
  });
}
