//===- Indexing.h - gather, scatter and friends -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Index tensors are `I32` or `I64` (any integer type is accepted). Negative
// indices count from the end; an index out of range is an error.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_INDEXING_H
#define COMPRESS_REFERENCE_INDEXING_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// NumPy take along `axis`: result shape x[:axis] + indices + x[axis+1:].
llvm::Expected<Tensor> gather(const Tensor &x, const Tensor &indices, int64_t axis = 0);

/// Rows of `table` ([V, D...]); shape indices + D. Negative indices are errors.
llvm::Expected<Tensor> embedding(const Tensor &table, const Tensor &indices);

/// result[i][j] = x[indices[i][j]][j] for axis 0, and so on.
llvm::Expected<Tensor> gatherElements(const Tensor &x, const Tensor &indices, int64_t axis = 0);

/// ONNX GatherND: the last dim of `indices` addresses the dims of `x` after the
/// `batchDims` leading ones.
llvm::Expected<Tensor> gatherNd(const Tensor &x, const Tensor &indices, int64_t batchDims = 0);

/// What happens to the old element; repeated indices accumulate in row-major
/// order of the updates. All but None need float or integer elements.
enum class ScatterReduction : uint8_t { None, Add, Mul, Max, Min };

/// Inverses of `gatherElements` and `gatherNd` on a copy of `x`.
llvm::Expected<Tensor> scatterElements(const Tensor &x, const Tensor &indices,
                                       const Tensor &updates, int64_t axis = 0,
                                       ScatterReduction reduction = ScatterReduction::None);
llvm::Expected<Tensor> scatterNd(const Tensor &x, const Tensor &indices, const Tensor &updates,
                                 ScatterReduction reduction = ScatterReduction::None);

/// ONNX OneHot: `values` is [off, on]; a new dim of size `depth` at `axis` (of
/// the result; -1 is the last). Indices outside [-depth, depth) give all off.
/// Float indices are truncated.
llvm::Expected<Tensor> oneHot(const Tensor &indices, int64_t depth, const Tensor &values,
                              int64_t axis = -1);

/// Indices of the non-zero elements as `I64` [rank, count], row-major order.
llvm::Expected<Tensor> nonZero(const Tensor &x);

enum class ResizeMode : uint8_t { Nearest, Linear, Cubic };
enum class CoordinateMode : uint8_t {
  HalfPixel,
  HalfPixelSymmetric,
  PytorchHalfPixel,
  AlignCorners,
  Asymmetric,
  TfCropAndResize
};
enum class NearestMode : uint8_t { RoundPreferFloor, RoundPreferCeil, Floor, Ceil };

struct ResizeOptions {
  ResizeMode mode = ResizeMode::Nearest;
  CoordinateMode coordinates = CoordinateMode::HalfPixel;
  NearestMode nearest = NearestMode::RoundPreferFloor;
  double cubicCoefficient = -0.75;
  /// Weights of samples outside the input become zero, the others are scaled up.
  bool excludeOutside = false;
  /// Widens the filter when the size shrinks (linear and cubic).
  bool antialias = false;
  /// Value of samples whose coordinate is outside, with TfCropAndResize.
  double extrapolationValue = 0.0;
};

/// ONNX Resize to `sizes` (one per axis). `scales` has one positive entry per
/// axis (empty: sizes[i] / dim); with explicit scales the ONNX size is
/// floor(dim * scale), which the caller passes in `sizes`. `roi` is
/// [starts..., ends...], normalised, only for TfCropAndResize. Float and integer
/// types; integer results are rounded to the nearest value and clamped.
llvm::Expected<Tensor> resize(const Tensor &x, llvm::ArrayRef<int64_t> sizes,
                              llvm::ArrayRef<double> scales, llvm::ArrayRef<double> roi,
                              const ResizeOptions &options);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_INDEXING_H
