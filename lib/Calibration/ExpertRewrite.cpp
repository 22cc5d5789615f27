//===- ExpertRewrite.cpp - weights of mixtures of experts -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExpertRewrite.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

ExpertRouting mlir::compress::getRouting(MoeOp op) {
  ExpertRouting routing;
  routing.k = op.getK();
  switch (op.getNormalization()) {
  case MoeNormalization::None:
    routing.weighting = ExpertWeighting::Softmax;
    break;
  case MoeNormalization::Sum:
    routing.weighting = ExpertWeighting::NormalizedSoftmax;
    break;
  case MoeNormalization::Softmax:
    routing.weighting = ExpertWeighting::SelectedSoftmax;
    break;
  }
  return routing;
}

static ExpertFunction getFunction(MoeOp op) {
  switch (op.getActivation()) {
  case MoeActivation::Silu:
    return ExpertFunction::Silu;
  case MoeActivation::Gelu:
    return ExpertFunction::Gelu;
  case MoeActivation::GeluTanh:
    return ExpertFunction::GeluTanh;
  case MoeActivation::Relu:
    return ExpertFunction::Relu;
  }
  return ExpertFunction::Silu;
}

/// The chain of a weight of `op` that is stored as it is.
static FailureOr<WeightChain> getPlainChain(MoeOp op, StringRef what, Value value) {
  FailureOr<WeightChain> chain = getWeightChain(value);
  if (failed(chain))
    return op.emitOpError() << "expects " << what << " to be a stored weight";
  if (!chain->isDense())
    return op.emitOpError() << "expects " << what
                            << " as stored floats, got the compressed weight '"
                            << chain->getSourceName() << "'; prune experts before that";
  return chain;
}

/// The weight of an operand as floats, row-major in the shape that `op` sees.
static LogicalResult readFloats(MoeOp op, StringRef what, Value value, std::vector<float> &result) {
  FailureOr<WeightChain> chain = getPlainChain(op, what, value);
  if (failed(chain))
    return failure();
  WeightStore store(op.getContext());
  FailureOr<StoredTensor> stored =
      StoredTensor::read(store, chain->source, [&] { return op.emitOpError(); });
  if (failed(stored))
    return failure();
  RankedTensorType type = chain->getType();
  DataType dataType = stored->getDataType();
  size_t size = type.getElementTypeBitWidth() / 8, count = type.getNumElements();
  // Element i of the operand is at `offset` of the stored tensor.
  SmallVector<int64_t> strides(type.getRank(), 1), index(type.getRank(), 0);
  for (int64_t dim = type.getRank() - 1; dim > 0; --dim)
    strides[dim - 1] = strides[dim] * type.getDimSize(dim);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  if (!chain->permutation.empty())
    strides = applyPermutation(strides, chain->permutation);
  result.resize(count);
  for (float &element : result) {
    int64_t offset = 0;
    for (auto [i, stride] : llvm::zip_equal(index, strides))
      offset += i * stride;
    uint64_t bits = 0;
    std::memcpy(&bits, stored->bytes().data() + offset * size, size);
    element = static_cast<float>(decodeFloat(dataType, bits));
    for (size_t dim = index.size(); dim-- > 0;) {
      if (++index[dim] < shape[dim])
        break;
      index[dim] = 0;
    }
  }
  for (auto [position, element] : llvm::enumerate(result))
    if (!std::isfinite(element))
      return op.emitOpError() << what << " ('" << chain->getSourceName()
                              << "') is not finite at element " << position;
  return success();
}

FailureOr<ExpertStore> ExpertStore::read(MoeOp op) {
  ExpertStore store;
  if (failed(readFloats(op, "the router", op.getRouter(), store.router)) ||
      failed(readFloats(op, "w1", op.getW1(), store.w1)) ||
      failed(readFloats(op, "w2", op.getW2(), store.w2)) ||
      (op.getW3() && failed(readFloats(op, "w3", op.getW3(), store.w3))) ||
      (op.getRouterBias() &&
       failed(readFloats(op, "the router's bias", op.getRouterBias(), store.bias))))
    return failure();
  RankedTensorType type = cast<RankedTensorType>(op.getW1().getType());
  // Moving a vector keeps its elements where they are.
  store.weights = {static_cast<size_t>(type.getDimSize(0)),
                   static_cast<size_t>(type.getDimSize(1)),
                   static_cast<size_t>(type.getDimSize(2)),
                   store.router,
                   store.bias,
                   store.w1,
                   store.w3,
                   store.w2,
                   getFunction(op)};
  return std::move(store);
}

SmallVector<LayerReport, 4> ExpertStore::getReports(MoeOp op) const {
  SmallVector<LayerReport, 4> lines;
  auto add = [&](StringRef part, StringRef kind, Value operand) {
    if (!operand)
      return;
    LayerReport &line = lines.emplace_back();
    StringAttr name = op.getPartName(part);
    line.name = name ? name.str() : (op.getName() + "/" + part).str();
    line.op = kind.str();
    if (FailureOr<WeightChain> chain = getWeightChain(operand); succeeded(chain))
      line.weight = chain->getSourceName();
    auto type = cast<RankedTensorType>(operand.getType());
    line.shape.assign(type.getShape().begin(), type.getShape().end());
    if (FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(type); succeeded(bytes))
      line.bytesBefore = *bytes;
  };
  add("router", "linear", op.getRouter());
  add("w1", "matmul", op.getW1());
  add("w3", "matmul", op.getW3());
  add("w2", "matmul", op.getW2());
  return lines;
}

//===----------------------------------------------------------------------===//
// Slicing
//===----------------------------------------------------------------------===//

/// The weight of an operand without some indices of its first dim.
static FailureOr<Value> slice(MoeOp op, StringRef what, Value value, ArrayRef<uint8_t> kept,
                              WeightSymbols &symbols) {
  FailureOr<WeightChain> chain = getPlainChain(op, what, value);
  if (failed(chain))
    return failure();
  auto emitError = [&] { return op.emitOpError(); };
  WeightStore store(op.getContext());
  FailureOr<StoredTensor> stored = StoredTensor::read(store, chain->source, emitError);
  if (failed(stored))
    return failure();
  RankedTensorType type = chain->getType();
  int64_t dim = chain->permutation.empty() ? 0 : chain->permutation.front();
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = llvm::count(kept, 1);
  auto newType = RankedTensorType::get(shape, type.getElementType());
  FailureOr<StoredTensor> sliced = StoredTensor::allocate(store, newType, emitError);
  if (failed(sliced))
    return failure();
  // Floats have whole bytes.
  size_t inner = type.getElementTypeBitWidth() / 8, outer = 1;
  for (int64_t size : type.getShape().drop_front(dim + 1))
    inner *= size;
  for (int64_t size : type.getShape().take_front(dim))
    outer *= size;
  const char *from = stored->bytes().data();
  char *to = sliced->mutableBytes().data();
  for (size_t o = 0; o < outer; ++o)
    for (uint8_t isKept : kept) {
      if (isKept && inner) {
        std::memcpy(to, from, inner);
        to += inner;
      }
      from += inner;
    }
  OpBuilder builder(op);
  Value made = sliced->materialize(builder, symbols, store, chain->source, chain->getSourceName());
  if (!chain->permutation.empty())
    made = TransposeOp::create(builder, value.getLoc(), made,
                               builder.getDenseI64ArrayAttr(chain->permutation));
  return made;
}

LogicalResult mlir::compress::keepExperts(MoeOp op, ArrayRef<uint8_t> kept) {
  WeightSymbols symbols(op->getParentOfType<ModuleOp>());
  auto replace = [&](StringRef what, Value value, OpOperand &operand) {
    FailureOr<Value> sliced = slice(op, what, value, kept, symbols);
    if (failed(sliced))
      return failure();
    operand.set(*sliced);
    return success();
  };
  for (OpOperand &operand : op->getOpOperands().drop_front()) {
    StringRef what = operand.get() == op.getRouter()       ? "the router"
                     : operand.get() == op.getRouterBias() ? "the router's bias"
                                                           : "an expert's weight";
    if (failed(replace(what, operand.get(), operand)))
      return failure();
  }
  return success();
}

void mlir::compress::forgetExpertPlans(MoeOp op) {
  if (!op.getParts())
    return;
  Builder builder(op.getContext());
  SmallVector<NamedAttribute> parts;
  DictionaryAttr old = *op.getParts();
  for (NamedAttribute part : old) {
    NamedAttrList entries(cast<DictionaryAttr>(part.getValue()));
    auto plan = dyn_cast_or_null<PlanAttr>(entries.get("plan"));
    if (plan) {
      entries.erase("plan");
      if (PlanAttr rest = dropPruning(plan, isExpertSpec))
        entries.set("plan", rest);
    }
    parts.push_back(builder.getNamedAttr(part.getName(), entries.getDictionary(op.getContext())));
  }
  op.setPartsAttr(builder.getDictionaryAttr(parts));
}
