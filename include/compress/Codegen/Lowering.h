//===- Lowering.h - from model ops to the LLVM dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_LOWERING_H
#define COMPRESS_CODEGEN_LOWERING_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir {
class DialectRegistry;
namespace compress {

/// Options of `buildLowerToBinaryPipeline`.
struct LowerPipelineOptions : public PassPipelineOptions<LowerPipelineOptions> {
  Option<bool> kernels{*this, "kernels", llvm::cl::desc("Use generated kernels"),
                       llvm::cl::init(true)};
  Option<std::string> target{*this, "target", llvm::cl::desc("CPU: host, avx2, avx512, avx512vnni"),
                             llvm::cl::init("host")};
};

/// How kernel calls bufferize: `func.call` of the kernel, in place, without copies unless a kernel
/// needs a dense buffer. Needed in every context that runs `buildGluePipeline`.
void registerCodegenInterfaces(DialectRegistry &registry);

/// Functions on tensors (`linalg`, `tensor`, `scf`, kernel calls; weights are arguments) to
/// functions on memrefs: element-wise ops are fused, values get buffers (`compress_rt_output` for
/// results, one planned workspace for the rest).
void buildGluePipeline(OpPassManager &pm);

/// The last part of lowering: functions on memrefs with `linalg` (on memrefs), `scf`, `vector`,
/// `math`, `arith` and `memref` to the LLVM dialect. Loops of `scf.parallel` become calls of
/// `compress_rt_parallel_for`, allocations calls of `compress_rt_alloc` (compress/Runtime).
void buildLowerToLLVMPipeline(OpPassManager &pm);

/// `buildGluePipeline`, then the entry function, then `buildLowerToLLVMPipeline`.
void buildTensorsToLLVMPipeline(OpPassManager &pm);

/// A normalised module of model ops to the LLVM dialect: one function `compress_entry`
/// (compress/Runtime/compress_rt.h). Weights stay as `compress.weight`; module attributes describe
/// inputs, outputs, the order of weights and the memory plan (compress/Codegen/Passes.td).
void buildLowerToBinaryPipeline(OpPassManager &pm, const LowerPipelineOptions &options);

/// The pipelines above by name: `compress-glue-pipeline`, `compress-llvm-pipeline`,
/// `compress-tensors-pipeline`, `compress-lower-pipeline`.
void registerCodegenPipelines();

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_LOWERING_H
