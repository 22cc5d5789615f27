//===- NormalizeWindow.h - windows of convolutions and pools ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_NORMALIZEWINDOW_H
#define COMPRESS_LIB_TARGET_ONNX_NORMALIZEWINDOW_H

#include "compress/Target/ONNX/Normalize.h"

namespace mlir::compress::onnx {

/// Explicit form of the attributes `strides`, `pads`, `dilations`, `auto_pad`.
struct Window {
  SmallVector<int64_t> strides;
  /// Begins, then ends.
  SmallVector<int64_t> pads;
  SmallVector<int64_t> dilations;
};

/// Reads the window of a node over `spatial` dims. With `ignoreSame`, auto_pad SAME_* gives pads of
/// zero, for the caller to compute.
FailureOr<Window> getWindow(OnnxNode &node, ArrayRef<int64_t> spatial, ArrayRef<int64_t> kernel,
                            int64_t strideDefault, bool ignoreSame = false);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_NORMALIZEWINDOW_H
