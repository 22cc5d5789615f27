//===- Palette.h - tables made for a weight ---------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Codes of b bits into a table of 2^b floats that is chosen to minimise the sum
// of w_i * (x_i - table[code_i])^2: k-means in one dimension, or the quantizer of
// Lloyd and Max (Lloyd, "Least squares quantization in PCM", 1982; Max, 1960; Han
// et al., "Deep compression", ICLR 2016).
//
// Values are sorted once; an iteration then takes a binary search for each bound
// and sums of ranges from prefix sums. Each iteration moves the entries to the
// means of their cells, which never increases the error. An entry that no value
// is nearest to moves to the value with the largest error in the cell with the
// largest error. It ends when no bound moves, at a local optimum, or after a number of
// iterations. Results do not depend on threads. Memory: 8 bytes for each value, 16 with weights.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_PALETTE_H
#define COMPRESS_ALGORITHMS_PALETTE_H

#include "compress/Algorithms/CodeGrid.h"

namespace mlir::compress {

/// Where the iteration starts ("Deep compression", section 3.2).
enum class PaletteStart : uint8_t {
  /// Equal steps between the smallest and the largest value: large weights keep small errors.
  Linear,
  /// Equal numbers of values (or sums of weights) for each entry.
  Density,
  /// Values drawn by a generator with a seed.
  Random,
};

struct PaletteOptions {
  /// 1 to 8.
  unsigned bits = 4;
  PaletteStart start = PaletteStart::Linear;
  uint64_t seed = 0;
  unsigned maxIterations = 1000;
};

struct Palette {
  /// `2^bits` values, ascending. With fewer distinct values than that these, and the last repeated.
  std::vector<float> table;
  /// Weighted sums of squared errors: with the first table, then after each iteration.
  std::vector<double> errors;
};

/// Fits a palette to `values` (not empty, finite). `weights` is empty (all 1) or has a non-negative
/// number for each value.
Palette fitPalette(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights,
                   const PaletteOptions &options);

/// The grid of a palette of `2^bits` values: its scale is 1.
CodeGrid makePaletteGrid(llvm::ArrayRef<float> table);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_PALETTE_H
