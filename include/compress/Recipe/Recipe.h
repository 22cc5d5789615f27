//===- Recipe.h - which layers are compressed, and how ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A recipe is an ordered list of rules. A rule selects layers and says how they
// are quantized, pruned, split and shared; a later rule wins, for each of these
// separately. docs/Recipes.md describes the YAML form and the flags.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_RECIPE_RECIPE_H
#define COMPRESS_RECIPE_RECIPE_H

#include "compress/Recipe/LowRankSpec.h"
#include "compress/Recipe/PruneSpec.h"
#include "compress/Recipe/QuantizeSpec.h"
#include "compress/Recipe/Selector.h"
#include "compress/Recipe/ShareSpec.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

/// Why a recipe or a flag was refused.
enum class RecipeErrorKind {
  /// Wrong: the user has to correct it.
  BadInput,
  /// Understood, but this version cannot do it.
  Unsupported,
};

/// Error of everything in this header. The message starts with `file:line:column:` for recipes and
/// with the flag for flags.
class RecipeError : public llvm::ErrorInfo<RecipeError> {
public:
  static char ID;
  RecipeError(RecipeErrorKind kind, std::string message) : kind(kind), text(std::move(message)) {}

  RecipeErrorKind getKind() const { return kind; }
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  RecipeErrorKind kind;
  std::string text;
};

/// Consumes `error`, puts its text into `message`, and returns the exit code of a tool: 0 for
/// success, 3 for a `RecipeError` of kind `Unsupported`, else 2.
int takeRecipeError(llvm::Error error, std::string &message);

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// What a rule says about one kind of compression: nothing, `none`, or a specification.
template <typename Spec>
class Setting {
public:
  /// Says nothing.
  Setting() = default;
  /// Says how.
  Setting(Spec spec) : given(true), spec(spec) {}
  /// Says `none`.
  static Setting none() {
    Setting setting;
    setting.given = true;
    return setting;
  }

  bool isGiven() const { return given; }
  bool isNone() const { return given && !spec; }
  /// The specification; nothing if it is not given or `none`.
  const std::optional<Spec> &getSpec() const { return spec; }
  bool operator==(const Setting &other) const = default;

private:
  bool given = false;
  std::optional<Spec> spec;
};

/// One rule: selected layers, and what is done with them.
struct Rule {
  Selector select;
  Setting<QuantizeSpec> quantize;
  Setting<PruneSpecs> prune;
  Setting<LowRankSpec> lowRank;
  Setting<ShareSpecs> share;

  bool operator==(const Rule &other) const = default;
};

/// An ordered list of rules.
struct Recipe {
  std::vector<Rule> rules;

  /// Writes the canonical YAML form; `parseRecipe` gives the same recipe back.
  void print(llvm::raw_ostream &os) const;
  std::string toYAML() const;
  bool operator==(const Recipe &other) const = default;
};

/// What a recipe says about one layer.
struct ResolvedLayer {
  std::optional<QuantizeSpec> quantize;
  std::optional<PruneSpecs> prune;
  std::optional<LowRankSpec> lowRank;
  std::optional<ShareSpecs> share;
  /// Numbers of the deciding rules, or nothing if no rule speaks of the layer. With a rule and
  /// without a specification the rule said `none`.
  std::optional<size_t> quantizeRule;
  std::optional<size_t> pruneRule;
  std::optional<size_t> lowRankRule;
  std::optional<size_t> shareRule;

  bool isEmpty() const { return !quantize && !prune && !lowRank && !share; }
};

/// Applies the rules in order; for each kind of compression the last rule that selects the layer
/// and speaks of it wins. What a rule says of pruning replaces what `areExclusive` with it, what it
/// says of sharing what is of the same kind; the rest stays.
ResolvedLayer resolve(const Recipe &recipe, const LayerInfo &layer);

/// Replaces `Auto` in all rules, see `resolveAuto(QuantizeSpec, bool)`.
Recipe resolveAuto(Recipe recipe, bool hasStatistics);

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Bounds on recipes.
constexpr size_t maxRecipeBytes = size_t(1) << 20;
constexpr unsigned maxRecipeIncludeDepth = 16;
constexpr unsigned maxRecipeFiles = 256;

/// Reads a recipe from YAML text. `fileName` is for messages. Files named by `extends` are looked
/// up in and below the folder `baseDir`; with an empty `baseDir` they are an error.
llvm::Expected<Recipe> parseRecipe(llvm::StringRef text, llvm::StringRef fileName,
                                   llvm::StringRef baseDir = "");

/// Reads a recipe file; `extends` is relative to the file it stands in.
llvm::Expected<Recipe> loadRecipe(llvm::StringRef path);

/// The rule that a flag stands for; it selects `Selector::getDefault()`. `none` is accepted, too.
llvm::Expected<Rule> parseQuantizeFlag(llvm::StringRef text);
llvm::Expected<Rule> parsePruneFlag(llvm::StringRef text);
llvm::Expected<Rule> parseLowRankFlag(llvm::StringRef text);
/// `--share`, too, but `duplicates` and `layers` select all layers, and `embedding:E` is the low
/// rank E of embeddings: several rules.
llvm::Expected<std::vector<Rule>> parseShareFlag(llvm::StringRef text);

/// What tools are given; any of it may be empty.
struct RecipeFlags {
  std::string quantize, prune, lowRank, share;
  /// Path of a YAML recipe.
  std::string file;

  bool isEmpty() const {
    return quantize.empty() && prune.empty() && lowRank.empty() && share.empty() && file.empty();
  }
};
/// The rules of the flags, and after them, so that it can refine what they say, those of the file.
llvm::Expected<Recipe> makeRecipe(const RecipeFlags &flags);

} // namespace mlir::compress

#endif // COMPRESS_RECIPE_RECIPE_H
