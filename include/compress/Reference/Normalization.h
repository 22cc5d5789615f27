//===- Normalization.h - normalizations and softmax -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Float types only, computed in double and rounded once.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_NORMALIZATION_H
#define COMPRESS_REFERENCE_NORMALIZATION_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// Inference form: (x - mean) / sqrt(variance + epsilon) * scale + bias, each
/// of shape [C] for `x` [N, C, ...].
llvm::Expected<Tensor> batchNorm(const Tensor &x, const Tensor &scale, const Tensor &bias,
                                 const Tensor &mean, const Tensor &variance, double epsilon);

struct LayerNormResult {
  Tensor y;
  /// `F32` (`F64` for an `F64` operand); shape of `x` with the normalised dims 1.
  Tensor mean;
  Tensor invStd;
};

/// Normalises dims [axis, rank) with the biased variance; `scale` and `bias`
/// broadcast to `x` and may be null.
llvm::Expected<LayerNormResult> layerNorm(const Tensor &x, const Tensor *scale, const Tensor *bias,
                                          int64_t axis, double epsilon);

/// x / sqrt(mean(x^2) + epsilon) * scale over dims [axis, rank).
llvm::Expected<Tensor> rmsNorm(const Tensor &x, const Tensor *scale, int64_t axis, double epsilon);

/// Over the spatial dims of [N, C, ...]; `scale` and `bias` are [C].
llvm::Expected<Tensor> instanceNorm(const Tensor &x, const Tensor &scale, const Tensor &bias,
                                    double epsilon);

/// Over groups of C / groups channels and the spatial dims; `scale` and `bias`
/// are per channel, [C].
llvm::Expected<Tensor> groupNorm(const Tensor &x, const Tensor &scale, const Tensor &bias,
                                 int64_t groups, double epsilon);

/// Along one axis.
llvm::Expected<Tensor> softmax(const Tensor &x, int64_t axis);
llvm::Expected<Tensor> logSoftmax(const Tensor &x, int64_t axis);

/// ONNX LRN over channels: x / (bias + alpha / size * sum of squares of the
/// channels in [c - floor((size-1)/2), c + ceil((size-1)/2)])^beta.
llvm::Expected<Tensor> lrn(const Tensor &x, int64_t size, double alpha, double beta, double bias);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_NORMALIZATION_H
