//===- ShareDuplicates.h - equal weights are stored once --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHAREDUPLICATES_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHAREDUPLICATES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {

/// Name and category of the remarks of compress-share-weights.
inline remark::RemarkOpts getShareRemarks() {
  return remark::RemarkOpts::name("compress-share-weights").category("share");
}

/// Lets all users of stored tensors with the same type and bytes, of one kind of source, use the
/// first of them. Codes are the same only if they are decoded in the same way. A matrix that is
/// another one transposed, and that nothing but `compress.linear` uses, becomes that one in the
/// other layout. Symbols that are not private stay. Remarks and lines of the report say what
/// happened. A failure, with a diagnostic, where bytes cannot be read.
LogicalResult shareDuplicates(ModuleOp module);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHAREDUPLICATES_H
