//===- NormalizeAxes.h - axes and flattening of nodes -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_NORMALIZEAXES_H
#define COMPRESS_LIB_TARGET_ONNX_NORMALIZEAXES_H

#include "compress/Target/ONNX/Normalize.h"

namespace mlir::compress::onnx {

/// `axis` in [-rank, rank) counted from the front, or an error of the node.
FailureOr<int64_t> normalizeAxis(OnnxNode &node, int64_t axis, int64_t rank);

/// The same for several axes, which are sorted and must be distinct.
FailureOr<SmallVector<int64_t>> normalizeAxes(OnnxNode &node, ArrayRef<int64_t> axes, int64_t rank);

/// Input `index` as the shape of a result: the node is kept if its rank is not known.
FailureOr<Value> getShapeInput(OnnxNode &node, unsigned index);

/// `value` as a matrix: the dims before `axis`, and those from it on.
FailureOr<Value> flattenTo2D(OnnxNode &node, Value value, int64_t axis);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_NORMALIZEAXES_H
