//===- FooDialect.h - the host's own dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FOO_FOODIALECT_H
#define FOO_FOODIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "FooDialect.h.inc"
#define GET_OP_CLASSES
#include "FooOps.h.inc"

namespace foo {
/// Attaches the interfaces of compress to the ops of this dialect (CompressInterfaces.cpp).
void registerCompressInterfaces(mlir::DialectRegistry &registry);
} // namespace foo

#endif // FOO_FOODIALECT_H
