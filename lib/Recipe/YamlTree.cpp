//===- YamlTree.cpp - a YAML document as a plain tree ---------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "YamlTree.h"
#include "SpecBuilder.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"
#include <algorithm>
#include <iterator>

using namespace llvm;

namespace mlir::compress {

static constexpr unsigned maxDepth = 16;
static constexpr size_t maxNodes = 100'000;

std::string formatPlace(StringRef fileName, YamlPlace place) {
  return (fileName + ":" + Twine(place.line) + ":" + Twine(place.column)).str();
}

std::string YamlNode::describe() const {
  switch (kind) {
  case Null:
    return "nothing";
  case Mapping:
    return "a map";
  case Sequence:
    return "a list";
  case Scalar:
    break;
  }
  std::string shown;
  for (char c : StringRef(text).take_front(60))
    shown += isPrint(c) ? c : '?';
  return (quoted ? "the string \"" : "'") + shown + (quoted ? "\"" : "'");
}

namespace {
/// Copies the nodes of LLVM's streaming parser into a tree. `failed` is set once something is
/// wrong; from then on the parser is not touched any more.
class TreeBuilder {
public:
  TreeBuilder(StringRef text, StringRef fileName) : text(text), fileName(fileName) {
    for (size_t i = text.find('\n'); i != StringRef::npos; i = text.find('\n', i + 1))
      lineStarts.push_back(i + 1);
  }

  Expected<YamlNode> build();

private:
  YamlPlace getPlace(SMLoc loc) const;
  SMLoc findBracket(SMLoc loc) const;
  bool fail(YamlPlace place, const Twine &message);
  /// Takes over a complaint of the parser.
  static void handleDiagnostic(const SMDiagnostic &diagnostic, void *context);

  bool convert(yaml::Node *node, YamlPlace parent, unsigned depth, YamlNode &result);
  bool convertMapping(yaml::MappingNode &node, unsigned depth, YamlNode &result);
  bool convertSequence(yaml::SequenceNode &node, unsigned depth, YamlNode &result);
  bool checkText();

  StringRef text;
  StringRef fileName;
  /// Offsets of the first byte of each line.
  std::vector<size_t> lineStarts = {0};
  std::string error;
  size_t numNodes = 0;
};
} // namespace

YamlPlace TreeBuilder::getPlace(SMLoc loc) const {
  const char *pointer = loc.getPointer();
  // The parser leaves some locations empty.
  if (!pointer || pointer < text.begin() || pointer > text.end())
    return {};
  size_t offset = static_cast<size_t>(pointer - text.begin());
  auto next = llvm::upper_bound(lineStarts, offset);
  return {static_cast<unsigned>(next - lineStarts.begin()),
          static_cast<unsigned>(offset - *std::prev(next) + 1)};
}

/// The parser places a collection in brackets at the first token inside them: goes back to the
/// bracket.
SMLoc TreeBuilder::findBracket(SMLoc loc) const {
  const char *pointer = loc.getPointer();
  if (pointer < text.begin() || pointer > text.end())
    return loc;
  StringRef before = StringRef(text.begin(), static_cast<size_t>(pointer - text.begin())).rtrim();
  if (before.ends_with("[") || before.ends_with("{"))
    return SMLoc::getFromPointer(before.end() - 1);
  return loc;
}

bool TreeBuilder::fail(YamlPlace place, const Twine &message) {
  if (error.empty())
    error = (formatPlace(fileName, place) + ": " + message).str();
  return false;
}

void TreeBuilder::handleDiagnostic(const SMDiagnostic &diagnostic, void *context) {
  auto *builder = static_cast<TreeBuilder *>(context);
  YamlPlace place{static_cast<unsigned>(std::max(diagnostic.getLineNo(), 1)),
                  static_cast<unsigned>(std::max(diagnostic.getColumnNo(), 0) + 1)};
  builder->fail(place, "not valid YAML: " + diagnostic.getMessage());
}

bool TreeBuilder::checkText() {
  size_t offset = 0;
  if (text.size() > maxRecipeBytes)
    return fail({}, "the recipe is too long, expected at most " + Twine(maxRecipeBytes) + " bytes");
  if (!json::isUTF8(text, &offset))
    return fail(getPlace(SMLoc::getFromPointer(text.data() + offset)), "not valid UTF-8");
  for (const char &c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F)
      return fail(getPlace(SMLoc::getFromPointer(&c)), "control character in the text");
  // The parser recurses over document end markers, which nobody needs.
  for (size_t start : lineStarts)
    if (text.substr(start).starts_with("..."))
      return fail(getPlace(SMLoc::getFromPointer(text.data() + start)),
                  "'...' is not allowed in a recipe");
  return true;
}

bool TreeBuilder::convertMapping(yaml::MappingNode &node, unsigned depth, YamlNode &result) {
  result.kind = YamlNode::Mapping;
  for (yaml::KeyValueNode &pair : node) {
    yaml::Node *keyNode = pair.getKey();
    if (!error.empty())
      return false;
    // Only after the key is known to be a scalar may the value be read: skipping over a key is
    // recursive in the parser.
    if (!isa_and_nonnull<yaml::ScalarNode>(keyNode))
      return fail(keyNode ? getPlace(keyNode->getSourceRange().Start) : result.place,
                  "expected a word as key");
    YamlEntry entry;
    if (!convert(keyNode, result.place, depth + 1, entry.key))
      return false;
    if (any_of(result.entries, [&](const YamlEntry &e) { return e.key.text == entry.key.text; }))
      return fail(entry.key.place, "key '" + entry.key.text + "' is given twice");
    if (result.entries.size() >= 64)
      return fail(entry.key.place, "a map of more than 64 keys");
    yaml::Node *valueNode = pair.getValue();
    if (!convert(valueNode, entry.key.place, depth + 1, entry.value))
      return false;
    result.entries.push_back(std::move(entry));
  }
  return error.empty();
}

bool TreeBuilder::convertSequence(yaml::SequenceNode &node, unsigned depth, YamlNode &result) {
  result.kind = YamlNode::Sequence;
  for (yaml::Node &item : node) {
    YamlNode value;
    if (!convert(&item, result.place, depth + 1, value))
      return false;
    result.items.push_back(std::move(value));
  }
  return error.empty();
}

bool TreeBuilder::convert(yaml::Node *node, YamlPlace parent, unsigned depth, YamlNode &result) {
  if (!error.empty())
    return false;
  result.place = parent;
  if (!node)
    return fail(parent, "not valid YAML");
  SMLoc loc = node->getSourceRange().Start;
  if (loc.isValid() && !isa<yaml::NullNode>(node))
    result.place =
        getPlace(isa<yaml::MappingNode, yaml::SequenceNode>(node) ? findBracket(loc) : loc);
  if (depth > maxDepth)
    return fail(result.place, "nested deeper than " + Twine(maxDepth) + " levels");
  if (++numNodes > maxNodes)
    return fail(result.place, "more than " + Twine(maxNodes) + " values");
  if (isa<yaml::AliasNode>(node) || !node->getAnchor().empty())
    return fail(result.place, "YAML anchors and aliases are not allowed in a recipe");
  if (!node->getRawTag().empty())
    return fail(result.place, "YAML tags are not allowed in a recipe");
  if (auto *scalar = dyn_cast<yaml::ScalarNode>(node)) {
    SmallString<64> storage;
    StringRef raw = scalar->getRawValue();
    result.kind = YamlNode::Scalar;
    result.quoted = raw.starts_with("\"") || raw.starts_with("'");
    result.text = scalar->getValue(storage).str();
    return true;
  }
  if (auto *mapping = dyn_cast<yaml::MappingNode>(node))
    return convertMapping(*mapping, depth, result);
  if (auto *sequence = dyn_cast<yaml::SequenceNode>(node))
    return convertSequence(*sequence, depth, result);
  if (isa<yaml::NullNode>(node))
    return true;
  return fail(result.place, "block scalars are not allowed in a recipe");
}

Expected<YamlNode> TreeBuilder::build() {
  YamlNode root;
  if (checkText()) {
    SourceMgr sourceManager;
    sourceManager.setDiagHandler(handleDiagnostic, this);
    yaml::Stream stream(text, sourceManager, /*ShowColors=*/false);
    yaml::document_iterator document = stream.begin();
    if (convert(document->getRoot(), {}, 0, root) && !stream.failed()) {
      ++document;
      if (document != stream.end())
        fail({}, "expected one YAML document, found more");
    }
    if (stream.failed())
      fail({}, "not valid YAML");
  }
  if (!error.empty())
    return make_error<RecipeError>(RecipeErrorKind::BadInput, error);
  return root;
}

Expected<YamlNode> parseYaml(StringRef text, StringRef fileName) {
  // One byte over the limit is enough to see that the text is too long. A copy, since the parser
  // looks at the byte behind the text in places: that is a terminator here.
  std::string copy = text.take_front(maxRecipeBytes + 1).str();
  return TreeBuilder(copy, fileName).build();
}

} // namespace mlir::compress
