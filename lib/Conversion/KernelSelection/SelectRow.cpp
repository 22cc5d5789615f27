//===- SelectRow.cpp - kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/KernelSelection.h"

using namespace mlir;
using namespace mlir::compress;

void compress::populateRowKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels) {}
