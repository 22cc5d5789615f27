//===- Resize.cpp - ONNX Resize ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "compress/Reference/Indexing.h"

#include <algorithm>
#include <cmath>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

namespace {
/// A sample of an axis: input index (inside) and weight.
struct Sample {
  int64_t index;
  double weight;
};

/// How one axis is resized.
struct AxisPlan {
  int64_t inputSize, outputSize;
  double scale, roiStart, roiEnd;
};
} // namespace

/// Input coordinate of an output index.
static double getCoordinate(const AxisPlan &plan, int64_t index, CoordinateMode mode) {
  auto position = static_cast<double>(index), in = static_cast<double>(plan.inputSize),
       out = static_cast<double>(plan.outputSize);
  switch (mode) {
  case CoordinateMode::Asymmetric:
    return position / plan.scale;
  case CoordinateMode::AlignCorners:
    return out == 1 ? 0 : position * (in - 1) / (out - 1);
  case CoordinateMode::PytorchHalfPixel:
    return out == 1 ? 0 : (position + 0.5) / plan.scale - 0.5;
  case CoordinateMode::HalfPixelSymmetric: {
    double adjustment = out / (plan.scale * in);
    return in / 2 * (1 - adjustment) + (position + 0.5) / plan.scale - 0.5;
  }
  case CoordinateMode::TfCropAndResize:
    return out == 1 ? 0.5 * (plan.roiStart + plan.roiEnd) * (in - 1)
                    : plan.roiStart * (in - 1) +
                          position * (plan.roiEnd - plan.roiStart) * (in - 1) / (out - 1);
  case CoordinateMode::HalfPixel:
    break;
  }
  return (position + 0.5) / plan.scale - 0.5;
}

static double roundCoordinate(double x, NearestMode mode) {
  switch (mode) {
  case NearestMode::RoundPreferFloor:
    return std::ceil(x - 0.5);
  case NearestMode::RoundPreferCeil:
    return std::floor(x + 0.5);
  case NearestMode::Floor:
    return std::floor(x);
  case NearestMode::Ceil:
    return std::ceil(x);
  }
  return x;
}

/// Weight of a sample at distance `x` (in filter units).
static double getFilterWeight(const ResizeOptions &options, double x) {
  x = std::fabs(x);
  if (options.mode == ResizeMode::Linear)
    return std::max(0.0, 1 - x);
  double a = options.cubicCoefficient;
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// Width of the filter on each side, in input elements, and its stretch.
static double getStretch(const AxisPlan &plan, const ResizeOptions &options) {
  if (!options.antialias)
    return 1;
  return std::max(std::min(plan.scale, 1.0), 1.0 / static_cast<double>(plan.inputSize));
}

/// Samples of one output index; at least one, the weights sum up to 1.
static SmallVector<Sample> getSamples(const AxisPlan &plan, double x,
                                      const ResizeOptions &options) {
  int64_t last = plan.inputSize - 1;
  // Far outside everything is the edge; this keeps the conversions in range.
  x = std::clamp(x, -4.0 * static_cast<double>(plan.inputSize) - 8,
                 5.0 * static_cast<double>(plan.inputSize) + 8);
  if (options.mode == ResizeMode::Nearest) {
    auto index = static_cast<int64_t>(roundCoordinate(x, options.nearest));
    return {{std::clamp<int64_t>(index, 0, last), 1.0}};
  }
  double stretch = getStretch(plan, options);
  double radius = options.mode == ResizeMode::Linear ? 1 : 2;
  auto base = static_cast<int64_t>(std::floor(x));
  int64_t first = static_cast<int64_t>(std::floor(-radius / stretch)) + 1;
  int64_t end = 2 - first;
  double ratio = x - static_cast<double>(base), sum = 0;
  SmallVector<Sample> samples;
  for (int64_t i = first; i < end; ++i) {
    double weight = getFilterWeight(options, (static_cast<double>(i) - ratio) * stretch);
    bool isOutside = base + i < 0 || base + i > last;
    if (weight == 0 || (isOutside && options.excludeOutside))
      continue;
    samples.push_back({std::clamp<int64_t>(base + i, 0, last), weight});
    sum += weight;
  }
  if (samples.empty() || sum == 0)
    return {{std::clamp<int64_t>(base, 0, last), 1.0}};
  for (Sample &sample : samples)
    sample.weight /= sum;
  return samples;
}

/// Resizes one axis of contiguous doubles.
static Expected<Tensor> resizeAxis(const Tensor &x, int64_t axis,
                                   ArrayRef<SmallVector<Sample>> samples) {
  SmallVector<int64_t> shape(x.getShape());
  shape[axis] = static_cast<int64_t>(samples.size());
  Expected<Tensor> result = Tensor::create(DataType::F64, shape);
  if (!result || result->getNumElements() == 0)
    return result;
  auto [outer, size, inner] = splitAtAxis(x.getShape(), axis);
  const double *from = x.getData<double>() + x.getOffset();
  double *to = result->getData<double>();
  for (int64_t o = 0; o < outer; ++o)
    for (size_t k = 0; k < samples.size(); ++k)
      for (int64_t i = 0; i < inner; ++i) {
        double sum = 0;
        for (const Sample &sample : samples[k])
          sum += sample.weight * from[(o * size + sample.index) * inner + i];
        *to++ = sum;
      }
  return result;
}

/// Checked plans of all axes.
static Expected<SmallVector<AxisPlan>> planAxes(StringRef op, const Tensor &x,
                                                ArrayRef<int64_t> sizes, ArrayRef<double> scales,
                                                ArrayRef<double> roi,
                                                const ResizeOptions &options) {
  size_t rank = x.getRank();
  bool needsRoi = options.coordinates == CoordinateMode::TfCropAndResize;
  if (sizes.size() != rank || (!scales.empty() && scales.size() != rank) ||
      (needsRoi && roi.size() != 2 * rank))
    return opError(op, "expected " + Twine(rank) + " sizes and scales" +
                           (needsRoi ? " and twice as many roi entries" : "") + ", found " +
                           Twine(sizes.size()) + ", " + Twine(scales.size()) + " and " +
                           Twine(roi.size()));
  SmallVector<AxisPlan> plans;
  for (size_t i = 0; i < rank; ++i) {
    AxisPlan plan = {x.getDim(i), sizes[i], 1, 0, 1};
    if (sizes[i] < 0 || (plan.inputSize == 0 && sizes[i] != 0))
      return opError(op, "axis " + Twine(i) + " of shape " + shapeToString(x.getShape()) +
                             " cannot get size " + Twine(sizes[i]));
    if (plan.inputSize != 0)
      plan.scale = static_cast<double>(sizes[i]) / static_cast<double>(plan.inputSize);
    if (!scales.empty())
      plan.scale = scales[i];
    bool isEmpty = sizes[i] == 0;
    if (!isEmpty && !(plan.scale > 0 && std::isfinite(plan.scale)))
      return opError(op, "the scale of axis " + Twine(i) + " is not positive and finite");
    if (needsRoi) {
      plan.roiStart = roi[i];
      plan.roiEnd = roi[rank + i];
      if (!std::isfinite(plan.roiStart) || !std::isfinite(plan.roiEnd))
        return opError(op, "the roi of axis " + Twine(i) + " is not finite");
    }
    plans.push_back(plan);
  }
  return plans;
}

Expected<Tensor> reference::resize(const Tensor &x, ArrayRef<int64_t> sizes,
                                   ArrayRef<double> scales, ArrayRef<double> roi,
                                   const ResizeOptions &options) {
  StringRef op = "resize";
  if (llvm::Error error = checkNumeric(op, x))
    return std::move(error);
  Expected<SmallVector<AxisPlan>> plans = planAxes(op, x, sizes, scales, roi, options);
  if (!plans)
    return plans.takeError();
  Expected<Tensor> result = Tensor::create(x.getType(), sizes);
  if (!result)
    return inOp(op, result.takeError());
  if (result->getNumElements() == 0)
    return result;
  // As doubles; U64 would lose its top half as I64.
  Expected<Tensor> wide = Tensor::create(DataType::F64, x.getShape());
  if (!wide)
    return inOp(op, wide.takeError());
  int64_t next = 0;
  forEachSlot<1>(x.getShape(), {&x},
                 [&](auto slots) { wide->storeFloat(next++, x.loadFloat(slots[0])); });

  SmallVector<SmallVector<bool, 0>> isOutside(x.getRank());
  for (int64_t axis = 0; axis < x.getRank(); ++axis) {
    const AxisPlan &plan = (*plans)[axis];
    int64_t taps = static_cast<int64_t>(4 / getStretch(plan, options)) + 1;
    if (llvm::Error error = checkWork(op, {plan.outputSize, taps}))
      return std::move(error);
    SmallVector<SmallVector<Sample>> samples;
    for (int64_t i = 0; i < plan.outputSize; ++i) {
      double coordinate = getCoordinate(plan, i, options.coordinates);
      bool outside = options.coordinates == CoordinateMode::TfCropAndResize &&
                     (coordinate < 0 || coordinate > static_cast<double>(plan.inputSize - 1));
      isOutside[axis].push_back(outside);
      samples.push_back(getSamples(plan, coordinate, options));
    }
    // The other axes have at most their larger size.
    if (llvm::Error error =
            checkWork(op, {wide->getNumElements() / plan.inputSize, plan.outputSize, taps}))
      return std::move(error);
    Expected<Tensor> resized = resizeAxis(*wide, axis, samples);
    if (!resized)
      return inOp(op, resized.takeError());
    wide = *resized;
  }

  next = 0;
  double low = static_cast<double>(getMinInt(x.getType()));
  double high = static_cast<double>(getMaxInt(x.getType()));
  forEachIndex(sizes, [&](ArrayRef<int64_t> index) {
    double value = wide->getData<double>()[next];
    for (size_t i = 0; i < index.size(); ++i)
      if (isOutside[i][index[i]])
        value = options.extrapolationValue;
    if (!isFloat(x.getType()))
      value = std::clamp(std::floor(value + 0.5), low, high);
    result->storeFloat(next++, value);
  });
  return result;
}
