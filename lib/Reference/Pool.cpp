//===- Pool.cpp - pooling ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "Window.h"
#include "compress/Reference/Contraction.h"

#include <cmath>
#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// A window with output sizes, and the shape of the result.
static Expected<Window> createPool(StringRef op, const Tensor &x, ArrayRef<int64_t> kernel,
                                   const WindowOptions &options, bool ceilMode,
                                   SmallVector<int64_t> &shape) {
  Expected<Window> window = Window::create(op, x.getShape(), kernel, options);
  if (!window)
    return window;
  for (size_t i = 0; i < kernel.size(); ++i) {
    int64_t extent = window->dilations[i] * (window->kernel[i] - 1) + 1;
    if (window->padsBegin[i] >= extent || window->padsEnd[i] >= extent)
      return opError(op, "pads " + Twine(window->padsBegin[i]) + " and " +
                             Twine(window->padsEnd[i]) +
                             " must be smaller than the window's extent " + Twine(extent));
  }
  if (llvm::Error error = window->computeOutputSizes(op, ceilMode))
    return std::move(error);
  shape.assign({x.getDim(0), x.getDim(1)});
  shape.append(window->outputSizes);
  Expected<int64_t> count = countElements(shape);
  if (!count)
    return inOp(op, count.takeError());
  if (llvm::Error error = checkWork(op, {*count, window->getMaxTaps()}))
    return std::move(error);
  return window;
}

/// Index in the flattened input, with the first spatial dim fastest.
static int64_t toColumnMajor(int64_t position, ArrayRef<int64_t> sizes) {
  int64_t result = 0;
  SmallVector<int64_t> index(sizes.size());
  for (size_t i = sizes.size(); i-- > 0;) {
    index[i] = position % sizes[i];
    position /= sizes[i];
  }
  for (size_t i = sizes.size(); i-- > 0;)
    result = result * sizes[i] + index[i];
  return result;
}

Expected<MaxPoolResult> reference::maxPool(const Tensor &x, ArrayRef<int64_t> kernel,
                                           const WindowOptions &options, bool ceilMode,
                                           bool columnMajorIndices) {
  StringRef op = "max_pool";
  if (llvm::Error error = checkNumeric(op, x))
    return std::move(error);
  SmallVector<int64_t> shape;
  Expected<Window> window = createPool(op, x, kernel, options, ceilMode, shape);
  if (!window)
    return window.takeError();
  Expected<Tensor> values = Tensor::create(x.getType(), shape);
  if (!values)
    return inOp(op, values.takeError());
  Expected<Tensor> indices = Tensor::create(DataType::I64, shape);
  if (!indices)
    return inOp(op, indices.takeError());
  Expected<Tensor> dense = x.contiguous();
  if (!dense)
    return inOp(op, dense.takeError());
  int64_t images = x.getDim(0) * x.getDim(1), position = 0;
  int64_t inputSize = product(window->inputSizes), outputSize = product(window->outputSizes);
  bool isFloatType = isFloat(x.getType());
  if (values->getNumElements() == 0)
    return MaxPoolResult{*values, *indices};
  auto isBetter = [&](int64_t slot, int64_t best) {
    if (!isFloatType)
      return lessInt(x.getType(), dense->loadInt(best), dense->loadInt(slot));
    double value = dense->loadFloat(slot), bestValue = dense->loadFloat(best);
    return value > bestValue || (std::isnan(value) && !std::isnan(bestValue));
  };
  SmallVector<Tap> taps;
  forEachIndex(window->outputSizes, [&](ArrayRef<int64_t> index) {
    collectTaps(*window, index, taps);
    for (int64_t image = 0; image < images; ++image) {
      int64_t first = dense->getOffset() + image * inputSize, best = -1;
      for (const Tap &tap : taps)
        if (best < 0 || isBetter(first + tap.input, first + best))
          best = tap.input;
      int64_t slot = image * outputSize + position;
      if (best < 0) {
        indices->storeInt(slot, -1);
        if (isFloatType)
          values->storeFloat(slot, -std::numeric_limits<double>::infinity());
        else
          values->storeInt(slot, getMinInt(x.getType()));
        continue;
      }
      values->copySlot(slot, *dense, first + best);
      indices->storeInt(slot,
                        image * inputSize +
                            (columnMajorIndices ? toColumnMajor(best, window->inputSizes) : best));
    }
    ++position;
  });
  return MaxPoolResult{*values, *indices};
}

/// fn(position index, taps, load) per result element, where load(tap) reads the
/// value of a tap.
template <typename Fn>
static Expected<Tensor> poolFloat(StringRef op, const Tensor &x, ArrayRef<int64_t> kernel,
                                  const WindowOptions &options, bool ceilMode, Fn fn) {
  if (llvm::Error error = checkFloat(op, x))
    return std::move(error);
  SmallVector<int64_t> shape;
  Expected<Window> window = createPool(op, x, kernel, options, ceilMode, shape);
  if (!window)
    return window.takeError();
  Expected<Tensor> result = Tensor::create(x.getType(), shape);
  if (!result || result->getNumElements() == 0)
    return result;
  Expected<Tensor> dense = x.contiguous();
  if (!dense)
    return inOp(op, dense.takeError());
  int64_t images = x.getDim(0) * x.getDim(1), position = 0;
  int64_t inputSize = product(window->inputSizes), outputSize = product(window->outputSizes);
  SmallVector<Tap> taps;
  forEachIndex(window->outputSizes, [&](ArrayRef<int64_t> index) {
    collectTaps(*window, index, taps);
    for (int64_t image = 0; image < images; ++image) {
      int64_t first = dense->getOffset() + image * inputSize;
      auto load = [&](const Tap &tap) { return dense->loadFloat(first + tap.input); };
      result->storeFloat(image * outputSize + position,
                         fn(*window, index, ArrayRef<Tap>(taps), load));
    }
    ++position;
  });
  return result;
}

/// Window positions inside the padded input.
static double countPadded(const Window &window, ArrayRef<int64_t> position) {
  double count = 1;
  for (size_t i = 0; i < position.size(); ++i)
    count *= window.getEndTap(i, window.getStart(i, position[i]),
                              window.inputSizes[i] + window.padsEnd[i]);
  return count;
}

Expected<Tensor> reference::averagePool(const Tensor &x, ArrayRef<int64_t> kernel,
                                        const WindowOptions &options, bool ceilMode,
                                        bool countIncludePad) {
  return poolFloat("average_pool", x, kernel, options, ceilMode,
                   [=](const Window &window, ArrayRef<int64_t> position, ArrayRef<Tap> taps,
                       auto load) -> double {
                     double count = countIncludePad ? countPadded(window, position)
                                                    : static_cast<double>(taps.size());
                     if (count == 0)
                       return 0;
                     double sum = 0;
                     for (const Tap &tap : taps)
                       sum += load(tap);
                     return sum / count;
                   });
}

Expected<Tensor> reference::lpPool(const Tensor &x, ArrayRef<int64_t> kernel,
                                   const WindowOptions &options, bool ceilMode, int64_t p) {
  if (p < 1)
    return opError("lp_pool", "p is " + Twine(p) + ", expected 1 or more");
  return poolFloat("lp_pool", x, kernel, options, ceilMode,
                   [=](const Window &, ArrayRef<int64_t>, ArrayRef<Tap> taps, auto load) {
                     double sum = 0;
                     for (const Tap &tap : taps)
                       sum += std::pow(std::fabs(load(tap)), static_cast<double>(p));
                     return std::pow(sum, 1.0 / static_cast<double>(p));
                   });
}
