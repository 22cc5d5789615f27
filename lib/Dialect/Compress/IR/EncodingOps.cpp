//===- EncodingOps.cpp - mask and sparse expansion -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Quantization.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

//===----------------------------------------------------------------------===//
// mask
//===----------------------------------------------------------------------===//

LogicalResult MaskOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  ArrayRef<int64_t> input = getInput().getType().getShape();
  ArrayRef<int64_t> mask = getMask().getType().getShape();
  // C1
  bool fits = input.size() == mask.size();
  for (size_t i = 0; fits && i < input.size(); ++i)
    fits = mask[i] == 1 || isSameDim(mask[i], input[i]);
  if (fits)
    return success();
  return site.error("expects a mask of the input's rank with dims that are equal or 1, got " +
                    dimsToString(mask) + " for input " + dimsToString(input));
}

Results MaskOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::mask(operands[0], operands[1]));
}

void MaskOp::getDimensionRelations(DimensionRelations &relations) { relations.elementwise(*this); }

OpOperand &MaskOp::getEncodedOperand() { return getInputMutable(); }

//===----------------------------------------------------------------------===//
// Codes of expansions
//===----------------------------------------------------------------------===//

/// `fill` is a code of the element type; of a float type only zero is.
static LogicalResult checkFill(const InferenceSite &site, int64_t fill, Type elementType) {
  std::optional<DataType> type = getDataType(elementType);
  int64_t min = 0, max = 0;
  if (type == DataType::Bool) {
    max = 1;
  } else if (type && isInteger(*type)) {
    min = isSigned(*type) ? getMinInt(*type) : 0;
    max = static_cast<int64_t>(std::min<uint64_t>(getMaxInt(*type), INT64_MAX));
  }
  if (fill >= min && fill <= max)
    return success();
  return site.error("expects a fill in [" + Twine(min) + ", " + Twine(max) + "] for " +
                    typeToString(elementType) + ", got " + Twine(fill));
}

/// A one-element tensor of the code that stands for zero.
static llvm::Expected<Tensor> makeFill(const Tensor &codes, int64_t fill) {
  return Tensor::scalarInt(codes.getType(), fill);
}

//===----------------------------------------------------------------------===//
// expand_nm
//===----------------------------------------------------------------------===//

/// Length of kept codes for a dense length; `n` and `m` are valid.
static int64_t getKeptLength(int64_t length, int64_t n, int64_t m) {
  if (ShapedType::isDynamic(length))
    return length;
  return reference::getNmCodeLength(length, n, m);
}

LogicalResult ExpandNMOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType codes = getCodes().getType(), positions = getPositions().getType();
  RankedTensorType result = getResult().getType();
  int64_t n = static_cast<int64_t>(getN()), m = static_cast<int64_t>(getM());
  int64_t axis = static_cast<int64_t>(getAxis());
  // C1
  if (n < 1 || n > m || m > 256)
    return site.error("expects 1 <= n <= m <= 256, got n = " + Twine(n) + " and m = " + Twine(m));
  // C2
  if (failed(site.checkAxis(axis, result.getRank())))
    return failure();
  // C3
  SmallVector<int64_t> kept(result.getShape());
  kept[axis] = getKeptLength(kept[axis], n, m);
  if (failed(verifyCompatibleShape(codes.getShape(), kept)))
    return site.error("expects codes of shape " + dimsToString(kept) + ", got " +
                      dimsToString(codes.getShape()));
  for (auto [dim, size] : llvm::enumerate(codes.getShape()))
    kept[dim] = refineDim(kept[dim], size);
  int64_t bits = reference::getNmPositionBits(m);
  if (!ShapedType::isDynamic(kept.back())) {
    std::optional<int64_t> rowBits = llvm::checkedMulAdd<int64_t>(kept.back(), bits, 7);
    if (!rowBits)
      return site.error("expects rows of less than 2^63 position bits, got " + Twine(kept.back()) +
                        " codes");
    kept.back() = *rowBits / 8;
  }
  if (failed(verifyCompatibleShape(positions.getShape(), kept)))
    return site.error("expects positions of shape " + dimsToString(kept) + ", got " +
                      dimsToString(positions.getShape()));
  // C5
  if (failed(site.checkElementType("codes", codes.getElementType(), result.getElementType())))
    return failure();
  // C4
  return checkFill(site, static_cast<int64_t>(getFill()), result.getElementType());
}

Results ExpandNMOp::evaluate(ArrayRef<Tensor> operands) {
  int64_t axis = static_cast<int64_t>(getAxis());
  int64_t length = getResult().getType().getDimSize(axis);
  if (ShapedType::isDynamic(length))
    return reference::makeError("'compress.expand_nm' op expects a result of static size in dim " +
                                Twine(axis) + ", got " + typeToString(getResult().getType()));
  llvm::Expected<Tensor> fill = makeFill(operands[0], static_cast<int64_t>(getFill()));
  if (!fill)
    return fill.takeError();
  return single(reference::expandNm(operands[0], operands[1], static_cast<int64_t>(getN()),
                                    static_cast<int64_t>(getM()), axis, length, *fill));
}

void ExpandNMOp::getDimensionRelations(DimensionRelations &relations) {
  static constexpr StringLiteral kReason = "groups of the N:M pattern";
  int64_t axis = static_cast<int64_t>(getAxis()), rank = getResult().getType().getRank();
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (dim == axis) {
      relations.fixed(getCodes(), dim, kReason);
      relations.fixed(getResult(), dim, kReason);
    } else {
      relations.same(getCodes(), dim, getResult(), dim);
    }
    if (dim == axis || dim == rank - 1)
      relations.fixed(getPositions(), dim, "packed positions");
    else
      relations.same(getPositions(), dim, getResult(), dim);
  }
}

OpOperand &ExpandNMOp::getEncodedOperand() { return getCodesMutable(); }

//===----------------------------------------------------------------------===//
// expand_bitmap
//===----------------------------------------------------------------------===//

LogicalResult ExpandBitmapOp::verify() {
  InferenceSite site(getLoc(), getOperationName());
  RankedTensorType codes = getCodes().getType(), bitmap = getBitmap().getType();
  RankedTensorType result = getResult().getType();
  // C1
  if (codes.getRank() != 1 || bitmap.getRank() != 1)
    return site.error("expects codes and bitmap of rank 1, got " + dimsToString(codes.getShape()) +
                      " and " + dimsToString(bitmap.getShape()));
  // C3
  if (failed(site.checkElementType("codes", codes.getElementType(), result.getElementType())))
    return failure();
  if (result.hasStaticShape()) {
    llvm::Expected<int64_t> count = reference::countElements(result.getShape());
    if (!count)
      return site.error(llvm::toString(count.takeError()));
    if (!codes.isDynamicDim(0) && codes.getDimSize(0) > *count)
      return site.error("expects at most " + Twine(*count) + " codes, got " +
                        Twine(codes.getDimSize(0)));
    // C2
    int64_t bytes = *count / 8 + (*count % 8 != 0);
    if (failed(site.checkVector("a bitmap", bitmap, bytes)))
      return failure();
  }
  // C4
  return checkFill(site, static_cast<int64_t>(getFill()), result.getElementType());
}

Results ExpandBitmapOp::evaluate(ArrayRef<Tensor> operands) {
  RankedTensorType type = getResult().getType();
  if (!type.hasStaticShape())
    return reference::makeError("'compress.expand_bitmap' op expects a result of static shape, "
                                "got " +
                                typeToString(type));
  llvm::Expected<Tensor> fill = makeFill(operands[0], static_cast<int64_t>(getFill()));
  if (!fill)
    return fill.takeError();
  return single(reference::expandBitmap(operands[0], operands[1], type.getShape(), *fill));
}

void ExpandBitmapOp::getDimensionRelations(DimensionRelations &relations) {
  relations.allFixed(*this, "an unstructured pattern of the flattened tensor");
}

OpOperand &ExpandBitmapOp::getEncodedOperand() { return getCodesMutable(); }
