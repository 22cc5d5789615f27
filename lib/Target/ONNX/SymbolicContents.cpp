//===- SymbolicContents.cpp - elements of small integer tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The shape arithmetic of exporters, element by element: Shape, Gather, Slice, Concat, Squeeze,
// Unsqueeze, Cast, Add, Mul, Div, Equal, Where.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Target/ONNX/SymbolicShapes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// Value of the predicate of a comparison as 1 or 0, or nothing if it depends on the inputs.
static std::optional<SymbolicExpr> compare(Operation *op, const SymbolicExpr &a,
                                           const SymbolicExpr &b, const SymbolicShapes &shapes) {
  auto truth = [](bool value) { return SymbolicExpr(value ? 1 : 0); };
  if (isa<EqualOp>(op)) {
    if (shapes.isEqual(a, b))
      return truth(true);
    if (shapes.isDifferent(a, b))
      return truth(false);
    return std::nullopt;
  }
  std::optional<SymbolicExpr> difference = a.sub(b);
  std::optional<int64_t> constant = difference ? difference->getConstant() : std::nullopt;
  if (!constant)
    return std::nullopt;
  if (isa<GreaterOp>(op))
    return truth(*constant > 0);
  if (isa<GreaterEqualOp>(op))
    return truth(*constant >= 0);
  if (isa<LessOp>(op))
    return truth(*constant < 0);
  return truth(*constant <= 0);
}

/// One element of the result of an element-wise op on i64 (or i1), or nothing if it is not known.
static std::optional<SymbolicExpr> compute(Operation *op, ArrayRef<SymbolicExpr> operands,
                                           const SymbolicShapes &shapes) {
  using Result = std::optional<SymbolicExpr>;
  auto constant = [&](unsigned i) { return operands[i].getConstant(); };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<AddOp>([&](AddOp) { return operands[0].add(operands[1]); })
      .Case<SubOp>([&](SubOp) { return operands[0].sub(operands[1]); })
      .Case<MulOp>([&](MulOp) { return operands[0].mul(operands[1]); })
      .Case<DivOp>([&](DivOp) -> Result {
        if (Result quotient = operands[0].divExact(operands[1]))
          return quotient;
        if (constant(0) && constant(1) && *constant(1) != 0 && *constant(1) != -1)
          return SymbolicExpr(*constant(0) / *constant(1));
        return std::nullopt;
      })
      .Case<NegOp>([&](NegOp) { return SymbolicExpr(0).sub(operands[0]); })
      .Case<MaxOp>([&](MaxOp) -> Result {
        Result difference = operands[0].sub(operands[1]);
        if (difference && shapes.isNonNegative(*difference))
          return operands[0];
        difference = operands[1].sub(operands[0]);
        if (difference && shapes.isNonNegative(*difference))
          return operands[1];
        return std::nullopt;
      })
      .Case<MinOp>([&](MinOp) -> Result {
        Result difference = operands[0].sub(operands[1]);
        if (difference && shapes.isNonNegative(*difference))
          return operands[1];
        difference = operands[1].sub(operands[0]);
        if (difference && shapes.isNonNegative(*difference))
          return operands[0];
        return std::nullopt;
      })
      .Case<WhereOp>([&](WhereOp) -> Result {
        if (operands[1] == operands[2])
          return operands[1];
        if (!constant(0))
          return std::nullopt;
        return *constant(0) ? operands[1] : operands[2];
      })
      .Case<NotOp>([&](NotOp) -> Result {
        if (!constant(0))
          return std::nullopt;
        return SymbolicExpr(*constant(0) == 0);
      })
      .Case<AndOp>([&](AndOp) -> Result {
        if (operands[0].isConstant(0) || operands[1].isConstant(0))
          return SymbolicExpr(0);
        if (constant(0) && constant(1))
          return SymbolicExpr(1);
        return std::nullopt;
      })
      .Case<OrOp>([&](OrOp) -> Result {
        if ((constant(0) && *constant(0)) || (constant(1) && *constant(1)))
          return SymbolicExpr(1);
        if (constant(0) && constant(1))
          return SymbolicExpr(0);
        return std::nullopt;
      })
      .Case<EqualOp, GreaterOp, GreaterEqualOp, LessOp, LessEqualOp>(
          [&](auto) { return compare(op, operands[0], operands[1], shapes); })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<SymbolicShapes::Dims> SymbolicShapes::inferElementwiseContents(Operation *op) {
  if (!isa<AddOp, SubOp, MulOp, DivOp, NegOp, MaxOp, MinOp, WhereOp, NotOp, AndOp, OrOp, EqualOp,
           GreaterOp, GreaterEqualOp, LessOp, LessEqualOp>(op))
    return std::nullopt;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t count = type.getNumElements();
  SmallVector<SmallVector<SymbolicExpr>> operands;
  for (Value operand : op->getOperands()) {
    // Arithmetic on narrower types wraps.
    auto element = cast<RankedTensorType>(operand.getType()).getElementType();
    if (!element.isInteger(64) && !element.isInteger(1))
      return std::nullopt;
    std::optional<SmallVector<SymbolicExpr>> elements = getContents(operand);
    int64_t size = elements ? elements->size() : 0;
    // Vectors and scalars only: with one element or as many as the result.
    if (!elements || (size != 1 && size != count) ||
        (size != 1 && cast<RankedTensorType>(operand.getType()).getShape() != type.getShape()))
      return std::nullopt;
    operands.push_back(std::move(*elements));
  }
  Dims result;
  bool anyKnown = false;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<SymbolicExpr> element;
    for (ArrayRef<SymbolicExpr> operand : operands)
      element.push_back(operand[operand.size() == 1 ? 0 : i]);
    std::optional<SymbolicExpr> value = compute(op, element, *this);
    anyKnown |= value.has_value();
    result.push_back(value ? *value : newInteger());
  }
  if (!anyKnown)
    return std::nullopt;
  return result;
}

std::optional<SymbolicShapes::Dims> SymbolicShapes::inferContents(Operation *op) {
  using Result = std::optional<Dims>;
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (!isa<IntegerType>(type.getElementType()) || !type.hasStaticShape() ||
      type.getNumElements() > maxContents)
    return std::nullopt;
  auto contentsOf = [&](Value value) -> Result {
    if (std::optional<SmallVector<SymbolicExpr>> elements = getContents(value))
      return Dims(*elements);
    return std::nullopt;
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<ShapeOp>([&](ShapeOp shape) -> Result {
        ArrayRef<SymbolicExpr> from = getDims(shape.getInput());
        return Dims(from.slice(shape.getStart(), shape.getEnd() - shape.getStart()));
      })
      .Case<ReshapeOp, SqueezeOp, UnsqueezeOp>([&](auto) { return contentsOf(op->getOperand(0)); })
      .Case<CastOp>([&](CastOp cast) -> Result {
        // From i64 or i32 to i64 keeps the value; to i32 it is what exporters mean for sizes.
        auto from = llvm::cast<RankedTensorType>(cast.getInput().getType()).getElementType();
        bool exact = (from.isInteger(64) || from.isInteger(32)) &&
                     (type.getElementType().isInteger(64) || from == type.getElementType());
        return exact ? contentsOf(cast.getInput()) : Result();
      })
      .Case<BroadcastOp>([&](BroadcastOp broadcastOp) -> Result {
        Result from = contentsOf(broadcastOp.getInput());
        if (!from || from->size() != 1)
          return std::nullopt;
        return Dims(type.getNumElements(), from->front());
      })
      .Case<GatherOp>([&](GatherOp gather) -> Result {
        Result from = contentsOf(gather.getInput()), at = contentsOf(gather.getIndices());
        if (!from || !at || cast<RankedTensorType>(gather.getInput().getType()).getRank() != 1)
          return std::nullopt;
        Dims result;
        for (const SymbolicExpr &index : *at) {
          int64_t i = index.getConstant().value_or(INT64_MAX), size = from->size();
          if (i < -size || i >= size)
            return std::nullopt;
          result.push_back((*from)[i < 0 ? i + size : i]);
        }
        return result;
      })
      .Case<SliceOp>([&](SliceOp slice) -> Result {
        Result from = contentsOf(slice.getInput()), starts = contentsOf(slice.getStarts());
        if (!from || !starts || slice.getAxes().size() != 1 ||
            cast<RankedTensorType>(slice.getInput().getType()).getRank() != 1)
          return std::nullopt;
        std::optional<int64_t> start = starts->front().getConstant();
        int64_t size = from->size(), step = slice.getSteps()[0];
        if (!start)
          return std::nullopt;
        int64_t first = *start < 0 ? *start + size : *start;
        first = std::clamp<int64_t>(first, 0, step < 0 ? std::max<int64_t>(size - 1, 0) : size);
        Dims result;
        for (int64_t i = 0; i < type.getNumElements(); ++i) {
          int64_t at = first + i * step;
          if (at < 0 || at >= size)
            return std::nullopt;
          result.push_back((*from)[at]);
        }
        return result;
      })
      .Case<ConcatOp>([&](ConcatOp concat) -> Result {
        if (type.getRank() != 1)
          return std::nullopt;
        Dims result;
        bool anyKnown = false;
        for (Value input : concat.getInputs()) {
          auto inputType = cast<RankedTensorType>(input.getType());
          if (Result part = contentsOf(input)) {
            llvm::append_range(result, *part);
            anyKnown = true;
            continue;
          }
          if (!inputType.hasStaticShape())
            return std::nullopt;
          for (int64_t i = 0; i < inputType.getNumElements(); ++i)
            result.push_back(newInteger());
        }
        return anyKnown ? Result(result) : std::nullopt;
      })
      .Case<SplitOp>([&](SplitOp split) -> Result {
        Result from = contentsOf(split.getInput());
        if (!from || cast<RankedTensorType>(split.getInput().getType()).getRank() != 1)
          return std::nullopt;
        ArrayRef<SymbolicExpr> rest(*from);
        for (auto [part, size] : llvm::zip_equal(split.getParts(), split.getSizes())) {
          setContents(part, rest.take_front(size));
          rest = rest.drop_front(size);
        }
        return std::nullopt;
      })
      .Case<ReduceOp>([&](ReduceOp reduce) -> Result {
        Result from = contentsOf(reduce.getInput());
        if (!from || type.getNumElements() != 1 || !type.getElementType().isInteger(64))
          return std::nullopt;
        if (reduce.getKind() == ReduceKind::Prod) {
          if (std::optional<SymbolicExpr> value = product(*from))
            return Dims{*value};
          return std::nullopt;
        }
        if (reduce.getKind() != ReduceKind::Sum)
          return std::nullopt;
        std::optional<SymbolicExpr> sum = SymbolicExpr(0);
        for (const SymbolicExpr &element : *from)
          if (sum)
            sum = sum->add(element);
        return sum ? Result(Dims{*sum}) : std::nullopt;
      })
      .Default([&](Operation *) { return inferElementwiseContents(op); });
}
