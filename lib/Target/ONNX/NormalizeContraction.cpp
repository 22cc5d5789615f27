//===- NormalizeContraction.cpp - matrix products, embeddings ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "NormalizeWindow.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

bool onnx::isParameter(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<LoadOp, ConstantOp>(op))
      return true;
    if (auto decode = dyn_cast<DecodeOpInterface>(op))
      value = decode.getEncodedOperand().get();
    else if (isa<CastOp>(op))
      value = op->getOperand(0);
    else
      return false;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

/// `input` times a parameter of rank 2, plus maybe a bias of rank 1.
static FailureOr<Value> makeLinear(OnnxNode &node, Value input, Value weight, WeightLayout layout,
                                   Value bias = {}) {
  // A transposed parameter is used as it lies: a tied head stays tied.
  if (auto transpose = weight.getDefiningOp<TransposeOp>()) {
    weight = transpose.getInput();
    layout = layout == WeightLayout::KN ? WeightLayout::NK : WeightLayout::KN;
  }
  SmallVector<Value> operands{input, weight};
  if (bias)
    operands.push_back(bias);
  return node.make<LinearOp>(
      operands,
      {node.attr("weight_layout", Attribute(WeightLayoutAttr::get(node.getContext(), layout))),
       node.nameAttr()});
}

/// True if `value` is a parameter of rank 2, maybe transposed.
static bool isLinearWeight(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() != 2)
    return false;
  if (auto transpose = value.getDefiningOp<TransposeOp>())
    value = transpose.getInput();
  return isParameter(value);
}

static FailureOr<Value> makeMatMul(OnnxNode &node, Value lhs, Value rhs) {
  if (isLinearWeight(rhs) && cast<RankedTensorType>(lhs.getType()).getRank() >= 1)
    return makeLinear(node, lhs, rhs, WeightLayout::KN);
  return node.make<MatMulOp>({lhs, rhs}, node.nameAttr());
}

static NodeResult normalizeMatMul(OnnxNode &node) {
  return single(makeMatMul(node, node.getInput(0), node.getInput(1)));
}

/// `value` with its last two dims exchanged.
static FailureOr<Value> transposeLast(OnnxNode &node, Value value) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  if (rank < 2)
    return node.error("expects operands of rank 2 or more to transpose");
  SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(perm[rank - 1], perm[rank - 2]);
  return node.make<TransposeOp>(value, node.attr("perm", ArrayRef<int64_t>(perm)));
}

static FailureOr<Value> scale(OnnxNode &node, Value value, float factor) {
  if (factor == 1.0f)
    return value;
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  if (!isa<FloatType>(element))
    return node.keep("a factor on integers is not supported");
  return node.make<MulOp>({value, node.scalar(element, factor)});
}

/// The bias of a linear layer with `channels` outputs: a parameter `[N]`, `[1, N]` or of one
/// element. Null if `c` is none.
static FailureOr<Value> getBias(OnnxNode &node, Value c, int64_t channels) {
  auto type = cast<RankedTensorType>(c.getType());
  if (!isParameter(c) || ShapedType::isDynamic(channels) || !type.hasStaticShape() ||
      type.getRank() > 2 || (type.getRank() == 2 && type.getDimSize(0) != 1))
    return Value();
  if (type.getNumElements() == channels)
    return type.getRank() == 1 ? FailureOr<Value>(c) : node.reshapeConstant(c, {channels});
  if (type.getNumElements() != 1)
    return Value();
  FailureOr<Value> flat = node.reshapeConstant(c, {1});
  if (failed(flat))
    return failure();
  return node.make<BroadcastOp>({*flat, node.constantInts({channels})});
}

/// alpha * A' * B' + beta * C.
static NodeResult normalizeGemm(OnnxNode &node) {
  if (node.getRank(0) != 2 || node.getRank(1) != 2)
    return node.error("expects matrices");
  float alpha = node.getFloat("alpha", 1.0f), beta = node.getFloat("beta", 1.0f);
  bool transB = node.getInt("transB", 0) != 0;
  FailureOr<Value> a = node.getInput(0);
  Value b = node.getInput(1), c = node.getInput(2);
  if (node.getInt("transA", 0) != 0)
    a = transposeLast(node, *a);
  if (failed(a))
    return failure();
  if (c) {
    FailureOr<Value> scaled = scale(node, c, beta);
    if (failed(scaled))
      return failure();
    c = *scaled;
  }

  FailureOr<Value> product;
  if (isLinearWeight(b)) {
    int64_t channels = cast<RankedTensorType>(b.getType()).getDimSize(transB ? 0 : 1);
    Value bias;
    if (c && alpha == 1.0f) {
      FailureOr<Value> found = getBias(node, c, channels);
      if (failed(found))
        return failure();
      bias = *found;
      if (bias)
        c = Value();
    }
    product = makeLinear(node, *a, b, transB ? WeightLayout::NK : WeightLayout::KN, bias);
  } else {
    FailureOr<Value> right = b;
    if (transB)
      right = transposeLast(node, b);
    if (failed(right))
      return failure();
    product = node.make<MatMulOp>({*a, *right}, node.nameAttr());
  }
  if (succeeded(product))
    product = scale(node, *product, alpha);
  if (succeeded(product) && c)
    product = node.make<AddOp>({*product, c});
  return single(product);
}

/// com.microsoft.FusedMatMul: alpha * A' * B'.
static NodeResult normalizeFusedMatMul(OnnxNode &node) {
  if (node.getInt("transBatchA", 0) != 0 || node.getInt("transBatchB", 0) != 0)
    return node.keep("transposed batch dims are not supported");
  FailureOr<Value> a = node.getInput(0), b = node.getInput(1);
  if (node.getInt("transA", 0) != 0 && node.getRank(0) >= 2)
    a = transposeLast(node, *a);
  if (succeeded(a) && node.getInt("transB", 0) != 0 && node.getRank(1) >= 2)
    b = transposeLast(node, *b);
  if (failed(a) || failed(b))
    return failure();
  FailureOr<Value> product = makeMatMul(node, *a, *b);
  if (succeeded(product))
    product = scale(node, *product, node.getFloat("alpha", 1.0f));
  return single(product);
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

static NodeResult normalizeConv(OnnxNode &node) {
  FailureOr<Window> window = getConvWindow(node, node.getType(0), node.getType(1));
  if (failed(window))
    return failure();
  SmallVector<Value> operands{node.getInput(0), node.getInput(1)};
  if (node.hasInput(2))
    operands.push_back(node.getInput(2));
  return single(makeConv(node, *window, operands));
}

static NodeResult normalizeConvTranspose(OnnxNode &node) {
  RankedTensorType input = node.getType(0), weight = node.getType(1);
  if (weight.getRank() < 3 || input.getRank() != weight.getRank())
    return node.error("expects input and weight of the same rank, at least 3");
  ArrayRef<int64_t> spatial = input.getShape().drop_front(2);
  ArrayRef<int64_t> kernel = weight.getShape().drop_front(2);
  size_t rank = spatial.size();
  std::optional<SmallVector<int64_t>> outputShape = node.getInts("output_shape");
  SmallVector<int64_t> outputPadding =
      node.getInts("output_padding").value_or(SmallVector<int64_t>(rank, 0));
  StringRef autoPad = node.getString("auto_pad", "NOTSET");
  bool isSame = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  FailureOr<Window> window =
      getWindow(node, spatial, kernel, /*strideDefault=*/1, /*ignoreSame=*/true);
  if (failed(window))
    return failure();
  if (outputPadding.size() != rank || (outputShape && outputShape->size() < rank))
    return node.error("expects one output_padding and output_shape entry per spatial dim");
  for (size_t i = 0; (outputShape || isSame) && i < rank; ++i) {
    if (ShapedType::isDynamic(spatial[i]) || ShapedType::isDynamic(kernel[i]))
      return node.keep("the padding depends on dynamic dims");
    int64_t given = outputShape ? (*outputShape)[outputShape->size() - rank + i] : 0;
    // Products of two of these, and sums of such products, do not overflow.
    for (int64_t size :
         {spatial[i], kernel[i], window->strides[i], window->dilations[i], outputPadding[i], given})
      if (size < 0 || size >= int64_t(1) << 30)
        return node.error("expects sizes in [0, 2^30) where padding is computed");
    int64_t wanted = outputShape ? given : spatial[i] * window->strides[i];
    int64_t total = window->strides[i] * (spatial[i] - 1) + outputPadding[i] +
                    (kernel[i] - 1) * window->dilations[i] + 1 - wanted;
    if (total < 0) {
      if (outputShape)
        return node.keep("output_shape is larger than what the input gives");
      outputPadding[i] -= total;
      total = 0;
    }
    int64_t less = total / 2;
    window->pads[i] = autoPad == "SAME_UPPER" ? less : total - less;
    window->pads[rank + i] = total - window->pads[i];
  }
  SmallVector<Value> operands{node.getInput(0), node.getInput(1)};
  if (node.hasInput(2))
    operands.push_back(node.getInput(2));
  return single(node.make<ConvTransposeOp>(
      operands, {node.attr("strides", ArrayRef<int64_t>(window->strides)),
                 node.attr("pads", ArrayRef<int64_t>(window->pads)),
                 node.attr("dilations", ArrayRef<int64_t>(window->dilations)),
                 node.attr("output_padding", ArrayRef<int64_t>(outputPadding)),
                 node.attr("groups", node.getInt("group", 1)), node.nameAttr()}));
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

static NodeResult normalizePool(OnnxNode &node, PoolKind kind) {
  FailureOr<PoolWindow> window = getPoolWindow(node);
  if (failed(window))
    return failure();
  SmallVector<Value> results;
  FailureOr<Value> pooled = makePool(node, kind, *window, node.getInput(0));
  if (failed(pooled))
    return failure();
  results.assign(node.getOp().getNumResults(), Value());
  results[0] = *pooled;
  return results;
}

static NodeResult normalizeMaxPool(OnnxNode &node) {
  if (node.isOutputUsed(1))
    return node.keep("the indices are used");
  return normalizePool(node, PoolKind::Max);
}

static NodeResult normalizeAveragePool(OnnxNode &node) {
  return normalizePool(node, PoolKind::Average);
}

/// The reduction of all spatial dims.
template <ReduceKind kind>
static NodeResult normalizeGlobalPool(OnnxNode &node) {
  SmallVector<int64_t> axes =
      llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(2, node.getRank(0))));
  return single(node.make<ReduceOp>(
      node.getInput(0), {node.attr("kind", Attribute(ReduceKindAttr::get(node.getContext(), kind))),
                         node.attr("axes", ArrayRef<int64_t>(axes)), node.attr("keepdims", true)}));
}

void onnx::registerContractionNormalizers(NormalizerRegistry &registry) {
  registry.add("MatMul", normalizeMatMul);
  registry.add("Gemm", normalizeGemm);
  registry.add("FusedMatMul", normalizeFusedMatMul, 1, INT64_MAX, "com.microsoft");
  registry.add("Conv", normalizeConv);
  registry.add("ConvTranspose", normalizeConvTranspose);
  registry.add("MaxPool", normalizeMaxPool);
  registry.add("AveragePool", normalizeAveragePool);
  registry.add("GlobalAveragePool", normalizeGlobalPool<ReduceKind::Mean>);
  registry.add("GlobalMaxPool", normalizeGlobalPool<ReduceKind::Max>);
}
