//===- ExportMovement.cpp - data movement and shapes to ONNX ------*- C++ -*-===//
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

/// All operands are inputs, no attributes.
template <typename OpTy>
static LogicalResult exportPlain(OpTy op, GraphExporter &graph, StringRef opType,
                                 ArrayRef<AttributeProto> attributes = {}) {
  return graph.addResultNode(op, opType, graph.getNames(op->getOperands()), attributes);
}

static LogicalResult exportReshape(ReshapeOp op, GraphExporter &graph) {
  if (!op.getAllowzero())
    return exportPlain(op, graph, "Reshape");
  graph.requireOpset(14, op);
  return exportPlain(op, graph, "Reshape", {intAttribute("allowzero", 1)});
}

static LogicalResult exportBroadcast(BroadcastOp op, GraphExporter &graph) {
  return exportPlain(op, graph, "Expand");
}

static LogicalResult exportTranspose(TransposeOp op, GraphExporter &graph) {
  return exportPlain(op, graph, "Transpose", {intsAttribute("perm", op.getPerm())});
}

/// Squeeze and Unsqueeze take their axes as an input from opset 13 on.
template <typename OpTy>
static LogicalResult exportWithAxes(OpTy op, GraphExporter &graph, StringRef opType) {
  NameList inputs{graph.getName(op.getInput()), graph.addInts(op, "axes", op.getAxes())};
  return graph.addResultNode(op, opType, inputs);
}

static LogicalResult exportSqueeze(SqueezeOp op, GraphExporter &graph) {
  // An empty list of axes means nothing here and everything in some readers.
  if (op.getAxes().empty())
    return graph.addResultNode(op, "Identity", {graph.getName(op.getInput())});
  return exportWithAxes(op, graph, "Squeeze");
}

static LogicalResult exportUnsqueeze(UnsqueezeOp op, GraphExporter &graph) {
  if (op.getAxes().empty())
    return graph.addResultNode(op, "Identity", {graph.getName(op.getInput())});
  return exportWithAxes(op, graph, "Unsqueeze");
}

static LogicalResult exportConcat(ConcatOp op, GraphExporter &graph) {
  return exportPlain(op, graph, "Concat", {intAttribute("axis", op.getAxis())});
}

static LogicalResult exportSplit(SplitOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput()), graph.addInts(op, "split", op.getSizes())};
  return graph.addResultNode(op, "Split", inputs, {intAttribute("axis", op.getAxis())});
}

static LogicalResult exportSlice(SliceOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput()), graph.getName(op.getStarts()),
                  graph.getName(op.getEnds()), graph.addInts(op, "axes", op.getAxes())};
  if (llvm::any_of(op.getSteps(), [](int64_t step) { return step != 1; }))
    inputs.push_back(graph.addInts(op, "steps", op.getSteps()));
  return graph.addResultNode(op, "Slice", inputs);
}

static LogicalResult exportPad(PadOp op, GraphExporter &graph) {
  if (op.getMode() == PadMode::Wrap)
    graph.requireOpset(19, op);
  return exportPlain(op, graph, "Pad", {stringAttribute("mode", stringifyPadMode(op.getMode()))});
}

static LogicalResult exportGather(GatherOp op, GraphExporter &graph) {
  return exportPlain(op, graph, "Gather", {intAttribute("axis", op.getAxis())});
}

static LogicalResult exportGatherElements(GatherElementsOp op, GraphExporter &graph) {
  return exportPlain(op, graph, "GatherElements", {intAttribute("axis", op.getAxis())});
}

static LogicalResult exportGatherND(GatherNDOp op, GraphExporter &graph) {
  return exportPlain(op, graph, "GatherND", {intAttribute("batch_dims", op.getBatchDims())});
}

static LogicalResult exportScatterElements(ScatterElementsOp op, GraphExporter &graph) {
  llvm::SmallVector<AttributeProto, 2> attributes{intAttribute("axis", op.getAxis())};
  if (op.getReduction() != ScatterReduction::None) {
    bool isExtremum =
        op.getReduction() == ScatterReduction::Max || op.getReduction() == ScatterReduction::Min;
    graph.requireOpset(isExtremum ? 18 : 16, op);
    attributes.push_back(
        stringAttribute("reduction", stringifyScatterReduction(op.getReduction())));
  }
  return exportPlain(op, graph, "ScatterElements", attributes);
}

static LogicalResult exportShape(ShapeOp op, GraphExporter &graph) {
  int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank();
  if (op.getStart() == 0 && static_cast<int64_t>(op.getEnd()) == rank)
    return exportPlain(op, graph, "Shape");
  graph.requireOpset(15, op);
  return exportPlain(op, graph, "Shape",
                     {intAttribute("start", op.getStart()), intAttribute("end", op.getEnd())});
}

static LogicalResult exportRange(RangeOp op, GraphExporter &graph) {
  return exportPlain(op, graph, "Range");
}

void mlir::compress::onnx::registerMovementExports(ExportRegistry &registry) {
  registry.add<ReshapeOp, exportReshape>();
  registry.add<BroadcastOp, exportBroadcast>();
  registry.add<TransposeOp, exportTranspose>();
  registry.add<SqueezeOp, exportSqueeze>();
  registry.add<UnsqueezeOp, exportUnsqueeze>();
  registry.add<ConcatOp, exportConcat>();
  registry.add<SplitOp, exportSplit>();
  registry.add<SliceOp, exportSlice>();
  registry.add<PadOp, exportPad>();
  registry.add<GatherOp, exportGather>();
  registry.add<GatherElementsOp, exportGatherElements>();
  registry.add<GatherNDOp, exportGatherND>();
  registry.add<ScatterElementsOp, exportScatterElements>();
  registry.add<ShapeOp, exportShape>();
  registry.add<RangeOp, exportRange>();
}
