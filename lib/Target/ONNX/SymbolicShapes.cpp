//===- SymbolicShapes.cpp - dims as expressions over input dims -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/SymbolicShapes.h"
#include "NormalizeImpl.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Symbols and facts
//===----------------------------------------------------------------------===//

SymbolicExpr SymbolicShapes::newSize() {
  nonNegative.push_back(true);
  return SymbolicExpr::symbol(nonNegative.size() - 1);
}

SymbolicExpr SymbolicShapes::newInteger() {
  nonNegative.push_back(false);
  return SymbolicExpr::symbol(nonNegative.size() - 1);
}

bool SymbolicShapes::isNonNegative(const SymbolicExpr &expr) const {
  return llvm::all_of(expr.getTerms(), [&](const SymbolicExpr::Term &term) {
    return term.coefficient >= 0 &&
           llvm::all_of(term.monomial, [&](uint32_t symbol) { return nonNegative[symbol]; });
  });
}

bool SymbolicShapes::isPositive(const SymbolicExpr &expr) const {
  return isNonNegative(expr) && !expr.getTerms().empty() && expr.getTerms()[0].monomial.empty();
}

bool SymbolicShapes::isDifferent(const SymbolicExpr &a, const SymbolicExpr &b) const {
  std::optional<SymbolicExpr> ab = a.sub(b), ba = b.sub(a);
  return (ab && isPositive(*ab)) || (ba && isPositive(*ba));
}

//===----------------------------------------------------------------------===//
// Dims and contents of values
//===----------------------------------------------------------------------===//

ArrayRef<SymbolicExpr> SymbolicShapes::getDims(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  auto [known, isNew] = dims.try_emplace(value);
  // A type may have become more static since.
  known->second.resize(type.getRank(), SymbolicExpr(-1));
  for (auto [dim, size] : llvm::zip_equal(known->second, type.getShape())) {
    if (!ShapedType::isDynamic(size))
      dim = SymbolicExpr(size);
    else if (isNew || dim.isConstant(-1))
      dim = newSize();
  }
  return known->second;
}

void SymbolicShapes::setDims(Value value, ArrayRef<SymbolicExpr> newDims) {
  dims[value] = Dims(newDims);
}

void SymbolicShapes::forget(Value value) {
  dims.erase(value);
  contents.erase(value);
}

void SymbolicShapes::setDimNames(Value value, ArrayRef<StringRef> names) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() != static_cast<int64_t>(names.size()))
    return;
  Dims result;
  for (auto [name, size] : llvm::zip_equal(names, type.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      result.push_back(SymbolicExpr(size));
    } else if (name.empty()) {
      result.push_back(newSize());
    } else {
      auto [symbol, isNew] = symbolsByName.try_emplace(name, nonNegative.size());
      if (isNew)
        nonNegative.push_back(true);
      result.push_back(SymbolicExpr::symbol(symbol->second));
    }
  }
  setDims(value, result);
}

std::optional<SmallVector<SymbolicExpr>> SymbolicShapes::getContents(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isa<IntegerType>(type.getElementType()) || !type.hasStaticShape() ||
      type.getNumElements() > maxContents)
    return std::nullopt;
  if (auto known = contents.find(value); known != contents.end())
    return SmallVector<SymbolicExpr>(known->second);
  std::optional<SmallVector<int64_t>> constant = constantOf(value);
  if (!constant || static_cast<int64_t>(constant->size()) != type.getNumElements())
    return std::nullopt;
  return SmallVector<SymbolicExpr>(constant->begin(), constant->end());
}

void SymbolicShapes::setContents(Value value, ArrayRef<SymbolicExpr> elements) {
  contents[value] = Dims(elements);
}

RankedTensorType SymbolicShapes::refine(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  for (auto [size, dim] : llvm::zip_equal(shape, getDims(value)))
    if (std::optional<int64_t> constant = dim.getConstant();
        ShapedType::isDynamic(size) && constant && *constant >= 0)
      size = *constant;
  return type.clone(shape);
}

std::optional<SymbolicExpr> SymbolicShapes::product(ArrayRef<SymbolicExpr> factors) {
  std::optional<SymbolicExpr> result = SymbolicExpr(1);
  for (const SymbolicExpr &factor : factors)
    if (result)
      result = result->mul(factor);
  return result;
}

//===----------------------------------------------------------------------===//
// Dims of results
//===----------------------------------------------------------------------===//

SymbolicExpr SymbolicShapes::broadcastDim(const SymbolicExpr &a, const SymbolicExpr &b) {
  if (a == b || b.isConstant(1))
    return a;
  if (a.isConstant(1) || (b.getConstant() && !b.isConstant(1)))
    return b;
  if (a.getConstant())
    return a;
  return newSize();
}

SymbolicShapes::Dims SymbolicShapes::broadcast(ArrayRef<SymbolicExpr> a, ArrayRef<SymbolicExpr> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Dims result(a);
  size_t offset = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i)
    result[offset + i] = broadcastDim(a[offset + i], b[i]);
  return result;
}

std::optional<SymbolicShapes::Dims> SymbolicShapes::reshapeDims(Value input, Value shape,
                                                                bool allowZero) {
  std::optional<SmallVector<SymbolicExpr>> target = getContents(shape);
  if (!target)
    return std::nullopt;
  ArrayRef<SymbolicExpr> from = getDims(input);
  Dims result(target->begin(), target->end());
  std::optional<size_t> inferred;
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i].isConstant(0) && !allowZero && i < from.size())
      result[i] = from[i];
    else if (result[i].isConstant(-1))
      inferred = i;
    else if (!isNonNegative(result[i]))
      return std::nullopt;
  }
  if (!inferred)
    return result;
  // Equal factors cancel before they are multiplied out.
  SmallVector<SymbolicExpr> total(from), others;
  for (size_t i = 0; i < result.size(); ++i) {
    if (i == *inferred)
      continue;
    auto same = llvm::find(total, result[i]);
    if (same != total.end() && !result[i].isConstant(0))
      total.erase(same);
    else
      others.push_back(result[i]);
  }
  std::optional<SymbolicExpr> numerator = product(total), denominator = product(others);
  std::optional<SymbolicExpr> quotient;
  if (numerator && denominator)
    quotient = numerator->divExact(*denominator);
  result[*inferred] = orNew(quotient);
  return result;
}

std::optional<SymbolicShapes::Dims> SymbolicShapes::inferMovement(Operation *op) {
  using Result = std::optional<Dims>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<ReshapeOp>([&](ReshapeOp reshape) {
        return reshapeDims(reshape.getInput(), reshape.getShape(), reshape.getAllowzero());
      })
      .Case<BroadcastOp>([&](BroadcastOp broadcastOp) -> Result {
        std::optional<SmallVector<SymbolicExpr>> target = getContents(broadcastOp.getShape());
        if (!target)
          return std::nullopt;
        return broadcast(getDims(broadcastOp.getInput()), *target);
      })
      .Case<TransposeOp>([&](TransposeOp transpose) -> Result {
        ArrayRef<SymbolicExpr> from = getDims(transpose.getInput());
        Dims result;
        for (int64_t axis : transpose.getPerm())
          result.push_back(from[axis]);
        return result;
      })
      .Case<SqueezeOp>([&](SqueezeOp squeeze) -> Result {
        Dims result;
        for (auto [i, dim] : llvm::enumerate(getDims(squeeze.getInput())))
          if (!llvm::is_contained(squeeze.getAxes(), static_cast<int64_t>(i)))
            result.push_back(dim);
        return result;
      })
      .Case<UnsqueezeOp>([&](UnsqueezeOp unsqueeze) -> Result {
        ArrayRef<SymbolicExpr> from = getDims(unsqueeze.getInput());
        Dims result;
        int64_t rank = from.size() + unsqueeze.getAxes().size();
        for (int64_t i = 0; i < rank; ++i) {
          if (llvm::is_contained(unsqueeze.getAxes(), i)) {
            result.push_back(SymbolicExpr(1));
          } else {
            result.push_back(from.front());
            from = from.drop_front();
          }
        }
        return result;
      })
      .Case<ConcatOp>([&](ConcatOp concat) -> Result {
        Dims result(getDims(concat.getInputs().front()));
        for (Value input : concat.getInputs().drop_front()) {
          for (auto [i, dim] : llvm::enumerate(getDims(input))) {
            if (i == concat.getAxis())
              result[i] = orNew(result[i].add(dim));
            else if (dim.getConstant())
              result[i] = dim;
          }
        }
        return result;
      })
      .Case<SplitOp>([&](SplitOp split) -> Result {
        Dims result(getDims(split.getInput()));
        for (auto [part, size] : llvm::zip_equal(split.getParts(), split.getSizes())) {
          result[split.getAxis()] = SymbolicExpr(size);
          setDims(part, result);
        }
        return std::nullopt;
      })
      .Case<SliceOp>([&](SliceOp slice) -> Result {
        std::optional<SmallVector<SymbolicExpr>> starts = getContents(slice.getStarts()),
                                                 ends = getContents(slice.getEnds());
        Dims result(getDims(slice.getInput()));
        for (auto [i, axis] : llvm::enumerate(slice.getAxes())) {
          SymbolicExpr size = result[axis];
          result[axis] = newSize();
          if (!starts || !ends || slice.getSteps()[i] != 1)
            continue;
          SymbolicExpr start = (*starts)[i], end = (*ends)[i];
          // Negative numbers count from the end. Other ends are taken if they are surely inside.
          if (std::optional<int64_t> c = start.getConstant(); c && *c < 0)
            start = orNew(size.add(start));
          if (std::optional<int64_t> c = end.getConstant(); c && *c < 0)
            end = orNew(size.add(end));
          std::optional<SymbolicExpr> rest = size.sub(end), length;
          bool pastEnd =
              rest && !isNonNegative(*rest) && end.sub(size) && isNonNegative(*end.sub(size));
          if (end.getConstant() && *end.getConstant() >= (int64_t(1) << 31) - 1)
            pastEnd = true;
          if (pastEnd)
            end = size;
          else if (!rest || !isNonNegative(*rest))
            continue;
          length = end.sub(start);
          if (length && isNonNegative(*length) && isNonNegative(start))
            result[axis] = *length;
        }
        return result;
      })
      .Case<PadOp>([&](PadOp pad) -> Result {
        std::optional<SmallVector<SymbolicExpr>> pads = getContents(pad.getPads());
        Dims result(getDims(pad.getInput()));
        if (!pads || pads->size() != 2 * result.size())
          return std::nullopt;
        for (size_t i = 0; i < result.size(); ++i) {
          std::optional<SymbolicExpr> sum = result[i].add((*pads)[i]);
          if (sum)
            sum = sum->add((*pads)[i + result.size()]);
          result[i] = orNew(sum);
        }
        return result;
      })
      .Case<GatherOp>([&](GatherOp gather) -> Result {
        Dims from(getDims(gather.getInput())), result;
        size_t axis = gather.getAxis();
        result.append(from.begin(), from.begin() + axis);
        llvm::append_range(result, getDims(gather.getIndices()));
        result.append(from.begin() + axis + 1, from.end());
        return result;
      })
      .Case<GatherElementsOp>(
          [&](GatherElementsOp gather) -> Result { return Dims(getDims(gather.getIndices())); })
      .Case<GatherNDOp>([&](GatherNDOp gather) -> Result {
        Dims from(getDims(gather.getInput())), at(getDims(gather.getIndices()));
        std::optional<int64_t> depth = at.back().getConstant();
        size_t batch = gather.getBatchDims();
        if (!depth || batch + *depth > from.size())
          return std::nullopt;
        Dims result(at.begin(), at.end() - 1);
        result.append(from.begin() + batch + *depth, from.end());
        return result;
      })
      .Case<LookupVectorsOp>([&](LookupVectorsOp lookup) -> Result {
        RankedTensorType type = lookup.getResult().getType();
        auto axis = static_cast<int64_t>(lookup.getAxis());
        if (type.isDynamicDim(axis))
          return std::nullopt;
        Dims result(getDims(lookup.getCodes()));
        result.pop_back();
        result[axis] = SymbolicExpr(type.getDimSize(axis));
        return result;
      })
      .Case<RangeOp>([&](RangeOp range) -> Result {
        std::optional<SmallVector<SymbolicExpr>> start = getContents(range.getStart()),
                                                 limit = getContents(range.getLimit()),
                                                 delta = getContents(range.getDelta());
        if (!start || !limit || !delta || !delta->front().isConstant(1))
          return std::nullopt;
        std::optional<SymbolicExpr> length = limit->front().sub(start->front());
        if (!length || !isNonNegative(*length))
          return std::nullopt;
        return Dims{*length};
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// True for ops whose (first) result has the shape of their first operand.
static bool keepsShape(Operation *op) {
  return isa<LayerNormOp, RMSNormOp, RotaryEmbeddingOp, BatchNormOp, SoftmaxOp, LogSoftmaxOp,
             CumSumOp, ScatterElementsOp, CastOp, GeluOp, LeakyReluOp, EluOp, HardSigmoidOp, ClipOp,
             QuantizeOp, DequantizeOp, FakeQuantizeOp, MaskOp, LookupOp>(op);
}

std::optional<SymbolicShapes::Dims> SymbolicShapes::inferDims(Operation *op) {
  using Result = std::optional<Dims>;
  if (keepsShape(op))
    return Dims(getDims(op->getOperand(0)));
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<LinearOp>([&](LinearOp linear) -> Result {
        Dims result(getDims(linear.getInput()));
        result.back() = getDims(linear.getWeight())[linear.getWeightLayout() == WeightLayout::KN];
        return result;
      })
      .Case<MatMulOp>([&](MatMulOp matmul) -> Result {
        Dims a(getDims(matmul.getLhs())), b(getDims(matmul.getRhs()));
        Dims result = broadcast(ArrayRef(a).drop_back(std::min<size_t>(2, a.size())),
                                ArrayRef(b).drop_back(std::min<size_t>(2, b.size())));
        if (a.size() > 1)
          result.push_back(a[a.size() - 2]);
        if (b.size() > 1)
          result.push_back(b.back());
        return result;
      })
      .Case<AttentionOp>([&](AttentionOp attention) -> Result {
        Dims result(getDims(attention.getQuery()));
        result.back() = getDims(attention.getValue()).back();
        return result;
      })
      .Case<EmbeddingOp>([&](EmbeddingOp embedding) -> Result {
        Dims result(getDims(embedding.getIndices()));
        result.push_back(getDims(embedding.getTable())[1]);
        return result;
      })
      .Case<ConvOp, ConvTransposeOp, PoolOp>([&](auto window) -> Result {
        Dims result(getDims(window->getResult(0)));
        result[0] = getDims(window->getOperand(0))[0];
        return result;
      })
      .Case<ReduceOp>([&](ReduceOp reduce) -> Result {
        Dims result;
        for (auto [i, dim] : llvm::enumerate(getDims(reduce.getInput()))) {
          if (!llvm::is_contained(reduce.getAxes(), static_cast<int64_t>(i)))
            result.push_back(dim);
          else if (reduce.getKeepdims())
            result.push_back(SymbolicExpr(1));
        }
        return result;
      })
      .Case<ArgMaxOp>([&](ArgMaxOp argmax) -> Result {
        Dims result(getDims(argmax.getInput()));
        if (argmax.getKeepdims())
          result[argmax.getAxis()] = SymbolicExpr(1);
        else
          result.erase(result.begin() + argmax.getAxis());
        return result;
      })
      .Case<TopKOp>([&](TopKOp topK) -> Result {
        Dims result(getDims(topK.getInput()));
        std::optional<SmallVector<SymbolicExpr>> k = getContents(topK.getK());
        result[topK.getAxis()] =
            k && k->size() == 1 && isNonNegative(k->front()) ? k->front() : newSize();
        setDims(topK.getIndices(), result);
        return result;
      })
      .Case<DynamicQuantizeOp>([&](DynamicQuantizeOp quantize) -> Result {
        Dims result(getDims(quantize.getInput()));
        if (quantize.getGranularity() == DynamicGranularity::Row) {
          Dims rows(result);
          rows.back() = SymbolicExpr(1);
          setDims(quantize.getScale(), rows);
          setDims(quantize.getZeroPoint(), rows);
        }
        return result;
      })
      .Default([&](Operation *) -> Result {
        if (Result moved = inferMovement(op))
          return moved;
        if (!isElementwise(op))
          return std::nullopt;
        Dims result;
        for (Value operand : op->getOperands())
          result = broadcast(result, getDims(operand));
        return result;
      });
}

void SymbolicShapes::infer(Operation *op) {
  if (!llvm::all_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>) ||
      !llvm::all_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>) ||
      op->getNumResults() == 0)
    return;
  if (std::optional<Dims> result = inferDims(op);
      result && static_cast<int64_t>(result->size()) ==
                    cast<RankedTensorType>(op->getResult(0).getType()).getRank())
    setDims(op->getResult(0), *result);
  if (std::optional<Dims> elements = inferContents(op)) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (type.hasStaticShape() && type.getNumElements() == static_cast<int64_t>(elements->size()))
      setContents(op->getResult(0), *elements);
  }
}
