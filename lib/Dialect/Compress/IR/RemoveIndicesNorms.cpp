//===- RemoveIndicesNorms.cpp - ops that count, after indices are gone -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `removeIndices` of norms, means and attention. With `r` the share of the indices that is left, a
// mean over all indices, of which the removed ones are zero, is `r` times the mean over what is
// left; what follows from it is said at each op.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/BuiltinOps.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

/// Indices before by indices now, over dims of `value`; 1 if nothing is gone.
static double getOldByNew(const DimensionRemoval &removal, Value value, ArrayRef<int64_t> dims) {
  double ratio = 1;
  for (int64_t dim : dims)
    if (removal.isChanged(value, dim))
      ratio *= static_cast<double>(removal.getOldSize(value, dim)) /
               static_cast<double>(removal.getKept(value, dim).size());
  return ratio;
}

static SmallVector<int64_t> getDimsFrom(Value value, int64_t axis) {
  return llvm::to_vector(
      llvm::seq<int64_t>(axis, cast<RankedTensorType>(value.getType()).getRank()));
}

/// A constant of rank 0.
static Value makeScalar(OpBuilder &builder, Location loc, Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  return ConstantOp::create(
      builder, loc, type,
      DenseElementsAttr::get(type, ArrayRef<Attribute>(FloatAttr::get(elementType, value))));
}

//===----------------------------------------------------------------------===//
// reduce
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  double ratio = getOldByNew(removal, getInput(), getAxes());
  if (ratio == 1)
    return success();
  switch (getKind()) {
  case ReduceKind::Sum:
  case ReduceKind::SumSquare:
  case ReduceKind::L1:
  case ReduceKind::L2:
  case ReduceKind::LogSum:
    return success();
  case ReduceKind::Mean:
    break;
  default:
    return emitOpError("cannot lose indices of a dim that it reduces: zeros would count");
  }
  RankedTensorType type = getResult().getType();
  if (!isa<FloatType>(type.getElementType()))
    return emitOpError("cannot lose indices of a mean of integers");
  builder.setInsertionPointAfter(*this);
  Value factor = makeScalar(builder, getLoc(), type.getElementType(), 1 / ratio);
  Value scaled = MulOp::create(builder, getLoc(), type, getResult(), factor);
  getResult().replaceAllUsesExcept(scaled, scaled.getDefiningOp());
  return success();
}

//===----------------------------------------------------------------------===//
// layer_norm
//===----------------------------------------------------------------------===//

// mean = r * mean'(x), variance = r * mean'((x - mean)^2) + (1 - r) * mean^2, where mean' is over
// what is left: each index that is gone adds (0 - mean)^2.
LogicalResult LayerNormOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  SmallVector<int64_t> axes = getDimsFrom(getInput(), static_cast<int64_t>(getAxis()));
  double ratio = 1 / getOldByNew(removal, getInput(), axes);
  if (ratio == 1)
    return success();
  Location loc = getLoc();
  RankedTensorType type = getInput().getType();
  // The op itself is computed in f32, too.
  bool isNarrow = type.getElementTypeBitWidth() < 32;
  Type element = isNarrow ? builder.getF32Type() : type.getElementType();
  auto widen = [&](Value value) -> Value {
    auto wide = cast<RankedTensorType>(value.getType()).clone(element);
    return isNarrow ? CastOp::create(builder, loc, wide, value).getResult() : value;
  };
  RankedTensorType wide = type.clone(element);
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t axis : axes)
    shape[axis] = 1;
  RankedTensorType reduced = wide.clone(shape);
  auto scalar = [&](double value) { return makeScalar(builder, loc, element, value); };
  auto average = [&](Value value) -> Value {
    Value mean = ReduceOp::create(builder, loc, reduced, value, ReduceKind::Mean, axes,
                                  /*keepdims=*/true);
    return MulOp::create(builder, loc, reduced, mean, scalar(ratio));
  };
  Value input = widen(getInput());
  Value mean = average(input);
  Value centered = SubOp::create(builder, loc, wide, input, mean);
  Value left = average(MulOp::create(builder, loc, wide, centered, centered));
  Value square = MulOp::create(builder, loc, reduced, mean, mean);
  Value gone = MulOp::create(builder, loc, reduced, square, scalar(1 - ratio));
  Value variance = AddOp::create(builder, loc, reduced, left, gone);
  Value guarded =
      AddOp::create(builder, loc, reduced, variance, scalar(getEpsilon().convertToDouble()));
  Value deviation = SqrtOp::create(builder, loc, reduced, guarded);
  Value result = DivOp::create(builder, loc, wide, centered, deviation);
  result = MulOp::create(builder, loc, wide, result, widen(getScale()));
  if (getBias())
    result = AddOp::create(builder, loc, wide, result, widen(getBias()));
  if (isNarrow)
    result = CastOp::create(builder, loc, type, result);
  getResult().replaceAllUsesWith(result);
  erase();
  return success();
}

//===----------------------------------------------------------------------===//
// rms_norm
//===----------------------------------------------------------------------===//

/// `scale * factor` as a new weight source, if nobody else uses `scale`; else as an op.
static FailureOr<Value> scaleParameter(OpBuilder &builder, Operation *op, Value scale,
                                       double factor) {
  auto type = cast<RankedTensorType>(scale.getType());
  auto source = scale.getDefiningOp<WeightSourceOpInterface>();
  if (!source || !scale.hasOneUse()) {
    Value constant = makeScalar(builder, op->getLoc(), type.getElementType(), factor);
    return MulOp::create(builder, op->getLoc(), type, scale, constant).getResult();
  }
  WeightStore store(op->getContext());
  auto emitError = [&] { return op->emitError(); };
  FailureOr<WeightBytes> old = store.read(source.getWeightValue(), type, emitError);
  if (failed(old))
    return failure();
  FailureOr<WeightBuffer> buffer = store.allocate(type, emitError);
  if (failed(buffer))
    return failure();
  DataType dataType = old->getType();
  unsigned size = getStorageBitWidth(dataType) / 8;
  for (int64_t i = 0; i < old->getNumElements(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, old->bytes().data() + i * size, size);
    bits = encodeFloat(dataType, decodeFloat(dataType, bits) * factor);
    std::memcpy(buffer->bytes().data() + i * size, &bits, size);
  }
  std::string oldName = source.getWeightName();
  StringRef base = oldName;
  base.consume_back(".scaled");
  std::string name = (base + ".scaled").str();
  Attribute value = store.commit(name, type, std::move(*buffer));
  WeightSymbols symbols(op->getParentOfType<ModuleOp>());
  return source.createLike(builder, symbols, name, type, value);
}

// sum(x^2) / old + epsilon = (mean'(x^2) + epsilon / r) * r, so the norm with epsilon / r is
// sqrt(r) times the one that is wanted.
LogicalResult RMSNormOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  double oldByNew =
      getOldByNew(removal, getInput(), getDimsFrom(getInput(), static_cast<int64_t>(getAxis())));
  if (oldByNew == 1)
    return success();
  FailureOr<Value> scale = scaleParameter(builder, *this, getScale(), std::sqrt(oldByNew));
  if (failed(scale))
    return failure();
  getScaleMutable().assign(*scale);
  setEpsilonAttr(
      builder.getF32FloatAttr(static_cast<float>(getEpsilon().convertToDouble() * oldByNew)));
  return success();
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

// The scale of the scores is explicit, and the numbers of heads follow from the types.
LogicalResult AttentionOp::removeIndices(OpBuilder &, const DimensionRemoval &) {
  int64_t heads = getQuery().getType().getDimSize(getHeadDim());
  int64_t keyHeads = getKey().getType().getDimSize(getHeadDim());
  if (heads <= 0 || keyHeads <= 0 || heads % keyHeads != 0)
    return emitOpError("cannot have ")
           << heads << " heads of queries for " << keyHeads << " heads of keys";
  return success();
}
