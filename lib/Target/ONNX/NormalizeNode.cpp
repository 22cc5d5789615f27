//===- NormalizeNode.cpp - what the functions of operators use --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

OnnxNode::OnnxNode(OnnxOp op, Normalizer &normalizer)
    : op(op), normalizer(normalizer), version(op.getVersion()), builder(op) {}

//===----------------------------------------------------------------------===//
// Inputs and attributes
//===----------------------------------------------------------------------===//

bool OnnxNode::hasInput(unsigned index) const {
  return index < op.getInputs().size() && !isa<NoneType>(op.getInputs()[index].getType());
}

Value OnnxNode::getInput(unsigned index) const {
  return hasInput(index) ? op.getInputs()[index] : Value();
}

RankedTensorType OnnxNode::getType(unsigned index) const {
  return cast<RankedTensorType>(op.getInputs()[index].getType());
}

bool OnnxNode::isOutputUsed(unsigned index) const {
  return index < op.getNumResults() && !op.getResult(index).use_empty();
}

int64_t OnnxNode::getInt(StringRef name, int64_t defaultValue) const {
  auto value = dyn_cast_or_null<IntegerAttr>(op.getOnnxAttr(name));
  return value ? value.getInt() : defaultValue;
}

float OnnxNode::getFloat(StringRef name, float defaultValue) const {
  auto value = dyn_cast_or_null<FloatAttr>(op.getOnnxAttr(name));
  return value ? static_cast<float>(value.getValueAsDouble()) : defaultValue;
}

StringRef OnnxNode::getString(StringRef name, StringRef defaultValue) const {
  auto value = dyn_cast_or_null<StringAttr>(op.getOnnxAttr(name));
  return value ? value.getValue() : defaultValue;
}

std::optional<SmallVector<int64_t>> OnnxNode::getInts(StringRef name) const {
  auto value = dyn_cast_or_null<DenseI64ArrayAttr>(op.getOnnxAttr(name));
  if (!value)
    return std::nullopt;
  return SmallVector<int64_t>(value.asArrayRef());
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

std::optional<reference::Tensor> OnnxNode::getConstant(Value value) const {
  return value ? normalizer.constantOf(value) : std::nullopt;
}

std::optional<SmallVector<int64_t>> OnnxNode::getConstantInts(Value value) const {
  if (!value)
    return std::nullopt;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isa<IntegerType>(type.getElementType()))
    return std::nullopt;
  if (std::optional<reference::Tensor> tensor = normalizer.constantOf(value))
    return tensor->toInts();
  return std::nullopt;
}

FailureOr<std::optional<SmallVector<int64_t>>> OnnxNode::getIntsOrInput(StringRef attribute,
                                                                        unsigned input) {
  if (std::optional<SmallVector<int64_t>> ints = getInts(attribute))
    return ints;
  if (!hasInput(input))
    return std::optional<SmallVector<int64_t>>();
  std::optional<SmallVector<int64_t>> ints = getConstantInts(getInput(input));
  if (!ints)
    return keep(attribute + " is not a constant");
  return ints;
}

Value OnnxNode::structural(Value value) {
  std::optional<reference::Tensor> tensor = getConstant(value);
  if (!tensor || value.getDefiningOp<ConstantOp>() || tensor->getNumElements() > 128)
    return value;
  Value constant = normalizer.materialize(*tensor, op.getLoc(), builder);
  return constant ? constant : value;
}

Value OnnxNode::constantInts(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(static_cast<int64_t>(values.size()), builder.getI64Type());
  return getConstant(DenseElementsAttr::get(type, values));
}

Value OnnxNode::scalar(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  Attribute element =
      isa<FloatType>(elementType)
          ? Attribute(builder.getFloatAttr(elementType, value))
          : Attribute(builder.getIntegerAttr(elementType, static_cast<int64_t>(value)));
  return getConstant(DenseElementsAttr::get(type, element));
}

Value OnnxNode::getConstant(ElementsAttr value) {
  return normalizer.getConstant(value, op.getLoc(), builder);
}

//===----------------------------------------------------------------------===//
// New ops
//===----------------------------------------------------------------------===//

NamedAttribute OnnxNode::attr(StringRef name, Attribute value) {
  return builder.getNamedAttr(name, value);
}
NamedAttribute OnnxNode::attr(StringRef name, int64_t value) {
  return attr(name, Attribute(builder.getI64IntegerAttr(value)));
}
NamedAttribute OnnxNode::attr(StringRef name, bool value) {
  return attr(name, Attribute(builder.getBoolAttr(value)));
}
NamedAttribute OnnxNode::attr(StringRef name, float value) {
  return attr(name, Attribute(builder.getF32FloatAttr(value)));
}
NamedAttribute OnnxNode::attr(StringRef name, ArrayRef<int64_t> values) {
  return attr(name, Attribute(builder.getDenseI64ArrayAttr(values)));
}

NamedAttribute OnnxNode::nameAttr() {
  StringRef name = op.getNodeName();
  for (auto result : op.getResultNames().getAsRange<StringAttr>())
    if (name.empty())
      name = result.getValue();
  if (name.empty())
    name = op.getOpType();
  return attr("name", Attribute(builder.getStringAttr(normalizer.uniqueName(name))));
}

LogicalResult OnnxNode::keep(const Twine &reason) {
  normalizer.reason = reason.str();
  return failure();
}

LogicalResult OnnxNode::error(const Twine &message) {
  normalizer.hadError = true;
  return mlir::emitError(op.getLoc()) << op.getOpType() << ": " << message;
}

FailureOr<SmallVector<Value>> OnnxNode::build(StringRef opName, ValueRange operands,
                                              ArrayRef<NamedAttribute> attributes,
                                              unsigned numResults, TypeRange resultTypes) {
  for (Value operand : operands)
    if (!operand || isa<NoneType>(operand.getType()))
      return error("an input is missing");
  OperationState state(op.getLoc(), opName);
  state.addOperands(operands);
  state.addAttributes(attributes);
  if (resultTypes.empty())
    state.types.assign(numResults, OnnxValueType::get(getContext()));
  else
    state.addTypes(resultTypes);
  Operation *made = builder.create(state);
  normalizer.created.push_back(made);

  if (resultTypes.empty()) {
    auto infer = cast<InferTypeOpInterface>(made);
    SmallVector<Type> types;
    if (failed(infer.inferReturnTypes(getContext(), op.getLoc(), made->getOperands(),
                                      made->getAttrDictionary(), made->getPropertiesStorage(),
                                      made->getRegions(), types)) ||
        types.size() != made->getNumResults()) {
      normalizer.hadError = true;
      return failure();
    }
    for (auto [result, type] : llvm::zip_equal(made->getResults(), types))
      result.setType(type);
  }
  // Element types that the op does not take.
  std::string complaint;
  {
    ScopedDiagnosticHandler handler(getContext(), [&](Diagnostic &diagnostic) {
      if (complaint.empty())
        complaint = diagnostic.str();
      return success();
    });
    if (succeeded(made->getName().verifyInvariants(made)))
      complaint.clear();
    else if (complaint.empty())
      complaint = "the model op does not take these operands";
  }
  if (!complaint.empty())
    return keep(complaint);
  return normalizer.finish(made);
}

FailureOr<Value> OnnxNode::reshape(Value value, ArrayRef<int64_t> shape) {
  return make<ReshapeOp>({value, constantInts(shape)});
}

/// The value of a weight under another type with as many elements.
static Attribute retype(Attribute value, RankedTensorType type) {
  if (auto file = dyn_cast<FileAttr>(value))
    return FileAttr::get(type.getContext(), type, file.getPath(), file.getOffset(),
                         file.getLength(), file.getHash());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  if (auto literal = dyn_cast<DenseElementsAttr>(value))
    return literal.reshape(type);
  return {};
}

FailureOr<Value> OnnxNode::reshapeConstant(Value value, ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  auto newType = type.clone(shape);
  if (type == newType)
    return value;
  Attribute bytes;
  std::string name;
  if (auto load = value.getDefiningOp<LoadOp>()) {
    WeightOp weight = normalizer.lookupWeight(load);
    bytes = weight ? retype(weight.getValue(), newType) : Attribute();
    name = load.getWeight().str();
    if (bytes)
      normalizer.noteReplaced(weight);
  } else if (auto constant = value.getDefiningOp<ConstantOp>()) {
    bytes = retype(constant.getValue(), newType);
    if (bytes)
      return getConstant(cast<ElementsAttr>(bytes));
  }
  if (!bytes)
    return reshape(value, shape);
  return normalizer.createWeight(name, newType, bytes, op.getLoc(), builder);
}
