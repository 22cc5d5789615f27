//===- Passes.h - passes on compress ops and weighted ops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PASSES_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
namespace compress {

#define GEN_PASS_DECL
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PASSES_H
