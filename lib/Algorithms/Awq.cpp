//===- Awq.cpp - scales and ranges by the error of outputs -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Awq.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include <algorithm>
#include <atomic>
#include <cmath>

using namespace mlir::compress;

/// Rows whose errors are multiplied with the Gram matrix together.
static constexpr size_t kRowBlock = 64;

double mlir::compress::getAwqLoss(const AwqLayer &layer, const float *error,
                                  ParallelFor parallelFor) {
  size_t columns = layer.columns, blocks = (layer.rows + kRowBlock - 1) / kRowBlock;
  std::vector<double> losses(blocks, 0);
  parallelFor(blocks, [&](size_t block) {
    size_t first = block * kRowBlock, rows = std::min(kRowBlock, layer.rows - first);
    const float *mine = error + first * columns;
    double loss = 0;
    if (layer.gram) {
      std::vector<float> product(rows * columns);
      gemm<float>(false, false, rows, columns, columns, 1, mine, columns, layer.gram, columns, 0,
                  product.data(), columns);
      for (size_t i = 0; i < product.size(); ++i)
        loss += double(product[i]) * double(mine[i]);
    } else {
      for (size_t row = 0; row < rows; ++row)
        for (size_t column = 0; column < columns; ++column) {
          double value = mine[row * columns + column];
          loss += value * value * layer.diagonal[column];
        }
    }
    losses[block] = loss;
  });
  double sum = 0;
  for (double loss : losses)
    sum += loss;
  return sum;
}

/// The grid for this matrix: the one of the layer, with the scale of the tensor where it has one.
static CodeGrid getGrid(const AwqLayer &layer, const float *weight) {
  CodeGrid grid = *layer.grid;
  if (grid.getScaleRule() == ScaleRule::E4M3 && !grid.isUniform()) {
    float largest = 0;
    for (size_t i = 0; i < layer.rows * layer.columns; ++i)
      largest = std::max(largest, std::fabs(weight[i]));
    grid.setTensorScale(largest > 0 ? largest / (6.0f * 448.0f) : 1.0f);
  }
  return grid;
}

/// Loss of a layer whose columns are scaled by `scales`. `work` has room for the matrix.
static double getScaledLoss(const AwqLayer &layer, llvm::ArrayRef<float> scales,
                            std::vector<float> &work, ParallelFor parallelFor) {
  size_t rows = layer.rows, columns = layer.columns;
  std::vector<float> factors(columns, 1.0f);
  for (size_t column = 0; column < columns; ++column)
    if (layer.classes[column] >= 0)
      factors[column] = scales[layer.classes[column]];
  work.resize(rows * columns);
  for (size_t row = 0; row < rows; ++row)
    for (size_t column = 0; column < columns; ++column)
      work[row * columns + column] = layer.weight[row * columns + column] * factors[column];
  CodeGrid grid = getGrid(layer, work.data());
  size_t count = rows * columns;
  QuantizedMatrix quantized =
      layer.perTensor
          ? quantizeMatrix(grid, work.data(), 1, count, count, layer.range, parallelFor)
          : quantizeMatrix(grid, work.data(), rows, columns, layer.group, layer.range, parallelFor);
  std::vector<float> decoded = dequantizeMatrix(grid, quantized);
  for (size_t row = 0; row < rows; ++row)
    for (size_t column = 0; column < columns; ++column) {
      size_t i = row * columns + column;
      work[i] = decoded[i] / factors[column] - layer.weight[i];
    }
  return getAwqLoss(layer, work.data(), parallelFor);
}

/// The scales for exponent `r`.
static std::vector<float> makeScales(llvm::ArrayRef<float> meanAbs, double r, bool powersOfTwo) {
  std::vector<double> scales;
  for (float mean : meanAbs)
    scales.push_back(std::max(std::pow(double(mean), r), 1e-4));
  auto [smallest, largest] = std::minmax_element(scales.begin(), scales.end());
  double norm = std::sqrt(*smallest * *largest);
  std::vector<float> result;
  for (double scale : scales) {
    scale /= norm;
    if (powersOfTwo)
      scale = std::exp2(std::nearbyint(std::log2(scale)));
    result.push_back(static_cast<float>(scale));
  }
  return result;
}

AwqScales mlir::compress::searchAwqScales(llvm::ArrayRef<AwqLayer> layers,
                                          llvm::ArrayRef<float> meanAbs, bool powersOfTwo,
                                          ParallelFor parallelFor) {
  constexpr unsigned kPoints = 20;
  AwqScales best;
  std::vector<float> work;
  for (unsigned i = 0; i < kPoints; ++i) {
    double r = static_cast<double>(i) / kPoints;
    std::vector<float> scales = makeScales(meanAbs, r, powersOfTwo);
    double loss = 0;
    for (const AwqLayer &layer : layers)
      loss += getScaledLoss(layer, scales, work, parallelFor);
    if (i == 0)
      best.roundToNearest = loss;
    if (i == 0 || loss < best.error) {
      best.error = loss;
      best.exponent = r;
      best.scales = std::move(scales);
    }
  }
  return best;
}

namespace {
/// One group of one row.
struct Group {
  const CodeGrid &grid;
  const AwqLayer &layer;
  size_t column, size;
  std::vector<float> clipped, error, product;

  /// Error of the group when it is limited to [-limit, limit].
  double getLoss(const float *values, float limit) {
    clipped.assign(values, values + size);
    for (float &value : clipped)
      value = std::clamp(value, -limit, limit);
    BlockParameters block = layer.range == WeightRange::Mse ? grid.fitMse(clipped.data(), size)
                                                            : grid.fit(clipped.data(), size);
    error.resize(size);
    uint8_t code;
    for (size_t i = 0; i < size; ++i)
      error[i] = grid.round(clipped[i], block, code) - values[i];
    double loss = 0;
    if (!layer.gram) {
      for (size_t i = 0; i < size; ++i)
        loss += double(error[i]) * double(error[i]) * layer.diagonal[column + i];
      return loss;
    }
    product.assign(size, 0.0f);
    for (size_t i = 0; i < size; ++i) {
      const float *gram = layer.gram + (column + i) * layer.columns + column;
      float factor = error[i];
      for (size_t j = 0; j < size; ++j)
        product[j] += factor * gram[j];
    }
    for (size_t i = 0; i < size; ++i)
      loss += double(product[i]) * double(error[i]);
    return loss;
  }
};
} // namespace

size_t mlir::compress::clipAwq(const AwqLayer &layer, float *weight, ParallelFor parallelFor) {
  constexpr unsigned kSteps = 20;
  constexpr size_t kRows = 8;
  if (layer.perTensor)
    return 0;
  CodeGrid grid = getGrid(layer, weight);
  std::atomic<size_t> changed = 0;
  parallelFor((layer.rows + kRows - 1) / kRows, [&](size_t chunk) {
    size_t last = std::min(layer.rows, (chunk + 1) * kRows), mine = 0;
    Group group{grid, layer, 0, 0, {}, {}, {}};
    for (size_t row = chunk * kRows; row < last; ++row)
      for (size_t column = 0; column < layer.columns; column += layer.group) {
        group.column = column;
        group.size = std::min(layer.group, layer.columns - column);
        float *values = weight + row * layer.columns + column;
        float largest = 0;
        for (size_t i = 0; i < group.size; ++i)
          largest = std::max(largest, std::fabs(values[i]));
        float limit = largest;
        double least = group.getLoss(values, largest);
        for (unsigned step = 1; step <= kSteps; ++step) {
          float candidate = largest * (1.0f - static_cast<float>(step) / (2 * kSteps));
          double loss = group.getLoss(values, candidate);
          if (loss < least) {
            least = loss;
            limit = candidate;
          }
        }
        if (limit == largest)
          continue;
        ++mine;
        for (size_t i = 0; i < group.size; ++i)
          values[i] = std::clamp(values[i], -limit, limit);
      }
    changed += mine;
  });
  return changed;
}
