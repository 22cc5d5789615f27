//===- Shape.cpp - shapes, ranges and constants ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "compress/Reference/DataMovement.h"

#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

static Expected<Tensor> reshapeExactly(StringRef op, const Tensor &x, ArrayRef<int64_t> shape) {
  Expected<Tensor> result = x.reshape(shape);
  if (!result)
    return inOp(op, result.takeError());
  return result;
}

Expected<Tensor> reference::reshape(const Tensor &x, ArrayRef<int64_t> shape, bool allowZero) {
  SmallVector<int64_t> target(shape);
  std::optional<size_t> inferred;
  bool hasZero = false;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i] == -1) {
      if (inferred)
        return opError("reshape", "more than one -1 in " + shapeToString(shape));
      inferred = i;
    } else if (target[i] < 0) {
      return opError("reshape", "expected sizes of -1 or more, found " + shapeToString(shape));
    } else if (target[i] == 0 && !allowZero) {
      if (static_cast<int64_t>(i) >= x.getRank())
        return opError("reshape", "0 at position " + Twine(i) + " of " + shapeToString(shape) +
                                      " copies no dim of shape " + shapeToString(x.getShape()));
      target[i] = x.getDim(i);
    } else if (target[i] == 0) {
      hasZero = true;
    }
  }
  if (inferred && hasZero)
    return opError("reshape", "-1 and 0 together in " + shapeToString(shape));
  if (inferred) {
    target[*inferred] = 1;
    Expected<int64_t> others = countElements(target);
    if (!others)
      return inOp("reshape", others.takeError());
    if (*others == 0) {
      // Copied dims of size zero: any size would do; NumPy refuses, ONNX takes 0.
      target[*inferred] = 0;
    } else if (x.getNumElements() % *others != 0) {
      return opError("reshape", Twine(x.getNumElements()) + " elements do not divide into " +
                                    shapeToString(shape));
    } else {
      target[*inferred] = x.getNumElements() / *others;
    }
  }
  return reshapeExactly("reshape", x, target);
}

Expected<Tensor> reference::squeeze(const Tensor &x, std::optional<ArrayRef<int64_t>> axes) {
  llvm::SmallBitVector removed(x.getRank());
  if (!axes) {
    for (int64_t axis = 0; axis < x.getRank(); ++axis)
      removed[axis] = x.getDim(axis) == 1;
  } else {
    Expected<SmallVector<int64_t>> normal = normalizeAxes("squeeze", *axes, x.getRank());
    if (!normal)
      return normal.takeError();
    for (int64_t axis : *normal) {
      if (x.getDim(axis) != 1)
        return opError("squeeze", "axis " + Twine(axis) + " of shape " +
                                      shapeToString(x.getShape()) + " is not 1");
      removed.set(axis);
    }
  }
  SmallVector<int64_t> shape;
  for (int64_t axis = 0; axis < x.getRank(); ++axis)
    if (!removed.test(axis))
      shape.push_back(x.getDim(axis));
  return reshapeExactly("squeeze", x, shape);
}

Expected<Tensor> reference::unsqueeze(const Tensor &x, ArrayRef<int64_t> axes) {
  int64_t rank = x.getRank() + static_cast<int64_t>(axes.size());
  Expected<SmallVector<int64_t>> normal = normalizeAxes("unsqueeze", axes, rank);
  if (!normal)
    return normal.takeError();
  SmallVector<int64_t> shape(rank, -1);
  for (int64_t axis : *normal)
    shape[axis] = 1;
  int64_t next = 0;
  for (int64_t &dim : shape)
    if (dim < 0)
      dim = x.getDim(next++);
  return reshapeExactly("unsqueeze", x, shape);
}

Expected<Tensor> reference::shapeOf(const Tensor &x, int64_t start, std::optional<int64_t> end) {
  int64_t rank = x.getRank();
  auto clamp = [=](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? index + rank : index, 0, rank);
  };
  int64_t first = clamp(start), last = std::max(first, clamp(end.value_or(rank)));
  ArrayRef<int64_t> dims = x.getShape().slice(first, last - first);
  return Tensor::fromInts(DataType::I64, {static_cast<int64_t>(dims.size())}, dims);
}

Expected<Tensor> reference::sizeOf(const Tensor &x) {
  return Tensor::scalarInt(DataType::I64, x.getNumElements());
}

/// Number of elements of a float range; nothing when it is not finite.
static std::optional<int64_t> countRange(double start, double limit, double delta) {
  double count = std::ceil((limit - start) / delta);
  if (!(count < 0x1p62)) // Also NaN.
    return std::nullopt;
  return count < 0 ? 0 : static_cast<int64_t>(count);
}

/// Number of elements of an integer range, delta not 0; saturates.
static int64_t countRange(DataType type, int64_t start, int64_t limit, int64_t delta) {
  bool isUp = type == DataType::U64 || delta > 0;
  if (isUp ? !lessInt(type, start, limit) : !lessInt(type, limit, start))
    return 0;
  // Differences in unsigned arithmetic do not overflow.
  uint64_t distance = isUp ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                           : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
  uint64_t step = isUp ? static_cast<uint64_t>(delta) : -static_cast<uint64_t>(delta);
  uint64_t count = (distance - 1) / step + 1;
  return static_cast<int64_t>(std::min<uint64_t>(count, uint64_t(1) << 62));
}

Expected<Tensor> reference::range(const Tensor &start, const Tensor &limit, const Tensor &delta) {
  DataType type = start.getType();
  if (llvm::Error error = checkNumeric("range", start, "start"))
    return std::move(error);
  if (llvm::Error error = checkType("range", limit, type, "limit"))
    return std::move(error);
  if (llvm::Error error = checkType("range", delta, type, "delta"))
    return std::move(error);
  for (const Tensor *operand : {&start, &limit, &delta})
    if (llvm::Error error = checkOneElement("range", *operand, "operand"))
      return std::move(error);
  std::optional<int64_t> count;
  double first = start.loadFloat(start.getOffset()), step = delta.loadFloat(delta.getOffset());
  int64_t intFirst = 0, intStep = 0;
  if (step == 0)
    return opError("range", "delta is 0");
  if (isFloat(type)) {
    count = countRange(first, limit.loadFloat(limit.getOffset()), step);
    if (!count)
      return opError("range", "the number of elements is not finite");
  } else {
    intFirst = start.loadInt(start.getOffset());
    intStep = delta.loadInt(delta.getOffset());
    count = countRange(type, intFirst, limit.loadInt(limit.getOffset()), intStep);
  }
  Expected<Tensor> result = Tensor::create(type, {*count});
  if (!result)
    return inOp("range", result.takeError());
  for (int64_t i = 0; i < *count; ++i) {
    if (isFloat(type))
      result->storeFloat(i, first + static_cast<double>(i) * step);
    else
      result->storeInt(i, wrapAdd(intFirst, wrapMul(i, intStep)));
  }
  return result;
}

Expected<Tensor> reference::constantOfShape(ArrayRef<int64_t> shape, const Tensor &value) {
  if (llvm::Error error = checkOneElement("constant_of_shape", value, "value"))
    return std::move(error);
  Expected<Tensor> result = Tensor::create(value.getType(), shape);
  if (!result)
    return inOp("constant_of_shape", result.takeError());
  for (int64_t i = 0; i < result->getNumElements(); ++i)
    result->copySlot(i, value, getOnlySlot(value));
  return result;
}

Expected<Tensor> reference::eyeLike(DataType type, int64_t rows, int64_t columns, int64_t k) {
  Expected<Tensor> result = Tensor::create(type, {rows, columns});
  if (!result)
    return inOp("eye_like", result.takeError());
  if (type == DataType::String)
    return opError("eye_like", "expected a numeric type, found string");
  for (int64_t row = 0; row < rows; ++row) {
    int64_t column;
    if (!llvm::AddOverflow(row, k, column) && column >= 0 && column < columns)
      result->storeInt(row * columns + column, 1);
  }
  return result;
}
