//===- ReshapeDims.h - dims of reshape as products of dims of its input -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_RESHAPEDIMS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_RESHAPEDIMS_H

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/DimensionRelation.h"

namespace mlir {
namespace compress {

/// A size as product of a static factor and dynamic dims of the input: `[0, -1]` of
/// `[?, ?, 4]` is `[d0, 4 * d1]`.
struct ReshapeDim {
  int64_t factor = 1;
  /// Dynamic dims of the input, in increasing order.
  SmallVector<int64_t, 2> symbols;
  /// Nothing is known of this size.
  bool isUnknown = false;

  /// The static size, or dynamic.
  int64_t getSize() const { return isUnknown || !symbols.empty() ? ShapedType::kDynamic : factor; }
  bool operator==(const ReshapeDim &other) const {
    return !isUnknown && !other.isUnknown && factor == other.factor && symbols == other.symbols;
  }
};

/// The input's dims: static sizes and one symbol per dynamic dim.
SmallVector<ReshapeDim> getInputDims(ArrayRef<int64_t> input);

/// Dims of the result for the target shape `shape`, in which -1 is inferred and 0 copies unless
/// `allowZero`. Reports a shape that no input of this type can have.
FailureOr<SmallVector<ReshapeDim>> getReshapedDims(const InferenceSite &site,
                                                   ArrayRef<int64_t> input, ArrayRef<int64_t> shape,
                                                   bool allowZero);

/// Dims of the result as far as its type says.
SmallVector<ReshapeDim> getReshapedDims(ArrayRef<int64_t> input, ArrayRef<int64_t> result);

/// Relates the dims of `input` and `result` in the smallest groups with equal products.
void relateReshape(DimensionRelations &relations, Value input, Value result,
                   ArrayRef<ReshapeDim> resultDims);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_RESHAPEDIMS_H
