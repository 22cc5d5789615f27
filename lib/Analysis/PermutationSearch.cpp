//===- PermutationSearch.cpp - following channels by relations ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PermutationSearch.h"
#include "ChannelSearch.h"
#include "compress/Analysis/ChannelScaling.h"

using namespace mlir;
using namespace mlir::compress;

using Kind = DimensionRelation::Kind;

/// Values that one plan may go through.
static constexpr size_t kMaxPlaces = 4096;

static RankedTensorType getTensor(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}
static bool isConstant(Value value) { return succeeded(getWeightChain(value)); }

/// Ops that move elements, or work on each by itself: what they do with one dim of a value does not
/// depend on the indices of another.
static bool isPointwise(Operation *op) {
  return isa<ReshapeOp, TransposeOp, SqueezeOp, UnsqueezeOp, BroadcastOp, ConcatOp, SplitOp,
             SliceOp, GatherOp, AddOp, SubOp, MulOp, DivOp, MaxOp, MinOp, PowOp, PReluOp, ReluOp,
             LeakyReluOp, GeluOp, SigmoidOp, TanhOp, HardSwishOp, HardSigmoidOp, EluOp, ClipOp,
             WhereOp, CastOp, AbsOp, NegOp, ExpOp, ErfOp, SqrtOp>(op);
}

//===----------------------------------------------------------------------===//
// Labels
//===----------------------------------------------------------------------===//

void PermutationSearch::refine(const ChannelMap &map,
                               llvm::function_ref<int64_t(ArrayRef<int64_t>)> key) {
  std::map<std::pair<int32_t, int64_t>, int32_t> made;
  SmallVector<int64_t, 4> indices(map.dims.size(), 0);
  for (int32_t label : map.channel) {
    if (label >= 0) {
      auto [it, isNew] = made.try_emplace({colors[label], key(indices)}, numColors);
      numColors += isNew;
      colors[label] = it->second;
    }
    for (size_t i = indices.size(); i-- > 0;) {
      if (++indices[i] < map.sizes[i])
        break;
      indices[i] = 0;
    }
  }
}

void PermutationSearch::refineDim(const ChannelMap &map, int64_t dim) {
  size_t position = llvm::find(map.dims, dim) - map.dims.begin();
  refine(map, [&](ArrayRef<int64_t> indices) { return indices[position]; });
}

void PermutationSearch::projectDim(ChannelMap &map, int64_t dim) {
  refineDim(map, dim);
  map.project(dim, [&](int32_t a, int32_t b) {
    if (a >= 0 && b >= 0)
      unify(a, b);
  });
}

/// The opposite: what has one label at all indices of a new dim gets one for each.
bool PermutationSearch::extendDim(ChannelMap &map, int64_t dim, int64_t size) {
  size_t first = map.channel.size();
  if (failed(map.extend(dim, size)) ||
      parent.size() + map.channel.size() > static_cast<size_t>(ChannelMap::kMaxEntries))
    return fail("its channels are too many");
  std::map<std::pair<int32_t, int64_t>, int32_t> made;
  for (size_t i = 0; i < first; ++i) {
    int32_t label = map.channel[i * size];
    for (int64_t j = 1; j < size && label >= 0; ++j) {
      auto [it, isNew] = made.try_emplace({colors[label], j}, numColors);
      numColors += isNew;
      int32_t added = makeLabel(it->second);
      unify(label, added);
      map.channel[i * size + j] = added;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Moving across ops
//===----------------------------------------------------------------------===//

/// Index j of the new dim is index `getSource(j)` of the old one, or none of it (-1).
bool PermutationSearch::resample(ChannelMap &map, int64_t dim, int64_t size,
                                 llvm::function_ref<int64_t(int64_t)> getSource) {
  SmallVector<int64_t, 4> order(map.dims);
  order.erase(llvm::find(order, dim));
  order.push_back(dim);
  map.reorder(order);
  int64_t old = map.sizes.back(), outer = old ? map.channel.size() / old : 0;
  if (size > ChannelMap::kMaxEntries / std::max<int64_t>(1, outer))
    return fail("its channels are too many");
  std::vector<bool> isTaken(old, false);
  std::vector<int32_t> result(outer * size, kFree);
  for (int64_t j = 0; j < size; ++j) {
    int64_t source = getSource(j);
    if (source < 0)
      continue;
    isTaken[source] = true;
    for (int64_t o = 0; o < outer; ++o)
      result[o * size + j] = map.channel[o * old + source];
  }
  // Channels that are taken do not change places with those that are not.
  if (llvm::is_contained(isTaken, false))
    refine(map, [&](ArrayRef<int64_t> indices) -> int64_t { return isTaken[indices.back()]; });
  map.sizes.back() = size;
  map.channel = std::move(result);
  return true;
}

bool PermutationSearch::moveDim(const DimensionRelation &relation, Value from, int64_t dim,
                                ChannelMap &map, Value to) {
  bool isLhs = relation.lhs.front().value == from;
  const auto &mine = isLhs ? relation.lhs : relation.rhs;
  const auto &theirs = isLhs ? relation.rhs : relation.lhs;
  SmallVector<int64_t, 4> sizes;
  for (const DimOf &other : theirs) {
    sizes.push_back(getTensor(to).getDimSize(other.dim));
    if (ShapedType::isDynamic(sizes.back()))
      return fail("a channel dim is not static");
  }
  if (relation.kind != Kind::Product) {
    int64_t size = sizes.front(), old = map.getSize(dim);
    std::vector<int64_t> sources(size, -1);
    if (relation.kind == Kind::Blocks) {
      // A block of the one is tied to a block of the other as a whole.
      int64_t block = isLhs ? relation.start : relation.step;
      int64_t other = isLhs ? relation.step : relation.start;
      if (block > 1) {
        SmallVector<int64_t, 4> order(map.dims);
        order.erase(llvm::find(order, dim));
        order.push_back(dim);
        map.reorder(order);
        old /= block;
        map.sizes.back() = old;
        map.dims.push_back(dim + 2 * kMoved);
        map.sizes.push_back(block);
        projectDim(map, dim + 2 * kMoved);
      }
      for (int64_t j = 0; j < size; ++j)
        sources[j] = j / other;
    } else {
      for (int64_t i = 0, e = isLhs ? old : size; i < e; ++i) {
        int64_t whole =
            relation.indices.empty() ? relation.start + i * relation.step : relation.indices[i];
        if (whole < 0 || whole >= (isLhs ? size : old) || (isLhs && sources[whole] >= 0))
          return fail("an op takes channels twice");
        sources[isLhs ? whole : i] = isLhs ? i : whole;
      }
    }
    if (!resample(map, dim, size, [&](int64_t j) { return sources[j]; }))
      return false;
    map.rename(dim, theirs.front().dim + kMoved);
    return true;
  }
  // A reshape: dims of the group that the channels do not depend on are taken in.
  SmallVector<int64_t, 4> order;
  for (const DimOf &own : mine) {
    int64_t size = getTensor(from).getDimSize(own.dim);
    if (ShapedType::isDynamic(size))
      return fail("a reshape mixes channels with a dim that is not static");
    if (!map.hasDim(own.dim) && !extendDim(map, own.dim, size))
      return false;
    order.push_back(own.dim);
  }
  map.reshape(order, llvm::map_to_vector(theirs, [](const DimOf &dim) { return dim.dim + kMoved; }),
              sizes);
  return true;
}

/// Whether a relation ties dim `dim` of `from` to dims of `to`.
static bool relates(const DimensionRelation &relation, Value from, int64_t dim, Value to) {
  auto has = [&](ArrayRef<DimOf> mine, ArrayRef<DimOf> theirs) {
    return !theirs.empty() && theirs.front().value == to &&
           llvm::is_contained(mine, DimOf{from, dim});
  };
  return relation.kind != Kind::Fixed &&
         (has(relation.lhs, relation.rhs) || has(relation.rhs, relation.lhs));
}

static bool isSame(const DimensionRelation &a, const DimensionRelation &b) {
  return a.kind == b.kind && a.lhs == b.lhs && a.rhs == b.rhs && a.start == b.start &&
         a.step == b.step && a.indices == b.indices;
}

/// Whether the two dims have the same indices.
static bool isIdentity(const DimensionRelation &relation) {
  if (relation.kind != Kind::Affine || relation.start != 0 || relation.step != 1 ||
      !relation.indices.empty())
    return false;
  auto getSize = [](const DimOf &dim) { return getTensor(dim.value).getDimSize(dim.dim); };
  return getSize(relation.lhs.front()) == getSize(relation.rhs.front());
}

/// The dims of the op's values with the same indices as `start`, which is the first.
static SmallVector<DimOf, 4> getEqualDims(const DimensionRelations &relations, DimOf start) {
  SmallVector<DimOf, 4> dims{start};
  for (size_t i = 0; i < dims.size(); ++i)
    for (const DimensionRelation &relation : relations.get()) {
      if (!isIdentity(relation))
        continue;
      const DimOf &a = relation.lhs.front(), &b = relation.rhs.front();
      if (a == dims[i] && !llvm::is_contained(dims, b))
        dims.push_back(b);
      else if (b == dims[i] && !llvm::is_contained(dims, a))
        dims.push_back(a);
    }
  return dims;
}

/// How a dim is tied to `to` by way of other values of the op: through dims with the same indices,
/// and at most one other relation.
static std::optional<DimensionRelation> composeRelation(const DimensionRelations &relations,
                                                        DimOf from, Value to) {
  auto findIn = [&](ArrayRef<DimOf> dims) -> const DimOf * {
    const DimOf *it = llvm::find_if(dims, [&](const DimOf &dim) { return dim.value == to; });
    return it == dims.end() ? nullptr : it;
  };
  SmallVector<DimOf, 4> equal = getEqualDims(relations, from);
  DimensionRelation composed;
  if (const DimOf *dim = findIn(equal)) {
    composed.kind = Kind::Affine;
    composed.lhs = {from};
    composed.rhs = {*dim};
    return composed;
  }
  for (const DimensionRelation &relation : relations.get()) {
    bool isSingle = relation.kind == Kind::Affine || relation.kind == Kind::Blocks;
    if (!isSingle || isIdentity(relation))
      continue;
    for (bool isLhs : {true, false}) {
      const DimOf &mine = (isLhs ? relation.lhs : relation.rhs).front();
      const DimOf &other = (isLhs ? relation.rhs : relation.lhs).front();
      if (!llvm::is_contained(equal, mine))
        continue;
      SmallVector<DimOf, 4> others = getEqualDims(relations, other);
      const DimOf *dim = findIn(others);
      if (!dim)
        continue;
      composed = relation;
      (isLhs ? composed.lhs : composed.rhs) = {from};
      (isLhs ? composed.rhs : composed.lhs) = {*dim};
      return composed;
    }
  }
  return std::nullopt;
}

bool PermutationSearch::moveTo(const DimensionRelations &relations, Operation *op, Value from,
                               ChannelMap map, Value to) {
  std::map<int64_t, DimensionRelation> covered;
  bool onlyBlocks = true;
  for (int64_t dim : map.dims) {
    for (const DimensionRelation &relation : relations.get()) {
      if (!relates(relation, from, dim, to))
        continue;
      if (auto [it, isNew] = covered.try_emplace(dim, relation);
          !isNew && !isSame(it->second, relation))
        return fail(describeOp(op) + " uses the channels in several ways");
    }
    if (!covered.count(dim))
      if (std::optional<DimensionRelation> composed = composeRelation(relations, {from, dim}, to))
        covered.emplace(dim, std::move(*composed));
    if (auto it = covered.find(dim); it != covered.end())
      onlyBlocks &= it->second.kind == Kind::Blocks;
  }
  if (covered.empty())
    return true;
  if (onlyBlocks) {
    // Channels of a block are free as long as they stay in it.
    for (const auto &[dim, relation] : covered) {
      bool isLhs = relation.lhs.front().value == from;
      int64_t block = isLhs ? relation.start : relation.step;
      size_t position = llvm::find(map.dims, dim) - map.dims.begin();
      refine(map, [&](ArrayRef<int64_t> indices) { return indices[position] / block; });
    }
    return true;
  }
  if (!covered.count(map.dims.back())) {
    // The channels that are told apart by the other dims stay there.
    for (const auto &[dim, relation] : covered)
      refineDim(map, dim);
    return true;
  }
  for (int64_t dim : SmallVector<int64_t, 4>(map.dims))
    if (!covered.count(dim))
      projectDim(map, dim);
  for (int64_t dim : SmallVector<int64_t, 4>(map.dims))
    if (map.hasDim(dim) && !moveDim(covered.at(dim), from, dim, map, to))
      return false;
  for (int64_t &dim : map.dims)
    dim -= kMoved;
  return reach(op, to, std::move(map));
}

bool PermutationSearch::propagate(Operation *op, Value from, ChannelMap map) {
  if (isa<ShapeOp>(op))
    return true;
  auto related = dyn_cast<DimensionRelationOpInterface>(op);
  if (!related)
    return fail("the channels reach " + describeOp(op));
  DimensionRelations relations;
  related.getDimensionRelations(relations);
  for (const DimensionRelation &relation : relations.get()) {
    if (relation.kind == Kind::Fixed) {
      const DimOf &fixed = relation.lhs.front();
      if (fixed.value != from || !map.hasDim(fixed.dim))
        continue;
      refineDim(map, fixed.dim);
      if (firstReason.empty())
        firstReason = describeOp(op) + ": " + relation.reason;
      continue;
    }
    auto isMine = [&](const DimOf &dim) { return dim.value == from; };
    if (llvm::any_of(relation.lhs, isMine) && llvm::any_of(relation.rhs, isMine))
      return fail(describeOp(op) + " uses the channels in several ways");
  }
  if (!isPointwise(op))
    for (int64_t dim : ArrayRef(map.dims).drop_back())
      refineDim(map, dim);
  llvm::SmallSetVector<Value, 4> others;
  others.insert_range(op->getOperands());
  others.insert_range(op->getResults());
  for (Value other : others)
    if (other != from && getTensor(other) && !moveTo(relations, op, from, map, other))
      return false;
  return true;
}

bool PermutationSearch::reach(Operation *op, Value to, ChannelMap map) {
  map.normalize();
  if (map.dims.empty())
    return true;
  Place place{to, isConstant(to) ? op : nullptr};
  auto entry = known.find(place);
  if (entry != known.end()) {
    // A map that does not tell the indices of a dim apart repeats its labels there.
    ChannelMap old = entry->second;
    auto addDims = [&](ChannelMap &to, const ChannelMap &from) {
      for (auto [dim, size] : llvm::zip_equal(from.dims, from.sizes))
        if (!to.hasDim(dim) && failed(to.extend(dim, size)))
          return fail("its channels are too many");
      return true;
    };
    if (!addDims(old, map) || !addDims(map, old))
      return false;
    map.reorder(old.dims);
    std::vector<int32_t> mine, theirs;
    for (auto [a, b] : llvm::zip_equal(old.channel, map.channel))
      if (a != b && b >= 0) {
        unify(a, b);
        mine.push_back(a);
        theirs.push_back(b);
      }
    if (!mine.empty())
      ties.push_back({std::move(mine), std::move(theirs)});
    return true;
  }
  if (known.size() == kMaxPlaces)
    return fail("the channels go through more than " + Twine(kMaxPlaces) + " values");
  // Elements that channels do not reach this way may be reached in another.
  std::vector<bool> isSeen(parent.size(), false);
  int32_t freeColor = numColors++;
  for (int32_t &label : map.channel) {
    if (label < 0) {
      label = makeLabel(freeColor);
      continue;
    }
    if (isSeen[label])
      return fail("the channels are repeated by " + describeOp(op));
    isSeen[label] = true;
  }
  known.insert({place, std::move(map)});
  worklist.push_back(place);
  return true;
}

bool PermutationSearch::visit(Place place) {
  auto [value, user] = place;
  // A copy: the map of places grows.
  ChannelMap map = known.find(place)->second;
  if (user)
    return propagate(user, value, std::move(map));
  Operation *definition = value.getDefiningOp();
  if (!definition)
    return fail("the channels reach an input of the model");
  if (!propagate(definition, value, map))
    return false;
  llvm::SmallSetVector<Operation *, 4> users(value.user_begin(), value.user_end());
  for (Operation *op : users)
    if (!propagate(op, value, map))
      return false;
  return true;
}

bool PermutationSearch::run(Value value, int64_t dim) {
  RankedTensorType type = getTensor(value);
  if (!type || ShapedType::isDynamic(type.getDimSize(dim)))
    return fail("the number of its channels is not known");
  int64_t channels = type.getDimSize(dim);
  if (channels < 2 || channels > ChannelMap::kMaxEntries)
    return fail("it has " + Twine(channels) + (channels == 1 ? " channel" : " channels"));
  if (isConstant(value))
    return fail("it is constant");
  numChannels = static_cast<int32_t>(channels);
  numColors = 1;
  ChannelMap map;
  map.dims.push_back(dim);
  map.sizes.push_back(channels);
  for (int64_t i = 0; i < channels; ++i)
    map.channel.push_back(makeLabel(0));
  known.insert({Place(value, nullptr), std::move(map)});
  worklist.push_back({value, nullptr});
  while (!worklist.empty())
    if (!visit(worklist.pop_back_val()))
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

/// Labels of one color whose elements have other labels of different colors get different colors.
void PermutationSearch::refineBy(ArrayRef<int32_t> labels, ArrayRef<int32_t> others) {
  std::map<int32_t, std::vector<int32_t>> keys;
  for (auto [label, other] : llvm::zip_equal(labels, others))
    keys[label].push_back(colors[other]);
  std::map<std::pair<int32_t, std::vector<int32_t>>, int32_t> made;
  for (auto &[label, key] : keys) {
    llvm::sort(key);
    auto [it, isNew] = made.try_emplace({colors[label], std::move(key)}, numColors);
    numColors += isNew;
    colors[label] = it->second;
  }
}

void PermutationSearch::refineTies() {
  auto countColors = [&] { return llvm::DenseSet<int32_t>(colors.begin(), colors.end()).size(); };
  for (size_t before = 0, count = countColors(); before != count; count = countColors()) {
    before = count;
    for (auto &[mine, theirs] : ties) {
      refineBy(mine, theirs);
      refineBy(theirs, mine);
    }
  }
}

void PermutationSearch::addEdits(Operation *op, Value constant, const ChannelMap &map,
                                 ChannelPermutationPlan &plan) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (operand.get() != constant)
      continue;
    ChannelPermutationPlan::Edit edit;
    edit.operand = &operand;
    edit.chain = *getWeightChain(constant);
    ChannelMap moved = map;
    if (!edit.chain.permutation.empty())
      for (int64_t &dim : moved.dims)
        dim = edit.chain.permutation[dim];
    moved.normalize();
    edit.dims.assign(moved.dims.begin(), moved.dims.end());
    edit.labels = std::move(moved.channel);
    plan.edits.push_back(std::move(edit));
  }
}

/// Why the elements of a constant cannot be moved; empty if they can.
static std::string explainUneditable(const WeightChain &chain) {
  if (!chain.isDense())
    return "is compressed already";
  Type element = chain.getType().getElementType();
  bool isWhole = element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
  return isWhole ? "" : "has elements that are not whole bytes";
}

/// Dim of the channels of the result of a weighted op.
static int64_t getOutputChannelDim(const WeightedOp &op) {
  int64_t rank = getTensor(op.op->getResult(0)).getRank();
  return isa<ConvOp, ConvTransposeOp>(op.op) ? 1 : rank - 1;
}

bool PermutationSearch::addLayers(ChannelPermutationPlan &plan) {
  std::vector<bool> moves(parent.size(), false);
  for (const ChannelPermutationPlan::Orbit &orbit : plan.orbits)
    for (const auto &members : orbit.classes)
      for (int32_t label : members)
        moves[label] = true;
  for (auto &[place, map] : known) {
    if (llvm::none_of(map.channel, [&](int32_t label) { return moves[label]; }))
      continue;
    auto [value, user] = place;
    if (user) {
      addEdits(user, value, map, plan);
      if (std::string problem = explainUneditable(plan.edits.back().chain); !problem.empty())
        return fail("weight '" + plan.edits.back().chain.getSourceName() + "' of " +
                    describeOp(user) + " " + problem);
      continue;
    }
    auto addLayer = [&](std::vector<ChannelPermutationPlan::Layer> &layers, WeightedOp op,
                        int64_t dim) {
      if (map.dims.size() == 1 && map.dims.front() == dim)
        layers.push_back({std::move(op), map.channel});
    };
    for (OpOperand &use : value.getUses())
      if (FailureOr<WeightedOp> op = getWeighted(use.getOwner());
          succeeded(op) && op->activation == &use)
        if (std::optional<int64_t> dim = ChannelScalingPlanner::getInputChannelDim(*op))
          addLayer(plan.consumers, std::move(*op), *dim);
    if (Operation *definition = value.getDefiningOp())
      if (FailureOr<WeightedOp> op = getWeighted(definition); succeeded(op)) {
        int64_t dim = getOutputChannelDim(*op);
        addLayer(plan.producers, std::move(*op), dim);
      }
  }
  return true;
}

FailureOr<ChannelPermutationPlan> PermutationSearch::finish() {
  refineTies();
  ChannelPermutationPlan plan;
  plan.numChannels = numChannels;
  plan.numLabels = parent.size();
  std::vector<SmallVector<int32_t, 1>> classes(parent.size());
  for (int32_t label = 0; label < static_cast<int32_t>(parent.size()); ++label)
    classes[find(label)].push_back(label);
  std::map<std::vector<int32_t>, size_t> orbits;
  for (int32_t label = 0; label < numChannels; ++label) {
    SmallVector<int32_t, 1> &members = classes[label];
    if (members.empty())
      continue;
    llvm::sort(members, [&](int32_t a, int32_t b) { return colors[a] < colors[b]; });
    std::vector<int32_t> key;
    for (int32_t member : members)
      key.push_back(colors[member]);
    if (std::adjacent_find(key.begin(), key.end()) != key.end())
      continue;
    auto [it, isNew] = orbits.try_emplace(std::move(key), plan.orbits.size());
    if (isNew)
      plan.orbits.emplace_back();
    plan.orbits[it->second].classes.push_back(std::move(members));
  }
  llvm::erase_if(plan.orbits, [](const auto &orbit) { return orbit.classes.size() < 2; });
  if (plan.orbits.empty()) {
    fail(firstReason.empty() ? "no two channels can change places" : firstReason);
    return failure();
  }
  if (!addLayers(plan))
    return failure();
  return plan;
}
