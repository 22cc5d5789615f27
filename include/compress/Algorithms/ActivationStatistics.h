//===- ActivationStatistics.h - reducing activations to statistics -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Calibration sees one activation after the other and keeps only sums. Sums per
// channel are in f64, over pieces that are cut by sizes and added in order;
// Gram matrices are sums of x x^T in f32 over tiles of vectors. Results do not
// depend on the number of threads. Values that are not finite are counted and
// left out, and a vector with such a value is left out of Gram matrices.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_ACTIVATIONSTATISTICS_H
#define COMPRESS_ALGORITHMS_ACTIVATIONSTATISTICS_H

#include "compress/Algorithms/Histogram.h"
#include "compress/Support/Statistics.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace mlir::compress {

/// An f32 tensor in memory, with the dim that channels are along.
struct ActivationView {
  const float *data = nullptr;
  llvm::SmallVector<int64_t, 6> shape;
  /// Distance of neighbours along each dim, in elements.
  llvm::SmallVector<int64_t, 6> strides;
  size_t channelDim = 0;

  /// A row-major tensor.
  static ActivationView getDense(const float *data, llvm::ArrayRef<int64_t> shape,
                                 size_t channelDim);
  int64_t getNumElements() const;
};

/// Range, moments, moving range and histogram of one activation.
class ActivationReducer {
public:
  struct Options {
    /// Sums of values, of magnitudes and of squares.
    bool moments = false;
    bool movingRange = false;
    bool histogram = false;
    unsigned bins = defaultHistogramBins;
  };

  ActivationReducer(int64_t channels, Options options);

  /// Adds the values of one run. Errors: the channel dim is missing or has another size.
  llvm::Error add(const ActivationView &view, ParallelFor parallelFor = serialFor);

  /// Writes what was seen to the fields of `entry` that were asked for, and counts. Channels
  /// without any finite value have the range [0, 0].
  void store(TensorStatistics &entry) const;

private:
  void addRange(float low, float high);
  void addRows(const ActivationView &view, ParallelFor parallelFor);
  void addRuns(const ActivationView &view, ParallelFor parallelFor);
  void addHistogram(const ActivationView &view, ParallelFor parallelFor);

  Options options;
  uint64_t vectors = 0, runs = 0, nonFinite = 0;
  std::vector<float> low, high;
  std::vector<double> sum, sumAbs, sumSquares;
  /// Of the current run.
  float runLow, runHigh;
  std::optional<std::pair<double, double>> moving;
  StreamingHistogram histogram;
};

/// How a convolution walks over `[batch, channels, spatial...]`.
struct ConvWindows {
  /// One element per spatial dim; `padsEnd` may be negative.
  llvm::SmallVector<int64_t, 3> kernel, strides, dilations, padsBegin, padsEnd;
  int64_t groups = 1;

  int64_t getKernelSize() const;
};

/// Gram matrix of the vectors that an op contracts, and optionally the cross matrix of GPTAQ.
class GramReducer {
public:
  /// For `linear` and `matmul` the kernel size is 1. Errors: sizes that do not go together,
  /// matrices above `maxBytes`.
  static llvm::Expected<GramReducer> create(int64_t channels, int64_t groups, int64_t kernelSize,
                                            bool cross, uint64_t maxBytes);

  /// Adds all vectors along the channel dim. `full` is what the uncompressed model computes, of the
  /// same shape; needed for the cross matrix.
  llvm::Error addVectors(const ActivationView &view, const ActivationView *full = nullptr,
                         ParallelFor parallelFor = serialFor);
  /// Adds all windows of a convolution, whose dims are batch, channels, spatial dims. What is in
  /// the padding is 0.
  llvm::Error addWindows(const ActivationView &view, const ConvWindows &windows,
                         const ActivationView *full = nullptr, ParallelFor parallelFor = serialFor);

  /// Moves the matrices into `entry`; one that does not fit f32 is left out.
  void store(TensorStatistics &entry) &&;

private:
  GramReducer() = default;
  void addTile(int64_t group, const float *rows, const float *fullRows, size_t count,
               ParallelFor parallelFor);
  /// Vectors of a tile.
  size_t getTileSize() const;

  int64_t channels = 0, groups = 1, features = 0;
  uint64_t vectors = 0;
  std::vector<float> gram, cross;
};

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_ACTIVATIONSTATISTICS_H
