//===- ElementwiseBinary.cpp - binary element-wise operations ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "compress/Reference/Elementwise.h"
#include "compress/Support/NumericFormats.h"

#include <cmath>
#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::cantFail;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;

namespace {
/// Two operands broadcast to one shape, and a result of that shape.
struct Operands {
  Tensor a, b, result;
};
} // namespace

static Expected<Operands> broadcastOperands(StringRef op, const Tensor &a, const Tensor &b,
                                            DataType resultType) {
  Expected<SmallVector<int64_t>> shape = broadcastShapes(a.getShape(), b.getShape());
  if (!shape)
    return inOp(op, shape.takeError());
  Expected<Tensor> result = Tensor::create(resultType, *shape);
  if (!result)
    return inOp(op, result.takeError());
  Expected<Tensor> left = a.broadcastTo(*shape);
  if (!left)
    return inOp(op, left.takeError());
  Expected<Tensor> right = b.broadcastTo(*shape);
  if (!right)
    return inOp(op, right.takeError());
  return Operands{*left, *right, *result};
}

static llvm::Error checkSameType(StringRef op, const Tensor &a, const Tensor &b) {
  if (a.getType() == b.getType())
    return llvm::Error::success();
  return opError(op, "operands have types " + getName(a.getType()) + " and " +
                         getName(b.getType()) + ", expected one type");
}

/// fn(a slot, b slot, result slot) on broadcast operands.
template <typename Fn>
static Expected<Tensor> zip(StringRef op, const Tensor &a, const Tensor &b, DataType resultType,
                            Fn fn) {
  Expected<Operands> operands = broadcastOperands(op, a, b, resultType);
  if (!operands)
    return operands.takeError();
  int64_t next = 0;
  forEachSlot<2>(operands->result.getShape(), {&operands->a, &operands->b}, [&](auto slots) {
    fn(operands->a, slots[0], operands->b, slots[1], operands->result, next++);
  });
  return operands->result;
}

template <typename Fn>
static Expected<Tensor> zipFloat(StringRef op, const Tensor &a, const Tensor &b,
                                 DataType resultType, Fn fn) {
  return zip(op, a, b, resultType,
             [&](const Tensor &left, int64_t i, const Tensor &right, int64_t j, Tensor &result,
                 int64_t k) { result.storeFloat(k, fn(left.loadFloat(i), right.loadFloat(j))); });
}

template <typename Fn>
static Expected<Tensor> zipInt(StringRef op, const Tensor &a, const Tensor &b, DataType resultType,
                               Fn fn) {
  return zip(op, a, b, resultType,
             [&](const Tensor &left, int64_t i, const Tensor &right, int64_t j, Tensor &result,
                 int64_t k) { result.storeInt(k, fn(left.loadInt(i), right.loadInt(j))); });
}

/// Float or integer operands of one type, result of that type.
template <typename FloatFn, typename IntFn>
static Expected<Tensor> zipNumeric(StringRef op, const Tensor &a, const Tensor &b, FloatFn floatFn,
                                   IntFn intFn) {
  if (llvm::Error error = checkNumeric(op, a))
    return std::move(error);
  if (llvm::Error error = checkSameType(op, a, b))
    return std::move(error);
  if (isFloat(a.getType()))
    return zipFloat(op, a, b, a.getType(), floatFn);
  return zipInt(op, a, b, a.getType(), intFn);
}

/// Error when an element of an integer divisor is zero and used.
static llvm::Error checkNoZeroDivisor(StringRef op, const Tensor &a, const Tensor &b) {
  if (isFloat(b.getType()) || a.getNumElements() == 0)
    return llvm::Error::success();
  bool hasZero = false;
  forEachSlot<1>(b.getShape(), {&b}, [&](auto slots) { hasZero |= b.loadInt(slots[0]) == 0; });
  return hasZero ? opError(op, "integer division by zero") : llvm::Error::success();
}

/// a / b toward zero, b not 0; the smallest number over -1 wraps.
static int64_t divideInt(DataType type, int64_t a, int64_t b) {
  if (type == DataType::U64)
    return static_cast<int64_t>(static_cast<uint64_t>(a) / static_cast<uint64_t>(b));
  return b == -1 ? wrapSub(0, a) : a / b;
}

/// a - b * (a / b): has the sign of the dividend.
static int64_t remainderInt(DataType type, int64_t a, int64_t b) {
  return wrapSub(a, wrapMul(b, divideInt(type, a, b)));
}

Expected<Tensor> reference::add(const Tensor &a, const Tensor &b) {
  return zipNumeric("add", a, b, [](double x, double y) { return x + y; }, wrapAdd);
}

Expected<Tensor> reference::sub(const Tensor &a, const Tensor &b) {
  return zipNumeric("sub", a, b, [](double x, double y) { return x - y; }, wrapSub);
}

Expected<Tensor> reference::mul(const Tensor &a, const Tensor &b) {
  return zipNumeric("mul", a, b, [](double x, double y) { return x * y; }, wrapMul);
}

Expected<Tensor> reference::div(const Tensor &a, const Tensor &b) {
  DataType type = a.getType();
  if (llvm::Error error = checkNoZeroDivisor("div", a, b))
    return std::move(error);
  return zipNumeric(
      "div", a, b, [](double x, double y) { return x / y; },
      [=](int64_t x, int64_t y) { return divideInt(type, x, y); });
}

Expected<Tensor> reference::max(const Tensor &a, const Tensor &b) {
  DataType type = a.getType();
  return zipNumeric("max", a, b, maxNan,
                    [=](int64_t x, int64_t y) { return lessInt(type, x, y) ? y : x; });
}

Expected<Tensor> reference::min(const Tensor &a, const Tensor &b) {
  DataType type = a.getType();
  return zipNumeric("min", a, b, minNan,
                    [=](int64_t x, int64_t y) { return lessInt(type, y, x) ? y : x; });
}

/// Floor modulo: the sign of the divisor, exact as `fmod` is.
static double floorMod(double x, double y) {
  double rest = std::fmod(x, y);
  if (rest == 0)
    return std::copysign(0.0, y);
  return (rest < 0) != (y < 0) ? rest + y : rest;
}

Expected<Tensor> reference::mod(const Tensor &a, const Tensor &b, bool fmod) {
  DataType type = a.getType();
  bool isSignedType = isSigned(type);
  if (llvm::Error error = checkNoZeroDivisor("mod", a, b))
    return std::move(error);
  return zipNumeric(
      "mod", a, b, [=](double x, double y) { return fmod ? std::fmod(x, y) : floorMod(x, y); },
      [=](int64_t x, int64_t y) {
        int64_t rest = remainderInt(type, x, y);
        bool adjust = !fmod && isSignedType && rest != 0 && (rest < 0) != (y < 0);
        return adjust ? rest + y : rest;
      });
}

/// base^exponent with wrapping, exponent an unsigned number.
static int64_t powerInt(int64_t base, uint64_t exponent) {
  int64_t result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1)
      result = wrapMul(result, base);
    base = wrapMul(base, base);
  }
  return result;
}

/// base^exponent for a negative exponent, truncated; base not 0.
static int64_t powerNegative(int64_t base, int64_t exponent) {
  if (base == 1)
    return 1;
  if (base == -1)
    return exponent % 2 == 0 ? 1 : -1;
  return 0;
}

Expected<Tensor> reference::pow(const Tensor &a, const Tensor &b) {
  if (llvm::Error error = checkNumeric("pow", a, "base"))
    return std::move(error);
  if (llvm::Error error = checkNumeric("pow", b, "exponent"))
    return std::move(error);
  if (isFloat(a.getType()) || isFloat(b.getType()))
    return zipFloat("pow", a, b, a.getType(), [](double x, double y) { return std::pow(x, y); });
  bool isExponentSigned = isSigned(b.getType());
  bool isBaseSigned = isSigned(a.getType());
  bool zeroToNegative = false;
  Expected<Tensor> result = zipInt("pow", a, b, a.getType(), [&](int64_t x, int64_t y) {
    if (!isExponentSigned || y >= 0)
      return powerInt(x, static_cast<uint64_t>(y));
    zeroToNegative |= x == 0;
    // An unsigned base above 2^63 is not -1.
    return isBaseSigned || x >= 0 ? powerNegative(x, y) : 0;
  });
  if (result && zeroToNegative)
    return opError("pow", "integer zero to a negative power");
  return result;
}

Expected<Tensor> reference::prelu(const Tensor &x, const Tensor &slope) {
  Expected<Tensor> wide = slope.broadcastTo(x.getShape());
  if (!wide)
    return inOp("prelu", wide.takeError());
  bool isSignedType = isSigned(x.getType());
  return zipNumeric(
      "prelu", x, *wide, [](double v, double s) { return v < 0 ? s * v : v; },
      [=](int64_t v, int64_t s) { return isSignedType && v < 0 ? wrapMul(s, v) : v; });
}

template <typename Fn>
static Expected<Tensor> zipBool(StringRef op, const Tensor &a, const Tensor &b, Fn fn) {
  if (llvm::Error error = checkType(op, a, DataType::Bool, "left operand"))
    return std::move(error);
  if (llvm::Error error = checkType(op, b, DataType::Bool, "right operand"))
    return std::move(error);
  return zipInt(op, a, b, DataType::Bool, fn);
}

Expected<Tensor> reference::logicalAnd(const Tensor &a, const Tensor &b) {
  return zipBool("and", a, b, [](int64_t x, int64_t y) { return x & y; });
}

Expected<Tensor> reference::logicalOr(const Tensor &a, const Tensor &b) {
  return zipBool("or", a, b, [](int64_t x, int64_t y) { return x | y; });
}

Expected<Tensor> reference::logicalXor(const Tensor &a, const Tensor &b) {
  return zipBool("xor", a, b, [](int64_t x, int64_t y) { return x ^ y; });
}

/// Integer operands of one type, result of that type.
template <typename Fn>
static Expected<Tensor> zipBits(StringRef op, const Tensor &a, const Tensor &b, Fn fn) {
  if (llvm::Error error = checkInteger(op, a))
    return std::move(error);
  if (llvm::Error error = checkSameType(op, a, b))
    return std::move(error);
  return zipInt(op, a, b, a.getType(), fn);
}

Expected<Tensor> reference::bitwiseAnd(const Tensor &a, const Tensor &b) {
  return zipBits("bitwise_and", a, b, [](int64_t x, int64_t y) { return x & y; });
}

Expected<Tensor> reference::bitwiseOr(const Tensor &a, const Tensor &b) {
  return zipBits("bitwise_or", a, b, [](int64_t x, int64_t y) { return x | y; });
}

Expected<Tensor> reference::bitwiseXor(const Tensor &a, const Tensor &b) {
  return zipBits("bitwise_xor", a, b, [](int64_t x, int64_t y) { return x ^ y; });
}

static llvm::Error checkShiftAmounts(StringRef op, const Tensor &b) {
  if (!isSigned(b.getType()))
    return llvm::Error::success();
  bool hasNegative = false;
  forEachSlot<1>(b.getShape(), {&b}, [&](auto slots) { hasNegative |= b.loadInt(slots[0]) < 0; });
  return hasNegative ? opError(op, "negative shift amount") : llvm::Error::success();
}

Expected<Tensor> reference::shiftLeft(const Tensor &a, const Tensor &b) {
  if (llvm::Error error = checkShiftAmounts("shift_left", b))
    return std::move(error);
  return zipBits("shift_left", a, b, [](int64_t x, int64_t y) {
    uint64_t amount = static_cast<uint64_t>(y);
    return amount > 63 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(x) << amount);
  });
}

Expected<Tensor> reference::shiftRight(const Tensor &a, const Tensor &b) {
  if (llvm::Error error = checkShiftAmounts("shift_right", b))
    return std::move(error);
  bool isSignedType = isSigned(a.getType());
  return zipBits("shift_right", a, b, [=](int64_t x, int64_t y) {
    uint64_t amount = static_cast<uint64_t>(y);
    if (isSignedType)
      return x >> std::min<uint64_t>(amount, 63);
    return amount > 63 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(x) >> amount);
  });
}

/// A comparison of numbers of one type.
template <typename FloatFn, typename IntFn>
static Expected<Tensor> compare(StringRef op, const Tensor &a, const Tensor &b, FloatFn floatFn,
                                IntFn intFn) {
  if (llvm::Error error = checkNumeric(op, a))
    return std::move(error);
  if (llvm::Error error = checkSameType(op, a, b))
    return std::move(error);
  if (!isFloat(a.getType()))
    return zipInt(op, a, b, DataType::Bool, intFn);
  return zip(
      op, a, b, DataType::Bool,
      [&](const Tensor &left, int64_t i, const Tensor &right, int64_t j, Tensor &result,
          int64_t k) { result.storeInt(k, floatFn(left.loadFloat(i), right.loadFloat(j))); });
}

Expected<Tensor> reference::equal(const Tensor &a, const Tensor &b) {
  auto isEqual = [](auto x, auto y) { return x == y; };
  if (a.getType() == DataType::Bool && b.getType() == DataType::Bool)
    return zipInt("equal", a, b, DataType::Bool, isEqual);
  if (a.getType() == DataType::String && b.getType() == DataType::String)
    return zip("equal", a, b, DataType::Bool,
               [](const Tensor &left, int64_t i, const Tensor &right, int64_t j, Tensor &result,
                  int64_t k) { result.storeInt(k, left.loadString(i) == right.loadString(j)); });
  return compare("equal", a, b, isEqual, isEqual);
}

Expected<Tensor> reference::less(const Tensor &a, const Tensor &b) {
  DataType type = a.getType();
  return compare(
      "less", a, b, [](double x, double y) { return x < y; },
      [=](int64_t x, int64_t y) { return lessInt(type, x, y); });
}

Expected<Tensor> reference::lessEqual(const Tensor &a, const Tensor &b) {
  DataType type = a.getType();
  return compare(
      "less_equal", a, b, [](double x, double y) { return x <= y; },
      [=](int64_t x, int64_t y) { return !lessInt(type, y, x); });
}

Expected<Tensor> reference::greater(const Tensor &a, const Tensor &b) {
  DataType type = a.getType();
  return compare(
      "greater", a, b, [](double x, double y) { return x > y; },
      [=](int64_t x, int64_t y) { return lessInt(type, y, x); });
}

Expected<Tensor> reference::greaterEqual(const Tensor &a, const Tensor &b) {
  DataType type = a.getType();
  return compare(
      "greater_equal", a, b, [](double x, double y) { return x >= y; },
      [=](int64_t x, int64_t y) { return !lessInt(type, x, y); });
}

Expected<Tensor> reference::where(const Tensor &condition, const Tensor &a, const Tensor &b) {
  if (llvm::Error error = checkType("where", condition, DataType::Bool, "condition"))
    return std::move(error);
  if (llvm::Error error = checkSameType("where", a, b))
    return std::move(error);
  Expected<SmallVector<int64_t>> values = broadcastShapes(a.getShape(), b.getShape());
  if (!values)
    return inOp("where", values.takeError());
  Expected<SmallVector<int64_t>> shape = broadcastShapes(condition.getShape(), *values);
  if (!shape)
    return inOp("where", shape.takeError());
  Expected<Tensor> result = Tensor::create(a.getType(), *shape);
  if (!result)
    return inOp("where", result.takeError());
  Tensor wide[3];
  const Tensor *operands[3] = {&condition, &a, &b};
  for (int i = 0; i < 3; ++i) {
    Expected<Tensor> view = operands[i]->broadcastTo(*shape);
    if (!view)
      return inOp("where", view.takeError());
    wide[i] = *view;
  }
  int64_t next = 0;
  forEachSlot<3>(*shape, {&wide[0], &wide[1], &wide[2]}, [&](auto slots) {
    bool takeFirst = wide[0].loadInt(slots[0]) != 0;
    result->copySlot(next++, wide[takeFirst ? 1 : 2], slots[takeFirst ? 1 : 2]);
  });
  return result;
}

Expected<Tensor> reference::clip(const Tensor &x, const Tensor *lower, const Tensor *upper) {
  if (llvm::Error error = checkNumeric("clip", x))
    return std::move(error);
  for (const Tensor *bound : {lower, upper}) {
    if (!bound)
      continue;
    if (llvm::Error error = checkType("clip", *bound, x.getType(), "bound"))
      return std::move(error);
    if (llvm::Error error = checkOneElement("clip", *bound, "bound"))
      return std::move(error);
  }
  Tensor result = x;
  if (lower) {
    // Rank 0, so that the bound does not add dims.
    Expected<Tensor> limited = max(result, cantFail(lower->reshape({})));
    if (!limited)
      return inOp("clip", limited.takeError());
    result = *limited;
  }
  if (upper) {
    Expected<Tensor> limited = min(result, cantFail(upper->reshape({})));
    if (!limited)
      return inOp("clip", limited.takeError());
    result = *limited;
  }
  return result;
}
