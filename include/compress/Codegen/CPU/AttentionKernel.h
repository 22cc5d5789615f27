//===- AttentionKernel.h - attention of all heads -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_ATTENTIONKERNEL_H
#define COMPRESS_CODEGEN_CPU_ATTENTIONKERNEL_H

#include "compress/Codegen/CPU/KernelLibrary.h"

namespace mlir {
namespace compress {

/// Operands of an attention kernel that have heads.
enum class AttentionOperand { Query, Key, Value, Result };

/// What an attention kernel is generated for; batch and lengths are run-time sizes.
struct AttentionShape {
  /// Heads of the queries, and of keys and values (a divisor).
  int64_t heads = 1, keyHeads = 1;
  /// Elements of one query or key, and of one value.
  int64_t keyDim = 0, valueDim = 0;
  float scale = 1;
  /// For each `AttentionOperand`: `[batch, sequence, heads, dim]` instead of `[batch, heads,
  /// sequence, dim]`. A layout is only an order of indices.
  std::array<bool, 4> sequenceFirst{};
  /// Whether there is a mask.
  bool masked = false;

  /// Largest dims of a head that kernels are generated for.
  static constexpr int64_t kMaxDim = 256;
  bool isSequenceFirst(AttentionOperand operand) const {
    return sequenceFirst[static_cast<size_t>(operand)];
  }
  bool isSupported() const {
    return heads > 0 && keyHeads > 0 && heads % keyHeads == 0 && keyDim > 0 && keyDim <= kMaxDim &&
           valueDim > 0 && valueDim <= kMaxDim;
  }
};

/// A mask value that is not greater removes its key.
constexpr float kRemovedKey = -1e8f;

/// The kernel `(query, key, value, [mask,] result)` of `softmax(q * k^T * scale + mask) * v`, f32,
/// activation memrefs of rank 4 (`getActivationType`). The mask is `[batch or 1, heads or 1,
/// queries or 1, keys]`; which dims are 1 is seen at run time.
///
/// Keys are packed as `[keys / panel][dim][panel]` and values with padded rows; then 8 rows of
/// queries at a time: all scores, softmax, product with the values. Keys behind the last one that
/// some of the 8 rows keeps are skipped, so that a causal mask halves the work without being known
/// when the kernel is generated; a block with a row that keeps no key is computed in full. One or
/// two rows (decoding) read keys and values in place.
///
/// Results do not depend on the number of threads or the instruction set.
func::FuncOp getAttentionKernel(KernelLibrary &library, const AttentionShape &shape);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_ATTENTIONKERNEL_H
