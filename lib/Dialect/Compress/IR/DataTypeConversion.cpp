//===- DataTypeConversion.cpp - DataType to and from MLIR types -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of compress/Support/DataType.h that needs MLIR types. Signed integer
// types are signless in MLIR (`i8`), unsigned ones are `ui8`; `si8` and `index`
// are no element types of ours.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressTypes.h"
#include "compress/Support/DataType.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

Type mlir::compress::getElementType(DataType type, MLIRContext *context) {
  switch (type) {
  case DataType::F64:
    return Float64Type::get(context);
  case DataType::F32:
    return Float32Type::get(context);
  case DataType::F16:
    return Float16Type::get(context);
  case DataType::BF16:
    return BFloat16Type::get(context);
  case DataType::F8E4M3FN:
    return Float8E4M3FNType::get(context);
  case DataType::F8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case DataType::F8E5M2:
    return Float8E5M2Type::get(context);
  case DataType::F8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case DataType::F8E8M0FNU:
    return Float8E8M0FNUType::get(context);
  case DataType::F6E2M3FN:
    return Float6E2M3FNType::get(context);
  case DataType::F6E3M2FN:
    return Float6E3M2FNType::get(context);
  case DataType::F4E2M1FN:
    return Float4E2M1FNType::get(context);
  case DataType::Complex64:
    return ComplexType::get(Float32Type::get(context));
  case DataType::Complex128:
    return ComplexType::get(Float64Type::get(context));
  case DataType::String:
    return StringType::get(context);
  default:
    break;
  }
  IntegerType::SignednessSemantics signedness =
      isUnsigned(type) ? IntegerType::Unsigned : IntegerType::Signless;
  return IntegerType::get(context, getBitWidth(type), signedness);
}

/// Type of a signless (`i8`) or unsigned (`ui8`) integer, found by its name.
static std::optional<DataType> getIntegerDataType(IntegerType type) {
  if (type.isSigned())
    return std::nullopt;
  llvm::SmallString<8> name(type.isUnsigned() ? "ui" : "i");
  name += std::to_string(type.getWidth());
  return parseDataType(name);
}

std::optional<DataType> mlir::compress::getDataType(Type elementType) {
  using Result = std::optional<DataType>;
  return llvm::TypeSwitch<Type, Result>(elementType)
      .Case<Float64Type>([](Type) { return DataType::F64; })
      .Case<Float32Type>([](Type) { return DataType::F32; })
      .Case<Float16Type>([](Type) { return DataType::F16; })
      .Case<BFloat16Type>([](Type) { return DataType::BF16; })
      .Case<Float8E4M3FNType>([](Type) { return DataType::F8E4M3FN; })
      .Case<Float8E4M3FNUZType>([](Type) { return DataType::F8E4M3FNUZ; })
      .Case<Float8E5M2Type>([](Type) { return DataType::F8E5M2; })
      .Case<Float8E5M2FNUZType>([](Type) { return DataType::F8E5M2FNUZ; })
      .Case<Float8E8M0FNUType>([](Type) { return DataType::F8E8M0FNU; })
      .Case<Float6E2M3FNType>([](Type) { return DataType::F6E2M3FN; })
      .Case<Float6E3M2FNType>([](Type) { return DataType::F6E3M2FN; })
      .Case<Float4E2M1FNType>([](Type) { return DataType::F4E2M1FN; })
      .Case<StringType>([](Type) { return DataType::String; })
      .Case<IntegerType>([](IntegerType type) { return getIntegerDataType(type); })
      .Case<ComplexType>([](ComplexType type) -> Result {
        if (type.getElementType().isF32())
          return DataType::Complex64;
        if (type.getElementType().isF64())
          return DataType::Complex128;
        return std::nullopt;
      })
      .Default([](Type) -> Result { return std::nullopt; });
}
