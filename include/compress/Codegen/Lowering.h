//===- Lowering.h - from loops on memrefs to LLVM -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_LOWERING_H
#define COMPRESS_CODEGEN_LOWERING_H

#include "mlir/Pass/PassManager.h"

namespace mlir {
namespace compress {

/// The last part of lowering: functions on memrefs with `linalg` (on memrefs), `scf`, `vector`,
/// `math`, `arith` and `memref` to the LLVM dialect. Loops of `scf.parallel` become calls of
/// `compress_rt_parallel_for`, allocations calls of `compress_rt_alloc` (compress/Runtime).
void buildLowerToLLVMPipeline(OpPassManager &pm);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_LOWERING_H
