//===- LowRank.h - factors of a low rank ------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A weight W [m, n] as a product U V of [m, k] and [k, n], k much smaller than m
// and n. All methods minimise |A (W - U V) B| (Frobenius) for matrices A and B of
// their own, by the singular value decomposition of A W B (Eckart and Young):
//
//   SVD      A = 1, B = 1
//   Fisher   A = diag(sqrt(importance of the rows)), B = 1; Hsu et al., "Language
//            model compression with weighted low-rank factorization" (FWSVD), ICLR 2022
//   ASVD     B = diag(mean |x|)^alpha; Yuan et al., "ASVD", 2023
//   DRONE    B = U_x S_x of X = U_x S_x V_x^T, without zero singular values; Chen et
//            al., "DRONE: Data-aware low-rank compression", NeurIPS 2021
//   SVD-LLM  B = L with L L^T = X X^T; Wang et al., "SVD-LLM", ICLR 2025. A Gram
//            matrix that is not positive definite gets (1e-6 d - smallest
//            eigenvalue) I, where d is the mean of its diagonal without zeros
//            (the paper: d = 1), so that its unit does not matter
//
// With the two last ones the minimum is that of |(W - U V) X|, which both reach;
// they differ in what V does with inputs that were never seen: DRONE drops them
// (in units of each channel: B = D E S with X X^T = D (E S^2 E^T) D and ones on the
// diagonal of the middle), SVD-LLM goes on as W does. A Gram matrix of zeros counts
// as 1e-6 I with both.
//
// Column i of U and row i of V get the same length; with the plain SVD these are
// U sqrt(S) and sqrt(S) V^T.
//
// Everything is computed in f64, from the eigenvectors of the smaller of M M^T and
// M^T M with M = A W B: one side of the factors is a set of orthonormal vectors, the
// other one the projection of W on them, so that all ranks together give back W.
// Singular values are lengths of these projections; those below 1e-12 of the
// largest one count as 0. The randomised decomposition works in f32. Results do not
// depend on threads.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_LOWRANK_H
#define COMPRESS_ALGORITHMS_LOWRANK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <vector>

namespace mlir::compress {

/// U [rows, rank] and V [rank, columns], row-major.
struct LowRankFactors {
  size_t rank = 0;
  std::vector<float> u, v;
};

struct LowRankOptions {
  /// No factors of a larger rank are needed: a randomised decomposition (Halko, Martinsson and
  /// Tropp, 2011) is used where that is much faster. 0: all of them, exactly.
  size_t maxRank = 0;
  uint64_t seed = 0;
};

/// A decomposed matrix, from which factors of any rank follow.
class LowRankDecomposition {
public:
  /// Those of A W B that are known, in descending order: min(m, n) of them or, from the randomised
  /// decomposition, `maxRank`.
  llvm::ArrayRef<double> getSingularValues() const { return values; }
  /// Sum of squares of A W B.
  double getTotal() const { return total; }
  /// Sum of squares of the error A (W - U V) B with factors of rank `rank`.
  double getError(size_t rank) const;
  /// Least rank whose error is at most `(1 - energy)` of the total; the number of known singular
  /// values if there is none.
  size_t getRank(double energy) const;
  /// Factors of the first `rank` singular values, as far as they are known (up to `maxRank`, if
  /// given) and their product is not zero; one of zeros if there is no other. Rank 0: nothing.
  LowRankFactors getFactors(size_t rank) const;

private:
  friend class LowRankSolver;
  /// `stored` components are kept, the first `used` ones are not zero.
  size_t rows = 0, columns = 0, stored = 0, used = 0;
  /// Of A W B, and what `values` leave of it.
  double total = 0, rest = 0;
  std::vector<double> values;
  /// A^-1 U_z [rows, stored] and V_z^T B^-1 [stored, columns], balanced.
  std::vector<float> left, right;
};

/// Decompose `weight` [rows, columns], row-major, finite. Errors of all: sizes, values that are not
/// finite, no convergence, memory.
llvm::Expected<LowRankDecomposition> decomposeSvd(llvm::ArrayRef<float> weight, size_t rows,
                                                  size_t columns, const LowRankOptions &options);
/// The same with A and B diagonal: `rowScale` and `columnScale` are empty (ones) or not negative
/// (zeros count as the smallest positive one, nothing but zeros as ones).
llvm::Expected<LowRankDecomposition> decomposeScaled(llvm::ArrayRef<float> weight, size_t rows,
                                                     size_t columns,
                                                     llvm::ArrayRef<double> rowScale,
                                                     llvm::ArrayRef<double> columnScale,
                                                     const LowRankOptions &options);
/// `gram` [columns, columns] is the sum of x x^T over the vectors that the weight is multiplied by.
llvm::Expected<LowRankDecomposition> decomposeDrone(llvm::ArrayRef<float> weight, size_t rows,
                                                    size_t columns, llvm::ArrayRef<float> gram,
                                                    const LowRankOptions &options);
llvm::Expected<LowRankDecomposition> decomposeSvdLlm(llvm::ArrayRef<float> weight, size_t rows,
                                                     size_t columns, llvm::ArrayRef<float> gram,
                                                     const LowRankOptions &options);

/// The product of a query and a key weight, `Wq^T Wk` for `query` [rank, n] and `key` [rank, n] (a
/// head of `rank` rows each), as a product of fewer rows: minimises
/// |Xq^T (Wq^T Wk - Q^T K) Xk| for the Gram matrices of the inputs of both (empty: the identity).
/// The new query is `u` transposed, [k, n]; the new key is `v`. (DRONE, section 3.4.) Combinations
/// of rows that no input excites are dropped. Exact, in time O(rank n^2).
llvm::Expected<LowRankDecomposition> decomposeQueryKey(llvm::ArrayRef<float> query,
                                                       llvm::ArrayRef<float> key, size_t rank,
                                                       size_t n, llvm::ArrayRef<float> queryGram,
                                                       llvm::ArrayRef<float> keyGram);

/// Largest rank with which the factors have fewer elements than the matrix: k < m n / (m + n).
size_t getBreakEvenRank(size_t rows, size_t columns);
/// Rank with which they have the share `ratio` of them, rounded down, at least 1 (SVD-LLM).
size_t getRankOfRatio(size_t rows, size_t columns, double ratio);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_LOWRANK_H
