//===- SpecBuilder.h - specifications from key-value pairs ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Shared by flags and YAML: both hand over keys and values as text, and put
// their own location in front of what goes wrong.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_RECIPE_SPECBUILDER_H
#define COMPRESS_LIB_RECIPE_SPECBUILDER_H

#include "compress/Recipe/Recipe.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace mlir::compress {

/// What is wrong, without the place.
struct Problem {
  RecipeErrorKind kind = RecipeErrorKind::BadInput;
  std::string message;
};
using MaybeProblem = std::optional<Problem>;

/// "unknown <what> 'name', did you mean 'x'? expected one of: a, b"; or "recognised but not
/// supported yet: ..." if `name` is among `unsupported`. Case of `name` does not matter for the
/// latter.
Problem makeUnknown(llvm::StringRef what, llvm::StringRef name,
                    llvm::ArrayRef<llvm::StringRef> valid,
                    llvm::ArrayRef<llvm::StringRef> unsupported = {});

/// Turns a problem at `place` ("file:1:2" or "--flag=text") into an error.
llvm::Error makeRecipeError(llvm::StringRef place, const Problem &problem);

/// Collects the keys of a quantization and fills in the defaults of the format.
class QuantizeSpecBuilder {
public:
  /// The keys that `set` takes.
  static llvm::ArrayRef<llvm::StringRef> getKeys();
  /// Sets a key; each may be set once.
  MaybeProblem set(llvm::StringRef key, llvm::StringRef value);
  /// Checks the keys against each other.
  MaybeProblem finish(QuantizeSpec &spec) const;

private:
  MaybeProblem setFormat(llvm::StringRef value);
  MaybeProblem setGroup(llvm::StringRef value);

  llvm::SmallVector<std::string, 8> seen;
  std::optional<WeightFormat> format;
  /// Activations that the format's name itself says (w8, W4A16); these cannot be changed.
  std::optional<ActivationMode> formatActivations;
  std::optional<ScaleGranularity> granularity;
  /// -1: per channel.
  std::optional<int64_t> group;
  std::optional<bool> symmetric;
  std::optional<GridConvention> convention;
  std::optional<ActivationMode> activations;
};

/// The same for pruning.
class PruneSpecBuilder {
public:
  static llvm::ArrayRef<llvm::StringRef> getKeys();
  MaybeProblem set(llvm::StringRef key, llvm::StringRef value);
  MaybeProblem finish(PruneSpec &result) const;

private:
  MaybeProblem setPattern(llvm::StringRef value);

  llvm::SmallVector<std::string, 2> seen;
  bool hasPattern = false;
  PruneSpec spec;
};

/// Read the text of a flag into a setting; `none` is a setting, too. No place in the problem.
MaybeProblem readQuantizeText(llvm::StringRef text, Setting<QuantizeSpec> &setting);
MaybeProblem readPruneText(llvm::StringRef text, Setting<PruneSpec> &setting);

} // namespace mlir::compress

#endif // COMPRESS_LIB_RECIPE_SPECBUILDER_H
