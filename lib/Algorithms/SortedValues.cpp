//===- SortedValues.cpp - sums over ranges of sorted values ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SortedValues.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Sorting
//===----------------------------------------------------------------------===//

/// Integers in the order of floats, and back.
static uint32_t getKey(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value + 0.0f); // -0 becomes 0
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
static float getValue(uint32_t key) {
  return llvm::bit_cast<float>(key >> 31 ? key & 0x7fffffffu : ~key);
}

/// Sorts by 32 bits of the elements from bit `shift` on, 11 bits at a time.
template <typename T>
static void radixSort(std::vector<T> &elements, unsigned shift) {
  if (elements.size() < 2048) {
    std::sort(elements.begin(), elements.end()); // other bits decide about equal ones
    return;
  }
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

//===----------------------------------------------------------------------===//
// SortedValues
//===----------------------------------------------------------------------===//

SortedValues::SortedValues(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights) {
  bool hasWeights = llvm::any_of(weights, [](float weight) { return weight > 0; });
  if (!hasWeights) {
    std::vector<uint32_t> keys(values.size());
    std::transform(values.begin(), values.end(), keys.begin(), getKey);
    radixSort(keys, 0);
    sorted.resize(keys.size());
    std::transform(keys.begin(), keys.end(), sorted.begin(), getValue);
  } else {
    std::vector<uint64_t> pairs;
    pairs.reserve(values.size());
    for (size_t i = 0; i < values.size(); ++i)
      if (weights[i] > 0)
        pairs.push_back(uint64_t(getKey(values[i])) << 32 | llvm::bit_cast<uint32_t>(weights[i]));
    radixSort(pairs, 32);
    sorted.resize(pairs.size());
    this->weights.resize(pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) {
      sorted[i] = getValue(static_cast<uint32_t>(pairs[i] >> 32));
      this->weights[i] = llvm::bit_cast<float>(static_cast<uint32_t>(pairs[i]));
    }
  }
  size_t size = sorted.size(), steps = (size + kStep - 1) / kStep;
  middle = size / 2;
  origin = sorted[middle];
  prefix.resize(steps + 1);
  Sums sums;
  for (size_t i = middle; i < size;) {
    add(sums, i++);
    if (i % kStep == 0)
      prefix[i / kStep] = sums;
  }
  prefix[steps] = sums;
  sums = Sums();
  for (size_t i = middle; i-- > 0;) {
    add(sums, i, -1);
    if (i % kStep == 0)
      prefix[i / kStep] = sums;
  }
}

void SortedValues::add(Sums &sums, size_t i, double sign) const {
  double x = sorted[i] - origin, weight = sign * getWeight(i);
  sums.weight += weight;
  sums.first += weight * x;
  sums.second += weight * x * x;
}

SortedValues::Sums SortedValues::getSumsBefore(size_t i) const {
  if (i == sorted.size())
    return prefix.back();
  // From the middle, or from a step between it and the value.
  size_t step = i / kStep;
  if (i >= middle) {
    size_t from = std::max(middle, step * kStep);
    Sums sums = from == middle ? Sums() : prefix[step];
    for (size_t j = from; j < i; ++j)
      add(sums, j);
    return sums;
  }
  size_t from = std::min(middle, (step + 1) * kStep);
  Sums sums = from == middle ? Sums() : prefix[step + 1];
  for (size_t j = from; j-- > i;)
    add(sums, j, -1);
  return sums;
}

size_t SortedValues::countUpTo(double bound) const {
  return std::upper_bound(sorted.begin(), sorted.end(), bound,
                          [](double a, float b) { return a < b; }) -
         sorted.begin();
}

float SortedValues::getQuantile(double quantile) const {
  double below = prefix.front().weight;
  double wanted = below + quantile * (prefix.back().weight - below);
  auto end = prefix.end() - 1;
  auto it = std::upper_bound(prefix.begin(), end, wanted,
                             [](double a, const Sums &b) { return a < b.weight; });
  size_t i = (it - prefix.begin() - (it != prefix.begin())) * kStep;
  Sums sums = getSumsBefore(i);
  while (i + 1 < sorted.size() && sums.weight + getWeight(i) <= wanted)
    add(sums, i++);
  return sorted[i];
}

double SortedValues::getMean(size_t begin, size_t end) const {
  double base = sorted[begin + (end - begin) / 2], sum = 0, weight = 0;
  for (size_t i = begin; i < end; ++i) {
    sum += getWeight(i) * (sorted[i] - base);
    weight += getWeight(i);
  }
  return base + sum / weight;
}

double SortedValues::getError(size_t begin, size_t end, double center) const {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) {
    double error = sorted[i] - center;
    sum += getWeight(i) * error * error;
  }
  return sum;
}

//===----------------------------------------------------------------------===//
// Lloyd's iteration
//===----------------------------------------------------------------------===//

Cells::Cells(const SortedValues &values, const std::vector<double> &centers) {
  size_t k = centers.size(), begin = 0;
  for (size_t i = 0; i < k; ++i) {
    size_t end = i + 1 == k ? values.getSize()
                            : values.countUpTo(centers[i] + (centers[i + 1] - centers[i]) / 2);
    end = std::max(begin, end);
    ends.push_back(end);
    sums.push_back(values.getSums(begin, end));
    error += sums.back().getError(centers[i] - values.getOrigin());
    begin = end;
  }
}

/// Moves the entries without values, each into the worst cell of those that are left. `fixed` is an
/// entry that stays.
static void moveUnused(const SortedValues &values, const Cells &cells, size_t fixed,
                       std::vector<double> &centers) {
  std::vector<size_t> worst;
  std::vector<double> errors(centers.size());
  for (size_t i = 0; i < centers.size(); ++i) {
    if (cells.isEmpty(i))
      continue;
    worst.push_back(i);
    errors[i] = cells.sums[i].getError(centers[i] - values.getOrigin());
  }
  std::sort(worst.begin(), worst.end(), [&](size_t a, size_t b) {
    return errors[a] != errors[b] ? errors[a] > errors[b] : a < b;
  });
  size_t next = 0;
  for (size_t i = 0; i < centers.size() && next < worst.size(); ++i) {
    if (!cells.isEmpty(i) || i == fixed)
      continue;
    size_t cell = worst[next++];
    double low = values[cells.getBegin(cell)], high = values[cells.ends[cell] - 1];
    centers[i] = centers[cell] - low > high - centers[cell] ? low : high;
  }
  std::sort(centers.begin(), centers.end());
}

/// The entry that stays, or the number of entries.
static size_t findFixed(const std::vector<double> &centers, bool keepZero) {
  return keepZero ? std::find(centers.begin(), centers.end(), 0.0) - centers.begin()
                  : centers.size();
}

std::vector<double> mlir::compress::iterateLloyd(const SortedValues &values,
                                                 std::vector<double> &centers, bool keepZero,
                                                 unsigned maxIterations) {
  size_t fixed = findFixed(centers, keepZero);
  Cells cells(values, centers);
  std::vector<double> errors{cells.error};
  for (unsigned iteration = 0; iteration < maxIterations; ++iteration) {
    bool hasUnused = false;
    for (size_t i = 0; i < centers.size(); ++i) {
      if (i == fixed)
        continue;
      if (cells.isEmpty(i))
        hasUnused = true;
      else
        centers[i] = values.getOrigin() + cells.sums[i].first / cells.sums[i].weight;
    }
    if (hasUnused) {
      moveUnused(values, cells, fixed, centers);
      fixed = findFixed(centers, keepZero);
    }
    Cells next(values, centers);
    errors.push_back(next.error);
    bool isDone = next.ends == cells.ends;
    cells = std::move(next);
    if (isDone)
      break;
  }
  return errors;
}

std::optional<std::vector<float>> mlir::compress::getDistinct(const SortedValues &values,
                                                              size_t count, bool needsZero) {
  std::vector<float> distinct;
  for (size_t i = 0; i < values.getSize() && distinct.size() <= count; ++i)
    if (distinct.empty() || values[i] != distinct.back())
      distinct.push_back(values[i]);
  if (needsZero && distinct.size() <= count) {
    auto it = llvm::lower_bound(distinct, 0.0f);
    if (it == distinct.end() || *it != 0)
      distinct.insert(it, 0.0f);
  }
  if (distinct.size() > count)
    return std::nullopt;
  return distinct;
}
