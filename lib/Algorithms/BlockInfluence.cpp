//===- BlockInfluence.cpp - how much blocks change the stream ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BlockInfluence.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;
using llvm::ArrayRef;

static double dot(const float *a, const float *b, size_t width) {
  double sum = 0;
  for (size_t i = 0; i < width; ++i)
    sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// The cosine of two vectors with the product `ab` and the squared norms `aa` and `bb`.
static double getCosine(double ab, double aa, double bb) {
  if (aa == 0 || bb == 0)
    return aa == bb ? 1 : 0;
  // The root of a square is exact.
  double norm = aa == bb ? aa : std::sqrt(aa) * std::sqrt(bb);
  return std::clamp(ab / norm, -1.0, 1.0);
}

void StreamSums::add(ArrayRef<const float *> values, size_t count, size_t width,
                     ParallelFor parallelFor) {
  constexpr double pi = 3.14159265358979323846;
  std::vector<double> squares(points * count);
  parallelFor(points, [&](size_t point) {
    for (size_t token = 0; token < count; ++token) {
      const float *x = values[point] + token * width;
      squares[point * count + token] = dot(x, x, width);
    }
  });
  std::vector<uint8_t> isCounted(count, 1);
  for (size_t i = 0; i < squares.size(); ++i)
    if (!std::isfinite(squares[i]))
      isCounted[i % count] = 0;
  size_t counted = std::accumulate(isCounted.begin(), isCounted.end(), size_t(0));
  vectors += counted;
  nonFinite += count - counted;

  parallelFor(points, [&](size_t a) {
    for (size_t b = a; b < points; ++b) {
      double cosines = 0, angles = 0;
      for (size_t token = 0; token < count; ++token) {
        if (!isCounted[token])
          continue;
        double ab = dot(values[a] + token * width, values[b] + token * width, width);
        double value = getCosine(ab, squares[a * count + token], squares[b * count + token]);
        cosines += value;
        angles += std::acos(value) / pi;
      }
      cosine[a * points + b] += cosines;
      angle[a * points + b] += angles;
      if (a == b)
        continue;
      cosine[b * points + a] += cosines;
      angle[b * points + a] += angles;
    }
  });
}

double mlir::compress::getBlockInfluence(double cosineSum, uint64_t vectors) {
  return 1 - cosineSum / static_cast<double>(vectors);
}

std::vector<size_t> mlir::compress::chooseLowest(ArrayRef<double> scores, size_t count) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] < scores[b] : a < b;
  });
  order.resize(std::min(count, order.size()));
  std::sort(order.begin(), order.end());
  return order;
}
