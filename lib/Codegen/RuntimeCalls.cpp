//===- RuntimeCalls.cpp - calls of the run time from generated code -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuntimeCalls.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;

func::FuncOp mlir::compress::getRuntimeFunction(ModuleOp module, StringRef name,
                                                TypeRange arguments, TypeRange results) {
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  auto function = func::FuncOp::create(builder, module.getLoc(), name,
                                       builder.getFunctionType(arguments, results));
  function.setPrivate();
  return function;
}

Value mlir::compress::createI64(OpBuilder &builder, Location loc, int64_t value) {
  return arith::ConstantOp::create(builder, loc, builder.getI64IntegerAttr(value));
}

Value mlir::compress::createByteSize(OpBuilder &builder, Location loc, ValueRange sizes,
                                     int64_t elementBytes) {
  constexpr int64_t limit = int64_t(1) << 50;
  Value zero = createI64(builder, loc, 0), largest = createI64(builder, loc, limit);
  Value bytes = createI64(builder, loc, std::min(elementBytes, limit));
  for (Value size : sizes) {
    size = arith::MaxSIOp::create(builder, loc, size, zero);
    auto product = arith::MulUIExtendedOp::create(builder, loc, bytes, size);
    Value fits =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, product.getHigh(), zero);
    Value low = arith::MinUIOp::create(builder, loc, product.getLow(), largest);
    bytes = arith::SelectOp::create(builder, loc, fits, low, largest);
  }
  return bytes;
}

Value mlir::compress::createMemRef(OpBuilder &builder, Location loc, MemRefType type, Value pointer,
                                   ValueRange sizes) {
  LLVMTypeConverter converter(builder.getContext());
  Type descriptorType = converter.convertType(type);
  Value descriptor = LLVM::PoisonOp::create(builder, loc, descriptorType);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(builder, loc, descriptor, value, position);
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(createI64(builder, loc, 0), {2});
  Value stride;
  for (int64_t dim = type.getRank(); dim-- > 0;) {
    if (!stride)
      stride = createI64(builder, loc, 1);
    insert(sizes[dim], {3, dim});
    insert(stride, {4, dim});
    if (dim)
      stride = arith::MulIOp::create(builder, loc, stride, sizes[dim]);
  }
  return UnrealizedConversionCastOp::create(builder, loc, type, descriptor).getResult(0);
}

Value mlir::compress::getBasePointer(OpBuilder &builder, Location loc, Value memref) {
  LLVMTypeConverter converter(builder.getContext());
  Type descriptorType = converter.convertType(memref.getType());
  Value descriptor =
      UnrealizedConversionCastOp::create(builder, loc, descriptorType, memref).getResult(0);
  return LLVM::ExtractValueOp::create(builder, loc, descriptor, ArrayRef<int64_t>{0});
}
