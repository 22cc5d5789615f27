//===- ActivationStatistics.cpp - reducing activations to statistics ------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ActivationStatistics.h"
#include "Simd.h"
#include "StridedDims.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::SmallVector;

ActivationView ActivationView::getDense(const float *data, ArrayRef<int64_t> shape,
                                        size_t channelDim) {
  ActivationView view{data, {}, {}, channelDim};
  view.shape.assign(shape.begin(), shape.end());
  view.strides.assign(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i)
    view.strides[i - 2] = view.strides[i - 1] * shape[i - 1];
  return view;
}

int64_t ActivationView::getNumElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

/// Values of a piece of work, and of a run that is reduced at once.
static constexpr int64_t pieceSize = 1 << 16, runSize = 1 << 12;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {
/// What is known of some values of one channel.
struct Partial {
  float low = INFINITY, high = -INFINITY;
  double sum = 0, sumAbs = 0, sumSquares = 0;
  uint64_t nonFinite = 0;

  void add(const Partial &other) {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
    sum += other.sum;
    sumAbs += other.sumAbs;
    sumSquares += other.sumSquares;
    nonFinite += other.nonFinite;
  }
};

/// The same for many channels.
struct Columns {
  std::vector<float> low, high;
  std::vector<double> sum, sumAbs, sumSquares;
  uint64_t nonFinite = 0;

  Columns(size_t channels, bool moments)
      : low(channels, INFINITY), high(channels, -INFINITY), sum(moments ? channels : 0),
        sumAbs(sum.size()), sumSquares(sum.size()) {}
};
} // namespace

COMPRESS_CLONES static bool isAllFinite(const float *values, size_t count) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, values + i, sizeof(bits));
    bits &= 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  return largest < 0x7f800000u;
}

/// Finite values of one channel, one after the other: sums in sixteen lanes, added in order.
COMPRESS_CLONES static void reduceRun(const float *values, size_t count, bool moments,
                                      Partial *result) {
  constexpr unsigned lanes = 16;
  using Floats = simd::Vector<float, 8>;
  using Doubles = simd::Vector<double, 8>;
  Floats lows[2], highs[2];
  Doubles sums[2] = {}, magnitudes[2] = {}, squares[2] = {};
  for (unsigned half = 0; half < 2; ++half) {
    lows[half] = values[0] - Floats{};
    highs[half] = lows[half];
  }
  for (size_t start = 0; start < count; start += lanes) {
    Floats row[2];
    unsigned size = count - start < lanes ? static_cast<unsigned>(count - start) : lanes;
    if (size == lanes) {
      simd::load(row[0], values + start);
      simd::load(row[1], values + start + 8);
    } else {
      // A repeated value changes no range.
      for (unsigned lane = 0; lane < lanes; ++lane)
        row[lane / 8][lane % 8] = values[start + (lane < size ? lane : 0)];
    }
    for (unsigned half = 0; half < 2; ++half) {
      lows[half] = row[half] < lows[half] ? row[half] : lows[half];
      highs[half] = row[half] > highs[half] ? row[half] : highs[half];
    }
    if (!moments)
      continue;
    for (unsigned lane = size; lane < lanes; ++lane)
      row[lane / 8][lane % 8] = 0;
    for (unsigned half = 0; half < 2; ++half) {
      Doubles value = __builtin_convertvector(row[half], Doubles);
      sums[half] += value;
      magnitudes[half] += __builtin_elementwise_abs(value);
      squares[half] += value * value;
    }
  }
  for (unsigned lane = 0; lane < lanes; ++lane) {
    unsigned half = lane / 8, at = lane % 8;
    result->low = std::min<float>(result->low, lows[half][at]);
    result->high = std::max<float>(result->high, highs[half][at]);
    result->sum += sums[half][at];
    result->sumAbs += magnitudes[half][at];
    result->sumSquares += squares[half][at];
  }
}

/// Finite values, one per channel.
COMPRESS_CLONES static void reduceRow(const float *values, size_t count, float *low, float *high,
                                      double *sum, double *sumAbs, double *sumSquares) {
  for (size_t i = 0; i < count; ++i) {
    low[i] = values[i] < low[i] ? values[i] : low[i];
    high[i] = values[i] > high[i] ? values[i] : high[i];
  }
  if (!sum)
    return;
  for (size_t i = 0; i < count; ++i) {
    double value = values[i];
    sum[i] += value;
    sumAbs[i] += __builtin_fabs(value);
    sumSquares[i] += value * value;
  }
}

/// Values of one channel; those that are not finite are counted.
static void reduceAny(const float *values, size_t count, bool moments, Partial &result) {
  if (isAllFinite(values, count))
    return reduceRun(values, count, moments, &result);
  std::vector<float> finite;
  for (size_t i = 0; i < count; ++i)
    if (std::isfinite(values[i]))
      finite.push_back(values[i]);
  result.nonFinite += count - finite.size();
  if (!finite.empty())
    reduceRun(finite.data(), finite.size(), moments, &result);
}

//===----------------------------------------------------------------------===//
// Reducer
//===----------------------------------------------------------------------===//

ActivationReducer::ActivationReducer(int64_t channels, Options options)
    : options(options), low(channels, INFINITY), high(channels, -INFINITY),
      sum(options.moments ? channels : 0), sumAbs(sum.size()), sumSquares(sum.size()),
      histogram(options.bins) {}

/// The dims before or after the channel dim, or all of them.
static StridedDims getDims(const ActivationView &view, size_t begin, size_t end) {
  StridedDims dims;
  for (size_t i = begin; i < end; ++i)
    dims.append(view.shape[i], view.strides[i]);
  return dims;
}

Error ActivationReducer::add(const ActivationView &view, ParallelFor parallelFor) {
  size_t rank = view.shape.size();
  if (view.channelDim >= rank)
    return llvm::createStringError("expects a channel dim, got dim %zu of rank %zu",
                                   view.channelDim, rank);
  if (view.shape[view.channelDim] != static_cast<int64_t>(low.size()))
    return llvm::createStringError("expects %zu channels, got %lld", low.size(),
                                   static_cast<long long>(view.shape[view.channelDim]));
  ++runs;
  if (view.getNumElements() == 0)
    return Error::success();
  vectors += view.getNumElements() / low.size();
  runLow = INFINITY;
  runHigh = -INFINITY;
  if (getDims(view, view.channelDim + 1, rank).getTotal() == 1)
    addRows(view, parallelFor);
  else
    addRuns(view, parallelFor);
  if (options.movingRange && runLow <= runHigh) {
    if (!moving)
      moving = {runLow, runHigh};
    else
      moving = {0.9 * moving->first + 0.1 * runLow, 0.9 * moving->second + 0.1 * runHigh};
  }
  if (options.histogram)
    addHistogram(view, parallelFor);
  return Error::success();
}

void ActivationReducer::addRange(float newLow, float newHigh) {
  runLow = std::min(runLow, newLow);
  runHigh = std::max(runHigh, newHigh);
}

void ActivationReducer::addRows(const ActivationView &view, ParallelFor parallelFor) {
  StridedDims outer = getDims(view, 0, view.channelDim);
  int64_t stride = view.strides[view.channelDim], rows = outer.getTotal();
  int64_t channels = low.size();
  int64_t rowsPerPiece = std::max<int64_t>(16, pieceSize / channels);
  int64_t pieces = (rows + rowsPerPiece - 1) / rowsPerPiece;
  auto reduce = [&](int64_t piece, Columns &columns) {
    std::vector<float> gathered(stride == 1 ? 0 : channels);
    for (int64_t row = piece * rowsPerPiece; row < std::min(rows, (piece + 1) * rowsPerPiece);
         ++row) {
      const float *values = view.data + outer.getOffset(row);
      if (stride != 1) {
        for (int64_t c = 0; c < channels; ++c)
          gathered[c] = values[c * stride];
        values = gathered.data();
      }
      auto addSome = [&](int64_t c, size_t count) {
        bool sums = options.moments;
        reduceRow(values + c, count, &columns.low[c], &columns.high[c],
                  sums ? &columns.sum[c] : nullptr, sums ? &columns.sumAbs[c] : nullptr,
                  sums ? &columns.sumSquares[c] : nullptr);
      };
      if (isAllFinite(values, channels)) {
        addSome(0, channels);
        continue;
      }
      for (int64_t c = 0; c < channels; ++c) {
        if (std::isfinite(values[c]))
          addSome(c, 1);
        else
          ++columns.nonFinite;
      }
    }
  };
  constexpr int64_t wave = 16;
  for (int64_t begin = 0; begin < pieces; begin += wave) {
    std::vector<Columns> parts(std::min(wave, pieces - begin), Columns(channels, options.moments));
    parallelFor(parts.size(), [&](size_t i) { reduce(begin + i, parts[i]); });
    for (const Columns &part : parts) {
      nonFinite += part.nonFinite;
      for (int64_t c = 0; c < channels; ++c) {
        low[c] = std::min(low[c], part.low[c]);
        high[c] = std::max(high[c], part.high[c]);
        addRange(part.low[c], part.high[c]);
      }
      for (size_t c = 0; c < sum.size(); ++c) {
        sum[c] += part.sum[c];
        sumAbs[c] += part.sumAbs[c];
        sumSquares[c] += part.sumSquares[c];
      }
    }
  }
}

void ActivationReducer::addRuns(const ActivationView &view, ParallelFor parallelFor) {
  StridedDims outer = getDims(view, 0, view.channelDim);
  StridedDims inner = getDims(view, view.channelDim + 1, view.shape.size());
  int64_t channels = low.size(), length = inner.getTotal();
  bool isContiguous = inner.isOneDim() && inner.getStride() == 1;
  // Items are runs, cut where they are long.
  int64_t cuts = (length + runSize - 1) / runSize;
  int64_t items = outer.getTotal() * channels * cuts;
  int64_t itemsPerPiece = std::max<int64_t>(1, pieceSize / std::min(length, runSize));
  auto reduceItem = [&](int64_t item, Partial &result) {
    int64_t start = item % cuts * runSize, run = item / cuts;
    size_t count = std::min(runSize, length - start);
    const float *values = view.data + outer.getOffset(run / channels) +
                          run % channels * view.strides[view.channelDim];
    if (isContiguous)
      return reduceAny(values + start, count, options.moments, result);
    std::vector<float> gathered(count);
    for (size_t i = 0; i < count; ++i)
      gathered[i] = values[inner.getOffset(start + i)];
    reduceAny(gathered.data(), count, options.moments, result);
  };
  constexpr int64_t wave = 16;
  std::vector<Partial> parts;
  for (int64_t begin = 0; begin < items; begin += wave * itemsPerPiece) {
    int64_t size = std::min(wave * itemsPerPiece, items - begin);
    parts.assign(size, Partial());
    parallelFor((size + itemsPerPiece - 1) / itemsPerPiece, [&](size_t piece) {
      int64_t first = piece * itemsPerPiece;
      for (int64_t i = first; i < std::min(size, first + itemsPerPiece); ++i)
        reduceItem(begin + i, parts[i]);
    });
    for (auto [i, part] : llvm::enumerate(parts)) {
      size_t c = (begin + i) / cuts % channels;
      low[c] = std::min(low[c], part.low);
      high[c] = std::max(high[c], part.high);
      addRange(part.low, part.high);
      nonFinite += part.nonFinite;
      if (!options.moments)
        continue;
      sum[c] += part.sum;
      sumAbs[c] += part.sumAbs;
      sumSquares[c] += part.sumSquares;
    }
  }
}

void ActivationReducer::addHistogram(const ActivationView &view, ParallelFor parallelFor) {
  StridedDims all = getDims(view, 0, view.shape.size());
  if (all.isOneDim() && all.getStride() == 1)
    return histogram.add(view.data, all.getTotal(), parallelFor);
  // The result does not depend on the pieces.
  std::vector<float> gathered;
  for (int64_t start = 0; start < all.getTotal(); start += pieceSize) {
    gathered.resize(std::min(pieceSize, all.getTotal() - start));
    for (size_t i = 0; i < gathered.size(); ++i)
      gathered[i] = view.data[all.getOffset(start + i)];
    histogram.add(gathered.data(), gathered.size());
  }
}

void ActivationReducer::store(TensorStatistics &entry) const {
  entry.vectors = vectors;
  entry.runs = runs;
  entry.nonFinite = nonFinite;
  entry.channels = low.size();
  entry.min = low;
  entry.max = high;
  for (size_t c = 0; c < low.size(); ++c)
    if (low[c] > high[c])
      entry.min[c] = entry.max[c] = 0;
  entry.sum = sum;
  entry.sumAbs = sumAbs;
  entry.sumSquares = sumSquares;
  entry.movingRange.clear();
  if (moving)
    entry.movingRange = {static_cast<float>(moving->first), static_cast<float>(moving->second)};
  entry.histogram = histogram.getData();
}
