//===- FactorStatistics.cpp - statistics of split layers -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FactorStatistics.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

/// What the first op sees: its Gram matrix may be of other vectors than the layer's.
static std::shared_ptr<const TensorStatistics>
getFirst(std::shared_ptr<const TensorStatistics> input, const FactorView &view) {
  if (input->gram.empty() || view.hasPlainColumns())
    return input;
  auto result = std::make_shared<TensorStatistics>(*input);
  result->cross.clear();
  result->gram.clear();
  size_t size = view.getFeatures(), columns = view.getColumns();
  bool isKnown = view.getSteps().size() == 1 && input->features == static_cast<int64_t>(size) &&
                 input->groups == static_cast<int64_t>(view.getGroups());
  if (!isKnown) {
    // Windows of a part of the kernel.
    result->features = result->groups = 0;
    result->gramVectors = 0;
    return result;
  }
  // Each batch has channels of its own.
  result->features = static_cast<int64_t>(columns);
  result->groups = static_cast<int64_t>(view.getBatches());
  result->gram.reserve(view.getBatches() * columns * columns);
  for (const FactorView::Index &batch : view.getBatchIndices()) {
    const float *gram = input->gram.data() + batch.group * size * size;
    for (const FactorView::Index &i : view.getColumnIndices())
      for (const FactorView::Index &j : view.getColumnIndices())
        result->gram.push_back(
            gram[(batch.feature + i.feature) * size + batch.feature + j.feature]);
  }
  return result;
}

/// What the second op sees of rows of U that were looked up as often as `input` says.
static std::shared_ptr<TensorStatistics> getLookedUp(const TensorStatistics &input,
                                                     const WeightFactors &factors) {
  ArrayRef<float> u = factors.u.front();
  size_t rank = factors.rank;
  if (input.counts.empty() || input.counts.size() * rank != u.size())
    return nullptr;
  auto result = std::make_shared<TensorStatistics>();
  result->runs = input.runs;
  result->channels = result->features = static_cast<int64_t>(rank);
  result->groups = 1;
  result->sum.assign(rank, 0.0);
  result->sumAbs.assign(rank, 0.0);
  result->sumSquares.assign(rank, 0.0);
  std::vector<float> scaled;
  size_t used = 0;
  for (auto [row, count] : llvm::enumerate(input.counts)) {
    if (count == 0)
      continue;
    ArrayRef<float> values = u.slice(row * rank, rank);
    if (used++ == 0)
      result->min = result->max = values.vec();
    result->vectors += count;
    double root = std::sqrt(static_cast<double>(count));
    for (size_t i = 0; i < rank; ++i) {
      double value = values[i];
      result->min[i] = std::min(result->min[i], values[i]);
      result->max[i] = std::max(result->max[i], values[i]);
      result->sum[i] += static_cast<double>(count) * value;
      result->sumAbs[i] += static_cast<double>(count) * std::abs(value);
      result->sumSquares[i] += static_cast<double>(count) * value * value;
      scaled.push_back(static_cast<float>(root * value));
    }
  }
  result->gramVectors = result->vectors;
  result->gram.assign(rank * rank, 0.0f);
  if (used)
    addGram(result->gram.data(), rank, scaled.data(), rank, used);
  return result;
}

namespace {
/// The matrix T of one group, [features of the second op, features].
class Projection {
public:
  Projection(const FactorForm &form, const FactorView &view, const WeightFactors &factors)
      : view(view), factors(factors),
        places(form, getFeatureAxes(form, view), form.rowDims, factors.rank) {
    size = factors.rank;
    for (int64_t axis : getFeatureAxes(form, view))
      if (axis != FactorForm::rankAxis) {
        size *= form.view[axis];
        if (view.isPosition(axis))
          positions *= form.view[axis];
      }
  }

  size_t getSize() const { return size; }
  size_t getPositions() const { return positions; }
  std::vector<float> getMatrix(size_t group) const {
    size_t features = view.getFeatures(), columns = view.getColumns();
    std::vector<float> matrix(size * features, 0.0f);
    for (auto [batch, index] : llvm::enumerate(view.getBatchIndices())) {
      if (index.group != group)
        continue;
      for (size_t step : view.getSteps())
        for (size_t t = 0; t < factors.rank; ++t) {
          size_t row = places.batch[batch] + places.line[step] + t * places.rankStride;
          float *to =
              matrix.data() + row * features + index.feature + view.getRowIndices()[step].feature;
          for (size_t column = 0; column < columns; ++column)
            to[view.getColumnIndices()[column].feature] = factors.v[batch][t * columns + column];
        }
    }
    return matrix;
  }

private:
  /// Axes of U that the second op contracts.
  static SmallVector<int64_t> getFeatureAxes(const FactorForm &form, const FactorView &view) {
    SmallVector<int64_t> axes(form.rowFactor.axes);
    llvm::erase_if(
        axes, [&](int64_t axis) { return axis != FactorForm::rankAxis && !view.isFeature(axis); });
    return axes;
  }

  const FactorView &view;
  const WeightFactors &factors;
  FactorPlaces places;
  size_t size, positions = 1;
};
} // namespace

/// `matrix` [rows, columns] times the symmetric `gram` times its transpose.
static std::vector<float> project(ArrayRef<float> matrix, size_t rows, ArrayRef<float> gram,
                                  size_t columns) {
  std::vector<float> product(rows * columns), result(rows * rows);
  gemm<float>(false, false, rows, columns, columns, 1, matrix.data(), columns, gram.data(), columns,
              0, product.data(), columns);
  gemm<float>(false, true, rows, rows, columns, 1, product.data(), columns, matrix.data(), columns,
              0, result.data(), rows);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < i; ++j)
      result[j * rows + i] = result[i * rows + j];
  return result;
}

FactorStatistics mlir::compress::getFactorStatistics(std::shared_ptr<const TensorStatistics> input,
                                                     const FactorForm &form, const FactorView &view,
                                                     const WeightFactors &factors) {
  FactorStatistics result;
  if (input->vectors == 0) {
    // Nor does anything reach the second op.
    result.first = input;
    result.second = std::make_shared<TensorStatistics>();
    return result;
  }
  if (form.looksUpRows) {
    result.first = input;
    result.second = getLookedUp(*input, factors);
    return result;
  }
  result.first = getFirst(input, view);
  size_t features = view.getFeatures(), groups = view.getGroups();
  // Matrices that are no groups of a convolution have activations of their own afterwards.
  llvm::DenseSet<size_t> outputs;
  for (const FactorView::Index &batch : view.getBatchIndices())
    outputs.insert(batch.output);
  bool fits = input->features == static_cast<int64_t>(features) &&
              input->groups == static_cast<int64_t>(groups);
  if (outputs.size() > 1 || input->gram.empty() || !fits)
    return result;
  auto second = std::make_shared<TensorStatistics>();
  Projection projection(form, view, factors);
  size_t size = projection.getSize();
  bool isWhole = view.getPositions() == 1 && input->gramVectors == input->vectors &&
                 input->sum.size() == groups * features;
  second->runs = input->runs;
  second->nonFinite = input->nonFinite;
  second->vectors = second->gramVectors = input->gramVectors;
  second->features = static_cast<int64_t>(size);
  second->groups = static_cast<int64_t>(groups);
  second->channels = static_cast<int64_t>(groups * size / projection.getPositions());
  for (size_t group = 0; group < groups; ++group) {
    std::vector<float> matrix = projection.getMatrix(group);
    ArrayRef<float> gram =
        ArrayRef(input->gram).slice(group * features * features, features * features);
    llvm::append_range(second->gram, project(matrix, size, gram, features));
    for (size_t row = 0; row < size; ++row) {
      if (projection.getPositions() == 1)
        second->sumSquares.push_back(
            std::max(0.0f, second->gram[(group * size + row) * size + row]));
      if (!isWhole)
        continue;
      double sum = 0;
      for (size_t column = 0; column < features; ++column)
        sum += matrix[row * features + column] * input->sum[group * features + column];
      second->sum.push_back(sum);
    }
  }
  result.second = std::move(second);
  return result;
}
