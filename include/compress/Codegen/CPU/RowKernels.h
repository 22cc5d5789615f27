//===- RowKernels.h - kernels that work on rows -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels on f32 matrices `[rows, length]` whose rows are independent, and rotary embedding. A
// length is a number or `ShapedType::kDynamic`. Rows are spread over threads where there are enough
// elements. A reduction along a row is always 64 partial sums, column modulo 64, which are added in
// one fixed tree: results are the same bits for every target and every number of threads.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_ROWKERNELS_H
#define COMPRESS_CODEGEN_CPU_ROWKERNELS_H

#include "compress/Codegen/CPU/KernelLibrary.h"

namespace mlir {
namespace compress {

/// Softmax of each row, or its logarithm. Arguments: x, y `[rows, length]`. Entries of -infinity
/// give 0; a row with NaN or +infinity, or of only -infinity, has NaN as in the formula. Numbers
/// that are more than 87.33 below the largest of their row count as -infinity in the sum and in
/// softmax.
func::FuncOp getSoftmaxKernel(KernelLibrary &library, int64_t length, bool isLog);

struct NormRequest {
  int64_t length = 0;
  /// Layer normalisation: subtracts the mean. Otherwise divides by the root mean square.
  bool hasMean = false;
  bool hasBias = false;
};
/// Arguments: x `[rows, length]`, scale `[length]`, bias `[length]` if there is one, epsilon (f32),
/// y `[rows, length]`.
func::FuncOp getNormKernel(KernelLibrary &library, const NormRequest &request);

/// Sum, or mean, of each row. Arguments: x `[rows, length]`, y `[rows, 1]`.
func::FuncOp getRowSumKernel(KernelLibrary &library, int64_t length, bool isMean);

struct DynamicQuantizeRequest {
  int64_t length = 0;
  /// One scale for each row, or one for the matrix.
  bool isPerRow = false;
  /// `i8` or `i4`, symmetric; else `ui8` or `ui4` with a zero point.
  bool isSigned = false;
  /// Bits of a code, 8 or 4. A code is a byte in memory.
  unsigned bits = 8;
};
/// Bit for bit as `reference::dynamicQuantize`. Arguments: x `[rows, length]`; codes
/// `[rows, length]` (i8), scale `[rows, 1]` (f32) and zero point `[rows, 1]` (i8), of which the
/// last two are `[1, 1]` for the whole matrix.
func::FuncOp getDynamicQuantizeKernel(KernelLibrary &library,
                                      const DynamicQuantizeRequest &request);

struct RotaryRequest {
  /// Sizes of input and result, with one to three dims before the last, which is static and even.
  SmallVector<int64_t> shape;
  /// For each dim of the input but the last: whether the tables have it (else their size is 1).
  SmallVector<bool> tableHasDim;
};
/// x * cos + rotate_half(x) * sin along the last dim. Arguments: x, cos, sin, y; the tables have
/// the rank of x.
func::FuncOp getRotaryKernel(KernelLibrary &library, const RotaryRequest &request);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_ROWKERNELS_H
