//===- ShareSpec.h - which weights become one -------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_RECIPE_SHARESPEC_H
#define COMPRESS_RECIPE_SHARESPEC_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mlir::compress {

/// What is shared.
enum class ShareKind : uint8_t {
  /// `codebook:16`: weights of a layer have one of so many values, or, with `dim`, are cut into
  /// vectors that are entries of a codebook or sums of such.
  Codebook,
  /// `duplicates`: weights with the same bytes are stored once.
  Duplicates,
  /// `layers:N`: blocks of the model have one of N sets of weights (ALBERT).
  Layers,
};

/// How a codebook is found.
enum class CodebookMethod : uint8_t {
  /// Exact for single values, additive for vectors.
  Auto,
  /// The best values (dynamic programming).
  Exact,
  /// Lloyd's iteration, as in Deep Compression.
  Lloyd,
  /// Vectors: each position of a row's vectors has its own codebook (product quantization).
  Product,
  /// Vectors: sums of one entry of each codebook (AQLM).
  Additive,
};

/// Where Lloyd's iteration starts.
enum class CodebookStart : uint8_t { Linear, Density, Random };

/// Which elements of a weight share a codebook of single values.
enum class CodebookScope : uint8_t { Tensor, Channel, Group };

/// Which blocks share their weights.
enum class LayerSharing : uint8_t {
  /// N runs of consecutive blocks.
  Groups,
  /// k-means over the blocks' weights.
  KMeans,
};

/// How weights are shared. docs/Recipes.md has the keys.
struct ShareSpec {
  ShareKind kind = ShareKind::Codebook;

  // Codebooks.
  /// 2 to 256 (vectors: to 65536).
  int64_t entries = 16;
  CodebookMethod method = CodebookMethod::Auto;
  CodebookStart start = CodebookStart::Linear;
  CodebookScope scope = CodebookScope::Tensor;
  /// Scope Group: weights along the contraction that share a codebook.
  int64_t group = 0;
  /// Weights along the contraction that one code stands for; 1: single values.
  int64_t dim = 1;
  /// Additive: entries that are summed up.
  int64_t codebooks = 1;
  /// Random starts.
  uint64_t seed = 0;

  // Layers.
  /// Sets of weights, at least 1.
  int64_t groups = 1;
  LayerSharing layers = LayerSharing::Groups;

  bool isCodebook() const { return kind == ShareKind::Codebook; }
  bool isVector() const { return isCodebook() && dim > 1; }
  /// Whether statistics of activations are used where there are any: errors of vector codebooks are
  /// those of the outputs.
  bool usesStatistics() const { return isVector(); }

  bool operator==(const ShareSpec &other) const = default;
};

/// What is done to one layer: at most one of each kind, in the order in which they were given.
using ShareSpecs = std::vector<ShareSpec>;

/// Largest codebooks of single values and of vectors.
constexpr int64_t maxCodebookEntries = 256, maxVectorEntries = 65536;

/// `spec` with `Auto` replaced by what it means.
ShareSpec resolveAuto(ShareSpec spec);

llvm::StringRef getName(ShareKind kind);
llvm::StringRef getName(CodebookMethod method);
llvm::StringRef getName(CodebookStart start);
llvm::StringRef getName(CodebookScope scope);
llvm::StringRef getName(LayerSharing layers);

/// The keys of a specification with their values, without those that have their defaults. The first
/// is what is shared.
std::vector<std::pair<std::string, std::string>> getEntries(const ShareSpec &spec);

/// Reads one specification, for example `codebook:16,scope=channel`.
llvm::Expected<ShareSpec> parseShareSpec(llvm::StringRef text);
/// Reads several, with `+` between them: `duplicates+codebook:16`. (`embedding:E` is a rule of the
/// flag `--share` only: it stands for a low rank of embeddings.)
llvm::Expected<ShareSpecs> parseShareSpecs(llvm::StringRef text);
/// Writes specifications so that they read back the same.
std::string toString(const ShareSpec &spec);
std::string toString(const ShareSpecs &specs);

} // namespace mlir::compress

#endif // COMPRESS_RECIPE_SHARESPEC_H
