//===- LowRankSpec.h - how a layer is split into two ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_RECIPE_LOWRANKSPEC_H
#define COMPRESS_RECIPE_LOWRANKSPEC_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mlir::compress {

/// How the rank k of a matrix [m, n] is told.
enum class LowRankTarget : uint8_t {
  /// `rank:64`: k itself.
  Rank,
  /// `ratio:0.5`: the share of the parameters that the two factors have, `k = ratio m n / (m + n)`
  /// rounded down, as in SVD-LLM.
  Ratio,
  /// `energy:0.95`: the least k whose singular values (those of the method) have that share of the
  /// sum of squares.
  Energy,
  /// `budget:params=0.7`, `budget:macs=0.7`: the model keeps that share of its parameters (or of
  /// its
  /// multiply-accumulates); layers get the ranks with the least sum of sensitivities.
  Budget,
};

/// What a budget counts.
enum class LowRankBudget : uint8_t { Params, Macs };

/// What the factors are closest to.
enum class LowRankMethod : uint8_t {
  /// SVD-LLM with statistics, else SVD.
  Auto,
  /// The weight: Eckart and Young.
  Svd,
  /// The weight, its rows weighted by the Fisher information (FWSVD); embeddings: by the number of
  /// times that each row was used.
  Fisher,
  /// The weight, its columns weighted by powers of the mean magnitudes of the activations.
  Asvd,
  /// The output on the calibration data, by the singular values of the activations.
  Drone,
  /// The same by a Cholesky factor of their Gram matrix.
  SvdLlm,
};

/// How a convolution is split.
enum class LowRankForm : uint8_t {
  /// Of channel and spatial the one with the smaller error at equally many parameters.
  Auto,
  /// A convolution to k channels, then a 1x1 convolution.
  Channel,
  /// A vertical convolution to k channels, then a horizontal one.
  Spatial,
  /// k depthwise kernels per channel, then a 1x1 convolution (network decoupling).
  Depthwise,
};

/// Whether the layer stays, with what the factors leave over.
enum class LowRankResidual : uint8_t {
  None,
  /// W = UV + Q(W - UV), the factors from W (SVDQuant).
  SvdQuant,
  /// W = UV + Q(W), the factors from W - Q(W) (LQER).
  Lqer,
};

/// Where the sensitivities of a budget come from.
enum class RankSensitivity : uint8_t {
  /// Model where it is known for all layers that share the budget: the pipeline measures it if
  /// there
  /// are samples. Else Output.
  Auto,
  /// Relative error of the layer's output (without statistics: of its weight).
  Output,
  /// The same times what the model's output suffers from it, measured by running the model.
  Model,
};

/// How a layer is split. docs/Recipes.md has the keys.
struct LowRankSpec {
  LowRankTarget target = LowRankTarget::Ratio;
  /// Rank: at least 1.
  int64_t rank = 1;
  /// Ratio, Energy, Budget: in (0, 1].
  double share = 0.5;
  LowRankBudget budget = LowRankBudget::Params;
  LowRankMethod method = LowRankMethod::Auto;
  LowRankForm form = LowRankForm::Auto;
  LowRankResidual residual = LowRankResidual::None;
  RankSensitivity sensitivity = RankSensitivity::Auto;
  /// ASVD: exponent of the activations.
  double alpha = 0.5;
  /// Ranks are a multiple of this, where they are larger.
  int64_t roundTo = 1;
  /// Seed of randomised decompositions.
  uint64_t seed = 0;
  /// Also the products of query and key weights of attention, where their inputs allow it.
  bool queryKey = false;

  /// Whether the method needs statistics of activations, or of gradients.
  bool needsStatistics() const;
  bool needsGradients() const { return method == LowRankMethod::Fisher; }
  /// Whether a Gram matrix of the inputs is needed, not only moments.
  bool needsGram() const {
    return method == LowRankMethod::Drone || method == LowRankMethod::SvdLlm;
  }

  bool operator==(const LowRankSpec &other) const = default;
};

/// `spec` with `Auto` replaced by what it means with or without statistics.
LowRankSpec resolveAuto(LowRankSpec spec, bool hasStatistics);

/// Names as written in recipes: `svd_llm`, `channel`, `svdquant`, ...
llvm::StringRef getName(LowRankTarget target);
llvm::StringRef getName(LowRankBudget budget);
llvm::StringRef getName(LowRankMethod method);
llvm::StringRef getName(LowRankForm form);
llvm::StringRef getName(LowRankResidual residual);
llvm::StringRef getName(RankSensitivity sensitivity);

/// The keys of a specification with their values, without those that have their defaults: what
/// `parseLowRankSpec` reads back. The first is the target.
std::vector<std::pair<std::string, std::string>> getEntries(const LowRankSpec &spec);

/// Reads the value of `--low-rank`, for example `ratio:0.5,method=asvd`.
llvm::Expected<LowRankSpec> parseLowRankSpec(llvm::StringRef text);
/// Writes a specification so that it reads back the same.
std::string toString(const LowRankSpec &spec);

} // namespace mlir::compress

#endif // COMPRESS_RECIPE_LOWRANKSPEC_H
