//===- VectorCodes.cpp - codes of vectors -*- C++ -*-===//
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

/// Tables `[subspaces, codebooks, entries, dim]` for codes of `codeType`; C2.
static LogicalResult checkTables(const InferenceSite &site, RankedTensorType tables, Type codeType,
                                 Type element, int64_t numVectors) {
  if (tables.getRank() != 4)
    return site.error("expects tables of shape [subspaces, codebooks, entries, dim], got " +
                      dimsToString(tables.getShape()));
  if (tables.getDimSize(3) == 0)
    return site.error("expects vectors of at least one element, got tables of shape " +
                      dimsToString(tables.getShape()));
  if (int64_t subspaces = tables.getDimSize(0); subspaces != 1 && !isSameDim(subspaces, numVectors))
    return site.error("expects tables of 1 subspace or of " + Twine(numVectors) + ", got " +
                      Twine(subspaces));
  unsigned bits = getBitWidth(*getDataType(codeType));
  if (tables.getDimSize(2) == 0)
    return site.error("expects tables of at least one entry, got " +
                      dimsToString(tables.getShape()));
  if (bits <= 8 && !tables.isDynamicDim(2) && tables.getDimSize(2) < (int64_t(1) << bits))
    return site.error("expects tables with an entry for every code of " + typeToString(codeType) +
                      ", got " + dimsToString(tables.getShape()));
  return site.checkElementType("tables", tables.getElementType(), element);
}

LogicalResult LookupVectorsOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType codes = getCodes().getType(), tables = getTables().getType();
  RankedTensorType result = getResult().getType();
  auto axis = static_cast<int64_t>(getAxis());
  if (failed(site.checkAxis(axis, result.getRank())))
    return failure();
  // C1
  std::optional<DataType> codeType = getDataType(codes.getElementType());
  if (!codeType || !isUnsigned(*codeType))
    return site.error("expects codes that are unsigned, got " +
                      typeToString(codes.getElementType()));
  int64_t length = result.getDimSize(axis), numVectors = ShapedType::kDynamic;
  int64_t dim = tables.getRank() == 4 ? tables.getDimSize(3) : ShapedType::kDynamic;
  if (length == 0)
    numVectors = 0;
  else if (ShapedType::isStatic(length) && ShapedType::isStatic(dim) && dim > 0)
    numVectors = (length - 1) / dim + 1;
  // C2; what is checked here makes the shape of the codes mean something.
  if (failed(
          checkTables(site, tables, codes.getElementType(), result.getElementType(), numVectors)))
    return failure();
  // C1
  SmallVector<int64_t> expected(result.getShape());
  expected[axis] = numVectors;
  expected.push_back(tables.getDimSize(1));
  if (failed(checkShape(site, "codes", codes.getShape(), expected)))
    return failure();
  // C3
  if (!getScale())
    return getBlock() ? site.error("expects a scale beside a block") : success();
  RankedTensorType scale = getScale().getType();
  if (failed(site.checkElementType("a scale", scale.getElementType(), result.getElementType())))
    return failure();
  return checkScaleShape(site, result.getShape(), scale, getBlock());
}

llvm::Expected<SmallVector<Tensor>> LookupVectorsOp::evaluate(ArrayRef<Tensor> operands) {
  auto axis = static_cast<int64_t>(getAxis());
  int64_t length = getResult().getType().getDimSize(axis);
  if (ShapedType::isDynamic(length))
    return reference::makeError(
        "'compress.lookup_vectors' op expects a result of static size in dim " + Twine(axis) +
        ", got " + typeToString(getResult().getType()));
  return single(reference::lookupVectors(operands[0], operands[1], axis, length,
                                         operands.size() > 2 ? &operands[2] : nullptr,
                                         getBlock().value_or(ArrayRef<int64_t>())));
}

void LookupVectorsOp::getDimensionRelations(DimensionRelations &relations) {
  auto axis = static_cast<int64_t>(getAxis());
  int64_t rank = getResult().getType().getRank();
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (dim != axis) {
      relations.same(getCodes(), dim, getResult(), dim);
      continue;
    }
    relations.fixed(getCodes(), dim, "each code stands for a vector of elements");
    relations.fixed(getResult(), dim, "each code stands for a vector of elements");
  }
  relations.fixed(getCodes(), rank, "each code belongs to a codebook");
  for (int64_t dim = 0; dim < 4; ++dim)
    relations.fixed(getTables(), dim, "codes are indices of the tables");
  relateParameter(relations, getScale(), getResult(), getBlock());
}

OpOperand &LookupVectorsOp::getEncodedOperand() { return getCodesMutable(); }
