//===- Pipelines.h - named pipelines of the tools -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_PIPELINES_H
#define COMPRESS_PIPELINES_PIPELINES_H

#include "compress/Recipe/Recipe.h"
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
  Option<std::string> lowRank{*this, "low-rank",
                              llvm::cl::desc("As the flag --low-rank, for example ratio:0.5"),
                              llvm::cl::init("")};
  Option<std::string> share{*this, "share",
                            llvm::cl::desc("As the flag --share, for example codebook:16"),
                            llvm::cl::init("")};
  Option<std::string> calibration{*this, "calibration",
                                  llvm::cl::desc("Samples to run the model on: a .npz file, a "
                                                 "folder of them, or a list of paths"),
                                  llvm::cl::init("")};
  Option<uint64_t> samples{*this, "samples", llvm::cl::desc("At most so many samples; 0: all"),
                           llvm::cl::init(0)};
  Option<std::string> statistics{*this, "statistics",
                                 llvm::cl::desc("Statistics file, instead of samples"),
                                 llvm::cl::init("")};
  Option<std::string> resume{*this, "resume", llvm::cl::desc("Folder that keeps finished layers"),
                             llvm::cl::init("")};
  Option<bool> requantize{*this, "requantize",
                          llvm::cl::desc("Take out the quantization that the model has"),
                          llvm::cl::init(false)};
  Option<std::string> memoryLimit{
      *this, "memory-limit", llvm::cl::desc("Bytes of cached activations in memory; empty: all"),
      llvm::cl::init("")};
  Option<std::string> progress{*this, "progress", llvm::cl::desc("plain, json or off"),
                               llvm::cl::init("off")};
  ListOption<std::string> exclude{*this, "exclude", llvm::cl::desc("Names of ops to leave alone")};

  RecipeFlags getFlags() const { return {quantize, prune, lowRank, share, recipe}; }
  void setFlags(const RecipeFlags &flags) {
    quantize = flags.quantize;
    prune = flags.prune;
    lowRank = flags.lowRank;
    share = flags.share;
    recipe = flags.file;
  }
};

/// `compress` phase: clean up, plan, transform, prune and quantize, check. With samples or
/// statistics, methods that look at activations are used. The order is fixed, whatever the
/// order of the flags. ONNX nodes are normalised first; modules without any are not changed by
/// that.
void buildCompressPipeline(OpPassManager &pm, const CompressPipelineOptions &options);

/// An error if a rule of `recipe` asks for something that needs samples or statistics; what tools
/// check when they are given neither.
llvm::Error checkNeedsNoStatistics(const Recipe &recipe);

/// `normalise` phase: ONNX nodes to model ops, clean-ups that keep the model's meaning.
void buildNormalizePipeline(OpPassManager &pm);

/// Registers `compress-pipeline` and `compress-normalize-pipeline`.
void registerCompressPipelines();

} // namespace compress
} // namespace mlir

#endif // COMPRESS_PIPELINES_PIPELINES_H
