//===- IndexCounts.h - how often rows of embeddings are used ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_INDEXCOUNTS_H
#define COMPRESS_LIB_CALIBRATION_INDEXCOUNTS_H

#include "compress/Calibration/Calibration.h"

namespace mlir {
namespace compress {

/// Counts, over all samples, the indices of the embeddings of `module` that look up an input of the
/// model: statistics `counts` of their entries `<op>:input`. Embeddings of computed indices have
/// none. Errors: an index outside the table, which names the sample.
llvm::Error addIndexCounts(ModuleOp module, const CalibrationData &data, Statistics &statistics);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_INDEXCOUNTS_H
