//===- ChannelScaling.cpp - where a scale of channels can go ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/ChannelScaling.h"
#include "ChannelSearch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

/// Values that one plan may go through.
static constexpr size_t kMaxValues = 1024;

/// What identifies stored bytes: the symbol of a load, else the op that holds them.
static const void *getIdentity(WeightSourceOpInterface source) {
  if (auto load = dyn_cast<LoadOp>(source.getOperation()))
    return load.getWeightAttr().getAsOpaquePointer();
  return source.getOperation();
}

static RankedTensorType getTensor(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// From a result to what it is made of
//===----------------------------------------------------------------------===//

bool ChannelSearch::scaleProduct(Operation *op, const ChannelMap &map) {
  auto divide = [&](unsigned i) {
    ChannelMap mine = map;
    state.factor[op] = i;
    if (op->getOperand(0) == op->getOperand(1))
      return failDefinition(op);
    return toOperand(mine, op->getOperand(i), op->getResult(0)) &&
           scaleOperand(op->getOpOperand(i), std::move(mine));
  };
  if (auto known = state.factor.find(op); known != state.factor.end())
    return divide(known->second);
  if (isa<DivOp>(op))
    return divide(0);
  // Constants first: the scale of a norm, for example.
  SmallVector<unsigned, 2> order{1, 0};
  auto isConstant = [&](unsigned i) { return succeeded(getWeightChain(op->getOperand(i))); };
  if (isConstant(0) && !isConstant(1))
    order = {0, 1};
  State before = state;
  // A constant that the channels are not told apart in comes last.
  auto coversChannels = [&](unsigned i) {
    RankedTensorType type = getTensor(op->getOperand(i));
    int64_t offset = getTensor(op->getResult(0)).getRank() - type.getRank();
    return llvm::all_of(map.dims, [&](int64_t dim) {
      return dim >= offset && type.getDimSize(dim - offset) == map.getSize(dim);
    });
  };
  if (!coversChannels(order[0]))
    std::swap(order[0], order[1]);
  if (divide(order[0]))
    return true;
  std::string first = std::move(reason);
  state = before;
  if (coversChannels(order[1]) && divide(order[1]))
    return true;
  return fail(first);
}

bool ChannelSearch::scaleMatMul(MatMulOp op, const ChannelMap &map) {
  RankedTensorType result = op.getResult().getType();
  auto known = state.factor.find(op);
  std::optional<unsigned> chosen;
  if (known != state.factor.end())
    chosen = known->second;
  State before = state;
  for (unsigned side : {1u, 0u}) {
    if (chosen && *chosen != side)
      continue;
    state.factor[op] = side;
    OpOperand &operand = op->getOpOperand(side);
    RankedTensorType type = getTensor(operand.get());
    int64_t rank = result.getRank(), contracted = side == 1 ? rank - 2 : rank - 1;
    if (type.getRank() < 2 || getTensor(op->getOperand(1 - side)).getRank() < 2)
      return failDefinition(op);
    if (map.hasDim(contracted))
      continue;
    ChannelMap mine = map;
    if (toOperand(mine, operand.get(), op.getResult()) && scaleOperand(operand, std::move(mine)))
      return true;
    state = before;
  }
  return reason.empty() ? failDefinition(op) : false;
}

bool ChannelSearch::scaleConcat(ConcatOp op, const ChannelMap &map) {
  int64_t axis = static_cast<int64_t>(op.getAxis());
  for (OpOperand &operand : op->getOpOperands()) {
    if (llvm::count(op->getOperands(), operand.get()) > 1)
      return failDefinition(op);
    ChannelMap part = map;
    if (!moveAcross(op, op.getResult(), part, operand.get()))
      return false;
    if (!map.hasDim(axis)) {
      if (!scaleOperand(operand, std::move(part)))
        return false;
      continue;
    }
    // A part whose channels cannot be scaled keeps them.
    State before = state;
    if (scaleOperand(operand, part))
      continue;
    state = std::move(before);
    for (int32_t variable : part.channel)
      unify(variable, one);
  }
  return true;
}

bool ChannelSearch::scaleNorm(Operation *op, const ChannelMap &map, ArrayRef<unsigned> parameters) {
  for (unsigned i : parameters) {
    if (i >= op->getNumOperands())
      continue;
    ChannelMap mine = map;
    if (!toOperand(mine, op->getOperand(i), op->getResult(0)) ||
        !scaleOperand(op->getOpOperand(i), std::move(mine)))
      return false;
  }
  return true;
}

/// Ops f with f(x / s) = f(x) / s for s > 0, element by element, in their first operand.
static bool isHomogeneous(Operation *op) {
  return isa<ReluOp, LeakyReluOp, AbsOp, NegOp, PReluOp>(op);
}
/// The same for all operands together.
static bool isJointlyHomogeneous(Operation *op) { return isa<AddOp, SubOp, MaxOp, MinOp>(op); }
/// Whether all elements are known to be zero.
static bool isZero(Value value) {
  auto literal = dyn_cast_or_null<DenseFPElementsAttr>(getLiteral(value));
  return literal && llvm::all_of(literal.getValues<APFloat>(),
                                 [](const APFloat &element) { return element.isZero(); });
}

/// Ops that only move elements of their first operand, and add zeros.
static bool isMovement(Operation *op) {
  if (auto pad = dyn_cast<PadOp>(op))
    return !pad.getValue() || pad.getMode() != PadMode::Constant || isZero(pad.getValue());
  return isa<ReshapeOp, TransposeOp, SqueezeOp, UnsqueezeOp, SliceOp, SplitOp, GatherOp>(op);
}
static bool isHomogeneous(ReduceKind kind) {
  return llvm::is_contained({ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max, ReduceKind::Min,
                             ReduceKind::L1, ReduceKind::L2},
                            kind);
}

/// Dim of the input that dim `dim` of the result of `op` is.
static int64_t getReducedInputDim(ReduceOp op, int64_t dim) {
  if (op.getKeepdims())
    return dim;
  for (int64_t axis : op.getAxes())
    if (axis <= dim)
      ++dim;
  return dim;
}

bool ChannelSearch::scaleDefinition(Value value, const ChannelMap &map) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return fail("the scale cannot be folded into an input of the graph");
  FailureOr<WeightedOp> weighted = getWeighted(op);
  bool hasRightWeight =
      succeeded(weighted) && (isa<LinearOp, ConvOp, ConvTransposeOp, EmbeddingOp>(op) ||
                              (isa<MatMulOp>(op) && weighted->operand->getOperandNumber() == 1 &&
                               weighted->chain.getType().getRank() == 2));
  if (hasRightWeight)
    return scaleProducer(*weighted, value, map);
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](RMSNormOp norm) {
        ChannelMap mine = map;
        int64_t axis = static_cast<int64_t>(norm.getAxis());
        projectTo(mine, [&](int64_t dim) { return dim >= axis; });
        return scaleNorm(op, mine, 1);
      })
      .Case([&](LayerNormOp norm) {
        ChannelMap mine = map;
        int64_t axis = static_cast<int64_t>(norm.getAxis());
        projectTo(mine, [&](int64_t dim) { return dim >= axis; });
        return scaleNorm(op, mine, {1, 2});
      })
      .Case([&](BatchNormOp norm) {
        ChannelMap mine = map;
        projectTo(mine, 1);
        std::vector<int32_t> channel = getVector(mine, norm.getScale().getType().getDimSize(0));
        return addEdit(op->getOpOperand(1), 0, channel, false, false) &&
               addEdit(op->getOpOperand(2), 0, channel, false, false);
      })
      .Case<MulOp, DivOp>([&](Operation *) { return scaleProduct(op, map); })
      .Case([&](MatMulOp matmul) { return scaleMatMul(matmul, map); })
      .Case([&](ConcatOp concat) { return scaleConcat(concat, map); })
      .Case([&](AttentionOp attention) {
        ChannelMap mine = map;
        int64_t heads = attention.getHeadDim();
        projectTo(mine, [&](int64_t dim) { return dim == heads || dim == 3; });
        int64_t kvHeads = attention.getValue().getType().getDimSize(heads);
        if (mine.hasDim(heads) && mine.getSize(heads) != kvHeads) {
          // Queries share heads of the values: split the dim and drop its inner part.
          int64_t repeat = mine.getSize(heads) / kvHeads;
          ChannelMap split = mine;
          SmallVector<int64_t, 4> order{heads};
          if (mine.hasDim(3))
            order.push_back(3);
          split.reorder(order);
          split.dims.insert(split.dims.begin() + 1, kMoved);
          split.sizes.insert(split.sizes.begin() + 1, repeat);
          split.sizes.front() = kvHeads;
          projectTo(split, [&](int64_t dim) { return dim != kMoved; });
          mine = std::move(split);
        }
        return scaleOperand(attention.getValueMutable(), std::move(mine));
      })
      .Case([&](PoolOp pool) {
        ChannelMap mine = map;
        projectTo(mine, [](int64_t dim) { return dim < 2; });
        return scaleOperand(pool->getOpOperand(0), std::move(mine));
      })
      .Case([&](ReduceOp reduce) {
        if (!isHomogeneous(reduce.getKind()))
          return failDefinition(op);
        ChannelMap mine = map;
        for (int64_t &dim : mine.dims)
          dim = getReducedInputDim(reduce, dim);
        return scaleOperand(reduce->getOpOperand(0), std::move(mine));
      })
      .Case([&](BroadcastOp broadcast) {
        ChannelMap mine = map;
        return toOperand(mine, broadcast.getInput(), broadcast.getResult()) &&
               scaleOperand(broadcast->getOpOperand(0), std::move(mine));
      })
      .Default([&](Operation *) {
        if (isMovement(op)) {
          ChannelMap mine = map;
          return moveAcross(op, value, mine, op->getOperand(0)) &&
                 scaleOperand(op->getOpOperand(0), std::move(mine));
        }
        if (!isHomogeneous(op) && !isJointlyHomogeneous(op))
          return failDefinition(op);
        return scaleNorm(op, map,
                         isHomogeneous(op) ? ArrayRef<unsigned>{0} : ArrayRef<unsigned>{0, 1});
      });
}

//===----------------------------------------------------------------------===//
// From a value to what is made of it
//===----------------------------------------------------------------------===//

bool ChannelSearch::scaleUse(OpOperand &use, const ChannelMap &map) {
  Operation *op = use.getOwner();
  if (FailureOr<WeightedOp> weighted = getWeighted(op); succeeded(weighted)) {
    if (weighted->activation == &use)
      return scaleConsumer(use, std::move(*weighted), map);
    return failUse(op);
  }
  Value from = use.get();
  ChannelMap mine = map;
  unsigned number = use.getOperandNumber();
  if (isa<ShapeOp>(op))
    return true;
  if (isa<MulOp, DivOp>(op)) {
    auto known = state.factor.find(op);
    if (op->getOperand(0) == op->getOperand(1) || (isa<DivOp>(op) && number != 0) ||
        (known != state.factor.end() && known->second != number))
      return failUse(op);
    state.factor[op] = number;
    return toResult(mine, from, op->getResult(0)) && scaleValue(op->getResult(0), std::move(mine));
  }
  if ((isHomogeneous(op) && number == 0) || isJointlyHomogeneous(op) ||
      (isa<BroadcastOp>(op) && number == 0))
    return toResult(mine, from, op->getResult(0)) && scaleValue(op->getResult(0), std::move(mine));
  if (isa<ConcatOp>(op) && llvm::count(op->getOperands(), from) > 1)
    return failUse(op);
  if ((isMovement(op) && number == 0) || isa<ConcatOp>(op)) {
    for (Value result : op->getResults()) {
      ChannelMap part = map;
      if (!moveAcross(op, from, part, result) || !scaleValue(result, std::move(part)))
        return false;
    }
    return true;
  }
  if (auto pool = dyn_cast<PoolOp>(op)) {
    projectTo(mine, [](int64_t dim) { return dim < 2; });
    return scaleValue(pool.getResult(), std::move(mine));
  }
  if (auto reduce = dyn_cast<ReduceOp>(op); reduce && isHomogeneous(reduce.getKind())) {
    projectTo(mine, [&](int64_t dim) { return !llvm::is_contained(reduce.getAxes(), dim); });
    if (!reduce.getKeepdims())
      for (int64_t &dim : mine.dims)
        dim -= llvm::count_if(reduce.getAxes(), [&](int64_t axis) { return axis < dim; });
    return scaleValue(reduce.getResult(), std::move(mine));
  }
  if (auto attention = dyn_cast<AttentionOp>(op); attention && number == 2) {
    int64_t heads = attention.getHeadDim();
    projectTo(mine, [&](int64_t dim) { return dim == heads || dim == 3; });
    int64_t queryHeads = attention.getQuery().getType().getDimSize(heads);
    if (mine.hasDim(heads) && mine.getSize(heads) != queryHeads) {
      if (failed(mine.extend(kMoved, queryHeads / mine.getSize(heads))))
        return fail("its channels are too many");
      SmallVector<int64_t, 4> order{heads, kMoved};
      if (mine.hasDim(3))
        order.push_back(3);
      mine.reorder(order);
      mine.dims.erase(mine.dims.begin() + 1);
      mine.sizes.erase(mine.sizes.begin() + 1);
      mine.sizes.front() = queryHeads;
    }
    return scaleValue(attention.getResult(), std::move(mine));
  }
  if (auto matmul = dyn_cast<MatMulOp>(op)) {
    int64_t rank = getTensor(from).getRank(), contracted = number == 1 ? rank - 2 : rank - 1;
    auto known = state.factor.find(op);
    if (rank < 2 || mine.hasDim(contracted) || matmul.getLhs() == matmul.getRhs() ||
        (known != state.factor.end() && known->second != number))
      return failUse(op);
    state.factor[op] = number;
    return toResult(mine, from, matmul.getResult()) &&
           scaleValue(matmul.getResult(), std::move(mine));
  }
  return failUse(op);
}

bool ChannelSearch::scaleValue(Value value, ChannelMap map) {
  map.normalize();
  if (auto known = state.scaled.find(value); known != state.scaled.end())
    return unifyMaps(known->second, std::move(map));
  settle(map);
  if (isOne(map))
    return true;
  RankedTensorType type = getTensor(value);
  if (!type || !isa<FloatType>(type.getElementType()))
    return fail("it is not a tensor of floats");
  if (state.scaled.size() >= kMaxValues)
    return fail("the scale goes through more than " + Twine(kMaxValues) + " values");
  state.scaled.insert({value, map});
  if (!scaleDefinition(value, map))
    return false;
  for (OpOperand &use : value.getUses())
    if (!scaleUse(use, map))
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

FailureOr<ChannelScalingPlan> ChannelSearch::finish() {
  ChannelScalingPlan plan;
  int32_t variables = static_cast<int32_t>(state.parent.size());
  std::vector<int32_t> classOf(variables, -1);
  for (int32_t i = 0; i < variables; ++i) {
    int32_t root = find(i);
    if (root != one && classOf[root] < 0)
      classOf[root] = static_cast<int32_t>(plan.numClasses++);
  }
  for (int32_t i = 0; i < one; ++i)
    plan.classes.push_back(classOf[find(i)]);
  if (plan.numClasses == 0) {
    fail(reason.empty() ? "no channel can be scaled" : reason);
    return failure();
  }
  auto toClasses = [&](std::vector<int32_t> &channel) {
    for (int32_t &variable : channel)
      variable = classOf[find(variable)];
  };
  for (Edit &edit : state.edits) {
    toClasses(edit.channel);
    plan.edits.push_back({edit.operand, std::move(edit.chain), edit.view, std::move(edit.channel),
                          edit.multiply, edit.isWeight});
  }
  for (Layer &layer : state.consumers) {
    toClasses(layer.channel);
    plan.consumers.push_back({std::move(layer.op), std::move(layer.channel), layer.edit});
  }
  for (Layer &layer : state.producers) {
    toClasses(layer.channel);
    plan.producers.push_back({std::move(layer.op), std::move(layer.channel), layer.edit});
  }
  return plan;
}

ChannelScalingPlanner::ChannelScalingPlanner(Operation *root) {
  root->walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (!isa<TransposeOp, DecodeOpInterface>(op))
        if (FailureOr<WeightChain> chain = getWeightChain(operand.get()); succeeded(chain))
          uses[getIdentity(chain->source)].push_back(&operand);
  });
}

/// Whether two edits change the same bytes in the same way.
static bool isSameEdit(const ChannelScalingPlan::Edit &a, const ChannelScalingPlan::Edit &b) {
  return a.multiply == b.multiply && a.view.outer == b.view.outer && a.view.k == b.view.k &&
         a.view.inner == b.view.inner && a.classes == b.classes;
}

std::string ChannelScalingPlanner::explainShared(const ChannelScalingPlan &plan) const {
  for (const ChannelScalingPlan::Edit &edit : plan.edits) {
    const void *identity = getIdentity(edit.chain.source);
    auto all = uses.find(identity);
    // Biases and the scales of norms are small: each user gets its own.
    if (all == uses.end() || (edit.chain.getType().getRank() < 2 && !edit.isWeight))
      continue;
    for (OpOperand *use : all->second) {
      FailureOr<WeightChain> chain = getWeightChain(use->get());
      if (use == edit.operand || failed(chain) || getIdentity(chain->source) != identity)
        continue;
      if (llvm::none_of(plan.edits, [&](const ChannelScalingPlan::Edit &other) {
            return other.operand == use && isSameEdit(other, edit);
          }))
        return "weight '" + edit.chain.getSourceName() + "' of " +
               describeOp(edit.operand->getOwner()) + " is shared with " +
               describeOp(use->getOwner());
    }
  }
  return "";
}

FailureOr<ChannelScalingPlan> ChannelScalingPlanner::plan(Value value, int64_t dim,
                                                          std::string &reason) {
  RankedTensorType type = getTensor(value);
  if (!type || ShapedType::isDynamic(type.getDimSize(dim))) {
    reason = "the number of its channels is not known";
    return failure();
  }
  int64_t channels = type.getDimSize(dim);
  if (channels == 0 || channels > ChannelMap::kMaxEntries) {
    reason = "it has " + std::to_string(channels) + " channels";
    return failure();
  }
  ChannelMap map;
  map.dims.push_back(dim);
  map.sizes.push_back(channels);
  for (int64_t i = 0; i < channels; ++i)
    map.channel.push_back(static_cast<int32_t>(i));
  ChannelSearch search(channels);
  if (!search.scaleValue(value, std::move(map))) {
    reason = search.reason;
    return failure();
  }
  FailureOr<ChannelScalingPlan> plan = search.finish();
  if (failed(plan)) {
    reason = search.reason;
    return failure();
  }
  reason = explainShared(*plan);
  if (!reason.empty())
    return failure();
  return plan;
}
