//===- Window.cpp - sliding windows of convolutions and pools ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Window.h"
#include "Common.h"

#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// Sizes, kernels, strides, pads and dilations stay below this, so that no
/// coordinate overflows.
static constexpr int64_t kMaxExtent = std::numeric_limits<int32_t>::max();

static llvm::Error fillList(StringRef op, StringRef what, ArrayRef<int64_t> values, size_t count,
                            int64_t fallback, int64_t least, llvm::SmallVector<int64_t> &result) {
  if (values.empty()) {
    result.assign(count, fallback);
    return llvm::Error::success();
  }
  if (values.size() != count)
    return opError(op, what + ": expected " + Twine(count) + " entries, found " +
                           shapeToString(values));
  for (int64_t value : values)
    if (value < least || value > kMaxExtent)
      return opError(op, what + ": expected entries from " + Twine(least) + " to " +
                             Twine(kMaxExtent) + ", found " + shapeToString(values));
  result.assign(values.begin(), values.end());
  return llvm::Error::success();
}

Expected<Window> Window::create(StringRef op, ArrayRef<int64_t> shape, ArrayRef<int64_t> kernel,
                                const WindowOptions &options) {
  if (shape.size() < 3)
    return opError(op, "expected an input [N, C, spatial...], found shape " + shapeToString(shape));
  size_t count = shape.size() - 2;
  if (kernel.size() != count)
    return opError(op, "expected a kernel with " + Twine(count) + " dims, found " +
                           shapeToString(kernel));
  Window result;
  if (llvm::Error error =
          fillList(op, "spatial sizes", shape.drop_front(2), count, 0, 0, result.inputSizes))
    return std::move(error);
  if (llvm::Error error = fillList(op, "kernel", kernel, count, 1, 1, result.kernel))
    return std::move(error);
  if (llvm::Error error = fillList(op, "strides", options.strides, count, 1, 1, result.strides))
    return std::move(error);
  if (llvm::Error error =
          fillList(op, "dilations", options.dilations, count, 1, 1, result.dilations))
    return std::move(error);
  if (llvm::Error error =
          fillList(op, "begin pads", options.padsBegin, count, 0, 0, result.padsBegin))
    return std::move(error);
  if (llvm::Error error = fillList(op, "end pads", options.padsEnd, count, 0, 0, result.padsEnd))
    return std::move(error);
  return result;
}

/// floor(a / b), b > 0.
static int64_t floorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

Expected<int64_t> reference::getWindowOutputSize(int64_t size, int64_t kernel, int64_t stride,
                                                 int64_t padBegin, int64_t padEnd, int64_t dilation,
                                                 bool ceilMode) {
  for (int64_t value : {size, kernel, stride, padBegin, padEnd, dilation})
    if (value < 0 || value > kMaxExtent)
      return makeError("window parameter " + Twine(value) + " is not in [0, " + Twine(kMaxExtent) +
                       "]");
  if (kernel == 0 || stride == 0 || dilation == 0)
    return makeError("kernel, stride and dilation must be positive");
  int64_t extent = dilation * (kernel - 1) + 1;
  int64_t room = size + padBegin + padEnd - extent;
  int64_t result = floorDivide(room + (ceilMode ? stride - 1 : 0), stride) + 1;
  // The last window must not start in the end padding.
  if (ceilMode && (result - 1) * stride >= size + padBegin)
    --result;
  if (result < 1)
    return makeError("a window of extent " + Twine(extent) + " does not fit a padded size of " +
                     Twine(size + padBegin + padEnd));
  return result;
}

llvm::Error Window::computeOutputSizes(StringRef op, bool ceilMode) {
  for (size_t i = 0; i < kernel.size(); ++i) {
    Expected<int64_t> size = getWindowOutputSize(inputSizes[i], kernel[i], strides[i], padsBegin[i],
                                                 padsEnd[i], dilations[i], ceilMode);
    if (!size)
      return inOp(op, size.takeError());
    outputSizes.push_back(*size);
  }
  return llvm::Error::success();
}

int64_t Window::getMaxTaps() const {
  llvm::SmallVector<int64_t> taps;
  for (size_t i = 0; i < kernel.size(); ++i)
    taps.push_back(std::min(kernel[i], std::max<int64_t>(inputSizes[i], 1)));
  return product(taps);
}

void reference::collectTaps(const Window &window, ArrayRef<int64_t> position,
                            llvm::SmallVectorImpl<Tap> &taps) {
  taps.assign(1, Tap{0, 0});
  llvm::SmallVector<Tap> wider;
  for (size_t i = 0; i < position.size(); ++i) {
    int64_t start = window.getStart(i, position[i]), size = window.inputSizes[i];
    int64_t first = window.getFirstTap(i, start), end = window.getEndTap(i, start, size);
    wider.clear();
    for (const Tap &tap : taps)
      for (int64_t k = first; k < end; ++k)
        wider.push_back({tap.input * size + start + k * window.dilations[i],
                         tap.kernel * window.kernel[i] + k});
    std::swap(taps, static_cast<llvm::SmallVectorImpl<Tap> &>(wider));
  }
}
