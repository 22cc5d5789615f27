//===- ScalarOps.h - element-wise ops on elements -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_SCALAROPS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_SCALAROPS_H

#include "compress/Dialect/Compress/Transforms/ScalarBuilder.h"
#include "mlir/IR/Operation.h"

namespace mlir {
namespace compress {

/// The element of the result of element-wise `op` (ElementwiseOps.td) for `elements` of its
/// operands, in compute types; null if the op is not element-wise.
Value emitElementwise(ScalarBuilder &builder, Operation *op, ValueRange elements);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_SCALAROPS_H
