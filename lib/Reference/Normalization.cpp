//===- Normalization.cpp - normalizations and softmax ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/Normalization.h"
#include "Common.h"
#include "compress/Reference/Elementwise.h"

#include <cmath>
#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// x as contiguous doubles with a buffer of their own.
static Expected<Tensor> widenFloat(StringRef op, const Tensor &x, StringRef what = "input") {
  if (llvm::Error error = checkFloat(op, x, what))
    return std::move(error);
  Expected<Tensor> wide = x.widen();
  if (!wide)
    return inOp(op, wide.takeError());
  return wide;
}

/// A per-channel operand, [channels], as doubles.
static Expected<SmallVector<double, 0>> loadChannels(StringRef op, const Tensor &x,
                                                     int64_t channels, StringRef what) {
  if (llvm::Error error = checkFloat(op, x, what))
    return std::move(error);
  if (llvm::Error error = checkShape(op, x, {channels}, what))
    return std::move(error);
  SmallVector<double> values = x.toFloats();
  return SmallVector<double, 0>(values.begin(), values.end());
}

/// An optional operand broadcast to `shape`, as contiguous doubles.
static Expected<std::optional<Tensor>> loadBroadcast(StringRef op, const Tensor *x,
                                                     ArrayRef<int64_t> shape, StringRef what) {
  if (!x)
    return std::optional<Tensor>();
  Expected<Tensor> view = x->broadcastTo(shape);
  if (!view)
    return inOp(op, view.takeError());
  Expected<Tensor> wide = widenFloat(op, *view, what);
  if (!wide)
    return wide.takeError();
  return std::optional<Tensor>(*wide);
}

static Expected<Tensor> narrow(StringRef op, const Tensor &wide, DataType type) {
  Expected<Tensor> result = cast(wide, type);
  if (!result)
    return inOp(op, result.takeError());
  return result;
}

static llvm::Error checkChannels(StringRef op, const Tensor &x) {
  if (x.getRank() >= 2)
    return llvm::Error::success();
  return opError(op, "expected an input [N, C, ...], found shape " + shapeToString(x.getShape()));
}

Expected<Tensor> reference::batchNorm(const Tensor &x, const Tensor &scale, const Tensor &bias,
                                      const Tensor &mean, const Tensor &variance, double epsilon) {
  StringRef op = "batch_norm";
  if (llvm::Error error = checkChannels(op, x))
    return std::move(error);
  Expected<Tensor> wide = widenFloat(op, x);
  if (!wide)
    return wide;
  auto [outer, channels, inner] = splitAtAxis(x.getShape(), 1);
  const Tensor *operands[] = {&scale, &bias, &mean, &variance};
  StringRef names[] = {"scale", "bias", "mean", "variance"};
  SmallVector<double, 0> values[4];
  for (int i = 0; i < 4; ++i) {
    Expected<SmallVector<double, 0>> loaded = loadChannels(op, *operands[i], channels, names[i]);
    if (!loaded)
      return loaded.takeError();
    values[i] = std::move(*loaded);
  }
  double *data = wide->getData<double>();
  if (x.getNumElements() != 0)
    for (int64_t i = 0; i < outer * channels; ++i) {
      int64_t c = i % channels;
      double inverse = 1 / std::sqrt(values[3][c] + epsilon);
      for (int64_t j = i * inner; j < (i + 1) * inner; ++j)
        data[j] = (data[j] - values[2][c]) * inverse * values[0][c] + values[1][c];
    }
  return narrow(op, *wide, x.getType());
}

namespace {
struct Moments {
  double mean, inverseStd;
};
} // namespace

/// Mean and 1 / sqrt(biased variance + epsilon) of a row, in two passes.
static Moments computeMoments(const double *row, int64_t size, double epsilon) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < size; ++i)
    sum += row[i];
  double mean = sum / static_cast<double>(size);
  for (int64_t i = 0; i < size; ++i)
    squares += (row[i] - mean) * (row[i] - mean);
  return {mean, 1 / std::sqrt(squares / static_cast<double>(size) + epsilon)};
}

/// Rows of normalised dims [axis, rank).
namespace {
struct Rows {
  int64_t axis, count, size;
};
} // namespace

static Expected<Rows> splitRows(StringRef op, const Tensor &x, int64_t axis) {
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp(op, normal.takeError());
  if (x.getNumElements() == 0)
    return Rows{*normal, 0, 0};
  return Rows{*normal, product(x.getShape().take_front(*normal)),
              product(x.getShape().drop_front(*normal))};
}

Expected<LayerNormResult> reference::layerNorm(const Tensor &x, const Tensor *scale,
                                               const Tensor *bias, int64_t axis, double epsilon) {
  StringRef op = "layer_norm";
  Expected<Tensor> wide = widenFloat(op, x);
  if (!wide)
    return wide.takeError();
  Expected<Rows> rows = splitRows(op, x, axis);
  if (!rows)
    return rows.takeError();
  Expected<std::optional<Tensor>> scales = loadBroadcast(op, scale, x.getShape(), "scale");
  if (!scales)
    return scales.takeError();
  Expected<std::optional<Tensor>> biases = loadBroadcast(op, bias, x.getShape(), "bias");
  if (!biases)
    return biases.takeError();
  SmallVector<int64_t> statShape(x.getShape());
  std::fill(statShape.begin() + rows->axis, statShape.end(), 1);
  DataType statType = x.getType() == DataType::F64 ? DataType::F64 : DataType::F32;
  Expected<Tensor> mean = Tensor::create(statType, statShape);
  if (!mean)
    return inOp(op, mean.takeError());
  Expected<Tensor> invStd = Tensor::create(statType, statShape);
  if (!invStd)
    return inOp(op, invStd.takeError());

  double *data = wide->getData<double>();
  for (int64_t r = 0; r < rows->count; ++r) {
    Moments moments = computeMoments(data + r * rows->size, rows->size, epsilon);
    mean->storeFloat(r, moments.mean);
    invStd->storeFloat(r, moments.inverseStd);
    for (int64_t i = r * rows->size; i < (r + 1) * rows->size; ++i) {
      data[i] = (data[i] - moments.mean) * moments.inverseStd;
      if (*scales)
        data[i] *= (*scales)->getData<double>()[i];
      if (*biases)
        data[i] += (*biases)->getData<double>()[i];
    }
  }
  Expected<Tensor> y = narrow(op, *wide, x.getType());
  if (!y)
    return y.takeError();
  return LayerNormResult{*y, *mean, *invStd};
}

Expected<Tensor> reference::rmsNorm(const Tensor &x, const Tensor *scale, int64_t axis,
                                    double epsilon) {
  StringRef op = "rms_norm";
  Expected<Tensor> wide = widenFloat(op, x);
  if (!wide)
    return wide;
  Expected<Rows> rows = splitRows(op, x, axis);
  if (!rows)
    return rows.takeError();
  Expected<std::optional<Tensor>> scales = loadBroadcast(op, scale, x.getShape(), "scale");
  if (!scales)
    return scales.takeError();
  double *data = wide->getData<double>();
  for (int64_t r = 0; r < rows->count; ++r) {
    double squares = 0;
    for (int64_t i = r * rows->size; i < (r + 1) * rows->size; ++i)
      squares += data[i] * data[i];
    double inverse = 1 / std::sqrt(squares / static_cast<double>(rows->size) + epsilon);
    for (int64_t i = r * rows->size; i < (r + 1) * rows->size; ++i) {
      data[i] *= inverse;
      if (*scales)
        data[i] *= (*scales)->getData<double>()[i];
    }
  }
  return narrow(op, *wide, x.getType());
}

Expected<Tensor> reference::groupNorm(const Tensor &x, const Tensor &scale, const Tensor &bias,
                                      int64_t groups, double epsilon) {
  StringRef op = "group_norm";
  if (llvm::Error error = checkChannels(op, x))
    return std::move(error);
  int64_t channels = x.getDim(1);
  if (groups < 1 || channels % groups != 0)
    return opError(op,
                   Twine(channels) + " channels do not split into " + Twine(groups) + " groups");
  Expected<Tensor> wide = widenFloat(op, x);
  if (!wide)
    return wide;
  Expected<SmallVector<double, 0>> scales = loadChannels(op, scale, channels, "scale");
  if (!scales)
    return scales.takeError();
  Expected<SmallVector<double, 0>> biases = loadChannels(op, bias, channels, "bias");
  if (!biases)
    return biases.takeError();
  if (x.getNumElements() == 0)
    return narrow(op, *wide, x.getType());
  double *data = wide->getData<double>();
  int64_t inner = product(x.getShape().drop_front(2)), size = channels / groups * inner;
  for (int64_t r = 0; r < x.getDim(0) * groups; ++r) {
    Moments moments = computeMoments(data + r * size, size, epsilon);
    for (int64_t i = r * size; i < (r + 1) * size; ++i) {
      int64_t c = i / inner % channels;
      data[i] = (data[i] - moments.mean) * moments.inverseStd * (*scales)[c] + (*biases)[c];
    }
  }
  return narrow(op, *wide, x.getType());
}

Expected<Tensor> reference::instanceNorm(const Tensor &x, const Tensor &scale, const Tensor &bias,
                                         double epsilon) {
  if (llvm::Error error = checkChannels("instance_norm", x))
    return std::move(error);
  // One group per channel. Without channels there is nothing to normalise.
  return groupNorm(x, scale, bias, std::max<int64_t>(x.getDim(1), 1), epsilon);
}

/// Softmax, or its logarithm, along one axis.
static Expected<Tensor> computeSoftmax(StringRef op, const Tensor &x, int64_t axis, bool isLog) {
  Expected<Tensor> wide = widenFloat(op, x);
  if (!wide)
    return wide;
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp(op, normal.takeError());
  if (x.getNumElements() == 0)
    return narrow(op, *wide, x.getType());
  auto [outer, size, inner] = splitAtAxis(x.getShape(), *normal);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      double *row = wide->getData<double>() + o * size * inner + i;
      double top = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t k = 0; k < size; ++k)
        top = maxNan(top, row[k * inner]);
      for (int64_t k = 0; k < size; ++k)
        sum += std::exp(row[k * inner] - top);
      double logSum = std::log(sum);
      for (int64_t k = 0; k < size; ++k) {
        double shifted = row[k * inner] - top;
        row[k * inner] = isLog ? shifted - logSum : std::exp(shifted) / sum;
      }
    }
  return narrow(op, *wide, x.getType());
}

Expected<Tensor> reference::softmax(const Tensor &x, int64_t axis) {
  return computeSoftmax("softmax", x, axis, /*isLog=*/false);
}

Expected<Tensor> reference::logSoftmax(const Tensor &x, int64_t axis) {
  return computeSoftmax("log_softmax", x, axis, /*isLog=*/true);
}

Expected<Tensor> reference::lrn(const Tensor &x, int64_t size, double alpha, double beta,
                                double bias) {
  if (llvm::Error error = checkChannels("lrn", x))
    return std::move(error);
  if (size < 1)
    return opError("lrn", "size is " + Twine(size) + ", expected 1 or more");
  Expected<Tensor> wide = widenFloat("lrn", x);
  if (!wide)
    return wide;
  Expected<Tensor> result = Tensor::create(x.getType(), x.getShape());
  if (!result || x.getNumElements() == 0)
    return result;
  auto [outer, channels, inner] = splitAtAxis(x.getShape(), 1);
  const double *data = wide->getData<double>();
  int64_t before = (size - 1) / 2, after = size - 1 - before;
  if (llvm::Error error = checkWork("lrn", {x.getNumElements(), std::min(size, channels)}))
    return std::move(error);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < inner; ++i) {
        double squares = 0;
        int64_t last = after >= channels - 1 - c ? channels - 1 : c + after;
        for (int64_t k = std::max<int64_t>(0, c - before); k <= last; ++k) {
          double value = data[(o * channels + k) * inner + i];
          squares += value * value;
        }
        int64_t slot = (o * channels + c) * inner + i;
        double base = bias + alpha / static_cast<double>(size) * squares;
        result->storeFloat(slot, data[slot] / std::pow(base, beta));
      }
  return result;
}
