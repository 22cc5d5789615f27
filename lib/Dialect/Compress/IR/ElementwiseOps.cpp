//===- ElementwiseOps.cpp - element-wise ops with attributes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Elementwise.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

//===----------------------------------------------------------------------===//
// where
//===----------------------------------------------------------------------===//

LogicalResult WhereOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> condition = site.getTensor(adaptor.getCondition(), "condition");
  if (failed(condition))
    return failure();
  // C2
  SmallVector<Type> values;
  if (failed(inferBroadcast(context, location, getOperationName(),
                            {adaptor.getOnTrue(), adaptor.getOnFalse()}, nullptr, values)))
    return failure();
  // C1
  RankedTensorType value = cast<RankedTensorType>(values.front());
  FailureOr<SmallVector<int64_t>> dims = broadcastDims(condition->getShape(), value.getShape());
  if (failed(dims))
    return site.error("expects a condition that broadcasts with the values of shape " +
                      dimsToString(value.getShape()) + ", got " +
                      dimsToString(condition->getShape()));
  return site.push(*dims, value.getElementType(), types);
}

Results WhereOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::where(operands[0], operands[1], operands[2]));
}

void WhereOp::getDimensionRelations(DimensionRelations &relations) { relations.elementwise(*this); }

//===----------------------------------------------------------------------===//
// clip
//===----------------------------------------------------------------------===//

LogicalResult ClipOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  // C1
  for (Value bound : {adaptor.getMin(), adaptor.getMax()}) {
    if (!bound)
      continue;
    FailureOr<RankedTensorType> type = site.getTensor(bound, "bound");
    if (failed(type))
      return failure();
    if (type->getRank() != 0)
      return site.error("expects bounds of rank 0, got " + dimsToString(type->getShape()));
    if (failed(site.checkElementType("bounds", type->getElementType(), input->getElementType())))
      return failure();
  }
  types.push_back(*input);
  return success();
}

Results ClipOp::evaluate(ArrayRef<Tensor> operands) {
  const Tensor *min = getMin() ? &operands[1] : nullptr;
  const Tensor *max = getMax() ? &operands[operands.size() - 1] : nullptr;
  return single(reference::clip(operands[0], min, max));
}

void ClipOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
}

//===----------------------------------------------------------------------===//
// Activations with parameters
//===----------------------------------------------------------------------===//

/// The result has the input's type.
static LogicalResult inferInputType(std::optional<Location> location, StringRef op, Value input,
                                    SmallVectorImpl<Type> &types) {
  FailureOr<RankedTensorType> type = InferenceSite(location, op).getTensor(input, "input");
  if (failed(type))
    return failure();
  types.push_back(*type);
  return success();
}

LogicalResult GeluOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferInputType(location, getOperationName(), adaptor.getInput(), types);
}

Results GeluOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::gelu(operands[0], getApproximate() == GeluApproximation::Tanh));
}

void GeluOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
}

LogicalResult LeakyReluOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferInputType(location, getOperationName(), adaptor.getInput(), types);
}

Results LeakyReluOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::leakyRelu(operands[0], getAlpha().convertToFloat()));
}

void LeakyReluOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
}

LogicalResult EluOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                      Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferInputType(location, getOperationName(), adaptor.getInput(), types);
}

Results EluOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::elu(operands[0], getAlpha().convertToFloat()));
}

void EluOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
}

LogicalResult HardSigmoidOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                              Adaptor adaptor, SmallVectorImpl<Type> &types) {
  return inferInputType(location, getOperationName(), adaptor.getInput(), types);
}

Results HardSigmoidOp::evaluate(ArrayRef<Tensor> operands) {
  return single(
      reference::hardSigmoid(operands[0], getAlpha().convertToFloat(), getBeta().convertToFloat()));
}

void HardSigmoidOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
}

//===----------------------------------------------------------------------===//
// cast
//===----------------------------------------------------------------------===//

LogicalResult CastOp::verify() {
  // C1
  ArrayRef<int64_t> input = getInput().getType().getShape();
  ArrayRef<int64_t> result = getResult().getType().getShape();
  bool isSame = input.size() == result.size();
  for (size_t i = 0; isSame && i < input.size(); ++i)
    isSame = isSameDim(input[i], result[i]);
  if (!isSame)
    return emitOpError("expects a result of shape ")
           << dimsToString(input) << ", got " << dimsToString(result);
  return success();
}

Results CastOp::evaluate(ArrayRef<Tensor> operands) {
  std::optional<DataType> type = getDataType(getResult().getType().getElementType());
  if (!type)
    return reference::makeError("'compress.cast' op expects an element type of a tensor, got " +
                                typeToString(getResult().getType().getElementType()));
  reference::CastOptions options;
  options.saturate = getSaturate();
  return single(reference::cast(operands[0], *type, options));
}

void CastOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
}

OpOperand &CastOp::getEncodedOperand() { return getInputMutable(); }

bool CastOp::isDecodeLink() {
  Value input = getOperation()->getOperand(0);
  if (!input)
    return false;
  auto from = dyn_cast<RankedTensorType>(input.getType());
  if (!from || !(from.getElementType().isF16() || from.getElementType().isBF16()) ||
      !getResult().getType().getElementType().isF32())
    return false;
  // Scalars are no weights; patterns want to see their values.
  if (!from.hasStaticShape() || from.getNumElements() < 2)
    return false;
  return isa_and_nonnull<WeightSourceOpInterface, ExpandNMOp, ExpandBitmapOp>(
      input.getDefiningOp());
}
