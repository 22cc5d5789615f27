//===- OptimalBrain.cpp - exact second-order pruning of layers ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/OptimalBrain.h"
#include "DampedGram.h"
#include "Simd.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <queue>

using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// w^2 * cost, at most the largest number.
static float getScore(float weight, double cost) {
  double score = static_cast<double>(weight) * weight * cost;
  return static_cast<float>(
      std::min(score, static_cast<double>(std::numeric_limits<float>::max())));
}

/// w^2 * costs[column].
static std::vector<float> scoreByColumn(const float *weight, size_t rows, size_t columns,
                                        const std::vector<double> &costs) {
  std::vector<float> scores(rows * columns);
  for (size_t row = 0; row < rows; ++row)
    for (size_t j = 0; j < columns; ++j)
      scores[row * columns + j] = getScore(weight[row * columns + j], costs[j]);
  return scores;
}

static llvm::Error checkInput(const float *weight, size_t rows, size_t columns, const float *gram) {
  if (llvm::Error error = checkNotEmpty(rows, columns))
    return error;
  if (llvm::Error error = checkFinite(weight, rows, columns, "the weight"))
    return error;
  return checkFinite(gram, columns, columns, "the Gram matrix");
}

llvm::Expected<std::vector<float>> mlir::compress::getObdScores(const float *weight, size_t rows,
                                                                size_t columns, const float *gram) {
  if (llvm::Error error = checkInput(weight, rows, columns, gram))
    return error;
  llvm::Expected<GramDiagonal> diagonal = readDiagonal(gram, columns);
  if (!diagonal)
    return diagonal.takeError();
  std::vector<double> costs;
  for (size_t j = 0; j < columns; ++j)
    costs.push_back(0.5 * gram[j * columns + j]);
  return scoreByColumn(weight, rows, columns, costs);
}

llvm::Expected<std::vector<float>> mlir::compress::getIscScores(const float *weight, size_t rows,
                                                                size_t columns, const float *gram,
                                                                double damping) {
  if (llvm::Error error = checkInput(weight, rows, columns, gram))
    return error;
  if (llvm::Error error = checkDamping(damping, "ISC"))
    return error;
  llvm::Expected<GramDiagonal> diagonal = readDiagonal(gram, columns);
  if (!diagonal)
    return diagonal.takeError();
  llvm::Expected<MatrixBuffer<double>> inverse =
      invertDamped(gram, columns, *diagonal, damping, "ISC");
  if (!inverse)
    return inverse.takeError();
  std::vector<double> costs;
  for (size_t j = 0; j < columns; ++j)
    costs.push_back(
        diagonal->dead[j] ? 0.0 : double(gram[j * columns + j]) + 1 / (*inverse)[j * columns + j]);
  return scoreByColumn(weight, rows, columns, costs);
}

//===----------------------------------------------------------------------===//
// Optimal Brain Surgeon
//===----------------------------------------------------------------------===//

/// out[j] -= factor * x[j].
COMPRESS_CLONES static void subtractScaled(double *__restrict out, const double *__restrict x,
                                           double factor, size_t count) {
  for (size_t j = 0; j < count; ++j)
    out[j] -= factor * x[j];
}

double mlir::compress::removeWeight(double *weight, double *inverse, size_t n, size_t index) {
  const double *column = inverse + index * n;
  double pivot = column[index], value = weight[index];
  subtractScaled(weight, column, value / pivot, n);
  weight[index] = 0;
  // Row `index` itself is needed until the end; rows of weights that are gone have a factor of 0.
  for (size_t i = 0; i < n; ++i) {
    double *row = inverse + i * n;
    if (i == index || row[index] == 0)
      continue;
    subtractScaled(row, column, row[index] / pivot, n);
    row[index] = 0;
  }
  std::fill_n(inverse + index * n, n, 0.0);
  return value * value / pivot;
}

namespace {

/// Removes the weights of one row.
class RowSurgeon {
public:
  RowSurgeon(const float *weight, const double *inverse, size_t columns,
             const GramDiagonal &diagonal, const uint8_t *keepZero, std::optional<NMPattern> nm)
      : columns(columns), diagonal(diagonal), keepZero(keepZero), nm(nm), isKept(columns, 1),
        inverse(inverse, inverse + columns * columns), values(weight, weight + columns) {
    for (size_t begin = 0; nm && begin < columns; begin += nm->m) {
      size_t size = std::min<size_t>(nm->m, columns - begin);
      room.push_back(size - std::min<size_t>(size, nm->n));
    }
  }

  /// Removes a weight, one that is pruned in any case or that which costs least; its index, and
  /// `loss` gets what it costs. None if none may be removed.
  std::optional<size_t> removeNext(double &loss) {
    std::optional<size_t> best;
    loss = std::numeric_limits<double>::infinity();
    for (size_t j = 0; j < columns; ++j) {
      if (!isKept[j])
        continue;
      if (keepZero && !keepZero[j]) {
        best = j;
        break;
      }
      if (nm && room[j / nm->m] == 0)
        continue;
      double cost = diagonal.dead[j] ? 0 : values[j] * values[j] / inverse[j * columns + j];
      // Of equal ones the last is removed, as everywhere.
      if (cost <= loss) {
        loss = cost;
        best = j;
      }
    }
    if (!best)
      return best;
    isKept[*best] = 0;
    if (nm && room[*best / nm->m] > 0)
      --room[*best / nm->m];
    loss = removeWeight(values.data(), inverse.data(), columns, *best);
    if (diagonal.dead[*best])
      loss = 0;
    return best;
  }

  size_t columns;
  const GramDiagonal &diagonal;
  const uint8_t *keepZero;
  std::optional<NMPattern> nm;
  /// Weights of each M that may be removed.
  std::vector<size_t> room;
  std::vector<uint8_t> isKept;
  std::vector<double> inverse, values;
};

/// The state of one call.
class Surgeon {
public:
  Surgeon(float *weight, size_t rows, size_t columns, const ObsOptions &options)
      : weight(weight), rows(rows), columns(columns), options(options) {}
  llvm::Expected<ObsResult> run(const float *gram);

private:
  RowSurgeon makeRow(size_t row) const {
    return RowSurgeon(weight + row * columns, inverse.get(), columns, diagonal,
                      options.keepZero ? options.keepZero + row * columns : nullptr,
                      options.target.nm);
  }
  std::vector<uint64_t> countPerRow() const;
  uint64_t countZeros(size_t row) const {
    if (!options.keepZero)
      return 0;
    const uint8_t *keep = options.keepZero + row * columns;
    return std::count(keep, keep + columns, uint8_t(0));
  }

  float *weight;
  size_t rows, columns;
  const ObsOptions &options;
  GramDiagonal diagonal;
  MatrixBuffer<double> inverse;
};

} // namespace

double mlir::compress::countObsOperations(const SparsityTarget &target, size_t rows,
                                          size_t columns) {
  double square = static_cast<double>(columns) * static_cast<double>(columns);
  if (target.nm || target.perRow)
    return static_cast<double>(getPrunedCount(target, rows, columns)) * square;
  return 2 * static_cast<double>(rows) * static_cast<double>(columns) * square;
}

/// How many weights each row loses when the cheapest of all rows goes first: rows do not depend on
/// each other, so the costs of each one, in its order, are all that counts.
std::vector<uint64_t> Surgeon::countPerRow() const {
  std::vector<uint64_t> counts(rows, 0);
  std::vector<std::vector<double>> losses(rows);
  options.parallelFor(rows, [&](size_t row) {
    RowSurgeon surgeon = makeRow(row);
    double loss;
    for (size_t i = 0; i < columns && surgeon.removeNext(loss); ++i)
      losses[row].push_back(loss);
  });
  uint64_t left = getPrunedCount(options.target, rows, columns);
  for (size_t row = 0; row < rows; ++row) {
    counts[row] = countZeros(row);
    left -= std::min(left, counts[row]);
  }
  using Entry = std::pair<double, size_t>;
  // The smallest first; of equal ones the last row.
  auto isLater = [](const Entry &a, const Entry &b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  std::priority_queue<Entry, std::vector<Entry>, decltype(isLater)> queue(isLater);
  auto push = [&](size_t row) {
    if (counts[row] < columns)
      queue.push({losses[row][counts[row]], row});
  };
  for (size_t row = 0; row < rows; ++row)
    push(row);
  for (; left > 0; --left) {
    size_t row = queue.top().second;
    queue.pop();
    ++counts[row];
    push(row);
  }
  return counts;
}

llvm::Expected<ObsResult> Surgeon::run(const float *gram) {
  if (llvm::Error error = checkInput(weight, rows, columns, gram))
    return error;
  if (llvm::Error error = checkDamping(options.damping, "OBS"))
    return error;
  if (llvm::Error error = checkTarget(options.target, rows, columns))
    return error;
  llvm::Expected<GramDiagonal> read = readDiagonal(gram, columns);
  if (!read)
    return read.takeError();
  diagonal = std::move(*read);
  ObsResult result;
  result.mask.assign(rows * columns, 1);
  result.damping = options.damping;
  uint64_t zeros = 0;
  for (size_t row = 0; row < rows; ++row)
    zeros += countZeros(row);
  if (getPrunedCount(options.target, rows, columns) == 0 && zeros == 0)
    return result;
  double operations = countObsOperations(options.target, rows, columns);
  if (options.keepZero)
    operations = std::max(operations, double(zeros) * double(columns) * double(columns));
  if (operations > maxObsOperations)
    return makeMethodError(llvm::formatv("OBS of {0} x {1} weights needs {2:e1} operations, more "
                                         "than {3:e1}; SparseGPT is made for this size",
                                         rows, columns, operations, maxObsOperations)
                               .str());
  llvm::Expected<MatrixBuffer<double>> inverted =
      invertDamped(gram, columns, diagonal, result.damping, "OBS");
  if (!inverted)
    return inverted.takeError();
  inverse = std::move(*inverted);

  std::vector<uint64_t> counts;
  if (!options.target.nm && !options.target.perRow)
    counts = countPerRow();
  std::vector<double> losses(rows, 0.0);
  std::vector<float> values(rows * columns);
  options.parallelFor(rows, [&](size_t row) {
    RowSurgeon surgeon = makeRow(row);
    uint64_t count = columns;
    if (!counts.empty())
      count = counts[row];
    else if (options.target.perRow && !options.target.nm)
      count = std::max(getPrunedCount(options.target.ratio, columns), countZeros(row));
    double loss;
    for (uint64_t i = 0; i < count && surgeon.removeNext(loss); ++i)
      losses[row] += loss;
    for (size_t j = 0; j < columns; ++j) {
      bool isKept = surgeon.isKept[j];
      result.mask[row * columns + j] = isKept;
      values[row * columns + j] = isKept ? static_cast<float>(surgeon.values[j]) : 0.0f;
    }
  });
  std::copy(values.begin(), values.end(), weight);
  result.loss = std::accumulate(losses.begin(), losses.end(), 0.0);
  return result;
}

llvm::Expected<ObsResult> mlir::compress::obs(float *weight, size_t rows, size_t columns,
                                              const float *gram, const ObsOptions &options) {
  return Surgeon(weight, rows, columns, options).run(gram);
}
