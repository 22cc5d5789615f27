//===- Passes.h - from linalg on tensors to the LLVM dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_PASSES_H
#define COMPRESS_CODEGEN_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include <memory>

namespace mlir {
namespace compress {

#define GEN_PASS_DECL
#include "compress/Codegen/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compress/Codegen/Passes.h.inc"

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_PASSES_H
