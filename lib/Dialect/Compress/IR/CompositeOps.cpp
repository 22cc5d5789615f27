//===- CompositeOps.cpp - norms, rotary positions and attention -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Contraction.h"
#include "compress/Reference/DataMovement.h"
#include "compress/Reference/Elementwise.h"
#include "compress/Reference/Normalization.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

/// Checks that `parameter` broadcasts to `shape` without changing it and has `elementType`.
static LogicalResult checkParameter(const InferenceSite &site, StringRef what, Value parameter,
                                    ArrayRef<int64_t> shape, Type elementType) {
  FailureOr<RankedTensorType> type = site.getTensor(parameter, what);
  if (failed(type))
    return failure();
  ArrayRef<int64_t> from = type->getShape();
  bool fits = from.size() <= shape.size() &&
              llvm::all_of(llvm::zip_equal(from, shape.take_back(from.size())), [](auto pair) {
                return std::get<0>(pair) == 1 || isSameDim(std::get<0>(pair), std::get<1>(pair));
              });
  if (!fits)
    return site.error("expects " + what + " that broadcasts to " + dimsToString(shape) + ", got " +
                      dimsToString(from));
  return site.checkElementType(what, type->getElementType(), elementType);
}

//===----------------------------------------------------------------------===//
// rms_norm
//===----------------------------------------------------------------------===//

LogicalResult RMSNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                          Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  // C1
  if (failed(input) ||
      failed(site.checkAxis(static_cast<int64_t>(adaptor.getAxis()), input->getRank())))
    return failure();
  // C2, C3
  if (failed(checkParameter(site, "scale", adaptor.getScale(), input->getShape(),
                            input->getElementType())))
    return failure();
  types.push_back(*input);
  return success();
}

Results RMSNormOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::rmsNorm(operands[0], &operands[1], static_cast<int64_t>(getAxis()),
                                   getEpsilon().convertToFloat()));
}

void RMSNormOp::getDimensionRelations(DimensionRelations &relations) {
  relations.elementwise(*this);
}

//===----------------------------------------------------------------------===//
// rotary_embedding
//===----------------------------------------------------------------------===//

LogicalResult RotaryEmbeddingOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                  Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  // C1
  int64_t size = input->getRank() ? input->getShape().back() : ShapedType::kDynamic;
  if (ShapedType::isDynamic(size) || size % 2)
    return site.error("expects an input with a known, even last dim, got " +
                      dimsToString(input->getShape()));
  // C2, C3
  if (failed(checkParameter(site, "cos", adaptor.getCos(), input->getShape(),
                            input->getElementType())) ||
      failed(checkParameter(site, "sin", adaptor.getSin(), input->getShape(),
                            input->getElementType())))
    return failure();
  types.push_back(*input);
  return success();
}

Results RotaryEmbeddingOp::evaluate(ArrayRef<Tensor> operands) {
  int64_t axis = operands[0].getRank() - 1, size = operands[0].getDim(axis);
  auto half = [&](int64_t start, int64_t end) {
    return reference::slice(operands[0], {start}, {end}, {axis}, {1});
  };
  llvm::Expected<Tensor> first = half(0, size / 2);
  if (!first)
    return first.takeError();
  llvm::Expected<Tensor> second = half(size / 2, size);
  if (!second)
    return second.takeError();
  llvm::Expected<Tensor> negated = reference::neg(*second);
  if (!negated)
    return negated.takeError();
  llvm::Expected<Tensor> rotated = reference::concat({*negated, *first}, axis);
  if (!rotated)
    return rotated.takeError();
  llvm::Expected<Tensor> left = reference::mul(operands[0], operands[1]);
  if (!left)
    return left.takeError();
  llvm::Expected<Tensor> right = reference::mul(*rotated, operands[2]);
  if (!right)
    return right.takeError();
  return single(reference::add(*left, *right));
}

void RotaryEmbeddingOp::getDimensionRelations(DimensionRelations &relations) {
  relations.elementwise(*this);
  int64_t last = cast<RankedTensorType>(getResult().getType()).getRank() - 1;
  relations.fixed(getResult(), last, "rotary positions pair its halves");
}

//===----------------------------------------------------------------------===//
// attention
//===----------------------------------------------------------------------===//

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> query = site.getTensor(adaptor.getQuery(), "query");
  FailureOr<RankedTensorType> key = site.getTensor(adaptor.getKey(), "key");
  FailureOr<RankedTensorType> value = site.getTensor(adaptor.getValue(), "value");
  if (failed(query) || failed(key) || failed(value))
    return failure();
  // C1
  if (query->getRank() != 4 || key->getRank() != 4 || value->getRank() != 4)
    return site.error("expects tensors of rank 4");
  // C2
  unsigned heads = adaptor.getLayout() == AttentionLayout::BHSD ? 1 : 2, sequence = 3 - heads;
  int64_t queryHeads = query->getDimSize(heads), keyHeads = key->getDimSize(heads);
  if (ShapedType::isDynamic(queryHeads) || ShapedType::isDynamic(keyHeads) || keyHeads <= 0 ||
      queryHeads % keyHeads || value->getDimSize(heads) != keyHeads)
    return site.error("expects known heads, those of the query a multiple of those of key and "
                      "value, got " +
                      dimsToString(query->getShape()) + ", " + dimsToString(key->getShape()) +
                      " and " + dimsToString(value->getShape()));
  // C3
  if (!isSameDim(query->getDimSize(0), key->getDimSize(0)) ||
      !isSameDim(query->getDimSize(0), value->getDimSize(0)) ||
      !isSameDim(key->getDimSize(sequence), value->getDimSize(sequence)) ||
      !isSameDim(query->getDimSize(3), key->getDimSize(3)))
    return site.error("expects shapes that agree, got " + dimsToString(query->getShape()) + ", " +
                      dimsToString(key->getShape()) + " and " + dimsToString(value->getShape()));
  int64_t batch =
      refineDim(query->getDimSize(0), refineDim(key->getDimSize(0), value->getDimSize(0)));
  // C4
  if (adaptor.getMask()) {
    int64_t keys = refineDim(key->getDimSize(sequence), value->getDimSize(sequence));
    SmallVector<int64_t> scores{batch, queryHeads, query->getDimSize(sequence), keys};
    if (failed(checkParameter(site, "mask", adaptor.getMask(), scores, query->getElementType())))
      return failure();
  }
  // C5
  if (failed(site.checkElementType("key", key->getElementType(), query->getElementType())) ||
      failed(site.checkElementType("value", value->getElementType(), query->getElementType())))
    return failure();
  SmallVector<int64_t> dims(query->getShape());
  dims[0] = batch;
  dims[3] = value->getDimSize(3);
  return site.push(dims, query->getElementType(), types);
}

/// Every head of `x` `[b, heads, s, d]` repeated `times` times.
static llvm::Expected<Tensor> repeatHeads(const Tensor &x, int64_t times) {
  SmallVector<int64_t> shape(x.getShape());
  llvm::Expected<Tensor> split = reference::unsqueeze(x, {2});
  if (!split)
    return split.takeError();
  llvm::Expected<Tensor> expanded =
      reference::expand(*split, {shape[0], shape[1], times, shape[2], shape[3]});
  if (!expanded)
    return expanded.takeError();
  return reference::reshape(*expanded, {shape[0], shape[1] * times, shape[2], shape[3]});
}

/// Attention of `[b, h, s, d]` tensors with one head of keys per head of queries.
static llvm::Expected<Tensor> attend(const Tensor &query, const Tensor &key, const Tensor &value,
                                     const Tensor *mask, double scale) {
  llvm::Expected<Tensor> keysT = reference::transpose(key, {0, 1, 3, 2});
  if (!keysT)
    return keysT.takeError();
  llvm::Expected<Tensor> scores = reference::matmul(query, *keysT);
  if (!scores)
    return scores.takeError();
  scores = reference::mul(*scores, Tensor::scalar(query.getType(), scale));
  if (scores && mask)
    scores = reference::add(*scores, *mask);
  if (!scores)
    return scores.takeError();
  llvm::Expected<Tensor> weights = reference::softmax(*scores, 3);
  if (!weights)
    return weights.takeError();
  return reference::matmul(*weights, value);
}

Results AttentionOp::evaluate(ArrayRef<Tensor> operands) {
  SmallVector<Tensor> heads;
  for (const Tensor &operand : operands.take_front(3)) {
    llvm::Expected<Tensor> tensor = getLayout() == AttentionLayout::BHSD
                                        ? llvm::Expected<Tensor>(operand)
                                        : reference::transpose(operand, {0, 2, 1, 3});
    if (!tensor)
      return tensor.takeError();
    heads.push_back(*tensor);
  }
  for (Tensor &keys : MutableArrayRef<Tensor>(heads).drop_front()) {
    llvm::Expected<Tensor> repeated = repeatHeads(keys, heads[0].getDim(1) / keys.getDim(1));
    if (!repeated)
      return repeated.takeError();
    keys = *repeated;
  }
  llvm::Expected<Tensor> result =
      attend(heads[0], heads[1], heads[2], operands.size() > 3 ? &operands[3] : nullptr,
             getScale().convertToFloat());
  if (!result)
    return result.takeError();
  if (getLayout() == AttentionLayout::BSHD)
    result = reference::transpose(*result, {0, 2, 1, 3});
  return single(std::move(result));
}

void AttentionOp::getDimensionRelations(DimensionRelations &relations) {
  unsigned sequence = getSequenceDim();
  for (unsigned dim : {0u, getHeadDim(), sequence})
    relations.same(getQuery(), dim, getResult(), dim);
  relations.same(getQuery(), 3, getKey(), 3);
  relations.same(getValue(), 3, getResult(), 3);
  relations.same(getKey(), 0, getQuery(), 0);
  relations.same(getValue(), 0, getQuery(), 0);
  relations.same(getKey(), sequence, getValue(), sequence);
  relations.fixed(getKey(), sequence, "a softmax runs along this dim");
  // Heads of queries share a head of keys and values; a single one serves any number.
  unsigned heads = getHeadDim();
  int64_t queryHeads = getQuery().getType().getDimSize(heads);
  int64_t keyHeads = getKey().getType().getDimSize(heads);
  for (Value keys : {getKey(), getValue()})
    if (keyHeads != 1 || queryHeads == 1)
      relations.blocks(keys, heads, 1, getQuery(), heads, queryHeads / keyHeads);
  if (!getMask())
    return;
  // The mask broadcasts to [batch, heads, queries, keys].
  DimOf scores[] = {
      {getQuery(), 0}, {getQuery(), heads}, {getQuery(), sequence}, {getKey(), sequence}};
  RankedTensorType mask = cast<RankedTensorType>(getMask().getType());
  for (int64_t dim = 0, rank = mask.getRank(); dim < rank; ++dim) {
    DimOf score = scores[4 - rank + dim];
    if (mask.getDimSize(dim) != 1 ||
        cast<RankedTensorType>(score.value.getType()).getDimSize(score.dim) == 1)
      relations.same(getMask(), dim, score.value, score.dim);
  }
}
