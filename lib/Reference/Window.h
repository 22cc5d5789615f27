//===- Window.h - sliding windows of convolutions and pools -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_REFERENCE_WINDOW_H
#define COMPRESS_LIB_REFERENCE_WINDOW_H

#include "compress/Reference/Contraction.h"

namespace mlir {
namespace compress {
namespace reference {

/// A checked window over the spatial dims of [N, C, spatial...].
struct Window {
  /// One entry per spatial dim each.
  llvm::SmallVector<int64_t> inputSizes, kernel, strides, padsBegin, padsEnd, dilations;
  /// Filled by `computeOutputSizes`.
  llvm::SmallVector<int64_t> outputSizes;

  /// Checks and completes the options (defaults). `shape` is that of the input.
  static llvm::Expected<Window> create(llvm::StringRef op, llvm::ArrayRef<int64_t> shape,
                                       llvm::ArrayRef<int64_t> kernel,
                                       const WindowOptions &options);

  llvm::Error computeOutputSizes(llvm::StringRef op, bool ceilMode);

  /// Input coordinate of tap 0 of dim i at an output position, maybe outside.
  int64_t getStart(size_t i, int64_t position) const {
    return position * strides[i] - padsBegin[i];
  }
  /// First tap of dim i that is inside the input, and one past the last.
  int64_t getFirstTap(size_t i, int64_t start) const {
    return start < 0 ? (-start + dilations[i] - 1) / dilations[i] : 0;
  }
  int64_t getEndTap(size_t i, int64_t start, int64_t size) const {
    int64_t end = start >= size ? 0 : (size - start + dilations[i] - 1) / dilations[i];
    return std::min(kernel[i], end);
  }

  /// Most elements of one channel that a window can cover.
  int64_t getMaxTaps() const;
};

/// One element of a window: row-major positions in a channel and in the kernel.
struct Tap {
  int64_t input, kernel;
};

/// The taps inside the input at the output position `position` (one entry per
/// spatial dim), in row-major order; replaces `taps`.
void collectTaps(const Window &window, llvm::ArrayRef<int64_t> position,
                 llvm::SmallVectorImpl<Tap> &taps);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_REFERENCE_WINDOW_H
