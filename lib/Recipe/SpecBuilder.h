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
#include "llvm/ADT/STLExtras.h"
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

/// A problem of the kind that the user has to correct.
Problem makeBad(const llvm::Twine &message);
/// Text from a user in quotes, cut and made printable.
std::string quote(llvm::StringRef text);
/// Notes that `key` is given; a problem if it was before.
MaybeProblem addKey(llvm::SmallVectorImpl<std::string> &seen, llvm::StringRef key);
/// A number with as few digits as read back the same.
std::string toText(double value);
/// Reads a positive integer of at most `limit`.
std::optional<int64_t> parsePositive(llvm::StringRef text, int64_t limit);

/// Collects the keys of a quantization and fills in the defaults of the format.
class QuantizeSpecBuilder {
public:
  /// The keys that `set` takes.
  static llvm::ArrayRef<llvm::StringRef> getKeys();
  /// What a value of `key` is: "a word", "a number" or "true or false". Only words may be quoted in
  /// YAML.
  static llvm::StringRef getValueKind(llvm::StringRef key);
  /// Key and value that a word alone stands for in the text of a flag: `asymmetric`, `act_order`.
  static std::optional<std::pair<llvm::StringRef, llvm::StringRef>>
  expandWord(llvm::StringRef word);
  static llvm::StringRef getWordHelp() { return ", symmetric or asymmetric"; }
  /// Sets a key; each may be set once.
  MaybeProblem set(llvm::StringRef key, llvm::StringRef value);
  /// Checks the keys against each other.
  MaybeProblem finish(QuantizeSpec &spec) const;

private:
  MaybeProblem setFormat(llvm::StringRef value);
  MaybeProblem setMethod(llvm::StringRef value);
  MaybeProblem setNumber(llvm::StringRef key, llvm::StringRef value);
  MaybeProblem finishScales(QuantizeSpec &spec) const;
  MaybeProblem finishMethod(QuantizeSpec &spec) const;
  MaybeProblem finishActivations(QuantizeSpec &spec) const;
  MaybeProblem finishMixed(QuantizeSpec &spec) const;
  bool isGiven(llvm::StringRef key) const { return llvm::is_contained(seen, key); }

  llvm::SmallVector<std::string, 8> seen;
  /// Values of the keys that need no further thought.
  QuantizeSpec given;
  std::optional<WeightFormat> format;
  /// Activations that the format's name itself says (w8, W4A16); these cannot be changed.
  std::optional<ActivationMode> formatActivations;
  std::optional<unsigned> formatActivationBits;
  std::optional<QuantizeTransform> methodTransform;
  /// -1: per channel.
  std::optional<int64_t> group;
  std::optional<bool> symmetric;
};

/// The same for pruning.
class PruneSpecBuilder {
public:
  static llvm::ArrayRef<llvm::StringRef> getKeys();
  static llvm::StringRef getValueKind(llvm::StringRef key);
  static std::optional<std::pair<llvm::StringRef, llvm::StringRef>>
  expandWord(llvm::StringRef word);
  static llvm::StringRef getWordHelp() { return ", permute, progressive or skip"; }
  MaybeProblem set(llvm::StringRef key, llvm::StringRef value);
  MaybeProblem finish(PruneSpec &result) const;

private:
  MaybeProblem setPattern(llvm::StringRef value);
  MaybeProblem setNumber(llvm::StringRef key, llvm::StringRef value);
  MaybeProblem setFlag(llvm::StringRef key, llvm::StringRef value);
  MaybeProblem finishMethod(const PruneSpec &spec) const;
  bool isGiven(llvm::StringRef key) const { return llvm::is_contained(seen, key); }

  llvm::SmallVector<std::string, 8> seen;
  bool hasPattern = false, hasAmount = false;
  PruneSpec spec;
};

/// The same for low ranks.
class LowRankSpecBuilder {
public:
  static llvm::ArrayRef<llvm::StringRef> getKeys();
  static llvm::StringRef getValueKind(llvm::StringRef key);
  static std::optional<std::pair<llvm::StringRef, llvm::StringRef>>
  expandWord(llvm::StringRef word);
  static llvm::StringRef getWordHelp() { return " or query_key"; }
  MaybeProblem set(llvm::StringRef key, llvm::StringRef value);
  MaybeProblem finish(LowRankSpec &result) const;

private:
  MaybeProblem setTarget(llvm::StringRef value);
  MaybeProblem setNumber(llvm::StringRef key, llvm::StringRef value);
  bool isGiven(llvm::StringRef key) const { return llvm::is_contained(seen, key); }

  llvm::SmallVector<std::string, 8> seen;
  LowRankSpec spec;
};

/// The same for sharing.
class ShareSpecBuilder {
public:
  static llvm::ArrayRef<llvm::StringRef> getKeys();
  static llvm::StringRef getValueKind(llvm::StringRef key);
  static std::optional<std::pair<llvm::StringRef, llvm::StringRef>>
  expandWord(llvm::StringRef word);
  static llvm::StringRef getWordHelp() { return ""; }
  MaybeProblem set(llvm::StringRef key, llvm::StringRef value);
  MaybeProblem finish(ShareSpec &result) const;

private:
  MaybeProblem setKind(llvm::StringRef value);
  bool isGiven(llvm::StringRef key) const { return llvm::is_contained(seen, key); }

  llvm::SmallVector<std::string, 8> seen;
  ShareSpec spec;
};

/// "head,key=value": the entries of a specification; the value of `headKey` stands alone.
std::string joinEntries(llvm::ArrayRef<std::pair<std::string, std::string>> entries,
                        llvm::StringRef headKey);

/// Read the text of a flag into a setting; `none` is a setting, too. No place in the problem.
MaybeProblem readQuantizeText(llvm::StringRef text, Setting<QuantizeSpec> &setting);
MaybeProblem readPruneText(llvm::StringRef text, Setting<PruneSpecs> &setting);
MaybeProblem readLowRankText(llvm::StringRef text, Setting<LowRankSpec> &setting);
MaybeProblem readShareText(llvm::StringRef text, Setting<ShareSpecs> &setting);
/// Adds a specification; a problem if another one removes (or shares) the same thing.
MaybeProblem addSpec(PruneSpecs &specs, const PruneSpec &spec);
MaybeProblem addSpec(ShareSpecs &specs, const ShareSpec &spec);

} // namespace mlir::compress

#endif // COMPRESS_LIB_RECIPE_SPECBUILDER_H
