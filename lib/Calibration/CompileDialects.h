//===- CompileDialects.h - what passes that compile depend on -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_COMPILEDIALECTS_H
#define COMPRESS_LIB_CALIBRATION_COMPILEDIALECTS_H

#include "mlir/IR/DialectRegistry.h"

namespace mlir {
namespace compress {

/// Adds all that compiling a model needs to the dialects that a pass depends on, so that nothing is
/// loaded while passes run.
void addCompileDialects(DialectRegistry &registry);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_COMPILEDIALECTS_H
