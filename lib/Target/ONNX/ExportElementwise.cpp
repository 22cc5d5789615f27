//===- ExportElementwise.cpp - element-wise ops to ONNX ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/ExportRegistry.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// Ops whose operands, results and meaning are those of the operator `getOnnxName()`.
template <typename OpTy>
static LogicalResult exportByName(Operation *op, GraphExporter &graph) {
  return graph.addResultNode(op, OpTy::getOnnxName(), graph.getNames(op->getOperands()));
}

template <typename... OpTys>
static void registerByName(ExportRegistry &registry) {
  auto registerOne = [&]<typename OpTy>() {
    if constexpr (requires { OpTy::getOnnxName(); })
      registry.add(OpTy::getOperationName(), exportByName<OpTy>);
  };
  (registerOne.template operator()<OpTys>(), ...);
}

static LogicalResult exportWhere(WhereOp op, GraphExporter &graph) {
  return graph.addResultNode(op, "Where", graph.getNames(op->getOperands()));
}

static LogicalResult exportClip(ClipOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput())};
  if (op.getMin() || op.getMax())
    inputs.push_back(op.getMin() ? graph.getName(op.getMin()) : StringRef());
  if (op.getMax())
    inputs.push_back(graph.getName(op.getMax()));
  return graph.addResultNode(op, "Clip", inputs);
}

static LogicalResult exportGelu(GeluOp op, GraphExporter &graph) {
  AttributeProto approximate =
      stringAttribute("approximate", stringifyGeluApproximation(op.getApproximate()));
  return graph.addResultNode(op, "Gelu", {graph.getName(op.getInput())}, {approximate});
}

static LogicalResult exportLeakyRelu(LeakyReluOp op, GraphExporter &graph) {
  return graph.addResultNode(op, "LeakyRelu", {graph.getName(op.getInput())},
                             {floatAttribute("alpha", op.getAlpha().convertToFloat())});
}

static LogicalResult exportElu(EluOp op, GraphExporter &graph) {
  return graph.addResultNode(op, "Elu", {graph.getName(op.getInput())},
                             {floatAttribute("alpha", op.getAlpha().convertToFloat())});
}

static LogicalResult exportHardSigmoid(HardSigmoidOp op, GraphExporter &graph) {
  return graph.addResultNode(op, "HardSigmoid", {graph.getName(op.getInput())},
                             {floatAttribute("alpha", op.getAlpha().convertToFloat()),
                              floatAttribute("beta", op.getBeta().convertToFloat())});
}

static LogicalResult exportCast(CastOp op, GraphExporter &graph) {
  std::optional<DataType> type = getDataType(op.getType().getElementType());
  if (!type || getOnnxId(*type) == 0)
    return op.emitOpError("cannot be written: ONNX has no element type ")
           << op.getType().getElementType();
  llvm::SmallVector<AttributeProto, 2> attributes{intAttribute("to", getOnnxId(*type))};
  if (!op.getSaturate()) {
    graph.requireOpset(19, op);
    attributes.push_back(intAttribute("saturate", 0));
  }
  return graph.addResultNode(op, "Cast", {graph.getName(op.getInput())}, attributes);
}

void mlir::compress::onnx::registerElementwiseExports(ExportRegistry &registry) {
  registerByName<
#define GET_OP_LIST
#include "compress/Dialect/Compress/IR/CompressOps.cpp.inc"
      >(registry);
  registry.add<WhereOp, exportWhere>();
  registry.add<ClipOp, exportClip>();
  registry.add<GeluOp, exportGelu>();
  registry.add<LeakyReluOp, exportLeakyRelu>();
  registry.add<EluOp, exportElu>();
  registry.add<HardSigmoidOp, exportHardSigmoid>();
  registry.add<CastOp, exportCast>();
}
