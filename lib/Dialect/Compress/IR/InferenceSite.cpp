//===- InferenceSite.cpp - checks and messages of type inference -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::compress;

std::string mlir::compress::dimsToString(ArrayRef<int64_t> dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0)
      text += ", ";
    text += ShapedType::isDynamic(dims[i]) ? "?" : std::to_string(dims[i]);
  }
  return text + "]";
}

std::string mlir::compress::typeToString(Type type) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << type;
  return text;
}

LogicalResult InferenceSite::error(const Twine &message) const {
  return emitOptionalError(location, "'", op, "' op ", message);
}

FailureOr<RankedTensorType> InferenceSite::getTensor(Value value, StringRef what) const {
  if (!value)
    return error("expects a ranked tensor as " + what + ", got no value");
  RankedTensorType type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return error("expects a ranked tensor as " + what + ", got " + typeToString(value.getType()));
  return type;
}

LogicalResult InferenceSite::push(ArrayRef<int64_t> dims, Type elementType,
                                  SmallVectorImpl<Type> &types) const {
  std::optional<int64_t> count = 1;
  for (int64_t dim : dims) {
    if (ShapedType::isDynamic(dim))
      continue;
    if (dim < 0)
      return error("expects result sizes that are not negative, got " + dimsToString(dims));
    if (count)
      count = llvm::checkedMul(*count, dim);
  }
  if (!count && !llvm::is_contained(dims, 0))
    return error("expects a result of less than 2^63 elements, got " + dimsToString(dims));
  types.push_back(RankedTensorType::get(dims, elementType));
  return success();
}

LogicalResult InferenceSite::checkAxis(int64_t axis, int64_t rank) const {
  if (axis >= 0 && axis < rank)
    return success();
  return error("expects an axis in [0, " + Twine(rank) + "), got " + Twine(axis));
}

LogicalResult InferenceSite::checkIncreasingAxes(ArrayRef<int64_t> axes, int64_t rank) const {
  int64_t last = -1;
  for (int64_t axis : axes) {
    if (axis <= last || axis >= rank)
      return error("expects distinct increasing axes in [0, " + Twine(rank) + "), got " +
                   dimsToString(axes));
    last = axis;
  }
  return success();
}

LogicalResult InferenceSite::checkElementType(StringRef what, Type actual, Type expected) const {
  if (actual == expected)
    return success();
  return error("expects " + what + " with element type " + typeToString(expected) + ", got " +
               typeToString(actual));
}

LogicalResult InferenceSite::checkVector(StringRef what, RankedTensorType type,
                                         int64_t size) const {
  if (type.getRank() == 1 && isSameDim(type.getDimSize(0), size))
    return success();
  return error("expects " + what + " of shape " + dimsToString(size) + ", got " +
               dimsToString(type.getShape()));
}

FailureOr<int64_t> InferenceSite::add(int64_t a, int64_t b) const {
  if (std::optional<int64_t> sum = llvm::checkedAdd(a, b))
    return *sum;
  return error("expects sizes of less than 2^63, got " + Twine(a) + " and " + Twine(b));
}
