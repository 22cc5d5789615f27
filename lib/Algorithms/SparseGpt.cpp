//===- SparseGpt.cpp - pruning that corrects its own errors ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SparseGpt.h"
#include "GptqSolver.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;

static constexpr size_t chunkRows = GptqSolver::chunkRows;

namespace {

/// Shares a number of pruned weights among the blocks of a matrix (or of a row).
class Quota {
public:
  /// `total` of `rows * columns` weights, of which `zeros` are pruned in any case.
  Quota(uint64_t total, uint64_t zeros, size_t columns)
      : total(std::max(total, zeros)), zeros(zeros), columns(columns) {}

  /// How many weights of the columns up to `end` are pruned that were not handled before, of
  /// which there are `size` with `blockZeros` that are pruned in any case.
  uint64_t take(size_t end, uint64_t size, uint64_t blockZeros) {
    zeros -= blockZeros;
    uint64_t wanted = total / columns * end + total % columns * end / columns;
    uint64_t number = std::max(blockZeros, wanted - std::min(wanted, done));
    number = std::min({number, size, total - done - zeros});
    done += number;
    return number;
  }

private:
  uint64_t total, zeros, done = 0;
  size_t columns;
};

/// The state of one call.
class Pruner {
public:
  Pruner(float *weight, size_t rows, size_t columns, const SparseGptOptions &options)
      : weight(weight), rows(rows), columns(columns), options(options),
        group(options.group && options.group < columns ? options.group : columns) {}

  llvm::Expected<SparseGptResult> run(const float *gram);

private:
  llvm::Error check(const float *gram);
  void initMask();
  void findFactors(const float *gram, const GptqSolver &solver);
  size_t getBlockEnd(size_t begin) const;
  void writeScores(size_t chunk, size_t begin, size_t end, float *scores) const;
  uint64_t countZeros(size_t row, size_t begin, size_t end) const;
  void chooseBlock(size_t begin, size_t end);
  void chooseNM(size_t chunk, size_t begin);
  void finish(const GptqSolver &solver);

  float *weight;
  size_t rows, columns;
  const SparseGptOptions &options;
  size_t group;
  SparseGptResult result;
  /// Scores are |w| times this.
  std::vector<float> factors;
  /// The weights as they are by now: for each chunk of rows [columns, chunk size].
  MatrixBuffer<float> live;
  /// One for the matrix, or one per row.
  std::vector<Quota> quotas;
};

} // namespace

llvm::Error Pruner::check(const float *gram) {
  if (llvm::Error error = checkNotEmpty(rows, columns))
    return error;
  if (options.blockSize == 0)
    return makeMethodError("the block size of SparseGPT must be at least 1");
  if (llvm::Error error = checkDamping(options.damping, "SparseGPT"))
    return error;
  if (llvm::Error error = checkFinite(weight, rows, columns, "the weight"))
    return error;
  if (llvm::Error error = checkFinite(gram, columns, columns, "the Gram matrix"))
    return error;
  if (options.mask)
    return llvm::Error::success();
  if (llvm::Error error = checkTarget(options.target, rows, columns))
    return error;
  if (!options.grid || !options.target.nm || group == columns)
    return llvm::Error::success();
  unsigned m = options.target.nm->m;
  if (group % m == 0 || m % group == 0)
    return llvm::Error::success();
  return makeMethodError("groups of " + llvm::Twine(group) +
                         " columns for codes are neither a multiple nor a divisor of the " +
                         llvm::Twine(m) + " of " + llvm::Twine(options.target.nm->n) + ":" +
                         llvm::Twine(m));
}

/// All that is known of the mask before the first block.
void Pruner::initMask() {
  result.mask.assign(rows * columns, 1);
  for (size_t i = 0; i < rows * columns; ++i)
    result.mask[i] =
        (!options.mask || options.mask[i]) && (!options.keepZero || options.keepZero[i]);
  if (options.mask || options.target.nm)
    return;
  auto addQuota = [&](uint64_t total, size_t row, size_t count) {
    uint64_t zeros = 0;
    if (options.keepZero)
      zeros = std::count(options.keepZero + row * columns,
                         options.keepZero + (row + count) * columns, uint8_t(0));
    quotas.emplace_back(total, zeros, columns);
  };
  if (!options.target.perRow)
    return addQuota(getPrunedCount(options.target, rows, columns), 0, rows);
  for (size_t row = 0; row < rows; ++row)
    addQuota(getPrunedCount(options.target.ratio, columns), row, 1);
}

/// The square roots of what scores multiply squared weights with, relative to the largest.
void Pruner::findFactors(const float *gram, const GptqSolver &solver) {
  std::vector<double> squares(columns, 0.0);
  for (size_t i = 0; i < columns; ++i)
    if (!solver.isDead(i))
      squares[i] = solver.getLossFactor(i) +
                   (options.score == SparseGptScore::Isc ? double(gram[i * columns + i]) : 0.0);
  double largest = *llvm::max_element(squares);
  for (double square : squares)
    factors.push_back(static_cast<float>(std::sqrt(square / largest)));
}

/// Blocks end with M columns of N:M and, with a grid, with groups where there is room for one.
size_t Pruner::getBlockEnd(size_t begin) const {
  size_t unit = !options.mask && options.target.nm ? options.target.nm->m : 1;
  size_t end = begin + std::min(options.blockSize, columns - begin);
  if (end == columns)
    return end;
  end = std::min(columns, std::max(end / unit * unit, begin + unit));
  if (!options.grid || group == columns)
    return end;
  size_t groupBegin = end / group * group;
  return groupBegin > begin && groupBegin % unit == 0 ? groupBegin : end;
}

/// Scores of the columns [begin, end) of a chunk to `scores` [chunk size, end - begin]; negative
/// where the weight is pruned in any case.
void Pruner::writeScores(size_t chunk, size_t begin, size_t end, float *scores) const {
  size_t first = chunk * chunkRows, count = std::min(chunkRows, rows - first);
  const float *values = live.get() + first * columns;
  size_t width = end - begin;
  for (size_t i = begin; i < end; ++i)
    for (size_t r = 0; r < count; ++r) {
      bool isZero = options.keepZero && !options.keepZero[(first + r) * columns + i];
      scores[r * width + i - begin] = isZero ? -1 : std::fabs(values[i * count + r]) * factors[i];
    }
}

uint64_t Pruner::countZeros(size_t row, size_t begin, size_t end) const {
  if (!options.keepZero)
    return 0;
  const uint8_t *keep = options.keepZero + row * columns;
  return std::count(keep + begin, keep + end, uint8_t(0));
}

/// The mask of a block, of all rows.
void Pruner::chooseBlock(size_t begin, size_t end) {
  size_t width = end - begin, chunks = (rows + chunkRows - 1) / chunkRows;
  std::vector<float> scores(rows * width);
  options.parallelFor(chunks, [&](size_t chunk) {
    writeScores(chunk, begin, end, scores.data() + chunk * chunkRows * width);
  });
  auto writeMask = [&](size_t row, const uint8_t *mask) {
    std::copy_n(mask, width, result.mask.data() + row * columns + begin);
  };
  if (options.target.perRow) {
    options.parallelFor(chunks, [&](size_t chunk) {
      size_t first = chunk * chunkRows, last = std::min(rows, first + chunkRows);
      for (size_t row = first; row < last; ++row) {
        SparsityTarget target;
        target.count = quotas[row].take(end, width, countZeros(row, begin, end));
        writeMask(row, chooseMask(scores.data() + row * width, 1, width, target).data());
      }
    });
    return;
  }
  uint64_t zeros = 0;
  for (size_t row = 0; row < rows; ++row)
    zeros += countZeros(row, begin, end);
  SparsityTarget target;
  target.count = quotas[0].take(end, rows * width, zeros);
  std::vector<uint8_t> mask = chooseMask(scores.data(), rows, width, target, options.parallelFor);
  for (size_t row = 0; row < rows; ++row)
    writeMask(row, mask.data() + row * width);
}

/// The mask of the M columns of a chunk that start at `begin`.
void Pruner::chooseNM(size_t chunk, size_t begin) {
  size_t first = chunk * chunkRows, count = std::min(chunkRows, rows - first);
  size_t end = std::min<size_t>(columns, begin + options.target.nm->m), width = end - begin;
  llvm::SmallVector<float, 0> scores(count * width);
  writeScores(chunk, begin, end, scores.data());
  SparsityTarget target;
  target.nm = options.target.nm;
  // Whole groups one after the other are one long row.
  bool isWhole = width == options.target.nm->m;
  std::vector<uint8_t> mask = isWhole ? chooseMask(scores.data(), 1, count * width, target)
                                      : chooseMask(scores.data(), count, width, target);
  for (size_t r = 0; r < count; ++r)
    for (size_t j = 0; j < width; ++j)
      result.mask[(first + r) * columns + begin + j] =
          mask[r * width + j] && scores[r * width + j] >= 0;
}

/// Writes the weights that were found.
void Pruner::finish(const GptqSolver &solver) {
  options.parallelFor(solver.getNumChunks(), [&](size_t chunk) {
    size_t first = chunk * chunkRows, count = solver.getChunkSize(chunk);
    const float *values = live.get() + first * columns;
    for (size_t r = 0; r < count; ++r)
      for (size_t i = 0; i < columns; ++i)
        weight[(first + r) * columns + i] = values[i * count + r];
  });
}

llvm::Expected<SparseGptResult> Pruner::run(const float *gram) {
  if (llvm::Error error = check(gram))
    return error;
  initMask();
  bool isChosen = !options.mask;
  bool keepsAll = !isChosen || getPrunedCount(options.target, rows, columns) == 0;
  if (!options.grid && keepsAll && !llvm::is_contained(result.mask, 0)) {
    llvm::Expected<GramDiagonal> diagonal = readDiagonal(gram, columns);
    if (!diagonal)
      return diagonal.takeError();
    result.damping = options.damping;
    result.deadColumns = diagonal->deadColumns;
    return std::move(result);
  }

  llvm::Expected<MatrixBuffer<float>> buffer = allocateMatrix<float>(rows * columns, "SparseGPT");
  if (!buffer)
    return buffer.takeError();
  live = std::move(*buffer);
  GptqOptions solverOptions;
  solverOptions.blockSize = options.blockSize;
  solverOptions.damping = options.damping;
  solverOptions.range = options.range;
  solverOptions.keep = result.mask.data();
  GptqSolver solver(options.grid, weight, rows, columns, group, solverOptions);
  if (llvm::Error error = solver.prepare(gram))
    return error;
  findFactors(gram, solver);

  size_t chunks = solver.getNumChunks();
  std::vector<double> losses(chunks);
  auto getLive = [&](size_t chunk) { return live.get() + chunk * chunkRows * columns; };
  options.parallelFor(chunks, [&](size_t chunk) { solver.startChunk(chunk, getLive(chunk)); });
  for (size_t begin = 0; begin < columns;) {
    size_t end = getBlockEnd(begin);
    bool isNM = isChosen && options.target.nm;
    if (isChosen && !isNM)
      chooseBlock(begin, end);
    options.parallelFor(chunks, [&](size_t chunk) {
      auto beforeColumn = [&](size_t column) {
        if (isNM && column % options.target.nm->m == 0)
          chooseNM(chunk, column);
      };
      GptqSolver::Scratch scratch;
      losses[chunk] += solver.runBlock(chunk, begin, end, getLive(chunk), scratch, beforeColumn);
    });
    begin = end;
  }
  finish(solver);
  result.matrix = std::move(solver.result.matrix);
  result.loss = std::accumulate(losses.begin(), losses.end(), 0.0);
  result.damping = solver.result.damping;
  result.deadColumns = solver.result.deadColumns;
  return std::move(result);
}

llvm::Expected<SparseGptResult> mlir::compress::sparseGpt(float *weight, size_t rows,
                                                          size_t columns, const float *gram,
                                                          const SparseGptOptions &options) {
  return Pruner(weight, rows, columns, options).run(gram);
}
