//===- EpilogueMatch.cpp - what follows a contraction and can be part of its kernel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/EpilogueMatch.h"
#include "compress/Analysis/WeightChain.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<Value> EpilogueMatch::getOperands() const {
  SmallVector<Value> operands;
  for (Value value : {bias, other})
    if (value)
      operands.push_back(value);
  return operands;
}

/// Whether `value` is a constant with one element per index of `channelDim` of `type`.
static bool isBias(Value value, RankedTensorType type, int64_t channelDim) {
  auto bias = dyn_cast<RankedTensorType>(value.getType());
  int64_t channels = type.getDimSize(channelDim);
  if (!bias || ShapedType::isDynamic(channels) || bias.getElementType() != type.getElementType() ||
      bias.getRank() > type.getRank() || failed(getWeightChain(value)))
    return false;
  int64_t leading = type.getRank() - bias.getRank();
  if (channelDim < leading)
    return false;
  for (int64_t dim = 0; dim < bias.getRank(); ++dim)
    if (bias.getDimSize(dim) != (dim + leading == channelDim ? channels : 1))
      return false;
  return true;
}

/// Whether both values have the same shape for all inputs.
static bool haveSameShape(KernelContext &kernels, Value a, Value b) {
  auto typeA = dyn_cast<RankedTensorType>(a.getType());
  auto typeB = dyn_cast<RankedTensorType>(b.getType());
  if (!typeA || !typeB || typeA.getElementType() != typeB.getElementType() ||
      typeA.getRank() != typeB.getRank())
    return false;
  return llvm::all_of(llvm::seq<int64_t>(0, typeA.getRank()),
                      [&](int64_t dim) { return kernels.lowering.isEqual(a, dim, b, dim); });
}

/// The number of a rank-0 or one-element constant.
static std::optional<float> getConstant(Value value) {
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  auto elements =
      source ? dyn_cast_or_null<DenseElementsAttr>(source.getWeightValue()) : DenseElementsAttr();
  if (!elements || elements.getNumElements() != 1 || !elements.getElementType().isF32())
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToFloat();
}

/// The activation that `op` is, if it is one.
static bool matchActivation(Operation *op, Epilogue &epilogue) {
  if (isa<ReluOp>(op))
    epilogue.activation = Activation::Relu;
  else if (isa<SigmoidOp>(op))
    epilogue.activation = Activation::Sigmoid;
  else if (isa<TanhOp>(op))
    epilogue.activation = Activation::Tanh;
  else if (auto gelu = dyn_cast<GeluOp>(op))
    epilogue.activation =
        gelu.getApproximate() == GeluApproximation::Tanh ? Activation::GeluTanh : Activation::Gelu;
  else if (auto clip = dyn_cast<ClipOp>(op)) {
    std::optional<float> low = clip.getMin() ? getConstant(clip.getMin()) : std::nullopt;
    std::optional<float> high = clip.getMax() ? getConstant(clip.getMax()) : std::nullopt;
    if (!low || !high)
      return false;
    epilogue.activation = Activation::Clip;
    epilogue.low = *low;
    epilogue.high = *high;
  } else
    return false;
  return true;
}

/// `x * sigmoid(x)` of `value`: the product, if these are the only uses of `value`.
static MulOp matchSilu(Value value) {
  SigmoidOp sigmoid;
  MulOp product;
  for (Operation *user : value.getUsers()) {
    if (auto op = dyn_cast<SigmoidOp>(user); op && !sigmoid)
      sigmoid = op;
    else if (auto op = dyn_cast<MulOp>(user); op && !product)
      product = op;
    else
      return {};
  }
  if (!sigmoid || !product || !sigmoid->hasOneUse() || *sigmoid->user_begin() != product)
    return {};
  return product;
}

/// The operand of a binary op that is not `value`; null if both are.
static Value getOtherOperand(Operation *op, Value value) {
  Value left = op->getOperand(0), right = op->getOperand(1);
  return left == value ? (right == value ? Value() : right) : left;
}

/// Adds `op`, the only user of `value`, to the match; false if it is no part of an epilogue.
static bool extend(KernelContext &kernels, Operation *op, Value value, int64_t channelDim,
                   EpilogueMatch &match) {
  Epilogue &epilogue = match.epilogue;
  bool isFirst =
      epilogue.activation == Activation::None && epilogue.combine == Epilogue::Combine::None;
  if (isa<AddOp, MulOp>(op)) {
    Value operand = getOtherOperand(op, value);
    if (!operand || op->getResult(0).getType() != value.getType())
      return false;
    auto type = cast<RankedTensorType>(value.getType());
    if (isa<AddOp>(op) && isFirst && !epilogue.bias && isBias(operand, type, channelDim)) {
      epilogue.bias = true;
      match.bias = operand;
      return true;
    }
    if (epilogue.combine != Epilogue::Combine::None || !haveSameShape(kernels, operand, value))
      return false;
    epilogue.combine = isa<AddOp>(op) ? Epilogue::Combine::Add : Epilogue::Combine::Mul;
    match.other = operand;
    return true;
  }
  if (epilogue.activation != Activation::None || !matchActivation(op, epilogue))
    return false;
  epilogue.combineFirst = epilogue.combine != Epilogue::Combine::None;
  return true;
}

EpilogueMatch compress::matchEpilogue(KernelContext &kernels, Operation *op, Value bias,
                                      int64_t channelDim) {
  EpilogueMatch match;
  match.last = op;
  match.bias = bias;
  match.epilogue.bias = bias != nullptr;
  while (true) {
    Value value = match.last->getResult(0);
    Epilogue &epilogue = match.epilogue;
    if (value.hasOneUse()) {
      Operation *user = *value.user_begin();
      if (user->getBlock() != op->getBlock() || !extend(kernels, user, value, channelDim, match))
        break;
      match.last = user;
      continue;
    }
    MulOp silu = epilogue.activation == Activation::None ? matchSilu(value) : MulOp();
    if (!silu || silu->getBlock() != op->getBlock())
      break;
    epilogue.activation = Activation::Silu;
    epilogue.combineFirst = epilogue.combine != Epilogue::Combine::None;
    match.last = silu;
  }
  return match;
}

void compress::replaceMatch(RewriterBase &rewriter, KernelContext &kernels, Operation *op,
                            const EpilogueMatch &match, Value value) {
  kernels.replace(rewriter, match.last, value);
  if (match.last == op)
    return;
  // What is left is a chain without users; it ends at `op`.
  SmallVector<Operation *> dead{op};
  for (size_t next = 0; next < dead.size(); ++next)
    for (Operation *user : dead[next]->getUsers())
      if (!llvm::is_contained(dead, user))
        dead.push_back(user);
  for (Operation *user : llvm::reverse(dead))
    rewriter.eraseOp(user);
}
