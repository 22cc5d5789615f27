//===- Elementwise.h - element-wise reference operations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// NumPy broadcasting; operands of one type unless said otherwise. Float results
// of f32 and narrower types are computed in double and rounded once. Integers
// are computed in wrapping 64-bit arithmetic and truncated to their width.
// Every function returns an error that names what it expected and found.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_ELEMENTWISE_H
#define COMPRESS_REFERENCE_ELEMENTWISE_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// Float types only; the result has the type of `x`.
llvm::Expected<Tensor> exp(const Tensor &x);
llvm::Expected<Tensor> log(const Tensor &x);
llvm::Expected<Tensor> sqrt(const Tensor &x);
llvm::Expected<Tensor> reciprocal(const Tensor &x);
llvm::Expected<Tensor> sin(const Tensor &x);
llvm::Expected<Tensor> cos(const Tensor &x);
llvm::Expected<Tensor> tan(const Tensor &x);
llvm::Expected<Tensor> asin(const Tensor &x);
llvm::Expected<Tensor> acos(const Tensor &x);
llvm::Expected<Tensor> atan(const Tensor &x);
llvm::Expected<Tensor> sinh(const Tensor &x);
llvm::Expected<Tensor> cosh(const Tensor &x);
llvm::Expected<Tensor> tanh(const Tensor &x);
llvm::Expected<Tensor> asinh(const Tensor &x);
llvm::Expected<Tensor> acosh(const Tensor &x);
llvm::Expected<Tensor> atanh(const Tensor &x);
llvm::Expected<Tensor> floor(const Tensor &x);
llvm::Expected<Tensor> ceil(const Tensor &x);
/// To the nearest integer, ties to even.
llvm::Expected<Tensor> round(const Tensor &x);
/// 1 / (1 + exp(-x)).
llvm::Expected<Tensor> sigmoid(const Tensor &x);
/// x / 2 * (1 + erf(x / sqrt(2))), or with `useTanh` (the ONNX approximation
/// "tanh") x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
llvm::Expected<Tensor> gelu(const Tensor &x, bool useTanh = false);
/// x * sigmoid(x).
llvm::Expected<Tensor> silu(const Tensor &x);
/// log(1 + exp(x)).
llvm::Expected<Tensor> softplus(const Tensor &x);
/// x / (1 + |x|).
llvm::Expected<Tensor> softsign(const Tensor &x);
/// x where x >= 0, else alpha * (exp(x) - 1).
llvm::Expected<Tensor> elu(const Tensor &x, double alpha = 1.0);
/// gamma * (x where x > 0, else alpha * (exp(x) - 1)).
llvm::Expected<Tensor> selu(const Tensor &x, double alpha = 1.67326319217681884765625,
                            double gamma = 1.05070102214813232421875);
/// x where x >= 0, else alpha * x.
llvm::Expected<Tensor> leakyRelu(const Tensor &x, double alpha);
/// max(0, min(1, alpha * x + beta)).
llvm::Expected<Tensor> hardSigmoid(const Tensor &x, double alpha, double beta);
/// x * hardSigmoid(x, 1/6, 0.5).
llvm::Expected<Tensor> hardSwish(const Tensor &x);
/// x * tanh(softplus(x)).
llvm::Expected<Tensor> mish(const Tensor &x);
/// max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).
llvm::Expected<Tensor> celu(const Tensor &x, double alpha = 1.0);
/// x where x > alpha, else 0.
llvm::Expected<Tensor> thresholdedRelu(const Tensor &x, double alpha = 1.0);

/// Float and integer types (integer results are truncated).
llvm::Expected<Tensor> erf(const Tensor &x);

/// Float and integer types. `abs` and `neg` of the smallest integer wrap; `neg`
/// of an unsigned type wraps; `sign` is -1, 0, 1 (NaN stays NaN); `relu`
/// propagates NaN.
llvm::Expected<Tensor> abs(const Tensor &x);
llvm::Expected<Tensor> neg(const Tensor &x);
llvm::Expected<Tensor> sign(const Tensor &x);
llvm::Expected<Tensor> relu(const Tensor &x);

/// Float types to `Bool`.
llvm::Expected<Tensor> isNan(const Tensor &x);
llvm::Expected<Tensor> isInf(const Tensor &x, bool detectNegative = true,
                             bool detectPositive = true);

/// `Bool` only; `bitwiseNot` integers only.
llvm::Expected<Tensor> logicalNot(const Tensor &x);
llvm::Expected<Tensor> bitwiseNot(const Tensor &x);

/// How `cast` treats values that the target cannot hold.
struct CastOptions {
  /// f8 targets: saturate, or overflow to infinity / NaN (ONNX `saturate`).
  bool saturate = true;
  /// f8E8M0FNU targets round by magnitude; ONNX `round_mode` has the default up.
  bool e8m0RoundUp = true;
  /// Takes precedence over `e8m0RoundUp`: toward zero.
  bool e8m0RoundDown = false;
};

/// ONNX Cast. Float to integer truncates (see `convertFloatToInt` for values
/// out of range); integers keep their low bits; anything to `Bool` is "not
/// zero" (NaN is true). `String` to numbers parses decimal text, "NaN" and
/// "INF"; integers and `Bool` to `String` print decimal text ("0", "1"); floats
/// print the shortest text that reads back the same in `%g` form. Complex types
/// only to themselves.
llvm::Expected<Tensor> cast(const Tensor &x, DataType type, const CastOptions &options = {});

/// Float and integer types. Integer division truncates toward zero, by zero is
/// an error. `max` and `min` propagate NaN.
llvm::Expected<Tensor> add(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> sub(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> mul(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> div(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> max(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> min(const Tensor &a, const Tensor &b);

/// Remainder with the sign of the divisor (ONNX `fmod=0`), or with `fmod` of
/// the dividend (C's `fmod`). An integer modulo zero is an error.
llvm::Expected<Tensor> mod(const Tensor &a, const Tensor &b, bool fmod = false);

/// The exponent may have another numeric type; the result has the type of `a`.
/// Integer bases with integer exponents wrap; with a negative exponent they are
/// truncated to an integer, and a zero base is an error.
llvm::Expected<Tensor> pow(const Tensor &a, const Tensor &b);

/// `x` where x >= 0, else `slope * x`; `slope` broadcasts to `x`.
llvm::Expected<Tensor> prelu(const Tensor &x, const Tensor &slope);

/// `Bool`.
llvm::Expected<Tensor> logicalAnd(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> logicalOr(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> logicalXor(const Tensor &a, const Tensor &b);

/// Integers.
llvm::Expected<Tensor> bitwiseAnd(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> bitwiseOr(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> bitwiseXor(const Tensor &a, const Tensor &b);
/// Shifts; right shifts of signed types are arithmetic. An amount that is
/// negative or at least the width gives what shifting one by one would: 0 or
/// the sign; negative amounts are an error.
llvm::Expected<Tensor> shiftLeft(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> shiftRight(const Tensor &a, const Tensor &b);

/// `Bool` results. Float, integer, and for `equal` also `Bool` and `String`
/// operands. Comparisons with NaN are false.
llvm::Expected<Tensor> equal(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> less(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> lessEqual(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> greater(const Tensor &a, const Tensor &b);
llvm::Expected<Tensor> greaterEqual(const Tensor &a, const Tensor &b);

/// `condition ? a : b` with broadcasting of all three; `condition` is `Bool`,
/// `a` and `b` have one type of any kind.
llvm::Expected<Tensor> where(const Tensor &condition, const Tensor &a, const Tensor &b);

/// min(max(x, lower), upper), each bound a one-element tensor of the type of
/// `x`, or null. When lower > upper every element is `upper`. NaN stays.
llvm::Expected<Tensor> clip(const Tensor &x, const Tensor *lower, const Tensor *upper);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_ELEMENTWISE_H
