//===- Contraction.h - matrix products, convolutions and pooling -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Float products accumulate in double and are rounded once at the end,
// including the bias. Operations of more than `kMaxWork` multiply-adds are
// refused.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_CONTRACTION_H
#define COMPRESS_REFERENCE_CONTRACTION_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// NumPy matmul: batch dims broadcast, 1-D operands are vectors. Both operands
/// have one type; integers narrower than 32 bits give `I32`, and all integers
/// accumulate with wrapping.
llvm::Expected<Tensor> matmul(const Tensor &a, const Tensor &b);

/// (a - aZeroPoint) * (b - bZeroPoint) as `I32`, wrapping: ONNX MatMulInteger.
/// Operands are 8 bits wide or less, of any signedness each. Zero points are
/// null, have one element, or are per row of `a` ([M], or [..., M, 1]) and per
/// column of `b` ([N], or [..., 1, N]).
llvm::Expected<Tensor> matmulInteger(const Tensor &a, const Tensor &b,
                                     const Tensor *aZeroPoint = nullptr,
                                     const Tensor *bZeroPoint = nullptr);

/// Order of the dims of a linear weight: [K, N] or [N, K].
enum class WeightLayout : uint8_t { KN, NK };

/// x * W (+ bias): `x` is [..., K], `weight` has rank 2, `bias` broadcasts to
/// [..., N] or is null. Types as in `matmul`, the bias has the result's type.
llvm::Expected<Tensor> linear(const Tensor &x, const Tensor &weight, const Tensor *bias,
                              WeightLayout layout);

/// Spatial parameters of convolutions and pools. Empty lists mean 0 pads and
/// strides and dilations of 1; others have one entry per spatial dim.
struct WindowOptions {
  llvm::SmallVector<int64_t> strides;
  llvm::SmallVector<int64_t> padsBegin;
  llvm::SmallVector<int64_t> padsEnd;
  llvm::SmallVector<int64_t> dilations;
};

/// ONNX Conv: `x` is [N, C, spatial...], `weight` [M, C / groups, kernel...],
/// `bias` [M] or null.
llvm::Expected<Tensor> conv(const Tensor &x, const Tensor &weight, const Tensor *bias,
                            const WindowOptions &options = {}, int64_t groups = 1);

/// ONNX ConvInteger: `I32` result; `xZeroPoint` has one element, `weightZeroPoint`
/// one or M. Padding counts as zero after the zero point is subtracted.
llvm::Expected<Tensor> convInteger(const Tensor &x, const Tensor &weight,
                                   const Tensor *xZeroPoint = nullptr,
                                   const Tensor *weightZeroPoint = nullptr,
                                   const WindowOptions &options = {}, int64_t groups = 1);

/// ONNX ConvTranspose: `weight` is [C, M / groups, kernel...]; a spatial size is
/// (in - 1) * stride + dilation * (kernel - 1) + 1 + outputPadding - pads.
/// `outputPadding` is empty or has one entry per spatial dim.
llvm::Expected<Tensor> convTranspose(const Tensor &x, const Tensor &weight, const Tensor *bias,
                                     const WindowOptions &options = {}, int64_t groups = 1,
                                     llvm::ArrayRef<int64_t> outputPadding = {});

/// Output size of one spatial dim of a pool or convolution, or an error when
/// the window does not fit. With `ceilMode` a last window that would start in
/// the end padding is dropped.
llvm::Expected<int64_t> getWindowOutputSize(int64_t size, int64_t kernel, int64_t stride,
                                            int64_t padBegin, int64_t padEnd, int64_t dilation,
                                            bool ceilMode);

struct MaxPoolResult {
  Tensor values;
  /// `I64`: index of the element in the flattened `x`. A window that holds no
  /// element has index -1.
  Tensor indices;
};

/// ONNX MaxPool of [N, C, spatial...], float or integer, NaN propagates. Pads must be smaller
/// than the dilated kernel. A window without any element gives -inf or the
/// smallest integer. `columnMajorIndices` is `storage_order=1`: the spatial part
/// of an index is flattened with the first spatial dim fastest.
llvm::Expected<MaxPoolResult> maxPool(const Tensor &x, llvm::ArrayRef<int64_t> kernel,
                                      const WindowOptions &options = {}, bool ceilMode = false,
                                      bool columnMajorIndices = false);

/// ONNX AveragePool, float types. `countIncludePad` divides by the number of
/// window positions inside the padded input, else by those inside the input (0
/// if there are none).
llvm::Expected<Tensor> averagePool(const Tensor &x, llvm::ArrayRef<int64_t> kernel,
                                   const WindowOptions &options = {}, bool ceilMode = false,
                                   bool countIncludePad = false);

/// ONNX LpPool: (sum |x|^p)^(1/p), p >= 1, float types.
llvm::Expected<Tensor> lpPool(const Tensor &x, llvm::ArrayRef<int64_t> kernel,
                              const WindowOptions &options = {}, bool ceilMode = false,
                              int64_t p = 2);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_CONTRACTION_H
