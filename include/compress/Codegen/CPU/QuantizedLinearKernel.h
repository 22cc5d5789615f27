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
/// registers inside the loop (formats without a pattern whose groups are whole lanes): sums of a
/// group are scaled once. For more rows a block of the panel is decoded to a scratch of at most
/// 64 KiB, which all rows use. The two differ by rounding.
struct QuantizedLinearRequest {
  CodeFormat weight;
  Epilogue epilogue;
};

/// Kernel with the arguments x, codes, [positions], scales, [zero points], [table], [bias],
/// [other], y.
func::FuncOp getQuantizedLinearKernel(KernelLibrary &library,
                                      const QuantizedLinearRequest &request);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_QUANTIZEDLINEARKERNEL_H
