//===- NormalizeElementwise.cpp - element-wise ONNX operators ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "compress/Support/DataType.h"
#include "compress/Target/ONNX/Proto.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Unary and binary ops, by the table of the dialect
//===----------------------------------------------------------------------===//

/// Before opset 7 the second operand was aligned with dim `axis` of the first if `broadcast` was
/// set: dims of size 1 are appended to it.
static FailureOr<Value> alignOldBroadcast(OnnxNode &node) {
  Value rhs = node.getInput(1);
  int64_t lhsRank = node.getRank(0), rhsRank = node.getRank(1);
  int64_t axis = node.getInt("axis", lhsRank - rhsRank);
  if (axis < 0)
    axis += lhsRank;
  int64_t missing = lhsRank - rhsRank - axis;
  if (node.getVersion() >= 7 || node.getInt("broadcast", 0) == 0 || missing <= 0)
    return rhs;
  if (axis < 0 || axis > lhsRank)
    return node.error("expects 'axis' in the range of the first operand");
  SmallVector<int64_t> axes;
  for (int64_t i = 0; i < missing; ++i)
    axes.push_back(rhsRank + i);
  return node.make<UnsqueezeOp>(rhs, node.attr("axes", ArrayRef<int64_t>(axes)));
}

template <typename OpTy>
static NodeResult normalizeUnary(OnnxNode &node) {
  return single(node.make<OpTy>(node.getInput(0)));
}

template <typename OpTy>
static NodeResult normalizeBinary(OnnxNode &node) {
  FailureOr<Value> rhs = alignOldBroadcast(node);
  if (failed(rhs))
    return failure();
  return single(node.make<OpTy>({node.getInput(0), *rhs}));
}

template <typename OpTy>
static void addElementwise(NormalizerRegistry &registry) {
  if constexpr (requires { OpTy::getOnnxName(); }) {
    if constexpr (OpTy::template hasTrait<OpTrait::OneOperand>())
      registry.add(OpTy::getOnnxName(), normalizeUnary<OpTy>);
    else
      registry.add(OpTy::getOnnxName(), normalizeBinary<OpTy>);
  }
}

template <typename... Ops>
static void addAllElementwise(NormalizerRegistry &registry) {
  (addElementwise<Ops>(registry), ...);
}

template <typename OpTy>
static bool hasOnnxName(Operation *op) {
  if constexpr (requires { OpTy::getOnnxName(); })
    return isa<OpTy>(op);
  return false;
}

template <typename... Ops>
static bool hasAnyOnnxName(Operation *op) {
  return (hasOnnxName<Ops>(op) || ...);
}

bool onnx::isElementwise(Operation *op) {
  return isa<WhereOp>(op) || hasAnyOnnxName<
#define GET_OP_LIST
#include "compress/Dialect/Compress/IR/CompressOps.cpp.inc"
                                 >(op);
}

//===----------------------------------------------------------------------===//
// Variadic ops and ops with attributes
//===----------------------------------------------------------------------===//

template <typename OpTy>
static NodeResult normalizeVariadic(OnnxNode &node) {
  FailureOr<Value> result = node.getInput(0);
  for (unsigned i = 1; i < node.getNumInputs(); ++i) {
    result = node.make<OpTy>({*result, node.getInput(i)});
    if (failed(result))
      return failure();
  }
  return single(result);
}

static NodeResult normalizeMean(OnnxNode &node) {
  NodeResult sum = normalizeVariadic<AddOp>(node);
  if (failed(sum) || node.getNumInputs() == 1)
    return sum;
  Value count = node.scalar(node.getType(0).getElementType(), node.getNumInputs());
  return single(node.make<DivOp>({sum->front(), count}));
}

/// The exponent may have another type than the base, which is the result's.
static NodeResult normalizePow(OnnxNode &node) {
  FailureOr<Value> exponent = alignOldBroadcast(node);
  if (failed(exponent))
    return failure();
  Type base = node.getType(0).getElementType(), other = node.getType(1).getElementType();
  if (base != other) {
    if (!isa<FloatType>(base) && isa<FloatType>(other))
      return node.keep("an integer base with a float exponent is not supported");
    auto type = cast<RankedTensorType>(exponent->getType());
    exponent = node.makeTyped<CastOp>(type.clone(base), *exponent);
    if (failed(exponent))
      return failure();
  }
  return single(node.make<PowOp>({node.getInput(0), *exponent}));
}

/// Until opset 6 a slope `[C]` belonged to dim 1.
static NodeResult normalizeOldPRelu(OnnxNode &node) {
  Value slope = node.getInput(1);
  int64_t trailing = node.getRank(0) - 2;
  if (node.getRank(1) == 1 && node.getType(1).getDimSize(0) != 1 && trailing > 0) {
    SmallVector<int64_t> axes;
    for (int64_t i = 0; i < trailing; ++i)
      axes.push_back(i + 1);
    FailureOr<Value> wide =
        node.make<UnsqueezeOp>(slope, node.attr("axes", ArrayRef<int64_t>(axes)));
    if (failed(wide))
      return failure();
    slope = *wide;
  }
  return single(node.make<PReluOp>({node.getInput(0), slope}));
}

/// Bounds were attributes until opset 10.
static NodeResult normalizeClip(OnnxNode &node) {
  SmallVector<Value> operands{node.getInput(0)};
  int32_t segments[3] = {1, 0, 0};
  for (unsigned i = 0; i < 2; ++i) {
    StringRef name = i == 0 ? "min" : "max";
    Value bound;
    if (node.getVersion() < 11) {
      if (node.getOp().getOnnxAttr(name))
        bound = node.scalar(node.getType(0).getElementType(), node.getFloat(name, 0));
    } else if (node.hasInput(i + 1)) {
      bound = node.structural(node.getInput(i + 1));
      if (node.getRank(i + 1) != 0) {
        FailureOr<Value> flat = node.reshape(bound, {});
        if (failed(flat))
          return failure();
        bound = *flat;
      }
    }
    if (!bound)
      continue;
    operands.push_back(bound);
    segments[i + 1] = 1;
  }
  if (operands.size() == 1)
    return SmallVector<Value>{node.getInput(0)};
  return single(node.make<ClipOp>(
      operands, node.attr("operandSegmentSizes",
                          Attribute(node.getBuilder().getDenseI32ArrayAttr(segments)))));
}

static NodeResult makeGelu(OnnxNode &node, Value input, bool tanh) {
  auto form = tanh ? GeluApproximation::Tanh : GeluApproximation::None;
  return single(node.make<GeluOp>(
      input,
      node.attr("approximate", Attribute(GeluApproximationAttr::get(node.getContext(), form)))));
}

static NodeResult normalizeGelu(OnnxNode &node) {
  StringRef form = node.getString("approximate", "none");
  if (form != "none" && form != "tanh")
    return node.keep("unknown approximation '" + form + "'");
  return makeGelu(node, node.getInput(0), form == "tanh");
}

/// com.microsoft: gelu(x + bias), with erf (BiasGelu) or tanh (FastGelu, bias optional).
template <bool tanh>
static NodeResult normalizeBiasGelu(OnnxNode &node) {
  FailureOr<Value> input = node.getInput(0);
  if (node.hasInput(1))
    input = node.make<AddOp>({*input, node.getInput(1)});
  if (failed(input))
    return failure();
  return makeGelu(node, *input, tanh);
}

/// x * sigmoid(alpha * x): Swish, and QuickGelu of com.microsoft with alpha 1.702.
static NodeResult makeSwish(OnnxNode &node, float alpha) {
  FailureOr<Value> gate = node.getInput(0);
  if (alpha != 1.0f)
    gate = node.make<MulOp>({*gate, node.scalar(node.getType(0).getElementType(), alpha)});
  if (succeeded(gate))
    gate = node.make<SigmoidOp>(*gate);
  if (failed(gate))
    return failure();
  return single(node.make<MulOp>({node.getInput(0), *gate}));
}

static NodeResult normalizeSwish(OnnxNode &node) {
  return makeSwish(node, node.getFloat("alpha", 1.0f));
}

static NodeResult normalizeQuickGelu(OnnxNode &node) {
  return makeSwish(node, node.getFloat("alpha", 1.702f));
}

static NodeResult normalizeLeakyRelu(OnnxNode &node) {
  return single(
      node.make<LeakyReluOp>(node.getInput(0), node.attr("alpha", node.getFloat("alpha", 0.01f))));
}

static NodeResult normalizeElu(OnnxNode &node) {
  return single(
      node.make<EluOp>(node.getInput(0), node.attr("alpha", node.getFloat("alpha", 1.0f))));
}

static NodeResult normalizeHardSigmoid(OnnxNode &node) {
  return single(
      node.make<HardSigmoidOp>(node.getInput(0), {node.attr("alpha", node.getFloat("alpha", 0.2f)),
                                                  node.attr("beta", node.getFloat("beta", 0.5f))}));
}

static NodeResult normalizeWhere(OnnxNode &node) {
  return single(node.make<WhereOp>({node.getInput(0), node.getInput(1), node.getInput(2)}));
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

static NodeResult makeCast(OnnxNode &node, DataType to) {
  RankedTensorType type = node.getType(0);
  if (to == DataType::String || isa<StringType>(type.getElementType()))
    return node.keep("casts of strings are not supported");
  if (to == DataType::F8E8M0FNU && node.getString("round_mode", "up") != "up")
    return node.keep("only round_mode 'up' is supported");
  return single(node.makeTyped<CastOp>(type.clone(getElementType(to, node.getContext())),
                                       node.getInput(0),
                                       node.attr("saturate", node.getInt("saturate", 1) != 0)));
}

static NodeResult normalizeCast(OnnxNode &node) {
  std::optional<DataType> to;
  if (auto name = dyn_cast_or_null<StringAttr>(node.getOp().getOnnxAttr("to"))) {
    // Opset 1 to 5: the name of the type, "FLOAT".
    for (int64_t id = 1; id < 32 && !to; ++id)
      if (getElementTypeName(id) == name.getValue())
        to = getDataTypeOfOnnxId(id);
  } else {
    to = getDataTypeOfOnnxId(node.getInt("to", 0));
  }
  if (!to)
    return node.error("expects 'to' to be an element type");
  return makeCast(node, *to);
}

static NodeResult normalizeCastLike(OnnxNode &node) {
  std::optional<DataType> to = getDataType(node.getType(1).getElementType());
  if (!to)
    return node.keep("the target type is not supported");
  return makeCast(node, *to);
}

//===----------------------------------------------------------------------===//
// Identity and Dropout
//===----------------------------------------------------------------------===//

static NodeResult normalizeIdentity(OnnxNode &node) { return SmallVector<Value>{node.getInput(0)}; }

/// At inference the identity; the mask is all true (ones of the data's type before opset 10).
static NodeResult normalizeDropout(OnnxNode &node) {
  int64_t version = node.getVersion();
  if (version < 7 && node.getInt("is_test", 0) == 0)
    return node.keep("it is in training mode");
  if (version >= 12 && node.hasInput(2)) {
    std::optional<SmallVector<int64_t>> training = node.getConstantInts(node.getInput(2));
    if (!training || training->size() != 1)
      return node.keep("the training mode is not a constant");
    if (training->front() != 0)
      return node.keep("it is in training mode");
  }
  SmallVector<Value> results{node.getInput(0)};
  if (node.getOp().getNumResults() < 2)
    return results;
  results.push_back(Value());
  if (!node.isOutputUsed(1))
    return results;
  Type element =
      version >= 10 ? Type(node.getBuilder().getI1Type()) : node.getType(0).getElementType();
  FailureOr<Value> shape = node.make<ShapeOp>(
      node.getInput(0), {node.attr("start", int64_t(0)), node.attr("end", node.getRank(0))});
  if (failed(shape))
    return failure();
  FailureOr<Value> mask = node.make<BroadcastOp>({node.scalar(element, 1), *shape});
  if (failed(mask))
    return failure();
  results[1] = *mask;
  return results;
}

void onnx::registerElementwiseNormalizers(NormalizerRegistry &registry) {
  addAllElementwise<
#define GET_OP_LIST
#include "compress/Dialect/Compress/IR/CompressOps.cpp.inc"
      >(registry);
  registry.add("Max", normalizeVariadic<MaxOp>);
  registry.add("Min", normalizeVariadic<MinOp>);
  registry.add("Sum", normalizeVariadic<AddOp>);
  registry.add("Mean", normalizeMean);
  registry.add("Pow", normalizePow);
  registry.add("PRelu", normalizeOldPRelu, 1, 7);
  registry.add("Clip", normalizeClip);
  registry.add("Gelu", normalizeGelu);
  registry.add("Gelu", normalizeGelu, 1, INT64_MAX, "com.microsoft");
  registry.add("BiasGelu", normalizeBiasGelu<false>, 1, INT64_MAX, "com.microsoft");
  registry.add("FastGelu", normalizeBiasGelu<true>, 1, INT64_MAX, "com.microsoft");
  registry.add("QuickGelu", normalizeQuickGelu, 1, INT64_MAX, "com.microsoft");
  registry.add("Swish", normalizeSwish);
  registry.add("LeakyRelu", normalizeLeakyRelu);
  registry.add("Elu", normalizeElu);
  registry.add("HardSigmoid", normalizeHardSigmoid);
  registry.add("Where", normalizeWhere);
  registry.add("Cast", normalizeCast);
  registry.add("CastLike", normalizeCastLike);
  registry.add("Identity", normalizeIdentity, 1, INT64_MAX, "", /*untyped=*/true);
  registry.add("Dropout", normalizeDropout);
}
