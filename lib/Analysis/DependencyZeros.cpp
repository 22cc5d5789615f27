//===- DependencyZeros.cpp - where removed indices are zero -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DependencyZeros.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

static RankedTensorType getTensor(Value value) {
  return dyn_cast_or_null<RankedTensorType>(value ? value.getType() : Type());
}

/// The value of a constant of one float.
static std::optional<double> getScalar(Value value) {
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  auto literal = source ? dyn_cast_or_null<DenseElementsAttr>(source.getWeightValue()) : nullptr;
  if (!literal || !literal.isSplat() || !isa<FloatType>(literal.getElementType()))
    return std::nullopt;
  APFloat scalar = literal.getSplatValue<APFloat>();
  bool losesInfo = false;
  scalar.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return scalar.convertToDouble();
}

/// True for ops that are zero where their only operand is.
static bool keepsZero(Operation *op) {
  return isa<AbsOp, AsinOp, AsinhOp, AtanOp, AtanhOp, CeilOp, ErfOp, FloorOp, HardSwishOp, MishOp,
             NegOp, ReluOp, RoundOp, SignOp, SinOp, SinhOp, SoftsignOp, SqrtOp, TanOp, TanhOp,
             GeluOp, LeakyReluOp, EluOp, CastOp, CumSumOp>(op);
}

ZeroDims::ZeroDims(ArrayRef<WeightedOp> ops) {
  for (const WeightedOp &op : ops)
    weighted.insert(op.op);
}

bool ZeroDims::isZero(Value value, int64_t dim) const {
  if (value.getDefiningOp<WeightSourceOpInterface>())
    return isa<FloatType>(getTensor(value).getElementType());
  return zeros.contains({value, dim});
}

void ZeroDims::add(Operation *op) {
  if (isa<WeightSourceOpInterface>(op) || op->getNumRegions() != 0)
    return;
  for (Value result : op->getResults())
    if (RankedTensorType type = getTensor(result))
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        if (isResultZero(op, result, dim))
          zeros.insert({result, dim});
}

bool ZeroDims::isOperandZero(Value operand, Value result, int64_t dim) const {
  RankedTensorType type = getTensor(operand), resultType = getTensor(result);
  if (!type)
    return false;
  dim -= resultType.getRank() - type.getRank();
  return dim >= 0 && type.getDimSize(dim) != 1 && isZero(operand, dim);
}

bool ZeroDims::isMatMulZero(MatMulOp op, int64_t dim) const {
  Value lhs = op.getLhs(), rhs = op.getRhs();
  int64_t rank = op.getResult().getType().getRank();
  int64_t rankA = getTensor(lhs).getRank(), rankB = getTensor(rhs).getRank();
  if (rankA < 2 || rankB < 2)
    return false;
  if (dim == rank - 1)
    return isZero(rhs, rankB - 1);
  if (dim == rank - 2)
    return isZero(lhs, rankA - 2);
  return isOperandZero(lhs, op.getResult(), dim) || isOperandZero(rhs, op.getResult(), dim);
}

bool ZeroDims::isMovedZero(Operation *op, Value result, int64_t dim) const {
  DimensionRelations relations;
  cast<DimensionRelationOpInterface>(op).getDimensionRelations(relations);
  // Indices and masks are no data.
  Value control = isa<GatherOp, MaskOp>(op) ? op->getOperand(1) : Value();
  bool isRelated = false;
  for (const DimensionRelation &relation : relations.get()) {
    DimOf own{result, dim};
    bool isLhs = llvm::is_contained(relation.lhs, own);
    if (relation.kind == DimensionRelation::Kind::Fixed ||
        (!isLhs && !llvm::is_contained(relation.rhs, own)))
      continue;
    for (const DimOf &other : isLhs ? relation.rhs : relation.lhs) {
      if (other.value == control)
        continue;
      isRelated = true;
      if (!isZero(other.value, other.dim))
        return false;
    }
  }
  return isRelated;
}

bool ZeroDims::isResultZero(Operation *op, Value result, int64_t dim) const {
  auto broadcast = [&](Value operand) { return isOperandZero(operand, result, dim); };
  int64_t rank = getTensor(result).getRank();
  if (keepsZero(op))
    return broadcast(op->getOperand(0));
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<AddOp, SubOp, MaxOp, MinOp>(
          [&](auto o) { return broadcast(o.getLhs()) && broadcast(o.getRhs()); })
      .Case<MulOp>([&](auto o) { return broadcast(o.getLhs()) || broadcast(o.getRhs()); })
      .Case<DivOp, PReluOp>([&](auto o) { return broadcast(o.getLhs()); })
      .Case<PowOp>([&](auto o) {
        std::optional<double> exponent = getScalar(o.getRhs());
        return exponent && *exponent > 0 && broadcast(o.getLhs());
      })
      .Case<ClipOp>([&](auto o) {
        std::optional<double> min = o.getMin() ? getScalar(o.getMin()) : -1;
        std::optional<double> max = o.getMax() ? getScalar(o.getMax()) : 1;
        return min && max && *min <= 0 && *max >= 0 && broadcast(o.getInput());
      })
      .Case<WhereOp>(
          [&](auto o) { return broadcast(o.getOperand(1)) && broadcast(o.getOperand(2)); })
      .Case<LinearOp>([&](auto o) {
        if (dim == rank - 1 && weighted.contains(op))
          return true;
        return dim < rank - 1 && !o.getBias() && isZero(o.getInput(), dim);
      })
      .Case<ConvOp, ConvTransposeOp>([&](auto) { return dim == 1 && weighted.contains(op); })
      .Case<EmbeddingOp>([&](auto) { return dim == rank - 1 && weighted.contains(op); })
      .Case<MatMulOp>([&](auto o) { return isMatMulZero(o, dim); })
      .Case<AttentionOp>([&](auto o) {
        // A single head of values is no head of the result.
        bool isHead = dim == o.getHeadDim() && getTensor(o.getValue()).getDimSize(dim) != 1;
        return (dim == 3 || isHead) && isZero(o.getValue(), dim);
      })
      .Case<PadOp>([&](auto o) {
        bool isZeroPad = o.getMode() != PadMode::Constant || !o.getValue() ||
                         getScalar(o.getValue()).value_or(1) == 0;
        return isZeroPad && isMovedZero(op, result, dim);
      })
      .Case<BatchNormOp>([&](auto) { return dim == 1; })
      .Case<LayerNormOp>([&](auto o) {
        // Zeros are moved by the mean unless the scale brings them back.
        return broadcast(o.getScale()) && (!o.getBias() || broadcast(o.getBias()));
      })
      .Case<RMSNormOp>([&](auto o) { return broadcast(o.getScale()) || broadcast(o.getInput()); })
      .Case<RotaryEmbeddingOp>([&](auto o) { return isZero(o.getInput(), dim); })
      .Case<PoolOp>([&](auto o) { return dim == 1 && isZero(o.getInput(), dim); })
      .Case<ReduceOp>([&](auto o) {
        return o.getKind() != ReduceKind::LogSum && o.getKind() != ReduceKind::LogSumExp &&
               isMovedZero(op, result, dim);
      })
      .Case<ReshapeOp, TransposeOp, SqueezeOp, UnsqueezeOp, ConcatOp, SplitOp, SliceOp, GatherOp,
            BroadcastOp, MaskOp, QuantizeOp, DequantizeOp, FakeQuantizeOp>(
          [&](auto) { return isMovedZero(op, result, dim); })
      .Default(false);
}

SmallVector<DimOf> ZeroDims::findNonZeroSums(Operation *op) const {
  SmallVector<DimOf> found;
  auto check = [&](Value value, int64_t dim) {
    if (getTensor(value).getDimSize(dim) != 1 && !isZero(value, dim))
      found.push_back({value, dim});
  };
  auto checkFrom = [&](Value value, int64_t axis) {
    for (int64_t dim = axis, rank = getTensor(value).getRank(); dim < rank; ++dim)
      check(value, dim);
  };
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    for (int64_t axis : reduce.getAxes())
      check(reduce.getInput(), axis);
  } else if (auto norm = dyn_cast<LayerNormOp>(op)) {
    checkFrom(norm.getInput(), static_cast<int64_t>(norm.getAxis()));
  } else if (auto norm = dyn_cast<RMSNormOp>(op)) {
    checkFrom(norm.getInput(), static_cast<int64_t>(norm.getAxis()));
  } else if (auto quantize = dyn_cast<DynamicQuantizeOp>(op)) {
    // Scales are computed from all elements.
    bool isRow = quantize.getGranularity() == DynamicGranularity::Row;
    checkFrom(quantize.getInput(), isRow ? getTensor(quantize.getInput()).getRank() - 1 : 0);
  } else if (auto attention = dyn_cast<AttentionOp>(op)) {
    if (!isZero(attention.getKey(), 3))
      check(attention.getQuery(), 3);
  } else if (weighted.contains(op)) {
    // What it contracts is masked in the weight.
    return found;
  } else if (auto linear = dyn_cast<LinearOp>(op)) {
    if (!isZero(linear.getWeight(), linear.getWeightLayout() == WeightLayout::KN ? 0 : 1))
      check(linear.getInput(), getTensor(linear.getInput()).getRank() - 1);
  } else if (isa<ConvOp, ConvTransposeOp>(op)) {
    if (!isZero(op->getOperand(1), isa<ConvOp>(op) ? 1 : 0))
      check(op->getOperand(0), 1);
  } else if (auto matmul = dyn_cast<MatMulOp>(op)) {
    Value lhs = matmul.getLhs(), rhs = matmul.getRhs();
    int64_t rankB = getTensor(rhs).getRank();
    if (!isZero(rhs, rankB == 1 ? 0 : rankB - 2))
      check(lhs, getTensor(lhs).getRank() - 1);
  }
  return found;
}
