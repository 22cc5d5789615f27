//===- GptqSolver.h - errors that later columns make good -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The steps that GPTQ and SparseGPT have in common, see Gptq.h: columns become
// codes (or stay, or become 0) one after the other, in blocks, and for each chunk
// of rows by itself.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_GPTQSOLVER_H
#define COMPRESS_LIB_ALGORITHMS_GPTQSOLVER_H

#include "DampedGram.h"
#include "compress/Algorithms/Gptq.h"

namespace mlir::compress {

class GptqSolver {
public:
  /// Rows that are worked on at a time. Within a chunk, a column is contiguous.
  static constexpr size_t chunkRows = 128;

  /// Without a grid, weights that are kept stay as they are. `options.keep` may be written between
  /// blocks and by the callback of `runBlock`, for columns that are not done.
  GptqSolver(const CodeGrid *grid, const float *weight, size_t rows, size_t columns, size_t group,
             const GptqOptions &options)
      : grid(grid), weight(weight), rows(rows), columns(columns), group(group), options(options) {}

  /// Checks the input and computes the updates.
  llvm::Error prepare(const float *gram);

  size_t getNumChunks() const { return (rows + chunkRows - 1) / chunkRows; }
  size_t getChunkSize(size_t chunk) const { return std::min(chunkRows, rows - chunk * chunkRows); }
  /// Column after the block that starts at `begin`: the block ends with a group.
  size_t getBlockEnd(size_t begin) const;

  /// Memory of a chunk while it is worked on.
  struct Scratch {
    std::vector<float> errors, originals;
  };
  /// The columns of the rows of `chunk`, in the order of steps, to `live` [columns, chunk size].
  void startChunk(size_t chunk, float *live);
  /// Does the columns [begin, end) of a chunk and updates those that follow; `beforeColumn` (may be
  /// null) is called before each. Columns that are done have their final values. Returns the loss.
  double runBlock(size_t chunk, size_t begin, size_t end, float *live, Scratch &scratch,
                  llvm::function_ref<void(size_t column)> beforeColumn = nullptr);

  bool isDead(size_t column) const { return diagonal.dead[column]; }
  /// 1 / U[i, i]^2 of step `i`.
  double getLossFactor(size_t step) const { return lossFactors[step]; }

  /// Codes and parameters (with a grid), damping, dead columns; without the loss.
  GptqResult result;

private:
  llvm::Error makeUpdates(MatrixBuffer<double> u);
  llvm::Error makeCorrections(const double *u);
  void roundColumn(size_t first, size_t count, size_t column, const float *values,
                   BlockParameters *blocks, float *rounded);
  void fitGroup(size_t first, size_t count, const float *live, size_t index);
  /// Parameters of a group that starts at column `begin`. The search weighs errors by what they
  /// cost after the columns that follow have made good for them, 1 / U[i, i]^2.
  BlockParameters fit(const float *values, size_t begin, size_t count) const {
    if (options.range != WeightRange::Mse)
      return grid->fit(values, count);
    llvm::ArrayRef<float> costs(columnCosts);
    return grid->fitMse(values, count, 1, costs.slice(begin, count), /*norm=*/2);
  }

  const CodeGrid *grid;
  const float *weight;
  size_t rows, columns, group;
  const GptqOptions &options;

  /// Column that is handled in each step.
  std::vector<size_t> order;
  GramDiagonal diagonal;
  /// [columns, columns] by steps: -U[i, j] / U[i, i] above the diagonal, and P.
  MatrixBuffer<float> updates, corrections;
  /// 1 / U[i, i]^2, by steps and, relative to the largest, by original columns.
  std::vector<double> lossFactors;
  std::vector<float> columnCosts;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_GPTQSOLVER_H
