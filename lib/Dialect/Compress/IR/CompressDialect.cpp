//===- CompressDialect.cpp - the compress dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Reference/Reference.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

#include "compress/Dialect/Compress/IR/CompressDialect.cpp.inc"
#include "compress/Dialect/Compress/IR/CompressInterfaces.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "compress/Dialect/Compress/IR/CompressTypes.cpp.inc"

namespace {
/// Everything in the dialect may be inlined: ops have no hidden state, and loads name module-level
/// symbols.
struct CompressInlinerInterface : public DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Operation *, bool) const final { return true; }
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final { return true; }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final { return true; }
};
} // namespace

void CompressDialect::initialize() {
  fileCache = std::make_shared<WeightFileCache>();
  registerOperations();
  addTypes<
#define GET_TYPEDEF_LIST
#include "compress/Dialect/Compress/IR/CompressTypes.cpp.inc"
      >();
  registerAttributes();
  addInterfaces<CompressInlinerInterface>();
}

Operation *CompressDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                                Location loc) {
  if (isa<NoneType>(type))
    return NoneOp::create(builder, loc, type);
  auto elements = dyn_cast<DenseElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, type, elements);
}
