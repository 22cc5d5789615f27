//===- ExportDequantize.cpp - decode chains to ONNX ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportDequantize.h"
#include "compress/Analysis/EncodedWeight.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

std::optional<int64_t> onnx::getOpsetOfCodes(DataType type) {
  switch (type) {
  case DataType::I8:
  case DataType::U8:
  case DataType::I32:
    return 13;
  case DataType::F8E4M3FN:
  case DataType::F8E4M3FNUZ:
  case DataType::F8E5M2:
  case DataType::F8E5M2FNUZ:
    return 19;
  case DataType::I16:
  case DataType::U16:
  case DataType::I4:
  case DataType::U4:
    return 21;
  case DataType::F4E2M1FN:
    return 23;
  case DataType::I2:
  case DataType::U2:
    return 25;
  default:
    return std::nullopt;
  }
}

std::optional<int64_t> onnx::getOpsetOfScales(DataType type) {
  switch (type) {
  case DataType::F32:
    return 13;
  case DataType::F16:
  case DataType::BF16:
    return 19;
  default:
    return std::nullopt;
  }
}

LogicalResult onnx::checkFloatCodes(DequantizeOp op, GraphExporter &graph) {
  DataType type = *getDataType(op.getCodes().getType().getElementType());
  if (type != DataType::F6E3M2FN && type != DataType::F6E2M3FN)
    return success();
  graph.fail(op, "cannot be written: no ONNX operator takes codes of type " + getName(type) +
                     ", the format " + (type == DataType::F6E3M2FN ? "mxfp6" : "mxfp6_e2m3") +
                     "; the nearest formats that can be written are mxfp8 and fp8, and "
                     "--form=dense writes floats");
  return failure();
}

ScaleGrid onnx::getScaleGrid(ArrayRef<int64_t> shape, ArrayRef<int64_t> block) {
  ScaleGrid grid;
  SmallVector<size_t> singles, blocked;
  for (auto [dim, size] : llvm::enumerate(block)) {
    bool isWhole = size == -1 || (!ShapedType::isDynamic(shape[dim]) && size >= shape[dim]);
    if (isWhole)
      continue;
    (size == 1 ? singles : blocked).push_back(dim);
  }
  if (singles.empty() && blocked.empty())
    return grid;
  if (blocked.empty()) {
    grid.kind = singles.size() == 1 ? ScaleGrid::Axis : ScaleGrid::Broadcast;
    grid.axis = singles.front();
    return grid;
  }
  // All other dims must have a scale per index; a dim of size 1 has.
  for (auto [dim, size] : llvm::enumerate(block))
    if (dim != blocked.front() && size != 1 && shape[dim] != 1)
      grid.kind = ScaleGrid::Other;
  if (grid.kind == ScaleGrid::Other)
    return grid;
  grid.kind = ScaleGrid::Blocked;
  grid.axis = blocked.front();
  grid.blockSize = block[blocked.front()];
  return grid;
}

//===----------------------------------------------------------------------===//
// Stored codes
//===----------------------------------------------------------------------===//

std::optional<StoredDequantize> StoredDequantize::get(Value value, const WeightReader &weights) {
  auto op = value.getDefiningOp<DequantizeOp>();
  if (!op)
    return std::nullopt;
  std::optional<LazyTensor> codes = weights.getStored(op.getCodes());
  std::optional<LazyTensor> scale = weights.getStored(op.getScale());
  if (!codes || !scale)
    return std::nullopt;
  StoredDequantize parts{op, *codes, *scale, std::nullopt, {}};
  if (op.getZeroPoint()) {
    parts.zeroPoint = weights.getStored(op.getZeroPoint());
    if (!parts.zeroPoint)
      return std::nullopt;
  }
  for (auto [dim, size] : llvm::enumerate(parts.codes.dims)) {
    int64_t block = op.getBlock() ? (*op.getBlock())[dim] : -1;
    parts.block.push_back(std::max<int64_t>(1, block == -1 ? size : std::min(block, size)));
  }
  return parts;
}

StoredDequantize StoredDequantize::transpose() const {
  StoredDequantize result = *this;
  auto exchange = [](LazyTensor &tensor) {
    if (tensor.dims.size() == 2)
      tensor = transposed(tensor);
  };
  exchange(result.codes);
  exchange(result.scale);
  if (result.zeroPoint)
    exchange(*result.zeroPoint);
  std::swap(result.block[0], result.block[1]);
  result.isTransposed = !isTransposed;
  return result;
}

/// Brings the scales of several blocked dims into the form with one blocked dim.
static ScaleGrid makeRegular(StoredDequantize &parts) {
  ArrayRef<int64_t> dims = parts.codes.dims;
  ScaleGrid grid = getScaleGrid(dims, parts.block);
  if (grid.kind != ScaleGrid::Broadcast && grid.kind != ScaleGrid::Other)
    return grid;
  // The dim with the largest blocks stays blocked.
  int64_t axis = std::distance(parts.block.begin(), llvm::max_element(parts.block));
  auto spread = [&](LazyTensor &tensor) {
    for (int64_t dim = 0, rank = dims.size(); dim < rank; ++dim)
      if (dim != axis)
        tensor = repeated(tensor, dim, parts.block[dim], dims[dim]);
  };
  spread(parts.scale);
  if (parts.zeroPoint)
    spread(*parts.zeroPoint);
  grid.kind = ScaleGrid::Blocked;
  grid.axis = axis;
  grid.blockSize = parts.block[axis];
  return grid;
}

StringRef onnx::addDequantize(StoredDequantize parts, GraphExporter &graph) {
  DequantizeOp op = parts.op;
  if (failed(checkFloatCodes(op, graph)))
    return "invalid";
  // Onnxruntime 1.31 reads a matrix of 2-bit codes wrongly where a row does not end with a byte.
  bool isRagged = parts.codes.dims.size() == 2 && parts.codes.dims[1] % 4 != 0;
  unsigned leastBits = isRagged ? 4 : 2;
  parts.codes = widened(parts.codes, leastBits);
  if (parts.zeroPoint)
    parts.zeroPoint = widened(*parts.zeroPoint, leastBits);
  std::optional<int64_t> codesOpset = getOpsetOfCodes(parts.codes.type);
  std::optional<int64_t> scalesOpset = getOpsetOfScales(parts.scale.type);
  bool hasResultType = *getDataType(op.getType().getElementType()) == parts.scale.type;
  if (!codesOpset || !scalesOpset || !hasResultType) {
    // What DequantizeLinear does not take is decoded here.
    graph.remark(op, "written as floats: DequantizeLinear does not take its types");
    LazyTensor decoded = *graph.getModel().weights.getDecoded(op.getResult());
    return graph.addTensor(op, parts.isTransposed ? transposed(decoded) : decoded);
  }
  graph.requireOpset(std::max(*codesOpset, *scalesOpset), op);

  ScaleGrid grid = makeRegular(parts);
  SmallVector<AttributeProto, 2> attributes;
  SmallVector<int64_t> scaleDims(parts.scale.dims);
  switch (grid.kind) {
  case ScaleGrid::Tensor:
    scaleDims.clear();
    break;
  case ScaleGrid::Axis:
    scaleDims = {parts.codes.dims[grid.axis]};
    attributes.push_back(intAttribute("axis", grid.axis));
    break;
  default:
    graph.requireOpset(21, op);
    attributes.push_back(intAttribute("axis", grid.axis));
    attributes.push_back(intAttribute("block_size", grid.blockSize));
  }

  NameList inputs{graph.addTensor(op, parts.codes),
                  graph.addTensor(op, reshaped(parts.scale, scaleDims))};
  bool isFloatCode = isFloat(parts.codes.type);
  if (parts.zeroPoint && !isFloatCode)
    inputs.push_back(graph.addTensor(op, reshaped(*parts.zeroPoint, scaleDims)));
  std::string wanted = getNodeNames(op).output.str();
  if (auto weight = dyn_cast_or_null<WeightOp>(parts.codes.weight))
    wanted = compress::getBaseName(weight.getSymName()).str();
  if (wanted.empty())
    wanted = "dequantize";
  StringRef name = graph.makeName(wanted + (parts.isTransposed ? "/transposed" : "/dequantized"));
  graph.appendNode(op, name, "DequantizeLinear", inputs, {name}, attributes);
  return name;
}
