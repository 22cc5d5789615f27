//===- Pipelines.cpp - named pipelines of the tools -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/Pipelines.h"
#include "RecipeNeeds.h"
#include "compress/Calibration/Passes.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Recipe/Recipe.h"
#include "compress/Target/ONNX/Passes.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace mlir::compress;

static void addNormalization(OpPassManager &pm, bool foldsBatchNorm) {
  // Types are inferred at the call site, so functions go first.
  pm.addPass(onnx::createInlineOnnxFunctions());
  pm.addPass(onnx::createNormalizeOnnx());
  // Convolutions have their final weights before anything looks at them.
  if (foldsBatchNorm)
    pm.addPass(createFoldBatchNorm());
  pm.addPass(createFoldConstants());
  pm.addPass(createRemoveDeadWeights());
}

void mlir::compress::buildNormalizePipeline(OpPassManager &pm) {
  addNormalization(pm, /*foldsBatchNorm=*/true);
}

void mlir::compress::buildCompressPipeline(OpPassManager &pm,
                                           const CompressPipelineOptions &options) {
  bool hasData = !options.calibration.empty();
  bool hasStatistics = hasData || !options.statistics.empty();
  RecipeNeeds needs;
  // A recipe that cannot be read is reported by the pass that applies it.
  if (llvm::Expected<Recipe> recipe = makeRecipe(options.getFlags()))
    needs = getNeeds(*recipe, hasStatistics, hasData);
  else
    llvm::consumeError(recipe.takeError());

  auto collect = [&](ArrayRef<std::string> statistics, ArrayRef<std::string> ops = {}) {
    if (!hasData || statistics.empty())
      return;
    CollectStatisticsOptions collect;
    collect.data = options.calibration;
    collect.samples = options.samples;
    for (const std::string &name : statistics)
      collect.collect.push_back(name);
    collect.ops.assign(ops.begin(), ops.end());
    pm.addPass(createCollectStatistics(collect));
  };

  addNormalization(pm, /*foldsBatchNorm=*/!needs.scoresBatchNorms);
  // Models that are quantized already: what computes nothing goes, or all of it.
  pm.addPass(createCleanQuantization({/*strip=*/options.requantize}));
  // Masks that came with the model count as zeros for what follows.
  pm.addPass(createFoldMasks());
  if (!options.statistics.empty())
    pm.addPass(createLoadStatistics({options.statistics}));
  ApplyRecipeOptions recipe;
  recipe.recipe = options.recipe;
  recipe.quantize = options.quantize;
  recipe.prune = options.prune;
  recipe.lowRank = options.lowRank;
  recipe.share = options.share;
  recipe.exclude.assign(options.exclude.begin(), options.exclude.end());
  recipe.calibrated = hasData;
  pm.addPass(createApplyRecipe(recipe));

  // Whole structures, the largest first.
  if (needs.prunesLayers) {
    if (needs.comparesStreams && hasData) {
      CollectStreamsOptions streams;
      streams.data = options.calibration;
      streams.samples = options.samples;
      pm.addPass(createCollectStreams(streams));
    }
    pm.addPass(createPruneLayers());
  }
  if (needs.prunesExperts) {
    pm.addPass(createRaiseMoe());
    PruneExpertsOptions experts;
    experts.data = options.calibration;
    experts.samples = options.samples;
    pm.addPass(createPruneExperts(experts));
    ExpandCompositesOptions expand;
    expand.ops.push_back("moe");
    pm.addPass(createExpandComposites(expand));
  }
  // Norms are recognised before channels that they count go away.
  if (needs.slices || needs.prunesGroups || needs.rotates || needs.scalesChannels())
    pm.addPass(createRaiseComposites());
  // A stream ends in the head, which flags do not select.
  if (needs.slices)
    collect(needs.structureStatistics, {"*"});
  else
    collect(needs.structureStatistics);
  if (needs.slices)
    pm.addPass(createSliceGpt());
  if (needs.prunesGroups) {
    pm.addPass(createMaskGroups());
    pm.addPass(createPropagateMasks());
    pm.addPass(createApplySlices());
  }
  if (needs.scoresBatchNorms) {
    pm.addPass(createFoldBatchNorm());
    pm.addPass(createFoldConstants());
  }

  // What becomes one, and what becomes two.
  if (needs.sharesWhole)
    pm.addPass(createShareWeights({/*share=*/"", /*codebooks=*/false}));
  if (needs.splits) {
    collect(needs.splitStatistics, {"*"});
    if (needs.factorsQueryKey) {
      pm.addPass(createRaiseComposites());
      pm.addPass(createFactorQueryKey());
    }
    if (needs.measuresSensitivity && hasData) {
      MeasureSensitivityOptions measure;
      measure.data = options.calibration;
      measure.progress = options.progress;
      pm.addPass(createMeasureSensitivity(measure));
    }
    if (needs.allocatesRanks)
      pm.addPass(createAllocateRanks());
    pm.addPass(createSplitLowRank());
  }

  // Rewrites that keep the output.
  if (needs.rotates)
    pm.addPass(createRotate());
  collect(needs.statistics);
  if (needs.permutes)
    pm.addPass(createPermuteChannels());
  if (needs.equalizes)
    pm.addPass(createEqualize());
  if (needs.smooths)
    pm.addPass(createSmooth({/*alpha=*/-1.0, /*powersOfTwo=*/false, /*insert=*/true}));
  if (needs.scales)
    pm.addPass(createAwq());
  // Scaled channels have other histograms, which cannot be computed from those before.
  if (needs.hasRanges && needs.scalesChannels())
    collect(needs.statistics);

  if (needs.allocatesSparsity)
    pm.addPass(createAllocateSparsity());
  if (needs.allocatesBits)
    pm.addPass(createAllocateBits());
  if (needs.isSequential) {
    CompressWeightsSequentiallyOptions sequential;
    sequential.data = options.calibration;
    sequential.samples = options.samples;
    sequential.resume = options.resume;
    sequential.memoryLimit = options.memoryLimit;
    sequential.progress = options.progress;
    pm.addPass(createCompressWeightsSequentially(sequential));
  } else {
    pm.addPass(createCompressWeights());
  }
  pm.addPass(createQuantizeActivations());
  // The contract of the phase: chains are in normal form.
  pm.addPass(createVerifyChains());
  pm.addPass(createRemoveDeadWeights());
}

void mlir::compress::registerCompressPipelines() {
  PassPipelineRegistration<>("compress-normalize-pipeline",
                             "ONNX nodes to model ops, with clean-ups", buildNormalizePipeline);
  PassPipelineRegistration<CompressPipelineOptions>(
      "compress-pipeline", "Split, share, prune and quantize a model by a recipe",
      buildCompressPipeline);
}
