//===- DependencyUnits.cpp - indices that are removed together -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DependencyUnits.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::compress;

/// How often choices are reconsidered.
static constexpr int kMaxRounds = 8;

/// Whether every index of the part is in the whole, and the other way round.
static std::pair<bool, bool> checkTotal(const IndexRelation &relation, int64_t wholeSize) {
  std::vector<bool> seen(wholeSize);
  bool isPartTotal = true;
  int64_t count = 0;
  for (int64_t index : relation.map) {
    if (index < 0) {
      isPartTotal = false;
    } else if (!seen[index]) {
      seen[index] = true;
      ++count;
    }
  }
  return {isPartTotal, count == wholeSize};
}

UnitFinder::UnitFinder(const SpaceGraph &graph)
    : graph(graph), reasons(graph.reasons), blockedBefore(graph.blocked) {
  size_t total = 0;
  for (const DependencySpace &space : graph.spaces) {
    offsets.push_back(total);
    total += space.size;
  }
  parents.resize(total);
  for (const IndexRelation &relation : graph.indexRelations)
    isTotal.push_back(checkTotal(relation, getSize(relation.whole)));
  for (const ProductRelation &product : graph.products)
    choices.push_back(makeChoices(product));
}

size_t UnitFinder::find(size_t index) {
  while (parents[index] != index) {
    parents[index] = parents[parents[index]];
    index = parents[index];
  }
  return index;
}

void UnitFinder::unite(size_t a, size_t b) {
  a = find(a);
  b = find(b);
  parents[std::max(a, b)] = static_cast<uint32_t>(std::min(a, b));
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

namespace {
/// A dim of a flattened side: index `x` of the flat side is index `x / stride % size` of it.
struct FlatDim {
  size_t space, position;
  int64_t stride, size;
};
} // namespace

/// Row-major dims of one side; empty if there are too many elements.
static SmallVector<FlatDim, 4> flatten(const SpaceGraph &graph, ArrayRef<size_t> side,
                                       size_t firstPosition) {
  SmallVector<FlatDim, 4> dims(side.size());
  int64_t stride = 1;
  for (size_t i = side.size(); i-- > 0;) {
    int64_t size = graph.spaces[side[i]].size;
    dims[i] = {side[i], firstPosition + i, stride, size};
    std::optional<int64_t> next = llvm::checkedMul(stride, size);
    if (!next || size == 0)
      return {};
    stride = *next;
  }
  return dims;
}

SmallVector<UnitFinder::Choice, 4> UnitFinder::makeChoices(const ProductRelation &product) const {
  SmallVector<FlatDim, 4> lhs = flatten(graph, product.lhs, 0);
  SmallVector<FlatDim, 4> rhs = flatten(graph, product.rhs, product.lhs.size());
  SmallVector<Choice, 4> result;
  auto add = [&](ArrayRef<FlatDim> side, ArrayRef<FlatDim> other) {
    if (side.size() < 2)
      return;
    for (const FlatDim &dim : side) {
      if (dim.size == 1)
        continue;
      // The index of `whole` determines that of `dim`.
      const FlatDim *whole = llvm::find_if(other, [&](const FlatDim &whole) {
        return dim.stride % whole.stride == 0 &&
               whole.stride * whole.size % (dim.stride * dim.size) == 0;
      });
      if (whole != other.end())
        result.push_back({dim.space, whole->space, dim.stride / whole->stride, dim.size,
                          dim.position, whole->position});
    }
  };
  // First the side that a reshape cuts a dim into.
  add(rhs, lhs);
  add(lhs, rhs);
  return result;
}

void UnitFinder::freeze(const ProductRelation &product, const Choice &choice) {
  SmallVector<size_t, 4> spaces(product.lhs.begin(), product.lhs.end());
  llvm::append_range(spaces, product.rhs);
  for (auto [position, space] : llvm::enumerate(spaces)) {
    if (position == choice.chosenPosition || position == choice.followerPosition ||
        blocked[space] >= 0)
      continue;
    blocked[space] = static_cast<int64_t>(reasons.size());
    reasons.push_back({"a reshape splits this dim of " + std::to_string(getSize(space)) +
                           " together with one of " + std::to_string(choice.size) +
                           ", whose indices are units",
                       product.op});
  }
}

void UnitFinder::chooseDims() {
  blocked = blockedBefore;
  reasons.resize(graph.reasons.size());
  current.assign(choices.size(), nullptr);
  llvm::DenseSet<size_t> chosen;
  for (auto [product, options, taken] : llvm::zip_equal(graph.products, choices, current)) {
    for (Choice &option : options) {
      if (option.isRejected || blocked[option.chosen] >= 0 || blocked[option.follower] >= 0)
        continue;
      if (!taken || (chosen.contains(option.chosen) && !chosen.contains(taken->chosen)))
        taken = &option;
    }
    if (taken) {
      chosen.insert(taken->chosen);
      freeze(product, *taken);
      continue;
    }
    // Nothing can be removed.
    SmallVector<size_t, 4> spaces(product.lhs.begin(), product.lhs.end());
    llvm::append_range(spaces, product.rhs);
    const size_t *known = llvm::find_if(spaces, [&](size_t space) { return blocked[space] >= 0; });
    int64_t reason = known == spaces.end() ? reasons.size() : blocked[*known];
    if (known == spaces.end())
      reasons.push_back({"a reshape mixes this dim with others", product.op});
    for (size_t space : spaces)
      if (blocked[space] < 0)
        blocked[space] = reason;
  }
}

bool UnitFinder::isUseless(size_t space) {
  std::optional<size_t> first;
  for (int64_t i = 0, size = getSize(space); i < size; ++i) {
    size_t root = getRoot(space, i);
    if (rootBlocked[root] >= 0)
      continue;
    if (first && *first != root)
      return false;
    first = root;
  }
  return true;
}

bool UnitFinder::rejectChoices() {
  bool isChanged = false;
  for (auto [options, taken] : llvm::zip_equal(choices, current)) {
    if (!taken || !isUseless(taken->chosen))
      continue;
    bool hasOther = llvm::any_of(options, [&, chosen = taken](const Choice &option) {
      return &option != chosen && !option.isRejected && blockedBefore[option.chosen] < 0 &&
             blockedBefore[option.follower] < 0;
    });
    if (!hasOther)
      continue;
    taken->isRejected = true;
    isChanged = true;
  }
  return isChanged;
}

//===----------------------------------------------------------------------===//
// Blocked spaces
//===----------------------------------------------------------------------===//

/// Blocks `space` as `other` is.
bool UnitFinder::blockLike(size_t space, size_t other) {
  if (blockedBefore[space] >= 0 || blockedBefore[other] < 0)
    return false;
  blockedBefore[space] = blockedBefore[other];
  return true;
}

/// A side of one dim is blocked if and only if all dims of the other side are.
bool UnitFinder::propagate(const ProductRelation &product) {
  bool isChanged = false;
  auto propagateSides = [&](ArrayRef<size_t> one, ArrayRef<size_t> other) {
    if (one.size() != 1)
      return;
    for (size_t space : other)
      isChanged |= blockLike(space, one[0]);
    if (llvm::all_of(other, [&](size_t space) { return blockedBefore[space] >= 0; }))
      isChanged |= blockLike(one[0], other[0]);
  };
  propagateSides(product.lhs, product.rhs);
  propagateSides(product.rhs, product.lhs);
  return isChanged;
}

void UnitFinder::propagateBlocks() {
  auto propagateIndices = [&](size_t i) {
    const IndexRelation &relation = graph.indexRelations[i];
    bool isNew = isTotal[i].first && blockLike(relation.part, relation.whole);
    return (isTotal[i].second && blockLike(relation.whole, relation.part)) || isNew;
  };
  bool isChanged = true;
  while (isChanged) {
    isChanged = false;
    for (size_t i = 0; i < graph.indexRelations.size(); ++i)
      isChanged |= propagateIndices(i);
    for (const BlockRelation &relation : graph.blockRelations)
      isChanged |= blockLike(relation.a, relation.b) || blockLike(relation.b, relation.a);
    for (const ProductRelation &product : graph.products)
      isChanged |= propagate(product);
    // What came from further down is brought up in one go, too.
    for (const ProductRelation &product : llvm::reverse(graph.products))
      isChanged |= propagate(product);
    for (size_t i = graph.indexRelations.size(); i-- > 0;)
      isChanged |= propagateIndices(i);
  }
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

void UnitFinder::tieIndices() {
  for (auto [index, parent] : llvm::enumerate(parents))
    parent = static_cast<uint32_t>(index);
  for (const IndexRelation &relation : graph.indexRelations)
    for (auto [i, index] : llvm::enumerate(relation.map))
      if (index >= 0)
        unite(offsets[relation.part] + i, offsets[relation.whole] + index);
  for (const BlockRelation &relation : graph.blockRelations)
    for (int64_t block = 0, count = getSize(relation.a) / relation.sizeA; block < count; ++block) {
      size_t first = offsets[relation.a] + block * relation.sizeA;
      for (int64_t i = 1; i < relation.sizeA; ++i)
        unite(first, first + i);
      for (int64_t i = 0; i < relation.sizeB; ++i)
        unite(first, offsets[relation.b] + block * relation.sizeB + i);
    }
  for (const Choice *choice : current)
    if (choice)
      for (int64_t i = 0, size = getSize(choice->follower); i < size; ++i)
        unite(offsets[choice->follower] + i,
              offsets[choice->chosen] + i / choice->ratio % choice->size);
  rootBlocked.assign(parents.size(), -1);
  for (auto [space, reason] : llvm::enumerate(blocked)) {
    if (reason < 0)
      continue;
    for (int64_t i = 0, size = getSize(space); i < size; ++i) {
      int64_t &known = rootBlocked[getRoot(space, i)];
      known = known < 0 ? reason : std::min(known, reason);
    }
  }
}

void UnitFinder::run() {
  propagateBlocks();
  for (int round = 0; round < kMaxRounds; ++round) {
    chooseDims();
    tieIndices();
    if (!rejectChoices())
      return;
  }
}
