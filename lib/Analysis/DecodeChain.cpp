//===- DecodeChain.cpp - dense values of a decode chain -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/EncodedWeight.h"

using namespace mlir;
using namespace mlir::compress;
using reference::Tensor;

/// Value of `value` by the executable semantics of the ops that make it.
static llvm::Expected<Tensor> evaluate(WeightStore &store, Value value, EmitErrorFn emitError) {
  Operation *def = value.getDefiningOp();
  if (!def)
    return reference::makeError("a link of the chain is a block argument");
  if (auto source = dyn_cast<WeightSourceOpInterface>(def)) {
    FailureOr<StoredTensor> stored = StoredTensor::read(store, source, emitError);
    if (failed(stored))
      return reference::makeError("its bytes cannot be read");
    return Tensor::fromPacked(stored->getDataType(), stored->getType().getShape(), stored->bytes());
  }
  auto semantics = dyn_cast<ReferenceOpInterface>(def);
  if (!semantics)
    return reference::makeError("'" + def->getName().getStringRef() +
                                "' has no executable semantics");
  SmallVector<Tensor> operands;
  for (Value operand : def->getOperands()) {
    llvm::Expected<Tensor> tensor = evaluate(store, operand, emitError);
    if (!tensor)
      return tensor.takeError();
    operands.push_back(std::move(*tensor));
  }
  llvm::Expected<SmallVector<Tensor>> results = semantics.evaluate(operands);
  if (!results)
    return results.takeError();
  return (*results)[cast<OpResult>(value).getResultNumber()];
}

/// Dense floats of a weight in normal form.
static FailureOr<StoredTensor> decode(WeightStore &store, EncodedWeight &weight,
                                      EmitErrorFn emitError) {
  if (weight.pattern) {
    FailureOr<StoredTensor> dense = expandValues(store, weight, emitError);
    if (failed(dense))
      return failure();
    weight.values = std::move(*dense);
  }
  if (!weight.scales)
    return std::move(weight.values);
  FailureOr<StoredTensor> result = StoredTensor::allocate(store, weight.type, emitError);
  FailureOr<QuantizedTensor> tensor = getQuantizedTensor(weight, weight.values);
  if (failed(result) || failed(tensor))
    return failure();
  dequantizeUniform(*tensor, result->getDataType(), result->mutableBytes().data());
  return result;
}

FailureOr<StoredTensor> mlir::compress::decodeChain(WeightStore &store, const WeightChain &chain,
                                                    EmitErrorFn emitError) {
  if (explainUnsupported(chain).empty()) {
    FailureOr<EncodedWeight> weight = readEncodedWeight(store, chain, emitError);
    if (failed(weight))
      return failure();
    return decode(store, *weight, emitError);
  }
  llvm::Expected<Tensor> value = evaluate(store, chain.root, emitError);
  if (!value)
    return emitError() << "cannot decode weight '" << chain.getSourceName()
                       << "': " << llvm::toString(value.takeError());
  FailureOr<StoredTensor> result = StoredTensor::allocate(store, chain.getType(), emitError);
  if (failed(result))
    return failure();
  llvm::Expected<SmallVector<char, 0>> packed = value->toPacked();
  if (!packed)
    return emitError() << "cannot decode weight: " << llvm::toString(packed.takeError());
  if (packed->size() != result->bytes().size())
    return emitError() << "cannot decode weight: its value has " << packed->size()
                       << " bytes, expects " << result->bytes().size();
  llvm::copy(*packed, result->mutableBytes().begin());
  return result;
}
