//===- DependencyGraph.cpp - what must be removed together -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/DependencyGraph.h"
#include "DependencyUnits.h"
#include "llvm/ADT/SetVector.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

StringRef mlir::compress::getName(GroupKind kind) {
  switch (kind) {
  case GroupKind::Head:
    return "head";
  case GroupKind::Neuron:
    return "neuron";
  case GroupKind::Channel:
    return "channel";
  }
  llvm_unreachable("all kinds are handled");
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

namespace mlir {
namespace compress {
/// Makes the groups of a graph from the units of its spaces.
class DependencyGraphBuilder {
public:
  DependencyGraphBuilder(DependencyGraph &graph, SpaceGraph &spaces, UnitFinder &finder)
      : graph(graph), spaces(spaces), finder(finder) {}

  void build() {
    findSignatures();
    makeGroups();
    for (size_t space = 0; space < spaces.spaces.size(); ++space)
      fillMembers(space);
    graph.spaces = std::move(spaces.spaces);
    graph.weighted = std::move(spaces.weighted);
    graph.spaceOf = std::move(spaces.spaceOf);
    indexWeights();
    for (DependencyGroup &group : graph.groups)
      finish(group);
  }

private:
  void findSignatures();
  void makeGroups();
  void fillMembers(size_t space);
  void indexWeights();
  void finish(DependencyGroup &group);
  GroupKind findKind(const DependencyGroup &group, ArrayRef<GroupWeight> weights);

  DependencyGraph &graph;
  SpaceGraph &spaces;
  UnitFinder &finder;
  /// The spaces that a unit occurs in, as a node of the tree of all such lists: 0 is the empty one.
  struct Signature {
    uint32_t parent;
    size_t space;
  };
  std::vector<Signature> signatures{{0, 0}};
  std::vector<uint32_t> signatureOf;
};
} // namespace compress
} // namespace mlir

void DependencyGraphBuilder::findSignatures() {
  llvm::DenseMap<std::pair<uint32_t, size_t>, uint32_t> known;
  signatureOf.assign(finder.getNumIndices(), 0);
  for (size_t space = 0; space < spaces.spaces.size(); ++space)
    for (int64_t i = 0, size = spaces.spaces[space].size; i < size; ++i) {
      uint32_t &signature = signatureOf[finder.getRoot(space, i)];
      if (signature != 0 && signatures[signature].space == space)
        continue;
      auto [it, isNew] = known.try_emplace({signature, space}, signatures.size());
      if (isNew)
        signatures.push_back({signature, space});
      signature = it->second;
    }
}

void DependencyGraphBuilder::makeGroups() {
  static constexpr size_t kNone = ~size_t(0);
  std::vector<size_t> groupOf(signatures.size(), kNone);
  std::vector<int64_t> unitOf(finder.getNumIndices(), -1);
  for (auto [space, info] : llvm::enumerate(spaces.spaces)) {
    std::vector<DependencyGraph::UnitRef> &refs = graph.units.emplace_back(info.size);
    for (int64_t i = 0; i < info.size; ++i) {
      size_t root = finder.getRoot(space, i);
      size_t &group = groupOf[signatureOf[root]];
      if (group == kNone) {
        group = graph.groups.size();
        DependencyGroup &created = graph.groups.emplace_back();
        for (uint32_t s = signatureOf[root]; s != 0; s = signatures[s].parent)
          created.members.emplace_back().space = signatures[s].space;
        std::reverse(created.members.begin(), created.members.end());
        // All units of these spaces are blocked, or none.
        if (const BlockReason *reason = finder.getReason(root)) {
          created.blockedReason = reason->text;
          created.blockedBy = reason->op;
        }
      }
      if (unitOf[root] < 0)
        unitOf[root] = graph.groups[group].numUnits++;
      refs[i] = {group, unitOf[root]};
    }
  }
}

/// Sorts the indices of a space by group and unit.
void DependencyGraphBuilder::fillMembers(size_t space) {
  ArrayRef<DependencyGraph::UnitRef> refs = graph.units[space];
  llvm::DenseMap<size_t, DependencyGroup::Member *> members;
  auto getMember = [&](size_t group) -> DependencyGroup::Member & {
    DependencyGroup::Member *&member = members[group];
    if (!member)
      member = llvm::find_if(graph.groups[group].members,
                             [&](const auto &candidate) { return candidate.space == space; });
    return *member;
  };
  for (DependencyGraph::UnitRef ref : refs) {
    DependencyGroup::Member &member = getMember(ref.group);
    if (member.offsets.empty())
      member.offsets.resize(graph.groups[ref.group].numUnits + 1);
    ++member.offsets[ref.unit + 1];
  }
  for (auto &[group, member] : members) {
    std::partial_sum(member->offsets.begin(), member->offsets.end(), member->offsets.begin());
    member->indices.resize(member->offsets.back());
  }
  // Offsets serve as positions and are moved back at the end.
  for (auto [index, ref] : llvm::enumerate(refs)) {
    DependencyGroup::Member &member = getMember(ref.group);
    member.indices[member.offsets[ref.unit]++] = static_cast<int64_t>(index);
  }
  for (auto &[group, member] : members) {
    std::rotate(member->offsets.begin(), member->offsets.end() - 1, member->offsets.end());
    member->offsets.front() = 0;
  }
}

void DependencyGraphBuilder::indexWeights() {
  graph.weightsOf.resize(graph.spaces.size());
  for (auto [i, op] : llvm::enumerate(graph.weighted))
    for (int64_t dim = 0, rank = op.chain.getType().getRank(); dim < rank; ++dim)
      if (std::optional<size_t> space = graph.findSpace(op.chain.root, dim))
        graph.weightsOf[*space].push_back(i);
}

static bool isLinear(const WeightedOp &op) {
  return op.kindName == "linear" || op.kindName == "matmul";
}

GroupKind DependencyGraphBuilder::findKind(const DependencyGroup &group,
                                           ArrayRef<GroupWeight> weights) {
  for (const DependencyGroup::Member &member : group.members)
    if (spaces.isHead[member.space])
      return GroupKind::Head;
  size_t producers = 0, consumers = 0;
  for (const GroupWeight &weight : weights) {
    if (!isLinear(weight.op))
      return GroupKind::Channel;
    ++(weight.isOutput ? producers : consumers);
  }
  return producers >= 1 && consumers == 1 ? GroupKind::Neuron : GroupKind::Channel;
}

void DependencyGraphBuilder::finish(DependencyGroup &group) {
  std::vector<GroupWeight> weights = graph.getWeights(group);
  group.kind = findKind(group, weights);
  if (!group.blockedReason.empty())
    return;
  if (weights.empty())
    group.blockedReason = "no weight depends on it";
  else if (group.numUnits < 2)
    group.blockedReason = "it is a single unit";
}

DependencyGraph::DependencyGraph(ModuleOp module) {
  module->walk<WalkOrder::PreOrder>([&](Operation *op) { order.try_emplace(op, order.size()); });
  SpaceGraph spaceGraph = collectSpaces(module);
  UnitFinder finder(spaceGraph);
  finder.run();
  DependencyGraphBuilder(*this, spaceGraph, finder).build();
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

std::optional<size_t> DependencyGraph::findSpace(Value value, int64_t dim, Operation *user) const {
  for (Operation *key : {static_cast<Operation *>(nullptr), user}) {
    auto it = spaceOf.find({value, dim, key});
    if (it != spaceOf.end())
      return it->second;
  }
  return std::nullopt;
}

DependencyGraph::UnitRef DependencyGraph::findUnit(size_t space, int64_t index) const {
  return units[space][index];
}

/// Whether dim `dim` of the weight is one of output channels.
static bool isOutputDim(const WeightedOp &op, int64_t dim) {
  // The columns of an embedding are its outputs; nothing is contracted.
  if (op.kindName == "embedding")
    return llvm::is_contained(op.contractionDims, dim);
  return !llvm::is_contained(op.contractionDims, dim);
}

std::vector<GroupWeight> DependencyGraph::getWeights(const DependencyGroup &group) const {
  // Weights of the spaces of the group.
  llvm::SmallDenseSet<size_t> candidates;
  llvm::DenseMap<size_t, size_t> positions;
  for (auto [position, member] : llvm::enumerate(group.members)) {
    positions[member.space] = position;
    candidates.insert(weightsOf[member.space].begin(), weightsOf[member.space].end());
  }
  SmallVector<size_t> sorted(candidates.begin(), candidates.end());
  llvm::sort(sorted);
  std::vector<GroupWeight> result;
  for (size_t i : sorted) {
    const WeightedOp &op = weighted[i];
    for (int64_t dim = 0, rank = op.chain.getType().getRank(); dim < rank; ++dim) {
      std::optional<size_t> space = findSpace(op.chain.root, dim);
      auto it = space ? positions.find(*space) : positions.end();
      if (it != positions.end())
        result.push_back({op, dim, isOutputDim(op, dim), it->second});
    }
  }
  return result;
}

std::vector<GroupParameter> DependencyGraph::getParameters(const DependencyGroup &group) const {
  std::vector<GroupParameter> found;
  auto add = [&](auto &add, Operation *user, Value value, int64_t dim, size_t member) -> void {
    auto mask = dyn_cast<MaskOp>(user);
    if (!mask) {
      found.push_back({user, value, dim, member});
      return;
    }
    // What masks is no parameter; what is masked is one for the users of the result.
    if (mask.getInput() != value)
      return;
    llvm::SmallSetVector<Operation *, 4> users(mask->user_begin(), mask->user_end());
    for (Operation *next : users)
      add(add, next, mask.getResult(), dim, member);
  };
  for (auto [position, member] : llvm::enumerate(group.members))
    for (const DimUse &use : spaces[member.space].dims)
      if (use.user)
        add(add, use.user, use.value, use.dim, position);
  std::vector<std::pair<size_t, size_t>> sorted;
  for (auto [i, parameter] : llvm::enumerate(found))
    sorted.push_back({order.lookup(parameter.user), i});
  llvm::sort(sorted);
  std::vector<GroupParameter> result;
  for (auto [position, i] : sorted)
    result.push_back(found[i]);
  return result;
}
