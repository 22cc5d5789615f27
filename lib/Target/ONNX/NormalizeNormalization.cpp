//===- NormalizeNormalization.cpp - norms, softmax, reductions --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeAxes.h"
#include "NormalizeComposite.h"
#include "NormalizeImpl.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

FailureOr<int64_t> onnx::normalizeAxis(OnnxNode &node, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return node.error("axis " + Twine(axis) + " is out of range for rank " + Twine(rank));
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> onnx::normalizeAxes(OnnxNode &node, ArrayRef<int64_t> axes,
                                                    int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normalized = normalizeAxis(node, axis, rank);
    if (failed(normalized))
      return failure();
    result.push_back(*normalized);
  }
  llvm::sort(result);
  for (size_t i = 1; i < result.size(); ++i)
    if (result[i] == result[i - 1])
      return node.error("axis " + Twine(result[i]) + " is given twice");
  return result;
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

static NodeResult normalizeBatchNorm(OnnxNode &node) {
  int64_t version = node.getVersion();
  if (version < 7 && node.getInt("is_test", 0) == 0)
    return node.keep("it is in training mode");
  if (version < 9 && node.getInt("spatial", 1) == 0)
    return node.keep("spatial = 0 is not supported");
  if (version >= 14 && node.getInt("training_mode", 0) != 0)
    return node.keep("it is in training mode");
  for (unsigned i = 1; i < node.getOp().getNumResults(); ++i)
    if (node.isOutputUsed(i))
      return node.keep("outputs of the training mode are used");
  if (node.getNumInputs() != 5)
    return node.error("expects five inputs");
  for (unsigned i = 1; i < 5; ++i)
    if (node.getType(i).getElementType() != node.getType(0).getElementType())
      return node.keep("mixed element types are not supported");
  FailureOr<Value> value = node.make<BatchNormOp>(
      node.getOp().getInputs(), node.attr("epsilon", node.getFloat("epsilon", 1e-5f)));
  if (failed(value))
    return failure();
  SmallVector<Value> results(node.getOp().getNumResults());
  results[0] = *value;
  return results;
}

static NodeResult normalizeLayerNorm(OnnxNode &node) {
  if (node.isOutputUsed(1) || node.isOutputUsed(2))
    return node.keep("mean or deviation are used");
  if (node.getInt("stash_type", 1) != 1)
    return node.keep("only stash_type 1 is supported");
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", -1), node.getRank(0));
  if (failed(axis))
    return failure();
  SmallVector<Value> operands{node.getInput(0), node.getInput(1)};
  if (node.hasInput(2))
    operands.push_back(node.getInput(2));
  FailureOr<Value> value = node.make<LayerNormOp>(
      operands, {node.attr("axis", *axis), node.attr("epsilon", node.getFloat("epsilon", 1e-5f))});
  if (failed(value))
    return failure();
  SmallVector<Value> results(node.getOp().getNumResults());
  results[0] = *value;
  return results;
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

template <typename OpTy>
static NodeResult normalizeSoftmax(OnnxNode &node) {
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", -1), node.getRank(0));
  if (failed(axis))
    return failure();
  return single(node.make<OpTy>(node.getInput(0), node.attr("axis", *axis)));
}

/// Until opset 12 all dims from the axis on were flattened into one.
template <typename OpTy>
static NodeResult normalizeOldSoftmax(OnnxNode &node) {
  RankedTensorType type = node.getType(0);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 1), type.getRank());
  if (failed(axis))
    return failure();
  ArrayRef<int64_t> trailing = type.getShape().drop_front(*axis);
  auto isOne = [](int64_t size) { return size == 1; };
  // One dim that is larger than 1, wherever it is: the same as softmax along that dim.
  if (llvm::count_if(trailing, isOne) >= static_cast<int64_t>(trailing.size()) - 1) {
    const int64_t *larger = llvm::find_if_not(trailing, isOne);
    int64_t dim = larger == trailing.end() ? *axis : *axis + (larger - trailing.begin());
    return single(node.make<OpTy>(node.getInput(0), node.attr("axis", dim)));
  }
  FailureOr<Value> shape = node.make<ShapeOp>(
      node.getInput(0), {node.attr("start", int64_t(0)), node.attr("end", type.getRank())});
  FailureOr<Value> matrix = flattenTo2D(node, node.getInput(0), *axis);
  if (failed(shape) || failed(matrix))
    return failure();
  FailureOr<Value> value = node.make<OpTy>(*matrix, node.attr("axis", int64_t(1)));
  if (failed(value))
    return failure();
  return single(node.make<ReshapeOp>({*value, *shape}));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// `axes` is an attribute until opset 17 (ReduceSum: 12) and an input from then on.
template <ReduceKind kind>
static NodeResult normalizeReduce(OnnxNode &node) {
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.getIntsOrInput("axes", 1);
  if (failed(given))
    return failure();
  SmallVector<int64_t> axes = given->value_or(SmallVector<int64_t>());
  int64_t rank = node.getRank(0);
  if (axes.empty() && node.getInt("noop_with_empty_axes", 0) == 0)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  FailureOr<SmallVector<int64_t>> sorted = normalizeAxes(node, axes, rank);
  if (failed(sorted))
    return failure();
  return single(node.make<ReduceOp>(
      node.getInput(0), {node.attr("kind", Attribute(ReduceKindAttr::get(node.getContext(), kind))),
                         node.attr("axes", ArrayRef<int64_t>(*sorted)),
                         node.attr("keepdims", node.getInt("keepdims", 1) != 0)}));
}

static NodeResult normalizeArgMax(OnnxNode &node) {
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), node.getRank(0));
  if (failed(axis))
    return failure();
  return single(node.make<ArgMaxOp>(
      node.getInput(0),
      {node.attr("axis", *axis), node.attr("keepdims", node.getInt("keepdims", 1) != 0),
       node.attr("select_last_index", node.getInt("select_last_index", 0) != 0)}));
}

/// `k` is an attribute until opset 9.
static NodeResult normalizeTopK(OnnxNode &node) {
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", -1), node.getRank(0));
  if (failed(axis))
    return failure();
  Value k;
  if (node.getVersion() < 10)
    k = node.constantInts({node.getInt("k", 1)});
  else if (node.hasInput(1))
    k = node.structural(node.getInput(1));
  if (!k)
    return node.error("expects k");
  return node.build(TopKOp::getOperationName(), {node.getInput(0), k},
                    {node.attr("axis", *axis), node.attr("largest", node.getInt("largest", 1) != 0),
                     node.attr("sorted", node.getInt("sorted", 1) != 0)},
                    /*numResults=*/2);
}

static NodeResult normalizeCumSum(OnnxNode &node) {
  std::optional<SmallVector<int64_t>> given = node.getConstantInts(node.getInput(1));
  if (!given || given->size() != 1)
    return node.keep("the axis is not a constant");
  FailureOr<int64_t> axis = normalizeAxis(node, given->front(), node.getRank(0));
  if (failed(axis))
    return failure();
  return single(node.make<CumSumOp>(node.getInput(0),
                                    {node.attr("axis", *axis),
                                     node.attr("exclusive", node.getInt("exclusive", 0) != 0),
                                     node.attr("reverse", node.getInt("reverse", 0) != 0)}));
}

void onnx::registerNormalizationNormalizers(NormalizerRegistry &registry) {
  registry.add("BatchNormalization", normalizeBatchNorm);
  registry.add("LayerNormalization", normalizeLayerNorm);
  registry.add("RMSNormalization", normalizeRMSNorm);
  registry.add("RotaryEmbedding", normalizeRotaryEmbedding);
  registry.add("Attention", normalizeAttention);
  registry.add("Softmax", normalizeOldSoftmax<SoftmaxOp>, 1, 13);
  registry.add("Softmax", normalizeSoftmax<SoftmaxOp>, 13);
  registry.add("LogSoftmax", normalizeOldSoftmax<LogSoftmaxOp>, 1, 13);
  registry.add("LogSoftmax", normalizeSoftmax<LogSoftmaxOp>, 13);
  registry.add("ReduceSum", normalizeReduce<ReduceKind::Sum>);
  registry.add("ReduceMean", normalizeReduce<ReduceKind::Mean>);
  registry.add("ReduceMax", normalizeReduce<ReduceKind::Max>);
  registry.add("ReduceMin", normalizeReduce<ReduceKind::Min>);
  registry.add("ReduceProd", normalizeReduce<ReduceKind::Prod>);
  registry.add("ReduceSumSquare", normalizeReduce<ReduceKind::SumSquare>);
  registry.add("ReduceL1", normalizeReduce<ReduceKind::L1>);
  registry.add("ReduceL2", normalizeReduce<ReduceKind::L2>);
  registry.add("ReduceLogSum", normalizeReduce<ReduceKind::LogSum>);
  registry.add("ReduceLogSumExp", normalizeReduce<ReduceKind::LogSumExp>);
  registry.add("ArgMax", normalizeArgMax);
  registry.add("TopK", normalizeTopK);
  registry.add("CumSum", normalizeCumSum);
}
