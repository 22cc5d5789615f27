//===- IndexingOps.cpp - gather, scatter and range -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/DataMovement.h"
#include "compress/Reference/Indexing.h"

#include <cmath>

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

static constexpr StringLiteral kIndexedReason = "elements of this dim are chosen by index";

//===----------------------------------------------------------------------===//
// gather
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> indices = site.getTensor(adaptor.getIndices(), "indices");
  // C1
  int64_t axis = static_cast<int64_t>(adaptor.getAxis());
  if (failed(input) || failed(indices) || failed(site.checkAxis(axis, input->getRank())))
    return failure();
  SmallVector<int64_t> dims(input->getShape().take_front(axis));
  llvm::append_range(dims, indices->getShape());
  llvm::append_range(dims, input->getShape().drop_front(axis + 1));
  return site.push(dims, input->getElementType(), types);
}

Results GatherOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::gather(operands[0], operands[1], static_cast<int64_t>(getAxis())));
}

/// Constant indices of rank 1 into a dim of known size, counted from the front.
static std::optional<SmallVector<int64_t>> getKnownIndices(GatherOp op) {
  int64_t size = op.getInput().getType().getDimSize(static_cast<int64_t>(op.getAxis()));
  std::optional<SmallVector<int64_t>> indices = getConstantIntegers(op.getIndices());
  if (!indices || op.getIndices().getType().getRank() != 1 || ShapedType::isDynamic(size))
    return std::nullopt;
  for (int64_t &index : *indices) {
    index += index < 0 ? size : 0;
    if (index < 0 || index >= size)
      return std::nullopt;
  }
  return indices;
}

void GatherOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t axis = static_cast<int64_t>(getAxis());
  int64_t rank = getInput().getType().getRank(), indexRank = getIndices().getType().getRank();
  if (std::optional<SmallVector<int64_t>> indices = getKnownIndices(*this);
      indices && !indices->empty())
    relations.mapped(getResult(), axis, getInput(), axis, *indices);
  else
    relations.fixed(getInput(), axis, kIndexedReason);
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim != axis)
      relations.same(getInput(), dim, getResult(), dim < axis ? dim : dim + indexRank - 1);
  for (int64_t dim = 0; dim < indexRank; ++dim)
    relations.same(getIndices(), dim, getResult(), axis + dim);
}

//===----------------------------------------------------------------------===//
// gather_elements
//===----------------------------------------------------------------------===//

LogicalResult GatherElementsOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                 Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> indices = site.getTensor(adaptor.getIndices(), "indices");
  // C1
  if (failed(input) || failed(indices) ||
      failed(site.checkAxis(static_cast<int64_t>(adaptor.getAxis()), input->getRank())))
    return failure();
  // C2
  if (input->getRank() != indices->getRank())
    return site.error("expects input and indices of one rank, got " +
                      dimsToString(input->getShape()) + " and " +
                      dimsToString(indices->getShape()));
  return site.push(indices->getShape(), input->getElementType(), types);
}

Results GatherElementsOp::evaluate(ArrayRef<Tensor> operands) {
  return single(
      reference::gatherElements(operands[0], operands[1], static_cast<int64_t>(getAxis())));
}

void GatherElementsOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t axis = static_cast<int64_t>(getAxis());
  relations.fixed(getInput(), axis, kIndexedReason);
  relations.sameShape(getIndices(), getResult());
  // Other dims may be shorter than the input's.
  for (int64_t dim = 0; dim < getInput().getType().getRank(); ++dim)
    if (dim != axis)
      relations.affine(getResult(), dim, getInput(), dim, 0, 1);
}

//===----------------------------------------------------------------------===//
// gather_nd
//===----------------------------------------------------------------------===//

LogicalResult GatherNDOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                           Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> indices = site.getTensor(adaptor.getIndices(), "indices");
  if (failed(input) || failed(indices))
    return failure();
  // C1
  int64_t batch = static_cast<int64_t>(adaptor.getBatchDims());
  int64_t limit = std::min(input->getRank(), indices->getRank());
  if (batch < 0 || batch >= limit)
    return site.error("expects batch_dims in [0, " + Twine(limit) + "), got " + Twine(batch));
  // C2
  int64_t depth = indices->getShape().back();
  if (ShapedType::isDynamic(depth) || depth < 1 || depth > input->getRank() - batch)
    return site.error("expects indices whose last dim is in [1, " +
                      Twine(input->getRank() - batch) + "], got " +
                      dimsToString(indices->getShape()));
  SmallVector<int64_t> dims(indices->getShape().drop_back());
  // C3
  for (int64_t dim = 0; dim < batch; ++dim) {
    if (!isSameDim(dims[dim], input->getDimSize(dim)))
      return site.error("expects batch dims that agree, got " + Twine(input->getDimSize(dim)) +
                        " and " + Twine(dims[dim]));
    dims[dim] = refineDim(dims[dim], input->getDimSize(dim));
  }
  llvm::append_range(dims, input->getShape().drop_front(batch + depth));
  return site.push(dims, input->getElementType(), types);
}

Results GatherNDOp::evaluate(ArrayRef<Tensor> operands) {
  return single(
      reference::gatherNd(operands[0], operands[1], static_cast<int64_t>(getBatchDims())));
}

void GatherNDOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t batch = static_cast<int64_t>(getBatchDims());
  RankedTensorType input = getInput().getType(), indices = getIndices().getType();
  int64_t last = indices.getRank() - 1, depth = indices.getDimSize(last);
  for (int64_t dim = 0; dim < last; ++dim)
    relations.same(getIndices(), dim, getResult(), dim);
  relations.fixed(getIndices(), last, "components of an index");
  for (int64_t dim = 0; dim < input.getRank(); ++dim) {
    if (dim < batch)
      relations.same(getInput(), dim, getResult(), dim);
    else if (ShapedType::isDynamic(depth) || dim < batch + depth)
      relations.fixed(getInput(), dim, kIndexedReason);
    else
      relations.same(getInput(), dim, getResult(), last + dim - batch - depth);
  }
}

//===----------------------------------------------------------------------===//
// scatter_elements
//===----------------------------------------------------------------------===//

LogicalResult ScatterElementsOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                  Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> indices = site.getTensor(adaptor.getIndices(), "indices");
  FailureOr<RankedTensorType> updates = site.getTensor(adaptor.getUpdates(), "updates");
  // C1
  if (failed(input) || failed(indices) || failed(updates) ||
      failed(site.checkAxis(static_cast<int64_t>(adaptor.getAxis()), input->getRank())))
    return failure();
  // C2
  if (input->getRank() != indices->getRank() || input->getRank() != updates->getRank())
    return site.error("expects input, indices and updates of one rank, got " +
                      dimsToString(input->getShape()) + ", " + dimsToString(indices->getShape()) +
                      " and " + dimsToString(updates->getShape()));
  // C3
  for (int64_t dim = 0; dim < input->getRank(); ++dim)
    if (!isSameDim(indices->getDimSize(dim), updates->getDimSize(dim)))
      return site.error("expects indices and updates of one shape, got " +
                        dimsToString(indices->getShape()) + " and " +
                        dimsToString(updates->getShape()));
  // C4
  if (failed(site.checkElementType("updates", updates->getElementType(), input->getElementType())))
    return failure();
  types.push_back(*input);
  return success();
}

Results ScatterElementsOp::evaluate(ArrayRef<Tensor> operands) {
  // The two enumerations have the same cases in the same order.
  return single(reference::scatterElements(
      operands[0], operands[1], operands[2], static_cast<int64_t>(getAxis()),
      static_cast<reference::ScatterReduction>(getReduction())));
}

void ScatterElementsOp::getDimensionRelations(DimensionRelations &relations) {
  relations.allFixed(*this, kIndexedReason);
}

//===----------------------------------------------------------------------===//
// range
//===----------------------------------------------------------------------===//

/// Elements of an integer range, or nothing for a delta of zero.
static std::optional<int64_t> getRangeSize(int64_t start, int64_t limit, int64_t delta) {
  if (delta == 0)
    return std::nullopt;
  if (delta > 0 ? start >= limit : start <= limit)
    return 0;
  // In two's complement these differences are right even where a signed one would overflow.
  uint64_t from = static_cast<uint64_t>(start), to = static_cast<uint64_t>(limit);
  uint64_t distance = delta > 0 ? to - from : from - to;
  uint64_t step = delta > 0 ? static_cast<uint64_t>(delta) : uint64_t(0) - uint64_t(delta);
  uint64_t count = (distance - 1) / step + 1;
  if (count > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  return static_cast<int64_t>(count);
}

/// Elements of a range of floats, or nothing if they are not less than 2^62. As when it is
/// evaluated, the quotient is that of doubles.
static std::optional<int64_t> getRangeSize(double start, double limit, double delta) {
  double count = std::ceil((limit - start) / delta);
  if (delta == 0 || !(count < 0x1p62)) // Also NaN.
    return std::nullopt;
  return count < 0 ? 0 : static_cast<int64_t>(count);
}

/// The value of a constant of one float.
static std::optional<double> getConstantFloat(Value value) {
  DenseFPElementsAttr elements;
  if (!value || !matchPattern(value, m_Constant(&elements)) || elements.getNumElements() != 1)
    return std::nullopt;
  return (*elements.getValues<FloatAttr>().begin()).getValueAsDouble();
}

LogicalResult RangeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  Type elementType;
  SmallVector<int64_t, 3> integers;
  SmallVector<double, 3> floats;
  for (Value operand : adaptor.getOperands()) {
    FailureOr<RankedTensorType> type = site.getTensor(operand, "operand");
    if (failed(type))
      return failure();
    // C1
    if (type->getRank() != 0)
      return site.error("expects operands of rank 0, got " + dimsToString(type->getShape()));
    if (elementType &&
        failed(site.checkElementType("operands", type->getElementType(), elementType)))
      return failure();
    elementType = type->getElementType();
    if (std::optional<SmallVector<int64_t>> constant = getConstantIntegers(operand))
      integers.push_back(constant->front());
    if (std::optional<double> constant = getConstantFloat(operand))
      floats.push_back(*constant);
  }
  int64_t size = ShapedType::kDynamic;
  if (integers.size() == 3) {
    std::optional<int64_t> count = getRangeSize(integers[0], integers[1], integers[2]);
    // C2
    if (!count)
      return site.error("expects a delta that is not zero and less than 2^63 elements, got start " +
                        Twine(integers[0]) + ", limit " + Twine(integers[1]) + ", delta " +
                        Twine(integers[2]));
    size = *count;
  } else if (floats.size() == 3) {
    std::optional<int64_t> count = getRangeSize(floats[0], floats[1], floats[2]);
    // C2
    if (!count)
      return site.error("expects a delta that is not zero and a finite number of elements");
    size = *count;
  }
  return site.push(size, elementType, types);
}

Results RangeOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::range(operands[0], operands[1], operands[2]));
}

void RangeOp::getDimensionRelations(DimensionRelations &relations) {
  relations.fixed(getResult(), 0, "its size is computed");
}
