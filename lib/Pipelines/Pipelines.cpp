//===- Pipelines.cpp - named pipelines of the tools -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/Pipelines.h"
#include "compress/Calibration/Passes.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Recipe/Recipe.h"
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

namespace {
/// What the layers of a recipe ask for, whichever they are.
struct RecipeNeeds {
  bool rotates = false, smooths = false, scales = false, equalizes = false;
  bool isSequential = false, allocates = false;
  /// Static activations whose ranges need more than the smallest and largest value.
  bool hasRanges = false;
  /// Statistics of the uncompressed model, as `--collect` has them; empty: none.
  std::vector<std::string> statistics;

  bool scalesChannels() const { return smooths || scales || equalizes; }
};
} // namespace

llvm::Error mlir::compress::checkNeedsNoStatistics(const Recipe &recipe) {
  for (const Rule &rule : recipe.rules) {
    const std::optional<QuantizeSpec> &given = rule.quantize.getSpec();
    if (!given)
      continue;
    QuantizeSpec spec = resolveAuto(*given, /*hasStatistics=*/false);
    if (!spec.needsStatistics())
      continue;
    std::string what;
    if (spec.isSequential() || spec.method == QuantizeMethod::AdaRound)
      what = "method=" + getName(spec.method).str();
    else if (spec.transform == QuantizeTransform::SmoothQuant ||
             spec.transform == QuantizeTransform::Awq)
      what = "transform=" + getName(spec.transform).str();
    else if (spec.activations == ActivationMode::Static)
      what = "activations=static";
    else
      what = "bias_correction";
    return llvm::make_error<RecipeError>(RecipeErrorKind::BadInput,
                                         what + " needs calibration data or statistics");
  }
  return llvm::Error::success();
}

/// `hasData`: the model can be run, so that sequential methods need no statistics beforehand.
static RecipeNeeds getNeeds(const Recipe &recipe, bool hasStatistics, bool hasData) {
  RecipeNeeds needs;
  llvm::SetVector<StringRef> wanted;
  for (const Rule &rule : recipe.rules) {
    if (!rule.quantize.getSpec())
      continue;
    QuantizeSpec spec = resolveAuto(*rule.quantize.getSpec(), hasStatistics);
    needs.rotates |= spec.transform == QuantizeTransform::Rotate;
    needs.smooths |= spec.transform == QuantizeTransform::SmoothQuant;
    needs.scales |= spec.transform == QuantizeTransform::Awq;
    needs.equalizes |= spec.transform == QuantizeTransform::Equalize;
    needs.isSequential |= spec.isSequential() && hasData;
    bool isMixed = spec.format == WeightFormat::Mixed;
    needs.allocates |= isMixed;
    if (spec.activations == ActivationMode::Static || needs.smooths)
      wanted.insert("minmax");
    if (spec.activations == ActivationMode::Static &&
        spec.activationRange == ActivationRange::MovingAverage)
      wanted.insert("moving_average");
    else if (spec.activations == ActivationMode::Static &&
             spec.activationRange != ActivationRange::MinMax)
      wanted.insert("histogram");
    needs.hasRanges |= spec.activations == ActivationMode::Static &&
                       spec.activationRange != ActivationRange::MinMax;
    if (spec.biasCorrection || needs.scales)
      wanted.insert("moments");
    if (needs.scales || isMixed || spec.method == QuantizeMethod::AdaRound ||
        (spec.isSequential() && !hasData))
      wanted.insert("gram");
  }
  for (StringRef name : wanted)
    needs.statistics.push_back(name.str());
  return needs;
}

void mlir::compress::buildCompressPipeline(OpPassManager &pm,
                                           const CompressPipelineOptions &options) {
  bool hasData = !options.calibration.empty();
  bool hasStatistics = hasData || !options.statistics.empty();
  RecipeNeeds needs;
  // A recipe that cannot be read is reported by the pass that applies it.
  if (llvm::Expected<Recipe> recipe = makeRecipe(options.quantize, options.prune, options.recipe))
    needs = getNeeds(*recipe, hasStatistics, hasData);
  else
    llvm::consumeError(recipe.takeError());

  buildNormalizePipeline(pm);
  // Models that are quantized already: what computes nothing goes, or all of it.
  pm.addPass(createCleanQuantization({/*strip=*/options.requantize}));
  // Masks that came with the model count as zeros for what follows.
  pm.addPass(createFoldMasks());
  if (needs.rotates || needs.scalesChannels())
    pm.addPass(createRaiseComposites());
  if (!options.statistics.empty())
    pm.addPass(createLoadStatistics({options.statistics}));
  ApplyRecipeOptions recipe;
  recipe.recipe = options.recipe;
  recipe.quantize = options.quantize;
  recipe.prune = options.prune;
  recipe.exclude.assign(options.exclude.begin(), options.exclude.end());
  recipe.calibrated = hasData;
  pm.addPass(createApplyRecipe(recipe));

  // Rewrites that keep the output.
  if (needs.rotates)
    pm.addPass(createRotate());
  auto collectStatistics = [&] {
    CollectStatisticsOptions collect;
    collect.data = options.calibration;
    collect.samples = options.samples;
    for (const std::string &name : needs.statistics)
      collect.collect.push_back(name);
    pm.addPass(createCollectStatistics(collect));
  };
  if (hasData && !needs.statistics.empty())
    collectStatistics();
  if (needs.equalizes)
    pm.addPass(createEqualize());
  if (needs.smooths)
    pm.addPass(createSmooth({/*alpha=*/-1.0, /*powersOfTwo=*/false, /*insert=*/true}));
  if (needs.scales)
    pm.addPass(createAwq());
  // Scaled channels have other histograms, which cannot be computed from those before.
  if (hasData && needs.hasRanges && needs.scalesChannels())
    collectStatistics();

  if (needs.allocates)
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
      "compress-pipeline", "Prune and quantize a model by a recipe", buildCompressPipeline);
}
