//===- ReshapeRelation.h - dims of reshaped values -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_RESHAPERELATION_H
#define COMPRESS_DIALECT_COMPRESS_IR_RESHAPERELATION_H

#include "compress/Dialect/Compress/IR/DimensionRelation.h"

namespace mlir {
namespace compress {

/// Relates the dims of `input` and `result`, which have the same elements in row-major order, as
/// far as their types say: in the smallest groups of dims with equal products.
void relateReshape(DimensionRelations &relations, Value input, Value result);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_IR_RESHAPERELATION_H
