//===- QuantizedLinearKernel.h - matrix products with a quantized weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_QUANTIZEDLINEARKERNEL_H
#define COMPRESS_CODEGEN_CPU_QUANTIZEDLINEARKERNEL_H

#include "compress/Codegen/CPU/CodeFormat.h"
#include "compress/Codegen/CPU/Epilogue.h"

namespace mlir {
namespace compress {

/// `y = epilogue(x * decode(W))` with f32 activations. For up to three rows codes are decoded in
/// registers inside the loop (formats whose groups are whole units; N:M patterns on AVX-512): sums
/// of a group are scaled once. For more rows a block of the panel is decoded to a scratch of at
/// most 64 KiB, which all rows use. The two differ by rounding.
///
/// With a `stack` of more than 0 matrices the result is `[stack, m, outputs]`; x is the same matrix
/// for all of them or a stack, too, and the packed tensors have the panels of all matrices one
/// after the other (a table holds for all).
struct QuantizedLinearRequest {
  CodeFormat weight;
  Epilogue epilogue;
  int64_t stack = 0;
  bool isInputShared = false;
};

/// Kernel with the arguments x, codes, [positions], scales, [zero points], [table], [bias],
/// [other], y.
func::FuncOp getQuantizedLinearKernel(KernelLibrary &library,
                                      const QuantizedLinearRequest &request);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_QUANTIZEDLINEARKERNEL_H
