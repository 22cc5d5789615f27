//===- IntegerLinearKernel.h - matrix products of 8-bit codes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_INTEGERLINEARKERNEL_H
#define COMPRESS_CODEGEN_CPU_INTEGERLINEARKERNEL_H

#include "compress/Codegen/CPU/Epilogue.h"
#include "compress/Codegen/CPU/KernelLibrary.h"

namespace mlir {
namespace compress {

/// `y = epilogue(float(sum((x - zero point) * w)) * (scale of x * scale of w))`. `x` and `w` are
/// 8-bit codes, sums are exact 32-bit integers (they wrap as those of ONNX MatMulInteger). Weights
/// are symmetric, with one scale per output.
///
/// Weights are packed in panels like those of `LinearRequest`, with the codes of `getUnit()`
/// consecutive inputs of a column side by side: `i8` `[panels, ceil(inputs / unit), width * unit]`.
struct IntegerLinearRequest {
  int64_t inputs = 0, outputs = 0;
  /// Activations are `i8` without zero point, or `ui8`, maybe with one.
  bool isSigned = true, hasZeroPoint = false;
  /// Each row of x has its own scale and zero point (`[rows, 1]`); else they have rank 0.
  bool perRow = true;
  Epilogue epilogue;

  /// Inputs that one instruction sums.
  static int64_t getUnit(const CpuTarget &target) { return target.vnni ? 4 : 2; }
  /// What packing adds to a weight: with VNNI one of the factors is unsigned.
  int64_t getWeightOffset(const CpuTarget &target) const {
    return target.vnni && isSigned ? 128 : 0;
  }
  RankedTensorType getWeightType(MLIRContext *context, const CpuTarget &target) const;
  /// f32 scales, and i32 sums of the weights of each output: `[panels, width]`.
  RankedTensorType getColumnType(MLIRContext *context, const CpuTarget &target,
                                 Type elementType) const;
};

/// Kernel with the arguments x, scale of x, [zero point of x], weights, scales of w,
/// [sums of w if there is a zero point], [bias], [other], y.
func::FuncOp getIntegerLinearKernel(KernelLibrary &library, const IntegerLinearRequest &request);

/// Packs codes, element (k, n) being `codes[k * strideK + n * strideN]`, and sums them per output.
/// The buffers have the sizes of their types and are zero.
void packIntegerWeight(const IntegerLinearRequest &request, const CpuTarget &target,
                       const int8_t *codes, int64_t strideK, int64_t strideN, int8_t *packed);
void sumIntegerWeight(const IntegerLinearRequest &request, const CpuTarget &target,
                      const int8_t *codes, int64_t strideK, int64_t strideN, int32_t *sums);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_INTEGERLINEARKERNEL_H
