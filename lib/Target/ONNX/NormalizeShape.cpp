//===- NormalizeShape.cpp - ONNX constants and shapes -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeAxes.h"
#include "NormalizeImpl.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// A constant that shapes the graph, or a parameter: a weight of its own if it is larger.
static NodeResult makeConstant(OnnxNode &node, Attribute value) {
  auto typed = dyn_cast<TypedAttr>(value);
  auto type = typed ? dyn_cast<RankedTensorType>(typed.getType()) : RankedTensorType();
  if (!type)
    return node.keep("its value is no tensor");
  Normalizer &normalizer = node.getNormalizer();
  Location loc = node.getOp().getLoc();
  FailureOr<uint64_t> size = WeightStore::getStorageBytes(type);
  if (isa<DenseElementsAttr>(value) && (failed(size) || *size <= WeightStore::kMaxLiteralBytes))
    return SmallVector<Value>{node.getConstant(cast<ElementsAttr>(value))};
  StringRef name = node.getOp().getNodeName();
  for (auto result : node.getOp().getResultNames().getAsRange<StringAttr>())
    name = result.getValue();
  return SmallVector<Value>{normalizer.createWeight(name.empty() ? "constant" : name, type, value,
                                                    loc, node.getBuilder())};
}

static NodeResult normalizeConstant(OnnxNode &node) {
  OnnxOp op = node.getOp();
  Builder &builder = node.getBuilder();
  if (Attribute value = op.getOnnxAttr("value"))
    return makeConstant(node, value);
  if (Attribute value = op.getOnnxAttr("value_float"); isa_and_present<FloatAttr>(value))
    return makeConstant(
        node, DenseElementsAttr::get(RankedTensorType::get({}, builder.getF32Type()), value));
  if (Attribute value = op.getOnnxAttr("value_int"); isa_and_present<IntegerAttr>(value))
    return makeConstant(
        node, DenseElementsAttr::get(RankedTensorType::get({}, builder.getI64Type()), value));
  if (auto values = dyn_cast_or_null<DenseF32ArrayAttr>(op.getOnnxAttr("value_floats")))
    return makeConstant(
        node, DenseElementsAttr::get(RankedTensorType::get(values.size(), builder.getF32Type()),
                                     values.asArrayRef()));
  if (auto values = dyn_cast_or_null<DenseI64ArrayAttr>(op.getOnnxAttr("value_ints")))
    return makeConstant(
        node, DenseElementsAttr::get(RankedTensorType::get(values.size(), builder.getI64Type()),
                                     values.asArrayRef()));
  return node.keep("its value is sparse or a string");
}

/// A broadcast of the value, by default an f32 zero.
static NodeResult normalizeConstantOfShape(OnnxNode &node) {
  FailureOr<Value> shape = getShapeInput(node, 0);
  if (failed(shape))
    return failure();
  Value fill;
  if (auto value = dyn_cast_or_null<DenseElementsAttr>(node.getOp().getOnnxAttr("value"))) {
    if (value.getNumElements() != 1)
      return node.error("expects a value of one element");
    auto scalar = RankedTensorType::get({}, value.getElementType());
    fill = node.getConstant(value.reshape(scalar));
  } else {
    fill = node.scalar(node.getBuilder().getF32Type(), 0.0);
  }
  return single(node.make<BroadcastOp>({fill, *shape}));
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// `start` and `end` (opset 15) are clamped to the rank.
static NodeResult normalizeShape(OnnxNode &node) {
  int64_t rank = node.getRank(0);
  auto clamp = [&](int64_t value) {
    return std::clamp<int64_t>(value < 0 ? value + rank : value, 0, rank);
  };
  int64_t start = clamp(node.getInt("start", 0)), end = clamp(node.getInt("end", rank));
  return single(node.make<ShapeOp>(
      node.getInput(0), {node.attr("start", start), node.attr("end", std::max(start, end))}));
}

static NodeResult normalizeSize(OnnxNode &node) {
  FailureOr<Value> shape = node.make<ShapeOp>(
      node.getInput(0), {node.attr("start", int64_t(0)), node.attr("end", node.getRank(0))});
  if (failed(shape))
    return failure();
  auto kind = ReduceKindAttr::get(node.getContext(), ReduceKind::Prod);
  return single(node.make<ReduceOp>(*shape, {node.attr("kind", Attribute(kind)),
                                             node.attr("axes", ArrayRef<int64_t>{0}),
                                             node.attr("keepdims", false)}));
}

static NodeResult normalizeRange(OnnxNode &node) {
  SmallVector<Value> operands;
  for (unsigned i = 0; i < 3; ++i) {
    FailureOr<Value> operand = node.structural(node.getInput(i));
    if (node.getRank(i) != 0)
      operand = node.reshape(*operand, {});
    if (failed(operand))
      return failure();
    operands.push_back(*operand);
  }
  if (std::optional<SmallVector<int64_t>> delta = node.getConstantInts(operands[2]);
      delta && delta->front() == 0)
    return node.error("expects a delta that is not 0");
  return single(node.make<RangeOp>(operands));
}

void onnx::registerShapeNormalizers(NormalizerRegistry &registry) {
  registry.add("Constant", normalizeConstant);
  registry.add("ConstantOfShape", normalizeConstantOfShape);
  registry.add("Shape", normalizeShape);
  registry.add("Size", normalizeSize);
  registry.add("Range", normalizeRange);
}
