//===- Selector.cpp - which layers a rule speaks of -----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Recipe/Selector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Regex.h"
#include <algorithm>

using namespace llvm;

namespace mlir::compress {

static constexpr size_t maxPatternBytes = 1024;
static constexpr uint64_t maxRepetitions = 1000;

StringRef getName(LayerKind kind) {
  switch (kind) {
  case LayerKind::Linear:
    return "linear";
  case LayerKind::Matmul:
    return "matmul";
  case LayerKind::Conv:
    return "conv";
  case LayerKind::ConvTranspose:
    return "conv_transpose";
  case LayerKind::Embedding:
    return "embedding";
  }
  return "";
}

std::optional<LayerKind> parseLayerKind(StringRef name) {
  for (LayerKind kind : {LayerKind::Linear, LayerKind::Matmul, LayerKind::Conv,
                         LayerKind::ConvTranspose, LayerKind::Embedding})
    if (name == getName(kind))
      return kind;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

static Error makeError(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

/// The matcher unrolls `{m,n}`, nested ones as products, and takes exponential time for back
/// references. So both are bounded before it sees the expression.
static Error checkRegexCost(StringRef expression) {
  uint64_t product = 1;
  for (size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] == '\\') {
      ++i;
      if (i < expression.size() && isDigit(expression[i]))
        return makeError("back references are not allowed in a regular expression");
      continue;
    }
    if (expression[i] != '{')
      continue;
    uint64_t bound = 1;
    StringRef rest = expression.substr(i + 1).take_until([](char c) { return c == '}'; });
    auto [low, high] = rest.split(',');
    for (StringRef number : {low.trim(), high.trim()}) {
      uint64_t value = 0;
      if (!number.empty() && !number.getAsInteger(10, value))
        bound = std::max(bound, value);
    }
    if (bound > maxRepetitions || (product *= bound) > maxRepetitions)
      return makeError("repetitions {m,n} that multiply to more than " + Twine(maxRepetitions) +
                       " are not allowed in a regular expression");
  }
  return Error::success();
}

Expected<NamePattern> NamePattern::create(StringRef text) {
  if (text.empty() || text == "re:")
    return makeError("empty name pattern");
  if (text.size() > maxPatternBytes)
    return makeError("name pattern of " + Twine(text.size()) + " bytes, expected at most " +
                     Twine(maxPatternBytes));
  NamePattern pattern;
  pattern.text = text.str();
  if (!text.consume_front("re:"))
    return pattern;
  if (Error error = checkRegexCost(text))
    return std::move(error);
  // Alone first: "a)(b" is only valid between the parentheses that are added.
  std::string reason;
  if (!Regex(text).isValid(reason))
    return makeError("invalid regular expression '" + text + "': " + reason);
  auto regex = std::make_shared<Regex>(("^(" + text + ")$").str());
  if (!regex->isValid(reason))
    return makeError("invalid regular expression '" + text + "': " + reason);
  pattern.regex = std::move(regex);
  return pattern;
}

/// Matches the whole name against `*` and `?`, in time proportional to the product of the lengths.
static bool matchesGlob(StringRef glob, StringRef name) {
  size_t g = 0, n = 0;
  size_t star = StringRef::npos, resume = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = n;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (star != StringRef::npos) {
      // Let the last star take one character more.
      g = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return glob.drop_front(g).find_first_not_of('*') == StringRef::npos;
}

bool NamePattern::matches(StringRef name) const {
  return regex ? regex->match(name) : matchesGlob(text, name);
}

//===----------------------------------------------------------------------===//
// Selectors
//===----------------------------------------------------------------------===//

Selector Selector::getDefault() {
  Selector selector;
  selector.ops = {LayerKind::Linear, LayerKind::Matmul, LayerKind::Conv, LayerKind::ConvTranspose};
  return selector;
}

bool matches(const Selector &selector, const LayerInfo &layer) {
  if (!selector.ops.empty() && !is_contained(selector.ops, layer.opKind))
    return false;
  if (selector.head && layer.isHead != *selector.head)
    return false;
  if (selector.minElements && layer.numElements < *selector.minElements)
    return false;
  if (selector.first || selector.last) {
    bool isFirst = selector.first && layer.index < *selector.first;
    bool isLast = selector.last && layer.index >= layer.count - *selector.last;
    if (!isFirst && !isLast)
      return false;
  }
  return selector.names.empty() || any_of(selector.names, [&](const NamePattern &pattern) {
           return pattern.matches(layer.name);
         });
}

} // namespace mlir::compress
