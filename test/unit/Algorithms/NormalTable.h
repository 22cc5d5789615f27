//===- NormalTable.h - a deterministic normal sample ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_ALGORITHMS_NORMALTABLE_H
#define COMPRESS_TEST_UNIT_ALGORITHMS_NORMALTABLE_H

#include <cmath>
#include <random>
#include <vector>

namespace normal {

/// The x with Phi(x) = p, by Newton's method.
inline double getQuantile(double p) {
  if (p > 0.5)
    return -getQuantile(1 - p);
  double x = p < 0.02 ? -std::sqrt(-2 * std::log(p)) : 0;
  for (int i = 0; i < 60; ++i) {
    double error = 0.5 * std::erfc(-x / std::sqrt(2.0)) - p;
    double step = error / (std::exp(-x * x / 2) / std::sqrt(2 * M_PI));
    x -= std::min(std::max(step, -0.5), 0.5);
  }
  return x;
}

/// The quantiles of (i + 1/2) / count: moments are those of the distribution, nearly.
inline std::vector<float> makeQuantiles(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(getQuantile((i + 0.5) / count));
  return values;
}

/// A random sample, the same on every machine.
inline std::vector<float> makeSample(size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values(count + 1);
  for (size_t i = 0; i < count; i += 2) {
    double u = ((random() >> 11) + 0.5) * 0x1p-53, v = (random() >> 11) * 0x1p-53;
    double radius = std::sqrt(-2 * std::log(u));
    values[i] = static_cast<float>(radius * std::cos(2 * M_PI * v));
    values[i + 1] = static_cast<float>(radius * std::sin(2 * M_PI * v));
  }
  values.resize(count);
  return values;
}

} // namespace normal

#endif // COMPRESS_TEST_UNIT_ALGORITHMS_NORMALTABLE_H
