//===- RecipeNeeds.h - which passes a recipe asks for ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_PIPELINES_RECIPENEEDS_H
#define COMPRESS_LIB_PIPELINES_RECIPENEEDS_H

#include "compress/Recipe/Recipe.h"
#include <string>
#include <vector>

namespace mlir {
namespace compress {

/// What the layers of a recipe ask for, whichever they are.
struct RecipeNeeds {
  // Structures that are removed.
  bool prunesLayers = false, prunesExperts = false, slices = false, prunesGroups = false;
  /// Layers are chosen by what they do to the residual stream.
  bool comparesStreams = false;
  /// Groups are chosen by the factors of batch norms, which are folded only afterwards.
  bool scoresBatchNorms = false;
  /// Statistics that choose groups and directions; names as in `--collect`.
  std::vector<std::string> structureStatistics;

  // Weights that become one, or two.
  bool sharesWhole = false, splits = false, factorsQueryKey = false, allocatesRanks = false;
  /// Sensitivities of ranks are measured on the model's output.
  bool measuresSensitivity = false;
  /// Statistics that the splits use.
  std::vector<std::string> splitStatistics;

  // Rewrites that keep the output.
  bool rotates = false, smooths = false, scales = false, equalizes = false, permutes = false;
  /// Static activations whose ranges need more than the smallest and largest value.
  bool hasRanges = false;

  // Weights.
  bool allocatesBits = false, allocatesSparsity = false;
  /// Layers are compressed one after the other, with what compressed predecessors compute.
  bool isSequential = false;
  /// Statistics of the model before its weights are compressed.
  std::vector<std::string> statistics;

  bool scalesChannels() const { return smooths || scales || equalizes; }
  bool removesStructures() const { return prunesLayers || prunesExperts || slices || prunesGroups; }
};

/// `hasStatistics`: of whichever origin; `hasData`: the model can be run, so that sequential
/// methods need no statistics beforehand.
RecipeNeeds getNeeds(const Recipe &recipe, bool hasStatistics, bool hasData);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_PIPELINES_RECIPENEEDS_H
