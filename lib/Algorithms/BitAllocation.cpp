//===- BitAllocation.cpp - one format per layer under a budget ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitAllocation.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

using namespace mlir::compress;

using Layers = llvm::ArrayRef<std::vector<FormatChoice>>;

uint64_t mlir::compress::getSmallestSize(Layers layers) {
  uint64_t total = 0;
  for (const std::vector<FormatChoice> &layer : layers) {
    uint64_t smallest = std::numeric_limits<uint64_t>::max();
    for (const FormatChoice &choice : layer)
      smallest = std::min(smallest, choice.size);
    total += layer.empty() ? 0 : smallest;
  }
  return total;
}

/// Whether `a` is better than `b` at a price of `lambda` per unit of size.
static bool isBetter(const FormatChoice &a, const FormatChoice &b, double lambda) {
  double costOfA = a.sensitivity + lambda * double(a.size);
  double costOfB = b.sensitivity + lambda * double(b.size);
  return costOfA != costOfB ? costOfA < costOfB : a.size < b.size;
}

/// Sums of `allocation.choices`.
static void addUp(Layers layers, BitAllocation &allocation) {
  allocation.size = 0;
  allocation.sensitivity = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    allocation.size += layers[i][allocation.choices[i]].size;
    allocation.sensitivity += layers[i][allocation.choices[i]].sensitivity;
  }
}

/// The best choice of every layer by itself, at a price of `lambda` per unit of size.
static BitAllocation chooseAtPrice(Layers layers, double lambda) {
  BitAllocation allocation;
  for (const std::vector<FormatChoice> &layer : layers) {
    unsigned best = 0;
    for (unsigned f = 1; f < layer.size(); ++f)
      if (isBetter(layer[f], layer[best], lambda))
        best = f;
    allocation.choices.push_back(best);
  }
  addUp(layers, allocation);
  return allocation;
}

/// Spends what is left of the budget on the change that lowers the sensitivity most, again and
/// again.
static void fillUp(Layers layers, uint64_t budget, BitAllocation &allocation) {
  for (;;) {
    double best = 0;
    size_t bestLayer = 0;
    unsigned bestFormat = 0;
    for (size_t i = 0; i < layers.size(); ++i) {
      const FormatChoice &now = layers[i][allocation.choices[i]];
      for (unsigned f = 0; f < layers[i].size(); ++f) {
        const FormatChoice &next = layers[i][f];
        double gain = now.sensitivity - next.sensitivity;
        if (gain > best && allocation.size - now.size + next.size <= budget) {
          best = gain;
          bestLayer = i;
          bestFormat = f;
        }
      }
    }
    if (best == 0)
      return;
    allocation.choices[bestLayer] = bestFormat;
    addUp(layers, allocation);
  }
}

/// A feasible allocation and the price that it was found at.
static std::pair<BitAllocation, double> relax(Layers layers, uint64_t budget) {
  BitAllocation cheapest = chooseAtPrice(layers, 0);
  if (cheapest.size <= budget)
    return {cheapest, 0.0};
  // Bisection between a price that is too low and one that is high enough.
  double low = 0, high = 1;
  BitAllocation best;
  for (;;) {
    best = chooseAtPrice(layers, high);
    if (best.size <= budget || high > 1e300)
      break;
    low = high;
    high *= 16;
  }
  if (best.size > budget) {
    // Sensitivities of astronomical size: the smallest formats.
    for (size_t i = 0; i < layers.size(); ++i)
      best.choices[i] = std::min_element(layers[i].begin(), layers[i].end(),
                                         [](const FormatChoice &a, const FormatChoice &b) {
                                           return a.size < b.size;
                                         }) -
                        layers[i].begin();
    addUp(layers, best);
  }
  for (int i = 0; i < 200 && low < high; ++i) {
    double middle = low > 0 ? std::sqrt(low) * std::sqrt(high) : high / 1024;
    if (middle <= low || middle >= high)
      break;
    BitAllocation candidate = chooseAtPrice(layers, middle);
    if (candidate.size <= budget) {
      high = middle;
      if (candidate.sensitivity < best.sensitivity)
        best = std::move(candidate);
    } else {
      low = middle;
    }
  }
  fillUp(layers, budget, best);
  return {best, high};
}

namespace {
/// A choice for the first layers.
struct State {
  uint64_t size;
  double sensitivity;
  uint32_t parent;
  uint32_t format;
};
} // namespace

/// Keeps the states that no other one beats in both respects, by size.
static void keepBest(std::vector<State> &states) {
  std::sort(states.begin(), states.end(), [](const State &a, const State &b) {
    return std::tie(a.size, a.sensitivity, a.parent, a.format) <
           std::tie(b.size, b.sensitivity, b.parent, b.format);
  });
  size_t kept = 0;
  for (const State &state : states)
    if (kept == 0 || state.sensitivity < states[kept - 1].sensitivity)
      states[kept++] = state;
  states.resize(kept);
}

std::optional<BitAllocation> mlir::compress::allocateBits(Layers layers, uint64_t budget,
                                                          size_t maxStates) {
  for (const std::vector<FormatChoice> &layer : layers)
    if (layer.empty())
      return std::nullopt;
  if (getSmallestSize(layers) > budget)
    return std::nullopt;
  auto [known, lambda] = relax(layers, budget);

  // Of the layers from i on: their smallest size, and the least of sensitivity + lambda * size.
  size_t count = layers.size();
  std::vector<uint64_t> smallest(count + 1);
  std::vector<double> relaxed(count + 1);
  for (size_t i = count; i-- > 0;) {
    uint64_t size = std::numeric_limits<uint64_t>::max();
    double cost = std::numeric_limits<double>::infinity();
    for (const FormatChoice &choice : layers[i]) {
      size = std::min(size, choice.size);
      cost = std::min(cost, choice.sensitivity + lambda * double(choice.size));
    }
    smallest[i] = smallest[i + 1] + size;
    relaxed[i] = relaxed[i + 1] + cost;
  }
  // Rounding errors of the bounds must not drop the best state.
  double slack = 1e-9 * (known.sensitivity + lambda * double(budget));

  std::vector<std::vector<State>> steps(count + 1);
  steps[0] = {{0, 0.0, 0, 0}};
  for (size_t i = 0; i < count; ++i) {
    std::vector<State> &next = steps[i + 1];
    for (uint32_t parent = 0; parent < steps[i].size(); ++parent)
      for (uint32_t format = 0; format < layers[i].size(); ++format) {
        uint64_t size = steps[i][parent].size + layers[i][format].size;
        double sensitivity = steps[i][parent].sensitivity + layers[i][format].sensitivity;
        if (size + smallest[i + 1] > budget)
          continue;
        double bound = sensitivity + relaxed[i + 1] - lambda * double(budget - size);
        if (std::max(bound, sensitivity) <= known.sensitivity + slack)
          next.push_back({size, sensitivity, parent, format});
      }
    keepBest(next);
    if (next.size() > maxStates || next.empty()) {
      known.exact = false;
      return known;
    }
  }
  // The last state has the least sensitivity.
  BitAllocation result;
  result.choices.resize(count);
  uint32_t index = steps[count].size() - 1;
  result.size = steps[count][index].size;
  result.sensitivity = steps[count][index].sensitivity;
  for (size_t i = count; i-- > 0;) {
    result.choices[i] = steps[i + 1][index].format;
    index = steps[i + 1][index].parent;
  }
  return result;
}

double mlir::compress::estimateTrace(
    size_t n, unsigned probes, uint64_t seed,
    llvm::function_ref<void(llvm::ArrayRef<double> z, llvm::MutableArrayRef<double> product)>
        multiply) {
  std::vector<double> z(n), product(n);
  // SplitMix64 (Steele et al., OOPSLA 2014).
  uint64_t state = seed;
  auto draw = [&] {
    uint64_t x = state += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
  };
  double total = 0;
  for (unsigned probe = 0; probe < probes; ++probe) {
    uint64_t bits = 0;
    for (size_t i = 0; i < n; ++i) {
      if (i % 64 == 0)
        bits = draw();
      z[i] = (bits >> (i % 64)) & 1 ? 1.0 : -1.0;
    }
    multiply(z, product);
    for (size_t i = 0; i < n; ++i)
      total += z[i] * product[i];
  }
  return probes == 0 ? 0.0 : total / probes;
}
