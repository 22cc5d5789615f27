//===- Search.cpp - kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

using namespace mlir;
using namespace mlir::compress;

void compress::populateSearchPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                      RewritePatternSet &patterns) {}
