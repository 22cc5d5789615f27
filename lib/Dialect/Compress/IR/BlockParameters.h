//===- BlockParameters.h - checks of what belongs to blocks of values -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scales, zero points and tables of encoding ops: one for each block of values. Numbers of
// constraints are those of `compress.quantize`.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_BLOCKPARAMETERS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_BLOCKPARAMETERS_H

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressInterfaces.h"

namespace mlir {
namespace compress {

/// `actual` can be the shape `expected`.
LogicalResult checkShape(const InferenceSite &site, StringRef what, ArrayRef<int64_t> actual,
                         ArrayRef<int64_t> expected);

/// Number of blocks along each dim of values of shape `dims`; C1.
FailureOr<SmallVector<int64_t>> getBlockGrid(const InferenceSite &site, ArrayRef<int64_t> dims,
                                             std::optional<ArrayRef<int64_t>> block);

/// Scale of values of shape `dims`, one per `block`; C1 and C2.
LogicalResult checkScaleShape(const InferenceSite &site, ArrayRef<int64_t> dims,
                              RankedTensorType scale, std::optional<ArrayRef<int64_t>> block);

/// Relates parameters (which may be null) to the values they belong to.
void relateParameter(DimensionRelations &relations, Value parameter, Value values,
                     std::optional<ArrayRef<int64_t>> block);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_BLOCKPARAMETERS_H
