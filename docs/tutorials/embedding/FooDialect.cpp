//===- FooDialect.cpp - the host's own dialect ----------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FooDialect.h"

#include "FooDialect.cpp.inc"
#define GET_OP_CLASSES
#include "FooOps.cpp.inc"

void foo::FooDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "FooOps.cpp.inc"
      >();
}
