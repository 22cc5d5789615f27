//===- ShapeOps.cpp - ops that change only the shape: reshape, broadcast, transpose, squeeze -*- C++
//-*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "ReshapeDims.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/DataMovement.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

//===----------------------------------------------------------------------===//
// reshape
//===----------------------------------------------------------------------===//

/// The static length of a shape operand, which is the rank of the result.
static FailureOr<int64_t> getResultRank(const InferenceSite &site, Value shape) {
  FailureOr<RankedTensorType> type = site.getTensor(shape, "shape");
  if (failed(type))
    return failure();
  if (type->getRank() != 1 || type->isDynamicDim(0))
    return site.error("expects a shape of rank 1 and known length, got " +
                      dimsToString(type->getShape()));
  return type->getDimSize(0);
}

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<int64_t> rank = getResultRank(site, adaptor.getShape());
  if (failed(input) || failed(rank))
    return failure();
  SmallVector<int64_t> sizes(*rank, ShapedType::kDynamic);
  if (std::optional<SmallVector<int64_t>> shape = getConstantIntegers(adaptor.getShape())) {
    // C1, C2
    FailureOr<SmallVector<ReshapeDim>> dims =
        getReshapedDims(site, input->getShape(), *shape, adaptor.getAllowzero());
    if (failed(dims))
      return failure();
    sizes = llvm::map_to_vector(*dims, [](const ReshapeDim &dim) { return dim.getSize(); });
  }
  return site.push(sizes, input->getElementType(), types);
}

Results ReshapeOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::reshape(operands[0], operands[1].toInts(), getAllowzero()));
}

/// Dims of the result in terms of the input's, from the shape operand if it is constant.
static SmallVector<ReshapeDim> getResultDims(ReshapeOp op) {
  ArrayRef<int64_t> input = op.getInput().getType().getShape();
  if (std::optional<SmallVector<int64_t>> shape = getConstantIntegers(op.getShape())) {
    FailureOr<SmallVector<ReshapeDim>> dims = getReshapedDims(
        InferenceSite(std::nullopt, op.getOperationName()), input, *shape, op.getAllowzero());
    if (succeeded(dims))
      return *dims;
  }
  return getReshapedDims(input, op.getResult().getType().getShape());
}

void ReshapeOp::getDimensionRelations(DimensionRelations &relations) {
  relations.fixed(getShape(), 0, "entries of a shape");
  relateReshape(relations, getInput(), getResult(), getResultDims(*this));
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  // The shape is what it was.
  if (getInput().getType() == getResult().getType() &&
      getResultDims(*this) == getInputDims(getInput().getType().getShape()))
    return getInput();
  // reshape(reshape(x)) is reshape(x) if no entry copies a dim of the intermediate value.
  ReshapeOp inner = getInput().getDefiningOp<ReshapeOp>();
  std::optional<SmallVector<int64_t>> shape = getConstantIntegers(getShape());
  if (!inner || !shape || (!getAllowzero() && llvm::is_contained(*shape, 0)))
    return {};
  FailureOr<SmallVector<ReshapeDim>> dims =
      getReshapedDims(InferenceSite(std::nullopt, getOperationName()),
                      inner.getInput().getType().getShape(), *shape, getAllowzero());
  if (failed(dims))
    return {};
  SmallVector<int64_t> sizes =
      llvm::map_to_vector(*dims, [](const ReshapeDim &dim) { return dim.getSize(); });
  if (failed(verifyCompatibleShape(sizes, getResult().getType().getShape())))
    return {};
  getInputMutable().assign(inner.getInput());
  return getResult();
}

//===----------------------------------------------------------------------===//
// broadcast
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<int64_t> rank = getResultRank(site, adaptor.getShape());
  if (failed(input) || failed(rank))
    return failure();
  SmallVector<int64_t> shape(*rank, ShapedType::kDynamic);
  // C1
  if (std::optional<SmallVector<int64_t>> constant = getConstantIntegers(adaptor.getShape()))
    shape = std::move(*constant);
  for (int64_t size : shape)
    if (size < 0 && !ShapedType::isDynamic(size))
      return site.error("expects a shape without negative entries, got " + dimsToString(shape));
  FailureOr<SmallVector<int64_t>> dims = broadcastDims(input->getShape(), shape);
  if (failed(dims))
    return site.error("expects a shape that broadcasts with the input of shape " +
                      dimsToString(input->getShape()) + ", got " + dimsToString(shape));
  return site.push(*dims, input->getElementType(), types);
}

Results BroadcastOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::expand(operands[0], operands[1].toInts()));
}

void BroadcastOp::getDimensionRelations(DimensionRelations &relations) {
  relations.fixed(getShape(), 0, "entries of a shape");
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  int64_t offset = result.getRank() - input.getRank();
  for (int64_t dim = 0; dim < input.getRank(); ++dim)
    if (input.getDimSize(dim) != 1 || result.getDimSize(dim + offset) == 1)
      relations.same(getInput(), dim, getResult(), dim + offset);
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  if (getInput().getType() != getResult().getType())
    return {};
  if (getInput().getType().hasStaticShape())
    return getInput();
  std::optional<SmallVector<int64_t>> shape = getConstantIntegers(getShape());
  if (shape && llvm::all_of(*shape, [](int64_t size) { return size == 1; }))
    return getInput();
  return {};
}

//===----------------------------------------------------------------------===//
// transpose
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  // C1
  ArrayRef<int64_t> perm = adaptor.getPerm();
  SmallVector<int64_t> sorted(perm);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, input->getRank())))
    return site.error("expects a permutation of the " + Twine(input->getRank()) + " dims, got " +
                      dimsToString(perm));
  SmallVector<int64_t> dims =
      llvm::map_to_vector(perm, [&](int64_t dim) { return input->getDimSize(dim); });
  return site.push(dims, input->getElementType(), types);
}

Results TransposeOp::evaluate(ArrayRef<Tensor> operands) {
  // An empty permutation is that of rank 0, not a reversal.
  return single(operands[0].transpose(getPerm()));
}

void TransposeOp::getDimensionRelations(DimensionRelations &relations) {
  for (auto [dim, source] : llvm::enumerate(getPerm()))
    relations.same(getInput(), source, getResult(), dim);
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (llvm::equal(getPerm(), llvm::seq<int64_t>(0, getPerm().size())) &&
      getInput().getType() == getResult().getType())
    return getInput();
  // transpose(transpose(x)) is one transpose.
  TransposeOp inner = getInput().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> perm =
      llvm::map_to_vector(getPerm(), [&](int64_t dim) { return inner.getPerm()[dim]; });
  SmallVector<int64_t> sizes = llvm::map_to_vector(
      perm, [&](int64_t dim) { return inner.getInput().getType().getDimSize(dim); });
  if (failed(verifyCompatibleShape(sizes, getResult().getType().getShape())))
    return {};
  setPerm(perm);
  getInputMutable().assign(inner.getInput());
  return getResult();
}

//===----------------------------------------------------------------------===//
// squeeze, unsqueeze
//===----------------------------------------------------------------------===//

/// Relates the dims of `longer` that are not in `axes` to those of `shorter`, in order.
static void relateSqueezed(DimensionRelations &relations, Value longer, Value shorter,
                           ArrayRef<int64_t> axes) {
  int64_t rank = cast<RankedTensorType>(longer.getType()).getRank();
  for (int64_t dim = 0, other = 0; dim < rank; ++dim)
    if (!llvm::is_contained(axes, dim))
      relations.same(longer, dim, shorter, other++);
}

LogicalResult SqueezeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  // C1
  if (failed(input) || failed(site.checkIncreasingAxes(adaptor.getAxes(), input->getRank())))
    return failure();
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < input->getRank(); ++dim) {
    int64_t size = input->getDimSize(dim);
    if (!llvm::is_contained(adaptor.getAxes(), dim))
      dims.push_back(size);
    else if (!isSameDim(size, 1))
      return site.error("expects dims of size 1 to remove, got " + Twine(size) + " in dim " +
                        Twine(dim));
  }
  return site.push(dims, input->getElementType(), types);
}

Results SqueezeOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::squeeze(operands[0], getAxes()));
}

void SqueezeOp::getDimensionRelations(DimensionRelations &relations) {
  relateSqueezed(relations, getInput(), getResult(), getAxes());
}

LogicalResult UnsqueezeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  // C1
  ArrayRef<int64_t> axes = adaptor.getAxes();
  if (failed(site.checkIncreasingAxes(axes, input->getRank() + axes.size())))
    return failure();
  SmallVector<int64_t> dims(input->getShape());
  for (int64_t axis : axes)
    dims.insert(dims.begin() + axis, 1);
  return site.push(dims, input->getElementType(), types);
}

Results UnsqueezeOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::unsqueeze(operands[0], getAxes()));
}

void UnsqueezeOp::getDimensionRelations(DimensionRelations &relations) {
  relateSqueezed(relations, getResult(), getInput(), getAxes());
}

//===----------------------------------------------------------------------===//
// shape
//===----------------------------------------------------------------------===//

LogicalResult ShapeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  // C1
  int64_t start = static_cast<int64_t>(adaptor.getStart());
  int64_t end = static_cast<int64_t>(adaptor.getEnd());
  if (start < 0 || end < start || end > input->getRank())
    return site.error("expects 0 <= start <= end <= " + Twine(input->getRank()) + ", got start " +
                      Twine(start) + " and end " + Twine(end));
  return site.push(end - start, IntegerType::get(context, 64), types);
}

Results ShapeOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::shapeOf(operands[0], static_cast<int64_t>(getStart()),
                                   static_cast<int64_t>(getEnd())));
}

void ShapeOp::getDimensionRelations(DimensionRelations &relations) {
  for (int64_t dim = getStart(), end = getEnd(); dim < end; ++dim)
    relations.fixed(getInput(), dim, "its size is read");
  relations.fixed(getResult(), 0, "entries of a shape");
}

OpFoldResult ShapeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> dims = getInput().getType().getShape().slice(getStart(), getEnd() - getStart());
  RankedTensorType type = getResult().getType();
  if (llvm::any_of(dims, ShapedType::isDynamic) || !type.hasStaticShape())
    return {};
  return DenseIntElementsAttr::get(type, dims);
}
