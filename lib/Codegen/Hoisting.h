//===- Hoisting.h - moving computations of sizes up ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CODEGEN_HOISTING_H
#define COMPRESS_LIB_CODEGEN_HOISTING_H

#include "mlir/IR/Value.h"

namespace mlir {
namespace compress {

/// Whether `value` is available before `point`, or can be computed there by moving pure ops and
/// loads of the function's inputs, which nobody writes.
bool canHoistBefore(Value value, Operation *point);
/// Moves what `canHoistBefore` allows.
void hoistBefore(Value value, Operation *point);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CODEGEN_HOISTING_H
