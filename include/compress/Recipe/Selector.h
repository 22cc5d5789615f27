//===- Selector.h - which layers a rule speaks of ---------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_RECIPE_SELECTOR_H
#define COMPRESS_RECIPE_SELECTOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class Regex;
} // namespace llvm

namespace mlir::compress {

/// Kinds of ops that have a weight.
enum class LayerKind { Linear, Matmul, Conv, ConvTranspose, Embedding };

/// Name as in recipes, which is the op's without its dialect: `linear`, `conv_transpose`, ...
llvm::StringRef getName(LayerKind kind);
/// Inverse of `getName`.
std::optional<LayerKind> parseLayerKind(llvm::StringRef name);

/// What a selector looks at.
struct LayerInfo {
  /// The layer's `name` property.
  llvm::StringRef name;
  LayerKind opKind = LayerKind::Linear;
  /// Position among the `count` weighted layers of the model, in program order, from 0.
  int64_t index = 0;
  int64_t count = 1;
  /// Elements of the dense weight.
  int64_t numElements = 0;
  /// Whether it computes the logits of a language model: its weight has the shape of an embedding
  /// table, or its name says `lm_head`.
  bool isHead = false;
};

/// A pattern for names: a glob (`*` any characters, `?` one byte) or, after `re:`, a POSIX extended
/// regular expression. Either matches the whole name; case matters.
class NamePattern {
public:
  /// Errors: empty or over 1024 bytes; for regular expressions also a syntax error, a back
  /// reference, and repetitions `{m,n}` whose bounds multiply to more than 1000 (time and memory
  /// stay small).
  static llvm::Expected<NamePattern> create(llvm::StringRef text);

  /// The pattern as written, with `re:`.
  llvm::StringRef getText() const { return text; }
  bool matches(llvm::StringRef name) const;
  bool operator==(const NamePattern &other) const { return text == other.text; }

private:
  std::string text;
  std::shared_ptr<const llvm::Regex> regex;
};

/// Conditions that a layer must meet, all of them; of several op kinds or names one must hold, and
/// of `first` and `last` one. A selector without conditions selects every layer.
struct Selector {
  std::vector<LayerKind> ops;
  std::vector<NamePattern> names;
  /// One of the first or last so many weighted layers of the model.
  std::optional<int64_t> first;
  std::optional<int64_t> last;
  /// Whether it computes the logits of a language model (see `LayerInfo::isHead`).
  std::optional<bool> head;
  /// The weight has at least so many elements.
  std::optional<int64_t> minElements;

  /// What the flags select: linear, matmul, conv and conv_transpose; no embedding tables. With
  /// `--prune` and `--quantize` of weights only, `head` is false besides.
  static Selector getDefault();
  bool operator==(const Selector &other) const = default;
};

/// Whether `selector` selects `layer`.
bool matches(const Selector &selector, const LayerInfo &layer);

} // namespace mlir::compress

#endif // COMPRESS_RECIPE_SELECTOR_H
