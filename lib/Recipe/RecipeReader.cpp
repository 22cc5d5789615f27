//===- RecipeReader.cpp - recipes from YAML -------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SpecBuilder.h"
#include "YamlTree.h"
#include "compress/Recipe/Recipe.h"
#include "compress/Support/MappedFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Path.h"
#include <utility>

using namespace llvm;

namespace mlir::compress {

namespace {
/// Reads a recipe and the files it extends. Rules are appended in the order in which they apply.
class RecipeReader {
public:
  /// Reads the text of one file. `baseDir` is the folder for its `extends`.
  Error read(StringRef text, StringRef fileName, StringRef baseDir);
  /// Reads a mapped file, guarding against cycles.
  Error read(const MappedFile &file);

  Recipe recipe;

private:
  /// What the functions below report to: the file that is being read.
  struct File {
    std::string name;
    std::string baseDir;
  };

  static Error makeError(const File &file, const YamlNode &node, const Twine &message) {
    return makeRecipeError(formatPlace(file.name, node.place),
                           {RecipeErrorKind::BadInput, message.str()});
  }
  static Error makeError(const File &file, const YamlNode &node, const Problem &problem) {
    return makeRecipeError(formatPlace(file.name, node.place), problem);
  }

  Error readTop(const File &file, const YamlNode &root);
  Error readRules(const File &file, const YamlNode &list);
  Error readExtends(const File &file, const YamlNode &node);
  Error include(const File &file, const YamlNode &node);
  Error readRule(const File &file, const YamlNode &node);
  Error readSelector(const File &file, const YamlNode &node, Selector &selector);
  Error readPositive(const File &file, const YamlNode &node, StringRef key,
                     std::optional<int64_t> &result);
  template <typename Spec, typename Builder>
  Error readSpec(const File &file, const YamlNode &node, StringRef key, StringRef expected,
                 MaybeProblem (*readText)(StringRef, Setting<Spec> &), Setting<Spec> &setting);
  template <typename Spec, typename Builder>
  Error readSpecs(const File &file, const YamlNode &node, StringRef key, StringRef expected,
                  MaybeProblem (*readText)(StringRef, Setting<std::vector<Spec>> &),
                  Setting<std::vector<Spec>> &setting);

  /// Files that are being read, outermost first.
  SmallVector<std::pair<uint64_t, uint64_t>, 4> open;
  unsigned numFiles = 0;
};
} // namespace

/// A scalar, or the scalars of a list.
static SmallVector<const YamlNode *, 4> getScalars(const YamlNode &node) {
  SmallVector<const YamlNode *, 4> scalars;
  if (node.kind == YamlNode::Scalar)
    scalars.push_back(&node);
  for (const YamlNode &item : node.items)
    scalars.push_back(&item);
  return scalars;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

Error RecipeReader::read(StringRef text, StringRef fileName, StringRef baseDir) {
  Expected<YamlNode> root = parseYaml(text, fileName);
  if (!root)
    return root.takeError();
  return readTop({fileName.str(), baseDir.str()}, *root);
}

Error RecipeReader::read(const MappedFile &file) {
  if (is_contained(open, file.getUniqueId()))
    return make_error<RecipeError>(RecipeErrorKind::BadInput,
                                   (file.getPath() + ": the recipe extends itself").str());
  if (open.size() > maxRecipeIncludeDepth || ++numFiles > maxRecipeFiles)
    return make_error<RecipeError>(
        RecipeErrorKind::BadInput,
        (file.getPath() + ": too many recipes that extend each other, at most " +
         Twine(maxRecipeIncludeDepth) + " deep and " + Twine(maxRecipeFiles) + " in all")
            .str());
  open.push_back(file.getUniqueId());
  StringRef folder = sys::path::parent_path(file.getPath());
  Error error = read(file.bytes(), file.getPath(), folder.empty() ? StringRef(".") : folder);
  open.pop_back();
  return error;
}

Error RecipeReader::include(const File &file, const YamlNode &node) {
  if (node.kind != YamlNode::Scalar)
    return makeError(file, node, "expected a file name, found " + node.describe());
  if (file.baseDir.empty())
    return makeError(file, node, "'extends' needs a recipe that is read from a file");
  Expected<std::shared_ptr<MappedFile>> other = MappedFile::openBeneath(file.baseDir, node.text);
  if (!other)
    return makeError(file, node, toString(other.takeError()));
  return read(**other);
}

Error RecipeReader::readExtends(const File &file, const YamlNode &node) {
  SmallVector<const YamlNode *, 4> names = getScalars(node);
  if (names.empty())
    return makeError(file, node,
                     "expected a file name or a list of file names, found " + node.describe());
  for (const YamlNode *name : names)
    if (Error error = include(file, *name))
      return error;
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

Error RecipeReader::readTop(const File &file, const YamlNode &root) {
  if (root.kind == YamlNode::Sequence)
    return readRules(file, root);
  if (root.kind != YamlNode::Mapping)
    return makeError(file, root, "expected a list of rules, found " + root.describe());
  const YamlNode *rules = nullptr, *extends = nullptr;
  for (const YamlEntry &entry : root.entries) {
    StringRef key = entry.key.text;
    if (key == "version") {
      if (entry.value.kind != YamlNode::Scalar || entry.value.quoted || entry.value.text != "1")
        return makeError(file, entry.value, "expected version 1, found " + entry.value.describe());
    } else if (key == "rules") {
      rules = &entry.value;
    } else if (key == "extends") {
      extends = &entry.value;
    } else {
      return makeError(file, entry.key, makeUnknown("key", key, {"version", "extends", "rules"}));
    }
  }
  if (!rules && !extends)
    return makeError(file, root, "expected the key 'rules' or 'extends'");
  if (extends)
    if (Error error = readExtends(file, *extends))
      return error;
  return rules ? readRules(file, *rules) : Error::success();
}

Error RecipeReader::readRules(const File &file, const YamlNode &list) {
  if (list.kind != YamlNode::Sequence)
    return makeError(file, list, "expected a list of rules, found " + list.describe());
  for (const YamlNode &item : list.items)
    if (Error error = readRule(file, item))
      return error;
  return Error::success();
}

Error RecipeReader::readRule(const File &file, const YamlNode &node) {
  if (node.kind != YamlNode::Mapping)
    return makeError(file, node,
                     "expected a rule, a map with the key 'select', found " + node.describe());
  Rule rule;
  bool hasSelector = false;
  auto readEntry = [&](const YamlEntry &entry) -> Error {
    StringRef key = entry.key.text;
    if (key == "quantize")
      return readSpec<QuantizeSpec, QuantizeSpecBuilder>(file, entry.value, "quantize", "a format",
                                                         readQuantizeText, rule.quantize);
    if (key == "prune")
      return readSpecs<PruneSpec, PruneSpecBuilder>(file, entry.value, "prune", "a pattern",
                                                    readPruneText, rule.prune);
    if (key == "low_rank")
      return readSpec<LowRankSpec, LowRankSpecBuilder>(file, entry.value, "low_rank", "a target",
                                                       readLowRankText, rule.lowRank);
    if (key == "share")
      return readSpecs<ShareSpec, ShareSpecBuilder>(file, entry.value, "share", "a kind",
                                                    readShareText, rule.share);
    if (key != "select")
      return makeError(
          file, entry.key,
          makeUnknown("key", key, {"select", "quantize", "prune", "low_rank", "share"}));
    hasSelector = true;
    return readSelector(file, entry.value, rule.select);
  };
  for (const YamlEntry &entry : node.entries)
    if (Error error = readEntry(entry))
      return error;
  if (!hasSelector)
    return makeError(file, node, "the rule has no 'select'; 'select: all' selects every layer");
  if (!rule.quantize.isGiven() && !rule.prune.isGiven() && !rule.lowRank.isGiven() &&
      !rule.share.isGiven())
    return makeError(file, node,
                     "the rule says nothing, expected 'quantize', 'prune', 'low_rank' or 'share'");
  recipe.rules.push_back(std::move(rule));
  return Error::success();
}

Error RecipeReader::readPositive(const File &file, const YamlNode &node, StringRef key,
                                 std::optional<int64_t> &result) {
  int64_t value = 0;
  if (node.kind != YamlNode::Scalar || node.quoted ||
      StringRef(node.text).getAsInteger(10, value) || value < 1)
    return makeError(file, node, key + " is " + node.describe() + ", expected a positive number");
  result = value;
  return Error::success();
}

Error RecipeReader::readSelector(const File &file, const YamlNode &node, Selector &selector) {
  if (node.kind == YamlNode::Scalar && node.text == "all")
    return Error::success();
  if (node.kind != YamlNode::Mapping || node.entries.empty())
    return makeError(
        file, node,
        "expected 'all' or a map of op, name, first, last, head, min_elements, found " +
            (node.kind == YamlNode::Mapping ? "an empty map" : node.describe()));
  for (const YamlEntry &entry : node.entries) {
    StringRef key = entry.key.text;
    const YamlNode &value = entry.value;
    std::optional<int64_t> *number = key == "first"          ? &selector.first
                                     : key == "last"         ? &selector.last
                                     : key == "min_elements" ? &selector.minElements
                                                             : nullptr;
    if (key == "head") {
      if (value.kind != YamlNode::Scalar || value.quoted ||
          (value.text != "true" && value.text != "false"))
        return makeError(file, value, "head is " + value.describe() + ", expected true or false");
      selector.head = value.text == "true";
      continue;
    }
    if (number) {
      if (Error error = readPositive(file, value, key, *number))
        return error;
      continue;
    }
    if (key != "op" && key != "name")
      return makeError(
          file, entry.key,
          makeUnknown("key", key, {"op", "name", "first", "last", "head", "min_elements"}));
    SmallVector<const YamlNode *, 4> items = getScalars(value);
    if (items.empty())
      return makeError(file, value,
                       key + " is " + value.describe() + ", expected a word or a list");
    for (const YamlNode *item : items) {
      if (item->kind != YamlNode::Scalar)
        return makeError(file, *item,
                         "expected a word in '" + key + "', found " + item->describe());
      if (key == "op") {
        std::optional<LayerKind> kind = parseLayerKind(item->text);
        if (!kind)
          return makeError(
              file, *item,
              makeUnknown("op", item->text,
                          {"linear", "matmul", "conv", "conv_transpose", "embedding"}));
        selector.ops.push_back(*kind);
        continue;
      }
      Expected<NamePattern> pattern = NamePattern::create(item->text);
      if (!pattern)
        return makeError(file, *item, toString(pattern.takeError()));
      selector.names.push_back(std::move(*pattern));
    }
  }
  return Error::success();
}

/// Reads a map of scalars into `builder`. Numbers and booleans must not be in quotes.
template <typename Builder, typename Fn>
static Error feedEntries(const YamlNode &node, Builder &builder, Fn makeError) {
  for (const YamlEntry &entry : node.entries) {
    StringRef key = entry.key.text;
    if (!is_contained(Builder::getKeys(), key))
      return makeError(entry.key, makeUnknown("key", key, Builder::getKeys()));
    StringRef expected = Builder::getValueKind(key);
    if (entry.value.kind != YamlNode::Scalar ||
        (entry.value.quoted && expected != "a word" && entry.value.text != "channel"))
      return makeError(
          entry.value,
          Problem{RecipeErrorKind::BadInput,
                  (key + " is " + entry.value.describe() + ", expected " + expected).str()});
    if (MaybeProblem problem = builder.set(key, entry.value.text))
      return makeError(entry.value, *problem);
  }
  return Error::success();
}

/// A map, the text of a flag, or `none`.
template <typename Spec, typename Builder>
Error RecipeReader::readSpec(const File &file, const YamlNode &node, StringRef key,
                             StringRef expected,
                             MaybeProblem (*readText)(StringRef, Setting<Spec> &),
                             Setting<Spec> &setting) {
  auto fail = [&](const YamlNode &at, const Problem &problem) {
    return makeError(file, at, problem);
  };
  if (node.kind == YamlNode::Scalar) {
    MaybeProblem problem = readText(node.text, setting);
    return problem ? fail(node, *problem) : Error::success();
  }
  if (node.kind != YamlNode::Mapping)
    return makeError(file, node,
                     key + " is " + node.describe() + ", expected " + expected +
                         ", a map or 'none'");
  Builder builder;
  Spec spec;
  if (Error error = feedEntries(node, builder, fail))
    return error;
  if (MaybeProblem problem = builder.finish(spec))
    return fail(node, *problem);
  setting = spec;
  return Error::success();
}

/// A list of maps and texts, or one of them, or `none`.
template <typename Spec, typename Builder>
Error RecipeReader::readSpecs(const File &file, const YamlNode &node, StringRef key,
                              StringRef expected,
                              MaybeProblem (*readText)(StringRef, Setting<std::vector<Spec>> &),
                              Setting<std::vector<Spec>> &setting) {
  auto fail = [&](const YamlNode &at, const Problem &problem) {
    return makeError(file, at, problem);
  };
  if (node.kind == YamlNode::Scalar) {
    MaybeProblem problem = readText(node.text, setting);
    return problem ? fail(node, *problem) : Error::success();
  }
  std::vector<Spec> specs;
  auto readOne = [&](const YamlNode &item) -> Error {
    Spec spec;
    if (item.kind == YamlNode::Scalar) {
      Setting<std::vector<Spec>> text;
      if (MaybeProblem problem = readText(item.text, text))
        return fail(item, *problem);
      if (text.isNone() || text.getSpec()->size() != 1)
        return fail(item, makeBad("expected one " + expected.drop_front(2) + ", found " +
                                  quote(item.text)));
      spec = text.getSpec()->front();
    } else if (item.kind == YamlNode::Mapping) {
      Builder builder;
      if (Error error = feedEntries(item, builder, fail))
        return error;
      if (MaybeProblem problem = builder.finish(spec))
        return fail(item, *problem);
    } else {
      return makeError(file, item,
                       key + " is " + item.describe() + ", expected " + expected +
                           ", a map or 'none'");
    }
    MaybeProblem problem = addSpec(specs, spec);
    return problem ? fail(item, *problem) : Error::success();
  };
  if (node.kind != YamlNode::Sequence) {
    if (Error error = readOne(node))
      return error;
  } else {
    for (const YamlNode &item : node.items)
      if (Error error = readOne(item))
        return error;
    if (specs.empty())
      return makeError(file, node,
                       key + " is an empty list, expected " + expected + ", a map or 'none'");
  }
  setting = specs;
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

Expected<Recipe> parseRecipe(StringRef text, StringRef fileName, StringRef baseDir) {
  RecipeReader reader;
  if (Error error = reader.read(text, fileName, baseDir))
    return std::move(error);
  return std::move(reader.recipe);
}

Expected<Recipe> loadRecipe(StringRef path) {
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return make_error<RecipeError>(RecipeErrorKind::BadInput, toString(file.takeError()));
  RecipeReader reader;
  if (Error error = reader.read(**file))
    return std::move(error);
  return std::move(reader.recipe);
}

} // namespace mlir::compress
