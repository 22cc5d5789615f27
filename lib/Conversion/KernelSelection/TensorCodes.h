//===- TensorCodes.h - activations with one scale for all elements -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_KERNELSELECTION_TENSORCODES_H
#define COMPRESS_LIB_CONVERSION_KERNELSELECTION_TENSORCODES_H

#include "compress/Conversion/KernelSelection.h"

namespace mlir {
namespace compress {

/// Codes of an activation: `(codes - zero point) * scale`, the latter two of rank 0.
struct TensorCodes {
  /// ui8.
  Value codes;
  Value scale;
  /// ui8.
  Value zeroPoint;
};

/// Whether `makeTensorCodes` can do it for this input.
bool hasTensorCodes(Value input);

/// The codes of an input `dequantize(codes, scale[, zero point])` with one f32 scale for all of it,
/// as ui8 with a zero point. Signed codes of a `compress.quantize` are made unsigned there, by half
/// of their range; codes of less than 8 bits are widened: the same integers, less their zero point.
/// `hasTensorCodes` must hold; a failure comes with a diagnostic.
FailureOr<TensorCodes> makeTensorCodes(RewriterBase &rewriter, KernelContext &kernels,
                                       DequantizeOp input);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_KERNELSELECTION_TENSORCODES_H
