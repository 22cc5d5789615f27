//===- MatMulPack.h - vectors and panels of run-time operands -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CODEGEN_CPU_MATMULPACK_H
#define COMPRESS_LIB_CODEGEN_CPU_MATMULPACK_H

#include "compress/Codegen/CPU/KernelBuilder.h"

namespace mlir {
namespace compress {

/// Transpose of a square of 8 or 16 vectors: lane `i` of result `j` is lane `j` of `rows[i]`.
SmallVector<Value> transposeSquare(KernelBuilder &b, ArrayRef<Value> rows);

/// Lane `i` of the result is the sum of the 16 lanes of `row(i)`, in one order on every target.
Value sumRows(KernelBuilder &b, function_ref<Value(int64_t)> row);

/// `lanes` elements of row `row` from `column` on; lanes not in `mask` (may be null) are 0.
using RowLoader = function_ref<Value(Value row, Value column, Value mask)>;

/// Writes the transpose of rows `[firstRow, firstRow + width)` into the panel `panel` (the indices
/// of `destination` before its last two dims): `destination[panel][column][row - firstRow]` for all
/// columns below `columns`, rounded up to the lanes (zeros). Rows at or beyond `rows`, which is
/// positive, repeat the last one.
void packTransposed(KernelBuilder &b, Value destination, ValueRange panel, Value firstRow,
                    int64_t width, Value rows, Value columns, RowLoader load);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CODEGEN_CPU_MATMULPACK_H
