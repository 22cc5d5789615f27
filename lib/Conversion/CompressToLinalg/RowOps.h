//===- RowOps.h - parts of normalisations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ROWOPS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ROWOPS_H

#include "LoopBuilder.h"

namespace mlir {
namespace compress {

/// exp(x - max) / sum along dim `axis` of `input`, whose elements have type `from`; `isLog` gives
/// the logarithm of that. The result is a tensor of `type` with elements of type `to`.
Value emitSoftmax(ConversionPatternRewriter &rewriter, Location loc, LoweringContext &lowering,
                  ArrayRef<OpFoldResult> sizes, Value input, Type from, int64_t axis, bool isLog,
                  RankedTensorType type, Type to);

/// `rotary_embedding` and `attention`.
void populateCompositePatterns(const TypeConverter &converter, LoweringContext &lowering,
                               RewritePatternSet &patterns);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ROWOPS_H
