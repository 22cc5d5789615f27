//===- ScaleRefinement.h - best scales for given codes ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Codes and zero points stay; the scales s of the groups of a row become those
// of the least output error
//
//   (w - w^) H (w - w^)^T,   w^ = sum over groups g of s_g u_g,
//
// where u_g holds the values (code - zero point, or the table's) of group g and
// zeros elsewhere, and H is the Gram matrix with `damping` times the mean of its
// diagonal added to it. That is the linear system
//
//   sum_h (u_g H u_h^T) s_h = u_g H w^T.
//
// Scales are rounded to their stored type. A row keeps its old scales where the
// system has no good solution, a scale would change its sign or vanish, or the
// error would not fall.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SCALEREFINEMENT_H
#define COMPRESS_ALGORITHMS_SCALEREFINEMENT_H

#include "compress/Algorithms/CodeGrid.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

/// Whether scales of the grid are free: floats that are stored as they are.
bool canRefineScales(const CodeGrid &grid);

/// Changes the scales of `matrix`, codes for `weight` (same shape, row-major, finite). `gram`
/// `[columns, columns]` is finite and symmetric. The number of rows whose scales changed, or an
/// error if memory is out.
llvm::Expected<size_t> refineScales(const CodeGrid &grid, QuantizedMatrix &matrix,
                                    const float *weight, const float *gram, double damping = 0.01,
                                    ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SCALEREFINEMENT_H
