//===- CalibrateOptions.h - command line of compress-calibrate -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_CALIBRATE_CALIBRATEOPTIONS_H
#define COMPRESS_TOOLS_COMPRESS_CALIBRATE_CALIBRATEOPTIONS_H

#include "compress/Calibration/Calibration.h"
#include "compress/Support/Progress.h"
#include <string>

namespace mlir {
namespace compress {

/// What the command line says.
struct CalibrateOptions {
  std::string model, data, output;
  uint64_t samples = 0, batch = 0, memoryLimit = 0;
  Progress::Mode progress = Progress::Mode::Plain;
  CalibrationOptions calibration;

  /// Parses and checks; an exit code after a message if something is wrong, else 0.
  int parse(int argc, char **argv);
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TOOLS_COMPRESS_CALIBRATE_CALIBRATEOPTIONS_H
