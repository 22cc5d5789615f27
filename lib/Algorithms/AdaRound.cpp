//===- AdaRound.cpp - rounding by the error of the output -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/AdaRound.h"
#include "FastMath.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

namespace {

constexpr float kZeta = 1.1f, kGamma = -0.1f;
/// Rows that are optimised together; the size of one piece of parallel work.
constexpr size_t kRows = 128;

/// The codes of a grid in the order of their values, as steps -1, 0, 1 from one another.
class CodeOrder {
public:
  explicit CodeOrder(const CodeGrid &grid) : grid(grid) {
    if (grid.isUniform()) {
      range = getCodeRange(grid.getUniform());
      mask = uint8_t((1u << getBitWidth(grid.getCodeType())) - 1);
      return;
    }
    for (size_t code = 0; code < grid.getTable().size(); ++code)
      sorted.push_back(uint8_t(code));
    std::sort(sorted.begin(), sorted.end(), [&](uint8_t a, uint8_t b) {
      return std::pair(grid.getTable()[a], a) < std::pair(grid.getTable()[b], b);
    });
    position.resize(256);
    for (size_t i = 0; i < sorted.size(); ++i)
      position[sorted[i]] = int(i);
  }

  /// Ranks of codes: integers in order of value / scale.
  int getFirst() const { return grid.isUniform() ? range.min : 0; }
  int getLast() const { return grid.isUniform() ? range.max : int(sorted.size()) - 1; }
  uint8_t getCode(int rank) const { return grid.isUniform() ? uint8_t(rank) & mask : sorted[rank]; }
  int getRank(uint8_t code) const {
    if (!grid.isUniform())
      return position[code];
    return isSigned(grid.getCodeType()) && code > mask / 2 ? int(code) - int(mask) - 1 : int(code);
  }
  /// Rank of the largest value that is not above `value`, saturating.
  int getRankBelow(float value, BlockParameters block) const {
    float x = value / block.scale;
    if (grid.isUniform())
      return int(std::clamp(std::floor(x) + block.zeroPoint, float(range.min), float(range.max)));
    auto above = std::upper_bound(sorted.begin(), sorted.end(), x,
                                  [&](float x, uint8_t code) { return x < grid.getTable()[code]; });
    return above == sorted.begin() ? 0 : int(above - sorted.begin()) - 1;
  }

private:
  const CodeGrid &grid;
  CodeRange range{};
  uint8_t mask = 0;
  std::vector<uint8_t> sorted;
  std::vector<int> position;
};

/// A few rows of the layer and the variables of their rounding.
class Rows {
public:
  Rows(const CodeGrid &grid, const CodeOrder &order, QuantizedMatrix &matrix, const float *weight,
       const float *gram, const AdaRoundOptions &options, size_t first, size_t count)
      : grid(grid), order(order), matrix(matrix), weight(weight), gram(gram), options(options),
        first(first), count(count), columns(matrix.columns) {}

  /// Sum over the weights of (b - a)^2 G_jj.
  double getCurvature();
  /// Chooses between the neighbours; `factor` is c.
  void descend(float factor);
  /// Writes the codes of each row, if they are better than those in the matrix.
  void commit();

private:
  void findNeighbours();
  /// Values of the codes of a row minus the weights.
  void getErrors(const uint8_t *codes, size_t row, std::vector<double> &errors) const;
  /// e^T G e, and G e.
  double getObjective(const std::vector<double> &errors, std::vector<double> &product) const;
  void sweep(size_t row, uint8_t *codes);

  const CodeGrid &grid;
  const CodeOrder &order;
  QuantizedMatrix &matrix;
  const float *weight, *gram;
  const AdaRoundOptions &options;
  size_t first, count, columns;
  /// Per weight: rank of the lower neighbour, its value minus the weight, b - a, V and the moments
  /// of its gradient.
  std::vector<int16_t> ranks;
  std::vector<float> lower, gaps, variables, means, squares;
};

} // namespace

void Rows::findNeighbours() {
  ranks.resize(count * columns);
  lower.resize(count * columns);
  gaps.resize(count * columns);
  for (size_t i = 0; i < count * columns; ++i) {
    size_t row = first + i / columns, column = i % columns;
    BlockParameters block = matrix.getBlock(row, column);
    float w = weight[first * columns + i];
    int rank = order.getRankBelow(w, block);
    float a = grid.decode(order.getCode(rank), block);
    // Outside of the grid there is nothing to choose.
    bool isInside = rank < order.getLast() && (block.scale > 0 ? a <= w : a >= w);
    ranks[i] = int16_t(rank);
    lower[i] = a - w;
    gaps[i] = isInside ? grid.decode(order.getCode(rank + 1), block) - a : 0.0f;
  }
}

double Rows::getCurvature() {
  findNeighbours();
  double total = 0;
  for (size_t i = 0; i < count * columns; ++i)
    total += double(gaps[i]) * gaps[i] * gram[(i % columns) * (columns + 1)];
  ranks = {};
  lower = gaps = {};
  return total;
}

/// h(V) before it is clamped.
COMPRESS_INLINE float getUnclamped(float v) {
  float sigmoid = 1 / (1 + simd::exp2(v * -1.44269504f));
  return sigmoid * (kZeta - kGamma) + kGamma;
}

namespace {
/// What an iteration needs to know.
struct Iteration {
  /// 0 without the regulariser.
  float lambda = 0;
  float beta = 2;
  /// Learning rate, and the factor of the second moments, both corrected for the start at 0.
  float rate = 0, correction = 1;
};
} // namespace

/// h(V), its derivative, and the errors of the weights.
COMPRESS_CLONES static void evaluate(size_t size, const float *__restrict variables,
                                     const float *__restrict lower, const float *__restrict gaps,
                                     float *__restrict values, float *__restrict slopes,
                                     float *__restrict errors) {
  for (size_t i = 0; i < size; ++i) {
    float h = getUnclamped(variables[i]);
    // With s = sigmoid(V): s (1 - s) (zeta - gamma).
    float slope = (h - kGamma) * (kZeta - h) * (1 / (kZeta - kGamma));
    slopes[i] = h > 0 && h < 1 ? slope : 0.0f;
    h = h < 0 ? 0.0f : h;
    h = h > 1 ? 1.0f : h;
    values[i] = h;
    errors[i] = lower[i] + h * gaps[i];
  }
}

/// A step of Adam.
COMPRESS_CLONES static void update(const Iteration &iteration, size_t size,
                                   const float *__restrict gradient, const float *__restrict gaps,
                                   const float *__restrict values, const float *__restrict slopes,
                                   float *__restrict means, float *__restrict squares,
                                   float *__restrict variables) {
  const auto [lambda, beta, rate, correction] = iteration;
  const float weight = 2 * lambda * beta, exponent = beta - 1;
  for (size_t i = 0; i < size; ++i) {
    float u = 2 * values[i] - 1;
    float magnitude = u < 0 ? -u : u;
    magnitude = magnitude < 1e-20f ? 1e-20f : magnitude;
    float push = weight * simd::power(magnitude, exponent);
    float g = (gradient[i] * gaps[i] - (u < 0 ? -push : push)) * slopes[i];
    means[i] = 0.9f * means[i] + 0.1f * g;
    squares[i] = 0.999f * squares[i] + 0.001f * g * g;
    variables[i] -= rate * means[i] / (simd::squareRoot(squares[i] * correction) + 1e-8f);
  }
}

void Rows::descend(float factor) {
  findNeighbours();
  size_t size = count * columns;
  variables.assign(size, 0);
  means.assign(size, 0);
  squares.assign(size, 0);
  for (size_t i = 0; i < size; ++i)
    if (gaps[i] != 0) {
      float fraction = std::clamp(-lower[i] / gaps[i], 0.0f, 1.0f);
      variables[i] = -std::log((kZeta - kGamma) / (fraction - kGamma) - 1);
    }
  std::vector<float> errors(size), slopes(size), values(size), gradient(size);
  double decay1 = 1, decay2 = 1;
  float start = options.warmUp * float(options.iterations);
  for (unsigned step = 0; step < options.iterations; ++step) {
    evaluate(size, variables.data(), lower.data(), gaps.data(), values.data(), slopes.data(),
             errors.data());
    gemm<float>(false, false, count, columns, columns, 2 * factor, errors.data(), columns, gram,
                columns, 0.0f, gradient.data(), columns);
    Iteration iteration;
    if (float(step) >= start)
      iteration.lambda = options.lambda;
    float progress = (float(step) - start) / (float(options.iterations) - start);
    iteration.beta =
        options.lastBeta + (options.firstBeta - options.lastBeta) * (1 - std::max(progress, 0.0f));
    decay1 *= 0.9;
    decay2 *= 0.999;
    iteration.rate = float(options.learningRate / (1 - decay1));
    iteration.correction = float(1 / (1 - decay2));
    update(iteration, size, gradient.data(), gaps.data(), values.data(), slopes.data(),
           means.data(), squares.data(), variables.data());
  }
}

void Rows::getErrors(const uint8_t *codes, size_t row, std::vector<double> &errors) const {
  for (size_t j = 0; j < columns; ++j)
    errors[j] = double(grid.decode(codes[j], matrix.getBlock(row, j))) - weight[row * columns + j];
}

double Rows::getObjective(const std::vector<double> &errors, std::vector<double> &product) const {
  std::fill(product.begin(), product.end(), 0.0);
  for (size_t i = 0; i < columns; ++i)
    if (double e = errors[i]; e != 0)
      for (size_t j = 0; j < columns; ++j)
        product[j] += e * gram[i * columns + j];
  double total = 0;
  for (size_t j = 0; j < columns; ++j)
    total += errors[j] * product[j];
  return total;
}

void Rows::sweep(size_t row, uint8_t *codes) {
  std::vector<double> errors(columns), product(columns);
  getErrors(codes, row, errors);
  double objective = getObjective(errors, product);
  // What rounding of the sums could pretend.
  double least = 1e-9 * objective;
  for (unsigned sweep = 0; sweep < options.sweeps; ++sweep) {
    bool isChanged = false;
    for (size_t j = 0; j < columns; ++j) {
      BlockParameters block = matrix.getBlock(row, j);
      int rank = order.getRank(codes[j]);
      double now = grid.decode(codes[j], block), curvature = gram[j * (columns + 1)];
      for (int next : {rank - 1, rank + 1}) {
        if (next < order.getFirst() || next > order.getLast())
          continue;
        double move = double(grid.decode(order.getCode(next), block)) - now;
        if (move * (2 * product[j] + move * curvature) >= -least)
          continue;
        codes[j] = order.getCode(next);
        for (size_t k = 0; k < columns; ++k)
          product[k] += move * gram[j * columns + k];
        isChanged = true;
        break;
      }
    }
    if (!isChanged)
      return;
  }
}

void Rows::commit() {
  std::vector<uint8_t> codes(columns);
  std::vector<double> errors(columns), product(columns);
  for (size_t r = 0; r < count; ++r) {
    size_t row = first + r;
    uint8_t *kept = matrix.codes.data() + row * columns;
    for (size_t j = 0; j < columns; ++j) {
      size_t i = r * columns + j;
      if (gaps[i] == 0)
        codes[j] = kept[j];
      else
        codes[j] = order.getCode(ranks[i] + (getUnclamped(variables[i]) >= 0.5f ? 1 : 0));
    }
    getErrors(kept, row, errors);
    double nearest = getObjective(errors, product);
    getErrors(codes.data(), row, errors);
    if (getObjective(errors, product) < nearest * (1 - 1e-9))
      std::copy(codes.begin(), codes.end(), kept);
    if (options.sweeps > 0)
      sweep(row, kept);
  }
}

QuantizedMatrix mlir::compress::adaRound(const CodeGrid &grid, const float *weight, size_t rows,
                                         size_t columns, size_t group, const float *gram,
                                         const AdaRoundOptions &options, ParallelFor parallelFor) {
  QuantizedMatrix matrix =
      quantizeMatrix(grid, weight, rows, columns, group, options.range, parallelFor);
  CodeOrder order(grid);
  size_t pieces = (rows + kRows - 1) / kRows;
  auto makeRows = [&](size_t piece) {
    size_t first = piece * kRows;
    return Rows(grid, order, matrix, weight, gram, options, first, std::min(kRows, rows - first));
  };
  std::vector<double> curvatures(pieces);
  parallelFor(pieces, [&](size_t piece) { curvatures[piece] = makeRows(piece).getCurvature(); });
  double curvature = 0;
  for (double part : curvatures)
    curvature += part;
  curvature /= double(rows) * double(columns);
  // Nothing to choose, or nothing to choose by. Also for an empty matrix.
  if (!(curvature > 0) || !std::isfinite(curvature))
    return matrix;
  parallelFor(pieces, [&](size_t piece) {
    Rows part = makeRows(piece);
    part.descend(float(options.curvature / curvature));
    part.commit();
  });
  return matrix;
}
