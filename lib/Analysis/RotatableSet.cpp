//===- RotatableSet.cpp - values whose channels rotate together -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/RotatableSet.h"
#include "compress/Dialect/Compress/IR/DimensionRelation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

std::optional<NormOp> mlir::compress::getNorm(Operation *op) {
  NormOp norm;
  norm.op = op;
  if (auto rms = dyn_cast_or_null<RMSNormOp>(op)) {
    norm.input = rms.getInput();
    norm.scale = rms.getScale();
    norm.axis = rms.getAxis();
    return norm;
  }
  if (auto layer = dyn_cast_or_null<LayerNormOp>(op)) {
    norm.input = layer.getInput();
    norm.scale = layer.getScale();
    norm.bias = layer.getBias();
    norm.axis = layer.getAxis();
    norm.isLayerNorm = true;
    return norm;
  }
  return std::nullopt;
}

static std::string describe(Operation *op) {
  std::string text = ("'" + op->getName().getStringRef() + "'").str();
  if (auto name = op->getAttrOfType<StringAttr>("name"); name && !name.empty())
    text += " \"" + name.str() + "\"";
  return text;
}

/// Ops that only move elements, or convert them one by one.
static bool isMovement(Operation *op) {
  return isa<ReshapeOp, TransposeOp, ConcatOp, SplitOp, SliceOp, GatherOp, SqueezeOp, UnsqueezeOp,
             BroadcastOp, CastOp>(op);
}

static int64_t getDim(Value value, int64_t dim) {
  return cast<RankedTensorType>(value.getType()).getDimSize(dim);
}

namespace {
/// Builds one set.
class Finder {
public:
  Finder(int64_t size, llvm::function_ref<bool(const NormOp &)> isPlain) : isPlain(isPlain) {
    set.size = size;
  }

  RotatableSet find(Value value, int64_t dim) {
    block = value.getParentBlock();
    visit(value, dim, value.getDefiningOp());
    // Also after a refusal: the set says which norms belong together.
    while (!worklist.empty()) {
      Value next = worklist.pop_back_val();
      follow(next, set.dims.lookup(next));
    }
    sortByPosition();
    if (set.refusal.empty())
      resolveNorms();
    return std::move(set);
  }

private:
  /// Notes the first reason.
  void refuse(Operation *op, const Twine &reason) {
    if (!set.refusal.empty())
      return;
    set.refusal = reason.str();
    set.culprit = op;
  }
  /// Makes (value, dim) a member; `op` is where it is needed.
  void visit(Value value, int64_t dim, Operation *op);
  /// The same for an operand, which may be a constant.
  void visitOperand(OpOperand &operand, int64_t dim);
  /// Looks at the op that makes a member and at its users.
  void follow(Value value, int64_t dim);
  /// Makes the values that `op` ties to its operand or result (value, dim) members.
  void link(Operation *op, Value value, int64_t dim);
  void linkElementwise(Operation *op, Value value, int64_t dim);
  void linkScaled(Operation *op, Value value, int64_t dim);
  void linkMovement(Operation *op, Value value, int64_t dim);
  void linkNorm(const NormOp &norm, Value value, int64_t dim);
  void addReader(const WeightedOp &op, OpOperand &use, int64_t dim);
  void addWriter(const WeightedOp &op, Value result, int64_t dim);
  bool isUsableWeight(const WeightedOp &op);
  /// Dims of `to` that have the same indices as dim `dim` of `from`.
  SmallVector<int64_t, 1> getSameDims(Operation *op, Value from, int64_t dim, Value to);
  /// The dim of the weight that is dim `dim` of `value`, or -1.
  int64_t getWeightDim(const WeightedOp &op, Value value, int64_t dim);
  /// Everything in program order.
  void sortByPosition();
  /// Which norm each member still has to be scaled by.
  void resolveNorms();
  void resolveNorms(Operation *op, llvm::DenseMap<Value, Operation *> &pending);

  llvm::function_ref<bool(const NormOp &)> isPlain;
  RotatableSet set;
  Block *block = nullptr;
  SmallVector<Value> worklist;
  llvm::SmallPtrSet<OpOperand *, 16> seenConstants;
  llvm::SmallPtrSet<Operation *, 16> seenNorms, plainNorms;
};
} // namespace

void Finder::visit(Value value, int64_t dim, Operation *op) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || dim < 0 || dim >= type.getRank() || type.isDynamicDim(dim) ||
      type.getDimSize(dim) % set.size != 0 || !isa<FloatType>(type.getElementType()))
    return refuse(op, describe(op) + " does not keep the channels together");
  auto [it, isNew] = set.dims.try_emplace(value, dim);
  if (!isNew) {
    if (it->second != dim)
      refuse(op, describe(op) + " mixes the channels with another dim");
    return;
  }
  if (!value.getDefiningOp())
    return refuse(op, "a value comes from an argument of the function");
  if (value.getParentBlock() != block)
    return refuse(op, describe(op) + " is in another region");
  worklist.push_back(value);
}

void Finder::visitOperand(OpOperand &operand, int64_t dim) {
  Value value = operand.get();
  if (!value.getDefiningOp<WeightSourceOpInterface>())
    return visit(value, dim, operand.getOwner());
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || dim < 0 || dim >= type.getRank() || type.getDimSize(dim) % set.size != 0 ||
      !isa<FloatType>(type.getElementType()))
    return refuse(operand.getOwner(), describe(operand.getOwner()) +
                                          " has a constant operand without the dim of channels");
  if (seenConstants.insert(&operand).second)
    set.constants.push_back({&operand, dim});
}

void Finder::follow(Value value, int64_t dim) {
  Operation *def = value.getDefiningOp();
  if (FailureOr<WeightedOp> weighted = getWeighted(def); succeeded(weighted))
    addWriter(*weighted, value, dim);
  else
    link(def, value, dim);
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<ShapeOp>(user))
      continue;
    if (user->getBlock() != block)
      return refuse(user, describe(user) + " is in another region");
    if (user->hasTrait<OpTrait::IsTerminator>())
      return refuse(user, "a value is a result of the function");
    if (FailureOr<WeightedOp> weighted = getWeighted(user); succeeded(weighted))
      addReader(*weighted, use, dim);
    else
      link(user, value, dim);
  }
}

void Finder::link(Operation *op, Value value, int64_t dim) {
  if (isa<AddOp, SubOp, NegOp>(op))
    return linkElementwise(op, value, dim);
  if (isa<MulOp, DivOp>(op))
    return linkScaled(op, value, dim);
  if (isMovement(op))
    return linkMovement(op, value, dim);
  if (auto reduce = dyn_cast<ReduceOp>(op);
      reduce && llvm::is_contained({ReduceKind::Sum, ReduceKind::Mean}, reduce.getKind()))
    return linkMovement(op, value, dim);
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    bool isPart = value == attention.getResult() ||
                  (value == attention.getValue() && value != attention.getQuery() &&
                   value != attention.getKey());
    if (isPart && dim == 3 && getDim(attention.getResult(), 3) == set.size) {
      visit(attention.getValue(), 3, op);
      return visit(attention.getResult(), 3, op);
    }
  }
  if (std::optional<NormOp> norm = getNorm(op); norm && set.size == getDim(value, dim))
    return linkNorm(*norm, value, dim);
  refuse(op, describe(op) + " does not commute with a rotation of the channels");
}

void Finder::linkElementwise(Operation *op, Value value, int64_t dim) {
  Value result = op->getResult(0);
  int64_t rank = cast<RankedTensorType>(result.getType()).getRank();
  int64_t fromEnd = cast<RankedTensorType>(value.getType()).getRank() - dim;
  unsigned computed = 0;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    if (type.getRank() < fromEnd || type.getDimSize(type.getRank() - fromEnd) == 1)
      return refuse(op, describe(op) + " adds one number to all channels");
    visitOperand(operand, type.getRank() - fromEnd);
    computed += !operand.get().getDefiningOp<WeightSourceOpInterface>();
  }
  visit(result, rank - fromEnd, op);
  set.hasResidual |= computed > 1;
}

void Finder::linkScaled(Operation *op, Value value, int64_t dim) {
  Value result = op->getResult(0);
  int64_t rank = cast<RankedTensorType>(result.getType()).getRank();
  int64_t fromEnd = cast<RankedTensorType>(value.getType()).getRank() - dim;
  auto hasChannels = [&](Value operand) {
    auto type = cast<RankedTensorType>(operand.getType());
    return type.getRank() >= fromEnd && type.getDimSize(type.getRank() - fromEnd) != 1;
  };
  OpOperand &lhs = op->getOpOperand(0), &rhs = op->getOpOperand(1);
  OpOperand &member = hasChannels(lhs.get()) ? lhs : rhs;
  if ((hasChannels(lhs.get()) && hasChannels(rhs.get())) || (isa<DivOp>(op) && &member != &lhs))
    return refuse(op, describe(op) + " scales channels differently");
  visitOperand(member, cast<RankedTensorType>(member.get().getType()).getRank() - fromEnd);
  visit(result, rank - fromEnd, op);
}

void Finder::linkMovement(Operation *op, Value value, int64_t dim) {
  if (llvm::is_contained(op->getResults(), value)) {
    bool found = false;
    for (OpOperand &operand : op->getOpOperands())
      for (int64_t other : getSameDims(op, value, dim, operand.get()))
        if (isa<FloatType>(cast<RankedTensorType>(operand.get().getType()).getElementType())) {
          visitOperand(operand, other);
          found = true;
        }
    // Other parts of a split are found from its operand.
    if (!found)
      refuse(op, describe(op) + " does not keep the channels together");
    return;
  }
  // Other inputs of a concat are found from its result.
  bool found = false;
  for (Value result : op->getResults())
    for (int64_t other : getSameDims(op, value, dim, result)) {
      visit(result, other, op);
      found = true;
    }
  if (!found)
    refuse(op, describe(op) + " does not keep the channels together");
}

void Finder::linkNorm(const NormOp &norm, Value value, int64_t dim) {
  int64_t rank = cast<RankedTensorType>(norm.input.getType()).getRank();
  Operation *op = norm.op;
  if (value != norm.input && value != op->getResult(0))
    return refuse(op, describe(op) + " has a computed scale or bias");
  if (norm.axis != rank - 1 || dim != rank - 1)
    return refuse(op, describe(op) + " normalizes more than the channels");
  if (seenNorms.insert(op).second) {
    for (Value parameter : {norm.scale, norm.bias}) {
      if (!parameter)
        continue;
      auto type = cast<RankedTensorType>(parameter.getType());
      if (!parameter.getDefiningOp<WeightSourceOpInterface>() || !type.hasStaticShape() ||
          (type.getNumElements() != set.size && type.getNumElements() != 1))
        return refuse(op, describe(op) + " has a scale or bias that is no constant per channel");
    }
    set.norms.push_back(norm);
    set.hasLayerNorm |= norm.isLayerNorm;
    if (isPlain(norm))
      plainNorms.insert(op);
  }
  OpOperand &input = op->getOpOperand(0);
  visitOperand(input, dim);
  visit(op->getResult(0), dim, op);
}

SmallVector<int64_t, 1> Finder::getSameDims(Operation *op, Value from, int64_t dim, Value to) {
  SmallVector<int64_t, 1> dims;
  // The last dim of a row-major tensor stays one if its size does, or blocks of it do.
  if (isa<ReshapeOp>(op)) {
    auto fromType = cast<RankedTensorType>(from.getType());
    auto toType = cast<RankedTensorType>(to.getType());
    int64_t last = toType.getRank() - 1;
    bool isData = isa<FloatType>(toType.getElementType());
    if (dim == fromType.getRank() - 1 && last >= 0 && isData && !toType.isDynamicDim(last) &&
        toType.getDimSize(last) % set.size == 0) {
      dims.push_back(last);
      return dims;
    }
  }
  if (isa<CastOp>(op)) {
    dims.push_back(dim);
    return dims;
  }
  auto relating = dyn_cast<DimensionRelationOpInterface>(op);
  if (!relating)
    return dims;
  DimensionRelations relations;
  relating.getDimensionRelations(relations);
  for (const DimensionRelation &relation : relations.get()) {
    if (relation.kind != DimensionRelation::Kind::Affine || relation.start != 0 ||
        relation.step != 1 || !relation.indices.empty())
      continue;
    DimOf lhs = relation.lhs.front(), rhs = relation.rhs.front();
    if (lhs.value == to && rhs.value == from)
      std::swap(lhs, rhs);
    if (lhs == DimOf{from, dim} && rhs.value == to && getDim(from, dim) == getDim(to, rhs.dim) &&
        !llvm::is_contained(dims, rhs.dim))
      dims.push_back(rhs.dim);
  }
  return dims;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

bool Finder::isUsableWeight(const WeightedOp &op) {
  auto groups = op.op->getAttrOfType<IntegerAttr>("groups");
  if (groups && groups.getInt() != 1)
    refuse(op.op, describe(op.op) + " has groups of channels");
  else if (!op.chain.isDense())
    refuse(op.op, describe(op.op) + " has a compressed weight");
  else
    return true;
  return false;
}

int64_t Finder::getWeightDim(const WeightedOp &op, Value value, int64_t dim) {
  SmallVector<int64_t, 1> dims = getSameDims(op.op, value, dim, op.operand->get());
  if (dims.size() != 1)
    return -1;
  int64_t root = op.chain.permutation.empty() ? dims[0] : op.chain.permutation[dims[0]];
  return llvm::is_contained(op.batchDims, root) ? -1 : root;
}

void Finder::addReader(const WeightedOp &op, OpOperand &use, int64_t dim) {
  if (!isUsableWeight(op))
    return;
  int64_t root = op.activation == &use ? getWeightDim(op, use.get(), dim) : -1;
  if (root < 0 || !llvm::is_contained(op.contractionDims, root))
    return refuse(op.op, describe(op.op) + " does not contract the channels");
  for (const RotatableSet::WeightUse &reader : set.readers)
    if (reader.op.op == op.op)
      return refuse(op.op, describe(op.op) + " reads the channels twice");
  set.readers.push_back({op, root, nullptr, nullptr});
}

void Finder::addWriter(const WeightedOp &op, Value result, int64_t dim) {
  if (!isUsableWeight(op))
    return;
  int64_t root = getWeightDim(op, result, dim);
  bool isMixed = op.activation && !getSameDims(op.op, result, dim, op.activation->get()).empty();
  if (root < 0 || isMixed)
    return refuse(op.op, describe(op.op) + " does not make the channels from its weight alone");
  for (OpOperand &operand : op.op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (&operand == op.operand || &operand == op.activation || !type ||
        !isa<FloatType>(type.getElementType()))
      continue;
    if (!operand.get().getDefiningOp<WeightSourceOpInterface>() || type.getRank() != 1)
      return refuse(op.op, describe(op.op) + " has a bias that is not constant");
  }
  set.writers.push_back({op, root, nullptr, nullptr});
}

void Finder::sortByPosition() {
  auto isBefore = [](Operation *a, Operation *b) { return a != b && a->isBeforeInBlock(b); };
  for (auto *uses : {&set.readers, &set.writers})
    llvm::sort(*uses, [&](const auto &a, const auto &b) { return isBefore(a.op.op, b.op.op); });
  llvm::sort(set.norms, [&](const auto &a, const auto &b) { return isBefore(a.op, b.op); });
  llvm::sort(set.constants, [&](const auto &a, const auto &b) {
    Operation *opA = a.operand->getOwner(), *opB = b.operand->getOwner();
    return opA == opB ? a.operand->getOperandNumber() < b.operand->getOperandNumber()
                      : isBefore(opA, opB);
  });
}

//===----------------------------------------------------------------------===//
// Scales of norms
//===----------------------------------------------------------------------===//

void Finder::resolveNorms() {
  // Members that still have to be multiplied by the scale of a norm.
  llvm::DenseMap<Value, Operation *> pending;
  for (Operation &op : *block)
    if (llvm::any_of(op.getResults(), [&](Value value) { return set.dims.contains(value); }))
      resolveNorms(&op, pending);
  llvm::DenseMap<Value, Operation *> normed;
  for (RotatableSet::WeightUse &reader : set.readers) {
    reader.norm = reader.behind = pending.lookup(reader.op.activation->get());
    if (set.hasLayerNorm && !reader.norm)
      refuse(reader.op.op, describe(reader.op.op) +
                               " reads what layer_norm sees without its mean, before a norm");
    // A plain norm leaves nothing to do.
    if (reader.norm && plainNorms.contains(reader.norm))
      reader.norm = nullptr;
    std::optional<NormOp> norm = getNorm(reader.norm);
    if (!norm || !norm->bias)
      continue;
    Operation *op = reader.op.op;
    bool hasPlace =
        isa<LinearOp>(op) ||
        (isa<MatMulOp>(op) && reader.op.chain.permutation.empty() &&
         reader.op.operand->getOperandNumber() == 1 && reader.op.chain.getType().getRank() > 1);
    if (auto linear = dyn_cast<LinearOp>(op); linear && linear.getBias())
      hasPlace = linear.getBias().getDefiningOp<WeightSourceOpInterface>() != nullptr;
    if (!hasPlace)
      refuse(op, describe(op) + " has no place for the bias of the norm before it");
  }
}

void Finder::resolveNorms(Operation *op, llvm::DenseMap<Value, Operation *> &pending) {
  if (succeeded(getWeighted(op)))
    return;
  // The norm of all members among the operands.
  Operation *norm = nullptr;
  bool isFirst = true, isMixed = false, needsScale = false;
  for (Value operand : op->getOperands()) {
    bool isConstant = operand.getDefiningOp<WeightSourceOpInterface>() != nullptr;
    if (!set.dims.contains(operand) && !isConstant)
      continue;
    Operation *own = pending.lookup(operand);
    if (isConstant && !llvm::any_of(set.constants, [&](const RotatableSet::Constant &constant) {
          return constant.operand->getOwner() == op && constant.operand->get() == operand;
        }))
      continue;
    isMixed |= !isFirst && own != norm;
    norm = own;
    isFirst = false;
    needsScale |= own && !plainNorms.contains(own);
  }
  auto reduce = dyn_cast<ReduceOp>(op);
  bool isTransparent = isMovement(op) || (reduce && reduce.getKind() == ReduceKind::Mean);
  if (needsScale && (!isTransparent || isMixed)) {
    Operation *source = norm;
    for (Value operand : op->getOperands())
      if (Operation *own = pending.lookup(operand); own && !plainNorms.contains(own))
        source = own;
    return refuse(op, "the scale of " + describe(source) + " cannot be folded into " +
                          describe(op) + ", which uses its result");
  }
  if (std::optional<NormOp> self = getNorm(op)) {
    if (set.hasLayerNorm && !self->isLayerNorm)
      return refuse(op, describe(op) + " sees the mean of the channels, layer_norm does not");
    norm = op;
  } else if (!isTransparent || isMixed) {
    norm = nullptr;
  }
  if (norm)
    for (Value result : op->getResults())
      if (set.dims.contains(result))
        pending[result] = norm;
}

RotatableSet mlir::compress::findRotatableSet(Value value, int64_t dim, int64_t size,
                                              llvm::function_ref<bool(const NormOp &)> isPlain) {
  return Finder(size, isPlain).find(value, dim);
}
