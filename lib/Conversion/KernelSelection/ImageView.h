//===- ImageView.h - tensors as images, for kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_KERNELSELECTION_IMAGEVIEW_H
#define COMPRESS_LIB_CONVERSION_KERNELSELECTION_IMAGEVIEW_H

#include "compress/Conversion/KernelSelection.h"

namespace mlir {
namespace compress {

/// `value` of the given sizes as `[n, c, h, w]`. A line, `[n, c, w]` or `[n, c, w, 1]`, becomes
/// `[n, c, 1, w]`.
Value toImage(OpBuilder &builder, Value value, ArrayRef<OpFoldResult> sizes, bool isLine);

/// The result of an f32 kernel on images that has the sizes `sizes` (a line's if `isLine`), as
/// `type`.
Value callOnImages(OpBuilder &builder, Location loc, func::FuncOp kernel, ValueRange operands,
                   ArrayRef<OpFoldResult> sizes, bool isLine, RankedTensorType type);

/// See SelectPool.cpp.
void populatePoolKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_KERNELSELECTION_IMAGEVIEW_H
