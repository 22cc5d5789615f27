//===- Statistics.cpp - what calibration saw of activations ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Statistics.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// TensorStatistics
//===----------------------------------------------------------------------===//

float TensorStatistics::getMin() const {
  return min.empty() ? 0 : *std::min_element(min.begin(), min.end());
}

float TensorStatistics::getMax() const {
  return max.empty() ? 0 : *std::max_element(max.begin(), max.end());
}

std::vector<float> TensorStatistics::getAbsMax() const {
  std::vector<float> result(std::min(min.size(), max.size()));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = std::max(std::fabs(min[i]), std::fabs(max[i]));
  return result;
}

static std::vector<double> divide(ArrayRef<double> sums, uint64_t count) {
  std::vector<double> result(sums.begin(), sums.end());
  for (double &value : result)
    value = count ? value / static_cast<double>(count) : 0;
  return result;
}

std::vector<double> TensorStatistics::getMean() const { return divide(sum, vectors); }

std::vector<double> TensorStatistics::getMeanAbs() const { return divide(sumAbs, vectors); }

std::vector<double> TensorStatistics::getVariance() const {
  if (sum.size() != sumSquares.size())
    return {};
  std::vector<double> mean = getMean(), result = divide(sumSquares, vectors);
  for (auto [value, average] : llvm::zip_equal(result, mean))
    value = std::max(0.0, value - average * average);
  return result;
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

const TensorStatistics *Statistics::find(StringRef key) const {
  auto it = entries.find(key);
  return it == entries.end() ? nullptr : it->second.get();
}

TensorStatistics &Statistics::getMutable(StringRef key) {
  std::shared_ptr<const TensorStatistics> &entry = entries[key.str()];
  // Always a copy: nobody else, also outside of this map, may see the change.
  auto copy =
      entry ? std::make_shared<TensorStatistics>(*entry) : std::make_shared<TensorStatistics>();
  entry = copy;
  return *copy;
}

void Statistics::set(StringRef key, std::shared_ptr<const TensorStatistics> entry) {
  entries[key.str()] = std::move(entry);
}

void Statistics::erase(StringRef key) {
  if (auto it = entries.find(key); it != entries.end())
    entries.erase(it);
}

const WeightStatistics *Statistics::findWeight(StringRef op) const {
  auto it = weights.find(op);
  return it == weights.end() ? nullptr : it->second.get();
}

void Statistics::setWeight(StringRef op, WeightStatistics entry) {
  weights[op.str()] = std::make_shared<const WeightStatistics>(std::move(entry));
}

void Statistics::eraseWeight(StringRef op) {
  if (auto it = weights.find(op); it != weights.end())
    weights.erase(it);
}

const StreamStatistics *Statistics::findStream(StringRef function) const {
  auto it = streams.find(function);
  return it == streams.end() ? nullptr : &it->second;
}

void Statistics::setStream(StringRef function, StreamStatistics entry) {
  streams[function.str()] = std::move(entry);
}

void Statistics::eraseStream(StringRef function) {
  if (auto it = streams.find(function); it != streams.end())
    streams.erase(it);
}

/// Multiplies a matrix `[groups, n, n]` from both sides with the factors of its
/// features, in f64 and rounded once, so that it stays symmetric. Clears it if
/// a product does not fit.
static void scaleMatrix(std::vector<float> &matrix, const TensorStatistics &entry,
                        ArrayRef<float> factors) {
  if (matrix.empty())
    return;
  size_t groups = entry.groups, features = entry.features;
  size_t perGroup = entry.channels / groups, kernel = features / perGroup;
  std::vector<double> factor(features);
  float *row = matrix.data();
  bool finite = true;
  for (size_t group = 0; group < groups; ++group) {
    for (size_t i = 0; i < features; ++i)
      factor[i] = factors[group * perGroup + i / kernel];
    for (size_t i = 0; i < features; ++i, row += features)
      for (size_t j = 0; j < features; ++j) {
        row[j] = static_cast<float>(row[j] * (factor[i] * factor[j]));
        finite &= std::isfinite(row[j]);
      }
  }
  if (!finite)
    matrix.clear();
}

/// Whether the sizes of the matrices agree with one another, so that they can
/// be scaled.
static bool hasConsistentMatrices(const TensorStatistics &entry) {
  if (entry.gram.empty() && entry.cross.empty())
    return true;
  if (entry.groups < 1 || entry.features < 1 || entry.channels < 1 ||
      entry.channels % entry.groups != 0 || entry.features % (entry.channels / entry.groups) != 0)
    return false;
  auto fits = [&](ArrayRef<float> matrix) {
    unsigned __int128 size = static_cast<unsigned __int128>(entry.groups) *
                             static_cast<uint64_t>(entry.features) *
                             static_cast<uint64_t>(entry.features);
    return matrix.empty() || matrix.size() == size;
  };
  return entry.features <= INT32_MAX && fits(entry.gram) && fits(entry.cross);
}

template <typename T>
static bool isFinite(ArrayRef<T> values) {
  return llvm::all_of(values, [](T value) { return std::isfinite(value); });
}

void Statistics::scaleChannels(StringRef key, ArrayRef<float> factors) {
  const TensorStatistics *old = find(key);
  if (!old)
    return;
  size_t channels = factors.size();
  auto fits = [&](size_t size) { return size == 0 || size == channels; };
  if (static_cast<int64_t>(channels) != old->channels || !isFinite(factors) ||
      !fits(old->min.size()) || old->min.size() != old->max.size() || !fits(old->sum.size()) ||
      !fits(old->sumAbs.size()) || !fits(old->sumSquares.size()) || !hasConsistentMatrices(*old))
    return drop(key);
  TensorStatistics &entry = getMutable(key);
  for (size_t c = 0; c < entry.min.size(); ++c) {
    entry.min[c] *= factors[c];
    entry.max[c] *= factors[c];
    if (factors[c] < 0)
      std::swap(entry.min[c], entry.max[c]);
  }
  auto scale = [&](std::vector<double> &sums, auto factorOf) {
    for (size_t c = 0; c < sums.size(); ++c)
      sums[c] *= factorOf(static_cast<double>(factors[c]));
  };
  scale(entry.sum, [](double factor) { return factor; });
  scale(entry.sumAbs, [](double factor) { return std::fabs(factor); });
  scale(entry.sumSquares, [](double factor) { return factor * factor; });
  scaleMatrix(entry.gram, entry, factors);
  scaleMatrix(entry.cross, entry, factors);
  entry.histogram = {};
  entry.movingRange.clear();
  // The activation itself overflows: nothing is known of it any more.
  if (!isFinite<float>(entry.min) || !isFinite<float>(entry.max))
    drop(key);
}
