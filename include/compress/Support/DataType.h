//===- DataType.h - element types across MLIR, ONNX and safetensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One enumeration of the element types that a weight or an activation can have,
// with its names in the three worlds the project touches: MLIR types, ONNX
// `TensorProto.DataType` ids and safetensors dtype strings.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_DATATYPE_H
#define COMPRESS_SUPPORT_DATATYPE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace mlir {
class MLIRContext;
class Type;

namespace compress {

/// Element type of a tensor. Unsigned and signless-signed integers are kept
/// apart (`ui8` and `i8` in MLIR); `Bool` is `i1`.
enum class DataType : uint8_t {
  F64,
  F32,
  F16,
  BF16,
  F8E4M3FN,
  F8E4M3FNUZ,
  F8E5M2,
  F8E5M2FNUZ,
  F8E8M0FNU,
  F6E2M3FN,
  F6E3M2FN,
  F4E2M1FN,
  I64,
  I32,
  I16,
  I8,
  I6,
  I4,
  I3,
  I2,
  U64,
  U32,
  U16,
  U8,
  U7,
  U6,
  U5,
  U4,
  U3,
  U2,
  U1,
  Bool,
  Complex64,
  Complex128,
  String,
};

/// How the bits of an element type are read.
enum class DataTypeClass : uint8_t { Float, Signed, Unsigned, Bool, Complex, String };

/// Width of one element in bits as MLIR counts it (`Bool` is 1, `String` 0).
unsigned getBitWidth(DataType type);

/// Width of one element in bits as *stored* by `WeightStore`: like
/// `getBitWidth`, but 8 for `Bool`. Sub-byte types are packed low bits first
/// over the flattened tensor, the last byte padded with zeros (ONNX order).
unsigned getStorageBitWidth(DataType type);

/// Bytes that `numElements` elements of `type` take when stored (see
/// `getStorageBitWidth`), or nothing if the count overflows 63 bits.
std::optional<uint64_t> getStorageBytes(DataType type, uint64_t numElements);

/// Float, signed, unsigned, ...
DataTypeClass getClass(DataType type);
inline bool isFloat(DataType t) { return getClass(t) == DataTypeClass::Float; }
inline bool isSigned(DataType t) { return getClass(t) == DataTypeClass::Signed; }
inline bool isUnsigned(DataType t) { return getClass(t) == DataTypeClass::Unsigned; }
inline bool isInteger(DataType t) { return isSigned(t) || isUnsigned(t); }

/// Name as MLIR prints it: `f32`, `i4`, `ui8`, `i1` (bool), `f8E4M3FN`, `complex<f32>`, `string`.
llvm::StringRef getName(DataType type);
std::optional<DataType> parseDataType(llvm::StringRef mlirName);

/// `onnx.TensorProto.DataType` id (FLOAT = 1 ...), or 0 when ONNX has none (i3, i6, ...).
int getOnnxId(DataType type);
std::optional<DataType> getDataTypeOfOnnxId(int64_t id);

/// safetensors dtype string ("F32", "BF16", "I8", "U8", "BOOL", "F8_E4M3", ...)
/// or "" when the format has none; sub-byte types are stored as packed "U8".
llvm::StringRef getSafetensorsName(DataType type);
std::optional<DataType> getDataTypeOfSafetensorsName(llvm::StringRef name);

/// Corresponding MLIR element type; `String` is `!compress.string`.
Type getElementType(DataType type, MLIRContext *context);
/// Inverse of `getElementType`; nothing for types that are no element type of ours.
std::optional<DataType> getDataType(Type elementType);

/// Smallest and largest code of an integer type, for example [-8, 7] for i4.
int64_t getMinInt(DataType type);
uint64_t getMaxInt(DataType type);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_SUPPORT_DATATYPE_H
