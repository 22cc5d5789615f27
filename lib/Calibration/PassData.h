//===- PassData.h - the samples of a pass ------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_PASSDATA_H
#define COMPRESS_LIB_CALIBRATION_PASSDATA_H

#include "compress/Calibration/Calibration.h"
#include "compress/ExecutionEngine/Session.h"

namespace mlir {
namespace compress {

/// Opens what the options `data` and `samples` of the pass `passName` say for the inputs of
/// `module`. Errors: no data, and those of `openCalibrationData`.
inline llvm::Expected<std::unique_ptr<CalibrationData>>
openPassData(ModuleOp module, StringRef passName, StringRef data, uint64_t samples,
             const SessionOptions &options = {}) {
  if (data.empty())
    return llvm::createStringError(passName + ": expects the option 'data'");
  llvm::Expected<std::vector<TensorSpec>> specs = getModelInputs(module, options);
  if (!specs)
    return specs.takeError();
  return openCalibrationData(data, *specs, samples);
}

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_PASSDATA_H
