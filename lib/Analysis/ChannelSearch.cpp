//===- ChannelSearch.cpp - channels across ops and in constants ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelSearch.h"

using namespace mlir;
using namespace mlir::compress;

std::string mlir::compress::describeOp(Operation *op) {
  std::string text = ("'" + op->getName().getStringRef() + "'").str();
  for (StringRef key : {"node_name", "name"})
    if (auto name = op->getAttrOfType<StringAttr>(key); name && !name.empty())
      return text + " \"" + name.str() + "\"";
  if (auto name = dyn_cast<NameLoc>(op->getLoc()))
    return text + " \"" + name.getName().str() + "\"";
  return text;
}

DenseElementsAttr mlir::compress::getLiteral(Value value) {
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  return source ? dyn_cast_or_null<DenseElementsAttr>(source.getWeightValue()) : nullptr;
}

static RankedTensorType getTensor(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

bool ChannelSearch::unifyMaps(ChannelMap a, ChannelMap b) {
  auto addDims = [&](ChannelMap &map, const ChannelMap &other) {
    for (auto [dim, size] : llvm::zip(other.dims, other.sizes))
      if (!map.hasDim(dim) && failed(map.extend(dim, size)))
        return fail("its channels are too many");
    return true;
  };
  if (!addDims(a, b) || !addDims(b, a))
    return false;
  b.reorder(a.dims);
  for (auto [x, y] : llvm::zip_equal(a.channel, b.channel))
    if (x >= 0 && y >= 0)
      unify(x, y);
  return true;
}

bool ChannelSearch::toOperand(ChannelMap &map, Value operand, Value result) {
  RankedTensorType type = getTensor(operand);
  int64_t offset = getTensor(result).getRank() - type.getRank();
  projectTo(map, [&](int64_t dim) { return dim >= offset && type.getDimSize(dim - offset) != 1; });
  for (auto [dim, size] : llvm::zip(map.dims, map.sizes)) {
    dim -= offset;
    if (type.getDimSize(dim) != size)
      return fail("a channel dim is not static");
  }
  return true;
}

bool ChannelSearch::toResult(ChannelMap &map, Value operand, Value result) {
  RankedTensorType type = getTensor(result);
  int64_t offset = type.getRank() - getTensor(operand).getRank();
  for (auto [dim, size] : llvm::zip(map.dims, map.sizes)) {
    dim += offset;
    if (type.getDimSize(dim) != size)
      return fail("a channel dim is not static");
  }
  return true;
}

bool ChannelSearch::moveDim(const DimensionRelation &relation, Value from, int64_t dim,
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
  if (relation.kind == DimensionRelation::Kind::Affine) {
    int64_t size = sizes.front(), target = theirs.front().dim + kMoved;
    if (isLhs) {
      if (failed(map.embed(dim, size, relation.start, relation.step, kFree)))
        return fail("its channels are too many");
    } else {
      map.select(dim, size, relation.start, relation.step);
    }
    map.rename(dim, target);
    return true;
  }
  // A reshape: dims of the group that the channels do not depend on are taken in.
  SmallVector<int64_t, 4> order;
  for (const DimOf &own : mine) {
    int64_t size = getTensor(from).getDimSize(own.dim);
    if (ShapedType::isDynamic(size))
      return fail("a reshape mixes channels with a dim that is not static");
    if (!map.hasDim(own.dim) && failed(map.extend(own.dim, size)))
      return fail("its channels are too many");
    order.push_back(own.dim);
  }
  map.reshape(order, llvm::map_to_vector(theirs, [](const DimOf &dim) { return dim.dim + kMoved; }),
              sizes);
  return true;
}

bool ChannelSearch::movePadded(PadOp op, bool toInput, ChannelMap &map) {
  auto pads = dyn_cast_or_null<DenseIntElementsAttr>(getLiteral(op.getPads()));
  int64_t rank = getTensor(op.getInput()).getRank();
  if (!pads || pads.getNumElements() != 2 * rank)
    return fail("channels cannot be followed through " + describeOp(op));
  auto amounts = llvm::to_vector(pads.getValues<APInt>());
  for (int64_t dim : SmallVector<int64_t, 4>(map.dims)) {
    int64_t before = amounts[dim].getSExtValue(), after = amounts[dim + rank].getSExtValue();
    if (before == 0 && after == 0)
      continue;
    int64_t size = getTensor(toInput ? op.getInput() : op.getResult()).getDimSize(dim);
    if (before < 0 || after < 0 || ShapedType::isDynamic(size) || op.getMode() != PadMode::Constant)
      return fail("channels cannot be followed through " + describeOp(op));
    if (toInput)
      map.select(dim, size, before, 1);
    else if (failed(map.embed(dim, size, before, 1, kZero)))
      return fail("its channels are too many");
  }
  return true;
}

/// The index of a gather that takes one slice, known and counted from the front.
static std::optional<int64_t> getGatheredIndex(GatherOp op) {
  auto indices = dyn_cast_or_null<DenseIntElementsAttr>(getLiteral(op.getIndices()));
  int64_t size = op.getInput().getType().getDimSize(op.getAxis());
  if (!indices || indices.getType().getRank() != 0 || ShapedType::isDynamic(size))
    return std::nullopt;
  int64_t index = (*indices.begin()).getSExtValue();
  index += index < 0 ? size : 0;
  return index >= 0 && index < size ? std::optional(index) : std::nullopt;
}

bool ChannelSearch::moveGathered(GatherOp op, int64_t index, bool toInput, ChannelMap &map) {
  int64_t axis = static_cast<int64_t>(op.getAxis());
  if (toInput) {
    for (int64_t &dim : map.dims)
      dim += dim >= axis;
    int64_t size = op.getInput().getType().getDimSize(axis);
    if (failed(map.extend(axis, 1)) || failed(map.embed(axis, size, index, 1, kFree)))
      return fail("its channels are too many");
    return true;
  }
  if (map.hasDim(axis)) {
    map.select(axis, 1, index, 1);
    projectTo(map, [&](int64_t dim) { return dim != axis; });
  }
  for (int64_t &dim : map.dims)
    dim -= dim > axis;
  return true;
}

bool ChannelSearch::moveAcross(Operation *op, Value from, ChannelMap &map, Value to) {
  if (auto pad = dyn_cast<PadOp>(op))
    return movePadded(pad, /*toInput=*/from == pad.getResult(), map);
  if (auto gather = dyn_cast<GatherOp>(op))
    if (std::optional<int64_t> index = getGatheredIndex(gather))
      return moveGathered(gather, *index, /*toInput=*/from == gather.getResult(), map);
  DimensionRelations relations;
  cast<DimensionRelationOpInterface>(op).getDimensionRelations(relations);
  auto relates = [](ArrayRef<DimOf> dims, Value value) {
    return !dims.empty() && dims.front().value == value;
  };
  for (int64_t dim : SmallVector<int64_t, 4>(map.dims)) {
    if (!map.hasDim(dim))
      continue;
    DimOf own{from, dim};
    const DimensionRelation *found = nullptr;
    for (const DimensionRelation &relation : relations.get())
      if (relation.kind != DimensionRelation::Kind::Blocks && relation.indices.empty() &&
          ((relates(relation.rhs, to) && llvm::is_contained(relation.lhs, own)) ||
           (relates(relation.lhs, to) && llvm::is_contained(relation.rhs, own))))
        found = found ? found : &relation;
    if (!found)
      return fail("channels cannot be followed through " + describeOp(op));
    if (!moveDim(*found, from, dim, map, to))
      return false;
  }
  for (int64_t &dim : map.dims)
    dim -= kMoved;
  return true;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

bool ChannelSearch::addEdit(OpOperand &operand, ArrayRef<int64_t> dims, ArrayRef<int32_t> channel,
                            bool multiply, bool isWeight) {
  FailureOr<WeightChain> chain = getWeightChain(operand.get());
  if (failed(chain))
    return fail("an operand of " + describeOp(operand.getOwner()) + " is not constant");
  std::string name = "weight '" + chain->getSourceName() + "' of " + describeOp(operand.getOwner());
  if (!chain->isDense())
    return fail(name + " is compressed already");
  Type element = chain->getType().getElementType();
  if (!isa<Float64Type, Float32Type, Float16Type, BFloat16Type>(element))
    return fail("the elements of " + name + " are not f64, f32, f16 or bf16");
  ArrayRef<int64_t> shape = chain->getType().getShape();
  ChannelMap map;
  for (int64_t dim : dims) {
    map.dims.push_back(chain->permutation.empty() ? dim : chain->permutation[dim]);
    map.sizes.push_back(shape[map.dims.back()]);
  }
  map.channel.assign(channel.begin(), channel.end());
  SmallVector<int64_t, 4> order(map.dims);
  llvm::sort(order);
  map.reorder(order);
  Edit edit{&operand, {}, {}, map.channel, multiply, isWeight};
  edit.view.k = map.channel.size();
  for (auto [i, size] : llvm::enumerate(shape)) {
    int64_t dim = i;
    if (map.hasDim(dim))
      continue;
    if (order.empty() || dim > order.back())
      edit.view.inner *= size;
    else if (dim < order.front())
      edit.view.outer *= size;
    else if (size != 1)
      return fail("the channels of " + name + " are not next to each other");
  }
  edit.chain = std::move(*chain);
  state.edits.push_back(std::move(edit));
  return true;
}

bool ChannelSearch::scaleOperand(OpOperand &operand, ChannelMap map) {
  if (failed(getWeightChain(operand.get())))
    return scaleValue(operand.get(), std::move(map));
  settle(map);
  if (isOne(map))
    return true;
  return addEdit(operand, map.dims, map.channel, /*multiply=*/false, /*isWeight=*/false);
}

//===----------------------------------------------------------------------===//
// Weighted ops
//===----------------------------------------------------------------------===//

static int64_t getGroups(Operation *op) {
  if (auto conv = dyn_cast<ConvOp>(op))
    return conv.getGroups();
  if (auto transposed = dyn_cast<ConvTransposeOp>(op))
    return transposed.getGroups();
  return 1;
}

std::optional<int64_t> ChannelScalingPlanner::getInputChannelDim(const WeightedOp &op) {
  RankedTensorType type = op.activation ? getTensor(op.activation->get()) : nullptr;
  if (!type)
    return std::nullopt;
  if (isa<ConvOp, ConvTransposeOp>(op.op))
    return 1;
  if (isa<LinearOp>(op.op))
    return type.getRank() - 1;
  if (isa<MatMulOp>(op.op) && type.getRank() >= 1)
    return op.activation->getOperandNumber() == 0 || type.getRank() == 1 ? type.getRank() - 1
                                                                         : type.getRank() - 2;
  return std::nullopt;
}

bool ChannelSearch::scaleConsumer(OpOperand &use, WeightedOp op, ChannelMap map) {
  std::optional<int64_t> dim = ChannelScalingPlanner::getInputChannelDim(op);
  if (!dim)
    return failUse(op.op);
  projectTo(map, *dim);
  std::vector<int32_t> channel = getVector(map, getTensor(use.get()).getDimSize(*dim));
  ArrayRef<int64_t> shape = cast<RankedTensorType>(op.operand->get().getType()).getShape();
  bool added;
  if (isa<ConvOp>(op.op) && getGroups(op.op) > 1) {
    // Output channel o meets the input channels of its group.
    int64_t perGroup = shape[0] / getGroups(op.op);
    std::vector<int32_t> both;
    for (int64_t o = 0; o < shape[0]; ++o)
      for (int64_t c = 0; c < shape[1]; ++c)
        both.push_back(channel[o / perGroup * shape[1] + c]);
    added = addEdit(*op.operand, {0, 1}, both, /*multiply=*/true, /*isWeight=*/true);
  } else {
    int64_t rank = shape.size(), contraction = 0;
    if (isa<ConvOp>(op.op))
      contraction = 1;
    else if (auto linear = dyn_cast<LinearOp>(op.op))
      contraction = linear.getWeightLayout() == WeightLayout::KN ? 0 : 1;
    else if (isa<MatMulOp>(op.op))
      contraction = op.operand->getOperandNumber() == 1 ? rank - 2 : rank - 1;
    added = addEdit(*op.operand, contraction, channel, /*multiply=*/true, /*isWeight=*/true);
  }
  if (!added)
    return false;
  state.consumers.push_back({std::move(op), std::move(channel), state.edits.size() - 1});
  return true;
}

bool ChannelSearch::scaleProducer(const WeightedOp &op, Value result, ChannelMap map) {
  int64_t rank = getTensor(result).getRank();
  bool isConv = isa<ConvOp, ConvTransposeOp>(op.op);
  int64_t dim = isConv ? 1 : rank - 1;
  projectTo(map, dim);
  int64_t size = getTensor(result).getDimSize(dim);
  if (ShapedType::isDynamic(size))
    return fail("a channel dim is not static");
  std::vector<int32_t> channel = getVector(map, size);
  bool added;
  if (auto transposed = dyn_cast<ConvTransposeOp>(op.op);
      transposed && transposed.getGroups() > 1) {
    ArrayRef<int64_t> shape = transposed.getWeight().getType().getShape();
    int64_t perGroup = shape[0] / static_cast<int64_t>(transposed.getGroups());
    std::vector<int32_t> both;
    for (int64_t c = 0; c < shape[0]; ++c)
      for (int64_t o = 0; o < shape[1]; ++o)
        both.push_back(channel[c / perGroup * shape[1] + o]);
    added = addEdit(*op.operand, {0, 1}, both, /*multiply=*/false, /*isWeight=*/true);
  } else {
    int64_t output = 1;
    if (isa<ConvOp>(op.op))
      output = 0;
    else if (auto linear = dyn_cast<LinearOp>(op.op))
      output = linear.getWeightLayout() == WeightLayout::KN ? 1 : 0;
    added = addEdit(*op.operand, output, channel, /*multiply=*/false, /*isWeight=*/true);
  }
  if (!added)
    return false;
  state.producers.push_back({op, channel, state.edits.size() - 1});
  if ((isConv || isa<LinearOp>(op.op)) && op.op->getNumOperands() > 2)
    return addEdit(op.op->getOpOperand(2), 0, channel, /*multiply=*/false, /*isWeight=*/false);
  return true;
}
