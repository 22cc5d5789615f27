//===- NormalizeQLinear.cpp - ops on codes as ops on dequantized codes ----===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// QLinearConv, QLinearMatMul and ops of com.microsoft that take and give codes
// become dequantize, the op on floats, quantize: what a QDQ model has. Sums of
// products of codes stay exact; the result is scaled in steps, so that a sum in
// the middle between two codes may be rounded to the other one.
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "NormalizeQuantization.h"
#include "NormalizeWindow.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// Input `index` as floats; its scale and zero point are the two inputs after it.
static FailureOr<Value> dequantizeInput(OnnxNode &node, unsigned index, int64_t axis,
                                        bool perTensor) {
  if (!node.hasInput(index) || !node.hasInput(index + 1))
    return node.error("expects input " + Twine(index) + " and its scale");
  if (perTensor && node.getRank(index + 1) != 0 && node.getType(index + 1).getDimSize(0) != 1)
    return node.keep("input " + Twine(index) + " has more than one scale");
  FailureOr<QuantizationGrid> grid = makeGrid(node, node.getType(index), node.getInput(index + 1),
                                              node.getInput(index + 2), axis, /*blockSize=*/0);
  if (failed(grid))
    return failure();
  return makeDequantize(node, node.getInput(index), *grid);
}

/// Codes of `value` by the scale and zero point that are the inputs `index` and `index + 1`; codes
/// are those of input 0 where there is no zero point.
static NodeResult quantizeResult(OnnxNode &node, Value value, unsigned index) {
  if (!node.hasInput(index))
    return node.error("expects a scale of the result");
  auto type = cast<RankedTensorType>(value.getType());
  Type codes = node.getType(node.hasInput(index + 1) ? index + 1 : 0).getElementType();
  if (node.getRank(index) != 0 && node.getType(index).getDimSize(0) != 1)
    return node.keep("the result has more than one scale");
  FailureOr<QuantizationGrid> grid = makeGrid(
      node, type, node.getInput(index), node.getInput(index + 1), /*axis=*/0, /*blockSize=*/0);
  if (failed(grid))
    return failure();
  return single(
      node.makeTyped<QuantizeOp>(type.clone(codes), grid->operands(value), grid->attributes(node)));
}

/// The i32 bias that is input `index`: its scale is the product of those of the operands, which are
/// inputs 1 and 4.
static FailureOr<Value> dequantizeBias(OnnxNode &node, unsigned index) {
  FailureOr<Value> input = node.reshapeConstant(node.getInput(1), {});
  SmallVector<int64_t> shape;
  if (node.getRank(4) == 1 && node.getType(4).getDimSize(0) != 1)
    shape.push_back(node.getType(4).getDimSize(0));
  FailureOr<Value> weight = node.reshapeConstant(node.getInput(4), shape);
  if (failed(input) || failed(weight))
    return failure();
  FailureOr<Value> scale = node.make<MulOp>({*weight, *input});
  if (failed(scale))
    return failure();
  QuantizationGrid grid{*scale, {}, {}};
  if (!shape.empty())
    grid.block = {1};
  return makeDequantize(node, node.getInput(index), grid);
}

static NodeResult normalizeQLinearConv(OnnxNode &node) {
  for (unsigned input : {1, 3, 4})
    if (!node.hasInput(input) || !(input == 3 || isParameter(node.getInput(input))))
      return node.keep("weight and scales are no constants");
  FailureOr<Window> window = getConvWindow(node, node.getType(0), node.getType(3));
  if (failed(window))
    return failure();
  FailureOr<Value> x = dequantizeInput(node, 0, /*axis=*/1, /*perTensor=*/true);
  FailureOr<Value> w =
      failed(x) ? FailureOr<Value>() : dequantizeInput(node, 3, /*axis=*/0, /*perTensor=*/false);
  if (failed(x) || failed(w))
    return failure();
  SmallVector<Value> operands{*x, *w};
  if (node.hasInput(8)) {
    FailureOr<Value> bias = dequantizeBias(node, 8);
    if (failed(bias))
      return failure();
    operands.push_back(*bias);
  }
  FailureOr<Value> result = makeConv(node, *window, operands);
  if (failed(result))
    return failure();
  return quantizeResult(node, *result, 6);
}

static NodeResult normalizeQLinearMatMul(OnnxNode &node) {
  if (!node.hasInput(3) || !node.hasInput(4))
    return node.error("expects two operands and their scales");
  FailureOr<Value> a = dequantizeInput(node, 0, /*axis=*/0, /*perTensor=*/true);
  if (failed(a))
    return failure();
  int64_t rank = node.getRank(3);
  bool isWeight = isParameter(node.getInput(3)) && rank == 2 && node.getRank(0) >= 1;
  FailureOr<Value> b =
      dequantizeInput(node, 3, /*axis=*/std::max<int64_t>(rank - 1, 0), /*perTensor=*/!isWeight);
  if (failed(b))
    return failure();
  auto layout = WeightLayoutAttr::get(node.getContext(), WeightLayout::KN);
  FailureOr<Value> result =
      isWeight ? node.make<LinearOp>(
                     {*a, *b}, {node.attr("weight_layout", Attribute(layout)), node.nameAttr()})
               : node.make<MatMulOp>({*a, *b}, node.nameAttr());
  if (failed(result))
    return failure();
  return quantizeResult(node, *result, 6);
}

/// com.microsoft: A' * B' + C with a constant matrix B.
static NodeResult normalizeQGemm(OnnxNode &node) {
  for (unsigned input : {0, 1, 3, 4})
    if (!node.hasInput(input))
      return node.error("expects two operands and their scales");
  bool isConstant = isParameter(node.getInput(1)) && isParameter(node.getInput(3)) &&
                    isParameter(node.getInput(4));
  if (!isConstant || node.getRank(0) != 2 || node.getRank(3) != 2 ||
      node.getInt("transA", 0) != 0 || node.getFloat("alpha", 1.0f) != 1.0f)
    return node.keep("not a product with a constant matrix");
  bool isTransposed = node.getInt("transB", 0) != 0;
  FailureOr<Value> a = dequantizeInput(node, 0, /*axis=*/0, /*perTensor=*/true);
  FailureOr<Value> b =
      failed(a) ? FailureOr<Value>()
                : dequantizeInput(node, 3, /*axis=*/isTransposed ? 0 : 1, /*perTensor=*/false);
  if (failed(a) || failed(b))
    return failure();
  SmallVector<Value> operands{*a, *b};
  if (node.hasInput(6)) {
    if (node.getRank(6) != 1 || !node.getType(6).getElementType().isInteger(32))
      return node.keep("the bias is no vector of i32");
    FailureOr<Value> bias = dequantizeBias(node, 6);
    if (failed(bias))
      return failure();
    operands.push_back(*bias);
  }
  auto layout =
      WeightLayoutAttr::get(node.getContext(), isTransposed ? WeightLayout::NK : WeightLayout::KN);
  FailureOr<Value> result = node.make<LinearOp>(
      operands, {node.attr("weight_layout", Attribute(layout)), node.nameAttr()});
  if (failed(result) || !node.hasInput(7))
    return single(result);
  return quantizeResult(node, *result, 7);
}

/// com.microsoft: operands with scale and zero point each, then those of the result.
template <typename OpTy>
static NodeResult normalizeBinary(OnnxNode &node) {
  FailureOr<Value> a = dequantizeInput(node, 0, /*axis=*/0, /*perTensor=*/true);
  FailureOr<Value> b =
      failed(a) ? FailureOr<Value>() : dequantizeInput(node, 3, /*axis=*/0, /*perTensor=*/true);
  if (failed(a) || failed(b))
    return failure();
  FailureOr<Value> result = node.make<OpTy>({*a, *b});
  if (failed(result))
    return failure();
  return quantizeResult(node, *result, 6);
}

static NodeResult normalizeSigmoid(OnnxNode &node) {
  FailureOr<Value> x = dequantizeInput(node, 0, /*axis=*/0, /*perTensor=*/true);
  if (failed(x))
    return failure();
  FailureOr<Value> result = node.make<SigmoidOp>(*x);
  if (failed(result))
    return failure();
  return quantizeResult(node, *result, 3);
}

static NodeResult normalizeAveragePool(OnnxNode &node) {
  if (node.getInt("channels_last", 0) != 0)
    return node.keep("channels_last is not supported");
  FailureOr<PoolWindow> window = getPoolWindow(node);
  FailureOr<Value> x = failed(window) ? FailureOr<Value>()
                                      : dequantizeInput(node, 0, /*axis=*/0, /*perTensor=*/true);
  if (failed(x))
    return failure();
  FailureOr<Value> result = makePool(node, PoolKind::Average, *window, *x);
  if (failed(result))
    return failure();
  return quantizeResult(node, *result, 3);
}

static NodeResult normalizeGlobalAveragePool(OnnxNode &node) {
  if (node.getInt("channels_last", 0) != 0)
    return node.keep("channels_last is not supported");
  FailureOr<Value> x = dequantizeInput(node, 0, /*axis=*/0, /*perTensor=*/true);
  if (failed(x))
    return failure();
  SmallVector<int64_t> axes =
      llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(2, node.getRank(0))));
  auto kind = ReduceKindAttr::get(node.getContext(), ReduceKind::Mean);
  FailureOr<Value> result = node.make<ReduceOp>(*x, {node.attr("kind", Attribute(kind)),
                                                     node.attr("axes", ArrayRef<int64_t>(axes)),
                                                     node.attr("keepdims", true)});
  if (failed(result))
    return failure();
  return quantizeResult(node, *result, 3);
}

void onnx::registerQLinearNormalizers(NormalizerRegistry &registry) {
  registry.add("QLinearConv", normalizeQLinearConv);
  registry.add("QLinearConv", normalizeQLinearConv, 1, INT64_MAX, "com.microsoft");
  registry.add("QLinearMatMul", normalizeQLinearMatMul);
  registry.add("QGemm", normalizeQGemm, 1, INT64_MAX, "com.microsoft");
  registry.add("QLinearAveragePool", normalizeAveragePool, 1, INT64_MAX, "com.microsoft");
  registry.add("QLinearAdd", normalizeBinary<AddOp>, 1, INT64_MAX, "com.microsoft");
  registry.add("QLinearMul", normalizeBinary<MulOp>, 1, INT64_MAX, "com.microsoft");
  registry.add("QLinearSigmoid", normalizeSigmoid, 1, INT64_MAX, "com.microsoft");
  registry.add("QLinearGlobalAveragePool", normalizeGlobalAveragePool, 1, INT64_MAX,
               "com.microsoft");
}
