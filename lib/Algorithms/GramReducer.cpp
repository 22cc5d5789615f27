//===- GramReducer.cpp - Gram matrices of activations ---------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StridedDims.h"
#include "compress/Algorithms/ActivationStatistics.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallVector;

static Error makeError(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

int64_t ConvWindows::getKernelSize() const {
  int64_t size = 1;
  for (int64_t k : kernel)
    size *= k;
  return size;
}

Expected<GramReducer> GramReducer::create(int64_t channels, int64_t groups, int64_t kernelSize,
                                          bool cross, uint64_t maxBytes) {
  if (channels < 1 || groups < 1 || kernelSize < 1 || channels % groups != 0)
    return makeError("expects channels in whole groups and a kernel, got " + llvm::Twine(channels) +
                     " channels, " + llvm::Twine(groups) + " groups, kernel size " +
                     llvm::Twine(kernelSize));
  GramReducer reducer;
  reducer.channels = channels;
  reducer.groups = groups;
  int64_t size;
  if (llvm::MulOverflow(channels / groups, kernelSize, reducer.features) ||
      llvm::MulOverflow(reducer.features, reducer.features, size) ||
      llvm::MulOverflow(size, groups, size) ||
      static_cast<uint64_t>(size) > maxBytes / (cross ? 8 : 4))
    return makeError("the Gram matrix of " + llvm::Twine(reducer.features) +
                     " features needs more " + "than " + llvm::Twine(maxBytes) + " bytes");
  reducer.gram.assign(size, 0);
  if (cross)
    reducer.cross.assign(size, 0);
  return reducer;
}

size_t GramReducer::getTileSize() const {
  return std::clamp<size_t>((size_t(1) << 20) / features, 64, 4096);
}

void GramReducer::addTile(int64_t group, const float *rows, const float *fullRows, size_t count,
                          ParallelFor parallelFor) {
  size_t size = features, offset = static_cast<size_t>(group) * size * size;
  addGram(gram.data() + offset, size, rows, size, count, parallelFor);
  if (!cross.empty())
    addOuterProducts(cross.data() + offset, size, fullRows, rows, size, count, parallelFor);
}

/// Why `full` cannot go with `view`.
static Error checkFull(const ActivationView &view, const ActivationView *full, bool needed) {
  if (needed && (!full || full->shape != view.shape))
    return makeError("expects the activation of the uncompressed model, of the same shape");
  return Error::success();
}

static bool isAllFinite(const float *values, size_t count) {
  bool finite = true;
  for (size_t i = 0; i < count; ++i)
    finite &= std::fabs(values[i]) <= std::numeric_limits<float>::max();
  return finite;
}

/// Gathers a vector; `difference` becomes `full - view`. A vector that is not finite is zeroed, and
/// `false` returned.
static bool finishRow(float *row, float *difference, size_t count) {
  if (difference)
    for (size_t i = 0; i < count; ++i)
      difference[i] -= row[i];
  if (isAllFinite(row, count) && (!difference || isAllFinite(difference, count)))
    return true;
  std::fill_n(row, count, 0.0f);
  if (difference)
    std::fill_n(difference, count, 0.0f);
  return false;
}

Error GramReducer::addVectors(const ActivationView &view, const ActivationView *full,
                              ParallelFor parallelFor) {
  if (view.channelDim >= view.shape.size() || view.shape[view.channelDim] != channels ||
      groups != 1 || features != channels)
    return makeError("expects " + llvm::Twine(channels) + " channels in one group");
  if (Error error = checkFull(view, full, !cross.empty()))
    return error;
  if (view.getNumElements() == 0)
    return Error::success();
  auto getVectors = [](const ActivationView &view) {
    StridedDims dims;
    for (size_t i = 0; i < view.shape.size(); ++i)
      if (i != view.channelDim)
        dims.append(view.shape[i], view.strides[i]);
    return dims;
  };
  StridedDims dims = getVectors(view), fullDims = cross.empty() ? dims : getVectors(*full);
  auto gather = [&](const ActivationView &from, const StridedDims &vectors, int64_t index,
                    float *row) {
    const float *values = from.data + vectors.getOffset(index);
    int64_t stride = from.strides[from.channelDim];
    for (int64_t c = 0; c < channels; ++c)
      row[c] = values[c * stride];
  };
  size_t tile = getTileSize();
  std::vector<float> rows(tile * features), differences(cross.empty() ? 0 : tile * features);
  std::vector<uint8_t> kept(tile);
  for (int64_t start = 0; start < dims.getTotal(); start += tile) {
    size_t count = std::min<int64_t>(tile, dims.getTotal() - start);
    constexpr size_t batch = 16;
    parallelFor((count + batch - 1) / batch, [&](size_t piece) {
      for (size_t i = piece * batch; i < std::min(count, (piece + 1) * batch); ++i) {
        float *difference = cross.empty() ? nullptr : &differences[i * features];
        gather(view, dims, start + i, &rows[i * features]);
        if (difference)
          gather(*full, fullDims, start + i, difference);
        kept[i] = finishRow(&rows[i * features], difference, features);
      }
    });
    vectors += std::count(kept.begin(), kept.begin() + count, 1);
    addTile(0, rows.data(), differences.data(), count, parallelFor);
  }
  return Error::success();
}

namespace {
/// The windows of one image.
class WindowGather {
public:
  WindowGather(const ActivationView &view, const ConvWindows &windows)
      : view(view), windows(windows) {
    for (size_t i = 0; i < windows.kernel.size(); ++i) {
      int64_t reach = (windows.kernel[i] - 1) * windows.dilations[i] + 1;
      int64_t padded = view.shape[i + 2] + windows.padsBegin[i] + windows.padsEnd[i];
      sizes.push_back(padded < reach ? 0 : (padded - reach) / windows.strides[i] + 1);
      total *= sizes.back();
    }
  }

  int64_t getTotal() const { return total; }

  /// Positions of a window in the image, from the first element of a channel; -1 in the padding.
  void getPositions(int64_t window, int64_t *positions) const {
    size_t rank = sizes.size();
    SmallVector<int64_t, 3> origin(rank), tap(rank, 0);
    for (size_t i = rank; i > 0; --i) {
      origin[i - 1] = window % sizes[i - 1] * windows.strides[i - 1] - windows.padsBegin[i - 1];
      window /= sizes[i - 1];
    }
    for (int64_t k = 0; k < windows.getKernelSize(); ++k) {
      int64_t position = 0;
      bool inside = true;
      for (size_t i = 0; i < rank; ++i) {
        int64_t at = origin[i] + tap[i] * windows.dilations[i];
        inside &= at >= 0 && at < view.shape[i + 2];
        position += at * view.strides[i + 2];
      }
      positions[k] = inside ? position : outside;
      for (size_t i = rank; i > 0; --i) {
        if (++tap[i - 1] < windows.kernel[i - 1])
          break;
        tap[i - 1] = 0;
      }
    }
  }

  /// `[channels of the group, kernel]` of one window.
  static void gather(const ActivationView &view, int64_t image, int64_t firstChannel,
                     int64_t channels, ArrayRef<int64_t> positions, float *row) {
    const float *base = view.data + image * view.strides[0] + firstChannel * view.strides[1];
    for (int64_t c = 0; c < channels; ++c, base += view.strides[1])
      for (int64_t position : positions)
        *row++ = position == outside ? 0.0f : base[position];
  }

  static constexpr int64_t outside = std::numeric_limits<int64_t>::min();

private:
  const ActivationView &view;
  const ConvWindows &windows;
  SmallVector<int64_t, 3> sizes;
  int64_t total = 1;
};
} // namespace

static Error checkWindows(const ActivationView &view, const ConvWindows &windows, int64_t channels,
                          int64_t groups, int64_t features) {
  size_t rank = windows.kernel.size();
  bool sameRank = view.shape.size() == rank + 2 && windows.strides.size() == rank &&
                  windows.dilations.size() == rank && windows.padsBegin.size() == rank &&
                  windows.padsEnd.size() == rank;
  auto isPositive = [](int64_t value) { return value > 0; };
  if (!sameRank || !llvm::all_of(windows.kernel, isPositive) ||
      !llvm::all_of(windows.strides, isPositive) || !llvm::all_of(windows.dilations, isPositive))
    return makeError("expects windows with positive sizes for each spatial dim");
  if (view.channelDim != 1 || view.shape[1] != channels || windows.groups != groups ||
      channels / groups * windows.getKernelSize() != features)
    return makeError("expects images of " + llvm::Twine(channels) + " channels and " +
                     llvm::Twine(features) + " features in each of " + llvm::Twine(groups) +
                     " groups");
  return Error::success();
}

Error GramReducer::addWindows(const ActivationView &view, const ConvWindows &windows,
                              const ActivationView *full, ParallelFor parallelFor) {
  if (Error error = checkWindows(view, windows, channels, groups, features))
    return error;
  if (Error error = checkFull(view, full, !cross.empty()))
    return error;
  if (view.getNumElements() == 0)
    return Error::success();
  // Positions are those of the two views, which may lie in memory in different ways.
  WindowGather positions(view, windows);
  std::optional<WindowGather> fullPositions;
  if (!cross.empty())
    fullPositions.emplace(*full, windows);
  int64_t kernel = windows.getKernelSize(), perGroup = channels / groups;
  size_t tile = getTileSize();
  std::vector<float> rows(tile * features), differences(cross.empty() ? 0 : tile * features);
  std::vector<int64_t> taps(tile * kernel), fullTaps(cross.empty() ? 0 : tile * kernel);
  std::vector<uint8_t> bad(tile);
  constexpr size_t batch = 16;
  for (int64_t image = 0; image < view.shape[0]; ++image) {
    for (int64_t start = 0; start < positions.getTotal(); start += tile) {
      size_t count = std::min<int64_t>(tile, positions.getTotal() - start);
      auto forEachRow = [&](llvm::function_ref<void(size_t)> body) {
        parallelFor((count + batch - 1) / batch, [&](size_t piece) {
          for (size_t i = piece * batch; i < std::min(count, (piece + 1) * batch); ++i)
            body(i);
        });
      };
      auto gatherGroup = [&](size_t i, int64_t group) {
        float *row = &rows[i * features];
        float *difference = cross.empty() ? nullptr : &differences[i * features];
        ArrayRef<int64_t> at(&taps[i * kernel], kernel);
        WindowGather::gather(view, image, group * perGroup, perGroup, at, row);
        if (difference)
          WindowGather::gather(*full, image, group * perGroup, perGroup,
                               ArrayRef<int64_t>(&fullTaps[i * kernel], kernel), difference);
        return finishRow(row, difference, features);
      };
      // A window counts only if it is finite in all groups.
      forEachRow([&](size_t i) {
        positions.getPositions(start + i, &taps[i * kernel]);
        if (fullPositions)
          fullPositions->getPositions(start + i, &fullTaps[i * kernel]);
        bad[i] = 0;
        for (int64_t group = groups; group > 0; --group)
          bad[i] |= !gatherGroup(i, group - 1);
      });
      for (int64_t group = 0; group < groups; ++group) {
        forEachRow([&](size_t i) {
          if (group > 0)
            gatherGroup(i, group);
          if (bad[i]) {
            std::fill_n(&rows[i * features], features, 0.0f);
            if (!cross.empty())
              std::fill_n(&differences[i * features], features, 0.0f);
          }
        });
        addTile(group, rows.data(), differences.data(), count, parallelFor);
      }
      vectors += count - std::count(bad.begin(), bad.begin() + count, 1);
    }
  }
  return Error::success();
}

void GramReducer::store(TensorStatistics &entry) && {
  entry.channels = channels;
  entry.groups = groups;
  entry.features = features;
  entry.gramVectors = vectors;
  entry.gram.clear();
  entry.cross.clear();
  if (isAllFinite(gram.data(), gram.size()))
    entry.gram = std::move(gram);
  if (!cross.empty() && isAllFinite(cross.data(), cross.size()))
    entry.cross = std::move(cross);
}
