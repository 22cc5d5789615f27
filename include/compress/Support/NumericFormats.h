//===- NumericFormats.h - bit-exact number formats --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scalar conversions between `double` and the float formats of `DataType`, and
// packing of sub-byte codes. Rounding is written out, so that the result does
// not depend on the machine or its rounding mode.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_NUMERICFORMATS_H
#define COMPRESS_SUPPORT_NUMERICFORMATS_H

#include "compress/Support/DataType.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace mlir {
namespace compress {

/// Value of the code `bits` (low `getBitWidth(type)` bits are read) of a float
/// type. Exact: every float type of `DataType` is a subset of `double`.
double decodeFloat(DataType type, uint64_t bits);

/// How `encodeFloat` rounds to `F8E8M0FNU`. All other types round to the
/// nearest value, ties to even.
enum class E8M0Rounding : uint8_t { Nearest, Up, Down };

/// Code of the value of float type `type` nearest to `value`, ties to even, as
/// in ONNX `Cast`:
/// - `F64`, `F32`, `F16`, `BF16`: IEEE; overflow is infinity.
/// - f8 types, `saturate`: overflow and infinities become the largest finite
///   value; otherwise they become infinity, or NaN where the type has none.
/// - f6 and f4 types always saturate, and NaN, which they lack, becomes -0 (as
///   in the ONNX reference implementation).
/// - `F8E8M0FNU` holds powers of two only and has no sign: the magnitude is
///   stored, rounded as `rounding` says (`Nearest`: ties up). Zero and other
///   magnitudes out of range become the nearest finite value with `saturate`,
///   and NaN otherwise.
/// A negative zero becomes zero in the FNUZ types.
uint64_t encodeFloat(DataType type, double value, bool saturate = true,
                     E8M0Rounding rounding = E8M0Rounding::Nearest);

/// Nearest value of `type` to `value`, that is decode(encode(value)).
double roundToType(DataType type, double value);

/// Largest finite value of a float type.
double getMaxFinite(DataType type);

/// `value` converted to an integer type (or `Bool`: not equal to zero). ONNX
/// leaves values out of range open; this does what a C cast does on x86-64 (and
/// onnxruntime for signed types): truncated toward zero as by `cvttsd2si`, that
/// is the smallest `I32` or `I64` for NaN and values out of range of those; all
/// narrower types are the low bits of the 32-bit result; `U32` the low bits of
/// the 64-bit result; `U64` above 2^63 is exact, and otherwise the bits of the
/// 64-bit result.
int64_t convertFloatToInt(DataType type, double value);

/// Low `getBitWidth(type)` bits of `value`, sign-extended for signed types and
/// zero-extended for the others. `type` must be an integer type or `Bool` (for
/// which any non-zero value is 1).
int64_t wrapToType(DataType type, int64_t value);

/// Reads element `index` of packed storage (`getStorageBitWidth` bits per
/// element, low bits first, as `WeightStore` and ONNX store it), sign- or
/// zero-extended for integers and `Bool`; float codes are zero-extended.
/// Elements must be at most 8 bits wide and inside `packed`.
int64_t readPacked(DataType type, llvm::ArrayRef<char> packed, uint64_t index);

/// Writes the low bits of `code` as element `index` of packed storage, leaving
/// the other bits alone. Same limits as `readPacked`.
void writePacked(DataType type, llvm::MutableArrayRef<char> packed, uint64_t index, int64_t code);

/// Same, for fields of `width` bits (1 to 8) that start at any bit; returns the
/// zero-extended field. Bitmaps have `width` 1.
unsigned readBits(llvm::ArrayRef<char> packed, uint64_t bitOffset, unsigned width);
void writeBits(llvm::MutableArrayRef<char> packed, uint64_t bitOffset, unsigned width,
               unsigned value);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_SUPPORT_NUMERICFORMATS_H
