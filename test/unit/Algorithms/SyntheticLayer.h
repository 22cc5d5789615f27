//===- SyntheticLayer.h - random layers for tests of methods ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_ALGORITHMS_SYNTHETICLAYER_H
#define COMPRESS_TEST_UNIT_ALGORITHMS_SYNTHETICLAYER_H

#include <cmath>
#include <random>
#include <vector>

namespace mlir::compress {

/// A linear layer with independent inputs whose channels have magnitudes exp(N(0, 1)): `weight`
/// [rows, columns] is N(0, 1), `inputs` [vectors, columns].
struct OutlierLayer {
  size_t rows = 64, columns = 128, vectors = 512;
  std::vector<float> weight, inputs, gram;

  explicit OutlierLayer(unsigned seed) {
    std::mt19937_64 generator(seed);
    auto uniform = [&] {
      return (static_cast<double>(generator() >> 11) + 0.5) / 9007199254740992.0;
    };
    auto normal = [&] {
      return std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform());
    };
    for (size_t i = 0; i < rows * columns; ++i)
      weight.push_back(static_cast<float>(normal()));
    std::vector<double> size;
    for (size_t j = 0; j < columns; ++j)
      size.push_back(std::exp(normal()));
    for (size_t v = 0; v < vectors; ++v)
      for (size_t j = 0; j < columns; ++j)
        inputs.push_back(static_cast<float>(size[j] * normal()));
    gram.assign(columns * columns, 0.0f);
    for (size_t v = 0; v < vectors; ++v)
      for (size_t i = 0; i < columns; ++i)
        for (size_t j = 0; j < columns; ++j)
          gram[i * columns + j] += inputs[v * columns + i] * inputs[v * columns + j];
  }

  /// ||(W - W^) X||^2 / ||W X||^2.
  double getError(const std::vector<float> &quantized) const {
    double error = 0, total = 0;
    for (size_t v = 0; v < vectors; ++v)
      for (size_t r = 0; r < rows; ++r) {
        double difference = 0, output = 0;
        for (size_t j = 0; j < columns; ++j) {
          double x = inputs[v * columns + j], w = weight[r * columns + j];
          difference += (quantized[r * columns + j] - w) * x;
          output += w * x;
        }
        error += difference * difference;
        total += output * output;
      }
    return error / total;
  }

  /// Mean and largest magnitude of each input.
  std::vector<float> getMeanAbs() const {
    std::vector<double> sums(columns, 0);
    for (size_t i = 0; i < inputs.size(); ++i)
      sums[i % columns] += std::fabs(inputs[i]);
    std::vector<float> means;
    for (double sum : sums)
      means.push_back(static_cast<float>(sum / vectors));
    return means;
  }
  std::vector<float> getAbsMax() const {
    std::vector<float> largest(columns, 0.0f);
    for (size_t i = 0; i < inputs.size(); ++i)
      largest[i % columns] = std::max(largest[i % columns], std::fabs(inputs[i]));
    return largest;
  }
};

} // namespace mlir::compress

#endif // COMPRESS_TEST_UNIT_ALGORITHMS_SYNTHETICLAYER_H
