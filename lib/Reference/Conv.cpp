//===- Conv.cpp - convolutions ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "Window.h"
#include "compress/Reference/Contraction.h"
#include "compress/Reference/Elementwise.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

static double multiplyAdd(double sum, double a, double b) { return sum + a * b; }
static int64_t multiplyAdd(int64_t sum, int64_t a, int64_t b) {
  return wrapAdd(sum, wrapMul(a, b));
}

/// Convolution of contiguous F64 or I64 data; `bias` may be null.
template <typename T>
static void convolve(const Tensor &x, const Tensor &weight, const T *bias, const Window &window,
                     int64_t groups, Tensor &result) {
  const T *input = x.getData<T>() + x.getOffset();
  const T *filter = weight.getData<T>() + weight.getOffset();
  T *output = result.getData<T>();
  int64_t batch = x.getDim(0), channels = x.getDim(1), outputs = weight.getDim(0);
  int64_t groupChannels = channels / groups, groupOutputs = outputs / groups;
  int64_t inputSize = product(window.inputSizes), kernelSize = product(window.kernel);
  int64_t outputSize = product(window.outputSizes), position = 0;
  SmallVector<Tap> taps;
  forEachIndex(window.outputSizes, [&](ArrayRef<int64_t> index) {
    collectTaps(window, index, taps);
    for (int64_t n = 0; n < batch; ++n)
      for (int64_t m = 0; m < outputs; ++m) {
        T sum = 0;
        int64_t firstChannel = m / groupOutputs * groupChannels;
        for (int64_t c = 0; c < groupChannels; ++c) {
          const T *channel = input + (n * channels + firstChannel + c) * inputSize;
          const T *kernel = filter + (m * groupChannels + c) * kernelSize;
          for (const Tap &tap : taps)
            sum = multiplyAdd(sum, channel[tap.input], kernel[tap.kernel]);
        }
        output[(n * outputs + m) * outputSize + position] =
            bias ? multiplyAdd(sum, bias[m], T(1)) : sum;
      }
    ++position;
  });
}

static llvm::Error checkGroups(StringRef op, ArrayRef<int64_t> xShape, ArrayRef<int64_t> wShape,
                               int64_t groups) {
  if (xShape.size() < 3 || wShape.size() != xShape.size())
    return opError(op, "expected an input [N, C, spatial...] and a weight of the same rank, found "
                       "shapes " +
                           shapeToString(xShape) + " and " + shapeToString(wShape));
  if (groups < 1)
    return opError(op, "expected at least one group, found " + Twine(groups));
  return llvm::Error::success();
}

/// Convolution of widened operands, result of the wide type.
static Expected<Tensor> convolveWide(StringRef op, const Tensor &x, const Tensor &weight,
                                     const Tensor *bias, const WindowOptions &options,
                                     int64_t groups) {
  if (llvm::Error error = checkGroups(op, x.getShape(), weight.getShape(), groups))
    return std::move(error);
  if (x.getDim(1) % groups != 0 || weight.getDim(0) % groups != 0 ||
      weight.getDim(1) != x.getDim(1) / groups)
    return opError(op, "input " + shapeToString(x.getShape()) + " and weight " +
                           shapeToString(weight.getShape()) + " do not agree for " + Twine(groups) +
                           " groups");
  Expected<Window> window =
      Window::create(op, x.getShape(), weight.getShape().drop_front(2), options);
  if (!window)
    return window.takeError();
  if (llvm::Error error = window->computeOutputSizes(op, /*ceilMode=*/false))
    return std::move(error);
  SmallVector<int64_t> shape{x.getDim(0), weight.getDim(0)};
  shape.append(window->outputSizes);
  Expected<Tensor> result = Tensor::create(x.getType(), shape);
  if (!result)
    return inOp(op, result.takeError());
  if (result->getNumElements() == 0)
    return result;
  if (llvm::Error error =
          checkWork(op, {result->getNumElements(), std::max<int64_t>(weight.getDim(1), 1),
                         window->getMaxTaps()}))
    return std::move(error);
  if (x.getType() == DataType::F64)
    convolve<double>(x, weight, bias ? bias->getData<double>() : nullptr, *window, groups, *result);
  else
    convolve<int64_t>(x, weight, bias ? bias->getData<int64_t>() : nullptr, *window, groups,
                      *result);
  return result;
}

/// Type of a convolution of two tensors of `type`.
static DataType getProductType(DataType type) {
  return isInteger(type) && getBitWidth(type) < 32 ? DataType::I32 : type;
}

namespace {
/// Operands as F64 or I64.
struct WideOperands {
  Tensor x, weight;
  std::optional<Tensor> bias;
  const Tensor *getBias() const { return bias ? &*bias : nullptr; }
};
} // namespace

/// Checks types and the shape of the bias, [outputs].
static Expected<WideOperands> widenOperands(StringRef op, const Tensor &x, const Tensor &weight,
                                            const Tensor *bias, int64_t outputs) {
  if (llvm::Error error = checkNumeric(op, x))
    return std::move(error);
  if (llvm::Error error = checkType(op, weight, x.getType(), "weight"))
    return std::move(error);
  WideOperands result;
  Expected<Tensor> wideX = x.widen();
  if (!wideX)
    return inOp(op, wideX.takeError());
  Expected<Tensor> wideWeight = weight.widen();
  if (!wideWeight)
    return inOp(op, wideWeight.takeError());
  result.x = *wideX;
  result.weight = *wideWeight;
  if (!bias)
    return result;
  if (llvm::Error error = checkType(op, *bias, getProductType(x.getType()), "bias"))
    return std::move(error);
  if (llvm::Error error = checkShape(op, *bias, {outputs}, "bias"))
    return std::move(error);
  Expected<Tensor> wideBias = bias->widen();
  if (!wideBias)
    return inOp(op, wideBias.takeError());
  result.bias = *wideBias;
  return result;
}

Expected<Tensor> reference::conv(const Tensor &x, const Tensor &weight, const Tensor *bias,
                                 const WindowOptions &options, int64_t groups) {
  if (llvm::Error error = checkGroups("conv", x.getShape(), weight.getShape(), groups))
    return std::move(error);
  Expected<WideOperands> wide = widenOperands("conv", x, weight, bias, weight.getDim(0));
  if (!wide)
    return wide.takeError();
  Expected<Tensor> result =
      convolveWide("conv", wide->x, wide->weight, wide->getBias(), options, groups);
  if (!result)
    return result;
  return cast(*result, getProductType(x.getType()));
}

/// x - zero point as I64; the zero point has one element, or one per index of
/// dim 0 when `perOutput`.
static Expected<Tensor> subtractZeroPoint(StringRef op, const Tensor &x, const Tensor *zeroPoint,
                                          bool perOutput) {
  if (llvm::Error error = checkInteger(op, x))
    return std::move(error);
  if (getBitWidth(x.getType()) > 8)
    return opError(op, "operand has type " + getName(x.getType()) +
                           ", expected integers of at most 8 bits");
  Expected<Tensor> wide = x.widen();
  if (!wide)
    return inOp(op, wide.takeError());
  if (!zeroPoint)
    return wide;
  if (llvm::Error error = checkType(op, *zeroPoint, x.getType(), "zero point"))
    return std::move(error);
  SmallVector<int64_t> aligned;
  if (zeroPoint->getNumElements() != 1) {
    if (!perOutput || zeroPoint->getRank() != 1 || zeroPoint->getDim(0) != x.getDim(0))
      return opError(op, "zero point has shape " + shapeToString(zeroPoint->getShape()) +
                             ", expected one element" +
                             (perOutput ? " or one per output channel" : ""));
    aligned.assign(x.getRank(), 1);
    aligned[0] = x.getDim(0);
  }
  Expected<Tensor> zero = zeroPoint->reshape(aligned);
  if (!zero)
    return inOp(op, zero.takeError());
  Expected<Tensor> wideZero = zero->widen();
  if (!wideZero)
    return inOp(op, wideZero.takeError());
  return sub(*wide, *wideZero);
}

Expected<Tensor> reference::convInteger(const Tensor &x, const Tensor &weight,
                                        const Tensor *xZeroPoint, const Tensor *weightZeroPoint,
                                        const WindowOptions &options, int64_t groups) {
  StringRef op = "conv_integer";
  if (llvm::Error error = checkGroups(op, x.getShape(), weight.getShape(), groups))
    return std::move(error);
  Expected<Tensor> wideX = subtractZeroPoint(op, x, xZeroPoint, /*perOutput=*/false);
  if (!wideX)
    return wideX;
  Expected<Tensor> wideWeight = subtractZeroPoint(op, weight, weightZeroPoint, /*perOutput=*/true);
  if (!wideWeight)
    return wideWeight;
  Expected<Tensor> result = convolveWide(op, *wideX, *wideWeight, nullptr, options, groups);
  if (!result)
    return result;
  return cast(*result, DataType::I32);
}

/// Adds every input element times the kernel to the result.
template <typename T>
static void scatterTransposed(const Tensor &x, const Tensor &weight, const T *bias,
                              const Window &window, int64_t groups, Tensor &result) {
  const T *input = x.getData<T>() + x.getOffset();
  const T *filter = weight.getData<T>() + weight.getOffset();
  T *output = result.getData<T>();
  int64_t batch = result.getDim(0), channels = weight.getDim(0), outputs = result.getDim(1);
  int64_t groupChannels = channels / groups, groupOutputs = outputs / groups;
  // Of the transposed convolution the "input" of the window is its result.
  int64_t resultSize = product(window.inputSizes), kernelSize = product(window.kernel);
  int64_t inputSize = product(window.outputSizes), position = 0;
  SmallVector<Tap> taps;
  forEachIndex(window.outputSizes, [&](ArrayRef<int64_t> index) {
    collectTaps(window, index, taps);
    for (int64_t n = 0; n < batch; ++n)
      for (int64_t c = 0; c < channels; ++c) {
        T value = input[(n * channels + c) * inputSize + position];
        int64_t firstOutput = c / groupChannels * groupOutputs;
        for (int64_t m = 0; m < groupOutputs; ++m) {
          const T *kernel = filter + (c * groupOutputs + m) * kernelSize;
          T *sums = output + (n * outputs + firstOutput + m) * resultSize;
          for (const Tap &tap : taps)
            sums[tap.input] = multiplyAdd(sums[tap.input], value, kernel[tap.kernel]);
        }
      }
    ++position;
  });
  if (!bias)
    return;
  for (int64_t i = 0; i < batch * outputs; ++i)
    for (int64_t j = 0; j < resultSize; ++j) {
      T &sum = output[i * resultSize + j];
      sum = multiplyAdd(sum, bias[i % outputs], T(1));
    }
}

Expected<Tensor> reference::convTranspose(const Tensor &x, const Tensor &weight, const Tensor *bias,
                                          const WindowOptions &options, int64_t groups,
                                          ArrayRef<int64_t> outputPadding) {
  StringRef op = "conv_transpose";
  if (llvm::Error error = checkGroups(op, x.getShape(), weight.getShape(), groups))
    return std::move(error);
  int64_t outputs;
  if (weight.getDim(0) != x.getDim(1) || x.getDim(1) % groups != 0 ||
      llvm::MulOverflow(weight.getDim(1), groups, outputs))
    return opError(op, "input " + shapeToString(x.getShape()) + " and weight " +
                           shapeToString(weight.getShape()) + " do not agree for " + Twine(groups) +
                           " groups");
  Expected<WideOperands> wide = widenOperands(op, x, weight, bias, outputs);
  if (!wide)
    return wide.takeError();
  // The window slides over the result; its positions are the input's elements.
  Expected<Window> window =
      Window::create(op, x.getShape(), weight.getShape().drop_front(2), options);
  if (!window)
    return window.takeError();
  size_t count = window->kernel.size();
  if (!outputPadding.empty() && outputPadding.size() != count)
    return opError(op, "output padding: expected " + Twine(count) + " entries, found " +
                           shapeToString(outputPadding));
  window->outputSizes = window->inputSizes;
  for (size_t i = 0; i < count; ++i) {
    int64_t extra = outputPadding.empty() ? 0 : outputPadding[i];
    if (extra < 0 || extra >= std::max(window->strides[i], window->dilations[i]))
      return opError(op, "output padding " + Twine(extra) +
                             " must be non-negative and smaller than stride or dilation");
    int64_t size = (window->outputSizes[i] - 1) * window->strides[i] +
                   window->dilations[i] * (window->kernel[i] - 1) + 1 + extra -
                   window->padsBegin[i] - window->padsEnd[i];
    if (window->outputSizes[i] < 1 || size < 0)
      return opError(op, "spatial dim " + Twine(i) + " of input " + shapeToString(x.getShape()) +
                             " would have size " + Twine(size));
    window->inputSizes[i] = size;
  }
  SmallVector<int64_t> shape{x.getDim(0), outputs};
  shape.append(window->inputSizes);
  Expected<Tensor> result = Tensor::create(wide->x.getType(), shape);
  if (!result)
    return inOp(op, result.takeError());
  if (result->getNumElements() == 0)
    return cast(*result, getProductType(x.getType()));
  if (llvm::Error error =
          checkWork(op, {x.getNumElements(), weight.getDim(1), product(window->kernel)}))
    return std::move(error);
  if (x.getNumElements() == 0) // Nothing to add, however many positions there are.
    window->outputSizes.assign(count, 0);
  const Tensor *wideBias = wide->getBias();
  if (wide->x.getType() == DataType::F64)
    scatterTransposed<double>(wide->x, wide->weight,
                              wideBias ? wideBias->getData<double>() : nullptr, *window, groups,
                              *result);
  else
    scatterTransposed<int64_t>(wide->x, wide->weight,
                               wideBias ? wideBias->getData<int64_t>() : nullptr, *window, groups,
                               *result);
  return cast(*result, getProductType(x.getType()));
}
