//===- ScalarBuilder.h - arithmetic on elements -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCALARBUILDER_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCALARBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <optional>

namespace mlir {
namespace compress {

/// Element types of the model as element types of memory: integers lose their sign (`ui8` is `i8`),
/// integers of less than 8 bits (but not `i1`) get a byte. Floats of 8 bits and less are their
/// codes (`i8`), other floats stay.
Type getStorageElementType(Type type);

/// Emits scalar code with the semantics of lib/Reference. An *element type* is that of the model
/// (`ui4`, `f8E4M3FN`, `f16`); elements lie in memory as `getStorageElementType` and are computed
/// with in `getComputeType`. Widths and signs of integers are those of the element type.
class ScalarBuilder : public ImplicitLocOpBuilder {
public:
  ScalarBuilder(Location loc, OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder) {}

  /// f32 for floats of at most 32 bits, f64, or the integer type of memory.
  static Type getComputeType(Type element);
  /// Whether the scalar code below can compute with elements of this type.
  static bool isSupported(Type element);
  /// Integers without a sign, including bools.
  static bool isUnsigned(Type element) {
    return element.isUnsignedInteger() || element.isInteger(1);
  }

  /// From memory to the compute type, and back (rounds floats, wraps integers of less than 8 bits).
  /// `saturate` is for 8-bit floats only.
  Value load(Value stored, Type element);
  Value store(Value computed, Type element, bool saturate = true, bool roundUpE8M0 = false);

  /// Constants of a compute type.
  Value number(Type type, double value);
  Value integer(Type type, int64_t value);

  /// Element of type `from` as one of type `to`, both in compute types; ONNX Cast except for the
  /// rounding of `store`.
  Value convert(Value computed, Type from, Type to);
  /// As x86's `cvttsd2si` and `reference::convertFloatToInt`, to the compute type of `to`.
  Value floatToInteger(Value value, Type to);
  /// `value`, a float or an integer of type `from`, as f32 or f64.
  Value toFloat(Value value, Type from, Type type);
  /// Keeps the low bits that elements of less than 8 bits have.
  Value wrap(Value value, Type element);

  /// Comparisons: floats are ordered (but `notEqual`); integers by the sign of `element`.
  Value less(Value a, Value b, Type element);
  Value lessEqual(Value a, Value b, Type element);
  Value equal(Value a, Value b);
  Value isNan(Value value);
  Value select(Value condition, Value a, Value b) {
    return arith::SelectOp::create(*this, condition, a, b).getResult();
  }

  /// Arithmetic on one compute type.
  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  /// Toward zero; an integer divisor of zero, which the caller refuses, counts as one.
  Value div(Value a, Value b, Type element);
  /// A NaN operand is the result.
  Value max(Value a, Value b, Type element);
  Value min(Value a, Value b, Type element);
  Value abs(Value value, Type element);

private:
  Value decodeSmallFloat(Value bits, FloatType type);
  Value encodeSmallFloat(Value value, FloatType type, bool saturate, bool roundUpE8M0);
  Value encodeE8M0(Value value, bool saturate, bool roundUp);
  Value roundToOdd(Value value);
  Value roundToBF16(Value value);
  Value truncateTo(Value value, unsigned width);
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_SCALARBUILDER_H
