//===- PruneSpec.h - how a layer is pruned -----------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_RECIPE_PRUNESPEC_H
#define COMPRESS_RECIPE_PRUNESPEC_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlir::compress {

/// What is removed.
enum class PrunePattern : uint8_t {
  /// `2:4`: of every M consecutive weights along the contraction, N are kept.
  NM,
  /// `unstructured:0.5`: that share of the weights, anywhere; `unstructured:threshold=0.01`: those
  /// of a magnitude of at most that.
  Unstructured,
  /// `channel:0.3`: that share of the units of every prunable group, except heads.
  Channel,
  /// `neuron:0.3`: only hidden units between linear layers.
  Neuron,
  /// `head:0.25`: only attention heads.
  Head,
  /// `params:0.5`, `macs:0.5`: units of all kinds until that share of the parameters (or of the
  /// multiply-accumulates) is gone.
  Params,
  Macs,
  /// `slice:0.25`: SliceGPT removes that share of the directions of the residual stream.
  Slice,
  /// `layer:4`: that many blocks.
  Layer,
  /// `expert:2`: that many experts of every mixture-of-experts layer.
  Expert,
};

/// How what is removed is chosen.
enum class PruneMethod : uint8_t {
  /// Magnitude, L2, BlockInfluence, Exhaustive or PCA; with calibration SparseGPT for single
  /// weights
  /// and FLAP for groups.
  Auto,

  // Single weights (NM, Unstructured). All but magnitude need statistics of the activations, the
  // two last ones statistics of the gradients.
  Magnitude,
  Obd,
  Obs,
  Wanda,
  SparseGpt,
  Ria,
  Isc,
  Alps,
  Taylor,
  PrunerZero,

  // Groups (Channel, Neuron, Head, Params, Macs); also Wanda and Taylor.
  L1,
  L2,
  Random,
  BatchNorm,
  Flap,
  Lamp,
  Taylor2,
  TaylorMixed,
  TaylorVector,

  // Blocks.
  BlockInfluence,
  Angular,
  /// Removes the last ones.
  Last,

  // Experts.
  Exhaustive,
  Greedy,

  // Slices.
  Pca,
};

/// What weights compete with for a place, for `PrunePattern::Unstructured`.
enum class PruneScope : uint8_t {
  /// Wanda, Pruner-Zero: row; others: layer.
  Auto,
  /// Weights of the same output channel.
  Row,
  Layer,
  /// All weights with the same specification.
  Global,
};

/// What happens to the weights that stay, for methods that only choose a mask.
enum class PruneUpdate : uint8_t {
  None,
  /// Sequential updates of optimal brain surgeon, as in SparseGPT, with the given mask.
  Obs,
  /// Exact least squares per row.
  LeastSquares,
};

/// How `ratio` is shared among layers.
enum class SparsityAllocation : uint8_t {
  Uniform,
  /// By sensitivity, as in ISC: ratios from `ratio - alpha` to `ratio + alpha`.
  Sensitivity,
};

/// Which units compete, for groups.
enum class PruneRanking : uint8_t { Local, Global };

/// How scores of a group's weights become one.
enum class ScoreReduction : uint8_t { Sum, Mean, Max, Product, First };

/// How a layer is pruned. docs/Recipes.md has the keys; what does not matter for the pattern has
/// its default.
struct PruneSpec {
  PrunePattern pattern = PrunePattern::NM;
  /// NM: 1 <= n < m <= maxPruneBlock.
  int64_t n = 2;
  int64_t m = 4;
  /// Share that is removed, in [0, 1).
  double ratio = 0;
  /// Layer, Expert: how many are removed.
  int64_t count = 0;
  /// Unstructured: weights of at most this magnitude go; `ratio` does not count then.
  std::optional<double> threshold;

  PruneMethod method = PruneMethod::Auto;

  // Single weights.
  PruneScope scope = PruneScope::Auto;
  PruneUpdate update = PruneUpdate::None;
  SparsityAllocation allocation = SparsityAllocation::Uniform;
  double alpha = 0.1;
  /// RIA: exponent of the norms of the activations.
  double power = 0.5;
  /// Part of the mean Gram diagonal that is added to it.
  double damping = 0.01;
  /// SparseGPT: columns per block.
  int64_t block = 128;
  /// NM: input channels are reordered first so that more of the scores are kept.
  bool permute = false;
  /// Pruner-Zero: file with the expression tree (JSON); empty: the published tree.
  std::string tree;

  // Groups.
  PruneRanking ranking = PruneRanking::Local;
  /// What remains of a group is a multiple of this.
  int64_t roundTo = 1;
  ScoreReduction reduce = ScoreReduction::Sum;
  /// Random scores.
  uint64_t seed = 0;
  /// The mean of what is removed goes into the bias of its consumers. Nothing: with FLAP.
  std::optional<bool> biasCompensation;

  // Experts.
  /// Each layer's choice sees inputs from the already pruned layers before it.
  bool progressive = false;
  /// The second expert is skipped at run time where its weight is small.
  bool skip = false;

  /// Channel, Neuron, Head, Params, Macs: units of the dependency graph are removed.
  bool isGroups() const {
    return pattern >= PrunePattern::Channel && pattern <= PrunePattern::Macs;
  }
  bool compensatesBias() const { return biasCompensation.value_or(method == PruneMethod::Flap); }
  /// NM, Unstructured: single weights become zero.
  bool isElements() const { return pattern <= PrunePattern::Unstructured; }
  /// Whether the method needs statistics of activations, or of gradients.
  bool needsStatistics() const;
  bool needsGradients() const;
  /// Whether a Gram matrix of the inputs is needed, not only moments.
  bool needsGram() const;
  /// Whether the mask comes out of the same pass over the weights as their new values.
  bool choosesAsItGoes() const;
  /// Whether weights that stay get other values.
  bool changesValues() const;
  /// Whether the method looks at layers one after the other, with what pruned predecessors compute.
  bool isSequential() const { return isElements() && needsStatistics(); }

  bool operator==(const PruneSpec &other) const = default;
};

/// What is done to one layer: specifications that remove different things, in the order in which
/// they were given. At most one is for single weights.
using PruneSpecs = std::vector<PruneSpec>;

/// Whether two patterns may remove the same thing, so that a layer has only one of them.
bool areExclusive(PrunePattern a, PrunePattern b);

/// Largest `m` of `n:m` that a recipe may ask for.
constexpr int64_t maxPruneBlock = 256;

/// `spec` with `Auto` replaced by what it means with or without statistics.
PruneSpec resolveAuto(PruneSpec spec, bool hasStatistics);

/// Names as written in recipes: `channel`, `sparsegpt`, `row`, `local`, ...
llvm::StringRef getName(PrunePattern pattern);
llvm::StringRef getName(PruneMethod method);
llvm::StringRef getName(PruneScope scope);
llvm::StringRef getName(PruneUpdate update);
llvm::StringRef getName(SparsityAllocation allocation);
llvm::StringRef getName(PruneRanking ranking);
llvm::StringRef getName(ScoreReduction reduction);

/// The keys of a specification with their values, without those that have their defaults: what
/// `parsePruneSpec` reads back. The first is the pattern.
std::vector<std::pair<std::string, std::string>> getEntries(const PruneSpec &spec);

/// Reads the value of `--prune`, for example `2:4,method=wanda` or `channel:0.3,round_to=8`.
llvm::Expected<PruneSpec> parsePruneSpec(llvm::StringRef text);
/// Reads several, with `+` between them: `head:0.25+neuron:0.25+2:4,method=wanda`.
llvm::Expected<PruneSpecs> parsePruneSpecs(llvm::StringRef text);
/// Writes specifications so that they read back the same.
std::string toString(const PruneSpec &spec);
std::string toString(const PruneSpecs &specs);

} // namespace mlir::compress

#endif // COMPRESS_RECIPE_PRUNESPEC_H
