//===- ElementwiseUnary.cpp - unary element-wise operations ===//
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

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::Expected;
using llvm::StringRef;

static constexpr double kPi = 3.14159265358979323846;

/// fn(double) on every element of a float tensor.
template <typename Fn>
static Expected<Tensor> mapFloat(StringRef op, const Tensor &x, Fn fn) {
  if (llvm::Error error = checkFloat(op, x))
    return std::move(error);
  Expected<Tensor> result = Tensor::create(x.getType(), x.getShape());
  if (!result)
    return inOp(op, result.takeError());
  int64_t next = 0;
  forEachSlot<1>(x.getShape(), {&x},
                 [&](auto slots) { result->storeFloat(next++, fn(x.loadFloat(slots[0]))); });
  return result;
}

/// fn(int64_t) on every element; the caller has checked the type.
template <typename Fn>
static Expected<Tensor> mapInt(StringRef op, const Tensor &x, Fn fn) {
  Expected<Tensor> result = Tensor::create(x.getType(), x.getShape());
  if (!result)
    return inOp(op, result.takeError());
  int64_t next = 0;
  forEachSlot<1>(x.getShape(), {&x},
                 [&](auto slots) { result->storeInt(next++, fn(x.loadInt(slots[0]))); });
  return result;
}

/// Float or integer tensor.
template <typename FloatFn, typename IntFn>
static Expected<Tensor> mapNumeric(StringRef op, const Tensor &x, FloatFn floatFn, IntFn intFn) {
  if (llvm::Error error = checkNumeric(op, x))
    return std::move(error);
  if (isFloat(x.getType()))
    return mapFloat(op, x, floatFn);
  return mapInt(op, x, intFn);
}

/// A predicate on a float tensor.
template <typename Fn>
static Expected<Tensor> mapToBool(StringRef op, const Tensor &x, Fn fn) {
  if (llvm::Error error = checkFloat(op, x))
    return std::move(error);
  Expected<Tensor> result = Tensor::create(DataType::Bool, x.getShape());
  if (!result)
    return inOp(op, result.takeError());
  int64_t next = 0;
  forEachSlot<1>(x.getShape(), {&x},
                 [&](auto slots) { result->storeInt(next++, fn(x.loadFloat(slots[0]))); });
  return result;
}

static double computeSigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// log(1 + exp(x)) without overflow.
static double computeSoftplus(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

/// To the nearest integer, ties to even, whatever the rounding mode.
static double computeRound(double x) {
  double floor = std::floor(x);
  double rest = x - floor;
  if (rest < 0.5 || std::isnan(rest)) // NaN for infinities, which are integers.
    return std::copysign(floor, x);
  if (rest > 0.5 || std::fmod(floor, 2.0) != 0)
    return std::copysign(floor + 1, x);
  return std::copysign(floor, x);
}

#define COMPRESS_DEFINE_UNARY(name)                                                                \
  Expected<Tensor> reference::name(const Tensor &x) {                                              \
    return mapFloat(#name, x, [](double v) { return std::name(v); });                              \
  }
COMPRESS_DEFINE_UNARY(exp)
COMPRESS_DEFINE_UNARY(log)
COMPRESS_DEFINE_UNARY(sqrt)
COMPRESS_DEFINE_UNARY(sin)
COMPRESS_DEFINE_UNARY(cos)
COMPRESS_DEFINE_UNARY(tan)
COMPRESS_DEFINE_UNARY(asin)
COMPRESS_DEFINE_UNARY(acos)
COMPRESS_DEFINE_UNARY(atan)
COMPRESS_DEFINE_UNARY(sinh)
COMPRESS_DEFINE_UNARY(cosh)
COMPRESS_DEFINE_UNARY(tanh)
COMPRESS_DEFINE_UNARY(asinh)
COMPRESS_DEFINE_UNARY(acosh)
COMPRESS_DEFINE_UNARY(atanh)
COMPRESS_DEFINE_UNARY(floor)
COMPRESS_DEFINE_UNARY(ceil)
#undef COMPRESS_DEFINE_UNARY

Expected<Tensor> reference::reciprocal(const Tensor &x) {
  return mapFloat("reciprocal", x, [](double v) { return 1 / v; });
}

Expected<Tensor> reference::round(const Tensor &x) { return mapFloat("round", x, computeRound); }

Expected<Tensor> reference::sigmoid(const Tensor &x) {
  return mapFloat("sigmoid", x, computeSigmoid);
}

Expected<Tensor> reference::gelu(const Tensor &x, bool useTanh) {
  if (useTanh)
    return mapFloat("gelu", x, [](double v) {
      return v / 2 * (1 + std::tanh(std::sqrt(2 / kPi) * (v + 0.044715 * v * v * v)));
    });
  // erfc keeps the digits of very negative x, where 1 + erf cancels.
  return mapFloat("gelu", x, [](double v) {
    return v == -HUGE_VAL ? -0.0 : v / 2 * std::erfc(-v / std::sqrt(2.0));
  });
}

Expected<Tensor> reference::silu(const Tensor &x) {
  return mapFloat("silu", x,
                  [](double v) { return v == -HUGE_VAL ? -0.0 : v * computeSigmoid(v); });
}

Expected<Tensor> reference::softplus(const Tensor &x) {
  return mapFloat("softplus", x, computeSoftplus);
}

Expected<Tensor> reference::softsign(const Tensor &x) {
  return mapFloat("softsign", x, [](double v) {
    return std::isinf(v) ? std::copysign(1.0, v) : v / (1 + std::fabs(v));
  });
}

Expected<Tensor> reference::elu(const Tensor &x, double alpha) {
  return mapFloat("elu", x, [=](double v) { return v < 0 ? alpha * std::expm1(v) : v; });
}

Expected<Tensor> reference::selu(const Tensor &x, double alpha, double gamma) {
  return mapFloat("selu", x,
                  [=](double v) { return gamma * (v <= 0 ? alpha * std::expm1(v) : v); });
}

Expected<Tensor> reference::leakyRelu(const Tensor &x, double alpha) {
  return mapFloat("leaky_relu", x, [=](double v) { return v < 0 ? alpha * v : v; });
}

Expected<Tensor> reference::hardSigmoid(const Tensor &x, double alpha, double beta) {
  return mapFloat("hard_sigmoid", x,
                  [=](double v) { return maxNan(0, minNan(1, alpha * v + beta)); });
}

Expected<Tensor> reference::hardSwish(const Tensor &x) {
  return mapFloat("hard_swish", x, [](double v) {
    return v == -HUGE_VAL ? -0.0 : v * maxNan(0, minNan(1, v / 6 + 0.5));
  });
}

Expected<Tensor> reference::mish(const Tensor &x) {
  return mapFloat("mish", x, [](double v) {
    return v == -HUGE_VAL ? -0.0 : v * std::tanh(computeSoftplus(v));
  });
}

Expected<Tensor> reference::celu(const Tensor &x, double alpha) {
  return mapFloat(
      "celu", x, [=](double v) { return maxNan(0, v) + minNan(0, alpha * std::expm1(v / alpha)); });
}

Expected<Tensor> reference::thresholdedRelu(const Tensor &x, double alpha) {
  return mapFloat("thresholded_relu", x,
                  [=](double v) { return v > alpha || std::isnan(v) ? v : 0; });
}

Expected<Tensor> reference::erf(const Tensor &x) {
  return mapNumeric(
      "erf", x, [](double v) { return std::erf(v); },
      [&](int64_t v) {
        double value = x.getType() == DataType::U64 ? static_cast<double>(static_cast<uint64_t>(v))
                                                    : static_cast<double>(v);
        return static_cast<int64_t>(std::erf(value));
      });
}

Expected<Tensor> reference::abs(const Tensor &x) {
  bool isSignedType = isSigned(x.getType());
  return mapNumeric(
      "abs", x, [](double v) { return std::fabs(v); },
      [=](int64_t v) { return isSignedType && v < 0 ? wrapSub(0, v) : v; });
}

Expected<Tensor> reference::neg(const Tensor &x) {
  return mapNumeric("neg", x, [](double v) { return -v; }, [](int64_t v) { return wrapSub(0, v); });
}

Expected<Tensor> reference::sign(const Tensor &x) {
  bool isSignedType = isSigned(x.getType());
  return mapNumeric(
      "sign", x, [](double v) { return v > 0 ? 1.0 : (v < 0 ? -1.0 : v); },
      [=](int64_t v) { return v == 0 ? 0 : (isSignedType && v < 0 ? -1 : 1); });
}

Expected<Tensor> reference::relu(const Tensor &x) {
  bool isSignedType = isSigned(x.getType());
  return mapNumeric(
      "relu", x, [](double v) { return maxNan(0, v); },
      [=](int64_t v) { return isSignedType && v < 0 ? 0 : v; });
}

Expected<Tensor> reference::isNan(const Tensor &x) {
  return mapToBool("is_nan", x, [](double v) { return std::isnan(v); });
}

Expected<Tensor> reference::isInf(const Tensor &x, bool detectNegative, bool detectPositive) {
  return mapToBool("is_inf", x, [=](double v) {
    return std::isinf(v) && (v < 0 ? detectNegative : detectPositive);
  });
}

Expected<Tensor> reference::logicalNot(const Tensor &x) {
  if (llvm::Error error = checkType("not", x, DataType::Bool, "input"))
    return std::move(error);
  return mapInt("not", x, [](int64_t v) { return v == 0; });
}

Expected<Tensor> reference::bitwiseNot(const Tensor &x) {
  if (llvm::Error error = checkInteger("bitwise_not", x))
    return std::move(error);
  return mapInt("bitwise_not", x, [](int64_t v) { return ~v; });
}
