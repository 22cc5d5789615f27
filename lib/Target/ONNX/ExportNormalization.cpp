//===- ExportNormalization.cpp - normalisations and reductions to ONNX ------*- C++ -*-===//
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

static LogicalResult exportLayerNorm(LayerNormOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput()), graph.getName(op.getScale())};
  if (op.getBias())
    inputs.push_back(graph.getName(op.getBias()));
  return graph.addResultNode(op, "LayerNormalization", inputs,
                             {intAttribute("axis", op.getAxis()),
                              floatAttribute("epsilon", op.getEpsilon().convertToFloat())});
}

static LogicalResult exportBatchNorm(BatchNormOp op, GraphExporter &graph) {
  return graph.addResultNode(op, "BatchNormalization", graph.getNames(op->getOperands()),
                             {floatAttribute("epsilon", op.getEpsilon().convertToFloat())});
}

template <typename OpTy>
static LogicalResult exportWithAxis(OpTy op, GraphExporter &graph, StringRef opType) {
  return graph.addResultNode(op, opType, {graph.getName(op.getInput())},
                             {intAttribute("axis", op.getAxis())});
}

static LogicalResult exportSoftmax(SoftmaxOp op, GraphExporter &graph) {
  return exportWithAxis(op, graph, "Softmax");
}

static LogicalResult exportLogSoftmax(LogSoftmaxOp op, GraphExporter &graph) {
  return exportWithAxis(op, graph, "LogSoftmax");
}

static StringRef getReduceName(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Sum:
    return "ReduceSum";
  case ReduceKind::Mean:
    return "ReduceMean";
  case ReduceKind::Max:
    return "ReduceMax";
  case ReduceKind::Min:
    return "ReduceMin";
  case ReduceKind::Prod:
    return "ReduceProd";
  case ReduceKind::SumSquare:
    return "ReduceSumSquare";
  case ReduceKind::L1:
    return "ReduceL1";
  case ReduceKind::L2:
    return "ReduceL2";
  case ReduceKind::LogSum:
    return "ReduceLogSum";
  case ReduceKind::LogSumExp:
    return "ReduceLogSumExp";
  }
  return "";
}

/// The mean over exactly the spatial dims of an image or volume, kept as dims of size 1. (Of a
/// tensor of rank 3 it is more likely the mean of a normalisation.)
static bool isGlobalAveragePool(ReduceOp op) {
  int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank();
  return op.getKind() == ReduceKind::Mean && op.getKeepdims() && (rank == 4 || rank == 5) &&
         static_cast<int64_t>(op.getAxes().size()) == rank - 2 && op.getAxes().front() == 2 &&
         isa<FloatType>(cast<RankedTensorType>(op.getType()).getElementType());
}

static LogicalResult exportReduce(ReduceOp op, GraphExporter &graph) {
  StringRef input = graph.getName(op.getInput());
  if (isGlobalAveragePool(op))
    return graph.addResultNode(op, "GlobalAveragePool", {input});

  llvm::SmallVector<AttributeProto, 3> attributes{intAttribute("keepdims", op.getKeepdims())};
  // Axes are an input of ReduceSum from opset 13 and of the others from opset 18 on.
  bool axesAreInput = op.getKind() == ReduceKind::Sum || graph.getOpset() >= 18;
  if (op.getAxes().empty()) {
    // Without axes all dims would be reduced; the attribute that prevents it came with the input.
    if (!axesAreInput)
      graph.requireOpset(18, op);
    attributes.push_back(intAttribute("noop_with_empty_axes", 1));
    return graph.addResultNode(op, getReduceName(op.getKind()), {input}, attributes);
  }
  NameList inputs{input};
  if (axesAreInput)
    inputs.push_back(graph.addInts(op, "axes", op.getAxes()));
  else
    attributes.push_back(intsAttribute("axes", op.getAxes()));
  return graph.addResultNode(op, getReduceName(op.getKind()), inputs, attributes);
}

static LogicalResult exportArgMax(ArgMaxOp op, GraphExporter &graph) {
  llvm::SmallVector<AttributeProto, 3> attributes{intAttribute("axis", op.getAxis()),
                                                  intAttribute("keepdims", op.getKeepdims())};
  if (op.getSelectLastIndex())
    attributes.push_back(intAttribute("select_last_index", 1));
  return graph.addResultNode(op, "ArgMax", {graph.getName(op.getInput())}, attributes);
}

static LogicalResult exportTopK(TopKOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput()), graph.getName(op.getK())};
  // The operator wants k with one dim.
  if (cast<RankedTensorType>(op.getK().getType()).getRank() != 1)
    inputs[1] = graph.addNode(op, "k", "Reshape", {inputs[1], graph.addInts(op, "k_shape", {1})});
  return graph.addResultNode(op, "TopK", inputs,
                             {intAttribute("axis", op.getAxis()),
                              intAttribute("largest", op.getLargest()),
                              intAttribute("sorted", op.getSorted())});
}

static LogicalResult exportCumSum(CumSumOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput()),
                  graph.addScalarInt(op, "axis", DataType::I64, op.getAxis())};
  return graph.addResultNode(
      op, "CumSum", inputs,
      {intAttribute("exclusive", op.getExclusive()), intAttribute("reverse", op.getReverse())});
}

void mlir::compress::onnx::registerNormalizationExports(ExportRegistry &registry) {
  registry.add<LayerNormOp, exportLayerNorm>();
  registry.add<BatchNormOp, exportBatchNorm>();
  registry.add<SoftmaxOp, exportSoftmax>();
  registry.add<LogSoftmaxOp, exportLogSoftmax>();
  registry.add<ReduceOp, exportReduce>();
  registry.add<ArgMaxOp, exportArgMax>();
  registry.add<TopKOp, exportTopK>();
  registry.add<CumSumOp, exportCumSum>();
}
