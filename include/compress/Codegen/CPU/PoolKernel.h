//===- PoolKernel.h - pooling of images -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_POOLKERNEL_H
#define COMPRESS_CODEGEN_CPU_POOLKERNEL_H

#include "compress/Codegen/CPU/ConvKernel.h"

namespace mlir {
namespace compress {

/// Pooling of `x` `[n, c, h, w]` to `y` `[n, c, oh, ow]` of f32, in any memory order whose last dim
/// is contiguous. Windows may reach beyond the padded input (ceil mode).
struct PoolRequest {
  ConvWindow window;
  /// Maximum (NaN if there is one, the first of equal values) or average.
  bool isMax = true;
  /// Average: how many elements it divides by depends on the position: those in the image, or those
  /// in the padded image. False: always all of the window.
  bool variesCount = false;
  bool countsPadding = false;
};

/// Kernel with the arguments x, y.
func::FuncOp getPoolKernel(KernelLibrary &library, const PoolRequest &request);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_POOLKERNEL_H
