//===- ExportQuantization.cpp - encoding ops to ONNX -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportEncoding.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

LogicalResult onnx::exportDecoded(Operation *op, GraphExporter &graph) {
  std::optional<LazyTensor> decoded = graph.getModel().weights.getDecoded(op->getResult(0));
  if (!decoded)
    return op->emitOpError("has no ONNX form: it is not on a stored weight");
  graph.setName(op->getResult(0), graph.addTensor(op, *decoded));
  return success();
}

bool onnx::wantsDense(Operation *op, GraphExporter &graph) {
  return graph.getOptions().form == ExportForm::Dense &&
         WeightReader::isWeightChain(op->getResult(0));
}

//===----------------------------------------------------------------------===//
// Building blocks
//===----------------------------------------------------------------------===//

StringRef NodeBuilder::cast(StringRef what, StringRef input, DataType from, DataType to) {
  if (from == to)
    return input;
  return node(what, "Cast", {input}, {intAttribute("to", getOnnxId(to))});
}

StringRef NodeBuilder::reduce(StringRef what, StringRef opType, StringRef input, bool lastDim,
                              int64_t rank) {
  SmallVector<int64_t> axes;
  for (int64_t dim = lastDim ? rank - 1 : 0; dim < rank; ++dim)
    axes.push_back(dim);
  AttributeProto keepdims = intAttribute("keepdims", lastDim);
  if (axes.empty())
    return input;
  if (graph.getOpset() < 18)
    return node(what, opType, {input}, {keepdims, intsAttribute("axes", axes)});
  return node(what, opType, {input, graph.addInts(op, "axes", axes)}, {keepdims});
}

/// Name of `value`, scales or zero points, with `dims` (at most one of them -1).
static StringRef getReshaped(Operation *op, Value value, ArrayRef<int64_t> dims,
                             GraphExporter &graph) {
  if (shapeOf(value) == dims)
    return graph.getName(value);
  bool isStatic = llvm::none_of(dims, [](int64_t dim) { return dim < 0; });
  if (std::optional<LazyTensor> stored = graph.getModel().weights.getStored(value);
      stored && isStatic)
    return graph.addTensor(op, reshaped(*stored, dims));
  return graph.addNode(op, "reshaped", "Reshape",
                       {graph.getName(value), graph.addInts(op, "shape", dims)});
}

/// The zero point, or null if it is known to be zero.
static Value getZeroPoint(Value zeroPoint) {
  if (!zeroPoint)
    return {};
  auto dynamic = zeroPoint.getDefiningOp<DynamicQuantizeOp>();
  bool isSymmetric = dynamic && isSigned(dataTypeOf(zeroPoint));
  return isSymmetric ? Value() : zeroPoint;
}

bool onnx::canBroadcast(ScaleGrid grid) {
  return grid.kind == ScaleGrid::Tensor || grid.kind == ScaleGrid::Axis ||
         grid.kind == ScaleGrid::Broadcast;
}

/// The form of QuantizeLinear and DequantizeLinear that a grid needs.
struct LinearForm {
  SmallVector<AttributeProto, 2> attributes;
  /// Dims that scales and zero points must have; -1 where unknown.
  SmallVector<int64_t> scaleDims;
};

/// Nothing if the operators have no such form: a scale per index of several dims, or of one dim but
/// with scales that are computed.
static std::optional<LinearForm> getLinearForm(Operation *op, ScaleGrid grid, Value scale,
                                               ArrayRef<int64_t> shape, GraphExporter &graph) {
  LinearForm form;
  switch (grid.kind) {
  case ScaleGrid::Tensor:
    return form;
  case ScaleGrid::Axis:
    if (!WeightReader::isWeightChain(scale))
      return std::nullopt;
    form.scaleDims = {ShapedType::isDynamic(shape[grid.axis]) ? -1 : shape[grid.axis]};
    form.attributes = {intAttribute("axis", grid.axis)};
    return form;
  case ScaleGrid::Blocked:
    graph.requireOpset(21, op);
    form.scaleDims = SmallVector<int64_t>(shapeOf(scale));
    form.attributes = {intAttribute("axis", grid.axis), intAttribute("block_size", grid.blockSize)};
    return form;
  default:
    return std::nullopt;
  }
}

//===----------------------------------------------------------------------===//
// Dequantize
//===----------------------------------------------------------------------===//

/// (codes - zero point) * scale with scales that broadcast; the name of the result.
static StringRef addDequantizeArithmetic(Operation *op, StringRef codes, DataType codeType,
                                         Value scale, Value zeroPoint, GraphExporter &graph) {
  NodeBuilder build(op, graph);
  DataType type = dataTypeOf(scale);
  StringRef value = build.cast("codes_float", codes, codeType, type);
  if (zeroPoint)
    value = build.node("centered", "Sub",
                       {value, build.cast("zero_point_float", graph.getName(zeroPoint),
                                          dataTypeOf(zeroPoint), type)});
  return build.node("dequantized", "Mul", {value, graph.getName(scale)});
}

/// Decodes `codes`; the name of the result, or nothing if there is no form for the blocks.
static std::optional<StringRef> addDequantizeNodes(Operation *op, StringRef codes,
                                                   DataType codeType, Value scale, Value zeroPoint,
                                                   ArrayRef<int64_t> shape, ArrayRef<int64_t> block,
                                                   GraphExporter &graph) {
  ScaleGrid grid = getScaleGrid(shape, block);
  std::optional<int64_t> codesOpset = getOpsetOfCodes(codeType);
  std::optional<int64_t> scalesOpset = getOpsetOfScales(dataTypeOf(scale));
  std::optional<LinearForm> form;
  if (codesOpset && scalesOpset && !(codeType == DataType::I32 && zeroPoint))
    form = getLinearForm(op, grid, scale, shape, graph);
  if (form) {
    graph.requireOpset(std::max(*codesOpset, *scalesOpset), op);
    NameList inputs{codes, getReshaped(op, scale, form->scaleDims, graph)};
    if (zeroPoint && !isFloat(codeType))
      inputs.push_back(getReshaped(op, zeroPoint, form->scaleDims, graph));
    return graph.addNode(op, "dequantized", "DequantizeLinear", inputs, form->attributes);
  }
  if (!canBroadcast(grid))
    return std::nullopt;
  return addDequantizeArithmetic(op, codes, codeType, scale, zeroPoint, graph);
}

static LogicalResult exportDequantize(DequantizeOp op, GraphExporter &graph) {
  if (wantsDense(op, graph))
    return exportDecoded(op, graph);
  if (failed(checkFloatCodes(op, graph)))
    return failure();
  if (auto stored = StoredDequantize::get(op.getResult(), graph.getModel().weights)) {
    graph.setName(op.getResult(), addDequantize(*stored, graph));
    return success();
  }
  DataType codeType = dataTypeOf(op.getCodes());
  if (getOnnxId(codeType) == 0)
    return exportDecoded(op, graph);
  std::optional<StringRef> name = addDequantizeNodes(
      op, graph.getName(op.getCodes()), codeType, op.getScale(), getZeroPoint(op.getZeroPoint()),
      shapeOf(op.getCodes()), blockOf(op.getBlock()), graph);
  if (!name)
    return op.emitOpError("cannot be written: ONNX has no form for these blocks of computed codes");
  // The last node computes the result of the op, unless the result has a name already.
  return graph.finish(op, *name);
}

//===----------------------------------------------------------------------===//
// Quantize
//===----------------------------------------------------------------------===//

/// clamp(round(x / scale) + zero point) as floats of type `type`, with scales that broadcast.
static StringRef addRounded(Operation *op, StringRef input, StringRef scale, StringRef zeroPoint,
                            DataType codeType, DataType type, GraphExporter &graph) {
  NodeBuilder build(op, graph);
  StringRef value = build.node("scaled", "Div", {input, scale});
  if (!isInteger(codeType))
    return value;
  value = build.node("rounded", "Round", {value});
  if (!zeroPoint.empty())
    value = build.node("shifted", "Add", {value, zeroPoint});
  return build.node("clipped", "Clip",
                    {value, build.number("min", type, static_cast<double>(getMinInt(codeType))),
                     build.number("max", type, static_cast<double>(getMaxInt(codeType)))});
}

/// Encodes `input`; the name of the codes, or nothing if there is no form for the blocks.
static std::optional<StringRef> addQuantizeNodes(Operation *op, Value input, Value scale,
                                                 Value zeroPoint, DataType codeType,
                                                 ArrayRef<int64_t> block, GraphExporter &graph) {
  NodeBuilder build(op, graph);
  DataType inputType = dataTypeOf(input), scaleType = dataTypeOf(scale);
  ArrayRef<int64_t> shape = shapeOf(input);
  ScaleGrid grid = getScaleGrid(shape, block);
  std::optional<int64_t> codesOpset = getOpsetOfCodes(codeType);
  std::optional<int64_t> scalesOpset = getOpsetOfScales(scaleType);
  std::optional<LinearForm> form;
  if (codesOpset && scalesOpset && inputType == scaleType && codeType != DataType::I32)
    form = getLinearForm(op, grid, scale, shape, graph);
  if (form) {
    graph.requireOpset(std::max(*codesOpset, *scalesOpset), op);
    NameList inputs{graph.getName(input), getReshaped(op, scale, form->scaleDims, graph)};
    bool isStatic = llvm::none_of(form->scaleDims, [](int64_t dim) { return dim < 0; });
    if (zeroPoint && !isFloat(codeType)) {
      inputs.push_back(getReshaped(op, zeroPoint, form->scaleDims, graph));
    } else if (codeType != DataType::U8 && isStatic) {
      inputs.push_back(graph.addZeros(op, "zero_point", codeType, form->scaleDims));
    } else if (codeType != DataType::U8) {
      graph.requireOpset(21, op);
      form->attributes.push_back(intAttribute("output_dtype", getOnnxId(codeType)));
    }
    return graph.addNode(op, "quantized", "QuantizeLinear", inputs, form->attributes);
  }
  if (!canBroadcast(grid))
    return std::nullopt;
  DataType type =
      inputType == DataType::F64 || scaleType == DataType::F64 ? DataType::F64 : DataType::F32;
  StringRef zero;
  if (zeroPoint)
    zero = build.cast("zero_point_float", graph.getName(zeroPoint), dataTypeOf(zeroPoint), type);
  StringRef codes = addRounded(op, build.cast("input_float", graph.getName(input), inputType, type),
                               build.cast("scale_float", graph.getName(scale), scaleType, type),
                               zero, codeType, type, graph);
  return build.cast("quantized", codes, type, codeType);
}

static LogicalResult exportQuantize(QuantizeOp op, GraphExporter &graph) {
  DataType codeType = dataTypeOf(op.getCodes());
  if (getOnnxId(codeType) == 0)
    return op.emitOpError("cannot be written: ONNX has no element type ") << getName(codeType);
  std::optional<StringRef> name =
      addQuantizeNodes(op, op.getInput(), op.getScale(), getZeroPoint(op.getZeroPoint()), codeType,
                       blockOf(op.getBlock()), graph);
  if (!name)
    return op.emitOpError("cannot be written: ONNX has no form for these blocks");
  return graph.finish(op, *name);
}

static LogicalResult exportFakeQuantize(FakeQuantizeOp op, GraphExporter &graph) {
  NodeBuilder build(op, graph);
  std::optional<DataType> codeType = getDataType(op.getCodes());
  if (!codeType)
    return op.emitOpError("cannot be written: ONNX has no form for codes of type ")
           << op.getCodes();
  DataType inputType = dataTypeOf(op.getInput()), scaleType = dataTypeOf(op.getScale());
  Value zeroPoint = getZeroPoint(op.getZeroPoint());
  ArrayRef<int64_t> block = blockOf(op.getBlock()), shape = shapeOf(op.getInput());
  if (getOpsetOfCodes(*codeType)) {
    std::optional<StringRef> codes =
        addQuantizeNodes(op, op.getInput(), op.getScale(), zeroPoint, *codeType, block, graph);
    std::optional<StringRef> name;
    if (codes)
      name =
          addDequantizeNodes(op, *codes, *codeType, op.getScale(), zeroPoint, shape, block, graph);
    if (!name)
      return op.emitOpError("cannot be written: ONNX has no form for these blocks");
    return graph.finish(op, build.cast("result", *name, scaleType, inputType));
  }
  // Code types that ONNX lacks need no codes here: floats are rounded to them.
  if (!isInteger(*codeType) || !canBroadcast(getScaleGrid(shape, block)))
    return op.emitOpError("cannot be written: ONNX has no form for codes of type ")
           << op.getCodes();
  DataType type = DataType::F32;
  StringRef zero, scale = build.cast("scale_float", graph.getName(op.getScale()), scaleType, type);
  if (zeroPoint)
    return op.emitOpError("cannot be written: ONNX has no form for a zero point of type ")
           << op.getCodes();
  StringRef rounded =
      addRounded(op, build.cast("input_float", graph.getName(op.getInput()), inputType, type),
                 scale, zero, *codeType, type, graph);
  StringRef value = build.node("dequantized", "Mul", {rounded, scale});
  return graph.finish(op, build.cast("result", value, type, inputType));
}

//===----------------------------------------------------------------------===//
// Dynamic quantization
//===----------------------------------------------------------------------===//

/// scale = max |x| / 127 (7 for i4), or 1; codes without zero point.
static LogicalResult exportDynamicSymmetric(DynamicQuantizeOp op, GraphExporter &graph) {
  NodeBuilder build(op, graph);
  DataType inputType = dataTypeOf(op.getInput());
  DataType type = inputType == DataType::F64 ? DataType::F64 : DataType::F32;
  DataType codeType = dataTypeOf(op.getCodes());
  graph.requireOpset(*getOpsetOfCodes(codeType), op);
  auto largestCode = static_cast<double>(getMaxInt(codeType));
  bool isRow = op.getGranularity() == DynamicGranularity::Row;
  int64_t rank = shapeOf(op.getInput()).size();
  StringRef input = build.cast("input_float", graph.getName(op.getInput()), inputType, type);
  StringRef largest =
      build.reduce("largest", "ReduceMax", build.node("abs", "Abs", {input}), isRow, rank);
  StringRef ratio = build.node("ratio", "Div", {largest, build.number("qmax", type, largestCode)});
  StringRef isZero = build.node("is_zero", "Equal", {ratio, build.number("zero", type, 0)});
  StringRef scale = build.node("scale", "Where", {isZero, build.number("one", type, 1), ratio});
  // The scale is used as it is stored.
  StringRef stored = build.cast("scale_stored", scale, type, inputType);
  StringRef used = build.cast("scale_used", stored, inputType, type);
  StringRef codes;
  if (!isRow && type == DataType::F32)
    codes = build.node("quantized", "QuantizeLinear",
                       {input, used, graph.addZeros(op, "zero_point", codeType, {})});
  else
    codes = build.cast("quantized", addRounded(op, input, used, "", codeType, type, graph), type,
                       codeType);
  StringRef zeroPoint;
  if (!op.getZeroPoint().use_empty())
    zeroPoint = isRow ? build.node("zero_point", "Cast", {build.node("none", "Less", {used, used})},
                                   {intAttribute("to", getOnnxId(codeType))})
                      : graph.addZeros(op, "zero_point", codeType, {});
  return graph.finish(op, {codes, stored, zeroPoint});
}

/// ONNX DynamicQuantizeLinear, for each row, in another float type or with 4 bits.
static LogicalResult exportDynamicAsymmetric(DynamicQuantizeOp op, GraphExporter &graph) {
  NodeBuilder build(op, graph);
  DataType inputType = dataTypeOf(op.getInput());
  DataType type = inputType == DataType::F64 ? DataType::F64 : DataType::F32;
  bool isRow = op.getGranularity() == DynamicGranularity::Row;
  int64_t rank = shapeOf(op.getInput()).size();
  DataType codeType = dataTypeOf(op.getCodes());
  graph.requireOpset(*getOpsetOfCodes(codeType), op);
  StringRef zero = build.number("zero", type, 0);
  StringRef qmax = build.number("qmax", type, static_cast<double>(getMaxInt(codeType)));
  StringRef input = build.cast("input_float", graph.getName(op.getInput()), inputType, type);
  StringRef low =
      build.node("low", "Min", {build.reduce("smallest", "ReduceMin", input, isRow, rank), zero});
  StringRef high =
      build.node("high", "Max", {build.reduce("largest", "ReduceMax", input, isRow, rank), zero});
  StringRef ratio = build.node("ratio", "Div", {build.node("range", "Sub", {high, low}), qmax});
  StringRef scale = build.node(
      "scale", "Where",
      {build.node("is_zero", "Equal", {ratio, zero}), build.number("one", type, 1), ratio});
  StringRef stored = build.cast("scale_stored", scale, type, inputType);
  StringRef used = build.cast("scale_used", stored, inputType, type);
  StringRef offset = build.node("offset", "Div", {build.node("negated", "Neg", {low}), used});
  StringRef zeroPoint =
      build.node("zero_point_float", "Round",
                 {build.node("zero_point_clipped", "Clip", {offset, zero, qmax})});
  StringRef codes = build.cast(
      "quantized", addRounded(op, input, used, zeroPoint, codeType, type, graph), type, codeType);
  return graph.finish(op, {codes, stored, build.cast("zero_point", zeroPoint, type, codeType)});
}

static LogicalResult exportDynamicQuantize(DynamicQuantizeOp op, GraphExporter &graph) {
  DataType codeType = dataTypeOf(op.getCodes());
  if (isSigned(codeType))
    return exportDynamicSymmetric(op, graph);
  if (codeType == DataType::U8 && op.getGranularity() == DynamicGranularity::Tensor &&
      dataTypeOf(op.getInput()) == DataType::F32)
    return graph.addResultNode(op, "DynamicQuantizeLinear", {graph.getName(op.getInput())});
  return exportDynamicAsymmetric(op, graph);
}

//===----------------------------------------------------------------------===//
// Other links of decode chains
//===----------------------------------------------------------------------===//

static LogicalResult exportExpand(Operation *op, GraphExporter &graph) {
  std::optional<LazyTensor> stored = graph.getModel().weights.getStored(op->getResult(0));
  if (!stored)
    return op->emitOpError("has no ONNX form: its codes are not stored");
  graph.setName(op->getResult(0), graph.addTensor(op, *stored));
  return success();
}

static LogicalResult exportMask(MaskOp op, GraphExporter &graph) {
  DataType type = dataTypeOf(op.getInput());
  bool isWeight = WeightReader::isWeightChain(op.getResult());
  // Codes have no Where.
  if (wantsDense(op, graph) || (isWeight && !isFloat(type)))
    return exportDecoded(op, graph);
  StringRef zero = isFloat(type) ? graph.addScalarFloat(op, "zero", type, 0)
                                 : graph.addScalarInt(op, "zero", type, 0);
  NameList inputs{graph.getName(op.getMask()), graph.getName(op.getInput()), zero};
  return graph.finish(op, graph.addNode(op, "masked", "Where", inputs));
}

void mlir::compress::onnx::registerQuantizationExports(ExportRegistry &registry) {
  registry.add<QuantizeOp, exportQuantize>();
  registry.add<DequantizeOp, exportDequantize>();
  registry.add<DynamicQuantizeOp, exportDynamicQuantize>();
  registry.add<FakeQuantizeOp, exportFakeQuantize>();
  registry.add<MaskOp, exportMask>();
  registerTableExports(registry);
  registry.add(ExpandNMOp::getOperationName(), exportExpand);
  registry.add(ExpandBitmapOp::getOperationName(), exportExpand);
}
