//===- Reduce.cpp - reductions and running sums ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/Reduce.h"
#include "Common.h"
#include "compress/Support/NumericFormats.h"

#include "llvm/ADT/SmallBitVector.h"
#include <cmath>
#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

Expected<SmallVector<int64_t>> reference::normalizeAxes(StringRef op, ArrayRef<int64_t> axes,
                                                        int64_t rank) {
  SmallVector<int64_t> result;
  llvm::SmallBitVector seen(rank);
  for (int64_t axis : axes) {
    Expected<int64_t> normal = normalizeAxis(axis, rank);
    if (!normal)
      return inOp(op, normal.takeError());
    if (seen.test(*normal))
      return opError(op, "axis " + Twine(axis) + " is repeated in " + shapeToString(axes));
    seen.set(*normal);
    result.push_back(*normal);
  }
  return result;
}

static StringRef getKindName(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Sum:
    return "reduce sum";
  case ReduceKind::Mean:
    return "reduce mean";
  case ReduceKind::Max:
    return "reduce max";
  case ReduceKind::Min:
    return "reduce min";
  case ReduceKind::Prod:
    return "reduce prod";
  case ReduceKind::SumSquare:
    return "reduce sum_square";
  case ReduceKind::L1:
    return "reduce l1";
  case ReduceKind::L2:
    return "reduce l2";
  case ReduceKind::LogSum:
    return "reduce log_sum";
  case ReduceKind::LogSumExp:
    return "reduce log_sum_exp";
  }
  return "reduce";
}

/// Kinds whose integer form is computed in double and truncated.
static bool needsFloat(ReduceKind kind) {
  return kind == ReduceKind::L2 || kind == ReduceKind::LogSum || kind == ReduceKind::LogSumExp;
}

static double getFloatIdentity(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Max:
    return -std::numeric_limits<double>::infinity();
  case ReduceKind::Min:
    return std::numeric_limits<double>::infinity();
  case ReduceKind::Prod:
    return 1;
  default:
    return 0;
  }
}

static double accumulate(ReduceKind kind, double sum, double value) {
  switch (kind) {
  case ReduceKind::Max:
    return maxNan(sum, value);
  case ReduceKind::Min:
    return minNan(sum, value);
  case ReduceKind::Prod:
    return sum * value;
  case ReduceKind::SumSquare:
  case ReduceKind::L2:
    return sum + value * value;
  case ReduceKind::L1:
    return sum + std::fabs(value);
  default:
    return sum + value;
  }
}

static int64_t getIntIdentity(ReduceKind kind, DataType type) {
  switch (kind) {
  case ReduceKind::Max:
    return getMinInt(type);
  case ReduceKind::Min:
    return static_cast<int64_t>(getMaxInt(type));
  case ReduceKind::Prod:
    return 1;
  default:
    return 0;
  }
}

static int64_t accumulateInt(ReduceKind kind, DataType type, int64_t sum, int64_t value) {
  switch (kind) {
  case ReduceKind::Max:
    return lessInt(type, sum, value) ? value : sum;
  case ReduceKind::Min:
    return lessInt(type, value, sum) ? value : sum;
  case ReduceKind::Prod:
    return wrapMul(sum, value);
  case ReduceKind::SumSquare:
    return wrapAdd(sum, wrapMul(value, value));
  case ReduceKind::L1:
    return wrapAdd(sum, isSigned(type) && value < 0 ? wrapSub(0, value) : value);
  default:
    return wrapAdd(sum, value);
  }
}

/// Sums in double. `sums` has a 1 in place of every reduced dim.
static llvm::Error reduceFloat(ReduceKind kind, const Tensor &x, Tensor &sums, int64_t count,
                               Tensor &result) {
  Expected<Tensor> view = sums.broadcastTo(x.getShape());
  if (!view)
    return view.takeError();
  int64_t size = sums.getNumElements();
  double *sum = sums.getData<double>();
  auto fold = [&](ReduceKind step) {
    std::fill(sum, sum + size, getFloatIdentity(step));
    forEachSlot<2>(x.getShape(), {&x, &*view}, [&](auto slots) {
      sum[slots[1]] = accumulate(step, sum[slots[1]], x.loadFloat(slots[0]));
    });
  };
  if (kind != ReduceKind::LogSumExp) {
    fold(kind);
    for (int64_t i = 0; i < size; ++i) {
      double value = sum[i];
      if (kind == ReduceKind::Mean)
        value /= static_cast<double>(count);
      else if (kind == ReduceKind::L2)
        value = std::sqrt(value);
      else if (kind == ReduceKind::LogSum)
        value = std::log(value);
      result.storeFloat(i, value);
    }
    return llvm::Error::success();
  }
  // log(sum(exp(x - max))) + max; an infinite maximum is left out.
  fold(ReduceKind::Max);
  SmallVector<double, 0> shift(sum, sum + size);
  for (double &value : shift)
    value = std::isfinite(value) ? value : 0;
  std::fill(sum, sum + size, 0.0);
  forEachSlot<2>(x.getShape(), {&x, &*view}, [&](auto slots) {
    sum[slots[1]] += std::exp(x.loadFloat(slots[0]) - shift[slots[1]]);
  });
  for (int64_t i = 0; i < size; ++i)
    result.storeFloat(i, std::log(sum[i]) + shift[i]);
  return llvm::Error::success();
}

static llvm::Error reduceInt(ReduceKind kind, const Tensor &x, Tensor &sums, int64_t count,
                             Tensor &result) {
  Expected<Tensor> view = sums.broadcastTo(x.getShape());
  if (!view)
    return view.takeError();
  DataType type = x.getType();
  int64_t size = sums.getNumElements();
  int64_t *sum = sums.getData<int64_t>();
  std::fill(sum, sum + size, getIntIdentity(kind, type));
  forEachSlot<2>(x.getShape(), {&x, &*view}, [&](auto slots) {
    sum[slots[1]] = accumulateInt(kind, type, sum[slots[1]], x.loadInt(slots[0]));
  });
  for (int64_t i = 0; i < size; ++i) {
    int64_t value = sum[i];
    if (kind == ReduceKind::Mean)
      value = type == DataType::U64 ? static_cast<int64_t>(static_cast<uint64_t>(value) / count)
                                    : value / count;
    result.storeInt(i, value);
  }
  return llvm::Error::success();
}

Expected<Tensor> reference::reduce(ReduceKind kind, const Tensor &x,
                                   std::optional<ArrayRef<int64_t>> axes, bool keepDims) {
  StringRef op = getKindName(kind);
  bool isBoolRange =
      x.getType() == DataType::Bool && (kind == ReduceKind::Max || kind == ReduceKind::Min);
  if (!isBoolRange)
    if (llvm::Error error = checkNumeric(op, x))
      return std::move(error);
  llvm::SmallBitVector isReduced(x.getRank(), !axes.has_value());
  if (axes) {
    Expected<SmallVector<int64_t>> normal = normalizeAxes(op, *axes, x.getRank());
    if (!normal)
      return normal.takeError();
    for (int64_t axis : *normal)
      isReduced.set(axis);
  }
  SmallVector<int64_t> keptShape, resultShape;
  int64_t count = 1;
  bool isEmptySet = false;
  for (int64_t axis = 0; axis < x.getRank(); ++axis) {
    int64_t dim = x.getDim(axis);
    if (!isReduced.test(axis)) {
      keptShape.push_back(dim);
      resultShape.push_back(dim);
      continue;
    }
    isEmptySet |= dim == 0;
    keptShape.push_back(1);
    if (keepDims)
      resultShape.push_back(1);
  }
  Expected<Tensor> result = Tensor::create(x.getType(), resultShape);
  if (!result)
    return inOp(op, result.takeError());
  if (result->getNumElements() == 0)
    return result;
  count = x.getNumElements() / result->getNumElements();

  bool inFloat = isFloat(x.getType()) || needsFloat(kind);
  if (!inFloat && kind == ReduceKind::Mean && isEmptySet)
    return opError(op, "mean of no integers");
  Expected<Tensor> sums = Tensor::create(inFloat ? DataType::F64 : DataType::I64, keptShape);
  if (!sums)
    return inOp(op, sums.takeError());
  llvm::Error error = inFloat ? reduceFloat(kind, x, *sums, count, *result)
                              : reduceInt(kind, x, *sums, count, *result);
  if (error)
    return inOp(op, std::move(error));
  return result;
}

Expected<Tensor> reference::cumSum(const Tensor &x, int64_t axis, bool exclusive, bool reverse) {
  if (llvm::Error error = checkNumeric("cumsum", x))
    return std::move(error);
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp("cumsum", normal.takeError());
  Expected<Tensor> dense = x.contiguous();
  if (!dense)
    return inOp("cumsum", dense.takeError());
  Expected<Tensor> result = Tensor::create(x.getType(), x.getShape());
  if (!result || x.getNumElements() == 0)
    return result;
  auto [outer, size, inner] = splitAtAxis(x.getShape(), *normal);
  bool isFloatType = isFloat(x.getType());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      double sum = 0;
      int64_t intSum = 0;
      for (int64_t step = 0; step < size; ++step) {
        int64_t slot = (o * size + (reverse ? size - 1 - step : step)) * inner + i;
        double before = sum;
        int64_t intBefore = intSum;
        if (isFloatType) {
          sum += dense->loadFloat(dense->getOffset() + slot);
          result->storeFloat(slot, exclusive ? before : sum);
        } else {
          intSum = wrapAdd(intSum, dense->loadInt(dense->getOffset() + slot));
          result->storeInt(slot, exclusive ? intBefore : intSum);
        }
      }
    }
  return result;
}
