//===- EpilogueMatch.h - what follows a contraction and can be part of its kernel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CONVERSION_EPILOGUEMATCH_H
#define COMPRESS_CONVERSION_EPILOGUEMATCH_H

#include "compress/Codegen/CPU/Epilogue.h"
#include "compress/Conversion/KernelSelection.h"

namespace mlir {
namespace compress {

/// A contraction with the single-use ops after it that an epilogue can do.
struct EpilogueMatch {
  Epilogue epilogue;
  /// `[channels]`, and a tensor like the result; null where the epilogue has none.
  Value bias, other;
  /// Op whose result the kernel computes: the contraction itself or the last op of its epilogue.
  /// The kernel call goes to its place.
  Operation *last = nullptr;

  /// Operands of a kernel call after x and the weight.
  SmallVector<Value> getOperands() const;
};

/// Follows the uses of `op`'s only result. `bias` is the op's own bias or null; `channelDim` is the
/// dim of the result that a bias belongs to.
EpilogueMatch matchEpilogue(KernelContext &kernels, Operation *op, Value bias, int64_t channelDim);

/// Replaces `match.last` by `value` and erases the ops between it and `op`, and `op`.
void replaceMatch(RewriterBase &rewriter, KernelContext &kernels, Operation *op,
                  const EpilogueMatch &match, Value value);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CONVERSION_EPILOGUEMATCH_H
