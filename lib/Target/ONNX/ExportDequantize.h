//===- ExportDequantize.h - DequantizeLinear on stored codes ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_EXPORTDEQUANTIZE_H
#define COMPRESS_LIB_TARGET_ONNX_EXPORTDEQUANTIZE_H

#include "ExportImpl.h"

namespace mlir::compress::onnx {

/// First opset whose QuantizeLinear and DequantizeLinear take codes of `type`; nothing if none
/// does.
std::optional<int64_t> getOpsetOfCodes(DataType type);
/// First opset whose QuantizeLinear and DequantizeLinear take scales of `type`.
std::optional<int64_t> getOpsetOfScales(DataType type);

/// Checks that `op` decodes codes that an operator takes: ONNX has types for 6-bit floats, but
/// nothing that computes with them. An error names the formats.
LogicalResult checkFloatCodes(DequantizeOp op, GraphExporter &graph);

/// How scales lie over a tensor.
struct ScaleGrid {
  enum Kind : uint8_t {
    /// One scale.
    Tensor,
    /// One per index of dim `axis`.
    Axis,
    /// One per block of `blockSize` elements along `axis`, and per index of all other dims.
    Blocked,
    /// Each dim is one block or has a scale per index: scales broadcast to the tensor.
    Broadcast,
    /// Anything else.
    Other,
  };
  Kind kind = Tensor;
  int64_t axis = 0, blockSize = 0;
};

/// The grid of `block` (may be empty: one scale) over `shape`, which may be dynamic.
ScaleGrid getScaleGrid(ArrayRef<int64_t> shape, ArrayRef<int64_t> block);

/// A `dequantize` of stored codes with stored scales.
struct StoredDequantize {
  DequantizeOp op;
  LazyTensor codes, scale;
  std::optional<LazyTensor> zeroPoint;
  /// Extent of a block along each dim, at most the dim's.
  SmallVector<int64_t> block;
  bool isTransposed = false;

  /// Nothing if a part is not stored.
  static std::optional<StoredDequantize> get(Value value, const WeightReader &weights);

  /// The same weight, of rank 2, with its dims exchanged.
  StoredDequantize transpose() const;
};

/// Writes the decoding of `parts` and returns the name of its result.
StringRef addDequantize(StoredDequantize parts, GraphExporter &graph);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_EXPORTDEQUANTIZE_H
