//===- CompressOps.cpp - generated op definitions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Reference.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Custom syntax
//===----------------------------------------------------------------------===//

static ParseResult parseSymbolNameAndVisibility(OpAsmParser &parser, StringAttr &name,
                                                StringAttr &visibility) {
  StringRef keyword;
  if (succeeded(parser.parseOptionalKeyword(&keyword, {"public", "private", "nested"})))
    visibility = parser.getBuilder().getStringAttr(keyword);
  return parser.parseSymbolName(name);
}

static void printSymbolNameAndVisibility(OpAsmPrinter &printer, Operation *, StringAttr name,
                                         StringAttr visibility) {
  if (visibility)
    printer << visibility.getValue() << ' ';
  printer.printSymbolName(name.getValue());
}

static ParseResult parseTypedValue(OpAsmParser &parser, TypeAttr &type, Attribute &value) {
  Type parsedType;
  if (parser.parseColonType(parsedType) || parser.parseEqual() ||
      parser.parseAttribute(value, parsedType))
    return failure();
  type = TypeAttr::get(parsedType);
  return success();
}

static void printTypedValue(OpAsmPrinter &printer, Operation *, TypeAttr type, Attribute value) {
  printer << ": " << type.getValue() << " = ";
  printer.printAttributeWithoutType(value);
}

#define GET_OP_CLASSES
#include "compress/Dialect/Compress/IR/CompressOps.cpp.inc"

void CompressDialect::registerOperations() {
  addOperations<
#define GET_OP_LIST
#include "compress/Dialect/Compress/IR/CompressOps.cpp.inc"
      >();
}
