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
// iterations. The exact start is the global optimum (KMeans1D.h says of what) and needs
// none of that. Results do not depend on threads. Memory: 8 bytes for each value, 24 with weights.
//
// What Deep Compression does with a palette afterwards is here, too: the gradient of its
// entries and the rate of compression.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_PALETTE_H
#define COMPRESS_ALGORITHMS_PALETTE_H

#include "compress/Algorithms/BlockView.h"
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
  /// The best entries, by dynamic programming.
  Exact,
};

struct PaletteOptions {
  /// 1 to 8.
  unsigned bits = 4;
  PaletteStart start = PaletteStart::Linear;
  uint64_t seed = 0;
  unsigned maxIterations = 1000;
  /// Entries that differ, 1 to `2^bits`; 0: `2^bits`.
  unsigned entries = 0;
  /// One of the entries is exactly 0, so that zeros stay zeros; the others are fitted with it.
  bool keepZero = false;
};

struct Palette {
  /// `2^bits` values, ascending. With fewer distinct values than entries these. The last is
  /// repeated where there are fewer than `2^bits`.
  std::vector<float> table;
  /// Weighted sums of squared errors: with the first table, then after each iteration.
  std::vector<double> errors;
};

/// Fits a palette to `values` (not empty, finite). `weights` is empty (all 1) or has a non-negative
/// number for each value.
Palette fitPalette(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights,
                   const PaletteOptions &options);

/// Code of the nearest entry of `table` (`2^bits` values, ascending) for each of `values`: ties to
/// the lower entry, the first of equal ones. As with `makePaletteGrid`.
void encodePalette(llvm::ArrayRef<float> table, llvm::ArrayRef<float> values,
                   llvm::MutableArrayRef<uint8_t> codes);

/// A palette for each block of a weight.
struct BlockPalettes {
  /// `[outer, ceil(K / group), inner, 2^bits]`, in the stored type.
  std::vector<float> tables;
  /// `[outer, K, inner]`: nearest entries of the stored tables.
  std::vector<uint8_t> codes;
  /// Weighted sum of squared errors of the stored tables.
  double error = 0;
};

/// Fits a palette to each block of `group` entries along K (`BlockView.h` has the views: a whole
/// tensor is (1, numel, 1) with group numel, output channels are (channels, size, 1) with group
/// size, or (1, K, channels) with group K where they are the last dim). `values` (finite) and
/// `weights` (empty: all 1) are `[outer, K, inner]`, none of them 0. Entries are rounded to `type`
/// before codes are chosen.
BlockPalettes fitBlockPalettes(BlockView view, uint64_t group, llvm::ArrayRef<float> values,
                               llvm::ArrayRef<float> weights, const PaletteOptions &options,
                               DataType type = DataType::F32, ParallelFor parallelFor = serialFor);

/// Gradient of each of `entries` entries of a palette: the sum of the gradients of the weights with
/// its code ("Deep compression", section 3.3).
std::vector<double> getCentroidGradient(llvm::ArrayRef<uint8_t> codes,
                                        llvm::ArrayRef<float> gradient, size_t entries);

/// How many times smaller `weights` weights of `bits` bits become as codes of log2(entries) bits
/// with a table of `entries` weights: n b / (n log2 k + k b) ("Deep compression", section 3).
double getPaletteRate(uint64_t weights, uint64_t entries, double bits);

/// The grid of a palette of `2^bits` values: its scale is 1.
CodeGrid makePaletteGrid(llvm::ArrayRef<float> table);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_PALETTE_H
