//===- StructureOps.cpp - weights, constants and opaque ONNX nodes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// WeightSymbols
//===----------------------------------------------------------------------===//

StringAttr WeightSymbols::insert(Operation *symbol) {
  Block &body = table.getOp()->getRegion(0).front();
  Block::iterator position = last ? std::next(Block::iterator(last)) : body.begin();
  StringAttr name = table.insert(symbol, position);
  last = symbol;
  return name;
}

//===----------------------------------------------------------------------===//
// WeightOp and LoadOp
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  return WeightStore::verify(getValue(), getTensorType(), [&] { return emitOpError(); });
}

LogicalResult LoadOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto weight = symbolTable.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  // C1
  if (!weight)
    return emitOpError("expects the symbol of a compress.weight, got ") << getWeightAttr();
  // C2
  if (weight.getType() != getType()) {
    InFlightDiagnostic diagnostic = emitOpError("expects the weight's type ")
                                    << weight.getType() << ", got " << getType();
    diagnostic.attachNote(weight.getLoc()) << "the weight is here";
    return diagnostic;
  }
  return success();
}

void LoadOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getWeight());
}

Attribute LoadOp::getWeightValue() {
  auto weight = SymbolTable::lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  return weight ? weight.getValue() : Attribute();
}

std::string LoadOp::getWeightName() { return getWeight().str(); }

/// A new weight and a load of it: for `load` and for constants that become parameters.
static Value createWeight(OpBuilder &builder, WeightSymbols &symbols, Location loc, StringRef name,
                          RankedTensorType type, Attribute value) {
  OpBuilder detached(builder.getContext());
  auto weight = WeightOp::create(detached, loc, builder.getStringAttr(name),
                                 builder.getStringAttr("private"), TypeAttr::get(type), value);
  StringAttr symbol = symbols.insert(weight);
  return LoadOp::create(builder, loc, type, FlatSymbolRefAttr::get(symbol));
}

Value LoadOp::createLike(OpBuilder &builder, WeightSymbols &symbols, StringRef name,
                         RankedTensorType type, Attribute value) {
  return createWeight(builder, symbols, getLoc(), name, type, value);
}

//===----------------------------------------------------------------------===//
// ConstantOp and NoneOp
//===----------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

void ConstantOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), "cst");
}

Attribute ConstantOp::getWeightValue() { return getValue(); }

std::string ConstantOp::getWeightName() { return "constant"; }

Value ConstantOp::createLike(OpBuilder &builder, WeightSymbols &symbols, StringRef name,
                             RankedTensorType type, Attribute value) {
  return createWeight(builder, symbols, getLoc(), name, type, value);
}

OpFoldResult NoneOp::fold(FoldAdaptor) { return UnitAttr::get(getContext()); }

//===----------------------------------------------------------------------===//
// OnnxOp
//===----------------------------------------------------------------------===//

/// True for what may be the third element of a body name.
static bool isBodyInfo(Attribute attribute) {
  auto info = dyn_cast<DictionaryAttr>(attribute);
  auto isArrayOf = [&](StringRef key, llvm::function_ref<bool(Attribute)> isElement) {
    Attribute value = info.get(key);
    auto array = dyn_cast_or_null<ArrayAttr>(value);
    return !value || (array && llvm::all_of(array, isElement));
  };
  return info && isArrayOf("inputs", llvm::IsaPred<DictionaryAttr>) &&
         isArrayOf("outputs", llvm::IsaPred<DictionaryAttr>) &&
         isArrayOf("quantization_annotation", llvm::IsaPred<DictionaryAttr>) &&
         isArrayOf("initializers", llvm::IsaPred<StringAttr>);
}

LogicalResult OnnxOp::verify() {
  // C1
  if (getResultNames().size() != getNumResults())
    return emitOpError("expects one result name per result, got ")
           << getResultNames().size() << " names for " << getNumResults() << " results";
  // C2
  size_t names = getBodyNames() ? getBodyNames()->size() : 0;
  if (names != getBodies().size())
    return emitOpError("expects one body name per region, got ")
           << names << " names for " << getBodies().size() << " regions";
  if (getBodyNames())
    for (Attribute name : getBodyNamesAttr()) {
      auto parts = dyn_cast<ArrayAttr>(name);
      if (!parts || parts.size() < 2 || parts.size() > 3 || !isa<StringAttr>(parts[0]) ||
          !isa<StringAttr>(parts[1]) || (parts.size() == 3 && !isBodyInfo(parts[2])))
        return emitOpError("expects body names to be two strings and maybe a dictionary, got ")
               << name;
    }
  // C3
  for (Region &body : getBodies())
    if (body.front().empty() || !isa<YieldOp>(body.front().back()))
      return emitOpError("expects each region to end in compress.yield");
  return success();
}

/// Kind of a node that contracts its second input, by its operator; empty for all others.
static StringRef getContractionKind(OnnxOp op) {
  if (!op.isDefaultDomain() || op.getInputs().size() < 2)
    return "";
  auto type = dyn_cast<RankedTensorType>(op.getInputs()[1].getType());
  if (!type)
    return "";
  return llvm::StringSwitch<StringRef>(op.getOpType())
      .Case("MatMul", type.getRank() == 2  ? "linear"
                      : type.getRank() > 2 ? "matmul"
                                           : "")
      .Case("Gemm", type.getRank() == 2 ? "linear" : "")
      .Case("Conv", type.getRank() > 2 ? "conv" : "")
      .Case("ConvTranspose", type.getRank() > 2 ? "conv_transpose" : "")
      .Default("");
}

StringRef OnnxOp::getWeightedKind() { return getContractionKind(*this); }

SmallVector<WeightOperand> OnnxOp::getWeightOperands() {
  StringRef kind = getContractionKind(*this);
  if (kind.empty())
    return {};
  WeightOperand weight;
  weight.operand = &getInputsMutable()[1];
  int64_t rank = cast<RankedTensorType>(getInputs()[1].getType()).getRank();
  if (kind == "conv" || kind == "conv_transpose") {
    bool isTransposed = kind == "conv_transpose";
    weight.outputDims = {isTransposed ? 1 : 0};
    weight.contractionDims = {isTransposed ? 0 : 1};
    for (int64_t dim = 2; dim < rank; ++dim)
      weight.contractionDims.push_back(dim);
    return {weight};
  }
  auto transB = dyn_cast_or_null<IntegerAttr>(getOnnxAttr("transB"));
  bool isTransposed = transB && transB.getInt() != 0;
  weight.contractionDims = {isTransposed ? rank - 1 : rank - 2};
  weight.outputDims = {isTransposed ? rank - 2 : rank - 1};
  for (int64_t dim = 0; dim < rank - 2; ++dim)
    weight.batchDims.push_back(dim);
  return {weight};
}

void OnnxOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  for (auto [result, name] : llvm::zip(getOutputs(), getResultNames().getAsRange<StringAttr>()))
    if (!name.empty())
      setName(result, name);
}
