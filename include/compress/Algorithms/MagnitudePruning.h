//===- MagnitudePruning.h - magnitude N:M masks -----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Magnitude N:M pruning (Mishra et al., "Accelerating Sparse Deep Neural
// Networks", 2021): of every M consecutive elements along K, at one (outer,
// inner) position, the N with the largest |w| are kept. N counts the *kept*
// elements. The last group may be short; it keeps min(N, size).
//
// Ties: of equal magnitudes the lower position along K is kept. -0 equals 0,
// infinities are larger than everything else, NaN is an error.
//
// Magnitudes are compared exactly in the type of the values; those of quantized
// tensors are |s * (q - z)| in f32 (f64 for f64 scales).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_MAGNITUDEPRUNING_H
#define COMPRESS_ALGORITHMS_MAGNITUDEPRUNING_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Algorithms/UniformQuantization.h"
#include <optional>

namespace mlir::compress {

/// `n` kept of `m` consecutive, 1 <= n <= m <= 256.
struct NMPattern {
  unsigned n = 2;
  unsigned m = 4;
  bool isValid() const { return n >= 1 && n <= m && m <= 256; }
};

/// Computes the N:M mask of `values` (f64, f32, f16 or bf16; any alignment):
/// `mask` receives one byte per element, 1 = kept, 0 = pruned. Returns the flat
/// index of the first NaN if there is one; the mask then has no meaning.
std::optional<uint64_t> computeNMMask(NMPattern pattern, BlockView view, DataType valueType,
                                      const void *values, uint8_t *mask,
                                      ParallelFor parallelFor = serialFor);

/// The same for a quantized tensor. `view` says along which dims N:M runs and
/// may differ from `tensor.view`, but has as many elements.
std::optional<uint64_t> computeNMMask(NMPattern pattern, BlockView view,
                                      const QuantizedTensor &tensor, uint8_t *mask,
                                      ParallelFor parallelFor = serialFor);

/// Copies `numElements` values of `elementBytes` (1, 2, 4 or 8) bytes, with all
/// bytes of pruned ones zero. `result` may be `values` itself.
void applyMask(const void *values, unsigned elementBytes, uint64_t numElements, const uint8_t *mask,
               void *result, ParallelFor parallelFor = serialFor);

/// Copies packed codes of `bits` bits, with pruned ones replaced by `fill`.
/// `result` may be `codes` itself.
void applyMaskToCodes(const void *codes, unsigned bits, uint64_t numElements, const uint8_t *mask,
                      uint8_t fill, void *result, ParallelFor parallelFor = serialFor);

/// Checks that every group has at most N elements that are not zero (-0 is
/// zero, NaN is not). Returns the flat index of the first element of the first
/// group, in the order of (outer, group, inner), that has more.
std::optional<uint64_t> verifyNM(NMPattern pattern, BlockView view, DataType valueType,
                                 const void *values);

/// Checks that every group has at most N codes other than `fill` (only its low
/// `bits` bits count).
std::optional<uint64_t> verifyNMCodes(NMPattern pattern, BlockView view, unsigned bits,
                                      const void *codes, uint8_t fill);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_MAGNITUDEPRUNING_H
