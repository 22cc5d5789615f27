//===- StructuredScores.cpp - how much a channel matters ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/StructuredScores.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/xxhash.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::MutableArrayRef;
using llvm::StringRef;

/// Sums `score(element)` per index of K.
template <typename Score>
static std::vector<double> sumSlices(BlockView view, Score score) {
  std::vector<double> sums(view.k);
  uint64_t element = 0;
  for (uint64_t outer = 0; outer < view.outer; ++outer)
    for (uint64_t k = 0; k < view.k; ++k) {
      double sum = 0;
      for (uint64_t inner = 0; inner < view.inner; ++inner)
        sum += score(element++);
      sums[k] += sum;
    }
  return sums;
}

/// Sums `score(element, input channel)` per index of K.
template <typename Score>
static std::vector<double> sumChannels(const StructuredInputs &inputs, Score score) {
  const InputChannels &channels = inputs.channels;
  uint64_t perGroup = std::max<uint64_t>(1, inputs.weight.size() / channels.groups);
  return sumSlices(inputs.view, [&](uint64_t e) {
    uint64_t channel = e / channels.stride % channels.size;
    if (channels.groups > 1)
      channel += e / perGroup * channels.size;
    return score(e, inputs.channelFactors[channel]);
  });
}

/// LAMP scores of all elements.
static std::vector<double> computeLamp(ArrayRef<float> weight) {
  std::vector<size_t> order(weight.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    float left = std::fabs(weight[a]), right = std::fabs(weight[b]);
    return left != right ? left > right : a < b;
  });
  std::vector<double> scores(weight.size());
  double sum = 0;
  for (size_t e : order) {
    double square = static_cast<double>(weight[e]) * weight[e];
    sum += square;
    scores[e] = sum > 0 ? square / sum : 0;
  }
  return scores;
}

/// Scores per index of K; those of L2 are still squares.
static std::vector<double> scoreIndices(StructuredScore score, const StructuredInputs &inputs) {
  ArrayRef<float> weight = inputs.weight;
  auto w = [&](uint64_t e) { return static_cast<double>(weight[e]); };
  auto first = [&](uint64_t e) { return w(e) * inputs.gradient[e]; };
  auto second = [&](uint64_t e) { return w(e) * w(e) * inputs.gradientSquares[e]; };
  switch (score) {
  case StructuredScore::L1:
    return sumSlices(inputs.view, [&](uint64_t e) { return std::fabs(w(e)); });
  case StructuredScore::L2:
    return sumSlices(inputs.view, [&](uint64_t e) { return w(e) * w(e); });
  case StructuredScore::Wanda:
    return sumChannels(inputs, [&](uint64_t e, double norm) { return std::fabs(w(e)) * norm; });
  case StructuredScore::Flap:
    return sumChannels(inputs, [&](uint64_t e, double variance) { return w(e) * w(e) * variance; });
  case StructuredScore::Lamp: {
    std::vector<double> lamp = computeLamp(weight);
    return sumSlices(inputs.view, [&](uint64_t e) { return lamp[e]; });
  }
  case StructuredScore::Taylor:
    return sumSlices(inputs.view, [&](uint64_t e) { return std::fabs(first(e)); });
  case StructuredScore::Taylor2:
    return sumSlices(inputs.view, [&](uint64_t e) { return std::fabs(second(e)); });
  case StructuredScore::TaylorMixed:
    return sumSlices(inputs.view,
                     [&](uint64_t e) { return std::fabs(first(e) - 0.5 * second(e)); });
  case StructuredScore::TaylorVector: {
    std::vector<double> sums = sumSlices(inputs.view, first);
    for (double &sum : sums)
      sum = std::fabs(sum);
    return sums;
  }
  }
  return {};
}

/// Sums scores of indices per unit.
static std::vector<double> sumUnits(ArrayRef<double> indexScores, UnitSlices units, bool squares,
                                    bool takeRoot) {
  std::vector<double> result(units.size());
  for (size_t unit = 0; unit < result.size(); ++unit) {
    size_t begin = units.offsets[unit], end = units.offsets[unit + 1];
    double sum = 0;
    for (int64_t index : units.indices.slice(begin, end - begin)) {
      double value = indexScores[index];
      sum += squares ? value * value : value;
    }
    result[unit] = takeRoot ? std::sqrt(sum) : sum;
  }
  return result;
}

std::vector<double> mlir::compress::scoreUnits(StructuredScore score,
                                               const StructuredInputs &inputs, UnitSlices units) {
  return sumUnits(scoreIndices(score, inputs), units,
                  score == StructuredScore::Flap && inputs.unitsAreHeads,
                  score == StructuredScore::L2);
}

std::vector<double> mlir::compress::scoreUnitsOfSplat(StructuredScore score, BlockView view,
                                                      double value, UnitSlices units) {
  double element = score == StructuredScore::L2 ? value * value : std::fabs(value);
  std::vector<double> indices(view.k, element * static_cast<double>(view.outer * view.inner));
  return sumUnits(indices, units, /*squares=*/false, score == StructuredScore::L2);
}

std::vector<double> mlir::compress::makeRandomScores(uint64_t seed, StringRef name, size_t count) {
  // splitmix64 (Steele et al., 2014).
  uint64_t state = seed ^ llvm::xxh3_64bits(name);
  std::vector<double> scores(count);
  for (double &score : scores) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    score = static_cast<double>(z >> 11) * 0x1p-53;
  }
  return scores;
}

static double getMean(ArrayRef<double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(std::max<size_t>(1, values.size()));
}

void mlir::compress::normalizeByMean(MutableArrayRef<double> scores) {
  double mean = getMean(scores);
  if (mean == 0 || !std::isfinite(mean))
    return;
  for (double &score : scores)
    score /= mean;
}

void mlir::compress::normalizeByDeviation(MutableArrayRef<double> scores) {
  double mean = getMean(scores), squares = 0;
  for (double score : scores)
    squares += (score - mean) * (score - mean);
  double deviation = scores.size() > 1 ? std::sqrt(squares / (scores.size() - 1)) : 0;
  for (double &score : scores)
    score = deviation > 0 ? (score - mean) / deviation : 0;
}
