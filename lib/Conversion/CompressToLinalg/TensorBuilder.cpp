//===- TensorBuilder.cpp - sizes, indices and tensors of a lowering -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TensorBuilder.h"

using namespace mlir;
using namespace mlir::compress;
using onnx::SymbolicExpr;

//===----------------------------------------------------------------------===//
// Index arithmetic
//===----------------------------------------------------------------------===//

/// Folds if both are constants and `fold` gives a value, else builds the op.
template <typename OpTy, typename Fold>
static OpFoldResult binary(IndexMath &math, OpFoldResult a, OpFoldResult b, Fold fold) {
  std::optional<int64_t> x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    if (std::optional<int64_t> result = fold(*x, *y))
      return math.index(*result);
  return OpTy::create(math.builder, math.loc, math.value(a), math.value(b)).getResult();
}

OpFoldResult IndexMath::add(OpFoldResult a, OpFoldResult b) {
  if (isConstantIntValue(a, 0))
    return b;
  if (isConstantIntValue(b, 0))
    return a;
  return binary<arith::AddIOp>(*this, a, b, [](int64_t x, int64_t y) -> std::optional<int64_t> {
    int64_t sum;
    return llvm::AddOverflow(x, y, sum) ? std::nullopt : std::optional(sum);
  });
}

OpFoldResult IndexMath::sub(OpFoldResult a, OpFoldResult b) {
  if (isConstantIntValue(b, 0))
    return a;
  return binary<arith::SubIOp>(*this, a, b, [](int64_t x, int64_t y) -> std::optional<int64_t> {
    int64_t difference;
    return llvm::SubOverflow(x, y, difference) ? std::nullopt : std::optional(difference);
  });
}

OpFoldResult IndexMath::mul(OpFoldResult a, OpFoldResult b) {
  if (isConstantIntValue(a, 1))
    return b;
  if (isConstantIntValue(b, 1))
    return a;
  return binary<arith::MulIOp>(*this, a, b, [](int64_t x, int64_t y) -> std::optional<int64_t> {
    int64_t product;
    return llvm::MulOverflow(x, y, product) ? std::nullopt : std::optional(product);
  });
}

OpFoldResult IndexMath::div(OpFoldResult a, OpFoldResult b) {
  if (isConstantIntValue(b, 1))
    return a;
  return binary<arith::DivUIOp>(*this, a, b, [](int64_t x, int64_t y) {
    return x < 0 || y <= 0 ? std::nullopt : std::optional(x / y);
  });
}

OpFoldResult IndexMath::rem(OpFoldResult a, OpFoldResult b) {
  return binary<arith::RemUIOp>(*this, a, b, [](int64_t x, int64_t y) {
    return x < 0 || y <= 0 ? std::nullopt : std::optional(x % y);
  });
}

OpFoldResult IndexMath::min(OpFoldResult a, OpFoldResult b) {
  if (a == b)
    return a;
  return binary<arith::MinSIOp>(*this, a, b,
                                [](int64_t x, int64_t y) { return std::optional(std::min(x, y)); });
}

OpFoldResult IndexMath::max(OpFoldResult a, OpFoldResult b) {
  if (a == b)
    return a;
  return binary<arith::MaxSIOp>(*this, a, b,
                                [](int64_t x, int64_t y) { return std::optional(std::max(x, y)); });
}

OpFoldResult IndexMath::product(ArrayRef<OpFoldResult> factors) {
  OpFoldResult result = index(1);
  for (OpFoldResult factor : factors)
    result = mul(result, factor);
  return result;
}

std::optional<bool> IndexMath::getKnown(OpFoldResult condition) {
  if (auto attribute = dyn_cast<Attribute>(condition))
    return cast<BoolAttr>(attribute).getValue();
  return std::nullopt;
}

OpFoldResult IndexMath::compare(arith::CmpIPredicate predicate, OpFoldResult a, OpFoldResult b) {
  std::optional<int64_t> x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x && y)
    return builder.getBoolAttr(
        arith::applyCmpPredicate(predicate, APInt(64, *x, true), APInt(64, *y, true)));
  if (a == b)
    return builder.getBoolAttr(arith::applyCmpPredicate(predicate, APInt(64, 0), APInt(64, 0)));
  return arith::CmpIOp::create(builder, loc, predicate, value(a), value(b)).getResult();
}

/// A condition as a value.
static Value getCondition(IndexMath &math, OpFoldResult condition) {
  if (std::optional<bool> known = IndexMath::getKnown(condition))
    return arith::ConstantOp::create(math.builder, math.loc, math.builder.getBoolAttr(*known));
  return cast<Value>(condition);
}

OpFoldResult IndexMath::both(OpFoldResult a, OpFoldResult b) {
  if (std::optional<bool> known = getKnown(a))
    return *known ? b : a;
  if (std::optional<bool> known = getKnown(b))
    return *known ? a : b;
  return arith::AndIOp::create(builder, loc, cast<Value>(a), cast<Value>(b)).getResult();
}

OpFoldResult IndexMath::either(OpFoldResult a, OpFoldResult b) {
  if (std::optional<bool> known = getKnown(a))
    return *known ? a : b;
  if (std::optional<bool> known = getKnown(b))
    return *known ? b : a;
  return arith::OrIOp::create(builder, loc, cast<Value>(a), cast<Value>(b)).getResult();
}

OpFoldResult IndexMath::select(OpFoldResult condition, OpFoldResult a, OpFoldResult b) {
  if (std::optional<bool> known = getKnown(condition))
    return *known ? a : b;
  if (a == b)
    return a;
  return arith::SelectOp::create(builder, loc, cast<Value>(condition), value(a), value(b))
      .getResult();
}

OpFoldResult IndexMath::wrap(OpFoldResult position, OpFoldResult size) {
  return select(less(position, index(0)), add(position, size), position);
}

Value IndexMath::toIndex(Value scalar) {
  if (scalar.getType().isIndex())
    return scalar;
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), scalar);
}

//===----------------------------------------------------------------------===//
// Checks, casts and small tensors
//===----------------------------------------------------------------------===//

void TensorBuilder::check(OpFoldResult condition, const Twine &message) {
  std::optional<bool> known = getKnown(condition);
  if (known && *known)
    return;
  LoweringContext::check(builder, loc, getCondition(*this, condition), "'" + op + "' " + message);
}

void TensorBuilder::checkStaticSizes(RankedTensorType type,
                                     function_ref<OpFoldResult(int64_t)> compute) {
  for (auto [dim, size] : llvm::enumerate(type.getShape()))
    if (!ShapedType::isDynamic(size))
      check(equal(compute(dim), index(size)),
            "dim " + Twine(dim) + " of the result has another size than its type says");
}

Value TensorBuilder::cast(Value value, Type type) {
  if (value.getType() == type)
    return value;
  return tensor::CastOp::create(builder, loc, type, value);
}

Value TensorBuilder::castChecked(Value value, Type type) {
  auto from = mlir::cast<RankedTensorType>(value.getType()),
       to = mlir::cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(from.getShape());
  for (int64_t dim = 0, rank = from.getRank(); dim < rank; ++dim) {
    if (to.isDynamicDim(dim) || from.getDimSize(dim) == to.getDimSize(dim))
      continue;
    check(equal(tensor::getMixedSize(builder, loc, value, dim), index(to.getDimSize(dim))),
          "result has another size than the model declares");
    // A static contradiction stops the run in the check; the types have to agree nevertheless.
    shape[dim] = ShapedType::kDynamic;
  }
  return cast(cast(value, from.clone(shape)), type);
}

SmallVector<OpFoldResult> TensorBuilder::getElements(Value original, Value converted,
                                                     int64_t count) {
  auto type = mlir::cast<RankedTensorType>(original.getType());
  if (std::optional<SmallVector<OpFoldResult>> known =
          lowering.getContents(rewriter, loc, original);
      known && static_cast<int64_t>(known->size()) == count)
    return *known;
  if (type.getRank() == 1)
    check(equal(lowering.getSize(rewriter, loc, original, 0), index(count)),
          "expects " + Twine(count) + " integers");
  SmallVector<OpFoldResult> elements;
  for (int64_t i = 0; i < count; ++i) {
    SmallVector<Value> position;
    if (type.getRank() == 1)
      position.push_back(value(index(i)));
    Value element = tensor::ExtractOp::create(builder, loc, converted, position);
    elements.push_back(toIndex(element));
  }
  return elements;
}

Value TensorBuilder::getScalar(Value tensor) {
  auto type = mlir::cast<RankedTensorType>(tensor.getType());
  SmallVector<Value> position;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    check(equal(tensor::getMixedSize(builder, loc, tensor, dim), index(1)), "expects one element");
    position.push_back(value(index(0)));
  }
  return tensor::ExtractOp::create(builder, loc, tensor, position);
}

Value TensorBuilder::empty(ArrayRef<OpFoldResult> sizes, Type elementType) {
  return createEmpty(builder, loc, sizes, elementType);
}

Value TensorBuilder::fill(ArrayRef<OpFoldResult> sizes, Value scalar) {
  Value target = empty(sizes, scalar.getType());
  return linalg::FillOp::create(builder, loc, scalar, target).getResult(0);
}

Value TensorBuilder::constant(Type elementType, double value) {
  TypedAttr attribute;
  if (isa<FloatType>(elementType))
    attribute = builder.getFloatAttr(elementType, value);
  else
    attribute = builder.getIntegerAttr(elementType, static_cast<int64_t>(value));
  return arith::ConstantOp::create(builder, loc, attribute);
}

bool compress::replaceByContents(ConversionPatternRewriter &rewriter, Operation *op,
                                 LoweringContext &lowering) {
  if (op->getNumResults() != 1)
    return false;
  Value result = op->getResult(0);
  auto type = dyn_cast<RankedTensorType>(result.getType());
  std::optional<SmallVector<OpFoldResult>> contents;
  if (type && isa<IntegerType>(type.getElementType()))
    contents = lowering.getContents(rewriter, op->getLoc(), result);
  if (!contents || contents->empty())
    return false;
  Type elementType = getStorageElementType(type.getElementType());
  auto storage = type.clone(elementType);
  unsigned width = elementType.getIntOrFloatBitWidth();
  SmallVector<APInt> constants;
  for (OpFoldResult element : *contents)
    if (std::optional<int64_t> known = getConstantIntValue(element))
      constants.push_back(APInt(64, *known, true).sextOrTrunc(width));
  if (constants.size() == contents->size()) {
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, DenseElementsAttr::get(storage, constants));
    return true;
  }
  SmallVector<Value> elements;
  for (OpFoldResult element : *contents)
    elements.push_back(arith::IndexCastOp::create(rewriter, op->getLoc(), elementType,
                                                  getIndexValue(rewriter, op->getLoc(), element)));
  rewriter.replaceOpWithNewOp<tensor::FromElementsOp>(op, storage, elements);
  return true;
}

//===----------------------------------------------------------------------===//
// Loops over elements
//===----------------------------------------------------------------------===//

Value TensorBuilder::map(ArrayRef<OpFoldResult> sizes, Type elementType, ValueRange inputs,
                         ArrayRef<AffineMap> maps, Body body) {
  int64_t rank = sizes.size();
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(builder.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  Value target = empty(sizes, elementType);
  return linalg::GenericOp::create(builder, loc, target.getType(), inputs, target, allMaps,
                                   iterators, body)
      .getResult(0);
}

Value TensorBuilder::contract(Value init, ValueRange inputs, ArrayRef<AffineMap> maps,
                              ArrayRef<utils::IteratorType> iterators, Body body) {
  return linalg::GenericOp::create(builder, loc, init.getType(), inputs, init, maps, iterators,
                                   body)
      .getResult(0);
}

Value compress::convertScalar(OpBuilder &builder, Location loc, Value scalar, Type type,
                              bool isUnsigned) {
  Type from = scalar.getType();
  if (from == type)
    return scalar;
  if (isa<FloatType>(type)) {
    if (from.getIntOrFloatBitWidth() < type.getIntOrFloatBitWidth())
      return arith::ExtFOp::create(builder, loc, type, scalar);
    return arith::TruncFOp::create(builder, loc, type, scalar);
  }
  if (from.getIntOrFloatBitWidth() > type.getIntOrFloatBitWidth())
    return arith::TruncIOp::create(builder, loc, type, scalar);
  if (isUnsigned || from.isInteger(1))
    return arith::ExtUIOp::create(builder, loc, type, scalar);
  return arith::ExtSIOp::create(builder, loc, type, scalar);
}

Value TensorBuilder::convertElements(Value tensor, Type elementType, bool isUnsigned) {
  auto type = mlir::cast<RankedTensorType>(tensor.getType());
  if (type.getElementType() == elementType)
    return tensor;
  return map(getSizesOf(tensor), elementType, tensor,
             builder.getMultiDimIdentityMap(type.getRank()),
             [&](OpBuilder &body, Location bodyLoc, ValueRange args) {
               Value result = convertScalar(body, bodyLoc, args[0], elementType, isUnsigned);
               linalg::YieldOp::create(body, bodyLoc, result);
             });
}

Type compress::getAccumulatorType(Type type) {
  if (isa<FloatType>(type))
    return type.getIntOrFloatBitWidth() < 32 ? Float32Type::get(type.getContext()) : type;
  unsigned width = std::max(32u, type.getIntOrFloatBitWidth());
  return IntegerType::get(type.getContext(), width);
}

LogicalResult compress::checkArithmetic(Operation *op, Type type) {
  Type elementType = getElementTypeOrSelf(type);
  if (elementType.isIntOrFloat() &&
      (!isa<FloatType>(elementType) || elementType.getIntOrFloatBitWidth() > 8))
    return success();
  return op->emitError("cannot be compiled to native code: arithmetic on ") << elementType;
}

bool compress::isUnsignedTensor(Value original) {
  return cast<RankedTensorType>(original.getType()).getElementType().isUnsignedInteger();
}

//===----------------------------------------------------------------------===//
// Parts of tensors
//===----------------------------------------------------------------------===//

Value TensorBuilder::slice(Value tensor, ArrayRef<OpFoldResult> offsets,
                           ArrayRef<OpFoldResult> sizes, ArrayRef<OpFoldResult> strides) {
  // An offset at the end of a dim is out of bounds for the op.
  if (llvm::any_of(sizes, [](OpFoldResult size) { return isConstantIntValue(size, 0); }))
    return empty(sizes, mlir::cast<RankedTensorType>(tensor.getType()).getElementType());
  SmallVector<OpFoldResult> ones(offsets.size(), index(1));
  return tensor::ExtractSliceOp::create(builder, loc, tensor, offsets, sizes,
                                        strides.empty() ? ArrayRef<OpFoldResult>(ones) : strides);
}

Value TensorBuilder::insert(Value part, Value into, ArrayRef<OpFoldResult> offsets,
                            ArrayRef<OpFoldResult> sizes) {
  if (llvm::any_of(sizes, [](OpFoldResult size) { return isConstantIntValue(size, 0); }))
    return into;
  SmallVector<OpFoldResult> ones(offsets.size(), index(1));
  return tensor::InsertSliceOp::create(builder, loc, part, into, offsets, sizes, ones);
}

std::pair<Value, SmallVector<AffineExpr>> TensorBuilder::broadcast(Value original, Value converted,
                                                                   Value result,
                                                                   ArrayRef<OpFoldResult> sizes,
                                                                   int64_t rank) {
  auto type = mlir::cast<RankedTensorType>(original.getType());
  int64_t resultRank = sizes.size(), shift = resultRank - rank;
  SmallVector<AffineExpr> exprs;
  bool isProven = true;
  for (int64_t dim = 0; dim < rank; ++dim) {
    std::optional<int64_t> known = lowering.getConstantSize(original, dim);
    std::optional<int64_t> target = lowering.getConstantSize(result, shift + dim);
    AffineExpr loop = builder.getAffineDimExpr(shift + dim);
    if (lowering.isEqual(original, dim, result, shift + dim) || (known && known == target)) {
      exprs.push_back(loop);
    } else if (known == 1) {
      exprs.push_back(builder.getAffineConstantExpr(0));
    } else if (known) {
      check(equal(index(*known), sizes[shift + dim]), "shapes do not broadcast");
      exprs.push_back(loop);
    } else {
      isProven = false;
      exprs.push_back(loop);
    }
  }
  if (isProven)
    return {converted, exprs};
  // A size that is 1 or that of the result, depending on the inputs.
  SmallVector<OpFoldResult> from, to(sizes.take_back(rank));
  for (int64_t dim = 0; dim < rank; ++dim) {
    from.push_back(lowering.getSize(rewriter, loc, original, dim));
    check(either(equal(from[dim], index(1)), equal(from[dim], to[dim])), "shapes do not broadcast");
  }
  // Dims after the ones that broadcast stay.
  for (int64_t dim = rank; dim < type.getRank(); ++dim) {
    from.push_back(lowering.getSize(rewriter, loc, original, dim));
    to.push_back(from.back());
  }
  SmallVector<OpFoldResult> isOne;
  for (auto [source, target] : llvm::zip_equal(from, to))
    isOne.push_back(source == target ? OpFoldResult(builder.getBoolAttr(false))
                                     : equal(source, index(1)));
  Value wide = map(to, mlir::cast<RankedTensorType>(converted.getType()).getElementType(), {}, {},
                   [&](OpBuilder &body, Location bodyLoc, ValueRange) {
                     IndexMath math(body, bodyLoc);
                     SmallVector<Value> position;
                     for (size_t dim = 0; dim < to.size(); ++dim) {
                       Value at = linalg::IndexOp::create(body, bodyLoc, dim);
                       position.push_back(
                           math.value(math.select(isOne[dim], math.index(0), OpFoldResult(at))));
                     }
                     Value element = tensor::ExtractOp::create(body, bodyLoc, converted, position);
                     linalg::YieldOp::create(body, bodyLoc, element);
                   });
  exprs.clear();
  for (int64_t dim = 0; dim < rank; ++dim)
    exprs.push_back(builder.getAffineDimExpr(shift + dim));
  return {wide, exprs};
}
