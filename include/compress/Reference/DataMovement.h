//===- DataMovement.h - shapes and data movement -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// These move elements of any type, also `String` and complex ones. Axes may be
// negative; out-of-range and repeated axes are errors.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_DATAMOVEMENT_H
#define COMPRESS_REFERENCE_DATAMOVEMENT_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// ONNX Reshape: one entry may be -1 (inferred), and 0 copies the dim of `x`
/// unless `allowZero`.
llvm::Expected<Tensor> reshape(const Tensor &x, llvm::ArrayRef<int64_t> shape,
                               bool allowZero = false);

/// Permutes axes; an empty `perm` reverses them.
llvm::Expected<Tensor> transpose(const Tensor &x, llvm::ArrayRef<int64_t> perm);

/// At least one input; all of one type and of equal dims but `axis`.
llvm::Expected<Tensor> concat(llvm::ArrayRef<Tensor> inputs, int64_t axis);

/// ONNX Slice: starts and ends may be negative (from the end) and are clamped;
/// steps may be negative but not zero. Empty `axes` are the first ones, empty
/// `steps` are 1.
llvm::Expected<Tensor> slice(const Tensor &x, llvm::ArrayRef<int64_t> starts,
                             llvm::ArrayRef<int64_t> ends, llvm::ArrayRef<int64_t> axes = {},
                             llvm::ArrayRef<int64_t> steps = {});

enum class PadMode : uint8_t { Constant, Edge, Reflect, Wrap };

/// Adds `begin[i]` and `end[i]` elements around axis i (one entry per axis);
/// negative amounts remove elements first. `value` is a one-element tensor of
/// the type of `x`, null means zero. Edge, reflect and wrap need an element to
/// copy; reflect repeats when the pad is longer than the axis.
llvm::Expected<Tensor> pad(const Tensor &x, llvm::ArrayRef<int64_t> begin,
                           llvm::ArrayRef<int64_t> end, PadMode mode = PadMode::Constant,
                           const Tensor *value = nullptr);

/// ONNX Expand: the result shape is the broadcast of both shapes.
llvm::Expected<Tensor> expand(const Tensor &x, llvm::ArrayRef<int64_t> shape);

/// Repeats axis i `repeats[i]` times (one non-negative entry per axis).
llvm::Expected<Tensor> tile(const Tensor &x, llvm::ArrayRef<int64_t> repeats);

/// Parts of the given sizes along `axis`; they must sum up to the dim.
llvm::Expected<llvm::SmallVector<Tensor>> split(const Tensor &x, llvm::ArrayRef<int64_t> sizes,
                                                int64_t axis);

/// Removes size-1 axes; nothing means all of them.
llvm::Expected<Tensor> squeeze(const Tensor &x, std::optional<llvm::ArrayRef<int64_t>> axes);

/// Inserts size-1 axes at these positions of the result.
llvm::Expected<Tensor> unsqueeze(const Tensor &x, llvm::ArrayRef<int64_t> axes);

/// Keeps the upper (or lower) triangle of the last two dims, shifted by `k`.
llvm::Expected<Tensor> trilu(const Tensor &x, int64_t k, bool upper);

/// [N, C*b*b, H, W] -> [N, C, H*b, W*b]. Depth-column-row order, or with
/// `columnRowDepth` the mode CRD.
llvm::Expected<Tensor> depthToSpace(const Tensor &x, int64_t blockSize,
                                    bool columnRowDepth = false);

/// [N, C, H, W] -> [N, C*b*b, H/b, W/b], inverse of `depthToSpace`.
llvm::Expected<Tensor> spaceToDepth(const Tensor &x, int64_t blockSize,
                                    bool columnRowDepth = false);

/// Dims [start, end) of `x` as `I64`, both clamped, negative from the end.
llvm::Expected<Tensor> shapeOf(const Tensor &x, int64_t start = 0,
                               std::optional<int64_t> end = std::nullopt);

/// Number of elements, a rank-0 `I64`.
llvm::Expected<Tensor> sizeOf(const Tensor &x);

/// start, start + delta, ... before limit; three one-element tensors of one
/// type (float or integer); a zero delta is an error. Element i is
/// start + i * delta.
llvm::Expected<Tensor> range(const Tensor &start, const Tensor &limit, const Tensor &delta);

/// `value` (one element) everywhere.
llvm::Expected<Tensor> constantOfShape(llvm::ArrayRef<int64_t> shape, const Tensor &value);

/// [rows, columns] with ones where column - row == k.
llvm::Expected<Tensor> eyeLike(DataType type, int64_t rows, int64_t columns, int64_t k = 0);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_DATAMOVEMENT_H
