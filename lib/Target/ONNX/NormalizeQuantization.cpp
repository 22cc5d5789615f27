//===- NormalizeQuantization.cpp - ONNX quantization operators --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// QuantizeLinear and DequantizeLinear per tensor, per axis and by blocks; the integer matrix
// products that can be said exactly. MatMulNBits is in NormalizeNBits.cpp.
//
//===----------------------------------------------------------------------===//

#include "NormalizeQuantization.h"
#include "NormalizeAxes.h"
#include "NormalizeImpl.h"
#include "compress/Support/DataType.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// A parameter or run-time value under another shape.
static FailureOr<Value> reshapeParameter(OnnxNode &node, Value value, ArrayRef<int64_t> shape) {
  if (value.getDefiningOp<LoadOp>() || value.getDefiningOp<ConstantOp>())
    return node.reshapeConstant(value, shape);
  return node.reshape(value, shape);
}

FailureOr<QuantizationGrid> onnx::makeGrid(OnnxNode &node, RankedTensorType values, Value scale,
                                           Value zeroPoint, int64_t axis, int64_t blockSize) {
  QuantizationGrid grid{scale, zeroPoint, {}};
  auto type = cast<RankedTensorType>(scale.getType());
  int64_t rank = values.getRank();
  if (zeroPoint && cast<RankedTensorType>(zeroPoint.getType()).getShape() != type.getShape()) {
    // A zero point of one element may be a scalar where the scale is a vector, and vice versa.
    auto zeroType = cast<RankedTensorType>(zeroPoint.getType());
    if (!type.hasStaticShape() || !zeroType.hasStaticShape())
      return node.keep("the sizes of scale and zero point are not known");
    if (type.getNumElements() != 1 || zeroType.getNumElements() != 1)
      return node.error("expects scale and zero point of one shape");
  }
  if (blockSize > 0) {
    if (type.getRank() != rank)
      return node.error("expects a scale of rank " + Twine(rank) + " for blocks");
    FailureOr<int64_t> along = normalizeAxis(node, axis, rank);
    if (failed(along))
      return failure();
    for (int64_t dim = 0; dim < rank; ++dim) {
      int64_t size = values.getDimSize(dim), count = type.getDimSize(dim);
      if (dim == *along && !ShapedType::isDynamic(size))
        size = llvm::divideCeil(size, blockSize);
      if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(count) && size != count)
        return node.error("expects " + Twine(size) + " scales in dim " + Twine(dim) + ", got " +
                          Twine(count));
    }
    SmallVector<int64_t> block(rank, 1);
    block[*along] = blockSize;
    grid.block = block;
    return grid;
  }
  SmallVector<int64_t> shape;
  if (type.getRank() > 1)
    return node.error("expects a scale of rank 0 or 1, got " + Twine(type.getRank()));
  if (type.getRank() == 1 && type.getDimSize(0) != 1) {
    if (ShapedType::isDynamic(type.getDimSize(0)))
      return node.keep("the size of the scale is not known");
    FailureOr<int64_t> along = normalizeAxis(node, axis, rank);
    if (failed(along))
      return failure();
    int64_t size = values.getDimSize(*along);
    if (!ShapedType::isDynamic(size) && size != type.getDimSize(0))
      return node.error("expects " + Twine(size) + " scales for dim " + Twine(*along) + ", got " +
                        Twine(type.getDimSize(0)));
    shape.assign(rank, 1);
    shape[*along] = type.getDimSize(0);
    SmallVector<int64_t> block(rank, -1);
    block[*along] = 1;
    grid.block = block;
  }
  FailureOr<Value> newScale = reshapeParameter(node, scale, shape);
  if (failed(newScale))
    return failure();
  grid.scale = *newScale;
  if (zeroPoint) {
    FailureOr<Value> newZero = reshapeParameter(node, zeroPoint, shape);
    if (failed(newZero))
      return failure();
    grid.zeroPoint = *newZero;
  }
  return grid;
}

SmallVector<Value> QuantizationGrid::operands(Value values) const {
  SmallVector<Value> result{values, scale};
  if (zeroPoint)
    result.push_back(zeroPoint);
  return result;
}

SmallVector<NamedAttribute> QuantizationGrid::attributes(OnnxNode &node) const {
  SmallVector<NamedAttribute> result;
  if (!block.empty())
    result.push_back(node.attr("block", ArrayRef<int64_t>(block)));
  return result;
}

FailureOr<Value> onnx::makeDequantize(OnnxNode &node, Value codes, const QuantizationGrid &grid) {
  auto type = cast<RankedTensorType>(codes.getType());
  Type element = cast<RankedTensorType>(grid.scale.getType()).getElementType();
  return node.makeTyped<DequantizeOp>(type.clone(element), grid.operands(codes),
                                      grid.attributes(node));
}

//===----------------------------------------------------------------------===//
// DequantizeLinear and QuantizeLinear
//===----------------------------------------------------------------------===//

static FailureOr<QuantizationGrid> readGrid(OnnxNode &node) {
  if (!node.hasInput(1))
    return node.error("expects a scale");
  return makeGrid(node, node.getType(0), node.getInput(1), node.getInput(2), node.getInt("axis", 1),
                  node.getInt("block_size", 0));
}

static NodeResult normalizeDequantize(OnnxNode &node) {
  Type scaleType = node.getType(1).getElementType();
  if (int64_t id = node.getInt("output_dtype", 0)) {
    std::optional<DataType> dataType = getDataTypeOfOnnxId(id);
    if (!dataType || getElementType(*dataType, node.getContext()) != scaleType)
      return node.keep("the result has another type than the scale");
  }
  FailureOr<QuantizationGrid> grid = readGrid(node);
  if (failed(grid))
    return failure();
  return single(makeDequantize(node, node.getInput(0), *grid));
}

static NodeResult normalizeQuantize(OnnxNode &node) {
  RankedTensorType type = node.getType(0);
  if (type.getElementType() != node.getType(1).getElementType())
    return node.keep("the scale has another type than the values");
  if (node.getInt("saturate", 1) == 0)
    return node.keep("only saturating conversion is supported");
  if (node.getInt("precision", 0) != 0)
    return node.keep("the attribute 'precision' is not supported");
  Type codes = IntegerType::get(node.getContext(), 8, IntegerType::Unsigned);
  if (node.hasInput(2)) {
    codes = node.getType(2).getElementType();
  } else if (int64_t id = node.getInt("output_dtype", 0)) {
    std::optional<DataType> dataType = getDataTypeOfOnnxId(id);
    if (!dataType)
      return node.error("unknown output_dtype " + Twine(id));
    codes = getElementType(*dataType, node.getContext());
  }
  FailureOr<QuantizationGrid> grid = readGrid(node);
  if (failed(grid))
    return failure();
  return single(node.makeTyped<QuantizeOp>(type.clone(codes), grid->operands(node.getInput(0)),
                                           grid->attributes(node)));
}

/// Codes, scale and zero point of a whole tensor as unsigned bytes.
static NodeResult makeDynamicQuantize(OnnxNode &node, Value input) {
  auto type = cast<RankedTensorType>(input.getType());
  Type byte = IntegerType::get(node.getContext(), 8, IntegerType::Unsigned);
  auto granularity = DynamicGranularityAttr::get(node.getContext(), DynamicGranularity::Tensor);
  return node.build(DynamicQuantizeOp::getOperationName(), input,
                    node.attr("granularity", Attribute(granularity)), /*numResults=*/3,
                    {type.clone(byte), RankedTensorType::get({}, type.getElementType()),
                     RankedTensorType::get({}, byte)});
}

static NodeResult normalizeDynamicQuantize(OnnxNode &node) {
  return makeDynamicQuantize(node, node.getInput(0));
}

//===----------------------------------------------------------------------===//
// Integer products
//===----------------------------------------------------------------------===//

/// True if the input is omitted or a constant whose elements are all zero.
static bool isZeroOrAbsent(OnnxNode &node, unsigned input) {
  if (!node.hasInput(input))
    return true;
  std::optional<SmallVector<int64_t>> values = node.getConstantInts(node.getInput(input));
  return values && llvm::all_of(*values, [](int64_t value) { return value == 0; });
}

/// Exact as a product of codes only if no zero point is subtracted.
static NodeResult normalizeMatMulInteger(OnnxNode &node) {
  if (!isZeroOrAbsent(node, 2) || !isZeroOrAbsent(node, 3))
    return node.keep("zero points are not supported");
  return single(node.make<MatMulOp>({node.getInput(0), node.getInput(1)}, node.nameAttr()));
}

/// com.microsoft: the activation quantized as DynamicQuantizeLinear does, times an 8-bit weight.
static NodeResult normalizeDynamicQuantizeMatMul(OnnxNode &node) {
  Value weight = node.getInput(1);
  if (!weight || !isParameter(weight) || node.getRank(1) != 2 || node.getRank(0) < 1 ||
      !node.hasInput(2))
    return node.keep("the weight is no constant matrix");
  NodeResult quantized = makeDynamicQuantize(node, node.getInput(0));
  if (failed(quantized))
    return failure();
  FailureOr<Value> activation =
      makeDequantize(node, (*quantized)[0], QuantizationGrid{(*quantized)[1], (*quantized)[2], {}});
  FailureOr<QuantizationGrid> grid =
      makeGrid(node, node.getType(1), node.getInput(2), node.getInput(3), /*axis=*/1,
               /*blockSize=*/0);
  if (failed(activation) || failed(grid))
    return failure();
  FailureOr<Value> dense = makeDequantize(node, weight, *grid);
  if (failed(dense))
    return failure();
  SmallVector<Value> operands{*activation, *dense};
  if (node.hasInput(4))
    operands.push_back(node.getInput(4));
  auto layout = WeightLayoutAttr::get(node.getContext(), WeightLayout::KN);
  return single(node.make<LinearOp>(
      operands, {node.attr("weight_layout", Attribute(layout)), node.nameAttr()}));
}

void onnx::registerQuantizationNormalizers(NormalizerRegistry &registry) {
  registry.add("DequantizeLinear", normalizeDequantize);
  registry.add("QuantizeLinear", normalizeQuantize);
  registry.add("DequantizeLinear", normalizeDequantize, 1, INT64_MAX, "com.microsoft");
  registry.add("QuantizeLinear", normalizeQuantize, 1, INT64_MAX, "com.microsoft");
  registry.add("DynamicQuantizeLinear", normalizeDynamicQuantize);
  registry.add("MatMulInteger", normalizeMatMulInteger);
  registry.add("DynamicQuantizeMatMul", normalizeDynamicQuantizeMatMul, 1, INT64_MAX,
               "com.microsoft");
  registry.add("MatMulNBits", normalizeMatMulNBits, 1, INT64_MAX, "com.microsoft");
  registerQLinearNormalizers(registry);
}
