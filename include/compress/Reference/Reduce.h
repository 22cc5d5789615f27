//===- Reduce.h - reductions, search and scans -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Axes may be negative; out-of-range and repeated axes are errors. Float sums
// run in double in row-major order and are rounded once.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_REDUCE_H
#define COMPRESS_REFERENCE_REDUCE_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// The ONNX Reduce operators.
enum class ReduceKind : uint8_t { Sum, Mean, Max, Min, Prod, SumSquare, L1, L2, LogSum, LogSumExp };

/// Reduces `axes` (nothing: all of them; an empty list: none, each element is a
/// set of one). `keepDims` leaves size-1 dims. Float and integer types; `Max`
/// and `Min` also `Bool`. Integers: wrapping; `Mean` truncates toward zero; L2,
/// LogSum and LogSumExp are computed in double and truncated. Empty sets: 0 for
/// Sum, SumSquare, L1, L2; 1 for Prod; NaN for a float Mean (an error for
/// integers); -inf or the type's smallest value for Max; +inf or the largest
/// for Min; -inf for LogSum and LogSumExp. NaN propagates.
llvm::Expected<Tensor> reduce(ReduceKind kind, const Tensor &x,
                              std::optional<llvm::ArrayRef<int64_t>> axes, bool keepDims);

/// Index (`I64`) of the first (or with `selectLast` the last) largest or
/// smallest element along `axis`. As in NumPy a NaN wins over all numbers. An
/// empty axis is an error unless the result is empty.
llvm::Expected<Tensor> argMax(const Tensor &x, int64_t axis, bool keepDims,
                              bool selectLast = false);
llvm::Expected<Tensor> argMin(const Tensor &x, int64_t axis, bool keepDims,
                              bool selectLast = false);

struct TopKResult {
  /// Type of the operand.
  Tensor values;
  /// `I64`.
  Tensor indices;
};

/// The `k` largest (or smallest) elements along `axis`, in order, ties by lower
/// index; a NaN counts as larger than every number. The order is also that when
/// ONNX `sorted` is 0, which allows any. `k` outside [0, dim] is an error.
llvm::Expected<TopKResult> topK(const Tensor &x, int64_t k, int64_t axis, bool largest = true);

/// Running sum along `axis`; `exclusive` leaves out the element itself,
/// `reverse` runs from the end.
llvm::Expected<Tensor> cumSum(const Tensor &x, int64_t axis, bool exclusive = false,
                              bool reverse = false);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_REDUCE_H
