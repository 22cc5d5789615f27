//===- Common.h - checks shared by the reference operations --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_REFERENCE_COMMON_H
#define COMPRESS_LIB_REFERENCE_COMMON_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// "op: message".
inline llvm::Error opError(llvm::StringRef op, const llvm::Twine &message) {
  return makeError(op + ": " + message);
}

/// Prefixes the message of an error with the name of the operation.
inline llvm::Error inOp(llvm::StringRef op, llvm::Error error) {
  return opError(op, llvm::toString(std::move(error)));
}

inline llvm::Error checkFloat(llvm::StringRef op, const Tensor &x, llvm::StringRef what = "input") {
  if (isFloat(x.getType()))
    return llvm::Error::success();
  return opError(op, what + " has type " + getName(x.getType()) + ", expected a float type");
}

inline llvm::Error checkInteger(llvm::StringRef op, const Tensor &x,
                                llvm::StringRef what = "input") {
  if (isInteger(x.getType()))
    return llvm::Error::success();
  return opError(op, what + " has type " + getName(x.getType()) + ", expected an integer type");
}

inline llvm::Error checkNumeric(llvm::StringRef op, const Tensor &x,
                                llvm::StringRef what = "input") {
  if (isFloat(x.getType()) || isInteger(x.getType()))
    return llvm::Error::success();
  return opError(op,
                 what + " has type " + getName(x.getType()) + ", expected a float or integer type");
}

inline llvm::Error checkType(llvm::StringRef op, const Tensor &x, DataType type,
                             llvm::StringRef what) {
  if (x.getType() == type)
    return llvm::Error::success();
  return opError(op, what + " has type " + getName(x.getType()) + ", expected " + getName(type));
}

inline llvm::Error checkShape(llvm::StringRef op, const Tensor &x, llvm::ArrayRef<int64_t> shape,
                              llvm::StringRef what) {
  if (x.getShape() == shape)
    return llvm::Error::success();
  return opError(op, what + " has shape " + shapeToString(x.getShape()) + ", expected " +
                         shapeToString(shape));
}

inline llvm::Error checkOneElement(llvm::StringRef op, const Tensor &x, llvm::StringRef what) {
  if (x.getNumElements() == 1)
    return llvm::Error::success();
  return opError(op, what + " has shape " + shapeToString(x.getShape()) + ", expected one element");
}

/// Error when a product of non-negative factors exceeds `kMaxWork`.
inline llvm::Error checkWork(llvm::StringRef op, llvm::ArrayRef<int64_t> factors) {
  uint64_t work = 1;
  for (int64_t factor : factors) {
    if (factor == 0)
      return llvm::Error::success();
    if (static_cast<uint64_t>(factor) > kMaxWork / work)
      return opError(op, "more than " + llvm::Twine(kMaxWork) + " steps, refused");
    work *= static_cast<uint64_t>(factor);
  }
  return llvm::Error::success();
}

/// Product of dims of an existing tensor or a checked shape; cannot overflow
/// unless some other dim is zero, when nothing is done with it.
inline int64_t product(llvm::ArrayRef<int64_t> dims) {
  uint64_t result = 1;
  for (int64_t dim : dims)
    result *= static_cast<uint64_t>(dim);
  return static_cast<int64_t>(result);
}

/// `axes` made non-negative, or an error for one out of range or repeated.
llvm::Expected<llvm::SmallVector<int64_t>>
normalizeAxes(llvm::StringRef op, llvm::ArrayRef<int64_t> axes, int64_t rank);

/// Slot of the only element of a one-element tensor.
inline int64_t getOnlySlot(const Tensor &x) { return x.getOffset(); }

/// `x` as [outer, axis, inner] of a contiguous tensor around one axis.
struct AxisSplit {
  int64_t outer, size, inner;
};
inline AxisSplit splitAtAxis(llvm::ArrayRef<int64_t> shape, int64_t axis) {
  return {product(shape.take_front(axis)), shape[axis], product(shape.drop_front(axis + 1))};
}

/// Sum, product and so on of 64-bit integers with wrapping.
inline int64_t wrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t wrapSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
inline int64_t wrapMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

/// a < b for the values that `loadInt` returns: only `U64` needs another order.
inline bool lessInt(DataType type, int64_t a, int64_t b) {
  return type == DataType::U64 ? static_cast<uint64_t>(a) < static_cast<uint64_t>(b) : a < b;
}

/// Maximum and minimum that return a NaN operand.
inline double maxNan(double a, double b) { return a != a || a > b ? a : (b != b || b > a ? b : a); }
inline double minNan(double a, double b) { return a != a || a < b ? a : (b != b || b < a ? b : a); }

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_REFERENCE_COMMON_H
