//===- DataType.cpp - element types across MLIR, ONNX and safetensors -----===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One table row per element type; every function reads the table. The two
// functions that need MLIR types are in lib/Dialect/Compress/IR.
//
//===----------------------------------------------------------------------===//

#include "compress/Support/DataType.h"

#include <cassert>
#include <iterator>
#include <limits>

using namespace mlir::compress;

namespace {
struct TypeInfo {
  DataType type;
  DataTypeClass kind;
  unsigned bits;
  const char *name;
  int onnxId;
  /// "" when safetensors cannot hold the type.
  const char *safetensorsName;
};
} // namespace

static constexpr DataTypeClass kFloat = DataTypeClass::Float;
static constexpr DataTypeClass kSigned = DataTypeClass::Signed;
static constexpr DataTypeClass kUnsigned = DataTypeClass::Unsigned;
static constexpr DataTypeClass kComplex = DataTypeClass::Complex;

/// In the order of the enumeration. The first row with a safetensors name is
/// the one that name is read as, so "U8" rows of sub-byte types are skipped by
/// `getDataTypeOfSafetensorsName`.
static constexpr TypeInfo kTypes[] = {
    {DataType::F64, kFloat, 64, "f64", 11, "F64"},
    {DataType::F32, kFloat, 32, "f32", 1, "F32"},
    {DataType::F16, kFloat, 16, "f16", 10, "F16"},
    {DataType::BF16, kFloat, 16, "bf16", 16, "BF16"},
    {DataType::F8E4M3FN, kFloat, 8, "f8E4M3FN", 17, "F8_E4M3"},
    {DataType::F8E4M3FNUZ, kFloat, 8, "f8E4M3FNUZ", 18, ""},
    {DataType::F8E5M2, kFloat, 8, "f8E5M2", 19, "F8_E5M2"},
    {DataType::F8E5M2FNUZ, kFloat, 8, "f8E5M2FNUZ", 20, ""},
    {DataType::F8E8M0FNU, kFloat, 8, "f8E8M0FNU", 24, "F8_E8M0"},
    {DataType::F6E2M3FN, kFloat, 6, "f6E2M3FN", 27, "U8"},
    {DataType::F6E3M2FN, kFloat, 6, "f6E3M2FN", 28, "U8"},
    {DataType::F4E2M1FN, kFloat, 4, "f4E2M1FN", 23, "U8"},
    {DataType::I64, kSigned, 64, "i64", 7, "I64"},
    {DataType::I32, kSigned, 32, "i32", 6, "I32"},
    {DataType::I16, kSigned, 16, "i16", 5, "I16"},
    {DataType::I8, kSigned, 8, "i8", 3, "I8"},
    {DataType::I6, kSigned, 6, "i6", 0, "U8"},
    {DataType::I4, kSigned, 4, "i4", 22, "U8"},
    {DataType::I3, kSigned, 3, "i3", 0, "U8"},
    {DataType::I2, kSigned, 2, "i2", 26, "U8"},
    {DataType::U64, kUnsigned, 64, "ui64", 13, "U64"},
    {DataType::U32, kUnsigned, 32, "ui32", 12, "U32"},
    {DataType::U16, kUnsigned, 16, "ui16", 4, "U16"},
    {DataType::U8, kUnsigned, 8, "ui8", 2, "U8"},
    {DataType::U7, kUnsigned, 7, "ui7", 0, "U8"},
    {DataType::U6, kUnsigned, 6, "ui6", 0, "U8"},
    {DataType::U5, kUnsigned, 5, "ui5", 0, "U8"},
    {DataType::U4, kUnsigned, 4, "ui4", 21, "U8"},
    {DataType::U3, kUnsigned, 3, "ui3", 0, "U8"},
    {DataType::U2, kUnsigned, 2, "ui2", 25, "U8"},
    {DataType::U1, kUnsigned, 1, "ui1", 0, "U8"},
    {DataType::Bool, DataTypeClass::Bool, 1, "i1", 9, "BOOL"},
    {DataType::Complex64, kComplex, 64, "complex<f32>", 14, "C64"},
    {DataType::Complex128, kComplex, 128, "complex<f64>", 15, ""},
    {DataType::String, DataTypeClass::String, 0, "string", 8, ""},
};

/// The table is indexed by the enumeration; this catches a row out of order.
static constexpr bool isTableInEnumOrder() {
  for (size_t i = 0; i < std::size(kTypes); ++i)
    if (static_cast<size_t>(kTypes[i].type) != i)
      return false;
  return std::size(kTypes) == static_cast<size_t>(DataType::String) + 1;
}
static_assert(isTableInEnumOrder(), "kTypes must list every DataType in order");

static const TypeInfo &getInfo(DataType type) {
  assert(static_cast<size_t>(type) < std::size(kTypes) && "not a DataType");
  return kTypes[static_cast<size_t>(type)];
}

unsigned mlir::compress::getBitWidth(DataType type) { return getInfo(type).bits; }

unsigned mlir::compress::getStorageBitWidth(DataType type) {
  return type == DataType::Bool ? 8 : getInfo(type).bits;
}

std::optional<uint64_t> mlir::compress::getStorageBytes(DataType type, uint64_t numElements) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (numElements > kMax)
    return std::nullopt;
  uint64_t bits = getStorageBitWidth(type);
  // Whole bytes first, so that only the result, not the bit count, must fit.
  uint64_t wholeBytes = bits / 8, restBits = bits % 8;
  if (wholeBytes != 0 && numElements > kMax / wholeBytes)
    return std::nullopt;
  // numElements * restBits / 8, rounded up, without overflow.
  uint64_t rest = numElements / 8 * restBits + (numElements % 8 * restBits + 7) / 8;
  uint64_t bytes = numElements * wholeBytes;
  if (bytes > kMax - rest)
    return std::nullopt;
  return bytes + rest;
}

DataTypeClass mlir::compress::getClass(DataType type) { return getInfo(type).kind; }

llvm::StringRef mlir::compress::getName(DataType type) { return getInfo(type).name; }

std::optional<DataType> mlir::compress::parseDataType(llvm::StringRef mlirName) {
  for (const TypeInfo &info : kTypes)
    if (mlirName == info.name)
      return info.type;
  return std::nullopt;
}

int mlir::compress::getOnnxId(DataType type) { return getInfo(type).onnxId; }

std::optional<DataType> mlir::compress::getDataTypeOfOnnxId(int64_t id) {
  if (id <= 0)
    return std::nullopt;
  for (const TypeInfo &info : kTypes)
    if (id == info.onnxId)
      return info.type;
  return std::nullopt;
}

llvm::StringRef mlir::compress::getSafetensorsName(DataType type) {
  return getInfo(type).safetensorsName;
}

std::optional<DataType> mlir::compress::getDataTypeOfSafetensorsName(llvm::StringRef name) {
  if (name.empty())
    return std::nullopt;
  for (const TypeInfo &info : kTypes)
    if (getStorageBitWidth(info.type) >= 8 && name == info.safetensorsName)
      return info.type;
  return std::nullopt;
}

int64_t mlir::compress::getMinInt(DataType type) {
  const TypeInfo &info = getInfo(type);
  if (info.kind != DataTypeClass::Signed)
    return 0;
  // All ones from the sign bit up: the two's complement minimum, also for 64 bits.
  return static_cast<int64_t>(~uint64_t(0) << (info.bits - 1));
}

uint64_t mlir::compress::getMaxInt(DataType type) {
  const TypeInfo &info = getInfo(type);
  switch (info.kind) {
  case DataTypeClass::Signed:
    return (uint64_t(1) << (info.bits - 1)) - 1;
  case DataTypeClass::Unsigned:
    return info.bits == 64 ? ~uint64_t(0) : (uint64_t(1) << info.bits) - 1;
  case DataTypeClass::Bool:
    return 1;
  case DataTypeClass::Float:
  case DataTypeClass::Complex:
  case DataTypeClass::String:
    return 0;
  }
  return 0;
}
