//===- MatMul.cpp - matrix products ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "compress/Reference/Contraction.h"
#include "compress/Reference/Elementwise.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;

/// Type of a product of two tensors of `type`.
static DataType getProductType(DataType type) {
  return isInteger(type) && getBitWidth(type) < 32 ? DataType::I32 : type;
}

static double multiplyAdd(double sum, double a, double b) { return sum + a * b; }
static int64_t multiplyAdd(int64_t sum, int64_t a, int64_t b) {
  return wrapAdd(sum, wrapMul(a, b));
}

/// sums[m][n] += a[m][k] * b[k][n], in the order of k.
template <typename T>
static void multiplyMatrices(const T *a, const T *b, T *sums, int64_t m, int64_t k, int64_t n) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < k; ++j) {
      T value = a[i * k + j];
      const T *row = b + j * n;
      for (int64_t c = 0; c < n; ++c)
        sums[i * n + c] = multiplyAdd(sums[i * n + c], value, row[c]);
    }
}

/// Products of the batches of two widened (F64 or I64) tensors of rank at least
/// 2; the result is of that wide type.
static Expected<Tensor> multiplyBatches(StringRef op, const Tensor &a, const Tensor &b) {
  int64_t m = a.getShape().drop_back().back(), k = a.getShape().back();
  int64_t n = b.getShape().back();
  if (b.getShape().drop_back().back() != k)
    return opError(op, "shapes " + shapeToString(a.getShape()) + " and " +
                           shapeToString(b.getShape()) + " do not agree in the contracted dim");
  ArrayRef<int64_t> aBatch = a.getShape().drop_back(2), bBatch = b.getShape().drop_back(2);
  Expected<SmallVector<int64_t>> batch = broadcastShapes(aBatch, bBatch);
  if (!batch)
    return inOp(op, batch.takeError());
  SmallVector<int64_t> shape(*batch);
  shape.append({m, n});
  Expected<Tensor> result = Tensor::create(a.getType(), shape);
  if (!result)
    return inOp(op, result.takeError());
  if (result->getNumElements() == 0 || k == 0)
    return result;
  if (llvm::Error error = checkWork(op, {result->getNumElements(), k}))
    return std::move(error);

  // The batch dims of the operands as views of their matrices' first slots.
  auto getMatrices = [&](const Tensor &x) -> Expected<Tensor> {
    SmallVector<int64_t> starts(x.getRank(), 0), steps(x.getRank(), 1), sizes(x.getShape());
    sizes.back() = 1;
    sizes[x.getRank() - 2] = 1;
    Expected<Tensor> firsts = x.slice(starts, sizes, steps);
    if (!firsts)
      return firsts;
    SmallVector<int64_t> target(*batch);
    target.append({1, 1});
    return firsts->broadcastTo(target);
  };
  Expected<Tensor> aFirst = getMatrices(a);
  if (!aFirst)
    return inOp(op, aFirst.takeError());
  Expected<Tensor> bFirst = getMatrices(b);
  if (!bFirst)
    return inOp(op, bFirst.takeError());
  int64_t next = 0;
  forEachSlot<2>(aFirst->getShape(), {&*aFirst, &*bFirst}, [&](auto slots) {
    if (a.getType() == DataType::F64)
      multiplyMatrices(a.getData<double>() + slots[0], b.getData<double>() + slots[1],
                       result->getData<double>() + next, m, k, n);
    else
      multiplyMatrices(a.getData<int64_t>() + slots[0], b.getData<int64_t>() + slots[1],
                       result->getData<int64_t>() + next, m, k, n);
    next += m * n;
  });
  return result;
}

/// NumPy matmul of widened tensors.
static Expected<Tensor> multiplyWide(StringRef op, const Tensor &a, const Tensor &b) {
  if (a.getRank() == 0 || b.getRank() == 0)
    return opError(op, "operands must have rank 1 or more, found shapes " +
                           shapeToString(a.getShape()) + " and " + shapeToString(b.getShape()));
  bool isRow = a.getRank() == 1, isColumn = b.getRank() == 1;
  Expected<Tensor> left = isRow ? a.reshape({1, a.getDim(0)}) : Expected<Tensor>(a);
  if (!left)
    return inOp(op, left.takeError());
  Expected<Tensor> right = isColumn ? b.reshape({b.getDim(0), 1}) : Expected<Tensor>(b);
  if (!right)
    return inOp(op, right.takeError());
  Expected<Tensor> result = multiplyBatches(op, *left, *right);
  if (!result)
    return result;
  SmallVector<int64_t> shape(result->getShape());
  if (isColumn)
    shape.pop_back();
  if (isRow)
    shape.erase(shape.end() - (isColumn ? 1 : 2));
  return result->reshape(shape);
}

/// A wide tensor rounded or wrapped to `type`.
static Expected<Tensor> narrow(StringRef op, const Tensor &wide, DataType type) {
  Expected<Tensor> result = cast(wide, type);
  if (!result)
    return inOp(op, result.takeError());
  return result;
}

static llvm::Error checkOperands(StringRef op, const Tensor &a, const Tensor &b) {
  if (llvm::Error error = checkNumeric(op, a))
    return error;
  return checkType(op, b, a.getType(), "second operand");
}

Expected<Tensor> reference::matmul(const Tensor &a, const Tensor &b) {
  if (llvm::Error error = checkOperands("matmul", a, b))
    return std::move(error);
  Expected<Tensor> left = a.widen();
  if (!left)
    return inOp("matmul", left.takeError());
  Expected<Tensor> right = b.widen();
  if (!right)
    return inOp("matmul", right.takeError());
  Expected<Tensor> product = multiplyWide("matmul", *left, *right);
  if (!product)
    return product;
  return narrow("matmul", *product, getProductType(a.getType()));
}

Expected<Tensor> reference::linear(const Tensor &x, const Tensor &weight, const Tensor *bias,
                                   WeightLayout layout) {
  if (llvm::Error error = checkOperands("linear", x, weight))
    return std::move(error);
  if (x.getRank() == 0 || weight.getRank() != 2)
    return opError("linear", "expected an input of rank 1 or more and a weight of rank 2, found "
                             "shapes " +
                                 shapeToString(x.getShape()) + " and " +
                                 shapeToString(weight.getShape()));
  DataType type = getProductType(x.getType());
  if (bias)
    if (llvm::Error error = checkType("linear", *bias, type, "bias"))
      return std::move(error);
  Expected<Tensor> left = x.widen();
  if (!left)
    return inOp("linear", left.takeError());
  Expected<Tensor> oriented =
      layout == WeightLayout::NK ? weight.transpose({1, 0}) : Expected<Tensor>(weight);
  if (!oriented)
    return inOp("linear", oriented.takeError());
  Expected<Tensor> right = oriented->widen();
  if (!right)
    return inOp("linear", right.takeError());
  Expected<Tensor> product = multiplyWide("linear", *left, *right);
  if (!product)
    return product;
  if (bias) {
    Expected<Tensor> view = bias->broadcastTo(product->getShape());
    if (!view)
      return inOp("linear", view.takeError());
    Expected<Tensor> wideBias = view->widen();
    if (!wideBias)
      return inOp("linear", wideBias.takeError());
    Expected<Tensor> sum = add(*product, *wideBias);
    if (!sum)
      return inOp("linear", sum.takeError());
    product = *sum;
  }
  return narrow("linear", *product, type);
}

/// x - zero point as I64. A rank-1 zero point with more than one element is
/// aligned to the dim `axisFromEnd` (1 = last).
static Expected<Tensor> subtractZeroPoint(StringRef op, const Tensor &x, const Tensor *zeroPoint,
                                          int64_t axisFromEnd) {
  if (llvm::Error error = checkInteger(op, x))
    return std::move(error);
  if (getBitWidth(x.getType()) > 8)
    return opError(op, "operand has type " + getName(x.getType()) +
                           ", expected integers of at most 8 bits");
  Expected<Tensor> wide = x.widen();
  if (!wide)
    return inOp(op, wide.takeError());
  if (!zeroPoint)
    return wide;
  if (llvm::Error error = checkType(op, *zeroPoint, x.getType(), "zero point"))
    return std::move(error);
  Expected<Tensor> aligned = *zeroPoint;
  if (zeroPoint->getNumElements() == 1)
    aligned = zeroPoint->reshape({});
  else if (zeroPoint->getRank() == 1 && axisFromEnd == 2)
    aligned = zeroPoint->reshape({zeroPoint->getDim(0), 1});
  if (!aligned)
    return inOp(op, aligned.takeError());
  Expected<Tensor> view = aligned->broadcastTo(x.getShape());
  if (!view)
    return inOp(op, view.takeError());
  Expected<Tensor> wideZero = view->widen();
  if (!wideZero)
    return inOp(op, wideZero.takeError());
  return sub(*wide, *wideZero);
}

Expected<Tensor> reference::matmulInteger(const Tensor &a, const Tensor &b,
                                          const Tensor *aZeroPoint, const Tensor *bZeroPoint) {
  Expected<Tensor> left = subtractZeroPoint("matmul_integer", a, aZeroPoint, 2);
  if (!left)
    return left;
  Expected<Tensor> right = subtractZeroPoint("matmul_integer", b, bZeroPoint, 1);
  if (!right)
    return right;
  Expected<Tensor> product = multiplyWide("matmul_integer", *left, *right);
  if (!product)
    return product;
  return narrow("matmul_integer", *product, DataType::I32);
}
