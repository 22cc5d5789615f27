//===- Passes.h - passes on imported ONNX graphs ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_PASSES_H
#define COMPRESS_TARGET_ONNX_PASSES_H

#include "mlir/Pass/Pass.h"
#include <memory>
#include <string>

namespace mlir {
class ModuleOp;
namespace compress::onnx {

#define GEN_PASS_DECL
#include "compress/Target/ONNX/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compress/Target/ONNX/Passes.h.inc"

} // namespace compress::onnx
} // namespace mlir

#endif // COMPRESS_TARGET_ONNX_PASSES_H
