//===- ScalarOps.cpp - element-wise ops on elements ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScalarOps.h"
#include "compress/Conversion/LoweringContext.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

static Type getElement(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {
/// Functions of one float.
struct FloatFunctions {
  ScalarBuilder &b;
  Type type;

  Value number(double value) { return b.number(type, value); }
  Value negate(Value x) { return arith::NegFOp::create(b, x); }
  Value divide(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value isLess(Value x, double y) { return b.less(x, number(y), type); }

  /// `value`, but -0 where `x` is -infinity (and the formula gives NaN).
  Value fixNegativeInfinity(Value x, Value value) {
    return b.select(b.equal(x, number(-kInfinity)), number(-0.0), value);
  }

  Value sigmoid(Value x) {
    return divide(number(1), b.add(number(1), math::ExpOp::create(b, negate(x))));
  }

  /// log(1 + exp(x)) without overflow.
  Value softplus(Value x) {
    Value tail =
        math::Log1pOp::create(b, math::ExpOp::create(b, negate(math::AbsFOp::create(b, x))));
    return b.add(b.max(x, number(0), type), tail);
  }

  Value softsign(Value x) {
    Value magnitude = math::AbsFOp::create(b, x);
    Value isInfinite = b.equal(magnitude, number(kInfinity));
    Value sign = b.select(isLess(x, 0), number(-1), number(1));
    return b.select(isInfinite, sign, divide(x, b.add(number(1), magnitude)));
  }

  /// max(0, min(1, alpha * x + beta)).
  Value hardSigmoid(Value x, double alpha, double beta) {
    Value line = b.add(b.mul(x, number(alpha)), number(beta));
    return b.max(number(0), b.min(number(1), line, type), type);
  }

  Value hardSwish(Value x) {
    Value line = b.add(divide(x, number(6)), number(0.5));
    Value gate = b.max(number(0), b.min(number(1), line, type), type);
    return fixNegativeInfinity(x, b.mul(x, gate));
  }

  Value mish(Value x) {
    return fixNegativeInfinity(x, b.mul(x, math::TanhOp::create(b, softplus(x))));
  }

  Value gelu(Value x) {
    // Below -1e4, too, 1 + erf is zero, but -infinity times zero is NaN.
    Value limited = b.select(isLess(x, -1e4), number(-1e4), x);
    Value erf = math::ErfOp::create(b, b.mul(limited, number(1 / std::sqrt(2.0))));
    return b.mul(b.mul(limited, number(0.5)), b.add(number(1), erf));
  }

  Value geluTanh(Value x) {
    constexpr double kPi = 3.14159265358979323846;
    Value cube = b.mul(b.mul(b.mul(x, x), x), number(0.044715));
    Value inner = b.mul(b.add(x, cube), number(std::sqrt(2 / kPi)));
    return b.mul(b.mul(x, number(0.5)), b.add(number(1), math::TanhOp::create(b, inner)));
  }

  Value elu(Value x, double alpha) {
    return b.select(isLess(x, 0), b.mul(number(alpha), math::ExpM1Op::create(b, x)), x);
  }

  Value leakyRelu(Value x, double alpha) {
    return b.select(isLess(x, 0), b.mul(number(alpha), x), x);
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Power
//===----------------------------------------------------------------------===//

/// base^exponent with wrapping, exponent not negative.
static Value emitUnsignedPower(ScalarBuilder &b, Value base, Value exponent) {
  Type type = base.getType(), exponentType = exponent.getType();
  Value result = b.integer(type, 1), square = base;
  Value zero = b.integer(exponentType, 0);
  // One bit of the exponent after the other.
  for (unsigned bit = 0; bit < exponentType.getIntOrFloatBitWidth(); ++bit) {
    Value mask = b.integer(exponentType, static_cast<int64_t>(uint64_t(1) << bit));
    Value isClear = b.equal(arith::AndIOp::create(b, exponent, mask), zero);
    result = b.select(isClear, result, b.mul(result, square));
    square = b.mul(square, square);
  }
  return result;
}

/// Integer base and exponent; 0 to a negative power stops the run.
static Value emitIntegerPower(ScalarBuilder &b, Value base, Value exponent, Type element) {
  Value power = emitUnsignedPower(b, base, exponent);
  if (ScalarBuilder::isUnsigned(element))
    return power;
  Type type = base.getType();
  Value isNegative = b.less(exponent, b.integer(type, 0), element);
  Value isZero = b.equal(base, b.integer(type, 0));
  Value isWrong = arith::AndIOp::create(b, isNegative, isZero);
  LoweringContext::check(b, b.getLoc(),
                         arith::XOrIOp::create(b, isWrong, b.integer(b.getI1Type(), 1)),
                         "integer zero to a negative power");
  // 1, -1 (whose powers the product has), or a fraction.
  Value isUnit = arith::OrIOp::create(b, b.equal(base, b.integer(type, 1)),
                                      b.equal(base, b.integer(type, -1)));
  Value isFraction = arith::AndIOp::create(
      b, isNegative, arith::XOrIOp::create(b, isUnit, b.integer(b.getI1Type(), 1)));
  return b.select(isFraction, b.integer(type, 0), power);
}

/// `value` to the power `exponent`, both of type `element`.
static Value emitPower(ScalarBuilder &b, Value value, Value exponent, Type element,
                       std::optional<double> knownExponent) {
  Type type = value.getType();
  bool isFloatBase = isa<FloatType>(element);
  if (knownExponent == 1)
    return value;
  if (knownExponent == 2)
    return b.mul(value, value);
  if (knownExponent == 3)
    return b.mul(b.mul(value, value), value);
  if (knownExponent == 0.5 && isFloatBase) {
    // Unlike the square root, -infinity gives infinity, and -0 gives 0.
    Value root = math::AbsFOp::create(b, math::SqrtOp::create(b, value));
    return b.select(b.equal(value, b.number(type, -kInfinity)), b.number(type, kInfinity), root);
  }
  if (knownExponent == -1 && isFloatBase)
    return arith::DivFOp::create(b, b.number(type, 1), value);
  if (!isFloatBase)
    return emitIntegerPower(b, value, exponent, element);
  return math::PowFOp::create(b, value, exponent);
}

/// The number that all elements of a constant or weight are.
static std::optional<double> getSplat(Value value) {
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  auto elements =
      source ? dyn_cast_or_null<DenseElementsAttr>(source.getWeightValue()) : DenseElementsAttr();
  if (!elements || !elements.isSplat() || elements.empty())
    return std::nullopt;
  if (isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<FloatAttr>().getValueAsDouble();
  auto type = dyn_cast<IntegerType>(elements.getElementType());
  if (!type || type.isUnsigned())
    return std::nullopt;
  return static_cast<double>(elements.getSplatValue<APInt>().getSExtValue());
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

/// -1, 0 or 1; integers beyond 5 have an erf that rounds to 1.
static Value emitIntegerErf(ScalarBuilder &b, Value x, Type element) {
  Type type = x.getType();
  Value zero = b.integer(type, 0);
  auto narrow = [&](int64_t value) { return b.integer(type, value); };
  bool fits = type.getIntOrFloatBitWidth() > 1;
  Value result = fits ? b.select(b.less(narrow(5), x, element), narrow(1), zero) : zero;
  if (ScalarBuilder::isUnsigned(element))
    return result;
  return b.select(b.less(x, narrow(-5), element), narrow(-1), result);
}

static Value emitSign(ScalarBuilder &b, Value x, Type element) {
  Type type = x.getType();
  bool isFloat = isa<FloatType>(type);
  auto constant = [&](int64_t value) {
    return isFloat ? b.number(type, static_cast<double>(value)) : b.integer(type, value);
  };
  Value zero = constant(0);
  Value result = b.select(b.less(zero, x, element), constant(1), x);
  if (ScalarBuilder::isUnsigned(element))
    return result;
  return b.select(b.less(x, zero, element), constant(-1), result);
}

static Value emitRelu(ScalarBuilder &b, Value x, Type element) {
  if (isa<FloatType>(x.getType())) // NaN stays.
    return b.select(b.lessEqual(x, b.number(x.getType(), 0), element), b.number(x.getType(), 0), x);
  return ScalarBuilder::isUnsigned(element) ? x : b.max(x, b.integer(x.getType(), 0), element);
}

static Value emitClip(ScalarBuilder &b, ClipOp op, ValueRange elements) {
  Type element = getElement(op.getInput());
  Value result = elements[0];
  if (op.getMin())
    result = b.max(result, elements[1], element);
  if (op.getMax())
    result = b.min(result, elements.back(), element);
  return result;
}

static Value emitPRelu(ScalarBuilder &b, Value x, Value slope, Type element) {
  if (ScalarBuilder::isUnsigned(element))
    return x;
  Type type = x.getType();
  Value zero = isa<FloatType>(type) ? b.number(type, 0) : b.integer(type, 0);
  return b.select(b.less(x, zero, element), b.mul(slope, x), x);
}

static Value emitUnary(ScalarBuilder &b, Operation *op, Value x, Type element) {
  FloatFunctions f{b, x.getType()};
  using Result = Value;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<AbsOp>([&](auto) { return b.abs(x, element); })
      .Case<AcosOp>([&](auto) { return math::AcosOp::create(b, x); })
      .Case<AcoshOp>([&](auto) { return math::AcoshOp::create(b, x); })
      .Case<AsinOp>([&](auto) { return math::AsinOp::create(b, x); })
      .Case<AsinhOp>([&](auto) { return math::AsinhOp::create(b, x); })
      .Case<AtanOp>([&](auto) { return math::AtanOp::create(b, x); })
      .Case<AtanhOp>([&](auto) { return math::AtanhOp::create(b, x); })
      .Case<CeilOp>([&](auto) { return math::CeilOp::create(b, x); })
      .Case<CosOp>([&](auto) { return math::CosOp::create(b, x); })
      .Case<CoshOp>([&](auto) { return math::CoshOp::create(b, x); })
      .Case<ErfOp>([&](auto) -> Value {
        if (isa<FloatType>(element))
          return math::ErfOp::create(b, x);
        return emitIntegerErf(b, x, element);
      })
      .Case<ExpOp>([&](auto) { return math::ExpOp::create(b, x); })
      .Case<FloorOp>([&](auto) { return math::FloorOp::create(b, x); })
      .Case<HardSwishOp>([&](auto) { return f.hardSwish(x); })
      .Case<LogOp>([&](auto) { return math::LogOp::create(b, x); })
      .Case<MishOp>([&](auto) { return f.mish(x); })
      .Case<NegOp>([&](auto) {
        return isa<FloatType>(element) ? f.negate(x) : b.sub(b.integer(x.getType(), 0), x);
      })
      .Case<NotOp>([&](auto) { return arith::XOrIOp::create(b, x, b.integer(b.getI1Type(), 1)); })
      .Case<ReciprocalOp>([&](auto) { return f.divide(f.number(1), x); })
      .Case<ReluOp>([&](auto) { return emitRelu(b, x, element); })
      .Case<RoundOp>([&](auto) { return math::RoundEvenOp::create(b, x); })
      .Case<SigmoidOp>([&](auto) { return f.sigmoid(x); })
      .Case<SignOp>([&](auto) { return emitSign(b, x, element); })
      .Case<SinOp>([&](auto) { return math::SinOp::create(b, x); })
      .Case<SinhOp>([&](auto) { return math::SinhOp::create(b, x); })
      .Case<SoftplusOp>([&](auto) { return f.softplus(x); })
      .Case<SoftsignOp>([&](auto) { return f.softsign(x); })
      .Case<SqrtOp>([&](auto) { return math::SqrtOp::create(b, x); })
      .Case<TanOp>([&](auto) { return math::TanOp::create(b, x); })
      .Case<TanhOp>([&](auto) { return math::TanhOp::create(b, x); })
      .Case<GeluOp>([&](GeluOp gelu) {
        return gelu.getApproximate() == GeluApproximation::Tanh ? f.geluTanh(x) : f.gelu(x);
      })
      .Case<LeakyReluOp>(
          [&](LeakyReluOp relu) { return f.leakyRelu(x, relu.getAlpha().convertToDouble()); })
      .Case<EluOp>([&](EluOp elu) { return f.elu(x, elu.getAlpha().convertToDouble()); })
      .Case<HardSigmoidOp>([&](HardSigmoidOp hard) {
        return f.hardSigmoid(x, hard.getAlpha().convertToDouble(),
                             hard.getBeta().convertToDouble());
      })
      .Case<CastOp>(
          [&](CastOp cast) { return b.convert(x, element, getElement(cast.getResult())); })
      .Default([](Operation *) { return Value(); });
}

Value compress::emitElementwise(ScalarBuilder &b, Operation *op, ValueRange elements) {
  Type element = getElement(op->getOperand(0));
  if (Value result = emitUnary(b, op, elements[0], element))
    return result;
  auto isLess = [&](unsigned x, unsigned y) { return b.less(elements[x], elements[y], element); };
  auto isAtMost = [&](unsigned x, unsigned y) {
    return b.lessEqual(elements[x], elements[y], element);
  };
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<AddOp>([&](auto) { return b.add(elements[0], elements[1]); })
      .Case<SubOp>([&](auto) { return b.sub(elements[0], elements[1]); })
      .Case<MulOp>([&](auto) { return b.mul(elements[0], elements[1]); })
      .Case<DivOp>([&](auto) {
        if (!isa<FloatType>(elements[1].getType()))
          LoweringContext::check(b, b.getLoc(),
                                 arith::CmpIOp::create(b, arith::CmpIPredicate::ne, elements[1],
                                                       b.integer(elements[1].getType(), 0)),
                                 "integer division by zero");
        return b.div(elements[0], elements[1], element);
      })
      .Case<MaxOp>([&](auto) { return b.max(elements[0], elements[1], element); })
      .Case<MinOp>([&](auto) { return b.min(elements[0], elements[1], element); })
      .Case<PowOp>([&](PowOp pow) {
        return emitPower(b, elements[0], elements[1], element, getSplat(pow.getRhs()));
      })
      .Case<PReluOp>([&](auto) { return emitPRelu(b, elements[0], elements[1], element); })
      .Case<EqualOp>([&](auto) { return b.equal(elements[0], elements[1]); })
      .Case<GreaterOp>([&](auto) { return isLess(1, 0); })
      .Case<GreaterEqualOp>([&](auto) { return isAtMost(1, 0); })
      .Case<LessOp>([&](auto) { return isLess(0, 1); })
      .Case<LessEqualOp>([&](auto) { return isAtMost(0, 1); })
      .Case<AndOp>([&](auto) { return arith::AndIOp::create(b, elements[0], elements[1]); })
      .Case<OrOp>([&](auto) { return arith::OrIOp::create(b, elements[0], elements[1]); })
      .Case<XorOp>([&](auto) { return arith::XOrIOp::create(b, elements[0], elements[1]); })
      .Case<WhereOp>([&](auto) { return b.select(elements[0], elements[1], elements[2]); })
      .Case<ClipOp>([&](ClipOp clip) { return emitClip(b, clip, elements); })
      .Default([](Operation *) { return Value(); });
}
