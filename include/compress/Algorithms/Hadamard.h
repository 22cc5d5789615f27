//===- Hadamard.h - Hadamard matrices and rotations ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rotations that spread outliers over all channels (Ashkboos et al., "QuaRot:
// Outlier-Free 4-Bit Inference in Rotated LLMs"). A Hadamard matrix has entries
// +1 and -1 and orthogonal rows, H H^T = n I. Sizes here are 2^k and 2^k * m,
// where m is the order of a construction of Paley over a prime field, "On
// orthogonal matrices" (1933), with the Legendre symbol chi:
//   I:  m = q + 1, q = 3 (mod 4):      H = I + [0 1; -1 C],  C_ij = chi(j - i)
//   II: m = 2 (q + 1), q = 1 (mod 4):  S = [0 1; 1 C]; every 0 of S becomes
//       [1 -1; -1 -1] and every +-1 becomes +-[1 1; 1 -1]
// H of 2^k * m is the Kronecker product of Sylvester's matrix and Paley's, with
// the smallest m that there is; I comes before II.
//
// All rotations work on row vectors, v -> v Q, in f64 and with a fixed order of
// operations. Random signs and numbers come from splitmix64, so that a seed
// means the same rotation everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_HADAMARD_H
#define COMPRESS_ALGORITHMS_HADAMARD_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace mlir::compress {

/// A Hadamard matrix as Kronecker product of Sylvester's matrix of size `powerOfTwo` and `base`.
struct HadamardMatrix {
  int64_t powerOfTwo = 1;
  /// Order of Paley's matrix, or 1.
  int64_t baseSize = 1;
  /// Entries of Paley's matrix, row-major.
  std::vector<int8_t> base{1};

  int64_t getSize() const { return powerOfTwo * baseSize; }
  /// Entry (row, column): 1 or -1.
  int getEntry(int64_t row, int64_t column) const;
};

/// The Hadamard matrix of size `n`; nothing where no construction is known here, or `n` is less
/// than 1 or more than 2^24.
std::optional<HadamardMatrix> getHadamard(int64_t n);

/// Largest size of a Hadamard matrix that divides `n` (1 if `n` is odd, 0 if it is not positive).
int64_t getLargestHadamardDivisor(int64_t n);

/// In place v -> v H of each of `lanes` row vectors: element `i` of vector `l` is
/// `values[i * lanes + l]`. Not scaled. `scratch` has room for `baseSize * lanes` numbers.
void multiplyByHadamard(const HadamardMatrix &matrix, double *values, unsigned lanes,
                        double *scratch);

/// An orthogonal matrix Q.
class Rotation {
public:
  /// H / sqrt(n); nothing where no Hadamard matrix is known.
  static std::optional<Rotation> getHadamard(int64_t n);
  /// D H / sqrt(n) with random signs D, that is H D / sqrt(n) on column vectors, for symmetric H.
  static std::optional<Rotation> getRandomizedHadamard(int64_t n, uint64_t seed);
  /// Q of the QR decomposition of a matrix of normal random numbers, R with a positive diagonal
  /// (Haar measure). Cubic time: nothing if `n` is less than 1 or more than `maxDenseSize`.
  static std::optional<Rotation> getRandomOrthogonal(int64_t n, uint64_t seed);

  static constexpr int64_t maxDenseSize = 4096;

  int64_t getSize() const { return size; }
  /// Whether this is built on a Hadamard matrix.
  bool isHadamard() const { return hadamard.has_value(); }
  /// Q[row][column].
  double getEntry(int64_t row, int64_t column) const;

  /// In place v -> v Q of `lanes` interleaved row vectors, as in `multiplyByHadamard`. `scratch`
  /// has room for `size * lanes` numbers.
  void apply(double *values, unsigned lanes, double *scratch) const;

private:
  int64_t size = 0;
  std::optional<HadamardMatrix> hadamard;
  /// Random signs; empty: none.
  std::vector<int8_t> signs;
  /// Q row-major, where there is no Hadamard matrix.
  std::vector<double> dense;
};

/// Multiplies every vector along K of `view` by `rotation` from the right, in blocks of its size,
/// which divides K. `values` has all elements of the view.
void rotateAlongK(const Rotation &rotation, BlockView view, double *values,
                  ParallelFor parallelFor = serialFor);

/// Subtracts from every vector along K of `view` its mean.
void centerAlongK(BlockView view, double *values);

/// Kurtosis E[(x - mean)^4] / variance^2: 3 for normal numbers, more with outliers. 0 if all
/// values are the same or there are none.
double getKurtosis(llvm::ArrayRef<double> values);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_HADAMARD_H
