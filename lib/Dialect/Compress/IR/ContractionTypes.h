//===- ContractionTypes.h - element types of contractions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_CONTRACTIONTYPES_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_CONTRACTIONTYPES_H

#include "InferenceSite.h"

namespace mlir {
namespace compress {

/// Element type of a contraction's result: that of the operands if they have the same one, a float
/// or an integer of at least 32 bits; `i32` if both are 8-bit integers; otherwise a failure.
FailureOr<Type> getContractionType(const InferenceSite &site, Type lhs, Type rhs);

/// A bias, if there is one, has shape `[size]` and the given element type.
LogicalResult checkBias(const InferenceSite &site, Value bias, int64_t size, Type elementType);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_CONTRACTIONTYPES_H
