//===- Passes.td - math functions as polynomials and calls -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_MATH_PASSES_TD
#define COMPRESS_MATH_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandMath : Pass<"compress-expand-math"> {
  let summary = "Functions of f32 to arithmetic: exp, log, tanh, erf, sin, cos, powf ...";
  let description = [{
    Rewrites `math.exp`, `exp2`, `expm1`, `log`, `log1p`, `tanh`, `erf`, `sin`, `cos` and `powf` on
    f32, scalars and vectors of fixed size, to `arith` and to `math` ops that are one instruction.
    There are no branches and no calls, and results are the same bits for every vector length and
    every CPU with fused multiply-add. compress/Math/ExpandMath.h has the errors. Other types and
    functions stay.

    (* example filepath=test/Math/expand-math.mlir function=@square *)
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def CallMath : Pass<"compress-call-math", "::mlir::ModuleOp"> {
  let summary = "Functions without instruction or intrinsic to calls of the C library";
  let description = [{
    Rewrites what `compress-expand-math` leaves and LLVM has no intrinsic for, or one that is less
    exact: `math.acosh`, `asinh`, `atanh`, `cbrt`, `erf`, `erfc`, `expm1` and `log1p`.

    (* example filepath=test/Math/call-math.mlir function=@f64 *)
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // COMPRESS_MATH_PASSES_TD
