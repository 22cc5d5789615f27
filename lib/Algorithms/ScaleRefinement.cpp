//===- ScaleRefinement.cpp - best scales for given codes --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ScaleRefinement.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "compress/Support/NumericFormats.h"
#include <cmath>

using namespace mlir::compress;

/// Rows that are handled together, a size that depends on nothing.
static constexpr size_t chunkRows = 64;

bool mlir::compress::canRefineScales(const CodeGrid &grid) {
  return grid.isUniform() || grid.getScaleRule() == ScaleRule::AbsMax ||
         grid.getScaleRule() == ScaleRule::MeanAbs ||
         grid.getScaleRule() == ScaleRule::TernaryExact;
}

namespace {
/// The rows of a chunk.
class Chunk {
public:
  Chunk(const CodeGrid &grid, QuantizedMatrix &matrix, size_t first, size_t rows)
      : grid(grid), matrix(matrix), first(first), rows(rows), columns(matrix.columns),
        groups(matrix.getNumGroups()) {}

  llvm::Error run(const float *weight, const float *gram, double ridge, size_t &changed);

private:
  bool solveRow(size_t row, double squares);

  const CodeGrid &grid;
  QuantizedMatrix &matrix;
  size_t first, rows, columns, groups;
  /// Per row of the chunk: the system [groups, groups] and its right side.
  std::vector<double> systems, sides;
};
} // namespace

/// s^T A s - 2 s^T b: the error without its constant part.
static double getError(const double *system, const double *side, const double *scales,
                       size_t count) {
  double error = 0;
  for (size_t g = 0; g < count; ++g) {
    double sum = 0;
    for (size_t h = 0; h < count; ++h)
      sum += system[g * count + h] * scales[h];
    error += scales[g] * (sum - 2 * side[g]);
  }
  return error;
}

/// Puts the best scales of a row in place; false if it keeps those it has.
bool Chunk::solveRow(size_t row, double squares) {
  const double *system = &systems[row * groups * groups], *side = &sides[row * groups];
  BlockParameters *blocks = &matrix.blocks[(first + row) * groups];
  std::vector<double> factor(system, system + groups * groups), solution(side, side + groups);
  // Groups without any code but zero have no scale to find.
  for (size_t g = 0; g < groups; ++g)
    if (factor[g * groups + g] <= 0) {
      factor[g * groups + g] = squares > 0 ? squares : 1;
      solution[g] = factor[g * groups + g] * blocks[g].scale;
    }
  if (llvm::Error error = cholesky(factor.data(), groups)) {
    llvm::consumeError(std::move(error));
    return false;
  }
  for (bool transposed : {false, true})
    if (llvm::Error error = solveLower(transposed, factor.data(), groups, solution.data(), 1)) {
      llvm::consumeError(std::move(error));
      return false;
    }
  std::vector<double> before(groups);
  for (size_t g = 0; g < groups; ++g) {
    before[g] = blocks[g].scale;
    solution[g] = roundToType(grid.getScaleType(), solution[g]);
    bool isUsable = std::isfinite(solution[g]) && solution[g] * before[g] > 0;
    if (!isUsable)
      return false;
  }
  if (getError(system, side, solution.data(), groups) >=
      getError(system, side, before.data(), groups))
    return false;
  for (size_t g = 0; g < groups; ++g)
    blocks[g].scale = static_cast<float>(solution[g]);
  return true;
}

llvm::Error Chunk::run(const float *weight, const float *gram, double ridge, size_t &changed) {
  size_t group = matrix.group;
  // Values without scales, and H w^T.
  llvm::Expected<MatrixBuffer<float>> values = allocateMatrix<float>(rows * columns, "scales");
  if (!values)
    return values.takeError();
  llvm::Expected<MatrixBuffer<float>> products = allocateMatrix<float>(rows * columns, "scales");
  if (!products)
    return products.takeError();
  for (size_t r = 0; r < rows; ++r)
    for (size_t j = 0; j < columns; ++j) {
      BlockParameters block = matrix.getBlock(first + r, j);
      block.scale = 1;
      (*values)[r * columns + j] = grid.decode(matrix.codes[(first + r) * columns + j], block);
    }
  systems.assign(rows * groups * groups, 0);
  sides.assign(rows * groups, 0);
  const float *w = weight + first * columns;
  gemm<float>(false, false, rows, columns, columns, 1, w, columns, gram, columns, 0,
              products->get(), columns);
  for (size_t r = 0; r < rows; ++r)
    for (size_t j = 0; j < columns; ++j)
      sides[r * groups + j / group] +=
          double((*values)[r * columns + j]) *
          (double((*products)[r * columns + j]) + ridge * double(w[r * columns + j]));
  // u_g H for one group after the other.
  for (size_t g = 0; g < groups; ++g) {
    size_t begin = g * group, count = std::min(group, columns - begin);
    gemm<float>(false, false, rows, columns, count, 1, values->get() + begin, columns,
                gram + begin * columns, columns, 0, products->get(), columns);
    for (size_t r = 0; r < rows; ++r) {
      double *system = &systems[r * groups * groups + g * groups];
      for (size_t j = 0; j < columns; ++j)
        system[j / group] +=
            double((*values)[r * columns + j]) * double((*products)[r * columns + j]);
      for (size_t j = begin; j < begin + count; ++j)
        system[g] +=
            ridge * double((*values)[r * columns + j]) * double((*values)[r * columns + j]);
    }
  }
  changed = 0;
  for (size_t r = 0; r < rows; ++r) {
    double trace = 0;
    for (size_t g = 0; g < groups; ++g)
      trace += systems[r * groups * groups + g * groups + g];
    changed += solveRow(r, trace / double(groups));
  }
  return llvm::Error::success();
}

llvm::Expected<size_t> mlir::compress::refineScales(const CodeGrid &grid, QuantizedMatrix &matrix,
                                                    const float *weight, const float *gram,
                                                    double damping, ParallelFor parallelFor) {
  if (!canRefineScales(grid) || matrix.rows == 0 || matrix.columns == 0)
    return 0;
  double trace = 0;
  for (size_t j = 0; j < matrix.columns; ++j)
    trace += gram[j * matrix.columns + j];
  double ridge = damping * trace / double(matrix.columns);
  size_t chunks = (matrix.rows + chunkRows - 1) / chunkRows;
  std::vector<size_t> changed(chunks, 0);
  std::vector<std::string> errors(chunks);
  parallelFor(chunks, [&](size_t index) {
    size_t first = index * chunkRows;
    Chunk chunk(grid, matrix, first, std::min(chunkRows, matrix.rows - first));
    if (llvm::Error error = chunk.run(weight, gram, ridge, changed[index]))
      errors[index] = llvm::toString(std::move(error));
  });
  size_t sum = 0;
  for (size_t index = 0; index < chunks; ++index) {
    if (!errors[index].empty())
      return llvm::createStringError(errors[index]);
    sum += changed[index];
  }
  return sum;
}
