//===- CompressTypes.h - types of the compress dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSTYPES_H
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSTYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Types.h"

#define GET_TYPEDEF_CLASSES
#include "compress/Dialect/Compress/IR/CompressTypes.h.inc"

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSTYPES_H
