//===- Passes.h - passes that run the model --------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CALIBRATION_PASSES_H
#define COMPRESS_CALIBRATION_PASSES_H

#include "mlir/Pass/Pass.h"
#include <memory>
#include <string>

namespace mlir {
namespace compress {

#define GEN_PASS_DECL
#include "compress/Calibration/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "compress/Calibration/Passes.h.inc"

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CALIBRATION_PASSES_H
