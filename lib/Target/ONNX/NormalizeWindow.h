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

/// The window of a pooling node, with its size.
struct PoolWindow {
  SmallVector<int64_t> kernel;
  Window window;
};
FailureOr<PoolWindow> getPoolWindow(OnnxNode &node);
/// Pooling of `input` with the attributes of `node`.
FailureOr<Value> makePool(OnnxNode &node, PoolKind kind, const PoolWindow &pool, Value input);

/// The window of a Conv or QLinearConv with an input and a weight of these types.
FailureOr<Window> getConvWindow(OnnxNode &node, RankedTensorType input, RankedTensorType weight);
/// The convolution of `operands` (input, weight and, if there is one, bias) that such a node is.
FailureOr<Value> makeConv(OnnxNode &node, const Window &window, ArrayRef<Value> operands);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_NORMALIZEWINDOW_H
