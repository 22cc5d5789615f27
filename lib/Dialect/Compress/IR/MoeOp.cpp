//===- MoeOp.cpp - mixtures of experts --------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Moe.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;

/// The entry of `parts` for `part`, or null.
static DictionaryAttr getPart(std::optional<DictionaryAttr> parts, StringRef part) {
  return parts ? parts->getAs<DictionaryAttr>(part) : DictionaryAttr();
}

StringAttr MoeOp::getPartName(StringRef part) {
  DictionaryAttr entry = getPart(getParts(), part);
  return entry ? entry.getAs<StringAttr>("name") : StringAttr();
}

PlanAttr MoeOp::getPartPlan(StringRef part) {
  DictionaryAttr entry = getPart(getParts(), part);
  return entry ? entry.getAs<PlanAttr>("plan") : PlanAttr();
}

/// C2: `value`, called `what`, has exactly these dims; C5: and this element type.
static LogicalResult checkWeight(const InferenceSite &site, StringRef what, Value value,
                                 ArrayRef<int64_t> dims, Type elementType) {
  FailureOr<RankedTensorType> type = site.getTensor(value, what);
  if (failed(type))
    return failure();
  if (type->getShape() != dims)
    return site.error("expects " + what + " of shape " + dimsToString(dims) + ", got " +
                      dimsToString(type->getShape()));
  return site.checkElementType(what, type->getElementType(), elementType);
}

/// C6
static LogicalResult checkParts(const InferenceSite &site, DictionaryAttr parts) {
  for (NamedAttribute part : parts) {
    StringRef name = part.getName();
    if (!llvm::is_contained({"router", "w1", "w3", "w2"}, name))
      return site.error("expects the parts router, w1, w3 and w2, got " + name);
    auto entries = dyn_cast<DictionaryAttr>(part.getValue());
    if (!entries)
      return site.error("expects a dictionary for the part " + name);
    for (NamedAttribute entry : entries)
      if (!(entry.getName() == "name" && isa<StringAttr>(entry.getValue())) &&
          !(entry.getName() == "plan" && isa<PlanAttr>(entry.getValue())))
        return site.error("expects the string 'name' and the plan 'plan' in the part " + name +
                          ", got '" + entry.getName().getValue() + "'");
  }
  return success();
}

LogicalResult MoeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                      Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> w1 = site.getTensor(adaptor.getW1(), "w1");
  if (failed(input) || failed(w1))
    return failure();
  // C1
  if (input->getRank() != 2)
    return site.error("expects an input [tokens, d], got " + dimsToString(input->getShape()));
  // C2
  if (w1->getRank() != 3 || !w1->hasStaticShape())
    return site.error("expects w1 [experts, d, h] of known size, got " +
                      dimsToString(w1->getShape()));
  int64_t experts = w1->getDimSize(0), width = w1->getDimSize(1), hidden = w1->getDimSize(2);
  if (!isSameDim(input->getDimSize(1), width))
    return site.error("expects an input whose last dim is " + Twine(width) + " as in w1, got " +
                      dimsToString(input->getShape()));
  Type elementType = input->getElementType();
  if (failed(checkWeight(site, "w1", adaptor.getW1(), w1->getShape(), elementType)) ||
      failed(checkWeight(site, "router", adaptor.getRouter(), {experts, width}, elementType)) ||
      failed(checkWeight(site, "w2", adaptor.getW2(), {experts, hidden, width}, elementType)) ||
      (adaptor.getRouterBias() &&
       failed(checkWeight(site, "bias", adaptor.getRouterBias(), {experts}, elementType))) ||
      (adaptor.getW3() &&
       failed(checkWeight(site, "w3", adaptor.getW3(), w1->getShape(), elementType))))
    return failure();
  // C3
  int64_t k = static_cast<int64_t>(adaptor.getK());
  if (k < 1 || k > experts)
    return site.error("expects k from 1 to the number of experts " + Twine(experts) + ", got " +
                      Twine(k));
  // C4
  if (std::optional<APFloat> threshold = adaptor.getSkipThreshold()) {
    if (k != 2)
      return site.error("expects k = 2 with a skip threshold, got " + Twine(k));
    if (threshold->isNaN() || (threshold->isNegative() && !threshold->isZero()))
      return site.error("expects a skip threshold that is not negative");
  }
  if (std::optional<DictionaryAttr> parts = adaptor.getParts())
    if (failed(checkParts(site, *parts)))
      return failure();
  return site.push({input->getDimSize(0), width}, elementType, types);
}

llvm::Expected<SmallVector<Tensor>> MoeOp::evaluate(ArrayRef<Tensor> operands) {
  reference::MoeOptions options;
  options.k = static_cast<int64_t>(getK());
  switch (getActivation()) {
  case MoeActivation::Silu:
    options.activation = reference::ExpertActivation::Silu;
    break;
  case MoeActivation::Gelu:
    options.activation = reference::ExpertActivation::Gelu;
    break;
  case MoeActivation::GeluTanh:
    options.activation = reference::ExpertActivation::GeluTanh;
    break;
  case MoeActivation::Relu:
    options.activation = reference::ExpertActivation::Relu;
    break;
  }
  switch (getNormalization()) {
  case MoeNormalization::None:
    options.normalization = reference::ExpertNormalization::None;
    break;
  case MoeNormalization::Sum:
    options.normalization = reference::ExpertNormalization::Sum;
    break;
  case MoeNormalization::Softmax:
    options.normalization = reference::ExpertNormalization::Softmax;
    break;
  }
  if (std::optional<APFloat> threshold = getSkipThreshold())
    options.skipThreshold = threshold->convertToFloat();
  const Tensor *next = operands.begin();
  const Tensor *input = next++, *router = next++;
  const Tensor *bias = getRouterBias() ? next++ : nullptr;
  const Tensor *w1 = next++;
  const Tensor *w3 = getW3() ? next++ : nullptr;
  return single(reference::moe(*input, *router, bias, *w1, w3, *next, options));
}

void MoeOp::getDimensionRelations(DimensionRelations &relations) {
  relations.same(getInput(), 0, getResult(), 0);
  relations.same(getInput(), 1, getRouter(), 1);
  relations.same(getInput(), 1, getW1(), 1);
  relations.same(getW2(), 2, getResult(), 1);
  relations.same(getW1(), 2, getW2(), 1);
  if (getW3()) {
    relations.same(getInput(), 1, getW3(), 1);
    relations.same(getW1(), 2, getW3(), 2);
    relations.fixed(getW3(), 0, "experts are removed by compress-prune-experts");
  }
  for (Value weight : {getRouter(), getW1(), getW2()})
    relations.fixed(weight, 0, "experts are removed by compress-prune-experts");
  if (getRouterBias())
    relations.fixed(getRouterBias(), 0, "experts are removed by compress-prune-experts");
}
