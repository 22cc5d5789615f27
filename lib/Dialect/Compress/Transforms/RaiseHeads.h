//===- RaiseHeads.h - queries, keys and values of an attention -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_RAISEHEADS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_RAISEHEADS_H

#include "RaiseComposites.h"

namespace mlir {
namespace compress {

/// From `[batch, sequence, heads, dim]` to `[batch, heads, sequence, dim]`, and back.
inline constexpr int64_t swapHeads[] = {0, 2, 1, 3};

inline ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// The op of `value` if it is a transpose with this permutation, or null.
inline TransposeOp matchTranspose(Value value, ArrayRef<int64_t> perm) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  return transpose && transpose.getPerm() == perm ? transpose : TransposeOp();
}

/// Queries, keys or values. `bhsd` is `[batch, heads, sequence, dim]`. If there are such, `bshd` is
/// the value before the transpose, and `rotary` the op between both.
struct Heads {
  Value bhsd, bshd;
  /// Or they are entry `index` of dim 2 of `[batch, sequence, n, heads, dim]`, one product for all.
  Value packed;
  int64_t index = 0;
  RotaryEmbeddingOp rotary;
  bool hasBSHD() const { return bshd || packed; }
  int64_t getCount() const { return getShape(bhsd ? bhsd : bshd)[bhsd ? 1 : 2]; }
};

/// The value of which every element of dim `dim` (the heads) is repeated some times in a row in
/// `value`, or null.
Value matchRepeat(Value value, int64_t dim, RaiseContext &context);

/// Queries, keys or values from their `[b, h, s, d]` form. Shared heads are looked for if
/// `repeats`; `scale` takes in constant factors (null: there are none to look for).
Heads getHeads(Value value, bool repeats, double *scale, RaiseContext &context);

/// The heads in the wanted order, made at the insertion point if needed.
Value materialize(const Heads &heads, bool isBSHD, PatternRewriter &rewriter);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_RAISEHEADS_H
