//===- WindowShape.h - spatial parameters of convolutions and pools -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_WINDOWSHAPE_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_WINDOWSHAPE_H

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/DimensionRelation.h"
#include "compress/Reference/Contraction.h"

namespace mlir {
namespace compress {

/// Strides, pads (begins, then ends) and dilations of an op with `size()` spatial dims.
struct WindowShape {
  ArrayRef<int64_t> strides, pads, dilations;

  /// Strides and dilations have one positive entry per spatial dim, pads two non-negative.
  LogicalResult check(const InferenceSite &site, int64_t spatialRank) const;

  /// Size of spatial dim `dim` of the result, dynamic if `size` or `kernel` is; fails if the
  /// dilated kernel does not fit into the padded size. With `ceilMode` a last window that would
  /// start in the end padding is dropped.
  FailureOr<int64_t> getResultSize(const InferenceSite &site, int64_t dim, int64_t size,
                                   int64_t kernel, bool ceilMode) const;

  /// The same of a transposed convolution.
  FailureOr<int64_t> getTransposedSize(const InferenceSite &site, int64_t dim, int64_t size,
                                       int64_t kernel, int64_t outputPadding) const;

  reference::WindowOptions getOptions() const;
};

/// Fixes the dims of `value` from dim 2 on, which a window slides over or is made of.
void fixSpatialDims(DimensionRelations &relations, Value value, StringRef reason);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_WINDOWSHAPE_H
