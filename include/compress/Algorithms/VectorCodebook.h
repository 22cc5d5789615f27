//===- VectorCodebook.h - codes for vectors of weights ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The rows of a matrix are cut into vectors of `dim` elements (the last one may be
// short: as if padded with zeros). A vector is the sum of one entry of each of M
// codebooks, times the scale of its row:
//
//   product   M = 1, a codebook for each position of vectors in a row or one for
//             all; Jegou, Douze and Schmid, "Product quantization", TPAMI 2011
//   additive  M codebooks for all vectors, and row scales; Egiazarian et al.,
//             "Extreme compression of large language models via additive
//             quantization" (AQLM), ICML 2024
//
// What is minimised is |(W - W^) X|^2 = sum of e G e^T over the rows e of W - W^, G
// the sum of x x^T over the vectors that W is multiplied by, or |W - W^|^2 without G.
// k-means of the vectors, and of what is left of them for the further codebooks, is
// the start (rows divided by their root mean squares). Then rounds follow of
//
//   codes      position after position, from those before to those behind: a beam
//              search over the codebooks, that is local to the vector
//   codebooks  least squares, by a number of conjugate gradient steps from the
//              codebooks that are (the paper has Adam steps)
//   scales     least squares
//
// None of the three increases the error. The rounds end when one takes off less
// than `tolerance` of it. Entries beyond the columns are not used.
//
// Memory: three times the matrix in f32. Results do not depend on threads.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_VECTORCODEBOOK_H
#define COMPRESS_ALGORITHMS_VECTORCODEBOOK_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Support/DataType.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::compress {

struct VectorCodebookOptions {
  /// Elements of a vector, at least 1.
  size_t dim = 8;
  /// Of each codebook, 1 to 65536.
  size_t entries = 256;
  /// Summed up for each vector (M), at least 1.
  size_t codebooks = 1;
  /// Whether each position of vectors in a row has its own codebooks.
  bool perPosition = false;
  /// Whether rows have scales.
  bool rowScales = false;
  /// Stored type of the tables and scales, which are rounded at the end.
  DataType type = DataType::F32;

  /// Combinations of codes that the search keeps.
  size_t beam = 1;
  /// Of k-means, and vectors for each entry that it is fitted to.
  unsigned startIterations = 100;
  size_t startVectors = 1024;
  /// Rounds, the part of the error that the last one takes off at least, and conjugate gradient
  /// steps in each.
  unsigned maxRounds = 20;
  double tolerance = 0.01;
  unsigned codebookSteps = 8;
  uint64_t seed = 0;
};

/// Product quantization with a codebook for each position.
inline VectorCodebookOptions getProductOptions(size_t dim, size_t entries) {
  VectorCodebookOptions options;
  options.dim = dim;
  options.entries = entries;
  options.perPosition = true;
  return options;
}
/// Additive quantization in AQLM's form.
inline VectorCodebookOptions getAdditiveOptions(size_t dim, size_t entries, size_t codebooks) {
  VectorCodebookOptions options;
  options.dim = dim;
  options.entries = entries;
  options.codebooks = codebooks;
  options.rowScales = true;
  return options;
}

struct VectorCodes {
  size_t rows = 0, columns = 0, dim = 0, entries = 0, codebooks = 0, subspaces = 0;
  /// `[rows, ceil(columns / dim), codebooks]`.
  std::vector<uint16_t> codes;
  /// `[subspaces, codebooks, entries, dim]`, of 1 subspace or one for each position.
  std::vector<float> tables;
  /// `[rows]`, or empty.
  std::vector<float> scales;
  /// The error that is minimised: of the start, then after each round.
  std::vector<double> errors;
  /// The same of the stored tables and scales.
  double error = 0;

  size_t getNumVectors() const { return (columns + dim - 1) / dim; }
};

/// Finds codes for `weight` [rows, columns] (not empty, finite). `gram` is empty or [columns,
/// columns], symmetric and positive semidefinite.
VectorCodes fitVectorCodes(llvm::ArrayRef<float> weight, size_t rows, size_t columns,
                           llvm::ArrayRef<float> gram, const VectorCodebookOptions &options,
                           ParallelFor parallelFor = serialFor);

/// The matrix [rows, columns] that codes stand for: entries are added in f32 in the order of the
/// codebooks, then multiplied by the scale.
std::vector<float> decodeVectorCodes(const VectorCodes &codes);

/// Bits per weight of a matrix [rows, columns] with such codes: whole bits for each code, and
/// tables and scales in `options.type`.
double getBitsPerWeight(const VectorCodebookOptions &options, size_t rows, size_t columns);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_VECTORCODEBOOK_H
