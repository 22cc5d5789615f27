//===- IndexCheck.h - indices that are values of tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_INDEXCHECK_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_INDEXCHECK_H

#include "TensorBuilder.h"

namespace mlir {
namespace compress {

/// Checks that all elements of the integer tensor `indices` are in `[-size, size)`, where size is
/// the one of `sizes`, or the one that the last dim of `indices` selects if there are several.
/// The check is one reduction before anything is read.
void checkIndices(TensorBuilder &b, Value indices, ArrayRef<OpFoldResult> sizes);

/// A checked index: counted from the end where it is negative.
Value getCheckedIndex(OpBuilder &builder, Location loc, Value scalar, OpFoldResult size);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_INDEXCHECK_H
