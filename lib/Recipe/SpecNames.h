//===- SpecNames.h - words of recipes ----------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_RECIPE_SPECNAMES_H
#define COMPRESS_LIB_RECIPE_SPECNAMES_H

#include "SpecBuilder.h"

namespace mlir::compress {

/// A value of an enumeration and its word.
template <typename Enum>
struct Word {
  Enum value;
  llvm::StringLiteral name;
};

inline constexpr Word<ScaleGranularity> granularityNames[] = {
    {ScaleGranularity::Tensor, "tensor"},
    {ScaleGranularity::Channel, "channel"},
    {ScaleGranularity::InputChannel, "input_channel"},
    {ScaleGranularity::Group, "group"}};

inline constexpr Word<GridConvention> conventionNames[] = {
    {GridConvention::SymRestricted, "sym_restricted"},
    {GridConvention::SymFullRange, "sym_fullrange"},
    {GridConvention::SymSignedMax, "sym_signed_max"},
    {GridConvention::AsymZeroIn, "asym_zero_in"},
    {GridConvention::AsymMinMax, "asym_minmax"}};

inline constexpr Word<RangeMethod> rangeNames[] = {
    {RangeMethod::Auto, "auto"}, {RangeMethod::MinMax, "minmax"}, {RangeMethod::Mse, "mse"}};

inline constexpr Word<QuantizeMethod> methodNames[] = {
    {QuantizeMethod::Auto, "auto"}, {QuantizeMethod::Rtn, "rtn"},
    {QuantizeMethod::Gptq, "gptq"}, {QuantizeMethod::Gptaq, "gptaq"},
    {QuantizeMethod::Hqq, "hqq"},   {QuantizeMethod::AdaRound, "adaround"}};

inline constexpr Word<QuantizeTransform> transformNames[] = {
    {QuantizeTransform::None, "none"},
    {QuantizeTransform::SmoothQuant, "smoothquant"},
    {QuantizeTransform::Awq, "awq"},
    {QuantizeTransform::Rotate, "rotate"},
    {QuantizeTransform::Equalize, "equalize"}};

inline constexpr Word<ActivationMode> activationNames[] = {{ActivationMode::Auto, "auto"},
                                                           {ActivationMode::None, "none"},
                                                           {ActivationMode::Dynamic, "dynamic"},
                                                           {ActivationMode::Static, "static"}};

inline constexpr Word<ActivationGranularity> activationGranularityNames[] = {
    {ActivationGranularity::Auto, "auto"},
    {ActivationGranularity::Tensor, "tensor"},
    {ActivationGranularity::Token, "token"}};

inline constexpr Word<ActivationRange> activationRangeNames[] = {
    {ActivationRange::MinMax, "minmax"},
    {ActivationRange::MovingAverage, "moving_average"},
    {ActivationRange::Percentile, "percentile"},
    {ActivationRange::Entropy, "entropy"},
    {ActivationRange::Mse, "mse"}};

inline constexpr Word<PrunePattern> prunePatternNames[] = {
    {PrunePattern::NM, "N:M"},          {PrunePattern::Unstructured, "unstructured"},
    {PrunePattern::Channel, "channel"}, {PrunePattern::Neuron, "neuron"},
    {PrunePattern::Head, "head"},       {PrunePattern::Params, "params"},
    {PrunePattern::Macs, "macs"},       {PrunePattern::Slice, "slice"},
    {PrunePattern::Layer, "layer"},     {PrunePattern::Expert, "expert"}};

inline constexpr Word<PruneMethod> pruneMethodNames[] = {
    {PruneMethod::Auto, "auto"},
    {PruneMethod::Magnitude, "magnitude"},
    {PruneMethod::Obd, "obd"},
    {PruneMethod::Obs, "obs"},
    {PruneMethod::Wanda, "wanda"},
    {PruneMethod::SparseGpt, "sparsegpt"},
    {PruneMethod::Ria, "ria"},
    {PruneMethod::Isc, "isc"},
    {PruneMethod::Alps, "alps"},
    {PruneMethod::Taylor, "taylor"},
    {PruneMethod::PrunerZero, "pruner_zero"},
    {PruneMethod::L1, "l1"},
    {PruneMethod::L2, "l2"},
    {PruneMethod::Random, "random"},
    {PruneMethod::BatchNorm, "bn"},
    {PruneMethod::Flap, "flap"},
    {PruneMethod::Lamp, "lamp"},
    {PruneMethod::Taylor2, "taylor2"},
    {PruneMethod::TaylorMixed, "taylor_mixed"},
    {PruneMethod::TaylorVector, "taylor_vector"},
    {PruneMethod::BlockInfluence, "block_influence"},
    {PruneMethod::Angular, "angular"},
    {PruneMethod::Last, "last"},
    {PruneMethod::Exhaustive, "exhaustive"},
    {PruneMethod::Greedy, "greedy"},
    {PruneMethod::Pca, "pca"}};

inline constexpr Word<PruneScope> pruneScopeNames[] = {{PruneScope::Auto, "auto"},
                                                       {PruneScope::Row, "row"},
                                                       {PruneScope::Layer, "layer"},
                                                       {PruneScope::Global, "global"}};

inline constexpr Word<PruneUpdate> pruneUpdateNames[] = {
    {PruneUpdate::None, "none"},
    {PruneUpdate::Obs, "obs"},
    {PruneUpdate::LeastSquares, "least_squares"}};

inline constexpr Word<SparsityAllocation> allocationNames[] = {
    {SparsityAllocation::Uniform, "uniform"}, {SparsityAllocation::Sensitivity, "sensitivity"}};

inline constexpr Word<PruneRanking> rankingNames[] = {{PruneRanking::Local, "local"},
                                                      {PruneRanking::Global, "global"}};

inline constexpr Word<ScoreReduction> reductionNames[] = {{ScoreReduction::Sum, "sum"},
                                                          {ScoreReduction::Mean, "mean"},
                                                          {ScoreReduction::Max, "max"},
                                                          {ScoreReduction::Product, "prod"},
                                                          {ScoreReduction::First, "first"}};

inline constexpr Word<LowRankTarget> lowRankTargetNames[] = {{LowRankTarget::Rank, "rank"},
                                                             {LowRankTarget::Ratio, "ratio"},
                                                             {LowRankTarget::Energy, "energy"},
                                                             {LowRankTarget::Budget, "budget"}};

inline constexpr Word<LowRankBudget> lowRankBudgetNames[] = {{LowRankBudget::Params, "params"},
                                                             {LowRankBudget::Macs, "macs"}};

inline constexpr Word<LowRankMethod> lowRankMethodNames[] = {
    {LowRankMethod::Auto, "auto"},     {LowRankMethod::Svd, "svd"},
    {LowRankMethod::Fisher, "fisher"}, {LowRankMethod::Asvd, "asvd"},
    {LowRankMethod::Drone, "drone"},   {LowRankMethod::SvdLlm, "svd_llm"}};

inline constexpr Word<LowRankForm> lowRankFormNames[] = {{LowRankForm::Auto, "auto"},
                                                         {LowRankForm::Channel, "channel"},
                                                         {LowRankForm::Spatial, "spatial"},
                                                         {LowRankForm::Depthwise, "depthwise"}};

inline constexpr Word<LowRankResidual> lowRankResidualNames[] = {
    {LowRankResidual::None, "none"},
    {LowRankResidual::SvdQuant, "svdquant"},
    {LowRankResidual::Lqer, "lqer"}};

inline constexpr Word<RankSensitivity> rankSensitivityNames[] = {
    {RankSensitivity::Auto, "auto"},
    {RankSensitivity::Output, "output"},
    {RankSensitivity::Model, "model"}};

inline constexpr Word<ShareKind> shareKindNames[] = {{ShareKind::Codebook, "codebook"},
                                                     {ShareKind::Duplicates, "duplicates"},
                                                     {ShareKind::Layers, "layers"}};

inline constexpr Word<CodebookMethod> codebookMethodNames[] = {
    {CodebookMethod::Auto, "auto"},
    {CodebookMethod::Exact, "exact"},
    {CodebookMethod::Lloyd, "lloyd"},
    {CodebookMethod::Product, "product"},
    {CodebookMethod::Additive, "additive"}};

inline constexpr Word<CodebookStart> codebookStartNames[] = {{CodebookStart::Linear, "linear"},
                                                             {CodebookStart::Density, "density"},
                                                             {CodebookStart::Random, "random"}};

inline constexpr Word<CodebookScope> codebookScopeNames[] = {{CodebookScope::Tensor, "tensor"},
                                                             {CodebookScope::Channel, "channel"},
                                                             {CodebookScope::Group, "group"}};

inline constexpr Word<LayerSharing> layerSharingNames[] = {{LayerSharing::Groups, "groups"},
                                                           {LayerSharing::KMeans, "kmeans"}};

/// The word of `value`.
template <typename Enum, size_t size>
llvm::StringRef findName(const Word<Enum> (&words)[size], Enum value) {
  for (const Word<Enum> &word : words)
    if (word.value == value)
      return word.name;
  return "";
}

/// Reads one of `words`; those of `unsupported` are known and refused.
template <typename Enum, size_t size>
MaybeProblem parseWord(llvm::StringRef what, llvm::StringRef value, const Word<Enum> (&words)[size],
                       Enum &result, llvm::ArrayRef<llvm::StringRef> unsupported = {}) {
  llvm::SmallVector<llvm::StringRef, 8> names;
  for (const Word<Enum> &word : words) {
    names.push_back(word.name);
    if (value == word.name) {
      result = word.value;
      return std::nullopt;
    }
  }
  return makeUnknown(what, value, names, unsupported);
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_RECIPE_SPECNAMES_H
