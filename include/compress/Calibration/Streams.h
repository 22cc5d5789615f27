//===- Streams.h - values between the blocks of a network --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CALIBRATION_STREAMS_H
#define COMPRESS_CALIBRATION_STREAMS_H

#include "compress/Calibration/Calibration.h"

namespace mlir {
namespace compress {

/// Runs `module` (normalised; it stays as it is) over all samples and sets, for every function with
/// residual blocks (compress/Analysis/ResidualBlocks.h), what the values before and after them are
/// to each other in `statistics`. A vector is what lies along the last dim, or along dim 1 in
/// blocks with convolutions. Memory holds these values of one sample at a time. Of `options`,
/// `threads`, `dims` and `progress` count. Errors: no function with blocks, what `Session` reports,
/// samples that do not fit. A function that no sample reached has an entry with 0 vectors, and a
/// warning.
llvm::Error collectStreams(ModuleOp module, const CalibrationData &data,
                           const CalibrationOptions &options, Statistics &statistics);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CALIBRATION_STREAMS_H
