//===- CompositePatterns.h - composite ops and their parts -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The way back from `compress.rms_norm`, `compress.rotary_embedding`, `compress.attention` and
// `compress.moe` to the ops that exporters write.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_COMPOSITEPATTERNS_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_COMPOSITEPATTERNS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir {
namespace compress {

/// True for the ops that `populateExpandCompositePatterns` replaces.
bool isComposite(Operation *op);

/// Patterns that replace every composite op by primitive ops of the same value, for any layout,
/// static and dynamic shapes and shared heads. The last op keeps the location and the type.
void populateExpandCompositePatterns(RewritePatternSet &patterns);

/// Applies these patterns to all ops below `root`. A failure if a composite op is left.
LogicalResult expandComposites(Operation *root);

/// Expands `compress.moe` only: its weights are weights of ops again.
LogicalResult expandMoe(Operation *root);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_COMPOSITEPATTERNS_H
