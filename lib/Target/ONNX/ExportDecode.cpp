//===- ExportDecode.cpp - contents of weights and decode chains -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportWeights.h"
#include "compress/Analysis/EncodedWeight.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

WeightReader::WeightReader(ModuleOp module) : module(module) {
  for (WeightOp weight : module.getOps<WeightOp>())
    symbols[weight.getSymNameAttr()] = weight;
}

WeightOp WeightReader::lookup(LoadOp load) const { return lookup(load.getWeightAttr().getAttr()); }

WeightOp WeightReader::lookup(StringAttr symbol) const {
  return dyn_cast_or_null<WeightOp>(symbols.lookup(symbol));
}

bool WeightReader::isWeightChain(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<LoadOp, ConstantOp>(op))
    return true;
  return isa<DecodeOpInterface>(op) && llvm::all_of(op->getOperands(), isWeightChain);
}

//===----------------------------------------------------------------------===//
// Stored tensors
//===----------------------------------------------------------------------===//

std::optional<LazyTensor> WeightReader::getAttribute(Attribute value, RankedTensorType type,
                                                     Location location) const {
  std::optional<DataType> dataType = getDataType(type.getElementType());
  if (!dataType || !type.hasStaticShape())
    return std::nullopt;
  LazyTensor tensor;
  tensor.type = *dataType;
  tensor.dims = SmallVector<int64_t>(type.getShape());
  if (*dataType == DataType::String) {
    auto strings = dyn_cast<DenseStringElementsAttr>(value);
    if (!strings)
      return std::nullopt;
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i)
      tensor.strings.push_back(strings.getRawStringData()[strings.isSplat() ? 0 : i]);
    return tensor;
  }
  tensor.read = [value, type, location]() -> FailureOr<HeldBytes> {
    FailureOr<WeightBytes> bytes =
        WeightStore(type.getContext())
            .read(value, type, [&] { return emitError(location); }, /*anyAlignment=*/true);
    if (failed(bytes))
      return failure();
    auto owner = std::make_shared<WeightBytes>(std::move(*bytes));
    return HeldBytes{owner->bytes(), owner};
  };
  return tensor;
}

std::optional<LazyTensor> WeightReader::getStored(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto load = dyn_cast<LoadOp>(op)) {
    WeightOp weight = lookup(load);
    if (!weight)
      return std::nullopt;
    std::optional<LazyTensor> tensor =
        getAttribute(weight.getValue(), weight.getTensorType(), weight.getLoc());
    if (!tensor)
      return std::nullopt;
    tensor->weight = weight;
    tensor->key = ("@" + weight.getSymName()).str();
    return tensor;
  }
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    std::optional<LazyTensor> tensor = getAttribute(
        constant.getValue(), cast<RankedTensorType>(constant.getType()), constant.getLoc());
    if (tensor)
      tensor->key =
          "#" +
          std::to_string(reinterpret_cast<uintptr_t>(constant.getValue().getAsOpaquePointer()));
    return tensor;
  }
  if (!isa<ExpandNMOp, ExpandBitmapOp>(op) || !isWeightChain(value))
    return std::nullopt;
  auto type = cast<RankedTensorType>(value.getType());
  std::optional<LazyTensor> codes = getStored(op->getOperand(0));
  std::optional<LazyTensor> positions = getStored(op->getOperand(1));
  if (!codes || !positions || !type.hasStaticShape())
    return std::nullopt;
  LazyTensor result = *codes;
  result.dims = SmallVector<int64_t>(type.getShape());
  result.key += "|expand(" + positions->key + ")";
  result.read = [this, value] { return decode(value); };
  if (auto expand = dyn_cast<ExpandNMOp>(op)) {
    result.key += std::to_string(expand.getFill()) + "," + std::to_string(expand.getAxis()) + "," +
                  std::to_string(expand.getN()) + "," + std::to_string(expand.getM());
    result.pattern = std::to_string(expand.getN()) + ":" + std::to_string(expand.getM());
    result.patternAxis = expand.getAxis();
  } else {
    result.key += std::to_string(cast<ExpandBitmapOp>(op).getFill());
    result.pattern = "bitmap";
  }
  return result;
}

std::optional<LazyTensor> WeightReader::getDecoded(Value value) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || !isWeightChain(value))
    return std::nullopt;
  std::optional<DataType> dataType = getDataType(type.getElementType());
  if (!dataType || *dataType == DataType::String)
    return std::nullopt;
  // The first load below the codes names the result.
  Value root = value;
  while (auto link = root.getDefiningOp<DecodeOpInterface>())
    root = link.getEncodedOperand().get();
  LazyTensor tensor;
  if (auto load = root.getDefiningOp<LoadOp>())
    if (WeightOp weight = lookup(load)) {
      tensor.weight = weight;
      tensor.name = getBaseName(weight.getSymName()).str();
    }
  tensor.key = "decode" + std::to_string(reinterpret_cast<uintptr_t>(value.getAsOpaquePointer()));
  tensor.type = *dataType;
  tensor.dims = SmallVector<int64_t>(type.getShape());
  tensor.read = [this, value] { return decode(value); };
  return tensor;
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

FailureOr<HeldBytes> WeightReader::decode(Value value) const {
  Operation *op = value.getDefiningOp();
  FailureOr<WeightChain> chain = getWeightChain(value);
  if (failed(chain))
    return op->emitOpError("cannot be decoded: it does not end in a weight");
  WeightStore store(op->getContext());
  FailureOr<StoredTensor> dense = decodeChain(store, *chain, [&] { return op->emitError(); });
  if (failed(dense))
    return failure();
  auto owner = std::make_shared<StoredTensor>(std::move(*dense));
  return HeldBytes{owner->bytes(), owner};
}
