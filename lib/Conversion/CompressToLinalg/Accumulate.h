//===- Accumulate.h - sums of products -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ACCUMULATE_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ACCUMULATE_H

#include "TensorBuilder.h"

namespace mlir {
namespace compress {

/// Body of a contraction of two inputs: `args[2] + args[0] * args[1]`, in the type of `args[2]`.
void yieldMultiplyAdd(OpBuilder &builder, Location loc, ValueRange args, bool isLeftUnsigned,
                      bool isRightUnsigned);

/// Zeros of `sizes`, or the rank-1 `bias` (may be null) along `biasDim`, as `type`.
Value createAccumulator(TensorBuilder &b, ArrayRef<OpFoldResult> sizes, Type type, Value bias,
                        int64_t biasDim);

/// Fails with an error at `op` if an entry is so large that coordinates could overflow.
LogicalResult checkWindow(Operation *op, ArrayRef<ArrayRef<int64_t>> lists);

/// `input` `[N, C, spatial...]` with `begin` and `end` (>= 0) elements of `value` around the
/// spatial dims; the input itself if there are none.
Value padSpatial(TensorBuilder &b, Value input, ArrayRef<OpFoldResult> sizes,
                 ArrayRef<OpFoldResult> begin, ArrayRef<OpFoldResult> end, Value value);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ACCUMULATE_H
