//===- NormalizeComposite.cpp - nodes that are composite ops ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// RMSNormalization, RotaryEmbedding and Attention in the forms that our ops have; other forms stay
// as they are.
//
//===----------------------------------------------------------------------===//

#include "NormalizeComposite.h"
#include "NormalizeAxes.h"
#include "NormalizeImpl.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

NodeResult onnx::normalizeRMSNorm(OnnxNode &node) {
  if (node.getInt("stash_type", 1) != 1)
    return node.keep("only stash_type 1 is supported");
  if (node.getNumInputs() != 2)
    return node.error("expects two inputs");
  if (node.getType(0).getElementType() != node.getType(1).getElementType())
    return node.keep("mixed element types are not supported");
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", -1), node.getRank(0));
  if (failed(axis))
    return failure();
  return single(node.make<RMSNormOp>(
      {node.getInput(0), node.getInput(1)},
      {node.attr("axis", *axis), node.attr("epsilon", node.getFloat("epsilon", 1e-5f))}));
}

/// `[b, s, heads * d]` as `[b, s, heads, d]`.
static FailureOr<Value> splitHeads(OnnxNode &node, Value value, int64_t heads) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t size = type.getShape().back();
  if (ShapedType::isDynamic(size))
    return node.keep("the size of the heads is not known");
  if (heads < 1 || size % heads)
    return node.error("expects a last dim that is a multiple of the number of heads");
  Value shape = node.constantInts({0, 0, heads, size / heads});
  return node.make<ReshapeOp>({value, shape});
}

/// `[b, s, heads, d]` as `[b, s, heads * d]`.
static FailureOr<Value> joinHeads(OnnxNode &node, Value value) {
  ArrayRef<int64_t> dims = cast<RankedTensorType>(value.getType()).getShape();
  if (ShapedType::isDynamic(dims[2]) || ShapedType::isDynamic(dims[3]))
    return node.keep("the size of the heads is not known");
  Value shape = node.constantInts({0, 0, dims[2] * dims[3]});
  return node.make<ReshapeOp>({value, shape});
}

/// Cos or sin of all `size` columns of `[b, s, heads, d]` or `[b, heads, s, d]` tensors.
static FailureOr<Value> makeTable(OnnxNode &node, unsigned input, int64_t size, int64_t headDim) {
  FailureOr<Value> table = node.getInput(input);
  if (node.hasInput(3)) {
    if (node.getRank(input) != 2 || node.getRank(3) != 2)
      return node.error("expects caches and position_ids of rank 2");
    table = node.make<GatherOp>({*table, node.getInput(3)}, node.attr("axis", int64_t(0)));
  } else if (node.getRank(input) != 3) {
    return node.error("expects caches of rank 3 without position_ids");
  }
  if (failed(table))
    return failure();
  if (node.getType(input).getShape().back() * 2 != size)
    return node.keep("the caches do not have half the size of a head");
  FailureOr<Value> whole = node.make<ConcatOp>({*table, *table}, node.attr("axis", int64_t(2)));
  if (failed(whole))
    return failure();
  return node.make<UnsqueezeOp>(*whole, node.attr("axes", ArrayRef<int64_t>{headDim}));
}

NodeResult onnx::normalizeRotaryEmbedding(OnnxNode &node) {
  if (node.getNumInputs() < 3 || !node.hasInput(1) || !node.hasInput(2))
    return node.error("expects an input and two caches");
  if (node.getInt("interleaved", 0) != 0)
    return node.keep("interleaved pairs are not supported");
  int64_t rank = node.getRank(0);
  if (rank != 3 && rank != 4)
    return node.error("expects an input of rank 3 or 4");
  FailureOr<Value> input = node.getInput(0);
  if (rank == 3)
    input = splitHeads(node, *input, node.getInt("num_heads", 0));
  if (failed(input))
    return failure();
  int64_t size = cast<RankedTensorType>(input->getType()).getShape().back();
  if (ShapedType::isDynamic(size) || size % 2)
    return node.keep("the size of a head is not known or odd");
  int64_t rotated = node.getInt("rotary_embedding_dim", 0);
  if (rotated != 0 && rotated != size)
    return node.keep("only a part of each head is rotated");
  int64_t headDim = rank == 3 ? 2 : 1;
  FailureOr<Value> cos = makeTable(node, 1, size, headDim);
  if (failed(cos))
    return failure();
  FailureOr<Value> sin = makeTable(node, 2, size, headDim);
  if (failed(sin))
    return failure();
  FailureOr<Value> result = node.make<RotaryEmbeddingOp>({*input, *cos, *sin});
  if (failed(result) || rank == 4)
    return single(result);
  return single(joinHeads(node, *result));
}

/// Why a node has a meaning that `compress.attention` has not, or "".
static std::string explainAttention(OnnxNode &node) {
  for (unsigned i = 1; i < node.getOp().getNumResults(); ++i)
    if (node.isOutputUsed(i))
      return "outputs other than the first are used";
  for (unsigned i = 4; i < node.getNumInputs(); ++i)
    if (node.hasInput(i))
      return "past keys or lengths are not supported";
  if (node.getInt("is_causal", 0) != 0)
    return "is_causal is not supported";
  if (node.getFloat("softcap", 0) != 0)
    return "softcap is not supported";
  if (node.getInt("left_window_size", -1) != -1 || node.getInt("right_window_size", -1) != -1)
    return "windows are not supported";
  Type type = node.getType(0).getElementType();
  int64_t precision = node.getInt("softmax_precision", 0);
  if (precision != 0 && !(precision == 1 && type.isF32()))
    return "softmax in another precision is not supported";
  for (unsigned i = 1; i < node.getNumInputs(); ++i)
    if (node.hasInput(i) && node.getType(i).getElementType() != type)
      return "mixed element types and masks of bools are not supported";
  return "";
}

NodeResult onnx::normalizeAttention(OnnxNode &node) {
  for (unsigned i = 0; i < 3; ++i)
    if (!node.hasInput(i))
      return node.error("expects queries, keys and values");
  std::string reason = explainAttention(node);
  if (!reason.empty())
    return node.keep(reason);
  int64_t rank = node.getRank(0);
  if ((rank != 3 && rank != 4) || node.getRank(1) != rank || node.getRank(2) != rank)
    return node.error("expects queries, keys and values of rank 3 or of rank 4");
  SmallVector<Value> operands;
  for (unsigned i = 0; i < 3; ++i) {
    FailureOr<Value> heads = node.getInput(i);
    if (rank == 3)
      heads = splitHeads(node, *heads, node.getInt(i == 0 ? "q_num_heads" : "kv_num_heads", 0));
    if (failed(heads))
      return failure();
    operands.push_back(*heads);
  }
  auto getDims = [&](unsigned i) {
    return cast<RankedTensorType>(operands[i].getType()).getShape();
  };
  unsigned headDim = rank == 3 ? 2 : 1;
  for (unsigned i = 0; i < 3; ++i)
    if (ShapedType::isDynamic(getDims(i)[headDim]))
      return node.keep("the number of heads is not known");
  if (node.hasInput(3)) {
    // A shorter mask would be padded.
    SymbolicShapes &shapes = node.getNormalizer().getShapes();
    SymbolicExpr keys = shapes.getDims(operands[1])[3 - headDim];
    if (node.getRank(3) == 0 || shapes.getDims(node.getInput(3)).back() != keys)
      return node.keep("the mask may be shorter than the keys");
    operands.push_back(node.getInput(3));
  }
  int64_t size = getDims(0).back();
  float scale = node.getFloat("scale", 0);
  if (!node.getOp().getOnnxAttr("scale")) {
    if (ShapedType::isDynamic(size) || size == 0)
      return node.keep("the size of a head is not known");
    scale = static_cast<float>(1 / std::sqrt(static_cast<double>(size)));
  }
  auto layout = AttentionLayoutAttr::get(node.getContext(),
                                         rank == 3 ? AttentionLayout::BSHD : AttentionLayout::BHSD);
  FailureOr<Value> result = node.make<AttentionOp>(
      operands, {node.attr("layout", Attribute(layout)), node.attr("scale", scale)});
  if (failed(result))
    return failure();
  if (rank == 3)
    result = joinHeads(node, *result);
  if (failed(result))
    return failure();
  SmallVector<Value> results(node.getOp().getNumResults());
  results[0] = *result;
  return results;
}
