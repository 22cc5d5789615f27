//===- ExpandMath.h - math functions as polynomials -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_MATH_EXPANDMATH_H
#define COMPRESS_MATH_EXPANDMATH_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir {
namespace compress {

/// Rewrites functions of the `math` dialect on f32, scalars and vectors, to arithmetic of `arith`
/// and to `math` ops that are one instruction (fma, absf, copysign, roundeven, sqrt). Scalars and
/// vectors of any length get the same operations without branches, so that results are the same
/// bits for every vector length and every CPU with FMA, and loops over scalars can be vectorised.
///
/// Largest errors in ulp of the exact result, measured on every fifth f32 (powf: on random pairs):
///
///   exp 0.90, exp2 0.92, expm1 1.44, log 0.89, log1p 0.99, tanh 2.83, erf 1.05, sin and cos 1.54,
///   powf 0.51
///
/// Infinities, NaN, -0, overflow and subnormal arguments and results are as in C's functions.
/// sin and cos hold for every finite f32. powf has the special cases of C's powf; constant
/// exponents 0, +-0.5, +-1, 2 and 3 become products and roots (1.5 ulp). Functions on f64 and those
/// that are not named here are left alone; f16 and bf16 are expected to be converted to f32 around
/// the op.
void populateExpandMathPatterns(RewritePatternSet &patterns);

/// exp of f32 numbers that are 0 or less, a scalar or a vector, for softmax: three quarters of the
/// work of `math.exp`, with the same bits where the result is normal; below -87.33 it is 0. NaN
/// stays.
Value emitExpOfNonPositive(ImplicitLocOpBuilder &builder, Value x);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_MATH_EXPANDMATH_H
