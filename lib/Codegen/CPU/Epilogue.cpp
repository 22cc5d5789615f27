//===- Epilogue.cpp - what a kernel does to its sums before it stores them -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/Epilogue.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::compress;

static StringRef getActivationName(Activation activation) {
  switch (activation) {
  case Activation::None:
    return "";
  case Activation::Relu:
    return "_relu";
  case Activation::Clip:
    return "_clip";
  case Activation::Gelu:
    return "_gelu";
  case Activation::GeluTanh:
    return "_gelutanh";
  case Activation::Silu:
    return "_silu";
  case Activation::Sigmoid:
    return "_sigmoid";
  case Activation::Tanh:
    return "_tanh";
  }
  return "";
}

std::string Epilogue::getName() const {
  std::string name = bias ? "_bias" : "";
  StringRef second = combine == Combine::Add ? "_add" : combine == Combine::Mul ? "_mul" : "";
  if (combineFirst)
    name += second;
  name += getActivationName(activation);
  if (activation == Activation::Clip)
    name += "_" + llvm::utohexstr(llvm::bit_cast<uint32_t>(low)) + "_" +
            llvm::utohexstr(llvm::bit_cast<uint32_t>(high));
  if (!combineFirst)
    name += second;
  return name;
}

std::string Epilogue::getDescription() const {
  std::string description;
  for (char c : getName())
    description += c == '_' ? std::string(", ") : std::string(1, c);
  return description;
}

void EpilogueOperands::addTypes(const Epilogue &epilogue, Type bias, Type output,
                                SmallVectorImpl<Type> &arguments) {
  if (epilogue.bias)
    arguments.push_back(bias);
  if (epilogue.hasOther())
    arguments.push_back(output);
  arguments.push_back(output);
}

EpilogueOperands EpilogueOperands::take(const Epilogue &epilogue, ValueRange arguments) {
  ValueRange last = arguments.take_back(1 + epilogue.bias + epilogue.hasOther());
  EpilogueOperands operands;
  operands.output = last.back();
  if (epilogue.bias)
    operands.bias = last.front();
  if (epilogue.hasOther())
    operands.other = last[epilogue.bias];
  return operands;
}

/// 1 / (1 + exp(-x)).
static Value emitSigmoid(KernelBuilder &b, Value x) {
  Value one = b.splat(x.getType(), 1);
  Value e = b.create<math::ExpOp>(b.create<arith::NegFOp>(x));
  return b.divf(one, b.addf(one, e));
}

Value compress::emitActivation(KernelBuilder &b, const Epilogue &epilogue, Value x) {
  Type type = x.getType();
  switch (epilogue.activation) {
  case Activation::None:
    return x;
  case Activation::Relu:
    return b.create<arith::MaximumFOp>(x, b.splat(type, 0));
  case Activation::Clip:
    // The upper bound counts if they contradict each other.
    return b.create<arith::MinimumFOp>(b.create<arith::MaximumFOp>(x, b.splat(type, epilogue.low)),
                                       b.splat(type, epilogue.high));
  case Activation::Gelu: {
    Value erf = b.create<math::ErfOp>(b.mulf(x, b.splat(type, 0.70710678118654752)));
    Value half = b.mulf(x, b.splat(type, 0.5));
    return b.mulf(half, b.addf(erf, b.splat(type, 1)));
  }
  case Activation::GeluTanh: {
    Value cube = b.mulf(b.mulf(x, x), x);
    Value inner =
        b.mulf(b.fma(b.splat(type, 0.044715), cube, x), b.splat(type, 0.7978845608028654));
    Value tanh = b.create<math::TanhOp>(inner);
    return b.mulf(b.mulf(x, b.splat(type, 0.5)), b.addf(tanh, b.splat(type, 1)));
  }
  case Activation::Silu:
    return b.mulf(x, emitSigmoid(b, x));
  case Activation::Sigmoid:
    return emitSigmoid(b, x);
  case Activation::Tanh:
    return b.create<math::TanhOp>(x);
  }
  return x;
}

static Value combine(KernelBuilder &b, const Epilogue &epilogue, Value x, Value other) {
  return epilogue.combine == Epilogue::Combine::Add ? b.addf(x, other) : b.mulf(x, other);
}

Value compress::emitEpilogue(KernelBuilder &b, const Epilogue &epilogue, Value x, Value bias,
                             Value other) {
  if (epilogue.bias)
    x = b.addf(x, bias);
  bool hasOther = epilogue.hasOther();
  if (hasOther && epilogue.combineFirst)
    x = combine(b, epilogue, x, other);
  x = emitActivation(b, epilogue, x);
  if (hasOther && !epilogue.combineFirst)
    x = combine(b, epilogue, x, other);
  return x;
}
