//===- NormalizationOps.cpp - normalisations, reductions and scans -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Normalization.h"
#include "compress/Reference/Reduce.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

/// True if a tensor of shape `from` broadcasts to one of shape `to` without changing it.
static bool broadcastsTo(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (from.size() > to.size())
    return false;
  ArrayRef<int64_t> tail = to.take_back(from.size());
  return llvm::all_of(llvm::zip_equal(from, tail), [](auto pair) {
    return std::get<0>(pair) == 1 || isSameDim(std::get<0>(pair), std::get<1>(pair));
  });
}

/// The input, which has the dim `axis`.
static FailureOr<RankedTensorType> getInputWithAxis(const InferenceSite &site, Value input,
                                                    int64_t axis) {
  FailureOr<RankedTensorType> type = site.getTensor(input, "input");
  if (failed(type) || failed(site.checkAxis(axis, type->getRank())))
    return failure();
  return type;
}

/// Relates every dim of `input` but `axis` to the dim of `result`, in order.
static void relateOthers(DimensionRelations &relations, Value input, Value result, int64_t axis,
                         bool keepdims) {
  int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim != axis)
      relations.same(input, dim, result, !keepdims && dim > axis ? dim - 1 : dim);
}

//===----------------------------------------------------------------------===//
// layer_norm
//===----------------------------------------------------------------------===//

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  // C1
  FailureOr<RankedTensorType> input =
      getInputWithAxis(site, adaptor.getInput(), static_cast<int64_t>(adaptor.getAxis()));
  if (failed(input))
    return failure();
  // C2, C3
  for (Value parameter : {adaptor.getScale(), adaptor.getBias()}) {
    if (!parameter)
      continue;
    FailureOr<RankedTensorType> type = site.getTensor(parameter, "parameter");
    if (failed(type))
      return failure();
    if (!broadcastsTo(type->getShape(), input->getShape()))
      return site.error("expects scale and bias that broadcast to " +
                        dimsToString(input->getShape()) + ", got " +
                        dimsToString(type->getShape()));
    if (failed(site.checkElementType("scale and bias", type->getElementType(),
                                     input->getElementType())))
      return failure();
  }
  types.push_back(*input);
  return success();
}

Results LayerNormOp::evaluate(ArrayRef<Tensor> operands) {
  llvm::Expected<reference::LayerNormResult> result =
      reference::layerNorm(operands[0], &operands[1], operands.size() > 2 ? &operands[2] : nullptr,
                           static_cast<int64_t>(getAxis()), getEpsilon().convertToFloat());
  if (!result)
    return result.takeError();
  return single(std::move(result->y));
}

void LayerNormOp::getDimensionRelations(DimensionRelations &relations) {
  relations.elementwise(*this);
}

//===----------------------------------------------------------------------===//
// batch_norm
//===----------------------------------------------------------------------===//

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  // C1
  if (input->getRank() < 2)
    return site.error("expects an input of rank 2 or more, got " + dimsToString(input->getShape()));
  // C2, C3
  SmallVector<int64_t> dims(input->getShape());
  for (Value parameter :
       {adaptor.getScale(), adaptor.getBias(), adaptor.getMean(), adaptor.getVariance()}) {
    FailureOr<RankedTensorType> type = site.getTensor(parameter, "parameter");
    if (failed(type) || failed(site.checkVector("parameters", *type, dims[1])) ||
        failed(
            site.checkElementType("parameters", type->getElementType(), input->getElementType())))
      return failure();
    dims[1] = refineDim(dims[1], type->getDimSize(0));
  }
  return site.push(dims, input->getElementType(), types);
}

Results BatchNormOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::batchNorm(operands[0], operands[1], operands[2], operands[3],
                                     operands[4], getEpsilon().convertToFloat()));
}

void BatchNormOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
  for (Value parameter : getOperands().drop_front())
    relations.same(parameter, 0, getResult(), 1);
}

//===----------------------------------------------------------------------===//
// softmax, log_softmax
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kSoftmaxReason = "a softmax runs along this dim";

/// The result has the input's type.
static LogicalResult inferAlongAxis(std::optional<Location> location, StringRef op, Value input,
                                    int64_t axis, SmallVectorImpl<Type> &types) {
  FailureOr<RankedTensorType> type = getInputWithAxis(InferenceSite(location, op), input, axis);
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  // C1
  return inferAlongAxis(location, getOperationName(), adaptor.getInput(),
                        static_cast<int64_t>(adaptor.getAxis()), types);
}

Results SoftmaxOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::softmax(operands[0], static_cast<int64_t>(getAxis())));
}

void SoftmaxOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
  relations.fixed(getInput(), static_cast<int64_t>(getAxis()), kSoftmaxReason);
}

LogicalResult LogSoftmaxOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                             Adaptor adaptor, SmallVectorImpl<Type> &types) {
  // C1
  return inferAlongAxis(location, getOperationName(), adaptor.getInput(),
                        static_cast<int64_t>(adaptor.getAxis()), types);
}

Results LogSoftmaxOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::logSoftmax(operands[0], static_cast<int64_t>(getAxis())));
}

void LogSoftmaxOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
  relations.fixed(getInput(), static_cast<int64_t>(getAxis()), kSoftmaxReason);
}

//===----------------------------------------------------------------------===//
// reduce
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  // C1
  if (failed(input) || failed(site.checkIncreasingAxes(adaptor.getAxes(), input->getRank())))
    return failure();
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < input->getRank(); ++dim) {
    if (!llvm::is_contained(adaptor.getAxes(), dim))
      dims.push_back(input->getDimSize(dim));
    else if (adaptor.getKeepdims())
      dims.push_back(1);
  }
  return site.push(dims, input->getElementType(), types);
}

Results ReduceOp::evaluate(ArrayRef<Tensor> operands) {
  // The two enumerations have the same cases in the same order.
  reference::ReduceKind kind = static_cast<reference::ReduceKind>(getKind());
  return single(reference::reduce(kind, operands[0], getAxes(), getKeepdims()));
}

/// Whether elements that are zero change nothing, or only a factor that can be multiplied.
static bool ignoresZeros(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
  case ReduceKind::L1:
  case ReduceKind::L2:
  case ReduceKind::LogSum:
  case ReduceKind::SumSquare:
    return true;
  case ReduceKind::Max:
  case ReduceKind::Min:
  case ReduceKind::Prod:
  case ReduceKind::LogSumExp:
    return false;
  }
  llvm_unreachable("all kinds are handled");
}

void ReduceOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t rank = getInput().getType().getRank(), resultDim = 0;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (!llvm::is_contained(getAxes(), dim)) {
      relations.same(getInput(), dim, getResult(), resultDim++);
      continue;
    }
    // Dims that are summed up are independent.
    if (!ignoresZeros(getKind()))
      relations.fixed(getInput(), dim,
                      "a " + stringifyReduceKind(getKind()).str() + " runs along this dim");
    resultDim += getKeepdims();
  }
}

//===----------------------------------------------------------------------===//
// argmax
//===----------------------------------------------------------------------===//

LogicalResult ArgMaxOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  // C1
  int64_t axis = static_cast<int64_t>(adaptor.getAxis());
  FailureOr<RankedTensorType> input = getInputWithAxis(site, adaptor.getInput(), axis);
  if (failed(input))
    return failure();
  SmallVector<int64_t> dims(input->getShape());
  if (adaptor.getKeepdims())
    dims[axis] = 1;
  else
    dims.erase(dims.begin() + axis);
  return site.push(dims, IntegerType::get(context, 64), types);
}

Results ArgMaxOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::argMax(operands[0], static_cast<int64_t>(getAxis()), getKeepdims(),
                                  getSelectLastIndex()));
}

void ArgMaxOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t axis = static_cast<int64_t>(getAxis());
  relations.fixed(getInput(), axis, "positions along this dim are the result");
  relateOthers(relations, getInput(), getResult(), axis, getKeepdims());
}

//===----------------------------------------------------------------------===//
// top_k
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  // C1
  int64_t axis = static_cast<int64_t>(adaptor.getAxis());
  FailureOr<RankedTensorType> input = getInputWithAxis(site, adaptor.getInput(), axis);
  FailureOr<RankedTensorType> k = site.getTensor(adaptor.getK(), "k");
  if (failed(input) || failed(k))
    return failure();
  // C2
  if (!llvm::all_of(k->getShape(), [](int64_t size) { return isSameDim(size, 1); }))
    return site.error("expects k of one element, got shape " + dimsToString(k->getShape()));
  SmallVector<int64_t> dims(input->getShape());
  int64_t size = dims[axis];
  dims[axis] = ShapedType::kDynamic;
  // C3
  std::optional<SmallVector<int64_t>> constant = getConstantIntegers(adaptor.getK());
  if (constant && constant->size() == 1) {
    dims[axis] = constant->front();
    if (dims[axis] < 0 || (!ShapedType::isDynamic(size) && dims[axis] > size))
      return site.error("expects k in [0, " +
                        (ShapedType::isDynamic(size) ? Twine("?") : Twine(size)) + "], got " +
                        Twine(dims[axis]));
  }
  if (failed(site.push(dims, input->getElementType(), types)))
    return failure();
  return site.push(dims, IntegerType::get(context, 64), types);
}

Results TopKOp::evaluate(ArrayRef<Tensor> operands) {
  if (operands[1].getNumElements() != 1)
    return reference::makeError("'compress.top_k' op expects k of one element, got shape " +
                                dimsToString(operands[1].getShape()));
  llvm::Expected<reference::TopKResult> result =
      reference::topK(operands[0], operands[1].loadInt(operands[1].getOffset()),
                      static_cast<int64_t>(getAxis()), getLargest());
  if (!result)
    return result.takeError();
  return SmallVector<Tensor>{std::move(result->values), std::move(result->indices)};
}

void TopKOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t axis = static_cast<int64_t>(getAxis());
  relations.fixed(getInput(), axis, "positions along this dim are a result");
  for (Value result : {getValues(), getIndices()}) {
    relateOthers(relations, getInput(), result, axis, /*keepdims=*/true);
    relations.fixed(result, axis, "sorted by value");
  }
}

//===----------------------------------------------------------------------===//
// cumsum
//===----------------------------------------------------------------------===//

LogicalResult CumSumOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  // C1
  return inferAlongAxis(location, getOperationName(), adaptor.getInput(),
                        static_cast<int64_t>(adaptor.getAxis()), types);
}

Results CumSumOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::cumSum(operands[0], static_cast<int64_t>(getAxis()), getExclusive(),
                                  getReverse()));
}

void CumSumOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t axis = static_cast<int64_t>(getAxis());
  relateOthers(relations, getInput(), getResult(), axis, /*keepdims=*/true);
  relations.fixed(getInput(), axis, "a sum runs along this dim");
  relations.fixed(getResult(), axis, "a sum runs along this dim");
}
