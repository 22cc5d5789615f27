//===- Ternary.cpp - weights of -1, 0 and 1 -------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Ternary.h"
#include "compress/Algorithms/CodeTables.h"
#include "compress/Support/NumericFormats.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

/// Codes of i2.
constexpr uint8_t kPlus = 1, kMinus = 3;

static float storeScale(double scale, DataType type) {
  float stored = static_cast<float>(roundToType(type, static_cast<float>(scale)));
  return stored == 0 ? 1 : stored;
}

static double sumMagnitudes(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += std::fabs(values[i]);
  return sum;
}

/// Writes codes and returns the scale.
static float ternarizeTwn(const float *values, size_t count, DataType scaleType, uint8_t *codes) {
  double threshold = 0.7 * sumMagnitudes(values, count) / count, sum = 0;
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    bool keep = std::fabs(values[i]) > threshold;
    codes[i] = !keep ? 0 : values[i] > 0 ? kPlus : kMinus;
    sum += keep ? std::fabs(values[i]) : 0;
    kept += keep;
  }
  return storeScale(kept ? sum / kept : 1, scaleType);
}

QuantizedMatrix mlir::compress::ternarizeMatrix(TernaryRule rule, const float *weight, size_t rows,
                                                size_t columns, size_t group, DataType scaleType,
                                                ParallelFor parallelFor) {
  if (rule == TernaryRule::Exact)
    return quantizeMatrix(makeTernaryGrid(scaleType), weight, rows, columns, group,
                          WeightRange::MinMax, parallelFor);
  QuantizedMatrix result;
  result.rows = rows;
  result.columns = columns;
  result.group = group;
  if (rows == 0 || columns == 0)
    return result;
  const size_t numGroups = result.getNumGroups();
  result.codes.resize(rows * columns);
  result.blocks.resize(rows * numGroups);
  if (rule == TernaryRule::Twn) {
    parallelFor(rows, [&](size_t row) {
      for (size_t g = 0; g < numGroups; ++g) {
        size_t begin = row * columns + g * group, count = std::min(group, columns - g * group);
        result.blocks[row * numGroups + g].scale =
            ternarizeTwn(weight + begin, count, scaleType, result.codes.data() + begin);
      }
    });
    return result;
  }
  std::vector<double> sums(rows);
  parallelFor(rows,
              [&](size_t row) { sums[row] = sumMagnitudes(weight + row * columns, columns); });
  double sum = 0;
  for (double part : sums)
    sum += part;
  const float scale = storeScale(sum / (rows * columns), scaleType);
  std::fill(result.blocks.begin(), result.blocks.end(), BlockParameters{scale, 0});
  parallelFor(rows, [&](size_t row) {
    for (size_t i = row * columns; i < (row + 1) * columns; ++i) {
      // Half to even: 1/2 becomes 0.
      float ratio = weight[i] / scale;
      result.codes[i] = ratio > 0.5f ? kPlus : ratio < -0.5f ? kMinus : 0;
    }
  });
  return result;
}
