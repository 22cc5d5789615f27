//===- GroupPrinter.cpp - groups as text and as DOT -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/DependencyGraph.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// The op's name without the dialect; the operator of an ONNX node.
static StringRef getKindName(Operation *op) {
  if (auto onnx = dyn_cast<OnnxOp>(op))
    return onnx.getOpType();
  StringRef name = op->getName().getStringRef();
  name.consume_front("compress.");
  return name;
}

/// ` "name"` if the op has one.
static std::string getQuotedName(Operation *op) {
  for (StringRef key : {"node_name", "name", "sym_name"})
    if (auto name = op->getAttrOfType<StringAttr>(key); name && !name.empty())
      return " \"" + name.str() + "\"";
  return "";
}

static std::string describe(Operation *op) { return getKindName(op).str() + getQuotedName(op); }

/// Name of what a weight or parameter is stored in.
static std::string getStoredName(Value value) {
  FailureOr<WeightChain> chain = getWeightChain(value);
  if (failed(chain))
    return "value";
  return (isa<LoadOp>(chain->source.getOperation()) ? "@" : "") + chain->getSourceName();
}

/// Indices of the unit that has fewest, and of the one that has most.
static std::pair<int64_t, int64_t> countIndices(const DependencyGroup &group, size_t member) {
  int64_t low = std::numeric_limits<int64_t>::max(), high = 0;
  for (int64_t unit = 0; unit < group.numUnits; ++unit) {
    int64_t count = static_cast<int64_t>(group.members[member].getIndices(unit).size());
    low = std::min(low, count);
    high = std::max(high, count);
  }
  return {low, high};
}

/// "1 index per unit", "2 to 4 indices per unit".
static std::string describeIndices(const DependencyGroup &group, size_t member) {
  auto [low, high] = countIndices(group, member);
  std::string text = std::to_string(low);
  if (high != low)
    text += " to " + std::to_string(high);
  return text + (high == 1 ? " index per unit" : " indices per unit");
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

/// Whether the op is part of a stored value: a source, a decode link, a transpose of a weight.
static bool isStoredPart(Operation *op) {
  if (isa<WeightSourceOpInterface>(op))
    return true;
  return isa<DecodeOpInterface, FakeQuantizeOp, TransposeOp>(op) &&
         succeeded(getWeightChain(op->getResult(0)));
}

/// Groups of kernel positions of convolutions are not shown.
static bool isShown(ArrayRef<GroupWeight> weights) {
  return llvm::any_of(weights, [](const GroupWeight &weight) {
    return weight.dim < 2 || !weight.op.kindName.starts_with("conv");
  });
}

/// Ops that have dims of the group, in program order.
static SmallVector<Operation *> getOps(const DependencyGraph &graph, const DependencyGroup &group) {
  llvm::SmallSetVector<Operation *, 16> ops;
  auto add = [&](Operation *op) {
    if (op && !isStoredPart(op) && !op->hasTrait<OpTrait::IsTerminator>())
      ops.insert(op);
  };
  for (const DependencyGroup::Member &member : group.members)
    for (const DimUse &use : graph.getSpaces()[member.space].dims) {
      add(use.value.getDefiningOp());
      if (use.user)
        add(use.user);
      else
        for (Operation *user : use.value.getUsers())
          add(user);
    }
  SmallVector<Operation *> result(ops.begin(), ops.end());
  llvm::sort(result, [&](Operation *a, Operation *b) {
    return graph.getPosition(a) < graph.getPosition(b);
  });
  return result;
}

/// A line per entry: a weight dim of a weighted op, or another op with its parameters.
static std::vector<std::string> describeEntries(const DependencyGraph &graph,
                                                const DependencyGroup &group) {
  llvm::DenseMap<Operation *, SmallVector<std::string, 1>> weights;
  for (const GroupWeight &weight : graph.getWeights(group))
    weights[weight.op.op].push_back(
        ((weight.isOutput ? "output dim " : "input dim ") + Twine(weight.dim) + " of " +
         getKindName(weight.op.op) + " \"" + weight.op.name + "\" (weight " +
         getStoredName(weight.op.chain.root) + ", " + describeIndices(group, weight.member) + ")")
            .str());
  llvm::DenseMap<Operation *, SmallVector<std::string, 1>> parameters;
  for (const GroupParameter &parameter : graph.getParameters(group))
    parameters[parameter.user].push_back(
        (getStoredName(parameter.value) + " dim " + Twine(parameter.dim)).str());
  std::vector<std::string> entries;
  for (Operation *op : getOps(graph, group)) {
    std::string uses = llvm::join(parameters.lookup(op), ", ");
    auto lines = weights.find(op);
    if (lines == weights.end()) {
      entries.push_back(describe(op) + (uses.empty() ? "" : " (parameters " + uses + ")"));
      continue;
    }
    for (auto [i, line] : llvm::enumerate(lines->second))
      entries.push_back(line + (i > 0 || uses.empty() ? "" : ", parameters " + uses));
  }
  return entries;
}

static std::string getStatus(const DependencyGroup &group) {
  if (group.isPrunable())
    return "prunable";
  std::string text = "blocked: " + group.blockedReason;
  if (group.blockedBy)
    text += " (" + describe(group.blockedBy) + ")";
  return text;
}

/// "group 3: channel, 64 units, prunable, 16 entries".
static std::string getTitle(size_t number, const DependencyGroup &group, size_t entries) {
  return ("group " + Twine(number) + ": " + getName(group.kind) + ", " + Twine(group.numUnits) +
          (group.numUnits == 1 ? " unit, " : " units, ") + getStatus(group) + ", " +
          Twine(entries) + (entries == 1 ? " entry" : " entries"))
      .str();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

PrunableShare mlir::compress::getPrunableShare(const DependencyGraph &graph) {
  PrunableShare share;
  llvm::DenseSet<const void *> seen;
  for (const WeightedOp &op : graph.getWeightedOps()) {
    Operation *source = WeightSourceOpInterface(op.chain.source).getOperation();
    auto load = dyn_cast<LoadOp>(source);
    if (!seen.insert(load ? load.getWeightAttr().getAsOpaquePointer() : source).second)
      continue;
    // What no prunable unit touches is a box.
    RankedTensorType type = op.chain.getType();
    int64_t untouched = 1;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      int64_t size = type.getDimSize(dim), blocked = size;
      if (std::optional<size_t> space = graph.findSpace(op.chain.root, dim))
        for (int64_t i = 0; i < size; ++i)
          blocked -= graph.getGroups()[graph.findUnit(*space, i).group].isPrunable();
      untouched *= blocked;
    }
    share.total += type.getNumElements();
    share.prunable += type.getNumElements() - untouched;
  }
  return share;
}

void mlir::compress::printGroups(const DependencyGraph &graph, llvm::raw_ostream &os) {
  size_t shown = 0, prunable = 0;
  for (auto [number, group] : llvm::enumerate(graph.getGroups())) {
    if (!isShown(graph.getWeights(group)))
      continue;
    ++shown;
    prunable += group.isPrunable();
    std::vector<std::string> entries = describeEntries(graph, group);
    os << getTitle(number, group, entries.size()) << '\n';
    for (const std::string &entry : entries)
      os << "  " << entry << '\n';
    os << '\n';
  }
  PrunableShare share = getPrunableShare(graph);
  os << prunable << " of " << shown << " groups with weights are prunable\n"
     << "prunable parameters: " << share.prunable << " of " << share.total << " ("
     << llvm::format("%.1f", share.getPercent()) << " %)\n";
}

//===----------------------------------------------------------------------===//
// DOT
//===----------------------------------------------------------------------===//

/// A quoted DOT string.
static std::string quote(StringRef text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + '"';
}

void mlir::compress::printGroupsAsDot(const DependencyGraph &graph, llvm::raw_ostream &os) {
  os << "digraph groups {\n  rankdir=LR;\n  node [shape=box];\n";
  for (auto [number, group] : llvm::enumerate(graph.getGroups())) {
    if (!isShown(graph.getWeights(group)))
      continue;
    std::vector<std::string> entries = describeEntries(graph, group);
    os << "  subgraph cluster_" << number
       << " {\n    label=" << quote(getTitle(number, group, entries.size()))
       << ";\n    color=" << (group.isPrunable() ? "green" : "red") << ";\n";
    for (auto [i, entry] : llvm::enumerate(entries))
      os << "    g" << number << "_" << i << " [label=" << quote(entry) << "];\n";
    for (size_t i = 1; i < entries.size(); ++i)
      os << "    g" << number << "_" << i - 1 << " -> g" << number << "_" << i << ";\n";
    os << "  }\n";
  }
  os << "}\n";
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

/// Names may be any bytes; JSON is UTF-8.
static std::string toUTF8(StringRef text) { return llvm::json::fixUTF8(text); }

void mlir::compress::printGroupsAsJSON(const DependencyGraph &graph, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, /*IndentSize=*/2);
  auto writeUse = [&](StringRef op, StringRef key, StringRef name, int64_t dim, StringRef role,
                      const DependencyGroup &group, size_t member) {
    json.object([&] {
      json.attribute("op", toUTF8(op));
      json.attribute(key, toUTF8(name));
      json.attribute("dim", dim);
      if (!role.empty())
        json.attribute("role", role);
      json.attribute("indices_per_unit", countIndices(group, member).second);
    });
  };
  json.arrayBegin();
  for (auto [i, entry] : llvm::enumerate(graph.getGroups())) {
    size_t number = i;
    const DependencyGroup &group = entry;
    std::vector<GroupWeight> weights = graph.getWeights(group);
    if (!isShown(weights))
      continue;
    json.object([&] {
      json.attribute("number", static_cast<int64_t>(number));
      json.attribute("kind", getName(group.kind));
      json.attribute("units", group.numUnits);
      json.attribute("prunable", group.isPrunable());
      json.attribute("reason", group.blockedReason);
      json.attribute("blocked_by", group.blockedBy ? toUTF8(describe(group.blockedBy)) : "");
      json.attributeArray("weights", [&] {
        for (const GroupWeight &weight : weights)
          writeUse(weight.op.name, "weight", weight.op.chain.getSourceName(), weight.dim,
                   weight.isOutput ? "output" : "input", group, weight.member);
      });
      json.attributeArray("parameters", [&] {
        for (const GroupParameter &parameter : graph.getParameters(group)) {
          FailureOr<WeightChain> chain = getWeightChain(parameter.value);
          writeUse(describe(parameter.user), "parameter",
                   succeeded(chain) ? chain->getSourceName() : "", parameter.dim, "", group,
                   parameter.member);
        }
      });
    });
  }
  json.arrayEnd();
  os << '\n';
}
