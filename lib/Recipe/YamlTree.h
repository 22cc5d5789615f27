//===- YamlTree.h - a YAML document as a plain tree -------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_RECIPE_YAMLTREE_H
#define COMPRESS_LIB_RECIPE_YAMLTREE_H

#include "compress/Recipe/Recipe.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::compress {

struct YamlEntry;

/// A place in a file, both counted from 1.
struct YamlPlace {
  unsigned line = 1;
  unsigned column = 1;
};

/// A value of a YAML document. Anchors, aliases, tags and block scalars do not occur.
struct YamlNode {
  enum Kind { Null, Scalar, Mapping, Sequence };
  Kind kind = Null;
  YamlPlace place;
  /// Of a scalar, after quotes and escapes are undone.
  std::string text;
  /// Whether a scalar was written in quotes.
  bool quoted = false;
  /// Of a mapping, in file order; the keys are different scalars.
  std::vector<YamlEntry> entries;
  /// Of a sequence.
  std::vector<YamlNode> items;

  /// "a list", "a map", "'text'", "nothing".
  std::string describe() const;
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

/// Reads one YAML document. Bounded whatever the text: size, nesting (16), number of nodes. Errors
/// are `RecipeError`s that start with `fileName:line:column:`.
llvm::Expected<YamlNode> parseYaml(llvm::StringRef text, llvm::StringRef fileName);

/// `fileName:line:column`.
std::string formatPlace(llvm::StringRef fileName, YamlPlace place);

} // namespace mlir::compress

#endif // COMPRESS_LIB_RECIPE_YAMLTREE_H
