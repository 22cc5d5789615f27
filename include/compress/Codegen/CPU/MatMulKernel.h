//===- MatMulKernel.h - batched matrix products of two tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_MATMULKERNEL_H
#define COMPRESS_CODEGEN_CPU_MATMULKERNEL_H

#include "compress/Codegen/CPU/KernelLibrary.h"

namespace mlir {
namespace compress {

/// `result[b0, b1, m, n] = sum over k of lhs[b0, b1, m, k] * rhs[b0, b1, k, n]`, f32. A batch dim
/// of size 1 of an operand is used for all batches; that is seen at run time.
struct MatMulShape {
  /// Where a matrix dim (b0, b1, row, column) is in the operand: transposes are only another order
  /// of indices. The last dim of an operand is contiguous; in the rhs it must be that of the
  /// columns or that of the rows, in the lhs it may be any.
  std::array<int64_t, 4> lhsOrder{0, 1, 2, 3}, rhsOrder{0, 1, 2, 3};
  /// Static sizes of the contraction and of the result's columns, or `ShapedType::kDynamic`.
  int64_t depth = ShapedType::kDynamic, columns = ShapedType::kDynamic;
  /// Sizes of the batch dims of a packed rhs: a weight `[b0 * b1, ceil(columns / panel), depth,
  /// panel]`, padded with zeros; `rhsOrder` has no meaning then. Nothing: the rhs is an activation.
  std::optional<std::array<int64_t, 2>> packedBatches;

  /// Whether the elements of a column of the rhs are contiguous.
  bool isRhsTransposed() const { return !packedBatches && rhsOrder[2] == 3; }
};

/// The kernel `(lhs, rhs, result)` on rank-4 activation memrefs. Many rows pack the rhs into panels
/// first (one of contiguous columns always); few rows read its rows in place.
///
/// Every output is one chain of fused multiply-adds in the order of the contraction.
func::FuncOp getMatMulKernel(KernelLibrary &library, const MatMulShape &shape);

/// Type of a packed weight, as a tensor.
RankedTensorType getPackedMatMulType(const CpuTarget &target, const MatMulShape &shape,
                                     Type elementType);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_MATMULKERNEL_H
