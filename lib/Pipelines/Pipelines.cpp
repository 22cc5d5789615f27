//===- Pipelines.cpp - named pipelines of the tools -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/Pipelines.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Target/ONNX/Passes.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::buildNormalizePipeline(OpPassManager &pm) {
  // Types are inferred at the call site, so functions go first.
  pm.addPass(onnx::createInlineOnnxFunctions());
  pm.addPass(onnx::createNormalizeOnnx());
  // Convolutions have their final weights before anything looks at them.
  pm.addPass(createFoldBatchNorm());
  pm.addPass(createFoldConstants());
  pm.addPass(createRemoveDeadWeights());
}

void mlir::compress::buildCompressPipeline(OpPassManager &pm,
                                           const CompressPipelineOptions &options) {
  buildNormalizePipeline(pm);
  // Masks that came with the model count as zeros for what follows.
  pm.addPass(createFoldMasks());
  ApplyRecipeOptions recipe;
  recipe.recipe = options.recipe;
  recipe.quantize = options.quantize;
  recipe.prune = options.prune;
  recipe.exclude.assign(options.exclude.begin(), options.exclude.end());
  pm.addPass(createApplyRecipe(recipe));
  // Formats of mixed precision, where the recipe asks for it.
  pm.addPass(createAllocateBits());
  pm.addPass(createCompressWeights());
  // The contract of the phase: chains are in normal form.
  pm.addPass(createVerifyChains());
  pm.addPass(createRemoveDeadWeights());
}

void mlir::compress::registerCompressPipelines() {
  PassPipelineRegistration<>("compress-normalize-pipeline",
                             "ONNX nodes to model ops, with clean-ups", buildNormalizePipeline);
  PassPipelineRegistration<CompressPipelineOptions>(
      "compress-pipeline", "Prune and quantize a model by a recipe", buildCompressPipeline);
}
