//===- Palette.cpp - tables made for a weight -----------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Palette.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>
#include <cmath>

using namespace mlir::compress;

namespace {

/// Integers in the order of floats, and back.
uint32_t getKey(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value + 0.0f); // -0 becomes 0
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
float getValue(uint32_t key) { return llvm::bit_cast<float>(key >> 31 ? key & 0x7fffffffu : ~key); }

/// Sorts by 32 bits of the elements from bit `shift` on, 11 bits at a time.
template <typename T>
void radixSort(std::vector<T> &elements, unsigned shift) {
  std::vector<T> other(elements.size());
  for (unsigned digit = 0; digit < 33; digit += 11) {
    size_t counts[2048] = {};
    unsigned from = shift + digit;
    unsigned mask = digit == 22 ? 1023 : 2047;
    for (T element : elements)
      ++counts[element >> from & mask];
    size_t begin = 0;
    for (size_t &count : counts) {
      size_t next = begin + count;
      count = begin;
      begin = next;
    }
    for (T element : elements)
      other[counts[element >> from & mask]++] = element;
    elements.swap(other);
  }
}

/// Values in ascending order with sums over ranges of them.
class SortedValues {
public:
  SortedValues(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights) : size(values.size()) {
    if (weights.empty()) {
      std::vector<uint32_t> keys(size);
      std::transform(values.begin(), values.end(), keys.begin(), getKey);
      radixSort(keys, 0);
      sorted.resize(size);
      std::transform(keys.begin(), keys.end(), sorted.begin(), getValue);
    } else {
      std::vector<uint64_t> pairs(size);
      for (size_t i = 0; i < size; ++i)
        pairs[i] = uint64_t(getKey(values[i])) << 32 | llvm::bit_cast<uint32_t>(weights[i]);
      radixSort(pairs, 32);
      sorted.resize(size);
      this->weights.resize(size);
      for (size_t i = 0; i < size; ++i) {
        sorted[i] = getValue(static_cast<uint32_t>(pairs[i] >> 32));
        this->weights[i] = llvm::bit_cast<float>(static_cast<uint32_t>(pairs[i]));
      }
    }
    Sums sums;
    prefix.reserve(size / kStep + 1);
    for (size_t i = 0; i < size; ++i) {
      if (i % kStep == 0)
        prefix.push_back(sums);
      add(sums, i);
    }
    total = sums;
  }

  /// Sums of w, w * x and w * x^2.
  struct Sums {
    double weight = 0, first = 0, second = 0;
    /// Sum of w * (x - center)^2.
    double getError(double center) const {
      return std::max(0.0, second - 2 * center * first + center * center * weight);
    }
  };
  Sums getSums(size_t begin, size_t end) const {
    Sums a = getSumsBefore(begin), b = getSumsBefore(end);
    return {b.weight - a.weight, b.first - a.first, b.second - a.second};
  }

  size_t getSize() const { return size; }
  float operator[](size_t i) const { return sorted[i]; }
  /// Number of values that are at most `bound`.
  size_t countUpTo(double bound) const {
    return std::upper_bound(sorted.begin(), sorted.end(), bound,
                            [](double a, float b) { return a < b; }) -
           sorted.begin();
  }
  /// The value that has the part `quantile` of the weight below it.
  float getQuantile(double quantile) const {
    double wanted = quantile * total.weight;
    auto it = std::upper_bound(prefix.begin(), prefix.end(), wanted,
                               [](double a, const Sums &b) { return a < b.weight; });
    size_t i = (it - prefix.begin() - (it != prefix.begin())) * kStep;
    Sums sums = getSumsBefore(i);
    while (i + 1 < size && sums.weight + getWeight(i) <= wanted)
      add(sums, i++);
    return sorted[i];
  }

private:
  static constexpr size_t kStep = 64;

  float getWeight(size_t i) const { return weights.empty() ? 1 : weights[i]; }
  void add(Sums &sums, size_t i) const {
    double x = sorted[i], weight = getWeight(i);
    sums.weight += weight;
    sums.first += weight * x;
    sums.second += weight * x * x;
  }
  Sums getSumsBefore(size_t i) const {
    if (i == size)
      return total;
    Sums sums = prefix[i / kStep];
    for (size_t j = i / kStep * kStep; j < i; ++j)
      add(sums, j);
    return sums;
  }

  size_t size;
  std::vector<float> sorted, weights;
  /// Sums of the elements before each multiple of `kStep`.
  std::vector<Sums> prefix;
  Sums total;
};

/// splitmix64 (Steele et al., 2014).
uint64_t drawNext(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

std::vector<double> start(const SortedValues &values, size_t k, const PaletteOptions &options) {
  std::vector<double> centers(k);
  double low = values[0], high = values[values.getSize() - 1];
  uint64_t state = options.seed;
  for (size_t i = 0; i < k; ++i) {
    switch (options.start) {
    case PaletteStart::Linear:
      centers[i] = low + (high - low) * (i + 0.5) / k;
      break;
    case PaletteStart::Density:
      centers[i] = values.getQuantile((i + 0.5) / k);
      break;
    case PaletteStart::Random:
      centers[i] = values[drawNext(state) % values.getSize()];
      break;
    }
  }
  std::sort(centers.begin(), centers.end());
  return centers;
}

/// The cells of a table: cell i has the sorted values [ends[i - 1], ends[i]).
struct Cells {
  std::vector<size_t> ends;
  std::vector<SortedValues::Sums> sums;
  double error = 0;

  Cells(const SortedValues &values, const std::vector<double> &centers) {
    size_t k = centers.size(), begin = 0;
    for (size_t i = 0; i < k; ++i) {
      size_t end = i + 1 == k ? values.getSize()
                              : values.countUpTo(centers[i] + (centers[i + 1] - centers[i]) / 2);
      end = std::max(begin, end);
      ends.push_back(end);
      sums.push_back(values.getSums(begin, end));
      error += sums.back().getError(centers[i]);
      begin = end;
    }
  }
  size_t getBegin(size_t i) const { return i ? ends[i - 1] : 0; }
};

} // namespace

/// Moves the entries without values, each into the worst cell of those that are left.
static void moveUnused(const SortedValues &values, const Cells &cells,
                       std::vector<double> &centers) {
  std::vector<size_t> worst;
  for (size_t i = 0; i < centers.size(); ++i)
    if (cells.sums[i].weight > 0)
      worst.push_back(i);
  std::vector<double> errors(centers.size());
  for (size_t i : worst)
    errors[i] = cells.sums[i].getError(centers[i]);
  std::sort(worst.begin(), worst.end(), [&](size_t a, size_t b) {
    return errors[a] != errors[b] ? errors[a] > errors[b] : a < b;
  });
  size_t next = 0;
  for (size_t i = 0; i < centers.size() && next < worst.size(); ++i) {
    if (cells.sums[i].weight > 0)
      continue;
    size_t cell = worst[next++];
    double low = values[cells.getBegin(cell)], high = values[cells.ends[cell] - 1];
    centers[i] = centers[cell] - low > high - centers[cell] ? low : high;
  }
  std::sort(centers.begin(), centers.end());
}

Palette mlir::compress::fitPalette(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights,
                                   const PaletteOptions &options) {
  assert(!values.empty() && options.bits >= 1 && options.bits <= 8 && "not a palette");
  assert((weights.empty() || weights.size() == values.size()) && "a weight for each value");
  const size_t k = size_t(1) << options.bits;
  SortedValues sorted(values, weights);
  Palette result;
  for (size_t i = 0; i < sorted.getSize() && result.table.size() <= k; ++i)
    if (result.table.empty() || sorted[i] != result.table.back())
      result.table.push_back(sorted[i]);
  if (result.table.size() <= k) {
    result.table.resize(k, result.table.back());
    result.errors.push_back(0);
    return result;
  }
  std::vector<double> centers = start(sorted, k, options);
  Cells cells(sorted, centers);
  result.errors.push_back(cells.error);
  for (unsigned iteration = 0; iteration < options.maxIterations; ++iteration) {
    bool hasUnused = false;
    for (size_t i = 0; i < k; ++i) {
      if (cells.sums[i].weight > 0)
        centers[i] = cells.sums[i].first / cells.sums[i].weight;
      else
        hasUnused = true;
    }
    if (hasUnused)
      moveUnused(sorted, cells, centers);
    Cells next(sorted, centers);
    result.errors.push_back(next.error);
    bool isDone = next.ends == cells.ends;
    cells = std::move(next);
    if (isDone)
      break;
  }
  result.table.assign(centers.begin(), centers.end());
  return result;
}

CodeGrid mlir::compress::makePaletteGrid(llvm::ArrayRef<float> table) {
  static constexpr DataType types[] = {DataType::U1, DataType::U2, DataType::U3, DataType::U4,
                                       DataType::U5, DataType::U6, DataType::U7, DataType::U8};
  assert(table.size() >= 2 && table.size() <= 256 && llvm::isPowerOf2_64(table.size()) &&
         "not a palette");
  return CodeGrid::makeTable(types[llvm::Log2_64(table.size()) - 1], table, ScaleRule::One);
}
