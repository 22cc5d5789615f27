//===- KernelLibrary.cpp - generated kernels of a module -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/KernelLibrary.h"

using namespace mlir;
using namespace mlir::compress;

func::FuncOp KernelLibrary::getOrCreate(StringRef name, StringRef description,
                                        ArrayRef<Type> arguments,
                                        function_ref<void(KernelBuilder &, ValueRange)> emit) {
  if (auto kernel = symbols.lookup<func::FuncOp>(name))
    return kernel;
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToEnd(module.getBody());
  Location loc = builder.getUnknownLoc();
  auto kernel =
      func::FuncOp::create(builder, loc, name, builder.getFunctionType(arguments, TypeRange()));
  kernel.setPrivate();
  kernel->setAttr(kDescription, builder.getStringAttr(description));
  kernel->setAttr("no_inline", builder.getUnitAttr());
  symbols.insert(kernel);
  Block *body = kernel.addEntryBlock();
  builder.setInsertionPointToStart(body);
  KernelBuilder kernelBuilder(loc, builder, target);
  emit(kernelBuilder, body->getArguments());
  kernelBuilder.create<func::ReturnOp>();
  return kernel;
}

MemRefType compress::getActivationType(ArrayRef<int64_t> shape, Type elementType) {
  SmallVector<int64_t> strides(shape.size(), ShapedType::kDynamic);
  if (!strides.empty())
    strides.back() = 1;
  auto layout =
      StridedLayoutAttr::get(elementType.getContext(), /*offset=*/ShapedType::kDynamic, strides);
  return MemRefType::get(shape, elementType, layout);
}
