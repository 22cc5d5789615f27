//===- NormalizeQuantization.h - scales of ONNX nodes -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_NORMALIZEQUANTIZATION_H
#define COMPRESS_LIB_TARGET_ONNX_NORMALIZEQUANTIZATION_H

#include "compress/Target/ONNX/Normalize.h"

namespace mlir::compress::onnx {

/// Scale, zero point (may be null) and blocks as `compress.dequantize` takes them; no blocks: the
/// scale has rank 0.
struct QuantizationGrid {
  Value scale, zeroPoint;
  SmallVector<int64_t> block;

  SmallVector<Value> operands(Value values) const;
  SmallVector<NamedAttribute> attributes(OnnxNode &node) const;
};

/// The grid of ONNX's scale and zero point for `values`: one element is per tensor, a vector is
/// along `axis`, and with `blockSize` > 0 the scale has the rank of the values.
FailureOr<QuantizationGrid> makeGrid(OnnxNode &node, RankedTensorType values, Value scale,
                                     Value zeroPoint, int64_t axis, int64_t blockSize);

FailureOr<Value> makeDequantize(OnnxNode &node, Value codes, const QuantizationGrid &grid);

/// com.microsoft.MatMulNBits as linear(x, dequantize(codes)).
NodeResult normalizeMatMulNBits(OnnxNode &node);

/// Ops that take and give codes, such as QLinearConv (NormalizeQLinear.cpp).
void registerQLinearNormalizers(NormalizerRegistry &registry);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_NORMALIZEQUANTIZATION_H
