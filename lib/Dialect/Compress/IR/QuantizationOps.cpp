//===- QuantizationOps.cpp - quantize, dequantize and their relatives -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BlockParameters.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Quantization.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

//===----------------------------------------------------------------------===//
// Blocks of parameters
//===----------------------------------------------------------------------===//

/// The element type of a tensor that is evaluated.
static llvm::Expected<DataType> getTensorDataType(Type elementType) {
  if (std::optional<DataType> type = getDataType(elementType))
    return *type;
  return reference::makeError("expects an element type of a tensor, got " +
                              typeToString(elementType));
}

/// Integers, and floats of at most 8 bits.
static LogicalResult checkCodeType(const InferenceSite &site, Type elementType) {
  std::optional<DataType> type = getDataType(elementType);
  if (type && (isInteger(*type) || (isFloat(*type) && getBitWidth(*type) <= 8)))
    return success();
  return site.error("expects codes that are integers or floats of at most 8 bits, got " +
                    typeToString(elementType));
}

/// Scale and zero point of values of shape `dims`, one per `block`; C1 to C4 of quantize.
static LogicalResult checkParameters(const InferenceSite &site, ArrayRef<int64_t> dims,
                                     Type codeType, RankedTensorType scale, Value zeroPoint,
                                     std::optional<ArrayRef<int64_t>> block) {
  // C1, C2
  if (failed(checkScaleShape(site, dims, scale, block)))
    return failure();
  // C4
  if (failed(checkCodeType(site, codeType)))
    return failure();
  // C3
  if (!zeroPoint)
    return success();
  RankedTensorType zeroType = cast<RankedTensorType>(zeroPoint.getType());
  FailureOr<SmallVector<int64_t>> grid = getBlockGrid(site, dims, block);
  if (failed(grid) || failed(checkShape(site, "a zero point", zeroType.getShape(), *grid)))
    return failure();
  return site.checkElementType("a zero point", zeroType.getElementType(), codeType);
}

/// Codes are unsigned or bool, and a table has an entry for each: one of rank 1, or one for each
/// `tableBlock` of values of shape `dims`.
static LogicalResult checkTable(const InferenceSite &site, Type codeType, RankedTensorType table,
                                ArrayRef<int64_t> dims = {},
                                std::optional<ArrayRef<int64_t>> tableBlock = std::nullopt) {
  std::optional<DataType> type = getDataType(codeType);
  if (!type || (!isUnsigned(*type) && *type != DataType::Bool))
    return site.error("expects codes that are unsigned or bool, got " + typeToString(codeType));
  FailureOr<SmallVector<int64_t>> grid = SmallVector<int64_t>();
  if (tableBlock)
    grid = getBlockGrid(site, dims, tableBlock);
  if (failed(grid))
    return failure();
  unsigned bits = getBitWidth(*type);
  bool isTable = table.getRank() == static_cast<int64_t>(grid->size()) + 1;
  if (isTable && !table.isDynamicDim(grid->size()))
    isTable = bits < 63 && table.getShape().back() >= (int64_t(1) << bits);
  if (isTable) {
    SmallVector<int64_t> expected(*grid);
    expected.push_back(table.getShape().back());
    return tableBlock ? checkShape(site, "tables", table.getShape(), expected) : success();
  }
  std::string what = tableBlock ? "tables of shape " + dimsToString(*grid) : "a table of rank 1";
  return site.error("expects " + what + " with an entry for every code of " +
                    typeToString(codeType) + ", got " + dimsToString(table.getShape()));
}

//===----------------------------------------------------------------------===//
// quantize
//===----------------------------------------------------------------------===//

LogicalResult QuantizeOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType input = getInput().getType(), codes = getCodes().getType();
  // C5
  if (failed(checkShape(site, "codes", codes.getShape(), input.getShape())))
    return failure();
  // C1, C2, C3, C4
  return checkParameters(site, input.getShape(), codes.getElementType(), getScale().getType(),
                         getZeroPoint(), getBlock());
}

Results QuantizeOp::evaluate(ArrayRef<Tensor> operands) {
  llvm::Expected<DataType> type = getTensorDataType(getCodes().getType().getElementType());
  if (!type)
    return type.takeError();
  return single(reference::quantize(operands[0], operands[1],
                                    operands.size() > 2 ? &operands[2] : nullptr,
                                    getBlock().value_or(ArrayRef<int64_t>()), *type));
}

void QuantizeOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getCodes());
  relateParameter(relations, getScale(), getCodes(), getBlock());
  relateParameter(relations, getZeroPoint(), getCodes(), getBlock());
}

//===----------------------------------------------------------------------===//
// dequantize
//===----------------------------------------------------------------------===//

LogicalResult DequantizeOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType codes = getCodes().getType(), result = getResult().getType();
  // C5
  if (failed(checkShape(site, "a result", result.getShape(), codes.getShape())))
    return failure();
  // C1, C2, C3, C4
  if (failed(checkParameters(site, codes.getShape(), codes.getElementType(), getScale().getType(),
                             getZeroPoint(), getBlock())))
    return failure();
  // C6
  return site.checkElementType("a result", result.getElementType(),
                               getScale().getType().getElementType());
}

Results DequantizeOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::dequantize(operands[0], operands[1],
                                      operands.size() > 2 ? &operands[2] : nullptr,
                                      getBlock().value_or(ArrayRef<int64_t>())));
}

void DequantizeOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getCodes(), getResult());
  relateParameter(relations, getScale(), getResult(), getBlock());
  relateParameter(relations, getZeroPoint(), getResult(), getBlock());
}

OpOperand &DequantizeOp::getEncodedOperand() { return getCodesMutable(); }

//===----------------------------------------------------------------------===//
// lookup
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType codes = getCodes().getType(), table = getTable().getType();
  RankedTensorType result = getResult().getType();
  // C1, C2
  if (failed(checkTable(site, codes.getElementType(), table, codes.getShape(), getTableBlock())))
    return failure();
  // C3
  if (failed(checkShape(site, "a result", result.getShape(), codes.getShape())) ||
      failed(site.checkElementType("a result", result.getElementType(), table.getElementType())))
    return failure();
  // C4
  if (!getScale())
    return getBlock() ? site.error("expects a scale beside a block") : success();
  RankedTensorType scale = getScale().getType();
  if (failed(site.checkElementType("a scale", scale.getElementType(), table.getElementType())))
    return failure();
  return checkScaleShape(site, codes.getShape(), scale, getBlock());
}

Results LookupOp::evaluate(ArrayRef<Tensor> operands) {
  ArrayRef<int64_t> tableBlock = getTableBlock().value_or(ArrayRef<int64_t>());
  if (operands.size() > 2)
    return single(reference::lookup(operands[0], operands[1], operands[2],
                                    getBlock().value_or(ArrayRef<int64_t>()), tableBlock));
  return single(reference::lookup(operands[0], operands[1], tableBlock));
}

void LookupOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getCodes(), getResult());
  relateParameter(relations, getTable(), getResult(), getTableBlock());
  relations.fixed(getTable(), getTable().getType().getRank() - 1, "codes are indices of the table");
  relateParameter(relations, getScale(), getResult(), getBlock());
}

OpOperand &LookupOp::getEncodedOperand() { return getCodesMutable(); }

//===----------------------------------------------------------------------===//
// fake_quantize
//===----------------------------------------------------------------------===//

LogicalResult FakeQuantizeOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // C5
  if (failed(checkShape(site, "a result", result.getShape(), input.getShape())))
    return failure();
  // C6
  if (failed(site.checkElementType("a result", result.getElementType(), input.getElementType())))
    return failure();
  // C7
  if (getTable()) {
    if (getZeroPoint())
      return site.error("expects no zero point beside a table");
    if (failed(checkTable(site, getCodes(), getTable().getType())))
      return failure();
    return checkScaleShape(site, input.getShape(), getScale().getType(), getBlock());
  }
  // C1, C2, C3, C4
  return checkParameters(site, input.getShape(), getCodes(), getScale().getType(), getZeroPoint(),
                         getBlock());
}

Results FakeQuantizeOp::evaluate(ArrayRef<Tensor> operands) {
  llvm::Expected<DataType> type = getTensorDataType(getCodes());
  if (!type)
    return type.takeError();
  ArrayRef<int64_t> block = getBlock().value_or(ArrayRef<int64_t>());
  if (getTable())
    return single(reference::fakeQuantizeTable(operands[0], operands[1], operands[2], block,
                                               uint64_t(1) << getBitWidth(*type)));
  return single(reference::fakeQuantize(
      operands[0], operands[1], operands.size() > 2 ? &operands[2] : nullptr, block, *type));
}

void FakeQuantizeOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getResult());
  relateParameter(relations, getScale(), getResult(), getBlock());
  relateParameter(relations, getZeroPoint(), getResult(), getBlock());
  if (getTable())
    relations.fixed(getTable(), 0, "codes are indices of the table");
}

//===----------------------------------------------------------------------===//
// dynamic_quantize
//===----------------------------------------------------------------------===//

LogicalResult DynamicQuantizeOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType input = getInput().getType(), codes = getCodes().getType();
  RankedTensorType scale = getScale().getType(), zeroPoint = getZeroPoint().getType();
  // C1; the element types of codes are those that the result may have.
  if (failed(checkShape(site, "codes", codes.getShape(), input.getShape())))
    return failure();
  // C2
  SmallVector<int64_t> dims;
  if (getGranularity() == DynamicGranularity::Row) {
    if (input.getRank() == 0)
      return site.error("expects an input of rank 1 or more for granularity row, got rank 0");
    dims.assign(input.getShape().begin(), input.getShape().end());
    dims.back() = 1;
  }
  if (failed(checkShape(site, "a scale", scale.getShape(), dims)) ||
      failed(checkShape(site, "a zero point", zeroPoint.getShape(), dims)))
    return failure();
  // C3
  if (failed(site.checkElementType("a scale", scale.getElementType(), input.getElementType())))
    return failure();
  return site.checkElementType("a zero point", zeroPoint.getElementType(), codes.getElementType());
}

Results DynamicQuantizeOp::evaluate(ArrayRef<Tensor> operands) {
  llvm::Expected<DataType> type = getTensorDataType(getCodes().getType().getElementType());
  if (!type)
    return type.takeError();
  SmallVector<int64_t> block;
  if (getGranularity() == DynamicGranularity::Row) {
    block.assign(operands[0].getRank(), 1);
    block.back() = -1;
  }
  llvm::Expected<reference::DynamicQuantizeResult> result =
      reference::dynamicQuantize(operands[0], block, *type, /*symmetric=*/isSigned(*type));
  if (!result)
    return result.takeError();
  return SmallVector<Tensor>{std::move(result->q), std::move(result->scale),
                             std::move(result->zeroPoint)};
}

void DynamicQuantizeOp::getDimensionRelations(DimensionRelations &relations) {
  relations.sameShape(getInput(), getCodes());
  if (getGranularity() == DynamicGranularity::Tensor)
    return;
  for (int64_t dim = 0; dim + 1 < getInput().getType().getRank(); ++dim) {
    relations.same(getScale(), dim, getCodes(), dim);
    relations.same(getZeroPoint(), dim, getCodes(), dim);
  }
}
