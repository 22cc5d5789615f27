//===- Gptq.cpp - quantization that corrects its own errors --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Gptq.h"
#include "Simd.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;

/// Rows that are worked on at a time. Within a chunk, a column is contiguous.
static constexpr size_t chunkRows = 128;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// An error if some element of `matrix` [rows, columns] is not finite; names the first one.
static llvm::Error checkFinite(const float *matrix, size_t rows, size_t columns,
                               llvm::StringRef what) {
  for (size_t i = 0; i < rows; ++i) {
    // NaN and infinities survive a product with 0.
    float sum = 0;
    for (size_t j = 0; j < columns; ++j)
      sum += matrix[i * columns + j] * 0.0f;
    if (sum == 0)
      continue;
    for (size_t j = 0; j < columns; ++j)
      if (!std::isfinite(matrix[i * columns + j]))
        return makeError(what + " is not finite at [" + llvm::Twine(i) + ", " + llvm::Twine(j) +
                         "]");
  }
  return llvm::Error::success();
}

/// out[r] += factor * x[r] for `count` elements.
COMPRESS_CLONES static void addScaled(float *__restrict out, const float *__restrict x,
                                      float factor, size_t count) {
  for (size_t r = 0; r < count; ++r)
    out[r] += factor * x[r];
}

namespace {

/// The state of one call.
class Solver {
public:
  Solver(const CodeGrid &grid, const float *weight, size_t rows, size_t columns, size_t group,
         const GptqOptions &options)
      : grid(grid), weight(weight), rows(rows), columns(columns), group(group), options(options) {}

  llvm::Expected<GptqResult> run(const float *gram);

private:
  llvm::Error prepare(const float *gram);
  llvm::Error factorise(const float *gram, double mean, MatrixBuffer<double> &u);
  llvm::Error makeUpdates(MatrixBuffer<double> u);
  llvm::Error makeCorrections(const double *u);
  void runChunk(size_t first, size_t count, float *live, double &loss);
  /// Column after the block that starts at `begin`: the block ends with a group.
  size_t getBlockEnd(size_t begin) const;
  void fitGroup(size_t first, size_t count, const float *live, size_t index);
  /// Parameters of a group that starts at column `begin`. The search weighs errors by what they
  /// cost after the columns that follow have made good for them, 1 / U[i, i]^2.
  BlockParameters fit(const float *values, size_t begin, size_t count) const {
    if (options.range != WeightRange::Mse)
      return grid.fit(values, count);
    llvm::ArrayRef<float> costs(columnCosts);
    return grid.fitMse(values, count, 1, costs.slice(begin, count), /*norm=*/2);
  }

  const CodeGrid &grid;
  const float *weight;
  size_t rows, columns, group;
  const GptqOptions &options;
  GptqResult result;

  /// Column that is handled in each step.
  std::vector<size_t> order;
  /// By original column.
  std::vector<bool> dead;
  /// [columns, columns] by steps: -U[i, j] / U[i, i] above the diagonal, and P.
  MatrixBuffer<float> updates, corrections;
  /// 1 / U[i, i]^2, by steps and, relative to the largest, by original columns.
  std::vector<double> lossFactors;
  std::vector<float> columnCosts;
};

} // namespace

/// U of the damped and permuted Gram matrix; more damping if needed.
llvm::Error Solver::factorise(const float *gram, double mean, MatrixBuffer<double> &u) {
  double damping = options.damping;
  for (unsigned attempt = 0;; ++attempt) {
    for (size_t i = 0; i < columns; ++i) {
      const float *row = gram + order[i] * columns;
      for (size_t j = 0; j < columns; ++j)
        u[i * columns + j] = row[order[j]];
      double &diagonal = u[i * columns + i];
      if (dead[order[i]]) {
        // Whatever is on the diagonal: nothing refers to it.
        std::fill(&u[i * columns], &u[(i + 1) * columns], 0.0);
        diagonal = mean;
      }
      diagonal += damping * mean;
    }
    for (size_t j = 0; j < columns; ++j)
      if (dead[order[j]])
        for (size_t i = 0; i < columns; ++i)
          if (i != j)
            u[i * columns + j] = 0;
    llvm::Error error = choleskyOfInverse(u.get(), columns);
    if (!error) {
      result.damping = damping;
      return llvm::Error::success();
    }
    if (!error.isA<NotPositiveDefinite>() || attempt == 5 || damping >= 1)
      return llvm::handleErrors(std::move(error), [&](const NotPositiveDefinite &) {
        return makeError("the Gram matrix is not positive definite, not even with damping " +
                         llvm::formatv("{0}", damping).str());
      });
    llvm::consumeError(std::move(error));
    damping = std::min(1.0, std::max(0.01, damping * 10));
  }
}

/// P = alpha * triu(cross U^T, 1) U, in single precision: it is a correction.
llvm::Error Solver::makeCorrections(const double *u) {
  size_t n = columns;
  llvm::Expected<MatrixBuffer<float>> factor = allocateMatrix<float>(n * n, "GPTAQ");
  if (!factor)
    return factor.takeError();
  llvm::Expected<MatrixBuffer<float>> product = allocateMatrix<float>(n * n, "GPTAQ");
  if (!product)
    return product.takeError();
  // U grows like 1 / sqrt(H); both are brought to the size of 1.
  double unit = u[0];
  float *cross = corrections.get();
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      (*factor)[i * n + j] = float(u[i * n + j] / unit);
      cross[i * n + j] = float(options.cross[order[i] * n + order[j]] * (unit * unit));
    }
  gemm(false, true, n, n, n, float(options.alpha), cross, n, factor->get(), n, 0.0f, product->get(),
       n);
  for (size_t i = 0; i < n; ++i)
    std::fill(product->get() + i * n, product->get() + i * n + i + 1, 0.0f);
  gemm(false, false, n, n, n, 1.0f, product->get(), n, factor->get(), n, 0.0f, corrections.get(),
       n);
  return checkFinite(corrections.get(), n, n, "the correction of GPTAQ");
}

/// Keeps of U what the steps need.
llvm::Error Solver::makeUpdates(MatrixBuffer<double> u) {
  size_t n = columns;
  if (options.cross)
    if (llvm::Error error = makeCorrections(u.get()))
      return error;
  lossFactors.resize(n);
  for (size_t i = 0; i < n; ++i) {
    double diagonal = u[i * n + i];
    lossFactors[i] = 1 / (diagonal * diagonal);
    std::fill(&updates[i * n], &updates[i * n] + i + 1, 0.0f);
    for (size_t j = i + 1; j < n; ++j)
      updates[i * n + j] = float(-u[i * n + j] / diagonal);
  }
  double largest = *llvm::max_element(lossFactors);
  columnCosts.resize(n);
  for (size_t i = 0; i < n; ++i)
    columnCosts[order[i]] = dead[order[i]] ? 0.0f : float(lossFactors[i] / largest);
  return llvm::Error::success();
}

llvm::Error Solver::prepare(const float *gram) {
  if (llvm::Error error = checkFinite(weight, rows, columns, "the weight"))
    return error;
  if (llvm::Error error = checkFinite(gram, columns, columns, "the Gram matrix"))
    return error;
  if (options.cross)
    if (llvm::Error error =
            checkFinite(options.cross, columns, columns, "the cross matrix of GPTAQ"))
      return error;
  dead.resize(columns);
  double sum = 0;
  for (size_t i = 0; i < columns; ++i) {
    double diagonal = gram[i * columns + i];
    if (diagonal < 0)
      return makeError("the Gram matrix has the negative element " +
                       llvm::formatv("{0}", diagonal).str() + " at [" + llvm::Twine(i) + ", " +
                       llvm::Twine(i) + "]");
    dead[i] = diagonal == 0;
    result.deadColumns += dead[i];
    sum += diagonal;
  }
  if (result.deadColumns == columns)
    return makeError("the Gram matrix is zero: no input was seen");
  double mean = sum / double(columns - result.deadColumns);

  order.resize(columns);
  std::iota(order.begin(), order.end(), size_t(0));
  if (options.actOrder)
    llvm::sort(order, [&](size_t a, size_t b) {
      float left = gram[a * columns + a], right = gram[b * columns + b];
      return left != right ? left > right : a < b;
    });

  llvm::Expected<MatrixBuffer<float>> buffer = allocateMatrix<float>(columns * columns, "GPTQ");
  if (!buffer)
    return buffer.takeError();
  updates = std::move(*buffer);
  if (options.cross) {
    buffer = allocateMatrix<float>(columns * columns, "GPTAQ");
    if (!buffer)
      return buffer.takeError();
    corrections = std::move(*buffer);
  }
  llvm::Expected<MatrixBuffer<double>> u = allocateMatrix<double>(columns * columns, "GPTQ");
  if (!u)
    return u.takeError();
  if (llvm::Error error = factorise(gram, mean, *u))
    return error;
  return makeUpdates(std::move(*u));
}

size_t Solver::getBlockEnd(size_t begin) const {
  size_t end = begin + std::min(options.blockSize, columns - begin);
  if (end == columns || options.actOrder)
    return end;
  size_t groupBegin = end / group * group;
  return groupBegin > begin ? groupBegin : end;
}

/// Parameters of group `index` for the rows of a chunk, from their columns in `live` ([columns,
/// count]); null: from the original weights.
void Solver::fitGroup(size_t first, size_t count, const float *live, size_t index) {
  size_t begin = index * group, end = std::min(columns, begin + group);
  llvm::SmallVector<float, 256> values(end - begin);
  for (size_t r = 0; r < count; ++r) {
    for (size_t j = begin; j < end; ++j) {
      bool isZero = dead[j] || (options.keep && !options.keep[(first + r) * columns + j]);
      values[j - begin] =
          isZero ? 0.0f : (live ? live[j * count + r] : weight[(first + r) * columns + j]);
    }
    result.matrix.blocks[(first + r) * result.matrix.getNumGroups() + index] =
        fit(values.data(), begin, values.size());
  }
}

/// Quantizes rows [first, first + count). `live` [columns, count] receives their columns in the
/// order of steps.
void Solver::runChunk(size_t first, size_t count, float *live, double &loss) {
  size_t groups = result.matrix.getNumGroups();
  for (size_t i = 0; i < columns; ++i)
    for (size_t r = 0; r < count; ++r)
      live[i * count + r] = dead[order[i]] ? 0.0f : weight[(first + r) * columns + order[i]];
  if (options.actOrder)
    for (size_t index = 0; index < groups; ++index)
      fitGroup(first, count, nullptr, index);

  llvm::SmallVector<BlockParameters, chunkRows> blocks(count);
  llvm::SmallVector<float, chunkRows> rounded(count);
  std::vector<float> errors, originals;
  loss = 0;
  for (size_t begin = 0; begin < columns;) {
    size_t end = getBlockEnd(begin);
    errors.resize((end - begin) * count);
    originals.resize(options.cross ? (end - begin) * count : 0);
    for (size_t i = begin; i < end; ++i) {
      size_t column = order[i], index = column / group;
      if (!options.actOrder && column % group == 0)
        fitGroup(first, count, live, index);
      for (size_t r = 0; r < count; ++r)
        blocks[r] = result.matrix.blocks[(first + r) * groups + index];
      float *values = live + i * count;
      uint8_t *codes = result.matrix.codes.data() + first * columns + column;
      if (options.keep) {
        // The code of a pruned weight is that of zero, whatever its value would be by now.
        for (size_t r = 0; r < count; ++r) {
          bool kept = options.keep[(first + r) * columns + column];
          rounded[r] = grid.round(kept ? values[r] : 0.0f, blocks[r], codes[r * columns]);
          if (!kept)
            rounded[r] = 0;
        }
      } else {
        grid.roundColumn(values, 1, blocks.data(), count, codes, columns, rounded.data());
      }
      float *error = errors.data() + (i - begin) * count;
      double squares = 0;
      for (size_t r = 0; r < count; ++r) {
        error[r] = values[r] - rounded[r];
        squares += double(error[r]) * double(error[r]);
      }
      loss += squares * lossFactors[i];
      for (size_t j = i + 1; j < end; ++j)
        addScaled(live + j * count, error, updates[i * columns + j], count);
      if (options.cross) {
        std::copy_n(values, count, originals.data() + (i - begin) * count);
        for (size_t j = i + 1; j < end; ++j)
          addScaled(live + j * count, values, corrections[i * columns + j], count);
      }
    }
    gemm(true, false, columns - end, count, end - begin, 1.0f, &updates[begin * columns + end],
         columns, errors.data(), count, 1.0f, live + end * count, count);
    if (options.cross)
      gemm(true, false, columns - end, count, end - begin, 1.0f,
           &corrections[begin * columns + end], columns, originals.data(), count, 1.0f,
           live + end * count, count);
    begin = end;
  }
}

llvm::Expected<GptqResult> Solver::run(const float *gram) {
  if (llvm::Error error = prepare(gram))
    return error;
  QuantizedMatrix &matrix = result.matrix;
  matrix.rows = rows;
  matrix.columns = columns;
  matrix.group = group;
  matrix.codes.resize(rows * columns);
  matrix.blocks.resize(rows * matrix.getNumGroups());

  size_t chunks = (rows + chunkRows - 1) / chunkRows;
  std::vector<double> losses(chunks);
  std::vector<uint8_t> failed(chunks);
  options.parallelFor(chunks, [&](size_t chunk) {
    size_t first = chunk * chunkRows, count = std::min(chunkRows, rows - first);
    llvm::Expected<MatrixBuffer<float>> live = allocateMatrix<float>(columns * count, "GPTQ");
    if (!live) {
      llvm::consumeError(live.takeError());
      failed[chunk] = 1;
      return;
    }
    runChunk(first, count, live->get(), losses[chunk]);
  });
  if (llvm::is_contained(failed, 1))
    return makeError("out of memory: GPTQ needs " + llvm::Twine(columns * chunkRows) +
                     " elements of 4 bytes for a chunk of rows");
  result.loss = std::accumulate(losses.begin(), losses.end(), 0.0);
  return std::move(result);
}

llvm::Expected<GptqResult> mlir::compress::gptq(const CodeGrid &grid, const float *weight,
                                                size_t rows, size_t columns, size_t group,
                                                const float *gram, const GptqOptions &options) {
  if (rows == 0 || columns == 0)
    return makeError("a weight of " + llvm::Twine(rows) + " x " + llvm::Twine(columns) +
                     " has no elements");
  if (options.blockSize == 0)
    return makeError("the block size of GPTQ must be at least 1");
  if (!(options.damping >= 0) || options.damping > 1)
    return makeError("the damping of GPTQ must be from 0 to 1, but is " +
                     llvm::formatv("{0}", options.damping).str());
  if (!std::isfinite(options.alpha))
    return makeError("alpha of GPTAQ must be finite");
  if (group == 0 || group > columns)
    group = columns;
  return Solver(grid, weight, rows, columns, group, options).run(gram);
}
