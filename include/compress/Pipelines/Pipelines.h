//===- Pipelines.h - named pipelines of the tools -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_PIPELINES_H
#define COMPRESS_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace mlir {
namespace compress {

/// What `--quantize`, `--prune` and `--recipe` of the tools do.
struct CompressPipelineOptions : public PassPipelineOptions<CompressPipelineOptions> {
  Option<std::string> recipe{*this, "recipe", llvm::cl::desc("YAML recipe"), llvm::cl::init("")};
  Option<std::string> quantize{*this, "quantize",
                               llvm::cl::desc("As the flag --quantize, for example int4,group=32"),
                               llvm::cl::init("")};
  Option<std::string> prune{*this, "prune", llvm::cl::desc("As the flag --prune, for example 2:4"),
                            llvm::cl::init("")};
};

/// `compress` phase: clean up, plan, prune and quantize, check. The order is fixed, whatever the
/// order of the flags. ONNX nodes are normalised first; modules without any are not changed by
/// that.
void buildCompressPipeline(OpPassManager &pm, const CompressPipelineOptions &options);

/// `normalise` phase: ONNX nodes to model ops, clean-ups that keep the model's meaning.
void buildNormalizePipeline(OpPassManager &pm);

/// Registers `compress-pipeline` and `compress-normalize-pipeline`.
void registerCompressPipelines();

} // namespace compress
} // namespace mlir

#endif // COMPRESS_PIPELINES_PIPELINES_H
