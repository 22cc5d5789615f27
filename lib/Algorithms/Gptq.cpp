//===- Gptq.cpp - quantization that corrects its own errors --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Gptq.h"
#include "GptqSolver.h"
#include "Simd.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir::compress;

/// out[r] += factor * x[r] for `count` elements.
COMPRESS_CLONES static void addScaled(float *__restrict out, const float *__restrict x,
                                      float factor, size_t count) {
  for (size_t r = 0; r < count; ++r)
    out[r] += factor * x[r];
}

/// P = alpha * triu(cross U^T, 1) U, in single precision: it is a correction.
llvm::Error GptqSolver::makeCorrections(const double *u) {
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
llvm::Error GptqSolver::makeUpdates(MatrixBuffer<double> u) {
  size_t n = columns;
  if (options.cross)
    if (llvm::Error error = makeCorrections(u.get()))
      return error;
  lossFactors.resize(n);
  for (size_t i = 0; i < n; ++i) {
    double pivot = u[i * n + i];
    lossFactors[i] = 1 / (pivot * pivot);
    std::fill(&updates[i * n], &updates[i * n] + i + 1, 0.0f);
    for (size_t j = i + 1; j < n; ++j)
      updates[i * n + j] = float(-u[i * n + j] / pivot);
  }
  double largest = *llvm::max_element(lossFactors);
  columnCosts.resize(n);
  for (size_t i = 0; i < n; ++i)
    columnCosts[order[i]] = diagonal.dead[order[i]] ? 0.0f : float(lossFactors[i] / largest);
  return llvm::Error::success();
}

llvm::Error GptqSolver::prepare(const float *gram) {
  if (llvm::Error error = checkFinite(weight, rows, columns, "the weight"))
    return error;
  if (llvm::Error error = checkFinite(gram, columns, columns, "the Gram matrix"))
    return error;
  if (options.cross)
    if (llvm::Error error =
            checkFinite(options.cross, columns, columns, "the cross matrix of GPTAQ"))
      return error;
  llvm::Expected<GramDiagonal> read = readDiagonal(gram, columns);
  if (!read)
    return read.takeError();
  diagonal = std::move(*read);
  result.deadColumns = diagonal.deadColumns;

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
  llvm::Expected<double> damping = factoriseDamped(gram, columns, diagonal, order, options.damping,
                                                   u->get(), choleskyOfInverse<double>);
  if (!damping)
    return damping.takeError();
  result.damping = *damping;
  if (grid) {
    QuantizedMatrix &matrix = result.matrix;
    matrix.rows = rows;
    matrix.columns = columns;
    matrix.group = group;
    matrix.codes.resize(rows * columns);
    matrix.blocks.resize(rows * matrix.getNumGroups());
  }
  return makeUpdates(std::move(*u));
}

size_t GptqSolver::getBlockEnd(size_t begin) const {
  size_t end = begin + std::min(options.blockSize, columns - begin);
  if (end == columns || options.actOrder)
    return end;
  size_t groupBegin = end / group * group;
  return groupBegin > begin ? groupBegin : end;
}

/// Parameters of group `index` for the rows of a chunk, from their columns in `live` ([columns,
/// count]); null: from the original weights.
void GptqSolver::fitGroup(size_t first, size_t count, const float *live, size_t index) {
  size_t begin = index * group, end = std::min(columns, begin + group);
  llvm::SmallVector<float, 256> values(end - begin);
  for (size_t r = 0; r < count; ++r) {
    for (size_t j = begin; j < end; ++j) {
      bool isZero = diagonal.dead[j] || (options.keep && !options.keep[(first + r) * columns + j]);
      values[j - begin] =
          isZero ? 0.0f : (live ? live[j * count + r] : weight[(first + r) * columns + j]);
    }
    result.matrix.blocks[(first + r) * result.matrix.getNumGroups() + index] =
        fit(values.data(), begin, values.size());
  }
}

void GptqSolver::startChunk(size_t chunk, float *live) {
  size_t first = chunk * chunkRows, count = getChunkSize(chunk);
  for (size_t i = 0; i < columns; ++i) {
    // With a grid, what was never seen becomes 0.
    bool isZero = grid && diagonal.dead[order[i]];
    for (size_t r = 0; r < count; ++r)
      live[i * count + r] = isZero ? 0.0f : weight[(first + r) * columns + order[i]];
  }
  if (grid && options.actOrder)
    for (size_t index = 0; index < result.matrix.getNumGroups(); ++index)
      fitGroup(first, count, nullptr, index);
}

/// What the values of a column become.
void GptqSolver::roundColumn(size_t first, size_t count, size_t column, const float *values,
                             BlockParameters *blocks, float *rounded) {
  const uint8_t *keep = options.keep ? options.keep + first * columns + column : nullptr;
  if (!grid) {
    for (size_t r = 0; r < count; ++r)
      rounded[r] = !keep || keep[r * columns] ? values[r] : 0.0f;
    return;
  }
  for (size_t r = 0; r < count; ++r)
    blocks[r] = result.matrix.getBlock(first + r, column);
  uint8_t *codes = result.matrix.codes.data() + first * columns + column;
  if (!keep)
    return grid->roundColumn(values, 1, blocks, count, codes, columns, rounded);
  // The code of a pruned weight is that of zero, whatever its value would be by now.
  for (size_t r = 0; r < count; ++r) {
    bool kept = keep[r * columns];
    rounded[r] = grid->round(kept ? values[r] : 0.0f, blocks[r], codes[r * columns]);
    if (!kept)
      rounded[r] = 0;
  }
}

double GptqSolver::runBlock(size_t chunk, size_t begin, size_t end, float *live, Scratch &scratch,
                            llvm::function_ref<void(size_t)> beforeColumn) {
  size_t first = chunk * chunkRows, count = getChunkSize(chunk);
  BlockParameters blocks[chunkRows];
  float rounded[chunkRows];
  double loss = 0;
  std::vector<float> &errors = scratch.errors, &originals = scratch.originals;
  errors.resize((end - begin) * count);
  originals.resize(options.cross ? (end - begin) * count : 0);
  for (size_t i = begin; i < end; ++i) {
    size_t column = order[i];
    if (beforeColumn)
      beforeColumn(column);
    if (grid && !options.actOrder && column % group == 0)
      fitGroup(first, count, live, column / group);
    float *values = live + i * count;
    roundColumn(first, count, column, values, blocks, rounded);
    float *error = errors.data() + (i - begin) * count;
    double squares = 0;
    for (size_t r = 0; r < count; ++r) {
      error[r] = values[r] - rounded[r];
      squares += double(error[r]) * double(error[r]);
    }
    if (!diagonal.dead[column])
      loss += squares * lossFactors[i];
    for (size_t j = i + 1; j < end; ++j)
      addScaled(live + j * count, error, updates[i * columns + j], count);
    if (options.cross) {
      std::copy_n(values, count, originals.data() + (i - begin) * count);
      for (size_t j = i + 1; j < end; ++j)
        addScaled(live + j * count, values, corrections[i * columns + j], count);
    }
    std::copy_n(rounded, count, values);
  }
  gemm(true, false, columns - end, count, end - begin, 1.0f, &updates[begin * columns + end],
       columns, errors.data(), count, 1.0f, live + end * count, count);
  if (options.cross)
    gemm(true, false, columns - end, count, end - begin, 1.0f, &corrections[begin * columns + end],
         columns, originals.data(), count, 1.0f, live + end * count, count);
  return loss;
}

/// All rows of `solver`, which is prepared, without more memory than their chunks need.
static llvm::Error runAll(GptqSolver &solver, size_t columns, ParallelFor parallelFor) {
  size_t chunks = solver.getNumChunks();
  std::vector<double> losses(chunks);
  std::vector<uint8_t> failed(chunks);
  parallelFor(chunks, [&](size_t chunk) {
    llvm::Expected<MatrixBuffer<float>> live =
        allocateMatrix<float>(columns * solver.getChunkSize(chunk), "GPTQ");
    if (!live) {
      llvm::consumeError(live.takeError());
      failed[chunk] = 1;
      return;
    }
    solver.startChunk(chunk, live->get());
    GptqSolver::Scratch scratch;
    for (size_t begin = 0; begin < columns;) {
      size_t end = solver.getBlockEnd(begin);
      losses[chunk] += solver.runBlock(chunk, begin, end, live->get(), scratch);
      begin = end;
    }
  });
  if (llvm::is_contained(failed, 1))
    return makeMethodError("out of memory: GPTQ needs " +
                           llvm::Twine(columns * GptqSolver::chunkRows) +
                           " elements of 4 bytes for a chunk of rows");
  solver.result.loss = std::accumulate(losses.begin(), losses.end(), 0.0);
  return llvm::Error::success();
}

llvm::Expected<GptqResult> mlir::compress::gptq(const CodeGrid &grid, const float *weight,
                                                size_t rows, size_t columns, size_t group,
                                                const float *gram, const GptqOptions &options) {
  if (llvm::Error error = checkNotEmpty(rows, columns))
    return error;
  if (options.blockSize == 0)
    return makeMethodError("the block size of GPTQ must be at least 1");
  if (llvm::Error error = checkDamping(options.damping, "GPTQ"))
    return error;
  if (!std::isfinite(options.alpha))
    return makeMethodError("alpha of GPTAQ must be finite");
  if (group == 0 || group > columns)
    group = columns;
  GptqSolver solver(&grid, weight, rows, columns, group, options);
  if (llvm::Error error = solver.prepare(gram))
    return error;
  if (llvm::Error error = runAll(solver, columns, options.parallelFor))
    return error;
  return std::move(solver.result);
}
