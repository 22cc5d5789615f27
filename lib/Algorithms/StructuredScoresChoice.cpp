//===- StructuredScoresChoice.cpp - which channels go ---------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/StructuredScores.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;

int64_t mlir::compress::getRemovalLimit(int64_t units, int64_t roundTo) {
  return units <= roundTo ? 0 : units - roundTo;
}

int64_t mlir::compress::roundRemoval(int64_t units, int64_t removed, int64_t roundTo) {
  if (removed <= 0 || units <= roundTo)
    return 0;
  int64_t left = (units - removed) / roundTo * roundTo;
  return units - std::max(left, roundTo);
}

std::vector<int64_t> mlir::compress::shareRemovals(ArrayRef<int64_t> units, double ratio,
                                                   int64_t roundTo) {
  std::vector<int64_t> result;
  int64_t unitsSoFar = 0, removedSoFar = 0;
  for (int64_t count : units) {
    int64_t limit = getRemovalLimit(count, roundTo);
    // Groups that cannot lose anything do not make the others lose more.
    if (limit == 0) {
      result.push_back(0);
      continue;
    }
    unitsSoFar += count;
    auto due = static_cast<int64_t>(std::llround(ratio * static_cast<double>(unitsSoFar)));
    int64_t removed = std::clamp<int64_t>(due - removedSoFar, 0, limit);
    removedSoFar += removed;
    result.push_back(roundRemoval(count, removed, roundTo));
  }
  return result;
}

/// Indices in the order in which they go.
static std::vector<size_t> sortByScore(ArrayRef<double> scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] < scores[b] : a > b;
  });
  return order;
}

std::vector<uint8_t> mlir::compress::keepLargest(ArrayRef<double> scores, int64_t removed) {
  std::vector<uint8_t> kept(scores.size(), 1);
  std::vector<size_t> order = sortByScore(scores);
  for (size_t index : ArrayRef(order).take_front(removed))
    kept[index] = 0;
  return kept;
}

std::vector<size_t> mlir::compress::rankRemovals(ArrayRef<RankedGroup> groups, int64_t roundTo) {
  struct Step {
    double score;
    size_t group, position;
  };
  std::vector<Step> steps;
  for (auto [number, group] : llvm::enumerate(groups)) {
    std::vector<size_t> order = sortByScore(group.scores);
    order.resize(getRemovalLimit(order.size(), roundTo));
    for (auto [position, unit] : llvm::enumerate(order))
      steps.push_back({group.scores[unit], number, position});
  }
  llvm::sort(steps, [](const Step &a, const Step &b) {
    if (a.score != b.score)
      return a.score < b.score;
    return a.group != b.group ? a.group > b.group : a.position < b.position;
  });
  std::vector<size_t> order;
  for (const Step &step : steps)
    order.push_back(step.group);
  return order;
}

size_t mlir::compress::countSteps(ArrayRef<RankedGroup> groups, ArrayRef<size_t> order,
                                  double ratio) {
  double total = 0;
  for (const RankedGroup &group : groups)
    total += group.unitWeight * static_cast<double>(group.scores.size());
  double target = ratio * total, removed = 0, best = target;
  size_t steps = 0;
  for (auto [number, group] : llvm::enumerate(order)) {
    removed += groups[group].unitWeight;
    if (std::fabs(removed - target) >= best)
      break;
    best = std::fabs(removed - target);
    steps = number + 1;
  }
  return steps;
}
