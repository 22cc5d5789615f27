//===- ContractionOps.cpp - linear, matmul and embedding -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ContractionTypes.h"
#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Contraction.h"
#include "compress/Reference/DataMovement.h"
#include "compress/Reference/Elementwise.h"
#include "compress/Reference/Indexing.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

FailureOr<Type> mlir::compress::getContractionType(const InferenceSite &site, Type lhs, Type rhs) {
  if (lhs.isInteger(8) || lhs.isUnsignedInteger(8))
    if (rhs.isInteger(8) || rhs.isUnsignedInteger(8))
      return Type(IntegerType::get(lhs.getContext(), 32));
  bool isWide = isa<FloatType>(lhs) || (lhs.isInteger() && lhs.getIntOrFloatBitWidth() >= 32);
  if (lhs != rhs || !isWide)
    return site.error("expects operands of one element type, a float or an integer of at least 32 "
                      "bits, or of 8-bit integers, got " +
                      typeToString(lhs) + " and " + typeToString(rhs));
  return lhs;
}

LogicalResult mlir::compress::checkBias(const InferenceSite &site, Value bias, int64_t size,
                                        Type elementType) {
  if (!bias)
    return success();
  FailureOr<RankedTensorType> type = site.getTensor(bias, "bias");
  if (failed(type) || failed(site.checkVector("a bias", *type, size)))
    return failure();
  return site.checkElementType("a bias", type->getElementType(), elementType);
}

//===----------------------------------------------------------------------===//
// linear
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> weight = site.getTensor(adaptor.getWeight(), "weight");
  if (failed(input) || failed(weight))
    return failure();
  // C1
  if (input->getRank() < 1)
    return site.error("expects an input of rank 1 or more, got rank 0");
  if (weight->getRank() != 2)
    return site.error("expects a weight of rank 2, got " + dimsToString(weight->getShape()));
  // C2
  bool isKN = adaptor.getWeightLayout() == WeightLayout::KN;
  int64_t in = weight->getDimSize(isKN ? 0 : 1), out = weight->getDimSize(isKN ? 1 : 0);
  if (!isSameDim(input->getShape().back(), in))
    return site.error("expects an input whose last dim is the weight's contraction size " +
                      Twine(in) + ", got " + dimsToString(input->getShape()));
  // C4
  FailureOr<Type> elementType =
      getContractionType(site, input->getElementType(), weight->getElementType());
  // C3
  if (failed(elementType) || failed(checkBias(site, adaptor.getBias(), out, *elementType)))
    return failure();
  SmallVector<int64_t> dims(input->getShape());
  dims.back() = out;
  if (adaptor.getBias())
    dims.back() = refineDim(out, cast<ShapedType>(adaptor.getBias().getType()).getDimSize(0));
  return site.push(dims, *elementType, types);
}

/// True for the 8-bit integer types.
static bool isByte(const Tensor &tensor) {
  return isInteger(tensor.getType()) && getBitWidth(tensor.getType()) == 8;
}

Results LinearOp::evaluate(ArrayRef<Tensor> operands) {
  bool isKN = getWeightLayout() == WeightLayout::KN;
  const Tensor *bias = operands.size() > 2 ? &operands[2] : nullptr;
  if (!isByte(operands[0]) || !isByte(operands[1]))
    return single(
        reference::linear(operands[0], operands[1], bias,
                          isKN ? reference::WeightLayout::KN : reference::WeightLayout::NK));
  llvm::Expected<Tensor> weight = isKN ? operands[1] : operands[1].transpose({1, 0});
  if (!weight)
    return weight.takeError();
  llvm::Expected<Tensor> product = reference::matmulInteger(operands[0], *weight);
  if (!product || !bias)
    return single(std::move(product));
  return single(reference::add(*product, *bias));
}

void LinearOp::getDimensionRelations(DimensionRelations &relations) {
  bool isKN = getWeightLayout() == WeightLayout::KN;
  int64_t last = getInput().getType().getRank() - 1;
  for (int64_t dim = 0; dim < last; ++dim)
    relations.same(getInput(), dim, getResult(), dim);
  relations.same(getInput(), last, getWeight(), isKN ? 0 : 1);
  relations.same(getWeight(), isKN ? 1 : 0, getResult(), last);
  if (getBias())
    relations.same(getBias(), 0, getResult(), last);
}

SmallVector<WeightOperand> LinearOp::getWeightOperands() {
  bool isKN = getWeightLayout() == WeightLayout::KN;
  return {{&getWeightMutable(), {isKN ? 1 : 0}, {isKN ? 0 : 1}, {}}};
}

StringRef LinearOp::getWeightedKind() { return "linear"; }

//===----------------------------------------------------------------------===//
// matmul
//===----------------------------------------------------------------------===//

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> lhs = site.getTensor(adaptor.getLhs(), "left operand");
  FailureOr<RankedTensorType> rhs = site.getTensor(adaptor.getRhs(), "right operand");
  if (failed(lhs) || failed(rhs))
    return failure();
  ArrayRef<int64_t> a = lhs->getShape(), b = rhs->getShape();
  // C1
  if (a.empty() || b.empty())
    return site.error("expects operands of rank 1 or more, got " + dimsToString(a) + " and " +
                      dimsToString(b));
  // C2
  int64_t contractedB = b.size() == 1 ? b[0] : b[b.size() - 2];
  if (!isSameDim(a.back(), contractedB))
    return site.error("expects contracted dims of one size, got " + Twine(a.back()) + " and " +
                      Twine(contractedB));
  // C3
  FailureOr<SmallVector<int64_t>> dims = broadcastDims(a.drop_back(std::min<size_t>(a.size(), 2)),
                                                       b.drop_back(std::min<size_t>(b.size(), 2)));
  if (failed(dims))
    return site.error("expects batch dims that broadcast, got " + dimsToString(a) + " and " +
                      dimsToString(b));
  // C4
  FailureOr<Type> elementType =
      getContractionType(site, lhs->getElementType(), rhs->getElementType());
  if (failed(elementType))
    return failure();
  if (a.size() > 1)
    dims->push_back(a[a.size() - 2]);
  if (b.size() > 1)
    dims->push_back(b.back());
  return site.push(*dims, *elementType, types);
}

Results MatMulOp::evaluate(ArrayRef<Tensor> operands) {
  if (isByte(operands[0]) && isByte(operands[1]))
    return single(reference::matmulInteger(operands[0], operands[1]));
  return single(reference::matmul(operands[0], operands[1]));
}

/// Relates the batch dims of an operand to those of the result, which are aligned at the end.
static void relateBatch(DimensionRelations &relations, Value operand, Value result,
                        int64_t resultBatchRank) {
  RankedTensorType type = cast<RankedTensorType>(operand.getType());
  RankedTensorType resultType = cast<RankedTensorType>(result.getType());
  int64_t offset = resultBatchRank - (type.getRank() - 2);
  for (int64_t dim = 0; dim < type.getRank() - 2; ++dim)
    if (type.getDimSize(dim) != 1 || resultType.getDimSize(dim + offset) == 1)
      relations.same(operand, dim, result, dim + offset);
}

void MatMulOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t rankA = getLhs().getType().getRank(), rankB = getRhs().getType().getRank();
  int64_t batchRank = std::max<int64_t>({rankA - 2, rankB - 2, 0});
  relateBatch(relations, getLhs(), getResult(), batchRank);
  relateBatch(relations, getRhs(), getResult(), batchRank);
  relations.same(getLhs(), rankA - 1, getRhs(), rankB == 1 ? 0 : rankB - 2);
  if (rankA > 1)
    relations.same(getLhs(), rankA - 2, getResult(), batchRank);
  if (rankB > 1)
    relations.same(getRhs(), rankB - 1, getResult(), getResult().getType().getRank() - 1);
}

SmallVector<WeightOperand> MatMulOp::getWeightOperands() {
  SmallVector<WeightOperand> operands;
  auto add = [&](OpOperand &operand, bool isRhs) {
    int64_t rank = cast<RankedTensorType>(operand.get().getType()).getRank();
    if (rank < 2)
      return;
    WeightOperand weight{&operand, {rank - 1}, {rank - 2}, {}};
    if (!isRhs)
      std::swap(weight.outputDims, weight.contractionDims);
    for (int64_t dim = 0; dim < rank - 2; ++dim)
      weight.batchDims.push_back(dim);
    operands.push_back(std::move(weight));
  };
  // Models write activation times weight.
  add(getRhsMutable(), /*isRhs=*/true);
  add(getLhsMutable(), /*isRhs=*/false);
  return operands;
}

StringRef MatMulOp::getWeightedKind() { return "matmul"; }

//===----------------------------------------------------------------------===//
// embedding
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> table = site.getTensor(adaptor.getTable(), "table");
  FailureOr<RankedTensorType> indices = site.getTensor(adaptor.getIndices(), "indices");
  if (failed(table) || failed(indices))
    return failure();
  // C1
  if (table->getRank() != 2)
    return site.error("expects a table of rank 2, got " + dimsToString(table->getShape()));
  SmallVector<int64_t> dims(indices->getShape());
  dims.push_back(table->getDimSize(1));
  return site.push(dims, table->getElementType(), types);
}

Results EmbeddingOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::gather(operands[0], operands[1], /*axis=*/0));
}

void EmbeddingOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t rank = getIndices().getType().getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    relations.same(getIndices(), dim, getResult(), dim);
  relations.fixed(getTable(), 0, "rows are chosen by index");
  relations.same(getTable(), 1, getResult(), rank);
}

SmallVector<WeightOperand> EmbeddingOp::getWeightOperands() {
  return {{&getTableMutable(), {0}, {1}, {}}};
}

StringRef EmbeddingOp::getWeightedKind() { return "embedding"; }
