//===- Search.cpp - argmax, argmin and top-k ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "compress/Reference/Reduce.h"

#include <algorithm>
#include <cmath>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Elements of a contiguous tensor in the order of values; a NaN is above all
/// numbers and equal to other NaNs.
static bool isBelow(const Tensor &x, int64_t a, int64_t b) {
  if (!isFloat(x.getType()))
    return lessInt(x.getType(), x.loadInt(a), x.loadInt(b));
  double left = x.loadFloat(a), right = x.loadFloat(b);
  return left < right || (std::isnan(right) && !std::isnan(left));
}

/// `isBelow` for argmin, where a NaN is below all numbers.
static bool isBelowNanFirst(const Tensor &x, int64_t a, int64_t b) {
  if (isFloat(x.getType())) {
    bool isLeftNan = std::isnan(x.loadFloat(a)), isRightNan = std::isnan(x.loadFloat(b));
    if (isLeftNan || isRightNan)
      return isLeftNan && !isRightNan;
  }
  return isBelow(x, a, b);
}

static Expected<Tensor> argExtreme(StringRef op, const Tensor &x, int64_t axis, bool keepDims,
                                   bool selectLast, bool largest) {
  if (llvm::Error error = checkNumeric(op, x))
    return std::move(error);
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp(op, normal.takeError());
  SmallVector<int64_t> shape(x.getShape());
  if (keepDims)
    shape[*normal] = 1;
  else
    shape.erase(shape.begin() + *normal);
  Expected<Tensor> result = Tensor::create(DataType::I64, shape);
  if (!result || result->getNumElements() == 0)
    return result;
  auto [outer, size, inner] = splitAtAxis(x.getShape(), *normal);
  if (size == 0)
    return opError(op, "axis " + Twine(axis) + " of shape " + shapeToString(x.getShape()) +
                           " has no elements");
  Expected<Tensor> dense = x.contiguous();
  if (!dense)
    return inOp(op, dense.takeError());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      int64_t first = dense->getOffset() + o * size * inner + i, best = 0;
      for (int64_t k = 1; k < size; ++k) {
        int64_t slot = first + k * inner, bestSlot = first + best * inner;
        bool isBetter =
            largest ? isBelow(*dense, bestSlot, slot) : isBelowNanFirst(*dense, slot, bestSlot);
        bool isWorse =
            largest ? isBelow(*dense, slot, bestSlot) : isBelowNanFirst(*dense, bestSlot, slot);
        if (isBetter || (selectLast && !isWorse))
          best = k;
      }
      result->storeInt(o * inner + i, best);
    }
  return result;
}

Expected<Tensor> reference::argMax(const Tensor &x, int64_t axis, bool keepDims, bool selectLast) {
  return argExtreme("argmax", x, axis, keepDims, selectLast, /*largest=*/true);
}

Expected<Tensor> reference::argMin(const Tensor &x, int64_t axis, bool keepDims, bool selectLast) {
  return argExtreme("argmin", x, axis, keepDims, selectLast, /*largest=*/false);
}

Expected<TopKResult> reference::topK(const Tensor &x, int64_t k, int64_t axis, bool largest) {
  if (llvm::Error error = checkNumeric("top_k", x))
    return std::move(error);
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp("top_k", normal.takeError());
  auto [outer, size, inner] = splitAtAxis(x.getShape(), *normal);
  if (k < 0 || k > size)
    return opError("top_k", "k is " + Twine(k) + ", expected 0 to " + Twine(size));
  SmallVector<int64_t> shape(x.getShape());
  shape[*normal] = k;
  Expected<Tensor> values = Tensor::create(x.getType(), shape);
  if (!values)
    return inOp("top_k", values.takeError());
  Expected<Tensor> indices = Tensor::create(DataType::I64, shape);
  if (!indices)
    return inOp("top_k", indices.takeError());
  if (values->getNumElements() == 0)
    return TopKResult{*values, *indices};
  Expected<Tensor> dense = x.contiguous();
  if (!dense)
    return inOp("top_k", dense.takeError());
  SmallVector<int64_t, 0> order(size);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      int64_t first = dense->getOffset() + o * size * inner + i;
      for (int64_t j = 0; j < size; ++j)
        order[j] = j;
      std::partial_sort(order.begin(), order.begin() + k, order.end(),
                        [&, inner = inner](int64_t a, int64_t b) {
                          int64_t slotA = first + a * inner, slotB = first + b * inner;
                          if (isBelow(*dense, slotA, slotB))
                            return !largest;
                          if (isBelow(*dense, slotB, slotA))
                            return largest;
                          return a < b;
                        });
      for (int64_t j = 0; j < k; ++j) {
        int64_t slot = (o * k + j) * inner + i;
        values->copySlot(slot, *dense, first + order[j] * inner);
        indices->storeInt(slot, order[j]);
      }
    }
  return TopKResult{*values, *indices};
}
