//===- LoopBuilder.cpp - element-wise linalg.generic ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoopBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

static int64_t getStaticSize(Value value, int64_t dim) {
  return cast<RankedTensorType>(value.getType()).getDimSize(dim);
}

/// Size of a dim if it is one number for all inputs.
static std::optional<int64_t> getKnownSize(LoweringContext &lowering, Value value, int64_t dim) {
  int64_t size = getStaticSize(value, dim);
  return ShapedType::isStatic(size) ? size : lowering.getConstantSize(value, dim);
}

static Value compareIndices(OpBuilder &builder, Location loc, OpFoldResult a, OpFoldResult b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                               getIndexValue(builder, loc, a), getIndexValue(builder, loc, b));
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static bool isEqual(LoweringContext &lowering, DimOf a, DimOf b) {
  int64_t size = getStaticSize(a.value, a.dim);
  return (ShapedType::isStatic(size) && size == getStaticSize(b.value, b.dim)) ||
         lowering.isEqual(a.value, a.dim, b.value, b.dim);
}

void compress::checkSameSize(ConversionPatternRewriter &rewriter, Location loc,
                             LoweringContext &lowering, DimOf a, DimOf b, const Twine &message) {
  if (isEqual(lowering, a, b))
    return;
  LoweringContext::check(rewriter, loc,
                         compareIndices(rewriter, loc,
                                        lowering.getSize(rewriter, loc, a.value, a.dim),
                                        lowering.getSize(rewriter, loc, b.value, b.dim)),
                         message);
}

Value compress::multiplySizes(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes) {
  int64_t known = 1;
  Value product;
  for (OpFoldResult size : sizes) {
    if (std::optional<int64_t> constant = getConstantIntValue(size)) {
      known *= *constant;
      continue;
    }
    Value factor = getIndexValue(builder, loc, size);
    product = product ? arith::MulIOp::create(builder, loc, product, factor).getResult() : factor;
  }
  Value constant = arith::ConstantIndexOp::create(builder, loc, known);
  return product ? arith::MulIOp::create(builder, loc, product, constant).getResult() : constant;
}

Value compress::addInAnyOrder(OpBuilder &builder, Location loc, Value a, Value b) {
  auto flags = arith::FastMathFlagsAttr::get(builder.getContext(), arith::FastMathFlags::reassoc);
  return arith::AddFOp::create(builder, loc, a, b, flags);
}

SmallVector<OpFoldResult> compress::getBroadcastSizes(ConversionPatternRewriter &rewriter,
                                                      Location loc, LoweringContext &lowering,
                                                      Value result, ValueRange operands) {
  int64_t rank = cast<RankedTensorType>(result.getType()).getRank();
  auto compute = [&](int64_t dim) -> OpFoldResult {
    OpFoldResult size;
    for (Value operand : operands) {
      int64_t from = dim - rank + cast<RankedTensorType>(operand.getType()).getRank();
      if (from < 0)
        continue;
      std::optional<int64_t> known = getKnownSize(lowering, operand, from);
      if (known && *known == 1)
        continue;
      OpFoldResult next = lowering.getSize(rewriter, loc, operand, from);
      if (known || !size) {
        size = next;
        if (known)
          break;
        continue;
      }
      // The size that is not 1.
      Value isOne = compareIndices(rewriter, loc, size, rewriter.getIndexAttr(1));
      size = arith::SelectOp::create(rewriter, loc, isOne, getIndexValue(rewriter, loc, next),
                                     getIndexValue(rewriter, loc, size))
                 .getResult();
    }
    return size ? size : OpFoldResult(rewriter.getIndexAttr(1));
  };
  return lowering.getResultSizes(rewriter, loc, result, compute);
}

SmallVector<OpFoldResult> compress::getSameSizes(ConversionPatternRewriter &rewriter, Location loc,
                                                 LoweringContext &lowering, Value result,
                                                 Value operand) {
  return lowering.getResultSizes(rewriter, loc, result, [&](int64_t dim) {
    return lowering.getSize(rewriter, loc, operand, dim);
  });
}

Value compress::createEmptyOfType(OpBuilder &builder, Location loc, RankedTensorType type,
                                  ArrayRef<OpFoldResult> sizes) {
  SmallVector<Value> dynamic;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (type.isDynamicDim(dim))
      dynamic.push_back(getIndexValue(builder, loc, size));
  return tensor::EmptyOp::create(builder, loc, type, dynamic);
}

Value compress::insertUnitDims(OpBuilder &builder, Location loc, Value value, RankedTensorType type,
                               ArrayRef<OpFoldResult> sizes, const llvm::SmallBitVector &inserted) {
  if (inserted.none())
    return value.getType() == type ? value : tensor::CastOp::create(builder, loc, type, value);
  // Inserted dims go with the dim before them, or with the first.
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices leading;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (!inserted.test(dim)) {
      groups.push_back(leading);
      leading.clear();
    }
    (groups.empty() ? leading : groups.back()).push_back(dim);
  }
  // What `value` says of its sizes may be less than what the result does.
  auto from = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getRank(), 1);
  SmallVector<OpFoldResult> outputSizes(type.getRank(), builder.getIndexAttr(1));
  int64_t next = 0;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (!inserted.test(dim)) {
      shape[dim] = from.getDimSize(next++);
      outputSizes[dim] = ShapedType::isDynamic(shape[dim])
                             ? OpFoldResult(getIndexValue(builder, loc, sizes[dim]))
                             : OpFoldResult(builder.getIndexAttr(shape[dim]));
    }
  auto expanded = type.clone(shape);
  value = tensor::ExpandShapeOp::create(builder, loc, expanded, value, groups, outputSizes);
  return expanded == type ? value : tensor::CastOp::create(builder, loc, type, value);
}

//===----------------------------------------------------------------------===//
// LoopBuilder
//===----------------------------------------------------------------------===//

LoopBuilder::LoopBuilder(ConversionPatternRewriter &rewriter, Location loc,
                         LoweringContext &lowering, ArrayRef<DimOf> like,
                         ArrayRef<OpFoldResult> sizes)
    : rewriter(rewriter), loc(loc), lowering(lowering), like(like), sizes(sizes) {}

LoopBuilder::LoopBuilder(ConversionPatternRewriter &rewriter, Location loc,
                         LoweringContext &lowering, Value like, ArrayRef<OpFoldResult> sizes)
    : rewriter(rewriter), loc(loc), lowering(lowering), sizes(sizes) {
  for (int64_t dim = 0; dim < getRank(); ++dim)
    this->like.push_back({like, dim});
}

bool LoopBuilder::isSameSize(Value value, int64_t dim, int64_t loop) const {
  return isEqual(lowering, {value, dim}, like[loop]);
}

LoopBuilder::Index LoopBuilder::getBroadcastIndex(Value original, int64_t dim, int64_t loop) {
  Index index;
  index.loop = loop;
  if (isSameSize(original, dim, loop))
    return index;
  if (getKnownSize(lowering, original, dim) == 1) {
    index.loop = -1;
    return index;
  }
  OpFoldResult one = rewriter.getIndexAttr(1);
  OpFoldResult size = lowering.getSize(rewriter, loc, original, dim);
  Value isOne = compareIndices(rewriter, loc, size, one);
  Value fits =
      arith::OrIOp::create(rewriter, loc, isOne, compareIndices(rewriter, loc, size, sizes[loop]));
  LoweringContext::check(rewriter, loc, fits, "sizes of operands do not broadcast");
  // A product with 0 or 1: LLVM makes a version of the loop for a stride of 1.
  index.stride = arith::SelectOp::create(rewriter, loc, isOne,
                                         getIndexValue(rewriter, loc, rewriter.getIndexAttr(0)),
                                         getIndexValue(rewriter, loc, one));
  return index;
}

void LoopBuilder::addInput(Value original, Value converted) {
  auto type = cast<RankedTensorType>(original.getType());
  Input input{converted, type.getElementType(), {}};
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    input.indices.push_back(getBroadcastIndex(original, dim, dim + getRank() - type.getRank()));
  inputs.push_back(std::move(input));
}

void LoopBuilder::addBlocks(Value original, Value converted,
                            std::optional<ArrayRef<int64_t>> block) {
  Input input{converted, cast<RankedTensorType>(original.getType()).getElementType(), {}};
  for (int64_t dim = 0; block && dim < getRank(); ++dim) {
    int64_t size = (*block)[dim];
    std::optional<int64_t> known = getKnownSize(lowering, like[dim].value, like[dim].dim);
    Index index;
    if (size != -1 && !(known && *known <= size)) {
      index.loop = dim;
      index.block = size;
    }
    bool isChecked = (ShapedType::isStatic(getStaticSize(original, dim)) &&
                      ShapedType::isStatic(getStaticSize(like[dim].value, like[dim].dim))) ||
                     (size == 1 && isSameSize(original, dim, dim)) ||
                     (size == -1 && getKnownSize(lowering, original, dim) == 1);
    if (!isChecked) {
      Value total = getIndexValue(rewriter, loc, sizes[dim]);
      Value other = getIndexValue(rewriter, loc, rewriter.getIndexAttr(std::max<int64_t>(size, 1)));
      Value blocks = size == -1
                         ? arith::MinUIOp::create(rewriter, loc, total, other).getResult()
                         : arith::CeilDivUIOp::create(rewriter, loc, total, other).getResult();
      LoweringContext::check(
          rewriter, loc,
          compareIndices(rewriter, loc, lowering.getSize(rewriter, loc, original, dim), blocks),
          "wrong number of scales");
    }
    input.indices.push_back(index);
  }
  inputs.push_back(std::move(input));
}

void LoopBuilder::addStored(Value value, Type element, const llvm::SmallBitVector &dims) {
  Input input{value, element, {}};
  for (unsigned dim : dims.set_bits())
    input.indices.push_back({static_cast<int64_t>(dim), 1, {}});
  inputs.push_back(std::move(input));
}

SmallVector<Value> LoopBuilder::loadInputs(ScalarBuilder &builder, ValueRange arguments) {
  SmallVector<Value> loops, loaded;
  for (int64_t loop = 0; loop < getRank(); ++loop)
    loops.push_back({});
  auto getLoop = [&](int64_t loop) {
    if (!loops[loop])
      loops[loop] = linalg::IndexOp::create(builder, loop);
    return loops[loop];
  };
  for (const Input &input : inputs) {
    Value stored;
    if (llvm::all_of(input.indices, [](const Index &index) { return index.isPlain(); })) {
      stored = arguments.front();
      arguments = arguments.drop_front();
    } else {
      SmallVector<Value> indices;
      for (const Index &index : input.indices) {
        Value at = index.loop < 0 ? arith::ConstantIndexOp::create(builder, 0).getResult()
                                  : getLoop(index.loop);
        if (index.block != 1)
          at = arith::DivUIOp::create(builder, at,
                                      arith::ConstantIndexOp::create(builder, index.block));
        if (index.stride)
          at = arith::MulIOp::create(builder, at, index.stride);
        indices.push_back(at);
      }
      stored = tensor::ExtractOp::create(builder, input.value, indices);
    }
    loaded.push_back(builder.load(stored, input.element));
  }
  return loaded;
}

Operation *LoopBuilder::createGeneric(
    ArrayRef<Value> outputs, ArrayRef<AffineMap> outputMaps, const llvm::SmallBitVector &reduced,
    function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange, ValueRange)> body) {
  MLIRContext *context = rewriter.getContext();
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (const Input &input : inputs) {
    if (!llvm::all_of(input.indices, [](const Index &index) { return index.isPlain(); }))
      continue;
    SmallVector<AffineExpr> exprs;
    for (const Index &index : input.indices)
      exprs.push_back(index.loop < 0 ? getAffineConstantExpr(0, context)
                                     : getAffineDimExpr(index.loop, context));
    operands.push_back(input.value);
    maps.push_back(AffineMap::get(getRank(), 0, exprs, context));
  }
  llvm::append_range(maps, outputMaps);
  SmallVector<utils::IteratorType> iterators;
  for (int64_t loop = 0; loop < getRank(); ++loop)
    iterators.push_back(reduced.test(loop) ? utils::IteratorType::reduction
                                           : utils::IteratorType::parallel);
  return linalg::GenericOp::create(
      rewriter, loc, TypeRange(ValueRange(outputs)), operands, outputs, maps, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
        ScalarBuilder builder(nestedLoc, nested);
        SmallVector<Value> loaded = loadInputs(builder, arguments);
        linalg::YieldOp::create(builder,
                                body(builder, loaded, arguments.take_back(outputs.size())));
      });
}

Value LoopBuilder::create(RankedTensorType type, Type element, BodyFn body) {
  return create({type},
                [&](ScalarBuilder &builder, ValueRange elements) {
                  return SmallVector<Value>{builder.store(body(builder, elements), element)};
                })
      .front();
}

SmallVector<Value>
LoopBuilder::create(ArrayRef<RankedTensorType> types,
                    function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange)> body) {
  SmallVector<Value> outputs;
  for (RankedTensorType type : types)
    outputs.push_back(createEmptyOfType(rewriter, loc, type, sizes));
  SmallVector<AffineMap> maps(types.size(),
                              AffineMap::getMultiDimIdentityMap(getRank(), rewriter.getContext()));
  Operation *generic = createGeneric(outputs, maps, llvm::SmallBitVector(getRank()),
                                     [&](ScalarBuilder &builder, ValueRange elements, ValueRange) {
                                       return body(builder, elements);
                                     });
  return SmallVector<Value>(generic->getResults());
}

Value LoopBuilder::reduce(const llvm::SmallBitVector &reduced, const Reduction &reduction) {
  return reduce(reduced, {reduction.identity},
                [&](ScalarBuilder &builder, ValueRange sums, ValueRange elements) {
                  return SmallVector<Value>{reduction.combine(builder, sums.front(), elements)};
                })
      .front();
}

SmallVector<Value> LoopBuilder::reduce(
    const llvm::SmallBitVector &reduced, ArrayRef<Attribute> identities,
    function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange, ValueRange)> combine) {
  MLIRContext *context = rewriter.getContext();
  SmallVector<OpFoldResult> kept;
  SmallVector<AffineExpr> exprs;
  for (int64_t loop = 0; loop < getRank(); ++loop)
    if (!reduced.test(loop)) {
      kept.push_back(sizes[loop]);
      exprs.push_back(getAffineDimExpr(loop, context));
    }
  SmallVector<Value> filled;
  for (Attribute identity : identities) {
    Value start = arith::ConstantOp::create(rewriter, loc, cast<TypedAttr>(identity));
    Value empty = createEmpty(rewriter, loc, kept, start.getType());
    filled.push_back(linalg::FillOp::create(rewriter, loc, start, empty).getResult(0));
  }
  SmallVector<AffineMap> maps(identities.size(), AffineMap::get(getRank(), 0, exprs, context));
  Operation *generic = createGeneric(
      filled, maps, reduced, [&](ScalarBuilder &builder, ValueRange elements, ValueRange sums) {
        return combine(builder, sums, elements);
      });
  return SmallVector<Value>(generic->getResults());
}
