//===- CompressAttributes.h - enums and attributes of the compress dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSATTRIBUTES_H
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSATTRIBUTES_H

#include "compress/Recipe/Recipe.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"

#include "compress/Dialect/Compress/IR/CompressEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compress/Dialect/Compress/IR/CompressAttributes.h.inc"

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSATTRIBUTES_H
