//===- Equalization.cpp - equal ranges of neighbouring layers --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Equalization.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

namespace {
using Side = EqualizationTensor::Side;

/// Largest magnitudes of a tensor by the indices of its sides: `[k of side 0, k of side 1]`.
struct Table {
  llvm::ArrayRef<Side> sides;
  size_t columns = 1;
  std::vector<float> largest;

  explicit Table(const EqualizationTensor &tensor) : sides(tensor.sides) {
    if (sides.empty())
      return;
    if (sides.size() > 1)
      columns = sides[1].view.k;
    largest.assign(sides[0].view.k * columns, 0.0f);
    auto index = [](const Side &side, size_t i) { return i / side.view.inner % side.view.k; };
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      size_t column = sides.size() > 1 ? index(sides[1], i) : 0;
      float &entry = largest[index(sides[0], i) * columns + column];
      entry = std::max(entry, std::fabs(tensor.values[i]));
    }
  }
};
} // namespace

static double getFactor(const Side &side, size_t k,
                        const std::vector<std::vector<double>> &factors) {
  if (side.classes[k] < 0)
    return 1;
  double factor = factors[side.pair][side.classes[k]];
  return side.multiply ? factor : 1 / factor;
}

EqualizationResult mlir::compress::equalize(llvm::ArrayRef<EqualizationTensor> tensors,
                                            llvm::ArrayRef<size_t> numClasses, unsigned maxSweeps,
                                            double tolerance) {
  EqualizationResult result;
  std::vector<Table> tables;
  /// Tables with a side of each pair, and whether one has both.
  std::vector<std::vector<size_t>> tablesOf(numClasses.size());
  std::vector<bool> hasLoop(numClasses.size(), false);
  for (const EqualizationTensor &tensor : tensors) {
    for (const Side &side : tensor.sides) {
      if (!tablesOf[side.pair].empty() && tablesOf[side.pair].back() == tables.size())
        hasLoop[side.pair] = true;
      else
        tablesOf[side.pair].push_back(tables.size());
    }
    tables.emplace_back(tensor);
  }
  for (size_t classes : numClasses)
    result.factors.emplace_back(classes, 1.0);

  while (!result.converged && result.sweeps < maxSweeps) {
    ++result.sweeps;
    double largestStep = 0;
    for (size_t pair = 0; pair < numClasses.size(); ++pair) {
      std::vector<double> ranges[2] = {std::vector<double>(numClasses[pair], 0.0),
                                       std::vector<double>(numClasses[pair], 0.0)};
      for (size_t t : tablesOf[pair]) {
        const Table &table = tables[t];
        for (size_t i = 0; i < table.largest.size(); ++i) {
          size_t position[2] = {i / table.columns, i % table.columns};
          double value = table.largest[i];
          for (size_t s = 0; s < table.sides.size(); ++s)
            value *= getFactor(table.sides[s], position[s], result.factors);
          for (size_t s = 0; s < table.sides.size(); ++s) {
            const Side &side = table.sides[s];
            int32_t index = side.classes[position[s]];
            if (side.pair != pair || index < 0)
              continue;
            double &range = ranges[side.multiply][index];
            range = std::max(range, value);
          }
        }
      }
      for (size_t i = 0; i < numClasses[pair]; ++i) {
        double first = ranges[0][i], second = ranges[1][i];
        if (first == 0 || second == 0)
          continue;
        double step = std::sqrt(first * second) / second;
        if (hasLoop[pair])
          step = std::sqrt(step);
        result.factors[pair][i] *= step;
        largestStep = std::max(largestStep, std::fabs(std::log(step)));
      }
    }
    result.converged = largestStep <= tolerance;
  }
  return result;
}
